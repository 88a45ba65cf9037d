//! Rules that are conditions over objects: which objects, what has to hold of them and of those beside them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use minijinja::value::Serde;
use minijinja::{Environment, Expression, UndefinedBehavior, Value as JinjaValue};
use serde::Deserialize;
use serde_json::Value;

use super::bounds::{bind, in_one_line, refused_expression};
use super::condition::{Condition, FieldPath, Holds, Part};
use super::toolbox::policies::matches_selector;
use super::toolbox::workload_touches;
use super::{Finding, Ground, Input, RuleHeader, Touch};
use crate::cluster::{Object, ObjectKey, Snapshot};
use crate::model::{Confidence, Subject};

/// At most so many citations for one finding; more add nothing for a reader.
const CITATIONS: usize = 6;

/// Pairs of objects that one rule may compare: some hundred objects with some thousand others, in less than a second.
const PAIRS: u64 = 2_000_000;

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
    /// Objects that have to be beside them, or must not.
    #[serde(default)]
    pub with: Vec<Beside>,
    /// An expression over `object`, `item` and `other` (the first object of `with`) that has to be true. A field that is not there is
    /// undefined, which is false.
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

/// An object beside another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Its kind.
    pub kind: String,
    /// What ties it to the object.
    pub same: Tie,
    /// What has to hold of its fields.
    #[serde(default, rename = "where")]
    pub conditions: Vec<Condition>,
    /// False when there must be none.
    #[serde(default = "yes")]
    pub exists: bool,
}

fn yes() -> bool {
    true
}

/// What ties two objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tie {
    /// Nothing but the cluster.
    Cluster,
    /// The namespace.
    Namespace,
    /// The namespace and the name.
    Name,
    /// The node: it runs there, or is it.
    Node,
    /// The top owner.
    Owner,
    /// Its selector takes the labels of the object, or of the object's pods, in the same namespace.
    Selector,
}

/// What a test of objects came to.
#[derive(Default)]
pub(super) struct Tested {
    /// What it found.
    pub(super) found: Vec<Finding>,
    /// True where there was an object of which it could not be told.
    pub(super) undecided: bool,
    /// Why it did not come to its end, or could not tell of an object: a defect of the rule.
    pub(super) failed: Option<String>,
}

/// Tries a test on all objects of its kind.
pub(super) fn judge_objects(input: &Input<'_>, rule: &RuleHeader, test: &ObjectTest) -> Tested {
    let snapshot = input.snapshot;
    let environment = environment();
    // [`compiles`] tells beforehand of one that does not.
    let when = match test.when.as_deref().map(|when| environment.compile_expression(when)) {
        Some(Err(error)) => {
            return Tested {
                failed: Some(failure(&error)),
                ..Tested::default()
            };
        }
        Some(Ok(expression)) => Some(expression),
        None => None,
    };
    let mut found: BTreeMap<Subject, Finding> = BTreeMap::new();
    let (mut undecided, mut failed) = (false, None);
    let mut pairs = PAIRS;
    for object in snapshot.kind(&test.kind) {
        for (item, pointer) in parts(object, test.each.as_deref()) {
            let part = Part {
                object,
                item: item.map(|item| (item, pointer.as_str())),
            };
            match judged(snapshot, test, when.as_ref(), part, &mut pairs) {
                Err(reason) => {
                    failed.get_or_insert(reason);
                    if pairs == 0 {
                        let found = found.into_values().collect();
                        return Tested {
                            found,
                            undecided,
                            failed,
                        };
                    }
                }
                Ok((Holds::Yes, beside)) => {
                    let subject = subject_of(snapshot, object, test.subject);
                    let finding = found.entry(subject.clone()).or_insert_with(|| {
                        let mut finding = Finding::new(rule, subject, test.confidence);
                        finding.count = 0;
                        finding
                    });
                    show(snapshot, test, part, &beside, finding);
                }
                Ok((Holds::Unknown, _)) => undecided = true,
                Ok((Holds::No, _)) => {}
            }
        }
    }
    let found = found.into_values().collect();
    Tested {
        found,
        undecided,
        failed,
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

/// Whether all of it holds, with the objects beside it that it takes; why where that cannot be told. `pairs` is what is left of [`PAIRS`].
fn judged<'s>(
    snapshot: &'s Snapshot,
    test: &ObjectTest,
    when: Option<&Expression<'_, '_>>,
    part: Part<'s>,
    pairs: &mut u64,
) -> Result<(Holds, Vec<&'s Object>), String> {
    let mut all = holds_all(&test.conditions, part);
    if all == Holds::No {
        return Ok((Holds::No, Vec::new()));
    }
    let mut beside = Vec::new();
    for wanted in &test.with {
        let mut other = None;
        let mut unknown = !snapshot.coverage.has_kind(&wanted.kind);
        for candidate in snapshot.kind(&wanted.kind) {
            *pairs = pairs.saturating_sub(1);
            if *pairs == 0 {
                return Err(format!(
                    "`with` compares more than {PAIRS} pairs of objects; narrow `where`, or tie them by namespace, name, owner or node"
                ));
            }
            if !tied(snapshot, part.object, candidate, wanted.same) {
                continue;
            }
            let candidate_part = Part {
                object: candidate,
                item: None,
            };
            match holds_all(&wanted.conditions, candidate_part) {
                Holds::Yes => {
                    other = Some(candidate);
                    break;
                }
                Holds::Unknown => unknown = true,
                Holds::No => {}
            }
        }
        match (other, wanted.exists) {
            (Some(other), true) => beside.push(other),
            (Some(_), false) => return Ok((Holds::No, Vec::new())),
            (None, _) if unknown => all = Holds::Unknown,
            (None, true) => return Ok((Holds::No, Vec::new())),
            (None, false) => {}
        }
    }
    if let (Holds::Yes, Some(when)) = (all, when)
        && !is_true(snapshot, when, part, beside.first().copied())?
    {
        return Ok((Holds::No, Vec::new()));
    }
    Ok((all, beside))
}

fn holds_all(conditions: &[Condition], part: Part<'_>) -> Holds {
    let mut all = Holds::Yes;
    for condition in conditions {
        match condition.holds(part) {
            Holds::No => return Holds::No,
            Holds::Unknown => all = Holds::Unknown,
            Holds::Yes => {}
        }
    }
    all
}

fn tied(snapshot: &Snapshot, object: &Object, other: &Object, tie: Tie) -> bool {
    let in_one_namespace = object.key.namespace == other.key.namespace;
    match tie {
        Tie::Cluster => object.key != other.key,
        Tie::Namespace => in_one_namespace && object.key != other.key,
        Tie::Name => in_one_namespace && object.key.name == other.key.name && object.key != other.key,
        Tie::Node => node_of(object).is_some_and(|node| node_of(other) == Some(node)) && object.key != other.key,
        Tie::Owner => {
            object.key != other.key
                && snapshot.top_owner_of(&object.subject()) == snapshot.top_owner_of(&other.subject())
        }
        Tie::Selector => in_one_namespace && selects(other, object),
    }
}

fn node_of(object: &Object) -> Option<&str> {
    let name = if object.key.kind == "Node" {
        &object.key.name
    } else {
        object.text("/spec/nodeName")
    };
    Some(name).filter(|name| !name.is_empty())
}

/// A Service's selector is the labels themselves, that of others has `matchLabels` and `matchExpressions`. An empty one takes nothing in a
/// Service and everything elsewhere (Kubernetes API reference, `ServiceSpec` and `LabelSelector`).
fn selects(other: &Object, object: &Object) -> bool {
    let labels = object
        .get("/spec/template/metadata/labels")
        .or_else(|| object.get("/metadata/labels"))
        .and_then(Value::as_object);
    let (Some(labels), Some(selector)) = (
        labels,
        other.get("/spec/selector").or_else(|| other.get("/spec/podSelector")),
    ) else {
        return false;
    };
    if other.key.kind == "Service" {
        let wanted = selector.as_object();
        return wanted.is_some_and(|wanted| {
            !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
        });
    }
    matches_selector(selector, labels)
}

fn subject_of(snapshot: &Snapshot, object: &Object, wanted: ObjectSubject) -> Subject {
    match wanted {
        ObjectSubject::Object => object.subject(),
        ObjectSubject::Workload => snapshot.top_owner_of(&object.subject()),
        ObjectSubject::Node => node_of(object).map_or_else(|| object.subject(), Subject::node),
    }
}

/// Adds what shows it: the fields that were tested, the facts, the objects beside it.
fn show(snapshot: &Snapshot, test: &ObjectTest, part: Part<'_>, beside: &[&Object], finding: &mut Finding) {
    finding.count += 1;
    let tested = test.conditions.iter().map(|condition| &condition.path);
    let shown = tested
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
        if let Some(value) = part.get(path) {
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
            .extend(workload_touches(snapshot, &part.object.subject()));
    }
    if let Some(node) = node_of(part.object) {
        finding.touches.insert(Touch::new(Ground::Node, node));
    }
    let object = part.object.subject();
    if object != finding.subject {
        finding.add_affected(object);
    }
}

/// Whether an expression is true; why where it fails or runs out of fuel.
fn is_true(
    snapshot: &Snapshot,
    when: &Expression<'_, '_>,
    part: Part<'_>,
    other: Option<&Object>,
) -> Result<bool, String> {
    let values = snapshot.derive(|_| Converted::default());
    let context = minijinja::context! {
        object => values.of(part.object),
        item => part.item.map(|(item, _)| JinjaValue::from(Serde(item))),
        other => other.map(|other| values.of(other)),
    };
    let value = when.eval(context).map_err(|error| failure(&error))?;
    Ok(value.is_true())
}

fn failure(error: &minijinja::Error) -> String {
    format!("`when` cannot be evaluated: {}", in_one_line(error))
}

/// Says what is wrong with an expression.
pub(super) fn compiles(when: &str) -> Result<(), String> {
    let environment = environment();
    environment
        .compile_expression(when)
        .map_err(|error| in_one_line(&error))?;
    refused_expression(when).map_or(Ok(()), Err)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    bind(&mut environment);
    environment
}

/// Objects as expressions see them: many expressions ask for the same ones.
#[derive(Default)]
struct Converted(Mutex<HashMap<ObjectKey, JinjaValue>>);

impl Converted {
    fn of(&self, object: &Object) -> JinjaValue {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(object.key.clone())
            .or_insert_with(|| JinjaValue::from(Serde(&object.value)))
            .clone()
    }
}
