//! A StatefulSet waits for one pod before it makes the next.

use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: statefulset-stuck-ordinal
role: factor
level: info
needs: [statefulsets, pods]
check:
  zh: "StatefulSet 是否被某个序号的 Pod 挡住"
  en: "whether a StatefulSet is held up by one of its pods"
title:
  zh: "StatefulSet {{ subject.namespace }}/{{ subject.name }} 停在序号 {{ ordinal }}：{{ pod }} 未就绪，其余 Pod 不会创建（{{ have }}/{{ wanted }}）"
  en: "StatefulSet {{ subject.namespace }}/{{ subject.name }} is held up at ordinal {{ ordinal }}: {{ pod }} is not ready, so the others are not made ({{ have }} of {{ wanted }})"
cause:
  zh: "podManagementPolicy 为 OrderedReady 时，控制器等 {{ pod }} 就绪后才创建下一个；只需排除 {{ pod }} 的原因。"
  en: "with podManagementPolicy OrderedReady the controller makes the next pod when {{ pod }} is ready; only what ails {{ pod }} has to be found."
benign:
  - {zh: "扩容过程中的短暂等待", en: "for a while as it scales up"}
remedy:
  - purpose: {zh: "查看挡住的 Pod", en: "see the pod that holds it up"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe pod {{ pod }}"
    expect: {zh: "它未就绪的原因", en: "why it is not ready"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "不依赖顺序的应用使用 podManagementPolicy: Parallel", en: "use podManagementPolicy: Parallel where order does not matter"}
    acceptance: {zh: "一个 Pod 失败时其余照常创建", en: "with one pod failing the others are made"}
sources: ["kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-management-policies"]
versions: "Kubernetes 1.9 to 1.36"
examples:
  - name: "the first of three"
    files:
      "sts.json": '{"kind": "StatefulSetList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "db", "namespace": "shop", "uid": "a"}, "spec": {"replicas": 3}, "status": {"replicas": 1, "readyReplicas": 0}}]}'
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   db-0   0/1   Pending   0   9m
    fires: [{kind: "StatefulSet", namespace: "shop", name: "db"}]
  - name: "the last"
    files:
      "sts.json": '{"kind": "StatefulSetList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "db", "namespace": "shop", "uid": "a"}, "spec": {"replicas": 1}, "status": {"replicas": 1, "readyReplicas": 0}}]}'
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   db-0   0/1   Pending   0   9m
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for set in snapshot.kind("StatefulSet") {
        let wanted = set.int("/spec/replicas").unwrap_or(1);
        let is_ordered = set.text("/spec/podManagementPolicy") != "Parallel";
        let mut own: Vec<(i64, _)> = snapshot
            .pods()
            .filter(|pod| pod.namespace() == set.key.namespace)
            .filter_map(|pod| {
                let ordinal = pod
                    .name()
                    .strip_prefix(set.key.name.as_str())?
                    .strip_prefix('-')?
                    .parse()
                    .ok()?;
                Some((ordinal, pod))
            })
            .collect();
        own.sort_by_key(|(ordinal, _)| *ordinal);
        let blocking = own.iter().find(|(_, pod)| !pod.is_well());
        let Some((ordinal, pod)) = blocking.filter(|_| is_ordered && (own.len() as i64) < wanted) else {
            continue;
        };
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        findings.push(
            Finding::new(rule, set.subject(), Confidence::Confirmed)
                .cite(set.cite_at("/spec/replicas"))
                .cite(pod.object.cite_at("/status/phase"))
                .fact("ordinal", *ordinal)
                .fact("pod", pod.name())
                .fact("have", own.len())
                .fact("wanted", wanted)
                .affects(subject),
        );
    }
    findings
}
