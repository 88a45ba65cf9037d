//! A registry speaks plain HTTP where the runtime expects HTTPS.

use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-plain-http
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: pull
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*http: server gave HTTP response to HTTPS client"
    unless: "(?i)sandbox|trying next host"
check:
  zh: "镜像仓库是否只提供明文 HTTP"
  en: "whether a registry speaks plain HTTP only"
title:
  zh: "镜像仓库 {{ registry }} 只提供明文 HTTP，运行时按 HTTPS 访问，{{ image }} 无法拉取"
  en: "registry {{ registry }} speaks plain HTTP, the runtime asks with HTTPS, and {{ image }} cannot be pulled"
cause:
  zh: "运行时用 HTTPS 连接 {{ registry }}，得到的是明文 HTTP 应答。{% if changed %}只有 {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的新镜像指向它，旧版本仍在运行。{% elif workloads %}受影响：{{ workloads|join('、') }}。{% endif %}"
  en: "the runtime connects to {{ registry }} with HTTPS and gets a plain HTTP answer. {% if changed %}Only the new image of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} points there; its old pods still run.{% elif workloads %}Affected: {{ workloads|join(', ') }}.{% endif %}"
rules_out:
  - {zh: "网络与 DNS：对端已经应答", en: "network and DNS: the other side did answer"}
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
  - purpose: {zh: "在节点上确认协议", en: "on a node, see which protocol it speaks"}
    place: node
    risk: read-only
    command: "curl -s -o /dev/null -w '%{http_code}\\n' http://{{ registry }}/v2/"
    expect: {zh: "200 或 401 说明是明文 HTTP", en: "200 or 401 shows plain HTTP"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "让 containerd 以 HTTP 访问该仓库（更好的办法是给仓库配置证书）", en: "let containerd use HTTP for it (a certificate on the registry is better)"}
    place: node
    risk: change
    command: |
      mkdir -p /etc/containerd/certs.d/{{ registry }}
      printf 'server = "http://%s"\n' {{ registry }} > /etc/containerd/certs.d/{{ registry }}/hosts.toml
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`crictl pull {{ image }}` 成功", en: "`crictl pull {{ image }}` succeeds"}
    rollback: {zh: "rm -r /etc/containerd/certs.d/{{ registry }}", en: "rm -r /etc/containerd/certs.d/{{ registry }}"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "为仓库配置由内部 CA 签发的证书", en: "give the registry a certificate of the internal CA"}
    acceptance: {zh: "从节点 curl https 接口成功", en: "curl to its https interface succeeds from a node"}
  - kind: detect
    text: {zh: "从每个节点定期探测仓库的 /v2/ 接口", en: "probe the registry's /v2/ from every node"}
    acceptance: {zh: "阻断一个节点到仓库的连接后 5 分钟内告警", en: "cutting one node off from the registry raises the alert within 5 minutes"}
sources: ["Go net/http: `http: server gave HTTP response to HTTPS client`"]
versions: "containerd 1.3 to 2.1; Docker 18 to 29"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": http: server gave HTTP response to HTTPS client","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "it runs now"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": http: server gave HTTP response to HTTPS client","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_registry(input, rule, &failed_pulls(input, rule))
}
