//! A binding or a role does not give the right that a workload needs.

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::services::is_near;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

/// What was refused: by whose account, and what.
struct Refused<'h> {
    namespace: &'h str,
    account: &'h str,
    verb: &'h str,
    resource: &'h str,
}

pub(in crate::rules) const RULE: &str = r##"
id: rbac-role-missing
role: cause
level: critical
needs: [rolebindings|clusterrolebindings|roles]
check:
  zh: "角色与绑定是否给了工作负载需要的权限"
  en: "whether roles and bindings give workloads the rights they need"
title:
  zh: "{% if problem == 'verb' %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 没有授予 {{ account }} 对 {{ resource }} 的 {{ verb }}{% else %}{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 绑定的是 {{ named }}，而工作负载使用的 ServiceAccount 是 {{ namespace }}/{{ account }}{% endif %}"
  en: "{% if problem == 'verb' %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} does not grant {{ account }} to {{ verb }} {{ resource }}{% else %}{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} binds {{ named }}, while the workload uses ServiceAccount {{ namespace }}/{{ account }}{% endif %}"
cause:
  zh: "{% if not verb %}没有绑定指向 ServiceAccount {{ namespace }}/{{ account }}；{{ subject.name }} 指向的 {{ named }} 并不存在。等待缓存同步的客户端只写超时，不写被拒绝的请求。{% else %}ServiceAccount {{ namespace }}/{{ account }} 不能对 {{ resource }} 执行 {{ verb }}：{% if problem == 'verb' %}它绑定的角色没有这一项{% else %}授予这项权限的绑定指向 {{ named }}{% endif %}。{% endif %}"
  en: "{% if not verb %}nothing binds ServiceAccount {{ namespace }}/{{ account }}, and {{ named }}, which {{ subject.name }} binds, does not exist. A client that waits for its caches writes that it timed out, not what it was refused.{% else %}ServiceAccount {{ namespace }}/{{ account }} may not {{ verb }} {{ resource }}: {% if problem == 'verb' %}the role that it is bound to lacks it{% else %}the binding that would grant it names {{ named }}{% endif %}.{% endif %}"
causes:
  - rule: app-rbac-forbidden
    ground: workload
    mechanism: {zh: "没有权限的请求被拒绝", en: "a request without the right is refused"}
  - rule: configmap-missing
    ground: workload
    mechanism: {zh: "负责生成这个 ConfigMap 的控制器没有这项权限", en: "the controller that makes the ConfigMap lacks the right"}
  - rule: secret-missing
    ground: workload
    mechanism: {zh: "负责生成这个 Secret 的控制器没有这项权限", en: "the controller that makes the Secret lacks the right"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "最后几行日志说的就是它", en: "the last lines of the log are about it"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "没有权限即退出", en: "it ends without the right"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有权限即退出", en: "it ends without the right"}
benign:
  - {zh: "可选功能的权限缺失", en: "a right that only an option needs"}
remedy:
  - purpose: {zh: "检验权限", en: "try the right"}
    place: cluster
    risk: read-only
    command: "kubectl auth can-i {% if verb %}{{ verb }} {{ resource }}{% else %}--list{% endif %} -n {{ namespace }} --as=system:serviceaccount:{{ namespace|raw }}:{{ account|raw }}"
    expect: {zh: "{% if verb %}no{% else %}列表里没有工作负载需要的资源{% endif %}", en: "{% if verb %}no{% else %}the list lacks what the workload needs{% endif %}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正绑定的主体，或给角色加上这一项", en: "correct the subject of the binding, or add it to the role"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ subject.kind|lower }} {{ subject.name }}"
    verify: {zh: "`kubectl auth can-i` 回答 yes", en: "`kubectl auth can-i` answers yes"}
    rollback: {zh: "改回原来的内容", en: "write the former content again"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中用 kubectl auth can-i 检查每个 ServiceAccount 需要的权限", en: "let the pipeline ask kubectl auth can-i for what every ServiceAccount needs"}
    acceptance: {zh: "缺少的权限使流水线失败", en: "a right that is missing fails there"}
sources: ["kubernetes.io/docs/reference/access-authn-authz/rbac", "kubernetes apiserver pkg/endpoints/handlers/responsewriters: `%s is forbidden: User %q cannot %s resource`"]
versions: "Kubernetes 1.8 to 1.36"
examples:
  - name: "the binding names an account that does not exist"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   operator-6bdf8c9d7-jd5lx   0/1   CrashLoopBackOff   9   9m
      "operator-6bdf8c9d7-jd5lx.log": |
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
      "sa.txt": |
        NAMESPACE   NAME       SECRETS   AGE
        shop        operator   0         9d
      "rb.json": '{"kind": "RoleBindingList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "operator", "namespace": "shop", "uid": "a"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}, "subjects": [{"kind": "ServiceAccount", "name": "operator-old", "namespace": "shop"}]}]}'
      "role.json": '{"kind": "RoleList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "operator", "namespace": "shop", "uid": "b"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "create"]}]}]}'
    fires: [{kind: "RoleBinding", namespace: "shop", name: "operator"}]
  - name: "the binding of another workload stands beside the one that is meant"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   report-job-6bdf8c9d7-jd5lx   0/1   CrashLoopBackOff   9   9m
      "report-job-6bdf8c9d7-jd5lx.log": |
        pods "x" is forbidden: User "system:serviceaccount:shop:report-job" cannot get resource "pods" in API group "" in the namespace "shop"
        pods "x" is forbidden: User "system:serviceaccount:shop:report-job" cannot get resource "pods" in API group "" in the namespace "shop"
        pods "x" is forbidden: User "system:serviceaccount:shop:report-job" cannot get resource "pods" in API group "" in the namespace "shop"
      "sa.txt": |
        NAMESPACE   NAME         SECRETS   AGE
        shop        report       0         9d
        shop        report-job   0         9d
      "rb.json": '{"kind": "RoleBindingList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "board-view", "namespace": "shop", "uid": "a"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "board", "namespace": "shop"}]}, {"metadata": {"name": "report-run", "namespace": "shop", "uid": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "report-run"}, "subjects": [{"kind": "ServiceAccount", "name": "report", "namespace": "shop"}]}]}'
    fires: [{kind: "RoleBinding", namespace: "shop", name: "report-run"}]
  - name: "only the binding of another workload"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   report-job-6bdf8c9d7-jd5lx   0/1   CrashLoopBackOff   9   9m
      "report-job-6bdf8c9d7-jd5lx.log": |
        pods "x" is forbidden: User "system:serviceaccount:shop:report-job" cannot get resource "pods" in API group "" in the namespace "shop"
      "sa.txt": |
        NAMESPACE   NAME         SECRETS   AGE
        shop        report-job   0         9d
      "rb.json": '{"kind": "RoleBindingList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "board-view", "namespace": "shop", "uid": "a"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "board", "namespace": "shop"}]}]}'
  - name: "the account stands in another namespace, and caches never fill"
    files:
      "pods.txt": |
        NAMESPACE   NAME                        READY   STATUS             RESTARTS   AGE
        names       sync-6bdf8c9d7-jd5lx        0/1     CrashLoopBackOff   9          9m
      "deployment.yaml": |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: sync, namespace: names, uid: 'd'}
        spec: {replicas: 1, template: {spec: {serviceAccountName: sync, containers: [{name: sync, image: 'example/sync:1'}]}}}
      "sync-6bdf8c9d7-jd5lx.log": |
        level=fatal msg="failed to sync *v1.Service: context deadline exceeded with timeout 60s"
      "sa.txt": |
        NAMESPACE   NAME   SECRETS   AGE
        names       sync   0         9d
      "crb.json": '{"kind": "ClusterRoleBindingList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "sync-viewer", "uid": "a"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sync"}, "subjects": [{"kind": "ServiceAccount", "name": "sync", "namespace": "sync"}]}]}'
    fires: [{kind: "ClusterRoleBinding", name: "sync-viewer"}]
  - name: "the right is given"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   operator-6bdf8c9d7-jd5lx   0/1   CrashLoopBackOff   9   9m
      "operator-6bdf8c9d7-jd5lx.log": |
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
        pods is forbidden: User "system:serviceaccount:shop:operator" cannot create resource "pods" in API group "" in the namespace "shop"
      "sa.txt": |
        NAMESPACE   NAME       SECRETS   AGE
        shop        operator   0         9d
      "rb.json": '{"kind": "RoleBindingList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "operator", "namespace": "shop", "uid": "a"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}, "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "shop"}]}]}'
      "role.json": '{"kind": "RoleList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [{"metadata": {"name": "operator", "namespace": "shop", "uid": "b"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "create"]}]}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in snapshot
        .hits
        .iter()
        .filter(|hit| hit.signature.starts_with("app-rbac-forbidden/"))
    {
        let of = |name: &str| hit.captures.get(name).map_or("", String::as_str);
        let refused = Refused {
            namespace: of("account_namespace"),
            account: of("account"),
            verb: of("verb"),
            resource: of("resource"),
        };
        let Some((object, problem, named)) = culprit(snapshot, &refused) else {
            continue;
        };
        match findings.iter_mut().find(|finding| finding.subject == object.subject()) {
            Some(finding) => join(snapshot, finding, hit),
            None => {
                let at = if problem == "verb" { "/rules" } else { "/subjects" };
                let mut finding = Finding::new(rule, object.subject(), Confidence::Confirmed)
                    .at(at.trim_start_matches('/'))
                    .cite(object.cite_at(at))
                    .fact("problem", problem)
                    .fact("named", named)
                    .fact("account", refused.account)
                    .fact("namespace", refused.namespace)
                    .fact("verb", refused.verb)
                    .fact("resource", refused.resource);
                join(snapshot, &mut finding, hit);
                findings.push(finding);
            }
        }
    }
    misplaced(snapshot, rule, &mut findings);
    findings
}

/// Bindings of an account that is not there, while a workload that fails runs under an account of that name in another namespace, which
/// nothing binds: clients that wait for their caches do not write what was forbidden (kubernetes client-go tools/cache).
fn misplaced(snapshot: &Snapshot, rule: &RuleHeader, findings: &mut Vec<Finding>) {
    if !snapshot.coverage.has_kind("ServiceAccount") {
        return;
    }
    let bindings: Vec<(&Object, &str, &str)> = ["RoleBinding", "ClusterRoleBinding"]
        .into_iter()
        .flat_map(|kind| snapshot.kind(kind))
        .flat_map(|binding| {
            let subjects = binding.list("/subjects").iter();
            subjects.filter_map(move |subject| {
                let text = |key: &str| subject.get(key).and_then(Value::as_str);
                (text("kind") == Some("ServiceAccount")).then_some((binding, text("namespace")?, text("name")?))
            })
        })
        .collect();
    for pod in snapshot.pods().filter(|pod| !pod.is_well()) {
        let owner = snapshot.top_owner(pod.object);
        let template = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
        let account = match pod.object.text("/spec/serviceAccountName") {
            "" => template.map_or("", |owner| owner.text("/spec/template/spec/serviceAccountName")),
            account => account,
        };
        let is_bound = bindings
            .iter()
            .any(|(_, namespace, name)| *name == account && *namespace == pod.namespace());
        if matches!(account, "" | "default") || is_bound {
            continue;
        }
        for (binding, namespace, _) in bindings.iter().filter(|(_, namespace, name)| {
            *name == account && snapshot.object("ServiceAccount", namespace, account).is_none()
        }) {
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            if findings.iter().any(|finding| finding.subject == binding.subject()) {
                continue;
            }
            let mut finding = Finding::new(rule, binding.subject(), Confidence::Probable)
                .at("subjects")
                .cite(binding.cite_at("/subjects"))
                .cite(pod.object.cite.clone())
                .fact("problem", "namespace")
                .fact("named", format!("{namespace}/{account}"))
                .fact("account", account)
                .fact("namespace", pod.namespace())
                .fact("verb", "")
                .fact("resource", "")
                .affects(owner.clone());
            finding.touches.extend(workload_touches(snapshot, &subject));
            findings.push(finding);
        }
    }
}

fn join(snapshot: &Snapshot, finding: &mut Finding, hit: &Hit) {
    finding.add_cite(hit.cite.clone());
    if hit.about.object.kind == "Pod" {
        finding.touches.extend(workload_touches(snapshot, &hit.about.object));
        finding.add_affected(snapshot.top_owner_of(&hit.about.object));
    }
}

/// A binding that would grant it and names another account, which is no account or one with a name like it, the likeliest first; else a role that the account
/// is bound to and that lacks the verb.
fn culprit<'s>(snapshot: &'s Snapshot, refused: &Refused<'_>) -> Option<(&'s Object, &'static str, String)> {
    let bindings = || {
        ["RoleBinding", "ClusterRoleBinding"]
            .into_iter()
            .flat_map(|kind| snapshot.kind(kind))
    };
    let accounts = |binding: &'s Object| -> Vec<(&'s str, &'s str)> {
        let text = |subject: &'s Value, key: &str| subject.get(key).and_then(Value::as_str).unwrap_or("");
        binding
            .list("/subjects")
            .iter()
            .filter(|subject| text(subject, "kind") == "ServiceAccount")
            .map(|subject| (text(subject, "namespace"), text(subject, "name")))
            .collect()
    };
    let lists_accounts = snapshot
        .kind("ServiceAccount")
        .any(|account| account.key.namespace == refused.namespace);
    let is_bound = bindings().any(|binding| accounts(binding).contains(&(refused.namespace, refused.account)));
    let mut best: Option<(u32, &Object, String)> = None;
    for binding in bindings()
        .filter(|binding| matches!(binding.key.namespace.as_str(), "") || binding.key.namespace == refused.namespace)
    {
        let named = accounts(binding);
        let role = role(snapshot, binding);
        if named.contains(&(refused.namespace, refused.account))
            || role.is_some_and(|role| !grants(role, refused))
            || (role.is_none() && never_grants(binding.text("/roleRef/name"), refused.verb))
        {
            continue;
        }
        let is_called_so =
            is_near(&binding.key.name, refused.account) || is_near(binding.text("/roleRef/name"), refused.account);
        for (namespace, name) in named {
            let is_here = namespace == refused.namespace;
            let is_missing = lists_accounts && is_here && snapshot.object("ServiceAccount", namespace, name).is_none();
            let is_other_place = name == refused.account && !is_here;
            let is_like = is_here && is_near(name, refused.account);
            // A right that is known to be the one, a name that is meant for this account: without either it is somebody else's binding.
            let fits = [
                (role.is_some(), 4),
                (is_like, 3),
                (is_other_place, 3),
                (is_called_so, 2),
                (is_missing, 1),
            ];
            let weight: u32 = fits.iter().filter(|(holds, _)| *holds).map(|(_, weight)| weight).sum();
            let is_wrong = is_missing || is_other_place || (is_like && (role.is_some() || !is_bound));
            if is_wrong && weight > 1 && best.as_ref().is_none_or(|(known, ..)| weight > *known) {
                best = Some((weight, binding, format!("{namespace}/{name}")));
            }
        }
    }
    if let Some((_, binding, named)) = best {
        return Some((binding, "subject", named));
    }
    bindings()
        .filter(|binding| accounts(binding).contains(&(refused.namespace, refused.account)))
        .filter_map(|binding| role(snapshot, binding))
        .filter(|role| role.key.kind == "Role" && !grants(role, refused))
        // Of several roles the one that already speaks of the resource is the one that lacks a verb.
        .max_by_key(|role| speaks_of(role, refused.resource))
        .map(|role| (role, "verb", String::new()))
}

fn role<'s>(snapshot: &'s Snapshot, binding: &Object) -> Option<&'s Object> {
    let kind = binding.text("/roleRef/kind");
    let namespace = if kind == "Role" {
        binding.key.namespace.as_str()
    } else {
        ""
    };
    snapshot
        .object(kind, namespace, binding.text("/roleRef/name"))
        // A row of a table has a role's name only.
        .filter(|role| role.get("/rules").is_some())
}

/// The roles that every cluster has and that only read (kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy).
fn never_grants(role: &str, verb: &str) -> bool {
    role == "view" && !matches!(verb, "get" | "list" | "watch")
}

fn speaks_of(role: &Object, resource: &str) -> bool {
    role.list("/rules").iter().any(|entry| {
        let resources = entry.get("resources").and_then(Value::as_array);
        resources
            .into_iter()
            .flatten()
            .any(|known| known.as_str() == Some(resource))
    })
}

fn grants(role: &Object, refused: &Refused<'_>) -> bool {
    role.list("/rules").iter().any(|entry| {
        let has = |key: &str, wanted: &str| {
            entry.get(key).and_then(Value::as_array).is_some_and(|words| {
                words
                    .iter()
                    .any(|word| matches!(word.as_str(), Some(word) if word == wanted || word == "*"))
            })
        };
        has("verbs", refused.verb) && has("resources", refused.resource)
    })
}
