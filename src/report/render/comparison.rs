//! The comparison of two bundles as a table for a terminal, as Markdown, as JSON.

use super::RenderError;
use super::entry::{ComparisonFormat, words_of};
use super::markdown::{Place, inline};
use super::rich::Rich;
use crate::model::{Lang, plain};
use crate::report::escape;
use crate::report::locale::Words;
use crate::report::model::{BundleRef, Comparison, DiffRow};

/// Rows that people read.
const ROWS: usize = 1_000;

/// Writes a comparison.
///
/// # Errors
/// The fixed words do not load, or the model cannot be written as JSON: defects of this program.
pub fn render_comparison(comparison: &Comparison, lang: Lang, format: ComparisonFormat) -> Result<String, RenderError> {
    match format {
        ComparisonFormat::Json => super::json::document(comparison),
        ComparisonFormat::Table => Ok(Page::new(comparison, lang, &words_of(lang)?).table()),
        ComparisonFormat::Markdown => Ok(Page::new(comparison, lang, &words_of(lang)?).markdown()),
    }
}

struct Page<'a> {
    comparison: &'a Comparison,
    lang: Lang,
    words: &'a Words,
}

impl<'a> Page<'a> {
    fn new(comparison: &'a Comparison, lang: Lang, words: &'a Words) -> Self {
        Self {
            comparison,
            lang,
            words,
        }
    }

    fn title(&self) -> String {
        let inputs = |bundles: &[BundleRef]| {
            let names: Vec<&str> = bundles.iter().map(|bundle| bundle.input.as_str()).collect();
            names.join(" + ")
        };
        let title = &self.words.fixed.compare.title;
        let title = title.replace("{good}", &inputs(&self.comparison.good));
        title.replace("{bad}", &inputs(&self.comparison.bad))
    }

    fn count(&self) -> String {
        let compare = &self.words.fixed.compare;
        let rows = self.total();
        if rows == 0 && self.comparison.equal == 0 {
            return compare.apart.clone();
        }
        let counts = compare.count.replace("{n}", &rows.to_string());
        let counts = counts.replace("{equal}", &self.comparison.equal.to_string());
        if rows == 0 {
            format!("{}{}{counts}", compare.none, self.words.fixed.joint.colon)
        } else {
            counts
        }
    }

    fn total(&self) -> usize {
        self.comparison.groups.iter().map(|group| group.rows.len()).sum()
    }

    fn left_out(&self) -> Option<String> {
        let more = self.total().saturating_sub(ROWS);
        let words = &self.words.fixed.compare.hidden_rows;
        (more > 0).then(|| words.replace("{n}", &more.to_string()))
    }

    fn datum<'w>(&'w self, row: &'w DiffRow) -> &'w str {
        self.words.fixed.datum.get(&row.datum).unwrap_or(&row.datum)
    }

    fn table(&self) -> String {
        let mut lines = vec![self.title(), self.count()];
        let mut left = ROWS;
        for group in &self.comparison.groups {
            if left == 0 {
                break;
            }
            let mark = if group.rows.iter().any(|row| row.relevant) {
                format!("  ← {}", self.words.fixed.compare.relevant)
            } else {
                String::new()
            };
            lines.push(String::new());
            lines.push(format!("{}{mark}", group.subject));
            for row in group.rows.iter().take(left) {
                let what = if row.path.is_empty() {
                    self.datum(row).to_owned()
                } else {
                    format!("{} {}", self.datum(row), row.path)
                };
                let (expected, actual) = (row.expected.get(self.lang), row.actual.get(self.lang));
                lines.push(format!("  {what}: {} → {}", plain(expected), plain(actual)));
            }
            left = left.saturating_sub(group.rows.len());
        }
        lines.extend(self.left_out().map(|more| format!("\n{more}")));
        let lines: Vec<String> = lines.iter().map(|line| escape::visible(line)).collect();
        lines.join("\n") + "\n"
    }

    fn markdown(&self) -> String {
        let prose = |text: &str| inline(&Rich::parse(text), Place::Prose);
        let cell = |text: &str| inline(&Rich::parse(text), Place::Cell);
        let mut out = format!("# {}\n\n{}\n", prose(&self.title()), prose(&self.count()));
        let heads = ["datum", "path", "expected", "actual", "evidence"].map(|key| self.word("table", key));
        let mut left = ROWS;
        for group in &self.comparison.groups {
            if left == 0 {
                break;
            }
            out.push_str(&format!("\n## {}\n\n", prose(&group.subject.to_string())));
            out.push_str(&format!("| {} |\n| --- | --- | --- | --- | --- |\n", heads.join(" | ")));
            for row in group.rows.iter().take(left) {
                let relevant = if row.relevant { " ←" } else { "" };
                let path = inline(&Rich::code(&row.path), Place::Cell);
                let (expected, actual) = (cell(row.expected.get(self.lang)), cell(row.actual.get(self.lang)));
                let places = cell(&self.places(row).join(", "));
                let datum = cell(self.datum(row));
                out.push_str(&format!(
                    "| {datum}{relevant} | {path} | {expected} | {actual} | {places} |\n"
                ));
            }
            left = left.saturating_sub(group.rows.len());
        }
        if let Some(more) = self.left_out() {
            out.push_str(&format!("\n{}\n", prose(&more)));
        }
        out
    }

    /// Where both sides stand, as bundle, file and line or pointer.
    fn places(&self, row: &DiffRow) -> Vec<String> {
        let items = self
            .comparison
            .evidence
            .iter()
            .filter(|item| row.refs.contains(&item.id));
        items
            .map(|item| {
                let place = match (&item.lines, &item.pointer) {
                    (Some((first, _)), _) => format!(":{first}"),
                    (None, Some(pointer)) => format!("#{pointer}"),
                    (None, None) => String::new(),
                };
                crate::model::code(&format!("{}/{}{place}", item.bundle, item.file))
            })
            .collect()
    }

    fn word(&self, group: &str, key: &str) -> String {
        let words = self.words.all.get_attr(group).and_then(|group| group.get_attr(key));
        words.map(|word| word.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Subject, Text, code};
    use crate::report::model::{DiffGroup, SCHEMA_VERSION};

    fn bundle(input: &str, role: &'static str) -> BundleRef {
        BundleRef {
            alias: input.to_owned(),
            input: input.to_owned(),
            layout: String::new(),
            sha256: String::new(),
            collected_at: None,
            nodes: Vec::new(),
            files: 1,
            role,
        }
    }

    fn comparison(tag: &str) -> Comparison {
        Comparison {
            schema_version: SCHEMA_VERSION,
            good: vec![bundle("before.tar.gz", "baseline")],
            bad: vec![bundle("after.tar.gz", "incident")],
            equal: 3,
            groups: vec![DiffGroup {
                subject: Subject::namespaced("Deployment", "shop", "web"),
                rows: vec![DiffRow {
                    datum: "image".to_owned(),
                    subject: Subject::namespaced("Deployment", "shop", "web"),
                    path: "spec.template.spec.containers[web].image".to_owned(),
                    expected: Text::same(code("web:1")),
                    actual: Text::same(code(tag)),
                    refs: Vec::new(),
                    relevant: true,
                }],
            }],
            evidence: Vec::new(),
        }
    }

    #[test]
    fn the_table_says_what_changed_under_its_object() {
        let text = render_comparison(&comparison("web:2"), Lang::En, ComparisonFormat::Table).unwrap();
        assert_eq!(
            text,
            "after.tar.gz against before.tar.gz\nDifferences: 1; equal: 3\n\nDeployment shop/web  ← a finding builds on it\n  image spec.template.spec.containers[web].image: web:1 → web:2\n"
        );
        let text = render_comparison(&comparison("web:2"), Lang::Zh, ComparisonFormat::Table).unwrap();
        assert!(
            text.contains("after.tar.gz 与 before.tar.gz 的差异") && text.contains("镜像"),
            "{text}"
        );
    }

    #[test]
    fn no_value_of_a_bundle_acts_on_a_terminal_or_a_table() {
        let hostile = comparison("x|\u{1b}[31m<b>");
        let table = render_comparison(&hostile, Lang::En, ComparisonFormat::Table).unwrap();
        assert!(!table.contains('\u{1b}'), "{table:?}");
        let markdown = render_comparison(&hostile, Lang::En, ComparisonFormat::Markdown).unwrap();
        let row = markdown.lines().find(|line| line.contains("web:1")).unwrap();
        assert_eq!(row.replace("\\|", "").matches('|').count(), 6, "{row}");
    }

    #[test]
    fn json_has_no_code_marks() {
        let json = render_comparison(&comparison("web:2"), Lang::En, ComparisonFormat::Json).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["groups"][0]["rows"][0]["actual"]["en"], "web:2");
    }
}
