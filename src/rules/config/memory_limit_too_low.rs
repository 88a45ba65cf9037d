//! A container's memory limit is below the heap that its program is told to use.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::claims::quantity;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: memory-limit-too-low
role: factor
level: info
needs: [pods|deployments|statefulsets]
check:
  zh: 容器的内存上限是否低于程序的堆设置
  en: whether memory limits are below the heap that programs are told to use
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：容器 {{ container }} 的内存上限 {{ limit }} 不大于堆设置 {{ setting }}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the memory limit {{ limit }} of container {{ container }} is not above the heap setting {{ setting }}"
cause:
  zh: "程序被允许把堆用到 {{ setting }}，而容器的上限是 {{ limit }}；堆之外还有线程栈、元空间与本地内存，进程会在堆用满之前被内核结束。"
  en: "the program may use a heap of {{ setting }} while its container is limited to {{ limit }}; stacks, metaspace and native memory come on top, so the kernel ends it before the heap is full."
causes:
  - rule: oomkilled-container
    ground: workload
    mechanism: {zh: "堆超过上限，内核结束进程", en: "the heap goes beyond the limit and the kernel ends the process"}
benign:
  - {zh: "没有内存上限的容器", en: "containers without a memory limit"}
  - {zh: "按比例设置的堆（-XX:MaxRAMPercentage）随上限变化", en: "a heap in percent (-XX:MaxRAMPercentage) follows the limit"}
remedy:
  - purpose: {zh: "比较上限与实际用量", en: "compare the limit with what is used"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} top pods --containers
      kubectl -n {{ subject.namespace }} describe {{ resource }} {{ subject.name }}
    expect: {zh: "用量接近 {{ limit }}", en: "use is close to {{ limit }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "用 -XX:MaxRAMPercentage 让堆随上限变化，或让上限至少为堆的 1.3 倍", en: "let the heap follow the limit by -XX:MaxRAMPercentage, or keep the limit 1.3 times the heap or more"}
    acceptance: {zh: "压测时容器不被 OOMKilled", en: "the container is not OOMKilled under load"}
sources: ["docs.oracle.com: java -Xmx, -XX:MaxRAMPercentage", "nodejs.org/api/cli.html: --max-old-space-size"]
versions: "any"
examples:
  - name: "a heap of 2 GiB in 1 GiB"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"a","env":[{"name":"JAVA_OPTS","value":"-Xms256m -Xmx2g"}],"resources":{"limits":{"memory":"1Gi"}}}]},"status":{"phase":"Running"}}]}'
    fires: [{kind: "Pod", namespace: "shop", name: "web-0"}]
  - name: "room for it"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"a","args":["-Xmx700m","-jar","a.jar"],"resources":{"limits":{"memory":"1Gi"}}}]},"status":{"phase":"Running"}}]}'
"##;

/// Options that set a heap, with the factor of a number without a unit.
const OPTIONS: [(&str, f64); 2] = [("-Xmx", 1.0), ("--max-old-space-size=", 1_048_576.0)];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    let templates = ["Deployment", "StatefulSet", "DaemonSet"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .map(|object| (object, "/spec/template/spec/containers"));
    let pods = snapshot.kind("Pod").map(|object| (object, "/spec/containers"));
    for (object, at) in templates.chain(pods) {
        let owner = snapshot.top_owner(object);
        if findings.iter().any(|known| known.subject == owner) {
            continue;
        }
        findings.extend(judge(snapshot, rule, object, at, owner));
    }
    findings
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, object: &Object, at: &str, owner: Subject) -> Option<Finding> {
    let containers = object.list(at).iter().enumerate();
    let (index, container, limit, setting) = containers
        .filter_map(|(index, container)| {
            let limit = container.pointer("/resources/limits/memory")?.as_str()?;
            let (setting, heap) = heap(container)?;
            (heap >= quantity(limit)?).then_some((index, container, limit, setting))
        })
        .next()?;
    let mut finding = Finding::new(rule, owner.clone(), Confidence::Confirmed)
        .at(format!(
            "{}[{index}].resources.limits.memory",
            at.trim_start_matches('/').replace('/', ".")
        ))
        .cite(object.cite_at(&format!("{at}/{index}/resources/limits/memory")))
        .fact("container", container.get("name").and_then(Value::as_str).unwrap_or(""))
        .fact("limit", limit)
        .fact("setting", setting)
        .fact("resource", owner.kind.to_lowercase());
    if object.key.kind == "Pod" {
        finding.touches.extend(workload_touches(snapshot, &object.subject()));
    }
    Some(finding)
}

/// The heap that the arguments or the environment set: as written, and in bytes.
fn heap(container: &Value) -> Option<(String, f64)> {
    let list = |key: &str| container.get(key).and_then(Value::as_array).into_iter().flatten();
    let words = list("command").chain(list("args")).filter_map(Value::as_str);
    let values = list("env").filter_map(|variable| variable.get("value")?.as_str());
    let all = words.chain(values).flat_map(str::split_whitespace);
    all.filter_map(|word| {
        let (value, unit) = OPTIONS
            .iter()
            .find_map(|(option, unit)| Some((word.strip_prefix(option)?, *unit)))?;
        let value = value.trim_matches(['"', '\'']);
        let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: f64 = digits.parse().ok()?;
        let factor = match value.get(digits.len()..)?.to_ascii_lowercase().as_str() {
            "" => unit,
            "k" => 1024.0,
            "m" => 1_048_576.0,
            "g" => 1_073_741_824.0,
            _ => return None,
        };
        Some((word.to_owned(), number * factor))
    })
    .next_back()
}
