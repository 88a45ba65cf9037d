//! `casefile rules list -f markdown` and `casefile rules page`: the catalogue as documents, in both languages.

use serde::Serialize;

use crate::model::{Lang, Text};
use crate::rules::{ActionWording, COUNTED, Rule, RuleHeader, Rules, StepWording};

use super::rules::role_word;

/// All rules as a document, each with a link to its page.
pub(super) fn table(rules: &Rules) -> String {
    let mut lines = vec![
        "# Rules".to_owned(),
        String::new(),
        format!(
            "The {} failure modes that casefile knows, by family. Each leads to what is known of it: evidence, look-alikes, remedy, prevention. This file is written by `casefile rules list -f markdown`; a test keeps it true.",
            rules.iter().count()
        ),
    ];
    let mut family = "";
    for rule in rules.iter() {
        if rule.family != family {
            family = &rule.family;
            lines.extend([
                String::new(),
                format!("## {family}"),
                String::new(),
                "| id | role | level | what broke | 故障 | versions | source |".to_owned(),
                "| --- | --- | --- | --- | --- | --- | --- |".to_owned(),
            ]);
        }
        let header = &rule.header;
        let cells = [
            format!("[`{}`](rules/{}.md#{})", header.id, rule.family, header.id),
            role_word(header, Lang::En).to_owned(),
            word(&header.level),
            cell(&words(&header.title.en)),
            cell(&words(&header.title.zh)),
            cell(&header.versions),
            cell(&header.sources.join("; ")),
        ];
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    lines.join("\n") + "\n"
}

/// The page of a family: a section for each of its rules. None where no rule is of it.
pub(super) fn page(rules: &Rules, family: &str) -> Option<String> {
    let own: Vec<&Rule> = rules.iter().filter(|rule| rule.family == family).collect();
    if own.is_empty() {
        return None;
    }
    let mut page = Page::default();
    page.line(&format!("# {family}"));
    page.paragraph(&format!(
        "What casefile knows of the {} failure modes of this family. ‹…› stands for what a report fills in. This file is written by `casefile rules page {family}`; a test keeps it true. [All rules](../rules.md)",
        own.len()
    ));
    for rule in own {
        section(&mut page, rules, rule);
    }
    Some(page.text)
}

fn section(page: &mut Page, rules: &Rules, rule: &Rule) {
    let header = &rule.header;
    page.paragraph(&format!("## {}", header.id));
    page.paragraph(&format!(
        "{} ({}) · {} · [{place}](../../{place})",
        role_word(header, Lang::En),
        role_word(header, Lang::Zh),
        word(&header.level),
        place = rule.place
    ));
    if !header.also.is_empty() {
        page.paragraph(&format!("Also known as · 也称为: `{}`", header.also.join("`, `")));
    }
    page.both("What broke · 故障", &header.title);
    page.both("Cause · 原因", &header.cause);
    page.both("What is checked · 检查内容", &header.check);
    evidence(page, header);
    page.list("Look-alikes that are normal · 看似相同但正常的情况", &header.benign);
    if !header.causes.is_empty() {
        page.heading("May cause · 会引起");
        for effect in &header.causes {
            let family = rules
                .get(&effect.rule)
                .map_or(rule.family.as_str(), |rule| &rule.family);
            let link = match effect.rule.strip_suffix('*') {
                Some(_) => format!("`{}`", effect.rule),
                None => format!("[`{id}`]({family}.md#{id})", id = effect.rule),
            };
            page.line(&format!("- {link}: {}", two(&effect.mechanism)));
        }
    }
    remedy(page, &header.remedy);
    prevention(page, &header.prevention);
    page.heading("Source · 来源");
    header
        .sources
        .iter()
        .for_each(|source| page.line(&format!("- {}", prose(source))));
    page.line(&format!("- {}", prose(&header.versions)));
}

fn evidence(page: &mut Page, header: &RuleHeader) {
    page.heading("Evidence · 证据");
    if let Some(test) = &header.objects {
        page.line(&format!("- objects of kind `{}`", test.kind));
    }
    for need in &header.needs {
        let any: Vec<String> = need.split('|').map(|datum| format!("`{datum}`")).collect();
        page.line(&format!("- {}", any.join(" / ")));
    }
    let lines: Vec<String> = header
        .text
        .iter()
        .map(|spec| {
            let places: Vec<String> = spec.sources.iter().map(word).collect();
            let places = if places.is_empty() {
                String::new()
            } else {
                format!("{}: ", places.join(", "))
            };
            let unless = spec.unless.as_ref().map(|unless| format!("\n    not {unless}"));
            format!("{places}{}{}", spec.pattern, unless.unwrap_or_default())
        })
        .collect();
    if !lines.is_empty() {
        page.block("text", &lines.join("\n"), "");
    }
}

fn remedy(page: &mut Page, steps: &[StepWording]) {
    if steps.is_empty() {
        return;
    }
    page.heading("Remedy · 恢复");
    for (number, step) in (1..).zip(steps) {
        page.line(&format!(
            "{number}. {} ({}, {})",
            two(&step.purpose),
            word(&step.place),
            word(&step.risk)
        ));
        page.block(&step.language, &words(&step.command), "   ");
        if !step.verify.is_empty() {
            page.line(&format!("   Verify · 验证: {}", two(&step.verify)));
        }
    }
}

fn prevention(page: &mut Page, actions: &[ActionWording]) {
    if actions.is_empty() {
        return;
    }
    page.heading("Prevention · 预防");
    for action in actions {
        let acceptance = if action.acceptance.is_empty() {
            String::new()
        } else {
            format!(" Accepted when · 验收: {}", two(&action.acceptance))
        };
        page.line(&format!("- {}.{acceptance}", two(&action.text)));
    }
}

/// A document as it grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn paragraph(&mut self, text: &str) {
        self.text.push('\n');
        self.line(text);
    }

    fn heading(&mut self, text: &str) {
        self.paragraph(&format!("**{text}**"));
        self.text.push('\n');
    }

    fn both(&mut self, heading: &str, text: &Text) {
        self.heading(heading);
        self.line(&format!("- {}", prose(&words(&text.en))));
        if text.zh != text.en {
            self.line(&format!("- {}", prose(&words(&text.zh))));
        }
    }

    fn list(&mut self, heading: &str, texts: &[Text]) {
        if !texts.is_empty() {
            self.heading(heading);
            texts.iter().for_each(|text| self.line(&format!("- {}", two(text))));
        }
    }

    fn block(&mut self, language: &str, text: &str, margin: &str) {
        let fence = if text.contains("```") { "````" } else { "```" };
        self.text.push('\n');
        self.line(&format!("{margin}{fence}{language}"));
        for line in text.trim_end().lines() {
            self.line(format!("{margin}{line}").trim_end());
        }
        self.line(&format!("{margin}{fence}"));
        self.text.push('\n');
    }
}

/// Both languages in one line.
fn two(text: &Text) -> String {
    let (en, zh) = (prose(&words(&text.en)), prose(&words(&text.zh)));
    if en == zh { en } else { format!("{en} · {zh}") }
}

/// The word that a value has in data.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// A template without its conditions; a place to fill is the last part of its name, and what stands for something else comes after a stroke.
pub(super) fn words(template: &str) -> String {
    let mut words = String::new();
    let mut rest = template;
    while let Some((at, end)) = next_tag(rest) {
        let (before, tail) = rest.split_at(at);
        words.push_str(before);
        let (inside, after) = tail.split_once(end).unwrap_or((tail, ""));
        let inside = inside.get(2..).unwrap_or("").trim_matches(['-', ' ']);
        if end == "}}" {
            let (name, filter) = inside.split_once('|').unwrap_or((inside, ""));
            let name = name.trim();
            words.push_str(&format!("‹{}›", name.rsplit('.').next().unwrap_or(name)));
            if COUNTED.contains(&filter.trim()) {
                words.push_str(&format!(" {}", filter.trim()));
            }
        } else if inside.starts_with("el") {
            words.push_str(" / ");
        }
        rest = after;
    }
    words + rest
}

/// Where the next tag of a template begins, and what ends it.
fn next_tag(template: &str) -> Option<(usize, &'static str)> {
    let value = template.find("{{").map(|at| (at, "}}"));
    let statement = template.find("{%").map(|at| (at, "%}"));
    value.into_iter().chain(statement).min()
}

/// Text as it is, without what would be markup. Back-ticks make code of it.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    for c in text.chars() {
        in_code ^= c == '`';
        match c {
            '\n' => out.push(' '),
            '<' | '*' | '_' | '[' if !in_code => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// The same in a cell of a table.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::{prose, words};

    #[test]
    fn a_counted_noun_stays_in_the_words() {
        assert_eq!(words("it failed {{ count|times }}"), "it failed ‹count› times");
    }

    #[test]
    fn a_template_is_shown_without_its_conditions() {
        let template = "{% if a %}the {{ subject.name|raw }}{% else %}no ${x}{% endif %} of {{ node }}";
        assert_eq!(words(template), "the ‹name› / no ${x} of ‹node›");
        assert_eq!(words("open {{ end"), "open ‹end›");
    }

    #[test]
    fn markup_in_words_is_none() {
        assert_eq!(prose("a_b `c_d` <e>"), "a\\_b `c_d` \\<e>");
    }
}
