//! kube-proxy does not run, or cannot write its rules.

use crate::cluster::Snapshot;
use crate::model::Confidence;
use crate::rules::toolbox::daemons::ailing;
use crate::rules::toolbox::hosts::{is_down, machines, state_of};
use crate::rules::toolbox::nodes::{by_node, ends_log, node_of};
use crate::rules::toolbox::own_hits;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kube-proxy-down
role: link
level: critical
needs: [pods|daemonsets|systemd-units|kube-proxy-log]
text:
  - id: sync
    in: [container-log, control-plane, system]
    pattern: '(?:Failed to (?:execute iptables-restore|ensure that \w+ chain \S+ (?:exists|jumps)|list IPVS|sync)|"?Sync failed"?|can\''?t use the IPVS proxier|can\''t initialize iptables table)[^\n]{0,200}'
  - id: run
    in: [container-log, control-plane]
    pattern: '(?:"Error running ProxyServer"|"command failed" err=|Failed to (?:retrieve node info|read configuration))[^\n]{0,200}'
    unless: 'kubelet|apiserver|scheduler|controller-manager'
check: {zh: "每个节点上的 kube-proxy 是否运行", en: "whether kube-proxy runs on every node"}
title:
  zh: "{% if node %}节点 {{ node }} 的 kube-proxy 没有正常运行{% else %}kube-proxy（DaemonSet {% if namespace %}{{ namespace }}/{% endif %}{{ daemon }}）{% if wants_none %}不在任何节点上运行{% else %}只在 {{ ready }}/{{ wanted }} 个节点上就绪{% endif %}{% endif %}{% if said %}：{{ said }}{% endif %}"
  en: "{% if node %}kube-proxy of node {{ node }} does not run as it should{% else %}kube-proxy (DaemonSet {% if namespace %}{{ namespace }}/{% endif %}{{ daemon }}) {% if wants_none %}runs on no node{% else %}is ready on {{ ready }} of {{ wanted|nodes }}{% endif %}{% endif %}{% if said %}: {{ said }}{% endif %}"
cause:
  zh: "kube-proxy 把 Service 的地址翻译成 Pod 的地址；它停止后规则不再更新，新的或变化了的 Service（包括 kube-dns 与 kubernetes）从该节点访问不到。{% if wants_none %}DaemonSet 的 nodeSelector（{{ selector }}）不匹配任何节点。{% endif %}"
  en: "kube-proxy translates the addresses of Services into those of pods; once it stops, its rules go stale, and Services that are new or changed (kube-dns and kubernetes among them) are out of reach from the node.{% if wants_none %} The DaemonSet's nodeSelector ({{ selector }}) matches no node.{% endif %}"
causes:
  - rule: app-permission-denied
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-config-invalid
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-unknown-option
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-missing-file
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-port-in-use
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-resources-exhausted
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-panic
    ground: workload
    mechanism: {zh: "kube-proxy 自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: crashloopbackoff
    ground: pod
    mechanism: {zh: "在其 Pod 上表现为反复崩溃", en: "it shows as crashes of its pods"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "其 Pod 没有就绪", en: "its pods are not ready"}
  - rule: readiness-probe-failing
    ground: pod
    mechanism: {zh: "就绪探针报告同一故障", en: "its readiness probe reports the same"}
  - rule: liveness-probe-failing
    ground: pod
    mechanism: {zh: "存活探针报告同一故障", en: "its liveness probe reports the same"}
  - rule: cni-agent-unhealthy
    ground: node
    mechanism: {zh: "CNI 的守护进程因此不就绪", en: "the CNI's daemon is not ready for it"}
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询得不到应答", en: "queries get no answer"}
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "到对端的连接得不到应答", en: "connections to the peer get no answer"}
  - rule: peer-unresponsive
    ground: node
    mechanism: {zh: "这个节点上的调用方没有到 Service 的路", en: "callers on this node have no way to Services"}
  - rule: app-upstream-unresolved
    ground: node
    mechanism: {zh: "名字解析失败", en: "names do not resolve"}
  - rule: app-database-unreachable
    ground: node
    mechanism: {zh: "到数据库的连接得不到应答", en: "connections to the database get no answer"}
  - rule: coredns-pod-unhealthy
    ground: node
    mechanism: {zh: "该节点上的域名服务因此不可用", en: "the name service on this node suffers from it"}
  - rule: service-unreachable
    ground: node
    mechanism: {zh: "到后端的路径不通", en: "the way to what stands behind it is broken"}
  - rule: conntrack-stale-entry
    ground: node
    mechanism: {zh: "没有 kube-proxy 就没有人清理 UDP 条目", en: "without kube-proxy nobody clears UDP entries"}
benign:
  - {zh: "使用 Cilium 替代 kube-proxy 或 k3s（内嵌）的集群没有 kube-proxy", en: "clusters with the kube-proxy replacement of Cilium, and k3s (which embeds it), have no kube-proxy"}
  - {zh: "iptables-restore 偶尔一次失败后会自动重试", en: "a single failure of iptables-restore is tried again"}
remedy:
  - purpose: {zh: "查看 kube-proxy 的 Pod", en: "look at the pods of kube-proxy"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n kube-system get pods -o wide -l 'k8s-app in (kube-proxy)'
      kubectl -n kube-system get daemonset kube-proxy
    expect: {zh: "每个节点一个 Running 的 Pod", en: "one running pod for each node"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看 kube-proxy 的健康检查与服务状态", en: "look at its health check and service"}
    place: node
    risk: read-only
    command: |
      curl -s http://127.0.0.1:10256/healthz
      systemctl status kube-proxy --no-pager -l
    expect: {zh: "lastUpdated 是刚才", en: "lastUpdated is a moment ago"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "排除原因后重启 kube-proxy", en: "restart kube-proxy once the reason is gone"}
    place: cluster
    risk: change
    command: "{% if node and not daemon %}systemctl restart kube-proxy{% else %}kubectl -n {{ namespace or \"kube-system\" }} rollout restart daemonset {{ daemon or \"kube-proxy\" }}{% endif %}"
    expect: {zh: "kube-proxy 重启", en: "kube-proxy restarts"}
    verify: {zh: "iptables-save 中出现 KUBE-SERVICES，Service 可以访问", en: "iptables-save shows KUBE-SERVICES and Services answer"}
    rollback: {zh: "无需回滚：规则由 kube-proxy 重建", en: "none needed: kube-proxy writes its rules anew"}
prevention:
  - kind: detect
    text: {zh: "对 kube-proxy 的 10256/healthz 与 kubeproxy_sync_proxy_rules_last_timestamp_seconds 告警", en: "alert on 10256/healthz of kube-proxy and on kubeproxy_sync_proxy_rules_last_timestamp_seconds"}
    acceptance: {zh: "停掉一个节点的 kube-proxy 触发告警", en: "stopping kube-proxy on one node raises the alert"}
sources:
  - "kubernetes pkg/proxy/iptables/proxier.go: `Failed to execute iptables-restore`, `Sync failed`"
  - "kubernetes cmd/kube-proxy/app/server.go: `Error running ProxyServer`"
  - "kubernetes/kubernetes#71305"
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "the service of one node is stopped"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "n2/kube-proxy.txt": |
        ○ kube-proxy.service - Kubernetes Kube-Proxy Server
             Loaded: loaded (/etc/systemd/system/kube-proxy.service; enabled; vendor preset: enabled)
             Active: inactive (dead) since Sat 2026-11-21 09:44:24 UTC; 12min ago
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "its pods crash"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   kube-proxy-7xk2p          0/1     CrashLoopBackOff 9          41m   10.42.0.9    n1
        kube-system   kube-proxy-8hs4m          0/1     CrashLoopBackOff 9          41m   10.42.0.9    n2
    fires:
      - {kind: "DaemonSet", namespace: "kube-system", name: "kube-proxy"}
  - name: "no node is wanted"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "ds.yaml": |
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: kube-proxy, namespace: kube-system, uid: x}
        spec:
          template:
            spec:
              nodeSelector: {kubernetes.io/os: linus}
        status: {desiredNumberScheduled: 0, numberReady: 0, currentNumberScheduled: 0}
    fires:
      - {kind: "DaemonSet", namespace: "kube-system", name: "kube-proxy"}
  - name: "well, and one restore failed once"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   kube-proxy-7xk2p          1/1     Running   0          41m   10.42.0.9    n1
        kube-system   kube-proxy-8hs4m          1/1     Running   0          41m   10.42.0.9    n2
      "kube-proxy-8hs4m.log": |
        E0121 18:20:44.889702 1 proxier.go:1] "Failed to execute iptables-restore" err="exit status 4"
        I0121 20:20:44.889702 1 proxier.go:1] "Syncing"
"##;

/// kube-proxy tries again every 30 seconds, so a failure that lasts is logged more than once.
const LASTING: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = ailing(input, rule, &["kube-proxy"]);
    let is_told = |findings: &[Finding], node: &str| {
        let of_node = |finding: &Finding| finding.subject.name == node || finding.subject.kind == "DaemonSet";
        findings.iter().any(of_node)
    };
    for stopped in by_units(input, rule) {
        if !is_told(&findings, &stopped.subject.name) {
            findings.push(stopped);
        }
    }
    for complaint in by_node(input, rule, LASTING, Confidence::Probable) {
        let node = complaint.subject.name.clone();
        // A program that runs again writes on.
        let is_last = own_hits(input, rule)
            .into_iter()
            .filter(|hit| node_of(input.snapshot, hit).as_deref() == Some(node.as_str()))
            // Other programs sync things of their own.
            .filter(|hit| hit.about.object.kind != "Pod" || hit.about.object.name.contains("kube-proxy"))
            .any(|hit| ends_log(input.snapshot, hit));
        if is_last && !is_told(&findings, &node) {
            let said = complaint.facts.get("line").cloned().unwrap_or_default();
            findings.push(without_pod(complaint).fact("node", node).fact("said", said));
        }
    }
    findings
}

/// Nodes on which kube-proxy is a service of systemd, and does not run.
fn by_units(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot: &Snapshot = input.snapshot;
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        let Some(unit) = machine.unit_of(&["kube-proxy"]) else {
            continue;
        };
        let is_unused = unit.enabled == "disabled" && unit.active == "inactive";
        let runs = machine.runs_container("kube-proxy") || machine.host.tools.process("kube-proxy").is_some();
        if !is_down(unit) || is_unused || runs {
            continue;
        }
        let finding = machine
            .finding(snapshot, rule, Confidence::Confirmed)
            .cite(unit.cite.clone())
            .fact("said", format!("{}: {}", unit.name, state_of(unit)));
        findings.push(without_pod(finding));
    }
    findings
}

/// What is known only of a DaemonSet.
fn without_pod(finding: Finding) -> Finding {
    finding
        .fact("daemon", "")
        .fact("namespace", "")
        .fact("pod", "")
        .fact("selector", "")
        .fact("wants_none", false)
        .fact("ready", 0)
        .fact("wanted", 1)
}
