//! The kind of a table, from its columns.
//!
//! Source: the column definitions of `kubernetes/pkg/printers/internalversion/printers.go` (1.11 to 1.36) and of kubectl's own printers
//! before 1.11. CRDs bring their own columns (`additionalPrinterColumns`).

use super::Header;
use crate::bundle::decode::kubectl::hint::Hint;
use crate::bundle::decode::kubectl::kinds;

/// A kind and the columns that tell it: those it has, and those it must not have. Weak ones could be a custom resource's too.
type Rule = (&'static str, Strength, &'static [&'static str], &'static [&'static str]);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    Sure,
    Weak,
}
use Strength::{Sure, Weak};

/// In this order: a later rule may rely on what the earlier ones have taken.
const RULES: &[Rule] = &[
    ("Event", Sure, &["REASON", "OBJECT", "MESSAGE"], &[]),
    ("Event", Sure, &["REASON", "KIND", "MESSAGE"], &[]),
    ("Pod", Sure, &["READY", "STATUS", "RESTARTS"], &[]),
    ("DaemonSet", Sure, &["DESIRED", "CURRENT", "NODE SELECTOR"], &[]),
    ("DaemonSet", Sure, &["DESIRED", "CURRENT", "NODE-SELECTOR"], &[]),
    ("Deployment", Sure, &["READY", "UP-TO-DATE", "AVAILABLE"], &["DESIRED"]),
    (
        "Deployment",
        Sure,
        &["DESIRED", "CURRENT", "UP-TO-DATE", "AVAILABLE"],
        &["READY"],
    ),
    ("ReplicaSet", Sure, &["DESIRED", "CURRENT", "READY"], &["UP-TO-DATE"]),
    (
        "StatefulSet",
        Sure,
        &["DESIRED", "CURRENT", "AGE"],
        &["READY", "UP-TO-DATE"],
    ),
    (
        "StatefulSet",
        Sure,
        &["READY", "CONTAINERS", "IMAGES"],
        &["UP-TO-DATE", "SELECTOR"],
    ),
    ("Job", Sure, &["COMPLETIONS", "DURATION"], &[]),
    ("Job", Sure, &["DESIRED", "SUCCESSFUL"], &[]),
    ("CronJob", Sure, &["SCHEDULE", "SUSPEND", "ACTIVE"], &[]),
    ("Service", Sure, &["CLUSTER-IP", "PORT(S)"], &[]),
    ("EndpointSlice", Sure, &["ADDRESSTYPE", "ENDPOINTS"], &[]),
    ("Endpoints", Sure, &["ENDPOINTS", "AGE"], &["ADDRESSTYPE"]),
    ("Ingress", Sure, &["HOSTS", "ADDRESS", "PORTS"], &[]),
    ("IngressClass", Sure, &["CONTROLLER", "PARAMETERS"], &[]),
    ("NetworkPolicy", Sure, &["POD-SELECTOR"], &[]),
    ("Node", Sure, &["STATUS", "ROLES", "VERSION"], &[]),
    ("Node", Sure, &["STATUS", "AGE", "VERSION"], &["KIND", "READY"]),
    ("Node", Sure, &["NAME", "TAINTS"], &["KIND"]),
    ("PersistentVolumeClaim", Sure, &["STATUS", "VOLUME", "CAPACITY"], &[]),
    ("PersistentVolume", Sure, &["CAPACITY", "CLAIM", "STATUS"], &[]),
    ("StorageClass", Sure, &["PROVISIONER", "AGE"], &[]),
    ("VolumeAttachment", Sure, &["ATTACHER", "PV", "NODE", "ATTACHED"], &[]),
    (
        "HorizontalPodAutoscaler",
        Sure,
        &["REFERENCE", "MINPODS", "MAXPODS"],
        &[],
    ),
    (
        "PodDisruptionBudget",
        Sure,
        &["MIN AVAILABLE", "ALLOWED DISRUPTIONS"],
        &[],
    ),
    (
        "PodDisruptionBudget",
        Sure,
        &["MIN-AVAILABLE", "ALLOWED-DISRUPTIONS"],
        &[],
    ),
    ("PriorityClass", Sure, &["VALUE", "GLOBAL-DEFAULT"], &[]),
    ("CertificateSigningRequest", Sure, &["REQUESTOR", "CONDITION"], &[]),
    ("APIService", Sure, &["SERVICE", "AVAILABLE", "AGE"], &[]),
    ("ComponentStatus", Sure, &["STATUS", "MESSAGE", "ERROR"], &[]),
    ("ResourceQuota", Weak, &["REQUEST", "LIMIT", "AGE"], &[]),
    ("Secret", Weak, &["TYPE", "DATA", "AGE"], &[]),
    ("ConfigMap", Weak, &["DATA", "AGE"], &["TYPE"]),
    ("ServiceAccount", Weak, &["SECRETS", "AGE"], &[]),
    ("Lease", Weak, &["HOLDER", "AGE"], &[]),
];

/// Weak rules that hold only when the table has no columns besides these (and NAMESPACE, LABELS).
const EXACT: &[(&str, &[&str])] = &[
    ("Namespace", &["NAME", "STATUS", "AGE"]),
    ("StatefulSet", &["NAME", "READY", "AGE"]),
];

/// The kind of the objects below a header. Empty when only a prefix in the rows (`pod/web-0`) can tell; none when the table is not
/// kubectl's or does not tell its kind at all.
pub(crate) fn kind(header: &Header<'_>, hint: &Hint, prefixed: bool) -> Option<String> {
    let custom = hint.from_prompt && !hint.kind.is_empty() && kinds::known(&hint.kind).is_none();
    let rule = RULES.iter().find(|(_, _, has, lacks)| {
        has.iter().all(|name| header.has(name)) && !lacks.iter().any(|name| header.has(name))
    });
    let dated = header.has("AGE") || header.has("CREATED AT");
    let exact = EXACT.iter().find(|(_, columns)| {
        let named = header
            .names()
            .iter()
            .filter(|name| !matches!(**name, "NAMESPACE" | "LABELS"));
        named.clone().count() == columns.len() && named.into_iter().all(|name| columns.contains(name))
    });
    // `kubectl get pods; kubectl get secrets`: the second table has not the columns that the first kind always has.
    let is_another = RULES
        .iter()
        .any(|(other, strength, ..)| *other == hint.kind && *strength == Sure);
    match rule {
        _ if custom => Some(hint.kind.clone()),
        Some((kind, Sure, ..)) => Some((*kind).to_owned()),
        _ if prefixed => Some(String::new()),
        Some((kind, ..)) if is_another => Some((*kind).to_owned()),
        None if is_another && exact.is_some() => exact.map(|(kind, _)| (*kind).to_owned()),
        _ if hint.from_prompt && !hint.kind.is_empty() => Some(hint.kind.clone()),
        Some((kind, ..)) => Some((*kind).to_owned()),
        None => match exact {
            Some((kind, _)) => Some((*kind).to_owned()),
            _ => (dated && !hint.kind.is_empty()).then(|| hint.kind.clone()),
        },
    }
}
