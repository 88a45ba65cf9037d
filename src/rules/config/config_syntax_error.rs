//! A program refuses its configuration file for an error of syntax.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::bundle::decode::{Form, parse_yaml};
use crate::cluster::{Hit, Object, ObjectKey, Snapshot};
use crate::logs::{LineHit, Stream, clean_line};
use crate::model::{Confidence, ProblemKind, Subject, escaped};
use crate::rules::toolbox::complaints::WORKLOADS;
use crate::rules::toolbox::nodes::{ends_log, is_ready, node_of, persists, touch_pods};
use crate::rules::toolbox::uses::{Use, uses};
use crate::rules::toolbox::{add_hit, own_hits, pod_is_failing};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: config-syntax-error
role: cause
level: critical
needs: [container-logs|kubelet-log|containerd-log|dockerd-log|configmaps]
text:
  - id: yaml
    pattern: "(?:(?P<file>[\\w/-][\\w./-]*\\.(?:ya?ml|conf|cfg|json|toml))[^\\n]{0,80})?(?P<said>yaml: (?:line \\d+: |unmarshal errors|invalid )[^\\n\"]{0,160})"
  - id: toml
    pattern: "(?P<said>(?:failed to (?:load|parse|unmarshal) TOML|toml: (?:line \\d+|cannot|expected))[^\\n]{0,160})"
  - id: docker
    pattern: "unable to configure the Docker daemon with file (?P<file>\\S+): (?P<said>[^\\n]{1,160})"
  - id: nginx
    pattern: "\\[emerg\\] [^\\n]{0,20}(?P<said>(?:unexpected|unknown directive|invalid (?:number of arguments|parameter)|directive \"[^\"]+\" (?:is not allowed|is not terminated|has no opening))[^\\n]{0,120}) in (?P<file>/[^\\s:]+:\\d+)"
  - id: nginx-workers
    in: [container-log]
    pattern: "(?P<said>start worker process)"
  - id: corefile
    pattern: "(?P<file>Corefile:\\d+) - (?P<said>Error during parsing: [^\\n]{1,160})"
  - id: haproxy
    pattern: "\\[ALERT\\][^\\n]{0,30}parsing \\[(?P<file>[^\\]]+:\\d+)\\] ?: (?P<said>[^\\n]{1,160})"
  - id: envoy
    pattern: "(?P<said>error initializing configuration \\'[^\\']+\\': [^\\n]{1,160})"
  - id: apache
    pattern: "AH00526: (?P<said>Syntax error on line \\d+ of (?P<file>[^:\\s]+))"
  - id: prometheus
    pattern: "(?:error loading config|couldn\\'t load configuration|Loading configuration file failed)[^\\n]{0,60}(?P<said>parsing YAML[^\\n]{1,160})"
  - id: json
    in: [container-log, other, status]
    pattern: "(?P<said>(?:invalid character \\'[^\\']+\\' (?:looking for beginning of|after)[ -~]{0,80}|Unexpected token \\S{1,12} in JSON at position \\d+|(?:Expected [ -~]{1,40}|Unexpected [ -~]{1,40}|Bad [ -~]{1,40}) in JSON at position \\d+|Unexpected token [ -~]{1,80} is not valid JSON|json\\.decoder\\.JSONDecodeError: [ -~]{0,100}|was expecting comma to separate [ -~]{0,40}|JsonSyntaxException: [ -~]{0,100}|expected `,` or `[}\\]]` at line \\d+ column \\d+|is invalid after a value\\. Expected either[ -~]{0,40}))"
  - id: yaml-libraries
    in: [container-log, other, status]
    pattern: "(?P<said>(?:yaml\\.(?:scanner\\.ScannerError|parser\\.ParserError): [ -~]{0,100}|YAMLException: [ -~]{1,120}|mapping values are not allowed (?:here|in this context)[ -~]{0,60}|(?:while parsing a block mapping|while scanning a simple key)[ -~]{0,100}|could not find expected \\':\\'[ -~]{0,60}|bad indentation of a (?:mapping|sequence) entry[ -~]{0,60}))"
  - id: redis
    pattern: "(?P<said>\\*\\*\\* FATAL CONFIG FILE ERROR[^\\n]{0,80})"
  - id: postgres
    pattern: "(?P<said>syntax error in file \"(?P<file>[^\"]+)\" line \\d+)"
check:
  zh: "程序是否因配置文件的语法错误而无法启动"
  en: "whether a program fails to start for a syntax error in its configuration"
title:
  zh: "{% if language is defined %}ConfigMap {{ subject.namespace }}/{{ subject.name }} 的 {{ file }} 不是合法的 {{ language }}：{{ said }}{% else %}{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 的配置有语法错误{% if file is defined %}（{{ file }}）{% endif %}：{{ said }}{% endif %}"
  en: "{% if language is defined %}{{ file }} of ConfigMap {{ subject.namespace }}/{{ subject.name }} is no valid {{ language }}: {{ said }}{% else %}the configuration of {{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} has a syntax error{% if file is defined %} ({{ file }}){% endif %}: {{ said }}{% endif %}"
cause:
  zh: "{% if language is defined %}{{ file }} 读不成 {{ language }}（{{ said }}）{% if users is defined %}，而 {{ users }} 使用它{% endif %}：程序要么拒绝启动，要么按没有这份配置继续运行；已在运行的进程沿用旧内容，到重启或重新读取时才出错。{% else %}程序读取配置{% if file is defined %} {{ file }} {% endif %}时报告 {{ said }}，{% if reload %}拒绝了新的配置，并沿用旧配置{% else %}然后退出{% endif %}；YAML 中的制表符、缺少的引号与括号、误拼的指令都会这样。{% endif %}"
  en: "{% if language is defined %}{{ file }} cannot be read as {{ language }} ({{ said }}){% if users is defined %}, and {{ users }} uses it{% endif %}: a program refuses to start with it, or goes on as though it had none; one that runs keeps what it read before until it starts or reads it again.{% else %}reading its configuration{% if file is defined %} {{ file }}{% endif %}, the program reports {{ said }} and {% if reload %}goes on with the old settings{% else %}ends{% endif %}; a tab in YAML, a quote or bracket left out, a directive misspelt do this.{% endif %}"
causes:
  - rule: app-config-invalid
    ground: workload
    mechanism:
      zh: '配置里的这一项使它不能启动'
      en: 'this setting keeps it from starting'
  - rule: dockerd-down
    ground: node
    mechanism: {zh: "dockerd 读取配置失败即退出", en: "dockerd ends when it cannot read its configuration"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "读取配置失败即退出", en: "it ends when it cannot read its configuration"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "读取配置失败即退出", en: "it ends when it cannot read its configuration"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 读取配置失败即退出", en: "the kubelet ends when it cannot read its configuration"}
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时读取配置失败即退出", en: "the runtime ends when it cannot read its configuration"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "健康应用日志中的 SQL 或用户输入的语法错误", en: "syntax errors of SQL or of user input in the logs of a healthy application"}
  - {zh: "运行中的进程沿用旧配置，错误在下次重启时才出现", en: "a process that runs keeps its old configuration: the error shows at the next restart"}
remedy:
  - purpose: {zh: "查看出错的位置", en: "look at the place that is reported"}
    place: node
    risk: read-only
    command: "{% if subject.kind == 'Node' %}grep -nP '\\t' {{ file if file is defined else '/var/lib/kubelet/config.yaml' }}{% elif language is defined %}kubectl -n {{ subject.namespace }} get configmap {{ subject.name }} -o yaml{% else %}kubectl -n {{ subject.namespace }} get configmaps{% endif %}"
    expect: {zh: "报告的行有误", en: "the line that is reported is wrong"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正后重启", en: "correct it, then restart"}
    place: node
    risk: change
    command: "{% if subject.kind == 'Node' %}systemctl restart kubelet{% elif language is defined %}kubectl -n {{ subject.namespace }} edit configmap {{ subject.name }}{% else %}kubectl -n {{ subject.namespace }} rollout restart {{ subject.kind }} {{ subject.name }}{% endif %}"
    expect: {zh: "无错误", en: "no error"}
    verify: {zh: "日志不再有该错误", en: "the log shows the error no more"}
    rollback: {zh: "恢复上一版本的配置", en: "put the version before back"}
prevention:
  - kind: prevent
    text: {zh: "在 CI 中用程序自带的检查（nginx -t、haproxy -c、promtool check）校验配置", en: "check the configuration in CI with the program's own check (nginx -t, haproxy -c, promtool check)"}
    acceptance: {zh: "错误的配置使流水线失败", en: "a wrong configuration fails the pipeline"}
sources: ["kubernetes cmd/kubelet: `failed to load Kubelet config file`", "go.yaml.in/yaml scanner: `found character that cannot start any token`", "nginx src/core/ngx_conf_file.c", "haproxy src/cfgparse.c", "coredns corefile parser", "V8 messages: `Expected ',' or '}' after property value in JSON at position`", "PyYAML scanner.py, js-yaml loader.js, snakeyaml ScannerImpl", "Jackson UTF8StreamJsonParser, Gson, serde_json error.rs, System.Text.Json"]
versions: "any"
examples:
  - name: "a tab in the configuration of a kubelet"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   NotReady   <none>   90d   v1.28.4
      kubelet.log: |
        E1121 09:51:14.675792    8912 run.go:72] "command failed" err="failed to load kubelet config file, path: kubelet.yaml, error: failed to load Kubelet config file kubelet.yaml, error failed to decode: yaml: line 21: found character that cannot start any token"
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "nginx refuses a reload and goes on"
    files:
      pods.txt: |
        NAME                     READY   STATUS    RESTARTS   AGE
        edge-6658fdc4c5-j8wqs    1/1     Running   0          18d
      edge-6658fdc4c5-j8wqs.log: |
        2026/10/02 07:20:01 [notice] 1#1: start worker process 22
        10.42.0.7 - - [02/Oct/2026:07:21:11 +0000] "GET / HTTP/1.1" 200 61
        2026/10/02 07:24:02 [emerg] 1#1: invalid number of arguments in "proxy_pass" directive in /etc/nginx/conf.d/routes.conf:24
        10.42.0.7 - - [02/Oct/2026:07:25:11 +0000] "GET /new HTTP/1.1" 404 61
    fires: [{kind: "Deployment", name: "edge"}]
  - name: "nginx took the next reload"
    files:
      pods.txt: |
        NAME                     READY   STATUS    RESTARTS   AGE
        edge-6658fdc4c5-j8wqs    1/1     Running   0          18d
      edge-6658fdc4c5-j8wqs.log: |
        2026/10/02 07:24:02 [emerg] 1#1: invalid number of arguments in "proxy_pass" directive in /etc/nginx/conf.d/routes.conf:24
        2026/10/02 07:29:02 [notice] 1#1: start worker process 31
        10.42.0.7 - - [02/Oct/2026:07:29:11 +0000] "GET /new HTTP/1.1" 200 61
  - name: "haproxy"
    files:
      pods.txt: |
        NAME                          READY   STATUS             RESTARTS        AGE
        edge-proxy-6658fdc4c5-j8wqs   0/1     CrashLoopBackOff   8 (2m20s ago)   18m
      edge-proxy-6658fdc4c5-j8wqs.log: |
        [ALERT]    (1) : config : parsing [/usr/local/etc/haproxy/haproxy.cfg:31] : unknown keyword 'blance' in 'backend' section; did you mean 'balance' maybe ?
    fires: [{kind: "Deployment", name: "edge-proxy"}]
  - name: "a comma is missing, and the program goes on without its settings"
    files:
      maps.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: switches, namespace: shop, uid: u}
        data:
          switches.json: |
            {
              "a": {"on": true}
              "b": {"on": false}
            }
      switchboard.yaml: |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: switchboard, namespace: shop, uid: v}
        spec:
          selector: {matchLabels: {app: switchboard}}
          template:
            metadata: {labels: {app: switchboard}}
            spec:
              containers: [{name: main, image: shop/switchboard:1, volumeMounts: [{name: c, mountPath: /etc/s}]}]
              volumes: [{name: c, configMap: {name: switches}}]
        status: {replicas: 1, readyReplicas: 1}
      pods.txt: |
        NAMESPACE   NAME                           READY   STATUS    RESTARTS   AGE
        shop        switchboard-6658fdc4c5-j8wqs   1/1     Running   0          18m
      switchboard-6658fdc4c5-j8wqs.log: |
        {"level":"warn","ts":"2026-01-14T08:11:16.000Z","msg":"rejected, serving nothing","file":"/etc/s/switches.json","error":"invalid character '\"' after object key:value pair"}
    fires: [{kind: "ConfigMap", namespace: "shop", name: "switches"}]
  - name: "a template is no JSON until it is filled in"
    files:
      maps.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: switches, namespace: shop, uid: u}
        data:
          switches.json: |
            {"port": {{ .Values.port }}, "hosts": [{{ range .hosts }}"{{ . }}",{{ end }}]}
          settings.yaml: |
            a: {{ template "x" . }}
            # indented by hand
            b: ${B:-[}
      switchboard.yaml: |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: switchboard, namespace: shop, uid: v}
        spec:
          selector: {matchLabels: {app: switchboard}}
          template:
            metadata: {labels: {app: switchboard}}
            spec:
              containers: [{name: main, image: shop/switchboard:1, volumeMounts: [{name: c, mountPath: /etc/s}]}]
              volumes: [{name: c, configMap: {name: switches}}]
        status: {replicas: 1, readyReplicas: 1}
  - name: "a user of a healthy application sent bad JSON"
    files:
      pods.txt: |
        NAME                    READY   STATUS    RESTARTS   AGE
        api-6658fdc4c5-j8wqs    1/1     Running   0          18m
      api-6658fdc4c5-j8wqs.log: |
        POST /v1/x 400 invalid character '}' looking for beginning of value
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    let complaints = own_hits(input, rule)
        .into_iter()
        .filter(|hit| !hit.signature.ends_with("/nginx-workers"));
    for hit in complaints {
        let is_of_pod = hit.about.object.kind == "Pod";
        // nginx refuses new settings on a reload and goes on with the old ones.
        let reload = is_of_pod && hit.signature.ends_with("/nginx") && is_refused_reload(snapshot, hit);
        let subject = if is_of_pod {
            if !reload && !pod_is_failing(snapshot, &hit.about.object) {
                continue;
            }
            snapshot.top_owner_of(&hit.about.object)
        } else {
            let Some(node) = node_of(snapshot, hit) else { continue };
            if is_ready(snapshot, &node) == Some(true) || !(persists(snapshot, hit) || ends_log(snapshot, hit)) {
                continue;
            }
            Subject::node(&node)
        };
        match findings.iter_mut().find(|finding| finding.subject == subject) {
            Some(finding) => add_hit(input, finding, hit),
            None => {
                let mut finding = Finding::new(rule, subject.clone(), Confidence::Confirmed).fact("reload", reload);
                finding.count = 0;
                add_hit(input, &mut finding, hit);
                finding.path = hit.captures.get("file").cloned().unwrap_or_default();
                if subject.kind == "Node" {
                    touch_pods(snapshot, &subject.name, &mut finding);
                }
                findings.push(finding);
            }
        }
    }
    let of_maps = broken_maps(input, rule, &findings);
    findings.extend(of_maps);
    findings
}

/// ConfigMaps that hold a file which its name calls JSON or YAML and which is none, where a workload that uses it complains of such a
/// thing: some programs read more than JSON, and what no program minds is no fault. A workload that refuses to start over it is named itself.
fn broken_maps(input: &Input<'_>, rule: &RuleHeader, told: &[Finding]) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut complaints: BTreeMap<Subject, &Hit> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let workload = snapshot.top_owner_of(&hit.about.object);
        if WORKLOADS.contains(&workload.kind.as_str()) {
            complaints.entry(workload).or_insert(hit);
        }
    }
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen: BTreeSet<(&ObjectKey, &str)> = BTreeSet::new();
    for (workload, first) in &complaints {
        let used = uses(snapshot, workload);
        for map in maps_of(snapshot, &workload.namespace, &used) {
            let data = map.get("/data").and_then(Value::as_object).into_iter().flatten();
            for (key, text) in data.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))) {
                if !takes(&used, map, key) || !seen.insert((&map.key, key)) {
                    continue;
                }
                let Some(broken) = broken(key, text) else { continue };
                let users = users_of(snapshot, map, key);
                if users
                    .iter()
                    .any(|user| told.iter().any(|finding| finding.subject == *user))
                {
                    continue;
                }
                findings.push(of_map(input, rule, (map, key), broken, users, first));
            }
        }
    }
    findings.sort_by(|one, other| one.subject.cmp(&other.subject));
    findings
}

fn of_map(
    input: &Input<'_>,
    rule: &RuleHeader,
    (map, key): (&Object, &str),
    broken: Broken,
    users: Vec<Subject>,
    said_by_user: &Hit,
) -> Finding {
    let names: Vec<String> = users.iter().map(ToString::to_string).collect();
    let mut finding = Finding::new(rule, map.subject(), Confidence::Confirmed)
        .at(format!("data[{key}]"))
        .cite(map.cite_at(&format!("/data/{}", escaped(key))))
        .fact("language", broken.language)
        .fact("users", names.join(", "));
    finding.count = 0;
    add_hit(input, &mut finding, said_by_user);
    let mut finding = finding.fact("file", key).fact("said", broken.said);
    for user in users {
        finding.impair(user.clone());
        finding.add_affected(user);
    }
    finding
}

/// The ConfigMaps among what a workload of a namespace uses, each once, as the API has them.
fn maps_of<'s>(snapshot: &'s Snapshot, namespace: &str, used: &[Use]) -> Vec<&'s Object> {
    let names: BTreeSet<&str> = (used.iter().filter(|used| used.kind == "ConfigMap"))
        .map(|used| used.name.as_str())
        .collect();
    let maps = names
        .iter()
        .filter_map(|name| snapshot.object("ConfigMap", namespace, name));
    maps.filter(|map| map.form == Form::Api).collect()
}

/// True when this key of a ConfigMap, or all of it, is among what a workload of its namespace uses.
fn takes(used: &[Use], map: &Object, key: &str) -> bool {
    let is_it =
        |used: &Use| used.kind == "ConfigMap" && used.name == map.key.name && (used.key.is_empty() || used.key == key);
    used.iter().any(is_it)
}

fn users_of(snapshot: &Snapshot, map: &Object, key: &str) -> Vec<Subject> {
    let workloads = WORKLOADS.iter().flat_map(|kind| snapshot.kind(kind));
    workloads
        .filter(|workload| workload.key.namespace == map.key.namespace)
        .map(Object::subject)
        .filter(|workload| takes(&uses(snapshot, workload), map, key))
        .collect()
}

/// What is wrong with a text, and what it should be.
struct Broken {
    language: &'static str,
    said: String,
}

/// Why a text is not what its name says. One with the marks of a template, or with comments where the language has none, is not meant to
/// be read as it stands.
fn broken(key: &str, text: &str) -> Option<Broken> {
    const MARKS: [&str; 7] = ["{{", "{%", "<%", "${", "$(", "//", "/*"];
    let is_meant = !text.trim().is_empty() && !MARKS.iter().any(|mark| text.contains(mark));
    if key.ends_with(".json") && is_meant {
        let error = serde_json::from_str::<IgnoredAny>(text).err()?;
        return Some(Broken {
            language: "JSON",
            said: error.to_string(),
        });
    }
    let is_yaml = key.ends_with(".yaml") || key.ends_with(".yml");
    if is_yaml && !MARKS.iter().take(5).any(|mark| text.contains(mark)) {
        return Some(Broken {
            language: "YAML",
            said: broken_yaml(text)?,
        });
    }
    None
}

/// What is wrong with the first YAML document of a text that is none. One that a limit refuses may be sound.
fn broken_yaml(text: &str) -> Option<String> {
    let mut before = 0;
    for document in text.split_inclusive("\n---") {
        let is_empty = document
            .lines()
            .all(|line| line.trim_start_matches('-').trim().is_empty() || line.starts_with('#'));
        // The separator behind a document begins the next one.
        let own = document.strip_suffix("\n---").unwrap_or(document);
        let error = (!is_empty).then(|| parse_yaml(own).err()).flatten();
        if error.is_some_and(|error| error.kind == ProblemKind::Unparsed) {
            // Read once more below as many blank lines, so that it tells the line of the file.
            let padded = format!("{}{own}", "\n".repeat(before));
            return Some(parse_yaml(&padded).err()?.message);
        }
        before += own.matches('\n').count() + 1;
    }
    None
}

/// True where nginx runs on after it refused its settings, by its own line, and started no workers since: it keeps those that it had.
fn is_refused_reload(snapshot: &Snapshot, hit: &Hit) -> bool {
    let Some(log) = snapshot.log_of(hit) else {
        return false;
    };
    let Stream::Container(container) = &log.stream else {
        return false;
    };
    let runs = snapshot
        .pod(&container.namespace, &container.pod)
        .is_some_and(|pod| pod.phase() == "Running" && pod.is_well());
    let last = |id: &str| {
        let lines = log.hits.iter().filter(|other| other.signature.ends_with(id));
        lines.map(LineHit::last_line).max()
    };
    let refused = log
        .hits
        .iter()
        .filter(|other| other.signature.ends_with("config-syntax-error/nginx"))
        .filter(|other| is_of_nginx(&other.text))
        .map(LineHit::last_line)
        .max();
    runs && !container.previous && refused.is_some() && last("/nginx-workers") < refused
}

/// True for a line that begins with the date of nginx's own log: `2026/10/02 07:24:02 [emerg]`.
fn is_of_nginx(line: &str) -> bool {
    let plain = clean_line(line);
    let date = plain.split(' ').next().unwrap_or_default();
    plain.starts_with("[emerg]") || date.len() == 10 && date.matches('/').count() == 2
}
