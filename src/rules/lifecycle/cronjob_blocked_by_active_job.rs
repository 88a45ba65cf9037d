//! A CronJob does not start because a former run of it has not ended.

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::last_words;
use crate::rules::toolbox::schedules::{last_schedule, missed};
use crate::rules::toolbox::words;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cronjob-blocked-by-active-job
role: cause
level: critical
needs: [cronjobs]
check:
  zh: '定时任务是否被没有结束的上一次运行挡住'
  en: 'whether a CronJob is held up by a run that does not end'
title:
  zh: 'CronJob {{ subject.namespace }}/{{ subject.name }} 被仍在运行的任务 {{ job }} 挡住，错过了{% if missed %} {{ missed }} 次{% endif %}运行'
  en: 'CronJob {{ subject.namespace }}/{{ subject.name }} is held up by its Job {{ job }}, which still runs, and has missed {% if missed %}{{ missed }} {% endif %}runs'
cause:
  zh: 'concurrencyPolicy 为 Forbid：上一次运行（{{ job }}，始于 {{ since }}）没有结束，控制器就不启动新的任务。{% if said %}它最后写出 {{ said }}。{% endif %}'
  en: 'concurrencyPolicy is Forbid: while the former run ({{ job }}, since {{ since }}) has not ended the controller starts no other.{% if said %} The last that it wrote is {{ said }}.{% endif %}'
rules_out:
  - zh: '控制器停止：它仍在检查这个 CronJob'
    en: 'a controller that is down: it still looks at this CronJob'
questions:
  - zh: '那次运行为什么不结束：它在等谁，有没有超时？'
    en: 'why does that run not end: for whom does it wait, and has it a timeout?'
benign:
  - zh: '一次运行偶尔比周期长，错过一次是正常的'
    en: 'a run that is longer than the period now and then misses one: that is normal'
  - zh: 'concurrencyPolicy 为 Allow 时仍有任务在运行'
    en: 'with concurrencyPolicy Allow active Jobs hold nothing up'
remedy:
  - purpose:
      zh: '查看仍在运行的任务在做什么'
      en: 'see what the Job that still runs is doing'
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} logs job/{{ job }} --tail=50'
    expect:
      zh: '停在某一步，不再有新的行'
      en: 'it stands at one step and writes nothing new'
    verify:
      zh: '知道它在等什么'
      en: 'it is known for what it waits'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '删除挂住的任务，下一个时间点会启动新的任务'
      en: 'delete the Job that hangs; the next one starts at its time'
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} delete job {{ job }}'
    verify:
      zh: '下一个时间点启动了任务并成功'
      en: 'a Job starts at the next time and succeeds'
    rollback:
      zh: '`kubectl create job --from=cronjob/{{ subject.name }}` 手动补跑'
      en: 'run it by hand: `kubectl create job --from=cronjob/{{ subject.name }}`'
prevention:
  - kind: prevent
    text:
      zh: '为任务设置 activeDeadlineSeconds，并为它的外部调用设置超时'
      en: 'set activeDeadlineSeconds on the Job, and timeouts on what it calls'
    acceptance:
      zh: '挂住的测试任务到期被结束，下一次照常启动'
      en: 'a test Job that hangs is ended in time and the next one starts'
  - kind: detect
    text:
      zh: '对超过两个周期没有成功运行的 CronJob 告警'
      en: 'alert when a CronJob has not succeeded for two periods'
    acceptance:
      zh: '停住的测试任务触发告警'
      en: 'a test Job that stands still raises it'
sources:
  - 'kubernetes pkg/controller/cronjob/cronjob_controllerv2.go: event JobAlreadyActive `Not starting job because prior execution is running and concurrency policy is Forbid`'
  - 'kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#concurrency-policy'
versions: 'Kubernetes 1.21 to 1.36'
examples:
  - name: 'a run that hangs, described'
    files:
      'cj.txt': |
        Name:                          settle
        Namespace:                     shop
        Schedule:                      0 */6 * * *
        Concurrency Policy:            Forbid
        Suspend:                       False
        Last Schedule Time:            Sun, 19 Apr 2026 00:00:00 +0000
        Active Jobs:                   settle-29609280
        Events:
          Type    Reason            Age                From                Message
          ----    ------            ----               ----                -------
          Normal  JobAlreadyActive  12m (x9 over 2d)   cronjob-controller  Not starting job because prior execution is running and concurrency policy is Forbid
      'date.txt': |
        $ date
        Tue Apr 21 06:12:00 UTC 2026
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'settle'}
  - name: 'the same as objects'
    files:
      'cj.json': |
        {"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "settle", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "1"}, "spec": {"schedule": "*/10 * * * *", "concurrencyPolicy": "Forbid"}, "status": {"active": [{"kind": "Job", "name": "settle-29609280", "namespace": "shop"}], "lastScheduleTime": "2026-04-21T00:00:00Z"}}
      'events.json': |
        {"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "JobAlreadyActive", "count": 30, "lastTimestamp": "2026-04-21T05:00:00Z", "message": "Not starting job because prior execution is running and concurrency policy is Forbid", "involvedObject": {"kind": "CronJob", "namespace": "shop", "name": "settle"}}]}
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'settle'}
  - name: 'one run that is longer than the period'
    files:
      'cj.json': |
        {"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "settle", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "1"}, "spec": {"schedule": "*/10 * * * *", "concurrencyPolicy": "Forbid"}, "status": {"active": [{"kind": "Job", "name": "settle-29609280", "namespace": "shop"}], "lastScheduleTime": "2026-04-21T00:00:00Z"}}
      'events.json': |
        {"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "JobAlreadyActive", "lastTimestamp": "2026-04-21T00:10:01Z", "message": "Not starting job because prior execution is running and concurrency policy is Forbid", "involvedObject": {"kind": "CronJob", "namespace": "shop", "name": "settle"}}]}
"##;

/// One run that is left out is no failure: some runs are longer than others.
const MISSED: usize = 2;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("CronJob")
        .filter_map(|job| judge(input, rule, job))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, cron: &Object) -> Option<Finding> {
    let snapshot = input.snapshot;
    let key = &cron.key;
    let refused = snapshot
        .events_on("CronJob", &key.namespace, &key.name)
        .filter(|event| event.reason == "JobAlreadyActive")
        .last();
    // A table has no policy; that a run is active and none came after it shows it.
    let may_forbid = matches!(cron.text("/spec/concurrencyPolicy"), "Forbid" | "");
    let is_suspended = cron.get("/spec/suspend").and_then(|suspend| suspend.as_bool()) == Some(true);
    if is_suspended || !may_forbid {
        return None;
    }
    let job = active(snapshot, cron)?;
    let lost = missed(snapshot, cron);
    let is_held_up = match (lost, refused) {
        (Some(lost), _) => lost >= MISSED,
        (None, Some(event)) => event.count >= MISSED as u64,
        (None, None) => false,
    };
    if !is_held_up {
        return None;
    }
    let confidence = if refused.is_some() || cron.text("/spec/concurrencyPolicy") == "Forbid" {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let subject = Subject::namespaced("Job", &key.namespace, &job);
    let mut finding = Finding::new(rule, cron.subject(), confidence)
        .at("spec.concurrencyPolicy")
        .cite(cron.cite_at("/status/active"))
        .fact("job", job.clone())
        .fact("missed", lost.unwrap_or(0))
        .fact(
            "since",
            last_schedule(cron).map_or_else(|| "?".to_owned(), |when| when.raw),
        )
        .affects(subject.clone());
    if let Some(event) = refused {
        finding.add_cite(event.cite.clone());
    }
    let mut said = String::new();
    // Not through its owner: pods of other runs belong to it too.
    let prefix = format!("{job}-");
    for pod in snapshot
        .pods()
        .filter(|pod| pod.namespace() == key.namespace && pod.name().starts_with(&prefix))
    {
        if let Some((log, lines)) = last_words(snapshot, &pod, "", 1)
            && let Some(last) = lines.last()
        {
            said = words(last).chars().take(200).collect();
            finding
                .evidence
                .extend(crate::rules::toolbox::cite_tail(snapshot, log, &lines));
        }
        finding.add_affected(pod.object.subject());
    }
    // What ails the run itself explains this.
    finding.blame(subject);
    Some(finding.fact("said", said))
}

/// The run that has not ended.
fn active(snapshot: &Snapshot, cron: &Object) -> Option<String> {
    let listed = cron
        .list("/status/active")
        .first()
        .and_then(|job| job.get("name")?.as_str());
    if let Some(name) = listed {
        return Some(name.to_owned());
    }
    let shows_one = cron.int("/status/casefileActive").is_some_and(|count| count > 0);
    let prefix = format!("{}-", cron.key.name);
    let is_open = |job: &&Object| {
        let ended = |field: &str| job.int(field).is_some_and(|count| count > 0);
        !ended("/status/succeeded") && !ended("/status/failed")
    };
    let mut runs: Vec<&Object> = snapshot
        .kind("Job")
        .filter(|job| job.key.namespace == cron.key.namespace && job.key.name.starts_with(&prefix))
        .filter(is_open)
        .collect();
    runs.sort_by_key(|job| job.time("/metadata/creationTimestamp").map(|when| when.earliest));
    let oldest = runs.first().map(|job| job.key.name.clone());
    let is_active = shows_one || runs.iter().any(|job| job.int("/status/active") > Some(0));
    oldest.filter(|_| is_active)
}
