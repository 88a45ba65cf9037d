//! The connections of a database are used up: who refuses, and who holds them.

use std::collections::BTreeMap;

use crate::cluster::Snapshot;
use crate::model::{Citation, Subject};
use crate::rules::toolbox::complaints::{complaints, findings};
use crate::rules::toolbox::own_hits;
use crate::rules::toolbox::peers::workloads_called;
use crate::rules::toolbox::speakers::is_data_store;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: app-database-connections-exhausted
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: postgres
    in: [container-log, status]
    pattern: '(?:sorry, too many clients already|remaining connection slots are reserved|too many connections for (?:role|database) "(?P<user>[^"]+)")'
  - id: mysql
    in: [container-log, status]
    pattern: '(?:ERROR 1040|SQLSTATE\[08004\]|\b1040\b)[^\n]*Too many connections'
  - id: mysql-words
    in: [container-log, status]
    pattern: '(?:Data source rejected establishment of connection, +message from server: \"Too many connections\"|Error: Too many connections|OperationalError\D+1040|ER_CON_COUNT_ERROR)'
  - id: mysql-user
    in: [container-log, status]
    pattern: 'has exceeded the ''max_(?:user_)?connections'' resource'
  - id: redis
    in: [container-log, status]
    pattern: '(?:ERR max number of clients reached|max number of clients reached)'
  - id: clickhouse
    in: [container-log, status]
    pattern: 'Too many simultaneous queries'
  - id: mongo
    in: [container-log, status]
    pattern: 'connection refused because (?:there are )?too many open connections'
  - id: oracle
    in: [container-log, status]
    pattern: 'ORA-(?:00018|00020|12516|12519|12520)'
  - id: pgbouncer
    in: [container-log, status]
    pattern: 'no more connections allowed \(max_client_conn\)'
  - id: pgx
    in: [container-log, status]
    pattern: '(?:FATAL: +(?:MaxClientsInSessionMode|query_wait_timeout)|pgbouncer cannot connect to server)'
  - id: holder
    in: [other, container-log]
    pattern: '^ *(?P<holder>[A-Za-z0-9_.@:/-]+) +\|(?: +[A-Za-z0-9_.:/-]* *\|){0,2} +idle(?: in transaction)?(?: \(aborted\))? +\| +(?P<held>\d{1,6})\s*$'
  - id: holder-last
    in: [other, container-log]
    pattern: '^ +(?P<held>\d{1,6}) +\| +idle(?: in transaction)?(?: \(aborted\))? +\| +(?P<holder>[A-Za-z_][A-Za-z0-9_.@/-]+)(?: +\|[ -~]{0,80})?\s*$'
  - id: sleeper
    in: [other, container-log]
    pattern: '^\|\s*\d+ \| (?P<holder>[A-Za-z0-9_.-]+) +\| (?P<host>[A-Za-z0-9_.:-]+) +\| [A-Za-z0-9_]* +\| Sleep +\|'
  # learn.microsoft.com: errors 10928 and 10936 of Azure SQL
  - id: azure
    in: [container-log, status]
    pattern: 'The (?:request|session) limit for the (?:database|elastic pool) is \d+ and has been reached'
  # MySqlConnector
  - id: mysql-dotnet
    in: [container-log, status]
    pattern: 'MySqlException[^\n]{0,20}: Too many connections'
finds:
  subject: application
  confidence: confirmed
  server_side: [postgres, mysql, mysql-words, mysql-user, redis, mongo, oracle, pgbouncer]
check:
  zh: '数据库连接是否已用尽'
  en: 'whether database connections are used up'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}{% if holder %} 占用 {{ store }} 的 {{ held }} 个连接（列出的共 {{ listed }} 个）{% endif %}：数据库连接已用尽{% if peer %}（{{ peer }}）{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}{% if holder %} holds {{ held }} of the {{ listed }} connections of {{ store }} that are listed{% endif %}: database connections are used up{% if peer %} ({{ peer }}){% endif %}'
cause:
  zh: '日志中有 {{ said }}（共 {{ times }} 次）：已到连接数上限，新的连接被拒绝。{% if holder %}其中 {{ held }} 个由 {{ holder }} 占用而闲置。{% endif %}'
  en: 'the log has {{ said }} ({{ times|times }}): the limit of connections is reached and new ones are refused.{% if holder %} {{ held }} of them are held by {{ holder }} and idle.{% endif %}'
causes:
  - rule: app-connection-pool-exhausted
    ground: workload
    mechanism:
      zh: '服务端拒绝新的连接，连接池等不到连接'
      en: 'the server refuses new connections, so the pool waits in vain'
  - rule: app-migration-failed
    ground: workload
    mechanism:
      zh: '迁移连不上或用不了数据库'
      en: 'the migration cannot reach or use its database'
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用因此退出，kubelet 反复重启'
      en: 'the application ends over it and the kubelet restarts it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，就绪探针失败'
      en: 'it cannot serve, so the readiness probe fails'
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，存活探针失败'
      en: 'it cannot serve, so the liveness probe fails'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都因此失败'
      en: 'every attempt of the Job fails over it'
  - rule: app-database-unreachable
    ground: workload
    mechanism:
      zh: '没有空余的连接'
      en: 'there is no connection left'
benign:
  - zh: '一次短暂的突发之后恢复不算'
    en: 'a short burst that passed does not count'
remedy:
  - purpose:
      zh: '查看这段日志的前后文'
      en: 'read what stands around this line'
    place: cluster
    risk: read-only
    command: '{{ log_command|raw }}'
    expect:
      zh: '出现 {{ said }}'
      en: 'it shows {{ said }}'
    verify:
      zh: '与本报告引用的行一致'
      en: 'it agrees with the lines quoted here'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '计算所有副本的连接池上限之和，与数据库的上限比较'
      en: 'compare the sum of all replicas'' pool limits with the database''s own limit'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get deployments,statefulsets,hpa'
    expect:
      zh: '副本数 × 每个副本的连接池上限'
      en: 'replicas times the pool limit of each'
    verify:
      zh: '总和大于数据库的 max_connections'
      en: 'the sum is more than the database''s max_connections'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '减小每个副本的连接池或副本数（或提高数据库上限、加入连接代理），然后滚动重启'
      en: 'shrink the pool of each replica or their number (or raise the database''s limit, or put a pooler between), then restart'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: '应用启动后日志不再出现该错误，Pod 就绪'
      en: 'the log no longer shows the error after a restart and the pod is ready'
    rollback:
      zh: '恢复修改前的值并再次滚动重启'
      en: 'put the former value back and restart again'
prevention:
  - kind: prevent
    text:
      zh: '连接池上限 × 最大副本数写入容量清单，并在自动伸缩上限变更时核对'
      en: 'keep pool limit times maximum replicas in the capacity sheet and check it when the autoscaler changes'
    acceptance:
      zh: '把最大副本数翻倍的变更在评审中被拦下'
      en: 'a change that doubles the maximum of replicas is stopped in review'
  - kind: detect
    text:
      zh: '对该工作负载不可用持续 5 分钟告警'
      en: 'alert when the workload is unavailable for 5 minutes'
    acceptance:
      zh: '在测试环境重现该故障，按时收到告警'
      en: 'the alert arrives in time when the fault is made in a test environment'
sources:
  - 'postgresql src/backend/storage/lmgr/proc.c, src/backend/utils/init/postinit.c'
  - 'mysql-server share/messages_to_clients.txt ER_CON_COUNT_ERROR'
  - 'learn.microsoft.com'
  - 'MySqlConnector'
versions: 'any'
examples:
  - name: 'an API is refused again and again'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        gate-api-6dcfb9577c-hq4tr         1/1     Running            0             41m
        shop        pg-main-0                         1/1     Running            0             41m
      'gate-api-6dcfb9577c-hq4tr.log': |
        {"level":"error","msg":"query failed","err":"error: sorry, too many clients already"}
        {"level":"error","msg":"query failed","err":"error: sorry, too many clients already"}
        {"level":"error","msg":"query failed","err":"error: sorry, too many clients already"}
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'pg-main'}
  - name: 'one workload holds most of them, and others are refused'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        gate-api-6dcfb9577c-hq4tr         1/1     Running            0             41m
        shop        exporter-job-7f9c4d5b6c-x2x4z     1/1     Running            0             41m
        data        pg-main-0                         1/1     Running            0             41m
      'gate-api-6dcfb9577c-hq4tr.log': |
        {"level":"error","msg":"query failed","err":"error: sorry, too many clients already"}
        {"level":"error","msg":"query failed","err":"error: sorry, too many clients already"}
        {"level":"error","msg":"query failed","err":"error: sorry, too many clients already"}
      'logs/pg-main-0.log': |
        2026-09-22 17:37:15 UTC [812] FATAL:  sorry, too many clients already
        2026-09-22 17:37:16 UTC [813] FATAL:  sorry, too many clients already
        2026-09-22 17:37:17 UTC [814] FATAL:  sorry, too many clients already
      'psql.txt': |
        $ kubectl exec -n data pg-main-0 -- psql -c 'select application_name, state, count(*) from pg_stat_activity group by 1, 2'
         application_name | state  | count
        ------------------+--------+-------
         exporter-job     | idle   |    81
         gate-api         | idle   |    12
         psql             | active |     1
        (3 rows)
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'exporter-job'}
      - {kind: 'Deployment', namespace: 'shop', name: 'gate-api'}
  - name: 'a list of connections of which there are enough'
    files:
      'psql.txt': |
        $ kubectl exec -n data pg-main-0 -- psql -c 'select application_name, state, count(*) from pg_stat_activity group by 1, 2'
         application_name | state  | count
        ------------------+--------+-------
         exporter-job     | idle   |    11
         gate-api         | idle   |    12
        (2 rows)
  - name: 'a burst that passed'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        gate-api-6dcfb9577c-hq4tr         1/1     Running            0             41m
      'gate-api.log': |
        error: sorry, too many clients already
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
        ok
  - name: 'Azure SQL at its limit'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        Microsoft.Data.SqlClient.SqlException: Resource ID : 1. The request limit for the database is 60 and has been reached.
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
"##;

/// Who holds connections, by a list that somebody took on the server.
struct Holder {
    name: String,
    /// The address that one of its connections comes from, where the list shows it.
    host: String,
    held: u64,
    cite: Citation,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let is_refusal = |id: &str| {
        id.strip_prefix("app-database-connections-exhausted/")
            .is_some_and(|name| !LISTS.contains(&name))
    };
    let mut found = findings(input, rule, complaints(input.snapshot, &is_refusal, subjects));
    for finding in &mut found {
        for name in ["holder", "held", "listed", "store"] {
            finding.facts.entry(name.to_owned()).or_insert("".into());
        }
    }
    // The only server that says itself that it refuses is the one that clients without a known peer were refused by.
    let servers: Vec<Subject> = found
        .iter()
        .map(|finding| finding.subject.clone())
        .filter(|subject| is_data_store(&subject.name))
        .collect();
    if let [server] = servers.as_slice() {
        for finding in found.iter_mut().filter(|finding| finding.blames.is_empty()) {
            finding.blame(server.clone());
        }
        hold_responsible(input, rule, server, &mut found);
    }
    found
}

/// Signatures of lists.
const LISTS: [&str; 3] = ["holder", "holder-last", "sleeper"];
/// A list in which one client has so few connections shows nobody who takes them from others.
const MANY: u64 = 20;

/// Where one client holds most of the connections, it and not the server is what a person would mend.
fn hold_responsible(input: &Input<'_>, rule: &RuleHeader, server: &Subject, found: &mut [Finding]) {
    let holders = holders(input, rule);
    let listed: u64 = holders.iter().map(|holder| holder.held).sum();
    let Some(most) = holders.iter().max_by_key(|holder| holder.held) else {
        return;
    };
    let workload = [&most.name, &most.host]
        .into_iter()
        .find_map(|name| workload_of(input.snapshot, name));
    let Some(workload) = workload else { return };
    if most.held < MANY || most.held * 2 < listed || workload == *server {
        return;
    }
    for finding in found.iter_mut() {
        if finding.subject != *server {
            finding.blame(workload.clone());
            continue;
        }
        finding.subject = workload.clone();
        finding.touches.extend(Touch::of(&workload));
        finding.affected.retain(|known| *known != workload);
        finding.add_affected(server.clone());
        finding.impair(server.clone());
        finding.add_cite(most.cite.clone());
        for (name, value) in [
            ("holder", most.name.clone()),
            ("held", most.held.to_string()),
            ("listed", listed.to_string()),
            ("store", server.to_string()),
        ] {
            finding.facts.insert(name.to_owned(), value.into());
        }
    }
}

/// Connections that are open and do nothing, by who holds them: `pg_stat_activity` grouped, `SHOW PROCESSLIST` line by line.
fn holders(input: &Input<'_>, rule: &RuleHeader) -> Vec<Holder> {
    let mut found: BTreeMap<String, Holder> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let Some(name) = hit.captures.get("holder") else {
            continue;
        };
        let held = hit
            .captures
            .get("held")
            .map_or(Some(hit.count), |held| held.parse().ok())
            .unwrap_or(0);
        let holder = found.entry(name.clone()).or_insert_with(|| Holder {
            name: name.clone(),
            host: hit.captures.get("host").cloned().unwrap_or_default(),
            held: 0,
            cite: hit.cite.clone(),
        });
        holder.held = holder.held.saturating_add(held);
    }
    found.into_values().collect()
}

/// The only workload of this name, or the owner of the pod with this name or address.
fn workload_of(snapshot: &Snapshot, name: &str) -> Option<Subject> {
    let bare = name.split(':').next().unwrap_or(name);
    let by_pod = snapshot
        .pods()
        .find(|pod| pod.name() == bare || pod.object.text("/status/podIP") == bare)
        .map(|pod| snapshot.top_owner(pod.object));
    let called = workloads_called(snapshot, "", &bare.replace('_', "-").to_ascii_lowercase());
    by_pod.or_else(|| match called.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    })
}
