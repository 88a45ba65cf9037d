//! A stream of text in blocks of whole lines.

use std::io::{self, Read};

/// Bytes read at a time, unless a test says otherwise.
pub(super) const BLOCK: usize = 1 << 20;

/// Cuts what it reads after line ends. Of a line without an end in sight only the start is kept, so that memory is bounded.
pub(super) struct Blocks<'r> {
    content: &'r mut dyn Read,
    rest: Vec<u8>,
    longest: usize,
    size: usize,
    read: u64,
}

impl<'r> Blocks<'r> {
    /// `head` and then `content`, `size` bytes at a time. A line that is longer than `longest` and than a block is given as its first
    /// `longest + 1` bytes.
    pub(super) fn new(head: Vec<u8>, content: &'r mut dyn Read, longest: usize, size: usize) -> Self {
        Self {
            size,
            read: head.len() as u64,
            content,
            rest: head,
            longest,
        }
    }

    /// Bytes read so far, `head` included.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// The next whole lines; none at the end. A last line without a line end is whole too.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let unseen = self.rest.get(searched..).unwrap_or_default();
            if let Some(at) = memchr::memrchr(b'\n', unseen) {
                let rest = self.rest.split_off(searched + at + 1);
                return Ok(Some(std::mem::replace(&mut self.rest, rest)));
            }
            if self.rest.len() > self.longest.max(self.size) {
                return self.start_of_line().map(Some);
            }
            searched = self.rest.len();
            if self.more()? == 0 {
                let last = std::mem::take(&mut self.rest);
                return Ok((!last.is_empty()).then_some(last));
            }
        }
    }

    /// The start of the line in `rest`; its end is read and dropped.
    fn start_of_line(&mut self) -> io::Result<Vec<u8>> {
        let mut start = std::mem::take(&mut self.rest);
        start.truncate(self.longest.saturating_add(1));
        start.push(b'\n');
        while self.more()? > 0 {
            if let Some(at) = memchr::memchr(b'\n', &self.rest) {
                self.rest.drain(..=at);
                break;
            }
            self.rest.clear();
        }
        Ok(start)
    }

    fn more(&mut self) -> io::Result<usize> {
        let read = (&mut self.content).take(self.size as u64).read_to_end(&mut self.rest)?;
        self.read = self.read.saturating_add(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bundle::decode::to_text;
    use crate::logs::{LogFile, LogScan, SignatureSet, SignatureSpec, Stream};
    use crate::model::EntryPath;

    fn blocks(text: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut content = text;
        let mut blocks = Blocks::new(Vec::new(), &mut content, longest, BLOCK);
        let mut all = Vec::new();
        while let Some(block) = blocks.next().unwrap() {
            all.push(block);
        }
        assert_eq!(blocks.read(), text.len() as u64);
        all
    }

    #[test]
    fn lines_stay_whole_and_nothing_is_lost() {
        let text = "a line of some length\n".repeat(120_000);
        let blocks = blocks(text.as_bytes(), 100);
        assert!(blocks.len() > 1 && blocks.iter().all(|block| block.ends_with(b"\n")));
        assert_eq!(blocks.concat(), text.as_bytes());
    }

    #[test]
    fn of_an_endless_line_the_start_is_kept_and_the_next_line_is_whole() {
        let text = ["x".repeat(5 * BLOCK), "next".into(), "last".into()].join("\n");
        let blocks = blocks(text.as_bytes(), 100);
        assert_eq!(blocks.concat(), format!("{}\nnext\nlast", "x".repeat(101)).as_bytes());
    }

    fn signatures() -> SignatureSet {
        let spec = SignatureSpec {
            id: "s".into(),
            pattern: r"cannot open (?P<file>\S+)".into(),
            sources: Vec::new(),
            unless: None,
            within: None,
            tells_of_many: false,
        };
        SignatureSet::new([("r", &spec)]).unwrap()
    }

    /// Scans a log as it streams by, `size` bytes at a time.
    fn scanned(log: &[u8], size: usize) -> LogFile {
        let signatures = signatures();
        let mut scan = LogScan::new(&signatures, EntryPath::new("a.log"), Stream::Unknown, 10_000);
        let mut content = log;
        let mut blocks = Blocks::new(Vec::new(), &mut content, 10_000, size);
        let mut next = 1;
        while let Some(block) = blocks.next().unwrap() {
            scan.feed(&to_text(&block), next);
            next += memchr::memchr_iter(b'\n', &block).count() as u64;
        }
        scan.finish()
    }

    /// Lines of every kind, with hits, without, in parts, broken, in several bytes per character.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => prop::sample::select(vec![
                "2026-11-21T09:34:42.5Z cannot open /a", "cannot open /卷宗/b", "卷宗 nothing", "", "  ",
                "Exception in thread \"main\" java.lang.IllegalStateException: cannot open /c", "\tat com.example.Main(Main.java:1)",
                "Caused by: java.io.IOException: é cannot open /d", "\t... 3 more",
                "2026-11-21T09:34:43.5Z stdout F cannot open /e", "2026-11-21T09:34:43.5Z stderr P cannot op", "2026-11-21T09:34:44.5Z stderr F en /f",
                "{\"log\":\"cannot open /g\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T09:34:42Z\"}",
                "I1121 09:34:45.000000 1 a.go:1] \"x\" err=\"cannot open /h\"",
            ]).prop_map(|line| line.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>().prop_filter("one line", |byte| !matches!(byte, b'\n' | b'\r' | 0)), 0..30),
        ]
    }

    proptest! {
        #[test]
        fn a_log_reads_the_same_in_blocks_of_any_size(
            lines in prop::collection::vec((line(), prop::sample::select(vec!["\n", "\r\n"])), 0..40),
            ends in any::<bool>(),
            size in 1_usize..200,
        ) {
            let mut log: Vec<u8> = lines.iter().flat_map(|(line, end)| line.iter().chain(end.as_bytes())).copied().collect();
            if !ends {
                log.pop();
            }
            prop_assert_eq!(format!("{:?}", scanned(&log, size)), format!("{:?}", scanned(&log, BLOCK)));
        }
    }
}
