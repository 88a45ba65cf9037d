//! Appendix E: the checks performed, folded by outcome and reason.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::diagnosis::glyph;
use crate::model::Text;
use crate::report::model::{Check, CheckOutcome};
use crate::report::render::rich::Rich;
use crate::report::render::scribe::Scribe;

/// Checks in the list.
const MAX_CHECKS: usize = 1000;
/// Checks of one row of a short list that are named with what they look for.
const MAX_TITLES: usize = 2;

/// Checks of one row of a short list that are named at all.
const MAX_IDS: usize = 4;

/// The checks of one row: one outcome for one reason, and of what passed or met nothing one family, whose rules share a look.
struct CheckRow<'a> {
    outcome: CheckOutcome,
    reason: &'a Text,
    family: Option<&'a str>,
    checks: Vec<&'a Check>,
}

/// Rows in the order of their first check, what tells something before what does not.
fn check_rows(checks: &[Check]) -> Vec<CheckRow<'_>> {
    let mut rows: Vec<CheckRow<'_>> = Vec::new();
    for check in checks {
        let family = (!is_telling(check.outcome)).then_some(check.family.as_str());
        let alone = matches!(check.outcome, CheckOutcome::Fail | CheckOutcome::Risk);
        let row = rows
            .iter_mut()
            .find(|row| !alone && row.outcome == check.outcome && row.family == family && *row.reason == check.reason);
        match row {
            Some(row) => row.checks.push(check),
            None => rows.push(CheckRow {
                outcome: check.outcome,
                reason: &check.reason,
                family,
                checks: vec![check],
            }),
        }
    }
    rows.sort_by_key(|row| match row.outcome {
        CheckOutcome::Fail => 0,
        CheckOutcome::Risk => 1,
        CheckOutcome::Unknown => 2,
        CheckOutcome::Pass => 3,
        CheckOutcome::NotApplicable => 4,
    });
    rows
}

/// True of what a short list names too: a failure, a risk, what could not be judged.
const fn is_telling(outcome: CheckOutcome) -> bool {
    !matches!(outcome, CheckOutcome::Pass | CheckOutcome::NotApplicable)
}

/// The list of checks, and how many passed and met nothing per family.
pub(super) fn checks(s: &Scribe<'_>) -> Value {
    let all = &s.report.checks;
    let shown = all.get(..MAX_CHECKS).unwrap_or(all);
    let rows = check_rows(shown).into_iter().map(|row| {
        // A page of hundreds of checks that passed or do not apply needs no element for each of them.
        let is_plain = matches!(row.outcome, CheckOutcome::NotApplicable | CheckOutcome::Pass);
        let named = row.checks.iter().map(|check| {
            let id = if is_plain {
                Rich::parse(&check.id)
            } else {
                Rich::code(&check.id)
            };
            context! { id, title => s.text(&check.title) }
        });
        // A cell of a table takes so much; the JSON and HTML reports say of each check what it looks for.
        let is_short = row.checks.len() <= MAX_TITLES;
        let list = row.checks.iter().take(MAX_IDS).map(|check| match is_short {
            true => Rich::join([Rich::code(&check.id), s.text(&check.title)], " "),
            false => Rich::code(&check.id),
        });
        let mut list = Rich::join(list, &s.words.joint.items);
        let left = row.checks.len().saturating_sub(MAX_IDS);
        if left > 0 {
            list.push(&format!(" +{left}"));
        }
        context! {
            list,
            checks => named.collect::<Vec<_>>(),
            outcome => Value::from(Serde(row.outcome)),
            glyph => glyph(row.outcome).to_string(),
            reason => s.text(row.reason),
            family => row.family.map(|family| family_name(s, family)),
            telling => is_telling(row.outcome),
        }
    });
    let mut families: Vec<(&str, usize, usize)> = Vec::new();
    for check in all {
        let at = families.iter().position(|(family, ..)| *family == check.family);
        let at = at.unwrap_or_else(|| {
            families.push((check.family.as_str(), 0, 0));
            families.len() - 1
        });
        if let Some((_, pass, absent)) = families.get_mut(at) {
            *pass += usize::from(check.outcome == CheckOutcome::Pass);
            *absent += usize::from(check.outcome == CheckOutcome::NotApplicable);
        }
    }
    let groups = families.into_iter().map(|(family, pass, absent)| {
        context! { family => family_name(s, family), pass => pass.to_string(), absent => absent.to_string() }
    });
    let groups: Vec<Value> = groups.collect();
    context! { groups, rows => rows.collect::<Vec<_>>(), more => all.len().saturating_sub(MAX_CHECKS) }
}

/// What people call a family of checks; its id where it is one of a user's own.
fn family_name(s: &Scribe<'_>, family: &str) -> Rich {
    match s.words.family.get(family) {
        Some(name) => Rich::parse(name),
        None => Rich::code(family),
    }
}
