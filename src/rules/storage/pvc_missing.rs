//! A pod names a volume claim that does not exist.

use crate::model::{Confidence, Subject};
use crate::rules::missing::{is_name, starts_never};
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pvc-missing
role: cause
level: critical
needs: [pods|events]
text:
  - id: absent
    pattern: "persistentvolumeclaim \\W+(?P<name>[a-z0-9.-]+)\\W+ (?:not found|is being deleted)"
check:
  zh: "Pod 引用的 PVC 是否存在"
  en: "whether the claims that pods name exist"
title:
  zh: "PVC {{ namespace }}/{{ name }} 不存在，Pod {{ pod }} 无法启动"
  en: "claim {{ namespace }}/{{ name }} does not exist, and pod {{ pod }} cannot start"
cause:
  zh: "Pod {{ pod }} 的卷引用 PVC {{ name }}，命名空间 {{ namespace }} 中没有它{% if others %}；现有：{{ others|join('、') }}{% endif %}。"
  en: "a volume of pod {{ pod }} names the claim {{ name }}, and namespace {{ namespace }} has none{% if others %}; it has {{ others|join(', ') }}{% endif %}."
questions:
  - {zh: "声明是被删除了，还是名称写错？", en: "was the claim deleted, or is the name mistyped?"}
causes:
  - rule: failedscheduling-volume
    ground: pod
    mechanism: {zh: "引用的声明不存在，Pod 无法调度", en: "the claim that is named is absent, so the pod cannot be scheduled"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有卷的 Pod 不会就绪", en: "a pod without its volume never gets ready"}
benign:
  - {zh: "声明后来已创建、Pod 已调度的旧事件不算", en: "an old event does not count once the claim exists and the pod got its node"}
remedy:
  - purpose: {zh: "查看声明", en: "look at the claims"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} get pvc"
    expect: {zh: "没有 {{ name }}", en: "{{ name }} is not there"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "创建该声明（或改正工作负载中的 claimName）", en: "create the claim (or correct claimName in the workload)"}
    place: cluster
    risk: change
    command: "kubectl apply -f <CLAIM>.yaml"
    expect: {zh: "`persistentvolumeclaim/{{ name }} created`", en: "`persistentvolumeclaim/{{ name }} created`"}
    verify: {zh: "声明 Bound，Pod 启动", en: "the claim is Bound and the pod starts"}
    rollback: {zh: "`kubectl -n {{ namespace }} delete pvc {{ name }}`", en: "`kubectl -n {{ namespace }} delete pvc {{ name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "PVC 与工作负载在同一次发布中交付", en: "deliver the claim in the same release as the workload"}
    acceptance: {zh: "在空命名空间部署一次即可启动", en: "one deployment into an empty namespace starts"}
sources: ["kubernetes pkg/scheduler/framework/plugins/volumebinding/volume_binding.go: `persistentvolumeclaim %q not found`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/1 nodes are available: persistentvolumeclaim \"data\" not found. preemption: not eligible.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: PersistentVolumeClaim, namespace: shop, name: data}]
  - name: "created since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"persistentvolumeclaim \"data\" not found","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let pod = &hit.about.object;
        let Some(name) = hit.captures.get("name").filter(|name| is_name(name)) else {
            continue;
        };
        if pod.kind != "Pod"
            || !starts_never(snapshot, pod)
            || snapshot.object("PersistentVolumeClaim", &pod.namespace, name).is_some()
        {
            continue;
        }
        let subject = Subject::namespaced("PersistentVolumeClaim", &pod.namespace, name);
        let at = findings.iter().position(|finding| finding.subject == subject);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let claims = snapshot
                    .kind("PersistentVolumeClaim")
                    .filter(|claim| claim.key.namespace == pod.namespace);
                let others: Vec<String> = claims.map(|claim| claim.key.name.clone()).take(8).collect();
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .fact("namespace", pod.namespace.clone())
                    .fact("pod", pod.name.clone())
                    .fact("others", others);
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        add_hit(input, finding, hit);
        finding.touches.extend(workload_touches(snapshot, pod));
        finding.add_affected(pod.clone());
        finding.add_affected(snapshot.top_owner_of(pod));
    }
    findings
}
