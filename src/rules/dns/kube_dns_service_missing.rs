//! The Service of the cluster's name service is gone.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::add_hit;
use crate::rules::toolbox::hosts::{Suffering, any_suffering};
use crate::rules::toolbox::names::{dns_service, lists_system_services, name_complaints};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kube-dns-service-missing
role: cause
level: critical
needs: [services]
meets: [{kinds: [Service, Deployment, DaemonSet, Pod], named: [kube-dns, coredns, rke2-coredns, dns-default]}]
check: {zh: "集群域名服务的 Service 是否存在", en: "whether the Service of the cluster's name service exists"}
title:
  zh: "集群域名服务的 Service kube-system/kube-dns 不存在"
  en: "the Service of the cluster's name service, kube-system/kube-dns, does not exist"
cause:
  zh: "命名空间 kube-system 的 Service 列表中没有域名服务（标签 k8s-app=kube-dns）。Pod 的 resolv.conf 指向它的 ClusterIP，因此集群内的名字与外部名字都无法解析。"
  en: "the Services of kube-system have no name service among them (label k8s-app=kube-dns). resolv.conf of every pod names its ClusterIP, so neither names of the cluster nor others resolve."
questions:
  - {zh: "是谁、何时删除了它？（审计日志中的 delete services/kube-dns）", en: "who deleted it, and when? (delete services/kube-dns in the audit log)"}
causes:
  - rule: dns-resolution-failure
    ground: cluster
    mechanism: {zh: "查询发往的地址没有人应答", en: "nobody answers at the address that is asked"}
  - rule: app-upstream-unresolved
    ground: cluster
    mechanism: {zh: "名字无法解析", en: "names do not resolve"}
benign:
  - {zh: "RKE2 中它叫 rke2-coredns-rke2-coredns，OpenShift 中叫 openshift-dns/dns-default", en: "RKE2 calls it rke2-coredns-rke2-coredns, OpenShift openshift-dns/dns-default"}
  - {zh: "没有列出 kube-system 的 Service 时不能下结论", en: "nothing can be said where the Services of kube-system were not listed"}
remedy:
  - purpose: {zh: "确认 Service 不存在，并取得 Pod 使用的地址", en: "see that it is absent, and which address pods ask"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n kube-system get service -l k8s-app=kube-dns
      kubectl -n {{ namespace or 'default' }} exec {{ pod or '<POD>' }} -- cat /etc/resolv.conf
    expect: {zh: "第一条没有结果；nameserver 是原来的 ClusterIP", en: "the first finds none; nameserver is the former ClusterIP"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "用原来的 ClusterIP 重建 Service", en: "create the Service again with its former ClusterIP"}
    place: cluster
    risk: change
    command: |
      kubectl apply -f - <<'YAML'
      apiVersion: v1
      kind: Service
      metadata:
        name: kube-dns
        namespace: kube-system
        labels: {k8s-app: kube-dns, kubernetes.io/cluster-service: "true", kubernetes.io/name: CoreDNS}
      spec:
        clusterIP: <CLUSTER_DNS_IP>
        selector: {k8s-app: kube-dns}
        ports:
          - {name: dns, port: 53, protocol: UDP}
          - {name: dns-tcp, port: 53, protocol: TCP}
          - {name: metrics, port: 9153, protocol: TCP}
      YAML
    expect: {zh: "`service/kube-dns created`", en: "`service/kube-dns created`"}
    verify: {zh: "Pod 内 `nslookup kubernetes.default` 成功", en: "`nslookup kubernetes.default` works in a pod"}
    rollback: {zh: "`kubectl -n kube-system delete service kube-dns`", en: "`kubectl -n kube-system delete service kube-dns`"}
    notes:
      - {zh: "<CLUSTER_DNS_IP> 是 kubelet 的 clusterDNS（Pod 的 resolv.conf 中的 nameserver）；由 kubeadm、RKE 或 Helm 管理时用它们重新应用插件", en: "<CLUSTER_DNS_IP> is clusterDNS of the kubelet (nameserver in resolv.conf of pods); where kubeadm, RKE or Helm manage it, let them apply the add-on again"}
prevention:
  - kind: detect
    text: {zh: "对 kube-dns 的 Service 不存在或没有端点告警", en: "alert when the Service kube-dns is absent or without endpoints"}
    acceptance: {zh: "在测试集群删除它触发告警", en: "deleting it in a test cluster raises the alert"}
  - kind: prevent
    text: {zh: "用 RBAC 限制对 kube-system 的删除权限", en: "limit by RBAC who may delete in kube-system"}
    acceptance: {zh: "普通账号的 kubectl auth can-i delete services -n kube-system 返回 no", en: "kubectl auth can-i delete services -n kube-system says no for ordinary accounts"}
sources:
  - "kubernetes cluster/addons/dns/coredns/coredns.yaml.base"
  - "kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution"
versions: "any"
examples:
  - name: "everything is listed, and it is not there"
    files:
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        default       kubernetes       ClusterIP   10.96.0.1     <none>        443/TCP                  90d
        kube-system   metrics-server   ClusterIP   10.96.0.99    <none>        443/TCP                  90d
        shop          web              ClusterIP   10.96.0.12    <none>        80/TCP                   90d
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n1
      "web-57b96b46b7-zv4q2.log": |
        dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.5:33->10.96.0.10:53: i/o timeout
        dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.5:33->10.96.0.10:53: i/o timeout
        dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.5:33->10.96.0.10:53: i/o timeout
    fires:
      - {kind: "Service", namespace: "kube-system", name: "kube-dns"}
  - name: "it is there"
    files:
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        default       kubernetes       ClusterIP   10.96.0.1     <none>        443/TCP                  90d
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
        shop          web              ClusterIP   10.96.0.12    <none>        80/TCP                   90d
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n1
  - name: "RKE2 calls it otherwise"
    files:
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        default       kubernetes       ClusterIP   10.96.0.1     <none>        443/TCP                  90d
        kube-system   metrics-server   ClusterIP   10.96.0.99    <none>        443/TCP                  90d
        kube-system   rke2-coredns-rke2-coredns   ClusterIP   10.43.0.10    <none>        53/UDP,53/TCP   90d
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n1
  - name: "only one namespace was listed"
    files:
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        shop          web              ClusterIP   10.96.0.12    <none>        80/TCP                   90d
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n1
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    if dns_service(snapshot).is_some() || !lists_system_services(snapshot) {
        return Vec::new();
    }
    let complaints: Vec<_> = name_complaints(snapshot).collect();
    // A listing may be cut to some columns or names; it counts where somebody misses the Service.
    if complaints.is_empty() && any_suffering(snapshot) != Suffering::Yes {
        return Vec::new();
    }
    let confidence = if complaints.is_empty() {
        Confidence::Probable
    } else {
        Confidence::Confirmed
    };
    let who = complaints
        .first()
        .map(|hit| hit.about.object.clone())
        .unwrap_or_default();
    let mut finding = Finding::new(
        rule,
        Subject::namespaced("Service", "kube-system", "kube-dns"),
        confidence,
    )
    .fact("namespace", who.namespace)
    .fact("pod", who.name);
    // What was listed is the ground of the claim.
    for service in snapshot.kind("Service").take(2) {
        finding.add_cite(service.cite_at("/metadata/name"));
    }
    for hit in complaints.iter().take(3) {
        add_hit(input, &mut finding, hit);
    }
    vec![finding]
}
