//! The node plugin of a CSI driver is not registered with the kubelet.

use std::collections::BTreeMap;

use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::text_rule::judge_text;
use crate::rules::toolbox::states::joined;
use crate::rules::toolbox::{nodes::touch_failing_pods, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: csi-driver-not-registered
role: cause
level: critical
needs: [events|kubelet-log]
text:
  - id: driver
    pattern: "driver name (?P<driver>[A-Za-z0-9.-]+) not found in the list of registered CSI drivers"
  - id: csinode
    pattern: "CSINode (?P<node>[a-z0-9.-]+) does not contain driver (?P<driver>[A-Za-z0-9.-]+)"
finds:
  subject: node
  confidence: confirmed
  only_while_failing: true
check:
  zh: "节点上的 CSI 驱动是否已注册"
  en: "whether CSI drivers are registered on their nodes"
title:
  zh: "节点 {{ subject.name }} 没有注册 CSI 驱动 {{ driver }}，其上的 Pod 无法挂载卷"
  en: "Node {{ subject.name }}: CSI driver {{ driver }} is not registered there, so volumes cannot be mounted"
cause:
  zh: "kubelet 的已注册驱动中没有 {{ driver }}：该节点上的 CSI 节点插件没有运行，或使用了不同的 kubelet 目录。"
  en: "{{ driver }} is not among the drivers that the kubelet knows: the driver's node plugin does not run there, or uses another kubelet directory."
causes:
  - rule: failedmount-timeout
    ground: pod
    mechanism: {zh: "卷无法附加，挂载一直等待", en: "the volume cannot be attached, so the mount waits"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有卷的 Pod 不会就绪", en: "a pod without its volume never gets ready"}
benign:
  - {zh: "节点启动后的最初几分钟内出现是正常的", en: "in the first minutes after a node's start this is normal"}
remedy:
  - purpose: {zh: "查看节点的驱动与插件的 Pod", en: "look at the node's drivers and the plugin's pods"}
    place: cluster
    risk: read-only
    command: |
      kubectl get csinodes -o custom-columns=NODE:.metadata.name,DRIVERS:.spec.drivers[*].name
      kubectl get pods -A -o wide
    expect: {zh: "该节点缺少 {{ driver }}", en: "{{ driver }} is missing for the node"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重建该节点上的插件 Pod", en: "re-create the plugin's pod on the node"}
    place: cluster
    risk: change
    command: "kubectl -n <PLUGIN_NAMESPACE> delete pod <PLUGIN_POD>"
    expect: {zh: "pod \"<PLUGIN_POD>\" deleted", en: "pod \"<PLUGIN_POD>\" deleted"}
    verify: {zh: "csinode 中出现 {{ driver }}", en: "{{ driver }} appears in the csinode"}
    rollback: {zh: "DaemonSet 会自动重建，无需回滚", en: "the DaemonSet re-creates it; nothing to undo"}
prevention:
  - kind: detect
    text: {zh: "对持续 5 分钟以上的 FailedMount 与 FailedAttachVolume 事件告警", en: "alert on FailedMount and FailedAttachVolume events that go on for 5 minutes"}
    acceptance: {zh: "测试 Pod 挂载不存在的 NFS 时触发告警", en: "a test pod that mounts an absent NFS export raises the alert"}
  - kind: prevent
    immediate: true
    text: {zh: "CSI 插件的 DaemonSet 容忍所有污点并设高优先级", en: "let the plugin's DaemonSet tolerate all taints, with a high priority"}
    acceptance: {zh: "每个节点上都有插件 Pod", en: "every node has the plugin's pod"}
sources: ["kubernetes pkg/volume/csi/csi_client.go: `driver name %s not found in the list of registered CSI drivers`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedmount-web-0","namespace":"shop"},"type":"Warning","reason":"FailedMount","message":"MountVolume.MountDevice failed for volume \"pvc-1\" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ebs.csi.aws.com not found in the list of registered CSI drivers","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Node, name: n1, node: n1}]
  - name: "the CSINode lacks it, and no event is left"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1","volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"data"}}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}},{"metadata":{"name":"web-1","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n2","volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"data"}}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      claims.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"volumeName":"pv-1"},"status":{"phase":"Bound"}}]}'
      volumes.json: '{"kind":"PersistentVolumeList","apiVersion":"v1","items":[{"metadata":{"name":"pv-1"},"spec":{"csi":{"driver":"ebs.csi.aws.com","volumeHandle":"v"}},"status":{"phase":"Bound"}}]}'
      csinodes.json: '{"kind":"CSINodeList","apiVersion":"storage.k8s.io/v1","items":[{"metadata":{"name":"n1"},"spec":{"drivers":[]}},{"metadata":{"name":"n2"},"spec":{"drivers":[{"name":"ebs.csi.aws.com","nodeID":"i-2"}]}}]}'
    fires: [{kind: Node, name: n1, node: n1}]
  - name: "mounted since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedmount-web-0","namespace":"shop"},"type":"Warning","reason":"FailedMount","message":"driver name ebs.csi.aws.com not found in the list of registered CSI drivers","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let told = rule
        .finds
        .as_ref()
        .map_or_else(Vec::new, |finds| judge_text(input, rule, finds));
    joined(told, not_listed(input.snapshot, rule))
}

/// Pods that wait for a volume on a node of which the CSINode does not have the volume's driver (kubernetes
/// pkg/volume/csi/nodeinfomanager: the kubelet writes there what is registered).
fn not_listed(snapshot: &Snapshot, rule: &RuleHeader) -> Vec<Finding> {
    let mut found: BTreeMap<(&str, &str), Finding> = BTreeMap::new();
    for pod in snapshot
        .pods()
        .filter(|pod| pod.phase() == "Pending" && !pod.node().is_empty())
    {
        let Some(node) = snapshot.object("CSINode", "", pod.node()) else {
            continue;
        };
        for volume in volumes(snapshot, &pod) {
            let driver = volume.text("/spec/csi/driver");
            let is_listed =
                |known: &serde_json::Value| known.get("name").and_then(|name| name.as_str()) == Some(driver);
            if driver.is_empty() || node.list("/spec/drivers").iter().any(is_listed) {
                continue;
            }
            let finding = found.entry((pod.node(), driver)).or_insert_with(|| {
                let mut finding = Finding::new(rule, Subject::node(pod.node()), Confidence::Probable)
                    .cite(node.cite_at("/spec/drivers"))
                    .cite(volume.cite_at("/spec/csi/driver"))
                    .fact("node", pod.node())
                    .fact("driver", driver);
                touch_failing_pods(snapshot, pod.node(), &mut finding);
                finding
            });
            let subject = pod.object.subject();
            finding.touches.extend(workload_touches(snapshot, &subject));
            finding.add_affected(subject);
        }
    }
    found.into_values().collect()
}

/// The volumes of a pod's claims.
fn volumes<'s>(snapshot: &'s Snapshot, pod: &PodView<'s>) -> Vec<&'s Object> {
    let claims = pod.object.list("/spec/volumes").iter();
    claims
        .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str())
        .filter_map(|claim| snapshot.object("PersistentVolumeClaim", pod.namespace(), claim))
        .filter_map(|claim| snapshot.object("PersistentVolume", "", claim.text("/spec/volumeName")))
        .collect()
}
