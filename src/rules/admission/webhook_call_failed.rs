//! An admission webhook cannot be called, and its failurePolicy refuses everything.

use jiff::SignedDuration;

use crate::cluster::{Hit, Object, Snapshot};
use crate::logs::TextSource;
use crate::model::{Confidence, Subject};
use crate::rules::refused::{has_all_replicas, refused};
use crate::rules::toolbox::services::{Fit, backends, fit, selector, service};
use crate::rules::toolbox::{add_hit, own_hits};
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
  # The API server goes on, after it has waited for timeoutSeconds of the webhook.
  - id: open
    pattern: "failing open [^\\n]{1,200}?: failed calling webhook \\W+(?P<webhook>[^\"\\\\\\s]+)\\W+: (?:failed to call webhook: )?(?:Post \\W*https://(?P<service>[a-z0-9-]+)\\.(?P<in>[a-z0-9-]+)\\.svc[^\\s\"\\\\]*\\W+: ?)?(?P<why>[^\\n]*(?:deadline exceeded|Client\\.Timeout exceeded)[^\\n]*)"
  # What who asked is told when that took longer than the request may.
  - id: late
    pattern: "(?P<late>request did not complete within (?:the )?(?:requested|allotted|allowed) (?:timeout|duration))"
check:
  zh: "准入 webhook 是否可以调用"
  en: "whether admission webhooks can be called"
title:
  zh: "{% if delayed %}准入 webhook {{ webhook }} 不应答（{{ why }}），每个匹配的请求都要等到它超时，{% if workload %}{{ workload }} 等的{% endif %}请求因此超时{% else %}准入 webhook {{ webhook }} 调用失败（{{ why }}），{{ workload }} 等的创建被拒绝{% endif %}"
  en: "{% if delayed %}admission webhook {{ webhook }} does not answer ({{ why }}): every request that matches waits until it times out, and requests{% if workload %} such as of {{ workload }}{% endif %} take too long{% else %}admission webhook {{ webhook }} cannot be called ({{ why }}), so creations such as of {{ workload }} are refused{% endif %}"
cause:
  zh: "API 服务器调用 webhook {{ webhook }}{% if service is defined %}（Service {{ in }}/{{ service }}）{% endif %}失败：{{ why }}。{% if delayed %}其 failurePolicy 为 Ignore，API 服务器等到超时才继续；请求自身的时限在此期间用完，客户端得到 {{ late }}（共 {{ timeouts }} 次）。{% else %}其 failurePolicy 为 Fail，匹配的请求全部被拒绝。{% endif %}"
  en: "the API server cannot call webhook {{ webhook }}{% if service is defined %} (Service {{ in }}/{{ service }}){% endif %}: {{ why }}. {% if delayed %}Its failurePolicy is Ignore, so the API server goes on, but only after the webhook's timeout; the time of the request itself runs out over it, and clients hear {{ late }} ({{ timeouts|times }}).{% else %}Its failurePolicy is Fail, so every request that matches is refused.{% endif %}"
rules_out:
  - {zh: "被创建的工作负载本身：拒绝来自 webhook 的不可用", en: "the workload that is refused: the refusal comes from the webhook being away"}
questions:
  - {zh: "webhook 的 Pod 何时停止？是否被缩容为 0？", en: "when did the webhook's pods stop, and were they scaled to 0?"}
causes:
  - rule: deployment-replicafailure-failedcreate
    ground: workload
    mechanism: {zh: "webhook 不可用：failurePolicy 为 Fail 时准入拒绝，为 Ignore 时请求等到超时，控制器都无法创建 Pod", en: "the webhook is away: with failurePolicy Fail admission refuses what the controller tries to create, with Ignore its requests wait until they time out"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod 就没有可用副本", en: "no pod, no available replica"}
benign:
  - {zh: "副本数已满足的工作负载的旧事件不算", en: "an old event of a workload that has all its replicas since does not count"}
  - {zh: "failurePolicy 为 Ignore 时日志中有同样的文字（failing open），但什么也没有被拒绝", en: "with failurePolicy Ignore the log has the same words (failing open) and nothing is refused"}
  - {zh: "failing open 且没有任何请求超时：只慢，不失败", en: "failing open while no request times out: slower, yet nothing fails"}
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
      - {zh: "failurePolicy 已是 Ignore 而请求仍超时时，恢复之前可先缩短 timeoutSeconds", en: "where failurePolicy is Ignore already and requests time out, shorten timeoutSeconds until it is back"}
      - {zh: "紧急时可先备份再把 failurePolicy 改为 Ignore，恢复后改回", en: "in an emergency, after a backup, set failurePolicy to Ignore, and back again afterwards"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "webhook 至少两个副本并有 PodDisruptionBudget，且排除 kube-system 与自身的命名空间", en: "run webhooks with two replicas and a PodDisruptionBudget, and exclude kube-system and their own namespace"}
    acceptance: {zh: "停掉一个 webhook Pod 时创建不受影响", en: "with one webhook pod stopped, creations go on"}
  - kind: mitigate
    text: {zh: "webhook 的 timeoutSeconds 不超过 5 秒，使多个 webhook 相加仍短于请求的时限", en: "keep timeoutSeconds of webhooks at 5 or less, so that several of them together stay below the time that a request has"}
    acceptance: {zh: "测试 webhook 不应答时，创建 Pod 仍在 10 秒内完成", en: "with a test webhook that does not answer, a pod is still created within 10 seconds"}
  - kind: detect
    text: {zh: "对 webhook 的 Service 没有后端告警", en: "alert when a webhook's Service has no endpoint"}
    acceptance: {zh: "缩容测试 webhook 后 5 分钟内告警", en: "a test webhook scaled to 0 raises the alert within 5 minutes"}
sources:
  - "kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook: `failed calling webhook %q: %v`"
  - "kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go: `Failed calling webhook, failing open %v: %v`"
  - "kubernetes staging/src/k8s.io/apiserver/pkg/endpoints/handlers/finisher/finisher.go: `request did not complete within requested timeout - %s`"
  - "kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers: timeoutSeconds, between 1 and 30, 10 by default"
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
  - name: "failing open after 30 seconds, and creations time out"
    files:
      logs/kube-apiserver.log: |
        W0101 09:00:30.000000 1 dispatcher.go:218] Failed calling webhook, failing open pods.gate.example: failed calling webhook "pods.gate.example": failed to call webhook: Post "https://gate.sec.svc:443/v?timeout=30s": context deadline exceeded
        W0101 09:01:00.000000 1 dispatcher.go:218] Failed calling webhook, failing open pods.gate.example: failed calling webhook "pods.gate.example": failed to call webhook: Post "https://gate.sec.svc:443/v?timeout=30s": context deadline exceeded
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Timeout: request did not complete within requested timeout - context deadline exceeded","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      webhooks.json: '{"kind":"ValidatingWebhookConfigurationList","apiVersion":"v1","items":[{"metadata":{"name":"gate"},"webhooks":[{"name":"pods.gate.example","failurePolicy":"Ignore","timeoutSeconds":30}]}]}'
    fires: [{kind: ValidatingWebhookConfiguration, name: gate}]
  - name: "failing open after its timeout, and nobody times out"
    files:
      logs/kube-apiserver.log: |
        W0101 09:00:30.000000 1 dispatcher.go:218] Failed calling webhook, failing open pods.gate.example: failed calling webhook "pods.gate.example": failed to call webhook: Post "https://gate.sec.svc:443/v?timeout=30s": context deadline exceeded
      webhooks.json: '{"kind":"ValidatingWebhookConfigurationList","apiVersion":"v1","items":[{"metadata":{"name":"gate"},"webhooks":[{"name":"pods.gate.example","failurePolicy":"Ignore","timeoutSeconds":30}]}]}'
  - name: "all replicas are there"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Internal error occurred: failed calling webhook \"pods.gate.example\": Post \"https://gate.sec.svc:443/v\": EOF","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

const KINDS: [&str; 2] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = refused(input, rule, |hit, _| {
        is_of(hit, "call").then(|| subject(snapshot, hit)).flatten()
    });
    for finding in &mut findings {
        finding.facts.insert("delayed".into(), false.into());
    }
    // Where one refuses as well, that is said of it.
    for late in delayed(input, rule) {
        if !findings.iter().any(|known| known.subject == late.subject) {
            findings.push(late);
        }
    }
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

/// True for a match of this signature of the rule.
fn is_of(hit: &Hit, id: &str) -> bool {
    hit.signature.rsplit('/').next() == Some(id)
}

/// The webhooks that the API server waits for in vain before it goes on, while requests take longer than they may.
fn delayed(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let hits = own_hits(input, rule);
    // As for refusals: what a controller was told and has got over since does not count.
    let late: Vec<(&Hit, Option<Subject>)> = hits
        .iter()
        .filter(|hit| is_of(hit, "late"))
        .filter_map(|hit| {
            if !matches!(hit.source, TextSource::Event | TextSource::Status) {
                return Some((*hit, None));
            }
            let owner = snapshot.top_owner_of(&hit.about.object);
            let workload = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
            (!workload.is_some_and(has_all_replicas)).then_some((*hit, Some(owner)))
        })
        .collect();
    let Some((first, _)) = late.first() else {
        return Vec::new();
    };
    // Requests are late of one webhook when that is left out again and again, at the same time.
    let opens: Vec<&Hit> = hits.iter().filter(|hit| is_of(hit, "open")).copied().collect();
    if opens.iter().map(|hit| hit.count).sum::<u64>() < 2 || !late.iter().any(|(late, _)| is_beside(late, &opens)) {
        return Vec::new();
    }
    let words = first.captures.get("late").cloned().unwrap_or_default();
    let timeouts: u64 = late.iter().map(|(hit, _)| hit.count).sum();
    let suffers = late.iter().find_map(|(_, owner)| owner.as_ref());
    let workload = suffers.map_or_else(String::new, |owner| owner.name.clone());
    let mut findings: Vec<Finding> = Vec::new();
    for hit in hits.iter().filter(|hit| is_of(hit, "open")) {
        let Some(subject) = subject(snapshot, hit) else {
            continue;
        };
        if let Some(known) = findings.iter_mut().find(|known| known.subject == subject) {
            add_hit(input, known, hit);
            continue;
        }
        let mut finding = Finding::new(rule, subject, Confidence::Probable)
            .fact("delayed", true)
            .fact("workload", workload.clone())
            .fact("late", words.clone())
            .fact("timeouts", timeouts);
        finding.count = 0;
        add_hit(input, &mut finding, hit);
        for (hit, owner) in &late {
            finding.add_cite_of(&["late", "timeouts"], hit.cite.clone());
            if let Some(owner) = owner {
                finding.touches.extend(crate::rules::Touch::of(owner));
                finding.add_affected(owner.clone());
                finding.add_affected(hit.about.object.clone());
            }
        }
        findings.push(finding);
    }
    findings
}

/// True unless times tell that nothing of `opens` was written near `late`.
fn is_beside(late: &Hit, opens: &[&Hit]) -> bool {
    /// Controllers try again after minutes (`k8s.io/client-go/util/workqueue`).
    const NEAR: SignedDuration = SignedDuration::from_mins(15);
    let ends = |hit: &Hit| {
        [hit.cite.when.clone(), hit.last.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    };
    let of_late = ends(late);
    opens.iter().any(|open| {
        let of_open = ends(open);
        let mut pairs = of_late
            .iter()
            .flat_map(|late| of_open.iter().map(move |open| (late, open)));
        of_late.is_empty() || of_open.is_empty() || pairs.any(|(late, open)| late.gap_to(open).abs() <= NEAR)
    })
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
