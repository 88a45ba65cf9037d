//! `docker images`: the table of Docker Engine 1.13 to 28 (`REPOSITORY TAG IMAGE ID`), that of 29 (`IMAGE ID DISK USAGE`), and
//! `--format json` lines.

use serde_json::Value;

use super::columns::Columns;
use super::docker_json::{Element, cite, elements_at, may_start};
use super::{Decoder, Fact, ImageFact, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// Tables and JSON lines of `docker images`.
pub(super) const DECODER: Decoder = Decoder {
    name: "docker images",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = file.line(start).trim_start_matches('\u{feff}');
    if heading.starts_with("REPOSITORY ") || heading.starts_with("IMAGE ") {
        return table(file, start, heading);
    }
    if may_start(file, start, &["\"Repository\"", "\"Tag\""]) {
        return json_lines(file, start);
    }
    None
}

fn table(file: &TextFile<'_>, start: usize, heading: &str) -> Option<Section> {
    let columns = Columns::of(heading);
    let is_classic = columns.has("REPOSITORY") && columns.has("TAG") && columns.has("IMAGE ID");
    let is_tree = columns.has("IMAGE") && columns.has("ID") && columns.has("DISK USAGE");
    if !is_classic && !is_tree {
        return None;
    }
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        let read = columns.cut(line).and_then(|cells| {
            let (reference, id) = if is_classic {
                (
                    format!("{}:{}", cells.get("REPOSITORY"), cells.get("TAG")),
                    cells.get("IMAGE ID"),
                )
            } else {
                (cells.get("IMAGE").to_owned(), cells.get("ID"))
            };
            (is_image_id(id) && !reference.contains(char::is_whitespace)).then(|| (reference, id.to_owned()))
        });
        match read {
            Some((reference, id)) => section.facts.push(Fact::Image(ImageFact {
                reference,
                id,
                cite: file.cite(section.end),
            })),
            // The last line of a cut file is a row that lost its end; anything else is no longer the table.
            None if section.end + 1 == file.lines.len() && !file.text.ends_with('\n') => {
                let detail = "a row of docker images is cut";
                section
                    .problems
                    .push(Problem::file(file.path, ProblemKind::Damaged, detail).at_line(section.end as u64 + 1));
            }
            None => break,
        }
        section.end += 1;
    }
    Some(section)
}

fn json_lines(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let elements = elements_at(file, start, |value| image_row(value).is_some())?;
    let fact = |element: &Element| {
        let (repository, tag, id) = image_row(&element.value)?;
        let reference = format!("{repository}:{tag}");
        let cite = cite(file, start, element, &format!("{reference}: {id}"));
        Some(Fact::Image(ImageFact { reference, id, cite }))
    };
    let facts = elements.list.iter().filter_map(fact).collect();
    Some(Section {
        end: elements.end,
        facts,
        problems: elements.problems,
        also_log: false,
    })
}

fn image_row(value: &Value) -> Option<(String, String, String)> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let id = text("ID")?;
    is_image_id(&id).then_some((text("Repository")?, text("Tag")?, id))
}

/// 12 or 64 hexadecimal digits, the latter with its algorithm in front.
fn is_image_id(word: &str) -> bool {
    let digits = word.strip_prefix("sha256:").unwrap_or(word);
    digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    fn images(section: &Section) -> Vec<(&str, &str)> {
        section
            .facts
            .iter()
            .filter_map(|fact| {
                if let Fact::Image(image) = fact {
                    Some((image.reference.as_str(), image.id.as_str()))
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn a_table_yields_references_and_ids() {
        let text = "\
REPOSITORY              TAG       IMAGE ID       CREATED          SIZE
rancher/rke-tools       v0.1.80   a1c23194f302   23 seconds ago   1.99MB
<none>                  <none>    8a1129887354   2 hours ago      1.98MB

next
";
        let section = section(&DECODER, "x", text).unwrap();
        assert_eq!(
            images(&section),
            [
                ("rancher/rke-tools:v0.1.80", "a1c23194f302"),
                ("<none>:<none>", "8a1129887354")
            ]
        );
        assert_eq!(section.end, 3);
    }

    #[test]
    fn the_table_of_docker_29_is_read() {
        let text = "\
IMAGE           ID             DISK USAGE   CONTENT SIZE   EXTRA
alpine:latest   59855d3dceb3       13.3MB         4.03MB    U
";
        assert_eq!(
            images(&section(&DECODER, "x", text).unwrap()),
            [("alpine:latest", "59855d3dceb3")]
        );
    }

    #[test]
    fn json_lines_are_read() {
        let text = r#"{"Containers":"N/A","ID":"8a1129887354","Repository":"busybox","Tag":"local"}"#;
        assert_eq!(
            images(&section(&DECODER, "x", text).unwrap()),
            [("busybox:local", "8a1129887354")]
        );
    }

    #[test]
    fn only_a_heading_is_an_empty_store_and_a_cut_row_is_a_problem() {
        let heading = "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n";
        assert!(section(&DECODER, "x", heading).unwrap().facts.is_empty());
        let cut = section(&DECODER, "x", &format!("{heading}rancher/rk")).unwrap();
        assert_eq!((cut.end, cut.problems.len()), (2, 1));
    }

    #[test]
    fn other_text_is_declined() {
        for line in [
            "",
            "IMAGE pull failed for TAG",
            "REPOSITORY harbor.corp.local is down",
            "IMAGE   TAG   IMAGE ID   SIZE",
        ] {
            assert!(section(&DECODER, "docker-images.txt", line).is_none(), "{line}");
        }
    }
}
