//! Containers still run with what a ConfigMap or Secret said before it was changed.

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject, When};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::moments::latest_moment;
use crate::rules::toolbox::peers::objects_of;
use crate::rules::toolbox::references::is_of_host;
use crate::rules::toolbox::uses::{Use, Way, changed, started, uses};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: config-not-reloaded
role: cause
level: critical
needs: [configmaps|secrets]
check:
  zh: "容器是否仍在使用修改前的配置或凭据"
  en: "whether containers still run with settings that were changed since they started"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 仍在使用修改前的 {{ source }}{% if stale_peer %}：它还在访问配置中已不存在的 {{ stale_peer }}{% endif %}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} still runs with {{ source }} as it was before the change{% if stale_peer %}: it calls {{ stale_peer }}, which the configuration no longer names{% endif %}"
cause:
  zh: "{{ source }} 在 {{ changed }} 修改，而这些容器启动于 {{ started }}。{% if way == 'subpath' %}以 subPath 挂载的文件在容器启动时绑定，之后的修改不会进入容器{% else %}环境变量只在容器启动时设置{% endif %}，因此进程仍按旧内容工作：{{ said }}。"
  en: "{{ source }} was changed at {{ changed }}, and these containers started at {{ started }}. {% if way == 'subpath' %}A file mounted with subPath is bound when the container starts and no later change gets in{% else %}Environment variables are set only when a container starts{% endif %}, so the process goes by the old content: {{ said }}."
questions:
  - {zh: "修改配置的流程为什么没有包含重启？", en: "why did the procedure of the change not include a restart?"}
causes:
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "旧配置指向已不存在的对端", en: "the old configuration points to a peer that is gone"}
  - rule: app-upstream-unresolved
    ground: workload
    mechanism: {zh: "旧配置指向已不存在的名称", en: "the old configuration names a peer that is gone"}
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: "旧配置指向已不存在的数据库", en: "the old configuration points to a database that is gone"}
  - rule: app-database-login-refused
    ground: workload
    mechanism: {zh: "容器仍用旧的凭据登录", en: "the container still logs in with the old credentials"}
  - rule: app-peer-auth-refused
    ground: workload
    mechanism: {zh: "容器仍用旧的凭据", en: "the container still uses the old credentials"}
  - rule: app-tls-failed
    ground: workload
    mechanism: {zh: "容器仍用旧的证书", en: "the container still uses the old certificate"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "请求因旧配置而失败", en: "requests fail over the old configuration"}
  - rule: replicas-zero
    ground: workload
    mechanism: {zh: "旧配置仍在访问已停用的工作负载", en: "the old configuration still calls a workload that was retired"}
  - rule: endpoints-missing
    ground: service
    mechanism: {zh: "旧配置仍在访问已停用的 Service", en: "the old configuration still calls a Service that was retired"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器因此不能就绪", en: "its containers do not get ready over it"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "应用因此不能提供服务", en: "the application cannot serve over it"}
benign:
  - {zh: "以整个目录挂载的 ConfigMap 与 Secret 约一分钟内自动更新", en: "a ConfigMap or Secret mounted as a whole directory is brought up to date within about a minute"}
  - {zh: "修改后没有出现与它有关的错误时不算", en: "a change without any complaint that it explains does not count"}
remedy:
  - purpose: {zh: "比较对象的修改时间与容器的启动时间", en: "compare when the object was changed with when the containers started"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get {{ resource }} {{ object }} -o yaml --show-managed-fields
      kubectl -n {{ subject.namespace }} get pods -o wide
    expect: {zh: "修改晚于启动", en: "the change is later than the start"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "滚动重启，使新内容生效", en: "restart, so that the new content takes effect"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} rollout restart {{ subject.kind|lower }}/{{ subject.name }}"
    verify: {zh: "错误不再出现", en: "the errors stop"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: prevent
    text: {zh: "把配置内容的哈希写入 Pod 模板的注解（Helm 的 checksum/config、kustomize 的 configMapGenerator），或使用 Reloader；不要用 subPath 挂载会变化的配置", en: "put a hash of the configuration into the pod template (checksum/config of Helm, configMapGenerator of kustomize) or run Reloader, and do not mount with subPath what changes"}
    acceptance: {zh: "修改测试 ConfigMap 会引起滚动更新", en: "a change of a test ConfigMap rolls its workload out"}
sources:
  - "kubernetes.io/docs/concepts/configuration/configmap: `A container using a ConfigMap as a subPath volume mount will not receive ConfigMap updates`, `ConfigMaps consumed as environment variables are not updated automatically and require a pod restart`"
  - "kubernetes.io/docs/concepts/configuration/secret: the same for Secrets"
versions: "Kubernetes 1.3 to 1.36"
examples:
  - name: "a file mounted with subPath, and a peer that the new content no longer names"
    files:
      cm.json: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"gate-conf","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"kubectl","operation":"Update","time":"2026-03-01T10:00:00Z"}]},"data":{"gate.conf":"proxy_pass http://stock-v2:8080;"}}'
      svc.json: '{"kind":"Service","apiVersion":"v1","metadata":{"name":"stock","namespace":"shop"},"spec":{"clusterIP":"10.96.0.7","selector":{"app":"stock"},"ports":[{"port":8080}]}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"gate-6bdf8c9d7-jd5lx","namespace":"shop","creationTimestamp":"2026-02-01T00:00:00Z","ownerReferences":[{"kind":"ReplicaSet","name":"gate-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"conf","mountPath":"/etc/gate.conf","subPath":"gate.conf"}]}],"volumes":[{"name":"conf","configMap":{"name":"gate-conf"}}]},"status":{"phase":"Running","startTime":"2026-02-01T00:00:00Z","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{"startedAt":"2026-02-01T00:00:03Z"}}}]}}]}'
      gate-6bdf8c9d7-jd5lx.log: |
        2026/03/01 10:17:50 [error] 31#31: *30229 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.0.20, server: , request: "GET / HTTP/1.1", upstream: "http://10.96.0.7:8080/", host: "x"
        2026/03/01 10:18:50 [error] 31#31: *30230 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.0.20, server: , request: "GET / HTTP/1.1", upstream: "http://10.96.0.7:8080/", host: "x"
        2026/03/01 10:19:50 [error] 31#31: *30231 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.0.20, server: , request: "GET / HTTP/1.1", upstream: "http://10.96.0.7:8080/", host: "x"
    fires: [{kind: Deployment, namespace: shop, name: gate}]
  - name: "a password that was rotated, in an environment variable"
    files:
      secret.json: '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"rotator","operation":"Update","time":"2026-03-01T10:00:00Z"}]},"data":{"password":"aHVudGVyMg=="}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6bdf8c9d7-jd5lx","namespace":"shop","creationTimestamp":"2026-02-01T00:00:00Z","ownerReferences":[{"kind":"ReplicaSet","name":"api-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","env":[{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]}]},"status":{"phase":"Running","startTime":"2026-02-01T00:00:00Z","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{"startedAt":"2026-02-01T00:00:03Z"}}}]}}]}'
      api-6bdf8c9d7-jd5lx.log: |
        2026-03-01T10:05:00Z ERROR FATAL: password authentication failed for user "api"
        2026-03-01T10:06:00Z ERROR FATAL: password authentication failed for user "api"
        2026-03-01T10:07:00Z ERROR FATAL: password authentication failed for user "api"
    fires: [{kind: Deployment, namespace: shop, name: api}]
  - name: "the pods were restarted since"
    files:
      secret.json: '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"rotator","operation":"Update","time":"2026-03-01T10:00:00Z"}]},"data":{"password":"aHVudGVyMg=="}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6bdf8c9d7-jd5lx","namespace":"shop","creationTimestamp":"2026-03-01T10:01:00Z","ownerReferences":[{"kind":"ReplicaSet","name":"api-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","env":[{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]}]},"status":{"phase":"Running","startTime":"2026-03-01T10:01:00Z","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{"startedAt":"2026-03-01T10:01:03Z"}}}]}}]}'
      api-6bdf8c9d7-jd5lx.log: |
        2026-03-01T10:05:00Z ERROR FATAL: password authentication failed for user "api"
        2026-03-01T10:06:00Z ERROR FATAL: password authentication failed for user "api"
        2026-03-01T10:07:00Z ERROR FATAL: password authentication failed for user "api"
  - name: "a whole directory, which the kubelet keeps up to date, and a peer that is still named"
    files:
      cm.json: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"gate-conf","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"kubectl","operation":"Update","time":"2026-03-01T10:00:00Z"}]},"data":{"gate.conf":"proxy_pass http://stock:8080;"}}'
      svc.json: '{"kind":"Service","apiVersion":"v1","metadata":{"name":"stock","namespace":"shop"},"spec":{"clusterIP":"10.96.0.7","selector":{"app":"stock"},"ports":[{"port":8080}]}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"gate-6bdf8c9d7-jd5lx","namespace":"shop","creationTimestamp":"2026-02-01T00:00:00Z","ownerReferences":[{"kind":"ReplicaSet","name":"gate-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","volumeMounts":[{"name":"conf","mountPath":"/etc/gate"}]}],"volumes":[{"name":"conf","configMap":{"name":"gate-conf"}}]},"status":{"phase":"Running","startTime":"2026-02-01T00:00:00Z","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{"startedAt":"2026-02-01T00:00:03Z"}}}]}}]}'
      gate-6bdf8c9d7-jd5lx.log: |
        2026/03/01 10:17:50 [error] 31#31: *30229 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.0.20, server: , request: "GET / HTTP/1.1", upstream: "http://10.96.0.7:8080/", host: "x"
        2026/03/01 10:18:50 [error] 31#31: *30230 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.0.20, server: , request: "GET / HTTP/1.1", upstream: "http://10.96.0.7:8080/", host: "x"
        2026/03/01 10:19:50 [error] 31#31: *30231 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.0.20, server: , request: "GET / HTTP/1.1", upstream: "http://10.96.0.7:8080/", host: "x"
"##;

/// Complaints that a peer which the settings name is not there.
const ABOUT_PEERS: [&str; 3] = [
    "app-upstream-refused/",
    "app-upstream-unresolved/",
    "app-database-unreachable/",
];
/// Complaints that a peer does not accept who calls.
const ABOUT_CREDENTIALS: [&str; 2] = ["app-database-login-refused/", "app-peer-auth-refused/"];

/// Words by which Secrets for data stores are named.
const OF_STORES: [&str; 11] = [
    "db", "database", "sql", "postgres", "pg", "maria", "mongo", "redis", "amqp", "rabbit", "kafka",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let is_wanted = |id: &str| {
        ABOUT_PEERS
            .iter()
            .chain(&ABOUT_CREDENTIALS)
            .any(|family| id.starts_with(family))
    };
    let mut found: Vec<Finding> = Vec::new();
    for complaint in complaints(input.snapshot, &is_wanted, &of_clients()) {
        if found.iter().any(|known| known.subject == complaint.speaker.workload) {
            continue;
        }
        let stale = uses(input.snapshot, &complaint.speaker.workload)
            .into_iter()
            .filter(|used| used.way != Way::Volume)
            .find_map(|used| judge(input, rule, &complaint, &used));
        found.extend(stale);
    }
    found
}

fn judge(input: &Input<'_>, rule: &RuleHeader, complaint: &Complaint<'_>, used: &Use) -> Option<Finding> {
    let snapshot = input.snapshot;
    let workload = &complaint.speaker.workload;
    let object = used.object(snapshot, &workload.namespace)?;
    let written = changed(object)?;
    if complained_before(snapshot, complaint, &written) {
        return None;
    }
    let now = latest_moment(snapshot);
    // Every container that is still there has to be older than the change.
    let starts: Vec<_> = snapshot
        .pods_of(workload)
        .filter(|pod| !pod.is_terminating())
        .map(|pod| started(&pod, now.as_ref()))
        .collect::<Option<Vec<_>>>()?;
    let last = starts.iter().max_by_key(|when| when.latest)?;
    if !last.surely_before(&written) {
        return None;
    }
    let about_peer = ABOUT_PEERS.iter().any(|family| complaint.signature.starts_with(family));
    let gone = if about_peer {
        Some(unnamed(snapshot, complaint, object)?)
    } else if used.kind == "Secret" && !another_is_meant(snapshot, complaint, object) {
        None
    } else {
        return None;
    };
    let mut finding = Finding::new(rule, workload.clone(), Confidence::Confirmed)
        .at(format!("{}/{}", object.key.kind.to_lowercase(), object.key.name))
        .cite(used.cite.clone())
        .cite(object.cite_at("/metadata"))
        .cite(complaint.cite.clone())
        .affects(object.subject())
        .fact("source", format!("{} {}", object.key.kind, object.key.name))
        .fact("resource", object.key.kind.to_lowercase())
        .fact("object", object.key.name.clone())
        .fact(
            "way",
            if used.way == Way::SubPath {
                "subpath"
            } else {
                "variable"
            },
        )
        .fact("changed", written.raw.clone())
        .fact("started", last.raw.clone())
        .fact("said", complaint.said.clone())
        .fact("stale_peer", gone.as_ref().map_or("", |(name, _)| name.as_str()));
    for retired in gone.into_iter().flat_map(|(_, objects)| objects) {
        finding.add_affected(retired);
    }
    Some(finding)
}

/// True when the workload said the same before the change.
fn complained_before(snapshot: &Snapshot, complaint: &Complaint<'_>, written: &When) -> bool {
    snapshot
        .hits
        .iter()
        .filter(|hit| hit.signature == complaint.signature && hit.about.object.kind == "Pod")
        .filter(|hit| hit.first.as_ref().is_some_and(|first| first.surely_before(written)))
        .any(|hit| snapshot.top_owner_of(&hit.about.object) == complaint.speaker.workload)
}

/// True when the workload takes another Secret that is named as what the complaint is about, and this one is not.
fn another_is_meant(snapshot: &Snapshot, complaint: &Complaint<'_>, object: &Object) -> bool {
    let mut words: Vec<String> = ["peer", "host", "user"]
        .iter()
        .filter_map(|capture| complaint.captures.get(*capture))
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| word.len() >= 3)
        .map(str::to_lowercase)
        .collect();
    if complaint.signature.starts_with("app-database") {
        words.extend(OF_STORES.map(str::to_owned));
    }
    let is_meant = |secret: &Object| {
        let keys = secret.get("/data").and_then(|data| data.as_object());
        let keys = keys.into_iter().flat_map(|data| data.keys());
        keys.chain([&secret.key.name])
            .map(|name| name.to_lowercase())
            .any(|name| words.iter().any(|word| name.contains(word.as_str())))
    };
    let workload = &complaint.speaker.workload;
    !is_meant(object)
        && uses(snapshot, workload)
            .iter()
            .filter(|used| used.kind == "Secret")
            .filter_map(|used| used.object(snapshot, &workload.namespace))
            .any(is_meant)
}

/// The peer that a complaint names and that the settings, as they are now, do not: its name, and the objects that it stands for.
fn unnamed(snapshot: &Snapshot, complaint: &Complaint<'_>, object: &Object) -> Option<(String, Vec<Subject>)> {
    let peer = complaint.peer();
    if peer.host.is_empty() || peer.is_local() {
        return None;
    }
    let objects = objects_of(snapshot, &complaint.speaker.workload.namespace, &peer);
    // Who is down is missed for that, whatever names it.
    let is_down = |object: &Subject| {
        let mut pods = snapshot.pods_of(object).peekable();
        pods.peek().is_some() && pods.all(|pod| !pod.is_well())
    };
    if objects.iter().any(is_down) {
        return None;
    }
    let name = if peer.is_address() {
        // An address in the log is the one of a name in the settings; without the Service nothing tells which.
        objects.iter().find(|object| object.kind == "Service")?.name.clone()
    } else {
        peer.host.split('.').next().unwrap_or("").to_owned()
    };
    let data = object.get("/data").and_then(|data| data.as_object())?;
    let texts = || data.values().filter_map(|value| value.as_str());
    let names = |text: &str| is_host_of(text, &name) || peer.host.contains('.') && text.contains(&peer.host);
    // A Secret's values are encoded, and a ConfigMap that names no host at all is about something else.
    let is_about_hosts = texts().any(|text| text.contains("://") || text.contains(".svc") || has_port(text))
        || data.keys().any(|key| is_of_host(key));
    (object.key.kind == "ConfigMap" && name.len() >= 3 && is_about_hosts && !texts().any(names))
        .then_some((name, objects))
}

/// True where a text has something like `stock:8080`.
fn has_port(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '/'))
        .filter_map(|word| word.rsplit_once(':'))
        .any(|(host, port)| host.starts_with(|c: char| c.is_ascii_alphanumeric()) && port.parse::<u16>().is_ok())
}

/// True where a text names a host: `stock` is not named by `stock-v2`, and not by the path `/stock/`.
fn is_host_of(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(name).any(|(at, found)| {
        let before = text.get(..at).unwrap_or("");
        let after = text.get(at + found.len()..).unwrap_or("");
        let is_word = !before.ends_with(is_part) && !after.starts_with(is_part);
        is_word && (!before.ends_with('/') || before.ends_with("//"))
    })
}
