//! A workload's pods do not ask the cluster's name service.

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::names::{dns_addresses, name_complaints, name_complaints_of};
use crate::rules::toolbox::{add_hit, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-resolvconf-wrong
role: cause
level: critical
needs: [pods|deployments|statefulsets|daemonsets]
check: {zh: "Pod 的 resolv.conf 是否指向集群域名服务", en: "whether resolv.conf of pods names the cluster's name service"}
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的 Pod 不使用集群域名服务（{{ setting }}）"
  en: "pods of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} do not ask the cluster's name service ({{ setting }})"
cause:
  zh: "{{ setting }}，因此 Pod 的 resolv.conf 中{% if servers %}的 nameserver 是 {{ servers|join(\"、\") }}{% else %}是节点的 nameserver{% endif %}，而不是集群域名服务{% if address %} {{ address }}{% endif %}；Service 的名字在那里不存在{% if said %}：{{ said }}{% else %}。{% endif %}"
  en: "{{ setting }}, so resolv.conf of the pods has {% if servers %}nameserver {{ servers|join(\", \") }}{% else %}the name servers of the node{% endif %} and not the cluster's name service{% if address %} {{ address }}{% endif %}; names of Services do not exist there{% if said %}: {{ said }}{% else %}.{% endif %}"
rules_out:
  - {zh: "CoreDNS：查询没有到达它", en: "CoreDNS: the queries do not reach it"}
causes:
  - rule: dns-resolution-failure
    ground: workload
    mechanism: {zh: "查询没有发往集群域名服务", en: "queries do not go to the cluster's name service"}
  - rule: app-upstream-unresolved
    ground: workload
    mechanism: {zh: "所问的服务器不知道集群内的名字", en: "the server that is asked does not know names of the cluster"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "进程因此退出，kubelet 反复重启", en: "the process ends over it and the kubelet restarts it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "依赖的名字无法解析，Pod 不就绪", en: "names that it depends on do not resolve"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "应用不能提供服务", en: "it cannot serve"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "应用不能提供服务", en: "it cannot serve"}
benign:
  - {zh: "只访问外部名字的 Pod 使用 dnsPolicy: Default 是正常的", en: "dnsPolicy: Default is fine for pods that only ask for outside names"}
  - {zh: "DNSConfigForming 事件通常无害", en: "the event DNSConfigForming is mostly harmless"}
remedy:
  - purpose: {zh: "查看 Pod 的 resolv.conf", en: "look at resolv.conf of a pod"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} exec {{ pod or '<POD>' }} -- cat /etc/resolv.conf"
    expect: {zh: "nameserver 不是集群域名服务的地址", en: "nameserver is not the name service's address"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 dnsPolicy 改为 {{ policy }}", en: "set dnsPolicy to {{ policy }}"}
    place: cluster
    risk: change
    when: "settable"
    command: "kubectl -n {{ subject.namespace }} patch {{ resource }} {{ subject.name }} --type=merge -p '{\"spec\":{\"template\":{\"spec\":{\"dnsPolicy\":\"{{ policy|raw }}\",\"dnsConfig\":null}}}}'"
    expect: {zh: "`{{ resource }}/{{ subject.name }} patched`", en: "`{{ resource }}/{{ subject.name }} patched`"}
    verify: {zh: "新 Pod 的 resolv.conf 指向集群域名服务，名字可以解析", en: "resolv.conf of the new pods names the cluster's name service, and names resolve"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
prevention:
  - kind: prevent
    text: {zh: "用准入策略检查 dnsPolicy 与 dnsConfig.nameservers", en: "check dnsPolicy and dnsConfig.nameservers by admission policy"}
    acceptance: {zh: "指向外部 DNS 的测试清单被拒绝", en: "a test manifest that names an outside DNS is refused"}
sources:
  - "kubernetes.io/docs/concepts/services-networking/dns-pod-service: Pod's DNS Policy"
  - "kubernetes pkg/kubelet/network/dns/dns.go"
versions: "Kubernetes 1.9 to 1.36"
examples:
  - name: "dnsPolicy None with a public server, and a name that fails"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"nodeName": "n1", "containers": [{"name": "app"}], "dnsPolicy": "None", "dnsConfig": {"nameservers": ["8.8.8.8"]}}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 4, "state": {"running": {}}}]}}]}'
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
      "logs/web-0.log": |
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
    fires:
      - {kind: "StatefulSet", namespace: "shop", name: "web"}
  - name: "the host network without ClusterFirstWithHostNet"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"nodeName": "n1", "containers": [{"name": "app"}], "dnsPolicy": "ClusterFirst", "hostNetwork": true}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 4, "state": {"running": {}}}]}}]}'
      "logs/web-0.log": |
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
    fires:
      - {kind: "StatefulSet", namespace: "shop", name: "web"}
  - name: "a server of its own that is the name service"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"nodeName": "n1", "containers": [{"name": "app"}], "dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.0.10"], "searches": ["shop.svc.cluster.local"]}}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 4, "state": {"running": {}}}]}}]}'
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
      "logs/web-0.log": |
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
  - name: "a name that fails with the usual policy"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"nodeName": "n1", "containers": [{"name": "app"}], "dnsPolicy": "ClusterFirst"}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 4, "state": {"running": {}}}]}}]}'
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
      "logs/web-0.log": |
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
        dial tcp: lookup db.shop.svc.cluster.local on 10.96.0.10:53: no such host
  - name: "an agent of the host that is well"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"nodeName": "n1", "containers": [{"name": "app"}], "dnsPolicy": "Default"}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": true, "restartCount": 4, "state": {"running": {}}}]}}]}'
      "svc.txt": |
        NAMESPACE     NAME             TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)                  AGE
        kube-system   kube-dns         ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP,9153/TCP   90d
"##;

/// Kinds whose pods are made from a template.
const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// A pod's specification, and whose it is.
struct Spec<'s> {
    workload: Subject,
    object: &'s Object,
    at: &'static str,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let complained = name_complaints(input.snapshot).next().is_some();
    for spec in specs(input.snapshot) {
        // Without any complaint only a policy of `None` can be told to be wrong.
        if !complained && spec.object.text(&format!("{}/dnsPolicy", spec.at)) != "None" {
            continue;
        }
        if !findings.iter().any(|finding| finding.subject == spec.workload) {
            findings.extend(judge(input, rule, &spec));
        }
    }
    findings
}

fn specs(snapshot: &Snapshot) -> Vec<Spec<'_>> {
    let templates = KINDS.iter().flat_map(|kind| snapshot.kind(kind)).map(|object| Spec {
        workload: object.subject(),
        object,
        at: "/spec/template/spec",
    });
    let pods = snapshot.pods().map(|pod| Spec {
        workload: snapshot.top_owner(pod.object),
        object: pod.object,
        at: "/spec",
    });
    templates.chain(pods).collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, spec: &Spec<'_>) -> Option<Finding> {
    let snapshot = input.snapshot;
    let get = |field: &str| spec.object.get(&format!("{}{field}", spec.at));
    let policy = get("/dnsPolicy").and_then(Value::as_str).unwrap_or("");
    let on_host = get("/hostNetwork").and_then(Value::as_bool) == Some(true);
    // As nearly all pods are: nothing more to look at.
    if matches!(policy, "" | "ClusterFirst") && !on_host {
        return None;
    }
    let servers: Vec<&str> = get("/dnsConfig/nameservers")
        .and_then(Value::as_array)
        .map_or(Vec::new(), |list| list.iter().filter_map(Value::as_str).collect());
    let known = dns_addresses(snapshot);
    let complaints = name_complaints_of(snapshot, &spec.workload);
    let fails = !complaints.is_empty() || snapshot.pods_of(&spec.workload).any(|pod| !pod.is_well());
    let asks_others = !servers.iter().any(|server| known.contains(server));
    let (setting, field, right) = match policy {
        "None"
            if fails && !servers.is_empty() && asks_others && (!known.is_empty() || servers.iter().all(is_public)) =>
        {
            (
                format!("dnsPolicy: None, nameservers: {}", servers.join(", ")),
                "dnsConfig",
                if on_host {
                    "ClusterFirstWithHostNet"
                } else {
                    "ClusterFirst"
                },
            )
        }
        "Default" if complaints.iter().any(is_of_cluster) && asks_others => (
            "dnsPolicy: Default".to_owned(),
            "dnsPolicy",
            if on_host {
                "ClusterFirstWithHostNet"
            } else {
                "ClusterFirst"
            },
        ),
        // On the host's network ClusterFirst means Default.
        "" | "ClusterFirst" if on_host && complaints.iter().any(is_of_cluster) && asks_others => (
            "hostNetwork: true, dnsPolicy: ClusterFirst".to_owned(),
            "dnsPolicy",
            "ClusterFirstWithHostNet",
        ),
        _ => return None,
    };
    let confidence = if complaints.is_empty() {
        Confidence::Probable
    } else {
        Confidence::Confirmed
    };
    let resource = spec.workload.kind.to_lowercase();
    let first = complaints.first();
    let said = first
        .and_then(|hit| hit.cite.quote.first())
        .map_or(String::new(), |line| {
            crate::logs::clean_line(&line.text).trim().chars().take(200).collect()
        });
    let mut finding = Finding::new(rule, spec.workload.clone(), confidence)
        .at(format!("{}.{field}", spec.at.trim_start_matches('/').replace('/', ".")))
        .cite(spec.object.cite_at(&format!("{}/{field}", spec.at)))
        .fact("setting", setting)
        .fact("servers", servers)
        .fact("address", known.first().copied().unwrap_or(""))
        .fact("said", said)
        .fact("pod", first.map_or(String::new(), |hit| hit.about.object.name.clone()))
        .fact("policy", right)
        .fact(
            "settable",
            KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(&resource)),
        )
        .fact("resource", resource);
    for hit in complaints.iter().take(3) {
        add_hit(input, &mut finding, hit);
    }
    for pod in snapshot.pods_of(&spec.workload).filter(|pod| !pod.is_well()) {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
    }
    Some(finding)
}

/// True for an address outside the private ranges, where no name service of a cluster is.
fn is_public(server: &&str) -> bool {
    match server.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            !address.is_private() && !address.is_link_local() && !address.is_loopback()
        }
        _ => false,
    }
}

/// True for a complaint about a name that only the cluster has: without a dot, or below `svc`.
fn is_of_cluster(hit: &&Hit) -> bool {
    let name = ["host", "name", "peer"]
        .iter()
        .find_map(|capture| hit.captures.get(*capture));
    name.is_none_or(|name| {
        let name = name.split(':').next().unwrap_or("");
        !name.trim_matches('.').contains('.') || name.contains(".svc")
    })
}
