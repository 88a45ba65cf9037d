//! Pods of one workload before and after: what their containers run with, and which image their tags stand for. Their template does not
//! tell it where admission changes pods, a rollout is stuck, or a tag was pushed anew.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Differences;
use super::fields::{Field, fields_of_pod};
use super::objects::{Shape, compare_fields};
use crate::bundle::decode::Form;
use crate::cluster::{Object, ObjectKey, Snapshot};
use crate::model::Subject;

/// Pods of one workload that are compared; what differs in more is the same.
const MOST: usize = 20;

/// Adds what differs between pods and was not told of their workloads.
pub(super) fn compare(good: &Snapshot, bad: &Snapshot, result: &mut Differences) {
    let (before, after) = (pods_by_owner(good), pods_by_owner(bad));
    let mut told_of: BTreeMap<Subject, BTreeSet<String>> = BTreeMap::new();
    for found in &result.different {
        let told = told_of.entry(found.subject.clone()).or_default();
        told.insert(of_pod(&found.path));
    }
    for (owner, pods) in &after {
        let Some(known) = before.get(owner) else { continue };
        let mut told = told_of.remove(owner).unwrap_or_default();
        for (earlier, later) in pairs(known, pods) {
            let mut found = Differences::default();
            compare_fields(
                &later.subject(),
                &shape(earlier, later),
                &shape(later, earlier),
                &mut found,
            );
            for mut difference in found.different {
                difference.path = of_pod(&difference.path);
                if difference.path.contains(IMAGE_ID) {
                    difference.datum = "image";
                }
                if told.insert(difference.path.clone()) {
                    result.different.push(difference);
                }
            }
        }
    }
}

/// A path of a template as the pod has it.
fn of_pod(path: &str) -> String {
    path.strip_prefix("spec.template.").unwrap_or(path).to_owned()
}

/// The pods that were collected, by the workload that keeps them or by themselves. What only logs tell of is no state to compare.
pub(super) fn pods_by_owner(snapshot: &Snapshot) -> BTreeMap<Subject, Vec<&Object>> {
    let mut pods: BTreeMap<Subject, Vec<&Object>> = BTreeMap::new();
    for pod in snapshot.kind("Pod").filter(|pod| pod.form != Form::Told) {
        let owner = snapshot.top_owner(pod);
        if matches!(owner.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "Pod") {
            pods.entry(owner).or_default().push(pod);
        }
    }
    pods
}

/// Which are compared: those of one name, else the newest of both sides, which show how it is now.
fn pairs<'s>(before: &[&'s Object], after: &[&'s Object]) -> Vec<(&'s Object, &'s Object)> {
    let by_key: BTreeMap<&ObjectKey, &Object> = before.iter().map(|pod| (&pod.key, *pod)).collect();
    let same = after
        .iter()
        .filter_map(|later| Some((*by_key.get(&later.key)?, *later)));
    let same: Vec<_> = same.take(MOST).collect();
    if !same.is_empty() {
        return same;
    }
    let newest = |pods: &[&'s Object]| {
        pods.iter()
            .copied()
            .max_by_key(|pod| pod.text("/metadata/creationTimestamp"))
    };
    newest(before).zip(newest(after)).into_iter().collect()
}

const IMAGE_ID: &str = ".imageID";

/// The containers of a pod. The ids of images count where the other side says the same tag and writes ids in the same way.
fn shape<'s>(pod: &'s Object, other: &Object) -> Shape<'s> {
    let mut fields = fields_of_pod(&pod.value);
    fields.retain(|path, _| {
        path.starts_with("spec.template.spec.containers[") || path.starts_with("spec.template.spec.initContainers[")
    });
    for group in ["containerStatuses", "initContainerStatuses"] {
        let statuses = pod.list(&format!("/status/{group}"));
        let others = other.list(&format!("/status/{group}"));
        for (index, status) in statuses.iter().enumerate() {
            let text = |status: &Value, field: &str| status.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
            let name = text(status, "name");
            let Some(twin) = others.iter().find(|twin| text(twin, "name") == name) else {
                continue;
            };
            let (id, of_twin) = (digest(status), digest(twin));
            if let (Some(id), Some(of_twin)) = (id, of_twin)
                && text(status, "image") == text(twin, "image")
                && id.0 == of_twin.0
            {
                let field = Field {
                    text: id.1,
                    pointer: format!("/status/{group}/{index}/imageID"),
                };
                fields.insert(format!("status.{group}[{name}]{IMAGE_ID}"), field);
            }
            if let (Some(resources), true) = (status.get("resources"), twin.get("resources").is_some()) {
                let field = Field {
                    text: resources.to_string(),
                    pointer: format!("/status/{group}/{index}/resources"),
                };
                fields.insert(format!("status.{group}[{name}].resources"), field);
            }
        }
    }
    Shape {
        object: pod,
        fields,
        is_from_pod: true,
    }
}

/// Whether it is the digest of a repository (`docker-pullable://hub/web@sha256:…`) or of the configuration (`sha256:…`), and the digest.
fn digest(status: &Value) -> Option<(bool, String)> {
    let id = status.get("imageID")?.as_str().filter(|id| !id.is_empty())?;
    Some(match id.rsplit_once('@') {
        Some((_, digest)) => (true, digest.to_owned()),
        None => (false, id.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Side, differences};
    use crate::cluster::{NODE_WORDS, Snapshot, node_words, reading, reading_for};
    use crate::logs::SignatureSet;

    const SET: &str = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db","namespace":"shop","uid":"s"},"spec":{"template":{"spec":{"containers":[{"name":"app","image":"hub/db:1"}]}}}},"#;

    /// A pod of a StatefulSet with one container, beside the workload or not.
    fn day(set: &str, container: &str, id: &str) -> Snapshot {
        let pod = format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"db-0","namespace":"shop","uid":"p","ownerReferences":[{{"kind":"StatefulSet","name":"db","controller":true}}]}},"spec":{{"containers":[{{"name":"app","image":"hub/db:1"{container}}}]}},"status":{{"phase":"Running","containerStatuses":[{{"name":"app","image":"hub/db:1","imageID":"{id}"}}]}}}}"#
        );
        let list = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{set}{pod}]}}"#);
        reading(&[("o.json", &list)])
    }

    fn told(before: &Snapshot, after: &Snapshot) -> Vec<String> {
        let shown = |side: &Side| match side {
            Side::Absent => "absent".to_owned(),
            Side::Value(text) => text.clone(),
            Side::Hidden => "hidden".to_owned(),
        };
        let found = differences(before, after).different;
        let line = |found: &super::super::Difference| {
            format!(
                "{} {} {}: {} -> {}",
                found.datum,
                found.subject,
                found.path,
                shown(&found.expected),
                shown(&found.actual)
            )
        };
        found.iter().map(line).collect()
    }

    #[test]
    fn what_logs_tell_of_a_pod_is_not_compared() {
        let log = "Nov 20 10:11:02 n1 kubelet[240]: E1120 10:11:02.1 240 pod_workers.go:1301] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"app\\\" with CrashLoopBackOff: \\\"back-off\\\"\" pod=\"shop/web\" podUID=\"8f2c\"\n";
        let words = node_words();
        let signatures = SignatureSet::new(words.iter().map(|spec| (NODE_WORDS, spec))).unwrap();
        let after = reading_for(&signatures, &[("nodes/n1/logs/kubelet.log", log)]);
        assert!(after.pod("shop", "web").is_some());
        let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop","uid":"8f2c"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"hub/web:1"}]},"status":{"phase":"Running"}}"#;
        let before = reading(&[("o.json", pod)]);
        assert_eq!(told(&before, &after), [""; 0]);
        assert_eq!(told(&after, &before), [""; 0]);
    }

    #[test]
    fn what_the_pod_runs_with_is_compared_beside_its_workload() {
        for (container, expected) in [
            (
                r#","env":[{"name":"MODE","value":"debug"}]"#,
                "spec.containers[app].env",
            ),
            (r#","args":["--slow"]"#, "spec.containers[app].args"),
            (
                r#","resources":{"limits":{"memory":"64Mi"}}"#,
                "spec.containers[app].resources",
            ),
        ] {
            let found = told(
                &day(SET, "", "hub/db@sha256:a"),
                &day(SET, container, "hub/db@sha256:a"),
            );
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains("db-0") && found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn a_tag_that_was_pushed_anew_is_another_image() {
        for set in [SET, ""] {
            let found = told(
                &day(set, "", "docker-pullable://hub/db@sha256:a"),
                &day(set, "", "hub/db@sha256:b"),
            );
            assert_eq!(
                found,
                ["image Pod shop/db-0 status.containerStatuses[app].imageID: sha256:a -> sha256:b"]
            );
        }
        // The one is the repository's digest, the other that of the configuration: nobody can tell.
        assert_eq!(told(&day("", "", "hub/db@sha256:a"), &day("", "", "sha256:b")), [""; 0]);
    }

    #[test]
    fn what_the_workload_tells_is_not_told_of_its_pods_again() {
        let env = r#","env":[{"name":"MODE","value":"debug"}]"#;
        let found = told(&day("", "", "sha256:a"), &day("", env, "sha256:a"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("StatefulSet shop/db"), "{found:?}");
    }
}
