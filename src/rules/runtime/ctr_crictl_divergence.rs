//! `ctr` and `crictl` show different images of one containerd: they look into different namespaces.

use crate::bundle::decode::CriKind;
use crate::cluster::Image;
use crate::model::Confidence;
use crate::rules::toolbox::hosts::machines;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ctr-crictl-divergence
role: factor
level: info
needs: [cri-images]
check:
  zh: ctr 与 crictl 看到的镜像是否一致
  en: whether ctr and crictl see the same images
title:
  zh: "节点 {{ node }} 上 ctr 列出的 {{ only|join('、') }} 在 crictl 中没有：两者看的不是同一个命名空间"
  en: "on node {{ node }} ctr lists {{ only|join(', ') }} and crictl does not: they look into different namespaces"
cause:
  zh: "ctr 绕过 CRI：默认命名空间是 default，不读 CRI 插件的 config_path 与凭据；kubelet 只使用 k8s.io。因此 ctr 的成败不能作为 kubelet 能否拉取的证据。ctr 加 --hosts-dir 时也读 certs.d。"
  en: "ctr goes past the CRI: its namespace is default unless told otherwise, and it reads neither config_path nor the credentials of the CRI plugin; the kubelet uses k8s.io only. So whether ctr succeeds says nothing about the kubelet's pulls. With --hosts-dir ctr reads certs.d as well."
causes:
  - rule: image-in-wrong-namespace
    ground: node
    mechanism: {zh: "镜像导入到了 kubelet 不看的命名空间", en: "the image was imported where the kubelet does not look"}
benign:
  - {zh: "节点上另有不属于 Kubernetes 的 containerd 使用者", en: "something else on the node uses containerd as well"}
remedy:
  - purpose: {zh: "按命名空间列出镜像", en: "list images by namespace"}
    place: node
    risk: read-only
    command: |
      ctr namespaces list
      ctr -n k8s.io images ls -q
      crictl images
    expect: {zh: "k8s.io 与 crictl 一致", en: "k8s.io agrees with crictl"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "操作手册只使用 crictl，或总是写 ctr -n k8s.io", en: "let runbooks use crictl, or always ctr -n k8s.io"}
    acceptance: {zh: "手册中没有不带 -n 的 ctr", en: "no ctr without -n is left in them"}
sources: ["containerd docs/namespaces.md, docs/hosts.md; containerd cmd/ctr"]
versions: "containerd 1.3 to 2.1"
examples:
  - name: "one image is in default only"
    files:
      "n1/crictl-images.txt": |
        IMAGE                     TAG      IMAGE ID         SIZE
        registry.k8s.io/pause     3.10     873ed75102791    320kB
      "n1/ctr-images.txt": |
        REF                           TYPE                         DIGEST         SIZE    PLATFORMS   LABELS
        docker.io/local/a:1           application/vnd.oci.image+v1 sha256:b99b8d4 2.0 MiB linux/amd64 -
      "n1/hostname": "n1\n"
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "both have the same"
    files:
      "n1/crictl-images.txt": |
        IMAGE                     TAG      IMAGE ID         SIZE
        registry.k8s.io/pause     3.10     873ed75102791    320kB
      "n1/ctr-images.txt": |
        REF                           TYPE                         DIGEST         SIZE    PLATFORMS   LABELS
        registry.k8s.io/pause:3.10    application/vnd.oci.image+v1 sha256:b99b8d4 2.0 MiB linux/amd64 -
      "n1/hostname": "n1\n"
"##;

/// How many images are named.
const SHOWN: usize = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for machine in machines(input.snapshot) {
        let tools = &machine.host.tools;
        let listed = |via: &str| {
            let of_tool = tools.cri.iter().filter(|entry| entry.kind == CriKind::Image);
            of_tool.filter(|entry| entry.via == via).collect::<Vec<_>>()
        };
        let is_whole = tools
            .cri_listings
            .iter()
            .any(|listing| listing.kind == CriKind::Image && listing.via == "crictl" && listing.is_complete);
        let of_kubelet: Vec<Image> = listed("crictl").iter().map(|entry| Image::parse(&entry.name)).collect();
        let is_reference = |name: &str| !name.starts_with("sha256:") && !name.contains('@');
        let only: Vec<_> = listed("ctr")
            .into_iter()
            .filter(|entry| is_reference(&entry.name) && !of_kubelet.contains(&Image::parse(&entry.name)))
            .collect();
        let Some(first) = only.first().filter(|_| is_whole) else {
            continue;
        };
        let names: Vec<String> = only.iter().take(SHOWN).map(|entry| entry.name.clone()).collect();
        let mut finding = Finding::new(rule, crate::model::Subject::node(&machine.node), Confidence::Confirmed)
            .cite(first.cite.clone())
            .fact("node", machine.node.clone())
            .fact("only", names);
        if let Some(listing) = tools.complete_cri_listing(CriKind::Image) {
            finding.add_cite(listing.cite.clone());
        }
        findings.push(finding);
    }
    findings
}
