//! Hard anti-affinity leaves no node for another replica.

use crate::rules::scheduling::{Reason, by_workload};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-anti-affinity-conflict
role: cause
level: critical
needs: [events|pods]
check:
  zh: "是否有 Pod 因互斥规则而无法调度"
  en: "whether pods wait because of hard anti-affinity"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：互斥规则（podAntiAffinity）使新副本没有节点可用"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: its anti-affinity leaves no node for another replica"
cause:
  zh: "调度器：{{ message }}。每个可用节点上都已有与规则匹配的 Pod{% if replicas %}；期望 {{ replicas }} 个副本{% if cluster_nodes %}，集群有 {{ cluster_nodes }} 个节点{% endif %}{% endif %}。"
  en: "the scheduler says: {{ message }}. Each node that is free already has a pod that the rule excludes{% if replicas %}; {{ replicas }} replicas are wanted{% if cluster_nodes %}, the cluster has {{ cluster_nodes|nodes }}{% endif %}{% endif %}."
rules_out:
  - {zh: "镜像与应用：Pod 还没有节点", en: "image and application: the pod has no node yet"}
  - {zh: "资源：调度器没有提到不足", en: "resources: the scheduler mentions no lack"}
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有节点的 Pod 不会就绪", en: "a pod without a node never gets ready"}
benign:
  - {zh: "Pod 之后被调度，旧的 FailedScheduling 事件不算", en: "an old FailedScheduling event does not count once the pod got its node"}
remedy:
  - purpose: {zh: "查看调度器的说明与节点", en: "read what the scheduler says, and look at the nodes"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} describe pod {{ pod }}
      kubectl get nodes -o wide
    expect: {zh: "FailedScheduling 之后是原因", en: "the reason follows FailedScheduling"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 required 改为 preferred，或减少副本，或增加节点；滚动更新时可把 maxSurge 设为 0", en: "turn required into preferred, or have fewer replicas or more nodes; for rolling updates maxSurge may be 0"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}/{{ subject.name }} edited`", en: "`{{ resource }}/{{ subject.name }} edited`"}
    verify: {zh: "Pod 被调度并就绪", en: "the pods get a node and become ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "字段：spec.template.spec.affinity.podAntiAffinity", en: "the field: spec.template.spec.affinity.podAntiAffinity"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "副本数与 maxSurge 之和不超过可用节点数，或使用 topologySpreadConstraints", en: "keep replicas plus maxSurge within the number of nodes, or use topologySpreadConstraints"}
    acceptance: {zh: "更新演练时没有 Pod 停在 Pending", en: "in a rehearsed update no pod stays Pending"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/interpodaffinity/filtering.go"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn''t match pod anti-affinity rules.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "tables"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/2 nodes are available: 2 node(s) didn't match pod affinity/anti-affinity rules, 2 node(s) didn't satisfy existing pods anti-affinity rules.
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "scheduled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn''t match pod anti-affinity rules.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, |blocked| blocked.main == Reason::AntiAffinity);
    for finding in &mut findings {
        finding.path = "spec.template.spec.affinity.podAntiAffinity".to_owned();
        let owner = input
            .snapshot
            .object(&finding.subject.kind, &finding.subject.namespace, &finding.subject.name);
        let replicas = owner.and_then(|owner| owner.int("/spec/replicas")).unwrap_or(0);
        finding.facts.insert("replicas".into(), replicas.into());
        finding
            .facts
            .insert("cluster_nodes".into(), input.snapshot.kind("Node").count().into());
        if let Some(owner) = owner {
            finding.add_cite(owner.cite_at("/spec/template/spec/affinity"));
        }
    }
    findings
}
