//! Expressions of users' rules over objects: what they see, and that what they cost is counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Rest, Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value as JinjaValue};
use serde_json::Value;

use super::bounds::{allowed_filters, bind, in_one_line, last_filter, refused_expression, words_of};
use super::condition::Part;
use super::effort::{Effort, UsedUp, steps};
use super::said::{quoted, said};
use crate::cluster::{Object, ObjectKey, Snapshot};
use crate::model::Text;

/// Bytes that stand for a number, or for the frame of a value.
const VALUE: u64 = 16;

/// Why something could not be told.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing is left of what a rule may cost.
    UsedUp,
    /// An expression failed.
    Said(Text),
}

impl From<UsedUp> for Failure {
    fn from(_: UsedUp) -> Self {
        Self::UsedUp
    }
}

/// Where the expressions of one rule are evaluated; all of it counts in one account.
pub(super) struct Evaluator {
    environment: Environment<'static>,
    effort: Effort,
}

/// An expression that can be evaluated.
pub(super) struct Compiled<'e> {
    expression: Expression<'e, 'e>,
    /// Its words: without loops it takes no more than so many steps, apart from its filters and what it looks at.
    words: u64,
    /// Where it is in the rule: `when`.
    place: &'static str,
}

impl Evaluator {
    pub(super) fn new(effort: &Effort) -> Self {
        let mut environment = environment();
        // A filter reads what it is given and makes something: that is what an instruction costs which calls it.
        let plain = Arc::new(self::environment());
        for name in allowed_filters() {
            let (plain, effort) = (plain.clone(), effort.clone());
            environment.add_filter(name, move |args: Rest<JinjaValue>| {
                let spent = || Error::new(ErrorKind::OutOfFuel, "the rule has used up its steps");
                let given: u64 = args.iter().map(shallow).sum();
                effort.take(steps(given)).map_err(|_| spent())?;
                let made = plain.empty_state().apply_filter(name, &args)?;
                effort.take(steps(shallow(&made))).map_err(|_| spent())?;
                Ok::<_, Error>(made)
            });
        }
        Self {
            environment,
            effort: effort.clone(),
        }
    }

    /// An expression, which [`compiles`] has looked at beforehand.
    pub(super) fn compile<'e>(&'e self, expression: &'e str, place: &'static str) -> Result<Compiled<'e>, Failure> {
        let compiled = self.environment.compile_expression(expression);
        Ok(Compiled {
            expression: compiled.map_err(|error| Failure::Said(failed(place, &error)))?,
            words: words_of(expression),
            place,
        })
    }

    /// The value of an expression over an object, the element that is looked at, and an object beside it.
    pub(super) fn value(
        &self,
        expression: &Compiled<'_>,
        snapshot: &Snapshot,
        part: Part<'_>,
        other: Option<&Object>,
    ) -> Result<JinjaValue, Failure> {
        let values = snapshot.derive(|_| Converted::default());
        let (object, mut size) = values.of(part.object);
        let item_size = part.item.map_or(0, |(item, _)| size_of(item));
        let other = other.map(|other| {
            let (value, its) = values.of(other);
            size = size.saturating_add(its);
            value
        });
        // An operator may compare whole objects; what it mostly does is to follow a path.
        let looked_at = steps(size / 8).saturating_add(steps(item_size));
        self.effort.take(expression.words.saturating_mul(looked_at))?;
        let context = minijinja::context! {
            object => object,
            item => part.item.map(|(item, _)| JinjaValue::from(Serde(item))),
            other => other,
        };
        expression.expression.eval(context).map_err(|error| {
            if self.effort.is_used_up() {
                Failure::UsedUp
            } else {
                Failure::Said(failed(expression.place, &error))
            }
        })
    }
}

impl Evaluator {
    /// Whether a condition is true. What is not there is not; what is neither true nor false is no answer.
    pub(super) fn is_true(
        &self,
        condition: &Compiled<'_>,
        snapshot: &Snapshot,
        part: Part<'_>,
        other: Option<&Object>,
    ) -> Result<bool, Failure> {
        let value = self.value(condition, snapshot, part, other)?;
        if answers(&value) {
            return Ok(value.is_true());
        }
        let facts = [("place", condition.place), ("value", &shown(&value))];
        Err(Failure::Said(said("no-answer", &facts)))
    }
}

/// True for true and false, and for what is not there.
fn answers(value: &JinjaValue) -> bool {
    matches!(value.kind(), ValueKind::Bool | ValueKind::Undefined | ValueKind::None)
}

/// The start of a value, as a message shows it.
fn shown(value: &JinjaValue) -> String {
    const MOST: usize = 40;
    let text = value.as_str().map_or_else(|| value.to_string(), quoted);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text,
    }
}

/// Says of a condition that [`compiles`] that it gives something else than true or false whatever it sees.
pub(super) fn decides(condition: &str) -> Result<(), Text> {
    if let Some(filter) = last_filter(condition) {
        return Err(said("no-condition", &[("value", &format!("|{filter}"))]));
    }
    let environment = environment();
    // With nothing to look at: what gives a text or a number even then is no condition.
    let blind = environment
        .compile_expression(condition)
        .and_then(|expression| expression.eval(()));
    match blind {
        Ok(value) if !answers(&value) => Err(said("no-condition", &[("value", &shown(&value))])),
        _ => Ok(()),
    }
}

fn failed(place: &str, error: &Error) -> Text {
    said(
        "expression-fails",
        &[("place", place), ("message", &in_one_line(error))],
    )
}

/// Says what is wrong with an expression.
pub(super) fn compiles(expression: &str) -> Result<(), Text> {
    let environment = environment();
    environment
        .compile_expression(expression)
        .map_err(|error| said("expression-syntax", &[("message", &in_one_line(&error))]))?;
    refused_expression(expression).map_or(Ok(()), Err)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    bind(&mut environment);
    environment
}

/// Bytes of a text, or of a list without what is in its elements.
fn shallow(value: &JinjaValue) -> u64 {
    let texts = value.as_str().map(str::len);
    texts.map_or_else(
        || value.len().map_or(VALUE, |length| VALUE * (length as u64 + 1)),
        |length| length as u64,
    )
}

/// Bytes of a value, about.
pub(super) fn size_of(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(list) => list.iter().map(size_of).fold(VALUE, u64::saturating_add),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| key.len() as u64 + size_of(value))
            .fold(VALUE, u64::saturating_add),
        Value::Null | Value::Bool(_) | Value::Number(_) => VALUE,
    }
}

/// Objects as expressions see them, with their sizes: many expressions ask for the same ones.
#[derive(Default)]
struct Converted(Mutex<HashMap<ObjectKey, (JinjaValue, u64)>>);

impl Converted {
    fn of(&self, object: &Object) -> (JinjaValue, u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(object.key.clone())
            .or_insert_with(|| (JinjaValue::from(Serde(&object.value)), size_of(&object.value)))
            .clone()
    }
}
