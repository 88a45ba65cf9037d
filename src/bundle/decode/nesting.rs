//! How deep a YAML text nests, told without parsing it.
//!
//! libyaml looks at every open collection for each token (`yaml_parser_stale_simple_keys` in its `scanner.c`), so that 200 kB of `[`
//! take minutes, before any limit on recursion is asked.

/// Brackets that may be open when quotes and block scalars are not understood, as a bound on what this scan misunderstands.
const MAX_OPEN: usize = 1000;

/// The 1-based line at which the text has more than `deepest` levels, or none. Quotes and block scalars are told roughly, as they begin.
pub(super) fn too_deep(text: &str, deepest: usize) -> Option<usize> {
    let mut scan = Scan {
        deepest,
        ..Scan::default()
    };
    text.lines()
        .position(|line| scan.is_too_deep(line))
        .map(|index| index + 1)
}

#[derive(Default)]
struct Scan {
    /// Levels that a document may have.
    deepest: usize,
    /// Columns at which the open block collections begin.
    columns: Vec<usize>,
    /// Open flow collections.
    flow: usize,
    /// All brackets that are open, wherever they stand.
    open: usize,
    /// The quote of an open quoted scalar.
    quote: Option<u8>,
    /// The column of the key of an open block scalar: what is indented more is its text.
    scalar: Option<usize>,
}

impl Scan {
    fn is_too_deep(&mut self, line: &str) -> bool {
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => self.open += 1,
                b']' | b'}' => self.open = self.open.saturating_sub(1),
                _ => {}
            }
            if self.open > MAX_OPEN {
                return true;
            }
        }
        let text = line.trim_start_matches(' ');
        if text.trim().is_empty() {
            return false;
        }
        let indent = line.len() - text.len();
        if self.scalar.is_some_and(|column| indent > column) {
            return false;
        }
        self.scalar = None;
        if self.flow == 0 && self.quote.is_none() {
            self.enter_block(text, indent);
            if self.columns.len() > self.deepest {
                return true;
            }
        }
        if self.goes_too_deep_in_flow(text) {
            return true;
        }
        if self.flow == 0 && self.quote.is_none() && opens_block_scalar(text) {
            self.scalar = Some(indent);
        }
        false
    }

    /// Block collections that begin on this line: one at its indentation, and one for each indicator before the first word.
    fn enter_block(&mut self, text: &str, indent: usize) {
        while self.columns.last().is_some_and(|column| *column >= indent) {
            self.columns.pop();
        }
        let mut column = indent;
        let mut rest = text;
        self.columns.push(column);
        while let Some(after) = ["- ", "? ", ": "].iter().find_map(|mark| rest.strip_prefix(mark)) {
            let next = after.trim_start_matches(' ');
            column += rest.len() - next.len();
            rest = next;
            self.columns.push(column);
            if self.columns.len() > self.deepest {
                return;
            }
        }
    }

    fn goes_too_deep_in_flow(&mut self, text: &str) -> bool {
        // True where a new scalar or collection may begin: what stands inside a word means nothing.
        let mut is_start = true;
        let mut before = b' ';
        let mut escaped = false;
        for byte in text.bytes() {
            if let Some(quote) = self.quote {
                let ends = byte == quote && !escaped;
                escaped = quote == b'"' && byte == b'\\' && !escaped;
                if ends {
                    self.quote = None;
                    is_start = false;
                }
                before = byte;
                continue;
            }
            match byte {
                b'#' if before == b' ' => return false,
                b'"' | b'\'' if is_start => self.quote = Some(byte),
                b'[' | b'{' if is_start || self.flow > 0 => {
                    self.flow += 1;
                    if self.flow > self.deepest {
                        return true;
                    }
                    is_start = true;
                }
                b']' | b'}' => {
                    self.flow = self.flow.saturating_sub(1);
                    is_start = false;
                }
                b',' if self.flow > 0 => is_start = true,
                b':' | b'-' | b'?' => is_start = true,
                b' ' | b'\t' => is_start = is_start || matches!(before, b':' | b'-' | b'?'),
                _ => is_start = false,
            }
            before = byte;
        }
        false
    }
}

/// True when the line ends with the header of a block scalar: `|` or `>`, with at most a digit and a sign.
fn opens_block_scalar(text: &str) -> bool {
    text.split_whitespace().next_back().is_some_and(|word| {
        word.strip_prefix(['|', '>'])
            .is_some_and(|rest| rest.len() <= 2 && rest.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'+'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEEPEST: usize = 128;

    #[test]
    fn flow_block_and_compact_nesting_are_all_seen() {
        let flow = format!("kind: Pod\nmetadata: {}", "[".repeat(129));
        assert_eq!(too_deep(&flow, DEEPEST), Some(2));
        let staircase: String = (0..130).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert_eq!(too_deep(&staircase, DEEPEST), Some(129));
        let compact = format!("kind: Pod\nmetadata:\n  {}a\n", "- ".repeat(130));
        assert_eq!(too_deep(&compact, DEEPEST), Some(3));
        assert_eq!(too_deep(&format!("a: {}", "[\n".repeat(129)), DEEPEST), Some(129));
    }

    #[test]
    fn what_is_only_text_does_not_count() {
        let brackets = "[".repeat(500);
        for text in [
            format!("a: \"{brackets}\""),
            format!("a: '{brackets}'"),
            format!("a: x{brackets}"),
            format!("a: |\n  {brackets}\nb: 1"),
            format!("a: 1 # {brackets}"),
        ] {
            assert_eq!(too_deep(&text, DEEPEST), None, "{text}");
        }
    }

    #[test]
    fn many_siblings_are_not_deep() {
        let list = "- name: a\n  labels: {b: [c]}\n".repeat(5000);
        assert_eq!(too_deep(&format!("items:\n{list}"), DEEPEST), None);
    }

    #[test]
    fn an_open_quote_does_not_hide_any_depth() {
        let text = format!("a: b\n  \"c\nd: {}", "[".repeat(200_000));
        assert_eq!(too_deep(&text, DEEPEST), Some(3));
    }
}
