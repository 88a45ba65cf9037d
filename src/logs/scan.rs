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
    pub fn feed(&mut self, block: &str, first_line: u64) {
        let bytes = block.as_bytes();
        let mut candidates: Vec<(usize, usize)> = self.signatures.candidates(bytes).collect();
        candidates.sort_unstable();
        let mut pending = candidates.into_iter().peekable();
        let mut offset = 0;
        for (line_number, raw) in (first_line..).zip(block.split_inclusive('\n')) {
            let end = offset + raw.len();
            let line = raw.trim_end_matches(['\n', '\r']);
            self.note_line(line, line_number);
            let mut indices = Vec::new();
            while let Some(&(at, index)) = pending.peek()
                && at <= end
            {
                pending.next();
                indices.push(index);
            }
            indices.sort_unstable();
            indices.dedup();
            for index in indices {
                self.note_match(index, line, line_number);
            }
            offset = end;
        }
    }

    /// Ends the scan.
    pub fn finish(mut self) -> LogFile {
        self.file.tail = self.tail.into();
        self.file
    }

    fn note_line(&mut self, line: &str, number: u64) {
        self.file.lines += 1;
        if stamp_of(line).is_some() {
            let kept = || kept(line).to_owned();
            self.file.first_stamped.get_or_insert_with(kept);
            self.file.last_stamped = Some(kept());
        }
        if !line.trim().is_empty() {
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(TailLine {
                line: number,
                text: kept(line).to_owned(),
            });
        }
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
