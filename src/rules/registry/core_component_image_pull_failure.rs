//! The image of a component that a node needs cannot be pulled.

use crate::model::{Confidence, Subject};
use crate::rules::pull::is_image_reason;
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: core-component-image-pull-failure
role: link
level: critical
needs: [system-log|container-logs|pods]
text:
  - id: rke
    pattern: 'Failed to pull image \[(?P<image>[^\]]+)\] on host \[(?P<host>[^\]]+)\](?:: (?P<why>[^\n"]{1,200}))?'
check: {zh: "节点核心组件的镜像是否可以拉取", en: "whether images of the components that nodes need can be pulled"}
title:
  zh: "{% if host %}主机 {{ host }} 拉取不到核心组件镜像 {{ image }}{% else %}核心组件 {{ subject.namespace }}/{{ subject.name }} 的镜像 {{ image }} 拉取不到{% endif %}{% if why %}：{{ why }}{% endif %}"
  en: "{% if host %}host {{ host }} cannot pull {{ image }}, the image of a core component{% else %}the image {{ image }} of core component {{ subject.namespace }}/{{ subject.name }} cannot be pulled{% endif %}{% if why %}: {{ why }}{% endif %}"
cause:
  zh: "没有 {{ image }}，该组件就不能在节点上启动，节点上的其他工作负载也会受影响。常见原因是 system-default-registry 不对，或镜像被 docker image prune -a 删除后拉不回来。"
  en: "without {{ image }} the component cannot start, and other workloads of the node suffer with it. Mostly the system-default-registry is wrong, or the image was removed by docker image prune -a and cannot be pulled again."
causes:
  - rule: cni-agent-unhealthy
    ground: pod
    mechanism: {zh: "守护进程没有镜像而不能启动", en: "the agent cannot start without its image"}
  - rule: kube-proxy-down
    ground: pod
    mechanism: {zh: "kube-proxy 没有镜像而不能启动", en: "kube-proxy cannot start without its image"}
  - rule: coredns-pod-unhealthy
    ground: pod
    mechanism: {zh: "CoreDNS 没有镜像而不能启动", en: "CoreDNS cannot start without its image"}
  - rule: nodelocaldns-unhealthy
    ground: pod
    mechanism: {zh: "缓存没有镜像而不能启动", en: "the cache cannot start without its image"}
  - rule: image-pull-backoff
    ground: pod
    mechanism: {zh: "kubelet 退避重试", en: "the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "已存在的容器（即使已退出）引用的镜像不会被 image prune -a 删除", en: "image prune -a keeps images of containers that exist, even if they ended"}
remedy:
  - purpose: {zh: "在节点上拉取同一镜像", en: "pull the same image on the node"}
    place: node
    risk: read-only
    command: "crictl pull {{ image }}"
    expect: {zh: "与引用的错误相同", en: "the same error as quoted here"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "从离线包导入镜像", en: "load the image from an offline archive"}
    place: node
    risk: change
    command: "ctr -n k8s.io images import <ARCHIVE>.tar"
    expect: {zh: "列出导入的镜像", en: "the images that were imported"}
    verify: {zh: "组件启动", en: "the component starts"}
    rollback: {zh: "`crictl rmi {{ image }}`", en: "`crictl rmi {{ image }}`"}
    notes:
      - {zh: "Docker 节点用 `docker load -i <ARCHIVE>.tar`", en: "on nodes with Docker use `docker load -i <ARCHIVE>.tar`"}
prevention:
  - kind: prevent
    text: {zh: "保存系统镜像的离线包", en: "keep an offline archive of the system images"}
    acceptance: {zh: "断网的测试节点可以从离线包恢复", en: "a test node without network recovers from the archive"}
sources:
  - "rancher/rke docker/docker.go: `Failed to pull image [%s] on host [%s]`"
  - "kubernetes cluster/addons"
versions: "any"
examples:
  - name: "by the words of RKE"
    files:
      "rke.log": |
        time="2026-01-21T18:20:44Z" level=warning msg="Failed to pull image [rancher/hyperkube:v1.20.15-rancher2] on host [10.0.0.5]: Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: TLS handshake timeout"
    fires:
      - {kind: "Node", name: "10.0.0.5", node: "10.0.0.5"}
  - name: "the agent of the CNI waits for its image"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   calico-node-7xk2p         0/1     ImagePullBackOff 0          41m   10.42.0.9    n1
        kube-system   calico-node-8hs4m         0/1     ImagePullBackOff 0          41m   10.42.0.9    n2
    fires:
      - {kind: "DaemonSet", namespace: "kube-system", name: "calico-node"}
  - name: "an application waits"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-0                     0/1     ImagePullBackOff 0          41m   10.42.0.9    n1
"##;

/// Beginnings of the names of what every node or the whole cluster needs.
const CORE: [&str; 12] = [
    "kube-proxy",
    "coredns",
    "rke2-coredns",
    "node-local-dns",
    "calico-",
    "canal",
    "rke2-canal",
    "kube-flannel",
    "cilium",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = told_by_rke(input, rule);
    findings.extend(waiting(input, rule));
    findings
}

fn told_by_rke(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let Some(host) = hit.captures.get("host") else {
            continue;
        };
        let subject = Subject::node(host);
        if let Some(known) = findings.iter_mut().find(|finding| finding.subject == subject) {
            add_hit(input, known, hit);
            continue;
        }
        let mut finding = Finding::new(rule, subject, Confidence::Confirmed);
        finding.count = 0;
        add_hit(input, &mut finding, hit);
        finding.facts.entry("why").or_insert_with(|| "".into());
        findings.push(finding);
    }
    findings
}

/// Pods of core components that wait for their image.
fn waiting(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        let at_home = matches!(
            pod.namespace(),
            "kube-system" | "calico-system" | "kube-flannel" | "cilium"
        );
        let containers = pod.containers();
        let container = containers.iter().find(|container| {
            container
                .waiting()
                .is_some_and(|waiting| is_image_reason(waiting.reason))
        });
        let (Some(container), true) = (
            container,
            at_home && CORE.iter().any(|core| pod.name().starts_with(core)),
        ) else {
            continue;
        };
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let owner = snapshot.top_owner(pod.object);
        let at = findings.iter().position(|finding| finding.subject == owner);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let finding = Finding::new(rule, owner, Confidence::Confirmed)
                    .fact("host", "")
                    .fact(
                        "image",
                        if container.image().is_empty() {
                            "?"
                        } else {
                            container.image()
                        },
                    )
                    .fact("why", container.waiting().map_or("", |waiting| waiting.message));
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        finding.add_cite(pod.cite_status(container, "/state/waiting/reason"));
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
    }
    findings
}
