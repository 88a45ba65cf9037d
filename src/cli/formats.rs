//! `casefile formats`: the layouts of bundles that are known, for people.

use clap::{Args, ValueEnum};

use super::terminal::{complain, say};
use super::{exit, language};
use crate::bundle::layout::{Known, known};
use crate::model::Lang;

/// Show the kinds of bundles that casefile knows, by what it knows them, and what it reads of them
///
/// Whatever has none of these layouts is a pile of files, of which each is read by its content.
#[derive(Debug, Args)]
pub(super) struct FormatsArgs {
    /// table, or markdown for `docs/formats.md`, which has both languages
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    format: Form,
    /// zh, en or auto
    #[arg(long, value_name = "LANG", default_value = "auto")]
    lang: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Markdown,
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &FormatsArgs) -> u8 {
    if args.format == Form::Markdown {
        say(markdown().trim_end());
        return exit::DONE;
    }
    match language::languages(&args.lang, |name| std::env::var(name).ok()) {
        Ok(languages) => {
            for lang in languages {
                known().for_each(|layout| say(&entry(&layout, lang)));
            }
            exit::DONE
        }
        Err(message) => {
            complain(&message);
            exit::USAGE
        }
    }
}

fn entry(layout: &Known, lang: Lang) -> String {
    format!(
        "{:<26} {}\n  {}\n  {}",
        layout.name,
        layout.about.made_by,
        layout.about.known_by.get(lang),
        layout.about.read.get(lang)
    )
}

/// All layouts as a document.
fn markdown() -> String {
    let mut lines = vec![
        "# Formats".to_owned(),
        String::new(),
        format!(
            "The {} layouts of bundles that casefile knows, in the order in which they are tried. The name of an archive and its compression \
             do not matter: a layout is known by what is inside, below any number of directories, and archives inside archives are read too. \
             What has none of these layouts is a pile of files, of which each is read by its content. Of a file that is not used \
             `casefile inspect --files` says why. This file is written by `casefile formats -f markdown`; a test keeps it true.",
            known().count()
        ),
        String::new(),
        "| layout | made by | known by | read | 识别依据 | 读取内容 |".to_owned(),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    for layout in known() {
        let about = layout.about;
        let cells = [
            layout.name,
            about.made_by,
            about.known_by.en,
            about.read.en,
            about.known_by.zh,
            about.read.zh,
        ];
        let [name, cells @ ..] = cells.map(cell);
        lines.push(format!("| `{name}` | {} |", cells.join(" | ")));
    }
    lines.extend([
        String::new(),
        "## What a root is looked for by".to_owned(),
        String::new(),
        "A directory (or an archive) is asked whether it has a layout when one of these stands in it. `*` stands for any part of one name; a \
         final slash, for a directory. A layout without any is a single file."
            .to_owned(),
        String::new(),
        "| layout | files and directories |".to_owned(),
        "| --- | --- |".to_owned(),
    ]);
    for layout in known() {
        let markers: Vec<String> = layout.markers.iter().map(|marker| format!("`{marker}`")).collect();
        let markers = if markers.is_empty() {
            "a single file, known by its content".to_owned()
        } else {
            markers.join(", ")
        };
        lines.push(format!("| `{}` | {markers} |", layout.name));
    }
    lines.join("\n") + "\n"
}

/// Text in a cell of a Markdown table, without what would be markup.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '|' | '<' | '*' | '_' | '[') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
