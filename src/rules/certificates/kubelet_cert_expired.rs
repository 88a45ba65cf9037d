//! The kubelet's own certificate has ended.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::certificates::{ended, is_of_kubelet};
use crate::rules::toolbox::nodes::{by_node, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-cert-expired
role: cause
level: critical
needs: [kubelet-log|certificates|system-log]
text:
  - id: bootstrap
    in: [kubelet, other]
    pattern: '(?i)part of the existing bootstrap client certificate in (?P<file>/[^\s"\\]{1,200}) is expired'
  - id: transport
    in: [kubelet, other]
    pattern: 'The currently active client certificate has expired and the server is responsive, exiting'
  - id: rotation
    in: [kubelet, other]
    pattern: 'It has been (?P<long>[^\s"]{1,40}) since a valid client cert was found'
check:
  zh: "kubelet 的证书是否过期"
  en: "whether the kubelets' certificates have ended"
title:
  zh: "节点 {{ node }} 的 kubelet 证书已过期{% if end %}（{{ end }}）{% endif %}"
  en: "the certificate of the kubelet on {{ node }} has expired{% if end %} ({{ end }}){% endif %}"
cause:
  zh: "{% if line %}kubelet 写出 {{ line }}。{% else %}{{ file }} 的有效期到 {{ end }}。{% endif %}节点停机超过轮换窗口、证书请求没有被批准，或时钟错误时都会如此；kubelet 无法再向 API 服务器证明身份。"
  en: "{% if line %}the kubelet writes {{ line }}. {% else %}{{ file }} was valid until {{ end }}. {% endif %}A node that was off during the window for rotation, a request that nobody approved, or a wrong clock does this; the kubelet can no longer prove to the API server who it is."
causes:
  # With a certificate that has ended the kubelet goes back to the bootstrap kubeconfig (client-go util/certificate, kubelet bootstrap.go).
  - rule: kubelet-bootstrap-failed
    ground: node
    mechanism: {zh: "证书已过期，kubelet 只能重新加入", en: "with a certificate that has ended the kubelet has to join anew"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 因证书退出", en: "the kubelet ends over its certificate"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: kubectl-exec-logs-failure
    ground: node
    mechanism: {zh: "API 服务器连不上 kubelet", en: "the API server cannot connect to the kubelet"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "握手因此失败", en: "handshakes fail for it"}
benign:
  - {zh: "带日期的旧证书文件（kubelet-client-2024-….pem）过期是正常的", en: "older files with a date in their name (kubelet-client-2024-….pem) have ended rightly"}
remedy:
  - purpose: {zh: "查看 kubelet 当前的证书", en: "see the kubelet's present certificate"}
    place: node
    risk: read-only
    command: "openssl x509 -noout -subject -dates -in /var/lib/kubelet/pki/kubelet-client-current.pem"
    expect: {zh: "notAfter 早于现在", en: "a notAfter in the past"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "用新的引导令牌重新加入（kubeadm；RKE2 与 k3s 重启服务即可）", en: "join again with a new bootstrap token (kubeadm; on RKE2 and k3s a restart of the service will do)"}
    place: node
    risk: change
    command: |
      mv /etc/kubernetes/kubelet.conf /etc/kubernetes/kubelet.conf.expired
      kubeadm join <API_SERVER>:6443 --token <TOKEN> --discovery-token-ca-cert-hash <HASH>
    verify: {zh: "节点恢复 Ready", en: "the node is Ready again"}
    rollback: {zh: "放回 kubelet.conf.expired", en: "put kubelet.conf.expired back"}
prevention:
  - kind: detect
    text: {zh: "对证书到期前 60、30、7 天告警", en: "alert 60, 30 and 7 days before a certificate ends"}
    acceptance: {zh: "29 天后到期的测试证书触发告警", en: "a test certificate of 29 days raises it"}
  - kind: process
    text: {zh: "把 CA 的到期日写进日历", en: "put the end of the CA into the calendar"}
    acceptance: {zh: "日历中有该条目", en: "the entry is there"}
sources: ["kubernetes pkg/kubelet/certificate/bootstrap/bootstrap.go: `part of the existing bootstrap client certificate in %s is expired: %v`", "kubernetes pkg/kubelet/certificate/transport.go"]
versions: "Kubernetes 1.14 to 1.36"
examples:
  - name: "the kubelet says so"
    files:
      "nodes/w1/kubelet.log": |
        E0224 14:29:41.120087    1033 bootstrap.go:266] part of the existing bootstrap client certificate in /etc/kubernetes/kubelet.conf is expired: 2026-02-20 10:00:00 +0000 UTC
        E0224 14:29:41.120187    1033 run.go:74] "command failed" err="failed to run Kubelet: unable to load bootstrap kubeconfig"
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "the file shows it"
    files:
      "nodes/w1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/w1/var/lib/kubelet/pki/kubelet-client-current.pem.txt": |
        subject=CN = system:node:w1
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2024 GMT
        notAfter=Jan  1 00:00:00 2025 GMT
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "it is valid"
    files:
      "nodes/w1/date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "nodes/w1/var/lib/kubelet/pki/kubelet-client-current.pem.txt": |
        subject=CN = system:node:w1
        issuer=CN = kubernetes
        notBefore=Jan  1 00:00:00 2025 GMT
        notAfter=Jan  1 00:00:00 2027 GMT
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    for finding in &mut findings {
        let file = finding
            .facts
            .get("file")
            .and_then(|file| file.as_str())
            .unwrap_or("")
            .to_owned();
        finding.path.clone_from(&file);
        finding.facts.entry("file").or_insert_with(|| file.into());
        finding.facts.insert("end".into(), "".into());
    }
    for (placed, end) in ended(snapshot).into_iter().filter(|(placed, _)| is_of_kubelet(placed)) {
        let node = placed.subject.node.clone();
        if let Some(known) = findings.iter_mut().find(|finding| finding.subject.name == node) {
            known.add_cite(placed.certificate.cite);
            known.facts.insert("end".into(), end.to_string().into());
            continue;
        }
        let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Confirmed)
            .at(placed.path.clone())
            .cite(placed.certificate.cite)
            .fact("node", node.clone())
            .fact("file", placed.path)
            .fact("end", end.to_string())
            .fact("line", "")
            .fact("times", 1);
        touch_pods(snapshot, &node, &mut finding);
        findings.push(finding);
    }
    findings
}
