//! The index beside the reports of several bundles.

use super::analyze::Plan;
use super::cases::Case;
use super::exit;
use super::outputs::{Target, write};
use super::terminal::{safe, say};
use crate::model::Lang;
use crate::report::index::{Index, IndexRow};
use crate::report::model::PostMortem;
use crate::report::{Format, render_index};

/// How files are written and said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Replace what casefile did not write.
    pub(super) force: bool,
    /// Say nothing.
    pub(super) quiet: bool,
}

/// The row of a report in the index.
pub(super) fn row(plan: &Plan, alias: &str, case: &Case, report: &PostMortem) -> IndexRow {
    let named = |(lang, format): (Lang, Format)| {
        let file = plan.target.file(alias, lang, format)?;
        Some(file.file_name()?.to_string_lossy().into_owned())
    };
    let languages = plan.languages.iter();
    let all = languages.flat_map(|&lang| plan.formats.iter().map(move |&format| (lang, format)));
    let cluster = case.snapshot.cluster_uid().map(str::to_owned);
    IndexRow::new(report, alias, cluster, all.filter_map(named).collect())
}

/// Writes the index of several reports beside them.
pub(super) fn write_index(
    plan: &Plan,
    way: Way,
    rows: Vec<IndexRow>,
    without: Vec<String>,
) -> Result<(), (u8, String)> {
    let Target::Directory(directory) = &plan.target else {
        return Ok(());
    };
    let index = Index::new(rows, without);
    let forms = plan.formats.iter().filter(|format| Format::DEFAULT.contains(format));
    for &format in forms {
        for (at, &lang) in plan.languages.iter().enumerate() {
            let name = match at {
                0 => format!("index.{format}"),
                // JSON holds both languages.
                _ if format == Format::Json => continue,
                _ => format!("index-{}.{format}", lang.code()),
            };
            let text = render_index(&index, &plan.style.style(lang), format).map_err(|error| {
                (
                    exit::DEFECT,
                    format!("the index could not be written: {error}; please report this"),
                )
            })?;
            let file = directory.join(name);
            write(&file, &text, way.force).map_err(|message| (exit::OUTPUT, message))?;
            if !way.quiet && at == 0 {
                say(&safe(&file.display().to_string()));
            }
        }
    }
    Ok(())
}
