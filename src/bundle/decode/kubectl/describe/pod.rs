//! Descriptions of pods.
//!
//! Source: `describePod` of `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::values::{integer, present, timestamp};
use super::outline::{Item, Outline};
use super::{containers, volumes};

/// Sets what a description tells of a pod.
pub(crate) fn fill(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            // `node-1/192.0.2.2`, or only a name.
            "Node" => {
                if let Some(node) = present(item.value) {
                    let (name, address) = node.split_once('/').unwrap_or((node, ""));
                    to.set("/spec/nodeName", name, line);
                    to.set_some("/status/hostIP", present(address), line);
                }
            }
            "Priority" => to.set_some("/spec/priority", integer(item.value), line),
            "Start Time" => to.set_some("/status/startTime", present(item.value).map(timestamp), line),
            "Status" => status(item, to),
            "Reason" => to.set_some("/status/reason", present(item.value), line),
            "Message" => to.set("/status/message", outline.whole(item), line),
            "IP" => to.set_some("/status/podIP", present(item.value), line),
            "IPs" => {
                for address in outline.children(item).filter(|address| address.key == "IP") {
                    to.push("/status/podIPs", json!({"ip": address.value}), address.line);
                }
            }
            "NominatedNodeName" => to.set_some("/status/nominatedNodeName", present(item.value), line),
            "QoS Class" => to.set_some("/status/qosClass", present(item.value), line),
            "Containers" => containers::read(outline, item, "/spec/containers", Some("/status/containerStatuses"), to),
            "Init Containers" => containers::read(outline, item, "/spec/initContainers", Some("/status/initContainerStatuses"), to),
            "Ephemeral Containers" => {
                containers::read(outline, item, "/spec/ephemeralContainers", Some("/status/ephemeralContainerStatuses"), to);
            }
            "Conditions" => conditions(outline, item, to),
            _ => volumes::pod_field(outline, item, "/spec", to),
        }
    }
}

/// The phase, or `Terminating (lasts 5m)`, with the grace period on a line of its own.
fn status(item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    match item.value.strip_prefix("Terminating") {
        Some(rest) => {
            to.set("/metadata/casefileTerminating", true, item.line);
            let lasts = rest.trim().strip_prefix("(lasts ").and_then(|rest| rest.strip_suffix(')'));
            to.set_some("/metadata/casefileTerminatingAge", lasts, item.line);
        }
        None => to.set_some("/status/phase", present(item.value), item.line),
    }
}

/// Type and status; pods have no more in a description.
fn conditions(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for condition in outline.below(item) {
        if let [kind, status @ ("True" | "False" | "Unknown")] = condition.text.split_whitespace().collect::<Vec<_>>().as_slice() {
            to.push("/status/conditions", json!({"type": kind, "status": status}), condition.line);
        }
    }
}
