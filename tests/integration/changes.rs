//! What changed: the comparison of two bundles, what it does for the ranking, failures that no rule explains, narrowing.

use serde_json::Value;

use super::cli::Desk;
use super::support::{files, sample};

const SETTINGS: &str = r#"{"apiVersion":"v1","kind":"List","items":[
{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop","uid":"UID","resourceVersion":"UID"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"shop/web:1.0","env":[{"name":"MODE","value":"fast"},{"name":"DB_PASSWORD","value":"SECRET"}],"envFrom":[{"configMapRef":{"name":"settings"}}]}]}}},"status":{"replicas":2,"availableReplicas":2}},
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"shop","uid":"UID"},"data":{"app.conf":"host = db\nport = 5432\n"}},
{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop","uid":"UID"},"data":{"password":"c3dvcmRmaXNoLXN3b3JkZmlzaA=="}}]}"#;

fn before() -> String {
    SETTINGS.replace("UID", "10").replace("SECRET", "swordfish-swordfish")
}

/// Another image and port; other ids, which are no change.
fn after() -> String {
    before()
        .replace("\"10\"", "\"77\"")
        .replace("shop/web:1.0", "shop/web:1.1")
        .replace("5432", "5433")
        .replace("c3dvcmRmaXNoLXN3b3JkZmlzaA==", "bWFja2VyZWwtbWFja2VyZWw=")
}

fn differences(desk: &Desk) -> Vec<(String, String, String, String)> {
    let ended = desk.run(&["diff", "good", "bad", "-f", "json"]);
    ended.assert_done();
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    let groups = json["groups"].as_array().unwrap();
    let rows = groups.iter().flat_map(|group| group["rows"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| {
        (
            text(&row["subject"]["name"]),
            text(&row["path"]),
            text(&row["expected"]["en"]),
            text(&row["actual"]["en"]),
        )
    })
    .collect()
}

#[test]
fn ids_are_no_difference_and_a_line_of_a_configuration_is_one() {
    let desk = Desk::new();
    desk.put("good/all.json", before());
    desk.put("bad/all.json", after());
    let found = differences(&desk);
    let row = |name: &str, path: &str, expected: &str, actual: &str| {
        (name.to_owned(), path.to_owned(), expected.to_owned(), actual.to_owned())
    };
    let image = "spec.template.spec.containers[web].image";
    let hidden = "(a value that is not shown)";
    assert_eq!(found.len(), 3, "{found:?}");
    for wanted in [
        row("web", image, "shop/web:1.0", "shop/web:1.1"),
        row("settings", "data[app.conf]", "port = 5432", "port = 5433"),
        row("db", "data.password", hidden, hidden),
    ] {
        assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
    }
}

#[test]
fn every_form_of_the_comparison_is_in_both_languages_and_without_secrets() {
    let desk = Desk::new();
    desk.put("good/all.json", before());
    desk.put("bad/all.json", after());
    for (format, lang, words) in [
        (
            "table",
            "en",
            "image spec.template.spec.containers[web].image: shop/web:1.0 → shop/web:1.1",
        ),
        (
            "table",
            "zh",
            "镜像 spec.template.spec.containers[web].image: shop/web:1.0 → shop/web:1.1",
        ),
        ("markdown", "zh", "| 镜像"),
        ("markdown", "en", "| image"),
    ] {
        let ended = desk.run(&["diff", "good", "bad", "-f", format, "--lang", lang]);
        ended.assert_done();
        assert!(ended.out.contains(words), "{format} {lang}: {}", ended.out);
        for secret in ["swordfish", "c3dvcmRmaXNo", "bWFja2VyZWw", "mackerel"] {
            assert!(!ended.out.contains(secret), "{secret} in {}", ended.out);
        }
    }
}

#[test]
fn what_only_one_text_form_shows_is_not_removed() {
    let desk = Desk::new();
    let table = |age: &str, image: &str| {
        format!(
            "NAMESPACE   NAME   READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES         SELECTOR\nshop        web    2/2     2            2           {age}    web          {image}   app=web\n"
        )
    };
    desk.put("good/all.json", before());
    desk.put("bad/deployments.txt", table("5d", "shop/web:1.1"));
    let image = "spec.template.spec.containers[web].image".to_owned();
    let changed = vec![(
        "web".to_owned(),
        image,
        "shop/web:1.0".to_owned(),
        "shop/web:1.1".to_owned(),
    )];
    assert_eq!(
        differences(&desk),
        changed,
        "a table has neither ConfigMaps nor variables"
    );
    desk.put("good/all.json", "");
    desk.put("good/deployments.txt", table("9d", "shop/web:1.0"));
    assert_eq!(differences(&desk), changed, "an age is no difference");
}

#[test]
fn what_cannot_be_read_ends_as_with_the_other_commands() {
    let desk = Desk::new();
    desk.put("good/all.json", before());
    desk.run(&["diff", "good", "nowhere"]).assert_refused(3, &["nowhere"]);
    assert_eq!(desk.run(&["diff", "good"]).code, 2);
    assert_eq!(desk.run(&["diff", "good", "good", "-f", "yaml"]).code, 2);
}

/// A pod that ends with words that no rule knows, while its log was quiet at first.
fn put_unexplained(desk: &Desk, folder: &str) {
    desk.put(
        &format!("{folder}/pods.json"),
        r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-57b96b46b7-zv4q2","namespace":"shop","labels":{"app":"web"},"creationTimestamp":"2026-11-20T11:00:00Z","ownerReferences":[{"kind":"ReplicaSet","name":"web-57b96b46b7","controller":true}]},"spec":{"nodeName":"n1","containers":[{"name":"web","image":"shop/web:1.1"}]},"status":{"phase":"Running","containerStatuses":[{"name":"web","ready":false,"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":3,"reason":"Error","finishedAt":"2026-11-20T11:05:00Z"}}}]}}]}"#,
    );
    let mut log = String::new();
    for second in 0..300 {
        let time = format!("2026-11-20T11:{:02}:{:02}Z", second / 60, second % 60);
        log.push_str(&format!("{time} served request {second}\n"));
        if second > 200 {
            log.push_str(&format!(
                "{time} ERROR ledger {second} cannot be reconciled with epoch {}\n",
                second * 7
            ));
        }
    }
    desk.put(&format!("{folder}/logs/shop/web-57b96b46b7-zv4q2/web.log"), log);
}

fn report(desk: &Desk, args: &[&str]) -> Value {
    let mut all = vec!["analyze", "bad", "-q", "-o", "r.json", "--force"];
    all.extend(args);
    desk.run(&all).assert_done();
    serde_json::from_str(&desk.text("r.json")).unwrap()
}

#[test]
fn where_no_rule_explains_a_failure_the_report_shows_what_is_new_in_its_logs() {
    let desk = Desk::new();
    put_unexplained(&desk, "bad");
    let json = report(&desk, &[]);
    let thing = &json["unexplained"][0];
    assert_eq!(thing["subject"]["name"], "web", "{json:#}");
    assert_eq!(thing["broke"]["earliest"], "2026-11-20T11:05:00Z");
    let complaint = &thing["complaints"][0];
    assert_eq!(
        complaint["template"],
        "ERROR ledger <*> cannot be reconciled with epoch <*>"
    );
    assert_eq!(
        (&complaint["count"], &complaint["is_new"]),
        (&Value::from(99), &Value::from(true))
    );
    assert_eq!(complaint["first"]["earliest"], "2026-11-20T11:03:21Z");
    for format in ["md", "html"] {
        let name = format!("r.{format}");
        desk.run(&["analyze", "bad", "-q", "--lang", "en", "-o", &name])
            .assert_done();
        let text = desk.text(&name);
        assert!(text.contains("Failures that no rule explains"), "{text}");
    }
}

#[test]
fn a_change_next_to_an_unexplained_failure_is_a_suspect() {
    let desk = Desk::new();
    put_unexplained(&desk, "bad");
    desk.put("good/all.json", before());
    desk.put(
        "bad/all.json",
        after().replace("\"availableReplicas\":2", "\"availableReplicas\":0"),
    );
    let json = report(&desk, &["--baseline", "good"]);
    let sentences = json["unexplained"][0]["sentences"].as_array().unwrap();
    let texts: Vec<&str> = sentences.iter().map(|s| s["text"]["en"].as_str().unwrap()).collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("shop/web:1.0") && text.contains("shop/web:1.1")),
        "{texts:?}"
    );
    let changes = json["root_causes"][0]["changes"].as_array().unwrap();
    assert!(
        changes[0]["text"]["en"]
            .as_str()
            .unwrap()
            .contains("Changed since the baseline")
    );
    assert_eq!(changes[0]["refs"].as_array().unwrap().len(), 2, "both sides are cited");
}

#[test]
fn a_rollout_just_before_the_failure_is_told_with_what_it_changed() {
    let desk = Desk::new();
    put_unexplained(&desk, "bad");
    let set = |hash: &str, image: &str, time: &str, revision: &str| {
        format!(
            r#"{{"metadata":{{"name":"web-{hash}","namespace":"shop","creationTimestamp":"{time}","annotations":{{"deployment.kubernetes.io/revision":"{revision}"}},"ownerReferences":[{{"kind":"Deployment","name":"web","controller":true}}]}},"spec":{{"replicas":1,"template":{{"spec":{{"containers":[{{"name":"web","image":"{image}"}}]}}}}}},"status":{{}}}}"#
        )
    };
    let sets = [
        set("66b4f8d9c5", "shop/web:1.0", "2026-11-01T11:00:00Z", "1"),
        set("57b96b46b7", "shop/web:1.1", "2026-11-20T11:00:00Z", "2"),
    ];
    desk.put(
        "bad/replicasets.json",
        format!(
            r#"{{"kind":"ReplicaSetList","apiVersion":"apps/v1","items":[{}]}}"#,
            sets.join(",")
        ),
    );
    let json = report(&desk, &[]);
    let rows = json["timeline"].as_array().unwrap();
    let rollout = rows
        .iter()
        .find(|row| row["text"]["en"].as_str().unwrap().contains("rolled out"));
    let rollout = rollout.unwrap_or_else(|| panic!("{rows:#?}"));
    assert_eq!(rollout["kind"], "change");
    let text = rollout["text"]["en"].as_str().unwrap();
    assert!(
        text.contains("revision 2") && text.contains("shop/web:1.0 → shop/web:1.1"),
        "{text}"
    );
}

#[test]
fn a_narrowed_report_says_so_in_every_form_and_never_that_all_is_well() {
    let desk = Desk::new();
    put_unexplained(&desk, "bad");
    let json = report(&desk, &["--namespace", "elsewhere", "--since", "2026-11-01"]);
    assert_eq!(json["narrowing"]["namespaces"][0], "elsewhere");
    assert_eq!(json["narrowing"]["since"], "2026-11-01T00:00:00Z");
    assert!(json["narrowing"]["hidden"].as_u64().unwrap() > 0);
    assert_eq!(json["root_causes"].as_array().unwrap().len(), 0);
    assert_eq!(json["unexplained"].as_array().unwrap().len(), 0);
    let outside = json["checks"].as_array().unwrap().iter().any(|check| {
        check["outcome"] == "unknown"
            && check["reason"]["en"]
                .as_str()
                .unwrap()
                .contains("outside the narrowing")
    });
    assert!(outside, "a check whose findings were hidden was not judged");
    for format in ["md", "html"] {
        let name = format!("r.{format}");
        desk.run(&["analyze", "bad", "-q", "--lang", "en", "-o", &name, "-n", "elsewhere"])
            .assert_done();
        let text = desk.text(&name);
        assert!(text.contains("This report is narrowed to the namespaces"), "{text}");
        assert!(!text.contains("No anomaly found in the collected data"), "{text}");
    }
    assert!(
        report(&desk, &["-n", "shop"])["root_causes"][0].is_object(),
        "inside it stays"
    );
    assert!(report(&desk, &[])["narrowing"].is_null());
}

#[test]
fn one_node_that_is_set_up_otherwise_is_in_the_appendix() {
    let desk = Desk::new();
    for (node, forward) in [("n1", "1"), ("n2", "0"), ("n3", "1")] {
        let sysctl = format!(
            "net.ipv4.ip_forward = {forward}\nvm.swappiness = 60\nkernel.panic = 10\nkernel.hostname = {node}\n"
        );
        desk.put(&format!("bad/nodes/{node}/sysctl.txt"), sysctl);
    }
    let json = report(&desk, &[]);
    let row = &json["node_differences"][0];
    assert_eq!(
        (&row["name"], &row["odd"]),
        (&Value::from("net.ipv4.ip_forward"), &Value::from("n2"))
    );
    assert_eq!(
        (&row["odd_value"], &row["others_value"]),
        (&Value::from("0"), &Value::from("1"))
    );
    assert_eq!(json["node_differences"].as_array().unwrap().len(), 1);
}

/// A sample as it would have been collected on another day of that month.
fn put_day(desk: &Desk, name: &str, folder: &str, day: &str) {
    for (path, text) in files(&sample(name)) {
        desk.put(
            &format!("{folder}/{path}"),
            text.replace("2026-11-21", &format!("2026-11-{day}")),
        );
    }
}

#[test]
fn a_bundle_is_compared_with_the_last_one_of_its_cluster_from_another_day() {
    let desk = Desk::new();
    put_day(&desk, "crash-loop", "thursday", "19");
    put_day(&desk, "healthy", "friday", "20");
    put_day(&desk, "quota", "saturday", "21");
    let of = |args: &[&str]| {
        let ended = desk.run(&[&["analyze", "-f", "json,md", "--lang", "en,zh", "-o", "out"], args].concat());
        ended.assert_done();
        ended.err
    };
    let report = |name: &str| -> Value { serde_json::from_str(&desk.text(&format!("out/{name}.en.json"))).unwrap() };
    let compared_with = |name: &str| -> Vec<String> {
        let report = report(name);
        let bundles = report["bundles"].as_array().unwrap().iter();
        let baselines = bundles.filter(|bundle| bundle["role"] == "baseline");
        baselines
            .map(|bundle| bundle["alias"].as_str().unwrap().to_owned())
            .collect()
    };
    let said = of(&["thursday", "saturday", "friday"]);
    assert!(
        said.contains("saturday is compared with friday, an earlier bundle of the same cluster"),
        "{said}"
    );
    assert_eq!(compared_with("thursday"), Vec::<String>::new());
    assert_eq!(compared_with("friday"), ["thursday"]);
    assert_eq!(compared_with("saturday"), ["friday"]);
    let saturday = report("saturday");
    let rows = saturday["diff"].as_array().unwrap();
    assert!(
        rows.iter()
            .any(|row| row["subject"]["kind"] == "Namespace" && row["subject"]["name"] == "payments"),
        "{rows:?}"
    );
    assert!(
        desk.text("out/saturday.en.md")
            .contains("an earlier bundle of the same cluster")
    );
    assert!(desk.text("out/saturday.zh.md").contains("同一集群较早的采集"));

    // With three of them, each value says how many had it.
    put_day(&desk, "healthy", "wednesday", "18");
    let said = of(&["wednesday", "thursday", "saturday", "friday"]);
    assert!(said.contains("and with 2 before that"), "{said}");
    assert_eq!(compared_with("saturday"), ["friday"]);
    assert!(desk.text("out/saturday.en.md").contains("3 of 3 earlier bundles"));
    assert!(desk.text("out/saturday.zh.md").contains("3 份较早采集中的 3 份"));

    // The one that was named goes before.
    of(&["thursday", "saturday", "--baseline", "friday"]);
    assert_eq!(compared_with("saturday"), ["friday"]);
    of(&["friday", "saturday", "--baseline", "thursday"]);
    assert_eq!(compared_with("saturday"), ["thursday"]);

    // Bundles of one hour show one incident, and another cluster is no earlier one.
    put_day(&desk, "healthy", "noon", "21");
    of(&["noon", "saturday"]);
    assert_eq!(compared_with("saturday"), Vec::<String>::new());
    let namespaces = "friday/t00-healthy/resources/namespaces.yaml";
    let other = desk.text(namespaces).replace("b1358d51", "b1358d52");
    desk.put(namespaces, other);
    of(&["friday", "saturday"]);
    assert_eq!(compared_with("saturday"), Vec::<String>::new());
}
