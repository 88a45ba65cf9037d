//! `casefile verify --report`: do the bundles still say what the report quotes?

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::exit;
use super::inputs::alias;
use super::terminal::{complain, deliver, safe};
use crate::bundle::decode::{Encoding, Transcoded, to_text};
use crate::bundle::{Budget, walk};
use crate::report::recheck::{Outcome, Recheck};

/// Looks up every citation of a report in the bundles and gives the exit code.
pub(super) fn run(report: &Path, bundles: &[PathBuf], json: bool) -> u8 {
    let read = std::fs::read_to_string(report).ok();
    let parsed = read.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let Some(mut recheck) = parsed.as_ref().and_then(Recheck::of_report) else {
        complain(&format!(
            "{} is no JSON report of casefile; write one with analyze -f json",
            report.display()
        ));
        return exit::INPUT;
    };
    let mut code = exit::DONE;
    let mut changed = Vec::new();
    for path in bundles {
        match look_up(&mut recheck, path) {
            Ok(true) => {}
            Ok(false) => changed.push(path.display().to_string()),
            Err(message) => {
                complain(&message);
                code = exit::INPUT;
            }
        }
    }
    if let Err(message) = deliver(&told(&recheck, &changed, json)) {
        complain(&message);
        return exit::OUTPUT;
    }
    let is_sound = |outcome: Outcome| matches!(outcome, Outcome::Holds | Outcome::Unquoted);
    let all_sound = recheck.citations.iter().all(|citation| is_sound(citation.outcome));
    if code == exit::DONE && (!all_sound || !changed.is_empty()) {
        code = exit::DIFFERS;
    }
    code
}

/// Reads one bundle; false when its bytes are not those that the report was made from.
fn look_up(recheck: &mut Recheck, path: &Path) -> Result<bool, String> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let own = alias(path);
    let fits =
        |input: &str, known: &str| input == name || known == own || path.file_stem().is_some_and(|stem| stem == known);
    let named = recheck
        .bundles
        .iter()
        .find(|bundle| fits(&bundle.input, &bundle.alias))
        .cloned();
    let Some(named) = named else {
        return Err(format!(
            "{} is not among the bundles of the report; give those that it was made from",
            path.display()
        ));
    };
    recheck.begin(&named.alias);
    let walked = walk(path, &mut Budget::default(), &mut |entry| {
        let file = entry.path.to_string();
        let mut bytes = Vec::new();
        // What cannot be read leaves its citations as missing.
        if recheck.wants(&named.alias, &file) && entry.content.read_to_end(&mut bytes).is_ok() {
            let mut text = Vec::new();
            match Encoding::of(&bytes) {
                Encoding::Utf8 => text = bytes,
                wide => drop(Transcoded::new(bytes.as_slice(), wide).read_to_end(&mut text)),
            }
            recheck.compare(&named.alias, &file, &to_text(&text));
        }
    })
    .map_err(|error| error.to_string())?;
    Ok(walked.sha256 == named.sha256)
}

fn told(recheck: &Recheck, changed: &[String], json: bool) -> String {
    let of = |outcome: Outcome| {
        recheck
            .citations
            .iter()
            .filter(|citation| citation.outcome == outcome)
            .count()
    };
    if json {
        let document = json!({"changed_bundles": changed, "citations": recheck.citations});
        return serde_json::to_string_pretty(&document).unwrap_or_default();
    }
    let mut lines: Vec<String> = changed
        .iter()
        .map(|path| format!("{}: its bytes are not those that the report was made from", safe(path)))
        .collect();
    for citation in &recheck.citations {
        let words = match citation.outcome {
            Outcome::Holds | Outcome::Unquoted => continue,
            Outcome::Differs => "DIFFERS",
            Outcome::Missing => "the file is missing",
            Outcome::NoBundle => "its bundle was not given",
        };
        let line = citation.line.map(|line| format!(":{line}")).unwrap_or_default();
        lines.push(format!(
            "{} {}/{}{line}: {words}",
            citation.id,
            safe(&citation.bundle),
            safe(&citation.file)
        ));
    }
    lines.push(format!(
        "{} citations: {} hold, {} are places in documents and were not checked, {} differ, {} missing, {} without their bundle",
        recheck.citations.len(),
        of(Outcome::Holds),
        of(Outcome::Unquoted),
        of(Outcome::Differs),
        of(Outcome::Missing),
        of(Outcome::NoBundle)
    ));
    lines.join("\n")
}
