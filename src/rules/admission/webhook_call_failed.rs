//! An admission webhook cannot be called, and its failurePolicy refuses everything.

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::Subject;
use crate::rules::refused::refused;
use crate::rules::toolbox::services::{Fit, backends, fit, selector, service};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: webhook-call-failed
role: cause
level: critical
needs: [events|kube-apiserver-log|deployments|replicasets]
text:
  - id: call
    pattern: "(?:Internal error occurred: )?failed calling webhook \\W+(?P<webhook>[^\"\\\\\\s]+)\\W+: (?:failed to call webhook: )?(?:Post \\W*https://(?P<service>[a-z0-9-]+)\\.(?P<in>[a-z0-9-]+)\\.svc[^\\s\"\\\\]*\\W+: ?)?(?P<why>[^\\n]+)"
    unless: "failing open"
check:
  zh: "准入 webhook 是否可以调用"
  en: "whether admission webhooks can be called"
title:
  zh: "准入 webhook {{ webhook }} 调用失败（{{ why }}），{{ workload }} 等的创建被拒绝"
  en: "admission webhook {{ webhook }} cannot be called ({{ why }}), so creations such as of {{ workload }} are refused"
cause:
  zh: "API 服务器调用 webhook {{ webhook }}{% if service is defined %}（Service {{ in }}/{{ service }}）{% endif %}失败：{{ why }}。其 failurePolicy 为 Fail，匹配的请求全部被拒绝。"
  en: "the API server cannot call webhook {{ webhook }}{% if service is defined %} (Service {{ in }}/{{ service }}){% endif %}: {{ why }}. Its failurePolicy is Fail, so every request that matches is refused."
rules_out:
  - {zh: "被创建的工作负载本身：拒绝来自 webhook 的不可用", en: "the workload that is refused: the refusal comes from the webhook being away"}
questions:
  - {zh: "webhook 的 Pod 何时停止？是否被缩容为 0？", en: "when did the webhook's pods stop, and were they scaled to 0?"}
causes:
  - rule: deployment-replicafailure-failedcreate
    ground: workload
    mechanism: {zh: "其 failurePolicy 为 Fail，准入拒绝使控制器无法创建 Pod", en: "its failurePolicy is Fail, so admission refuses what the controller tries to create"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod 就没有可用副本", en: "no pod, no available replica"}
benign:
  - {zh: "副本数已满足的工作负载的旧事件不算", en: "an old event of a workload that has all its replicas since does not count"}
  - {zh: "failurePolicy 为 Ignore 时日志中有同样的文字（failing open），但什么也没有被拒绝", en: "with failurePolicy Ignore the log has the same words (failing open) and nothing is refused"}
remedy:
  - purpose: {zh: "查看 webhook 配置与其 Service 的后端", en: "look at the webhook's configuration and the endpoints of its Service"}
    place: cluster
    risk: read-only
    command: |
      kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations
      {% if service is defined %}kubectl -n {{ in }} get endpoints,pods{% endif %}
    expect: {zh: "没有就绪的后端，或 caBundle 不符", en: "no ready endpoint, or a caBundle that does not fit"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复提供 webhook 的工作负载", en: "bring the workload that serves the webhook back"}
    place: cluster
    risk: change
    command: "{% if backend %}kubectl -n {{ in }} scale {{ backend|raw }} --replicas=1{% else %}kubectl -n <NAMESPACE> rollout restart deployment <WEBHOOK_DEPLOYMENT>{% endif %}"
    expect: {zh: "`scaled 或 restarted`", en: "`scaled or restarted`"}
    verify: {zh: "webhook 的 Pod 就绪，新 Pod 可以创建", en: "the webhook's pods are ready and new pods can be created"}
    rollback: {zh: "恢复原来的副本数", en: "set the former number of replicas"}
    notes:
      - {zh: "紧急时可先备份再把 failurePolicy 改为 Ignore，恢复后改回", en: "in an emergency, after a backup, set failurePolicy to Ignore, and back again afterwards"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "webhook 至少两个副本并有 PodDisruptionBudget，且排除 kube-system 与自身的命名空间", en: "run webhooks with two replicas and a PodDisruptionBudget, and exclude kube-system and their own namespace"}
    acceptance: {zh: "停掉一个 webhook Pod 时创建不受影响", en: "with one webhook pod stopped, creations go on"}
  - kind: detect
    text: {zh: "对 webhook 的 Service 没有后端告警", en: "alert when a webhook's Service has no endpoint"}
    acceptance: {zh: "缩容测试 webhook 后 5 分钟内告警", en: "a test webhook scaled to 0 raises the alert within 5 minutes"}
sources: ["kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook: `failed calling webhook %q: %v`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event, no endpoints"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Internal error occurred: failed calling webhook \"pods.gate.example\": failed to call webhook: Post \"https://gate.sec.svc:443/validate?timeout=5s\": no endpoints available for service \"gate\"","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      webhooks.json: '{"kind":"ValidatingWebhookConfigurationList","apiVersion":"v1","items":[{"metadata":{"name":"gate"},"webhooks":[{"name":"pods.gate.example"}]}]}'
    fires: [{kind: ValidatingWebhookConfiguration, name: gate}]
  - name: "the configuration was not collected"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Internal error occurred: failed calling webhook \"pods.gate.example\": Post \"https://gate.sec.svc:443/validate?timeout=5s\": x509: certificate signed by unknown authority","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Service, namespace: sec, name: gate}]
  - name: "the Service selects a Deployment of another name"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Internal error occurred: failed calling webhook \"pods.gate.example\": failed to call webhook: Post \"https://gate-svc.sec.svc:443/validate?timeout=5s\": dial tcp 10.96.0.9:443: connect: connection refused","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"gate-svc","namespace":"sec"},"spec":{"selector":{"part":"admission"},"ports":[{"port":443}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"gate-admission","namespace":"sec"},"spec":{"replicas":0,"template":{"metadata":{"labels":{"part":"admission"}}}}}]}'
      webhooks.txt: |
        Name:         gate-pods
        Namespace:
        Labels:       <none>
        API Version:  admissionregistration.k8s.io/v1
        Kind:         ValidatingWebhookConfiguration
        Webhooks:
          Client Config:
            Service:
              Name:        gate-svc
              Namespace:   sec
              Port:        443
          Failure Policy:  Fail
          Name:            pods.gate.example
        Events:            <none>
    fires: [{kind: ValidatingWebhookConfiguration, name: gate-pods}]
  - name: "failing open"
    files:
      logs/kube-apiserver.log: |
        W0101 09:00:00.000000 1 dispatcher.go:174] Failed calling webhook, failing open pods.gate.example: failed calling webhook "pods.gate.example": failed to call webhook: Post "https://gate.sec.svc:443/v": EOF
  - name: "all replicas are there"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Internal error occurred: failed calling webhook \"pods.gate.example\": Post \"https://gate.sec.svc:443/v\": EOF","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

const KINDS: [&str; 2] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = refused(input, rule, |hit, _| subject(snapshot, hit));
    for finding in &mut findings {
        let text = |name: &str| {
            finding
                .facts
                .get(name)
                .and_then(|value| value.as_str())
                .unwrap_or("")
                .to_owned()
        };
        let (service, namespace) = (text("service"), text("in"));
        let backend = backend(snapshot, &namespace, &service);
        let name = backend
            .as_ref()
            .map(|found| {
                let kind = found.kind.to_lowercase();
                format!("{kind}/{}", crate::rules::shell_quote(&found.name))
            })
            .unwrap_or_default();
        finding.facts.insert("backend".into(), name.into());
        finding.path = "webhooks[*].clientConfig".to_owned();
        if !service.is_empty() {
            let service = Subject::namespaced("Service", &namespace, &service);
            finding.touches.extend(crate::rules::Touch::of(&service));
            finding.blame(service);
        }
        // Whatever ails what stands behind the webhook explains that it cannot be called.
        if let Some(backend) = backend {
            finding.touches.extend(crate::rules::Touch::of(&backend));
            if let Some(object) = snapshot.object(&backend.kind, &backend.namespace, &backend.name) {
                finding.add_cite(object.cite_at("/spec/replicas"));
            }
            finding.blame(backend);
        }
    }
    findings
}

/// The workload that the webhook's Service selects, else the one that is called like it.
fn backend(snapshot: &Snapshot, namespace: &str, name: &str) -> Option<Subject> {
    if name.is_empty() {
        return None;
    }
    let service = service(snapshot, namespace, name);
    let wanted = service.and_then(selector);
    let selected = wanted.and_then(|wanted| {
        backends(snapshot, namespace)
            .into_iter()
            .find(|backend| fit(wanted, backend) == Fit::Selected && backend.subject.kind != "Pod")
    });
    selected
        .map(|backend| backend.subject)
        .or_else(|| Some(snapshot.object("Deployment", namespace, name)?.subject()))
}

/// The configuration that has a webhook of this name, else the one that is called like its Service, else the Service.
fn subject(snapshot: &Snapshot, hit: &Hit) -> Option<Subject> {
    let webhook = hit.captures.get("webhook")?;
    let service = hit.captures.get("service").map_or("", String::as_str);
    let all = || KINDS.iter().flat_map(|kind| snapshot.kind(kind));
    // A description with one webhook shows it where others have a list.
    let names = |object: &&Object| {
        object
            .list("/webhooks")
            .iter()
            .chain(object.get("/webhooks"))
            .any(|entry| entry.get("name").and_then(|name| name.as_str()) == Some(webhook))
    };
    let named = all()
        .find(names)
        .or_else(|| all().find(|object| !service.is_empty() && object.key.name == *service));
    match (named, hit.captures.get("in")) {
        (Some(object), _) => Some(object.subject()),
        (None, Some(namespace)) => Some(Subject::namespaced("Service", namespace, service)),
        (None, None) => Some(Subject::cluster("ValidatingWebhookConfiguration", webhook)),
    }
}
