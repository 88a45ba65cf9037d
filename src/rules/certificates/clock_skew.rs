//! A node's clock is wrong, so certificates seem to come from the future.

use std::collections::BTreeMap;

use crate::cluster::Snapshot;
use crate::logs::clean_line;
use crate::model::{Citation, Confidence, EntryPath, Subject};
use crate::rules::toolbox::clocks::{ahead, behind, odd_by_leases};
use crate::rules::toolbox::hosts::{Suffering, confidence, machines, suffering};
use crate::rules::toolbox::nodes::{by_node, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: clock-skew
role: cause
level: critical
needs: [kubelet-log|etcd-log|container-logs|clock|time-sync]
meets: [{kinds: [Node], least: 2}]
text:
  - id: before
    pattern: "x509: certificate has expired or is not yet valid: current time (?P<clock>\\d{4}-[0-9T:-]+Z?) is before (?P<valid>\\d{4}-[0-9T:-]+Z?)"
  - id: etcd
    pattern: "(?:the clock difference against peer|prober found high clock drift\\b[^\\n]*clock-drift)"
    # The probe takes half of the round trip for the way: over a slow way, or to a slow peer, what it finds is no drift.
    unless: "\"rtt\": ?\"[\\d.hm]*\\ds\""
check:
  zh: "节点时钟是否一致"
  en: "whether the clocks of the nodes agree"
title:
  zh: "节点 {{ node }} 的时钟不准{% if lease is defined %}：它的租约时间比其他节点{% if slow is defined %}早{% else %}晚{% endif %} {{ offset }} 秒{% elif offset is defined %}：相差 {{ offset }} 秒{% elif clock is defined %}：它以为现在是 {{ clock }}，而证书从 {{ valid }} 起才有效{% endif %}"
  en: "the clock of node {{ node }} is wrong{% if lease is defined %}: its lease was renewed {{ offset }} seconds {% if slow is defined %}before{% else %}after{% endif %} all others{% elif offset is defined %}: it is {{ offset }} seconds off{% elif clock is defined %}: it believes that it is {{ clock }}, and the certificate is valid from {{ valid }} only{% endif %}"
cause:
  zh: "{% if lease is defined %}kubelet 每 10 秒用自己的时钟续租；节点 {{ node }} 写下的时间比其余就绪的节点{% if slow is defined %}早{% else %}晚{% endif %} {{ offset }} 秒：证书、令牌与日志按错误的时间判断。{% elif offset is defined %}节点 {{ node }} 的时间同步报告 {{ line }}：证书、令牌与 etcd 的租约按错误的时间判断。{% elif ahead is defined %}其他节点上的程序写出 {{ line }}，只有节点 {{ node }} 上的同类程序接受这些令牌：签发它们的一方在 {{ node }} 上，它的时钟超前。{% else %}节点 {{ node }} 校验证书失败：{{ line }}；它的时钟落后于签发方（或证书签发方的时钟超前），TLS 连接全部失败。{% endif %}"
  en: "{% if lease is defined %}a kubelet renews its lease every 10 seconds by its own clock; what node {{ node }} wrote is {{ offset }} seconds {% if slow is defined %}before{% else %}after{% endif %} that of all other ready nodes: certificates, tokens and logs are judged by a wrong time.{% elif offset is defined %}time synchronisation of node {{ node }} reports {{ line }}: certificates, tokens and leases of etcd are judged by a wrong time.{% elif ahead is defined %}programs on other nodes write {{ line }}, and only those on node {{ node }} take the tokens: whoever issues them runs on {{ node }}, whose clock is ahead.{% else %}node {{ node }} refuses a certificate: {{ line }}; its clock is behind that of the issuer (or the clock of the issuer is ahead), so every TLS connection fails.{% endif %}"
causes:
  - rule: app-bug
    ground: workload
    mechanism: {zh: "时钟落后，新签发的令牌看起来尚未生效", en: "with a clock that is behind a fresh token looks not yet valid"}
  - rule: cert-not-yet-valid
    ground: node
    mechanism: {zh: "时钟落后，证书看起来尚未生效", en: "with a clock that is behind the certificate looks not yet valid"}
  - rule: serviceaccount-token-invalid
    ground: cluster
    mechanism: {zh: "时钟不一致，令牌看起来无效", en: "clocks disagree, so tokens look invalid"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "握手因此失败", en: "handshakes fail for it"}
benign:
  - {zh: "时区不同不是时钟偏差：以 UTC 比较", en: "another time zone is no skew: compare UTC"}
  - {zh: "虚拟机首次启动时短暂出现", en: "for a moment at the first boot of a virtual machine"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "timedatectl"
    expect: {zh: "System clock synchronized: no", en: "System clock synchronized: no"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "chronyc sources"
    expect: {zh: "没有可用的时间源（^?）", en: "no source that can be used (^?)"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复时间源后立即校时", en: "step the clock once a source is back"}
    place: node
    risk: change
    command: "chronyc makestep"
    expect: {zh: "200 OK", en: "200 OK"}
    verify: {zh: "date -u 与其他节点一致", en: "date -u agrees with the other nodes"}
    rollback: {zh: "无需回滚", en: "nothing to undo"}
prevention:
  - kind: detect
    text: {zh: "对 node_timex_offset_seconds 与未同步状态告警", en: "alert on node_timex_offset_seconds and on a clock that is not synchronised"}
    acceptance: {zh: "停掉测试节点的 chronyd 后收到告警", en: "stopping chronyd of a test node raises the alert"}
sources: ["Go crypto/x509 verify.go: `current time %s is before %s`", "etcd rafthttp/probing_status.go"]
versions: "Go 1.14 and newer; etcd 3.3 to 3.6"
examples:
  - name: "all machines were asked one after another, and etcd on another one complains of a peer"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        m1     Ready    control-plane   90d   v1.29.7
        m2     Ready    control-plane   90d   v1.29.7
        m3     Ready    control-plane   90d   v1.29.7
      "timedatectl.txt": |
        ===== m1
                       Local time: Sat 2026-11-21 10:20:42 UTC
                   Universal time: Sat 2026-11-21 10:20:42 UTC
                        Time zone: Etc/UTC (UTC, +0000)
        System clock synchronized: yes
        ===== m2
                       Local time: Sat 2026-11-21 10:20:42 UTC
                   Universal time: Sat 2026-11-21 10:20:42 UTC
                        Time zone: Etc/UTC (UTC, +0000)
        System clock synchronized: yes
        ===== m3
                       Local time: Sat 2026-11-21 10:13:11 UTC
                   Universal time: Sat 2026-11-21 10:13:11 UTC
                        Time zone: Etc/UTC (UTC, +0000)
        System clock synchronized: no
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-11-21T10:20:10.000000Z","caller":"rafthttp/probing_status.go:82","msg":"prober found high clock drift","round-tripper-name":"ROUND_TRIPPER_SNAPSHOT","remote-peer-id":"3c1b09c6ad29e2f7","clock-drift":"7m31.2s","rtt":"1.6ms"}
    fires: [{kind: Node, name: m3, node: m3}]
  - name: "one loop over the nodes, and one of them is ahead"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        n3     Ready    <none>   90d   v1.28.4
      time.txt: |
        [ops@bastion ~]$ for h in n1 n2 n3; do echo "== $h"; ssh $h date -u +%FT%TZ; done
        == n1
        2026-03-01T10:00:00Z
        == n2
        2026-03-01T10:00:01Z
        == n3
        2026-03-01T10:06:22Z
    fires: [{kind: "Node", name: "n3", node: "n3"}]
  - name: "a lease that is renewed in the past, of a node that is ready"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        n3     Ready    <none>   90d   v1.28.4
      leases.json: '{"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "items": [{"metadata": {"name": "n1", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T14:08:39.000000Z"}}, {"metadata": {"name": "n2", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T14:30:04.000000Z"}}, {"metadata": {"name": "n3", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T14:30:01.000000Z"}}]}'
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a lease that is renewed in the future"
    files:
      leases.json: '{"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "items": [{"metadata": {"name": "n1", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T14:30:00.000000Z"}}, {"metadata": {"name": "n2", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T14:30:04.000000Z"}}, {"metadata": {"name": "n3", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T14:35:31.000000Z"}}]}'
    fires: [{kind: "Node", name: "n3", node: "n3"}]
  - name: "two of three kubelets ended at different times"
    files:
      leases.json: '{"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "items": [{"metadata": {"name": "n1", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T13:10:00.000000Z"}}, {"metadata": {"name": "n2", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T13:30:04.000000Z"}}, {"metadata": {"name": "n3", "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-02-24T14:35:31.000000Z"}}]}'
  - name: "one loop over nodes that agree"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        n3     Ready    <none>   90d   v1.28.4
      time.txt: |
        [ops@bastion ~]$ for h in n1 n2 n3; do echo "== $h"; ssh $h date -u +%FT%TZ; done
        == n1
        2026-03-01T10:00:00Z
        == n2
        2026-03-01T10:00:09Z
        == n3
        2026-03-01T10:00:22Z
  - name: "chrony tells the offset"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
      n1/chronyc.txt: |
        Reference ID    : 0A000001 (10.0.0.1)
        Stratum         : 3
        System time     : 341.250000000 seconds slow of NTP time
        Leap status     : Normal
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "pods of a node whose clock is ahead are ready, and refuse fresh tokens"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      pods.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP          NODE
        shop        till-57b96b46b7-zv4q2      1/1     Running   0          41m   10.42.0.9   n2
      n2/ntpdate.txt: |
        server 192.0.2.1, stratum 2, offset -190.250000, delay 0.02612
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "a kubelet in the past"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        k-wk4   Ready   <none>   90d   v1.28.4
        k-wk5   NotReady   <none>   90d   v1.28.4
      k-wk5-kubelet.log: |
        Feb 12 06:08:41 k-wk5 kubelet[1033]: E0212 06:08:41.120087    1033 reflector.go:150] Failed to watch: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-02-12T06:08:41Z is before 2026-02-12T13:02:17Z
    fires: [{kind: "Node", name: "k-wk5", node: "k-wk5"}]
  - name: "only the pods of one node find fresh tokens not yet valid"
    files: 
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      pods.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP           NODE
        shop        desk-57b96b46b7-zv4q2      1/1     Running   0          9d    10.42.0.9    n1
        shop        desk-57b96b46b7-7wq2m      1/1     Running   0          9d    10.42.1.9    n2
      desk-57b96b46b7-zv4q2.log: |
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
      desk-57b96b46b7-7wq2m.log: |
        INFO login ok
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "on every node: then whoever issues them is ahead"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      pods.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP           NODE
        shop        desk-57b96b46b7-zv4q2      1/1     Running   0          9d    10.42.0.9    n1
        shop        desk-57b96b46b7-7wq2m      1/1     Running   0          9d    10.42.1.9    n2
      desk-57b96b46b7-zv4q2.log: |
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
      desk-57b96b46b7-7wq2m.log: |
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
  - name: "on every node but that of the issuer"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        n3     Ready    <none>   90d   v1.28.4
      pods.txt: |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP           NODE
        shop        desk-57b96b46b7-zv4q2      1/1     Running   0          9d    10.42.0.9    n1
        shop        desk-57b96b46b7-7wq2m      1/1     Running   0          9d    10.42.1.9    n2
        shop        desk-57b96b46b7-kc8x4      1/1     Running   0          9d    10.42.2.9    n3
        shop        auth-6d5f8c7b9d-x2vbn      1/1     Running   0          9d    10.42.2.7    n3
      desk-57b96b46b7-zv4q2.log: |
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
      desk-57b96b46b7-7wq2m.log: |
        ERROR login: jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)
      desk-57b96b46b7-kc8x4.log: |
        INFO login ok
    fires: [{kind: "Node", name: "n3", node: "n3"}]
  - name: "etcd finds a slow peer, which is no clock"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
      nodes/n1/logs/etcd.log: |
        {"level":"warn","ts":"2026-01-19T02:10:27.933Z","caller":"rafthttp/probing_status.go:82","msg":"prober found high clock drift","round-tripper-name":"ROUND_TRIPPER_RAFT_MESSAGE","remote-peer-id":"8e852a3fe2c1a2cf","clock-drift":"1.20s","rtt":"2.600684s"}
  - name: "etcd finds a drift"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
      nodes/n1/logs/etcd.log: |
        {"level":"warn","ts":"2026-01-19T02:10:27.933Z","caller":"rafthttp/probing_status.go:82","msg":"prober found high clock drift","round-tripper-name":"ROUND_TRIPPER_RAFT_MESSAGE","remote-peer-id":"8e852a3fe2c1a2cf","clock-drift":"42.20s","rtt":"1.6ms"}
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a certificate that has expired"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        k-wk5   NotReady   <none>   90d   v1.28.4
      k-wk5-kubelet.log: |
        Feb 12 06:08:41 k-wk5 kubelet[1033]: E0212 06:08:41.120087    1033 reflector.go:150] Failed to watch: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-02-12T06:08:41Z is after 2026-02-11T13:02:17Z
"##;

/// Seconds: etcd warns at one, tokens and certificates fail at minutes.
const TOO_FAR: f64 = 5.0;
/// Seconds of difference that libraries allow for when they judge the times of a token (RFC 7519 §4.1.4 speaks of a few minutes at most;
/// Spring Security's JwtTimestampValidator and others take 60).
const FOR_TOKENS: f64 = 60.0;
/// Seconds that it may take to ask one machine after another.
const ONE_AFTER_ANOTHER: i64 = 60;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    for machine in machines(snapshot) {
        let suffers = suffering(snapshot, &machine.node);
        let Some((offset, cite)) = machine.value("clock.offset-seconds") else {
            continue;
        };
        let is_off = |least: f64| offset.parse::<f64>().is_ok_and(|seconds| seconds.abs() >= least);
        // Pods are ready all the same while they refuse each other's tokens.
        if !is_off(TOO_FAR) || suffers == Suffering::No && !is_off(FOR_TOKENS) {
            continue;
        }
        match findings.iter_mut().find(|finding| finding.subject.name == machine.node) {
            Some(told) => told.add_cite(cite),
            None => {
                let line = cite.quote.first().map_or(String::new(), |line| line.text.clone());
                findings.push(
                    machine
                        .finding(snapshot, rule, confidence(suffers))
                        .cite(cite)
                        .fact("line", line)
                        .fact("offset", offset),
                );
            }
        }
    }
    let by_answers = apart(snapshot)
        .into_iter()
        .map(|(node, offset, cite)| (node, offset, cite.clone(), false));
    let by_leases = odd_by_leases(snapshot)
        .into_iter()
        .map(|(node, offset, cite)| (node, offset, cite, true));
    for (node, offset, cite, of_lease) in by_answers.chain(by_leases) {
        if findings.iter().all(|finding| finding.subject.name != node) {
            let line = cite.quote.first().map_or(String::new(), |line| line.text.clone());
            let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Confirmed)
                .cite(cite)
                .fact("node", node.clone())
                .fact("line", line)
                .fact("offset", offset.to_string());
            if of_lease {
                finding.facts.insert("lease".into(), true.into());
                finding.facts.insert("offset".into(), offset.abs().into());
                if offset < 0 {
                    finding.facts.insert("slow".into(), true.into());
                }
            }
            touch_pods(snapshot, &node, &mut finding);
            findings.push(finding);
        }
    }
    // etcd says that a peer's clock differs, and not which of the two is wrong; who was measured tells.
    let is_measured = |finding: &Finding| finding.facts.contains_key("offset");
    if findings.iter().any(is_measured) {
        findings.retain(|finding| is_measured(finding) || finding.facts.contains_key("clock"));
    }
    blame_unsynchronised(input, rule, &mut findings);
    // Where no machine was asked for its clock, its programs tell, if their twins elsewhere see nothing of the kind.
    for told in behind(snapshot).into_iter().chain(ahead(snapshot)) {
        let known = findings.iter_mut().find(|finding| finding.subject.name == told.node);
        if let Some(known) = known {
            for workload in told.workloads {
                known.add_affected(workload);
            }
            continue;
        }
        let unsynchronised = machines(snapshot)
            .into_iter()
            .filter(|machine| machine.node == told.node)
            .find_map(|machine| machine.value("clock.synchronised").filter(|(value, _)| *value == "no"))
            .map(|(_, cite)| cite);
        if (told.alone || unsynchronised.is_some()) && told.times >= AGAIN {
            let line = told.cites.first().and_then(|cite| cite.quote.first());
            let line = line.map_or(String::new(), |line| {
                clean_line(&line.text).trim().chars().take(240).collect()
            });
            let confidence = if unsynchronised.is_some() {
                Confidence::Confirmed
            } else {
                Confidence::Probable
            };
            let mut finding = Finding::new(rule, Subject::node(&told.node), confidence)
                .fact("node", told.node.clone())
                .fact("line", line);
            if told.ahead {
                finding.facts.insert("ahead".into(), true.into());
            }
            finding.count = told.times;
            for cite in told.cites.into_iter().chain(unsynchronised) {
                finding.add_cite(cite);
            }
            for workload in told.workloads {
                finding.add_affected(workload);
            }
            touch_pods(snapshot, &told.node, &mut finding);
            findings.push(finding);
        }
    }
    findings
}

/// etcd compares its own clock with a peer's. Where one machine says that nothing keeps its clock, and another that something does, the
/// first is the wrong one, whoever complains.
fn blame_unsynchronised(input: &Input<'_>, rule: &RuleHeader, findings: &mut Vec<Finding>) {
    let snapshot = input.snapshot;
    let is_of_etcd = |finding: &Finding| !finding.facts.contains_key("offset") && !finding.facts.contains_key("clock");
    let adrift: Vec<(String, Citation)> = machines(snapshot)
        .into_iter()
        .filter_map(|machine| {
            let (_, cite) = machine
                .value("clock.synchronised")
                .filter(|(value, _)| *value == "no")?;
            Some((machine.node.clone(), cite))
        })
        .collect();
    let is_adrift = |finding: &Finding| adrift.iter().any(|(node, _)| *node == finding.subject.name);
    let Some(told) = findings
        .iter()
        .position(|finding| is_of_etcd(finding) && !is_adrift(finding))
    else {
        return;
    };
    if adrift.is_empty() {
        return;
    }
    let told = findings.swap_remove(told);
    findings.retain(|finding| !is_of_etcd(finding) || is_adrift(finding));
    for (node, cite) in adrift {
        if findings.iter().any(|finding| finding.subject.name == node) {
            continue;
        }
        let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Confirmed).fact("node", node.clone());
        for (name, value) in told.facts.iter().filter(|(name, _)| *name != "node") {
            finding.facts.insert(name.clone(), value.clone());
        }
        finding.add_cite(cite);
        for cite in told.evidence.iter().take(2) {
            finding.add_cite(cite.clone());
        }
        touch_pods(snapshot, &node, &mut finding);
        findings.push(finding);
    }
}

/// Lines that are no accident.
const AGAIN: u64 = 3;

/// Nodes whose clock is far from the others' where one file holds the answers of at least three, one after another: its seconds ahead of
/// the one in the middle.
fn apart(snapshot: &Snapshot) -> Vec<(String, i64, &Citation)> {
    let mut by_file: BTreeMap<&EntryPath, Vec<(i64, String, &Citation)>> = BTreeMap::new();
    for machine in machines(snapshot) {
        if let Some((when, _, cite)) = &machine.host.clock {
            let answer = (when.latest.as_second(), machine.node.clone(), cite);
            by_file.entry(&cite.file).or_default().push(answer);
        }
    }
    let mut found = Vec::new();
    for mut answers in by_file.into_values().filter(|answers| answers.len() >= 3) {
        answers.sort_by_key(|(seconds, ..)| *seconds);
        let Some((middle, ..)) = answers.get(answers.len() / 2) else {
            continue;
        };
        let middle = *middle;
        let far = answers
            .into_iter()
            .filter(|(seconds, ..)| (seconds - middle).abs() >= ONE_AFTER_ANOTHER);
        found.extend(far.map(|(seconds, node, cite)| (node, seconds - middle, cite)));
    }
    found
}
