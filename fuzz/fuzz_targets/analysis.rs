//! A whole bundle, judged by all rules and written down: hostile objects must not stop a rule, and no page may fail.
//!
//! A line `=== PATH` begins a file.
#![no_main]

use std::sync::LazyLock;

use casefile::diagnosis::diagnose;
use casefile::model::Lang;
use casefile::redact::Masker;
use casefile::report::{Format, compose, learn_secrets, render};
use casefile::rules::Rules;
use casefile_fuzz::snapshot;
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::load().expect("the rules load"));

fuzz_target!(init: { LazyLock::force(&RULES); }, |text: &str| {
    let files = text.split("=== ").filter_map(|part| part.split_once('\n'));
    let files = files.map(|(path, content)| (path, content.as_bytes()));
    let snapshot = snapshot(RULES.signatures(), files);
    let diagnosis = diagnose(&RULES, &snapshot, None);
    let mut masker = Masker::new();
    learn_secrets(&mut masker, &snapshot);
    let report = compose(&diagnosis, &mut masker).expect("a report is composed");
    for format in Format::ALL {
        let page = render(&report, Lang::Zh, format).expect("a page is written");
        assert!(masker.leaks(page.as_bytes()).is_empty(), "the {format} page holds a secret");
    }
});
