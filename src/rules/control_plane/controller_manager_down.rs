//! No controller manager is at work: what is declared is not brought about.

use crate::rules::toolbox::planes::down;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: controller-manager-down
role: cause
level: critical
needs: [pods|leases|cri-containers|systemd-units]
check:
  zh: "kube-controller-manager 是否在运行"
  en: "whether kube-controller-manager runs"
title:
  zh: "kube-controller-manager 没有运行{% if state %}（{{ state }}）{% elif absent %}：控制面 Pod 列表中没有它{% elif lease_minutes %}：它的租约已 {{ lease_minutes }} 分钟没有续期{% endif %}，声明的对象不再被实现（没有新的 ReplicaSet、端点与 Pod）"
  en: "kube-controller-manager does not run{% if state %} ({{ state }}){% elif absent %}: the list of the control plane's pods lacks it{% elif lease_minutes %}: nobody has renewed its lease for {{ lease_minutes }} minutes{% endif %}, so what is declared is no longer brought about (no new ReplicaSets, endpoints, pods)"
cause:
  zh: "集群中没有正在工作的 kube-controller-manager{% if state %}：{{ subject.name }} 的状态是 {{ state }}{% endif %}{% if lease_minutes %}；租约 kube-system/kube-controller-manager 已 {{ lease_minutes }} 分钟没有续期，而其他租约仍在更新{% endif %}。{% if behind %}Deployment {{ behind|join('、') }} 的改动没有被任何控制器处理。{% else %}Deployment、Job、端点、证书请求与卷的改动都不会被处理。{% endif %}"
  en: "no instance of kube-controller-manager is at work{% if state %}: {{ subject.name }} is {{ state }}{% endif %}{% if lease_minutes %}; nobody has renewed the lease kube-system/kube-controller-manager for {{ lease_minutes }} minutes while others are renewed{% endif %}. {% if behind %}No controller has taken up the last change of Deployments {{ behind|join(', ') }}.{% else %}Changes of Deployments, Jobs, endpoints, certificate requests and volumes are not taken up.{% endif %}"
rules_out:
  - {zh: "API 服务器与 etcd：其他租约与对象仍在更新", en: "API server and etcd: other leases and objects are still being written"}
questions:
  - {zh: "它的清单或参数最近是否被改过？", en: "was its manifest changed lately?"}
causes:
  - rule: workload-unavailable
    ground: cluster
    mechanism: {zh: "没有控制器创建 Pod", en: "no controller creates pods"}
  - rule: endpoints-missing
    ground: cluster
    mechanism: {zh: "没有控制器维护端点", en: "no controller keeps the endpoints"}
  - rule: pvc-pending
    ground: cluster
    mechanism: {zh: "没有控制器绑定卷", en: "no controller binds volumes"}
  - rule: crashloopbackoff
    ground: pod
    mechanism: {zh: "控制器管理器自身反复退出", en: "the controller manager itself keeps ending"}
  - rule: deployment-rollout-stuck
    ground: cluster
    mechanism: {zh: "没有控制器处理 Deployment", en: "no controller acts on Deployments"}
  - rule: app-permission-denied
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-config-invalid
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-unknown-option
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-missing-file
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-port-in-use
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-resources-exhausted
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-bug
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
  - rule: app-panic
    ground: pod
    mechanism: {zh: "控制器管理器自己的日志说的是同一故障", en: "its own log tells of the same failure"}
benign:
  - {zh: "kubectl get componentstatuses 自 1.19 起对 10251、10252 端口报告 connection refused 是正常的", en: "since 1.19 kubectl get componentstatuses says connection refused for ports 10251 and 10252, which is normal"}
  - {zh: "k3s 把它内嵌在一个进程中，没有 Pod 也没有容器", en: "k3s has it inside one process: no pod and no container is normal there"}
  - {zh: "多个实例时只有一个持有租约，其余空闲", en: "of several instances one holds the lease and the others idle"}
remedy:
  - purpose: {zh: "查看租约由谁持有、何时续期", en: "see who holds the lease and when it was renewed"}
    place: cluster
    risk: read-only
    command: "kubectl -n kube-system get lease kube-controller-manager -o yaml"
    expect: {zh: "renewTime 距今应小于 15 秒", en: "a renewTime less than 15 seconds ago"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在控制面节点上查看容器", en: "look at its container on the node of the control plane"}
    place: node
    risk: read-only
    command: "crictl ps -a --name kube-controller-manager"
    expect: {zh: "没有 Running 的容器", en: "no container that is Running"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按日志改正参数或清单（备份先放在目录之外），kubelet 随后重建 Pod", en: "correct flags or manifest after what its log says (keep a copy outside the directory); the kubelet then starts the pod anew"}
    place: node
    risk: change
    command: "vi /etc/kubernetes/manifests/kube-controller-manager.yaml"
    verify: {zh: "`crictl ps --name kube-controller-manager` 显示 Running，租约重新续期", en: "`crictl ps --name kube-controller-manager` shows it Running, and its lease is renewed"}
    rollback: {zh: "用备份的清单覆盖回去", en: "put the saved manifest back"}
prevention:
  - kind: detect
    text: {zh: "对 up{job=\"kube-controller-manager\"} 为 0 与租约 1 分钟未续期告警", en: "alert when kube-controller-manager is down or its lease is not renewed for a minute"}
    acceptance: {zh: "停掉测试集群的该组件后按时收到告警", en: "stopping it in a test cluster raises the alert in time"}
  - kind: process
    text: {zh: "修改静态 Pod 清单前先备份，改后检查容器", en: "save a manifest before a change and look at its container after it"}
    acceptance: {zh: "演练中能在 5 分钟内恢复", en: "a drill recovers within 5 minutes"}
sources: ["kubernetes staging/src/k8s.io/component-base/config: LeaderElectionConfiguration (15 s, 10 s, 2 s)", "kubernetes pkg/kubelet/config/common.go: generatePodName"]
versions: "Kubernetes 1.14 to 1.36 (leases since 1.14)"
examples:
  - name: "its static pod keeps ending"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "kube-controller-manager-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-controller-manager", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-controller-manager", "ready": false, "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}, {"metadata": {"name": "kube-apiserver-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-apiserver", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-apiserver", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}]}'
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-controller-manager-cp1"}]
  - name: "its container has exited"
    files:
      "nodes/cp1/crictl-psa.txt": |
        CONTAINER           IMAGE               CREATED             STATE               NAME                      ATTEMPT             POD ID              POD
        3e7d1151cf93a       a1b2c3d4e5f60       2 hours ago         Running             kube-apiserver            0                   11aa22bb33cc4       kube-apiserver-cp1
        4e7d1151cf93a       a1b2c3d4e5f60       5 minutes ago       Exited              kube-controller-manager   14                  21aa22bb33cc4       kube-controller-manager-cp1
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "one holds the lease and works"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "kube-controller-manager-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-controller-manager", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-controller-manager", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}, {"metadata": {"name": "kube-apiserver-cp1", "namespace": "kube-system", "ownerReferences": [{"kind": "Node", "name": "cp1", "controller": true}]}, "spec": {"nodeName": "cp1", "containers": [{"name": "kube-apiserver", "image": "r.example/x:1"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-apiserver", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}]}'
      "leases.json": '{"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "items": [{"metadata": {"name": "kube-controller-manager", "namespace": "kube-system"}, "spec": {"holderIdentity": "cp1_x", "leaseDurationSeconds": 15, "renewTime": "2026-02-24T14:29:58.000000Z"}}, {"metadata": {"name": "cp1", "namespace": "kube-node-lease"}, "spec": {"holderIdentity": "cp1_x", "leaseDurationSeconds": 15, "renewTime": "2026-02-24T14:30:00.000000Z"}}]}'
"##;

/// More names would not help a reader.
const NAMED: usize = 5;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = down(input, rule, "kube-controller-manager");
    // A controller writes the generation that it has taken up (apps/v1 DeploymentStatus.observedGeneration).
    let behind: Vec<_> = input
        .snapshot
        .kind("Deployment")
        .filter(|deployment| {
            let wanted = deployment.int("/metadata/generation");
            wanted.is_some()
                && deployment.get("/status").is_some()
                && deployment.int("/status/observedGeneration") < wanted
        })
        .take(NAMED)
        .collect();
    for finding in &mut findings {
        let names: Vec<&str> = behind.iter().map(|deployment| deployment.key.name.as_str()).collect();
        finding.facts.insert("behind".into(), names.into());
        for deployment in &behind {
            finding.add_cite(deployment.cite_at("/status/observedGeneration"));
            finding.add_affected(deployment.subject());
        }
    }
    findings
}
