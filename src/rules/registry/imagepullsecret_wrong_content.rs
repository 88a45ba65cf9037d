//! The pull secret of a pod has no credentials for its registry.

use crate::model::Confidence;
use crate::rules::toolbox::credentials::{is_pull_secret, names_in, refused, registries_of};
use crate::rules::toolbox::{add_hit, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: imagepullsecret-wrong-content
role: cause
level: critical
needs: [pods, secrets]
check: {zh: "被拒绝的拉取所用的凭据是否针对该镜像仓库", en: "whether the pull secrets of refused pulls are for that registry"}
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：拉取凭据 {{ secret }} {% if wrong_type %}的类型是 {{ type }}，不是拉取凭据{% else %}只含 {{ hosts|join(\"、\") }}，没有 {{ registry }}{% endif %}，{{ image }} 被拒绝"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the pull secret {{ secret }} {% if wrong_type %}is of type {{ type }}, which is no pull secret{% else %}is for {{ hosts|join(\", \") }} and not for {{ registry }}{% endif %}, and {{ image }} is refused"
cause:
  zh: "{% if wrong_type %}kubelet 只读取类型为 kubernetes.io/dockerconfigjson（或 dockercfg）的 Secret。{% else %}凭据按主机名（含端口）匹配：{{ secret }} 中没有 {{ registry }}，kubelet 因此不带凭据拉取。{% endif %}"
  en: "{% if wrong_type %}The kubelet reads only Secrets of type kubernetes.io/dockerconfigjson (or dockercfg).{% else %}Credentials are matched by host, with its port: {{ secret }} has none for {{ registry }}, so the kubelet pulls without any.{% endif %}"
causes:
  - rule: registry-unauthorized
    ground: workload
    mechanism: {zh: "请求不带可用的凭据，得到 401", en: "a request without credentials that fit gets a 401"}
  - rule: image-pull-denied
    ground: workload
    mechanism: {zh: "请求不带可用的凭据，被拒绝", en: "a request without credentials that fit is denied"}
  - rule: image-not-found
    ground: workload
    mechanism: {zh: "没有凭据时私有仓库如同不存在", en: "without credentials a private repository looks absent"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "镜像因此拉取失败", en: "the image cannot be pulled for it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "内容被采集工具遮盖的 Secret 不能说明什么", en: "a Secret whose content the collector masked proves nothing"}
  - {zh: "Docker Hub 的键是 https://index.docker.io/v1/", en: "the key of Docker Hub is https://index.docker.io/v1/"}
remedy:
  - purpose: {zh: "查看凭据针对哪些主机（不显示密码）", en: "see for which hosts the credentials are (without passwords)"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get secret {{ secret }} -o jsonpath='{.data.\\.dockerconfigjson}' | base64 -d | jq '.auths | keys'"
    expect: {zh: "没有 {{ registry }}", en: "{{ registry }} is not there"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "为 {{ registry }} 创建凭据", en: "create credentials for {{ registry }}"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} create secret docker-registry <NAME> --docker-server={{ registry }} --docker-username=<REGISTRY_USER> --docker-password=<REGISTRY_PASSWORD>"
    expect: {zh: "`secret/<NAME> created`", en: "`secret/<NAME> created`"}
    verify: {zh: "在 imagePullSecrets 中引用它后，镜像拉取成功", en: "once imagePullSecrets names it, the image is pulled"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} delete secret <NAME>`", en: "`kubectl -n {{ subject.namespace }} delete secret <NAME>`"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中用凭据对镜像的 manifest 做 HEAD 请求", en: "ask for the manifest with these credentials in the pipeline"}
    acceptance: {zh: "针对别的主机的凭据在流水线中失败", en: "credentials for another host fail in the pipeline"}
sources:
  - "kubernetes pkg/credentialprovider/keyring.go: matching by host and path"
  - "kubernetes.io/docs/concepts/configuration/secret: Docker config Secrets"
versions: "any"
examples:
  - name: "for another host"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}], "imagePullSecrets": [{"name": "regcred"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "secrets.json": '{"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "regcred", "namespace": "shop"}, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "eyJhdXRocyI6IHsicmVnaXN0cnkuZXhhbXBsZSI6IHsiYXV0aCI6ICJ4In19fQ=="}}]}'
    fires:
      - {kind: "StatefulSet", namespace: "shop", name: "web"}
  - name: "a Secret of another type"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}], "imagePullSecrets": [{"name": "regcred"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "secrets.txt": |
        NAMESPACE   NAME      TYPE     DATA   AGE
        shop        regcred   Opaque   1      3d
    fires:
      - {kind: "StatefulSet", namespace: "shop", name: "web"}
  - name: "for this host"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}], "imagePullSecrets": [{"name": "regcred"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "secrets.json": '{"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "regcred", "namespace": "shop"}, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "eyJhdXRocyI6IHsiaGFyYm9yLmV4YW1wbGU6NTAwMCI6IHsiYXV0aCI6ICJ4In19fQ=="}}]}'
  - name: "its content was not collected"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}], "imagePullSecrets": [{"name": "regcred"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "secrets.json": '{"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "regcred", "namespace": "shop"}, "type": "kubernetes.io/dockerconfigjson"}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for refused in refused(snapshot) {
        let mut names = names_in(refused.pod.object, "/spec/imagePullSecrets");
        // A described pod does not show them, the template that it was made from does.
        let template = snapshot.object(
            &refused.workload.kind,
            &refused.workload.namespace,
            &refused.workload.name,
        );
        if names.is_empty() {
            names = template.map_or(Vec::new(), |owner| {
                names_in(owner, "/spec/template/spec/imagePullSecrets")
            });
        }
        if names.is_empty() {
            names = refused
                .account
                .map_or(Vec::new(), |account| names_in(account, "/imagePullSecrets"));
        }
        let secrets: Vec<_> = names
            .iter()
            .filter_map(|name| snapshot.object("Secret", refused.pod.namespace(), name))
            .collect();
        // Every one that is named has to be known to be of no use.
        let useless = |secret: &&crate::cluster::Object| {
            !secret.text("/type").is_empty() && !is_pull_secret(secret)
                || registries_of(secret).is_some_and(|hosts| !hosts.is_empty() && !hosts.contains(&refused.registry))
        };
        let Some(secret) = secrets.first().copied() else {
            continue;
        };
        if secrets.len() < names.len() || !secrets.iter().all(useless) {
            continue;
        }
        let pod = refused.pod.object.subject();
        let mut finding = Finding::new(rule, refused.workload.clone(), Confidence::Confirmed)
            .at("spec.template.spec.imagePullSecrets")
            .cite(refused.pod.object.cite_at("/spec/imagePullSecrets"))
            .cite(secret.cite_at("/type"))
            .touch(Ground::Registry, &refused.registry)
            .fact("secret", secret.key.name.clone())
            .fact("wrong_type", !is_pull_secret(secret))
            .fact("type", secret.text("/type"))
            .fact("hosts", registries_of(secret).unwrap_or_default())
            .fact("image", refused.image)
            .fact("registry", refused.registry.clone());
        add_hit(input, &mut finding, refused.hit);
        finding.touches.extend(workload_touches(snapshot, &pod));
        finding.add_affected(pod);
        finding.add_affected(secret.subject());
        findings.push(finding);
    }
    findings
}
