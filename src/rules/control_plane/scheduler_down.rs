//! No scheduler is at work: new pods stay pending and nobody says why.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::planes::{down, instances, unseen_by_scheduler};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: scheduler-down
role: cause
level: critical
needs: [pods|leases|cri-containers|systemd-units]
check:
  zh: "kube-scheduler 是否在运行"
  en: "whether kube-scheduler runs"
title:
  zh: "kube-scheduler 没有运行{% if state %}（{{ state }}）{% elif absent %}：控制面 Pod 列表中没有它{% elif lease_minutes %}：它的租约已 {{ lease_minutes }} 分钟没有续期{% endif %}，新建的 Pod 一直 Pending 且没有任何事件"
  en: "kube-scheduler does not run{% if state %} ({{ state }}){% elif absent %}: the list of the control plane's pods lacks it{% elif lease_minutes %}: nobody has renewed its lease for {{ lease_minutes }} minutes{% endif %}, so new pods stay Pending without a single event"
cause:
  zh: "集群中没有正在工作的 kube-scheduler{% if state %}：{{ subject.name }} 的状态是 {{ state }}{% endif %}{% if lease_minutes %}；租约 kube-system/kube-scheduler 已 {{ lease_minutes }} 分钟没有续期，而其他租约仍在更新{% endif %}。{% if pending %}Pod {{ pending|join('、') }} 没有 PodScheduled 条件，也没有事件：没有调度器看过它们。{% else %}新的 Pod 不会被分配到节点。{% endif %}"
  en: "no instance of kube-scheduler is at work{% if state %}: {{ subject.name }} is {{ state }}{% endif %}{% if lease_minutes %}; nobody has renewed the lease kube-system/kube-scheduler for {{ lease_minutes }} minutes while others are renewed{% endif %}. {% if pending %}Pods {{ pending|join(', ') }} have neither the condition PodScheduled nor an event: no scheduler has looked at them.{% else %}New pods are bound to no node.{% endif %}"
rules_out:
  - {zh: "API 服务器与 etcd：其他租约与对象仍在更新", en: "API server and etcd: other leases and objects are still being written"}
questions:
  - {zh: "它的清单或参数最近是否被改过？", en: "was its manifest changed lately?"}
causes:
  - rule: workload-unavailable
    ground: cluster
    mechanism: {zh: "没有调度器，新的 Pod 不会启动", en: "without a scheduler no new pod starts"}
  - rule: pvc-pending
    ground: cluster
    mechanism: {zh: "等待首个使用者的卷要由调度器选定节点", en: "a volume that waits for its first consumer needs the scheduler's choice"}
  - rule: crashloopbackoff
    ground: pod
    mechanism: {zh: "调度器自身反复退出", en: "the scheduler itself keeps ending"}
  - rule: pod-pending
    ground: cluster
    mechanism: {zh: "没有调度器处理新的 Pod", en: "no scheduler looks at new pods"}
  - rule: app-permission-denied
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-config-invalid
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-unknown-option
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-missing-file
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-port-in-use
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-resources-exhausted
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-bug
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-panic
    ground: pod
    mechanism: {zh: "调度器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
benign:
  - {zh: "kubectl get componentstatuses 自 1.19 起对 10251、10252 端口报告 connection refused 是正常的", en: "since 1.19 kubectl get componentstatuses says connection refused for ports 10251 and 10252, which is normal"}
  - {zh: "k3s 把它内嵌在一个进程中，没有 Pod 也没有容器", en: "k3s has it inside one process: no pod and no container is normal there"}
  - {zh: "多个实例时只有一个持有租约，其余空闲", en: "of several instances one holds the lease and the others idle"}
remedy:
  - purpose: {zh: "查看租约由谁持有、何时续期", en: "see who holds the lease and when it was renewed"}
    place: cluster
    risk: read-only
    command: "kubectl -n kube-system get lease kube-scheduler -o yaml"
    expect: {zh: "renewTime 距今应小于 15 秒", en: "a renewTime less than 15 seconds ago"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在控制面节点上查看容器", en: "look at its container on the node of the control plane"}
    place: node
    risk: read-only
    command: "crictl ps -a --name kube-scheduler"
    expect: {zh: "没有 Running 的容器", en: "no container that is Running"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按日志改正参数或清单（备份先放在目录之外），kubelet 随后重建 Pod", en: "correct flags or manifest after what its log says (keep a copy outside the directory); the kubelet then starts the pod anew"}
    place: node
    risk: change
    command: "vi /etc/kubernetes/manifests/kube-scheduler.yaml"
    verify: {zh: "`crictl ps --name kube-scheduler` 显示 Running，租约重新续期", en: "`crictl ps --name kube-scheduler` shows it Running, and its lease is renewed"}
    rollback: {zh: "用备份的清单覆盖回去", en: "put the saved manifest back"}
prevention:
  - kind: detect
    text: {zh: "对 up{job=\"kube-scheduler\"} 为 0 与租约 1 分钟未续期告警", en: "alert when kube-scheduler is down or its lease is not renewed for a minute"}
    acceptance: {zh: "停掉测试集群的该组件后按时收到告警", en: "stopping it in a test cluster raises the alert in time"}
  - kind: process
    text: {zh: "修改静态 Pod 清单前先备份，改后检查容器", en: "save a manifest before a change and look at its container after it"}
    acceptance: {zh: "演练中能在 5 分钟内恢复", en: "a drill recovers within 5 minutes"}
sources: ["kubernetes staging/src/k8s.io/component-base/config: LeaderElectionConfiguration (15 s, 10 s, 2 s)", "kubernetes pkg/kubelet/config/common.go: generatePodName"]
versions: "Kubernetes 1.14 to 1.36 (leases since 1.14)"
examples:
  - name: "its static pod keeps ending, and a pod waits"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "kube-scheduler-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-scheduler", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-scheduler", "ready": false, "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}, {"metadata": {"name": "kube-apiserver-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-apiserver", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-apiserver", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}, {"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"containers": [{"name": "web", "image": "r.example/web:1"}]}, "status": {"phase": "Pending"}}]}'
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-scheduler-cp1"}]
  - name: "its lease is old while others are renewed"
    files:
      "leases.json": '{"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "items": [{"metadata": {"name": "kube-scheduler", "namespace": "kube-system"}, "spec": {"holderIdentity": "cp1_x", "leaseDurationSeconds": 15, "renewTime": "2026-02-24T14:00:00.000000Z"}}, {"metadata": {"name": "kube-controller-manager", "namespace": "kube-system"}, "spec": {"holderIdentity": "cp1_x", "leaseDurationSeconds": 15, "renewTime": "2026-02-24T14:30:00.000000Z"}}]}'
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.28.4
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "its pod is missing from the list"
    files:
      "pods.txt": |
        NAMESPACE     NAME                          READY   STATUS    RESTARTS   AGE   IP           NODE     NOMINATED NODE   READINESS GATES
        kube-system   coredns-6bdf8c9d7-jd5lx       1/1     Running   0          9d    10.42.0.2    cp1      <none>           <none>
        kube-system   etcd-cp1                      1/1     Running   0          9d    10.0.0.1     cp1      <none>           <none>
        kube-system   kube-apiserver-cp1            1/1     Running   0          9d    10.0.0.1     cp1      <none>           <none>
        kube-system   kube-controller-manager-cp1   1/1     Running   0          9d    10.0.0.1     cp1      <none>           <none>
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-scheduler-cp1"}]
  - name: "who listed the controller manager would have seen it"
    files:
      "pods.txt": |
        NAMESPACE     NAME                          READY   STATUS    RESTARTS   AGE
        kube-system   kube-apiserver-cp1            1/1     Running   0          9d
        kube-system   kube-controller-manager-cp1   1/1     Running   0          9d
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-scheduler-cp1"}]
  - name: "a description without a condition, and nothing of the control plane"
    files:
      "describe.txt": |
        Name:             web-0
        Namespace:        shop
        Priority:         0
        Service Account:  default
        Node:             <none>
        Labels:           app=web
        Annotations:      <none>
        Status:           Pending
        IP:
        IPs:              <none>
        Containers:
          web:
            Image:        r.example/web:1
            Port:         <none>
            Host Port:    <none>
            Environment:  <none>
            Mounts:       <none>
        QoS Class:        BestEffort
        Node-Selectors:   <none>
        Tolerations:      node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
        Events:           <none>
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-scheduler"}]
  - name: "it has looked at another pod of the same workload, whose events alone were collected"
    files:
      "pods.txt": |
        $ kubectl get pods -n shop
        NAME                   READY   STATUS    RESTARTS   AGE
        web-7c8b6d9f54-b7wtz   0/1     Pending   0          35m
        web-7c8b6d9f54-vv2hj   0/1     Pending   0          35m

        $ kubectl describe pod -n shop web-7c8b6d9f54-b7wtz | tail -4
        Events:
          Type     Reason            Age                   From               Message
          ----     ------            ----                  ----               -------
          Warning  FailedScheduling  4m58s (x7 over 35m)   default-scheduler  0/2 nodes are available: 2 Insufficient cpu.
  - name: "one of two runs"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "kube-scheduler-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-scheduler", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-scheduler", "ready": false, "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}, {"metadata": {"name": "kube-scheduler-cp2", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp2", "controller": true}]}, "spec": {"nodeName": "cp2", "containers": [{"name": "kube-scheduler", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-scheduler", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}]}'
  - name: "the scheduler has said that nothing fits"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "kube-scheduler-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-scheduler", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-scheduler", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}, {"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"containers": [{"name": "web", "image": "r.example/web:1"}]}, "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}}]}'
  - name: "a component status of a newer release"
    files:
      "cs.txt": |
        NAME                 STATUS      MESSAGE                                                                                       ERROR
        scheduler            Unhealthy   Get "http://127.0.0.1:10251/healthz": dial tcp 127.0.0.1:10251: connect: connection refused
        etcd-0               Healthy     {"health":"true"}
"##;

const COMPONENT: &str = "kube-scheduler";
/// More names would not help a reader.
const NAMED: usize = 5;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = down(input, rule, COMPONENT);
    let unseen = unseen_by_scheduler(snapshot, "default-scheduler");
    let is_up = instances(snapshot, COMPONENT).iter().any(|instance| instance.is_up);
    if findings.is_empty()
        && !is_up
        && let Some(pod) = unseen.first()
    {
        // Nothing of the control plane was collected; what it left undone shows it.
        let subject = Subject::namespaced("Pod", "kube-system", COMPONENT);
        findings.push(
            Finding::new(rule, subject, Confidence::Probable)
                .cite(pod.object.cite_at("/status/phase"))
                .fact("component", COMPONENT)
                .fact("state", "")
                .fact("lease_minutes", 0)
                .fact("absent", false),
        );
    }
    for finding in &mut findings {
        let names: Vec<&str> = unseen.iter().take(NAMED).map(|pod| pod.name()).collect();
        finding.facts.insert("pending".into(), names.into());
        for pod in &unseen {
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            finding.touches.extend(workload_touches(snapshot, &subject));
            finding.add_affected(subject);
        }
    }
    findings
}
