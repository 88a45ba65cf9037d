//! Appendix A as Markdown shows it: a citation of one line has its quote beside it; several of one file that overlap are one excerpt, in which
//! every line says whose it is.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::appendix::{MAX_LINES, MAX_QUOTED, number, place, row, searched, worded};
use crate::model::Basis;
use crate::report::model::EvidenceItem;
use crate::report::quotes;
use crate::report::render::rich::Rich;
use crate::report::render::scribe::{Scribe, is_entry_id};

/// Lines of an excerpt that several citations share; what goes beyond begins another one.
const SHARED: usize = 2 * MAX_LINES;

/// The citations in their order, each with what it quotes; the lines that several of one file share stand at the first of them.
pub(super) fn excerpts(s: &Scribe<'_>) -> Vec<Value> {
    let mut all: Vec<Excerpt<'_>> = Vec::new();
    for (index, item) in s.report.evidence.iter().enumerate() {
        let is_quoted = index < MAX_QUOTED;
        match all.iter_mut().rev().find(|excerpt| excerpt.takes(item, is_quoted)) {
            Some(excerpt) => {
                excerpt.items.push(item);
                excerpt.numbers.push(index);
            }
            None => all.push(Excerpt {
                items: vec![item],
                numbers: vec![index],
                is_quoted,
            }),
        }
    }
    let mut entries: Vec<(usize, Value)> = all.iter().flat_map(|excerpt| excerpt.entries(s)).collect();
    entries.sort_by_key(|(number, _)| *number);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// Citations of one file.
struct Excerpt<'a> {
    items: Vec<&'a EvidenceItem>,
    /// Which of the report's citations they are.
    numbers: Vec<usize>,
    is_quoted: bool,
}

impl Excerpt<'_> {
    /// True where this citation is of the same file, and its lines have room.
    fn takes(&self, item: &EvidenceItem, is_quoted: bool) -> bool {
        let same = |known: &&EvidenceItem| {
            known.bundle == item.bundle && known.file == item.file && known.lines.is_some() == item.lines.is_some()
        };
        self.is_quoted
            && is_quoted
            && !item.quote.is_empty()
            && self.items.first().is_some_and(same)
            && self.lines().len() + item.quote.len() <= SHARED
    }

    /// Every line once, in its order: its number, its text, and whose it is. What has no number keeps the order of the citations.
    fn lines(&self) -> Vec<(Option<u64>, String, Vec<&str>)> {
        let mut lines: Vec<(Option<u64>, String, Vec<&str>)> = Vec::new();
        for item in &self.items {
            for line in item.quote.iter().take(MAX_LINES) {
                let text = shortened(&row(item, &line.text));
                let known = lines.iter_mut().find(|(number, known, _)| match line.line {
                    Some(_) => *number == line.line,
                    None => *known == text,
                });
                match known {
                    Some((_, known, ids)) if line.hit => {
                        // A line that a sentence rests on stands there whole.
                        *known = text;
                        ids.push(&item.id);
                    }
                    Some(_) => {}
                    None => {
                        let ids = if line.hit { vec![item.id.as_str()] } else { Vec::new() };
                        lines.push((line.line, text, ids));
                    }
                }
            }
        }
        lines.sort_by_key(|(number, _, _)| *number);
        lines
    }

    /// Each citation by its number, the shared lines at the first.
    fn entries(&self, s: &Scribe<'_>) -> Vec<(usize, Value)> {
        let first = self.items.first().map_or("", |item| item.id.as_str());
        let is_beside = self.is_quoted && self.is_by_line();
        let items = self.items.iter().enumerate().map(|(index, item)| {
            // The file stands at the first of them, and the time of a log's line in the line.
            let follows = index > 0;
            let whole = place(item);
            let place = if follows {
                let file = format!("{}/{}", item.bundle, item.file);
                let mut rich = Rich::parse(&s.words.joint.in_file_of);
                rich.append(" ", s.reference(first));
                rich.append(" ", Rich::code(whole.strip_prefix(&file).unwrap_or(&whole)));
                rich
            } else {
                Rich::code(&whole)
            };
            let is_told = item
                .time
                .as_ref()
                .is_none_or(|when| follows && when.basis == Basis::Exact);
            context! {
                id => item.id.as_str(),
                linkable => is_entry_id(&item.id),
                kind => Value::from(Serde(item.kind)),
                alike => follows && self.items.first().is_some_and(|first| first.kind == item.kind),
                place,
                time => if is_told { Rich::default() } else { s.maybe_when(item.time.as_ref()) },
                short_hash => Rich::code(&item.sha256.chars().take(12).collect::<String>()),
                quote => if is_beside { self.own_quote(s, item) } else { Rich::default() },
                searched => item.searched.map(searched),
            }
        });
        let items: Vec<Value> = items.collect();
        let entries = self.numbers.iter().zip(items).enumerate();
        entries
            .map(|(index, (number, item))| {
                let block = if index == 0 { self.block(s) } else { String::new() };
                (*number, context! { items => vec![item], block })
            })
            .collect()
    }

    /// True where every citation is of one line, so that each has its quote beside it.
    fn is_by_line(&self) -> bool {
        let is_line = |item: &&EvidenceItem| matches!(item.quote.as_slice(), [line] if line.hit && line.line.is_some());
        self.items.iter().all(is_line)
    }

    /// The quote of one citation, which stands beside it and in no block.
    fn own_quote(&self, s: &Scribe<'_>, item: &EvidenceItem) -> Rich {
        match item.quote.first() {
            Some(line) if self.items.len() > 1 => Rich::code(&worded(s, &shortened(&row(item, &line.text)))),
            Some(line) => Rich::code(&worded(s, &row(item, &line.text))),
            None => Rich::default(),
        }
    }

    /// The lines as a block; nothing where the quotes are left out or stand beside their citations.
    fn block(&self, s: &Scribe<'_>) -> String {
        let mut lines = Vec::new();
        match self.items.as_slice() {
            _ if !self.is_quoted || self.is_by_line() => {}
            [item] => lines.extend(item.quote.iter().take(MAX_LINES).map(|line| {
                let sign = if line.hit { '▶' } else { ' ' };
                format!("{sign} {:>5}  {}", number(line), worded(s, &row(item, &line.text)))
            })),
            _ => {
                let all = self.lines();
                let label = |ids: &[&str]| match ids {
                    [] => String::new(),
                    [first, .., last] if ids.len() > 2 => format!("{first}…{last} ▶"),
                    ids => format!("{} ▶", ids.join(" ")),
                };
                let width = all
                    .iter()
                    .map(|(_, _, ids)| label(ids).chars().count())
                    .max()
                    .unwrap_or_default();
                lines.extend(all.iter().map(|(number, text, ids)| {
                    let number = number.map(|number| number.to_string()).unwrap_or_default();
                    format!("{:<width$} {number:>4}  {}", label(ids), worded(s, text))
                }));
            }
        }
        lines.join("\n")
    }
}

/// Digits of a digest that are enough to know it by, as container engines show it.
const SHORT_ID: usize = 12;
/// Digits from which a run of them is a digest.
const DIGEST: usize = 40;

/// A line of a shared excerpt: columns close together, digests by their first digits. The JSON and HTML reports have it whole.
fn shortened(line: &str) -> String {
    let line = quotes::squeezed(line);
    let mut out = String::with_capacity(line.len());
    let mut digits = String::new();
    for c in line.chars().chain(['\n']) {
        if c.is_ascii_digit() || ('a'..='f').contains(&c) {
            digits.push(c);
            continue;
        }
        if digits.len() >= DIGEST {
            digits.truncate(SHORT_ID);
            digits.push('…');
        }
        out.push_str(&digits);
        digits.clear();
        out.push(c);
    }
    out.truncate(out.len().saturating_sub(1));
    out
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_digest_is_shown_by_its_first_digits() {
        let id = "54e55a2ddc699ac161aaffaa029c11844fa700bfca6817edf2b1d8cadc96961e";
        assert_eq!(
            shortened(&format!("destroy {id}    (name=share-mnt)")),
            "destroy 54e55a2ddc69…  (name=share-mnt)"
        );
        assert_eq!(shortened("deadbeef 2026"), "deadbeef 2026");
    }
}
