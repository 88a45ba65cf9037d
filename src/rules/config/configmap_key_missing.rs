//! A ConfigMap lacks a key that a pod names.

use crate::cluster::Hit;
use crate::model::{Confidence, Subject};
use crate::rules::missing::{is_name, references, starts_never};
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: configmap-key-missing
role: cause
level: critical
needs: [pods|events]
text:
  - id: variable
    pattern: "couldn't find key (?P<key>\\S+) in ConfigMap (?P<namespace>[^/\\s]+)/(?P<name>[a-z0-9.-]+)"
  - id: volume
    pattern: "configmap references non-existent config key: (?P<key>\\S+)"
check:
  zh: "Pod 引用的 ConfigMap 键是否存在"
  en: "whether the ConfigMaps have the keys that pods name"
title:
  zh: "ConfigMap {{ namespace }}/{{ name }} 中没有键 {{ key }}，Pod {{ pod }} 无法启动"
  en: "ConfigMap {{ namespace }}/{{ name }} has no key {{ key }}, and pod {{ pod }} cannot start"
cause:
  zh: "Pod {{ pod }} 需要 ConfigMap {{ name }} 的键 {{ key }}，而它不存在{% if keys %}；现有的键：{{ keys|join('、') }}{% endif %}。"
  en: "pod {{ pod }} needs the key {{ key }} of ConfigMap {{ name }}, which has none{% if keys %}; its keys are {{ keys|join(', ') }}{% endif %}."
questions:
  - {zh: "键名在哪一次变更中改动过？", en: "which change renamed the key?"}
causes:
  - rule: createcontainerconfigerror
    ground: workload
    mechanism: {zh: "kubelet 找不到引用的键", en: "the kubelet does not find the key"}
  - rule: failedmount-missing-object
    ground: workload
    mechanism: {zh: "卷引用的键不存在，挂载失败", en: "the volume names a key that is absent, so the mount fails"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器起不来，Pod 不就绪", en: "the container cannot start, so no pod is ready"}
benign:
  - {zh: "Pod 已就绪时旧事件不算", en: "an old event does not count once the pod is ready"}
remedy:
  - purpose: {zh: "查看 ConfigMap 的键", en: "look at the keys of the ConfigMap"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} describe configmap {{ name }}"
    expect: {zh: "没有 {{ key }}", en: "{{ key }} is not there"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "补上缺少的键（或改正工作负载引用的键名）", en: "add the key (or correct the reference in the workload)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} patch configmap {{ name }} -p '{\"data\":{\"<KEY>\":\"<VALUE>\"}}'"
    expect: {zh: "`configmap/{{ name }} patched`", en: "`configmap/{{ name }} patched`"}
    verify: {zh: "Pod 启动", en: "the pod starts"}
    rollback: {zh: "用之前保存的 YAML 还原", en: "apply the YAML that was saved before"}
    notes:
      - {zh: "<KEY> 为 {{ key }}", en: "<KEY> is {{ key }}"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中校验清单引用的每个键都存在", en: "check in the pipeline that every key that manifests name exists"}
    acceptance: {zh: "引用不存在键的清单在流水线中失败", en: "a manifest that names an absent key fails there"}
sources: ["kubernetes pkg/kubelet/kubelet_pods.go: `couldn't find key %v in ConfigMap|Secret %v/%v`; pkg/volume: `references non-existent secret key: %s`, `configmap references non-existent config key: %s`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "an environment variable"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"CreateContainerConfigError","message":"couldn''t find key DB_HOST in ConfigMap shop/settings"}}}]}}]}'
    fires: [{kind: ConfigMap, namespace: shop, name: settings}]
  - name: "it runs now"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Error: couldn''t find key DB_HOST in ConfigMap shop/settings","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let pod = &hit.about.object;
        if pod.kind != "Pod" || !starts_never(snapshot, pod) {
            continue;
        }
        let Some(name) = object_name(input, hit) else { continue };
        let subject = Subject::namespaced("ConfigMap", &pod.namespace, &name);
        let at = findings.iter().position(|finding| finding.subject == subject);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let object = snapshot.object("ConfigMap", &pod.namespace, &name);
                let keys: Vec<String> = object
                    .and_then(|object| object.get("/data"))
                    .and_then(|data| data.as_object())
                    .map(|data| data.keys().cloned().collect())
                    .unwrap_or_default();
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .fact("pod", pod.name.clone())
                    .fact("namespace", pod.namespace.clone())
                    .fact("name", name)
                    .fact("keys", keys);
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        add_hit(input, finding, hit);
        if let Some(key) = hit.captures.get("key") {
            finding.path = format!("data[{key}]");
        }
        finding.touches.extend(workload_touches(snapshot, pod));
        finding.add_affected(pod.clone());
        finding.add_affected(snapshot.top_owner_of(pod));
    }
    findings
}

/// The object's name as the text has it, else that of the only one that the pod names (a failed mount tells the key alone).
fn object_name(input: &Input<'_>, hit: &Hit) -> Option<String> {
    if let Some(name) = hit.captures.get("name") {
        return is_name(name).then(|| name.clone());
    }
    let pod = input
        .snapshot
        .pod(&hit.about.object.namespace, &hit.about.object.name)?;
    let mut names: Vec<String> = references(&pod, "ConfigMap")
        .into_iter()
        .map(|reference| reference.name)
        .filter(|name| name != "kube-root-ca.crt")
        .collect();
    names.dedup();
    match names.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}
