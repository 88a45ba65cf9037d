//! An image reference that no runtime can parse.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: invalid-image-name
role: cause
level: critical
needs: [pods]
listing: true
check:
  zh: "镜像引用的格式是否有效"
  en: "whether image references are well-formed"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：镜像引用 {{ image }} 格式无效（InvalidImageName）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the image reference {{ image }} is malformed (InvalidImageName)"
cause:
  zh: "容器 {{ container }} 的镜像引用 {{ image }} 无法解析：大写字母、协议前缀、空格、多余的冒号或没有渲染的变量都会如此。kubelet 没有联系任何仓库。"
  en: "the image reference {{ image }} of container {{ container }} cannot be parsed: upper case, a scheme, blanks, a colon too many or a variable that was not filled in do that. The kubelet asked no registry."
rules_out:
  - {zh: "网络、凭据与仓库：没有发出任何请求", en: "network, credentials and registry: no request was made"}
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "等待原因是 ErrImagePull 时引用可以解析，那是另一类故障", en: "with the waiting reason ErrImagePull the reference did parse; that is another failure"}
remedy:
  - purpose: {zh: "查看清单中的镜像引用", en: "look at the reference in the manifest"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} get pod {{ pod }} -o jsonpath='{range .spec.containers[*]}{.name}{\" \"}{.image}{\"\\n\"}{end}'"
    expect: {zh: "无效的引用", en: "the malformed reference"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把镜像改为存在的引用", en: "set an image that exists"}
    place: cluster
    risk: change
    when: "settable"
    command: "kubectl -n {{ namespace }} set image {{ resource }}/{{ subject.name }} {{ container }}=<IMAGE>"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} image updated`", en: "`{{ resource }}.apps/{{ subject.name }} image updated`"}
    verify: {zh: "新 Pod 拉取成功并就绪", en: "the new pod pulls the image and becomes ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中校验渲染后的清单", en: "validate rendered manifests in the pipeline"}
    acceptance: {zh: "含未渲染变量的镜像引用在流水线中失败", en: "an image reference with an unfilled variable fails there"}
sources: ["kubernetes pkg/kubelet/images/image_manager.go: InspectFailed, InvalidImageName"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "upper case"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/Shop/API:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"InvalidImageName"}}}]}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "a table"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS             RESTARTS   AGE
        shop        web-0   0/1     InvalidImageName   0          9m
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "a pull error is something else"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ErrImagePull"}}}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let Some(waiting) = container
                .waiting()
                .filter(|waiting| matches!(waiting.reason, "InvalidImageName"))
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
