//! The kubelet cannot put a container's configuration together.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: createcontainerconfigerror
role: link
level: critical
needs: [pods]
listing: true
check:
  zh: "容器配置能否生成（CreateContainerConfigError）"
  en: "whether containers' configuration can be put together (CreateContainerConfigError)"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：容器 {{ container }} 的配置无法生成（{{ reason }}{% if message %}：{{ message }}{% endif %}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the configuration of container {{ container }} cannot be put together ({{ reason }}{% if message %}: {{ message }}{% endif %})"
cause:
  zh: "kubelet 不能为容器 {{ container }} 生成配置{% if message %}：{{ message }}{% endif %}。通常是引用的 ConfigMap、Secret 或其中的键不存在，或安全设置互相矛盾。"
  en: "the kubelet cannot put the configuration of container {{ container }} together{% if message %}: {{ message }}{% endif %}. As a rule a ConfigMap, Secret or key that is named is absent, or security settings contradict each other."
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器起不来，Pod 不就绪", en: "the container cannot start, so no pod is ready"}
  - rule: pod-pending
    ground: pod
    mechanism: {zh: "容器的配置不全，不能创建", en: "the container cannot be made without its configuration"}
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "新版本的容器不能创建", en: "containers of the new revision cannot be made"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 的 Pod 不就绪", en: "pods of the webhook are not ready"}
benign:
  - {zh: "创建期间短暂出现、随后就绪的不算", en: "seen for a moment during creation and ready since, it does not count"}
remedy:
  - purpose: {zh: "查看事件中的原因", en: "read the reason in the events"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} describe pod {{ pod }}"
    expect: {zh: "Error: 之后是原因", en: "the reason follows Error:"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对等待原因 CreateContainerConfigError 告警", en: "alert on the waiting reason CreateContainerConfigError"}
    acceptance: {zh: "引用不存在 ConfigMap 的测试 Pod 触发告警", en: "a test pod that names an absent ConfigMap raises the alert"}
sources: ["kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go: ErrCreateContainerConfig"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "waiting"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"CreateContainerConfigError"}}}]}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "running"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let Some(waiting) = container
                .waiting()
                .filter(|waiting| waiting.reason == "CreateContainerConfigError")
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
                        .at(format!("spec.template.spec.containers[{}].env", container.name))
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
