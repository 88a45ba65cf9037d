//! What the program says when nothing is asked, and its help in Chinese.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, Command};

/// Help in Chinese by `command`, `command.argument`, or `*.argument` for what several commands share. A test finds what is missing.
const CHINESE: &str = include_str!("help.zh.yaml");

/// What `casefile` alone says: five lines.
pub(super) fn about(chinese: bool) -> &'static str {
    if chinese {
        "casefile 离线读取 Kubernetes 与 Rancher 的支持包，找出原因，起草故障报告。\n\
        \x20 casefile collect -o cp1.tar.gz   采集本机与集群的证据，脱敏后写成一个归档\n\
        \x20 casefile analyze cp1.tar.gz      找出原因，报告（Markdown、HTML、JSON）写到 ./reports\n\
        \x20 casefile diff 正常包 故障包      与正常时相比有何不同，最可疑的在前\n\
        \x20 casefile help                    全部命令；casefile help 命令：选项与退出码"
    } else {
        "casefile reads support bundles of Kubernetes and Rancher, offline, names the cause, and drafts the post-mortem.\n\
        \x20 casefile collect -o cp1.tar.gz   the evidence of this host and its cluster, masked, as one archive\n\
        \x20 casefile analyze cp1.tar.gz      the cause, and the report (Markdown, HTML, JSON) in ./reports\n\
        \x20 casefile diff GOOD BAD           what differs from where it works, the most suspicious first\n\
        \x20 casefile help                    all commands; casefile help COMMAND: options and exit codes"
    }
}

/// The command line with its help in Chinese. Names stay.
pub(super) fn chinese(program: Command) -> Command {
    translated(program.disable_help_subcommand(true), "", &WORDS)
}

/// The file is part of the program; a test parses it, and without it the help is English.
static WORDS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| serde_yaml::from_str(CHINESE).unwrap_or_default());

fn translated(command: Command, path: &str, words: &'static BTreeMap<String, String>) -> Command {
    let mut command = command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .help_template("{before-help}{about-with-newline}\n用法：{usage}\n\n{all-args}{after-help}")
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令");
    if let Some(about) = words.get(if path.is_empty() { "casefile" } else { path }) {
        // The first line is the short form.
        let short = about.lines().next().unwrap_or_default().to_owned();
        command = command.about(short).long_about(about.clone());
    }
    if let Some(examples) = words.get("examples").filter(|_| path.is_empty()) {
        command = command.before_help(examples.clone());
    }
    let arguments: Vec<String> = command
        .get_arguments()
        .map(|argument| argument.get_id().to_string())
        .collect();
    for id in arguments {
        let help = of_argument(words, path, &id).cloned();
        command = command.mut_arg(&id, |argument| {
            let heading = match argument.get_help_heading() {
                Some(heading) => words.get(&format!("heading.{heading}")).map(String::as_str),
                None if argument.is_positional() => Some("参数"),
                None => Some("选项"),
            };
            let argument = match heading {
                Some(heading) => argument.help_heading(heading),
                None => argument,
            };
            match help {
                Some(help) => argument.help(help.clone()).long_help(help),
                None => argument,
            }
        });
    }
    let names: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .collect();
    for name in names {
        let inner = if path.is_empty() {
            name.clone()
        } else {
            format!("{path} {name}")
        };
        command = command.mut_subcommand(name, |command| translated(command, &inner, words));
    }
    let flag = |id: &'static str, short: char, action: ArgAction, help: &'static str| {
        Arg::new(id)
            .short(short)
            .long(id)
            .action(action)
            .help(help)
            .help_heading("选项")
    };
    let command = command.arg(flag("help", 'h', ArgAction::Help, "显示帮助"));
    if path.is_empty() {
        command.arg(flag("version", 'V', ArgAction::Version, "显示版本"))
    } else {
        command
    }
}

fn of_argument<'w>(words: &'w BTreeMap<String, String>, path: &str, id: &str) -> Option<&'w String> {
    words
        .get(&format!("{path}.{id}"))
        .or_else(|| words.get(&format!("*.{id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands and arguments without Chinese.
    fn missing(command: &Command, path: &str, words: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        if !path.is_empty() && !words.contains_key(path) {
            found.push(path.to_owned());
        }
        let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let lacking = arguments.filter(|argument| of_argument(words, path, argument.get_id().as_str()).is_none());
        found.extend(lacking.map(|argument| format!("{path}.{}", argument.get_id())));
        for inner in command.get_subcommands() {
            let inner_path = if path.is_empty() {
                inner.get_name().to_owned()
            } else {
                format!("{path} {}", inner.get_name())
            };
            found.extend(missing(inner, &inner_path, words));
        }
        found
    }

    #[test]
    fn every_command_and_option_has_chinese_help() {
        let words: BTreeMap<String, String> = serde_yaml::from_str(CHINESE).unwrap();
        let found = missing(&super::super::command(), "", &words);
        assert!(found.is_empty(), "src/cli/help.zh.yaml has nothing for {found:#?}");
    }

    #[test]
    fn both_forms_are_five_lines() {
        for chinese in [false, true] {
            assert_eq!(about(chinese).lines().count(), 5);
        }
    }

    #[test]
    fn the_chinese_command_line_is_the_same_one() {
        let mut chinese = chinese(super::super::command());
        chinese.build();
        chinese.clone().debug_assert();
        let help = chinese
            .find_subcommand_mut("analyze")
            .unwrap()
            .render_long_help()
            .to_string();
        assert!(
            help.contains("用法：") && help.contains("--baseline") && help.contains("基线"),
            "{help}"
        );
    }
}
