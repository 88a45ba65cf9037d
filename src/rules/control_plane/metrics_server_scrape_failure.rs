//! metrics-server cannot read the kubelets.

use crate::cluster::Hit;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: metrics-server-scrape-failure
role: cause
level: warning
needs: [container-logs]
text:
  - id: scrape
    pattern: '(?i)(?:failed to scrape node|unable to fully scrape metrics)[^\n]{0,200}(?P<problem>x509: [^\n"\\]{3,160}|tls: [^\n"\\]{3,80}|connect: [a-z ]{3,40}|i/o timeout|context deadline exceeded|request failed, status: "[^"\n]{3,40}"|no route to host)'
  - id: scraped
    pattern: '(?i)unable to fetch metrics from (?:node|kubelet)[^\n]{0,200}(?P<problem>x509: [^\n"\\]{3,160}|connect: [a-z ]{3,40}|i/o timeout|no route to host|context deadline exceeded)'
check:
  zh: "metrics-server 能否读取 kubelet"
  en: "whether metrics-server can read the kubelets"
title:
  zh: "metrics-server 读不到 kubelet 的指标：{{ problem }}（{{ times }} 次）"
  en: "metrics-server cannot read the kubelets: {{ problem }} ({{ times|times }})"
cause:
  zh: "{{ line }}。kubelet 的证书是自签名的且不含 IP、端口 10250 被拦截，或节点未就绪；没有指标时自动伸缩与 kubectl top 都不可用。"
  en: "{{ line }}. The kubelets' certificates are self-signed and name no address, port 10250 is blocked, or a node is not ready; without metrics neither autoscaling nor kubectl top works."
causes:
  - rule: app-tls-failed
    ground: workload
    mechanism: {zh: "它对 kubelet 的 TLS 连接就是这一项", en: "those are its TLS connections to the kubelets"}
  - rule: apiservice-unavailable
    ground: object
    mechanism: {zh: "指标 API 没有数据，不会就绪", en: "the metrics API has no data and does not get ready"}
  - rule: hpa-metrics-missing
    ground: object
    mechanism: {zh: "没有指标", en: "there are no metrics"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "没有指标时就绪探针失败", en: "without metrics its readiness probe fails"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有指标时不就绪", en: "without metrics it does not get ready"}
benign:
  - {zh: "启动后的最初 15–60 秒 no metrics to serve 是正常的", en: "no metrics to serve in the first 15 to 60 seconds is normal"}
  - {zh: "一个未就绪的节点只缺它自己的指标", en: "one node that is not ready only lacks its own metrics"}
remedy:
  - purpose: {zh: "查看 metrics-server 的日志与参数", en: "see its log and its flags"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n kube-system logs deployment/metrics-server --tail=20
      kubectl -n kube-system get deployment metrics-server -o yaml
    expect: {zh: "x509 或 timeout 的节点", en: "the nodes with x509 or a timeout"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "为 kubelet 启用服务端证书（serverTLSBootstrap）并批准请求；仅测试环境可用 --kubelet-insecure-tls", en: "let kubelets have serving certificates (serverTLSBootstrap) and approve them; --kubelet-insecure-tls is for test clusters only"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system edit deployment metrics-server"
    verify: {zh: "`kubectl top nodes` 有数据", en: "`kubectl top nodes` shows data"}
    rollback: {zh: "`kubectl -n kube-system rollout undo deployment metrics-server`", en: "`kubectl -n kube-system rollout undo deployment metrics-server`"}
prevention:
  - kind: detect
    text: {zh: "对 v1beta1.metrics.k8s.io 不可用告警", en: "alert when v1beta1.metrics.k8s.io is not available"}
    acceptance: {zh: "拦截 10250 后收到告警", en: "blocking port 10250 raises it"}
sources: ["kubernetes-sigs/metrics-server pkg/scraper: `Failed to scrape node`; 0.3, 0.4: `unable to fully scrape metrics`"]
versions: "metrics-server 0.3 to 0.8"
examples:
  - name: "self-signed kubelets"
    files:
      "pods.txt": |
        NAMESPACE     NAME                              READY   STATUS    RESTARTS   AGE
        kube-system   metrics-server-6bdf8c9d7-jd5lx   0/1     Running   0          9d
      "metrics-server-6bdf8c9d7-jd5lx.log": |
        E0224 14:29:40.120087       1 scraper.go:140] "Failed to scrape node" err="Get \"https://10.0.0.2:10250/metrics/resource\": x509: cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs" node="w1"
        E0224 14:29:41.120087       1 scraper.go:140] "Failed to scrape node" err="Get \"https://10.0.0.2:10250/metrics/resource\": x509: cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs" node="w1"
        E0224 14:29:42.120087       1 scraper.go:140] "Failed to scrape node" err="Get \"https://10.0.0.2:10250/metrics/resource\": x509: cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs" node="w1"
        E0224 14:29:43.120087       1 scraper.go:140] "Failed to scrape node" err="Get \"https://10.0.0.2:10250/metrics/resource\": x509: cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs" node="w1"
        E0224 14:29:44.120087       1 scraper.go:140] "Failed to scrape node" err="Get \"https://10.0.0.2:10250/metrics/resource\": x509: cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs" node="w1"
        E0224 14:29:45.120087       1 scraper.go:140] "Failed to scrape node" err="Get \"https://10.0.0.2:10250/metrics/resource\": x509: cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs" node="w1"
    fires: [{kind: "Deployment", namespace: "kube-system", name: "metrics-server"}]
  - name: "just started"
    files:
      "metrics-server-6bdf8c9d7-jd5lx.log": |
        I0224 14:29:41.120087       1 server.go:187] "Failed probe" probe="metric-storage-ready" err="no metrics to serve"
"##;

/// In the first minute after its start there is nothing to serve.
const MANY: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let about = |hit: &Hit| match hit.about.object.kind.as_str() {
        "Pod" => snapshot.top_owner_of(&hit.about.object),
        _ => Subject::namespaced("Deployment", "kube-system", "metrics-server"),
    };
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| about(hit))
    });
    findings.retain(|finding| finding.count >= MANY);
    for finding in &mut findings {
        finding
            .touches
            .extend(Touch::of(&Subject::cluster("APIService", "v1beta1.metrics.k8s.io")));
    }
    findings
}
