//! Appendices: gaps, clocks, masked values, checks.

use std::collections::BTreeMap;

use serde_json::json;

use super::data::datum;
use super::kept::Kept;
use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::{filled, phrase};
use super::reported::reported_before;
use crate::diagnosis::Checked;
use crate::model::{Basis, ProblemKind, Text};
use crate::report::model::{Check, CheckOutcome, ClockRow, Gap, GapReason, RedactionRow};
use crate::rules::{Role, Rules, Unmet};

/// The rule about credentials that a bundle shows.
const EXPOSED: &str = "secret-exposed-in-report";
/// Problems of one kind that are listed; more are counted.
const PROBLEMS: usize = 30;

pub(super) fn gaps(ledger: &mut Ledger<'_, '_>) -> Vec<Gap> {
    let diagnosis = ledger.diagnosis;
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (rule, checked) in &diagnosis.checks {
        if let Checked::Unknown(needs) = checked {
            for need in needs {
                missing.entry(need.as_str()).or_default().push(rule.as_str());
            }
        }
    }
    let mut gaps: Vec<Gap> = missing
        .into_iter()
        .map(|(need, rules)| {
            let data: Vec<_> = need.split('|').map(datum).collect();
            let join = |separator: &str, of: fn(&Text) -> &str| {
                data.iter()
                    .map(|datum| of(&datum.name).to_owned())
                    .collect::<Vec<_>>()
                    .join(separator)
            };
            Gap {
                what: Text::new(join(" / ", |text| &text.zh), join(" / ", |text| &text.en)),
                reason: GapReason::NotCollected,
                detail: String::new(),
                limits: filled("gap.limits", &[("rules", json!(rules))]),
                collect: data.first().map(|datum| datum.collect.clone()).unwrap_or_default(),
            }
        })
        .collect();
    let problems = &diagnosis.snapshot.coverage.problems;
    for problem in problems.iter().take(PROBLEMS) {
        let place = problem
            .file
            .as_ref()
            .map_or_else(String::new, |file| file.as_str().to_owned());
        let place = problem
            .line
            .map_or_else(|| place.clone(), |line| format!("{place}:{line}"));
        let what = if place.is_empty() {
            phrase("gap.archive")
        } else {
            Text::same(crate::model::code(&ledger.masker.mask(&place)))
        };
        gaps.push(Gap {
            what,
            reason: reason(problem.kind),
            detail: ledger.masker.mask(&problem.detail).into_owned(),
            limits: phrase("gap.that-file"),
            collect: String::new(),
        });
    }
    if problems.len() > PROBLEMS {
        let what = filled("gap.more", &[("count", json!(problems.len() - PROBLEMS))]);
        gaps.push(Gap {
            what,
            reason: GapReason::Unparsed,
            detail: String::new(),
            limits: phrase("gap.that-file"),
            collect: "casefile inspect --files".into(),
        });
    }
    for (rule, count) in Kept::of(diagnosis).left_out() {
        gaps.push(Gap {
            what: filled("gap.findings", &[("rule", json!(rule)), ("count", json!(count))]),
            reason: GapReason::Truncated,
            detail: String::new(),
            limits: phrase("gap.findings-limits"),
            collect: String::new(),
        });
    }
    gaps
}

fn reason(kind: ProblemKind) -> GapReason {
    match kind {
        ProblemKind::CollectorError | ProblemKind::Unreadable | ProblemKind::Refused => GapReason::CollectionFailed,
        ProblemKind::Damaged | ProblemKind::OverBudget | ProblemKind::Truncated => GapReason::Truncated,
        ProblemKind::Unparsed => GapReason::Unparsed,
    }
}

pub(super) fn clock(ledger: &mut Ledger<'_, '_>) -> Vec<ClockRow> {
    let snapshot = ledger.diagnosis.snapshot;
    let mut rows = Vec::new();
    for host in snapshot.hosts.iter().filter(|host| !host.runtime_name().is_empty()) {
        let Some((when, zone, cite)) = &host.clock else {
            rows.push(ClockRow {
                source: host.runtime_name().to_owned(),
                zone: phrase("clock.unknown"),
                skew: phrase("clock.skew-unknown"),
                refs: Vec::new(),
            });
            continue;
        };
        let known = when.basis == Basis::Exact;
        let zone = if known {
            filled("clock.known", &[("zone", zone.clone().into())])
        } else {
            phrase("clock.assumed")
        };
        let refs = vec![ledger.cite(cite)];
        rows.push(ClockRow {
            source: host.runtime_name().to_owned(),
            zone,
            skew: phrase("clock.skew-unknown"),
            refs,
        });
    }
    if rows.is_empty() {
        rows.push(ClockRow {
            source: snapshot.bundle.alias.to_string(),
            zone: phrase("clock.from-events"),
            skew: phrase("clock.skew-unknown"),
            refs: Vec::new(),
        });
    }
    rows
}

/// What only contributes to incidents fails nothing.
fn is_about_risks(rules: &Rules, id: &str) -> bool {
    rules.get(id).is_some_and(|rule| rule.header.role == Role::Factor)
}

pub(super) fn checks(ledger: &Ledger<'_, '_>) -> Vec<Check> {
    let diagnosis = ledger.diagnosis;
    let early = reported_before(ledger);
    let all = diagnosis.checks.iter().map(|(id, checked)| {
        let header = diagnosis.rules.get(id).map(|rule| &rule.header);
        let (outcome, reason) = match checked {
            Checked::Pass if is_masked_here(ledger, id) => (CheckOutcome::Risk, phrase("check.masked")),
            Checked::Pass => match early.as_ref().filter(|_| header.is_some_and(|header| header.reported)) {
                Some(when) => (
                    CheckOutcome::Unknown,
                    filled("check.reported-before", &[("time", shown(when).into())]),
                ),
                None => (CheckOutcome::Pass, Text::default()),
            },
            Checked::Fail if is_about_risks(diagnosis.rules, id) => (CheckOutcome::Risk, Text::default()),
            Checked::Fail => (CheckOutcome::Fail, Text::default()),
            Checked::Unknown(needs) => (CheckOutcome::Unknown, named("check.missing", needs)),
            Checked::Outside => (CheckOutcome::Unknown, phrase("check.outside")),
            Checked::Unmet(unmet) => (CheckOutcome::NotApplicable, not_met(unmet)),
            Checked::Told(other) => (
                CheckOutcome::NotApplicable,
                filled("check.told", &[("rule", other.clone().into())]),
            ),
        };
        Check {
            id: id.clone(),
            title: header.map_or_else(Text::default, |header| header.check.clone()),
            outcome,
            reason,
        }
    });
    all.collect()
}

/// A check that looks for credentials in clear text has not passed where this very report had to mask some.
fn is_masked_here(ledger: &Ledger<'_, '_>, id: &str) -> bool {
    id == EXPOSED && !ledger.masker.summary().is_empty()
}

/// A phrase about data, by what people call them.
fn named(id: &str, needs: &[String]) -> Text {
    let join = |between: &str, or: &str, of: fn(Text) -> String| {
        let name = |need: &String| {
            let names: Vec<String> = need.split('|').map(|need| of(datum(need).name)).collect();
            names.join(or)
        };
        needs.iter().map(name).collect::<Vec<_>>().join(between)
    };
    let facts = [
        ("zh", json!(join("、", "或", |text| text.zh))),
        ("en", json!(join(", ", " or ", |text| text.en))),
    ];
    filled(id, &facts)
}

fn not_met(unmet: &Unmet) -> Text {
    match unmet {
        Unmet::Empty(data) => named("check.empty", data),
        Unmet::Few {
            kinds,
            named,
            least,
            seen,
        } => filled(
            "check.few",
            &[
                ("kinds", json!(kinds)),
                ("names", json!(named)),
                ("least", json!(least)),
                ("seen", json!(seen)),
            ],
        ),
    }
}

pub(super) fn redactions(ledger: &Ledger<'_, '_>) -> Vec<RedactionRow> {
    let rows = ledger.masker.summary().into_iter();
    rows.map(|row| RedactionRow {
        class: row.class.slug().to_owned(),
        token: row.token,
        count: row.count,
        files: row.files,
    })
    .collect()
}
