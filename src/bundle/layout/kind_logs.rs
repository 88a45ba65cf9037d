//! `kind export logs`: for each node of the cluster what its container logged and the whole of its `/var/log`.
//!
//! Source: kubernetes-sigs/kind `pkg/cluster/internal/logs/logs.go`, `pkg/cluster/internal/providers/common/logs.go`,
//! `pkg/cluster/internal/providers/docker/provider.go` (`CollectLogs`).

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "kind-logs",
    about: About {
        made_by: "kind export logs",
        known_by: Words {
            zh: "根目录有 kind-version.txt，某个节点目录中有 kubernetes-version.txt",
            en: "kind-version.txt at the root, and kubernetes-version.txt in the directory of a node",
        },
        read: Words {
            zh: "每个节点的 kubelet、containerd、系统日志和 Pod 日志，镜像列表，节点容器的 docker inspect；没有 API 对象",
            en: "of each node the logs of kubelet, containerd, the system and its pods, the list of images, and docker inspect of the node's container; there are no API objects",
        },
    },
    markers: &["kind-version.txt"],
    fits: |root| root.any(|parts| matches!(parts, [_, "kubernetes-version.txt"])),
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let [node, rest @ ..] = parts else {
        return Place::default();
    };
    match rest {
        [] => Place::holding("what kind says of its host and of itself"),
        ["journal.log" | "serial.log"] => Place::component("system").on(join(root.path, node), node),
        ["kubernetes-version.txt"] => {
            Place::holding("the version of Kubernetes that the node was made for").on(join(root.path, node), node)
        }
        _ => Place::default().on(join(root.path, node), node),
    }
}
