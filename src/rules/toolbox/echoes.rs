//! What one program says of its own accord and its callers pass on: the words of an error that a caller got as an answer stand, without the
//! caller's wrapping, in the log of the program that gave it.

use super::complaints::speaker_is_data_store;
use super::errors::is_relayed;
use super::services::same_namespace;
use super::speakers::{Speaker, is_previous, of_log};
use super::words;
use crate::cluster::Snapshot;
use crate::logs::{LogFile, TailLine, is_of_control_plane};

/// Where passed words come from.
pub struct Origin<'s> {
    /// Who said them of its own accord.
    pub speaker: Speaker<'s>,
    /// Its log.
    pub log: &'s LogFile,
    /// First and last line with them.
    pub lines: (&'s TailLine, &'s TailLine),
    /// Lines with them.
    pub times: usize,
    /// Lines that were looked at.
    pub looked: usize,
}

/// What stands before words that a program passes on: Go's and Java's wrapping of errors, the description of a gRPC status.
const WRAPPERS: [&str; 3] = ["desc = ", ": ", "details = "];
/// Fewer letters, or fewer words, are said by many.
const LEAST_LETTERS: usize = 20;
const LEAST_WORDS: usize = 3;

/// The only other program of the namespace that says, not as an answer that it got itself, what `line` of `caller` passes on.
pub fn origin<'s>(snapshot: &'s Snapshot, caller: &Speaker<'_>, line: &TailLine) -> Option<Origin<'s>> {
    let passed = passed_on(words(line))?;
    let mut found: Option<Origin<'s>> = None;
    for log in &snapshot.logs {
        let own: Vec<&TailLine> = log
            .tail
            .iter()
            .filter(|line| says_itself(words(line), passed))
            .collect();
        let (Some(first), Some(last)) = (own.first(), own.last()) else {
            continue;
        };
        let Some(speaker) = of_log(snapshot, log) else { continue };
        let is_other = speaker.workload != caller.workload
            && same_namespace(&speaker.workload.namespace, &caller.workload.namespace)
            && speaker.certain
            && !is_previous(log)
            && !is_of_control_plane(&speaker.workload.namespace)
            && !speaker_is_data_store(&speaker);
        if !is_other {
            continue;
        }
        if found
            .as_ref()
            .is_some_and(|known| known.speaker.workload != speaker.workload)
        {
            return None;
        }
        found.get_or_insert(Origin {
            speaker,
            log,
            lines: (first, last),
            times: own.len(),
            looked: log.tail.len(),
        });
    }
    found
}

/// The innermost words that a line passes on; none for what says only that somebody is out of reach.
fn passed_on(line: &str) -> Option<&str> {
    let (at, wrapper) = WRAPPERS
        .iter()
        .filter_map(|wrapper| Some((line.rfind(wrapper)?, *wrapper)))
        .max_by_key(|(at, wrapper)| at + wrapper.len())?;
    let rest = line.get(at + wrapper.len()..)?;
    let passed = rest.split(['"', '\\', '\n']).next()?.trim_end();
    let is_telling = passed.len() >= LEAST_LETTERS && passed.split_whitespace().count() >= LEAST_WORDS;
    (is_telling && !is_relayed(passed)).then_some(passed)
}

/// True for a line with these words that does not tell them as the answer of somebody else.
fn says_itself(line: &str, passed: &str) -> bool {
    line.find(passed).is_some_and(|at| {
        let before = line.get(..at).unwrap_or("");
        !before.ends_with("desc = ") && !before.ends_with("details = ") && !is_relayed(before)
    })
}

#[cfg(test)]
mod tests {
    use super::{passed_on, says_itself};

    #[test]
    fn the_innermost_words_are_what_is_passed_on() {
        for (line, expected) in [
            (
                r#"{"error":"failed to charge card: rpc error: code = Unknown desc = Card has no number and no name","level":"error"}"#,
                Some("Card has no number and no name"),
            ),
            (
                "quote failed: no rate table for zone north",
                Some("no rate table for zone north"),
            ),
            (
                "GET http://stock:8080/items failed: dial tcp 10.0.0.9:8080: connection refused by the peer",
                None,
            ),
            ("payment failed: declined", None),
        ] {
            assert_eq!(passed_on(line), expected, "{line}");
        }
    }

    #[test]
    fn who_got_the_words_as_an_answer_does_not_say_them_itself() {
        let words = "Card has no number and no name";
        assert!(says_itself(
            r#"{"err":{"message":"Card has no number and no name"}}"#,
            words
        ));
        assert!(!says_itself(
            "rpc error: code = Unknown desc = Card has no number and no name",
            words
        ));
    }
}
