//! Descriptions of nodes.
//!
//! Source: `describeNode` of `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::table::Header;
use super::super::values::{present, timestamp};
use super::outline::{Item, Outline};

/// Names in `System Info` and the API's.
const SYSTEM_INFO: &[(&str, &str)] = &[
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
    ("Kube-Proxy Version", "kubeProxyVersion"),
];

/// Sets what a description tells of a node. When its lease was renewed stands in `casefileLease`, its pods in `casefilePods`, the sums of
/// their requests and limits in `casefileAllocated` as written (`1500m (75%)`).
pub(crate) fn fill(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "Taints" => {
                for (text, line) in outline
                    .entries(item)
                    .into_iter()
                    .filter(|(text, _)| present(text).is_some())
                {
                    taint(text, line, to);
                }
            }
            "Unschedulable" => to.set("/spec/unschedulable", item.value == "true", line),
            "PodCIDR" => to.set_some("/spec/podCIDR", present(item.value), line),
            "ProviderID" => to.set_some("/spec/providerID", present(item.value), line),
            "Conditions" => conditions(outline, item, "/status/conditions", to),
            "Lease" => {
                for field in outline.children(item).filter(|field| field.key == "RenewTime") {
                    let when = present(field.value).map(timestamp);
                    to.set_some("/casefileLease/renewTime", when, field.line);
                }
            }
            "Addresses" => {
                for address in outline.children(item).filter(|address| !address.key.is_empty()) {
                    to.push(
                        "/status/addresses",
                        json!({"type": address.key, "address": address.value}),
                        address.line,
                    );
                }
            }
            "Capacity" | "Allocatable" => {
                let pointer = format!("/status/{}", item.key.to_ascii_lowercase());
                for amount in outline.children(item).filter(|amount| !amount.key.is_empty()) {
                    to.entry(&pointer, amount.key, amount.value, amount.line);
                }
            }
            "System Info" => {
                for fact in outline.children(item) {
                    if let Some((_, field)) = SYSTEM_INFO.iter().find(|(key, _)| *key == fact.key) {
                        to.set_some(&format!("/status/nodeInfo/{field}"), present(fact.value), fact.line);
                    }
                }
            }
            "Non-terminated Pods" => pods(outline, item, to),
            "Allocated resources" => allocated(outline, item, to),
            _ => {}
        }
    }
}

/// `key=value:NoSchedule`, `key:NoExecute`.
fn taint(text: &str, line: usize, to: &mut ObjectBuilder<'_, '_>) {
    let Some((key, effect)) = text.rsplit_once(':') else {
        return;
    };
    let (key, value) = key
        .split_once('=')
        .map_or((key, None), |(key, value)| (key, Some(value)));
    let at = to.push("/spec/taints", json!({"key": key, "effect": effect}), line);
    to.set_some(&format!("{at}/value"), value, line);
}

/// A table of conditions. Nodes have Type, Status, LastHeartbeatTime, LastTransitionTime, Reason, Message; deployments Type, Status, Reason.
pub(crate) fn conditions(outline: &Outline<'_>, item: &Item<'_>, pointer: &str, to: &mut ObjectBuilder<'_, '_>) {
    let mut lines = outline.below(item).iter();
    let Some(header) = lines.next().and_then(|first| Header::inner(first.raw)) else {
        return;
    };
    for (item, row) in lines
        .filter(|item| !item.text.starts_with("---"))
        .filter_map(|item| Some((item, header.row(item.raw, item.line)?)))
    {
        let at = to.push(
            pointer,
            json!({"type": row.raw("Type"), "status": row.raw("Status")}),
            item.line,
        );
        for (field, column) in [("reason", "Reason"), ("message", "Message")] {
            to.set_some(&format!("{at}/{field}"), row.get(column), item.line);
        }
        for (field, column) in [
            ("lastHeartbeatTime", "LastHeartbeatTime"),
            ("lastTransitionTime", "LastTransitionTime"),
        ] {
            to.set_some(&format!("{at}/{field}"), row.get(column).map(timestamp), item.line);
        }
    }
}

fn pods(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for pod in outline
        .below(item)
        .iter()
        .skip(1)
        .filter(|pod| !pod.text.starts_with("---"))
    {
        let mut words = pod.text.split_whitespace();
        if let (Some(namespace), Some(name)) = (words.next(), words.next()) {
            to.push("/casefilePods", json!({"namespace": namespace, "name": name}), pod.line);
        }
    }
}

/// Since 1.11 one resource a line; before, one line for all, which is left out.
fn allocated(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    let mut lines = outline
        .below(item)
        .iter()
        .skip_while(|item| !item.text.starts_with("Resource "));
    let Some(header) = lines.next().and_then(|first| Header::inner(first.raw)) else {
        return;
    };
    for (item, row) in lines
        .filter(|item| !item.text.starts_with("---"))
        .filter_map(|item| Some((item, header.row(item.raw, item.line)?)))
    {
        let amounts = json!({"requests": row.raw("Requests"), "limits": row.raw("Limits")});
        to.entry("/casefileAllocated", row.raw("Resource"), amounts, item.line);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;

    #[test]
    fn conditions_taints_and_what_runs_there() {
        let source = text(
            "Name:               w1\nRoles:              <none>\nLabels:             kubernetes.io/hostname=w1\nTaints:             node.kubernetes.io/disk-pressure:NoSchedule\n\
             \x20                   dedicated=db:NoExecute\nUnschedulable:      true\nConditions:\n\
             \x20 Type             Status    LastHeartbeatTime                 LastTransitionTime                Reason                 Message\n\
             \x20 ----             ------    -----------------                 ------------------                ------                 -------\n\
             \x20 DiskPressure     True      Sat, 21 Nov 2026 10:27:32 +0000   Sat, 21 Nov 2026 10:18:20 +0000   KubeletHasDiskPressure kubelet has disk pressure\n\
             \x20 Ready            Unknown   Sat, 21 Nov 2026 10:27:32 +0000   Sat, 21 Nov 2026 10:18:20 +0000   NodeStatusUnknown      Kubelet stopped posting node status.\n\
             Addresses:\n  InternalIP:  10.0.0.2\nCapacity:\n  memory:  8Gi\nSystem Info:\n  Kubelet Version:  v1.28.4\n\
             Non-terminated Pods:          (1 in total)\n  Namespace  Name    CPU Requests\n  ---------  ----    ------------\n  shop       web-0   0 (0%)\n\
             Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n  Resource  Requests     Limits\n  --------  --------     ------\n  cpu       1500m (75%)  2 (100%)\n\
             Events:\n  Type     Reason        Age   From     Message\n  ----     ------        ----  ----     -------\n  Warning  EvictionThresholdMet  5m  kubelet  Attempting to reclaim ephemeral-storage\n",
        );
        let section = source.decode(decode);
        let node = find(&section, "Node", "w1");
        for (pointer, expected) in [
            (
                "/spec/taints/1",
                json!({"key": "dedicated", "effect": "NoExecute", "value": "db"}),
            ),
            ("/spec/unschedulable", json!(true)),
            ("/status/conditions/1/status", json!("Unknown")),
            (
                "/status/conditions/1/message",
                json!("Kubelet stopped posting node status."),
            ),
            ("/status/conditions/1/lastTransitionTime", json!("2026-11-21T10:18:20Z")),
            ("/status/addresses/0/address", json!("10.0.0.2")),
            ("/status/capacity/memory", json!("8Gi")),
            ("/status/nodeInfo/kubeletVersion", json!("v1.28.4")),
            ("/casefilePods/0/name", json!("web-0")),
            ("/casefileAllocated/cpu/requests", json!("1500m (75%)")),
        ] {
            assert_eq!(at(node, pointer), &expected, "{pointer}");
        }
        let event = section
            .facts
            .iter()
            .map(super::super::super::testing::object)
            .find(|fact| fact.value["kind"] == "Event")
            .unwrap();
        assert_eq!(at(event, "/reason"), "EvictionThresholdMet");
        assert_eq!(at(event, "/message"), "Attempting to reclaim ephemeral-storage");
    }
}
