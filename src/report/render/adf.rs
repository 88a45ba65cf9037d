//! The report in short as a document of Atlassian's format (ADF, developer.atlassian.com "Atlassian Document Format"), which Jira Cloud takes as
//! the description of an issue. Text of a bundle is a value of JSON and never markup.

use serde_json::{Value, json};

use super::rich::{Inline, Rich, shape};
use super::scribe::Scribe;
use super::style::Style;
use crate::model::Text;
use crate::report::escape;
use crate::report::locale::Words;
use crate::report::model::{Action, PostMortem, Sentence, Severity};

/// Rows of the timeline; Jira takes 32,767 characters, and what is beyond stands in the full report.
const ROWS: usize = 25;
/// Characters of the text of a document, as Jira counts them.
const LIMIT: usize = 32_767;

/// A request that makes an issue, but for its project and type: `fields.summary` and `fields.description`; a property says what wrote it.
pub(super) fn document(report: &PostMortem, style: &Style, words: &Words, title: String) -> Value {
    let s = Scribe::new(report, style, words);
    let mut content = Vec::new();
    chapter(&mut content, words, "summary", blocks(&s, &report.incident.summary));
    let mut facts = vec![s.sentence(&report.incident.scope)];
    facts.extend(report.incident.severity.as_ref().map(|severity: &Severity| {
        let mut level = Rich::parse(&severity.level());
        level.append(" ", s.sentence(&severity.reason));
        level
    }));
    chapter(&mut content, words, "c1_1", vec![list("bulletList", facts)]);
    chapter(&mut content, words, "c1_2", blocks(&s, &report.symptoms));
    let rows = super::view::plan::timeline(&report.timeline);
    let rows = rows.into_iter().take(ROWS).map(|row| {
        let mut rich = s.maybe_when(row.when.as_ref());
        rich.append(" · ", s.cited(&row.text, &row.refs));
        rich
    });
    chapter(&mut content, words, "c1_4", vec![list("bulletList", rows.collect())]);
    chapter(&mut content, words, "c2_3", blocks(&s, &report.localisation));
    let steps = report.recovery.iter().enumerate().flat_map(|(index, step)| {
        let mut rich = Rich::parse(&format!("R{} ", index.saturating_add(1)));
        rich.append("", s.cited(&step.purpose, &step.refs));
        let mut blocks = vec![paragraph(&rich)];
        blocks.extend(code(&step.command, step.language));
        blocks
    });
    chapter(&mut content, words, "c2_4", steps.collect());
    chapter(&mut content, words, "c3_1", blocks(&s, &report.direct_causes));
    let factors = report.contributing.iter().map(|factor| {
        let mut rich = Rich::parse(&factor.id);
        rich.append(" ", s.sentence(&factor.sentence));
        rich
    });
    chapter(&mut content, words, "c3_2", vec![list("bulletList", factors.collect())]);
    let open = report.open_questions.iter().skip(report.conflicts.len());
    let open = report.conflicts.iter().chain(open).map(|sentence| s.sentence(sentence));
    chapter(&mut content, words, "c3_5", vec![list("bulletList", open.collect())]);
    for (id, immediate) in [("c4_1", true), ("c4_2", false)] {
        let actions = report.actions.iter().filter(|action| action.immediate == immediate);
        let blocks = actions.flat_map(|action| action_blocks(&s, action));
        chapter(&mut content, words, id, blocks.collect());
    }
    let left = fit(&mut content);
    if left > 0 {
        let note = words.fixed.ticket.cut.replace("{limit}", &LIMIT.to_string());
        content.push(paragraph(&Rich::parse(&note.replace("{parts}", &left.to_string()))));
    }
    json!({
        "properties": [{"key": "casefile", "value": {"name": "casefile", "schema_version": report.schema_version}}],
        "fields": {
            "summary": title,
            "description": {"type": "doc", "version": 1, "content": content},
        },
    })
}

/// Leaves out what is beyond the limit, from the end; how many blocks those are. A heading is not left without what it heads.
fn fit(content: &mut Vec<Value>) -> usize {
    let all = content.len();
    let mut room = LIMIT.saturating_sub(500);
    let kept = content.iter().take_while(|block| {
        let size = length(block);
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    let kept = kept.count();
    content.truncate(kept);
    if kept < all && content.last().is_some_and(|block| block["type"] == "heading") {
        content.pop();
    }
    all.saturating_sub(content.len())
}

/// Characters of the texts of a node.
fn length(node: &Value) -> usize {
    let own = node["text"].as_str().map_or(0, |text| text.chars().count());
    own + node["content"]
        .as_array()
        .map_or(0, |nodes| nodes.iter().map(length).sum())
}

/// A heading and what it heads; nothing where that is nothing.
fn chapter(content: &mut Vec<Value>, words: &Words, id: &str, blocks: Vec<Value>) {
    let blocks: Vec<Value> = blocks.into_iter().filter(|block| !block.is_null()).collect();
    if blocks.is_empty() {
        return;
    }
    let heading = words.all.get_attr("chapter").and_then(|all| all.get_attr(id));
    let heading = heading.map(|title| title.to_string()).unwrap_or_default();
    content.push(json!({
        "type": "heading", "attrs": {"level": 2}, "content": inline(&Rich::parse(&heading)),
    }));
    content.extend(blocks);
}

fn blocks(s: &Scribe<'_>, sentences: &[Sentence]) -> Vec<Value> {
    sentences
        .iter()
        .map(|sentence| paragraph(&s.sentence(sentence)))
        .collect()
}

/// What is to be done, how to see that it is, and its command.
fn action_blocks(s: &Scribe<'_>, action: &Action) -> Vec<Value> {
    let mut rich = Rich::parse(&format!("{} ", action.id));
    rich.append("", s.text(&action.text));
    let acceptance = Some(&action.acceptance).filter(|text: &&Text| !text.is_empty());
    let mut blocks = vec![paragraph(&rich)];
    blocks.extend(acceptance.map(|text| paragraph(&s.text(text))));
    blocks.extend(code(&action.command, action.language));
    blocks
}

fn list(kind: &str, items: Vec<Rich>) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|item| json!({"type": "listItem", "content": [paragraph(item)]}))
        .collect();
    if items.is_empty() {
        return Value::Null;
    }
    json!({"type": kind, "content": items})
}

fn paragraph(rich: &Rich) -> Value {
    json!({"type": "paragraph", "content": inline(rich)})
}

fn code(text: &str, language: &str) -> Option<Value> {
    let text = escape::visible(text.trim_end());
    (!text.is_empty()).then(
        || json!({"type": "codeBlock", "attrs": {"language": language}, "content": [{"type": "text", "text": text}]}),
    )
}

/// Nodes of text; ADF has no empty ones.
fn inline(rich: &Rich) -> Vec<Value> {
    let nodes = rich.0.iter().map(|part| match part {
        Inline::Text(text) => (escape::visible(text), None),
        Inline::Code(text) => (escape::visible(text), Some("code")),
        Inline::Ref { id, .. } => (format!("[{id}]"), None),
        Inline::Badge { confidence, word } => (format!("{} {word}", shape(*confidence)), Some("strong")),
        Inline::Blank { shown, .. } => (escape::visible(shown), Some("em")),
    });
    let nodes = nodes.filter(|(text, _)| !text.is_empty());
    nodes
        .map(|(text, mark)| match mark {
            Some(mark) => json!({"type": "text", "text": text, "marks": [{"type": mark}]}),
            None => json!({"type": "text", "text": text}),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_bundle_is_a_value_and_marks_are_marks() {
        let rich = Rich(vec![
            Inline::Text("a {code} <b>".into()),
            Inline::Code("x\u{202e}y".into()),
            Inline::Text(String::new()),
        ]);
        assert_eq!(
            Value::Array(inline(&rich)),
            json!([
                {"type": "text", "text": "a {code} <b>"},
                {"type": "text", "text": "x[U+202E]y", "marks": [{"type": "code"}]},
            ])
        );
    }

    #[test]
    fn what_is_beyond_the_limit_is_left_out_with_its_heading() {
        let text =
            |length: usize| json!({"type": "paragraph", "content": [{"type": "text", "text": "x".repeat(length)}]});
        let heading = json!({"type": "heading", "content": [{"type": "text", "text": "h"}]});
        let mut content = vec![text(20_000), heading, text(20_000)];
        assert_eq!((fit(&mut content), content.len()), (2, 1));
    }
}
