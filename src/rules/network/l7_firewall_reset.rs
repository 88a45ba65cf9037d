//! Connections to a registry or to Rancher are accepted and then reset: something on the way may look into them.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::certificates::peer_in;
use crate::rules::toolbox::{pod_is_failing, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: l7-firewall-reset
role: factor
level: warning
needs: [events|containerd-log|dockerd-log|kubelet-log|container-logs]
check:
  zh: 连接是否在建立之后被重置
  en: whether connections are reset after they were accepted
title:
  zh: "到 {{ peer }} 的连接建立之后被重置（{{ times }} 次）：路径上可能有检查内容或 SNI 的七层防火墙或代理"
  en: "connections to {{ peer }} are reset after they were accepted ({{ times|times }}): a firewall or proxy on the way may look at content or SNI"
cause:
  zh: "TCP 已经连上（错误来自 read 而不是 dial），随后收到 RST：四层是通的，是七层设备、代理或对端自己断开。离线无法区分，需要比较 RST 包与正常应答的 TTL。"
  en: "TCP did connect (the error is from read and not from dial) and an RST followed: layer four is open, and a device of layer seven, a proxy or the peer itself hung up. That cannot be told offline; compare the TTL of the RST with that of normal answers."
causes:
  - rule: registry-unreachable-timeout
    ground: registry
    mechanism: {zh: "连接建立后被重置，拉取失败", en: "connections are reset after they were accepted, so the pull fails"}
  - rule: docker-hub-unreachable
    ground: registry
    mechanism: {zh: "连接建立后被重置，拉取失败", en: "connections are reset after they were accepted, so the pull fails"}
  - rule: cattle-cluster-agent-not-connected
    ground: workload
    mechanism: {zh: "到 Rancher 的连接被重置", en: "the connection to Rancher is reset"}
benign:
  - {zh: "负载均衡在空闲超时后发送 RST", en: "a load balancer sends RST after its idle time-out"}
  - {zh: "对端进程崩溃或重启", en: "the peer crashed or restarted"}
  - {zh: "dial 阶段的 connection reset：端口上没有可用的服务", en: "a reset while dialling: nothing serves that port"}
remedy:
  - purpose: {zh: "抓包看 RST 来自哪里", en: "capture where the RST comes from"}
    place: node
    risk: read-only
    command: |
      curl -skv --max-time 10 https://{{ peer }}/ -o /dev/null
      timeout 20 tcpdump -nv -c 5 'tcp[tcpflags] & tcp-rst != 0'
    expect: {zh: "RST 的 TTL 与对端正常应答不同，说明来自中间设备", en: "a TTL of the RST that is not the peer's: it comes from something on the way"}
    verify: {zh: "已知由谁断开", en: "who hangs up is known"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "请网络团队为镜像仓库与 Rancher 的域名放行，且不做 TLS 拦截", en: "ask the network's owners to let the names of registries and of Rancher pass without intercepting TLS"}
    acceptance: {zh: "从每个节点 curl 这些地址成功", en: "curl of these addresses succeeds from every node"}
sources: ["Go net: `read tcp a->b: read: connection reset by peer` (after connect), `dial tcp …: connect: connection reset by peer`"]
versions: "any"
examples:
  - name: "reset after connect"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": read tcp 10.0.0.5:41250->192.0.2.2:5000: read: connection reset by peer","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "no connection at all"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": dial tcp 192.0.2.2:5000: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

/// Signatures of those who talk to the outside by themselves.
const CALLERS: [&str; 3] = [
    "registry-unreachable-timeout/",
    "docker-hub-unreachable/",
    "cattle-cluster-agent-not-connected/",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: BTreeMap<String, Finding> = BTreeMap::new();
    for hit in snapshot
        .hits
        .iter()
        .filter(|hit| CALLERS.iter().any(|wanted| hit.signature.starts_with(wanted)))
    {
        let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
        let object = &hit.about.object;
        let is_over = object.kind == "Pod" && !pod_is_failing(snapshot, object);
        let was_reset = line.contains("read tcp ") && line.contains("read: connection reset by peer");
        let Some(peer) = peer_in(line).filter(|_| was_reset && !is_over) else {
            continue;
        };
        let kind = if hit.signature.starts_with("cattle-") {
            "Server"
        } else {
            "Registry"
        };
        let finding = findings.entry(peer.to_owned()).or_insert_with(|| {
            let mut finding = Finding::new(rule, Subject::cluster(kind, peer), Confidence::Possible)
                .touch(Ground::Registry, peer)
                .fact("peer", peer);
            finding.count = 0;
            finding
        });
        finding.count += hit.count;
        finding.add_cite(hit.cite.clone());
        if object.kind == "Pod" {
            finding.touches.extend(workload_touches(snapshot, object));
        }
    }
    findings
        .into_values()
        .map(|finding| {
            let times = finding.count;
            finding.fact("times", times)
        })
        .collect()
}
