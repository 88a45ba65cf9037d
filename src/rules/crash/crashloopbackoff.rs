//! A container that ends again and again: what people see, never why.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: crashloopbackoff
role: symptom
level: critical
needs: [pods]
listing: true
check:
  zh: 是否有容器反复退出
  en: whether a container ends again and again
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的容器{% if container %} {{ container }} {% endif %}反复退出{% if exit_code is defined %}（退出码 {{ exit_code }}{% if restarts %}，重启 {{ restarts }} 次{% endif %}）{% endif %}"
  en: "{% if container %}container {{ container }}{% else %}a container{% endif %} of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} ends again and again{% if exit_code is defined %} (exit code {{ exit_code }}{% if restarts %}, {{ restarts|restarts }}{% endif %}){% endif %}"
cause:
  zh: "容器{% if container %} {{ container }} {% endif %}反复退出；采集到的数据没有说明原因。"
  en: "{% if container %}container {{ container }}{% else %}a container{% endif %} ends again and again; the collected data does not say why."
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: 反复退出的容器不会就绪, en: "a container that keeps ending is never ready"}
  - rule: deployment-minimum-replicas-unavailable
    ground: workload
    mechanism: {zh: "反复退出的容器不会就绪", en: "a container that keeps ending is never ready"}
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "新版本的容器反复退出", en: "containers of the new revision keep ending"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 没有就绪的 Pod", en: "the webhook has no ready pod"}
  - rule: log-growth
    ground: node
    mechanism: {zh: "反复启动的容器不断写日志", en: "a container that starts again and again goes on logging"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "新版本的容器反复退出", en: "containers of the new revision keep ending"}
benign:
  - zh: 重启次数是 Pod 整个生命周期的累计；现在就绪的容器不算
    en: restarts add up over a pod's whole life; a container that is ready now does not count
  - zh: 已完成的 Job 的 Pod 也处于已退出状态
    en: the pods of a completed Job have ended too
remedy:
  - purpose: {zh: 查看上一个实例的日志, en: read the log of the previous instance}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} logs {{ pod }}{% if container %} -c {{ container }}{% endif %} --previous --tail=100"
    expect: {zh: 退出前的最后几行, en: the last lines before it ended}
    verify: {zh: 原因已记录, en: the reason is on record}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: detect
    text: {zh: 对重启速率告警, en: alert on the rate of restarts}
    acceptance: {zh: 测试 Pod 连续退出 3 次后 5 分钟内收到告警, en: "a test pod that ends three times raises the alert within 5 minutes"}
sources: ["kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go doBackOff; waiting reason CrashLoopBackOff"]
versions: Kubernetes 1.19 to 1.36
examples:
  - name: waiting in back-off
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":false,"restartCount":7,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: a row of a table, which names no container
    files:
      pods.txt: "NAMESPACE   NAME   READY   STATUS             RESTARTS   AGE\nd           web    0/1     CrashLoopBackOff   9          3d\n"
    fires: [{kind: Pod, namespace: d, name: web}]
  - name: the kubelet's log alone
    files:
      nodes/n1/logs/kubelet.log: |
        E1120 10:11:02.123456     240 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\"" pod="shop/web-5d" podUID="8f2c"
        E1120 10:16:02.123456     240 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\"" pod="shop/web-5d" podUID="8f2c"
    fires: [{kind: Pod, namespace: shop, name: web-5d}]
  - name: the kubelet's log goes on without it
    files:
      nodes/n1/logs/kubelet.log: |
        E1120 10:11:02.123456     240 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\"" pod="shop/web-5d" podUID="8f2c"
        I1120 11:11:02.123456     240 kubelet.go:1] all is well
  - name: the kubelet's log tells of a pod that is well by its status
    files:
      nodes/n1/logs/kubelet.log: |
        E1120 10:11:02.123456     240 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\"" pod="shop/web-5d" podUID="8f2c"
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-5d","namespace":"shop"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":7,"state":{"running":{}}}]}}]}'
  - name: restarts of long ago, ready now
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":7,"state":{"running":{}},"lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut by_owner: BTreeMap<Subject, usize> = BTreeMap::new();
    for pod in input.snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let waits = container
                .waiting()
                .is_some_and(|waiting| waiting.reason == "CrashLoopBackOff");
            let ended = container.ended();
            let failed = ended
                .as_ref()
                .is_some_and(|ended| ended.exit_code != Some(0) || ended.reason == "Error");
            if container.is_ready() || !(waits || (failed && container.restarts() >= 2)) {
                continue;
            }
            let owner = input.snapshot.top_owner(pod.object);
            let known = by_owner.get(&owner).copied();
            let finding = match known.and_then(|index| findings.get_mut(index)) {
                Some(finding) => finding,
                None => {
                    by_owner.insert(owner.clone(), findings.len());
                    let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                        .fact("container", container.name)
                        .fact("pod", pod.name())
                        .fact("restarts", container.restarts());
                    finding.count = 0;
                    if let Some(code) = ended.as_ref().and_then(|ended| ended.exit_code) {
                        finding.facts.insert("exit_code".into(), code.into());
                    }
                    findings.push(finding);
                    match findings.last_mut() {
                        Some(finding) => finding,
                        None => continue,
                    }
                }
            };
            finding.count += u64::try_from(container.restarts()).unwrap_or(0).max(1);
            let below = if waits {
                "/state/waiting/reason"
            } else {
                "/restartCount"
            };
            finding.add_cite(pod.cite_status(&container, below));
            if let Some(ended) = ended {
                finding.add_cite(pod.object.cite_at(&ended.pointer).at(ended.finished));
            }
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            finding.touches.extend(workload_touches(input.snapshot, &subject));
            finding.add_affected(subject);
        }
    }
    findings
}
