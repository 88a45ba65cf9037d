//! A workload runs, others call it by name, and no Service carries that name.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::peers::{service_meant, workloads_called};
use crate::rules::toolbox::references::{Resolved, references};
use crate::rules::toolbox::services::{service, services_in};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: service-missing
role: cause
level: critical
needs: [services]
finds:
  subject: application
  confidence: confirmed
check:
  zh: '被别的工作负载按名称调用的工作负载是否都有同名的 Service'
  en: 'whether every workload that others call by name has a Service of that name'
title:
  zh: 'Service {{ subject.namespace }}/{{ subject.name }} 不存在，而同名的 {{ workload.kind|raw }} 在运行，{{ callers|join("、") }} 按这个名称调用它'
  en: 'Service {{ subject.namespace }}/{{ subject.name }} does not exist, though the {{ workload.kind|raw }} of that name runs and {{ callers|join(", ") }} call it by that name'
cause:
  zh: '命名空间 {{ subject.namespace }} 有别的 Service，但没有 {{ subject.name }}；没有 Service 就没有 DNS 记录和虚拟地址，调用方解析不了这个名称。最可能是 Service 被删除，或没有随应用一起部署。'
  en: 'namespace {{ subject.namespace }} has other Services but no {{ subject.name }}; without it there is neither a DNS record nor a virtual address, and callers cannot resolve the name. Most likely the Service was deleted, or was not deployed with the application.'
benign:
  - zh: '没有人按名称调用的工作负载（消费者、定时任务）不需要 Service'
    en: 'a workload that nobody calls by name (a consumer, a CronJob) needs no Service'
remedy:
  - purpose: {zh: '列出存在的 Service', en: 'list the Services that exist'}
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} get services'
    expect: {zh: '没有 {{ subject.name }}', en: 'no {{ subject.name }}'}
    verify: {zh: '已确认缺失', en: 'its absence is confirmed'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '从清单重新创建 Service；没有清单时由工作负载生成', en: 'create the Service again from its manifest; without one, from the workload'}
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} expose {{ workload.kind|lower }} {{ workload.name }} --name={{ subject.name }}'
    expect: {zh: 'service/{{ subject.name }} exposed', en: 'service/{{ subject.name }} exposed'}
    verify: {zh: '`kubectl get endpoints` 显示就绪的地址，调用方日志不再有解析错误', en: '`kubectl get endpoints` shows ready addresses and callers log no resolution error'}
    rollback: {zh: '删除刚创建的 Service', en: 'delete the Service that was just created'}
prevention:
  - kind: prevent
    text: {zh: '把 Service 与工作负载放在同一个发布单元里', en: 'keep the Service in the same release as its workload'}
    acceptance: {zh: '单独删除 Service 的变更被发布流程发现', en: 'a change that deletes the Service alone is found by the release process'}
sources: ['kubernetes.io/docs/concepts/services-networking/dns-pod-service']
versions: Kubernetes 1.0 to 1.36
examples:
  - name: 'two callers of a workload whose Service is gone'
    files:
      'svc.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        web     ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR quote: dial tcp: lookup rates on 10.96.0.10:53: no such host
        ERROR quote: dial tcp: lookup rates on 10.96.0.10:53: no such host
    fires: [{kind: Service, namespace: shop, name: rates}]
  - name: 'a name that no workload has is a slip of the caller'
    files:
      'svc.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        web     ClusterIP   10.96.0.12   <none>        8080/TCP   41m
        shop        rates   ClusterIP   10.96.0.13   <none>        8080/TCP   41m
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR quote: dial tcp: lookup raets on 10.96.0.10:53: no such host
        ERROR quote: dial tcp: lookup raets on 10.96.0.10:53: no such host
"##;

/// Settings alone show that a Service is missing when so many workloads name it …
const NAMED_BY: usize = 2;
/// … and so many other Services of the namespace were collected: fewer may be a selection.
const LISTED: usize = 3;

/// Who calls a name, and what shows it.
#[derive(Default)]
struct Called {
    callers: BTreeSet<Subject>,
    cites: Vec<Citation>,
    complained: bool,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let snapshot = input.snapshot;
    let mut missing: BTreeMap<(String, String), Called> = BTreeMap::new();
    for complaint in complaints(snapshot, &|id| id.starts_with("app-upstream-unresolved/"), subjects) {
        let caller = complaint.speaker.workload.clone();
        if let Some(meant) = service_meant(snapshot, &caller.namespace, &complaint.peer()) {
            let called = missing.entry(meant).or_default();
            called.complained = true;
            called.callers.insert(caller);
            called.cites.push(complaint.cite.clone());
        }
    }
    for reference in references(snapshot).iter() {
        if let Resolved::Missing { namespace, name } = reference.resolve(snapshot) {
            let called = missing.entry((namespace, name)).or_default();
            called.callers.insert(reference.workload.clone());
            called.cites.push(reference.cite.clone());
        }
    }
    missing
        .into_iter()
        .filter_map(|((namespace, name), called)| judge(input, rule, &namespace, &name, called))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, namespace: &str, name: &str, called: Called) -> Option<Finding> {
    let snapshot = input.snapshot;
    let is_told =
        called.complained || (called.callers.len() >= NAMED_BY && services_in(snapshot, namespace).count() >= LISTED);
    if !is_told || service(snapshot, namespace, name).is_some() {
        return None;
    }
    let workload = workloads_called(snapshot, namespace, name).into_iter().next()?;
    let confidence = if called.complained {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let callers: Vec<&str> = called.callers.iter().map(|caller| caller.name.as_str()).collect();
    let mut finding = Finding::new(rule, Subject::namespaced("Service", namespace, name), confidence)
        .fact("callers", callers)
        .fact(
            "workload",
            serde_json::json!({"kind": workload.kind, "name": workload.name}),
        );
    for cite in called.cites {
        finding.add_cite(cite);
    }
    finding.affected.extend(called.callers);
    Some(finding)
}
