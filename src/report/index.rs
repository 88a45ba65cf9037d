//! The index of many bundles: one row for each, grouped by root cause, the same incident in several of them told as one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::model::{PostMortem, SCHEMA_VERSION, Severity};
use crate::model::{Confidence, Level, Subject, Text, When};

/// Failures of one thing further apart than this are two incidents, also in one cluster.
const ONE_INCIDENT: SignedDuration = SignedDuration::from_hours(24);

/// A whole index.
#[derive(Debug, Clone, Serialize)]
pub struct Index {
    /// The version of all documents.
    pub schema_version: &'static str,
    /// Which program wrote it.
    pub tool: IndexTool,
    /// One row for each report, in the order of the reports.
    pub bundles: Vec<IndexRow>,
    /// Root causes with their bundles, the most frequent first.
    pub causes: Vec<IndexCause>,
    /// Incidents that several bundles show.
    pub incidents: Vec<IndexIncident>,
    /// Bundles that are not like the others.
    pub outliers: Vec<String>,
    /// Bundles without a report.
    pub without_report: Vec<String>,
}

/// Which program wrote the index.
#[derive(Debug, Clone, Serialize)]
pub struct IndexTool {
    /// `casefile`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What a bundle's report comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A cause is named.
    Incident,
    /// Something is wrong, its cause is not known.
    Undetermined,
    /// No check had enough data.
    Blind,
    /// Nothing wrong was found in what could be read, and some of it could not.
    Cut,
    /// Nothing wrong was found.
    Healthy,
}

/// One bundle.
#[derive(Debug, Clone, Serialize)]
pub struct IndexRow {
    /// Its name.
    pub bundle: String,
    /// What its report comes to.
    pub state: State,
    /// Proposed severity; empty where there is none.
    pub severity: String,
    /// The rule of the first root cause; empty where none is named.
    pub cause: String,
    /// What broke: the title of the first root cause, else the first sentence of the summary.
    pub title: Text,
    /// What a person would fix.
    pub subject: Option<Subject>,
    /// How sure.
    pub confidence: Option<Confidence>,
    /// Further root causes.
    pub more_causes: usize,
    /// First abnormal moment.
    pub start: Option<When>,
    /// When the bundle was collected.
    pub collected_at: Option<When>,
    /// Id of the incident that other bundles show too; empty where none does.
    pub incident: String,
    /// Names of the report's files, beside the index.
    pub reports: Vec<String>,
    #[serde(skip)]
    cluster: Option<String>,
    /// Hashes of what the first cause cites.
    #[serde(skip)]
    evidence: BTreeSet<String>,
}

/// One root cause.
#[derive(Debug, Clone, Serialize)]
pub struct IndexCause {
    /// The rule.
    pub rule: String,
    /// Its bundles.
    pub bundles: Vec<String>,
    /// How many incidents these are.
    pub incidents: usize,
}

/// One incident that several bundles show.
#[derive(Debug, Clone, Serialize)]
pub struct IndexIncident {
    /// `I1`…
    pub id: String,
    /// Its bundles.
    pub bundles: Vec<String>,
}

impl IndexRow {
    /// The row of a report. `cluster` is the uid of its cluster, where the bundle tells it.
    pub fn new(report: &PostMortem, alias: &str, cluster: Option<String>, reports: Vec<String>) -> Self {
        let cause = report.root_causes.first();
        let summary = report.incident.summary.first().map(|sentence| sentence.text.clone());
        let findings = report.findings.iter();
        let stating = findings.filter(|finding| cause.is_some_and(|cause| cause.findings.contains(&finding.id)));
        let cited: BTreeSet<&String> = stating.flat_map(|finding| &finding.evidence).collect();
        let evidence = report.evidence.iter().filter(|item| cited.contains(&item.id));
        Self {
            bundle: alias.to_owned(),
            state: state(report),
            severity: report
                .incident
                .severity
                .as_ref()
                .map(Severity::level)
                .unwrap_or_default(),
            cause: cause.map(|cause| cause.rule.clone()).unwrap_or_default(),
            title: cause.map(|cause| cause.title.clone()).or(summary).unwrap_or_default(),
            subject: cause.map(|cause| cause.subject.clone()),
            confidence: cause.map(|cause| cause.confidence),
            more_causes: report.root_causes.len().saturating_sub(1),
            start: report.incident.window.as_ref().map(|window| window.start.clone()),
            collected_at: report.bundles.first().and_then(|bundle| bundle.collected_at.clone()),
            incident: String::new(),
            reports,
            cluster,
            evidence: evidence.map(|item| format!("{} {}", item.file, item.sha256)).collect(),
        }
    }

    /// Whether two bundles show one incident: the same cause of the same thing, and the same cluster at about the same time, or, where
    /// a bundle does not tell its cluster, the very same lines.
    fn is_incident_of(&self, other: &Self) -> bool {
        if self.cause.is_empty() || self.cause != other.cause || self.subject != other.subject {
            return false;
        }
        match (&self.cluster, &other.cluster) {
            (Some(a), Some(b)) => a == b && is_near(self.start.as_ref(), other.start.as_ref()),
            _ => !self.evidence.is_disjoint(&other.evidence),
        }
    }
}

fn is_near(a: Option<&When>, b: Option<&When>) -> bool {
    let apart = |a: Timestamp, b: Timestamp| a.duration_since(b).abs();
    match (a, b) {
        (Some(a), Some(b)) => apart(a.earliest, b.earliest) <= ONE_INCIDENT,
        _ => true,
    }
}

/// As the report's own pages tell it.
fn state(report: &PostMortem) -> State {
    let is_wrong = !report.symptoms.is_empty()
        || !report.unexplained.is_empty()
        || report.findings.iter().any(|finding| finding.level > Level::Info);
    if !report.root_causes.is_empty() {
        State::Incident
    } else if is_wrong {
        State::Undetermined
    } else if report.has_passed() && report.is_cut {
        State::Cut
    } else if report.has_passed() {
        State::Healthy
    } else {
        State::Blind
    }
}

impl Index {
    /// Puts rows together.
    pub fn new(mut bundles: Vec<IndexRow>, without_report: Vec<String>) -> Self {
        let groups = incidents(&bundles);
        let mut told = Vec::new();
        for group in groups.iter().filter(|group| group.len() > 1) {
            let id = format!("I{}", told.len() + 1);
            let mut names = Vec::new();
            for &at in group {
                if let Some(row) = bundles.get_mut(at) {
                    row.incident.clone_from(&id);
                    names.push(row.bundle.clone());
                }
            }
            told.push(IndexIncident { id, bundles: names });
        }
        let causes = causes(&bundles);
        Self {
            schema_version: SCHEMA_VERSION,
            tool: IndexTool {
                name: "casefile",
                version: env!("CARGO_PKG_VERSION"),
            },
            outliers: outliers(&bundles, &causes),
            causes,
            incidents: told,
            bundles,
            without_report,
        }
    }
}

/// Groups of rows that show one incident, each row in one group.
fn incidents(rows: &[IndexRow]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let shares = |group: &&mut Vec<usize>| {
            group
                .iter()
                .filter_map(|&other| rows.get(other))
                .any(|other| row.is_incident_of(other))
        };
        match groups.iter_mut().find(shares) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

fn causes(rows: &[IndexRow]) -> Vec<IndexCause> {
    let mut by_rule: BTreeMap<&str, Vec<&IndexRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.cause.is_empty()) {
        by_rule.entry(&row.cause).or_default().push(row);
    }
    let count = |rows: &[&IndexRow]| {
        let shared: BTreeSet<&str> = rows
            .iter()
            .map(|row| row.incident.as_str())
            .filter(|id| !id.is_empty())
            .collect();
        shared.len() + rows.iter().filter(|row| row.incident.is_empty()).count()
    };
    let mut causes: Vec<IndexCause> = by_rule
        .into_iter()
        .map(|(rule, rows)| IndexCause {
            rule: rule.to_owned(),
            incidents: count(&rows),
            bundles: rows.iter().map(|row| row.bundle.clone()).collect(),
        })
        .collect();
    causes.sort_by(|a, b| b.bundles.len().cmp(&a.bundles.len()).then_with(|| a.rule.cmp(&b.rule)));
    causes
}

/// Where one cause is behind half of the bundles or more, those that have another one or none that is known.
fn outliers(rows: &[IndexRow], causes: &[IndexCause]) -> Vec<String> {
    let Some(common) = causes
        .first()
        .filter(|cause| cause.bundles.len() > 1 && cause.bundles.len() * 2 >= rows.len())
    else {
        return Vec::new();
    };
    rows.iter()
        .filter(|row| row.cause != common.rule)
        .map(|row| row.bundle.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{healthy, incident};

    fn row(name: &str, cluster: Option<&str>) -> IndexRow {
        IndexRow::new(&incident(), name, cluster.map(str::to_owned), Vec::new())
    }

    #[test]
    fn one_incident_in_two_bundles_is_told_as_one() {
        let index = Index::new(
            vec![row("a", Some("x")), row("b", Some("x")), row("c", Some("y"))],
            Vec::new(),
        );
        assert_eq!(index.incidents.len(), 1);
        assert_eq!(index.incidents[0].bundles, ["a", "b"]);
        assert_eq!((index.causes.len(), index.causes[0].incidents), (1, 2));
        assert_eq!(index.bundles[2].incident, "");
    }

    #[test]
    fn without_a_cluster_the_same_lines_tell_it() {
        let mut other = row("b", None);
        assert!(row("a", None).is_incident_of(&other));
        other.evidence = BTreeSet::from(["other".to_owned()]);
        assert!(!row("a", None).is_incident_of(&other));
    }

    #[test]
    fn who_is_not_like_the_others_is_an_outlier() {
        let quiet = IndexRow::new(&healthy(), "h", None, Vec::new());
        let index = Index::new(
            vec![row("a", Some("x")), row("b", Some("y")), quiet],
            vec!["broken".into()],
        );
        assert_eq!(index.outliers, ["h"]);
        assert_eq!(index.bundles[2].state, State::Healthy);
        assert_eq!(index.without_report, ["broken"]);
    }

    #[test]
    fn what_was_not_read_to_its_end_is_not_called_healthy() {
        let mut report = healthy();
        report.is_cut = true;
        assert_eq!(IndexRow::new(&report, "h", None, Vec::new()).state, State::Cut);
    }
}
