//! Vault (or OpenBao) is sealed: it runs, and answers every request for a secret with 503.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Hit, Image, Object, PodView, Snapshot};
use crate::logs::{LogFile, TextSource, clean_line};
use crate::model::{Citation, Confidence, Subject, When};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::makers::maker_of;
use crate::rules::toolbox::nodes::status_of;
use crate::rules::toolbox::peers::{Peer, behind, objects_of};
use crate::rules::toolbox::speakers::{State, is_previous, of_log};
use crate::rules::toolbox::told::told;
use crate::rules::toolbox::{own_hits, pod_is_failing, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: vault-sealed
role: cause
level: critical
needs: [container-logs|pods|events]
text:
  - id: client
    in: [container-log, status, event]
    pattern: '\b(?:Vault|OpenBao) is sealed\b'
  - id: own
    in: [container-log]
    pattern: '(?:\bcore: |"@message":")(?:vault is sealed|marked as sealed)\b|(?:failed to unseal core|error unsealing core)\b'
    unless: 'none were found|not initialized'
  - id: probe
    in: [event, status, container-log, other]
    pattern: '\bSealed\s{2,20}true\b'
    unless: 'Initialized\s{2,20}false'
  - id: unsealed
    in: [container-log]
    pattern: 'vault is unsealed|unsealed with stored key|post-unseal setup complete|entering standby mode|acquired lock, enabling active operation'
check:
  zh: Vault 或 OpenBao 是否处于封存（sealed）状态
  en: whether Vault or OpenBao is sealed
title:
  zh: "{% if server %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 处于封存状态{% else %}{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 使用的 Vault 处于封存状态{% endif %}，取不到任何密钥"
  en: "{% if server %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} is sealed{% else %}the Vault that {{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} uses is sealed{% endif %} and gives out no secret"
cause:
  zh: "Vault 写出 {{ said }}（共 {{ times }} 次）：进程在运行，但没有解封密钥就不能解密自己的存储，对每个读取密钥的请求回答 503。{% if clients %}{{ clients|join('、') }} 因此取不到密钥。{% endif %}使用 Shamir 密钥时，每次重启之后都须人工解封；自动解封失败通常是 KMS 不可用或权限被收回。"
  en: "Vault says {{ said }} ({{ times|times }}): its process runs, but without its unseal keys it cannot decrypt its own storage, and it answers every request for a secret with 503.{% if clients %} So {{ clients|join(', ') }} gets no secrets.{% endif %} With Shamir keys somebody has to unseal it after every restart; where it unseals itself, the KMS is mostly out of reach or no longer permits it."
rules_out:
  - {zh: "网络与凭据：Vault 作出了回答，封存时它不检查凭据", en: "network and credentials: Vault answers, and while it is sealed it looks at no credentials"}
questions:
  - {zh: "Vault 为何重启或被封存？", en: "why did Vault restart, or who sealed it?"}
causes:
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "封存的 Vault 不就绪", en: "a sealed Vault is not ready"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "封存的 Vault 对健康检查回答 503", en: "a sealed Vault answers a health check with 503"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有密钥就不能就绪", en: "without secrets it does not get ready"}
  - rule: init-container-waiting
    ground: workload
    mechanism: {zh: "init 容器等待 Vault 的密钥", en: "the init container waits for secrets of Vault"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "取不到密钥就退出", en: "it ends for want of its secrets"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "日志中的错误来自取不到密钥", en: "the errors of its log come from secrets that it does not get"}
  - rule: secret-missing
    ground: workload
    mechanism: {zh: "控制器读不到 Vault，没有生成 Secret", en: "the controller cannot read Vault and does not make the Secret"}
  - rule: secret-missing
    ground: object
    mechanism: {zh: "控制器读不到 Vault，没有生成 Secret", en: "the controller cannot read Vault and does not make the Secret"}
  - rule: endpoints-missing
    ground: service
    mechanism: {zh: "封存的 Vault 不就绪，Service 没有端点", en: "a sealed Vault is not ready, so its Service has no endpoints"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "封存的 Vault 不提供服务", en: "a sealed Vault does not serve"}
  - rule: app-upstream-refused
    ground: service
    mechanism: {zh: "封存的 Vault 以 503 拒绝请求", en: "a sealed Vault refuses requests with 503"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "封存的 Vault 以 503 拒绝请求", en: "a sealed Vault refuses requests with 503"}
benign:
  - {zh: "刚启动、随后写出 `vault is unsealed` 或 `post-unseal setup complete` 的 Vault", en: "a Vault that has just started and goes on with `vault is unsealed` or `post-unseal setup complete`"}
  - {zh: "`seal configuration missing, not initialized`：从未初始化，与封存不同", en: "`seal configuration missing, not initialized`: it was never initialised, which is something else"}
  - {zh: "备用节点回答 429：它已解封，只是不是主节点", en: "a standby that answers 429: it is unsealed and merely not the active node"}
remedy:
  - purpose: {zh: 查看封存状态, en: see whether it is sealed}
    place: cluster
    risk: read-only
    command: "{% if server %}kubectl -n {{ subject.namespace }} exec {{ pod }} -- {{ program }} status{% else %}vault status{% endif %}"
    expect: {zh: "`Initialized true`、`Sealed true`（退出码 2）", en: "`Initialized true`, `Sealed true` (exit code 2)"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "解封：由不同的密钥保管人逐次输入，达到阈值为止；每个副本都须解封", en: "unseal it: each keeper of a key enters theirs until the threshold is reached, for every replica"}
    place: cluster
    risk: change
    precheck: {zh: "使用自动解封时，先恢复 KMS 的可用性与权限，Vault 会自行解封", en: "where it unseals itself, bring back the KMS and the permission first; Vault does the rest"}
    command: "{% if server %}kubectl -n {{ subject.namespace }} exec -ti {{ pod }} -- {{ program }} operator unseal{% else %}vault operator unseal{% endif %}"
    expect: {zh: "达到阈值后 `Sealed false`", en: "`Sealed false` once the threshold is reached"}
    verify: {zh: "日志写出 `post-unseal setup complete`，客户端重新取得密钥", en: "its log says `post-unseal setup complete`, and clients get their secrets again"}
    rollback: {zh: "`vault operator seal` 重新封存", en: "`vault operator seal` seals it again"}
    notes:
      - {zh: "不要把密钥写在命令行或脚本里，命令会提示输入", en: "do not write keys into commands or scripts; the command asks for them"}
prevention:
  - kind: prevent
    text: {zh: "配置自动解封（云 KMS、HSM 或另一个 Vault 的 transit）", en: "let it unseal itself (a cloud's KMS, an HSM, or transit of another Vault)"}
    acceptance: {zh: "删除一个 Vault Pod 后，无人操作它也在 2 分钟内就绪", en: "a Vault pod that is deleted is ready again within 2 minutes without anybody's help"}
  - kind: detect
    text: {zh: "对 `vault_core_unsealed` 为 0 告警", en: "alert on `vault_core_unsealed` being 0"}
    acceptance: {zh: "在测试环境封存 Vault 后 5 分钟内收到告警", en: "sealing a Vault of a test environment raises it within 5 minutes"}
sources:
  - "hashicorp/vault sdk/helper/consts/error.go: ErrSealed `Vault is sealed`; http/sys_seal.go; website docs: 503 means that Vault is sealed"
  - "hashicorp/vault vault/core.go: `vault is sealed`, `marked as sealed`, `vault is unsealed`, `post-unseal setup complete`, `seal configuration missing, not initialized`; command/server.go runUnseal: `failed to unseal core`, `error unsealing core`"
  - "hashicorp/vault command/format.go: `Sealed` of `vault status`; vault-helm templates/server-statefulset.yaml: the readiness probe runs `vault status`"
  - "external-secrets pkg/controllers/externalsecret: the condition Ready of an ExternalSecret has the provider's error"
versions: "Vault 0.6 to 1.20; OpenBao 2.0 to 2.4"
examples:
  - name: External Secrets is told so
    files:
      pods.txt: |
        NAMESPACE          NAME                                READY   STATUS    RESTARTS     AGE
        vault              vault-0                             0/1     Running   1 (3h ago)   41d
        external-secrets   external-secrets-6bdf8c9d7-jd5lx    1/1     Running   0            41d
      logs/external-secrets/external-secrets-6bdf8c9d7-jd5lx/external-secrets.log: |
        {"level":"error","msg":"Reconciler error","controller":"externalsecret","error":"error processing spec.data[0] (key: kv/shop), err: Error making API request.\n\nURL: GET http://vault.vault.svc:8200/v1/kv/data/shop\nCode: 503. Errors:\n\n* Vault is sealed"}
        {"level":"error","msg":"Reconciler error","controller":"externalsecret","error":"error processing spec.data[0] (key: kv/shop), err: Error making API request.\n\nURL: GET http://vault.vault.svc:8200/v1/kv/data/shop\nCode: 503. Errors:\n\n* Vault is sealed"}
        {"level":"error","msg":"Reconciler error","controller":"externalsecret","error":"error processing spec.data[0] (key: kv/shop), err: Error making API request.\n\nURL: GET http://vault.vault.svc:8200/v1/kv/data/shop\nCode: 503. Errors:\n\n* Vault is sealed"}
    fires: [{kind: StatefulSet, namespace: vault, name: vault}]
  - name: its own log ends with it
    files:
      pods.txt: |
        NAMESPACE   NAME        READY   STATUS    RESTARTS   AGE
        vault       vault-0     0/1     Running   0          41d
      logs/vault/vault-0/vault.log: |
        2026-05-14T21:16:40.117Z [INFO]  core: vault is unsealed
        2026-05-14T22:16:40.117Z [INFO]  core: marked as sealed
        2026-05-14T22:16:40.128Z [INFO]  core: vault is sealed
    fires: [{kind: StatefulSet, namespace: vault, name: vault}]
  - name: its readiness probe prints the status
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"openbao-0","namespace":"bao","ownerReferences":[{"kind":"StatefulSet","name":"openbao","controller":true}]},"spec":{"containers":[{"name":"openbao","image":"quay.io/openbao/openbao:2.2.0"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"openbao","ready":false,"restartCount":1,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-1","namespace":"bao"},"type":"Warning","reason":"Unhealthy","message":"Readiness probe failed: Key                Value\n---                -----\nSeal Type          shamir\nInitialized        true\nSealed             true\nTotal Shares       5","involvedObject":{"kind":"Pod","namespace":"bao","name":"openbao-0"}}]}'
    fires: [{kind: StatefulSet, namespace: bao, name: openbao}]
  - name: an ExternalSecret whose Vault is somewhere else
    files:
      pods.txt: |
        NAMESPACE          NAME                                READY   STATUS    RESTARTS     AGE
        external-secrets   external-secrets-6bdf8c9d7-jd5lx    1/1     Running   0            41d
      es.json: '{"kind":"ExternalSecret","apiVersion":"external-secrets.io/v1","metadata":{"name":"shop","namespace":"t"},"spec":{"target":{"name":"shop-keys"}},"status":{"conditions":[{"type":"Ready","status":"False","reason":"SecretSyncedError","message":"could not get secret data from provider: Error making API request. URL: GET https://vault.corp.example/v1/kv/data/shop Code: 503. Errors: * Vault is sealed"}]}}'
    fires: [{kind: ExternalSecret, namespace: t, name: shop}]
  - name: it was unsealed since
    files:
      pods.txt: |
        NAMESPACE   NAME        READY   STATUS    RESTARTS   AGE
        vault       vault-0     1/1     Running   0          41d
      logs/vault/vault-0/vault.log: |
        2026-05-14T21:16:40.117Z [INFO]  core: marked as sealed
        2026-05-14T21:16:40.128Z [INFO]  core: vault is sealed
        2026-05-14T21:26:40.117Z [INFO]  core: unsealed with stored key
        2026-05-14T21:26:41.117Z [INFO]  core: post-unseal setup complete
        2026-05-14T21:26:41.118Z [INFO]  core: vault is unsealed
  - name: it was never initialised
    files:
      pods.txt: |
        NAMESPACE   NAME        READY   STATUS    RESTARTS   AGE
        vault       vault-0     0/1     Running   0          2m
      logs/vault/vault-0/vault.log: |
        2026-05-14T21:16:40.117Z [INFO]  core: security barrier not initialized
        2026-05-14T21:16:40.128Z [INFO]  core: seal configuration missing, not initialized
        2026-05-14T21:16:45.128Z [WARN]  failed to unseal core: error="stored unseal keys are supported, but none were found"
"##;

/// That a Vault is sealed, as something shows it.
struct Word {
    /// The Vault, or what uses one that is not of the cluster.
    subject: Subject,
    /// Who says so, where that is not the Vault.
    client: Option<Subject>,
    said: String,
    count: u64,
    confidence: Confidence,
    cite: Citation,
    /// What else the finding is joined on.
    touches: Vec<Touch>,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let servers = servers(snapshot);
    let since = unsealed(input, rule);
    let is_over = |when: Option<&When>| match (when, &since) {
        (Some(said), Some(since)) => said.latest < since.earliest,
        _ => false,
    };
    let mut words: Vec<Word> = snapshot
        .logs
        .iter()
        .filter_map(|log| of_own_log(snapshot, log, &servers))
        .collect();
    let hits = own_hits(input, rule);
    let is_client = |id: &str| id == "vault-sealed/client";
    // The last time that a client was told so, in its log.
    let told_last = |complaint: &Complaint<'_>| {
        hits.iter()
            .filter(|hit| is_client(&hit.signature) && hit.cite.file == complaint.cite.file)
            .filter_map(|hit| hit.last.as_ref())
            .max_by_key(|when| when.latest)
    };
    words.extend(
        complaints(snapshot, &is_client, &of_clients())
            .iter()
            .filter(|complaint| !servers.contains(&complaint.speaker.workload) && !is_over(told_last(complaint)))
            .map(|complaint| of_client(snapshot, complaint, &servers)),
    );
    words.extend(
        hits.iter()
            .filter(|hit| !is_over(hit.last.as_ref()))
            .filter_map(|hit| of_object(snapshot, hit, &servers)),
    );
    let mut by_subject: BTreeMap<Subject, Vec<Word>> = BTreeMap::new();
    for word in words {
        by_subject.entry(word.subject.clone()).or_default().push(word);
    }
    by_subject
        .into_iter()
        .filter_map(|(subject, words)| finding(snapshot, rule, subject, words, &servers))
        .collect()
}

fn finding(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    subject: Subject,
    mut words: Vec<Word>,
    servers: &BTreeSet<Subject>,
) -> Option<Finding> {
    const CITATIONS: usize = 6;
    words.sort_by_key(|word| std::cmp::Reverse(word.confidence));
    let best = words.first()?;
    let is_server = servers.contains(&subject);
    let times: u64 = words.iter().map(|word| word.count).sum();
    let clients: BTreeSet<&Subject> = words.iter().filter_map(|word| word.client.as_ref()).collect();
    let clients: Vec<Subject> = clients
        .into_iter()
        .filter(|client| **client != subject)
        .cloned()
        .collect();
    let names: Vec<String> = clients.iter().map(|client| client.name.clone()).collect();
    let pod = snapshot
        .pods_of(&subject)
        .map(|pod| pod.name().to_owned())
        .next()
        .unwrap_or_else(|| format!("{}-0", subject.name));
    let program = if names_part(&subject.name, &["bao", "openbao"]) {
        "bao"
    } else {
        "vault"
    };
    let mut finding = Finding::new(rule, subject.clone(), best.confidence)
        .fact("server", is_server)
        .fact("said", best.said.clone())
        .fact("times", times)
        .fact("clients", names)
        .fact("pod", pod)
        .fact("program", program);
    finding.count = times;
    for word in words {
        if finding.evidence.len() < CITATIONS {
            finding.add_cite(word.cite);
        }
        finding.touches.extend(word.touches);
    }
    for client in clients {
        finding.add_affected(client);
    }
    if is_server {
        for service in snapshot
            .kind("Service")
            .filter(|service| service.key.namespace == subject.namespace)
            .filter(|service| behind(snapshot, &service.key.namespace, &service.key.name).contains(&subject))
        {
            finding.impair(service.subject());
            let name = format!("{}/{}", service.key.namespace, service.key.name);
            finding.touches.insert(Touch::new(Ground::Service, name));
        }
    }
    Some(finding)
}

/// What a Vault's own log says, where it was not unsealed afterwards.
fn of_own_log(snapshot: &Snapshot, log: &LogFile, servers: &BTreeSet<Subject>) -> Option<Word> {
    let last_of = |id: &str| {
        let hits = log.hits.iter().filter(|hit| hit.signature == id);
        hits.map(|hit| match &hit.last {
            Some((line, text)) => (*line, text.as_str(), hit.count),
            None => (hit.line, hit.text.as_str(), hit.count),
        })
        .max_by_key(|(line, ..)| *line)
    };
    let (line, text, count) = last_of("vault-sealed/own")?;
    let is_open = last_of("vault-sealed/unsealed").is_some_and(|(later, ..)| later > line);
    let speaker = of_log(snapshot, log)?;
    // Vault seals itself as the last thing that it does when it is stopped.
    let is_gone = is_previous(log) || speaker.pod.is_none() && speaker.state == State::Well;
    // A sealed server fails its readiness probe, and one of several that is sealed leaves the others to serve.
    let some_serve = snapshot.pods_of(&speaker.workload).any(|pod| pod.is_well());
    let serves = some_serve || speaker.pod.as_ref().is_some_and(PodView::is_well);
    (!is_open && !is_gone && !serves && servers.contains(&speaker.workload)).then(|| Word {
        subject: speaker.workload,
        client: None,
        said: told(clean_line(text)),
        count,
        confidence: Confidence::Confirmed,
        cite: Citation::line(&snapshot.bundle.alias, &log.path, line, text).at(snapshot.time_of(text)),
        touches: Vec::new(),
    })
}

/// What a client was told.
fn of_client(snapshot: &Snapshot, complaint: &Complaint<'_>, servers: &BTreeSet<Subject>) -> Word {
    let client = complaint.speaker.workload.clone();
    let pod = complaint.speaker.pod.as_ref();
    let pod = pod.map(|pod| Subject::namespaced("Pod", pod.namespace(), pod.name()));
    let server = server_meant(snapshot, &client.namespace, &complaint.line, servers);
    Word {
        subject: server.unwrap_or_else(|| client.clone()),
        client: Some(client),
        said: complaint.said.clone(),
        count: complaint.count,
        confidence: complaint.confidence,
        cite: complaint.cite.clone(),
        touches: pod.map_or(Vec::new(), |pod| workload_touches(snapshot, &pod)),
    }
}

/// What an event or the status of an object says: of a Vault's pod, or of a resource that asks for a secret.
fn of_object(snapshot: &Snapshot, hit: &Hit, servers: &BTreeSet<Subject>) -> Option<Word> {
    // `vault status` in the pod itself says the same as its probe.
    let is_status = hit.signature == "vault-sealed/probe" && hit.source == TextSource::ContainerLog;
    if !(is_status || matches!(hit.source, TextSource::Event | TextSource::Status)) || hit.about.object.name.is_empty()
    {
        return None;
    }
    let about = &hit.about.object;
    let quote = hit.cite.quote.first().map_or("", |line| line.text.as_str());
    let word = |subject: Subject, said: String, client: Option<Subject>, touches: Vec<Touch>| Word {
        subject,
        client,
        said,
        count: hit.count,
        confidence: Confidence::Confirmed,
        cite: hit.cite.clone(),
        touches,
    };
    if about.kind == "Pod" {
        // What other pods are told is a complaint of theirs.
        let owner = snapshot.top_owner_of(about);
        let is_own = hit.signature == "vault-sealed/probe" && servers.contains(&owner);
        return (is_own && pod_is_failing(snapshot, about))
            .then(|| word(owner, "Sealed true".to_owned(), None, workload_touches(snapshot, about)));
    }
    let object = snapshot.object(&about.kind, &about.namespace, &about.name);
    if hit.signature != "vault-sealed/client" || object.is_some_and(|object| status_of(object, "Ready") == "True") {
        return None;
    }
    let mut touches = Vec::new();
    if let Some(secret) = object.and_then(secret_of) {
        touches.extend(
            maker_of(snapshot, &secret)
                .map(|maker| maker.touches)
                .unwrap_or_default(),
        );
        touches.extend(Touch::of(&secret));
    }
    let server = server_meant(snapshot, &about.namespace, quote, servers);
    let subject = server.unwrap_or_else(|| about.clone());
    Some(word(subject, told(quote), Some(about.clone()), touches))
}

/// The Secret that a custom resource asks for.
fn secret_of(object: &Object) -> Option<Subject> {
    let named = match object.key.kind.as_str() {
        "ExternalSecret" => object.text("/spec/target/name"),
        "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret" => object.text("/spec/destination/name"),
        _ => return None,
    };
    let name = if named.is_empty() { &object.key.name } else { named };
    Some(Subject::namespaced("Secret", &object.key.namespace, name))
}

/// The Vault of the cluster that a line is about: the one whose address it has, else the only one, unless it names a host outside.
fn server_meant(snapshot: &Snapshot, namespace: &str, line: &str, servers: &BTreeSet<Subject>) -> Option<Subject> {
    for part in line.split("://").skip(1) {
        let host = part.split(['/', '"', '\'', '\\', ' ', ')', ',']).next().unwrap_or(part);
        let peer = Peer::parse(host, None);
        let called = objects_of(snapshot, namespace, &peer);
        if let Some(server) = called.into_iter().find(|object| servers.contains(object)) {
            return Some(server);
        }
        let is_inside = peer.is_address() || peer.host.contains(".svc") || !peer.host.contains('.');
        if !is_inside {
            return None;
        }
    }
    // The pods of one Vault, where nothing shows what owns them, are as good as one.
    let first = servers.first()?;
    let is_one = servers.iter().all(|server| server.namespace == first.namespace);
    let workload = servers.iter().find(|server| server.kind != "Pod");
    is_one.then(|| workload.unwrap_or(first).clone())
}

/// When a Vault of the bundle was last unsealed.
fn unsealed(input: &Input<'_>, rule: &RuleHeader) -> Option<When> {
    own_hits(input, rule)
        .into_iter()
        .filter(|hit| hit.signature == "vault-sealed/unsealed")
        .filter_map(|hit| hit.last.clone())
        .max_by_key(|when| when.earliest)
}

/// The workloads that run a Vault: by the image, and where none is known by the name.
fn servers(snapshot: &Snapshot) -> BTreeSet<Subject> {
    let mut found = BTreeSet::new();
    for kind in ["Deployment", "StatefulSet"] {
        for object in snapshot.kind(kind) {
            let text = |value: &serde_json::Value, key: &str| {
                let text = value.get(key).and_then(|value| value.as_str());
                text.unwrap_or("").to_owned()
            };
            let containers = object.list("/spec/template/spec/containers");
            let images = containers
                .iter()
                .map(|container| (text(container, "name"), text(container, "image")));
            if is_server(&object.key.name, &images.collect::<Vec<_>>()) {
                found.insert(object.subject());
            }
        }
    }
    for pod in snapshot.pods() {
        let images: Vec<(String, String)> = pod
            .containers()
            .iter()
            .filter(|container| !container.init)
            .map(|container| (container.name.to_owned(), container.image().to_owned()))
            .collect();
        let owner = snapshot.top_owner(pod.object);
        if is_server(&owner.name, &images) {
            found.insert(owner);
        }
    }
    found
}

/// Whether a workload runs a Vault, by its name and the names and images of its containers.
fn is_server(name: &str, containers: &[(String, String)]) -> bool {
    /// What stands beside a Vault and is called after it.
    const HELPERS: [&str; 14] = [
        "agent", "backup", "bank", "config", "csi", "exporter", "injector", "operator", "secrets", "sync", "ui",
        "unseal", "unsealer", "webhook",
    ];
    let mut images = containers.iter().filter(|(_, image)| !image.is_empty()).peekable();
    // The injector adds an agent of the same image to the pods of applications.
    let runs_it = |(container, image): &(String, String)| {
        let repository = Image::parse(image).repository;
        let program = repository.rsplit('/').next().unwrap_or("");
        !container.contains("agent") && names_part(program, &["bao", "openbao", "vault"])
    };
    let is_known = images.peek().is_some();
    let is_called_so = names_part(name, &["bao", "openbao", "vault"]) && !names_part(name, &HELPERS);
    if is_known {
        images.any(runs_it) && !names_part(name, &HELPERS)
    } else {
        is_called_so
    }
}

/// True for a name of which one of its parts between hyphens is such a word.
fn names_part(name: &str, words: &[&str]) -> bool {
    name.split('-').any(|part| words.contains(&part))
}
