//! Detectors of secrets in command lines, in URLs, in XML and after words of other languages.

use super::beside::Beside;
use super::detectors::{Detector, Found, NAME_WORDS, key, value};
use super::names::Site;
use super::{Class, values};

/// The detectors of this file.
pub(super) const COMMANDS: &[Detector] = &[
    // A URL whose password has a slash in it, which RFC 3986 forbids and people write all the same.
    Detector {
        class: Class::Credential,
        words: &["://"],
        more_lines: 0,
        expression: r#"[A-Za-z][A-Za-z0-9+.-]*://(?<s>[^\s/?#"'<>:@\\\[]*:[^\s"'<>\\]+)@"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            found
                .value
                .split_once(':')
                .is_some_and(|(_, rest)| is_loose_password(rest))
        },
    },
    // A URL with a token in place of the user.
    Detector {
        class: Class::Token,
        words: &["://"],
        more_lines: 0,
        expression: r#"[A-Za-z][A-Za-z0-9+.-]*://(?<s>[A-Za-z0-9_.~%+-]{16,})@"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| values::looks_random(found.value),
    },
    // `--secret X` and `--secret=X`, where X may also be the name of a Secret.
    Detector {
        class: Class::Secret,
        words: &["-secret"],
        more_lines: 0,
        expression: concat!(r#"(?i)(?:^|[\s"'\[(,])--?secret(?:=|[ \t]+|\\*["'],?[ \t]*)"#, value!()),
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| !found.value.contains('=') && !values::is_path(found.value) && values::looks_random(found.value),
    },
    // A literal of `kubectl create secret`.
    Detector {
        class: Class::Secret,
        words: &["--from-literal"],
        more_lines: 0,
        expression: concat!(r#"--from-literal(?:=|[ \t]+)\\*["']?[A-Za-z0-9._-]+="#, value!()),
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Commands that take a password at a place of its own.
    Detector {
        class: Class::Password,
        words: &[
            "vault",
            "rabbitmqctl",
            "htpasswd",
            " alias set ",
            "config host add",
            "smbclient",
        ],
        more_lines: 0,
        expression: concat!(
            r#"\b(?:vault[ \t]+(?:login|operator[ \t]+unseal)(?:[ \t]+-[^\s]+)*[ \t]+"#,
            r#"|rabbitmqctl\b[^\n|;]*?[ \t](?:add_user|change_password|authenticate_user)[ \t]+\S+[ \t]+"#,
            r#"|htpasswd[ \t]+(?:-\S+[ \t]+)*?-[A-Za-z]*b[A-Za-z]*[ \t]+(?:-\S+[ \t]+)*\S+[ \t]+\S+[ \t]+"#,
            r#"|mc[ \t]+(?:alias[ \t]+set|config[ \t]+host[ \t]+add)[ \t]+\S+[ \t]+\S+[ \t]+\S+[ \t]+"#,
            r#"|smbclient\b[^\n|;]*?[ \t](?:-U|--user=?)[ \t]*\\*["']?[^\s%"']+%)"#,
            r#"\\*["']?(?<s>[^\s"'\\-][^\s"'\\]*)"#
        ),
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| !values::is_path(found.value) && found.value.len() > 2,
    },
    // The keys with which Vault is opened (developer.hashicorp.com/vault/docs/concepts/seal).
    Detector {
        class: Class::Secret,
        words: &["unseal key", "recovery key"],
        more_lines: 0,
        expression: r"(?i)\b(?:unseal|recovery) key(?: \d+)?[ \t]*:[ \t]*(?<s>[A-Za-z0-9+/=]{16,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // A password that is piped into a login.
    Detector {
        class: Class::Password,
        words: &["--password-stdin", "sudo -S", "--stdin"],
        more_lines: 0,
        expression: r#"\b(?:echo|printf)[ \t]+(?:-[a-z]+[ \t]+)*\\*["']?(?<s>[^\s"'\\|]+)\\*["']?[ \t]*\|[^\n]*(?:--(?:password-)?stdin|\bsudo -S)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| !found.value.starts_with('%'),
    },
    // A login that is piped into chpasswd(8).
    Detector {
        class: Class::Credential,
        words: &["chpasswd"],
        more_lines: 0,
        expression: r#"\b(?:echo|printf)[ \t]+(?:-[a-z]+[ \t]+)*\\*["']?(?<s>[^\s"':\\]+:[^\s"'\\|]+)\\*["']?[ \t]*\|[^\n|]*\bchpasswd\b"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| has_password(found.value),
    },
    // Password sources of openssl(1).
    Detector {
        class: Class::Password,
        words: &["pass:"],
        more_lines: 0,
        expression: r#"-pass(?:in|out)?[ \t]+\\*["']?pass:(?<s>[^\s"'\\]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // `--user name:password` of curl, etcdctl and others; of `docker run` it is a user and a group.
    Detector {
        class: Class::Credential,
        words: &["--user"],
        more_lines: 0,
        expression: r#"--user(?:=|[ \t]+)\\*["']?(?<s>[^\s"':/\\]+:[^\s"':\\]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            let (user, password) = found.value.split_once(':').unwrap_or_default();
            has_password(found.value)
                && user != "system"
                && user != password
                && !password.bytes().all(|b| b.is_ascii_digit())
        },
    },
    // Directives of Redis and LDAP clients, which have no sign between name and value.
    Detector {
        class: Class::Password,
        words: &["requirepass", "masterauth", "bindpw"],
        more_lines: 0,
        expression: concat!(r#"(?i)\b(?:requirepass|masterauth|bindpw)\b[ \t:=]+"#, value!()),
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Program text: a call, an entry of a map.
    Detector {
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 0,
        expression: concat!(
            "(?i)",
            key!(),
            r#"["']?(?:\(|\][ \t]*=[ \t]*|[ \t]*=>[ \t]*)["'](?<s1>[^"'\\\n]+)["']"#
        ),
        site: Site::Key,
        beside: Beside::Call,
        judge: is_made,
    },
    // Program text: a call with name and value.
    Detector {
        class: Class::Secret,
        words: &["define(", "put(", "property(", "putenv(", "setenv(", "set("],
        more_lines: 0,
        expression: concat!(
            r#"(?i)\([ \t]*["']"#,
            key!(),
            r#"["'][ \t]*,[ \t]*["'](?<s1>[^"'\\\n]+)["']"#
        ),
        site: Site::Key,
        beside: Beside::Anything,
        judge: is_made,
    },
    // An XML element.
    Detector {
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 0,
        expression: concat!("(?i)<", key!(), r"(?:[ \t][^<>\n]*)?>(?<s>[^<>\n]+)</"),
        site: Site::Key,
        beside: Beside::Angle,
        judge: |found| found.class == Class::Password || !found.value.contains(' ') && !values::is_path(found.value),
    },
    // Chinese for password.
    Detector {
        class: Class::Password,
        words: &["密码", "口令"],
        more_lines: 0,
        expression: concat!(r#"(?:密码|口令)\\*["']?[ \t]*(?:[:=：]|为)[ \t]*"#, value!()),
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| found.value.bytes().any(|b| b.is_ascii_alphanumeric()),
    },
];

/// True for a value that is no word, as program text has them everywhere.
fn is_made(found: &Found<'_>) -> bool {
    !found.value.contains(' ') && values::looks_random(found.value) && !values::is_path(found.value)
}

fn has_password(login: &str) -> bool {
    login
        .split_once(':')
        .is_some_and(|(_, password)| !values::is_placeholder(password))
}

/// True unless `rest`, which follows `scheme://name:` and is followed by an at sign, starts with the port of a host, or has a
/// host after its first at sign: `//host:5000/image@digest` and `//user:password@host.org/path@version`.
fn is_loose_password(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_port = !authority.is_empty() && authority.len() <= 5 && authority.bytes().all(|b| b.is_ascii_digit());
    let has_host = authority
        .rsplit_once('@')
        .is_some_and(|(_, host)| host.contains(['.', ':']));
    !is_port && !has_host && !values::is_placeholder(rest)
}
