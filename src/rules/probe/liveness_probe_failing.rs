//! The liveness probe of a container fails: why it is restarted or gets no traffic, not yet why it does not answer.

use crate::rules::toolbox::probes::{Kind, failing};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: liveness-probe-failing
role: link
level: critical
needs: [events, pods]
check:
  zh: '存活探针是否失败'
  en: 'whether a liveness probe fails'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：容器 {{ container }} 的存活探针失败（{{ reason }}）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the liveness probe of container {{ container }} fails ({{ reason }})'
cause:
  zh: '存活探针失败 {{ times }} 次（{{ reason }}），kubelet 因此反复重启容器（已重启 {{ restarts }} 次）。采集到的数据没有说明应用为何不应答。'
  en: 'the liveness probe failed {{ times|times }} ({{ reason }}), so the kubelet restarts it again and again ({{ restarts|restarts }}). The collected data does not say why the application does not answer.'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
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
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "新版本的容器被反复重启", en: "containers of the new revision are restarted again and again"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 的 Pod 不就绪", en: "pods of the webhook are not ready"}
benign:
  - zh: '启动或滚动更新期间的几次失败，之后 Pod 就绪，不算'
    en: 'a few failures at start or during a rollout do not count once the pod is ready'
  - zh: '退出码 137 只有在原因为 OOMKilled 时才是内存不足'
    en: 'exit code 137 is a lack of memory only with the reason OOMKilled'
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
prevention:
  - kind: prevent
    text:
      zh: '为启动慢的应用配置 startupProbe，存活探针不检查下游依赖'
      en: 'give slow starters a startupProbe; let liveness check no downstream'
    acceptance:
      zh: '下游停止时 Pod 不重启'
      en: 'no pod restarts when a downstream stops'
  - kind: detect
    text:
      zh: '对 Unhealthy 事件速率告警'
      en: 'alert on the rate of Unhealthy events'
    acceptance:
      zh: '测试 Pod 探针失败 5 分钟内收到告警'
      en: 'a failing test pod raises the alert within 5 minutes'
sources:
  - 'kubernetes pkg/kubelet/prober/prober.go, prober_manager.go'
  - 'kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'it fails now; tables'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        cart-6bdf8c9d7-jd5lx              0/1     Running            6 (40s ago)   41m
      'events.txt': |
        NAMESPACE   LAST SEEN   TYPE      REASON      OBJECT                                   MESSAGE
        shop        2m          Warning   Unhealthy   pod/cart-6bdf8c9d7-jd5lx                 Liveness probe failed: HTTP probe failed with statuscode: 500
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'cart'}
  - name: 'it failed at start and passes now'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        cart-6bdf8c9d7-jd5lx              1/1     Running            0             41m
      'events.txt': |
        NAMESPACE   LAST SEEN   TYPE      REASON      OBJECT                                   MESSAGE
        shop        2m          Warning   Unhealthy   pod/cart-6bdf8c9d7-jd5lx                 Liveness probe failed: HTTP probe failed with statuscode: 500
  - name: 'restarted once over it, and it fails again; without a readiness probe the pod is ready'
    files:
      'all.yaml': |
        apiVersion: v1
        kind: Pod
        metadata: {name: cart, namespace: shop, uid: '1', creationTimestamp: '2026-01-05T10:00:00Z'}
        spec: {nodeName: n1, containers: [{name: app, livenessProbe: {exec: {command: [/bin/check]}, periodSeconds: 10}}]}
        status:
          phase: Running
          conditions: [{type: Ready, status: 'True'}]
          containerStatuses:
            - name: app
              ready: true
              restartCount: 1
              state: {running: {startedAt: '2026-01-05T10:01:00Z'}}
              lastState: {terminated: {exitCode: 137, reason: Error, startedAt: '2026-01-05T10:00:01Z', finishedAt: '2026-01-05T10:00:59Z'}}
        ---
        apiVersion: v1
        kind: Event
        metadata: {name: cart.1, namespace: shop}
        involvedObject: {kind: Pod, name: cart, namespace: shop, fieldPath: 'spec.containers{app}'}
        type: Warning
        reason: Unhealthy
        message: 'Liveness probe failed: no answer'
        count: 4
        firstTimestamp: '2026-01-05T10:00:20Z'
        lastTimestamp: '2026-01-05T10:01:12Z'
        ---
        apiVersion: v1
        kind: Event
        metadata: {name: cart.2, namespace: shop}
        involvedObject: {kind: Pod, name: cart, namespace: shop, fieldPath: 'spec.containers{app}'}
        type: Normal
        reason: Killing
        message: 'Container app failed liveness probe, will be restarted'
        count: 1
        firstTimestamp: '2026-01-05T10:00:29Z'
        lastTimestamp: '2026-01-05T10:00:29Z'
    fires:
      - {kind: 'Pod', namespace: 'shop', name: 'cart'}
  - name: 'restarted once over it, and it has passed since'
    files:
      'all.yaml': |
        apiVersion: v1
        kind: Pod
        metadata: {name: cart, namespace: shop, uid: '1', creationTimestamp: '2026-01-05T10:00:00Z'}
        spec: {nodeName: n1, containers: [{name: app, livenessProbe: {exec: {command: [/bin/check]}, periodSeconds: 10}}]}
        status:
          phase: Running
          conditions: [{type: Ready, status: 'True'}]
          containerStatuses:
            - name: app
              ready: true
              restartCount: 1
              state: {running: {startedAt: '2026-01-05T10:01:00Z'}}
              lastState: {terminated: {exitCode: 137, reason: Error, startedAt: '2026-01-05T10:00:01Z', finishedAt: '2026-01-05T10:00:59Z'}}
        ---
        apiVersion: v1
        kind: Event
        metadata: {name: cart.1, namespace: shop}
        involvedObject: {kind: Pod, name: cart, namespace: shop, fieldPath: 'spec.containers{app}'}
        type: Warning
        reason: Unhealthy
        message: 'Liveness probe failed: no answer'
        count: 4
        firstTimestamp: '2026-01-05T10:00:20Z'
        lastTimestamp: '2026-01-05T10:00:29Z'
        ---
        apiVersion: v1
        kind: Event
        metadata: {name: cart.2, namespace: shop}
        involvedObject: {kind: Pod, name: cart, namespace: shop, fieldPath: 'spec.containers{app}'}
        type: Normal
        reason: Killing
        message: 'Container app failed liveness probe, will be restarted'
        count: 1
        firstTimestamp: '2026-01-05T10:00:29Z'
        lastTimestamp: '2026-01-05T10:00:29Z'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    failing(input, rule, Kind::Liveness)
}
