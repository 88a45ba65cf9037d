//! The program on a command line: what it says and how it ends, above all when something is wrong.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::support::{checkout, sample};

/// A folder of one's own to work in.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Copies a sample here under another name.
    pub(crate) fn put_sample(&self, name: &str, to: &str) {
        self.put(to, fs::read(sample(name)).unwrap());
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path().join(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("casefile"));
        command.current_dir(self.path()).args(args);
        for name in ["LC_ALL", "LC_MESSAGES", "LANG", "SOURCE_DATE_EPOCH"] {
            command.env_remove(name);
        }
        // Nobody's own settings.
        command.env("XDG_CONFIG_HOME", self.path().join(".xdg"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.command(args).output().unwrap())
    }
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by a signal"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// One line that holds all of `words`, the exit code, and nothing on standard output.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} in {self:?}");
        }
    }

    #[track_caller]
    pub(crate) fn assert_done(&self) {
        assert_eq!(self.code, 0, "{self:?}");
    }
}

/// A tar that ends where it starts, in gzip.
fn empty_tar() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

// ---------------------------------------------------------------- inputs

#[test]
fn a_text_alone_is_a_bundle() {
    let desk = Desk::new();
    let pasted = "$ kubectl get pods -n shop\nNAME    READY   STATUS             RESTARTS   AGE\nweb-0   0/1     ImagePullBackOff   0          5m\n";
    desk.put("ticket.txt", pasted);
    let ended = desk.run(&["analyze", "ticket.txt", "-o", "out", "-f", "json"]);
    assert!(ended.out.contains("ticket.en.json"), "{ended:?}");
    let report = desk.text("out/ticket.en.json");
    assert!(
        report.contains("image-pull-backoff") && report.contains("web-0"),
        "{report}"
    );
}

#[test]
fn what_is_no_bundle_is_refused_with_the_reason_and_a_way_out() {
    let desk = Desk::new();
    desk.put("page.tar.gz", "hello\n");
    desk.put("empty.tar.gz", empty_tar());
    desk.put("nothing.tar.gz", "");
    desk.put("stub.tar.gz", &fs::read(sample("quota")).unwrap()[..5]);
    for (input, words) in [
        ("gone.tar.gz", ["no such file", "gone.tar.gz", "check the path"]),
        (
            "page.tar.gz",
            ["not a bundle", "page.tar.gz is plain text", "give a directory"],
        ),
        ("empty.tar.gz", ["empty.tar.gz", "no files", "collect it again"]),
        (
            "nothing.tar.gz",
            ["not a bundle", "nothing.tar.gz is an empty file", "give a directory"],
        ),
        ("stub.tar.gz", ["damaged", "stub.tar.gz", "copy or collect it again"]),
    ] {
        desk.run(&["analyze", input, "-o", "out"]).assert_refused(3, &words);
        assert_eq!(desk.names("out"), [""; 0], "{input}");
    }
}

#[test]
fn a_cut_archive_is_analysed_as_far_as_it_goes_and_called_damaged() {
    let desk = Desk::new();
    let whole = fs::read(sample("healthy")).unwrap();
    desk.put("cut.tar.gz", &whole[..whole.len() / 2]);
    let ended = desk.run(&["analyze", "cut.tar.gz", "-o", "out", "-f", "json"]);
    ended.assert_done();
    assert!(
        ended.err.contains("cut: ") && ended.err.contains("damaged"),
        "{ended:?}"
    );
    let report: serde_json::Value = serde_json::from_str(&desk.text("out/cut.en.json")).unwrap();
    assert_ne!(report["gaps"], serde_json::json!([]));
}

#[test]
fn a_missing_baseline_is_told_once_and_nothing_is_written() {
    let desk = Desk::new();
    for name in ["quota", "healthy"] {
        desk.put_sample(name, &format!("{name}.tar.gz"));
    }
    let ended = desk.run(&[
        "analyze",
        "quota.tar.gz",
        "healthy.tar.gz",
        "--baseline",
        "gone.tar.gz",
        "-o",
        "out",
    ]);
    ended.assert_refused(3, &["gone.tar.gz", "baseline", "check the path"]);
    assert_eq!(desk.names("out"), [""; 0]);
}

#[test]
fn a_broken_bundle_in_a_folder_does_not_keep_the_others_from_their_reports() {
    let desk = Desk::new();
    desk.put_sample("quota", "in/quota.tar.gz");
    desk.put_sample("healthy", "in/healthy.tar.gz");
    desk.put("in/broken.tar.gz", &fs::read(sample("quota")).unwrap()[..5]);
    desk.put("in/README.md", "# about\n");
    let ended = desk.run(&["analyze", "in", "-o", "out", "-f", "md"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.err.contains("skipped README.md: a note"), "{ended:?}");
    assert!(ended.err.contains("broken.tar.gz"), "{ended:?}");
    assert_eq!(desk.names("out"), ["healthy.en.md", "index.md", "quota.en.md"]);
}

#[test]
fn a_baseline_beside_its_bundle_is_found_and_said() {
    let desk = Desk::new();
    desk.put_sample("share-mnt", "in/ticket.tar.gz");
    desk.put_sample("share-mnt-baseline", "in/ticket-baseline.tar.gz");
    let ended = desk.run(&["analyze", "in", "-o", "out", "-f", "json"]);
    ended.assert_done();
    assert!(
        ended.err.contains("ticket-baseline is the baseline of ticket"),
        "{ended:?}"
    );
    assert_eq!(desk.names("out"), ["ticket.en.json"]);
}

#[test]
fn bundles_of_one_name_all_get_reports() {
    let desk = Desk::new();
    desk.put_sample("quota", "in/ticket.tar.gz");
    desk.put_sample("healthy", "in/ticket.tgz");
    desk.put_sample("healthy", "in/ticket-2.tgz");
    desk.run(&["analyze", "in", "-o", "out", "-f", "md"]).assert_done();
    assert_eq!(
        desk.names("out").len(),
        4,
        "three and the index: {:?}",
        desk.names("out")
    );
}

#[test]
fn hostile_names_stay_names() {
    use tar::{Builder, EntryType, Header};
    let desk = Desk::new();
    desk.put("victim", "untouched");
    let mut tar = Builder::new(Vec::new());
    let evil = "../../evil\u{1b}[31m\u{202e}gpj.<script>alert(1)</script>.log";
    for (kind, name, link) in [
        (EntryType::Regular, "../../../victim", None),
        (EntryType::Regular, "/etc/casefile-was-here", None),
        (EntryType::Regular, evil, None),
        (EntryType::Symlink, "link", Some("/etc/shadow")),
        (EntryType::Link, "hard", Some("../victim")),
        (EntryType::Char, "device", None),
    ] {
        let content: &[u8] = if kind == EntryType::Regular {
            b"E1121 10:00:00.000000 1 x.go:1] failed\n"
        } else {
            b""
        };
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if let Some(link) = link {
            header.set_link_name_literal(link).unwrap();
        }
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    desk.put("hostile.tar", tar.into_inner().unwrap());
    let ended = desk.run(&["analyze", "hostile.tar", "-o", "out"]);
    ended.assert_done();
    assert_eq!(desk.names(""), ["hostile.tar", "out", "victim"]);
    assert_eq!(desk.text("victim"), "untouched");
    assert!(!Path::new("/etc/casefile-was-here").exists());
    let html = desk.text("out/hostile.en.html");
    for text in [&ended.out, &ended.err, &html, &desk.text("out/hostile.en.md")] {
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains("<script>alert"),
            "{text}"
        );
    }
}

// ---------------------------------------------------------------- outputs

#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_work() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    desk.put("taken", "a file\n");
    for (output, words) in [
        ("taken", ["taken is a file", "directory", "another -o"]),
        ("taken/below", ["cannot write", "taken/below", "another -o"]),
    ] {
        desk.run(&["analyze", "quota.tar.gz", "-o", output])
            .assert_refused(5, &words);
    }
    assert_eq!(desk.text("taken"), "a file\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_directory_of_the_kernel_cannot_be_written() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    desk.run(&["analyze", "quota.tar.gz", "-o", "/proc"])
        .assert_refused(5, &["cannot write", "/proc", "another -o"]);
}

#[test]
fn several_reports_do_not_fit_one_file() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    for args in [
        &["--lang", "zh,en", "-o", "x.md"][..],
        &["-f", "md,html", "-o", "-"],
        &["-f", "md,json", "-o", "x.md"],
        &["quota.tar.gz", "-o", "x.md"],
    ] {
        let ended = desk.run(&[&["analyze", "quota.tar.gz"], args].concat());
        ended.assert_refused(2, &["several reports", "-o a directory"]);
    }
    assert_eq!(desk.names(""), ["quota.tar.gz"]);
}

#[test]
fn a_file_named_for_another_format_is_refused() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    desk.run(&["analyze", "quota.tar.gz", "-f", "md", "-o", "x.json"])
        .assert_refused(2, &["x.json", "--format md", "rename"]);
    assert_eq!(desk.names(""), ["quota.tar.gz"]);
}

#[test]
fn a_strangers_file_stays_unless_forced() {
    let desk = Desk::new();
    desk.put_sample("healthy", "healthy.tar.gz");
    desk.put("out/healthy.en.md", "my own notes\n");
    let args = ["analyze", "healthy.tar.gz", "-o", "out", "-f", "md"];
    let ended = desk.run(&args);
    ended.assert_refused(5, &["healthy.en.md exists and is no report of casefile", "--force"]);
    assert_eq!(desk.text("out/healthy.en.md"), "my own notes\n");
    assert_eq!(desk.names("out"), ["healthy.en.md"], "nothing half-written is left");
    desk.run(&[&args[..], &["--force"]].concat()).assert_done();
    assert!(desk.text("out/healthy.en.md").starts_with("---\nschema: \"casefile/"));
}

#[test]
fn own_reports_are_replaced_and_other_files_left_alone() {
    let desk = Desk::new();
    desk.put_sample("healthy", "ticket.tar.gz");
    desk.put("out/notes.txt", "mine\n");
    desk.run(&["analyze", "ticket.tar.gz", "-o", "out"]).assert_done();
    let before: Vec<_> = ["md", "html", "json"]
        .map(|ending| desk.text(&format!("out/ticket.en.{ending}")))
        .into();
    desk.put_sample("quota", "ticket.tar.gz");
    desk.run(&["analyze", "ticket.tar.gz", "-o", "out"]).assert_done();
    for (ending, before) in ["md", "html", "json"].iter().zip(before) {
        assert_ne!(
            desk.text(&format!("out/ticket.en.{ending}")),
            before,
            "{ending} was not replaced"
        );
    }
    assert_eq!(desk.text("out/notes.txt"), "mine\n");
}

#[test]
fn one_report_goes_to_standard_output_or_to_a_file() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    let shown = desk.run(&["analyze", "quota.tar.gz", "-o", "-", "-f", "json"]);
    shown.assert_done();
    desk.run(&["analyze", "quota.tar.gz", "-f", "json", "-o", "x.json"])
        .assert_done();
    assert_eq!(shown.out, desk.text("x.json"), "the same bytes");
    desk.run(&["analyze", "quota.tar.gz", "-o", "page.html"]).assert_done();
    assert!(
        desk.text("page.html").to_lowercase().starts_with("<!doctype html>"),
        "the ending says the format"
    );
}

#[test]
fn the_summary_names_the_cause_its_confidence_and_the_files() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    let ended = desk.run(&["analyze", "quota.tar.gz", "-f", "md", "-o", "out"]);
    ended.assert_done();
    assert!(
        ended.out.contains("payments/nginx") && ended.out.contains("[Confirmed]"),
        "{ended:?}"
    );
    let file = Path::new("out").join("quota.en.md");
    assert!(ended.out.contains(file.to_str().unwrap()), "{ended:?}");
    let quiet = desk.run(&["analyze", "quota.tar.gz", "-f", "md", "-o", "out", "--quiet"]);
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (0, "", ""));
}

#[test]
fn whoever_closes_the_pipe_has_seen_enough() {
    let desk = Desk::new();
    desk.put_sample("quota", "quota.tar.gz");
    for args in [
        &["analyze", "quota.tar.gz", "-o", "-"][..],
        &["analyze", "quota.tar.gz", "-o", "out"],
        &["--help"],
        &[],
    ] {
        let mut child = desk
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{args:?}");
    }
}

// ---------------------------------------------------------------- options

#[test]
fn the_language_comes_from_the_locale_unless_it_is_named() {
    let desk = Desk::new();
    desk.put_sample("healthy", "healthy.tar.gz");
    for (locale, option, file) in [
        ("zh_CN.UTF-8", "auto", "healthy.zh.md"),
        ("de_DE.UTF-8", "auto", "healthy.en.md"),
        ("zh_CN.UTF-8", "en", "healthy.en.md"),
    ] {
        let mut command = desk.command(&["analyze", "healthy.tar.gz", "-f", "md", "-o", "out", "--lang", option]);
        Ended::from(command.env("LANG", locale).output().unwrap()).assert_done();
        assert_eq!(desk.names("out"), [file]);
        fs::remove_dir_all(desk.path().join("out")).unwrap();
    }
}

#[test]
fn wrong_usage_gets_a_hint() {
    let desk = Desk::new();
    for (args, words) in [
        (&["analyze", "x", "--ouput", "y"][..], &["--ouput", "'--output'"][..]),
        (&["analyse", "x"], &["analyse", "'analyze'"]),
        (&["analyze"], &["<BUNDLE>"]),
        (&["analyze", "x", "-f", "pdf"], &["pdf", "md, html, json, sarif"]),
        (&["analyze", "x", "--lang", "fr"], &["\"fr\"", "zh, en"]),
        (&["analyze", "x", "--threads", "0"], &["--threads", "0"]),
    ] {
        let ended = desk.run(args);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{args:?}: {ended:?}");
        for word in words {
            assert!(ended.err.contains(word), "{args:?}: {word:?} in {ended:?}");
        }
    }
}

#[test]
fn the_bare_name_says_what_it_is_for() {
    let ended = Desk::new().run(&[]);
    ended.assert_done();
    for word in ["collect", "analyze", "offline"] {
        assert!(ended.out.contains(word), "{ended:?}");
    }
    assert!(ended.out.lines().count() < 10, "a screen has room for it");
}

#[test]
fn the_samples_are_analysed_with_the_command_of_the_readme() {
    let desk = Desk::new();
    let bundles = checkout("bundles");
    let ended = desk.run(&["analyze", bundles.to_str().unwrap(), "-o", "reports", "--lang", "zh,en"]);
    ended.assert_done();
    // Of five bundles a report in two languages and three forms, and an index of which the JSON holds both languages.
    assert_eq!(
        desk.names("reports").len(),
        5 * 2 * 3 + 2 * 2 + 1,
        "{:?}",
        desk.names("reports")
    );
}
