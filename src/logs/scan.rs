//! Scanning the text of one log: hits of signatures, the time span it covers, its last lines.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};

use super::look::{LineMatch, Look, Looked, cut};
use super::templates::TemplateMiner;
use super::wrapped::{Wrapped, unwrap};
use super::{LogTemplate, SignatureSet, Stamp, Stream, TextMatch, Tried, stamp_of};
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
    /// The line as it stands in the file, at most [`LINE_KEPT`] bytes: of a longer one its start, and what stands around the match.
    pub text: String,
    /// How often the same signature with the same captures matched in this log, this line included.
    pub count: u64,
    /// The last line that did, with its number.
    pub last: Option<(u64, String)>,
}

impl LineHit {
    /// The number of the last line that matched.
    pub fn last_line(&self) -> u64 {
        self.last.as_ref().map_or(self.line, |(line, _)| *line)
    }

    /// The last line that matched.
    pub fn last_text(&self) -> &str {
        self.last.as_ref().map_or(self.text.as_str(), |(_, text)| text)
    }
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
    /// The machine at whose prompt it was printed; empty where only the path tells.
    pub host: String,
    /// Number of lines.
    pub lines: u64,
    /// First and last line that carry a time.
    pub first_stamped: Option<String>,
    /// See `first_stamped`.
    pub last_stamped: Option<String>,
    /// True when the newest line stands first (`journalctl -r`). Times, tail and hits are in time order all the same.
    pub is_newest_first: bool,
    /// The last lines in time.
    pub tail: Vec<TailLine>,
    /// Lines with signatures.
    pub hits: Vec<LineHit>,
    /// What it complains of, grouped; only of a log that was read for it.
    pub templates: Vec<LogTemplate>,
    /// The first line, by its 1-based number, that was longer than what is searched of a line.
    pub cut_line: Option<u64>,
}

impl LogFile {
    /// How many of its own lines stand after line `line` of its file. Where several logs are interleaved in one file, the lines of the
    /// others do not count; beyond the lines that are kept it is as dense as these.
    pub fn lines_after(&self, line: u64) -> u64 {
        if self.is_newest_first {
            return line.saturating_sub(1);
        }
        let (Some(first), Some(last)) = (self.tail.first(), self.tail.last()) else {
            return self.lines.saturating_sub(line);
        };
        if line >= first.line {
            return self.tail.iter().filter(|kept| kept.line > line).count() as u64;
        }
        let kept = self.tail.len() as u64;
        let span = last.line.saturating_sub(first.line).saturating_add(1).max(1);
        let distance = last.line.saturating_sub(line);
        (distance.saturating_mul(kept) / span).max(kept)
    }
}

/// Bytes of a line that are kept; what a report quotes is shorter.
const LINE_KEPT: usize = 2048;
/// Bytes that are kept of the start of a longer line, where its time stands, when the match is further on.
const START_KEPT: usize = 256;
/// What stands between the two.
const GAP: &str = " … ";
/// Lines kept from the end of a log.
const TAIL: usize = 40;
/// Lines at either end of a block in which a time stamp is looked for.
const EDGE: usize = 50;
/// Distinct hits kept for one signature in one log; more only add to the count of the last.
const DISTINCT_HITS: usize = 20;
/// Distinct hits kept of a signature that tells of many objects ([`super::SignatureSpec::tells_of_many`]): more than a node has pods
/// by default (110). The one that was longest not seen gives way to another.
const OBJECTS: usize = 256;

/// A scan in progress. Lines are fed in order; memory does not grow with the log.
pub struct LogScan<'s> {
    look: Look<'s>,
    file: LogFile,
    head: Vec<TailLine>,
    tail: VecDeque<TailLine>,
    /// Parts of a line by stream, with the number of the first.
    parts: BTreeMap<&'static str, (u64, Wrapped<'static>)>,
    order: Order,
    seen: HashMap<(String, Vec<(String, String)>), usize>,
    /// For each signature: how many distinct hits, and the place of the last.
    distinct: HashMap<String, (usize, usize)>,
    /// Of signatures that tell of many objects, by their ids.
    objects: BTreeMap<String, Newest>,
    miner: Option<TemplateMiner>,
}

/// The newest distinct hits of one signature.
#[derive(Default)]
struct Newest {
    hits: HashMap<Captures, LineHit>,
    /// The captures by the line that was last seen with them.
    by_line: BTreeMap<u64, Captures>,
}

/// The named captures of a match, in the order of their names.
type Captures = BTreeMap<String, String>;

impl<'s> LogScan<'s> {
    /// Starts a scan that looks for signatures in the first `longest` bytes of every line.
    pub fn new(signatures: &'s SignatureSet, path: EntryPath, stream: Stream, longest: usize) -> Self {
        let file = LogFile {
            path,
            stream,
            host: String::new(),
            lines: 0,
            first_stamped: None,
            last_stamped: None,
            is_newest_first: false,
            tail: Vec::new(),
            hits: Vec::new(),
            templates: Vec::new(),
            cut_line: None,
        };
        Self {
            look: Look {
                signatures,
                tried: signatures.tried(),
                longest,
            },
            file,
            head: Vec::new(),
            tail: VecDeque::new(),
            parts: BTreeMap::new(),
            order: Order::default(),
            seen: HashMap::new(),
            distinct: HashMap::new(),
            objects: BTreeMap::new(),
            miner: None,
        }
    }

    /// Counts what bounded signatures are tried on together with other logs of the bundle.
    pub fn counting(mut self, tried: &Tried) -> Self {
        self.look.tried = tried.clone();
        self
    }

    /// Groups the complaints of the log too, which takes a look at every line.
    pub fn mining(mut self) -> Self {
        self.miner = Some(TemplateMiner::new());
        self
    }

    /// What is looked for in the blocks of this log, for whoever looks at one before it is fed.
    pub fn look(&self) -> Look<'s> {
        self.look.clone()
    }

    /// Scans whole lines; `first_line` is the 1-based number of the first.
    pub fn feed(&mut self, block: &str, first_line: u64) {
        let looked = self.look.at(block, &self.file.stream);
        self.feed_looked(block, first_line, looked);
    }

    /// The same of lines that were looked at. The time span and the last lines are read from the edges of the block.
    pub fn feed_looked(&mut self, block: &str, first_line: u64, looked: Looked<'s>) {
        self.note_long_line(block.as_bytes(), first_line);
        if !self.parts.is_empty() || looked.is_wrapped {
            self.feed_wrapped(block, first_line);
            return;
        }
        self.file.lines += looked.lines;
        self.note_edges(block, first_line, looked.lines);
        if let Some(miner) = &mut self.miner {
            for (number, line) in (first_line..).zip(block.lines()) {
                miner.feed(line, number);
            }
        }
        for LineMatch {
            line,
            start,
            end,
            found,
        } in looked.matches
        {
            self.note_match(found, block.get(start..end).unwrap_or(""), first_line + line);
        }
    }

    /// Ends the scan.
    pub fn finish(mut self) -> LogFile {
        for (_, (number, part)) in std::mem::take(&mut self.parts) {
            self.note_whole(&part.to_line(), number);
        }
        self.file.tail = self.tail.into();
        if !self.objects.is_empty() {
            let newest = std::mem::take(&mut self.objects).into_values();
            self.file
                .hits
                .extend(newest.flat_map(|newest| newest.hits.into_values()));
            self.file.hits.sort_by_key(|hit| hit.line);
        }
        if self.order.is_newest_first() {
            self.file.is_newest_first = true;
            std::mem::swap(&mut self.file.first_stamped, &mut self.file.last_stamped);
            self.head.reverse();
            self.file.tail = self.head;
            self.file.hits.reverse();
            for hit in &mut self.file.hits {
                if let Some((line, text)) = &mut hit.last {
                    std::mem::swap(line, &mut hit.line);
                    std::mem::swap(text, &mut hit.text);
                }
            }
        }
        if let Some(miner) = self.miner {
            self.file.templates = miner.finish(self.file.lines, self.file.is_newest_first);
        }
        self.file
    }

    /// Looks for the first line that is not searched to its end. Only one byte in so many is looked at, and the line ends near it.
    fn note_long_line(&mut self, block: &[u8], first_line: u64) {
        let mut start = 0;
        while self.file.cut_line.is_none()
            && let Some(line) = block.get(start..)
            && line.len() > self.look.longest
        {
            match memchr::memrchr(b'\n', line.get(..=self.look.longest).unwrap_or(line)) {
                Some(at) => start += at + 1,
                None => {
                    let before = block.get(..start).unwrap_or_default();
                    self.file.cut_line = Some(first_line + memchr::memchr_iter(b'\n', before).count() as u64);
                }
            }
        }
    }

    /// Reads the time span, the order and the last lines from the first and last lines of a block.
    fn note_edges(&mut self, block: &str, first_line: u64, lines: u64) {
        for (number, line) in (first_line..).zip(block.lines()).take(EDGE) {
            self.note_line(line, number);
        }
        let back = usize::try_from(lines)
            .unwrap_or(usize::MAX)
            .saturating_sub(EDGE)
            .min(EDGE);
        let mut last: Vec<&str> = block.lines().rev().take(back).collect();
        last.reverse();
        for (number, line) in (first_line + lines - back as u64..).zip(last) {
            self.note_line(line, number);
        }
    }

    /// Scans lines one by one, as their container wrote them: without the runtime's escapes, parts joined.
    fn feed_wrapped(&mut self, block: &str, first_line: u64) {
        for (number, raw) in (first_line..).zip(block.split_inclusive('\n')) {
            let line = raw.trim_end_matches(['\n', '\r']);
            self.file.lines += 1;
            let Some(wrapped) = unwrap(line) else {
                self.note_whole(line, number);
                continue;
            };
            match self.parts.remove(wrapped.stream) {
                Some((first, mut before)) => {
                    // What goes beyond is never looked at.
                    if before.text.len() < LINE_KEPT {
                        before.text.to_mut().push_str(&wrapped.text);
                    }
                    if wrapped.is_part {
                        self.parts.insert(wrapped.stream, (first, before));
                    } else {
                        self.note_whole(&before.to_line(), first);
                    }
                }
                None if wrapped.is_part => {
                    let part = Wrapped {
                        time: wrapped.time.into_owned().into(),
                        stream: wrapped.stream,
                        text: kept(&wrapped.text).to_owned().into(),
                        is_part: true,
                    };
                    self.parts.insert(wrapped.stream, (number, part));
                }
                None => self.note_whole(&wrapped.to_line(), number),
            }
        }
    }

    fn note_whole(&mut self, line: &str, number: u64) {
        self.note_line(line, number);
        if let Some(miner) = &mut self.miner {
            miner.feed(line, number);
        }
        for found in self.look.at_line(line, &self.file.stream) {
            self.note_match(found, line, number);
        }
    }

    fn note_line(&mut self, line: &str, number: u64) {
        if let Some((stamp, _)) = stamp_of(line) {
            self.order.note(stamp);
            let kept = || kept(line).to_owned();
            self.file.first_stamped.get_or_insert_with(kept);
            self.file.last_stamped = Some(kept());
        }
        if !line.trim().is_empty() {
            let kept = || TailLine {
                line: number,
                text: kept(line).to_owned(),
            };
            if self.head.len() < TAIL {
                self.head.push(kept());
            }
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(kept());
        }
    }

    fn note_match(&mut self, found: TextMatch<'s>, line: &str, number: u64) {
        let line = kept_around(cut(line, self.look.longest), found.end);
        if found.tells_of_many {
            let newest = self.objects.entry(found.id.to_owned()).or_default();
            newest.note(found, line, number, self.order.is_newest_first());
            return;
        }
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
            hit.last = Some((number, line.into_owned()));
            return;
        }
        let (distinct, place) = self.distinct.entry(key.0.clone()).or_default();
        if *distinct >= DISTINCT_HITS {
            if let Some(hit) = self.file.hits.get_mut(*place) {
                hit.count += 1;
                hit.last = Some((number, line.into_owned()));
            }
            return;
        }
        *distinct += 1;
        *place = self.file.hits.len();
        self.seen.insert(key, self.file.hits.len());
        self.file.hits.push(LineHit {
            signature: found.id.to_owned(),
            captures: found.captures,
            line: number,
            text: line.into_owned(),
            count: 1,
            last: None,
        });
    }
}

impl Newest {
    fn note(&mut self, found: TextMatch<'_>, line: Cow<'_, str>, number: u64, is_newest_first: bool) {
        if let Some(hit) = self.hits.get_mut(&found.captures) {
            self.by_line.remove(&hit.last_line());
            hit.count += 1;
            hit.last = Some((number, line.into_owned()));
        } else {
            if self.hits.len() >= OBJECTS {
                // In a log that is turned round, what comes now is the oldest.
                if is_newest_first {
                    return;
                }
                if let Some((_, oldest)) = self.by_line.pop_first() {
                    self.hits.remove(&oldest);
                }
            }
            let hit = LineHit {
                signature: found.id.to_owned(),
                captures: found.captures.clone(),
                line: number,
                text: line.into_owned(),
                count: 1,
                last: None,
            };
            self.hits.insert(found.captures.clone(), hit);
        }
        // One line matches a signature once.
        self.by_line.insert(number, found.captures);
    }
}

/// Whether the times of a log rise or fall from line to line.
#[derive(Default)]
struct Order {
    last: Option<Stamp>,
    rising: u64,
    falling: u64,
}

impl Order {
    fn note(&mut self, stamp: Stamp) {
        if let Some(last) = &self.last
            && std::mem::discriminant(last) == std::mem::discriminant(&stamp)
        {
            self.rising += u64::from(*last < stamp);
            self.falling += u64::from(*last > stamp);
        }
        self.last = Some(stamp);
    }

    /// Two steps back may be an accident of several writers, or a new year without a year.
    fn is_newest_first(&self) -> bool {
        self.falling > 2 && self.falling > self.rising * 4
    }
}

/// The part of a line that is kept.
fn kept(line: &str) -> &str {
    cut(line, LINE_KEPT)
}

/// The same for a line in which something ends at byte `end`: of a match further on, what stands before it is kept too.
fn kept_around(line: &str, end: usize) -> Cow<'_, str> {
    if end <= LINE_KEPT {
        return Cow::Borrowed(kept(line));
    }
    let from = line.ceil_char_boundary(end.saturating_sub(LINE_KEPT - START_KEPT - GAP.len()));
    let around = line.get(from..line.floor_char_boundary(end)).unwrap_or_default();
    Cow::Owned(format!("{}{GAP}{around}", cut(line, START_KEPT)))
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
            within: None,
            tells_of_many: false,
        };
        scan_for(&spec, blocks)
    }

    fn scan_for(spec: &SignatureSpec, blocks: &[&str]) -> LogFile {
        let set = SignatureSet::new([("r", spec)]).unwrap();
        let mut scan = LogScan::new(&set, EntryPath::new("a.log"), Stream::Unknown, 10_000);
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
    fn of_many_objects_the_newest_are_kept_each_with_its_own_last_line() {
        let spec = SignatureSpec {
            id: "s".into(),
            pattern: r"pod (?P<pod>\S+) waits".into(),
            sources: Vec::new(),
            unless: None,
            within: None,
            tells_of_many: true,
        };
        let line = |second: usize, pod: usize| {
            let time = format!("2026-11-21T10:{:02}:{:02}Z", second / 60, second % 60);
            format!("{time} pod p{pod} waits\n")
        };
        // The first pod is seen again before the last comes, so that the second is the one that was longest not seen.
        let pods = (0..OBJECTS).chain([0, OBJECTS]);
        let rising: Vec<String> = pods.enumerate().map(|(second, pod)| line(second, pod)).collect();
        let file = scan_for(&spec, &[&rising.concat()]);
        assert_eq!(file.hits.len(), OBJECTS);
        let pods: Vec<&str> = file.hits.iter().map(|hit| hit.captures["pod"].as_str()).collect();
        assert_eq!((pods[0], pods[1], pods[OBJECTS - 1]), ("p0", "p2", "p256"));
        assert_eq!((file.hits[0].line, file.hits[0].last_line()), (1, 257));
        for hit in &file.hits {
            let pod = format!(" {} ", hit.captures["pod"]);
            assert!(hit.text.contains(&pod) && hit.last_text().contains(&pod), "{hit:?}");
        }
        let falling: Vec<String> = rising.into_iter().rev().collect();
        let file = scan_for(&spec, &[&falling.concat()]);
        let kept = |pod: &str| file.hits.iter().any(|hit| hit.captures["pod"] == pod);
        assert!(file.is_newest_first && file.hits.len() == OBJECTS);
        assert!(kept("p256") && kept("p0") && !kept("p1"));
    }

    #[test]
    fn what_a_runtime_wrapped_is_seen_as_it_was_written() {
        let file = scan(&[
            "{\"log\":\"cannot \",\"stream\":\"stderr\",\"time\":\"2026-11-21T09:34:42Z\"}\n",
            "{\"log\":\"other\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T09:34:42Z\"}\n{\"log\":\"open \\\"/a\\\"\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T09:34:43Z\"}\n",
        ]);
        assert_eq!((file.hits.len(), file.lines), (1, 3));
        assert_eq!(
            (file.hits[0].line, file.hits[0].captures["file"].as_str()),
            (1, "\"/a\"")
        );
        assert_eq!(file.hits[0].text, "2026-11-21T09:34:42Z stderr F cannot open \"/a\"");
        let file = scan(&[
            "2026-11-21T09:34:42Z stdout P cannot op\n",
            "2026-11-21T09:34:42Z stdout F en /a\n",
        ]);
        assert_eq!(file.hits[0].captures["file"], "/a");
        // A last part without an end is not lost.
        assert_eq!(scan(&["2026-11-21T09:34:42Z stdout P cannot open /a\n"]).hits.len(), 1);
    }

    #[test]
    fn a_journal_with_its_newest_line_first_is_turned_round() {
        let lines = [
            "45 h x: cannot open /a",
            "44 h x: cannot open /b",
            "43 h x: y",
            "42 h x: cannot open /a",
            "41 h x: z",
        ];
        let text: String = lines.iter().map(|line| format!("Nov 21 10:20:{line}\n")).collect();
        let file = scan(&[&text]);
        assert!(file.is_newest_first);
        assert!(file.first_stamped.unwrap().contains(":41") && file.last_stamped.unwrap().contains(":45"));
        assert!(file.tail.last().unwrap().text.contains(":45"));
        let hit = file.hits.iter().find(|hit| hit.captures["file"] == "/a").unwrap();
        assert_eq!((hit.line, hit.last.as_ref().unwrap().0), (4, 1));
        assert!(!scan(&["Nov 21 10:20:45 a\nNov 21 10:20:44 b\n"]).is_newest_first);
    }

    #[test]
    fn lines_of_other_logs_in_the_same_file_do_not_count() {
        let mut file = scan(&["a\nb\nc\nd\n"]);
        // Each of its lines is followed by four of another log.
        for (index, kept) in file.tail.iter_mut().enumerate() {
            kept.line = index as u64 * 5 + 101;
        }
        assert_eq!([101, 103, 116].map(|line| file.lines_after(line)), [3, 3, 0]);
        // Forty lines of the file before those that are kept, ten of which are its own.
        assert_eq!(file.lines_after(61), 13);
    }

    #[test]
    fn cutting_a_log_into_blocks_elsewhere_changes_nothing() {
        let whole = scan(&["a\ncannot open /a\nb\ncannot open /c\n"]);
        let cut = scan(&["a\n", "cannot open /a\nb\n", "cannot open /c\n"]);
        assert_eq!(format!("{:?}", whole.hits), format!("{:?}", cut.hits));
    }

    #[test]
    fn a_match_far_down_a_line_is_found_and_shown() {
        let padding = "x".repeat(5000);
        let file = scan(&[&format!("a\n2026-11-21T09:34:42Z {padding} cannot open /a\n")]);
        let [hit] = file.hits.as_slice() else {
            panic!("{:?}", file.hits)
        };
        assert!(hit.text.starts_with("2026-11-21T09:34:42Z ") && hit.text.ends_with("cannot open /a"));
        assert!(hit.text.len() <= LINE_KEPT);
        assert_eq!(file.cut_line, None);
    }

    #[test]
    fn a_line_is_searched_up_to_its_limit_and_that_is_said() {
        let padding = "x".repeat(10_000);
        let file = scan(&["a\nb\n", &format!("c\n{padding} cannot open /a\ncannot open /b\n")]);
        assert_eq!(file.hits.len(), 1);
        assert_eq!(file.cut_line, Some(4));
        assert_eq!(scan(&[&"y".repeat(10_000)]).cut_line, None, "exactly the limit");
    }

    #[test]
    fn complaints_are_the_same_however_a_log_is_cut() {
        let lines: Vec<String> = (0..300)
            .map(|n| format!("job {n} failed after {n}ms\nbeat\n"))
            .collect();
        let mine = |blocks: &[String]| {
            let set = SignatureSet::new([]).unwrap();
            let mut scan = LogScan::new(&set, EntryPath::new("a.log"), Stream::Unknown, 10_000).mining();
            let mut line = 1;
            for block in blocks {
                scan.feed(block, line);
                line += block.lines().count() as u64;
            }
            let templates = scan.finish().templates.into_iter();
            let shown: Vec<_> = templates
                .map(|found| (found.text, found.count, found.first.line, found.last.line, found.is_new))
                .collect();
            shown
        };
        let whole = mine(&[lines.concat()]);
        assert_eq!(whole, [("job <*> failed after <*>".to_owned(), 300, 1, 599, false)]);
        assert_eq!(mine(&lines), whole);
    }
}
