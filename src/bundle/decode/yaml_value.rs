//! One YAML document as a JSON value, without more memory than its budget gives. The only user of the YAML crate.
//!
//! The crate bounds how often aliases are followed (`jump` in `yaml_serde::de`), not what they repeat: a few hundred bytes of them can
//! stand for gigabytes. So the values are counted while they are made.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::nesting::too_deep;
use crate::bundle::{Budget, Limit};
use crate::model::ProblemKind;

/// Why a YAML document was not parsed.
#[derive(Debug)]
pub struct YamlError {
    /// The 1-based line in the document; 0 when it is unknown.
    pub line: usize,
    /// `OverBudget` for a document that a limit refuses; `Unparsed` for everything else.
    pub kind: ProblemKind,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
}

impl YamlError {
    fn over(line: usize, limit: Limit) -> Self {
        Self {
            line,
            kind: ProblemKind::OverBudget,
            message: limit.to_string(),
        }
    }
}

/// Parses one YAML document under the default budget. Merge keys (`<<`) are applied, tags are left out, keys become text.
///
/// # Errors
/// It is over a limit, or it is no YAML.
pub fn parse_value(text: &str) -> Result<Value, YamlError> {
    parse_within(text, &Budget::DEFAULT)
}

/// Parses one YAML document as [`parse_value`] does, under another budget.
///
/// # Errors
/// It is over a limit, or it is no YAML.
pub fn parse_within(text: &str, budget: &Budget) -> Result<Value, YamlError> {
    let deepest = budget.max_yaml_depth.min(Budget::DEEPEST);
    if let Some(line) = too_deep(text, usize::try_from(deepest).unwrap_or(usize::MAX)) {
        return Err(YamlError::over(line, Limit::YamlDepth(deepest)));
    }
    // The crate holds every event of a document before the first value is made of them.
    if over_separators(text, budget.max_values) {
        return Err(YamlError::over(1, Limit::Values(budget.max_values)));
    }
    let left = Cell::new((text.len() as u64).saturating_add(budget.max_yaml_aliases));
    let parsed = Node { left: &left }.deserialize(serde_yaml::Deserializer::from_str(text));
    parsed.map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        let message = error.to_string();
        if left.get() == 0 {
            YamlError::over(line, Limit::YamlAliases(budget.max_yaml_aliases))
        } else if message.contains("recursion limit exceeded") {
            YamlError::over(line, Limit::YamlDepth(deepest))
        } else if message.contains("repetition limit exceeded") {
            let message = format!(
                "over the limit of {FOLLOWED} aliases followed for each value of a YAML document (the parser itself follows no more, \
                 whatever --{} says)",
                Limit::YamlAliases(budget.max_yaml_aliases).option()
            );
            let kind = ProblemKind::OverBudget;
            YamlError { line, kind, message }
        } else {
            YamlError {
                line,
                kind: ProblemKind::Unparsed,
                message,
            }
        }
    })
}

/// Aliases that the crate follows for each event of a document before it gives up (`jump` in `yaml_serde::de`).
const FOLLOWED: u64 = 100;

/// True when a text has more of what stands between values than `most`: each value but the first is behind one of these.
fn over_separators(text: &str, most: u64) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'\n' | b',' | b'[' | b'{' | b':');
    text.len() as u64 > most && text.bytes().filter(is_separator).count() as u64 > most
}

/// A value to be made, and how many more there may be.
#[derive(Clone, Copy)]
struct Node<'c> {
    left: &'c Cell<u64>,
}

/// Bytes of a text that count as one more value, so that a long text cannot be repeated for nothing.
const TEXT_PER_VALUE: u64 = 64;

impl Node<'_> {
    /// Counts one value with `text` bytes in it.
    fn count<E: Error>(self, text: usize) -> Result<(), E> {
        let cost = 1 + text as u64 / TEXT_PER_VALUE;
        match self.left.get().checked_sub(cost) {
            Some(left) if left > 0 => {
                self.left.set(left);
                Ok(())
            }
            _ => {
                self.left.set(0);
                Err(E::custom("its aliases stand for too much"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.count(0)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.count(0)?;
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.count(0)?;
        Ok(value.into())
    }

    // Larger integers than 64 bits hold are no quantity of anything; as a text they stay exact.
    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.count(0)?;
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.count(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.count(0)?;
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.count(0)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.count(0)?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key_seed(self)? {
            let key = as_key(key).map_err(A::Error::custom)?;
            let value = entries.next_value_seed(self)?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("duplicate entry with key {key:?}")));
            }
            map.insert(key, value);
        }
        merge(&mut map);
        Ok(Value::Object(map))
    }

    /// A value with a tag of its own: the value counts.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (_, value) = tagged.variant_seed(self)?;
        value.newtype_variant_seed(self)
    }
}

/// Bytes of a key that is written as a list or a mapping.
const LONGEST_KEY: usize = 4096;

/// JSON has no other keys than text. A mapping in a key doubles the quotes of the one in its own key, so that a hundred bytes of `{`
/// would stand for terabytes: what is longer than any such key is refused.
fn as_key(key: Value) -> Result<String, String> {
    match key {
        Value::String(text) => Ok(text),
        other => Some(other.to_string())
            .filter(|text| text.len() <= LONGEST_KEY)
            .ok_or_else(|| format!("a key is a list or a mapping of more than {LONGEST_KEY} bytes")),
    }
}

/// Puts the entries of `<<` where none of their name stand (yaml.org/type/merge.html).
fn merge(map: &mut Map<String, Value>) {
    let sources = match map.get("<<") {
        Some(Value::Object(_)) => 1,
        Some(Value::Array(items)) if !items.is_empty() && items.iter().all(Value::is_object) => items.len(),
        _ => return,
    };
    let mut merged = Vec::with_capacity(sources);
    match map.shift_remove("<<") {
        Some(Value::Array(items)) => merged.extend(items),
        Some(one) => merged.push(one),
        None => {}
    }
    for source in merged {
        if let Value::Object(entries) = source {
            for (key, value) in entries {
                map.entry(key).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strange_scalars_stay_what_they_were() {
        let value =
            parse_value("sha: 1234e5678\nmode: 0644\nanswer: yes\nbig: 340282366920938463463374607431768211455\n")
                .unwrap();
        assert_eq!(value["sha"], "1234e5678");
        assert_eq!(value["answer"], "yes");
        assert_eq!(value["big"], "340282366920938463463374607431768211455");
        assert_eq!(
            parse_value("1: a\ntrue: b\nx: !mine c\ny: !z [1]\n").unwrap(),
            json!({"1": "a", "true": "b", "x": "c", "y": [1]})
        );
        assert_eq!(parse_value("").unwrap(), Value::Null);
    }

    #[test]
    fn merge_keys_are_applied_and_own_entries_win() {
        let text = "base: &base {a: 1, b: 2}\none:\n  <<: *base\n  b: 3\ntwo:\n  <<: [*base, {c: 4}]\n";
        let value = parse_value(text).unwrap();
        assert_eq!(value["one"], json!({"a": 1, "b": 3}));
        assert_eq!(value["two"], json!({"a": 1, "b": 2, "c": 4}));
    }

    #[test]
    fn mappings_in_keys_do_not_double_without_end() {
        assert_eq!(parse_value("{a: 1}: b").unwrap(), serde_json::json!({"{\"a\":1}": "b"}));
        let error = parse_value(&format!("{}a{}", "{".repeat(60), "}".repeat(60))).unwrap_err();
        assert!(
            error.message.contains("a key is a list or a mapping"),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_key_that_appears_twice_is_an_error() {
        let error = parse_value("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert!(
            error.message.contains("duplicate") && error.kind == ProblemKind::Unparsed,
            "{error:?}"
        );
    }

    #[test]
    fn aliases_may_repeat_what_stands_there_but_not_without_end() {
        let thrice = "a: &a {x: 1}\nb: *a\nc: [*a, *a]\n";
        assert_eq!(parse_value(thrice).unwrap()["c"][1]["x"], 1);
        // Each line stands for two hundred times the one before: 200^3 values.
        let of = |name: &str| format!("[{}]", vec![name; 200].join(","));
        let bomb = format!("a: &a {}\nb: &b {}\nc: {}\n", of("x"), of("*a"), of("*b"));
        let error = parse_value(&bomb).unwrap_err();
        assert_eq!(error.kind, ProblemKind::OverBudget);
        assert!(error.message.contains("--max-yaml-aliases"), "{}", error.message);
        // A long text counts by its length.
        let long = format!("a: &a {}\nb: {}\n", "x".repeat(100_000), of("*a"));
        assert_eq!(parse_value(&long).unwrap_err().kind, ProblemKind::OverBudget);
    }

    #[test]
    fn the_number_of_aliases_is_a_limit_that_can_be_raised() {
        let text = format!("a: &a [1, 2, 3]\nb: [{}]\n", vec!["*a"; 500].join(","));
        let with = |max_yaml_aliases| {
            parse_within(
                &text,
                &Budget {
                    max_yaml_aliases,
                    ..Budget::DEFAULT
                },
            )
        };
        assert_eq!(with(100).unwrap_err().kind, ProblemKind::OverBudget);
        assert_eq!(with(2000).unwrap()["b"].as_array().unwrap().len(), 500);
    }

    #[test]
    fn where_the_parser_gives_up_by_itself_no_option_is_said_to_help() {
        // Seven events and a few for each line; the aliases in aliases are followed far more often than a hundred times that.
        let of = |name: &str| format!("[{}]", vec![name; 100].join(","));
        let text = format!(
            "a: &a {}\nb: &b {}\nc: &c {}\nd: {}\n",
            of("x"),
            of("*a"),
            of("*b"),
            of("*c")
        );
        let raised = Budget {
            max_yaml_aliases: 1 << 40,
            ..Budget::DEFAULT
        };
        let error = parse_within(&text, &raised).unwrap_err();
        assert_eq!(error.kind, ProblemKind::OverBudget);
        assert!(
            error.message.contains("the parser itself") && !error.message.contains("raises it"),
            "{}",
            error.message
        );
    }

    #[test]
    fn values_are_counted_before_the_crate_holds_them_all() {
        let text = format!("a: [{}]\n", vec!["x"; 2000].join(","));
        let with = |max_values| {
            parse_within(
                &text,
                &Budget {
                    max_values,
                    ..Budget::DEFAULT
                },
            )
        };
        let error = with(1000).unwrap_err();
        assert_eq!(error.kind, ProblemKind::OverBudget);
        assert!(error.message.contains("--max-values"), "{}", error.message);
        assert!(with(3000).is_ok());
    }

    #[test]
    fn the_depth_is_a_limit_that_can_be_raised() {
        let text = format!("a: {}{}\n", "[".repeat(20), "]".repeat(20));
        let with = |max_yaml_depth| {
            parse_within(
                &text,
                &Budget {
                    max_yaml_depth,
                    ..Budget::DEFAULT
                },
            )
        };
        let error = with(10).unwrap_err();
        assert_eq!((error.kind, error.line), (ProblemKind::OverBudget, 1));
        assert!(error.message.contains("--max-yaml-depth"), "{}", error.message);
        assert!(with(30).is_ok());
    }
}
