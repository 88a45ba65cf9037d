//! The ServiceAccount has a pull secret, and the pod did not get it.

use crate::model::Confidence;
use crate::rules::toolbox::credentials::{names_in, refused};
use crate::rules::toolbox::{add_hit, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-pullsecret-not-inherited
role: cause
level: critical
needs: [pods, serviceaccounts]
check: {zh: "被拒绝的 Pod 是否继承了 ServiceAccount 的拉取凭据", en: "whether refused pods got the pull secrets of their ServiceAccount"}
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：Pod {{ pod }} 没有继承 ServiceAccount {{ account }} 的拉取凭据 {{ secret }}{% if own %}（它自己的列表是 {{ own|join(\"、\") }}）{% endif %}，{{ image }} 被拒绝"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: pod {{ pod }} did not get the pull secret {{ secret }} of ServiceAccount {{ account }}{% if own %} (its own list is {{ own|join(\", \") }}){% endif %}, and {{ image }} is refused"
cause:
  zh: "ServiceAccount 的 imagePullSecrets 只在创建 Pod 时、且 Pod 自己没有列表时复制到 Pod。{% if own %}Pod 的模板写了自己的列表，因此不再复制。{% else %}该 Pod 的列表为空，说明它早于 ServiceAccount 的修改。{% endif %}"
  en: "imagePullSecrets of a ServiceAccount are copied when a pod is created, and only if the pod has no list of its own. {% if own %}The template has a list of its own, so nothing is copied.{% else %}The list of this pod is empty, so it is older than the change of the ServiceAccount.{% endif %}"
rules_out:
  - {zh: "rancher.cattle.io 的 MutatingWebhook：它没有针对 Pod 的规则", en: "the MutatingWebhookConfiguration rancher.cattle.io: it has no rule for pods"}
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
  - {zh: "静态 Pod 与镜像 Pod 不使用 ServiceAccount", en: "static pods use no ServiceAccount"}
remedy:
  - purpose: {zh: "比较 Pod 与 ServiceAccount", en: "compare the pod with its ServiceAccount"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get pod {{ pod }} -o jsonpath='{.spec.imagePullSecrets} {.metadata.creationTimestamp}{"\n"}'
      kubectl -n {{ subject.namespace }} get serviceaccount {{ account }} -o yaml
    expect: {zh: "Pod 的列表中没有 {{ secret }}", en: "the list of the pod lacks {{ secret }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重建 Pod", en: "re-create the pods"}
    place: cluster
    risk: change
    when: "restartable"
    command: "kubectl -n {{ subject.namespace }} rollout restart {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}/{{ subject.name }} restarted`", en: "`{{ resource }}/{{ subject.name }} restarted`"}
    verify: {zh: "新 Pod 的 spec.imagePullSecrets 含有 {{ secret }}，镜像拉取成功", en: "spec.imagePullSecrets of the new pod has {{ secret }} and the image is pulled"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
prevention:
  - kind: prevent
    text: {zh: "在 Git 中管理 ServiceAccount 与拉取凭据", en: "keep ServiceAccounts and pull secrets in Git"}
    acceptance: {zh: "从清单重建空命名空间后镜像可以拉取", en: "rebuilt from its manifests into an empty namespace, the image can be pulled"}
sources:
  - "kubernetes plugin/pkg/admission/serviceaccount/admission.go: imagePullSecrets are copied when the pod has none"
  - "rancher/webhook pkg/resources: no mutator for pods"
versions: "any"
examples:
  - name: "the pod is older than the link"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "sa.json": '{"kind": "ServiceAccountList", "apiVersion": "v1", "items": [{"metadata": {"name": "default", "namespace": "shop"}, "imagePullSecrets": [{"name": "regcred"}]}]}'
    fires:
      - {kind: "StatefulSet", namespace: "shop", name: "web"}
  - name: "a list of its own"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}], "imagePullSecrets": [{"name": "other"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "sa.json": '{"kind": "ServiceAccountList", "apiVersion": "v1", "items": [{"metadata": {"name": "default", "namespace": "shop"}, "imagePullSecrets": [{"name": "regcred"}]}]}'
    fires:
      - {kind: "StatefulSet", namespace: "shop", name: "web"}
  - name: "inherited"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}], "imagePullSecrets": [{"name": "regcred"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "sa.json": '{"kind": "ServiceAccountList", "apiVersion": "v1", "items": [{"metadata": {"name": "default", "namespace": "shop"}, "imagePullSecrets": [{"name": "regcred"}]}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for refused in refused(snapshot) {
        let Some(account) = refused.account else { continue };
        let of_account = names_in(account, "/imagePullSecrets");
        let own = names_in(refused.pod.object, "/spec/imagePullSecrets");
        let is_static = refused
            .pod
            .object
            .get("/metadata/annotations/kubernetes.io~1config.mirror")
            .is_some();
        let lacking = of_account.iter().find(|name| !own.contains(name));
        let Some(secret) = lacking.filter(|_| !is_static && !own.iter().any(|name| of_account.contains(name))) else {
            continue;
        };
        let resource = refused.workload.kind.to_lowercase();
        let pod = refused.pod.object.subject();
        let mut finding = Finding::new(rule, refused.workload.clone(), Confidence::Confirmed)
            .at("spec.template.spec.imagePullSecrets")
            .cite(refused.pod.object.cite_at("/spec/imagePullSecrets"))
            .cite(account.cite_at("/imagePullSecrets"))
            .touch(Ground::Registry, &refused.registry)
            .fact("secret", *secret)
            .fact("own", own)
            .fact("account", account.key.name.clone())
            .fact("pod", refused.pod.name())
            .fact("image", refused.image)
            .fact("registry", refused.registry.clone())
            .fact(
                "restartable",
                matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
            )
            .fact("resource", resource);
        add_hit(input, &mut finding, refused.hit);
        finding.touches.extend(workload_touches(snapshot, &pod));
        finding.add_affected(pod);
        findings.push(finding);
    }
    findings
}
