//! A value of a Secret ends with a line break that was never part of it.

use base64::Engine as _;

use crate::cluster::Object;
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::uses::{Use, Way, uses};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: secret-trailing-newline
role: cause
level: critical
needs: [container-logs]
text:
  - id: go
    in: [container-log, status]
    pattern: 'invalid header field value (?:for )?\\?"(?P<header>[A-Za-z-]+)'
  - id: go-url
    in: [container-log, status]
    pattern: 'net/url: invalid control character in URL'
  - id: node
    in: [container-log, status]
    pattern: 'Invalid character in header content \[\\?"(?P<header>[A-Za-z-]+)'
  - id: fetch
    in: [container-log, status]
    pattern: '(?:Headers\.append: |TypeError: )[^\n]{0,120}is an invalid header value'
  - id: requests
    in: [container-log, status]
    pattern: '(?:or return character\(s\) in header value|Invalid header value b''[^\n'']{0,20})'
  - id: aiohttp
    in: [container-log, status]
    pattern: 'Newline(?:,| or) carriage return[^\n]{0,40} detected in headers'
  - id: okhttp
    in: [container-log, status]
    pattern: 'Unexpected char 0x0[aAdD] at \d+ in (?P<header>[A-Za-z-]+) value'
  - id: java
    in: [container-log, status]
    pattern: 'Illegal character\(s\) in message header value'
  - id: jdk
    in: [container-log, status]
    pattern: 'IllegalArgumentException: invalid header value'
  - id: netty
    in: [container-log, status]
    pattern: 'a header value contains(?: a)? prohibited character'
  - id: dotnet
    in: [container-log, status]
    pattern: 'New-?line characters are not allowed in header values'
  - id: ruby
    in: [container-log, status]
    pattern: 'header (?:field )?value can''?(?:no|)t include CR/LF'
  - id: php
    in: [container-log, status]
    pattern: '(?:Header may not contain more than a single header, new line detected|is not valid header value)'
  - id: rust
    in: [container-log, status]
    pattern: '(?:failed to parse header value|InvalidHeaderValue)'
check:
  zh: "Secret 的值是否带有多余的换行"
  en: "whether values of Secrets end with a line break"
title:
  zh: "{% if secret %}Secret {{ subject.namespace }}/{{ secret }} 的键 {{ key }} 以换行结尾{% else %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的凭据含有换行{% endif %}，{{ workload }} 的请求因此失败"
  en: "{% if secret %}key {{ key }} of Secret {{ subject.namespace }}/{{ secret }} ends with a line break{% else %}a credential of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} holds a line break{% endif %}, and the requests of {{ workload }} fail over it"
cause:
  zh: "{{ workload }} 写出 {{ said }}（共 {{ times }} 次）。{% if secret %}它从 Secret {{ secret }} 的键 {{ key }} 取得这个值，解码后以换行结尾：{% endif %}HTTP 首部与凭据不允许换行，常见来历是 echo（没有 -n）经管道送入 base64，或从文件创建 Secret。"
  en: "{{ workload }} wrote {{ said }} ({{ times|times }}). {% if secret %}It takes the value from key {{ key }} of Secret {{ secret }}, which ends with a line break once decoded. {% endif %}No header of HTTP and no credential may hold one; mostly it comes from echo (without -n) piped into base64, or from a file."
rules_out:
  - {zh: "对端与网络：请求在发出之前就被拒绝", en: "the peer and the network: the request is refused before it is sent"}
causes:
  - rule: app-peer-auth-refused
    ground: workload
    mechanism: {zh: "带换行的凭据不是正确的凭据", en: "a credential with a line break is another credential"}
  - rule: app-database-login-refused
    ground: workload
    mechanism: {zh: "带换行的口令不是正确的口令", en: "a password with a line break is another password"}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "请求发不出去", en: "the request is never sent"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "请求发不出去", en: "the request is never sent"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "应用因此退出", en: "the application ends over it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器因此不能就绪", en: "its containers do not get ready over it"}
benign:
  - {zh: "证书、私钥与整份配置文件以换行结尾是正常的", en: "certificates, keys and whole configuration files end with a line break"}
  - {zh: "以换行结尾而没有引起错误的值不算", en: "a value that ends so and troubles nobody does not count"}
remedy:
  - purpose: {zh: "查看值的最后一个字节", en: "look at the last byte of the value"}
    place: cluster
    risk: read-only
    when: known
    command: "kubectl -n {{ subject.namespace }} get secret {{ secret }} -o go-template={{ template }} | base64 -d | tail -c 1 | od -c"
    expect: {zh: "\\n", en: "\\n"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看这个工作负载引用的 Secret", en: "see which Secrets the workload refers to"}
    place: cluster
    risk: read-only
    when: unknown
    command: "kubectl -n {{ subject.namespace }} describe {{ subject.kind|lower }}/{{ subject.name }}"
    expect: {zh: "凭据来自哪个 Secret 与键", en: "which Secret and key the credential comes from"}
    verify: {zh: "解码后的值以换行结尾", en: "the decoded value ends with a line break"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "写入没有换行的值（printf 不加换行），然后滚动重启", en: "write the value without the line break (printf adds none), then restart"}
    place: cluster
    risk: change
    when: known
    command: |
      kubectl -n {{ subject.namespace }} edit secret {{ secret }}
      kubectl -n {{ subject.namespace }} rollout restart {{ restart }}
    verify: {zh: "日志不再出现该错误", en: "the log no longer shows the error"}
    rollback: {zh: "恢复修改前的值", en: "put the former value back"}
prevention:
  - kind: prevent
    text: {zh: "写入 Secret 的工具去掉首尾空白，并在发布前检查", en: "let the tool that writes Secrets trim them, and check before it does"}
    acceptance: {zh: "带换行的测试值被拒绝", en: "a test value with a line break is refused"}
sources:
  - "Go net/http transport.go: `net/http: invalid header field value for %q`"
  - "Node.js lib/_http_outgoing.js: ERR_INVALID_CHAR `Invalid character in header content [\"%s\"]`"
  - "requests utils.py: `Invalid leading whitespace, reserved character(s), or return character(s) in header value`"
  - "OkHttp Headers.kt: `Unexpected char %#04x at %d in %s value`; .NET HttpRuleParser; PHP main/SAPI.c; Ruby net/http header.rb"
  - "kubernetes.io/docs/tasks/configmap-secret/managing-secret-using-kubectl: `The -n flag ensures that the generated files do not have an extra newline character`"
versions: "all"
examples:
  - name: "a token with a line break, as an object"
    files:
      secret.json: '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"pay-api","namespace":"shop"},"data":{"token":"a2V5LTEyMzQ1Njc4OTAK"}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6bdf8c9d7-jd5lx","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"api-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","env":[{"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"pay-api","key":"token"}}}]}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      api-6bdf8c9d7-jd5lx.log: |
        ERROR charge: Post "https://pay.example/v1": net/http: invalid header field value for "Authorization"
        ERROR charge: Post "https://pay.example/v1": net/http: invalid header field value for "Authorization"
        ERROR charge: Post "https://pay.example/v1": net/http: invalid header field value for "Authorization"
    fires: [{kind: Secret, namespace: shop, name: pay-api}]
  - name: "only the log"
    files:
      pods.txt: |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1   Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        TypeError [ERR_INVALID_CHAR]: Invalid character in header content ["authorization"]
        TypeError [ERR_INVALID_CHAR]: Invalid character in header content ["authorization"]
    fires: [{kind: Deployment, namespace: shop, name: orders}]
  - name: "a password with a line break, refused by the database"
    files:
      secret.json: '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db","namespace":"shop"},"data":{"password":"aHVudGVyMgo="}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6bdf8c9d7-jd5lx","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"api-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","env":[{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      api-6bdf8c9d7-jd5lx.log: |
        ERROR FATAL: password authentication failed for user "api"
        ERROR FATAL: password authentication failed for user "api"
        ERROR FATAL: password authentication failed for user "api"
    fires: [{kind: Secret, namespace: shop, name: db}]
  - name: "a line break that troubles nobody"
    files:
      secret.json: '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db","namespace":"shop"},"data":{"password":"aHVudGVyMgo="}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6bdf8c9d7-jd5lx","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"api-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","env":[{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      api-6bdf8c9d7-jd5lx.log: |
        INFO ready
  - name: "a password without one, refused by the database"
    files:
      secret.json: '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db","namespace":"shop"},"data":{"password":"aHVudGVyMg==","ca.crt":"LS0tCmEKLS0tCg=="}}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"api-6bdf8c9d7-jd5lx","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"api-6bdf8c9d7","controller":true}]},"spec":{"containers":[{"name":"a","envFrom":[{"secretRef":{"name":"db"}}]}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      api-6bdf8c9d7-jd5lx.log: |
        ERROR FATAL: password authentication failed for user "api"
        ERROR FATAL: password authentication failed for user "api"
        ERROR FATAL: password authentication failed for user "api"
"##;

/// Longer values are files, which may well end with a line break.
const LONGEST: usize = 4096;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let is_own = |id: &str| id.starts_with("secret-trailing-newline/");
    let is_wanted = |id: &str| {
        is_own(id) || id.starts_with("app-peer-auth-refused/") || id.starts_with("app-database-login-refused/")
    };
    let mut found: Vec<Finding> = Vec::new();
    let mut all = complaints(input.snapshot, &is_wanted, &of_clients());
    // The plain words first: a refusal may have many other reasons.
    all.sort_by_key(|complaint| !is_own(&complaint.signature));
    for complaint in &all {
        let workload = &complaint.speaker.workload;
        let culprit = culprit(input, complaint);
        if culprit.is_none() && !is_own(&complaint.signature) {
            continue;
        }
        let subject = culprit
            .as_ref()
            .map_or_else(|| workload.clone(), |(_, object, _)| object.subject());
        if found
            .iter()
            .any(|known| known.subject == subject || known.affected.contains(workload))
        {
            continue;
        }
        let (secret, key) = match &culprit {
            Some((_, object, key)) => (object.key.name.as_str(), key.as_str()),
            None => ("", ""),
        };
        let mut finding = Finding::new(rule, subject, complaint.confidence)
            .cite(complaint.cite.clone())
            .affects(workload.clone())
            .fact("secret", secret)
            .fact("key", key)
            .fact("known", culprit.is_some())
            .fact("unknown", culprit.is_none())
            .fact("template", format!("{{{{index .data \"{key}\"}}}}"))
            .fact("workload", format!("{}/{}", workload.kind, workload.name))
            .fact("restart", format!("{}/{}", workload.kind.to_lowercase(), workload.name))
            .fact("said", complaint.said.clone())
            .fact("times", complaint.count);
        finding.count = complaint.count;
        if let Some((used, object, key)) = &culprit {
            finding.path = format!("data[{key}]");
            finding.add_cite(used.cite.clone());
            finding.add_cite(object.cite_at("/metadata/name"));
        }
        found.push(finding);
    }
    found
}

/// The Secret and key from which the workload takes a value that ends with a line break, into a variable or a file of its own.
fn culprit<'s>(input: &Input<'s>, complaint: &Complaint<'_>) -> Option<(Use, &'s Object, String)> {
    let workload = &complaint.speaker.workload;
    let mut used = uses(input.snapshot, workload);
    // Programs that read a secret from a file mostly trim it; a variable is taken as it is.
    used.retain(|used| used.kind == "Secret");
    used.sort_by_key(|used| used.way != Way::Variable);
    used.into_iter().find_map(|used| {
        let object = used.object(input.snapshot, &workload.namespace)?;
        let data = object.get("/data")?.as_object()?;
        let key = data.iter().find_map(|(key, value)| {
            let is_meant = used.key.is_empty() || used.key == *key;
            (is_meant && ends_with_line_break(value.as_str()?)).then(|| key.clone())
        })?;
        Some((used, object, key))
    })
}

/// One line, and then a line break.
fn ends_with_line_break(encoded: &str) -> bool {
    if encoded.len() > LONGEST {
        return false;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim());
    let Ok(Ok(text)) = decoded.map(String::from_utf8) else {
        return false;
    };
    let line = text.trim_end_matches(['\n', '\r']);
    line.len() < text.len() && !line.is_empty() && !line.contains('\n')
}
