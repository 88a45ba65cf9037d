//! Name queries of applications go unanswered.

use crate::rules::toolbox::complaints::judge;
use crate::rules::toolbox::peers::name_service;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: dns-resolution-failure
role: link
level: critical
needs: [container-logs]
text:
  - id: go
    in: [container-log]
    pattern: 'lookup (?P<name>[\w.-]+)(?: on (?P<server>[\d.:\[\]a-f]+))?: (?:read \w+ \S+: i/o timeout|dial udp[^\n]*i/o timeout|i/o timeout|server misbehaving|connection refused|Temporary failure|read udp [^\n]*(?:connection refused|i/o timeout))'
    unless: 'kubelet|plugin/'
  - id: glibc
    in: [container-log]
    pattern: '(?:Temporary failure in name resolution|[Tt]emporary failure resolving)'
  - id: node
    in: [container-log]
    pattern: 'getaddrinfo EAI_AGAIN(?: (?P<name>[\w.-]+))?'
  - id: tools
    in: [container-log]
    pattern: '(?:connection timed out; no servers could be reached|;; communications error to (?P<server>[\d.#]+): timed out)'
  - id: python
    in: [container-log]
    pattern: '\[Errno -3\] (?:Temporary failure|Try again)'
  - id: curl
    in: [container-log]
    pattern: 'Resolving timed out after \d+ milliseconds'
  - id: nginx
    in: [container-log]
    pattern: '(?P<name>[\w.-]+) could not be resolved \(110: Operation timed out\)'
  - id: java
    in: [container-log]
    pattern: '(?:DnsNameResolverTimeoutException|DnsResolveContext\$SearchDomainUnknownHostException|query timed out after \d+ milliseconds)'
  - id: musl
    in: [container-log]
    pattern: '(?:bad address|getaddrinfo)[^\n]{0,60}Try again'
  # node dns (c-ares codes), Rust std, dnspython resolver.py, aiodns
  - id: clients
    in: [container-log, status]
    pattern: '(?:query(?:Srv|Txt|A|Aaaa) (?:ETIMEOUT|ESERVFAIL|ECONNREFUSED)(?: (?P<name>[\w.-]+))?|failed to lookup address information: (?:Try again|Temporary failure)|(?:The )?(?:DNS operation timed out|resolution lifetime expired) after [\d.]+ sec|All nameservers failed to answer the query|Timeout while contacting DNS servers|DNS server returned general failure)'
  # .NET: EAI_AGAIN has the words of EAGAIN
  - id: dotnet
    in: [container-log, status]
    pattern: 'Resource temporarily unavailable \((?P<name>[A-Za-z][\w.-]*):\d+\)'
finds:
  subject: application
  confidence: confirmed
check:
  zh: '应用的域名查询是否得不到应答'
  en: 'whether the name queries of applications go unanswered'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：域名查询得不到应答（{{ said }}）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: name queries go unanswered ({{ said }})'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：查询超时或域名服务报错，而不是名字不存在。原因在域名服务自身，或 Pod 到它的网络（NetworkPolicy、CNI、kube-proxy）。'
  en: 'the application wrote {{ said }} ({{ times|times }}): queries time out or the name service errs, which is not the same as a name that does not exist. Look at the name service, or at the way to it (NetworkPolicy, CNI, kube-proxy).'
causes:
  - rule: app-bug
    ground: workload
    mechanism:
      zh: '日志里的错误说的就是它'
      en: 'the errors of the log are about it'
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
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，存活探针失败'
      en: 'it cannot serve, so the liveness probe fails'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都因此失败'
      en: 'every attempt of the Job fails over it'
benign:
  - zh: 'NXDOMAIN（no such host）说明域名服务在工作，只是名字不存在'
    en: 'NXDOMAIN (no such host) shows that name resolution works and the name does not exist'
  - zh: '偶尔一次超时后成功不算'
    en: 'one timeout that was followed by success does not count'
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
      zh: '从同一命名空间直接查询域名服务'
      en: 'ask the name service from the same namespace'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}run dns-check --rm -it --restart=Never --image=<IMAGE_WITH_NSLOOKUP> -- nslookup kubernetes.default'
    expect:
      zh: '超时'
      en: 'a timeout'
    verify:
      zh: '确认是否为该命名空间或节点独有'
      en: 'known whether only this namespace or node suffers'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: detect
    text:
      zh: '对域名查询失败率告警（coredns_dns_responses_total）'
      en: 'alert on failing queries (coredns_dns_responses_total)'
    acceptance:
      zh: '停掉 CoreDNS 后 5 分钟内收到告警'
      en: 'stopping CoreDNS raises the alert within 5 minutes'
sources:
  - 'golang net/dnsclient_unix.go'
  - 'glibc gai_strerror EAI_AGAIN; musl'
  - 'c-ares, libuv EAI_AGAIN'
  - 'bind9 dig'
  - 'curl lib/connect.c'
  - 'nginx ngx_resolver.c'
  - 'netty DnsNameResolver'
  - 'node dns (c-ares codes), Rust std, dnspython resolver.py, aiodns'
  - '.NET'
versions: 'any'
examples:
  - name: 'queries time out, again and again'
    files:
      'pods.txt': |
        NAMESPACE     NAME                              READY   STATUS             RESTARTS      AGE
        shop          web-6bdf8c9d7-jd5lx               1/1     Running            0             41m
      'web.log': |
        dial tcp: lookup api.example on 10.43.0.10:53: read udp 10.42.0.5:45123->10.43.0.10:53: i/o timeout
        dial tcp: lookup api.example on 10.43.0.10:53: read udp 10.42.0.5:45123->10.43.0.10:53: i/o timeout
        dial tcp: lookup api.example on 10.43.0.10:53: read udp 10.42.0.5:45123->10.43.0.10:53: i/o timeout
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'web'}
  - name: 'a pod ends over it; objects'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}]}'
      'logs/web-0.log': |
        Error: getaddrinfo EAI_AGAIN db
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'web'}
  - name: 'the name does not exist'
    files:
      'pods.txt': |
        NAMESPACE     NAME                              READY   STATUS             RESTARTS      AGE
        shop          web-6bdf8c9d7-jd5lx               0/1     CrashLoopBackOff   7 (90s ago)   41m
      'web.log': |
        dial tcp: lookup db on 10.43.0.10:53: no such host
  - name: 'name servers that do not answer other clients'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        billing-5d9b66ccf4-2dzqv          0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        stock-7c5ddbdf54-x7k2v            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        Error: querySrv ETIMEOUT _mongodb._tcp.mongo.shop
      'billing-5d9b66ccf4-2dzqv.log': |
        starting
        dns.resolver.LifetimeTimeout: The resolution lifetime expired after 20.1 seconds
      'stock-7c5ddbdf54-x7k2v.log': |
        starting
        System.Net.Http.HttpRequestException: Resource temporarily unavailable (payments:80)
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'Deployment', namespace: 'shop', name: 'billing'}
      - {kind: 'Deployment', namespace: 'shop', name: 'stock'}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let snapshot = input.snapshot;
    let mut findings = judge(input, rule, subjects);
    for finding in &mut findings {
        // Whatever ails the name service, or the Service in front of it, explains this.
        for object in name_service(snapshot) {
            finding.blame(object);
        }
    }
    findings
}
