//! `minikube logs`: one text with a heading above each part, known by its content.
//!
//! Source: kubernetes/minikube `pkg/minikube/logs/logs.go` (`Output`, `OutputAudit`, `OutputLastStart`). The parts are read by
//! `decode/minikube.rs` and `decode/headings.rs`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::place::Place;

pub(super) const NAME: &str = "minikube-logs";

pub(super) const LAYOUT: Layout = Layout {
    name: NAME,
    about: About {
        made_by: "minikube logs",
        known_by: Words {
            zh: "一个文本文件，其中有标题 ==> Audit <== 或 ==> Last Start <==",
            en: "one text file with the heading ==> Audit <== or ==> Last Start <==",
        },
        read: Words {
            zh: "kubelet、容器运行时、控制平面组件与内核的日志，容器列表，describe nodes",
            en: "the logs of kubelet, runtime, control plane and kernel, the list of containers, and the description of the nodes",
        },
    },
    markers: &[],
    fits: |_| false,
    place: |_, _| Place::default(),
    anchor: |_| None,
    gaps: NO_GAPS,
};
