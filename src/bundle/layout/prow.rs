//! The results of a job of prow. What its tests collected lies below `artifacts/`, each with a layout of its own.
//!
//! Source: kubernetes/test-infra `gubernator/README.md` ("Job Artifact GCS Layout"), kubernetes-sigs/prow `pkg/gcsupload`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::Root;
use super::place::Place;
use crate::model::{Basis, When};

pub(super) const LAYOUT: Layout = Layout {
    name: "prow",
    about: About {
        made_by: "prow (job artifacts)",
        known_by: Words {
            zh: "started.json 与 build-log.txt，旁边有 finished.json 或 artifacts/",
            en: "started.json and build-log.txt, and beside them finished.json or artifacts/",
        },
        read: Words {
            zh: "artifacts/ 中的每个包按其自己的布局读取；任务自身的日志不读取",
            en: "each bundle below artifacts/ by its own layout; the job's own log is not read",
        },
    },
    markers: &["started.json"],
    fits: |root| root.has("build-log.txt") && (root.has("finished.json") || root.has_dir("artifacts")),
    place,
    anchor,
    gaps: NO_GAPS,
};

/// `{"timestamp":1732184442,"passed":false,"result":"FAILURE"}`, in seconds since the epoch.
fn anchor(root: &Root<'_>) -> Option<When> {
    let finished: serde_json::Value = serde_json::from_str(root.head("finished.json")).ok()?;
    let seconds = finished.get("timestamp")?.as_i64()?;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(When::at(time, seconds.to_string(), Basis::Exact))
}

fn place(_root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["build-log.txt"] => Place::holding("the log of the job itself"),
        [
            "started.json" | "finished.json" | "prowjob.json" | "podinfo.json" | "clone-records.json" | "clone-log.txt"
            | "sidecar-logs.json",
        ] => Place::holding("what prow says of the job"),
        ["artifacts", file] if file.starts_with("junit") => Place::holding("results of tests"),
        ["artifacts", "metadata.json"] => Place::holding("what the job says of its own run"),
        _ => Place::default(),
    }
}
