//! An image is not built for the architecture of the node.

use crate::cluster::PodView;
use crate::model::Confidence;
use crate::rules::pull::image_in;
use crate::rules::toolbox::{add_hit, own_hits, pod_is_failing, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-arch-mismatch
role: cause
level: critical
needs: [events|pods|container-logs|containerd-log|dockerd-log|kubelet-log]
text:
  - id: pull
    pattern: "(?:[Ff]ailed to pull|PullImage|ErrImagePull|Error response from daemon)[^\\n]*(?:no match for platform in manifest|no matching manifest for (?P<platform>\\S+) in the manifest list|no image found in (?:manifest list|image index) for architecture)"
    unless: "(?i)sandbox"
  - id: exec
    in: [container-log, status, event, other]
    pattern: "(?:exec user process caused[: \"]+|exec [^\\s:]+: |cannot execute binary file: |fork/exec [^\\s:]+: |panic: )exec format error|cannot execute binary file: Exec format error|^\\S*exec format error"
check:
  zh: "镜像架构与节点是否一致"
  en: "whether images are built for their nodes' architecture"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：镜像 {{ image }} 没有适合节点{% if architecture %} {{ node }}（{{ architecture }}）{% endif %}架构的版本"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: image {{ image }} is not built for the architecture of its node{% if architecture %} {{ node }} ({{ architecture }}){% endif %}"
cause:
  zh: "节点{% if architecture %} {{ node }} 的架构是 {{ architecture }}，{% endif %}不能运行镜像 {{ image }} 中的程序（{{ words }}）。"
  en: "the node{% if architecture %} {{ node }} is {{ architecture }} and{% endif %} cannot run the program of image {{ image }} ({{ words }})."
questions:
  - {zh: "镜像是多架构的吗？脚本入口是否缺少 #! 行？", en: "is the image built for several architectures, and does a script used as entry point lack its #! line?"}
causes:
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "程序无法执行，容器立即退出", en: "the program cannot be executed, so the container ends at once"}
benign:
  - {zh: "没有 #! 行的脚本作为入口也会报 exec format error", en: "a script without its #! line gives exec format error too"}
remedy:
  - purpose: {zh: "对比节点架构与镜像支持的平台", en: "compare the node's architecture with the image's platforms"}
    place: cluster
    risk: read-only
    command: |
      kubectl get nodes -L kubernetes.io/arch
      skopeo inspect --raw docker://{{ image }}
    expect: {zh: "镜像的 platform 中没有节点的架构", en: "the image's platforms lack the node's architecture"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在多架构镜像可用之前，把 Pod 固定在匹配的节点上", en: "until there is an image for it, keep the pods on nodes that fit"}
    place: cluster
    risk: change
    when: "settable"
    command: "kubectl -n {{ namespace }} patch {{ resource }} {{ subject.name }} -p '{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"kubernetes.io/arch\":\"<ARCH>\"}}}}}'"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} patched`", en: "`{{ resource }}.apps/{{ subject.name }} patched`"}
    verify: {zh: "Pod 在匹配的节点上就绪", en: "the pods become ready on nodes that fit"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "为集群中的每种架构构建镜像", en: "build images for every architecture of the cluster"}
    acceptance: {zh: "流水线检查清单列出所有架构", en: "the pipeline checks that the manifest lists all of them"}
  - kind: detect
    text: {zh: "对等待原因 ImagePullBackOff 与 ErrImagePull 告警", en: "alert on the waiting reasons ImagePullBackOff and ErrImagePull"}
    acceptance: {zh: "引用不存在镜像的测试 Pod 在 5 分钟内触发告警", en: "a test pod with an image that does not exist raises the alert within 5 minutes"}
sources: ["containerd images/image.go: `no match for platform in manifest`", "moby distribution/pull_v2.go: `no matching manifest for`", "Linux ENOEXEC `exec format error`"]
versions: "any"
examples:
  - name: "no manifest for the platform"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"r.example/a:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"r.example/a:1\": no match for platform in manifest: not found","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "it crashes at once, in its log"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":false,"restartCount":5,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":255,"reason":"Error"}}}]}}]}'
      logs/web-0.log: |
        exec /usr/local/bin/app: exec format error
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "a line of long ago in the log of a container that runs"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      logs/web-0.log: |
        plugin skipped: fork/exec /opt/p: exec format error
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let pod = &hit.about.object;
        if pod.kind != "Pod" || pod.name.is_empty() || !pod_is_failing(snapshot, pod) {
            continue;
        }
        let owner = snapshot.top_owner_of(pod);
        let at = findings.iter().position(|finding| finding.subject == owner);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let view = snapshot.pod(&pod.namespace, &pod.name);
                let line = hit
                    .cite
                    .quote
                    .iter()
                    .find(|line| line.hit)
                    .map_or("", |line| line.text.as_str());
                let told = image_in(&line.replace('\\', ""));
                let image = if told.is_empty() {
                    view.map(|view| failing_image(&view)).unwrap_or_default()
                } else {
                    told
                };
                let node = view.map_or("", |view| view.node()).to_owned();
                let architecture = snapshot
                    .object("Node", "", &node)
                    .map_or("", |node| node.text("/status/nodeInfo/architecture"))
                    .to_owned();
                let resource = owner.kind.to_lowercase();
                let words = if line.contains("exec format error") {
                    "exec format error"
                } else {
                    "no matching manifest"
                };
                let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                    .at("spec.template.spec.containers[*].image")
                    .fact("image", image)
                    .fact("node", node)
                    .fact("architecture", architecture)
                    .fact("words", words)
                    .fact("namespace", pod.namespace.clone())
                    .fact(
                        "settable",
                        matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
                    )
                    .fact("resource", resource);
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        add_hit(input, finding, hit);
        finding.touches.extend(workload_touches(snapshot, pod));
        finding.add_affected(pod.clone());
    }
    findings
}

fn failing_image(pod: &PodView<'_>) -> String {
    let containers = pod.containers();
    let failing = containers
        .iter()
        .find(|container| !container.is_ready())
        .or_else(|| containers.first());
    failing
        .map(|container| container.image().to_owned())
        .unwrap_or_default()
}
