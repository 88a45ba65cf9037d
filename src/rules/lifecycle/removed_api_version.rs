//! Something asks for a version of an API that this cluster no longer serves.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: removed-api-version
role: cause
level: warning
needs: [container-logs|system-log|events|applications]
text:
  - id: mapping
    pattern: 'resource mapping not found for name: "(?P<name>[a-z0-9.-]{1,253})" namespace: "(?P<namespace>[a-z0-9-]{0,63})" from "[^"]{0,200}": no matches for kind "(?P<kind>[A-Za-z0-9]{1,63})" in version "(?P<version>[a-z0-9./-]{1,120})"'
  - id: kind
    pattern: 'no matches for kind "(?P<kind>[A-Za-z0-9]{1,63})" in version "(?P<version>[a-z0-9./-]{1,120})"'
  - id: server
    pattern: 'the server could not find the requested resource \((?:get|list|post|watch) (?P<kind>[a-z]{2,60}\.(?:extensions|policy|batch|autoscaling)[a-z0-9.]{0,60})\)(?P<version>)'
  - id: reflector
    pattern: 'ailed to list \*(?P<version>v\d+(?:alpha|beta)\d+)\.(?P<kind>[A-Za-z]{2,60}): the server could not find the requested resource'
check:
  zh: "是否有人使用已被移除的 API 版本"
  en: "whether anything asks for a version of an API that was removed"
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 使用的 {{ kind }}{% if version %}（{{ version }}）{% endif %} 在这个集群中不存在"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} asks for {{ kind }}{% if version %} ({{ version }}){% endif %}, which this cluster does not serve"
cause:
  zh: "{{ line }}。这个版本在升级中被移除（例如 batch/v1beta1 与 policy/v1beta1 自 1.25 起），或对应的 CRD 没有安装。"
  en: "{{ line }}. The version was removed by an upgrade (batch/v1beta1 and policy/v1beta1 since 1.25, say), or its CRD is not installed."
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "找不到 API 即退出", en: "it ends when the API is not there"}
  - rule: helm-install-failing
    ground: workload
    mechanism: {zh: "清单无法应用", en: "the manifest cannot be applied"}
  - rule: job-backoff-limit
    ground: workload
    mechanism: {zh: "清单无法应用", en: "the manifest cannot be applied"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "找不到 API 即退出", en: "it ends when the API is not there"}
benign:
  - {zh: "弃用警告只是提醒，请求仍然成功", en: "a warning of deprecation is a notice, and the request succeeds"}
  - {zh: "CRD 刚安装时的短暂报错", en: "for a moment after a CRD was installed"}
remedy:
  - purpose: {zh: "列出集群提供的版本", en: "list the versions that the cluster serves"}
    place: cluster
    risk: read-only
    command: |
      kubectl api-versions
      kubectl get --raw /metrics | grep apiserver_requested_deprecated_apis
    expect: {zh: "没有所用的版本", en: "the version in question is missing"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改用现有版本，或安装 CRD", en: "use a version that is served, or install the CRD"}
    place: cluster
    risk: change
    command: "kubectl explain {{ kind }}"
    verify: {zh: "清单可以应用", en: "the manifest can be applied"}
    rollback: {zh: "改回原来的清单", en: "write the former manifest again"}
prevention:
  - kind: prevent
    text: {zh: "升级前用 pluto 或 kubent 检查清单", en: "check manifests with pluto or kubent before an upgrade"}
    acceptance: {zh: "旧版本使流水线失败", en: "an old version fails in the pipeline"}
sources: ["argoproj/gitops-engine pkg/sync/sync_context.go: `The Kubernetes API could not find version %q of %s for requested resource %s. Version %q of %s is installed on the destination cluster.`", "kubernetes cli-runtime pkg/resource/mapper.go: `resource mapping not found for name: %q namespace: %q from %q: %v`", "kubernetes apimachinery pkg/api/meta/errors.go: `no matches for kind %q in version %q`", "kubernetes.io/docs/reference/using-api/deprecation-guide"]
versions: "Kubernetes 1.16 to 1.36"
examples:
  - name: "an application that cannot be synchronised"
    files:
      "applications.json": '{"kind": "List", "apiVersion": "v1", "items": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "web", "namespace": "argocd", "uid": "1"}, "status": {"operationState": {"phase": "Failed", "syncResult": {"resources": [{"group": "autoscaling", "kind": "HorizontalPodAutoscaler", "namespace": "shop", "name": "web", "status": "SyncFailed", "version": "v2beta2", "message": "The Kubernetes API could not find version \"v2beta2\" of autoscaling/HorizontalPodAutoscaler for requested resource shop/web. Version \"v2\" of autoscaling/HorizontalPodAutoscaler is installed on the destination cluster."}]}}}}]}'
    fires: [{kind: Application, namespace: argocd, name: web}]
  - name: "a controller that was built against an older API"
    files:
      "pods.txt": |
        NAMESPACE   NAME                            READY   STATUS    RESTARTS   AGE
        backup      keeper-6bdf8c9d7-jd5lx          1/1     Running   0          41m
      "keeper-6bdf8c9d7-jd5lx.log": |
        E0217 03:43:01.592631       1 reflector.go:138] pkg/mod/k8s.io/client-go@v0.22.4/tools/cache/reflector.go:167: Failed to watch *v1beta1.CronJob: failed to list *v1beta1.CronJob: the server could not find the requested resource
        E0217 03:43:53.891076       1 reflector.go:138] pkg/mod/k8s.io/client-go@v0.22.4/tools/cache/reflector.go:167: Failed to watch *v1beta1.CronJob: failed to list *v1beta1.CronJob: the server could not find the requested resource
    fires: [{kind: Deployment, namespace: backup, name: keeper}]
  - name: "an operator of former days"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   operator-6bdf8c9d7-jd5lx   0/1   CrashLoopBackOff   9   9m
      "operator-6bdf8c9d7-jd5lx.log": |
        E0224 14:29:41 setup: no matches for kind "CronJob" in version "batch/v1beta1"
    fires: [{kind: "Deployment", namespace: "shop", name: "operator"}]
  - name: "a release of Helm, as object and as a row"
    files:
      "hr.yaml": |
        apiVersion: helm.toolkit.fluxcd.io/v2
        kind: HelmRelease
        metadata:
          name: web
          namespace: shop
          uid: 7d1c
        status:
          conditions:
          - type: Ready
            status: "False"
            reason: UpgradeFailed
            message: 'Helm upgrade failed: resource mapping not found for name: "web" namespace: "shop" from "": no matches for kind "Ingress" in version "networking.k8s.io/v1beta1"'
      "hr.txt": |
        NAMESPACE   NAME   READY   STATUS                                                                                    AGE
        shop        web    False   Helm upgrade failed: no matches for kind "Ingress" in version "networking.k8s.io/v1beta1"   9d
    fires: [{kind: "HelmRelease", namespace: "shop", name: "web"}]
  - name: "kubectl names what it could not apply"
    files:
      "pipeline.txt": |
        $ kubectl apply -n shop -f deploy/
        configmap/web unchanged
        error: resource mapping not found for name: "nightly" namespace: "shop" from "deploy/cron.yaml": no matches for kind "CronJob" in version "batch/v1beta1"
        ensure CRDs are installed first
    fires: [{kind: "CronJob", namespace: "shop", name: "nightly"}]
  - name: "an older kubectl names the file alone"
    files:
      "pipeline.txt": |
        $ kubectl apply -n shop -f deploy/
        error: unable to recognize "deploy/cron.yaml": no matches for kind "CronJob" in version "batch/v1beta1"
    fires: [{kind: "File", name: "pipeline.txt"}]
  - name: "a warning"
    files:
      "operator-6bdf8c9d7-jd5lx.log": |
        W0224 14:29:41 batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        let object = &hit.about.object;
        let named = |capture: &str| hit.captures.get(capture).map_or("", String::as_str);
        let subject = if object.name.is_empty() && !named("name").is_empty() {
            // What was to be applied, as kubectl names it.
            Subject::namespaced(named("kind"), named("namespace"), named("name"))
        } else if object.name.is_empty() {
            Subject::on_node("File", hit.cite.file.file_name(), &hit.about.node)
        } else {
            snapshot.top_owner_of(object)
        };
        persists(snapshot, hit).then_some(subject)
    });
    findings.extend(unsynced(input, rule));
    without_copies(findings)
}

/// `The Kubernetes API could not find version "v2beta2" of autoscaling/HorizontalPodAutoscaler for requested resource shop/web.`
static NOT_FOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"could not find version "(?<version>[a-z0-9./-]{1,120})" of (?<group>[a-z0-9.-]{0,200})/(?<kind>[A-Za-z0-9]{1,63}) for requested resource"#).ok()
});

/// Applications of Argo CD that cannot be brought to what is wanted of them.
fn unsynced(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let resources = "/status/operationState/syncResult/resources";
    let mut findings = Vec::new();
    for application in input.snapshot.kind("Application") {
        for (index, resource) in application.list(resources).iter().enumerate() {
            let text = |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or("");
            let Some(told) = NOT_FOUND.as_ref().and_then(|regex| regex.captures(text("message"))) else {
                continue;
            };
            let of = |name: &str| told.name(name).map_or("", |found| found.as_str());
            let wanted = Subject::namespaced(text("kind"), text("namespace"), text("name"));
            let mut finding = Finding::new(rule, application.subject(), Confidence::Confirmed)
                .at(format!("status.operationState.syncResult.resources[{index}]"))
                .cite(application.cite_at(&format!("{resources}/{index}/message")))
                .fact("kind", of("kind"))
                .fact("version", format!("{}/{}", of("group"), of("version")))
                .fact("line", text("message").chars().take(240).collect::<String>());
            finding.add_affected(wanted);
            findings.push(finding);
            break;
        }
    }
    findings
}

/// A row of a table shows what an object says too: where an object is known that asks for the same, neither what it asked for nor the
/// file is a further culprit, and what has that object's name in another spelling of its kind is that object.
fn without_copies(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (place(finding), finding.subject.clone()));
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let is_same = |known: &&mut Finding| is_copy(known, &finding);
        match kept.iter_mut().find(is_same) {
            Some(known) => finding.evidence.into_iter().for_each(|cite| known.add_cite(cite)),
            None => kept.push(finding),
        }
    }
    kept
}

/// True when two findings are of one object, or the second tells of the same request from further away.
fn is_copy(known: &Finding, finding: &Finding) -> bool {
    let asks_alike = ["kind", "version"]
        .iter()
        .all(|name| known.facts.get(*name) == finding.facts.get(*name));
    let same_object = known.subject.kind.eq_ignore_ascii_case(&finding.subject.kind)
        && known.subject.name == finding.subject.name
        && known.subject.namespace == finding.subject.namespace;
    same_object || (asks_alike && place(finding) > place(known))
}

/// Who asks comes before what was to be applied, and both before the file in which it was read.
fn place(finding: &Finding) -> usize {
    let asked = finding.facts.get("kind").and_then(|kind| kind.as_str());
    match finding.subject.kind.as_str() {
        "File" => 2,
        kind if asked == Some(kind) => 1,
        _ => 0,
    }
}
