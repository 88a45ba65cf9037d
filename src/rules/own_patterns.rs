//! Regular expressions of users' rules: bounded more tightly than the built-in ones, which tests measure.

use regex::RegexBuilder;
use regex_syntax::hir::{Hir, HirKind};

use super::said::said;
use crate::model::Text;

/// Bytes of one compiled pattern.
const SIZE: usize = 512 << 10;
/// How often counted repetitions may repeat a part of a pattern, one in another: each copy is tried at each byte of a line.
const COPIES: u64 = 1000;

/// What is wrong with a pattern; none where it may be tried on logs.
pub(super) fn refused(pattern: &str) -> Option<Text> {
    // What does not parse is told by its compilation.
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let copies = copies(&hir);
    if copies > COPIES {
        return Some(said("pattern-copies", &[("copies", &copies.to_string())]));
    }
    let built = RegexBuilder::new(pattern).size_limit(SIZE).build();
    matches!(built, Err(regex::Error::CompiledTooBig(_))).then(|| said("pattern-size", &[("size", &SIZE.to_string())]))
}

/// The most copies that counted repetitions make of a part of an expression.
fn copies(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min)).max(1);
            times.saturating_mul(copies(&repetition.sub))
        }
        HirKind::Capture(capture) => copies(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(copies).max().unwrap_or(1),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_of_repetitions_are_refused_and_names_are_not() {
        assert!(
            refused(r"aaaa(?:a{0,60}){0,60}(?:a{0,20}){0,20}$b").is_some_and(|said| said.en.contains("3600 times"))
        );
        for pattern in [
            r"ledger: giving up after (?P<attempts>\d+) attempts",
            r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
            r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
        ] {
            assert_eq!(refused(pattern), None, "{pattern}");
        }
    }
}
