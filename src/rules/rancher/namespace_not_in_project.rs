//! A namespace that belongs to no project of Rancher, while people and pods in it need what a project gives.

use std::collections::BTreeSet;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

/// Source: rancher/rancher `pkg/project/…`, the annotation and label `field.cattle.io/projectId`.
const PROJECT: &str = "/metadata/annotations/field.cattle.io~1projectId";

pub(in crate::rules) const RULE: &str = r##"
id: namespace-not-in-project
role: cause
level: critical
needs: [namespaces]
text:
  - id: forbidden
    in: [container-log, status, event, other]
    pattern: 'User \W{0,2}"(?P<user>[!-~]+)" cannot \w+ resource [!-~ ]{3,120} in the namespace \W{0,2}"(?P<namespace>[a-z0-9-]{1,63})'
  - id: pull-secret
    in: [event]
    pattern: '(?P<missing>Unable to retrieve some image pull secrets \([^)\n]{1,200}\))'
check: {zh: "有人或 Pod 需要项目所给之物的命名空间是否属于 Rancher 项目", en: "whether namespaces belong to a project of Rancher where people or pods need what it gives"}
title:
  zh: "命名空间 {{ subject.name }} 不属于任何 Rancher 项目，项目的角色绑定与凭据因此不在其中"
  en: "namespace {{ subject.name }} belongs to no project of Rancher, so the project's role bindings and secrets are not in it"
cause:
  zh: "命名空间 {{ subject.name }} 没有注解 field.cattle.io/projectId，而 {{ others|join('、') }} 有：Rancher 只在属于项目的命名空间里创建成员的 RoleBinding，并同步项目的镜像凭据。用 kubectl 重新创建的命名空间会失去这个注解。"
  en: "namespace {{ subject.name }} lacks the annotation field.cattle.io/projectId, which {{ others|join(', ') }} has: Rancher makes the members' RoleBindings, and copies the project's registry credentials, in namespaces of the project only. A namespace that kubectl created anew loses the annotation."
questions:
  - {zh: "命名空间何时、由谁重新创建或移出项目？", en: "when was the namespace created anew or moved out of its project, and by whom?"}
causes:
  - {rule: imagepullsecret-missing, ground: namespace, mechanism: {zh: "项目的镜像凭据没有同步到这里", en: "the project's registry credentials are not copied here"}}
  - {rule: imagepullsecret-missing, ground: workload, mechanism: {zh: "项目的镜像凭据没有同步到这里", en: "the project's registry credentials are not copied here"}}
  - {rule: app-rbac-forbidden, ground: workload, mechanism: {zh: "成员的 RoleBinding 没有创建", en: "the members' RoleBindings were not made"}}
  - {rule: rbac-role-missing, ground: namespace, mechanism: {zh: "成员的 RoleBinding 没有创建", en: "the members' RoleBindings were not made"}}
benign:
  - {zh: "有意不放进项目的命名空间，其中没有人缺权限", en: "a namespace that is left out of projects on purpose, in which nobody lacks a right"}
remedy:
  - purpose: {zh: "查看命名空间的注解", en: "look at the namespace's annotations"}
    place: cluster
    risk: read-only
    command: 'kubectl get namespace {{ subject.name }} -o yaml'
    expect: {zh: "没有 field.cattle.io/projectId", en: "there is no field.cattle.io/projectId"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在 Rancher 界面把命名空间移入项目，或写上注解", en: "move the namespace into the project in Rancher, or write the annotation"}
    place: cluster
    risk: change
    command: 'kubectl annotate namespace {{ subject.name }} field.cattle.io/projectId=<CLUSTER_ID>:<PROJECT_ID>'
    expect: {zh: "`namespace/{{ subject.name }} annotated`", en: "`namespace/{{ subject.name }} annotated`"}
    verify: {zh: "`kubectl -n {{ subject.name }} get rolebindings` 列出成员的绑定", en: "`kubectl -n {{ subject.name }} get rolebindings` lists those of the members"}
    rollback: {zh: "`kubectl annotate namespace {{ subject.name }} field.cattle.io/projectId-`", en: "`kubectl annotate namespace {{ subject.name }} field.cattle.io/projectId-`"}
prevention:
  - kind: prevent
    text: {zh: "创建命名空间的流水线写上项目的注解", en: "let the pipeline that creates namespaces write the project's annotation"}
    acceptance: {zh: "流水线新建的命名空间出现在项目中", en: "a namespace that the pipeline made appears in its project"}
sources: ["rancher/rancher pkg/controllers/managementuser/rbac (namespace_handler.go): `field.cattle.io/projectId`", "ranchermanager.docs: namespaces of projects"]
versions: "Rancher 2.0 to 2.12"
examples:
  - name: "a namespace that was made anew"
    files:
      namespaces.yaml: |
        apiVersion: v1
        kind: List
        items:
        - apiVersion: v1
          kind: Namespace
          metadata: {name: mail-prod, uid: a, annotations: {field.cattle.io/projectId: "c-8d2vh:p-jt6wm"}}
        - apiVersion: v1
          kind: Namespace
          metadata: {name: mail-test, uid: b, annotations: {lifecycle.cattle.io/create.namespace-auth: "true"}}
      job.log: |
        Error from server (Forbidden): deployments.apps "mail" is forbidden: User "system:serviceaccount:mail-prod:deployer" cannot get resource "deployments" in API group "apps" in the namespace "mail-test"
    fires: [{kind: Namespace, name: mail-test}]
  - name: "nobody misses anything"
    files:
      namespaces.yaml: |
        apiVersion: v1
        kind: List
        items:
        - apiVersion: v1
          kind: Namespace
          metadata: {name: mail-prod, uid: a, annotations: {field.cattle.io/projectId: "c-8d2vh:p-jt6wm"}}
        - apiVersion: v1
          kind: Namespace
          metadata: {name: scratch, uid: b, annotations: {lifecycle.cattle.io/create.namespace-auth: "true"}}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let is_in = |namespace: &&Object| !namespace.text(PROJECT).is_empty();
    let members: BTreeSet<&str> = snapshot
        .kind("Namespace")
        .filter(is_in)
        .map(|namespace| namespace.key.name.as_str())
        .collect();
    if members.is_empty() {
        return Vec::new();
    }
    let lonely = snapshot
        .kind("Namespace")
        .filter(|namespace| namespace.text(PROJECT).is_empty() && is_of_users(namespace));
    lonely
        .filter_map(|namespace| missed(input, rule, namespace, &members))
        .collect()
}

/// True for a namespace that Rancher looks after and that is none of the platform's.
fn is_of_users(namespace: &Object) -> bool {
    let name = namespace.key.name.as_str();
    let is_handled = (namespace
        .get("/metadata/annotations")
        .and_then(|all| all.as_object())
        .into_iter()
        .flatten())
    .any(|(key, _)| key.contains("cattle.io"));
    let of_platform = [
        "kube-",
        "cattle-",
        "fleet-",
        "cluster-fleet",
        "rancher-",
        "p-",
        "c-",
        "u-",
        "user-",
    ];
    is_handled && !matches!(name, "default" | "local") && !of_platform.iter().any(|start| name.starts_with(start))
}

fn missed(input: &Input<'_>, rule: &RuleHeader, namespace: &Object, members: &BTreeSet<&str>) -> Option<Finding> {
    let snapshot: &Snapshot = input.snapshot;
    let name = &namespace.key.name;
    let hits: Vec<_> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| match hit.captures.get("namespace") {
            Some(named) => named == name,
            None => hit.about.object.namespace == *name,
        })
        .collect();
    if hits.is_empty() {
        return None;
    }
    let others: Vec<&str> = members.iter().copied().take(3).collect();
    let mut finding = Finding::new(rule, Subject::cluster("Namespace", name), Confidence::Confirmed)
        .at("metadata.annotations[field.cattle.io/projectId]")
        .cite(namespace.cite_at("/metadata/annotations"))
        .fact("others", others);
    finding.count = 0;
    for hit in hits.iter().take(3) {
        add_hit(input, &mut finding, hit);
        finding.touches.extend(workload_touches(snapshot, &hit.about.object));
    }
    for pod in snapshot.pods().filter(|pod| pod.namespace() == name && !pod.is_well()) {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(snapshot.top_owner(pod.object));
    }
    Some(finding)
}
