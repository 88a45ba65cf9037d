//! The list of findings.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::overview::confidence_id;
use crate::model::{CitationKind, Confidence, Level, QuoteLine};
use crate::report::model::{EvidenceItem, FindingView};
use crate::report::render::rich::Rich;
use crate::report::render::scribe::{Scribe, is_entry_id};

/// Affected subjects named in a finding.
const MAX_AFFECTED: usize = 12;
/// Citations of a finding where it is listed in a few words; the chapters cite each where it is said.
const MAX_REFS: usize = 6;

/// The findings in the order of the model, and the levels and confidences that occur, for the filters.
pub(super) fn findings(s: &Scribe<'_>) -> Value {
    let all = &s.report.findings;
    let shown: Vec<&FindingView> = all.iter().take(super::MAX_FINDINGS).collect();
    let levels = [Level::Critical, Level::Warning, Level::Info];
    let confidences = [
        Confidence::Confirmed,
        Confidence::Probable,
        Confidence::Possible,
        Confidence::RuledOut,
        Confidence::Undetermined,
    ];
    let of_level = |level: &Level| shown.iter().filter(|finding| finding.level == *level).count();
    let of_confidence = |c: &Confidence| shown.iter().filter(|finding| finding.confidence == *c).count();
    context! {
        items => shown.iter().map(|finding| one(s, finding)).collect::<Vec<_>>(),
        more => all.len().saturating_sub(shown.len()),
        levels => levels.iter().filter(|level| of_level(level) > 0).map(|level| context! {
            id => Value::from(Serde(level)), n => of_level(level),
        }).collect::<Vec<_>>(),
        confidences => confidences.iter().filter(|c| of_confidence(c) > 0).map(|c| context! {
            id => confidence_id(*c), badge => s.badge(*c), n => of_confidence(c),
        }).collect::<Vec<_>>(),
    }
}

fn one(s: &Scribe<'_>, finding: &FindingView) -> Value {
    let seen = [&finding.first_seen, &finding.last_seen]
        .into_iter()
        .flatten()
        .map(|when| s.when(when));
    let mut seen: Vec<Rich> = seen.collect();
    seen.dedup();
    context! {
        id => finding.id.as_str(),
        linkable => is_entry_id(&finding.id),
        rule => Rich::code(&finding.rule),
        level => Value::from(Serde(finding.level)),
        confidence => confidence_id(finding.confidence),
        badge => s.badge(finding.confidence),
        title => s.text(&finding.title),
        subject => s.subject(&finding.subject),
        path => Rich::code(&finding.path),
        affected => s.subjects(&finding.affected, MAX_AFFECTED),
        seen => Rich::join(seen, " – "),
        count => finding.count,
        refs => s.refs(&finding.evidence),
        first_refs => s.refs(finding.evidence.get(..MAX_REFS).unwrap_or(&finding.evidence)),
        more_refs => finding.evidence.len().saturating_sub(MAX_REFS),
        snippet => snippet(s, finding),
        caused_by => s.refs(&finding.caused_by),
        aggravated_by => s.refs(&finding.aggravated_by),
        symptom => finding.symptom,
        in_baseline => finding.in_baseline,
    }
}

/// The line that shows the fact, from the first evidence of the finding; no line shows that something is absent.
fn snippet(s: &Scribe<'_>, finding: &FindingView) -> Option<String> {
    let id = finding.evidence.first()?;
    let item: &EvidenceItem = s.report.evidence.iter().find(|item| item.id == *id)?;
    if item.kind == CitationKind::Absence {
        return None;
    }
    let line: &QuoteLine = item.quote.iter().find(|line| line.hit).or_else(|| item.quote.first())?;
    Some(super::appendix::worded(s, &line.text))
}
