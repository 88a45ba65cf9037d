//! A registry refuses a pull: no permission, or no repository of that name.

use crate::rules::pull::{by_workload, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-pull-denied
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: scope
    pattern: "(?:[Ff]ailed to pull|PullImage|ErrImagePull)[^\\n]*pull access denied, repository does not exist or may require authorization"
    unless: "(?i)sandbox|docker\\.io/"
  - id: forbidden
    pattern: "(?:[Ff]ailed to pull|PullImage|ErrImagePull|Error response from daemon)[^\\n]*(?:40[13] Forbidden|: 403 |no basic auth credentials|authorization token has expired|requested access to the resource is denied|denied: Permission|DENIED|denied: access forbidden|unauthorized to access repository|invalid status code from registry 403)"
    unless: "(?i)sandbox|repository does not exist"
check:
  zh: "镜像仓库是否以权限不足拒绝拉取（403）"
  en: "whether a registry refuses a pull for want of permission (403)"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：仓库 {{ registry }} 拒绝拉取 {{ image }}（无权限）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: registry {{ registry }} denies {{ image }}"
cause:
  zh: "仓库 {{ registry }} 应答：拉取 {{ repository }} 被拒绝。凭据缺失、账号无权限、令牌过期，或该仓库路径不存在，都会得到同样的应答。"
  en: "registry {{ registry }} answers that pulling {{ repository }} is denied: missing credentials, an account without permission, an expired token, or a repository that does not exist all get this answer."
rules_out:
  - {zh: "网络、DNS 与 TLS：仓库已经应答", en: "network, DNS and TLS: the registry did answer"}
questions:
  - {zh: "该路径在仓库中是否存在、是否公开？使用的账号有无 pull 权限？", en: "does the repository exist, is it public, and may the account pull from it?"}
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "之后拉取成功（Pod 已不再等待镜像）的旧错误不算", en: "an old error does not count once the pull succeeded and no pod waits for the image"}
remedy:
  - purpose: {zh: "查看拉取失败的原文", en: "read why the pull failed"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} describe pod {{ pod }}"
    expect: {zh: "事件中有 Failed to pull image 及其原因", en: "the events hold Failed to pull image with its reason"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看 Pod 与 ServiceAccount 的拉取凭据", en: "look at the pull secrets of the pod and its ServiceAccount"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} get pod {{ pod }} -o jsonpath='{.spec.imagePullSecrets}{"\n"}'
      kubectl -n {{ namespace }} get secrets --field-selector type=kubernetes.io/dockerconfigjson
    expect: {zh: "列出引用的 Secret，或为空", en: "the Secrets that are named, or nothing"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "创建对该仓库有 pull 权限的凭据", en: "create credentials that may pull from it"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} create secret docker-registry registry-pull --docker-server={{ registry }} --docker-username=<REGISTRY_USER> --docker-password=<REGISTRY_PASSWORD>"
    expect: {zh: "`secret/registry-pull created`", en: "`secret/registry-pull created`"}
    verify: {zh: "在节点上用同一凭据 `crictl pull` 成功", en: "`crictl pull` with the same credentials succeeds on a node"}
    rollback: {zh: "`kubectl -n {{ namespace }} delete secret registry-pull`", en: "`kubectl -n {{ namespace }} delete secret registry-pull`"}
    notes:
      - {zh: "然后把它写入工作负载的 imagePullSecrets", en: "then name it in the imagePullSecrets of the workload"}
prevention:
  - kind: detect
    text: {zh: "对等待原因 ImagePullBackOff 与 ErrImagePull 告警", en: "alert on the waiting reasons ImagePullBackOff and ErrImagePull"}
    acceptance: {zh: "引用不存在镜像的测试 Pod 在 5 分钟内触发告警", en: "a test pod with an image that does not exist raises the alert within 5 minutes"}
  - kind: process
    immediate: true
    text: {zh: "记录每份仓库凭据的到期日期与轮换步骤", en: "record when each registry credential expires and how it is rotated"}
    acceptance: {zh: "轮换演练后没有 Pod 出现 403", en: "after a rehearsed rotation no pod gets a 403"}
sources: ["containerd remotes/docker/resolver.go, remotes/errors/errors.go", "moby distribution/errors.go, registry/auth.go"]
versions: "containerd 1.3 to 2.1; Docker 18 to 29"
examples:
  - name: "403 from a cloud registry"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.cloud.example/team/api:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.cloud.example/team/api:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"reg.cloud.example/team/api:1\": failed to resolve reference \"reg.cloud.example/team/api:1\": unexpected status from HEAD request to https://reg.cloud.example/v2/team/api/manifests/1: 403 Forbidden","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "GitLab, to an account without rights"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.cloud.example/team/api:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.cloud.example/team/api:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"reg.cloud.example/team/api:1\": failed to resolve reference \"reg.cloud.example/team/api:1\": failed to authorize: GET https://reg.cloud.example/jwt/auth: denied: access forbidden","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "in a description"
    files:
      describe.txt: |
        Name:             web-0
        Namespace:        shop
        Node:             n1/10.0.0.1
        Status:           Pending
        IP:               10.1.0.5
        Priority:         0
        Containers:
          app:
            Image:          reg.cloud.example/team/api:1
            State:          Waiting
              Reason:       ErrImagePull
            Ready:          False
            Restart Count:  0
        Conditions:
          Type              Status
          Initialized       True 
          Ready             False 
          ContainersReady   False 
          PodScheduled      True 
        Events:
          Type     Reason   Age                From               Message
          ----     ------   ----               ----               -------
          Warning  Failed   9s (x4 over 2m)    kubelet            Failed to pull image "reg.cloud.example/team/api:1": rpc error: code = Unknown desc = failed to pull and unpack image "reg.cloud.example/team/api:1": failed to resolve reference "reg.cloud.example/team/api:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "it runs now"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.cloud.example/team/api:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.cloud.example/team/api:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"reg.cloud.example/team/api:1\": failed to resolve reference \"reg.cloud.example/team/api:1\": unexpected status from HEAD request to https://reg.cloud.example/v2/team/api/manifests/1: 403 Forbidden","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_workload(input, rule, &failed_pulls(input, rule))
}
