//! The pods of the cluster's name service are not ready.

use std::collections::BTreeMap;

use crate::cluster::PodView;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::speakers::is_name_service;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: coredns-pod-unhealthy
role: link
level: critical
needs: [pods]
meets: [{kinds: [Service, Deployment, DaemonSet, Pod], named: [kube-dns, coredns, rke2-coredns, dns-default]}]
check:
  zh: '集群域名服务的 Pod 是否就绪'
  en: 'whether the pods of the cluster''s name service are ready'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：域名服务没有就绪的 Pod（{{ ready }}/{{ total }}）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the name service lacks ready pods ({{ ready }} of {{ total }})'
cause:
  zh: '{{ total }} 个域名服务 Pod 中只有 {{ ready }} 个就绪；采集到的数据没有说明原因。集群内的域名解析因此变慢或失效。'
  en: '{{ ready }} of {{ total|pods }} of the name service are ready; the collected data does not say why. Name resolution in the cluster suffers or fails.'
causes:
  - rule: kube-dns-endpoints-empty
    ground: workload
    mechanism:
      zh: '没有就绪的 Pod 就没有端点'
      en: 'no ready pod, no endpoint'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: 'Pod 没有就绪'
      en: 'its pods are not ready'
  - rule: dns-resolution-failure
    ground: cluster
    mechanism:
      zh: '没有 Pod 应答查询'
      en: 'no pod answers queries'
benign:
  - zh: '启动后最初几秒的 Plugins not ready 是正常的'
    en: '"Plugins not ready" in the first seconds is normal'
remedy:
  - purpose:
      zh: '查看 Pod 与日志'
      en: 'see its pods and logs'
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} describe pod {{ pod }}'
    expect:
      zh: '未就绪的原因'
      en: 'why it is not ready'
    verify:
      zh: '原因已记录'
      en: 'the reason is on record'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: prevent
    text:
      zh: '至少两个副本并分散到不同节点'
      en: 'two replicas or more on different nodes'
    acceptance:
      zh: '停掉一个节点后解析不中断'
      en: 'resolution survives the loss of a node'
sources:
  - 'kubernetes cluster/addons/dns/coredns (label k8s-app=kube-dns)'
versions: 'any'
examples:
  - name: 'none is ready'
    files:
      'pods.txt': |
        NAMESPACE     NAME                              READY   STATUS             RESTARTS      AGE
        kube-system   coredns-6d4b75cb6d-hbs2m          0/1     CrashLoopBackOff   7 (90s ago)   41m
    fires:
      - {kind: 'Deployment', namespace: 'kube-system', name: 'coredns'}
  - name: 'all are'
    files:
      'pods.txt': |
        NAMESPACE     NAME                              READY   STATUS             RESTARTS      AGE
        kube-system   coredns-6d4b75cb6d-hbs2m          1/1     Running            34 (3d ago)   41m
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut servers: BTreeMap<Subject, Vec<PodView<'_>>> = BTreeMap::new();
    for pod in snapshot
        .pods()
        .filter(|pod| is_name_service(pod) && !pod.is_terminating())
    {
        servers.entry(snapshot.top_owner(pod.object)).or_default().push(pod);
    }
    let mut findings = Vec::new();
    for (owner, pods) in servers {
        let failing: Vec<&PodView<'_>> = pods.iter().filter(|pod| !pod.is_well()).collect();
        let Some(first) = failing.first() else { continue };
        let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
            .fact("total", pods.len())
            .fact("ready", pods.len() - failing.len())
            .fact("pod", first.name());
        for pod in &failing {
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            finding.add_cite(pod.object.cite_at("/status"));
            finding.touches.extend(workload_touches(snapshot, &subject));
            finding.add_affected(subject);
        }
        findings.push(finding);
    }
    findings
}
