//! The cause graph: an edge where a rule declares that it may cause another and the two findings share the ground for it.

use crate::model::Text;
use crate::rules::{Finding, Ground, Rules, Touch};

/// One finding causes another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Index of the cause.
    pub from: usize,
    /// Index of the effect.
    pub to: usize,
    /// How.
    pub mechanism: Text,
}

/// All edges between findings, in order of cause and effect.
pub fn edges(rules: &Rules, findings: &[Finding]) -> Vec<Edge> {
    let mut found = Vec::new();
    for (from, cause) in findings.iter().enumerate() {
        let Some(rule) = rules.get(&cause.rule) else { continue };
        for effect in &rule.header.causes {
            for (to, suffers) in findings.iter().enumerate() {
                if from != to
                    && suffers.rule == effect.rule
                    && share(cause, suffers, effect.ground)
                    && may_follow(cause, suffers)
                {
                    found.push(Edge {
                        from,
                        to,
                        mechanism: effect.mechanism.clone(),
                    });
                }
            }
        }
    }
    found.sort_by_key(|edge| (edge.from, edge.to));
    found.dedup_by_key(|edge| (edge.from, edge.to));
    found
}

fn share(a: &Finding, b: &Finding, ground: Ground) -> bool {
    let mine = a.touches.iter().filter(|touch| touch.ground == ground);
    mine.clone().any(|touch: &Touch| b.touches.contains(touch))
}

/// An effect that was surely over before its cause was first seen is no effect of it.
fn may_follow(cause: &Finding, effect: &Finding) -> bool {
    match (&cause.first, &effect.last) {
        (Some(begins), Some(ends)) => !ends.surely_before(begins) || begins.basis != ends.basis,
        _ => true,
    }
}
