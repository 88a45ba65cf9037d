//! Rules that users bring along: the form of the built-in ones, checked when they are loaded, each mistake with its place.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::beside::{Beside, Naming};
use super::condition::{Condition, no_path};
use super::expression::{compiles, decides};
use super::own_places::{doubled, of_pattern, position};
use super::said::{of_parser, quoted, said};
use super::{FieldPath, ObjectTest, Rule, RuleHeader, own_patterns, own_wording, problem_detector};
use crate::bundle::Budget;
use crate::bundle::decode::parse_yaml_within;
use crate::logs::SignatureSet;
use crate::model::near::position as position_of;
use crate::model::{Lang, ProblemKind, Text};

/// The file of a rule.
#[derive(Debug, Clone)]
pub struct RuleFile {
    /// Its path, as messages show it.
    pub place: String,
    /// The folder that it is in: the rule's family.
    pub family: String,
    /// Its content.
    pub text: String,
    /// Why it cannot be read as a rule at all.
    pub refusal: Option<Refusal>,
}

/// What is wrong with a file before any of it is parsed.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Line and column, from 1.
    at: (usize, usize),
    message: Text,
}

impl RuleFile {
    /// A file of this content. What is no text, or too much of it, is a mistake like others, told beside them.
    pub fn of_bytes(place: String, family: String, bytes: Vec<u8>) -> Self {
        let size = bytes.len();
        let (text, refusal) = match String::from_utf8(bytes) {
            _ if size > LARGEST => {
                let message = said("too-large", &[("size", &size.to_string())]);
                (String::new(), Some(Refusal { at: (1, 1), message }))
            }
            Ok(text) => (text, None),
            Err(error) => {
                let byte = error.utf8_error().valid_up_to();
                let message = said("not-utf-8", &[("byte", &(byte + 1).to_string())]);
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let at = position_of(&text, byte);
                (text, Some(Refusal { at, message }))
            }
        };
        Self {
            place,
            family,
            text,
            refusal,
        }
    }

    /// Rules are YAML; those of node-problem-detector are JSON.
    fn is_of_problem_detector(&self) -> bool {
        self.place.ends_with(".json")
    }
}

/// A rule is some kilobytes; what is larger is no rule.
const LARGEST: usize = 1 << 20;

/// Something wrong in the file of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file; empty when it is none of one file.
    pub place: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: Text,
    /// The line itself, or what of a long one is around the place.
    pub excerpt: String,
    /// Characters of the line before the excerpt.
    skipped: usize,
}

/// Characters of a line that are shown.
const EXCERPT: usize = 160;

impl Mistake {
    pub(super) fn of_all(message: Text) -> Self {
        Self {
            place: String::new(),
            line: 0,
            column: 0,
            message,
            excerpt: String::new(),
            skipped: 0,
        }
    }

    /// Where a value is written in a file.
    pub(super) fn in_file(file: &RuleFile, value: &str, message: Text) -> Self {
        Self::at(file, position(&file.text, value), message)
    }

    /// Where a value of one of these keys is written.
    fn at_key(file: &RuleFile, keys: &[&str], value: &str, message: Text) -> Self {
        let place = file.text.lines().enumerate().find_map(|(index, line)| {
            let mut found = line.match_indices(value);
            let (at, _) = found.find(|(at, _)| {
                let after = line.get(at + value.len()..).unwrap_or("");
                if after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | '.')) {
                    return false;
                }
                // `is: item/a`, `one_of: [x, item/a]`: the last key before it is the one whose value it is in.
                let before = line.get(..*at).unwrap_or("");
                let key = before.rsplit_once(':').map_or("", |(key, _)| key);
                let key = key
                    .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or("");
                keys.contains(&key)
            })?;
            Some((index + 1, line.get(..at)?.chars().count() + 1))
        });
        Self::at(file, place.unwrap_or_else(|| position(&file.text, value)), message)
    }

    /// Where the name that a message quotes stands in an expression or a template; where that begins, if it quotes none of its words.
    fn in_words(file: &RuleFile, words: &str, message: Text) -> Self {
        let (line, column) = position(&file.text, words);
        let named = message.en.split('"').nth(1).unwrap_or("");
        // The name is a part of a path, or stands by itself.
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let rest = file.text.lines().enumerate().skip(line.saturating_sub(1));
        let mut places = rest.take(words.lines().count().max(1)).flat_map(|(index, text)| {
            text.match_indices(named).filter_map(move |(at, _)| {
                let before = text.get(..at)?;
                let after = text.get(at + named.len()..)?;
                let is_whole = !before.ends_with(is_part) && !after.starts_with(is_part);
                is_whole.then(|| (index + 1, before.chars().count() + 1))
            })
        });
        let found = places
            .find(|place| *place >= (line, column))
            .filter(|_| !named.is_empty());
        Self::at(file, found.unwrap_or((line, column)), message)
    }

    /// Where something is written from the line on that names a kind beside another.
    fn in_kind(file: &RuleFile, kind: &str, value: &str, message: Text) -> Self {
        let tied = format!("kind: {kind}");
        // The kind of `objects` itself may be the same; what is beside it comes after.
        let from = file.text.lines().position(|line| {
            let line = line.trim_start();
            line.starts_with('-') && line.contains(&tied)
        });
        let mut lines = file.text.lines().enumerate().skip(from.unwrap_or(0));
        let place = lines.find_map(|(index, line)| {
            let at = line.find(value)?;
            Some((index + 1, line.get(..at)?.chars().count() + 1))
        });
        Self::at(file, place.unwrap_or((from.map_or(1, |from| from + 1), 1)), message)
    }

    pub(super) fn at(file: &RuleFile, (line, column): (usize, usize), message: Text) -> Self {
        let text = file.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
        // Of a long line what is around the place.
        let skipped = if text.chars().nth(EXCERPT).is_some() {
            column.saturating_sub(EXCERPT / 2)
        } else {
            0
        };
        Self {
            place: file.place.clone(),
            line,
            column,
            message,
            excerpt: text.chars().skip(skipped).take(EXCERPT).collect(),
            skipped,
        }
    }
}

impl Mistake {
    /// With its place and, below the line itself, a caret; in one language.
    pub fn shown(&self, lang: Lang) -> String {
        let Self {
            place,
            line,
            column,
            excerpt,
            skipped,
            ..
        } = self;
        let message = self.message.get(lang);
        if place.is_empty() {
            return message.to_owned();
        }
        let (number, margin) = (line.to_string(), " ".repeat(line.to_string().len()));
        // The caret stands below the character, whatever tabs come before it.
        let before: String = excerpt
            .chars()
            .take(column.saturating_sub(1).saturating_sub(*skipped))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let mut text = format!("{place}:{line}:{column}: {message}");
        let _ = write!(text, "\n{margin} |\n{number} | {excerpt}\n{margin} | {before}^");
        text
    }
}

/// The rules of these files, beside those that are there.
pub(super) fn rules(files: &[RuleFile], built_in: &[Rule], budget: &Budget) -> Result<Vec<Rule>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut rules: Vec<(Rule, &RuleFile)> = Vec::new();
    let mut taken: BTreeSet<String> = built_in.iter().map(|rule| rule.header.id.clone()).collect();
    for file in files {
        if file.is_of_problem_detector() && file.refusal.is_none() {
            match problem_detector::rules_of(file) {
                Ok(found) => {
                    for (header, beside) in found {
                        // Several of its files may look for one problem, each in another log.
                        let known = rules.iter_mut().find(|(rule, _)| rule.header.id == header.id);
                        let is_free = match known {
                            Some((rule, _)) => rule.join(&header, &beside),
                            None => taken.insert(header.id.clone()),
                        };
                        if !is_free {
                            mistakes.push(id_taken(file, &header.id));
                        } else if !rules.iter().any(|(rule, _)| rule.header.id == header.id) {
                            let rule = Rule::of_parsed(&file.place, &file.family, &file.text, header);
                            rules.push((rule.with(beside), file));
                        }
                    }
                }
                Err(wrong) => mistakes.extend(wrong),
            }
            continue;
        }
        match parse(file, budget) {
            Ok(header) => {
                if !taken.insert(header.id.clone()) {
                    mistakes.push(id_taken(file, &header.id));
                }
                mistakes.extend(wrong(file, &header));
                rules.push((Rule::of_parsed(&file.place, &file.family, &file.text, header), file));
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    for (rule, file) in &rules {
        for effect in rule
            .header
            .causes
            .iter()
            .filter(|effect| !taken.iter().any(|id| effect.names(id)))
        {
            let message = said("no-such-effect", &[("rule", &quoted(&effect.rule))]);
            mistakes.push(Mistake::in_file(file, &effect.rule, message));
        }
    }
    let data: BTreeSet<&str> = built_in
        .iter()
        .flat_map(|rule| &rule.header.needs)
        .flat_map(|need| need.split('|'))
        .collect();
    for (rule, file) in rules.iter().filter(|(_, file)| !file.is_of_problem_detector()) {
        // Kinds, also those of other makers, have no dash in their plural; every other datum is one that some rule knows.
        let needs = rule.header.needs.iter().flat_map(|need| need.split('|'));
        for need in needs.filter(|need| need.contains('-') && !need.contains('.') && !data.contains(need)) {
            let message = said("no-such-datum", &[("datum", &quoted(need))]);
            mistakes.push(Mistake::in_file(file, need, message));
        }
        for other in rule.header.yields_to.iter().filter(|other| !taken.contains(*other)) {
            let message = said("no-such-other", &[("rule", &quoted(other))]);
            mistakes.push(Mistake::in_file(file, other, message));
        }
    }
    if mistakes.is_empty() {
        Ok(rules.into_iter().map(|(rule, _)| rule).collect())
    } else {
        Err(mistakes)
    }
}

fn id_taken(file: &RuleFile, id: &str) -> Mistake {
    Mistake::in_file(file, id, said("id-taken", &[("id", &quoted(id))]))
}

fn parse(file: &RuleFile, budget: &Budget) -> Result<RuleHeader, Mistake> {
    if let Some(refusal) = &file.refusal {
        return Err(Mistake::at(file, refusal.at, refusal.message.clone()));
    }
    // The limits of bundles hold for rules too: nothing deep or of many aliases comes before the parser.
    if let Err(error) = parse_yaml_within(&file.text, budget)
        && error.kind == ProblemKind::OverBudget
    {
        return Err(Mistake::at(file, (error.line.max(1), 1), of_parser(&error.message)));
    }
    let parsed: Result<RuleHeader, serde_yaml::Error> = serde_yaml::from_str(&file.text);
    let mut header = parsed.map_err(|error| {
        let at = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        // The place is shown by itself.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or("").to_owned();
        of_parsing(file, at, &message)
    })?;
    // What a report cannot do without has a plain stand-in.
    if header.cause.is_empty() {
        header.cause = header.title.clone();
    }
    if header.check.is_empty() {
        header.check = Text::same(&header.id);
    }
    Ok(header)
}

/// What the parser says, where it is meant: the parser tells where the value around it begins.
fn of_parsing(file: &RuleFile, at: (usize, usize), message: &str) -> Mistake {
    let is_written = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !file.text.lines().any(is_written) {
        return Mistake::at(file, (1, 1), said("parser.empty", &[]));
    }
    if let Some((_, rest)) = message.split_once(" is no path of a field")
        && !rest.is_empty()
        && let Some(text) = message.split('"').nth(1)
    {
        return Mistake::at_key(
            file,
            &["path", "field", "facts", "named", "namespace"],
            text,
            no_path(text),
        );
    }
    if message.contains("regex") {
        return Mistake::at(file, of_pattern(&file.text, at), of_parser(message));
    }
    let twice = message
        .split_once("duplicate field `")
        .and_then(|(_, rest)| rest.split('`').next());
    let at = twice.and_then(|key| doubled(&file.text, key)).unwrap_or(at);
    Mistake::at(file, at, of_parser(message))
}

/// True for what may be the id of a rule.
pub fn is_rule_id(id: &str) -> bool {
    let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !id.is_empty() && id.chars().all(is_kebab)
}

/// Everything that the form alone does not tell.
fn wrong(file: &RuleFile, header: &RuleHeader) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    let mut add = |needle: &str, message: Text| wrong.push(Mistake::in_file(file, needle, message));
    if !is_rule_id(&header.id) {
        add(&header.id, said("id-form", &[("id", &quoted(&header.id))]));
    }
    match (header.text.is_empty(), &header.finds, &header.objects) {
        (_, Some(_), Some(_)) => add("finds:", said("finds-and-objects", &[])),
        (true, Some(_), None) => add("finds:", said("finds-without-text", &[])),
        (false, None, None) => add("text:", said("text-without-finds", &[])),
        (true, None, None) => add("", said("looks-for-nothing", &[])),
        (false, None, Some(_)) | (false, Some(_), None) | (true, None, Some(_)) => {}
    }
    for spec in &header.text {
        let built = SignatureSet::new([(header.id.as_str(), spec)]).and_then(|set| set.compile());
        if let Err(error) = built {
            add(&spec.pattern, said("signature", &[("message", &error.to_string())]));
        }
        for pattern in std::iter::once(&spec.pattern).chain(&spec.unless) {
            if let Some(message) = own_patterns::refused(pattern) {
                add(pattern, message);
            }
        }
    }
    let mut ids = BTreeSet::new();
    for spec in header.text.iter().filter(|spec| !ids.insert(spec.id.as_str())) {
        add(&spec.id, said("same-text-id", &[("id", &quoted(&spec.id))]));
    }
    if header.title.is_empty() {
        add("title", said("title-empty", &[]));
    }
    if let Some(test) = &header.objects {
        wrong.extend(wrong_in_objects(file, test));
    }
    for (template, message) in own_wording::wrong(header) {
        wrong.push(Mistake::in_words(file, template, message));
    }
    wrong
}

fn wrong_in_objects(file: &RuleFile, test: &ObjectTest) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    let has_item = test.each.is_some();
    for condition in &test.conditions {
        wrong.extend(wrong_in_condition(file, condition, has_item));
        match &condition.path {
            FieldPath::Item(rest) if !has_item => {
                let written = format!("item{rest}");
                wrong.push(Mistake::at_key(
                    file,
                    &["path"],
                    &written,
                    said("item-without-each", &[]),
                ));
            }
            FieldPath::Other(rest) => {
                let written = format!("other{rest}");
                wrong.push(Mistake::at_key(file, &["path"], &written, said("other-here", &[])));
            }
            FieldPath::Item(_) | FieldPath::Object(_) => {}
        }
    }
    for (beside, _) in test.besides() {
        wrong.extend(wrong_beside(file, beside, has_item));
    }
    for beside in test.without.iter().filter(|beside| beside.exists.is_some()) {
        wrong.push(Mistake::in_kind(
            file,
            &beside.kind,
            "exists:",
            said("without-exists", &[]),
        ));
    }
    for path in test.facts.values() {
        match path {
            FieldPath::Item(rest) if !has_item => {
                wrong.push(Mistake::in_file(
                    file,
                    &format!("item{rest}"),
                    said("item-without-each", &[]),
                ));
            }
            FieldPath::Other(rest) if !test.besides().any(|(_, is_wanted)| is_wanted) => {
                wrong.push(Mistake::in_file(file, &format!("other{rest}"), said("other-here", &[])));
            }
            _ => {}
        }
    }
    wrong.extend(wrong_decision(file, test.when.as_deref()));
    wrong
}

fn wrong_beside(file: &RuleFile, beside: &Beside, has_item: bool) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    let mut add = |needle: &str, message: Text| wrong.push(Mistake::in_kind(file, &beside.kind, needle, message));
    match (&beside.same, &beside.named) {
        (None, None) => add("kind:", said("no-tie", &[])),
        (Some(_), Some(_)) => add("named:", said("two-ties", &[])),
        (Some(_), None) | (None, Some(_)) => {}
    }
    if beside.namespace.is_some() && beside.named.is_none() {
        add("namespace:", said("namespace-without-named", &[]));
    }
    for (naming, key) in [(&beside.named, "named"), (&beside.namespace, "namespace")] {
        match naming {
            Some(Naming::Field(FieldPath::Item(rest))) if !has_item => {
                let message = said("item-without-each", &[]);
                wrong.push(Mistake::at_key(file, &[key], &format!("item{rest}"), message));
            }
            Some(Naming::Field(FieldPath::Other(rest))) => {
                let message = said("other-here", &[]);
                wrong.push(Mistake::at_key(file, &[key], &format!("other{rest}"), message));
            }
            Some(Naming::Expression(text)) => wrong.extend(wrong_expression(file, Some(text))),
            _ => {}
        }
    }
    for condition in &beside.conditions {
        wrong.extend(wrong_in_condition(file, condition, has_item));
        let (written, id) = match &condition.path {
            FieldPath::Object(_) => continue,
            FieldPath::Item(rest) => (format!("item{rest}"), "item-of-other"),
            FieldPath::Other(rest) => (format!("other{rest}"), "other-here"),
        };
        wrong.push(Mistake::at_key(file, &["path"], &written, said(id, &[])));
    }
    wrong.extend(wrong_decision(file, beside.when.as_deref()));
    wrong
}

fn wrong_expression(file: &RuleFile, expression: Option<&str>) -> Option<Mistake> {
    let expression = expression?;
    let message = compiles(expression).err()?;
    Some(Mistake::in_words(file, expression, message))
}

/// As [`wrong_expression`], of one that has to be true or false.
fn wrong_decision(file: &RuleFile, condition: Option<&str>) -> Option<Mistake> {
    let condition = condition?;
    wrong_expression(file, Some(condition)).or_else(|| {
        let message = decides(condition).err()?;
        Some(Mistake::in_file(file, condition, message))
    })
}

fn wrong_in_condition(file: &RuleFile, condition: &Condition, has_item: bool) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    for pattern in condition.patterns() {
        wrong.extend(own_patterns::refused(pattern).map(|message| Mistake::in_file(file, pattern, message)));
    }
    if let Some(limit) = condition.not_a_number() {
        let message = said("not-a-number", &[("limit", &quoted(&limit))]);
        wrong.push(Mistake::in_file(file, &limit, message));
    }
    if let Some(text) = condition.like_a_path() {
        let message = said("value-is-path", &[("text", &quoted(text)), ("path", text)]);
        wrong.push(Mistake::at_key(file, &VALUES, text, message));
    }
    for key in condition.misspelt() {
        let message = said("no-field", &[("key", &quoted(key))]);
        wrong.push(Mistake::in_file(file, &format!("{key}:"), message));
    }
    for text in condition.wrong_fields() {
        wrong.push(Mistake::at_key(file, &["field"], text, no_path(text)));
    }
    for path in condition.fields() {
        let (written, id) = match path {
            FieldPath::Item(rest) if !has_item => (format!("item{rest}"), "item-without-each"),
            FieldPath::Other(rest) => (format!("other{rest}"), "other-here"),
            _ => continue,
        };
        wrong.push(Mistake::at_key(file, &["field"], &written, said(id, &[])));
    }
    if !condition.asks() {
        wrong.push(Mistake::in_file(
            file,
            condition.path.written(),
            said("asks-nothing", &[]),
        ));
    }
    wrong
}

/// Keys of a condition that have a value.
const VALUES: [&str; 7] = ["is", "is_not", "one_of", "none_of", "above", "below", "contains"];

#[cfg(test)]
mod tests {
    use crate::rules::Rules;

    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let file = RuleFile::of_bytes("rules/team.yaml".into(), "rules".into(), text.into());
        match Rules::with_files(&[file]) {
            Ok(_) => Vec::new(),
            Err(mistakes) => mistakes.iter().map(|mistake| mistake.shown(Lang::En)).collect(),
        }
    }

    const RULE: &str = "id: deployment-without-budget\nlevel: warning\ntitle: {en: 'no budget'}\nobjects:\n  kind: Deployment\n  where:\n    - {path: /spec/replicas, above: 1}\n";

    #[test]
    fn a_short_rule_is_enough() {
        assert_eq!(mistakes(RULE), Vec::<String>::new());
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        for (old, new, expected) in [
            ("level: warning", "level: warnin", "rules/team.yaml:2:8: "),
            ("objects:", "objekts:", "rules/team.yaml:4:1: unknown field `objekts`"),
            ("above: 1", "above: 1, matches: '('", "rules/team.yaml:7:"),
            (
                ", above: 1",
                "",
                "rules/team.yaml:7:14: this condition asks for nothing",
            ),
            (
                "deployment-without-budget",
                "replicas-zero",
                "rules/team.yaml:1:5: the id \"replicas-zero\" is taken",
            ),
            ("'no budget'", "'no {{ budget'", "rules/team.yaml:3:14: syntax error"),
            (
                "above: 1",
                "below: {feild: /spec/x}",
                "rules/team.yaml:7:38: \"feild\" is no word for a value; did you mean field?",
            ),
            (
                "'no budget'",
                "'no {{ budget }}'",
                "rules/team.yaml:3:20: no finding has the fact \"budget\"",
            ),
            (
                "title:",
                "level: info\ntitle:",
                "rules/team.yaml:3:1: duplicate field `level`",
            ),
            (
                "above: 1",
                "above: 1, above: 2",
                "rules/team.yaml:7:40: objects.where[0]: duplicate field `above`",
            ),
            (
                "above: 1",
                "below: {field: objct/spec/x}",
                "rules/team.yaml:7:45: \"objct/spec/x\" is no path of a field; did you mean object/spec/x?",
            ),
            (
                "/spec/replicas",
                "spec.replicas",
                "rules/team.yaml:7:14: \"spec.replicas\" is no path of a field; did you mean /spec/replicas?",
            ),
            (
                "  where:",
                "  when: object.spec.containers|length\n  where:",
                "rules/team.yaml:6:9: this condition gives |length",
            ),
            (
                "  where:",
                "  when: object.metadata.name ~ 'x'\n  where:",
                "rules/team.yaml:6:9: this condition gives \"x\"",
            ),
            (
                "  where:",
                "  when: object.metadata.name|uper == 'X'\n  where:",
                "rules/team.yaml:6:30: there is no filter \"uper\"",
            ),
        ] {
            let found = mistakes(&RULE.replace(old, new));
            assert_eq!(found.len(), 1, "{new}: {found:?}");
            assert!(found[0].starts_with(expected), "{new}: {}", found[0]);
        }
    }

    #[test]
    fn a_file_that_is_no_text_hides_no_mistake_of_another() {
        let file = |place: &str, bytes: &[u8]| RuleFile::of_bytes(place.into(), "rules".into(), bytes.to_vec());
        let files = [
            file("a.yaml", b"id: a\ntitle: \xff\n"),
            file("b.yaml", RULE.replace("objects:", "objekts:").as_bytes()),
            file("c.yaml", b"# nothing\n"),
        ];
        let Err(mistakes) = Rules::with_files(&files) else {
            panic!()
        };
        let shown: Vec<String> = mistakes.iter().map(|mistake| mistake.shown(Lang::En)).collect();
        assert!(
            shown[0].starts_with("a.yaml:2:8: the file is no UTF-8 text: it cannot be read from byte 14 on"),
            "{shown:?}"
        );
        assert!(shown[1].starts_with("b.yaml:4:1: unknown field `objekts`"), "{shown:?}");
        assert!(shown[1].contains("did you mean `objects`?"), "{shown:?}");
        assert!(shown[2].starts_with("c.yaml:1:1: the file has no rule"), "{shown:?}");
    }

    #[test]
    fn the_object_can_be_named_where_another_is_looked_at() {
        let join = "  with:\n    - {kind: Service, same: namespace, where: [{path: /metadata/name, is: {field: object/metadata/name}}]}\n";
        assert_eq!(mistakes(&format!("{RULE}{join}")), Vec::<String>::new());
    }

    #[test]
    fn the_caret_stands_below_the_mistake() {
        let found = mistakes(&RULE.replace(", above: 1", ""));
        let lines: Vec<&str> = found[0].lines().collect();
        assert_eq!(lines[2], "7 |     - {path: /spec/replicas}");
        assert_eq!(lines[3], "  |              ^");
    }
}
