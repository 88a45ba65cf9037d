//! A kubelet has no serving certificate, so logs, exec and metrics of its node fail.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::certificates::{node_at, peer_in};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{node_of, persists};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-serving-cert-missing
role: cause
level: warning
needs: [kubelet-log|container-logs|kube-apiserver-log]
text:
  - id: kubelet
    pattern: 'no serving certificate available for the kubelet'
  - id: client
    pattern: 'https://[^\s"\\/]{1,120}:10250/[^\s]{0,200}[^\n]{0,40}remote error: tls: internal error'
check:
  zh: "kubelet 是否有服务端证书"
  en: "whether kubelets have serving certificates"
title:
  zh: "节点 {{ subject.name }} 的 kubelet 没有服务端证书"
  en: "the kubelet of {{ subject.name }} has no serving certificate"
cause:
  zh: "{{ line }}。kubelet 打开了 serverTLSBootstrap，而它的证书请求没有被批准；节点仍然 Ready，但 kubectl logs、exec 与指标采集对这个节点失败。"
  en: "{{ line }}. The kubelet asks for its serving certificate (serverTLSBootstrap) and nobody has approved the request; the node stays Ready while kubectl logs, exec and metrics fail for it."
causes:
  - rule: metrics-server-scrape-failure
    ground: cluster
    mechanism: {zh: "kubelet 不能完成 TLS 握手", en: "the kubelet cannot complete a TLS handshake"}
  - rule: kubectl-exec-logs-failure
    ground: cluster
    mechanism: {zh: "kubelet 不能完成 TLS 握手", en: "the kubelet cannot complete a TLS handshake"}
benign:
  - {zh: "节点加入后的最初几分钟", en: "in the first minutes after a node has joined"}
remedy:
  - purpose: {zh: "列出未批准的证书请求", en: "list the requests that wait"}
    place: cluster
    risk: read-only
    command: "kubectl get csr"
    expect: {zh: "签发者为 kubernetes.io/kubelet-serving 的 Pending 请求", en: "Pending requests of signer kubernetes.io/kubelet-serving"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "核对请求者与 SAN 后批准", en: "approve it once requestor and names were checked"}
    place: cluster
    risk: change
    command: "kubectl certificate approve <CSR>"
    verify: {zh: "`kubectl logs` 对该节点可用", en: "`kubectl logs` works for the node"}
    rollback: {zh: "`kubectl delete csr <CSR>`", en: "`kubectl delete csr <CSR>`"}
prevention:
  - kind: prevent
    text: {zh: "部署 kubelet 服务端证书的批准控制器", en: "run an approver for kubelets' serving certificates"}
    acceptance: {zh: "新节点的请求在 5 分钟内被批准", en: "a new node's request is approved within 5 minutes"}
sources: ["kubernetes pkg/kubelet/kubelet.go: `no serving certificate available for the kubelet`", "Go crypto/tls alert.go: internal error"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "the kubelet says so"
    files:
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 server.go:310] http: TLS handshake error from 10.0.0.1:41250: no serving certificate available for the kubelet
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "a scanner"
    files:
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 server.go:310] http: TLS handshake error from 10.0.0.9:41250: EOF
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
        let of_peer = peer_in(line).filter(|_| hit.signature.ends_with("/client"));
        let node = match of_peer {
            Some(peer) => node_at(snapshot, peer)
                .unwrap_or(peer.split(':').next().unwrap_or(peer))
                .to_owned(),
            None => node_of(snapshot, hit)?,
        };
        persists(snapshot, hit).then(|| Subject::node(&node))
    })
}
