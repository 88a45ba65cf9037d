//! The words of all detectors, found in one pass.

use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::{Builder, DFA};
use aho_corasick::{Anchored, BuildError};

/// A step of an automaton waits for the one before it, so four parts of a text are gone through side by side, in a third of the time.
const LANES: usize = 4;

/// An automaton over words that hold no line feed, in any case of their letters.
pub(super) struct Words {
    automaton: DFA,
}

/// A word in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    /// Which of the words.
    pub(super) number: usize,
    /// Where it starts, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

impl Words {
    /// Finds these words.
    pub(super) fn new(words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<Self, BuildError> {
        let automaton = Builder::new().ascii_case_insensitive(true).build(words)?;
        Ok(Self { automaton })
    }

    /// Tells every word of `text`, also those in other words. The words of one line come in the order of their ends.
    pub(super) fn find(&self, text: &[u8], mut tell: impl FnMut(Word)) {
        let Ok(start) = self.automaton.start_state(Anchored::No) else {
            return;
        };
        let [a, b, c, d] = lanes(text);
        let mut states = [start; LANES];
        let together = a.1.len().min(b.1.len()).min(c.1.len()).min(d.1.len());
        let side_by_side = a.1.iter().zip(b.1).zip(c.1).zip(d.1).enumerate();
        for (at, (((a1, b1), c1), d1)) in side_by_side {
            let [a0, b0, c0, d0] = states;
            states = [
                self.automaton.next_state(Anchored::No, a0, *a1),
                self.automaton.next_state(Anchored::No, b0, *b1),
                self.automaton.next_state(Anchored::No, c0, *c1),
                self.automaton.next_state(Anchored::No, d0, *d1),
            ];
            if states.iter().any(|state| self.automaton.is_match(*state)) {
                for (lane, state) in [a, b, c, d].iter().zip(states) {
                    self.tell(state, lane.0 + at + 1, &mut tell);
                }
            }
        }
        for ((from, lane), mut state) in [a, b, c, d].into_iter().zip(states) {
            for (at, byte) in lane.iter().enumerate().skip(together) {
                state = self.automaton.next_state(Anchored::No, state, *byte);
                self.tell(state, from + at + 1, &mut tell);
            }
        }
    }

    /// The words that end in this state.
    fn tell(&self, state: aho_corasick::automaton::StateID, end: usize, tell: &mut impl FnMut(Word)) {
        if !self.automaton.is_match(state) {
            return;
        }
        for nth in 0..self.automaton.match_len(state) {
            let number = self.automaton.match_pattern(state, nth);
            tell(Word {
                number: number.as_usize(),
                start: end - self.automaton.pattern_len(number),
                end,
            });
        }
    }
}

/// The text in parts of whole lines, each with its first byte.
fn lanes(text: &[u8]) -> [(usize, &[u8]); LANES] {
    let mut rest = text;
    let mut left = LANES;
    [(); LANES].map(|()| {
        let from = text.len() - rest.len();
        let near = rest.len() / left;
        left -= 1;
        let tail = rest.get(near..).unwrap_or_default();
        let end = match memchr::memchr(b'\n', tail).filter(|_| left > 0) {
            Some(at) => near + at + 1,
            None => rest.len(),
        };
        let (lane, behind) = rest.split_at(end);
        rest = behind;
        (from, lane)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a search from start to end finds is found, whatever the lengths of lines.
        #[test]
        fn parts_hide_nothing(text in "(?i)(\n|token|tok|kenpass|secret| |[a-z]{1,9}){0,60}") {
            const WORDS: [&str; 4] = ["token", "ken", "pass", "secret"];
            let mut found = Vec::new();
            Words::new(WORDS).unwrap().find(text.as_bytes(), |word| found.push(word));
            found.sort();
            let lower = text.to_ascii_lowercase();
            let mut expected: Vec<Word> = WORDS.iter().enumerate().flat_map(|(number, word)| {
                lower.match_indices(word).map(move |(start, _)| Word { number, start, end: start + word.len() }).collect::<Vec<_>>()
            }).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
