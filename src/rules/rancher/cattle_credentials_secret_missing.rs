//! The Secret with which Rancher's agent logs in is gone.

use crate::rules::missing::missing;
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: cattle-credentials-secret-missing
role: cause
level: critical
needs: [events|pods]
text:
  - id: mount
    pattern: 'secret \W*(?P<name>cattle-credentials-[a-z0-9]{1,63})\W* not found'
check:
  zh: Rancher agent 引用的凭据 Secret 是否存在
  en: whether the Secret that Rancher's agent needs is there
title:
  zh: "Rancher agent 引用的 Secret {{ namespace }}/{{ name }} 不存在，agent 不能启动"
  en: "Secret {{ namespace }}/{{ name }}, which Rancher's agent needs, is not there, so the agent cannot start"
cause:
  zh: "cattle-cluster-agent 从 {{ name }} 读取服务器地址与令牌；Secret 被删除（手工，或升级时被误当作未使用的凭据清理），Pod 的卷无法挂载，集群在 Rancher 中断开。"
  en: "cattle-cluster-agent reads the server's address and its token from {{ name }}; the Secret was deleted (by hand, or by an upgrade that took it for unused), so the pod's volume cannot be set up and the cluster is disconnected in Rancher."
causes:
  - rule: secret-missing
    ground: object
    mechanism: {zh: "该 Secret 就是凭据", en: "the Secret is those credentials"}
  - rule: failedmount-missing-object
    ground: workload
    mechanism: {zh: "卷由不存在的 Secret 提供", en: "the volume is made from a Secret that is not there"}
  - rule: createcontainerconfigerror
    ground: workload
    mechanism: {zh: "容器的配置引用不存在的 Secret", en: "the container's configuration names a Secret that is not there"}
  - rule: cattle-cluster-agent-not-connected
    ground: workload
    mechanism: {zh: "没有凭据的 agent 连不上 Rancher", en: "without credentials the agent does not connect"}
  - rule: pod-pending
    ground: workload
    mechanism: {zh: "卷没有挂载，容器不能启动", en: "without its volume no container starts"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "agent 没有就绪的 Pod", en: "the agent has no ready pod"}
benign:
  - {zh: "日志 Deleting unused cattle-credentials secret 指的是旧的、不再引用的 Secret", en: "the log Deleting unused cattle-credentials secret is about old ones that nothing names"}
  - {zh: "Pod 已就绪时的旧事件", en: "an old event of a pod that is ready since"}
remedy:
  - purpose: {zh: "查看引用与存在的 Secret", en: "see what is named and what is there"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} get secrets
      kubectl -n {{ namespace }} describe deployment cattle-cluster-agent
    expect: {zh: "Deployment 引用 {{ name }}，而列表中没有", en: "the Deployment names {{ name }}, and the list lacks it"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重新应用集群的注册清单（在 Rancher 的集群页面取得）", en: "apply the cluster's registration manifest again (Rancher shows it on the cluster's page)"}
    place: cluster
    risk: change
    command: "curl --insecure -sfL <RANCHER_URL>/v3/import/<TOKEN>.yaml | kubectl apply -f -"
    expect: {zh: "`secret/cattle-credentials-… created`", en: "`secret/cattle-credentials-… created`"}
    verify: {zh: "cattle-cluster-agent 就绪，Rancher 中集群为 Active", en: "cattle-cluster-agent is ready and the cluster is Active in Rancher"}
    rollback: {zh: "应用备份的清单", en: "apply the saved manifests"}
prevention:
  - kind: detect
    text: {zh: "对 cattle-cluster-agent 不可用告警", en: "alert when cattle-cluster-agent is not available"}
    acceptance: {zh: "删除测试集群的该 Secret 并重建 Pod 后收到告警", en: "deleting the Secret of a test cluster and its pod raises the alert"}
sources:
  - "rancher/rancher pkg/agent/clean/credentials.go: `Deleting unused cattle-credentials secret`"
  - "rancher/rancher#50154"
versions: "Rancher 2.0 to 2.12"
examples:
  - name: "the mount fails"
    files:
      events.txt: |
        NAMESPACE       LAST SEEN   TYPE      REASON        OBJECT                                      MESSAGE
        cattle-system   2m          Warning   FailedMount   pod/cattle-cluster-agent-7c9d5f6b84-x4kqp   MountVolume.SetUp failed for volume "cattle-credentials" : secret "cattle-credentials-2a8c6d" not found
    fires: [{kind: Secret, namespace: cattle-system, name: cattle-credentials-2a8c6d}]
  - name: "another Secret"
    files:
      events.txt: |
        NAMESPACE       LAST SEEN   TYPE      REASON        OBJECT                                      MESSAGE
        cattle-system   2m          Warning   FailedMount   pod/cattle-cluster-agent-7c9d5f6b84-x4kqp   MountVolume.SetUp failed for volume "x" : secret "tls-ca-additional" not found
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = missing(input, rule, "Secret");
    findings.retain(|finding| finding.subject.name.starts_with("cattle-credentials-"));
    for finding in &mut findings {
        let name = format!("Deployment/{}/cattle-cluster-agent", finding.subject.namespace);
        finding.touches.insert(Touch::new(Ground::Workload, name));
    }
    findings
}
