//! Claims that are not bound, and the volumes that could have been.

use super::{Finding, RuleHeader, Touch};
use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};

/// A pending claim with what is known of its class and of volumes.
pub(in crate::rules) struct Claim<'s> {
    /// The claim.
    pub(in crate::rules) object: &'s Object,
    /// The name of its class; empty when none.
    pub(in crate::rules) class: &'s str,
    /// The volumes of its class that nobody has.
    pub(in crate::rules) free: Vec<&'s Object>,
    /// True when a provisioner makes volumes for it, so that existing ones do not matter.
    pub(in crate::rules) dynamic: bool,
}

/// Every claim that waits for a volume.
pub(in crate::rules) fn pending(snapshot: &Snapshot) -> Vec<Claim<'_>> {
    snapshot
        .kind("PersistentVolumeClaim")
        .filter(|claim| claim.text("/status/phase") == "Pending" && claim.get("/metadata/deletionTimestamp").is_none())
        .map(|claim| {
            let class = class_of(snapshot, claim);
            let provisioner = snapshot
                .object("StorageClass", "", class)
                .map(|class| class.text("/provisioner"));
            let external = snapshot
                .events_on("PersistentVolumeClaim", &claim.key.namespace, &claim.key.name)
                .any(|event| matches!(event.reason.as_str(), "ExternalProvisioning" | "Provisioning"));
            let free = snapshot
                .kind("PersistentVolume")
                .filter(|volume| volume.text("/spec/storageClassName") == class && is_free(volume, claim))
                .collect();
            Claim {
                object: claim,
                class,
                free,
                dynamic: external
                    || provisioner.is_some_and(|name| !name.is_empty() && name != "kubernetes.io/no-provisioner"),
            }
        })
        .collect()
}

/// The class that a claim names, else the default one (`storageclass.kubernetes.io/is-default-class`), else none.
fn class_of<'s>(snapshot: &'s Snapshot, claim: &'s Object) -> &'s str {
    if claim.get("/spec/storageClassName").is_some() {
        return claim.text("/spec/storageClassName");
    }
    let annotated = claim.text("/metadata/annotations/volume.beta.kubernetes.io~1storage-class");
    if !annotated.is_empty() {
        return annotated;
    }
    snapshot
        .kind("StorageClass")
        .find(|class| class.text("/metadata/annotations/storageclass.kubernetes.io~1is-default-class") == "true")
        .map_or("", |class| class.key.name.as_str())
}

fn is_free(volume: &Object, claim: &Object) -> bool {
    let reserved = volume.get("/spec/claimRef").is_some();
    let mine = volume.text("/spec/claimRef/name") == claim.key.name
        && volume.text("/spec/claimRef/namespace") == claim.key.namespace;
    matches!(volume.text("/status/phase"), "Available" | "") && (!reserved || mine)
}

/// A finding about a pending claim: the claim, its class and who mounts it are joined.
pub(in crate::rules) fn finding(snapshot: &Snapshot, rule: &RuleHeader, claim: &Object, subject: Subject) -> Finding {
    let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
        .cite(claim.cite_at("/status/phase"))
        .fact("claim", claim.key.name.clone())
        .fact("namespace", claim.key.namespace.clone())
        .fact("requested", claim.text("/spec/resources/requests/storage"))
        .fact("class", claim.text("/spec/storageClassName"));
    let own = claim.subject();
    finding.touches.extend(Touch::of(&own));
    finding.add_affected(own);
    for pod in users(snapshot, claim) {
        finding.touches.extend(super::toolbox::workload_touches(snapshot, &pod));
        // A pod that waits for its volume serves nobody.
        let waits = snapshot.pod(&pod.namespace, &pod.name).is_none_or(|pod| !pod.is_well());
        if waits {
            finding.impair(snapshot.top_owner_of(&pod));
        }
        finding.add_affected(pod);
    }
    for event in snapshot
        .events_on("PersistentVolumeClaim", &claim.key.namespace, &claim.key.name)
        .filter(|event| event.warning || event.reason == "FailedBinding")
    {
        finding.add_cite(event.cite.clone());
    }
    finding
}

/// The pods that mount a claim.
pub(in crate::rules) fn users(snapshot: &Snapshot, claim: &Object) -> Vec<Subject> {
    let by_spec = snapshot
        .pods()
        .filter(|pod| pod.namespace() == claim.key.namespace)
        .filter(|pod| {
            pod.object.list("/spec/volumes").iter().any(|volume| {
                volume
                    .pointer("/persistentVolumeClaim/claimName")
                    .and_then(|name| name.as_str())
                    == Some(&claim.key.name)
            })
        });
    let mut found: Vec<Subject> = by_spec
        .map(|pod| Subject::namespaced("Pod", pod.namespace(), pod.name()))
        .collect();
    for name in claim.list("/casefileUsedBy").iter().filter_map(|name| name.as_str()) {
        let pod = Subject::namespaced("Pod", &claim.key.namespace, name);
        if !found.contains(&pod) {
            found.push(pod);
        }
    }
    found
}

/// Bytes of a quantity (`k8s.io/apimachinery/pkg/api/resource`): `8Gi`, `500M`, `1e3`, `100m`.
pub(crate) fn quantity(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("m", 1e-3),
    ];
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1.0));
    number
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .map(|value| value * factor)
}

/// The strings of a list in an object.
pub(in crate::rules) fn words<'o>(object: &'o Object, pointer: &str) -> Vec<&'o str> {
    object.list(pointer).iter().filter_map(|value| value.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_bytes() {
        for (text, bytes) in [
            ("8Gi", 8_589_934_592.0),
            ("500M", 500_000_000.0),
            ("1024", 1024.0),
            ("1e3", 1000.0),
        ] {
            assert_eq!(quantity(text), Some(bytes));
        }
        assert_eq!(quantity("a lot"), None);
    }
}
