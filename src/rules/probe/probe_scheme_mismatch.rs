//! A probe speaks HTTP to a port that serves TLS, or HTTPS to one that does not.

use crate::cluster::{ContainerInstance, PodView};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::probes::{Probe, failures, is_ailing, reason};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: probe-scheme-mismatch
role: cause
level: critical
needs: [pods, events]
text:
  - id: serves
    in: [container-log]
    pattern: '(?i)(?P<serves>https|TLS|SSL)[^\n]{0,40}(?:listening|started|enabled|server)|(?:serving|listening|started|running)[^\n]{0,40}(?P<other>https|TLS)'
    unless: '(?i)TLS is disabled|without TLS|handshake|disabled'
check:
  zh: '探针使用的协议（HTTP/HTTPS）是否与应用一致'
  en: 'whether probes speak the scheme (HTTP or HTTPS) of the application'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{{ kind|raw }} 探针使用 {{ scheme }}，而容器 {{ container }} 的端口 {{ port }} 使用 {{ serves }}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the {{ kind|raw }} probe speaks {{ scheme }}, while container {{ container }} serves {{ serves }} at port {{ port }}'
cause:
  zh: '{{ kind|raw }} 探针以 {{ scheme }} 访问端口 {{ port }}（{{ reason }}），而应用在那里提供 {{ serves }}。'
  en: 'the {{ kind|raw }} probe asks port {{ port }} with {{ scheme }} ({{ reason }}), while the application serves {{ serves }} there.'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '探针问的不是应用监听的地方'
      en: 'the probe asks where the application does not listen'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '探针问的不是应用监听的地方'
      en: 'the probe asks where the application does not listen'
  - rule: startup-probe-failing
    ground: workload
    mechanism:
      zh: '探针问的不是应用监听的地方'
      en: 'the probe asks where the application does not listen'
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: 'kubelet 因探针失败而结束容器'
      en: 'the kubelet ends the container over the failed probe'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '不就绪的 Pod 不计入可用副本'
      en: 'a pod that is not ready is no available replica'
benign:
  - zh: 'HTTP 400 也可能是路径或请求头的问题：只有当端口提供 TLS 时才判定'
    en: 'a status of 400 may also be about path or headers; it counts only where the port serves TLS'
remedy:
  - purpose:
      zh: '查看探针的定义与失败信息'
      en: 'see the probe and why it fails'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}describe pod {{ pod }}'
    expect:
      zh: 'Unhealthy 事件与探针定义'
      en: 'the Unhealthy events and the probe'
    verify:
      zh: '与本报告一致'
      en: 'it agrees with this report'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '把探针的 scheme 改为 {{ serves }}'
      en: 'set the scheme of the probe to {{ serves }}'
    place: cluster
    risk: change
    when: 'patchable'
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}patch {{ resource }} {{ subject.name }} --type=strategic -p {{ patch }}'
    expect:
      zh: '{{ resource }}.apps/{{ subject.name }} patched'
      en: '{{ resource }}.apps/{{ subject.name }} patched'
    verify:
      zh: '新 Pod 就绪'
      en: 'the new pod is ready'
    rollback:
      zh: '`kubectl rollout undo` 回到上一个版本'
      en: '`kubectl rollout undo` to the former revision'
prevention:
  - kind: prevent
    text:
      zh: '启用 TLS 的变更同时修改探针的 scheme，并在测试环境验证就绪'
      en: 'change the scheme of the probes together with TLS, and see the pod get ready in a test'
    acceptance:
      zh: '只改一处的变更在测试环境中失败'
      en: 'a change of only one of them fails in the test'
sources:
  - 'kubernetes pkg/probe/http/request.go, http.go'
  - 'golang net/http server.go `Client sent an HTTP request to an HTTPS server.` (400)'
  - 'golang net/http `server gave HTTP response to HTTPS client`'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'plain HTTP to a TLS port'
    files:
      'describe.txt': |
        Name:             tile-server-85c7b6f9d8-m4tvh
        Namespace:        geo
        Node:             nuc2/10.0.10.12
        Labels:           app=tile-server
        Status:           Running
        Controlled By:  ReplicaSet/tile-server-85c7b6f9d8
        Containers:
          tiles:
            Image:          r.example/tile-server:0.44.1
            Port:           8443/TCP
            State:          Running
              Started:      Tue, 03 Feb 2026 20:54:05 +0000
            Ready:          False
            Restart Count:  0
            Readiness:      http-get http://:8443/status delay=5s timeout=2s period=10s #success=1 #failure=3
            Environment:    <none>
        Conditions:
          Type              Status
          Ready             False
        Events:
          Type     Reason     Age                   From               Message
          ----     ------     ----                  ----               -------
          Warning  Unhealthy  2m (x280 over 47m)    kubelet            Readiness probe failed: HTTP probe failed with statuscode: 400
      'logs/tile-server-85c7b6f9d8-m4tvh.log': |
        serving HTTPS on :8443
    fires:
      - {kind: 'Deployment', namespace: 'geo', name: 'tile-server'}
  - name: 'HTTPS to a plain port'
    files:
      'describe.txt': |
        Name:             tile-server-85c7b6f9d8-m4tvh
        Namespace:        geo
        Node:             nuc2/10.0.10.12
        Labels:           app=tile-server
        Status:           Running
        Controlled By:  ReplicaSet/tile-server-85c7b6f9d8
        Containers:
          tiles:
            Image:          r.example/tile-server:0.44.1
            Port:           8000/TCP
            State:          Running
              Started:      Tue, 03 Feb 2026 20:54:05 +0000
            Ready:          False
            Restart Count:  0
            Readiness:      http-get https://:8000/status delay=5s timeout=2s period=10s #success=1 #failure=3
            Environment:    <none>
        Conditions:
          Type              Status
          Ready             False
        Events:
          Type     Reason     Age                   From               Message
          ----     ------     ----                  ----               -------
          Warning  Unhealthy  2m (x280 over 47m)    kubelet            Readiness probe failed: Get "https://10.1.77.40:8000/status": http: server gave HTTP response to HTTPS client
    fires:
      - {kind: 'Deployment', namespace: 'geo', name: 'tile-server'}
  - name: 'a status of 400 from a plain server'
    files:
      'describe.txt': |
        Name:             tile-server-85c7b6f9d8-m4tvh
        Namespace:        geo
        Node:             nuc2/10.0.10.12
        Labels:           app=tile-server
        Status:           Running
        Controlled By:  ReplicaSet/tile-server-85c7b6f9d8
        Containers:
          tiles:
            Image:          r.example/tile-server:0.44.1
            Port:           8000/TCP
            State:          Running
              Started:      Tue, 03 Feb 2026 20:54:05 +0000
            Ready:          False
            Restart Count:  0
            Readiness:      http-get http://:8000/status delay=5s timeout=2s period=10s #success=1 #failure=3
            Environment:    <none>
        Conditions:
          Type              Status
          Ready             False
        Events:
          Type     Reason     Age                   From               Message
          ----     ------     ----                  ----               -------
          Warning  Unhealthy  2m (x280 over 47m)    kubelet            Readiness probe failed: HTTP probe failed with statuscode: 400
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| is_ailing(snapshot, pod)) {
        let owner = snapshot.top_owner(pod.object);
        for container in pod.containers().iter().filter(|container| !container.init) {
            for probe in Probe::of(container) {
                if !findings.iter().any(|finding| finding.subject == owner) {
                    findings.extend(judge(input, rule, &owner, &pod, container, &probe));
                }
            }
        }
    }
    findings
}

fn judge(
    input: &Input<'_>,
    rule: &RuleHeader,
    owner: &Subject,
    pod: &PodView<'_>,
    container: &ContainerInstance<'_>,
    probe: &Probe<'_>,
) -> Option<Finding> {
    let snapshot = input.snapshot;
    let scheme = probe.scheme()?;
    let events = failures(snapshot, pod, probe.kind);
    let says = |words: &str| events.iter().copied().find(|event| event.message.contains(words));
    let serves_tls: Vec<_> = snapshot
        .hits("probe-scheme-mismatch/serves")
        .filter(|hit| hit.about.object.kind == "Pod" && hit.about.object.name == pod.name())
        .collect();
    let (port, _) = probe.port()?;
    let number = port.as_i64();
    // Ports and names that are TLS by convention: IANA's 443, its usual unprivileged twins, and port names that say so.
    let is_tls_port = matches!(number, Some(443 | 8443 | 9443 | 6443))
        || port
            .as_str()
            .is_some_and(|name| name.contains("https") || name.contains("tls"));
    let (event, serves) = if scheme == "HTTPS" {
        (
            says("server gave HTTP response to HTTPS client")
                .or_else(|| says("first record does not look like a TLS handshake"))?,
            "HTTP",
        )
    } else {
        let garbled = says("malformed HTTP response \"\\x15\\x03").or_else(|| says("malformed HTTP response"));
        let status = says("statuscode: 400").filter(|_| is_tls_port || !serves_tls.is_empty());
        (garbled.or(status)?, "HTTPS")
    };
    let resource = owner.kind.to_lowercase();
    let field = format!(
        "spec.template.spec.containers[{}].{}.httpGet.scheme",
        container.name,
        probe.kind.field()
    );
    let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [{"name": container.name, probe.kind.field(): {"httpGet": {"scheme": serves}}}]}}}});
    let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
    let mut finding = Finding::new(rule, owner.clone(), Confidence::Confirmed)
        .at(field)
        .cite(event.cite.clone())
        .cite(pod.object.cite_at(&format!("{}/httpGet", probe.pointer)))
        .fact("kind", probe.kind.word().to_lowercase())
        .fact("scheme", scheme)
        .fact("serves", serves)
        .fact(
            "port",
            port.as_str().map_or_else(|| port.to_string(), ToOwned::to_owned),
        )
        .fact("container", container.name)
        .fact("pod", pod.name())
        .fact("reason", reason(event).chars().take(200).collect::<String>())
        .fact(
            "patchable",
            matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
        )
        .fact("resource", resource)
        .fact("patch", patch.to_string())
        .affects(subject.clone());
    finding.touches.extend(workload_touches(snapshot, &subject));
    for hit in serves_tls.into_iter().take(2) {
        finding.add_cite(hit.cite.clone());
    }
    Some(finding)
}
