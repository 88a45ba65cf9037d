//! A pod asks for a scheduler that does not run, so nobody places it.

use std::collections::BTreeSet;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::planes::{scheduler_of, unseen_by_scheduler};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: scheduler-name-unknown
role: cause
level: critical
needs: [pods]
check:
  zh: "Pod 指定的调度器是否存在"
  en: "whether the schedulers that pods name exist"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 指定的调度器 {{ scheduler }} 没有在工作，Pod 一直 Pending"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} names scheduler {{ scheduler }}, which is not at work, so its pods stay Pending"
cause:
  zh: "Pod 的 schedulerName 是 {{ scheduler }}，默认调度器因此不处理它们；没有任何 PodScheduled 条件或事件表明有这个名字的调度器。"
  en: "schedulerName of the pods is {{ scheduler }}, so the default scheduler leaves them alone, and neither a condition PodScheduled nor an event shows a scheduler of that name."
rules_out:
  - {zh: "资源不足：调度器没有评估过这些 Pod", en: "a lack of resources: no scheduler has looked at these pods"}
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有调度器处理这些 Pod", en: "no scheduler takes up its pods"}
benign:
  - {zh: "有自定义调度器的集群里，刚创建的 Pod 会短暂没有条件", en: "in a cluster with a scheduler of its own a new pod lacks the condition for a moment"}
  - {zh: "带有 schedulingGates 的 Pod 在等待放行", en: "a pod with schedulingGates waits to be let through"}
remedy:
  - purpose: {zh: "查看调度器名称，与正在运行的调度器比较", en: "compare the name with the schedulers that run"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get pods -o custom-columns=NAME:.metadata.name,SCHEDULER:.spec.schedulerName
      kubectl get pods -A -l component=kube-scheduler
    expect: {zh: "没有名为 {{ scheduler }} 的调度器", en: "no scheduler called {{ scheduler }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改回默认调度器，或部署名为 {{ scheduler }} 的调度器", en: "name the default scheduler, or deploy a scheduler called {{ scheduler }}"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ resource }} {{ subject.name }}"
    verify: {zh: "新 Pod 出现 Scheduled 事件", en: "its new pods get the event Scheduled"}
    rollback: {zh: "`kubectl rollout undo` 回到上一个版本", en: "`kubectl rollout undo` to the former revision"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中校验 schedulerName 属于已部署的调度器", en: "check in the pipeline that schedulerName is one that is deployed"}
    acceptance: {zh: "写错的名称使流水线失败", en: "a wrong name fails there"}
sources: ["kubernetes pkg/scheduler/eventhandlers.go: responsibleForPod", "kubernetes.io/docs/tasks/extend-kubernetes/configure-multiple-schedulers"]
versions: "Kubernetes 1.6 to 1.36"
examples:
  - name: "a scheduler that nobody deployed"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"schedulerName": "my-scheduler", "containers": [{"name": "web"}]}, "status": {"phase": "Pending"}}]}'
    fires: [{kind: "Pod", namespace: "shop", name: "web-0"}]
  - name: "it waits behind a gate"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"schedulerName": "my-scheduler", "schedulingGates": [{"name": "x"}], "containers": [{"name": "web"}]}, "status": {"phase": "Pending"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let names: BTreeSet<&str> = snapshot
        .pods()
        .map(|pod| scheduler_of(snapshot, &pod))
        .filter(|name| *name != "default-scheduler")
        .collect();
    let mut findings: Vec<Finding> = Vec::new();
    for name in names {
        // Whatever it is called, a scheduler that places pods signs the event.
        let works = snapshot.events.iter().any(|event| event.component == name);
        if works {
            continue;
        }
        for pod in unseen_by_scheduler(snapshot, name) {
            let owner = snapshot.top_owner(pod.object);
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let evidence = pod.object.cite_at("/spec/schedulerName");
            match findings.iter_mut().find(|finding| finding.subject == owner) {
                Some(finding) => finding.add_affected(subject),
                None => {
                    let mut finding = Finding::new(rule, owner.clone(), Confidence::Confirmed)
                        .at("spec.template.spec.schedulerName")
                        .cite(evidence)
                        .cite(pod.object.cite_at("/status/phase"))
                        .fact("scheduler", name)
                        .fact("resource", owner.kind.to_lowercase())
                        .affects(subject.clone());
                    finding.touches.extend(workload_touches(snapshot, &subject));
                    findings.push(finding);
                }
            }
        }
    }
    findings
}
