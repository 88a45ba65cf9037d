//! The rewrite of an Ingress puts a part of the path in place of another, so that the backend sees paths that nobody asked for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::logs::TailLine;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::cite_tail;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ingress-rewrite-wrong
role: cause
level: critical
needs: [ingresses]
check:
  zh: Ingress 的 rewrite-target 引用的分组是否是路径的其余部分
  en: whether the group that rewrite-target of an Ingress names is the rest of the path
title:
  zh: "Ingress {{ subject.namespace }}/{{ subject.name }} 的 rewrite-target {{ target }} {% if flat %}把路径 {{ route }} 下的一切都改写为 {{ target }}，后端 {{ service }} 答 404{% else %}引用了{% if exists %}路径 {{ route }} 中的分隔符{% else %}路径 {{ route }} 中没有的分组{% endif %}，后端 {{ service }} 收到的路径都是错的{% endif %}"
  en: "rewrite-target {{ target }} of Ingress {{ subject.namespace }}/{{ subject.name }} {% if flat %}turns everything below {{ route }} into {{ target }}, and {{ service }} answers with 404{% else %}names {% if exists %}the separator{% else %}a group that is not{% endif %} in path {{ route }}, so {{ service }} gets wrong paths{% endif %}"
cause:
  zh: "{% if flat %}{{ target }} 里没有分组：{{ route }}/a 与 {{ route }}/b 都成为 {{ target }}，路径的其余部分丢失。访问日志中经这个 Ingress 到 {{ service }} 的请求得到 404。{% else %}路径 {{ route }} 有 {{ groups }} 个分组；{{ target }} {% if exists %}引用的是 (/|$) 这样的分隔符，请求被改写为 // 或空路径{% else %}引用的分组不存在，请求被改写为空路径{% endif %}，后端 {{ service }} 大多答 404。{% if right %}路径的其余部分是第 {{ right }} 个分组。{% endif %}{% endif %}"
  en: "{% if flat %}{{ target }} has no group: {{ route }}/a and {{ route }}/b both become {{ target }}, and the rest of the path is lost. By the access log what goes through this Ingress to {{ service }} gets 404.{% else %}path {{ route }} has {{ groups }} group{% if groups != 1 %}s{% endif %}; {{ target }} {% if exists %}names a separator such as (/|$), so requests become // or the empty path{% else %}names one that does not exist, so requests become the empty path{% endif %} and {{ service }} mostly answers with 404. {% if right %}The rest of the path is group {{ right }}.{% endif %}{% endif %}"
causes:
  - rule: app-bug
    ground: service
    mechanism: {zh: "后端收到不存在的路径", en: "the backend is asked for paths that it does not have"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "后端收到不存在的路径", en: "the backend is asked for paths that it does not have"}
benign:
  - {zh: "没有分组引用的固定目标（rewrite-target: /），而访问日志没有 404", en: "a fixed target without a group (rewrite-target: /) while the access log shows no 404"}
  - {zh: "只有一个分组 (.*) 的路径使用 /$1", en: "/$1 with a path whose only group is (.*)"}
remedy:
  - purpose: {zh: "查看路径与改写", en: "look at the path and the rewrite"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get ingress {{ subject.name }} -o yaml"
    expect: {zh: "rewrite-target: {{ target }}", en: "rewrite-target: {{ target }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 rewrite-target 改为引用路径其余部分的分组", en: "let rewrite-target name the group with the rest of the path"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} annotate ingress {{ subject.name }} --overwrite '{{ annotation|raw }}={{ corrected|raw }}'"
    when: 'right'
    verify: {zh: "经 Ingress 的请求得到 200", en: "requests through the Ingress get 200"}
    rollback: {zh: "把注解改回 {{ target }}", en: "set the annotation back to {{ target }}"}
  - purpose: {zh: "把路径的其余部分交给后端：路径写成 {{ route }}(/|$)(.*)，目标写成 /$2", en: "hand the rest of the path on: write the path {{ route }}(/|$)(.*) and the target /$2"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit ingress {{ subject.name }}"
    when: 'flat'
    verify: {zh: "经 Ingress 的请求得到 200", en: "requests through the Ingress get 200"}
    rollback: {zh: "把注解改回 {{ target }}，路径改回 {{ route }}", en: "set the annotation back to {{ target }} and the path to {{ route }}"}
prevention:
  - kind: detect
    text: {zh: "发布后经 Ingress 请求每条路径一次", en: "ask for every path once through the Ingress after a release"}
    acceptance: {zh: "改写错误的 Ingress 使检查失败", en: "an Ingress with a wrong rewrite fails the check"}
sources:
  - "kubernetes/ingress-nginx docs/examples/rewrite: captured groups of rewrite-target"
versions: "ingress-nginx 0.22 to 1.14"
examples:
  - name: everything below a path becomes the root, and nothing is found there
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"web-api","namespace":"t","annotations":{"nginx.ingress.kubernetes.io/rewrite-target":"/"}},"spec":{"rules":[{"http":{"paths":[{"path":"/api","pathType":"Prefix","backend":{"service":{"name":"bff","port":{"number":80}}}}]}}]}}'
      pods.txt: |
        NAMESPACE       NAME                                        READY   STATUS    RESTARTS   AGE
        ingress-nginx   ingress-nginx-controller-6bdf8c9d7-jd5lx    1/1     Running   0          41d
      ingress-nginx-controller-6bdf8c9d7-jd5lx.log: |
        192.0.2.1 - - [02/Oct/2026:14:29:55 +0000] "POST /api/basket/items HTTP/2.0" 404 140 "-" "curl/8.5.0" 819 0.004 [t-bff-80] [] 10.42.2.102:3000 140 0.004 404 1d58150d
        192.0.2.1 - - [02/Oct/2026:14:30:01 +0000] "GET /api/products/694452 HTTP/2.0" 404 139 "-" "curl/8.5.0" 638 0.002 [t-bff-80] [] 10.42.3.217:3000 139 0.002 404 c691dfeb
        192.0.2.1 - - [02/Oct/2026:14:30:52 +0000] "POST /api/basket/items HTTP/2.0" 404 140 "-" "curl/8.5.0" 241 0.003 [t-bff-80] [] 10.42.3.217:3000 140 0.003 404 a2c8b720
    fires: [{kind: Ingress, namespace: t, name: web-api}]
  - name: the separator in place of the rest
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"cart","namespace":"t","annotations":{"nginx.ingress.kubernetes.io/rewrite-target":"/$1"}},"spec":{"rules":[{"http":{"paths":[{"path":"/api/cart(/|$)(.*)","pathType":"ImplementationSpecific","backend":{"service":{"name":"cart","port":{"number":80}}}}]}}]}}'
    fires: [{kind: Ingress, namespace: t, name: cart}]
  - name: a group that the path does not have
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"cart","namespace":"t","annotations":{"nginx.ingress.kubernetes.io/rewrite-target":"/$2"}},"spec":{"rules":[{"http":{"paths":[{"path":"/api/cart/(.*)","pathType":"ImplementationSpecific","backend":{"service":{"name":"cart","port":{"number":80}}}}]}}]}}'
    fires: [{kind: Ingress, namespace: t, name: cart}]
  - name: groups with names
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"cart","namespace":"t","annotations":{"nginx.ingress.kubernetes.io/rewrite-target":"/$2"}},"spec":{"rules":[{"http":{"paths":[{"path":"/api/cart(?<sep>/|$)(?<rest>.*)","pathType":"ImplementationSpecific","backend":{"service":{"name":"cart","port":{"number":80}}}}]}}]}}'
  - name: a second path that leads to the root
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"cart","namespace":"t","annotations":{"nginx.ingress.kubernetes.io/rewrite-target":"/$2"}},"spec":{"rules":[{"http":{"paths":[{"path":"/(old|new)","pathType":"ImplementationSpecific","backend":{"service":{"name":"cart","port":{"number":80}}}},{"path":"/api/cart(/|$)(.*)","pathType":"ImplementationSpecific","backend":{"service":{"name":"cart","port":{"number":80}}}}]}}]}}'
  - name: as the documents have it
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"cart","namespace":"t","annotations":{"nginx.ingress.kubernetes.io/rewrite-target":"/$2"}},"spec":{"rules":[{"http":{"paths":[{"path":"/api/cart(/|$)(.*)","pathType":"ImplementationSpecific","backend":{"service":{"name":"cart","port":{"number":80}}}}]}}]}}'
"##;

/// The annotation of ingress-nginx, and as an Ingress writes it.
const ANNOTATION: &str = "nginx.ingress.kubernetes.io/rewrite-target";

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("Ingress")
        .filter_map(|object| judge(rule, object).or_else(|| flat(input.snapshot, rule, object)))
        .collect()
}

/// So many requests that end with 404 are no accident.
const NOT_FOUND: usize = 3;

/// A target without a group, where the access log shows that what is asked for below the path is not found behind it
/// (kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format: `[$proxy_upstream_name]` is `[namespace-service-port]`).
fn flat(snapshot: &Snapshot, rule: &RuleHeader, object: &Object) -> Option<Finding> {
    let pointer = format!("/metadata/annotations/{}", ANNOTATION.replace('/', "~1"));
    let target = object.text(&pointer);
    if target != "/" {
        return None;
    }
    let entries = object.list("/spec/rules").iter();
    let paths = entries
        .filter_map(|entry| entry.pointer("/http/paths")?.as_array())
        .flatten();
    let plain = paths.filter_map(|entry| {
        let path = entry.get("path")?.as_str()?.trim_end_matches('/');
        let service = entry.pointer("/backend/service/name")?.as_str()?;
        (!path.is_empty() && !path.contains('(')).then_some((path, service))
    });
    for (path, service) in plain {
        let upstream = format!("[{}-{service}-", object.key.namespace);
        let below = format!(" {path}/");
        let is_lost = |line: &&TailLine| {
            line.text.contains(&below) && line.text.contains("\" 404 ") && line.text.contains(&upstream)
        };
        let found = snapshot.logs.iter().find_map(|log| {
            let lost: Vec<&TailLine> = log.tail.iter().filter(is_lost).collect();
            let last = lost.last().filter(|_| lost.len() >= NOT_FOUND)?;
            cite_tail(snapshot, log, &[*last])
        });
        let Some(cite) = found else { continue };
        return Some(
            Finding::new(rule, object.subject(), Confidence::Probable)
                .at(format!("metadata.annotations[{ANNOTATION}]"))
                .cite(object.cite_at(&pointer))
                .cite(cite)
                .fact("flat", true)
                .fact("target", target)
                .fact("route", path)
                .fact("groups", 0)
                .fact("exists", false)
                .fact("right", 0)
                .fact("service", service)
                .fact("annotation", ANNOTATION)
                .fact("corrected", "")
                .affects(Subject::namespaced("Service", &object.key.namespace, service))
                .touch(Ground::Service, format!("{}/{service}", object.key.namespace)),
        );
    }
    None
}

fn judge(rule: &RuleHeader, object: &Object) -> Option<Finding> {
    let pointer = format!("/metadata/annotations/{}", ANNOTATION.replace('/', "~1"));
    let target = object.text(&pointer);
    let named = group_of(target)?;
    let all: Vec<(String, &str, &str)> = object
        .list("/spec/rules")
        .iter()
        .enumerate()
        .flat_map(|(at, entry)| {
            let paths = entry.pointer("/http/paths").and_then(Value::as_array);
            paths
                .into_iter()
                .flatten()
                .enumerate()
                .filter_map(move |(path_at, entry)| {
                    let path = entry.get("path")?.as_str()?;
                    let service = entry.pointer("/backend/service/name")?.as_str()?;
                    let at = format!("/spec/rules/{at}/http/paths/{path_at}/path");
                    Some((at, path, service))
                })
        })
        .collect();
    // One annotation is for all paths: where it is right for one, another may mean to lead to the root.
    let grouped: Vec<(String, &str, &str)> = all.iter().filter(|(_, path, _)| path.contains('(')).cloned().collect();
    if !grouped.iter().all(|(_, path, _)| is_wrong(path, named)) {
        return None;
    }
    let all = if grouped.is_empty() { all } else { grouped };
    let (at, path, service) = all.first()?;
    let groups = groups(path);
    let rest_of = |path: &str| {
        let groups = self::groups(path);
        groups
            .iter()
            .position(|group| is_rest(group))
            .map_or(0, |index| index + 1)
    };
    let right = match all
        .iter()
        .map(|(_, path, _)| rest_of(path))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .as_slice()
    {
        [only] => *only,
        _ => 0,
    };
    let corrected = target.replace(&format!("${named}"), &format!("${right}"));
    Some(
        Finding::new(rule, object.subject(), Confidence::Confirmed)
            .at(format!("metadata.annotations[{ANNOTATION}]"))
            .cite(object.cite_at(&pointer))
            .cite(object.cite_at(at))
            .fact("flat", false)
            .fact("target", target)
            .fact("route", *path)
            .fact("groups", groups.len())
            .fact("exists", named <= groups.len())
            .fact("right", right)
            .fact("service", *service)
            .fact("annotation", ANNOTATION)
            .fact("corrected", corrected)
            .affects(Subject::namespaced("Service", &object.key.namespace, *service))
            .touch(Ground::Service, format!("{}/{service}", object.key.namespace)),
    )
}

/// The only group that a target names: `/$2` names 2. None where it names none, or several.
fn group_of(target: &str) -> Option<usize> {
    let mut named = target.split('$').skip(1).map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    match (named.next(), named.next()) {
        (Some(only), None) => only,
        _ => None,
    }
}

/// True when that group of a path is none, or only what may stand between two parts while another one is the rest.
fn is_wrong(path: &str, named: usize) -> bool {
    // A path that is no expression has no groups, and ingress-nginx takes it as it is.
    if regex_syntax::parse(path).is_err() {
        return false;
    }
    let groups = groups(path);
    match named.checked_sub(1).and_then(|index| groups.get(index)) {
        Some(group) => matches!(group.as_str(), "/|$" | "$|/" | "/?") && groups.iter().any(|group| is_rest(group)),
        None => true,
    }
}

/// True for a group that takes the rest of a path.
fn is_rest(group: &str) -> bool {
    matches!(group, ".*" | ".+" | ".*?" | ".*$")
}

/// What stands between the brackets of the capturing groups of a path, in the order of their opening.
fn groups(path: &str) -> Vec<String> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut found: Vec<String> = Vec::new();
    let mut before = ' ';
    for (at, sign) in path.char_indices() {
        let is_escaped = before == '\\';
        match sign {
            '(' if !is_escaped => {
                let inside = path.get(at + 1..).unwrap_or_default();
                let is_named = inside.starts_with("?P<")
                    || inside.starts_with("?<") && !inside.starts_with("?<=") && !inside.starts_with("?<!");
                let captures = is_named || !inside.starts_with('?');
                open.push((at, if captures { found.len() } else { usize::MAX }));
                if captures {
                    found.push(String::new());
                }
            }
            ')' if !is_escaped => {
                if let Some((from, index)) = open.pop()
                    && let (Some(group), Some(text)) = (found.get_mut(index), path.get(from + 1..at))
                {
                    let text = match text.strip_prefix('?').and_then(|named| named.split_once('>')) {
                        Some((_, rest)) => rest,
                        None => text,
                    };
                    text.clone_into(group);
                }
            }
            _ => {}
        }
        before = sign;
    }
    found
}
