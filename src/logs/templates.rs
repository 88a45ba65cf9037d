//! What a log complains of, grouped: lines that differ only in numbers, names and addresses are one template.
//!
//! The grouping follows Drain (He, Zhu, Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017): lines
//! are told apart by their number of words and their first word, then by how many words agree at the same place. Memory is bounded,
//! and the result depends on the lines and their order alone, not on how they were cut into blocks.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};

use super::{TailLine, clean_line, stamp_of};

/// Templates kept for one log; lines of further ones are only counted.
const MOST_TEMPLATES: usize = 200;
/// Words of a line that are compared; the rest stands as one.
const MOST_WORDS: usize = 32;
/// Bytes of a line that are read and kept.
const LINE_KEPT: usize = 1024;
/// The share of words, in percent, that must agree for a line to be of a template.
const ALIKE: usize = 60;
/// Stretches into which a log is cut to tell when a template was written.
const STRETCHES: usize = 32;
/// Lines before a first occurrence without which it is not known to be new.
const BEFORE: u64 = 20;
/// What stands for the words in which lines of one template differ.
const ANY: &str = "<*>";

/// Lines of one form.
#[derive(Debug, Clone)]
pub struct LogTemplate {
    /// The words that all of them share; `<*>` stands for the others.
    pub text: String,
    /// How many lines there are.
    pub count: u64,
    /// The first in time.
    pub first: TailLine,
    /// The last in time.
    pub last: TailLine,
    /// True when the log was silent about it for its first quarter or more.
    pub is_new: bool,
    /// True when most of the lines stand close together although the log goes on far beyond.
    pub is_burst: bool,
}

/// Groups the complaints of one log as its lines are fed in order.
#[derive(Debug)]
pub(super) struct TemplateMiner {
    templates: Vec<Growing>,
    /// Lines that each stretch holds.
    width: u64,
}

#[derive(Debug)]
struct Growing {
    words: Vec<String>,
    count: u64,
    first: TailLine,
    last: TailLine,
    /// Lines of the template in each stretch of the log.
    stretches: [u64; STRETCHES],
}

impl TemplateMiner {
    pub(super) fn new() -> Self {
        Self {
            templates: Vec::new(),
            width: 16,
        }
    }

    /// Takes one line; `number` is 1-based and rises.
    pub(super) fn feed(&mut self, line: &str, number: u64) {
        let line = line.get(..line.floor_char_boundary(LINE_KEPT)).unwrap_or("");
        let said = without_stamp(clean_line(line));
        if !complains(said) {
            return;
        }
        while number / self.width >= STRETCHES as u64 {
            self.widen();
        }
        let stretch = usize::try_from(number / self.width).unwrap_or(STRETCHES);
        let words = words_of(said);
        let known = self
            .templates
            .iter()
            .enumerate()
            .filter_map(|(index, template)| Some((template.likeness(&words)?, index)))
            .max_by_key(|(likeness, index)| (*likeness, std::cmp::Reverse(*index)))
            .map(|(_, index)| index);
        let kept = TailLine {
            line: number,
            text: line.to_owned(),
        };
        let template = match known {
            Some(index) => self.templates.get_mut(index),
            None if self.templates.len() < MOST_TEMPLATES => {
                self.templates.push(Growing {
                    words: words.clone(),
                    count: 0,
                    first: kept.clone(),
                    last: kept.clone(),
                    stretches: [0; STRETCHES],
                });
                self.templates.last_mut()
            }
            None => None,
        };
        if let Some(template) = template {
            template.add(&words, kept, stretch);
        }
    }

    /// The templates, in order of their first line in time. `lines` is the length of the log; of one whose newest line stands first the
    /// order is turned round.
    pub(super) fn finish(self, lines: u64, is_newest_first: bool) -> Vec<LogTemplate> {
        let width = self.width;
        let mut templates: Vec<LogTemplate> = self
            .templates
            .into_iter()
            .map(|template| template.finish(lines, width, is_newest_first))
            .collect();
        if is_newest_first {
            templates.sort_by_key(|template| std::cmp::Reverse(template.first.line));
        }
        templates
    }

    /// Makes every stretch twice as long.
    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        for template in &mut self.templates {
            let mut wider = [0; STRETCHES];
            for (pair, into) in template.stretches.chunks(2).zip(&mut wider) {
                *into = pair.iter().sum();
            }
            template.stretches = wider;
        }
    }
}

impl Growing {
    /// How many words agree, or none when too few do. The first word and the number of words decide before all others.
    fn likeness(&self, words: &[String]) -> Option<usize> {
        if self.words.len() != words.len() || self.words.first() != words.first() {
            return None;
        }
        let agree = self
            .words
            .iter()
            .zip(words)
            .filter(|(mine, other)| mine == other)
            .count();
        (agree * 100 >= words.len() * ALIKE).then_some(agree)
    }

    fn add(&mut self, words: &[String], line: TailLine, stretch: usize) {
        for (mine, other) in self.words.iter_mut().zip(words) {
            if mine != other {
                ANY.clone_into(mine);
            }
        }
        self.count += 1;
        self.last = line;
        if let Some(count) = self.stretches.get_mut(stretch) {
            *count += 1;
        }
    }

    fn finish(self, lines: u64, width: u64, is_newest_first: bool) -> LogTemplate {
        let (first, last) = if is_newest_first {
            (self.last, self.first)
        } else {
            (self.first, self.last)
        };
        let before = if is_newest_first {
            lines.saturating_sub(first.line)
        } else {
            first.line.saturating_sub(1)
        };
        // Four neighbouring stretches are an eighth of the longest log of this width.
        let densest = self
            .stretches
            .windows(4)
            .map(|near| near.iter().sum::<u64>())
            .max()
            .unwrap_or(0);
        LogTemplate {
            text: self.words.join(" "),
            count: self.count,
            is_new: before >= BEFORE && before * 4 >= lines,
            is_burst: self.count >= 5 && densest * 10 >= self.count * 9 && lines >= width * 8,
            first,
            last,
        }
    }
}

/// The line behind the time that it begins with; klog's head stays, for its letter tells of trouble.
fn without_stamp(line: &str) -> &str {
    let time = stamp_of(line).and_then(|(_, raw)| line.strip_prefix(raw));
    time.map_or(line, str::trim_start)
}

/// True for a line that tells of trouble, by the words that programs use for it.
fn complains(line: &str) -> bool {
    // A stack's frames belong to the line above them.
    !line.starts_with([' ', '\t'])
        && (TROUBLE.as_ref().is_some_and(|words| words.is_match(line)) || is_klog_trouble(line))
}

/// None only if the automaton cannot be built, which a test would find.
static TROUBLE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    const WORDS: [&str; 20] = [
        "error",
        "exception",
        "fatal",
        "panic",
        "critical",
        "traceback",
        "failed",
        "failure",
        "cannot",
        "can't",
        "could not",
        "unable to",
        "refused",
        "denied",
        "timed out",
        "timeout",
        "unreachable",
        "unavailable",
        "warn",
        "not found",
    ];
    AhoCorasickBuilder::new().ascii_case_insensitive(true).build(WORDS).ok()
});

/// `E0101 10:20:42.123456`, `W…`, `F…`: the head of klog (k8s.io/klog `formatHeader`).
fn is_klog_trouble(line: &str) -> bool {
    let mut bytes = line.bytes();
    matches!(bytes.next(), Some(b'E' | b'W' | b'F')) && bytes.by_ref().take(4).filter(u8::is_ascii_digit).count() == 4
}

/// The words of a line, with everything that names an instance (numbers, addresses, ids, quoted values) made alike.
fn words_of(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        if words.len() == MOST_WORDS {
            words.pop();
            words.push(ANY.to_owned());
            break;
        }
        words.push(general(word));
    }
    words
}

/// A word with its runs of digits, and what looks like an id, made alike: `pod-7f9c/3` → `<*>`, `code=503` → `code=<*>`.
fn general(word: &str) -> String {
    let (name, value) = match word.find(['=', ':']) {
        Some(at) if at + 1 < word.len() => word.split_at(at + 1),
        _ => ("", word),
    };
    let is_plain = |text: &str| !text.bytes().any(|byte| byte.is_ascii_digit());
    match (is_plain(name), is_plain(value)) {
        (true, true) => word.to_owned(),
        (true, false) => format!("{name}{ANY}"),
        _ => ANY.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine(lines: &[String]) -> Vec<LogTemplate> {
        let mut miner = TemplateMiner::new();
        for (number, line) in (1..).zip(lines) {
            miner.feed(line, number);
        }
        miner.finish(lines.len() as u64, false)
    }

    #[test]
    fn lines_that_differ_in_numbers_are_one_template() {
        let lines: Vec<String> = (0..40)
            .map(|n| format!("request {n} failed: upstream 10.0.0.{n}:8080 answered code={n}"))
            .chain(["listening on 8080".to_owned()])
            .collect();
        let found = mine(&lines);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].text, "request <*> failed: upstream <*> answered code=<*>");
        assert_eq!((found[0].count, found[0].first.line, found[0].last.line), (40, 1, 40));
    }

    #[test]
    fn what_begins_late_is_new_and_what_was_always_there_is_not() {
        let mut lines: Vec<String> = Vec::new();
        for n in 0..200 {
            lines.push(format!("WARN cache miss {n}"));
            if n > 150 {
                lines.push(format!("ERROR ledger {n} is locked"));
            }
        }
        let found = mine(&lines);
        let news: Vec<(&str, bool)> = found.iter().map(|found| (found.text.as_str(), found.is_new)).collect();
        assert_eq!(
            news,
            [("WARN cache miss <*>", false), ("ERROR ledger <*> is locked", true)]
        );
    }

    #[test]
    fn many_lines_close_together_are_a_burst() {
        let mut lines: Vec<String> = (0..2000).map(|n| format!("served {n}")).collect();
        for line in &mut lines[1000..1040] {
            *line = "ERROR pool exhausted".to_owned();
        }
        let found = mine(&lines);
        assert_eq!((found.len(), found[0].count, found[0].is_burst), (1, 40, true));
    }

    #[test]
    fn memory_stays_bounded_whatever_a_log_says() {
        let lines: Vec<String> = (0..5000)
            .map(|n: u32| {
                let letters: String = n
                    .to_string()
                    .bytes()
                    .map(|digit| char::from(digit - b'0' + b'a'))
                    .collect();
                format!("{letters} failed")
            })
            .collect();
        assert_eq!(mine(&lines).len(), MOST_TEMPLATES);
        assert!(words_of(&"word ".repeat(10_000)).len() <= MOST_WORDS);
    }

    #[test]
    fn of_a_journal_with_its_newest_line_first_the_last_line_is_the_first_in_time() {
        let mut miner = TemplateMiner::new();
        miner.feed("E1121 10:20:44.1 1 a.go:1] lost", 3);
        miner.feed("E1121 10:20:43.1 1 a.go:1] lost", 9);
        let found = miner.finish(10, true);
        assert_eq!((found[0].first.line, found[0].last.line), (9, 3));
    }
}
