//! The template environment: strict, embedded, with one formatter that escapes for the format of the template.

use std::fmt::Display;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, context};

use super::markdown::{self, Place};
use super::rich::{Inline, Rich};
use super::{Format, RenderError, html, jira, ticket};
use crate::report::model::SCHEMA_VERSION;

/// The name under which the formatter knows Markdown.
const MARKDOWN: &str = "markdown";
/// The same for the wiki markup of Jira, and for plain text.
const JIRA: &str = "jira";
const TEXT: &str = "text";

/// Every template, by name. The extension decides how values are escaped.
const TEMPLATES: &[(&str, &str)] = &[
    ("report.md", include_str!("../templates/md/report.md")),
    ("body.md", include_str!("../templates/md/body.md")),
    ("evidence.md", include_str!("../templates/md/evidence.md")),
    ("summary.md", include_str!("../templates/md/summary.md")),
    ("gaps.md", include_str!("../templates/md/gaps.md")),
    ("issue.md", include_str!("../templates/md/issue.md")),
    ("places.md", include_str!("../templates/md/places.md")),
    ("brief.jira", include_str!("../templates/brief/brief.txt")),
    ("macros.jira", include_str!("../templates/brief/macros.jira")),
    ("brief.text", include_str!("../templates/brief/brief.txt")),
    ("macros.text", include_str!("../templates/brief/macros.text")),
    ("index.md", include_str!("../templates/md/index.md")),
    ("index.html", include_str!("../templates/html/index.html")),
    ("macros.md", include_str!("../templates/md/macros.md")),
    ("overview.md", include_str!("../templates/md/overview.md")),
    ("diagnosis.md", include_str!("../templates/md/diagnosis.md")),
    ("causes.md", include_str!("../templates/md/causes.md")),
    ("improvement.md", include_str!("../templates/md/improvement.md")),
    ("runbook.md", include_str!("../templates/md/runbook.md")),
    ("details.md", include_str!("../templates/md/details.md")),
    ("findings.md", include_str!("../templates/md/findings.md")),
    ("appendix.md", include_str!("../templates/md/appendix.md")),
    ("report.html", include_str!("../templates/html/report.html")),
    ("macros.html", include_str!("../templates/html/macros.html")),
    ("verdict.html", include_str!("../templates/html/verdict.html")),
    ("overview.html", include_str!("../templates/html/overview.html")),
    ("diagnosis.html", include_str!("../templates/html/diagnosis.html")),
    ("causes.html", include_str!("../templates/html/causes.html")),
    ("improvement.html", include_str!("../templates/html/improvement.html")),
    ("runbook.html", include_str!("../templates/html/runbook.html")),
    ("details.html", include_str!("../templates/html/details.html")),
    ("findings.html", include_str!("../templates/html/findings.html")),
    ("appendix.html", include_str!("../templates/html/appendix.html")),
];

/// The only style sheet and the only script of the page; both constant, so their hashes are too.
const STYLE: &str = include_str!("../templates/html/style.css");
const SCRIPT: &str = include_str!("../templates/html/script.js");

/// Fills the template of `format` with the display form.
pub(super) fn render(format: Format, page: Value) -> Result<String, RenderError> {
    let env = environment()?;
    let text = match format {
        Format::Html => {
            let fixed = context! {
                style => Value::from_safe_string(STYLE.to_owned()),
                script => Value::from_safe_string(SCRIPT.to_owned()),
                style_hash => html::csp_hash(STYLE),
                script_hash => html::csp_hash(SCRIPT),
            };
            env.get_template("report.html")?.render(context! { ..fixed, ..page })?
        }
        Format::Summary => tidy(&env.get_template("summary.md")?.render(page)?),
        Format::GithubIssue | Format::Zendesk => tidy(&env.get_template("issue.md")?.render(page)?),
        Format::Jira => tidy(&brief(&env, page, "brief.jira", "macros.jira")?),
        Format::Text => tidy(&brief(&env, page, "brief.text", "macros.text")?),
        _ => tidy(&env.get_template("report.md")?.render(page)?),
    };
    Ok(text)
}

/// The style sheet of an index: that of reports and a little more.
const INDEX_STYLE: &str = concat!(
    include_str!("../templates/html/style.css"),
    include_str!("../templates/html/index.css")
);

/// Fills the template of an index.
pub(super) fn render_index(format: Format, page: Value) -> Result<String, RenderError> {
    let env = environment()?;
    if format != Format::Html {
        return Ok(tidy(&env.get_template("index.md")?.render(page)?));
    }
    let fixed = context! {
        style => Value::from_safe_string(INDEX_STYLE.to_owned()),
        style_hash => html::csp_hash(INDEX_STYLE),
    };
    Ok(env.get_template("index.html")?.render(context! { ..fixed, ..page })?)
}

/// The short form, arranged by `macros`. Its first word tells what wrote it.
fn brief(env: &Environment<'static>, page: Value, template: &str, macros: &str) -> Result<String, Error> {
    let mark = format!("casefile/{SCHEMA_VERSION}");
    env.get_template(template)?
        .render(context! { macros, mark => Value::from_safe_string(mark), ..page })
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    env.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html") => AutoEscape::Html,
        Some("jira") => AutoEscape::Custom(JIRA.into()),
        Some("text") => AutoEscape::Custom(TEXT.into()),
        _ => AutoEscape::Custom(MARKDOWN.into()),
    });
    env.set_formatter(format_value);
    env.add_filter("cell", cell);
    env.add_filter("fence", fence);
    env.add_filter("block", block);
    env.add_filter("fill", fill);
    env.add_filter("quoted", quoted);
    env.add_filter("anchor", html::anchor_filter);
    env.add_filter("slug", slug);
    env.add_filter("bare", bare);
    for (name, source) in TEMPLATES {
        env.add_template(name, source)?;
    }
    Ok(env)
}

/// Prints every value of every template: what is not marked safe is escaped here.
fn format_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text = if value.is_safe() {
        value.to_string()
    } else {
        let rich = rich(value)?;
        match state.auto_escape() {
            AutoEscape::Html => html::inline(&rich),
            AutoEscape::Custom(form) if *form == JIRA => jira::inline(&rich),
            AutoEscape::Custom(form) if *form == TEXT => ticket::one_line(&rich),
            _ => markdown::inline(&rich, Place::Prose),
        }
    };
    out.write_str(&text).map_err(write_error)
}

/// A value as rich text. Undefined, none, lists and maps are mistakes of a template.
fn rich(value: &Value) -> Result<Rich, Error> {
    if let Some(rich) = value.downcast_object_ref::<Rich>() {
        return Ok(rich.clone());
    }
    match value.kind() {
        ValueKind::String | ValueKind::Number => Ok(Rich::parse(&value.to_string())),
        kind => Err(Error::new(
            ErrorKind::BadSerialization,
            format!("a template prints a value of type {kind}"),
        )),
    }
}

/// Filter `cell`: the value inside a Markdown table cell; a dash where there is nothing.
fn cell(value: &Value) -> Result<Value, Error> {
    if value.is_safe() {
        return Ok(value.clone());
    }
    let rich = rich(value)?;
    let text = markdown::inline(&rich, Place::Cell);
    Ok(Value::from_safe_string(if text.is_empty() {
        "—".to_owned()
    } else {
        text
    }))
}

/// Filter `fence(info, indent)`: the value as a fenced Markdown block.
fn fence(value: &str, info: &str, indent: Option<usize>) -> Value {
    Value::from_safe_string(markdown::fence(value, info, indent.unwrap_or(0)))
}

/// Filter `block(language)`: the value as a block of its own in a ticket.
fn block(state: &State, value: &str, language: &str) -> Value {
    Value::from_safe_string(match state.auto_escape() {
        AutoEscape::Custom(form) if *form == JIRA => jira::block(value, language),
        _ => ticket::indented(value),
    })
}

/// Filter `fill(n=…)`: replaces `{n}` and its like in fixed words. The result is still escaped when printed.
fn fill(value: &str, kwargs: Kwargs) -> Result<String, Error> {
    let mut text = value.to_owned();
    let names: Vec<String> = kwargs.args().map(str::to_owned).collect();
    for name in names {
        let filling: Value = kwargs.get(&name)?;
        text = text.replace(&format!("{{{name}}}"), &filling.to_string());
    }
    Ok(text)
}

/// Filter `quoted`: a double-quoted YAML scalar. JSON strings are YAML (YAML 1.2.2, 1.2), and nothing invisible is left in them.
fn quoted(value: &Value) -> Result<Value, Error> {
    let text = crate::report::escape::visible(&value.to_string());
    let json = serde_json::to_string(&text)
        .map_err(|source| Error::new(ErrorKind::BadSerialization, "front matter").with_source(source))?;
    Ok(Value::from_safe_string(json))
}

/// Filter `bare`: the words without references, for where there is nothing to refer to.
fn bare(value: &Value) -> Result<Value, Error> {
    let mut rich = rich(value)?;
    // What stands between two references goes with them.
    let is_joint = |part: &Inline| matches!(part, Inline::Text(text) if text == " " || text == "–");
    rich.0
        .retain(|part| !matches!(part, Inline::Ref { .. }) && !is_joint(part));
    Ok(rich.into())
}

/// Filter `slug`: the link to a heading of these words, as GitHub and GitLab make it: lower case, spaces as hyphens, no punctuation.
fn slug(heading: &str) -> Value {
    let kept = heading
        .chars()
        .filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
    Value::from_safe_string(format!("#{}", slug.to_lowercase()))
}

/// Empty template branches leave runs of blank lines; Markdown needs one. Fences are left alone.
fn tidy(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut fence: Option<String> = None;
    let mut blank = true;
    for line in markdown.lines() {
        let ticks: String = line.trim_start().chars().take_while(|&c| c == '`').collect();
        match &fence {
            Some(open) if line.trim() == open => fence = None,
            // A line with a back-tick further on is a code span, not a fence (CommonMark 0.31, 4.5).
            None if ticks.len() >= 3 && !line.trim_start_matches([' ', '`']).contains('`') => fence = Some(ticks),
            _ => {}
        }
        let empty = line.trim().is_empty();
        if empty && blank && fence.is_none() {
            continue;
        }
        out.push_str(if fence.is_some() { line } else { line.trim_end() });
        out.push('\n');
        blank = empty;
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

fn write_error(source: impl Display) -> Error {
    Error::new(ErrorKind::WriteFailure, source.to_string())
}
