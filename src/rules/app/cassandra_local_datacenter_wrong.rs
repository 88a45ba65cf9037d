//! The driver of Cassandra asks only nodes of a data centre that the cluster does not have.

use crate::rules::toolbox::complaints::{complaints, finding, judge};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cassandra-local-datacenter-wrong
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: contact-points
    in: [container-log, status]
    pattern: 'You specified (?P<asked>\S+) as the local DC, but some contact points are from a different DC[^\n]*=(?P<found>[\w.-]+)'
  - id: none-of-it
    in: [container-log, status]
    pattern: '(?i)no (?:hosts?|nodes?|available hosts?)[^\n]{0,40} in (?:the )?(?:local )?data ?cent(?:er|re) [\''"]?(?P<asked>[\w.-]+)'
  - id: node
    in: [container-log, status]
    pattern: 'localDataCenter was configured as [\''"]?(?P<asked>[\w.-]+?)[\''"]?, but only found hosts in data centers: (?P<found>[^\n]{1,80})'
finds:
  subject: application
  confidence: confirmed
  even_when_ready: [none-of-it, node]
check:
  zh: 'Cassandra 客户端的本地数据中心是否存在'
  en: 'whether the local data centre of Cassandra clients exists'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：本地数据中心设为 {{ asked }}{% if found is defined %}，而集群在 {{ found }}{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: its local data centre is set to {{ asked }}{% if found is defined %}, and the cluster is in {{ found }}{% endif %}'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：驱动只查询本地数据中心 {{ asked }} 的节点，而集群没有这样的节点，于是每次查询都没有可用节点（NoNodeAvailable）。Cassandra 自身正常。'
  en: 'the application wrote {{ said }} ({{ times|times }}): the driver asks only nodes of its local data centre, {{ asked }}, and the cluster has none there, so no node is available for any query. Cassandra itself is well.'
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '程序因此退出'
      en: 'the program ends over it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '没有可用的节点，就绪探针失败'
      en: 'no node is available to it, so the readiness probe fails'
  - rule: peer-unresponsive
    ground: workload
    mechanism:
      zh: '没有可用的节点，调用方等到超时'
      en: 'no node is available to it, and those who call it wait in vain'
  - rule: peer-answers-with-errors
    ground: workload
    mechanism:
      zh: '没有可用的节点，调用方得到错误'
      en: 'no node is available to it, and those who call it get errors'
  - rule: app-database-unreachable
    ground: workload
    mechanism:
      zh: '驱动不向其他数据中心的节点查询'
      en: 'the driver asks no node of another data centre'
benign:
  - zh: '指向另一个数据中心的联系点若仍能查询，只是提醒'
    en: 'contact points of another data centre are only worth a hint while queries succeed'
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
      zh: '把驱动的 local-datacenter 改为 `nodetool status` 所列的名字，然后滚动重启'
      en: 'set the driver''s local-datacenter to the name that `nodetool status` prints, then restart'
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
      zh: '把数据中心名与联系点放在同一份配置里一起发布'
      en: 'keep the name of the data centre beside the contact points, in one setting'
    acceptance:
      zh: '启动检查对名字不符的配置报错'
      en: 'a check at start refuses a name that does not fit'
sources:
  - 'apache/cassandra-java-driver OptionalLocalDcHelper.java: `You specified {} as the local DC, but some contact points are from a different DC`'
  - 'cassandra-driver (Node.js) load-balancing.js: `localDataCenter was configured as`'
versions: 'any'
examples:
  - name: 'a name from another region'
    files:
      'pods.txt': |
        NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE
        shop        profile-6bdf8c9d7-jd5lx     1/1     Running   0          41m
        shop        bff-5c9f7d6b8-2xk7p         1/1     Running   0          41m
      'profile-6bdf8c9d7-jd5lx.log': |
        2026-03-01T10:00:00Z WARN OptionalLocalDcHelper: [s0|default] You specified east-1 as the local DC, but some contact points are from a different DC: Node(endPoint=db-0.db:9042)=east-2; please provide the correct local DC, or check your contact points
        2026-03-01T10:01:00Z ERROR com.datastax.oss.driver.api.core.NoNodeAvailableException: No node was available to execute the query
        2026-03-01T10:02:00Z ERROR com.datastax.oss.driver.api.core.NoNodeAvailableException: No node was available to execute the query
        2026-03-01T10:03:00Z ERROR com.datastax.oss.driver.api.core.NoNodeAvailableException: No node was available to execute the query
        2026-03-01T10:04:00Z ERROR com.datastax.oss.driver.api.core.NoNodeAvailableException: No node was available to execute the query
        2026-03-01T10:05:00Z ERROR com.datastax.oss.driver.api.core.NoNodeAvailableException: No node was available to execute the query
        2026-03-01T10:06:00Z ERROR com.datastax.oss.driver.api.core.NoNodeAvailableException: No node was available to execute the query
      'bff-5c9f7d6b8-2xk7p.log': |
        2026-03-01T10:01:30Z ERROR GET http://profile:8080/v1/users/1 failed: 500 Internal Server Error
        2026-03-01T10:02:30Z ERROR GET http://profile:8080/v1/users/2 failed: 500 Internal Server Error
        2026-03-01T10:03:30Z ERROR GET http://profile:8080/v1/users/3 failed: 500 Internal Server Error
        2026-03-01T10:04:30Z ERROR GET http://profile:8080/v1/users/4 failed: 500 Internal Server Error
        2026-03-01T10:05:30Z ERROR GET http://profile:8080/v1/users/5 failed: 500 Internal Server Error
        2026-03-01T10:06:30Z ERROR GET http://profile:8080/v1/users/6 failed: 500 Internal Server Error
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'profile'}
  - name: 'a hint, and queries succeed'
    files:
      'pods.txt': |
        NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE
        shop        profile-6bdf8c9d7-jd5lx     1/1     Running   0          41m
      'profile-6bdf8c9d7-jd5lx.log': |
        2026-03-01T10:00:00Z WARN OptionalLocalDcHelper: [s0|default] You specified east-1 as the local DC, but some contact points are from a different DC: Node(endPoint=db-0.db:9042)=east-2; please provide the correct local DC, or check your contact points
        2026-03-01T10:01:00Z INFO GET /v1/users/1 200
        2026-03-01T10:02:00Z INFO GET /v1/users/2 200
        2026-03-01T10:03:00Z INFO GET /v1/users/3 200
        2026-03-01T10:04:00Z INFO GET /v1/users/4 200
        2026-03-01T10:05:00Z INFO GET /v1/users/5 200
        2026-03-01T10:06:00Z INFO GET /v1/users/6 200
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let snapshot = input.snapshot;
    let is_out_of_nodes = |id: &str| id.starts_with("app-database-unreachable/");
    let mut found = judge(input, rule, subjects);
    // The hint is written once, when the driver starts: that no node is left is what makes it more than a hint.
    let hint = format!("{}/contact-points", rule.id);
    for mut felt in complaints(snapshot, &is_out_of_nodes, subjects) {
        let workload = felt.speaker.workload.clone();
        let told = snapshot
            .hits
            .iter()
            .find(|hit| hit.signature == hint && snapshot.top_owner_of(&hit.about.object) == workload);
        let is_new = !found.iter().any(|known| known.subject == workload);
        let is_of_it = felt.line.contains("NoNodeAvailable") || felt.line.contains("NoHostAvailable");
        if let Some(told) = told.filter(|_| is_new && is_of_it) {
            felt.captures.extend(told.captures.clone());
            if let Some(mut own) = finding(input, rule, workload, vec![felt]) {
                // The cluster that it finds no node in is well.
                own.blames.clear();
                own.blames_unknown = false;
                own.add_cite(told.cite.clone());
                found.push(own);
            }
        }
    }
    found
}
