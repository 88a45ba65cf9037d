//! A node cannot resolve the name of a registry.

use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: dns-resolution-failure-node
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: lookup
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*(?:dial tcp: )?lookup (?P<host>[A-Za-z0-9._-]+)(?: on (?P<resolver>[^\\s]+))?: (?P<answer>no such host|server misbehaving|Temporary failure in name resolution|read udp [^\\n\"\\\\]*i/o timeout|i/o timeout)"
    unless: "(?i)sandbox|trying next host"
check:
  zh: "节点能否解析镜像仓库的名称"
  en: "whether nodes resolve the registries' names"
title:
  zh: "节点无法解析镜像仓库的名称 {{ host }}（{{ answer }}），{{ image }} 无法拉取"
  en: "the nodes cannot resolve the registry's name {{ host }} ({{ answer }}), and {{ image }} cannot be pulled"
cause:
  zh: "节点的解析器{% if resolver is defined %} {{ resolver }} {% endif %}对 {{ host }} 的应答是 {{ answer }}：名称写错，或节点使用的 DNS 没有这条记录。{% if changed %}只有 {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的新镜像指向它，旧版本仍在运行。{% elif workloads %}受影响：{{ workloads|join('、') }}。{% endif %}"
  en: "the node's resolver{% if resolver is defined %} {{ resolver }}{% endif %} answers {{ answer }} for {{ host }}: the name is wrong, or the DNS that the node uses has no such record. {% if changed %}Only the new image of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} points there; its old pods still run.{% elif workloads %}Affected: {{ workloads|join(', ') }}.{% endif %}"
rules_out:
  - {zh: "集群 DNS（CoreDNS）：镜像由节点上的运行时拉取，使用节点自己的解析器", en: "the cluster's DNS (CoreDNS): images are pulled by the runtime on the node, with the node's own resolver"}
  - {zh: "凭据与标签：请求没有到达仓库", en: "credentials and tag: the request never reached the registry"}
causes:
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "之后拉取成功（Pod 已不再等待镜像）的旧错误不算", en: "an old error does not count once the pull succeeded and no pod waits for the image"}
remedy:
  - purpose: {zh: "在节点上解析该名称", en: "resolve the name on the node"}
    place: node
    risk: read-only
    command: |
      getent hosts {{ host }}
      cat /etc/resolv.conf
    expect: {zh: "没有地址", en: "no address"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把镜像改为存在的引用", en: "set an image that exists"}
    place: cluster
    risk: change
    when: "settable"
    command: "kubectl -n {{ namespace }} set image {{ resource }}/{{ subject.name }} {{ container }}=<IMAGE>"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} image updated`", en: "`{{ resource }}.apps/{{ subject.name }} image updated`"}
    verify: {zh: "新 Pod 拉取成功并就绪", en: "the new pod pulls the image and becomes ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "如果是名称写错，改为正确的仓库；否则修正节点的 DNS 记录或 resolv.conf", en: "if the name is wrong, name the right registry; otherwise mend the node's DNS record or resolv.conf"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "发布前检查清单中的每个镜像引用都能解析", en: "check before a release that every image reference in the manifests resolves"}
    acceptance: {zh: "引用不存在标签的清单在流水线中失败", en: "a manifest with a tag that does not exist fails in the pipeline"}
  - kind: detect
    text: {zh: "从每个节点定期探测仓库的 /v2/ 接口", en: "probe the registry's /v2/ from every node"}
    acceptance: {zh: "阻断一个节点到仓库的连接后 5 分钟内告警", en: "cutting one node off from the registry raises the alert within 5 minutes"}
sources: ["Go net: DNSError `no such host`, `server misbehaving`"]
versions: "any"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.internal.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.internal.example/a:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"reg.internal.example/a:1\": failed to resolve reference \"reg.internal.example/a:1\": failed to do request: Head \"https://reg.internal.example/v2/a/manifests/1\": dial tcp: lookup reg.internal.example on 10.0.0.2:53: no such host","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "reg.internal.example"}]
  - name: "only the new image points there, the old pods work"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-7c9d5f6b84-x4kqp","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"web-7c9d5f6b84","controller":true}]},"spec":{"containers":[{"name":"app","image":"reg.typo.example/a:2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}},{"metadata":{"name":"web-6f8b9d7c54-tn5wd","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"web-6f8b9d7c54","controller":true}]},"spec":{"containers":[{"name":"app","image":"reg.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-7c9d5f6b84-x4kqp","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.typo.example/a:2\": rpc error: code = Unknown desc = failed to pull and unpack image \"reg.typo.example/a:2\": failed to resolve reference \"reg.typo.example/a:2\": failed to do request: Head \"https://reg.typo.example/v2/a/manifests/2\": dial tcp: lookup reg.typo.example: no such host","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-7c9d5f6b84-x4kqp"}}]}'
    fires: [{kind: Deployment, namespace: shop, name: web}]
  - name: "it runs now"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"reg.internal.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"reg.internal.example/a:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"reg.internal.example/a:1\": failed to resolve reference \"reg.internal.example/a:1\": failed to do request: Head \"https://reg.internal.example/v2/a/manifests/1\": dial tcp: lookup reg.internal.example on 10.0.0.2:53: no such host","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_registry(input, rule, &failed_pulls(input, rule))
}
