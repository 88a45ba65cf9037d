//! A rollout stands still between two revisions: what people see, never why.

use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::probes::is_still_starting;
use crate::rules::toolbox::replica_sets::{of_deployment, revision};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: deployment-rollout-stuck
role: symptom
level: warning
needs: [deployments]
check:
  zh: Deployment 的发布是否停在两个版本之间
  en: whether the rollout of a Deployment stands between two revisions
title:
  zh: "Deployment {{ subject.namespace }}/{{ subject.name }} 的发布停住：{% if unseen %}控制器还没有处理最新的修改（observedGeneration {{ observed }}，generation {{ generation }}）{% else %}新版本 {{ new }} 有 {{ broken }} 个 Pod 没有就绪，旧版本 {{ old }} 仍保留 {{ kept }} 个副本{% endif %}"
  en: "the rollout of Deployment {{ subject.namespace }}/{{ subject.name }} stands still: {% if unseen %}the controller has not seen the last change (observedGeneration {{ observed }}, generation {{ generation }}){% else %}{{ broken|pods }} of the new revision {{ new }} are not ready, and {{ kept }} replicas of the old one {{ old }} are kept{% endif %}"
cause:
  zh: "{% if unseen %}Deployment 控制器没有处理最新的 spec。{% else %}新版本的 Pod 不就绪，控制器因此保留旧版本的副本：服务仍由旧版本提供，容量可能不足。{% endif %}采集到的数据没有说明原因。把副本数缩到 0 再恢复会中断服务，并不能解决原因。"
  en: "{% if unseen %}the Deployment controller has not acted on the newest spec.{% else %}pods of the new revision do not get ready, so the controller keeps those of the old: the old version serves, perhaps with less capacity.{% endif %} The collected data does not say why. Scaling to 0 and back interrupts the service and mends nothing."
causes:
  - rule: stale-replicasets
    ground: workload
    mechanism: {zh: "停住的发布留下旧版本的副本", en: "a rollout that stands still leaves replicas of the old revision"}
benign:
  - {zh: "正在进行的发布：新 Pod 刚刚创建", en: "a rollout under way: the new pods were just made"}
  - {zh: "旧的 ReplicaSet 期望 0 个副本，是用于回滚的历史", en: "old ReplicaSets that want 0 replicas are the history for a rollback"}
remedy:
  - purpose: {zh: "查看发布状态与版本", en: "see the rollout and its revisions"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} rollout status deployment/{{ subject.name }} --timeout=10s
      kubectl -n {{ subject.namespace }} rollout history deployment/{{ subject.name }}
    expect: {zh: "Waiting for deployment … rollout to finish", en: "Waiting for deployment … rollout to finish"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "修复新版本，或回到旧版本", en: "mend the new revision, or go back to the old"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} rollout undo deployment/{{ subject.name }}"
    expect: {zh: "rolled back", en: "rolled back"}
    verify: {zh: "rollout status 显示 successfully rolled out", en: "rollout status says successfully rolled out"}
    rollback: {zh: "再次 rollout undo 回到新版本", en: "rollout undo once more"}
prevention:
  - kind: detect
    text: {zh: "流水线用 rollout status --timeout 判定发布结果", en: "let the pipeline judge a rollout by rollout status --timeout"}
    acceptance: {zh: "镜像不存在的测试发布使流水线失败", en: "a test rollout with an image that does not exist fails the pipeline"}
sources:
  - "kubernetes staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go: `Waiting for deployment %q rollout to finish`"
  - "kubernetes pkg/controller/deployment/rolling.go"
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "two ReplicaSets with replicas, the new pod fails"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop","uid":"d"},"spec":{"replicas":2},"status":{"replicas":3,"updatedReplicas":1,"availableReplicas":2}}]}'
      "rs.json": '{"kind":"ReplicaSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web-7f97bf5c6c","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"1"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":2},"status":{"replicas":2,"readyReplicas":2}},{"metadata":{"name":"web-8f458dc5b","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"2"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":1},"status":{"replicas":1}}]}'
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-8f458dc5b-jd5lx","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"web-8f458dc5b","uid":"r","controller":true}]},"spec":{"containers":[{"name":"app","image":"a:2"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "tables"
    files:
      "rs.txt": |
        NAMESPACE   NAME                            DESIRED   CURRENT   READY   AGE
        shop        replicaset.apps/web-7f97bf5c6c  2         2         2       9d
        shop        replicaset.apps/web-8f458dc5b   1         1         0       41m
      "deploy.txt": |
        NAMESPACE   NAME                  READY   UP-TO-DATE   AVAILABLE   AGE
        shop        deployment.apps/web   2/2     1            2           9d
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-8f458dc5b-jd5lx        0/1     CrashLoopBackOff   7          41m
        shop        web-7f97bf5c6c-zv4q2       1/1     Running            0          9d
        shop        web-7f97bf5c6c-8jhnx       1/1     Running            0          9d
      "date.txt": "2026-02-24T14:30:00Z\n"
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "under way"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop","uid":"d"},"spec":{"replicas":2},"status":{"replicas":3,"updatedReplicas":1,"availableReplicas":2}}]}'
      "rs.json": '{"kind":"ReplicaSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web-7f97bf5c6c","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"1"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":2},"status":{"replicas":2,"readyReplicas":2}},{"metadata":{"name":"web-8f458dc5b","namespace":"shop","annotations":{"deployment.kubernetes.io/revision":"2"},"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d","controller":true}]},"spec":{"replicas":1},"status":{"replicas":1}}]}'
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-8f458dc5b-jd5lx","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"web-8f458dc5b","uid":"r","controller":true}]},"spec":{"containers":[{"name":"app","image":"a:2"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
  - name: "the history of revisions"
    files:
      "rs.txt": |
        NAMESPACE   NAME                            DESIRED   CURRENT   READY   AGE
        shop        replicaset.apps/web-7f97bf5c6c  0         0         0       9d
        shop        replicaset.apps/web-8f458dc5b   2         2         2       41m
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    snapshot
        .kind("Deployment")
        .filter(|deployment| deployment.int("/spec/replicas") != Some(0))
        .filter_map(|deployment| unseen(rule, deployment).or_else(|| between(snapshot, rule, deployment)))
        .collect()
}

/// The controller is behind: it acts on a change within a second, so what was changed seconds before the bundle was made is rare.
fn unseen(rule: &RuleHeader, deployment: &Object) -> Option<Finding> {
    let (observed, generation) = (
        deployment.int("/status/observedGeneration")?,
        deployment.int("/metadata/generation")?,
    );
    (observed < generation).then(|| {
        Finding::new(rule, deployment.subject(), Confidence::Confirmed)
            .cite(deployment.cite_at("/status/observedGeneration"))
            .cite(deployment.cite_at("/metadata/generation"))
            .fact("unseen", true)
            .fact("observed", observed)
            .fact("generation", generation)
    })
}

/// Two revisions have replicas, and pods of the new one fail.
fn between(snapshot: &Snapshot, rule: &RuleHeader, deployment: &Object) -> Option<Finding> {
    let sets: Vec<&Object> = of_deployment(snapshot, &deployment.subject())
        .into_iter()
        .filter(|set| set.int("/spec/replicas").unwrap_or(0) > 0)
        .collect();
    let (new, rest) = sets.split_last()?;
    let old = rest.last()?;
    // Without a revision, or times, nobody can say which is the new one.
    revision(snapshot, new)?;
    let broken: Vec<PodView<'_>> = snapshot
        .pods()
        .filter(|pod| pod.namespace() == new.key.namespace && is_of(pod, &new.key.name) && fails(snapshot, pod))
        .collect();
    if broken.is_empty() {
        return None;
    }
    let mut finding = Finding::new(rule, deployment.subject(), Confidence::Confirmed)
        .cite(new.cite_at("/status"))
        .cite(old.cite_at("/spec/replicas"))
        .cite(deployment.cite_at("/status/updatedReplicas"))
        .fact("unseen", false)
        .fact("new", new.key.name.clone())
        .fact("old", old.key.name.clone())
        .fact("kept", old.int("/spec/replicas").unwrap_or(0))
        .fact("broken", broken.len());
    for pod in broken {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
    }
    Some(finding)
}

fn is_of(pod: &PodView<'_>, set: &str) -> bool {
    pod.name()
        .strip_prefix(set)
        .is_some_and(|rest| rest.len() == 6 && rest.starts_with('-'))
}

/// A pod that is only just starting is part of a rollout that goes on.
fn fails(snapshot: &Snapshot, pod: &PodView<'_>) -> bool {
    let is_refused = pod.containers().iter().any(|container| {
        container.restarts() > 0
            || container
                .waiting()
                .is_some_and(|waiting| !matches!(waiting.reason, "ContainerCreating" | "PodInitializing" | ""))
    });
    let is_warned = || {
        snapshot
            .events_on("Pod", pod.namespace(), pod.name())
            .any(|event| event.warning)
    };
    let is_failing = is_refused || is_warned() && !is_still_starting(snapshot, pod);
    !pod.is_well() && !pod.is_terminating() && is_failing
}
