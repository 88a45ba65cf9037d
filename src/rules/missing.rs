//! Objects that a pod names and that are not there: ConfigMaps and Secrets.

use std::collections::BTreeMap;

use serde_json::Value;

use super::toolbox::makers::{maker_of, refused_makers};
use super::toolbox::{add_hit, own_hits, workload_touches};
use super::{Finding, Input, RuleHeader};
use crate::cluster::{PodView, Snapshot};
use crate::model::{CitationKind, Confidence, Subject};

/// Where a pod names an object.
pub(in crate::rules) struct Reference {
    /// Name.
    pub(in crate::rules) name: String,
    /// Pointer inside the pod.
    pub(in crate::rules) pointer: String,
}

/// Findings about objects of `kind` that a failing pod needs and lacks: by what the kubelet says (signatures with the captures `name`,
/// and `namespace` where it is told), else by comparing the pod with a list of that kind.
pub(in crate::rules) fn missing(input: &Input<'_>, rule: &RuleHeader, kind: &str) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut found: BTreeMap<Subject, Finding> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let pod = &hit.about.object;
        let Some(name) = hit.captures.get("name").filter(|name| is_name(name)) else {
            continue;
        };
        if pod.kind != "Pod" || !starts_never(snapshot, pod) || snapshot.object(kind, &pod.namespace, name).is_some() {
            continue;
        }
        let finding = entry(
            &mut found,
            rule,
            snapshot,
            Subject::namespaced(kind, &pod.namespace, name),
            pod,
        );
        add_hit(input, finding, hit);
        if let Some(view) = snapshot.pod(&pod.namespace, &pod.name)
            && let Some(reference) = references(&view, kind)
                .into_iter()
                .find(|reference| reference.name == *name)
        {
            finding.add_cite(view.object.cite_at(&reference.pointer));
        }
    }
    if snapshot.coverage.has(&format!("{}s", kind.to_lowercase())) {
        compare(snapshot, rule, kind, &mut found);
    }
    found
        .into_values()
        .map(|finding| describe(finding, snapshot, kind))
        .collect()
}

/// What a list of the namespace has not, although a pod that cannot start names it.
fn compare(snapshot: &Snapshot, rule: &RuleHeader, kind: &str, found: &mut BTreeMap<Subject, Finding>) {
    for pod in snapshot.pods() {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let waits = pod.containers().iter().any(|container| {
            container.waiting().is_some_and(|waiting| {
                matches!(
                    waiting.reason,
                    "CreateContainerConfigError" | "ContainerCreating" | "PodInitializing"
                )
            })
        });
        if !waits || pod.is_terminating() || pod.node().is_empty() {
            continue;
        }
        let is_listed = snapshot
            .kind(kind)
            .any(|object| object.key.namespace == pod.namespace());
        if !is_listed {
            continue;
        }
        for reference in references(&pod, kind) {
            let is_published = PUBLISHED.contains(&reference.name.as_str());
            if is_published || snapshot.object(kind, pod.namespace(), &reference.name).is_some() {
                continue;
            }
            let missing = Subject::namespaced(kind, pod.namespace(), &reference.name);
            let known = found.contains_key(&missing);
            let finding = entry(found, rule, snapshot, missing, &subject);
            if !known {
                finding.confidence = Confidence::Probable;
                finding.count += 1;
            }
            finding.add_cite(pod.object.cite_at(&reference.pointer));
        }
    }
}

/// ConfigMaps that controllers put into every namespace and that people leave out of what they collect: only the kubelet's own word shows
/// that one is missing (kubernetes pkg/controller/certificates/rootcacertpublisher; openshift/service-ca-operator).
const PUBLISHED: [&str; 2] = ["kube-root-ca.crt", "openshift-service-ca.crt"];

fn entry<'f>(
    found: &'f mut BTreeMap<Subject, Finding>,
    rule: &RuleHeader,
    snapshot: &Snapshot,
    missing: Subject,
    pod: &Subject,
) -> &'f mut Finding {
    let finding = found.entry(missing.clone()).or_insert_with(|| {
        let mut finding = Finding::new(rule, missing, Confidence::Confirmed).fact("pod", pod.name.clone());
        finding.count = 0;
        finding
    });
    finding.touches.extend(workload_touches(snapshot, pod));
    finding.add_affected(pod.clone());
    finding.add_affected(snapshot.top_owner_of(pod));
    finding
}

/// Adds who names it and which objects of the kind have a name like it.
fn describe(mut finding: Finding, snapshot: &Snapshot, kind: &str) -> Finding {
    let (namespace, name) = (finding.subject.namespace.clone(), finding.subject.name.clone());
    let mut workloads: Vec<String> = finding
        .affected
        .iter()
        .filter(|affected| affected.kind != "Pod")
        .map(|owner| format!("{}/{}", owner.kind.to_lowercase(), owner.name))
        .collect();
    if workloads.is_empty() {
        workloads.extend(finding.affected.iter().map(|pod| format!("pod/{}", pod.name)));
    }
    let similar: Vec<String> = snapshot
        .kind(kind)
        .filter(|object| object.key.namespace == namespace && resembles(&object.key.name, &name))
        .map(|object| object.key.name.clone())
        .collect();
    let elsewhere: Vec<String> = snapshot
        .kind(kind)
        .filter(|object| object.key.name == name)
        .map(|object| object.key.namespace.clone())
        .collect();
    if let Some(object) = similar
        .first()
        .and_then(|similar| snapshot.object(kind, &namespace, similar))
    {
        let mut citation = object.cite.clone();
        citation.kind = CitationKind::Derived;
        finding.add_cite(citation);
    }
    let maker = maker_of(snapshot, &finding.subject).filter(|_| kind == "Secret");
    let made_by = maker
        .as_ref()
        .map_or(String::new(), |maker| maker.object.subject().to_string());
    if let Some(maker) = maker {
        finding.add_cite(maker.object.cite.clone());
        finding.touches.extend(maker.touches);
    }
    finding.touches.extend(refused_makers(snapshot, &finding.subject));
    finding
        .fact("maker", made_by)
        .fact("name", name)
        .fact("namespace", namespace)
        .fact("workloads", workloads)
        .fact("similar", similar)
        .fact("elsewhere", elsewhere)
}

/// True when one name is the other with something added, or they share a long beginning: what a typo or a version suffix does.
fn resembles(a: &str, b: &str) -> bool {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    common >= 4 && common * 3 >= a.len().max(b.len()) * 2
}

/// True while a pod waits for its configuration: it never got a container of this start running.
pub(in crate::rules) fn starts_never(snapshot: &Snapshot, pod: &Subject) -> bool {
    match snapshot.pod(&pod.namespace, &pod.name) {
        Some(view) => !view.is_well() && !view.is_terminating() && !matches!(view.phase(), "Succeeded" | "Failed"),
        None => {
            super::toolbox::pod_is_failing(snapshot, pod)
                && !snapshot
                    .events_on("Pod", &pod.namespace, &pod.name)
                    .any(|event| event.reason == "Started")
        }
    }
}

/// A DNS-1123 subdomain, as the API demands of names; what a capture from a text has to be before it becomes one.
pub(in crate::rules) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

/// The ConfigMaps or Secrets that a pod cannot do without: volumes, projected volumes, `env`, `envFrom`; not the optional ones.
pub(in crate::rules) fn references(pod: &PodView<'_>, kind: &str) -> Vec<Reference> {
    let (volume, name_key, key_ref, from) = if kind == "Secret" {
        ("secret", "secretName", "secretKeyRef", "secretRef")
    } else {
        ("configMap", "name", "configMapKeyRef", "configMapRef")
    };
    let mut found = Vec::new();
    let mut note = |source: Option<&Value>, key: &str, pointer: String| {
        let Some(source) = source.filter(|source| source.get("optional").and_then(Value::as_bool) != Some(true)) else {
            return;
        };
        if let Some(name) = source.get(key).and_then(Value::as_str) {
            found.push(Reference {
                name: name.to_owned(),
                pointer,
            });
        }
    };
    for (index, entry) in pod.object.list("/spec/volumes").iter().enumerate() {
        note(entry.get(volume), name_key, format!("/spec/volumes/{index}"));
        let sources = entry.pointer("/projected/sources").and_then(Value::as_array);
        for source in sources.into_iter().flatten() {
            note(source.get(volume), "name", format!("/spec/volumes/{index}"));
        }
    }
    for container in pod.containers() {
        let list = |key: &str| {
            container
                .spec
                .and_then(|spec| spec.get(key))
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        for (index, variable) in list("env").enumerate() {
            note(
                variable.pointer(&format!("/valueFrom/{key_ref}")),
                "name",
                format!("{}/env/{index}", container.spec_pointer),
            );
        }
        for (index, source) in list("envFrom").enumerate() {
            note(
                source.get(from),
                "name",
                format!("{}/envFrom/{index}", container.spec_pointer),
            );
        }
    }
    found
}
