//! The container `share-mnt` of a Rancher-launched RKE1 host is gone.

use crate::rules::inventory::missing_on_hosts;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke1-share-mnt-missing
role: link
level: warning
needs: [docker-containers]
check:
  zh: Rancher 创建的 RKE1 主机上是否有 share-mnt 容器（正常状态为已退出 0）
  en: whether a Rancher-launched RKE1 host has its share-mnt container (healthy as Exited 0)
title:
  zh: "节点 {{ host }} 缺少系统容器 share-mnt"
  en: "{{ host }} lacks the system container share-mnt"
cause:
  zh: "在 {{ host }} 的容器清单（{{ entries }} 个）中未找到 share-mnt{% if image %}，而镜像 {{ image }} 仍在{% endif %}；由谁删除无法从采集到的数据判断。"
  en: "the container list of {{ host }} ({{ entries }} entries) has no share-mnt{% if image %}, while its image {{ image }} is still there{% endif %}; what deleted it cannot be told from the collected data."
questions:
  - zh: 节点代理会重建被删除的 share-mnt；采集时它仍缺失，当时该代理处于什么状态？
    en: "the node agent re-creates a deleted share-mnt; in which state was it when share-mnt was still missing?"
benign:
  - zh: 由 rke 命令行创建或导入的集群、Rancher 服务端主机、RKE2 与 k3s 本来就没有 share-mnt
    en: "clusters made with the rke command line, imported ones, Rancher's own host, RKE2 and k3s never have it"
  - zh: Exited （0）是它的正常状态
    en: Exited (0) is its healthy state
remedy:
  - purpose: {zh: 查看节点代理，它会重建 share-mnt, en: "look at the node agent, which re-creates share-mnt"}
    place: cluster
    risk: read-only
    command: kubectl -n cattle-system get pods -o wide -l app=cattle-agent
    expect: {zh: 本节点的 Pod 为 Running 且就绪, en: the pod of this node is Running and ready}
    verify: {zh: share-mnt 重新出现并为 Exited （0）, en: share-mnt is back as Exited (0)}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 从同角色节点取得它的完整参数, en: take its full arguments from a peer}
    place: node
    risk: read-only
    command: docker inspect share-mnt
    expect: {zh: 在仍有该容器的同角色节点上执行, en: run on a peer that still has it}
    verify: {zh: 以该节点的采集包作 --baseline 重新分析可得到重建命令, en: analyse again with the peer's bundle as --baseline to get the rebuild command}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: detect
    text: {zh: 为 share-mnt 的存在性增加告警, en: alert when share-mnt is missing}
    acceptance: {zh: "在测试主机删除 share-mnt，5 分钟内收到告警", en: "delete it on a test host: the alert arrives within 5 minutes"}
knowledge:
  - text: {zh: share-mnt 写完证书后以 0 退出，只有在需要重写节点证书时才有作用, en: "share-mnt writes certificates and ends with 0; it matters when node certificates have to be written again"}
    reference: "rancher/rancher v2.5.12 cmd/agent/main.go exitCertWriter"
sources: ["rancher/rancher v2.5.12 pkg/rkenodeconfigserver/nodeserver.go AugmentProcesses"]
versions: Rancher 2.0 to 2.11 with RKE1
examples:
  - name: the image is there, the container is not
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS       PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days            kubelet
        bbbbbbbbbbbb   rancher/rke-tools:v0.1.80             "k"       2 days ago   Created              service-sidekick
      docker-images.txt: |
        REPOSITORY              TAG       IMAGE ID       CREATED       SIZE
        rancher/rancher-agent   v2.5.12   a1c23194f302   2 years ago   1.99MB
    fires: [{kind: HostContainer, name: share-mnt}]
  - name: Exited (0) is healthy
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS                  PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days                       kubelet
        bbbbbbbbbbbb   rancher/rancher-agent:v2.5.12         "k"       2 days ago   Exited (0) 2 days ago           share-mnt
  - name: a cluster made with the rke command line has no agent image
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS       PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days            kubelet
        bbbbbbbbbbbb   rancher/rke-tools:v0.1.80             "k"       2 days ago   Created              service-sidekick
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    missing_on_hosts(input, rule, "share-mnt")
}
