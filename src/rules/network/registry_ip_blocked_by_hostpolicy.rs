//! A policy on the nodes themselves lets nothing out to a registry: the only kind of network policy that can stop an image pull.

use std::net::IpAddr;

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::certificates::peer_in;
use crate::rules::toolbox::peers::Peer;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-ip-blocked-by-hostpolicy
role: cause
level: critical
needs: [ciliumclusterwidenetworkpolicies|globalnetworkpolicies]
check:
  zh: 作用于节点的网络策略是否拦截了镜像仓库
  en: whether a policy on the nodes blocks a registry
title:
  zh: "{{ subject.kind|raw }} {{ subject.name }} 作用于节点自身，不放行到镜像仓库 {{ registry }}（{{ address }}:{{ port }}）的出向连接"
  en: "{{ subject.kind|raw }} {{ subject.name }} applies to the nodes themselves and lets nothing out to registry {{ registry }} ({{ address }}:{{ port }})"
cause:
  zh: "策略 {{ subject.name }} 选中节点并限制出向流量，没有规则放行 {{ address }}:{{ port }}。镜像由节点的运行时拉取，普通的 NetworkPolicy 管不到它；只有这类主机策略（Calico HostEndpoint、Cilium 主机防火墙）能拦截。"
  en: "policy {{ subject.name }} selects nodes and limits what leaves them, and no rule lets {{ address }}:{{ port }} pass. The node's runtime pulls images, so no ordinary NetworkPolicy applies; only policies for hosts (Calico's HostEndpoint, Cilium's host firewall) can stop it."
causes:
  - rule: registry-unreachable-timeout
    ground: registry
    mechanism: {zh: "主机策略丢弃到仓库的数据包", en: "the policy drops packets to the registry"}
  - rule: docker-hub-unreachable
    ground: registry
    mechanism: {zh: "主机策略丢弃到仓库的数据包", en: "the policy drops packets to the registry"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取超时", en: "the pull times out"}
benign:
  - {zh: "只选中 Pod 的策略（NetworkPolicy、CiliumNetworkPolicy）", en: "policies that select pods only (NetworkPolicy, CiliumNetworkPolicy)"}
  - {zh: "按域名放行的策略（toFQDNs），地址无法离线核对", en: "policies that let names pass (toFQDNs), of which the addresses cannot be checked offline"}
remedy:
  - purpose: {zh: "查看策略的出向规则", en: "see the policy's rules for egress"}
    place: cluster
    risk: read-only
    command: "kubectl get {{ resource }} {{ subject.name }} -o yaml"
    expect: {zh: "没有放行 {{ address }}:{{ port }} 的规则", en: "no rule for {{ address }}:{{ port }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "备份后编辑策略，放行到仓库的出向连接", en: "save the policy, then edit it to let connections to the registry out"}
    place: cluster
    risk: change
    command: "kubectl edit {{ resource }} {{ subject.name }}"
    expect: {zh: "edited", en: "edited"}
    verify: {zh: "节点上 `crictl pull` 成功", en: "`crictl pull` succeeds on the node"}
    rollback: {zh: "应用备份的策略", en: "apply the saved policy"}
prevention:
  - kind: prevent
    text: {zh: "主机策略先以审计模式运行，并放行镜像仓库、DNS、NTP 与 API 服务器", en: "run policies for hosts in audit mode first, and let registries, DNS, NTP and the API server pass"}
    acceptance: {zh: "启用后在新节点上拉取镜像成功", en: "an image is pulled on a new node with the policy in force"}
sources: ["docs.cilium.io: host firewall, CiliumClusterwideNetworkPolicy spec.nodeSelector", "docs.tigera.io: HostEndpoint, GlobalNetworkPolicy"]
versions: "Cilium 1.8 to 1.18; Calico 3.0 to 3.30"
examples:
  - name: "Cilium's host firewall"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": dial tcp 192.0.2.2:5000: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
      policy.json: '{"kind":"CiliumClusterwideNetworkPolicyList","apiVersion":"cilium.io/v2","items":[{"kind":"CiliumClusterwideNetworkPolicy","apiVersion":"cilium.io/v2","metadata":{"name":"hosts","uid":"1"},"spec":{"nodeSelector":{},"egress":[{"toEntities":["cluster"]},{"toCIDR":["10.0.0.0/8"]}]}}]}'
    fires: [{kind: "CiliumClusterwideNetworkPolicy", name: "hosts"}]
  - name: "it lets the registry pass"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": dial tcp 192.0.2.2:5000: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
      policy.json: '{"kind":"CiliumClusterwideNetworkPolicyList","apiVersion":"cilium.io/v2","items":[{"kind":"CiliumClusterwideNetworkPolicy","apiVersion":"cilium.io/v2","metadata":{"name":"hosts","uid":"1"},"spec":{"nodeSelector":{},"egress":[{"toCIDR":["192.0.2.0/24"]}]}}]}'
  - name: "it selects pods"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": dial tcp 192.0.2.2:5000: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
      policy.json: '{"kind":"CiliumClusterwideNetworkPolicyList","apiVersion":"cilium.io/v2","items":[{"kind":"CiliumClusterwideNetworkPolicy","apiVersion":"cilium.io/v2","metadata":{"name":"pods","uid":"1"},"spec":{"endpointSelector":{},"egress":[{"toCIDR":["10.0.0.0/8"]}]}}]}'
"##;

/// Signatures of pulls that get no answer.
const SILENT: [&str; 2] = ["registry-unreachable-timeout/", "docker-hub-unreachable/"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in snapshot
        .hits
        .iter()
        .filter(|hit| SILENT.iter().any(|wanted| hit.signature.starts_with(wanted)))
    {
        let Some((registry, address, port)) = asked(hit) else {
            continue;
        };
        for (policy, at) in refusing(snapshot, address, port) {
            if findings.iter().any(|known| known.subject.name == policy.key.name) {
                continue;
            }
            let subject = Subject::cluster(&policy.key.kind, &policy.key.name);
            let mut finding = Finding::new(rule, subject, Confidence::Probable)
                .at(at.trim_start_matches('/').replace('/', "."))
                .cite(policy.cite_at(at))
                .cite(hit.cite.clone())
                .touch(Ground::Registry, registry.clone())
                .fact("registry", registry.clone())
                .fact("address", address.to_string())
                .fact("port", port)
                .fact("resource", policy.key.kind.to_lowercase());
            if hit.about.object.kind == "Pod" {
                finding
                    .touches
                    .extend(crate::rules::toolbox::workload_touches(snapshot, &hit.about.object));
            }
            findings.push(finding);
        }
    }
    findings
}

/// The registry and the address that was dialled: `… "https://harbor.example:5000/v2/…": dial tcp 192.0.2.2:5000: i/o timeout`.
fn asked(hit: &Hit) -> Option<(String, IpAddr, u16)> {
    let line = hit.cite.quote.first()?.text.as_str();
    let registry = peer_in(line)?.to_owned();
    let dialled = line.split_once("dial tcp ")?.1.split(": ").next()?;
    let peer = Peer::parse(dialled.rsplit("->").next()?, None);
    Some((registry, peer.host.parse().ok()?, peer.port?))
}

/// The policies on nodes by which an address is out of reach, with the field that limits it.
fn refusing(snapshot: &Snapshot, address: IpAddr, port: u16) -> Vec<(&Object, &'static str)> {
    let of_cilium = snapshot
        .kind("CiliumClusterwideNetworkPolicy")
        .filter(|policy| policy.get("/spec/nodeSelector").is_some() && policy.get("/spec/egress").is_some())
        .filter(|policy| {
            !policy
                .list("/spec/egress")
                .iter()
                .any(|rule| cilium_admits(rule, address, port))
        })
        .map(|policy| (policy, "/spec/egress"));
    // Calico's policies reach hosts only where these are endpoints.
    let has_hosts = snapshot.kind("HostEndpoint").next().is_some();
    let of_calico = snapshot
        .kind("GlobalNetworkPolicy")
        .filter(|policy| has_hosts && calico_limits(policy))
        .filter(|policy| {
            !policy
                .list("/spec/egress")
                .iter()
                .any(|rule| calico_admits(rule, address, port))
        })
        .map(|policy| (policy, "/spec/egress"));
    of_cilium.chain(of_calico).collect()
}

fn strings<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    let list = value.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn cilium_admits(rule: &Value, address: IpAddr, port: u16) -> bool {
    let is_port = |found: &Value| {
        let found = found.get("port");
        let number = found.and_then(Value::as_str).and_then(|port| port.parse::<u16>().ok());
        number.is_none_or(|number| number == 0 || number == port)
    };
    let to_ports = rule.get("toPorts").and_then(Value::as_array);
    let opens = to_ports.is_none_or(|list| {
        list.iter()
            .filter_map(|entry| entry.get("ports")?.as_array())
            .flatten()
            .any(is_port)
    });
    let destinations = [
        "toCIDR",
        "toCIDRSet",
        "toEntities",
        "toEndpoints",
        "toFQDNs",
        "toServices",
        "toGroups",
        "toNodes",
    ];
    let is_open = destinations.iter().all(|key| rule.get(key).is_none());
    let by_entity = strings(rule, "toEntities")
        .iter()
        .any(|entity| matches!(*entity, "all" | "world" | "world-ipv4"));
    let in_sets = rule.get("toCIDRSet").and_then(Value::as_array).into_iter().flatten();
    let sets = in_sets.filter_map(|set| set.get("cidr")?.as_str());
    let by_address = strings(rule, "toCIDR")
        .into_iter()
        .chain(sets)
        .any(|network| holds(network, address));
    // Names and groups cannot be resolved here, so they may well be the registry.
    let unknown = ["toFQDNs", "toGroups"].iter().any(|key| rule.get(key).is_some());
    opens && (is_open || by_entity || by_address || unknown)
}

/// A policy for egress that plainly selects every endpoint; selectors that would have to be computed are left alone.
fn calico_limits(policy: &Object) -> bool {
    let limits = strings(policy.get("/spec").unwrap_or(&Value::Null), "types").contains(&"Egress");
    let selects_all = matches!(policy.text("/spec/selector").trim(), "" | "all()");
    let is_late = policy.get("/spec/applyOnForward").and_then(Value::as_bool) == Some(true)
        && policy.get("/spec/preDNAT").and_then(Value::as_bool) == Some(true);
    limits && selects_all && !is_late
}

fn calico_admits(rule: &Value, address: IpAddr, port: u16) -> bool {
    let action = rule.get("action").and_then(Value::as_str).unwrap_or("");
    let Some(destination) = rule.get("destination") else {
        return matches!(action, "Allow" | "Pass");
    };
    let networks = strings(destination, "nets");
    let in_networks = networks.is_empty() || networks.iter().any(|network| holds(network, address));
    let ports = destination.get("ports").and_then(Value::as_array);
    let opens = ports.is_none_or(|ports| {
        ports
            .iter()
            .any(|found| found.as_u64().is_none_or(|number| number == u64::from(port)))
    });
    matches!(action, "Allow" | "Pass") && in_networks && opens
}

/// True when a network such as `10.0.0.0/8` has the address.
fn holds(network: &str, address: IpAddr) -> bool {
    let (base, length) = network.split_once('/').unwrap_or((network, ""));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            let length: u32 = length.parse().unwrap_or(32).min(32);
            let shift = 32 - length;
            u64::from(base.to_bits()) >> shift == u64::from(address.to_bits()) >> shift
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            let length: u32 = length.parse().unwrap_or(128).min(128);
            length == 0 || base.to_bits() >> (128 - length) == address.to_bits() >> (128 - length)
        }
        _ => false,
    }
}
