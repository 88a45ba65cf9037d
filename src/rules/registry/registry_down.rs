//! A registry refuses connections or answers with server errors.

use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-down
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: refused
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*dial tcp (?P<address>[^\\s:]+:\\d+|\\[[^\\]]+\\]:\\d+): (?:connect|getsockopt): (?P<answer>connection refused)"
    unless: "(?i)sandbox|trying next host"
  - id: error
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*(?:unexpected status[^\\n]*|unexpected HTTP status|status code[^\\n]*|code): (?P<answer>50[0234] [A-Z][A-Za-z ]+)"
    unless: "(?i)sandbox|trying next host"
check:
  zh: "镜像仓库是否拒绝连接或返回 5xx"
  en: "whether a registry refuses connections or answers 5xx"
title:
  zh: "镜像仓库 {{ registry }} 不可用（{{ answer }}），{{ image }} 无法拉取"
  en: "registry {{ registry }} is down ({{ answer }}), and {{ image }} cannot be pulled"
cause:
  zh: "连接 {{ registry }} 的结果是 {{ answer }}：名称已解析、主机可达，但端口上没有服务或服务自身出错。{% if changed %}只有 {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的新镜像指向它，旧版本仍在运行。{% elif workloads %}受影响：{{ workloads|join('、') }}。{% endif %}"
  en: "connecting to {{ registry }} ends with {{ answer }}: its name resolves and the machine is reachable, but nothing serves on the port, or the service itself fails. {% if changed %}Only the new image of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} points there; its old pods still run.{% elif workloads %}Affected: {{ workloads|join(', ') }}.{% endif %}"
rules_out:
  - {zh: "DNS：名称已经解析", en: "DNS: the name did resolve"}
  - {zh: "凭据、证书与标签：连接没有进行到那一步", en: "credentials, certificate and tag: it never came so far"}
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
  - purpose: {zh: "在节点上探测仓库", en: "probe the registry from a node"}
    place: node
    risk: read-only
    command: "curl -sv https://{{ registry }}/v2/"
    expect: {zh: "connection refused 或 5xx", en: "connection refused or 5xx"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看仓库所在主机上的服务与端口", en: "on the registry's machine, look at the service and its port"}
    place: node
    risk: read-only
    command: |
      ss -lnt
      docker ps -a
    expect: {zh: "没有进程监听该端口，或容器已退出", en: "nothing listens on the port, or the container has ended"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复仓库服务（以 Docker 部署为例）", en: "bring the registry back (here: one that runs in Docker)"}
    place: node
    risk: change
    command: "docker start <REGISTRY_CONTAINER>"
    expect: {zh: "容器名称", en: "the container's name"}
    verify: {zh: "`curl https://{{ registry }}/v2/` 返回 200 或 401", en: "`curl https://{{ registry }}/v2/` answers 200 or 401"}
    rollback: {zh: "`docker stop <REGISTRY_CONTAINER>`", en: "`docker stop <REGISTRY_CONTAINER>`"}
prevention:
  - kind: detect
    text: {zh: "从每个节点定期探测仓库的 /v2/ 接口", en: "probe the registry's /v2/ from every node"}
    acceptance: {zh: "阻断一个节点到仓库的连接后 5 分钟内告警", en: "cutting one node off from the registry raises the alert within 5 minutes"}
  - kind: prevent
    text: {zh: "仓库不与依赖它的集群同处一个故障域", en: "keep the registry out of the failure domain of the cluster that needs it"}
    acceptance: {zh: "停掉集群后仓库仍可拉取", en: "with the cluster stopped, the registry still serves pulls"}
sources: ["Go net: `connect: connection refused`", "containerd remotes/errors: `unexpected status from %s request to %s: %s`"]
versions: "any"
examples:
  - name: "refused"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": dial tcp 192.0.2.2:5000: connect: connection refused","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "503, in a description"
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
          Warning  Failed   9s (x4 over 2m)    kubelet            Failed to pull image "harbor.example:5000/shop/api:1.2": rpc error: code = Unknown desc = failed to pull and unpack image "harbor.example:5000/shop/api:1.2": failed to resolve reference "harbor.example:5000/shop/api:1.2": unexpected status from HEAD request to https://harbor.example:5000/v2/shop/api/manifests/1.2: 503 Service Unavailable
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "an application's own refused connection"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":false,"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}]}'
      logs/web-0.log: |
        dial tcp 10.0.0.1:5432: connect: connection refused
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_registry(input, rule, &failed_pulls(input, rule))
}
