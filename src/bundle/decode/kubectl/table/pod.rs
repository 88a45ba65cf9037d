//! Rows of pods.
//!
//! Source: `printPod` of `kubernetes/pkg/printers/internalversion/printers.go`: READY counts the containers that are ready, STATUS is the
//! phase unless the pod or one of its containers has a reason of its own, RESTARTS is a sum over containers, followed since 1.22
//! by the age of the last one.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::values::{integer, ratio};
use super::Row;

/// A row that claims more containers than this is not believed.
const MOST_CONTAINERS: i64 = 100;

/// What a STATUS word says of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A phase.
    Phase(&'static str),
    /// A container waits for this reason; the phase that is certain with it, or an empty one.
    Waiting(&'static str),
    /// A container has ended for this reason.
    Terminated,
    /// The pod has failed as a whole for this reason.
    Failed,
}

/// Sets what a row tells of a pod. Its containers have no names in a table: theirs are empty.
pub(crate) fn fill(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    to.set_some("/spec/nodeName", row.get("NODE"), line);
    to.set_some("/status/podIP", row.get("IP"), line);
    to.set_some("/status/nominatedNodeName", row.get("NOMINATED NODE"), line);
    let (ready, all) = ratio(row.raw("READY"))
        .filter(|&(ready, all)| (0..=all).contains(&ready) && all <= MOST_CONTAINERS)
        .unwrap_or((0, 0));
    let restarts = restarts(row.raw("RESTARTS"));
    let status = row.raw("STATUS");
    match status.strip_prefix("Init:") {
        Some(init) => init_containers(init, restarts, line, to),
        None => containers(status, (ready, all), restarts, line, to),
    }
}

fn containers(
    status: &str,
    (ready, all): (i64, i64),
    restarts: Restarts<'_>,
    line: usize,
    to: &mut ObjectBuilder<'_, '_>,
) {
    // A pod that has not been placed has no container statuses; its containers are only counted.
    if matches!(status, "Pending" | "SchedulingGated") && restarts.count == Some(0) && ready == 0 {
        to.set("/status/phase", "Pending", line);
        if status == "SchedulingGated" {
            to.set(
                "/status/conditions",
                json!([{"type": "PodScheduled", "status": "False", "reason": status}]),
                line,
            );
        }
        return;
    }
    // The reason belongs to a container that is not ready; which one, the table does not tell.
    let speaker = if ready < all { ready } else { 0 };
    for index in 0..all {
        let item = to.push(
            "/status/containerStatuses",
            json!({"name": "", "ready": index < ready}),
            line,
        );
        if index == speaker {
            restarts.put(&item, line, to);
        }
        if index < ready || status == "Running" {
            to.set(&format!("{item}/state"), json!({"running": {}}), line);
        }
    }
    let item = format!("/status/containerStatuses/{speaker}");
    match word(status) {
        Some(Word::Phase(phase)) => to.set("/status/phase", phase, line),
        Some(Word::Waiting(phase)) => {
            to.set(&format!("{item}/name"), "", line);
            to.set(&format!("{item}/state"), json!({"waiting": {"reason": status}}), line);
            let phase = if phase.is_empty() && all == 1 && restarts.count == Some(0) {
                "Pending"
            } else {
                phase
            };
            to.set_some("/status/phase", Some(phase).filter(|phase| !phase.is_empty()), line);
        }
        Some(Word::Terminated) => {
            to.set(&format!("{item}/name"), "", line);
            to.set(&format!("{item}/state"), terminated(status), line);
            if status == "Completed" && ready == 0 && restarts.count == Some(0) {
                to.set("/status/phase", "Succeeded", line);
            }
        }
        Some(Word::Failed) => {
            to.set("/status/phase", "Failed", line);
            to.set("/status/reason", status, line);
        }
        None if status == "Terminating" => to.set("/metadata/casefileTerminating", true, line),
        None if status == "NotReady" => to.set("/status/phase", "Running", line),
        // `NodeLost` is the pod's reason while its phase stays what it was.
        None if !status.is_empty() => to.set("/status/reason", status, line),
        None => {}
    }
}

/// `Init:1/3`, `Init:CrashLoopBackOff`, `Init:ExitCode:1`.
fn init_containers(status: &str, restarts: Restarts<'_>, line: usize, to: &mut ObjectBuilder<'_, '_>) {
    to.set("/status/phase", "Pending", line);
    if let Some((done, all)) = ratio(status).filter(|&(done, all)| (0..=all).contains(&done) && all <= MOST_CONTAINERS)
    {
        for index in 0..all {
            let item = to.push(
                "/status/initContainerStatuses",
                json!({"name": "", "ready": index < done}),
                line,
            );
            if index < done {
                to.set(&format!("{item}/state"), terminated("Completed"), line);
            } else if index == done {
                restarts.put(&item, line, to);
            }
        }
        return;
    }
    let item = to.push(
        "/status/initContainerStatuses",
        json!({"name": "", "ready": false}),
        line,
    );
    restarts.put(&item, line, to);
    let state = match word(status) {
        Some(Word::Terminated) => terminated(status),
        _ => json!({"waiting": {"reason": status}}),
    };
    to.set(&format!("{item}/state"), state, line);
}

/// `Error`, `ExitCode:137`, `Signal:9`.
fn terminated(status: &str) -> serde_json::Value {
    match status.split_once(':').map(|(what, number)| (what, integer(number))) {
        Some(("ExitCode", Some(code))) => json!({"terminated": {"exitCode": code}}),
        Some(("Signal", Some(signal))) => json!({"terminated": {"signal": signal}}),
        _ if status == "Completed" => json!({"terminated": {"reason": status, "exitCode": 0}}),
        _ => json!({"terminated": {"reason": status}}),
    }
}

/// True for what may stand in the column STATUS.
pub(super) fn is_status(text: &str) -> bool {
    let bare = text.strip_prefix("Init:").unwrap_or(text);
    bare.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b":/".contains(&byte))
        && (bare.len() < text.len()
            || word(text).is_some()
            || matches!(text, "Terminating" | "SchedulingGated" | "NotReady"))
}

fn word(status: &str) -> Option<Word> {
    Some(match status {
        "Running" => Word::Phase("Running"),
        "Pending" => Word::Phase("Pending"),
        "Succeeded" => Word::Phase("Succeeded"),
        "Failed" => Word::Phase("Failed"),
        "Unknown" => Word::Phase("Unknown"),
        "ContainerCreating" | "PodInitializing" => Word::Waiting("Pending"),
        "CrashLoopBackOff" => Word::Waiting("Running"),
        "Completed" | "Error" | "OOMKilled" | "ContainerCannotRun" | "StartError" | "ContainerStatusUnknown" => {
            Word::Terminated
        }
        "Evicted"
        | "DeadlineExceeded"
        | "Shutdown"
        | "NodeShutdown"
        | "UnexpectedAdmissionError"
        | "NodeAffinity"
        | "Preempting"
        | "HostPortConflict" => Word::Failed,
        _ if status.starts_with("ExitCode:") || status.starts_with("Signal:") => Word::Terminated,
        _ if status.starts_with("OutOf") => Word::Failed,
        // The kubelet's waiting reasons: `ErrImagePull`, `InvalidImageName`, `CreateContainerConfigError`, `RunContainerError`…
        _ if status.contains("Image")
            || status.ends_with("Error")
            || status.ends_with("BackOff")
            || status.ends_with("Unavailable") =>
        {
            Word::Waiting("")
        }
        _ => return None,
    })
}

/// The RESTARTS cell: a count, and how long ago the last one was.
#[derive(Clone, Copy)]
struct Restarts<'t> {
    count: Option<i64>,
    last: Option<&'t str>,
}

fn restarts(cell: &str) -> Restarts<'_> {
    let (count, rest) = cell.split_once(' ').unwrap_or((cell, ""));
    let last = rest
        .trim()
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(" ago)"));
    Restarts {
        count: integer(count),
        last,
    }
}

impl Restarts<'_> {
    fn put(self, item: &str, line: usize, to: &mut ObjectBuilder<'_, '_>) {
        to.set_some(&format!("{item}/restartCount"), self.count, line);
        to.set_some(&format!("{item}/lastState/terminated/casefileAge"), self.last, line);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;
    use crate::bundle::decode::ObjectFact;

    fn pod(row: &str) -> ObjectFact {
        let source = text(&format!(
            "NAME    READY   STATUS                  RESTARTS      AGE\nweb-0   {row}\n"
        ));
        let section = source.decode(decode);
        find(&section, "Pod", "web-0").clone()
    }

    #[test]
    fn a_crash_loop_is_a_waiting_container_with_restarts() {
        let pod = pod("1/2     CrashLoopBackOff        5 (2m ago)    11m");
        assert_eq!(at(&pod, "/status/phase"), "Running");
        assert_eq!(at(&pod, "/status/containerStatuses/0/ready"), &Value::Bool(true));
        assert_eq!(
            at(&pod, "/status/containerStatuses/1/state/waiting/reason"),
            "CrashLoopBackOff"
        );
        assert_eq!(at(&pod, "/status/containerStatuses/1/restartCount"), 5);
        assert_eq!(
            at(&pod, "/status/containerStatuses/1/lastState/terminated/casefileAge"),
            "2m"
        );
        assert_eq!(at(&pod, "/metadata/casefileAge"), "11m");
    }

    #[test]
    fn what_the_phase_is_follows_from_the_word() {
        for (row, phase) in [
            (
                "1/1     Running                 0             5d",
                Value::from("Running"),
            ),
            ("0/1     ContainerCreating       0             5s", "Pending".into()),
            ("0/1     ImagePullBackOff        0             5m", "Pending".into()),
            ("0/1     Completed               0             5m", "Succeeded".into()),
            ("0/1     Completed               3 (20s ago)   5m", Value::Null),
            ("0/1     Evicted                 0             5m", "Failed".into()),
            ("0/1     Init:0/2                0             5m", "Pending".into()),
            ("1/1     Terminating             0             5m", Value::Null),
        ] {
            assert_eq!(at(&pod(row), "/status/phase"), &phase, "{row}");
        }
    }

    #[test]
    fn init_containers_that_are_done_are_counted() {
        let pod = pod("0/1     Init:1/2                0             5m");
        assert_eq!(
            at(&pod, "/status/initContainerStatuses/0/state/terminated/reason"),
            "Completed"
        );
        assert_eq!(at(&pod, "/status/initContainerStatuses/1/ready"), &Value::Bool(false));
    }

    #[test]
    fn an_init_container_may_crash() {
        let pod = pod("0/1     Init:CrashLoopBackOff   4 (10s ago)   5m");
        assert_eq!(
            at(&pod, "/status/initContainerStatuses/0/state/waiting/reason"),
            "CrashLoopBackOff"
        );
        assert_eq!(at(&pod, "/status/initContainerStatuses/0/restartCount"), 4);
        assert_eq!(at(&pod, "/status/containerStatuses"), &Value::Null);
    }

    #[test]
    fn an_exit_code_may_stand_in_the_status() {
        let pod = pod("0/1     ExitCode:137            1             5m");
        assert_eq!(at(&pod, "/status/containerStatuses/0/state/terminated/exitCode"), 137);
    }

    #[test]
    fn a_pod_that_is_being_deleted_says_so() {
        assert_eq!(
            at(
                &pod("1/1     Terminating             0             5m"),
                "/metadata/casefileTerminating"
            ),
            &Value::Bool(true)
        );
    }
}
