//! `kubectl cluster-info dump`, as a directory (`--output-directory`). The form on standard output is one file, known by its content.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/clusterinfo/clusterinfo_dump.go`. Its logs say in the text whose they are.

use super::detect::{Layout, NO_GAPS};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "kubectl-cluster-info-dump",
    markers: &["nodes.json", "nodes.yaml"],
    // No other tool spells this kind with a hyphen.
    fits: |root| {
        root.any(|parts| {
            matches!(
                parts,
                [_, "replication-controllers.json" | "replication-controllers.yaml"]
            )
        })
    },
    place: |_, parts| match parts {
        // Where one container logs, the text names it; an empty log has only its path.
        [namespace, pod, "logs.txt"] => Place::container(namespace, pod, "", false),
        _ => Place::default(),
    },
    anchor: |_| None,
    gaps: NO_GAPS,
};
