//! The deletion of an object waits for a finalizer that nobody removes.

use jiff::SignedDuration;

use crate::cluster::Object;
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader};

/// Controllers answer within seconds; clouds take minutes to free a disk or an address.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

pub(in crate::rules) const RULE: &str = r##"
id: object-deletion-stuck
role: cause
level: warning
needs: [pods|persistentvolumeclaims|customresourcedefinitions|services]
check:
  zh: "是否有对象的删除停在 finalizer"
  en: "whether deletions of objects wait for finalizers"
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 的删除已停了 {{ minutes }} 分钟，等待 finalizer {{ finalizers|join('、') }}"
  en: "the deletion of {{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} has waited {{ minutes }} minutes for finalizer {{ finalizers|join(', ') }}"
cause:
  zh: "{% if users %}Pod {{ users|join('、') }} 仍在使用它，保护性的 finalizer 因此保留。{% else %}负责 {{ finalizers|join('、') }} 的控制器没有运行、已被卸载，或无法释放外部资源。{% endif %}"
  en: "{% if users %}pods {{ users|join(', ') }} still use it, which is what its protection waits for.{% else %}the controller of {{ finalizers|join(', ') }} does not run, was removed, or cannot free what it holds outside.{% endif %}"
causes:
  - rule: namespace-terminating-stuck
    ground: namespace
    mechanism: {zh: "命名空间里还有不能删除的对象", en: "the namespace still has an object that cannot go"}
  - rule: pvc-pending
    ground: claim
    mechanism: {zh: "同名的旧 PVC 还没有删除", en: "the former claim of that name is not gone yet"}
benign:
  - {zh: "前台删除（foregroundDeletion）等待依赖对象", en: "foregroundDeletion waits for dependents"}
remedy:
  - purpose: {zh: "查看 finalizer 与负责它的控制器", en: "see the finalizers, and their controller"}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get {{ subject.kind|lower }} {{ subject.name }} -o yaml"
    expect: {zh: "deletionTimestamp 与 finalizers", en: "deletionTimestamp and finalizers"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "修复控制器；只有确认它已卸载且外部资源已释放后，才移除 finalizer", en: "mend the controller; remove the finalizer only when it is gone for good and what it held is free"}
    place: cluster
    risk: dangerous
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}patch {{ subject.kind|lower }} {{ subject.name }} --type=merge -p '{\"metadata\":{\"finalizers\":[]}}'"
    verify: {zh: "对象消失", en: "the object is gone"}
    rollback: {zh: "无法恢复：先保存对象的 YAML", en: "it cannot be undone: save the object's YAML first"}
prevention:
  - kind: process
    text: {zh: "先删除自定义资源，再卸载它们的控制器", en: "delete custom resources before their controller is removed"}
    acceptance: {zh: "卸载演练后没有残留对象", en: "a rehearsed removal leaves none behind"}
sources: ["kubernetes.io/docs/concepts/overview/working-with-objects/finalizers"]
versions: "Kubernetes 1.7 to 1.36"
examples:
  - name: "a claim that is in use"
    files:
      "pvc.json": '{"kind": "PersistentVolumeClaimList", "apiVersion": "v1", "items": [{"metadata": {"name": "data", "namespace": "shop", "uid": "a", "deletionTimestamp": "2026-02-24T13:00:00Z", "finalizers": ["kubernetes.io/pvc-protection"]}, "status": {"phase": "Bound"}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "reason": "Started", "message": "Started container wait", "lastTimestamp": "2026-02-24T14:30:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "other"}}]}'
    fires: [{kind: "PersistentVolumeClaim", namespace: "shop", name: "data"}]
  - name: "just asked for"
    files:
      "pvc.json": '{"kind": "PersistentVolumeClaimList", "apiVersion": "v1", "items": [{"metadata": {"name": "data", "namespace": "shop", "uid": "a", "deletionTimestamp": "2026-02-24T14:29:00Z", "finalizers": ["kubernetes.io/pvc-protection"]}, "status": {"phase": "Bound"}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "reason": "Started", "message": "Started container wait", "lastTimestamp": "2026-02-24T14:30:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "other"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let Some(now) = &snapshot.bundle.collected_at else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for object in snapshot.objects.values() {
        // Namespaces and pods have rules of their own.
        if matches!(object.key.kind.as_str(), "Namespace" | "Pod" | "Event") {
            continue;
        }
        let finalizers: Vec<&str> = object
            .list("/metadata/finalizers")
            .iter()
            .filter_map(|name| name.as_str())
            .collect();
        let Some(asked) = object
            .time("/metadata/deletionTimestamp")
            .filter(|_| !finalizers.is_empty())
        else {
            continue;
        };
        let age = asked.gap_to(now);
        if age < PATIENCE {
            continue;
        }
        let users = users(input, object);
        let mut finding = Finding::new(rule, object.subject(), Confidence::Confirmed)
            .at("metadata.finalizers")
            .cite(object.cite_at("/metadata/finalizers"))
            .cite(object.cite_at("/metadata/deletionTimestamp").at(Some(asked)))
            .fact("finalizers", finalizers.clone())
            .fact("minutes", age.as_mins())
            .fact("users", users.iter().map(|user| user.name.clone()).collect::<Vec<_>>());
        // An operator calls the Service of a custom resource after it, and makes it again only when the resource is gone.
        if is_custom(object) {
            finding.impair(Subject::namespaced("Service", &object.key.namespace, &object.key.name));
        }
        for user in users {
            finding.add_affected(user);
        }
        findings.push(finding);
    }
    findings
}

/// True for an object of an API group that is not Kubernetes' own: those have no dot, or end in `.k8s.io`.
fn is_custom(object: &Object) -> bool {
    let group = object
        .text("/apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    group.contains('.') && !group.ends_with(".k8s.io")
}

/// The pods that still use a claim, which is what its protection waits for.
fn users(input: &Input<'_>, object: &Object) -> Vec<Subject> {
    if object.key.kind != "PersistentVolumeClaim" {
        return Vec::new();
    }
    let uses = |pod: &Object| {
        pod.list("/spec/volumes").iter().any(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(|name| name.as_str())
                == Some(object.key.name.as_str())
        })
    };
    input
        .snapshot
        .kind("Pod")
        .filter(|pod| pod.key.namespace == object.key.namespace && uses(pod))
        .map(Object::subject)
        .collect()
}
