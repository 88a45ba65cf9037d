//! A component ends because it could not renew the lease by which it leads.

use crate::cluster::{Hit, Snapshot};
use crate::logs::LineHit;
use crate::model::Confidence;
use crate::rules::toolbox::grouping::{by_subject, component_of};
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: leader-election-lost
role: link
level: warning
needs: [kube-apiserver-log|kube-scheduler-log|kube-controller-manager-log|etcd-log|container-logs|kubelet-log]
text:
  - id: lost
    in: [control-plane, container-log]
    pattern: '(?P<problem>leaderelection lost|leader election lost|failed to renew lease \S+|Failed to renew lease|stopped leading)'
    unless: '(?i)retrying|will retry'
  - id: lock
    in: [control-plane, container-log]
    pattern: '(?P<problem>error retrieving resource lock [^\n:]{1,80}: [^\n]{0,60}(?:context deadline exceeded|connection refused|timed out|i/o timeout|etcdserver)[^\n]{0,60})'
  - id: again
    in: [control-plane, container-log]
    pattern: '(?:successfully acquired|attempting to acquire leader) lease'
check:
  zh: "组件是否因续租失败而失去领导权并退出"
  en: "whether components lose their lead for want of a renewed lease, and end"
title:
  zh: "{{ subject.kind|raw }} {{ subject.name }} 续租失败，失去领导权后退出（{{ times }} 次）"
  en: "{{ subject.kind|raw }} {{ subject.name }} could not renew its lease and ended ({{ times|times }})"
cause:
  zh: "组件写出 {{ line }}：在 10 秒内没能通过 API 服务器续租，按设计退出并重启。重启次数高通常是 API 服务器或 etcd 变慢的后果，而不是组件自身的故障。"
  en: "the component writes {{ line }}: it could not renew its lease through the API server within 10 seconds, and ends by design. Many restarts of such components mostly come from a slow API server or etcd, and not from themselves."
causes:
  - rule: scheduler-down
    ground: object
    mechanism: {zh: "调度器失去租约后退出", en: "the scheduler ends when it has lost its lease"}
  - rule: controller-manager-down
    ground: object
    mechanism: {zh: "控制器管理器失去租约后退出", en: "the controller manager ends when it has lost its lease"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "失去租约即退出", en: "it ends when it has lost its lease"}
  - rule: crashloopbackoff
    ground: pod
    mechanism: {zh: "失去租约即退出", en: "it ends when it has lost its lease"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "失去租约即退出", en: "it ends when it has lost its lease"}
benign:
  - {zh: "API 服务器计划内重启时出现一次", en: "once while the API server restarts as planned"}
  - {zh: "之后持续领导的组件不算", en: "a component that has led again for long does not count"}
remedy:
  - purpose: {zh: "查看租约的转移次数与重启次数", en: "see how often the lease changed hands, and the restarts"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n kube-system get leases -o custom-columns=NAME:.metadata.name,HOLDER:.spec.holderIdentity,TRANSITIONS:.spec.leaseTransitions
      kubectl -n kube-system get pods
    expect: {zh: "leaseTransitions 与 RESTARTS 同步增长", en: "leaseTransitions and RESTARTS grow together"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先恢复 etcd 与 API 服务器的延迟，不要先调大租约时间", en: "bring the latency of etcd and the API server down first; do not begin with longer leases"}
    place: node
    risk: read-only
    command: "etcdctl endpoint status --cluster -w table"
    verify: {zh: "组件不再重启", en: "the components no longer restart"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 kube-scheduler 与 kube-controller-manager 的重启率和 etcd fsync P99 告警", en: "alert on restarts of scheduler and controller manager, and on the P99 of etcd's fsync"}
    acceptance: {zh: "在测试集群注入磁盘延迟时收到告警", en: "slowing the disk of a test cluster raises it"}
sources: ["kubernetes cmd/kube-controller-manager/app/controllermanager.go: `leaderelection lost`", "client-go tools/leaderelection/leaderelection.go: `failed to renew lease %v: %v`, `error retrieving resource lock %v: %v`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "the controller manager"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.28.4
      "nodes/cp1/kube-controller-manager.log": |
        E0514 21:16:40.117802       1 leaderelection.go:327] error retrieving resource lock kube-system/kube-controller-manager: Get "https://127.0.0.1:6443/x?timeout=5s": context deadline exceeded
        F0514 21:16:44.117802       1 controllermanager.go:294] leaderelection lost
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "it has started again and leads, or waits for its turn"
    files:
      "nodes/cp1/kube-scheduler.log": |
        F0514 21:16:44.117802       1 server.go:205] leaderelection lost
        I0514 21:17:44.117802       1 leaderelection.go:248] attempting to acquire leader lease kube-system/kube-scheduler...
        I0514 21:18:02.117802       1 leaderelection.go:258] successfully acquired lease kube-system/kube-scheduler
        I0514 21:22:27.117802       1 scheduler.go:621] "Successfully bound pod to node" pod="shop/web-0" node="n1"
  - name: "long over"
    files:
      "nodes/cp1/kube-controller-manager.log": |
        F0514 21:16:44.117802       1 controllermanager.go:294] leaderelection lost
        I0514 23:16:44.117802       1 leaderelection.go:258] successfully acquired lease kube-system/kube-controller-manager
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        // A component that has led for long again is over it, and one that has started again and leads, or waits for its turn.
        let is_trouble = !hit.signature.ends_with("/again") && persists(snapshot, hit) && !is_over(snapshot, hit);
        is_trouble.then(|| component_of(snapshot, hit))?
    })
}

/// Losses in one log that are more than one accident.
const OFTEN: u64 = 3;

/// True when the log goes on with the component at work again.
fn is_over(snapshot: &Snapshot, hit: &Hit) -> bool {
    let Some(log) = snapshot.log_of(hit) else {
        return false;
    };
    let last_of = |is_wanted: &dyn Fn(&str) -> bool| {
        let hits = log.hits.iter().filter(|found| is_wanted(&found.signature));
        hits.map(LineHit::last_line).max()
    };
    let again = last_of(&|id| id == "leader-election-lost/again");
    let lost = last_of(&|id| id.starts_with("leader-election-lost/") && !id.ends_with("/again"));
    hit.count < OFTEN && again.is_some() && again > lost
}
