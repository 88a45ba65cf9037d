//! A ReplicaSet that is not the newest of its Deployment, or has lost its Deployment, still runs pods.

use crate::bundle::decode::Form;
use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::replica_sets::{of_deployment, revision};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: stale-replicasets
role: factor
level: info
needs: [replicasets]
check:
  zh: 是否有旧版本或失去归属的 ReplicaSet 仍在运行 Pod
  en: whether ReplicaSets of an old revision, or without an owner, still run pods
title:
  zh: "{% if orphan %}ReplicaSet {{ subject.namespace }}/{{ subject.name }} 不再属于任何 Deployment，却仍期望 {{ replicas }} 个副本{% else %}Deployment {{ subject.namespace }}/{{ subject.name }} 的旧版本 {{ old|join('、') }} 仍有副本{% endif %}"
  en: "{% if orphan %}ReplicaSet {{ subject.namespace }}/{{ subject.name }} belongs to no Deployment any more and still wants {{ replicas }} replicas{% else %}old revisions of Deployment {{ subject.namespace }}/{{ subject.name }} still have replicas: {{ old|join(', ') }}{% endif %}"
cause:
  zh: "{% if orphan %}Deployment 删除时没有级联删除，或 ownerReferences 被移除：这些 Pod 不再随发布更新，却仍会被 Service 选中。{% else %}发布没有完成，旧版本的副本继续服务：同一时刻有两个版本在线。{% endif %}"
  en: "{% if orphan %}the Deployment was deleted without its dependents, or the ownerReferences were removed: these pods follow no rollout any more, and Services may still select them.{% else %}the rollout did not complete and replicas of the old revision go on serving: two versions are live at once.{% endif %}"
benign:
  - {zh: "期望 0 个副本的旧 ReplicaSet 是回滚历史（revisionHistoryLimit 默认 10）", en: "old ReplicaSets that want 0 replicas are the history for a rollback (revisionHistoryLimit, 10 by default)"}
  - {zh: "手工创建的、没有 pod-template-hash 标签的 ReplicaSet", en: "a ReplicaSet made by hand, without the label pod-template-hash"}
remedy:
  - purpose: {zh: "列出 ReplicaSet", en: "list the ReplicaSets"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get replicasets -o wide"
    expect: {zh: "多于一个 DESIRED 大于 0", en: "more than one with DESIRED above 0"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "发布后检查 rollout status；把 revisionHistoryLimit 设为 3", en: "look at rollout status after every release; set revisionHistoryLimit to 3"}
    acceptance: {zh: "发布完成后只有一个 ReplicaSet 有副本", en: "after a release only one ReplicaSet has replicas"}
sources: ["kubernetes pkg/controller/deployment/util/deployment_util.go: FindOldReplicaSets, RevisionAnnotation"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "two revisions with replicas"
    files:
      "rs.json": '{"kind":"ReplicaSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web-7f97bf5c6c","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"1"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":2},"status":{"replicas":2,"readyReplicas":2}},{"metadata":{"name":"web-8f458dc5b","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"2"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":1},"status":{"replicas":1}}]}'
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop","uid":"d"},"spec":{"replicas":2},"status":{"replicas":3,"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "its Deployment is gone"
    files:
      "rs.json": '{"kind":"ReplicaSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web-7f97bf5c6c","namespace":"shop","uid":"r","labels":{"pod-template-hash":"7f97bf5c6c"}},"spec":{"replicas":2},"status":{"replicas":2,"readyReplicas":2}}]}'
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"api","namespace":"shop","uid":"d"},"spec":{"replicas":2},"status":{"replicas":2}}]}'
    fires: [{kind: "ReplicaSet", namespace: "shop", name: "web-7f97bf5c6c"}]
  - name: "the history of revisions"
    files:
      "rs.json": '{"kind":"ReplicaSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web-7f97bf5c6c","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"1"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":0},"status":{"replicas":0}},{"metadata":{"name":"web-8f458dc5b","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"2"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let of_old = snapshot
        .kind("Deployment")
        .filter_map(|deployment| old_revisions(snapshot, rule, deployment));
    let orphans = snapshot
        .kind("ReplicaSet")
        .filter_map(|set| orphan(snapshot, rule, set));
    of_old.chain(orphans).collect()
}

/// A rollout that goes on has two revisions as well; one that was given up has the controller's word for it.
fn old_revisions(snapshot: &Snapshot, rule: &RuleHeader, deployment: &Object) -> Option<Finding> {
    let is_given_up = deployment.list("/status/conditions").iter().any(|condition| {
        let text = |key: &str| condition.get(key).and_then(|value| value.as_str());
        text("reason") == Some("ProgressDeadlineExceeded")
    });
    let sets = of_deployment(snapshot, &deployment.subject());
    let (newest, rest) = sets.split_last()?;
    revision(snapshot, newest)?;
    let old: Vec<&&Object> = rest
        .iter()
        .filter(|set| set.int("/spec/replicas").unwrap_or(0) > 0)
        .collect();
    if old.is_empty() || !is_given_up {
        return None;
    }
    let names: Vec<String> = old.iter().map(|set| set.key.name.clone()).collect();
    let mut finding = Finding::new(rule, deployment.subject(), Confidence::Confirmed)
        .fact("orphan", false)
        .fact("old", names);
    for set in old {
        finding.add_cite(set.cite_at("/spec/replicas"));
    }
    Some(finding)
}

fn orphan(snapshot: &Snapshot, rule: &RuleHeader, set: &Object) -> Option<Finding> {
    let hash = set.text("/metadata/labels/pod-template-hash");
    let was_made_by_controller = set.form == Form::Api && !hash.is_empty() && set.key.name.ends_with(hash);
    let replicas = set.int("/spec/replicas").unwrap_or(0);
    // Only a listing of Deployments can show that there is none for it.
    let shows_deployments = snapshot.kind("Deployment").next().is_some();
    let is_orphan = was_made_by_controller
        && replicas > 0
        && shows_deployments
        && set.list("/metadata/ownerReferences").is_empty()
        && set.get("/metadata/deletionTimestamp").is_none();
    is_orphan.then(|| {
        let subject = Subject::namespaced("ReplicaSet", &set.key.namespace, &set.key.name);
        Finding::new(rule, subject, Confidence::Confirmed)
            .cite(set.cite_at("/metadata/ownerReferences"))
            .cite(set.cite_at("/spec/replicas"))
            .fact("orphan", true)
            .fact("replicas", replicas)
    })
}
