//! A workload behind a Service runs the program of another workload.

use std::cell::LazyCell;

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::{Call, calls};
use crate::rules::toolbox::services::{Backend, Fit, backends, fit, selector};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: wrong-image-deployed
role: cause
level: critical
needs: [services, deployments|statefulsets|pods]
text:
  # grpc-go server.go, grpc-java ServerImpl.java: what a client hears of a server that is another program.
  - id: unknown-method
    in: [container-log]
    pattern: '(?i:unimplemented)[^\n]{0,40}(?:unknown (?:service|method)|Method not found:) (?P<method>[\w./]+)'
check:
  zh: 同一个 Service 后面的工作负载是否运行同一个程序
  en: whether the workloads behind one Service run the same program
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 运行的是 {{ other }} 的镜像 {{ image }}，却{% if sibling %}与 {{ sibling }} 一起{% endif %}在 Service {{ service }} 后面"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} runs {{ image }}, the image of {{ other }}, yet stands behind Service {{ service }}{% if sibling %} beside {{ sibling }}{% endif %}"
cause:
  zh: "{% if not sibling %}Service {{ service }} 的请求都到了 {{ subject.name }}，而它的镜像是 {{ image }}，与 {{ other }} 相同，{% if method %}没有被调用的方法：客户端得到 {{ method }} 不存在的答复{% else %}不在 Service 的端口上监听：客户端的连接被拒绝{% endif %}。{% else %}Service {{ service }} 把请求分给 {{ sibling }}（{{ right }}）与 {{ subject.name }}；后者的镜像是 {{ image }}，与 {{ other }} 相同，不认识这些请求：发往 {{ service }} 的请求有一部分失败（404 或错误的应答）。{% endif %}"
  en: "{% if not sibling %}All requests to Service {{ service }} reach {{ subject.name }}, whose image is {{ image }} like that of {{ other }} {% if method %}and which lacks what they call: clients hear that {{ method }} does not exist{% else %}and which does not listen on the port of the Service: clients are refused{% endif %}.{% else %}Service {{ service }} spreads its requests over {{ sibling }} ({{ right }}) and {{ subject.name }}, whose image is {{ image }} like that of {{ other }} and which does not know them: a part of the requests to {{ service }} fails (404 or wrong answers).{% endif %}"
causes:
  - rule: app-version-incompatible
    ground: workload
    mechanism: {zh: "这个程序没有被调用的方法", en: "this program lacks the method that is called"}
  - rule: app-bug
    ground: service
    mechanism: {zh: "一部分请求到了别的程序", en: "a part of the requests goes to another program"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "一部分请求到了别的程序", en: "a part of the requests goes to another program"}
  - rule: app-upstream-refused
    ground: service
    mechanism: {zh: "一部分请求到了别的程序", en: "a part of the requests goes to another program"}
benign:
  - {zh: "金丝雀运行同一仓库的另一个标签", en: "a canary runs another tag of the same repository"}
  - {zh: "以另一个仓库发布的同一程序（名字不是别的工作负载的名字）", en: "the same program from another repository, which no other workload runs"}
remedy:
  - purpose: {zh: "对照 Service 后面的镜像", en: "compare the images behind the Service"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get deployments,statefulsets -o wide"
    expect: {zh: "{{ subject.name }} 的镜像是 {{ image }}", en: "{{ subject.name }} has {{ image }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先让错误的程序离开流量，再换成正确的镜像", en: "take the wrong program out of the traffic, then give it the right image"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} {% if sibling %}scale {{ resource }} {{ subject.name }} --replicas=0{% else %}rollout undo {{ resource }} {{ subject.name }}{% endif %}"
    expect: {zh: "{% if sibling %}scaled{% else %}rolled back{% endif %}", en: "{% if sibling %}scaled{% else %}rolled back{% endif %}"}
    verify: {zh: "发往 {{ service }} 的请求不再失败", en: "requests to {{ service }} no longer fail"}
    rollback: {zh: "恢复原来的副本数或修订版本", en: "scale back to the former number, or return to the revision before"}
prevention:
  - kind: prevent
    text: {zh: "发布流水线校验镜像仓库名与工作负载一致", en: "let the pipeline check that the repository of an image belongs to the workload"}
    acceptance: {zh: "以别的仓库的镜像发布被拒绝", en: "a release with the image of another repository is refused"}
sources:
  - "kubernetes.io/docs/concepts/services-networking/service: a Service spreads over all pods that its selector matches"
versions: "any"
examples:
  - name: a canary with the image of another program
    files:
      deploy.txt: |
        NAMESPACE   NAME           READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES                     SELECTOR
        t           price          3/3     3            3           41d   app          r.example/t/price:4.1      app=price,track=stable
        t           price-canary   1/1     1            1           2h    app          r.example/t/mailer:4.2     app=price,track=canary
        t           mailer         1/1     1            1           41d   app          r.example/t/mailer:2.0     app=mailer
      svc.txt: |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        t           price   ClusterIP   10.96.1.1    <none>        80/TCP    41d   app=price
    fires: [{kind: Deployment, namespace: t, name: price-canary}]
  - name: a release with the image of another program
    files:
      deploy.txt: |
        NAMESPACE   NAME     READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES                  SELECTOR
        t           stock    1/1     1            1           41d   app          r.example/t/price:4.1   app=stock
        t           price    1/1     1            1           41d   app          r.example/t/price:4.1   app=price
        t           front    1/1     1            1           41d   app          r.example/t/front:2.0   app=front
      svc.txt: |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        t           stock   ClusterIP   10.96.1.1    <none>        80/TCP    41d   app=stock
      logs/front-6bdf8c9d7-jd5lx.log: |
        2026-03-01T10:00:00Z ERROR rpc error: code = Unimplemented desc = unknown service shop.stock.v1.Stock
        2026-03-01T10:00:01Z ERROR rpc error: code = Unimplemented desc = unknown service shop.stock.v1.Stock
    fires: [{kind: Deployment, namespace: t, name: stock}]
  - name: two workloads of one program
    files:
      deploy.txt: |
        NAMESPACE   NAME     READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES                  SELECTOR
        t           worker   1/1     1            1           41d   app          r.example/t/price:4.1   app=worker
        t           price    1/1     1            1           41d   app          r.example/t/price:4.1   app=price
      svc.txt: |
        NAMESPACE   NAME     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        t           worker   ClusterIP   10.96.1.1    <none>        80/TCP    41d   app=worker
  - name: a canary of the next release
    files:
      deploy.txt: |
        NAMESPACE   NAME           READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES                     SELECTOR
        t           price          3/3     3            3           41d   app          r.example/t/price:4.1      app=price,track=stable
        t           price-canary   1/1     1            1           2h    app          r.example/t/price:4.2      app=price,track=canary
        t           mailer         1/1     1            1           41d   app          r.example/t/mailer:2.0     app=mailer
      svc.txt: |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE   SELECTOR
        t           price   ClusterIP   10.96.1.1    <none>        80/TCP    41d   app=price
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let hits = own_hits(input, rule);
    // Gathered only for a Service of which no client hears that it lacks a method, and then once.
    let refused = LazyCell::new(|| {
        calls(input.snapshot)
            .into_iter()
            .filter(|call| call.fails)
            .collect::<Vec<_>>()
    });
    for service in input.snapshot.kind("Service") {
        let by_sibling = judge(input.snapshot, rule, service);
        if let Some(finding) = by_sibling.or_else(|| {
            judge_alone(input, rule, service, &hits, &|| {
                refused.iter().find(|call| call.service.key == service.key)
            })
        }) && !findings.iter().any(|known| known.subject == finding.subject)
        {
            findings.push(finding);
        }
    }
    findings
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, service: &Object) -> Option<Finding> {
    let wanted = selector(service)?;
    let all = backends(snapshot, &service.key.namespace);
    let behind: Vec<&Backend<'_>> = all
        .iter()
        .filter(|backend| fit(wanted, backend) == Fit::Selected && !backend.containers.is_empty())
        .collect();
    let odd = behind.iter().find_map(|backend| {
        let image = repositories(backend);
        // `nginx` without a registry or an owner is anybody's.
        let [repository] = image.as_slice() else { return None };
        if !repository.contains('/') {
            return None;
        }
        // Another workload, which this Service does not select, is called after the program and runs it.
        let other = all.iter().find(|other| {
            fit(wanted, other) == Fit::Refused
                && last_part(repository) == other.subject.name
                && repositories(other).contains(repository)
        })?;
        // One image may serve several workloads, each told by its arguments which of them it is.
        if started(backend) != started(other) {
            return None;
        }
        let sibling = behind.iter().find(|sibling| {
            let own = repositories(sibling);
            sibling.subject != backend.subject
                && own.iter().any(|own| last_part(own) == service.key.name)
                && !own.contains(repository)
        })?;
        Some((*backend, other, *sibling, repository.clone()))
    });
    let (backend, other, sibling, repository) = odd?;
    let image = |backend: &Backend<'_>, is_meant: &dyn Fn(&str) -> bool| {
        let images = backend
            .containers
            .iter()
            .filter_map(|container| container.get("image")?.as_str());
        images
            .filter(|image| is_meant(&repository_of(image)))
            .map(ToOwned::to_owned)
            .next()
            .unwrap_or_default()
    };
    let is_right = |own: &str| last_part(own) == service.key.name;
    let name = format!("{}/{}", service.key.namespace, service.key.name);
    let mut finding = Finding::new(rule, backend.subject.clone(), Confidence::Probable)
        .at("spec.template.spec.containers[*].image")
        .cite(backend.object.cite_at(backend.containers_at))
        .cite(other.object.cite_at(other.containers_at))
        .cite(sibling.object.cite_at(sibling.containers_at))
        .cite(service.cite_at("/spec/selector"))
        .fact("image", image(backend, &|own| own == repository))
        .fact("right", image(sibling, &is_right))
        .fact("other", other.subject.name.clone())
        .fact("sibling", sibling.subject.name.clone())
        .fact("method", "")
        .fact("service", service.key.name.clone())
        .fact("resource", backend.subject.kind.to_lowercase())
        .touch(Ground::Service, name);
    finding.impair(Subject::namespaced(
        "Service",
        &service.key.namespace,
        &service.key.name,
    ));
    finding.impair(sibling.subject.clone());
    Some(finding)
}

/// The one workload behind a Service of its name, which runs the image of another one, and of which clients hear that it lacks what they
/// call.
fn judge_alone<'c>(
    input: &Input<'_>,
    rule: &RuleHeader,
    service: &Object,
    hits: &[&Hit],
    refused: &dyn Fn() -> Option<&'c Call<'c>>,
) -> Option<Finding> {
    let name = &service.key.name;
    // `shop.fx.v1.Rates/Get` is of Service `fx-rates`.
    let is_called = |hit: &&&Hit| {
        let method = hit.captures.get("method").map_or("", String::as_str);
        let words: Vec<&str> = method.split(['.', '/']).collect();
        let is_among = |wanted: &str| words.iter().any(|word| word.eq_ignore_ascii_case(wanted));
        is_among(name) || name.split('-').all(is_among)
    };
    // Or nobody answers at the Service's port, because the other program listens on its own.
    let unknown = hits.iter().find(is_called);
    let refused = if unknown.is_none() { Some(refused()?) } else { None };
    let wanted = selector(service)?;
    let all = backends(input.snapshot, &service.key.namespace);
    let mut behind = all.iter().filter(|backend| fit(wanted, backend) == Fit::Selected);
    let backend = behind.find(|backend| backend.subject.name == *name)?;
    let images = repositories(backend);
    let [repository] = images.as_slice() else { return None };
    let other = all.iter().find(|other| {
        other.subject != backend.subject
            && last_part(repository) == other.subject.name
            && repositories(other).contains(repository)
    })?;
    // One image may serve several workloads, each with arguments of its own, or told by a variable which of them it is.
    if started(backend) != started(other) || is_told_its_role(backend) {
        return None;
    }
    let image = backend
        .containers
        .iter()
        .find_map(|container| container.get("image")?.as_str())?;
    let mut finding = Finding::new(rule, backend.subject.clone(), Confidence::Probable)
        .at("spec.template.spec.containers[*].image")
        .cite(backend.object.cite_at(backend.containers_at))
        .cite(other.object.cite_at(other.containers_at))
        .fact("image", image)
        .fact("right", "")
        .fact("other", other.subject.name.clone())
        .fact("sibling", "")
        .fact("service", name.clone())
        .fact("resource", backend.subject.kind.to_lowercase())
        .fact(
            "method",
            unknown
                .and_then(|hit| hit.captures.get("method").cloned())
                .unwrap_or_default(),
        )
        .touch(Ground::Service, format!("{}/{name}", service.key.namespace));
    if let Some(hit) = unknown {
        add_hit(input, &mut finding, hit);
    }
    if let Some(call) = refused {
        finding.add_cite(call.cite.clone());
    }
    finding.impair(Subject::namespaced("Service", &service.key.namespace, name));
    Some(finding)
}

/// What the containers start.
fn started(backend: &Backend<'_>) -> Vec<Value> {
    let of = |container: &Value| ["command", "args"].map(|field| container.get(field).cloned().unwrap_or_default());
    backend.containers.iter().flat_map(of).collect()
}

/// True where a variable has the workload's own name as its value.
fn is_told_its_role(backend: &Backend<'_>) -> bool {
    let of = |container: &Value| {
        container
            .get("env")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let is_name =
        |variable: &Value| variable.get("value").and_then(Value::as_str) == Some(backend.subject.name.as_str());
    backend
        .containers
        .iter()
        .flat_map(of)
        .any(|variable| is_name(&variable))
}

/// The repositories of the images, without tags and digests; those of sidecars that meshes add are left out.
fn repositories(backend: &Backend<'_>) -> Vec<String> {
    const SIDECARS: [&str; 3] = ["proxyv2", "proxy", "envoy"];
    backend
        .containers
        .iter()
        .filter_map(|container| container.get("image").and_then(Value::as_str))
        .map(repository_of)
        .filter(|repository| !SIDECARS.contains(&last_part(repository)))
        .collect()
}

/// The repository of an image, without tag and digest.
fn repository_of(image: &str) -> String {
    let bare = image.split('@').next().unwrap_or(image);
    match bare.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository.to_owned(),
        _ => bare.to_owned(),
    }
}

fn last_part(repository: &str) -> &str {
    repository.rsplit('/').next().unwrap_or(repository)
}
