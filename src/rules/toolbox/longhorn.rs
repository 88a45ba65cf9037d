//! Volumes of Longhorn and who uses them.

use crate::cluster::{Object, Snapshot};
use crate::model::Subject;
use crate::rules::{Finding, Touch};

/// The volumes (`volumes.longhorn.io`), from objects or from rows.
pub fn volumes(snapshot: &Snapshot) -> impl Iterator<Item = &Object> {
    snapshot.kind("Volume").filter(|volume| {
        volume.text("/apiVersion").starts_with("longhorn.io/") || volume.get("/casefileColumns/ROBUSTNESS").is_some()
    })
}

/// A field of the object, or the cell of its row.
pub fn cell<'s>(volume: &'s Object, pointer: &str, column: &str) -> &'s str {
    match volume.text(pointer) {
        "" => volume.text(&format!("/casefileColumns/{column}")),
        text => text,
    }
}

/// Joins a finding about a volume with the claim and the pods that use it.
pub fn touch_users(snapshot: &Snapshot, volume: &Object, finding: &mut Finding) {
    let at = "/status/kubernetesStatus";
    let bound = snapshot.object("PersistentVolume", "", &volume.key.name);
    let of = |own: &str, bound_at: &str| match volume.text(&format!("{at}/{own}")) {
        "" => bound.map_or("", |bound| bound.text(bound_at)).to_owned(),
        text => text.to_owned(),
    };
    let (namespace, claim) = (
        of("namespace", "/spec/claimRef/namespace"),
        of("pvcName", "/spec/claimRef/name"),
    );
    if claim.is_empty() {
        return;
    }
    finding.add_affected(Subject::namespaced("PersistentVolumeClaim", &namespace, &claim));
    for pod in snapshot.pods().filter(|pod| pod.namespace() == namespace) {
        let uses = pod.object.list("/spec/volumes").iter().any(|entry| {
            entry
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(|name| name.as_str())
                == Some(claim.as_str())
        });
        if uses {
            finding
                .touches
                .extend(super::workload_touches(snapshot, &pod.object.subject()));
        }
    }
    for entry in volume.list(&format!("{at}/workloadsStatus")) {
        if let Some(name) = entry.get("podName").and_then(|name| name.as_str()) {
            finding
                .touches
                .extend(Touch::of(&Subject::namespaced("Pod", &namespace, name)));
        }
    }
}
