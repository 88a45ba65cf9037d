//! RKE2 or k3s waits in its start and does not get on.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::{by_node, ends_log, is_ready, node_of};
use crate::rules::toolbox::own_hits;
use crate::rules::{Finding, Input, RuleHeader};

/// The units of RKE2 and k3s.
const UNITS: [&str; 4] = ["rke2-server", "rke2-agent", "k3s", "k3s-agent"];
/// Every start says these lines; a start that goes on says each a few times.
const MANY: u64 = 6;
/// Ends with a fatal error that are no single mishap.
const ENDS: u64 = 2;

pub(in crate::rules) const RULE: &str = r##"
id: rke2-server-not-ready
role: link
level: critical
needs: [k3s-log|system-log|systemd-units]
text:
  - id: agent
    pattern: '(?P<problem>Waiting to retrieve (?:agent|kube-proxy) configuration; server is not ready[^\n]{0,200})'
  - id: ca
    pattern: '(?P<problem>failed to get CA certs: [^\n]{1,200})'
  - id: cri
    pattern: '(?P<problem>Waiting for (?:cri connection|containerd startup): [^\n]{1,160})'
  - id: pod
    pattern: '(?P<problem>Pod for \S{1,40} not synced \([^\n]{1,160}\), retrying)'
  - id: api
    pattern: '(?P<problem>Waiting for API server to become available|Waiting for control-plane node \S{0,80} startup[^\n]{0,120})'
  - id: store
    pattern: '(?P<problem>Failed to test (?:data store|etcd) connection: [^\n]{1,160})'
  - id: fatal
    pattern: '(?:rke2|k3s)(?:-server|-agent)?\[\d+\]: (?:time="[^"\n]{1,60}" )?level=fatal msg="(?P<fatal>(?:[^"\\\n]|\\.){1,240})'
check:
  zh: "RKE2 或 k3s 是否完成启动"
  en: "whether RKE2 or k3s complete their start"
title:
  zh: "节点 {{ node }} 的 {% if unit %}{{ unit }} {{ state }}{% elif not fatal %}RKE2/k3s 停在启动阶段：{{ problem }}{% else %}RKE2/k3s 启动即退出{% endif %}{% if fatal %}：{{ fatal }}{% endif %}"
  en: "on node {{ node }} {% if unit %}{{ unit }} is {{ state }}{% elif not fatal %}RKE2 or k3s is held up in its start: {{ problem }}{% else %}RKE2 or k3s ends at its start{% endif %}{% if fatal %}: {{ fatal }}{% endif %}"
cause:
  zh: "{% if line %}日志反复出现 {{ line }}（{{ times }} 次）。{% else %}systemd 显示它没有运行。{% endif %}{% if fatal %}它因此退出，systemd 反复重启它。{% else %}被等待的通常是 etcd 的法定人数、9345 或 6443 端口、containerd，或离线环境中缺少的镜像。{% endif %}"
  en: "{% if line %}its log repeats {{ line }} ({{ times|times }}). {% else %}systemd shows that it does not run. {% endif %}{% if fatal %}It ends over it, and systemd starts it again and again.{% else %}What it waits for is mostly etcd's quorum, port 9345 or 6443, containerd, or an image that an air-gapped place lacks.{% endif %}"
causes:
  - rule: apiserver-down
    ground: node
    mechanism: {zh: "API 服务器没有启动", en: "the API server has not started"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 由它启动", en: "it is what starts the kubelet"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: rancher-provisioning-waiting
    ground: cluster
    mechanism: {zh: "Rancher 等待节点", en: "Rancher waits for the node"}
benign:
  - {zh: "每次启动的前几分钟都会出现这些行", en: "every start says these lines for some minutes"}
remedy:
  - purpose: {zh: "查看服务状态与最后日志", en: "see the unit and its last lines"}
    place: node
    risk: read-only
    command: |
      systemctl status rke2-server rke2-agent k3s k3s-agent --no-pager
      journalctl -u rke2-server -n 50 --no-pager
    expect: {zh: "反复出现的一行", en: "the line that repeats"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看控制面容器", en: "see the control plane's containers"}
    place: node
    risk: read-only
    command: "crictl --runtime-endpoint unix:///run/k3s/containerd/containerd.sock ps -a"
    expect: {zh: "Exited 的容器", en: "a container that has Exited"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 rke2-server 与 k3s 的重启次数告警", en: "alert on restarts of rke2-server and k3s"}
    acceptance: {zh: "停掉测试节点的 etcd 后收到告警", en: "stopping a test node's etcd raises it"}
sources: ["rancher/rke2 pkg/staticpod: `Pod for %s not synced (%v), retrying`", "k3s pkg/agent/config/config.go: `Waiting to retrieve agent configuration; server is not ready`", "k3s pkg/cluster: `Failed to test data store connection`"]
versions: "RKE2 1.18 to 1.34; k3s 1.18 to 1.34"
examples:
  - name: "an agent that waits"
    files:
      "nodes/w1/journald/rke2-agent.log": |
        Feb 24 14:29:11 w1 rke2[1033]: time="2026-02-24T14:29:11Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:14 w1 rke2[1033]: time="2026-02-24T14:29:14Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:17 w1 rke2[1033]: time="2026-02-24T14:29:17Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:20 w1 rke2[1033]: time="2026-02-24T14:29:20Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:23 w1 rke2[1033]: time="2026-02-24T14:29:23Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:26 w1 rke2[1033]: time="2026-02-24T14:29:26Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:29 w1 rke2[1033]: time="2026-02-24T14:29:29Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:32 w1 rke2[1033]: time="2026-02-24T14:29:32Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:35 w1 rke2[1033]: time="2026-02-24T14:29:35Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
        Feb 24 14:29:38 w1 rke2[1033]: time="2026-02-24T14:29:38Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: CA cert validation failed: Get \"https://127.0.0.1:6444/cacerts\": EOF"
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "a start that goes on"
    files:
      "nodes/w1/journald/rke2-agent.log": |
        Feb 24 14:29:11 w1 rke2[1033]: time="2026-02-24T14:29:11Z" level=info msg="Waiting for cri connection: rpc error"
        Feb 24 14:29:21 w1 rke2[1033]: time="2026-02-24T14:29:21Z" level=info msg="rke2 agent is up and running"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Probable);
    // A single fatal error is the end where nothing but systemd writes after it.
    let own = own_hits(input, rule).into_iter();
    let last = own.filter(|hit| hit.captures.contains_key("fatal") && ends_log(snapshot, hit));
    let ended: Vec<String> = last.filter_map(|hit| node_of(snapshot, hit)).collect();
    findings.retain(|finding| {
        let is_fatal = finding.facts.contains_key("fatal");
        let counts =
            finding.count >= MANY || is_fatal && (finding.count >= ENDS || ended.contains(&finding.subject.name));
        counts && is_ready(snapshot, &finding.subject.name) != Some(true)
    });
    for finding in &mut findings {
        finding.facts.entry("fatal").or_insert_with(|| "".into());
        finding.facts.insert("unit".into(), "".into());
        finding.facts.insert("state".into(), "".into());
    }
    for host in &snapshot.hosts {
        let node = host.node_name();
        let down = UNITS
            .iter()
            .filter_map(|name| host.tools.unit(name))
            .find(|unit| unit.loaded == "loaded" && (unit.active == "failed" || unit.sub == "auto-restart"));
        // A machine that nothing names is one of those of which the logs tell.
        let Some(unit) = down.filter(|_| !node.is_empty() || findings.is_empty()) else {
            continue;
        };
        let state = format!("{} ({})", unit.active, unit.sub);
        match findings.iter_mut().find(|finding| finding.subject.name == node) {
            Some(known) => {
                known.confidence = Confidence::Confirmed;
                known.add_cite(unit.cite.clone());
                known.facts.insert("unit".into(), unit.name.clone().into());
                known.facts.insert("state".into(), state.into());
            }
            None => findings.push(
                Finding::new(rule, Subject::node(node), Confidence::Confirmed)
                    .cite(unit.cite.clone())
                    .fact("node", node)
                    .fact("unit", unit.name.clone())
                    .fact("state", state)
                    .fact("fatal", "")
                    .fact("line", "")
                    .fact("times", 0),
            ),
        }
    }
    findings
}
