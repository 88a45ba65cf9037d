//! Rancher's own certificate, or one of the k3s inside it, has ended.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rancher-server-cert-expired
role: cause
level: critical
needs: [container-logs|system-log]
text:
  - id: agent
    pattern: 'Server certificate is not valid, please check if the host has the correct time configured and if the server certificate has a notAfter date[^\n]{0,400}'
  - id: etcd
    pattern: 'Waiting (?:on etcd startup|for server to become available): [^\n]{0,160}x509: certificate has expired or is not yet valid'
check:
  zh: "Rancher 的证书是否过期"
  en: "whether Rancher's certificates have ended"
title:
  zh: "Rancher 服务器的证书已过期"
  en: "the certificate of the Rancher server has expired"
cause:
  zh: "{{ line }}。单节点安装内嵌的 k3s 证书有效期一年，只有在到期前 90 天内重启才会续签；入口证书则由安装者维护。"
  en: "{{ line }}. The certificates of the k3s inside a single-node install last a year and are renewed only by a restart in the last 90 days; that of the ingress is up to whoever installed it."
causes:
  - rule: rancher-server-down
    ground: cluster
    mechanism: {zh: "内嵌的 k3s 无法启动", en: "the k3s inside cannot start"}
  - rule: cattle-cluster-agent-not-connected
    ground: cluster
    mechanism: {zh: "agent 不接受过期的证书", en: "agents do not accept a certificate that has ended"}
benign:
  - {zh: "主机时钟错误时有效的证书也会被拒绝", en: "with a wrong clock a valid certificate is refused as well"}
remedy:
  - purpose: {zh: "查看 Rancher 出示的证书", en: "see the certificate that Rancher shows"}
    place: rancher
    risk: read-only
    command: "openssl s_client -connect <RANCHER_HOST>:443 -servername <RANCHER_HOST> </dev/null | openssl x509 -noout -subject -dates"
    expect: {zh: "notAfter 早于现在", en: "a notAfter in the past"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先保存日志与数据卷，再重启容器两次以续签（2.5 及以后）", en: "save log and volume first, then restart the container twice to renew (2.5 and later)"}
    place: rancher
    risk: change
    command: |
      docker logs <RANCHER_CONTAINER> > rancher-before-restart.log 2>&1
      docker restart <RANCHER_CONTAINER>
    verify: {zh: "/ping 返回 pong", en: "/ping answers pong"}
    rollback: {zh: "无需回滚", en: "nothing to undo"}
prevention:
  - kind: detect
    text: {zh: "对 Rancher 域名的证书到期前 30 天告警", en: "alert 30 days before the certificate of Rancher's name ends"}
    acceptance: {zh: "短期测试证书触发告警", en: "a short test certificate raises it"}
sources: ["rancher/rancher cmd/agent/main.go: `Server certificate is not valid`", "rancher/rancher#26984"]
versions: "Rancher 2.3 to 2.12"
examples:
  - name: "the k3s inside"
    files:
      "rancher.log": |
        2026/02/24 14:29:41 [INFO] Waiting for server to become available: Get "https://localhost:6443/version": x509: certificate has expired or is not yet valid
    fires: [{kind: "Certificate", name: "rancher"}]
  - name: "it waits for a start"
    files:
      "rancher.log": |
        2026/02/24 14:29:41 [INFO] Waiting for server to become available: Get "https://localhost:6443/version": dial tcp 127.0.0.1:6443: connect: connection refused
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| match hit.captures.get("common_name") {
            Some(name) => Subject::cluster("Certificate", name),
            None => Subject::cluster("Certificate", "rancher"),
        })
    })
}
