//! The cloud or a limit of the node group gives no more machines, while pods wait for one.

use crate::cluster::{Hit, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::pod_is_failing;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-supply-exhausted
role: cause
level: critical
needs: [container-logs|events]
text:
  - id: capacity
    in: [container-log]
    pattern: '(?P<problem>InsufficientInstanceCapacity|UnfulfillableCapacity|VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|ZONE_RESOURCE_POOL_EXHAUSTED|SkuNotAvailable|OverconstrainedAllocationRequest|ZonalAllocationFailed|(?:[Ii]nstance|[Nn]ode ?[Gg]roup|\bMIG\b|\bmig\b)[ -~]{0,200}\bQUOTA_EXCEEDED\b)'
  - id: azure
    in: [container-log]
    pattern: '(?P<problem>exceeding approved (?P<what>[A-Za-z0-9 ]{3,60}) quota)'
  - id: maximum
    in: [event]
    pattern: 'didn''t trigger scale-up[ -~]{0,120}(?P<problem>(?:\d{1,3} )?max node group size reached)'
check: {zh: "能否得到新的节点", en: "whether new nodes are to be had"}
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：得不到新的节点（{{ problem }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: no new node is to be had ({{ problem }})"
cause:
  zh: "{{ problem }}：节点组已达上限，或云平台在该可用区没有这种规格，或账户的配额用尽；等待的 Pod 因此一直没有位置。"
  en: "{{ problem }}: the node group is at its maximum, or the cloud has no such machines in that zone, or the quota of the account is used up; pods that wait find no place."
causes:
  - {rule: failedscheduling-affinity, ground: cluster, mechanism: {zh: "没有新的节点", en: "no node is added"}}
  - {rule: pod-pending, ground: cluster, mechanism: {zh: "没有新的节点", en: "no node is added"}}
  - {rule: workload-unavailable, ground: workload, mechanism: {zh: "Pod 因此不能就绪", en: "its pods do not get ready over it"}}
  - {rule: app-bug, ground: workload, mechanism: {zh: "日志中的错误都来自它", en: "the errors of its log come from it"}}
benign:
  - {zh: "换一个可用区或规格后很快得到节点", en: "a node of another zone or size comes soon"}
remedy:
  - purpose: {zh: "查看等待的 Pod 与自动扩缩的状态", en: "see which pods wait and the status of the autoscaler"}
    place: cluster
    risk: read-only
    command: |
      kubectl get pods -A --field-selector=status.phase=Pending
      kubectl -n kube-system get configmap cluster-autoscaler-status -o yaml
    expect: {zh: "节点组已达上限，或扩容失败", en: "the group is at its maximum, or the scale-up failed"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高节点组上限或配额，或加入其他可用区与规格", en: "raise the maximum of the group or the quota, or add zones and sizes"}
    place: cluster
    risk: change
    precheck: {zh: "费用已获同意", en: "the costs are agreed"}
    command: |
      kubectl get nodes -L node.kubernetes.io/instance-type,topology.kubernetes.io/zone
    expect: {zh: "列出节点的规格与可用区", en: "it lists sizes and zones of the nodes"}
    verify: {zh: "新节点 Ready，Pod 被调度", en: "a new node is Ready, and the pods are scheduled"}
    rollback: {zh: "恢复原来的上限", en: "set the former maximum again"}
prevention:
  - kind: prevent
    text: {zh: "为节点组配置多个规格与可用区，并对配额告警", en: "give node groups several sizes and zones, and alert on the quota"}
    acceptance: {zh: "关闭一个可用区的演练中仍得到节点", en: "nodes are still to be had while one zone is shut off in a test"}
sources:
  - "kubernetes/autoscaler cluster-autoscaler processors/status/eventing_scale_up_processor.go: `pod didn't trigger scale-up: %s`; core/scaleup/orchestrator: `max node group size reached`"
  - "kubernetes/autoscaler cluster-autoscaler/cloudprovider/gce: ZONE_RESOURCE_POOL_EXHAUSTED, QUOTA_EXCEEDED"
  - "aws/karpenter-provider-aws pkg/providers/instance: `with fleet error(s)`; EC2 error codes"
  - "Azure Compute error codes; Google Compute operation errors"
versions: "any"
examples:
  - name: "no capacity in the zone"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE   IP   NODE
        karpenter   karpenter-7c9d5f6b84-x4kqp   1/1   Running   9   41m   10.42.1.9   w1
        shop   render-0   0/1   Pending   0   41m   <none>   <none>
      "karpenter-7c9d5f6b84-x4kqp.log": |
        {"level":"ERROR","time":"2025-03-29T04:01:10.000Z","logger":"controller","message":"failed launching nodeclaim","error":"insufficient capacity, creating instance, with fleet error(s), InsufficientInstanceCapacity: We currently do not have sufficient m5.large capacity in the Availability Zone you requested (eu-west-1a)."}
    fires:
      - {kind: Deployment, namespace: "karpenter", name: karpenter}
  - name: "the group is at its maximum"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE   IP   NODE
        shop   render-0   0/1   Pending   9   41m   10.42.1.9   <none>
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE
        shop   5m   Warning   NotTriggerScaleUp   pod/render-0   pod didn't trigger scale-up: 1 max node group size reached
    fires:
      - {kind: StatefulSet, namespace: shop, name: render}
  - name: "no pod waits any more"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE   IP   NODE
        karpenter   karpenter-7c9d5f6b84-x4kqp   1/1   Running   9   41m   10.42.1.9   w1
        shop   render-0   1/1   Running   0   41m   10.42.1.12   w1
      "karpenter-7c9d5f6b84-x4kqp.log": |
        {"level":"ERROR","time":"2025-03-29T04:01:10.000Z","logger":"controller","message":"failed launching nodeclaim","error":"insufficient capacity, creating instance, with fleet error(s), InsufficientInstanceCapacity: We currently do not have sufficient m5.large capacity in the Availability Zone you requested (eu-west-1a)."}
  - name: "a node was launched"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE   IP   NODE
        karpenter   karpenter-7c9d5f6b84-x4kqp   1/1   Running   9   41m   10.42.1.9   w1
      "karpenter-7c9d5f6b84-x4kqp.log": |
        {"level":"INFO","time":"2025-03-29T04:01:10.000Z","logger":"controller","message":"launched nodeclaim"}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let somebody_waits = input.snapshot.pods().any(|pod| waits(&pod));
    by_subject(input, rule, Confidence::Probable, |hit| {
        about(input.snapshot, hit, somebody_waits)
    })
}

/// An autoscaler goes through many refusals and gets its nodes elsewhere: they matter while a pod has no place.
fn about(snapshot: &Snapshot, hit: &Hit, somebody_waits: bool) -> Option<Subject> {
    let object = &hit.about.object;
    let is_of_pod = hit.signature.ends_with("/maximum");
    let counts = if is_of_pod {
        pod_is_failing(snapshot, object)
    } else {
        somebody_waits
    };
    (counts && !object.name.is_empty()).then(|| snapshot.top_owner_of(object))
}

/// True for a pod that no node has taken.
fn waits(pod: &PodView<'_>) -> bool {
    pod.phase() == "Pending" && pod.node().is_empty() && !pod.is_terminating()
}
