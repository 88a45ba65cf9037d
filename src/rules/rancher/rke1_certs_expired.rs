//! The certificates that RKE made for a node have ended.

use std::collections::BTreeMap;

use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::certificates::ended;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{node_of, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke1-certs-expired
role: link
level: critical
needs: [certificates|container-logs|system-log]
text:
  - id: rotate
    pattern: '(?P<problem>Failed to rotate certificates: can.t find old certificates|Error parsing old certificate PEM for \[[^\]\n]{1,80}\][^\n]{0,120})'
check:
  zh: RKE1 的证书是否过期
  en: whether certificates of RKE1 have ended
title:
  zh: "节点 {{ subject.name }} 上 RKE1 的{% if problem is defined %}证书轮换失败：{{ problem }}{% else %} {{ expired }} 张证书已过期（{{ files|join('、') }}）{% endif %}"
  en: "{% if problem is defined %}the rotation of RKE1's certificates on {{ subject.name }} fails: {{ problem }}{% else %}{{ expired }} certificates of RKE1 on node {{ subject.name }} have ended ({{ files|join(', ') }}){% endif %}"
cause:
  zh: "RKE1 的组件证书有效期一年（Rancher 2.2 之后为十年，取决于创建时的版本），不会自行轮换：过期后 API 服务器、etcd 与 kubelet 之间的 TLS 连接失败。kubelet 的服务证书只在启用 generate_serving_certificate 时由 RKE 轮换；CA 过期需要 --rotate-ca。"
  en: "RKE1 makes the certificates of its components for one year, or ten, depending on the version that made them, and nothing renews them by itself: once they have ended, TLS between API server, etcd and kubelets fails. RKE rotates the kubelet's serving certificate only with generate_serving_certificate; an authority that has ended needs --rotate-ca."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 连不上 API 服务器", en: "the kubelet does not connect to the API server"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "API 服务器与 etcd 之间的 TLS 失败", en: "TLS between API server and etcd fails"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "过期的证书不被接受", en: "certificates that have ended are refused"}
benign:
  - {zh: "目录中备份的旧证书（.bak、backup）", en: "old certificates that were put aside (.bak, backup)"}
  - {zh: "已有同一主体的新证书", en: "a new certificate of the same holder is there"}
remedy:
  - purpose: {zh: "列出证书的有效期", en: "list when certificates end"}
    place: node
    risk: read-only
    command: "for f in /etc/kubernetes/ssl/*.pem; do case $f in *-key.pem) ;; *) echo $f; openssl x509 -noout -enddate -in $f ;; esac; done"
    expect: {zh: "notAfter 已过", en: "a notAfter in the past"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "轮换证书（或在 Rancher 界面选择 Rotate Certificates）", en: "rotate the certificates (or Rotate Certificates in Rancher)"}
    place: node
    risk: dangerous
    command: "rke cert rotate --config cluster.yml"
    expect: {zh: "Successfully rotated", en: "`components restart and the cluster is updated`"}
    verify: {zh: "节点恢复 Ready，证书的 notAfter 在将来", en: "nodes are Ready again and notAfter lies ahead"}
    rollback: {zh: "恢复 /etc/kubernetes/ssl 的备份", en: "put the saved /etc/kubernetes/ssl back"}
    notes:
      - {zh: "先备份 /etc/kubernetes/ssl 与 etcd；轮换后确认 etcd 容器也已重启", en: "save /etc/kubernetes/ssl and etcd first; see afterwards that etcd's container was restarted as well"}
prevention:
  - kind: detect
    text: {zh: "在到期前 30 天对 /etc/kubernetes/ssl 下的证书告警", en: "alert 30 days before a certificate below /etc/kubernetes/ssl ends"}
    acceptance: {zh: "把阈值设到当前有效期之外时触发告警", en: "a threshold beyond what is left raises the alert"}
sources:
  - "rancher/rke cmd/cert.go: `Failed to rotate certificates: can't find old certificates`"
  - "rancher/rancher#33618, #21278, #39683"
versions: "RKE 0.1 to 1.8"
examples:
  - name: "a rotation that fails"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES          AGE   VERSION
        cp1    NotReady   controlplane   400d  v1.20.15
      "nodes/cp1/syslog": "Feb 24 14:29:41 cp1 rancher[1033]: 2026/02/24 14:29:41 [ERROR] Error parsing old certificate PEM for [kube-kubelet-10.0.0.1]: data does not contain any valid RSA or ECDSA certificates\n"
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "a rotation that works"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES          AGE   VERSION
        cp1    Ready    controlplane   400d  v1.20.15
      "nodes/cp1/syslog": "Feb 24 14:29:41 cp1 rancher[1033]: 2026/02/24 14:29:41 [INFO] Rotating Kubernetes cluster certificates\n"
"##;

/// Where RKE puts certificates (rancher/rke pki/constants.go).
const FOLDER: &str = "kubernetes/ssl/";
/// How many files are named.
const SHOWN: usize = 4;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut nodes: BTreeMap<String, Vec<(String, Citation)>> = BTreeMap::new();
    for (placed, _) in ended(snapshot) {
        if placed.path.contains(FOLDER) && !placed.subject.node.is_empty() {
            let name = placed.path.rsplit('/').next().unwrap_or("").to_owned();
            let files = nodes.entry(placed.subject.node.clone()).or_default();
            files.push((name, placed.certificate.cite.clone()));
        }
    }
    let mut findings: Vec<Finding> = nodes
        .into_iter()
        .map(|(node, files)| {
            let names: Vec<String> = files.iter().take(SHOWN).map(|(name, _)| name.clone()).collect();
            let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Confirmed)
                .fact("expired", files.len())
                .fact("files", names);
            for (_, cite) in files {
                finding.add_cite(cite);
            }
            finding
        })
        .collect();
    let said = by_subject(input, rule, Confidence::Confirmed, |hit| {
        node_of(snapshot, hit).as_deref().map(Subject::node)
    });
    for finding in said {
        if !findings.iter().any(|known| known.subject == finding.subject) {
            findings.push(finding);
        }
    }
    for finding in &mut findings {
        let node = finding.subject.name.clone();
        touch_pods(snapshot, &node, finding);
    }
    findings
}
