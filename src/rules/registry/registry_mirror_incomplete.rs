//! A mirror that the runtime asks first does not have the image.

use crate::rules::pull::{Pull, by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-mirror-incomplete
role: cause
level: critical
needs: [events|pods|containerd-log|kubelet-log]
text:
  - id: ns
    pattern: 'https?://(?P<host>[^/\s"\\]+)/v2/(?P<path>[^\s"\\?]+)\?ns=(?P<upstream>[\w.:-]+)[^\n]*?(?P<answer>40[134] \w+|403|404|5\d\d [A-Z]\w+|not found|connection refused|i/o timeout|no such host|EOF)'
check: {zh: "运行时配置的镜像站是否有所需的镜像", en: "whether the mirrors that runtimes ask have the images"}
title:
  zh: "镜像站 {{ host }}（{{ upstream }} 的镜像）不能提供 {{ image }}：{{ answer }}"
  en: "mirror {{ host }} (of {{ upstream }}) does not serve {{ image }}: {{ answer }}"
cause:
  zh: "请求带有 ?ns={{ upstream }}，说明 containerd 按镜像站配置访问了 {{ host }}；它应答 {{ answer }}。公共镜像站常常停止服务、限制来源或缺少标签。"
  en: "the request carries ?ns={{ upstream }}: containerd went to {{ host }} by its configuration of mirrors, and got {{ answer }}. Public mirrors often shut down, admit few, or lack tags."
rules_out:
  - {zh: "镜像名称与标签写错：上游 {{ upstream }} 可能有它，被问的只是镜像站", en: "a wrong name or tag: {{ upstream }} may well have it; only the mirror was asked"}
causes:
  - rule: image-tag-not-found
    ground: workload
    mechanism: {zh: "镜像站没有这个标签", en: "the mirror lacks the tag"}
  - rule: image-not-found
    ground: workload
    mechanism: {zh: "镜像站没有这个仓库", en: "the mirror lacks the repository"}
  - rule: image-pull-denied
    ground: workload
    mechanism: {zh: "镜像站拒绝了请求", en: "the mirror refuses"}
  - rule: registry-unreachable-timeout
    ground: workload
    mechanism: {zh: "镜像站没有应答", en: "the mirror does not answer"}
  - rule: registry-down
    ground: workload
    mechanism: {zh: "镜像站没有应答", en: "the mirror does not answer"}
  - rule: dns-resolution-failure-node
    ground: workload
    mechanism: {zh: "镜像站的名字无法解析", en: "the name of the mirror does not resolve"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "镜像因此拉取失败", en: "the image cannot be pulled for it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "镜像站失败后 containerd 会改问上游；最终成功的拉取不算", en: "containerd asks the upstream next; a pull that succeeds in the end does not count"}
remedy:
  - purpose: {zh: "查看镜像站配置并直接询问它", en: "look at the configuration of mirrors, and ask the mirror"}
    place: node
    risk: read-only
    command: |
      cat /etc/containerd/certs.d/{{ upstream }}/hosts.toml
      curl -sI https://{{ host }}/v2/{{ path }}
    expect: {zh: "应答 {{ answer }}", en: "it answers {{ answer }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "换用可用的镜像站或删除它（hosts.toml 在每次拉取时读取，无需重启）", en: "name a mirror that works, or remove it (hosts.toml is read at every pull; no restart is needed)"}
    place: node
    risk: change
    command: "vi /etc/containerd/certs.d/{{ upstream }}/hosts.toml"
    expect: {zh: "文件已修改", en: "the file is changed"}
    verify: {zh: "`crictl pull {{ image }}` 成功", en: "`crictl pull {{ image }}` succeeds"}
    rollback: {zh: "恢复原来的 hosts.toml", en: "put the former hosts.toml back"}
prevention:
  - kind: prevent
    text: {zh: "部署自己的拉取缓存（Harbor 等），不依赖单个公共镜像站", en: "run a pull-through cache of your own (such as Harbor) and depend on no single public mirror"}
    acceptance: {zh: "断开公共镜像站后，缓存过的镜像仍可拉取", en: "with the public mirror cut off, cached images can still be pulled"}
sources:
  - "containerd docs/hosts.md"
  - "containerd remotes/docker/resolver.go: query parameter ns"
versions: "containerd 1.5 to 2.1"
examples:
  - name: "404 from the mirror"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "nginx:1.25"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "nginx:1.25", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"nginx:1.25\": failed to resolve reference \"docker.io/library/nginx:1.25\": unexpected status from HEAD request to https://mirror.example/v2/library/nginx/manifests/1.25?ns=docker.io: 404 Not Found", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
    fires:
      - {kind: "Registry", name: "mirror.example"}
  - name: "the registry itself"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "reg.example/a:1"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "reg.example/a:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"reg.example/a:1\": unexpected status from HEAD request to https://reg.example/v2/a/manifests/1: 404 Not Found", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    // A host that stands for itself is no mirror. One that served the manifest and lacks a layer of it has the image, broken.
    let lacks_layer = |pull: &Pull<'_>| {
        let captured = |name: &str| pull.hit.captures.get(name).map_or("", String::as_str);
        captured("path").contains("/blobs/")
            && (captured("answer") == "not found" || captured("answer").starts_with("404"))
    };
    let pulls: Vec<_> = failed_pulls(input, rule)
        .into_iter()
        .filter(|pull| pull.hit.captures.get("upstream") != Some(&pull.host) && !lacks_layer(pull))
        .collect();
    by_registry(input, rule, &pulls)
}
