//! A certificate ends within a month.

use jiff::SignedDuration;

use crate::model::Confidence;
use crate::rules::toolbox::certificates::placed;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cert-expiring
role: factor
level: warning
needs: [certificates]
check:
  zh: "证书是否将在 30 天内过期"
  en: "whether certificates end within 30 days"
title:
  zh: "证书 {{ subject.name }}{% if subject.node %}（{{ subject.node }}）{% endif %} 将在 {{ days }} 天后过期（{{ end }}）"
  en: "certificate {{ subject.name }}{% if subject.node %} ({{ subject.node }}){% endif %} ends in {{ days|days }} ({{ end }})"
cause:
  zh: "它现在有效，到 {{ end }} 为止；不续签就会使相关连接全部失败。"
  en: "it is valid now and ends at {{ end }}; without a renewal every connection that needs it fails then."
benign:
  - {zh: "会自动轮换的短期证书（kubelet、网格）", en: "short certificates that rotate by themselves (kubelet, mesh)"}
remedy:
  - purpose: {zh: "列出全部证书的到期日", en: "list when all certificates end"}
    place: node
    risk: read-only
    command: "kubeadm certs check-expiration"
    expect: {zh: "剩余天数", en: "the days that are left"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对证书到期前 60、30、7 天告警", en: "alert 60, 30 and 7 days before a certificate ends"}
    acceptance: {zh: "29 天后到期的测试证书触发告警", en: "a test certificate of 29 days raises it"}
  - kind: process
    text: {zh: "把 CA 的到期日写进日历", en: "put the end of the CA into the calendar"}
    acceptance: {zh: "日历中有该条目", en: "the entry is there"}
sources: ["RFC 5280, 4.1.2.5 validity"]
versions: "all"
examples:
  - name: "two weeks"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2025 GMT
        notAfter=Mar 10 00:00:00 2026 GMT
    fires: [{kind: "Certificate", name: "/etc/kubernetes/pki/apiserver.crt.txt", node: "cp1"}]
  - name: "years"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2025 GMT
        notAfter=Jan  1 00:00:00 2035 GMT
"##;

/// A month is what people need to plan a renewal.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(now) = input.snapshot.now() else {
        return Vec::new();
    };
    placed(input.snapshot)
        .into_iter()
        .filter_map(|one| {
            let end = one.certificate.not_after.filter(|end| *end > now)?;
            let left = end.duration_since(now);
            (left < SOON).then(|| {
                Finding::new(rule, one.subject, Confidence::Confirmed)
                    .at(one.path)
                    .cite(one.certificate.cite)
                    .fact("end", end.to_string())
                    .fact("days", left.as_hours() / 24)
            })
        })
        .collect()
}
