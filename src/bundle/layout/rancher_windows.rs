//! Rancher's logs collector for Windows nodes (RKE2): one archive per node, written by PowerShell.
//!
//! Source: rancherlabs/support-tools `collection/rancher/v2.x/windows-log-collector/win-log-collect-rke2.ps1`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS, without_archive_ending};
use super::inventory::Root;
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "rancher-windows",
    about: About {
        made_by: "win-log-collect-rke2.ps1 (Rancher)",
        known_by: Words {
            zh: "containerd/crictl-ps.txt、config/rke2/ 与 k8s/",
            en: "containerd/crictl-ps.txt, config/rke2/ and k8s/",
        },
        read: Words {
            zh: "容器与沙箱列表、containerd 与容器的日志、证书、RKE2 与 containerd 的配置；UTF-16 与带 BOM 的 UTF-8 均可",
            en: "containers and sandboxes, the logs of containerd and of containers, certificates, the configuration of RKE2 and containerd; in UTF-16 or UTF-8 with a mark",
        },
    },
    markers: &["containerd/crictl-ps.txt"],
    fits: |root| root.has_dir("config/rke2") && root.has_dir("k8s"),
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

/// `rancher_rke2_<host>_2026-11-21`.
fn host(name: &str) -> &str {
    let name = without_archive_ending(name);
    let Some(rest) = name.strip_prefix("rancher_rke2_") else {
        return "";
    };
    rest.rsplit_once('_').map_or(rest, |(host, _)| host)
}

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let place = match parts {
        ["containerd", "containerd.log"] => Place::component("containerd"),
        ["k8s", "components", file] if file.starts_with("kubelet") => Place::component("kubelet"),
        ["k8s", "components", file] if file.starts_with("kube-proxy") => Place::component("kube-proxy"),
        ["k8s", "containerlogs", file] => container_log(file),
        ["eventlogs", ..] => Place::component("system"),
        [_, ..] => Place::holding(format!("what the collector wrote as {}", parts.join("/"))),
        [] => Place::default(),
    };
    place.on(root.path.to_owned(), host(root.name()))
}

/// `<container>-<12 digits of its id>.log`; which pod that is the inspections and `crictl-ps.txt` tell.
fn container_log(file: &str) -> Place {
    let stem = file.strip_suffix(".log").unwrap_or(file);
    Place::container("", "", stem, false)
}
