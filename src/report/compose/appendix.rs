//! Appendices: gaps, clocks, masked values, checks.

use std::collections::BTreeMap;

use serde_json::json;

use super::data::datum;
use super::kept::Kept;
use super::ledger::Ledger;
use super::phrases::{filled, phrase};
use crate::diagnosis::Checked;
use crate::model::{Basis, ProblemKind, Text};
use crate::report::model::{Check, CheckOutcome, ClockRow, Gap, GapReason, RedactionRow};
use crate::rules::{Role, Rules};

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
            source: ledger.masker.mask(&snapshot.bundle.alias).into_owned(),
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
    diagnosis
        .checks
        .iter()
        .map(|(id, checked)| {
            let (outcome, reason) = match checked {
                Checked::Pass => (CheckOutcome::Pass, Text::default()),
                Checked::Fail if is_about_risks(diagnosis.rules, id) => (CheckOutcome::Risk, Text::default()),
                Checked::Fail => (CheckOutcome::Fail, Text::default()),
                Checked::Unknown(needs) => (
                    CheckOutcome::Unknown,
                    filled("check.missing", &[("data", json!(needs))]),
                ),
                Checked::Outside => (CheckOutcome::Unknown, phrase("check.outside")),
            };
            let title = diagnosis
                .rules
                .get(id)
                .map_or_else(Text::default, |rule| rule.header.check.clone());
            Check {
                id: id.clone(),
                title,
                outcome,
                reason,
            }
        })
        .collect()
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
