//! Rancher's kubectl shell does not start.

use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rancher-shell-unavailable
role: symptom
level: warning
needs: [pods]
meets: [{kinds: [Pod], named: [dashboard-shell, helm-operation]}]
check:
  zh: "Rancher 的 Shell Pod 能否启动"
  en: "whether the pods of Rancher's shell start"
title:
  zh: "Rancher Shell 打不开：Pod {{ subject.name }} 处于 {{ state }}"
  en: "Rancher's shell does not open: pod {{ subject.name }} is {{ state }}"
cause:
  zh: "界面上的 kubectl Shell 在下游集群的 cattle-system 中运行一个 Pod，它没有启动（{{ state }}）。镜像来自设置 shell-image 与 system-default-registry；这个 Pod 的 restartPolicy 是 Never，不会出现 CrashLoopBackOff。"
  en: "the kubectl shell of the UI runs as a pod in cattle-system of the downstream cluster, and that pod has not started ({{ state }}). Its image comes from the settings shell-image and system-default-registry; its restartPolicy is Never, so it never shows CrashLoopBackOff."
benign:
  - {zh: "会话结束后 Pod 被删除是正常的", en: "it is deleted when the session ends"}
remedy:
  - purpose: {zh: "查看 Pod、事件与设置", en: "see pod, events and setting"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n cattle-system describe pod {{ subject.name }}
      kubectl get settings.management.cattle.io shell-image -o yaml
    expect: {zh: "拉取失败的原因与镜像名", en: "why the pull fails, and the image"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "把 rancher/shell 镜像同步到内网仓库并设置 system-default-registry", en: "mirror rancher/shell and set system-default-registry"}
    acceptance: {zh: "每个节点上 crictl pull 成功", en: "crictl pull succeeds on every node"}
sources: ["rancher/steve pkg/podimpersonation", "rancher/rancher pkg/settings: shell-image"]
versions: "Rancher 2.6 to 2.12"
examples:
  - name: "its image cannot be pulled"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        cattle-system   dashboard-shell-x7k2v   0/2   ImagePullBackOff   0   4m
    fires: [{kind: "Pod", namespace: "cattle-system", name: "dashboard-shell-x7k2v"}]
  - name: "a session"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        cattle-system   dashboard-shell-x7k2v   2/2   Running   0   4m
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .pods()
        .filter(|pod| {
            pod.namespace() == "cattle-system"
                && (pod.name().starts_with("dashboard-shell-") || pod.name().starts_with("shell-"))
                && !pod.is_well()
                && !pod.is_terminating()
        })
        .map(|pod| {
            let reason = pod
                .containers()
                .iter()
                .find_map(|container| container.waiting().map(|waiting| waiting.reason));
            Finding::new(rule, pod.object.subject(), Confidence::Confirmed)
                .cite(pod.object.cite_at("/status"))
                .fact("state", reason.unwrap_or_else(|| pod.phase()))
        })
        .collect()
}
