//! Which values are secrets at all, and which of them may be searched for everywhere.

use super::Class;

/// True for what stands where a secret would be but is none: nothing, a placeholder, a reference, something already masked.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let lower = value.to_ascii_lowercase();
    value.is_empty()
        || is_masked(value)
        || value.starts_with(['<', '$', '{', '[', '%', '|', '>', '*', '&', '!'].as_slice()) && is_notation(value)
        || matches!(
            lower.as_str(),
            "null" | "nil" | "none" | "true" | "false" | "yes" | "no" | "redacted" | "hidden" | "masked" | "omitted"
        )
        || lower.chars().all(|c| matches!(c, 'x' | '.' | '-' | '…' | '#'))
}

/// True when nothing but tokens such as `‹token-1›` and punctuation between them is left of a value.
pub(super) fn is_masked(value: &str) -> bool {
    let mut parts = value.split('‹');
    let is_punctuation = |text: &str| text.chars().all(|c| c.is_ascii_punctuation() || c.is_whitespace());
    let starts = parts.next().is_some_and(is_punctuation);
    let mut tokens = 0;
    let rest = parts.all(|part| {
        tokens += 1;
        part.split_once('›').is_some_and(|(token, after)| {
            let (slug, number) = token.rsplit_once('-').unwrap_or_default();
            is_punctuation(after)
                && number.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                && Class::ALL.iter().any(|class| class.slug() == slug)
        })
    });
    starts && rest && tokens > 0
}

/// `<TOKEN>`, `${TOKEN}`, `$(TOKEN)`, `$TOKEN`, `{{ .Token }}`, `{token}`, `[…]`, `%s`, YAML's `|` and `>-`, `***`, `***HIDDEN***`,
/// anchors; always the whole value, because a password may start with any of these signs.
fn is_notation(value: &str) -> bool {
    let Some(first) = value.chars().next() else { return true };
    let inner = || value.trim_matches(['{', '}', '[', ']', '*']);
    let is_words = || inner().chars().all(|c| c.is_alphabetic() || " _-.…".contains(c));
    match first {
        '<' => value.ends_with('>') || value.chars().skip(1).all(|c| c.is_ascii_alphabetic()),
        '$' => {
            value
                .chars()
                .skip(1)
                .all(|c| c.is_ascii_alphanumeric() || "_{}().:-".contains(c))
                && has_name(value)
        }
        '{' => {
            inner().is_empty() || value.starts_with("{{") && value.ends_with("}}") || value.ends_with('}') && is_words()
        }
        '[' => inner().is_empty() || value.ends_with(']') && is_words(),
        '%' => value.len() <= 3,
        '|' | '>' => value.len() <= 2,
        '*' => inner().is_empty() || value.starts_with("***") && value.ends_with("***") && is_words(),
        _ => value.len() == 1,
    }
}

/// True for `$NAME` in any bracket; a bcrypt hash such as `$2b$…` has a digit there.
fn has_name(value: &str) -> bool {
    value
        .trim_start_matches(['$', '{', '('])
        .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// True for an absolute path of at least two parts, as flags and variables name the file that holds a token. Base64 may start with
/// a slash too, but is random.
pub(super) fn is_path(value: &str) -> bool {
    let is_random = |part: &str| part.len() >= 12 && !part.contains('.') && is_mixed(part);
    if value.len() >= 16 && value.split('/').any(is_random) {
        return false;
    }
    let mut parts = value.split('/');
    parts.next() == Some("")
        && parts
            .next()
            .is_some_and(|top| !top.is_empty() && top.bytes().all(|b| b.is_ascii_lowercase()))
        && parts.next().is_some()
}

/// Words that are too common to be searched for, even when somebody uses them as a password.
const COMMON: &[&str] = &[
    "admin",
    "administrator",
    "basic",
    "bearer",
    "cattle-system",
    "client",
    "cluster",
    "database",
    "default",
    "development",
    "disabled",
    "docker",
    "elastic",
    "enabled",
    "example",
    "false",
    "grafana",
    "guest",
    "harbor",
    "internal",
    "kube-system",
    "kubernetes",
    "localhost",
    "mariadb",
    "master",
    "minioadmin",
    "mongodb",
    "monitoring",
    "mysql",
    "opaque",
    "passwd",
    "postgres",
    "postgresql",
    "production",
    "prometheus",
    "public",
    "rabbitmq",
    "rancher",
    "redis",
    "registry",
    "replica",
    "server",
    "service",
    "staging",
    "system",
    "username",
    "worker",
];

/// True when a value is rare enough to be masked wherever it stands: six bytes or more, not a number, not a common word, and not
/// a piece of a token such as `‹token-1›`, which masking again would break.
pub(super) fn is_memorable(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit());
    value.len() >= 6
        && !value.contains(['‹', '›'])
        && !is_placeholder(value)
        && value.chars().any(char::is_alphanumeric)
        && !value
            .chars()
            .all(|c| c.is_ascii_digit() || c.is_ascii_punctuation() || c.is_whitespace())
        && !COMMON.contains(&lower.as_str())
        && !is_piece_of_token(&lower, stem)
}

fn is_piece_of_token(lower: &str, stem: &str) -> bool {
    let can_be_piece = stem.len() == lower.len() || stem.is_empty() || stem.ends_with('-');
    can_be_piece
        && Class::ALL
            .iter()
            .any(|class| format!("{}-", class.slug()).contains(stem))
}

/// True when a value has letters and digits and some length, as generated secrets have and words of a sentence have not.
pub(super) fn looks_random(value: &str) -> bool {
    value.len() >= 6 && value.bytes().any(|b| b.is_ascii_digit()) && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// True when a value has capitals, small letters and digits, as names of Kubernetes objects never have.
pub(super) fn is_mixed(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_uppercase())
        && value.bytes().any(|b| b.is_ascii_lowercase())
        && value.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_secrets() {
        for value in [
            "",
            "<CLUSTER_TOKEN>",
            "<set to the key 'a' in secret 'b'>",
            "***HIDDEN***",
            "[REDACTED]",
            "${TOKEN}",
            "$TOKEN",
            "$(TOKEN)",
            "{{ .Values.token }}",
            "%s",
            "|",
            ">-",
            "null",
            "true",
            "‹token-1›",
            "‹credential-1›:‹password-12›",
            "{password}",
            "{}",
            "xxxxxxxx",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in [
            "hunter2",
            "$2b$12$abcdefghijk",
            "<a1",
            "*pass*1",
            "%complex1",
            "{horse",
            "[horse1]",
            "ab***cd12",
            "ab‹token-1›",
            "ab‹cd",
            "<a>horse",
            "my[redacted]x",
        ] {
            assert!(!is_placeholder(value), "{value}");
        }
    }

    #[test]
    fn random_text_is_no_path() {
        assert!(is_path("/var/run/secrets/kubernetes.io/serviceaccount/token"));
        assert!(is_path(
            "/var/lib/kubelet/pods/0b9e7c1a-6a1f-4a52-9a3e-1d2f3c4b5a69/volumes"
        ));
        assert!(!is_path("/etc/Zq7brace99slash"));
        assert!(!is_path("/x/Zq7RandomSecretVal"));
    }

    #[test]
    fn common_words_and_pieces_of_tokens_are_not_searched_for() {
        for value in [
            "admin",
            "kube-system",
            "123456",
            "10.0.0.1",
            "token-1",
            "vate-key-12",
            "password",
            "short",
            "credential",
        ] {
            assert!(!is_memorable(value), "{value}");
        }
        for value in ["hunter2", "changeme", "password123", "s3cr3t!", "correct horse"] {
            assert!(is_memorable(value), "{value}");
        }
    }
}
