//! Chapter 3.

use minijinja::context;
use minijinja::value::Value;

use super::details;
use super::plan::{self, Part};
use crate::model::{Confidence, Text};
use crate::report::model::{CausalEdge, CausalKind, CausalNode, Sentence, UnexplainedView};
use crate::report::render::blanks::Slot;
use crate::report::render::rich::Rich;
use crate::report::render::scribe::Scribe;
use crate::report::svg;

/// Chapter 3.
pub(super) fn causes(s: &mut Scribe<'_>) -> Value {
    let report = s.report;
    let open = open(s);
    let contributing = report
        .contributing
        .iter()
        .take(plan::limit(Part::Factors))
        .map(|factor| {
            context! { id => factor.id.as_str(), sentence => s.sentence(&factor.sentence), code => factor.code.as_str() }
        });
    let others = plan::ruled_out(report);
    // As many as the tables of chapter 2.2.3 call ruled out.
    let tables = report.hypotheses.iter().chain(&report.further_hypotheses);
    let verdicts = tables.flat_map(|table| &table.verdicts);
    let compared = verdicts.filter(|verdict| **verdict == Confidence::RuledOut).count();
    let ruled_out = others
        .iter()
        .take(plan::limit(Part::RuledOut))
        .map(|sentence| s.sentence(sentence));
    context! {
        direct => s.first(&report.direct_causes, Part::Direct),
        direct_more => s.more(Part::Direct, report.direct_causes.len()),
        contributing => contributing.collect::<Vec<_>>(),
        contributing_more => s.more(Part::Factors, report.contributing.len()),
        chain => chain(s),
        svg => drawing(s).map(Value::from_safe_string),
        ruled_out => ruled_out.collect::<Vec<_>>(),
        compared,
        ruled_out_more => s.more(Part::RuledOut, others.len()),
        open,
        open_more => s.more(Part::Open, report.open_questions.len()),
        conflicts_in_full => if report.conflicts.is_empty() { Rich::default() } else { s.in_full(Part::Open) },
        unexplained => unexplained(s, &report.unexplained, plan::COMPLAINTS).into_iter().take(plan::limit(Part::Unexplained)).collect::<Vec<_>>(),
        unexplained_in_full => s.in_full(Part::Unexplained),
        direct_blanks => s.slot_items(Slot::Cause),
        contributing_blanks => s.slot_items(Slot::Contributing),
        chain_blanks => s.slot_items(Slot::Chain),
        open_blanks => s.slot_items(Slot::Question),
    }
}

/// The conflicts in a few words each, then the questions, each with the place for its answer.
fn open(s: &mut Scribe<'_>) -> Vec<Rich> {
    let report = s.report;
    let questions = report.open_questions.iter().skip(report.conflicts.len());
    let all = report.conflicts.iter().chain(questions);
    all.take(plan::limit(Part::Open))
        .enumerate()
        .map(|(index, sentence)| asked(s, index, sentence))
        .collect()
}

/// A conflict or an open question, by its place in the list, with the place for its answer.
pub(super) fn asked(s: &mut Scribe<'_>, index: usize, sentence: &Sentence) -> Rich {
    let answer = s.blank(&format!("question.{}", index.saturating_add(1)));
    let mut rich = s.sentence(sentence);
    rich.append(" ", answer);
    rich
}

/// What fails without an explanation, and at most so many lines of what its logs complain of.
fn unexplained(s: &Scribe<'_>, things: &[UnexplainedView], most: usize) -> Vec<Value> {
    let things = things.iter().map(|thing| {
        let complaints = thing.complaints.iter().take(most).map(|complaint| {
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

/// The same in full: what the body leaves out of each.
pub(super) fn whole_unexplained(s: &Scribe<'_>) -> Vec<Value> {
    let mut blocks = Vec::new();
    for (index, thing) in s.report.unexplained.iter().enumerate() {
        let is_new = index >= plan::limit(Part::Unexplained);
        if !is_new && thing.complaints.len() <= plan::COMPLAINTS {
            continue;
        }
        let said = s.sentences(&thing.sentences).into_iter();
        blocks.extend(said.take(if is_new { usize::MAX } else { 1 }).map(details::text));
        // Heads without a row would tell a reader with a screen reader nothing.
        if thing.complaints.is_empty() {
            continue;
        }
        let rows = thing.complaints.iter().map(|complaint| {
            vec![
                Rich::code(&complaint.source),
                Rich::code(&complaint.template),
                Rich::parse(&complaint.count.to_string()),
                s.maybe_when(complaint.first.as_ref()),
                s.maybe_when(complaint.last.as_ref()),
                s.refs(&complaint.refs),
            ]
        });
        let heads = ["log", "complaint", "count", "first", "last", "evidence"];
        let rows: Vec<Vec<Rich>> = rows.collect();
        // What has no log has no lines to list.
        if !rows.is_empty() {
            blocks.push(details::table(&heads, Vec::new(), rows));
        }
    }
    blocks
}

/// The graph as a list: each node, and under it what it leads to and how.
fn chain(s: &Scribe<'_>) -> Vec<Value> {
    let graph = &s.report.causal;
    let number = |id: &str| graph.nodes.iter().position(|other| other.id == id);
    let nodes = graph.nodes.iter().map(|node| {
        // One node that acts in the same way on several is one line.
        let mut ways: Vec<(&CausalEdge, Vec<String>, Vec<String>)> = Vec::new();
        for edge in graph.edges.iter().filter(|edge| edge.from == node.id) {
            let to = number(&edge.to).map_or("?".to_owned(), |n| n.saturating_add(1).to_string());
            let same = ways.iter_mut().find(|(known, _, _)| known.label == edge.label);
            match same {
                Some((_, targets, refs)) => {
                    targets.push(to);
                    refs.extend(edge.refs.iter().cloned());
                }
                None => {
                    ways.push((edge, vec![to], edge.refs.clone()));
                }
            }
        }
        let leads = ways.into_iter().map(|(edge, targets, mut refs)| {
            let mut seen = std::collections::BTreeSet::new();
            refs.retain(|id| seen.insert(id.clone()));
            let mut rich = Rich::parse(&format!("→ {}", targets.join(", ")));
            rich.append(s.words.joint.colon.as_str(), s.cited(&edge.label, &refs));
            rich
        });
        context! { kind => s.words.causal.get(node.kind), shown => listed(s, node), leads => leads.collect::<Vec<_>>() }
    });
    nodes.collect()
}

/// A node as the list has it: what stands among the factors is named by its number and its first words.
fn listed(s: &Scribe<'_>, node: &CausalNode) -> Rich {
    match factor_of(s, node) {
        Some(mut rich) => {
            rich.append(" ", s.badge(node.confidence));
            rich
        }
        None => node_text(s, node),
    }
}

/// The number of the factor that a node is, and the factor up to where it is explained.
fn factor_of(s: &Scribe<'_>, node: &CausalNode) -> Option<Rich> {
    let mut factors = s.report.contributing.iter().take(plan::limit(Part::Factors));
    let factor = factors.find(|factor| factor.sentence.text.zh.starts_with(&node.label.zh))?;
    let text = factor.sentence.text.get(s.lang);
    let ends = [": ", "; ", "：", "；"].iter().filter_map(|mark| text.find(mark));
    let short = ends.min().and_then(|end| text.get(..end)).unwrap_or(text);
    Some(s.text(&Text::same(format!("{} {short}", factor.id))))
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
        CausalKind::Condition | CausalKind::Barrier => 1,
        CausalKind::Failure | CausalKind::Impact => 2,
    });
    let boxes = nodes.into_iter().map(|node| svg::GraphBox {
        id: &node.id,
        kind: node.kind,
        confidence: node.confidence,
        label: factor_of(s, node).unwrap_or_else(|| s.text(&node.label)).to_string(),
    });
    let of = |id: &str| graph.nodes.iter().find(|node| node.id == id);
    let is_open = |id: &str| of(id).is_some_and(|node| node.confidence == Confidence::Undetermined);
    let arrows = graph.edges.iter().map(|edge| svg::GraphArrow {
        from: &edge.from,
        is_undetermined: is_open(&edge.from) || is_open(&edge.to),
        to: &edge.to,
        label: s.text(&edge.label).to_string(),
    });
    svg::graph(&boxes.collect::<Vec<_>>(), &arrows.collect::<Vec<_>>(), s.words)
}
