//! What rules are given and what they give back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Ground, RuleHeader, Touch};
use crate::cluster::Snapshot;
use crate::model::{Citation, Confidence, Level, Subject, Text, When};

/// What a rule sees. Immutable; its time is the bundle's.
#[derive(Debug, Clone, Copy)]
pub struct Input<'s> {
    /// The incident.
    pub snapshot: &'s Snapshot,
    /// A healthy counterpart, where there is one.
    pub baseline: Option<&'s Snapshot>,
}

/// How a check ends.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It found these; none means that it looked and all is well.
    Judged(Vec<Finding>),
    /// It could not look: these data are missing.
    Unknown(Vec<String>),
    /// It found these, and could not look at all, for this reason, which the rule itself brings.
    Partly(Vec<Finding>, Text),
    /// It cannot be told, for this reason, which the rule itself brings.
    Failed(Text),
    /// It looked, and nothing that it is about is there.
    Unmet(Unmet),
}

/// What a rule is about and did not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// These data were read and hold nothing.
    Empty(Vec<String>),
    /// There are fewer than it takes.
    Few {
        /// Kinds, as the API spells them.
        kinds: Vec<String>,
        /// Beginnings of names; none where any would do.
        named: Vec<String>,
        /// How many it takes.
        least: usize,
        /// How many there are.
        seen: usize,
    },
}

/// A rule that holds for a subject.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Rule id.
    pub rule: String,
    /// What a person would fix.
    pub subject: Subject,
    /// Field or `file:line`.
    pub path: String,
    /// Level.
    pub level: Level,
    /// Confidence.
    pub confidence: Confidence,
    /// Typed facts for the wording.
    pub facts: Map<String, Value>,
    /// What shows it, the most telling first; never empty.
    pub evidence: Vec<Citation>,
    /// Which of `evidence`, by index, shows a fact: a sentence that uses the fact cites it. What is tied to no fact is cited by its words.
    pub shows: BTreeMap<String, BTreeSet<usize>>,
    /// What merely suffers.
    pub affected: Vec<Subject>,
    /// First time.
    pub first: Option<When>,
    /// Last time.
    pub last: Option<When>,
    /// How often.
    pub count: u64,
    /// What it can be joined on.
    pub touches: BTreeSet<Touch>,
    /// What the failure is said to be about: peers that do not answer. Whatever ails one of them explains this finding.
    pub blames: BTreeSet<Subject>,
    /// True when it is about a peer that cannot be told, by an address that nothing shows or by no name at all.
    pub blames_unknown: bool,
    /// What cannot be reached, or does not work, because of it, although it is well itself. Complaints of these are explained too.
    pub impairs: BTreeSet<Subject>,
}

impl Finding {
    /// What its wording may name: the facts, the subject and the path.
    pub fn wording_facts(&self) -> Map<String, Value> {
        let mut facts = self.facts.clone();
        let subject = &self.subject;
        facts.insert(
            "subject".into(),
            serde_json::json!({"kind": subject.kind, "namespace": subject.namespace, "name": subject.name, "node": subject.node}),
        );
        facts.insert("path".into(), self.path.clone().into());
        facts
    }

    /// A finding of `rule` about `subject`, with the rule's level.
    pub fn new(rule: &RuleHeader, subject: Subject, confidence: Confidence) -> Self {
        let touches = Touch::of(&subject).into_iter().collect();
        Self {
            rule: rule.id.clone(),
            subject,
            path: String::new(),
            level: rule.level,
            confidence,
            facts: Map::new(),
            evidence: Vec::new(),
            shows: BTreeMap::new(),
            affected: Vec::new(),
            first: None,
            last: None,
            count: 1,
            touches,
            blames: BTreeSet::new(),
            blames_unknown: false,
            impairs: BTreeSet::new(),
        }
    }

    /// Sets the field or file.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds a fact.
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Adds evidence. A place is cited once. The citation's time widens the finding's interval.
    pub fn cite(mut self, citation: Citation) -> Self {
        self.add_cite(citation);
        self
    }

    /// As [`Finding::cite`], in place.
    pub fn add_cite(&mut self, citation: Citation) {
        if let Some(when) = &citation.when {
            self.see(when.clone(), when.clone());
        }
        if self.index_of(&citation).is_none() {
            self.evidence.push(citation);
        }
    }

    /// Adds evidence that shows these facts.
    pub fn add_cite_of(&mut self, facts: &[&str], citation: Citation) {
        let index = self.index_of(&citation).unwrap_or(self.evidence.len());
        self.add_cite(citation);
        for fact in facts {
            self.shows.entry((*fact).to_owned()).or_default().insert(index);
        }
    }

    fn index_of(&self, citation: &Citation) -> Option<usize> {
        self.evidence.iter().position(|other| {
            other.bundle == citation.bundle && other.file == citation.file && other.place == citation.place
        })
    }

    /// Adds something that suffers, and joins on it.
    pub fn affects(mut self, subject: Subject) -> Self {
        self.add_affected(subject);
        self
    }

    /// As [`Finding::affects`], in place.
    pub fn add_affected(&mut self, subject: Subject) {
        if subject != self.subject && !self.affected.contains(&subject) {
            self.touches.extend(Touch::of(&subject));
            self.affected.push(subject);
        }
    }

    /// Adds somebody who suffers from it, and whose own troubles are no reason for it: a caller.
    pub fn add_sufferer(&mut self, subject: Subject) {
        if subject != self.subject && !self.affected.contains(&subject) {
            self.affected.push(subject);
        }
    }

    /// Adds a ground to join on without naming something that suffers.
    pub fn touch(mut self, ground: Ground, key: impl Into<String>) -> Self {
        self.touches.insert(Touch::new(ground, key));
        self
    }

    /// Names an object whose own trouble would explain this finding.
    pub fn blame(&mut self, peer: Subject) {
        if peer != self.subject {
            self.blames.insert(peer);
        }
    }

    /// Names an object that is out of reach because of this, though well itself.
    pub fn impair(&mut self, object: Subject) {
        if object != self.subject {
            self.impairs.insert(object);
        }
    }

    /// Widens the interval in which it was seen.
    pub fn see(&mut self, first: When, last: When) {
        if self.first.as_ref().is_none_or(|known| first.earliest < known.earliest) {
            self.first = Some(first);
        }
        if self.last.as_ref().is_none_or(|known| last.latest > known.latest) {
            self.last = Some(last);
        }
    }
}
