//! A pod does not start: what people see, never why.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use crate::cluster::{ContainerInstance, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-pending
role: symptom
level: critical
needs: [pods]
listing: true
check:
  zh: 是否有 Pod 长时间停在 Pending
  en: whether a pod stays pending
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：{{ count }} 个 Pod 停在 Pending（{% if stage == 'unseen' %}调度器没有处理过{% elif stage == 'unscheduled' %}没有节点可以调度{% else %}已绑定到节点，容器没有启动{% if reason %}：{{ reason }}{% endif %}{% endif %}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: {{ count }} {% if count == 1 %}pod is{% else %}pods are{% endif %} pending ({% if stage == 'unseen' %}no scheduler has looked at them{% elif stage == 'unscheduled' %}no node takes them{% else %}bound to a node, and their containers do not start{% if reason %}: {{ reason }}{% endif %}{% endif %})"
cause:
  zh: "{% if stage == 'unseen' %}Pod 没有 PodScheduled 条件：没有调度器处理过它。{% elif stage == 'unscheduled' %}调度器没有找到可用的节点。{% else %}Pod 已绑定到节点，但容器没有启动{% if reason %}（{{ reason }}）{% endif %}：看镜像、沙箱网络与卷挂载。{% endif %}正常启动依次出现 Scheduled、Pulling、Pulled、Created、Started；第一个缺失的环节就是故障所在。采集到的数据没有说明原因。"
  en: "{% if stage == 'unseen' %}the pod has no condition PodScheduled: no scheduler has looked at it.{% elif stage == 'unscheduled' %}the scheduler found no node for it.{% else %}the pod is bound to a node and its containers do not start{% if reason %} ({{ reason }}){% endif %}: look at the image, the sandbox's network and the volumes.{% endif %} A start that goes well shows Scheduled, Pulling, Pulled, Created, Started; the first that is missing is where it fails. The collected data does not say why."
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有启动的 Pod 不会就绪", en: "a pod that has not started is never ready"}
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "新版本的 Pod 没有启动", en: "pods of the new revision do not start"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 没有就绪的 Pod", en: "the webhook has no ready pod"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "新版本的 Pod 没有启动", en: "pods of the new revision do not start"}
benign:
  - {zh: "等待原因已经说明问题的 Pod（ErrImagePull、CreateContainerConfigError 等）由相应的规则报告", en: "pods that wait for a reason of their own (ErrImagePull, CreateContainerConfigError and the like) are left to the rules about it"}
  - {zh: "刚创建不到两分钟，或仍在拉取大镜像", en: "made less than two minutes ago, or still pulling a large image"}
  - {zh: "有 schedulingGates 的 Pod 按设计等待", en: "a pod with schedulingGates waits by design"}
  - {zh: "STATUS 列的 ContainerCreating、Init:0/1 不是 phase", en: "ContainerCreating and Init:0/1 in the column STATUS are no phase"}
remedy:
  - purpose: {zh: "查看事件", en: "see the events"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} describe pod {{ pod }}
      kubectl -n {{ namespace }} get events --sort-by=.lastTimestamp
    expect: {zh: "最后一个正常事件之后的警告", en: "the warning after the last event that is normal"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are pending for more than 10 minutes"}
    acceptance: {zh: "一个请求过大的测试 Pod 触发告警", en: "a test pod that asks for too much raises the alert"}
sources:
  - "kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle: pod phase"
  - "kubernetes pkg/scheduler/schedule_one.go: condition PodScheduled, reason Unschedulable"
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "a table"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     Pending   0          41m
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT                         MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-57b96b46b7-zv4q2       0/3 nodes are available: 3 Insufficient memory.
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "bound, and nothing starts"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop","creationTimestamp":"2026-02-24T14:00:00Z"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"a"}]},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
    fires: [{kind: "Pod", namespace: "shop", name: "web-0"}]
  - name: "made a minute ago"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop","creationTimestamp":"2026-02-24T14:29:00Z"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"a"}]},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
  - name: "the image is what it waits for"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     ImagePullBackOff   0          41m
  - name: "still pulling"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop","creationTimestamp":"2026-02-24T14:20:00Z"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"a"}]},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"True"}],"containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      "events.json": '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Normal","reason":"Pulling","message":"Pulling image \"a\"","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"},"lastTimestamp":"2026-02-24T14:20:05Z"}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
"##;

/// A start that goes well takes less, unless the image is large.
const LONG: SignedDuration = SignedDuration::from_mins(2);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: BTreeMap<Subject, Finding> = BTreeMap::new();
    for pod in snapshot.pods().filter(|pod| waits(snapshot, pod)) {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let owner = snapshot.top_owner(pod.object);
        let finding = findings.entry(owner.clone()).or_insert_with(|| {
            let (stage, reason) = stage(&pod);
            let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                .fact("namespace", pod.namespace())
                .fact("pod", pod.name())
                .fact("stage", stage)
                .fact("reason", reason);
            finding.count = 0;
            finding
        });
        finding.count += 1;
        let since = pod.object.time("/metadata/creationTimestamp");
        finding.add_cite(pod.object.cite_at("/status/phase").at(since));
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
    }
    findings
        .into_values()
        .map(|finding| {
            let count = finding.count;
            finding.fact("count", count)
        })
        .collect()
}

fn waits(snapshot: &Snapshot, pod: &PodView<'_>) -> bool {
    let object = pod.object;
    if pod.phase() != "Pending" || pod.is_terminating() || !object.list("/spec/schedulingGates").is_empty() {
        return false;
    }
    let mut events = snapshot.events_on("Pod", pod.namespace(), pod.name()).peekable();
    let is_warned = snapshot
        .events_on("Pod", pod.namespace(), pod.name())
        .any(|event| event.warning);
    // What has a reason of its own, such as an image or a configuration, has a rule of its own.
    let has_reason = pod.containers().iter().any(|container| {
        container
            .waiting()
            .is_some_and(|waiting| !matches!(waiting.reason, "ContainerCreating" | "PodInitializing" | "Pending" | ""))
    });
    if has_reason {
        return false;
    }
    let is_refused = scheduled(pod) == Some(false);
    if is_warned || is_refused {
        return true;
    }
    let is_pulling = events.peek().is_some() && events.last().is_some_and(|event| event.reason == "Pulling");
    let made = object.time("/metadata/creationTimestamp");
    let now = &snapshot.bundle.collected_at;
    let is_old = matches!((made, now), (Some(made), Some(now)) if made.gap_to(now) >= LONG);
    is_old && !is_pulling
}

/// What the scheduler says, if it has said anything.
fn scheduled(pod: &PodView<'_>) -> Option<bool> {
    let conditions = pod.object.list("/status/conditions").iter();
    let text = |condition: &Value, key: &str| condition.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    conditions
        .filter(|condition| text(condition, "type") == "PodScheduled")
        .map(|condition| text(condition, "status") == "True")
        .next()
}

/// Where the start stands still, and the reason that the first waiting container gives.
fn stage(pod: &PodView<'_>) -> (&'static str, String) {
    let containers = pod.containers();
    let preparing = containers
        .iter()
        .find(|container| container.init && is_running(container));
    if let Some(container) = preparing {
        return ("bound", format!("init: {}", container.name));
    }
    let reason = containers
        .iter()
        .filter_map(|container| container.waiting())
        .map(|waiting| waiting.reason)
        .find(|reason| !matches!(*reason, "" | "PodInitializing" | "Pending"))
        .unwrap_or("");
    match scheduled(pod) {
        Some(false) => ("unscheduled", String::new()),
        Some(true) => ("bound", reason.to_owned()),
        None if !pod.node().is_empty() || !reason.is_empty() => ("bound", reason.to_owned()),
        None if pod.object.form == crate::bundle::decode::Form::Api => ("unseen", String::new()),
        None => ("unscheduled", String::new()),
    }
}

fn is_running(container: &ContainerInstance<'_>) -> bool {
    container
        .status
        .is_some_and(|status| status.pointer("/state/running").is_some())
}
