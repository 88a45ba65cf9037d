//! Ctrl-C and SIGTERM in the middle of a run: an exit code of its own, and nothing half-written is left.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::cli::Desk;

/// A bundle that takes seconds to read: a log of which every line has to be looked at.
fn put_long_bundle(desk: &Desk) {
    let line = "2026-11-21T10:00:00.000000Z E main.go:7] dial tcp 10.0.0.1:5432: connection refused, password=changeme-9 token=q7zk4n2vxw8c5t\n";
    desk.put("long/var/log/app.log", line.repeat(200_000));
}

/// Runs `args` with a folder of its own for temporary files.
fn begin(desk: &Desk, args: &[&str]) -> Child {
    let temporary = desk.path().join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut command = desk.command(args);
    command.env("TMPDIR", &temporary);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[track_caller]
fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// True once the process has handlers for SIGINT (2) and SIGTERM (15): the bits of `SigCgt` count from 1 (proc(5)).
#[cfg(target_os = "linux")]
fn heeds(child: &Child) -> bool {
    const BOTH: u64 = 1 << (2 - 1) | 1 << (15 - 1);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & BOTH == BOTH)
}

#[cfg(not(target_os = "linux"))]
fn heeds(_: &Child) -> bool {
    std::thread::sleep(Duration::from_millis(500));
    true
}

/// Sends the signal, and gives the exit code and what was said.
fn interrupt(mut child: Child, signal: &str) -> (Option<i32>, String) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    // The pipe stays open until the program has ended by itself.
    let stdin = child.stdin.take();
    let ended = child.wait_with_output().unwrap();
    drop(stdin);
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

fn names(desk: &Desk, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(desk.path().join(folder)).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn an_analysis_of_standard_input_ends_and_takes_its_temporary_folder_with_it() {
    for (signal, code, name) in [("-INT", 130, "SIGINT"), ("-TERM", 143, "SIGTERM")] {
        let desk = Desk::new();
        let mut child = begin(&desk, &["analyze", "-", "-o", "out"]);
        child.stdin.as_mut().unwrap().write_all(&[0x1f, 0x8b]).unwrap();
        wait_for("the folder for standard input", || {
            !names(&desk, "tmp").is_empty() && heeds(&child)
        });
        let (ended, said) = interrupt(child, signal);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(name) && said.lines().count() == 1, "{said}");
        assert_eq!(names(&desk, "tmp"), [""; 0]);
        assert_eq!(names(&desk, "out"), [""; 0]);
    }
}

#[test]
fn a_redaction_ends_and_leaves_no_file_beside_its_place() {
    let desk = Desk::new();
    put_long_bundle(&desk);
    std::fs::create_dir(desk.path().join("out")).unwrap();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let child = begin(&desk, &["redact", "long", "-o", "out/clean.tar.gz"]);
        wait_for("the file that is to be the bundle", || !names(&desk, "out").is_empty());
        let (ended, said) = interrupt(child, signal);
        assert_eq!(ended, Some(code), "{said}");
        assert_eq!(names(&desk, "out"), [""; 0]);
        assert_eq!(names(&desk, "tmp"), [""; 0]);
    }
}

#[test]
fn inspect_and_diff_end_too() {
    let desk = Desk::new();
    put_long_bundle(&desk);
    for args in [&["inspect", "long"][..], &["diff", "long", "long"]] {
        for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
            let child = begin(&desk, args);
            wait_for("the handlers", || heeds(&child));
            let (ended, said) = interrupt(child, signal);
            assert_eq!(ended, Some(code), "{args:?} {said}");
        }
    }
}
