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
            "Init Containers" => containers::read(
                outline,
                item,
                "/spec/initContainers",
                Some("/status/initContainerStatuses"),
                to,
            ),
            "Ephemeral Containers" => {
                containers::read(
                    outline,
                    item,
                    "/spec/ephemeralContainers",
                    Some("/status/ephemeralContainerStatuses"),
                    to,
                );
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
            let lasts = rest
                .trim()
                .strip_prefix("(lasts ")
                .and_then(|rest| rest.strip_suffix(')'));
            to.set_some("/metadata/casefileTerminatingAge", lasts, item.line);
        }
        None => to.set_some("/status/phase", present(item.value), item.line),
    }
}

/// Type and status; pods have no more in a description.
fn conditions(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for condition in outline.below(item) {
        if let [kind, status @ ("True" | "False" | "Unknown")] =
            condition.text.split_whitespace().collect::<Vec<_>>().as_slice()
        {
            to.push(
                "/status/conditions",
                json!({"type": kind, "status": status}),
                condition.line,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, cited_line, find, names, text};
    use super::super::decode;

    /// Release 1.28.
    const CRASHING: &str = "\
Name:             api-7c9d-x2x4z
Namespace:        shop
Priority:         0
Service Account:  api
Node:             w1/10.0.0.2
Start Time:       Sat, 21 Nov 2026 10:00:00 +0800
Labels:           app=api
                  pod-template-hash=7c9d
Annotations:      cni.projectcalico.org/podIP: 10.42.0.7/32
Status:           Running
IP:               10.42.0.7
IPs:
  IP:           10.42.0.7
Controlled By:  ReplicaSet/api-7c9d
Init Containers:
  migrate:
    Container ID:   containerd://aa
    Image:          shop/migrate:1.0
    State:          Terminated
      Reason:       Completed
      Exit Code:    0
    Ready:          True
    Restart Count:  0
Containers:
  api:
    Container ID:  containerd://bb
    Image:         shop/api:1.2
    Port:          8080/TCP
    Host Port:     0/TCP
    Command:
      /bin/api
      --port=8080
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
      Started:      Sat, 21 Nov 2026 10:05:00 +0800
      Finished:     Sat, 21 Nov 2026 10:05:30 +0800
    Ready:          False
    Restart Count:  7
    Limits:
      memory:  64Mi
    Requests:
      memory:   64Mi
    Liveness:   http-get http://:8080/healthz delay=3s timeout=1s period=10s #success=1 #failure=3
    Environment Variables from:
      api-env  ConfigMap  Optional: false
    Environment:
      DB_PASSWORD:  <set to the key 'password' in secret 'db'>  Optional: false
      GREETING:     你好: 世界
    Mounts:
      /etc/api from config (ro)
Conditions:
  Type              Status
  Initialized       True
  Ready             False
Volumes:
  config:
    Type:      ConfigMap (a volume populated by a ConfigMap)
    Name:      api-config
    Optional:  false
QoS Class:                   Burstable
Node-Selectors:              disk=ssd
Tolerations:                 node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
Events:
  Type     Reason     Age                   From     Message
  ----     ------     ----                  ----     -------
  Warning  Unhealthy  5m (x5 over 10m)      kubelet  Liveness probe failed: HTTP probe failed with
body: out of memory
  Warning  BackOff    2m29s (x26 over 9m)   kubelet  Back-off restarting failed container
";

    #[test]
    fn every_field_is_where_the_api_has_it() {
        let source = text(CRASHING);
        let section = source.decode(decode);
        let pod = find(&section, "Pod", "api-7c9d-x2x4z");
        for (pointer, expected) in [
            ("/metadata/namespace", json!("shop")),
            ("/metadata/labels/app", json!("api")),
            (
                "/metadata/annotations/cni.projectcalico.org~1podIP",
                json!("10.42.0.7/32"),
            ),
            ("/metadata/ownerReferences/0/name", json!("api-7c9d")),
            ("/spec/nodeName", json!("w1")),
            ("/status/hostIP", json!("10.0.0.2")),
            ("/spec/serviceAccountName", json!("api")),
            ("/status/startTime", json!("2026-11-21T02:00:00Z")),
            ("/status/initContainerStatuses/0/state/terminated/exitCode", json!(0)),
            (
                "/spec/containers/0/ports",
                json!([{"containerPort": 8080, "protocol": "TCP"}]),
            ),
            ("/spec/containers/0/command", json!(["/bin/api", "--port=8080"])),
            (
                "/status/containerStatuses/0/state/waiting/reason",
                json!("CrashLoopBackOff"),
            ),
            (
                "/status/containerStatuses/0/lastState/terminated/reason",
                json!("OOMKilled"),
            ),
            ("/status/containerStatuses/0/lastState/terminated/exitCode", json!(137)),
            (
                "/status/containerStatuses/0/lastState/terminated/finishedAt",
                json!("2026-11-21T02:05:30Z"),
            ),
            ("/status/containerStatuses/0/restartCount", json!(7)),
            ("/spec/containers/0/resources/limits/memory", json!("64Mi")),
            ("/spec/containers/0/livenessProbe/initialDelaySeconds", json!(3)),
            ("/spec/containers/0/envFrom/0/configMapRef/name", json!("api-env")),
            ("/spec/containers/0/env/0/valueFrom/secretKeyRef/name", json!("db")),
            ("/spec/containers/0/env/1/value", json!("你好: 世界")),
            ("/spec/containers/0/volumeMounts/0/readOnly", json!(true)),
            ("/status/conditions/1", json!({"type": "Ready", "status": "False"})),
            ("/spec/volumes/0/configMap/name", json!("api-config")),
            ("/status/qosClass", json!("Burstable")),
            ("/spec/nodeSelector/disk", json!("ssd")),
            ("/spec/tolerations/0/tolerationSeconds", json!(300)),
        ] {
            assert_eq!(at(pod, pointer), &expected, "{pointer}");
        }
    }

    #[test]
    fn each_field_cites_its_own_line() {
        let source = text(CRASHING);
        let section = source.decode(decode);
        let pod = find(&section, "Pod", "api-7c9d-x2x4z");
        let line = |needle: &str| CRASHING.lines().position(|line| line.contains(needle)).unwrap() as u64 + 1;
        for (pointer, needle) in [
            ("/status/containerStatuses/0/lastState/terminated/reason", "OOMKilled"),
            ("/spec/containers/0/resources/limits/memory", "memory:  64Mi"),
            ("/spec/nodeName", "w1/10.0.0.2"),
            ("/metadata/labels/pod-template-hash", "pod-template-hash=7c9d"),
        ] {
            assert_eq!(cited_line(pod, pointer), line(needle), "{pointer}");
        }
    }

    #[test]
    fn its_events_become_events() {
        let source = text(CRASHING);
        let section = source.decode(decode);
        let events: Vec<_> = super::super::super::testing::objects(&section)
            .filter(|fact| fact.value["kind"] == "Event")
            .collect();
        assert_eq!(events.len(), 2);
        assert_eq!(
            at(events[0], "/message"),
            "Liveness probe failed: HTTP probe failed with\nbody: out of memory"
        );
        assert_eq!(
            (at(events[1], "/count"), at(events[1], "/metadata/casefileAge")),
            (&json!(26), &json!("2m29s (x26 over 9m)"))
        );
        assert_eq!(
            at(events[1], "/involvedObject"),
            &json!({"kind": "Pod", "name": "api-7c9d-x2x4z", "namespace": "shop"})
        );
    }

    #[test]
    fn windows_line_ends_change_nothing() {
        let unix = text(CRASHING);
        let windows = text(&CRASHING.replace('\n', "\r\n"));
        let value = |source: &super::super::super::testing::Source| {
            find(&source.decode(decode), "Pod", "api-7c9d-x2x4z").value.clone()
        };
        assert_eq!(value(&unix), value(&windows));
    }

    #[test]
    fn old_descriptions_with_tabs_and_their_event_columns() {
        // Release 1.7: tabs between columns, labels and node in another order.
        let source = text(
            "Name:\t\tweb-0\nNamespace:\tshop\nNode:\t\tw1/10.0.0.2\nStart Time:\tSat, 21 Nov 2026 10:00:00 +0000\nLabels:\t\tapp=web\n\
             Status:\t\tPending\nIP:\t\t\nContainers:\n  web:\n    Container ID:\t\n    Image:\t\tweb:1\n    State:\t\tWaiting\n      Reason:\t\tErrImagePull\n    Ready:\t\tFalse\n\
             QoS Class:\tBestEffort\nEvents:\n\
             \x20 FirstSeen\tLastSeen\tCount\tFrom\t\t\tSubObjectPath\t\tType\t\tReason\t\tMessage\n\
             \x20 ---------\t--------\t-----\t----\t\t\t-------------\t\t--------\t------\t\t-------\n\
             \x20 5m\t\t1m\t\t4\tkubelet, w1\t\tspec.containers{web}\tWarning\t\tFailed\t\tFailed to pull image \"web:1\"\n",
        );
        let section = source.decode(decode);
        let pod = find(&section, "Pod", "web-0");
        assert_eq!(
            at(pod, "/status/containerStatuses/0/state/waiting/reason"),
            "ErrImagePull"
        );
        assert_eq!(at(pod, "/metadata/labels/app"), "web");
        let event = find(&section, "Event", "web-0.line19");
        assert_eq!(
            (at(event, "/reason"), at(event, "/count"), at(event, "/source/host")),
            (&json!("Failed"), &json!(4), &json!("w1"))
        );
        assert_eq!(at(event, "/involvedObject/fieldPath"), "spec.containers{web}");
    }

    #[test]
    fn several_pods_and_no_events() {
        let one = |name: &str| {
            format!(
                "Name:         {name}\nNamespace:    shop\nNode:         w1/10.0.0.2\nStatus:       Running\nContainers:\n  c:\n    Image:  a\nEvents:  <none>\n"
            )
        };
        let source = text(&format!(
            "$ kubectl describe pods -n shop\n{}\n\n{}",
            one("a"),
            one("b")
        ));
        assert_eq!(names(&source.decode(decode)), ["Pod shop/a", "Pod shop/b"]);
    }

    #[test]
    fn a_description_cut_anywhere_keeps_what_it_has() {
        for end in (0..CRASHING.len()).filter(|&end| CRASHING.is_char_boundary(end)) {
            let source = text(&CRASHING[..end]);
            let section = source.decode(decode);
            // From the line of the node on, it is certainly a pod.
            if end > CRASHING.find("Start Time").unwrap() {
                assert_eq!(
                    names(&section).first().map(String::as_str),
                    Some("Pod shop/api-7c9d-x2x4z"),
                    "cut at {end}"
                );
            }
        }
    }
}
