//! The API server answers with errors, or its own health checks fail.

use crate::model::Confidence;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{persists, quote};
use crate::rules::toolbox::planes::api_server;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: apiserver-internal-error
role: link
level: critical
needs: [health-checks|kube-apiserver-log|kubelet-log|container-logs]
text:
  - id: empty
    in: [other, kubelet, control-plane, system]
    pattern: '(?P<problem>an error on the server \(\S{0,80}\) has prevented the request from succeeding)'
  - id: unable
    in: [other]
    pattern: 'Error from server \((?:ServiceUnavailable|Timeout|InternalError)\): (?P<problem>[^\n]{1,200})'
  - id: client
    in: [control-plane, other, system]
    pattern: '(?P<problem>etcd client connection not yet established)'
check:
  zh: "API 服务器是否以内部错误应答"
  en: "whether the API server answers with internal errors"
title:
  zh: "API 服务器以错误应答{% if failing %}，健康检查 {{ failing|join('、') }} 失败{% endif %}"
  en: "the API server answers with errors{% if failing %}, and its health checks {{ failing|join(', ') }} fail{% endif %}"
cause:
  zh: "API 服务器能被访问，但请求失败：{{ line }}。真正的原因在它的后面：etcd、过载、不可用的聚合 API，或它前面的代理。"
  en: "the API server is reached, yet requests fail: {{ line }}. The reason lies behind it: etcd, an overload, an aggregated API that is down, or a proxy in front of it."
causes:
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "续租请求失败", en: "renewals of leases fail"}
  - rule: node-notready
    ground: cluster
    mechanism: {zh: "kubelet 无法更新状态", en: "kubelets cannot report"}
benign:
  - {zh: "认证失败是 Unauthorized 或 Forbidden，不是这条消息", en: "a failed login says Unauthorized or Forbidden, never this"}
  - {zh: "API 服务器启动后的最初几秒 poststarthook 检查会失败", en: "in the first seconds after its start checks of poststarthook fail"}
remedy:
  - purpose: {zh: "查看哪一项健康检查失败", en: "see which of its checks fails"}
    place: cluster
    risk: read-only
    command: "kubectl get --raw '/readyz?verbose'"
    expect: {zh: "[-] 开头的一行", en: "a line that begins with [-]"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 /readyz 与 apiserver_request_total 中的 5xx 告警", en: "alert on /readyz and on 5xx in apiserver_request_total"}
    acceptance: {zh: "停掉一个测试 etcd 后收到告警", en: "stopping a test etcd raises it"}
sources: ["kubernetes apimachinery pkg/api/errors: `an error on the server (%q) has prevented the request from succeeding`", "kubernetes staging/src/k8s.io/apiserver/pkg/server/healthz: `[-]%s failed`", "kubernetes staging/src/k8s.io/apiserver/pkg/storage/etcd3: `etcd client connection not yet established`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "etcd fails behind it"
    files:
      "readyz.txt": |
        [+]ping ok
        [+]log ok
        [-]etcd failed: reason withheld
        [+]poststarthook/start-apiextensions-informers ok
        readyz check failed
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-apiserver"}]
  - name: "all checks pass"
    files:
      "readyz.txt": |
        [+]ping ok
        [+]log ok
        [+]etcd ok
        [+]poststarthook/start-apiextensions-informers ok
        readyz check passed
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let server = api_server(snapshot);
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| server.clone())
    });
    let failing: Vec<_> = snapshot
        .hosts
        .iter()
        .flat_map(|host| &host.tools.health)
        .filter(|check| !check.is_ok)
        .collect();
    if findings.is_empty() && !failing.is_empty() {
        findings.push(
            Finding::new(rule, server, Confidence::Confirmed)
                .fact("times", 1)
                .fact("line", ""),
        );
    }
    for finding in &mut findings {
        for check in &failing {
            finding.add_cite(check.cite.clone());
        }
        let names: Vec<&str> = failing.iter().map(|check| check.name.as_str()).collect();
        finding.facts.insert("failing".into(), names.into());
        let line = quote(finding);
        finding.facts.insert("line".into(), line.into());
    }
    findings
}
