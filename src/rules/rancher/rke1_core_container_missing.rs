//! A component of RKE1 that has to run does not: its container is gone or stopped.

use crate::model::{Confidence, Subject};
use crate::rules::inventory::{Healthy, RKE1, RKE1_ETCD, is_rke1, missing_on_hosts};
use crate::rules::toolbox::nodes::machine_name;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke1-core-container-missing
role: cause
level: critical
needs: [docker-containers]
by_containers: true
check:
  zh: RKE1 主机上的组件容器是否都在运行
  en: whether the component containers of an RKE1 host run
title:
  zh: "节点 {{ host }} 的组件容器 {{ name }} {% if state %}未运行（{{ state }}）{% else %}缺失{% endif %}"
  en: "the component container {{ name }} of {{ host }} {% if state %}does not run ({{ state }}){% else %}is missing{% endif %}"
cause:
  zh: "{{ host }} 上的 {{ name }} {% if state %}处于 {{ state }}{% else %}不在容器清单中{% endif %}；它应当一直运行。"
  en: "{{ name }} on {{ host }} {% if state %}is {{ state }}{% else %}is not in the container list{% endif %}; it should always run."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "没有 kubelet 就没有人上报节点状态", en: "without its kubelet nobody posts the node's status"}
benign:
  - zh: 只有控制平面角色的主机才有 kube-apiserver、kube-controller-manager 与 kube-scheduler
    en: only hosts of the control plane have kube-apiserver, kube-controller-manager and kube-scheduler
remedy:
  - purpose: {zh: "查看 {{ name }} 的最后日志", en: "read the last log lines of {{ name }}"}
    place: node
    risk: read-only
    command: "docker logs --tail 100 {{ name }}"
    expect: {zh: 退出原因, en: the reason why it ended}
    verify: {zh: 原因已记录, en: the reason is on record}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "启动 {{ name }}；若容器已不存在，在 Rancher 中触发一次集群更新（或执行 rke up）", en: "start {{ name }}; if the container is gone, trigger a cluster update in Rancher (or run rke up)"}
    place: node
    risk: change
    command: "docker start {{ name }}"
    expect: {zh: 输出容器名, en: the container's name}
    verify: {zh: "`docker ps` 显示 Up 且日志无新错误", en: "`docker ps` shows Up and the log has no new error"}
    rollback: {zh: "`docker stop {{ name }}`", en: "`docker stop {{ name }}`"}
prevention:
  - kind: detect
    text: {zh: 为每个节点的组件容器增加“运行中”告警, en: alert when a component container of a node does not run}
    acceptance: {zh: 在测试主机停止一个组件，5 分钟内收到告警, en: "stop one on a test host: the alert arrives within 5 minutes"}
sources: ["rancher/rke cluster/plan.go"]
versions: RKE 0.1 to 1.8
examples:
  - name: the kubelet's container has ended
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS                     PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Exited (255) 2 hours ago           kubelet
        bbbbbbbbbbbb   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days                          kube-proxy
    fires: [{kind: HostContainer, name: kubelet}]
  - name: etcd's container has ended
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                     PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                          kubelet
        bbbbbbbbbbbb   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                          kube-proxy
        cccccccccccc   rancher/mirrored-coreos-etcd:v3.4.15   "e"       2 days ago   Exited (137) 2 hours ago           etcd
    fires: [{kind: HostContainer, name: etcd}]
  - name: a worker has no API server
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS       PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days            kubelet
        bbbbbbbbbbbb   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days            kube-proxy
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let running = RKE1.iter().filter(|known| known.state == Healthy::Running);
    running
        .chain([&RKE1_ETCD])
        .flat_map(|known| {
            let mut findings = missing_on_hosts(input, rule, known.name);
            for finding in &mut findings {
                finding.facts.insert("name".into(), known.name.into());
                finding.facts.insert("state".into(), "".into());
            }
            let stopped = input
                .snapshot
                .hosts
                .iter()
                .filter(|host| is_rke1(host))
                .filter_map(|host| {
                    let container = host
                        .container(known.name)
                        .filter(|container| !known.is_healthy(container.state))?;
                    let subject = Subject::on_node("HostContainer", known.name, host.runtime_name());
                    let state = if container.status.is_empty() {
                        "stopped"
                    } else {
                        &container.status
                    };
                    Some(
                        Finding::new(rule, subject, Confidence::Confirmed)
                            .cite(container.cite.clone())
                            .fact("host", machine_name(input.snapshot, host.runtime_name()))
                            .fact("name", known.name)
                            .fact("state", state),
                    )
                });
            findings.into_iter().chain(stopped).collect::<Vec<_>>()
        })
        .collect()
}
