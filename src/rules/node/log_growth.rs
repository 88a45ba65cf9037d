//! Logs take a large part of a node's disk.

use crate::bundle::decode::Counted;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::machines;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: log-growth
role: factor
level: info
needs: [filesystems|system-log|host-facts]
text:
  - id: container
    pattern: '^\s*(?P<size>\d{1,4}(?:\.\d+)?[GT])\s+(?P<path>/\S+-json\.log)\b'
  - id: journal
    pattern: '[Aa]rchived and active journals take up (?P<size>\d{1,4}(?:\.\d+)?[GT])'
check:
  zh: 日志是否占用过多磁盘
  en: whether logs take too much of the disk
title:
  zh: "节点 {{ node }} 的日志占用过多：{% if path is defined %}{{ path }} {% else %}systemd 日志 {% endif %}{{ size }}"
  en: "logs take too much on node {{ node }}: {% if path is defined %}{{ path }} {% else %}the journal {% endif %}{{ size }}"
cause:
  zh: "日志没有轮转或上限太高：dockerd 的 json-file 默认不限大小，journald 默认可用到文件系统的 10%，反复崩溃的容器会不断写入。"
  en: "logs are not rotated, or may grow too large: dockerd's json-file has no limit by default, journald may take 10 % of the file system, and a container that keeps crashing goes on writing."
causes:
  - rule: imagefs-full
    ground: node
    mechanism: {zh: "日志占满同一个文件系统", en: "logs fill the same file system"}
  - rule: node-disk-pressure
    ground: node
    mechanism: {zh: "日志占用磁盘", en: "logs take the disk"}
  - rule: app-disk-full
    ground: node
    mechanism: {zh: "日志占用磁盘", en: "logs take the disk"}
benign:
  - {zh: "专门存放日志的大磁盘", en: "a large disk that is there for logs"}
remedy:
  - purpose: {zh: "找出最大的日志", en: "find the largest logs"}
    place: node
    risk: read-only
    command: |
      du -xsh /var/log /var/lib/docker/containers
      journalctl --disk-usage
    expect: {zh: "数 GB 的文件", en: "files of some gigabytes"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "设置 kubelet 的 containerLogMaxSize、dockerd 的 max-size 与 max-file、journald 的 SystemMaxUse", en: "set containerLogMaxSize of the kubelet, max-size and max-file of dockerd, SystemMaxUse of journald"}
    acceptance: {zh: "一周后没有超过上限的日志文件", en: "a week later no log is above its limit"}
sources: ["docs.docker.com/config/containers/logging/json-file: max-size", "journald.conf(5): SystemMaxUse; journalctl(1) --disk-usage"]
versions: "any"
examples:
  - name: "a container's log of 48 GB"
    files:
      "n1/hostname": "n1\n"
      "n1/du.txt": |
        48G	/var/lib/docker/containers/3e7d1151cf93aa/3e7d1151cf93aa-json.log
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a file system for logs that is full"
    files:
      "n1/hostname": "n1\n"
      "n1/df.txt": |
        Filesystem     1K-blocks      Used Available Use% Mounted on
        /dev/sda1       51475068  11475068  40000000  23% /
        /dev/sdb1       10475068   9875068    600000  95% /var/log
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a small journal"
    files:
      "n1/hostname": "n1\n"
      "n1/journal.txt": |
        Archived and active journals take up 1.2G in the file system.
"##;

/// Gigabytes below this are what a healthy node may have.
const LARGE: f64 = 4.0;
/// A file system of its own for logs that is fuller than this in percent.
const FULL: u64 = 90;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    findings.retain(|finding| {
        let size = finding.facts.get("size").and_then(|size| size.as_str());
        size.and_then(gigabytes).is_some_and(|size| size >= LARGE)
    });
    for machine in machines(input.snapshot) {
        let full = machine.host.tools.filesystems.iter().find(|row| {
            row.counted == Counted::Bytes
                && row.mount.starts_with("/var/log")
                && row.percent.is_some_and(|percent| percent >= FULL)
        });
        if let Some(row) = full
            && !findings.iter().any(|known| known.subject.name == machine.node)
        {
            findings.push(
                Finding::new(rule, Subject::node(&machine.node), Confidence::Confirmed)
                    .cite(row.cite.clone())
                    .fact("node", machine.node.clone())
                    .fact("path", row.mount.clone())
                    .fact("size", format!("{}%", row.percent.unwrap_or(0))),
            );
        }
    }
    findings
}

fn gigabytes(size: &str) -> Option<f64> {
    let number = size.trim_end_matches(['G', 'T']).parse::<f64>().ok()?;
    Some(if size.ends_with('T') { number * 1024.0 } else { number })
}
