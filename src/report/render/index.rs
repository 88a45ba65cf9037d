//! The index of many bundles as a page, as Markdown, as JSON.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::rich::{Inline, Rich};
use super::style::Style;
use super::times::{self, Grain};
use super::{Format, RenderError, json, templates};
use crate::model::Subject;
use crate::report::escape;
use crate::report::index::{Index, IndexRow};
use crate::report::locale::Words;

/// Writes the index. Only [`Format::Html`] and [`Format::Json`] have forms of their own; all others get Markdown.
pub fn render_index(index: &Index, style: &Style, format: Format) -> Result<String, RenderError> {
    if format == Format::Json {
        return json::document(index);
    }
    let words = Words::load(style.lang)?;
    let is_html = format == Format::Html;
    let one = |row: &IndexRow| shown(row, style, &words, is_html);
    let mut groups: Vec<Value> = Vec::new();
    for cause in &index.causes {
        let rows = index.bundles.iter().filter(|row| row.cause == cause.rule);
        groups.push(context! {
            rule => Rich::code(&cause.rule), count => cause.bundles.len(), incidents => cause.incidents, rows => rows.map(one).collect::<Vec<_>>(),
        });
    }
    let others: Vec<&IndexRow> = index.bundles.iter().filter(|row| row.cause.is_empty()).collect();
    if !others.is_empty() {
        groups.push(context! {
            rule => Rich::default(), count => others.len(), incidents => 0, rows => others.into_iter().map(one).collect::<Vec<_>>(),
        });
    }
    let sorted = |key: fn(&IndexRow) -> (String, String)| {
        let mut rows: Vec<&IndexRow> = index.bundles.iter().collect();
        rows.sort_by_key(|row| key(row));
        rows.into_iter().map(one).collect::<Vec<_>>()
    };
    let page = context! {
        w => words.all.clone(),
        lang => style.lang.tag(),
        schema => index.schema_version,
        version => index.tool.version,
        total => index.bundles.len(),
        groups,
        by_severity => sorted(|row| (if row.severity.is_empty() { "~".to_owned() } else { row.severity.clone() }, row.bundle.clone())),
        by_name => sorted(|row| (row.bundle.clone(), String::new())),
        by_time => sorted(|row| (row.collected_at.as_ref().map_or("~".to_owned(), |when| when.earliest.to_string()), row.bundle.clone())),
        causes => index.causes.len(),
        incidents => index.incidents.iter().map(|incident| context! { id => incident.id.as_str(), bundles => names(&incident.bundles, &words) }).collect::<Vec<_>>(),
        outliers => names(&index.outliers, &words),
        without_report => names(&index.without_report, &words),
    };
    templates::render_index(format, page)
}

fn shown(row: &IndexRow, style: &Style, words: &Words, is_html: bool) -> Value {
    let fixed = &words.fixed;
    let badge = row.confidence.map(|confidence| {
        Rich(vec![Inline::Badge {
            confidence,
            word: fixed.confidence.get(confidence).to_owned(),
        }])
    });
    let collected = row
        .collected_at
        .as_ref()
        .map(|when| times::show(when, Grain::Second, &style.zone));
    let links: Vec<String> = row.reports.iter().map(|name| link(name, is_html)).collect();
    context! {
        bundle => Rich::code(&row.bundle),
        state => Value::from(Serde(row.state)),
        severity => row.severity.as_str(),
        title => Rich::parse(row.title.get(style.lang)),
        subject => row.subject.as_ref().map(subject).unwrap_or_default(),
        badge => badge.unwrap_or_default(),
        more => row.more_causes,
        collected => collected.unwrap_or_default(),
        incident => row.incident.as_str(),
        links => Value::from_safe_string(links.join(" ")),
    }
}

fn subject(subject: &Subject) -> Rich {
    Rich::code(&subject.to_string())
}

fn names(names: &[String], words: &Words) -> Rich {
    Rich::join(names.iter().map(|name| Rich::code(name)), &words.fixed.joint.list)
}

/// A link to a file beside the index, named by its ending. The address is relative and percent-encoded, so no name is a scheme or markup.
fn link(name: &str, is_html: bool) -> String {
    let ending: String = name
        .rsplit('.')
        .take(2)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
        .join(".");
    let mut address = String::from("./");
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => address.push(char::from(byte)),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    let shown: String = ending
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.' || *c == '-')
        .collect();
    if is_html {
        format!("<a href=\"{}\">{}</a>", escape::html(&address), escape::html(&shown))
    } else {
        format!("[{shown}]({address})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Lang;
    use crate::report::fixture::{PAYLOADS, hostile};

    fn index(payload: &str) -> Index {
        let report = hostile(payload);
        let rows = [payload, "other"].map(|alias| {
            IndexRow::new(
                &report,
                alias,
                None,
                vec![format!("{alias}.en.md"), format!("{alias}.en.html")],
            )
        });
        Index::new(rows.into(), vec![payload.to_owned()])
    }

    /// The tags of a page, without the values of their attributes: what text cannot change where it stays text.
    fn shape(page: &str) -> BTreeSet<String> {
        let (head, body) = page.split_once("<style>").unwrap();
        let body = body.split_once("</style>").unwrap().1;
        let tags = [head, body].into_iter().flat_map(|part| part.split('<').skip(1));
        tags.map(|tag| tag.split('>').next().unwrap().split('"').step_by(2).collect())
            .collect()
    }

    #[test]
    fn no_name_of_a_bundle_becomes_markup() {
        for payload in PAYLOADS {
            for lang in [Lang::Zh, Lang::En] {
                let usual = shape(&render_index(&index("a"), &Style::new(lang), Format::Html).unwrap());
                let html = render_index(&index(payload), &Style::new(lang), Format::Html).unwrap();
                assert_eq!(shape(&html), usual, "{payload:?}");
                let links = html
                    .split(" href=\"")
                    .skip(1)
                    .map(|rest| rest.split('"').next().unwrap());
                let is_plain = |link: &str| {
                    link.bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"#./%-_".contains(&b))
                };
                assert!(
                    links.clone().all(|link| is_plain(link) && link.starts_with(['#', '.'])),
                    "{payload:?}"
                );
                let markdown = render_index(&index(payload), &Style::new(lang), Format::Markdown).unwrap();
                for event in pulldown_cmark::Parser::new_ext(&markdown, pulldown_cmark::Options::ENABLE_TABLES) {
                    match event {
                        pulldown_cmark::Event::Html(html) | pulldown_cmark::Event::InlineHtml(html) => {
                            panic!("{payload:?}: {html}")
                        }
                        pulldown_cmark::Event::Start(pulldown_cmark::Tag::Link { dest_url, .. }) => {
                            assert!(dest_url.starts_with("./"))
                        }
                        pulldown_cmark::Event::Start(pulldown_cmark::Tag::Image { .. }) => panic!("{payload:?}"),
                        _ => {}
                    }
                }
                assert!(
                    !render_index(&index(payload), &Style::new(lang), Format::Json)
                        .unwrap()
                        .contains('\u{1b}')
                );
            }
        }
    }

    #[test]
    fn the_page_needs_neither_network_nor_script() {
        let html = render_index(&index("a"), &Style::new(Lang::En), Format::Html).unwrap();
        assert!(html.contains("default-src 'none'; style-src 'sha256-") && !html.contains("<script"));
        let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        assert!(
            html.contains(&super::super::html::csp_hash(style)),
            "the hash is that of the style sheet"
        );
        assert!(!html.contains("http:") && !html.contains("https:"));
    }
}
