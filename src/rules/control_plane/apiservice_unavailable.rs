//! An aggregated API is not available.

use crate::cluster::Object;
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: apiservice-unavailable
role: cause
level: warning
needs: [apiservices]
check:
  zh: "聚合 API（APIService）是否可用"
  en: "whether the aggregated APIs are available"
title:
  zh: "聚合 API {{ subject.name }} 不可用{% if reason %}（{{ reason }}）{% endif %}{% if service %}：它由 Service {{ namespace }}/{{ service }} 提供{% endif %}"
  en: "aggregated API {{ subject.name }} is not available{% if reason %} ({{ reason }}){% endif %}{% if service %}: Service {{ namespace }}/{{ service }} has to serve it{% endif %}"
cause:
  zh: "API 服务器不能使用 {{ subject.name }} 的后端{% if message %}：{{ message }}{% endif %}。凡是要列出所有 API 的操作（删除命名空间、垃圾回收、helm）以及依赖它的组件（自动伸缩、kubectl top）都会失败。"
  en: "the API server cannot use what serves {{ subject.name }}{% if message %}: {{ message }}{% endif %}. Whatever lists all APIs (the deletion of a namespace, garbage collection, helm) and whatever needs this one (autoscaling, kubectl top) fails."
causes:
  - rule: hpa-metrics-missing
    ground: object
    mechanism: {zh: "指标 API 不可用", en: "the metrics API is not available"}
  - rule: namespace-terminating-stuck
    ground: object
    mechanism: {zh: "控制器列不出要删除的内容", en: "the controller cannot list what to delete"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "请求被转发到不可用的后端", en: "requests are passed to a backend that does not answer"}
benign:
  - {zh: "条件 Available 为 True（Local 或 Passed）是健康的", en: "Available True (Local or Passed) is healthy"}
  - {zh: "metrics-server 滚动更新时会短暂为 False", en: "False for a moment while metrics-server rolls"}
remedy:
  - purpose: {zh: "查看不可用的 APIService 及其后端", en: "see which one is not available, and what serves it"}
    place: cluster
    risk: read-only
    command: |
      kubectl get apiservice {{ subject.name }} -o yaml
      kubectl -n {{ namespace or 'kube-system' }} get endpoints
    expect: {zh: "Available False 与原因", en: "Available False with its reason"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复后端的 Pod、Service 或证书", en: "bring back the backend's pods, Service or certificate"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace or 'kube-system' }} rollout restart deployment {{ service or '<BACKEND>' }}"
    verify: {zh: "`kubectl get apiservice` 显示 True", en: "`kubectl get apiservice` shows True"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
  - purpose: {zh: "只有当提供它的产品已经卸载时，删除这个 APIService", en: "only if the product that served it is gone for good, delete the APIService"}
    place: cluster
    risk: dangerous
    command: "kubectl delete apiservice {{ subject.name }}"
    verify: {zh: "依赖它的操作恢复", en: "what depended on it works again"}
    rollback: {zh: "重新安装该产品会重建它", en: "installing the product again creates it anew"}
prevention:
  - kind: process
    text: {zh: "卸载清单中包含 APIService", en: "put APIServices on the checklist for removals"}
    acceptance: {zh: "卸载演练后没有残留的 APIService", en: "a rehearsed removal leaves none behind"}
  - kind: detect
    text: {zh: "对 aggregator_unavailable_apiservice 告警", en: "alert on aggregator_unavailable_apiservice"}
    acceptance: {zh: "停掉 metrics-server 后收到告警", en: "stopping metrics-server raises it"}
sources: ["kubernetes staging/src/k8s.io/kube-aggregator/pkg/controllers/status: available_controller.go"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "its Service has no endpoints"
    files:
      "apiservices.txt": |
        NAME                          SERVICE                      AVAILABLE                  AGE
        v1.apps                       Local                        True                       90d
        v1beta1.metrics.k8s.io        kube-system/metrics-server   False (MissingEndpoints)   90d
    fires: [{kind: "APIService", name: "v1beta1.metrics.k8s.io"}]
  - name: "all are well"
    files:
      "apiservices.txt": |
        NAME                          SERVICE                      AVAILABLE   AGE
        v1.apps                       Local                        True        90d
        v1beta1.metrics.k8s.io        kube-system/metrics-server   True        90d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("APIService")
        .filter_map(|service| judge(rule, service))
        .collect()
}

fn judge(rule: &RuleHeader, service: &Object) -> Option<Finding> {
    let text = |index: usize, field: &str| service.text(&format!("/status/conditions/{index}/{field}"));
    let index = (0..service.list("/status/conditions").len())
        .find(|&index| text(index, "type") == "Available" && text(index, "status") == "False")?;
    let (namespace, name) = (
        service.text("/spec/service/namespace"),
        service.text("/spec/service/name"),
    );
    let field = if text(index, "message").is_empty() {
        "status"
    } else {
        "message"
    };
    let mut finding = Finding::new(rule, service.subject(), Confidence::Confirmed)
        .at("status.conditions[Available]")
        .cite(
            service
                .cite_at(&format!("/status/conditions/{index}/{field}"))
                .at(service.time(&format!("/status/conditions/{index}/lastTransitionTime"))),
        )
        .fact("reason", text(index, "reason"))
        .fact("message", text(index, "message").chars().take(240).collect::<String>())
        .fact("service", name)
        .fact("namespace", namespace);
    if !name.is_empty() {
        let backend = Subject::namespaced("Service", namespace, name);
        finding.add_affected(backend.clone());
        finding.blame(backend);
        // What runs behind a Service is often called like it.
        let workload = Subject::namespaced("Deployment", namespace, name);
        finding.touches.extend(Touch::of(&workload));
        finding.blame(workload);
    }
    Some(finding)
}
