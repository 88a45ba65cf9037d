//! A container ends with an error, or runs and writes mostly errors, and its own words are all that is known of why.

use std::collections::BTreeMap;

use crate::cluster::Snapshot;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::{complaints, findings as complaint_findings};
use crate::rules::toolbox::echoes::origin;
use crate::rules::toolbox::errors::{MostlyErrors, mostly_errors};
use crate::rules::toolbox::etcd::{etcd, is_of_etcd};
use crate::rules::toolbox::mentions::{mentioned, named_by_word};
use crate::rules::toolbox::peers::dependencies;
use crate::rules::toolbox::probes::{Kind, failures};
use crate::rules::toolbox::speakers::{State, makes_load, state_of};
use crate::rules::toolbox::told::told;
use crate::rules::toolbox::{cite_tail, last_words, words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-bug
role: link
level: critical
needs: [pods, container-logs]
text:
  - id: java
    in: [container-log]
    pattern: '(?P<exception>java\.(?:lang|util)\.(?:NullPointer|ClassCast|IllegalState|IllegalArgument|ArrayIndexOutOfBounds|StringIndexOutOfBounds|IndexOutOfBounds|Arithmetic|NumberFormat|UnsupportedOperation|NoSuchElement|ConcurrentModification|StackOverflow|NoSuchMethod|NoClassDefFound)(?:Exception|Error)\b[^\n]{0,160})'
  - id: python
    in: [container-log]
    pattern: '^(?P<exception>(?:TypeError|AttributeError|KeyError|IndexError|ValueError|NameError|ZeroDivisionError|UnboundLocalError|AssertionError|RecursionError|NotImplementedError)\b[^\n]{0,160})'
  - id: node
    in: [container-log]
    pattern: '(?P<exception>(?:TypeError: (?:Cannot read propert|Cannot set propert|[\w.]+ is not (?:a function|iterable)|Cannot destructure|undefined is not)|ReferenceError: \w+ is not defined|RangeError: (?:Maximum call stack|Invalid))[^\n]{0,160})'
  - id: go
    in: [container-log]
    pattern: '(?:http: panic serving \S{3,60}: )(?P<exception>[^\n]{1,200})'
  - id: go-recovered
    in: [container-log]
    pattern: '(?P<exception>\[Recovery\][^\n]{0,60}panic recovered[^\n]{0,120}|runtime error: (?:invalid memory address or nil pointer dereference|index out of range|slice bounds out of range|integer divide by zero)[^\n]{0,80})'
  - id: elixir
    in: [container-log]
    pattern: '(?P<exception>\*\* \((?:FunctionClauseError|MatchError|CaseClauseError|KeyError|ArgumentError|ArithmeticError|UndefinedFunctionError|BadMapError|Protocol\.UndefinedError|RuntimeError)\)[^\n]{0,160})'
  - id: ruby
    in: [container-log]
    pattern: '(?P<exception>(?:NoMethodError|NameError|ArgumentError|TypeError|KeyError|ZeroDivisionError|FrozenError) \([^\n]{1,160}\))'
  - id: dotnet
    in: [container-log]
    pattern: '(?P<exception>System\.(?:NullReference|InvalidCast|IndexOutOfRange|ArgumentNull|ArgumentOutOfRange|DivideByZero|InvalidOperation|Format|KeyNotFound|NotImplemented)Exception\b[^\n]{0,160})'
  - id: php
    in: [container-log]
    pattern: 'PHP Fatal error: +Uncaught (?P<exception>(?:TypeError|ValueError|ArgumentCountError|DivisionByZeroError|Error)\b[^\n]{0,160})'
check:
  zh: '崩溃的容器留下的最后几行日志，以及仍在运行的容器是否主要在写错误、或反复抛出程序错误'
  en: 'what a crashing container wrote last, and whether one that runs writes mostly errors or throws errors of its program again and again'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{% if exception is defined %}反复抛出 {{ said }}{% elif running %}日志末尾 {{ looked }} 行里有 {{ errors }} 行错误，最多的是 {{ said }}{% else %}{% if container %}容器 {{ container }}{% else %}容器{% endif %}{% if exit_code %}以退出码 {{ exit_code }} {% endif %}结束，最后写出 {{ said }}{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {% if exception is defined %}throws {{ said }} again and again{% elif running %}{{ errors }} of the last {{ looked|lines }} of its log are errors, mostly {{ said }}{% else %}{% if container %}container {{ container }}{% else %}a container{% endif %} ends{% if exit_code %} with exit code {{ exit_code }}{% endif %}; its last words are {{ said }}{% endif %}'
cause:
  zh: '没有一条规则认出这些日志，也没有基础设施方面的原因；{% if exception is defined %}容器在运行，但处理请求时反复抛出 {{ said }}（共 {{ times }} 次）：这是程序自身的错误，多由某一类输入触发。{% elif running %}容器在运行，但主要在写错误，最多的是 {{ said }}，原因在应用自身：代码、数据或它的配置。{% else %}容器在结束{% if exit_code %}（退出码 {{ exit_code }}{% if meaning %}，即{{ meaning|raw }}{% endif %}）{% endif %}前写出 {{ said }}，原因在应用自身或它的配置。{% endif %}'
  en: 'no rule knows these lines and nothing points to the infrastructure; {% if exception is defined %}the container runs but throws {{ said }} while it serves ({{ times|times }}): an error of the program itself, mostly set off by one kind of input.{% elif running %}the container runs but writes mostly errors, most often {{ said }}, so look at the application itself: its code, its data or its settings.{% else %}before its end{% if exit_code %} (exit code {{ exit_code }}{% if meaning_en %}: {{ meaning_en|raw }}{% endif %}){% endif %} the container wrote {{ said }}, so look at the application or its configuration.{% endif %}'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: peer-answers-with-errors
    ground: workload
    mechanism: {zh: "它以 5xx 回答触发错误的请求", en: "it answers the requests that set off the error with 5xx"}
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用退出，kubelet 反复重启'
      en: 'the application ends and the kubelet restarts it'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都失败'
      en: 'every attempt of the Job fails'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '没有可用的 Pod'
      en: 'no pod is available'
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "新版本的进程退出", en: "processes of the new revision end"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 的 Pod 不就绪", en: "pods of the webhook are not ready"}
benign:
  - zh: '零星的错误行，或被重试解决的错误，不算'
    en: 'single errors, or those that a retry cured, do not count'
  - zh: '正常结束（退出码 0）与被 OOM 结束的容器不在此列'
    en: 'containers that ended with 0 or were OOMKilled are not meant'
remedy:
  - purpose:
      zh: '查看上一个实例的日志'
      en: 'read the log of the previous instance'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ pod }}{% if not running %} --previous{% endif %} --tail=100'
    expect:
      zh: '出现 {{ said }}'
      en: 'it shows {{ said }}'
    verify:
      zh: '与本报告引用的行一致'
      en: 'it agrees with the lines quoted here'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: process
    text:
      zh: '把日志、版本与复现步骤交给开发人员'
      en: 'hand log, version and steps to the developers'
    acceptance:
      zh: '开发人员确认收到并可复现'
      en: 'they confirm that they can reproduce it'
sources:
  - 'POSIX exit status; kubernetes container status'
  - 'RFC 5424 §6.2.1 severities; log4j, logback, zap, logrus, pino level names'
versions: 'any'
examples:
  - name: 'an unknown last line'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        cart-6bdf8c9d7-jd5lx              0/1     CrashLoopBackOff   7 (90s ago)   41m
      'cart.log': |
        starting
        frobnication went sour
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'cart'}
  - name: 'ready'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        cart-6bdf8c9d7-jd5lx              1/1     Running            0             41m
      'cart.log': |
        starting
        frobnication went sour
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
  - name: 'one kind of request sets off an error of the program'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'rates-6bdf8c9d7-jd5lx.log': |
        2026-03-01T10:00:00Z INFO request GET /v1/eur 200
        2026-03-01T10:00:00Z ERROR request GET /v1/xau 500
        java.lang.NullPointerException: Cannot invoke "Rate.spread()" because "rate" is null
        2026-03-01T10:00:01Z INFO request GET /v1/eur 200
        2026-03-01T10:00:02Z INFO request GET /v1/eur 200
        2026-03-01T10:00:03Z ERROR request GET /v1/xau 500
        java.lang.NullPointerException: Cannot invoke "Rate.spread()" because "rate" is null
        2026-03-01T10:00:04Z INFO request GET /v1/eur 200
        2026-03-01T10:00:05Z INFO request GET /v1/eur 200
        2026-03-01T10:00:06Z INFO request GET /v1/eur 200
        2026-03-01T10:00:07Z ERROR request GET /v1/xau 500
        java.lang.NullPointerException: Cannot invoke "Rate.spread()" because "rate" is null
        2026-03-01T10:00:08Z INFO request GET /v1/eur 200
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

/// Lines that are quoted as last words.
const LAST_LINES: usize = 5;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot
        .pods()
        .filter(|pod| state_of(snapshot, pod, "") == State::Crashing)
    {
        let owner = snapshot.top_owner(pod.object);
        let probed = [Kind::Liveness, Kind::Startup]
            .into_iter()
            .any(|kind| !failures(snapshot, &pod, kind).is_empty());
        if probed || findings.iter().any(|finding| finding.subject == owner) {
            continue;
        }
        let containers = pod.containers();
        let Some(container) = containers.iter().find(|container| {
            !container.is_ready()
                && container
                    .ended()
                    .is_none_or(|ended| ended.exit_code != Some(0) && ended.reason != "OOMKilled")
        }) else {
            continue;
        };
        let ended = container.ended();
        let Some((log, lines)) = last_words(snapshot, &pod, container.name, LAST_LINES) else {
            continue;
        };
        let Some(last) = lines.last() else { continue };
        let Some(citation) = cite_tail(snapshot, log, &lines) else {
            continue;
        };
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let code = ended.as_ref().and_then(|ended| ended.exit_code);
        let (zh, en) = meaning(code);
        let mut finding = Finding::new(rule, owner, Confidence::Possible)
            .cite(citation)
            .fact("running", false)
            .fact("container", container.name)
            .fact("pod", pod.name())
            .fact("exit_code", code.map_or_else(String::new, |code| code.to_string()))
            .fact("meaning", zh)
            .fact("meaning_en", en)
            .fact("said", told(words(last)))
            .affects(subject.clone());
        if let Some(ended) = ended {
            finding.add_cite(pod.object.cite_at(&ended.pointer).at(ended.finished));
        }
        finding.touches.extend(workload_touches(snapshot, &subject));
        for called in mentioned(snapshot, &finding.subject.clone(), words(last)) {
            finding.blame(called);
        }
        findings.push(finding);
    }
    let running = mostly_errors(snapshot);
    for errors in running
        .iter()
        .filter(|errors| !makes_load(&errors.speaker.workload.name))
    {
        if !findings.iter().any(|known| known.subject == errors.speaker.workload) {
            findings.extend(of_running(snapshot, rule, errors));
        }
    }
    for finding in thrown(input, rule) {
        match findings.iter_mut().find(|known| known.subject == finding.subject) {
            // Errors that only a program can make are its own, whatever else it writes.
            Some(known) => known.blames_unknown = false,
            None => findings.push(finding),
        }
    }
    blame_by_word(&running, &mut findings);
    blame_by_echo(snapshot, rule, &running, &mut findings);
    findings
}

/// Who passes on what another program says of its own accord fails over that one, which may serve most of its callers well.
fn blame_by_echo(snapshot: &Snapshot, rule: &RuleHeader, running: &[MostlyErrors<'_>], findings: &mut Vec<Finding>) {
    for errors in running {
        let Some(origin) = origin(snapshot, &errors.speaker, errors.commonest.1) else {
            continue;
        };
        let subject = origin.speaker.workload.clone();
        for finding in findings
            .iter_mut()
            .filter(|finding| finding.subject == errors.speaker.workload)
        {
            finding.blame(subject.clone());
        }
        if findings.iter().any(|known| known.subject == subject) {
            continue;
        }
        let own = MostlyErrors {
            speaker: origin.speaker,
            log: origin.log,
            errors: origin.times,
            looked: origin.looked,
            commonest: origin.lines,
        };
        findings.extend(of_running(snapshot, rule, &own).map(|mut finding| {
            // Its callers quote it: that is more than the number of its errors.
            finding.blames_unknown = false;
            finding.affects(errors.speaker.workload.clone())
        }));
    }
}

/// An error of a program that is thrown so often is no accident.
const THROWN: u64 = 3;

/// Workloads that serve and throw errors that only a program can make.
fn thrown(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let is_own = |id: &str| id.starts_with("app-bug/");
    let said = complaints(input.snapshot, &is_own, &of_clients());
    let mut found = complaint_findings(
        input,
        rule,
        said.into_iter()
            .filter(|complaint| complaint.speaker.state != State::Crashing)
            .collect(),
    );
    found.retain(|finding| finding.count >= THROWN);
    for finding in &mut found {
        // Errors of a program are its own, whomever it calls.
        finding.blames.clear();
        let exception = finding.facts.get("exception").cloned().unwrap_or_default();
        finding.facts.insert("said".into(), exception);
        finding.facts.insert("running".into(), true.into());
    }
    found
}

/// Of two that are in trouble, the one that the other's errors bear the name of explains it, unless each bears the other's.
fn blame_by_word(running: &[MostlyErrors<'_>], findings: &mut [Finding]) {
    let troubled: Vec<Subject> = findings.iter().map(|finding| finding.subject.clone()).collect();
    let named: BTreeMap<&Subject, Vec<&Subject>> = running
        .iter()
        .map(|errors| {
            let speaker = &errors.speaker.workload;
            let (first, last) = errors.commonest;
            let lines = [first, last].into_iter();
            (
                speaker,
                lines
                    .flat_map(|line| named_by_word(&troubled, speaker, words(line)))
                    .collect(),
            )
        })
        .collect();
    for finding in findings {
        let names = |by: &Subject, other: &Subject| named.get(by).is_some_and(|named| named.contains(&other));
        for other in &troubled {
            if names(&finding.subject, other) && !names(other, &finding.subject) {
                finding.blame(other.clone());
            }
        }
    }
}

fn of_running(snapshot: &Snapshot, rule: &RuleHeader, found: &MostlyErrors<'_>) -> Option<Finding> {
    let (first, last) = found.commonest;
    let speaker = &found.speaker;
    let mut finding = Finding::new(rule, speaker.workload.clone(), Confidence::Possible)
        .cite(cite_tail(snapshot, found.log, &[last])?)
        .cite(cite_tail(snapshot, found.log, &[first])?)
        .fact("running", true)
        .fact("errors", found.errors)
        .fact("looked", found.looked)
        .fact("container", speaker.container.clone())
        .fact("pod", speaker.pod_name.clone())
        .fact("said", told(words(last)));
    if !speaker.pod_name.is_empty() {
        let pod = Subject::namespaced("Pod", &speaker.workload.namespace, &speaker.pod_name);
        finding.touches.extend(workload_touches(snapshot, &pod));
        finding.add_affected(pod);
    }
    // What its errors name, or its settings say that it calls, explains it, if that ails.
    for line in [first, last] {
        for called in mentioned(snapshot, &speaker.workload, words(line)) {
            finding.blame(called);
        }
    }
    for called in dependencies(snapshot, &speaker.workload) {
        finding.blame(called);
    }
    // Nothing but the number of errors speaks for a fault of its own: where somebody beside it has one for certain, that explains them.
    finding.blames_unknown = true;
    if [first, last].into_iter().any(|line| is_of_etcd(words(line))) {
        finding.blame(etcd());
    }
    Some(finding)
}

/// What exit codes mean: 126 and 127 by POSIX shells, 128 by containerd, 128+n by the signal n.
fn meaning(code: Option<i64>) -> (&'static str, &'static str) {
    match code {
        Some(126) => ("命令无法执行", "the command cannot be executed"),
        Some(127) => ("命令不存在", "there is no such command"),
        Some(128) => ("容器没有启动成功", "the container could not be started"),
        Some(132) => ("非法指令", "illegal instruction"),
        Some(134) => ("程序自行中止（SIGABRT）", "the program aborted itself (SIGABRT)"),
        Some(135) => ("总线错误（SIGBUS）", "a bus error (SIGBUS)"),
        Some(136) => ("算术错误（SIGFPE）", "an arithmetic error (SIGFPE)"),
        Some(137) => ("被 SIGKILL 结束", "ended by SIGKILL"),
        Some(139) => ("段错误（SIGSEGV）", "a segmentation fault (SIGSEGV)"),
        Some(143) => ("被 SIGTERM 结束", "ended by SIGTERM"),
        Some(255) => (
            "程序返回 255，或节点、运行时中断",
            "the program returned 255, or node or runtime were interrupted",
        ),
        _ => ("", ""),
    }
}
