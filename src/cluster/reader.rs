//! From the files of a bundle to a [`Snapshot`]: each file is decoded or scanned as it streams by, then everything is put together.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use super::assemble::assemble;
use super::blocks::{BLOCK, Blocks};
use super::whereabouts::host_above;
use super::{BundleInfo, Coverage, FileRecord, Snapshot, Treatment};
use crate::bundle::decode::{
    DECODERS, Encoding, ExportedLog, Fact, LogSection, TextFile, Transcoded, Transcript, binary_reason, is_binary,
    may_be_transcript, prompts, reason_unused, to_text, undress,
};
use crate::bundle::layout::{Inventory, detect};
use crate::bundle::{Budget, Limit};
use crate::logs::{ContainerRef, LogFile, LogScan, SignatureSet, Stream, stamp_of, stream_of_unit};
use crate::model::{EntryPath, Problem, ProblemKind};

/// Problems of one file that are kept; what follows the first hundred is of the same kind.
const PROBLEMS_PER_FILE: usize = 100;
/// Blocks that may wait for the scanner.
const BLOCKS_AHEAD: usize = 4;

/// Facts with the file they were read from.
pub(super) struct Located {
    pub(super) path: EntryPath,
    /// The machine that a prompt or a heading above names; empty when none does. It may be no node at all.
    pub(super) host: String,
    pub(super) fact: Fact,
}

/// Reads the files of one bundle, one after another.
pub struct Reader<'s> {
    signatures: &'s SignatureSet,
    alias: Arc<str>,
    facts: Vec<Located>,
    logs: Vec<LogFile>,
    coverage: Coverage,
    inventory: Inventory,
    budget: Budget,
    is_full: bool,
    /// Of a reading for what some logs complain of: the files that hold them. Nothing else is read then.
    mined: Option<BTreeSet<EntryPath>>,
}

impl<'s> Reader<'s> {
    /// A reader for a bundle that citations call `alias`, under the default budget.
    pub fn new(signatures: &'s SignatureSet, alias: &str) -> Self {
        Self {
            signatures,
            alias: alias.into(),
            facts: Vec::new(),
            logs: Vec::new(),
            coverage: Coverage::default(),
            inventory: Inventory::default(),
            budget: Budget::DEFAULT,
            is_full: false,
            mined: None,
        }
    }

    /// The same under another budget.
    pub fn within(self, budget: &Budget) -> Self {
        Self {
            budget: budget.clone(),
            ..self
        }
    }

    /// A reader of nothing but these files' logs, with what they complain of.
    pub(super) fn mining(signatures: &'s SignatureSet, files: BTreeSet<EntryPath>) -> Self {
        Self {
            mined: Some(files),
            ..Self::new(signatures, "")
        }
    }

    /// The logs that were read, in order.
    pub(super) fn into_logs(self) -> Vec<LogFile> {
        self.logs
    }

    /// Reads one file to its end or to what the budget of `content` gives.
    pub fn file(&mut self, path: &EntryPath, content: &mut dyn Read) {
        if self.mined.as_ref().is_some_and(|wanted| !wanted.contains(path)) {
            return;
        }
        let head = self.head(path, content);
        match Encoding::of(&head) {
            Encoding::Utf8 => self.utf8_file(path, head, content),
            wide => {
                let mut text = Transcoded::new(head.as_slice().chain(content), wide);
                let head = self.head(path, &mut text);
                self.utf8_file(path, head, &mut text);
            }
        }
    }

    /// The first bytes, by which a file is judged.
    fn head(&mut self, path: &EntryPath, content: &mut dyn Read) -> Vec<u8> {
        let mut head = Vec::new();
        if let Err(error) = content.take(BLOCK as u64).read_to_end(&mut head) {
            self.damaged(path, &error);
        }
        head
    }

    fn utf8_file(&mut self, path: &EntryPath, head: Vec<u8>, content: &mut dyn Read) {
        self.inventory.note(path, &head);
        if head.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) && head.len() < BLOCK {
            self.record(path, head.len() as u64, Treatment::Empty);
        } else if is_binary(&head) {
            let rest = std::io::copy(content, &mut std::io::sink()).unwrap_or(0);
            self.record(
                path,
                head.len() as u64 + rest,
                Treatment::Ignored(binary_reason(&head).into()),
            );
        } else if head.len() == BLOCK && looks_like_log(&head) && !may_be_transcript(&head) {
            self.stream_log(path, head, content);
        } else {
            self.whole_file(path, head, content);
        }
    }

    /// Notes a problem that arose outside the files: in the archive itself.
    pub fn problem(&mut self, problem: Problem) {
        self.coverage.problems.push(problem);
    }

    /// Puts everything together. `bundle` has what the files do not say of the bundle; its reference time is set here.
    pub fn finish(mut self, bundle: BundleInfo) -> Snapshot {
        self.inventory.set_input(&bundle.input);
        let detected = detect(&self.inventory);
        assemble(bundle, self.facts, self.logs, self.coverage, self.signatures, &detected)
    }

    fn whole_file(&mut self, path: &EntryPath, mut bytes: Vec<u8>, content: &mut dyn Read) {
        let most = self.budget.max_parsed_bytes;
        let room = most.saturating_add(1).saturating_sub(bytes.len() as u64);
        if let Err(error) = content.take(room).read_to_end(&mut bytes) {
            self.damaged(path, &error);
        }
        if bytes.len() as u64 > most {
            self.over(path, Limit::ParsedBytes(most), "it was only scanned as a log");
            self.stream_log(path, bytes, content);
            return;
        }
        let size = bytes.len() as u64;
        let text = undress(to_text(&bytes));
        let budget = self.budget.clone();
        let recording = Transcript::of(&text);
        let inner = recording
            .as_ref()
            .map(|recording| undress(recording.text.as_str().into()));
        let mut file = TextFile::new(self.alias.clone(), path, inner.as_ref().unwrap_or(&text)).within(&budget);
        let mut problems = Vec::new();
        let mut unlisted = 0;
        let mut used = Vec::new();
        let mut log_lines = Vec::new();
        let mut host = String::new();
        let mut line = 0;
        // No output goes on beyond the next command: decoders see the lines up to there and no further.
        let mut ends = prompts(&file);
        if let Some(recording) = &recording {
            file = file.out_of(recording);
            used.push("recording of commands");
            problems.extend(recording.is_cut.then(|| {
                Problem::file(
                    path,
                    ProblemKind::Truncated,
                    "the recording ends in the middle of a record",
                )
            }));
            ends.extend(recording.starts());
            ends.sort_unstable();
        }
        ends.push(file.lines.len());
        let all = std::mem::take(&mut file.lines);
        let mut ends = ends.into_iter();
        loop {
            if line >= file.lines.len() {
                let Some(end) = ends.next() else { break };
                file.lines.extend(all.get(file.lines.len()..end).unwrap_or_default());
                continue;
            }
            if let Some(named) = host_above(file.line(line)) {
                host = named.to_owned();
            }
            let decoders = if is_long_word(file.line(line)) { &[] } else { DECODERS };
            let section = decoders
                .iter()
                .find_map(|decoder| Some((decoder.name, (decoder.decode)(&file, line)?)));
            match section {
                Some((name, section)) => {
                    let end = section.end.max(line + 1).min(file.lines.len());
                    if section.also_log {
                        log_lines.push((line, end));
                    }
                    self.take_section(&file, &host, section.facts);
                    let room = PROBLEMS_PER_FILE.saturating_sub(problems.len());
                    let mut found = section.problems;
                    for problem in &mut found {
                        let index = |line: u64| usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
                        problem.line = problem.line.map(|line| file.number(index(line)));
                    }
                    unlisted += found.len().saturating_sub(room);
                    found.truncate(room);
                    problems.append(&mut found);
                    if !used.contains(&name) {
                        used.push(name);
                    }
                    line = end;
                }
                None => {
                    match log_lines.last_mut() {
                        Some((_, end)) if *end == line => *end = line + 1,
                        _ => log_lines.push((line, line + 1)),
                    }
                    line += 1;
                }
            }
        }
        log_lines.retain(|&(from, to)| (from..to).any(|index| !file.line(index).trim().is_empty()));
        if !log_lines.is_empty() {
            self.scan_lines(&file, Stream::Unknown, &log_lines);
        }
        // What a rule asks for after all is a log, whatever it looks like.
        if used.is_empty()
            && let Some(reason) = reason_unused(&file)
            && self.logs.pop_if(|log| log.hits.is_empty()).is_some()
        {
            self.record(path, size, Treatment::Ignored(reason));
            return;
        }
        self.coverage.problems.append(&mut problems);
        if unlisted > 0 {
            let detail = format!("{unlisted} more problems of this file are not listed");
            self.problem(Problem::file(path, ProblemKind::Unparsed, detail));
        }
        if used.contains(&"cluster-info dump log") && used.contains(&"json") {
            self.inventory.note_dump(path);
        }
        let treatment = if used.is_empty() {
            Treatment::Log
        } else {
            Treatment::Read(used)
        };
        self.record(path, size, treatment);
    }

    fn take_section(&mut self, file: &TextFile<'_>, host: &str, facts: Vec<Fact>) {
        for fact in facts {
            match &fact {
                Fact::LogSection(section) => self.scan_section(file, section),
                Fact::ExportedLog(log) => self.scan_exported(file, log),
                Fact::UnitLog(log) => self.scan_lines(file, stream_of_unit(&log.unit), &[(log.first, log.end)]),
                _ => self.keep(file.path, host, fact),
            }
        }
    }

    fn keep(&mut self, path: &EntryPath, host: &str, fact: Fact) {
        let most = self.budget.max_objects;
        if (self.facts.len() as u64) < most {
            self.facts.push(Located {
                path: path.clone(),
                host: host.to_owned(),
                fact,
            });
        } else if !self.is_full {
            self.is_full = true;
            self.over(path, Limit::Objects(most), "what follows was not kept");
        }
    }

    fn scan_section(&mut self, file: &TextFile<'_>, section: &LogSection) {
        let container = ContainerRef {
            namespace: section.namespace.clone(),
            pod: section.pod.clone(),
            container: section.container.clone(),
            previous: section.previous,
        };
        self.scan_lines(file, Stream::Container(container), &[(section.first, section.end)]);
    }

    /// Scans the lines of one container or unit, which stand between those of others.
    fn scan_exported(&mut self, file: &TextFile<'_>, log: &ExportedLog) {
        let stream = if log.unit.is_empty() {
            Stream::Container(ContainerRef {
                namespace: log.namespace.clone(),
                pod: log.pod.clone(),
                container: log.container.clone(),
                previous: false,
            })
        } else {
            stream_of_unit(&log.unit)
        };
        let mut scan = LogScan::new(self.signatures, file.path.clone(), stream, self.longest_line());
        for (line, text) in &log.lines {
            scan.feed(text, file.number(*line));
        }
        self.logs.push(scan.finish());
    }

    fn scan_lines(&mut self, file: &TextFile<'_>, stream: Stream, ranges: &[(usize, usize)]) {
        let mut scan = self.scan(file.path.clone(), stream);
        if file.recording().is_some() {
            // Lines of one output stand on one line of the file.
            for line in ranges.iter().flat_map(|&(from, to)| from..to) {
                scan.feed(file.line(line), file.number(line));
            }
            self.keep_log(scan.finish());
            return;
        }
        for &(from, to) in ranges {
            let block = file
                .text
                .get(file.offset_of_line(from)..file.offset_of_line(to))
                .unwrap_or("");
            scan.feed(block, from as u64 + 1);
        }
        self.keep_log(scan.finish());
    }

    fn keep_log(&mut self, log: LogFile) {
        if let Some(line) = log.cut_line {
            let limit = Limit::LineBytes(self.budget.max_line_bytes);
            let detail = format!("{limit}: what follows in this and other such lines was not searched");
            self.problem(Problem::file(&log.path, ProblemKind::OverBudget, detail).at_line(line));
        }
        self.logs.push(log);
    }

    fn longest_line(&self) -> usize {
        usize::try_from(self.budget.max_line_bytes).unwrap_or(usize::MAX)
    }

    fn scan(&self, path: EntryPath, stream: Stream) -> LogScan<'s> {
        let scan = LogScan::new(self.signatures, path, stream, self.longest_line());
        if self.mined.is_some() { scan.mining() } else { scan }
    }

    /// Scans a log block by block, each cut at its last line end. Reading (and with it decompressing) goes on while the block before is
    /// scanned, so that one large log uses two processors.
    fn stream_log(&mut self, path: &EntryPath, head: Vec<u8>, content: &mut dyn Read) {
        let mut scan = self.scan(path.clone(), Stream::Unknown);
        let mut blocks = Blocks::new(head, content, self.longest_line(), BLOCK);
        let (log, failure) = std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::sync_channel::<Vec<u8>>(BLOCKS_AHEAD);
            let scanner = scope.spawn(move || {
                let mut next_line = 1;
                for block in receive {
                    scan.feed(&to_text(&block), next_line);
                    next_line += memchr::memchr_iter(b'\n', &block).count() as u64;
                }
                scan.finish()
            });
            let failure = loop {
                match blocks.next() {
                    Ok(Some(block)) => {
                        // The scanner is gone only if it failed.
                        if send.send(block).is_err() {
                            break None;
                        }
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            drop(send);
            (scanner.join(), failure)
        });
        let size = blocks.read();
        match log {
            Ok(log) => self.keep_log(log),
            Err(_) => self.problem(Problem::file(
                path,
                ProblemKind::Unparsed,
                "the log could not be scanned",
            )),
        }
        if let Some(error) = failure {
            self.damaged(path, &error);
        }
        self.record(path, size, Treatment::Log);
    }

    fn damaged(&mut self, path: &EntryPath, error: &std::io::Error) {
        let detail = format!("reading stopped: {error}");
        self.problem(Problem::file(path, ProblemKind::Damaged, detail));
    }

    fn over(&mut self, path: &EntryPath, limit: Limit, consequence: &str) {
        let detail = format!("{limit}: {consequence}");
        self.problem(Problem::file(path, ProblemKind::OverBudget, detail));
    }

    fn record(&mut self, path: &EntryPath, bytes: u64, treatment: Treatment) {
        self.coverage.files.push(FileRecord {
            path: path.clone(),
            bytes,
            treatment,
        });
    }
}

/// True for a line of base64 or the like, with which no section starts: a file may have millions of them, and every decoder is asked at
/// every other line.
fn is_long_word(line: &str) -> bool {
    const LONG: usize = 60;
    line.len() >= LONG
        && line
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_'))
}

/// True when at least half of the first lines carry a time stamp.
fn looks_like_log(head: &[u8]) -> bool {
    let text = to_text(head);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(20).collect();
    lines.iter().filter(|line| stamp_of(line).is_some()).count() * 2 >= lines.len().max(1)
}
