//! What wording and expressions may cost, and what those of users' rules may be made of: a rule that a stranger wrote must not take all
//! time or memory.

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};

use super::said::{quoted, said};
use crate::model::Text;

/// Instructions that one evaluation may take: thousands of times what a rule needs, and a fraction of a second.
const FUEL: u64 = 200_000;
/// Bytes of a text that a filter may make.
const LARGEST_TEXT: usize = 1 << 20;
/// Numbers that one range may have: a rule is evaluated for every object of its kind.
const LONGEST_RANGE: isize = 10_000;
/// Bytes of one expression, or of one template in wording.
const LONGEST: usize = 16 << 10;
/// Signs in one expression that join texts or lists: each makes a copy of all that is left of it.
const JOINS: usize = 32;

/// Filters that make much of little, or show how values are held; nothing that a rule says needs them.
const REFUSED: [&str; 15] = [
    "batch",
    "chain",
    "e",
    "escape",
    "format",
    "groupby",
    "indent",
    "pprint",
    "safe",
    "slice",
    "sum",
    "tojson",
    "urlencode",
    "zip",
    "dictsort",
];
/// The others of minijinja (`defaults.rs`, `get_builtin_filters`), and those of [`super::Wording`].
const FILTERS: [&str; 33] = [
    "abs",
    "attr",
    "bool",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "raw",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "title",
    "trim",
    "unique",
];
/// Every filter that an expression may use.
pub(super) fn allowed_filters() -> impl Iterator<Item = &'static str> {
    FILTERS.into_iter().filter(|name| *name != "raw").chain(["upper"])
}

/// As [`FILTERS`]; `upper` beside `lower`, and what is counted.
fn is_filter(name: &str) -> bool {
    name == "upper" || FILTERS.contains(&name) || super::COUNTED.contains(&name)
}
/// minijinja's tests (`defaults.rs`, `get_builtin_tests`).
const TESTS: [&str; 32] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
    "containing",
];

/// Bounds an environment: how long an evaluation takes, and what its filters make.
pub(super) fn bind(environment: &mut Environment<'static>) {
    environment.set_fuel(Some(FUEL));
    for name in REFUSED {
        environment.remove_filter(name);
    }
    for name in ["namespace", "debug", "dict"] {
        environment.remove_global(name);
    }
    environment.add_function("range", |lower: isize, upper: Option<isize>, step: Option<isize>| {
        let length = upper.map_or(lower, |upper| upper.saturating_sub(lower));
        if length.unsigned_abs() > LONGEST_RANGE.unsigned_abs() {
            return Err(Error::new(ErrorKind::InvalidOperation, "it makes too long a range"));
        }
        minijinja::functions::range(lower, upper, step)
    });
    environment.add_filter("replace", |text: &str, from: &str, to: &str| {
        let times = if from.is_empty() {
            text.chars().count() + 1
        } else {
            text.matches(from).count()
        };
        within(text.len().saturating_add(times.saturating_mul(to.len())))?;
        Ok::<_, Error>(text.replace(from, to))
    });
    environment.add_filter("join", |items: &Value, between: Option<&str>| {
        joined(items, between.unwrap_or(""), LARGEST_TEXT, str::to_owned)
    });
    environment.add_filter("string", |value: &Value| {
        use std::fmt::Write as _;
        if value.as_str().is_some() {
            return Ok(value.clone());
        }
        let mut text = Bounded(String::new());
        match write!(text, "{value}") {
            Ok(()) => Ok(Value::from(text.0)),
            Err(_) => Err(too_large()),
        }
    });
}

/// Elements with something between them, each shown as `show` has it, in no more bytes than `most`.
pub(super) fn joined(items: &Value, between: &str, most: usize, show: impl Fn(&str) -> String) -> Result<Value, Error> {
    let mut whole = String::new();
    for (index, item) in items.try_iter()?.enumerate() {
        if index > 0 {
            whole.push_str(between);
        }
        whole.push_str(&item.as_str().map_or_else(|| item.to_string(), &show));
        if whole.len() > most {
            return Err(too_large());
        }
    }
    Ok(Value::from_safe_string(whole))
}

/// A text that refuses to grow too large.
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        within(self.0.len().saturating_add(part.len())).map_err(|_| std::fmt::Error)?;
        self.0.push_str(part);
        Ok(())
    }
}

fn within(bytes: usize) -> Result<(), Error> {
    if bytes > LARGEST_TEXT { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> Error {
    Error::new(ErrorKind::InvalidOperation, "it makes too large a text")
}

/// An error without its picture of several lines.
pub(super) fn in_one_line(error: &Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or("");
    first.split(" (in <").next().unwrap_or("").to_owned()
}

/// What is wrong with an expression of a user's rule beside its syntax; none for one that may be evaluated.
pub(super) fn refused_expression(expression: &str) -> Option<Text> {
    if expression.len() > LONGEST {
        return Some(said("expression-long", &[("longest", &LONGEST.to_string())]));
    }
    refused_words(&words(expression))
}

/// As [`refused_expression`], of wording: text with `{{ }}`, and `{% if %}` as the only statement. Without loops and names of its own a
/// template takes no longer than its text is.
pub(super) fn refused_template(template: &str) -> Option<Text> {
    if template.len() > LONGEST {
        return Some(said("template-long", &[("longest", &LONGEST.to_string())]));
    }
    let mut rest = template;
    while let Some((at, close)) = next_tag(rest) {
        let after = rest.get(at + 2..)?;
        let end = after.find(close).unwrap_or(after.len());
        let inside = after.get(..end)?;
        let inside = inside.trim_matches(['-', '+']).trim();
        rest = after.get(end..)?.get(close.len()..).unwrap_or("");
        let inside = match close {
            "#}" => continue,
            "%}" => match inside.split_once(char::is_whitespace).unwrap_or((inside, "")) {
                ("if" | "elif" | "else" | "endif", condition) => condition,
                // What follows is text up to its end.
                ("raw", _) => {
                    rest = rest.split_once("endraw").map_or("", |(_, rest)| rest);
                    continue;
                }
                (statement, _) => {
                    return Some(said("no-statement", &[("statement", &quoted(statement))]));
                }
            },
            _ => inside,
        };
        if let Some(wrong) = refused_words(&words(inside)) {
            return Some(wrong);
        }
    }
    None
}

/// Where the next tag begins, and how it ends.
fn next_tag(text: &str) -> Option<(usize, &'static str)> {
    let tags = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    tags.into_iter()
        .filter_map(|(open, close)| Some((text.find(open)?, close)))
        .min()
}

/// The names, signs and strings of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'t> {
    Name(&'t str),
    Text(&'t str),
    Sign(char),
}

fn words(expression: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let (word, length) = if first == '\'' || first == '"' {
            let inside = rest.get(1..).unwrap_or("");
            let mut is_escaped = false;
            let end = inside.find(|c| {
                let ends = c == first && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            let end = end.unwrap_or(inside.len());
            (Word::Text(inside.get(..end).unwrap_or("")), end + 2)
        } else if is_part(first) {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            (Word::Name(rest.get(..end).unwrap_or("")), end)
        } else {
            (Word::Sign(first), first.len_utf8())
        };
        words.push(word);
        rest = rest.get(length..).unwrap_or("").trim_start();
    }
    words
}

/// How many words and signs an expression has.
pub(super) fn words_of(expression: &str) -> u64 {
    words(expression).len() as u64
}

/// The filter whose result is that of the whole expression, where it gives neither true nor false.
pub(super) fn last_filter(expression: &str) -> Option<&str> {
    /// Of [`FILTERS`], those that give a number, a text or a list.
    const COUNTS: [&str; 23] = [
        "abs",
        "count",
        "float",
        "int",
        "items",
        "join",
        "length",
        "lines",
        "list",
        "lower",
        "map",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "select",
        "selectattr",
        "sort",
        "split",
        "string",
        "title",
        "trim",
    ];
    let mut depth = 0_usize;
    let mut last = None;
    let mut is_filter = false;
    for word in words(expression) {
        match word {
            Word::Sign('(' | '[' | '{') => depth += 1,
            Word::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Word::Sign('|') => {
                is_filter = true;
                continue;
            }
            Word::Name(name) if is_filter => last = Some(name),
            // Whatever stands between filters decides.
            Word::Sign('<' | '>' | '=' | '!' | '+' | '-' | '*' | '/' | '%' | '~')
            | Word::Name("and" | "or" | "not" | "in" | "is" | "if" | "else") => return None,
            Word::Name(_) | Word::Text(_) | Word::Sign(_) => last = None,
        }
        is_filter = false;
    }
    last.filter(|name| COUNTS.contains(name) || matches!(*name, "upper" | "unique"))
}

fn refused_words(words: &[Word<'_>]) -> Option<Text> {
    let no_filter = |name: &str| {
        let known = format!("{}, upper", FILTERS.join(", "));
        said("no-filter", &[("name", &quoted(name)), ("known", &known)])
    };
    // Each element of one list would be compared with each of another, in a single instruction.
    let chooses = |word: &Word<'_>| matches!(word, Word::Name("select" | "reject" | "selectattr" | "rejectattr"));
    let compares = |word: &Word<'_>| matches!(word, Word::Text("in" | "containing"));
    if words.iter().any(chooses) && words.iter().any(compares) {
        return Some(said("list-by-list", &[]));
    }
    let mut ranges = 0;
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        let next = words.get(at + 1);
        match (before, *word, next) {
            (_, Word::Sign('|'), Some(Word::Name(name))) if !is_filter(name) => return Some(no_filter(name)),
            // `map('lower')` names a filter as well.
            (Some(Word::Name("map")), Word::Sign('('), Some(Word::Text(name))) if !is_filter(name) => {
                return Some(no_filter(name));
            }
            (_, Word::Name("is"), Some(Word::Name(name))) if !matches!(before, Some(Word::Sign('.'))) => {
                let name = match (*name, words.get(at + 2)) {
                    ("not", Some(Word::Name(name))) => name,
                    (name, _) => name,
                };
                if !TESTS.contains(&name) {
                    return Some(said(
                        "no-test",
                        &[("name", &quoted(name)), ("known", &TESTS.join(", "))],
                    ));
                }
            }
            (Some(Word::Name(_) | Word::Sign(')' | ']')) | None, Word::Sign('*'), _)
            | (Some(Word::Text(_)), Word::Sign('*'), _) => {
                let repeats = |word: Option<&Word<'_>>| matches!(word, Some(Word::Text(_) | Word::Sign('[' | ']')));
                if repeats(before) || repeats(next) {
                    return Some(said("repeats", &[]));
                }
            }
            (before, Word::Name(name), Some(Word::Sign('('))) => {
                let is_called = !matches!(before, Some(Word::Sign('|' | '.')))
                    && !matches!(before, Some(Word::Name("is")))
                    && !["and", "or", "not", "in", "if", "else", "is", "range"].contains(&name)
                    && !TESTS.contains(&name);
                if is_called {
                    return Some(said("no-function", &[("name", &quoted(name))]));
                }
                ranges += usize::from(name == "range");
            }
            _ => {}
        }
    }
    let joins = words.iter().filter(|word| matches!(word, Word::Sign('~' | '+')));
    if joins.count() > JOINS {
        return Some(said("many-joins", &[]));
    }
    (ranges > 4).then(|| said("many-ranges", &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_tests_and_functions_have_to_be_there() {
        for (expression, expected) in [
            (
                "object.metadata.name|nosuchfilter == 'x'",
                Some("no filter \"nosuchfilter\""),
            ),
            ("object.metadata.name is sometest", Some("no test \"sometest\"")),
            ("object.metadata.name is not defined and object.spec is mapping", None),
            ("nosuch(object)", Some("no function \"nosuch\"")),
            ("range(9)|map('shout')|list", Some("no filter \"shout\"")),
            ("object.spec.replicas * 2 > (object.status.ready|int) * 3", None),
            ("'x' * 99999999", Some("repeats no text")),
            ("object.metadata.name in ['a|b', \"it is so\"]", None),
            ("object.items|tojson", Some("no filter \"tojson\"")),
            (
                "object.spec.containers|select('in', object.items)|list",
                Some("no list is chosen from"),
            ),
            ("'x' in object.items", None),
        ] {
            let refused = refused_expression(expression);
            match expected {
                Some(words) => assert!(
                    refused.as_ref().is_some_and(|said| said.en.contains(words)),
                    "{expression}: {refused:?}"
                ),
                None => assert_eq!(refused, None, "{expression}"),
            }
        }
    }

    #[test]
    fn a_filter_that_ends_an_expression_is_told_from_one_that_is_compared() {
        for (expression, expected) in [
            ("object.spec.containers|length", Some("length")),
            ("object.metadata.name|replace('-', '')|upper", Some("upper")),
            ("object.spec.containers|length > 1", None),
            ("not object.spec.containers|length", None),
            ("'a' in object.metadata.name|lower", None),
            ("object.spec.hostNetwork|default(false)", None),
            ("(object.spec.containers|length) == 1", None),
        ] {
            assert_eq!(last_filter(expression), expected, "{expression}");
        }
    }

    #[test]
    fn wording_has_conditions_and_no_loops() {
        assert_eq!(
            refused_template("{% if times > 1 %}{{ times|times }}{%- else -%}once{% endif %}"),
            None
        );
        assert_eq!(
            refused_template("docker ps --format {% raw %}'{{ range .Items }}'{% endraw %} {{ name }}"),
            None
        );
        for (template, words) in [
            ("{% for a in range(9) %}x{% endfor %}", "no statement \"for\""),
            ("{% set a = 'x' %}", "no statement \"set\""),
            ("{{ name|uper }}", "no filter \"uper\""),
        ] {
            assert!(
                refused_template(template).is_some_and(|said| said.en.contains(words)),
                "{template}"
            );
        }
    }

    #[test]
    fn what_a_filter_makes_is_bounded() {
        let mut environment = Environment::new();
        bind(&mut environment);
        let ends = |expression: &str| {
            let compiled = environment.compile_expression(expression).unwrap();
            compiled
                .eval(())
                .map(|value| value.to_string())
                .map_err(|error| error.to_string())
        };
        assert_eq!(ends("'a-b'|replace('-', '+')").unwrap(), "a+b");
        let long = "x".repeat(2000);
        for expression in [
            format!("range(9999)|join('{long}')|length"),
            format!("range(999)|join('x')|replace('x', '{long}')|length"),
        ] {
            assert!(ends(&expression).unwrap_err().contains("too large a text"));
        }
        assert!(ends("range(10001)|length").unwrap_err().contains("too long a range"));
    }
}
