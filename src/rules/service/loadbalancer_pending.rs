//! A Service of type LoadBalancer has no address.

use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: loadbalancer-pending
role: factor
level: warning
needs: [services]
check:
  zh: "LoadBalancer 类型的 Service 是否有地址"
  en: "whether Services of type LoadBalancer have an address"
title:
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 是 LoadBalancer，但没有外部地址"
  en: "Service {{ subject.namespace }}/{{ subject.name }} is a LoadBalancer without an address"
cause:
  zh: "没有控制器给它分配地址：集群没有云控制器或 MetalLB 之类的实现，地址池用尽，或云侧失败。集群内仍可用 ClusterIP 访问。"
  en: "no controller gives it one: the cluster has neither a cloud controller nor the like of MetalLB, its pool is used up, or the cloud fails. Inside the cluster its ClusterIP works."
benign:
  - {zh: "本地测试集群没有负载均衡实现是正常的", en: "test clusters on one machine have none"}
remedy:
  - purpose: {zh: "查看事件与实现", en: "see its events, and what implements it"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe service {{ subject.name }}"
    expect: {zh: "EnsuringLoadBalancer 之后的错误", en: "the error after EnsuringLoadBalancer"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对没有地址超过 10 分钟的 LoadBalancer 告警", en: "alert on a LoadBalancer without an address for 10 minutes"}
    acceptance: {zh: "地址池用尽时收到告警", en: "a pool that is used up raises it"}
sources: ["kubernetes.io/docs/concepts/services-networking/service/#loadbalancer"]
versions: "all"
examples:
  - name: "an object"
    files:
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}}]}'
    fires: [{kind: "Service", namespace: "shop", name: "web"}]
  - name: "it has one"
    files:
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("Service")
        .filter(|service| {
            service.text("/spec/type") == "LoadBalancer"
                && service.get("/status").is_some()
                && service.list("/status/loadBalancer/ingress").is_empty()
                && service.list("/spec/externalIPs").is_empty()
        })
        .map(|service| {
            Finding::new(rule, service.subject(), Confidence::Confirmed)
                .at("status.loadBalancer")
                .cite(service.cite_at("/status/loadBalancer"))
                .fact("class", service.text("/spec/loadBalancerClass"))
        })
        .collect()
}
