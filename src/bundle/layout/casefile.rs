//! casefile's own bundles: a `manifest.json` that names the tool. The manifest is read for its times by its decoder; the cluster is laid
//! out as Troubleshoot does it.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::place::Place;
use super::troubleshoot;

pub(super) const LAYOUT: Layout = Layout {
    name: "casefile",
    about: About {
        made_by: "casefile collect",
        known_by: Words {
            zh: "manifest.json 中的 tool.name 为 casefile",
            en: "manifest.json whose tool.name is casefile",
        },
        read: Words {
            zh: "所有内容",
            en: "everything",
        },
    },
    markers: &["manifest.json"],
    fits: |root| {
        let head: String = root
            .head("manifest.json")
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        head.contains("\"tool\":{\"name\":\"casefile\"")
    },
    place: |root, parts| match parts {
        ["cluster-resources", ..] => troubleshoot::place(root, parts),
        _ => Place::default(),
    },
    anchor: |_| None,
    gaps: NO_GAPS,
};
