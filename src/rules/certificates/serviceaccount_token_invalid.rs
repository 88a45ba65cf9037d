//! The API server refuses the tokens of ServiceAccounts.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Hit;
use crate::model::{Confidence, Level, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::toolbox::own_hits;
use crate::rules::toolbox::planes::api_server;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: serviceaccount-token-invalid
role: cause
level: warning
needs: [kube-apiserver-log|container-logs]
text:
  - id: claims
    in: [control-plane, other, system]
    pattern: '(?i)unable to authenticate the request[^\n]{0,120}(?P<problem>service account token (?:has been invalidated|has expired|is not valid yet)|token has been invalidated|square/go-jose: error in cryptographic primitive|invalid signature|no keys found|failed to verify (?:id )?token signature)'
  # What md5sum and sha256sum print of the key by which an API server verifies tokens
  - id: digest
    in: [system, other]
    pattern: '^(?P<digest>[0-9a-f]{32,128}) [ *](?P<file>/[\w./-]*/(?:sa\.pub|service\.key|service-account\.(?:pub|pem)))\s*$'
check:
  zh: "ServiceAccount 令牌是否被拒绝"
  en: "whether tokens of ServiceAccounts are refused"
title:
  zh: "API 服务器拒绝 ServiceAccount 令牌：{{ problem }}（{{ times }} 次）{% if key %}，各控制面节点的 {{ key }} 不同{% endif %}"
  en: "the API server refuses tokens of ServiceAccounts: {{ problem }} ({{ times|times }}){% if key %}, and {{ key }} differs between nodes of the control plane{% endif %}"
cause:
  zh: "{{ line }}。{% if key %}采集的校验和显示 {{ key }} 在各控制面节点上不同：一个 API 服务器签发的令牌，别的不认识，经负载均衡时时好时坏。{% endif %}签名密钥更换过或各控制面节点的密钥不同、时钟不一致、令牌的 Secret 被删除，或客户端没有重新读取投射的令牌。"
  en: "{{ line }}. {% if key %}The checksums that were collected show that {{ key }} differs between nodes of the control plane: a token that one API server issued is unknown to another, so that behind a load balancer it works now and then. {% endif %}The signing key was replaced or differs between nodes of the control plane, clocks disagree, the token's Secret was deleted, or a client does not read its projected token again."
causes:
  - rule: crashloopbackoff
    ground: cluster
    mechanism: {zh: "访问 API 被拒绝", en: "its calls to the API are refused"}
  - rule: coredns-pod-unhealthy
    ground: cluster
    mechanism: {zh: "它的 API 请求被拒绝，读不到 Service，因而不就绪", en: "its calls to the API are refused, so it reads no Services and is not ready"}
  - rule: cattle-cluster-agent-not-connected
    ground: cluster
    mechanism: {zh: "访问 API 被拒绝", en: "its calls to the API are refused"}
  - rule: cni-add-failure
    ground: cluster
    mechanism: {zh: "CNI 插件访问 API 被拒绝", en: "the CNI plugin's calls to the API are refused"}
benign:
  - {zh: "已下线的旧集群的客户端会周期性地得到 401", en: "clients of a former cluster get a 401 now and then"}
  - {zh: "stale-token 提醒中的旧令牌仍被接受", en: "an old token with the notice stale-token is still accepted"}
remedy:
  - purpose: {zh: "比较各控制面节点的签名公钥", en: "compare the public key for signing on every node of the control plane"}
    place: node
    risk: read-only
    command: "sha256sum /etc/kubernetes/pki/sa.pub"
    expect: {zh: "各节点相同", en: "the same on every node"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "统一密钥后重启受影响的 Pod，使其得到新令牌", en: "once the keys agree, restart the pods that are affected, so that they get new tokens"}
    place: cluster
    risk: change
    command: "kubectl -n <NAMESPACE> rollout restart deployment <NAME>"
    verify: {zh: "API 服务器不再记录该错误", en: "the API server no longer logs it"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: process
    text: {zh: "更换签名密钥时同时保留新旧公钥一段时间", en: "keep both public keys for a while when the signing key is replaced"}
    acceptance: {zh: "轮换演练中没有 401", en: "a rehearsed rotation gives no 401"}
sources: ["kubernetes pkg/serviceaccount/claims.go, legacy.go", "kubernetes staging/src/k8s.io/apiserver/pkg/endpoints/filters/authentication.go: `Unable to authenticate the request`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "again and again"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.28.4
      "nodes/cp1/kube-apiserver.log": |
        E0224 14:29:40.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
        E0224 14:29:41.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
        E0224 14:29:42.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
        E0224 14:29:43.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
        E0224 14:29:44.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
        E0224 14:29:45.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
        E0224 14:29:46.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
        E0224 14:29:47.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has been invalidated]"
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "one"
    files:
      "nodes/cp1/kube-apiserver.log": |
        E0224 14:29:41.120087       1 authentication.go:63] "Unable to authenticate the request" err="[invalid bearer token, service account token has expired]"
  - name: "a server of the control plane has another key"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.28.4
        cp2    Ready    control-plane   90d   v1.28.4
      "nodes/cp2/kube-apiserver.log": |
        E0224 14:29:40.120087       1 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, square/go-jose: error in cryptographic primitive]"
        E0224 14:29:41.120087       1 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, square/go-jose: error in cryptographic primitive]"
        E0224 14:29:42.120087       1 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, square/go-jose: error in cryptographic primitive]"
        E0224 14:29:43.120087       1 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, square/go-jose: error in cryptographic primitive]"
        E0224 14:29:44.120087       1 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, square/go-jose: error in cryptographic primitive]"
        E0224 14:29:45.120087       1 authentication.go:73] "Unable to authenticate the request" err="[invalid bearer token, square/go-jose: error in cryptographic primitive]"
      "checked.txt": |
        == cp1
        3e9f6e978216ce94b5b4b0f1c24b2373  /etc/kubernetes/pki/sa.pub
        == cp2
        5946b6541c772bde58732ac0a81e97eb  /etc/kubernetes/pki/sa.pub
    fires: [{kind: "File", name: "/etc/kubernetes/pki/sa.pub"}]
"##;

/// A forgotten client of a former cluster may come again and again, but not often within one log.
const MANY: u64 = 5;

const DIGEST: &str = "serviceaccount-token-invalid/digest";

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let server = api_server(snapshot);
    // Of several API servers the one that says so, if it is one alone: it knows other keys than its like.
    let speakers: BTreeSet<&Subject> = own_hits(input, rule)
        .into_iter()
        .map(|hit| &hit.about.object)
        .filter(|object| object.kind == "Pod" && object.name.starts_with("kube-apiserver-"))
        .collect();
    let subject = match speakers.first() {
        Some(only) if speakers.len() == 1 => (*only).clone(),
        _ => server,
    };
    let mut findings = by_subject(input, rule, Confidence::Probable, |hit| {
        (hit.signature != DIGEST && persists(snapshot, hit)).then(|| subject.clone())
    });
    findings.retain(|finding| finding.count >= MANY);
    let differing = differing(input, rule);
    for finding in &mut findings {
        let key = differing.first().and_then(|hit| hit.captures.get("file"));
        finding
            .facts
            .insert("key".into(), key.cloned().unwrap_or_default().into());
        if let Some(key) = key {
            // Where one server alone refuses, it is the odd one; else the key is all that is known to be at fault.
            if speakers.len() != 1 {
                finding.subject = Subject::cluster("File", key);
            }
            finding.confidence = Confidence::Confirmed;
            finding.level = Level::Critical;
            finding.add_affected(subject.clone());
        }
        for hit in &differing {
            finding.add_cite(hit.cite.clone());
        }
    }
    findings
}

/// The lines with the digests of one file, where there are several of one length: the servers of a control plane share it.
fn differing<'s>(input: &Input<'s>, rule: &RuleHeader) -> Vec<&'s Hit> {
    let mut of_files: BTreeMap<(&str, usize), Vec<&Hit>> = BTreeMap::new();
    for hit in own_hits(input, rule).into_iter().filter(|hit| hit.signature == DIGEST) {
        if let (Some(file), Some(digest)) = (hit.captures.get("file"), hit.captures.get("digest")) {
            of_files.entry((file, digest.len())).or_default().push(hit);
        }
    }
    let differs = |hits: &Vec<&Hit>| {
        let digests: BTreeSet<_> = hits.iter().filter_map(|hit| hit.captures.get("digest")).collect();
        digests.len() > 1
    };
    of_files.into_values().find(differs).unwrap_or_default()
}
