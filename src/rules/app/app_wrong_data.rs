//! A service says again and again that the data it works with are empty or broken, while others refuse what follows from its answers.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::{complaints, findings as complaint_findings};
use crate::rules::toolbox::speakers::is_data_store;
use crate::rules::toolbox::strain::{others_suffer, recurring};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader, Subjects};

pub(in crate::rules) const RULE: &str = r##"
id: app-wrong-data
role: cause
level: warning
needs: [container-logs]
text:
  - id: loaded-none
    in: [container-log]
    pattern: '(?i)\b(?:warn\w*|error|fatal)\b[^\n]{0,160}\b(?P<what>[\w-]+) (?:was |were )?(?:loaded|read|imported|refreshed|synced|parsed|built|initiali[sz]ed)(?: with)?[ :=]+(?P<count>0|no|zero) (?P<unit>entries|rows|records|items|rates|prices|products|documents|keys|lines|routes|rules|features|users)\b'
  - id: loading-none
    in: [container-log]
    pattern: '(?i)\b(?:warn\w*|error|fatal)\b[^\n]{0,160}\b(?:loaded|read|imported|refreshed|synced|parsed|fetched|found|got)[ :=]+(?P<count>0|no|zero) (?P<what>(?:[\w-]+ ){0,2}(?:entries|rows|records|items|rates|prices|products|documents|keys|lines|routes|rules|features|users))\b'
  - id: is-empty
    in: [container-log]
    pattern: '(?i)\b(?:warn\w*|error|fatal)\b[^\n]{0,160}\b(?P<what>(?:[\w-]+ )?(?:table|catalog(?:ue)?|index|data ?set|snapshot|price ?list|rate ?sheet|feed|model|inventory|mapping)) (?:is|was|came back) (?P<count>empty|stale|corrupt(?:ed)?|truncated|incomplete)\b'
  - id: broken
    in: [container-log]
    pattern: '(?i)\b(?:warn\w*|error|fatal)\b[^\n]{0,160}\b(?P<count>stale|corrupt(?:ed)?|truncated|outdated) (?P<what>(?:[\w-]+ )?(?:data|table|catalog(?:ue)?|index|data ?set|snapshot|record|row|entry|feed|file))\b'
  # spring-batch FlatFileItemReader.java, FlatFileParseException
  - id: record-spring
    in: [container-log, status]
    pattern: 'FlatFileParseException: Parsing error at line: (?P<record>\d+) in resource=\[(?:file|class path resource|URL) \[(?P<what>[^\]\s]+)\]'
  # pandas/_libs/parsers.pyx, src/parser/tokenizer.c
  - id: record-pandas
    in: [container-log, status]
    pattern: 'ParserError: Error tokenizing data\. C error: Expected \d+ fields in line (?P<record>\d+), saw \d+'
  # postgresql src/backend/commands/copyfromparse.c
  - id: record-copy
    in: [container-log, status]
    pattern: '(?P<problem>extra data after last expected column|missing data for column "[^"\n]{1,80}")'
  # go encoding/csv/reader.go, ErrFieldCount
  - id: record-go
    in: [container-log, status]
    pattern: 'record on line (?P<record>\d+): wrong number of fields'
check:
  zh: 是否有服务反复写出它的数据为空或已损坏
  en: whether a service says again and again that its data are empty or broken
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{% if rejected %}它要载入的数据有一条不合格式{% if what %}（{{ what }}{% if record %} 第 {{ record }} 行{% endif %}）{% elif record %}（第 {{ record }} 行）{% endif %}，载入因此失败{% else %}它所用的数据不对（{{ what }}：{{ count }}），应答因此不可信{% endif %}"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {% if rejected %}a record of the data that it loads is malformed{% if what %} ({{ what }}{% if record %}, line {{ record }}{% endif %}){% elif record %} (line {{ record }}){% endif %}, and the load fails{% else %}the data that it works with are wrong ({{ what }}: {{ count }}), and so are its answers{% endif %}"
cause:
  zh: "{% if rejected %}日志写明 {{ said }}：程序和它的依赖都正常，是送来的数据里有一条记录与约定的格式不符，整次载入因此中止；重试读到同一条记录，结果相同。{% else %}日志反复写出 {{ said }}（{{ times }} 次）：它照常应答，但答案建立在空的或损坏的数据上；调用方随后拒绝这些值，看上去像是它们自己出错。{% endif %}"
  en: "{% if rejected %}its log says {{ said }}: the program and what it depends on are well, and one record of the data that were delivered is not of the agreed form, which ends the whole load; a retry meets the same record. {% else %}its log says {{ said }} again and again ({{ times|times }}): it answers as always, out of data that are empty or broken; others then refuse what follows from it and look as if they failed themselves.{% endif %}"
causes:
  - rule: job-backoff-limit
    ground: workload
    mechanism: {zh: "每次尝试都读到同一条不合格式的记录", en: "every attempt meets the same malformed record"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "程序因此退出", en: "the program ends over it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器不能就绪", en: "its containers do not get ready"}
benign:
  - {zh: "没有任何工作负载受影响时，空的缓存或可选的数据不算", en: "an empty cache or optional data do not count while nothing suffers"}
remedy:
  - purpose: {zh: "查看它从哪里取得数据", en: "see where it gets its data from"}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ pod }} --tail=200"
    expect: {zh: "出现 {{ said }}", en: "it shows {{ said }}"}
    verify: {zh: "数据的来源与最近一次成功载入的时间已知", en: "the source of the data and the time of the last good load are known"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复数据来源后滚动重启", en: "restore the source and restart it"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}"
    verify: {zh: "日志不再写出该警告，应答正确", en: "the log no longer warns and its answers are right"}
    rollback: {zh: "`kubectl rollout undo` 回到上一个版本", en: "`kubectl rollout undo` to the former revision"}
prevention:
  - kind: prevent
    text: {zh: "载入的数据为空时拒绝启用，继续使用上一份", en: "refuse to use a load that is empty and go on with the last good one"}
    acceptance: {zh: "以空文件演练一次，应答不变", en: "a rehearsal with an empty file leaves the answers as they were"}
sources:
  - 'observed behaviour of applications; no component of Kubernetes writes these lines'
  - 'spring-batch FlatFileParseException: `Parsing error at line: %d in resource=[…], input=[…]`'
  - 'pandas _libs/src/parser/tokenizer.c: `Expected %d fields in line %d, saw %d`'
  - 'postgresql src/backend/commands/copyfromparse.c: `extra data after last expected column`'
  - 'go src/encoding/csv/reader.go: ErrFieldCount'
versions: any
examples:
  - name: a table of rates without rates, and a caller that refuses what follows
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        till-57b96b46b7-zv4q2     1/1     Running   0          41m
        shop        fx-6bdf8c9d7-jd5lx        1/1     Running   0          41m
      'till-57b96b46b7-zv4q2.log': |
        ERROR place order: total is not positive
        ERROR place order: total is not positive
        ERROR place order: total is not positive
        ERROR place order: total is not positive
        ERROR place order: total is not positive
      'fx-6bdf8c9d7-jd5lx.log': |
        WARN fx::handler: rate table loaded with 0 entries base=EUR
        INFO fx::handler: convert from=EUR to=USD rate=0
        WARN fx::handler: rate table loaded with 0 entries base=EUR
        WARN fx::handler: rate table loaded with 0 entries base=EUR
    fires: [{kind: Deployment, namespace: shop, name: fx}]
  - name: an empty index, while nothing suffers
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        till-57b96b46b7-zv4q2     1/1     Running   0          41m
        shop        fx-6bdf8c9d7-jd5lx        1/1     Running   0          41m
      'fx-6bdf8c9d7-jd5lx.log': |
        WARN suggestion index is empty
        WARN suggestion index is empty
        WARN suggestion index is empty
  - name: said once, at start
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        till-57b96b46b7-zv4q2     0/1     Running   0          41m
        shop        fx-6bdf8c9d7-jd5lx        1/1     Running   0          41m
      'fx-6bdf8c9d7-jd5lx.log': |
        WARN plugins: loaded 0 rules
        INFO ready
"##;

/// Warnings that are more than an accident.
const LEAST: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    // A load that ends over a record fails at once, and no other has to suffer from it.
    let is_record = |id: &str| id.starts_with("app-wrong-data/record-");
    let subjects = Subjects {
        out_of_reach: false,
        only_while_failing: true,
        ..of_clients()
    };
    for mut finding in complaint_findings(input, rule, complaints(snapshot, &is_record, &subjects)) {
        for name in ["what", "record", "count"] {
            finding.facts.entry(name.to_owned()).or_insert_with(|| "".into());
        }
        finding.blames.clear();
        findings.push(finding.fact("rejected", true));
    }
    for told in recurring(snapshot, "app-wrong-data/", LEAST, &|hit| !is_record(&hit.signature)) {
        let workload = &told.speaker.workload;
        let Some(hit) = told.hits.first() else { continue };
        if is_data_store(&workload.name)
            || findings.iter().any(|known| known.subject == *workload)
            || !others_suffer(snapshot, workload)
        {
            continue;
        }
        let captured = |name: &str| hit.captures.get(name).cloned().unwrap_or_default();
        let mut finding = Finding::new(rule, workload.clone(), Confidence::Possible)
            .fact("what", captured("what"))
            .fact("count", captured("count"))
            .fact("said", hit.text.trim().chars().take(240).collect::<String>())
            .fact("pod", told.speaker.pod_name.clone())
            .fact("rejected", false)
            .fact("times", told.count);
        finding.count = told.count;
        for cite in told.cites(snapshot) {
            finding.add_cite(cite);
        }
        if !told.speaker.pod_name.is_empty() {
            let pod = Subject::namespaced("Pod", &workload.namespace, &told.speaker.pod_name);
            finding.touches.extend(workload_touches(snapshot, &pod));
            finding.add_affected(pod);
        }
        findings.push(finding);
    }
    findings
}
