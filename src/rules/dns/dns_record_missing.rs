//! The cluster's name service answers that there is no Service of a name that is asked for.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::services::services_in;
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: dns-record-missing
role: factor
level: info
needs: [container-logs, services]
text:
  - id: nxdomain
    in: [container-log]
    pattern: '"(?:A|AAAA|SRV) IN (?P<name>[a-z0-9-]{1,63})\.(?P<namespace>[a-z0-9-]{1,63})\.svc\.[a-z0-9.-]{1,100}\.? (?:udp|tcp)[^"\n]*" NXDOMAIN'
check:
  zh: 是否有人查询集群中不存在的 Service 名字
  en: whether Services that do not exist are asked for by name
title:
  zh: "CoreDNS 对 {{ name }}.{{ namespace }}.svc 回答 NXDOMAIN（{{ times }} 次）：命名空间 {{ namespace }} 中没有 Service {{ name }}"
  en: "CoreDNS answers NXDOMAIN for {{ name }}.{{ namespace }}.svc ({{ times|times }}): namespace {{ namespace }} has no Service {{ name }}"
cause:
  zh: "域名服务在工作，只是没有这条记录：Service 名写错、在另一个命名空间、尚未创建，或没有就绪 Pod 的 Headless Service 不发布地址。"
  en: "name resolution works and has no such record: the Service's name is mistyped, it is in another namespace, it was not created yet, or it is headless and has no ready pod to publish."
causes:
  - rule: app-upstream-unresolved
    ground: namespace
    mechanism: {zh: "没有这条记录，应用解析失败", en: "without a record the application gets no address"}
  - rule: service-missing
    ground: namespace
    mechanism: {zh: "被查询的 Service 不存在", en: "the Service that is asked for is not there"}
benign:
  - {zh: "搜索域展开产生的 NXDOMAIN（ndots:5 时每个外部域名先被加上后缀查询）", en: "NXDOMAIN from search domains (with ndots:5 every outside name is first asked for with the suffixes)"}
remedy:
  - purpose: {zh: "列出该命名空间的 Service", en: "list the Services of that namespace"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} get services"
    expect: {zh: "没有 {{ name }}", en: "no {{ name }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "配置中使用完整的 Service 名（name.namespace.svc），并在发布前检查它存在", en: "use whole names (name.namespace.svc) in settings, and check before a release that the Service is there"}
    acceptance: {zh: "引用不存在 Service 的清单在流水线中失败", en: "a manifest that names an absent Service fails in the pipeline"}
sources: ["coredns plugin/log: `{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" {rcode}`"]
versions: "CoreDNS 1.2 to 1.12"
examples:
  - name: "a mistyped Service"
    files:
      "svc.txt": |
        NAMESPACE   NAME     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        orders   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      "kube-system/coredns-57b96b46b7-zv4q2/coredns.log": |
        [INFO] 10.42.0.9:41250 - 9201 "A IN ordres.shop.svc.cluster.local. udp 48 false 512" NXDOMAIN qr,aa,rd 141 0.0001s
        [INFO] 10.42.0.9:41251 - 9202 "A IN ordres.shop.svc.cluster.local. udp 48 false 512" NXDOMAIN qr,aa,rd 141 0.0001s
    fires: [{kind: "Service", namespace: "shop", name: "ordres"}]
  - name: "a search domain"
    files:
      "svc.txt": |
        NAMESPACE   NAME     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        orders   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      "kube-system/coredns-57b96b46b7-zv4q2/coredns.log": |
        [INFO] 10.42.0.9:41250 - 9201 "A IN example.org.svc.cluster.local. udp 48 false 512" NXDOMAIN qr,aa,rd 141 0.0001s
        [INFO] 10.42.0.9:41251 - 9202 "A IN api.example.shop.svc.cluster.local. udp 48 false 512" NXDOMAIN qr,aa,rd 141 0.0001s
"##;

/// One query may be a person's.
const LEAST: u64 = 2;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: BTreeMap<Subject, Finding> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let captured = |name: &str| hit.captures.get(name).map_or("", String::as_str);
        let (name, namespace) = (captured("name"), captured("namespace"));
        let is_there = snapshot.object("Service", namespace, name).is_some();
        // A namespace of that name tells a Service's name from an outside one with a suffix.
        let has_namespace = services_in(snapshot, namespace).any(|service| service.key.namespace == namespace);
        if is_there || !has_namespace {
            continue;
        }
        let subject = Subject::namespaced("Service", namespace, name);
        let finding = findings.entry(subject.clone()).or_insert_with(|| {
            let mut finding = Finding::new(rule, subject, Confidence::Probable);
            finding.count = 0;
            finding
        });
        add_hit(input, finding, hit);
    }
    findings
        .into_values()
        .filter(|finding| finding.count >= LEAST)
        .map(|finding| {
            let times = finding.count;
            finding.fact("times", times)
        })
        .collect()
}
