//! A workload names a ServiceAccount that does not exist.

use crate::model::{Confidence, Subject};
use crate::rules::refused::{has_all_replicas, refused};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: serviceaccount-missing
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  - id: lookup
    pattern: "error looking up service account (?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+): serviceaccount \\W+[^\"\\\\]+\\W+ not found"
check:
  zh: "工作负载引用的 ServiceAccount 是否存在"
  en: "whether the ServiceAccounts that workloads name exist"
title:
  zh: "ServiceAccount {{ namespace }}/{{ name }} 不存在，{{ workload }} 无法创建 Pod"
  en: "ServiceAccount {{ namespace }}/{{ name }} does not exist, and {{ workload }} cannot create pods"
cause:
  zh: "{{ workload }} 的 Pod 模板引用 ServiceAccount {{ name }}，命名空间 {{ namespace }} 中没有它，准入拒绝每一次创建{% if count > 0 %}（共 {{ count }} 次）{% endif %}。"
  en: "the pod template of {{ workload }} names the ServiceAccount {{ name }}, namespace {{ namespace }} has none, and admission refuses every creation{% if count > 0 %} ({{ count|times }}){% endif %}."
rules_out:
  - {zh: "调度与镜像：从未有 Pod 存在", en: "scheduling and image: no pod ever existed"}
questions:
  - {zh: "它是被删除、改名，还是没有随应用交付？", en: "was it deleted, renamed, or not delivered with the application?"}
causes:
  - rule: deployment-replicafailure-failedcreate
    ground: workload
    mechanism: {zh: "准入拒绝使控制器无法创建 Pod", en: "admission refuses what the controller tries to create"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod 就没有可用副本", en: "no pod, no available replica"}
  - rule: deployment-minimum-replicas-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod 就没有可用副本", en: "no pod, no available replica"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "新的 Pod 创建不出来", en: "no new pod can be created"}
benign:
  - {zh: "副本数已满足的工作负载的旧事件不算", en: "an old event of a workload that has all its replicas since does not count"}
  - {zh: "命名空间刚创建时 default ServiceAccount 会短暂缺失", en: "in a new namespace the default ServiceAccount is missing for a moment"}
remedy:
  - purpose: {zh: "查看 ServiceAccount", en: "look at the ServiceAccounts"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} get serviceaccounts"
    expect: {zh: "没有 {{ name }}", en: "{{ name }} is not there"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "创建它（并恢复它需要的 RoleBinding）", en: "create it (and the RoleBindings that it needs)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} create serviceaccount {{ name }}"
    expect: {zh: "`serviceaccount/{{ name }} created`", en: "`serviceaccount/{{ name }} created`"}
    verify: {zh: "控制器随后创建 Pod", en: "the controller creates the pods"}
    rollback: {zh: "`kubectl -n {{ namespace }} delete serviceaccount {{ name }}`", en: "`kubectl -n {{ namespace }} delete serviceaccount {{ name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "ServiceAccount 与工作负载在同一次发布中交付", en: "deliver the ServiceAccount in the same release as the workload"}
    acceptance: {zh: "在空命名空间部署一次即可启动", en: "one deployment into an empty namespace starts"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes plugin/pkg/admission/serviceaccount/admission.go: `error looking up service account %s/%s: %v`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "no event of the refusal, but the accounts are listed and the workload has no pod"
    files:
      describe.txt: |
        $ kubectl describe deploy payer -n pay
        Name:                   payer
        Namespace:              pay
        CreationTimestamp:      Mon, 02 Nov 2026 08:00:00 +0000
        Labels:                 app=payer
        Selector:               app=payer
        Replicas:               2 desired | 0 updated | 0 total | 0 available | 2 unavailable
        StrategyType:           RollingUpdate
        Pod Template:
          Labels:           app=payer
          Service Account:  payer
          Containers:
           payer:
            Image:        r.example/payer:1
            Port:         8080/TCP
          Volumes:        <none>
        $ kubectl get sa -n pay
        NAME      SECRETS   AGE
        default   0         44d
        refunds   0         31d
    fires: [{kind: ServiceAccount, namespace: pay, name: payer}]
  - name: "the same where the account is there"
    files:
      describe.txt: |
        $ kubectl describe deploy payer -n pay
        Name:                   payer
        Namespace:              pay
        CreationTimestamp:      Mon, 02 Nov 2026 08:00:00 +0000
        Selector:               app=payer
        Replicas:               2 desired | 0 updated | 0 total | 0 available | 2 unavailable
        Pod Template:
          Labels:           app=payer
          Service Account:  payer
          Containers:
           payer:
            Image:        r.example/payer:1
        $ kubectl get sa -n pay
        NAME      SECRETS   AGE
        default   0         44d
        payer     0         31d
  - name: "event of the ReplicaSet"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: error looking up service account pay/payer: serviceaccount \"payer\" not found","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: ServiceAccount, namespace: pay, name: payer}]
  - name: "events of a StatefulSet, as a table"
    files:
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON         OBJECT           MESSAGE
        pay         2m          Warning   FailedCreate   statefulset/db   create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: error looking up service account pay/payer: serviceaccount "payer" not found
    fires: [{kind: ServiceAccount, namespace: pay, name: payer}]
  - name: "created since"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: error looking up service account pay/payer: serviceaccount \"payer\" not found","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = refused(input, rule, |hit, owner| {
        let name = hit.captures.get("name")?;
        let known = input
            .snapshot
            .object("ServiceAccount", &owner.namespace, name)
            .is_some();
        (!known).then(|| Subject::namespaced("ServiceAccount", &owner.namespace, name))
    });
    unlisted(input, rule, &mut findings);
    findings
}

/// Workloads without a single pod whose account is not among those of their namespace: the refusal stands in an event of their
/// ReplicaSet, which was not collected.
fn unlisted(input: &Input<'_>, rule: &RuleHeader, findings: &mut Vec<Finding>) {
    let snapshot = input.snapshot;
    for workload in ["Deployment", "StatefulSet", "DaemonSet"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
    {
        let account = workload.text("/spec/template/spec/serviceAccountName");
        let owner = workload.subject();
        let mut listed = snapshot
            .kind("ServiceAccount")
            .filter(|known| known.key.namespace == owner.namespace)
            .peekable();
        let is_missing =
            !account.is_empty() && listed.peek().is_some() && listed.all(|known| known.key.name != account);
        if !is_missing || has_all_replicas(workload) || snapshot.pods_of(&owner).next().is_some() {
            continue;
        }
        let subject = Subject::namespaced("ServiceAccount", &owner.namespace, account);
        if findings.iter().any(|finding| finding.subject == subject) {
            continue;
        }
        findings.push(
            Finding::new(rule, subject, Confidence::Probable)
                .cite(workload.cite_at("/spec/template/spec/serviceAccountName"))
                .cite(workload.cite.clone())
                .fact("name", account)
                .fact("workload", owner.name.clone())
                .fact("namespace", owner.namespace.clone())
                .fact("settable", true)
                .fact("resource", owner.kind.to_lowercase())
                .fact("count", 0)
                .affects(owner),
        );
    }
}
