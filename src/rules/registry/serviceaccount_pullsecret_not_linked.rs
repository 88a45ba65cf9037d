//! A pull secret is there, and neither the pod nor its ServiceAccount names it.

use crate::model::Confidence;
use crate::rules::toolbox::credentials::{is_pull_secret, names_in, refused, registries_of};
use crate::rules::toolbox::{add_hit, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: serviceaccount-pullsecret-not-linked
role: cause
level: critical
needs: [pods, serviceaccounts, secrets]
check: {zh: "被拒绝的拉取所用的 ServiceAccount 是否引用了拉取凭据", en: "whether the ServiceAccounts of refused pulls name a pull secret"}
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：命名空间中有拉取凭据 {{ secret }}，但 ServiceAccount {{ account }} 与 Pod 都没有引用它，{{ image }} 被拒绝"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the namespace has the pull secret {{ secret }}, but neither ServiceAccount {{ account }} nor the pod names it, and {{ image }} is refused"
cause:
  zh: "Secret {{ secret }} 存在，而 ServiceAccount {{ account }} 的 imagePullSecrets 为空，Pod 也没有自己的列表；kubelet 因此不带凭据向 {{ registry }} 拉取。"
  en: "Secret {{ secret }} exists, but imagePullSecrets of ServiceAccount {{ account }} is empty and the pod has no list of its own; so the kubelet pulls from {{ registry }} without credentials."
rules_out:
  - {zh: "rancher.cattle.io 的 MutatingWebhook：它没有针对 Pod 的规则，拉取凭据由 API server 的 ServiceAccount 准入插件复制", en: "the MutatingWebhookConfiguration rancher.cattle.io: it has no rule for pods; the ServiceAccount admission plugin of the API server copies pull secrets"}
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
  - {zh: "节点级凭据或公开镜像不需要它", en: "credentials of the node, or public images, need none"}
remedy:
  - purpose: {zh: "查看凭据与 ServiceAccount", en: "look at the secrets and the ServiceAccount"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get secrets --field-selector type=kubernetes.io/dockerconfigjson
      kubectl -n {{ subject.namespace }} get serviceaccount {{ account }} -o jsonpath='{.imagePullSecrets}'
    expect: {zh: "凭据存在；第二条没有输出", en: "the secret is there; the second prints nothing"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "让 ServiceAccount 引用它", en: "let the ServiceAccount name it"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} patch serviceaccount {{ account }} -p '{\"imagePullSecrets\":[{\"name\":\"{{ secret|raw }}\"}]}'"
    expect: {zh: "`serviceaccount/{{ account }} patched`", en: "`serviceaccount/{{ account }} patched`"}
    verify: {zh: "新建 Pod 的 spec.imagePullSecrets 含有 {{ secret }}", en: "spec.imagePullSecrets of a new pod has {{ secret }}"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} patch serviceaccount {{ account }} --type=json -p '[{\"op\":\"remove\",\"path\":\"/imagePullSecrets\"}]'`", en: "`kubectl -n {{ subject.namespace }} patch serviceaccount {{ account }} --type=json -p '[{\"op\":\"remove\",\"path\":\"/imagePullSecrets\"}]'`"}
    notes:
      - {zh: "imagePullSecrets 只在创建 Pod 时复制，已有的 Pod 需要重建", en: "imagePullSecrets are copied only when a pod is created, so existing pods have to be re-created"}
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
  - "kubernetes.io/docs/tasks/configure-pod-container/configure-service-account: Add ImagePullSecrets to a service account"
  - "kubernetes plugin/pkg/admission/serviceaccount/admission.go"
versions: "any"
examples:
  - name: "the secret is there and not linked"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "sa.json": '{"kind": "ServiceAccountList", "apiVersion": "v1", "items": [{"metadata": {"name": "default", "namespace": "shop"}, "imagePullSecrets": []}]}'
      "secrets.json": '{"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "regcred", "namespace": "shop"}, "type": "kubernetes.io/dockerconfigjson"}]}'
    fires:
      - {kind: "StatefulSet", namespace: "shop", name: "web"}
  - name: "it is linked"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}], "imagePullSecrets": [{"name": "regcred"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "sa.json": '{"kind": "ServiceAccountList", "apiVersion": "v1", "items": [{"metadata": {"name": "default", "namespace": "shop"}, "imagePullSecrets": [{"name": "regcred"}]}]}'
      "secrets.json": '{"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "regcred", "namespace": "shop"}, "type": "kubernetes.io/dockerconfigjson"}]}'
  - name: "there is none"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "sa.json": '{"kind": "ServiceAccountList", "apiVersion": "v1", "items": [{"metadata": {"name": "default", "namespace": "shop"}, "imagePullSecrets": []}]}'
      "secrets.txt": |
        NAMESPACE   NAME    TYPE     DATA   AGE
        shop        other   Opaque   1      3d
  - name: "the image was pulled since"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-21T09:00:00Z", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"serviceAccountName": "default", "nodeName": "n1", "containers": [{"name": "app", "image": "harbor.example:5000/a/b:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "image": "harbor.example:5000/a/b:1", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.example:5000/a/b:1\": failed to resolve reference \"harbor.example:5000/a/b:1\": pulling from host harbor.example:5000 failed with status code [manifests 1]: 401 Unauthorized", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
      "sa.json": '{"kind": "ServiceAccountList", "apiVersion": "v1", "items": [{"metadata": {"name": "default", "namespace": "shop"}, "imagePullSecrets": []}]}'
      "secrets.json": '{"kind": "SecretList", "apiVersion": "v1", "items": [{"metadata": {"name": "regcred", "namespace": "shop"}, "type": "kubernetes.io/dockerconfigjson"}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for refused in refused(snapshot) {
        let Some(account) = refused.account else { continue };
        let own = names_in(refused.pod.object, "/spec/imagePullSecrets");
        if !own.is_empty() || !names_in(account, "/imagePullSecrets").is_empty() {
            continue;
        }
        // One that is known to be for other registries would not help.
        let fits = snapshot.kind("Secret").find(|secret| {
            secret.key.namespace == refused.pod.namespace()
                && is_pull_secret(secret)
                && registries_of(secret).is_none_or(|hosts| hosts.contains(&refused.registry))
        });
        let Some(secret) = fits else { continue };
        let resource = refused.workload.kind.to_lowercase();
        let pod = refused.pod.object.subject();
        let mut finding = Finding::new(rule, refused.workload.clone(), Confidence::Confirmed)
            .at("spec.template.spec.imagePullSecrets")
            .cite(account.cite_at("/imagePullSecrets"))
            .cite(secret.cite_at("/metadata/name"))
            .cite(refused.pod.object.cite_at("/spec/serviceAccountName"))
            .touch(Ground::Registry, &refused.registry)
            .fact("secret", secret.key.name.clone())
            .fact("account", account.key.name.clone())
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
        finding.add_affected(account.subject());
        findings.push(finding);
    }
    findings
}
