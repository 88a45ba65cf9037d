//! Quotes as they are shown: a long line keeps its head and the parts around the words that matter, and says how much is missing.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::report::model::EvidenceItem;

/// Characters of a quoted line that are shown.
const WIDTH: usize = 400;
/// Of these, at its beginning.
const HEAD: usize = 200;
/// And at its end, where tables have their names.
const TAIL: usize = 60;
/// Kept on either side of a word that matters.
const AROUND: usize = 40;
/// A gap of fewer characters is not worth its mark.
const GAP: usize = 12;

/// The digest of quoted lines, as `verify` computes it again.
pub(super) fn digest<'l>(lines: impl IntoIterator<Item = &'l str>) -> String {
    let lines: Vec<&str> = lines.into_iter().collect();
    let digest = Sha256::digest(lines.join("\n").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Cuts the long lines of an entry. Runs of blanks go first: they are the columns of a table, and say nothing.
pub(super) fn cut(item: &mut EvidenceItem) {
    for line in &mut item.quote {
        if is_long(&line.text) {
            line.text = cut_line(&squeezed(&line.text), &item.words);
        }
    }
    item.words
        .retain(|word| item.quote.iter().any(|line| line.text.contains(word.as_str())));
}

/// A piece of a quoted line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'l> {
    /// What stands there.
    Text(&'l str),
    /// So many characters were left out.
    Missing(usize),
}

/// The pieces of a line that was cut.
pub(super) fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|text| text.find("⟨+")).map(|at| at + from) {
        let (Some(before), Some(behind)) = (rest.get(..at), rest.get(at + "⟨+".len()..)) else {
            break;
        };
        let count = behind
            .split_once('⟩')
            .and_then(|(count, tail)| Some((count.parse().ok()?, tail)));
        match count {
            Some((count, tail)) => {
                pieces.extend([Piece::Text(before), Piece::Missing(count)]);
                rest = tail;
                from = 0;
            }
            None => from = at + "⟨+".len(),
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// True for a line that is shown shortened.
pub(super) fn is_long(line: &str) -> bool {
    line.chars().nth(WIDTH).is_some()
}

/// The line with every run of blanks as two of them.
pub(super) fn squeezed(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut blanks = 0;
    for c in line.chars() {
        blanks = if c == ' ' { blanks + 1 } else { 0 };
        if blanks <= 2 {
            out.push(c);
        }
    }
    out
}

/// `head⟨+n⟩…⟨+m⟩tail`, where `n` counts the characters that are missing there.
fn cut_line(line: &str, words: &[String]) -> String {
    let chars: Vec<char> = line.chars().collect();
    if !is_long(line) {
        return line.to_owned();
    }
    let mut kept: Vec<Range<usize>> = vec![0..HEAD, chars.len() - TAIL..chars.len()];
    let mut room = WIDTH - HEAD - TAIL;
    for word in words {
        let Some(at) = line.find(word.as_str()) else { continue };
        let start = line.get(..at).map_or(0, |before| before.chars().count());
        let around = start.saturating_sub(AROUND)..(start + word.chars().count() + AROUND).min(chars.len());
        let is_shown = kept
            .iter()
            .any(|range| range.start <= around.start && around.end <= range.end);
        if !is_shown && around.len() <= room {
            room -= around.len();
            kept.push(around);
        }
    }
    kept.sort_by_key(|range| range.start);
    let mut out = String::new();
    let mut end = 0;
    for range in kept {
        let gap = range.start.saturating_sub(end);
        let start = if gap > GAP {
            out.push_str(&format!("⟨+{gap}⟩"));
            range.start
        } else {
            end
        };
        out.extend(chars.get(start..range.end.max(start)).into_iter().flatten());
        end = end.max(range.end);
    }
    out
}

/// True when a text has this word, and no letter or digit around it makes it another one.
pub(super) fn stands_in(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let first = is_part(word.chars().next());
    let last = is_part(word.chars().next_back());
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
            !(first && before.is_some_and(|c| c.is_ascii_alphanumeric())
                || last && after.is_some_and(|c| c.is_ascii_alphanumeric()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_table_go_before_its_words() {
        let row = format!(
            "54e55a2ddc69{}rancher/agent:v2{}Exited (0) 12 seconds ago{}share-mnt",
            " ".repeat(90),
            " ".repeat(250),
            " ".repeat(30)
        );
        let squeezed = squeezed(&row);
        assert_eq!(
            squeezed,
            "54e55a2ddc69  rancher/agent:v2  Exited (0) 12 seconds ago  share-mnt"
        );
        assert_eq!(cut_line(&squeezed, &[]), squeezed);
    }

    #[test]
    fn head_hit_and_tail_survive_and_every_missing_character_is_counted() {
        let line = format!(
            "{}{}NEEDLE{}{}",
            "h".repeat(300),
            "x".repeat(500),
            "y".repeat(700),
            "name"
        );
        let cut = cut_line(&line, &["NEEDLE".to_owned()]);
        assert!(
            cut.starts_with("hhh") && cut.contains("xNEEDLEy") && cut.ends_with("yname"),
            "{cut}"
        );
        let (mut shown, mut missing) = (0, 0);
        for piece in pieces(&cut) {
            match piece {
                Piece::Text(text) => shown += text.chars().count(),
                Piece::Missing(count) => missing += count,
            }
        }
        assert_eq!(shown + missing, line.chars().count());
        assert!(shown <= WIDTH);
    }

    #[test]
    fn a_word_is_no_part_of_another() {
        assert!(stands_in("name=web,", "web") && stands_in("web-0", "web") && stands_in("节点 n1 上", "n1"));
        assert!(!stands_in("webhook", "web") && !stands_in("abcweb", "web") && !stands_in("n12", "n1"));
    }
}
