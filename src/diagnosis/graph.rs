//! The cause graph: an edge where a rule declares that it may cause another and the two findings share the ground for it.

use std::collections::BTreeSet;

use crate::model::Text;
use crate::rules::{Finding, Ground, Role, Rules, Touch};

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
    add_blamed(rules, findings, &mut found);
    found.sort_by_key(|edge| (edge.from, edge.to));
    found.dedup_by_key(|edge| (edge.from, edge.to));
    found
}

/// Who complains of a peer is explained by whatever ails that peer, unless the peer's trouble already comes from the complaint.
fn add_blamed(rules: &Rules, findings: &[Finding], edges: &mut Vec<Edge>) {
    for (to, complaint) in findings.iter().enumerate() {
        for (from, ailing) in findings.iter().enumerate() {
            let is_factor = rules
                .get(&ailing.rule)
                .is_none_or(|rule| rule.header.role == Role::Factor);
            if from != to
                && !is_factor
                && complaint.blames.contains(&ailing.subject)
                && may_follow(ailing, complaint)
                && !reaches(edges, to, from)
            {
                edges.push(Edge {
                    from,
                    to,
                    mechanism: Text {
                        zh: "被调用的对端自身有故障，请求因此失败".to_owned(),
                        en: "the peer that is called is itself in trouble, so the calls fail".to_owned(),
                    },
                });
            }
        }
    }
}

/// True when one finding explains the other, directly or not.
fn reaches(edges: &[Edge], from: usize, to: usize) -> bool {
    let mut open = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(edges.iter().filter(|edge| edge.from == at).map(|edge| edge.to));
        }
    }
    false
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
