//! A pod's own network is made slow or lossy on purpose.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-network-impaired
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: netem
    in: [container-log]
    pattern: 'qdisc netem \S+ (?:dev (?P<device>\S+) )?(?:root|parent)[^\n]*(?P<impairment>(?:delay|loss|corrupt|duplicate|reorder) [\d.]+(?:us|ms|s|%))'
check: {zh: "Pod 的网卡是否被 netem 加入延迟或丢包", en: "whether netem delays or drops the packets of pods"}
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：Pod 的网卡被 netem 加入 {{ impairment }}"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the network interface of its pod has {{ impairment }} by netem"
cause:
  zh: "Pod 网络命名空间里的队列规则 netem 人为加入了延迟或丢包（混沌实验、测试残留）。应用自身处理得很快，调用方却要等。"
  en: "the queueing discipline netem in the pod's network namespace adds delay or loss on purpose (a chaos experiment, a test left behind). The application itself is quick, and its callers wait."
causes:
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "应答被延迟或丢弃", en: "answers are delayed or lost"}
  - rule: app-latency
    ground: cluster
    mechanism: {zh: "调用它的一方都要等", en: "who calls it has to wait"}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "到对端的连接得不到应答", en: "connections to the peer get no answer"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "请求超时", en: "requests time out"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "探针等不到应答", en: "probes get no answer in time"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "探针等不到应答", en: "probes get no answer in time"}
benign:
  - {zh: "默认的 noqueue、fq_codel、mq 队列规则不受影响", en: "the default queueing disciplines noqueue, fq_codel and mq do no harm"}
remedy:
  - purpose: {zh: "查找仍在运行的混沌实验", en: "look for chaos experiments that still run"}
    place: cluster
    risk: read-only
    command: "kubectl api-resources --api-group=chaos-mesh.org -o name"
    expect: {zh: "列出实验的种类；逐一 kubectl get", en: "the kinds of experiments; get each of them"}
    verify: {zh: "没有选中该 Pod 的实验", en: "no experiment selects the pod"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重建 Pod：新的网络命名空间没有这条规则", en: "have the pod made anew: its new network namespace lacks the rule"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}"
    verify: {zh: "调用方的耗时恢复", en: "callers are as quick as before"}
    rollback: {zh: "无需回滚", en: "nothing to undo"}
prevention:
  - kind: process
    text: {zh: "混沌实验设定时限，并在结束后核对 tc qdisc", en: "give chaos experiments a time limit, and check tc qdisc after they end"}
    acceptance: {zh: "实验结束后 tc qdisc show 中没有 netem", en: "after an experiment tc qdisc show has no netem"}
sources:
  - "tc-netem(8); iproute2 tc/q_netem.c"
versions: "any"
examples:
  - name: "a delay that was left behind"
    files:
      "pods.txt": |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        ledger-6bdf8c9d7-jd5lx   1/1     Running   0          41m
      "session.txt": |
        $ kubectl exec -n shop ledger-6bdf8c9d7-jd5lx -- tc -s qdisc show dev eth0
        qdisc netem 8003: root refcnt 13 limit 1000 delay 2s  200ms
         Sent 1203 bytes 12 pkt (dropped 0, overlimits 0 requeues 0)
        $ date
        Sun Mar  1 10:00:00 UTC 2026
    fires:
      - {kind: Deployment, namespace: shop, name: ledger}
  - name: "the default"
    files:
      "pods.txt": |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        ledger-6bdf8c9d7-jd5lx   1/1     Running   0          41m
      "session.txt": |
        $ kubectl exec -n shop ledger-6bdf8c9d7-jd5lx -- tc -s qdisc show dev eth0
        qdisc noqueue 0: root refcnt 2
         Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0)
        $ date
        Sun Mar  1 10:00:00 UTC 2026
  - name: "a debugging container that adds a delay"
    files:
      "describe.txt": |
        Name:             ledger-6bdf8c9d7-jd5lx
        Namespace:        shop
        Priority:         0
        Node:             n1/192.0.2.11
        Start Time:       Sun, 01 Mar 2026 09:00:00 +0000
        Status:           Running
        IP:               10.42.1.9
        Controlled By:    ReplicaSet/ledger-6bdf8c9d7
        Containers:
          ledger:
            Image:          registry.example/ledger:1.4.2
            State:          Running
            Ready:          True
            Restart Count:  0
        Ephemeral Containers:
          debugger-x2x9k:
            Image:         registry.example/netshoot:v0.13
            Command:
              tc
              qdisc
              add
              dev
              eth0
              root
              netem
              delay
              900ms
            State:          Terminated
              Reason:       Completed
              Exit Code:    0
            Ready:          False
            Restart Count:  0
        Conditions:
          Type              Status
          Ready             True
    fires:
      - {kind: Deployment, namespace: shop, name: ledger}
"##;

/// `tc qdisc add dev eth0 root netem delay 900ms`, alone or within a script (tc-netem(8)).
static ADDED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\btc qdisc (?:add|replace|change) (?:dev (?P<device>\S+) )?[^\n]{0,80}?\bnetem (?:limit \d+ )?(?P<impairment>(?:delay|loss|corrupt|duplicate|reorder) [\w.%]+)").ok()
});

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        (!hit.about.object.name.is_empty()).then(|| snapshot.top_owner_of(&hit.about.object))
    });
    for pod in snapshot.pods() {
        let workload = snapshot.top_owner(pod.object);
        let Some((at, device, impairment)) = added(pod.object) else {
            continue;
        };
        if findings.iter().any(|finding| finding.subject == workload) {
            continue;
        }
        let subject = pod.object.subject();
        let mut finding = Finding::new(rule, workload, Confidence::Confirmed)
            .cite(pod.object.cite_at(&at))
            .fact("impairment", impairment);
        if !device.is_empty() {
            finding = finding.fact("device", device);
        }
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
        findings.push(finding);
    }
    findings
}

/// The container of a pod that adds the discipline, and what it adds; none where another one takes it away again.
fn added(pod: &Object) -> Option<(String, String, String)> {
    let regex = ADDED.as_ref()?;
    let mut found = None;
    for group in ["ephemeralContainers", "initContainers", "containers"] {
        for (index, container) in pod.list(&format!("/spec/{group}")).iter().enumerate() {
            let command = words(container);
            if command.contains("tc qdisc del ") {
                return None;
            }
            if let Some(groups) = regex.captures(&command) {
                let of = |name: &str| {
                    groups
                        .name(name)
                        .map_or(String::new(), |found| found.as_str().to_owned())
                };
                found = Some((format!("/spec/{group}/{index}"), of("device"), of("impairment")));
            }
        }
    }
    found
}

fn words(container: &Value) -> String {
    let of = |field: &str| container.get(field).and_then(Value::as_array).into_iter().flatten();
    let all: Vec<&str> = of("command").chain(of("args")).filter_map(Value::as_str).collect();
    all.join(" ")
}
