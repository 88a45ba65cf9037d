//! A container may use so little CPU that it answers its probes too late.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::probes::{Kind, failures};
use crate::rules::toolbox::usage::{CpuLimit, cpu_limits, cpu_used};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

/// A tenth of a core: with it a runtime such as a JVM or Node takes minutes to start and seconds to answer.
const TINY_MILLICORES: u64 = 100;
/// So close to its limit (in percent) a container is held back.
const AT_THE_LIMIT: u64 = 90;

pub(in crate::rules) const RULE: &str = r##"
id: cpu-limit-too-low
role: cause
level: critical
needs: [pods, events]
check:
  zh: "容器的 CPU 限制是否小到来不及应答探针"
  en: "whether CPU limits leave containers time to answer their probes"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：容器 {{ container }} 的 CPU 限制只有 {{ limit }}{% if used %}（已用 {{ used }}m）{% endif %}，来不及应答探针"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the CPU limit of container {{ container }} is {{ limit }}{% if used %} ({{ used }}m are in use){% endif %}, too little to answer its probes in time"
cause:
  zh: "内核把容器 {{ container }} 限制在 {{ limit }} 核：启动与应答都被拖慢，探针超时（{{ said }}），kubelet 因此重启它或把它移出端点。"
  en: "the kernel holds container {{ container }} to {{ limit }} of a core: it starts and answers slowly, probes time out ({{ said }}), and the kubelet restarts it or takes it out of its endpoints."
causes:
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "应答太慢", en: "it answers too late"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "应答太慢", en: "it answers too late"}
  - rule: startup-probe-failing
    ground: workload
    mechanism: {zh: "启动太慢", en: "it starts too slowly"}
  - rule: probe-timing-too-tight
    ground: workload
    mechanism: {zh: "CPU 限制使启动变慢", en: "the CPU limit makes its start slow"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "探针失败后反复重启", en: "it restarts again and again after failed probes"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "不就绪", en: "it does not get ready"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "不就绪", en: "it does not get ready"}
benign:
  - {zh: "小而空闲的 sidecar 使用小限制是正常的", en: "small limits of small idle sidecars are normal"}
remedy:
  - purpose: {zh: "比较用量与限制", en: "compare use and limit"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} top pod --containers"
    expect: {zh: "CPU 等于限制", en: "a CPU equal to the limit"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高或去掉 CPU 限制，保留 requests", en: "raise or drop the limit and keep the request"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} set resources {{ resource }} {{ subject.name }} -c {{ container }} --limits=cpu=<NEW_LIMIT>"
    verify: {zh: "探针不再超时", en: "probes no longer time out"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
prevention:
  - kind: detect
    text: {zh: "对 container_cpu_cfs_throttled_periods 占比超过 25% 告警", en: "alert when more than 25 % of periods are throttled"}
    acceptance: {zh: "限制过小的测试容器触发告警", en: "a test container with a small limit raises it"}
sources: ["kernel.org Documentation/scheduler/sched-bwc: CFS bandwidth control", "kubernetes pkg/probe/http"]
versions: "all"
examples:
  - name: "a hundredth of a core"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop", "uid": "a"}, "spec": {"nodeName": "w1", "containers": [{"name": "web", "image": "r.example/web:1", "resources": {"limits": {"cpu": "10m"}}, "livenessProbe": {"httpGet": {"path": "/", "port": 80}, "timeoutSeconds": 1}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": false, "restartCount": 7, "state": {"running": {}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Unhealthy", "message": "Liveness probe failed: Get \"http://10.42.0.9:80/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "count": 9, "lastTimestamp": "2026-02-24T14:30:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-jd5lx"}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "a whole core"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop", "uid": "a"}, "spec": {"nodeName": "w1", "containers": [{"name": "web", "image": "r.example/web:1", "resources": {"limits": {"cpu": "1"}}, "livenessProbe": {"httpGet": {"path": "/", "port": 80}, "timeoutSeconds": 1}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": false, "restartCount": 7, "state": {"running": {}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Unhealthy", "message": "Liveness probe failed: Get \"http://10.42.0.9:80/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "count": 9, "lastTimestamp": "2026-02-24T14:30:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-jd5lx"}}]}'
  - name: "the probe is refused"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop", "uid": "a"}, "spec": {"nodeName": "w1", "containers": [{"name": "web", "image": "r.example/web:1", "resources": {"limits": {"cpu": "10m"}}, "livenessProbe": {"httpGet": {"path": "/", "port": 80}, "timeoutSeconds": 1}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": false, "restartCount": 7, "state": {"running": {}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Unhealthy", "message": "Liveness probe failed: Get \"http://10.42.0.9:80/\": dial tcp 10.42.0.9:80: connect: connection refused", "count": 9, "lastTimestamp": "2026-02-24T14:30:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-jd5lx"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating() && !pod.is_well()) {
        let owner = snapshot.top_owner(pod.object);
        if findings.iter().any(|finding| finding.subject == owner) {
            continue;
        }
        let late = Kind::ALL
            .iter()
            .flat_map(|&kind| failures(snapshot, &pod, kind))
            .find(|event| {
                ["context deadline exceeded", "Client.Timeout", "timed out", "timeout:"]
                    .iter()
                    .any(|word| event.message.contains(word))
            });
        let Some(late) = late else { continue };
        let limits = cpu_limits(snapshot, &pod).find(|limits| !limits.is_empty());
        for CpuLimit {
            container,
            millicores: limit,
            text,
            cite,
        } in limits.unwrap_or_default()
        {
            let used = cpu_used(snapshot, &pod, container);
            let is_held_back = used
                .as_ref()
                .is_some_and(|(used, _)| used * 100 >= limit * AT_THE_LIMIT);
            if limit > TINY_MILLICORES && !is_held_back {
                continue;
            }
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let mut finding = Finding::new(rule, owner.clone(), Confidence::Probable)
                .at(format!(
                    "spec.template.spec.containers[{container}].resources.limits.cpu"
                ))
                .cite(cite)
                .cite(late.cite.clone())
                .fact("container", container)
                .fact("limit", text)
                .fact("used", used.as_ref().map_or(0, |(used, _)| *used))
                .fact("said", late.message.chars().take(200).collect::<String>())
                .fact("resource", owner.kind.to_lowercase())
                .affects(subject.clone());
            if let Some((_, cite)) = used {
                finding.add_cite(cite);
            }
            finding.touches.extend(workload_touches(snapshot, &subject));
            findings.push(finding);
            break;
        }
    }
    findings
}
