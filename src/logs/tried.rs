//! What it costs to look for the signatures of users' rules: a pattern that a stranger wrote must not take all time, however much text
//! there is to try it on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use regex_syntax::hir::{Hir, HirKind};

/// Bytes of text that the patterns of one rule may be tried on in one bundle, times the [`weight`] of each. Only lines that hold a literal
/// of the pattern count, so an ordinary one reads some hundred gigabytes of logs with it.
const MOST: u64 = 2 << 30;
/// Parts of a pattern that are followed at once without a word.
const ORDINARY: u64 = 200;

/// For each bounded rule, what of [`MOST`] is used up.
///
/// Threads add in any order, and what is looked for no longer when all is used up is dropped as a whole, so the outcome is the same at any
/// number of them: the sum is that of the text.
#[derive(Debug, Clone)]
pub struct Tried {
    rules: Arc<[String]>,
    used: Arc<[AtomicU64]>,
    most: u64,
}

impl Tried {
    pub(super) fn new(rules: &Arc<[String]>) -> Self {
        Self {
            rules: rules.clone(),
            used: rules.iter().map(|_| AtomicU64::new(0)).collect(),
            most: MOST,
        }
    }

    /// True while a rule may be tried on so many more bytes.
    pub(super) fn takes(&self, rule: usize, bytes: usize, weight: u64) -> bool {
        let cost = (bytes as u64).saturating_mul(weight);
        self.used
            .get(rule)
            .is_none_or(|used| used.fetch_add(cost, Ordering::Relaxed).saturating_add(cost) <= self.most)
    }

    /// The rules that were not looked for to the end.
    pub fn used_up(&self) -> BTreeSet<String> {
        let all = self.rules.iter().zip(self.used.iter());
        all.filter(|(_, used)| used.load(Ordering::Relaxed) > self.most)
            .map(|(rule, _)| rule.clone())
            .collect()
    }

    #[cfg(test)]
    pub(super) fn at_most(mut self, most: u64) -> Self {
        self.most = most;
        self
    }
}

/// How much longer than an ordinary pattern this one may take on each byte: in the worst case all its parts are followed at once.
pub fn weight(pattern: &str) -> u64 {
    let parsed = regex_syntax::Parser::new().parse(pattern);
    1 + parsed.map_or(0, |hir| parts(&hir) / ORDINARY)
}

fn parts(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min)).max(1);
            times.saturating_mul(parts(&repetition.sub))
        }
        HirKind::Capture(capture) => parts(&capture.sub),
        HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().map(parts).fold(0, u64::saturating_add),
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_repeats_much_weighs_more() {
        assert_eq!(weight(r"ledger: giving up after (?P<attempts>\d+) attempts"), 1);
        assert_eq!(weight(r"ledger(?:[ab]{0,50}c){0,40}"), 11);
    }

    #[test]
    fn what_is_used_up_is_told_by_rule() {
        let tried = Tried::new(&["slow".to_owned(), "quick".to_owned()].into()).at_most(100);
        assert!(tried.takes(0, 30, 3) && tried.takes(1, 100, 1));
        assert!(!tried.takes(0, 30, 3));
        assert_eq!(tried.used_up(), BTreeSet::from(["slow".to_owned()]));
    }
}
