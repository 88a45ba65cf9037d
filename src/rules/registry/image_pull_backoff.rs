//! An image cannot be pulled: what people see, never why.

use crate::cluster::Image;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-pull-backoff
role: symptom
level: critical
needs: [pods]
listing: true
check:
  zh: 是否有容器因镜像拉取失败而无法启动
  en: whether a container cannot start because its image cannot be pulled
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的镜像{% if image %} {{ image }} {% endif %}拉取失败（{{ reason }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: {% if image %}image {{ image }}{% else %}its image{% endif %} cannot be pulled ({{ reason }})"
cause:
  zh: "镜像{% if image %} {{ image }} {% endif %}拉取失败；采集到的数据没有说明原因。"
  en: "{% if image %}image {{ image }}{% else %}its image{% endif %} cannot be pulled; the collected data does not say why."
causes:
  - rule: rancher-shell-unavailable
    ground: pod
    mechanism: {zh: "Shell 的镜像拉不到", en: "the shell's image cannot be pulled"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: 没有镜像就没有就绪的 Pod, en: "no image, no ready pod"}
  - rule: pod-pending
    ground: workload
    mechanism: {zh: "没有镜像，容器不能启动", en: "without its image no container starts"}
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "新版本的镜像拉取不到", en: "the image of the new revision cannot be pulled"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 没有就绪的 Pod", en: "the webhook has no ready pod"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "新版本的镜像拉取不到", en: "the image of the new revision cannot be pulled"}
benign:
  - zh: 一次 ErrImagePull 之后出现 Successfully pulled image 属于短暂故障
    en: one ErrImagePull followed by Successfully pulled image was transient
remedy:
  - purpose: {zh: 查看拉取失败的原文, en: read why the pull failed}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe pod {{ pod }}"
    expect: {zh: 事件中有 Failed to pull image 及其原因, en: the events hold Failed to pull image with its reason}
    verify: {zh: 原因已记录, en: the reason is on record}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: detect
    text: {zh: 对等待原因 ImagePullBackOff 与 ErrImagePull 告警, en: alert on the waiting reasons ImagePullBackOff and ErrImagePull}
    acceptance: {zh: 引用不存在镜像的测试 Pod 在 5 分钟内触发告警, en: a test pod with an image that does not exist raises the alert within 5 minutes}
sources: ["kubernetes pkg/kubelet/images/types.go: ErrImagePull, ImagePullBackOff"]
versions: Kubernetes 1.19 to 1.36
examples:
  - name: waiting
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: only being created
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
"##;

const REASONS: [&str; 2] = ["ImagePullBackOff", "ErrImagePull"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for pod in input.snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let Some(waiting) = container.waiting().filter(|waiting| REASONS.contains(&waiting.reason)) else {
                continue;
            };
            let owner = input.snapshot.top_owner(pod.object);
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let evidence = pod.cite_status(&container, "/state/waiting/reason");
            let touches = workload_touches(input.snapshot, &subject);
            if let Some(known) = findings.iter_mut().find(|finding| finding.subject == owner) {
                known.count += 1;
                known.add_cite(evidence);
                known.add_affected(subject);
                known.touches.extend(touches);
                continue;
            }
            let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                .cite(evidence)
                .affects(subject)
                .touch(Ground::Registry, Image::parse(container.image()).registry)
                .fact("image", container.image())
                .fact("reason", waiting.reason)
                .fact("pod", pod.name());
            finding.touches.extend(touches);
            findings.push(finding);
        }
    }
    findings
}
