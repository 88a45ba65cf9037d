//! The ReplicaSets of a Deployment, and which of them is the newest.

use crate::cluster::{Object, Snapshot};
use crate::model::Subject;

/// The annotation in which the Deployment controller counts revisions (kubernetes pkg/controller/deployment/util/deployment_util.go,
/// `RevisionAnnotation`).
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// The ReplicaSets of a Deployment, the newest last.
pub fn of_deployment<'s>(snapshot: &'s Snapshot, deployment: &Subject) -> Vec<&'s Object> {
    let mut sets: Vec<&Object> = snapshot
        .kind("ReplicaSet")
        .filter(|set| set.key.namespace == deployment.namespace && snapshot.top_owner(set) == *deployment)
        .collect();
    sets.sort_by_key(|set| revision(snapshot, set));
    sets
}

/// What orders the revisions of one Deployment: the controller's count, else the time of creation.
pub fn revision(snapshot: &Snapshot, set: &Object) -> Option<i64> {
    let counted = set.text(REVISION).parse().ok();
    // A table shows ages only; without a moment to count them from they are kept as intervals of no date.
    let made = || {
        let made = set.time("/metadata/creationTimestamp")?;
        snapshot.now().map(|_| made.latest.as_second())
    };
    counted.or_else(made)
}
