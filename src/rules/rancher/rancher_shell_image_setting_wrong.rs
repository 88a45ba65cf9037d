//! The setting shell-image gives an image name with two registries.

use crate::cluster::Image;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rancher-shell-image-setting-wrong
role: cause
level: warning
needs: [pods]
check:
  zh: "shell-image 设置是否与默认仓库重复"
  en: "whether shell-image repeats the default registry"
title:
  zh: "Rancher 设置 shell-image 与 system-default-registry 重复：镜像成了 {{ image }}"
  en: "Rancher's setting shell-image repeats system-default-registry: the image became {{ image }}"
cause:
  zh: "system-default-registry 会加在镜像名前面，而 shell-image 的值{% if value %} {{ value }} {% endif %}已经带有仓库，因此得到了不存在的 {{ image }}。"
  en: "system-default-registry is put before the image, and the value of shell-image{% if value %}, {{ value }},{% endif %} has a registry already, so the image became {{ image }}, which does not exist."
causes:
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "镜像名不存在", en: "there is no image of that name"}
  - rule: image-not-found
    ground: workload
    mechanism: {zh: "镜像名不存在", en: "there is no image of that name"}
  - rule: image-tag-not-found
    ground: workload
    mechanism: {zh: "镜像名不存在", en: "there is no image of that name"}
  - rule: rancher-shell-unavailable
    ground: pod
    mechanism: {zh: "Shell 的镜像拉不到", en: "the shell's image cannot be pulled"}
benign:
  - {zh: "带端口的单个仓库前缀是正常的", en: "one registry with a port is normal"}
remedy:
  - purpose: {zh: "查看两个设置（在 Rancher 所在的集群）", en: "see both settings (in Rancher's own cluster)"}
    place: rancher
    risk: read-only
    command: "kubectl get settings.management.cattle.io shell-image system-default-registry"
    expect: {zh: "两个都有值", en: "both have a value"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "清空 shell-image，使用默认值", en: "empty shell-image, so that its default is used"}
    place: rancher
    risk: change
    command: "kubectl patch settings.management.cattle.io shell-image --type=merge -p '{\"value\":\"\"}'"
    verify: {zh: "新的 Shell Pod 使用一个仓库前缀", en: "a new shell pod has one registry"}
    rollback: {zh: "写回原来的值", en: "write the former value back"}
prevention:
  - kind: process
    text: {zh: "只用 system-default-registry，不逐个改镜像设置", en: "use system-default-registry alone and leave the settings of single images"}
    acceptance: {zh: "升级后 Shell 可用", en: "the shell opens after an upgrade"}
sources: ["rancher/rancher pkg/settings: shell-image, system-default-registry"]
versions: "Rancher 2.6 to 2.12"
examples:
  - name: "two registries"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "dashboard-shell-x7k2v", "namespace": "cattle-system"}, "spec": {"containers": [{"name": "shell", "image": "reg.example:5000/reg.example:5000/rancher/shell:v0.1.21"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "shell", "ready": false, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
    fires: [{kind: "Setting", name: "shell-image"}]
  - name: "one"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "dashboard-shell-x7k2v", "namespace": "cattle-system"}, "spec": {"containers": [{"name": "shell", "image": "reg.example:5000/rancher/shell:v0.1.21"}]}, "status": {"phase": "Pending", "containerStatuses": [{"name": "shell", "ready": false, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let setting = Subject::cluster("Setting", "shell-image");
    let object = snapshot.kind("Setting").find(|object| object.key.name == "shell-image");
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot
        .pods()
        .filter(|pod| pod.name().starts_with("dashboard-shell-") && !pod.is_well())
    {
        for container in pod.containers() {
            let image = Image::parse(container.image());
            // `reg.example/reg.example/rancher/shell`: the default registry was put before a value that has one already.
            let doubled = image
                .repository
                .split('/')
                .next()
                .is_some_and(|first| first.contains(['.', ':']) && image.registry != "docker.io");
            if !doubled {
                continue;
            }
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let mut finding = Finding::new(rule, setting.clone(), Confidence::Confirmed)
                .at("value")
                .cite(pod.object.cite_at(&format!("{}/image", container.spec_pointer)))
                .fact("image", container.image())
                .fact("value", object.map_or("", |object| object.text("/value")))
                .affects(subject.clone());
            if let Some(object) = object {
                finding.add_cite(object.cite_at("/value"));
            }
            finding.touches.extend(workload_touches(snapshot, &subject));
            if findings.is_empty() {
                findings.push(finding);
            }
        }
    }
    findings
}
