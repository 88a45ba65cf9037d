//! The output of `docker container prune`, `docker image prune` and `docker system prune`, wherever it was written to.
//!
//! Source: docker/cli, `cli/command/container/prune.go`, `image/prune.go`, `system/prune.go` (headings, `Total reclaimed space:`).

use std::sync::LazyLock;

use regex::Regex;

use super::{Decoder, Fact, PruneRun, Section, TextFile};
use crate::model::Citation;

/// Runs of a prune command.
pub(super) const DECODER: Decoder = Decoder {
    name: "docker prune",
    decode,
};

/// How far back a time stamp is looked for, in lines: a prune follows its stamp closely, and a hostile file has no stamps at all.
const BACK: usize = 200;

/// What the lines under a heading are.
#[derive(Clone, Copy)]
enum Under {
    Containers,
    Images,
    /// Volumes, networks, build cache: one word per line, not kept.
    Other,
}

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let (prefix, first) = split_prefix(file.line(start))?;
    let mut under = heading(first);
    let mut run = PruneRun {
        deleted_containers: Vec::new(),
        deleted_images: Vec::new(),
        stamped: stamp_before(file, start),
        cite: file.cite(start),
    };
    let mut last = start;
    let mut is_done = is_total(first);
    if under.is_none() && !is_done {
        return None;
    }
    for index in start + 1..file.lines.len() {
        if is_done {
            break;
        }
        let line = file.line(index);
        // A logger wrote its own words before the heading; then every line has such words before it.
        let text = if prefix.is_empty() {
            line
        } else {
            line.rsplit(": ").next().unwrap_or(line)
        };
        if text.trim().is_empty() {
            continue;
        }
        let image = ["untagged: ", "deleted: "]
            .iter()
            .find_map(|word| text.strip_prefix(word).or_else(|| after(line, word)));
        if let Some(next) = heading(text) {
            under = Some(next);
        } else if text.contains("Total reclaimed space:") || line.contains("Total reclaimed space:") {
            is_done = true;
        } else {
            match (under, image) {
                (Some(Under::Images), Some(image)) => run.deleted_images.push(image.to_owned()),
                (Some(Under::Containers), None) if is_full_id(text) => {
                    run.deleted_containers.push((text.to_owned(), file.cite(index)));
                }
                (Some(Under::Other), None) if !text.contains(char::is_whitespace) => {}
                _ => break,
            }
        }
        last = index;
    }
    run.cite = file.cite_range(start, last, start);
    Some(Section {
        end: last + 1,
        facts: vec![Fact::PruneRun(run)],
        ..Section::default()
    })
}

/// The part of a line before the words of the command, and these. None for a line that holds no such words at its end.
fn split_prefix(line: &str) -> Option<(&str, &str)> {
    let at = line.find("Deleted ").or_else(|| line.find("Total reclaimed space: "))?;
    let (prefix, text) = line.split_at_checked(at)?;
    let is_ours = heading(text).is_some() || is_total(text);
    // Before the words may stand nothing, or what a logger writes: `Nov 21 02:00:01 vm docker-clean[123]: `.
    (is_ours && (prefix.is_empty() || prefix.ends_with("]: "))).then_some((prefix, text))
}

fn heading(text: &str) -> Option<Under> {
    match text.trim_end() {
        "Deleted Containers:" => Some(Under::Containers),
        "Deleted Images:" => Some(Under::Images),
        "Deleted Volumes:" | "Deleted Networks:" | "Deleted build cache objects:" => Some(Under::Other),
        _ => None,
    }
}

/// `Total reclaimed space: 1.986MB`, and nothing after it.
fn is_total(text: &str) -> bool {
    text.trim_end()
        .strip_prefix("Total reclaimed space: ")
        .is_some_and(|size| {
            size.starts_with(|c: char| c.is_ascii_digit()) && size.ends_with('B') && !size.contains(char::is_whitespace)
        })
}

/// What follows `]: <word>` in a line that a logger wrote.
fn after<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let (_, text) = line.split_once("]: ")?;
    text.strip_prefix(word)
}

fn is_full_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The time at the front of the nearest line that has one, this one included.
fn stamp_before(file: &TextFile<'_>, start: usize) -> Option<(String, Citation)> {
    static STAMP: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x)^[\[\(=\-\#\s]*(
              \d{4}[-/]\d\d[-/]\d\d[T\ _]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\ ?(?:Z|UTC|GMT|CST|[+-]\d\d:?\d\d)\b)?
              |(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\ )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ +\d{1,2}\ \d\d:\d\d:\d\d
               (?:\ (?:[AP]M\ )?[A-Z]{3,4}\ \d{4})?
            )",
        )
        .ok()
    });
    let stamp = STAMP.as_ref()?;
    (start.saturating_sub(BACK)..=start).rev().find_map(|index| {
        let found = stamp.captures(file.line(index))?.get(1)?.as_str().to_owned();
        Some((found, file.cite(index)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::*;

    const ID: &str = "018baa2c49ea03d15dccda75acb262cb5c164adc5c4292713c4b97e682aa04e9";

    fn stamp(section: &Section) -> Option<&str> {
        run(section).stamped.as_ref().map(|(stamp, _)| stamp.as_str())
    }

    fn run(section: &Section) -> &PruneRun {
        let [Fact::PruneRun(run)] = section.facts.as_slice() else {
            panic!("{:?}", section.facts)
        };
        run
    }

    #[test]
    fn containers_and_images_are_two_runs_of_one_log() {
        let text = format!(
            "2026-11-21 10:20:33 start clean\nDeleted Containers:\n{ID}\n\nTotal reclaimed space: 0B\nDeleted Images:\n\
             untagged: busybox:1\ndeleted: sha256:{ID}\n\nTotal reclaimed space: 1.986MB\n2026-11-21 10:20:34 done\n"
        );
        let containers = section_at(&DECODER, "x.log", &text, 1).unwrap();
        assert_eq!(containers.end, 5);
        assert_eq!(
            run(&containers)
                .deleted_containers
                .iter()
                .map(|(id, _)| id.as_str())
                .collect::<Vec<_>>(),
            [ID]
        );
        assert_eq!(stamp(&containers), Some("2026-11-21 10:20:33"));
        let images = section_at(&DECODER, "x.log", &text, containers.end).unwrap();
        assert_eq!(
            run(&images).deleted_images,
            ["busybox:1".to_owned(), format!("sha256:{ID}")]
        );
        assert_eq!(images.end, 10);
    }

    #[test]
    fn a_system_prune_is_one_run() {
        let text = format!(
            "Deleted Containers:\n{ID}\n\nDeleted Networks:\nbackend\n\nDeleted Images:\nuntagged: a:1\n\nDeleted build cache objects:\nx1\n\nTotal reclaimed space: 2GB\n"
        );
        let section = section(&DECODER, "x", &text).unwrap();
        assert_eq!(run(&section).deleted_containers.len(), 1);
        assert_eq!(run(&section).deleted_images, ["a:1"]);
        assert_eq!((section.end, stamp(&section)), (13, None));
    }

    #[test]
    fn a_run_that_a_logger_wrote_is_read() {
        let by = "Nov 21 02:00:01 vm docker-clean[12]: ";
        let text = format!(
            "{by}Deleted Containers:\n{by}{ID}\n{by}Deleted Images:\n{by}untagged: a:1\n{by}Total reclaimed space: 0B\n{by}done\n"
        );
        let section = section(&DECODER, "syslog", &text).unwrap();
        assert_eq!(
            (
                run(&section).deleted_containers.len(),
                run(&section).deleted_images.len(),
                section.end
            ),
            (1, 1, 5)
        );
        assert_eq!(stamp(&section), Some("Nov 21 02:00:01"));
    }

    #[test]
    fn a_cut_run_keeps_what_it_has() {
        let section = section(&DECODER, "x", &format!("Deleted Containers:\n{ID}\n018baa2c")).unwrap();
        assert_eq!((run(&section).deleted_containers.len(), section.end), (1, 2));
    }

    #[test]
    fn nothing_deleted_is_still_a_run() {
        assert!(
            run(&section(&DECODER, "x", "Total reclaimed space: 0B\n").unwrap())
                .deleted_containers
                .is_empty()
        );
    }

    #[test]
    fn other_text_is_declined() {
        for line in [
            "",
            "Deleted Containers: 3",
            "I1121 gc: Deleted Images:x",
            "deleted: yes",
            "Total reclaimed space: unknown",
            "see Deleted Containers:",
        ] {
            assert!(section(&DECODER, "x.log", line).is_none(), "{line}");
        }
    }
}
