//! Scanning the text of one log: hits of signatures, the time span it covers, its last lines.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{SignatureSet, Stream, clean_line, stamp_of};
use crate::model::EntryPath;

/// A line that carries a signature.
#[derive(Debug, Clone)]
pub struct LineHit {
    /// `rule/signature`.
    pub signature: String,
    /// Named captures.
    pub captures: BTreeMap<String, String>,
    /// 1-based line.
    pub line: u64,
    /// The line as it stands in the file, at most [`LINE_KEPT`] bytes.
    pub text: String,
    /// How often the same signature with the same captures matched in this log, this line included.
    pub count: u64,
    /// The last line that did, with its number.
    pub last: Option<(u64, String)>,
}

/// A line near the end of a log.
#[derive(Debug, Clone)]
pub struct TailLine {
    /// 1-based line.
    pub line: u64,
    /// The text, at most [`LINE_KEPT`] bytes.
    pub text: String,
}

/// What is kept of one log.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Path in the bundle.
    pub path: EntryPath,
    /// What it is.
    pub stream: Stream,
    /// Number of lines.
    pub lines: u64,
    /// First and last line that carry a time.
    pub first_stamped: Option<String>,
    /// See `first_stamped`.
    pub last_stamped: Option<String>,
    /// The last lines.
    pub tail: Vec<TailLine>,
    /// Lines with signatures.
    pub hits: Vec<LineHit>,
}

/// Bytes of a line that are kept; what a report quotes is shorter.
const LINE_KEPT: usize = 2048;
/// Lines kept from the end of a log.
const TAIL: usize = 40;
/// Lines at either end of a block in which a time stamp is looked for.
const EDGE: usize = 50;
/// Distinct hits kept for one signature in one log; more only add to the count of the last.
const DISTINCT_HITS: usize = 20;

/// A scan in progress. Lines are fed in order; memory does not grow with the log.
pub struct LogScan<'s> {
    signatures: &'s SignatureSet,
    file: LogFile,
    tail: VecDeque<TailLine>,
    seen: HashMap<(String, Vec<(String, String)>), usize>,
    distinct: HashMap<String, usize>,
}

impl<'s> LogScan<'s> {
    /// Starts a scan.
    pub fn new(signatures: &'s SignatureSet, path: EntryPath, stream: Stream) -> Self {
        let file = LogFile {
            path,
            stream,
            lines: 0,
            first_stamped: None,
            last_stamped: None,
            tail: Vec::new(),
            hits: Vec::new(),
        };
        Self {
            signatures,
            file,
            tail: VecDeque::new(),
            seen: HashMap::new(),
            distinct: HashMap::new(),
        }
    }

    /// Scans whole lines; `first_line` is the 1-based number of the first.
    ///
    /// Only lines that hold a literal of some signature are looked at one by one. The time span and the last lines are read from
    /// the edges of the block, so that the cost of a log is that of one pass of the automaton.
    pub fn feed(&mut self, block: &str, first_line: u64) {
        let bytes = block.as_bytes();
        let newlines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        let lines = newlines + u64::from(!bytes.is_empty() && !bytes.ends_with(b"\n"));
        self.file.lines += lines;
        self.note_edges(block, first_line, lines);
        let mut candidates: Vec<(usize, usize)> = self.signatures.candidates(bytes).collect();
        candidates.sort_unstable();
        let mut counted_to = 0;
        let mut number = first_line;
        let mut pending = candidates.into_iter().peekable();
        while let Some((at, index)) = pending.next() {
            let start = memchr::memrchr(b'\n', bytes.get(..at).unwrap_or(&[])).map_or(0, |newline| newline + 1);
            let end = memchr::memchr(b'\n', bytes.get(at..).unwrap_or(&[])).map_or(bytes.len(), |newline| at + newline);
            number += memchr::memchr_iter(b'\n', bytes.get(counted_to..start).unwrap_or(&[])).count() as u64;
            counted_to = start;
            let mut indices = vec![index];
            while let Some(&(next, other)) = pending.peek()
                && next <= end
            {
                pending.next();
                indices.push(other);
            }
            indices.sort_unstable();
            indices.dedup();
            let line = block.get(start..end).unwrap_or("").trim_end_matches('\r');
            for index in indices {
                self.note_match(index, line, number);
            }
        }
    }

    /// Ends the scan.
    pub fn finish(mut self) -> LogFile {
        self.file.tail = self.tail.into();
        self.file
    }

    /// Reads the time span and the last lines from the first and last lines of a block.
    fn note_edges(&mut self, block: &str, first_line: u64, lines: u64) {
        let stamped = |line: &&str| stamp_of(line).is_some();
        if self.file.first_stamped.is_none() {
            self.file.first_stamped = block.lines().take(EDGE).find(stamped).map(|line| kept(line).to_owned());
        }
        if let Some(last) = block.lines().rev().take(EDGE).find(stamped) {
            self.file.last_stamped = Some(kept(last).to_owned());
        }
        let end = first_line + lines;
        let numbered = block.lines().rev().zip(1..).map(|(line, back)| (end - back, line));
        let mut tail: Vec<TailLine> = numbered
            .filter(|(_, line)| !line.trim().is_empty())
            .take(TAIL)
            .map(|(line, text)| TailLine {
                line,
                text: kept(text).to_owned(),
            })
            .collect();
        tail.reverse();
        self.tail.extend(tail);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    fn note_match(&mut self, index: usize, line: &str, number: u64) {
        let line = kept(line);
        // Whose log it is may turn out only when all files are read, so an unknown one keeps every match; they are sifted then.
        if self.file.stream != Stream::Unknown && !self.signatures.applies(index, self.file.stream.source()) {
            return;
        }
        let Some(found) = self.signatures.confirm(index, clean_line(line)) else {
            return;
        };
        let key = (
            found.id.to_owned(),
            found
                .captures
                .iter()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect::<Vec<_>>(),
        );
        if let Some(hit) = self.seen.get(&key).and_then(|&at| self.file.hits.get_mut(at)) {
            hit.count += 1;
            hit.last = Some((number, line.to_owned()));
            return;
        }
        let distinct = self.distinct.entry(key.0.clone()).or_default();
        if *distinct >= DISTINCT_HITS {
            return;
        }
        *distinct += 1;
        self.seen.insert(key, self.file.hits.len());
        self.file.hits.push(LineHit {
            signature: found.id.to_owned(),
            captures: found.captures,
            line: number,
            text: line.to_owned(),
            count: 1,
            last: None,
        });
    }
}

/// The part of a line that is kept, cut at a character boundary.
fn kept(line: &str) -> &str {
    if line.len() <= LINE_KEPT {
        return line;
    }
    let mut end = LINE_KEPT;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::super::SignatureSpec;
    use super::*;

    fn scan(blocks: &[&str]) -> LogFile {
        let spec = SignatureSpec {
            id: "s".into(),
            pattern: r"cannot open (?P<file>\S+)".into(),
            sources: Vec::new(),
            unless: None,
        };
        let set = SignatureSet::new([("r", &spec)]).unwrap();
        let mut scan = LogScan::new(&set, EntryPath::new("a.log"), Stream::Unknown);
        let mut line = 1;
        for block in blocks {
            scan.feed(block, line);
            line += block.lines().count() as u64;
        }
        scan.finish()
    }

    #[test]
    fn repeats_fold_and_keep_first_and_last() {
        let file = scan(&["x\ncannot open /a\n", "cannot open /b\ncannot open /a\n"]);
        assert_eq!(file.hits.len(), 2);
        assert_eq!(
            (
                file.hits[0].line,
                file.hits[0].count,
                file.hits[0].last.as_ref().unwrap().0
            ),
            (2, 2, 4)
        );
        assert_eq!(file.hits[1].captures["file"], "/b");
        assert_eq!(file.lines, 4);
    }

    #[test]
    fn cutting_a_log_into_blocks_elsewhere_changes_nothing() {
        let whole = scan(&["a\ncannot open /a\nb\ncannot open /c\n"]);
        let cut = scan(&["a\n", "cannot open /a\nb\n", "cannot open /c\n"]);
        assert_eq!(format!("{:?}", whole.hits), format!("{:?}", cut.hits));
    }
}
