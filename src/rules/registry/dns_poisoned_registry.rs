//! The name of a public registry resolves to an address that is not its own.

use crate::model::Confidence;
use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: dns-poisoned-registry
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|kubelet-log]
text:
  - id: dial
    pattern: '(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|[Ff]ailed to (?:do request|fetch))[^\n]*https?://(?P<host>(?:[\w-]+\.)*(?:docker\.io|docker\.com|registry\.k8s\.io|k8s\.gcr\.io|gcr\.io|quay\.io|ghcr\.io|mcr\.microsoft\.com))/[^\n]*dial tcp (?P<address>(?:127\.|0\.0\.0\.0|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|198\.1[89]\.|240\.|\[?::1?\]?:)[\d.]*)'
  - id: san
    pattern: '(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|[Ff]ailed to (?:do request|fetch))[^\n]*x509: certificate is valid for (?P<names>[^\n]{1,120}?), not (?P<host>(?:[\w-]+\.)*(?:docker\.io|docker\.com|registry\.k8s\.io|k8s\.gcr\.io|gcr\.io|quay\.io|ghcr\.io))'
check: {zh: "公共镜像仓库的名字是否被解析到不属于它的地址", en: "whether names of public registries resolve to addresses that are not theirs"}
title:
  zh: "公共镜像仓库 {{ host }} 被解析到{% if address is defined %} {{ address }}，那不是它的地址{% else %}别的服务器（证书属于 {{ names }}）{% endif %}"
  en: "the public registry {{ host }} resolves to {% if address is defined %}{{ address }}, which is not its address{% else %}another server (the certificate is for {{ names }}){% endif %}"
cause:
  zh: "{% if address is defined %}{{ host }} 的地址 {{ address }} 在本机、私有或保留网段{% else %}应答的服务器出示的证书属于 {{ names }}{% endif %}：DNS 应答被污染、被上级 DNS 改写，或节点的 /etc/hosts 中有这一条。"
  en: "{% if address is defined %}the address {{ address }} of {{ host }} is local, private or reserved{% else %}the server that answers shows a certificate for {{ names }}{% endif %}: the answer of the DNS is forged or rewritten upstream, or /etc/hosts of the node has an entry for it."
causes:
  - rule: docker-hub-unreachable
    ground: workload
    mechanism: {zh: "请求发往错误的地址", en: "requests go to a wrong address"}
  - rule: registry-unreachable-timeout
    ground: workload
    mechanism: {zh: "请求发往错误的地址", en: "requests go to a wrong address"}
  - rule: registry-down
    ground: workload
    mechanism: {zh: "请求发往错误的地址", en: "requests go to a wrong address"}
  - rule: registry-ca-untrusted
    ground: workload
    mechanism: {zh: "应答的不是该仓库", en: "it is not the registry that answers"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "镜像因此拉取失败", en: "the image cannot be pulled for it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "透明代理或本地缓存有意改写公共仓库的名字", en: "a transparent proxy or a local cache that rewrites names of public registries on purpose"}
  - {zh: "fake-ip 模式的代理使用 198.18.0.0/15", en: "proxies in fake-ip mode use 198.18.0.0/15"}
remedy:
  - purpose: {zh: "比较节点与可信 DNS 的应答", en: "compare the answers of the node and of a DNS that is trusted"}
    place: node
    risk: read-only
    command: |
      getent hosts {{ host }}
      dig +short {{ host }} @1.1.1.1
      grep {{ host }} /etc/hosts
    expect: {zh: "两者不同", en: "they differ"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "换用可信的 DNS，或通过镜像站拉取", en: "use a DNS that is trusted, or pull through a mirror"}
    place: node
    risk: change
    command: |
      mkdir -p /etc/containerd/certs.d/docker.io
      vi /etc/containerd/certs.d/docker.io/hosts.toml
    expect: {zh: "写入镜像站", en: "the mirror is written"}
    verify: {zh: "`crictl pull {{ image }}` 成功", en: "`crictl pull {{ image }}` succeeds"}
    rollback: {zh: "删除该文件", en: "remove the file"}
prevention:
  - kind: prevent
    text: {zh: "部署自己的拉取缓存，不让节点直接解析公共仓库", en: "run a pull-through cache, so that nodes need not resolve public registries"}
    acceptance: {zh: "节点只访问自己的缓存", en: "nodes ask only their cache"}
sources:
  - "RFC 1918, RFC 6890: private and reserved addresses"
  - "Go crypto/x509: `certificate is valid for %s, not %s`"
versions: "any"
examples:
  - name: "Docker Hub at a local address"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "nginx:1.25"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "nginx:1.25", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"nginx:1.25\": failed to do request: Head \"https://registry-1.docker.io/v2/library/nginx/manifests/1.25\": dial tcp 127.0.0.1:443: connect: connection refused", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
    fires:
      - {kind: "Registry", name: "registry-1.docker.io"}
  - name: "a certificate of somebody else"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "nginx:1.25"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "nginx:1.25", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"nginx:1.25\": failed to do request: Head \"https://registry-1.docker.io/v2/library/nginx/manifests/1.25\": tls: failed to verify certificate: x509: certificate is valid for *.facebook.com, facebook.com, not registry-1.docker.io", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
    fires:
      - {kind: "Registry", name: "registry-1.docker.io"}
  - name: "a private registry at a private address"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": "harbor.corp:443/a:1"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "harbor.corp:443/a:1", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"harbor.corp:443/a:1\": failed to do request: Head \"https://harbor.corp:443/v2/a/manifests/1\": dial tcp 10.0.0.9:443: i/o timeout", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_registry(input, rule, &failed_pulls(input, rule));
    for finding in &mut findings {
        finding.confidence = Confidence::Probable;
    }
    findings
}
