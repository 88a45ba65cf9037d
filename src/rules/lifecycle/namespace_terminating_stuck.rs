//! The deletion of a namespace cannot come to its end.

use std::sync::LazyLock;

use jiff::SignedDuration;
use regex::Regex;

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: namespace-terminating-stuck
role: cause
level: warning
needs: [namespaces]
check:
  zh: '是否有命名空间一直停留在 Terminating'
  en: 'whether a namespace stays in Terminating'
title:
  zh: '命名空间 {{ subject.name }} 停留在 Terminating（{{ reason }}）'
  en: 'namespace {{ subject.name }} stays in Terminating ({{ reason }})'
cause:
  zh: '命名空间 {{ subject.name }} 的删除不能完成：{{ message }}{% if group %}。提供 {{ group }} 的聚合 API 不可用，因此控制器无法列出要删除的内容{% endif %}{% if finalizer %}。带有 finalizer {{ finalizer }} 的对象要等它的控制器处理{% endif %}。'
  en: 'namespace {{ subject.name }} cannot be deleted to the end: {{ message }}{% if group %}. The aggregated API that serves {{ group }} is not available, so the controller cannot list what to delete{% endif %}{% if finalizer %}. Objects with the finalizer {{ finalizer }} wait for its controller{% endif %}.'
benign:
  - zh: '同名条件的 status 为 False 是健康的'
    en: 'the same conditions with status False are healthy'
  - zh: '大命名空间在几分钟内处于 Terminating 是正常的'
    en: 'a few minutes in Terminating are normal for a large namespace'
remedy:
  - purpose:
      zh: '查看条件与不可用的聚合 API'
      en: 'see its conditions and the aggregated APIs that are not available'
    place: cluster
    risk: read-only
    command: |
      kubectl get namespace {{ subject.name }} -o yaml
      kubectl get apiservices
    expect:
      zh: 'AVAILABLE 为 False 的 APIService，或剩余的对象'
      en: 'an APIService that is not AVAILABLE, or the objects that remain'
    verify:
      zh: '与条件中的消息一致'
      en: 'it agrees with the message of the condition'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '恢复该 APIService 背后的服务；如果它已卸载，删除 APIService'
      en: 'bring back what serves that APIService; if it was uninstalled, delete the APIService'
    place: cluster
    risk: dangerous
    when: 'apiservice'
    command: 'kubectl delete apiservice {{ apiservice }}'
    verify:
      zh: '命名空间消失'
      en: 'the namespace is gone'
    rollback:
      zh: '重新安装提供该 API 的组件会重建 APIService'
      en: 'installing the component again creates the APIService anew'
  - purpose:
      zh: '修复处理 finalizer 的控制器；确认它已卸载后才移除这些对象自己的 finalizer'
      en: 'mend the controller of the finalizer; only when it is gone for good remove the finalizer from those objects'
    place: cluster
    risk: read-only
    when: 'finalizer'
    command: 'kubectl api-resources --verbs=list --namespaced -o name | xargs -n1 kubectl -n {{ subject.name }} get --ignore-not-found --show-kind'
    verify:
      zh: '列出剩余对象'
      en: 'the remaining objects are listed'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: process
    text:
      zh: '按“自定义资源 → 控制器 → CRD/APIService”的顺序卸载组件'
      en: 'uninstall in the order custom resources, controller, CRDs and APIServices'
    acceptance:
      zh: '卸载演练后没有残留的 APIService'
      en: 'a rehearsed removal leaves no APIService behind'
sources:
  - 'kubernetes pkg/controller/namespace/deletion/status_condition_utils.go, namespaced_resources_deleter.go'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'a dead aggregated API'
    files:
      'ns.json': '{"kind": "NamespaceList", "apiVersion": "v1", "items": [{"metadata": {"name": "feature", "deletionTimestamp": "2026-02-24T14:44:12Z"}, "status": {"phase": "Terminating", "conditions": [{"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "reason": "DiscoveryFailed", "message": "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: the server is currently unable to handle the request"}]}}]}'
    fires:
      - {kind: 'Namespace', name: 'feature'}
  - name: 'being deleted without trouble'
    files:
      'ns.json': '{"kind": "NamespaceList", "apiVersion": "v1", "items": [{"metadata": {"name": "feature", "deletionTimestamp": "2026-02-24T14:44:12Z"}, "status": {"phase": "Terminating", "conditions": [{"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "reason": "ResourcesDiscovered", "message": "All resources successfully discovered"}]}}]}'
"##;

/// The conditions that hold up a deletion while their status is True, the most telling first.
const CONDITIONS: [&str; 5] = [
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
];

/// `…server APIs: metrics.k8s.io/v1beta1: …`
static GROUP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"([a-z0-9.-]+\.[a-z0-9.-]+)/(v[0-9][a-z0-9]*)").ok());
/// `… finalizers remaining: x/y in 1 resource instances`
static FINALIZER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"finalizers remaining: (\S+) in ").ok());

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("Namespace")
        .filter_map(|namespace| judge(input, rule, namespace))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, namespace: &Object) -> Option<Finding> {
    if namespace.text("/status/phase") != "Terminating" {
        return None;
    }
    // Emptying a namespace takes its time.
    let since = namespace.time("/metadata/deletionTimestamp");
    let is_recent = since
        .zip(input.snapshot.now())
        .is_some_and(|(since, now)| now.duration_since(since.earliest) < SignedDuration::from_mins(5));
    if is_recent {
        return None;
    }
    let conditions = namespace.list("/status/conditions");
    let text = |index: usize, field: &str| {
        namespace
            .text(&format!("/status/conditions/{index}/{field}"))
            .to_owned()
    };
    let index = CONDITIONS.iter().find_map(|wanted| {
        (0..conditions.len()).find(|&index| text(index, "type") == *wanted && text(index, "status") == "True")
    })?;
    let message = text(index, "message");
    let first = |regex: &LazyLock<Option<Regex>>| regex.as_ref().and_then(|regex| regex.captures(&message));
    let group = first(&GROUP).filter(|_| text(index, "type").contains("Discovery"));
    let group_version = group.as_ref().map_or((String::new(), String::new()), |found| {
        let part = |at: usize| found.get(at).map_or("", |part| part.as_str()).to_owned();
        (part(1), part(2))
    });
    let apiservice = if group_version.0.is_empty() {
        String::new()
    } else {
        format!("{}.{}", group_version.1, group_version.0)
    };
    let finalizer = first(&FINALIZER)
        .and_then(|found| found.get(1))
        .map_or(String::new(), |part| part.as_str().to_owned());
    let at = format!("/status/conditions/{index}/message");
    let since = namespace
        .time("/metadata/deletionTimestamp")
        .or_else(|| namespace.time(&format!("/status/conditions/{index}/lastTransitionTime")));
    let mut finding = Finding::new(rule, namespace.subject(), Confidence::Confirmed)
        .at("status.conditions")
        .cite(namespace.cite_at(&at).at(since))
        .fact("reason", text(index, "reason"))
        .fact("message", message.chars().take(300).collect::<String>())
        .fact("group", group_version.0.clone())
        .fact("finalizer", finalizer);
    if let Some(service) = input.snapshot.object("APIService", "", &apiservice) {
        finding.add_cite(service.cite_at("/status/conditions"));
        finding.blame(service.subject());
        finding.touches.extend(Touch::of(&service.subject()));
    }
    Some(finding.fact("apiservice", apiservice))
}
