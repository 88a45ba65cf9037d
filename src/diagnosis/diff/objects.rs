//! Kubernetes objects: how each is meant to be, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fields::{Field, Fields, fields_of, fields_of_pod};
use super::lines::changed_lines;
use super::pods::pods_by_owner;
use super::{Difference, Differences, Side};
use crate::bundle::decode::Form;
use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, QuoteLine, Subject};

/// Lines of a text that one citation quotes.
const QUOTED: usize = 12;
/// A value longer than this without a space is no text that a person reads: a key, a bundle of certificates.
const READABLE: usize = 256;

pub(super) fn compare(good: &Snapshot, bad: &Snapshot, result: &mut Differences) {
    let (before, after) = (shapes(good), shapes(bad));
    let subjects: BTreeSet<&Subject> = before.keys().chain(after.keys()).collect();
    for subject in subjects {
        match (before.get(subject), after.get(subject)) {
            (Some(before), Some(after)) => compare_fields(subject, before, after, result),
            (Some(before), None) => note_alone(subject, before, bad, true, result),
            (None, Some(after)) => note_alone(subject, after, good, false, result),
            (None, None) => {}
        }
    }
}

/// How one object is meant to be.
pub(super) struct Shape<'s> {
    pub(super) object: &'s Object,
    pub(super) fields: Fields,
    /// True when it was told from a pod of it, which has fields that its template has not.
    pub(super) is_from_pod: bool,
}

impl Shape<'_> {
    fn cite(&self, field: &Field) -> Citation {
        self.object.cite_at(&field.pointer)
    }
}

/// Kinds that controllers write, and those whose state is their meaning.
const NOT_INTENDED: [&str; 27] = [
    "APIService",
    "BlockAffinity",
    "CSINode",
    "CSIStorageCapacity",
    "CertificateSigningRequest",
    "CiliumEndpoint",
    "CiliumIdentity",
    "CiliumNode",
    "ComponentStatus",
    "ControllerRevision",
    "CustomResourceDefinition",
    "EndpointSlice",
    "Endpoints",
    "EtcdSnapshot",
    "Event",
    "IPAMBlock",
    "IPAMHandle",
    "InstanceManager",
    "Lease",
    "Node",
    "NodeMetrics",
    "PersistentVolume",
    "Pod",
    "PodMetrics",
    "Replica",
    "ReplicaSet",
    "VolumeAttachment",
];

fn shapes(snapshot: &Snapshot) -> BTreeMap<Subject, Shape<'_>> {
    let mut shapes = BTreeMap::new();
    let intended = snapshot
        .objects
        .values()
        .filter(|object| !NOT_INTENDED.contains(&object.key.kind.as_str()));
    for object in intended.filter(|object| !is_made_by_another(object)) {
        let shape = Shape {
            object,
            fields: fields_of(&object.value),
            is_from_pod: false,
        };
        shapes.insert(object.subject(), shape);
    }
    for (owner, pods) in pods_by_owner(snapshot) {
        // Of several pods the newest shows the template as it is now; of those that are as new, the first.
        let newest = pods
            .into_iter()
            .rev()
            .max_by_key(|pod| pod.text("/metadata/creationTimestamp"));
        if let (Some(pod), false) = (newest, shapes.contains_key(&owner)) {
            let shape = Shape {
                object: pod,
                fields: fields_of_pod(&pod.value),
                is_from_pod: true,
            };
            shapes.insert(owner, shape);
        }
    }
    shapes
}

/// What every namespace gets with its making: kube-controller-manager's root-ca-cert-publisher and serviceaccount controller,
/// OpenShift's service-ca-cert-publisher.
const AUTOMATIC: [(&str, &str); 3] = [
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "openshift-service-ca.crt"),
    ("ServiceAccount", "default"),
];

/// What a controller or an installer keeps: releases of Helm, tokens, what every namespace has.
fn is_made_by_another(object: &Object) -> bool {
    let owned = object
        .list("/metadata/ownerReferences")
        .iter()
        .any(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true));
    let kind_of_secret = object.text("/type");
    owned
        || object.key.kind == "Secret" && matches!(kind_of_secret, "helm.sh/release.v1" | "kubernetes.io/service-account-token")
        || AUTOMATIC.contains(&(object.key.kind.as_str(), object.key.name.as_str()))
        // Leader elections of old client versions are kept in ConfigMaps.
        || object.get("/metadata/annotations/control-plane.alpha.kubernetes.io~1leader").is_some()
}

/// An object that only one side has counts only when the other side listed its kind there.
fn note_alone(subject: &Subject, shape: &Shape<'_>, other: &Snapshot, is_gone: bool, result: &mut Differences) {
    let kind = if shape.is_from_pod { "Pod" } else { &subject.kind };
    if !lists(other, kind, &subject.namespace) {
        return;
    }
    let there = Side::Value(summary(shape));
    let (expected, actual) = if is_gone {
        (there, Side::Absent)
    } else {
        (Side::Absent, there)
    };
    result.different.push(Difference {
        datum: "object",
        subject: subject.clone(),
        path: String::new(),
        expected,
        actual,
        evidence: vec![shape.object.cite.clone()],
    });
}

/// True when the bundle has a listing of the kind that reached this namespace: descriptions of single objects are none.
fn lists(snapshot: &Snapshot, kind: &str, namespace: &str) -> bool {
    let namespaces: BTreeSet<&str> = snapshot
        .kind(kind)
        .filter(|object| object.form.is_listed())
        .map(|object| object.key.namespace.as_str())
        .collect();
    namespaces.contains(namespace) || namespaces.len() > 1 || has_looked(snapshot, kind) && reaches(snapshot, namespace)
}

/// True when a listing of the kind was read, be it an empty one.
fn has_looked(snapshot: &Snapshot, kind: &str) -> bool {
    let mut objects = snapshot.kind(kind).peekable();
    let is_described = objects.peek().is_some() && objects.all(|object| !object.form.is_listed());
    snapshot.coverage.has_kind(kind) && !is_described
}

/// True when the bundle was collected from this namespace too: it has something there, or its list of namespaces has no such one.
fn reaches(snapshot: &Snapshot, namespace: &str) -> bool {
    let is_there = |object: &Object| object.key.namespace == namespace && object.form.is_listed();
    let has_list = snapshot.kind("Namespace").any(|object| object.form.is_listed());
    namespace.is_empty()
        || has_list && snapshot.object("Namespace", "", namespace).is_none()
        || snapshot.objects.values().any(is_there)
}

/// What to say of an object as a whole: its images, else that it is there.
fn summary(shape: &Shape<'_>) -> String {
    let images: Vec<&str> = shape
        .fields
        .iter()
        .filter(|(path, _)| path.ends_with("].image"))
        .map(|(_, field)| field.text.as_str())
        .collect();
    if images.is_empty() {
        shape.object.key.name.clone()
    } else {
        images.join(", ")
    }
}

/// The fields in which the pod templates of two objects differ, the most telling first: path below the template, before, after.
pub(in crate::diagnosis) fn template_changes(before: &Object, after: &Object) -> Vec<(String, Side, Side)> {
    let shape = |object| Shape {
        object,
        fields: fields_of(&object.value)
            .into_iter()
            .filter(|(path, _)| path.starts_with("spec.template.spec."))
            .collect(),
        is_from_pod: false,
    };
    let mut result = Differences::default();
    compare_fields(&after.subject(), &shape(before), &shape(after), &mut result);
    result.different.sort_by_cached_key(super::weight::weight);
    result
        .different
        .into_iter()
        .map(|found| {
            let path = found.path.trim_start_matches("spec.template.spec.").to_owned();
            (path, found.expected, found.actual)
        })
        .collect()
}

/// What two forms of an object can both show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparable {
    /// Both are whole: what one has not is not there.
    All,
    /// Both are descriptions, or one is a manifest: of a list that both show, every element.
    Lists,
    /// Only what both have.
    Common,
}

fn comparable(good: &Shape<'_>, bad: &Shape<'_>) -> Comparable {
    match (good.object.form, bad.object.form) {
        _ if good.is_from_pod != bad.is_from_pod => Comparable::Common,
        // What was written to be applied has none of the defaults that the API server fills in.
        _ if good.object.is_manifest() != bad.object.is_manifest() => Comparable::Lists,
        (Form::Api, Form::Api) => Comparable::All,
        (Form::Describe, Form::Describe) => Comparable::Lists,
        _ => Comparable::Common,
    }
}

pub(super) fn compare_fields(subject: &Subject, good: &Shape<'_>, bad: &Shape<'_>, result: &mut Differences) {
    let how = comparable(good, bad);
    let before = result.different.len();
    for (path, field) in &good.fields {
        if let Some(other) = bad.fields.get(path)
            && other.text != field.text
        {
            note_change(subject, path, (good, field), (bad, other), result);
        }
    }
    note_missing(subject, good, bad, how, true, result);
    note_missing(subject, bad, good, how, false, result);
    if result.different.len() == before {
        result.equal += 1;
    }
}

fn note_change(
    subject: &Subject,
    path: &str,
    (good, before): (&Shape<'_>, &Field),
    (bad, after): (&Shape<'_>, &Field),
    result: &mut Differences,
) {
    let datum = datum_of(subject, path);
    let difference = |expected, actual, evidence| Difference {
        datum,
        subject: subject.clone(),
        path: path.to_owned(),
        expected,
        actual,
        evidence,
    };
    if datum == "secret" || is_unreadable(&before.text) || is_unreadable(&after.text) {
        let hidden = vec![hide(good.cite(before)), hide(bad.cite(after))];
        result.different.push(difference(Side::Hidden, Side::Hidden, hidden));
    } else if before.text.contains('\n') || after.text.contains('\n') {
        let changes = changed_lines(&before.text, &after.text);
        let side =
            |of: fn(&super::lines::Change<'_>) -> Option<String>| changes.iter().filter_map(of).collect::<Vec<_>>();
        let removed = side(|(line, _)| line.map(str::to_owned));
        let added = side(|(_, line)| line.map(str::to_owned));
        let evidence = vec![quote(good.cite(before), &removed), quote(bad.cite(after), &added)];
        for (expected, actual) in changes {
            let side = |line: Option<&str>| Side::of(line.map(str::to_owned));
            result
                .different
                .push(difference(side(expected), side(actual), evidence.clone()));
        }
    } else {
        let side = |field: &Field| Side::Value(field.text.clone());
        let evidence = vec![good.cite(before), bad.cite(after)];
        result.different.push(difference(side(before), side(after), evidence));
    }
}

/// Fields of `here` that `there` has not. What is missing as a whole (a container, an affinity) is one difference.
fn note_missing(
    subject: &Subject,
    here: &Shape<'_>,
    there: &Shape<'_>,
    how: Comparable,
    is_gone: bool,
    result: &mut Differences,
) {
    let mut groups: BTreeMap<String, Vec<&Field>> = BTreeMap::new();
    for (path, field) in &here.fields {
        let counts = match how {
            Comparable::All => true,
            Comparable::Lists => list_of(path).is_some_and(|list| has_below(&there.fields, list)),
            Comparable::Common => false,
        };
        if counts && !there.fields.contains_key(path) {
            groups
                .entry(missing_whole(path, &there.fields))
                .or_default()
                .push(field);
        }
    }
    for (path, fields) in groups {
        let Some(first) = fields.first() else { continue };
        let datum = datum_of(subject, &path);
        let texts: Vec<&str> = fields.iter().map(|field| field.text.as_str()).take(3).collect();
        let text = texts.join(", ");
        let (side, cite) = if datum == "secret" || is_unreadable(&text) {
            (Side::Hidden, hide(here.cite(first)))
        } else {
            (Side::Value(text), here.cite(first))
        };
        let (expected, actual) = if is_gone {
            (side, Side::Absent)
        } else {
            (Side::Absent, side)
        };
        result.different.push(Difference {
            datum,
            subject: subject.clone(),
            path,
            expected,
            actual,
            evidence: vec![cite],
        });
    }
}

/// The list that holds an element: `….env` of `….env[FOO].value`.
fn list_of(path: &str) -> Option<&str> {
    path.rsplit_once('[').map(|(list, _)| list)
}

fn has_below(fields: &Fields, prefix: &str) -> bool {
    fields
        .range(prefix.to_owned()..)
        .next()
        .is_some_and(|(path, _)| path.starts_with(prefix))
}

/// The longest way down to a field that the other side has not even begun: all that is missing below it is one thing.
fn missing_whole(path: &str, there: &Fields) -> String {
    let ends = path
        .char_indices()
        .filter(|(at, c)| matches!(c, '.' | '[') && *at > 0)
        .map(|(at, _)| at);
    for end in ends {
        let prefix = path.get(..end).unwrap_or(path);
        // A name in brackets may have dots of its own.
        let is_whole = prefix.matches('[').count() == prefix.matches(']').count();
        if is_whole && !has_below(there, prefix) {
            return prefix.to_owned();
        }
    }
    path.to_owned()
}

/// What a field is about, as a person would call it.
fn datum_of(subject: &Subject, path: &str) -> &'static str {
    let is_data = path.starts_with("data") || path.starts_with("stringData") || path.starts_with("binaryData");
    match subject.kind.as_str() {
        "Secret" if is_data => return "secret",
        "ConfigMap" if is_data => return "configuration",
        _ => {}
    }
    if path.ends_with(".image") {
        "image"
    } else if path.contains("].args") || path.contains("].command") {
        "argument"
    } else if path.contains("].env[") || path.contains("].envFrom") || path.ends_with("].env") {
        "environment"
    } else if path.contains("metadata.labels") || path.contains("metadata.annotations") {
        "label"
    } else {
        "field"
    }
}

fn is_unreadable(text: &str) -> bool {
    text.len() > READABLE && !text.contains(char::is_whitespace)
}

/// A citation that shows where, and not what.
fn hide(mut citation: Citation) -> Citation {
    for line in &mut citation.quote {
        let name = line.text.split(':').next().unwrap_or("").to_owned();
        line.text = format!("{name}: (not shown)");
    }
    citation
}

/// A citation of some lines of a text that a single field holds.
fn quote(mut citation: Citation, lines: &[String]) -> Citation {
    if !lines.is_empty() {
        citation.quote = lines
            .iter()
            .take(QUOTED)
            .map(|line| QuoteLine {
                line: None,
                text: line.clone(),
                hit: true,
            })
            .collect();
    }
    citation
}

#[cfg(test)]
mod tests {
    use super::super::differences;
    use super::*;
    use crate::cluster::reading;

    fn read(path: &str, text: &str) -> Snapshot {
        reading(&[(path, text)])
    }

    /// `path: expected → actual` of everything that differs between two files.
    fn found(path: &str, good: &str, bad: &str) -> Vec<String> {
        let side = |side: &Side| match side {
            Side::Absent => "-".to_owned(),
            Side::Hidden => "?".to_owned(),
            Side::Value(value) => value.clone(),
        };
        let differences = differences(&read(path, good), &read(path, bad)).different.into_iter();
        differences
            .map(|found| format!("{}: {} → {}", found.path, side(&found.expected), side(&found.actual)))
            .collect()
    }

    fn deployment(containers: &str) -> String {
        format!(
            r#"{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"name":"web","namespace":"shop","uid":"1","generation":4,"annotations":{{"deployment.kubernetes.io/revision":"7"}}}},"spec":{{"template":{{"spec":{{"containers":[{containers}]}}}}}},"status":{{"replicas":1}}}}"#
        )
    }

    #[test]
    fn order_and_bookkeeping_are_no_difference() {
        let good = deployment(
            r#"{"name":"a","args":["--x=1","--y=2"],"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]},{"name":"b"}"#,
        );
        let bad = deployment(
            r#"{"name":"b"},{"name":"a","args":["--y=2","--x=1"],"env":[{"name":"B","value":"2"},{"name":"A","value":"1"}]}"#,
        );
        let bad = bad
            .replace("\"7\"", "\"8\"")
            .replace("\"generation\":4", "\"generation\":5");
        assert_eq!(found("d.json", &good, &bad), Vec::<String>::new());
    }

    #[test]
    fn a_flag_and_a_variable_differ_by_themselves_and_a_container_is_gone_as_a_whole() {
        let good = deployment(
            r#"{"name":"a","args":["--x=1"],"env":[{"name":"A","value":"1"}]},{"name":"side","image":"proxy:1"}"#,
        );
        let bad = deployment(r#"{"name":"a","args":["--x=2"],"env":[]}"#);
        let at = |rest: &str| format!("spec.template.spec.containers{rest}");
        assert_eq!(
            found("d.json", &good, &bad),
            [
                at("[a].args[--x]: 1 → 2"),
                at("[a].env: 1 → -"),
                at("[side]: proxy:1 → -"),
            ]
        );
    }

    #[test]
    fn an_object_is_gone_only_where_its_kind_was_listed() {
        let service = |name: &str| {
            format!(
                r#"{{"kind":"Service","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"shop","uid":"1"}},"spec":{{}}}}"#
            )
        };
        let list = |items: &[String]| format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#, items.join(","));
        let (both, one) = (list(&[service("a"), service("b")]), list(&[service("a")]));
        assert_eq!(found("s.json", &both, &one), [": b → -"]);
        assert_eq!(found("s.json", &both, &deployment("")), Vec::<String>::new());
    }

    #[test]
    fn a_template_is_told_from_pods_where_their_workload_was_not_collected() {
        let pod = |suffix: &str, image: &str| {
            format!(
                r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"web-57b96b46b7-{suffix}","namespace":"shop","uid":"1"}},"spec":{{"nodeName":"n1","containers":[{{"name":"web","image":"{image}"}}]}},"status":{{}}}}"#
            )
        };
        assert_eq!(
            found("p.json", &pod("zv4q2", "web:1"), &pod("8xk2m", "web:2")),
            ["spec.template.spec.containers[web].image: web:1 → web:2"]
        );
    }
}
