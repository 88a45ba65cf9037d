//! The kubelet cannot free its image store.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{node_of, persists};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-gc-failing
role: symptom
level: warning
needs: [kubelet-log|events]
text:
  - id: free
    pattern: '(?i)failed to garbage collect required amount of images[^\n]{0,200}'
  - id: stats
    pattern: '(?:ImageGCFailed|image garbage collection failed)[^\n]{0,40}(?P<problem>[^\n]{0,160})'
    unless: 'unable to find data in memory cache|invalid capacity 0'
check:
  zh: "kubelet 的镜像回收是否成功"
  en: "whether kubelets can free their image store"
title:
  zh: "节点 {{ subject.name }} 的镜像回收失败，磁盘空间没有释放"
  en: "the kubelet of {{ subject.name }} cannot free its image store"
cause:
  zh: "{{ line }}。磁盘超过上限，而能删除的镜像不够：占用来自仍在使用的镜像、日志、容器可写层或其他数据。"
  en: "{{ line }}. The disk is above its threshold and too few images can go: what takes the room are images in use, logs, writable layers or other data."
benign:
  - {zh: "kubelet 启动时的 invalid capacity 0 on image filesystem 是正常的", en: "invalid capacity 0 on image filesystem as the kubelet starts is normal"}
remedy:
  - purpose: {zh: "查看空间被谁占用", en: "see who takes the room"}
    place: node
    risk: read-only
    command: |
      df -h /var/lib/containerd /var/lib/kubelet
      du -xsh /var/lib/containerd /var/log /var/lib/kubelet
    expect: {zh: "最大的目录", en: "the largest directory"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "删除不用的镜像", en: "remove images that are not in use"}
    place: node
    risk: change
    command: "crictl rmi --prune"
    verify: {zh: "df 显示用量低于 80%", en: "df shows less than 80 %"}
    rollback: {zh: "需要时重新拉取镜像", en: "images are pulled again as needed"}
prevention:
  - kind: detect
    text: {zh: "对镜像文件系统用量 80% 告警", en: "alert at 80 % of the image file system"}
    acceptance: {zh: "写入测试文件后收到告警", en: "a test file raises it"}
sources: ["kubernetes pkg/kubelet/images/image_gc_manager.go: `Failed to garbage collect required amount of images`", "kubernetes pkg/kubelet/events: FreeDiskSpaceFailed, ImageGCFailed"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "the event"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "default"}, "type": "Warning", "reason": "FreeDiskSpaceFailed", "message": "Failed to garbage collect required amount of images. Attempted to free 2147483648 bytes, but only found 0 bytes eligible to free.", "involvedObject": {"kind": "Node", "name": "w1"}}]}'
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "a start"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "default"}, "type": "Warning", "reason": "InvalidDiskCapacity", "message": "invalid capacity 0 on image filesystem", "involvedObject": {"kind": "Node", "name": "w1"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        let node = node_of(snapshot, hit)?;
        persists(snapshot, hit).then(|| Subject::node(&node))
    })
}
