//! The example reports in `reports/` are those that the code writes for `bundles/`.

use std::collections::BTreeMap;
use std::fs;

use casefile::report::Format;

use super::support::{SAMPLES, checkout};

/// After a change of rules, wording or templates, this writes them anew.
const REFRESH: &str = "cargo run --release -- analyze bundles -o reports --lang zh,en";

#[test]
fn the_example_reports_are_fresh() {
    let written: BTreeMap<String, &str> = SAMPLES
        .iter()
        .flat_map(|(bundle, reports)| {
            let kept = Format::DEFAULT.map(Format::extension);
            let texts = reports
                .texts
                .iter()
                .filter(move |((_, extension), _)| kept.contains(extension));
            texts.map(move |((lang, extension), text)| (format!("{bundle}.{lang}.{extension}"), text.as_str()))
        })
        .collect();
    for (name, text) in &written {
        let kept = fs::read_to_string(checkout("reports").join(name)).unwrap_or_default();
        assert!(kept == *text, "reports/{name} is stale; refresh it: {REFRESH}");
    }
    for entry in fs::read_dir(checkout("reports")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let is_report = [".md", ".html", ".json"].iter().any(|ending| name.ends_with(ending));
        let known = written.contains_key(&name) || name == "README.md" || name.starts_with("index");
        assert!(known || !is_report, "reports/{name} belongs to no bundle; delete it");
    }
}
