//! Which differences to look at first: what decides whether something runs at all comes before what tunes it, and what is gone
//! before what is new.

use super::{Difference, Side};

/// The lower, the more suspicious.
pub(super) fn weight(difference: &Difference) -> u8 {
    let gone = difference.actual == Side::Absent;
    match difference.datum {
        "object" | "container" | "node" if gone => 0,
        "container" | "image" => 1,
        "argument" | "environment" | "configuration" | "secret" | "script" | "cron" => 2,
        "field" if decides(&difference.path) => 2,
        "field" => 3,
        "sysctl" | "unit" | "mtu" | "dns" | "module" | "runtime" | "taint" | "certificate" => 3,
        "version" | "capacity" => 4,
        "object" | "node" => 5,
        "label" => 6,
        _ => 7,
    }
}

/// Fields on which it depends where pods run, whether they serve and who may reach them.
fn decides(path: &str) -> bool {
    const DECISIVE: [&str; 18] = [
        "replicas",
        "resources",
        "Probe",
        "selector",
        "nodeSelector",
        "affinity",
        "tolerations",
        "volumes",
        "volumeMounts",
        "securityContext",
        "serviceAccountName",
        "imagePullSecrets",
        "ports",
        "ingress",
        "egress",
        "hard",
        "storageClassName",
        "webhooks",
    ];
    DECISIVE.iter().any(|part| path.contains(part))
}
