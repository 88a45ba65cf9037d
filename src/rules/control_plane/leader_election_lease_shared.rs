//! Two different programs contend for one and the same lease, so that only one of them ever works.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::{Object, Snapshot, workload_of_pod_name};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::own_hits;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: leader-election-lease-shared
role: cause
level: critical
needs: [deployments|statefulsets|daemonsets]
meets: [{kinds: [Deployment, StatefulSet, DaemonSet], least: 2}]
text:
  - id: waits
    in: [container-log, control-plane]
    pattern: '(?i)attempting to acquire leader lease(?:\s+|\.{3}"[,\s]+"?lock"?[=:]\s*")(?P<lease>[\w-]+/[\w-]+(?:\.[\w-]+)*)'
  - id: leads
    in: [container-log, control-plane]
    pattern: '(?i)successfully acquired lease(?:\s+|"[,\s]+"?lock"?[=:]\s*")(?P<lease>[\w-]+/[\w-]+(?:\.[\w-]+)*)'
check:
  zh: 不同的程序是否争用同一个选主租约
  en: whether different programs contend for one leader election lease
title:
  zh: "{{ programs|join('、') }} 争用同一个选主租约 {{ lease_namespace }}/{{ lease }}，{{ waiting|join('、') }} 一直在等待"
  en: "{{ programs|join(', ') }} contend for the one leader election lease {{ lease_namespace }}/{{ lease }}, and {{ waiting|join(', ') }} waits for ever"
cause:
  zh: "{{ programs|join('、') }} 是不同的程序，却都以租约 {{ lease_namespace }}/{{ lease }} 选主。一个租约同时只有一个持有者{% if holder %}，现在是 {{ holder }}{% endif %}；{{ waiting|join('、') }} 停在等待租约的步骤，不报错，也不工作。"
  en: "{{ programs|join(', ') }} are different programs and yet elect their leader by the one lease {{ lease_namespace }}/{{ lease }}. A lease has one holder at a time{% if holder %}, at present {{ holder }}{% endif %}; {{ waiting|join(', ') }} stays at waiting for it, without an error and without doing its work."
rules_out:
  - {zh: "API 服务器与 etcd：租约有持有者在续租，等待是选主的正常行为", en: "API server and etcd: waiting is what leader election does while another one holds the lease"}
questions:
  - {zh: "哪一个程序的租约名称是照抄来的？", en: "which of the programs had the name of its lease copied from the other?"}
causes:
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "不是领导者的程序不开始工作，也不就绪", en: "what does not lead does not start its work and does not get ready"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "不是领导者的程序不就绪", en: "what does not lead does not get ready"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "不是领导者的程序不就绪", en: "what does not lead does not get ready"}
benign:
  - {zh: "同一镜像仓库的几个工作负载（蓝绿、分片、多副本）本来就共用租约", en: "several workloads of one image repository (blue and green, shards, replicas) are meant to share a lease"}
  - {zh: "副本数为 0 的工作负载不争用租约", en: "a workload with no replicas contends for nothing"}
  - {zh: "有意让新旧两个程序交接、随后停掉旧的", en: "an old and a new program that are meant to hand over, of which the old one is stopped afterwards"}
remedy:
  - purpose: {zh: 查看租约的持有者, en: see who holds the lease}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ lease_namespace }} get lease {{ lease }} -o jsonpath='{.spec.holderIdentity} {.spec.leaseTransitions} {.spec.renewTime}'"
    expect: {zh: "持有者是其中一个程序的 Pod", en: "the holder is a pod of one of the programs"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "为 {{ waiting_name }} 设置自己的租约名称", en: "give {{ waiting_name }} a lease name of its own"}
    place: cluster
    risk: change
    precheck: {zh: "它的 Role 允许读写新名称的租约：`kubectl auth can-i update leases`", en: "its Role allows it to write a lease of the new name: `kubectl auth can-i update leases`"}
    command: "kubectl -n {{ waiting_namespace }} edit {{ waiting_kind }} {{ waiting_name }}"
    expect: {zh: 保存后触发滚动更新, en: a rollout starts when it is saved}
    verify: {zh: "日志写出 `successfully acquired lease`，两个租约各有持有者", en: "its log says `successfully acquired lease`, and each of the two leases has a holder"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: prevent
    text: {zh: "以工作负载的名称生成租约名称，不写死在模板里", en: "derive the lease's name from the workload's, and do not write it into a template"}
    acceptance: {zh: "用同一模板渲染两个程序，得到两个不同的租约名称", en: "one template rendered for two programs gives two lease names"}
  - kind: detect
    text: {zh: "对没有任何副本持有租约的控制器告警（`leader_election_master_status` 之和为 0）", en: "alert on a controller of which no replica leads (the sum of `leader_election_master_status` is 0)"}
    acceptance: {zh: "在测试环境让两个程序共用租约，按时收到告警", en: "two programs that share a lease in a test environment raise it in time"}
sources:
  - "client-go tools/leaderelection/leaderelection.go: `attempting to acquire leader lease %v...`, `successfully acquired lease %v`, in later versions `Attempting to acquire leader lease...` lock=…"
  - "client-go tools/leaderelection/resourcelock/leaselock.go: holderIdentity of the Lease; Describe is namespace/name"
  - "kubernetes k8s.io/component-base/config/options/leaderelectionconfig.go: --leader-elect-resource-name, --leader-elect-resource-namespace; controller-runtime pkg/leaderelection/leader_election.go: the identity is the host name, `_` and a UUID"
versions: "client-go 1.14 to 1.36"
examples:
  - name: two controllers and the Lease
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"sweeper","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/sweeper:1.2","args":["--leader-elect","--leader-election-id=ops-lock"]}]}}}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"tagger","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/tagger:3.0","args":["--leader-election-id","ops-lock"]}]}}}},{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"ops-lock","namespace":"t"},"spec":{"holderIdentity":"sweeper-6bdf8c9d7-jd5lx_0d9e2c1a","leaseDurationSeconds":15}}]}'
    fires: [{kind: Lease, namespace: t, name: ops-lock}]
  - name: no Lease, and the log of the one that waits
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"sweeper","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/sweeper:1.2","env":[{"name":"LEADER_ELECTION_ID","value":"ops-lock"}]}]}}}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"tagger","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/tagger:3.0","args":["--leader-elect-resource-name=ops-lock"]}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        t           sweeper-6bdf8c9d7-jd5lx   1/1     Running   0          41m
        t           tagger-85c7b6f9d8-m4tvh   1/1     Running   0          41m
      logs/t/sweeper-6bdf8c9d7-jd5lx/c.log: |
        I0514 21:17:44.117802       1 leaderelection.go:254] attempting to acquire leader lease t/ops-lock...
      logs/t/tagger-85c7b6f9d8-m4tvh/c.log: |
        I0514 21:17:40.117802       1 leaderelection.go:254] attempting to acquire leader lease t/ops-lock...
        I0514 21:17:42.117802       1 leaderelection.go:268] successfully acquired lease t/ops-lock
    fires: [{kind: Deployment, namespace: t, name: sweeper}]
  - name: blue and green of one program
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"sweeper-blue","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/sweeper:1.2","args":["--leader-election-id=ops-lock"]}]}}}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"sweeper-green","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/sweeper:1.3","args":["--leader-election-id=ops-lock"]}]}}}}]}'
  - name: one of the two is scaled to none
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"sweeper","namespace":"t"},"spec":{"replicas":0,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/sweeper:1.2","args":["--leader-election-id=ops-lock"]}]}}}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"tagger","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/tagger:3.0","args":["--leader-election-id=ops-lock"]}]}}}}]}'
  - name: leases of one name in two namespaces
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"sweeper","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/sweeper:1.2","args":["--leader-election-id=ops-lock","--leader-election-namespace=locks"]}]}}}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"tagger","namespace":"t"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"c","image":"r.example/t/tagger:3.0","args":["--leader-election-id=ops-lock"]}]}}}}]}'
"##;

/// Flags that name a lease, without their dashes.
const NAME_FLAGS: [&str; 8] = [
    "election-id",
    "leader-elect-id",
    "leader-elect-lease-name",
    "leader-elect-resource-name",
    "leader-election-id",
    "leader-election-lease-name",
    "leader-election-name",
    "leader-election-resource-name",
];
/// Flags that name its namespace.
const NAMESPACE_FLAGS: [&str; 5] = [
    "leader-elect-lease-namespace",
    "leader-elect-resource-namespace",
    "leader-election-lease-namespace",
    "leader-election-namespace",
    "leader-election-resource-namespace",
];
/// Variables that name a lease.
const NAME_VARIABLES: [&str; 5] = [
    "LEADER_ELECTION_ID",
    "LEADER_ELECTION_LEASE_NAME",
    "LEADER_ELECTION_NAME",
    "LEADER_LEASE_NAME",
    "LEASE_NAME",
];
/// Variables that name its namespace.
const NAMESPACE_VARIABLES: [&str; 4] = [
    "LEADER_ELECTION_LEASE_NAMESPACE",
    "LEADER_ELECTION_NAMESPACE",
    "LEADER_LEASE_NAMESPACE",
    "LEASE_NAMESPACE",
];
/// Flags that turn the election off where their value is `false`.
const SWITCHES: [&str; 4] = [
    "enable-leader-election",
    "leader-elect",
    "leader-election",
    "leader-election-enabled",
];

/// A workload that is started with a lease.
struct Claim {
    workload: Subject,
    /// The last part of its image's repository: what the program is called, whatever registry it comes from.
    program: String,
    /// True where nothing but a leader election can be meant by the setting.
    is_plain: bool,
    cite: Citation,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut by_lease: BTreeMap<(String, String), Vec<Claim>> = BTreeMap::new();
    for kind in ["DaemonSet", "Deployment", "StatefulSet"] {
        for object in snapshot
            .kind(kind)
            .filter(|object| object.int("/spec/replicas") != Some(0))
        {
            for (lease, claim) in claims(object) {
                by_lease.entry(lease).or_default().push(claim);
            }
        }
    }
    by_lease
        .into_iter()
        .filter_map(|((namespace, name), claims)| judge(input, rule, &namespace, &name, &claims))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, namespace: &str, name: &str, claims: &[Claim]) -> Option<Finding> {
    let snapshot = input.snapshot;
    let first = claims.first()?;
    // Two containers of one pod are no two workloads.
    let is_one = |claim: &Claim| claim.program == first.program || claim.workload == first.workload;
    if claims.iter().all(is_one) {
        return None;
    }
    let lease = snapshot.object("Lease", namespace, name);
    let identity = lease.map_or("", |lease| lease.text("/spec/holderIdentity"));
    let said = said(input, rule, &format!("{namespace}/{name}"));
    let is_held_by = |claim: &Claim| holds(snapshot, identity, &claim.workload);
    let has_led = |claim: &Claim| said.get(&claim.workload).is_some_and(|said| said.leads);
    let is_told_to_wait = |claim: &Claim| said.get(&claim.workload).is_some_and(|said| !said.leads);
    // What the Lease says is newer than any log.
    let holder = claims
        .iter()
        .find(|claim| is_held_by(claim))
        .or_else(|| claims.iter().find(|claim| has_led(claim)));
    let is_shown = holder.is_some() || claims.iter().any(is_told_to_wait);
    if !is_shown && claims.iter().any(|claim| !claim.is_plain) {
        return None;
    }
    // Who runs the holder's program waits for its turn as it should.
    let others: Vec<&Claim> = match holder {
        Some(holder) => claims.iter().filter(|claim| claim.program != holder.program).collect(),
        None => claims.iter().filter(|claim| is_told_to_wait(claim)).collect(),
    };
    let waiting: Vec<&Claim> = if others.is_empty() {
        claims.iter().filter(|claim| claim.program != first.program).collect()
    } else {
        others
    };
    let waits = waiting.first()?;
    let subject = lease.map_or_else(|| waits.workload.clone(), Object::subject);
    let confidence = if is_shown {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let names = |claims: &[&Claim]| -> Vec<String> { claims.iter().map(|claim| claim.workload.name.clone()).collect() };
    let all: Vec<&Claim> = claims.iter().collect();
    let mut finding = Finding::new(rule, subject, confidence)
        .at("spec.template.spec.containers[*].args")
        .fact("lease", name)
        .fact("lease_namespace", namespace)
        .fact("programs", names(&all))
        .fact("waiting", names(&waiting))
        .fact(
            "holder",
            holder.map_or(String::new(), |holder| holder.workload.name.clone()),
        )
        .fact("waiting_kind", waits.workload.kind.to_lowercase())
        .fact("waiting_namespace", waits.workload.namespace.clone())
        .fact("waiting_name", waits.workload.name.clone());
    for claim in claims {
        finding.add_cite(claim.cite.clone());
    }
    if let Some(lease) = lease {
        finding.add_cite_of(&["holder"], lease.cite_at("/spec/holderIdentity"));
    }
    for claim in claims {
        for cite in said.get(&claim.workload).map_or(&[][..], |said| said.cites.as_slice()) {
            finding.add_cite(cite.clone());
        }
    }
    for claim in waiting {
        finding.add_affected(claim.workload.clone());
    }
    Some(finding)
}

/// What a workload writes of a lease.
#[derive(Default)]
struct Said {
    /// It has held it.
    leads: bool,
    cites: Vec<Citation>,
}

/// What workloads write of a lease, by its namespace and name.
fn said(input: &Input<'_>, rule: &RuleHeader, lease: &str) -> BTreeMap<Subject, Said> {
    let mut found: BTreeMap<Subject, Said> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let is_meant = hit.captures.get("lease").is_some_and(|named| named == lease);
        if is_meant && hit.about.object.kind == "Pod" {
            let workload = input.snapshot.top_owner_of(&hit.about.object);
            let said = found.entry(workload).or_default();
            said.leads |= hit.signature.ends_with("/leads");
            said.cites.push(hit.cite.clone());
        }
    }
    found
}

/// True where the holder of a Lease is a pod of the workload: the identity is the pod's name, mostly with `_` and a UUID.
fn holds(snapshot: &Snapshot, identity: &str, workload: &Subject) -> bool {
    let pod = identity.split('_').next().unwrap_or(identity);
    if pod.is_empty() {
        return false;
    }
    snapshot.pods_of(workload).any(|known| known.name() == pod)
        || workload.kind == "Deployment" && workload_of_pod_name(pod) == Some(workload.name.as_str())
        || workload.kind == "StatefulSet"
            && pod
                .rsplit_once('-')
                .is_some_and(|(set, ordinal)| set == workload.name && ordinal.parse::<u32>().is_ok())
}

/// The leases that a workload's containers are started with: namespace and name.
fn claims(object: &Object) -> Vec<((String, String), Claim)> {
    const AT: &str = "/spec/template/spec/containers";
    let mut found = Vec::new();
    for (index, container) in object.list(AT).iter().enumerate() {
        let settings = settings(container);
        let is_off = settings.iter().any(|setting| {
            let name = setting.name.to_ascii_lowercase().replace('_', "-");
            let value = setting.value.to_ascii_lowercase();
            // Another API server has leases of its own.
            SWITCHES.contains(&name.as_str()) && ["false", "0", "no", "off"].contains(&value.as_str())
                || ["kubeconfig", "master"].contains(&name.as_str())
        });
        let image = container.get("image").and_then(Value::as_str).unwrap_or("");
        let program = program_of(image);
        if is_off || program.is_empty() {
            continue;
        }
        let is_lease = |setting: &&Setting| {
            let names = if setting.is_variable {
                &NAME_VARIABLES[..]
            } else {
                &NAME_FLAGS[..]
            };
            names.contains(&setting.name.as_str()) && is_object_name(&setting.value)
        };
        let is_namespace = |setting: &&Setting| {
            let names = if setting.is_variable {
                &NAMESPACE_VARIABLES[..]
            } else {
                &NAMESPACE_FLAGS[..]
            };
            names.contains(&setting.name.as_str()) && is_object_name(&setting.value)
        };
        let Some(lease) = settings.iter().find(is_lease) else {
            continue;
        };
        // `$(POD_NAMESPACE)` is the own one.
        let namespace = settings
            .iter()
            .find(is_namespace)
            .map_or(object.key.namespace.as_str(), |setting| setting.value.as_str());
        let claim = Claim {
            workload: object.subject(),
            program: program.to_owned(),
            is_plain: lease.name != "LEASE_NAME",
            cite: object.cite_at(&format!("{AT}/{index}/{}", lease.below)),
        };
        found.push(((namespace.to_owned(), lease.value.clone()), claim));
    }
    found
}

/// A flag or a variable of a container.
struct Setting {
    /// Without dashes.
    name: String,
    value: String,
    is_variable: bool,
    /// Where it stands in the container.
    below: String,
}

/// A container's flags (`--a=b`, `--a b`, in scripts too) and variables.
fn settings(container: &Value) -> Vec<Setting> {
    let list = |field: &str| {
        container
            .get(field)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let mut found = Vec::new();
    for field in ["command", "args"] {
        let words: Vec<(usize, &str)> = list(field)
            .iter()
            .enumerate()
            .filter_map(|(index, element)| Some((index, element.as_str()?)))
            .flat_map(|(index, element)| element.split_whitespace().map(move |word| (index, word)))
            .collect();
        for (at, (index, word)) in words.iter().enumerate() {
            let Some(flag) = word.strip_prefix('-') else { continue };
            let flag = flag.trim_start_matches('-');
            let next = words.get(at + 1).map_or("", |(_, next)| *next);
            let (name, value) = flag.split_once('=').unwrap_or((flag, next));
            found.push(Setting {
                name: name.to_owned(),
                value: value.trim_matches(['"', '\'']).to_owned(),
                is_variable: false,
                below: format!("{field}/{index}"),
            });
        }
    }
    for (index, variable) in list("env").iter().enumerate() {
        let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        found.push(Setting {
            name: text("name"),
            value: text("value"),
            is_variable: true,
            below: format!("env/{index}"),
        });
    }
    found
}

/// True for what an object may be called (RFC 1123), so for no reference such as `$(NAME)` and no other flag.
fn is_object_name(text: &str) -> bool {
    !text.starts_with('-')
        && !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}

/// The last part of an image's repository, without tag and digest.
fn program_of(image: &str) -> &str {
    let bare = image.split('@').next().unwrap_or(image);
    let last = bare.rsplit('/').next().unwrap_or(bare);
    last.split(':').next().unwrap_or(last)
}
