//! An experiment that breaks things on purpose runs: what fails in its reach is its work.

use serde_json::Value;

use crate::cluster::{Event, Object, PodView, Snapshot};
use crate::model::{Confidence, Subject, When};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: chaos-experiment
role: cause
level: critical
needs: [pods|events]
check:
  zh: 是否有混沌实验正在运行（Chaos Mesh、Litmus）
  en: whether a chaos experiment runs (Chaos Mesh, Litmus)
title:
  zh: "混沌实验 {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} {% if subject.kind == 'Schedule' %}按计划{% else %}正在{% endif %}注入 {{ action }} 故障{% if targets %}，目标：{{ targets|join('、') }}{% endif %}"
  en: "the chaos experiment {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} injects {{ action }}{% if subject.kind == 'Schedule' %} by its schedule{% endif %}{% if targets %} into {{ targets|join(', ') }}{% endif %}"
cause:
  zh: "这个对象让 {{ tool|raw }} 在目标上注入 {{ action }}{% if targets %}（{{ targets|join('、') }}）{% endif %}：目标与调用它的服务出现的故障由它引起，停止实验即可恢复。"
  en: "this object makes {{ tool|raw }} inject {{ action }}{% if targets %} into {{ targets|join(', ') }}{% endif %}: what fails there, and at what calls it, is its work and ends with it."
questions:
  - {zh: 谁安排了这次实验，是否本应在此环境运行？, en: "who arranged the experiment, and was it meant for this environment?"}
benign:
  - {zh: 已暂停、已结束或注入失败的实验不算, en: "experiments that are paused, over, or that could not be injected"}
remedy:
  - purpose: {zh: 查看实验的范围与时长, en: see its reach and how long it lasts}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe {{ subject.kind|lower }} {{ subject.name }}"
    expect: {zh: "AllInjected 为 True，或 engineState 为 active", en: "AllInjected is True, or engineState is active"}
    verify: {zh: 目标与失败的工作负载一致, en: its targets are the workloads that fail}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 停止实验, en: stop it}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} delete {{ subject.kind|lower }} {{ subject.name }}"
    verify: {zh: 目标恢复正常, en: its targets are well again}
    rollback: {zh: 重新 apply 实验清单, en: apply its manifest again}
prevention:
  - kind: process
    text: {zh: 实验须经批准、限定命名空间与时长，并通知值班, en: "experiments are approved, bounded in namespace and time, and announced to whoever is on call"}
    acceptance: {zh: 抽查一次实验，能找到批准与通知, en: approval and announcement are found for one taken at random}
sources:
  - 'chaos-mesh api/v1alpha1/common_types.go: conditions Selected, AllInjected, AllRecovered, Paused; spec.selector'
  - 'litmuschaos chaos-operator api/litmuschaos/v1alpha1: ChaosEngine spec.engineState, spec.appinfo'
versions: 'chaos-mesh 2.x; litmus 1.x–3.x'
examples:
  - name: packets are delayed on purpose
    files:
      'networkchaos.yaml': |
        apiVersion: chaos-mesh.org/v1alpha1
        kind: NetworkChaos
        metadata: {name: delay-rates, namespace: shop}
        spec:
          action: delay
          mode: all
          selector:
            namespaces: [shop]
            labelSelectors: {app: rates}
        status:
          conditions:
          - {type: Selected, status: "True"}
          - {type: AllInjected, status: "True"}
          - {type: Paused, status: "False"}
    fires: [{kind: NetworkChaos, namespace: shop, name: delay-rates}]
  - name: a schedule that kills pods again and again
    files:
      'schedule.yaml': |
        apiVersion: chaos-mesh.org/v1alpha1
        kind: Schedule
        metadata: {name: kill-rates, namespace: shop}
        spec:
          schedule: '@every 5m'
          type: PodChaos
          podChaos: {action: pod-kill, mode: one, selector: {namespaces: [shop], labelSelectors: {app: rates}}}
    fires: [{kind: Schedule, namespace: shop, name: kill-rates}]
  - name: a pod was killed once, months ago
    files:
      'podchaos.yaml': |
        apiVersion: chaos-mesh.org/v1alpha1
        kind: PodChaos
        metadata: {name: kill-one, namespace: shop, creationTimestamp: "2026-01-10T10:00:00Z"}
        spec: {action: pod-kill, mode: one, selector: {namespaces: [shop], labelSelectors: {app: rates}}}
        status:
          conditions:
          - {type: AllInjected, status: "True"}
      'date.txt': |
        $ date -u
        Sat Mar 21 10:20:42 UTC 2026
  - name: only events tell of it
    files:
      'events.txt': |
        NAMESPACE   LAST SEEN   TYPE     REASON    OBJECT                        MESSAGE
        shop        2m          Normal   Applied   podchaos/kill-rates-x2x9k     Successfully apply chaos for shop/rates-6d5f7c9b8d-x2x9k
    fires: [{kind: PodChaos, namespace: shop, name: kill-rates-x2x9k}]
  - name: events tell that it is over
    files:
      'events.txt': |
        NAMESPACE   LAST SEEN   TYPE     REASON      OBJECT                      MESSAGE
        shop        12m         Normal   Applied     networkchaos/delay-rates    Successfully apply chaos for shop/rates-6d5f7c9b8d-x2x9k
        shop        2m          Normal   Recovered   networkchaos/delay-rates    Successfully recover chaos for shop/rates-6d5f7c9b8d-x2x9k
  - name: an experiment that is over
    files:
      'networkchaos.yaml': |
        apiVersion: chaos-mesh.org/v1alpha1
        kind: NetworkChaos
        metadata: {name: delay-rates, namespace: shop}
        spec: {action: delay, mode: all, duration: 30s, selector: {namespaces: [shop], labelSelectors: {app: rates}}}
        status:
          conditions:
          - {type: AllInjected, status: "False"}
          - {type: AllRecovered, status: "True"}
  - name: an engine that was stopped
    files:
      'chaosengine.yaml': |
        apiVersion: litmuschaos.io/v1alpha1
        kind: ChaosEngine
        metadata: {name: pod-delete, namespace: shop}
        spec: {engineState: stop, appinfo: {appns: shop, applabel: app=rates, appkind: deployment}, experiments: [{name: pod-delete}]}
"##;

/// An experiment that reached its targets longer ago than this is no news, unless its object says that it goes on.
const LONG_AGO: jiff::SignedDuration = jiff::SignedDuration::from_mins(30);

const MESH: [&str; 9] = [
    "NetworkChaos",
    "PodChaos",
    "StressChaos",
    "IOChaos",
    "HTTPChaos",
    "DNSChaos",
    "TimeChaos",
    "JVMChaos",
    "KernelChaos",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let of_mesh = MESH
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .filter(|chaos| is_injected(chaos) && !is_long_over(snapshot, chaos));
    let of_litmus = snapshot.kind("ChaosEngine").filter(|engine| {
        engine.text("/spec/engineState") == "active" && engine.text("/status/engineStatus") != "completed"
    });
    let of_schedules = snapshot.kind("Schedule").filter_map(|schedule| {
        let inner = scheduled(schedule)?;
        // When it last started something; one that starts on Sundays is no news on Thursday.
        if is_long_ago(snapshot, schedule.time("/status/time").as_ref()) {
            return None;
        }
        let action = schedule.text(&format!("{inner}/action"));
        let action = if action.is_empty() {
            schedule.text("/spec/type")
        } else {
            action
        };
        let targets = targets_of_mesh(snapshot, schedule, &inner);
        Some(finding(snapshot, rule, schedule, "Chaos Mesh", action, &targets))
    });
    let mut found: Vec<Finding> = of_mesh
        .map(|chaos| {
            let action = chaos.text("/spec/action");
            let action = if action.is_empty() {
                chaos.key.kind.as_str()
            } else {
                action
            };
            finding(
                snapshot,
                rule,
                chaos,
                "Chaos Mesh",
                action,
                &targets_of_mesh(snapshot, chaos, "/spec"),
            )
        })
        .chain(of_schedules)
        .chain(of_litmus.map(|engine| {
            let action = engine.text("/spec/experiments/0/name");
            finding(
                snapshot,
                rule,
                engine,
                "Litmus",
                action,
                &targets_of_litmus(snapshot, engine),
            )
        }))
        .collect();
    if found.is_empty() {
        found.extend(by_events(snapshot, rule));
    }
    found
}

/// Where a Schedule of Chaos Mesh keeps the experiment that it starts again and again; none while it is paused or starts something else.
fn scheduled(schedule: &Object) -> Option<String> {
    let kind = schedule.text("/spec/type");
    let is_paused = schedule.text("/metadata/annotations/experiment.chaos-mesh.org~1pause") == "true";
    if !MESH.contains(&kind) || is_paused {
        return None;
    }
    let spec = schedule.get("/spec")?.as_object()?;
    let key = spec.keys().find(|key| key.eq_ignore_ascii_case(kind))?;
    Some(format!("/spec/{key}"))
}

/// The latest experiment that events tell of and that neither ended nor is long ago, where its object was not collected. Source of the
/// messages: chaos-mesh `controllers/utils/recorder` (`Successfully apply chaos for %s`, `Successfully recover chaos for %s`).
fn by_events(snapshot: &Snapshot, rule: &RuleHeader) -> Option<Finding> {
    const APPLIED: &str = "Successfully apply chaos for ";
    const ENDED: &str = "Successfully recover chaos for ";
    let told = |wanted: &'static str| {
        snapshot
            .events
            .iter()
            .filter(|event| MESH.iter().any(|kind| kind.eq_ignore_ascii_case(&event.about.kind)))
            .filter_map(move |event| Some((event, event.message.strip_prefix(wanted)?.trim())))
    };
    let time = |event: &Event| event.last.as_ref().map(|when| when.latest);
    let (latest, _) = told(APPLIED).max_by_key(|(event, _)| time(event))?;
    let ended = told(ENDED).any(|(event, _)| event.about.name == latest.about.name && time(event) >= time(latest));
    let is_old = is_long_ago(snapshot, latest.last.as_ref());
    if ended || is_old {
        return None;
    }
    let targets = owners(
        told(APPLIED)
            .filter_map(|(_, target)| target.split_once('/'))
            .map(|(namespace, pod)| snapshot.top_owner_of(&Subject::namespaced("Pod", namespace, pod))),
    );
    let mut finding = described(
        snapshot,
        rule,
        latest.about.clone(),
        "Chaos Mesh",
        &latest.about.kind,
        &targets,
    );
    for (event, _) in told(APPLIED).take(3) {
        finding.add_cite(event.cite.clone());
    }
    Some(finding)
}

/// True for what happens once, as the killing of a pod, where it was long ago, or nobody knows when: its object goes on saying that it was injected.
fn is_long_over(snapshot: &Snapshot, chaos: &Object) -> bool {
    let is_once = matches!(chaos.text("/spec/action"), "pod-kill" | "container-kill");
    let now = snapshot.bundle.collected_at.as_ref();
    is_once && (now.is_none() || is_long_ago(snapshot, chaos.created(now).as_ref()))
}

/// True for a time that is known to be long ago.
fn is_long_ago(snapshot: &Snapshot, when: Option<&When>) -> bool {
    match (snapshot.now(), when) {
        (Some(now), Some(when)) => now.duration_since(when.latest) > LONG_AGO,
        _ => false,
    }
}

/// True while it works: every target was reached, and it was not paused since.
fn is_injected(chaos: &Object) -> bool {
    let condition = |kind: &str| {
        let conditions = chaos.list("/status/conditions").iter();
        conditions
            .filter(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))
            .find_map(|condition| condition.get("status").and_then(Value::as_str))
    };
    condition("AllInjected") == Some("True") && condition("Paused") != Some("True")
}

/// The owners of the pods that the experiment below `at` selects.
fn targets_of_mesh(snapshot: &Snapshot, chaos: &Object, at: &str) -> Vec<Subject> {
    let namespaces: Vec<&str> = chaos
        .list(&format!("{at}/selector/namespaces"))
        .iter()
        .filter_map(Value::as_str)
        .collect();
    // By expressions, fields, names or nodes others are meant than this would find.
    let selector = chaos.get(&format!("{at}/selector")).and_then(Value::as_object);
    let is_known = |key: &String| matches!(key.as_str(), "namespaces" | "labelSelectors");
    if selector.is_some_and(|selector| !selector.keys().all(is_known)) {
        return Vec::new();
    }
    let labels = chaos
        .get(&format!("{at}/selector/labelSelectors"))
        .and_then(Value::as_object);
    let is_meant =
        |namespace: &str| namespaces.is_empty() && namespace == chaos.key.namespace || namespaces.contains(&namespace);
    let pods = snapshot.pods().filter(|pod| is_meant(pod.namespace()));
    let has = |pod: &PodView<'_>, key: &str, value: &Value| {
        let labels = pod.object.get("/metadata/labels");
        labels.and_then(|labels| labels.get(key)) == Some(value)
    };
    let wanted = pods.filter(|pod| labels.is_none_or(|labels| labels.iter().all(|(key, value)| has(pod, key, value))));
    owners(wanted.map(|pod| snapshot.top_owner(pod.object)))
}

fn targets_of_litmus(snapshot: &Snapshot, engine: &Object) -> Vec<Subject> {
    let namespace = engine.text("/spec/appinfo/appns");
    let Some((key, value)) = engine.text("/spec/appinfo/applabel").split_once('=') else {
        return Vec::new();
    };
    let has_label = |labels: &Value| labels.get(key).and_then(Value::as_str) == Some(value);
    let pods = snapshot.pods().filter(|pod| pod.namespace() == namespace);
    let wanted = pods.filter(|pod| pod.object.get("/metadata/labels").is_some_and(has_label));
    owners(wanted.map(|pod| snapshot.top_owner(pod.object)))
}

fn owners(owners: impl Iterator<Item = Subject>) -> Vec<Subject> {
    let mut found: Vec<Subject> = owners.collect();
    found.sort();
    found.dedup();
    found
}

fn finding(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    chaos: &Object,
    tool: &str,
    action: &str,
    targets: &[Subject],
) -> Finding {
    described(snapshot, rule, chaos.subject(), tool, action, targets)
        .at("spec.selector")
        .cite(chaos.cite_at("/spec/selector"))
        .cite(chaos.cite_at("/status/conditions"))
}

fn described(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    subject: Subject,
    tool: &str,
    action: &str,
    targets: &[Subject],
) -> Finding {
    let names: Vec<String> = targets
        .iter()
        .map(|target| format!("{}/{}", target.kind, target.name))
        .collect();
    let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
        .fact("tool", tool)
        .fact("action", action)
        .fact("targets", names);
    for target in targets {
        finding.impair(target.clone());
        finding.add_affected(target.clone());
        for pod in snapshot.pods_of(target) {
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            finding.touches.extend(workload_touches(snapshot, &subject));
        }
    }
    finding
}
