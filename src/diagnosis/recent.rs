//! What changed inside one bundle: rollouts, releases, configuration that is younger than what uses it. Without a baseline this is
//! all that tells of a change before the failure.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::diff::{Side, template_changes};
use super::surroundings::Surroundings;
use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Subject, When};
use crate::rules::Finding;

/// A change that comes so long before a failure, or less, may have set it off.
const JUST_BEFORE: SignedDuration = SignedDuration::from_mins(30);
/// Fields of a rollout that are named.
const FIELDS: usize = 3;

/// Something that changed, with its moment.
#[derive(Debug, Clone)]
pub struct RecentChange {
    /// What a person changed.
    pub subject: Subject,
    /// When.
    pub when: When,
    /// What happened.
    pub what: Change,
    /// Where it stands.
    pub evidence: Vec<Citation>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A workload was given a new template.
    Rollout {
        /// The revision, as `deployment.kubernetes.io/revision` or the ControllerRevision counts; empty when only pods tell.
        revision: String,
        /// Fields, with what they were and are; where both revisions are in the bundle.
        fields: Vec<(String, Side, Side)>,
    },
    /// A release of Helm was installed or upgraded.
    Release {
        /// Its name.
        name: String,
        /// Its revision.
        revision: String,
        /// `deployed`, `failed`, `pending-upgrade`…
        status: String,
    },
    /// A ConfigMap or Secret was made or edited after the pods that use it had started.
    Configured {
        /// The program that wrote it last; empty when it was only made.
        manager: String,
    },
}

/// All changes that a snapshot dates, in time order.
pub fn recent_changes(snapshot: &Snapshot) -> Vec<RecentChange> {
    let mut changes = rollouts(snapshot);
    changes.extend(revisions(snapshot));
    changes.extend(releases(snapshot));
    changes.extend(configurations(snapshot));
    changes.sort_by(|a, b| (a.when.earliest, &a.subject).cmp(&(b.when.earliest, &b.subject)));
    changes
}

/// The indices of the changes that came just before a finding and concern it.
pub(super) fn just_before(surroundings: &Surroundings<'_>, finding: &Finding, changes: &[RecentChange]) -> Vec<usize> {
    let Some(first) = &finding.first else {
        return Vec::new();
    };
    let near = surroundings.of(&finding.subject);
    let is_before = |when: &When| !first.surely_before(when) && when.gap_to(first) <= JUST_BEFORE;
    let indices = changes.iter().enumerate();
    indices
        .filter(|(_, change)| near.contains(&change.subject) && is_before(&change.when))
        .map(|(index, _)| index)
        .collect()
}

/// The newest ReplicaSet of a Deployment that has several: the moment of its last rollout. Only the Deployment controller makes them
/// (kubernetes `pkg/controller/deployment/sync.go`), and it keeps old ones for rollbacks.
fn rollouts(snapshot: &Snapshot) -> Vec<RecentChange> {
    let mut sets: BTreeMap<Subject, Vec<&Object>> = BTreeMap::new();
    for set in snapshot.kind("ReplicaSet") {
        let owner = snapshot.top_owner(set);
        if owner.kind == "Deployment" {
            sets.entry(owner).or_default().push(set);
        }
    }
    let mut changes = Vec::new();
    for (subject, mut sets) in sets {
        sets.sort_by_key(|set| {
            (
                set.time("/metadata/creationTimestamp").map(|when| when.earliest),
                &set.key.name,
            )
        });
        let [.., before, newest] = sets.as_slice() else {
            continue;
        };
        let Some(when) = newest.time("/metadata/creationTimestamp") else {
            continue;
        };
        let fields = template_changes(before, newest);
        let revision = newest.text(REVISION).to_owned();
        changes.push(RecentChange {
            subject,
            what: Change::Rollout {
                revision,
                fields: fields.into_iter().take(FIELDS).collect(),
            },
            evidence: vec![newest.cite_at("/metadata/creationTimestamp").at(Some(when.clone()))],
            when,
        });
    }
    changes
}

const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// The newest ControllerRevision of a StatefulSet or DaemonSet that has several, else the moment at which the first of its pods with a
/// new hash was made while others still have the old one. Both controllers keep the template of each revision in `data` (kubernetes
/// `pkg/controller/history/controller_history.go`) and label their pods with it (`controller-revision-hash`). A rollback counts an old
/// one up, whose own age then tells nothing.
fn revisions(snapshot: &Snapshot) -> Vec<RecentChange> {
    let mut kept: BTreeMap<Subject, Vec<&Object>> = BTreeMap::new();
    for revision in snapshot.kind("ControllerRevision") {
        kept.entry(snapshot.top_owner(revision)).or_default().push(revision);
    }
    let mut changes = Vec::new();
    for (subject, mut revisions) in kept {
        revisions.sort_by_key(|revision| revision.int("/revision"));
        let [.., before, newest] = revisions.as_slice() else {
            continue;
        };
        let made = |object: &Object| object.time("/metadata/creationTimestamp");
        let (Some(when), Some(former)) = (made(newest), made(before)) else {
            continue;
        };
        if when.surely_before(&former) {
            continue;
        }
        let fields = template_changes(&as_workload(before), &as_workload(newest));
        changes.push(RecentChange {
            subject,
            what: Change::Rollout {
                revision: newest
                    .int("/revision")
                    .map_or(String::new(), |revision| revision.to_string()),
                fields: fields.into_iter().take(FIELDS).collect(),
            },
            evidence: vec![newest.cite_at("/metadata/creationTimestamp").at(Some(when.clone()))],
            when,
        });
    }
    let known: Vec<Subject> = changes.iter().map(|change| change.subject.clone()).collect();
    changes.extend(
        under_way(snapshot)
            .into_iter()
            .filter(|change| !known.contains(&change.subject)),
    );
    changes
}

/// A revision with its template where a workload has it.
fn as_workload(revision: &Object) -> Object {
    let mut workload = revision.clone();
    if let (Some(spec), Some(map)) = (revision.get("/data/spec").cloned(), workload.value.as_object_mut()) {
        map.insert("spec".to_owned(), spec);
    }
    workload
}

/// Rollouts that pods of two revisions show.
fn under_way(snapshot: &Snapshot) -> Vec<RecentChange> {
    let mut sets: BTreeMap<Subject, BTreeMap<&str, (When, &Object)>> = BTreeMap::new();
    for pod in snapshot.pods() {
        let owner = snapshot.top_owner(pod.object);
        let hash = pod.object.text("/metadata/labels/controller-revision-hash");
        let Some(made) = pod.object.time("/metadata/creationTimestamp") else {
            continue;
        };
        if !matches!(owner.kind.as_str(), "StatefulSet" | "DaemonSet") || hash.is_empty() {
            continue;
        }
        let first = sets
            .entry(owner)
            .or_default()
            .entry(hash)
            .or_insert_with(|| (made.clone(), pod.object));
        if made.earliest < first.0.earliest {
            *first = (made, pod.object);
        }
    }
    let mut changes = Vec::new();
    for (subject, hashes) in sets.into_iter().filter(|(_, hashes)| hashes.len() >= 2) {
        let Some((when, pod)) = hashes.into_values().max_by_key(|(made, _)| made.earliest) else {
            continue;
        };
        changes.push(RecentChange {
            subject,
            what: Change::Rollout {
                revision: String::new(),
                fields: Vec::new(),
            },
            evidence: vec![pod.cite_at("/metadata/creationTimestamp").at(Some(when.clone()))],
            when,
        });
    }
    changes
}

/// Helm keeps each revision of a release as a Secret `sh.helm.release.v1.<name>.v<revision>` with labels `name`, `version`, `status`
/// (helm.sh/helm `pkg/storage/driver/secrets.go`). The chart's workloads carry `app.kubernetes.io/instance` or `meta.helm.sh/release-name`.
fn releases(snapshot: &Snapshot) -> Vec<RecentChange> {
    let mut newest: BTreeMap<(&str, &str), &Object> = BTreeMap::new();
    for secret in snapshot.kind("Secret") {
        let name = secret.text("/metadata/labels/name");
        if secret.key.name.starts_with("sh.helm.release.v1.") && !name.is_empty() {
            let revision = |object: &Object| object.text("/metadata/labels/version").parse::<u64>().unwrap_or(0);
            let known = newest.entry((&secret.key.namespace, name)).or_insert(secret);
            if revision(known) < revision(secret) {
                *known = secret;
            }
        }
    }
    let mut changes = Vec::new();
    for ((namespace, name), secret) in newest {
        let Some(when) = secret.time("/metadata/creationTimestamp") else {
            continue;
        };
        let cite = secret.cite_at("/metadata/labels").at(Some(when.clone()));
        let what = Change::Release {
            name: name.to_owned(),
            revision: secret.text("/metadata/labels/version").to_owned(),
            status: secret.text("/metadata/labels/status").to_owned(),
        };
        for subject in workloads_of_release(snapshot, namespace, name) {
            changes.push(RecentChange {
                subject,
                when: when.clone(),
                what: what.clone(),
                evidence: vec![cite.clone()],
            });
        }
    }
    changes
}

fn workloads_of_release(snapshot: &Snapshot, namespace: &str, release: &str) -> Vec<Subject> {
    const MARKS: [&str; 3] = [
        "/metadata/annotations/meta.helm.sh~1release-name",
        "/metadata/labels/app.kubernetes.io~1instance",
        "/metadata/labels/release",
    ];
    ["Deployment", "StatefulSet", "DaemonSet"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .filter(|object| object.key.namespace == namespace && MARKS.iter().any(|at| object.text(at) == release))
        .map(Object::subject)
        .collect()
}

/// ConfigMaps and Secrets that were written after a pod of their namespace had started, by the newest entry of their managed fields
/// that is no controller's, else by their own age.
fn configurations(snapshot: &Snapshot) -> Vec<RecentChange> {
    let mut started: BTreeMap<&str, When> = BTreeMap::new();
    for pod in snapshot.pods() {
        if let Some(when) = pod.object.time("/metadata/creationTimestamp") {
            let first = started.entry(pod.namespace()).or_insert_with(|| when.clone());
            if when.earliest < first.earliest {
                *first = when;
            }
        }
    }
    let mut changes = Vec::new();
    for object in ["ConfigMap", "Secret"].iter().flat_map(|kind| snapshot.kind(kind)) {
        let Some(oldest) = started.get(object.key.namespace.as_str()) else {
            continue;
        };
        let is_release = object.key.name.starts_with("sh.helm.release.");
        let Some((when, manager, cite)) = last_write(object).filter(|_| !is_release) else {
            continue;
        };
        if oldest.surely_before(&when) {
            changes.push(RecentChange {
                subject: object.subject(),
                evidence: vec![cite.at(Some(when.clone()))],
                when,
                what: Change::Configured { manager },
            });
        }
    }
    changes
}

fn last_write(object: &Object) -> Option<(When, String, Citation)> {
    let entries = object.list("/metadata/managedFields").iter().enumerate();
    let written = entries.filter_map(|(index, entry)| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or("");
        let at = format!("/metadata/managedFields/{index}/time");
        Some((
            When::rfc3339(text("time"))?,
            text("manager").to_owned(),
            object.cite_at(&at),
        ))
    });
    // Controllers write leases, checksums and caches all the time.
    let by_people = written.filter(|(_, manager, _)| !manager.contains("controller") && !manager.starts_with("kube-"));
    by_people.max_by_key(|(when, ..)| when.earliest).or_else(|| {
        let at = "/metadata/creationTimestamp";
        Some((object.time(at)?, String::new(), object.cite_at(at)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    fn changes(text: &str) -> Vec<RecentChange> {
        recent_changes(&reading(&[("all.json", text)]))
    }

    fn revision(number: i64, made: &str, image: &str) -> String {
        format!(
            r#"{{"kind":"ControllerRevision","apiVersion":"apps/v1","metadata":{{"name":"db-{number}","namespace":"shop","creationTimestamp":"{made}","ownerReferences":[{{"kind":"StatefulSet","name":"db","controller":true}}]}},"revision":{number},"data":{{"spec":{{"template":{{"spec":{{"containers":[{{"name":"db","image":"{image}"}}]}}}}}}}}}}"#
        )
    }

    #[test]
    fn controller_revisions_date_the_rollout_of_a_statefulset() {
        let items = [
            revision(1, "2026-01-01T00:00:00Z", "db:1"),
            revision(2, "2026-03-01T10:00:00Z", "db:2"),
        ];
        let found = changes(&format!(
            r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#,
            items.join(",")
        ));
        let [change] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(change.subject, Subject::namespaced("StatefulSet", "shop", "db"));
        assert_eq!(change.when.raw, "2026-03-01T10:00:00Z");
        let Change::Rollout { revision, fields } = &change.what else {
            panic!("{:?}", change.what)
        };
        assert_eq!(revision, "2");
        assert!(fields[0].0.contains("image"), "{fields:?}");
    }

    #[test]
    fn a_rollback_counts_an_old_revision_up_and_is_not_dated_by_it() {
        let items = [
            revision(3, "2026-01-01T00:00:00Z", "db:1"),
            revision(2, "2026-03-01T10:00:00Z", "db:2"),
        ];
        let text = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#, items.join(","));
        assert!(changes(&text).is_empty());
    }

    #[test]
    fn pods_of_two_revisions_show_a_rollout_under_way() {
        let pod = |name: &str, hash: &str, made: &str| {
            format!(
                r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"shop","creationTimestamp":"{made}","labels":{{"controller-revision-hash":"{hash}"}},"ownerReferences":[{{"kind":"DaemonSet","name":"agent","controller":true}}]}},"status":{{}}}}"#
            )
        };
        let items = [
            pod("agent-b7qvz", "old", "2026-01-01T00:00:00Z"),
            pod("agent-x2x4z", "new", "2026-03-01T10:00:00Z"),
            pod("agent-zz5k2", "new", "2026-03-01T10:05:00Z"),
        ];
        let found = changes(&format!(
            r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#,
            items.join(",")
        ));
        let [change] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(change.when.raw, "2026-03-01T10:00:00Z");
    }
}
