//! An image is not on the node, and the pull policy forbids to fetch it.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-absent-never-pull
role: cause
level: critical
needs: [pods]
listing: true
check:
  zh: "拉取策略为 Never 的镜像是否在节点上"
  en: "whether images with the pull policy Never are on their nodes"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：镜像 {{ image }} 不在节点上，而拉取策略是 Never（ErrImageNeverPull）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: image {{ image }} is not on the node, and its pull policy is Never (ErrImageNeverPull)"
cause:
  zh: "imagePullPolicy 是 Never，kubelet 不会拉取；节点的运行时中没有 {{ image }}（containerd 须导入到 k8s.io 命名空间，导入到 Docker 中不算）。"
  en: "imagePullPolicy is Never, so the kubelet pulls nothing, and the node's runtime has no {{ image }} (for containerd it has to be in the namespace k8s.io; one that only Docker has does not count)."
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "镜像在节点上时 Never 是正常的离线做法", en: "with the image on the node, Never is a normal way to work offline"}
remedy:
  - purpose: {zh: "在节点上查看镜像", en: "look for the image on the node"}
    place: node
    risk: read-only
    command: "crictl images"
    expect: {zh: "没有 {{ image }}", en: "{{ image }} is not listed"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "导入到 kubelet 使用的命名空间", en: "import it where the kubelet looks"}
    place: node
    risk: change
    command: "ctr -n k8s.io images import <IMAGE_TAR>"
    expect: {zh: "unpacking … done", en: "unpacking … done"}
    verify: {zh: "`crictl images` 列出 {{ image }}", en: "`crictl images` lists {{ image }}"}
    rollback: {zh: "`crictl rmi {{ image }}`", en: "`crictl rmi {{ image }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "离线镜像随节点镜像交付，或使用 IfNotPresent", en: "ship offline images with the node image, or use IfNotPresent"}
    acceptance: {zh: "新节点上的 Pod 首次启动成功", en: "a pod starts on a new node at its first try"}
sources: ["kubernetes pkg/kubelet/images/types.go: ErrImageNeverPull"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "waiting"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"local/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ErrImageNeverPull"}}}]}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "it runs"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"local/a:1","imagePullPolicy":"Never"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let Some(waiting) = container
                .waiting()
                .filter(|waiting| waiting.reason == "ErrImageNeverPull")
            else {
                continue;
            };
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let owner = snapshot.top_owner(pod.object);
            let at = findings.iter().position(|finding| finding.subject == owner);
            let finding = match at {
                Some(at) => findings.get_mut(at),
                None => {
                    let resource = owner.kind.to_lowercase();
                    let finding = Finding::new(rule, owner, Confidence::Confirmed)
                        .at(format!(
                            "spec.template.spec.containers[{}].imagePullPolicy",
                            container.name
                        ))
                        .fact(
                            "container",
                            if container.name.is_empty() { "?" } else { container.name },
                        )
                        .fact("image", container.image())
                        .fact("pod", pod.name())
                        .fact("namespace", pod.namespace())
                        .fact("message", waiting.message)
                        .fact("reason", waiting.reason)
                        .fact(
                            "settable",
                            matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
                        )
                        .fact("resource", resource);
                    findings.push(finding);
                    findings.last_mut()
                }
            };
            let Some(finding) = finding else { continue };
            finding.add_cite(pod.cite_status(&container, "/state/waiting/reason"));
            finding.touches.extend(workload_touches(snapshot, &subject));
            finding.add_affected(subject);
        }
    }
    findings
}
