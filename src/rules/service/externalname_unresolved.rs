//! A Service is a mere name for a host, and that host does not resolve.

use crate::model::Confidence;
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::peers::objects_of;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: externalname-unresolved
role: cause
level: critical
needs: [services]
meets:
  - {kinds: [Service]}
check:
  zh: "ExternalName 类型的 Service 指向的主机名能否解析"
  en: "whether the hosts that Services of type ExternalName stand for resolve"
title:
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 只是 {{ host }} 的别名，而这个主机名无法解析"
  en: "Service {{ subject.namespace }}/{{ subject.name }} is a mere name for {{ host }}, which does not resolve"
cause:
  zh: "类型为 ExternalName 的 Service 让域名服务回答一条指向 {{ host }} 的 CNAME；{{ client }} 解析 {{ subject.name }} 失败，因为 {{ host }} 不存在或集群的上游解析器不知道它。"
  en: "for a Service of type ExternalName the name service answers with a CNAME to {{ host }}; {{ client }} cannot resolve {{ subject.name }}, because {{ host }} does not exist, or the cluster's upstream resolvers do not know it."
causes:
  - rule: app-upstream-unresolved
    ground: service
    mechanism: {zh: "别名指向的主机名不存在", en: "the host behind the name does not exist"}
  - rule: app-database-unreachable
    ground: service
    mechanism: {zh: "别名指向的主机名不存在", en: "the host behind the name does not exist"}
  - rule: dns-resolution-failure
    ground: service
    mechanism: {zh: "别名指向的主机名不存在", en: "the host behind the name does not exist"}
benign:
  - {zh: "ExternalName 没有选择器，也没有端点，这是正常的", en: "an ExternalName has neither a selector nor endpoints, as it should"}
remedy:
  - purpose: {zh: "在集群内解析这个主机名", en: "resolve the host from within the cluster"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get service {{ subject.name }} -o yaml
      kubectl run lookup --rm -it --restart=Never --image=busybox -- nslookup {{ host }}
    expect: {zh: "NXDOMAIN", en: "NXDOMAIN"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正 externalName", en: "correct externalName"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit service {{ subject.name }}"
    verify: {zh: "调用方不再报解析失败", en: "callers no longer fail to resolve it"}
    rollback: {zh: "恢复修改前的 externalName", en: "put the former externalName back"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中解析每个 ExternalName 的主机名", en: "let the pipeline resolve the host of every ExternalName"}
    acceptance: {zh: "不存在的主机名使流水线失败", en: "a host that does not exist fails there"}
sources:
  - "kubernetes.io/docs/concepts/services-networking/service: type ExternalName"
  - "coredns plugin/kubernetes: a Service of type ExternalName is a CNAME"
versions: "any"
examples:
  - name: "a mistyped domain"
    files:
      "pods.txt": |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        pay-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      "svc.txt": |
        NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP            PORT(S)   AGE
        shop        bank   ExternalName   <none>       api.bank.exmaple       443/TCP   41d
      "pay-6bdf8c9d7-jd5lx.log": |
        2026/11/21 10:00:01 ERROR payout: Get "https://bank:443/pay": dial tcp: lookup bank on 10.96.0.10:53: no such host
        2026/11/21 10:00:05 ERROR payout: Get "https://bank:443/pay": dial tcp: lookup bank on 10.96.0.10:53: no such host
        2026/11/21 10:00:09 ERROR payout: Get "https://bank:443/pay": dial tcp: lookup bank on 10.96.0.10:53: no such host
    fires:
      - {kind: Service, namespace: shop, name: bank}
  - name: "another name"
    files:
      "pods.txt": |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        pay-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      "svc.txt": |
        NAMESPACE   NAME   TYPE           CLUSTER-IP   EXTERNAL-IP            PORT(S)   AGE
        shop        bank   ExternalName   <none>       api.bank.example       443/TCP   41d
      "pay-6bdf8c9d7-jd5lx.log": |
        2026/11/21 10:00:01 ERROR payout: Get "https://ledger:443/pay": dial tcp: lookup ledger on 10.96.0.10:53: no such host
        2026/11/21 10:00:05 ERROR payout: Get "https://ledger:443/pay": dial tcp: lookup ledger on 10.96.0.10:53: no such host
"##;

/// True for the signatures by which clients say that a name does not resolve.
fn is_unresolved(signature: &str) -> bool {
    signature.starts_with("app-upstream-unresolved/")
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for complaint in complaints(snapshot, &is_unresolved, &of_clients()) {
        let client = &complaint.speaker.workload;
        let called = objects_of(snapshot, &client.namespace, &complaint.peer_within(snapshot));
        let alias = called.iter().find_map(|object| {
            let service = snapshot.object("Service", &object.namespace, &object.name)?;
            let is_alias = object.kind == "Service" && service.text("/spec/type") == "ExternalName";
            is_alias.then_some(service)
        });
        let Some(service) = alias else { continue };
        let subject = service.subject();
        let at = findings.iter().position(|known| known.subject == subject);
        let mut finding = match at {
            Some(at) => findings.remove(at),
            None => Finding::new(rule, subject.clone(), Confidence::Probable)
                .at("spec.externalName")
                .cite(service.cite_at("/spec/externalName"))
                .touch(Ground::Service, format!("{}/{}", subject.namespace, subject.name))
                .fact("host", service.text("/spec/externalName"))
                .fact("client", client.name.clone()),
        };
        finding.add_cite(complaint.cite.clone());
        finding.impair(subject);
        finding.add_affected(client.clone());
        findings.push(finding);
    }
    findings
}
