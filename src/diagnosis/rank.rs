//! Which findings are root causes, and in which order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Edge;
use crate::model::Confidence;
use crate::rules::{Finding, Ground, Role, Rules, Touch};

/// A root cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Index of the finding.
    pub finding: usize,
    /// Indices of what it explains, directly or not.
    pub explains: Vec<usize>,
}

/// What else speaks for a finding as the cause: indices of findings.
#[derive(Debug, Clone, Default)]
pub struct Grounds {
    /// Something that concerns them differs from the baseline, or the very field that they name differs from its manifest.
    pub changed: BTreeSet<usize>,
    /// Something that concerns them was changed just before they were first seen, or another field of theirs differs from its manifest.
    pub preceded: BTreeSet<usize>,
}

/// The sources of the graph, best first. A symptom is a root only when nothing explains it, and then it stands last.
pub fn roots(rules: &Rules, findings: &[Finding], edges: &[Edge], grounds: &Grounds) -> Vec<Root> {
    let role = |finding: &Finding| rules.get(&finding.rule).map_or(Role::Symptom, |rule| rule.header.role);
    let mut effects: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for edge in edges {
        effects.entry(edge.from).or_default().push(edge.to);
    }
    // What a mere factor made worse still has a cause to be found.
    let is_factor = |index: usize| findings.get(index).is_some_and(|finding| role(finding) == Role::Factor);
    let mut causes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| !is_factor(edge.from)) {
        causes.entry(edge.to).or_default().push(edge.from);
    }
    // Of findings that explain each other in a circle, and that nothing outside of it explains, each may be the beginning.
    let mut roots: Vec<Root> = (0..findings.len())
        .map(|finding| Root {
            finding,
            explains: explained(finding, &effects),
        })
        .filter(|root| {
            let into = causes.get(&root.finding);
            into.is_none_or(|into| into.iter().all(|cause| root.explains.binary_search(cause).is_ok()))
        })
        .collect();
    roots.retain(|root| {
        findings
            .get(root.finding)
            .is_some_and(|finding| role(finding) != Role::Factor)
    });
    // A cause that is itself explained accounts for its place as well: who complains of a peer that is down has no second incident.
    let mut taken: BTreeMap<&Touch, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if role(finding) == Role::Cause {
            for touch in local(finding) {
                taken.entry(touch).or_default().push(index);
            }
        }
    }
    // What a cause at the same place already accounts for is not a second incident, unless it is what explains that cause.
    roots.retain(|root| {
        let is_second = |finding: &Finding| {
            local(finding)
                .filter_map(|touch| taken.get(touch))
                .flatten()
                .any(|cause| root.explains.binary_search(cause).is_err())
        };
        findings
            .get(root.finding)
            .is_some_and(|finding| role(finding) == Role::Cause || !is_second(finding))
    });
    drop_last_resorts(findings, &mut roots);
    // What differs from the healthy counterpart is suspect before what is the same there; a change just before only breaks a tie,
    // because a rollout comes before most failures, whatever their cause.
    // What is broken comes before what is merely odd, and what explains something that people see before what explains nothing.
    roots.sort_by_cached_key(|root| {
        findings.get(root.finding).map(|finding| {
            (
                role(finding),
                Reverse(finding.level),
                root.explains.is_empty(),
                !grounds.changed.contains(&root.finding),
                Reverse(finding.confidence),
                Reverse(root.explains.len()),
                !grounds.preceded.contains(&root.finding),
                finding.first.as_ref().map(|when| when.earliest),
                finding.rule.clone(),
                finding.subject.clone(),
            )
        })
    });
    leads_last(rules, findings, &mut roots);
    // The best of a circle stands for it.
    let mut told: BTreeSet<usize> = BTreeSet::new();
    roots.retain(|root| {
        let is_first = !told.contains(&root.finding);
        told.extend(&root.explains);
        is_first
    });
    roots
}

/// Where nothing but links was found that explain nothing, symptoms that nothing explains and that explain others come before them.
fn leads_last(rules: &Rules, findings: &[Finding], roots: &mut [Root]) {
    let role = |root: &Root| Some(rules.get(&findings.get(root.finding)?.rule)?.header.role);
    let is_lead = |root: &Root| {
        let finding = findings.get(root.finding);
        root.explains.is_empty() && finding.is_some_and(|finding| finding.confidence <= Confidence::Possible)
    };
    let links = roots.iter().take_while(|root| role(root) == Some(Role::Link)).count();
    let telling = roots
        .iter()
        .skip(links)
        .take_while(|root| !root.explains.is_empty())
        .count();
    if let Some(front) = roots
        .get_mut(..links + telling)
        .filter(|front| front.iter().take(links).all(is_lead))
    {
        front.rotate_left(links);
    }
}

/// A lead of the last resort is none where something surer was found at the same place.
fn drop_last_resorts(findings: &[Finding], roots: &mut Vec<Root>) {
    let sure: BTreeSet<&Touch> = roots
        .iter()
        .filter_map(|root| findings.get(root.finding))
        .filter(|finding| finding.confidence > Confidence::Possible)
        .flat_map(local)
        .collect();
    roots.retain(|root| {
        findings.get(root.finding).is_some_and(|finding| {
            finding.confidence > Confidence::Possible || !local(finding).any(|touch| sure.contains(touch))
        })
    });
}

fn explained(root: usize, effects: &BTreeMap<usize, Vec<usize>>) -> Vec<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(at) = open.pop() {
        for &to in effects.get(&at).into_iter().flatten() {
            if to != root && found.insert(to) {
                open.push(to);
            }
        }
    }
    found.into_iter().collect()
}

/// Where a finding is: its pod, workload or thing on a host. A node is a place of its own, whatever runs there.
fn local(finding: &Finding) -> impl Iterator<Item = &Touch> {
    let is_node = finding.subject.kind == "Node";
    finding.touches.iter().filter(move |touch| match touch.ground {
        Ground::Object => !is_node || touch.key.starts_with("Node/"),
        Ground::Pod | Ground::Workload => !is_node,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::diagnose;
    use crate::cluster::{Snapshot, reading_for};
    use crate::rules::Rules;

    /// Two Deployments whose images cannot be pulled, each with its tag.
    fn bundle(rules: &Rules, api: &str, web: &str) -> Snapshot {
        let deployment = |name: &str, tag: &str| {
            format!(
                r#"{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"name":"{name}","namespace":"shop","uid":"1"}},"spec":{{"replicas":1,"template":{{"spec":{{"containers":[{{"name":"c","image":"hub.example/{name}:{tag}"}}]}}}}}},"status":{{"replicas":1}}}}"#
            )
        };
        let pod = |name: &str, tag: &str| {
            let image = format!("hub.example/{name}:{tag}");
            format!(
                r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{name}-57b96b46b7-zv4q2","namespace":"shop","uid":"1"}},"spec":{{"containers":[{{"name":"c","image":"{image}"}}]}},"status":{{"phase":"Pending","containerStatuses":[{{"name":"c","ready":false,"restartCount":0,"state":{{"waiting":{{"reason":"ErrImagePull","message":"failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"}}}}}}]}}}}"#
            )
        };
        let items = [
            deployment("api", api),
            pod("api", api),
            deployment("web", web),
            pod("web", web),
        ];
        let text = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#, items.join(","));
        reading_for(rules.signatures(), &[("all.json", &text)])
    }

    #[test]
    fn of_two_equal_causes_the_one_that_changed_stands_first() {
        let rules = Rules::load().unwrap();
        let bad = bundle(&rules, "1.0", "2.0");
        let first = |good: Option<&Snapshot>| {
            let diagnosis = diagnose(&rules, &bad, good);
            let root = diagnosis.roots.first().unwrap();
            diagnosis.findings[root.finding].subject.name.clone()
        };
        assert_eq!(first(None), "api", "nothing tells them apart");
        assert_eq!(first(Some(&bundle(&rules, "1.0", "1.9"))), "web");
        assert_eq!(first(Some(&bundle(&rules, "0.9", "2.0"))), "api");
    }

    #[test]
    fn of_two_causes_the_field_that_is_not_as_applied_comes_first() {
        let rules = Rules::load().unwrap();
        let service = |name: &str| {
            format!(
                r#"{{"kind":"Service","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"shop","uid":"1"}},"spec":{{"selector":{{"app":"{name}"}},"ports":[{{"port":80}}]}}}}"#
            )
        };
        let deployment = |name: &str| {
            format!(
                r#"{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"name":"{name}","namespace":"shop","uid":"1"}},"spec":{{"replicas":0,"template":{{"metadata":{{"labels":{{"app":"{name}"}}}}}}}},"status":{{}}}}"#
            )
        };
        let items = [service("api"), deployment("api"), service("web"), deployment("web")];
        let live = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#, items.join(","));
        let applied =
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replicas: 2\n";
        let files = [("all.json", live.as_str()), ("manifests/web.yaml", applied)];
        let snapshot = reading_for(rules.signatures(), &files);
        let diagnosis = diagnose(&rules, &snapshot, None);
        let first = diagnosis.findings.get(diagnosis.roots[0].finding).unwrap();
        assert_eq!(
            (first.rule.as_str(), first.subject.name.as_str()),
            ("replicas-zero", "web")
        );
    }
}
