//! A node as a whole runs out of memory.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::{by_node, impair_pods, is_dated, node_of};
use crate::rules::toolbox::own_hits;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kernel-oom
role: link
level: critical
needs: [system-log|kernel-log|events|container-logs]
text:
  - id: global
    pattern: "oom-kill:constraint=CONSTRAINT_NONE[^\\n]*global_oom[^\\n]*task=(?P<victim>[^,\\s]+)"
  - id: old
    pattern: "^[^\\n]*Out of memory: Kill(?:ed)? process \\d+ \\((?P<victim>[^)]+)\\)"
  - id: event
    in: [event]
    pattern: "System OOM encountered, victim process: (?P<victim>[^,]+), pid: \\d+"
  - id: limit
    pattern: "CONSTRAINT_MEMCG|Memory cgroup out of memory"
check:
  zh: "节点是否整体内存耗尽"
  en: "whether a node as a whole ran out of memory"
title:
  zh: "节点 {{ node }} 内存耗尽，内核杀死了 {{ victim }}（{{ times }} 次）"
  en: "node {{ node }} ran out of memory: the kernel killed {{ victim }} ({{ times|times }})"
cause:
  zh: "不是容器的限额，而是整个节点的内存用尽：{{ line }}；被杀的进程不一定是占用最多的那个。"
  en: "not the limit of a container: the memory of the whole node is used up: {{ line }}; the victim need not be the largest user."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时被杀", en: "the runtime is killed"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "Pod 的进程被杀", en: "processes of its pods are killed"}
  - rule: oomkilled-container
    ground: node
    mechanism: {zh: "节点内存用尽时内核选中容器的进程", en: "the kernel picks processes of containers when the node runs out"}
  - rule: crashloopbackoff
    ground: node
    mechanism: {zh: "容器的进程被杀，kubelet 反复重启", en: "processes of containers are killed and the kubelet restarts them"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
benign:
  - {zh: "CONSTRAINT_MEMCG 是容器限额，不是节点", en: "CONSTRAINT_MEMCG is a container limit, not the node"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "free -m"
    expect: {zh: "available 很小", en: "available is small"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: cluster
    risk: read-only
    command: "kubectl describe node {{ node }}"
    expect: {zh: "Allocated resources 的 limits 是否超过 100%", en: "whether the limits under Allocated resources exceed 100 %"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "为 kubelet 设置 systemReserved、kubeReserved 与 evictionHard", en: "set systemReserved, kubeReserved and evictionHard of the kubelet"}
    acceptance: {zh: "节点的 Allocatable 小于 Capacity", en: "Allocatable of the node is below Capacity"}
sources: ["Linux mm/oom_kill.c", "kubernetes pkg/kubelet/oom/oom_watcher_linux.go"]
versions: "Linux 3.10 to 6.x, Kubernetes 1.18 to 1.36"
examples:
  - name: "the whole node"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      dmesg.txt: |
        [Tue Jan 21 18:20:44 2025] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice,task=java,pid=5,uid=0
        [Tue Jan 21 18:20:44 2025] Out of memory: Killed process 5 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a ring buffer by itself, which names no machine"
    files:
      dmesg.txt: |
        [Tue Jan 21 18:20:44 2025] Out of memory: Killed process 5 (java) total-vm:1kB, anon-rss:1kB, file-rss:0kB
    fires: [{kind: "Node", name: "example", node: "example"}]
  - name: "an undated line of long ago"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      dmesg.txt: |
        [ 120.1] Out of memory: Killed process 5 (java) total-vm:1kB
  - name: "a container's limit, reported as one of the system"
    files:
      nodes/n1/dmesg.txt: |
        [ 3226.997692] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x
        [ 3226.997713] Memory cgroup out of memory: Killed process 27632 (tail) total-vm:34376kB
      events.txt: |
        LAST SEEN   TYPE      REASON      OBJECT    MESSAGE
        2m          Warning   SystemOOM   node/n1   System OOM encountered, victim process: y2, pid: 14239
  - name: "a container's limit"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      dmesg.txt: |
        [Tue Jan 21 18:20:44 2025] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/kubepods,task_memcg=/kubepods/x,task=java,pid=5,uid=0
        [Tue Jan 21 18:20:44 2025] Memory cgroup out of memory: Killed process 5 (java) total-vm:1kB
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    findings.retain(|finding| is_of_the_node(input, rule, &finding.subject.name));
    for finding in &mut findings {
        let node = finding.subject.name.clone();
        impair_pods(input.snapshot, &node, finding);
    }
    findings
}

/// The kubelet reports a process that a container's limit killed as `System OOM` too, where it runs in a container itself.
fn is_of_the_node(input: &Input<'_>, rule: &RuleHeader, node: &str) -> bool {
    let snapshot = input.snapshot;
    let hits: Vec<_> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| node_of(snapshot, hit).as_deref() == Some(node))
        .collect();
    let of = |id: &'static str| hits.iter().filter(move |hit| hit.signature.ends_with(id));
    let killed_by_limit = || {
        snapshot
            .pods()
            .filter(|pod| pod.node() == node)
            .flat_map(|pod| pod.containers())
            .any(|container| container.ended().is_some_and(|ended| ended.reason == "OOMKilled"))
    };
    let told = of("/global")
        .chain(of("/old"))
        .any(|hit| hit.cite.quote.iter().any(|line| is_dated(&line.text)));
    told || (of("/event").next().is_some() && of("/limit").next().is_none() && !killed_by_limit())
}
