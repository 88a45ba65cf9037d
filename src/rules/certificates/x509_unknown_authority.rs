//! A peer shows a certificate of an authority that is not trusted here.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::certificates::{node_at, peer_in};
use crate::rules::toolbox::grouping::{by_subject, component_of};
use crate::rules::toolbox::nodes::{node_of, persists, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: x509-unknown-authority
role: cause
level: critical
needs: [kubelet-log|kube-apiserver-log|etcd-log|system-log|container-logs]
text:
  - id: go
    in: [kubelet, control-plane, etcd, system, runtime, other]
    pattern: '(?P<problem>x509: certificate signed by unknown authority(?: \(possibly because of [^\n)]{1,200}\))?)'
    unless: '(?i)pull|manifests|/v2/|registry|resolve reference|Unable to authenticate the request|failed calling webhook'
  - id: alert
    in: [kubelet, control-plane, system]
    pattern: '(?P<problem>remote error: tls: (?:unknown certificate authority|bad certificate))'
    unless: '(?i)pull|manifests|/v2/|registry|resolve reference|Unable to authenticate the request|TLS handshake error from|rejected connection'
check:
  zh: "对端证书的 CA 是否受信任"
  en: "whether the authorities of peers' certificates are trusted"
title:
  zh: "{% if peer %}{{ peer }} 的证书由不受信任的 CA 签发{% else %}{{ subject.name }} 遇到由不受信任的 CA 签发的证书{% endif %}（{{ times }} 次）"
  en: "{% if peer %}the certificate of {{ peer }} was issued by an authority that is not trusted{% else %}{{ subject.name }} meets a certificate of an authority that it does not trust{% endif %} ({{ times|times }})"
cause:
  zh: "{{ line }}。私有 CA 没有安装、缺少中间证书，或 CA 重建过而这一方还保存着旧的一份（出现 candidate authority 时正是如此）。"
  en: "{{ line }}. A private CA is not installed, an intermediate is missing, or the CA was made anew and this side has the old one (which is what candidate authority means)."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "组件之间的 TLS 连接失败", en: "TLS between components fails"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "组件之间的 TLS 连接失败", en: "TLS between components fails"}
  - rule: etcd-peer-tls-rejected
    ground: cluster
    mechanism: {zh: "证书不被信任", en: "the certificate is not trusted"}
  - rule: metrics-server-scrape-failure
    ground: cluster
    mechanism: {zh: "kubelet 的证书不被接受", en: "the kubelets' certificates are not accepted"}
  - rule: rke2-server-not-ready
    ground: node
    mechanism: {zh: "agent 无法验证服务器", en: "the agent cannot verify the server"}
  - rule: kubeconfig-auth-failure
    ground: cluster
    mechanism: {zh: "客户端与集群的 CA 不同", en: "client and cluster have different CAs"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "证书不被接受，握手失败", en: "the certificate is refused, so handshakes fail"}
benign:
  - {zh: "candidate authority 的变体说明 CA 是旧的，不是缺失", en: "the variant with candidate authority means an old CA, not a missing one"}
  - {zh: "写 bad certificate 的一方是不被信任的一方", en: "who logs bad certificate is the one that is not trusted"}
  - {zh: "镜像仓库的同一错误另有规则", en: "the same error about registries has rules of its own"}
remedy:
  - purpose: {zh: "查看对端出示的证书", en: "see the certificate that the peer shows"}
    place: node
    risk: read-only
    when: "peer"
    command: "openssl s_client -connect {{ peer }} -showcerts </dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName"
    expect: {zh: "与日志一致的主体、签发者与有效期", en: "subject, issuer and validity as the log says"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看谁信任哪个 CA", en: "see who trusts which CA"}
    place: node
    risk: read-only
    command: "openssl x509 -noout -subject -dates -ext subjectKeyIdentifier -in /etc/kubernetes/pki/ca.crt"
    expect: {zh: "CA 的主体与密钥标识", en: "subject and key of the CA"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "安装正确的 CA 并重启客户端（kubelet 用 /etc/kubernetes/pki/ca.crt 与 kubelet.conf）", en: "install the right CA and restart the client (the kubelet uses /etc/kubernetes/pki/ca.crt and kubelet.conf)"}
    place: node
    risk: change
    command: |
      cp -a /etc/kubernetes /etc/kubernetes.before-ca
      systemctl restart kubelet
    verify: {zh: "日志不再出现 unknown authority", en: "no more unknown authority in the log"}
    rollback: {zh: "放回 /etc/kubernetes.before-ca", en: "put /etc/kubernetes.before-ca back"}
prevention:
  - kind: process
    text: {zh: "用配置管理统一分发 CA，重建集群时同时更新所有客户端", en: "deliver CAs by configuration management, and renew every client when a cluster is rebuilt"}
    acceptance: {zh: "所有节点的 CA 散列一致", en: "the hash of the CA is the same on every node"}
sources: ["Go crypto/x509: UnknownAuthorityError `x509: certificate signed by unknown authority`"]
versions: "Go 1.14 and newer"
examples:
  - name: "a kubelet with an old CA"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION   INTERNAL-IP
        cp1    Ready    control-plane   90d   v1.28.4   10.0.0.1
        w1     NotReady    <none>          90d   v1.28.4   10.0.0.2
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 kubelet_node_status.go:96] "Unable to register node with API server" err="Post \"https://10.0.0.1:6443/api/v1/nodes\": x509: certificate signed by unknown authority (possibly because of \"crypto/rsa: verification error\" while trying to verify candidate authority certificate \"kubernetes\")" node="w1"
    fires: [{kind: "Certificate", name: "10.0.0.1:6443", node: "cp1"}]
  - name: "a pull from a registry"
    files:
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 remote_image.go:171] "PullImage from image service failed" err="failed to resolve reference \"harbor.example/x:1\": Head \"https://harbor.example/v2/x/manifests/1\": x509: certificate signed by unknown authority"
  - name: "hours ago"
    files:
      "nodes/w1/kubelet.log": |
        E0224 11:29:41.120087    1033 kubelet_node_status.go:96] Post "https://10.0.0.1:6443/api/v1/nodes": x509: certificate signed by unknown authority
        I0224 14:29:41.120087    1033 kubelet.go:1] well
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        if !persists(snapshot, hit) {
            return None;
        }
        let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
        match peer_in(line) {
            Some(peer) => {
                let node = node_at(snapshot, peer)
                    .map(ToOwned::to_owned)
                    .or_else(|| node_of(snapshot, hit));
                Some(Subject::on_node("Certificate", peer, node.unwrap_or_default()))
            }
            None => component_of(snapshot, hit),
        }
    });
    for finding in &mut findings {
        let peer = if finding.subject.kind == "Certificate" {
            finding.subject.name.clone()
        } else {
            String::new()
        };
        let node = finding.subject.node.clone();
        touch_pods(snapshot, &node, finding);
        finding.facts.insert("peer".into(), peer.into());
    }
    findings
}
