//! What somebody meets who tries things out: folders of folders, inputs that are no bundles, names that do not exist.

use std::fs;

use super::cli::{Desk, Ended};
use super::support::sample;

#[test]
fn folders_of_folders_of_bundles_are_many_bundles() {
    let desk = Desk::new();
    desk.put_sample("quota", "in/siteA/quota.tar.gz");
    desk.put_sample("healthy", "in/siteA/healthy.tar.gz");
    desk.put_sample("crash-loop", "in/siteB/crash-loop.tar.gz");
    desk.put("in/siteA/ticket.txt", "the customer says that it is slow\n");
    let ended = desk.run(&["analyze", "in", "-o", "out", "-f", "md"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.err.contains("skipped ticket.txt") && ended.err.contains("name it by itself"),
        "{ended:?}"
    );
    assert_eq!(
        desk.names("out"),
        ["crash-loop.en.md", "healthy.en.md", "index.md", "quota.en.md"]
    );
}

#[test]
fn what_is_no_bundle_is_not_found_to_be_well() {
    let desk = Desk::new();
    desk.put("hello.txt", "hello world\n");
    let ended = desk.run(&["analyze", "hello.txt", "--strict", "-o", "out", "-f", "md"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.out.contains("Nothing could be judged"), "{ended:?}");
    let report = fs::read_to_string(desk.path().join("out/hello.en.md")).unwrap();
    assert!(!report.contains("No anomaly"), "{report}");
}

#[test]
fn a_bundle_that_broke_off_is_called_incomplete() {
    let desk = Desk::new();
    let whole = fs::read(sample("healthy")).unwrap();
    desk.put("cut.tar.gz", &whole[..whole.len() / 2]);
    desk.put_sample("healthy", "few.tar.gz");
    for (name, option) in [("cut", "200000"), ("few", "60")] {
        let bundle = format!("{name}.tar.gz");
        let ended = desk.run(&[
            "analyze",
            &bundle,
            "--max-entries",
            option,
            "-o",
            "out",
            "-f",
            "md",
            "--force",
        ]);
        assert_eq!(ended.code, 0, "{ended:?}");
        let report = fs::read_to_string(desk.path().join(format!("out/{name}.en.md"))).unwrap();
        let head = report.split("## 1.").next().unwrap();
        assert!(
            head.contains("title: \"Bundle check: the bundle is incomplete"),
            "{head}"
        );
        assert!(
            head.contains("The bundle is incomplete") && !head.contains("found in the collected data"),
            "{head}"
        );
    }
}

#[test]
fn a_narrowing_to_what_is_not_there_names_what_is() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    let ended = desk.run(&[
        "analyze",
        "quota.tar.gz",
        "-n",
        "nosuch",
        "--node",
        "nope",
        "-o",
        "out",
        "-f",
        "md",
    ]);
    assert_eq!(ended.code, 0, "{ended:?}");
    for words in [
        "the bundle has no namespace nosuch; it has ",
        "payments",
        "no node nope; it has node-1",
    ] {
        assert!(ended.err.contains(words), "{words}: {ended:?}");
    }
    let report = fs::read_to_string(desk.path().join("out/quota.en.md")).unwrap();
    assert!(
        report.contains("The bundle has no namespace `nosuch`; it has "),
        "{report}"
    );
    assert!(
        report.contains("# Bundle check: the bundle has no such namespace or node"),
        "{report}"
    );
}

#[test]
fn rules_that_are_not_there_are_named_with_who_names_them() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    desk.put("casefile.toml", "[rules]\ndirs = [\"team-rules\"]\n");
    let ended = desk.run(&["analyze", "quota.tar.gz", "--config", "casefile.toml"]);
    ended.assert_refused(2, &["team-rules: no such file", "[rules] of casefile.toml", "make it"]);
    let ended = desk.run(&["analyze", "quota.tar.gz", "--rules", "nodir"]);
    ended.assert_refused(2, &["nodir: no such file", "by --rules", "make it"]);
    let ended = desk.run(&["rules", "test", "nodir"]);
    ended.assert_refused(2, &["nodir: no such file", "make it"]);
    let ended = desk.run(&["rules", "new", "Bad ID"]);
    ended.assert_refused(2, &["Bad ID", "a-z"]);
}

#[test]
fn a_difference_shows_what_only_one_side_has_and_nothing_that_every_namespace_gets() {
    let desk = Desk::new();
    desk.put_sample("healthy", "healthy.tar.gz");
    desk.put_sample("quota", "quota.tar.gz");
    let ended = desk.run(&["diff", "healthy.tar.gz", "quota.tar.gz"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    for words in ["Deployment payments/", "ResourceQuota payments/"] {
        assert!(ended.out.contains(words), "{words}: {ended:?}");
    }
    assert!(!ended.out.contains("openshift-service-ca.crt"), "{ended:?}");
}

#[test]
fn an_archive_on_standard_input_is_read_by_every_command_for_bundles() {
    let desk = Desk::new();
    desk.put_sample("healthy", "healthy.tar.gz");
    let fed = |args: &[&str]| {
        let mut command = desk.command(args);
        command.stdin(fs::File::open(sample("quota")).unwrap());
        Ended::from(command.output().unwrap())
    };
    assert!(fed(&["inspect", "-"]).out.contains("kubelet v1.36.2"));
    assert!(fed(&["diff", "healthy.tar.gz", "-"]).out.contains("payments"));
    fed(&["redact", "-", "-o", "masked.tar.gz"]).assert_done();
    assert!(desk.path().join("masked.tar.gz").is_file());
}

#[test]
fn kinds_of_other_groups_are_no_core_kinds() {
    let desk = Desk::new();
    desk.put(
        "mg/nodes.yaml",
        "apiVersion: v1\nkind: Node\nmetadata: {name: w1, uid: a}\n---\napiVersion: config.openshift.io/v1\nkind: Node\nmetadata: {name: cluster, uid: b}\n",
    );
    let ended = desk.run(&["inspect", "mg"]);
    ended.assert_done();
    let nodes: Vec<&str> = ended
        .out
        .lines()
        .filter(|line| line.trim_start().starts_with("nodes "))
        .collect();
    assert_eq!(nodes.len(), 1, "{ended:?}");
    assert!(nodes[0].contains("w1") && !nodes[0].contains("cluster"), "{ended:?}");
    assert!(ended.out.contains("nodes.config.openshift.io"), "{ended:?}");
}

#[test]
fn severity_and_zone_are_the_same_wherever_they_are_shown() {
    let desk = Desk::new();
    desk.put_sample("share-mnt", "a.tar.gz");
    desk.put_sample("quota", "b.tar.gz");
    let args = [
        "analyze",
        "a.tar.gz",
        "b.tar.gz",
        "-o",
        "out",
        "-f",
        "md,github-issue",
        "--tz",
        "Asia/Shanghai",
    ];
    desk.run(&args).assert_done();
    let read = |name: &str| fs::read_to_string(desk.path().join("out").join(name)).unwrap();
    let report = read("a.en.md");
    let level = report
        .lines()
        .find_map(|line| line.strip_prefix("severity_suggested: "))
        .unwrap()
        .trim_matches('"')
        .to_owned();
    assert_eq!(level, "P1–P2");
    assert!(report.contains("Suggested severity**: P1–P2"), "{report}");
    assert!(read("index.md").contains("| P1–P2 |"));
    assert!(
        desk.names("out")
            .iter()
            .any(|name| name.starts_with("a.en") && read(name).contains("labels: incident, P1–P2"))
    );
    let body = report.split("## Appendix").next().unwrap();
    assert!(body.contains("+08:00") && !body.contains("+00:00"), "{body}");
}

#[cfg(unix)]
#[test]
fn links_that_redact_leaves_out_are_named() {
    let desk = Desk::new();
    desk.put("in/a/pods.txt", "all is well\n");
    std::os::unix::fs::symlink("pods.txt", desk.path().join("in/a/latest.txt")).unwrap();
    let ended = desk.run(&["redact", "in", "-o", "out.tar.gz"]);
    ended.assert_done();
    assert!(
        ended.out.contains("a link, left out") && ended.out.contains("latest.txt"),
        "{ended:?}"
    );
}
