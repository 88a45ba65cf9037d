//! What is different from a healthy counterpart: by meaning, not by text. Ids, versions of objects, times and order are no
//! difference, and neither is what only one of the two bundles could show.

mod fields;
mod hosts;
mod lines;
mod nodes;
mod objects;
mod pods;
mod weight;

pub(super) use objects::template_changes;

use crate::cluster::Snapshot;
use crate::model::{Citation, Subject};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What kind of thing differs: `object`, `node`, `container` (one is there and the other is not, or is in another state);
    /// `image`, `argument`, `environment`, `configuration`, `secret`, `field`, `label` (of an object); `sysctl`, `unit`, `version`,
    /// `package`, `certificate`, `script`, `cron` and the data of [`crate::cluster::Setting`] (of a machine).
    pub datum: &'static str,
    /// What.
    pub subject: Subject,
    /// Field or setting; empty for the thing as a whole.
    pub path: String,
    /// On the healthy side.
    pub expected: Side,
    /// On the incident's side.
    pub actual: Side,
    /// Both sides, where they can be cited.
    pub evidence: Vec<Citation>,
}

/// What one side of a difference has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It is not there.
    Absent,
    /// This.
    Value(String),
    /// Something that is not shown: the value of a Secret, or bytes that nobody can read.
    Hidden,
}

impl Side {
    fn of(value: Option<String>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

/// All differences, the most suspicious first, and how much is equal.
#[derive(Debug, Clone, Default)]
pub struct Differences {
    /// The differences.
    pub different: Vec<Difference>,
    /// How many things are equal.
    pub equal: u64,
}

/// Compares an incident with its healthy counterpart.
pub fn differences(good: &Snapshot, bad: &Snapshot) -> Differences {
    let mut result = Differences::default();
    hosts::compare(good, bad, &mut result);
    nodes::compare(good, bad, &mut result);
    objects::compare(good, bad, &mut result);
    pods::compare(good, bad, &mut result);
    result.different.sort_by_cached_key(|difference| {
        (
            weight::weight(difference),
            difference.subject.clone(),
            difference.path.clone(),
        )
    });
    result
}

impl Differences {
    /// Notes one thing that both sides may have: equal, or different with both places.
    fn note(
        &mut self,
        datum: &'static str,
        subject: Subject,
        path: &str,
        good: Option<(String, Citation)>,
        bad: Option<(String, Citation)>,
    ) {
        let evidence = good.iter().chain(&bad).map(|(_, cite)| cite.clone()).collect();
        match (good, bad) {
            (None, None) => {}
            (Some((expected, _)), Some((actual, _))) if expected == actual => self.equal += 1,
            (good, bad) => self.different.push(Difference {
                datum,
                subject,
                path: path.to_owned(),
                expected: Side::of(good.map(|(value, _)| value)),
                actual: Side::of(bad.map(|(value, _)| value)),
                evidence,
            }),
        }
    }
}
