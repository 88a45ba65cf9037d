//! Rules that are conditions over objects: which objects, what has to hold of them and of those beside them, and what their own text says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::beside::{Beside, Seeker, Sought, holds_all, node_of};
use super::condition::{Condition, FieldPath, Holds, Part};
use super::effort::{Effort, STEPS};
use super::expression::{Compiled, Evaluator, Failure};
use super::own_text::{OwnText, Tells};
use super::said::said;
use super::text_rule::add_hit;
use super::toolbox::workload_touches;
use super::{Finding, Ground, Input, RuleHeader, Touch};
use crate::cluster::{Hit, Object, Snapshot, datum_of_kind};
use crate::model::{Confidence, Subject, Text};

/// At most so many citations for one finding; more add nothing for a reader.
const CITATIONS: usize = 6;

/// Which objects a rule finds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectTest {
    /// Their kind, as the API spells it: `Deployment`.
    pub kind: String,
    /// What has to hold of their fields.
    #[serde(default, rename = "where")]
    pub conditions: Vec<Condition>,
    /// A list, or a map: the test is made for each of its elements, which conditions see as `item`. A pointer into the object.
    #[serde(default)]
    pub each: Option<String>,
    /// Objects that have to be beside them: at least one of which all holds that is said.
    #[serde(default)]
    pub with: Vec<Beside>,
    /// Objects that must not be: none of which all holds.
    #[serde(default)]
    pub without: Vec<Beside>,
    /// An expression over `object`, `item` and `other` that has to be true. `other` is an object of the first `with`: it has to be true with
    /// at least one of them. A field that is not there is undefined, which is false.
    #[serde(default)]
    pub when: Option<String>,
    /// What a person would fix.
    #[serde(default)]
    pub subject: ObjectSubject,
    /// Facts for the wording: name → field.
    #[serde(default)]
    pub facts: BTreeMap<String, FieldPath>,
    /// How sure it makes.
    #[serde(default = "confirmed")]
    pub confidence: Confidence,
}

impl ObjectTest {
    /// All of `with` and `without`; true for what has to be there.
    pub(super) fn besides(&self) -> impl Iterator<Item = (&Beside, bool)> {
        let with = self.with.iter().map(|beside| (beside, beside.exists != Some(false)));
        with.chain(self.without.iter().map(|beside| (beside, false)))
    }
}

fn confirmed() -> Confidence {
    Confidence::Confirmed
}

/// From an object to the subject of the finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectSubject {
    /// The object itself.
    #[default]
    Object,
    /// Its top owner.
    Workload,
    /// The node that it runs on.
    Node,
}

/// What a test of objects came to.
#[derive(Default)]
pub(super) struct Tested {
    /// What it found.
    pub(super) found: Vec<Finding>,
    /// Data without which it could not be told of some object.
    pub(super) missing: BTreeSet<String>,
    /// Why it did not come to its end, or could not tell of an object: what it costs, or a defect of the rule.
    pub(super) failed: Option<Text>,
}

/// Tries a test on all objects of its kind.
pub(super) fn judge_objects(input: &Input<'_>, rule: &RuleHeader, test: &ObjectTest) -> Tested {
    judge_within(input, rule, test, &Effort::default())
}

fn judge_within(input: &Input<'_>, rule: &RuleHeader, test: &ObjectTest, effort: &Effort) -> Tested {
    let mut tested = Tested::default();
    let evaluator = Evaluator::new(effort);
    let judge = match Judge::new(input, rule, test, &evaluator, effort) {
        Ok(judge) => judge,
        // [`super::expression::compiles`] tells beforehand of one that does not.
        Err(failure) => {
            tested.failed = Some(told(failure));
            return tested;
        }
    };
    if !input.snapshot.coverage.has_kind(&test.kind) {
        tested.missing.insert(datum_of_kind(&test.kind));
    }
    let mut found: BTreeMap<Subject, Finding> = BTreeMap::new();
    'objects: for object in input.snapshot.kind(&test.kind) {
        for (item, pointer) in parts(object, test.each.as_deref()) {
            let part = Part {
                object,
                item: item.map(|item| (item, pointer.as_str())),
            };
            match judge.judged(part) {
                Err(failure) => {
                    let ends = matches!(failure, Failure::UsedUp);
                    let reason = told(failure);
                    if ends {
                        tested.failed = Some(reason);
                        break 'objects;
                    }
                    tested.failed.get_or_insert(reason);
                }
                Ok(Judged::Holds(beside, hits)) => {
                    let subject = subject_of(input.snapshot, object, test.subject);
                    let finding = found.entry(subject.clone()).or_insert_with(|| {
                        let mut finding = Finding::new(rule, subject, test.confidence);
                        finding.count = 0;
                        finding
                    });
                    judge.show(part, &beside, finding);
                    for hit in hits {
                        add_hit(input, finding, hit);
                    }
                }
                Ok(Judged::Unknown(datum)) => {
                    tested.missing.insert(datum);
                }
                Ok(Judged::Not) => {}
            }
        }
    }
    tested.found = found.into_values().collect();
    tested
}

fn told(failure: Failure) -> Text {
    match failure {
        Failure::UsedUp => said("used-up", &[("steps", &STEPS.to_string())]),
        Failure::Said(text) => text,
    }
}

/// The elements to test, each with its pointer; the object itself where no list is asked for.
fn parts<'s>(object: &'s Object, each: Option<&str>) -> Vec<(Option<&'s Value>, String)> {
    let Some(pointer) = each else {
        return vec![(None, String::new())];
    };
    match object.get(pointer) {
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(index, item)| (Some(item), format!("{pointer}/{index}")))
            .collect(),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(key, item)| (Some(item), format!("{pointer}/{}", crate::model::escaped(key))))
            .collect(),
        _ => Vec::new(),
    }
}

/// What was told of an object.
enum Judged<'s> {
    /// All of it holds, with the objects beside it that it takes and what its own text says.
    Holds(Vec<&'s Object>, Vec<&'s Hit>),
    /// It cannot be told without this datum.
    Unknown(String),
    /// It does not hold.
    Not,
}

/// A test, ready to be tried.
struct Judge<'s, 'e> {
    snapshot: &'s Snapshot,
    test: &'e ObjectTest,
    evaluator: &'e Evaluator,
    effort: &'e Effort,
    seekers: Vec<Seeker<'s, 'e>>,
    when: Option<Compiled<'e>>,
    /// Where the rule asks for text too.
    text: Option<OwnText<'s>>,
}

impl<'s, 'e> Judge<'s, 'e> {
    fn new(
        input: &Input<'s>,
        rule: &'e RuleHeader,
        test: &'e ObjectTest,
        evaluator: &'e Evaluator,
        effort: &'e Effort,
    ) -> Result<Self, Failure> {
        let besides = test.besides();
        let when = test.when.as_deref();
        Ok(Self {
            snapshot: input.snapshot,
            test,
            evaluator,
            effort,
            seekers: besides
                .map(|(beside, is_wanted)| Seeker::new(beside, is_wanted, evaluator))
                .collect::<Result<_, _>>()?,
            when: when.map(|when| evaluator.compile(when, "when")).transpose()?,
            text: (!rule.text.is_empty()).then(|| OwnText::new(input, rule)),
        })
    }

    fn judged(&self, part: Part<'_>) -> Result<Judged<'s>, Failure> {
        let mut missing = match holds_all(&self.test.conditions, part, part, self.effort)? {
            Holds::No => return Ok(Judged::Not),
            Holds::Unknown => Some(datum_of_kind(&self.test.kind)),
            Holds::Yes => None,
        };
        let mut beside = Vec::new();
        // Those of the first `with`, which `when` sees one after another.
        let mut others: Option<Vec<&Object>> = None;
        for seeker in &self.seekers {
            let all = seeker.is_wanted && others.is_none() && self.when.is_some();
            let sought = seeker.seek(self.snapshot, self.evaluator, self.effort, part, all)?;
            match (sought, seeker.is_wanted) {
                (Sought::These(found), true) => {
                    beside.extend(found.first());
                    others.get_or_insert(found);
                }
                // What is not named cannot be missing.
                (Sought::These(_), false) | (Sought::None, true) | (Sought::NotNamed, _) => return Ok(Judged::Not),
                (Sought::Unknown, _) => {
                    missing.get_or_insert(datum_of_kind(seeker.kind()));
                }
                (Sought::None, false) => {}
            }
        }
        if let Some(datum) = missing {
            return Ok(Judged::Unknown(datum));
        }
        if let Some(when) = &self.when {
            let is_true = |other| self.evaluator.is_true(when, self.snapshot, part, other);
            match others {
                None if !is_true(None)? => return Ok(Judged::Not),
                None => {}
                Some(others) => {
                    let mut chosen = None;
                    for other in others {
                        if is_true(Some(other))? {
                            chosen = Some(other);
                            break;
                        }
                    }
                    match (chosen, beside.first_mut()) {
                        (Some(chosen), Some(first)) => *first = chosen,
                        _ => return Ok(Judged::Not),
                    }
                }
            }
        }
        match &self.text {
            None => Ok(Judged::Holds(beside, Vec::new())),
            Some(text) => Ok(match text.of(self.snapshot, part, self.effort)? {
                Tells::These(hits) => Judged::Holds(beside, hits),
                Tells::Nothing => Judged::Not,
                Tells::Unread(datum) => Judged::Unknown(datum),
            }),
        }
    }

    /// Adds what shows it: the fields that were tested, the facts, the objects beside it.
    fn show(&self, part: Part<'_>, beside: &[&Object], finding: &mut Finding) {
        let test = self.test;
        finding.count += 1;
        let tested = test.conditions.iter().map(|condition| &condition.path);
        let naming = self.seekers.iter().filter_map(Seeker::naming);
        let shown = tested
            .chain(naming)
            .chain(test.facts.values())
            .filter(|path| part.get(path).is_some());
        let mut pointers: Vec<String> = shown.map(|path| part.pointer(path)).collect();
        if pointers.is_empty() {
            pointers.push(part.item.map_or("", |(_, pointer)| pointer).to_owned());
        }
        for pointer in pointers {
            if finding.evidence.len() < CITATIONS {
                finding.add_cite(part.object.cite_at(&pointer));
            }
        }
        for other in beside {
            if finding.evidence.len() < CITATIONS {
                finding.add_cite(other.cite.clone());
            }
        }
        for (name, path) in &test.facts {
            let value = match path {
                FieldPath::Other(pointer) => beside.first().and_then(|other| other.get(pointer)),
                _ => part.get(path),
            };
            if let Some(value) = value {
                finding.facts.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        if finding.path.is_empty() {
            let first = test.conditions.first().map(|condition| part.pointer(&condition.path));
            finding.path = first.unwrap_or_default();
        }
        if part.object.key.kind == "Pod" {
            finding
                .touches
                .extend(workload_touches(self.snapshot, &part.object.subject()));
        }
        if let Some(node) = node_of(part.object) {
            finding.touches.insert(Touch::new(Ground::Node, node));
        }
        let object = part.object.subject();
        if object != finding.subject {
            finding.add_affected(object);
        }
    }
}

fn subject_of(snapshot: &Snapshot, object: &Object, wanted: ObjectSubject) -> Subject {
    match wanted {
        ObjectSubject::Object => object.subject(),
        ObjectSubject::Workload => snapshot.top_owner_of(&object.subject()),
        ObjectSubject::Node => node_of(object).map_or_else(|| object.subject(), Subject::node),
    }
}

#[cfg(test)]
#[path = "object_rule_tests.rs"]
mod tests;
