//! A certificate has ended.

use crate::cluster::{Hit, Snapshot};
use crate::model::{Confidence, Level, Subject};
use crate::rules::toolbox::certificates::{ended, is_of_kubelet, node_at, peer_in};
use crate::rules::toolbox::grouping::{by_subject, component_of};
use crate::rules::toolbox::mesh::{ended_authorities, is_of_mesh};
use crate::rules::toolbox::nodes::{node_of, persists, quote, touch_pods};
use crate::rules::toolbox::tls_servers::common_server;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader, Touch};

/// More lines of applications add nothing for a reader.
const CITED: usize = 4;

pub(in crate::rules) const RULE: &str = r##"
id: cert-expired
role: cause
level: critical
needs: [certificates|kubelet-log|kube-apiserver-log|system-log|container-logs]
text:
  - id: go
    in: [kubelet, control-plane, etcd, system, runtime, other]
    pattern: 'x509: certificate has expired or is not yet valid(?:: current time (?P<now>\d{4}-[0-9T:-]+Z?) is after (?P<until>\d{4}-[0-9T:-]+Z?))?'
    unless: '(?i)pull|manifests|/v2/|registry|resolve reference|Unable to authenticate the request|is before'
  - id: alert
    in: [kubelet, control-plane, etcd, system, runtime, other]
    pattern: 'remote error: tls: expired certificate'
    unless: '(?i)pull|manifests|/v2/|registry|resolve reference|Unable to authenticate the request'
  - id: served
    in: [container-log]
    pattern: 'SSL certificate for server "(?P<server>[^"]+)" expired on '
  - id: validated
    in: [container-log]
    pattern: 'Unexpected error validating SSL certificate "(?P<secret>[^"/]+/[^"]+)" for server "(?P<server>[^"]+)": x509: certificate has expired'
    unless: 'is before'
  - id: refused
    in: [container-log, other]
    pattern: 'curl: \(60\) SSL certificate problem: certificate has expired'
  # A server behind the API server, such as metrics-server, refuses the client certificate that it is shown (k8s.io/apiserver
  # pkg/authentication/request/x509/x509.go).
  - id: client
    in: [container-log]
    pattern: 'Unable to authenticate the request"? err="[^\n]*verifying certificate [^\n]*x509: certificate has expired'
    unless: 'is before'
  - id: mesh-anchor
    in: [other]
    pattern: '\* \d+ (?P<anchor>[\w.-]+) not valid anymore\. Expired on (?P<until>\d{4}-[0-9T:Z-]+)'
  - id: mesh-issuer
    in: [other]
    pattern: 'issuer certificate is not valid anymore\. Expired on (?P<until>\d{4}-[0-9T:Z-]+)'
  - id: mesh-identity
    in: [container-log]
    pattern: 'erify issuer credentials for ''(?P<anchor>[\w.-]+)'' with trust anchors: x509: certificate has expired(?: or is not yet valid: current time \S+ is after (?P<until>\d{4}-[0-9T:-]+Z?))?'
    unless: 'is before'
check:
  zh: "证书是否已经过期"
  en: "whether certificates have ended"
title:
  zh: "{% if mesh %}服务网格的{% endif %}证书 {% if mesh and anchor is defined %}{{ anchor }}（{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}）{% else %}{{ subject.name }}{% endif %}{% if subject.node and subject.node != subject.name %}（{{ subject.node }}）{% endif %} 已过期{% if end %}：有效期到 {{ end }}{% elif until is defined %}：有效期到 {{ until }}{% endif %}"
  en: "{% if mesh %}the mesh's {% endif %}certificate {% if mesh and anchor is defined %}{{ anchor }} ({{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}){% else %}{{ subject.name }}{% endif %}{% if subject.node and subject.node != subject.name %} ({{ subject.node }}){% endif %} has expired{% if end %}: it was valid until {{ end }}{% elif until is defined %}: it was valid until {{ until }}{% endif %}"
cause:
  zh: "TLS 双方都会拒绝过期的证书{% if line %}：{{ line }}（{{ times }} 次）{% endif %}。{% if mesh %}代理拿不到新的身份，彼此的 mTLS 连接全部失败。{% endif %}kubeadm、k3s 与 RKE2 的叶子证书有效期一年，没有续签或续签后没有重启组件时，相关连接全部失败。"
  en: "a certificate that has ended is refused in every TLS handshake{% if line %}: {{ line }} ({{ times|times }}){% endif %}. {% if mesh %}Proxies get no new identity and refuse each other's. {% endif %}Leaf certificates of kubeadm, k3s and RKE2 last a year; without a renewal, or without a restart after it, every connection that needs them fails."
causes:
  - {rule: apiserver-etcd-unreachable, ground: cluster, mechanism: {zh: "API 服务器连不上 etcd", en: "the API server does not reach etcd"}}
  - rule: cluster-unresponsive
    ground: cluster
    mechanism: {zh: "控制面不能接受节点的状态", en: "the control plane cannot take the nodes' state"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "组件之间的 TLS 连接失败", en: "TLS between components fails"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "组件之间的 TLS 连接失败", en: "TLS between components fails"}
  - rule: etcd-peer-tls-rejected
    ground: cluster
    mechanism: {zh: "过期的证书被拒绝", en: "the certificate that has ended is refused"}
  - rule: kubelet-cert-expired
    ground: node
    mechanism: {zh: "同一批证书过期", en: "certificates of one batch end together"}
  - rule: webhook-call-failed
    ground: object
    mechanism: {zh: "webhook 的证书过期", en: "the webhook's certificate has ended"}
  - rule: apiservice-unavailable
    ground: object
    mechanism: {zh: "后端的证书过期", en: "the backend's certificate has ended"}
  - rule: apiservice-unavailable
    ground: workload
    mechanism: {zh: "后端拒绝 API server 出示的过期客户端证书", en: "the backend refuses the client certificate of the API server, which has ended"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: kubeconfig-auth-failure
    ground: cluster
    mechanism: {zh: "客户端证书过期", en: "the client's certificate has ended"}
  - rule: controller-manager-down
    ground: cluster
    mechanism: {zh: "连不上 API 服务器", en: "it cannot connect to the API server"}
  - rule: scheduler-down
    ground: cluster
    mechanism: {zh: "连不上 API 服务器", en: "it cannot connect to the API server"}
  - rule: static-pod-not-running
    ground: cluster
    mechanism: {zh: "控制面组件因证书退出", en: "components end over the certificate"}
  - rule: cattle-cluster-agent-not-connected
    ground: cluster
    mechanism: {zh: "Rancher 的证书过期", en: "Rancher's certificate has ended"}
  - rule: ingress-tls-secret-missing
    ground: namespace
    mechanism: {zh: "Ingress 的证书过期", en: "the Ingress' certificate has ended"}
  - rule: app-tls-failed
    ground: namespace
    mechanism: {zh: "对端的证书过期，应用拒绝连接", en: "the peer's certificate has ended, and applications refuse it"}
  - rule: app-tls-failed
    ground: workload
    mechanism: {zh: "对端的证书过期，应用拒绝连接", en: "the peer's certificate has ended, and applications refuse it"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "错误来自失败的 TLS 连接", en: "its errors come from TLS that fails"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "代理没有身份，不能就绪", en: "a proxy without an identity does not get ready"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "代理没有身份，不能就绪", en: "a proxy without an identity does not get ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "证书过期，进程退出", en: "it ends over the certificate"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "证书不被接受，握手失败", en: "the certificate is refused, so handshakes fail"}
  - rule: rke1-certs-expired
    ground: node
    mechanism: {zh: "RKE1 的证书已过期", en: "certificates of RKE1 have ended"}
benign:
  - {zh: "文字是“过期或尚未生效”：用 is after 与 is before 区分", en: "the text says expired or not yet valid: is after and is before tell which"}
  - {zh: "备份与旧轮换目录中的证书过期是正常的", en: "certificates in backups and of former rotations have ended rightly"}
  - {zh: "节点时钟超前会让有效的证书看起来过期", en: "a clock that is ahead makes a valid certificate look expired"}
remedy:
  - purpose: {zh: "查看证书的主体、签发者与有效期", en: "see subject, issuer and validity"}
    place: node
    risk: read-only
    when: "file"
    command: "openssl x509 -noout -subject -issuer -dates -in {{ file }}"
    expect: {zh: "notAfter 早于现在", en: "a notAfter in the past"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看对端出示的证书", en: "see the certificate that the peer shows"}
    place: node
    risk: read-only
    when: "peer"
    command: "openssl s_client -connect {{ peer }} -showcerts </dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName"
    expect: {zh: "与日志一致的主体、签发者与有效期", en: "subject, issuer and validity as the log says"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看网格的证书", en: "see the mesh's certificates"}
    place: cluster
    risk: read-only
    when: "mesh"
    command: |
      linkerd check --proxy
      kubectl -n {{ subject.namespace }} get configmap linkerd-identity-trust-roots -o jsonpath='{.data.ca-bundle\.crt}' | openssl x509 -noout -subject -dates
      kubectl -n {{ subject.namespace }} get secret linkerd-identity-issuer -o jsonpath='{.data.crt\.pem}' | base64 -d | openssl x509 -noout -subject -dates
    expect: {zh: "notAfter 早于现在", en: "a notAfter in the past"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "换上新的信任锚与签发证书，然后重启所有网格内的工作负载", en: "put a new anchor and a new issuer in place, then restart every workload of the mesh"}
    place: cluster
    risk: dangerous
    when: "mesh"
    command: |
      step certificate create root.linkerd.cluster.local ca.crt ca.key --profile root-ca --no-password --insecure
      step certificate create identity.linkerd.cluster.local issuer.crt issuer.key --profile intermediate-ca --not-after 8760h --no-password --insecure --ca ca.crt --ca-key ca.key
      linkerd upgrade --identity-trust-anchors-file=ca.crt --identity-issuer-certificate-file=issuer.crt --identity-issuer-key-file=issuer.key --force | kubectl apply -f -
    verify: {zh: "linkerd check 全部通过，重启后的 Pod 就绪", en: "linkerd check passes and restarted pods are ready"}
    rollback: {zh: "过期的证书不能恢复；保留旧的 ConfigMap 与 Secret 备查", en: "a certificate that has ended cannot come back; keep the former ConfigMap and Secret for the record"}
    notes:
      - {zh: "`--force` 跳过“新签发证书能否被现有信任锚验证”的检查；信任锚已经过期，这项检查必然不通过", en: "`--force` skips the check that the present anchor verifies the new issuer; with an anchor that has ended it can only fail"}
  - purpose: {zh: "kubeadm 集群：列出全部证书的到期日", en: "with kubeadm: list when all certificates end"}
    place: node
    risk: read-only
    when: "not mesh"
    command: "kubeadm certs check-expiration"
    expect: {zh: "RESIDUAL TIME 为 <invalid> 的行", en: "rows with <invalid> as RESIDUAL TIME"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "续签并重启控制面组件（kubeadm；k3s 与 RKE2 停止服务后用 certificate rotate；RKE1 用 rke cert rotate）", en: "renew, and restart the control plane (kubeadm; on k3s and RKE2 stop the service and use certificate rotate; on RKE1 rke cert rotate)"}
    place: node
    risk: change
    when: "not mesh"
    command: |
      cp -a /etc/kubernetes /etc/kubernetes.before-renewal
      kubeadm certs renew all
      mv /etc/kubernetes/manifests /etc/kubernetes/manifests.stopped
      sleep 20
      mv /etc/kubernetes/manifests.stopped /etc/kubernetes/manifests
    verify: {zh: "`openssl x509 -enddate` 显示新的日期，日志不再出现 x509 错误", en: "`openssl x509 -enddate` shows a new date, and the logs no more x509 errors"}
    rollback: {zh: "放回 /etc/kubernetes.before-renewal", en: "put /etc/kubernetes.before-renewal back"}
prevention:
  - kind: detect
    text: {zh: "对证书到期前 60、30、7 天告警", en: "alert 60, 30 and 7 days before a certificate ends"}
    acceptance: {zh: "29 天后到期的测试证书触发告警", en: "a test certificate of 29 days raises it"}
  - kind: process
    text: {zh: "把 CA 的到期日写进日历", en: "put the end of the CA into the calendar"}
    acceptance: {zh: "日历中有该条目", en: "the entry is there"}
sources: ["linkerd2 pkg/issuercerts/issuercerts.go: `not valid anymore. Expired on %s`; pkg/healthcheck/healthcheck.go: `issuer certificate is %s`", "linkerd2 pkg/identity/service.go: `failed to verify issuer credentials for '%s' with trust anchors: %s`", "Go crypto/x509 verify.go: `certificate has expired or is not yet valid: current time %s is after %s`", "kubernetes cmd/kubeadm/app/cmd/certs.go", "kubernetes.io/docs: kubeadm-certs"]
versions: "Go 1.14 and newer; all of Kubernetes"
examples:
  - name: "clients that do not say whose certificate it is"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "uid": "1", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"containers": [{"name": "app", "env": [{"name": "RATES_ADDR", "value": "rates:8443"}]}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}, {"metadata": {"name": "rates-0", "namespace": "shop", "uid": "2", "labels": {"app": "rates"}, "ownerReferences": [{"kind": "StatefulSet", "name": "rates", "controller": true}]}, "spec": {"containers": [{"name": "app"}], "volumes": [{"name": "tls", "secret": {"secretName": "rates-tls"}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}]}'
      "services.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "rates", "namespace": "shop", "uid": "3"}, "spec": {"selector": {"app": "rates"}, "ports": [{"port": 8443}]}}]}'
      "web-0.log": |
        2026/11/21 10:00:01 rate lookup failed: rpc error: code = Unavailable desc = connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-21T10:00:01Z is after 2026-11-21T09:20:00Z"
        2026/11/21 10:00:04 rate lookup failed: rpc error: code = Unavailable desc = connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-21T10:00:04Z is after 2026-11-21T09:20:00Z"
        2026/11/21 10:00:09 rate lookup failed: rpc error: code = Unavailable desc = connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-21T10:00:09Z is after 2026-11-21T09:20:00Z"
    fires:
      - {kind: Secret, namespace: shop, name: rates-tls}
  - name: "the anchor of a mesh, by its own check"
    files:
      "check.txt": |
        linkerd-identity
        ----------------
        × trust anchors are within their validity period
            Invalid anchors:
                * 1 root.linkerd.cluster.local not valid anymore. Expired on 2026-03-01T00:00:00Z
            see https://linkerd.io/2.14/checks/#l5d-identity-trustAnchors-are-time-valid for hints
    fires: [{kind: "ConfigMap", namespace: "linkerd", name: "linkerd-identity-trust-roots"}]
  - name: "the issuer of a mesh, by the log of its identity service"
    files:
      "pods.txt": |
        NAMESPACE   NAME                                READY   STATUS    RESTARTS   AGE
        mesh        linkerd-identity-6bdf8c9d7-jd5lx    1/2     Running   0          9m
      "logs/linkerd-identity-6bdf8c9d7-jd5lx-identity.log": |
        time="2026-03-01T00:01:00Z" level=error msg="Failed to verify issuer credentials for 'identity.mesh.cluster.local' with trust anchors: x509: certificate has expired or is not yet valid: current time 2026-03-01T00:01:00Z is after 2026-03-01T00:00:00Z"
    fires: [{kind: "Deployment", namespace: "mesh", name: "linkerd-identity"}]
  - name: "a mesh whose certificates are valid"
    files:
      "check.txt": |
        √ trust anchors are within their validity period
        ‼ trust anchors are valid for at least 60 days
            Anchors expiring soon:
                * 1 root.linkerd.cluster.local will expire on 2026-03-01T00:00:00Z
  - name: "printed by whoever asked the host of an Ingress"
    files:
      "ticket.txt": |
        $ date
        Tue Apr 21 06:12:00 UTC 2026
        $ kubectl -n shop describe ingress web
        Name:             web
        Namespace:        shop
        Address:          198.51.100.20
        Ingress Class:    nginx
        Default backend:  <default>
        TLS:
          web-tls terminates web.example.com
        Rules:
          Host             Path  Backends
          ----             ----  --------
          web.example.com  
                           /   web:80 (10.244.1.125:8080)
        Events:            <none>
        $ echo | openssl s_client -connect web.example.com:443 -servername web.example.com 2>/dev/null | openssl x509 -noout -subject -dates
        subject=CN = web.example.com
        notBefore=Jan 18 09:00:00 2026 GMT
        notAfter=Apr 18 09:00:00 2026 GMT
    fires: [{kind: "Certificate", namespace: "shop", name: "web-tls"}]
  - name: "the file shows it"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2024 GMT
        notAfter=Jan  1 00:00:00 2025 GMT
    fires: [{kind: "Certificate", name: "/etc/kubernetes/pki/apiserver.crt.txt", node: "cp1"}]
  - name: "the log names the peer"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION   INTERNAL-IP
        cp1    Ready    control-plane   90d   v1.28.4   10.0.0.1
        w1     NotReady    <none>          90d   v1.28.4   10.0.0.2
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 reflector.go:150] Failed to watch *v1.Node: failed to list *v1.Node: Get "https://10.0.0.1:6443/api/v1/nodes?x": x509: certificate has expired or is not yet valid: current time 2026-02-24T14:29:41Z is after 2026-02-20T10:00:00Z
    fires: [{kind: "Certificate", name: "10.0.0.1:6443", node: "cp1"}]
  - name: "kubeadm lists it"
    files:
      "nodes/cp1/certs.txt": |
        CERTIFICATE                EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED
        admin.conf                 Nov 21, 2025 10:20 UTC   <invalid>       ca                      no
        apiserver                  Nov 21, 2027 10:20 UTC   364d            ca                      no
    fires: [{kind: "Certificate", name: "admin.conf", node: "cp1"}]
  - name: "it is valid"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2025 GMT
        notAfter=Jan  1 00:00:00 2035 GMT
  - name: "applications refuse the certificate of a Secret"
    files:
      "openssl.txt": |
        $ kubectl get secret -n shop queue-tls -o jsonpath='{.data.tls\.crt}' | base64 -d | openssl x509 -noout -subject -issuer -dates
        subject=CN = queue.shop.svc
        issuer=CN = internal
        notBefore=Jan  1 00:00:00 2024 GMT
        notAfter=Jan  1 00:00:00 2025 GMT
      "date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "secrets.txt": |
        NAMESPACE   NAME     TYPE                DATA   AGE
        shop        queue-tls   kubernetes.io/tls   3      365d
    fires: [{kind: "Certificate", namespace: "shop", name: "queue-tls"}]
  - name: "a former one beside its successor"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2025 GMT
        notAfter=Jan  1 00:00:00 2035 GMT
      "nodes/cp1/etc/kubernetes/pki/apiserver-2024.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2024 GMT
        notAfter=Jan  1 00:00:00 2025 GMT
  - name: "not yet valid"
    files:
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 reflector.go:150] Get "https://10.0.0.1:6443/x": x509: certificate has expired or is not yet valid: current time 2026-02-24T14:29:41Z is before 2026-02-25T10:00:00Z
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut said = by_subject(input, rule, Confidence::Confirmed, |hit| {
        (!is_of_mesh(hit) && !is_complaint(hit) && persists(input.snapshot, hit)).then(|| about(input.snapshot, hit))?
    });
    for finding in &mut said {
        let peer = if finding.subject.kind == "Certificate" {
            finding.subject.name.as_str()
        } else {
            ""
        };
        let (peer, node) = (peer.to_owned(), finding.subject.node.clone());
        touch_pods(input.snapshot, &node, finding);
        for (name, value) in [("peer", peer.as_str()), ("file", ""), ("end", "")] {
            finding.facts.insert(name.to_owned(), value.into());
        }
    }
    let mut seen = by_files(input, rule, &said);
    // Of many that ended together, clients of the API server complain of the one that it shows.
    let serves = |finding: &Finding| {
        let name = &finding.subject.name;
        !name.contains("client") && ["apiserver.crt", "apiserver.pem"].iter().any(|end| name.ends_with(end))
    };
    let of_api = |finding: &Finding| finding.subject.kind == "Certificate" && finding.subject.name.ends_with(":6443");
    if said.iter().any(of_api) && seen.iter().any(serves) {
        for finding in seen.iter_mut().filter(|finding| !serves(finding)) {
            finding.confidence = Confidence::Probable;
        }
    }
    let complaints: Vec<&Hit> = input.snapshot.hits.iter().filter(|hit| is_complaint(hit)).collect();
    for finding in &mut seen {
        for hit in &complaints {
            // A table of Secrets without its namespace: the certificate is of where its clients are.
            if finding.subject.kind == "Certificate"
                && finding.subject.namespace.is_empty()
                && finding.subject.node.is_empty()
            {
                finding.subject.namespace.clone_from(&hit.about.object.namespace);
                finding.touches.extend(Touch::of(&finding.subject));
            }
            if finding.evidence.len() < CITED {
                finding.add_cite(hit.cite.clone());
            }
            finding
                .touches
                .extend(workload_touches(input.snapshot, &hit.about.object));
        }
        // Nobody complains: it has ended, and perhaps nobody uses it.
        if said.is_empty() && complaints.is_empty() {
            finding.level = Level::Warning;
            finding.confidence = Confidence::Probable;
        }
        for other in &said {
            other.evidence.iter().for_each(|cite| finding.add_cite(cite.clone()));
            finding.touches.extend(other.touches.iter().cloned());
        }
    }
    let of_mesh = ended_authorities(input, rule);
    if seen.is_empty() && said.is_empty() {
        seen.extend(of_nameless(input, rule, &complaints));
    }
    let mut findings = if seen.is_empty() { said } else { seen };
    findings.retain(|finding| of_mesh.iter().all(|known| known.subject != finding.subject));
    for finding in findings.iter_mut() {
        finding.facts.insert("mesh".into(), false.into());
    }
    findings.extend(of_mesh.into_iter().map(|finding| {
        let (line, times) = (quote(&finding), finding.count);
        finding
            .fact("line", line)
            .fact("times", times)
            .fact("mesh", true)
            .fact("file", "")
            .fact("peer", "")
            .fact("end", "")
    }));
    findings
}

/// What an application writes when its peer shows a certificate that has ended, an ingress controller of one that it serves
/// (ingress-nginx internal/ingress/controller/controller.go: `SSL certificate for server %q expired on`), and whoever asked with curl.
fn is_complaint(hit: &Hit) -> bool {
    let says_so = |line: &crate::model::QuoteLine| line.text.to_ascii_lowercase().contains("expired");
    let of_client = hit.signature.starts_with("app-tls-failed/") && hit.about.object.kind == "Pod";
    let of_server = matches!(
        hit.signature.as_str(),
        "cert-expired/served" | "cert-expired/refused" | "cert-expired/client"
    );
    of_server || of_client && hit.cite.quote.iter().any(says_so)
}

/// Clients that refuse a certificate without a word of whose it is, and that have one server with a certificate in common.
fn of_nameless(input: &Input<'_>, rule: &RuleHeader, complaints: &[&Hit]) -> Option<Finding> {
    let snapshot = input.snapshot;
    let of_clients: Vec<&Hit> = (complaints.iter().copied())
        .filter(|hit| hit.about.object.kind == "Pod")
        .collect();
    let client = |hit: &&Hit| snapshot.top_owner_of(&hit.about.object);
    let server = common_server(snapshot, &of_clients.iter().map(client).collect())?;
    let mut finding = Finding::new(rule, server.secret, Confidence::Probable)
        .fact("times", of_clients.iter().map(|hit| hit.count).sum::<u64>());
    finding.impair(server.workload.clone());
    finding.touches.extend(Touch::of(&server.workload));
    for hit in &of_clients {
        if finding.evidence.len() < CITED {
            finding.add_cite(hit.cite.clone());
        }
        finding.touches.extend(workload_touches(snapshot, &hit.about.object));
        finding.add_affected(client(hit));
    }
    finding.add_cite(server.cite);
    let quotes = of_clients.iter().flat_map(|hit| &hit.cite.quote);
    let end = quotes
        .filter_map(|line| until(&line.text))
        .next()
        .unwrap_or("")
        .to_owned();
    let line = quote(&finding);
    let peer = server.workload.name.clone();
    finding.add_affected(server.workload);
    Some(
        finding
            .fact("line", line)
            .fact("file", "")
            .fact("end", end)
            .fact("peer", peer),
    )
}

/// The end that a client of Go names (golang crypto/x509 verify.go: `current time %s is after %s`).
fn until(line: &str) -> Option<&str> {
    let (_, end) = line.split_once(" is after ")?;
    let end = end.split(['"', '\\', ' ', ')']).next()?;
    end.starts_with(|c: char| c.is_ascii_digit()).then_some(end)
}

/// Certificates of the bundle that had ended, and rows of `kubeadm certs check-expiration` that say so.
fn by_files(input: &Input<'_>, rule: &RuleHeader, said: &[Finding]) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let line = said
        .first()
        .and_then(|finding| finding.facts.get("line")?.as_str())
        .unwrap_or("")
        .to_owned();
    let of_file = |subject: Subject, end: String, file: &str| {
        Finding::new(rule, subject, Confidence::Confirmed)
            .at(file)
            .fact("file", file)
            .fact("peer", "")
            .fact("end", end)
            .fact("line", line.clone())
            .fact("times", said.iter().map(|finding| finding.count).sum::<u64>())
    };
    let mut findings: Vec<Finding> = ended(snapshot)
        .into_iter()
        .filter(|(placed, _)| !is_of_kubelet(placed))
        .map(|(placed, end)| {
            let file = if placed.subject.node.is_empty() {
                ""
            } else {
                placed.path.as_str()
            };
            of_file(placed.subject, end.to_string(), file)
                .at(placed.path.clone())
                .cite(placed.certificate.cite)
        })
        .collect();
    for host in &snapshot.hosts {
        for row in host.tools.expiries.iter().filter(|row| row.has_ended()) {
            let known = findings.iter().any(|finding| finding.path.contains(&row.name));
            if !known {
                let subject = Subject::on_node("Certificate", &row.name, host.node_name());
                findings.push(
                    of_file(subject, row.expires.clone(), "")
                        .at(row.name.clone())
                        .cite(row.cite.clone()),
                );
            }
        }
    }
    findings
}

/// The certificate of the peer that a line names, else whoever complains.
fn about(snapshot: &Snapshot, hit: &Hit) -> Option<Subject> {
    let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
    // The certificate that an ingress controller serves is in a Secret, which it names.
    if let Some((namespace, name)) = hit.captures.get("secret").and_then(|secret| secret.split_once('/')) {
        return Some(Subject::namespaced("Secret", namespace, name));
    }
    match peer_in(line) {
        Some(peer) => {
            let node = node_at(snapshot, peer)
                .map(ToOwned::to_owned)
                .or_else(|| node_of(snapshot, hit));
            Some(Subject::on_node("Certificate", peer, node.unwrap_or_default()))
        }
        None => component_of(snapshot, hit),
    }
}
