//! A container cannot listen because something else does, and what that is.

use crate::bundle::decode::Listener;
use crate::cluster::Snapshot;
use crate::rules::toolbox::complaints::judge;
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: app-port-in-use
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: go
    in: [container-log, status]
    pattern: 'listen (?:tcp|udp)[46]? (?P<address>\S+): bind: address already in use'
  - id: node
    in: [container-log, status]
    pattern: 'listen EADDRINUSE: address already in use (?P<address>\S+)'
  - id: nginx
    in: [container-log, status]
    pattern: 'bind\(\) to (?P<address>\S+) failed \(98: Address (?:already )?in use\)'
  - id: spring
    in: [container-log, status]
    pattern: '(?:Web server failed to start\. Port (?P<port>\d+) was already in use|[Pp]ort (?P<other>\d+) is already in use)'
  - id: java
    in: [container-log, status]
    pattern: 'java\.net\.BindException: (?:Address (?:already )?in use|Failed to bind to)'
  - id: python
    in: [container-log, status]
    pattern: '\[Errno 98\] (?:Address already in use|error while attempting to bind on address \(\''[^\'']*\'', (?P<port>\d+))'
  - id: gunicorn
    in: [container-log, status]
    pattern: 'Connection in use: \(''[^'']*'', (?P<port>\d+)\)'
  - id: apache
    in: [container-log, status]
    pattern: 'could not bind to address (?P<address>\S+)'
  - id: redis
    in: [container-log, status]
    pattern: 'Could not create server TCP listening socket (?P<address>\S+): bind: Address (?:already )?in use'
  - id: haproxy
    in: [container-log, status]
    pattern: 'cannot bind socket \(Address already in use\)(?: for)? \[?(?P<address>[\d.:]+)'
  - id: dotnet
    in: [container-log, status]
    pattern: 'Failed to bind to address (?P<address>\S+): address already in use'
  - id: ruby
    in: [container-log, status]
    pattern: 'Address already in use - bind\(2\) for "?(?P<address>[^"(]+?)"?(?: port (?P<port>\d+)| \(Errno)'
  - id: rust
    in: [container-log, status]
    pattern: 'Address (?:already )?in use \(os error 98\)'
  - id: envoy
    in: [container-log, status]
    pattern: 'cannot bind ''(?P<address>[\d.:]+)'': Address already in use'
  - id: plain
    in: [container-log, status]
    pattern: '(?:bind|listen)[^\n]{0,80}[Aa]ddress already in use'
  - id: event
    in: [container-log, status]
    pattern: 'host port[s]? (?P<port>\d+) (?:is|are) already (?:in use|allocated)'
  # php-src sapi/fpm/fpm_sockets.c
  - id: php-fpm
    in: [container-log, status]
    pattern: 'unable to bind listening socket for address ''(?P<address>[^'']+)'': Address (?:already )?in use'
  # django runserver.py, mysqld, Erlang
  - id: others
    in: [container-log, status]
    pattern: '(?:Error: That port is already in use|Bind on TCP/IP port: Address already in use|\beaddrinuse\b|Address ''(?P<address>[^'']+)'' already in use)'
finds:
  subject: application
  confidence: confirmed
  only_while_failing: true
check:
  zh: '容器是否因端口已被占用而退出'
  en: 'whether a container ends because its port is taken'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{% if address is defined %}{{ address }}{% elif port is defined %}端口 {{ port }}{% else %}端口{% endif %}已被占用，{% if container %}容器 {{ container }} {% else %}容器{% endif %}无法监听{% if holder %}：节点 {{ node }} 上的 {{ holder }} 占用了它{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {% if address is defined %}{{ address }}{% elif port is defined %}port {{ port }}{% else %}a port{% endif %} is taken, so {% if container %}container {{ container }}{% else %}its container{% endif %} cannot listen{% if holder %}: {{ holder }} of node {{ node }} holds it{% endif %}'
cause:
  zh: '应用写出 {{ said }}：同一网络命名空间里（同一 Pod 的另一个容器，或使用 hostNetwork 时节点上的进程）{% if holder %}{{ holder }} 已在节点 {{ node }} 的 {{ listens }} 上监听{% else %}已有程序监听这个端口{% endif %}。容器{% if exit_code %}以退出码 {{ exit_code }} {% endif %}结束，已重启 {{ restarts }} 次。'
  en: 'the application wrote {{ said }}: {% if holder %}{{ holder }} of node {{ node }} listens on {{ listens }} already, in the same network namespace{% else %}something in the same network namespace (another container of the pod, or with hostNetwork a process of the node) listens there already{% endif %}. The container ends{% if exit_code %} with exit code {{ exit_code }}{% endif %}, {{ restarts|restarts }}.'
causes:
  - rule: nodelocaldns-unhealthy
    ground: workload
    mechanism: {zh: "它不能监听查询的地址", en: "it cannot listen where queries go"}
  - rule: coredns-pod-unhealthy
    ground: workload
    mechanism: {zh: "它不能监听查询的端口", en: "it cannot listen on the port of queries"}
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
  - zh: '重启瞬间旧进程尚未释放端口，一次之后成功不算'
    en: 'once, while the old process still holds the port at a restart, does not count'
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
      zh: '查看同一 Pod 的容器与它们的端口、是否 hostNetwork'
      en: 'see the containers of the pod, their ports, and whether it uses hostNetwork'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get {{ subject.kind|lower }} {{ subject.name }} -o jsonpath=''{.spec.template.spec.hostNetwork} {.spec.template.spec.containers[*].ports}'''
    expect:
      zh: '两个容器使用同一端口，或 hostNetwork 为 true'
      en: 'two containers with one port, or hostNetwork true'
    verify:
      zh: '找到占用者'
      en: 'the other listener is known'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '为其中一个改用另一个端口（或停止节点上占用它的进程），然后滚动重启'
      en: 'give one of the two another port (or stop the process of the node), then restart'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: '应用启动后日志不再出现该错误，Pod 就绪'
      en: 'the log no longer shows the error after a restart and the pod is ready'
    rollback:
      zh: '恢复修改前的值并再次滚动重启'
      en: 'put the former value back and restart again'
prevention:
  - kind: prevent
    text:
      zh: '在清单检查中拒绝同一 Pod 内重复的 containerPort，并登记 hostNetwork 使用的端口'
      en: 'refuse manifests with one containerPort twice in a pod and register the ports used with hostNetwork'
    acceptance:
      zh: '重复端口的清单在流水线中失败'
      en: 'a manifest with a repeated port fails in the pipeline'
  - kind: detect
    text:
      zh: '对该工作负载不可用持续 5 分钟告警'
      en: 'alert when the workload is unavailable for 5 minutes'
    acceptance:
      zh: '在测试环境重现该故障，按时收到告警'
      en: 'the alert arrives in time when the fault is made in a test environment'
sources:
  - 'linux include/uapi/asm-generic/errno.h EADDRINUSE'
  - 'golang net/sock_posix.go'
  - 'nginx src/core/ngx_connection.c'
  - 'spring-boot PortInUseFailureAnalyzer'
  - 'libuv EADDRINUSE'
  - 'benoitc/gunicorn gunicorn/sock.py'
  - 'php-src sapi/fpm/fpm_sockets.c'
  - 'django runserver.py, mysqld, Erlang'
versions: 'any'
examples:
  - name: 'a process of the node holds the port of a pod with hostNetwork'
    files:
      'pods.txt': |
        NAMESPACE     NAME                 READY   STATUS             RESTARTS      AGE   IP           NODE
        kube-system   node-cache-gkpt8     0/1     CrashLoopBackOff   7 (90s ago)   41m   10.200.1.3   n3
        kube-system   node-cache-x2x4z     1/1     Running            0             9d    10.200.1.2   n2
      'node-cache-gkpt8.log': |
        Listen: listen tcp 169.254.20.10:53: bind: address already in use
      'n3/ss-lntup.txt': |
        Netid State  Recv-Q Send-Q    Local Address:Port  Peer Address:Port Process
        tcp   LISTEN 0      32              0.0.0.0:53         0.0.0.0:*    users:(("dnsmasq",pid=118202,fd=5))
        tcp   LISTEN 0      128             0.0.0.0:22         0.0.0.0:*    users:(("sshd",pid=902,fd=3))
    fires:
      - {kind: 'DaemonSet', namespace: 'kube-system', name: 'node-cache'}
  - name: 'a DaemonSet pod cannot listen on the node'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        node-metrics-hl8dk                0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        node-metrics-7bswq                1/1     Running            0             41m
      'node-metrics-hl8dk.log': |
        level=ERROR msg="listen tcp :9100: bind: address already in use"
    fires:
      - {kind: 'DaemonSet', namespace: 'shop', name: 'node-metrics'}
  - name: 'a sidecar holds the port; objects'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}]}'
      'logs/web-0.log': |
        Error: listen EADDRINUSE: address already in use :::8080
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'web'}
  - name: 'ready after one collision'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        web-6dcfb9577c-hq4tr              1/1     Running            0             41m
      'web.log': |
        listen tcp :8080: bind: address already in use
        listen tcp :8080: bind: address already in use
        listening
  - name: 'PHP-FPM and Django'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        billing-5d9b66ccf4-2dzqv          0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        ERROR: unable to bind listening socket for address '127.0.0.1:9000': Address already in use (98)
      'billing-5d9b66ccf4-2dzqv.log': |
        starting
        Error: That port is already in use.
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'Deployment', namespace: 'shop', name: 'billing'}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut findings = judge(input, rule, subjects);
    for finding in &mut findings {
        let found = holder(input.snapshot, finding);
        let (node, listener) = match &found {
            Some((node, listener)) => (node.as_str(), Some(*listener)),
            None => ("", None),
        };
        let listens = listener.map_or(String::new(), |listener| {
            format!("{}:{}", listener.address, listener.port)
        });
        let holder = listener.map_or("", |listener| listener.process.as_str());
        for (name, value) in [("holder", holder), ("node", node), ("listens", listens.as_str())] {
            finding.facts.insert(name.to_owned(), value.into());
        }
        if let Some((node, listener)) = found {
            finding.add_cite(listener.cite.clone());
            finding.touches.insert(Touch::new(Ground::Node, node));
        }
    }
    findings
}

/// The process of a node that listens on the port. Only pods with hostNetwork share the ports of their node, and such pods have its
/// address; where their own form does not tell, that they fail on one node alone does.
fn holder<'s>(snapshot: &'s Snapshot, finding: &Finding) -> Option<(String, &'s Listener)> {
    let text = |name: &str| finding.facts.get(name).and_then(|value| value.as_str());
    let port: u16 = text("port")
        .or_else(|| text("address")?.rsplit(':').next())
        .and_then(|port| port.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok())?;
    let pod_name = text("pod")?;
    let pod = snapshot.pods().find(|pod| pod.name() == pod_name)?;
    let host = snapshot
        .hosts
        .iter()
        .find(|host| host.node_name() == pod.node() && !pod.node().is_empty())?;
    let is_own = |listener: &&Listener| {
        let container = text("container").unwrap_or("");
        listener.process.is_empty() || listener.process == container
    };
    let listener = host
        .tools
        .listeners
        .iter()
        .filter(|listener| !is_own(listener))
        .find(|listener| listener.port == port)?;
    Some((pod.node().to_owned(), listener))
}
