//! A change of a field that Kubernetes does not let anybody change.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: immutable-field-change
role: cause
level: critical
needs: [events|container-logs|pods]
text:
  - id: immutable
    in: [event, status, container-log, other]
    pattern: '(?P<kind>[A-Z][A-Za-z]{2,24})(?:\.[a-z0-9.-]+)? \W{0,2}"(?P<name>[a-z0-9][a-z0-9.-]*)\W{0,2}" is invalid: (?P<problem>spec[\w.\[\]-]*: (?:Forbidden: updates to statefulset spec for fields other than|Forbidden: (?:spec is immutable after creation|may not (?:be changed|change once set))|Invalid value: [^\n]*?field is immutable))'
check: {zh: "是否有改动被拒绝，因为字段不可变", en: "whether changes are refused for fields that are immutable"}
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：改动被拒绝，字段不可变（{{ problem }}）"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: a change is refused, the field is immutable ({{ problem }})"
cause:
  zh: "API 服务器拒绝更新：{{ problem }}。StatefulSet 的 volumeClaimTemplates、selector、serviceName，Deployment 的 selector，Job 的模板，Service 的 clusterIP 等在创建后不能修改；发布因此停住，集群里仍是旧版本。"
  en: "the API server refuses the update: {{ problem }}. volumeClaimTemplates, selector and serviceName of a StatefulSet, the selector of a Deployment, the template of a Job, clusterIP of a Service and others cannot be changed after creation. The release stops there, and the cluster keeps the former version."
questions:
  - {zh: "哪一次提交改了这个字段？", en: "which commit changed this field?"}
causes:
  - {rule: helm-install-failing, ground: workload, mechanism: {zh: "升级因被拒绝的对象而失败", en: "the upgrade fails over the object that is refused"}}
  - {rule: job-backoff-limit, ground: workload, mechanism: {zh: "升级因被拒绝的对象而失败", en: "the upgrade fails over the object that is refused"}}
benign:
  - {zh: "一次手工的 apply 被拒绝，之后没有再试", en: "one apply by hand that was refused and not tried again"}
remedy:
  - purpose: {zh: "比较现有对象与要发布的清单", en: "compare the live object with the manifest"}
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get {{ subject.kind|lower }} {{ subject.name }} -o yaml'
    expect: {zh: "被拒绝的字段与清单不同", en: "the field that is refused differs from the manifest"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "撤回对该字段的修改；确需修改时，保留 Pod 与卷地删除对象后重建", en: "take the change of this field back; where it is needed, delete the object without its pods and volumes and create it anew"}
    place: cluster
    risk: dangerous
    precheck: {zh: "已保存现有对象的 YAML，业务方同意", en: "the live object's YAML is saved and its owners agree"}
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}delete {{ subject.kind|lower }} {{ subject.name }} --cascade=orphan'
    expect: {zh: "对象已删除，它的 Pod 仍在运行", en: "the object is gone and its pods still run"}
    verify: {zh: "发布成功，新的对象接管了原来的 Pod", en: "the release succeeds and the new object takes the pods over"}
    rollback: {zh: "用保存的 YAML 重建原来的对象", en: "create the former object from the saved YAML"}
prevention:
  - kind: prevent
    text: {zh: "在 CI 中对目标集群执行 kubectl apply --dry-run=server", en: "run kubectl apply --dry-run=server against the cluster in CI"}
    acceptance: {zh: "修改 volumeClaimTemplates 的提交在 CI 中失败", en: "a commit that changes volumeClaimTemplates fails in CI"}
sources: ["kubernetes pkg/apis/apps/validation: `updates to statefulset spec for fields other than … are forbidden`", "kubernetes staging/src/k8s.io/apimachinery/pkg/api/validation: `field is immutable`"]
versions: "Kubernetes 1.9 to 1.36"
examples:
  - name: "a larger volume in the template of a StatefulSet"
    files:
      sts.yaml: |
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: index, namespace: shop, uid: u}
        spec: {replicas: 1}
      pods.txt: |
        NAMESPACE             NAME                           READY   STATUS    RESTARTS   AGE
        cattle-fleet-system   fleet-agent-6658fdc4c5-j8wqs   1/1     Running   0          18d
      fleet-agent-6658fdc4c5-j8wqs.log: |
        {"level":"error","ts":"2026-09-16T09:02:29Z","msg":"Failed to deploy bundle","error":"cannot patch \"index\" with kind StatefulSet: StatefulSet.apps \"index\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'template' are forbidden"}
    fires: [{kind: StatefulSet, namespace: shop, name: index}]
  - name: "another value that is refused"
    files:
      pods.txt: |
        NAMESPACE   NAME                  READY   STATUS    RESTARTS   AGE
        ci          ci-6658fdc4c5-j8wqs   1/1     Running   0          18d
      ci-6658fdc4c5-j8wqs.log: |
        The Deployment "web" is invalid: spec.template.spec.containers[0].image: Required value
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut found: BTreeMap<Subject, Finding> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let (Some(kind), Some(name)) = (hit.captures.get("kind"), hit.captures.get("name")) else {
            continue;
        };
        let known = snapshot.kind(kind).find(|object| object.key.name == *name);
        let subject = known.map_or_else(|| Subject::namespaced(kind, "", name), |object| object.subject());
        let finding = found.entry(subject.clone()).or_insert_with(|| {
            let mut finding = Finding::new(rule, subject, Confidence::Confirmed);
            finding.count = 0;
            finding
        });
        finding
            .affected
            .extend(Some(snapshot.top_owner_of(&hit.about.object)).filter(|owner| *owner != finding.subject));
        add_hit(input, finding, hit);
    }
    found.into_values().collect()
}
