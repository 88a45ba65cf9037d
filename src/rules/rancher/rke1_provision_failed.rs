//! RKE gave up bringing a plane of the cluster up.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::certificates::node_at;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke1-provision-failed
role: link
level: critical
needs: [container-logs|system-log]
text:
  - id: plane
    pattern: '\[(?P<plane>etcd|controlPlane|workerPlane|network|addons)\] (?P<problem>(?:Failed to bring up [^\n]{1,240}?|Can.t access KubeAPI port[^\n]{1,80}?|Timeout waiting for kubernetes to be ready)(?:on host \[(?P<host>[0-9a-zA-Z.:-]{1,253})\][^\n]{0,160}|$))'
  - id: docker
    pattern: '(?P<problem>Unsupported Docker version found \[[^\]]{1,40}\] on host \[(?P<host>[0-9a-zA-Z.:-]{1,253})\])'
  - id: ssh
    pattern: '(?P<problem>Failed to set up SSH tunneling for host \[(?P<host>[0-9a-zA-Z.:-]{1,253})\][^\n]{0,160})'
check:
  zh: "RKE 能否完成部署"
  en: "whether RKE completes its work"
title:
  zh: "RKE 部署失败{% if subject.name %}（主机 {{ subject.name }}）{% endif %}：{{ problem }}"
  en: "RKE gave up{% if subject.name %} on host {{ subject.name }}{% endif %}: {{ problem }}"
cause:
  zh: "{{ line }}。RKE 只报告第一台失败的主机；原因在该主机的容器日志、防火墙、Docker 版本，或重用节点上的旧状态。"
  en: "{{ line }}. RKE names the first host that fails only; the reason is in that host's container logs, a firewall, its version of Docker, or what a former cluster left on it."
causes:
  - rule: rancher-provisioning-waiting
    ground: cluster
    mechanism: {zh: "Rancher 等待部署完成", en: "Rancher waits for it"}
  - rule: rke1-core-container-missing
    ground: node
    mechanism: {zh: "核心容器没有创建", en: "core containers are not made"}
benign:
  - {zh: "之后重试成功的报错", en: "an attempt that a later one made good"}
remedy:
  - purpose: {zh: "在该主机上查看失败的容器", en: "see the container that fails on that host"}
    place: node
    risk: read-only
    command: |
      docker ps -a
      docker logs --tail 50 kube-apiserver
    expect: {zh: "退出的容器及其错误", en: "a container that has exited, and its error"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "重用节点前运行节点清理脚本", en: "run the clean-up script for nodes before one is used again"}
    acceptance: {zh: "清理后没有 /etc/kubernetes 与 /var/lib/etcd", en: "neither /etc/kubernetes nor /var/lib/etcd is left"}
sources: ["rancher/rke services, cluster: `Failed to bring up Control Plane`, `Unsupported Docker version found`, `Failed to set up SSH tunneling for host`"]
versions: "RKE 1.0 to 1.8"
examples:
  - name: "the control plane"
    files:
      "rke.log": |
        time="2026-02-24T14:29:41Z" level=fatal msg="[controlPlane] Failed to bring up Control Plane: [Failed to verify healthcheck: Failed to check https://localhost:6443/healthz for service [kube-apiserver] on host [10.0.0.1]: Get x: EOF, log: y]"
    fires: [{kind: "Node", name: "10.0.0.1", node: "10.0.0.1"}]
  - name: "it finished"
    files:
      "rke.log": |
        time="2026-02-24T14:29:41Z" level=info msg="Finished building Kubernetes cluster successfully"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        let host = hit.captures.get("host").map_or("", String::as_str);
        persists(snapshot, hit).then(|| match node_at(snapshot, host) {
            Some(node) => Subject::node(node),
            None => Subject::node(host),
        })
    })
}
