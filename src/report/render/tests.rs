//! What holds for every report in every language and format.

use std::collections::BTreeSet;

use super::{Format, render};
use crate::model::Lang;
use crate::report::fixture::{PAYLOADS, healthy, hostile, incident, many};
use crate::report::model::PostMortem;

const LANGS: [Lang; 2] = [Lang::Zh, Lang::En];

fn html(report: &PostMortem, lang: Lang) -> String {
    render(report, lang, Format::Html).unwrap()
}

fn markdown(report: &PostMortem, lang: Lang) -> String {
    render(report, lang, Format::Markdown).unwrap()
}

/// Writes what the other tests render to `target/reports`, to look at.
#[test]
#[ignore = "writes files to look at; run it by name"]
fn write_reports_to_look_at() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    let reports = [
        ("incident", incident()),
        ("healthy", healthy()),
        ("many", many(60)),
        ("hostile", hostile(&PAYLOADS.concat())),
    ];
    for (name, report) in reports {
        for lang in LANGS {
            for format in Format::ALL {
                let file = folder.join(format!("{name}.{}.{}", lang.code(), format.extension()));
                std::fs::write(file, render(&report, lang, format).unwrap()).unwrap();
            }
        }
    }
}
