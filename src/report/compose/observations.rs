//! Facts beside the causes that tell a reader how far the trouble reaches and what only looks like trouble: for chapter 2.2.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ledger::Ledger;
use super::phrases::filled;
use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Citation, Subject, Text};
use crate::report::model::Sentence;
use crate::rules::Finding;
use crate::rules::toolbox::nodes::{cite_condition, condition, status_of};
use crate::rules::toolbox::{cite_tail, last_words, words};

/// Facts of one kind that are told.
const TOLD: usize = 3;
/// Lines of a log that a citation of last words quotes.
const LINES: usize = 3;
/// Names in one sentence.
const NAMED: usize = 6;

pub(super) fn observations(ledger: &mut Ledger<'_, '_>) -> Vec<Sentence> {
    let snapshot = ledger.diagnosis.snapshot;
    let involved = ledger.involved();
    let mut told = Vec::new();
    told.extend(half_rollouts(snapshot, &involved));
    told.extend(silent_nodes(snapshot, &involved));
    told.extend(last_lines(snapshot, &involved));
    told.extend(probes(snapshot, &involved));
    told.extend(images_present(snapshot, &involved));
    told.extend(inherited_secrets(snapshot, &involved));
    told.extend(other_host_errors(snapshot, &involved));
    told.extend(silent_api(snapshot, &involved));
    told.extend(well_neighbours(snapshot, &involved));
    let sentences = told.into_iter().map(|(text, citations)| {
        let refs = ledger.cite_all(&citations);
        Sentence {
            text: masked(ledger, text),
            refs,
            confidence: None,
        }
    });
    sentences.collect()
}

/// A sentence and where its facts stand.
type Told = (Text, Vec<Citation>);

fn masked(ledger: &mut Ledger<'_, '_>, text: Text) -> Text {
    Text {
        zh: ledger.masker.mask(&text.zh).into_owned(),
        en: ledger.masker.mask(&text.en).into_owned(),
    }
}

/// Every workload that a finding is about or that suffers from it, once.
fn workloads(snapshot: &Snapshot, involved: &[&Finding]) -> BTreeSet<Subject> {
    let subjects = involved
        .iter()
        .flat_map(|finding| std::iter::once(&finding.subject).chain(&finding.affected));
    subjects.map(|subject| snapshot.top_owner_of(subject)).collect()
}

/// A rollout that got stuck while the ReplicaSet before still serves: degraded, and no outage.
fn half_rollouts(snapshot: &Snapshot, involved: &[&Finding]) -> Vec<Told> {
    let ready = |set: &Object| set.int("/status/readyReplicas").unwrap_or(0);
    let mut told = Vec::new();
    for workload in workloads(snapshot, involved)
        .iter()
        .filter(|subject| subject.kind == "Deployment")
    {
        let mut sets: Vec<&Object> = snapshot
            .kind("ReplicaSet")
            .filter(|set| set.int("/spec/replicas").unwrap_or(0) > 0 && snapshot.top_owner(set) == *workload)
            .collect();
        sets.sort_by_key(|set| set.time("/metadata/creationTimestamp").map(|when| when.earliest));
        let [.., before, newest] = sets.as_slice() else {
            continue;
        };
        if ready(newest) == 0 && ready(before) > 0 {
            let facts = [
                ("workload", workload.to_string().into()),
                ("new", newest.key.name.clone().into()),
                ("old", before.key.name.clone().into()),
                ("count", json!(ready(before))),
            ];
            let places = vec![
                newest.cite_at("/status/replicas"),
                before.cite_at("/status/readyReplicas"),
            ];
            told.push((filled("observed.half-rollout", &facts), places));
        }
    }
    told.truncate(TOLD);
    told
}

/// What is shown of pods on a node that reports nothing is its last report.
fn silent_nodes(snapshot: &Snapshot, involved: &[&Finding]) -> Vec<Told> {
    let names: BTreeSet<&str> = involved
        .iter()
        .filter(|finding| finding.subject.kind == "Node")
        .map(|finding| finding.subject.name.as_str())
        .collect();
    let mut told = Vec::new();
    for node in names.into_iter().filter_map(|name| snapshot.object("Node", "", name)) {
        let running = snapshot
            .pods()
            .filter(|pod| pod.node() == node.key.name && pod.phase() == "Running")
            .count();
        if let (Some((index, _)), "Unknown", 1..) = (condition(node, "Ready"), status_of(node, "Ready"), running) {
            let facts = [("node", node.key.name.clone().into()), ("count", json!(running))];
            told.push((
                filled("observed.silent-node", &facts),
                vec![cite_condition(node, index, "status")],
            ));
        }
    }
    told.truncate(TOLD);
    told
}

/// What a container that ended wrote last, where the finding does not say it itself.
fn last_lines(snapshot: &Snapshot, involved: &[&Finding]) -> Vec<Told> {
    let said_already = involved.iter().any(|finding| finding.facts.contains_key("said"));
    if said_already {
        return Vec::new();
    }
    let mut told = Vec::new();
    for workload in workloads(snapshot, involved) {
        let found = snapshot
            .pods_of(&workload)
            .filter(|pod| !pod.is_well())
            .find_map(|pod| last_line(snapshot, &workload, &pod));
        told.extend(found);
    }
    told.truncate(TOLD);
    told
}

fn last_line(snapshot: &Snapshot, workload: &Subject, pod: &PodView<'_>) -> Option<Told> {
    let containers = pod.containers();
    let (container, code) = containers.iter().find_map(|container| {
        let code = container.ended()?.exit_code.filter(|code| *code != 0)?;
        Some((container, code))
    })?;
    let (log, lines) = last_words(snapshot, pod, container.name, LINES)?;
    let facts = [
        ("workload", workload.to_string().into()),
        ("container", container.name.into()),
        ("code", json!(code)),
        ("said", words(lines.last()?).into()),
    ];
    Some((
        filled("observed.last-line", &facts),
        vec![cite_tail(snapshot, log, &lines)?],
    ))
}

/// What a probe that fails asks for, and what it is told.
fn probes(snapshot: &Snapshot, involved: &[&Finding]) -> Vec<Told> {
    let mut told = Vec::new();
    for finding in involved {
        let fact = |name: &str| finding.facts.get(name).and_then(Value::as_str).unwrap_or("");
        let Some(kind) = finding.rule.strip_suffix("-probe-failing") else {
            continue;
        };
        let pod = snapshot.pod(&finding.subject.namespace, fact("pod"));
        let found = pod.and_then(|pod| {
            let containers = pod.containers();
            let container = containers
                .into_iter()
                .find(|container| container.name == fact("container"))?;
            let at = format!("{}/{kind}Probe/httpGet", container.spec_pointer);
            let asked = pod.object.get(&at)?;
            let text = |field: &str| {
                asked
                    .get(field)
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            };
            let facts = [
                ("kind", kind.into()),
                ("container", container.name.into()),
                ("path", text("path").unwrap_or_else(|| "/".to_owned()).into()),
                ("port", text("port")?.into()),
                ("reason", fact("reason").into()),
            ];
            Some((filled("observed.probe", &facts), vec![pod.object.cite_at(&at)]))
        });
        told.extend(found);
    }
    told.truncate(TOLD);
    told
}

/// Where no sandbox can be made, the application's own image is no part of the trouble when the node has it.
fn images_present(snapshot: &Snapshot, involved: &[&Finding]) -> Vec<Told> {
    let about_sandboxes = involved.iter().filter(|finding| {
        matches!(
            finding.rule.as_str(),
            "pause-image-pull-failure" | "sandbox-creation-failure"
        )
    });
    let pods = about_sandboxes.flat_map(|finding| &finding.affected);
    let mut told: Vec<Told> = Vec::new();
    for pod in pods.filter_map(|subject| snapshot.pod(&subject.namespace, &subject.name)) {
        let images: Vec<String> = pod
            .containers()
            .iter()
            .map(|container| container.image().to_owned())
            .collect();
        for image in images.iter().filter(|image| !image.is_empty()) {
            if let Some(place) = image_on_node(snapshot, pod.node(), image) {
                let facts = [("image", image.clone().into()), ("node", pod.node().into())];
                let text = filled("observed.image-present", &facts);
                if !told.iter().any(|(known, _)| *known == text) {
                    told.push((text, vec![place]));
                }
            }
        }
    }
    told.truncate(TOLD);
    told
}

/// Where an image is listed among those of a node. Names there are whole: `docker.io/library/nginx:1.25`.
fn image_on_node(snapshot: &Snapshot, node: &str, image: &str) -> Option<Citation> {
    let node = snapshot.object("Node", "", node)?;
    let is_it = |name: &Value| {
        let name = name.as_str().unwrap_or("");
        name == image || name.strip_suffix(image).is_some_and(|before| before.ends_with('/'))
    };
    let images = node.list("/status/images").iter().enumerate();
    let (index, _) = images
        .filter_map(|(index, listed)| Some((index, listed.get("names")?.as_array()?)))
        .find(|(_, names)| names.iter().any(is_it))?;
    Some(node.cite_at(&format!("/status/images/{index}/names")))
}

/// A pod that has the pull secrets of its ServiceAccount was given credentials: that they are missing is ruled out.
fn inherited_secrets(snapshot: &Snapshot, involved: &[&Finding]) -> Vec<Told> {
    let mut told = Vec::new();
    let about_images = involved.iter().filter(|finding| finding.rule.starts_with("image-"));
    let owners: BTreeSet<Subject> = about_images
        .map(|finding| snapshot.top_owner_of(&finding.subject))
        .collect();
    for owner in owners {
        let found = snapshot.pods_of(&owner).find_map(|pod| {
            let account = pod.object.text("/spec/serviceAccountName");
            let account = snapshot.object("ServiceAccount", pod.namespace(), account)?;
            let secret = pod.object.text("/spec/imagePullSecrets/0/name");
            let own = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
            let is_own = own.is_some_and(|own| own.get("/spec/template/spec/imagePullSecrets/0").is_some());
            let inherited = !secret.is_empty() && !is_own && account.text("/imagePullSecrets/0/name") == secret;
            inherited.then(|| {
                let facts = [
                    ("workload", owner.to_string().into()),
                    ("secret", secret.into()),
                    ("account", account.key.name.clone().into()),
                ];
                let places = vec![
                    pod.object.cite_at("/spec/imagePullSecrets"),
                    account.cite_at("/imagePullSecrets"),
                ];
                (filled("observed.inherited-secret", &facts), places)
            })
        });
        told.extend(found);
    }
    told.truncate(TOLD);
    told
}

/// containerd asks its hosts in turn and reports the error of the last (remotes/docker/resolver.go): an x509 error in the event does not
/// contradict the 404 of the configured host in its log.
fn other_host_errors(snapshot: &Snapshot, involved: &[&Finding]) -> Vec<Told> {
    let mut told = Vec::new();
    for finding in involved.iter().filter(|finding| finding.rule.ends_with("not-found")) {
        let answered = finding.evidence.iter().find(|cite| {
            let quoted = |text: &str| cite.quote.iter().any(|line| line.text.contains(text));
            quoted("trying next host") && quoted("NotFound")
        });
        let pods: BTreeSet<&str> = finding.affected.iter().map(|subject| subject.name.as_str()).collect();
        let last = snapshot
            .events
            .iter()
            .find(|event| pods.contains(event.about.name.as_str()) && event.message.contains("x509: "));
        if let (Some(answered), Some(last)) = (answered, last) {
            let text = filled("observed.fallback", &[]);
            told.push((text, vec![answered.clone(), last.cite.clone()]));
        }
    }
    told.truncate(1);
    told
}

/// When what the API server stands on is down, a bundle without objects is no empty cluster.
fn silent_api(snapshot: &Snapshot, involved: &[&Finding]) -> Option<Told> {
    let is_below = |finding: &&&Finding| {
        finding.subject.kind == "EtcdMember" || matches!(finding.rule.as_str(), "apiserver-down" | "etcd-nospace")
    };
    let below = involved.iter().find(is_below)?;
    let is_api_kind = |object: &Object| ["Pod", "Node", "Namespace", "Deployment"].contains(&object.key.kind.as_str());
    let is_empty = !snapshot.objects.values().any(is_api_kind);
    is_empty.then(|| {
        let facts = [("subject", below.subject.to_string().into())];
        (filled("observed.silent-api", &facts), Vec::new())
    })
}

/// Workloads in the namespaces concerned that are well: how far it does not reach.
fn well_neighbours(snapshot: &Snapshot, involved: &[&Finding]) -> Option<Told> {
    let concerned = workloads(snapshot, involved);
    let namespaces: BTreeSet<&str> = concerned
        .iter()
        .map(|subject| subject.namespace.as_str())
        .filter(|namespace| !namespace.is_empty())
        .collect();
    let mut well: BTreeSet<Subject> = BTreeSet::new();
    let mut unwell: BTreeSet<Subject> = BTreeSet::new();
    for pod in snapshot.pods().filter(|pod| namespaces.contains(pod.namespace())) {
        let owner = snapshot.top_owner(pod.object);
        if pod.is_well() && pod.phase() == "Running" {
            well.insert(owner);
        } else {
            unwell.insert(owner);
        }
    }
    let names: Vec<String> = well
        .iter()
        .filter(|subject| !unwell.contains(*subject) && !concerned.contains(*subject))
        .map(ToString::to_string)
        .collect();
    let more = names.len().saturating_sub(NAMED);
    let shown: Vec<&String> = names.iter().take(NAMED).collect();
    (!names.is_empty()).then(|| {
        let facts = [("names", json!(shown)), ("more", json!(more))];
        (filled("observed.well", &facts), Vec::new())
    })
}
