//! What changed, in sentences: since the baseline, and inside the bundle.

use serde_json::json;

use super::difference::{path_of, side, side_of};
use super::ledger::{Ledger, called};
use super::phrases::filled;
use crate::diagnosis::{Change, Difference, RecentChange, Side};
use crate::model::Text;
use crate::report::model::Sentence;

/// Changes that are told about one cause; the rest is counted.
const TOLD: usize = 3;

/// What changed since the baseline about a finding, then what changed inside the bundle just before it.
pub(super) fn about_finding(ledger: &mut Ledger<'_, '_>, finding: usize) -> Vec<Sentence> {
    let diagnosis = ledger.diagnosis;
    let mut sentences = Vec::new();
    let indices = diagnosis.changes.get(&finding).map_or(&[][..], Vec::as_slice);
    let different = diagnosis.differences.as_ref().map_or(&[][..], |found| &found.different);
    let changed = indices.iter().filter_map(|index| different.get(*index));
    for difference in changed.clone().take(TOLD) {
        sentences.push(since_baseline(ledger, difference));
    }
    let more = changed.count().saturating_sub(TOLD);
    if more > 0 {
        sentences.push(Sentence {
            text: filled("change.more", &[("count", json!(more))]),
            ..Sentence::default()
        });
    }
    sentences.extend(before_finding(ledger, finding));
    sentences
}

/// The change that tells most about a finding: what is gone is the failure itself, not what changed on the way to it.
pub(super) fn first_change(ledger: &mut Ledger<'_, '_>, finding: usize) -> Option<Sentence> {
    let diagnosis = ledger.diagnosis;
    let indices = diagnosis.changes.get(&finding).map_or(&[][..], Vec::as_slice);
    let different = diagnosis.differences.as_ref().map_or(&[][..], |found| &found.different);
    let is_loss = |difference: &&Difference| difference.path.is_empty() && difference.actual == Side::Absent;
    let mut changed = indices.iter().filter_map(|index| different.get(*index));
    match changed.find(|difference| !is_loss(difference)) {
        Some(difference) => Some(since_baseline(ledger, difference)),
        None => about_finding(ledger, finding).into_iter().next(),
    }
}

/// What changed inside the bundle just before a finding.
pub(super) fn before_finding(ledger: &mut Ledger<'_, '_>, finding: usize) -> Vec<Sentence> {
    let diagnosis = ledger.diagnosis;
    let preceding = diagnosis.preceded.get(&finding).map_or(&[][..], Vec::as_slice);
    let changes = preceding.iter().filter_map(|index| diagnosis.recent.get(*index));
    changes.take(TOLD).map(|change| inside(ledger, change)).collect()
}

/// "Changed since the baseline: X → Y", with both places.
pub(super) fn since_baseline(ledger: &mut Ledger<'_, '_>, difference: &Difference) -> Sentence {
    let refs = ledger.cite_all(&difference.evidence);
    let expected = side_of(ledger, difference, &difference.expected);
    let actual = side_of(ledger, difference, &difference.actual);
    let whole = |phrase: &str, side: Text| {
        let facts = [
            ("subject", called(&difference.subject).into()),
            ("is_cron", json!(difference.datum == "cron")),
            ("zh", side.zh.into()),
            ("en", side.en.into()),
        ];
        filled(phrase, &facts)
    };
    if difference.path.is_empty() {
        let text = match (&difference.expected, &difference.actual) {
            (Side::Absent, Side::Value(_)) => Some(whole("change.added", actual.clone())),
            (Side::Value(_), Side::Absent) => Some(whole("change.gone", expected.clone())),
            _ => None,
        };
        if let Some(text) = text {
            return Sentence {
                text,
                refs,
                confidence: None,
            };
        }
    }
    let facts = [
        ("subject", called(&difference.subject).into()),
        ("path", path_of(ledger, difference).into()),
        ("expected_zh", expected.zh.into()),
        ("expected_en", expected.en.into()),
        ("actual_zh", actual.zh.into()),
        ("actual_en", actual.en.into()),
    ];
    Sentence {
        text: filled("change.since-baseline", &facts),
        refs,
        confidence: None,
    }
}

/// A change that the bundle itself dates.
pub(super) fn inside(ledger: &mut Ledger<'_, '_>, change: &RecentChange) -> Sentence {
    let refs = ledger.cite_all(&change.evidence);
    let subject = ("subject", called(&change.subject).into());
    let text = match &change.what {
        Change::Rollout { revision, fields } => {
            let fields = field_changes(ledger, fields);
            let facts = [
                subject,
                ("revision", revision.clone().into()),
                ("fields_zh", fields.zh.into()),
                ("fields_en", fields.en.into()),
            ];
            filled("change.rollout", &facts)
        }
        Change::Release { name, revision, status } => {
            let facts = [
                subject,
                ("name", name.clone().into()),
                ("revision", revision.clone().into()),
                ("status", status.clone().into()),
            ];
            filled("change.release", &facts)
        }
        Change::Configured { manager } => filled("change.configured", &[subject, ("manager", manager.clone().into())]),
    };
    Sentence {
        text,
        refs,
        confidence: None,
    }
}

fn field_changes(ledger: &mut Ledger<'_, '_>, fields: &[(String, Side, Side)]) -> Text {
    let mut parts: Vec<Text> = Vec::new();
    for (path, before, after) in fields {
        let path = crate::model::code(&ledger.masker.mask(path));
        let (before, after) = (side(ledger, before), side(ledger, after));
        parts.push(Text::new(
            format!("{path} {} → {}", before.zh, after.zh),
            format!("{path} {} → {}", before.en, after.en),
        ));
    }
    let joined = |of: fn(&Text) -> &str, by: &str| parts.iter().map(of).collect::<Vec<_>>().join(by);
    Text::new(joined(|text| &text.zh, "；"), joined(|text| &text.en, "; "))
}
