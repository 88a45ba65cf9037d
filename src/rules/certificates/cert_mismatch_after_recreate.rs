//! A certificate, its key and its authority do not belong together.

use crate::model::Confidence;
use crate::rules::toolbox::certificates::{Placed, placed};
use crate::rules::toolbox::grouping::{by_subject, component_of};
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cert-mismatch-after-recreate
role: cause
level: critical
needs: [certificates|kubelet-log|kube-apiserver-log|system-log]
text:
  - id: key
    in: [kubelet, control-plane, etcd, system, runtime, other]
    pattern: 'tls: private key does not match public key'
  - id: rke
    in: [other, container-log, system]
    pattern: 'can''t find old certificates|Error parsing old certificate PEM for'
check:
  zh: "证书与它的 CA、私钥是否匹配"
  en: "whether certificates match their authority and key"
title:
  zh: "证书 {{ subject.name }}{% if subject.node %}（{{ subject.node }}）{% endif %} 与现有的 {% if issuer %}CA {{ issuer }}{% else %}私钥或 CA{% endif %} 不匹配"
  en: "certificate {{ subject.name }}{% if subject.node %} ({{ subject.node }}){% endif %} does not match the {% if issuer %}authority {{ issuer }}{% else %}key or the authority{% endif %} that is there"
cause:
  zh: "{% if issuer %}证书的授权密钥标识与同名 CA 的密钥标识不同：CA 重建过，或文件来自更早的备份。{% else %}{{ line }}：证书与私钥或 CA 不是同一批生成的。{% endif %}"
  en: "{% if issuer %}the authority key of the certificate is not the key of the authority of that name: the CA was made anew, or the file comes from an older backup.{% else %}{{ line }}: certificate and key or CA were not made together.{% endif %}"
causes:
  - rule: x509-unknown-authority
    ground: cluster
    mechanism: {zh: "由另一个 CA 签发的证书不被信任", en: "a certificate of another CA is not trusted"}
  - rule: etcd-peer-tls-rejected
    ground: cluster
    mechanism: {zh: "由另一个 CA 签发的证书不被信任", en: "a certificate of another CA is not trusted"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法建立 TLS 连接", en: "the kubelet cannot set up TLS"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "组件之间的 TLS 连接失败", en: "TLS between components fails"}
  - rule: kubeconfig-auth-failure
    ground: cluster
    mechanism: {zh: "客户端证书由另一个 CA 签发", en: "the client's certificate is of another CA"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "握手因此失败", en: "handshakes fail for it"}
benign:
  - {zh: "CA 轮换期间新旧两个 CA 并存", en: "two authorities side by side during a rotation"}
remedy:
  - purpose: {zh: "用 CA 验证证书", en: "verify the certificate against the CA"}
    place: node
    risk: read-only
    command: "openssl verify -CAfile /etc/kubernetes/ssl/kube-ca.pem /etc/kubernetes/ssl/kube-node.pem"
    expect: {zh: "OK，或 unable to get local issuer certificate", en: "OK, or unable to get local issuer certificate"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "轮换证书：RKE1 由 Rancher 界面或 rke cert rotate，kubeadm 用 certs renew", en: "rotate: on RKE1 in Rancher's UI or by rke cert rotate, with kubeadm by certs renew"}
    place: elsewhere
    risk: change
    command: "rke cert rotate --config cluster.yml"
    verify: {zh: "`openssl verify` 显示 OK", en: "`openssl verify` says OK"}
    rollback: {zh: "从轮换前的备份恢复 /etc/kubernetes/ssl", en: "restore /etc/kubernetes/ssl from the copy made before"}
prevention:
  - kind: process
    text: {zh: "备份与恢复演练包含 /etc/kubernetes/ssl 与集群状态文件", en: "include /etc/kubernetes/ssl and the cluster state in backups and rehearsals"}
    acceptance: {zh: "恢复后 openssl verify 通过", en: "openssl verify passes after a restore"}
sources: ["RFC 5280, 4.2.1.1 authority key identifier", "Go crypto/tls: `tls: private key does not match public key`", "rancher/rke cmd/cert.go: `can't find old certificates`"]
versions: "all"
examples:
  - name: "a key of another certificate"
    files:
      "nodes/cp1/kube-apiserver.log": |
        E0224 14:29:41.120087       1 run.go:74] "command failed" err="tls: private key does not match public key"
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "a pair that fits"
    files:
      "nodes/cp1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/cp1/etc/kubernetes/pki/apiserver.crt.txt": |
        subject=CN = kube-apiserver
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2025 GMT
        notAfter=Jan  1 00:00:00 2035 GMT
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        let of_pod = hit.about.object.kind == "Pod" && hit.about.object.namespace != "kube-system";
        (!of_pod && persists(snapshot, hit)).then(|| component_of(snapshot, hit))?
    });
    for finding in &mut findings {
        finding.facts.insert("issuer".into(), "".into());
    }
    let all = placed(snapshot);
    for one in all
        .iter()
        .filter(|one| !one.certificate.is_ca && !one.certificate.authority_key.is_empty())
    {
        let authorities: Vec<&Placed> = all
            .iter()
            .filter(|other| {
                other.certificate.is_ca
                    && other.certificate.subject == one.certificate.issuer
                    && !other.certificate.subject_key.is_empty()
                    && other.subject.node == one.subject.node
            })
            .collect();
        // Another authority of the same name beside the right one is a rotation under way.
        let is_signed = |other: &&Placed| other.certificate.subject_key == one.certificate.authority_key;
        if one.subject.node.is_empty() || authorities.is_empty() || authorities.iter().any(is_signed) {
            continue;
        }
        let mut finding = Finding::new(rule, one.subject.clone(), Confidence::Confirmed)
            .at(one.path.clone())
            .cite(one.certificate.cite.clone())
            .fact("issuer", one.certificate.issuer.clone())
            .fact("line", "")
            .fact("times", 1);
        for authority in authorities {
            finding.add_cite(authority.certificate.cite.clone());
        }
        findings.push(finding);
    }
    findings
}
