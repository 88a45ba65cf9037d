//! Statements wait for locks that another transaction holds.

use crate::cluster::{Hit, Object, Snapshot};
use crate::logs::Stream;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::common_store::common_store;
use crate::rules::toolbox::complaints::{complaints, findings as complaint_findings};
use crate::rules::toolbox::words;
use crate::rules::{Finding, Input, RuleHeader, Subjects};

pub(in crate::rules) const RULE: &str = r##"
id: app-lock-contention
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: mysql-wait
    in: [container-log, status]
    pattern: '(?P<reason>Lock wait timeout exceeded; try restarting transaction)'
  - id: mysql
    in: [container-log, status]
    pattern: '(?P<reason>Deadlock found when trying to get lock)'
  - id: postgres-wait
    in: [container-log, status]
    pattern: '(?P<reason>canceling statement due to lock timeout|could not obtain lock on (?:row in )?relation \S+)'
  - id: postgres
    in: [container-log, status]
    pattern: '(?P<reason>deadlock detected|canceling statement due to statement timeout)'
  - id: mssql
    in: [container-log, status]
    pattern: 'was deadlocked on (?P<reason>lock[^\n]{0,60}) and has been chosen as the deadlock victim'
  - id: oracle-wait
    in: [container-log, status]
    pattern: '(?P<reason>ORA-(?:00054|30006))'
  - id: oracle
    in: [container-log, status]
    pattern: '(?P<reason>ORA-00060)'
  - id: sqlite
    in: [container-log, status]
    pattern: '(?P<reason>database is locked)'
    # It tries again by itself (Grafana pkg/infra/db `sleeping then retrying`).
    unless: '(?i)then retrying|retrying in'
  - id: statement
    in: [container-log]
    pattern: '(?P<reason>SQLSTATE[^\n]{0,12}(?:55P03|40P01))'
  - id: liquibase
    in: [container-log, status]
    pattern: '(?P<reason>Could not acquire change log lock|Waiting for changelog lock)'
  # postgresql src/backend/storage/lmgr/proc.c, log_lock_waits
  - id: holder
    in: [container-log, other]
    pattern: 'Process(?:es)? holding the lock: (?P<pids>[0-9]{1,8}(?:, [0-9]{1,8}){0,8})\. Wait queue'
  # A row of pg_stat_activity as psql prints it, the columns in any choice that has these three in this order
  - id: session
    in: [container-log, other]
    pattern: '^\s*(?P<pid>[0-9]{1,8}) \|[ -~]{0,160}\| (?P<address>[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:/32)? +\|[ -~]{0,100}\bidle in transaction\b'
  # Rows of MySQL's SHOW PROCESSLIST: Id, User, Host, db, Command, Time, State
  - id: metadata-wait
    in: [container-log, other]
    pattern: '^\| +[0-9]{1,12} +\| [ -~]{1,40}\| (?P<address>[0-9]{1,3}(?:\.[0-9]{1,3}){3}):[0-9]{1,5} +\| [ -~]{1,70}\| Query +\| +(?P<seconds>[0-9]{1,9}) +\| (?P<reason>Waiting for table metadata lock)'
  - id: asleep
    in: [container-log, other]
    pattern: '^\| +(?P<pid>[0-9]{1,12}) +\| [ -~]{1,40}\| (?P<address>[0-9]{1,3}(?:\.[0-9]{1,3}){3}):[0-9]{1,5} +\| [ -~]{1,70}\| Sleep +\| +(?P<seconds>[0-9]{1,9}) +\|'
check:
  zh: '应用是否因数据库锁等待而失败'
  en: 'whether an application fails over locks in its database'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{% if session is defined %}它在数据库中的会话 {{ session }} 停在未提交的事务里（idle in transaction），使 {{ waiting|join("、") }} 等不到锁{% elif asleep is defined %}它在数据库中的会话 {{ asleep }} 早于所有等待者就停着不动，使 {{ waiting|join("、") }} 等不到表的元数据锁（{{ reason }}）{% elif holder is defined %}正在运行的任务改变数据库，使 {{ waiting|join("、") }} 等不到锁{% else %}语句等不到数据库的锁（{{ reason }}）{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {% if session is defined %}its session {{ session }} in the database is idle in a transaction, and {{ waiting|join(", ") }} wait for its locks{% elif asleep is defined %}its session {{ asleep }} in the database has been idle since before anybody waits, and {{ waiting|join(", ") }} wait for the metadata lock of a table ({{ reason }}){% elif holder is defined %}while this Job changes the database, {{ waiting|join(", ") }} wait for a lock{% else %}statements fail over a lock in the database ({{ reason }}){% endif %}'
cause:
  zh: '日志写明 {{ said }}（共 {{ times }} 次）：数据库在线，但语句等不到锁，或与另一个事务互相等待。要找的是长时间不提交的事务，或没有正常释放的迁移锁。'
  en: 'a log says {{ said }} ({{ times|times }}): the database is up, but a statement does not get its lock, or waits for another transaction in a circle. Look for a transaction that stays open, or a migration lock that was never released.'
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
benign:
  - zh: '偶尔一次死锁并由应用重试成功，是正常的'
    en: 'a deadlock now and then, retried with success, is normal'
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
      zh: '在数据库中结束持有锁的会话（PostgreSQL：pg_terminate_backend；MySQL：KILL），或释放迁移锁；`<SQL>` 换成该语句'
      en: 'end the session that holds the lock, in the database (PostgreSQL: pg_terminate_backend; MySQL: KILL), or release the migration lock; put that statement for `<SQL>`'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}exec -it <DATABASE_POD> -- <CLIENT> <SQL>'
    verify:
      zh: '日志不再出现该错误'
      en: 'the log no longer shows the error'
    rollback:
      zh: '被结束的事务自行回滚；需要时重新执行它'
      en: 'the transaction that was ended rolls back by itself; run it again where it is needed'
prevention:
  - kind: prevent
    text:
      zh: '为事务与语句设置超时，并监控最长的未提交事务'
      en: 'set timeouts for transactions and statements, and watch the oldest open transaction'
    acceptance:
      zh: '超过一分钟的未提交事务触发告警'
      en: 'a transaction that is open for over a minute raises an alert'
sources:
  - 'mysql-server share/messages_to_clients.txt ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK'
  - 'postgresql src/backend/tcop/postgres.c ProcessInterrupts'
  - 'mysql-server sql/mdl.cc `Waiting for table metadata lock`; MySQL 8.4 Reference Manual, "SHOW PROCESSLIST Statement"'
  - 'postgresql src/backend/storage/lmgr/proc.c `Process holding the lock: %s. Wait queue: %s.`'
  - 'sqlite src/main.c SQLITE_BUSY'
  - 'liquibase StandardLockService'
versions: 'any'
examples:
  - name: 'a Job changes the table that others write to'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS    RESTARTS   AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running   0          41d
        shop        shop-migrate-7-4kx9w              1/1     Running   0          41m
      'jobs.txt': |
        NAMESPACE   NAME             COMPLETIONS   DURATION   AGE
        shop        shop-migrate-7   0/1           41m        41m
      'orders-6bdf8c9d7-jd5lx.log': |
        ERROR org.postgresql.util.PSQLException: ERROR: canceling statement due to lock timeout
        ERROR org.postgresql.util.PSQLException: ERROR: canceling statement due to lock timeout
        ERROR org.postgresql.util.PSQLException: ERROR: canceling statement due to lock timeout
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'Job', namespace: 'shop', name: 'shop-migrate-7'}
  - name: 'the database tells whose session holds the lock'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS    RESTARTS   AGE   IP             NODE   NOMINATED NODE   READINESS GATES
        shop        orders-6bdf8c9d7-jd5lx            0/1     Running   3          41d   10.244.5.40    n1     <none>           <none>
        shop        totals-29906520-hq7dj             1/1     Running   0          3h    10.244.4.201   n2     <none>           <none>
        shop        pg-0                              1/1     Running   0          41d   10.244.5.12    n1     <none>           <none>
      'orders-6bdf8c9d7-jd5lx.log': |
        ERROR psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout
        ERROR psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout
      'pg-0.log': |
        2026-11-11 13:04:31.417 UTC [18822] shop@shop DETAIL:  Process holding the lock: 17201. Wait queue: 18822, 18840, 18851.
      'activity.txt': |
        pid   | application_name | client_addr  |        state        | xact_age
        ------+------------------+--------------+---------------------+----------
         17201 | totals           | 10.244.4.201 | idle in transaction | 03:09:44
         18851 | orders           | 10.244.5.40  | active              | 00:00:21
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'CronJob', namespace: 'shop', name: 'totals'}
  - name: 'MySQL lists who waits, and one session that has slept since before all of them'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS    RESTARTS   AGE   IP             NODE   NOMINATED NODE   READINESS GATES
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running   0          41d   10.244.5.40    n1     <none>           <none>
        shop        shop-migrate-7-4kx9w              1/1     Running   0          25m   10.244.5.41    n1     <none>           <none>
        shop        totals-29906520-hq7dj             1/1     Running   0          3h    10.244.4.201   n2     <none>           <none>
      'processlist.txt': |
        | Id     | User   | Host               | db   | Command | Time  | State                           | Info                 |
        | 88     | totals | 10.244.4.201:41120 | shop | Sleep   | 12880 |                                 | NULL                 |
        | 89     | orders | 10.244.5.40:41377  | shop | Sleep   | 3     |                                 | NULL                 |
        | 93     | migr   | 10.244.5.41:52214  | shop | Query   | 1541  | Waiting for table metadata lock | ALTER TABLE `orders` |
        | 94     | orders | 10.244.5.40:56752  | shop | Query   | 27    | Waiting for table metadata lock | SELECT `orders`.`id` |
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'totals'}
  - name: 'MySQL lists sessions that sleep, and nobody waits'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS    RESTARTS   AGE   IP             NODE   NOMINATED NODE   READINESS GATES
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running   0          41d   10.244.5.40    n1     <none>           <none>
      'processlist.txt': |
        | Id     | User   | Host               | db   | Command | Time  | State                           | Info                 |
        | 89     | orders | 10.244.5.40:41377  | shop | Sleep   | 9331  |                                 | NULL                 |
  - name: 'orders wait for a lock, again and again'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1   Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        ERROR SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction
        ERROR SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction
        ERROR SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction
        ERROR SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'two programs wait for what a third one holds: their database is the place to look'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        stock-6bdf8c9d7-jd5lx             1/1     Running            0             41m
        shop        carts-7c9d8b6f55-x2v4q            1/1     Running            0             41m
        shop        mariadb-0                         1/1     Running            0             41m
      'stock-6bdf8c9d7-jd5lx.log': |
        ERROR (1205, 'Lock wait timeout exceeded; try restarting transaction')
        ERROR (1205, 'Lock wait timeout exceeded; try restarting transaction')
        ERROR (1205, 'Lock wait timeout exceeded; try restarting transaction')
      'carts-7c9d8b6f55-x2v4q.log': |
        ERROR: SQLSTATE 40001: Lock wait timeout exceeded; try restarting transaction
        ERROR: SQLSTATE 40001: Lock wait timeout exceeded; try restarting transaction
        ERROR: SQLSTATE 40001: Lock wait timeout exceeded; try restarting transaction
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'carts'}
      - {kind: 'Deployment', namespace: 'shop', name: 'stock'}
      - {kind: 'StatefulSet', namespace: 'shop', name: 'mariadb'}
  - name: 'one deadlock that was retried'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1   Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        WARN Deadlock found when trying to get lock, retry 1
        order 12 saved
        order 13 saved
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let is_own = |id: &str| id.starts_with("app-lock-contention/") && !TOLD.contains(&id);
    let said = complaints(
        snapshot,
        &is_own,
        &Subjects {
            out_of_reach: false,
            ..of_clients()
        },
    );
    let mut findings = complaint_findings(input, rule, said);
    let mut namespaces: Vec<String> = findings
        .iter()
        .map(|finding| finding.subject.namespace.clone())
        .collect();
    namespaces.sort();
    namespaces.dedup();
    for namespace in namespaces {
        let session = idle_session(snapshot);
        let told = session
            .as_ref()
            .map(|(subject, hit)| (subject.clone(), hit.cite.clone()));
        let held = told.or_else(|| changing(snapshot, &namespace).map(|job| (job.subject(), job.cite.clone())));
        let Some((subject, cite)) = held else {
            findings.extend(common_store(rule, &findings, &namespace));
            continue;
        };
        let mut waiting = Vec::new();
        for client in findings
            .iter_mut()
            .filter(|finding| finding.subject.namespace == namespace && finding.subject != subject)
        {
            client.blame(subject.clone());
            waiting.push(client.subject.clone());
        }
        if waiting.is_empty() || findings.iter().any(|finding| finding.subject == subject) {
            continue;
        }
        let names: Vec<String> = waiting.iter().map(|client| client.name.clone()).collect();
        let mut holder = Finding::new(rule, subject, Confidence::Probable)
            .cite(cite)
            .fact("holder", true)
            .fact("waiting", names)
            .fact("reason", "")
            .fact("said", "")
            .fact("times", 1)
            .fact("log_command", "");
        for client in waiting {
            holder.add_affected(client);
        }
        if let Some((_, hit)) = &session {
            let pid = hit.captures.get("pid").cloned().unwrap_or_default();
            holder.confidence = Confidence::Confirmed;
            holder.facts.insert("session".into(), pid.into());
            for told in snapshot.hits(HOLDER).take(2) {
                holder.add_cite(told.cite.clone());
            }
        }
        findings.push(holder);
    }
    let listed = by_process_list(snapshot, rule);
    let is_new = |found: &Finding| findings.iter().all(|known| known.subject != found.subject);
    if let Some(found) = listed.filter(is_new) {
        for client in findings
            .iter_mut()
            .filter(|client| found.affected.contains(&client.subject))
        {
            client.blame(found.subject.clone());
        }
        findings.push(found);
    }
    findings
}

/// Who holds a lock, by the server's log, and the sessions that wait in an open transaction.
const HOLDER: &str = "app-lock-contention/holder";
const SESSION: &str = "app-lock-contention/session";
/// What tells of holders and is no complaint.
const TOLD: [&str; 4] = [HOLDER, SESSION, METADATA_WAIT, ASLEEP];
/// Rows of MySQL's list of sessions: those that wait for a table's definition, and those that do nothing.
const METADATA_WAIT: &str = "app-lock-contention/metadata-wait";
const ASLEEP: &str = "app-lock-contention/asleep";

/// The workload whose only pod has the address that a hit captured.
fn speaker(snapshot: &Snapshot, hit: &Hit) -> Option<Subject> {
    let address = hit.captures.get("address")?;
    let mut pods = snapshot
        .pods()
        .filter(|pod| pod.object.text("/status/podIP") == address);
    match (pods.next(), pods.next()) {
        (Some(pod), None) => Some(snapshot.top_owner(pod.object)),
        _ => None,
    }
}

/// The only session that has slept for longer than anybody waits for a table's definition. A session that took its lock after the
/// first one began to wait would itself be waiting (MySQL 8.4 Reference Manual, "Metadata Locking").
fn by_process_list(snapshot: &Snapshot, rule: &RuleHeader) -> Option<Finding> {
    let seconds = |hit: &Hit| hit.captures.get("seconds").and_then(|told| told.parse::<u64>().ok());
    let waiting: Vec<&Hit> = snapshot.hits(METADATA_WAIT).collect();
    let longest = waiting.iter().filter_map(|hit| seconds(hit)).max()?;
    let mut asleep = snapshot
        .hits(ASLEEP)
        .filter(|hit| seconds(hit).is_some_and(|slept| slept > longest));
    let (Some(hit), None) = (asleep.next(), asleep.next()) else {
        return None;
    };
    let subject = speaker(snapshot, hit)?;
    let mut clients: Vec<Subject> = waiting.iter().filter_map(|hit| speaker(snapshot, hit)).collect();
    clients.sort();
    clients.dedup();
    clients.retain(|client| *client != subject);
    let names: Vec<String> = clients.iter().map(|client| client.name.clone()).collect();
    let mut found = Finding::new(rule, subject, Confidence::Probable)
        .cite(hit.cite.clone())
        .fact("asleep", hit.captures.get("pid").cloned().unwrap_or_default())
        .fact("waiting", names)
        .fact("reason", "Waiting for table metadata lock")
        .fact("said", "Waiting for table metadata lock")
        .fact("times", waiting.len())
        .fact("log_command", "");
    for wait in waiting.iter().take(2) {
        found.add_cite(wait.cite.clone());
    }
    for client in clients {
        found.add_affected(client);
    }
    Some(found)
}

/// The workload whose session is idle in a transaction: of several the one that the server's log names as the holder of a lock.
fn idle_session(snapshot: &Snapshot) -> Option<(Subject, &Hit)> {
    let named: Vec<&str> = snapshot
        .hits(HOLDER)
        .filter_map(|hit| hit.captures.get("pids"))
        .flat_map(|pids| pids.split(", "))
        .collect();
    let holds = |hit: &&Hit| {
        hit.captures
            .get("pid")
            .is_some_and(|pid| named.is_empty() || named.contains(&pid.as_str()))
    };
    let mut sessions = snapshot.hits(SESSION).filter(holds);
    let (Some(hit), None) = (sessions.next(), sessions.next()) else {
        return None;
    };
    Some((speaker(snapshot, hit)?, hit))
}

/// Words of a Job that changes a schema or much of its data, in its name or its log.
const NAMED: [&str; 10] = [
    "migrat",
    "schema",
    "backfill",
    "reindex",
    "ddl",
    "flyway",
    "liquibase",
    "alembic",
    "vacuum",
    "db-update",
];
const SAID: [&str; 8] = [
    "alter table",
    "create index",
    "create unique index",
    "migrating schema",
    "running migration",
    "running upgrade",
    "lock table",
    "backfill",
];

/// The only Job of a namespace that still runs and changes a database.
fn changing<'s>(snapshot: &'s Snapshot, namespace: &str) -> Option<&'s Object> {
    let runs = |job: &Object| {
        snapshot.pods().any(|pod| {
            let of_job = snapshot.top_owner(pod.object) == job.subject()
                || pod
                    .name()
                    .strip_prefix(job.key.name.as_str())
                    .is_some_and(|rest| rest.starts_with('-') && rest.len() == 6);
            pod.namespace() == namespace && of_job && pod.phase() == "Running"
        })
    };
    let says = |job: &Object| {
        let logs = snapshot.logs.iter().filter(|log| {
            matches!(&log.stream, Stream::Container(found) if found.namespace == namespace && found.pod.starts_with(job.key.name.as_str()))
        });
        logs.flat_map(|log| &log.tail).any(|line| {
            let line = words(line).to_ascii_lowercase();
            SAID.iter().any(|said| line.contains(said))
        })
    };
    let mut jobs = snapshot
        .kind("Job")
        .filter(|job| job.key.namespace == namespace && runs(job))
        .filter(|job| NAMED.iter().any(|word| job.key.name.contains(word)) || says(job));
    let first = jobs.next()?;
    jobs.next().is_none().then_some(first)
}
