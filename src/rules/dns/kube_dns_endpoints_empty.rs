//! Nobody stands behind the Service of the cluster's name service.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::names::dns_service;
use crate::rules::toolbox::services::answering;
use crate::rules::toolbox::speakers::is_name_service;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kube-dns-endpoints-empty
role: link
level: critical
needs: [services|endpoints|endpointslices]
meets: [{kinds: [Service, Deployment, DaemonSet, Pod], named: [kube-dns, coredns, rke2-coredns, dns-default]}]
check: {zh: "集群域名服务的 Service 是否有就绪的端点", en: "whether the Service of the cluster's name service has ready endpoints"}
title:
  zh: "集群域名服务 {{ subject.namespace }}/{{ subject.name }} 没有就绪的端点{% if not_ready %}（{{ not_ready }} 个未就绪）{% endif %}"
  en: "the cluster's name service {{ subject.namespace }}/{{ subject.name }} has no ready endpoint{% if not_ready %} ({{ not_ready }} are not ready){% endif %}"
cause:
  zh: "没有就绪的 CoreDNS Pod 被 Service {{ subject.name }} 选中，发往 {{ address }} 的查询被拒绝或丢弃，集群内的域名解析全部失效。"
  en: "no ready CoreDNS pod is selected by Service {{ subject.name }}; queries to {{ address }} are rejected or dropped, and no name resolves in the cluster."
causes:
  - rule: dns-resolution-failure
    ground: cluster
    mechanism: {zh: "没有 Pod 应答查询", en: "no pod answers queries"}
  - rule: app-upstream-unresolved
    ground: cluster
    mechanism: {zh: "名字无法解析", en: "names do not resolve"}
  - rule: endpoints-missing
    ground: object
    mechanism: {zh: "同一个 Service 没有端点", en: "it is the same Service"}
benign:
  - {zh: "滚动更新期间短暂没有端点", en: "for a moment during an update"}
remedy:
  - purpose: {zh: "查看端点、selector 与 CoreDNS 的 Pod", en: "look at the endpoints, the selector and the CoreDNS pods"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} describe service {{ subject.name }}
      kubectl -n {{ subject.namespace }} get pods --show-labels -l k8s-app=kube-dns
    expect: {zh: "selector 与 Pod 的标签一致，且 Pod 就绪", en: "the selector fits the labels, and the pods are ready"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "CoreDNS 至少两个副本并设置 PodDisruptionBudget", en: "run two or more replicas of CoreDNS with a PodDisruptionBudget"}
    acceptance: {zh: "排空任一节点时解析不中断", en: "resolution survives the drain of any node"}
sources:
  - "kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution: \"Are DNS endpoints exposed?\""
versions: "any"
examples:
  - name: "tables"
    files:
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        default       kubernetes       ClusterIP   10.96.0.1     <none>        443/TCP                  90d
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
      "ep.txt": |
        NAMESPACE     NAME       ENDPOINTS   AGE
        kube-system   kube-dns   <none>      90d
    fires:
      - {kind: "Service", namespace: "kube-system", name: "kube-dns"}
  - name: "objects with addresses that are not ready"
    files:
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
      "ep.yaml": |
        apiVersion: v1
        kind: Endpoints
        metadata: {name: kube-dns, namespace: kube-system}
        subsets:
          - notReadyAddresses: [{ip: 10.244.0.5}]
            ports: [{name: dns, port: 53, protocol: UDP}]
    fires:
      - {kind: "Service", namespace: "kube-system", name: "kube-dns"}
  - name: "it has some"
    files:
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
      "ep.txt": |
        NAMESPACE     NAME       ENDPOINTS                     AGE
        kube-system   kube-dns   10.244.0.5:53,10.244.0.6:53   90d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let Some(service) = dns_service(snapshot) else {
        return Vec::new();
    };
    let Some(behind) = answering(snapshot, service).filter(|behind| behind.ready == 0) else {
        return Vec::new();
    };
    let mut finding = Finding::new(rule, service.subject(), Confidence::Confirmed)
        .cite(behind.cite)
        .cite(service.cite_at("/spec/selector"))
        .fact("not_ready", behind.not_ready)
        .fact("address", service.text("/spec/clusterIP"));
    for pod in snapshot.pods().filter(is_name_service) {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(snapshot, &subject));
    }
    vec![finding]
}
