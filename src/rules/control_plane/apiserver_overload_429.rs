//! The API server turns requests away because it has too many.

use crate::model::Confidence;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::toolbox::planes::api_server;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: apiserver-overload-429
role: cause
level: warning
needs: [kube-apiserver-log|kube-scheduler-log|kube-controller-manager-log|etcd-log|container-logs|kubelet-log]
text:
  - id: client
    in: [kubelet, control-plane, container-log, other]
    pattern: '(?P<problem>the server has received too many requests and has asked us to try again later)'
  - id: server
    in: [kubelet, control-plane, container-log, other]
    pattern: '(?P<problem>Too many requests, please try again later)'
  - id: etcd
    in: [kubelet, control-plane, container-log, other]
    pattern: '(?P<problem>etcdserver: too many requests)'
check:
  zh: "API 服务器是否因请求过多而拒绝"
  en: "whether the API server turns requests away for being too many"
title:
  zh: "API 服务器过载，以 429 拒绝请求（{{ times }} 次）"
  en: "the API server is overloaded and turns requests away with 429 ({{ times|times }})"
cause:
  zh: "客户端收到 {{ line }}：优先级与公平性（APF）的队列已满，或 etcd 积压。通常是某个控制器或代理反复全量列举对象，或控制面节点资源不足。"
  en: "clients are told {{ line }}: the queues of priority and fairness are full, or etcd lags behind. Mostly some controller or agent lists everything again and again, or the control plane's nodes are too small."
questions:
  - {zh: "429 出现前部署了哪个控制器、代理或监控？", en: "which controller, agent or monitor was deployed before the first 429?"}
causes:
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "续租请求被拒绝或超时", en: "renewals of leases are turned away or time out"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "过载的 API 服务器以错误应答", en: "an overloaded API server answers with errors"}
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "握手因此失败", en: "handshakes fail for it"}
benign:
  - {zh: "client-side throttling 是客户端自己的限速，不是服务器过载", en: "client-side throttling is the client's own limit and no overload"}
  - {zh: "启动高峰时的几次 429 会自动重试", en: "a few 429 in the rush of a start are tried again by themselves"}
  - {zh: "对外部服务的 429（如 Docker Hub）是另一回事", en: "a 429 of some service outside, such as Docker Hub, is another matter"}
remedy:
  - purpose: {zh: "查看被拒绝的请求属于哪个优先级与用户", en: "see which priority level and user is turned away"}
    place: cluster
    risk: read-only
    command: |
      kubectl get --raw /metrics | grep apiserver_flowcontrol_rejected_requests_total
      kubectl get flowschemas
    expect: {zh: "数值增长的一行", en: "the row that grows"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先停掉或限速造成洪峰的客户端，再考虑为它设置 FlowSchema", en: "stop or slow the client that floods first; then give it a FlowSchema of its own"}
    place: cluster
    risk: change
    command: "kubectl get flowschemas -o wide"
    verify: {zh: "429 不再增长", en: "no more 429"}
    rollback: {zh: "删除新增的 FlowSchema", en: "delete the FlowSchema again"}
prevention:
  - kind: detect
    text: {zh: "对 apiserver_flowcontrol_rejected_requests_total 增长告警", en: "alert when apiserver_flowcontrol_rejected_requests_total grows"}
    acceptance: {zh: "压测时收到告警", en: "a load test raises it"}
  - kind: prevent
    text: {zh: "控制器使用带缓存的 informer，避免周期性全量列举", en: "let controllers use informers with a cache in place of periodic lists"}
    acceptance: {zh: "空闲时没有全量 LIST", en: "no full LIST while idle"}
sources: ["kubernetes apimachinery pkg/api/errors: NewTooManyRequestsError `the server has received too many requests and has asked us to try again later`", "etcd rpctypes: `etcdserver: too many requests`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "again and again in the kubelet's log"
    files:
      "nodes/w1/kubelet.log": |
        E0514 21:16:41.117802     980 reflector.go:138] k8s.io/client-go/informers: Failed to watch *v1.Service: the server has received too many requests and has asked us to try again later
        E0514 21:16:42.117802     980 reflector.go:138] k8s.io/client-go/informers: Failed to watch *v1.Service: the server has received too many requests and has asked us to try again later
        E0514 21:16:43.117802     980 reflector.go:138] k8s.io/client-go/informers: Failed to watch *v1.Service: the server has received too many requests and has asked us to try again later
        E0514 21:16:44.117802     980 reflector.go:138] k8s.io/client-go/informers: Failed to watch *v1.Service: the server has received too many requests and has asked us to try again later
        E0514 21:16:45.117802     980 reflector.go:138] k8s.io/client-go/informers: Failed to watch *v1.Service: the server has received too many requests and has asked us to try again later
        E0514 21:16:46.117802     980 reflector.go:138] k8s.io/client-go/informers: Failed to watch *v1.Service: the server has received too many requests and has asked us to try again later
        E0514 21:16:47.117802     980 reflector.go:138] k8s.io/client-go/informers: Failed to watch *v1.Service: the server has received too many requests and has asked us to try again later
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-apiserver"}]
  - name: "a client that slows itself"
    files:
      "nodes/w1/kubelet.log": |
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
        I0514 21:16:41.117802     980 request.go:665] Waited for 1.2s due to client-side throttling, not priority and fairness, request: GET:https://x
"##;

/// A client that is turned away now and then tries again by itself.
const MANY: u64 = 5;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let server = api_server(snapshot);
    let mut findings = by_subject(input, rule, Confidence::Probable, |hit| {
        persists(snapshot, hit).then(|| server.clone())
    });
    findings.retain(|finding| finding.count >= MANY);
    findings
}
