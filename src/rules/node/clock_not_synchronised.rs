//! The clock of a node that suffers is not synchronised.

use crate::model::Confidence;
use crate::rules::toolbox::clocks::behind;
use crate::rules::toolbox::hosts::{Suffering, machines, suffering};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: clock-not-synchronised
role: factor
level: info
needs: [time-sync]
text:
  - id: early
    in: [container-log]
    pattern: '(?i)(?P<reason>token (?:is )?(?:used before issued|not (?:yet )?valid yet|not yet valid)|ImmatureSignature|PrematureJwtException|NotBeforeError: jwt not active|jwt not active|(?:iat|nbf|issued at)\b[^\n]{0,20}\bin the future|RequestTimeTooSkewed|Clock skew too great|this node is more than \d+ms away from at least half of the known nodes)'
check: {zh: "节点的时钟是否与时间源同步", en: "whether the clocks of nodes are synchronised"}
title:
  zh: "节点 {{ node }} 的时钟没有与时间源同步"
  en: "the clock of node {{ node }} is not synchronised"
cause:
  zh: "时间同步服务没有运行或没有可用的时间源；时钟会逐渐偏离，证书、令牌与 etcd 会受影响。"
  en: "time synchronisation does not run or has no source; the clock drifts, and certificates, tokens and etcd suffer."
benign:
  - {zh: "隔离网络中没有时间源、但时钟仍然准确的节点", en: "nodes of isolated networks without a source whose clock is right all the same"}
remedy:
  - purpose: {zh: "查看同步状态", en: "look at the synchronisation"}
    place: node
    risk: read-only
    command: |
      timedatectl
      chronyc tracking
    expect: {zh: "System clock synchronized: no", en: "System clock synchronized: no"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "为所有节点配置同一组时间源", en: "give all nodes the same time sources"}
    acceptance: {zh: "timedatectl 显示 synchronized: yes", en: "timedatectl shows synchronized: yes"}
sources:
  - "systemd timedatectl(1)"
  - "chrony chronyc(1): tracking"
  - "RFC 7519 §4.1.5, §4.1.6; golang-jwt errors.go, PyJWT ImmatureSignatureError, jsonwebtoken NotBeforeError, jjwt PrematureJwtException"
  - "AWS S3 error responses: RequestTimeTooSkewed; RFC 4120 KRB_AP_ERR_SKEW; cockroach pkg/rpc/clock_offset.go"
versions: "any"
examples:
  - name: "a node that is not ready"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/timedatectl.txt": |2
                       Local time: Sat 2026-11-21 10:20:42 UTC
                   Universal time: Sat 2026-11-21 10:20:42 UTC
                        Time zone: UTC (UTC, +0000)
        System clock synchronized: no
                      NTP service: inactive
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a node that is well"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      1/1     Running   0          41m   10.42.0.9    n2
      "n2/timedatectl.txt": |2
                       Local time: Sat 2026-11-21 10:20:42 UTC
        System clock synchronized: no
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let behind = behind(snapshot);
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        let Some((_, cite)) = machine.value("clock.synchronised").filter(|(value, _)| *value == "no") else {
            continue;
        };
        let told = behind.iter().find(|behind| behind.node == machine.node);
        if told.is_none() && suffering(snapshot, &machine.node) != Suffering::Yes {
            continue;
        }
        let mut finding = machine.finding(snapshot, rule, Confidence::Confirmed).cite(cite);
        for cite in told.into_iter().flat_map(|told| &told.cites) {
            finding.add_cite(cite.clone());
        }
        for workload in told.into_iter().flat_map(|told| &told.workloads) {
            finding.add_affected(workload.clone());
        }
        findings.push(finding);
    }
    findings
}
