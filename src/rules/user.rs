//! Rules that users bring along: the form of the built-in ones, checked when they are loaded, each mistake with its place.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::beside::{Beside, Naming};
use super::condition::Condition;
use super::expression::compiles;
use super::said::{of_parser, quoted, said};
use super::{FieldPath, ObjectTest, Rule, RuleHeader, own_patterns, own_wording, problem_detector};
use crate::bundle::decode::parse_yaml;
use crate::logs::SignatureSet;
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
}

impl RuleFile {
    /// Rules are YAML; those of node-problem-detector are JSON.
    fn is_of_problem_detector(&self) -> bool {
        self.place.ends_with(".json")
    }
}

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
        Self::at(file, position(file, value), message)
    }

    /// Where a value of one of these keys is written.
    fn at_key(file: &RuleFile, keys: &[&str], value: &str, message: Text) -> Self {
        let place = file.text.lines().enumerate().find_map(|(index, line)| {
            let mut found = line.match_indices(value);
            let (at, _) = found.find(|(at, _)| {
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
        Self::at(file, place.unwrap_or_else(|| position(file, value)), message)
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
pub(super) fn rules(files: &[RuleFile], built_in: &[Rule]) -> Result<Vec<Rule>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut rules: Vec<(Rule, &RuleFile)> = Vec::new();
    let mut taken: BTreeSet<String> = built_in.iter().map(|rule| rule.header.id.clone()).collect();
    for file in files {
        if file.is_of_problem_detector() {
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
        match parse(file) {
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
        for effect in rule.header.causes.iter().filter(|effect| !taken.contains(&effect.rule)) {
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

fn parse(file: &RuleFile) -> Result<RuleHeader, Mistake> {
    // The limits of bundles hold for rules too: nothing deep or of many aliases comes before the parser.
    if let Err(error) = parse_yaml(&file.text)
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
        let at = if message.contains("regex") {
            of_pattern(file, at)
        } else {
            at
        };
        Mistake::at(file, at, of_parser(&message))
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

/// Where the pattern of a condition is: the parser tells where the condition begins.
fn of_pattern(file: &RuleFile, (line, column): (usize, usize)) -> (usize, usize) {
    let lines = file.text.lines().enumerate().skip(line.saturating_sub(1));
    let mut patterns = lines.filter_map(|(index, text)| {
        let key = "matches:";
        let at = text.find(key)? + key.len();
        let rest = text.get(at..)?;
        let at = at + rest.len() - rest.trim_start().len();
        Some((index + 1, text.get(..at)?.chars().count() + 1))
    });
    patterns.next().unwrap_or((line, column))
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
        wrong.push(Mistake::in_file(file, template, message));
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
    wrong.extend(wrong_expression(file, test.when.as_deref()));
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
    wrong.extend(wrong_expression(file, beside.when.as_deref()));
    wrong
}

fn wrong_expression(file: &RuleFile, expression: Option<&str>) -> Option<Mistake> {
    let expression = expression?;
    let message = compiles(expression).err()?;
    Some(Mistake::in_file(file, expression, message))
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

/// Where a value is written: line and column of its first words. The first line where it is not to be found as it is.
fn position(file: &RuleFile, value: &str) -> (usize, usize) {
    let first = value.lines().next().unwrap_or("").trim();
    if first.is_empty() {
        return (1, 1);
    }
    file.text
        .lines()
        .enumerate()
        .find_map(|(index, line)| {
            let at = line.find(first)?;
            Some((index + 1, line.get(..at)?.chars().count() + 1))
        })
        .unwrap_or((1, 1))
}

#[cfg(test)]
mod tests {
    use crate::rules::Rules;

    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let file = RuleFile {
            place: "rules/team.yaml".into(),
            family: "rules".into(),
            text: text.into(),
        };
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
        ] {
            let found = mistakes(&RULE.replace(old, new));
            assert_eq!(found.len(), 1, "{new}: {found:?}");
            assert!(found[0].starts_with(expected), "{new}: {}", found[0]);
        }
    }

    #[test]
    fn the_caret_stands_below_the_mistake() {
        let found = mistakes(&RULE.replace(", above: 1", ""));
        let lines: Vec<&str> = found[0].lines().collect();
        assert_eq!(lines[2], "7 |     - {path: /spec/replicas}");
        assert_eq!(lines[3], "  |              ^");
    }
}
