//! A node driver of Rancher cannot create a machine at its infrastructure.

use std::collections::BTreeMap;

use crate::cluster::Hit;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: machine-creation-failed
role: cause
level: critical
needs: [container-logs|events]
text:
  - id: machine
    pattern: 'failed creating server \[(?P<namespace>[a-z0-9-]{1,63})/(?P<machine>[a-z0-9.-]{1,120})\] of kind \((?P<kind>[A-Za-z0-9]{1,60})\)'
  - id: reason
    pattern: '(?:Error with pre-create check|Error creating machine): "?(?P<why>[ !#-~]{1,200})'
check:
  zh: "Rancher 的节点驱动能否创建机器"
  en: "whether Rancher's node drivers can create machines"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：基础设施上无法创建这台机器{% if why %}（{{ why }}）{% endif %}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the infrastructure does not create this machine{% if why %} ({{ why }}){% endif %}"
cause:
  zh: "{{ line }}{% if why %}；驱动报告 {{ why }}{% endif %}。机器配置引用的网络、模板、数据存储、规格或凭据在基础设施一侧不存在、改了名或不再有权使用。"
  en: "{{ line }}{% if why %}; the driver says {{ why }}{% endif %}. A network, template, datastore, size or credential that the machine's configuration names is not there, has another name, or may no longer be used."
causes:
  - rule: rancher-provisioning-waiting
    ground: cluster
    mechanism: {zh: "机器没有建成，集群停在这一步", en: "without the machine the cluster waits at this step"}
  - rule: failedscheduling-insufficient-resources
    ground: cluster
    mechanism: {zh: "缺少的节点使容量不足", en: "the node that is missing leaves too little room"}
  - rule: app-bug
    ground: namespace
    mechanism: {zh: "创建机器的任务因此失败", en: "the job that creates it ends over it"}
benign:
  - {zh: "基础设施一时的超时：之后重试成功", en: "a time-out of the infrastructure that a later try overcame"}
remedy:
  - purpose: {zh: "查看机器的状态与创建任务的日志", en: "see the machine's status and the log of the job that creates it"}
    place: rancher
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} describe {{ subject.kind|lower }} {{ subject.name }}
      kubectl -n {{ subject.namespace }} logs job/{{ subject.name }}-machine-provision
    expect: {zh: "驱动给出的错误", en: "the driver's error"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在机器池的配置中改正所引用的名称或凭据（或在基础设施一侧恢复它）", en: "set the right name or credential in the machine pool (or bring it back at the infrastructure)"}
    place: rancher
    risk: change
    precheck: {zh: "用同一凭据在基础设施一侧能看到新的名称", en: "with the same credential the new name is seen at the infrastructure"}
    command: "kubectl -n {{ subject.namespace }} edit clusters.provisioning.cattle.io <CLUSTER>"
    expect: {zh: "edited", en: "edited"}
    verify: {zh: "机器进入 Running，节点加入集群", en: "the machine is Running and its node joins"}
    rollback: {zh: "改回原来的配置", en: "set it as it was"}
prevention:
  - kind: process
    text: {zh: "基础设施一侧改名之前，查出哪些机器池引用它", en: "before something is renamed at the infrastructure, look which machine pools name it"}
    acceptance: {zh: "改名的变更单列出受影响的机器池", en: "a change that renames lists the machine pools concerned"}
  - kind: detect
    text: {zh: "对停留在 Provisioning 超过 30 分钟的机器告警", en: "alert when a machine stays in Provisioning for 30 minutes"}
    acceptance: {zh: "在测试集群填错一个名称，按时收到告警", en: "a wrong name in a test cluster raises the alert"}
sources: ["rancher/rancher pkg/controllers/capr/machineprovision: `failed creating server [%s] of kind (%s) for machine %s`", "rancher/machine libmachine/mcnerror: `Error with pre-create check: %q`"]
versions: Rancher 2.6 to 2.12
examples:
  - name: a network that has another name now
    files:
      rancher.log: |
        2025/08/06 12:30:43 [ERROR] error syncing 'fleet-default/edge-work-m5clw': handler machine-provision: failed creating server [fleet-default/edge-work-m5clw] of kind (VmwarevsphereMachine) for machine edge-work-m5clw in infrastructure provider: CreateError: Running pre-create checks... Error with pre-create check: "network 'dvpg-212' not found"
        2025/08/06 12:36:22 [ERROR] error syncing 'fleet-default/edge-work-m5clw': handler machine-provision: failed creating server [fleet-default/edge-work-m5clw] of kind (VmwarevsphereMachine) for machine edge-work-m5clw in infrastructure provider: CreateError
    fires: [{kind: VmwarevsphereMachine, namespace: fleet-default, name: edge-work-m5clw}]
  - name: a machine that was created
    files:
      rancher.log: |
        2025/08/06 12:30:43 [INFO] [machineprovision] fleet-default/edge-work-m5clw: creating machine provision job
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut machines: BTreeMap<Subject, Vec<&Hit>> = BTreeMap::new();
    let mut reasons: Vec<&Hit> = Vec::new();
    for hit in own_hits(input, rule) {
        let named = |name: &str| hit.captures.get(name).map(String::as_str);
        match (named("kind"), named("namespace"), named("machine")) {
            (Some(kind), Some(namespace), Some(machine)) => {
                let machine = Subject::namespaced(kind, namespace, machine);
                machines.entry(machine).or_default().push(hit);
            }
            _ => reasons.push(hit),
        }
    }
    machines
        .into_iter()
        .map(|(machine, hits)| {
            let mut finding = Finding::new(rule, machine, Confidence::Confirmed);
            finding.count = 0;
            for hit in hits.iter().chain(&reasons) {
                add_hit(input, &mut finding, hit);
            }
            let why = reasons.first().and_then(|hit| hit.captures.get("why"));
            let line = crate::rules::toolbox::nodes::quote(&finding);
            finding
                .fact("why", why.map_or("", |why| why.trim_end_matches('"')))
                .fact("line", line)
        })
        .collect()
}
