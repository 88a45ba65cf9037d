//! Nodes: their conditions, and what the logs of one node say of it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::{add_hit, own_hits};
use crate::cluster::{Hit, Object, Snapshot};
use crate::logs::{LineHit, TextSource};
use crate::model::{Citation, Confidence, Subject, When};
use crate::rules::{Finding, Ground, Input, RuleHeader};

/// The condition of a node, or of another object that has some, with its index.
pub fn condition<'s>(object: &'s Object, kind: &str) -> Option<(usize, &'s Value)> {
    object
        .list("/status/conditions")
        .iter()
        .enumerate()
        .find(|(_, condition)| condition.get("type").and_then(Value::as_str) == Some(kind))
}

/// The status of a condition (`True`, `False`, `Unknown`); empty when it is not known.
pub fn status_of<'s>(object: &'s Object, kind: &str) -> &'s str {
    condition(object, kind)
        .and_then(|(_, condition)| condition.get("status")?.as_str())
        .unwrap_or("")
}

/// Whether the node is ready now; none when no form of it says so.
pub fn is_ready(snapshot: &Snapshot, node: &str) -> Option<bool> {
    let node = snapshot.object("Node", "", node)?;
    match status_of(node, "Ready") {
        "" => None,
        status => Some(status == "True"),
    }
}

/// Cites a field of a condition.
pub fn cite_condition(node: &Object, index: usize, field: &str) -> Citation {
    let at = format!("/status/conditions/{index}");
    let when = node.time(&format!("{at}/lastTransitionTime"));
    node.cite_at(&format!("{at}/{field}")).at(when)
}

/// A log line that is long past when its log ends tells of trouble that is over.
const STILL: SignedDuration = SignedDuration::from_mins(15);

/// True when a container has been started on a node since what was told of it last: its runtime and its network work again.
pub fn has_started_since(snapshot: &Snapshot, node: &str, told: Option<&When>) -> bool {
    let Some(told) = told else { return false };
    let lives_there = |object: &Subject| {
        let found = snapshot.pod(&object.namespace, &object.name);
        object.kind == "Pod" && found.is_some_and(|pod| pod.node() == node && pod.is_well())
    };
    snapshot.events.iter().any(|event| {
        event.reason == "Started"
            && lives_there(&event.about)
            && event.last.as_ref().is_some_and(|started| told.surely_before(started))
    })
}

/// True unless the log that a match stands in goes on for long without it.
pub fn persists(snapshot: &Snapshot, hit: &Hit) -> bool {
    snapshot.goes_on_without(hit).is_none_or(|gap| gap <= STILL)
}

/// For how long a kernel log whose lines have the seconds since the boot goes on after a match was last written there.
fn kernel_goes_on_without(snapshot: &Snapshot, hit: &Hit) -> Option<SignedDuration> {
    let log = snapshot.log_of(hit)?;
    let same = |found: &&LineHit| found.signature == hit.signature && found.captures == hit.captures;
    let last = log.hits.iter().filter(same).map(LineHit::last_text).next_back()?;
    let ends = log.tail.iter().rev().find_map(|line| seconds_since_boot(&line.text))?;
    let gap = ends.checked_sub(seconds_since_boot(last)?)?;
    Some(SignedDuration::from_secs(i64::try_from(gap).ok()?))
}

/// The whole seconds of the kernel's own stamp.
fn seconds_since_boot(line: &str) -> Option<u64> {
    whole_seconds(since_boot(line)?)
}

/// The whole seconds at the beginning of a text: `8123.440211] …`.
fn whole_seconds(text: &str) -> Option<u64> {
    text.split(['.', ']']).next()?.trim().parse().ok()
}

/// True unless a line has the seconds since the boot instead of a date.
pub fn is_dated(line: &str) -> bool {
    since_boot(line).is_none()
}

/// The kernel's own stamp, and what follows it: `[ 8123.440211] …`.
fn since_boot(line: &str) -> Option<&str> {
    let stamp = line.strip_prefix('[').map(str::trim_start)?;
    stamp.starts_with(|c: char| c.is_ascii_digit()).then_some(stamp)
}

/// False for a line with the seconds since the boot instead of a date, unless it is known how long the machine has been up: the ring
/// buffer keeps lines of months, so by itself it says nothing of now.
pub fn is_of_now(snapshot: &Snapshot, node: &str, line: &str) -> bool {
    if is_dated(line) {
        return true;
    }
    let up = super::hosts::machines(snapshot)
        .into_iter()
        .filter(|machine| machine.node == node)
        .find_map(|machine| whole_seconds(machine.value("host.uptime-seconds")?.0));
    seconds_since_boot(line)
        .zip(up)
        .is_some_and(|(stamp, up)| up.saturating_sub(stamp) <= STILL.as_secs().unsigned_abs())
}

/// The node that a match is about: named by its place, or the only one that the bundle is of.
pub fn node_of(snapshot: &Snapshot, hit: &Hit) -> Option<String> {
    // What controllers write names the node that they speak of.
    if let Some(named) = hit.captures.get("node").filter(|named| is_known(snapshot, named)) {
        return Some(named.clone());
    }
    if !hit.about.node.is_empty() {
        return Some(as_known(snapshot, &hit.about.node));
    }
    if hit.about.object.kind == "Node" {
        return Some(hit.about.object.name.clone());
    }
    if hit.about.object.kind == "Pod" {
        let pod = &hit.about.object;
        let bound = snapshot.pod(&pod.namespace, &pod.name).map_or("", |pod| pod.node());
        if !bound.is_empty() {
            return Some(bound.to_owned());
        }
        // The scheduler's event outlives what else tells of a pod (kubernetes pkg/scheduler/schedule_one.go: `Successfully assigned %v/%v to %v`).
        let assigned = snapshot
            .events_on("Pod", &pod.namespace, &pod.name)
            .filter(|event| event.reason == "Scheduled" && event.message.starts_with("Successfully assigned "))
            .filter_map(|event| Some(event.message.rsplit_once(" to ")?.1.trim()))
            .last();
        if let Some(node) = assigned.filter(|node| !node.is_empty() && !node.contains(' ')) {
            return Some(node.to_owned());
        }
        // The kubelet names the mirror of a static pod `<name>-<node>` (pkg/kubelet/config/common.go, generatePodName).
        let mirrored = |node: &String| {
            pod.name
                .strip_suffix(node.as_str())
                .is_some_and(|name| name.ends_with('-'))
        };
        return snapshot.node_names().into_iter().find(mirrored);
    }
    let names = snapshot.node_names();
    // The log of a machine that nothing names is still that of a machine: the bundle's own name stands for it.
    let is_of_machine = || {
        matches!(
            hit.source,
            TextSource::System | TextSource::Kubelet | TextSource::Runtime
        )
    };
    match names.as_slice() {
        [only] => Some(only.clone()),
        [] if is_of_machine() => Some(machine_name(snapshot, "")),
        _ => None,
    }
}

/// The node of a machine that calls itself by its whole name, where the cluster knows it by the short one alone.
fn as_known(snapshot: &Snapshot, machine: &str) -> String {
    let short = machine.split('.').next().unwrap_or(machine);
    if !is_known(snapshot, machine) && is_known(snapshot, short) {
        short.to_owned()
    } else {
        machine.to_owned()
    }
}

/// The name by which a machine is called: the one that is known of it, else that of the bundle, which was made of it.
pub fn machine_name(snapshot: &Snapshot, known: &str) -> String {
    if known.is_empty() {
        snapshot.bundle.alias.to_string()
    } else {
        known.to_owned()
    }
}

/// One finding for each node of which the rule's signatures tell `least` times or more, and still do at the end.
pub fn by_node(input: &Input<'_>, rule: &RuleHeader, least: u64, confidence: Confidence) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let still = |hit: &Hit, node: &str| {
        let stays = is_ready(snapshot, node) == Some(false) || persists(snapshot, hit) || lasts(snapshot, rule, hit);
        stays && !is_end(rule, hit) && !has_passed(snapshot, rule, hit)
    };
    let groups = hits_by_node(input, rule, least, still).into_iter();
    groups
        .map(|(node, hits)| on_node(input, rule, &node, &hits, confidence))
        .collect()
}

/// The name of a match's signature within its rule.
pub fn name_of(hit: &Hit) -> &str {
    hit.signature.rsplit('/').next().unwrap_or("")
}

/// True for a line that says that the trouble is over, or who suffers from it: it is no sign of the trouble itself.
fn is_end(rule: &RuleHeader, hit: &Hit) -> bool {
    rule.finds.iter().any(|finds| {
        let ends = finds.lasting.iter().chain(&finds.passing).map(|state| &state.ends);
        ends.chain(&finds.suffers).any(|name| name == name_of(hit))
    })
}

/// True for what a later line takes back, where the kernel's log goes on for long after: its own stamps have no date.
fn has_passed(snapshot: &Snapshot, rule: &RuleHeader, hit: &Hit) -> bool {
    let mut passing = rule.finds.iter().flat_map(|finds| &finds.passing);
    let Some(state) = passing.find(|state| state.begins == name_of(hit)) else {
        return false;
    };
    let is_over = last_line_of(snapshot, rule, hit, &state.ends) > last_line_of(snapshot, rule, hit, &state.begins);
    is_over && kernel_goes_on_without(snapshot, hit).is_some_and(|gap| gap > STILL)
}

/// The last line with another signature of the rule in the log that a match stands in.
fn last_line_of(snapshot: &Snapshot, rule: &RuleHeader, hit: &Hit, name: &str) -> Option<u64> {
    let id = format!("{}/{name}", rule.id);
    let lines = snapshot.log_of(hit)?.hits.iter().filter(|line| line.signature == id);
    lines.map(LineHit::last_line).max()
}

/// True for what is written once and holds until another line takes it back, where none does.
fn lasts(snapshot: &Snapshot, rule: &RuleHeader, hit: &Hit) -> bool {
    let mut lasting = rule.finds.iter().flat_map(|finds| &finds.lasting);
    let Some(state) = lasting.find(|state| state.begins == name_of(hit)) else {
        return false;
    };
    last_line_of(snapshot, rule, hit, &state.begins) > last_line_of(snapshot, rule, hit, &state.ends)
}

/// What the rule's signatures tell of each node, `least` times or more: those matches that count for it.
pub fn hits_by_node<'s>(
    input: &Input<'s>,
    rule: &RuleHeader,
    least: u64,
    counts: impl Fn(&Hit, &str) -> bool,
) -> BTreeMap<String, Vec<&'s Hit>> {
    let mut groups: BTreeMap<String, Vec<&Hit>> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        if let Some(node) = node_of(input.snapshot, hit).filter(|node| counts(hit, node)) {
            groups.entry(node).or_default().push(hit);
        }
    }
    groups.retain(|_, hits| hits.iter().map(|hit| hit.count).sum::<u64>() >= least);
    groups
}

/// The finding that these matches make on a node, with the facts `node`, `times` and `line`.
pub fn on_node(input: &Input<'_>, rule: &RuleHeader, node: &str, hits: &[&Hit], confidence: Confidence) -> Finding {
    let mut finding = Finding::new(rule, Subject::node(node), confidence).fact("node", node.to_owned());
    finding.count = 0;
    for hit in hits {
        add_hit(input, &mut finding, hit);
    }
    finding.facts.insert("times".into(), finding.count.into());
    finding.facts.insert("line".into(), quote(&finding).into());
    touch_pods(input.snapshot, node, &mut finding);
    finding
}

/// The line that shows it, without what stands before the message.
pub fn quote(finding: &Finding) -> String {
    let line = finding
        .evidence
        .first()
        .and_then(|cite| cite.quote.first())
        .map_or("", |line| line.text.as_str());
    crate::logs::clean_line(line).trim().chars().take(240).collect()
}

fn is_known(snapshot: &Snapshot, node: &str) -> bool {
    snapshot.object("Node", "", node).is_some()
}

/// A finding about a node touches the pods on it that are not well, and their owners; what runs there may be out of reach.
pub fn touch_pods(snapshot: &Snapshot, node: &str, finding: &mut Finding) {
    touch_failing_pods(snapshot, node, finding);
    impair_pods(snapshot, node, finding);
}

/// As [`touch_pods`], of something that puts nothing else out of reach.
pub fn touch_failing_pods(snapshot: &Snapshot, node: &str, finding: &mut Finding) {
    finding.touches.insert(crate::rules::Touch::new(Ground::Node, node));
    for pod in snapshot.pods().filter(|pod| pod.node() == node && !pod.is_well()) {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(super::workload_touches(snapshot, &subject));
    }
}

/// What runs on a node that fails may be out of reach although its pods are still shown as they were last seen.
pub fn impair_pods(snapshot: &Snapshot, node: &str, finding: &mut Finding) {
    for pod in snapshot.pods().filter(|pod| pod.node() == node) {
        finding.impair(snapshot.top_owner(pod.object));
    }
}

/// One finding for each node on which pods are not well now and of which the rule's signatures tell.
///
/// Messages about a pod count while it, or what came in its place, is not well; messages of a node's own log while they persist.
pub fn by_node_of_failing_pods(input: &Input<'_>, rule: &RuleHeader, confidence: Confidence) -> Vec<Finding> {
    let mut findings = by_node(input, rule, 1, confidence);
    findings.retain(|finding| {
        let pods: Vec<&Hit> = own_hits(input, rule)
            .into_iter()
            .filter(|hit| {
                node_of(input.snapshot, hit).as_deref() == Some(finding.subject.name.as_str())
                    && hit.about.object.kind == "Pod"
            })
            .collect();
        pods.is_empty()
            || pods
                .iter()
                .any(|hit| super::pod_is_failing(input.snapshot, &hit.about.object))
    });
    findings
}

/// A line that tells of an end has to stand so close to the end of its log; a program that runs writes on.
const LAST_LINES: u64 = 4;

/// True when the match is among the last lines of its log.
pub fn ends_log(snapshot: &Snapshot, hit: &Hit) -> bool {
    let Some(log) = snapshot.log_of(hit) else {
        return true;
    };
    let end = log.tail.last().map_or(0, |tail| tail.line);
    log.hits
        .iter()
        .filter(|found| found.signature == hit.signature && found.captures == hit.captures)
        .map(LineHit::last_line)
        .any(|line| line + LAST_LINES > end)
}
