//! Several workloads complain of one and the same peer of the cluster: then the peer is where to look, not they.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::peers::{mendable, objects_of};
use crate::rules::toolbox::told::told;
use crate::rules::toolbox::unanswered::unanswered;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: peer-unresponsive
role: link
level: critical
hearsay: true
needs: [container-logs]
check:
  zh: '是否有多个工作负载同时抱怨集群内的同一个对端'
  en: 'whether several workloads complain of one and the same peer of the cluster'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{{ callers|length }} 个调用方都连接不上它（{{ peer }}）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {{ callers|length }} of its callers cannot reach it ({{ peer }})'
cause:
  zh: '{{ callers|join("、") }} {% if callers|length > 1 %}都写出连接不上 {{ peer }}，例如 {{ said }}。几个互不相干的调用方同时出错，问题在被调用的一方或通往它的路上，而不在它们自己的配置里。{% else %}反复写出 {{ peer }} 没有按时应答，例如 {{ said }}。地址是对的，对端在运行：它太慢，或通往它的网络在丢包、延迟。{% endif %}'
  en: '{{ callers|join(", ") }} {% if callers|length > 1 %}all write that they cannot reach {{ peer }}, for instance {{ said }}. When several callers fail alike, the fault lies with what they call, or on the way to it, and not in their own settings.{% else %}writes again and again that {{ peer }} does not answer in time, for instance {{ said }}. The address is right and the peer runs: it is slow, or the network to it loses or delays packets.{% endif %}'
causes:
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "客户端据此写出连接失败", en: "its clients write that connections fail"}
benign:
  - zh: '对端滚动更新时调用方会有短暂的连接错误'
    en: 'while a peer is rolled its callers see connection errors for a moment'
  - zh: '只有一个调用方抱怨时，先看它自己的配置'
    en: 'when a single caller complains, look at its own settings first'
remedy:
  - purpose:
      zh: '查看被调用方的 Pod 与日志'
      en: 'look at the pods and logs of what is called'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ subject.kind|lower }}/{{ subject.name }} --tail=100'
    expect:
      zh: '出现它为何不应答的线索（启动失败、连接数、内存、监听的端口）'
      en: 'it shows why it does not answer: a failed start, connections, memory, the port that it listens on'
    verify:
      zh: '从任一调用方的 Pod 内连接 {{ peer }} 成功'
      en: 'a connection to {{ peer }} from a pod of any caller succeeds'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: detect
    text:
      zh: '对 {{ subject.name }} 做端到端的可用性探测并告警'
      en: 'probe {{ subject.name }} end to end and alert on it'
    acceptance:
      zh: '在测试环境停掉它，告警先于调用方的告警到达'
      en: 'when it is stopped in a test environment, this alert arrives before those of its callers'
sources:
  - 'the signatures of app-upstream-refused and app-database-unreachable'
versions: 'any'
examples:
  - name: 'two callers, one cache'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running   0          41m
        shop        sessions-0                 1/1     Running   0          41m
      'svc.txt': |
        NAMESPACE   NAME       TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        sessions   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      'web-57b96b46b7-zv4q2.log': |
        level=error msg="dial tcp 10.96.0.12:8080: connect: connection refused"
        level=error msg="dial tcp 10.96.0.12:8080: connect: connection refused"
      'cart-6bdf8c9d7-jd5lx.log': |
        Error: connect ECONNREFUSED 10.96.0.12:8080
        Error: connect ECONNREFUSED 10.96.0.12:8080
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'sessions'}
  - name: 'one caller alone'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
        shop        sessions-0                 1/1     Running   0          41m
      'svc.txt': |
        NAMESPACE   NAME       TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        sessions   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      'web-57b96b46b7-zv4q2.log': |
        level=error msg="dial tcp 10.96.0.12:8080: connect: connection refused"
        level=error msg="dial tcp 10.96.0.12:8080: connect: connection refused"
"##;

/// Callers that must complain before the peer is suspected rather than they.
const CALLERS: usize = 2;
/// Lines by which even a single caller shows that it is the peer that does not answer in time, and not a wrong address.
const LATE: usize = 5;

/// What a caller says of a peer.
struct Heard {
    caller: Subject,
    called: Vec<Subject>,
    peer: String,
    said: String,
    cite: Citation,
    /// The caller's node; empty when it is not known.
    node: String,
    /// Lines that tell only of time that ran out.
    late: usize,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut by_peer: BTreeMap<Subject, Vec<Heard>> = BTreeMap::new();
    for complaint in complaints(snapshot, &is_out_of_reach, &of_clients()) {
        let caller = complaint.speaker.workload.clone();
        let called = objects_of(snapshot, &caller.namespace, &complaint.peer());
        if let Some(peer) = mendable(&called).filter(|peer| **peer != caller) {
            by_peer.entry(peer.clone()).or_default().push(Heard {
                peer: complaint.peer().shown(),
                said: complaint.said.clone(),
                cite: complaint.cite.clone(),
                late: 0,
                node: complaint.speaker.pod.map_or(String::new(), |pod| pod.node().to_owned()),
                caller,
                called: called.clone(),
            });
        }
    }
    for call in unanswered(snapshot).iter() {
        by_peer.entry(call.peer.clone()).or_default().push(Heard {
            peer: call.peer.name.clone(),
            node: String::new(),
            late: if call.is_late { call.times } else { 0 },
            caller: call.client.clone(),
            called: call.called.clone(),
            said: call.said.clone(),
            cite: call.cite.clone(),
        });
    }
    by_peer
        .into_iter()
        .filter_map(|(peer, heard)| finding(input, rule, peer, &heard))
        .collect()
}

fn finding(input: &Input<'_>, rule: &RuleHeader, peer: Subject, heard: &[Heard]) -> Option<Finding> {
    let callers: BTreeSet<&Subject> = heard.iter().map(|heard| &heard.caller).collect();
    let first = heard.first()?;
    let is_late = heard.iter().any(|heard| heard.late >= LATE) && input.snapshot.pods_of(&peer).next().is_some();
    if callers.len() < CALLERS && !is_late {
        return None;
    }
    let names: Vec<&str> = callers.iter().map(|caller| caller.name.as_str()).collect();
    let mut finding = Finding::new(rule, peer, Confidence::Probable)
        .fact("callers", names)
        .fact("peer", first.peer.clone())
        .fact("said", told(&first.said));
    for caller in &callers {
        if let Some(heard) = heard.iter().find(|heard| heard.caller == **caller) {
            finding.add_cite(heard.cite.clone());
        }
        // Not through `affected`: what ails a caller in its own right is no effect of this.
        finding.affected.push((*caller).clone());
    }
    for object in heard.iter().flat_map(|heard| &heard.called) {
        finding.touches.extend(
            Touch::of(object)
                .into_iter()
                .filter(|touch| touch.ground == Ground::Service),
        );
        finding.blame(object.clone());
    }
    // So does whatever else is found of it.
    finding.blames.insert(finding.subject.clone());
    // Who complains only on one node may have no way from there.
    let nodes: BTreeSet<&str> = heard
        .iter()
        .map(|heard| heard.node.as_str())
        .filter(|node| !node.is_empty())
        .collect();
    if let (1, Some(node)) = (nodes.len(), nodes.first()) {
        finding.touches.insert(Touch::new(Ground::Node, *node));
    }
    for pod in input.snapshot.pods_of(&finding.subject.clone()) {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(input.snapshot, &subject));
    }
    Some(finding)
}
