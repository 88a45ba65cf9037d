//! Looking at a part of a bundle only: some namespaces, some nodes, a stretch of time. What causes something inside stays, wherever it
//! stands; what is left out was not found to be well.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Edge;
use crate::cluster::Snapshot;
use crate::logs::Stream;
use crate::model::{Subject, When};
use crate::rules::{Finding, Ground};

/// What a diagnosis is narrowed to. Empty lists and no times narrow nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Nothing that was over before this.
    pub since: Option<Timestamp>,
    /// Nothing that began after this.
    pub until: Option<Timestamp>,
    /// Only these namespaces, and what has none.
    pub namespaces: BTreeSet<String>,
    /// Only these nodes, and what is on none.
    pub nodes: BTreeSet<String>,
}

/// Names that the bundle does not know, beside those that it does: a narrowing to them finds nothing, which means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownNames {
    /// Wanted namespaces that are nowhere in the bundle.
    pub namespaces: Vec<String>,
    /// Wanted nodes that are nowhere in the bundle.
    pub nodes: Vec<String>,
    /// The namespaces that the bundle has.
    pub known_namespaces: Vec<String>,
    /// The nodes that the bundle has.
    pub known_nodes: Vec<String>,
}

impl Narrowing {
    /// True when it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True for a thing of a namespace and a node that is not left out; an empty name is of none.
    pub fn holds(&self, namespace: &str, node: &str) -> bool {
        let within =
            |wanted: &BTreeSet<String>, name: &str| wanted.is_empty() || name.is_empty() || wanted.contains(name);
        within(&self.namespaces, namespace) && within(&self.nodes, node)
    }

    /// True for something that was, as far as is known, going on in the stretch of time.
    pub fn holds_times(&self, first: Option<&When>, last: Option<&When>) -> bool {
        let ended = last.zip(self.since).is_some_and(|(last, since)| last.latest < since);
        let not_begun = first
            .zip(self.until)
            .is_some_and(|(first, until)| first.earliest > until);
        !ended && !not_begun
    }

    /// Which of the wanted names the bundle does not know.
    pub fn unknown(&self, snapshot: &Snapshot) -> UnknownNames {
        let mut namespaces: BTreeSet<&str> = BTreeSet::new();
        for object in snapshot.objects.values() {
            let key = &object.key;
            namespaces.insert(if key.kind == "Namespace" {
                &key.name
            } else {
                &key.namespace
            });
        }
        namespaces.extend(snapshot.events.iter().map(|event| event.about.namespace.as_str()));
        namespaces.extend(snapshot.logs.iter().filter_map(|log| match &log.stream {
            Stream::Container(container) => Some(container.namespace.as_str()),
            _ => None,
        }));
        let names = snapshot.node_names();
        let pods: Vec<String> = snapshot.pods().map(|pod| pod.node().to_owned()).collect();
        let nodes: BTreeSet<&str> = names.iter().chain(&pods).map(String::as_str).collect();
        let lacking = |wanted: &BTreeSet<String>, known: &BTreeSet<&str>| -> Vec<String> {
            wanted
                .iter()
                .filter(|name| !known.contains(name.as_str()))
                .cloned()
                .collect()
        };
        let listed = |known: &BTreeSet<&str>| -> Vec<String> {
            let named = known.iter().filter(|name| !name.is_empty());
            named.map(|name| (*name).to_owned()).collect()
        };
        UnknownNames {
            namespaces: lacking(&self.namespaces, &namespaces),
            nodes: lacking(&self.nodes, &nodes),
            known_namespaces: listed(&namespaces),
            known_nodes: listed(&nodes),
        }
    }

    /// The indices of the findings that are inside, and of all that cause them.
    pub(super) fn kept(&self, snapshot: &Snapshot, findings: &[Finding], edges: &[Edge]) -> BTreeSet<usize> {
        let homes = self.nodes_of_namespaces(snapshot);
        let inside = findings.iter().enumerate();
        let mut open: Vec<usize> = inside
            .filter(|(_, finding)| self.is_inside(snapshot, finding, &homes))
            .map(|(index, _)| index)
            .collect();
        let mut causes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for edge in edges {
            causes.entry(edge.to).or_default().push(edge.from);
        }
        let mut kept = BTreeSet::new();
        while let Some(index) = open.pop() {
            if kept.insert(index) {
                open.extend(causes.get(&index).into_iter().flatten());
            }
        }
        kept
    }

    /// The nodes on which pods of the wanted namespaces run; none known means any.
    fn nodes_of_namespaces(&self, snapshot: &Snapshot) -> BTreeSet<String> {
        let pods = snapshot.pods().filter(|pod| self.namespaces.contains(pod.namespace()));
        pods.map(|pod| pod.node().to_owned())
            .filter(|node| !node.is_empty())
            .collect()
    }

    fn is_inside(&self, snapshot: &Snapshot, finding: &Finding, homes: &BTreeSet<String>) -> bool {
        self.holds_times(finding.first.as_ref(), finding.last.as_ref())
            && self.is_in_namespaces(finding, homes)
            && self.is_on_nodes(snapshot, finding)
    }

    fn is_in_namespaces(&self, finding: &Finding, homes: &BTreeSet<String>) -> bool {
        if self.namespaces.is_empty() {
            return true;
        }
        let things = || std::iter::once(&finding.subject).chain(&finding.affected);
        if things().any(|subject| self.namespaces.contains(&subject.namespace) || is_named(subject, &self.namespaces)) {
            return true;
        }
        // What has no namespace reaches all of them, unless it stands on a node on which none of theirs runs.
        let subject = &finding.subject;
        let is_of_cluster = subject.namespace.is_empty() && subject.kind != "Namespace";
        let is_near = subject.node.is_empty() || homes.is_empty() || homes.contains(&subject.node);
        is_of_cluster && is_near
    }

    fn is_on_nodes(&self, snapshot: &Snapshot, finding: &Finding) -> bool {
        if self.nodes.is_empty() {
            return true;
        }
        let touched: BTreeSet<&str> = finding
            .touches
            .iter()
            .filter(|touch| touch.ground == Ground::Node)
            .map(|touch| touch.key.as_str())
            .collect();
        let runs_there = || {
            snapshot
                .pods_of(&finding.subject)
                .any(|pod| self.nodes.contains(pod.node()))
        };
        if touched.is_empty() {
            return finding.subject.namespace.is_empty() || runs_there();
        }
        touched.iter().any(|node| self.nodes.contains(*node)) || runs_there()
    }
}

/// A namespace itself is in it.
fn is_named(subject: &Subject, namespaces: &BTreeSet<String>) -> bool {
    subject.kind == "Namespace" && namespaces.contains(&subject.name)
}

#[cfg(test)]
mod tests {
    use super::super::{Checked, Diagnosis, diagnose_within};
    use super::*;
    use crate::cluster::reading_for;
    use crate::rules::Rules;

    const PODS: &str = "NAMESPACE   NAME                    READY   STATUS         RESTARTS   AGE\nshop        web-57b96b46b7-zv4q2    0/1     ErrImagePull   0          41m\npay         api-6bdf8c9d7-jd5lx     0/1     ErrImagePull   0          41m\n";
    const EVENTS: &str = "NAMESPACE   LAST SEEN   TYPE      REASON   OBJECT                     MESSAGE\nshop        10m         Warning   Failed   pod/web-57b96b46b7-zv4q2   Failed to pull image \"shop/web:9\": rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/shop/web:9\": failed to resolve reference \"docker.io/shop/web:9\": docker.io/shop/web:9: not found\npay         10m         Warning   Failed   pod/api-6bdf8c9d7-jd5lx    Failed to pull image \"pay/api:9\": rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/pay/api:9\": failed to resolve reference \"docker.io/pay/api:9\": docker.io/pay/api:9: not found\n";

    fn judged<T>(narrowing: &Narrowing, look: impl Fn(&Diagnosis<'_>) -> T) -> T {
        let rules = Rules::load().unwrap();
        let snapshot = reading_for(rules.signatures(), &[("pods", PODS), ("events", EVENTS)]);
        look(&diagnose_within(&rules, &snapshot, None, narrowing))
    }

    fn namespaces_of_roots(diagnosis: &Diagnosis<'_>) -> Vec<String> {
        let roots = diagnosis
            .roots
            .iter()
            .filter_map(|root| diagnosis.findings.get(root.finding));
        roots.map(|finding| finding.subject.namespace.clone()).collect()
    }

    #[test]
    fn of_two_namespaces_the_other_is_left_out_and_counted() {
        let both = judged(&Narrowing::default(), namespaces_of_roots);
        assert_eq!(both, ["pay", "shop"]);
        let narrowing = Narrowing {
            namespaces: BTreeSet::from(["shop".to_owned()]),
            ..Narrowing::default()
        };
        assert_eq!(judged(&narrowing, namespaces_of_roots), ["shop"]);
        assert!(judged(&narrowing, |diagnosis| diagnosis
            .narrowed
            .as_ref()
            .unwrap()
            .hidden
            > 0));
    }

    #[test]
    fn a_check_whose_findings_are_all_outside_is_not_passed() {
        let narrowing = Narrowing {
            namespaces: BTreeSet::from(["elsewhere".to_owned()]),
            ..Narrowing::default()
        };
        judged(&narrowing, |diagnosis| {
            assert!(diagnosis.roots.is_empty());
            assert!(diagnosis.checks.iter().any(|(_, checked)| *checked == Checked::Outside));
            assert!(!diagnosis.checks.iter().any(|(_, checked)| *checked == Checked::Fail));
        });
    }

    #[test]
    fn what_was_over_before_or_began_after_is_left_out() {
        let when = |text| When::rfc3339(text).unwrap();
        let (early, late) = (when("2026-11-21T08:00:00Z"), when("2026-11-21T10:00:00Z"));
        let nine = Some("2026-11-21T09:00:00Z".parse().unwrap());
        let since = Narrowing {
            since: nine,
            ..Narrowing::default()
        };
        let until = Narrowing {
            until: nine,
            ..Narrowing::default()
        };
        assert!(!since.holds_times(Some(&early), Some(&early)));
        assert!(since.holds_times(Some(&early), Some(&late)), "still going on");
        assert!(!until.holds_times(Some(&late), Some(&late)));
        assert!(since.holds_times(None, None), "what has no time may be now");
    }
}
