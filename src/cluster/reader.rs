//! From the files of a bundle to a [`Snapshot`]: each file is decoded or scanned as it streams by, then everything is put together.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::TrySendError;

use super::ahead::{Ahead, Waiting};
use super::assemble::assemble;
use super::blocks::{BLOCK, Blocks};
use super::twice::Firsts;
use super::whole::{Context, FileReading};
use super::{BundleInfo, Coverage, Snapshot, Treatment};
use crate::bundle::decode::{
    CommandIndex, Encoding, Fact, Transcoded, binary_reason, has_returns_only, is_binary, may_be_transcript, to_text,
};
use crate::bundle::layout::{Inventory, detect};
use crate::bundle::{Budget, Limit, Link};
use crate::logs::{LogFile, Looked, SignatureSet, Stream, stamp_of};
use crate::model::{EntryPath, Problem, ProblemKind};

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
pub struct Reader<'r, 's> {
    context: Arc<Context<'s>>,
    facts: Vec<Located>,
    firsts: Firsts,
    logs: Vec<LogFile>,
    coverage: Coverage,
    inventory: Inventory,
    commands: CommandIndex,
    is_full: bool,
    ahead: Ahead<'r, 's>,
    /// Of a reading for what some logs complain of: the files that hold them. Nothing else is read then.
    mined: Option<BTreeSet<EntryPath>>,
}

impl<'r, 's> Reader<'r, 's> {
    /// A reader for a bundle that citations call `alias`, under the default budget.
    pub fn new(signatures: &'s SignatureSet, alias: &str) -> Self {
        Self {
            context: Arc::new(Context {
                signatures,
                tried: signatures.tried(),
                alias: alias.into(),
                budget: Budget::DEFAULT,
                mines: false,
            }),
            facts: Vec::new(),
            firsts: Firsts::default(),
            logs: Vec::new(),
            coverage: Coverage::default(),
            inventory: Inventory::default(),
            commands: CommandIndex::default(),
            is_full: false,
            ahead: Ahead::new(None),
            mined: None,
        }
    }

    /// The same under another budget.
    pub fn within(mut self, budget: &Budget) -> Self {
        Arc::make_mut(&mut self.context).budget = budget.clone();
        self
    }

    /// The same with the help of other threads, which decode while this one reads on.
    pub fn helped_by(mut self, helpers: &'r rayon::Scope<'s>) -> Self {
        self.ahead = Ahead::new(Some(helpers));
        self
    }

    /// A reader of nothing but these files' logs, with what they complain of.
    pub(super) fn mining(signatures: &'s SignatureSet, files: BTreeSet<EntryPath>) -> Self {
        let mut reader = Self::new(signatures, "");
        Arc::make_mut(&mut reader.context).mines = true;
        reader.mined = Some(files);
        reader
    }

    /// The logs that were read, in order.
    pub(super) fn into_logs(mut self) -> Vec<LogFile> {
        self.take_back(true);
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
        } else if head.len() == BLOCK && looks_like_log(&head) && !may_be_transcript(&head) && !has_returns_only(&head)
        {
            self.stream_log(path, head, content);
        } else {
            self.whole_file(path, head, content);
        }
    }

    /// Notes a problem that arose outside the files: in the archive itself.
    pub fn problem(&mut self, problem: Problem) {
        self.coverage.problems.push(problem);
    }

    /// Lists the links of a bundle behind its files. What they point to is read where it stands, so that it counts once.
    pub fn links(&mut self, links: &[Link]) {
        if links.is_empty() {
            return;
        }
        self.take_back(true);
        let mut known: BTreeSet<String> = BTreeSet::new();
        for file in &self.coverage.files {
            // A file, and every folder above it.
            let path = file.path.as_str();
            let folders = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
            known.extend(folders.chain([path]).map(str::to_owned));
        }
        for Link { path, target } in links {
            let reason = match target.as_ref().map(EntryPath::as_str) {
                None => "a link to the bundle itself".into(),
                Some(target) if known.contains(target) => format!("a link to {target}, which is read where it stands"),
                Some(target) => format!("a link to {target}, which is not in the bundle"),
            };
            self.record(path, 0, Treatment::Ignored(reason.into()));
        }
    }

    /// Puts everything together. `bundle` has what the files do not say of the bundle; its reference time is set here.
    pub fn finish(mut self, bundle: BundleInfo) -> Snapshot {
        self.take_back(true);
        self.inventory.set_input(&bundle.input);
        let detected = detect(&self.inventory);
        let context = self.context;
        let signatures = (context.signatures, &context.tried);
        assemble(bundle, self.facts, self.logs, self.coverage, signatures, &detected)
    }

    /// Takes in a file that fits into memory. It is decoded later, side by side with others.
    fn whole_file(&mut self, path: &EntryPath, mut bytes: Vec<u8>, content: &mut dyn Read) {
        let most = self.context.budget.max_parsed_bytes;
        let room = most.saturating_add(1).saturating_sub(bytes.len() as u64);
        if let Err(error) = content.take(room).read_to_end(&mut bytes) {
            self.damaged(path, &error);
        }
        if bytes.len() as u64 > most {
            self.over(path, Limit::ParsedBytes(most), "it was only scanned as a log");
            self.stream_log(path, bytes, content);
            return;
        }
        self.commands.note(path, &bytes);
        let command = self.commands.command(path);
        if self.ahead.push(Waiting::Text(path.clone(), bytes, command)) {
            self.take_back(false);
        }
    }

    /// Hands over the files that wait, and keeps what came back of them and of those before: `all`, or as many as must.
    fn take_back(&mut self, all: bool) {
        // One more than are kept shows that there were more.
        let most_facts = self.room().saturating_add(1);
        self.ahead.hand_over(&self.context, most_facts);
        while let Some(readings) = self.ahead.take_back(&self.context, all) {
            for reading in readings {
                self.keep(reading);
            }
        }
    }

    /// How many more facts may be kept.
    fn room(&self) -> usize {
        usize::try_from(self.context.budget.max_objects)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.facts.len())
    }

    fn keep(&mut self, reading: FileReading) {
        let most = self.context.budget.max_objects;
        let room = self.room();
        if reading.facts.len() > room && !self.is_full {
            self.is_full = true;
            let path = &reading.record.path;
            self.over(path, Limit::Objects(most), "what follows was not kept");
        }
        for located in reading.facts.into_iter().take(room) {
            if !self.firsts.has(&self.facts, &located.fact) {
                self.facts.push(located);
            }
        }
        self.logs.extend(reading.logs);
        self.coverage.problems.extend(reading.problems);
        if let Some(layout) = reading.layout {
            self.inventory.note_single(&reading.record.path, layout);
        }
        self.coverage.files.push(reading.record);
    }

    /// Scans a log block by block, each cut at its last line end. Reading (and with it decompressing) goes on while the block before is
    /// scanned, so that one large log uses two processors. When the scanner falls behind, this thread looks at a block itself.
    fn stream_log(&mut self, path: &EntryPath, head: Vec<u8>, content: &mut dyn Read) {
        let mut scan = self.context.scan(path.clone(), Stream::Unknown);
        let look = scan.look();
        let mut blocks = Blocks::new(head, content, self.context.longest_line(), BLOCK);
        let (log, failure) = std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::sync_channel::<(Vec<u8>, Option<Looked<'s>>)>(BLOCKS_AHEAD);
            let scanner = scope.spawn(move || {
                let mut next_line = 1;
                for (block, looked) in receive {
                    let text = to_text(&block);
                    match looked {
                        Some(looked) => scan.feed_looked(&text, next_line, looked),
                        None => scan.feed(&text, next_line),
                    }
                    next_line += memchr::memchr_iter(b'\n', &block).count() as u64;
                }
                scan.finish()
            });
            let failure = loop {
                let block = match blocks.next() {
                    Ok(Some(block)) => block,
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                };
                let sent = match send.try_send((block, None)) {
                    Err(TrySendError::Full((block, _))) => {
                        let looked = look.at(&to_text(&block), &Stream::Unknown);
                        send.send((block, Some(looked))).is_ok()
                    }
                    sent => sent.is_ok(),
                };
                // The scanner is gone only if it failed.
                if !sent {
                    break None;
                }
            };
            drop(send);
            (scanner.join(), failure)
        });
        let mut reading = FileReading::of_record(path, blocks.read(), Treatment::Log);
        match log {
            Ok(log) => reading.keep_log(log, &self.context.budget),
            Err(_) => reading.problems.push(Problem::file(
                path,
                ProblemKind::Unparsed,
                "the log could not be scanned",
            )),
        }
        self.ahead.push(Waiting::Done(reading));
        if let Some(error) = failure {
            self.damaged(path, &error);
        }
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
        let reading = FileReading::of_record(path, bytes, treatment);
        self.ahead.push(Waiting::Done(reading));
    }
}

/// True when at least half of the first lines carry a time stamp.
fn looks_like_log(head: &[u8]) -> bool {
    let text = to_text(head);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(20).collect();
    lines.iter().filter(|line| stamp_of(line).is_some()).count() * 2 >= lines.len().max(1)
}
