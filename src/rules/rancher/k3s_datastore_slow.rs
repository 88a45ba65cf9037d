//! The datastore of k3s is slow or locked.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: k3s-datastore-slow
role: cause
level: warning
needs: [k3s-log|system-log]
text:
  - id: slow
    pattern: 'Slow SQL ?\(started: [^)]{1,60}\) \(total time: (?P<time>[\d.hms]{2,20})\)'
  - id: locked
    in: [system]
    pattern: '(?P<problem>database is locked(?: \(\d+\))?)'
  - id: kine
    in: [system]
    pattern: '(?:kine|KINE|sqlite|database/sql)[^\n]{0,80}(?P<problem>context deadline exceeded|too many connections|driver: bad connection|no space left on device|database disk image is malformed)'
check:
  zh: "k3s 的数据存储是否过慢或被锁"
  en: "whether the datastore of k3s is slow or locked"
title:
  zh: "节点 {{ node }} 的 k3s 数据存储{% if problem is defined %}出错：{{ problem }}{% elif time is defined %}过慢（单条 SQL {{ time }}）{% endif %}，共 {{ times }} 次"
  en: "the datastore of k3s on {{ node }} {% if problem is defined %}fails: {{ problem }}{% elif time is defined %}is slow (one statement took {{ time }}){% endif %}, {{ times|times }}"
cause:
  zh: "kine 写出 {{ line }}。SQLite 在慢盘（SD 卡、机械盘）或大量事件与 Secret 下跟不上，外部数据库则可能是网络或连接数；续租超时后组件会重启。"
  en: "kine writes {{ line }}. SQLite does not keep up on a slow disk (SD card, spinning) or with masses of events and secrets; with a database outside it may be the network or its connections. Leases time out and components restart."
causes:
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "对存储的请求超时", en: "requests to the store time out"}
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "续租写入超时", en: "writes of leases time out"}
  - rule: rke2-server-not-ready
    ground: node
    mechanism: {zh: "服务器等待存储", en: "the server waits for its store"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "状态无法写入", en: "its state cannot be written"}
benign:
  - {zh: "偶尔一条超过 1 秒的 SQL", en: "one statement above a second now and then"}
remedy:
  - purpose: {zh: "查看数据库大小与磁盘延迟", en: "see the database's size and the disk's latency"}
    place: node
    risk: read-only
    command: |
      ls -lh /var/lib/rancher/k3s/server/db/
      iostat -x 1 5
    expect: {zh: "大于 1 GB 的 state.db，或 await 高的磁盘", en: "a state.db above 1 GB, or a disk with a high await"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "停止 k3s 并备份后压缩数据库", en: "stop k3s, save the database and compact it"}
    place: node
    risk: dangerous
    command: |
      systemctl stop k3s
      cp -a /var/lib/rancher/k3s/server/db /var/lib/rancher/k3s/server/db.before
      sqlite3 /var/lib/rancher/k3s/server/db/state.db vacuum
      systemctl start k3s
    verify: {zh: "日志不再出现 Slow SQL", en: "no more Slow SQL in the log"}
    rollback: {zh: "放回 db.before", en: "put db.before back"}
prevention:
  - kind: prevent
    text: {zh: "多节点或大量对象时改用内嵌 etcd 与 SSD", en: "use the embedded etcd and an SSD with several servers or many objects"}
    acceptance: {zh: "一周内没有 Slow SQL", en: "no Slow SQL in a week"}
sources: ["k3s-io/kine pkg/drivers/generic: `Slow SQL (started: %v) (total time: %v)`", "sqlite.org/rescode.html: SQLITE_BUSY `database is locked`"]
versions: "k3s 1.18 to 1.34"
examples:
  - name: "again and again"
    files:
      "nodes/s1/journald/k3s.log": |
        Feb 24 14:29:11 s1 k3s[1033]: time="2026-02-24T14:29:11Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:11.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
        Feb 24 14:29:15 s1 k3s[1033]: time="2026-02-24T14:29:15Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:15.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
        Feb 24 14:29:19 s1 k3s[1033]: time="2026-02-24T14:29:19Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:19.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
        Feb 24 14:29:23 s1 k3s[1033]: time="2026-02-24T14:29:23Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:23.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
        Feb 24 14:29:27 s1 k3s[1033]: time="2026-02-24T14:29:27Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:27.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
        Feb 24 14:29:31 s1 k3s[1033]: time="2026-02-24T14:29:31Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:31.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
        Feb 24 14:29:35 s1 k3s[1033]: time="2026-02-24T14:29:35Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:35.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
        Feb 24 14:29:39 s1 k3s[1033]: time="2026-02-24T14:29:39Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:39.1 +0000 UTC m=+9) (total time: 2.4s):  SELECT x"
    fires: [{kind: "Node", name: "s1", node: "s1"}]
  - name: "one"
    files:
      "nodes/s1/journald/k3s.log": |
        Feb 24 14:29:11 s1 k3s[1033]: time="2026-02-24T14:29:11Z" level=info msg="Slow SQL (started: 2026-02-24 14:29:11.1 +0000 UTC m=+9) (total time: 1.1s):  SELECT x"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 5, Confidence::Confirmed)
}
