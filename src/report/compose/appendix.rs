//! Appendices: gaps, clocks, masked values, checks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::alive::{Sign, sign};
use super::data::{Distribution, Foreign, datum, datum_on, foreign, of_process};
use super::kept::Kept;
use super::ledger::Ledger;
use super::phrases::{filled, phrase, small};
use super::reach::{process_of, short_of};
use super::reported::{Reported, reported_before};
use super::stand_ins::reason_of_all;
use crate::cluster::{Host, Snapshot};
use crate::diagnosis::Checked;
use crate::model::{Basis, ProblemKind, Text, When};
use crate::report::model::{Check, CheckOutcome, ClockRow, Gap, GapReason, RedactionRow};
use crate::rules::inventory::names;
use crate::rules::toolbox::deletions::began;
use crate::rules::{Role, Rule, RuleHeader, Rules, Unmet};

/// The rule about credentials that a bundle shows.
const EXPOSED: &str = "secret-exposed-in-report";
/// Files that are listed with where their zone comes from.
const SOURCES: usize = 20;
/// Checks that a gap names; more are counted.
const LIMITS: usize = 3;
/// Seconds between the latest time of a source and a host's clock that say something of both: Leases are renewed that often.
const NEAR: f64 = 10.0;
/// Problems of one kind that are listed; more are counted.
const PROBLEMS: usize = 30;

pub(super) fn gaps(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Gap>, minijinja::Error> {
    let mut gaps = asked(ledger)?;
    gaps.extend(missing(ledger));
    gaps.extend(unreadable(ledger));
    gaps.extend(super::baseline_gaps::gaps(ledger));
    Ok(gaps)
}

/// What the open questions of the causes need, which no check asks for.
fn asked(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Gap>, minijinja::Error> {
    let mut gaps: Vec<Gap> = Vec::new();
    for finding in ledger.root_findings() {
        let wordings = ledger.header(finding).map(|header| header.asks.as_slice());
        let facts = ledger.facts(finding);
        for wording in wordings.unwrap_or_default() {
            if let Some(condition) = &wording.when
                && !ledger.wording.holds(condition, &facts)?
            {
                continue;
            }
            let used = ledger.wording.uses(&wording.what);
            let gap = Gap {
                what: ledger.wording.text(&wording.what, &facts)?,
                refs: ledger.cite_tied(finding, &used),
                reason: GapReason::NotCollected,
                detail: String::new(),
                limits: framed_by_section(&ledger.wording.text(&wording.limits, &facts)?),
                collect: ledger.wording.command(&wording.collect, &facts)?,
                of_baseline: false,
            };
            if gaps.iter().all(|known| known.what != gap.what) {
                gaps.push(gap);
            }
        }
    }
    Ok(gaps)
}

/// What a question is about, with the section that asks it.
fn framed_by_section(limits: &Text) -> Text {
    filled(
        "gap.asked",
        &[("zh", json!(limits.zh)), ("en", json!(small(&limits.en)))],
    )
}

/// What checks lack: one row for each datum that would let some of them judge, those first that could explain the same effects as the
/// causes that were found.
pub(super) fn missing(ledger: &Ledger<'_, '_>) -> Vec<Gap> {
    let diagnosis = ledger.diagnosis;
    let effects: BTreeSet<&str> = ledger.involved().iter().map(|finding| finding.rule.as_str()).collect();
    let mut rows: BTreeMap<(&str, GapReason), Vec<&RuleHeader>> = BTreeMap::new();
    let distribution = Distribution::of(diagnosis.snapshot);
    for (rule, checked) in &diagnosis.checks {
        let Some(rule) = diagnosis.rules.get(rule) else {
            continue;
        };
        let (needs, reason): (Vec<&str>, _) = match checked {
            Checked::Unknown(needs) => (needs.iter().map(String::as_str).collect(), GapReason::NotCollected),
            Checked::Unmet(Unmet::Empty(data)) if data.iter().any(|datum| is_log(datum)) => {
                let logs = data.iter().filter(|datum| is_log(datum)).map(String::as_str);
                (logs.collect(), GapReason::Empty)
            }
            Checked::Pass => match short_of(ledger, &rule.header) {
                Some(short) => (short.logs, GapReason::OutsideWindow),
                None => continue,
            },
            _ => continue,
        };
        if settled(ledger, &rule.header, checked).is_some() || foreign(diagnosis.snapshot, distribution, rule).is_some()
        {
            continue;
        }
        for need in needs.into_iter().filter_map(|need| need.split('|').next()) {
            rows.entry((need, reason)).or_default().push(&rule.header);
        }
    }
    let explains = |header: &&&RuleHeader| {
        header
            .causes
            .iter()
            .any(|effect| effects.iter().any(|id| effect.names(id)))
    };
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(_, headers)| {
        let rivals = headers.iter().filter(explains).count();
        (std::cmp::Reverse(rivals), std::cmp::Reverse(headers.len()))
    });
    let rows = rows.into_iter().map(|((need, reason), headers)| {
        let datum = datum_on(distribution, need);
        let since = ledger.began().filter(|_| reason == GapReason::OutsideWindow);
        Gap {
            what: datum.name,
            refs: Vec::new(),
            reason,
            detail: String::new(),
            limits: limits(&headers),
            collect: of_rancher(diagnosis.snapshot, need)
                .or_else(|| of_process(diagnosis.snapshot, need))
                .or_else(|| journal_since(diagnosis.snapshot, distribution, need, since?))
                .unwrap_or(datum.collect),
            of_baseline: false,
        }
    });
    rows.collect()
}

/// The journal of a program from an hour before the incident on, where its distribution keeps its log there and it was seen to run.
fn journal_since(snapshot: &Snapshot, distribution: Distribution, datum: &str, began: &When) -> Option<String> {
    let program = process_of(snapshot, datum)?.program();
    let name: String = program.chars().take(15).collect();
    let since = began.earliest.checked_sub(jiff::SignedDuration::from_hours(1)).ok()?;
    let since = since.strftime("%Y-%m-%d %H:%M:%S UTC");
    (!distribution.keeps_elsewhere(datum))
        .then(|| format!("journalctl _COMM={name} --no-pager -o short-iso-precise --since '{since}'"))
}

/// Where there are no pods, the log of a container is that of Rancher's server, which runs without one.
fn of_rancher(snapshot: &Snapshot, datum: &str) -> Option<String> {
    let has_none = datum == "container-logs" && snapshot.coverage.read.get("pods") == Some(&0);
    let mut containers = snapshot.hosts.iter().flat_map(|host| &host.containers);
    let rancher = containers
        .find(|container| names(&container.image, "rancher"))
        .filter(|_| has_none)?;
    Some(format!("docker logs --timestamps {}", rancher.name))
}

/// What cannot be said, in the words of the checks.
fn limits(headers: &[&RuleHeader]) -> Text {
    let join = |between: &str, of: fn(&Text) -> &str| {
        let checks: Vec<&str> = headers.iter().take(LIMITS).map(|header| of(&header.check)).collect();
        checks.join(between)
    };
    let facts = [
        ("zh", json!(join("；", |text| &text.zh))),
        ("en", json!(join("; ", |text| &text.en))),
        ("more", json!(headers.len().saturating_sub(LIMITS))),
    ];
    filled("gap.limits", &facts)
}

fn is_log(datum: &str) -> bool {
    datum.ends_with("-log") || datum == "container-logs"
}

/// What could not be read, or is not listed.
fn unreadable(ledger: &mut Ledger<'_, '_>) -> Vec<Gap> {
    let diagnosis = ledger.diagnosis;
    let mut gaps = Vec::new();
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
            refs: Vec::new(),
            reason: reason(problem.kind),
            detail: ledger.masker.mask(&problem.detail).into_owned(),
            limits: phrase("gap.that-file"),
            collect: String::new(),
            of_baseline: false,
        });
    }
    if problems.len() > PROBLEMS {
        let what = filled("gap.more", &[("count", json!(problems.len() - PROBLEMS))]);
        gaps.push(Gap {
            what,
            refs: Vec::new(),
            reason: GapReason::Unparsed,
            detail: String::new(),
            limits: phrase("gap.that-file"),
            collect: "casefile inspect --files".into(),
            of_baseline: false,
        });
    }
    for (rule, count) in Kept::of(diagnosis).left_out() {
        gaps.push(Gap {
            what: filled("gap.findings", &[("rule", json!(rule)), ("count", json!(count))]),
            refs: Vec::new(),
            reason: GapReason::Truncated,
            detail: String::new(),
            limits: phrase("gap.findings-limits"),
            collect: String::new(),
            of_baseline: false,
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
            skew: phrase("clock.reference"),
            refs,
        });
    }
    rows.extend(dated_sources(ledger));
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

/// The files whose times the report uses, each with where its zone comes from.
fn dated_sources(ledger: &mut Ledger<'_, '_>) -> Vec<ClockRow> {
    let mut sources: BTreeMap<(String, String), (Basis, String)> = BTreeMap::new();
    let mut latest: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
    for item in &ledger.evidence {
        if let Some(when) = &item.time {
            let place = (item.bundle.clone(), item.file.clone());
            let known = latest.entry(place.clone()).or_insert(when.latest);
            *known = when.latest.max(*known);
            let known = sources.entry(place).or_insert((when.basis, item.id.clone()));
            // One line without a zone is enough for the file to be doubtful.
            if when.basis != Basis::Exact && known.0 == Basis::Exact {
                *known = (when.basis, item.id.clone());
            }
        }
    }
    let snapshot = ledger.diagnosis.snapshot;
    for (host, run) in snapshot
        .hosts
        .iter()
        .flat_map(|host| host.prunes.iter().map(move |run| (host, run)))
    {
        if let Some(when) = began(snapshot, host, run) {
            let file = ledger.masker.mask(run.cite.file.as_str()).into_owned();
            sources
                .entry((run.cite.bundle.to_string(), file))
                .or_insert((when.basis, String::new()));
        }
    }
    let clocks = snapshot.hosts.iter().filter_map(|host| host.clock.as_ref());
    for (_, _, cite) in clocks {
        let file = ledger.masker.mask(cite.file.as_str()).into_owned();
        sources.remove(&(cite.bundle.to_string(), file));
    }
    let rows = sources
        .into_iter()
        .take(SOURCES)
        .map(|((bundle, file), (basis, id))| ClockRow {
            source: format!("{bundle}/{file}"),
            zone: phrase(match basis {
                Basis::Exact => "clock.written",
                Basis::YearInferred => "clock.year-inferred",
                Basis::Relative => "clock.relative",
                Basis::ZoneMatched => "clock.matched",
                _ => "clock.assumed",
            }),
            skew: skew(ledger, &bundle, &file, latest.get(&(bundle.clone(), file.clone()))),
            refs: Some(id).filter(|id| !id.is_empty()).into_iter().collect(),
        });
    rows.collect()
}

/// How far the clock of a file is from that of its host. What a machine wrote and what its own `date` said is one clock; what the API has
/// comes from several, and only how close they came is known.
fn skew(ledger: &Ledger<'_, '_>, bundle: &str, file: &str, latest: Option<&Timestamp>) -> Text {
    let snapshot = ledger.diagnosis.snapshot;
    let clocked = || snapshot.hosts.iter().filter(|host| host.clock.is_some());
    let is_of = |host: &&Host| !host.directory.is_empty() && file.starts_with(&host.directory);
    if *bundle != *snapshot.bundle.alias {
        let engine = |host: &Host| Some(host.values.get("docker.id")?.0.clone());
        let hosts = ledger.diagnosis.baseline.iter().flat_map(|baseline| &baseline.hosts);
        let mut own = hosts.filter(is_of).filter_map(engine);
        let id = own.next();
        let same = id.and_then(|id| clocked().find(|host| engine(host).as_ref() == Some(&id)));
        return match same {
            Some(host) => filled("clock.same-engine", &[("host", host.runtime_name().into())]),
            None => phrase("clock.skew-unknown"),
        };
    }
    if let Some(host) = clocked().find(is_of) {
        return filled("clock.same", &[("host", host.runtime_name().into())]);
    }
    let mut hosts = clocked();
    let (Some(host), None, Some(latest)) = (hosts.next(), hosts.next(), latest) else {
        return phrase("clock.skew-unknown");
    };
    let seconds = host
        .clock
        .as_ref()
        .map(|(when, ..)| when.latest.duration_since(*latest).as_secs_f64().abs());
    match seconds {
        Some(seconds) if seconds < NEAR => {
            let facts = [
                ("host", host.runtime_name().into()),
                ("seconds", format!("{seconds:.1}").into()),
            ];
            filled("clock.bound", &facts)
        }
        _ => phrase("clock.skew-unknown"),
    }
}

/// What only contributes to incidents fails nothing.
fn is_about_risks(rules: &Rules, id: &str) -> bool {
    rules.get(id).is_some_and(|rule| rule.header.role == Role::Factor)
}

pub(super) fn checks(ledger: &mut Ledger<'_, '_>) -> Vec<Check> {
    let diagnosis = ledger.diagnosis;
    let early = reported_before(ledger);
    let stand_ins = reason_of_all(diagnosis.snapshot);
    let distribution = Distribution::of(diagnosis.snapshot);
    let not_here = |rule: Option<&Rule>| foreign(diagnosis.snapshot, distribution, rule?);
    let all = diagnosis.checks.iter().map(|(id, checked)| {
        let rule = diagnosis.rules.get(id);
        let header = rule.map(|rule| &rule.header);
        let elsewhere = match checked {
            Checked::Pass | Checked::Unknown(_) | Checked::Unmet(_) => not_here(rule),
            _ => None,
        };
        let (outcome, reason) = match (checked, elsewhere) {
            (_, Some(why)) => (CheckOutcome::NotApplicable, told_elsewhere(&why)),
            (Checked::Pass, None) if is_masked_here(ledger, id) => (CheckOutcome::Risk, phrase("check.masked")),
            (Checked::Pass | Checked::Unknown(_) | Checked::Unmet(Unmet::Empty(_)), None)
                if let Some(sign) = header.and_then(|header| settled(ledger, header, checked)) =>
            {
                (CheckOutcome::Pass, sign.text)
            }
            (Checked::Pass, None) => passed(ledger, header, early.as_ref(), stand_ins.as_ref()),
            (Checked::Fail, None) if is_about_risks(diagnosis.rules, id) => {
                (CheckOutcome::Risk, broken_off(ledger, id))
            }
            (Checked::Fail, None) => (CheckOutcome::Fail, broken_off(ledger, id)),
            (Checked::Unknown(needs), None) => (CheckOutcome::Unknown, named("check.missing", needs)),
            (Checked::Failed(reason), None) => (CheckOutcome::Unknown, by_rule_itself(ledger, "check.failed", reason)),
            (Checked::Outside, None) => (CheckOutcome::Unknown, phrase("check.outside")),
            // A log that is empty may be one that was not written, or not collected as it should.
            (Checked::Unmet(Unmet::Empty(data)), None) if data.iter().any(|datum| is_log(datum)) => {
                (CheckOutcome::Unknown, named("check.empty-log", data))
            }
            (Checked::Unmet(unmet), None) => (CheckOutcome::NotApplicable, not_met(unmet)),
            (Checked::Told(other), None) => (
                CheckOutcome::NotApplicable,
                filled("check.told", &[("rule", other.clone().into())]),
            ),
        };
        Check {
            id: id.clone(),
            family: rule.map_or_else(String::new, |rule| rule.family.clone()),
            title: header.map_or_else(Text::default, |header| header.check.clone()),
            outcome,
            reason,
            is_of_material: header.is_some_and(|header| header.material),
        }
    });
    all.collect()
}

/// What a check that found nothing comes to: no pass where all that it had is older than the incident, or shows containers instead of
/// components, or is next to nothing.
fn passed(
    ledger: &Ledger<'_, '_>,
    header: Option<&RuleHeader>,
    early: Option<&Reported>,
    stand_ins: Option<&Text>,
) -> (CheckOutcome, Text) {
    let Some(header) = header else {
        return (CheckOutcome::Pass, Text::default());
    };
    if let Some(when) = early.filter(|_| header.reported) {
        return (CheckOutcome::Unknown, filled("check.reported-before", &when.facts()));
    }
    if let Some(why) = stand_ins.filter(|_| header.by_containers) {
        return (CheckOutcome::Unknown, why.clone());
    }
    if let Some(short) = short_of(ledger, header) {
        return (CheckOutcome::Unknown, short.reason(ledger));
    }
    (CheckOutcome::Pass, looked_at(&read_by(ledger, header)))
}

/// Why a check that found something did not come to its end; nothing where it did.
fn broken_off(ledger: &mut Ledger<'_, '_>, id: &str) -> Text {
    let reason = ledger.diagnosis.broken_off.get(id);
    reason.map_or_else(Text::default, |reason| {
        by_rule_itself(ledger, "check.broken-off", reason)
    })
}

/// A phrase around what the rule brings along as the reason.
fn by_rule_itself(ledger: &mut Ledger<'_, '_>, phrase: &str, reason: &Text) -> Text {
    let mut masked = |text: &str| Value::from(ledger.masker.mask(text).into_owned());
    filled(phrase, &[("zh", masked(&reason.zh)), ("en", masked(&reason.en))])
}

/// What shows that a check's object works, where its own data are missing or older than the incident.
fn settled(ledger: &Ledger<'_, '_>, header: &RuleHeader, checked: &Checked) -> Option<Sign> {
    let is_open = header.reported || *checked != Checked::Pass || short_of(ledger, header).is_some();
    header
        .settled_by
        .filter(|_| is_open)
        .and_then(|what| sign(ledger, what))
}

/// Why a check has nothing to look at here.
fn told_elsewhere(why: &Foreign) -> Text {
    match why {
        Foreign::Group(group) => filled("check.no-group", &[("group", (*group).into())]),
        Foreign::Distribution => phrase("check.other-distribution"),
        Foreign::NoK0s => phrase("check.no-k0s"),
        Foreign::NoPods => phrase("check.no-pods"),
    }
}

/// The data that a check asks for, and how much of each was read.
fn read_by(ledger: &Ledger<'_, '_>, header: &RuleHeader) -> Vec<(String, u64)> {
    let coverage = &ledger.diagnosis.snapshot.coverage;
    let tested = header
        .objects
        .iter()
        .map(|test| crate::cluster::datum_of_kind(&test.kind));
    let mut read: Vec<(String, u64)> = Vec::new();
    for id in header
        .needs
        .iter()
        .flat_map(|need| need.split('|'))
        .map(str::to_owned)
        .chain(tested)
    {
        let count = coverage.read.get(&id).copied().unwrap_or(0);
        if count > 0 && read.iter().all(|(known, _)| *known != id) {
            read.push((id, count));
        }
    }
    read
}

/// What a check that passed had to look at.
fn looked_at(read: &[(String, u64)]) -> Text {
    let told = |separator: &str, of: fn(Text) -> String| {
        let all: Vec<String> = read
            .iter()
            .map(|(id, count)| format!("{} {count}", of(datum(id).name)))
            .collect();
        all.join(separator)
    };
    if read.is_empty() {
        return phrase("check.looked-at-all");
    }
    let facts = [
        ("zh", json!(told("、", |text| text.zh))),
        ("en", json!(told(", ", |text| text.en))),
    ];
    filled("check.looked-at", &facts)
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
        ("zh", json!(join("、", " 或 ", |text| text.zh))),
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
