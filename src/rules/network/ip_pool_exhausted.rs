//! A node has no pod addresses left.

use std::net::Ipv4Addr;

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node_of_failing_pods;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ip-pool-exhausted
role: cause
level: critical
needs: [events|kubelet-log]
text:
  - id: host-local
    pattern: "no IP addresses available in range set: (?P<range>[0-9a-f.:]+-[0-9a-f.:]+)"
  - id: calico
    pattern: "(?i:no ip(?: addresse)?s available in pools): \\[(?P<range>[^\\]]{1,200})\\]"
  - id: calico-none
    pattern: "Assigned 0 out of \\d+ requested IPv[46] addresses"
  - id: aws
    pattern: "failed to assign an IP address to container|InsufficientFreeAddressesInSubnet|InsufficientCidrBlocks"
  - id: cilium
    in: [event, kubelet, status, other]
    pattern: "(?:range is full|No more IPs available|all (?:pod )?CIDR ranges are exhausted)"
  - id: whereabouts
    pattern: "Could not allocate IP in range: ip: (?P<range>[0-9a-f.:]+ / - [0-9a-f.:]+)"
  - id: ovn
    in: [event, kubelet, status, other]
    pattern: "(?:subnet address pool exhausted|NoAvailableAddress|AddressOutOfRange)"
  - id: spiderpool
    in: [event, kubelet, status, other]
    pattern: "all IP used out"
check:
  zh: "节点是否还有可用的 Pod 地址"
  en: "whether nodes have pod addresses left"
title:
  zh: "{% if pool %}地址池 {{ pool }} 已用尽{% else %}节点 {{ node }} 的 Pod 地址已用尽{% endif %}{% if range %}（{{ range }}{% if in_use %}，已知的 Pod 占用 {{ in_use }} 个{% endif %}）{% endif %}"
  en: "{% if pool %}address pool {{ pool }} is used up{% else %}node {{ node }} has no pod address left{% endif %}{% if range %} ({{ range }}{% if in_use %}, {{ in_use }} in use by the pods that are shown{% endif %}){% endif %}"
cause:
  zh: "IPAM 在{% if range %} {{ range }} {% endif %}中没有空闲地址，新 Pod 的沙箱无法建立网络：{{ line }}"
  en: "IPAM finds no free address{% if range %} in {{ range }}{% endif %}, so new pods get no network: {{ line }}"
causes:
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "沙箱网络无法建立", en: "the network of the sandbox cannot be set up"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有沙箱就没有容器", en: "no sandbox, no container"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有沙箱就没有容器", en: "no sandbox, no container"}
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "之后仍能启动的 Pod 不算", en: "pods that started later do not count"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    when: of_node
    command: "ls /var/lib/cni/networks/*/ | wc -l"
    expect: {zh: "数量接近网段大小，而 `crictl pods` 少得多时是泄漏", en: "close to the size of the range: a leak when `crictl pods` shows far fewer"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    when: of_node
    command: "crictl pods -q | wc -l"
    expect: {zh: "实际的沙箱数", en: "the sandboxes that exist"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看地址池与它的占用", en: "look at the pool and who uses it"}
    place: cluster
    risk: read-only
    when: pool
    command: |
      calicoctl ipam show --show-blocks
      kubectl get {{ resource }} {{ pool }} -o yaml
    expect: {zh: "空闲地址为 0", en: "no address is free"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "清理不再需要的 Pod，或增加一个不重叠的地址池", en: "remove pods that are not needed, or add a pool that does not overlap"}
    place: cluster
    risk: change
    when: pool
    command: "kubectl get {{ resource }} {{ pool }} -o yaml > pool-{{ pool }}.yaml"
    expect: {zh: "以它为样板写出新的地址池后再应用", en: "a template for the new pool, to be applied once it is written"}
    verify: {zh: "等待中的 Pod 获得地址", en: "the pods that wait get an address"}
    rollback: {zh: "删除新的地址池", en: "delete the new pool"}
prevention:
  - kind: detect
    text: {zh: "对节点剩余 Pod 地址告警", en: "alert on the pod addresses that a node has left"}
    acceptance: {zh: "测试节点剩余 10% 时收到告警", en: "a test node with 10 % left raises the alert"}
sources:
  - "containernetworking/plugins host-local allocator.go: `no IP addresses available in range set`"
  - "calico libcalico-go/lib/ipam: `Assigned %d out of %d requested IPv%d addresses; %v`, `No IPs available in pools`"
  - "whereabouts pkg/allocate/allocate.go: `Could not allocate IP in range: ip: %v / - %v`"
  - "aws vpc cni: `failed to assign an IP address to container`; EC2 API errors InsufficientFreeAddressesInSubnet, InsufficientCidrBlocks"
  - "kube-ovn pkg/ipam: NoAvailableAddress; ovn-kubernetes, cilium: `range is full`"
versions: "CNI plugins 0.6 to 1.x, Calico 3.x, Whereabouts 0.x, Cilium 1.x"
examples:
  - name: "host-local"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   0/1   ContainerCreating   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "450": plugin type="flannel" failed (add): failed to delegate add: failed to allocate for range 0: no IP addresses available in range set: 10.244.2.1-10.244.2.254
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "it worked later"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   1/1   Running   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = no IP addresses available in range set: 10.244.2.1-10.244.2.254
  - name: "a pool of Calico, used up for every node"
    files:
      pools.json: '{"kind":"IPPoolList","apiVersion":"crd.projectcalico.org/v1","items":[{"apiVersion":"crd.projectcalico.org/v1","kind":"IPPool","metadata":{"name":"pods-a"},"spec":{"cidr":"10.42.0.0/26","blockSize":28}}]}'
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   0/1   ContainerCreating   0   16m   <none>   n1   <none>   <none>
        web-1   0/1   ContainerCreating   0   16m   <none>   n2   <none>   <none>
        web-2   1/1   Running   0   16m   10.42.0.3   n2   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "450": plugin type="calico" failed (add): failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [10.42.0.0/26]
        2m          Warning   FailedCreatePodSandBox   pod/web-1   Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "451": plugin type="calico" failed (add): failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [10.42.0.0/26]
    fires: [{kind: "IPPool", name: "pods-a"}]
  - name: "the only pool of Calico, of which the message tells no name; the event tells the node"
    files:
      pools.json: '{"kind":"IPPoolList","apiVersion":"crd.projectcalico.org/v1","items":[{"apiVersion":"crd.projectcalico.org/v1","kind":"IPPool","metadata":{"name":"pods-a"},"spec":{"cidr":"10.42.0.0/26","blockSize":28}}]}'
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        shop        9m          Normal    Scheduled                pod/web-0   Successfully assigned shop/web-0 to n1
        shop        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "450": plugin type="calico" failed (add): failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; No more free affine blocks and strict affinity enabled
    fires: [{kind: "IPPool", name: "pods-a"}]
  - name: "one of two pools of Calico, of which the message tells no name"
    files:
      pools.json: '{"kind":"IPPoolList","apiVersion":"crd.projectcalico.org/v1","items":[{"apiVersion":"crd.projectcalico.org/v1","kind":"IPPool","metadata":{"name":"pods-a"},"spec":{"cidr":"10.42.0.0/26"}},{"apiVersion":"crd.projectcalico.org/v1","kind":"IPPool","metadata":{"name":"pods-b"},"spec":{"cidr":"10.43.0.0/26"}}]}'
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        shop        9m          Normal    Scheduled                pod/web-0   Successfully assigned shop/web-0 to n1
        shop        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: plugin type="calico" failed (add): failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; No more free affine blocks and strict affinity enabled
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a range of Whereabouts"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   0/1   ContainerCreating   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = plugin type="multus" name="multus-cni-network" failed (add): [shop/web-0:storage]: error adding container to network "storage": error at storage engine: Could not allocate IP in range: ip: 192.168.2.225 / - 192.168.2.230 / range: 192.168.2.224/28
    fires: [{kind: "Node", name: "n1", node: "n1"}]
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for finding in by_node_of_failing_pods(input, rule, Confidence::Confirmed) {
        let is_named = finding.facts.contains_key("range");
        let Some(pool) = pool_of(input, &finding) else {
            let finding = if is_named { finding } else { finding.fact("range", "") };
            found.push(finding.fact("pool", "").fact("of_node", true).fact("in_use", 0));
            continue;
        };
        let subject = pool.subject();
        match found.iter_mut().find(|known| known.subject == subject) {
            Some(known) => join(known, finding),
            None => {
                let mut whole = Finding::new(rule, subject, Confidence::Confirmed)
                    .at("spec.cidr")
                    .cite(pool.cite_at("/spec/cidr"))
                    .fact("pool", pool.key.name.clone())
                    .fact("of_node", false)
                    .fact("resource", pool.key.kind.to_lowercase())
                    .fact("in_use", in_use(input, pool));
                whole.facts.extend(finding.facts.clone());
                if !is_named {
                    whole = whole.fact("range", pool.text("/spec/cidr"));
                }
                whole.count = 0;
                join(&mut whole, finding);
                found.push(whole);
            }
        }
    }
    found
}

/// Adds what one node says of the pool.
fn join(whole: &mut Finding, of_node: Finding) {
    for cite in of_node.evidence {
        whole.add_cite(cite);
    }
    whole.count += of_node.count;
    whole.touches.extend(of_node.touches);
    for subject in of_node.affected {
        whole.add_affected(subject);
    }
    whole.add_affected(of_node.subject);
}

/// The pool that the messages name by its addresses: then it is no node's own range that is used up. Source: Calico `IPPool`
/// (`spec.cidr`), Cilium `CiliumPodIPPool` and Whereabouts `IPPool` have other fields and are left to the node.
fn pool_of<'s>(input: &Input<'s>, finding: &Finding) -> Option<&'s Object> {
    let pools = || {
        input
            .snapshot
            .kind("IPPool")
            .filter(|pool| !pool.text("/spec/cidr").is_empty())
    };
    let Some(named) = finding.facts.get("range").and_then(|range| range.as_str()) else {
        // Calico says this where no block of any pool is free, and with one pool it is that one.
        let mut quoted = finding.evidence.iter().flat_map(|cite| &cite.quote);
        let is_of_calico = quoted.any(|line| line.text.contains("requested IPv4 addresses"));
        let mut v4 = pools().filter(|pool| !pool.text("/spec/cidr").contains(':'));
        return v4.next().filter(|_| is_of_calico && v4.next().is_none());
    };
    pools().find(|pool| named.split([' ', ',']).any(|word| word == pool.text("/spec/cidr")))
}

/// How many of the pods that are shown hold an address of the pool.
fn in_use(input: &Input<'_>, pool: &Object) -> usize {
    let mut parts = pool.text("/spec/cidr").splitn(2, '/');
    let base = parts.next().and_then(|base| base.parse::<Ipv4Addr>().ok());
    let length = parts.next().and_then(|length| length.parse::<u32>().ok());
    let (Some(base), Some(length @ 1..=32)) = (base, length) else {
        return 0;
    };
    let network = |address: Ipv4Addr| u32::from(address) >> (32 - length);
    input
        .snapshot
        .pods()
        .filter_map(|pod| pod.object.text("/status/podIP").parse::<Ipv4Addr>().ok())
        .filter(|address| network(*address) == network(base))
        .count()
}
