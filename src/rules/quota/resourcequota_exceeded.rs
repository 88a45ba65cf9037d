//! A namespace's quota is used up, and new pods are refused.

use std::collections::BTreeMap;

use crate::cluster::Object;
use crate::model::{Confidence, Subject};
use crate::rules::refused::refused;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: resourcequota-exceeded
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  - id: exceeded
    pattern: "is forbidden: exceeded quota: (?P<quota>[^,\\s]+), requested: (?P<requested>[^\\n]+?), used: (?P<used>[^\\n]+?), limited: (?P<limited>[^\\n\"]+)"
check:
  zh: "资源配额是否已用尽"
  en: "whether quotas are used up"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：配额 {{ quota }} 已用尽，无法创建{% if of_pods %} Pod{% else %}对象{% endif %}（请求 {{ requested }}，已用 {{ used }}，上限 {{ limited }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: quota {{ quota }} is used up, {% if of_pods %}pods{% else %}objects{% endif %} cannot be created (requested {{ requested }}, used {{ used }}, limited {{ limited }})"
cause:
  zh: "命名空间 {{ namespace }} 的配额 {{ quota }} 拒绝了新的{% if of_pods %} Pod{% else %}对象{% endif %}（共 {{ count }} 次）：请求 {{ requested }}，已用 {{ used }}，上限 {{ limited }}。{% if holders %}命名空间中 Pod 最多的是 {{ holders|join('、') }}。{% endif %}"
  en: "quota {{ quota }} of namespace {{ namespace }} refused new {% if of_pods %}pods{% else %}objects{% endif %} ({{ count|times }}): requested {{ requested }}, used {{ used }}, limited {{ limited }}.{% if holders %} Most pods of the namespace are of {{ holders|join(', ') }}.{% endif %}"
rules_out:
  - {zh: "节点容量：拒绝发生在调度之前", en: "node capacity: the refusal came before scheduling"}
questions:
  - {zh: "谁占用了配额？滚动更新的额外副本或已结束的 Pod 是否计算在内？", en: "who uses the quota up, and do surge replicas or finished pods count in?"}
causes:
  - rule: certificate-not-issued
    ground: namespace
    mechanism: {zh: "cert-manager 因配额不能写入 Secret", en: "the quota keeps cert-manager from writing the Secret"}
  - rule: deployment-replicafailure-failedcreate
    ground: workload
    mechanism: {zh: "准入拒绝使控制器无法创建 Pod", en: "admission refuses what the controller tries to create"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod 就没有可用副本", en: "no pod, no available replica"}
benign:
  - {zh: "副本数已满足的工作负载的旧事件不算", en: "an old event of a workload that has all its replicas since does not count"}
  - {zh: "滚动更新需要为 maxSurge 预留余量，短暂的拒绝会自行恢复", en: "a rolling update needs headroom for maxSurge; short refusals pass"}
remedy:
  - purpose: {zh: "查看配额与占用者", en: "look at the quota and who uses it"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} describe resourcequota {{ quota }}
      kubectl -n {{ namespace }} get pods -o wide
    expect: {zh: "Used 接近 Hard", en: "Used is close to Hard"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高配额（或减少副本与 requests）", en: "raise the quota (or lower replicas and requests)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit resourcequota {{ quota }}"
    expect: {zh: "`resourcequota/{{ quota }} edited`", en: "`resourcequota/{{ quota }} edited`"}
    verify: {zh: "Pod 已创建", en: "the pods exist"}
    rollback: {zh: "把上限改回 {{ limited }}", en: "set the limit back to {{ limited }}"}
prevention:
  - kind: detect
    immediate: true
    text: {zh: "对配额使用率超过 90% 告警", en: "alert when a quota is used to 90 %"}
    acceptance: {zh: "测试命名空间用到 90% 时收到告警", en: "a test namespace at 90 % raises the alert"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go: `exceeded quota: %s, requested: %s, used: %s, limited: %s`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "a controller of another namespace is refused"
    files:
      quotas.json: '{"kind":"ResourceQuotaList","apiVersion":"v1","items":[{"metadata":{"name":"objects","namespace":"team"},"spec":{"hard":{"count/secrets":"60"}},"status":{"hard":{"count/secrets":"60"},"used":{"count/secrets":"60"}}}]}'
      pods.txt: |
        NAMESPACE      NAME                            READY   STATUS    RESTARTS   AGE
        cert-manager   cert-manager-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      cert-manager-6bdf8c9d7-jd5lx.log: |
        E0903 05:49:15.000000       1 controller.go:167] "re-queuing item due to error processing" err="secrets \"sale-tls-xdmb5\" is forbidden: exceeded quota: objects, requested: count/secrets=1, used: count/secrets=60, limited: count/secrets=60"
        E0903 05:54:05.000000       1 controller.go:167] "re-queuing item due to error processing" err="secrets \"sale-tls-7jkgd\" is forbidden: exceeded quota: objects, requested: count/secrets=1, used: count/secrets=60, limited: count/secrets=60"
    fires: [{kind: ResourceQuota, namespace: team, name: objects}]
  - name: "event"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: exceeded quota: compute, requested: requests.memory=1Gi, used: requests.memory=1Gi, limited: requests.memory=1Gi","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "condition of the Deployment"
    files:
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":3},"status":{"replicas":1,"availableReplicas":1,"conditions":[{"type":"ReplicaFailure","status":"True","reason":"FailedCreate","message":"pods \"api-57f9c76575-x\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4"}]}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "several are refused by what others use up"
    files:
      quota.json: '{"kind":"ResourceQuota","apiVersion":"v1","metadata":{"name":"compute","namespace":"pay"},"spec":{"hard":{"pods":"4"}},"status":{"hard":{"pods":"4"},"used":{"pods":"4"}}}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-1","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}},{"metadata":{"name":"e-2","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"web-57f9c76575-\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"web-57f9c76575"}}]}'
    fires: [{kind: ResourceQuota, namespace: pay, name: compute}]
  - name: "all replicas are there"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: exceeded quota: compute, requested: requests.memory=1Gi, used: requests.memory=1Gi, limited: requests.memory=1Gi","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = refused(input, rule, |_, owner| Some(owner.clone()));
    for finding in &mut findings {
        let quota = name_of(finding);
        if let Some(object) = quota_of(input, &finding.subject.namespace, &quota) {
            finding.add_cite(object.cite_at("/status/used"));
            finding.add_affected(object.subject());
            let holders = holders(input, &object.key.namespace);
            finding.facts.insert("holders".into(), holders.into());
        } else {
            finding.facts.insert("holders".into(), Vec::<String>::new().into());
        }
        finding.path = format!("resourcequota/{quota}");
        let asked = finding.facts.get("requested").and_then(|asked| asked.as_str());
        let is_of_pods = asked.is_none_or(|asked| OF_PODS.iter().any(|resource| asked.contains(resource)));
        finding.facts.insert("of_pods".into(), is_of_pods.into());
    }
    together(input, rule, findings)
}

fn name_of(finding: &Finding) -> String {
    let name = finding.facts.get("quota").and_then(|quota| quota.as_str());
    name.unwrap_or("").to_owned()
}

/// The quota of this name in the namespace; a controller in another namespace logs refusals of the one that it works for.
fn quota_of<'s>(input: &Input<'s>, namespace: &str, name: &str) -> Option<&'s Object> {
    let snapshot = input.snapshot;
    snapshot.object("ResourceQuota", namespace, name).or_else(|| {
        let mut named = snapshot.kind("ResourceQuota").filter(|object| object.key.name == name);
        named.next().filter(|_| named.next().is_none())
    })
}

/// Several workloads that one quota refuses have one cause: the quota.
fn together(input: &Input<'_>, rule: &RuleHeader, findings: Vec<Finding>) -> Vec<Finding> {
    let mut groups: Vec<(Option<Subject>, Vec<Finding>)> = Vec::new();
    for finding in findings {
        let quota = quota_of(input, &finding.subject.namespace, &name_of(&finding)).map(Object::subject);
        match groups.iter_mut().find(|(known, _)| known.is_some() && *known == quota) {
            Some((_, group)) => group.push(finding),
            None => groups.push((quota, vec![finding])),
        }
    }
    let mut found = Vec::new();
    for (quota, group) in groups {
        // A controller logs what it was refused elsewhere: it is not the one that lacks room.
        let is_elsewhere = |finding: &Finding| {
            quota
                .as_ref()
                .is_some_and(|quota| quota.namespace != finding.subject.namespace)
        };
        let (Some(quota), true) = (&quota, group.len() > 1 || group.iter().any(is_elsewhere)) else {
            found.extend(group);
            continue;
        };
        let mut members = group.into_iter();
        let Some(first) = members.next() else { continue };
        let mut whole = Finding::new(rule, quota.clone(), Confidence::Confirmed);
        whole.facts = first.facts.clone();
        whole.path = "status.used".to_owned();
        whole.count = 0;
        for member in std::iter::once(first).chain(members) {
            whole.count += member.count;
            for cite in member.evidence {
                whole.add_cite(cite);
            }
            whole.touches.extend(member.touches);
            for suffering in member.affected {
                whole.add_affected(suffering);
            }
            if member.subject.namespace == quota.namespace {
                whole.add_affected(member.subject);
            }
        }
        whole.facts.insert("namespace".into(), quota.namespace.clone().into());
        whole.facts.insert("count".into(), whole.count.into());
        found.push(whole);
    }
    found
}

/// Who holds pods in the namespace, those with the most first: `load-soak-* (7)` for pods that nothing owns.
fn holders(input: &Input<'_>, namespace: &str) -> Vec<String> {
    let snapshot = input.snapshot;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for pod in snapshot.pods() {
        if pod.namespace() != namespace || matches!(pod.phase(), "Succeeded" | "Failed") {
            continue;
        }
        let owner = snapshot.top_owner(pod.object);
        let name = match (owner.kind.as_str(), owner.name.rsplit_once('-')) {
            ("Pod", Some((stem, _))) => format!("{stem}-*"),
            _ => format!("{}/{}", owner.kind.to_lowercase(), owner.name),
        };
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(MOST_HOLDERS);
    counts
        .into_iter()
        .map(|(name, count)| format!("{name} ({count})"))
        .collect()
}

/// Resources that a pod uses up; others are counts of objects (kubernetes pkg/quota/v1/evaluator).
const OF_PODS: [&str; 4] = ["pods", "cpu", "memory", "ephemeral-storage"];

/// So many holders are named.
const MOST_HOLDERS: usize = 3;
