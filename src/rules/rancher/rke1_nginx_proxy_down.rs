//! The proxy by which a worker of RKE1 reaches the API servers does not run.

use crate::bundle::decode::ContainerState;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::machine_name;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke1-nginx-proxy-down
role: cause
level: critical
needs: [docker-containers]
meets: [{kinds: [HostContainer], named: [nginx-proxy]}]
check:
  zh: "RKE1 worker 的 nginx-proxy 是否在运行"
  en: "whether nginx-proxy of RKE1's workers runs"
title:
  zh: "主机 {{ host }} 的 nginx-proxy 没有运行（{{ state }}），kubelet 连不上 API 服务器"
  en: "nginx-proxy of host {{ host }} does not run ({{ state }}), so its kubelet does not reach the API servers"
cause:
  zh: "RKE1 的 worker 通过本机的 nginx-proxy（127.0.0.1:6443）访问各控制面节点；它停止后 kubelet 与 kube-proxy 都会断开。"
  en: "workers of RKE1 reach the control plane through nginx-proxy on their own 127.0.0.1:6443; with it stopped kubelet and kube-proxy are cut off."
causes:
  - rule: x509-unknown-authority
    ground: cluster
    mechanism: {zh: "监听该端口的是别的程序，它的证书属于别的集群", en: "another program answers at its port, with the certificate of another cluster"}
  - rule: apiserver-down
    ground: node
    mechanism: {zh: "本机的代理没有监听", en: "nothing listens at the node's own proxy"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 无法更新状态", en: "the kubelet cannot report"}
benign:
  - {zh: "控制面节点上没有它是正常的", en: "a node of the control plane has none"}
remedy:
  - purpose: {zh: "查看容器与它的后端列表", en: "see the container and its backends"}
    place: node
    risk: read-only
    command: |
      docker ps -a --filter name=nginx-proxy
      docker inspect nginx-proxy --format '{{ "{{.Config.Env}}"|raw }}'
    expect: {zh: "CP_HOSTS 为现有的控制面地址", en: "CP_HOSTS with the present control plane"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "启动它；CP_HOSTS 过期时运行 rke up", en: "start it; run rke up when CP_HOSTS is out of date"}
    place: node
    risk: change
    command: "docker start nginx-proxy"
    verify: {zh: "节点恢复 Ready", en: "the node is Ready again"}
    rollback: {zh: "`docker stop nginx-proxy`", en: "`docker stop nginx-proxy`"}
prevention:
  - kind: detect
    text: {zh: "对缺失或停止的核心容器告警", en: "alert on core containers that are missing or stopped"}
    acceptance: {zh: "停掉测试主机的 nginx-proxy 后收到告警", en: "stopping it on a test host raises the alert"}
sources: ["rancher/rke cluster/plan.go: nginx-proxy, CP_HOSTS"]
versions: "RKE 1.0 to 1.8"
examples:
  - name: "it has exited"
    files:
      "docker-ps.txt": |
        CONTAINER ID   IMAGE                              COMMAND        CREATED       STATUS                     PORTS     NAMES
        3e7d1151cf93   rancher/hyperkube:v1.24.17         "x"            3 weeks ago   Up 3 weeks                           kubelet
        4e7d1151cf93   rancher/rke-tools:v0.1.90          "x"            3 weeks ago   Exited (1) 2 minutes ago             nginx-proxy
    fires: [{kind: "HostContainer", name: "nginx-proxy"}]
  - name: "it runs"
    files:
      "docker-ps.txt": |
        CONTAINER ID   IMAGE                              COMMAND        CREATED       STATUS                     PORTS     NAMES
        3e7d1151cf93   rancher/hyperkube:v1.24.17         "x"            3 weeks ago   Up 3 weeks                           kubelet
        4e7d1151cf93   rancher/rke-tools:v0.1.90          "x"            3 weeks ago   Up 3 weeks                           nginx-proxy
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for host in &input.snapshot.hosts {
        // A host of the control plane has none; a left-over of a former role is no loss there.
        let is_control_plane = host.container("kube-apiserver").is_some();
        let Some(proxy) = host
            .container("nginx-proxy")
            .filter(|proxy| proxy.state != ContainerState::Running)
        else {
            continue;
        };
        if is_control_plane || host.container("kubelet").is_none() {
            continue;
        }
        let state = if proxy.status.is_empty() {
            "stopped"
        } else {
            &proxy.status
        };
        findings.push(
            Finding::new(
                rule,
                Subject::on_node("HostContainer", "nginx-proxy", host.runtime_name()),
                Confidence::Confirmed,
            )
            .cite(proxy.cite.clone())
            .fact("state", state)
            .fact("host", machine_name(input.snapshot, host.runtime_name()))
            .touch(Ground::Node, host.node_name()),
        );
    }
    findings
}
