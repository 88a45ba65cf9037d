//! Text with structure: what a sentence is made of before a format gives it a shape.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value};

use crate::model::{CODE_CLOSE, CODE_OPEN, Confidence};

/// One stretch of a [`Rich`] text. Nothing here is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    /// Words.
    Text(String),
    /// A name, a command, a quote: shown as code.
    Code(String),
    /// A reference to an entry of the report, such as `E7`; `linked` when that entry exists.
    Ref { id: String, linked: bool },
    /// How sure a statement is: shape and word.
    Badge { confidence: Confidence, word: String },
    /// A place for a person to fill. `shown` is the whole visible text.
    Blank { id: String, required: bool, shown: String },
}

/// A sentence or a cell, ready to be escaped and shaped by the format that prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rich(pub(super) Vec<Inline>);

impl Rich {
    /// Reads code marks. A mark without its partner is dropped, so that text from a bundle cannot open code elsewhere.
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(CODE_OPEN) {
            let Some((inside, tail)) = after.split_once(CODE_CLOSE) else {
                break;
            };
            push_text(&mut parts, before);
            parts.push(Inline::Code(without_marks(inside)));
            rest = tail;
        }
        push_text(&mut parts, rest);
        Self(parts)
    }

    /// Code as a whole; nothing when `value` is empty.
    pub(super) fn code(value: &str) -> Self {
        if value.is_empty() {
            Self::default()
        } else {
            Self(vec![Inline::Code(without_marks(value))])
        }
    }

    /// Appends words.
    pub(super) fn push(&mut self, words: &str) {
        push_text(&mut self.0, words);
    }

    /// Appends another text after `separator`; the separator only stands between two texts.
    pub(super) fn append(&mut self, separator: &str, other: Self) {
        if other.0.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.push(separator);
        }
        self.0.extend(other.0);
    }

    /// The texts one after the other, with `separator` between them.
    pub(super) fn join(parts: impl IntoIterator<Item = Self>, separator: &str) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.append(separator, part);
        }
        all
    }
}

fn push_text(parts: &mut Vec<Inline>, text: &str) {
    let text = without_marks(text);
    if !text.is_empty() {
        parts.push(Inline::Text(text));
    }
}

fn without_marks(text: &str) -> String {
    crate::model::plain(text)
}

impl From<Rich> for Value {
    fn from(rich: Rich) -> Self {
        Self::from_object(rich)
    }
}

impl Object for Rich {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.0.is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_ref(), f)
    }
}

impl fmt::Display for Rich {
    /// Plain words, for titles and drawings; still to be escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Inline::Text(text) | Inline::Code(text) | Inline::Blank { shown: text, .. } => f.write_str(text)?,
                Inline::Ref { id, .. } => write!(f, "[{id}]")?,
                Inline::Badge { confidence, word } => write!(f, "{} {word}", shape(*confidence))?,
            }
        }
        Ok(())
    }
}

/// The shape that stands for a confidence wherever one is shown.
pub(super) fn shape(confidence: Confidence) -> char {
    match confidence {
        Confidence::Confirmed => '●',
        Confidence::Probable => '◕',
        Confidence::Possible => '◑',
        Confidence::RuledOut => '○',
        Confidence::Undetermined => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code;

    #[test]
    fn marks_become_code_and_stray_marks_vanish() {
        let rich = Rich::parse(&format!("pod {} fails{CODE_CLOSE}", code("shop/pay")));
        let expected = [
            Inline::Text("pod ".into()),
            Inline::Code("shop/pay".into()),
            Inline::Text(" fails".into()),
        ];
        assert_eq!(rich.0, expected);
        assert_eq!(Rich::parse(&format!("a{CODE_OPEN}b")).0, [Inline::Text("ab".into())]);
    }

    #[test]
    fn a_separator_stands_only_between_texts() {
        let joined = Rich::join(
            [Rich::default(), Rich::code("a"), Rich::default(), Rich::code("b")],
            ", ",
        );
        assert_eq!(joined.to_string(), "a, b");
    }
}
