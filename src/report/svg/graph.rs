//! The causal graph: causes above, effects below, one row for each layer.

use std::fmt::Write as _;

use super::layout::{BOX, LINE, Layout, PAD, Place, SIZE, SMALL, Way};
use crate::model::Confidence;
use crate::report::escape::html;
use crate::report::locale::Fixed;
use crate::report::model::CausalKind;

/// Nodes drawn; the list below the drawing has them all.
const MAX_NODES: usize = 12;

/// A node.
#[derive(Debug)]
pub(crate) struct GraphBox<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: CausalKind,
    pub(crate) confidence: Confidence,
    /// Plain text, not escaped.
    pub(crate) label: String,
}

/// An edge.
#[derive(Debug)]
pub(crate) struct GraphArrow<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    /// True where nobody knows whether the one led to the other: drawn dashed.
    pub(crate) is_undetermined: bool,
    /// Plain text, not escaped.
    pub(crate) label: String,
}

/// Draws at most [`MAX_NODES`] nodes; none when there are fewer than two. Edges that do not lead forward in the order of the nodes
/// are left to the list below the drawing.
pub(crate) fn graph(boxes: &[GraphBox<'_>], arrows: &[GraphArrow<'_>], words: &Fixed) -> Option<String> {
    let boxes = boxes.get(..boxes.len().min(MAX_NODES))?;
    if boxes.len() < 2 {
        return None;
    }
    let layout = Layout::new(boxes, arrows);
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        out,
        "<svg class=\"graph\" role=\"img\" width=\"{0:.0}\" height=\"{1:.0}\" viewBox=\"0 0 {0:.0} {1:.0}\" aria-labelledby=\"cg-title cg-desc\" font-family=\"sans-serif\">\
         <title id=\"cg-title\">{2}</title><desc id=\"cg-desc\">{3}</desc>\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path class=\"arrow\" d=\"M0 0L8 4L0 8z\" fill=\"#555555\"/></marker></defs>",
        layout.width,
        layout.height,
        html(&words.svg.graph_title),
        html(&words.svg.graph_desc)
    );
    for edge in &layout.edges {
        push_line(&mut out, edge);
    }
    for (node, place) in boxes.iter().zip(&layout.places) {
        push_box(&mut out, node, place, words);
    }
    for edge in &layout.edges {
        push_label(&mut out, edge);
    }
    out.push_str("</svg>");
    Some(out)
}

/// The way as straight pieces, through the middle of its label.
fn push_line(out: &mut String, way: &Way) {
    let points: Vec<String> = way.points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    if points.len() >= 2 {
        let dashes = if way.is_undetermined {
            " stroke-dasharray=\"5 4\""
        } else {
            ""
        };
        let _ = write!(
            out,
            "<path class=\"edge no-fill\" d=\"M{}\" fill=\"none\" stroke=\"#555555\" stroke-width=\"1.5\" \
             stroke-linejoin=\"round\"{dashes} marker-end=\"url(#tip)\"/>",
            points.join("L")
        );
    }
}

fn push_label(out: &mut String, way: &Way) {
    if way.points.len() < 2 || way.label.is_empty() {
        return;
    }
    let (x, y) = way.label_at;
    let half = way.label_width() / 2.0;
    let _ = write!(
        out,
        "<g><title>{}</title><rect class=\"paper\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#ffffff\"/>",
        html(&way.full),
        x - half,
        y - 1.0,
        2.0 * half,
        way.label_height() + 2.0
    );
    for (number, line) in way.label.iter().enumerate() {
        let _ = write!(
            out,
            "<text class=\"ink\" x=\"{x:.1}\" y=\"{:.1}\" font-size=\"{SMALL}\" text-anchor=\"middle\" fill=\"#222222\">{}</text>",
            y + 11.0 + 14.0 * number as f64,
            html(line)
        );
    }
    out.push_str("</g>");
}

fn push_box(out: &mut String, node: &GraphBox<'_>, place: &Place, words: &Fixed) {
    let Place { x, y, height, lines } = place;
    let _ = write!(out, "<g><title>{}</title>", html(&node.label));
    push_outline(out, node, (*x, *y, *height));
    let head = format!(
        "{} · {}",
        words.causal.get(node.kind),
        words.confidence.get(node.confidence)
    );
    let _ = write!(
        out,
        "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"{SMALL}\" fill=\"#444444\">{}</text>",
        x + PAD + 3.0,
        y + PAD + 8.0,
        html(&head)
    );
    for (number, line) in lines.iter().enumerate() {
        let _ = write!(
            out,
            "<text class=\"ink\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"{SIZE}\" fill=\"#222222\">{}</text>",
            x + PAD + 3.0,
            y + PAD + 12.0 + LINE * (number as f64 + 0.9),
            html(line)
        );
    }
    out.push_str("</g>");
}

/// The outline tells the kind by its shape and the confidence by its dashes.
fn push_outline(out: &mut String, node: &GraphBox<'_>, (x, y, height): (f64, f64, f64)) {
    let dashes = match node.confidence {
        Confidence::Confirmed => "",
        Confidence::Probable | Confidence::Possible | Confidence::RuledOut => " stroke-dasharray=\"7 4\"",
        Confidence::Undetermined => " stroke-dasharray=\"2 4\"",
    };
    let (class, fill, stroke, radius) = match node.kind {
        CausalKind::Trigger => ("b-trigger", "#fdf5e3", "#7d5200", 2.0),
        CausalKind::Condition => ("b-condition", "#f1f2f3", "#565d66", 8.0),
        CausalKind::Failure => ("b-failure", "#fdf0ee", "#a8261c", 2.0),
        CausalKind::Impact => ("b-impact", "#ffffff", "#a8261c", 18.0),
        CausalKind::Barrier => ("b-barrier", "#eef3f9", "#35577d", 8.0),
    };
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{BOX}\" height=\"{height:.1}\" rx=\"{radius}\" fill=\"{fill}\" \
         stroke=\"{stroke}\" stroke-width=\"1.7\"{dashes}/>"
    );
    let extra = match node.kind {
        // A trigger has a folded corner, a failure a heavy edge, a barrier a second line inside.
        CausalKind::Trigger => format!("M{:.1} {y:.1}l14 14", x + BOX - 14.0),
        CausalKind::Failure => format!("M{:.1} {y:.1}v{height:.1}", x + 2.5),
        CausalKind::Barrier => format!("M{:.1} {:.1}v{:.1}", x + 6.0, y + 7.0, height - 14.0),
        CausalKind::Condition | CausalKind::Impact => return,
    };
    let heavy = if node.kind == CausalKind::Failure { 5.0 } else { 1.7 };
    let _ = write!(
        out,
        "<path class=\"{class}\" d=\"{extra}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{heavy}\"/>"
    );
}
