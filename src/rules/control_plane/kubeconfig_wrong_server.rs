//! The kubeconfig names a server that is no API server of this cluster.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubeconfig-wrong-server
role: cause
level: warning
needs: [system-log|container-logs|health-checks]
text:
  - id: lookup
    in: [other]
    pattern: 'Unable to connect to the server: (?P<problem>dial tcp: lookup [^\n]{1,120}no such host[^\n]{0,40}|http: server gave HTTP response to HTTPS client|x509: certificate (?:signed by|is valid for|relies on)[^\n]{1,240}|tls: [^\n]{1,120})'
  - id: http
    in: [other]
    pattern: '(?P<problem>Client sent an HTTP request to an HTTPS server)'
  - id: default
    in: [other]
    pattern: '(?P<problem>The connection to the server localhost:8080 was refused)'
check:
  zh: "kubeconfig 指向的服务器是否正确"
  en: "whether the kubeconfig names the right server"
title:
  zh: "kubeconfig 指向的服务器不对：{{ problem }}"
  en: "the kubeconfig names a wrong server: {{ problem }}"
cause:
  zh: "kubectl 写出 {{ line }}：主机名、端口、协议或 CA 与这个集群不符；localhost:8080 表示根本没有 kubeconfig（例如用 sudo 换了家目录）。这不说明集群有故障。"
  en: "kubectl writes {{ line }}: host, port, protocol or CA are not those of this cluster; localhost:8080 means that there is no kubeconfig at all (sudo changes the home directory). It says nothing about the cluster's health."
benign:
  - {zh: "在没有 kubeconfig 的 worker 上运行采集器时都会这样", en: "a collector on a worker without a kubeconfig always gets this"}
remedy:
  - purpose: {zh: "查看 kubeconfig 的服务器地址", en: "see the server of the kubeconfig"}
    place: elsewhere
    risk: read-only
    command: "kubectl config view --minify"
    expect: {zh: "server 一行", en: "the line server"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "使用本集群生成的 kubeconfig", en: "use the kubeconfig that this cluster made"}
    place: node
    risk: read-only
    command: "KUBECONFIG=/etc/kubernetes/admin.conf kubectl cluster-info"
    verify: {zh: "显示控制面地址", en: "it shows the control plane's address"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "让当前用户使用这份 kubeconfig", en: "let this user use that kubeconfig"}
    place: node
    risk: change
    command: "install -m 600 /etc/kubernetes/admin.conf <HOME>/.kube/config"
    verify: {zh: "`kubectl config view --minify` 显示本集群的地址", en: "`kubectl config view --minify` shows this cluster's address"}
    rollback: {zh: "事先 `cp` 一份原来的 <HOME>/.kube/config，需要时改回", en: "keep a copy of the former <HOME>/.kube/config with `cp` and put it back"}
    notes:
      - {zh: "RKE2 的文件是 /etc/rancher/rke2/rke2.yaml，k3s 的是 /etc/rancher/k3s/k3s.yaml", en: "the file of RKE2 is /etc/rancher/rke2/rke2.yaml, that of k3s /etc/rancher/k3s/k3s.yaml"}
prevention:
  - kind: process
    text: {zh: "由集群生成并分发 kubeconfig，不手工修改地址", en: "let the cluster make kubeconfigs, and change no address by hand"}
    acceptance: {zh: "新人按文档第一次就能连接", en: "a newcomer connects at the first try by the document"}
sources: ["k8s.io/kubectl/pkg/cmd/util/helpers.go: `Unable to connect to the server`, `The connection to the server %s was refused`"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "no kubeconfig at all"
    files:
      "nodes.txt": |
        The connection to the server localhost:8080 was refused - did you specify the right host or port?
    fires: [{kind: "File", name: "kubeconfig"}]
  - name: "the server is down"
    files:
      "nodes.txt": |
        The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    // Where the cluster's objects were read, the server is right.
    if input.snapshot.kind("Node").next().is_some() || input.snapshot.pods().next().is_some() {
        return Vec::new();
    }
    by_subject(input, rule, Confidence::Probable, |_| {
        Some(Subject::cluster("File", "kubeconfig"))
    })
}
