//! An application misses a column or a table, and the Job that should have made it has not done its work.

use jiff::SignedDuration;
use serde_json::Value;

use crate::bundle::decode::Form;
use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::refused::has_all_replicas;
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::services::same_namespace;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: migration-not-run
role: cause
level: critical
needs: [jobs, container-logs|pods]
text:
  - id: postgres-column
    in: [container-log, status]
    pattern: 'column \\?"?(?P<missing>[\w.]+)\\?"?(?: of relation \\?"?[\w.]+\\?"?)? does not exist'
  - id: postgres-table
    in: [container-log, status]
    pattern: 'relation \\?"(?P<missing>[^"\\]+)\\?" does not exist'
  - id: mysql-column
    in: [container-log, status]
    pattern: 'Unknown column ''(?P<missing>[^'']+)'' in '
  - id: mysql-table
    in: [container-log, status]
    pattern: 'Table ''(?P<missing>[^'']+)'' doesn''t exist'
  - id: sqlite
    in: [container-log, status]
    pattern: 'no such (?:column|table): (?P<missing>[\w.]+)'
  - id: mssql
    in: [container-log, status]
    pattern: 'Invalid (?:column|object) name ''(?P<missing>[^'']+)'''
finds:
  subject: application
  confidence: probable
  clients_only: true
check:
  zh: '应用缺少数据库的列或表时，迁移任务（Job）是否完成'
  en: 'whether the migration Job has run where an application misses a column or a table'
title:
  zh: '迁移任务 {{ subject.namespace }}/{{ subject.name }} {% if suspended %}被挂起（suspend: true），没有执行{% elif failed %}执行失败{% elif behind %}属于 {{ migrated }}，而 {{ workload }} 已是 {{ runs }}：该版本的迁移没有执行{% else %}没有执行{% endif %}，{{ workload }} 缺少 {{ missing }}'
  en: 'migration Job {{ subject.namespace }}/{{ subject.name }} {% if suspended %}is suspended and has not run{% elif failed %}has failed{% elif behind %}is of {{ migrated }} while {{ workload }} runs {{ runs }}: that release was not migrated{% else %}has not run{% endif %}, and {{ workload }} misses {{ missing }}'
cause:
  zh: '{{ workload }} 写出 {{ said }}（共 {{ times }} 次）：代码使用的列或表在数据库中还没有。同一命名空间中负责迁移的任务 {{ subject.name }} {% if suspended %}设置了 suspend: true，因此没有创建 Pod{% elif failed %}已失败{% elif behind %}以 {{ migrated }} 的镜像完成，没有更新的迁移任务{% else %}没有 Pod，也没有完成{% endif %}，数据库结构停留在旧版本。'
  en: '{{ workload }} wrote {{ said }} ({{ times|times }}): its code uses a column or table that the database does not have yet. Job {{ subject.name }} of the same namespace, which is to migrate it, {% if suspended %}has suspend: true, so no pod is made for it{% elif failed %}has failed{% elif behind %}was completed by the image of {{ migrated }}, and no later one is there{% else %}has neither a pod nor a completion{% endif %}: the schema is still the former one.'
rules_out:
  - zh: '数据库不可达：它应答了查询，只是没有这一列或表'
    en: 'a database that is out of reach: it answered the query and lacks the column or table'
questions:
  - zh: '是谁、为何让迁移任务没有执行？'
    en: 'who kept the migration from running, and why?'
causes:
  - rule: app-database-missing
    ground: workload
    mechanism: {zh: '创建这张表的迁移没有执行', en: 'the migration that makes this table has not run'}
  - rule: app-bug
    ground: workload
    mechanism: {zh: '代码查询迁移没有创建的列或表', en: 'its code asks for what the migration has not made'}
  - rule: peer-answers-with-errors
    ground: workload
    mechanism: {zh: '查询失败，它以 5xx 回答调用方', en: 'its queries fail, so it answers its callers with 5xx'}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: '应用因缺少的列或表退出，kubelet 反复重启', en: 'the application ends over what is missing and the kubelet restarts it'}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: '应用不能提供服务，就绪探针失败', en: 'it cannot serve, so the readiness probe fails'}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: '应用不能提供服务，存活探针失败', en: 'it cannot serve, so the liveness probe fails'}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: '容器不能就绪', en: 'its containers do not get ready'}
benign:
  - {zh: '迁移任务已完成：缺少的列另有原因，例如查询写错', en: 'the migration is complete: a missing column then has another reason, such as a wrong query'}
  - {zh: '为下一次发布准备的、挂起的迁移任务，而没有应用缺少什么', en: 'a suspended migration that waits for the next release while no application misses anything'}
remedy:
  - purpose: {zh: '查看迁移任务的状态', en: 'look at the state of the migration'}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get job {{ subject.name }} -o wide
      kubectl -n {{ subject.namespace }} describe job {{ subject.name }}
    expect: {zh: '没有完成（COMPLETIONS 0/1）', en: 'no completion (COMPLETIONS 0/1)'}
    verify: {zh: '与本报告一致', en: 'it agrees with this report'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '备份数据库之后，让挂起的迁移任务执行', en: 'after a backup of the database, let the suspended migration run'}
    place: cluster
    risk: change
    when: 'suspended'
    precheck: {zh: '确认数据库有可恢复的备份', en: 'make sure that a backup of the database can be restored'}
    command: |
      kubectl -n {{ subject.namespace }} patch job {{ subject.name }} --type=json -p '[{"op": "replace", "path": "/spec/suspend", "value": false}]'
    expect: {zh: '`patched`', en: '`patched`'}
    verify: {zh: '任务完成，应用的日志不再缺少 {{ missing }}', en: 'the Job completes and the log of the application no longer misses {{ missing }}'}
    rollback: {zh: '把 suspend 改回 true；已执行的迁移按其回退脚本或备份恢复', en: 'set suspend to true again; what was migrated is undone by its own script or from the backup'}
  - purpose: {zh: '排除任务失败的原因并备份数据库之后，重新创建任务', en: 'once the reason is mended and the database is backed up, make the Job anew'}
    place: cluster
    risk: change
    when: 'not suspended and not behind'
    precheck: {zh: '任务的事件与日志中的原因已经排除，数据库有可恢复的备份', en: 'what its events and its log complain of is mended, and a backup of the database can be restored'}
    command: |
      kubectl -n {{ subject.namespace }} get job {{ subject.name }} -o json | jq 'del(.status, .spec.selector, .spec.template.metadata.labels, .metadata.uid, .metadata.resourceVersion)' | kubectl replace --force -f -
    expect: {zh: '`replaced`', en: '`replaced`'}
    verify: {zh: '任务完成，应用的日志不再缺少 {{ missing }}', en: 'the Job completes and the log of the application no longer misses {{ missing }}'}
    rollback: {zh: '删除任务；已执行的迁移按其回退脚本或备份恢复', en: 'delete the Job; what was migrated is undone by its own script or from the backup'}
    notes:
      - zh: 'Job 的 Pod 模板不可修改，--force 先删除再创建：旧任务的 Pod 与日志随之消失，先保存日志'
        en: 'the template of a Job cannot be changed, so --force deletes it and makes it anew: its pods and their logs go with it, so keep the log first'
  - purpose: {zh: '备份数据库之后，以应用现在的镜像执行迁移', en: 'after a backup of the database, run the migration with the image that the application has now'}
    place: cluster
    risk: change
    when: 'behind'
    precheck: {zh: '数据库有可恢复的备份', en: 'a backup of the database can be restored'}
    command: |
      kubectl -n {{ subject.namespace }} get job {{ subject.name }} -o json | jq --arg image {{ image }} --arg name {{ subject.name }}-next 'del(.status, .spec.selector, .spec.template.metadata.labels, .metadata.uid, .metadata.resourceVersion) | .metadata.name = $name | .spec.template.spec.containers[0].image = $image' | kubectl create -f -
    expect: {zh: '`created`', en: '`created`'}
    verify: {zh: '任务完成，应用的日志不再缺少 {{ missing }}', en: 'the Job completes and the log of the application no longer misses {{ missing }}'}
    rollback: {zh: '删除任务；已执行的迁移按其回退脚本或备份恢复', en: 'delete the Job; what was migrated is undone by its own script or from the backup'}
prevention:
  - kind: prevent
    text: {zh: '发布流水线等待迁移任务完成，再更新应用', en: 'let the pipeline wait for the migration to complete before it updates the application'}
    acceptance: {zh: '迁移任务没有完成时，发布在更新应用之前停止', en: 'with a migration that does not complete, a release stops before the application is updated'}
  - kind: detect
    text: {zh: '应用启动时校验数据库结构的版本', en: 'let the application check the version of the schema when it starts'}
    acceptance: {zh: '没有迁移的版本启动即失败', en: 'a release without its migration fails at start'}
sources:
  - 'kubernetes pkg/controller/job/job_controller.go: a Job with spec.suspend has no pods; condition Suspended (JobSuspended)'
  - 'postgresql src/backend/parser/parse_relation.c: `column "%s" does not exist`, `relation "%s" does not exist`'
  - 'mysql-server share/messages_to_clients.txt: ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE'
  - 'sqlite src/resolve.c: `no such column`; src/build.c: `no such table`'
versions: 'Kubernetes 1.21 to 1.36'
examples:
  - name: 'a suspended migration, and the application misses its column'
    files:
      'jobs.json': '{"kind": "JobList", "apiVersion": "batch/v1", "items": [{"metadata": {"name": "orders-migrate-42", "namespace": "shop", "uid": "1"}, "spec": {"suspend": true, "template": {"spec": {"containers": [{"name": "run", "image": "r.example/shop/orders:4.2"}]}}}, "status": {"conditions": [{"type": "Suspended", "status": "True", "reason": "JobSuspended"}]}}]}'
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      'logs/orders-6bdf8c9d7-jd5lx.log': |
        ERROR psycopg2.errors.UndefinedColumn: column orders.discount_code does not exist
        ERROR psycopg2.errors.UndefinedColumn: column orders.discount_code does not exist
    fires: [{kind: Job, namespace: shop, name: orders-migrate-42}]
  - name: 'a migration that failed, by the image of the tool'
    files:
      'jobs.json': '{"kind": "JobList", "apiVersion": "batch/v1", "items": [{"metadata": {"name": "db-setup", "namespace": "shop", "uid": "1"}, "spec": {"backoffLimit": 0, "template": {"spec": {"containers": [{"name": "run", "image": "docker.io/flyway/flyway:10"}]}}}, "status": {"failed": 1, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}}]}'
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      'logs/orders-6bdf8c9d7-jd5lx.log': |
        ERROR java.sql.SQLSyntaxErrorException: Unknown column 'o.discount_code' in 'field list'
        ERROR java.sql.SQLSyntaxErrorException: Unknown column 'o.discount_code' in 'field list'
    fires: [{kind: Job, namespace: shop, name: db-setup}]
  - name: 'the migration is complete'
    files:
      'jobs.json': '{"kind": "JobList", "apiVersion": "batch/v1", "items": [{"metadata": {"name": "orders-migrate-42", "namespace": "shop", "uid": "1"}, "spec": {}, "status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}}]}'
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      'logs/orders-6bdf8c9d7-jd5lx.log': |
        ERROR psycopg2.errors.UndefinedColumn: column orders.discount_code does not exist
        ERROR psycopg2.errors.UndefinedColumn: column orders.discount_code does not exist
  - name: 'the last migration is of the release before'
    files:
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        orders-6bdf8c9d7-jd5lx   1/1     Running   0          29m
      'deployments.txt': |
        NAMESPACE   NAME     READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES                          SELECTOR
        shop        orders   1/1     1            1           90d   orders       registry.test/shop/orders:5.12.0   app=orders
      'jobs.txt': |
        NAMESPACE   NAME                    STATUS     COMPLETIONS   DURATION   AGE   CONTAINERS   IMAGES                             SELECTOR
        shop        orders-migrate-5-11-0   Complete   1/1           9s         12d   migrate      registry.test/shop/orders:5.11.0   batch.kubernetes.io/controller-uid=6572d5d0
      'logs/orders-6bdf8c9d7-jd5lx.log': |
        ERROR psycopg2.errors.UndefinedColumn: column orders.gift_note does not exist
        ERROR psycopg2.errors.UndefinedColumn: column orders.gift_note does not exist
    fires: [{kind: Job, namespace: shop, name: orders-migrate-5-11-0}]
  - name: 'the last migration is of this release'
    files:
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        orders-6bdf8c9d7-jd5lx   1/1     Running   0          29m
      'deployments.txt': |
        NAMESPACE   NAME     READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES                          SELECTOR
        shop        orders   1/1     1            1           90d   orders       registry.test/shop/orders:5.12.0   app=orders
      'jobs.txt': |
        NAMESPACE   NAME                    STATUS     COMPLETIONS   DURATION   AGE   CONTAINERS   IMAGES                             SELECTOR
        shop        orders-migrate-5-11-0   Complete   1/1           9s         12d   migrate      registry.test/shop/orders:5.11.0   batch.kubernetes.io/controller-uid=6572d5d0
        shop        orders-migrate-5-12-0   Complete   1/1           9s         29m   migrate      registry.test/shop/orders:5.12.0   batch.kubernetes.io/controller-uid=6572d5d1
      'logs/orders-6bdf8c9d7-jd5lx.log': |
        ERROR psycopg2.errors.UndefinedColumn: column orders.gift_note does not exist
        ERROR psycopg2.errors.UndefinedColumn: column orders.gift_note does not exist
  - name: 'a suspended migration, and nobody misses anything'
    files:
      'jobs.json': '{"kind": "JobList", "apiVersion": "batch/v1", "items": [{"metadata": {"name": "orders-migrate-43", "namespace": "shop", "uid": "1"}, "spec": {"suspend": true}, "status": {}}]}'
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        orders-6bdf8c9d7-jd5lx   1/1     Running   0          41m
      'logs/orders-6bdf8c9d7-jd5lx.log': |
        INFO listening on :8080
  - name: 'a missing column, and no Job that migrates'
    files:
      'jobs.json': '{"kind": "JobList", "apiVersion": "batch/v1", "items": [{"metadata": {"name": "report", "namespace": "shop", "uid": "1"}, "spec": {"suspend": true}, "status": {}}]}'
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx   0/1     CrashLoopBackOff   7 (90s ago)   41m
      'logs/orders-6bdf8c9d7-jd5lx.log': |
        ERROR psycopg2.errors.UndefinedColumn: column orders.discount_code does not exist
        ERROR psycopg2.errors.UndefinedColumn: column orders.discount_code does not exist
"##;

/// Why a migration has not done its work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undone {
    Suspended,
    Failed,
    NeverStarted,
    /// It is of an older release than what runs.
    Behind,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let undone: Vec<(&Object, Undone)> = snapshot
        .kind("Job")
        .filter(|job| migrates(job) && !is_done_since(snapshot, job))
        .filter_map(|job| Some((job, undone(snapshot, job)?)))
        .collect();
    let done: Vec<&Object> = snapshot
        .kind("Job")
        .filter(|job| migrates(job) && is_complete(job))
        .collect();
    if undone.is_empty() && done.is_empty() {
        return Vec::new();
    }
    let missed = complaints(snapshot, &|id| id.starts_with("migration-not-run/"), subjects);
    let mut findings = by_state(snapshot, rule, &undone, &missed);
    if findings.is_empty() {
        findings.extend(behind(snapshot, rule, &done, &missed));
    }
    findings
}

/// What is missed beside a migration that has not done its work.
fn by_state(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    undone: &[(&Object, Undone)],
    missed: &[Complaint<'_>],
) -> Vec<Finding> {
    undone
        .iter()
        .filter_map(|(job, why)| {
            let is_near = |complaint: &&Complaint<'_>| {
                same_namespace(&complaint.speaker.workload.namespace, &job.key.namespace)
                    && complaint.speaker.workload.name != job.key.name
            };
            // What belongs to the database itself no migration of an application makes.
            let is_own = |complaint: &&Complaint<'_>| {
                let missing = complaint.captures.get("missing").map_or("", String::as_str);
                !["pg_", "information_schema", "sqlite_"]
                    .iter()
                    .any(|start| missing.starts_with(start))
            };
            let near: Vec<&Complaint<'_>> = missed.iter().filter(is_near).filter(is_own).collect();
            let own: Vec<&Complaint<'_>> = near
                .iter()
                .filter(|complaint| is_for(job, &complaint.speaker.workload.name))
                .copied()
                .collect();
            let is_only = undone
                .iter()
                .filter(|(other, _)| same_namespace(&other.key.namespace, &job.key.namespace))
                .count()
                == 1;
            // A Job that is called after nobody is for whoever misses something, where there is no other.
            let is_anybodys = named_after(job).is_empty() && !is_of_another(snapshot, job);
            let chosen = if own.is_empty() && is_only && is_anybodys {
                near
            } else {
                // Others that miss the same use the same database.
                let same = |complaint: &&Complaint<'_>| {
                    own.iter()
                        .any(|known| known.captures.get("missing") == complaint.captures.get("missing"))
                };
                near.into_iter().filter(same).collect()
            };
            finding(rule, job, *why, &chosen)
        })
        .collect()
}

/// What is missed beside migrations that are complete, all of them by older images of the workload that misses it.
fn behind(snapshot: &Snapshot, rule: &RuleHeader, done: &[&Object], missed: &[Complaint<'_>]) -> Option<Finding> {
    let found = missed.iter().find_map(|complaint| {
        let workload = &complaint.speaker.workload;
        let runs = snapshot
            .object(&workload.kind, &workload.namespace, &workload.name)
            .and_then(image_of)?;
        let (repository, tag) = tagged(runs)?;
        let near = done
            .iter()
            .filter(|job| same_namespace(&job.key.namespace, &workload.namespace))
            .filter_map(|job| {
                let (other, of_job) = tagged(image_of(job)?)?;
                (other == repository).then_some((*job, of_job))
            });
        let (job, migrated) = near.max_by(|(_, a), (_, b)| numbers(a).cmp(&numbers(b)))?;
        let is_older = !numbers(migrated).is_empty() && numbers(migrated) < numbers(tag);
        is_older.then_some((job, complaint, migrated, tag, runs))
    });
    let (job, first, migrated, tag, image) = found?;
    let chosen: Vec<&Complaint<'_>> = missed
        .iter()
        .filter(|complaint| complaint.captures.get("missing") == first.captures.get("missing"))
        .collect();
    let finding = finding(rule, job, Undone::Behind, &chosen)?;
    Some(
        finding
            .fact("migrated", migrated)
            .fact("runs", tag)
            .fact("image", image),
    )
}

/// The image of the first container of a template.
fn image_of(object: &Object) -> Option<&str> {
    object
        .list("/spec/template/spec/containers")
        .first()?
        .get("image")?
        .as_str()
}

/// Repository and tag.
fn tagged(image: &str) -> Option<(&str, &str)> {
    let bare = image.split('@').next().unwrap_or(image);
    bare.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
}

/// The numbers of a version, `v5.12.0-rc1`: 5, 12, 0; none for a tag that begins otherwise.
fn numbers(tag: &str) -> Vec<u64> {
    let bare = tag.trim_start_matches('v');
    let end = bare
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(bare.len());
    let (version, _) = bare.split_at(end);
    if !version.contains('.') {
        return Vec::new();
    }
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

fn finding(rule: &RuleHeader, job: &Object, why: Undone, chosen: &[&Complaint<'_>]) -> Option<Finding> {
    let first = chosen.first()?;
    let at = match why {
        Undone::Suspended if job.get("/spec/suspend").is_some() => "/spec/suspend",
        Undone::Suspended | Undone::Failed => "/status/conditions",
        Undone::NeverStarted => "/status",
        Undone::Behind => "/spec/template/spec/containers",
    };
    let times: u64 = chosen.iter().map(|complaint| complaint.count).sum();
    let mut finding = Finding::new(rule, job.subject(), Confidence::Probable)
        .at(at.trim_start_matches('/').replace('/', "."))
        .cite(job.cite_at(at))
        .fact("suspended", why == Undone::Suspended)
        .fact("failed", why == Undone::Failed)
        .fact("behind", why == Undone::Behind)
        .fact("workload", first.speaker.workload.name.clone())
        .fact("missing", first.captures.get("missing").cloned().unwrap_or_default())
        .fact("said", first.said.clone())
        .fact("times", times);
    finding.count = times;
    for complaint in chosen {
        finding.add_cite_of(&["said", "missing"], complaint.cite.clone());
        finding.add_affected(complaint.speaker.workload.clone());
    }
    Some(finding)
}

/// True for a Job of which the name, an image or a command speaks of migrating a schema. What a CronJob makes comes again by itself.
fn migrates(job: &Object) -> bool {
    let is_of_cron = job
        .list("/metadata/ownerReferences")
        .iter()
        .any(|owner| owner.get("kind").and_then(Value::as_str) == Some("CronJob"));
    !is_of_cron
        && (speaks_of_migrating(&job.key.name)
            || job.list("/spec/template/spec/containers").iter().any(|container| {
                let image = container.get("image").and_then(Value::as_str).unwrap_or("");
                let mut words = ["command", "args"]
                    .into_iter()
                    .filter_map(|field| container.get(field)?.as_array())
                    .flatten()
                    .filter_map(Value::as_str);
                speaks_of_migrating(image.rsplit('/').next().unwrap_or(image)) || words.any(speaks_of_migrating)
            }))
}

/// Words of which one is in the name or the command of a migration.
const MIGRATING: [&str; 4] = ["migrat", "alembic", "flyway", "liquibase"];

fn speaks_of_migrating(text: &str) -> bool {
    parts(text).any(|part| is_of_migrating(&part))
}

fn is_of_migrating(part: &str) -> bool {
    part == "schema" || MIGRATING.iter().any(|word| part.contains(word))
}

/// The words of a name or a command, in small letters.
fn parts(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_ascii_lowercase)
}

/// Why a Job has not done its work; none when it has, when it is at it, and when that cannot be told.
fn undone(snapshot: &Snapshot, job: &Object) -> Option<Undone> {
    let has = |wanted: &str| {
        job.list("/status/conditions").iter().any(|condition| {
            let text = |key: &str| condition.get(key).and_then(Value::as_str);
            text("type") == Some(wanted) && text("status") == Some("True")
        })
    };
    let number = |field: &str| job.int(&format!("/status/{field}"));
    if job.is_manifest() || is_complete(job) {
        return None;
    }
    if has("Failed") {
        return Some(Undone::Failed);
    }
    if job.get("/spec/suspend").and_then(Value::as_bool) == Some(true) || has("Suspended") {
        return Some(Undone::Suspended);
    }
    let is_idle = ["active", "ready", "failed"]
        .into_iter()
        .all(|field| number(field).unwrap_or(0) == 0);
    // A table says of a Job only how often it was completed.
    let is_told = job.form != Form::Row || number("succeeded") == Some(0);
    let lists_pods = snapshot
        .pods()
        .any(|pod| same_namespace(pod.namespace(), &job.key.namespace));
    let has_pod = snapshot.pods_of(&job.subject()).next().is_some();
    // A Job that was made just now has its pod in a moment.
    let created = job.time("/metadata/creationTimestamp");
    let is_new = match (created, snapshot.now()) {
        (Some(created), Some(now)) => now.duration_since(created.latest) < SignedDuration::from_mins(5),
        _ => false,
    };
    if is_new {
        return None;
    }
    (is_idle && is_told && lists_pods && !has_pod).then_some(Undone::NeverStarted)
}

/// True for a Job that says so, or that counts what succeeded: not every form shows conditions.
fn is_complete(job: &Object) -> bool {
    has_all_replicas(job) || job.int("/status/succeeded").unwrap_or(0) > 0
}

/// True where a Job of the same name but for its number is complete, and is not known to be older.
fn is_done_since(snapshot: &Snapshot, job: &Object) -> bool {
    let created = |job: &Object| job.time("/metadata/creationTimestamp").map(|when| when.earliest);
    snapshot.kind("Job").any(|other| {
        other.key != job.key
            && same_namespace(&other.key.namespace, &job.key.namespace)
            && stem(&other.key.name) == stem(&job.key.name)
            && is_complete(other)
            && match (created(other), created(job)) {
                (Some(other), Some(own)) => other >= own,
                _ => true,
            }
    })
}

/// A name without what tells its runs apart: a number, the suffix of `generateName`
/// (`k8s.io/apiserver/pkg/storage/names/generate.go`: five letters), the beginning of a commit.
fn stem(name: &str) -> &str {
    let bare = match name.rsplit_once('-') {
        Some((stem, end)) if is_drawn(end) => stem,
        _ => name,
    };
    bare.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'))
}

fn is_drawn(end: &str) -> bool {
    let is_random = end.len() == 5 && end.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte));
    let is_commit = end.len() >= 7 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_random || is_commit
}

/// The words of a Job's name that are neither about migrating nor a number.
fn named_after(job: &Object) -> Vec<String> {
    const GENERAL: [&str; 15] = [
        "db", "database", "job", "run", "init", "setup", "up", "pre", "post", "api", "app", "service", "server", "web",
        "backend",
    ];
    parts(&job.key.name)
        .filter(|part| !is_of_migrating(part) && !GENERAL.contains(&part.as_str()))
        .filter(|part| !part.chars().any(|c| c.is_ascii_digit()))
        .collect()
}

/// True for a Job that is called after this workload.
fn is_for(job: &Object, workload: &str) -> bool {
    let words: Vec<String> = parts(workload).collect();
    named_after(job).iter().any(|word| words.contains(word))
}

/// True for a Job that is called after some workload of its namespace.
fn is_of_another(snapshot: &Snapshot, job: &Object) -> bool {
    let is_named = |owner: &Subject| {
        same_namespace(&owner.namespace, &job.key.namespace) && owner.kind != "Job" && is_for(job, &owner.name)
    };
    snapshot.pods().any(|pod| is_named(&snapshot.top_owner(pod.object)))
}
