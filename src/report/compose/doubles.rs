//! Components of a host that exist twice: as a container whose main process is another program, and as a process of the host.

use serde_json::json;

use super::contradictions::Told;
use super::stand_ins::{StandIn, stand_ins};
use crate::bundle::decode::Process;
use crate::cluster::{Host, Object};
use crate::model::Citation;

/// A container with a stand-in.
pub(super) struct Double<'h> {
    stand_in: StandIn<'h>,
    /// The component itself, where the list of processes has it.
    outside: Option<&'h Process>,
}

/// All of a host whose containers have stand-ins. A process with a lower id than the container's main process was not started by it.
pub(super) fn doubles(host: &Host) -> Vec<Double<'_>> {
    let all = stand_ins(host).into_iter();
    all.map(|one| outside_of(host, one)).collect()
}

fn outside_of<'h>(host: &'h Host, one: StandIn<'h>) -> Double<'h> {
    let is_it = |process: &&Process| process.program() == one.name && process.pid < one.process.pid;
    Double {
        outside: host.tools.processes.iter().find(is_it),
        stand_in: one,
    }
}

/// The process outside a container that is its component, where the container's main process is a stand-in: what writes that component's log.
pub(super) fn outside<'h>(host: &'h Host, component: &str) -> Option<&'h Process> {
    let mut doubles = doubles(host).into_iter();
    doubles.find(|double| double.stand_in.name == component)?.outside
}

/// That the containers' state tells nothing of their components, and which of both the API's answers are of. `is_by_list` is true where the
/// cause rests on the list of containers.
pub(super) fn told(host: &Host, doubles: &[Double<'_>], node: Option<&Object>, is_by_list: bool) -> Option<Told> {
    let kubelet = doubles.iter().find(|double| double.stand_in.name == "kubelet");
    let first = kubelet.or(doubles.first())?;
    let of = |is_outside: bool| -> Vec<&str> {
        let known = doubles.iter().filter(|double| double.outside.is_some() == is_outside);
        known.map(|double| double.stand_in.name).collect()
    };
    let own = first
        .outside
        .map(|process| process.command.split_whitespace().next().unwrap_or_default());
    let text = |pointer: &str| node.map_or("", |node| node.text(pointer));
    let facts = [
        ("host", json!(host.runtime_name())),
        ("count", json!(doubles.len())),
        ("names", json!([of(true), of(false)].concat())),
        ("outside_too", json!(of(true))),
        ("nowhere", json!(of(false))),
        // A list without the first process is not whole, and what it lacks may run all the same.
        (
            "whole",
            host.tools.processes.iter().any(|process| process.pid == 1).into(),
        ),
        ("name", json!(first.stand_in.name)),
        ("inside", json!(first.stand_in.command())),
        ("inside_pid", json!(first.stand_in.process.pid)),
        ("outside", json!(own.unwrap_or_default())),
        ("outside_pid", json!(first.outside.map(|process| process.pid))),
        ("image", json!(first.stand_in.container.image)),
        ("version", json!(kubelet.map_or("", |_| text(VERSION)))),
        ("runtime", json!(kubelet.map_or("", |_| text(RUNTIME)))),
        ("by_list", json!(is_by_list)),
    ];
    // Each that is counted: its container, its main process, and the process that is the component.
    let containers = doubles.iter().map(|double| &double.stand_in.container.cite);
    let inside = doubles.iter().map(|double| &double.stand_in.process.cite);
    let own = doubles.iter().filter_map(|double| Some(&double.outside?.cite));
    let mut cites: Vec<Citation> = containers.chain(inside).chain(own).cloned().collect();
    let short = cites.clone();
    for pointer in [VERSION, RUNTIME] {
        cites.extend(
            node.filter(|node| kubelet.is_some() && !node.text(pointer).is_empty())
                .map(|node| node.cite_at(pointer)),
        );
    }
    Some(Told::of("contradiction.doubles", &facts, cites).shown_by(short))
}

const VERSION: &str = "/status/nodeInfo/kubeletVersion";
const RUNTIME: &str = "/status/nodeInfo/containerRuntimeVersion";
