//! Things that fail and that no rule explains: when they broke, what changed around them, and which logs to look into.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::recent::RecentChange;
use super::surroundings::Surroundings;
use super::{Differences, Root};
use crate::cluster::{Event, Object, PodView, Snapshot};
use crate::logs::{LogTemplate, Stream, clean_line};
use crate::model::{Citation, Confidence, Subject, When};
use crate::rules::toolbox::failing_pods;
use crate::rules::toolbox::peers::{Peer, objects_of};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::{Finding, Ground, Role, Rules, Touch};

/// Things that are looked into; the rest is only named.
const LOOKED_INTO: usize = 10;
/// Logs that are read again for one thing, of its own and of each kind of peer.
const LOGS: usize = 6;
/// Differences and changes that are shown as suspects of one thing.
const SUSPECTS: usize = 5;
/// Templates shown for one thing.
const TEMPLATES: usize = 6;

/// One thing that fails, unexplained.
#[derive(Debug, Clone)]
pub struct Unexplained {
    /// The workload, or the pod when nothing owns it.
    pub subject: Subject,
    /// What shows that it fails.
    pub evidence: Vec<Citation>,
    /// The first failing event or termination: when it broke, as far as the bundle tells.
    pub broke: Option<(When, Citation)>,
    /// Indices of the differences from the baseline that stand next to it, the most suspicious first.
    pub differences: Vec<usize>,
    /// Indices of the recent changes that stand next to it.
    pub changes: Vec<usize>,
    /// Indices of the logs to look into: its own, then those of the peers that they name.
    pub logs: Vec<usize>,
    /// What those logs complain of, the most telling first, with the index of the log.
    pub templates: Vec<(usize, LogTemplate)>,
}

/// What is known when the search begins.
pub(super) struct Known<'d, 's> {
    pub(super) rules: &'d Rules,
    pub(super) snapshot: &'s Snapshot,
    pub(super) findings: &'d [Finding],
    pub(super) roots: &'d [Root],
    pub(super) differences: Option<&'d Differences>,
    pub(super) changes: &'d [RecentChange],
}

/// Everything that fails while no cause accounts for it, in order of subject.
pub(super) fn unexplained(known: &Known<'_, '_>, surroundings: &Surroundings<'_>) -> Vec<Unexplained> {
    let covered = covered(known);
    let is_covered = |touches: &[Touch]| touches.iter().any(|touch| covered.contains(touch));
    let mut failing: BTreeMap<Subject, Vec<Citation>> = BTreeMap::new();
    for root in known.roots {
        let Some(finding) = known.findings.get(root.finding) else {
            continue;
        };
        if is_no_explanation(known, finding) {
            let subject = known.snapshot.top_owner_of(&finding.subject);
            failing.entry(subject).or_insert_with(|| finding.evidence.clone());
        }
    }
    for (pod, owner) in failing_pods(known.snapshot) {
        let mut touches = Touch::of(&owner);
        touches.extend(Touch::of(&pod.object.subject()));
        touches.retain(is_local);
        let has_well_sibling = surroundings
            .pods_of(&owner)
            .iter()
            .any(|object| (PodView { object }).is_well());
        // One pod of many that is only just starting, or a run of a job that was tried again, is no failure.
        if !is_covered(&touches) && !has_well_sibling && complains(known.snapshot, &pod) {
            let shown = pod.object.cite_at("/status");
            failing.entry(owner).or_default().push(shown);
        }
    }
    for (subject, cite) in ended_badly(known.snapshot) {
        let mut touches = Touch::of(&subject);
        touches.retain(is_local);
        if !is_covered(&touches) {
            failing.entry(subject).or_default().push(cite);
        }
    }
    failing
        .into_iter()
        .take(LOOKED_INTO)
        .map(|(subject, evidence)| look_into(known, surroundings, subject, evidence))
        .collect()
}

/// Words of the last lines of a program that has come to a bad end, or of whoever wrote that it did.
static BAD_END: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:FATAL|PANIC|CRITICAL|EMERG)\b|(?i:^panic:|\bfatal(?: error)?:|traceback \(most recent call last\)|exception in thread|unhandled exception|uncaught exception|segmentation fault|core dumped|exited with (?:code|status) [1-9]|exit(?:ing| status|code)?[ :=]+[1-9])").ok()
});
/// Lines at the end of a log in which such words count.
const LAST_LINES: usize = 8;

/// Where a bundle shows no pods at all, the logs alone tell what fails: those that end badly, each with its last such line.
fn ended_badly(snapshot: &Snapshot) -> Vec<(Subject, Citation)> {
    let Some(bad_end) = BAD_END.as_ref().filter(|_| snapshot.kind("Pod").next().is_none()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for log in &snapshot.logs {
        let last = log
            .tail
            .iter()
            .rev()
            .filter(|line| !line.text.trim().is_empty())
            .take(LAST_LINES);
        let Some(line) = last
            .into_iter()
            .find(|line| bad_end.is_match(clean_line(&line.text).trim()))
        else {
            continue;
        };
        if let Some(speaker) = of_log(snapshot, log) {
            let cite = Citation::line(&snapshot.bundle.alias, &log.path, line.line, line.text.clone());
            found.push((speaker.workload, cite.at(moment_of_line(snapshot, &line.text))));
        }
    }
    found
}

impl Unexplained {
    /// Takes what the logs complain of, by the index of the log: first what began or burst, then what tells of the end, then what is said
    /// most often. Complaints that were always there explain nothing and come last.
    pub fn choose(&mut self, mined: &BTreeMap<usize, Vec<LogTemplate>>) {
        let mut templates: Vec<(usize, LogTemplate)> = Vec::new();
        for index in &self.logs {
            let of_log = mined.get(index).into_iter().flatten();
            templates.extend(of_log.map(|template| (*index, template.clone())));
        }
        templates.sort_by_key(|(index, template)| {
            let own = self.logs.iter().position(|log| log == index);
            (
                std::cmp::Reverse(template.is_new),
                std::cmp::Reverse(template.is_burst),
                gravity(&template.text),
                own,
                std::cmp::Reverse(template.count),
                template.first.line,
            )
        });
        templates.truncate(TEMPLATES);
        self.templates = templates;
    }
}

/// The lower, the graver, by the words that programs use.
fn gravity(text: &str) -> u8 {
    let text = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["fatal", "panic", "critical", "traceback"]) {
        0
    } else if has(&["error", "exception", "failed", "refused", "denied"]) {
        1
    } else {
        2
    }
}

/// A symptom says what is seen, and what is merely possible does not say that it is so.
fn is_no_explanation(known: &Known<'_, '_>, finding: &Finding) -> bool {
    let rule = known.rules.get(&finding.rule);
    let role = rule.map_or(Role::Symptom, |rule| rule.header.role);
    role == Role::Symptom || finding.confidence <= Confidence::Possible
}

/// Every place that a root cause accounts for.
fn covered(known: &Known<'_, '_>) -> BTreeSet<Touch> {
    let causes = known.roots.iter().filter(|root| {
        let finding = known.findings.get(root.finding);
        finding.is_some_and(|finding| !is_no_explanation(known, finding))
    });
    causes
        .flat_map(|root| std::iter::once(root.finding).chain(root.explains.iter().copied()))
        .filter_map(|index| known.findings.get(index))
        .flat_map(|finding| finding.touches.iter().filter(|touch| is_local(touch)).cloned())
        .collect()
}

fn is_local(touch: &Touch) -> bool {
    matches!(touch.ground, Ground::Pod | Ground::Workload | Ground::Object)
}

/// True for a pod that does not merely wait to start: it was restarted, failed, or somebody warned about it.
fn complains(snapshot: &Snapshot, pod: &PodView<'_>) -> bool {
    let containers = pod.containers();
    let is_starting = |reason: &str| matches!(reason, "ContainerCreating" | "PodInitializing" | "");
    pod.phase() == "Failed"
        || containers.iter().any(|container| {
            container.restarts() > 0 || container.waiting().is_some_and(|waiting| !is_starting(waiting.reason))
        })
        || warnings(snapshot, pod.object).next().is_some()
}

fn warnings<'s>(snapshot: &'s Snapshot, object: &'s Object) -> impl Iterator<Item = &'s Event> {
    let key = &object.key;
    snapshot
        .events_on(&key.kind, &key.namespace, &key.name)
        .filter(|event| event.warning)
}

fn look_into(
    known: &Known<'_, '_>,
    surroundings: &Surroundings<'_>,
    subject: Subject,
    evidence: Vec<Citation>,
) -> Unexplained {
    let pods = surroundings.pods_of(&subject);
    let near = surroundings.of(&subject);
    let logs = logs_of(known.snapshot, &subject, pods);
    let changes = known.changes.iter().enumerate();
    Unexplained {
        broke: moment(known.snapshot, &subject, pods),
        differences: suspects(known, &near, &subject, pods),
        changes: changes
            .filter(|(_, change)| near.contains(&change.subject))
            .map(|(index, _)| index)
            .take(SUSPECTS)
            .collect(),
        logs,
        templates: Vec::new(),
        subject,
        evidence,
    }
}

/// The first warning about it or its pods, or the first termination that its containers remember, whichever came first.
fn moment(snapshot: &Snapshot, subject: &Subject, pods: &[&Object]) -> Option<(When, Citation)> {
    let owner = snapshot.object(&subject.kind, &subject.namespace, &subject.name);
    let warned = owner
        .into_iter()
        .chain(pods.iter().copied())
        .flat_map(|object| warnings(snapshot, object))
        .filter_map(|event| Some((event.first.clone()?, event.cite.clone())));
    let ended = pods.iter().flat_map(|object| {
        let pod = PodView { object };
        let ends = pod.containers().into_iter().filter_map(|container| container.ended());
        ends.filter_map(|ended| {
            let when = ended.finished?;
            Some((when.clone(), object.cite_at(&ended.pointer).at(Some(when))))
        })
        .collect::<Vec<_>>()
    });
    warned.chain(ended).min_by(|(a, _), (b, _)| a.earliest.cmp(&b.earliest))
}

/// The differences of what it depends on, then those of policies in its namespace and of the nodes that it runs on.
fn suspects(known: &Known<'_, '_>, near: &BTreeSet<Subject>, subject: &Subject, pods: &[&Object]) -> Vec<usize> {
    const POLICIES: [&str; 7] = [
        "LimitRange",
        "MutatingWebhookConfiguration",
        "NetworkPolicy",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "ValidatingWebhookConfiguration",
    ];
    let Some(differences) = known.differences else {
        return Vec::new();
    };
    let nodes: BTreeSet<&str> = pods.iter().map(|object| object.text("/spec/nodeName")).collect();
    let distance = |other: &Subject| {
        let here = other.namespace.is_empty() || other.namespace == subject.namespace;
        if near.contains(other) {
            Some(0)
        } else if here && POLICIES.contains(&other.kind.as_str()) {
            Some(1)
        } else if !other.node.is_empty() && nodes.contains(other.node.as_str()) {
            Some(2)
        } else {
            None
        }
    };
    let indices = differences.different.iter().enumerate();
    let mut found: Vec<(u8, usize)> = indices
        .filter_map(|(index, difference)| Some((distance(&difference.subject)?, index)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, index)| index).take(SUSPECTS).collect()
}

/// The logs of its pods, the previous instance's first, then those of the peers that its last lines name.
fn logs_of(snapshot: &Snapshot, subject: &Subject, pods: &[&Object]) -> Vec<usize> {
    let names: BTreeSet<&str> = pods.iter().map(|pod| pod.key.name.as_str()).collect();
    let mut own = logs_of_pods(snapshot, &subject.namespace, &names);
    // Without its pods the logs themselves tell whose they are.
    if own.is_empty() {
        let indices = snapshot.logs.iter().enumerate();
        let theirs =
            indices.filter(|(_, log)| of_log(snapshot, log).is_some_and(|speaker| speaker.workload == *subject));
        own = theirs.map(|(index, _)| index).collect();
    }
    own.truncate(LOGS);
    let mut peers: BTreeSet<Subject> = BTreeSet::new();
    for log in own.iter().filter_map(|index| snapshot.logs.get(*index)) {
        for line in &log.tail {
            let words = clean_line(&line.text).split_whitespace();
            let hosts = words.filter(|word| word.len() < 256 && word.contains([':', '.']));
            for word in hosts {
                let peer = Peer::parse(word.trim_matches(|c: char| !c.is_ascii_alphanumeric()), None);
                peers.extend(objects_of(snapshot, &subject.namespace, &peer));
            }
        }
    }
    let mut of_peers: Vec<usize> = Vec::new();
    for peer in peers.into_iter().filter(|peer| peer != subject).take(LOGS) {
        let pods: BTreeSet<&str> = snapshot.pods_of(&peer).map(|pod| pod.name()).collect();
        of_peers.extend(logs_of_pods(snapshot, &peer.namespace, &pods));
    }
    of_peers.truncate(LOGS);
    let known: BTreeSet<usize> = own.iter().copied().collect();
    own.extend(of_peers.into_iter().filter(|index| !known.contains(index)));
    own
}

fn logs_of_pods(snapshot: &Snapshot, namespace: &str, pods: &BTreeSet<&str>) -> Vec<usize> {
    let mut found: Vec<(bool, usize)> = Vec::new();
    for (index, log) in snapshot.logs.iter().enumerate() {
        if let Stream::Container(container) = &log.stream
            && pods.contains(container.pod.as_str())
            && (container.namespace.is_empty() || container.namespace == namespace)
        {
            found.push((!container.previous, index));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, index)| index).collect()
}

/// The moment of a log line, as far as its stamp tells.
pub fn moment_of_line(snapshot: &Snapshot, line: &str) -> Option<When> {
    snapshot.time_of(line)
}

#[cfg(test)]
mod tests {
    use super::super::diagnose;
    use crate::cluster::reading_for;
    use crate::rules::Rules;

    /// What stays unexplained, with how many logs are to be looked into.
    fn unexplained(path: &str, log: &str) -> Vec<(String, usize)> {
        let rules = Rules::load().unwrap();
        let snapshot = reading_for(rules.signatures(), &[(path, log)]);
        let diagnosis = diagnose(&rules, &snapshot, None);
        let things = diagnosis.unexplained.iter();
        things
            .map(|thing| (thing.subject.name.clone(), thing.logs.len()))
            .collect()
    }

    #[test]
    fn a_log_alone_that_ends_badly_is_looked_into() {
        let log = "2026-03-01T10:00:00Z INFO starting\n2026-03-01T10:00:01Z INFO warming up\n2026-03-01T10:00:02Z FATAL the flux is out of phase\n";
        assert_eq!(unexplained("billing.log", log), [("billing".to_owned(), 1)]);
        assert_eq!(
            unexplained("billing-6bdf8c9d7-jd5lx.log", log),
            [("billing".to_owned(), 1)]
        );
    }

    #[test]
    fn a_log_alone_that_goes_on_is_no_failure() {
        let log = "2026-03-01T10:00:00Z FATAL the flux is out of phase\n".to_owned()
            + &"2026-03-01T10:00:05Z INFO served\n".repeat(12);
        assert!(unexplained("billing.log", &log).is_empty());
    }
}
