//! An issue on GitHub within its limit: summary, chapters, runbook and gaps whole, and of what follows as many entries as there is room for.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::markdown::{self, Place};
use super::rich::Rich;
use super::ticket::{fit, outside_blocks};
use crate::model::Lang;
use crate::report::escape;
use crate::report::locale::{LocaleError, Words};
use crate::report::model::PostMortem;

/// Room for the note at the end, beside what it names.
const NOTE: usize = 400;
/// Characters of the file's name in that note.
const NAME: usize = 100;

/// A link to an entry: evidence, knowledge, details, a step, a finding.
static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[(\[?[A-Z][0-9]+\]?)\]\(#([a-z][0-9]+)\)").ok());

/// The body of an issue with a note of what it leaves out. `text` has the chapters in the order of their weight; an entry begins with a
/// heading of the third level, or with an anchor in a list.
pub(super) fn fitted(report: &PostMortem, lang: Lang, text: &str, limit: usize) -> Result<String, LocaleError> {
    let words = Words::load(lang)?;
    let chapter = |key: &str| {
        words
            .all
            .get_attr("chapter")
            .and_then(|all| all.get_attr(key))
            .unwrap_or_default()
    };
    let name = |key: &str| short(&chapter(key).to_string());
    let (details, places) = (format!("## {}", chapter("details")), format!("## {}", chapter("a")));
    let starts: Vec<(usize, &str)> = outside_blocks(text).collect();
    let kept_whole = starts.iter().find(|(_, line)| *line == details || *line == places);
    let whole = kept_whole.map_or(text.len(), |(start, _)| *start);
    // Evidence and details may be left out; the rest of the report never stands in an issue.
    let always = ["findings", "c", "d", "e", "f"].map(name);
    let room = limit.saturating_sub(NOTE);
    if text.get(..whole).is_none_or(|head| head.chars().count() > room) {
        return fit(text, limit, lang, "## ");
    }
    let is_entry = |line: &str| {
        line.starts_with("## ")
            || line.starts_with("### ")
            || line.starts_with("<a id=")
            || line.starts_with("- <a id=")
    };
    let ends = starts.iter().filter(|(start, line)| *start >= whole && is_entry(line));
    let mut ends = ends.map(|(start, _)| *start).chain([text.len()]);
    let fits = |end: &usize| text.get(..*end).is_some_and(|head| head.chars().count() <= room);
    let end = ends.rfind(fits).unwrap_or(whole);
    let (kept, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let anchors = |text: &str| -> Vec<String> {
        let found = text
            .match_indices("<a id=\"")
            .filter_map(|(at, mark)| text.get(at + mark.len()..)?.split_once('"'));
        found.map(|(id, _)| id.to_uppercase()).collect()
    };
    let here: BTreeSet<String> = anchors(kept).into_iter().collect();
    let mut parts: Vec<String> = Vec::new();
    let left = anchors(rest);
    let first = |kind: char| left.iter().find(|id| id.starts_with(kind));
    let begun = |chapter: &str, id: &String| {
        words
            .fixed
            .ticket
            .from
            .replace("{chapter}", chapter)
            .replace("{id}", id)
    };
    parts.extend(first('D').map(|id| begun(&name("details"), id)));
    parts.extend(always.first().cloned());
    parts.extend(first('E').map(|id| begun(&name("a"), id)));
    parts.extend(
        first('K')
            .zip(left.iter().rfind(|id| id.starts_with('K')))
            .map(|(from, to)| format!("{from}–{to}")),
    );
    parts.extend(always.into_iter().skip(1));
    let alias = report.bundles.first().map_or("report", |bundle| bundle.alias.as_str());
    let alias: String = escape::visible(alias).chars().take(NAME).collect();
    let code = match lang {
        Lang::Zh => "zh",
        Lang::En => "en",
    };
    let note = &words.fixed.ticket;
    let note = match rest.is_empty() {
        true => &note.not_part,
        false => &note.left_out,
    };
    let file = Rich::code(&format!("{alias}.{code}.md"));
    let note = note
        .replace("{limit}", &limit.to_string())
        .replace("{parts}", &parts.join(&words.fixed.ticket.list))
        .replace("{file}", &markdown::inline(&file, Place::Prose));
    Ok(format!("{}\n\n{note}\n", unlinked(kept, &here).trim_end()))
}

/// What a reference to a chapter calls it: `Appendix C` of "Appendix C Time base".
fn short(title: &str) -> String {
    let mut words = title.split_whitespace();
    match (words.next(), words.next()) {
        (Some(first), Some(letter)) if letter.chars().count() == 1 => format!("{first} {letter}"),
        _ => title.to_owned(),
    }
}

/// Links to entries that are not there become words.
fn unlinked(text: &str, here: &BTreeSet<String>) -> String {
    let Some(link) = LINK.as_ref() else {
        return text.to_owned();
    };
    let plain = |found: &regex::Captures<'_>| {
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        match here.contains(&part(2).to_uppercase()) {
            true => part(0).to_owned(),
            false => part(1).to_owned(),
        }
    };
    link.replace_all(text, plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_what_was_left_out_is_words() {
        let here = BTreeSet::from(["E1".to_owned()]);
        assert_eq!(
            unlinked("a [[E1]](#e1)–[[E9]](#e9), [[D2]](#d2), [2.2.3](#223-x)", &here),
            "a [[E1]](#e1)–[E9], [D2], [2.2.3](#223-x)"
        );
    }

    #[test]
    fn a_chapter_is_named_by_its_letter() {
        assert_eq!(short("Appendix C Time base and clock skew"), "Appendix C");
        assert_eq!(short("附录 C 时间基准与时钟偏差"), "附录 C");
        assert_eq!(short("Findings"), "Findings");
    }
}
