//! The kernel ends a container that exceeds its memory limit.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use serde_json::Value;

use crate::cluster::{ContainerInstance, Ended, Hit, Object, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::claims::quantity;
use crate::rules::toolbox::moments::latest_moment;
use crate::rules::toolbox::nodes::{is_dated, machine_name, node_of};
use crate::rules::toolbox::speakers::{State, state_of};
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: oomkilled-container
role: cause
level: critical
needs: [pods]
text:
  # mm/memcontrol.c, mem_cgroup_print_oom_meminfo
  - id: memcg
    in: [system, runtime, kubelet, other]
    pattern: 'memory: usage \d+kB, limit (?P<limit_kb>\d+)kB'
  # mm/oom_kill.c, __oom_kill_process
  - id: killed
    in: [system, other]
    pattern: 'Memory cgroup out of memory: Kill(?:ed)? process \d+ \((?P<victim>[^)\n]+)\)'
check:
  zh: '容器是否因超出内存限制被内核结束'
  en: 'whether the kernel ended a container for exceeding its memory limit'
title:
  zh: '{% if victim is defined %}节点 {{ subject.name }} 上有容器超出内存限制，内核杀死了其中的 {{ victim }}（{{ times }} 次）{% else %}{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：容器 {{ container }} 超出内存限制{% if limit %} {{ limit }}{% endif %}，被 OOMKilled{% if restarts %}（重启 {{ restarts }} 次）{% endif %}{% endif %}'
  en: '{% if victim is defined %}a container on node {{ subject.name }} exceeds its memory limit: the kernel killed {{ victim }} in it ({{ times|times }}){% else %}{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: container {{ container }} exceeds its memory limit{% if limit %} of {{ limit }}{% endif %} and is OOMKilled{% if restarts %} ({{ restarts|restarts }}){% endif %}{% endif %}'
cause:
  zh: '内核因{% if victim is defined %}节点 {{ subject.name }} 上的一个容器{% else %}容器 {{ container }} {% endif %}用完了内存限制{% if limit %} {{ limit }}{% endif %} 而结束了它{% if exit_code %}（原因 OOMKilled，退出码 {{ exit_code }}）{% endif %}。要么限制低于应用的正常需要，要么应用泄漏内存。{% if victim is defined %}内核的这几行没有写明是哪个 Pod，也没有采集到 Pod 的状态。{% endif %}'
  en: 'the kernel ended {% if victim is defined %}{{ victim }} in a container on node {{ subject.name }}{% else %}container {{ container }}{% endif %} when it had used up its memory limit{% if limit %} of {{ limit }}{% endif %}{% if exit_code %} (reason OOMKilled, exit code {{ exit_code }}){% endif %}. Either the limit is below what the application normally needs, or the application leaks.{% if victim is defined %} These lines of the kernel do not name the pod, and no status of pods was collected.{% endif %}'
questions:
  - zh: '最近的发布或数据量变化是否提高了内存用量？'
    en: 'did a release or more data raise the use of memory lately?'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '内核结束容器，kubelet 反复重启'
      en: 'the kernel ends the container and the kubelet restarts it'
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '被结束的容器不应答探针'
      en: 'an ended container answers no probe'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '被结束的容器不应答探针'
      en: 'an ended container answers no probe'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都被内核结束'
      en: 'the kernel ends every attempt of the Job'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '没有可用的 Pod'
      en: 'no pod is available'
benign:
  - zh: '退出码 137 而原因不是 OOMKilled，通常是存活探针失败或宽限期结束后的 SIGKILL'
    en: 'exit code 137 without the reason OOMKilled is mostly a SIGKILL after a failed liveness probe or the grace period'
  - zh: '很久以前发生、现在就绪的容器不算'
    en: 'once, long ago, in a container that is ready now does not count'
remedy:
  - purpose:
      zh: '比较实际用量与限制'
      en: 'compare use and limit'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}top pod --containers'
    expect:
      zh: '用量接近限制'
      en: 'use close to the limit'
    verify:
      zh: '确认用量与限制'
      en: 'use and limit are known'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '按实际用量提高内存限制（JVM、Node 等同时调整堆上限）'
      en: 'raise the limit to what is really used (with the heap of a JVM or Node)'
    place: cluster
    risk: change
    when: 'settable'
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}set resources {{ resource }} {{ subject.name }} -c {{ container }} --limits=memory=<NEW_LIMIT> --requests=memory=<NEW_REQUEST>'
    expect:
      zh: 'resource requirements updated'
      en: 'resource requirements updated'
    verify:
      zh: '24 小时内不再出现 OOMKilled'
      en: 'no OOMKilled for 24 hours'
    rollback:
      zh: '`kubectl rollout undo` 回到上一个版本'
      en: '`kubectl rollout undo` to the former revision'
prevention:
  - kind: detect
    text:
      zh: '对工作集达到限制的 90% 告警'
      en: 'alert when the working set reaches 90 % of the limit'
    acceptance:
      zh: '测试容器到 90% 时 5 分钟内收到告警'
      en: 'a test container at 90 % raises the alert within 5 minutes'
  - kind: prevent
    text:
      zh: '以生产数据量做压力测试后再定限制'
      en: 'set limits after a load test with production''s volume'
    acceptance:
      zh: '压力测试一小时内没有 OOMKilled'
      en: 'no OOMKilled in an hour of load'
sources:
  - 'kubernetes pkg/kubelet/kuberuntime, CRI reason OOMKilled'
  - 'containerd pkg/oom; linux mm/memcontrol.c'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'again and again; objects'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "trainer-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "trainer", "controller": true}]}, "spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}]}'
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'trainer'}
  - name: 'the status of a table'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        trainer-6bdf8c9d7-jd5lx           0/1     OOMKilled          4 (50s ago)   41m
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'trainer'}
  - name: 'long ago, ready now'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "trainer-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "trainer", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": true, "restartCount": 1, "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}]}'
  - name: 'ready between two ends; only a log tells the time'
    files:
      'pod.txt': |
        Name:             trainer-0
        Namespace:        shop
        Controlled By:    StatefulSet/trainer
        Status:           Running
        Containers:
          app:
            Image:          hub.example/trainer:1
            State:          Running
              Started:      Mon, 02 Nov 2026 10:08:25 +0000
            Last State:     Terminated
              Reason:       OOMKilled
              Exit Code:    137
              Started:      Mon, 02 Nov 2026 10:04:52 +0000
              Finished:     Mon, 02 Nov 2026 10:08:24 +0000
            Ready:          True
            Restart Count:  6
      'web.log': |
        2026-11-02T10:09:33Z INFO served
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'trainer'}
  - name: 'the runtime learnt too late of the last kill'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "trainer-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "trainer", "controller": true}]}, "spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "24Mi"}}}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 2, "state": {"terminated": {"exitCode": 137, "reason": "Error"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}]}'
    fires: [{kind: StatefulSet, namespace: shop, name: trainer}]
  - name: 'ready since days before the last line of a log'
    files:
      'pod.txt': |
        Name:             trainer-0
        Namespace:        shop
        Controlled By:    StatefulSet/trainer
        Status:           Running
        Containers:
          app:
            Image:          hub.example/trainer:1
            State:          Running
              Started:      Mon, 02 Nov 2026 10:08:25 +0000
            Last State:     Terminated
              Reason:       OOMKilled
              Exit Code:    137
              Started:      Mon, 02 Nov 2026 10:04:52 +0000
              Finished:     Mon, 02 Nov 2026 10:08:24 +0000
            Ready:          True
            Restart Count:  6
      'web.log': |
        2026-11-05T10:09:33Z INFO served
  - name: 'the kernel names the limit of the one that crashes'
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS             RESTARTS        AGE   IP           NODE
        shop        quotes-6bdf8c9d7-jd5lx    0/1     CrashLoopBackOff   11 (4m2s ago)   38m   10.244.1.2   n1
        shop        web-5c8d7f6b9c-x2x4z      1/1     Running            0               3d    10.244.1.3   n1
      'deploy.yaml': |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: quotes, namespace: shop}
        spec: {template: {spec: {containers: [{name: app, image: "hub.example/quotes:1", resources: {limits: {memory: 2Gi}}}]}}}
      'n1/dmesg.txt': |
        Nov  7 09:05:49 n1 kernel: java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=936
        Nov  7 09:05:49 n1 kernel: memory: usage 2097152kB, limit 2097152kB, failcnt 318
        Nov  7 09:05:49 n1 kernel: Memory cgroup out of memory: Killed process 471189 (java) total-vm:6845608kB, anon-rss:2071180kB, file-rss:20824kB
    fires: [{kind: Deployment, namespace: shop, name: quotes}]
  - name: 'the kernel names another limit'
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS             RESTARTS        AGE   IP           NODE
        shop        quotes-6bdf8c9d7-jd5lx    0/1     CrashLoopBackOff   11 (4m2s ago)   38m   10.244.1.2   n1
        shop        web-5c8d7f6b9c-x2x4z      1/1     Running            0               3d    10.244.1.3   n1
      'deploy.yaml': |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: quotes, namespace: shop}
        spec: {template: {spec: {containers: [{name: app, image: "hub.example/quotes:1", resources: {limits: {memory: 1Gi}}}]}}}
      'n1/dmesg.txt': |
        Nov  7 09:05:49 n1 kernel: java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=936
        Nov  7 09:05:49 n1 kernel: memory: usage 2097152kB, limit 2097152kB, failcnt 318
        Nov  7 09:05:49 n1 kernel: Memory cgroup out of memory: Killed process 471189 (java) total-vm:6845608kB, anon-rss:2071180kB, file-rss:20824kB
  - name: 'the kernel names the pod, and the bundle has no pods'
    files:
      'nodes/n1/logs/kubelet.log': |
        E1107 09:05:55.123456     240 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 10s restarting failed container=app pod=trainer-0_shop(8f2c1d0a-1111-2222-3333-444455556666)\"" pod="shop/trainer-0" podUID="8f2c1d0a-1111-2222-3333-444455556666"
      'nodes/n1/dmesg.txt': |
        Nov  7 09:05:49 n1 kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=cri-containerd-0a.scope,mems_allowed=0,oom_memcg=/kubepods.slice/kubepods-pod8f2c1d0a_1111_2222_3333_444455556666.slice,task_memcg=/kubepods.slice/kubepods-pod8f2c1d0a_1111_2222_3333_444455556666.slice/cri-containerd-0a.scope,task=java,pid=471189,uid=0
        Nov  7 09:05:49 n1 kernel: Memory cgroup out of memory: Killed process 471189 (java) total-vm:6845608kB, anon-rss:2071180kB, file-rss:20824kB
    fires: [{kind: Pod, namespace: shop, name: trainer-0}]
  - name: 'the kernel names no pod, and the bundle has no pods'
    files:
      'nodes/n1/dmesg.txt': |
        Nov  7 09:05:49 n1 kernel: Memory cgroup out of memory: Killed process 471189 (java) total-vm:6845608kB, anon-rss:2071180kB, file-rss:20824kB
    fires: [{kind: Node, name: n1, node: n1}]
  - name: 'the kernel names no pod, hours before the log ends'
    files:
      'nodes/n1/dmesg.txt': |
        Nov  7 09:05:49 n1 kernel: Memory cgroup out of memory: Killed process 471189 (java) total-vm:6845608kB, anon-rss:2071180kB, file-rss:20824kB
        Nov  7 19:05:49 n1 kernel: eth0: link is up
  - name: 'killed by a probe'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "trainer-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "trainer", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "Error"}}}]}}]}'
"##;

/// A container that is ready again counts while its last end is so recent.
const RECENT: SignedDuration = SignedDuration::from_mins(60);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot
        .pods()
        .filter(|pod| !pod.is_terminating() && pod.phase() != "Succeeded")
    {
        for container in pod.containers() {
            let Some(ended) = container.ended().filter(|ended| ended.reason == "OOMKilled") else {
                continue;
            };
            let ails = state_of(snapshot, &pod, container.name) != State::Well && !container.is_ready();
            if !ails && !comes_back(snapshot, &container, &ended) {
                continue;
            }
            let owner = snapshot.top_owner(pod.object);
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            let evidence = pod
                .object
                .cite_at(&format!("{}/reason", ended.pointer))
                .at(ended.finished.clone());
            if let Some(known) = findings.iter_mut().find(|finding| finding.subject == owner) {
                known.add_cite(evidence);
                known.add_affected(subject.clone());
                known.touches.extend(workload_touches(snapshot, &subject));
                continue;
            }
            let limit = container
                .spec
                .and_then(|spec| spec.pointer("/resources/limits/memory")?.as_str())
                .unwrap_or("");
            let resource = owner.kind.to_lowercase();
            let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                .at(format!(
                    "spec.template.spec.containers[{}].resources.limits.memory",
                    container.name
                ))
                .cite(evidence)
                .cite(pod.cite_status(&container, "/restartCount"))
                .fact("container", container.name)
                .fact("limit", limit)
                .fact("restarts", container.restarts())
                .fact(
                    "exit_code",
                    ended
                        .exit_code
                        .map_or_else(|| "137".to_owned(), |code| code.to_string()),
                )
                .fact(
                    "settable",
                    matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset")
                        && !container.name.is_empty(),
                )
                .fact("resource", resource)
                .affects(subject.clone());
            if !limit.is_empty() {
                finding.add_cite(
                    pod.object
                        .cite_at(&format!("{}/resources/limits/memory", container.spec_pointer)),
                );
            }
            finding.touches.extend(workload_touches(snapshot, &subject));
            findings.push(finding);
        }
    }
    for finding in by_kernel(input, rule) {
        if !findings.iter().any(|known| known.subject == finding.subject) {
            findings.push(finding);
        }
    }
    if snapshot.lacks_pods_of("") {
        let named: Vec<String> = findings
            .iter()
            .flat_map(|finding| nodes_of(snapshot, finding))
            .collect();
        findings.extend(
            unnamed(input, rule)
                .into_iter()
                .filter(|(node, _)| !named.contains(node))
                .map(|(_, finding)| finding),
        );
    }
    findings
}

/// The nodes of the pods that a finding is about.
fn nodes_of(snapshot: &Snapshot, finding: &Finding) -> Vec<String> {
    let about = std::iter::once(&finding.subject).chain(&finding.affected);
    let pods = about.filter_map(|pod| snapshot.pod(&pod.namespace, &pod.name));
    pods.map(|pod| pod.node().to_owned()).collect()
}

/// Where no pods were collected: the nodes on which the kernel ended processes for the limit of a container, which it does not name.
fn unnamed(input: &Input<'_>, rule: &RuleHeader) -> BTreeMap<String, Finding> {
    let mut found: BTreeMap<String, Finding> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let is_over = (input.snapshot.goes_on_without(hit)).is_some_and(|gap| gap > RECENT);
        let is_dated = hit.cite.quote.iter().any(|line| is_dated(&line.text));
        if !hit.captures.contains_key("victim") || is_over || !is_dated {
            continue;
        }
        // A ring buffer by itself does not name its machine.
        let node = node_of(input.snapshot, hit).unwrap_or_else(|| machine_name(input.snapshot, ""));
        let finding = found.entry(node.clone()).or_insert_with(|| {
            let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Confirmed)
                .fact("limit", "")
                .fact("exit_code", "")
                .fact("settable", false);
            finding.count = 0;
            finding
        });
        add_hit(input, finding, hit);
        let times = finding.count;
        finding.facts.insert("times".into(), times.into());
    }
    found
}

/// Where no status of the pod was collected: the only crashing workload on the node whose container has the very limit at which the
/// kernel ended a process.
fn by_kernel(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let limit_kb = hit.captures.get("limit_kb").and_then(|limit| limit.parse::<f64>().ok());
        let (Some(limit_kb), Some(node)) = (limit_kb, node_of(snapshot, hit)) else {
            continue;
        };
        let mut crashing: Vec<_> = snapshot
            .pods()
            .filter(|pod| pod.node() == node && state_of(snapshot, pod, "") == State::Crashing)
            .filter(|pod| {
                pod.containers().iter().all(|container| {
                    container
                        .ended()
                        .is_none_or(|ended| ended.reason.is_empty() && ended.exit_code.is_none())
                })
            })
            .filter(|pod| !is_older_than(snapshot, hit, pod))
            .filter_map(|pod| limited(snapshot, &pod, limit_kb * 1024.0).map(|(object, at)| (pod, object, at)))
            .collect();
        crashing.dedup_by_key(|(pod, ..)| snapshot.top_owner(pod.object));
        let [(pod, object, at)] = crashing.as_slice() else {
            continue;
        };
        let owner = snapshot.top_owner(pod.object);
        if findings.iter().any(|known| known.subject == owner) {
            continue;
        }
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let container = object.text(&format!("{at}/name"));
        let restarts = pod
            .containers()
            .iter()
            .map(ContainerInstance::restarts)
            .max()
            .unwrap_or(0);
        let resource = owner.kind.to_lowercase();
        let mut finding = Finding::new(rule, owner, Confidence::Probable)
            .at(format!(
                "spec.template.spec.containers[{container}].resources.limits.memory"
            ))
            .cite(object.cite_at(&format!("{at}/resources/limits/memory")))
            .fact("container", container)
            .fact("limit", object.text(&format!("{at}/resources/limits/memory")))
            .fact("restarts", restarts)
            .fact("exit_code", "")
            .fact(
                "settable",
                matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
            )
            .fact("resource", resource)
            .affects(subject.clone());
        add_hit(input, &mut finding, hit);
        finding.touches.extend(workload_touches(snapshot, &subject));
        findings.push(finding);
    }
    findings
}

/// True for what the kernel wrote before the pod was made.
fn is_older_than(snapshot: &Snapshot, hit: &Hit, pod: &PodView<'_>) -> bool {
    let made = pod.object.time("/metadata/creationTimestamp");
    match (hit.cite.when.clone().or_else(|| hit.last.clone()), made) {
        (Some(said), Some(made)) => said.surely_before(&made),
        // A day without its year, and an age: whatever is further from now than a pod lives.
        (Some(said), None) => snapshot
            .now()
            .is_some_and(|now| now.duration_since(said.latest) > SignedDuration::from_hours(24)),
        (None, _) => false,
    }
}

/// The object that shows a container of the pod with exactly this limit of memory in bytes, and where.
fn limited<'s>(snapshot: &'s Snapshot, pod: &PodView<'s>, bytes: f64) -> Option<(&'s Object, String)> {
    let owner = snapshot.top_owner(pod.object);
    let template = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
    let places = [
        template.map(|object| (object, "/spec/template/spec/containers")),
        Some((pod.object, "/spec/containers")),
    ];
    places.into_iter().flatten().find_map(|(object, at)| {
        let index = object.list(at).iter().position(|container| {
            let limit = container.pointer("/resources/limits/memory").and_then(Value::as_str);
            limit.and_then(quantity) == Some(bytes)
        })?;
        Some((object, format!("{at}/{index}")))
    })
}

fn comes_back(snapshot: &Snapshot, container: &ContainerInstance<'_>, ended: &Ended<'_>) -> bool {
    let latest = latest_moment(snapshot);
    match (&ended.finished, latest.as_ref()) {
        (Some(finished), Some(now)) => container.restarts() >= 2 && finished.gap_to(now) <= RECENT,
        _ => false,
    }
}
