//! A certificate does not name the address that its peer is called by.

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::certificates::{node_at, peer_in};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::grouping::{by_subject, component_of};
use crate::rules::toolbox::nodes::{node_of, persists, touch_pods};
use crate::rules::toolbox::peers::{Peer, objects_of};
use crate::rules::toolbox::services::same_namespace;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: cert-san-mismatch
role: cause
level: critical
needs: [kubelet-log|kube-apiserver-log|etcd-log|system-log|container-logs]
text:
  - id: names
    in: [kubelet, control-plane, etcd, system, runtime, other]
    pattern: '(?P<problem>x509: certificate is valid for (?P<names>[^\n"\\]{1,300}), not (?P<wanted>[A-Za-z0-9.:*-]{1,253}))'
    unless: '(?i)pull|manifests|/v2/|registry|resolve reference|Unable to authenticate the request|failed calling webhook'
  - id: ip
    in: [kubelet, control-plane, etcd, system, runtime, other]
    pattern: '(?P<problem>x509: cannot validate certificate for (?P<wanted>[0-9a-f.:]{2,45}) because it doesn.t contain any IP SANs)'
    unless: '(?i)pull|manifests|/v2/|registry|resolve reference|Unable to authenticate the request|scrape'
  - id: cn
    in: [kubelet, control-plane, etcd, system, runtime, other]
    pattern: '(?P<problem>x509: certificate relies on legacy Common Name field, use SANs)'
    unless: '(?i)pull|manifests|/v2/|registry|resolve reference|Unable to authenticate the request|failed calling webhook'
  # crypto/x509 verify.go HostnameError
  - id: app-go
    in: [container-log, status]
    pattern: '(?P<problem>certificate is valid for (?P<names>[^\n"\\]{1,300}), not (?P<wanted>[A-Za-z0-9.-]{1,253}))'
  # openjdk sun/security/util/HostnameChecker.java
  - id: app-java
    in: [container-log, status]
    pattern: '(?P<problem>No subject alternative DNS name matching (?P<wanted>[A-Za-z0-9.-]{1,253}) found)'
  # node lib/tls.js ERR_TLS_CERT_ALTNAME_INVALID
  - id: app-node
    in: [container-log, status]
    pattern: '(?P<problem>does not match certificate.s altnames: Host: (?P<wanted>[A-Za-z0-9.-]{1,253})\. is not in the cert.s altnames: (?P<names>[^\n"\\]{1,300}))'
  # CPython Modules/_ssl.c
  - id: app-python
    in: [container-log, status]
    pattern: '(?P<problem>[Hh]ostname mismatch, certificate is not valid for .(?P<wanted>[A-Za-z0-9.-]{1,253}).)'
  # curl lib/vtls/openssl.c
  - id: app-curl
    in: [container-log, status]
    pattern: '(?P<problem>no alternative certificate subject name matches target host ?name .(?P<wanted>[A-Za-z0-9.-]{1,253}))'
check:
  zh: "证书是否包含所用的地址"
  en: "whether certificates name the addresses that are used"
title:
  zh: "{% if peer %}{{ peer }}{% else %}{{ subject.name }}{% endif %} 的证书不含所用的地址{% if wanted is defined %} {{ wanted }}{% endif %}{% if names is defined %}（只含 {{ names }}）{% endif %}"
  en: "the certificate of {% if peer %}{{ peer }}{% else %}{{ subject.name }}{% endif %} does not name the address{% if wanted is defined %} {{ wanted }}{% endif %} by which it is called{% if names is defined %} (it names {{ names }}){% endif %}"
cause:
  zh: "{{ line }}。节点或负载均衡的地址变了、用了新的域名，或证书只有 CN 而没有 SAN（Go 1.15 起不再看 CN）。"
  en: "{{ line }}. The address of a node or load balancer changed, a new name is used, or the certificate has a CN and no names (Go ignores the CN since 1.15)."
causes:
  - rule: app-tls-failed
    ground: workload
    mechanism: {zh: "证书里没有客户端所用的名称，校验失败", en: "the certificate lacks the name that the client uses, so it is refused"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "调用因证书不含所用的名称而失败", en: "its calls fail over the name that the certificate lacks"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "应用因此退出，kubelet 反复重启", en: "the application ends over it and the kubelet restarts it"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "组件之间的 TLS 连接失败", en: "TLS between components fails"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "组件之间的 TLS 连接失败", en: "TLS between components fails"}
  - rule: etcd-peer-tls-rejected
    ground: cluster
    mechanism: {zh: "证书不被信任", en: "the certificate is not trusted"}
  - rule: metrics-server-scrape-failure
    ground: cluster
    mechanism: {zh: "kubelet 的证书不被接受", en: "the kubelets' certificates are not accepted"}
  - rule: rke2-server-not-ready
    ground: node
    mechanism: {zh: "agent 无法验证服务器", en: "the agent cannot verify the server"}
  - rule: kubeconfig-auth-failure
    ground: cluster
    mechanism: {zh: "客户端与集群的 CA 不同", en: "client and cluster have different CAs"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "证书不被接受，握手失败", en: "the certificate is refused, so handshakes fail"}
benign:
  - {zh: "端口转发与隧道会改变所用的名称", en: "port forwards and tunnels change the name that is used"}
remedy:
  - purpose: {zh: "查看对端出示的证书", en: "see the certificate that the peer shows"}
    place: node
    risk: read-only
    when: "peer"
    command: "openssl s_client -connect {{ peer }} -showcerts </dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName"
    expect: {zh: "与日志一致的主体、签发者与有效期", en: "subject, issuer and validity as the log says"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看谁信任哪个 CA", en: "see who trusts which CA"}
    place: node
    risk: read-only
    command: "openssl x509 -noout -subject -dates -ext subjectKeyIdentifier -in /etc/kubernetes/pki/ca.crt"
    expect: {zh: "CA 的主体与密钥标识", en: "subject and key of the CA"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把该地址加入证书（kubeadm 的 certSANs、RKE1 的 authentication.sans、k3s 与 RKE2 的 tls-san）并重新签发", en: "add the address (certSANs of kubeadm, authentication.sans of RKE1, tls-san of k3s and RKE2) and issue it again"}
    place: node
    risk: change
    command: |
      mv /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.crt.before
      mv /etc/kubernetes/pki/apiserver.key /etc/kubernetes/pki/apiserver.key.before
      kubeadm init phase certs apiserver --config <KUBEADM_CONFIG>
    verify: {zh: "`openssl x509 -ext subjectAltName` 含有该地址", en: "`openssl x509 -ext subjectAltName` shows the address"}
    rollback: {zh: "放回 .before 文件", en: "put the .before files back"}
prevention:
  - kind: process
    text: {zh: "用配置管理统一分发 CA，重建集群时同时更新所有客户端", en: "deliver CAs by configuration management, and renew every client when a cluster is rebuilt"}
    acceptance: {zh: "所有节点的 CA 散列一致", en: "the hash of the CA is the same on every node"}
sources: ["Go crypto/x509: HostnameError `x509: certificate is valid for %s, not %s`"]
versions: "Go 1.14 and newer"
examples:
  - name: "a certificate that was ordered without the name by which clients call"
    files:
      "objects.json": '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"ledger","namespace":"bank"},"spec":{"selector":{"app":"ledger"},"ports":[{"port":443}]}},{"kind":"Certificate","apiVersion":"cert-manager.io/v1","metadata":{"name":"ledger-tls","namespace":"bank"},"spec":{"dnsNames":["ledger","ledger.bank.svc"],"secretName":"ledger-tls"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}]}'
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        bank        transfers-6bdf8c9d7-jd5lx  1/1     Running   0          41m
      "transfers-6bdf8c9d7-jd5lx.log": |
        ERROR post: tls: failed to verify certificate: x509: certificate is valid for ledger, ledger.bank.svc, not ledger.bank.svc.cluster.local
        ERROR post: tls: failed to verify certificate: x509: certificate is valid for ledger, ledger.bank.svc, not ledger.bank.svc.cluster.local
        ERROR post: tls: failed to verify certificate: x509: certificate is valid for ledger, ledger.bank.svc, not ledger.bank.svc.cluster.local
    fires: [{kind: "Certificate", namespace: "bank", name: "ledger-tls"}]
  - name: "a client that calls by a name which is none of the Service's own"
    files:
      "objects.json": '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"ledger","namespace":"bank"},"spec":{"selector":{"app":"ledger"},"ports":[{"port":443}]}},{"kind":"Certificate","apiVersion":"cert-manager.io/v1","metadata":{"name":"ledger-tls","namespace":"bank"},"spec":{"dnsNames":["ledger","ledger.bank.svc"],"secretName":"ledger-tls"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}]}'
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        bank        transfers-6bdf8c9d7-jd5lx  1/1     Running   0          41m
      "transfers-6bdf8c9d7-jd5lx.log": |
        ERROR post: tls: failed to verify certificate: x509: certificate is valid for ledger, ledger.bank.svc, not ledger.example.org
        ERROR post: tls: failed to verify certificate: x509: certificate is valid for ledger, ledger.bank.svc, not ledger.example.org
        ERROR post: tls: failed to verify certificate: x509: certificate is valid for ledger, ledger.bank.svc, not ledger.example.org
  - name: "a new load balancer"
    files:
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 reflector.go:150] Get "https://api.new.example:6443/api/v1/nodes": x509: certificate is valid for cp1, kubernetes, kubernetes.default, 10.0.0.1, not api.new.example
    fires: [{kind: "Certificate", name: "api.new.example:6443", node: "w1"}]
  - name: "an application's own peer"
    files:
      "web.log": |
        x509: certificate is valid for a.example, not b.example
      "pods.txt": |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   1/1     Running   0          9d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        if is_of_application(&hit.signature) || !persists(snapshot, hit) {
            return None;
        }
        let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
        match peer_in(line) {
            Some(peer) => {
                let node = node_at(snapshot, peer)
                    .map(ToOwned::to_owned)
                    .or_else(|| node_of(snapshot, hit));
                Some(Subject::on_node("Certificate", peer, node.unwrap_or_default()))
            }
            None => component_of(snapshot, hit),
        }
    });
    for finding in &mut findings {
        let peer = if finding.subject.kind == "Certificate" {
            finding.subject.name.clone()
        } else {
            String::new()
        };
        let node = finding.subject.node.clone();
        touch_pods(snapshot, &node, finding);
        finding.facts.insert("peer".into(), peer.into());
    }
    for finding in of_applications(input, rule) {
        if findings.iter().all(|known| known.subject != finding.subject) {
            findings.push(finding);
        }
    }
    findings
}

fn is_of_application(signature: &str) -> bool {
    signature.starts_with("cert-san-mismatch/app-")
}

/// Clients that call a Service of the cluster by a name of its own, which the certificate that was ordered for it lacks.
fn of_applications(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for complaint in complaints(snapshot, &is_of_application, &of_clients()) {
        let Some(wanted) = complaint.captures.get("wanted") else {
            continue;
        };
        let client = &complaint.speaker.workload;
        let called = objects_of(snapshot, &client.namespace, &Peer::parse(wanted, None));
        let Some(service) = called.iter().find(|object| object.kind == "Service") else {
            continue;
        };
        let Some((certificate, at)) = ordered_for(snapshot, service, wanted) else {
            continue;
        };
        let known = findings.iter_mut().find(|known| known.subject == certificate.subject());
        let finding = match known {
            Some(known) => known,
            None => {
                let names: Vec<&str> = certificate.list(at).iter().filter_map(|name| name.as_str()).collect();
                let finding = Finding::new(rule, certificate.subject(), Confidence::Confirmed)
                    .at("spec.dnsNames")
                    .cite(certificate.cite_at(at))
                    .fact("peer", "")
                    .fact("wanted", wanted.clone())
                    .fact("names", names.join(", "))
                    .fact("line", complaint.said.clone())
                    .fact("times", 0);
                findings.push(finding);
                let Some(last) = findings.last_mut() else { continue };
                last.impair(service.clone());
                last
            }
        };
        finding.count += complaint.count;
        finding.add_cite(complaint.cite.clone());
        finding.touches.extend(workload_touches(snapshot, client));
        finding.touches.extend(Touch::of(client));
        finding.add_affected(client.clone());
    }
    findings
}

/// The certificate of cert-manager that names a Service in some form and not in the wanted one, with the place of its names.
fn ordered_for<'s>(snapshot: &'s Snapshot, service: &Subject, wanted: &str) -> Option<(&'s Object, &'static str)> {
    const NAMES: &str = "/spec/dnsNames";
    let forms = [
        service.name.clone(),
        format!("{}.{}", service.name, service.namespace),
        format!("{}.{}.svc", service.name, service.namespace),
        format!("{}.{}.svc.cluster.local", service.name, service.namespace),
    ];
    if !forms.iter().any(|form| form == wanted) {
        return None;
    }
    let mut fitting = snapshot
        .kind("Certificate")
        .filter(|certificate| same_namespace(&certificate.key.namespace, &service.namespace))
        .filter(|certificate| {
            let names = certificate.list(NAMES);
            let has = |form: &str| names.iter().any(|name| name.as_str() == Some(form));
            forms.iter().any(|form| has(form)) && !has(wanted)
        });
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some((only, NAMES)),
        _ => None,
    }
}
