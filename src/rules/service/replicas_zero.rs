//! A workload that something needs is scaled to zero.

use std::collections::BTreeSet;

use crate::cluster::{Event, Object};
use crate::logs::Stream;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::backlogs::backlog_of;
use crate::rules::toolbox::calls::calls;
use crate::rules::toolbox::errors::troubled;
use crate::rules::toolbox::names::dns_service;
use crate::rules::toolbox::references::{Reference, Resolved, references};
use crate::rules::toolbox::services::{Fit, answering, backends, fit, is_near, same_namespace, selector, services_in};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: replicas-zero
role: cause
level: critical
needs: [deployments|statefulsets]
text:
  - id: backlog
    in: [container-log, event, other]
    pattern: '(?i)\b(?P<said>(?:backlog|queue[ _-]?(?:depth|length|size|lag|high|growing|full)|consumer[ _-]?lag|(?:messages|tasks|jobs|events|items|results|requests) (?:are )?(?:waiting|pending|queued|piling up|not (?:being )?(?:consumed|processed|picked up))|unprocessed (?:messages|tasks|jobs|events|items)|not consumed|still (?:pending|queued|waiting|unprocessed))\b[^\n]{0,200})'
  - id: nobody
    in: [container-log, event, other]
    pattern: '(?i)(?P<said>\bno (?:active |available |running |registered |online |live )?(?:consumers?|subscribers?|workers?|runners?|pollers?|listeners?)\b[^\n]{0,160}|consumer group ''?[\w.-]+''? has no active members[^\n]{0,80}|\bconsumers"?[=:] ?0\b[^\n]{0,80})'
  - id: idle-queue
    in: [container-log, other]
    pattern: '^(?P<said>[A-Za-z][A-Za-z0-9_.-]{2,60}\t(?:[0-9]+\t)*[1-9][0-9]*\t(?:[0-9]+\t)*0\trunning\b)'
check:
  zh: 被依赖的工作负载的副本数是否为 0
  en: whether workloads that are needed are scaled to zero
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的副本数为 0，{% if backlog %}没有人处理它的队列{% elif service %}{{ service_kind|raw }} {{ service }} 后面没有 Pod{% else %}不久前刚被缩容{% endif %}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} is scaled to 0 replicas: {% if backlog %}nobody works on its queue{% elif service %}no pod stands behind {{ service_kind|raw }} {{ service }}{% else %}it was scaled down a short while ago{% endif %}"
cause:
  zh: "{{ subject.kind|raw }} {{ subject.name }} 的 spec.replicas 为 0{% if backlog %}，而 {{ who|raw }} 写出 {{ backlog }}{% elif service %}，而 {{ service_kind|raw }} {{ service }} 需要它的 Pod{% endif %}{% if event %}；事件：{{ event }}{% endif %}。"
  en: "spec.replicas of {{ subject.kind|raw }} {{ subject.name }} is 0{% if backlog %}, while {{ who|raw }} writes {{ backlog }}{% elif service %}, while {{ service_kind|raw }} {{ service }} needs its pods{% endif %}{% if event %}; event: {{ event }}{% endif %}."
rules_out:
  - zh: 调度、镜像与崩溃：没有要求任何 Pod，也就没有 Pod 失败
    en: "scheduling, images and crashes: no pod is asked for, so none fails"
questions:
  - {zh: 谁在什么时候把它缩到 0，是否有意？, en: "who scaled it to 0, when, and on purpose?"}
causes:
  - rule: coredns-pod-unhealthy
    ground: workload
    mechanism: {zh: "副本数为 0，没有 Pod", en: "with 0 replicas there is no pod"}
  - rule: kube-dns-endpoints-empty
    ground: service
    mechanism: {zh: "没有 Pod 就没有端点", en: "no pod, no endpoint"}
  - rule: webhook-call-failed
    ground: workload
    mechanism: {zh: "提供 webhook 的工作负载没有 Pod", en: "the workload that serves the webhook has no pods"}
  - rule: webhook-call-failed
    ground: service
    mechanism: {zh: "提供 webhook 的工作负载没有 Pod", en: "the workload that serves the webhook has no pods"}
  - rule: endpoints-missing
    ground: service
    mechanism: {zh: 没有 Pod 就没有端点, en: "no pod, no endpoint"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 没有就绪的 Pod", en: "the webhook has no ready pod"}
benign:
  - zh: 没有 Service 需要、也没有积压的工作负载，以及由 KEDA 或 Knative 缩到 0 的
    en: a workload that no Service needs and that leaves no backlog, or that KEDA or Knative scales to zero
remedy:
  - purpose: {zh: 确认副本数与来历, en: confirm the replicas and where they come from}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe {{ resource }} {{ subject.name }}"
    expect: {zh: "Replicas 为 0 desired；事件中有 Scaled down", en: "Replicas: 0 desired; a Scaled down event"}
    verify: {zh: 来历已记录, en: where it comes from is on record}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 恢复副本数, en: scale it up again}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} scale {{ resource }} {{ subject.name }} --replicas={{ replicas }}"
    expect: {zh: scaled, en: scaled}
    verify: {zh: Pod 就绪且端点不为空, en: its pods are ready and the endpoints are not empty}
    rollback: {zh: "--replicas=0", en: "--replicas=0"}
prevention:
  - kind: detect
    text: {zh: 对有 Service 而期望副本数为 0 的工作负载告警, en: alert on workloads with a Service and 0 desired replicas}
    acceptance: {zh: 把测试工作负载缩到 0，5 分钟内收到告警, en: scaling a test workload to 0 raises the alert within 5 minutes}
sources: ["kubernetes apps/v1 DeploymentSpec.replicas", "kubernetes pkg/controller/deployment: event ScalingReplicaSet `Scaled %s replica set %s from %d to %d`"]
versions: Kubernetes 1.9 to 1.36
examples:
  - name: a Service selects its pods
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"geo","namespace":"hotel"},"spec":{"selector":{"app":"geo"},"ports":[{"port":8083}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"geo","namespace":"hotel"},"spec":{"replicas":0,"template":{"metadata":{"labels":{"app":"geo"}}}}}]}'
    fires: [{kind: Deployment, namespace: hotel, name: geo}]
  - name: as tables, by the name
    files:
      out.txt: |
        $ kubectl get deploy,svc,ep -n sec
        NAME                      READY   UP-TO-DATE   AVAILABLE   AGE
        deployment.apps/gate      0/0     0            0           90d
        deployment.apps/scanner   1/1     1            1           90d

        NAME           TYPE        CLUSTER-IP      EXTERNAL-IP   PORT(S)   AGE
        service/gate   ClusterIP   10.108.77.30    <none>        443/TCP   90d

        NAME             ENDPOINTS   AGE
        endpoints/gate   <none>      90d
    fires: [{kind: Deployment, namespace: sec, name: gate}]
  - name: a worker whose queue grows
    files:
      out.txt: |
        $ kubectl get deploy,pods -n shop
        NAME                          READY   UP-TO-DATE   AVAILABLE   AGE
        deployment.apps/api           1/1     1            1           90d
        deployment.apps/mail-worker   0/0     0            0           90d

        NAME                       READY   STATUS    RESTARTS   AGE
        pod/api-6bdf8c9d7-jd5lx    1/1     Running   0          90d
      api-6bdf8c9d7-jd5lx.log: |
        2026-03-01T10:00:00Z WARN queue depth 11510 in mail, growing
        2026-03-01T10:01:00Z WARN queue depth 12210 in mail, growing
        2026-03-01T10:02:00Z WARN queue depth 12990 in mail, growing
    fires: [{kind: Deployment, namespace: shop, name: mail-worker}]
  - name: the queue that grows is another's
    files:
      out.txt: |
        $ kubectl get deploy,pods -n shop
        NAME                          READY   UP-TO-DATE   AVAILABLE   AGE
        deployment.apps/api           1/1     1            1           90d
        deployment.apps/mail-worker   0/0     0            0           90d

        NAME                       READY   STATUS    RESTARTS   AGE
        pod/api-6bdf8c9d7-jd5lx    1/1     Running   0          90d
      api-6bdf8c9d7-jd5lx.log: |
        2026-03-01T10:00:00Z WARN queue depth 11510 in thumbnails, growing
        2026-03-01T10:01:00Z WARN queue depth 12210 in thumbnails, growing
  - name: a worker whose queues nobody reads, as the broker lists them
    files:
      transcript.txt: |
        $ kubectl get deploy -n comms
        NAME              READY   UP-TO-DATE   AVAILABLE   AGE
        mail-dispatcher   0/0     0            0           412d
        $ kubectl exec -n comms rabbitmq-0 -c rabbitmq -- rabbitmqctl list_queues -q name messages_ready consumers state
        name	messages_ready	consumers	state
        sms.bulk	0	4	running
        mail.bulk	148213	0	running
    fires: [{kind: Deployment, namespace: comms, name: mail-dispatcher}]
  - name: a worker called after what others wait for
    files:
      out.txt: |
        $ kubectl get deploy,pods -n shop
        NAME                            READY   UP-TO-DATE   AVAILABLE   AGE
        deployment.apps/api             1/1     1            1           90d
        deployment.apps/badge-printer   0/0     0            0           90d

        NAME                       READY   STATUS    RESTARTS   AGE
        pod/api-6bdf8c9d7-jd5lx    1/1     Running   0          90d
      api-6bdf8c9d7-jd5lx.log: |
        2026-03-01T10:00:00Z WARN Badge for visitor 4411 still PENDING after 30 min
        2026-03-01T10:01:00Z WARN Badge for visitor 4412 still PENDING after 30 min
    fires: [{kind: Deployment, namespace: shop, name: badge-printer}]
  - name: out of season, and nobody misses it
    files:
      out.txt: |
        $ kubectl get pods,deploy,svc,ep -n museum
        NAME                           READY   STATUS    RESTARTS   AGE
        pod/shop-7c9d6b5f48-2xk7p      1/1     Running   0          90d

        NAME                      READY   UP-TO-DATE   AVAILABLE   AGE
        deployment.apps/kiosk     0/0     0            0           400d
        deployment.apps/shop      1/1     1            1           400d

        NAME            TYPE        CLUSTER-IP      EXTERNAL-IP   PORT(S)    AGE
        service/kiosk   ClusterIP   10.108.77.30    <none>        8080/TCP   400d

        NAME              ENDPOINTS   AGE
        endpoints/kiosk   <none>      400d
      logs/museum/shop-7c9d6b5f48-2xk7p/shop.log: |
        2026-03-01T10:00:00Z INFO GET /tickets 200
        2026-03-01T10:00:01Z INFO GET /tickets 200
  - name: a worker that nothing needs
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"geo","namespace":"hotel"},"spec":{"selector":{"app":"geo"},"ports":[{"port":8083}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"batch","namespace":"hotel"},"spec":{"replicas":0,"template":{"metadata":{"labels":{"app":"batch"}}}}}]}'
  - name: the old side of a pair behind one Service
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"geo","namespace":"hotel"},"spec":{"selector":{"app":"geo"},"ports":[{"port":8083}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"geo-v1","namespace":"hotel"},"spec":{"replicas":0,"template":{"metadata":{"labels":{"app":"geo","v":"1"}}}}},{"metadata":{"name":"geo-v2","namespace":"hotel"},"spec":{"replicas":2,"template":{"metadata":{"labels":{"app":"geo","v":"2"}}}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = ["Deployment", "StatefulSet"]
        .iter()
        .flat_map(|kind| input.snapshot.kind(kind))
        .filter(|workload| workload.int("/spec/replicas") == Some(0) && !scales_to_zero(input, workload))
        .filter_map(|workload| {
            judge(input, rule, workload)
                .or_else(|| left_undone(input, rule, workload))
                .or_else(|| scaled_down(input, rule, workload))
        })
        .collect();
    // Beside what was scaled down a short while ago, what nobody names has rested all the time.
    let has_event = |finding: &Finding| finding.facts.get("event").and_then(|event| event.as_str()) != Some("");
    if findings.iter().any(has_event) {
        let named: BTreeSet<Subject> = (calls(input.snapshot).iter())
            .map(|call| call.service.subject())
            .collect();
        let is_called = |finding: &Finding| {
            let service = finding
                .facts
                .get("service")
                .and_then(|name| name.as_str())
                .unwrap_or("");
            let kind = finding
                .facts
                .get("service_kind")
                .and_then(|kind| kind.as_str())
                .unwrap_or("");
            named.contains(&Subject::namespaced(kind, &finding.subject.namespace, service))
        };
        findings.retain(|finding| {
            has_event(finding) || is_called(finding) || finding.facts.get("backlog") != Some(&"".into())
        });
    }
    findings
}

/// What ran until a short while ago, while others are in trouble now. Who follows a queue or a stream has no Service, and nobody names it.
fn scaled_down(input: &Input<'_>, rule: &RuleHeader, workload: &Object) -> Option<Finding> {
    let snapshot = input.snapshot;
    let last = workload.key.name.rsplit('-').next().unwrap_or("");
    let is_version = last
        .strip_prefix('v')
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    // The other half of a rollout rests when it is done.
    if is_version || HALVES.contains(&last) || troubled(snapshot).is_empty() {
        return None;
    }
    let event = to_zero(input, workload)?;
    let before = count_before(event).filter(|count| *count > 0)?;
    let finding = Finding::new(rule, workload.subject(), Confidence::Possible)
        .at("spec.replicas")
        .cite(event.cite.clone())
        .cite(workload.cite_at("/spec/replicas"));
    let facts = ["service_kind", "service", "backlog", "who"];
    let finding = facts.into_iter().fold(finding, |finding, name| finding.fact(name, ""));
    Some(
        finding
            .fact("resource", workload.key.kind.to_lowercase())
            .fact("replicas", before)
            .fact("event", event.message.clone()),
    )
}

/// The last word in the names of Deployments that take turns.
const HALVES: [&str; 9] = [
    "blue", "green", "canary", "old", "new", "preview", "stable", "primary", "next",
];

/// The event by which a Deployment was scaled to nothing (kubernetes pkg/controller/deployment/sync.go).
fn to_zero<'s>(input: &Input<'s>, workload: &'s Object) -> Option<&'s Event> {
    let events = (input.snapshot).events_on(&workload.key.kind, &workload.key.namespace, &workload.key.name);
    let is_it = |event: &&Event| {
        event.reason == "ScalingReplicaSet"
            && (event.message.ends_with(" to 0") || event.message.contains(" to 0 from "))
    };
    events.filter(is_it).last()
}

/// How many there were: `Scaled down replica set web-57b96b46b7 from 2 to 0`, `… to 0 from 2`.
fn count_before(event: &Event) -> Option<i64> {
    let (_, count) = event.message.rsplit_once("from ")?;
    count.split(' ').next()?.parse().ok()
}

/// A worker that no Service leads to, while others speak of work that waits for it.
fn left_undone(input: &Input<'_>, rule: &RuleHeader, workload: &Object) -> Option<Finding> {
    let waiting = backlog_of(input, rule, &workload.subject());
    let first = waiting.first()?;
    let said = first.captures.get("said")?.chars().take(200).collect::<String>();
    let who = input.snapshot.top_owner_of(&first.about.object);
    let mut finding = Finding::new(rule, workload.subject(), Confidence::Confirmed)
        .at("spec.replicas")
        .cite(workload.cite_at("/spec/replicas"))
        .fact("service_kind", "")
        .fact("service", "")
        .fact("resource", workload.key.kind.to_lowercase())
        .fact("replicas", 1)
        .fact("event", "")
        .fact("backlog", said)
        .fact(
            "who",
            if who.name.is_empty() {
                first.cite.file.to_string()
            } else {
                who.to_string()
            },
        );
    for hit in waiting.iter().take(3) {
        finding.add_cite(hit.cite.clone());
    }
    if !who.name.is_empty() {
        finding.affected.push(who);
    }
    Some(finding)
}

fn judge(input: &Input<'_>, rule: &RuleHeader, workload: &Object) -> Option<Finding> {
    let snapshot = input.snapshot;
    let service = needed_by(input, workload)?;
    let event = to_zero(input, workload);
    if event.is_none() && !is_missed(input, service) {
        return None;
    }
    let before = event.and_then(count_before);
    let mut finding = Finding::new(rule, workload.subject(), Confidence::Confirmed)
        .at("spec.replicas")
        .cite(workload.cite_at("/spec/replicas"))
        .cite(service.cite_at("/spec/selector"))
        .affects(service.subject())
        .fact("service_kind", service.key.kind.clone())
        .fact("service", service.key.name.clone())
        .fact("resource", workload.key.kind.to_lowercase())
        .fact("replicas", before.filter(|count| *count > 0).unwrap_or(1))
        .fact("event", event.map_or(String::new(), |event| event.message.clone()))
        .fact("backlog", "")
        .fact("who", "");
    if let Some(event) = event {
        finding.add_cite(event.cite.clone());
    }
    if let Some(answering) = answering(snapshot, service) {
        finding.add_cite(answering.cite);
    }
    for reference in references(snapshot).iter() {
        if let Resolved::Service(found) = reference.resolve(snapshot)
            && found.key == service.key
        {
            finding.add_affected(reference.workload.clone());
        }
    }
    Some(finding)
}

/// True where a setting or an Ingress leads to the Service, or where anything in the bundle is in trouble. What nobody needs may rest.
fn is_missed(input: &Input<'_>, service: &Object) -> bool {
    let snapshot = input.snapshot;
    let is_it = |reference: &Reference| matches!(reference.resolve(snapshot), Resolved::Service(found) if found.key == service.key);
    let has_route = ["Ingress", "HTTPRoute", "VirtualService"]
        .into_iter()
        .any(|kind| snapshot.kind(kind).next().is_some());
    has_route
        || references(snapshot).iter().any(is_it)
        || calls(snapshot).iter().any(|call| call.service.key == service.key)
        || !troubled(snapshot).is_empty()
        || snapshot.pods().any(|pod| !pod.is_well())
        || !snapshot
            .logs
            .iter()
            .any(|log| matches!(log.stream, Stream::Container(_)))
}

/// The Service that has nobody else to lead to.
fn needed_by<'s>(input: &Input<'s>, workload: &'s Object) -> Option<&'s Object> {
    let snapshot = input.snapshot;
    let mine: Subject = workload.subject();
    // Everything needs the name service, and its Service has another name than its Deployment.
    let is_name_service = matches!(
        workload.key.name.as_str(),
        "coredns" | "kube-dns" | "rke2-coredns-rke2-coredns"
    ) && matches!(workload.key.namespace.as_str(), "" | "kube-system");
    let unanswered = |service: &&Object| answering(snapshot, service).is_none_or(|found| found.ready == 0);
    if let Some(service) = dns_service(snapshot).filter(unanswered).filter(|_| is_name_service) {
        return Some(service);
    }
    let all = backends(snapshot, &workload.key.namespace);
    let replicas = |subject: &Subject| {
        snapshot
            .object(&subject.kind, &subject.namespace, &subject.name)
            .and_then(|object| object.int("/spec/replicas"))
            .unwrap_or(1)
    };
    services_in(snapshot, &workload.key.namespace).find(|service| {
        if answering(snapshot, service).is_some_and(|found| found.ready + found.not_ready > 0) {
            return false;
        }
        let is_labelled = all.iter().any(|backend| backend.subject == mine);
        match selector(service).filter(|_| is_labelled) {
            Some(wanted) => {
                let of =
                    |backend: &&crate::rules::toolbox::services::Backend<'_>| fit(wanted, backend) == Fit::Selected;
                let selected: Vec<_> = all.iter().filter(of).collect();
                selected.iter().any(|backend| backend.subject == mine)
                    && selected.iter().all(|backend| replicas(&backend.subject) == 0)
            }
            // A table without selectors: the name tells, provided that no other workload could be meant.
            None => {
                (service.form == crate::bundle::decode::Form::Row || !is_labelled)
                    && (service.key.name == workload.key.name
                        || is_refused_for(input, service) && is_alone(input, workload))
                    && !snapshot
                        .kind("Deployment")
                        .chain(snapshot.kind("StatefulSet"))
                        .any(|other| {
                            other.key.name != workload.key.name
                                && services_in(snapshot, &workload.key.namespace)
                                    .all(|service| service.key.name != other.key.name)
                                && same_namespace(&other.key.namespace, &workload.key.namespace)
                                && is_near(&other.key.name, &workload.key.name)
                                && other.int("/spec/replicas") != Some(0)
                        })
            }
        }
    })
}

/// True for a Service by which a webhook is called in vain: somebody needs it.
fn is_refused_for(input: &Input<'_>, service: &Object) -> bool {
    let host = format!("{}.{}.svc", service.key.name, service.key.namespace);
    let hits = input.snapshot.hits.iter();
    hits.filter(|hit| hit.signature.starts_with("webhook-call-failed/"))
        .any(|hit| hit.cite.quote.iter().any(|line| line.text.contains(&host)))
}

/// True for the only workload of its namespace that was set to zero, where no other one is.
fn is_alone(input: &Input<'_>, workload: &Object) -> bool {
    let others = ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| input.snapshot.kind(kind))
        .filter(|other| other.key.namespace == workload.key.namespace && other.key != workload.key);
    // Others that run do not answer for a Service without endpoints.
    others.into_iter().all(|other| other.int("/spec/replicas") != Some(0))
}

/// True when an autoscaler that knows zero owns the replicas.
fn scales_to_zero(input: &Input<'_>, workload: &Object) -> bool {
    let targets = |object: &Object| object.text("/spec/scaleTargetRef/name") == workload.key.name;
    let knative = workload.get("/metadata/labels/serving.knative.dev~1revision").is_some();
    knative
        || input.snapshot.kind("ScaledObject").any(targets)
        || input
            .snapshot
            .kind("HorizontalPodAutoscaler")
            .any(|object| targets(object) && object.int("/spec/minReplicas") == Some(0))
}
