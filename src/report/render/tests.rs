//! What holds for every report in every language and format.

mod machine;
mod markdown;

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

/// The headings of chapters and appendices that every report has, in their order.
const CHAPTERS: [(&str, &str); 11] = [
    ("1. 故障概述", "1. Incident overview"),
    ("2. 故障诊断与处理", "2. Diagnosis and handling"),
    ("3. 根因分析", "3. Root cause analysis"),
    ("4. 改进措施", "4. Improvement actions"),
    ("5. 经验总结", "5. Lessons learned"),
    ("附录 A 证据清单", "Appendix A Evidence index"),
    ("附录 B 数据完整性与采集缺口", "Appendix B Data completeness and gaps"),
    ("附录 C 时间基准与时钟偏差", "Appendix C Time base and clock skew"),
    ("附录 D 脱敏记录", "Appendix D Redaction log"),
    ("附录 E 检查项清单", "Appendix E Checks performed"),
    ("附录 F 复现信息", "Appendix F Reproducibility"),
];

/// The numbered sections of a report with an incident.
const SECTIONS: [(&str, &str); 18] = [
    ("1.1 基本信息", "1.1 Key facts"),
    ("1.2 故障现象", "1.2 Symptoms"),
    ("1.3 影响范围与受影响资源", "1.3 Impact and affected resources"),
    ("1.4 时间线", "1.4 Timeline"),
    ("2.1 初步排查", "2.1 Initial triage"),
    ("2.2 深入分析", "2.2 In-depth analysis"),
    ("2.2.1 节点 × 系统容器矩阵", "2.2.1 Node × system-container matrix"),
    ("2.2.2 与基线的差异", "2.2.2 Difference from baseline"),
    ("2.2.3 假设比较", "2.2.3 Competing hypotheses"),
    ("2.3 关键问题定位", "2.3 Problem localisation"),
    ("2.4 恢复步骤", "2.4 Recovery steps"),
    ("3.1 直接原因", "3.1 Direct cause"),
    ("3.2 根本原因（促成因素）", "3.2 Root causes (contributing factors)"),
    ("3.3 因果链", "3.3 Causal chain"),
    ("3.4 已排除的可能", "3.4 Ruled out"),
    ("3.5 矛盾证据与未决问题", "3.5 Conflicting evidence and open questions"),
    ("4.1 立即措施", "4.1 Immediate actions"),
    ("4.2 长期改进", "4.2 Long-term improvements"),
];

fn headings(text: &str, format: Format) -> Vec<String> {
    match format {
        Format::Html => {
            let parts = text
                .split("<h")
                .skip(1)
                .filter(|part| part.starts_with(['1', '2', '3', '4']));
            let inner = parts.filter_map(|part| part.split_once('>')?.1.split_once("</h").map(|(inner, _)| inner));
            inner.map(str::to_owned).collect()
        }
        _ => outside_fences(text)
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches(['#', ' ']).to_owned())
            .collect(),
    }
}

/// The lines of a Markdown text that are not inside a fenced block.
fn outside_fences(text: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<usize> = None;
    text.lines().filter(move |line| {
        let inner = line.trim_start();
        let ticks = inner.len() - inner.trim_start_matches('`').len();
        match fence {
            Some(open) if ticks >= open && inner.trim_end().len() == ticks => fence = None,
            Some(_) => {}
            None if ticks >= 3 && !inner[ticks..].contains('`') => fence = Some(ticks),
            None => return true,
        }
        false
    })
}

fn assert_in_order(found: &[String], wanted: &[&str]) {
    let mut rest = found.iter();
    for heading in wanted {
        assert!(
            rest.any(|found| found == heading),
            "{heading} is missing or out of order in {found:#?}"
        );
    }
}

#[test]
fn every_chapter_is_there_in_order() {
    for lang in LANGS {
        let pick = |(zh, en): &(&'static str, &'static str)| if lang == Lang::Zh { *zh } else { *en };
        for format in [Format::Html, Format::Markdown] {
            for report in [incident(), healthy()] {
                let found = headings(&render(&report, lang, format).unwrap(), format);
                assert_in_order(&found, &CHAPTERS.iter().map(pick).collect::<Vec<_>>());
            }
            let found = headings(&render(&incident(), lang, format).unwrap(), format);
            assert_in_order(&found, &SECTIONS.iter().map(pick).collect::<Vec<_>>());
        }
    }
}

#[test]
fn no_heading_stays_silently_empty() {
    for lang in LANGS {
        for report in [incident(), healthy()] {
            let text = markdown(&report, lang);
            let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
            let level = |line: &str| line.len() - line.trim_start_matches('#').len();
            for pair in lines.windows(2) {
                let empty = level(pair[0]) > 0 && level(pair[1]) > 0 && level(pair[1]) <= level(pair[0]);
                assert!(!empty, "{pair:?}");
            }
        }
    }
}

#[test]
fn each_blank_is_shown_once_with_its_marker() {
    let report = incident();
    for lang in LANGS {
        let (page, text) = (html(&report, lang), markdown(&report, lang));
        for blank in &report.blanks {
            assert_eq!(
                page.matches(&format!("data-blank=\"{}\"", blank.id)).count(),
                1,
                "{}",
                blank.id
            );
            let required = if blank.required { " required" } else { "" };
            assert_eq!(
                text.matches(&format!("<!-- blank:{}{required} -->", blank.id)).count(),
                1,
                "{}",
                blank.id
            );
        }
        assert_eq!(page.matches("data-blank=").count(), report.blanks.len());
        assert_eq!(text.matches("<!-- blank:").count(), report.blanks.len());
    }
}

/// What GitHub and GitLab call a heading: lower case, spaces as hyphens, no punctuation.
fn as_anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

#[test]
fn every_reference_leads_to_an_entry() {
    let report = many(30);
    let page = html(&report, Lang::Zh);
    let ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|part| part.split('"').next())
        .collect();
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "an id is used twice"
    );
    for target in page.split("href=\"#").skip(1).filter_map(|part| part.split('"').next()) {
        assert!(ids.contains(&target), "#{target} leads nowhere");
    }
    let text = markdown(&report, Lang::Zh);
    let anchors: Vec<String> = headings(&text, Format::Markdown)
        .iter()
        .map(|heading| as_anchor(heading))
        .collect();
    for target in text.split("](#").skip(1).filter_map(|part| part.split(')').next()) {
        assert!(anchors.iter().any(|anchor| anchor == target), "#{target} leads nowhere");
    }
    assert!(text.contains("[[E1]](#e1)"));
}

#[test]
fn a_reference_without_an_entry_is_words() {
    let mut report = incident();
    report.evidence.retain(|item| item.id != "E11");
    let page = html(&report, Lang::En);
    assert!(page.contains("[E11]") && !page.contains("#x-e11"));
    assert!(markdown(&report, Lang::En).contains("\\[E11\\]"));
}

#[test]
fn the_policy_allows_exactly_the_style_and_the_script_of_the_page() {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};
    let page = html(&incident(), Lang::Zh);
    for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
        let open = format!("<{tag}>");
        assert_eq!(page.matches(&open).count(), 1);
        let content = page
            .split(&open)
            .nth(1)
            .unwrap()
            .split(&format!("</{tag}>"))
            .next()
            .unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(content));
        assert!(page.contains(&format!("{directive} 'sha256-{hash}'")), "{tag}");
    }
    assert!(page.find("Content-Security-Policy").unwrap() < page.find("<style>").unwrap());
}

#[test]
fn the_page_reaches_nothing_outside_itself() {
    for report in [incident(), hostile(&PAYLOADS.concat())] {
        for tag in tags(&html(&report, Lang::En)) {
            for name in [" src=", " href=\"h", " srcset=", " action=", "url(h"] {
                assert!(!tag.contains(name), "{tag}");
            }
        }
    }
}

/// Every tag of the page outside its style and script.
fn tags(page: &str) -> Vec<String> {
    let mut rest = page.replace("<!doctype html>", "");
    for tag in ["style", "script"] {
        let (before, after) = rest.split_once(&format!("<{tag}>")).unwrap();
        rest = format!("{before}{}", after.split_once(&format!("</{tag}>")).unwrap().1);
    }
    rest.split('<')
        .skip(1)
        .map(|part| format!("<{}>", part.split_once('>').unwrap().0))
        .collect()
}

#[test]
fn hostile_text_adds_no_tag_and_no_attribute() {
    let shape = |page: &str| -> BTreeSet<(String, Vec<String>)> {
        tags(page)
            .iter()
            .map(|tag| {
                let inner = tag.trim_matches(['<', '>', '/']);
                let name = inner.split([' ', '\n']).next().unwrap_or_default().to_owned();
                // Attribute values cannot hold a raw quote, so every second piece is outside quotes.
                let outside = inner.split('"').step_by(2).flat_map(|piece| piece.split_whitespace());
                (name, outside.skip(1).map(str::to_owned).collect())
            })
            .collect()
    };
    for lang in LANGS {
        let usual = shape(&html(&incident(), lang));
        for payload in PAYLOADS
            .iter()
            .map(|payload| (*payload).to_owned())
            .chain([PAYLOADS.concat()])
        {
            let page = html(&hostile(&payload), lang);
            let odd: Vec<_> = shape(&page).difference(&usual).cloned().collect();
            assert!(odd.is_empty(), "{payload:?} brings {odd:?}");
            let strange = |c: char| {
                (c.is_control() && c != '\n' && c != '\t')
                    || matches!(
                        c,
                        '\u{200b}' | '\u{202e}' | '\u{2028}' | '\u{feff}' | '\u{e000}'..='\u{e001}'
                    )
            };
            assert!(!page.contains(strange), "{payload:?}");
        }
    }
}

#[test]
fn hostile_text_stays_visible() {
    let page = html(&hostile(PAYLOADS[0]), Lang::En);
    assert!(page.contains("&lt;script&gt;window.__pwned=1&lt;/script&gt;"));
}

/// What is left of a Markdown text when fences, code spans, escapes and the markers of blanks are taken away: there, a character has
/// its meaning.
fn live(text: &str) -> String {
    let mut left = String::new();
    for line in outside_fences(text) {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix('\\') {
                rest = after
                    .get(after.chars().next().map_or(0, char::len_utf8)..)
                    .unwrap_or_default();
            } else if rest.starts_with("<!-- blank:") {
                rest = rest.split_once(" -->").map_or("", |(_, after)| after);
            } else if c == '`' {
                let ticks = rest.len() - rest.trim_start_matches('`').len();
                let (delimiter, after) = rest.split_at(ticks);
                let mut end = None;
                let mut at = 0;
                for run in after.split_inclusive(|c| c != '`') {
                    let run_ticks = run.bytes().take_while(|&b| b == b'`').count();
                    if run_ticks == ticks {
                        end = Some(at + run_ticks);
                        break;
                    }
                    at += run.len();
                }
                let end = end.unwrap_or_else(|| panic!("a code span {delimiter} stays open in {line}"));
                rest = &after[end..];
            } else {
                left.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        left.push('\n');
    }
    left
}

#[test]
fn hostile_text_is_inert_in_markdown() {
    for lang in LANGS {
        // One harmless word in the same places, so that the reports are of one shape.
        let usual = live(&markdown(&hostile("word"), lang));
        for payload in PAYLOADS
            .iter()
            .map(|payload| (*payload).to_owned())
            .chain([PAYLOADS.concat()])
        {
            let text = markdown(&hostile(&payload), lang);
            let left = live(&text[text.find("\n# ").unwrap()..]);
            for sign in ["<", "![", "](j", "](h", "@", "://", "~~", "&lt"] {
                assert!(!left.contains(sign), "{payload:?} leaves {sign} in {left}");
            }
            let heads = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
            assert_eq!(heads(&left), heads(&usual), "{payload:?}");
            let bars = |text: &str| {
                text.lines()
                    .filter(|line| line.starts_with('|'))
                    .map(|line| line.matches('|').count())
                    .collect::<Vec<_>>()
            };
            assert_eq!(bars(&left), bars(&usual), "{payload:?} changes a table");
        }
    }
}

#[test]
fn equal_reports_give_equal_bytes() {
    for format in Format::ALL {
        assert_eq!(
            render(&incident(), Lang::Zh, format).unwrap(),
            render(&incident(), Lang::Zh, format).unwrap()
        );
    }
}

#[test]
fn each_language_is_whole() {
    let cjk = |c: char| ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c);
    for report in [incident(), healthy(), many(3)] {
        for format in [Format::Html, Format::Markdown] {
            let english = render(&report, Lang::En, format).unwrap();
            // The style sheet names no Chinese font in Chinese either.
            let line = english.lines().find(|line| line.contains(cjk));
            assert_eq!(line, None);
        }
    }
    let shape = |lang| {
        tags(&html(&incident(), lang))
            .iter()
            .map(|tag| tag.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // Drawings wrap their labels, so the number of their lines depends on the language.
    let outside = |tags: Vec<String>| {
        tags.into_iter()
            .filter(|tag| !tag.starts_with("<text") && tag != "</text>")
            .collect::<Vec<_>>()
    };
    assert_eq!(outside(shape(Lang::Zh)), outside(shape(Lang::En)));
}

#[test]
fn a_healthy_report_is_short_and_blames_nothing() {
    let page = html(&healthy(), Lang::Zh);
    assert!(page.contains("在采集的数据中未发现异常") || page.contains("在已采集的数据中未发现异常"));
    assert!(!page.contains("id=\"c3-1\"") && !page.contains("data-blank=") && !page.contains("建议等级"));
    let body = page.len() - page.find("<body").unwrap();
    assert!(body < 12_000, "{body} bytes");
}

#[test]
fn a_bundle_without_a_passed_check_never_reads_as_healthy() {
    let mut report = healthy();
    report
        .checks
        .retain(|check| check.outcome != crate::report::model::CheckOutcome::Pass);
    for (lang, good) in [
        (Lang::Zh, "未发现异常。"),
        (Lang::En, "No anomaly found in the collected data"),
    ] {
        assert!(!markdown(&report, lang).contains(good));
    }
    assert!(markdown(&report, Lang::En).contains("this does not mean that the system is well"));
}

#[test]
fn an_ordinary_page_is_small() {
    let size = html(&many(60), Lang::Zh).len();
    assert!(size < 300_000, "{size} bytes");
}

#[test]
fn json_is_the_model_without_marks() {
    let report = incident();
    let json = render(&report, Lang::Zh, Format::Json).unwrap();
    assert!(json.starts_with("{\n  \"schema_version\": \"1.7\",\n  \"tool\"") && json.ends_with("}\n"));
    assert!(!json.contains(['\u{e000}', '\u{e001}']));
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["root_causes"][0]["subject"]["name"], "share-mnt");
    assert_eq!(value["blanks"].as_array().unwrap().len(), report.blanks.len());
}

#[test]
fn front_matter_is_yaml_whatever_the_title_says() {
    for payload in PAYLOADS {
        let text = markdown(&hostile(payload), Lang::Zh);
        let front = text.strip_prefix("---\n").unwrap().split("\n---\n").next().unwrap();
        let value: serde_yaml::Value = serde_yaml::from_str(front).unwrap();
        assert_eq!(value["lang"].as_str(), Some("zh-CN"), "{payload:?}");
    }
}

#[test]
fn drawings_stay_inside_their_box() {
    for report in [incident(), hostile(&PAYLOADS.concat())] {
        let page = html(&report, Lang::Zh);
        for svg in page
            .split("<svg ")
            .skip(1)
            .filter_map(|part| part.split("</svg>").next())
        {
            let number = |text: &str, key: &str| -> Option<f64> {
                text.split(&format!(" {key}=\""))
                    .nth(1)?
                    .split('"')
                    .next()?
                    .parse()
                    .ok()
            };
            let mut size = svg
                .split("viewBox=\"0 0 ")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .split(' ')
                .map(|n| n.parse::<f64>().unwrap());
            let (width, height) = (size.next().unwrap(), size.next().unwrap());
            for text in svg.split("<text ").skip(1) {
                let (x, y) = (number(text, "x").unwrap(), number(text, "y").unwrap());
                assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{text}");
            }
        }
    }
}
