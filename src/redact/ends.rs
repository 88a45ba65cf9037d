//! Where a value ends that has no quotes around it.

use std::ops::Range;

/// Without the punctuation of what stands around it.
pub(super) fn trimmed(value: &str) -> &str {
    value.trim_end_matches([',', ';', ')', ']', '}', '`'])
}

/// Whether a place in a text is between the braces of a flow mapping, asked from its start to its end: a line may be as long as its file,
/// with such a place everywhere in it.
#[derive(Default)]
pub(super) struct Braces {
    at: usize,
    /// Braces that are open in the line.
    open: i64,
}

impl Braces {
    fn are_around(&mut self, text: &str, place: usize) -> bool {
        for byte in text.as_bytes().get(self.at..place).unwrap_or_default() {
            match byte {
                b'{' => self.open += 1,
                b'}' => self.open -= 1,
                b'\n' => self.open = 0,
                _ => {}
            }
        }
        self.at = self.at.max(place);
        self.open > 0
    }
}

/// The value at `value`, whose name stands at `key`: in the query of a URL it ends at an ampersand (URL Standard, 5.1), and between the
/// braces of a flow mapping at the comma before the next key (YAML 1.2.2, 7.3.3). Values of one window are asked for in their order.
pub(super) fn value<'w>(window: &'w str, key: Range<usize>, value: Range<usize>, braces: &mut Braces) -> &'w str {
    let before = window.get(..key.start).unwrap_or_default();
    let value = window.get(value).unwrap_or_default();
    let mut end = value.len();
    if before.ends_with(['?', '&']) {
        end = value.find('&').unwrap_or(end);
    }
    if value.contains(',') && braces.are_around(window, key.start) {
        let commas = value.match_indices(',').map(|(at, _)| at);
        let mut before_keys = commas.filter(|at| value.get(at + 1..).is_some_and(starts_with_key));
        end = before_keys.next().map_or(end, |comma| end.min(comma));
    }
    trimmed(value.get(..end).unwrap_or_default())
}

/// True for `name:` and `"name":`.
fn starts_with_key(text: &str) -> bool {
    let text = text.trim_start_matches('"');
    let name = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    name.len() < text.len() && name.trim_start_matches('"').starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::super::Masker;
    use super::*;

    #[test]
    fn what_follows_a_value_stays() {
        for (text, masked) in [
            ("GET /v3?token=k7d9f2m4&x=1", "GET /v3?token=‹token-1›&x=1"),
            ("user=bob&password=horse&x=1", "user=bob&password=‹password-1›&x=1"),
            (
                "{client-key-data: TUlJRXBBSUJ1,certificate-authority-data: LS0tLS1CRUdJ,x: 1}",
                "{client-key-data: ‹private-key-1›,certificate-authority-data: LS0tLS1CRUdJ,x: 1}",
            ),
            // Nobody says where these end.
            ("password=hunter2&x=1", "password=‹password-1›"),
            ("password: hun,ter:2", "password: ‹password-1›"),
        ] {
            assert_eq!(Masker::new().mask(text), masked);
        }
    }

    /// To look for the brace of each value from the start of the line would take minutes.
    #[test]
    fn a_long_line_of_values_is_gone_through_once() {
        const VALUES: usize = 100_000;
        let pair = "password: X,tls: on, ";
        let line = format!("{{{}}}", pair.repeat(VALUES));
        let mut braces = Braces::default();
        for at in (0..VALUES).map(|number| 1 + number * pair.len()) {
            let found = value(&line, at..at + 8, at + 10..at + 16, &mut braces);
            assert_eq!(found, "X");
        }
    }
}
