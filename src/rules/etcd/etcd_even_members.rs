//! etcd has an even number of voters.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::etcd::members;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-even-members
role: factor
level: warning
needs: [etcd-members]
check:
  zh: "etcd 的投票成员数是否为奇数"
  en: "whether etcd has an odd number of voters"
title:
  zh: "etcd 有 {{ members }} 个投票成员（偶数），只能容忍 {{ tolerates }} 个故障"
  en: "etcd has {{ members }} voters (an even number) and survives the loss of {{ tolerates }} only"
cause:
  zh: "偶数个成员的容错与少一个成员时相同，却多了一个会出故障的机器；{{ members }} 个成员要求 {{ members // 2 + 1 }} 个在线。"
  en: "an even number survives no more than one member less would, with one machine more that can fail; {{ members|members }} need {{ members // 2 + 1 }} of them."
benign:
  - {zh: "learner 不参与投票，不计入", en: "a learner does not vote and is not counted"}
  - {zh: "扩容过程中会短暂为偶数", en: "it is even for a moment while members are added"}
remedy:
  - purpose: {zh: "列出成员", en: "list the members"}
    place: node
    risk: read-only
    command: "etcdctl member list -w table"
    expect: {zh: "{{ members }} 个 started 的投票成员", en: "{{ members }} voters"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "规定 etcd 只有 1、3 或 5 个成员，扩缩容一次完成", en: "have 1, 3 or 5 members only, and finish what changes their number"}
    acceptance: {zh: "成员列表为奇数", en: "the list of members is odd"}
sources: ["etcd.io/docs/v3.5/faq: why an odd number of cluster members"]
versions: "all"
examples:
  - name: "four"
    files:
      "memberlist.txt": |
        8e9e05c52164694d, started, m1, https://10.0.0.1:2380, https://10.0.0.1:2379, false
        91bc3c398fb3c146, started, m2, https://10.0.0.2:2380, https://10.0.0.2:2379, false
        fd422379fda50e48, started, m3, https://10.0.0.3:2380, https://10.0.0.3:2379, false
        ad422379fda50e48, started, m4, https://10.0.0.4:2380, https://10.0.0.4:2379, false
    fires: [{kind: "EtcdMember", name: "etcd"}]
  - name: "three and a learner"
    files:
      "memberlist.txt": |
        8e9e05c52164694d, started, m1, https://10.0.0.1:2380, https://10.0.0.1:2379, false
        91bc3c398fb3c146, started, m2, https://10.0.0.2:2380, https://10.0.0.2:2379, false
        fd422379fda50e48, started, m3, https://10.0.0.3:2380, https://10.0.0.3:2379, false
        ad422379fda50e48, started, m4, https://10.0.0.4:2380, https://10.0.0.4:2379, true
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let voters: Vec<_> = members(input.snapshot)
        .into_iter()
        .filter(|member| !member.is_learner)
        .collect();
    if voters.is_empty() || voters.len() % 2 == 1 {
        return Vec::new();
    }
    let mut finding = Finding::new(rule, Subject::cluster("EtcdMember", "etcd"), Confidence::Confirmed)
        .fact("members", voters.len())
        .fact("tolerates", (voters.len() - 1) / 2);
    for member in &voters {
        finding.add_cite(member.cite.clone());
    }
    vec![finding]
}
