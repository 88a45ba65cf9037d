//! A pod's volume is full.

use crate::bundle::decode::Counted;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

/// Below this much of use nothing is refused.
const FULL_PERCENT: u64 = 98;

pub(in crate::rules) const RULE: &str = r##"
id: volume-full
role: cause
level: critical
needs: [filesystems]
check:
  zh: "Pod 的卷是否已满"
  en: "whether volumes of pods are full"
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 的卷已用 {{ percent }}%{% if counted == 'inodes' %}（inode）{% endif %}"
  en: "the volume of {{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} is {{ percent }} % full{% if counted == 'inodes' %} (inodes){% endif %}"
cause:
  zh: "节点 {{ node }} 上的 {{ mount }} 已用 {{ percent }}%，写入会失败（No space left on device）。"
  en: "{{ mount }} on {{ node }} is {{ percent }} % full, and writes fail (No space left on device)."
causes:
  - rule: app-disk-full
    ground: workload
    mechanism: {zh: "卷没有空间", en: "the volume has no room"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "写入失败即退出", en: "it ends when it cannot write"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "写入失败即退出", en: "it ends when it cannot write"}
benign:
  - {zh: "只读的镜像卷与投射卷总是 100%", en: "read-only images and projected volumes are always at 100 %"}
remedy:
  - purpose: {zh: "查看卷的用量", en: "see what takes the room"}
    place: node
    risk: read-only
    command: |
      df -h {{ mount }}
      du -xsh {{ mount }}/*
    expect: {zh: "最大的目录", en: "the largest directory"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "扩大 PVC（存储类允许时）或清理数据", en: "enlarge the claim (where its class allows it), or remove data"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace or '<NAMESPACE>' }} patch pvc {{ subject.name }} --type=merge -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"<NEW_SIZE>\"}}}}'"
    verify: {zh: "df 显示可用空间", en: "df shows room"}
    rollback: {zh: "卷不能缩小：先做快照", en: "a volume cannot shrink: take a snapshot first"}
prevention:
  - kind: detect
    text: {zh: "对 kubelet_volume_stats_available_bytes 低于 15% 告警", en: "alert when kubelet_volume_stats_available_bytes falls below 15 %"}
    acceptance: {zh: "写满测试卷时收到告警", en: "filling a test volume raises it"}
sources: ["kubernetes pkg/volume/util: /var/lib/kubelet/pods/<uid>/volumes/<plugin>/<volume>", "df(1)"]
versions: "all"
examples:
  - name: "full"
    files:
      "nodes/w1/df.txt": |
        Filesystem     Size  Used Avail Use% Mounted on
        /dev/sda1       40G   12G   28G  30% /
        /dev/longhorn/pvc-1   976M  960M   0  100% /var/lib/kubelet/pods/0a1b2c3d-0000-4000-8000-000000000000/volumes/kubernetes.io~csi/pvc-1/mount
      "pv.json": '{"kind": "PersistentVolumeList", "apiVersion": "v1", "items": [{"metadata": {"name": "pvc-1", "uid": "b"}, "spec": {"claimRef": {"namespace": "shop", "name": "data"}}}]}'
    fires: [{kind: "PersistentVolumeClaim", namespace: "shop", name: "data"}]
  - name: "half"
    files:
      "nodes/w1/df.txt": |
        Filesystem     Size  Used Avail Use% Mounted on
        /dev/sda1       40G   12G   28G  30% /
        /dev/longhorn/pvc-1   976M  460M  500M  48% /var/lib/kubelet/pods/0a1b2c3d-0000-4000-8000-000000000000/volumes/kubernetes.io~csi/pvc-1/mount
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for host in &snapshot.hosts {
        for row in host
            .tools
            .filesystems
            .iter()
            .filter(|row| row.percent >= Some(FULL_PERCENT))
        {
            let Some((pod, volume)) = pod_volume(&row.mount) else {
                continue;
            };
            let bound = snapshot.object("PersistentVolume", "", volume);
            let claim = bound.map(|bound| {
                (
                    bound.text("/spec/claimRef/namespace").to_owned(),
                    bound.text("/spec/claimRef/name").to_owned(),
                )
            });
            let subject = match claim {
                Some((namespace, name)) if !name.is_empty() => {
                    Subject::namespaced("PersistentVolumeClaim", namespace, name)
                }
                _ => Subject::cluster("PersistentVolume", volume),
            };
            let counted = if row.counted == Counted::Inodes {
                "inodes"
            } else {
                "bytes"
            };
            let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                .cite(row.cite.clone())
                .fact("percent", row.percent.unwrap_or(0))
                .fact("counted", counted)
                .fact("mount", row.mount.clone())
                .fact("node", host.node_name());
            if let Some(pod) = snapshot
                .pods()
                .find(|candidate| candidate.object.text("/metadata/uid") == pod)
            {
                finding
                    .touches
                    .extend(workload_touches(snapshot, &pod.object.subject()));
                finding.add_affected(pod.object.subject());
            }
            if !findings.iter().any(|known| known.subject == finding.subject) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// The uid of the pod and the volume of `/var/lib/kubelet/pods/<uid>/volumes/<plugin>/<volume>/mount`; volumes that are filled whole by
/// design (tokens, projections) have none.
fn pod_volume(mount: &str) -> Option<(&str, &str)> {
    let rest = mount.split_once("/pods/")?.1;
    let (pod, rest) = rest.split_once("/volumes/")?;
    let (plugin, rest) = rest.split_once('/')?;
    let is_storage = plugin.starts_with("kubernetes.io~")
        && !["secret", "projected", "configmap", "empty-dir", "downward"]
            .iter()
            .any(|word| plugin.ends_with(word));
    is_storage.then(|| (pod, rest.split('/').next().unwrap_or(rest)))
}
