//! Finds literals of which a match of a regular expression must hold at least one, so that one automaton can rule out most lines.

use std::cmp::Reverse;

use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind};

/// Shorter literals would wake the regular expression too often to be of use.
pub(super) const SHORTEST: usize = 4;
/// Longer literals rule out no more lines.
const LONG_ENOUGH: usize = 12;
/// Literals of one signature; each makes the automaton larger, and with it slower.
const MOST: usize = 32;

/// A set of literals, lower-cased, such that every match of `pattern` contains one of them; none when there is no useful set.
///
/// # Errors
/// The pattern is no regular expression.
pub(super) fn required(pattern: &str) -> Result<Option<Vec<String>>, Box<regex_syntax::Error>> {
    // The automaton ignores case anyway; without the flag the literals stay whole.
    let pattern = pattern.strip_prefix("(?i)").unwrap_or(pattern);
    let hir = regex_syntax::Parser::new().parse(pattern).map_err(Box::new)?;
    let set = any_of(&hir).filter(|set| shortest(set) >= SHORTEST);
    Ok(set.map(|mut set| {
        for literal in &mut set {
            *literal = between_quotes(literal).to_lowercase();
        }
        set.sort_unstable();
        set.dedup();
        set
    }))
}

/// The longest part of a literal before or from a quotation mark, which logs may have escaped; all of it where every part is too short.
fn between_quotes(literal: &str) -> &str {
    let marks = literal.match_indices('"').map(|(at, _)| at).filter(|at| *at > 0);
    let mut parts = Vec::new();
    let mut from = 0;
    for at in marks {
        parts.extend(literal.get(from..at));
        from = at;
    }
    parts.extend(literal.get(from..));
    let longest = parts.into_iter().max_by_key(|part| part.len()).unwrap_or(literal);
    if longest.len() >= SHORTEST { longest } else { literal }
}

fn shortest(set: &[String]) -> usize {
    set.iter().map(String::len).min().unwrap_or(0)
}

fn any_of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![String::from_utf8(literal.0.to_vec()).ok()?]),
        HirKind::Capture(capture) => any_of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => any_of(&repetition.sub),
        HirKind::Alternation(branches) => {
            let sets: Option<Vec<_>> = branches.iter().map(any_of).collect();
            Some(sets?.concat())
        }
        HirKind::Concat(children) => any_of_concat(children),
        _ => None,
    }
}

/// The most selective part decides: the one whose shortest literal is longest. Where that is a short word, so is what stands around
/// it: `[Ss]tatus[ _]code` needs one of four words that are rarer than `tatus`.
fn any_of_concat(children: &[Hir]) -> Option<Vec<String>> {
    let worth = |set: &Vec<String>| (shortest(set).min(LONG_ENOUGH), Reverse(set.len()));
    let alone = children.iter().filter_map(any_of).max_by_key(worth);
    if alone.as_ref().is_some_and(|set| shortest(set) >= LONG_ENOUGH) {
        return alone;
    }
    let together = (0..children.len()).filter_map(|from| starts_of(children.get(from..)?));
    together.chain(alone).max_by_key(worth)
}

/// What a match of these expressions in a row begins with.
fn starts_of(children: &[Hir]) -> Option<Vec<String>> {
    let mut extractor = Extractor::new();
    extractor
        .kind(ExtractKind::Prefix)
        .limit_class(8)
        .limit_repeat(2)
        .limit_total(MOST);
    let starts = extractor.extract(&Hir::concat(children.to_vec()));
    let as_text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    starts
        .literals()?
        .iter()
        .map(|start| as_text(start.as_bytes()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::required;

    fn of(pattern: &str) -> Vec<String> {
        required(pattern).unwrap().unwrap()
    }

    #[test]
    fn the_most_selective_part_is_chosen() {
        assert_eq!(
            of(r"pulling from host (?P<host>\S+) failed with status code .*401"),
            [" failed with status code "]
        );
        assert_eq!(
            of(r"(?i)(?:No such file|Not a directory)"),
            ["no such file", "not a directory"]
        );
        assert_eq!(required(r"\d+ [a-z]+").unwrap(), None);
    }

    #[test]
    fn a_short_word_is_taken_with_what_stands_around_it() {
        assert_eq!(
            of(r"\b[Ss]tatus[ _]?[Cc]ode=(?P<status>5\d\d)"),
            ["status code=5", "status_code=5", "statuscode=5"]
        );
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        assert!(required("(").is_err());
    }
}
