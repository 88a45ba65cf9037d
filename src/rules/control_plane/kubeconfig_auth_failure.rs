//! The API server does not accept the credentials of a kubeconfig.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubeconfig-auth-failure
role: cause
level: warning
needs: [system-log|container-logs|health-checks]
text:
  - id: unauthorized
    in: [other]
    pattern: '(?P<problem>You must be logged in to the server(?: \([^)\n]{1,120}\))?|the server has asked for the client to provide credentials)'
check:
  zh: "kubeconfig 的凭据是否被接受"
  en: "whether the credentials of the kubeconfig are accepted"
title:
  zh: "API 服务器不接受采集所用 kubeconfig 的凭据：{{ problem }}"
  en: "the API server does not accept the credentials of the kubeconfig in use: {{ problem }}"
cause:
  zh: "kubectl 写出 {{ line }}：kubeconfig 的客户端证书已过期、来自另一个（或重建过的）集群，或令牌已失效。集群本身可能完全正常。"
  en: "kubectl writes {{ line }}: the client certificate of the kubeconfig has ended, it is of another cluster or of one that was rebuilt, or its token is no longer valid. The cluster itself may be well."
causes:
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "请求没有通过认证", en: "requests are not authenticated"}
benign:
  - {zh: "已下线的客户端周期性的 401 是噪声", en: "a 401 now and then of clients that were retired is noise"}
remedy:
  - purpose: {zh: "查看当前上下文与客户端证书的有效期", en: "see the present context and how long the client certificate is valid"}
    place: elsewhere
    risk: read-only
    command: |
      kubectl config current-context
      kubectl config view --raw --minify -o jsonpath='{.users[0].user.client-certificate-data}' | base64 -d | openssl x509 -noout -subject -dates
    expect: {zh: "notAfter 早于现在，或另一个集群", en: "a notAfter in the past, or another cluster"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "取得新的 kubeconfig（kubeadm 续签 admin.conf；k3s 与 RKE2 用节点上的文件；Rancher 重新下载）", en: "get a new one (kubeadm renews admin.conf; k3s and RKE2 have it on the node; download it from Rancher)"}
    place: node
    risk: change
    command: |
      cp /etc/kubernetes/admin.conf /etc/kubernetes/admin.conf.before
      kubeadm certs renew admin.conf
    verify: {zh: "`kubectl auth whoami` 成功", en: "`kubectl auth whoami` succeeds"}
    rollback: {zh: "放回 admin.conf.before", en: "put admin.conf.before back"}
prevention:
  - kind: detect
    text: {zh: "对 apiserver_client_certificate_expiration_seconds 告警", en: "alert on apiserver_client_certificate_expiration_seconds"}
    acceptance: {zh: "用短期证书访问时收到告警", en: "a call with a short certificate raises it"}
sources: ["k8s.io/kubectl/pkg/cmd/util/helpers.go: `You must be logged in to the server (%s)`", "apimachinery pkg/api/errors: `the server has asked for the client to provide credentials`"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "every answer is this"
    files:
      "nodes.txt": |
        error: You must be logged in to the server (Unauthorized)
    fires: [{kind: "File", name: "kubeconfig"}]
  - name: "the cluster was read"
    files:
      "a.txt": |
        error: You must be logged in to the server (Unauthorized)
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION   INTERNAL-IP
        cp1    Ready    control-plane   90d   v1.28.4   10.0.0.1
        w1     NotReady    <none>          90d   v1.28.4   10.0.0.2
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    // Where the cluster's objects were read, the credentials are good.
    if input.snapshot.kind("Node").next().is_some() || input.snapshot.pods().next().is_some() {
        return Vec::new();
    }
    by_subject(input, rule, Confidence::Confirmed, |_| {
        Some(Subject::cluster("File", "kubeconfig"))
    })
}
