//! A workload with container ports is behind no Service.

use crate::model::Confidence;
use crate::rules::toolbox::services::{Fit, backends, fit, selector, services_in};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: workload-without-service
role: factor
level: info
needs: [deployments, services]
check:
  zh: "开放端口的工作负载是否有 Service"
  en: "whether workloads with ports are behind a Service"
title:
  zh: "Deployment {{ subject.namespace }}/{{ subject.name }} 声明了端口，但没有 Service 选中它的 Pod"
  en: "Deployment {{ subject.namespace }}/{{ subject.name }} declares ports, and no Service selects its pods"
cause:
  zh: "Pod 的地址随重建而变，集群外也无法路由；没有 Service 时只有知道当前 Pod IP 的一方能访问它。"
  en: "addresses of pods change with every new pod and are not routed outside; without a Service only who knows a pod's present address reaches it."
knowledge:
  - text: {zh: "Pod 地址（10.42.0.0/16、10.244.0.0/16 等）只在集群内可路由；从集群外访问要用 Service 的 NodePort、LoadBalancer 或 Ingress。云厂商的 VPC CNI 与 BGP 对等互联是例外。", en: "addresses of pods (10.42.0.0/16, 10.244.0.0/16 and the like) are routed inside the cluster only; from outside use a Service of type NodePort or LoadBalancer, or an Ingress. VPC networks of clouds and BGP peering are the exceptions."}
    reference: "kubernetes.io/docs/concepts/cluster-administration/networking"
benign:
  - {zh: "消费队列的后台程序不需要 Service", en: "programs that only take work from a queue need none"}
  - {zh: "仅供监控抓取的端口", en: "ports for metrics only"}
remedy:
  - purpose: {zh: "列出 Service 与标签", en: "list Services and labels"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} get services -o wide
      kubectl -n {{ namespace }} get deployment {{ subject.name }} --show-labels
    expect: {zh: "没有选择器与其标签相符", en: "no selector that fits its labels"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "在评审清单中核对每个对外工作负载的 Service", en: "look for the Service of every workload that serves others in reviews"}
    acceptance: {zh: "新服务上线前能以 DNS 名访问", en: "a new service answers by its DNS name before it goes live"}
sources: ["kubernetes.io/docs/concepts/services-networking/service"]
versions: "all"
examples:
  - name: "nobody selects it"
    files:
      "deploy.json": '{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]}}}, "status": {"replicas": 1}}]}'
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "db", "namespace": "shop", "uid": "db"}, "spec": {"selector": {"app": "db"}, "ports": [{"port": 5432}]}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "a Service does"
    files:
      "deploy.json": '{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]}}}, "status": {"replicas": 1}}]}'
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 5432}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for workload in snapshot.kind("Deployment") {
        let namespace = workload.key.namespace.as_str();
        // System components are often reached in other ways.
        let is_system = namespace.starts_with("kube-") || namespace.ends_with("-system");
        let has_ports = workload.list("/spec/template/spec/containers").iter().any(|container| {
            container
                .get("ports")
                .and_then(|ports| ports.as_array())
                .is_some_and(|ports| !ports.is_empty())
        });
        if is_system || !has_ports || services_in(snapshot, namespace).next().is_none() {
            continue;
        }
        let selected = backends(snapshot, namespace)
            .iter()
            .filter(|backend| backend.subject == workload.subject())
            .any(|backend| {
                services_in(snapshot, namespace)
                    .filter_map(selector)
                    .any(|wanted| fit(wanted, backend) != Fit::Refused)
            });
        if !selected {
            findings.push(
                Finding::new(rule, workload.subject(), Confidence::Probable)
                    .cite(workload.cite_at("/spec/template/metadata/labels"))
                    .fact("namespace", namespace),
            );
        }
    }
    findings
}
