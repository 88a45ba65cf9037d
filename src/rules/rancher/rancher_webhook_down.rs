//! Rancher's webhook has no ready pod, so the API server cannot ask it.

use crate::cluster::{Object, PodView};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rancher-webhook-down
role: link
level: critical
needs: [pods|deployments]
meets: [{kinds: [Pod, Deployment, Service], named: [rancher-webhook]}]
check:
  zh: rancher-webhook 是否有就绪的 Pod
  en: whether rancher-webhook has a ready pod
title:
  zh: "Deployment cattle-system/rancher-webhook 没有就绪的 Pod{% if state %}（{{ state }}）{% endif %}"
  en: "Deployment cattle-system/rancher-webhook has no ready pod{% if state %} ({{ state }}){% endif %}"
cause:
  zh: "rancher-webhook 为 Rancher 的资源与 Namespace 做准入检查，failurePolicy 为 Fail：它没有就绪的 Pod 时，创建或修改 Namespace、角色绑定、项目等请求都会被拒绝。它在任何版本中都没有针对 Pod 的规则，与 imagePullSecrets 无关。"
  en: "rancher-webhook checks Rancher's resources and Namespaces with failurePolicy Fail: while it has no ready pod, creating or changing Namespaces, role bindings, projects and the like is refused. No version of it has a rule for pods, so it has nothing to do with imagePullSecrets."
causes:
  - rule: webhook-call-failed
    ground: service
    mechanism: {zh: "webhook 没有就绪的 Pod", en: "the webhook has no ready pod"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "它自己的副本不可用", en: "its own replicas are not available"}
benign:
  - {zh: "Rancher 2.5 及更早的版本没有 rancher-webhook", en: "Rancher up to 2.5 has no rancher-webhook"}
  - {zh: "升级时短暂没有就绪的 Pod", en: "no ready pod for a moment during an upgrade"}
remedy:
  - purpose: {zh: "查看 Pod、Service 与 webhook 配置", en: "look at its pods, its Service and the configurations"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n cattle-system get pods,service,endpoints -l app=rancher-webhook
      kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations rancher.cattle.io
    expect: {zh: "没有就绪的端点", en: "no ready endpoint"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重启 webhook", en: "restart the webhook"}
    place: cluster
    risk: change
    command: "kubectl -n cattle-system rollout restart deployment/rancher-webhook"
    expect: {zh: "restarted", en: "restarted"}
    verify: {zh: "Pod 就绪，能创建 Namespace", en: "its pod is ready and Namespaces can be created"}
    rollback: {zh: "`kubectl -n cattle-system rollout undo deployment/rancher-webhook`", en: "`kubectl -n cattle-system rollout undo deployment/rancher-webhook`"}
    notes:
      - {zh: "紧急情况下可先备份再删除两个 rancher.cattle.io 配置，webhook 启动时会重建", en: "in an emergency, save and then delete both configurations rancher.cattle.io; the webhook makes them again when it starts"}
prevention:
  - kind: detect
    text: {zh: "对 rancher-webhook 的可用副本数为 0 告警", en: "alert when rancher-webhook has no available replica"}
    acceptance: {zh: "缩容为 0 后 5 分钟内收到告警", en: "scaling it to 0 raises the alert within 5 minutes"}
sources:
  - "rancher/webhook pkg/server: configurations rancher.cattle.io, failurePolicy Fail"
  - "rancher/rancher#39577, #49832: `failed calling webhook \"rancher.cattle.io.namespaces\"`"
versions: "Rancher 2.6 to 2.12"
examples:
  - name: "not ready"
    files:
      "pods.txt": |
        NAMESPACE       NAME                              READY   STATUS             RESTARTS   AGE
        cattle-system   rancher-webhook-57b96b46b7-zv4q2  0/1     CrashLoopBackOff   7          41m
    fires: [{kind: "Deployment", namespace: "cattle-system", name: "rancher-webhook"}]
  - name: "ready"
    files:
      "pods.txt": |
        NAMESPACE       NAME                              READY   STATUS    RESTARTS   AGE
        cattle-system   rancher-webhook-57b96b46b7-zv4q2  1/1     Running   0          41m
"##;

const NAMESPACE: &str = "cattle-system";
const NAME: &str = "rancher-webhook";

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let subject = Subject::namespaced("Deployment", NAMESPACE, NAME);
    let pods: Vec<PodView<'_>> = snapshot.pods_of(&subject).filter(|pod| !pod.is_terminating()).collect();
    let deployment = snapshot.object("Deployment", NAMESPACE, NAME);
    if pods.iter().any(PodView::is_well) || deployment.is_some_and(is_available) {
        return Vec::new();
    }
    let Some((state, cite)) = state(&pods, deployment) else {
        return Vec::new();
    };
    let mut finding = Finding::new(rule, subject.clone(), Confidence::Confirmed)
        .cite(cite)
        .fact("state", state)
        .touch(Ground::Service, format!("{NAMESPACE}/{NAME}"));
    for pod in &pods {
        let subject = pod.object.subject();
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
    }
    vec![finding]
}

fn is_available(deployment: &Object) -> bool {
    deployment.int("/status/availableReplicas").unwrap_or(0) > 0
}

/// How it is in the words of its pod, else that its Deployment has none that is available.
fn state(pods: &[PodView<'_>], deployment: Option<&Object>) -> Option<(String, Citation)> {
    if let Some(pod) = pods.first() {
        let containers = pod.containers();
        let waiting = containers
            .iter()
            .find_map(|container| Some((container, container.waiting()?)));
        return Some(match waiting {
            Some((container, waiting)) => (
                waiting.reason.to_owned(),
                pod.cite_status(container, "/state/waiting/reason"),
            ),
            None => (pod.phase().to_owned(), pod.object.cite_at("/status")),
        });
    }
    let deployment = deployment.filter(|deployment| deployment.get("/status").is_some())?;
    let replicas = deployment.int("/spec/replicas").unwrap_or(1);
    let state = if replicas == 0 { "replicas: 0" } else { "" };
    Some((state.to_owned(), deployment.cite_at("/status")))
}
