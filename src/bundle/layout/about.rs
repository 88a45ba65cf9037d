//! What `casefile formats` says of a layout. The wording stands beside the code that it describes.

use crate::model::Lang;

/// A sentence in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Simplified Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

impl Words {
    /// The sentence in one language.
    pub fn get(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::Zh => self.zh,
            Lang::En => self.en,
        }
    }
}

/// What people should know of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The command or program that makes such bundles, as people call it.
    pub made_by: &'static str,
    /// By what the layout is known, whatever the archive is called.
    pub known_by: Words,
    /// What is read of it.
    pub read: Words,
}
