//! Objects beside the one that a rule judges: by what they share with it, or by the field that names them.

use std::cell::OnceCell;

use minijinja::Value as JinjaValue;
use serde::Deserialize;
use serde_json::Value;

use super::by_value::{Candidate, Index};
use super::condition::{Condition, FieldPath, Holds, Part};
use super::effort::Effort;
use super::expression::{Compiled, Evaluator, Failure};
use super::toolbox::policies::matches_selector;
use crate::bundle::decode::Form;
use crate::cluster::{Object, Snapshot};

/// An object beside another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Its kind.
    pub kind: String,
    /// What ties it to the object, where no field names it.
    #[serde(default)]
    pub same: Option<Tie>,
    /// Its name: a field of the object or of its element (`/spec/serviceName`, `item/configMapKeyRef/name`), or an expression. Of a list of
    /// names each counts.
    #[serde(default)]
    pub named: Option<Naming>,
    /// Its namespace, likewise, where it is named; that of the object when not given, and none for a kind without namespaces.
    #[serde(default)]
    pub namespace: Option<Naming>,
    /// What has to hold of its fields. The values may be `{field: …}` of the judged object.
    #[serde(default, rename = "where")]
    pub conditions: Vec<Condition>,
    /// An expression over `object`, `item` and `other`, which is it, that has to be true.
    #[serde(default)]
    pub when: Option<String>,
    /// False when there must be none of which all of this holds. `without` says the same.
    #[serde(default)]
    pub exists: Option<bool>,
}

/// Where a name comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Naming {
    /// A field.
    Field(FieldPath),
    /// An expression.
    Expression(String),
}

impl From<String> for Naming {
    fn from(text: String) -> Self {
        FieldPath::try_from(text.clone()).map_or(Self::Expression(text), Self::Field)
    }
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

/// One of `with` or `without`, ready to be tried.
pub(super) struct Seeker<'s, 'e> {
    beside: &'e Beside,
    /// False when there must be none.
    pub(super) is_wanted: bool,
    named: Option<Name<'e>>,
    namespace: Option<Name<'e>>,
    when: Option<Compiled<'e>>,
    /// Its objects by the field that has to be that of the judged object, once it was asked for.
    index: OnceCell<Index<'s>>,
}

/// See [`Naming`].
enum Name<'e> {
    Field(&'e FieldPath),
    Expression(Compiled<'e>),
}

impl<'e> Name<'e> {
    fn new(naming: &'e Naming, evaluator: &'e Evaluator, place: &'static str) -> Result<Self, Failure> {
        Ok(match naming {
            Naming::Field(path) => Self::Field(path),
            Naming::Expression(text) => Self::Expression(evaluator.compile(text, place)?),
        })
    }

    /// The names; none where that cannot be told, for the form of the object does not show the field.
    fn names(
        &self,
        evaluator: &Evaluator,
        snapshot: &Snapshot,
        part: Part<'_>,
    ) -> Result<Option<Vec<String>>, Failure> {
        match self {
            Self::Field(path) => Ok(match part.get(path) {
                Some(Value::String(name)) => Some(vec![name.clone()]),
                Some(Value::Array(list)) => Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
                Some(other) => Some(vec![other.to_string()]),
                None => (part.object.form == Form::Api).then(Vec::new),
            }),
            Self::Expression(expression) => {
                let value = evaluator.value(expression, snapshot, part, None)?;
                Ok(Some(match (value.as_str(), value.try_iter()) {
                    (Some(name), _) => vec![name.to_owned()],
                    (None, Ok(list)) => list
                        .filter_map(|name: JinjaValue| name.as_str().map(str::to_owned))
                        .collect(),
                    (None, Err(_)) => Vec::new(),
                }))
            }
        }
    }
}

/// What was found beside an object.
pub(super) enum Sought<'s> {
    /// These hold, the first ones in order of their names.
    These(Vec<&'s Object>),
    /// None does.
    None,
    /// It names none.
    NotNamed,
    /// It cannot be told, for such objects, or some of their fields, were not collected.
    Unknown,
}

impl<'s, 'e> Seeker<'s, 'e> {
    pub(super) fn new(beside: &'e Beside, is_wanted: bool, evaluator: &'e Evaluator) -> Result<Self, Failure> {
        let name = |naming: &'e Option<Naming>, place| {
            naming
                .as_ref()
                .map(|naming| Name::new(naming, evaluator, place))
                .transpose()
        };
        let when = beside.when.as_deref();
        Ok(Self {
            beside,
            is_wanted,
            named: name(&beside.named, "named")?,
            namespace: name(&beside.namespace, "namespace")?,
            when: when.map(|when| evaluator.compile(when, "when")).transpose()?,
            index: OnceCell::new(),
        })
    }

    /// Its kind.
    pub(super) fn kind(&self) -> &'e str {
        &self.beside.kind
    }

    /// The field that names it.
    pub(super) fn naming(&self) -> Option<&'e FieldPath> {
        match self.named {
            Some(Name::Field(path)) => Some(path),
            _ => None,
        }
    }

    /// The objects that it takes, all or the first.
    pub(super) fn seek(
        &self,
        snapshot: &'s Snapshot,
        evaluator: &Evaluator,
        effort: &Effort,
        part: Part<'_>,
        all: bool,
    ) -> Result<Sought<'s>, Failure> {
        let mut unknown = !snapshot.coverage.has_kind(self.kind());
        let dear = |object| (object, CANDIDATE);
        let candidates: Box<dyn Iterator<Item = (&'s Object, u64)>> = match &self.named {
            Some(named) => {
                let Some(names) = named.names(evaluator, snapshot, part)? else {
                    return Ok(Sought::Unknown);
                };
                if names.is_empty() {
                    return Ok(Sought::NotNamed);
                }
                let namespaces = match &self.namespace {
                    Some(namespace) => match namespace.names(evaluator, snapshot, part)? {
                        Some(found) if found.is_empty() => vec![part.object.key.namespace.clone()],
                        Some(found) => found,
                        None => return Ok(Sought::Unknown),
                    },
                    None => vec![part.object.key.namespace.clone()],
                };
                effort.take(names.len() as u64)?;
                Box::new(self.called(snapshot, &namespaces, &names).into_iter().map(dear))
            }
            None => match self.indexed(snapshot, effort, part)? {
                Some(found) => Box::new(found.into_iter().map(|candidate| {
                    let each = if candidate.is_unclear { CANDIDATE } else { 1 };
                    (candidate.object, each)
                })),
                None => Box::new(self.tied_candidates(snapshot, part.object).map(dear)),
            },
        };
        let mut found = Vec::new();
        for (candidate, each) in candidates {
            effort.take(each)?;
            if let Some(tie) = self.beside.same {
                effort.take(cost(tie))?;
                if !tied(snapshot, part.object, candidate, tie) {
                    continue;
                }
            }
            let candidate_part = Part {
                object: candidate,
                item: None,
            };
            match holds_all(&self.beside.conditions, candidate_part, part, effort)? {
                Holds::Yes => {
                    if let Some(when) = &self.when
                        && !evaluator.is_true(when, snapshot, part, Some(candidate))?
                    {
                        continue;
                    }
                    found.push(candidate);
                    if !all {
                        break;
                    }
                }
                Holds::Unknown => unknown = true,
                Holds::No => {}
            }
        }
        Ok(match (found.is_empty(), unknown) {
            (false, _) => Sought::These(found),
            (true, true) => Sought::Unknown,
            (true, false) => Sought::None,
        })
    }

    /// The objects of these names, in these namespaces or in none.
    fn called(&self, snapshot: &'s Snapshot, namespaces: &[String], names: &[String]) -> Vec<&'s Object> {
        let mut called: Vec<&Object> = Vec::new();
        for name in names {
            let spaces = namespaces.iter().map(String::as_str);
            let found = spaces.filter_map(|namespace| snapshot.object(self.kind(), namespace, name));
            let before = called.len();
            called.extend(found);
            if called.len() == before {
                called.extend(snapshot.object(self.kind(), "", name));
            }
        }
        called
    }

    /// The objects that may have the value that a condition asks for, found by it; none where no condition asks for one.
    fn indexed(
        &self,
        snapshot: &'s Snapshot,
        effort: &Effort,
        part: Part<'_>,
    ) -> Result<Option<Vec<Candidate<'s>>>, Failure> {
        // One object is no list to look something up in.
        if self.beside.same == Some(Tie::Name) {
            return Ok(None);
        }
        let key = self.beside.conditions.iter().find_map(Condition::key);
        let Some((path, wanted)) = key else { return Ok(None) };
        let Some(wanted) = part.get(wanted) else {
            return Ok(None);
        };
        if self.index.get().is_none() {
            effort.take(snapshot.kind(self.kind()).count() as u64)?;
        }
        let by_namespace = matches!(self.beside.same, Some(Tie::Namespace | Tie::Selector));
        let index = self
            .index
            .get_or_init(|| Index::new(snapshot.kind(self.kind()), path, by_namespace));
        let found = index.with(wanted, &part.object.key.namespace);
        // All of them were put in order, whether all are looked at or not.
        effort.take(found.len() as u64)?;
        Ok(Some(found))
    }

    /// No more objects than the tie makes it look at.
    fn tied_candidates(&self, snapshot: &'s Snapshot, object: &Object) -> Box<dyn Iterator<Item = &'s Object> + 's> {
        match self.beside.same {
            Some(Tie::Name) => Box::new(
                snapshot
                    .object(self.kind(), &object.key.namespace, &object.key.name)
                    .into_iter(),
            ),
            Some(Tie::Namespace | Tie::Selector) => Box::new(snapshot.kind_in(self.kind(), &object.key.namespace)),
            _ => Box::new(snapshot.kind(self.kind())),
        }
    }
}

/// Whether all of these hold of `part`; the fields that they compare with are those of `about`.
pub(super) fn holds_all(
    conditions: &[Condition],
    part: Part<'_>,
    about: Part<'_>,
    effort: &Effort,
) -> Result<Holds, Failure> {
    let mut all = Holds::Yes;
    for condition in conditions {
        effort.take(condition.cost(part))?;
        match condition.holds(part, about) {
            Holds::No => return Ok(Holds::No),
            Holds::Unknown => all = Holds::Unknown,
            Holds::Yes => {}
        }
    }
    Ok(all)
}

/// Steps for an object that is looked at for want of anything to find it by: its key, its tie and its fields are compared.
const CANDIDATE: u64 = 32;

/// Steps beside those.
fn cost(tie: Tie) -> u64 {
    match tie {
        Tie::Cluster | Tie::Namespace | Tie::Name | Tie::Node => 0,
        // Both chains of owners are followed.
        Tie::Owner => 16,
        Tie::Selector => 8,
    }
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

/// The node that an object runs on, or is.
pub(super) fn node_of(object: &Object) -> Option<&str> {
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
