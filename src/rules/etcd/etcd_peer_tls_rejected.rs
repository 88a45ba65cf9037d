//! etcd refuses connections over their certificates.

use crate::model::Confidence;
use crate::rules::toolbox::etcd::member_of;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-peer-tls-rejected
role: cause
level: critical
needs: [etcd-log|etcd-endpoints|container-logs|system-log]
text:
  - id: json
    in: [etcd, system, other]
    pattern: '"msg":"rejected connection(?: on (?:client|peer) endpoint)?"[^\n]{0,200}"error":"(?P<problem>[^"\n]{3,200})"'
    unless: 'EOF|first record does not look like|connection reset|client did ?n.?t provide'
  - id: plain
    in: [etcd, system, other]
    pattern: 'rejected connection from "[^"\n]{1,60}" \(error "(?P<problem>[^"\n]{3,200})"'
    unless: 'EOF|first record does not look like|connection reset|client did ?n.?t provide'
  - id: apiserver
    in: [control-plane]
    pattern: 'transport: authentication handshake failed: (?P<problem>(?:tls: failed to verify certificate: )?x509: [^"\n]{3,200}|remote error: tls: [^"\n]{3,80})'
    unless: 'has expired'
check:
  zh: "etcd 是否因证书拒绝连接"
  en: "whether etcd refuses connections over certificates"
title:
  zh: "etcd 成员 {{ subject.name }} 因证书拒绝连接：{{ problem }}（{{ times }} 次）"
  en: "etcd member {{ subject.name }} and its peers refuse each other over certificates: {{ problem }} ({{ times|times }})"
cause:
  zh: "连接在 TLS 握手时被拒绝：{{ line }}。写 bad certificate 的一方是不被信任的一方：它的证书过期、由另一个 CA 签发，或 SAN 中没有它的地址。"
  en: "connections end in the TLS handshake: {{ line }}. Who logs bad certificate is the one that is not trusted: its certificate has ended, was issued by another CA, or does not name its address."
causes:
  - {rule: apiserver-etcd-unreachable, ground: cluster, mechanism: {zh: "API 服务器连不上 etcd", en: "the API server does not reach etcd"}}
  - rule: etcd-member-down
    ground: cluster
    mechanism: {zh: "成员之间不能连接", en: "members cannot connect"}
  - rule: etcd-no-leader
    ground: cluster
    mechanism: {zh: "成员之间不能连接", en: "members cannot connect"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "API 服务器连不上 etcd", en: "the API server cannot connect to etcd"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "API 服务器连不上 etcd", en: "the API server cannot connect to etcd"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "握手因此失败", en: "handshakes fail for it"}
benign:
  - {zh: "EOF 与 first record does not look like a TLS handshake 来自端口扫描与健康检查", en: "EOF and first record does not look like a TLS handshake come from scanners and health checks"}
remedy:
  - purpose: {zh: "比较证书的签发者、有效期与 SAN", en: "compare issuer, validity and names of the certificates"}
    place: node
    risk: read-only
    command: |
      openssl x509 -noout -issuer -dates -ext subjectAltName -in /etc/kubernetes/pki/etcd/peer.crt
      openssl verify -CAfile /etc/kubernetes/pki/etcd/ca.crt /etc/kubernetes/pki/etcd/peer.crt
    expect: {zh: "OK，且 SAN 含有该成员的地址", en: "OK, with the member's address among its names"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "用同一个 CA 重新签发该成员的证书", en: "issue the member's certificates anew, from the same CA"}
    place: node
    risk: change
    command: |
      kubeadm certs renew etcd-peer
      kubeadm certs renew etcd-server
    verify: {zh: "日志不再出现 rejected connection", en: "no more rejected connection in its log"}
    rollback: {zh: "放回旧的证书与私钥", en: "put the old certificate and key back"}
prevention:
  - kind: detect
    text: {zh: "对证书到期前 30 天告警", en: "alert 30 days before a certificate ends"}
    acceptance: {zh: "用 29 天的测试证书触发告警", en: "a test certificate of 29 days raises it"}
sources: ["etcd server/embed/config_logging.go: `rejected connection`, `rejected connection on client endpoint`", "grpc-go: `transport: authentication handshake failed`"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "bad certificates"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:20.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41250","server-name":"","error":"remote error: tls: bad certificate"}
        {"level":"warn","ts":"2026-02-24T09:54:21.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41251","server-name":"","error":"remote error: tls: bad certificate"}
        {"level":"warn","ts":"2026-02-24T09:54:22.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41252","server-name":"","error":"remote error: tls: bad certificate"}
        {"level":"warn","ts":"2026-02-24T09:54:23.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41253","server-name":"","error":"remote error: tls: bad certificate"}
        {"level":"warn","ts":"2026-02-24T09:54:24.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41254","server-name":"","error":"remote error: tls: bad certificate"}
    fires: [{kind: "EtcdMember", name: "m1", node: "m1"}]
  - name: "a scanner"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:20.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41250","server-name":"","error":"EOF"}
        {"level":"warn","ts":"2026-02-24T09:54:21.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41251","server-name":"","error":"EOF"}
        {"level":"warn","ts":"2026-02-24T09:54:22.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41252","server-name":"","error":"EOF"}
        {"level":"warn","ts":"2026-02-24T09:54:23.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41253","server-name":"","error":"EOF"}
        {"level":"warn","ts":"2026-02-24T09:54:24.100Z","caller":"embed/config_logging.go:169","msg":"rejected connection","remote-addr":"10.0.0.3:41254","server-name":"","error":"EOF"}
"##;

/// A scanner or a client of a former cluster may come once.
const MANY: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| member_of(snapshot, hit))
    });
    findings.retain(|finding| finding.count >= MANY);
    findings
}
