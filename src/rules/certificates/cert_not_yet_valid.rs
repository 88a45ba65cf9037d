//! A certificate is not valid yet.

use crate::model::Confidence;
use crate::rules::toolbox::certificates::placed;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cert-not-yet-valid
role: cause
level: critical
needs: [certificates]
check:
  zh: "证书是否尚未生效"
  en: "whether certificates are valid already"
title:
  zh: "证书 {{ subject.name }}{% if subject.node %}（{{ subject.node }}）{% endif %} 要到 {{ begins }} 才生效"
  en: "certificate {{ subject.name }}{% if subject.node %} ({{ subject.node }}){% endif %} is valid from {{ begins }} only"
cause:
  zh: "采集时是 {{ now }}，证书的 notBefore 在它之后：签发它的机器时钟超前，或这台机器的时钟落后。在那之前每次 TLS 握手都失败。"
  en: "at collection it was {{ now }}, before the notBefore of the certificate: the clock of the machine that issued it was ahead, or this one's is behind. Until then every TLS handshake fails."
causes:
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "TLS 连接失败", en: "TLS fails"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: webhook-call-failed
    ground: object
    mechanism: {zh: "webhook 的证书尚未生效", en: "the webhook's certificate is not valid yet"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "证书不被接受，握手失败", en: "the certificate is refused, so handshakes fail"}
benign:
  - {zh: "签发后几秒内的偏差会自行消失", en: "a difference of seconds after the issue passes by itself"}
remedy:
  - purpose: {zh: "比较证书的起始时间与各节点的时钟", en: "compare its beginning with the clocks of the nodes"}
    place: node
    risk: read-only
    command: |
      date -u
      timedatectl
      openssl x509 -noout -dates -in {{ file }}
    expect: {zh: "notBefore 晚于 date -u", en: "a notBefore after date -u"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "校时；如果是签发方的时钟错了，重新签发证书", en: "set the clock; if that of the issuer was wrong, issue the certificate again"}
    place: node
    risk: change
    command: "chronyc makestep"
    verify: {zh: "`openssl verify` 通过", en: "`openssl verify` passes"}
    rollback: {zh: "无需回滚", en: "nothing to undo"}
prevention:
  - kind: prevent
    text: {zh: "安装集群前在所有机器上启用 chrony", en: "run chrony on all machines before a cluster is installed"}
    acceptance: {zh: "chronyc tracking 显示偏差小于 100 ms", en: "chronyc tracking shows less than 100 ms"}
sources: ["RFC 5280, 4.1.2.5 validity", "Go crypto/x509 verify.go"]
versions: "all"
examples:
  - name: "it begins next year"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2027 GMT
        notAfter=Jan  1 00:00:00 2028 GMT
    fires: [{kind: "Certificate", name: "/etc/kubernetes/pki/apiserver.crt.txt", node: "cp1"}]
  - name: "it is valid"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2025 GMT
        notAfter=Jan  1 00:00:00 2035 GMT
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(now) = input.snapshot.now() else {
        return Vec::new();
    };
    placed(input.snapshot)
        .into_iter()
        .filter_map(|one| {
            let begins = one.certificate.not_before.filter(|begins| *begins > now)?;
            Some(
                Finding::new(rule, one.subject, Confidence::Confirmed)
                    .at(one.path.clone())
                    .cite(one.certificate.cite)
                    .fact("begins", begins.to_string())
                    .fact("now", now.to_string())
                    .fact("file", one.path),
            )
        })
        .collect()
}
