//! The odd ones out among the pods of one owner: what is otherwise with one of them than with at least two thirds of its siblings, which
//! were made from one template.

use std::collections::BTreeMap;

use serde_json::Value;

use super::odd_nodes::{FEWEST, most};
use crate::bundle::decode::Form;
use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Citation, Subject};

/// Restarts that no pod has by chance.
const OFTEN: i64 = 5;
/// Fields of a container that come from the template.
const FIELDS: [(&str, &str); 4] = [
    ("image", "image"),
    ("command", "command"),
    ("argument", "args"),
    ("resources", "resources"),
];
/// Fields of the node that a pod runs on.
const OF_NODES: [(&str, &str); 4] = [
    ("kernel", "kernelVersion"),
    ("kubelet", "kubeletVersion"),
    ("container runtime", "containerRuntimeVersion"),
    ("architecture", "architecture"),
];

/// The values of one pod, each with the object and the field that has it.
type Values<'s> = BTreeMap<Name, (String, (&'s Object, String))>;

/// What is compared: its kind (`image`, `environment`, `restarts`, `version`…), and which one.
type Name = (&'static str, String);

/// Something that is not the same with all pods of an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodDifference {
    /// The pods' controller.
    pub owner: Subject,
    /// `argument`, `command`, `environment`, `image`, `image-id`, `resources`, `restarts`, `version`.
    pub datum: &'static str,
    /// Of which container, variable or component.
    pub name: String,
    /// The pod that differs.
    pub odd: String,
    /// Its value; none where it has none.
    pub odd_value: Option<String>,
    /// What the others have.
    pub others_value: Option<String>,
    /// How many agree on it.
    pub others: usize,
    /// The odd one's, then that of one that agrees.
    pub cites: Vec<Citation>,
}

/// The differences between siblings, in order of their owners. Jobs are left out: their pods come one after another.
pub fn odd_pods(snapshot: &Snapshot) -> Vec<PodDifference> {
    let mut owned: BTreeMap<Subject, Vec<PodView<'_>>> = BTreeMap::new();
    for pod in snapshot.pods() {
        let is_over = matches!(pod.phase(), "Succeeded" | "Failed") || pod.is_terminating();
        if pod.object.form == Form::Api
            && !is_over
            && let Some(owner) = controller(pod.object)
        {
            owned.entry(owner).or_default().push(pod);
        }
    }
    owned
        .into_iter()
        .filter(|(_, pods)| pods.len() >= FEWEST)
        .flat_map(|(owner, pods)| compare(snapshot, &owner, &pods))
        .collect()
}

/// The direct owner: pods of two ReplicaSets of one Deployment are of two templates.
fn controller(pod: &Object) -> Option<Subject> {
    let mut owners = pod.list("/metadata/ownerReferences").iter();
    let owner = owners.find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
    let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or("");
    let is_of_siblings = !matches!(text("kind"), "Job" | "Node" | "");
    is_of_siblings.then(|| Subject::namespaced(text("kind"), &pod.key.namespace, text("name")))
}

fn compare(snapshot: &Snapshot, owner: &Subject, pods: &[PodView<'_>]) -> Vec<PodDifference> {
    let all: Vec<(&PodView<'_>, Values<'_>)> = pods.iter().map(|pod| (pod, values(snapshot, pod))).collect();
    let mut names: Vec<&Name> = all.iter().flat_map(|(_, values)| values.keys()).collect();
    names.sort();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let text = |values: &Values<'_>| values.get(name).map(|(text, _)| text.clone());
        // What is told by the status is not there before the container is.
        let is_told = |values: &Values<'_>| is_of_template(name.0) || values.contains_key(name);
        let told: Vec<_> = all.iter().filter(|(_, values)| is_told(values)).collect();
        let texts: Vec<Option<String>> = told.iter().map(|(_, values)| text(values)).collect();
        let Some(agreed) = most(texts.iter()) else { continue };
        let like: Vec<_> = told.iter().filter(|(_, values)| text(values) == *agreed).collect();
        for (pod, own) in told.iter().filter(|(_, values)| text(values) != *agreed) {
            // That a node is otherwise is told of the node; of a pod where it may be why the pod is not well.
            if name.0 == "version" && pod.is_well() {
                continue;
            }
            let cite = |values: &Values<'_>| values.get(name).map(|(_, (object, at))| object.cite_at(at));
            let other = like.first().and_then(|(_, values)| cite(values));
            found.push(PodDifference {
                owner: owner.clone(),
                datum: name.0,
                name: name.1.clone(),
                odd: pod.name().to_owned(),
                odd_value: text(own),
                others_value: agreed.clone(),
                others: like.len(),
                cites: cite(own).into_iter().chain(other).collect(),
            });
        }
    }
    found
}

fn is_of_template(datum: &str) -> bool {
    !matches!(datum, "image-id" | "restarts" | "version")
}

fn values<'s>(snapshot: &'s Snapshot, pod: &PodView<'s>) -> Values<'s> {
    let object = pod.object;
    let mut values = BTreeMap::new();
    for list in ["containers", "initContainers"] {
        for (index, container) in object.list(&format!("/spec/{list}")).iter().enumerate() {
            let at = format!("/spec/{list}/{index}");
            let Some(own) = container.get("name").and_then(Value::as_str) else {
                continue;
            };
            for (datum, field) in FIELDS {
                if let Some(value) = container.get(field) {
                    let cite = (object, format!("{at}/{field}"));
                    values.insert((datum, own.to_owned()), (shown(value), cite));
                }
            }
            let variables = container.get("env").and_then(Value::as_array);
            for (number, variable) in variables.into_iter().flatten().enumerate() {
                let name = variable.get("name").and_then(Value::as_str).unwrap_or("");
                let value = variable.get("value").or_else(|| variable.get("valueFrom"));
                let cite = (object, format!("{at}/env/{number}"));
                let key = ("environment", format!("{own} {name}"));
                values.insert(key, (value.map_or_else(String::new, shown), cite));
            }
        }
    }
    for (index, status) in object.list("/status/containerStatuses").iter().enumerate() {
        let at = format!("/status/containerStatuses/{index}");
        let Some(own) = status.get("name").and_then(Value::as_str) else {
            continue;
        };
        let image = status.get("imageID").and_then(Value::as_str).unwrap_or("");
        if !image.is_empty() {
            let cite = (object, format!("{at}/imageID"));
            values.insert(("image-id", own.to_owned()), (digest(image).to_owned(), cite));
        }
        if let Some(count) = status.get("restartCount").and_then(Value::as_i64) {
            let text = if count < OFTEN {
                format!("< {OFTEN}")
            } else {
                count.to_string()
            };
            let cite = (object, format!("{at}/restartCount"));
            values.insert(("restarts", own.to_owned()), (text, cite));
        }
    }
    if let Some(node) = snapshot.object("Node", "", pod.node()) {
        for (name, field) in OF_NODES {
            let at = format!("/status/nodeInfo/{field}");
            if !node.text(&at).is_empty() {
                let value = (node.text(&at).to_owned(), (node, at));
                values.insert(("version", name.to_owned()), value);
            }
        }
    }
    values
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Mirrors serve one image under several names; the digest is what runs.
fn digest(image: &str) -> &str {
    image.rsplit_once('@').map_or(image, |(_, digest)| digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    fn pod(name: &str, digest: &str, restarts: u32, level: &str) -> String {
        format!(
            r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"shop","uid":"{name}","annotations":{{"hash":"{name}"}},"ownerReferences":[{{"kind":"ReplicaSet","name":"web-1","controller":true}}]}},"spec":{{"containers":[{{"name":"app","image":"r.example/app:1","env":[{{"name":"LEVEL","value":"{level}"}}]}}]}},"status":{{"phase":"Running","containerStatuses":[{{"name":"app","imageID":"r.example/app@sha256:{digest}","ready":true,"restartCount":{restarts},"state":{{"running":{{}}}}}}]}}}}"#
        )
    }

    fn found(pods: &[String]) -> Vec<(&'static str, String, Option<String>, usize)> {
        let text = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#, pods.join(","));
        odd_pods(&reading(&[("pods.json", &text)]))
            .into_iter()
            .map(|found| (found.datum, found.odd, found.odd_value, found.others))
            .collect()
    }

    #[test]
    fn one_of_three_siblings_is_odd() {
        let alike = [pod("a", "11", 0, "info"), pod("b", "11", 1, "info")];
        let odd = |digest, restarts, level| found(&[&alike[..], &[pod("c", digest, restarts, level)]].concat());
        assert_eq!(odd("11", 2, "info"), []);
        let told = |datum, value: &str| vec![(datum, "c".to_owned(), Some(value.to_owned()), 2)];
        // A tag that was moved between two pulls.
        assert_eq!(odd("22", 0, "info"), told("image-id", "sha256:22"));
        assert_eq!(odd("11", 37, "info"), told("restarts", "37"));
        assert_eq!(odd("11", 0, "debug"), told("environment", "debug"));
    }

    #[test]
    fn of_two_nobody_is_odd() {
        assert_eq!(found(&[pod("a", "11", 0, "info"), pod("b", "22", 0, "info")]), []);
    }
}
