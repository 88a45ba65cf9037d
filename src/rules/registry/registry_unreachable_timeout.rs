//! Connections to a registry time out.

use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-unreachable-timeout
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: timeout
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*(?P<answer>i/o timeout|TLS handshake timeout|Client\\.Timeout exceeded while awaiting headers|no route to host|network is unreachable|connection reset by peer|context deadline exceeded|EOF|connection timed out)"
    unless: "(?i)sandbox|trying next host|lookup \\S+|(?:registry-1|auth|index|registry)\\.docker\\.(?:io|com)|production\\.cloudflare\\.docker\\.com|//docker\\.io"
check:
  zh: "镜像仓库是否可达"
  en: "whether registries can be reached"
title:
  zh: "镜像仓库 {{ registry }} 无法连通（{{ answer }}），{{ image }} 无法拉取"
  en: "registry {{ registry }} cannot be reached ({{ answer }}), and {{ image }} cannot be pulled"
cause:
  zh: "节点到 {{ registry }} 的请求没有得到应答（{{ answer }}）：出口被阻断、缺少代理或路由，或仓库主机停机。{% if changed %}只有 {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的新镜像指向它，旧版本仍在运行。{% elif workloads %}受影响：{{ workloads|join('、') }}。{% endif %}"
  en: "requests from the node to {{ registry }} get no answer ({{ answer }}): egress is blocked, a proxy or route is missing, or the machine is down. {% if changed %}Only the new image of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} points there; its old pods still run.{% elif workloads %}Affected: {{ workloads|join(', ') }}.{% endif %}"
questions:
  - {zh: "云上的安全组与网络 ACL 是否放行出向 443？这在采集包里看不到，节点防火墙干净而出向超时时首先核对它。", en: "do security groups and network ACLs of the cloud let port 443 out? A bundle cannot show it; with a clean firewall on the node and time-outs it is the first thing to look at."}
rules_out:
  - {zh: "DNS：名称已经解析为地址", en: "DNS: the name did resolve to an address"}
  - {zh: "NetworkPolicy：镜像由节点的运行时拉取，不受 NetworkPolicy 限制", en: "NetworkPolicy: the node's runtime pulls images, and no NetworkPolicy applies to it"}
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
  - purpose: {zh: "为运行时配置出口代理（若出口只能经代理）", en: "give the runtime the proxy, if traffic may leave only through it"}
    place: node
    risk: change
    command: |
      mkdir -p /etc/systemd/system/containerd.service.d
      printf '[Service]\nEnvironment=HTTPS_PROXY=%s NO_PROXY=%s\n' '<PROXY_URL>' '<CLUSTER_CIDRS>' > /etc/systemd/system/containerd.service.d/http-proxy.conf
      systemctl daemon-reload
      systemctl restart containerd
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`crictl pull {{ image }}` 成功", en: "`crictl pull {{ image }}` succeeds"}
    rollback: {zh: "删除该文件并重启 containerd", en: "remove the file and restart containerd"}
prevention:
  - kind: detect
    text: {zh: "从每个节点定期探测仓库的 /v2/ 接口", en: "probe the registry's /v2/ from every node"}
    acceptance: {zh: "阻断一个节点到仓库的连接后 5 分钟内告警", en: "cutting one node off from the registry raises the alert within 5 minutes"}
  - kind: mitigate
    text: {zh: "为外部仓库部署拉取缓存", en: "run a pull-through cache for outside registries"}
    acceptance: {zh: "断开外网后，缓存过的镜像仍可拉取", en: "with the outside cut off, cached images can still be pulled"}
sources: ["Go net: `i/o timeout`; net/http: `TLS handshake timeout`, `Client.Timeout exceeded while awaiting headers`"]
versions: "any"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": dial tcp 192.0.2.2:5000: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "docker, in a description"
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
            Image:          harbor.example:5000/shop/api:1.2
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
          Warning  Failed   9s (x4 over 2m)    kubelet            Failed to pull image "harbor.example:5000/shop/api:1.2": rpc error: code = Unknown desc = Error response from daemon: Get https://harbor.example:5000/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "one timeout, pulled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": dial tcp 192.0.2.2:5000: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_registry(input, rule, &failed_pulls(input, rule))
}
