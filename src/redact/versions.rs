//! Versions of four numbers, which look like addresses.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::Regex;

/// What says that a version follows.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static SAID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:version|release|revision|\bver|\brev)[\\"']*\s*(?:is\s+)?[:=]?\s*[\\"']*v?$"#).unwrap()
});

/// The name of a package, or an image, in front of its version.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static NAMED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z][-_]$|[a-z0-9]/[a-z0-9._-]*[a-z][a-z0-9._-]*:$").unwrap());

/// The revision of a package after its version.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static REVISION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(?:[-_+~][A-Za-z]|[-+~][0-9]+\.[a-z])").unwrap());

/// What the numbers are, by what stands beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// An address.
    Address,
    /// Rather a version, where the same numbers are nowhere an address.
    Doubtful,
    /// A version.
    Version,
}

/// What `address` is between `before` and `after`. A private address is one beside anything but the word.
pub(super) fn looks(before: &str, address: Ipv4Addr, after: &str) -> Looks {
    let near = before.get(before.floor_char_boundary(before.len().saturating_sub(80))..);
    let near = near.unwrap_or_default();
    let near = near.rsplit('\n').next().unwrap_or_default();
    if SAID.is_match(near) {
        return Looks::Version;
    }
    match !address.is_private() && (NAMED.is_match(near) || REVISION.is_match(after)) {
        true => Looks::Doubtful,
        false => Looks::Address,
    }
}
