//! TLS handshakes of a component fail again and again: what people see, never why.

use crate::model::Confidence;
use crate::rules::toolbox::grouping::{by_subject, component_of};
use crate::rules::toolbox::hosts::{Suffering, any_suffering};
use crate::rules::toolbox::nodes::{persists, touch_failing_pods};
use crate::rules::toolbox::pod_is_failing;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: tls-handshake-failure
role: symptom
level: warning
needs: [kubelet-log|kube-apiserver-log|etcd-log|system-log|container-logs]
text:
  - id: server
    pattern: 'http: TLS handshake error from (?P<peer>[0-9A-Za-z.:\[\]-]{3,60}): (?P<problem>remote error: tls: [a-z ]{3,60}|tls: [^\n"]{3,120}|read tcp [^\n"]{3,120})'
    unless: 'connection reset by peer|no serving certificate|i/o timeout'
  - id: client
    in: [kubelet, control-plane]
    pattern: 'https://(?P<peer>[0-9A-Za-z.:\[\]-]{3,80}?)/[^\n]{0,300}net/http: TLS handshake timeout'
    unless: '/v2/|manifests|[Pp]ull|webhook'
check:
  zh: 组件之间的 TLS 握手是否反复失败
  en: whether TLS handshakes between components fail again and again
title:
  zh: "{{ subject.name }} 的 TLS 握手反复失败（{{ times }} 次{% if problem is defined %}，{{ problem }}{% endif %}）"
  en: "TLS handshakes of {{ subject.name }} fail again and again ({{ times|times }}{% if problem is defined %}, {{ problem }}{% endif %})"
cause:
  zh: "{{ line }}。{% if problem is defined %}remote error 说明是对方不接受这一方的证书：写日志的一方是不被信任的一方；tls: 开头而没有 remote 则是这一方拒绝对方。{% else %}TCP 已连上而握手没有完成：对端过载、网络丢大包（MTU）或中间设备拦截。{% endif %}可能的原因：缺少 CA、证书过期或尚未生效、SAN 不符、协议或密码套件不符、代理拦截。"
  en: "{{ line }}. {% if problem is defined %}remote error means that the peer refuses this side's certificate: who logs it is the one that is not trusted; tls: without remote means that this side refuses the peer.{% else %}TCP connects and the handshake does not complete: the peer is overloaded, the network loses large packets (MTU), or something on the way interferes.{% endif %} It may be a missing authority, a certificate that has ended or not begun, a name that is not in it, a protocol or cipher that does not fit, or a proxy that intercepts."
benign:
  - {zh: "EOF 与 connection reset 多来自 TCP 健康检查与扫描器", en: "EOF and connection reset mostly come from TCP health checks and scanners"}
  - {zh: "证书轮换后几次失败即停止", en: "a few after a rotation of certificates that end by themselves"}
remedy:
  - purpose: {zh: "查看证书的签发者、有效期与 SAN", en: "see issuer, validity and names of the certificate"}
    place: node
    risk: read-only
    command: "openssl s_client -connect <HOST_PORT> -servername <NAME> -verify_return_error -showcerts </dev/null"
    expect: {zh: "Verify return code 不是 0", en: "a verify return code that is not 0"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "建立证书清单并在到期前 30 天告警", en: "keep an inventory of certificates and alert 30 days before they end"}
    acceptance: {zh: "一张 29 天后到期的测试证书触发告警", en: "a test certificate with 29 days left raises the alert"}
sources:
  - "Go net/http server.go: `http: TLS handshake error from %s: %v`; net/http transport.go: `net/http: TLS handshake timeout`"
  - "Go crypto/tls alert.go: the alerts' texts"
versions: "Go 1.10 and newer"
examples:
  - name: "the API server's clients refuse its certificate"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m
      "nodes/cp1/kube-apiserver.log": |
        I0224 14:29:41.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41250: remote error: tls: bad certificate
        I0224 14:29:42.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41260: remote error: tls: bad certificate
        I0224 14:29:43.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41270: remote error: tls: bad certificate
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "a load balancer's health checks"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m
      "nodes/cp1/kube-apiserver.log": |
        I0224 14:29:41.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41250: EOF
        I0224 14:29:42.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41260: EOF
        I0224 14:29:43.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41270: EOF
  - name: "everything is well"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
      "nodes/cp1/kube-apiserver.log": |
        I0224 14:29:41.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41250: remote error: tls: bad certificate
        I0224 14:29:42.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41260: remote error: tls: bad certificate
        I0224 14:29:43.120087       1 log.go:245] http: TLS handshake error from 10.0.0.2:41270: remote error: tls: bad certificate
"##;

/// Fewer are a client that tried the wrong port.
const LEAST: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    if any_suffering(snapshot) != Suffering::Yes {
        return Vec::new();
    }
    let mut findings = by_subject(input, rule, Confidence::Probable, |hit| {
        let object = &hit.about.object;
        let is_well = object.kind == "Pod" && !pod_is_failing(snapshot, object);
        // What a server of the control plane writes is about its clients; a pod that is well only has curious ones.
        if !persists(snapshot, hit) || is_well {
            return None;
        }
        component_of(snapshot, hit)
    });
    findings.retain(|finding| finding.count >= LEAST);
    for finding in &mut findings {
        let node = finding.subject.node.clone();
        if !node.is_empty() {
            touch_failing_pods(snapshot, &node, finding);
        }
    }
    findings
}
