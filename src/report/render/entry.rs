//! The one entry point of all renderers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{json, templates, view};
use crate::model::Lang;
use crate::report::locale::{LocaleError, Words};
use crate::report::model::PostMortem;

/// A form that a report can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// CommonMark with GitHub's tables.
    Markdown,
    /// One self-contained page.
    Html,
    /// The model, for programs.
    Json,
}

impl Format {
    /// Every format, in the order in which help lists them.
    pub const ALL: [Self; 3] = [Self::Markdown, Self::Html, Self::Json];

    /// The file name extension, without the dot; also the name of the format on the command line.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }

    /// Reads a comma list such as `md,html,json`; each format once, in the order given.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, UnknownFormat> {
        let mut formats = Vec::new();
        for name in list.split(',') {
            let format = name.trim().parse()?;
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        Ok(formats)
    }
}

/// A form that the comparison of two bundles can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonFormat {
    /// Lines for a terminal.
    Table,
    /// CommonMark with GitHub's tables.
    Markdown,
    /// The model, for programs.
    Json,
}

impl FromStr for ComparisonFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "table" => Ok(Self::Table),
            "markdown" | "md" => Ok(Self::Markdown),
            "json" => Ok(Self::Json),
            other => Err(format!("unknown format {other:?}: use table, markdown or json")),
        }
    }
}

/// The fixed words of a language.
pub(super) fn words_of(lang: Lang) -> Result<Words, RenderError> {
    Ok(Words::load(lang)?)
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// A format name that is none of [`Format::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown report format {0:?}: use md, html or json")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    /// Accepts the extension in any case.
    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.extension().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Why a report could not be written. None of these depends on what a bundle holds; each is a defect of this program.
#[derive(Debug, Error)]
pub enum RenderError {
    /// A template asks for something that the display form does not have.
    #[error("report template: {0:#}")]
    Template(#[from] minijinja::Error),
    /// The model cannot be written as JSON.
    #[error("report as json: {0}")]
    Json(#[from] serde_json::Error),
    /// A file of fixed words is not complete.
    #[error(transparent)]
    Locale(#[from] LocaleError),
}

/// Writes `report` in one language and one format. Equal inputs give equal bytes. JSON holds both languages whatever `lang` says.
pub fn render(report: &PostMortem, lang: Lang, format: Format) -> Result<String, RenderError> {
    if format == Format::Json {
        return json::render(report);
    }
    let words = Words::load(lang)?;
    let page = view::page(report, lang, &words);
    templates::render(format, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_list_keeps_its_order_and_drops_repeats() {
        assert_eq!(
            Format::parse_list("html, md,HTML").unwrap(),
            [Format::Html, Format::Markdown]
        );
        let error = Format::parse_list("md,pdf").unwrap_err().to_string();
        assert_eq!(error, "unknown report format \"pdf\": use md, html or json");
    }
}
