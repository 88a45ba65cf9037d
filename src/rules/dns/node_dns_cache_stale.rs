//! One node alone cannot resolve a registry's name, and keeps a cache of answers.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Hit, Image};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{is_up, machines};
use crate::rules::toolbox::nodes::node_of;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-dns-cache-stale
role: factor
level: info
needs: [systemd-units, pods]
check:
  zh: 是否只有一个带 DNS 缓存的节点解析不了镜像仓库
  en: whether only one node, with a cache of names, cannot resolve a registry
title:
  zh: "只有节点 {{ node }} 解析不了 {{ host }}，其他节点可以；它运行着本地 DNS 缓存 {{ cache }}"
  en: "node {{ node }} alone cannot resolve {{ host }} while others can; it runs the local cache of names {{ cache }}"
cause:
  zh: "本地缓存（{{ cache }}）可能保存着过期或否定的应答。NodeLocal DNSCache 只服务 Pod，容器运行时仍使用节点的 resolv.conf。"
  en: "the local cache ({{ cache }}) may hold an answer that is old or negative. NodeLocal DNSCache serves pods only; the runtime still uses the node's resolv.conf."
causes:
  - rule: dns-resolution-failure-node
    ground: registry
    mechanism: {zh: "缓存中的旧应答", en: "an old answer in the cache"}
benign:
  - {zh: "所有节点都解析不了该名字", en: "no node can resolve the name"}
remedy:
  - purpose: {zh: "比较缓存与上游的应答", en: "compare the cache's answer with that of its upstream"}
    place: node
    risk: read-only
    command: |
      getent hosts {{ host }}
      resolvectl query {{ host }} --cache=no
    expect: {zh: "两者不同", en: "they differ"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "清空缓存", en: "empty the cache"}
    place: node
    risk: change
    command: "{% if cache == 'systemd-resolved' %}resolvectl flush-caches{% elif cache == 'nscd' %}nscd -i hosts{% else %}systemctl restart {{ cache }}{% endif %}"
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`crictl pull` 成功", en: "`crictl pull` succeeds"}
    rollback: {zh: "无需回滚：缓存会自行重建", en: "nothing to undo: the cache fills by itself"}
prevention:
  - kind: detect
    text: {zh: "从每个节点解析镜像仓库的名称并比较应答", en: "resolve the registries' names from every node and compare the answers"}
    acceptance: {zh: "一个节点的应答不同时收到告警", en: "an answer that differs on one node raises the alert"}
sources: ["resolvectl(1); nscd(8); dnsmasq(8)"]
versions: "any"
examples:
  - name: "one node of two"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.example/a:1"}],"nodeName":"n2"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}},{"metadata":{"name":"web-1","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      "events.json": '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.example/a:1\": failed to resolve reference \"reg.example/a:1\": failed to do request: Head \"https://reg.example/v2/a/manifests/1\": dial tcp: lookup reg.example on 127.0.0.53:53: no such host","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
      "n2/hostname": "n2\n"
      "n2/units.txt": |
        UNIT                      LOAD   ACTIVE   SUB     DESCRIPTION
        systemd-resolved.service  loaded active   running Network Name Resolution
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "nobody can"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.example/a:1"}],"nodeName":"n2"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.example/a:1\": failed to resolve reference \"reg.example/a:1\": failed to do request: Head \"https://reg.example/v2/a/manifests/1\": dial tcp: lookup reg.example on 127.0.0.53:53: no such host","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
      "n2/hostname": "n2\n"
      "n2/units.txt": |
        UNIT                      LOAD   ACTIVE   SUB     DESCRIPTION
        systemd-resolved.service  loaded active   running Network Name Resolution
"##;

/// Daemons that keep answers.
const CACHES: [&str; 4] = ["systemd-resolved", "nscd", "dnsmasq", "unbound"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut refused: BTreeMap<String, Vec<(String, &Hit)>> = BTreeMap::new();
    for hit in snapshot.hits("dns-resolution-failure-node/lookup") {
        if let (Some(host), Some(node)) = (hit.captures.get("host"), node_of(snapshot, hit)) {
            refused.entry(host.clone()).or_default().push((node, hit));
        }
    }
    let mut findings = Vec::new();
    for (host, hits) in refused {
        let nodes: BTreeSet<&str> = hits.iter().map(|(node, _)| node.as_str()).collect();
        let (1, Some((node, hit))) = (nodes.len(), hits.first()) else {
            continue;
        };
        let pulled_elsewhere = snapshot
            .pods()
            .filter(|pod| pod.is_well() && !pod.node().is_empty() && pod.node() != node)
            .find(|pod| {
                let containers = pod.containers();
                containers
                    .iter()
                    .any(|container| Image::parse(container.image()).registry == host)
            });
        let cache = machines(snapshot)
            .into_iter()
            .filter(|machine| machine.node == *node)
            .find_map(|machine| {
                let found = CACHES
                    .iter()
                    .filter_map(|name| Some((*name, machine.host.tools.unit(name)?)));
                found
                    .filter(|(_, unit)| is_up(unit))
                    .map(|(name, unit)| (name, unit.cite.clone()))
                    .next()
            });
        if let (Some(pod), Some((cache, cite))) = (pulled_elsewhere, cache) {
            findings.push(
                Finding::new(rule, Subject::node(node), Confidence::Possible)
                    .cite(hit.cite.clone())
                    .cite(cite)
                    .cite(pod.object.cite_at("/spec/nodeName"))
                    .touch(crate::rules::Ground::Registry, host.clone())
                    .fact("node", node.clone())
                    .fact("host", host)
                    .fact("cache", cache),
            );
        }
    }
    findings
}
