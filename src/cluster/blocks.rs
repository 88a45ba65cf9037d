//! A stream of text in blocks of whole lines.

use std::io::{self, Read};

/// Bytes read at a time.
pub(super) const BLOCK: usize = 1 << 20;

/// Cuts what it reads after line ends. Of a line without an end in sight only the start is kept, so that memory is bounded.
pub(super) struct Blocks<'r> {
    content: &'r mut dyn Read,
    rest: Vec<u8>,
    longest: usize,
    read: u64,
}

impl<'r> Blocks<'r> {
    /// `head` and then `content`. A line that is longer than `longest` and than a block is given as its first `longest + 1` bytes.
    pub(super) fn new(head: Vec<u8>, content: &'r mut dyn Read, longest: usize) -> Self {
        Self {
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
            if self.rest.len() > self.longest.max(BLOCK) {
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
        let read = (&mut self.content).take(BLOCK as u64).read_to_end(&mut self.rest)?;
        self.read = self.read.saturating_add(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut content = text;
        let mut blocks = Blocks::new(Vec::new(), &mut content, longest);
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
}
