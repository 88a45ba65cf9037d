//! Docker Hub refuses pulls beyond its rate limit.

use crate::rules::pull::{by_workload, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: dockerhub-toomanyrequests
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: limit
    pattern: "(?:[Ff]ailed to pull|PullImage|ErrImagePull|Error response from daemon)[^\\n]*(?:toomanyrequests|429 Too Many Requests)"
    unless: "(?i)sandbox"
check:
  zh: "镜像拉取是否触发了限速（429）"
  en: "whether pulls run into a rate limit (429)"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：拉取 {{ image }} 触发仓库 {{ registry }} 的限速（429）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the pull of {{ image }} runs into the rate limit of {{ registry }} (429)"
cause:
  zh: "{{ registry }} 以 429 拒绝拉取 {{ image }}：匿名拉取按出口 IP 计数，同一出口后的所有节点共用一个额度。"
  en: "{{ registry }} refuses {{ image }} with 429: anonymous pulls are counted by address, and all nodes behind one exit share one allowance."
rules_out:
  - {zh: "网络与标签：仓库已经应答", en: "network and tag: the registry did answer"}
causes:
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "之后拉取成功（Pod 已不再等待镜像）的旧错误不算", en: "an old error does not count once the pull succeeded and no pod waits for the image"}
  - {zh: "API 服务器的 429（TooManyRequests）与镜像拉取无关", en: "a 429 of the API server has nothing to do with pulls"}
remedy:
  - purpose: {zh: "查看拉取失败的原文", en: "read why the pull failed"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} describe pod {{ pod }}"
    expect: {zh: "事件中有 Failed to pull image 及其原因", en: "the events hold Failed to pull image with its reason"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "用账号拉取", en: "pull with an account"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} create secret docker-registry docker-hub --docker-server=https://index.docker.io/v1/ --docker-username=<HUB_USER> --docker-password=<HUB_TOKEN>"
    expect: {zh: "`secret/docker-hub created`", en: "`secret/docker-hub created`"}
    verify: {zh: "重试后拉取成功", en: "the next retry succeeds"}
    rollback: {zh: "`kubectl -n {{ namespace }} delete secret docker-hub`", en: "`kubectl -n {{ namespace }} delete secret docker-hub`"}
    notes:
      - {zh: "然后把它写入工作负载的 imagePullSecrets；额度每 6 小时恢复", en: "then name it in the workload's imagePullSecrets; the allowance returns every 6 hours"}
prevention:
  - kind: mitigate
    text: {zh: "为外部仓库部署拉取缓存", en: "run a pull-through cache for outside registries"}
    acceptance: {zh: "断开外网后，缓存过的镜像仍可拉取", en: "with the outside cut off, cached images can still be pulled"}
  - kind: prevent
    immediate: true
    text: {zh: "让所有节点以账号拉取 Docker Hub 镜像", en: "let all nodes pull from Docker Hub with an account"}
    acceptance: {zh: "拉取响应头 ratelimit-limit 显示账号额度", en: "the header ratelimit-limit shows the account's allowance"}
sources: ["docs.docker.com/docker-hub/download-rate-limit", "containerd remotes/errors"]
versions: "any"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"nginx:1.25"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"nginx:1.25\": failed to pull and unpack image \"docker.io/library/nginx:1.25\": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/nginx/manifests/sha256:ab: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "in a description, docker"
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
            Image:          busybox:1.36
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
          Warning  Failed   9s (x4 over 2m)    kubelet            Failed to pull image "busybox:1.36": rpc error: code = Unknown desc = Error response from daemon: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "429 of the API server"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"nginx:1.25"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Error: the server has received too many requests: 429 Too Many Requests","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_workload(input, rule, &failed_pulls(input, rule))
}
