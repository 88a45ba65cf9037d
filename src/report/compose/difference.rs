//! Chapter 2.2.2: what differs from the baseline.

use std::collections::BTreeSet;

use serde_json::json;

use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::{filled, phrase};
use crate::cluster::{Host, Snapshot, is_earlier};
use crate::diagnosis::{Difference, Side};
use crate::model::{Citation, Text, code};
use crate::report::model::{AppliedRow, DiffAbout, DiffRow, Sentence};

/// Rows of the difference; the rest is counted.
const DIFFERENCES: usize = 40;
/// Characters of one side that are shown.
const WIDTH: usize = 120;

pub(super) fn differences(ledger: &mut Ledger<'_, '_>) -> (Vec<DiffRow>, Option<DiffAbout>) {
    let diagnosis = ledger.diagnosis;
    let (Some(differences), Some(baseline)) = (&diagnosis.differences, diagnosis.baseline) else {
        return (Vec::new(), None);
    };
    let relevant: BTreeSet<usize> = diagnosis.changes.values().flatten().copied().collect();
    let numbered = || differences.different.iter().enumerate();
    let ordered = numbered()
        .filter(|(index, _)| relevant.contains(index))
        .chain(numbered().filter(|(index, _)| !relevant.contains(index)));
    let mut rows: Vec<DiffRow> = ordered
        .take(DIFFERENCES)
        .map(|(index, difference)| {
            let mut row = row(ledger, difference);
            row.relevant = relevant.contains(&index);
            if let Some(norm) = &diagnosis.norm {
                row.expected = agreed(&row.expected, norm.agreeing(difference), norm.of, false);
            }
            row
        })
        .collect();
    if let Some(norm) = &diagnosis.norm {
        let room = DIFFERENCES.saturating_sub(rows.len());
        for (difference, count) in norm.beyond.iter().take(room) {
            let mut row = row(ledger, difference);
            row.expected = agreed(&row.expected, *count, norm.of, true);
            rows.push(row);
        }
    }
    let time = |snapshot: &Snapshot| {
        let collected = snapshot.bundle.collected_at.as_ref();
        collected.map_or_else(|| "?".to_owned(), shown)
    };
    let others: Vec<String> = (diagnosis.norm.iter().flat_map(|norm| &norm.names))
        .map(|input| ledger.masker.mask(input).into_owned())
        .collect();
    let mut name = |snapshot: &Snapshot| ledger.masker.mask(&snapshot.bundle.input).into_owned();
    let facts = [
        ("good", name(baseline).into()),
        ("is_earlier", is_earlier(baseline, diagnosis.snapshot).into()),
        ("bad", name(diagnosis.snapshot).into()),
        ("good_time", time(baseline).into()),
        ("bad_time", time(diagnosis.snapshot).into()),
        ("hidden", json!(differences.different.len().saturating_sub(DIFFERENCES))),
        ("others", json!(others)),
        ("of", json!(diagnosis.norm.as_ref().map_or(0, |norm| norm.of))),
    ];
    let about = filled("diff.about", &facts);
    let comparable = comparability(ledger, baseline);
    let about = DiffAbout {
        text: Sentence {
            text: Text::new(
                format!("{}{}", about.zh, comparable.text.zh),
                format!("{}{}", about.en, comparable.text.en),
            ),
            ..comparable
        },
        equal: differences.equal,
    };
    (rows, Some(about))
}

/// What a node says of its kubelet.
const KUBELET: &str = "/status/nodeInfo/kubeletVersion";

/// What makes the two sides comparable: whether they show one machine, which versions are the same, how far they are apart and whether each
/// list of containers is whole; nothing of what is not known of both.
fn comparability(ledger: &mut Ledger<'_, '_>, baseline: &Snapshot) -> Sentence {
    let snapshot = ledger.diagnosis.snapshot;
    // What is said is of one machine and its counterpart of the same name; of several machines the table says which is meant.
    let counterpart = |bad: &&Host| {
        let is_it = |good: &&Host| good.runtime_name() == bad.runtime_name() && good.complete_listing().is_some();
        baseline.hosts.iter().find(is_it)
    };
    let listed = snapshot.hosts.iter().filter(|host| host.complete_listing().is_some());
    let mut pairs = listed.filter_map(|bad| Some((counterpart(&bad)?, bad)));
    let pair = pairs.next().filter(|_| pairs.next().is_none());
    let mut cites: Vec<&Citation> = Vec::new();
    let mut both = |key: &str| {
        let (good, bad) = pair?;
        let ((before, at), (now, cite)) = (good.values.get(key)?, bad.values.get(key)?);
        cites.extend([at, cite]);
        Some((before.clone(), now.clone()))
    };
    let engine = both("docker.id").map(|(before, now)| before == now);
    let docker = both("docker.server-version").unwrap_or_default();
    let listed = pair.and_then(|(good, bad)| good.complete_listing().zip(bad.complete_listing()));
    let kubernetes = |snapshot: &Snapshot| {
        let versions = snapshot.kind("Node").map(|node| node.text(KUBELET).to_owned());
        versions.collect::<BTreeSet<String>>()
    };
    let versions = (kubernetes(baseline), kubernetes(snapshot));
    let collected = |snapshot: &Snapshot| snapshot.bundle.collected_at.as_ref().map(|when| when.latest);
    let apart = collected(baseline).zip(collected(snapshot));
    let facts = [
        ("engine", json!(engine)),
        ("docker_before", docker.0.into()),
        ("docker", docker.1.into()),
        (
            "kubernetes_same",
            json!(versions.0 == versions.1 && !versions.0.is_empty()),
        ),
        ("kubernetes", json!(versions.1)),
        ("kubernetes_before", json!(versions.0)),
        (
            "seconds",
            json!(apart.map(|(before, now)| now.duration_since(before).as_secs().abs())),
        ),
        ("entries_before", json!(listed.map(|(good, _)| good.entries))),
        ("entries", json!(listed.map(|(_, bad)| bad.entries))),
    ];
    let mut refs = ledger.cite_all(cites);
    let nodes = snapshot.kind("Node").take(1).chain(baseline.kind("Node").take(1));
    let kubelets = nodes.filter(|node| !node.text(KUBELET).is_empty());
    refs.extend(ledger.cite_all(&kubelets.map(|node| node.cite_at(KUBELET)).collect::<Vec<_>>()));
    // The same lists are what others searched in vain, and are cited as such.
    let lists = listed.into_iter().flat_map(|(good, bad)| [good, bad]);
    let searched = lists.map(|list| list.cite.clone().absence(Some((list.entries, true))));
    refs.extend(ledger.cite_all(&searched.collect::<Vec<_>>()));
    Sentence {
        text: filled("diff.comparable", &facts),
        refs,
        confidence: None,
    }
}

/// A value with how many of the earlier bundles had it; `is_older` where the last of them did not.
fn agreed(value: &Text, count: usize, of: usize, is_older: bool) -> Text {
    let facts = [
        ("zh", value.zh.clone().into()),
        ("en", value.en.clone().into()),
        ("count", json!(count)),
        ("of", json!(of)),
        ("is_older", is_older.into()),
    ];
    filled("diff.agreed", &facts)
}

/// Fields of manifests that are otherwise in the cluster, those of objects with a finding first.
pub(super) fn applied(ledger: &mut Ledger<'_, '_>) -> Vec<AppliedRow> {
    let diagnosis = ledger.diagnosis;
    let subjects: BTreeSet<_> = diagnosis
        .findings
        .iter()
        .flat_map(|finding| std::iter::once(&finding.subject).chain(&finding.affected))
        .collect();
    let mut ordered: Vec<_> = diagnosis.drifts.iter().collect();
    ordered.sort_by_key(|drift| (!subjects.contains(&drift.subject), drift.subject.clone()));
    let mut rows = Vec::new();
    for drift in ordered.into_iter().take(DIFFERENCES) {
        let refs = ledger.cite_all(&drift.evidence);
        let live = match drift.live.as_str() {
            "" => phrase("state.absent"),
            live => Text::same(code(&short(&ledger.masker.mask(live)))),
        };
        rows.push(AppliedRow {
            subject: drift.subject.clone(),
            path: ledger.masker.mask(&drift.path).into_owned(),
            applied: Text::same(code(&short(&ledger.masker.mask(&drift.applied)))),
            live,
            refs,
        });
    }
    rows
}

pub(super) fn row(ledger: &mut Ledger<'_, '_>, difference: &Difference) -> DiffRow {
    let refs = ledger.cite_all(&difference.evidence);
    DiffRow {
        datum: difference.datum.to_owned(),
        subject: difference.subject.clone(),
        path: path_of(ledger, difference),
        expected: side_of(ledger, difference, &difference.expected),
        actual: side_of(ledger, difference, &difference.actual),
        refs,
        relevant: false,
    }
}

/// The field or setting, masked: an element of a list is named by its own words.
pub(super) fn path_of(ledger: &mut Ledger<'_, '_>, difference: &Difference) -> String {
    short(&ledger.masker.mask(&difference.path))
}

/// One side of a difference in words.
pub(super) fn side_of(ledger: &mut Ledger<'_, '_>, difference: &Difference, of: &Side) -> Text {
    match of {
        Side::Value(value) if difference.datum == "container" => {
            container(ledger, value).unwrap_or_else(|| side(ledger, of))
        }
        of => side(ledger, of),
    }
}

/// The states of containers as differences have them, and what they are called.
const STATES: [(&str, &str); 8] = [
    ("created", "state.created"),
    ("running", "state.running"),
    ("paused", "state.paused"),
    ("restarting", "state.restarting"),
    ("removing", "state.removing"),
    ("exited (0)", "state.exited-zero"),
    ("exited with an error", "state.exited-error"),
    ("dead", "state.dead"),
];

/// A container's state in words, and its image.
fn container(ledger: &mut Ledger<'_, '_>, value: &str) -> Option<Text> {
    let (image, state) = STATES.iter().find_map(|(word, state)| {
        let image = value.strip_prefix(word)?.strip_prefix(" (")?.strip_suffix(')')?;
        Some((image, *state))
    })?;
    let (state, image) = (phrase(state), code(&short(&ledger.masker.mask(image))));
    Some(Text::new(
        format!("{}，{image}", state.zh),
        format!("{}, {image}", state.en),
    ))
}

/// One side in words.
pub(super) fn side(ledger: &mut Ledger<'_, '_>, side: &Side) -> Text {
    match side {
        Side::Absent => phrase("state.absent"),
        Side::Hidden => phrase("diff.hidden"),
        Side::Value(value) => {
            let masked = ledger.masker.mask(value);
            if is_placeholder(&masked) {
                phrase("diff.hidden")
            } else {
                Text::same(code(&short(&masked)))
            }
        }
    }
}

/// True for what is nothing but a masked value: that it changed is all there is to say, and whose placeholder it is says nothing.
fn is_placeholder(masked: &str) -> bool {
    masked.starts_with('‹') && masked.ends_with('›') && masked.matches('‹').count() == 1
}

/// One line of a value that may be a whole specification.
fn short(value: &str) -> String {
    let line = value.replace(['\n', '\r'], " ⏎ ");
    if line.chars().count() <= WIDTH {
        line
    } else {
        format!("{}…", line.chars().take(WIDTH).collect::<String>())
    }
}
