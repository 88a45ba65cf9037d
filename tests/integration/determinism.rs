//! Same input, same bytes: whatever the run, the number of threads and the container that the files came in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::support::{SAMPLES, analyse, baseline_of, checkout, files, sample};

/// The reports of all samples as one run of the program writes them.
fn run(threads: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(assert_cmd::cargo::cargo_bin!("casefile"))
        .args(["analyze", "--quiet", "--lang", "zh,en", "--threads", threads, "-o"])
        .arg(folder.path())
        .arg(checkout("bundles"))
        .status()
        .unwrap();
    assert!(status.success());
    let entries = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn runs_and_threads_do_not_show_in_the_reports() {
    let first = run("1");
    // The index is one page and one text in each language, and one document.
    assert_eq!(first.len(), SAMPLES.len() * 2 * 3 + 5);
    for name in first.keys().filter(|name| name.starts_with("index")) {
        let kept = fs::read(checkout("reports").join(name)).unwrap_or_default();
        assert!(
            kept == first[name],
            "reports/{name} is stale; refresh it as CONTRIBUTING.md says"
        );
    }
    for threads in ["1", "4"] {
        for (name, bytes) in run(threads) {
            assert!(first[&name] == bytes, "{name} differs with {threads} threads");
        }
    }
}

fn unpack(archive: &Path, into: &Path) {
    for (path, text) in files(archive) {
        let path = into.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Leaves out which evidence is referred to.
fn without_numbers(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.remove("refs");
            members
                .values_mut()
                .for_each(|inner| *inner = without_numbers(inner.take()));
        }
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|inner| *inner = without_numbers(inner.take())),
        _ => {}
    }
    value
}

#[test]
fn a_directory_tells_the_same_causes_as_its_archive() {
    for (name, reports) in SAMPLES.iter() {
        let folder = tempfile::tempdir().unwrap();
        unpack(&sample(name), folder.path());
        let unpacked = analyse(folder.path(), name, baseline_of(name).as_deref());
        // Evidence is numbered in the order of the files, which is another one in a directory.
        for part in ["root_causes", "checks", "resources", "recovery"] {
            let [unpacked, packed] = [&unpacked, reports].map(|reports| without_numbers(reports.json[part].clone()));
            assert_eq!(unpacked, packed, "{name}: {part}");
        }
    }
}
