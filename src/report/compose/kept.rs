//! Which findings a report lists. A rule that holds for twenty thousand pods says with its first two hundred what it has to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::Diagnosis;

/// Findings of one rule that are listed; more are counted.
const PER_RULE: usize = 200;

/// The findings that a report lists, by index.
pub(super) struct Kept<'d> {
    listed: BTreeSet<usize>,
    /// How many more there are of a rule.
    left_out: BTreeMap<&'d str, usize>,
}

impl<'d> Kept<'d> {
    /// Of each rule the root causes first, best first, then the others in their order.
    pub(super) fn of(diagnosis: &'d Diagnosis<'_>) -> Self {
        let roots = diagnosis.roots.iter().map(|root| root.finding);
        let order = roots.chain(0..diagnosis.findings.len());
        Self::among(order.filter_map(|index| Some((index, diagnosis.findings.get(index)?.rule.as_str()))))
    }

    /// The first of each rule among indices, each with its rule. An index may come twice.
    fn among(order: impl Iterator<Item = (usize, &'d str)>) -> Self {
        let mut seen = BTreeSet::new();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut listed = BTreeSet::new();
        for (index, rule) in order.filter(|(index, _)| seen.insert(*index)) {
            let count = counts.entry(rule).or_default();
            *count += 1;
            if *count <= PER_RULE {
                listed.insert(index);
            }
        }
        counts.retain(|_, count| *count > PER_RULE);
        counts.values_mut().for_each(|count| *count -= PER_RULE);
        Self {
            listed,
            left_out: counts,
        }
    }

    /// True for a finding that is listed.
    pub(super) fn has(&self, index: usize) -> bool {
        self.listed.contains(&index)
    }

    /// The rules of which findings are left out, with their number.
    pub(super) fn left_out(&self) -> impl Iterator<Item = (&'d str, usize)> + '_ {
        self.left_out.iter().map(|(rule, count)| (*rule, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_rule_the_first_are_listed_and_the_rest_is_counted() {
        let order = std::iter::once((900, "many"))
            .chain((0..900).map(|index| (index, "many")))
            .chain([(900, "many"), (901, "one")]);
        let kept = Kept::among(order);
        assert!(kept.has(900) && kept.has(198) && kept.has(901) && !kept.has(199));
        assert_eq!(kept.left_out().collect::<Vec<_>>(), [("many", 701)]);
    }
}
