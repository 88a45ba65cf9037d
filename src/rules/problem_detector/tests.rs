use super::super::{RuleFile, Rules};
use crate::cluster::reading_for;
use crate::rules::{Input, Outcome};

/// An own file in the form of node-problem-detector's kernel monitor.
const KERNEL: &str = r#"{
	"plugin": "kmsg",
	"logPath": "/dev/kmsg",
	"lookback": "5m",
	"source": "fan-monitor",
	"metricsReporting": true,
	"conditions": [{"type": "FanStopped", "reason": "FanTurns", "message": "the fan turns"}],
	"rules": [
		{"type": "temporary", "reason": "FanSlow", "pattern": "fan\\d+: \\d+ rpm is too slow"},
		{"type": "temporary", "reason": "FanSlow", "pattern": "fan\\d+: slower than asked"},
		{"type": "temporary", "reason": "FanLost", "pattern": "fan(\\d+): no answer\\nfan\\d+: given up"},
		{"type": "permanent", "condition": "FanStopped", "reason": "FanBlocked", "pattern": "^fan\\d+: blocked"}
	]
}
"#;

const NODES: &str = "NAME   STATUS   ROLES    AGE   VERSION\nn1     Ready    <none>   90d   v1.28.4\nn2     Ready    <none>   90d   v1.28.4\n";

fn file(name: &str, text: &str) -> RuleFile {
    RuleFile::of_bytes(format!("config/{name}"), "config".into(), text.into())
}

fn mistakes(text: &str) -> String {
    match Rules::with_files(&[file("monitor.json", text)]) {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes
            .iter()
            .map(|mistake| format!("{}\n", mistake.shown(crate::model::Lang::En)))
            .collect(),
    }
}

/// Which rules find what on which nodes, of these logs.
fn found(texts: &[&str], logs: &[(&str, &str)]) -> Vec<(String, String, u64)> {
    let files: Vec<RuleFile> = texts.iter().map(|text| file("monitor.json", text)).collect();
    let rules = Rules::with_files(&files).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let files: Vec<(&str, &str)> = std::iter::once(("nodes.txt", NODES))
        .chain(logs.iter().copied())
        .collect();
    let snapshot = reading_for(rules.signatures(), &files);
    let input = Input {
        snapshot: &snapshot,
        baseline: None,
    };
    let mut found = Vec::new();
    for rule in rules.iter().filter(|rule| !rule.is_built_in) {
        if let Outcome::Judged(findings) = rule.judge(&input) {
            for finding in findings {
                let id = finding.rule.trim_start_matches("npd-").to_owned();
                found.push((id, finding.subject.name, finding.count));
            }
        }
    }
    found
}

fn one(id: &str, node: &str, count: u64) -> Vec<(String, String, u64)> {
    vec![(id.to_owned(), node.to_owned(), count)]
}

#[test]
fn a_line_of_the_kernel_is_found_on_its_node_in_every_form() {
    for line in [
        "[    1.204] fan1: 80 rpm is too slow",
        "[Tue Jan 21 18:20:44 2025] fan1: 80 rpm is too slow",
        "Nov 21 10:20:42 n1 kernel: fan1: 80 rpm is too slow",
        "2026-11-21T10:20:42+00:00 n1 kernel: [    1.204] fan1: 80 rpm is too slow",
    ] {
        let log = format!("{line}\n");
        assert_eq!(
            found(&[KERNEL], &[("n1/dmesg.txt", &log)]),
            one("fan-monitor-fanslow", "n1", 1),
            "{line}"
        );
    }
}

#[test]
fn a_match_reaches_the_end_of_the_message_and_comes_from_the_kernel() {
    for line in [
        "[    1.204] fan1: 80 rpm is too slow for this room",
        "Nov 21 10:20:42 n1 watcher[88]: fan1: 80 rpm is too slow",
        "Nov 21 10:20:42 n1 kernel: the fan1: blocked",
    ] {
        let log = format!("{line}\n");
        assert_eq!(found(&[KERNEL], &[("n1/messages", &log)]), [], "{line}");
    }
    let log = "Nov 21 10:20:42 n1 kernel: fan1: blocked\n";
    assert_eq!(
        found(&[KERNEL], &[("n1/messages", log)]),
        one("fan-monitor-fanstopped-fanblocked", "n1", 1)
    );
}

#[test]
fn rules_of_one_name_are_one_and_a_file_may_be_given_twice() {
    let log = "[    1.2] fan1: 80 rpm is too slow\n[    1.3] fan1: slower than asked\n";
    assert_eq!(
        found(&[KERNEL, KERNEL], &[("n2/dmesg.txt", log)]),
        one("fan-monitor-fanslow", "n2", 2)
    );
}

#[test]
fn an_expression_over_two_lines_needs_both_in_order_and_near() {
    let (lost, up) = ("[    1.2] fan3: no answer\n", "[    1.3] fan3: given up\n");
    let quiet = "[    1.2] all is well\n".repeat(12);
    let of = |log: String| found(&[KERNEL], &[("n1/dmesg.txt", &log)]);
    assert_eq!(of(format!("{lost}{up}")), one("fan-monitor-fanlost", "n1", 1));
    for log in [format!("{up}{lost}"), format!("{lost}{quiet}{up}"), up.to_owned()] {
        assert_eq!(of(log.clone()), [], "{log}");
    }
}

#[test]
fn commas_before_the_end_of_a_list_are_passed_over_and_those_of_texts_stay() {
    let text = r#"{"plugin": "kmsg", "source": "fans", "rules": [
        {"type": "temporary", "reason": "FanOdd", "pattern": "fan \\[1,] is \"odd\",}",},
    ],}"#;
    let log = "[    1.2] fan [1,] is \"odd\",}\n";
    assert_eq!(found(&[text], &[("n1/dmesg.txt", log)]), one("fans-fanodd", "n1", 1));
}

#[test]
fn a_journals_source_is_asked_for() {
    let text = r#"{"plugin": "journald", "pluginConfig": {"source": "systemd"}, "source": "units", "conditions": [],
        "rules": [{"type": "temporary", "reason": "FanStart", "pattern": "Started (fan|fan\\.service)\\."}]}"#;
    let log = |writer: &str| format!("Nov 21 10:20:42 n1 {writer}: Started fan.service.\n");
    let of = |writer: &str| found(&[text], &[("n1/journald/kubelet", &log(writer))]);
    assert_eq!(of("systemd[1]"), one("units-fanstart", "n1", 1));
    assert_eq!(of("fand[1]"), []);
}

#[test]
fn a_files_messages_are_taken_out_of_its_lines() {
    let text = r#"{"plugin": "filelog", "pluginConfig": {"timestamp": "^time=\"(\\S*)\"", "message": "msg=\"([^\n]*)\"", "timestampFormat": "x"},
        "logPath": "/var/log/docker.log", "skipList": ["debug"], "source": "layers", "conditions": [],
        "rules": [{"type": "temporary", "reason": "LayerTorn", "pattern": "^layer torn: .*"}]}"#;
    let of = |line: &str| found(&[text], &[("n1/docker.log", line)]);
    let line = "time=\"2026-11-21T10:20:42Z\" level=error msg=\"layer torn: sha256:1\"\n";
    assert_eq!(of(line), one("layers-layertorn", "n1", 1));
    assert_eq!(of(&line.replace("error", "debug")), [], "skipped");
    assert_eq!(
        of("time=\"2026-11-21T10:20:42Z\" level=error layer torn: 1\n"),
        [],
        "no message"
    );
}

#[test]
fn what_cannot_be_used_is_told_where_it_is() {
    let programs = r#"{"plugin": "custom", "pluginConfig": {"concurrency": 3}, "source": "s", "rules": [{"type": "permanent", "path": "./check.sh"}]}"#;
    for (text, words) in [
        (programs.to_owned(), "run programs"),
        (r#"{"cpu": {}}"#.into(), "no rule file of node-problem-detector"),
        (
            KERNEL.replace("kmsg", "carrier-pigeon"),
            "monitor.json:2:13: the plugin",
        ),
        (
            KERNEL.replace(
                "\"temporary\", \"reason\": \"FanLost\"",
                "\"now\", \"reason\": \"FanLost\"",
            ),
            "monitor.json:11:",
        ),
        (
            KERNEL.replace("\"condition\": \"FanStopped\", ", ""),
            "FanBlocked is permanent and names no condition",
        ),
        (KERNEL.replace("^fan\\\\d+: blocked", "("), "monitor.json:12:"),
        (KERNEL.replace("^fan\\\\d+: blocked", "\\\\d+"), "needs a literal part"),
        (KERNEL.replace("\"rules\": [", "\"rules\": [,"), "monitor.json:8:"),
    ] {
        let told = mistakes(&text);
        assert!(told.contains(words), "{words}: {told}");
    }
}
