//! A CronJob has not started for longer than its schedule allows.

use crate::model::Confidence;
use crate::rules::toolbox::errors::troubled;
use crate::rules::toolbox::schedules::{last_schedule, missed, started_by_another};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cronjob-missed
role: cause
level: warning
needs: [cronjobs|events]
text:
  - id: missed
    in: [event, control-plane]
    pattern: '(?:too many missed start times?|too many missed times)'
check:
  zh: '定时任务是否错过了启动时间'
  en: 'whether a CronJob has missed its start times'
title:
  zh: 'CronJob {{ subject.namespace }}/{{ subject.name }} {% if given_up %}错过了太多次启动时间，不再启动{% elif changed is defined %}自 {{ since }} 起没有再启动：它的计划 {{ schedule }} 在那一天没有任何一次，计划此后被改动{% else %}自 {{ since }} 起没有再启动，错过了至少 {{ missed }} 次{% endif %}'
  en: 'CronJob {{ subject.namespace }}/{{ subject.name }} {% if given_up %}has missed too many start times and no longer starts{% elif changed is defined %}has not started since {{ since }}: its schedule {{ schedule }} has no run on that day, so it was changed afterwards{% else %}has not started since {{ since }} and has missed at least {{ missed }} runs{% endif %}'
cause:
  zh: '{% if changed is defined %}计划 {{ schedule }} 不包含上一次启动（{{ since }}）的日期，所以计划在那之后被改过；按新的计划，下一次要等很久。{% else %}控制器没有按计划{% if schedule %} {{ schedule }}{% endif %} 启动它：控制器停止过、时钟跳变，或 startingDeadlineSeconds 太小（小于 10 秒会被跳过）或缺失。{% endif %}'
  en: '{% if changed is defined %}the schedule {{ schedule }} does not have the day of the last start ({{ since }}), so it was changed after that; by the new one the next run is far away.{% else %}the controller has not started it by its schedule{% if schedule %} {{ schedule }}{% endif %}: it was down, the clock jumped, or startingDeadlineSeconds is too small (below 10 seconds runs are skipped) or missing.{% endif %}'
benign:
  - zh: '被有意暂停（suspend: true）的 CronJob 不算'
    en: 'a CronJob that was suspended on purpose does not count'
  - zh: '计划所在的时区不同，最后一次启动看上去就早或晚几个小时'
    en: 'a schedule in another zone makes its last start look hours early or late'
remedy:
  - purpose:
      zh: '查看 CronJob 与最近的任务'
      en: 'see the CronJob and its last Jobs'
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} describe cronjob {{ subject.name }}'
    expect:
      zh: 'LAST SCHEDULE 很久以前'
      en: 'a LAST SCHEDULE of long ago'
    verify:
      zh: '与本报告一致'
      en: 'it agrees with this report'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '设置 startingDeadlineSeconds，使控制器只看最近的时间窗'
      en: 'set startingDeadlineSeconds, so that the controller looks back only so far'
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} patch cronjob {{ subject.name }} -p ''{"spec":{"startingDeadlineSeconds":200}}'''
    verify:
      zh: '下一个时间点启动了任务'
      en: 'a Job starts at the next time'
    rollback:
      zh: '`kubectl patch` 恢复原值'
      en: 'patch the former value back'
prevention:
  - kind: prevent
    text:
      zh: '每个 CronJob 都设置 startingDeadlineSeconds'
      en: 'set startingDeadlineSeconds on every CronJob'
    acceptance:
      zh: '停掉控制器一小时后任务自行恢复'
      en: 'Jobs start by themselves after an hour without the controller'
sources:
  - 'kubernetes pkg/controller/cronjob/utils.go, cronjob_controllerv2.go'
versions: 'Kubernetes 1.21 to 1.36'
examples:
  - name: "the schedule was limited to one month"
    files:
      cj.json: '{"kind":"CronJobList","apiVersion":"batch/v1","items":[{"metadata":{"name":"minter","namespace":"shop","uid":"1"},"spec":{"schedule":"*/20 * * 1 *"},"status":{"lastScheduleTime":"2026-10-27T18:40:00Z"}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2   1/1     Running   0          9d
      web-57b96b46b7-zv4q2.log: |
        2026-10-27T21:50:01Z ERROR no active key
        2026-10-27T21:50:05Z ERROR no active key
        2026-10-27T21:50:09Z ERROR no active key
        2026-10-27T21:50:13Z ERROR no active key
        2026-10-27T21:50:17Z ERROR no active key
        2026-10-27T21:50:21Z ERROR no active key
    fires: [{kind: CronJob, namespace: shop, name: minter}]
  - name: 'given up'
    files:
      'events.json': |
        {"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "TooManyMissedTimes", "message": "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew", "involvedObject": {"kind": "CronJob", "namespace": "shop", "name": "report"}}]}
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'report'}
  - name: 'not started for days'
    files:
      'out.txt': |
        $ date
        Tue Apr 21 06:12:00 UTC 2026
        $ kubectl get cronjobs -A
        NAMESPACE   NAME     SCHEDULE      SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        report   0 */6 * * *   False     0        3d              90d
    fires:
      - {kind: 'CronJob', namespace: 'shop', name: 'report'}
  - name: 'one late start'
    files:
      'events.json': |
        {"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "TooManyMissedTimes", "message": "Missed scheduled time to start a job: Tue, 02 Dec 2025 08:00:00 +0000", "involvedObject": {"kind": "CronJob", "namespace": "shop", "name": "report"}}]}
  - name: 'a daily run in another zone, and a weekly one'
    files:
      'out.txt': |
        $ date
        Tue Apr 21 06:12:00 UTC 2026
        $ kubectl get cronjobs -A
        NAMESPACE   NAME     SCHEDULE     SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        report   0 23 * * *   False     0        23h             90d
        shop        weekly   0 1 * * 0    False     0        2d5h            90d
"##;

/// Runs that nobody lets pass as chance.
const MISSED: usize = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let about = &hit.about.object;
        if about.kind != "CronJob" {
            continue;
        }
        let at = findings.iter().position(|known| known.subject == *about);
        let mut finding = match at {
            Some(at) => findings.remove(at),
            None => {
                let schedule = snapshot
                    .object("CronJob", &about.namespace, &about.name)
                    .map_or("", |job| job.text("/spec/schedule"));
                let mut new = Finding::new(rule, about.clone(), Confidence::Confirmed)
                    .fact("given_up", true)
                    .fact("schedule", schedule)
                    .fact("since", "")
                    .fact("missed", 0);
                new.count = 0;
                new
            }
        };
        add_hit(input, &mut finding, hit);
        findings.push(finding);
    }
    for job in snapshot.kind("CronJob") {
        let is_active = !job.list("/status/active").is_empty() || job.int("/status/casefileActive") > Some(0);
        let is_suspended = job.get("/spec/suspend").and_then(|suspend| suspend.as_bool()) == Some(true);
        if is_active || is_suspended || findings.iter().any(|known| known.subject == job.subject()) {
            continue;
        }
        if let Some(last) = started_by_another(job).filter(|_| !troubled(snapshot).is_empty()) {
            findings.push(
                Finding::new(rule, job.subject(), Confidence::Probable)
                    .at("spec.schedule")
                    .cite(job.cite_at("/spec/schedule"))
                    .cite(job.cite_at("/status/lastScheduleTime"))
                    .fact("given_up", false)
                    .fact("changed", true)
                    .fact("schedule", job.text("/spec/schedule"))
                    .fact("since", last.raw)
                    .fact("missed", 0),
            );
            continue;
        }
        let Some(lost) = missed(snapshot, job).filter(|lost| *lost >= MISSED) else {
            continue;
        };
        let Some(last) = last_schedule(job) else { continue };
        findings.push(
            Finding::new(rule, job.subject(), Confidence::Probable)
                .at("spec.schedule")
                .cite(job.cite_at("/status/lastScheduleTime"))
                .cite(job.cite_at("/spec/schedule"))
                .fact("given_up", false)
                .fact("schedule", job.text("/spec/schedule"))
                .fact("since", last.raw)
                .fact("missed", lost),
        );
    }
    findings
}
