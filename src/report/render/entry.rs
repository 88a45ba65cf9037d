//! The one entry point of all renderers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::machine::{actions, junit, rows, sarif};
use super::style::{Flavor, Style};
use super::{adf, json, templates, ticket, view};
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
    /// Results for tools of static analysis, SARIF 2.1.0.
    Sarif,
    /// Checks as test cases, for CI.
    Junit,
    /// The timeline for spreadsheets.
    Csv,
    /// The timeline as JSON Lines.
    Jsonl,
    /// Title and body of an issue on GitHub.
    GithubIssue,
    /// Summary and description of an issue in Jira, in wiki markup.
    Jira,
    /// The same as fields of a request to Jira Cloud, in its document format (ADF).
    JiraAdf,
    /// A ticket in Zendesk: the internal note, and a draft of the public reply without names of machines.
    Zendesk,
    /// The improvement actions for an import, one ticket a row.
    ActionsCsv,
    /// The same for programs.
    ActionsJson,
    /// The report in short, for a terminal or an e-mail.
    Text,
    /// Cause, object, confidence, impact and first command for a chat, in Markdown of 2,000 characters at most.
    Summary,
}

impl Format {
    /// Every format, in the order in which help lists them.
    pub const ALL: [Self; 15] = [
        Self::Markdown,
        Self::Html,
        Self::Json,
        Self::Sarif,
        Self::Junit,
        Self::Csv,
        Self::Jsonl,
        Self::GithubIssue,
        Self::Jira,
        Self::JiraAdf,
        Self::Zendesk,
        Self::ActionsCsv,
        Self::ActionsJson,
        Self::Text,
        Self::Summary,
    ];

    /// What is written when no format is asked for: the report for people, for browsers, and for programs.
    pub const DEFAULT: [Self; 3] = [Self::Markdown, Self::Html, Self::Json];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::GithubIssue => "github-issue",
            Self::Jira => "jira",
            Self::JiraAdf => "jira-adf",
            Self::Zendesk => "zendesk",
            Self::ActionsCsv => "actions-csv",
            Self::ActionsJson => "actions-json",
            Self::Text => "text",
            Self::Summary => "summary",
        }
    }

    /// What follows the bundle and the language in the name of a file, without the first dot. No two formats share it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown | Self::Html | Self::Json | Self::Sarif => self.name(),
            Self::Junit => "junit.xml",
            Self::Csv => "timeline.csv",
            Self::Jsonl => "timeline.jsonl",
            Self::GithubIssue => "github-issue.md",
            Self::Jira => "jira.txt",
            Self::JiraAdf => "jira-adf.json",
            Self::Zendesk => "zendesk.md",
            Self::ActionsCsv => "actions.csv",
            Self::ActionsJson => "actions.json",
            Self::Text => "txt",
            Self::Summary => "summary.md",
        }
    }

    /// The format that a file's name ends with: `x.json`, `x.junit.xml`, `x.csv`.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends_with = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'));
        let fits = |format: &Self| ends_with(format.extension()) || ends_with(format.file_ending());
        // The longest ending says most: `x.github-issue.md` ends with `md` too. Of equals the first of the list: `x.csv` is the timeline.
        Self::ALL.into_iter().rev().filter(fits).max_by_key(|format| {
            if ends_with(format.extension()) {
                format.extension().len()
            } else {
                0
            }
        })
    }

    /// The last part of a file's name, which other programs go by: `xml` of a JUnit report.
    pub fn file_ending(self) -> &'static str {
        self.extension().rsplit('.').next().unwrap_or_default()
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
        f.write_str(self.name())
    }
}

/// A format name that is none of [`Format::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown report format {0:?}: use {names}", names = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    /// Accepts the name in any case.
    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
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
    /// The timeline or the actions cannot be written as CSV.
    #[error("rows as csv: {0}")]
    Csv(#[from] csv::Error),
    /// A file of fixed words is not complete.
    #[error(transparent)]
    Locale(#[from] LocaleError),
}

/// Writes `report` in one language and one format, times in UTC, Markdown for anywhere.
pub fn render(report: &PostMortem, lang: Lang, format: Format) -> Result<String, RenderError> {
    render_as(report, &Style::new(lang), format)
}

/// Writes `report` in one style and one format. Equal inputs give equal bytes. JSON holds both languages and UTC whatever `style` says.
pub fn render_as(report: &PostMortem, style: &Style, format: Format) -> Result<String, RenderError> {
    let lang = style.lang;
    match format {
        Format::Json => json::document(report),
        Format::Sarif => json::document(&sarif::document(report, lang)),
        Format::Junit => Ok(junit::document(report, lang)),
        Format::Csv => Ok(rows::csv(report, lang)?),
        Format::Jsonl => Ok(rows::json_lines(report, lang)?),
        Format::Markdown | Format::Html => page(report, style, format),
        Format::Text => Ok(ticket::text(report, lang, &page(report, style, format)?)),
        Format::GithubIssue => {
            let style = Style {
                flavor: Flavor::Github,
                ..style.clone()
            };
            Ok(ticket::github(report, lang, &page(report, &style, format)?)?)
        }
        Format::Summary => Ok(ticket::summary(lang, &page(report, style, format)?)?),
        Format::Jira => Ok(ticket::jira(report, lang, &page(report, style, format)?)?),
        Format::JiraAdf => {
            let words = Words::load(lang)?;
            json::document(&adf::document(report, style, &words, ticket::jira_title(report, lang)))
        }
        Format::Zendesk => Ok(ticket::zendesk(lang, &page(report, style, format)?)?),
        Format::ActionsCsv => Ok(actions::csv(report, lang)?),
        Format::ActionsJson => json::document(&actions::json(report, lang)),
    }
}

/// The display form in the template of a format.
fn page(report: &PostMortem, style: &Style, format: Format) -> Result<String, RenderError> {
    let words = Words::load(style.lang)?;
    templates::render(format, view::page(report, style, &words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_tells_its_format() {
        for (name, format) in [
            ("x.JSON", Some(Format::Json)),
            ("x.en.junit.xml", Some(Format::Junit)),
            ("x.xml", Some(Format::Junit)),
            ("x.csv", Some(Format::Csv)),
            ("x.timeline.jsonl", Some(Format::Jsonl)),
            ("x.github-issue.md", Some(Format::GithubIssue)),
            ("x.md", Some(Format::Markdown)),
            ("x.jira.txt", Some(Format::Jira)),
            ("x.jira-adf.json", Some(Format::JiraAdf)),
            ("x.actions.csv", Some(Format::ActionsCsv)),
            ("x.zendesk.md", Some(Format::Zendesk)),
            ("x.txt", Some(Format::Text)),
            ("x.tar.gz", None),
            ("md", None),
        ] {
            assert_eq!(Format::of_file_name(name), format, "{name}");
        }
    }

    #[test]
    fn a_format_list_keeps_its_order_and_drops_repeats() {
        assert_eq!(
            Format::parse_list("html, md,HTML").unwrap(),
            [Format::Html, Format::Markdown]
        );
        let error = Format::parse_list("md,pdf").unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown report format \"pdf\": use md, html, json, sarif, junit, csv, jsonl, github-issue, jira, jira-adf, zendesk, actions-csv, actions-json, text, summary"
        );
    }
}
