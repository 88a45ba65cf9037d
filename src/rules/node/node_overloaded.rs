//! A node has far more to do than it has processors, or its processes wait for disks.

use crate::cluster::Snapshot;
use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Machine, Suffering, machines, suffering};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-overloaded
role: link
level: warning
needs: [host-facts|processes]
check: {zh: "节点是否过载（负载平均值、D 状态的进程）", en: "whether nodes are overloaded (load average, processes in state D)"}
title:
  zh: "节点 {{ node }} 过载：{% if load %}负载 {{ load }}，{{ cpus }} 个处理器{% endif %}{% if load and waiting %}，{% endif %}{% if waiting %}{{ waiting }} 个进程在等待 I/O（D 状态）{% endif %}"
  en: "node {{ node }} is overloaded: {% if load %}load {{ load }} on {{ cpus }} processors{% endif %}{% if load and waiting %}, {% endif %}{% if waiting %}{{ waiting }} processes wait for I/O (state D){% endif %}"
cause:
  zh: "{% if waiting %}{{ waiting }} 个进程停在不可中断的等待中（{{ programs|join(\"、\") }}），通常是存储或 NFS 太慢。{% endif %}{% if load %}可运行与等待 I/O 的任务远多于处理器。{% endif %}探针、心跳与 PLEG 因此超时。"
  en: "{% if waiting %}{{ waiting }} processes wait without a chance to be interrupted ({{ programs|join(\", \") }}), mostly because storage or NFS is too slow. {% endif %}{% if load %}Far more tasks are ready or wait for I/O than there are processors. {% endif %}Probes, heartbeats and PLEG time out for it."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: readiness-probe-failing
    ground: node
    mechanism: {zh: "探针得不到应答", en: "probes get no answer"}
  - rule: liveness-probe-failing
    ground: node
    mechanism: {zh: "探针得不到应答", en: "probes get no answer"}
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时无法工作", en: "the runtime cannot work"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不能就绪", en: "pods of the node do not get ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "进程因此退出，kubelet 反复重启", en: "the process ends over it and the kubelet restarts it"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "Pod 不就绪，端点被移除", en: "pods that are not ready leave the endpoints"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
benign:
  - {zh: "短时的高负载而没有任何异常", en: "high load for a while with nothing amiss"}
  - {zh: "内核线程短暂处于 D 状态", en: "threads of the kernel in state D for a moment"}
remedy:
  - purpose: {zh: "找出占用处理器与等待 I/O 的进程", en: "find what uses the processors and what waits for I/O"}
    place: node
    risk: read-only
    command: |
      top -b -n 1 | head -20
      ps -eo state,pid,wchan:32,cmd | awk '$1 ~ /D/'
      iostat -x 1 3
    expect: {zh: "最忙的进程与最慢的磁盘", en: "the busiest processes and the slowest disk"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "为 kubelet 与系统预留资源（systemReserved、kubeReserved），并为 Pod 设置 requests", en: "reserve resources for the kubelet and the system (systemReserved, kubeReserved), and set requests of pods"}
    acceptance: {zh: "节点的 Allocatable 小于 Capacity", en: "Allocatable of the node is below Capacity"}
sources:
  - "proc_loadavg(5)"
  - "ps(1): process state codes"
versions: "any"
examples:
  - name: "load far above the processors of a node that is not ready"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4"}, "conditions": [{"type": "Ready", "status": "False"}]}}]}'
      "n1/uptime.txt": |2
         10:20:42 up 12 days,  3:04,  1 user,  load average: 61.20, 58.11, 40.02
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "processes wait for a disk"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/ps.txt": |
        USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND
        root         800  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         801  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         802  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         803  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         804  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         805  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         806  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         807  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
        root         808  0.0  0.5 100000 50000 ?        D    09:00   0:10 /usr/bin/dockerd-worker
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "busy, and well"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      1/1     Running   0          41m   10.42.0.9    n2
      "n2/uptime.txt": |2
         10:20:42 up 12 days,  3:04,  1 user,  load average: 61.20, 58.11, 40.02
"##;

/// Times as many tasks as processors over five minutes: a node that is merely busy stays below.
const TIMES: f64 = 4.0;
/// Processes that wait at one moment: fewer are ordinary disk access.
const WAITING: usize = 8;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        if suffering(snapshot, &machine.node) != Suffering::Yes {
            continue;
        }
        let load = load(snapshot, &machine);
        let waiting: Vec<_> = machine
            .host
            .tools
            .processes
            .iter()
            .filter(|process| process.state.starts_with('D'))
            .collect();
        let many_wait = waiting.len() >= WAITING;
        if load.is_none() && !many_wait {
            continue;
        }
        let mut finding = machine
            .finding(snapshot, rule, Confidence::Probable)
            .fact("load", load.as_ref().map_or("", |(load, _)| load.as_str()))
            .fact("cpus", load.as_ref().map_or(0, |(_, cpus)| *cpus))
            .fact("waiting", if many_wait { waiting.len() } else { 0 });
        let mut programs: Vec<String> = Vec::new();
        if load.is_some() {
            finding = machine
                .value("host.load-average")
                .into_iter()
                .fold(finding, |finding, (_, cite)| finding.cite(cite));
        }
        for process in waiting.iter().filter(|_| many_wait).take(3) {
            finding.add_cite(process.cite.clone());
            programs.push(process.program().to_owned());
        }
        programs.dedup();
        findings.push(finding.fact("programs", programs));
    }
    findings
}

/// The load averages as written and the number of processors, where the load is far too high.
fn load(snapshot: &Snapshot, machine: &Machine<'_>) -> Option<(String, u64)> {
    let (load, _) = machine.value("host.load-average")?;
    let capacity = snapshot
        .object("Node", "", &machine.node)
        .map_or("", |node| node.text("/status/capacity/cpu"));
    let told = machine.value("host.cpus").map_or(capacity, |(cpus, _)| cpus);
    let cpus: u32 = told.parse().ok()?;
    let five_minutes: f64 = load.split(',').nth(1)?.trim().parse().ok()?;
    (cpus > 0 && five_minutes >= f64::from(cpus) * TIMES).then(|| (load.to_owned(), u64::from(cpus)))
}
