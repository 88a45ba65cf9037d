//! The container `service-sidekick` of an RKE1 host is gone.

use crate::rules::inventory::missing_on_hosts;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke1-service-sidekick-missing
role: link
level: warning
needs: [docker-containers]
check:
  zh: RKE1 主机上是否有 service-sidekick 容器（正常状态为已创建）
  en: whether an RKE1 host has its service-sidekick container (healthy as Created)
title:
  zh: "节点 {{ host }} 缺少系统容器 service-sidekick"
  en: "{{ host }} lacks the system container service-sidekick"
cause:
  zh: "在 {{ host }} 的容器清单（{{ entries }} 个）中未找到 service-sidekick；运行中的组件不受影响，但下次重建组件时会因 --volumes-from 失败。"
  en: "the container list of {{ host }} ({{ entries }} entries) has no service-sidekick; running components go on, but re-creating one fails at --volumes-from."
benign:
  - zh: Created 是它的正常状态，它从不启动
    en: Created is its healthy state; it never starts
remedy:
  - purpose: {zh: 从同角色节点取得它的完整参数, en: take its full arguments from a peer}
    place: node
    risk: read-only
    command: docker inspect service-sidekick
    expect: {zh: 在仍有该容器的同角色节点上执行, en: run on a peer that still has it}
    verify: {zh: 以该节点的采集包作 --baseline 重新分析可得到重建命令, en: analyse again with the peer's bundle as --baseline to get the rebuild command}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: detect
    text: {zh: 为 service-sidekick 的存在性增加告警, en: alert when service-sidekick is missing}
    acceptance: {zh: 在测试主机删除它，5 分钟内收到告警, en: "delete it on a test host: the alert arrives within 5 minutes"}
knowledge:
  - text: {zh: RKE 的组件容器以 --volumes-from service-sidekick 取得工具目录, en: "RKE's component containers take their tools through --volumes-from service-sidekick"}
    reference: "rancher/rke services/sidekick.go, cluster/plan.go VolumesFrom"
sources: ["rancher/rke services/sidekick.go"]
versions: RKE 0.1 to 1.8
examples:
  - name: RKE's tools image is there, the sidekick is not
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS                  PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days                       kubelet
        bbbbbbbbbbbb   rancher/rancher-agent:v2.5.12         "k"       2 days ago   Exited (0) 2 days ago           share-mnt
    fires: [{kind: HostContainer, name: service-sidekick}]
  - name: Created is healthy
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS       PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days            kubelet
        bbbbbbbbbbbb   rancher/rke-tools:v0.1.80             "k"       2 days ago   Created              service-sidekick
  - name: an ordinary Docker host
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE   COMMAND   CREATED      STATUS                  PORTS   NAMES
        aaaaaaaaaaaa   nginx   "n"       2 days ago   Exited (0) 2 days ago           web
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    missing_on_hosts(input, rule, "service-sidekick")
}
