//! The cause graph: an edge where a rule declares that it may cause another and the two findings share the ground for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::SignedDuration;

use crate::model::{Confidence, Level, Subject, Text};
use crate::rules::toolbox::peers::Peer;
use crate::rules::toolbox::speakers::is_data_store;
use crate::rules::{Finding, Role, Rules, Touch};

/// One finding causes another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Index of the cause.
    pub from: usize,
    /// Index of the effect.
    pub to: usize,
    /// How.
    pub mechanism: Text,
}

/// All edges between findings, in order of cause and effect.
pub fn edges(rules: &Rules, findings: &[Finding]) -> Vec<Edge> {
    let mut by_touch: HashMap<(&str, &Touch), Vec<usize>> = HashMap::new();
    for (index, finding) in findings.iter().enumerate() {
        for touch in &finding.touches {
            by_touch.entry((&finding.rule, touch)).or_default().push(index);
        }
    }
    let found_by: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    let mut found = Vec::new();
    for (from, cause) in findings.iter().enumerate() {
        let Some(rule) = rules.get(&cause.rule) else { continue };
        for effect in &rule.header.causes {
            let shared = || cause.touches.iter().filter(|touch| touch.ground == effect.ground);
            let named = found_by.iter().filter(|id| effect.names(id));
            let candidates: BTreeSet<usize> = named
                .flat_map(|id| shared().filter_map(|touch| by_touch.get(&(*id, touch))))
                .flatten()
                .copied()
                .collect();
            for to in candidates {
                if from != to && findings.get(to).is_some_and(|suffers| may_follow(cause, suffers)) {
                    found.push(Edge {
                        from,
                        to,
                        mechanism: effect.mechanism.clone(),
                    });
                }
            }
        }
    }
    add_blamed(rules, findings, &mut found);
    found.sort_by_key(|edge| (edge.from, edge.to));
    found.dedup_by_key(|edge| (edge.from, edge.to));
    found
}

/// Who complains of a peer is explained by whatever ails that peer, unless the peer's trouble already comes from the complaint.
fn add_blamed(rules: &Rules, findings: &[Finding], edges: &mut Vec<Edge>) {
    // A member that ails is etcd to its clients, who do not know which one answers.
    let etcd = Subject::cluster("EtcdMember", "etcd");
    let mut ailing: BTreeMap<&Subject, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        let Some(rule) = rules.get(&finding.rule).filter(|rule| rule.header.role != Role::Factor) else {
            continue;
        };
        // What is only known from callers is no trouble of the peer's own, but what explains it is.
        let troubles = if rule.header.hearsay && rule.header.role == Role::Symptom {
            explaining(findings, edges, index)
        } else {
            vec![index]
        };
        let whole = (finding.subject.kind == etcd.kind).then_some(&etcd);
        for object in finding.impairs.iter().chain([&finding.subject]).chain(whole) {
            ailing.entry(object).or_default().extend(&troubles);
        }
    }
    let mut effects: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for edge in edges.iter() {
        effects.entry(edge.from).or_default().push(edge.to);
    }
    for (to, complaint) in findings.iter().enumerate() {
        let mut blamed: BTreeSet<usize> = complaint
            .blames
            .iter()
            .filter_map(|peer| ailing.get(peer))
            .flatten()
            .copied()
            .collect();
        let is_guess = complaint.blames_unknown && blamed.is_empty();
        if is_guess {
            blamed.extend(only_ailing_neighbour(rules, findings, complaint));
        }
        for from in blamed {
            let follows = findings.get(from).is_some_and(|ailing| may_follow(ailing, complaint));
            if from != to && follows && !reaches(&effects, to, from) {
                effects.entry(from).or_default().push(to);
                edges.push(if is_guess {
                    neighbour_ails(from, to)
                } else {
                    called_peer_ails(from, to)
                });
            }
        }
    }
    add_common_to_callers(rules, findings, &mut effects, edges);
    add_relayed(rules, findings, &mut effects, edges);
}

/// What explains each caller that complains of a peer explains that the peer seems not to answer: they share a node, or what they all go
/// through.
fn add_common_to_callers(
    rules: &Rules,
    findings: &[Finding],
    effects: &mut BTreeMap<usize, Vec<usize>>,
    edges: &mut Vec<Edge>,
) {
    let causes_of = |effect: usize, edges: &[Edge]| -> BTreeSet<usize> {
        let into = edges.iter().filter(|edge| edge.to == effect);
        into.map(|edge| edge.from).collect()
    };
    for (heard, finding) in findings.iter().enumerate() {
        if !rules.get(&finding.rule).is_some_and(|rule| rule.header.hearsay) {
            continue;
        }
        let callers = effects.get(&heard).cloned().unwrap_or_default();
        let mut common: Option<BTreeSet<usize>> = None;
        for caller in callers {
            let complains = findings.get(caller).is_some_and(|caller| {
                caller.subject != finding.subject
                    && caller.blames.contains(&finding.subject)
                    && rules
                        .get(&caller.rule)
                        .is_some_and(|rule| rule.header.role == Role::Cause)
            });
            if complains {
                let causes = causes_of(caller, edges);
                common = Some(common.map_or_else(
                    || causes.clone(),
                    |known| known.intersection(&causes).copied().collect(),
                ));
            }
        }
        for from in common.into_iter().flatten() {
            let is_other = findings
                .get(from)
                .is_some_and(|cause| !cause.blames.contains(&finding.subject));
            if from != heard && is_other && !reaches(effects, heard, from) {
                effects.entry(from).or_default().push(heard);
                edges.push(Edge {
                    from,
                    to: heard,
                    mechanism: Text {
                        zh: "所有抱怨它的调用方都受此影响".to_owned(),
                        en: "it affects all callers that complain".to_owned(),
                    },
                });
            }
        }
    }
}

/// What explains a finding that is only known from callers, those callers themselves left out.
fn explaining(findings: &[Finding], edges: &[Edge], heard: usize) -> Vec<usize> {
    let Some(subject) = findings.get(heard).map(|finding| &finding.subject) else {
        return Vec::new();
    };
    edges
        .iter()
        .filter(|edge| edge.to == heard)
        .map(|edge| edge.from)
        .filter(|from| findings.get(*from).is_some_and(|cause| !cause.blames.contains(subject)))
        .collect()
}

fn called_peer_ails(from: usize, to: usize) -> Edge {
    Edge {
        from,
        to,
        mechanism: Text {
            zh: "被调用的对端自身有故障，请求因此失败".to_owned(),
            en: "the peer that is called is itself in trouble, so the calls fail".to_owned(),
        },
    }
}

/// The peer is guessed, and the sentence says so.
fn neighbour_ails(from: usize, to: usize) -> Edge {
    Edge {
        from,
        to,
        mechanism: Text {
            zh: "调用因此失败（推断：日志没有说明对端是谁，旁边自身有故障的只有它）".to_owned(),
            en: "so the calls fail (inferred: the log does not tell the peer, and nothing else beside it fails by itself)"
                .to_owned(),
        },
    }
}

/// Who only passes on that something it calls failed, and is not explained yet, is explained by the one workload beside it whose trouble
/// is its own: a caller two steps up the chain names at most the step between.
fn add_relayed(rules: &Rules, findings: &[Finding], effects: &mut BTreeMap<usize, Vec<usize>>, edges: &mut Vec<Edge>) {
    let caused: BTreeSet<usize> = edges.iter().map(|edge| edge.to).collect();
    // A setting or a node that brings a workload down leaves the trouble the workload's own; another workload does not.
    let passed_on: BTreeSet<usize> = edges
        .iter()
        .filter(|edge| match (findings.get(edge.from), findings.get(edge.to)) {
            (Some(cause), Some(effect)) => {
                cause.subject != effect.subject && WORKLOADS.contains(&cause.subject.kind.as_str())
            }
            _ => false,
        })
        .map(|edge| edge.to)
        .collect();
    let is_own_trouble = |finding: &Finding| {
        !finding.blames_unknown
            && finding.level == Level::Critical
            && WORKLOADS.contains(&finding.subject.kind.as_str())
    };
    let role = |finding: &Finding| rules.get(&finding.rule).map(|rule| rule.header.role);
    let sources: Vec<(usize, &Finding)> = findings
        .iter()
        .enumerate()
        .filter(|(index, finding)| !passed_on.contains(index) && is_own_trouble(finding))
        .collect();
    for (to, complaint) in findings.iter().enumerate() {
        if !complaint.blames_unknown || caused.contains(&to) {
            continue;
        }
        let beside: Vec<(usize, &Finding)> = sources
            .iter()
            .copied()
            .filter(|(_, source)| {
                source.subject.namespace == complaint.subject.namespace
                    && source.subject != complaint.subject
                    && may_follow(source, complaint)
            })
            .collect();
        // Where no rule says why anything is down, that it is down has to do.
        let explains = |source: &Finding| matches!(role(source), Some(Role::Cause | Role::Link));
        let is_explained = beside.iter().any(|(_, source)| explains(source));
        let likely: Vec<(usize, &Finding)> = beside
            .into_iter()
            .filter(|(_, source)| explains(source) || !is_explained && role(source) == Some(Role::Symptom))
            .collect();
        let subjects: BTreeSet<&Subject> = likely.iter().map(|(_, source)| &source.subject).collect();
        if subjects.len() != 1 {
            continue;
        }
        for (from, _) in likely {
            if !reaches(effects, to, from) {
                effects.entry(from).or_default().push(to);
                edges.push(neighbour_ails(from, to));
            }
        }
    }
}

/// Of a peer that cannot be told, the only workload beside it that is down by its own fault is the likely one.
fn only_ailing_neighbour(rules: &Rules, findings: &[Finding], complaint: &Finding) -> Vec<usize> {
    // A data store is no workload of another kind: the port or the name of the peer tells.
    let peer = complaint.facts.get("peer").and_then(|peer| peer.as_str()).unwrap_or("");
    let asks_for_store = Peer::parse(peer, None).is_data_store() || complaint.rule.starts_with("app-database-");
    let is_near = |finding: &Finding| finding.subject.namespace == complaint.subject.namespace;
    let is_down = |finding: &Finding, explains: &[Role]| {
        let role = rules.get(&finding.rule).map(|rule| rule.header.role);
        role.is_some_and(|role| explains.contains(&role))
            && finding.level == Level::Critical
            && finding.confidence > Confidence::Possible
            && finding.blames.is_empty()
            && !finding.blames_unknown
            && finding.subject != complaint.subject
            && WORKLOADS.contains(&finding.subject.kind.as_str())
            && (!asks_for_store || is_data_store(&finding.subject.name))
    };
    let all_that = |explain: &[Role]| -> Vec<usize> {
        let is_one = |index: &usize| findings.get(*index).is_some_and(|finding| is_down(finding, explain));
        (0..findings.len()).filter(is_one).collect()
    };
    let mut down = all_that(&[Role::Cause, Role::Link]);
    // A store that is down needs no reason to be told from what is not one.
    if down.is_empty() && asks_for_store {
        down = all_that(&[Role::Symptom]);
    }
    let is_here = |index: &usize| findings.get(*index).is_some_and(is_near);
    // Stores often live in a namespace of their own.
    if !asks_for_store || down.iter().any(is_here) {
        down.retain(is_here);
    }
    let subjects: BTreeSet<&Subject> = down
        .iter()
        .filter_map(|index| Some(&findings.get(*index)?.subject))
        .collect();
    if subjects.len() == 1 { down } else { Vec::new() }
}

/// What can be called.
const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Pod", "StrimziPodSet"];

/// True when one finding explains the other, directly or not.
fn reaches(effects: &BTreeMap<usize, Vec<usize>>, from: usize, to: usize) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(effects.get(&at).into_iter().flatten());
        }
    }
    false
}

/// An effect that was surely over before its cause was first seen is no effect of it. Who collects the end of each log sees the same
/// incident begin and end a little differently in each.
fn may_follow(cause: &Finding, effect: &Finding) -> bool {
    match (&cause.first, &effect.last) {
        (Some(begins), Some(ends)) => {
            !ends.surely_before(begins) || begins.basis != ends.basis || ends.gap_to(begins) <= CUT_APART
        }
        _ => true,
    }
}

/// So far apart the parts of one incident may be that the ends of two logs show.
const CUT_APART: SignedDuration = SignedDuration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::super::diagnose;
    use crate::cluster::reading_for;
    use crate::rules::Rules;

    fn roots(files: &[(&str, &str)]) -> Vec<String> {
        let rules = Rules::load().unwrap();
        let snapshot = reading_for(rules.signatures(), files);
        let diagnosis = diagnose(&rules, &snapshot, None);
        let named = diagnosis
            .roots
            .iter()
            .filter_map(|root| diagnosis.findings.get(root.finding));
        named
            .map(|finding| format!("{} {}", finding.rule, finding.subject.name))
            .collect()
    }

    const SERVICES: &str = "NAMESPACE   NAME     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE\nshop        orders   ClusterIP   10.96.0.12   <none>        8080/TCP   41m\n";
    const WEB: &str = "panic: dial tcp 10.96.0.12:8080: connect: connection refused\n";

    fn pods(orders: &str) -> String {
        format!(
            "NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE\nshop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m\nshop        orders-6bdf8c9d7-jd5lx     {orders}   41m\n"
        )
    }

    #[test]
    fn who_complains_of_a_peer_that_is_down_is_explained_by_the_peers_own_cause() {
        let pods = pods("0/1     CrashLoopBackOff   9       ");
        let files = [
            ("pods.txt", pods.as_str()),
            ("svc.txt", SERVICES),
            ("web.log", WEB),
            (
                "orders.log",
                "FATAL open /etc/orders/rates.csv: no such file or directory\n",
            ),
        ];
        assert_eq!(roots(&files), ["app-missing-file orders"]);
    }

    #[test]
    fn who_passes_an_error_on_is_explained_by_the_one_whose_own_it_is() {
        let services =
            format!("{SERVICES}shop        web      ClusterIP   10.96.0.13   <none>        8080/TCP   41m\n");
        let pods = "NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE\nshop        edge-57b96b46b7-zv4q2      1/1     Running   0          41m\nshop        web-57b96b46b7-zv4q2       1/1     Running   0          41m\nshop        orders-6bdf8c9d7-jd5lx     1/1     Running   0          41m\n";
        let files = [
            ("pods.txt", pods.to_owned()),
            ("svc.txt", services),
            ("edge-57b96b46b7-zv4q2.log", "ERROR cart of 7: answer 502\n".repeat(6)),
            (
                "web-57b96b46b7-zv4q2.log",
                "ERROR place: 500 Internal Server Error from POST http://orders:8080/place\n".repeat(6),
            ),
            (
                "orders-6bdf8c9d7-jd5lx.log",
                "ERROR place: negative quantity in row 7\n".repeat(6),
            ),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        assert_eq!(roots(&files), ["app-bug orders"]);
    }

    #[test]
    fn a_complaint_of_a_peer_that_is_well_stands_by_itself() {
        let pods = pods("1/1     Running            0       ");
        let files = [("pods.txt", pods.as_str()), ("svc.txt", SERVICES), ("web.log", WEB)];
        assert_eq!(roots(&files), ["app-upstream-refused web"]);
    }
}
