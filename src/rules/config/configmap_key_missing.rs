//! A ConfigMap lacks a key that a pod names.

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::missing::{is_name, references, starts_never};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::references::is_of_host;
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader, Touch};

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
  zh: "ConfigMap {{ namespace }}/{{ name }} 中没有键 {{ key }}，{% if variable %}{{ workload }} 的变量 {{ variable }} 因此没有值{% else %}Pod {{ pod }} 无法启动{% endif %}"
  en: "ConfigMap {{ namespace }}/{{ name }} has no key {{ key }}, and {% if variable %}variable {{ variable }} of {{ workload }} is not set{% else %}pod {{ pod }} cannot start{% endif %}"
cause:
  zh: "{% if variable %}{{ workload }} 以 optional 方式从 ConfigMap {{ name }} 的键 {{ key }} 取变量 {{ variable }}，而这个键不存在，于是变量不设置，程序用了默认值，连不上对端{% if keys %}；现有的键：{{ keys|join('、') }}{% endif %}。{% else %}Pod {{ pod }} 需要 ConfigMap {{ name }} 的键 {{ key }}，而它不存在{% if keys %}；现有的键：{{ keys|join('、') }}{% endif %}。{% endif %}"
  en: "{% if variable %}{{ workload }} takes variable {{ variable }} from the key {{ key }} of ConfigMap {{ name }}, marked optional; there is no such key, so the variable is not set, the program goes by its default and does not reach its peer{% if keys %}; the keys are {{ keys|join(', ') }}{% endif %}.{% else %}pod {{ pod }} needs the key {{ key }} of ConfigMap {{ name }}, which has none{% if keys %}; its keys are {{ keys|join(', ') }}{% endif %}.{% endif %}"
questions:
  - {zh: "键名在哪一次变更中改动过？", en: "which change renamed the key?"}
causes:
  - rule: createcontainerconfigerror
    ground: workload
    mechanism: {zh: "kubelet 找不到引用的键", en: "the kubelet does not find the key"}
  - rule: failedmount-missing-object
    ground: workload
    mechanism: {zh: "卷引用的键不存在，挂载失败", en: "the volume names a key that is absent, so the mount fails"}
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: "变量没有值，程序用默认地址", en: "the variable is not set, so the program uses an address of its own"}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "变量没有值，程序用默认地址", en: "the variable is not set, so the program uses an address of its own"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器起不来，Pod 不就绪", en: "the container cannot start, so no pod is ready"}
benign:
  - {zh: "Pod 已就绪时旧事件不算", en: "an old event does not count once the pod is ready"}
  - {zh: "optional 的键缺失，而工作负载没有连不上对端的错误", en: "an optional key that is missing while the workload has no trouble to reach a peer"}
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
  - name: "an optional key, and the client tries its own machine"
    files:
      deploy.yaml: |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: labels, namespace: shop}
        spec:
          selector: {matchLabels: {app: labels}}
          template:
            metadata: {labels: {app: labels}}
            spec:
              containers:
                - name: labels
                  image: r.example/labels:1
                  env:
                    - {name: BROKER_HOST, valueFrom: {configMapKeyRef: {name: messaging, key: broker.host, optional: true}}}
      cm.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: messaging, namespace: shop}
        data: {amqp.host: mq.shop.svc}
      pods.txt: |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        labels-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      'logs/shop/labels-6bdf8c9d7-jd5lx/labels.log': |
        2026-03-01T10:00:00Z ERROR dial tcp 127.0.0.1:5672: connect: connection refused
        2026-03-01T10:00:10Z ERROR dial tcp 127.0.0.1:5672: connect: connection refused
        2026-03-01T10:00:20Z ERROR dial tcp 127.0.0.1:5672: connect: connection refused
    fires: [{kind: ConfigMap, namespace: shop, name: messaging}]
  - name: "an optional key, and another machine is down"
    files:
      deploy.yaml: |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: labels, namespace: shop}
        spec:
          selector: {matchLabels: {app: labels}}
          template:
            metadata: {labels: {app: labels}}
            spec:
              containers:
                - name: labels
                  image: r.example/labels:1
                  env:
                    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: messaging, key: colour, optional: true}}}
      cm.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: messaging, namespace: shop}
        data: {amqp.host: mq.shop.svc}
      pods.txt: |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        labels-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      'logs/shop/labels-6bdf8c9d7-jd5lx/labels.log': |
        2026-03-01T10:00:00Z ERROR dial tcp: connect mq.shop.svc:5672: connection refused
        2026-03-01T10:00:10Z ERROR dial tcp: connect mq.shop.svc:5672: connection refused
        2026-03-01T10:00:20Z ERROR dial tcp: connect mq.shop.svc:5672: connection refused
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
                let keys = object.map(keys_of).unwrap_or_default();
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .fact("pod", pod.name.clone())
                    .fact("namespace", pod.namespace.clone())
                    .fact("name", name)
                    .fact("variable", "")
                    .fact("workload", "")
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
    for lost in optional(snapshot) {
        let subject = lost.map.subject();
        if findings.iter().any(|finding| finding.subject == subject) {
            continue;
        }
        let mut finding = Finding::new(rule, subject, Confidence::Probable)
            .at(format!("data[{}]", lost.key))
            .cite(lost.workload.cite_at(&lost.at))
            .cite(lost.map.cite_at("/data"))
            .cite(lost.said)
            .fact("pod", "")
            .fact("namespace", lost.map.key.namespace.clone())
            .fact("name", lost.map.key.name.clone())
            .fact("key", lost.key)
            .fact("variable", lost.variable)
            .fact("workload", lost.client.name.clone())
            .fact("keys", keys_of(lost.map));
        finding.touches.extend(Touch::of(&lost.client));
        finding.add_affected(lost.client);
        findings.push(finding);
    }
    findings
}

/// A variable that is not set, because its key may be missing and is.
struct Lost<'s> {
    map: &'s Object,
    workload: &'s Object,
    at: String,
    client: Subject,
    key: String,
    variable: String,
    said: Citation,
}

/// Variables from optional keys that are missing, of workloads that try their own machine, or a peer that they do not name, in vain.
fn optional(snapshot: &Snapshot) -> Vec<Lost<'_>> {
    let mut found = Vec::new();
    for complaint in complaints(snapshot, &is_out_of_reach, &of_clients()) {
        let host = complaint.peer().host;
        if !["", "localhost", "127.0.0.1", "::1"].contains(&host.as_str()) {
            continue;
        }
        let client = complaint.speaker.workload.clone();
        let own = snapshot.object(&client.kind, &client.namespace, &client.name);
        let pod = complaint.speaker.pod.map(|pod| pod.object);
        let places = own
            .map(|object| (object, "/spec/template/spec/containers"))
            .into_iter()
            .chain(pod.map(|object| (object, "/spec/containers")));
        for (workload, containers) in places {
            for (index, container) in workload.list(containers).iter().enumerate() {
                let variables = container.get("env").and_then(Value::as_array);
                for (number, variable) in variables.into_iter().flatten().enumerate() {
                    let text = |pointer: &str| variable.pointer(pointer).and_then(Value::as_str).unwrap_or("");
                    let from = "/valueFrom/configMapKeyRef";
                    let key = text(&format!("{from}/key"));
                    let may_lack = variable.pointer(&format!("{from}/optional")).and_then(Value::as_bool);
                    let map = snapshot.object("ConfigMap", &client.namespace, text(&format!("{from}/name")));
                    // A row of a table shows no keys.
                    let Some(map) = map.filter(|map| map.get("/data").is_some()) else {
                        continue;
                    };
                    if may_lack == Some(true)
                        && (is_of_peer(text("/name")) || is_of_peer(key))
                        && !keys_of(map).iter().any(|known| known == key)
                    {
                        found.push(Lost {
                            map,
                            workload,
                            at: format!("{containers}/{index}/env/{number}"),
                            client: client.clone(),
                            key: key.to_owned(),
                            variable: text("/name").to_owned(),
                            said: complaint.cite.clone(),
                        });
                    }
                }
            }
        }
    }
    found
}

/// True for a setting that says where a peer is, by its name.
fn is_of_peer(name: &str) -> bool {
    const MORE: [&str; 7] = ["PORT", "DSN", "BROKER", "BROKERS", "SERVERS", "BOOTSTRAP", "HOSTS"];
    let upper = name.to_ascii_uppercase().replace(['.', '-'], "_");
    is_of_host(name) || MORE.contains(&upper.rsplit('_').next().unwrap_or(""))
}

fn keys_of(map: &Object) -> Vec<String> {
    let keys = |at: &str| {
        map.get(at)
            .and_then(|data| data.as_object())
            .map(|data| data.keys().cloned().collect())
    };
    let plain: Vec<String> = keys("/data").unwrap_or_default();
    let binary: Vec<String> = keys("/binaryData").unwrap_or_default();
    plain.into_iter().chain(binary).collect()
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
