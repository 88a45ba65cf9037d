//! `sos collect`: one archive with the sos reports of several nodes.
//!
//! Source: sosreport/sos `sos/collector/__init__.py` (`create_cluster_archive`). Each report is a bundle of its own inside.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::Root;
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "sos-collect",
    about: About {
        made_by: "sos collect",
        known_by: Words {
            zh: "同一目录中有几个 sosreport-*.tar.*，或一个这样的归档旁有 sos_logs/ 或 sos_reports/",
            en: "several sosreport-*.tar.* in one directory, or one with sos_logs/ or sos_reports/ beside it",
        },
        read: Words {
            zh: "其中每份报告按 sos 读取，各算一个节点",
            en: "each report in it as sos is read, as a node of its own",
        },
    },
    markers: &["sosreport-*.tar.*/", "sosreport-*.tar/"],
    fits: |root| {
        let mut reports = root.directories();
        reports.retain(|name| name.starts_with("sosreport-") && name.contains(".tar"));
        reports.len() > 1 || root.has_dir("sos_logs") || root.has_dir("sos_reports")
    },
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(_root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["sos_logs" | "sos_reports" | "checksums", ..] => Place::holding("what sos says of its own run"),
        _ => Place::default(),
    }
}
