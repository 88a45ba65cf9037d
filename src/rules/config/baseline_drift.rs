//! A machine's own containers are not those of the baseline.

use crate::bundle::decode::ContainerState;
use crate::cluster::{Host, HostContainer, Image, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::inventory::is_rke_container;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: baseline-drift
role: factor
level: info
needs: [docker-containers]
check:
  zh: 主机的容器是否与基线一致
  en: whether the containers of hosts are those of the baseline
title:
  zh: "主机 {{ host }} 偏离基线：{% if missing %}缺少 {{ missing|join('、') }}{% endif %}{% if missing and changed %}；{% endif %}{% if changed %}改变了 {{ changed|join('、') }}{% endif %}"
  en: "host {{ host }} has drifted from the baseline: {% if missing %}it lacks {{ missing|join(', ') }}{% endif %}{% if missing and changed %}; {% endif %}{% if changed %}changed are {{ changed|join(', ') }}{% endif %}"
cause:
  zh: "与健康的对照相比，编排系统之外的容器被删除或改变：清理任务、手工操作或没有记录的升级。"
  en: "compared with the healthy counterpart, containers outside of the orchestrator were removed or changed: by a clean-up, by hand, or by an upgrade that nobody recorded."
benign:
  - {zh: "角色或版本不同的主机", en: "hosts of another role or version"}
  - {zh: "一次性运行的容器", en: "containers that run once"}
remedy:
  - purpose: {zh: "列出全部容器", en: "list all containers"}
    place: node
    risk: read-only
    command: "docker ps -a --no-trunc"
    expect: {zh: "与基线的差别", en: "what differs from the baseline"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "每周采集一次并与基线比较（casefile diff）", en: "collect once a week and compare with the baseline (casefile diff)"}
    acceptance: {zh: "删除测试主机的一个容器后，下一次比较报告它", en: "the next comparison reports a container that was removed from a test host"}
sources: ["docs.docker.com/reference/cli/docker/container/ls"]
versions: "any"
examples:
  - name: "one is gone"
    files:
      n1/hostname: "n1\n"
      n1/docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        cccccccccccc   busybox                                "k"       2 days ago   Exited (0) 2 days ago            job
    baseline:
      n1/hostname: "n1\n"
      n1/docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        bbbbbbbbbbbb   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kube-proxy
        cccccccccccc   busybox                                "k"       2 days ago   Exited (0) 2 days ago            old-job
    fires: [{kind: Node, name: n1, node: n1}]
  - name: "the same"
    files:
      n1/hostname: "n1\n"
      n1/docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        cccccccccccc   busybox                                "k"       2 days ago   Exited (0) 2 days ago            job
    baseline:
      n1/hostname: "n1\n"
      n1/docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(baseline) = input.baseline else {
        return Vec::new();
    };
    input
        .snapshot
        .hosts
        .iter()
        .filter_map(|host| judge(rule, host, counterpart(input.snapshot, baseline, host)?))
        .collect()
}

fn judge(rule: &RuleHeader, host: &Host, before: &Host) -> Option<Finding> {
    let listing = host.complete_listing()?;
    let (mut missing, mut changed, mut cites) = (Vec::new(), Vec::new(), Vec::new());
    for container in before.containers.iter().filter(|container| is_lasting(container)) {
        match host.container(&container.name) {
            None => {
                missing.push(container.name.clone());
                cites.push(container.cite.clone());
            }
            Some(now) if differs(container, now) => {
                changed.push(container.name.clone());
                cites.extend([now.cite.clone(), container.cite.clone()]);
            }
            Some(_) => {}
        }
    }
    if cites.is_empty() {
        return None;
    }
    let searched = (listing.entries, listing.is_complete());
    let absence = listing.cite.clone().absence(Some(searched));
    let mut finding = Finding::new(rule, Subject::node(host.runtime_name()), Confidence::Confirmed)
        .fact("host", host.runtime_name())
        .fact("changed", changed);
    if !missing.is_empty() {
        finding.add_cite(absence);
    }
    finding = finding.fact("missing", missing);
    for cite in cites.into_iter().take(6) {
        finding.evidence.push(cite);
    }
    Some(finding)
}

/// What is expected to be there always: what belongs to RKE1, and what runs outside of Kubernetes.
fn is_lasting(container: &HostContainer) -> bool {
    let is_kubernetes = container.name.starts_with("k8s_");
    !is_kubernetes && (is_rke_container(container) || container.state == ContainerState::Running)
}

fn differs(before: &HostContainer, now: &HostContainer) -> bool {
    let stopped = before.state == ContainerState::Running && now.state != ContainerState::Running;
    // A listing may show an id in place of a name.
    let has_names = before.image.contains([':', '/']) && now.image.contains([':', '/']);
    stopped || has_names && Image::parse(&before.image) != Image::parse(&now.image)
}

/// The same machine in the baseline, else its only one beside our only one.
fn counterpart<'s>(snapshot: &Snapshot, baseline: &'s Snapshot, host: &Host) -> Option<&'s Host> {
    let with_containers = || baseline.hosts.iter().filter(|other| !other.containers.is_empty());
    let same = with_containers().find(|other| other.runtime_name() == host.runtime_name());
    let ours = snapshot.hosts.iter().filter(|host| !host.containers.is_empty()).count();
    same.or_else(|| {
        let mut others = with_containers();
        match (others.next(), others.next()) {
            (Some(only), None) if ours == 1 => Some(only),
            _ => None,
        }
    })
}
