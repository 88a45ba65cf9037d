//! The first JSON value of a text, without more of its values in memory than there may be.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What a text begins with.
pub(super) enum Outcome {
    /// A value.
    Value {
        /// It.
        value: Value,
        /// Bytes of the text up to its end.
        consumed: usize,
        /// How many values it is made of, itself included.
        values: u64,
    },
    /// More values than there may be.
    TooMany,
    /// No JSON, or not a whole value of it.
    Broken(serde_json::Error),
}

/// Reads the value at the beginning of `text`, made of `most` values or fewer.
pub(super) fn first(text: &str, most: u64) -> Outcome {
    let left = Cell::new(Some(most));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match (Node { left: &left }).deserialize(&mut deserializer) {
        Ok(value) => Outcome::Value {
            value,
            consumed: deserializer.into_iter::<IgnoredAny>().byte_offset(),
            values: most.saturating_sub(left.get().unwrap_or(0)),
        },
        Err(_) if left.get().is_none() => Outcome::TooMany,
        Err(error) => Outcome::Broken(error),
    }
}

/// A value to be made, and how many more there may be; none once one was refused.
#[derive(Clone, Copy)]
struct Node<'c> {
    left: &'c Cell<Option<u64>>,
}

impl Node<'_> {
    fn count<E: Error>(self) -> Result<(), E> {
        let left = self.left.get().and_then(|left| left.checked_sub(1));
        self.left.set(left);
        left.map(drop).ok_or_else(|| E::custom("too many values"))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            map.insert(key, entries.next_value_seed(self)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_what_the_crate_reads_and_its_end_is_known() {
        let text = r#"{"a": [1, -2, 2.5, "x\u0041", null, true], "b": {}} {"next": 1}"#;
        let Outcome::Value {
            value,
            consumed,
            values,
        } = first(text, 100)
        else {
            panic!("not read")
        };
        assert_eq!(
            value,
            serde_json::from_str::<Value>(text.get(..consumed).unwrap()).unwrap()
        );
        assert_eq!(text.get(consumed..), Some(r#" {"next": 1}"#));
        assert_eq!(values, 9);
    }

    #[test]
    fn no_more_values_are_made_than_there_may_be() {
        assert!(matches!(first("[1, 2, 3]", 4), Outcome::Value { values: 4, .. }));
        assert!(matches!(first("[1, 2, 3]", 3), Outcome::TooMany));
        assert!(matches!(first("[1, 2, 3", 3), Outcome::TooMany));
        assert!(matches!(first("[1, 2", 9), Outcome::Broken(_)));
    }
}
