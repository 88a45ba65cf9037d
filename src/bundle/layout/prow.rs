//! The results of a job of prow. What its tests collected lies below `artifacts/`, each with a layout of its own.
//!
//! Source: kubernetes/test-infra `gubernator/README.md` ("Job Artifact GCS Layout"), kubernetes-sigs/prow `pkg/gcsupload`,
//! `pkg/pod-utils/decorate/podspec.go` (the job's pod is called after the job, its container `test`) and `pkg/kube` (`TestContainerName`).

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
            zh: "artifacts/ 中的每个包按其自己的布局读取；运行任务的 Pod 及其事件（podinfo.json），任务自身的日志（算作该 Pod 的日志）",
            en: "each bundle below artifacts/ by its own layout; the pod that ran the job with its events (podinfo.json), and the job's own log as that pod's",
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

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["build-log.txt"] => log_of_job(root, "test"),
        // A job of several containers has a log of each.
        [file] if file.ends_with("-build-log.txt") => log_of_job(root, file.trim_end_matches("-build-log.txt")),
        [
            "started.json" | "finished.json" | "prowjob.json" | "podinfo.json" | "clone-records.json" | "clone-log.txt"
            | "sidecar-logs.json",
        ] => Place::holding("what prow says of the job"),
        ["artifacts", file] if file.starts_with("junit") => Place::holding("results of tests"),
        ["artifacts", "metadata.json"] => Place::holding("what the job says of its own run"),
        _ => Place::default(),
    }
}

fn log_of_job(root: &Root<'_>, container: &str) -> Place {
    // The first name in either document is the object's own. The namespace of the job is not that of its pod.
    let report = root.head("podinfo.json");
    let (pod, namespace) = match text_of(report, "name") {
        Some(pod) => (Some(pod), text_of(report, "namespace")),
        None => (text_of(root.head("prowjob.json"), "name"), None),
    };
    match pod {
        Some(pod) => Place::container(namespace.unwrap_or(""), pod, container, false),
        None => Place::holding("the log of the job itself"),
    }
}

/// The first text of this key in a JSON document of which only the beginning is known.
fn text_of<'h>(head: &'h str, key: &str) -> Option<&'h str> {
    let (_, rest) = head.split_once(&format!("\"{key}\":"))?;
    let (text, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    (!text.is_empty()).then_some(text)
}
