//! A backup of Velero: objects as they were, one file for each. A restore needs it whole; here it is a look at the cluster of then.
//!
//! Source: vmware-tanzu/velero `pkg/backup/{backup,item_backupper}.go`, `pkg/archive/parser.go`, site `output-file-format.md`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "velero-backup",
    about: About {
        made_by: "velero backup download",
        known_by: Words {
            zh: "metadata/version 与 resources/<种类>/namespaces/ 或 cluster/",
            en: "metadata/version, and resources/<kind>/namespaces/ or cluster/",
        },
        read: Words {
            zh: "每个对象（备份保存了状态）；没有日志",
            en: "every object, with its status as it was; there are no logs",
        },
    },
    markers: &["metadata/version"],
    fits: |root| {
        root.any(|parts| {
            matches!(parts, ["resources", _, .., "namespaces", _, file] | ["resources", _, .., "cluster", file] if file.ends_with(".json"))
        })
    },
    place: |_, parts| match parts {
        ["metadata", "version"] => Place::holding("the version of the backup's form"),
        _ => Place::default(),
    },
    anchor: |_| None,
    gaps: NO_GAPS,
};
