//! Finds literals of which a match of a regular expression must hold at least one, so that one automaton can rule out most lines.

use regex_syntax::hir::{Hir, HirKind};

/// Shorter literals would wake the regular expression too often to be of use.
pub(super) const SHORTEST: usize = 4;

/// A set of literals, lower-cased, such that every match of `pattern` contains one of them; none when there is no useful set.
pub(super) fn required(pattern: &str) -> Option<Vec<String>> {
    // The automaton ignores case anyway; without the flag the literals stay whole.
    let pattern = pattern.strip_prefix("(?i)").unwrap_or(pattern);
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let set = any_of(&hir)?;
    (shortest(&set) >= SHORTEST).then(|| set.into_iter().map(|literal| literal.to_lowercase()).collect())
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
        // The most selective child decides: the one whose shortest literal is longest.
        HirKind::Concat(children) => children.iter().filter_map(any_of).max_by_key(|set| shortest(set)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::required;

    #[test]
    fn the_most_selective_part_is_chosen() {
        assert_eq!(
            required(r"pulling from host (?P<host>\S+) failed with status code .*401").unwrap(),
            [" failed with status code "]
        );
        assert_eq!(
            required(r"(?i)(?:No such file|Not a directory)").unwrap(),
            ["no such file", "not a directory"]
        );
        assert_eq!(required(r"\d+ [a-z]+"), None);
    }
}
