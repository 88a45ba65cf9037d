//! The kernel ends a container that exceeds its memory limit.

use jiff::SignedDuration;

use crate::cluster::{ContainerInstance, Ended, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::moments::latest_moment;
use crate::rules::toolbox::speakers::{State, state_of};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: oomkilled-container
role: cause
level: critical
needs: [pods]
check:
  zh: '容器是否因超出内存限制被内核结束'
  en: 'whether the kernel ended a container for exceeding its memory limit'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：容器 {{ container }} 超出内存限制{% if limit %} {{ limit }}{% endif %}，被 OOMKilled（重启 {{ restarts }} 次）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: container {{ container }} exceeds its memory limit{% if limit %} of {{ limit }}{% endif %} and is OOMKilled ({{ restarts|restarts }})'
cause:
  zh: '内核因容器 {{ container }} 用完了内存限制{% if limit %} {{ limit }}{% endif %} 而结束了它（原因 OOMKilled，退出码 {{ exit_code }}）。要么限制低于应用的正常需要，要么应用泄漏内存。'
  en: 'the kernel ended container {{ container }} when it had used up its memory limit{% if limit %} of {{ limit }}{% endif %} (reason OOMKilled, exit code {{ exit_code }}). Either the limit is below what the application normally needs, or the application leaks.'
questions:
  - zh: '最近的发布或数据量变化是否提高了内存用量？'
    en: 'did a release or more data raise the use of memory lately?'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '内核结束容器，kubelet 反复重启'
      en: 'the kernel ends the container and the kubelet restarts it'
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '被结束的容器不应答探针'
      en: 'an ended container answers no probe'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '被结束的容器不应答探针'
      en: 'an ended container answers no probe'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都被内核结束'
      en: 'the kernel ends every attempt of the Job'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '没有可用的 Pod'
      en: 'no pod is available'
benign:
  - zh: '退出码 137 而原因不是 OOMKilled，通常是存活探针失败或宽限期结束后的 SIGKILL'
    en: 'exit code 137 without the reason OOMKilled is mostly a SIGKILL after a failed liveness probe or the grace period'
  - zh: '很久以前发生、现在就绪的容器不算'
    en: 'once, long ago, in a container that is ready now does not count'
remedy:
  - purpose:
      zh: '比较实际用量与限制'
      en: 'compare use and limit'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}top pod --containers'
    expect:
      zh: '用量接近限制'
      en: 'use close to the limit'
    verify:
      zh: '确认用量与限制'
      en: 'use and limit are known'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '按实际用量提高内存限制（JVM、Node 等同时调整堆上限）'
      en: 'raise the limit to what is really used (with the heap of a JVM or Node)'
    place: cluster
    risk: change
    when: 'settable'
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}set resources {{ resource }} {{ subject.name }} -c {{ container }} --limits=memory=<NEW_LIMIT> --requests=memory=<NEW_REQUEST>'
    expect:
      zh: 'resource requirements updated'
      en: 'resource requirements updated'
    verify:
      zh: '24 小时内不再出现 OOMKilled'
      en: 'no OOMKilled for 24 hours'
    rollback:
      zh: '`kubectl rollout undo` 回到上一个版本'
      en: '`kubectl rollout undo` to the former revision'
prevention:
  - kind: detect
    text:
      zh: '对工作集达到限制的 90% 告警'
      en: 'alert when the working set reaches 90 % of the limit'
    acceptance:
      zh: '测试容器到 90% 时 5 分钟内收到告警'
      en: 'a test container at 90 % raises the alert within 5 minutes'
  - kind: prevent
    text:
      zh: '以生产数据量做压力测试后再定限制'
      en: 'set limits after a load test with production''s volume'
    acceptance:
      zh: '压力测试一小时内没有 OOMKilled'
      en: 'no OOMKilled in an hour of load'
sources:
  - 'kubernetes pkg/kubelet/kuberuntime, CRI reason OOMKilled'
  - 'containerd pkg/oom; linux mm/memcontrol.c'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'again and again; objects'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "trainer-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "trainer", "controller": true}]}, "spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}]}'
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'trainer'}
  - name: 'the status of a table'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        trainer-6bdf8c9d7-jd5lx           0/1     OOMKilled          4 (50s ago)   41m
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'trainer'}
  - name: 'long ago, ready now'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "trainer-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "trainer", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": true, "restartCount": 1, "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}]}'
  - name: 'ready between two ends; only a log tells the time'
    files:
      'pod.txt': |
        Name:             trainer-0
        Namespace:        shop
        Controlled By:    StatefulSet/trainer
        Status:           Running
        Containers:
          app:
            Image:          hub.example/trainer:1
            State:          Running
              Started:      Mon, 02 Nov 2026 10:08:25 +0000
            Last State:     Terminated
              Reason:       OOMKilled
              Exit Code:    137
              Started:      Mon, 02 Nov 2026 10:04:52 +0000
              Finished:     Mon, 02 Nov 2026 10:08:24 +0000
            Ready:          True
            Restart Count:  6
      'web.log': |
        2026-11-02T10:09:33Z INFO served
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'trainer'}
  - name: 'ready since days before the last line of a log'
    files:
      'pod.txt': |
        Name:             trainer-0
        Namespace:        shop
        Controlled By:    StatefulSet/trainer
        Status:           Running
        Containers:
          app:
            Image:          hub.example/trainer:1
            State:          Running
              Started:      Mon, 02 Nov 2026 10:08:25 +0000
            Last State:     Terminated
              Reason:       OOMKilled
              Exit Code:    137
              Started:      Mon, 02 Nov 2026 10:04:52 +0000
              Finished:     Mon, 02 Nov 2026 10:08:24 +0000
            Ready:          True
            Restart Count:  6
      'web.log': |
        2026-11-05T10:09:33Z INFO served
  - name: 'killed by a probe'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "trainer-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "trainer", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "Error"}}}]}}]}'
"##;

/// A container that is ready again counts while its last end is so recent.
const RECENT: SignedDuration = SignedDuration::from_mins(60);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot
        .pods()
        .filter(|pod| !pod.is_terminating() && pod.phase() != "Succeeded")
    {
        for container in pod.containers() {
            let Some(ended) = container.ended().filter(|ended| ended.reason == "OOMKilled") else {
                continue;
            };
            let ails = state_of(snapshot, &pod, container.name) != State::Well && !container.is_ready();
            if !ails && !comes_back(snapshot, &container, &ended) {
                continue;
            }
            let owner = snapshot.top_owner(pod.object);
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let evidence = pod
                .object
                .cite_at(&format!("{}/reason", ended.pointer))
                .at(ended.finished.clone());
            if let Some(known) = findings.iter_mut().find(|finding| finding.subject == owner) {
                known.add_cite(evidence);
                known.add_affected(subject.clone());
                known.touches.extend(workload_touches(snapshot, &subject));
                continue;
            }
            let limit = container
                .spec
                .and_then(|spec| spec.pointer("/resources/limits/memory")?.as_str())
                .unwrap_or("");
            let resource = owner.kind.to_lowercase();
            let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                .at(format!(
                    "spec.template.spec.containers[{}].resources.limits.memory",
                    container.name
                ))
                .cite(evidence)
                .cite(pod.cite_status(&container, "/restartCount"))
                .fact("container", container.name)
                .fact("limit", limit)
                .fact("restarts", container.restarts())
                .fact(
                    "exit_code",
                    ended
                        .exit_code
                        .map_or_else(|| "137".to_owned(), |code| code.to_string()),
                )
                .fact(
                    "settable",
                    matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset")
                        && !container.name.is_empty(),
                )
                .fact("resource", resource)
                .affects(subject.clone());
            if !limit.is_empty() {
                finding.add_cite(
                    pod.object
                        .cite_at(&format!("{}/resources/limits/memory", container.spec_pointer)),
                );
            }
            finding.touches.extend(workload_touches(snapshot, &subject));
            findings.push(finding);
        }
    }
    findings
}

fn comes_back(snapshot: &Snapshot, container: &ContainerInstance<'_>, ended: &Ended<'_>) -> bool {
    let latest = latest_moment(snapshot);
    match (&ended.finished, latest.as_ref()) {
        (Some(finished), Some(now)) => container.restarts() >= 2 && finished.gap_to(now) <= RECENT,
        _ => false,
    }
}
