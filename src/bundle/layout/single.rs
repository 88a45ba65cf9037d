//! Files that are a bundle by themselves, known by what was read of them.

use super::{cluster_dump, k0s, minikube};

/// The layout of a file in which these decoders read something.
pub fn single_layout(used: &[&'static str]) -> Option<&'static str> {
    let has = |name| used.contains(&name);
    if has("cluster-info dump log") && has("json") {
        Some(cluster_dump::LAYOUT.name)
    } else if has("minikube logs") {
        Some(minikube::NAME)
    } else if has("k0s sysinfo") {
        Some(k0s::NAME)
    } else {
        None
    }
}
