//! What the lines of node-problem-detector's rules make of a snapshot: one finding for each node whose logs hold them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::cluster::{Hit, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::{node_of, quote, touch_pods};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

/// What of a rule that was taken over does not fit a header.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Taken {
    /// Its own words, which its wording shows.
    facts: Map<String, Value>,
    /// Its expressions.
    expressions: Vec<Expression>,
}

#[derive(Debug, Clone)]
struct Expression {
    /// Ids of its signatures, a line each.
    lines: Vec<String>,
    /// How many lines it may span.
    buffer: u64,
}

impl Taken {
    pub(super) fn new(facts: Map<String, Value>, lines: Vec<String>, buffer: u64) -> Self {
        Self {
            facts,
            expressions: vec![Expression { lines, buffer }],
        }
    }

    /// Takes the expressions of another rule of the same name, of this file or of another one, without those that are there.
    pub(in crate::rules) fn join(&mut self, header: &mut RuleHeader, other: RuleHeader, taken: Self) {
        for expression in taken.expressions {
            let mut specs: Vec<_> = other
                .text
                .iter()
                .filter(|spec| expression.lines.contains(&spec.id))
                .cloned()
                .collect();
            let is_known = specs.iter().all(|spec| {
                let same = |known: &crate::logs::SignatureSpec| {
                    (&known.pattern, &known.within, &known.sources) == (&spec.pattern, &spec.within, &spec.sources)
                };
                header.text.iter().any(same)
            });
            if is_known {
                continue;
            }
            let number = self.expressions.len();
            for (line, spec) in specs.iter_mut().enumerate() {
                spec.id = format!("{number}.{line}");
            }
            self.expressions.push(Expression {
                lines: specs.iter().map(|spec| spec.id.clone()).collect(),
                buffer: expression.buffer,
            });
            header.text.extend(specs);
        }
        for need in other.needs {
            // Either log will do.
            match header.needs.first_mut() {
                Some(known) if !known.split('|').any(|datum| datum == need) => {
                    known.push('|');
                    known.push_str(&need);
                }
                _ => {}
            }
        }
    }

    /// One finding for each node of which a log holds an expression.
    pub(in crate::rules) fn judge(&self, input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
        let snapshot = input.snapshot;
        let all = own_hits(input, rule);
        let mut by_node: BTreeMap<String, Vec<&Hit>> = BTreeMap::new();
        for expression in &self.expressions {
            let Some((last, before)) = expression.lines.split_last() else {
                continue;
            };
            let last = format!("{}/{last}", rule.id);
            let before: Vec<String> = before.iter().map(|line| format!("{}/{line}", rule.id)).collect();
            for hit in all.iter().copied().filter(|hit| hit.signature == last) {
                if let Some(node) = node_of(snapshot, hit)
                    && follows(snapshot, hit, &before, expression.buffer)
                {
                    by_node.entry(node).or_default().push(hit);
                }
            }
        }
        by_node
            .into_iter()
            .map(|(node, hits)| {
                let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Probable);
                finding.count = 0;
                hits.into_iter().for_each(|hit| add_hit(input, &mut finding, hit));
                finding.facts.extend(self.facts.clone());
                finding.facts.insert("node".into(), node.clone().into());
                finding.facts.insert("line".into(), quote(&finding).into());
                touch_pods(snapshot, &node, &mut finding);
                finding
            })
            .collect()
    }
}

/// True when the lines that have to stand before a match do, in their order and within so many lines. Between them may stand lines of
/// other programs, which node-problem-detector does not see.
fn follows(snapshot: &Snapshot, hit: &Hit, before: &[String], buffer: u64) -> bool {
    if before.is_empty() {
        return true;
    }
    let Some(log) = snapshot.log_of(hit) else {
        return false;
    };
    // Repeats are counted, and only the first and the last of them kept with their lines.
    let lines = |signature: &str| -> Vec<u64> {
        let found = log.hits.iter().filter(|found| found.signature == signature);
        found
            .flat_map(|found| std::iter::once(found.line).chain(found.last.as_ref().map(|(line, _)| *line)))
            .collect()
    };
    let comes_before = |a: u64, b: u64| if log.is_newest_first { a > b } else { a < b };
    lines(&hit.signature).into_iter().any(|end| {
        let mut at = end;
        before.iter().rev().all(|signature| {
            let near = lines(signature)
                .into_iter()
                .filter(|&line| comes_before(line, at) && line.abs_diff(end) < buffer)
                .min_by_key(|line| line.abs_diff(at));
            near.is_some_and(|line| {
                at = line;
                true
            })
        })
    })
}
