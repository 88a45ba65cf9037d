//! The whole page.

use minijinja::context;
use minijinja::value::Value;

use super::{appendix, causes, details, diagnosis, findings, improvement, overview};
use crate::report::locale::Words;
use crate::report::model::{CheckOutcome, PostMortem};
use crate::report::render::mermaid;
use crate::report::render::scribe::Scribe;
use crate::report::render::style::Style;

/// Builds the display form.
pub(in crate::report::render) fn page(report: &PostMortem, style: &Style, words: &Words) -> Value {
    let mut scribe = Scribe::new(report, style, words);
    let s = &mut scribe;
    let state = state(report);
    let overview = overview::overview(s);
    let diagnosis = diagnosis::diagnosis(s);
    let causes = causes::causes(s);
    let improvement = improvement::improvement(s);
    let details = details::details(s);
    // Last, so that it gets exactly the blanks that no chapter shows.
    let other_blanks = s.blanks_left();
    context! {
        w => words.all.clone(),
        lang => style.lang.tag(),
        flavor => style.flavor.name(),
        zone => style.zone.to_string(),
        utc => style.zone.is_utc(),
        diagram => mermaid::chain(s, style),
        title => s.text(&report.incident.title),
        plain_title => s.text(&report.incident.title).to_string(),
        status => report.incident.status,
        schema => report.schema_version,
        state,
        cut => report.is_cut,
        // With nothing to tell, a report is short: only what holds something is shown.
        quiet => matches!(state, "healthy" | "blind"),
        counts => counts(report),
        narrowing => report.narrowing.as_ref().map(|narrowing| s.text(&narrowing.text)),
        summary => s.sentences(&report.incident.summary),
        verdict => overview::verdict(s),
        front => overview::front_matter(report),
        overview, diagnosis, causes, improvement, other_blanks,
        details,
        findings => findings::findings(s),
        appendix => appendix::appendix(s),
    }
}

/// What the report is about: an `incident` with causes, one whose cause is `undetermined`, nothing wrong (`healthy`), or nothing
/// looked at (`blind`), which must never read as healthy.
fn state(report: &PostMortem) -> &'static str {
    if !report.root_causes.is_empty() {
        "incident"
    } else if !report.symptoms.is_empty()
        || !report.unexplained.is_empty()
        || report
            .findings
            .iter()
            .any(|finding| finding.level > crate::model::Level::Info)
    {
        "undetermined"
    } else if report.has_passed() {
        "healthy"
    } else {
        "blind"
    }
}

fn counts(report: &PostMortem) -> Value {
    let of = |outcome| report.checks.iter().filter(|check| check.outcome == outcome).count();
    context! {
        blanks => report.blanks.len(),
        required => report.blanks.iter().filter(|blank| blank.required).count(),
        gaps => report.gaps.len(),
        masked => report.redactions.iter().fold(0_u64, |sum, row| sum.saturating_add(row.count)),
        checks => report.checks.len(),
        pass => of(CheckOutcome::Pass),
        fail => of(CheckOutcome::Fail),
        risk => of(CheckOutcome::Risk),
        unknown => of(CheckOutcome::Unknown),
        absent => of(CheckOutcome::NotApplicable),
    }
}
