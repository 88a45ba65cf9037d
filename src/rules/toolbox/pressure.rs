//! A node whose kubelet reclaims a resource, and the threshold that makes it do so.

use std::collections::BTreeMap;

use serde_json::Value;

use super::nodes::{cite_condition, condition, node_of, status_of, touch_pods};
use super::{add_hit, own_hits};
use crate::cluster::{Hit, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader};

/// One finding for each node whose condition `kind` is true, or of which, where no condition is known, an event or log tells.
/// `signals` are the kubelet's eviction signals for this resource.
pub fn under_pressure(input: &Input<'_>, rule: &RuleHeader, kind: &str, signals: &[&str]) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut nodes: BTreeMap<String, Vec<&Hit>> = BTreeMap::new();
    for node in snapshot.kind("Node").filter(|node| status_of(node, kind) == "True") {
        nodes.entry(node.key.name.clone()).or_default();
    }
    for hit in own_hits(input, rule) {
        if let Some(name) = node_of(snapshot, hit)
            && snapshot
                .object("Node", "", &name)
                .is_none_or(|node| status_of(node, kind) != "False")
        {
            nodes.entry(name).or_default().push(hit);
        }
    }
    nodes
        .into_iter()
        .map(|(name, hits)| {
            let mut finding =
                Finding::new(rule, Subject::node(&name), Confidence::Confirmed).fact("node", name.clone());
            let mut said = kind.to_owned();
            let node = snapshot.object("Node", "", &name);
            if let Some((node, (index, found))) = node.and_then(|node| Some((node, condition(node, kind)?))) {
                finding.add_cite(cite_condition(node, index, "message"));
                said = found.get("message").and_then(Value::as_str).unwrap_or(kind).to_owned();
            }
            for hit in hits {
                add_hit(input, &mut finding, hit);
            }
            let mut threshold = String::new();
            if let Some((cite, set)) = greedy_threshold(snapshot, &name, signals) {
                threshold = set;
                finding.path = cite.file.to_string();
                finding.add_cite(cite);
            }
            let mut finding = finding.fact("said", said).fact("threshold", threshold);
            touch_pods(snapshot, &name, &mut finding);
            finding
        })
        .collect()
}

/// A threshold in percent that an ordinary machine never meets (half of the resource has to be free), from the kubelet's configuration:
/// its place, and `signal: value`.
fn greedy_threshold(snapshot: &Snapshot, node: &str, signals: &[&str]) -> Option<(Citation, String)> {
    let objects = snapshot
        .kind("KubeletConfiguration")
        .map(|config| (Some(&config.value), Some(config.cite_at("/evictionHard"))));
    let files = snapshot
        .hosts
        .iter()
        .filter(|host| host.node_name() == node)
        .flat_map(|host| &host.tools.configs)
        .map(|config| (config.value.as_ref(), config.containing("evictionHard")));
    objects.chain(files).find_map(|(value, cite)| {
        let hard = value?.get("evictionHard")?.as_object()?;
        let (signal, value) = hard.iter().find_map(|(signal, value)| {
            let value = value.as_str()?;
            let percent: f64 = value.strip_suffix('%')?.parse().ok()?;
            (signals.contains(&signal.as_str()) && percent >= 50.0).then_some((signal, value))
        })?;
        Some((cite?, format!("evictionHard {signal} {value}")))
    })
}
