//! OpenShift's must-gather: one directory per image, each an inspect tree with more beside it.
//!
//! Sources: openshift/must-gather `collection-scripts/`, openshift/oc `pkg/cli/admin/mustgather/mustgather.go`.

use super::detect::{Layout, NO_GAPS};
use super::inspect;
use super::inventory::Root;

pub(super) const LAYOUT: Layout = Layout {
    name: "must-gather",
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
