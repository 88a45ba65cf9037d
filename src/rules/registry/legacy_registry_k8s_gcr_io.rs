//! An image is pulled from k8s.gcr.io, a registry that was frozen in 2023.

use crate::cluster::Image;
use crate::model::{Confidence, Subject};
use crate::rules::pull::is_image_reason;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: legacy-registry-k8s-gcr-io
role: factor
level: warning
needs: [pods]
check:
  zh: "拉取失败的镜像是否来自已冻结的 k8s.gcr.io"
  en: "whether an image that cannot be pulled comes from the frozen k8s.gcr.io"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：镜像 {{ image }} 仍指向已冻结的 k8s.gcr.io"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: image {{ image }} still points to the frozen k8s.gcr.io"
cause:
  zh: "k8s.gcr.io 自 2023-04-03 起冻结，新镜像只发布到 registry.k8s.io。"
  en: "k8s.gcr.io is frozen since 2023-04-03; new images are published on registry.k8s.io only."
benign:
  - {zh: "节点上已有缓存时旧名称仍可使用", en: "where the image is cached on the node, the old name still works"}
remedy:
  - purpose: {zh: "找出仍使用旧仓库的镜像", en: "find the images that still use it"}
    place: cluster
    risk: read-only
    command: "kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.namespace}{\"/\"}{.metadata.name}{\" \"}{.spec.containers[*].image}{\"\\n\"}{end}'"
    expect: {zh: "含 k8s.gcr.io 的行", en: "lines with k8s.gcr.io"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "把 k8s.gcr.io 全部替换为 registry.k8s.io", en: "replace k8s.gcr.io by registry.k8s.io everywhere"}
    acceptance: {zh: "清单与运行时配置中不再出现 k8s.gcr.io", en: "no manifest or runtime configuration names k8s.gcr.io"}
sources: ["kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement"]
versions: "any"
examples:
  - name: "waiting for one"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"k8s.gcr.io/x:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "one that runs"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"k8s.gcr.io/x:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let Some(waiting) = container.waiting().filter(|waiting| {
                is_image_reason(waiting.reason) && Image::parse(container.image()).registry == "k8s.gcr.io"
            }) else {
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
                        .at(format!("spec.template.spec.containers[{}].image", container.name))
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
