//! An image is on the node, but not where the kubelet's runtime looks.

use crate::bundle::decode::CriKind;
use crate::cluster::{Image, Snapshot};
use crate::model::{Citation, Confidence};
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-in-wrong-namespace
role: cause
level: critical
needs: [pods, cri-images|docker-images]
check:
  zh: 节点上的镜像是否在 kubelet 使用的命名空间里
  en: whether images of a node are where the kubelet's runtime looks
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：镜像 {{ image }} 在节点 {{ node }} 上只有 {{ holder|raw }} 看得到，kubelet 的运行时看不到"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: on node {{ node }} only {{ holder|raw }} has image {{ image }}, and not the kubelet's runtime"
cause:
  zh: "镜像 {{ image }} 已导入节点 {{ node }}，但{% if docker %}导入到了 dockerd，而 kubelet 使用 containerd{% else %}不在 containerd 的命名空间 k8s.io 里（ctr 不加 -n 时使用 default）{% endif %}；拉取策略 Never 又不允许下载。"
  en: "image {{ image }} was imported on node {{ node }}, but {% if docker %}into dockerd while the kubelet uses containerd{% else %}not into containerd's namespace k8s.io (ctr uses default without -n){% endif %}; and the pull policy Never forbids to fetch it."
causes:
  - rule: image-absent-never-pull
    ground: workload
    mechanism: {zh: "kubelet 的运行时里没有该镜像", en: "the kubelet's runtime does not have the image"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "kubelet 的运行时里没有该镜像", en: "the kubelet's runtime does not have the image"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "crictl images 也列出该镜像", en: "crictl images lists it as well"}
remedy:
  - purpose: {zh: "比较两处的镜像", en: "compare the two stores"}
    place: node
    risk: read-only
    command: |
      crictl images
      ctr namespaces list
      ctr -n default images ls
    expect: {zh: "crictl 没有 {{ image }}", en: "crictl has no {{ image }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "导入到 k8s.io", en: "import it into k8s.io"}
    place: node
    risk: change
    command: "{% if docker %}docker save {{ image }} | ctr -n k8s.io images import -{% else %}ctr -n default images export - {{ image }} | ctr -n k8s.io images import -{% endif %}"
    expect: {zh: "unpacking … done", en: "unpacking … done"}
    verify: {zh: "`crictl images` 列出 {{ image }}", en: "`crictl images` lists {{ image }}"}
    rollback: {zh: "`crictl rmi {{ image }}`", en: "`crictl rmi {{ image }}`"}
prevention:
  - kind: process
    text: {zh: "操作手册统一使用 crictl 与 ctr -n k8s.io", en: "let runbooks use crictl and ctr -n k8s.io only"}
    acceptance: {zh: "按手册导入的镜像能被 Pod 使用", en: "a pod can use an image that was imported by the book"}
sources:
  - "kubernetes pkg/kubelet/images/image_manager.go: `Container image %q is not present with pull policy of Never`"
  - "containerd docs/namespaces.md; cmd/ctr: the default namespace is `default`, the CRI plugin uses `k8s.io`"
versions: "containerd 1.3 to 2.1"
examples:
  - name: "Docker has it, and the kubelet uses containerd"
    files:
      "n1/pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"local/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ErrImageNeverPull"}}}]}}]}'
      "n1/nodes.json": '{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"n1"},"status":{"nodeInfo":{"containerRuntimeVersion":"containerd://1.7.2"},"conditions":[{"type":"Ready","status":"True"}]}}]}'
      "n1/docker-images.txt": |
        REPOSITORY   TAG   IMAGE ID       CREATED       SIZE
        local/a      1     a1c23194f302   2 years ago   1.99MB
    fires: [{kind: "Pod", namespace: "shop", name: "web-0"}]
  - name: "nobody has it"
    files:
      "n1/pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"local/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ErrImageNeverPull"}}}]}}]}'
      "n1/nodes.json": '{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"n1"},"status":{"nodeInfo":{"containerRuntimeVersion":"containerd://1.7.2"},"conditions":[{"type":"Ready","status":"True"}]}}]}'
      "n1/docker-images.txt": |
        REPOSITORY   TAG   IMAGE ID       CREATED       SIZE
        local/b      1     a1c23194f302   2 years ago   1.99MB
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let machines = machines(snapshot);
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        for container in pod.containers() {
            let waits = container
                .waiting()
                .is_some_and(|waiting| waiting.reason == "ErrImageNeverPull");
            let machine = machines.iter().find(|machine| machine.node == pod.node());
            let (true, Some(machine)) = (waits, machine) else {
                continue;
            };
            let Some((holder, cite)) = holder(snapshot, machine, container.image()) else {
                continue;
            };
            let owner = snapshot.top_owner(pod.object);
            if findings.iter().any(|known| known.subject == owner) {
                continue;
            }
            let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                .cite(pod.cite_status(&container, "/state/waiting/reason"))
                .cite(cite)
                .fact("image", container.image())
                .fact("node", machine.node.clone())
                .fact("holder", holder)
                .fact("docker", holder == "Docker");
            let subject = pod.object.subject();
            finding.touches.extend(workload_touches(snapshot, &subject));
            finding.add_affected(subject);
            findings.push(finding);
        }
    }
    findings
}

/// Who has the image while the runtime of the kubelet does not.
fn holder(snapshot: &Snapshot, machine: &Machine<'_>, image: &str) -> Option<(&'static str, Citation)> {
    let wanted = Image::parse(image);
    let is_it = |reference: &str| Image::parse(reference) == wanted;
    let images = |via: &'static str| {
        machine
            .host
            .tools
            .cri
            .iter()
            .filter(move |entry| entry.kind == CriKind::Image && entry.via == via)
    };
    if images("crictl").any(|entry| is_it(&entry.name)) {
        return None;
    }
    if let Some(entry) = images("ctr").find(|entry| is_it(&entry.name)) {
        return Some(("ctr", entry.cite.clone()));
    }
    let runtime = snapshot
        .object("Node", "", &machine.node)
        .map_or("", |node| node.text("/status/nodeInfo/containerRuntimeVersion"));
    let uses_docker = runtime.is_empty() || runtime.starts_with("docker");
    let found = machine.host.images.iter().find(|known| is_it(&known.reference))?;
    (!uses_docker).then(|| ("Docker", found.cite.clone()))
}
