//! A path that has to be shared between containers and host is not.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{node_of, persists};
use crate::rules::toolbox::pod_is_failing;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke1-mount-not-shared
role: cause
level: critical
needs: [events|kubelet-log|dockerd-log|containerd-log]
text:
  - id: shared
    pattern: '(?i)path \\*"?(?P<path>/[^\s"\\]{0,200})\\*"? is mounted on \\*"?(?P<mount>/[^\s"\\]{0,200})\\*"? but it is not a (?P<want>shared or slave|shared|slave) mount'
check:
  zh: "需要共享的挂载点是否为 shared"
  en: "whether mounts that have to be shared are"
title:
  zh: "{{ subject.name }} 上的 {{ path }} 所在的挂载 {{ mount }} 不是 {{ want }} 挂载"
  en: "on {{ subject.name }} the mount {{ mount }} of {{ path }} is not {{ want }}"
cause:
  zh: "容器要求双向或从属的挂载传播，而宿主机的 {{ mount }} 是私有的：{{ line }}。docker.service 的 MountFlags、没有 systemd 的系统或容器内再运行容器会造成这种情况。"
  en: "a container asks for mount propagation, and {{ mount }} of the host is private: {{ line }}. MountFlags of docker.service, a system without systemd, or containers within containers do this."
causes:
  - rule: container-create-run-error
    ground: workload
    mechanism: {zh: "容器无法创建", en: "the container cannot be made"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器无法创建", en: "the container cannot be made"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 容器无法启动", en: "the kubelet's container cannot start"}
  - rule: longhorn-volume-faulted
    ground: cluster
    mechanism: {zh: "存储组件无法挂载", en: "the storage cannot mount"}
benign:
  - {zh: "systemd 的系统默认 shared", en: "with systemd mounts are shared by default"}
remedy:
  - purpose: {zh: "查看挂载传播", en: "see the propagation"}
    place: node
    risk: read-only
    command: "findmnt -o TARGET,PROPAGATION / {{ path }}"
    expect: {zh: "private", en: "private"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改为 shared，并去掉 docker.service 的 MountFlags", en: "make it shared, and drop MountFlags of docker.service"}
    place: node
    risk: change
    command: "mount --make-rshared /"
    verify: {zh: "findmnt 显示 shared，容器启动", en: "findmnt shows shared, and the container starts"}
    rollback: {zh: "mount --make-rprivate /", en: "mount --make-rprivate /"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像中保证根挂载为 shared", en: "have the root mount shared in the node's image"}
    acceptance: {zh: "新节点上 findmnt 显示 shared", en: "findmnt shows shared on a new node"}
sources: ["moby daemon/oci_linux.go: `path %s is mounted on %s but it is not a shared mount`", "containerd pkg/cri/server: `is not a shared or slave mount`"]
versions: "Docker 1.12 and newer; containerd 1.0 and newer"
examples:
  - name: "a storage plugin"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        longhorn-system   longhorn-manager-x7k2v   0/1   CreateContainerError   0   9m
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "longhorn-system"}, "type": "Warning", "reason": "Failed", "message": "Error: failed to generate container \"x\" spec: failed to generate spec: path \"/var/lib/longhorn/\" is mounted on \"/\" but it is not a shared or slave mount", "involvedObject": {"kind": "Pod", "namespace": "longhorn-system", "name": "longhorn-manager-x7k2v"}}]}'
    fires: [{kind: "Pod", namespace: "longhorn-system", name: "longhorn-manager-x7k2v"}]
  - name: "well now"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        longhorn-system   longhorn-manager-x7k2v   1/1   Running   0   9m
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "longhorn-system"}, "type": "Warning", "reason": "Failed", "message": "path \"/var/lib/longhorn/\" is mounted on \"/\" but it is not a shared or slave mount", "involvedObject": {"kind": "Pod", "namespace": "longhorn-system", "name": "longhorn-manager-x7k2v"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        let of_pod = hit.about.object.kind == "Pod";
        let ails = if of_pod {
            pod_is_failing(snapshot, &hit.about.object)
        } else {
            persists(snapshot, hit)
        };
        let subject = match node_of(snapshot, hit) {
            Some(node) => Subject::node(&node),
            None if of_pod => snapshot.top_owner_of(&hit.about.object),
            None => return None,
        };
        ails.then_some(subject)
    })
}
