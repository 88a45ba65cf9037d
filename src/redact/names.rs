//! Which names announce a secret: environment variables, flags, configuration keys.

use super::{Class, values};

/// Where a name stands. It decides how freely the name is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// An environment variable: a secret's word anywhere in the name counts.
    Variable,
    /// A key, a flag or a word of a log line: the secret's word has to end the name, and a bare `secret` is a reference.
    Key,
}

/// Last words that turn a name into a statement about a secret: `PASSWORD_FILE`, `secretName`, `token-ttl`, `passwordPolicy`.
const ABOUT: &[&str] = &[
    "age",
    "algorithm",
    "at",
    "audience",
    "auth",
    "cert",
    "checksum",
    "class",
    "controller",
    "count",
    "dir",
    "directory",
    "disabled",
    "duration",
    "enabled",
    "endpoint",
    "expiration",
    "expires",
    "expiry",
    "file",
    "files",
    "fingerprint",
    "format",
    "generator",
    "host",
    "interval",
    "issuer",
    "kind",
    "len",
    "length",
    "limit",
    "max",
    "method",
    "min",
    "mode",
    "mount",
    "name",
    "names",
    "namespace",
    "path",
    "paths",
    "period",
    "policy",
    "port",
    "prefix",
    "provider",
    "ref",
    "reference",
    "request",
    "requests",
    "review",
    "rotation",
    "seconds",
    "size",
    "store",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "user",
    "username",
    "version",
    "volume",
    "webhook",
];

/// Last words that leave a name a secret's: `tokenValue`, `password_hash`.
const NEUTRAL: &[&str] = &[
    "base", "b", "base64", "b64", "current", "data", "hash", "new", "old", "plain", "string", "text", "v", "value",
];

/// Words before `key` that make it a secret one.
const KEY_OF: &[&str] = &[
    "access",
    "account",
    "api",
    "auth",
    "certificate",
    "encryption",
    "license",
    "master",
    "private",
    "secret",
    "signing",
    "storage",
    "unseal",
];

/// Words before `secret` that make it a value, where `secret` alone would be the name of a Secret.
const SECRET_OF: &[&str] = &[
    "access", "api", "app", "auth", "client", "consumer", "cookie", "hmac", "jwt", "key", "oauth", "session", "shared",
    "signing", "token",
];

/// The class of `value`, which stands after `name`; none when the name announces no secret, or not one that looks so: `pwd` is a
/// password or the working directory, `pass` is a password, the outcome of a test, a count, or the target of a proxy.
pub(super) fn announced(name: &str, site: Site, value: &str) -> Option<Class> {
    let Some(class) = class_of(name, site) else {
        return (is_credentials(name) && is_login(value)).then_some(Class::Credential);
    };
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    let is_place = || values::is_path(value) || value.contains("://") || matches!(value, "/" | "." | "..");
    let is_count = || value.len() < 6 && value.bytes().all(|b| b.is_ascii_digit());
    let is_other = match last {
        "pwd" => words.len() == 1 && (is_place() || value.starts_with(['/', '~'])),
        "pass" => is_place() || is_count() || name.trim_start_matches('-') == "PASS" && !values::looks_random(value),
        _ => false,
    };
    (!is_other).then_some(class)
}

/// The class of the value that `name` announces; none when the name announces no secret.
pub(super) fn class_of(name: &str, site: Site) -> Option<Class> {
    if !may_announce(name) {
        return None;
    }
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.ends_with(&["client", "key", "data"]) {
        return Some(Class::PrivateKey);
    }
    if words.ends_with(&["access", "key", "id"]) {
        return Some(Class::AccessKey);
    }
    let last = words.last()?;
    if ABOUT.contains(last) || *last == "id" {
        return None;
    }
    let (at, class) = (0..words.len())
        .rev()
        .find_map(|at| Some((at, class_at(&words, at, site)?)))?;
    let tail = words.get(at + 1..).unwrap_or_default();
    (site == Site::Variable || tail.iter().all(|word| NEUTRAL.contains(word))).then_some(class)
}

/// The class of an item of a list with this name, as `tokens` and `apiKeys` are; items that look like names of objects are none.
pub(super) fn announced_item(name: &str, item: &str) -> Option<Class> {
    let class = class_of(name.strip_suffix(['s', 'S']).unwrap_or(name), Site::Key)?;
    let is_made = || values::looks_random(item) && (!item.contains('-') || values::is_mixed(item) || item.len() >= 32);
    (class == Class::Password || !values::is_path(item) && is_made()).then_some(class)
}

/// True for a name that ends with `credentials`: mostly it tells where they are, as the name of a Secret or a path does.
fn is_credentials(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str);
    matches!(last, Some("credential" | "credentials" | "creds"))
}

/// True for `user:password` and for what a program made, which no name of an object looks like.
fn is_login(value: &str) -> bool {
    let is_login = || {
        value
            .split_once(':')
            .is_some_and(|(user, password)| !user.is_empty() && values::looks_random(password) && !value.contains('/'))
    };
    let is_made = value.len() >= 8 && values::is_mixed(value)
        || value.len() >= 16 && values::looks_random(value) && !value.contains(['-', '.']);
    !value.contains([' ', '@', '$', '{'])
        && !values::is_path(value)
        && !value.contains("://")
        && (is_made || is_login())
}

/// False for most names: none of the words that announce a secret can be in them.
fn may_announce(name: &str) -> bool {
    const STARTS: [&[u8]; 6] = [b"key", b"sec", b"cre", b"pwd", b"pas", b"tok"];
    const LAST: &[u8] = b"bindpw";
    let holds = |part: &[u8]| {
        name.as_bytes()
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part))
    };
    STARTS.into_iter().any(holds) || holds(LAST)
}

fn class_at(words: &[&str], at: usize, site: Site) -> Option<Class> {
    let word = *words.get(at)?;
    let before = at
        .checked_sub(1)
        .and_then(|at| words.get(at))
        .copied()
        .unwrap_or_default();
    match word {
        "key" if before == "private" => Some(Class::PrivateKey),
        "key" if KEY_OF.contains(&before) => Some(Class::Secret),
        "apikey" | "accesskey" | "secretkey" => Some(Class::Secret),
        "privatekey" => Some(Class::PrivateKey),
        "secret" if site == Site::Variable || SECRET_OF.contains(&before) => Some(Class::Secret),
        "clientsecret" | "appsecret" => Some(Class::Secret),
        "credential" | "credentials" if site == Site::Variable => Some(Class::Credential),
        "pwd" | "pass" | "requirepass" | "bindpw" => Some(Class::Password),
        // Of Java's keystores (keytool(1)).
        "keypass" | "storepass" | "srcstorepass" | "deststorepass" => Some(Class::Password),
        _ if word.ends_with("password") || word.ends_with("passwd") || word.ends_with("passphrase") => {
            Some(Class::Password)
        }
        _ if word.ends_with("token") => Some(Class::Token),
        _ => None,
    }
}

/// `dbPassword`, `DB_PASSWORD`, `db-password2` and `DBPassword` are all `db`, `password`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = name.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied().unwrap_or(' ');
        let after = chars.get(at + 1).copied().unwrap_or(' ');
        let starts = c.is_ascii_uppercase() && (!before.is_ascii_uppercase() || after.is_ascii_lowercase());
        if !c.is_ascii_alphanumeric() || starts {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
    }
    words
        .iter()
        .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned())
        .filter(|w| !w.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for (name, class) in [
            ("DB_PASSWORD", Class::Password),
            ("mysqlRootPassword", Class::Password),
            ("CATTLE_TOKEN", Class::Token),
            ("--bootstrap-token", Class::Token),
            ("identitytoken", Class::Token),
            ("ansible_ssh_pass", Class::Password),
            ("DB_PASS", Class::Password),
            ("pwd", Class::Password),
            ("bindpw", Class::Password),
            ("AccessKeySecret", Class::Secret),
            ("encryptionKey", Class::Secret),
            ("SECRET_KEY_BASE", Class::Secret),
            ("AWS_SECRET_ACCESS_KEY", Class::Secret),
            ("secretKey", Class::Secret),
            ("APIKey", Class::Secret),
            ("client-key-data", Class::PrivateKey),
            ("aws_access_key_id", Class::AccessKey),
        ] {
            assert_eq!(class_of(name, Site::Key), Some(class), "{name}");
            assert_eq!(class_of(name, Site::Variable), Some(class), "{name}");
        }
        assert_eq!(class_of("PULL_SECRET", Site::Variable), Some(Class::Secret));
        assert_eq!(class_of("TOKEN_FOR_CI", Site::Variable), Some(Class::Token));
    }

    #[test]
    fn working_directories_and_outcomes_are_no_passwords() {
        for (name, value) in [
            ("PWD", "/root"),
            ("pwd", "/home/bob"),
            ("PASS", "TestMask"),
            ("pass", "12"),
            ("proxy_pass", "http://web:80"),
        ] {
            assert_eq!(announced(name, Site::Key, value), None, "{name}");
        }
        for (name, value) in [
            ("pwd", "hunter2"),
            ("MYSQL_PWD", "/slash"),
            ("pass", "hunter2"),
            ("db_pass", "horse"),
        ] {
            assert_eq!(announced(name, Site::Key, value), Some(Class::Password), "{name}");
        }
    }

    #[test]
    fn credentials_are_secret_when_the_value_is_no_name() {
        for value in ["s3cr3tValueXYZ", "robot:hunter2", "0123456789abcdef0123"] {
            assert_eq!(
                announced("credentials", Site::Key, value),
                Some(Class::Credential),
                "{value}"
            );
        }
        for value in [
            "minio-credentials-2",
            "/etc/minio/creds",
            "true",
            "https://vault.example/v1",
            "db/creds",
        ] {
            assert_eq!(announced("credentials", Site::Key, value), None, "{value}");
        }
    }

    #[test]
    fn items_of_lists_are_announced_by_the_plural() {
        assert_eq!(announced_item("tokens", "Zq7RandomA1"), Some(Class::Token));
        assert_eq!(announced_item("passwords", "horse"), Some(Class::Password));
        assert_eq!(announced_item("apiKeys", "8f7e6d5c4b3a"), Some(Class::Secret));
        for (name, item) in [
            ("tokens", "default-token-x7k2p"),
            ("secrets", "Zq7RandomA1"),
            ("hosts", "Zq7RandomA1"),
        ] {
            assert_eq!(announced_item(name, item), None, "{name}");
        }
    }

    #[test]
    fn names_about_secrets() {
        for name in [
            "PASSWORD_FILE",
            "SECRET_NAME",
            "TOKEN_PATH",
            "token-ttl",
            "passwordPolicy",
            "secretName",
            "imagePullSecrets",
            "tokenReview",
            "expirationSeconds",
            "ca-checksum",
            "secretKeyRef",
            "bypass",
            "KEY",
            "tokenExpirationSeconds",
        ] {
            assert_eq!(class_of(name, Site::Key), None, "{name}");
            assert_eq!(class_of(name, Site::Variable), None, "{name}");
        }
        for name in [
            "secret",
            "pull-secret",
            "credentials",
            "authentication-token-webhook-cache",
        ] {
            assert_eq!(class_of(name, Site::Key), None, "{name}");
        }
    }
}
