//! OpenShift's must-gather: one directory per image, each an inspect tree with more beside it.
//!
//! Sources: openshift/must-gather `collection-scripts/`, openshift/oc `pkg/cli/admin/mustgather/mustgather.go`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inspect;
use super::inventory::Root;

pub(super) const LAYOUT: Layout = Layout {
    name: "must-gather",
    about: About {
        made_by: "oc adm must-gather",
        known_by: Words {
            zh: "version 的第一行含 must-gather，旁边有 namespaces/ 或 cluster-scoped-resources/；或 must-gather.logs 旁有 …-sha256-<64 位十六进制>/",
            en: "version whose first line has must-gather, beside namespaces/ or cluster-scoped-resources/; or must-gather.logs beside …-sha256-<64 hexadecimal digits>/",
        },
        read: Words {
            zh: "与 oc adm inspect 相同，另有节点的日志与命令输出、etcd 的状态、其中的 insights 归档",
            en: "what oc adm inspect has, and logs and commands of nodes, the state of etcd, the archive of insights inside",
        },
    },
    markers: &["version", "must-gather.logs"],
    fits,
    place: inspect::place,
    anchor: |root| {
        inspect::last_time(root.head_outside("timestamp")).or_else(|| inspect::last_time(root.head("timestamp")))
    },
    gaps: NO_GAPS,
};

fn fits(root: &Root<'_>) -> bool {
    let names_itself = root
        .head("version")
        .lines()
        .next()
        .is_some_and(|line| line.contains("must-gather"));
    let holds_image = || root.any(|parts| parts.first().is_some_and(|part| is_image_directory(part)));
    names_itself && (root.has_dir("namespaces") || root.has_dir("cluster-scoped-resources"))
        || root.has("must-gather.logs") && holds_image()
}

/// `registry-redhat-io-…-sha256-<64 hex>`: the image's name with everything odd replaced.
fn is_image_directory(name: &str) -> bool {
    name.rsplit_once("-sha256-")
        .is_some_and(|(_, digest)| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
