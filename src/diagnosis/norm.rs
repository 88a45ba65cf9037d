//! What most earlier bundles of one cluster agree on: a value that several days had says more than that of the day before.

use std::collections::BTreeMap;

use super::diff::{Difference, Side, differences};
use crate::cluster::Snapshot;
use crate::model::Subject;

/// As few bundles agree on nothing.
const FEWEST: usize = 3;
/// Differences that are shown although the last earlier bundle does not have them.
const BEYOND: usize = 40;

/// What a difference is about.
type Key = (&'static str, Subject, String);

fn key(difference: &Difference) -> Key {
    (difference.datum, difference.subject.clone(), difference.path.clone())
}

/// What one earlier bundle of a cluster had otherwise.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// Its name.
    name: String,
    different: BTreeMap<Key, Difference>,
}

impl Earlier {
    /// Of a bundle that is not kept: only what is otherwise in it, without its citations.
    pub fn of(earlier: &Snapshot, later: &Snapshot) -> Self {
        let found = differences(earlier, later).different.into_iter();
        let own = &later.bundle.alias;
        Self {
            name: earlier.bundle.input.clone(),
            different: found
                .map(|mut difference| {
                    difference.evidence.retain(|cite| cite.bundle == *own);
                    (key(&difference), difference)
                })
                .collect(),
        }
    }
}

/// What the earlier bundles have in common, against the one that is judged.
#[derive(Debug, Clone)]
pub struct Norm {
    /// The names of those beside the baseline.
    pub names: Vec<String>,
    /// How many bundles there are, the baseline included.
    pub of: usize,
    counts: BTreeMap<(Key, Side), usize>,
    /// What two thirds of them had and the baseline, the last of them, no longer has.
    pub beyond: Vec<(Difference, usize)>,
}

impl Norm {
    /// From the differences with the baseline and those with the others; none where they are too few.
    pub fn new(baseline: &[Difference], others: &[Earlier]) -> Option<Self> {
        let of = others.len() + 1;
        if of < FEWEST {
            return None;
        }
        let mut counts: BTreeMap<(Key, Side), usize> = BTreeMap::new();
        let all = others.iter().flat_map(|earlier| earlier.different.values());
        for difference in baseline.iter().chain(all) {
            let value = (key(difference), difference.expected.clone());
            *counts.entry(value).or_default() += 1;
        }
        let known: BTreeMap<Key, &Difference> = baseline
            .iter()
            .map(|difference| (key(difference), difference))
            .collect();
        let mut beyond: Vec<(Difference, usize)> = Vec::new();
        for earlier in others {
            for (key, difference) in &earlier.different {
                let count = counts
                    .get(&(key.clone(), difference.expected.clone()))
                    .copied()
                    .unwrap_or(0);
                let is_of_baseline = known
                    .get(key)
                    .is_some_and(|known| known.expected == difference.expected);
                let is_new = !is_of_baseline && !beyond.iter().any(|(other, _)| self::key(other) == *key);
                if count * 3 >= of * 2 && is_new && beyond.len() < BEYOND {
                    beyond.push((difference.clone(), count));
                }
            }
        }
        Some(Self {
            names: others.iter().map(|earlier| earlier.name.clone()).collect(),
            of,
            counts,
            beyond,
        })
    }

    /// How many of the earlier bundles had what the baseline has.
    pub fn agreeing(&self, difference: &Difference) -> usize {
        let value = (key(difference), difference.expected.clone());
        self.counts.get(&value).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    fn of(replicas: u8) -> Snapshot {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop, uid: '1'}}\nspec: {{replicas: {replicas}}}\n"
        );
        reading(&[("web.yaml", &text)])
    }

    fn norm(baseline: u8, others: &[u8], now: u8) -> Option<(Norm, Vec<Difference>)> {
        let now = of(now);
        let last = differences(&of(baseline), &now).different;
        let others: Vec<Earlier> = others
            .iter()
            .map(|replicas| Earlier::of(&of(*replicas), &now))
            .collect();
        Some((Norm::new(&last, &others)?, last))
    }

    #[test]
    fn a_value_is_counted_over_all_earlier_bundles() {
        let (norm, last) = norm(3, &[3, 3, 2], 1).unwrap();
        assert_eq!((norm.of, norm.agreeing(&last[0])), (4, 3));
        assert!(norm.beyond.is_empty());
    }

    #[test]
    fn what_most_had_and_the_last_has_no_longer_is_told() {
        let (norm, last) = norm(1, &[3, 3, 3], 1).unwrap();
        assert!(last.is_empty());
        assert_eq!(norm.beyond[0].0.expected, Side::Value("3".to_owned()));
        assert_eq!(norm.beyond[0].1, 3);
    }

    #[test]
    fn two_bundles_are_no_norm() {
        assert!(norm(3, &[3], 1).is_none());
    }
}
