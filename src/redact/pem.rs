//! Private keys in PEM (RFC 7468, and the OpenSSH and PGP armour that look alike). Certificates and public keys are not touched.

use std::sync::LazyLock;

use regex::Regex;

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

fn lines(body: &str) -> Vec<String> {
    LINE.captures_iter(body)
        .filter_map(|found| found.get(1))
        .map(|line| line.as_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::is_public;

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
