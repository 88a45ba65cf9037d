//! Markdown as two independent parsers read it: hostile text stays text, and the chapters are the headings.

use pulldown_cmark::{Event, Options, Parser, Tag};
use regex::Regex;

use super::{LANGS, outside_fences};
use crate::model::Lang;
use crate::report::fixture::{PAYLOADS, hostile, incident};
use crate::report::model::{PostMortem, Risk};
use crate::report::render::{Flavor, Format, Style, render_as};

/// What GitHub and GitLab read beyond CommonMark.
fn gfm() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_MATH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
}

/// Every form of Markdown that a report can take.
fn forms(report: &PostMortem, lang: Lang) -> Vec<String> {
    let style = |flavor| Style {
        flavor,
        ..Style::new(lang)
    };
    let mut forms: Vec<String> = [Flavor::Plain, Flavor::Github, Flavor::Gitlab]
        .into_iter()
        .map(|flavor| render_as(report, &style(flavor), Format::Markdown).unwrap())
        .collect();
    let issue = render_as(report, &Style::new(lang), Format::GithubIssue).unwrap();
    // The first line is the title, which trackers show as it is.
    forms.push(issue.split_once("\n\n").unwrap().1.to_owned());
    forms
}

/// The few tags that the templates write themselves.
fn is_own(html: &str) -> bool {
    let own = r#"^(?:\s|<!-- blank:[A-Za-z0-9._-]+( required)? -->|<!-- casefile/[0-9.]+; labels: [A-Za-z0-9, –]* -->|<a id="[a-z0-9]*">|</a>|</?details>|<summary>[\p{L} ]*</summary>)*$"#;
    Regex::new(own).unwrap().is_match(html)
}

#[test]
fn pulldown_cmark_finds_nothing_that_a_bundle_wrote() {
    for lang in LANGS {
        for payload in PAYLOADS {
            for text in forms(&hostile(payload), lang) {
                for event in Parser::new_ext(&text, gfm()) {
                    match event {
                        Event::Html(html) | Event::InlineHtml(html) => assert!(is_own(&html), "{payload:?}: {html}"),
                        Event::Start(Tag::Link { dest_url, .. }) => {
                            assert!(dest_url.starts_with('#'), "{payload:?}: {dest_url}");
                        }
                        Event::Start(Tag::Image { .. } | Tag::FootnoteDefinition(_))
                        | Event::FootnoteReference(_)
                        | Event::InlineMath(_)
                        | Event::DisplayMath(_)
                        | Event::Start(Tag::Strikethrough) => panic!("{payload:?}: {event:?} in {text}"),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// HTML of everything, raw HTML and every protocol let through, every construct on that changes how text is read.
fn markdown_rs(text: &str) -> String {
    let mut options = markdown::Options::gfm();
    let constructs = &mut options.parse.constructs;
    (constructs.frontmatter, constructs.math_flow, constructs.math_text) = (true, true, true);
    options.compile.allow_dangerous_html = true;
    options.compile.allow_dangerous_protocol = true;
    options.compile.gfm_tagfilter = false;
    markdown::to_html_with_options(text, &options).unwrap()
}

#[test]
fn markdown_rs_makes_only_the_elements_of_the_templates() {
    let tag = Regex::new(r#"<([a-zA-Z0-9]+)((?:"[^"]*"|[^">])*)>"#).unwrap();
    let known = [
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "ul",
        "ol",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "code",
        "em",
        "strong",
        "blockquote",
        "a",
        "details",
        "summary",
        "hr",
        "br",
    ];
    for lang in LANGS {
        for payload in PAYLOADS {
            for text in forms(&hostile(payload), lang) {
                let html = markdown_rs(&text);
                for found in tag.captures_iter(&html) {
                    assert!(known.contains(&&found[1]), "{payload:?}: {}", &found[0]);
                    let attributes = &found[2];
                    assert!(
                        !attributes.contains(" on") && !attributes.contains("style"),
                        "{payload:?}: {attributes}"
                    );
                    if let Some((_, link)) = attributes.split_once("href=\"") {
                        assert!(link.starts_with('#'), "{payload:?}: {attributes}");
                    }
                }
            }
        }
    }
}

#[test]
fn hostile_text_makes_no_heading_row_or_list_item_more() {
    let count = |text: &str| {
        let events: Vec<Event<'_>> = Parser::new_ext(text, gfm()).collect();
        let of = |wanted: fn(&Tag<'_>) -> bool| {
            events
                .iter()
                .filter(|event| matches!(event, Event::Start(tag) if wanted(tag)))
                .count()
        };
        (
            of(|tag| matches!(tag, Tag::Heading { .. })),
            of(|tag| matches!(tag, Tag::TableRow)),
            of(|tag| matches!(tag, Tag::BlockQuote(_))),
        )
    };
    // One harmless word in the same places, so that the reports are of one shape.
    for lang in LANGS {
        let wanted: Vec<_> = forms(&hostile("word"), lang).iter().map(|text| count(text)).collect();
        for payload in PAYLOADS {
            let found: Vec<_> = forms(&hostile(payload), lang).iter().map(|text| count(text)).collect();
            assert_eq!(found, wanted, "{payload:?}");
        }
    }
}

#[test]
fn flavors_differ_in_what_their_hosts_draw() {
    let text = |flavor, mermaid| {
        let style = Style {
            flavor,
            mermaid,
            ..Style::new(Lang::En)
        };
        render_as(&incident(), &style, Format::Markdown).unwrap()
    };
    let plain = text(Flavor::Plain, true);
    for sign in ["<details>", "[!WARNING]", "```mermaid", "<a id="] {
        assert!(!plain.contains(sign), "{sign}");
        assert!(text(Flavor::Github, true).contains(sign), "{sign}");
        assert!(text(Flavor::Gitlab, true).contains(sign), "{sign}");
    }
    assert!(!text(Flavor::Gitlab, false).contains("```mermaid"));
    let drawn = text(Flavor::Gitlab, true);
    let diagram = drawn.split("```mermaid\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(diagram.chars().count() <= 2000, "{diagram}");
    let after = drawn.split("```mermaid\n").nth(1).unwrap();
    assert!(after.contains("\n1. "), "the numbered list follows");
}

#[test]
fn a_diagram_that_gitlab_would_not_draw_is_left_out_and_said() {
    let mut report = incident();
    for node in &mut report.causal.nodes {
        node.label = crate::model::Text::same("长".repeat(79));
    }
    let more = report.causal.nodes.clone();
    while report.causal.nodes.len() < 40 {
        report.causal.nodes.extend(more.clone());
    }
    let style = Style {
        flavor: Flavor::Github,
        ..Style::new(Lang::En)
    };
    let text = render_as(&report, &style, Format::Markdown).unwrap();
    assert!(!text.contains("```mermaid") && text.contains("longer than GitLab draws"));
}

#[test]
fn an_issue_fits_its_tracker_and_says_what_was_cut() {
    let mut report = incident();
    report.incident.title = crate::model::Text::same("t".repeat(400));
    let item = report.evidence[0].clone();
    for n in 1000..2200 {
        let mut item = item.clone();
        item.id = format!("E{n}");
        item.quote.iter_mut().for_each(|line| line.text = "x".repeat(300));
        report.evidence.push(item);
    }
    for (format, title, body, words) in [
        (Format::GithubIssue, 256, 65_536, "65536 characters"),
        (Format::Jira, 255, 32_767, "32767 characters"),
    ] {
        let text = render_as(&report, &Style::new(Lang::En), format).unwrap();
        let (head, rest) = text.split_once("\n\n").unwrap();
        assert_eq!(head.chars().count(), title);
        assert!(rest.chars().count() <= body, "{}", rest.chars().count());
        assert!(
            rest.contains(words) && rest.contains("Appendix A"),
            "{}",
            &rest[rest.len() - 400..]
        );
        assert!(
            rest.chars().count() > body - 6000,
            "not cut more than needed: {}",
            rest.chars().count()
        );
        let whole = render_as(&incident(), &Style::new(Lang::En), format).unwrap();
        assert!(
            !whole.contains(words),
            "nothing is cut from the {format} of a small report"
        );
    }
}

#[test]
fn jira_blocks_hold_what_a_bundle_wrote() {
    for payload in PAYLOADS
        .iter()
        .chain(&["{code}{noformat}{panel}[x|javascript:y]!z.png!"])
    {
        let text = render_as(&hostile(payload), &Style::new(Lang::En), Format::Jira).unwrap();
        let mut open: Option<&str> = None;
        for line in text.lines().skip(2) {
            match (open, line) {
                (None, "{noformat}") => open = Some("{noformat}"),
                (None, line) if line.starts_with("{code:") => open = Some("{code}"),
                (Some(close), line) if line == close => open = None,
                (Some(_), _) => {}
                (None, line) => {
                    let bare = line
                        .replace("\\\\", "")
                        .replace("\\{", "")
                        .replace("\\[", "")
                        .replace("\\!", "");
                    let bare = bare.replace("{{", "").replace("}}", "");
                    assert!(!bare.contains(['{', '[', '!']), "{payload:?}: {line}");
                }
            }
        }
        assert_eq!(open, None, "{payload:?}");
    }
}

#[test]
fn the_text_form_is_for_a_terminal() {
    for payload in PAYLOADS {
        let text = render_as(&hostile(payload), &Style::new(Lang::Zh), Format::Text).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{payload:?}");
        assert!(outside_fences(&text).count() > 40);
    }
}

#[test]
fn a_summary_fits_a_chat_and_says_what_to_do_first() {
    for lang in LANGS {
        for report in [incident(), hostile("word"), hostile(&"x".repeat(3000))] {
            let text = render_as(&report, &Style::new(lang), Format::Summary).unwrap();
            assert!(text.chars().count() <= 1_800, "{}", text.chars().count());
            assert!(!text.contains("](#"), "a chat has no evidence to link to: {text}");
        }
        let report = incident();
        let text = render_as(&report, &Style::new(lang), Format::Summary).unwrap();
        let step = report.recovery.iter().find(|step| step.risk != Risk::ReadOnly).unwrap();
        assert!(
            text.contains(step.command.lines().next().unwrap().trim_end_matches('\\').trim()),
            "{text}"
        );
    }
}
