//! The causal chain as a Mermaid flowchart, for the flavors of Markdown that draw one. It says nothing that the list below does not.

use minijinja::context;
use minijinja::value::Value;

use super::scribe::Scribe;
use super::style::{Flavor, Style};
use crate::model::{Confidence, plain};
use crate::report::escape;
use crate::report::model::CausalGraph;

/// GitLab draws no longer one without being asked (`MAX_CHAR_LIMIT` in its `render_sandboxed_mermaid.js`).
const MAX_CHARS: usize = 2000;
/// Characters of a label.
const MAX_LABEL: usize = 80;

/// The diagram, with an empty text where it would be too long; none where nothing is to be drawn.
pub(super) fn chain(s: &Scribe<'_>, style: &Style) -> Option<Value> {
    let graph = &s.report.causal;
    if !style.mermaid || style.flavor == Flavor::Plain || graph.nodes.len() < 2 {
        return None;
    }
    let text = Some(flowchart(graph, |text| s.text(text).to_string())).filter(|text| text.chars().count() <= MAX_CHARS);
    Some(context! { text => text.unwrap_or_default() })
}

/// Nodes `n1`, `n2`… with quoted labels; arrows to what is not confirmed are dotted. No click, style or HTML.
fn flowchart(graph: &CausalGraph, words: impl Fn(&crate::model::Text) -> String) -> String {
    let number = |id: &str| graph.nodes.iter().position(|node| node.id == id).map(|index| index + 1);
    let mut lines = vec!["flowchart LR".to_owned()];
    for (index, node) in graph.nodes.iter().enumerate() {
        lines.push(format!("  n{}[\"{}\"]", index + 1, label(&words(&node.label))));
    }
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (number(&edge.from), number(&edge.to)) else {
            continue;
        };
        let sure = graph
            .nodes
            .get(to - 1)
            .is_some_and(|node| node.confidence == Confidence::Confirmed);
        let arrow = if sure { "-->" } else { "-.->" };
        let mechanism = label(&words(&edge.label));
        let mechanism = if mechanism.is_empty() {
            mechanism
        } else {
            format!("|\"{mechanism}\"|")
        };
        lines.push(format!("  n{from} {arrow}{mechanism} n{to}"));
    }
    lines.join("\n")
}

/// Words inside quotation marks. What could mean something to Mermaid is written by its number ("Entity codes to escape characters",
/// mermaid.js.org/syntax/flowchart.html).
fn label(text: &str) -> String {
    let text = escape::visible(&plain(text)).replace(['\n', '\t'], " ");
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == MAX_LABEL {
            out.push('…');
            break;
        }
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !" .,:/-_()=".contains(c) {
            out.push_str(&format!("#{};", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{PAYLOADS, hostile, incident};

    fn drawn(graph: &CausalGraph) -> String {
        flowchart(graph, |text| text.en.clone())
    }

    /// The subset of Mermaid that is written: a head, nodes, arrows.
    #[track_caller]
    fn assert_is_flowchart(text: &str) {
        let inside = r##"(?:[^\x00-\x7F]|[A-Za-z0-9 .,:/_()=-]|#[0-9]{1,3};)*"##;
        let line = regex::Regex::new(&format!(
            r#"^  (?:n\d+\["{inside}"\]|n\d+ (?:-->|-\.->)(?:\|"{inside}"\|)? n\d+)$"#
        ))
        .unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("flowchart LR"));
        for row in lines {
            assert!(line.is_match(row), "{row}");
        }
    }

    #[test]
    fn no_label_leaves_its_quotation_marks() {
        assert_is_flowchart(&drawn(&incident().causal));
        for payload in PAYLOADS {
            assert_is_flowchart(&drawn(&hostile(payload).causal));
        }
        assert_eq!(label("a \"b\" %%{init}"), "a #34;b#34; #37;#37;#123;init#125;");
    }
}
