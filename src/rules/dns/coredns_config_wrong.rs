//! The Corefile makes CoreDNS answer wrongly for names of the cluster.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject, escaped};
use crate::rules::toolbox::errors::troubled;
use crate::rules::toolbox::hosts::machines;
use crate::rules::toolbox::names::{dns_addresses, name_complaints};
use crate::rules::toolbox::peers::behind;
use crate::rules::toolbox::{add_hit, own_hits, pod_is_failing, workload_touches};
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: coredns-config-wrong
role: cause
level: critical
needs: [configmaps|container-logs]
text:
  - id: twice
    in: [container-log, status]
    pattern: 'cannot serve dns://(?P<zone>[^\s:]+):\d+ - it is already defined'
meets: [{kinds: [Service, Deployment, DaemonSet, Pod], named: [kube-dns, coredns, rke2-coredns, dns-default]}]
check: {zh: "Corefile 是否会让集群内的名字解析失败或出错", en: "whether the Corefile makes names of the cluster fail or resolve wrongly"}
title:
  zh: "CoreDNS 的配置 {{ subject.namespace }}/{{ subject.name }} {% if kind == \"twice\" %}把区域 {{ name }} 定义了两次，CoreDNS 拒绝启动{% elif kind == \"forward\" %}把 {{ name }} 转发到 {{ value }}，它不应答，而节点用的是 {{ wanted }}{% elif kind == \"template\" %}对集群内的名字返回 {{ value }}（{{ line }}）{% elif kind == \"hosts\" %}把 {{ name }} 解析到 {{ value }}，而该 Service 的地址是 {{ wanted }}{% elif kind == \"zone\" %}的 kubernetes 区域 {{ value }} 不含集群域 {{ wanted }}{% elif kind == \"turned\" %}把 {{ name }} 改写到 {{ wanted }}，而前者自己就在{% elif kind == \"rewrite\" %}把 {{ name }} 改写到{% if wanted %} {{ wanted }}，而命名空间 {{ value }} 中没有这个 Service{% else %}命名空间 {{ value }}，而那里没有任何 Service{% endif %}{% elif kind == \"closed-hosts\" %}的 hosts 块没有 fallthrough，表中没有的名字一律答“不存在”{% else %}没有 kubernetes 插件{% endif %}"
  en: "the configuration of CoreDNS, {{ subject.namespace }}/{{ subject.name }}, {% if kind == \"twice\" %}defines the zone {{ name }} twice, so CoreDNS refuses to start{% elif kind == \"forward\" %}forwards {{ name }} to {{ value }}, which does not answer, while the nodes ask {{ wanted }}{% elif kind == \"template\" %}answers {{ value }} for names of the cluster ({{ line }}){% elif kind == \"hosts\" %}resolves {{ name }} to {{ value }}, while the Service has {{ wanted }}{% elif kind == \"zone\" %}has the kubernetes zone {{ value }}, not the cluster domain {{ wanted }}{% elif kind == \"turned\" %}rewrites {{ name }} to {{ wanted }}, though the former is there itself{% elif kind == \"rewrite\" %}rewrites {{ name }} to {% if wanted %}{{ wanted }}, and namespace {{ value }} has no such Service{% else %}namespace {{ value }}, which has no Service{% endif %}{% elif kind == \"closed-hosts\" %}has a hosts block without fallthrough: names that it does not list are denied{% else %}has no kubernetes plugin{% endif %}"
cause:
  zh: "Corefile 中的 {{ line }} 使 CoreDNS {% if kind == \"twice\" %}与另一处都为 {{ name }} 提供服务；已在运行的 CoreDNS 沿用旧配置，下次启动即失败{% elif kind == \"forward\" %}把 {{ name }} 的查询交给 {{ value }}，得不到应答；节点自己的解析器 {{ wanted }} 不在其中{% elif kind == \"template\" %}对匹配的名字直接返回 {{ value }}，不再查询 Service{% elif kind == \"hosts\" %}返回一个旧的或错误的地址{% elif kind == \"turned\" %}对前者的查询一律回答后者的地址{% elif kind == \"rewrite\" %}把匹配的名字改写成并不存在的名字，于是回答“不存在”{% elif kind == \"closed-hosts\" %}先由 hosts 插件回答（无论写在哪里，它都排在 kubernetes 之前），表中没有的名字得到 NXDOMAIN，不再查询 Service{% else %}不回答集群内的名字{% endif %}。CoreDNS 自身运行正常，所以只有应用会报错。"
  en: "{{ line }} in the Corefile makes CoreDNS {% if kind == \"twice\" %}serve {{ name }} as another block does already; one that runs keeps its old settings and fails at its next start{% elif kind == \"forward\" %}hand queries of {{ name }} to {{ value }}, where nothing answers; the nodes' own resolvers, {{ wanted }}, are not among them{% elif kind == \"template\" %}answer {{ value }} for names that match, without asking for the Service{% elif kind == \"hosts\" %}give out an address that is old or wrong{% elif kind == \"turned\" %}answer queries of the former with the address of the latter{% elif kind == \"rewrite\" %}turn names that match into names that do not exist, and deny them{% elif kind == \"closed-hosts\" %}ask the hosts plugin first (it comes before kubernetes wherever it is written), which denies every name that it does not list{% else %}give no answer for names of the cluster{% endif %}. CoreDNS itself runs well, so only applications complain."
questions:
  - {zh: "谁、何时改动了这个 ConfigMap？", en: "who changed this ConfigMap, and when?"}
causes:
  - rule: app-*
    ground: workload
    mechanism: {zh: "名字被改写到另一个 Service，请求到了不该到的地方", en: "the name is turned to another Service, so requests end where they should not"}
  - rule: coredns-pod-unhealthy
    ground: cluster
    mechanism: {zh: "CoreDNS 无法启动", en: "CoreDNS cannot start"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "CoreDNS 启动即退出", en: "CoreDNS ends at its start"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "CoreDNS 无法启动", en: "CoreDNS cannot start"}
  - rule: app-database-unreachable
    ground: cluster
    mechanism: {zh: "名字无法解析", en: "names do not resolve"}
  - rule: coredns-upstream-timeout
    ground: cluster
    mechanism: {zh: "CoreDNS 把查询交给不应答的地址", en: "CoreDNS hands queries to an address that does not answer"}
  - rule: dns-resolution-failure
    ground: cluster
    mechanism: {zh: "CoreDNS 按配置返回错误", en: "CoreDNS errs as it is told to"}
  - rule: app-upstream-unresolved
    ground: cluster
    mechanism: {zh: "CoreDNS 按配置返回“不存在”", en: "CoreDNS denies the name as it is told to"}
  - rule: app-upstream-refused
    ground: cluster
    mechanism: {zh: "名字被解析到错误的地址", en: "the name resolves to a wrong address"}
benign:
  - {zh: "对 AAAA 返回 NOERROR，或对外部域返回 NXDOMAIN 的 template 是常见做法", en: "templates that answer NOERROR to AAAA, or NXDOMAIN for outside domains, are common practice"}
remedy:
  - purpose: {zh: "查看 Corefile", en: "look at the Corefile"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get configmap {{ subject.name }} -o yaml"
    expect: {zh: "含有上面引用的行", en: "it has the line that is quoted here"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正 Corefile（reload 插件约 30 秒后生效）", en: "mend the Corefile (the reload plugin takes it up in about 30 seconds)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit configmap {{ subject.name }}"
    expect: {zh: "`configmap/{{ subject.name }} edited`", en: "`configmap/{{ subject.name }} edited`"}
    verify: {zh: "Pod 内能解析该名字", en: "the name resolves in a pod"}
    rollback: {zh: "恢复改动前的 Corefile", en: "put the former Corefile back"}
    notes:
      - {zh: "没有 reload 插件时再执行 `kubectl -n {{ subject.namespace }} rollout restart deployment coredns`", en: "without the reload plugin, run `kubectl -n {{ subject.namespace }} rollout restart deployment coredns` as well"}
prevention:
  - kind: process
    text: {zh: "用 Git 管理 Corefile，并在合并前用 coredns -conf 检查", en: "keep the Corefile in Git and check it with coredns -conf before merging"}
    acceptance: {zh: "线上的 ConfigMap 与 Git 一致", en: "the ConfigMap agrees with Git"}
  - kind: detect
    text: {zh: "对 coredns_dns_responses_total{rcode=~\"NXDOMAIN|SERVFAIL\"} 的突增告警", en: "alert on a jump of coredns_dns_responses_total{rcode=~\"NXDOMAIN|SERVFAIL\"}"}
    acceptance: {zh: "测试中返回 NXDOMAIN 触发告警", en: "NXDOMAIN in a test raises the alert"}
sources:
  - "coredns plugin/hosts/README.md: fallthrough; plugin.cfg: hosts before kubernetes"
  - "coredns plugin/template/README.md: rcode"
  - "coredns plugin/hosts/README.md"
  - "coredns plugin/kubernetes/README.md"
versions: "CoreDNS 1.2 to 1.13"
examples:
  - name: "a zone that two blocks serve"
    files:
      custom.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: coredns-custom, namespace: kube-system, uid: u}
        data:
          a.server: |
            mill.example:53 {
                forward . 10.1.0.5
            }
          b.server: |
            other.example:53 mill.example:53 {
                forward . 10.2.0.5
            }
      pods.txt: |
        NAMESPACE     NAME                       READY   STATUS             RESTARTS       AGE
        kube-system   coredns-5dd5756b68-4n8xq   0/1     CrashLoopBackOff   9 (2m ago)     41m
      coredns-5dd5756b68-4n8xq.log: |
        cannot serve dns://mill.example.:53 - it is already defined
    fires: [{kind: "ConfigMap", namespace: "kube-system", name: "coredns-custom"}]
  - name: "a zone is handed to addresses that the machines do not ask"
    files:
      coredns.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: coredns, namespace: kube-system, uid: u}
        data:
          Corefile: |
            .:53 {
                errors
                kubernetes cluster.local in-addr.arpa ip6.arpa
                forward . /etc/resolv.conf
            }
            office.example:53 {
                errors
                forward . 10.9.0.53
            }
      pods.txt: |
        NAMESPACE     NAME                       READY   STATUS    RESTARTS   AGE
        kube-system   coredns-5dd5756b68-4n8xq   1/1     Running   0          41m
      svc.txt: |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP   90d
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
      n1/resolv.conf: |
        nameserver 10.8.0.53
      coredns-5dd5756b68-4n8xq.log: |
        [ERROR] plugin/errors: 2 erp.office.example. A: read udp 10.42.0.7:51000->10.9.0.53:53: i/o timeout
        [ERROR] plugin/errors: 2 erp.office.example. A: read udp 10.42.0.7:51020->10.9.0.53:53: i/o timeout
        [ERROR] plugin/errors: 2 erp.office.example. A: read udp 10.42.0.7:51040->10.9.0.53:53: i/o timeout
    fires: [{kind: "ConfigMap", namespace: "kube-system", name: "coredns"}]
  - name: a table of hosts that denies all other names
    files:
      'coredns.yaml': |
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: coredns
          namespace: kube-system
        data:
          Corefile: |
            .:53 {
                errors
                kubernetes cluster.local in-addr.arpa ip6.arpa {
                   fallthrough in-addr.arpa ip6.arpa
                }
                hosts {
                   10.90.4.17 api.carrier.example
                   ttl 60
                }
                forward . /etc/resolv.conf
            }
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2     1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR dial tcp: lookup rates.shop.svc.cluster.local on 10.96.0.10:53: no such host
        ERROR dial tcp: lookup rates.shop.svc.cluster.local on 10.96.0.10:53: no such host
    fires:
      - {kind: ConfigMap, namespace: kube-system, name: coredns}
  - name: a table of hosts that falls through
    files:
      'coredns.yaml': |
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: coredns
          namespace: kube-system
        data:
          Corefile: |
            .:53 {
                kubernetes cluster.local in-addr.arpa ip6.arpa
                hosts {
                   10.90.4.17 api.carrier.example
                   fallthrough
                }
                forward . /etc/resolv.conf
            }
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2     1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR dial tcp: lookup rates.shop.svc.cluster.local on 10.96.0.10:53: no such host
        ERROR dial tcp: lookup rates.shop.svc.cluster.local on 10.96.0.10:53: no such host
  - name: "NXDOMAIN for one Service"
    files:
      "cm.yaml": |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: coredns, namespace: kube-system}
        data:
          Corefile: |
            .:53 {
                errors
                health
                ready
                kubernetes cluster.local in-addr.arpa ip6.arpa {
                    pods insecure
                }
                template ANY ANY svc.cluster.local {
                    match "web\.shop\.svc\.cluster\.local\."
                    rcode NXDOMAIN
                }
                forward . /etc/resolv.conf
                cache 30
                loop
            }
    fires:
      - {kind: "ConfigMap", namespace: "kube-system", name: "coredns"}
  - name: "an address of its own for a Service"
    files:
      "cm.yaml": |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: coredns, namespace: kube-system}
        data:
          Corefile: |
            .:53 {
                hosts {
                    10.96.0.77 web.shop.svc.cluster.local
                    fallthrough
                }
                health
                ready
                kubernetes cluster.local in-addr.arpa ip6.arpa {
                    pods insecure
                }
                template ANY AAAA {
                    rcode NOERROR
                }
                forward . /etc/resolv.conf
                cache 30
                loop
            }
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        shop          web              ClusterIP   10.96.0.12    <none>        80/TCP                   90d
    fires:
      - {kind: "ConfigMap", namespace: "kube-system", name: "coredns"}
  - name: "no kubernetes plugin"
    files:
      "cm.yaml": |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: coredns, namespace: kube-system}
        data:
          Corefile: |
            .:53 {
                errors
                forward . /etc/resolv.conf
            }
    fires:
      - {kind: "ConfigMap", namespace: "kube-system", name: "coredns"}
  - name: "as it comes"
    files:
      "cm.yaml": |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: coredns, namespace: kube-system}
        data:
          Corefile: |
            .:53 {
                errors
                health
                ready
                kubernetes cluster.local in-addr.arpa ip6.arpa {
                    pods insecure
                }
                template ANY AAAA {
                    rcode NOERROR
                }
                forward . /etc/resolv.conf
                cache 30
                loop
            }
"##;

/// Something in a Corefile that does harm.
struct Wrong {
    kind: &'static str,
    line: String,
    name: String,
    value: String,
    wanted: String,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for (map, key) in corefiles(snapshot) {
        let pointer = format!("/data/{}", escaped(&key));
        let text = map.text(&pointer);
        let wrong = if key == "Corefile" {
            wrong(snapshot, text)
        } else {
            wrong_override(snapshot, text)
        };
        let Some(wrong) = wrong else { continue };
        let complaints: Vec<_> = name_complaints(snapshot).take(3).collect();
        let confidence = if complaints.is_empty() {
            Confidence::Probable
        } else {
            Confidence::Confirmed
        };
        let mut finding = Finding::new(rule, map.subject(), confidence)
            .at(format!("data.{key}"))
            .cite(map.cite_at(&pointer))
            .fact("kind", wrong.kind)
            .fact("line", wrong.line)
            .fact("name", wrong.name.clone())
            .fact("value", wrong.value)
            .fact("wanted", wrong.wanted.clone());
        finding.count = 0;
        for hit in complaints {
            add_hit(input, &mut finding, hit);
        }
        finding.count = finding.count.max(1);
        // Who asks for the one gets the other, and suffers from what that is.
        if wrong.kind == "turned" {
            let suffix = format!(".svc.{}", cluster_domain(snapshot));
            for name in [&wrong.name, &wrong.wanted] {
                let Some(service) = service_of(snapshot, name, &suffix) else {
                    continue;
                };
                for object in behind(snapshot, &service.namespace, &service.name)
                    .into_iter()
                    .chain([service])
                {
                    finding.touches.extend(Touch::of(&object));
                    finding.impair(object);
                }
            }
        }
        findings.push(finding);
    }
    findings.extend(twice(input, rule));
    findings
}

/// A zone that two blocks serve: CoreDNS says so when it starts. The block was put into one of the ConfigMaps, where they were collected.
/// Source: coredns core/dnsserver/register.go: `cannot serve %s - it is already defined`.
fn twice(input: &Input<'_>, rule: &RuleHeader) -> Option<Finding> {
    let snapshot = input.snapshot;
    let hits = own_hits(input, rule);
    let hit = hits.first().filter(|hit| pod_is_failing(snapshot, &hit.about.object))?;
    let zone = hit.captures.get("zone")?.trim_end_matches('.');
    let serves = |text: &str| {
        let lines = lines_of(text);
        let mut depth = 0_usize;
        let mut line_of: Option<String> = None;
        for line in lines {
            let is_block = depth == 0 && line.ends_with('{');
            let names = |word: &str| word.split(':').next().unwrap_or(word).trim_end_matches('.') == zone;
            if is_block
                && line
                    .trim_end_matches('{')
                    .split([' ', ','])
                    .any(|word| names(word.trim()))
            {
                line_of = Some(line.trim_end_matches('{').trim().to_owned());
            }
            depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
        }
        line_of
    };
    let mut blocks: Vec<(&Object, String, String)> = Vec::new();
    for map in snapshot
        .kind("ConfigMap")
        .filter(|map| map.key.name.contains("coredns"))
    {
        let data = map.get("/data").and_then(|data| data.as_object());
        for key in data.into_iter().flat_map(|data| data.keys()) {
            let pointer = format!("/data/{}", escaped(key));
            if let Some(line) = serves(map.text(&pointer)) {
                blocks.push((map, pointer, line));
            }
        }
    }
    let workload = snapshot.top_owner_of(&hit.about.object);
    // What is imported was added to what the cluster came with.
    let added = blocks
        .iter()
        .rev()
        .find(|(map, ..)| map.key.name != "coredns")
        .or(blocks.last());
    let subject = added.map_or_else(|| workload.clone(), |(map, ..)| map.subject());
    let line = added.map_or_else(|| zone.to_owned(), |(.., line)| line.clone());
    let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
        .at("data")
        .fact("kind", "twice")
        .fact("line", line)
        .fact("name", zone)
        .fact("value", "")
        .fact("wanted", "");
    for (map, pointer, _) in &blocks {
        finding.add_cite(map.cite_at(pointer));
    }
    finding.count = 0;
    add_hit(input, &mut finding, hit);
    finding.touches.extend(workload_touches(snapshot, &hit.about.object));
    finding.impair(workload.clone());
    finding.add_affected(workload);
    Some(finding)
}

/// The ConfigMaps of CoreDNS with the keys that hold its configuration: the Corefile, and what it imports into the zone of all names
/// (`import custom/*.override` of AKS and k3s, learn.microsoft.com/azure/aks/coredns-custom, k3s manifests/coredns.yaml).
fn corefiles(snapshot: &Snapshot) -> Vec<(&Object, String)> {
    snapshot
        .kind("ConfigMap")
        .filter(|map| matches!(map.key.namespace.as_str(), "" | "kube-system"))
        .flat_map(|map| {
            let keys = map.get("/data").and_then(|data| data.as_object());
            let is_custom = map.key.name.contains("coredns");
            let keys = keys.into_iter().flat_map(|data| data.keys());
            keys.filter(move |key| *key == "Corefile" || is_custom && key.ends_with(".override"))
                .map(move |key| (map, key.clone()))
        })
        .collect()
}

/// What is wrong in a part that stands in the zone of all names.
fn wrong_override(snapshot: &Snapshot, text: &str) -> Option<Wrong> {
    let mut lines = vec![".:53 {", "kubernetes"];
    lines.extend(lines_of(text));
    lines.push("}");
    let domain = cluster_domain(snapshot);
    refusal(snapshot, &lines, domain)
        .or_else(|| wrong_host(snapshot, &lines, domain))
        .or_else(|| closed_hosts(snapshot, &lines))
        .or_else(|| rewrite(snapshot, &lines, domain))
}

/// The lines that say something, without their comments.
fn lines_of(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or("").trim())
        .filter(|line| !line.is_empty())
        .collect()
}

fn wrong(snapshot: &Snapshot, corefile: &str) -> Option<Wrong> {
    let lines = lines_of(corefile);
    let domain = cluster_domain(snapshot);
    refusal(snapshot, &lines, domain)
        .or_else(|| wrong_host(snapshot, &lines, domain))
        .or_else(|| closed_hosts(snapshot, &lines))
        .or_else(|| zones(&lines, snapshot))
        .or_else(|| rewrite(snapshot, &lines, domain))
        .or_else(|| forward(snapshot, &lines))
}

/// A `forward` to addresses of which CoreDNS says that they do not answer, while the machines ask others.
/// Source: coredns `plugin/forward/README.md`.
fn forward(snapshot: &Snapshot, lines: &[&str]) -> Option<Wrong> {
    let silent: BTreeSet<&str> = ["coredns-upstream-timeout/timeout", "coredns-upstream-timeout/dial"]
        .into_iter()
        .flat_map(|signature| snapshot.hits(signature))
        .filter_map(|hit| hit.captures.get("upstream"))
        .map(|upstream| host_of(upstream))
        .collect();
    let used: BTreeSet<&str> = machines(snapshot)
        .iter()
        .flat_map(|machine| &machine.host.resolvers)
        .flat_map(|resolver| &resolver.nameservers)
        .map(String::as_str)
        .filter(|server| !dns_addresses(snapshot).contains(server) && !server.starts_with("127."))
        .collect();
    let mut zone = "";
    lines.iter().find_map(|line| {
        if line.ends_with('{') && !line.starts_with("forward") {
            // `corp.example:53 {`; a block of a plugin has no port and does not change the zone.
            zone = line
                .split([':', ' '])
                .next()
                .filter(|_| line.contains(':'))
                .unwrap_or(zone);
        }
        let to: Vec<&str> = line
            .strip_prefix("forward ")?
            .trim_end_matches('{')
            .split_whitespace()
            .skip(1)
            .collect();
        let is_silent = |server: &&str| silent.contains(host_of(server));
        let is_used = |server: &&str| used.contains(host_of(server));
        let is_wrong = to.iter().any(is_silent) && !to.iter().any(is_used) && !used.is_empty();
        is_wrong.then(|| Wrong {
            kind: "forward",
            line: (*line).trim_end_matches('{').trim().to_owned(),
            name: zone.to_owned(),
            value: to.join(", "),
            wanted: used.iter().copied().collect::<Vec<_>>().join(", "),
        })
    })
}

/// An address without its port: `10.0.0.2:53`, `tls://10.0.0.2`.
fn host_of(server: &str) -> &str {
    let bare = server.split("://").last().unwrap_or(server);
    match bare.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None if bare.matches(':').count() == 1 => bare.split(':').next().unwrap_or(bare),
        None => bare,
    }
}

/// The domain that kubelets give to pods (`clusterDomain`), `cluster.local` unless it was changed.
fn cluster_domain(snapshot: &Snapshot) -> &str {
    snapshot
        .kind("KubeletConfiguration")
        .map(|config| config.text("/clusterDomain").trim_matches('.'))
        .find(|domain| !domain.is_empty())
        .unwrap_or("cluster.local")
}

/// A `rewrite name` to a Service's name in a namespace that has none, while other namespaces' Services were collected.
/// Source: coredns `plugin/rewrite/README.md`.
fn rewrite(snapshot: &Snapshot, lines: &[&str], domain: &str) -> Option<Wrong> {
    let suffix = format!(".svc.{domain}");
    lines.iter().find_map(|line| {
        let words: Vec<&str> = line.trim_end_matches('{').split_whitespace().collect();
        let start = words.iter().position(|word| *word == "name")? + 1;
        let rest = words.get(start..)?;
        let (from, to) = match rest {
            ["exact" | "suffix" | "prefix" | "substring" | "regex", from, to, ..] | [from, to, ..] => (*from, *to),
            _ => return None,
        };
        if !words.contains(&"rewrite") && start != 1 {
            return None;
        }
        let namespace = to.trim_end_matches('.').strip_suffix(&suffix)?.rsplit('.').next()?;
        let is_plain = namespace
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let is_empty = !snapshot
            .kind("Service")
            .any(|service| service.key.namespace == namespace);
        let elsewhere = snapshot
            .kind("Service")
            .any(|service| !matches!(service.key.namespace.as_str(), "" | "default" | "kube-system"));
        // A whole name, of a Service that is not among those of its namespace.
        let target = to
            .trim_end_matches('.')
            .strip_suffix(&suffix)
            .and_then(|name| name.split_once('.'));
        let is_lost = |(name, space): &(&str, &str)| {
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            is_name && *space == namespace && snapshot.object("Service", namespace, name).is_none()
        };
        let lost = target
            .filter(is_lost)
            .filter(|_| !is_empty && name_complaints(snapshot).next().is_some());
        // One Service that is there is taken for another, while somebody complains of it.
        let (turned, to_service) = (service_of(snapshot, from, &suffix), service_of(snapshot, to, &suffix));
        let is_turned = turned.is_some() && to_service.is_some() && turned != to_service;
        let turned = turned.filter(|_| is_turned && !troubled(snapshot).is_empty());
        // One that has some Services but not those that the name is turned away from.
        let loses = || name_complaints(snapshot).next().is_some() && loses_services(snapshot, from, namespace);
        let is_missed = || name_complaints(snapshot).next().is_some() || from.contains("svc");
        let is_wrong = lost.is_some() || turned.is_some() || elsewhere && (is_empty && is_missed() || loses());
        (is_plain && !namespace.is_empty() && is_wrong).then(|| Wrong {
            kind: if turned.is_some() { "turned" } else { "rewrite" },
            line: (*line).to_owned(),
            name: from.to_owned(),
            value: namespace.to_owned(),
            wanted: match (&turned, lost) {
                (Some(_), _) => to.to_owned(),
                (None, lost) => lost.map_or(String::new(), |(name, _)| name.to_owned()),
            },
        })
    })
}

/// The Service that a name or the pattern of one stands for, if there is one: `^db\.shop\.svc\.cluster\.local\.$`.
fn service_of(snapshot: &Snapshot, name: &str, suffix: &str) -> Option<Subject> {
    let plain = name.trim_start_matches('^').trim_end_matches('$').replace('\\', "");
    let (name, namespace) = plain.trim_end_matches('.').strip_suffix(suffix)?.split_once('.')?;
    Some(snapshot.object("Service", namespace, name)?.subject())
}

/// True when a namespace that the pattern names has a Service for which there is none of the same name where the rewrite leads.
fn loses_services(snapshot: &Snapshot, pattern: &str, to: &str) -> bool {
    let plain = pattern.replace('\\', "");
    snapshot.kind("Service").any(|service| {
        let (from, name) = (service.key.namespace.as_str(), service.key.name.as_str());
        from != to && plain.contains(&format!(".{from}.svc")) && snapshot.object("Service", to, name).is_none()
    })
}

/// A `template` block that refuses names of the cluster.
fn refusal(snapshot: &Snapshot, lines: &[&str], domain: &str) -> Option<Wrong> {
    let starts = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with("template "));
    for (start, head) in starts {
        let block: Vec<&str> = lines
            .iter()
            .skip(start)
            .take_while(|line| !line.starts_with('}'))
            .copied()
            .collect();
        let code = block
            .iter()
            .find_map(|line| line.strip_prefix("rcode "))
            .filter(|code| matches!(code.trim(), "NXDOMAIN" | "SERVFAIL" | "REFUSED"));
        if let (Some(code), true) = (code, refuses_services(snapshot, &block, domain)) {
            let told = block.iter().find(|line| line.starts_with("match ")).unwrap_or(head);
            return Some(Wrong {
                kind: "template",
                line: format!("{head} {told}").chars().take(160).collect(),
                name: String::new(),
                value: code.trim().to_owned(),
                wanted: String::new(),
            });
        }
    }
    None
}

/// Patterns of one template that are tried.
const MOST: usize = 32;
/// Bytes that a pattern may compile to.
const LARGEST: usize = 512 << 10;

/// True when a template's patterns take the name of a Service that is there; where no Service was collected, a name that ends as theirs do.
/// A template for what search lists make of outside names (`partner.example.shop.svc.cluster.local`) takes none of them.
fn refuses_services(snapshot: &Snapshot, block: &[&str], domain: &str) -> bool {
    let words = |line: &&str| -> Vec<String> { line.split_whitespace().skip(1).map(str::to_owned).collect() };
    // `template CLASS TYPE [ZONE…]`: without zones, those of the server.
    let zones: Vec<String> = block.first().map_or(Vec::new(), |head| {
        let zones = words(head).into_iter().skip(2).filter(|zone| zone != "{");
        zones.map(|zone| zone.trim_matches('.').to_owned()).collect()
    });
    let is_in_zone = |name: &str| zones.is_empty() || zones.iter().any(|zone| zone.is_empty() || name.ends_with(zone));
    let patterns: Vec<String> = block
        .iter()
        .filter(|line| line.starts_with("match "))
        .flat_map(words)
        .map(|word| word.trim_matches('"').to_owned())
        .collect();
    if patterns.is_empty() {
        return zones.iter().any(|zone| zone.ends_with(&format!("svc.{domain}")));
    }
    let mut services = snapshot.kind("Service").peekable();
    if services.peek().is_none() {
        let ends = |pattern: &String| {
            let plain = pattern.replace('\\', "");
            plain.trim_end_matches(['$', '.']).ends_with(&format!("svc.{domain}"))
        };
        return patterns.iter().any(ends);
    }
    // They come from the bundle, so what they may cost is bounded.
    let compiled = |pattern: &String| RegexBuilder::new(pattern).size_limit(LARGEST).build().ok();
    let patterns: Vec<Regex> = patterns.iter().take(MOST).filter_map(compiled).collect();
    services.any(|service| {
        let name = format!("{}.{}.svc.{domain}", service.key.name, service.key.namespace);
        is_in_zone(&name) && patterns.iter().any(|pattern| pattern.is_match(&format!("{name}.")))
    })
}

/// An entry of a `hosts` block that gives a Service an address that it does not have.
fn wrong_host(snapshot: &Snapshot, lines: &[&str], domain: &str) -> Option<Wrong> {
    lines.iter().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| word.parse::<std::net::IpAddr>().is_ok())?;
        words.find_map(|name| {
            let mut parts = name.split('.');
            let (service, namespace) = (parts.next()?, parts.next()?);
            let rest: Vec<&str> = parts.collect();
            if rest.first() != Some(&"svc")
                || rest.len() > 1 && rest.get(1..).map(|zone| zone.join(".")) != Some(domain.to_owned())
            {
                return None;
            }
            let known = snapshot.object("Service", namespace, service)?;
            let wanted = known.text("/spec/clusterIP");
            // A Service of two families has one address of each.
            let is_other_family = address.contains(':') != wanted.contains(':');
            (wanted.parse::<std::net::IpAddr>().is_ok() && wanted != address && !is_other_family).then(|| Wrong {
                kind: "hosts",
                line: (*line).to_owned(),
                name: name.to_owned(),
                value: address.to_owned(),
                wanted: wanted.to_owned(),
            })
        })
    })
}

/// A `hosts` block for all names that does not fall through: it answers before `kubernetes` does, wherever it is written, and denies what
/// it does not know. Sources: coredns `plugin/hosts/README.md`, `plugin.cfg`.
fn closed_hosts(snapshot: &Snapshot, lines: &[&str]) -> Option<Wrong> {
    let start = lines.iter().position(|line| matches!(*line, "hosts {" | "hosts"))?;
    let mut block = lines.iter().skip(start + 1).take_while(|line| !line.starts_with('}'));
    let falls_through = block.any(|line| line.split_whitespace().next() == Some("fallthrough"));
    // It may serve a zone of its own, or another port; only where the cluster's names fail is it the cause.
    let opens = lines
        .iter()
        .take(start)
        .rposition(|line| line.ends_with('{') && line.contains(':') || *line == ". {")?;
    let mut depth = 0_i32;
    let mut server = lines.iter().skip(opens).take_while(|line| {
        depth += i32::from(line.ends_with('{')) - i32::from(line.starts_with('}'));
        depth > 0
    });
    let is_of_cluster = server.any(|line| line.starts_with("kubernetes"));
    let is_for_all = is_of_cluster && lines.get(opens).is_some_and(|line| line.starts_with('.'));
    let is_felt = name_complaints(snapshot).next().is_some();
    (!falls_through && is_for_all && is_felt).then(|| Wrong {
        kind: "closed-hosts",
        line: lines.get(start).map_or(String::new(), |line| (*line).to_owned()),
        name: String::new(),
        value: String::new(),
        wanted: "fallthrough".to_owned(),
    })
}

/// The zones of the `kubernetes` plugin, compared with the domain that a kubelet's configuration names.
fn zones(lines: &[&str], snapshot: &Snapshot) -> Option<Wrong> {
    // Other files may bring what this one lacks.
    if lines.iter().any(|line| line.starts_with("import ")) {
        return None;
    }
    let plugin = lines
        .iter()
        .find(|line| **line == "kubernetes" || line.starts_with("kubernetes "));
    let Some(line) = plugin else {
        // One that asks another (NodeLocal DNSCache, a resolver for outside names) needs no plugin of its own.
        let answers_elsewhere = corefiles(snapshot).iter().any(|(map, key)| {
            lines_of(map.text(&format!("/data/{}", escaped(key))))
                .iter()
                .any(|line| line.starts_with("kubernetes"))
        });
        let passes_on = lines
            .iter()
            .any(|line| line.contains(cluster_domain(snapshot)) && line.ends_with('{'));
        if answers_elsewhere || passes_on {
            return None;
        }
        return Some(Wrong {
            kind: "plugin",
            line: lines.first().map_or(String::new(), |line| (*line).to_owned()),
            name: String::new(),
            value: String::new(),
            wanted: "kubernetes".to_owned(),
        });
    };
    let zones: Vec<&str> = line
        .split_whitespace()
        .skip(1)
        .filter(|zone| *zone != "{" && !zone.ends_with("arpa"))
        .collect();
    let domain = cluster_domain(snapshot);
    // Names that pods make of their search list tell the domain as well as the kubelet does.
    let suffix = format!(".svc.{domain}");
    let is_told = snapshot
        .kind("KubeletConfiguration")
        .any(|config| !config.text("/clusterDomain").is_empty())
        || name_complaints(snapshot).any(|hit| {
            hit.captures
                .values()
                .any(|name| name.trim_end_matches('.').ends_with(suffix.as_str()))
        });
    let covers =
        |zone: &&str| domain == zone.trim_matches('.') || domain.ends_with(&format!(".{}", zone.trim_matches('.')));
    (is_told && !zones.is_empty() && !zones.iter().any(covers)).then(|| Wrong {
        kind: "zone",
        line: (*line).to_owned(),
        name: String::new(),
        value: zones.join(" "),
        wanted: domain.to_owned(),
    })
}
