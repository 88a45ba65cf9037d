//! A mesh's route leads to a subset that no rule defines, or to one whose labels no pod behind the Service has.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::mesh::service_of_host;
use crate::rules::toolbox::peers::behind;
use crate::rules::toolbox::services::{Backend, Fit, backends, fit, same_namespace, selector, service};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: mesh-subset-empty
role: cause
level: critical
needs: [virtualservices]
check:
  zh: 网格路由指向的子集是否有定义、是否有 Pod
  en: whether the subsets that a mesh's routes lead to are defined and have pods
title:
  zh: "VirtualService {{ route }} 指向 {{ host }} 的子集 {{ subset }}，{% if defined %}而没有 Pod 带有它的标签 {{ labels }}{% else %}而没有 DestinationRule 定义它{% endif %}"
  en: "VirtualService {{ route }} leads to subset {{ subset }} of {{ host }}, {% if defined %}whose labels {{ labels }} no pod has{% else %}which no DestinationRule defines{% endif %}"
cause:
  zh: "{% if defined %}DestinationRule {{ rule }} 的子集 {{ subset }} 要求 {{ labels }}，Service {{ host }} 后面的 Pod 都没有这组标签，子集为空：代理对这条路由的请求都答 503（UH），尽管 Service 本身有端点。{% else %}代理没有子集 {{ subset }} 的集群，对这条路由的请求都答 503（NC）。{% endif %}"
  en: "{% if defined %}subset {{ subset }} of DestinationRule {{ rule }} asks for {{ labels }}, which no pod behind Service {{ host }} has, so the subset is empty: the proxy answers every request of this route with 503 (UH) although the Service itself has endpoints.{% else %}the proxy has no cluster for subset {{ subset }} and answers every request of this route with 503 (NC).{% endif %}"
rules_out:
  - {zh: "Service 没有端点：它的选择器选中了 Pod", en: "a Service without endpoints: its selector does select pods"}
causes:
  - rule: app-upstream-refused
    ground: service
    mechanism: {zh: "子集里没有可用的后端", en: "the subset has no backend"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "代理以 503 作答", en: "the proxy answers with 503"}
  - rule: app-bug
    ground: service
    mechanism: {zh: "日志里的错误来自代理的 503", en: "the errors in the log are the proxy's 503"}
  - rule: readiness-probe-failing
    ground: service
    mechanism: {zh: "依赖不可用，就绪探针失败", en: "its dependency is out of reach, so the readiness probe fails"}
benign:
  - {zh: "没有路由使用的子集可以为空", en: "a subset that no route uses may be empty"}
  - {zh: "发布开始之前，金丝雀子集的权重为 0", en: "a canary's subset with weight 0 before its release"}
remedy:
  - purpose: {zh: "查看子集的标签与 Pod 的标签", en: "compare the subset's labels with those of the pods"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get destinationrule,virtualservice -o yaml
      kubectl -n {{ namespace }} get pods --show-labels
    expect: {zh: "没有 Pod 属于子集 {{ subset }}", en: "no pod belongs to subset {{ subset }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正子集的标签，或让路由指向存在的子集", en: "correct the subset's labels, or lead the route to a subset that exists"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ resource }} {{ subject.name }}"
    verify: {zh: "`istioctl proxy-config endpoints` 列出该子集的端点，503 消失", en: "`istioctl proxy-config endpoints` lists endpoints of the subset and the 503 are gone"}
    rollback: {zh: "恢复修改前的值", en: "put the former value back"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中运行 istioctl analyze（IST0101 检查子集）", en: "run istioctl analyze in the pipeline (IST0101 checks subsets)"}
    acceptance: {zh: "指向空子集的提交被拒绝", en: "a change that leads to an empty subset is refused"}
sources:
  - "istio.io/docs/reference/config/networking/destination-rule: Subset; virtual-service: Destination.subset"
  - "envoyproxy.io/docs access log response flags: UH no healthy upstream, NC no cluster found"
versions: "Istio 1.0 to 1.28"
examples:
  - name: the label of the former release
    files:
      mesh.yaml: &mesh |
        apiVersion: v1
        kind: List
        items:
        - apiVersion: networking.istio.io/v1
          kind: DestinationRule
          metadata: {name: till, namespace: shop}
          spec:
            host: till
            subsets:
            - {name: live, labels: {version: v1}}
        - apiVersion: networking.istio.io/v1
          kind: VirtualService
          metadata: {name: till, namespace: shop}
          spec:
            hosts: [till]
            http:
            - route:
              - destination: {host: till, subset: live}
        - apiVersion: v1
          kind: Service
          metadata: {name: till, namespace: shop}
          spec: {selector: {app: till}, ports: [{port: 80}]}
      till.json: '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"till-v2","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"till"}},"template":{"metadata":{"labels":{"app":"till","version":"v2"}},"spec":{"containers":[{"name":"till"}]}}}}'
    fires: [{kind: DestinationRule, namespace: shop, name: till}]
  - name: a pod has the label
    files:
      mesh.yaml: *mesh
      till.json: '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"till-v1","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"till"}},"template":{"metadata":{"labels":{"app":"till","version":"v1"}},"spec":{"containers":[{"name":"till"}]}}}}'
  - name: no rule defines the subset
    files:
      mesh.yaml: |
        apiVersion: v1
        kind: List
        items:
        - apiVersion: networking.istio.io/v1
          kind: DestinationRule
          metadata: {name: till, namespace: shop}
          spec:
            host: till
            subsets:
            - {name: v1, labels: {version: v1}}
        - apiVersion: networking.istio.io/v1
          kind: VirtualService
          metadata: {name: till, namespace: shop}
          spec:
            hosts: [till]
            http:
            - route:
              - destination: {host: till.shop.svc.cluster.local, subset: v2}
    fires: [{kind: VirtualService, namespace: shop, name: till}]
"##;

/// A destination of a route that names a subset.
struct Destination<'s> {
    route: &'s Object,
    pointer: String,
    host: String,
    namespace: String,
    subset: &'s str,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for destination in snapshot.kind("VirtualService").flat_map(destinations) {
        if let Some(finding) = judge(snapshot, rule, &destination)
            && !findings.iter().any(|known| known.subject == finding.subject)
        {
            findings.push(finding);
        }
    }
    findings
}

/// The destinations with a subset that get any traffic.
fn destinations(object: &Object) -> Vec<Destination<'_>> {
    let mut found = Vec::new();
    for protocol in ["http", "tcp", "tls"] {
        for (at, entry) in object.list(&format!("/spec/{protocol}")).iter().enumerate() {
            let routes = entry.get("route").and_then(Value::as_array);
            for (route_at, route) in routes.into_iter().flatten().enumerate() {
                let text = |pointer: &str| route.pointer(pointer).and_then(Value::as_str).unwrap_or("");
                let gets_none = route.get("weight").and_then(Value::as_i64) == Some(0);
                if text("/destination/subset").is_empty() || gets_none {
                    continue;
                }
                let (host, namespace) = service_of_host(text("/destination/host"), &object.key.namespace);
                found.push(Destination {
                    route: object,
                    pointer: format!("/spec/{protocol}/{at}/route/{route_at}/destination"),
                    host,
                    namespace,
                    subset: text("/destination/subset"),
                });
            }
        }
    }
    found
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, wanted: &Destination<'_>) -> Option<Finding> {
    let rules: Vec<&Object> = snapshot
        .kind("DestinationRule")
        .filter(|object| {
            let (host, namespace) = service_of_host(object.text("/spec/host"), &object.key.namespace);
            host == wanted.host && same_namespace(&namespace, &wanted.namespace)
        })
        .collect();
    // Without any rule of this host that defines subsets, the one that does may only not have been collected.
    let first = rules.iter().find(|object| !object.list("/spec/subsets").is_empty())?;
    let defined = rules.iter().find_map(|object| {
        let at = object
            .list("/spec/subsets")
            .iter()
            .position(|subset| subset.get("name").and_then(Value::as_str) == Some(wanted.subset))?;
        Some((*object, at))
    });
    let base = |subject: Subject| {
        Finding::new(rule, subject, Confidence::Confirmed)
            .cite(wanted.route.cite_at(&wanted.pointer))
            .fact(
                "route",
                format!("{}/{}", wanted.route.key.namespace, wanted.route.key.name),
            )
            .fact("host", wanted.host.clone())
            .fact("namespace", wanted.namespace.clone())
            .fact("subset", wanted.subset)
            .touch(Ground::Service, format!("{}/{}", wanted.namespace, wanted.host))
    };
    let Some((object, at)) = defined else {
        let finding = base(wanted.route.subject())
            .at("spec.http[*].route[*].destination.subset")
            .cite(first.cite_at("/spec/subsets"))
            .fact("defined", false)
            .fact("resource", "virtualservice");
        return Some(with_server(snapshot, finding, wanted));
    };
    let labels = object
        .get(&format!("/spec/subsets/{at}/labels"))
        .and_then(Value::as_object)
        .filter(|labels| !labels.is_empty())?;
    let target = service(snapshot, &wanted.namespace, &wanted.host)?;
    let selected_by = selector(target)?;
    let all = backends(snapshot, &wanted.namespace);
    let mut behind_it = all
        .iter()
        .filter(|backend| fit(selected_by, backend) == Fit::Selected)
        .peekable();
    behind_it.peek()?;
    let is_at_zero = |backend: &Backend<'_>| backend.object.int("/spec/replicas") == Some(0);
    // Machines outside the cluster stand behind it too, by the labels of their entries.
    let of_machines = snapshot
        .kind("WorkloadEntry")
        .filter_map(|entry| entry.get("/spec/labels")?.as_object());
    let is_a_machine = of_machines
        .into_iter()
        .any(|own| labels.iter().all(|(key, value)| own.get(key) == Some(value)));
    if is_a_machine || behind_it.any(|backend| fit(labels, backend) != Fit::Refused && !is_at_zero(backend)) {
        return None;
    }
    let shown: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let finding = base(object.subject())
        .at("spec.subsets[*].labels")
        .cite(object.cite_at(&format!("/spec/subsets/{at}/labels")))
        .cite(target.cite_at("/spec/selector"))
        .fact("defined", true)
        .fact("rule", object.key.name.clone())
        .fact("labels", shown.join(", "))
        .fact("resource", "destinationrule");
    Some(with_server(snapshot, finding, wanted))
}

/// The finding, which impairs what stands behind the host.
fn with_server(snapshot: &Snapshot, mut finding: Finding, wanted: &Destination<'_>) -> Finding {
    finding.impair(Subject::namespaced("Service", &wanted.namespace, &wanted.host));
    for owner in behind(snapshot, &wanted.namespace, &wanted.host) {
        finding.touches.extend(workload_touches(snapshot, &owner));
        finding.impair(owner);
    }
    finding
}
