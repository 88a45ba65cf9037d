//! `helm list` (helm `pkg/cmd/list.go`): releases with their revision and status.

use crate::bundle::decode::{Decoder, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// `helm.<namespace>/<release>.status`, `.revision`, `.chart`, `.updated`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "helm list",
    decode,
};

const HEADINGS: [&str; 6] = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART"];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = file.line(start);
    if !heading.starts_with("NAME") || !heading.contains("REVISION") {
        return None;
    }
    // The cells are ended by tabs, with spaces before them.
    let words: Vec<&str> = heading.split_whitespace().collect();
    if !words.starts_with(&HEADINGS) {
        return None;
    }
    let starts: Vec<usize> = HEADINGS
        .iter()
        .scan(0, |from, name| next_heading(heading, from, name))
        .collect();
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        let by_tabs: Vec<&str> = line.split('\t').collect();
        let by_place = |at: usize| {
            let from = *starts.get(at)?;
            line.get(from..starts.get(at + 1).copied().unwrap_or(line.len()).min(line.len()))
        };
        let cell = |at: usize| match by_tabs.get(at) {
            Some(cell) if by_tabs.len() >= HEADINGS.len() => cell.trim(),
            _ => by_place(at).unwrap_or("").trim(),
        };
        let [name, namespace, revision, updated, status] = std::array::from_fn(cell);
        let chart = cell(5).split_whitespace().next().unwrap_or("");
        if name.is_empty() || status.is_empty() || status.contains(char::is_whitespace) {
            let detail = "a row does not stand under its headings";
            section
                .problems
                .push(Problem::file(file.path, ProblemKind::Unparsed, detail).at_line(section.end as u64 + 1));
        } else {
            for (key, value) in [
                ("status", status),
                ("revision", revision),
                ("chart", chart),
                ("updated", updated),
            ] {
                let key = format!("helm.{namespace}/{name}.{key}");
                section.facts.push(file.value(section.end, key, value));
            }
        }
        section.end += 1;
    }
    Some(section)
}

/// Where a heading begins, looked for behind the one before.
fn next_heading(line: &str, from: &mut usize, name: &str) -> Option<usize> {
    let at = *from + line.get(*from..)?.find(name)?;
    *from = at + name.len();
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn releases_are_read_with_tabs_and_with_spaces() {
        let tabs = "NAME   \tNAMESPACE\tREVISION\tUPDATED                                \tSTATUS  \tCHART        \tAPP VERSION\nshop   \tprod     \t7       \t2026-11-21 10:20:42.1 +0000 UTC        \tfailed  \tshop-1.2.3   \t9.1        \n";
        for text in [tabs.to_owned(), tabs.replace('\t', " ")] {
            assert_eq!(
                values(&section(&DECODER, "x", &text).unwrap()),
                [
                    "helm.prod/shop.status=failed",
                    "helm.prod/shop.revision=7",
                    "helm.prod/shop.chart=shop-1.2.3",
                    "helm.prod/shop.updated=2026-11-21 10:20:42.1 +0000 UTC"
                ],
                "{text}"
            );
        }
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "NAME   NAMESPACE   AGE\n", "NAME REVISION\n"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
