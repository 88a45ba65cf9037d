//! Reports as tickets: a title on the first line, an empty line, and a body within the limit of the tracker. What does not fit is cut
//! where no block is open, and the cut is announced with what is missing.

use super::issue;
use super::rich::Rich;
use crate::model::{Lang, plain};
use crate::report::escape;
use crate::report::locale::{LocaleError, Words};
use crate::report::model::{PostMortem, SCHEMA_VERSION, Severity};

/// Characters of a title and a body on GitHub (`dead-claudia/github-limits`).
const GITHUB: (usize, usize) = (256, 65_536);
/// Characters of a summary and a description in Jira ("jira.text.field.character.limit", 32,767 unless it was changed).
const JIRA: (usize, usize) = (255, 32_767);

/// Title, empty line, body in Markdown. `body` is what the template gave.
pub(super) fn github(report: &PostMortem, lang: Lang, body: &str) -> Result<String, LocaleError> {
    let level = report
        .incident
        .severity
        .as_ref()
        .map(Severity::level)
        .unwrap_or_default();
    let labels = if level.is_empty() {
        String::new()
    } else {
        format!(", {level}")
    };
    let head = format!(
        "<!-- casefile/{}; labels: incident{labels} -->\n\n",
        report.schema_version
    );
    let body = issue::fitted(report, lang, &format!("{head}{body}"), GITHUB.1)?;
    Ok(format!("{}\n\n{body}", title(report, lang, GITHUB.0)))
}

/// Summary, empty line, description in wiki markup.
pub(super) fn jira(report: &PostMortem, lang: Lang, body: &str) -> Result<String, LocaleError> {
    let body = fit(body, JIRA.1, lang, "h2. ")?;
    Ok(format!("{}\n\n{body}", title(report, lang, JIRA.0)))
}

/// The title as Jira takes it.
pub(super) fn jira_title(report: &PostMortem, lang: Lang) -> String {
    title(report, lang, JIRA.0)
}

/// Characters of a comment in Zendesk (65,535 bytes of a text column; Chinese takes three each).
const ZENDESK: usize = 21_845;

/// The internal note, and after it a draft of the public reply: three parts for people to write, with nothing of the bundle in them, so that
/// no name of a machine or a person goes out. There is no subject, because customers see it.
pub(super) fn zendesk(lang: Lang, body: &str) -> Result<String, LocaleError> {
    let words = Words::load(lang)?.fixed.ticket;
    let parts = [
        (&words.public_summary, &words.public_summary_text),
        (&words.public_happened, &words.public_happened_text),
        (&words.public_doing, &words.public_doing_text),
    ];
    let parts = parts.map(|(title, text)| format!("**{title}**\n\n{text}\n"));
    let reply = format!("# {}\n\n{}", words.public_reply, parts.join("\n"));
    let note = format!(
        "<!-- casefile/{SCHEMA_VERSION} -->\n\n# {}\n\n{body}",
        words.internal_note
    );
    let room = ZENDESK.saturating_sub(reply.chars().count() + 16);
    let note = fit(&note, room, lang, "## ")?;
    Ok(format!("{}\n\n---\n\n{reply}", note.trim_end()))
}

/// What a chat takes; the rest of its 2,000 characters is for the names of the reports.
const CHAT: usize = 1_800;

/// A few lines for a chat.
pub(super) fn summary(lang: Lang, body: &str) -> Result<String, LocaleError> {
    fit(
        &format!("<!-- casefile/{SCHEMA_VERSION} -->\n{body}"),
        CHAT,
        lang,
        "## ",
    )
}

/// Title, empty line, body, as long as it is.
pub(super) fn text(report: &PostMortem, lang: Lang, body: &str) -> String {
    format!("{}\n\n{body}", one_line(&Rich::parse(report.incident.title.get(lang))))
}

/// The title on one line, shortened with an ellipsis.
fn title(report: &PostMortem, lang: Lang, limit: usize) -> String {
    let title = one_line(&Rich::parse(report.incident.title.get(lang)));
    match title.char_indices().nth(limit) {
        None => title,
        Some(_) => title.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Rich text as words on one line.
pub(super) fn one_line(rich: &Rich) -> String {
    escape::visible(&rich.to_string())
        .replace('\n', " ⏎ ")
        .replace('\t', " ")
}

/// A block as lines with a margin.
pub(super) fn indented(content: &str) -> String {
    let content = escape::visible(&plain(content));
    let lines: Vec<String> = content
        .trim_end_matches('\n')
        .lines()
        .map(|line| format!("    {line}"))
        .collect();
    lines.join("\n")
}

/// `text`, or its beginning with a note of the chapters that are missing. `heading` is what chapters begin with.
pub(super) fn fit(text: &str, limit: usize, lang: Lang, heading: &str) -> Result<String, LocaleError> {
    if text.chars().count() <= limit {
        return Ok(text.to_owned());
    }
    let words = Words::load(lang)?.fixed.ticket.cut;
    // Room for the note, which names each chapter once.
    let titles = |text: &str| -> Vec<String> {
        let found = outside_blocks(text).filter_map(|(_, line)| line.strip_prefix(heading));
        found.map(|title| title.trim().to_owned()).collect()
    };
    let note = |parts: &[String]| {
        let note = words
            .replace("{limit}", &limit.to_string())
            .replace("{parts}", &parts.join("; "));
        format!("\n{note}\n")
    };
    let room = limit.saturating_sub(note(&titles(text)).chars().count() + 16);
    let mut end = 0;
    for (start, line) in outside_blocks(text) {
        if text.get(..start).is_none_or(|head| head.chars().count() > room) {
            break;
        }
        if line.trim().is_empty() {
            end = start;
        }
    }
    let (kept, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut missing = titles(rest);
    if let Some(begun) = titles(kept).pop() {
        missing.insert(0, format!("{begun} (…)"));
    }
    Ok(format!("{}\n{}", kept.trim_end(), note(&missing)))
}

/// The lines that stand in no block, with where they start: after a fence, a `<details>` or a `{code}` the next line is outside again.
pub(super) fn outside_blocks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    let mut fence: Option<String> = None;
    let mut folded = 0_usize;
    text.split_inclusive('\n').filter_map(move |line| {
        let here = start;
        start += line.len();
        let line = line.trim_end_matches('\n');
        let inner = line.trim();
        if let Some(close) = &fence {
            if inner == close {
                fence = None;
            }
            return None;
        }
        fence = opened(inner);
        if inner.starts_with("<details") {
            folded += 1;
        }
        if inner == "</details>" {
            folded = folded.saturating_sub(1);
            return None;
        }
        (fence.is_none() && folded == 0).then_some((here, line))
    })
}

/// What will close the block that this line opens.
fn opened(line: &str) -> Option<String> {
    let ticks: String = line.chars().take_while(|&c| c == '`').collect();
    if ticks.len() >= 3 && !line.trim_start_matches('`').contains('`') {
        return Some(ticks);
    }
    match line {
        "{noformat}" => Some(line.to_owned()),
        _ if line.starts_with("{code:") => Some("{code}".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_stands_between_blocks_and_says_what_is_missing() {
        let text = format!(
            "## One\n\nwords\n\n```text\n{}```\n\n## Two\n\nmore\n\n## Three\n\nend\n",
            "line\n\n".repeat(200)
        );
        let cut = fit(&text, 600, Lang::En, "## ").unwrap();
        assert!(cut.chars().count() <= 600, "{cut}");
        assert!(cut.starts_with("## One\n\nwords\n") && !cut.contains("```"), "{cut}");
        assert!(
            cut.contains("600 characters") && cut.contains("One (…); Two; Three"),
            "{cut}"
        );
        assert_eq!(fit(&text, 5000, Lang::En, "## ").unwrap(), text);
    }

    #[test]
    fn a_block_of_jira_is_not_torn() {
        let text = format!(
            "h2. One\n\n{{noformat}}\n{}{{noformat}}\n\nh2. Two\n",
            "x\n\n".repeat(300)
        );
        let cut = fit(&text, 500, Lang::Zh, "h2. ").unwrap();
        assert!(!cut.contains("{noformat}") && cut.contains("One (…); Two"), "{cut}");
    }
}
