//! Detectors of secrets that a sentence tells, and of those behind an encoded sign: `password is X`, `token X`, `password%3DX`.

use super::beside::Beside;
use super::detectors::{Detector, Found, key, value};
use super::names::Site;
use super::{Class, values};

/// What a password or token may be said to be, besides its value.
const STATES: &[&str] = &[
    "absent",
    "accepted",
    "active",
    "allowed",
    "already",
    "also",
    "an",
    "available",
    "bad",
    "being",
    "blank",
    "cached",
    "case-sensitive",
    "changed",
    "checked",
    "correct",
    "created",
    "default",
    "defined",
    "denied",
    "different",
    "disabled",
    "empty",
    "enabled",
    "encrypted",
    "expired",
    "expiring",
    "forbidden",
    "generated",
    "given",
    "hashed",
    "hidden",
    "ignored",
    "in",
    "incorrect",
    "invalid",
    "issued",
    "kept",
    "locked",
    "mandatory",
    "masked",
    "missing",
    "needed",
    "never",
    "no",
    "not",
    "nil",
    "null",
    "obsolete",
    "ok",
    "only",
    "optional",
    "passed",
    "present",
    "protected",
    "provided",
    "read",
    "ready",
    "refreshed",
    "rejected",
    "required",
    "reset",
    "revoked",
    "rotated",
    "safe",
    "same",
    "set",
    "shared",
    "short",
    "stale",
    "stored",
    "strong",
    "the",
    "too",
    "unavailable",
    "unchanged",
    "undefined",
    "unknown",
    "unset",
    "unspecified",
    "used",
    "valid",
    "verified",
    "weak",
    "wrong",
    "a",
];

/// The detectors of this file.
pub(super) const SENTENCES: &[Detector] = &[
    // `the initial password is X`.
    Detector {
        class: Class::Password,
        words: &["password", "passwd", "passphrase", "token", "key"],
        more_lines: 0,
        expression: concat!(
            r#"(?i)(?<key>[A-Za-z0-9_.-]*(?:password|passwd|passphrase|token|(?:api|access|secret)[ _-]?key))\\*["']?[ \t]+(?:is|was)[ \t]*:?[ \t]+"#,
            value!()
        ),
        site: Site::Key,
        beside: Beside::Blank,
        judge: is_told,
    },
    // `joining with token X`: what follows has to look made.
    Detector {
        class: Class::Token,
        words: &["token", "password"],
        more_lines: 0,
        expression: r#"(?i)\b(?<key>[A-Za-z_-]*(?:token|password))[ \t]+\\*["']?(?<s>[A-Za-z0-9._~+/=-]{16,})"#,
        site: Site::Key,
        beside: Beside::Made,
        judge: |found| looks_made(found.value) && !values::is_path(found.value),
    },
    // `robot secret X`: what could be the name of a Secret has no capitals.
    Detector {
        class: Class::Secret,
        words: &["secret"],
        more_lines: 0,
        expression: r#"(?i)\bsecret[ \t]+\\*["']?(?<s>[A-Za-z0-9+/_-]{16,}={0,2})"#,
        site: Site::Key,
        beside: Beside::Made,
        judge: |found| values::is_mixed(found.value) && !values::is_path(found.value),
    },
    // A line with a name and a value and nothing else, as tables of two columns and files of directives have it.
    Detector {
        class: Class::Secret,
        words: &["password", "passwd", "passphrase", "pwd", "pass", "token", "key"],
        more_lines: 0,
        expression: concat!(
            r#"(?i)^[ \t]*(?:\|[ \t]*)?(?:(?:ENV|ARG|set|setenv)[ \t]+)?"#,
            r"(?<key>[A-Za-z0-9_.-]*(?:password|passwd|passphrase|pwd|pass|token|key))",
            r#"[ \t]+(?:\|[ \t]*)?"#,
            value!(),
            r"[ \t]*(?:\|[ \t]*)?;?\r?\n?$"
        ),
        site: Site::Key,
        beside: Beside::Blank,
        judge: |found| match found.class {
            // In /etc/services a port stands there.
            Class::Password => {
                values::looks_random(found.value) && !found.value.ends_with("/tcp") && !found.value.ends_with("/udp")
            }
            _ => looks_made(found.value) && !values::is_path(found.value),
        },
    },
    // A form or a query inside another URL: `%3D` is the equal sign, `%26` ends the value.
    Detector {
        class: Class::Secret,
        words: &["%3d", "%253d"],
        more_lines: 0,
        expression: concat!(
            // What stands before the name is encoded too, and its digits are no part of it.
            r"(?i)(?:%(?:25)*(?:20|26|2C|3F)|\b)",
            key!(),
            r#"%(?:25)*3D(?<s>(?:[^\s"'\\&%]|%25|%2[0-47-9A-F]|%[013-9A-F][0-9A-F])+)"#
        ),
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| found.class == Class::Password || values::looks_random(found.value),
    },
];

/// True for a value, and not for what a sentence goes on with.
fn is_told(found: &Found<'_>) -> bool {
    let word = found.value.trim_end_matches(['.', '!', '?', ':']);
    if found.quoted {
        return !found.value.contains(' ');
    }
    let is_state = STATES.contains(&word.to_ascii_lowercase().as_str());
    match found.class {
        Class::Password => values::looks_random(word) || found.clause_end && !is_state && word.len() > 2,
        _ => looks_made(word),
    }
}

/// True for what a program made: letters and digits, and capitals, or length.
fn looks_made(value: &str) -> bool {
    let longest = value.split(|c: char| !c.is_ascii_alphanumeric()).map(str::len).max();
    values::looks_random(value)
        && value.len() >= 12
        && (values::is_mixed(value) || value.len() >= 32 || longest.is_some_and(|longest| longest >= 16))
}
