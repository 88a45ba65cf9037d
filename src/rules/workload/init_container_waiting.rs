//! An init container waits for a peer that does not answer, so the application never starts.

use std::sync::LazyLock;

use jiff::SignedDuration;
use regex::Regex;
use serde_json::Value;

use crate::cluster::{ContainerInstance, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::peers::{Peer, objects_of};
use crate::rules::toolbox::services::{ports, service, services_in};
use crate::rules::toolbox::{last_words, words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

/// Longer than a peer that starts beside it needs.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);
/// The host and port that a script waits for: `nc -z db 5432`, `wait-for-it db:5432`, `nslookup db`, `pg_isready -h db`, `curl http://db:80`.
static WAITS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:nc|ncat|netcat)(?: -\w+(?: \d+)?)* (?P<a>[a-z0-9][a-z0-9.-]*) (?P<ap>\d{2,5})|(?:wait-for(?:-it)?(?:\.sh)?|dockerize -wait tcp://|wait4x tcp|/dev/tcp/)[ ]?(?P<b>[a-z0-9][a-z0-9.-]*)[:/](?P<bp>\d{2,5})|(?:nslookup|getent hosts|dig|host) (?P<c>[a-z][a-z0-9.-]*)|(?:pg_isready|mysqladmin|redis-cli|mysql|psql)[^;|]*? -h ?(?P<d>[a-z][a-z0-9.-]*)|https?://(?P<e>[a-z][a-z0-9.-]*)(?::(?P<ep>\d{2,5}))?").ok()
});

pub(in crate::rules) const RULE: &str = r##"
id: init-container-waiting
role: cause
level: critical
needs: [pods]
check:
  zh: "init 容器是否在等待没有应答的对端"
  en: "whether init containers wait for a peer that does not answer"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：init 容器 {{ container }} 一直在等待 {{ peer }}{% if problem == 'missing' %}，而没有这个 Service{% elif problem == 'port' %}，而该 Service 没有这个端口{% endif %}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: init container {{ container }} keeps waiting for {{ peer }}{% if problem == 'missing' %}, a Service that does not exist{% elif problem == 'port' %}, a port that the Service does not offer{% endif %}"
cause:
  zh: "init 容器 {{ container }} 要等 {{ peer }} 可用才结束，应用容器因此没有启动{% if said %}；它最后写出 {{ said }}{% endif %}。"
  en: "init container {{ container }} ends only when {{ peer }} can be used, so the application's containers never start{% if said %}; its last line is {{ said }}{% endif %}."
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "应用容器没有启动", en: "the application's containers do not start"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "应用容器没有启动", en: "the application's containers do not start"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "init 容器超时退出", en: "the init container gives up and ends"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "新的 Pod 停在初始化", en: "new pods stay in their initialisation"}
  - rule: pod-pending
    ground: workload
    mechanism: {zh: "init 容器没有结束", en: "its init container has not ended"}
benign:
  - {zh: "与对端同时启动时等待一两分钟", en: "a minute or two beside a peer that starts as well"}
remedy:
  - purpose: {zh: "查看 init 容器的日志", en: "read the init container's log"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} logs {{ pod }} -c {{ container }} --tail=20
      kubectl -n {{ subject.namespace }} get services,endpoints
    expect: {zh: "它在等待的地址，以及该 Service 的端点", en: "the address it waits for, and that Service's endpoints"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复对端，或改正等待的名称与端口", en: "bring the peer back, or correct the name and port that it waits for"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ subject.kind|lower }} {{ subject.name }}"
    verify: {zh: "Pod 变为 Running", en: "the pod is Running"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: prevent
    text: {zh: "让应用自己重试连接，并为等待设置超时", en: "let the application retry by itself, and give waiting a timeout"}
    acceptance: {zh: "对端缺失时日志在 5 分钟内说明原因", en: "with the peer away the log says why within 5 minutes"}
sources: ["kubernetes.io/docs/concepts/workloads/pods/init-containers"]
versions: "Kubernetes 1.6 to 1.36"
examples:
  - name: "a Service that does not exist"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop", "creationTimestamp": "2026-02-24T14:00:00Z", "uid": "a"}, "spec": {"nodeName": "w1", "initContainers": [{"name": "wait", "image": "busybox", "command": ["sh", "-c", "until nc -z databse 5432; do sleep 1; done"]}], "containers": [{"name": "web", "image": "r.example/web:1"}]}, "status": {"phase": "Pending", "initContainerStatuses": [{"name": "wait", "ready": false, "restartCount": 0, "state": {"running": {"startedAt": "2026-02-24T14:00:05Z"}}}], "containerStatuses": [{"name": "web", "ready": false, "state": {"waiting": {"reason": "PodInitializing"}}}]}}]}'
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "database", "namespace": "shop", "uid": "database"}, "spec": {"selector": {"app": "database"}, "ports": [{"port": 5432}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "reason": "Started", "message": "Started container wait", "lastTimestamp": "2026-02-24T14:30:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "other"}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "copying files"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop", "creationTimestamp": "2026-02-24T14:00:00Z", "uid": "a"}, "spec": {"nodeName": "w1", "initContainers": [{"name": "wait", "image": "busybox", "command": ["sh", "-c", "cp -r /a /b"]}], "containers": [{"name": "web", "image": "r.example/web:1"}]}, "status": {"phase": "Pending", "initContainerStatuses": [{"name": "wait", "ready": false, "restartCount": 0, "state": {"running": {"startedAt": "2026-02-24T14:00:05Z"}}}], "containerStatuses": [{"name": "web", "ready": false, "state": {"waiting": {"reason": "PodInitializing"}}}]}}]}'
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "database", "namespace": "shop", "uid": "database"}, "spec": {"selector": {"app": "database"}, "ports": [{"port": 5432}]}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "reason": "Started", "message": "Started container wait", "lastTimestamp": "2026-02-24T14:30:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "other"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot
        .pods()
        .filter(|pod| pod.phase() == "Pending" && !pod.is_terminating())
    {
        let owner = snapshot.top_owner(pod.object);
        let waiting = pod
            .containers()
            .into_iter()
            .find(|container| container.init && is_held_up(snapshot, &pod, container));
        let Some(container) = waiting else { continue };
        if findings.iter().any(|finding| finding.subject == owner) {
            continue;
        }
        let script = script(&container);
        let peer = waits_for(&script).unwrap_or_default();
        if peer.host.is_empty() {
            continue;
        }
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let known = service(snapshot, pod.namespace(), peer.host.split('.').next().unwrap_or(""));
        let lists = services_in(snapshot, pod.namespace()).next().is_some();
        let port: Option<i64> = peer.port.map(i64::from);
        let problem = match known {
            None if lists && !peer.host.contains('.') => "missing",
            Some(service) if port.is_some_and(|port| !ports(service).iter().any(|known| known.port == port)) => "port",
            _ => "unanswered",
        };
        let said = last_words(snapshot, &pod, container.name, 1).and_then(|(_, lines)| {
            lines
                .last()
                .map(|line| words(line).chars().take(160).collect::<String>())
        });
        let mut finding = Finding::new(rule, owner.clone(), Confidence::Probable)
            .at(format!("spec.template.spec.initContainers[{}]", container.name))
            .cite(pod.cite_status(&container, "/state"))
            .cite(pod.object.cite_at(&format!("{}/command", container.spec_pointer)))
            .fact("container", container.name)
            .fact("peer", peer.shown())
            .fact("problem", problem)
            .fact("said", said.unwrap_or_default())
            .fact("pod", pod.name())
            .affects(subject.clone());
        if let Some(service) = known.filter(|_| problem == "port") {
            finding.add_cite(service.cite_at("/spec/ports"));
        }
        for object in objects_of(snapshot, pod.namespace(), &peer) {
            finding.blame(object);
        }
        finding.touches.extend(workload_touches(snapshot, &subject));
        findings.push(finding);
    }
    findings
}

/// It runs, or is tried again, for longer than a peer needs to start.
fn is_held_up(snapshot: &Snapshot, pod: &PodView<'_>, container: &ContainerInstance<'_>) -> bool {
    let Some(status) = container.status else { return false };
    let runs = status
        .pointer("/state/running")
        .is_some_and(|running| !running.is_null());
    let fails = container.ended().is_some_and(|ended| ended.exit_code != Some(0));
    let since = pod.object.time("/metadata/creationTimestamp");
    let is_old = match (since, &snapshot.bundle.collected_at) {
        (Some(since), Some(now)) => since.gap_to(now) >= PATIENCE,
        _ => true,
    };
    (runs || fails) && is_old
}

fn script(container: &ContainerInstance<'_>) -> String {
    let list = |key: &str| container.spec.and_then(|spec| spec.get(key)?.as_array());
    let texts = ["command", "args"]
        .into_iter()
        .filter_map(list)
        .flatten()
        .filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join(" ").chars().take(4096).collect()
}

fn waits_for(script: &str) -> Option<Peer> {
    let found = WAITS.as_ref()?.captures(script)?;
    let host = ["a", "b", "c", "d", "e"].iter().find_map(|name| found.name(name))?;
    let port = ["ap", "bp", "ep"]
        .iter()
        .find_map(|name| found.name(name))
        .map(|port| port.as_str());
    Some(Peer::parse(host.as_str(), port))
}

#[cfg(test)]
mod tests {
    use super::waits_for;

    #[test]
    fn scripts_say_for_whom_they_wait() {
        for (script, host, port) in [
            ("sh -c until nc -z db 5432; do sleep 1; done", "db", Some(5432)),
            (
                "until nslookup db.shop.svc.cluster.local; do sleep 2; done",
                "db.shop.svc.cluster.local",
                None,
            ),
            ("/wait-for-it.sh kafka:9092 -t 60", "kafka", Some(9092)),
            ("until pg_isready -U app -h pg; do sleep 1; done", "pg", None),
            (
                "until curl -sf http://config:8888/health; do sleep 1; done",
                "config",
                Some(8888),
            ),
        ] {
            let peer = waits_for(script).unwrap();
            assert_eq!((peer.host.as_str(), peer.port), (host, port), "{script}");
        }
        assert!(waits_for("sh -c cp -r /a /b").is_none());
    }
}
