//! A clean-up deleted images from a node that cannot pull them again.

use crate::cluster::{Hit, Image, Snapshot};
use crate::model::{Confidence, Place, QuoteLine, Subject};
use crate::rules::pull::failed_pulls;
use crate::rules::toolbox::nodes::{node_of, touch_pods};
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: image-pruned-from-node
role: cause
level: critical
needs: [system-log|kubelet-log|events]
text:
  - id: deleted
    in: [system, other, runtime]
    pattern: '(?:^|\s)Deleted: (?P<image>[a-z0-9][A-Za-z0-9_./:-]{1,200}:[A-Za-z0-9_.-]{1,128})\s*$'
  - id: untagged
    in: [system, other, runtime]
    pattern: '(?:^|\s)[Uu]ntagged: (?P<image>[a-z0-9][A-Za-z0-9_./:-]{1,200}:[A-Za-z0-9_.-]{1,128})\s*$'
  - id: pull
    in: [event, status, kubelet, runtime]
    pattern: 'failed to pull (?:and unpack )?image'
check:
  zh: "是否有清理删除了节点上再也拉取不到的镜像"
  en: "whether a clean-up deleted images that nodes cannot pull again"
title:
  zh: "节点 {{ node }} 上的镜像 {{ images|join('、') }} 被{% if script %} {{ script }} 清理{% else %}清理{% endif %}掉，之后无法重新拉取"
  en: "{% if script %}{{ script }}{% else %}a clean-up{% endif %} deleted {{ images|join(', ') }} from node {{ node }}, and the node cannot pull it again"
cause:
  zh: "日志写明 {{ line }}：清理删除此刻没有容器使用的镜像，也包括只在任务运行时才用到的、由离线包导入的镜像；节点连不到 {{ registry }}，下一个 Pod 因此启动不了。"
  en: "a log says {{ line }}: the clean-up deletes what no container uses at that moment, among it images that only Jobs use and that were imported from an archive; the node does not reach {{ registry }}, so the next pod cannot start."
rules_out:
  - {zh: "名字解析与网络：在没有外网的节点上，够不到公共仓库是常态，镜像在时不需要它", en: "name resolution and network: on a node without a way out a public registry is never reached, and is not needed while the image is there"}
causes:
  - {rule: dns-resolution-failure-node, ground: registry, mechanism: {zh: "镜像不在本机，运行时才去问仓库", en: "with the image gone, the runtime asks the registry"}}
  - {rule: docker-hub-unreachable, ground: registry, mechanism: {zh: "镜像不在本机，运行时才去问仓库", en: "with the image gone, the runtime asks the registry"}}
  - {rule: registry-unreachable-timeout, ground: registry, mechanism: {zh: "镜像不在本机，运行时才去问仓库", en: "with the image gone, the runtime asks the registry"}}
  - {rule: registry-down, ground: registry, mechanism: {zh: "镜像不在本机，运行时才去问仓库", en: "with the image gone, the runtime asks the registry"}}
  - {rule: image-not-found, ground: workload, mechanism: {zh: "镜像不在本机，仓库也没有它", en: "with the image gone from the node, the registry has none either"}}
  - {rule: image-tag-not-found, ground: workload, mechanism: {zh: "镜像不在本机，仓库也没有它", en: "with the image gone from the node, the registry has none either"}}
  - {rule: image-pull-denied, ground: workload, mechanism: {zh: "镜像不在本机，仓库拒绝请求", en: "with the image gone from the node, the registry refuses"}}
  - {rule: image-pull-backoff, ground: workload, mechanism: {zh: "镜像不在本机，也拉取不到", en: "the image is gone and cannot be pulled"}}
  - {rule: image-absent-never-pull, ground: workload, mechanism: {zh: "镜像不在本机", en: "the image is gone"}}
  - {rule: pod-pending, ground: workload, mechanism: {zh: "没有镜像，容器不启动", en: "no image, no container"}}
  - {rule: workload-unavailable, ground: workload, mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}}
  - {rule: job-backoff-limit, ground: workload, mechanism: {zh: "没有镜像，任务不能运行", en: "no image, no run of the Job"}}
benign:
  - {zh: "被删除的镜像能从仓库重新拉取时不算", en: "images that can be pulled again do not count"}
remedy:
  - purpose: {zh: "确认镜像不在节点上", en: "see that the image is not on the node"}
    place: node
    risk: read-only
    command: "crictl images"
    expect: {zh: "没有 {{ image }}", en: "{{ image }} is missing"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先停用清理，再从离线包导入镜像", en: "disable the clean-up first, then import the image from its archive"}
    place: node
    risk: change
    precheck: {zh: "离线包在节点上", en: "the archive is on the node"}
    command: |
      ctr -n k8s.io images import <ARCHIVE>
    expect: {zh: "列出导入的镜像", en: "it lists what was imported"}
    verify: {zh: "`crictl images` 有 {{ image }}，新的 Pod 启动", en: "`crictl images` has {{ image }}, and a new pod starts"}
    rollback: {zh: "`crictl rmi {{ image }}`", en: "`crictl rmi {{ image }}`"}
    notes:
      - {zh: "K3s 与 RKE2 启动时重新导入 agent/images 目录中的离线包", en: "K3s and RKE2 import the archives in agent/images again when they start"}
prevention:
  - kind: prevent
    text: {zh: "在没有外网的节点上不运行 `crictl rmi --prune` 与 `docker image prune -a`，让 kubelet 按磁盘阈值回收，或把镜像放进内部仓库", en: "run neither `crictl rmi --prune` nor `docker image prune -a` on nodes without a way out; let the kubelet collect by its thresholds, or keep the images in a registry of one's own"}
    acceptance: {zh: "清理之后，每个 CronJob 的 Pod 仍能启动", en: "after a clean-up the pods of every CronJob still start"}
sources:
  - "kubernetes-sigs/cri-tools cmd/crictl/image.go: `Deleted: %s`, `--prune`: remove all unused images"
  - "moby daemon/images/image_prune.go, docker image prune: `untagged: `"
  - "docs.rke2.io, docs.k3s.io: air-gap, agent/images"
versions: any
examples:
  - name: "a nightly prune, and then a Job"
    files:
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS             RESTARTS   AGE   IP          NODE   NOMINATED NODE   READINESS GATES
        crm         nightly-28000-x7k2v    0/1     ImagePullBackOff   0          20m   10.42.0.9   w1     <none>           <none>
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON   OBJECT                    MESSAGE
        crm         2m          Warning   Failed   pod/nightly-28000-x7k2v   Failed to pull image "crm/nightly:4.18": failed to pull and unpack image "docker.io/crm/nightly:4.18": failed to resolve reference "docker.io/crm/nightly:4.18": failed to do request: Head "https://registry-1.docker.io/v2/crm/nightly/manifests/4.18": dial tcp: lookup registry-1.docker.io on 10.3.0.53:53: no such host
      w1/syslog: |
        Feb 19 02:30:09 w1 tidy: Deleted: docker.io/crm/nightly:4.18
        Feb 19 02:30:10 w1 tidy: Deleted: docker.io/crm/other:1
    fires: [{kind: Node, name: w1, node: w1}]
  - name: "what was deleted is not what cannot be pulled"
    files:
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS             RESTARTS   AGE   IP          NODE   NOMINATED NODE   READINESS GATES
        crm         nightly-28000-x7k2v    0/1     ImagePullBackOff   0          20m   10.42.0.9   w1     <none>           <none>
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON   OBJECT                    MESSAGE
        crm         2m          Warning   Failed   pod/nightly-28000-x7k2v   Failed to pull image "crm/nightly:4.18": failed to pull and unpack image "docker.io/crm/nightly:4.18": failed to resolve reference "docker.io/crm/nightly:4.18": docker.io/crm/nightly:4.18: not found
      w1/syslog: |
        Feb 19 02:30:10 w1 tidy: Deleted: docker.io/crm/other:1
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let deleted: Vec<&Hit> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| is_deletion(hit))
        .collect();
    if deleted.is_empty() {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = Vec::new();
    for pull in failed_pulls(input, rule).iter().filter(|pull| !is_deletion(pull.hit)) {
        let Some(hit) = deleted.iter().find(|hit| is_of(hit, &pull.image)) else {
            continue;
        };
        let Some(node) = node_of(snapshot, hit) else { continue };
        let at = findings.iter().position(|known| known.subject.name == node);
        let at = at.unwrap_or_else(|| {
            findings.push(begun(snapshot, rule, &node, &pull.image, &pull.host));
            findings.len() - 1
        });
        let Some(finding) = findings.get_mut(at) else { continue };
        add_hit(input, finding, hit);
        finding.add_cite(pull.hit.cite.clone());
        finding.touches.insert(Touch::new(Ground::Registry, &pull.host));
        finding
            .touches
            .insert(Touch::new(Ground::Registry, Image::parse(&pull.image).registry));
        for pod in &pull.pods {
            finding.touches.extend(workload_touches(snapshot, pod));
            finding.add_affected(pod.clone());
        }
        let images = deleted_of(&deleted, finding);
        let line = finding
            .evidence
            .iter()
            .flat_map(|cite| &cite.quote)
            .map(|line| line.text.as_str());
        let line = line
            .clone()
            .find(|line| line.contains("eleted: ") || line.contains("ntagged: "))
            .unwrap_or("");
        let line: String = line.trim().chars().take(240).collect();
        finding.facts.insert("line".into(), line.into());
        finding.facts.insert("images".into(), images.into());
    }
    findings
}

fn is_deletion(hit: &Hit) -> bool {
    !hit.signature.ends_with("/pull")
}

/// True for a deletion of this image, however much of its reference is written.
fn is_of(hit: &Hit, image: &str) -> bool {
    let Some(deleted) = hit.captures.get("image").map(|image| Image::parse(image)) else {
        return false;
    };
    let wanted = Image::parse(image);
    !image.is_empty()
        && deleted.registry == wanted.registry
        && deleted.repository == wanted.repository
        && deleted.tag == wanted.tag
}

/// The images of a finding's own lines that were deleted.
fn deleted_of(deleted: &[&Hit], finding: &Finding) -> Vec<String> {
    let cited = |hit: &&&Hit| {
        finding
            .evidence
            .iter()
            .any(|cite| cite.file == hit.cite.file && cite.place == hit.cite.place)
    };
    let mut images: Vec<String> = deleted
        .iter()
        .filter(cited)
        .filter_map(|hit| hit.captures.get("image").cloned())
        .collect();
    images.sort();
    images.dedup();
    images
}

/// Commands that delete every image that no container uses.
const PRUNES: [&str; 5] = ["rmi --prune", "rmi -q", "image prune", "system prune", "images prune"];

fn begun(snapshot: &Snapshot, rule: &RuleHeader, node: &str, image: &str, registry: &str) -> Finding {
    let mut finding = Finding::new(rule, Subject::node(node), Confidence::Confirmed)
        .fact("node", node.to_owned())
        .fact("image", image.to_owned())
        .fact("registry", registry.to_owned());
    finding.count = 0;
    let mut script = String::new();
    for found in snapshot.hosts.iter().flat_map(|host| &host.scripts) {
        let prunes = |line: &str| !line.trim_start().starts_with('#') && PRUNES.iter().any(|word| line.contains(word));
        if let Some((number, line)) = found.lines.iter().find(|(_, line)| prunes(line)) {
            let mut cite = found.cite.clone();
            cite.place = Place::Lines(*number, *number);
            cite.quote = vec![QuoteLine {
                line: Some(*number),
                text: line.clone(),
                hit: true,
            }];
            finding.add_cite(cite);
            script = found.path.rsplit('/').next().unwrap_or("").to_owned();
            break;
        }
    }
    let mut finding = finding.fact("script", script);
    touch_pods(snapshot, node, &mut finding);
    finding
}
