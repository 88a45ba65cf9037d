//! Clients do not reach a Service that exists: what people see, never why.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::calls;
use crate::rules::toolbox::services::answering;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: service-unreachable
role: symptom
level: critical
hearsay: true
needs: [services, container-logs]
check:
  zh: 客户端能否访问它们调用的 Service
  en: whether clients reach the Services that they call
title:
  zh: "{{ clients|join('、') }} 访问不到 Service {{ subject.namespace }}/{{ subject.name }}{% if ready is defined %}（就绪端点 {{ ready }} 个）{% endif %}"
  en: "{{ clients|join(', ') }} cannot reach Service {{ subject.namespace }}/{{ subject.name }}{% if ready is defined %} ({{ ready }} ready endpoints){% endif %}"
cause:
  zh: "客户端的日志说明连接 Service {{ subject.name }} 失败。连接被拒绝多半是没有就绪端点或端口不对；超时多半是路径不通（NetworkPolicy、kube-proxy、路由、跨节点网络）。采集到的数据没有说明是哪一种。"
  en: "logs of its clients say that connections to Service {{ subject.name }} fail. A refusal mostly means no ready endpoint or a wrong port; silence mostly means a broken way (NetworkPolicy, kube-proxy, routes, the network between nodes). The collected data does not say which."
benign:
  - {zh: "iptables 模式下 ClusterIP 不应答 ping", en: "with iptables a ClusterIP answers no ping"}
  - {zh: "启动时的几次失败后已经成功", en: "failures at the start that were followed by success"}
remedy:
  - purpose: {zh: "查看端点，并从客户端的命名空间访问", en: "look at its endpoints, and call it from the client's namespace"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get endpointslices -l kubernetes.io/service-name={{ subject.name }}
      kubectl -n {{ subject.namespace }} describe service {{ subject.name }}
    expect: {zh: "没有地址，或地址与端口和 Pod 不符", en: "no address, or addresses and ports that are not the pods'"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "从客户端一侧对关键 Service 做黑盒探测", en: "probe important Services from where their clients are"}
    acceptance: {zh: "停掉测试 Service 的后端后 5 分钟内告警", en: "stopping what stands behind a test Service raises the alert within 5 minutes"}
sources: ["kubernetes.io/docs/tasks/debug/debug-application/debug-service"]
versions: "any"
examples:
  - name: "a client is refused"
    files:
      "svc.txt": |
        NAMESPACE   NAME     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        orders   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m
      "shop/web-57b96b46b7-zv4q2/app.log": "panic: dial tcp 10.96.0.12:8080: connect: connection refused\n"
    fires: [{kind: "Service", namespace: "shop", name: "orders"}]
  - name: "it calls something outside"
    files:
      "svc.txt": |
        NAMESPACE   NAME     TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        orders   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m
      "shop/web-57b96b46b7-zv4q2/app.log": "panic: dial tcp 192.0.2.7:8080: connect: connection refused\n"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: BTreeMap<Subject, (Finding, Vec<String>)> = BTreeMap::new();
    for call in calls(snapshot).into_iter().filter(|call| call.fails) {
        let (finding, clients) = findings.entry(call.service.subject()).or_insert_with(|| {
            let mut finding = Finding::new(rule, call.service.subject(), Confidence::Probable);
            if let Some(answering) = answering(snapshot, call.service) {
                finding = finding.fact("ready", answering.ready).cite(answering.cite);
            }
            (finding, Vec::new())
        });
        finding.add_cite(call.cite.clone());
        finding.touches.extend(Touch::of(&call.client));
        finding.add_affected(call.client.clone());
        let name = call.client.name.clone();
        if !clients.contains(&name) {
            clients.push(name);
        }
    }
    findings
        .into_values()
        .map(|(finding, clients)| finding.fact("clients", clients))
        .collect()
}
