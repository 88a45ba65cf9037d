//! A CronJob is suspended, and its runs are missed.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Confidence, Level, Subject};
use crate::rules::toolbox::own_hits;
use crate::rules::toolbox::schedules::{last_schedule, missed};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::toolbox::words;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cronjob-suspended
role: cause
level: critical
needs: [cronjobs]
text:
  - id: stale
    in: [container-log]
    pattern: '(?i)\b(?:is|are|too|looks|was|marked) (?:stale|outdated|out of date|older than|overdue)\b'
  - id: stale-first
    in: [container-log]
    pattern: '(?i)\b(?:stale|outdated) (?:data|dataset|index|mart|report|feed|rates|catalog\w*|backup|snapshot|export|import)\b'
  - id: older-than
    in: [container-log]
    pattern: '(?i)\b(?:data|dataset|index|mart|cache|report|feed|rates|catalog\w*|backup|snapshot|export|import)\b[^\n]{0,60} older than \d'
  - id: not-renewed
    in: [container-log]
    pattern: '(?i)\bnot (?:been )?(?:updated|refreshed|loaded|imported|exported|backed up|synced|run) (?:since|in the last|within)\b'
  - id: last-run
    in: [container-log]
    pattern: '(?i)last (?:successful |completed )?(?:run|backup|export|import|load|sync|refresh|snapshot)\b[^\n]{0,60}(?: ago\b|stale|too old|older than)'
check:
  zh: '是否有被暂停而有人在等它运行的 CronJob'
  en: 'whether a CronJob is suspended while something waits for its runs'
title:
  zh: 'CronJob {{ subject.namespace }}/{{ subject.name }} 已暂停（spec.suspend: true）{% if since %}，自 {{ since }} 起没有再运行{% endif %}'
  en: 'CronJob {{ subject.namespace }}/{{ subject.name }} is suspended (spec.suspend: true){% if since %} and has not run since {{ since }}{% endif %}'
cause:
  zh: 'spec.suspend 为 true：按计划 {{ schedule }} 的运行都会被跳过{% if missed %}，已错过至少 {{ missed }} 次{% endif %}。{% if declared %}它的清单里没有暂停：是有人直接改了集群里的对象。{% endif %}{% if said %}{{ who }} 写出 {{ said }}。{% endif %}'
  en: 'spec.suspend is true: every run by its schedule {{ schedule }} is left out{% if missed %}, at least {{ missed }} so far{% endif %}.{% if declared %} Its manifest does not suspend it: somebody changed the object in the cluster.{% endif %}{% if said %} {{ who }} wrote {{ said }}.{% endif %}'
questions:
  - zh: '谁在什么时候暂停了它，为了什么，是否忘了恢复？'
    en: 'who suspended it, when and what for, and was it forgotten?'
causes:
  - rule: app-bug
    ground: workload
    mechanism:
      zh: '它的产出没有更新，使用者因此报错'
      en: 'what it makes is not renewed, and those who use it complain'
benign:
  - zh: '有意暂停、没有人等它的任务'
    en: 'one that was suspended on purpose and that nothing waits for'
  - zh: '暂停了很久的任务'
    en: 'one that has been suspended for a long time'
remedy:
  - purpose:
      zh: '查看暂停了哪些，以及是谁改的'
      en: 'see which are suspended, and who did it'
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} get cronjob {{ subject.name }} -o yaml --show-managed-fields'
    expect:
      zh: 'suspend: true，以及写入它的 manager 与时间'
      en: 'suspend: true, and manager and time of the one who wrote it'
    verify:
      zh: '与本报告一致'
      en: 'it agrees with this report'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '恢复计划'
      en: 'resume it'
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} patch cronjob {{ subject.name }} -p ''{"spec":{"suspend":false}}'''
    verify:
      zh: '下一个时间点启动了任务'
      en: 'a Job starts at the next time'
    rollback:
      zh: '把 suspend 改回 true'
      en: 'set suspend to true again'
  - purpose:
      zh: '补跑错过的一次'
      en: 'make up for the run that was missed'
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} create job --from=cronjob/{{ subject.name }} {{ subject.name }}-manual'
    verify:
      zh: '任务成功，使用者不再报错'
      en: 'the Job succeeds and nobody complains any more'
    rollback:
      zh: '`kubectl delete job` 删除补跑的任务'
      en: 'delete the Job that was made by hand'
prevention:
  - kind: detect
    text:
      zh: '对超过两个周期没有成功运行的任务告警'
      en: 'alert when a job has not succeeded for two periods'
    acceptance:
      zh: '暂停的测试任务触发告警'
      en: 'a test job that is suspended raises it'
sources:
  - 'kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension'
versions: 'Kubernetes 1.8 to 1.36'
examples:
  - name: 'a service finds its data stale'
    files:
      'out.txt': |
        $ date
        Tue Apr 21 06:12:00 UTC 2026
        $ kubectl get cronjobs -A
        NAMESPACE   NAME     SCHEDULE    SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        import   0 3 * * *   True      0        4d3h            90d

        $ kubectl get pods -A
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'rates-6bdf8c9d7-jd5lx.log': |
        2026-04-21T06:10:00Z WARN price data is stale, last load 2026-04-17
        2026-04-21T06:11:00Z WARN price data is stale, last load 2026-04-17
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'import'}
  - name: 'a service lacks what it makes, by its words'
    files:
      'cronjobs.txt': |
        NAMESPACE   NAME                 SCHEDULE     SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        import-fuel-prices   0 * * * *    True      0        2d18h           214d
        shop        vacuum               0 * * * *    False     0        12m             214d
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        tariff-6bdf8c9d7-jd5lx     1/1     Running   0          41m
      'tariff.log': |
        2026-03-01T10:00:00Z ERROR no prices for 2026-03-01 in table fuel_price (latest: 2026-02-27)
        2026-03-01T10:05:00Z ERROR no prices for 2026-03-01 in table fuel_price (latest: 2026-02-27)
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'import-fuel-prices'}
  - name: 'suspended by hand against its manifest'
    files:
      'cj.json': |
        {"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "import", "namespace": "shop", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"kind\": \"CronJob\", \"spec\": {\"schedule\": \"0 3 * * *\", \"suspend\": false}}"}}, "spec": {"schedule": "0 3 * * *", "suspend": true}, "status": {"lastScheduleTime": "2026-04-17T03:00:00Z"}}
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'import'}
  - name: 'the odd one out of those beside it, until lately'
    files:
      'out.txt': |
        $ date
        Tue Apr 21 06:12:00 UTC 2026
        $ kubectl get cronjobs -A
        NAMESPACE   NAME     SCHEDULE    SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        backup   0 3 * * *   True      0        9d              90d
        shop        import   0 4 * * *   False     0        2h12m           90d
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'backup'}
  - name: 'suspended long ago'
    files:
      'out.txt': |
        $ date
        Tue Apr 21 06:12:00 UTC 2026
        $ kubectl get cronjobs -A
        NAMESPACE   NAME     SCHEDULE    SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        backup   0 3 * * *   True      0        70d             90d
        shop        import   0 4 * * *   False     0        2h12m           90d
  - name: 'it runs'
    files:
      'cj.txt': |
        NAMESPACE   NAME     SCHEDULE    SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        backup   0 3 * * *   False     0        9h              90d
"##;

/// Runs that are missed.
const MISSED: usize = 3;
/// Who suspended it longer ago meant it.
const LATELY: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// A line that is a complaint.
static COMPLAINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:error|warn(?:ing)?|fatal|critical|missing|failed|stale|alert|overdue)\b").ok()
});

/// Who waits for a run, what it wrote, and where.
struct Waiting {
    who: Subject,
    said: String,
    cite: Citation,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let is_suspended = |job: &&Object| job.get("/spec/suspend").and_then(Value::as_bool) == Some(true);
    let suspended: Vec<&Object> = snapshot.kind("CronJob").filter(is_suspended).collect();
    suspended
        .iter()
        .filter_map(|job| judge(input, rule, job, suspended.len()))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, job: &Object, suspended: usize) -> Option<Finding> {
    let snapshot = input.snapshot;
    let declared = declared_running(snapshot, job);
    let lost = missed(snapshot, job);
    let misses = lost.is_none_or(|lost| lost >= 1);
    let mut waiting = waiting_by_name(snapshot, job);
    if waiting.is_empty() && suspended == 1 && misses {
        waiting = waiting_for_data(input, rule, job);
    }
    let confidence = if declared.is_some() || !waiting.is_empty() && misses {
        Confidence::Confirmed
    } else if is_odd_one_out(snapshot, job) && lost.is_some_and(|lost| lost >= MISSED) && is_recent(snapshot, job) {
        Confidence::Possible
    } else {
        return None;
    };
    let mut finding = Finding::new(rule, job.subject(), confidence)
        .at("spec.suspend")
        .cite(job.cite_at("/spec/suspend"))
        .fact("schedule", job.text("/spec/schedule"))
        .fact("missed", lost.unwrap_or(0))
        .fact(
            "since",
            job.time("/status/lastScheduleTime")
                .map_or(String::new(), |when| when.raw),
        )
        .fact("declared", declared.is_some())
        .fact(
            "who",
            waiting.first().map_or(String::new(), |first| first.who.name.clone()),
        )
        .fact(
            "said",
            waiting.first().map_or(String::new(), |first| first.said.clone()),
        );
    if confidence == Confidence::Possible {
        finding.level = Level::Warning;
    }
    if let Some(cite) = declared {
        finding.add_cite(cite);
    }
    if job.get("/status/lastScheduleTime").is_some() || job.get("/status/casefileLastScheduleAge").is_some() {
        finding.add_cite(job.cite_at("/status/lastScheduleTime"));
    }
    for waits in waiting {
        finding.add_cite(waits.cite);
        finding.add_affected(waits.who);
    }
    Some(finding)
}

/// The manifest, or kubectl's copy of it, in which it is not suspended.
fn declared_running(snapshot: &Snapshot, job: &Object) -> Option<Citation> {
    const LAST: &str = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
    let is_running = |value: &Value| {
        value.pointer("/spec/schedule").is_some()
            && value.pointer("/spec/suspend").and_then(Value::as_bool) != Some(true)
    };
    if let Some(applied) = snapshot.applied.iter().find(|applied| applied.key == job.key) {
        return is_running(&applied.value).then(|| applied.cite_at("/spec"));
    }
    let copy: Value = serde_json::from_str(job.text(LAST)).ok()?;
    is_running(&copy).then(|| job.cite_at(LAST))
}

/// Logs that complain and name the CronJob.
fn waiting_by_name(snapshot: &Snapshot, job: &Object) -> Vec<Waiting> {
    let Some(complaint) = COMPLAINT.as_ref() else {
        return Vec::new();
    };
    let name = job.key.name.as_str();
    // A short name is a word like any other.
    if name.len() < 6 {
        return Vec::new();
    }
    let words_of_name = telling_words(name);
    let is_named = |text: &str| {
        names_product(text, &words_of_name)
            || text.match_indices(name).any(|(at, _)| {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
                let before = text.get(..at).and_then(|head| head.chars().next_back());
                let after = text.get(at + name.len()..).and_then(|tail| tail.chars().next());
                !before.is_some_and(part) && !after.is_some_and(part)
            })
    };
    let mut found: Vec<Waiting> = Vec::new();
    for log in &snapshot.logs {
        let Some(line) = log
            .tail
            .iter()
            .rev()
            .find(|line| is_named(&line.text) && complaint.is_match(words(line)))
        else {
            continue;
        };
        let Some(speaker) = of_log(snapshot, log) else { continue };
        if speaker.workload.namespace == job.key.namespace
            && speaker.workload != job.subject()
            && !found.iter().any(|known| known.who == speaker.workload)
        {
            found.push(Waiting {
                who: speaker.workload,
                said: words(line).chars().take(200).collect(),
                cite: Citation::line(&snapshot.bundle.alias, &log.path, line.line, line.text.clone()),
            });
        }
    }
    found
}

/// What people call a job for what it does, not for what it makes.
const VERBS: [&str; 29] = [
    "import",
    "export",
    "load",
    "loader",
    "sync",
    "fetch",
    "update",
    "refresh",
    "build",
    "rebuild",
    "generate",
    "create",
    "make",
    "run",
    "job",
    "cron",
    "task",
    "nightly",
    "daily",
    "hourly",
    "weekly",
    "monthly",
    "aggregate",
    "compute",
    "calc",
    "ingest",
    "pull",
    "push",
    "batch",
];

/// The words of a job's name that tell what it makes, without an `s` at the end.
fn telling_words(name: &str) -> Vec<String> {
    name.split('-')
        .filter(|word| word.len() >= 4 && !VERBS.contains(word) && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
        .map(|word| word.trim_end_matches('s').to_owned())
        .collect()
}

/// True for a line that has all the words for what a job makes: `no prices for today in table spot_price` of `import-spot-prices`. One word
/// alone is any word.
fn names_product(text: &str, wanted: &[String]) -> bool {
    if wanted.len() < 2 {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let said: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphabetic())
        .map(|word| word.trim_end_matches('s'))
        .collect();
    wanted.iter().all(|word| said.contains(&word.as_str()))
}

/// Workloads of its namespace that find what they use too old.
fn waiting_for_data(input: &Input<'_>, rule: &RuleHeader, job: &Object) -> Vec<Waiting> {
    let snapshot = input.snapshot;
    let mut found: Vec<Waiting> = Vec::new();
    for hit in own_hits(input, rule) {
        let who = snapshot.top_owner_of(&hit.about.object);
        let is_here = who.namespace == job.key.namespace || who.namespace.is_empty();
        if is_here && !who.name.is_empty() && !found.iter().any(|known| known.who == who) {
            found.push(Waiting {
                who,
                said: hit
                    .cite
                    .quote
                    .first()
                    .map_or(String::new(), |line| line.text.chars().take(200).collect()),
                cite: hit.cite.clone(),
            });
        }
    }
    found
}

/// Of several CronJobs of a namespace only this one stands still.
fn is_odd_one_out(snapshot: &Snapshot, job: &Object) -> bool {
    let beside: Vec<&Object> = snapshot
        .kind("CronJob")
        .filter(|other| other.key.namespace == job.key.namespace && other.key.name != job.key.name)
        .collect();
    !beside.is_empty()
        && beside
            .iter()
            .all(|other| other.get("/spec/suspend").and_then(Value::as_bool) != Some(true))
}

fn is_recent(snapshot: &Snapshot, job: &Object) -> bool {
    let (Some(now), Some(last)) = (&snapshot.bundle.collected_at, last_schedule(job)) else {
        return false;
    };
    last.gap_to(now) <= LATELY
}
