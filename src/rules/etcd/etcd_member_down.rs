//! A member of etcd is down.

use crate::bundle::decode::EtcdEndpoint;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::etcd::{alarms, endpoints, member_at, members, subject};
use crate::rules::toolbox::nodes::{ends_log, node_of, quote};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-member-down
role: cause
level: critical
needs: [etcd-log|etcd-endpoints|etcd-members|container-logs]
text:
  - id: closed
    pattern: "\"msg\":\"clos(?:ed|ing) etcd server\",\"name\":\"(?P<member>[^\"]+)\""
  - id: peer
    pattern: "(?:\"msg\":\"(?:peer became inactive \\(message send to peer failed\\)|prober detected unhealthy status)\"[^\\n]*\"(?:peer-id|remote-peer-id)\":\"(?P<peer>[0-9a-f]+)\"|health check for peer (?P<id>[0-9a-f]+) could not connect)"
check:
  zh: "etcd 成员是否都在运行"
  en: "whether every member of etcd runs"
title:
  zh: "etcd 成员 {{ member }} 已停止"
  en: "etcd member {{ member }} is down"
cause:
  zh: "证据是 {{ line }}，此后没有恢复；成员过半停止时，API 服务器无法读写。"
  en: "it shows in {{ line }}, and nothing after it tells of a recovery; with half of the members down the API server can neither read nor write."
causes:
  - {rule: apiserver-etcd-unreachable, ground: cluster, mechanism: {zh: "API 服务器连不上 etcd", en: "the API server does not reach etcd"}}
  - rule: cluster-unresponsive
    ground: cluster
    mechanism: {zh: "控制面不能接受节点的状态", en: "the control plane cannot take the nodes' state"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "API 服务器失去存储", en: "the API server loses its store"}
  - rule: etcd-no-leader
    ground: cluster
    mechanism: {zh: "在线的成员不足法定人数", en: "too few members are left for a quorum"}
  - rule: etcd-leader-changes
    ground: cluster
    mechanism: {zh: "失去领导者后要重新选举", en: "a leader that is gone has to be replaced by an election"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "API 服务器失去存储", en: "the API server loses its store"}
  - rule: node-notready
    ground: cluster
    mechanism: {zh: "kubelet 无法更新租约", en: "kubelets cannot renew their leases"}
  - rule: workload-unavailable
    ground: cluster
    mechanism: {zh: "控制面无法工作", en: "the control plane cannot work"}
benign:
  - {zh: "滚动重启期间的 prober 日志是正常的", en: "prober lines during a rolling restart are normal"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "etcdctl endpoint health --cluster"
    expect: {zh: "停止的成员显示 unhealthy", en: "the member that is down shows as unhealthy"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl ps -a --name etcd"
    expect: {zh: "Exited 的容器", en: "a container that has Exited"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "排除原因后启动它", en: "start it once the reason is gone"}
    place: node
    risk: change
    command: "systemctl restart kubelet"
    verify: {zh: "`etcdctl endpoint health` 全部 healthy", en: "`etcdctl endpoint health` shows all healthy"}
    rollback: {zh: "无需回滚", en: "nothing to undo"}
prevention:
  - kind: detect
    text: {zh: "对 etcd 成员数减少告警", en: "alert when etcd has fewer members up than it should"}
    acceptance: {zh: "停掉一个测试成员后收到告警", en: "stopping a test member raises the alert"}
sources: ["etcd server/embed/etcd.go: `closed etcd server`", "etcd rafthttp: `peer became inactive (message send to peer failed)`"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "its log ends there"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        m1   Ready   <none>   90d   v1.28.4
      etcd-m1.log: |
        {"level":"info","ts":"2026-11-21T09:54:28.100Z","msg":"stopped serving peer traffic"}
        {"level":"info","ts":"2026-11-21T09:54:28.118Z","caller":"embed/etcd.go:375","msg":"closed etcd server","name":"m1","data-dir":"/var/lib/etcd"}
    fires: [{kind: "EtcdMember", name: "m1", node: "m1"}]
  - name: "the client's view of the members"
    files:
      memberlist.txt: |
        8e9e05c52164694d, started, m1, https://10.0.0.1:2380, https://10.0.0.1:2379, false
        91bc3c398fb3c146, started, m2, https://10.0.0.2:2380, https://10.0.0.2:2379, false
      health.txt: |
        https://10.0.0.1:2379 is healthy: successfully committed proposal: took = 12.1ms
        https://10.0.0.2:2379 is unhealthy: failed to commit proposal: context deadline exceeded
    fires: [{kind: "EtcdMember", name: "m2"}]
  - name: "one that takes no connection, while an alarm makes the others unhealthy too"
    files:
      memberlist.txt: |
        8e9e05c52164694d, started, m1, https://10.0.0.1:2380, https://10.0.0.1:2379, false
        91bc3c398fb3c146, started, m2, https://10.0.0.2:2380, https://10.0.0.2:2379, false
      alarms.json: '{"alarms":[{"memberID":"10276657743932975437","alarm":"NOSPACE"}]}'
      health.json: '[{"endpoint":"https://10.0.0.1:2379","health":false,"took":"8ms","error":"Active Alarm(s)"},{"endpoint":"https://10.0.0.2:2379","health":false,"took":"1ms","error":"dial tcp 10.0.0.2:2379: connect: connection refused"}]'
    fires: [{kind: "EtcdMember", name: "m2"}]
  - name: "a restart"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        m1   Ready   <none>   90d   v1.28.4
      etcd-m1.log: |
        {"level":"info","ts":"2026-11-21T09:54:28.118Z","msg":"closed etcd server","name":"m1"}
        {"level":"info","ts":"2026-11-21T09:54:38.118Z","msg":"starting etcd"}
        {"level":"info","ts":"2026-11-21T09:54:39.118Z","msg":"ready to serve client requests"}
        {"level":"info","ts":"2026-11-21T09:54:40.118Z","msg":"a"}
        {"level":"info","ts":"2026-11-21T09:54:41.118Z","msg":"b"}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_logs(input, rule);
    for finding in by_client(input, rule) {
        match findings
            .iter_mut()
            .find(|known| known.subject.name == finding.subject.name)
        {
            Some(known) => finding.evidence.into_iter().for_each(|cite| known.add_cite(cite)),
            None => findings.push(finding),
        }
    }
    findings
}

/// Members whose own log ends with their end, and members that their peers no longer reach.
fn by_logs(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule)
        .into_iter()
        .filter(|hit| ends_log(input.snapshot, hit))
    {
        let Some(member) = ["member", "peer", "id"].iter().find_map(|name| hit.captures.get(*name)) else {
            continue;
        };
        // The log of a member that stops is its own; what a peer says is of another machine.
        let node = if hit.captures.contains_key("member") {
            node_of(input.snapshot, hit).unwrap_or_default()
        } else {
            String::new()
        };
        let subject = Subject::on_node("EtcdMember", member, node);
        match findings.iter_mut().find(|finding| finding.subject == subject) {
            Some(finding) => add_hit(input, finding, hit),
            None => {
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed).fact("member", member.clone());
                finding.count = 0;
                add_hit(input, &mut finding, hit);
                let line = quote(&finding);
                findings.push(finding.fact("line", line));
            }
        }
    }
    findings
}

/// Members that `etcdctl endpoint health` calls unhealthy while others are well, and members that were added and never started. Where
/// the quota is reached every endpoint is called unhealthy; that is another failure, and down is then who takes no connection.
fn by_client(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let endpoints = endpoints(snapshot);
    let has_alarm = !alarms(snapshot).is_empty();
    let is_any_well = endpoints.iter().any(|endpoint| endpoint.is_healthy == Some(true));
    let is_any_answering = endpoints
        .iter()
        .any(|endpoint| endpoint.is_healthy.is_some() && !is_gone(endpoint));
    let unhealthy = endpoints
        .iter()
        .filter(|endpoint| endpoint.is_healthy == Some(false))
        .filter(|endpoint| !has_alarm && is_any_well || is_any_answering && is_gone(endpoint))
        .map(|endpoint| {
            (
                member_at(snapshot, endpoint),
                endpoint.errors.clone(),
                endpoint.cite.clone(),
            )
        });
    let unstarted = members(snapshot)
        .into_iter()
        .filter(|member| !member.is_started)
        .map(|member| {
            let name = if member.name.is_empty() {
                &member.id
            } else {
                &member.name
            };
            (subject(snapshot, name), "unstarted".to_owned(), member.cite.clone())
        });
    unhealthy
        .chain(unstarted)
        .map(|(subject, said, cite)| {
            let name = subject.name.clone();
            let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                .cite(cite)
                .fact("member", name);
            let line = quote(&finding);
            finding
                .facts
                .insert("line".into(), if line.is_empty() { said } else { line }.into());
            finding
        })
        .collect()
}

/// True where nothing listens, as opposed to a member that answers that it is not well.
fn is_gone(endpoint: &EtcdEndpoint) -> bool {
    ["connection refused", "no route to host"]
        .iter()
        .any(|words| endpoint.errors.to_ascii_lowercase().contains(words))
}
