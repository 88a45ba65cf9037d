//! A workload that runs writes mostly errors, and no rule knows what they mean: then the errors themselves are the lead.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::logs::{LogFile, TailLine};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::peers::dependencies;
use crate::rules::toolbox::speakers::{Speaker, State, is_data_store, is_previous, of_log};
use crate::rules::toolbox::{cite_tail, words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-errors-logged
role: link
level: warning
needs: [container-logs]
check:
  zh: '仍在运行的工作负载是否主要在写错误'
  en: 'whether a workload that runs writes mostly errors'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：日志末尾 {{ looked }} 行里有 {{ errors }} 行错误，最多的是 {{ said }}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {{ errors }} of the last {{ looked }} lines of its log are errors, mostly {{ said }}'
cause:
  zh: '容器在运行，但它的日志末尾大部分是错误；没有规则认得这些错误，也没有找到它依赖的对象有故障。原因多半在应用自身：代码、数据或它的配置。'
  en: 'the container runs, yet the end of its log is mostly errors; no rule knows them, and nothing that it depends on was found in trouble. The cause is mostly in the application itself: its code, its data or its settings.'
benign:
  - zh: '零星的错误行，或被重试解决的错误，不算'
    en: 'single errors, or those that a retry cured, do not count'
remedy:
  - purpose:
      zh: '查看完整的日志，找到第一次出现的时刻'
      en: 'read the whole log and find when they began'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ pod }}{% if container %} -c {{ container }}{% endif %} --timestamps --since=24h'
    expect:
      zh: '错误开始的时刻与它之前的最后一次变更'
      en: 'when the errors began, and the last change before'
    verify:
      zh: '与变更记录（镜像、配置、流量）比较'
      en: 'it is compared with the changes of image, settings and load'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: detect
    text:
      zh: '对该工作负载的错误日志速率告警'
      en: 'alert on the rate of error lines of this workload'
    acceptance:
      zh: '在测试环境制造该错误，告警按时到达'
      en: 'the alert arrives in time when the error is made in a test environment'
sources:
  - 'RFC 5424 §6.2.1 severities; log4j, logback, zap, logrus, pino level names'
versions: 'any'
examples:
  - name: 'a service that fails each request'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'rates-6bdf8c9d7-jd5lx.log': |
        2026-03-01T10:00:00Z INFO request GET /v1/eur
        2026-03-01T10:00:00Z ERROR quote: negative spread for EUR/USD
        2026-03-01T10:00:01Z INFO request GET /v1/eur
        2026-03-01T10:00:01Z ERROR quote: negative spread for EUR/USD
        2026-03-01T10:00:02Z INFO request GET /v1/gbp
        2026-03-01T10:00:02Z ERROR quote: negative spread for GBP/USD
        2026-03-01T10:00:03Z INFO request GET /v1/eur
        2026-03-01T10:00:03Z ERROR quote: negative spread for EUR/USD
        2026-03-01T10:00:04Z INFO request GET /v1/eur
        2026-03-01T10:00:04Z ERROR quote: negative spread for EUR/USD
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'rates'}
  - name: 'errors now and then among much else'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'rates-6bdf8c9d7-jd5lx.log': |
        2026-03-01T10:00:00Z INFO request GET /v1/eur
        2026-03-01T10:00:00Z ERROR quote: negative spread for EUR/USD
        2026-03-01T10:00:01Z INFO request GET /v1/eur
        2026-03-01T10:00:02Z INFO request GET /v1/gbp
        2026-03-01T10:00:03Z INFO request GET /v1/eur
        2026-03-01T10:00:04Z INFO request GET /v1/eur
"##;

/// Errors at the end of a log that are more than noise: so many, and so large a share of the lines.
const LEAST: usize = 5;
/// At least every so many-th line.
const SHARE: usize = 3;
/// Lines after the last error that show that it is over.
const QUIET: usize = 8;

/// What marks a line as an error by its own words: a level, or an answer of 5xx in an access log.
static ERROR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"\b(?:ERROR|FATAL|CRITICAL|SEVERE)\b|(?i:\b(?:level|severity|lvl)"?[=:] ?"?(?:error|err|fatal|crit|critical|panic)\b)|\[(?:error|crit|fatal)\]|^E\d{4} |HTTP/\d(?:\.\d)?"? 5\d\d\b|^(?:\w+\.)*\w+(?:Exception|Error)(?::|$)"#,
    )
    .ok()
});
/// What differs between two writings of one error.
static VARIES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[0-9a-fA-F]*\d[0-9a-fA-F.:_-]*").ok());

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: BTreeMap<Subject, Finding> = BTreeMap::new();
    for log in &input.snapshot.logs {
        let Some(speaker) = of_log(input.snapshot, log) else {
            continue;
        };
        let is_candidate = speaker.certain
            && !is_previous(log)
            && !matches!(speaker.state, State::Crashing)
            && speaker.workload.namespace != "kube-system"
            && !is_data_store(&speaker.workload.name);
        if is_candidate
            && !findings.contains_key(&speaker.workload)
            && let Some(finding) = judge(input, rule, log, &speaker)
        {
            findings.insert(speaker.workload, finding);
        }
    }
    findings.into_values().collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, log: &LogFile, speaker: &Speaker<'_>) -> Option<Finding> {
    let (is_error, varies) = (ERROR.as_ref()?, VARIES.as_ref()?);
    let mut alike: BTreeMap<String, Vec<&TailLine>> = BTreeMap::new();
    for line in log.tail.iter().filter(|line| is_error.is_match(words(line))) {
        let shape = varies.replace_all(words(line), "#").chars().take(120).collect();
        alike.entry(shape).or_default().push(line);
    }
    let errors: usize = alike.values().map(Vec::len).sum();
    // Frames of stack traces are no lines of their own.
    let is_frame = |line: &&TailLine| line.text.starts_with([' ', '\t']) || words(line).starts_with("at ");
    let looked = log.tail.iter().filter(|line| !is_frame(line)).count();
    let commonest = alike.values().max_by_key(|lines| lines.len())?;
    let last = *commonest.last()?;
    let after = log
        .tail
        .iter()
        .rev()
        .take_while(|line| !is_error.is_match(words(line)))
        .count();
    if errors < LEAST || errors * SHARE < looked || commonest.len() * 2 < errors || after > QUIET {
        return None;
    }
    let mut finding = Finding::new(rule, speaker.workload.clone(), Confidence::Possible)
        .cite(cite_tail(input.snapshot, log, &[last])?)
        .fact("errors", errors)
        .fact("looked", looked)
        .fact("pod", speaker.pod_name.clone())
        .fact("container", speaker.container.clone())
        .fact("said", words(last).chars().take(240).collect::<String>());
    if let Some(first) = commonest.first() {
        finding.add_cite(cite_tail(input.snapshot, log, &[*first])?);
    }
    if !speaker.pod_name.is_empty() {
        let pod = Subject::namespaced("Pod", &speaker.workload.namespace, &speaker.pod_name);
        finding.touches.extend(workload_touches(input.snapshot, &pod));
        finding.add_affected(pod);
    }
    for called in dependencies(input.snapshot, &speaker.workload) {
        finding.blame(called);
    }
    Some(finding)
}
