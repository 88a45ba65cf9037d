//! Detectors of secrets that have a shape of their own: vendors' tokens, hashes of passwords, signatures, cookies.

use super::beside::Beside;
use super::detectors::Detector;
use super::names::Site;
use super::{Class, values};

/// The detectors of this file.
pub(super) const SHAPES: &[Detector] = &[
    // Keys that start with `sk-`, as those of OpenAI and Anthropic. Names of pods may start so too, but have no capitals.
    Detector {
        class: Class::Token,
        words: &["sk-"],
        more_lines: 0,
        expression: r"\b(?<s>sk-[A-Za-z0-9_-]{20,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            values::looks_random(found.value)
                && (found.value.bytes().any(|b| b.is_ascii_uppercase())
                    || found.value.split('-').any(|part| part.len() >= 20))
        },
    },
    // Keys of Stripe (docs.stripe.com/keys).
    Detector {
        class: Class::Token,
        words: &["sk_test_", "rk_live_", "rk_test_"],
        more_lines: 0,
        expression: r"\b(?<s>(?:sk_test|rk_live|rk_test)_[A-Za-z0-9]{16,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Keys of SendGrid.
    Detector {
        class: Class::Token,
        words: &["SG."],
        more_lines: 0,
        expression: r"\b(?<s>SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // API tokens of the Python package index (pypi.org/help/#apitoken).
    Detector {
        class: Class::Token,
        words: &["pypi-"],
        more_lines: 0,
        expression: r"\b(?<s>pypi-[A-Za-z0-9_-]{16,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| found.value.bytes().any(|b| b.is_ascii_uppercase()),
    },
    // Azure storage: connection strings and shared access signatures (learn.microsoft.com/azure/storage/common).
    Detector {
        class: Class::Secret,
        words: &["accountkey=", "sharedaccesskey=", "sig="],
        more_lines: 0,
        expression: r"(?i)(?:\b(?:account|sharedaccess)key=|[?&;]sig=)(?<s>[A-Za-z0-9+/%_=-]{16,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Signatures of pre-signed URLs (AWS Signature Version 4, query parameters).
    Detector {
        class: Class::Secret,
        words: &["x-amz-signature"],
        more_lines: 0,
        expression: r"(?i)x-amz-signature=(?<s>[0-9a-f]{16,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Hashes of passwords (crypt(5), and `apr1` of Apache's htpasswd).
    Detector {
        class: Class::Password,
        words: &["$1$", "$5$", "$6$", "$y$", "$2a$", "$2b$", "$2y$", "$apr1$"],
        more_lines: 0,
        expression: r"(?<s>\$(?:1|5|6|y|2[aby]|apr1)\$[./A-Za-z0-9$=,]{16,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Cookies of a request or a response (RFC 6265, 4.1 and 4.2).
    Detector {
        class: Class::Secret,
        words: &["cookie"],
        more_lines: 0,
        expression: r#"(?i)\bcookie\\*["']?[ \t]*:[ \t]*\[?\\*["']?(?<s>[A-Za-z0-9_.-]+=[^\s"'\\;]+(?:;[ \t]*[^\s"'\\;]+)*)"#,
        site: Site::Key,
        beside: Beside::Sign,
        judge: |found| {
            found
                .value
                .split_once('=')
                .is_some_and(|(_, value)| !values::is_placeholder(value))
        },
    },
    // Hashes of passwords in LDAP (RFC 2307, 5.3).
    Detector {
        class: Class::Password,
        words: &["sha}", "sha256}", "sha512}", "md5}", "crypt}"],
        more_lines: 0,
        expression: r"(?i)\{(?:s?sha(?:256|512)?|s?md5|crypt)\}(?<s>[A-Za-z0-9+/$.=]{12,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Keys of wireless networks (wpa_supplicant.conf(5), nm-settings(5)).
    Detector {
        class: Class::Password,
        words: &["psk="],
        more_lines: 0,
        expression: r#"(?i)\b[a-z_-]*psk=["']?(?<s>[^\s"']{8,64})"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // A variable whose name ends with SECRET, where its value is no name of an object.
    Detector {
        class: Class::Secret,
        words: &["_secret="],
        more_lines: 0,
        expression: r#"\b[A-Z][A-Z0-9_]*_SECRET=\\*["']?(?<s>[^\s"'\\;,]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            values::looks_random(found.value) && (!found.value.contains('-') || values::is_mixed(found.value))
        },
    },
    // What stands as a bare `secret` is mostly the name of a Secret, which has no capitals.
    Detector {
        class: Class::Secret,
        words: &["secret"],
        more_lines: 0,
        expression: r#"(?i)\bsecret\\*["']?[ \t]*[:=][ \t]*\\*["']?(?<s>[A-Za-z0-9+/_-]{16,}={0,2})"#,
        site: Site::Key,
        beside: Beside::Sign,
        judge: |found| values::is_mixed(found.value),
    },
];
