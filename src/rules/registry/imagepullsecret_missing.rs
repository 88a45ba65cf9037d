//! A pod names a pull secret that does not exist, and its image cannot be pulled.

use crate::cluster::Image;
use crate::model::{Confidence, Subject};
use crate::rules::pull::is_image_reason;
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: imagepullsecret-missing
role: cause
level: critical
needs: [events|pods]
text:
  - id: retrieve
    pattern: "Unable to retrieve some image pull secrets \\((?P<names>[^)]+)\\); attempting to pull the image may not succeed"
check:
  zh: "Pod 引用的镜像拉取凭据是否存在"
  en: "whether the pull secrets that pods name exist"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：引用的拉取凭据 {{ names }} 不存在，镜像 {{ image }} 无法拉取"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the pull secret {{ names }} that it names does not exist, and image {{ image }} cannot be pulled"
cause:
  zh: "Pod {{ pod }} 的 imagePullSecrets 引用了 {{ names }}，而命名空间 {{ namespace }} 中没有这个 Secret；kubelet 因此不带凭据拉取 {{ image }}，被仓库拒绝。"
  en: "imagePullSecrets of pod {{ pod }} names {{ names }}, and namespace {{ namespace }} has no such Secret; so the kubelet pulls {{ image }} without credentials and the registry refuses."
questions:
  - {zh: "这个 Secret 是从未创建、建在别的命名空间，还是被删除？", en: "was this Secret never created, created in another namespace, or deleted?"}
causes:
  - rule: registry-unauthorized
    ground: workload
    mechanism: {zh: "没有凭据的请求得到 401", en: "a request without credentials gets a 401"}
  - rule: image-pull-denied
    ground: workload
    mechanism: {zh: "没有凭据的请求被拒绝", en: "a request without credentials is denied"}
  - rule: image-not-found
    ground: workload
    mechanism: {zh: "没有凭据时私有仓库如同不存在", en: "without credentials a private repository looks absent"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "公开镜像或节点级凭据可以拉取时，引用不存在的 Secret 只是一条警告", en: "where the image is public or the node has credentials, a missing Secret is only a warning"}
remedy:
  - purpose: {zh: "确认 Secret 不存在", en: "see that the Secret is absent"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} get secrets
      kubectl get secrets -A --field-selector type=kubernetes.io/dockerconfigjson
    expect: {zh: "{{ namespace }} 中没有 {{ names }}", en: "{{ names }} is not in {{ namespace }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "创建该拉取凭据", en: "create the pull secret"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} create secret docker-registry {{ first }} --docker-server={{ registry }} --docker-username=<REGISTRY_USER> --docker-password=<REGISTRY_PASSWORD>"
    expect: {zh: "`secret/{{ first }} created`", en: "`secret/{{ first }} created`"}
    verify: {zh: "下一次重试时镜像拉取成功", en: "the next retry pulls the image"}
    rollback: {zh: "`kubectl -n {{ namespace }} delete secret {{ first }}`", en: "`kubectl -n {{ namespace }} delete secret {{ first }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "以声明方式与工作负载一起交付拉取凭据", en: "deliver the pull secret with the workload, declaratively"}
    acceptance: {zh: "在空命名空间重建后镜像可以拉取", en: "rebuilt into an empty namespace, the image can be pulled"}
  - kind: detect
    text: {zh: "对 FailedToRetrieveImagePullSecret 事件告警", en: "alert on FailedToRetrieveImagePullSecret events"}
    acceptance: {zh: "引用不存在 Secret 的测试 Pod 触发告警", en: "a test pod that names an absent Secret raises the alert"}
sources: ["kubernetes pkg/kubelet/kubelet_pods.go: FailedToRetrieveImagePullSecret"]
versions: "Kubernetes 1.27 to 1.36"
examples:
  - name: "the kubelet cannot retrieve it"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedtoretrieveimagepullsecret-web-0","namespace":"shop"},"type":"Warning","reason":"FailedToRetrieveImagePullSecret","message":"Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "named, and absent from the list of Secrets"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1","imagePullSecrets":[{"name":"regcred"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      secrets.txt: |
        NAMESPACE   NAME       TYPE     DATA   AGE
        shop        other      Opaque   1      3d
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "a public image runs although the Secret is absent"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"nginx"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedtoretrieveimagepullsecret-web-0","namespace":"shop"},"type":"Warning","reason":"FailedToRetrieveImagePullSecret","message":"Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        let containers = pod.containers();
        let Some(container) = containers.iter().find(|container| {
            container
                .waiting()
                .is_some_and(|waiting| is_image_reason(waiting.reason))
        }) else {
            continue;
        };
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let hits: Vec<_> = own_hits(input, rule)
            .into_iter()
            .filter(|hit| hit.about.object == subject)
            .collect();
        let listed = snapshot
            .kind("Secret")
            .any(|secret| secret.key.namespace == pod.namespace());
        let named = pod
            .object
            .list("/spec/imagePullSecrets")
            .iter()
            .filter_map(|secret| secret.get("name")?.as_str());
        let absent: Vec<&str> = named
            .filter(|name| listed && snapshot.object("Secret", pod.namespace(), name).is_none())
            .collect();
        let told = hits.iter().find_map(|hit| hit.captures.get("names")).filter(|names| {
            // Kubelets retry with stale words; a Secret that is in the list was created since.
            !names
                .split(", ")
                .all(|name| snapshot.object("Secret", pod.namespace(), name).is_some())
        });
        let names = told.cloned().unwrap_or_else(|| absent.join(", "));
        if names.is_empty() {
            continue;
        }
        let owner = snapshot.top_owner_of(&subject);
        let at = findings.iter().position(|finding| finding.subject == owner);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let registry = Image::parse(container.image()).registry;
                let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                    .at("spec.template.spec.imagePullSecrets")
                    .touch(Ground::Registry, &registry)
                    .fact("first", names.split(", ").next().unwrap_or(&names))
                    .fact("names", names)
                    .fact("image", container.image())
                    .fact("registry", registry)
                    .fact("pod", pod.name())
                    .fact("namespace", pod.namespace());
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        for hit in hits {
            add_hit(input, finding, hit);
        }
        if !absent.is_empty() {
            finding.add_cite(pod.object.cite_at("/spec/imagePullSecrets"));
        }
        finding.add_cite(pod.cite_status(container, "/state/waiting/reason"));
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
    }
    by_secret(findings)
}

/// One Secret that several workloads lack is one thing to mend.
fn by_secret(findings: Vec<Finding>) -> Vec<Finding> {
    let key = |finding: &Finding| (finding.subject.namespace.clone(), finding.facts.get("names").cloned());
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        match merged.iter_mut().find(|known| key(known) == key(&finding)) {
            None => merged.push(finding),
            Some(known) => {
                let name = known
                    .facts
                    .get("first")
                    .and_then(|name| name.as_str())
                    .unwrap_or_default();
                let secret = Subject::namespaced("Secret", &known.subject.namespace, name);
                let workload = std::mem::replace(&mut known.subject, secret);
                known.path.clear();
                known.add_affected(workload);
                known.add_affected(finding.subject);
                known.affected.extend(finding.affected);
                known.touches.extend(finding.touches);
                known.count += finding.count;
                for cite in finding.evidence {
                    known.add_cite(cite);
                }
            }
        }
    }
    merged
}
