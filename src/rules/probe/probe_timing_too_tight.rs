//! A probe gives up before the application has started.

use crate::cluster::{ContainerInstance, PodView};
use crate::model::{Confidence, Subject, When};
use crate::rules::toolbox::probes::{Kind, Probe, failures, has_log, is_ailing, listens, reason};
use crate::rules::toolbox::{cite_tail, last_words, words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: probe-timing-too-tight
role: cause
level: critical
needs: [pods, events]
check:
  zh: '探针给应用的启动或应答时间是否足够'
  en: 'whether probes give an application time enough to start or to answer'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{{ kind|raw }} 探针只给 {{ budget }} 秒，容器 {{ container }} 还没启动完就被结束（重启 {{ restarts }} 次）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the {{ kind|raw }} probe allows {{ budget }} seconds, and container {{ container }} is ended before it has started ({{ restarts|restarts }})'
cause:
  zh: '{{ kind|raw }} 探针在 initialDelaySeconds + periodSeconds × failureThreshold = {{ budget }} 秒后放弃，而应用那时还在启动{% if lifetime %}（每次只运行 {{ lifetime }} 秒）{% endif %}{% if last_line %}；被结束前的最后一行是 {{ last_line }}{% endif %}。'
  en: 'the {{ kind|raw }} probe gives up after initialDelaySeconds + periodSeconds × failureThreshold = {{ budget }} seconds, when the application is still starting{% if lifetime %} (each instance lived {{ lifetime }} seconds){% endif %}{% if last_line %}; the last line before its end is {{ last_line }}{% endif %}.'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '应用还没有启动完'
      en: 'the application has not started yet'
  - rule: startup-probe-failing
    ground: workload
    mechanism:
      zh: '应用还没有启动完'
      en: 'the application has not started yet'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '应用还没有启动完'
      en: 'the application has not started yet'
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: 'kubelet 因探针失败而结束容器'
      en: 'the kubelet ends the container over the failed probe'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '不就绪的 Pod 不计入可用副本'
      en: 'a pod that is not ready is no available replica'
benign:
  - zh: '应用启动后才被结束，是应用卡住而不是时间不够'
    en: 'an application that is ended after it had started is stuck, not slow'
  - zh: '偶尔一次启动较慢、随后就绪，不算'
    en: 'one slow start that got ready does not count'
remedy:
  - purpose:
      zh: '查看探针的定义与失败信息'
      en: 'see the probe and why it fails'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}describe pod {{ pod }}'
    expect:
      zh: 'Unhealthy 事件与探针定义'
      en: 'the Unhealthy events and the probe'
    verify:
      zh: '与本报告一致'
      en: 'it agrees with this report'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '加一个 startupProbe（给足最慢一次启动的时间），存活探针在它成功之后才开始'
      en: 'add a startupProbe with room for the slowest start; liveness only begins when it has passed'
    place: cluster
    risk: change
    when: 'patchable'
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}patch {{ resource }} {{ subject.name }} --type=strategic -p {{ patch }}'
    expect:
      zh: '{{ resource }}.apps/{{ subject.name }} patched'
      en: '{{ resource }}.apps/{{ subject.name }} patched'
    verify:
      zh: 'Pod 就绪且不再重启'
      en: 'the pod is ready and does not restart'
    rollback:
      zh: '`kubectl rollout undo` 回到上一个版本'
      en: '`kubectl rollout undo` to the former revision'
prevention:
  - kind: prevent
    text:
      zh: '以生产的资源限制测量启动时间，startupProbe 的预算取其三倍'
      en: 'measure the start under production''s limits and give the startupProbe three times that'
    acceptance:
      zh: '启动变慢一倍时仍然就绪'
      en: 'it still gets ready when it starts twice as slowly'
sources:
  - 'kubernetes pkg/kubelet/prober/worker.go'
  - 'https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/'
versions: 'Kubernetes 1.19 to 1.36 (startupProbe since 1.18)'
examples:
  - name: 'killed while it loads'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "tariff-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "tariff", "controller": true}]}, "spec": {"containers": [{"name": "app", "livenessProbe": {"httpGet": {"port": 8081, "path": "/live"}, "initialDelaySeconds": 10, "periodSeconds": 10, "failureThreshold": 3}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 143, "reason": "Error", "startedAt": "2026-01-29T07:09:00Z", "finishedAt": "2026-01-29T07:09:41Z"}}}]}}]}'
      'events.json': '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Unhealthy", "count": 27, "message": "Liveness probe failed: Get \"http://10.42.4.66:8081/live\": dial tcp 10.42.4.66:8081: connect: connection refused", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "tariff-0"}}, {"metadata": {"name": "k", "namespace": "shop"}, "type": "Normal", "reason": "Killing", "count": 9, "message": "Container app failed liveness probe, will be restarted", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "tariff-0"}}]}'
      'logs/tariff-0.log': |
        INFO Starting TariffApplication
        INFO loading price tables 14/96
        INFO Closing EntityManagerFactory
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'tariff'}
  - name: 'killed after it had started'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "tariff-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "tariff", "controller": true}]}, "spec": {"containers": [{"name": "app", "livenessProbe": {"httpGet": {"port": 8081, "path": "/live"}, "initialDelaySeconds": 10, "periodSeconds": 10, "failureThreshold": 3}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 143, "reason": "Error", "startedAt": "2026-01-29T07:09:00Z", "finishedAt": "2026-01-29T07:09:41Z"}}}]}}]}'
      'events.json': '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Unhealthy", "count": 27, "message": "Liveness probe failed: Get \"http://10.42.4.66:8081/live\": dial tcp 10.42.4.66:8081: connect: connection refused", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "tariff-0"}}, {"metadata": {"name": "k", "namespace": "shop"}, "type": "Normal", "reason": "Killing", "count": 9, "message": "Container app failed liveness probe, will be restarted", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "tariff-0"}}]}'
      'logs/tariff-0.log': |
        INFO listening on port 8081
        INFO deadlock
"##;

/// The kubelet's rounding and the time that a program takes to end after the signal (`terminationGracePeriodSeconds` is 30 by default).
const SLACK: i64 = 45;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| is_ailing(snapshot, pod)) {
        let owner = snapshot.top_owner(pod.object);
        for container in pod
            .containers()
            .iter()
            .filter(|container| !container.init && container.restarts() >= 2)
        {
            if !findings.iter().any(|finding| finding.subject == owner) {
                findings.extend(judge(input, rule, &owner, &pod, container));
            }
        }
    }
    findings
}

fn judge(
    input: &Input<'_>,
    rule: &RuleHeader,
    owner: &Subject,
    pod: &PodView<'_>,
    container: &ContainerInstance<'_>,
) -> Option<Finding> {
    let snapshot = input.snapshot;
    let probes = Probe::of(container);
    let of = |kind: Kind| probes.iter().find(|probe| probe.kind == kind);
    // With a startup probe, that is the one which ends a program that has not started.
    let probe = of(Kind::Startup).or_else(|| of(Kind::Liveness))?;
    let events = failures(snapshot, pod, probe.kind);
    let silent = |text: &str| {
        ["refused", "deadline exceeded", "timeout", "timed out"]
            .iter()
            .any(|word| text.contains(word))
    };
    let event = events.iter().find(|event| silent(reason(event)))?;
    let ended = container.ended()?;
    // 143: ended by the signal; 137: killed when it did not. Some programs then end with 0 or a code of their own.
    if ended.reason == "OOMKilled" || !listens(snapshot, pod).is_empty() {
        return None;
    }
    let started = container
        .status?
        .pointer(&ended.pointer.replacen(&container.status_pointer, "", 1))?
        .get("startedAt")
        .and_then(|time| time.as_str())
        .and_then(When::rfc3339);
    let lifetime = started
        .zip(ended.finished.clone())
        .map(|(from, to)| from.gap_to(&to).as_secs());
    let budget = probe.budget();
    let fits =
        lifetime.is_some_and(|seconds| seconds >= budget.saturating_sub(15) && seconds <= budget.saturating_add(SLACK));
    let was_starting = has_log(snapshot, pod);
    // Without times, its log has to show that it was still starting.
    let in_time = fits || (lifetime.is_none() && was_starting);
    if !in_time || !matches!(ended.exit_code, Some(137 | 143)) {
        return None;
    }
    let tail = last_words(snapshot, pod, container.name, 3);
    let resource = owner.kind.to_lowercase();
    let mut startup = probe.value.clone();
    if let Some(map) = startup.as_object_mut() {
        map.insert("initialDelaySeconds".into(), 0.into());
        map.insert("periodSeconds".into(), 10.into());
        map.insert("failureThreshold".into(), 60.into());
        map.remove("successThreshold");
    }
    let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [{"name": container.name, "startupProbe": startup}]}}}});
    let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
    let confidence = if fits && was_starting {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let mut finding = Finding::new(rule, owner.clone(), confidence)
        .at(format!(
            "spec.template.spec.containers[{}].{}",
            container.name,
            probe.kind.field()
        ))
        .cite(pod.object.cite_at(&probe.pointer))
        .cite(event.cite.clone())
        .cite(pod.object.cite_at(&ended.pointer).at(ended.finished.clone()))
        .fact("kind", probe.kind.word().to_lowercase())
        .fact("budget", budget)
        .fact("lifetime", lifetime.unwrap_or(0))
        .fact("restarts", container.restarts())
        .fact("container", container.name)
        .fact("pod", pod.name())
        .fact(
            "last_line",
            tail.as_ref()
                .and_then(|(_, lines)| {
                    lines
                        .last()
                        .map(|line| words(line).chars().take(200).collect::<String>())
                })
                .unwrap_or_default(),
        )
        .fact(
            "patchable",
            matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
        )
        .fact("resource", resource)
        .fact("patch", patch.to_string())
        .affects(subject.clone());
    finding
        .evidence
        .extend(tail.as_ref().and_then(|(log, lines)| cite_tail(snapshot, log, lines)));
    finding.touches.extend(workload_touches(snapshot, &subject));
    Some(finding)
}
