//! The invariants of `ARCHITECTURE.md` that can be read off the source: who may use whom, and who may touch the world.

use std::fs;
use std::path::PathBuf;

use regex::Regex;

use super::support::checkout;

/// A module, and the modules of this crate that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("redact", &["model"]),
    ("bundle", &["model"]),
    ("logs", &["bundle", "model"]),
    ("cluster", &["logs", "bundle", "model"]),
    ("rules", &["cluster", "logs", "bundle", "model"]),
    ("diagnosis", &["rules", "cluster", "logs", "bundle", "model"]),
    (
        "report",
        &["diagnosis", "rules", "cluster", "logs", "bundle", "redact", "model"],
    ),
    ("collect", &["rules", "cluster", "logs", "bundle", "redact", "model"]),
    (
        "cli",
        &[
            "collect",
            "report",
            "diagnosis",
            "rules",
            "cluster",
            "logs",
            "bundle",
            "redact",
            "model",
        ],
    ),
];

/// The modules that may read files and the environment, or print.
const WORLDLY: &[&str] = &["cli", "bundle", "collect"];

struct Source {
    /// Path below `src`.
    name: String,
    /// First part of the path: the module.
    module: String,
    text: String,
}

impl Source {
    /// The lines that are compiled into the program: neither comments nor the tests at the end of a file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines
            .take_while(|(_, line)| !line.starts_with("mod tests {"))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line))
    }
}

fn sources() -> Vec<Source> {
    let root = checkout("src");
    let mut open: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            let module = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source { name, module, text });
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(sources.len() > 100, "only {} files", sources.len());
    sources
}

/// Files that hold nothing but tests or their data.
fn is_test_code(source: &Source) -> bool {
    let part = |name: &str| source.name.split('/').any(|part| part.trim_end_matches(".rs") == name);
    ["tests", "testing", "fixture"].into_iter().any(part)
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn modules_only_use_what_lies_below_them() {
    // `use crate::a::{…}` and a plain `crate::a::b`; `use crate::{a::…, b::…}` is not written in this crate, see below.
    let used = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !is_test_code(source)) {
        let Some((_, allowed)) = MAY_USE.iter().find(|(module, _)| *module == source.module) else {
            assert!(
                ["lib", "main"].contains(&source.module.as_str()),
                "{} is in no known module",
                source.name
            );
            continue;
        };
        for (number, line) in source.code() {
            if line.contains("crate::{") {
                wrong.push(format!(
                    "src/{}:{number}: name each module in a `use` of its own",
                    source.name
                ));
            }
            for module in used.captures_iter(line).map(|found| found.get(1).unwrap().as_str()) {
                if module != source.module && !allowed.contains(&module) {
                    wrong.push(format!(
                        "src/{}:{number}: {} must not use {module}",
                        source.name, source.module
                    ));
                }
            }
        }
    }
    report(&wrong);
}

#[test]
fn only_the_edges_touch_the_world() {
    let touch = Regex::new(
        r"\bstd::(fs|env|process|io::(stdin|stdout|stderr))\b|\bSystemTime\b|\b(Timestamp|Zoned|Instant)::now\b|\be?print(ln)?!",
    )
    .unwrap();
    let sockets = Regex::new(
        r"\b(Tcp|Udp|Unix)(Stream|Listener|Socket|Datagram)\b|\bToSocketAddrs\b|\btokio::net\b|\bhyper(_util)?::",
    )
    .unwrap();
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !is_test_code(source) && source.name != "main.rs")
    {
        for (number, line) in source.code() {
            let place = format!("src/{}:{number}: {}", source.name, line.trim());
            if !WORLDLY.contains(&source.module.as_str()) && touch.is_match(line) {
                wrong.push(place.clone());
            }
            if source.module != "collect" && sockets.is_match(line) {
                wrong.push(place);
            }
        }
    }
    report(&wrong);
}

#[test]
fn there_is_no_unsafe_code_and_no_file_too_long_to_read() {
    const LINES: usize = 700;
    let unsafe_word = Regex::new(r"\bunsafe\b").unwrap();
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in source.code().filter(|(_, line)| unsafe_word.is_match(line)) {
            wrong.push(format!("src/{}:{number}: {}", source.name, line.trim()));
        }
        let length = source.text.lines().count();
        if length > LINES && source.module != "rules" && !is_test_code(&source) {
            wrong.push(format!("src/{}: {length} lines; split it by subject", source.name));
        }
    }
    report(&wrong);
}
