//! An image that cannot be found has the name of one that is there, under another registry or path.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Image, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: wrong-image-reference
role: factor
level: warning
needs: [pods]
check:
  zh: 拉取不到的镜像是否写错了仓库或路径
  en: whether an image that cannot be pulled is written with the wrong registry or path
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的镜像 {{ image }} 可能写错：同名镜像在 {{ known|join('、') }}"
  en: "the image {{ image }} of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} may be written wrong: one of that name is at {{ known|join(', ') }}"
cause:
  zh: "其他工作负载能用的同名镜像在 {{ known|join('、') }}，与 {{ image }} 只差仓库地址或路径前缀。路径必须连同命名空间前缀完全一致。"
  en: "other workloads run an image of that name from {{ known|join(', ') }}, which differs from {{ image }} in the registry or the path before the name. The path has to match exactly, its prefix included."
causes:
  - rule: image-not-found
    ground: workload
    mechanism: {zh: "仓库中没有这个路径", en: "the registry has no such path"}
  - rule: image-tag-not-found
    ground: workload
    mechanism: {zh: "这个路径下没有该标签", en: "that path has no such tag"}
  - rule: image-pull-denied
    ground: workload
    mechanism: {zh: "仓库对不存在的路径回答无权访问", en: "the registry answers that access is denied to what does not exist"}
  - rule: invalid-image-name
    ground: workload
    mechanism: {zh: "引用写错", en: "the reference is written wrong"}
benign:
  - {zh: "docker.io/library/ 与 index.docker.io 的规范化差异不是错误", en: "docker.io/library/ and index.docker.io are the same by normalisation"}
  - {zh: "刚发布到新路径、还没有别的工作负载使用的镜像", en: "an image that moved on purpose and that nobody else uses yet"}
remedy:
  - purpose: {zh: "核对镜像引用", en: "check the reference"}
    place: cluster
    risk: read-only
    command: "skopeo inspect docker://{{ image }}"
    expect: {zh: "manifest unknown 或 denied", en: "manifest unknown, or denied"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中解析清单里的每个镜像引用，并用准入策略限制仓库", en: "resolve every image reference of a manifest in the pipeline, and limit registries by an admission policy"}
    acceptance: {zh: "引用不存在的镜像的提交不能合并", en: "a change that names an image that does not exist cannot be merged"}
sources: ["github.com/distribution/reference: ParseNormalizedNamed"]
versions: "any"
examples:
  - name: "a prefix too many"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"harbor.example/x/shop/web:1.2"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}},{"metadata":{"name":"web-1","namespace":"blue"},"spec":{"containers":[{"name":"app","image":"harbor.example/shop/web:1.2"}]},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
    fires: [{kind: "Pod", namespace: "shop", name: "web-0"}]
  - name: "the same reference, normalised"
    files:
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"nginx:1.2"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}},{"metadata":{"name":"web-1","namespace":"blue"},"spec":{"containers":[{"name":"app","image":"docker.io/library/nginx:1.2"}]},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
"##;

/// How many places are named.
const SHOWN: usize = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let known = images_in_use(snapshot);
    let mut findings: BTreeMap<Subject, Finding> = BTreeMap::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let waits = container.waiting().is_some_and(|waiting| {
                matches!(waiting.reason, "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName")
            });
            let image = container.image();
            if !waits || image.is_empty() {
                continue;
            }
            let wanted = Image::parse(image);
            let Some(same_name) = known.get(last_part(&wanted)) else {
                continue;
            };
            // Only the very tag that is wanted shows that it is the place that differs.
            let elsewhere: Vec<&(String, Citation)> = same_name
                .iter()
                .filter(|(reference, _)| {
                    let other = Image::parse(reference);
                    other.tag == wanted.tag
                        && (&other.registry, &other.repository) != (&wanted.registry, &wanted.repository)
                })
                .take(SHOWN)
                .collect();
            let is_used_as_it_is = same_name.iter().any(|(reference, _)| Image::parse(reference) == wanted);
            if elsewhere.is_empty() || is_used_as_it_is {
                continue;
            }
            let owner = snapshot.top_owner(pod.object);
            let names: Vec<String> = elsewhere.iter().map(|(reference, _)| reference.clone()).collect();
            let finding = findings.entry(owner.clone()).or_insert_with(|| {
                Finding::new(rule, owner, Confidence::Possible)
                    .at(format!("spec.template.spec.containers[{}].image", container.name))
                    .cite(pod.object.cite_at(&format!("{}/image", container.spec_pointer)))
                    .fact("image", image)
                    .fact("known", names)
            });
            for (_, cite) in elsewhere {
                finding.add_cite(cite.clone());
            }
            finding
                .touches
                .extend(workload_touches(snapshot, &pod.object.subject()));
        }
    }
    findings.into_values().collect()
}

/// The images of containers that run, by the last part of their names.
fn images_in_use(snapshot: &Snapshot) -> BTreeMap<String, Vec<(String, Citation)>> {
    let mut found: BTreeMap<String, Vec<(String, Citation)>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for pod in snapshot.pods().filter(|pod| pod.is_well()) {
        for container in pod.containers().iter().filter(|container| container.is_ready()) {
            let reference = container.image();
            if reference.is_empty() || !seen.insert(reference) {
                continue;
            }
            let cite = pod.object.cite_at(&format!("{}/image", container.spec_pointer));
            let image = Image::parse(reference);
            let entry = found.entry(last_part(&image).to_owned()).or_default();
            entry.push((reference.to_owned(), cite));
        }
    }
    found
}

fn last_part(image: &Image) -> &str {
    image.repository.rsplit('/').next().unwrap_or("")
}
