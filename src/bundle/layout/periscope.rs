//! AKS Periscope (`az aks kollect`): a zip for each node, a directory for each collector.
//!
//! Source: Azure/aks-periscope `pkg/collector/*.go`, `pkg/exporter/`. Logs of containers are JSON, read by `decode/log_export/json.rs`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS, without_archive_ending};
use super::inventory::Root;
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "aks-periscope",
    about: About {
        made_by: "az aks kollect (AKS Periscope)",
        known_by: Words {
            zh: "kubeletcmd/kubeletcmd，旁边有 kubeobjects/、podscontainerlogs/ 或 systemlogs/；从 blob 下载的：kubeletcmd、virtualmachine 与 iptables 在同一目录",
            en: "kubeletcmd/kubeletcmd, and beside it kubeobjects/, podscontainerlogs/ or systemlogs/; from the blob store kubeletcmd, virtualmachine and iptables in one directory",
        },
        read: Words {
            zh: "kubectl describe 文本、容器日志的最后 100 行、kubelet 与运行时的日志、kubelet 的命令行、iptables、resolv.conf；节点名取自归档名",
            en: "kubectl describe text, the last 100 lines of containers, the logs of kubelet and runtime, the kubelet's command line, packet filter, resolv.conf; the archive's name is the node's",
        },
    },
    // Downloaded from the blob store the files of a node stand beside each other, without the collectors' directories.
    markers: &["kubeletcmd/kubeletcmd", "kubeletcmd"],
    fits: |root| {
        let has = |name: &&str| root.has_dir(name);
        root.has("kubeletcmd/kubeletcmd") && ["kubeobjects", "podscontainerlogs", "systemlogs"].iter().any(has)
            || root.has("kubeletcmd") && root.has("virtualmachine") && root.has("iptables")
    },
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let place = match parts {
        ["systemlogs", "kubelet"] | ["kubelet"] => Place::component("kubelet"),
        ["systemlogs", "docker"] | ["docker"] => Place::component("dockerd"),
        ["systemlogs", "containerd"] => Place::component("containerd"),
        ["nodelogs", _] => Place::component("system"),
        ["kubeletcmd", ..] => Place::no_log("the command line of the kubelet"),
        ["podscontainerlogs", _] => Place::default(),
        [_, ..] => Place::holding(format!("what AKS Periscope wrote as {}", parts.join("/"))),
        [] => Place::default(),
    };
    place.on(root.path.to_owned(), without_archive_ending(root.name()))
}
