//! Docker Hub cannot be reached from the nodes.

use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: docker-hub-unreachable
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: timeout
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*(?:(?:registry-1|auth|index|registry)\\.docker\\.(?:io|com)|production\\.cloudflare\\.docker\\.com|//docker\\.io)[^\\n]*(?P<answer>i/o timeout|TLS handshake timeout|Client\\.Timeout exceeded while awaiting headers|no route to host|network is unreachable|connection reset by peer|context deadline exceeded|EOF|connection timed out)"
    unless: "(?i)sandbox|trying next host|lookup \\S+"
check:
  zh: "节点能否连通 Docker Hub"
  en: "whether the nodes reach Docker Hub"
title:
  zh: "节点无法连通 Docker Hub（{{ registry }}，{{ answer }}），{{ image }} 无法拉取"
  en: "the nodes cannot reach Docker Hub ({{ registry }}, {{ answer }}), and {{ image }} cannot be pulled"
cause:
  zh: "节点到 {{ registry }} 的请求没有得到应答（{{ answer }}）：出口受限，或解析到了错误的地址。{% if changed %}只有 {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的新镜像指向它，旧版本仍在运行。{% elif workloads %}受影响：{{ workloads|join('、') }}。{% endif %}"
  en: "requests from the node to {{ registry }} get no answer ({{ answer }}): egress is restricted, or the name resolves to a wrong address. {% if changed %}Only the new image of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} points there; its old pods still run.{% elif workloads %}Affected: {{ workloads|join(', ') }}.{% endif %}"
rules_out:
  - {zh: "限速：限速的应答是 429，而不是超时", en: "rate limits: those answer 429 and do not time out"}
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
  - purpose: {zh: "在节点上探测仓库（镜像由节点拉取，与 NetworkPolicy 无关）", en: "probe the registry from the node (images are pulled by the node; no NetworkPolicy applies)"}
    place: node
    risk: read-only
    command: "curl -sv --max-time 10 https://{{ registry }}/v2/"
    expect: {zh: "超时", en: "it times out"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看运行时的代理设置与节点路由", en: "look at the runtime's proxy and the node's routes"}
    place: node
    risk: read-only
    command: |
      systemctl show containerd docker -p Environment
      ip route
    expect: {zh: "没有代理，或没有到仓库的路由", en: "no proxy, or no route to the registry"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "为 docker.io 配置镜像源", en: "configure a mirror for docker.io"}
    place: node
    risk: change
    command: |
      mkdir -p /etc/containerd/certs.d/docker.io
      printf 'server = "https://registry-1.docker.io"\n[host."https://%s"]\n  capabilities = ["pull", "resolve"]\n' '<MIRROR_HOST>' > /etc/containerd/certs.d/docker.io/hosts.toml
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`crictl pull {{ image }}` 成功", en: "`crictl pull {{ image }}` succeeds"}
    rollback: {zh: "rm -r /etc/containerd/certs.d/docker.io", en: "rm -r /etc/containerd/certs.d/docker.io"}
    notes:
      - {zh: "config.toml 中要有 config_path = \"/etc/containerd/certs.d\"", en: "config.toml has to set config_path = \"/etc/containerd/certs.d\""}
prevention:
  - kind: mitigate
    text: {zh: "为外部仓库部署拉取缓存", en: "run a pull-through cache for outside registries"}
    acceptance: {zh: "断开外网后，缓存过的镜像仍可拉取", en: "with the outside cut off, cached images can still be pulled"}
  - kind: detect
    text: {zh: "从每个节点定期探测仓库的 /v2/ 接口", en: "probe the registry's /v2/ from every node"}
    acceptance: {zh: "阻断一个节点到仓库的连接后 5 分钟内告警", en: "cutting one node off from the registry raises the alert within 5 minutes"}
sources: ["containerd docs/hosts.md", "Go net: `i/o timeout`"]
versions: "any"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"nginx:1.25"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"docker.io/library/nginx:1.25\": rpc error: code = Unknown desc = failed to pull and unpack image \"docker.io/library/nginx:1.25\": failed to resolve reference \"docker.io/library/nginx:1.25\": failed to do request: Head \"https://registry-1.docker.io/v2/library/nginx/manifests/1.25\": dial tcp 199.59.149.235:443: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "registry-1.docker.io"}]
  - name: "pulled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"nginx:1.25"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"docker.io/library/nginx:1.25\": rpc error: code = Unknown desc = failed to pull and unpack image \"docker.io/library/nginx:1.25\": failed to resolve reference \"docker.io/library/nginx:1.25\": failed to do request: Head \"https://registry-1.docker.io/v2/library/nginx/manifests/1.25\": dial tcp 199.59.149.235:443: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_registry(input, rule, &failed_pulls(input, rule))
}
