//! An application cannot reach a peer that it names. Data stores are told apart: see `app_database_unreachable`.

use crate::rules::toolbox::complaints::{Complaint, complaints, findings};
use crate::rules::toolbox::mentions::mentioned;
use crate::rules::toolbox::speakers::State;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-upstream-refused
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: go
    in: [container-log, status]
    pattern: 'dial (?:tcp|udp) (?P<peer>[\w.\[\]:-]+): (?:connect: |i/o )?(?P<reason>connection refused|timeout|no route to host|network is unreachable|connection timed out|connection reset by peer)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: go-read
    in: [container-log, status]
    pattern: '(?:read|write) tcp [\d.:\[\]a-f]+->(?P<peer>[\d.:\[\]a-f]+): (?:read: |write: |i/o )?(?P<reason>connection reset by peer|broken pipe|timeout)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: node
    in: [container-log, status]
    pattern: 'connect (?P<reason>ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ECONNRESET) (?P<peer>[\w.:-]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: node-reset
    in: [container-log, status]
    pattern: '(?P<reason>read ECONNRESET|socket hang up)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: nginx
    in: [container-log, status]
    pattern: 'connect\(\) failed \(\d+: (?P<reason>[^)]+)\) while connecting to upstream.*upstream: "(?:\w+://)?(?P<peer>[^"/]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: nginx-timeout
    in: [container-log, status]
    pattern: '(?P<reason>upstream timed out) \(110: [^)]*\) while (?:connecting to|reading response header from) upstream.*upstream: "(?:\w+://)?(?P<peer>[^"/]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: nginx-reset
    in: [container-log, status]
    pattern: 'recv\(\) failed \(104: (?P<reason>Connection reset by peer)\) while reading response header from upstream.*upstream: "(?:\w+://)?(?P<peer>[^"/]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: nginx-closed
    in: [container-log, status]
    pattern: 'upstream (?P<reason>prematurely closed connection) while reading response header from upstream.*upstream: "(?:\w+://)?(?P<peer>[^"/]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: nginx-live
    in: [container-log, status]
    pattern: '(?P<reason>no live upstreams) while connecting to upstream.*upstream: "(?:\w+://)?(?P<peer>[^"/]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: apache-client
    in: [container-log, status]
    pattern: 'Connect to (?:https?://)?(?P<peer>[\w.-]+:\d+) \[[^\]]*\] failed: (?P<reason>Connection refused|[Cc]onnect timed out|Connection timed out|Read timed out)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: netty
    in: [container-log, status]
    pattern: '(?P<reason>Connection refused|connection timed out|Connection reset)(?: by peer)?: (?:no further information: )?(?P<peer>[\w.-]*/[\d.]+:\d+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: java
    in: [container-log, status]
    pattern: 'java\.net\.(?:ConnectException|SocketException|NoRouteToHostException|SocketTimeoutException): (?P<reason>Connection refused|Connection timed out|Connection reset|No route to host|[Cc]onnect timed out|Read timed out)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: feign
    in: [container-log, status]
    pattern: '(?P<reason>Connection refused|Read timed out|connect timed out) executing \w+ https?://(?P<peer>[\w.:-]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: spring-rest
    in: [container-log, status]
    pattern: 'I/O error on \w+ request for "https?://(?P<peer>[\w.:-]+)[^"]*": (?P<reason>[^;\n]{3,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: urllib
    in: [container-log, status]
    pattern: 'HTTPS?ConnectionPool\(host=''(?P<host>[^'']+)'', port=(?P<port>\d+)\).*(?P<reason>Connection refused|timed out|No route to host|Connection reset by peer)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: python
    in: [container-log, status]
    pattern: '(?P<reason>ConnectionRefusedError: \[Errno 111\]|ConnectionResetError: \[Errno 104\]|\[Errno 111\] Connection refused|\[Errno 113\] No route to host)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: aiohttp
    in: [container-log, status]
    pattern: 'Cannot connect to host (?P<peer>[\w.-]+:\d+) ssl:[^\[]*\[(?P<reason>[^\]]+)\]'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: curl
    in: [container-log, status]
    pattern: '(?:Failed to connect to|connect to) (?P<host>[\w.-]+) (?:\([^)]*\) )?port (?P<port>\d+)[^\n]*(?P<reason>Connection refused|Connection timed out|No route to host|Could not connect to server|Couldn\''t connect)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: wget
    in: [container-log, status]
    pattern: 'can''t connect to remote host(?: \((?P<peer>[\d.]+)\))?: (?P<reason>Connection refused|Connection timed out|No route to host|Host is unreachable)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: ruby
    in: [container-log, status]
    pattern: 'Failed to open TCP connection to (?P<peer>[\w.-]+:\d+) \((?P<reason>Connection refused|execution expired|No route to host)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: dotnet
    in: [container-log, status]
    pattern: '(?P<reason>Connection refused|Connection timed out|No route to host) \((?P<peer>[\w.-]+:\d+)\)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: rust
    in: [container-log, status]
    pattern: '(?:error sending request for url \(https?://(?P<peer>[\w.:-]+)[^\n]*|tcp connect error: )(?P<reason>Connection refused|operation timed out|No route to host)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: php
    in: [container-log, status]
    pattern: '(?:stream_socket_client|fsockopen|cURL error (?:7|28))[^\n]*?(?:(?:to|connect to) (?:tcp://)?(?P<host>[\w.-]+?)(?: port |:)(?P<port>\d+))[^\n]*(?P<reason>Connection refused|timed out|Operation timed out)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: haproxy
    in: [container-log, status]
    pattern: 'Server (?P<backend>\S+/\S+) is DOWN, reason: (?P<reason>Layer\d [^,\n]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: haproxy-backend
    in: [container-log, status]
    pattern: 'backend ''?(?P<backend>\S+?)''? has no server available'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: envoy
    in: [container-log, status]
    pattern: 'upstream connect error or disconnect/reset before headers\.[^\n]*?reset reason: (?P<reason>[\w ]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: grpc
    in: [container-log, status]
    pattern: '(?:code = Unavailable desc = |StatusCode\.UNAVAILABLE|14 UNAVAILABLE: )[^\n]{0,200}?(?:failed to connect to all addresses|No connection established|connection error)[^\n]*?(?:ipv4:|dial tcp )?(?P<peer>\d+\.\d+\.\d+\.\d+:\d+)?[^\n]*(?P<reason>[Cc]onnection refused|i/o timeout|timed out|Connection reset)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: go-timeout
    in: [container-log, status]
    pattern: '(?:Get|Post|Put|Head|Patch|Delete|GET|POST|PUT) \\*"https?://(?P<peer>[\w.:-]+)[^\n]*?(?P<reason>context deadline exceeded|net/http: request canceled|net/http: timeout awaiting response headers|: EOF\b|server closed idle connection)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: thrift
    in: [container-log, status]
    pattern: 'Could not connect to any of \[\(u?''(?P<host>[\w.-]+)'', (?P<port>\d+)\)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: thrift-cpp
    in: [container-log, status]
    pattern: '<Host: (?P<host>[\w.-]+) Port: (?P<port>\d+)>:? ?(?P<reason>Connection refused|Connection timed out|No route to host|[^\n]{3,60})'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: okhttp
    in: [container-log, status]
    pattern: 'Failed to connect to (?P<peer>[\w.-]*/[\d.]+:\d+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: ruby-connect
    in: [container-log, status]
    pattern: '(?P<reason>Connection refused|Connection timed out|No route to host|Connection reset by peer) - connect\(2\) for "?(?P<host>[\w.-]+)"? port (?P<port>\d+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: guzzle
    in: [container-log, status]
    pattern: 'cURL error (?:7|28|52|56): (?P<reason>[^(\n]{3,100}?) \(see [^)]*\) for https?://(?P<peer>[\w.:-]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: erlang
    in: [container-log, status]
    pattern: 'to_address,\{"(?P<host>[\w.-]+)",(?P<port>\d+)\}\}[^\n]*?(?P<reason>econnrefused|ehostunreach|etimedout|timeout)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: reqwest
    in: [container-log, status]
    pattern: '(?P<reason>error sending request) for url \(https?://(?P<peer>[\w.:-]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: httpx
    in: [container-log, status]
    pattern: '(?P<reason>httpx\.(?:ConnectError|ConnectTimeout|ReadTimeout)|httpcore\.(?:ConnectError|ConnectTimeout|ReadTimeout))'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: dotnet-grpc
    in: [container-log, status]
    pattern: '(?P<reason>Error connecting to subchannel|Error starting gRPC call)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: grpc-peer
    in: [container-log, status]
    pattern: '(?:UNAVAILABLE|Unavailable|failed to connect to all addresses)[^\n]{0,240}?(?:ipv4:|dial tcp )(?:%3[Aa])?(?P<peer>\d+\.\d+\.\d+\.\d+:\d+)[^\n]*?(?P<reason>[Cc]onnection refused|i/o timeout|timed out|Connection reset|no route to host)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: grpc-none
    in: [container-log, status]
    pattern: '(?P<reason>name resolver error: produced zero addresses|last resolver error: produced zero addresses|no children to pick from)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: envoy-access
    in: [container-log, status]
    pattern: '" (?P<status>50[34]) (?P<reason>(?:UF|UH|UO|UT|UC|URX|UPE|LR)[,A-Z]*) [^\n]*outbound\|(?P<port>\d+)\|[\w-]*\|(?P<host>[\w.-]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: envoy-json
    in: [container-log, status]
    pattern: '"response_flags":"(?P<reason>(?:UF|UH|UO|UT|UC|URX|UPE|LR)[,A-Z]*)"[^\n]*"upstream_cluster":"outbound\|(?P<port>\d+)\|[\w-]*\|(?P<host>[\w.-]+)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: envoy-json-cluster
    in: [container-log, status]
    pattern: '"upstream_cluster":"outbound\|(?P<port>\d+)\|[\w-]*\|(?P<host>[\w.-]+)"[^\n]*"response_flags":"(?P<reason>(?:UF|UH|UO|UT|UC|URX|UPE|LR)[,A-Z]*)"'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: envoy-none
    in: [container-log, status]
    pattern: '(?P<reason>no healthy upstream)\b'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: wait
    in: [container-log, status]
    pattern: '(?P<peer>[\w.-]+:\d+)(?: is)? (?P<reason>not (?:yet )?(?:reachable|available|ready)|unreachable|refused the connection|timed out)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: bash
    in: [container-log, status]
    pattern: '/dev/tcp/(?P<peer>[\w.-]+/\d+): (?P<reason>Connection refused|Connection timed out)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  - id: status-503
    in: [container-log, status]
    pattern: '(?P<reason>503 Service (?:Temporarily )?Unavailable|502 Bad Gateway|504 Gateway Time-?out) (?:from|for url|for|while calling|on \w+)[: ]+(?:(?:GET|POST|PUT|DELETE|PATCH|HEAD) )?(?:https?://)?(?P<peer>[\w.-]+(?::\d+)?)'
    unless: '(?i)kube-probe|[Pp]robe failed|kubelet|plugin/|ETCD|etcdserver'
  # botocore exceptions.py
  - id: botocore
    in: [container-log, status]
    pattern: '(?P<reason>Could not connect to the endpoint|Connect timeout on endpoint|Read timeout on endpoint) URL: "https?://(?P<peer>[\w.:-]+)'
  # httpclient DefaultHttpResponseParser.java
  - id: apache-silent
    in: [container-log, status]
    pattern: 'NoHttpResponseException: (?P<peer>[\w.-]+:\d+) (?P<reason>failed to respond)'
  # OkHttp Http1ExchangeCodec.kt
  - id: okhttp-end
    in: [container-log, status]
    pattern: '(?P<reason>unexpected end of stream) on https?://(?P<peer>[\w.:-]+)'
  # httpd modules/proxy/proxy_util.c
  - id: httpd-proxy
    in: [container-log, status]
    pattern: 'AH00957: \S+ ?(?P<reason>attempt to connect) to (?P<peer>[\d.:\[\]a-f]+) \((?P<named>[^)]+)\) failed|AH01114: \S+ failed to make connection to backend: (?P<host>[\w.-]+)'
  # undici lib/core/errors.js
  - id: undici
    in: [container-log, status]
    pattern: '(?P<reason>Connect Timeout Error|UND_ERR_(?:CONNECT_TIMEOUT|SOCKET|HEADERS_TIMEOUT|BODY_TIMEOUT)|Headers Timeout Error|Body Timeout Error|SocketError: other side closed)(?:[^\n]{0,60}?attempted address(?:es)?: (?P<peer>[\w.-]+:\d+))?'
  # aiohttp, http.client, httpcore
  - id: python-cut
    in: [container-log, status]
    pattern: '(?P<reason>ServerDisconnectedError|RemoteDisconnected\(''Remote end closed connection without response''\)|Server disconnected without sending a response|Connection aborted\.'', ConnectionResetError)'
  # reactor-netty, grpc-java
  - id: java-cut
    in: [container-log, status]
    pattern: '(?P<reason>PrematureCloseException: Connection prematurely closed|UNAVAILABLE: io exception|UNAVAILABLE: (?:Network closed for unknown reason|Keepalive failed))'
  # spring-cloud-openfeign FeignBlockingLoadBalancerClient.java
  - id: spring-cloud
    in: [container-log, status]
    pattern: '(?P<reason>Load balancer does not contain an instance) for the service (?P<host>[\w.-]+)'
  # dotnet System.Net.Http
  - id: dotnet-cut
    in: [container-log, status]
    pattern: '(?P<reason>The response ended prematurely)'
  # hyper, tonic
  - id: rust-cut
    in: [container-log, status]
    pattern: '(?P<reason>connection closed before message completed|transport error: error trying to connect|ConnectError\("tcp connect error"[^\n]{0,80}|error trying to connect: tcp connect error)'
  # grpc-go http2_client.go
  - id: grpc-cut
    in: [container-log, status]
    pattern: 'code = Unavailable desc = (?P<reason>error reading from server: EOF|closing transport due to: [^\n]{1,80}|the connection is draining)'
  # grpc-node
  - id: grpc-node
    in: [container-log, status]
    pattern: '14 UNAVAILABLE: (?P<reason>No connection established|Connection dropped|read ECONNRESET)'
  # curl lib/strerror.c
  - id: curl-cut
    in: [container-log, status]
    pattern: 'curl: \((?:52|56)\) (?P<reason>Empty reply from server|Recv failure: Connection reset by peer)'
  # ruby net/protocol.rb
  - id: ruby-cut
    in: [container-log, status]
    pattern: '(?P<reason>Net::OpenTimeout(?:: |\b)|Errno::ECONNRESET|Errno::EHOSTUNREACH)'
  # nginx to PHP-FPM or a WSGI server over a socket file
  - id: php-socket
    in: [container-log, status]
    pattern: 'connect\(\) to (?P<backend>unix:\S+) failed \((?P<reason>\d+: [^)]+)\) while connecting to upstream'
finds:
  subject: application
  confidence: confirmed
  clients_only: true
  out_of_reach: true
check:
  zh: '应用调用的对端是否拒绝、重置连接或不应答'
  en: 'whether a peer that an application calls refuses, resets or does not answer'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：调用的对端{% if peer %} {{ peer }}{% elif backend is defined %} {{ backend }}{% endif %} 连接失败{% if reason is defined %}（{{ reason }}）{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the peer{% if peer %} {{ peer }}{% elif backend is defined %} {{ backend }}{% endif %} that it calls cannot be reached{% if reason is defined %} ({{ reason }}){% endif %}'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：{% if local %}同一个 Pod 里没有程序在这个地址与端口上监听。{% elif gone is defined and gone %}这个地址在 Pod 的网段里，却不属于任何 Pod，而同样的端口现在由别的地址提供：它仍在使用一个已不存在的 Pod 的地址（启动时解析一次的 Headless 名称、长期缓存的解析结果或连接池）。{% else %}对端地址已知，但那里没有程序接受连接，或连接被中途断开。{% endif %}{% if crashing %}容器因此{% if exit_code %}以退出码 {{ exit_code }} {% endif %}结束，已重启 {{ restarts }} 次。{% endif %}'
  en: 'the application wrote {{ said }} ({{ times|times }}): {% if local %}nothing in the same pod listens at that address and port.{% elif gone is defined and gone %}the address is out of the range of pods and belongs to none, while another address now serves that port: it holds on to the address of a pod that is gone (a headless name that was resolved once at start, an answer that is cached for ever, a pool of connections).{% else %}the address is known, but nothing accepts connections there, or they are cut off.{% endif %}{% if crashing %} The container ends over it{% if exit_code %} with exit code {{ exit_code }}{% endif %}, {{ restarts|restarts }}.{% endif %}'
causes:
  - rule: app-config-invalid
    ground: workload
    mechanism:
      zh: '配置里的这一项使它不能启动'
      en: 'this setting keeps it from starting'
  - rule: app-migration-failed
    ground: workload
    mechanism:
      zh: '迁移连不上或用不了数据库'
      en: 'the migration cannot reach or use its database'
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
  - rule: service-unreachable
    ground: workload
    mechanism: {zh: "客户端据此写出连接失败", en: "its clients write that connections fail"}
benign:
  - zh: '启动顺序造成的几次重试，成功之后不算'
    en: 'retries at start until the peer is up do not count once they succeed'
  - zh: '对端滚动更新的瞬间出现一次是正常的'
    en: 'once, while the peer is being rolled, is normal'
  - zh: '对端自身的故障才是原因，这里只是它的表现'
    en: 'where the peer itself is in trouble, that is the cause and this its effect'
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
      zh: '查看对端的 Service 与端点'
      en: 'look at the peer''s Service and endpoints'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get service,endpoints -o wide'
    expect:
      zh: '该端口有就绪的端点'
      en: 'ready endpoints at that port'
    verify:
      zh: '确认是端口写错、没有端点，还是对端不监听'
      en: 'known: the wrong port, no endpoint, or nothing listens'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '改正应用里的地址与端口（或使对端监听该端口），然后滚动重启'
      en: 'correct address and port in the application (or let the peer listen there), then restart'
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
      zh: '在流水线中把应用与它的依赖一起启动一次'
      en: 'start the application with its dependencies once in the pipeline'
    acceptance:
      zh: '端口写错的版本在流水线中失败'
      en: 'a release with a wrong port fails there'
  - kind: detect
    text:
      zh: '对该工作负载不可用持续 5 分钟告警'
      en: 'alert when the workload is unavailable for 5 minutes'
    acceptance:
      zh: '在测试环境重现该故障，按时收到告警'
      en: 'the alert arrives in time when the fault is made in a test environment'
sources:
  - 'golang net.OpError, syscall ECONNREFUSED'
  - 'libuv ECONNREFUSED'
  - 'nginx src/http/ngx_http_upstream.c, src/os/unix/ngx_recv.c'
  - 'apache httpcomponents HttpHostConnectException'
  - 'netty AbstractChannel.AnnotatedConnectException'
  - 'urllib3 connectionpool.py'
  - 'curl lib/connect.c'
  - 'haproxy src/server.c'
  - 'envoy source/common/router/router.cc'
  - 'grpc src/core; grpc-go resolver and balancer errors; grpc-dotnet Subchannel'
  - 'envoy access log response flags (UF, UH, UT, UC…); istio cluster names outbound|port|subset|host'
  - 'thrift TSocket.py, TSocket.cpp; okhttp ConnectPlan; guzzle CurlFactory; erlang httpc; reqwest error.rs; httpx _exceptions.py'
  - 'botocore exceptions.py'
  - 'httpclient DefaultHttpResponseParser.java'
  - 'OkHttp Http1ExchangeCodec.kt'
  - 'httpd modules/proxy/proxy_util.c'
  - 'undici lib/core/errors.js'
  - 'aiohttp, http.client, httpcore'
  - 'reactor-netty, grpc-java'
  - 'spring-cloud-openfeign FeignBlockingLoadBalancerClient.java'
  - 'dotnet System.Net.Http'
  - 'hyper, tonic'
  - 'grpc-go http2_client.go'
  - 'grpc-node'
  - 'curl lib/strerror.c'
  - 'ruby net/protocol.rb'
  - 'nginx to PHP-FPM or a WSGI server over a socket file'
versions: 'any'
examples:
  - name: 'a proxy holds on to the address of a pod that is gone'
    files:
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE    IP           NODE   NOMINATED NODE   READINESS GATES
        forum       edge-86c6cd8f8-g9djl     1/1     Running   0          21d    10.42.2.39   n2     <none>           <none>
        forum       media-5b87b94dd-59njg    1/1     Running   0          3h4m   10.42.3.37   n3     <none>           <none>
      'endpoints.txt': |
        NAMESPACE   NAME    ENDPOINTS         AGE
        forum       media   10.42.3.37:8080   260d
      'edge-86c6cd8f8-g9djl.log': |
        2026/07/14 16:22:16 [error] 31#30: *828561 connect() failed (113: Host is unreachable) while connecting to upstream, client: 10.42.0.1, server: _, request: "GET /m/1 HTTP/1.1", upstream: "http://10.42.3.26:8080/m/1", host: "forum.test"
        2026/07/14 16:24:45 [error] 31#32: *807767 connect() failed (113: Host is unreachable) while connecting to upstream, client: 10.42.0.1, server: _, request: "GET /m/2 HTTP/1.1", upstream: "http://10.42.3.26:8080/m/2", host: "forum.test"
        2026/07/14 16:27:44 [error] 29#31: *863642 connect() failed (113: Host is unreachable) while connecting to upstream, client: 10.42.0.1, server: _, request: "GET /m/3 HTTP/1.1", upstream: "http://10.42.3.26:8080/m/3", host: "forum.test"
    fires:
      - {kind: 'Deployment', namespace: 'forum', name: 'edge'}
  - name: 'nginx and a FastCGI port that nobody serves'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        cms-php-5d9b66ccf4-2dzqv          2/2     Running            0             41m
      'cms-php-5d9b66ccf4-2dzqv_nginx.log': |
        2025/03/11 18:59:11 [error] 22#22: *4187 connect() failed (111: Connection refused) while connecting to upstream, client: 10.52.3.1, server: www, request: "GET / HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "www"
        2025/03/11 18:59:11 [error] 22#22: *4187 connect() failed (111: Connection refused) while connecting to upstream, client: 10.52.3.1, server: www, request: "GET / HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "www"
        2025/03/11 18:59:11 [error] 22#22: *4187 connect() failed (111: Connection refused) while connecting to upstream, client: 10.52.3.1, server: www, request: "GET / HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "www"
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'cms-php'}
  - name: 'a sidecar writes the cluster that did not answer'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        web-5d9b66ccf4-2dzqv              2/2     Running            0             41m
      'web-5d9b66ccf4-2dzqv_istio-proxy.log': |
        [2026-03-11T18:59:11.070Z] "GET /holds HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "-" 0 91 4 - "-" "curl" "id" "holds:3002" "10.244.1.7:3002" outbound|3002||holds.shop.svc.cluster.local - 10.96.0.9:3002 10.244.0.4:40044 - default
        [2026-03-11T18:59:12.070Z] "GET /holds HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "-" 0 91 4 - "-" "curl" "id" "holds:3002" "10.244.1.7:3002" outbound|3002||holds.shop.svc.cluster.local - 10.96.0.9:3002 10.244.0.4:40044 - default
        [2026-03-11T18:59:13.070Z] "GET /holds HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "-" 0 91 4 - "-" "curl" "id" "holds:3002" "10.244.1.7:3002" outbound|3002||holds.shop.svc.cluster.local - 10.96.0.9:3002 10.244.0.4:40044 - default
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'web'}
  - name: 'callers of other stacks: Thrift, Guzzle, Ruby, Go'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        feed-5d9b66ccf4-2dzqv             1/1     Running            0             41m
        shop        site-5d9b66ccf4-2dzqv             1/1     Running            0             41m
        shop        mail-5d9b66ccf4-2dzqv             1/1     Running            0             41m
        shop        till-5d9b66ccf4-2dzqv             1/1     Running            0             41m
      'feed-5d9b66ccf4-2dzqv.log': |
        ERROR fanout aborted: thrift.transport.TTransport.TTransportException: Could not connect to any of [('10.96.78.92', 9105)]
        ERROR fanout aborted: thrift.transport.TTransport.TTransportException: Could not connect to any of [('10.96.78.92', 9105)]
      'site-5d9b66ccf4-2dzqv.log': |
        production.ERROR: Search failed: cURL error 28: Operation timed out after 5001 milliseconds with 0 bytes received (see https://curl.haxx.se/libcurl/c/libcurl-errors.html) for http://offers:8100/v1
        production.ERROR: Search failed: cURL error 28: Operation timed out after 5001 milliseconds with 0 bytes received (see https://curl.haxx.se/libcurl/c/libcurl-errors.html) for http://offers:8100/v1
      'mail-5d9b66ccf4-2dzqv.log': |
        E, [2026-03-11T18:59:11.1 #1] ERROR -- : Errno::ECONNREFUSED: Connection refused - connect(2) for "offers" port 8100
        E, [2026-03-11T18:59:12.1 #1] ERROR -- : Errno::ECONNREFUSED: Connection refused - connect(2) for "offers" port 8100
      'till-5d9b66ccf4-2dzqv.log': |
        level=error msg="quote failed" error="Get \"http://quotes:8105/quote\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        level=error msg="quote failed" error="Get \"http://quotes:8105/quote\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'feed'}
      - {kind: 'Deployment', namespace: 'shop', name: 'site'}
      - {kind: 'Deployment', namespace: 'shop', name: 'mail'}
      - {kind: 'Deployment', namespace: 'shop', name: 'till'}
  - name: 'a pod ends over it; objects'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": true}]}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": false, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}]}'
      'logs/web-0.log': |
        Error: connect ECONNREFUSED 10.96.4.2:8080
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'web'}
  - name: 'retries until the peer was up'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        till-0                            1/1     Running            0             41m
      'till-0.log': |
        ledger not reachable yet (connection refused), retrying
        connected to ledger:7000
        till ready
  - name: 'a database is another rule''s'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        api-5d9b66ccf4-2dzqv              0/1     CrashLoopBackOff   7 (90s ago)   41m
      'api.log': |
        FATAL dial tcp 10.96.4.9:5432: connect: connection refused
  - name: 'broken three times in three days, and on again each time'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running            0             41d
      'logs/shop/orders-6bdf8c9d7-jd5lx/orders.log': |
        2026-03-30T15:52:00Z ERROR read tcp 10.244.0.9:41220->20.61.44.10:443: read: connection reset by peer
        2026-03-30T15:52:01Z INFO connected
        2026-03-31T23:22:00Z ERROR read tcp 10.244.0.9:41220->20.61.44.10:443: read: connection reset by peer
        2026-03-31T23:22:01Z INFO connected
        2026-04-02T06:32:00Z ERROR read tcp 10.244.0.9:41220->20.61.44.10:443: read: connection reset by peer
        2026-04-02T06:32:01Z INFO connected
  - name: 'calls that other clients lose'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        billing-5d9b66ccf4-2dzqv          0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        stock-7c5ddbdf54-x7k2v            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "http://payments:9000/bucket"
      'billing-5d9b66ccf4-2dzqv.log': |
        starting
        feign: Load balancer does not contain an instance for the service payments
      'stock-7c5ddbdf54-x7k2v.log': |
        starting
        org.apache.http.NoHttpResponseException: payments:80 failed to respond
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'Deployment', namespace: 'shop', name: 'billing'}
      - {kind: 'Deployment', namespace: 'shop', name: 'stock'}
"##;

/// A host that is asked for its health, or a proxy without a name for its peer, still counts; a data store is another failure.
pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut mine = complaints(input.snapshot, &|id| id.starts_with("app-upstream-refused/"), subjects);
    // A workload that is ready may lose a client now and then; without a peer's name that is what such a line is about.
    let names_a_peer = |complaint: &Complaint<'_>| {
        !complaint.peer().host.is_empty()
            || complaint.captures.contains_key("backend")
            || complaint.line.contains("upstream")
            || !mentioned(input.snapshot, &complaint.speaker.workload, &complaint.line).is_empty()
    };
    mine.retain(|complaint| {
        !complaint.peer().is_data_store() && (complaint.speaker.state != State::Well || names_a_peer(complaint))
    });
    findings(input, rule, mine)
}
