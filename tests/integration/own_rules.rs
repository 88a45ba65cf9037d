//! Rules that users bring along: checked with their place, tried by their examples, and as good as the built-in ones in a report.

use casefile::model::Lang;
use casefile::rules::{RuleFile, Rules, try_out};

use super::cli::Desk;

/// Workloads of more than one replica that no PodDisruptionBudget takes: objects beside objects.
const NO_BUDGET: &str = r"id: no-disruption-budget
level: warning
objects:
  kind: Deployment
  where:
    - {path: /spec/replicas, above: 1}
  with:
    - {kind: PodDisruptionBudget, same: selector, exists: false}
title: {en: '{{ subject.namespace }}/{{ subject.name }} has no PodDisruptionBudget'}
examples:
  - name: 'one of two has a budget'
    files:
      'all.yaml': |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, namespace: shop, uid: '1'}
        spec: {replicas: 2, template: {metadata: {labels: {app: web}}}}
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: cart, namespace: shop, uid: '2'}
        spec: {replicas: 2, template: {metadata: {labels: {app: cart}}}}
        ---
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: web, namespace: shop, uid: '3'}
        spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
    fires:
      - {kind: Deployment, namespace: shop, name: cart}
  - name: 'budgets were not collected, so nobody knows'
    files:
      'all.yaml': |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: cart, namespace: shop, uid: '2'}
        spec: {replicas: 2, template: {metadata: {labels: {app: cart}}}}
";

/// A line of a log, and an expression over pods.
const GAVE_UP: &str = r"id: ledger-gave-up
level: critical
text:
  - id: gave-up
    in: [container-log]
    pattern: 'ledger: giving up after (?P<attempts>\d+) attempts'
finds: {subject: workload, confidence: confirmed}
title: {zh: '账本服务放弃重试（{{ attempts }} 次）', en: '{{ subject.name }}: the ledger gave up after {{ attempts }} attempts'}
";

fn loaded(texts: &[&str]) -> Rules {
    let files: Vec<RuleFile> = texts
        .iter()
        .map(|text| RuleFile::of_bytes("team/rule.yaml".into(), "team".into(), (*text).to_owned().into()))
        .collect();
    Rules::with_files(&files).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

#[test]
fn what_was_not_collected_is_not_taken_for_absent() {
    let rules = loaded(&[NO_BUDGET]);
    let tried = try_out(&rules, rules.get("no-disruption-budget").unwrap());
    assert!(tried.iter().all(casefile::rules::Tried::is_right), "{tried:?}");
    assert_eq!(tried[1].missing, ["poddisruptionbudgets"], "{tried:?}");
}

#[test]
fn an_expression_sees_the_object_and_ends_whatever_it_does() {
    let endless = "{% for a in range(9999) %}";
    for (when, fires) in [
        ("object.spec.replicas > object.status.readyReplicas", true),
        ("object.spec.replicas == object.status.readyReplicas", false),
        ("object.spec.nothing.at.all", false),
        (
            "range(9999)|map('string')|map('upper')|map('lower')|map('upper')|list|length > 3",
            true,
        ),
        // What cannot be evaluated is no pass; it tells why.
        ("object.metadata.name + 5 > 2", false),
        ("range(999999999999)|list|length > 3", false),
        (
            "range(10000)|join('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')|length > 3",
            false,
        ),
    ] {
        let rule = format!(
            "id: fewer-than-asked\nlevel: warning\nobjects:\n  kind: Deployment\n  when: \"{when}\"\ntitle: {{en: 'fewer'}}\nexamples:\n  - name: 'one of two'\n    files:\n      'a.json': '{{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"1\"}},\"spec\":{{\"replicas\":2}},\"status\":{{\"readyReplicas\":1}}}}'\n"
        );
        let rules = loaded(&[&rule]);
        let tried = try_out(&rules, rules.get("fewer-than-asked").unwrap());
        assert_eq!(!tried[0].found.is_empty(), fires, "{when}: {tried:?}");
        let cannot = when.contains("+ 5") || when.contains("999999999999") || when.contains("xxx");
        let tells = tried[0]
            .failed
            .iter()
            .any(|reason| reason.en.contains("`when` cannot be evaluated"));
        assert_eq!(tells, cannot, "{when}: {tried:?}");
    }
    // Only an expression is allowed, no statement.
    let rule = format!("id: a-loop\nlevel: warning\nobjects: {{kind: Pod, when: '{endless}'}}\ntitle: {{en: 'x'}}\n");
    let file = RuleFile::of_bytes("team/loop.yaml".into(), "team".into(), rule.into());
    assert!(Rules::with_files(&[file]).is_err());
}

#[test]
fn a_report_names_what_an_own_rule_found() {
    let desk = Desk::new();
    desk.put("team/gave-up.yaml", GAVE_UP);
    desk.put(
        "bundle/pods.txt",
        "NAMESPACE   NAME                   READY   STATUS             RESTARTS      AGE\nshop        pay-6bdf8c9d7-jd5lx    0/1     CrashLoopBackOff   5 (1m ago)    41m\n",
    );
    desk.put(
        "bundle/pay-6bdf8c9d7-jd5lx.log",
        "2026-03-01T10:10:00Z ledger: giving up after 7 attempts\n",
    );
    let ended = desk.run(&[
        "analyze", "bundle", "--rules", "team", "-f", "md", "--lang", "zh,en", "-o", "out",
    ]);
    ended.assert_done();
    assert!(
        desk.text("out/bundle.en.md")
            .contains("the ledger gave up after 7 attempts")
    );
    assert!(desk.text("out/bundle.zh.md").contains("账本服务放弃重试（7 次）"));
}

#[test]
fn a_mistake_in_an_own_rule_is_shown_with_its_place_and_stops_the_run() {
    let desk = Desk::new();
    desk.put("team/gave-up.yaml", GAVE_UP.replace("critical", "grave"));
    desk.put("team/budget.yaml", NO_BUDGET.replace("same: selector", "same: moon"));
    let ended = desk.run(&["rules", "test", "team"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    for words in ["budget.yaml:8:", "gave-up.yaml:2:8:", "mistakes in your rules: 2"] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    assert!(ended.err.contains("  |        ^"), "{}", ended.err);
}

#[test]
fn examples_are_tried_and_the_start_of_a_rule_holds() {
    let desk = Desk::new();
    let start = desk.run(&["rules", "new", "image-without-version"]);
    start.assert_done();
    desk.put("team/start.yaml", &start.out);
    let right = desk.run(&["rules", "test", "team"]);
    right.assert_done();
    assert_eq!(right.out.lines().count(), 2, "{right:?}");

    desk.put("team/start.yaml", start.out.replace("web:1.4.2", "web:latest"));
    let wrong = desk.run(&["rules", "test", "team/start.yaml"]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(
        wrong.out.contains("expected nothing, found Deployment shop/web"),
        "{wrong:?}"
    );
}

#[test]
fn a_directory_without_rules_is_refused() {
    let desk = Desk::new();
    desk.put("team/README.md", "soon");
    let ended = desk.run(&["rules", "test", "team"]);
    ended.assert_refused(2, &["team", "no rule is in it", "casefile rules new"]);
}

/// Own files in the form of node-problem-detector's: of the kernel's log, of programs, and of something else.
fn put_monitors(desk: &Desk) {
    desk.put(
        "config/fan-monitor.json",
        r#"{"plugin": "kmsg", "logPath": "/dev/kmsg", "lookback": "5m", "bufferSize": 10, "source": "fan-monitor", "metricsReporting": true,
            "conditions": [{"type": "FanStopped", "reason": "FanTurns", "message": "the fan turns"}],
            "rules": [
              {"type": "temporary", "reason": "FanSlow", "pattern": "fan\\d+: \\d+ rpm is too slow"},
              {"type": "permanent", "condition": "FanStopped", "reason": "FanBlocked", "pattern": "fan\\d+: blocked"}]}"#,
    );
    desk.put(
        "config/clock-plugin.json",
        r#"{"plugin": "custom", "pluginConfig": {"timeout": "5s", "concurrency": 3}, "source": "clock", "conditions": [],
            "rules": [{"type": "temporary", "reason": "ClockOff", "path": "./check.sh"}]}"#,
    );
    desk.put("config/stats.json", r#"{"cpu": {"metricsConfigs": {}}}"#);
}

#[test]
fn rules_of_node_problem_detector_are_used_as_they_are() {
    let desk = Desk::new();
    put_monitors(&desk);
    desk.put(
        "bundle/nodes.txt",
        "NAME   STATUS     ROLES    AGE   VERSION\nn1     NotReady   <none>   90d   v1.28.4\nn2     Ready      <none>   90d   v1.28.4\n",
    );
    desk.put(
        "bundle/n1/dmesg.txt",
        "[    9.204] fan1: 80 rpm is too slow\n[    9.301] fan1: blocked\n",
    );
    desk.put("bundle/n2/dmesg.txt", "[    9.204] fan1: 80 rpm is too slow\n");
    let ended = desk.run(&[
        "analyze", "bundle", "--rules", "config", "-f", "md,json", "--lang", "en,zh", "-o", "out",
    ]);
    ended.assert_done();
    for words in [
        "skipped config/clock-plugin.json: its rules run programs",
        "skipped config/stats.json",
    ] {
        assert!(ended.err.contains(words), "{words}: {ended:?}");
    }
    let report: serde_json::Value = serde_json::from_str(&desk.text("out/bundle.en.json")).unwrap();
    let mut found: Vec<(String, String, String)> = Vec::new();
    for finding in report["findings"].as_array().unwrap() {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        if text(&finding["rule"]).starts_with("npd-") {
            found.push((
                text(&finding["rule"]),
                text(&finding["subject"]["name"]),
                text(&finding["level"]),
            ));
        }
    }
    found.sort();
    let row = |rule: &str, node: &str, level: &str| (rule.to_owned(), node.to_owned(), level.to_owned());
    assert_eq!(
        found,
        [
            row("npd-fan-monitor-fanslow", "n1", "warning"),
            row("npd-fan-monitor-fanslow", "n2", "warning"),
            row("npd-fan-monitor-fanstopped-fanblocked", "n1", "critical"),
        ]
    );
    let first = &report["root_causes"][0];
    assert_eq!(first["rule"], "npd-fan-monitor-fanstopped-fanblocked", "{first}");
    assert!(desk.text("out/bundle.zh.md").contains("状况 `FanStopped`"));
}

#[test]
fn a_file_of_programs_that_is_named_by_itself_is_refused() {
    let desk = Desk::new();
    put_monitors(&desk);
    let ended = desk.run(&["rules", "list", "--rules", "config/clock-plugin.json"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(
        ended
            .err
            .contains("run programs (plugin custom), and casefile runs none"),
        "{ended:?}"
    );
}

/// Mistakes that would come to light only in a report, or not at all.
#[test]
fn what_a_rule_cannot_mean_is_a_mistake_with_its_place() {
    for (old, new, expected) in [
        ("{{ attempts }} attempts", "{{ attemps }} attempts", "rule.yaml:8:"),
        ("{{ subject.name }}", "{{ subject.nam }}", "subject has no \"nam\""),
        ("{{ attempts }} attempts", "{{ attempts|uper }}", "no filter \"uper\""),
        (
            "{{ subject.name }}",
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "no statement \"for\"",
        ),
        (
            "giving up after (?P<attempts>\\d+)",
            "(?:a{0,60}){0,60}(?P<attempts>\\d+)",
            "rule.yaml:6:15: the pattern repeats a part of itself 3600 times",
        ),
        (
            "level: critical",
            "level: critical\nneeds: [kublet-log]",
            "rule.yaml:3:9: no datum is called",
        ),
        (
            "level: critical",
            "level: critical\nyields_to: [no-such]",
            "rule.yaml:3:13: it yields to",
        ),
        (
            "level: critical",
            "level: critical\nobjects: {kind: Pod}",
            "rule.yaml:8:1: `finds` and `objects` do not go together",
        ),
    ] {
        assert!(GAVE_UP.contains(old), "{old}");
        let file = RuleFile::of_bytes("rule.yaml".into(), "team".into(), GAVE_UP.replace(old, new).into());
        let mistakes = Rules::with_files(&[file]).err().unwrap_or_default();
        let told: Vec<String> = mistakes.iter().map(|mistake| mistake.shown(Lang::En)).collect();
        assert!(told.iter().any(|told| told.contains(expected)), "{new}: {told:?}");
    }
}

#[test]
fn a_deep_rule_is_refused_at_once_and_its_line_is_cut() {
    let file = RuleFile::of_bytes(
        "rule.yaml".into(),
        "team".into(),
        format!("id: deep\nobjects: {}\n", "[".repeat(100_000)).into(),
    );
    let mistakes = Rules::with_files(&[file]).err().unwrap_or_default();
    let told = mistakes[0].shown(Lang::En);
    assert!(told.contains("rule.yaml:2:1: ") && told.len() < 600, "{told}");
}

const MANY_REPLICAS: &str = "id: many-replicas
level: warning
objects:
  kind: Deployment
  where:
    - {path: /spec/replicas, above: 1}
";

#[test]
fn what_a_join_cannot_mean_is_a_mistake_with_its_place() {
    for (more, expected) in [
        (
            "    - {path: /spec/strategy, is: item/name}\n",
            "rule.yaml:7:34: \"item/name\" is plain text here",
        ),
        (
            "    - {path: item/port, is: 1}\n",
            "rule.yaml:7:14: there is no item without `each`",
        ),
        (
            "  with:\n    - {kind: Service}\n",
            "rule.yaml:8:8: nothing says what ties it",
        ),
        (
            "  with:\n    - {kind: Service, same: name, named: /spec/service}\n",
            "rule.yaml:8:35: either `same` or `named`",
        ),
        (
            "  with:\n    - {kind: Service, named: 'object.spec|nothing'}\n",
            "no filter \"nothing\"",
        ),
        (
            "  with:\n    - {kind: Service, same: name, where: [{path: item/port, is: 1}]}\n",
            "rule.yaml:8:50: here `path` is a field of the other object",
        ),
        (
            "  without:\n    - {kind: Service, same: name, exists: false}\n",
            "rule.yaml:8:35: `without` says already",
        ),
    ] {
        let file = RuleFile::of_bytes(
            "rule.yaml".into(),
            "team".into(),
            format!("{MANY_REPLICAS}{more}title: {{en: x}}\n").into(),
        );
        let mistakes = Rules::with_files(&[file]).err().unwrap_or_default();
        let told: Vec<String> = mistakes.iter().map(|mistake| mistake.shown(Lang::En)).collect();
        assert!(told.iter().any(|told| told.contains(expected)), "{more}: {told:?}");
    }
}

#[test]
fn mistakes_and_remarks_are_told_in_the_language_of_the_user() {
    let desk = Desk::new();
    desk.put("team/rule.yaml", GAVE_UP.replace("critical", "grave"));
    let ended = desk.run(&["rules", "test", "team", "--lang", "zh"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    for words in ["rule.yaml:2:8: level: 没有取值 grave", "规则中有 1 处错误"] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    // A kind that nobody knows may be a custom resource.
    let slip = format!(
        "{}title: {{en: x}}\n",
        MANY_REPLICAS.replace("Deployment", "Deploymnet")
    );
    desk.put("team/rule.yaml", slip);
    for (lang, words) in [
        ("en", "no kind Deploymnet is known; did you mean Deployment?"),
        ("zh", "未见过类型 Deploymnet；是否指 Deployment？"),
    ] {
        let ended = desk.run(&["rules", "test", "team", "--lang", lang]);
        ended.assert_done();
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
}

/// A fact that not every object has: the form does not tell, the finding does.
#[test]
fn a_finding_that_cannot_be_said_is_shown_by_its_id() {
    let desk = Desk::new();
    let both = format!(
        "{MANY_REPLICAS}  facts: {{paused: /spec/paused}}\ntitle: {{en: 'paused: {{{{ paused }}}}'}}\nexamples:\n  - name: 'two replicas'\n    files: {{'a.json': '{}'}}\n    fires: [{{kind: Deployment, namespace: shop, name: web}}]\n",
        r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "1"}, "spec": {"replicas": 2}}"#
    );
    desk.put("team/replicas.yaml", both);
    let tried = desk.run(&["rules", "test", "team"]);
    assert_eq!(tried.code, 1, "{tried:?}");
    assert!(tried.out.contains("cannot be said: undefined value"), "{tried:?}");
    desk.put(
        "bundle/all.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop, uid: '1'}\nspec: {replicas: 2}\n",
    );
    let ended = desk.run(&[
        "analyze", "bundle", "--rules", "team", "-f", "json", "--lang", "en", "-o", "out",
    ]);
    ended.assert_done();
    assert!(
        ended
            .err
            .contains("team/replicas.yaml: the rule many-replicas is shown by its id"),
        "{ended:?}"
    );
    let report: serde_json::Value = serde_json::from_str(&desk.text("out/bundle.en.json")).unwrap();
    let found = report["findings"].as_array().unwrap();
    let own = found.iter().find(|finding| finding["rule"] == "many-replicas").unwrap();
    assert!(
        own["title"].to_string().to_lowercase().contains("many-replicas"),
        "{own}"
    );
}

/// A custom resource that names the Secret of its certificate, as operators of databases do.
const SECRET_MISSING: &str = r"id: database-secret-missing
level: critical
objects:
  kind: Database
  without:
    - {kind: Secret, named: /spec/tls/secretName}
  facts: {secret: /spec/tls/secretName}
title: {en: '{{ subject.namespace }}/{{ subject.name }} names the Secret {{ secret }}, which there is not'}
examples:
  - name: 'one of three has its Secret, and one names none'
    files:
      'all.yaml': |
        apiVersion: example.com/v1
        kind: Database
        metadata: {name: orders, namespace: shop, uid: '1'}
        spec: {tls: {secretName: orders-tls}}
        ---
        apiVersion: example.com/v1
        kind: Database
        metadata: {name: carts, namespace: shop, uid: '2'}
        spec: {tls: {secretName: carts-tls}}
        ---
        apiVersion: example.com/v1
        kind: Database
        metadata: {name: plain, namespace: shop, uid: '3'}
        spec: {}
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: orders-tls, namespace: shop, uid: '4'}
        type: kubernetes.io/tls
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: carts-tls, namespace: elsewhere, uid: '5'}
        type: kubernetes.io/tls
    fires:
      - {kind: Database, namespace: shop, name: carts}
";

#[test]
fn a_field_of_a_custom_resource_names_the_object_beside_it() {
    let desk = Desk::new();
    desk.put("team/secret.yaml", SECRET_MISSING);
    desk.run(&["rules", "test", "team"]).assert_done();
    // What such a field cannot be is told with its place.
    desk.put(
        "team/secret.yaml",
        SECRET_MISSING.replace("named: /spec/tls/secretName", "named: 'object.spec.tls.['"),
    );
    let ended = desk.run(&["rules", "test", "team"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(
        ended.err.contains("secret.yaml:6:") && ended.err.contains("^"),
        "{}",
        ended.err
    );
}

#[test]
fn a_rule_that_costs_too_much_is_not_judged_to_its_end_and_the_report_says_so() {
    let desk = Desk::new();
    // Each pod is compared with each, by an expression of many words over objects that are large.
    let same = vec!["object.metadata.name == other.metadata.name"; 60].join(" or ");
    desk.put(
        "team/pairs.yaml",
        format!(
            "id: pairs\nlevel: warning\nobjects:\n  kind: Pod\n  with: [{{kind: Pod, same: namespace, when: '{same}'}}]\ntitle: {{en: 'a pair'}}\n"
        ),
    );
    desk.put(
        "team/first.yaml",
        "id: first\nlevel: warning\nobjects: {kind: Pod, where: [{path: /metadata/name, is: p0}]}\ntitle: {en: 'the first'}\n",
    );
    let pod = |number: usize| {
        serde_json::json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": format!("p{number}"), "namespace": "shop", "uid": number.to_string(), "annotations": {"note": "x".repeat(50_000)}},
            "spec": {"containers": [{"name": "app"}]},
        })
    };
    let pods: Vec<_> = (0..80).map(pod).collect();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": pods});
    desk.put("bundle/pods.json", list.to_string());
    let reports: Vec<String> = ["a.json", "b.json"]
        .map(|out| {
            desk.run(&[
                "analyze", "bundle", "--rules", "team", "-f", "json", "--lang", "en", "-o", out,
            ])
            .assert_done();
            desk.text(out)
        })
        .into();
    let report: serde_json::Value = serde_json::from_str(&reports[0]).unwrap();
    let check = |rule: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == rule).unwrap().clone()
    };
    assert_eq!(check("pairs")["outcome"], "unknown", "{}", check("pairs"));
    assert!(
        check("pairs").to_string().contains("used up the 50000000 steps"),
        "{}",
        check("pairs")
    );
    assert!(
        matches!(check("first")["outcome"].as_str(), Some("fail" | "risk")),
        "{}",
        check("first")
    );
    // Steps are counted, no clock is asked: it ends at the same place each time.
    assert_eq!(reports[0], reports[1]);
}
