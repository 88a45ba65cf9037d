//! A kubelet gives its pods another address than that of the name service.

use serde_json::Value;

use crate::model::{Citation, Confidence};
use crate::rules::toolbox::hosts::{Machine, Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::names::dns_addresses;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-cluster-dns-wrong
role: cause
level: critical
needs: [node-configuration|kubeletconfigurations|processes|events]
text:
  - id: missing
    in: [event, kubelet]
    pattern: 'kubelet does not have ClusterDNS IP configured and cannot create Pod using "?(?P<wanted>ClusterFirst\w*)"? policy'
check: {zh: "kubelet 的 clusterDNS 是否是集群域名服务的地址", en: "whether clusterDNS of the kubelets is the name service's address"}
title:
  zh: "节点 {{ node }} 的 kubelet 给 Pod 的域名服务地址是 {{ found }}，而集群域名服务在 {{ right }}"
  en: "the kubelet of node {{ node }} gives pods the name server {{ found }}, while the name service of the cluster is at {{ right }}"
cause:
  zh: "kubelet 的 clusterDNS（{{ found }}）与 Service kube-dns 的 ClusterIP（{{ right }}）不同，该节点上 Pod 的 resolv.conf 因此指向一个没有人应答的地址。"
  en: "clusterDNS of the kubelet ({{ found }}) differs from the ClusterIP of Service kube-dns ({{ right }}), so resolv.conf of the pods on this node names an address at which nobody answers."
causes:
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询得不到应答", en: "queries get no answer"}
  - rule: app-upstream-unresolved
    ground: node
    mechanism: {zh: "名字解析失败", en: "names do not resolve"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不能就绪", en: "pods of the node do not get ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "进程因此退出，kubelet 反复重启", en: "the process ends over it and the kubelet restarts it"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "Pod 不就绪，端点被移除", en: "pods that are not ready leave the endpoints"}
benign:
  - {zh: "NodeLocal DNSCache 的 169.254.20.10", en: "169.254.20.10 of NodeLocal DNSCache"}
remedy:
  - purpose: {zh: "查看 kubelet 的配置", en: "look at the configuration of the kubelet"}
    place: node
    risk: read-only
    command: |
      grep -A2 clusterDNS /var/lib/kubelet/config.yaml
      kubectl -n kube-system get service kube-dns -o jsonpath='{.spec.clusterIP}'
    expect: {zh: "两个地址不同", en: "the two addresses differ"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正 clusterDNS 后重启 kubelet，并重建该节点上的 Pod", en: "mend clusterDNS, restart the kubelet and re-create the pods of the node"}
    place: node
    risk: change
    command: |
      vi /var/lib/kubelet/config.yaml
      systemctl restart kubelet
    expect: {zh: "kubelet 重新启动", en: "the kubelet starts again"}
    verify: {zh: "新 Pod 的 resolv.conf 是 {{ right }}", en: "resolv.conf of new pods has {{ right }}"}
    rollback: {zh: "恢复 config.yaml 的备份并重启 kubelet", en: "put back the saved config.yaml and restart the kubelet"}
prevention:
  - kind: detect
    text: {zh: "比较各节点 kubelet 的 clusterDNS 与 kube-dns 的地址", en: "compare clusterDNS of all kubelets with the address of kube-dns"}
    acceptance: {zh: "测试节点上的错误地址被报告", en: "a wrong address on a test node is reported"}
sources:
  - "kubernetes staging/src/k8s.io/kubelet/config/v1beta1/types.go: clusterDNS"
  - "kubernetes pkg/kubelet/network/dns/dns.go: `kubelet does not have ClusterDNS IP configured`"
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "another address"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "svc.txt": |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP   90d
      "n2/var/lib/kubelet/config.yaml": |
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        clusterDNS:
        - 10.100.0.10
        clusterDomain: cluster.local
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "a flag of the process"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "svc.txt": |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP   90d
      "n2/ps.txt": |
        USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND
        root         812  1.0  0.5 100000 50000 ?        Ssl  09:00   0:10 /usr/bin/kubelet --cluster-dns=10.100.0.10 --v=2
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "the right one, and the cache of the node"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "svc.txt": |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP   90d
      "n2/var/lib/kubelet/config.yaml": |
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        clusterDNS:
        - 10.96.0.10
        clusterDomain: cluster.local
      "n1/var/lib/kubelet/config.yaml": |
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        clusterDNS:
        - 169.254.20.10
        clusterDomain: cluster.local
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let right = dns_addresses(snapshot);
    let shown = right.first().copied().unwrap_or("?");
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Confirmed)
        .into_iter()
        .filter(|finding| network_suffering(snapshot, &finding.subject.name) != Suffering::No)
        .map(|finding| finding.fact("found", "-").fact("right", shown))
        .collect();
    if right.is_empty() {
        return findings;
    }
    for machine in machines(snapshot) {
        let suffers = network_suffering(snapshot, &machine.node);
        let wrong = configured(&machine).filter(|(servers, _)| {
            !servers.is_empty() && servers.iter().all(|server| !right.contains(&server.as_str()))
        });
        if let (Some((servers, cite)), true) = (wrong, suffers != Suffering::No) {
            findings.retain(|finding| finding.subject.name != machine.node);
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .at("clusterDNS")
                    .cite(cite)
                    .fact("found", servers.join(", "))
                    .fact("right", shown),
            );
        }
    }
    findings
}

/// The addresses that a kubelet gives out: of its flag, else of its configuration file.
fn configured(machine: &Machine<'_>) -> Option<(Vec<String>, Citation)> {
    let tools = &machine.host.tools;
    let flag = tools
        .argument("kubelet", "--cluster-dns")
        .map(|(servers, cite)| (servers.split(',').map(str::to_owned).collect(), cite));
    let file = || {
        tools.configs.iter().find_map(|config| {
            let value = config.value.as_ref()?;
            let value = value.get("kubeletconfig").unwrap_or(value);
            let list = value.get("clusterDNS")?.as_array()?;
            let cite = config.containing("clusterDNS").unwrap_or_else(|| config.cite.clone());
            let servers = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            Some((servers, cite))
        })
    };
    flag.or_else(file)
}
