//! crash-diagnostics (`crashd run`): objects and logs below `kubecapture`, the output of commands below each host.
//!
//! Source: vmware-tanzu/crash-diagnostics `k8s/{object_writer,result_writer,container_logger}.go`, `starlark/capture.go`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "crashd",
    about: About {
        made_by: "crashd run (crash-diagnostics)",
        known_by: Words {
            zh: "kubecapture/<组>_<版本>/ 目录",
            en: "a directory kubecapture/<group>_<version>/",
        },
        read: Words {
            zh: "对象、容器日志，以及各主机上命令的输出",
            en: "objects, logs of containers, and what commands printed on each host",
        },
    },
    markers: &["kubecapture/"],
    fits: |root| root.any(|parts| matches!(parts, ["kubecapture", group, ..] if group.contains("_v"))),
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["kubecapture", _, namespace, pod, file] => {
            Place::container(namespace, pod, file.strip_suffix(".log").unwrap_or(file), false)
        }
        ["kubecapture", ..] | [_] | [] => Place::default(),
        // The host's name with everything odd replaced: an address has lost its dots.
        [host, .., file] => {
            let command = file.trim_end_matches(".txt").replace('_', " ");
            let place = if command.contains("journalctl") && command.contains("kubelet") {
                Place::component("kubelet")
            } else if command.contains("journalctl") && command.contains("containerd") {
                Place::component("containerd")
            } else if command.contains("journalctl") || command.contains("dmesg") {
                Place::component("system")
            } else {
                Place::holding(format!("output of `{command}`"))
            };
            let name = address(host).unwrap_or_else(|| (*host).to_owned());
            place.on(join(root.path, host), &name)
        }
    }
}

/// `192.168.1.10` of `192_168_1_10`.
fn address(host: &str) -> Option<String> {
    let address = host.replace('_', ".");
    address.parse::<std::net::Ipv4Addr>().ok().map(|_| address)
}
