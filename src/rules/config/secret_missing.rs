//! A Secret that a pod names does not exist.

use crate::rules::missing::missing;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: secret-missing
role: cause
level: critical
needs: [pods|events]
text:
  - id: absent
    pattern: "(?:^|[\\s\"(])secret \\W*(?P<name>[a-z0-9][a-z0-9.-]*)\\W* not found"
    unless: "not registered|serviceaccount|storageclass|Unable to retrieve some image pull"
check:
  zh: "Pod 引用的 Secret 是否存在"
  en: "whether the Secrets that pods name exist"
title:
  zh: "Secret {{ namespace }}/{{ name }} 不存在，{{ workloads|join('、') }} 无法启动"
  en: "Secret {{ namespace }}/{{ name }} does not exist, and {{ workloads|join(', ') }} cannot start"
cause:
  zh: "Pod {{ pod }} 引用了 Secret {{ name }}，而命名空间 {{ namespace }} 中没有它，kubelet 因此不能创建容器。{% if maker %}它应由 {{ maker|raw }} 生成。{% endif %}{% if similar %}名称相近的有：{{ similar|join('、') }}。{% endif %}{% if elsewhere %}它存在于命名空间 {{ elsewhere|join('、') }}。{% endif %}"
  en: "pod {{ pod }} names the Secret {{ name }}, and namespace {{ namespace }} has none, so the kubelet cannot create the container.{% if maker %} {{ maker|raw }} is to make it.{% endif %}{% if similar %} There is one with a similar name: {{ similar|join(', ') }}.{% endif %}{% if elsewhere %} It exists in namespace {{ elsewhere|join(', ') }}.{% endif %}"
rules_out:
  - {zh: "镜像与调度：Pod 已分配到节点，等待的是配置", en: "image and scheduling: the pod has a node, and what it waits for is its configuration"}
questions:
  - {zh: "这个 Secret 是从未创建、改了名，还是被删除？", en: "was this Secret never created, was it renamed, or deleted?"}
causes:
  - rule: createcontainerconfigerror
    ground: workload
    mechanism: {zh: "kubelet 找不到引用的对象", en: "the kubelet does not find the object that is named"}
  - rule: failedmount-missing-object
    ground: workload
    mechanism: {zh: "卷的来源不存在，挂载失败", en: "the source of the volume does not exist, so the mount fails"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器起不来，Pod 不就绪", en: "the container cannot start, so no pod is ready"}
benign:
  - {zh: "optional: true 的引用缺失不影响启动", en: "a reference with optional: true may be missing"}
  - {zh: "Pod 已经就绪时，旧的 not found 事件说明 Secret 是后来才创建的", en: "with the pod ready, an old not found event shows that the Secret was created later"}
  - {zh: "object … not registered 与 failed to sync … cache 出现在 Pod 被删除或 kubelet 重启时", en: "object … not registered and failed to sync … cache occur while pods are deleted or the kubelet starts"}
remedy:
  - purpose: {zh: "确认 Secret 不存在", en: "see that the Secret is absent"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} get secret {{ name }}
      kubectl -n {{ namespace }} get secret
    expect: {zh: "NotFound，列表中没有该名称", en: "NotFound, and the list lacks the name"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "创建该 Secret（内容来自应用的配置仓库或备份）；若只是名称写错，则改工作负载中的引用", en: "create the Secret (its content comes from the application's configuration or a backup); if the name is mistyped, correct the reference instead"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} create secret generic {{ name }} --from-file=<DIRECTORY>"
    expect: {zh: "`secret/{{ name }} created`", en: "`secret/{{ name }} created`"}
    verify: {zh: "几分钟内 kubelet 重试，Pod 启动", en: "the kubelet retries within minutes and the pod starts"}
    rollback: {zh: "`kubectl -n {{ namespace }} delete secret {{ name }}`", en: "`kubectl -n {{ namespace }} delete secret {{ name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "Secret 与引用它的工作负载在同一次发布中交付", en: "deliver the Secret in the same release as the workload that names it"}
    acceptance: {zh: "在空命名空间部署一次即可启动", en: "one deployment into an empty namespace starts"}
  - kind: detect
    text: {zh: "对等待原因 CreateContainerConfigError 与 FailedMount 事件告警", en: "alert on the waiting reason CreateContainerConfigError and on FailedMount events"}
    acceptance: {zh: "引用不存在对象的测试 Pod 在 5 分钟内触发告警", en: "a test pod that names an absent object raises the alert within 5 minutes"}
sources: ["kubernetes pkg/kubelet/kubelet_pods.go, pkg/volume/configmap, pkg/volume/secret: `%s \"%s\" not found`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "the kubelet says so"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"CreateContainerConfigError","message":"secret \"settings\" not found"}}}]}}]}'
    fires: [{kind: Secret, namespace: shop, name: settings}]
  - name: "a mount fails, in events of a table"
    files:
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON        OBJECT      MESSAGE
        shop        2m          Warning   FailedMount   pod/web-0   MountVolume.SetUp failed for volume "conf" : secret "settings" not found
    fires: [{kind: Secret, namespace: shop, name: settings}]
  - name: "named, and absent from the list"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1","volumes":[{"name":"v","secret":{"secretName":"settings"}}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      list.txt: |
        NAMESPACE   NAME    TYPE     DATA   AGE
        shop        other   Opaque   1      3d
    fires: [{kind: Secret, namespace: shop, name: settings}]
  - name: "created since, the pod runs"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Error: secret \"settings\" not found","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
  - name: "optional"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1","volumes":[{"name":"v","secret":{"secretName":"settings","optional":true}}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      secrets.json: '{"kind":"SecretList","apiVersion":"v1","items":[{"metadata":{"name":"other","namespace":"shop"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    missing(input, rule, "Secret")
}
