//! The pods of a StatefulSet have no names in the DNS, since the Service that it names is not the one that is there.

use std::collections::BTreeSet;

use crate::cluster::Object;
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::services::{same_namespace, service, services_in};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader, Subjects};

pub(in crate::rules) const RULE: &str = r##"
id: statefulset-service-name-mismatch
role: cause
level: critical
needs: [services, statefulsets|container-logs]
check:
  zh: 'StatefulSet 的 serviceName 是否是存在的无头 Service'
  en: 'whether the serviceName of each StatefulSet is a headless Service that exists'
title:
  zh: 'StatefulSet {{ subject.namespace }}/{{ subject.name }} 的 serviceName{% if given %} 是 {{ given }}{% endif %}，{% if asked %}而它的 Pod 被按 {{ asked }} 查找，名字无法解析{% else %}而该 Service 不存在，Pod 没有 DNS 名称{% endif %}'
  en: 'the serviceName of StatefulSet {{ subject.namespace }}/{{ subject.name }}{% if given %} is {{ given }}{% endif %}{% if asked %}, while its pods are looked up as {{ asked }}, which does not resolve{% else %}, which does not exist, so its pods have no names in the DNS{% endif %}'
cause:
  zh: 'DNS 只为 serviceName 指定的无头 Service 建立每个 Pod 的记录（Pod名.Service名）；{% if asked %}{{ asked }} 不是这样的名称{% else %}Service {{ given }} 不存在{% endif %}，成员之间互相找不到。'
  en: 'the DNS has a record for each pod (pod.service) only under the headless Service that serviceName gives; {% if asked %}{{ asked }} is no such name{% else %}Service {{ given }} does not exist{% endif %}, so the members do not find one another.'
causes:
  - rule: app-upstream-unresolved
    ground: workload
    mechanism: {zh: '成员的名字没有记录', en: 'the members'' names have no record'}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: '集群没有组成，成员不就绪', en: 'the members form no cluster and do not get ready'}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: '成员找不到彼此而退出', en: 'the members do not find one another and end'}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: '成员不就绪', en: 'its members do not get ready'}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: '成员不就绪，Service 没有端点', en: 'members that are not ready leave the Service without endpoints'}
benign:
  - zh: '成员之间不互相查找的 StatefulSet 不需要这个 Service'
    en: 'a StatefulSet whose members never look one another up does not need that Service'
remedy:
  - purpose: {zh: '比较 serviceName 与存在的无头 Service', en: 'compare serviceName with the headless Services that exist'}
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} get statefulset {{ subject.name }} -o jsonpath={.spec.serviceName}'
    expect: {zh: '与无头 Service 的名字不同', en: 'it is not the name of the headless Service'}
    verify: {zh: '已确认不一致', en: 'the difference is confirmed'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: 'serviceName 不可修改：创建同名的无头 Service，或重建 StatefulSet（--cascade=orphan 保留 Pod 与数据）', en: 'serviceName cannot be changed: create a headless Service of that name, or re-create the StatefulSet (--cascade=orphan keeps pods and data)'}
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} delete statefulset {{ subject.name }} --cascade=orphan'
    expect: {zh: '随后用改正后的清单创建', en: 'then create it from the corrected manifest'}
    verify: {zh: '成员的名字可以解析，Pod 就绪', en: 'the members'' names resolve and the pods get ready'}
    rollback: {zh: '用原来的清单重新创建', en: 'create it from the former manifest'}
prevention:
  - kind: prevent
    text: {zh: '在流水线中校验 serviceName 与 Service 清单一致', en: 'check in the pipeline that serviceName is a Service of the manifests'}
    acceptance: {zh: '不一致的清单在流水线中失败', en: 'manifests that disagree fail there'}
sources: ['kubernetes.io/docs/concepts/workloads/controllers/statefulset#stable-network-id', 'kubernetes pkg/controller/statefulset/stateful_set_utils.go updateIdentity']
versions: Kubernetes 1.9 to 1.36
examples:
  - name: 'another name than that of the Service'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"search-discovery","namespace":"w"},"spec":{"clusterIP":"None","selector":{"app":"search"},"ports":[{"port":9300}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"search","namespace":"w"},"spec":{"serviceName":"search","replicas":3,"template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"s"}]}}},"status":{"replicas":3,"readyReplicas":0}}]}'
    fires: [{kind: StatefulSet, namespace: w, name: search}]
  - name: 'the Service is there'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"search","namespace":"w"},"spec":{"clusterIP":"None","selector":{"app":"search"},"ports":[{"port":9300}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"search","namespace":"w"},"spec":{"serviceName":"search","replicas":3,"template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"s"}]}}},"status":{"replicas":3,"readyReplicas":0}}]}'
  - name: 'members of a data store look one another up under the other Service of the same pods'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"redis","namespace":"w"},"spec":{"clusterIP":"10.43.0.9","selector":{"app":"redis"},"ports":[{"port":6379}]}},{"metadata":{"name":"redis-members","namespace":"w"},"spec":{"clusterIP":"None","selector":{"app":"redis"},"ports":[{"port":6379}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"redis","namespace":"w"},"spec":{"serviceName":"redis","replicas":3,"template":{"metadata":{"labels":{"app":"redis"}},"spec":{"containers":[{"name":"s"}]}}},"status":{"replicas":3,"readyReplicas":0}}]}'
      'pods.txt': |
        NAMESPACE   NAME      READY   STATUS    RESTARTS   AGE
        w           redis-0   0/1     Running   0          9m
        w           redis-1   0/1     Running   0          9m
      'logs/redis-0.log': |
        2026-02-24T14:29:40Z ERROR join: lookup redis-1.redis-members on 10.43.0.10:53: no such host
        2026-02-24T14:29:50Z ERROR join: lookup redis-1.redis-members on 10.43.0.10:53: no such host
    fires: [{kind: StatefulSet, namespace: w, name: redis}]
  - name: 'a table hides the serviceName, and the name of the headless Service does not resolve'
    files:
      'services.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE   SELECTOR
        w           redis   ClusterIP   None         <none>        6379/TCP   26m   app=redis
      'sts.txt': |
        NAMESPACE   NAME    READY   AGE   CONTAINERS   IMAGES
        w           redis   0/3     26m   redis        redis:7
      'pods.txt': |
        NAMESPACE   NAME      READY   STATUS    RESTARTS   AGE
        w           redis-0   0/1     Running   0          9m
        w           redis-1   0/1     Running   0          9m
      'logs/redis-0.log': |
        2026-02-24T14:29:40Z ERROR join: lookup redis-1.redis on 10.43.0.10:53: no such host
        2026-02-24T14:29:50Z ERROR join: lookup redis-1.redis on 10.43.0.10:53: no such host
  - name: 'they are looked up under the Service that it gives, before they are ready'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"redis-members","namespace":"w"},"spec":{"clusterIP":"None","selector":{"app":"redis"},"ports":[{"port":6379}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"redis","namespace":"w"},"spec":{"serviceName":"redis-members","replicas":3,"template":{"metadata":{"labels":{"app":"redis"}},"spec":{"containers":[{"name":"s"}]}}},"status":{"replicas":3,"readyReplicas":0}}]}'
      'pods.txt': |
        NAMESPACE   NAME      READY   STATUS    RESTARTS   AGE
        w           redis-0   0/1     Running   0          9m
        w           redis-1   0/1     Running   0          9m
      'logs/redis-0.log': |
        2026-02-24T14:29:40Z ERROR join: lookup redis-1.redis-members on 10.43.0.10:53: no such host
        2026-02-24T14:29:50Z ERROR join: lookup redis-1.redis-members on 10.43.0.10:53: no such host
  - name: 'nobody misses it'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"other","namespace":"w"},"spec":{"clusterIP":"None","selector":{"app":"other"},"ports":[{"port":9300}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"search","namespace":"w"},"spec":{"serviceName":"search","replicas":3,"template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"s"}]}}},"status":{"replicas":3,"readyReplicas":3}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    // What is asked for in vain: a pod's name under a Service that is there, but not the one that the StatefulSet gives. Who asks is most
    // often a member of the set itself, a data store.
    let speakers = Subjects {
        clients_only: false,
        ..of_clients()
    };
    for complaint in complaints(snapshot, &|id| id.starts_with("app-upstream-unresolved/"), &speakers) {
        let peer = complaint.peer();
        let mut labels = peer.host.split('.');
        let (Some(pod), Some(asked)) = (labels.next(), labels.next()) else {
            continue;
        };
        let found = snapshot
            .pods()
            .find(|view| view.name() == pod && same_namespace(view.namespace(), &complaint.speaker.workload.namespace));
        let Some(view) = found else { continue };
        let owner = snapshot.top_owner(view.object);
        let given = snapshot
            .object(&owner.kind, &owner.namespace, &owner.name)
            .map_or("", |object| object.text("/spec/serviceName"));
        let Some(known) = service(snapshot, view.namespace(), asked) else {
            continue;
        };
        // Where a table hides what the set gives, a headless Service that is there may well be it.
        let may_be_given = given.is_empty() && known.text("/spec/clusterIP") == "None";
        if owner.kind != "StatefulSet" || given == asked || may_be_given {
            continue;
        }
        let confidence = if given.is_empty() {
            Confidence::Possible
        } else {
            Confidence::Confirmed
        };
        add(
            input,
            rule,
            &mut findings,
            owner,
            confidence,
            (given, &peer.host),
            complaint.cite.clone(),
        );
    }
    for set in snapshot.kind("StatefulSet") {
        let given = set.text("/spec/serviceName");
        let is_ailing = set.get("/status").is_some()
            && set.int("/status/readyReplicas").unwrap_or(0) < set.int("/spec/replicas").unwrap_or(1);
        let offered = services_in(snapshot, &set.key.namespace).any(|service| is_for(service, set));
        if !given.is_empty() && is_ailing && offered && service(snapshot, &set.key.namespace, given).is_none() {
            let cite = set.cite_at("/spec/serviceName");
            add(
                input,
                rule,
                &mut findings,
                set.subject(),
                Confidence::Probable,
                (given, ""),
                cite,
            );
        }
    }
    findings
}

/// A headless Service that selects the set's own pods: it is what was meant.
fn is_for(service: &Object, set: &Object) -> bool {
    let labels = set
        .get("/spec/template/metadata/labels")
        .and_then(|labels| labels.as_object());
    let selector = service.get("/spec/selector").and_then(|selector| selector.as_object());
    service.text("/spec/clusterIP") == "None"
        && match (labels, selector) {
            (Some(labels), Some(selector)) => {
                !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            }
            _ => false,
        }
}

fn add(
    input: &Input<'_>,
    rule: &RuleHeader,
    findings: &mut Vec<Finding>,
    set: Subject,
    confidence: Confidence,
    (given, asked): (&str, &str),
    cite: Citation,
) {
    if let Some(known) = findings.iter_mut().find(|known| known.subject == set) {
        known.add_cite(cite);
        return;
    }
    let mut finding = Finding::new(rule, set.clone(), confidence)
        .at("spec.serviceName")
        .cite(cite)
        .fact("given", given)
        .fact("asked", asked);
    let pods: BTreeSet<Subject> = input
        .snapshot
        .pods_of(&set)
        .map(|pod| Subject::namespaced("Pod", pod.namespace(), pod.name()))
        .collect();
    for pod in pods {
        finding.touches.extend(workload_touches(input.snapshot, &pod));
    }
    findings.push(finding);
}
