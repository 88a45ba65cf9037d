//! Nodes do not trust the authority that signed a registry's certificate.

use crate::rules::pull::{by_registry, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-ca-untrusted
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: pull
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*x509: certificate (?:signed by unknown authority|relies on legacy Common Name field)"
    unless: "(?i)sandbox|trying next host"
  # go crypto/x509 verify.go: CertificateInvalidError, HostnameError; of public registries dns-poisoned-registry speaks.
  - id: invalid
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*x509: certificate (?P<invalid>has expired or is not yet valid|is valid for [A-Za-z0-9.*, :-]{1,120}|is not valid for any names)"
    unless: "(?i)sandbox|trying next host|docker\\.io|gcr\\.io|quay\\.io|ghcr\\.io|registry\\.k8s\\.io|mcr\\.microsoft\\.com"
  - id: answered
    in: [runtime, system, other]
    pattern: "trying next host - response was http\\.StatusNotFound\\W+host=\\W*(?P<host>[^\"\\\\\\s]+)"
check:
  zh: "节点是否信任镜像仓库的证书"
  en: "whether nodes trust the registries' certificates"
title:
  zh: "{% if invalid is defined %}镜像仓库 {{ registry }} 的证书对节点无效（{{ invalid }}），{{ image }} 无法拉取{% else %}镜像仓库 {{ registry }} 的证书由{% if others_pull %}节点 {{ subject.name }} {% else %}节点{% endif %}不信任的 CA 签发，{{ image }} 无法拉取{% endif %}"
  en: "{% if invalid is defined %}the certificate of registry {{ registry }} does not hold for the nodes ({{ invalid }}), and {{ image }} cannot be pulled{% else %}registry {{ registry }} has a certificate of an authority that {% if others_pull %}node {{ subject.name }} does not trust{% else %}the nodes do not trust{% endif %}, and {{ image }} cannot be pulled{% endif %}"
cause:
  zh: "{% if invalid is defined %}节点的容器运行时连接 {{ registry }} 时报 x509 错误：证书不在有效期内（或节点的时钟不准），或证书上的名字与访问的地址不一致。应更换仓库的证书，或改用证书上的名字。{% else %}节点的容器运行时连接 {{ registry }} 时报 x509 错误：证书由未知的 CA 签发（或没有 SAN）。运行时的信任库中缺少该 CA。{% if changed %}只有 {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的新镜像指向它，旧版本仍在运行。{% elif others_pull %}只有节点 {{ subject.name }} 如此：{{ others_pull|join('、') }} 能从那里拉取。{% elif workloads %}受影响：{{ workloads|join('、') }}。{% endif %}{% endif %}"
  en: "{% if invalid is defined %}the nodes' container runtime gets an x509 error from {{ registry }}: its certificate is outside its validity (or the clock of the node is wrong), or its names do not hold the address that is called. Renew the registry's certificate, or call it by a name that the certificate has.{% else %}the nodes' container runtime gets an x509 error from {{ registry }}: an unknown authority signed its certificate (or it has no SAN). The runtime's trust store lacks the authority. {% if changed %}Only the new image of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} points there; its old pods still run.{% elif others_pull %}It is only node {{ subject.name }}: {{ others_pull|join(', ') }} did pull from there.{% elif workloads %}Affected: {{ workloads|join(', ') }}.{% endif %}{% endif %}"
rules_out:
  - {zh: "网络与 DNS：TLS 握手已经开始", en: "network and DNS: the TLS handshake did begin"}
  - {zh: "凭据与标签：请求在 TLS 阶段就失败，仓库尚未看到它们", en: "credentials and tag: the request failed in TLS, before the registry saw them"}
causes:
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "之后拉取成功（Pod 已不再等待镜像）的旧错误不算", en: "an old error does not count once the pull succeeded and no pod waits for the image"}
  - {zh: "containerd 在已配置的源返回 404 之后回退到默认源，此时末尾的 x509 不是原因", en: "after a 404 from the configured host containerd falls back to the default one; an x509 error at the end is then not the cause"}
remedy:
  - purpose: {zh: "在节点上查看仓库出示的证书链", en: "on a node, look at the chain that the registry presents"}
    place: node
    risk: read-only
    command: "openssl s_client -connect {{ registry }} -showcerts </dev/null"
    expect: {zh: "issuer 是节点信任库中没有的 CA", en: "the issuer is an authority that the node's store has not"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "为 containerd 的该仓库配置 CA", en: "give containerd the authority of this registry"}
    place: node
    risk: change
    command: |
      mkdir -p /etc/containerd/certs.d/{{ registry }}
      cp <CA_FILE> /etc/containerd/certs.d/{{ registry }}/ca.crt
      printf 'server = "https://%s"\n[host."https://%s"]\n  ca = "/etc/containerd/certs.d/%s/ca.crt"\n' {{ registry }} {{ registry }} {{ registry }} > /etc/containerd/certs.d/{{ registry }}/hosts.toml
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`crictl pull {{ image }}` 成功", en: "`crictl pull {{ image }}` succeeds"}
    rollback: {zh: "rm -r /etc/containerd/certs.d/{{ registry }}", en: "rm -r /etc/containerd/certs.d/{{ registry }}"}
    notes:
      - {zh: "hosts.toml 每次拉取时读取，无需重启；config.toml 中要有 config_path。Docker 用 /etc/docker/certs.d/<仓库>/ca.crt，RKE2 与 k3s 用 registries.yaml", en: "hosts.toml is read at each pull, no restart needed; config.toml has to set config_path. Docker reads /etc/docker/certs.d/<registry>/ca.crt, RKE2 and k3s registries.yaml"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "把私有 CA 做进节点镜像", en: "bake the private CA into the node image"}
    acceptance: {zh: "新节点首次拉取私有镜像成功", en: "a new node pulls a private image at its first try"}
  - kind: detect
    text: {zh: "从每个节点定期探测仓库的 /v2/ 接口", en: "probe the registry's /v2/ from every node"}
    acceptance: {zh: "阻断一个节点到仓库的连接后 5 分钟内告警", en: "cutting one node off from the registry raises the alert within 5 minutes"}
sources: ["Go crypto/x509: UnknownAuthorityError, HostnameError", "containerd docs/hosts.md"]
versions: "containerd 1.3 to 2.1; Docker 18 to 29; Go 1.20 adds `tls: failed to verify certificate`"
examples:
  - name: "event of a pod"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": x509: certificate signed by unknown authority","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "a certificate that has expired"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"harbor.example:5000/shop/api:1.2\": rpc error: code = Unknown desc = failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": x509: certificate has expired or is not yet valid: current time 2026-01-02T00:00:00Z is after 2025-12-31T00:00:00Z","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "only containerd's log"
    files:
      nodes/n1/logs/containerd.log: |
        time="2026-01-01T09:30:29Z" level=error msg="PullImage \"harbor.example:5000/shop/api:1.2\" failed" error="failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": tls: failed to verify certificate: x509: certificate signed by unknown authority"
        time="2026-01-02T09:30:29Z" level=error msg="PullImage \"harbor.example:5000/shop/api:1.2\" failed" error="failed to pull and unpack image \"harbor.example:5000/shop/api:1.2\": failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": tls: failed to verify certificate: x509: certificate signed by unknown authority"
    fires: [{kind: Registry, name: "harbor.example:5000"}]
  - name: "the configured host answered 404 and only the fallback met x509"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example:5000/shop/api:1.2"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      nodes/n1/logs/containerd.log: |
        time="2026-01-01T09:30:29Z" level=info msg="trying next host - response was http.StatusNotFound" host="harbor.example:5000"
        time="2026-01-01T09:30:29Z" level=error msg="PullImage \"harbor.example:5000/shop/api:1.2\" failed" error="failed to resolve reference \"harbor.example:5000/shop/api:1.2\": failed to do request: Head \"https://harbor.example:5000/v2/shop/api/manifests/1.2\": x509: certificate signed by unknown authority"
"##;

/// The fallback's error says nothing when the host that was configured had answered: its 404 is the truth.
pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let answered: Vec<&String> = input
        .snapshot
        .hits(ANSWERED)
        .filter_map(|hit| hit.captures.get("host"))
        .collect();
    let mut pulls = failed_pulls(input, rule);
    pulls.retain(|pull| pull.hit.signature != ANSWERED && !answered.contains(&&pull.host));
    by_registry(input, rule, &pulls)
}

const ANSWERED: &str = "registry-ca-untrusted/answered";
