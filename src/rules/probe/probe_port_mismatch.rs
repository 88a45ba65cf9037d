//! A probe asks a port on which its container does not listen.

use serde_json::Value;

use crate::bundle::decode::Form;
use crate::cluster::{ContainerInstance, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::probes::{Kind, Probe, failures, has_log, is_ailing, listens, reason};
use crate::rules::toolbox::services::container_ports;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: probe-port-mismatch
role: cause
level: critical
needs: [pods]
text:
  - id: listening
    in: [container-log]
    pattern: '(?i)(?:listening|listens|listen|serving|server started|started (?:server|service)? ?on|running (?:on|at)|started on port|bound to|accepting connections)[^\n]{0,70}?(?:port(?:\(s\)|s)?:? ?|:)(?P<port>80|81|443|\d{4,5})(?:\D|$)'
    unless: '(?i)failed|cannot|error|unable'
check:
  zh: '探针的端口是否就是应用监听的端口'
  en: 'whether probes ask the port that the application listens on'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{{ kind|raw }} 探针访问端口 {{ port }}，而容器 {{ container }} {% if listening %}监听 {{ listening }}{% else %}声明的端口是 {{ declared }}{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the {{ kind|raw }} probe asks port {{ port }}, while container {{ container }} {% if listening %}listens on {{ listening }}{% else %}declares {{ declared }}{% endif %}'
cause:
  zh: '{{ kind|raw }} 探针（{{ field|raw }}）访问端口 {{ port }}，而容器 {{ container }} {% if listening %}的日志写明它监听 {{ listening }}{% else %}声明的端口是 {{ declared }}{% endif %}：探针得不到应答，与应用是否健康无关。'
  en: 'the {{ kind|raw }} probe ({{ field|raw }}) asks port {{ port }}, while container {{ container }} {% if listening %}says in its log that it listens on {{ listening }}{% else %}declares {{ declared }}{% endif %}: the probe gets no answer, however well the application is.'
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
  - zh: 'containerPort 只是说明，应用可以监听未声明的端口：探针成功就没有问题'
    en: 'containerPort is only informative; an application may listen on a port that it does not declare, and a probe that passes is right'
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
      zh: '把探针端口改为应用监听的端口'
      en: 'let the probe ask the port that the application listens on'
    place: cluster
    risk: change
    when: 'patchable'
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}patch {{ resource }} {{ subject.name }} --type=strategic -p {{ patch }}'
    expect:
      zh: '{{ resource }}.apps/{{ subject.name }} patched'
      en: '{{ resource }}.apps/{{ subject.name }} patched'
    verify:
      zh: '新 Pod 就绪，不再出现 Unhealthy 事件'
      en: 'the new pod is ready and there are no more Unhealthy events'
    rollback:
      zh: '`kubectl rollout undo` 回到上一个版本'
      en: '`kubectl rollout undo` to the former revision'
prevention:
  - kind: prevent
    text:
      zh: '探针引用端口名而不是数字，并在流水线中检查端口名存在'
      en: 'let probes name ports instead of numbers, and check the names in the pipeline'
    acceptance:
      zh: '端口名不存在的清单在流水线中失败'
      en: 'a manifest with an unknown port name fails there'
sources:
  - 'kubernetes pkg/kubelet/prober/prober.go, pkg/probe/http, pkg/probe/util.go ResolveContainerPort'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'the readiness probe asks 8080, the server listens on 8000'
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
            Readiness:      http-get http://:8080/status delay=5s timeout=2s period=10s #success=1 #failure=3
            Environment:    <none>
        Conditions:
          Type              Status
          Ready             False
        Events:
          Type     Reason     Age                   From               Message
          ----     ------     ----                  ----               -------
          Warning  Unhealthy  2m (x280 over 47m)    kubelet            Readiness probe failed: Get "http://10.1.77.40:8080/status": dial tcp 10.1.77.40:8080: connect: connection refused
      'logs/tile-server-85c7b6f9d8-m4tvh.log': |
        INF http server listening on 0.0.0.0:8000
    fires:
      - {kind: 'Deployment', namespace: 'geo', name: 'tile-server'}
  - name: 'objects without a log'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"containers": [{"name": "app", "ports": [{"containerPort": 80}], "livenessProbe": {"tcpSocket": {"port": 8080}}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "Error"}}}]}}]}'
      'events.json': '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "Unhealthy", "message": "Liveness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'web'}
  - name: 'a port that is not declared but answers'
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
            Ready:          True
            Restart Count:  0
            Readiness:      http-get http://:8080/status delay=5s timeout=2s period=10s #success=1 #failure=3
            Environment:    <none>
        Conditions:
          Type              Status
          Ready             True
  - name: 'the right port, an application that does not answer'
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
          Warning  Unhealthy  2m (x280 over 47m)    kubelet            Readiness probe failed: Get "http://10.1.77.40:8080/status": dial tcp 10.1.77.40:8080: connect: connection refused
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods().filter(|pod| is_ailing(snapshot, pod)) {
        let owner = snapshot.top_owner(pod.object);
        let specs: Vec<Value> = pod.object.list("/spec/containers").to_vec();
        for container in pod.containers().iter().filter(|container| !container.init) {
            for probe in Probe::of(container) {
                if findings.iter().any(|finding| finding.subject == owner) {
                    continue;
                }
                findings.extend(judge(input, rule, &owner, &pod, container, &probe, &specs));
            }
        }
    }
    findings
}

/// True when a pod of the same workload is ready by this very readiness probe: then the port is right. Of another kind nobody knows the
/// outcome.
fn answers_elsewhere(snapshot: &Snapshot, owner: &Subject, probe: &Probe<'_>) -> bool {
    if probe.kind != Kind::Readiness {
        return false;
    }
    let asked = |probe: &Probe<'_>| probe.port().map(|(port, _)| (probe.kind, port.clone()));
    let own = asked(probe);
    snapshot.pods_of(owner).filter(|pod| pod.is_well()).any(|pod| {
        let containers = pod.containers();
        containers
            .iter()
            .any(|container| Probe::of(container).iter().any(|other| asked(other) == own))
    })
}

fn judge(
    input: &Input<'_>,
    rule: &RuleHeader,
    owner: &Subject,
    pod: &PodView<'_>,
    container: &ContainerInstance<'_>,
    probe: &Probe<'_>,
    specs: &[Value],
) -> Option<Finding> {
    let snapshot = input.snapshot;
    let (port, at) = probe.port()?;
    // Any container of the pod may answer: they share an address.
    let declared = container_ports(specs);
    let own = container
        .spec
        .map_or_else(Vec::new, |spec| container_ports(std::slice::from_ref(spec)));
    let says = listens(snapshot, pod);
    let events = failures(snapshot, pod, probe.kind);
    let refused = events.iter().any(|event| {
        reason(event).contains("refused")
            || reason(event).contains("invalid port")
            || reason(event).contains("couldn't find port")
    });
    if !events.is_empty() && !refused || answers_elsewhere(snapshot, owner, probe) {
        return None;
    }
    let wanted = port.as_i64();
    let is_declared = match wanted {
        Some(number) => declared.iter().any(|(_, known, _)| *known == number),
        None => own.iter().any(|(name, ..)| Some(*name) == port.as_str()),
    };
    // A description shows the numbers of ports alone.
    if wanted.is_none() && !matches!(pod.object.form, Form::Api) && own.iter().all(|(name, ..)| name.is_empty()) {
        return None;
    }
    let answers = wanted.is_some_and(|number| says.iter().any(|(known, _)| *known == number));
    if answers || (is_declared && says.is_empty()) || (!is_declared && declared.is_empty() && says.is_empty()) {
        return None;
    }
    // A program with several ports does not announce each: it is no contradiction that it says one that is declared beside this one.
    let says_all = says
        .iter()
        .all(|(port, _)| declared.iter().any(|(_, known, _)| known == port));
    if is_declared && events.is_empty() && says_all {
        return None;
    }
    // A program that has not said yet where it listens may still be starting.
    if says.is_empty() && has_log(snapshot, pod) && wanted.is_some() && events.is_empty() {
        return None;
    }
    let listening: Vec<String> = says.iter().map(|(port, _)| port.to_string()).collect();
    let field = format!(
        "spec.template.spec.containers[{}].{}{}",
        container.name,
        probe.kind.field(),
        at.replace('/', ".")
    );
    let resource = owner.kind.to_lowercase();
    let right = says
        .first()
        .map(|(port, _)| *port)
        .or_else(|| own.first().map(|(_, port, _)| *port));
    let handler = at.trim_start_matches('/').split('/').next().unwrap_or("").to_owned();
    let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [{"name": container.name, probe.kind.field(): {handler: {"port": right}}}]}}}});
    let confidence = if says.is_empty() && events.is_empty() {
        Confidence::Probable
    } else {
        Confidence::Confirmed
    };
    let mut finding = Finding::new(rule, owner.clone(), confidence)
        .at(field.clone())
        .cite(pod.object.cite_at(&format!("{}{at}", probe.pointer)))
        .fact("kind", probe.kind.word().to_lowercase())
        .fact(
            "port",
            port.as_str().map_or_else(|| port.to_string(), ToOwned::to_owned),
        )
        .fact("container", container.name)
        .fact("pod", pod.name())
        .fact("field", field)
        .fact("listening", listening.join(", "))
        .fact(
            "declared",
            own.iter()
                .map(|(_, port, _)| port.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        )
        .fact(
            "patchable",
            matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset") && right.is_some(),
        )
        .fact("resource", resource)
        .fact("patch", patch.to_string())
        .affects(Subject::namespaced("Pod", pod.namespace(), pod.name()));
    finding.touches.extend(workload_touches(
        snapshot,
        &Subject::namespaced("Pod", pod.namespace(), pod.name()),
    ));
    if !own.is_empty() {
        finding.add_cite(pod.object.cite_at(&format!("{}/ports", container.spec_pointer)));
    }
    for cite in says
        .into_iter()
        .map(|(_, cite)| cite)
        .chain(events.iter().map(|event| event.cite.clone()))
        .take(4)
    {
        finding.add_cite(cite);
    }
    Some(finding)
}
