//! A feature flag is on, and what it switches on fails.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::logs::TailLine;
use crate::model::{Citation, Confidence, Subject, escaped};
use crate::rules::toolbox::cite_tail;
use crate::rules::toolbox::errors::troubled;
use crate::rules::toolbox::speakers::of_log;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: feature-flag-fault
role: cause
level: critical
needs: [configmaps]
meets:
  - {kinds: [ConfigMap]}
check:
  zh: "打开的特性开关是否与失败的工作负载有关"
  en: "whether feature flags that are on have to do with workloads that fail"
title:
  zh: "ConfigMap {{ subject.namespace }}/{{ subject.name }} 中的特性开关 {{ flag }} 处于 {{ variant }}{% if workload %}，而它点到的 {{ workload }} 正在失败{% else %}，从名字看它用来制造故障{% endif %}"
  en: "feature flag {{ flag }} of ConfigMap {{ subject.namespace }}/{{ subject.name }} stands at {{ variant }}{% if workload %}, and there are failures in {{ workload }}{% else %}; by its name it is there to cause a failure{% endif %}"
cause:
  zh: "开关 {{ flag }} 的默认取值是 {{ variant }}。{% if said %}日志（{{ workload }}）点名了它：{{ said }}。{% elif workload %}它的名字指向 {{ workload }}，并且像故障开关，其余开关大多关闭。{% else %}其余开关大多关闭。{% endif %}"
  en: "the default variant of flag {{ flag }} is {{ variant }}. {% if said %}A log ({{ workload }}) names it: {{ said }}.{% elif workload %}Its name points to {{ workload }} and is that of a fault, and most other flags are off.{% else %}Most other flags are off.{% endif %}"
questions:
  - {zh: "谁、何时、为何打开了这个开关？", en: "who turned the flag on, when, and what for?"}
causes:
  - rule: app-*
    ground: workload
    mechanism: {zh: "开关打开的代码路径失败", en: "the code path that the flag switches on fails"}
  - rule: peer-answers-with-errors
    ground: workload
    mechanism: {zh: "开关打开的代码路径失败", en: "the code path that the flag switches on fails"}
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "开关打开的代码路径变慢", en: "the code path that the flag switches on is slow"}
  - rule: oomkilled-container
    ground: workload
    mechanism: {zh: "开关打开的代码路径占用内存", en: "the code path that the flag switches on takes memory"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "开关打开的代码路径使进程退出", en: "the code path that the flag switches on ends the process"}
benign:
  - {zh: "打开而工作正常的特性", en: "a feature that is on and works"}
remedy:
  - purpose: {zh: "查看各开关的取值", en: "see how the flags stand"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get configmap {{ subject.name }} -o yaml"
    expect: {zh: "{{ flag }} 的 defaultVariant 是 {{ variant }}", en: "defaultVariant of {{ flag }} is {{ variant }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "关闭这个开关", en: "turn the flag off"}
    place: cluster
    risk: change
    precheck: {zh: "确认没有人正在用它做试验", en: "nobody runs an experiment with it"}
    command: "kubectl -n {{ subject.namespace }} edit configmap {{ subject.name }}"
    verify: {zh: "失败的工作负载不再报错；开关服务可能需要几十秒才读到新值", en: "the workload fails no more; the flag service may take some ten seconds to read the new value"}
    rollback: {zh: "把取值改回 {{ variant }}", en: "set the variant back to {{ variant }}"}
prevention:
  - kind: process
    text: {zh: "打开开关与发布走同样的评审，并写明关闭的条件", en: "let flags pass the same review as releases, with a condition for turning them off"}
    acceptance: {zh: "没有评审记录的开关变更被拒绝", en: "a change of a flag without a review is refused"}
sources:
  - "flagd.dev/reference/flag-definitions: flags, state, variants, defaultVariant"
versions: "flagd 0.5 and newer"
examples:
  - name: "the log names the flag"
    files:
      "flags.yaml": &flags |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: flagd-config, namespace: shop, uid: "1"}
        data:
          flags.json: '{"flags": {"cardReject": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}, "newTheme": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}'
      "pods.txt": &pods |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        pay-57b96b46b7-zv4q2       1/1     Running   0          41m
      "pay-57b96b46b7-zv4q2.log": |
        2026-11-21T10:00:01Z ERROR charge failed (flag=cardReject)
        2026-11-21T10:00:02Z ERROR charge failed (flag=cardReject)
        2026-11-21T10:00:03Z ERROR charge failed (flag=cardReject)
        2026-11-21T10:00:04Z ERROR charge failed (flag=cardReject)
        2026-11-21T10:00:05Z ERROR charge failed (flag=cardReject)
        2026-11-21T10:00:06Z ERROR charge failed (flag=cardReject)
    fires:
      - {kind: ConfigMap, namespace: shop, name: flagd-config}
  - name: "errors of another kind"
    files:
      "flags.yaml": *flags
      "pods.txt": *pods
      "pay-57b96b46b7-zv4q2.log": |
        2026-11-21T10:00:01Z ERROR charge failed: no such account
        2026-11-21T10:00:02Z ERROR charge failed: no such account
        2026-11-21T10:00:03Z ERROR charge failed: no such account
        2026-11-21T10:00:04Z ERROR charge failed: no such account
        2026-11-21T10:00:05Z ERROR charge failed: no such account
        2026-11-21T10:00:06Z ERROR charge failed: no such account
"##;

/// A flag that is on.
struct Flag<'s> {
    map: &'s Object,
    pointer: String,
    key: String,
    variant: String,
    /// Whether most of the flags beside it are off.
    is_odd: bool,
}

/// Letters of a key that is looked for in logs.
const SHORTEST: usize = 5;
/// Lines that name it, at least.
const LEAST: usize = 2;
/// Words in the names of flags that are made to break something.
const FAULTS: [&str; 16] = [
    "fail",
    "failure",
    "error",
    "fault",
    "chaos",
    "unreachable",
    "slow",
    "delay",
    "latency",
    "leak",
    "flood",
    "crash",
    "down",
    "reject",
    "problem",
    "problems",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let failing = troubled(snapshot);
    if failing.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for flag in flags(snapshot) {
        let named = named_in_logs(snapshot, &failing, &flag.key);
        let words = words_of(&flag.key);
        let is_fault = flag.is_odd && words.iter().any(|word| FAULTS.contains(&word.as_str()));
        let by_name = || {
            let owners = snapshot.pods().map(|pod| snapshot.top_owner(pod.object));
            let mut called = owners.filter(|workload| {
                let mut parts = workload.name.split('-');
                workload.namespace == flag.map.key.namespace && parts.any(|part| words.iter().any(|word| word == part))
            });
            called.next()
        };
        let confidence = match (named.is_empty(), is_fault) {
            (false, _) => Confidence::Probable,
            (true, true) => Confidence::Possible,
            (true, false) => continue,
        };
        let workloads: Vec<Subject> = match named.is_empty() {
            false => named.iter().map(|(workload, ..)| workload.clone()).collect(),
            true => by_name().into_iter().collect(),
        };
        let names: Vec<&str> = workloads.iter().map(|workload| workload.name.as_str()).collect();
        let mut finding = Finding::new(rule, flag.map.subject(), confidence)
            .at(flag.pointer.trim_start_matches('/').replace('/', "."))
            .cite(flag.map.cite_at(&flag.pointer))
            .fact("flag", flag.key)
            .fact("variant", flag.variant)
            .fact("workload", names.join(", "))
            .fact("said", named.first().map_or(String::new(), |(_, line, _)| line.clone()));
        for (.., cite) in named {
            finding.add_cite(cite);
        }
        for workload in workloads {
            finding.touches.extend(Touch::of(&workload));
            finding.impair(workload.clone());
            finding.add_affected(workload);
        }
        findings.push(finding);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    let mut seen: BTreeSet<Subject> = BTreeSet::new();
    findings.retain(|finding| seen.insert(finding.subject.clone()));
    findings
}

/// The flags that are on, of all ConfigMaps that hold definitions as flagd reads them.
fn flags(snapshot: &Snapshot) -> Vec<Flag<'_>> {
    let mut found = Vec::new();
    for map in snapshot.kind("ConfigMap") {
        let data = map.get("/data").and_then(Value::as_object);
        for (name, text) in data.into_iter().flatten() {
            let text = text
                .as_str()
                .filter(|text| text.contains("\"defaultVariant\""))
                .unwrap_or("");
            let Ok(definitions) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            let Some(all) = definitions.get("flags").and_then(Value::as_object) else {
                continue;
            };
            let on: Vec<(&String, String)> = all
                .iter()
                .filter_map(|(key, flag)| Some((key, variant_on(flag)?)))
                .collect();
            let is_odd = on.len() * 2 < all.len();
            found.extend(on.into_iter().map(|(key, variant)| Flag {
                map,
                pointer: format!("/data/{}", escaped(name)),
                key: key.clone(),
                variant,
                is_odd,
            }));
        }
    }
    found
}

/// The default variant of a flag that could be off and is not.
fn variant_on(flag: &Value) -> Option<String> {
    if flag.get("state").and_then(Value::as_str) == Some("DISABLED") {
        return None;
    }
    let variants = flag.get("variants")?.as_object()?;
    let chosen = flag.get("defaultVariant")?.as_str()?;
    let is_off = |value: &Value| match value {
        Value::Bool(is_on) => !is_on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(text.as_str(), "" | "off" | "false" | "none"),
        _ => false,
    };
    let could_be_off = variants.values().any(is_off);
    (could_be_off && !is_off(variants.get(chosen)?)).then(|| chosen.to_owned())
}

/// The workloads that fail and whose logs name the flag again and again, each with such a line and its place: who was called, and who
/// passes its words on.
fn named_in_logs(snapshot: &Snapshot, failing: &[Subject], key: &str) -> Vec<(Subject, String, Citation)> {
    let mut found: Vec<(Subject, String, Citation)> = Vec::new();
    for log in snapshot.logs.iter().filter(|_| key.len() >= SHORTEST) {
        let lines: Vec<&TailLine> = log.tail.iter().filter(|line| line.text.contains(key)).collect();
        let Some(last) = lines.last().copied().filter(|_| lines.len() >= LEAST) else {
            continue;
        };
        let Some(workload) = of_log(snapshot, log).map(|speaker| speaker.workload) else {
            continue;
        };
        let is_known = found.iter().any(|(known, ..)| *known == workload);
        if let Some(cite) = cite_tail(snapshot, log, &[last]).filter(|_| failing.contains(&workload) && !is_known) {
            found.push((workload, last.text.trim().chars().take(200).collect(), cite));
        }
    }
    found
}

/// The words of a key in small letters: `paymentFailure`, `fares.zone-merge`.
fn words_of(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in key.chars() {
        let is_border = !letter.is_ascii_alphanumeric();
        if is_border || letter.is_ascii_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| !is_border) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| word.len() > 2);
    words
}
