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
fn an_overview_is_in_the_language_that_is_asked_for_or_that_of_the_locale() {
    let desk = Desk::new();
    desk.put_sample("healthy", "healthy.tar.gz");
    let chinese = desk.run(&["inspect", "healthy.tar.gz", "--files", "--lang", "zh"]);
    chinese.assert_done();
    for words in [
        "  布局            ",
        "  参考时间        ",
        "  节点            ",
        "  日志    ",
    ] {
        assert!(chinese.out.contains(words), "{words}: {}", chinese.out);
    }
    assert!(!chinese.out.contains("reference time"), "{}", chinese.out);
    let both = desk.run(&["inspect", "healthy.tar.gz", "--lang", "zh,en"]);
    assert!(
        both.out.contains("参考时间") && both.out.contains("reference time"),
        "{both:?}"
    );
    let mut command = desk.command(&["inspect", "healthy.tar.gz"]);
    command.env("LC_ALL", "zh_CN.UTF-8");
    assert!(Ended::from(command.output().unwrap()).out.contains("参考时间"));
    let wrong = desk.run(&["inspect", "healthy.tar.gz", "--lang", "fr"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}

#[test]
fn a_wrong_command_line_is_told_in_the_language_of_the_locale() {
    let desk = Desk::new();
    for (manner, chinese) in [("text", true), ("json", true), ("text", false)] {
        let mut command = desk.command(&["--error-format", manner, "inspect", "--formt", "x"]);
        command.env("LC_ALL", if chinese { "zh_CN.UTF-8" } else { "C" });
        let ended = Ended::from(command.output().unwrap());
        assert_eq!(ended.code, 2, "{ended:?}");
        assert_eq!(ended.err.contains("没有参数 '--formt'"), chinese, "{ended:?}");
        assert_eq!(ended.err.contains("unexpected argument"), !chinese, "{ended:?}");
    }
}

/// A table has neither messages nor fields: most of what can go wrong with a pod is not in it.
#[test]
fn rows_of_pods_alone_clear_little() {
    let desk = Desk::new();
    desk.put(
        "mg/ticket.txt",
        "$ kubectl get pods -n shop\n\
         NAME                   READY   STATUS             RESTARTS      AGE\n\
         web-7d9c6b5f4d-abcde   0/1     CrashLoopBackOff   12 (5m ago)   2h\n\
         api-6b8f9c7d5b-xyzab   1/1     Running            0             2d\n\
         db-0                   1/1     Running            0             9d\n",
    );
    desk.run(&["analyze", "mg", "-f", "md,json", "--lang", "en", "-o", "out"])
        .assert_done();
    let report: serde_json::Value = serde_json::from_str(&desk.text("out/mg.en.json")).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let passed: Vec<&str> = checks
        .iter()
        .filter(|check| check["outcome"] == "pass")
        .map(|check| check["id"].as_str().unwrap())
        .collect();
    assert!(passed.len() < 12, "{passed:?}");
    assert!(passed.contains(&"image-pull-backoff"), "{passed:?}");
    assert!(!passed.contains(&"app-missing-variable"), "{passed:?}");
    let text = desk.text("out/mg.en.md");
    assert!(text.contains("the kubelet restarted a container 12 times"), "{text}");
}

/// The machines' own zone follows from what k3s writes; the API and containers are in UTC.
#[test]
fn times_of_machines_in_china_stand_where_they_belong_beside_utc() {
    let desk = Desk::new();
    desk.put(
        "mg/ticket.txt",
        "[root@cp1 ~]# date\n\
         Sat Nov 21 18:30:00 CST 2026\n\
         [root@cp1 ~]# kubectl get pods -n shop -o wide\n\
         NAME                   READY   STATUS             RESTARTS      AGE   IP          NODE\n\
         web-7d9c6b5f4d-abcde   0/1     CrashLoopBackOff   12 (5m ago)   2h    10.42.0.5   cp1\n\
         [root@cp1 ~]# kubectl logs -n shop web-7d9c6b5f4d-abcde --previous\n\
         2026-11-21T10:19:41Z ERROR dial tcp 10.43.0.9:5432: connect: connection refused\n\
         [root@cp1 ~]# tail -2 /var/log/k3s.log\n\
         time=\"2026-11-21T18:17:00+08:00\" level=warning msg=\"Database schema check failed: context deadline exceeded\"\n\
         time=\"2026-11-21T18:17:20+08:00\" level=info msg=\"Starting k3s\"\n\
         [root@cp1 ~]# dmesg -T | tail -1\n\
         [Sat Nov 21 18:16:00 2026] Out of memory: Killed process 4242 (java) total-vm:8123456kB, anon-rss:4000000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:9000kB oom_score_adj:968\n",
    );
    desk.run(&["analyze", "mg", "-f", "json", "--lang", "en", "-o", "out"])
        .assert_done();
    let report: serde_json::Value = serde_json::from_str(&desk.text("out/mg.en.json")).unwrap();
    assert_eq!(report["bundles"][0]["collected_at"]["latest"], "2026-11-21T10:30:00Z");
    let findings = report["findings"].as_array().unwrap();
    let seen = |rule: &str| {
        let found = findings.iter().find(|finding| finding["rule"] == rule).expect(rule);
        found["first_seen"]["earliest"].as_str().unwrap().to_owned()
    };
    assert_eq!(seen("kernel-oom"), "2026-11-21T10:16:00Z");
    assert_eq!(seen("app-database-unreachable"), "2026-11-21T10:19:41Z");
    assert_eq!(seen("crashloopbackoff"), "2026-11-21T10:24:59Z");
}

/// `CST` is China's where the applications write its offset, and nobody's where nothing tells.
#[test]
fn a_clock_of_china_is_told_by_what_applications_write() {
    for (stamp, time) in [
        ("2026-11-21T18:19:41+0800", "2026-11-21T10:30:00Z"),
        ("2026-11-21T10:19:41Z", "2026-11-21T18:30:00Z"),
    ] {
        let desk = Desk::new();
        desk.put(
            "mg/ticket.txt",
            format!(
                "$ date\nSat Nov 21 18:30:00 CST 2026\n$ kubectl logs -n shop web-7d9c6b5f4d-abcde\n\
                 {stamp} ERROR dial tcp 10.43.0.9:5432: connect: connection refused\n"
            ),
        );
        let ended = desk.run(&["inspect", "mg", "-f", "json"]);
        ended.assert_done();
        let overview: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(overview[0]["reference_time"]["latest"], time, "{stamp}");
    }
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
