//! What has to stand beside a detector's word. A look at a few bytes tells most lines of a log apart, which say `secret` or `token` in
//! a sentence, before an expression reads the whole line.

/// What the expression of a detector cannot match without. Bytes that are not ASCII may fold to letters or be blanks, and always pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nothing that a look could tell.
    Anything,
    /// A colon or an equal sign after the name, and after its quotes and blanks.
    Sign,
    /// The name stands after a dash with which a flag starts.
    Dash,
    /// A colon before the name, its quotes and blanks: `"name": "DB_PASSWORD"`.
    Colon,
    /// The name stands after an angle.
    Angle,
    /// A blank after the word and its quotes.
    Blank,
    /// A blank after the word and its quotes, and behind it a word that is as long as what programs make.
    Made,
    /// The name is all of a cell: between the ends of the line, or what separates columns.
    Column,
    /// A bracket or an arrow behind the name and its quotes: `setPassword("X")`, `env["PASSWORD"] = "X"`, `'password' => 'X'`.
    Call,
    /// The name is all of an attribute's value: `key="DB_PASSWORD"`.
    Attribute,
}

/// The shortest word that is taken for made where only a blank stands before it.
const MADE: usize = 16;

impl Beside {
    /// How many there are.
    pub(super) const COUNT: usize = 10;

    /// False where no match can be about the word from `start` to `end`.
    pub(super) fn fits(self, text: &str, start: usize, end: usize) -> bool {
        let before = text.as_bytes().get(..start).unwrap_or_default();
        let after = text.as_bytes().get(end..).unwrap_or_default();
        match self {
            Self::Anything => true,
            Self::Sign => {
                let rest = after.iter().skip_while(in_name);
                next(rest.skip_while(|byte| is_quote(byte) || is_blank(byte)), b":=")
            }
            Self::Dash => {
                let name = before.iter().rev().take_while(in_name).count();
                let (rest, name) = before.split_at(before.len() - name);
                name.first() == Some(&b'-')
                    || name.windows(2).any(|pair| pair == b"--")
                    || rest.last().is_some_and(|byte| !byte.is_ascii())
            }
            Self::Colon => {
                let rest = before.iter().rev().skip_while(in_name);
                next(rest.skip_while(|byte| is_quote(byte) || is_blank(byte)), b":")
            }
            Self::Angle => next(before.iter().rev().skip_while(in_name), b"<"),
            Self::Made => {
                let rest = after.iter().skip_while(|byte| is_quote(byte));
                let behind = rest.clone().skip_while(|byte| is_blank(byte) || is_quote(byte));
                rest.clone()
                    .next()
                    .is_some_and(|byte| is_blank(byte) || !byte.is_ascii())
                    && behind.take(MADE).all(|byte| !is_blank(byte))
            }
            Self::Column => ends_cell(after_heading(after.iter())) && ends_cell(after_heading(before.iter().rev())),
            Self::Call => {
                let rest = after.iter().skip_while(in_name).skip_while(|byte| is_quote(byte));
                next(rest.skip_while(|byte| matches!(byte, b' ' | b'\t')), b"(]=")
            }
            Self::Attribute => {
                let mut rest = before
                    .iter()
                    .rev()
                    .skip_while(in_name)
                    .skip_while(|byte| is_blank(byte));
                rest.next().is_some_and(is_quote) && next(rest.skip_while(|byte| is_blank(byte)), b"=")
            }
            Self::Blank => {
                let mut rest = after.iter().skip_while(|byte| is_quote(byte));
                rest.next().is_some_and(|byte| is_blank(byte) || !byte.is_ascii())
            }
        }
    }
}

/// True where a cell ends: at the end of the line or at a separator, of which two blanks are one.
fn ends_cell<'t>(rest: impl Iterator<Item = &'t u8>) -> bool {
    let mut rest = rest.peekable();
    let mut blanks = 0;
    while rest.next_if(|byte| **byte == b' ').is_some() {
        blanks += 1;
    }
    // A remark in brackets or a star may stand behind a heading.
    blanks > 1 || rest.next().is_none_or(|byte| b"\n\r\t,;|(*".contains(byte))
}

/// What comes after the rest of a heading, of which two more words may stand on this side, and after its quotes.
fn after_heading<'t>(mut rest: impl Iterator<Item = &'t u8> + Clone) -> impl Iterator<Item = &'t u8> {
    for _ in 0..2 {
        let mut behind = rest.clone().skip_while(in_heading);
        let is_one_blank = behind.next() == Some(&b' ');
        let mut word = behind.clone();
        if !is_one_blank || !word.next().is_some_and(|byte| in_heading(&byte)) {
            break;
        }
        let words = rest.clone().take_while(in_heading).count();
        rest.nth(words);
    }
    rest.skip_while(in_heading).skip_while(|byte| is_quote(byte))
}

fn next<'t>(mut rest: impl Iterator<Item = &'t u8>, of: &[u8]) -> bool {
    rest.next().is_some_and(|byte| of.contains(byte) || !byte.is_ascii())
}

/// A part of a name, as [`super::detectors::key`] reads them.
fn in_name(byte: &&u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// As [`in_name`], of a heading in any script.
fn in_heading(byte: &&u8) -> bool {
    in_name(byte) || !byte.is_ascii()
}

fn is_quote(byte: &u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\')
}

fn is_blank(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == 0x0b
}
