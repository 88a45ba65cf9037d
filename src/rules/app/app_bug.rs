//! A container ends with an error, and its last words are all that is known of why.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::probes::{Kind, failures};
use crate::rules::toolbox::speakers::{State, state_of};
use crate::rules::toolbox::{cite_tail, last_words, words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-bug
role: link
level: critical
needs: [pods, container-logs]
check:
  zh: '崩溃的容器留下的最后几行日志'
  en: 'what a crashing container wrote last'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：容器 {{ container }} 以退出码 {{ exit_code }} 结束，最后写出 {{ said }}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: container {{ container }} ends with exit code {{ exit_code }}; its last words are {{ said }}'
cause:
  zh: '没有一条规则认出这些日志，也没有基础设施方面的原因；容器在结束（退出码 {{ exit_code }}{% if meaning %}，即{{ meaning|raw }}{% endif %}）前写出 {{ said }}，原因在应用自身或它的配置。'
  en: 'no rule knows these lines and nothing points to the infrastructure; before its end (exit code {{ exit_code }}{% if meaning_en %}: {{ meaning_en|raw }}{% endif %}) the container wrote {{ said }}, so look at the application or its configuration.'
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
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
benign:
  - zh: '正常结束（退出码 0）与被 OOM 结束的容器不在此列'
    en: 'containers that ended with 0 or were OOMKilled are not meant'
remedy:
  - purpose:
      zh: '查看上一个实例的日志'
      en: 'read the log of the previous instance'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ pod }} --previous --tail=100'
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
            .fact("container", container.name)
            .fact("pod", pod.name())
            .fact(
                "exit_code",
                code.map_or_else(|| "?".to_owned(), |code| code.to_string()),
            )
            .fact("meaning", zh)
            .fact("meaning_en", en)
            .fact("said", words(last).chars().take(240).collect::<String>())
            .affects(subject.clone());
        if let Some(ended) = ended {
            finding.add_cite(pod.object.cite_at(&ended.pointer).at(ended.finished));
        }
        finding.touches.extend(workload_touches(snapshot, &subject));
        findings.push(finding);
    }
    findings
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
