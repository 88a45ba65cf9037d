//! Nodes: which there are, and how they are set up.

use std::collections::BTreeSet;

use super::Differences;
use crate::cluster::{Setting, Settings, Snapshot};
use crate::model::{Citation, Subject};

pub(super) fn compare(good: &Snapshot, bad: &Snapshot, result: &mut Differences) {
    let (before, after) = (good.settings_of_nodes(), bad.settings_of_nodes());
    for (name, after) in &after {
        let same = before
            .get(name)
            .or_else(|| match (before.len(), before.values().next()) {
                // With one machine on each side, they are counterparts whatever they are called.
                (1, only) if bad.settings_of_nodes().len() == 1 => only,
                _ => None,
            });
        if let Some(before) = same {
            compare_settings(name, before, after, result);
        }
    }
    compare_presence(good, bad, result);
}

fn compare_settings(node: &str, before: &Settings, after: &Settings, result: &mut Differences) {
    let all: BTreeSet<&Setting> = before.values.keys().chain(after.values.keys()).collect();
    for setting in all {
        let is_known =
            |settings: &Settings| settings.values.contains_key(setting) || settings.complete.contains(setting.datum);
        if is_known(before) && is_known(after) {
            let value = |(value, cite): &'_ (String, Citation)| (value.clone(), cite.clone());
            let (good, bad) = (
                before.values.get(setting).map(value),
                after.values.get(setting).map(value),
            );
            let subject = Subject::node(node);
            result.note(setting.datum, subject, &setting.name, good, bad);
        }
    }
}

/// A node that is gone or new, where both bundles list nodes and know one of them in common.
fn compare_presence(good: &Snapshot, bad: &Snapshot, result: &mut Differences) {
    let known = |snapshot: &Snapshot, name: &str| snapshot.object("Node", "", name).is_some();
    if !good.kind("Node").any(|node| known(bad, &node.key.name)) {
        return;
    }
    for node in good.kind("Node").filter(|node| !known(bad, &node.key.name)) {
        let here = Some((node.key.name.clone(), node.cite.clone()));
        result.note("node", node.subject(), "", here, None);
    }
    for node in bad.kind("Node").filter(|node| !known(good, &node.key.name)) {
        let here = Some((node.key.name.clone(), node.cite.clone()));
        result.note("node", node.subject(), "", None, here);
    }
}
