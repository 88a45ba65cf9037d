//! Two languages side by side.

use serde::{Deserialize, Serialize};

/// Opens a stretch of text that comes from a bundle or is a command: renderers show it as code.
///
/// A private-use character, so no wording can contain it by accident; [`code`] removes it from what a bundle says.
pub const CODE_OPEN: char = '\u{E000}';
/// Closes what [`CODE_OPEN`] opened.
pub const CODE_CLOSE: char = '\u{E001}';

/// Marks `value` as code, so that each renderer can escape and set it in its own way.
pub fn code(value: &str) -> String {
    format!("{CODE_OPEN}{}{CODE_CLOSE}", plain(value))
}

/// The text without code marks: for machines, and for values on their way into [`code`].
pub fn plain(text: &str) -> String {
    text.chars().filter(|&c| c != CODE_OPEN && c != CODE_CLOSE).collect()
}

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lang {
    /// Simplified Chinese (`zh-CN`).
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The code used in file names and on the command line: `zh` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The BCP 47 tag used in HTML and front matter: `zh-CN` or `en`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }
}

/// One sentence or word in both languages. Written in one language only, it says the same in the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Text {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    zh: Option<String>,
    en: Option<String>,
}

impl TryFrom<Written> for Text {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match (written.zh, written.en) {
            (Some(zh), Some(en)) => Ok(Self { zh, en }),
            (Some(text), None) | (None, Some(text)) => Ok(Self::same(text)),
            (None, None) => Err("a text needs `en:`, `zh:` or both"),
        }
    }
}

impl Text {
    /// Both languages at once.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// A text that reads the same in both languages: a name, a command, a quoted line.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            zh: text.clone(),
            en: text,
        }
    }

    /// The text in one language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }

    /// True when neither language says anything.
    pub fn is_empty(&self) -> bool {
        self.zh.is_empty() && self.en.is_empty()
    }
}
