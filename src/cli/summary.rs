//! `--summary-file`: what a chat or the page of a CI run shows of the reports.

use std::path::Path;

use super::outputs::write;
use super::terminal::safe;

/// Collects the summaries of a run, each with the names of the reports that it is of.
#[derive(Debug, Default)]
pub(super) struct Summaries(Vec<String>);

impl Summaries {
    /// Takes the summary of one bundle, where there is to be one; `files` are the reports that were written.
    pub(super) fn add(&mut self, text: Option<&str>, files: &[String]) {
        let Some(text) = text else { return };
        // The names alone: where the reports lie on this machine is nobody's concern.
        let names = files.iter().filter_map(|file| Path::new(file).file_name()?.to_str());
        let names = names.map(|name| format!("`{}`", safe(name).replace('`', "'")));
        let names: Vec<String> = names.take(SHOWN).collect();
        let link = if names.is_empty() {
            String::new()
        } else {
            format!("\n→ {}\n", names.join(" · "))
        };
        self.0.push(format!("{}\n{link}", text.trim_end()));
    }

    /// Writes them, one after the other.
    pub(super) fn write(&self, path: &Path, force: bool) -> Result<(), String> {
        write(path, &self.0.join("\n"), force)
    }
}

/// Names of reports behind one summary.
const SHOWN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_the_reports_and_not_where_they_lie() {
        let mut all = Summaries::default();
        all.add(
            Some("**lost**\n"),
            &["/home/ann/out/a.en.md".into(), "/home/ann/out/a.en.html".into()],
        );
        all.add(None, &["/home/ann/out/b.en.md".into()]);
        assert_eq!(all.0, ["**lost**\n\n→ `a.en.md` · `a.en.html`\n"]);
    }
}
