//! `casefile rules` and `casefile explain`: the catalogue for people.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::config::{Config, ConfigArgs};
use super::limits::RuleLimits;
use super::own_rules::OwnRules;
use super::rule_pages::words as words_of;
use super::terminal::{complain, remark, say};
use super::{exit, language, rule_pages};
use crate::bundle::Budget;
use crate::model::{Lang, Text};
use crate::rules::{Role, Rule, RuleHeader, Rules, Tried, is_rule_id, try_out_within};

/// Show the failure modes that casefile knows
#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// One line per rule: id, family, what is checked; or all of them as a table
    List {
        /// table, or markdown for the table of `docs/rules.md`, which has both languages
        #[arg(short, long, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
        /// zh, en or auto
        #[arg(long, value_name = "LANG", default_value = "auto")]
        lang: String,
        #[command(flatten)]
        catalogue: Catalogue,
    },
    /// A rule's file, as it is
    Show {
        /// The rule's id
        id: String,
        #[command(flatten)]
        catalogue: Catalogue,
    },
    /// All that is known of the rules of one family, in both languages, as Markdown
    Page {
        /// The family, as `rules list` shows it
        family: String,
        #[command(flatten)]
        catalogue: Catalogue,
    },
    /// Check your own rules and try their examples
    ///
    /// Exit codes: 0 every example does what it says, 1 one does not, 2 a rule has a mistake.
    Test {
        /// Directories of rules (*.yaml), or single ones
        #[arg(value_name = "DIR|FILE", required = true)]
        places: Vec<PathBuf>,
        /// zh, en or auto
        #[arg(long, value_name = "LANG", default_value = "auto")]
        lang: String,
        #[command(flatten)]
        limits: RuleLimits,
    },
    /// Print a commented start of a rule of your own
    New {
        /// Its id: what is wrong, in lower case with dashes
        id: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Table,
    Markdown,
}

/// Explain one failure mode: what it is, its look-alikes, its remedy
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The rule's id, as `rules list` and reports show it
    id: String,
    /// zh, en, both with a comma, or auto
    #[arg(long, value_name = "LANG", default_value = "auto")]
    lang: String,
    #[command(flatten)]
    catalogue: Catalogue,
}

/// Which rules there are: the built-in ones, those of the options and those of the settings, as `analyze` has them.
#[derive(Debug, Args)]
struct Catalogue {
    #[command(flatten)]
    own_rules: OwnRules,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    limits: RuleLimits,
}

/// Runs `rules` and gives the exit code.
pub(super) fn run(args: &RulesArgs) -> u8 {
    match &args.command {
        RulesCommand::List {
            format,
            lang,
            catalogue,
        } => with_catalogue(catalogue, lang, |rules| match format {
            ListFormat::Table => with_languages(lang, |lang| rules.iter().for_each(|rule| say(&list_line(rule, lang)))),
            ListFormat::Markdown => {
                say(rule_pages::table(rules).trim_end());
                exit::DONE
            }
        }),
        RulesCommand::Show { id, catalogue } => with_catalogue(catalogue, AUTO, |rules| {
            with_rule(rules, id, |rule| {
                say(&format!("# {}\n{}", rule.place, rule.source.trim()))
            })
        }),
        RulesCommand::Page { family, catalogue } => {
            with_catalogue(catalogue, AUTO, |rules| match rule_pages::page(rules, family) {
                Some(page) => {
                    say(page.trim_end());
                    exit::DONE
                }
                None => {
                    let families: BTreeSet<&str> = rules.iter().map(|rule| rule.family.as_str()).collect();
                    let families: Vec<&str> = families.into_iter().collect();
                    complain(&format!(
                        "no rule is of the family {family:?}; there are {}",
                        families.join(", ")
                    ));
                    exit::USAGE
                }
            })
        }
        RulesCommand::Test { places, lang, limits } => with_first(lang, |lang| {
            let budget = limits.budget();
            with_rules(&OwnRules::of(places), lang, &budget, |rules| test(rules, lang, &budget))
        }),
        RulesCommand::New { id } if !is_rule_id(id) => {
            complain(&format!(
                "the id {id:?} is not made of a-z, 0-9 and -; name what is wrong, as image-without-version"
            ));
            exit::USAGE
        }
        RulesCommand::New { id } => with_rules(
            &OwnRules::default(),
            language::of_environment(),
            &Budget::DEFAULT,
            |rules| {
                if rules.get(id).is_some() {
                    complain(&format!("the id {id:?} is taken by a built-in rule; choose another"));
                    return exit::USAGE;
                }
                say(include_str!("new_rule.yaml")
                    .replace("id: ID", &format!("id: {id}"))
                    .trim_end());
                exit::DONE
            },
        ),
    }
}

/// The language that the environment has.
const AUTO: &str = "auto";

/// Tries the examples of every rule that is not built in, and says of each what it did.
fn test(rules: &Rules, lang: Lang, budget: &Budget) -> u8 {
    let words = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    let mut code = exit::DONE;
    for rule in rules.iter().filter(|rule| !rule.is_built_in) {
        let tried = try_out_within(rules, rule, budget);
        if tried.is_empty() {
            say(&format!(
                "{}{}",
                rule.header.id,
                words("：没有示例", ": it has no examples")
            ));
        }
        for example in tried {
            if example.is_right() {
                // A check that stays open is no pass: whoever wrote the example should see it.
                let open = match example.missing.as_slice() {
                    [] => String::new(),
                    missing => format!(
                        "{}{}",
                        words("；未判断，缺少 ", "; it was not judged, without "),
                        missing.join(", ")
                    ),
                };
                let right = words("与示例相符", "as it says");
                say(&format!("{}: {}: {right}{open}", rule.header.id, example.name));
            } else {
                say(&differs(rule, &example, lang));
                code = exit::DIFFERS;
            }
        }
    }
    code
}

fn differs(rule: &Rule, example: &Tried, lang: Lang) -> String {
    let words = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    let names = |subjects: &std::collections::BTreeSet<crate::model::Subject>| {
        let names: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            words("无", "nothing").to_owned()
        } else {
            names.join(", ")
        }
    };
    let mut text = format!(
        "{}: {}: {}{}{}{}",
        rule.header.id,
        example.name,
        words("应发现 ", "expected "),
        names(&example.expected),
        words("，实际发现 ", ", found "),
        names(&example.found)
    );
    if !example.missing.is_empty() {
        text.push_str(words("；无法判断，缺少 ", "; it cannot be judged without "));
        text.push_str(&example.missing.join(", "));
    }
    for reason in &example.failed {
        text.push_str(words("；", "; "));
        text.push_str(reason.get(lang));
    }
    text
}

/// Runs `explain` and gives the exit code.
pub(super) fn explain(args: &ExplainArgs) -> u8 {
    with_catalogue(&args.catalogue, &args.lang, |rules| with_rule_in_languages(rules, args))
}

fn with_rule_in_languages(rules: &Rules, args: &ExplainArgs) -> u8 {
    let mut code = exit::DONE;
    let shown = with_languages(&args.lang, |lang| {
        code = with_rule(rules, &args.id, |rule| say(&explained(rule, lang)))
    });
    shown.max(code)
}

/// What is wrong with the rules is told in the first of the languages.
fn with_catalogue(catalogue: &Catalogue, lang: &str, work: impl FnOnce(&Rules) -> u8) -> u8 {
    match Config::load(&catalogue.config, &[]) {
        Ok(config) => {
            let settings = &config.rules;
            let own_rules = catalogue.own_rules.and(&settings.dirs, &settings.origin);
            let budget = catalogue.limits.budget();
            with_first(lang, |lang| with_rules(&own_rules, lang, &budget, work))
        }
        Err(message) => {
            complain(&message);
            exit::USAGE
        }
    }
}

fn with_rules(own_rules: &OwnRules, lang: Lang, budget: &Budget, work: impl FnOnce(&Rules) -> u8) -> u8 {
    match own_rules.load(lang, budget) {
        Ok(loaded) => {
            loaded.remarks.iter().for_each(|line| remark(line));
            work(&loaded.rules)
        }
        Err((code, message)) => {
            complain(&message);
            code
        }
    }
}

fn with_first(wanted: &str, work: impl FnOnce(Lang) -> u8) -> u8 {
    match language::languages(wanted, |name| std::env::var(name).ok()) {
        Ok(languages) => work(languages.first().copied().unwrap_or(Lang::En)),
        Err(message) => {
            complain(&message);
            exit::USAGE
        }
    }
}

fn with_languages(wanted: &str, mut work: impl FnMut(Lang)) -> u8 {
    match language::languages(wanted, |name| std::env::var(name).ok()) {
        Ok(languages) => {
            languages.into_iter().for_each(&mut work);
            exit::DONE
        }
        Err(message) => {
            complain(&message);
            exit::USAGE
        }
    }
}

fn with_rule(rules: &Rules, id: &str, work: impl FnOnce(&Rule)) -> u8 {
    match rules.look_up(id) {
        Some(rule) => {
            work(rule);
            exit::DONE
        }
        None => {
            let near: Vec<&str> = rules
                .iter()
                .map(|rule| rule.header.id.as_str())
                .filter(|known| known.contains(id) || shares_a_word(known, id))
                .take(5)
                .collect();
            let hint = if near.is_empty() {
                "see casefile rules list".to_owned()
            } else {
                format!("did you mean {}?", near.join(", "))
            };
            complain(&format!("no rule is called {id:?}; {hint}"));
            exit::USAGE
        }
    }
}

fn shares_a_word(known: &str, wanted: &str) -> bool {
    wanted
        .split('-')
        .any(|word| word.len() > 3 && known.split('-').any(|other| other == word))
}

fn list_line(rule: &Rule, lang: Lang) -> String {
    format!(
        "{:<40} {:<12} {}",
        rule.header.id,
        rule.family,
        rule.header.check.get(lang)
    )
}

/// A rule for a reader: ‹…› stands for what a report fills in.
fn explained(rule: &Rule, lang: Lang) -> String {
    let header = &rule.header;
    let words = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    let mut lines = vec![
        format!("{} ({}, {})", header.id, rule.family, role_word(header, lang)),
        String::new(),
    ];
    lines.push(format!("  {}", words_of(header.check.get(lang))));
    let title = words_of(header.title.get(lang));
    lines.extend([String::new(), format!("  {title}")]);
    if header.cause != header.title {
        lines.push(format!("  {}", words_of(header.cause.get(lang))));
    }
    let mut section = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            lines.push(String::new());
            lines.push(format!("{title}:"));
            lines.extend(items.into_iter().map(|item| format!("  - {item}")));
        }
    };
    let all = |texts: &[Text]| texts.iter().map(|text| words_of(text.get(lang))).collect::<Vec<_>>();
    section(words("也称为", "Also known as"), header.also.clone());
    section(words("需要的数据", "Needs"), header.needs.clone());
    section(
        words("会引起", "May cause"),
        header
            .causes
            .iter()
            .map(|effect| format!("{}: {}", effect.rule, words_of(effect.mechanism.get(lang))))
            .collect(),
    );
    section(
        words("看似相同但正常的情况", "Look-alikes that are normal"),
        all(&header.benign),
    );
    section(
        words("恢复", "Remedy"),
        header
            .remedy
            .iter()
            .map(|step| {
                format!(
                    "{}\n      {}",
                    words_of(step.purpose.get(lang)),
                    words_of(step.command.trim()).replace('\n', "\n      ")
                )
            })
            .collect(),
    );
    section(
        words("预防", "Prevention"),
        header
            .prevention
            .iter()
            .map(|action| words_of(action.text.get(lang)))
            .collect(),
    );
    section(
        words("背景知识", "Background"),
        header
            .knowledge
            .iter()
            .map(|fact| format!("{} ({})", words_of(fact.text.get(lang)), fact.reference))
            .collect(),
    );
    section(words("来源", "Sources"), header.sources.clone());
    let versions = Some(header.versions.clone()).filter(|versions| !versions.is_empty());
    section(words("版本", "Versions"), versions.into_iter().collect());
    lines.join("\n")
}

pub(super) fn role_word(header: &RuleHeader, lang: Lang) -> &'static str {
    match (header.role, lang) {
        (Role::Cause, Lang::Zh) => "原因",
        (Role::Cause, Lang::En) => "cause",
        (Role::Link, Lang::Zh) => "中间环节",
        (Role::Link, Lang::En) => "link",
        (Role::Symptom, Lang::Zh) => "症状",
        (Role::Symptom, Lang::En) => "symptom",
        (Role::Factor, Lang::Zh) => "促成因素",
        (Role::Factor, Lang::En) => "contributing factor",
    }
}
