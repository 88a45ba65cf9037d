//! A clean-up script would delete containers of RKE1 that are stopped by design, and has not done so yet.

use crate::model::{Confidence, Subject};
use crate::rules::inventory::{RKE1, is_rke1};
use crate::rules::toolbox::nodes::machine_name;
use crate::rules::toolbox::prunes::unprotected_prune;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: critical-container-unprotected
role: factor
level: info
needs: [docker-containers, scripts]
yields_to: [cleanup-script-prune]
check:
  zh: 按设计停止的系统容器是否受清理脚本威胁
  en: whether a clean-up script threatens system containers that are stopped by design
title:
  zh: "主机 {{ host }} 的脚本 {{ script }} 执行 {{ line }} 时会删除 {{ threatened|join('、') }}：关键容器没有保护"
  en: "script {{ script }} on host {{ host }} would delete {{ threatened|join(', ') }} by {{ line }}: critical containers are unprotected"
cause:
  zh: "{{ threatened|join('、') }} 的正常状态就是已停止或已创建，而 {{ line }} 删除所有未运行的容器；目前它们都还在，下一次执行会把它们删掉。"
  en: "{{ threatened|join(', ') }} is healthy when stopped or created, and {{ line }} deletes every container that does not run. They are all still there; the next run takes them away."
causes:
  - rule: rke1-service-sidekick-missing
    ground: node
    mechanism: {zh: "没有保护的容器被清理", en: "what is not protected is cleaned away"}
benign:
  - {zh: "带唯一一个键过滤器 label!=io.rancher.rke.container.name 的清理", en: "a clean-up with exactly one key-only filter label!=io.rancher.rke.container.name"}
  - {zh: "不属于 RKE1 的主机", en: "a host that is not of RKE1"}
remedy:
  - purpose: {zh: "列出会被删除的容器", en: "list what would be deleted"}
    place: node
    risk: read-only
    command: "docker ps -a --filter status=exited --filter status=created"
    expect: {zh: "列表中有 {{ threatened|join('、') }}", en: "the list has {{ threatened|join(', ') }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "修改脚本，排除全部 RKE 容器，并监控它们的存在", en: "change the script so that it leaves out every container of RKE, and watch that they are there"}
    command: docker container prune -f --filter "label!=io.rancher.rke.container.name"
    acceptance: {zh: "在测试主机上执行后 share-mnt 与 service-sidekick 都还在", en: "run on a test host, share-mnt and service-sidekick are both still there"}
sources: ["moby daemon/prune.go; rancher/rke services/sidekick.go; rancher/rancher pkg/rkeworker"]
versions: "Docker 1.13 to 29; RKE1 with Rancher 2.0 to 2.11"
examples:
  - name: "it has not run yet"
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        bbbbbbbbbbbb   rancher/rke-tools:v0.1.80              "k"       2 days ago   Created                          service-sidekick
      scripts/clean.sh: "#!/bin/sh\ndocker container prune -f\n"
    fires: [{kind: HostContainer, name: service-sidekick}]
  - name: "the key-only filter protects them"
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        bbbbbbbbbbbb   rancher/rke-tools:v0.1.80              "k"       2 days ago   Created                          service-sidekick
      scripts/clean.sh: "#!/bin/sh\ndocker container prune -f --filter 'label!=io.rancher.rke.container.name'\n"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for host in input.snapshot.hosts.iter().filter(|host| is_rke1(host)) {
        let Some(prune) = unprotected_prune(host) else {
            continue;
        };
        let stopped = || {
            RKE1.iter()
                .filter(|known| known.is_stopped_by_design() && known.applies(host))
        };
        let present: Vec<_> = stopped().filter_map(|known| host.container(known.name)).collect();
        // Where one is gone already the clean-up is the cause, and another rule's subject.
        let Some(first) = present.first().filter(|_| present.len() == stopped().count()) else {
            continue;
        };
        let names: Vec<String> = present.iter().map(|container| container.name.clone()).collect();
        let subject = Subject::on_node("HostContainer", &first.name, host.runtime_name());
        findings.push(
            Finding::new(rule, subject, Confidence::Confirmed)
                .at(format!("{}:{}", prune.file, prune.number))
                .cite(prune.cite)
                .cite(first.cite.clone())
                .fact("host", machine_name(input.snapshot, host.runtime_name()))
                .fact("script", prune.file.rsplit('/').next().unwrap_or(&prune.file))
                .fact("line", prune.line)
                .fact("threatened", names),
        );
    }
    findings
}
