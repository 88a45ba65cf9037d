//! A kernel parameter is not what the machine's configuration asks for.

use crate::bundle::decode::Config;
use crate::cluster::Host;
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::toolbox::nodes::touch_failing_pods;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: sysctl-reset
role: factor
level: info
needs: [sysctl]
check:
  zh: 内核参数是否与 sysctl.d 中的设置一致
  en: whether kernel parameters are what sysctl.d asks for
title:
  zh: "节点 {{ node }} 的 {{ key }} 为 {{ value }}，而 {{ file }} 中是 {{ wished }}{% if later %}，被 {{ later }} 覆盖{% endif %}"
  en: "{{ key }} is {{ value }} on node {{ node }} while {{ file }} asks for {{ wished }}{% if later %}, which {{ later }} overrides{% endif %}"
cause:
  zh: "{% if later %}sysctl.d 按文件名排序，后面的 {{ later }} 覆盖了 {{ file }}。{% else %}运行时的值在启动之后被改动：加固工具、tuned、软件包升级或手工 sysctl -w；也可能是写了文件而没有加载。{% endif %}下次重启或 sysctl --system 之后值还会变化。"
  en: "{% if later %}files of sysctl.d are applied in the order of their names, and {{ later }} comes after {{ file }}.{% else %}The value was changed after the start: by a hardening tool, tuned, an upgrade, or sysctl -w by hand; or the file was written and never loaded.{% endif %} It will change again at the next start or sysctl --system."
causes:
  - rule: ip-forward-disabled
    ground: node
    mechanism: {zh: "参数被重置", en: "the parameter was reset"}
  - rule: bridge-nf-call-disabled
    ground: node
    mechanism: {zh: "参数被重置", en: "the parameter was reset"}
  - rule: rp-filter-conflict
    ground: node
    mechanism: {zh: "参数被重置", en: "the parameter was reset"}
  - rule: inotify-instances-exhausted
    ground: node
    mechanism: {zh: "上限被重置", en: "the limit was reset"}
  - rule: inotify-watches-exhausted
    ground: node
    mechanism: {zh: "上限被重置", en: "the limit was reset"}
benign:
  - {zh: "kube-proxy 与 CNI 自己设置的参数（nf_conntrack_max、各网卡的 rp_filter）", en: "what kube-proxy and the CNI set themselves (nf_conntrack_max, rp_filter of single interfaces)"}
  - {zh: "只在重启后生效的设置", en: "settings that wait for the next start on purpose"}
remedy:
  - purpose: {zh: "查看每个设置来自哪个文件", en: "see which file each setting comes from"}
    place: node
    risk: read-only
    command: |
      systemd-analyze cat-config sysctl.d
      sysctl {{ key }}
    expect: {zh: "同一参数出现在多个文件中，或与运行值不同", en: "the parameter stands in several files, or differs from what is in force"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重新加载全部设置", en: "load all settings again"}
    place: node
    risk: change
    command: "sysctl --system"
    expect: {zh: "列出应用的文件", en: "it lists the files that it applies"}
    verify: {zh: "`sysctl {{ key }}` 与 {{ file }} 一致", en: "`sysctl {{ key }}` agrees with {{ file }}"}
    rollback: {zh: "`sysctl -w` 恢复原值", en: "`sysctl -w` with the former value"}
prevention:
  - kind: detect
    text: {zh: "用配置管理比较运行值与期望值", en: "compare what is in force with what is wished by configuration management"}
    acceptance: {zh: "在测试节点上 sysctl -w 一个参数会被报告", en: "sysctl -w on a test node is reported"}
sources: ["sysctl.d(5): files are sorted by their filename; sysctl(8) --system"]
versions: "any"
examples:
  - name: "changed since the start"
    files:
      "n1/hostname": "n1\n"
      "n1/sysctl.txt": |
        net.ipv4.ip_forward = 0
      "n1/etc/sysctl.d/90-kubernetes.conf": |
        net.ipv4.ip_forward = 1
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a later file overrides it"
    files:
      "n1/hostname": "n1\n"
      "n1/sysctl.txt": |
        net.ipv4.ip_forward = 0
      "n1/etc/sysctl.d/90-kubernetes.conf": |
        net.ipv4.ip_forward = 1
      "n1/etc/sysctl.d/99-hardening.conf": |
        # no router
        net.ipv4.ip_forward = 0
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "as it should be"
    files:
      "n1/hostname": "n1\n"
      "n1/sysctl.txt": |
        net.ipv4.ip_forward = 1
      "n1/etc/sysctl.d/90-kubernetes.conf": |
        net.ipv4.ip_forward = 1
"##;

/// Parameters that nodes depend on and that no program of Kubernetes sets by itself.
const KEYS: [&str; 9] = [
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.forwarding",
    "net.ipv6.conf.all.forwarding",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.ipv4.conf.all.rp_filter",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "vm.max_map_count",
];

/// One setting of a file.
struct Wish<'s> {
    config: &'s Config,
    value: &'s str,
    cite: Citation,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for machine in machines(input.snapshot) {
        let found = KEYS.iter().find_map(|key| judge(rule, &machine, key));
        if let Some(mut finding) = found {
            touch_failing_pods(input.snapshot, &machine.node, &mut finding);
            findings.push(finding);
        }
    }
    findings
}

fn judge(rule: &RuleHeader, machine: &Machine<'_>, key: &str) -> Option<Finding> {
    let (value, live) = machine.sysctl(key)?;
    let wishes = wishes(machine.host, key);
    let last = wishes.last()?;
    // The last file decides; a file of the administrator that it overrides is what somebody wanted.
    let overridden = || {
        let earlier = wishes.iter().rev().skip(1);
        earlier
            .filter(|wish| wish.config.path.contains("etc/"))
            .find(|wish| wish.value != value)
    };
    let (wish, later) = if last.value == value {
        (overridden()?, Some(last))
    } else {
        (last, None)
    };
    let mut finding = Finding::new(rule, Subject::node(&machine.node), Confidence::Confirmed)
        .at(wish.config.path.clone())
        .cite(live)
        .cite(wish.cite.clone())
        .fact("node", machine.node.clone())
        .fact("key", key)
        .fact("value", value)
        .fact("wished", wish.value)
        .fact("file", file_name(&wish.config.path))
        .fact("later", later.map_or("", |later| file_name(&later.config.path)));
    if let Some(later) = later {
        finding.add_cite(later.cite.clone());
    }
    Some(finding)
}

/// The settings of a parameter in the order in which they are applied.
fn wishes<'s>(host: &'s Host, key: &str) -> Vec<Wish<'s>> {
    let mut found: Vec<Wish<'s>> = Vec::new();
    let is_sysctl = |config: &&Config| config.path.contains("sysctl.d/") || config.path.ends_with("/sysctl.conf");
    for config in host.tools.configs.iter().filter(is_sysctl) {
        for (value, cite) in config.settings(key) {
            found.push(Wish { config, value, cite });
        }
    }
    // `sysctl --system` reads /etc/sysctl.conf at the end, and systemd has a link to it of the name 99-sysctl.conf.
    found.sort_by_key(|wish| {
        let name = file_name(&wish.config.path);
        (name == "sysctl.conf", name.to_owned())
    });
    found
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
