//! Settings, what decides over what, and the exit codes that scripts go by.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::cli::{Desk, Ended};
use super::support::{SAMPLES, sample};

/// A desk with a sample, and a user's folder of settings of its own.
fn desk_with(name: &str) -> Desk {
    let desk = Desk::new();
    desk.put(&format!("{name}.tar.gz"), fs::read(sample(name)).unwrap());
    desk
}

fn run(desk: &Desk, variables: &[(&str, &str)], args: &[&str]) -> Ended {
    let mut command: Command = desk.command(args);
    command.env("XDG_CONFIG_HOME", desk.path().join("xdg"));
    command.envs(variables.iter().copied());
    Ended::from(command.output().unwrap())
}

#[test]
fn options_go_before_variables_before_the_folders_file_before_the_users() {
    let desk = desk_with("quota");
    let zone = |desk: &Desk, variables: &[(&str, &str)], more: &[&str]| {
        let args = [
            &["analyze", "quota.tar.gz", "-o", "out", "-f", "md", "--lang", "en"],
            more,
        ]
        .concat();
        run(desk, variables, &args).assert_done();
        let text = desk.text("out/quota.en.md");
        text.split("timezone: \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(zone(&desk, &[], &[]), "+00:00");
    desk.put("xdg/casefile/config.toml", "tz = \"+01:00\"\n");
    assert_eq!(zone(&desk, &[], &[]), "+01:00");
    desk.put(".casefile.toml", "tz = \"+02:00\"\n");
    assert_eq!(zone(&desk, &[], &[]), "+02:00");
    assert_eq!(zone(&desk, &[("CASEFILE_TZ", "+03:00")], &[]), "+03:00");
    assert_eq!(zone(&desk, &[("CASEFILE_TZ", "+03:00")], &["--tz", "+04:00"]), "+04:00");
    desk.put("mine.toml", "tz = \"+05:00\"\n");
    assert_eq!(zone(&desk, &[], &["--config", "mine.toml"]), "+05:00");
    assert_eq!(zone(&desk, &[], &["--no-config"]), "+00:00");
}

#[test]
fn wrong_settings_are_told_with_their_place() {
    let desk = desk_with("quota");
    for (text, words) in [
        (
            "lang = \"en\"\nformts = []\n",
            &[".casefile.toml, line 2, column 1", "formts", "did you mean formats?"][..],
        ),
        (
            "[rules]\ndisable = [\"resourcequota-missing-request\"]\n",
            &["rules.disable", "did you mean resourcequota-missing-requests?"],
        ),
        ("[redact]\nextra = [\"abc\"]\n", &["redact.extra", "less than 4"]),
        ("tz = \"Mars\"\n", &["Mars", "+08:00"]),
        ("formats = [\"pdf\"]\n", &["pdf", "sarif"]),
    ] {
        desk.put(".casefile.toml", text);
        run(&desk, &[], &["analyze", "quota.tar.gz", "-o", "out"]).assert_refused(2, words);
    }
    run(&desk, &[], &["analyze", "quota.tar.gz", "--config", "gone.toml"])
        .assert_refused(2, &["gone.toml", "--config"]);
}

#[test]
fn settings_decide_formats_languages_rules_owners_and_masking() {
    let desk = desk_with("quota");
    desk.put(
        ".casefile.toml",
        "lang = \"zh\"\nformats = [\"json\", \"md\"]\nenvironment = \"staging\"\nseverity_scheme = \"p0\"\n\
         [owners]\npayments = \"team payments\"\n[redact]\nextra = [\"must specify limits.cpu\"]\n",
    );
    run(&desk, &[], &["analyze", "quota.tar.gz", "-o", "out"]).assert_done();
    let report: Value = serde_json::from_str(&desk.text("out/quota.zh.json")).unwrap();
    let plain = SAMPLES["quota"].json.to_string();
    let named = "must specify limits.cpu";
    assert!(
        plain.contains(named) && !report.to_string().contains(named),
        "what the settings call secret is masked"
    );
    let suggested = report["incident"]["severity"]["suggested"].as_str().unwrap();
    assert!(
        ["P2", "P3"].contains(&suggested),
        "{suggested}: at most the third level, in the names of the scheme"
    );
    assert!(
        desk.text("out/quota.zh.md").contains("建议 team payments · 【待填写"),
        "proposed beside the blank"
    );

    desk.put(
        ".casefile.toml",
        "[rules]\ndisable = [\"resourcequota-missing-requests\"]\n",
    );
    run(
        &desk,
        &[],
        &["analyze", "quota.tar.gz", "-o", "out", "-f", "json", "--lang", "en"],
    )
    .assert_done();
    let report: Value = serde_json::from_str(&desk.text("out/quota.en.json")).unwrap();
    let checks = report["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .all(|check| check["id"] != "resourcequota-missing-requests")
    );
}

/// A rule of one's own, by its id.
fn rule(id: &str) -> String {
    format!(
        "id: {id}\nlevel: warning\nobjects: {{kind: Namespace, where: [{{path: /metadata/name, is: kube-system}}]}}\ntitle: {{en: '{id} was tried'}}\n"
    )
}

fn tried(desk: &Desk, args: &[&str]) -> Vec<String> {
    let ended = run(
        desk,
        &[],
        &[&["analyze", "-f", "json", "--lang", "en", "-o", "r.json"], args].concat(),
    );
    ended.assert_done();
    let report: Value = serde_json::from_str(&desk.text("r.json")).unwrap();
    let checks = report["checks"].as_array().unwrap().iter();
    let ids = checks.map(|check| check["id"].as_str().unwrap().to_owned());
    ids.filter(|id| id.starts_with("own-")).collect()
}

#[test]
fn settings_name_directories_of_rules_relative_to_themselves() {
    let desk = desk_with("quota");
    desk.put("team/one.yaml", rule("own-one"));
    desk.put("more/two.yaml", rule("own-two"));
    desk.put("xdg/casefile/config.toml", "[rules]\ndirs = [\"../../team\"]\n");
    assert_eq!(tried(&desk, &["quota.tar.gz"]), ["own-one"]);
    assert_eq!(
        tried(&desk, &["quota.tar.gz", "--rules", "more", "--rules", "team"]),
        ["own-two", "own-one"]
    );
    assert_eq!(tried(&desk, &["quota.tar.gz", "--no-config"]), Vec::<String>::new());
    for (args, shown) in [
        (&["rules", "list"][..], "own-one"),
        (&["rules", "show", "own-one"], "id: own-one"),
        (&["explain", "own-one"], "own-one"),
    ] {
        let ended = run(&desk, &[], args);
        ended.assert_done();
        assert!(ended.out.contains(shown), "{args:?}: {ended:?}");
    }
    run(&desk, &[], &["rules", "show", "own-one", "--no-config"]).assert_refused(2, &["own-one"]);
    desk.put(".casefile.toml", "[rules]\ndirs = [\"gone\"]\n");
    run(&desk, &[], &["analyze", "quota.tar.gz", "-o", "out"]).assert_refused(2, &["gone"]);
}

/// Whoever made a bundle must not choose how it is judged.
#[test]
fn settings_inside_a_bundle_are_never_read() {
    let desk = Desk::new();
    desk.put(
        "bundle/pods.txt",
        "NAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          5m\n",
    );
    desk.put("bundle/rules/evil.yaml", rule("own-evil"));
    desk.put(
        "bundle/.casefile.toml",
        "[rules]\ndirs = [\"rules\"]\ndisable = [\"crashloopbackoff\"]\n",
    );
    let inside = |args: &[&str]| {
        let mut command = desk.command(&[&["analyze", "-f", "json", "-o", "../out.json", "--force"], args].concat());
        command.env("XDG_CONFIG_HOME", desk.path().join("xdg"));
        command.current_dir(desk.path().join("bundle"));
        Ended::from(command.output().unwrap())
    };
    let ended = inside(&["."]);
    ended.assert_done();
    assert!(ended.err.contains(".casefile.toml is not read"), "{ended:?}");
    assert!(!desk.text("out.json").contains("own-evil"));
    // Whoever names it means it.
    inside(&[".", "--config", ".casefile.toml"]).assert_done();
    assert!(desk.text("out.json").contains("own-evil"));
}

#[test]
fn scripts_can_tell_what_was_found_from_what_went_wrong() {
    let desk = desk_with("quota");
    desk.put("healthy.tar.gz", fs::read(sample("healthy")).unwrap());
    let code = |args: &[&str]| run(&desk, &[], &[&["analyze", "-o", "out", "-q"], args].concat()).code;
    assert_eq!(code(&["quota.tar.gz"]), 0);
    for level in ["critical", "warning", "any"] {
        assert_eq!(code(&["quota.tar.gz", "--fail-on", level]), 1, "{level}");
    }
    assert_eq!(code(&["quota.tar.gz", "--fail-on", "none"]), 0);
    assert_eq!(code(&["healthy.tar.gz", "--fail-on", "critical"]), 0);
    assert!(
        desk.path().join("out/quota.en.html").exists(),
        "the report is written all the same"
    );

    let whole = fs::read(sample("quota")).unwrap();
    desk.put("cut.tar.gz", &whole[..whole.len() / 2]);
    assert_eq!(code(&["cut.tar.gz"]), 0);
    assert_eq!(code(&["cut.tar.gz", "--strict"]), 4);
    assert_eq!(
        code(&["quota.tar.gz", "gone.tar.gz", "--fail-on", "any"]),
        3,
        "the gravest counts"
    );
}

// ---------------------------------------------------------------- manner

#[test]
fn a_bundle_alone_is_analysed_also_from_standard_input() {
    let desk = desk_with("quota");
    run(&desk, &[], &["quota.tar.gz", "-o", "a.json", "-q"]).assert_done();
    let mut command = desk.command(&["-", "-o", "b.json", "-q"]);
    command.stdin(fs::File::open(desk.path().join("quota.tar.gz")).unwrap());
    Ended::from(command.output().unwrap()).assert_done();
    let causes =
        |file: &str| serde_json::from_str::<Value>(&desk.text(file)).unwrap()["root_causes"][0]["title"].clone();
    assert_eq!(causes("a.json"), causes("b.json"));
    run(&desk, &[], &["gone.tar.gz"]).assert_refused(3, &["no such file", "gone.tar.gz"]);
}

#[test]
fn errors_can_be_objects() {
    let desk = Desk::new();
    let ended = run(&desk, &[], &["analyze", "gone.tar.gz", "--error-format", "json"]);
    let told: Value = serde_json::from_str(ended.err.trim()).unwrap();
    assert_eq!((ended.code, &told["level"]), (3, &"error".into()));
    assert!(told["message"].as_str().unwrap().contains("gone.tar.gz"));
    let ended = run(&desk, &[], &["analyze", "x", "--baselin", "y", "--error-format=json"]);
    let told: Value = serde_json::from_str(ended.err.trim()).unwrap();
    assert_eq!(ended.code, 2);
    assert!(
        told["message"].as_str().unwrap().contains("--baseline"),
        "the nearest option is named: {told}"
    );
}

#[test]
fn colour_is_for_terminals_and_for_whoever_asks() {
    let desk = Desk::new();
    let coloured = |variables: &[(&str, &str)], more: &[&str]| {
        run(&desk, variables, &[&["analyze", "gone.tar.gz"], more].concat())
            .err
            .contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]), "a pipe is no terminal");
    assert!(coloured(&[], &["--color", "always"]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &["--color=never"]));
}

#[test]
fn the_program_explains_itself_in_the_language_of_the_locale() {
    let desk = Desk::new();
    for (locale, words) in [("en_US.UTF-8", "offline"), ("zh_CN.UTF-8", "离线")] {
        let alone = run(&desk, &[("LANG", locale)], &[]);
        alone.assert_done();
        assert!(alone.out.lines().count() == 5 && alone.out.contains(words), "{alone:?}");
        let help = run(&desk, &[("LANG", locale)], &["help", "analyze"]);
        help.assert_done();
        assert!(help.out.contains("--fail-on"), "{help:?}");
        assert_eq!(help.out.contains("退出码"), locale.starts_with("zh"), "{help:?}");
    }
    let help = run(&desk, &[], &["--help"]);
    assert!(
        help.out.find("Examples:") < help.out.find("Usage:"),
        "examples come first: {}",
        help.out
    );
}

#[test]
fn completions_a_manual_and_the_version_come_from_the_program() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(&desk, &[], &["completions", shell]);
        script.assert_done();
        assert!(
            script.out.contains("fail-on") && script.out.contains("casefile"),
            "{shell}"
        );
    }
    let page = run(&desk, &[], &["man", "analyze"]);
    page.assert_done();
    assert!(
        page.out.contains(".TH") && page.out.contains("baseline"),
        "{}",
        page.out
    );
    run(&desk, &[], &["man", "nothing"]).assert_refused(2, &["nothing", "casefile help"]);
    let version: Value = serde_json::from_str(&run(&desk, &[], &["version", "--json"]).out).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

// ---------------------------------------------------------------- what concerns other commands

/// A bundle in which a customer is named in a place that every command shows.
fn put_customers(desk: &Desk, folder: &str, image: &str) {
    let pods = serde_json::json!({"kind": "PodList", "apiVersion": "v1", "items": [
        {"metadata": {"name": "web-0", "namespace": "shop"},
         "spec": {"nodeName": "n1", "containers": [{"name": "app", "image": image, "env": [{"name": "FOR", "value": image}]}]},
         "status": {"phase": "Running"}}]});
    desk.put(&format!("{folder}/cluster-resources/pods/shop.json"), pods.to_string());
    desk.put(
        &format!("{folder}/logs/cust-481516.log"),
        "2026-11-21T10:00:00Z order of cust-481516 by Meier\n",
    );
}

#[test]
fn every_command_heeds_the_settings_that_concern_it() {
    let desk = Desk::new();
    put_customers(&desk, "good", "harbor/cust-481516:1");
    put_customers(&desk, "bad", "harbor/cust-235813:1");
    let all = [
        &["inspect", "bad", "--files"][..],
        &["inspect", "bad", "--files", "-f", "json"],
        &["diff", "good", "bad"],
        &["redact", "bad", "-o", "clean", "--force"],
    ];
    let shown = |args: &[&str]| -> String {
        std::fs::create_dir_all(desk.path().join("clean")).unwrap();
        let ended = run(&desk, &[], args);
        ended.assert_done();
        let mut text = ended.out;
        if args[0] == "redact" {
            for (path, content) in super::support::files(&desk.path().join("clean/bad-redacted.tar.gz")) {
                text.push_str(&format!("{path}\n{content}\n"));
            }
        }
        text
    };
    let named = |text: &str| text.contains("cust-") || text.contains("Meier");
    for args in all {
        assert!(named(&shown(args)), "{args:?} shows no customer, so nothing is tested");
    }
    desk.put(
        ".casefile.toml",
        "lang = \"zh\"\n[redact]\nextra = [\"/cust-[0-9]{6}/\", \"Meier\"]\n",
    );
    for args in all {
        let text = shown(args);
        assert!(!named(&text), "{args:?}: {text}");
        assert!(named(&shown(&[args, &["--no-config"]].concat())), "{args:?}");
    }
    let chinese = shown(&["diff", "good", "bad"]);
    assert!(
        chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
        "{chinese}"
    );
    desk.put(".casefile.toml", "[redact]\nextra = [\"/x*/\"]\n");
    for args in all {
        run(&desk, &[], args).assert_refused(2, &["redact.extra", "/x*/", "less than 4"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_collection_masks_what_settings_call_secret() {
    let desk = Desk::new();
    desk.put("root/etc/hostname", "n1\n");
    desk.put(
        "root/etc/rancher/rke2/config.yaml",
        "node-label:\n- owner=cust-481516\n",
    );
    desk.put(".casefile.toml", "[redact]\nextra = [\"/cust-[0-9]{6}/\"]\n");
    let args = ["collect", "--no-cluster", "--root", "root", "-q", "-o", "n1.tar.gz"];
    run(&desk, &[], &args).assert_done();
    let files = super::support::files(&desk.path().join("n1.tar.gz"));
    let config = files.iter().find(|(path, _)| path.ends_with("config.yaml")).unwrap().1;
    assert!(
        config.contains("owner=‹secret-") && !config.contains("cust-481516"),
        "{config}"
    );
}

#[test]
fn reports_bear_the_time_that_they_are_given_and_no_other() {
    let desk = desk_with("quota");
    let made = |variables: &[(&str, &str)], more: &[&str]| {
        let formats = "md,html,json,sarif,junit";
        let args = [
            &["analyze", "quota.tar.gz", "-o", "out", "-f", formats, "--lang", "en"],
            more,
        ]
        .concat();
        run(&desk, variables, &args).assert_done();
        ["md", "html", "json", "sarif", "junit.xml"].map(|ending| desk.text(&format!("out/quota.en.{ending}")))
    };
    let time = "2033-05-18T03:33:20Z";
    let plain = made(&[], &[]);
    let stamped = made(&[("SOURCE_DATE_EPOCH", "2000000000")], &[]);
    for (with, without) in stamped.iter().zip(&plain) {
        assert!(with.contains(time) && !without.contains("2033"));
    }
    assert_eq!(stamped, made(&[], &["--generated-at", time]));
    assert_eq!(
        stamped,
        made(
            &[("SOURCE_DATE_EPOCH", "1")],
            &["--generated-at", "2033-05-18T11:33:20+08:00"]
        )
    );
    let report: Value = serde_json::from_str(&stamped[2]).unwrap();
    assert_eq!(report["generated_at"], time);
    // No report was made before its bundle was collected.
    assert_eq!(plain, made(&[("SOURCE_DATE_EPOCH", "1")], &[]));
    let wrong = run(
        &desk,
        &[("SOURCE_DATE_EPOCH", "today")],
        &["analyze", "quota.tar.gz", "-o", "out"],
    );
    wrong.assert_refused(2, &["SOURCE_DATE_EPOCH", "today", "1970"]);
    assert_eq!(
        run(&desk, &[], &["analyze", "quota.tar.gz", "--generated-at", "today"]).code,
        2
    );
}
