//! One file that fits into memory: cut into sections by the decoders, the rest scanned as a log. Nothing here depends on another file,
//! so that files are read side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reader::Located;
use super::whereabouts::{asks_elsewhere, asks_names, host_above, is_heading, is_host};
use super::{FileRecord, Treatment};
use crate::bundle::decode::{
    DECODERS, ExportedLog, Fact, LogSection, TextFile, Transcript, prompts, reason_unused, to_text, undress,
};
use crate::bundle::layout::single_layout;
use crate::bundle::{Budget, Limit};
use crate::logs::{ContainerRef, LogFile, LogScan, SignatureSet, Stream, Tried, stream_of_unit};
use crate::model::{EntryPath, Problem, ProblemKind};

/// Problems of one file that are kept; what follows the first hundred is of the same kind.
const PROBLEMS_PER_FILE: usize = 100;

/// What is the same for all files of a bundle.
#[derive(Clone)]
pub(super) struct Context<'s> {
    pub(super) signatures: &'s SignatureSet,
    /// What of the bundle the bounded ones were tried on.
    pub(super) tried: Tried,
    /// What citations call the bundle.
    pub(super) alias: Arc<str>,
    pub(super) budget: Budget,
    /// True when logs are read for what they complain of.
    pub(super) mines: bool,
}

impl<'s> Context<'s> {
    /// A scan of one log.
    pub(super) fn scan(&self, path: EntryPath, stream: Stream) -> LogScan<'s> {
        let scan = LogScan::new(self.signatures, path, stream, self.longest_line()).counting(&self.tried);
        if self.mines { scan.mining() } else { scan }
    }

    /// Bytes of a line that are searched.
    pub(super) fn longest_line(&self) -> usize {
        usize::try_from(self.budget.max_line_bytes).unwrap_or(usize::MAX)
    }
}

/// What one file yields.
pub(super) struct FileReading {
    pub(super) facts: Vec<Located>,
    pub(super) logs: Vec<LogFile>,
    pub(super) problems: Vec<Problem>,
    /// The layout of a file that is a bundle by itself.
    pub(super) layout: Option<&'static str>,
    pub(super) record: FileRecord,
}

impl FileReading {
    /// A file of which nothing but this is to be said.
    pub(super) fn of_record(path: &EntryPath, bytes: u64, treatment: Treatment) -> Self {
        Self {
            facts: Vec::new(),
            logs: Vec::new(),
            problems: Vec::new(),
            layout: None,
            record: FileRecord {
                path: path.clone(),
                bytes,
                treatment,
            },
        }
    }

    /// Keeps a log, and says when a line of it was too long.
    pub(super) fn keep_log(&mut self, log: LogFile, budget: &Budget) {
        if let Some(line) = log.cut_line {
            let limit = Limit::LineBytes(budget.max_line_bytes);
            let detail = format!("{limit}: what follows in this and other such lines was not searched");
            self.problems
                .push(Problem::file(&log.path, ProblemKind::OverBudget, detail).at_line(line));
        }
        self.logs.push(log);
    }
}

/// Reads a file that is here as a whole.
/// `command` is what printed it, where something else than the file tells that. Of its facts no more than `most_facts` are made.
pub(super) fn read_whole(
    context: &Context<'_>,
    path: &EntryPath,
    bytes: &[u8],
    command: Option<&str>,
    most_facts: usize,
) -> FileReading {
    let text = undress(to_text(bytes));
    let recording = match command {
        Some(command) => Some(Transcript::below(command, &text)),
        None => Transcript::of(&text),
    };
    let inner = recording
        .as_ref()
        .map(|recording| undress(recording.text.as_str().into()));
    let mut file = TextFile::new(context.alias.clone(), path, inner.as_ref().unwrap_or(&text)).within(&context.budget);
    file.most_facts = most_facts;
    let mut reading = FileReading::of_record(path, bytes.len() as u64, Treatment::Log);
    let mut unlisted = 0;
    let mut used = Vec::new();
    let mut problems = Vec::new();
    // By the machine at whose prompt they stand: all that no decoder takes.
    let mut log_lines: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    let mut host = String::new();
    // The machine that lines are about which no decoder takes.
    let mut host_of_lines = String::new();
    let mut below_heading = false;
    // Whether each machine that is asked writes its name first.
    let mut names_itself = false;
    let mut line = 0;
    // No output goes on beyond the next command: decoders see the lines up to there and no further.
    let mut ends = prompts(&file);
    if let Some(recording) = &recording {
        file = file.out_of(recording);
        used.push("recording of commands");
        if recording.is_cut {
            let detail = "the recording ends in the middle of a record";
            problems.push(Problem::file(path, ProblemKind::Truncated, detail));
        }
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
            // A prompt that names no machine is still one of the machine that the heading names.
            if !(named.is_empty() && below_heading) {
                host = named.to_owned();
                below_heading = is_heading(file.line(line));
            }
            host_of_lines.clone_from(&host);
            if asks_elsewhere(file.line(line)) {
                host_of_lines.clear();
            }
            names_itself = asks_names(file.line(line));
        } else if names_itself && is_host(file.line(line)) {
            file.line(line).clone_into(&mut host);
            host_of_lines.clone_from(&host);
            below_heading = true;
        }
        let decoders = if is_long_word(file.line(line)) { &[] } else { DECODERS };
        let section = decoders
            .iter()
            .find_map(|decoder| Some((decoder.name, (decoder.decode)(&file, line)?)));
        match section {
            Some((name, section)) => {
                let end = section.end.max(line + 1).min(file.lines.len());
                if section.also_log {
                    log_lines.entry(host_of_lines.clone()).or_default().push((line, end));
                }
                take_section(context, &file, &host, section.facts, &mut reading, most_facts);
                file.most_facts = most_facts.saturating_sub(reading.facts.len());
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
                let lines = log_lines.entry(host_of_lines.clone()).or_default();
                match lines.last_mut() {
                    Some((_, end)) if *end == line => *end = line + 1,
                    _ => lines.push((line, line + 1)),
                }
                line += 1;
            }
        }
    }
    for (host, mut lines) in log_lines {
        lines.retain(|&(from, to)| (from..to).any(|index| !file.line(index).trim().is_empty()));
        if !lines.is_empty() {
            let known = reading.logs.len();
            scan_lines(context, &file, Stream::Unknown, &lines, &mut reading);
            at_host(&host, known, &mut reading);
        }
    }
    // What a rule asks for after all is a log, whatever it looks like.
    if used.is_empty()
        && let Some(reason) = reason_unused(&file)
        && reading.logs.pop_if(|log| log.hits.is_empty()).is_some()
    {
        reading.record.treatment = Treatment::Ignored(reason);
        return reading;
    }
    reading.problems.append(&mut problems);
    if unlisted > 0 {
        let detail = if unlisted == 1 {
            "1 more problem of this file is not listed".to_owned()
        } else {
            format!("{unlisted} more problems of this file are not listed")
        };
        reading
            .problems
            .push(Problem::file(path, ProblemKind::Unparsed, detail));
    }
    reading.layout = single_layout(&used);
    if !used.is_empty() {
        reading.record.treatment = Treatment::Read(used);
    }
    reading
}

fn take_section(
    context: &Context<'_>,
    file: &TextFile<'_>,
    host: &str,
    facts: Vec<Fact>,
    to: &mut FileReading,
    most_facts: usize,
) {
    let known = to.logs.len();
    for fact in facts {
        match fact {
            Fact::LogSection(section) => scan_section(context, file, &section, to),
            Fact::ExportedLog(log) => scan_exported(context, file, &log, to),
            Fact::UnitLog(log) => {
                scan_lines(context, file, stream_of_unit(&log.unit), &[(log.first, log.end)], to);
            }
            // Over the budget, which the reader says.
            _ if to.facts.len() >= most_facts => {}
            fact => to.facts.push(Located {
                path: file.path.clone(),
                host: host.to_owned(),
                fact,
            }),
        }
    }
    at_host(host, known, to);
}

/// The logs beyond the first `known` ones were printed on this machine.
fn at_host(host: &str, known: usize, to: &mut FileReading) {
    for log in to.logs.iter_mut().skip(known) {
        host.clone_into(&mut log.host);
    }
}

fn scan_section(context: &Context<'_>, file: &TextFile<'_>, section: &LogSection, to: &mut FileReading) {
    let container = ContainerRef {
        namespace: section.namespace.clone(),
        pod: section.pod.clone(),
        container: section.container.clone(),
        previous: section.previous,
    };
    let lines = [(section.first, section.end)];
    scan_lines(context, file, Stream::Container(container), &lines, to);
}

/// Scans the lines of one container or unit, which stand between those of others.
fn scan_exported(context: &Context<'_>, file: &TextFile<'_>, log: &ExportedLog, to: &mut FileReading) {
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
    let mut scan = context.scan(file.path.clone(), stream);
    for (line, text) in &log.lines {
        scan.feed(text, file.number(*line));
    }
    to.keep_log(scan.finish(), &context.budget);
}

fn scan_lines(
    context: &Context<'_>,
    file: &TextFile<'_>,
    stream: Stream,
    ranges: &[(usize, usize)],
    to: &mut FileReading,
) {
    let mut scan = context.scan(file.path.clone(), stream);
    if file.recording().is_some() {
        // The lines of one output stand on one line of the file.
        for line in ranges.iter().flat_map(|&(from, until)| from..until) {
            scan.feed(file.line(line), file.number(line));
        }
        to.keep_log(scan.finish(), &context.budget);
        return;
    }
    for &(from, until) in ranges {
        let block = file
            .text
            .get(file.offset_of_line(from)..file.offset_of_line(until))
            .unwrap_or("");
        scan.feed(block, from as u64 + 1);
    }
    to.keep_log(scan.finish(), &context.budget);
}

/// True for a line of base64 or the like, with which no section starts: a file may have millions of them, and every decoder is asked at
/// every other line.
fn is_long_word(line: &str) -> bool {
    const LONG: usize = 60;
    line.len() >= LONG
        // The border of a table has none.
        && line.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && line
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::super::{Treatment, reading};
    use crate::logs::Stream;
    use crate::model::Place;

    #[test]
    fn a_recording_is_read_like_the_terminal_that_it_recorded() {
        let recording = r#"{"command": "kubectl get pods -n shop", "output": "NAME    READY   STATUS    RESTARTS   AGE\nweb-0   0/1     Pending   0          5m\n"}
{"command": "kubectl get deploy web -n shop -o json", "output": "{\"kind\": \"Deployment\", \"apiVersion\": \"apps/v1\", \"metadata\": {\"name\": \"web\", \"namespace\": \"shop\", \"uid\": \"u\"}, \"spec\": {\"replicas\": 2}}"}
{"command": "kubectl logs -n shop db-0 -c mysql", "output": "ready\nboom\n"}
{"command": "kubectl get pod x -n shop", "output": "Error from server (NotFound): pods \"x\" not found\n"}
"#;
        let snapshot = reading(&[("trace.jsonl", recording)]);
        let [deployment, pod] = snapshot.objects.values().collect::<Vec<_>>()[..] else {
            panic!("{:?}", snapshot.objects.keys())
        };
        assert_eq!((pod.key.namespace.as_str(), pod.key.name.as_str()), ("shop", "web-0"));
        assert_eq!(pod.cite_at("/status/phase").place, Place::Lines(1, 1));
        assert_eq!(
            deployment.cite_at("/spec/replicas").place,
            Place::Pointer("1#/output#/spec/replicas".into())
        );
        let log = snapshot
            .logs
            .iter()
            .find(|log| matches!(&log.stream, Stream::Container(container) if container.pod == "db-0"))
            .unwrap();
        assert_eq!((log.tail[1].line, log.tail[1].text.as_str()), (3, "boom"));
        assert_eq!(snapshot.coverage.problems[0].line, Some(4));
        assert!(
            matches!(&snapshot.coverage.files[0].treatment, Treatment::Read(used) if used.first() == Some(&"recording of commands"))
        );
    }
}
