//! The hardware of a node reports errors.

use std::collections::BTreeSet;

use crate::cluster::Snapshot;
use crate::model::{Confidence, Subject};
use crate::rules::scheduling::blocked;
use crate::rules::text_rule::judge_text;
use crate::rules::toolbox::hosts::{Suffering, machines, network_suffering};
use crate::rules::toolbox::nics::{Loss, is_broken, losses};
use crate::rules::toolbox::nodes::{node_of, persists, touch_pods};
use crate::rules::toolbox::{own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: hardware-error
role: cause
level: critical
needs: [system-log|kernel-log|container-logs|interfaces]
text:
  - id: mce
    pattern: 'mce: \[Hardware Error\]: (?:CPU \d+: Machine Check|Machine check events logged)'
  - id: edac
    pattern: 'EDAC [^\n]{0,40}: \d+ (?P<class>UE) '
  - id: fatal
    pattern: '\{\d+\}\[Hardware Error\]: (?:event severity: (?:fatal|recoverable)|[^\n]*section_type: memory error)'
  - id: thermal
    pattern: 'CPU\d+: (?:Core|Package) temperature above threshold, cpu clock throttled'
  - id: pcie
    pattern: '(?:PCIe Bus Error: severity=Uncorrected|AER: Uncorrected \((?:Fatal|Non-Fatal)\) error received)'
  # The codes that NVIDIA lays to hardware (docs.nvidia.com/deploy/xid-errors).
  - id: gpu
    pattern: 'NVRM: Xid \([^)\n]*\): (?P<xid>48|64|74|79|92|94|95|119|120),'
finds:
  subject: node
  confidence: probable
  only_while_failing: true
check: {zh: "节点的硬件是否报告错误", en: "whether the hardware of nodes reports errors"}
title:
  zh: "{% if card is defined %}节点 {{ node }} 的网卡 {{ card }} 收到损坏的帧（{{ counters|join('、') }}）{% else %}节点 {{ node }} 报告硬件错误（{{ times }} 次）{% endif %}"
  en: "{% if card is defined %}network card {{ card }} of node {{ node }} receives damaged frames ({{ counters|join(', ') }}){% else %}node {{ node }} reports hardware errors ({{ times|times }}){% endif %}"
cause:
  zh: "{% if card is defined %}网卡收到的帧校验不对（{{ counters|join('、') }}）：线缆、光模块或交换机端口有问题，经过它的连接会变慢、重传或中断。{% else %}内核记录了硬件错误：{{ line }}；内存、处理器、总线或散热有问题，节点不可信赖。{% endif %}"
  en: "{% if card is defined %}the checksums of frames that the card receives are wrong ({{ counters|join(', ') }}): a cable, a transceiver or the switch's port is at fault, and connections through it are slow, are sent again, or break.{% else %}the kernel recorded errors of the hardware: {{ line }}; memory, processor, bus or cooling are at fault and the node cannot be trusted.{% endif %}"
causes:
  - rule: peer-unresponsive
    ground: node
    mechanism: {zh: "请求的数据包损坏而丢失", en: "packets of requests arrive damaged and are lost"}
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "请求的数据包损坏而丢失", en: "packets of requests arrive damaged and are lost"}
  - {rule: 'app-*', ground: workload, mechanism: {zh: '节点的硬件出错，应用随之出错', en: 'the machine errs, and what runs on it with it'}}
  - rule: failedscheduling-insufficient-resources
    ground: workload
    mechanism: {zh: "失效的 GPU 不再分配给 Pod", en: "a GPU that failed is given to no pod"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: hung-task
    ground: node
    mechanism: {zh: "内核任务因此挂起", en: "tasks of the kernel hang for it"}
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
benign:
  - {zh: "可纠正的 ECC 错误（CE）偶尔出现不影响运行", en: "a corrected ECC error (CE) now and then does no harm"}
remedy:
  - purpose: {zh: "查看硬件日志", en: "look at the logs of the hardware"}
    place: node
    risk: read-only
    command: |
      journalctl -k --no-pager | grep -iE 'hardware error|edac|mce'
      ipmitool sel list
    expect: {zh: "出错的部件", en: "the part that fails"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "停止向该节点调度，再安排更换硬件", en: "keep new pods off the node, then have the hardware replaced"}
    place: cluster
    risk: change
    command: "kubectl cordon {{ node }}"
    expect: {zh: "`node/{{ node }} cordoned`", en: "`node/{{ node }} cordoned`"}
    verify: {zh: "更换后内核日志没有新的硬件错误", en: "after the replacement the kernel log has no new hardware error"}
    rollback: {zh: "`kubectl uncordon {{ node }}`", en: "`kubectl uncordon {{ node }}`"}
    notes:
      - {zh: "需要移走已有的 Pod 时再执行 `kubectl drain {{ node }} --ignore-daemonsets`，它遵守 PodDisruptionBudget", en: "to move the pods that are there, run `kubectl drain {{ node }} --ignore-daemonsets` afterwards; it respects PodDisruptionBudgets"}
prevention:
  - kind: detect
    text: {zh: "采集 BMC 与 EDAC 事件并告警", en: "collect events of BMC and EDAC, and alert on them"}
    acceptance: {zh: "测试事件触发告警", en: "a test event raises the alert"}
sources:
  - "Linux arch/x86/kernel/cpu/mce/core.c"
  - "Linux drivers/edac/edac_mc.c"
  - "Linux drivers/firmware/efi/cper.c"
versions: "Linux 3.x to 6.x"
examples:
  - name: "a GPU falls off the bus, and a pod waits for one"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.31.4
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT          MESSAGE
        train       2m          Warning   FailedScheduling   pod/segment-0   0/1 nodes are available: 1 Insufficient nvidia.com/gpu.
      "pods.txt": |
        NAMESPACE   NAME        READY   STATUS    RESTARTS   AGE   IP       NODE
        train       segment-0   0/1     Pending   0          12m   <none>   <none>
        train       infer-0     0/1     CrashLoopBackOff   9          12m   10.42.0.8   n1
      "n1/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] NVRM: Xid (PCI:0000:4f:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a machine check on a node that is not ready"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] mce: [Hardware Error]: CPU 4: Machine Check: 0 Bank 5: be00000000800400
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "damaged frames"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m   10.42.1.9    n2
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m   10.42.0.9    n1
      "svc.txt": |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        rates   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      "web-57b96b46b7-zv4q2.log": |
        2026/11/21 10:00:01 ERROR Get "http://rates:8080/now": context deadline exceeded
        2026/11/21 10:00:09 ERROR Get "http://rates:8080/now": context deadline exceeded
        2026/11/21 10:00:19 ERROR Get "http://rates:8080/now": context deadline exceeded
        2026/11/21 10:00:29 ERROR Get "http://rates:8080/now": context deadline exceeded
      "nodes/n1/ethtool_-S_eth0": |
        NIC statistics:
             rx_packets: 109358898
             rx_crc_errors_phy: 418211
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "corrected"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] EDAC MC0: 1 CE memory read error on CPU_SrcID#0
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let finds = rule.finds.as_ref();
    let mut findings = finds.map_or_else(Vec::new, |finds| judge_text(input, rule, finds));
    let snapshot = input.snapshot;
    findings.extend(damaged_frames(snapshot, rule));
    let own = own_hits(input, rule).into_iter();
    let lost = own.filter(|hit| hit.signature.ends_with("/gpu") && persists(snapshot, hit));
    let nodes: BTreeSet<String> = lost.filter_map(|hit| node_of(snapshot, hit)).collect();
    if nodes.is_empty() {
        return findings;
    }
    let waiting = wait_for_gpus(snapshot);
    let touches: Vec<Touch> = (waiting.iter())
        .flat_map(|pod| workload_touches(snapshot, pod))
        .collect();
    for finding in findings
        .iter_mut()
        .filter(|finding| nodes.contains(&finding.subject.name))
    {
        finding.confidence = Confidence::Confirmed;
        finding.touches.extend(touches.iter().cloned());
    }
    findings
}

/// Nodes whose network suffers and whose card receives damaged frames.
fn damaged_frames(snapshot: &Snapshot, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        if network_suffering(snapshot, &machine.node) != Suffering::Yes {
            continue;
        }
        let damaged: Vec<Loss> = losses(&machine).into_iter().filter(is_broken).collect();
        let Some((card, ..)) = damaged.first() else { continue };
        let counters: Vec<String> = damaged
            .iter()
            .map(|(_, counter, count, _)| format!("{counter} {count}"))
            .collect();
        let mut finding = Finding::new(rule, Subject::node(&machine.node), Confidence::Probable)
            .fact("node", machine.node.clone())
            .fact("card", card.clone())
            .fact("counters", counters);
        for (.., cite) in &damaged {
            finding.add_cite(cite.clone());
        }
        touch_pods(snapshot, &machine.node, &mut finding);
        // Pods stay ready while their connections break.
        for pod in snapshot.pods().filter(|pod| pod.node() == machine.node) {
            finding
                .touches
                .extend(workload_touches(snapshot, &pod.object.subject()));
        }
        findings.push(finding);
    }
    findings
}

/// The pods that wait and that no node has GPUs for (kubernetes pkg/scheduler/framework/plugins/noderesources/fit.go: `Insufficient %v`).
fn wait_for_gpus(snapshot: &Snapshot) -> Vec<Subject> {
    let lacks = |words: &str| words.contains("Insufficient nvidia.com/");
    let blocked = blocked(snapshot).into_iter();
    blocked
        .filter(|blocked| blocked.parts.iter().any(|part| lacks(&part.words)))
        .map(|blocked| blocked.pod)
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::model::Confidence;
    use crate::rules::try_out::findings_of;

    const NODES: &str = "NAME   STATUS     ROLES    AGE   VERSION\nn1     NotReady   <none>   90d   v1.31.4\n";
    const LOST: &str = "[Tue Jan 21 18:20:44 2025] NVRM: Xid (PCI:0000:4f:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.\n";
    const EVENTS: &str = "NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT          MESSAGE\n\
        train       2m          Warning   FailedScheduling   pod/segment-0   0/1 nodes are available: 1 Insufficient nvidia.com/gpu.\n";
    const PODS: &str = "NAMESPACE   NAME        READY   STATUS    RESTARTS   AGE\n\
        train       segment-0   0/1     Pending   0          12m\n";

    #[test]
    fn a_gpu_that_was_lost_long_ago_confirms_nothing() {
        let long_after = format!("{LOST}[Tue Jan 21 20:20:44 2025] e1000e: eth0 NIC Link is Up 1000 Mbps\n");
        let found = |log: &str| {
            let files = [
                ("nodes.txt", NODES),
                ("events.txt", EVENTS),
                ("pods.txt", PODS),
                ("n1/dmesg.txt", log),
            ];
            let [finding] = findings_of("hardware-error", &files).try_into().unwrap();
            let touches = format!("{:?}", finding.touches).contains("segment-0");
            (finding.confidence == Confidence::Confirmed, touches)
        };
        assert_eq!(found(LOST), (true, true));
        assert_eq!(found(&long_after), (false, false));
    }
}
