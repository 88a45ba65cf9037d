//! Loads a language's fixed words.

use std::collections::BTreeMap;

use minijinja::value::Value;
use serde::Deserialize;
use thiserror::Error;

use crate::model::{Basis, Confidence, Lang, When};
use crate::report::model::CausalKind;

const ZH: &str = include_str!("zh.yaml");
const EN: &str = include_str!("en.yaml");

/// A file of fixed words does not have the words that the renderers need: a defect of this program.
#[derive(Debug, Error)]
#[error("fixed words of language {language}: {source}")]
pub struct LocaleError {
    language: &'static str,
    source: serde_yaml::Error,
}

/// The words of one language.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// What Rust code uses; loading fails when one is missing.
    pub(crate) fixed: Fixed,
    /// Everything, by group and key, as templates use it; a template that asks for a missing one fails.
    pub(crate) all: Value,
}

/// The groups that Rust code reads.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Fixed {
    pub(crate) blank: BlankWords,
    pub(crate) ticket: TicketWords,
    pub(crate) confidence: ConfidenceWords,
    pub(crate) precision: PrecisionWords,
    pub(crate) joint: JointWords,
    pub(crate) svg: SvgWords,
    pub(crate) causal: CausalWords,
    pub(crate) compare: CompareWords,
    /// What people call the kinds of things that are no objects of the API.
    pub(crate) thing: BTreeMap<String, String>,
    /// The word for each side of a comparison.
    pub(crate) role: BTreeMap<String, String>,
    /// The word for each kind of a row of the timeline.
    pub(crate) kind: BTreeMap<String, String>,
    /// The word for each outcome of a check.
    pub(crate) outcome: BTreeMap<String, String>,
    /// What people call each family of checks.
    pub(crate) family: BTreeMap<String, String>,
    /// The word for each effect on a resource.
    pub(crate) impact: BTreeMap<String, String>,
    /// The word for each datum that can differ.
    pub(crate) datum: BTreeMap<String, String>,
}

/// Words around the comparison of two bundles.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CompareWords {
    pub(crate) title: String,
    pub(crate) count: String,
    pub(crate) none: String,
    pub(crate) relevant: String,
    pub(crate) hidden_rows: String,
    pub(crate) apart: String,
}

/// What stands around the question of a blank.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BlankWords {
    pub(crate) open: String,
    pub(crate) close: String,
    /// What stands before it where somebody is proposed.
    pub(crate) suggested: String,
    /// What stands after an answer.
    pub(crate) human: String,
}

/// Words around a report that has to fit a tracker.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TicketWords {
    pub(crate) cut: String,
    /// Around what an issue leaves out: the limit, the parts, the file that has them.
    pub(crate) left_out: String,
    /// The same where the limit took nothing: the parts that never stand in an issue, the file that has them.
    pub(crate) not_part: String,
    /// A chapter that was begun.
    pub(crate) from: String,
    /// Between parts.
    pub(crate) list: String,
    pub(crate) internal_note: String,
    pub(crate) public_reply: String,
    pub(crate) public_summary: String,
    pub(crate) public_summary_text: String,
    pub(crate) public_happened: String,
    pub(crate) public_happened_text: String,
    pub(crate) public_doing: String,
    pub(crate) public_doing_text: String,
}

/// The word for a confidence; empty when the language's words do not load, which a test rules out.
pub fn confidence_word(confidence: Confidence, lang: Lang) -> String {
    Words::load(lang)
        .map(|words| words.fixed.confidence.get(confidence).to_owned())
        .unwrap_or_default()
}

/// One word for each confidence.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ConfidenceWords {
    confirmed: String,
    probable: String,
    possible: String,
    ruled_out: String,
    undetermined: String,
}

impl ConfidenceWords {
    /// The word for a confidence.
    pub(crate) fn get(&self, confidence: Confidence) -> &str {
        match confidence {
            Confidence::Confirmed => &self.confirmed,
            Confidence::Probable => &self.probable,
            Confidence::Possible => &self.possible,
            Confidence::RuledOut => &self.ruled_out,
            Confidence::Undetermined => &self.undetermined,
        }
    }
}

/// One word for each way in which a time can be known.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct PrecisionWords {
    exact: String,
    second: String,
    interval: String,
    tz_assumed: String,
    zone_matched: String,
    year_inferred: String,
    relative: String,
    mtime: String,
}

impl PrecisionWords {
    /// The word for a time.
    pub(crate) fn get(&self, when: &When) -> &str {
        match when.basis {
            Basis::Exact if when.is_to_the_second() => &self.second,
            Basis::Exact if when.is_instant() => &self.exact,
            Basis::Exact => &self.interval,
            Basis::TzAssumed => &self.tz_assumed,
            Basis::ZoneMatched => &self.zone_matched,
            Basis::YearInferred => &self.year_inferred,
            Basis::Relative => &self.relative,
            Basis::Mtime => &self.mtime,
        }
    }
}

/// Punctuation and small words between parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct JointWords {
    pub(crate) items: String,
    pub(crate) list: String,
    pub(crate) open: String,
    pub(crate) close: String,
    pub(crate) until: String,
    pub(crate) ongoing: String,
    pub(crate) more_chars: String,
    pub(crate) colon: String,
    pub(crate) in_file_of: String,
    pub(crate) more_in: String,
    pub(crate) in_full: String,
    pub(crate) same_as: String,
    pub(crate) unsupported: String,
    pub(crate) unnamed: String,
    pub(crate) verdict: String,
}

/// Words of the drawings.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct SvgWords {
    pub(crate) timeline_title: String,
    pub(crate) timeline_desc: String,
    pub(crate) graph_title: String,
    pub(crate) graph_desc: String,
    pub(crate) milestones: String,
    pub(crate) others: String,
    pub(crate) no_data: String,
}

/// One word for each kind of causal node.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CausalWords {
    trigger: String,
    condition: String,
    failure: String,
    impact: String,
    barrier: String,
}

impl CausalWords {
    /// The word for a kind.
    pub(crate) fn get(&self, kind: CausalKind) -> &str {
        match kind {
            CausalKind::Trigger => &self.trigger,
            CausalKind::Condition => &self.condition,
            CausalKind::Failure => &self.failure,
            CausalKind::Impact => &self.impact,
            CausalKind::Barrier => &self.barrier,
        }
    }
}

impl Words {
    /// Reads the words of `lang` that are compiled in.
    pub(crate) fn load(lang: Lang) -> Result<Self, LocaleError> {
        let source = match lang {
            Lang::Zh => ZH,
            Lang::En => EN,
        };
        let fail = |source| LocaleError {
            language: lang.code(),
            source,
        };
        let all: BTreeMap<String, BTreeMap<String, String>> = serde_yaml::from_str(source).map_err(fail)?;
        // Fixed words are ours and hold no markup (a test looks): they are not escaped, so that `(` after a blank stays one.
        let safe = |words: BTreeMap<String, String>| -> BTreeMap<String, Value> {
            words
                .into_iter()
                .map(|(key, word)| (key, Value::from_safe_string(word)))
                .collect()
        };
        let all: BTreeMap<String, Value> = all
            .into_iter()
            .map(|(group, words)| (group, Value::from(safe(words))))
            .collect();
        Ok(Self {
            fixed: serde_yaml::from_str(source).map_err(fail)?,
            all: Value::from(all),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn fixed_words_hold_no_markup() {
        for source in [ZH, EN] {
            let groups: BTreeMap<String, BTreeMap<String, String>> = serde_yaml::from_str(source).unwrap();
            let words = groups.values().flat_map(BTreeMap::values);
            words.for_each(|word| assert!(!word.contains(['<', '>', '&', '`', '*', '|']), "{word}"));
        }
    }

    fn keys(source: &str) -> BTreeSet<(String, String)> {
        let groups: BTreeMap<String, BTreeMap<String, String>> = serde_yaml::from_str(source).unwrap();
        groups
            .into_iter()
            .flat_map(|(group, words)| words.into_keys().map(move |key| (group.clone(), key)))
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_keys() {
        let (zh, en) = (keys(ZH), keys(EN));
        assert_eq!(
            zh.symmetric_difference(&en).collect::<Vec<_>>(),
            Vec::<&(String, String)>::new()
        );
        assert!(zh.len() > 100);
    }

    #[test]
    fn english_words_are_english() {
        let cjk = |c: char| ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c);
        assert_eq!(
            EN.lines().filter(|line| line.contains(cjk)).collect::<Vec<_>>(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn both_languages_load() {
        for lang in [Lang::Zh, Lang::En] {
            Words::load(lang).unwrap();
        }
    }
}
