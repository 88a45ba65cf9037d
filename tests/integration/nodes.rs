//! `casefile collect --nodes` with an `ssh` of the test's own, which runs everything on this machine and fails in the ways that matter.
//! The real one is in `tests/real/ssh.sh`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support;

/// Takes ssh's arguments, and does what the host's name says.
const SSH: &str = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
host=$2; command=$3
export TMPDIR="$STUB/tmp" HOME="$STUB/tmp"
run() { sh -c "$command"; }
case $host in
refused) echo "ssh: connect to host refused port 22: Connection refused" >&2; exit 255 ;;
denied) echo "root@denied: Permission denied (publickey)." >&2; exit 255 ;;
unknown) echo "Host key verification failed." >&2; exit 255 ;;
silent) exec sleep 600 ;;
proxied) sleep 600 & echo $! >"$STUB/proxy"; wait ;;
chatty) echo "Welcome to chatty, 3 updates wait"; run ;;
broken) run | head -c 2000; echo "client_loop: send disconnect: Broken pipe" >&2; exit 255 ;;
other) PATH="$STUB/other:$PATH" run ;;
noexec) PATH="$STUB/noexec:$PATH" run ;;
full) PATH="$STUB/full:$PATH" run ;;
ops) PATH="$STUB/ops:$PATH" run ;;
plain) PATH="$STUB/plain:$PATH" run ;;
*) run ;;
esac
"#;

/// Programs that answer differently on some of the machines.
const PROGRAMS: &[(&str, &str)] = &[
    ("other/uname", "echo riscv128"),
    // What a file system that is mounted noexec says, without one: nothing becomes executable.
    ("noexec/chmod", "exit 0"),
    (
        "full/head",
        "echo 'head: write error: No space left on device' >&2; exit 1",
    ),
    ("ops/id", "echo 1000"),
    (
        "ops/sudo",
        "[ \"$1\" = -n ] || exit 1; shift; echo \"$1\" >>\"$STUB/tmp/../sudo.log\"; exec \"$@\"",
    ),
    ("plain/id", "echo 1000"),
    ("plain/sudo", "echo 'sudo: a password is required' >&2; exit 1"),
];

/// A place with the stub, where nothing may be left behind.
struct Site {
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        for (path, text) in [("bin/ssh", SSH)].iter().chain(PROGRAMS) {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(
                &path,
                format!("#!/bin/sh\n{text}\n").replace("#!/bin/sh\n#!/bin/sh", "#!/bin/sh"),
            )
            .unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn collect(&self, nodes: &[&str], more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_casefile"));
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.args(["collect", "--timeout", "1", "--max-file-size", "64K"]);
        command.args(more).arg("-o").arg(self.path("bundle.tar.gz"));
        for node in nodes {
            command.args(["--nodes", &format!("ssh://{node}")]);
        }
        command.env("PATH", path).env("STUB", self.dir.path());
        command
    }

    fn run(&self, nodes: &[&str], more: &[&str]) -> (Output, Bundle) {
        let output = self.collect(nodes, more).output().unwrap();
        (output, Bundle::open(&self.path("bundle.tar.gz")))
    }

    /// What the stub has started, as a ProxyCommand is, ends soon.
    fn has_no_proxy(&self) {
        let id = fs::read_to_string(self.path("proxy")).unwrap().trim().to_owned();
        // A process that was killed is gone, or a zombie until whoever inherited it asks (proc_pid_stat(5)).
        let runs = || fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        for _ in 0..100 {
            if !runs() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("process {id} still runs");
    }

    fn is_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.path("tmp")).unwrap().flatten().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

struct Bundle {
    files: BTreeMap<String, String>,
    manifest: Value,
}

impl Bundle {
    fn open(path: &Path) -> Self {
        let files: BTreeMap<String, String> = support::files(path)
            .into_iter()
            .map(|(path, text)| (path.split_once('/').unwrap().1.to_owned(), text))
            .collect();
        let manifest = serde_json::from_str(&files["manifest.json"]).unwrap();
        Self { files, manifest }
    }

    fn step(&self, name: &str) -> &Value {
        let steps = self.manifest["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).expect(name)
    }

    fn reason(&self, host: &str) -> &str {
        let step = self.step(&format!("ssh/{host}"));
        assert_eq!(step["outcome"], "failed", "{step}");
        step["reason"].as_str().unwrap()
    }
}

#[test]
fn a_node_that_does_not_answer_is_a_gap_with_its_reason_and_the_others_are_there() {
    let site = Site::new();
    let refusals = [
        ("refused", "Connection refused"),
        ("denied", "Permission denied (publickey).; give ssh a key"),
        ("unknown", "accept its key"),
        ("other", "another architecture: riscv128"),
        ("noexec", "takes a program and runs it"),
        ("full", "No space left on device"),
    ];
    let mut nodes = vec!["n1"];
    nodes.extend(refusals.map(|(host, _)| host));
    let (output, bundle) = site.run(&nodes, &["--no-cluster"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    for (host, words) in refusals {
        assert!(bundle.reason(host).contains(words), "{host}: {}", bundle.reason(host));
    }
    assert_eq!(bundle.step("ssh/n1")["outcome"], "done", "{}", bundle.step("ssh/n1"));
    let node = &bundle.manifest["nodes"][0];
    let name = node["name"].as_str().unwrap();
    assert_eq!(
        (&node["address"], &node["host"]["hostname"]),
        (&"ssh://n1".into(), &name.into())
    );
    assert!(bundle.files.contains_key(&format!("nodes/{name}/host/os-release.txt")));
    assert_eq!(bundle.step(&format!("nodes/{name}/host/files"))["outcome"], "done");
    // Nothing of this host but what the nodes brought, and no second manifest.
    assert!(
        bundle.manifest["steps"]
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["name"] != "host/files")
    );
    site.is_clean();

    let verified = Command::new(env!("CARGO_BIN_EXE_casefile"))
        .arg("verify")
        .arg(site.path("bundle.tar.gz"))
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}

#[test]
fn what_a_login_prints_a_broken_connection_and_another_user_lose_nothing() {
    let site = Site::new();
    let (output, bundle) = site.run(&["chatty", "broken", "ops", "plain"], &["--no-cluster"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(bundle.step("ssh/chatty")["outcome"], "done");
    let broken = bundle.step("ssh/broken");
    assert!(bundle.reason("broken").contains("what came is kept"), "{broken}");
    assert_eq!(bundle.step("ssh/ops")["outcome"], "done");
    assert!(
        fs::read_to_string(site.path("sudo.log"))
            .unwrap()
            .contains("/casefile\n")
    );
    assert_eq!(bundle.step("ssh/plain")["outcome"], "done");
    let notes = bundle.step("ssh/plain")["notes"].to_string();
    assert!(notes.contains("is not root"), "{notes}");
    // They all call themselves what this machine is called, and each has a folder of its own.
    let nodes = bundle.manifest["nodes"].as_array().unwrap();
    let names: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names[1].ends_with("-ops") && names[2].ends_with("-plain"), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| bundle.files.contains_key(&format!("nodes/{name}/host/os-release.txt")))
    );
    site.is_clean();
}

#[test]
fn a_silent_node_is_given_up_and_a_second_interruption_does_not_wait_for_it() {
    let site = Site::new();
    let mut command = site.collect(&["n1", "silent", "proxied"], &["--no-cluster"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut wait_for = |words: &str| {
        let mut line = Vec::new();
        let mut all = String::new();
        // A step's line begins before its end is known.
        while !all.contains(words) {
            line.clear();
            assert!(said.read_until(b' ', &mut line).unwrap() > 0, "no {words} in {all}");
            all.push_str(&String::from_utf8_lossy(&line));
        }
    };
    wait_for("ssh/silent");
    let signal = || {
        let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(status.unwrap().success());
    };
    signal();
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal();
    wait_for("interrupted twice");
    let begun = std::time::Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert!(begun.elapsed().as_secs() < 10);
    let bundle = Bundle::open(&site.path("bundle.tar.gz"));
    assert_eq!(bundle.manifest["interrupted"], true);
    assert_eq!(bundle.step("ssh/n1")["outcome"], "done");
    site.has_no_proxy();
    site.is_clean();
}

#[test]
fn what_ssh_has_started_ends_with_it_when_its_time_is_over() {
    let site = Site::new();
    let (_, bundle) = site.run(&["proxied"], &["--no-cluster"]);
    assert_eq!(bundle.step("ssh/proxied")["outcome"], "failed");
    site.has_no_proxy();
    site.is_clean();
}

#[test]
fn what_is_no_node_is_wrong_usage() {
    let site = Site::new();
    let output = site.collect(&["-oProxyCommand=x"], &["--no-cluster"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("write ssh://user@host"),
        "{output:?}"
    );
    assert!(!site.path("bundle.tar.gz").exists());
}
