//! A Service selects no pod, because its selector and the labels of the pods that it is meant for differ; or it selects pods that are not
//! meant.

use serde_json::Value;

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::toolbox::calls::calls;
use crate::rules::toolbox::services::{
    Backend, Fit, Labels, Target, answering, backends, container_ports, fit, is_near, labels_are_known, ports,
    selector, services_in, shown,
};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: service-selector-mismatch
role: cause
level: critical
needs: [services, pods|deployments|statefulsets|daemonsets]
check:
  zh: Service 的 selector 是否匹配到 Pod
  en: whether each Service's selector matches pods
title:
  zh: "{% if namesake is defined %}Service {{ subject.namespace }}/{{ subject.name }} 的 selector {{ selector }} 太宽，也选中了 {{ candidate_kind|raw }} {{ candidate }} 的 Pod{% else %}Service {{ subject.namespace }}/{{ subject.name }} 的 selector {{ wrong }} 不匹配 {{ candidate_kind|raw }} {{ candidate }} 的标签{% if has %} {{ has }}{% endif %}，{% if role is defined %}写入被送到只跟随的成员{% else %}没有任何后端{% endif %}{% endif %}"
  en: "{% if namesake is defined %}Service {{ subject.namespace }}/{{ subject.name }} selects too much with {{ selector }}: the pods of {{ candidate_kind|raw }} {{ candidate }} too{% else %}Service {{ subject.namespace }}/{{ subject.name }} selects {{ wrong }}, but the pods of {{ candidate_kind|raw }} {{ candidate }} carry {% if has %}{{ has }}{% else %}no such label{% endif %}: {% if role is defined %}writes go to members that only follow{% else %}it has no backend{% endif %}{% endif %}"
cause:
  zh: "{% if namesake is defined %}Service {{ subject.name }} 与 {{ namesake_kind|raw }} {{ namesake }} 同名，selector 却是 {{ selector }}，{{ candidate_kind|raw }} {{ candidate }} 的 Pod（标签 {{ labels }}）也符合，而它们{% if portless %}并不提供这个端口{% else %}另有自己的 Service{% endif %}：一部分请求因此到了不认识它们的程序。{% else %}Service {{ subject.name }} 的 selector 是 {{ selector }}，而 {{ candidate_kind|raw }} {{ candidate }} 的 Pod 标签是 {{ labels }}；{% if role is defined %}它的名字表示接受写入的成员，选中的却是只读的副本，写入因此被拒绝。{% else %}命名空间中没有 Pod 同时具备 selector 的全部标签，因此 Endpoints 为空，连接会被拒绝。{% endif %}{% endif %}"
  en: "{% if namesake is defined %}Service {{ subject.name }} is called after {{ namesake_kind|raw }} {{ namesake }}, yet its selector is {{ selector }}, and the pods of {{ candidate_kind|raw }} {{ candidate }}, with {{ labels }}, fit it as well, although they {% if portless %}do not serve that port{% else %}have a Service of their own{% endif %}: a part of the requests goes to a program that does not know them.{% else %}the selector of Service {{ subject.name }} is {{ selector }}, while the pods of {{ candidate_kind|raw }} {{ candidate }} carry {{ labels }}; {% if role is defined %}its name is that of the member that takes writes, yet it selects those that only follow, which refuse them.{% else %}no pod of the namespace has every label of the selector, so there is no endpoint and connections are refused.{% endif %}{% endif %}"
rules_out:
  - zh: "后端应用自身的故障：{% if namesake is defined %}这些请求{% else %}请求根本{% endif %}到不了它的 Pod"
    en: "a fault of the backend itself: {% if namesake is defined %}these requests do not{% else %}requests never{% endif %} reach its pods"
questions:
  - {zh: "最近改的是 Service 的 selector，还是工作负载的标签？", en: "which was changed last, the Service's selector or the workload's labels?"}
causes:
  - rule: kube-dns-endpoints-empty
    ground: service
    mechanism: {zh: "没有被选中的 Pod 就没有端点", en: "no selected pod, no endpoint"}
  - rule: webhook-call-failed
    ground: service
    mechanism: {zh: "webhook 的 Service 选不中任何 Pod", en: "the webhook's Service selects no pod"}
  - rule: endpoints-missing
    ground: service
    mechanism: {zh: 没有被选中的 Pod 就没有端点, en: "no selected pod, no endpoint"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "选择器选不中 Pod", en: "the selector selects no pod"}
benign:
  - zh: 没有 selector 的 Service（外部地址、ExternalName）自行维护端点
    en: Services without a selector (external addresses, ExternalName) have their endpoints made by hand
  - zh: 金丝雀与主版本在同一个 Service 之后（名字以主版本的名字开头），或同一程序的几个工作负载
    en: a canary beside the release behind one Service (its name begins with the release's), or several workloads of one program
  - zh: 蓝绿或金丝雀中尚未部署的一侧，同一工作负载已被另一个 Service 选中
    en: the side of a blue-green pair that is not deployed, while another Service selects the same workload
remedy:
  - purpose: {zh: 对照 selector 与 Pod 标签, en: compare the selector with the pods' labels}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get pods --show-labels"
    expect: {zh: "Pod 标签与 {{ selector }} 不同", en: "the pods' labels differ from {{ selector }}"}
    verify: {zh: 差异已确认, en: the difference is confirmed}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 把 selector 改为 Pod 实际的标签, en: set the selector to the labels that the pods have}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} patch service {{ subject.name }} --type=json -p {{ patch }}"
    when: 'patch'
    expect: {zh: "`service 已 patched`", en: "`service patched`"}
    verify: {zh: "`kubectl get endpoints {{ subject.name }}` 列出 Pod 地址", en: "`kubectl get endpoints {{ subject.name }}` lists the pods' addresses"}
    rollback: {zh: "用原 selector {{ selector }} 再次 patch", en: "patch again with the old selector {{ selector }}"}
  - purpose: {zh: "给 {{ candidate_kind|raw }} {{ candidate }} 的 Pod 换上不被选中的标签", en: "give the pods of {{ candidate_kind|raw }} {{ candidate }} labels that are not selected"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ candidate_kind|lower|raw }} {{ candidate }}"
    when: 'not patch'
    verify: {zh: "`kubectl get endpoints {{ subject.name }}` 只列出应当应答的 Pod", en: "`kubectl get endpoints {{ subject.name }}` lists only the pods that should answer"}
    rollback: {zh: "恢复原来的标签", en: "put the former labels back"}
prevention:
  - kind: prevent
    text: {zh: 在 CI 中检查每个 Service 的 selector 至少匹配一个工作负载模板, en: check in CI that every Service selector matches a workload template}
    acceptance: {zh: 提交一个错误 selector 时流水线失败, en: a commit with a wrong selector fails the pipeline}
  - kind: detect
    text: {zh: 对没有就绪端点的 Service 告警, en: alert on Services without a ready endpoint}
    acceptance: {zh: 测试 Service 的端点清空后 5 分钟内收到告警, en: a test Service without endpoints raises the alert within 5 minutes}
sources: ["kubernetes pkg/controller/endpointslice: pods are listed by Service.spec.selector", "kubernetes.io/docs/concepts/services-networking/service"]
versions: Kubernetes 1.0 to 1.36
examples:
  - name: "a worker with the labels of the release, and clients that are refused now and then"
    files:
      "all.json": '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"price","namespace":"shop"},"spec":{"clusterIP":"10.96.1.1","selector":{"app":"price"},"ports":[{"port":80,"targetPort":8081}]}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"price","namespace":"shop"},"spec":{"template":{"metadata":{"labels":{"app":"price"}},"spec":{"containers":[{"name":"c","image":"price:1","ports":[{"containerPort":8081}]}]}}}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"price-import","namespace":"shop"},"spec":{"template":{"metadata":{"labels":{"app":"price"}},"spec":{"containers":[{"name":"c","image":"import:1"}]}}}}]}'
      "pods.txt": |
        NAMESPACE   NAME                    READY   STATUS    RESTARTS   AGE
        shop        till-6d5f7c9b8d-x2x9k   1/1     Running   0          41m
      "till-6d5f7c9b8d-x2x9k.log": |
        ERROR no price: connect ECONNREFUSED price:80
        ERROR no price: connect ECONNREFUSED price:80
        ERROR no price: connect ECONNREFUSED price:80
    fires: [{kind: "Service", namespace: "shop", name: "price"}]
  - name: the name of the primary, the selector of its replicas
    files:
      out.txt: |
        $ kubectl get svc -n shop -o wide
        NAME            TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE   SELECTOR
        cache-primary   ClusterIP   10.96.1.1    <none>        6379/TCP   5d    app=cache,role=replica
        cache-replica   ClusterIP   10.96.1.2    <none>        6379/TCP   5d    app=cache,role=replica
        $ kubectl get pods -n shop --show-labels
        NAME              READY   STATUS    RESTARTS   AGE   LABELS
        cache-node-0      1/1     Running   0          38d   app=cache,role=master
        cache-follow-0    1/1     Running   0          38d   app=cache,role=replica
    fires: [{kind: Service, namespace: shop, name: cache-primary}]
  - name: a new workload whose labels fit the selector of an old Service
    files:
      out.txt: |
        $ kubectl get svc -n shop -o wide
        NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        cart    ClusterIP   10.96.1.1    <none>        80/TCP    5d    team=sales,tier=backend
        stats   ClusterIP   10.96.1.2    <none>        80/TCP    1h    app=stats
        $ kubectl get deploy -n shop -o wide
        NAME    READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES      SELECTOR
        cart    1/1     1            1           5d    cart         cart:1      app=cart,team=sales,tier=backend
        stats   1/1     1            1           1h    stats        stats:1     app=stats,team=sales,tier=backend
    fires: [{kind: Service, namespace: shop, name: cart}]
  - name: a release and its canary behind one Service
    files:
      out.txt: |
        $ kubectl get svc -n shop -o wide
        NAME          TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        cart          ClusterIP   10.96.1.1    <none>        80/TCP    5d    app=cart
        cart-canary   ClusterIP   10.96.1.2    <none>        80/TCP    1h    app=cart,track=canary
        $ kubectl get deploy -n shop -o wide
        NAME          READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES      SELECTOR
        cart          1/1     1            1           5d    cart         cart:1      app=cart,track=stable
        cart-canary   1/1     1            1           1h    cart         cart:2      app=cart,track=canary
  - name: one label differs from the Deployment's
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"cart","namespace":"shop"},"spec":{"selector":{"app":"carts"},"ports":[{"port":80}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"cart","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"cart"}},"template":{"metadata":{"labels":{"app":"cart"}}}}}]}'
    fires: [{kind: Service, namespace: shop, name: cart}]
  - name: as tables
    files:
      out.txt: |
        $ kubectl get svc -n shop -o wide
        NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        cart   ClusterIP   10.96.1.1    <none>        80/TCP    5d    app=cart,version=v2
        $ kubectl get pods -n shop --show-labels
        NAME                    READY   STATUS    RESTARTS   AGE   LABELS
        cart-6c8fdd7b9c-8jhnx   1/1     Running   0          38d   app=cart,version=v1
    fires: [{kind: Service, namespace: shop, name: cart}]
  - name: the green side is not deployed and the blue one serves
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"app":"web","color":"blue"},"ports":[{"port":80}]}},{"metadata":{"name":"web-green","namespace":"shop"},"spec":{"selector":{"app":"web","color":"green"},"ports":[{"port":80}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web-blue","namespace":"shop"},"spec":{"template":{"metadata":{"labels":{"app":"web","color":"blue"}}}}}]}'
  - name: pods of which no label is known
    files:
      out.txt: |
        $ kubectl get svc -n shop -o wide
        NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        cart   ClusterIP   10.96.1.1    <none>        80/TCP    5d    app=cart
        $ kubectl get pods -n shop
        NAME                    READY   STATUS    RESTARTS   AGE
        cart-6c8fdd7b9c-8jhnx   1/1     Running   0          38d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("Service")
        .filter_map(|service| judge(input, rule, service))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, service: &Object) -> Option<Finding> {
    let snapshot = input.snapshot;
    let wanted = selector(service)?;
    let candidates = backends(snapshot, &service.key.namespace);
    let answering = answering(snapshot, service);
    let is_empty = answering
        .as_ref()
        .is_some_and(|found| found.ready + found.not_ready == 0);
    // That the endpoints are empty says that nothing is selected, even where some pods' labels are not known.
    let is_taken = |backend: &Backend<'_>| match fit(wanted, backend) {
        Fit::Selected => true,
        Fit::Refused => false,
        _ => !is_empty,
    };
    if candidates.iter().any(is_taken) {
        return wrong_role(rule, service, wanted, &candidates)
            .or_else(|| too_wide(input, rule, service, wanted, &candidates));
    }
    if answering.is_some() && !is_empty {
        return None;
    }
    if answering.is_none() && !labels_are_known(snapshot, &service.key.namespace, &candidates) {
        return None;
    }
    let meant = candidates
        .iter()
        .filter_map(|backend| Some((likeness(input, service, wanted, backend)?, backend)))
        .max_by_key(|(likeness, backend)| (*likeness, std::cmp::Reverse(backend.subject.clone())))?
        .1;
    let wrong: Vec<&String> = wanted
        .iter()
        .filter(|(key, value)| meant.labels.get(*key) != Some(*value))
        .map(|(key, _)| key)
        .collect();
    let pairs = |labels: &Labels| -> Labels {
        labels
            .iter()
            .filter(|(key, _)| wrong.contains(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    let patch =
        serde_json::json!([{"op": "replace", "path": "/spec/selector", "value": corrected(wanted, meant.labels)}]);
    let mut finding = Finding::new(rule, service.subject(), Confidence::Confirmed)
        .at("spec.selector")
        .cite(service.cite_at("/spec/selector"))
        .cite(meant.object.cite_at(meant.labels_at))
        .fact("selector", shown(wanted))
        .fact("labels", shown(meant.labels))
        .fact("wrong", shown(&pairs(wanted)))
        .fact("has", shown(&pairs(meant.labels)))
        .fact("candidate_kind", meant.subject.kind.clone())
        .fact("candidate", meant.subject.name.clone())
        .fact("patch", patch.to_string());
    if let Some(answering) = answering {
        finding.add_cite(answering.cite);
    }
    // The workload itself is well; it is only joined on, so that what it shows of itself stays its own.
    finding.touches.extend(
        crate::rules::Touch::of(&meant.subject)
            .into_iter()
            .filter(|touch| touch.ground == crate::rules::Ground::Object),
    );
    Some(finding)
}

/// What operators and charts call the member that takes writes, and those that only follow it.
const WRITERS: [&str; 7] = ["primary", "master", "leader", "writer", "write", "rw", "main"];
const FOLLOWERS: [&str; 9] = [
    "replica",
    "replicas",
    "slave",
    "secondary",
    "standby",
    "follower",
    "reader",
    "read",
    "ro",
];

/// A Service that is called after the member that takes writes and selects those that follow it, while pods of the other role are there.
fn wrong_role(rule: &RuleHeader, service: &Object, wanted: &Labels, candidates: &[Backend<'_>]) -> Option<Finding> {
    // `main-ro` of a cluster called `main` is for its followers.
    let mut words = service.key.name.split(['-', '.']);
    let of_writers = words.clone().any(|word| WRITERS.contains(&word)) && !words.any(|word| FOLLOWERS.contains(&word));
    let is_of = |value: &serde_json::Value, words: &[&str]| value.as_str().is_some_and(|value| words.contains(&value));
    let (key, follower) = wanted
        .iter()
        .find(|(_, value)| of_writers && is_of(value, &FOLLOWERS))?;
    let rest: Labels = wanted
        .iter()
        .filter(|(other, _)| *other != key)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let writer = candidates.iter().find(|backend| {
        let has = |(key, value): (&String, &serde_json::Value)| backend.labels.get(key) == Some(value);
        rest.iter().all(has) && backend.labels.get(key).is_some_and(|value| is_of(value, &WRITERS))
    })?;
    let has = writer.labels.get(key)?;
    let pair = |value: &serde_json::Value| -> Labels { [(key.clone(), value.clone())].into_iter().collect() };
    let mut selector = wanted.clone();
    selector.insert(key.clone(), has.clone());
    let patch = serde_json::json!([{"op": "replace", "path": "/spec/selector", "value": selector}]);
    Some(
        Finding::new(rule, service.subject(), Confidence::Confirmed)
            .at("spec.selector")
            .cite(service.cite_at("/spec/selector"))
            .cite(writer.object.cite_at(writer.labels_at))
            .fact("selector", shown(wanted))
            .fact("labels", shown(writer.labels))
            .fact("wrong", shown(&pair(follower)))
            .fact("has", shown(&pair(has)))
            .fact("candidate_kind", writer.subject.kind.clone())
            .fact("candidate", writer.subject.name.clone())
            .fact("role", true)
            .fact("patch", patch.to_string()),
    )
}

/// A Service that is called after one workload and selects the pods of another besides, which has a Service of its own.
fn too_wide(
    input: &Input<'_>,
    rule: &RuleHeader,
    service: &Object,
    wanted: &Labels,
    candidates: &[Backend<'_>],
) -> Option<Finding> {
    let name = service.key.name.as_str();
    let selected = |backend: &&Backend<'_>| fit(wanted, backend) == Fit::Selected;
    let declares = |backend: &&Backend<'_>| {
        ports(service).iter().any(|offered| {
            container_ports(backend.containers)
                .iter()
                .any(|(name, number, _)| match offered.target {
                    Some(Target::Number(wanted)) => *number == wanted,
                    Some(Target::Name(wanted)) => *name == wanted,
                    None => false,
                })
        })
    };
    let namesake = candidates
        .iter()
        .find(|backend| backend.subject.name == name && selected(backend));
    // Where nobody is called as the Service is, it is for the only one that declares its port.
    let own = namesake.or_else(|| {
        let mut serving = candidates.iter().filter(selected).filter(declares);
        match (serving.next(), serving.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    })?;
    let programs = |backend: &Backend<'_>| -> Vec<String> {
        let images = backend
            .containers
            .iter()
            .filter_map(|container| container.get("image")?.as_str());
        images
            .map(|image| image.split(['@', ':']).next().unwrap_or(image).to_owned())
            .collect()
    };
    // What declares none of the ports at which the release serves, while callers of the Service are refused now and then.
    let is_refused = || {
        calls(input.snapshot)
            .iter()
            .any(|call| call.fails && call.service.key == service.key)
    };
    // What is run of an image, where that is told.
    let runs = |backend: &Backend<'_>| -> Vec<String> {
        let told = |container: &Value| {
            let parts = ["command", "args"].iter().filter_map(|key| container.get(*key));
            parts.map(ToString::to_string).collect::<String>()
        };
        backend.containers.iter().map(told).collect()
    };
    let takes_none = |backend: &Backend<'_>| {
        let ports = container_ports(own.containers);
        !ports.is_empty()
            && !backend.containers.is_empty()
            && (programs(backend) != programs(own) || runs(backend) != runs(own))
            && !ports.iter().any(|(_, port, _)| names_port(backend, *port))
            && input.snapshot.pods_of(&own.subject).all(|pod| pod.is_well())
            && is_refused()
    };
    // A canary is called after its release, and runs the same program.
    let is_other = |backend: &&Backend<'_>| {
        if fit(wanted, backend) == Fit::Selected && backend.subject != own.subject && takes_none(backend) {
            return true;
        }
        !backend.subject.name.starts_with(name)
            && !name.starts_with(backend.subject.name.as_str())
            && (programs(backend).is_empty() || programs(backend) != programs(own))
            && fit(wanted, backend) == Fit::Selected
            && services_in(input.snapshot, &service.key.namespace).any(|other| {
                other.key.name == backend.subject.name
                    && selector(other)
                        .is_some_and(|labels| fit(labels, backend) == Fit::Selected && fit(labels, own) == Fit::Refused)
            })
    };
    let other = candidates.iter().find(is_other)?;
    // What tells the two apart, beside what the selector has already; where nothing does, the other one needs labels of its own.
    let apart = own
        .labels
        .iter()
        .find(|(key, value)| key.as_str() != "pod-template-hash" && other.labels.get(*key) != Some(*value));
    let patch = apart.map_or_else(String::new, |(key, value)| {
        let mut narrower = wanted.clone();
        narrower.insert(key.clone(), value.clone());
        serde_json::json!([{"op": "replace", "path": "/spec/selector", "value": narrower}]).to_string()
    });
    let mut finding = Finding::new(rule, service.subject(), Confidence::Probable)
        .at("spec.selector")
        .cite(service.cite_at("/spec/selector"))
        .cite(other.object.cite_at(other.labels_at))
        .cite(own.object.cite_at(own.labels_at))
        .fact("selector", shown(wanted))
        .fact("labels", shown(other.labels))
        .fact("candidate_kind", other.subject.kind.clone())
        .fact("candidate", other.subject.name.clone())
        .fact("namesake_kind", own.subject.kind.clone())
        .fact("namesake", own.subject.name.clone())
        .fact("portless", takes_none(other))
        .fact("patch", patch);
    finding.impair(service.subject());
    finding.impair(own.subject.clone());
    Some(finding)
}

/// True when a container's settings have the number anywhere: among its ports, in a probe, an argument or a variable.
fn names_port(backend: &Backend<'_>, port: i64) -> bool {
    let digits = port.to_string();
    backend.containers.iter().any(|container| {
        let settings = container.to_string();
        settings
            .split(|sign: char| !sign.is_ascii_digit())
            .any(|part| part == digits)
    })
}

/// How surely the Service is meant for this backend; none when it is not.
fn likeness(input: &Input<'_>, service: &Object, wanted: &Labels, backend: &Backend<'_>) -> Option<u8> {
    let name = service.key.name.as_str();
    let same_name = backend.subject.name == name || backend.labels.values().any(|value| value.as_str() == Some(name));
    // A whole release has these in common.
    let is_of_release = |key: &str| {
        matches!(
            key,
            "app.kubernetes.io/instance"
                | "app.kubernetes.io/part-of"
                | "app.kubernetes.io/managed-by"
                | "release"
                | "heritage"
                | "helm.sh/chart"
        )
    };
    let shared = wanted
        .iter()
        .any(|(key, value)| backend.labels.get(key) == Some(value) && !is_of_release(key));
    let near = wanted.iter().any(|(key, value)| {
        let has = backend.labels.get(key).and_then(|value| value.as_str()).unwrap_or("");
        is_near(value.as_str().unwrap_or(""), has)
    });
    let taken = services_in(input.snapshot, &service.key.namespace)
        .filter(|other| other.key != service.key)
        .any(|other| selector(other).is_some_and(|labels| fit(labels, backend) != Fit::Refused));
    match (same_name, shared, near, taken) {
        (true, true, ..) => Some(4),
        (true, false, ..) => Some(3),
        (false, true, _, false) => Some(2),
        (false, false, true, false) => Some(1),
        _ => None,
    }
}

/// The selector with the pods' own values; keys that they lack are dropped.
fn corrected(wanted: &Labels, labels: &Labels) -> Labels {
    let kept: Labels = wanted
        .keys()
        .filter_map(|key| Some((key.clone(), labels.get(key)?.clone())))
        .collect();
    if !kept.is_empty() {
        return kept;
    }
    labels
        .iter()
        .filter(|(key, _)| key.as_str() != "pod-template-hash")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
