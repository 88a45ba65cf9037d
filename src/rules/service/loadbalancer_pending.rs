//! A Service of type LoadBalancer has no address.

use crate::cluster::{Hit, Object};
use crate::model::{Confidence, Level};
use crate::rules::toolbox::peers::behind;
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: loadbalancer-pending
role: cause
level: critical
needs: [services]
text:
  - id: refused
    pattern: '(?P<reason>Failed to allocate IP for|no available IPs|IP allocation failed|[Ee]rror syncing load balancer: |failed to ensure load balancer|no available addresses|requested (?:loadBalancer )?IPs? [^\n]{1,80}(?:not allowed|not available|already in use))'
check:
  zh: "LoadBalancer 类型的 Service 是否有地址"
  en: "whether Services of type LoadBalancer have an address"
title:
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 是 LoadBalancer，但没有外部地址"
  en: "Service {{ subject.namespace }}/{{ subject.name }} is a LoadBalancer without an address"
cause:
  zh: "{% if refused %}分配地址的控制器拒绝了它：{{ line }}；{% else %}旁边的其他 LoadBalancer 有地址，唯独它没有：地址池用尽、它的 class 没有控制器负责，或云侧失败；{% endif %}集群外的客户端无法访问它，集群内仍可用 ClusterIP 访问。"
  en: "{% if refused %}the controller that gives addresses has none for it: {{ line }}; {% else %}others beside it have one: the pool is used up, nothing serves its class, or the cloud fails; {% endif %}clients outside cannot reach it, while inside the cluster its ClusterIP works."
causes:
  - rule: app-bug
    ground: workload
    mechanism: {zh: "控制器的错误就是它不能分配地址", en: "what the controller complains of is that it has no address to give"}
benign:
  - {zh: "本地测试集群没有负载均衡实现，所有 LoadBalancer 都没有地址是正常的", en: "a test cluster that has nothing to give addresses leaves every LoadBalancer without one"}
remedy:
  - purpose: {zh: "查看事件与实现", en: "see its events, and what implements it"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe service {{ subject.name }}"
    expect: {zh: "EnsuringLoadBalancer 之后的错误", en: "the error after EnsuringLoadBalancer"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按控制器的消息扩大地址池（以 MetalLB 为例）", en: "give the pool more addresses, as the controller says (MetalLB for example)"}
    place: cluster
    risk: change
    command: "kubectl -n metallb-system patch ipaddresspool <POOL> --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/addresses/-\",\"value\":\"<FIRST_IP>-<LAST_IP>\"}]'"
    expect: {zh: "`ipaddresspool.metallb.io/<POOL> patched`", en: "`ipaddresspool.metallb.io/<POOL> patched`"}
    verify: {zh: "Service 得到 EXTERNAL-IP", en: "the Service gets an EXTERNAL-IP"}
    rollback: {zh: "用 `--type=json` 的 remove 去掉新加的地址段", en: "take the new range out with a remove of `--type=json`"}
    notes:
      - {zh: "地址段由网络管理员给出；云上的 Service 则按事件中云厂商的错误处理", en: "the range is for whoever runs the network to give; in a cloud follow the provider's error in the events"}
prevention:
  - kind: detect
    text: {zh: "对没有地址超过 10 分钟的 LoadBalancer 告警", en: "alert on a LoadBalancer without an address for 10 minutes"}
    acceptance: {zh: "地址池用尽时收到告警", en: "a pool that is used up raises it"}
sources: ["kubernetes.io/docs/concepts/services-networking/service/#loadbalancer", "metallb controller/service.go: `Failed to allocate IP for %q: %s`, internal/allocator: `no available IPs`", "kubernetes cloud-provider controllers/service/controller.go: `Error syncing load balancer: %v`"]
versions: "all"
examples:
  - name: "the pool is used up"
    files:
      "svc.txt": |
        NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)        AGE
        shop        web    LoadBalancer   10.96.0.12   <pending>     80:31344/TCP   41m
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT        MESSAGE
        shop        2m          Warning   AllocationFailed   service/web   Failed to allocate IP for "shop/web": no available IPs
    fires: [{kind: "Service", namespace: "shop", name: "web"}]
  - name: "the cloud refuses"
    files:
      "svc.txt": |
        NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)        AGE
        shop        web    LoadBalancer   10.96.0.12   <pending>     80:31344/TCP   41m
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE      REASON                   OBJECT        MESSAGE
        shop        2m          Warning   SyncLoadBalancerFailed   service/web   Error syncing load balancer: failed to ensure load balancer: quota exceeded
    fires: [{kind: "Service", namespace: "shop", name: "web"}]
  - name: "one beside it has an address"
    files:
      "svc.txt": |
        NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)        AGE
        shop        api    LoadBalancer   10.96.0.11   192.0.2.7     80:31343/TCP   90d
        shop        web    LoadBalancer   10.96.0.12   <pending>     80:31344/TCP   41m
    fires: [{kind: "Service", namespace: "shop", name: "web"}]
  - name: "nothing gives addresses here"
    files:
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}}]}'
  - name: "it has one"
    files:
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}}]}'
"##;

/// Messages of whoever should give it one and cannot (the signature `refused`), or the address that a Service beside it has: without either
/// the cluster may have nothing that gives addresses, as test clusters have none.
pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let is_balanced =
        |service: &&Object| service.text("/spec/type") == "LoadBalancer" && service.get("/status").is_some();
    let is_given = |service: &Object| {
        !service.list("/status/loadBalancer/ingress").is_empty() || !service.list("/spec/externalIPs").is_empty()
    };
    let others_have = snapshot.kind("Service").filter(is_balanced).any(is_given);
    let refusals = own_hits(input, rule);
    let only_one = snapshot
        .kind("Service")
        .filter(is_balanced)
        .filter(|service| !is_given(service))
        .count()
        == 1;
    let mut found = Vec::new();
    for service in snapshot
        .kind("Service")
        .filter(is_balanced)
        .filter(|service| !is_given(service))
    {
        let subject = service.subject();
        let key = format!("{}/{}", subject.namespace, subject.name);
        let told: Vec<&Hit> = refusals
            .iter()
            .copied()
            .filter(|hit| {
                only_one || hit.about.object == subject || hit.cite.quote.iter().any(|line| names(&line.text, &key))
            })
            .collect();
        if told.is_empty() && !others_have {
            continue;
        }
        let confidence = if told.is_empty() {
            Confidence::Probable
        } else {
            Confidence::Confirmed
        };
        let mut finding = Finding::new(rule, subject, confidence)
            .at("status.loadBalancer")
            .cite(service.cite_at("/status/loadBalancer"))
            .fact("class", service.text("/spec/loadBalancerClass"))
            .fact("refused", !told.is_empty());
        if told.is_empty() {
            finding.level = Level::Warning;
        }
        for hit in told {
            add_hit(input, &mut finding, hit);
        }
        let line = finding
            .evidence
            .get(1)
            .and_then(|cite| cite.quote.first())
            .map_or("", |line| line.text.as_str());
        let line: String = line.trim().chars().take(QUOTED).collect();
        finding.facts.insert("line".into(), line.into());
        for backend in behind(snapshot, &service.key.namespace, &service.key.name) {
            finding.impair(backend);
        }
        found.push(finding);
    }
    found
}

/// Characters of a message that wording quotes.
const QUOTED: usize = 240;

/// True when a line names the Service as a whole word.
fn names(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let after = line.get(at + key.len()..).and_then(|rest| rest.chars().next());
        !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}
