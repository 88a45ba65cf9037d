//! Private keys in PEM (RFC 7468, and the OpenSSH and PGP armour that look alike). Certificates and public keys are not touched.

use std::sync::LazyLock;

use regex::Regex;

use super::Class;
use super::further::Read;
use super::patterns::Hit;
use super::values;

/// One private-key block in a text.
pub(super) struct Block {
    /// From the first dash of the BEGIN line, in bytes.
    pub(super) start: usize,
    /// To the end of the END line, or of what is left of a cut block.
    pub(super) end: usize,
    /// The base64 lines, without escapes and log prefixes.
    pub(super) lines: Vec<String>,
}

#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static BEGIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----").unwrap());

#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static END: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-----(?:BEGIN |END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)").unwrap());

/// Escaped or real white space, in which a cut block may go on.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static CUT_BODY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(?:[A-Za-z0-9+/=]{16,}|\s|\\+[nrt])+").unwrap());

#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static LINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:\\+[nrt])*([A-Za-z0-9+/]{20,}={0,2})").unwrap());

/// The longest block that is believed: four times a PEM of a 16384-bit RSA key with log prefixes.
const LONGEST: usize = 64 * 1024;

/// True for a text that is certificates and nothing else: what stands beside them may be anything.
pub(super) fn is_public(text: &str) -> bool {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(&byte);
    let mut rest = text.trim();
    let mut any = false;
    while let Some(after) = rest.strip_prefix(BEGIN) {
        match after.split_once(END) {
            Some((body, next)) if body.bytes().all(is_base64) => rest = next.trim_start(),
            _ => return false,
        }
        any = true;
    }
    any && rest.is_empty()
}

/// All private-key blocks, in order. A block whose END is missing ends where its base64 ends; a heading without a body is no key.
pub(super) fn find(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(begin) = text.get(at..).and_then(|rest| BEGIN.find(rest)) {
        let (start, body) = (at + begin.start(), at + begin.end());
        let rest = text.get(body..).unwrap_or_default();
        let window = rest.get(..rest.floor_char_boundary(LONGEST)).unwrap_or(rest);
        let ended = END.find(window).filter(|end| end.as_str().contains("END"));
        let length = ended.map_or_else(
            || CUT_BODY.find(window).map_or(0, |cut| cut.as_str().trim_end().len()),
            |end| end.start(),
        );
        let lines = lines(window.get(..length).unwrap_or_default());
        at = body + ended.map_or(length, |end| end.end());
        if !lines.is_empty() {
            blocks.push(Block { start, end: at, lines });
        }
    }
    blocks
}

/// What ends a key.
pub(super) const TAIL_WORDS: &[&str] = &["PRIVATE KEY-----", "PRIVATE KEY BLOCK-----"];

/// What is left of a key whose first lines were cut off, in front of the END line that starts and ends at these bytes.
pub(super) fn read_tail(text: &str, start: usize, end: usize) -> Read {
    let line = text.get(start..end).unwrap_or_default();
    let hit = END
        .find_iter(line)
        .filter(|found| found.as_str().contains("END"))
        .find_map(|found| {
            let behind = start + found.start();
            let first = text.ceil_char_boundary(behind.saturating_sub(LONGEST));
            tail(text.get(first..behind).unwrap_or_default()).map(|body| (first + body, start + found.end()))
        });
    let hits = hit.map(|(from, to)| {
        let lines = lines(text.get(from..to).unwrap_or_default());
        Hit {
            start: from,
            end: to,
            class: Class::PrivateKey,
            value: lines.concat(),
            literals: lines.into_iter().filter(|line| values::is_memorable(line)).collect(),
        }
    });
    Read {
        hits: hits.into_iter().collect(),
        end,
    }
}

/// Where the base64 begins that ends `text`, with or without what a log puts before each line; none where there is none, or where its
/// BEGIN line is there.
fn tail(text: &str) -> Option<usize> {
    /// A line of base64 in PEM has 64 characters, of which a log may have wrapped some.
    const WHOLE: usize = 40;
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut rest = text;
    let mut start = None;
    let mut is_key = false;
    loop {
        // Line ends, real ones and those of JSON.
        rest = rest.trim_end();
        while let Some(shorter) = rest.strip_suffix("\\n").or_else(|| rest.strip_suffix("\\r")) {
            rest = shorter.trim_end_matches('\\').trim_end();
        }
        // An escape's letter before the word belongs to the escape.
        let before = rest.trim_end_matches(is_base64);
        let word = rest.get(before.len()..).unwrap_or_default();
        let escape = usize::from(before.ends_with('\\') && word.starts_with(['n', 'r', 't']));
        let word = word.get(escape..).unwrap_or_default();
        let at = rest.len() - word.len();
        // Only the last line may be short.
        let is_line = word.len() >= WHOLE || start.is_none() && word.len() >= 4 && !word.starts_with('=');
        if !is_line {
            // What a log puts before the END line.
            match rest.rfind('\n').filter(|_| start.is_none() && word.len() < 4) {
                Some(line) if rest.len() == text.trim_end().len() => {
                    rest = rest.get(..line).unwrap_or_default();
                    continue;
                }
                _ => break,
            }
        }
        start = Some(at);
        // A word of a sentence stands alone, and looks like one.
        is_key |= word.len() >= WHOLE || word.ends_with('=') || values::is_mixed(word);
        rest = rest.get(..at).unwrap_or_default();
        let line = rest.rfind('\n').map_or(0, |end| end + 1);
        let prefix = rest.get(line..).unwrap_or_default();
        if prefix.contains("-----BEGIN") {
            return None;
        }
        if !prefix.trim().is_empty() && !prefix.ends_with('\\') && !prefix.trim_end().ends_with("\\n") {
            // What a log puts before a line.
            rest = rest.get(..line).unwrap_or_default();
        }
    }
    let begun = rest
        .trim_end()
        .rsplit('\n')
        .next()
        .is_some_and(|line| line.contains("-----BEGIN"));
    start.filter(|_| is_key && !begun)
}

fn lines(body: &str) -> Vec<String> {
    LINE.captures_iter(body)
        .filter_map(|found| found.get(1))
        .map(|line| line.as_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Masker;
    use super::is_public;

    #[test]
    fn the_rest_of_a_key_is_a_key() {
        const FIRST: &str = "MIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tGxhQYd0cX0hlhYnmPO2oY7Q8J";
        for text in [
            format!("cut here\n{FIRST}\nxhQYd0cX0hlh==\n-----END RSA PRIVATE KEY-----\nafter"),
            format!("  {FIRST}\n  xhQYd0cX0hlh==\n  -----END PRIVATE KEY-----\n"),
            format!("{FIRST}\\nxhQYd0cX0hlh==\\n-----END EC PRIVATE KEY-----\\n"),
            format!(
                "2026-11-21T10:00:00Z stdout F {FIRST}\n2026-11-21T10:00:00Z stdout F xhQYd0cX0hlh==\n2026-11-21T10:00:00Z stdout F -----END OPENSSH PRIVATE KEY-----\n"
            ),
        ] {
            let masked = Masker::new().mask(&text).into_owned();
            assert!(
                !masked.contains("MIIEpAIB") && !masked.contains("xhQYd0cX0hlh"),
                "{masked}"
            );
            assert_eq!(masked.lines().count(), text.lines().count());
        }
        for text in [
            "expected -----END RSA PRIVATE KEY----- in key.pem".to_owned(),
            format!("-----BEGIN CERTIFICATE-----\n{FIRST}\n-----END CERTIFICATE-----\n"),
        ] {
            assert_eq!(Masker::new().mask(&text), text);
        }
    }

    #[test]
    fn only_certificates_alone_are_public() {
        const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n";
        assert!(is_public(CERTIFICATE));
        assert!(is_public(&format!("{CERTIFICATE}\n{CERTIFICATE}")));
        for other in [
            format!("truststore={CERTIFICATE}\npw=hunter-2-hunter"),
            format!("{CERTIFICATE}pw=hunter-2-hunter"),
            CERTIFICATE.replace("-----END CERTIFICATE-----", "cut here"),
            String::new(),
        ] {
            assert!(!is_public(&other), "{other}");
        }
    }
}
