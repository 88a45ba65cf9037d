//! A Job has given up: what people see, never why.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: job-backoff-limit
role: symptom
level: critical
needs: [jobs|events]
check:
  zh: '任务（Job）是否已放弃'
  en: 'whether a Job has given up'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：任务 {{ job }} 已放弃（{{ reason }}）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: Job {{ job }} has given up ({{ reason }})'
cause:
  zh: '任务 {{ job }} 的尝试都失败了（{{ reason }}，失败 {{ failed }} 次）；采集到的数据没有说明 Pod 为何失败。'
  en: 'every attempt of Job {{ job }} failed ({{ reason }}, {{ failed }} failures); the collected data does not say why its pods fail.'
benign:
  - zh: '之后又成功的任务不算'
    en: 'a Job that succeeded later does not count'
remedy:
  - purpose:
      zh: '查看失败的 Pod 的日志'
      en: 'read the logs of its failed pods'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs job/{{ job }} --tail=50'
    expect:
      zh: '退出前的最后几行'
      en: 'the last lines before it ended'
    verify:
      zh: '原因已记录'
      en: 'the reason is on record'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: detect
    text:
      zh: '对 Job 的 Failed 条件告警'
      en: 'alert on the Failed condition of Jobs'
    acceptance:
      zh: '测试任务失败后 5 分钟内收到告警'
      en: 'a failing test Job raises the alert within 5 minutes'
sources:
  - 'kubernetes pkg/controller/job/job_controller.go: BackoffLimitExceeded, DeadlineExceeded, PodFailurePolicy'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'given up'
    files:
      'jobs.json': '{"kind": "JobList", "apiVersion": "batch/v1", "items": [{"metadata": {"name": "migrate", "namespace": "shop"}, "spec": {"backoffLimit": 4}, "status": {"failed": 5, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}]}}]}'
    fires:
      - {kind: 'Job', namespace: 'shop', name: 'migrate'}
  - name: 'done'
    files:
      'jobs.json': '{"kind": "JobList", "apiVersion": "batch/v1", "items": [{"metadata": {"name": "migrate", "namespace": "shop"}, "spec": {"backoffLimit": 4}, "status": {"failed": 2, "succeeded": 1, "conditions": [{"type": "Complete", "status": "True", "reason": "", "message": "Job has reached the specified backoff limit"}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for job in snapshot.kind("Job") {
        let failed = job
            .list("/status/conditions")
            .iter()
            .enumerate()
            .find(|(_, condition)| {
                let is = |key: &str, value: &str| condition.get(key).and_then(|found| found.as_str()) == Some(value);
                is("type", "Failed") && is("status", "True")
            });
        let Some((index, condition)) = failed else { continue };
        let owner = snapshot.top_owner(job);
        // A later run of the same CronJob that succeeded makes this one history.
        let recovered = owner.kind == "CronJob"
            && snapshot
                .kind("Job")
                .any(|other| snapshot.top_owner(other) == owner && other.int("/status/succeeded") > Some(0));
        if recovered || findings.iter().any(|finding| finding.subject == owner) {
            continue;
        }
        let at = format!("/status/conditions/{index}");
        let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
            .cite(
                job.cite_at(&format!("{at}/reason"))
                    .at(job.time(&format!("{at}/lastTransitionTime"))),
            )
            .fact("job", job.key.name.clone())
            .fact("failed", job.int("/status/failed").unwrap_or(0))
            .fact(
                "reason",
                condition
                    .get("reason")
                    .and_then(|reason| reason.as_str())
                    .unwrap_or("Failed"),
            )
            .affects(job.subject());
        for pod in snapshot.pods_of(&job.subject()) {
            finding.touches.extend(workload_touches(
                snapshot,
                &Subject::namespaced("Pod", pod.namespace(), pod.name()),
            ));
        }
        findings.push(finding);
    }
    findings
}
