//! Paths and queries of requests, safe for whatever an object is called.

use std::fmt::Write as _;

/// A component of a path or a value of a query, percent-encoded but for the unreserved characters (RFC 3986, section 2.3).
pub(super) fn escape(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut escaped, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                escaped.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
            escaped
        })
}

/// True for what may stand as a component of a path: a server could call something `..`.
pub(super) fn is_component(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && text.len() <= 253
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_change_a_request() {
        assert_eq!(escape("a/../b?x=1&y#z%"), "a%2F..%2Fb%3Fx%3D1%26y%23z%25");
        assert!(!is_component(".."));
        assert!(is_component("kube-system"));
    }
}
