//! Components of a host that exist twice: as a container whose main process is another program, and as a process of the host.

use serde_json::{Value, json};

use super::contradictions::Told;
use crate::bundle::decode::{ContainerState, Process};
use crate::cluster::{Host, HostContainer, Object};
use crate::model::Citation;
use crate::rules::inventory::{RKE1, is_rke1};

/// Characters of a command that are shown.
const WIDTH: usize = 60;
/// Components that depend on a host's role are in no catalogue.
const ETCD: &str = "etcd";
/// Components whose places are cited.
const CITED: usize = 2;

/// One of them.
pub(super) struct Double<'h> {
    /// Its name.
    pub(super) name: &'h str,
    container: &'h HostContainer,
    /// The main process of its container.
    inside: &'h Process,
    /// The component itself.
    outside: &'h Process,
}

/// All of a host. The engine knows the main process of a container by its id (`docker inspect`, `State.Pid`), and that process became the
/// component where the container's entry point ends in `exec` (rancher/rke-tools `entrypoint.sh`). One with a lower id than the container's
/// main process was not started by it.
pub(super) fn doubles(host: &Host) -> Vec<Double<'_>> {
    if !is_rke1(host) {
        return Vec::new();
    }
    let names = RKE1.iter().filter(|known| !known.is_stopped_by_design());
    let names = names.map(|known| known.name).chain([ETCD]);
    names.filter_map(|name| double(host, name)).collect()
}

fn double<'h>(host: &'h Host, name: &'static str) -> Option<Double<'h>> {
    let container = host
        .container(name)
        .filter(|one| one.state == ContainerState::Running)?;
    let inspected = container
        .inspect
        .as_ref()?
        .value
        .pointer("/State/Pid")
        .and_then(Value::as_u64)?;
    let processes = &host.tools.processes;
    let inside = processes.iter().find(|process| process.pid == inspected)?;
    let is_it = |process: &&Process| process.program() == name && process.pid < inspected;
    let outside = processes.iter().find(is_it).filter(|_| inside.program() != name)?;
    Some(Double {
        name,
        container,
        inside,
        outside,
    })
}

/// That the container's state tells nothing of the component, and which of both the API's answers are of.
pub(super) fn told(host: &Host, doubles: &[Double<'_>], node: Option<&Object>) -> Option<Told> {
    let first = doubles
        .iter()
        .find(|double| double.name == "kubelet")
        .or(doubles.first())?;
    let names: Vec<&str> = doubles.iter().map(|double| double.name).collect();
    let path = first.outside.command.split_whitespace().next().unwrap_or_default();
    let text = |pointer: &str| node.map_or("", |node| node.text(pointer));
    let facts = [
        ("host", json!(host.runtime_name())),
        ("names", json!(names)),
        (
            "inside",
            json!(first.inside.command.chars().take(WIDTH).collect::<String>()),
        ),
        ("inside_pid", json!(first.inside.pid)),
        ("outside", json!(path)),
        ("outside_pid", json!(first.outside.pid)),
        ("image", json!(first.container.image)),
        ("version", json!(text(VERSION))),
        ("runtime", json!(text(RUNTIME))),
    ];
    let places = doubles
        .iter()
        .filter(|double| double.name == first.name || doubles.len() <= CITED);
    let mut cites: Vec<Citation> = places
        .flat_map(|double| [&double.container.cite, &double.inside.cite, &double.outside.cite])
        .cloned()
        .collect();
    for pointer in [VERSION, RUNTIME] {
        cites.extend(
            node.filter(|node| !node.text(pointer).is_empty())
                .map(|node| node.cite_at(pointer)),
        );
    }
    Some(Told::of("contradiction.doubles", &facts, cites))
}

const VERSION: &str = "/status/nodeInfo/kubeletVersion";
const RUNTIME: &str = "/status/nodeInfo/containerRuntimeVersion";
