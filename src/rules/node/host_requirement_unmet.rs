//! A machine does not meet what k0s requires of it.

use std::collections::BTreeMap;

use crate::cluster::Host;
use crate::model::{Citation, Confidence, Level, Subject};
use crate::rules::toolbox::nodes::machine_name;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: host-requirement-unmet
role: cause
level: critical
needs: [k0s-checks]
check:
  zh: "机器是否满足 k0s 的要求"
  en: "whether the machine meets the requirements of k0s"
title:
  zh: "机器 {{ subject.name }} 不满足 k0s 的要求：{{ checks|join('、') }}"
  en: "machine {{ subject.name }} does not meet what k0s requires: {{ checks|join(', ') }}"
cause:
  zh: "k0s 的检查结果{% if rejected %}为 rejected，k0s 因此不会在这台机器上启动{% else %}为 warning，k0s 仍会启动{% endif %}：{{ outcomes|join('；') }}。"
  en: "{% if rejected %}k0s rejects the machine and does not start on it{% else %}k0s warns, and starts all the same{% endif %}: {{ outcomes|join('; ') }}."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "k0s 不启动，节点就没有 kubelet", en: "k0s does not start, so the node has no kubelet"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "k0s 不启动，节点就没有 kubelet", en: "k0s does not start, so the node has no kubelet"}
benign:
  - {zh: "只用作控制面的机器可以没有 worker 才需要的内核模块", en: "a machine that is a controller alone may lack kernel modules that only workers need"}
remedy:
  - purpose: {zh: "再次查看检查结果", en: "look at the checks once more"}
    place: node
    risk: read-only
    command: "k0s sysinfo"
    expect: {zh: "未通过的检查标有 rejected 或 warning", en: "checks that did not pass say rejected or warning"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "补齐所缺的内存、内核模块或 cgroup 控制器之后，再次启动 k0s", en: "start k0s again once the machine has the memory, the kernel module or the cgroup controller that it lacks"}
    place: node
    risk: change
    command: "k0s start"
    verify: {zh: "`k0s sysinfo` 的各项检查均为 pass，`k0s status` 显示 Role", en: "every check of `k0s sysinfo` says pass, and `k0s status` shows a role"}
    rollback: {zh: "`k0s stop`", en: "`k0s stop`"}
prevention:
  - kind: detect
    text: {zh: "在把机器加入集群之前运行 `k0s sysinfo`", en: "run `k0s sysinfo` before a machine joins the cluster"}
    acceptance: {zh: "去掉一个 cgroup 控制器的测试机器会被拒绝", en: "a test machine without a cgroup controller is refused"}
sources:
  - "k0sproject/k0s cmd/sysinfo/sysinfo.go: categories pass, warning, rejected, error"
  - "k0sproject/k0s cmd/worker/worker.go, pkg/component: pre-flight checks failed"
versions: "k0s 1.21 to 1.33"
examples:
  - name: "a controller of cgroups is not there"
    files:
      w1.json: '[{"path": ["os"], "displayName": "Operating system", "prop": "Linux", "message": "", "category": "pass"}, {"path": ["cgroups", "cpu"], "displayName": "cgroup controller \"cpu\"", "prop": "unavailable", "message": "required", "category": "rejected"}]'
    fires: [{kind: "Node", name: "example", node: "example"}]
  - name: "little memory, of which k0s warns"
    files:
      sysinfo.txt: |
        Total memory: 0.5 GiB (warning: 1 GiB recommended)
        Operating system: Linux (pass)
    fires: [{kind: "Node", name: "example", node: "example"}]
  - name: "all checks passed, or could not be made"
    files:
      sysinfo.txt: |
        Total memory: 4.0 GiB (pass)
        modprobe: error: not found
"##;

/// What the values of `k0s sysinfo` are called in front of the check's own name.
const CHECK: &str = "k0s.check.";

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .hosts
        .iter()
        .filter_map(|host| unmet(input, rule, host))
        .collect()
}

fn unmet(input: &Input<'_>, rule: &RuleHeader, host: &Host) -> Option<Finding> {
    let mut failed: BTreeMap<&str, Vec<(&str, &str, &Citation)>> = BTreeMap::new();
    for (key, (value, cite)) in &host.values {
        let Some(check) = key.strip_prefix(CHECK) else { continue };
        let (category, outcome) = value.split_once(": ").unwrap_or((value, ""));
        if category == "rejected" || category == "warning" {
            failed.entry(category).or_default().push((check, outcome, cite));
        }
    }
    let rejected = failed.contains_key("rejected");
    let category = if rejected { "rejected" } else { "warning" };
    let checks = failed.get(category)?;
    // Of a machine that has not joined yet nothing may tell the name.
    let name = machine_name(input.snapshot, host.node_name());
    let outcome = |(check, outcome, _): &(&str, &str, &Citation)| format!("{check}: {outcome}");
    let mut finding = Finding::new(rule, Subject::node(&name), Confidence::Confirmed)
        .fact("checks", checks.iter().map(|(check, ..)| *check).collect::<Vec<_>>())
        .fact("outcomes", checks.iter().map(outcome).collect::<Vec<_>>())
        .fact("rejected", rejected);
    finding.level = if rejected { Level::Critical } else { Level::Warning };
    for (.., cite) in checks {
        finding.add_cite((*cite).clone());
    }
    Some(finding)
}
