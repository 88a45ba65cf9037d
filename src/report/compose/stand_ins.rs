//! Containers that run while their main process is not the component they are there for: that they run says nothing of it.

use serde_json::{Value, json};

use crate::bundle::decode::{ContainerState, Process};
use crate::cluster::{Host, HostContainer, Snapshot};
use crate::model::Text;
use crate::rules::inventory::{RKE1, is_rke1, names};

use super::phrases::filled;

/// Depends on a host's role, so it is in no catalogue.
const ETCD: &str = "etcd";
/// What a container's main process may be beside the component itself: the entry points and the init programs that start it or wait for it
/// (rancher/rke-tools `entrypoint.sh`, `cloud-provider.sh`; rancher/rancher `package/entrypoint.sh`, which runs `tini`; Docker's `--init`), and
/// the program of many names that kubelets once were.
const STARTERS: [&str; 5] = ["entrypoint.sh", "cloud-provider.sh", "tini", "docker-init", "hyperkube"];
/// What runs a script that its first argument names.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "busybox"];
/// Characters of a command that are shown.
const WIDTH: usize = 60;

/// One of them.
pub(super) struct StandIn<'h> {
    /// The component that its container is named for.
    pub(super) name: &'h str,
    /// The container.
    pub(super) container: &'h HostContainer,
    /// Its main process.
    pub(super) process: &'h Process,
}

impl StandIn<'_> {
    /// The command of its main process, cut.
    pub(super) fn command(&self) -> String {
        self.process.command.chars().take(WIDTH).collect()
    }
}

/// All of a host: the components of RKE1 and Rancher's server. The engine knows the main process of a container by its id (`docker
/// inspect`, `State.Pid`), and the list of processes what that is.
pub(super) fn stand_ins(host: &Host) -> Vec<StandIn<'_>> {
    if !is_rke1(host) {
        return Vec::new();
    }
    let components = RKE1.iter().filter(|known| !known.is_stopped_by_design());
    let components = components.map(|known| known.name).chain([ETCD]);
    let components = components.filter_map(|name| Some((name, host.container(name)?)));
    let servers = host.containers.iter().filter(|one| names(&one.image, "rancher"));
    let servers = servers.map(|server| ("rancher", server));
    let all = components.chain(servers);
    all.filter_map(|(name, container)| stand_in(host, name, container))
        .collect()
}

fn stand_in<'h>(host: &'h Host, component: &str, container: &'h HostContainer) -> Option<StandIn<'h>> {
    if container.state != ContainerState::Running {
        return None;
    }
    let inspected = container.inspect.as_ref()?.value.pointer("/State/Pid");
    let id = inspected.and_then(Value::as_u64)?;
    let process = host.tools.processes.iter().find(|process| process.pid == id)?;
    (!is_own(&process.command, component)).then_some(StandIn {
        name: &container.name,
        container,
        process,
    })
}

/// True for a command that is the component, or what starts it.
fn is_own(command: &str, component: &str) -> bool {
    let mut programs = command.split_whitespace().map(|word| {
        let program = word.rsplit('/').next().unwrap_or(word);
        program.trim_end_matches(':')
    });
    let first = programs.next().unwrap_or_default();
    let program = if SHELLS.contains(&first.trim_start_matches('-')) {
        programs.find(|word| !word.starts_with('-') && !SHELLS.contains(word))
    } else {
        Some(first)
    };
    program.is_some_and(|program| program == component || STARTERS.contains(&program))
}

/// Why the state of a bundle's containers says nothing of their components; none where their main processes are the components.
pub(super) fn reason_of_all(snapshot: &Snapshot) -> Option<Text> {
    let count = snapshot.hosts.iter().flat_map(stand_ins).count();
    (count > 0).then(|| filled("stand-in.reason", &[("count", json!(count))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_its_entry_point_or_an_init_program_is_no_stand_in() {
        for command in [
            "kubelet --v=2",
            "/usr/local/bin/kubelet --v=2",
            "/hyperkube kubelet --v=2",
            "/bin/bash /opt/rke-tools/entrypoint.sh kubelet --v=2",
            "/bin/sh -e /opt/rke-tools/cloud-provider.sh",
            "tini -- kubelet",
        ] {
            assert!(is_own(command, "kubelet"), "{command}");
        }
        for command in [
            "sleep infinity",
            "/bin/sh -c while :; do sleep 1; done",
            "/pause",
            "/bin/sh /bin/loop kubelet",
            "tail -f /dev/null",
            "",
        ] {
            assert!(!is_own(command, "kubelet"), "{command}");
        }
    }
}
