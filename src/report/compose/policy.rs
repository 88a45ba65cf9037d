//! What a team has settled beforehand: its environment, what it cannot do without, its words for severity, who owns what.

use super::phrases::phrase;
use crate::model::Text;
use crate::report::model::{Labelled, PostMortem, Severity};

/// Levels from the gravest, as the rules of severity know them.
const LEVELS: [&str; 4] = ["P1", "P2", "P3", "P4"];
/// The gravest level outside of production.
const NOT_PRODUCTION: &str = "P3";

/// The names of the four levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeverityScheme {
    /// `P1` to `P4`.
    #[default]
    P1,
    /// `P0` to `P3`.
    P0,
    /// `SEV1` to `SEV4`.
    Sev1,
}

impl SeverityScheme {
    fn names(self) -> [&'static str; 4] {
        match self {
            Self::P1 => LEVELS,
            Self::P0 => ["P0", "P1", "P2", "P3"],
            Self::Sev1 => ["SEV1", "SEV2", "SEV3", "SEV4"],
        }
    }
}

/// Settings of a team.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// `production` or another word; empty when it is not settled.
    pub environment: String,
    /// Planes without which the business stops: `management`.
    pub critical_planes: Vec<String>,
    /// Names of levels.
    pub scheme: SeverityScheme,
    /// Owners by namespace.
    pub owners: Vec<(String, String)>,
}

impl Policy {
    /// Applies the settings to a report that was composed without them.
    pub fn apply(&self, report: &mut PostMortem) {
        if !self.environment.is_empty() {
            report.incident.environment.insert(
                0,
                Labelled {
                    label: phrase("environment.stage"),
                    value: Text::same(crate::model::code(&self.environment)),
                    refs: Vec::new(),
                },
            );
            report.blanks.retain(|blank| blank.id != "environment.stage");
        }
        if let Some(severity) = &mut report.incident.severity {
            self.weigh(severity);
            self.rename(severity);
        }
        self.suggest_owners(report);
    }

    fn is_production(&self) -> bool {
        ["production", "prod", "生产"].contains(&self.environment.to_lowercase().as_str())
    }

    /// Rules M2 and ENV: what the data cannot tell, the settings do.
    fn weigh(&self, severity: &mut Severity) {
        let manages =
            severity.rules.contains(&"SEV-M1") && self.critical_planes.iter().any(|plane| plane == "management");
        if self.is_production() && manages {
            (severity.suggested, severity.range) = ("P1", vec!["P1"]);
            severity.rules.push("SEV-M2");
            append(&mut severity.reason.text, &phrase("severity.m2"));
        } else if !self.environment.is_empty() && !self.is_production() {
            severity.suggested = severity.suggested.max(NOT_PRODUCTION);
            severity.range.retain(|level| *level >= NOT_PRODUCTION);
            if severity.range.is_empty() {
                severity.range.push(severity.suggested);
            }
            severity.rules.push("SEV-ENV");
            append(&mut severity.reason.text, &phrase("severity.env"));
        }
    }

    fn rename(&self, severity: &mut Severity) {
        let name = |level: &mut &'static str| {
            let known = LEVELS
                .iter()
                .zip(self.scheme.names())
                .find(|(known, _)| *known == level);
            if let Some((_, name)) = known {
                *level = name;
            }
        };
        // Ascending, and every name is at most one step lower: none is renamed twice.
        for (known, name) in LEVELS.iter().zip(self.scheme.names()) {
            let text = &mut severity.reason.text;
            (text.zh, text.en) = (text.zh.replace(known, name), text.en.replace(known, name));
        }
        name(&mut severity.suggested);
        severity.range.iter_mut().for_each(name);
    }

    /// Whoever owns the namespace of the thing that an action is about is proposed beside the blank, never in it.
    fn suggest_owners(&self, report: &mut PostMortem) {
        for action in &report.actions {
            let finding = report.findings.iter().find(|finding| finding.id == action.answers);
            let subject = finding.map(|finding| &finding.subject);
            let subject = subject.or_else(|| report.root_causes.first().map(|cause| &cause.subject));
            let owner = subject.and_then(|subject| {
                self.owners
                    .iter()
                    .find(|(namespace, _)| *namespace == subject.namespace)
            });
            let blank = report.blanks.iter_mut().find(|blank| blank.id == action.owner_blank);
            if let (Some((_, owner)), Some(blank)) = (owner, blank) {
                blank.suggestion.clone_from(owner);
            }
        }
    }
}

fn append(text: &mut Text, more: &Text) {
    text.zh.push_str(&more.zh);
    text.en.push_str(&more.en);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::incident;

    fn weighed(policy: &Policy) -> (String, String, Vec<&'static str>) {
        let mut report = incident();
        policy.apply(&mut report);
        let severity = report.incident.severity.unwrap();
        (severity.suggested.to_owned(), severity.range.join("-"), severity.rules)
    }

    #[test]
    fn production_and_a_critical_plane_raise_the_level_and_a_test_cluster_caps_it() {
        let critical_planes = vec!["management".to_owned()];
        let production = Policy {
            environment: "production".into(),
            critical_planes,
            ..Policy::default()
        };
        let (suggested, range, rules) = weighed(&production);
        assert_eq!((suggested.as_str(), range.as_str()), ("P1", "P1"));
        assert!(rules.contains(&"SEV-M2"));
        let test = Policy {
            environment: "staging".into(),
            ..production
        };
        let (suggested, range, rules) = weighed(&test);
        assert_eq!((suggested.as_str(), range.as_str()), ("P3", "P3"));
        assert!(rules.contains(&"SEV-ENV"));
    }

    #[test]
    fn levels_have_the_names_of_the_team() {
        let of = |scheme| {
            weighed(&Policy {
                scheme,
                ..Policy::default()
            })
            .0
        };
        let index = LEVELS
            .iter()
            .position(|level| *level == of(SeverityScheme::P1))
            .unwrap();
        assert_eq!(of(SeverityScheme::P0), format!("P{index}"));
        assert_eq!(of(SeverityScheme::Sev1), format!("SEV{}", index + 1));
    }
}
