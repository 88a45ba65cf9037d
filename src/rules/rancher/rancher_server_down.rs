//! The Rancher server does not run.

use crate::bundle::decode::ContainerState;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{ends_log, persists};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rancher-server-down
role: cause
level: critical
needs: [docker-containers|container-logs]
by_containers: true
text:
  - id: k3s
    pattern: '\[FATAL\] (?P<problem>k3s exited with: [^\n]{1,120}|[^\n]{0,80}context deadline exceeded[^\n]{0,80})'
  - id: lease
    pattern: '(?P<problem>leaderelection lost for cattle-controllers)'
check:
  zh: "Rancher 服务器是否在运行"
  en: "whether the Rancher server runs"
title:
  zh: "Rancher 服务器没有运行{% if state %}（{{ state }}）{% elif line %}：{{ line }}{% endif %}"
  en: "the Rancher server does not run{% if state %} ({{ state }}){% elif line %}: {{ line }}{% endif %}"
cause:
  zh: "{% if state %}容器 {{ subject.name }} 的状态是 {{ state }}。{% else %}它以 {{ line }} 结束。{% endif %}下游集群的工作负载不受影响，但界面、认证代理与集群的创建、升级都不可用。"
  en: "{% if state %}container {{ subject.name }} is {{ state }}. {% else %}It ended with {{ line }}. {% endif %}Workloads of downstream clusters go on; the UI, the login proxy and the making and upgrading of clusters do not."
causes:
  - rule: cattle-cluster-agent-not-connected
    ground: cluster
    mechanism: {zh: "Rancher 没有应答", en: "Rancher does not answer"}
  - rule: rancher-provisioning-waiting
    ground: cluster
    mechanism: {zh: "Rancher 没有在工作", en: "Rancher is not at work"}
  - rule: rancher-shell-unavailable
    ground: cluster
    mechanism: {zh: "Rancher 没有应答", en: "Rancher does not answer"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "Rancher 反复退出", en: "Rancher keeps ending"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "Rancher 反复退出", en: "Rancher keeps ending"}
benign:
  - {zh: "升级后保留的旧容器", en: "a former container that was kept after an upgrade"}
  - {zh: "刚启动的前几分钟 Waiting for server to become available", en: "Waiting for server to become available in the first minutes"}
remedy:
  - purpose: {zh: "先保存日志", en: "save its log first"}
    place: rancher
    risk: read-only
    command: |
      docker ps -a | grep rancher/rancher
      docker logs --tail 200 <RANCHER_CONTAINER>
    expect: {zh: "退出前的错误", en: "the error before its end"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "保存日志后启动", en: "start it once its log is saved"}
    place: rancher
    risk: change
    command: "docker start <RANCHER_CONTAINER>"
    verify: {zh: "/ping 返回 pong", en: "/ping answers pong"}
    rollback: {zh: "`docker stop <RANCHER_CONTAINER>`", en: "`docker stop <RANCHER_CONTAINER>`"}
prevention:
  - kind: mitigate
    text: {zh: "在专用的三节点集群上高可用安装 Rancher，并用备份控制器每天备份", en: "install Rancher highly available on a cluster of three nodes of its own, with the backup operator every day"}
    acceptance: {zh: "停掉一个节点时界面可用；恢复演练成功", en: "the UI works with one node stopped; a rehearsed restore succeeds"}
sources: ["rancher/rancher: k3s embedded, `k3s exited with`", "rancher/wrangler pkg/leader: `leaderelection lost for %s`"]
versions: "Rancher 2.5 to 2.12"
examples:
  - name: "its container has exited"
    files:
      "docker-ps.txt": |
        CONTAINER ID   IMAGE                    COMMAND           CREATED       STATUS                     PORTS     NAMES
        3e7d1151cf93   rancher/rancher:v2.7.9   "entrypoint.sh"   3 weeks ago   Exited (1) 2 minutes ago             rancher
    fires: [{kind: "HostContainer", name: "rancher"}]
  - name: "it runs"
    files:
      "docker-ps.txt": |
        CONTAINER ID   IMAGE                    COMMAND           CREATED       STATUS          PORTS     NAMES
        3e7d1151cf93   rancher/rancher:v2.7.9   "entrypoint.sh"   3 weeks ago   Up 26 minutes             rancher
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let is_rancher = |image: &str| {
        let name = image.split('@').next().unwrap_or(image);
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        name == "rancher/rancher" || name.ends_with("/rancher/rancher")
    };
    let mut findings = Vec::new();
    for host in &snapshot.hosts {
        for container in host.containers.iter().filter(|container| is_rancher(&container.image)) {
            // A run beside it is what replaced it.
            let replaced = host
                .containers
                .iter()
                .any(|other| is_rancher(&other.image) && other.state == ContainerState::Running);
            if container.state == ContainerState::Running || replaced {
                continue;
            }
            findings.push(
                Finding::new(
                    rule,
                    Subject::on_node("HostContainer", &container.name, host.runtime_name()),
                    Confidence::Confirmed,
                )
                .cite(container.cite.clone())
                .fact("state", container.status.clone())
                .fact("line", "")
                .fact("times", 1),
            );
        }
    }
    if findings.is_empty() {
        findings = by_subject(input, rule, Confidence::Probable, |hit| {
            let is_last = persists(snapshot, hit) && ends_log(snapshot, hit);
            is_last.then(|| match hit.about.object.kind.as_str() {
                "Pod" => snapshot.top_owner_of(&hit.about.object),
                _ => Subject::on_node("HostContainer", "rancher", &hit.about.node),
            })
        });
        for finding in &mut findings {
            finding.facts.insert("state".into(), "".into());
        }
    }
    findings
}
