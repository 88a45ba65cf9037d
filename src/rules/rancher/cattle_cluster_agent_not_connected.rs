//! The agent of a downstream cluster does not reach its Rancher server.

use jiff::SignedDuration;

use crate::cluster::{Hit, Snapshot};
use crate::logs::is_error;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cattle-cluster-agent-not-connected
role: cause
level: critical
needs: [container-logs|clusters]
text:
  - id: ping
    pattern: 'ERROR: https?://(?P<server>[^\s/]{1,253})/ping is not accessible \((?P<problem>[^\n]{1,200})\)'
  - id: proxy
    pattern: 'Failed to connect to proxy[^\n]{0,20}?(?P<problem>(?:error=[^\n]{3,160}|Response status: [^\n]{3,160}|Empty dialer response[^\n]{0,80}))'
  - id: chain
    pattern: '(?P<problem>Certificate chain is not complete, please check if all needed intermediate certificates are included[^\n]{0,20}|Server certificate is not valid, please check if the host has the correct time[^\n]{0,40})'
  - id: remote
    pattern: '(?P<problem>Remotedialer proxy error[^\n]{0,200})'
    # The tunnel between the agents and servers of K3s and RKE2 themselves.
    unless: 'level=info|/v1-(?:rke2|k3s)/connect'
  - id: resolve
    in: [container-log]
    pattern: 'level=(?:error|fatal) msg="?(?P<problem>[^\n]{0,40}(?:Could not resolve host|no such host)[^\n]{0,120})'
  - id: credentials
    pattern: '(?P<problem>unable to read CA file from /etc/kubernetes/ssl/certs/serverca[^\n]{0,80}|looking up cattle-system/cattle ca/token[^\n]{0,120})'
check:
  zh: "下游集群的 agent 是否连到 Rancher"
  en: "whether the downstream agent is connected to Rancher"
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 没有连到 Rancher{% if server is defined %}（{{ server }}）{% endif %}：{{ problem }}"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} is not connected to Rancher{% if server is defined %} ({{ server }}){% endif %}: {{ problem }}"
cause:
  zh: "agent 写出 {{ line }}（{{ times }} 次）。可能是 Pod 内解析不了 Rancher 的域名、防火墙或代理拦截、证书链或 CA 不被接受，或这个集群在 Rancher 中已被删除；下游集群自身仍正常，只是不能被管理。"
  en: "the agent writes {{ line }} ({{ times|times }}). Either the pod cannot resolve Rancher's name, a firewall or proxy is in the way, its chain or authority is not accepted, or the cluster was deleted in Rancher; the downstream cluster itself works and only cannot be managed."
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "连不上即退出", en: "it ends when it cannot connect"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "未连接时不就绪", en: "it is not ready while it is not connected"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "未连接时不就绪", en: "it is not ready while it is not connected"}
  - rule: rancher-shell-unavailable
    ground: cluster
    mechanism: {zh: "没有隧道就打不开 Shell", en: "without the tunnel no shell opens"}
  - rule: rancher-provisioning-waiting
    ground: cluster
    mechanism: {zh: "Rancher 等待 agent 连接", en: "Rancher waits for the agent to connect"}
benign:
  - {zh: "Connecting to proxy 与 Handling backend connection request 是正常的 INFO", en: "Connecting to proxy and Handling backend connection request are normal"}
  - {zh: "Rancher 升级或负载均衡空闲超时后的短暂重连", en: "a short reconnect after an upgrade of Rancher or an idle timeout"}
remedy:
  - purpose: {zh: "查看 agent 的日志，并从 Pod 与节点访问 Rancher", en: "read the agent's log, and call Rancher from a pod and from a node"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n cattle-system logs -l app=cattle-cluster-agent --tail=30
      kubectl -n cattle-system get deployment cattle-cluster-agent -o yaml
    expect: {zh: "CATTLE_SERVER 与错误", en: "CATTLE_SERVER and the error"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "从节点访问 Rancher", en: "call Rancher from a node"}
    place: node
    risk: read-only
    command: "curl -kv https://<RANCHER_HOST>/ping"
    expect: {zh: "pong", en: "pong"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "排除原因后重新应用注册清单", en: "once the reason is gone apply the registration manifest again"}
    place: cluster
    risk: change
    command: "kubectl apply -f https://<RANCHER_HOST>/v3/import/<TOKEN>_<CLUSTER>.yaml"
    verify: {zh: "Rancher 显示集群 Active", en: "Rancher shows the cluster Active"}
    rollback: {zh: "`kubectl -n cattle-system rollout undo deployment cattle-cluster-agent`", en: "`kubectl -n cattle-system rollout undo deployment cattle-cluster-agent`"}
prevention:
  - kind: detect
    text: {zh: "对下游集群断开超过 5 分钟告警", en: "alert when a downstream cluster is disconnected for 5 minutes"}
    acceptance: {zh: "停掉测试集群的 agent 后收到告警", en: "stopping the agent of a test cluster raises it"}
  - kind: mitigate
    text: {zh: "运行两个 agent 副本，并保证 Rancher 域名在集群内可解析", en: "run two replicas of the agent, and make sure that Rancher's name resolves inside the cluster"}
    acceptance: {zh: "停掉一个副本时连接不断", en: "stopping one replica does not cut the connection"}
sources: ["rancher/rancher package/run.sh: `ERROR: ${CATTLE_SERVER}/ping is not accessible`", "rancher/remotedialer client.go: `Failed to connect to proxy`", "rancher/rancher cmd/agent/main.go: `Certificate chain is not complete`"]
versions: "Rancher 2.5 to 2.12"
examples:
  - name: "its name does not resolve"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        cattle-system   cattle-cluster-agent-6bdf8c9d7-jd5lx   0/1   CrashLoopBackOff   9   41m
      "cattle-cluster-agent-6bdf8c9d7-jd5lx.log": |
        INFO: Using resolv.conf: nameserver 10.43.0.10 search cattle-system.svc.cluster.local
        ERROR: https://rancher.corp.example/ping is not accessible (Could not resolve host: rancher.corp.example)
    fires: [{kind: "Deployment", namespace: "cattle-system", name: "cattle-cluster-agent"}]
  - name: "it is cut off, and tries on"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        cattle-system   cattle-cluster-agent-6bdf8c9d7-jd5lx   1/1   Running   0   41m
      "cattle-cluster-agent-6bdf8c9d7-jd5lx.log": |
        time="2026-02-24T14:29:31Z" level=info msg="Starting user controllers"
        time="2026-02-24T14:29:41Z" level=error msg="Remotedialer proxy error; reconnecting..." error="websocket: close 1006 (abnormal closure): unexpected EOF" url="wss://rancher.corp.example/v3/connect"
        time="2026-02-24T14:29:51Z" level=info msg="Connecting to proxy" url="wss://rancher.corp.example/v3/connect"
    fires: [{kind: "Deployment", namespace: "cattle-system", name: "cattle-cluster-agent"}]
  - name: "it was cut off, and is connected again"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        cattle-system   cattle-cluster-agent-6bdf8c9d7-jd5lx   1/1   Running   0   41m
      "cattle-cluster-agent-6bdf8c9d7-jd5lx.log": |
        time="2026-02-24T14:29:41Z" level=error msg="Remotedialer proxy error; reconnecting..." error="websocket: close 1006 (abnormal closure): unexpected EOF" url="wss://rancher.corp.example/v3/connect"
        time="2026-02-24T14:29:51Z" level=info msg="Connecting to proxy" url="wss://rancher.corp.example/v3/connect"
        time="2026-02-24T14:29:52Z" level=info msg="Starting user controllers"
  - name: "it is connected"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        cattle-system   cattle-cluster-agent-6bdf8c9d7-jd5lx   1/1   Running   9   41m
      "cattle-cluster-agent-6bdf8c9d7-jd5lx.log": |
        time="2026-02-24T14:29:41Z" level=info msg="Connecting to proxy" url="wss://rancher.corp.example/v3/connect/register"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let agent = || Subject::namespaced("Deployment", "cattle-system", "cattle-cluster-agent");
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        if !persists(snapshot, hit) || goes_on_connected(snapshot, hit) {
            return None;
        }
        match hit.about.object.kind.as_str() {
            "Pod" => {
                let owner = snapshot.top_owner_of(&hit.about.object);
                // The same words in the log of Rancher itself are about many clusters.
                owner.name.starts_with("cattle-").then_some(owner)
            }
            _ => Some(agent()),
        }
    });
    // What the management cluster says of its downstream clusters.
    for cluster in snapshot.kind("Cluster") {
        let text = |index: usize, field: &str| cluster.text(&format!("/status/conditions/{index}/{field}"));
        let index = (0..cluster.list("/status/conditions").len()).find(|&index| {
            matches!(text(index, "type"), "Ready" | "Connected")
                && text(index, "status") == "False"
                && (text(index, "reason") == "Disconnected"
                    || text(index, "message").contains("agent is not connected"))
        });
        if let Some(index) = index {
            findings.push(
                Finding::new(rule, cluster.subject(), Confidence::Confirmed)
                    .cite(cluster.cite_at(&format!("/status/conditions/{index}/message")))
                    .fact("problem", text(index, "message"))
                    .fact("line", text(index, "message"))
                    .fact("times", 1),
            );
        }
    }
    findings
}

/// Far beyond the ten seconds after which a failure is told.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// True when the agent is ready and has more to say after the match than that it tries: it waits ten seconds after each failure, writes
/// `Connecting to proxy`, and then either fails again or works (rancher/remotedialer client.go, `ClientConnect` and `ConnectToProxy`).
fn goes_on_connected(snapshot: &Snapshot, hit: &Hit) -> bool {
    let owner = snapshot.top_owner_of(&hit.about.object);
    let is_ready = snapshot.pods_of(&owner).any(|pod| pod.is_well());
    let log = snapshot.log_of(hit);
    let last = log
        .and_then(|log| log.tail.last())
        .map_or("", |line| line.text.as_str());
    // It has had time to fail again, and did not.
    let has_had_time = || {
        let told = snapshot.time_of(last);
        matches!((told, snapshot.now()), (Some(told), Some(now)) if now.duration_since(told.latest) >= AGAIN)
    };
    let is_trying = last.is_empty() || last.contains("Connecting to ") && !has_had_time() || is_error(last);
    is_ready && !is_trying
}
