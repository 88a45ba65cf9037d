//! File systems of a machine on which the kubelet and the container runtime live.

use super::hosts::Machine;
use super::nodes::{node_of, status_of};
use crate::bundle::decode::{Counted, Filesystem};
use crate::cluster::Snapshot;

/// Directories of the kubelet and of the runtimes (kubernetes.io/docs/reference/node/kubelet-files; containerd, Docker, CRI-O; k3s and RKE2).
const PLACES: [&str; 7] = [
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/rancher",
    "/var/lib/kubelet",
    "/var/log",
    "/",
];

/// The fullest file system that holds one of those directories, and the directory, when at least so many percent are in use.
pub fn fullest<'s>(machine: &Machine<'s>, counted: Counted, percent: u64) -> Option<(&'s Filesystem, &'static str)> {
    let tools = &machine.host.tools;
    let own_root = machine.value("docker.root-dir");
    let of_docker = own_root
        .and_then(|(root, _)| tools.filesystem_of(root, counted))
        .map(|found| (found, "/var/lib/docker"));
    let found = PLACES
        .iter()
        .filter_map(|place| Some((tools.filesystem_of(place, counted)?, *place)))
        .chain(of_docker)
        // Images mounted read-only are always full.
        .filter(|(found, _)| !matches!(found.kind.as_str(), "squashfs" | "iso9660" | "overlay" | "tmpfs"))
        .filter(|(found, _)| found.percent.is_some_and(|used| used >= percent));
    let mut best: Option<(&Filesystem, &'static str)> = None;
    for (candidate, place) in found {
        if best.is_none_or(|(known, _)| candidate.percent > known.percent) {
            best = Some((candidate, place));
        }
    }
    best
}

/// True when the kubelet reports the pressure on its disks itself, as a condition of the node or by what it evicts.
pub fn is_pressed(snapshot: &Snapshot, node: &str) -> bool {
    let evicts = || {
        snapshot
            .hits("node-disk-pressure/evicts")
            .any(|hit| node_of(snapshot, hit).as_deref() == Some(node))
    };
    match snapshot
        .object("Node", "", node)
        .map_or("", |node| status_of(node, "DiskPressure"))
    {
        "" => evicts(),
        status => status == "True",
    }
}
