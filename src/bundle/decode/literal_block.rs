//! Literal blocks of YAML: `|` and the lines below it (YAML 1.1 §9.3.1).

use super::block_yaml::Unusual;

/// What becomes of the line ends at the end of a block.
#[derive(Clone, Copy)]
pub(super) enum Header {
    /// `|`: one is kept.
    Clip,
    /// `|-`: none is kept.
    Strip,
    /// `|+`: all are kept.
    Keep,
}

impl Header {
    /// The header of a block whose indentation its first line tells.
    pub(super) fn of(text: &str) -> Option<Self> {
        match text {
            "|" => Some(Self::Clip),
            "|-" => Some(Self::Strip),
            "|+" => Some(Self::Keep),
            _ => None,
        }
    }
}

/// Reads the block that `lines` begin with, below a key or dash at `parent`; gives its text and the number of its lines.
///
/// A block that goes on to the end of the document is unusual, as are blank lines of several lengths before its first line: what they
/// mean is not worth knowing.
pub(super) fn literal(header: Header, lines: &[&str], parent: usize) -> Result<(String, usize), Unusual> {
    let leading = lines.iter().take_while(|line| line.is_empty()).count();
    let first = lines.get(leading).ok_or(Unusual)?;
    let indent = spaces(first);
    if indent <= parent || matches!(first.as_bytes().get(indent), None | Some(b'\t')) {
        return Err(Unusual);
    }
    let mut text = String::new();
    // Line ends that belong to the block if it goes on.
    let mut ends = leading;
    for (index, line) in lines.iter().enumerate().skip(leading) {
        let column = spaces(line);
        // A line of just the indentation is blank too.
        if column == line.len() && column <= indent {
            ends += 1;
            continue;
        }
        if column < indent {
            return match line.as_bytes().get(column) {
                Some(b'\t') => Err(Unusual),
                _ => Ok((ended(header, text, ends), index)),
            };
        }
        text.extend(std::iter::repeat_n('\n', ends));
        text.push_str(line.get(indent..).ok_or(Unusual)?);
        ends = 1;
    }
    Err(Unusual)
}

fn spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn ended(header: Header, mut text: String, ends: usize) -> String {
    let kept = match header {
        Header::Strip => 0,
        Header::Clip => 1,
        Header::Keep => ends,
    };
    text.extend(std::iter::repeat_n('\n', kept));
    text
}
