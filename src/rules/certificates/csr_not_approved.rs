//! Certificate requests wait for an approval that does not come.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::condition;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: csr-not-approved
role: cause
level: warning
needs: [certificatesigningrequests]
check:
  zh: "证书请求是否有人批准"
  en: "whether certificate requests are approved"
title:
  zh: "{{ requests }} 个证书请求{% if signer %}（{{ signer }}）{% endif %}没有被批准，最久已等待 {{ minutes }} 分钟"
  en: "{{ requests }} certificate requests{% if signer %} ({{ signer }}){% endif %} are not approved, the oldest for {{ minutes }} minutes"
cause:
  zh: "{{ request }}{% if user %}（请求者 {{ user }}）{% endif %}既没有 Approved 也没有 Denied 条件：批准它的控制器没有运行，或请求不符合它的规则（例如 SAN 不在节点地址中）。"
  en: "{{ request }}{% if user %} (of {{ user }}){% endif %} has neither Approved nor Denied: what should approve it does not run, or the request breaks its rules (say, names that are not the node's)."
causes:
  - rule: kubelet-serving-cert-missing
    ground: cluster
    mechanism: {zh: "服务端证书没有签发", en: "the serving certificate is not issued"}
  - rule: kubelet-cert-expired
    ground: node
    mechanism: {zh: "续签请求没有被批准", en: "the renewal was not approved"}
  - rule: kubectl-exec-logs-failure
    ground: cluster
    mechanism: {zh: "kubelet 没有服务端证书", en: "kubelets have no serving certificate"}
  - rule: metrics-server-scrape-failure
    ground: cluster
    mechanism: {zh: "kubelet 没有服务端证书", en: "kubelets have no serving certificate"}
benign:
  - {zh: "刚提交的请求", en: "requests that were just made"}
remedy:
  - purpose: {zh: "列出请求", en: "list the requests"}
    place: cluster
    risk: read-only
    command: "kubectl get csr --sort-by=.metadata.creationTimestamp"
    expect: {zh: "Pending 的请求", en: "requests that are Pending"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "核对请求者与内容后批准", en: "approve it once requestor and content were checked"}
    place: cluster
    risk: change
    command: |
      kubectl describe csr {{ request }}
      kubectl certificate approve {{ request }}
    verify: {zh: "CONDITION 变为 Approved,Issued", en: "CONDITION becomes Approved,Issued"}
    rollback: {zh: "`kubectl delete csr {{ request }}`", en: "`kubectl delete csr {{ request }}`"}
prevention:
  - kind: detect
    text: {zh: "对等待超过 1 小时的证书请求告警", en: "alert on requests that wait for an hour"}
    acceptance: {zh: "未批准的测试请求触发告警", en: "a test request that is left alone raises it"}
sources: ["kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "an hour"
    files:
      "date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "csr.txt": |
        NAME        AGE   SIGNERNAME                      REQUESTOR        REQUESTEDDURATION   CONDITION
        csr-8b2xk   61m   kubernetes.io/kubelet-serving   system:node:w1   <none>              Pending
        csr-9b2xk   70m   kubernetes.io/kubelet-serving   system:node:w2   <none>              Approved,Issued
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "just made"
    files:
      "date.txt": |
        Tue Feb 24 14:30:00 UTC 2026
      "csr.txt": |
        NAME        AGE   SIGNERNAME                      REQUESTOR        REQUESTEDDURATION   CONDITION
        csr-8b2xk   41s   kubernetes.io/kubelet-serving   system:node:w1   <none>              Pending
"##;

/// An approver answers within seconds; a person within the hour.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(now) = &input.snapshot.bundle.collected_at else {
        return Vec::new();
    };
    let mut waiting: BTreeMap<&str, Vec<(&Object, i64)>> = BTreeMap::new();
    for request in input.snapshot.kind("CertificateSigningRequest") {
        let age = request.time("/metadata/creationTimestamp").map(|made| made.gap_to(now));
        if let Some(age) = age.filter(|age| *age >= PATIENCE)
            && request.list("/status/conditions").is_empty()
            // Certificates of people are approved by people, in their own time.
            && request.text("/spec/signerName") != "kubernetes.io/kube-apiserver-client"
            && !is_superseded(input.snapshot, request)
        {
            waiting
                .entry(request.text("/spec/signerName"))
                .or_default()
                .push((request, age.as_mins()));
        }
    }
    waiting
        .into_iter()
        .filter_map(|(signer, requests)| {
            let (first, minutes) = requests.iter().max_by_key(|(_, minutes)| *minutes)?;
            // Requests of one kubelet, however many, are that node's trouble.
            let node_of = |request: &Object| {
                let node = request.text("/spec/username").strip_prefix("system:node:")?;
                (!node.is_empty()).then(|| Subject::node(node))
            };
            let node =
                node_of(first).filter(|node| requests.iter().all(|(one, _)| node_of(one).as_ref() == Some(node)));
            let subject = node.unwrap_or_else(|| first.subject());
            let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                .at("status.conditions")
                .cite(first.cite.clone())
                .fact("signer", signer)
                .fact("request", first.key.name.clone())
                .fact("minutes", *minutes)
                .fact("requests", requests.len())
                .fact("user", first.text("/spec/username"));
            for (request, _) in &requests {
                finding.add_affected(request.subject());
                if let Some(node) = request.text("/spec/username").strip_prefix("system:node:") {
                    finding = finding.touch(Ground::Node, node);
                }
            }
            Some(finding)
        })
        .collect()
}

/// True when the same account has asked the same signer again since, and was given its certificate.
fn is_superseded(snapshot: &Snapshot, request: &Object) -> bool {
    let made = |one: &Object| one.time("/metadata/creationTimestamp").map(|when| when.latest);
    snapshot.kind("CertificateSigningRequest").any(|other| {
        let same = |pointer: &str| other.text(pointer) == request.text(pointer);
        same("/spec/username")
            && same("/spec/signerName")
            && made(other) > made(request)
            && condition(other, "Approved").is_some()
    })
}
