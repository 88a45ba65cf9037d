//! A node cannot pull the sandbox (pause) image, so no pod starts on it.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, own_hits, pod_is_failing, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pause-image-pull-failure
role: cause
level: critical
needs: [events|kubelet-log|containerd-log|dockerd-log|crio-log]
text:
  - id: containerd
    pattern: "failed to get sandbox image \\W+(?P<image>[^\"\\\\\\s]+)\\W+: (?P<why>[^\\n]+)"
  - id: docker
    pattern: "(?:[Ss]andbox)[^\\n]*failed pulling image \\W+(?P<image>[^\"\\\\\\s]+)\\W+: (?P<why>[^\\n]+)"
  - id: crio
    pattern: "creating pod sandbox[^\\n]*pulling pause image[^\\n]*\\W(?P<image>[a-z0-9][^\"\\\\\\s]*pause[^\"\\\\\\s]*)(?P<why>[^\\n]*)"
check:
  zh: "节点能否取得沙箱（pause）镜像"
  en: "whether nodes can get the sandbox (pause) image"
title:
  zh: "节点{% if node %} {{ node }} {% endif %}无法拉取沙箱镜像 {{ image }}，其上的 Pod 无法创建"
  en: "node{% if node %} {{ node }}{% endif %} cannot pull the sandbox image {{ image }}, so pods cannot be created on it"
cause:
  zh: "每个 Pod 都要先创建沙箱；节点的运行时取不到沙箱镜像 {{ image }}：{{ why }}。"
  en: "every pod starts with a sandbox, and the node's runtime cannot get the sandbox image {{ image }}: {{ why }}."
rules_out:
  - {zh: "应用镜像：在沙箱之前不会拉取它们", en: "the applications' images: they are not pulled before there is a sandbox"}
questions:
  - {zh: "这个节点的 sandbox_image 与其他节点一致吗？", en: "does this node's sandbox_image agree with that of other nodes?"}
causes:
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "沙箱由该镜像创建，取不到镜像就没有沙箱", en: "the sandbox is made from that image: no image, no sandbox"}
  - rule: sandbox-creation-failure
    ground: pod
    mechanism: {zh: "沙箱由该镜像创建，取不到镜像就没有沙箱", en: "the sandbox is made from that image: no image, no sandbox"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有沙箱就没有 Pod", en: "no sandbox, no pod"}
  - rule: pod-pending
    ground: node
    mechanism: {zh: "没有沙箱镜像，节点不能启动 Pod", en: "without the sandbox image the node starts no pod"}
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "kubeadm 提示的 pause 版本不一致只是警告", en: "kubeadm's remark that the pause versions differ is only a warning"}
  - {zh: "之后拉取成功（Pod 已不再等待镜像）的旧错误不算", en: "an old error does not count once the pull succeeded and no pod waits for the image"}
remedy:
  - purpose: {zh: "查看运行时配置的沙箱镜像与节点上已有的镜像", en: "look at the sandbox image that is configured and at those that are there"}
    place: node
    risk: read-only
    command: |
      grep -n sandbox /etc/containerd/config.toml
      crictl images
    expect: {zh: "列表中没有 {{ image }}", en: "{{ image }} is not in the list"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "从可达的仓库取得该镜像，并以配置中的名称打标签", en: "get the image from a registry that can be reached and tag it with the configured name"}
    place: node
    risk: change
    command: |
      ctr -n k8s.io images pull <REACHABLE_REGISTRY>/pause:<VERSION>
      ctr -n k8s.io images tag <REACHABLE_REGISTRY>/pause:<VERSION> {{ image }}
    expect: {zh: "标签名称", en: "the tag"}
    verify: {zh: "`crictl images` 列出 {{ image }}，新 Pod 启动", en: "`crictl images` lists {{ image }} and new pods start"}
    rollback: {zh: "`ctr -n k8s.io images rm {{ image }}`", en: "`ctr -n k8s.io images rm {{ image }}`"}
    notes:
      - {zh: "更好的办法：把 sandbox_image（2.x：pinned_images.sandbox）改为可达的仓库并重启 containerd", en: "better: set sandbox_image (2.x: pinned_images.sandbox) to a registry that can be reached and restart containerd"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在节点镜像中预置并固定沙箱镜像", en: "pre-load and pin the sandbox image in the node image"}
    acceptance: {zh: "断网的新节点可以启动 Pod", en: "a new node without network starts a pod"}
  - kind: detect
    text: {zh: "对 FailedCreatePodSandBox 事件告警", en: "alert on FailedCreatePodSandBox events"}
    acceptance: {zh: "测试节点删除沙箱镜像并断网后触发告警", en: "a test node without image and network raises the alert"}
sources: ["containerd pkg/cri/server/sandbox_run.go: `failed to get sandbox image %q: %w`", "cri-dockerd core/sandbox_helpers.go: `failed pulling image %q: %w`"]
versions: "containerd 1.4 to 2.1; dockershim, cri-dockerd"
examples:
  - name: "event of a pod that is being created"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreatepodsandbox-web-0","namespace":"shop"},"type":"Warning","reason":"FailedCreatePodSandBox","message":"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"registry.k8s.io/pause:3.8\": failed to pull image \"registry.k8s.io/pause:3.8\": failed to resolve reference \"registry.k8s.io/pause:3.8\": dial tcp 1.2.3.4:443: i/o timeout","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Node, name: n1, node: n1}]
  - name: "containerd's log of a node"
    files:
      nodes/n2/logs/containerd.log: |
        time="2026-01-01T09:48:56Z" level=error msg="RunPodSandbox for &PodSandboxMetadata{Name:a,Uid:b,Namespace:c,Attempt:0,} failed, error" error="failed to get sandbox image \"k8s.gcr.io/pause:3.2\": failed to pull image \"k8s.gcr.io/pause:3.2\": EOF"
        time="2026-01-02T09:48:56Z" level=error msg="RunPodSandbox for &PodSandboxMetadata{Name:a,Uid:b,Namespace:c,Attempt:0,} failed, error" error="failed to get sandbox image \"k8s.gcr.io/pause:3.2\": failed to pull image \"k8s.gcr.io/pause:3.2\": EOF"
    fires: [{kind: Node, name: n2, node: n2}]
  - name: "the pod runs since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreatepodsandbox-web-0","namespace":"shop"},"type":"Warning","reason":"FailedCreatePodSandBox","message":"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"registry.k8s.io/pause:3.8\": failed to pull image \"registry.k8s.io/pause:3.8\": EOF","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let pod = &hit.about.object;
        let about_pod = pod.kind == "Pod" && !pod.name.is_empty();
        if about_pod && !pod_is_failing(snapshot, pod) {
            continue;
        }
        let bound = snapshot.pod(&pod.namespace, &pod.name).map_or("", |view| view.node());
        let node = if hit.about.node.is_empty() {
            bound
        } else {
            &hit.about.node
        };
        // A node's log alone: the trouble counts while a pod of that node still waits, or where no pods were collected.
        let waits = snapshot
            .pods()
            .any(|pod| !pod.is_well() && (node.is_empty() || pod.node().is_empty() || pod.node() == node));
        if !about_pod
            && !waits
            && (snapshot.coverage.has("pods")
                || hit.count < 2 && hit.first == hit.last && own_hits(input, rule).len() < 2)
        {
            continue;
        }
        if node.is_empty() && !about_pod {
            continue;
        }
        let subject = if node.is_empty() {
            snapshot.top_owner_of(pod)
        } else {
            Subject::node(node)
        };
        let at = findings.iter().position(|finding| finding.subject == subject);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .at("/etc/containerd/config.toml")
                    .fact("node", node);
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        add_hit(input, finding, hit);
        if about_pod {
            finding.touches.extend(workload_touches(snapshot, pod));
            finding.add_affected(pod.clone());
        }
    }
    for finding in &mut findings {
        let why = finding
            .facts
            .get("why")
            .and_then(|why| why.as_str())
            .unwrap_or("")
            .replace('\\', "");
        // The innermost error says why; what stands before it repeats the image.
        let short = why
            .rsplit(&['"', ']'][..])
            .map(|part| part.trim_matches([':', ' ', '"', '.']))
            .find(|part| part.len() > 3)
            .unwrap_or(&why)
            .to_owned();
        finding.facts.insert("why".into(), short.into());
    }
    findings
}
