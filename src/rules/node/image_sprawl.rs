//! A node keeps many versions of the same images, or many that have no name any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::decode::CriKind;
use crate::cluster::{Host, Image};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::hosts::machines;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-sprawl
role: factor
level: info
needs: [docker-images|cri-images]
check:
  zh: 节点上是否堆积了过多的镜像
  en: whether images pile up on nodes
title:
  zh: "节点 {{ node }} 上堆积了 {{ images }} 个镜像{% if repository %}，其中 {{ repository }} 有 {{ tags }} 个版本{% endif %}{% if dangling %}，没有名字的有 {{ dangling }} 个{% endif %}"
  en: "{{ images }} images pile up on node {{ node }}{% if repository %}, {{ tags }} of them versions of {{ repository }}{% endif %}{% if dangling %}, {{ dangling }} without a name{% endif %}"
cause:
  zh: "旧版本的镜像没有被回收：kubelet 只在磁盘使用率超过 imageGCHighThresholdPercent（默认 85%）时清理，dockerd 自己不清理。它们占用镜像所在的文件系统，也常常促使人用 prune 脚本清理。"
  en: "old versions of images were not reclaimed: the kubelet cleans up only above imageGCHighThresholdPercent (85 % by default), and dockerd never by itself. They take the file system of images, and often make people write scripts that prune."
causes:
  - rule: imagefs-full
    ground: node
    mechanism: {zh: "堆积的镜像占满文件系统", en: "images that pile up fill the file system"}
  - rule: node-disk-pressure
    ground: node
    mechanism: {zh: "堆积的镜像占用磁盘", en: "images that pile up take the disk"}
  - rule: cleanup-script-prune
    ground: node
    mechanism: {zh: "为清理镜像而写的脚本", en: "the script was written to clean up images"}
benign:
  - {zh: "构建节点与镜像缓存节点", en: "nodes that build images or cache them"}
remedy:
  - purpose: {zh: "查看镜像占用", en: "see what images take"}
    place: node
    risk: read-only
    command: |
      crictl images
      docker system df
    expect: {zh: "同一仓库的许多版本", en: "many versions of one repository"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "调低 kubelet 的 imageGCHighThresholdPercent，并设置 imageMaximumGCAge；仓库侧设置保留策略", en: "lower the kubelet's imageGCHighThresholdPercent and set imageMaximumGCAge; let the registry keep fewer versions"}
    acceptance: {zh: "一周后节点上每个仓库不超过三个版本", en: "a week later no repository has more than three versions on a node"}
sources: ["kubernetes.io/docs/concepts/architecture/garbage-collection: containers and images"]
versions: "any"
examples:
  - name: "ten versions of one image"
    files:
      "n1/hostname": "n1\n"
      "n1/docker-images.txt": |
        REPOSITORY   TAG   IMAGE ID       CREATED       SIZE
        shop/web     1     a1c23194f301   2 years ago   199MB
        shop/web     2     a1c23194f302   2 years ago   199MB
        shop/web     3     a1c23194f303   2 years ago   199MB
        shop/web     4     a1c23194f304   2 years ago   199MB
        shop/web     5     a1c23194f305   2 years ago   199MB
        shop/web     6     a1c23194f306   2 years ago   199MB
        shop/web     7     a1c23194f307   2 years ago   199MB
        shop/web     8     a1c23194f308   2 years ago   199MB
        shop/web     9     a1c23194f309   2 years ago   199MB
        shop/web     10    a1c23194f310   2 years ago   199MB
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "two versions"
    files:
      "n1/hostname": "n1\n"
      "n1/docker-images.txt": |
        REPOSITORY   TAG   IMAGE ID       CREATED       SIZE
        shop/web     9     a1c23194f309   2 years ago   199MB
        shop/web     10    a1c23194f310   2 years ago   199MB
"##;

/// So many versions of one image are a heap.
const VERSIONS: usize = 10;
/// So are so many that have lost their names.
const NAMELESS: usize = 20;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    machines(input.snapshot)
        .iter()
        .filter_map(|machine| judge(rule, &machine.node, &images(machine.host)))
        .collect()
}

fn images(host: &Host) -> Vec<(&str, &Citation)> {
    let of_docker = host.images.iter().map(|image| (image.reference.as_str(), &image.cite));
    let of_cri = host
        .tools
        .cri
        .iter()
        .filter(|entry| entry.kind == CriKind::Image && entry.via == "crictl")
        .map(|entry| (entry.name.as_str(), &entry.cite));
    of_docker.chain(of_cri).collect()
}

fn judge(rule: &RuleHeader, node: &str, images: &[(&str, &Citation)]) -> Option<Finding> {
    let mut versions: BTreeMap<String, BTreeMap<String, &Citation>> = BTreeMap::new();
    let mut nameless: Vec<&Citation> = Vec::new();
    let mut all = BTreeSet::new();
    for (reference, cite) in images {
        if reference.contains("<none>") {
            nameless.push(cite);
            continue;
        }
        all.insert(*reference);
        let image = Image::parse(reference);
        let repository = format!("{}/{}", image.registry, image.repository);
        versions.entry(repository).or_default().insert(image.tag, cite);
    }
    let most = versions.iter().max_by_key(|(_, tags)| tags.len());
    let heap = most.filter(|(_, tags)| tags.len() >= VERSIONS);
    let dangling = if nameless.len() >= NAMELESS { nameless.len() } else { 0 };
    if heap.is_none() && dangling == 0 {
        return None;
    }
    let mut finding = Finding::new(rule, Subject::node(node), Confidence::Confirmed)
        .fact("node", node)
        .fact("images", all.len() + nameless.len())
        .fact("dangling", dangling)
        .fact("repository", heap.map_or("", |(repository, _)| repository.as_str()))
        .fact("tags", heap.map_or(0, |(_, tags)| tags.len()));
    let shown = heap.into_iter().flat_map(|(_, tags)| tags.values().copied());
    for cite in shown.chain(nameless.into_iter().filter(|_| dangling > 0)).take(3) {
        finding.add_cite(cite.clone());
    }
    Some(finding)
}
