//! Chapter 3.

use minijinja::context;
use minijinja::value::Value;

use crate::report::model::{CausalKind, CausalNode};
use crate::report::render::blanks::Slot;
use crate::report::render::rich::Rich;
use crate::report::render::scribe::Scribe;
use crate::report::svg;

/// Chapter 3.
pub(super) fn causes(s: &mut Scribe<'_>) -> Value {
    let report = s.report;
    let contributing = report.contributing.iter().map(|factor| {
        context! { id => factor.id.as_str(), sentence => s.sentence(&factor.sentence), code => factor.code.as_str() }
    });
    context! {
        direct => s.sentences(&report.direct_causes),
        contributing => contributing.collect::<Vec<_>>(),
        chain => chain(s),
        svg => drawing(s).map(Value::from_safe_string),
        ruled_out => s.sentences(&report.ruled_out),
        open => s.sentences(&report.open_questions),
        unexplained => unexplained(s),
        direct_blanks => s.slot_items(Slot::Cause),
        contributing_blanks => s.slot_items(Slot::Contributing),
        chain_blanks => s.slot_items(Slot::Chain),
        open_blanks => s.slot_items(Slot::Question),
    }
}

/// What fails without an explanation, and what its logs complain of.
fn unexplained(s: &Scribe<'_>) -> Vec<Value> {
    let things = s.report.unexplained.iter().map(|thing| {
        let complaints = thing.complaints.iter().map(|complaint| {
            context! {
                source => Rich::code(&complaint.source),
                template => Rich::code(&complaint.template),
                count => complaint.count,
                first => s.maybe_when(complaint.first.as_ref()),
                last => s.maybe_when(complaint.last.as_ref()),
                is_new => complaint.is_new,
                is_burst => complaint.is_burst,
                refs => s.refs(&complaint.refs),
            }
        });
        context! { sentences => s.sentences(&thing.sentences), complaints => complaints.collect::<Vec<_>>() }
    });
    things.collect()
}

/// The graph as a list: each node with what leads to it.
fn chain(s: &Scribe<'_>) -> Vec<Value> {
    let graph = &s.report.causal;
    let nodes = graph.nodes.iter().map(|node| {
        let from = graph.edges.iter().filter(|edge| edge.to == node.id).map(|edge| {
            let number = graph.nodes.iter().position(|other| other.id == edge.from);
            let mut rich = Rich::parse(&number.map_or("← ?".to_owned(), |n| format!("← {}", n.saturating_add(1))));
            rich.append(s.words.joint.colon.as_str(), s.cited(&edge.label, &edge.refs));
            rich
        });
        context! { kind => s.words.causal.get(node.kind), shown => node_text(s, node), from => from.collect::<Vec<_>>() }
    });
    nodes.collect()
}

fn node_text(s: &Scribe<'_>, node: &CausalNode) -> Rich {
    let mut rich = s.text(&node.label);
    rich.append(" ", s.badge(node.confidence));
    rich.append(" ", s.refs(&node.refs));
    rich
}

fn drawing(s: &Scribe<'_>) -> Option<String> {
    let graph = &s.report.causal;
    // A barrier stands beside what set it off and above what it did not stop.
    let mut nodes: Vec<&CausalNode> = graph.nodes.iter().collect();
    nodes.sort_by_key(|node| match node.kind {
        CausalKind::Trigger => 0,
        CausalKind::Barrier => 1,
        _ => 2,
    });
    let boxes = nodes.into_iter().map(|node| svg::GraphBox {
        id: &node.id,
        kind: node.kind,
        confidence: node.confidence,
        label: s.text(&node.label).to_string(),
    });
    let arrows = graph.edges.iter().map(|edge| svg::GraphArrow {
        from: &edge.from,
        to: &edge.to,
        label: s.text(&edge.label).to_string(),
    });
    svg::graph(&boxes.collect::<Vec<_>>(), &arrows.collect::<Vec<_>>(), s.words)
}
