//! A consumer of Kafka meets the same record again and again and cannot read it.

use crate::rules::toolbox::complaints::judge;
use crate::rules::toolbox::speakers::of_log;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kafka-consumer-stuck
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: java
    in: [container-log, status]
    pattern: 'Error deserializing (?:key/value|KEY|VALUE|key|value) for partition (?P<partition>[\w.-]+-\d+) at offset (?P<offset>\d+)'
  - id: spring
    in: [container-log, status]
    pattern: 'This error handler cannot process ''(?P<what>[A-Za-z.]*SerializationException)''s directly'
finds:
  subject: application
  confidence: confirmed
  clients_only: true
check:
  zh: 'Kafka 的消费者是否停在一条不能处理的记录上'
  en: 'whether a consumer of Kafka stands at a record that it cannot process'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：停在{% if partition is defined %} {{ partition }} 的{% endif %}一条不能读取的记录上{% if offset is defined %}（offset {{ offset }}）{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: stands at a record that it cannot read{% if partition is defined %} in {{ partition }}{% endif %}{% if offset is defined %} (offset {{ offset }}){% endif %}'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：这条记录不能被反序列化或处理，消费者每次都从它重新读起，它之后的记录不被处理，积压增长。'
  en: 'the application wrote {{ said }} ({{ times|times }}): this record cannot be deserialised or processed, and the consumer reads it again and again; nothing behind it is processed and the lag grows.'
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用因此退出，kubelet 反复重启'
      en: 'the application ends over it and the kubelet restarts it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，就绪探针失败'
      en: 'it cannot serve, so the readiness probe fails'
  - rule: app-bug
    ground: workload
    mechanism:
      zh: '日志里的错误由此而来'
      en: 'the errors in its log come from this'
benign:
  - zh: '被跳过或送入死信主题的记录只出现一次'
    en: 'a record that is skipped or sent to a dead-letter topic shows once'
remedy:
  - purpose:
      zh: '查看这段日志的前后文'
      en: 'read what stands around this line'
    place: cluster
    risk: read-only
    command: '{{ log_command|raw }}'
    expect:
      zh: '出现 {{ said }}'
      en: 'it shows {{ said }}'
    verify:
      zh: '与本报告引用的行一致'
      en: 'it agrees with the lines quoted here'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '查看消费组的位置与积压'
      en: 'see where the group stands and its lag'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get pods -o wide'
    verify:
      zh: '在 Kafka 的容器里用 kafka-consumer-groups.sh --describe 确认 offset 不再前进'
      en: 'kafka-consumer-groups.sh --describe in a container of Kafka shows that the offset stands still'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '改正产生这条记录的程序，并让消费者跳过它（ErrorHandlingDeserializer 与死信主题）'
      en: 'mend what produced the record, and let the consumer pass it (ErrorHandlingDeserializer and a dead-letter topic)'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: '积压减少，日志不再重复同一个 offset'
      en: 'the lag falls and the log does not repeat the offset'
    rollback:
      zh: '恢复修改前的版本'
      en: 'return to the former release'
prevention:
  - kind: prevent
    text:
      zh: '消费者把不能读取的记录送入死信主题'
      en: 'consumers send records that they cannot read to a dead-letter topic'
    acceptance:
      zh: '写入一条坏记录后消费者继续前进'
      en: 'with a bad record written on purpose the consumer goes on'
sources:
  - 'apache/kafka clients consumer/internals/CompletedFetch.java: RecordDeserializationException'
  - 'spring-kafka DefaultErrorHandler: cannot process SerializationException directly'
versions: 'any'
examples:
  - name: 'a record that is no JSON'
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        stock-5d9b66ccf4-2dzqv    1/1     Running   0          41m
      'stock-5d9b66ccf4-2dzqv.log': |
        2026-03-11 18:59:11 ERROR Caused by: org.apache.kafka.common.errors.RecordDeserializationException: Error deserializing key/value for partition moves-2 at offset 4711. If needed, please seek past the record to continue consumption.
        2026-03-11 18:59:16 ERROR Caused by: org.apache.kafka.common.errors.RecordDeserializationException: Error deserializing key/value for partition moves-2 at offset 4711. If needed, please seek past the record to continue consumption.
        2026-03-11 18:59:21 ERROR Caused by: org.apache.kafka.common.errors.RecordDeserializationException: Error deserializing key/value for partition moves-2 at offset 4711. If needed, please seek past the record to continue consumption.
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'stock'}
  - name: 'each bad record is sent to a topic of its own'
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        stock-5d9b66ccf4-2dzqv    1/1     Running   0          41m
      'stock-5d9b66ccf4-2dzqv.log': |
        2026-03-11 18:59:11 ERROR Caused by: org.apache.kafka.common.errors.RecordDeserializationException: Error deserializing key/value for partition moves-2 at offset 4711. If needed, please seek past the record to continue consumption.
        2026-03-11 18:59:41 ERROR Caused by: org.apache.kafka.common.errors.RecordDeserializationException: Error deserializing key/value for partition moves-2 at offset 4790. If needed, please seek past the record to continue consumption.
        2026-03-11 19:00:21 ERROR Caused by: org.apache.kafka.common.errors.RecordDeserializationException: Error deserializing key/value for partition moves-2 at offset 4833. If needed, please seek past the record to continue consumption.
  - name: 'a bad record was passed'
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        stock-5d9b66ccf4-2dzqv    1/1     Running   0          41m
      'stock-5d9b66ccf4-2dzqv.log': |
        2026-03-11 18:59:11 WARN sent moves-2@4711 to moves.DLT: it cannot be read
        2026-03-11 18:59:12 INFO 40 records processed
"##;

/// The same record so often is one that is not passed.
const AGAIN: u64 = 2;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut findings = judge(input, rule, subjects);
    findings.retain(|finding| {
        input.snapshot.logs.iter().any(|log| {
            // Hits are counted by what they capture: partition and offset.
            let repeats = log.hits.iter().any(|hit| {
                let id = hit.signature.strip_prefix("kafka-consumer-stuck/");
                id == Some("spring") || id == Some("java") && hit.count >= AGAIN
            });
            repeats && of_log(input.snapshot, log).is_some_and(|speaker| speaker.workload == finding.subject)
        })
    });
    findings
}
