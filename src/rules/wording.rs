//! From a rule's templates and a finding's facts to text in both languages.

use std::collections::BTreeSet;

use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, State, UndefinedBehavior};
use serde_json::{Map, Value as Json};

use super::bounds::{bind, joined};
use crate::model::{CODE_CLOSE, CODE_OPEN, Text, code, plain};

/// Renders wording. Two environments with one syntax: in sentences every string value is marked as code, in commands it is quoted
/// for the shell. The filter `raw` puts a value in as it is: for wording that is a fact, and for commands that are already built. What
/// a sentence has between back-ticks is code as a whole, with the values in it: a command to verify with.
pub struct Wording {
    sentences: Environment<'static>,
    commands: Environment<'static>,
}

impl Default for Wording {
    fn default() -> Self {
        Self {
            sentences: environment(code),
            commands: environment(operand),
        }
    }
}

/// Bytes of a list in a sentence: what the names of all objects of a large cluster take, many times.
const LIST: usize = 64 << 20;

fn environment(show: fn(&str) -> String) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    bind(&mut environment);
    // Each element is shown by itself, so that a list of names is no single name.
    environment.add_filter("join", move |items: &Value, between: &str| {
        joined(items, between, LIST, show)
    });
    for noun in COUNTED {
        environment.add_filter(*noun, move |count: &Value| counted(count, noun, show));
    }
    environment.add_filter("raw", |value: &str| Value::from_safe_string(value.to_owned()));
    environment.set_formatter(
        move |out: &mut minijinja::Output<'_>, _: &mut State<'_, '_>, value: &Value| {
            match value.kind() {
                ValueKind::String if !value.is_safe() => out.write_str(&show(value.as_str().unwrap_or_default()))?,
                ValueKind::Undefined => return Err(minijinja::ErrorKind::UndefinedError.into()),
                _ => out.write_str(&value.to_string())?,
            }
            Ok(())
        },
    );
    environment
}

/// Nouns that English counts in a sentence, each the name of a filter: `{{ restarts|restarts }}` is "1 restart", "2 restarts".
pub const COUNTED: &[&str] = &[
    "times", "restarts", "pods", "nodes", "members", "lines", "days", "hours",
];

/// A number with its noun.
fn counted(count: &Value, noun: &str, show: fn(&str) -> String) -> Result<Value, minijinja::Error> {
    if count.is_undefined() {
        return Err(minijinja::ErrorKind::UndefinedError.into());
    }
    let shown = match count.as_str() {
        Some(text) if !count.is_safe() => show(text),
        _ => count.to_string(),
    };
    let noun = if count.to_string() == "1" {
        noun.strip_suffix('s').unwrap_or(noun)
    } else {
        noun
    };
    Ok(Value::from_safe_string(format!("{shown} {noun}")))
}

impl Wording {
    /// Both languages of a sentence. The English one starts with a capital, unless it starts with a name.
    pub fn text(&self, template: &Text, facts: &Map<String, Json>) -> Result<Text, minijinja::Error> {
        Ok(Text {
            zh: self.sentence(&template.zh, facts)?,
            en: capitalised(self.sentence(&template.en, facts)?),
        })
    }

    /// Compiles a sentence that is said often, to be said by its id with [`Wording::kept`].
    pub fn keep(&mut self, id: &str, template: &Text) -> Result<(), minijinja::Error> {
        self.sentences
            .add_template_owned(format!("{id}.zh"), template.zh.clone())?;
        self.sentences
            .add_template_owned(format!("{id}.en"), template.en.clone())
    }

    /// The sentence of an id that was kept, as [`Wording::text`] says it.
    pub fn kept(&self, id: &str, facts: &Map<String, Json>) -> Result<Text, minijinja::Error> {
        let said = |lang: &str| {
            let template = self.sentences.get_template(&format!("{id}.{lang}"))?;
            template.render(context(facts)).map(|text| finished(&text))
        };
        Ok(Text {
            zh: said("zh")?,
            en: capitalised(said("en")?),
        })
    }

    fn sentence(&self, template: &str, facts: &Map<String, Json>) -> Result<String, minijinja::Error> {
        self.sentences
            .render_str(template, context(facts))
            .map(|text| finished(&text))
    }

    /// The facts that a template names, in either language.
    pub fn uses(&self, template: &Text) -> BTreeSet<String> {
        let of = |template: &str| {
            let parsed = self.sentences.template_from_str(template);
            parsed
                .map(|parsed| parsed.undeclared_variables(false))
                .unwrap_or_default()
        };
        of(&template.en).into_iter().chain(of(&template.zh)).collect()
    }

    /// The facts that a template of one language names, with their fields: `subject.name`.
    ///
    /// # Errors
    /// It is not well-formed.
    pub(super) fn names(&self, template: &str) -> Result<BTreeSet<String>, minijinja::Error> {
        let parsed = self.sentences.template_from_str(template)?;
        Ok(parsed.undeclared_variables(true).into_iter().collect())
    }

    /// As [`Wording::names`], for a condition.
    pub(super) fn names_in_condition(&self, condition: &str) -> Result<BTreeSet<String>, minijinja::Error> {
        let parsed = self.sentences.compile_expression(condition)?;
        Ok(parsed.undeclared_variables(true).into_iter().collect())
    }

    /// A command.
    pub fn command(&self, template: &str, facts: &Map<String, Json>) -> Result<String, minijinja::Error> {
        self.commands
            .render_str(template, context(facts))
            .map(|text| text.trim_end().to_owned())
    }

    /// True when the fact of this name (or the expression over facts) is true.
    pub fn holds(&self, condition: &str, facts: &Map<String, Json>) -> Result<bool, minijinja::Error> {
        Ok(self
            .sentences
            .compile_expression(condition)?
            .eval(context(facts))?
            .is_true())
    }
}

/// What a template rendered, as a sentence.
fn finished(text: &str) -> String {
    without_gaps(&ticked(text.trim()))
}

/// A sentence without the places of facts that are empty: no mark of code around nothing, and one space where it stood between two.
fn without_gaps(text: &str) -> String {
    let nothing = format!("{CODE_OPEN}{CODE_CLOSE}");
    let mut parts = text.split(&nothing);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_twice = whole.ends_with(' ') || whole.is_empty();
        whole.push_str(if is_twice {
            part.strip_prefix(' ').unwrap_or(part)
        } else {
            part
        });
    }
    whole
}

/// Marks what stands between back-ticks as code. Back-ticks inside a value are the value's own, and one without a partner stays.
fn ticked(text: &str) -> String {
    let mut ticks = Vec::new();
    let mut in_value = false;
    for (at, c) in text.char_indices() {
        match c {
            CODE_OPEN => in_value = true,
            CODE_CLOSE => in_value = false,
            '`' if !in_value => ticks.push(at),
            _ => {}
        }
    }
    let mut marked = String::with_capacity(text.len());
    let mut rest = 0;
    for pair in ticks.chunks_exact(2) {
        let &[open, close] = pair else { continue };
        let (Some(before), Some(inside)) = (text.get(rest..open), text.get(open + 1..close)) else {
            continue;
        };
        marked.push_str(before);
        marked.push_str(&code(&plain(inside)));
        rest = close + 1;
    }
    marked.push_str(text.get(rest..).unwrap_or_default());
    marked
}

fn capitalised(text: String) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if first.is_ascii_lowercase() => first.to_ascii_uppercase().to_string() + chars.as_str(),
        _ => text,
    }
}

fn context(facts: &Map<String, Json>) -> Value {
    Value::from(minijinja::value::Serde(facts))
}

/// One value in a command, quoted for a POSIX shell. A name that begins with `-` would be taken for an option, by any program and
/// with or without quotes: a placeholder stands in its place, which a shell refuses when it is pasted.
pub fn operand(word: &str) -> String {
    if word.starts_with('-') {
        return "<NAME>".to_owned();
    }
    shell_quote(word)
}

/// Quotes one word for a POSIX shell; words of harmless characters stay bare.
pub fn shell_quote(word: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(harmless) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CODE_CLOSE, CODE_OPEN};

    #[test]
    fn values_are_marked_in_sentences_and_quoted_in_commands() {
        let facts = serde_json::json!({"name": "a b; rm -rf /", "built": "docker ps -a", "count": 3});
        let facts = facts.as_object().unwrap();
        let wording = Wording::default();
        let text = wording.text(&Text::same("{{ name }} x{{ count }}"), facts).unwrap();
        assert_eq!(text.en, format!("{CODE_OPEN}a b; rm -rf /{CODE_CLOSE} x3"));
        assert_eq!(
            wording.command("kubectl get pod {{ name }}", facts).unwrap(),
            "kubectl get pod 'a b; rm -rf /'"
        );
        assert_eq!(wording.command("{{ built|raw }}", facts).unwrap(), "docker ps -a");
        let list = serde_json::json!({"names": ["a", "b c"]});
        assert_eq!(
            wording
                .command("rm {{ names|join(' ') }}", list.as_object().unwrap())
                .unwrap(),
            "rm a 'b c'"
        );
    }

    #[test]
    fn a_command_between_back_ticks_is_code_with_the_values_in_it() {
        let facts = serde_json::json!({"name": "a`b"});
        let text = Wording::default()
            .text(
                &Text::same("`docker rm {{ name }}` ends `x"),
                facts.as_object().unwrap(),
            )
            .unwrap();
        assert_eq!(text.en, format!("{CODE_OPEN}docker rm a`b{CODE_CLOSE} ends `x"));
    }

    #[test]
    fn a_name_cannot_become_an_option() {
        let facts = serde_json::json!({"name": "--kubeconfig=/tmp/evil", "names": ["web", "-rf"]});
        let facts = facts.as_object().unwrap();
        let wording = Wording::default();
        assert_eq!(
            wording.command("kubectl delete ingress {{ name }}", facts).unwrap(),
            "kubectl delete ingress <NAME>"
        );
        assert_eq!(
            wording.command("rm {{ names|join(' ') }}", facts).unwrap(),
            "rm web <NAME>"
        );
    }

    #[test]
    fn one_is_singular() {
        let said = |count: u32| {
            let facts = serde_json::json!({"times": count});
            let facts = facts.as_object().unwrap();
            Wording::default()
                .text(&Text::same("it failed {{ times|times }}"), facts)
                .unwrap()
                .en
        };
        assert_eq!(
            (said(1), said(2)),
            ("It failed 1 time".to_owned(), "It failed 2 times".to_owned())
        );
        assert!(
            Wording::default()
                .text(&Text::same("{{ gone|times }}"), &Map::new())
                .is_err()
        );
    }

    #[test]
    fn a_missing_fact_is_an_error_and_no_gap_in_a_sentence() {
        assert!(
            Wording::default()
                .text(&Text::same("{{ nothing }}"), &Map::new())
                .is_err()
        );
    }

    #[test]
    fn an_empty_fact_leaves_no_gap() {
        let mut facts = Map::new();
        facts.insert("container".into(), "".into());
        let wording = Wording::default();
        let text = wording
            .text(
                &Text::new("容器 {{ container }} 退出", "container {{ container }} ends"),
                &facts,
            )
            .unwrap();
        assert_eq!((text.zh.as_str(), text.en.as_str()), ("容器 退出", "Container ends"));
    }
}
