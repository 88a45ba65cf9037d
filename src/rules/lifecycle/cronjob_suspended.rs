//! A CronJob is suspended.

use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cronjob-suspended
role: factor
level: info
needs: [cronjobs]
check:
  zh: "是否有被暂停的 CronJob"
  en: "whether CronJobs are suspended"
title:
  zh: "CronJob {{ subject.namespace }}/{{ subject.name }} 已暂停，不会再运行"
  en: "CronJob {{ subject.namespace }}/{{ subject.name }} is suspended and does not run"
cause:
  zh: "spec.suspend 为 true：按计划 {{ schedule }} 的运行都会被跳过，直到恢复。"
  en: "spec.suspend is true: every run by its schedule {{ schedule }} is left out until it is resumed."
benign:
  - {zh: "有意暂停的任务", en: "one that was suspended on purpose"}
remedy:
  - purpose: {zh: "查看暂停了哪些", en: "see which are suspended"}
    place: cluster
    risk: read-only
    command: "kubectl get cronjobs -A"
    expect: {zh: "SUSPEND 为 True", en: "SUSPEND True"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对超过两个周期没有成功运行的任务告警", en: "alert when a job has not succeeded for two periods"}
    acceptance: {zh: "暂停的测试任务触发告警", en: "a test job that is suspended raises it"}
sources: ["kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-suspension"]
versions: "Kubernetes 1.8 to 1.36"
examples:
  - name: "a row"
    files:
      "cj.txt": |
        NAMESPACE   NAME     SCHEDULE    SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        backup   0 3 * * *   True      0        9d              90d
    fires: [{kind: "CronJob", namespace: "shop", name: "backup"}]
  - name: "it runs"
    files:
      "cj.txt": |
        NAMESPACE   NAME     SCHEDULE    SUSPEND   ACTIVE   LAST SCHEDULE   AGE
        shop        backup   0 3 * * *   False     0        9h              90d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("CronJob")
        .filter(|job| job.get("/spec/suspend").and_then(|suspend| suspend.as_bool()) == Some(true))
        .map(|job| {
            Finding::new(rule, job.subject(), Confidence::Confirmed)
                .at("spec.suspend")
                .cite(job.cite_at("/spec/suspend"))
                .fact("schedule", job.text("/spec/schedule"))
        })
        .collect()
}
