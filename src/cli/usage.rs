//! What clap says of a command line that it does not take, in Chinese: from the kind of the mistake and what it was about.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The message with its tips, the usage and where to read on; none for a kind that has no words here, whose English stays.
pub(super) fn in_chinese(error: &Error) -> Option<String> {
    let mut text = format!("错误：{}\n", mistake(error)?);
    let tips = tips(error);
    if !tips.is_empty() {
        text.push('\n');
    }
    for tip in tips {
        text.push_str(&format!("  提示：{tip}\n"));
    }
    if let Some(usage) = words(error, ContextKind::Usage).first() {
        let usage = usage.trim_start_matches("Usage:").trim();
        text.push_str(&format!("\n用法：{usage}\n"));
    }
    text.push_str("\n更多说明：--help\n");
    Some(text)
}

fn mistake(error: &Error) -> Option<String> {
    let one = |kind: ContextKind| words(error, kind).into_iter().next().unwrap_or_default();
    let all = |kind: ContextKind| words(error, kind).join("、");
    let (argument, value) = (one(ContextKind::InvalidArg), one(ContextKind::InvalidValue));
    Some(match error.kind() {
        ErrorKind::UnknownArgument => format!("没有参数 '{argument}'"),
        ErrorKind::InvalidSubcommand => format!("没有命令 '{}'", one(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingSubcommand => format!(
            "'{}' 之后还要有一个命令{}",
            one(ContextKind::InvalidSubcommand),
            among("可用的命令", &all(ContextKind::ValidSubcommand))
        ),
        ErrorKind::MissingRequiredArgument => {
            let arguments: Vec<String> = words(error, ContextKind::InvalidArg)
                .iter()
                .map(|argument| format!("\n  {argument}"))
                .collect();
            format!("缺少必需的参数：{}", arguments.concat())
        }
        ErrorKind::InvalidValue => {
            let valid = among("可用的值", &all(ContextKind::ValidValue));
            if value.is_empty() {
                format!("'{argument}' 需要一个值，却没有给出{valid}")
            } else {
                format!("'{argument}' 的值 '{value}' 无效{valid}")
            }
        }
        ErrorKind::ValueValidation => {
            // The reason is that of the parser of this value.
            let reason = std::error::Error::source(error).map(|source| format!("：{source}"));
            format!("'{argument}' 的值 '{value}' 无效{}", reason.unwrap_or_default())
        }
        ErrorKind::ArgumentConflict => {
            let others = all(ContextKind::PriorArg);
            if others == argument || others.is_empty() {
                format!("'{argument}' 只能给一次")
            } else {
                format!("'{argument}' 不能与 {others} 同时使用")
            }
        }
        ErrorKind::TooManyValues => format!("'{argument}' 的值 '{value}' 是多余的"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => format!("'{argument}' 的值的个数不对"),
        ErrorKind::NoEquals => format!("'{argument}' 与它的值之间要有等号"),
        ErrorKind::InvalidUtf8 => "有参数不是 UTF-8 文本".to_owned(),
        _ => return None,
    })
}

fn among(name: &str, all: &str) -> String {
    if all.is_empty() {
        String::new()
    } else {
        format!("（{name}：{all}）")
    }
}

fn tips(error: &Error) -> Vec<String> {
    let near = [
        (ContextKind::SuggestedArg, "参数"),
        (ContextKind::SuggestedSubcommand, "命令"),
        (ContextKind::SuggestedValue, "值"),
    ];
    let mut tips: Vec<String> = near
        .into_iter()
        .filter_map(|(kind, what)| {
            let names = words(error, kind);
            let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
            (!names.is_empty()).then(|| format!("有名字相近的{what}：{}", names.join("、")))
        })
        .collect();
    let argument = words(error, ContextKind::InvalidArg).into_iter().next();
    if error.kind() == ErrorKind::UnknownArgument
        && tips.is_empty()
        && error.get(ContextKind::Suggested).is_some()
        && let Some(argument) = argument.filter(|argument| argument.starts_with('-'))
    {
        tips.push(format!("若 '{argument}' 本身是一个值，请写 '-- {argument}'"));
    }
    tips
}

/// What a mistake is about, as plain text.
fn words(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(word)) => vec![word.clone()],
        Some(ContextValue::Strings(words)) => words.clone(),
        Some(ContextValue::StyledStr(word)) => vec![word.to_string()],
        Some(ContextValue::StyledStrs(words)) => words.iter().map(ToString::to_string).collect(),
        Some(ContextValue::Number(number)) => vec![number.to_string()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        let program = super::super::help::chinese(super::super::command());
        let error = program.try_get_matches_from(line.split(' ')).unwrap_err();
        in_chinese(&error).unwrap()
    }

    #[test]
    fn mistakes_of_a_command_line_are_told_in_chinese() {
        for (line, told) in [
            ("casefile analyze x --formt md", "没有参数 '--formt'"),
            ("casefile analyze x --formt md", "提示：有名字相近的参数：'--format'"),
            ("casefile analyze x --zzz", "没有参数 '--zzz'"),
            ("casefile analize x", "没有命令 'analize'"),
            ("casefile analize x", "有名字相近的命令：'analyze'"),
            ("casefile analyze", "缺少必需的参数：\n  <BUNDLE>..."),
            (
                "casefile inspect x -f tabel",
                "的值 'tabel' 无效（可用的值：table、json）",
            ),
            ("casefile inspect x -f tabel", "有名字相近的值：'table'"),
            ("casefile inspect x --lang", "'--lang <LANG>' 需要一个值，却没有给出"),
            ("casefile collect --timeout soon", "的值 'soon' 无效："),
            ("casefile inspect x --merge --merge", "'--merge' 只能给一次"),
            ("casefile analyze x --formt md", "用法：casefile analyze"),
        ] {
            let text = said(line);
            assert!(text.contains(told), "{line}: {text}");
            assert!(
                text.starts_with("错误：") && !text.contains("Usage") && !text.contains("tip:"),
                "{text}"
            );
        }
    }
}
