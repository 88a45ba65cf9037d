//! What people answered: a TOML file with the ids of blanks as keys. It fills the blanks of a report, and of the next one too.

use thiserror::Error;
use toml::de::{DeTable, DeValue};

use super::model::{Answer, PostMortem};
use crate::model::near::{nearest, position};
use crate::model::plain;

/// States of a post-mortem; the key `status` of the file.
const STATUS: [&str; 4] = ["draft", "review", "reviewed", "closed"];

/// Why answers cannot be used: where, what, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct AnswerError {
    line: usize,
    column: usize,
    message: String,
}

/// Answers by the ids of their blanks.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    status: Option<&'static str>,
    given: Vec<Given>,
}

#[derive(Debug, Clone)]
struct Given {
    id: String,
    value: String,
    place: (usize, usize),
}

impl Answers {
    /// Reads the file.
    ///
    /// # Errors
    /// It is no TOML, or a value is a list.
    pub fn parse(text: &str) -> Result<Self, AnswerError> {
        let table = DeTable::parse(text).map_err(|error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            AnswerError {
                line,
                column,
                message: error.message().to_owned(),
            }
        })?;
        let mut answers = Self::default();
        answers.take("", table.get_ref(), text)?;
        Ok(answers)
    }

    fn take(&mut self, prefix: &str, table: &DeTable<'_>, text: &str) -> Result<(), AnswerError> {
        for (key, value) in table {
            let place = position(text, key.span().start);
            let id = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            let value = match value.get_ref() {
                DeValue::Table(inner) => {
                    self.take(&id, inner, text)?;
                    continue;
                }
                DeValue::Array(_) => return Err(wrong(place, format!("{id} is a list; an answer is one value"))),
                DeValue::String(value) => value.trim().to_owned(),
                DeValue::Integer(value) => value.as_str().to_owned(),
                DeValue::Float(value) => value.as_str().to_owned(),
                DeValue::Boolean(value) => value.to_string(),
                DeValue::Datetime(value) => value.to_string(),
            };
            if id == "status" {
                let known = STATUS.into_iter().find(|known| *known == value);
                self.status =
                    Some(known.ok_or_else(|| wrong(place, format!("status is {value:?}; use {}", STATUS.join(", "))))?);
            } else if !value.is_empty() {
                // An empty answer leaves its blank a blank, so that a file can be prepared.
                self.given.push(Given { id, value, place });
            }
        }
        Ok(())
    }

    /// Fills the blanks of a report. `mask` hides secrets, which people paste too.
    ///
    /// # Errors
    /// The report has no blank of this id.
    pub fn fill(&self, report: &mut PostMortem, mut mask: impl FnMut(&str) -> String) -> Result<(), AnswerError> {
        for Given { id, value, place } in &self.given {
            let Some(at) = report.blanks.iter().position(|blank| blank.id == *id) else {
                let known = report.blanks.iter().map(|blank| blank.id.as_str()).chain(["status"]);
                let hint = nearest(id, known)
                    .map(|near| format!("; did you mean {near}?"))
                    .unwrap_or_default();
                return Err(wrong(*place, format!("the report has no blank {id}{hint}")));
            };
            let blank = report.blanks.remove(at);
            let value = plain(&mask(value));
            report.answers.push(Answer { blank, value });
        }
        if let Some(status) = self.status {
            report.incident.status = status;
        }
        Ok(())
    }
}

fn wrong((line, column): (usize, usize), message: String) -> AnswerError {
    AnswerError { line, column, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Lang;
    use crate::report::fixture::incident;
    use crate::report::{Format, render};

    fn filled(text: &str) -> Result<PostMortem, String> {
        let mut report = incident();
        let answers = Answers::parse(text).map_err(|error| error.to_string())?;
        answers
            .fill(&mut report, |value| value.replace("hunter2", "‹password-1›"))
            .map_err(|error| error.to_string())?;
        Ok(report)
    }

    #[test]
    fn an_answer_takes_the_place_of_its_blank_and_is_marked() {
        let before = incident();
        let report = filled("status = \"review\"\nreporter = \"on-call, login hunter2\"\n").unwrap();
        assert_eq!(report.blanks.len() + 1, before.blanks.len());
        assert_eq!(report.incident.status, "review");
        for (lang, shown) in [(Lang::Zh, "〔人工〕"), (Lang::En, "human")] {
            for format in [Format::Markdown, Format::Html, Format::Jira, Format::Text] {
                let text = render(&report, lang, format).unwrap();
                assert!(
                    text.contains("on-call, login ‹password-1›") && text.contains(shown),
                    "{format}: {text}"
                );
                assert!(
                    !text.contains("blank:reporter") && !text.contains("hunter2"),
                    "{format}"
                );
            }
        }
    }

    #[test]
    fn an_empty_answer_leaves_the_blank() {
        assert_eq!(
            filled("reporter = \"\"\n").unwrap().blanks.len(),
            incident().blanks.len()
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_the_nearest_id() {
        for (text, words) in [
            (
                "\n reportr = \"x\"\n",
                "line 2, column 2: the report has no blank reportr; did you mean reporter?",
            ),
            ("reporter = [1]\n", "line 1, column 1: reporter is a list"),
            (
                "status = \"done\"\n",
                "line 1, column 1: status is \"done\"; use draft, review",
            ),
            ("reporter = \n", "line 1, column "),
        ] {
            let error = filled(text).unwrap_err();
            assert!(error.starts_with(words), "{error}");
        }
    }

    #[test]
    fn tables_are_parts_of_ids_and_dates_are_text() {
        let answers =
            Answers::parse("[time]\noccurred = 2026-11-21T09:00:00Z\n[action.a1]\nowner = \"platform\"\n").unwrap();
        let ids: Vec<(&str, &str)> = answers
            .given
            .iter()
            .map(|given| (given.id.as_str(), given.value.as_str()))
            .collect();
        assert!(
            ids.contains(&("time.occurred", "2026-11-21T09:00:00Z")) && ids.contains(&("action.a1.owner", "platform")),
            "{ids:?}"
        );
    }
}
