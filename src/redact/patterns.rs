//! Secrets that can be told by their looks or by the words around them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::{Captures, Regex};

use super::names::{self, Site};
use super::{Class, forms, pem, values};

/// A secret that a pattern found.
pub(super) struct Hit {
    /// Where it stands, in bytes.
    pub(super) start: usize,
    /// Its end.
    pub(super) end: usize,
    /// What it is.
    pub(super) class: Class,
    /// The value, without the escapes of the place where it stands.
    pub(super) value: String,
    /// Literals to search for in all other text; empty when the value could be an ordinary word.
    pub(super) literals: Vec<String>,
}

/// One detector. Its expression sees whole lines, and only those that hold one of its words.
struct Detector {
    name: &'static str,
    class: Class,
    /// Words, in any case, without which the expression cannot match.
    words: &'static [&'static str],
    /// How many lines after the one with the word belong to the window.
    more_lines: usize,
    /// Groups named `s…` are the secret; `key` is a name that has to announce one.
    expression: &'static str,
    /// A last look at what was captured.
    judge: fn(&Found<'_>) -> bool,
}

/// What a detector captured.
struct Found<'t> {
    value: &'t str,
    class: Class,
    quoted: bool,
    colon: bool,
    line_start: bool,
    clause_end: bool,
}

/// A secret's value: in escaped quotes, in double or single quotes, or bare.
macro_rules! value {
    () => {
        r#"(?:\\+["'](?<s1>[^"'\\\n]*)\\+["']|"(?<s2>(?:[^"\\\n]|\\.)*)"|'(?<s3>[^'\n]*)'|(?<s4>[^\s"'\\]+))"#
    };
}

/// A name with one of the words that [`names::class_of`] knows.
macro_rules! key {
    () => {
        r"(?<key>[A-Za-z0-9_.-]*(?:token|passw|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|client-key-data|credential|pwd)[A-Za-z0-9_.-]*)"
    };
}

const NAME_WORDS: &[&str] = &[
    "token",
    "passw",
    "passphrase",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "privatekey",
    "private_key",
    "private-key",
    "client-key-data",
    "credential",
    "pwd",
];

const DETECTORS: &[Detector] = &[
    Detector {
        name: "authorization header",
        class: Class::Token,
        words: &["authorization"],
        more_lines: 0,
        expression: r#"(?i)authorization\\*["']?\s*[:=]\s*\[?\s*\\*["']?(?:bearer|basic|token|digest|negotiate)\s+(?<s>[^\s"'\\,;\]]+)"#,
        judge: |found| found.value.len() > 1,
    },
    Detector {
        name: "bearer token",
        class: Class::Token,
        words: &["bearer"],
        more_lines: 0,
        expression: r"(?i)\bbearer\s+(?<s>[A-Za-z0-9._~+/=:-]{16,})",
        judge: |found| values::looks_random(found.value),
    },
    Detector {
        name: "JSON Web Token (RFC 7519)",
        class: Class::Jwt,
        words: &["eyJ"],
        more_lines: 0,
        expression: r"\b(?<s>eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)",
        judge: |_| true,
    },
    Detector {
        name: "base64 of a JSON Web Token",
        class: Class::Jwt,
        words: &["ZXlKaGJHY2lPaU"],
        more_lines: 0,
        expression: r"\b(?<s>ZXlKaGJHY2lPaU[A-Za-z0-9+/]{40,}={0,2})",
        judge: |_| true,
    },
    Detector {
        name: "base64 of a PEM private key",
        class: Class::PrivateKey,
        words: &["LS0tLS1CRUdJTi"],
        more_lines: 0,
        expression: r"\b(?<s>LS0tLS1CRUdJTi[A-Za-z0-9+/]{16,}={0,2})",
        judge: |found| {
            found
                .value
                .get(..64)
                .and_then(forms::base64_text)
                .is_some_and(|head| head.contains("PRIVATE KEY"))
        },
    },
    Detector {
        name: "user and password in a URL (RFC 3986, 3.2.1)",
        class: Class::Credential,
        words: &["://"],
        more_lines: 0,
        expression: r#"[A-Za-z][A-Za-z0-9+.-]*://(?<s>[^\s/?#"'<>:@\\]*:[^\s/?#"'<>\\]+)@"#,
        judge: |found| {
            found
                .value
                .split_once(':')
                .is_some_and(|(_, password)| !values::is_placeholder(password))
        },
    },
    Detector {
        name: "user and password of the Go SQL drivers",
        class: Class::Credential,
        words: &["@tcp(", "@unix("],
        more_lines: 0,
        expression: r#"(?<s>[^\s"'/=@(:\\]+:[^\s"'@\\]+)@(?:tcp|unix)\("#,
        judge: |found| {
            found
                .value
                .split_once(':')
                .is_some_and(|(_, password)| !values::is_placeholder(password))
        },
    },
    Detector {
        name: "curl -u",
        class: Class::Credential,
        words: &["curl"],
        more_lines: 0,
        expression: r#"\bcurl\b[^\n]*?\s(?:-u|--user)[\s=]*\\*["']?(?<s>[^\s"':\\]+:[^\s"'\\]+)"#,
        judge: |found| {
            found
                .value
                .split_once(':')
                .is_some_and(|(_, password)| !values::is_placeholder(password))
        },
    },
    Detector {
        name: "password switch of database and registry clients",
        class: Class::Password,
        words: &[
            "mysql",
            "mariadb",
            "sshpass",
            "mongo",
            "docker login",
            "nerdctl login",
            "helm registry login",
        ],
        more_lines: 0,
        expression: r#"\b(?:mysql|mysqldump|mysqladmin|mysqlshow|mariadb|mariadb-dump|mongo|mongosh|mongodump|sshpass|(?:docker|nerdctl|helm registry) login)\b[^\n|;]*?\s-p(?:\s+\\*["']?|\\*["']?)(?<s>[^\s"'\\-][^\s"'\\]*)"#,
        judge: |found| !values::is_path(found.value),
    },
    Detector {
        name: "redis-cli -a",
        class: Class::Password,
        words: &["redis-cli"],
        more_lines: 0,
        expression: r#"\bredis-cli\b[^\n|;]*?\s-a\s+\\*["']?(?<s>[^\s"'\\]+)"#,
        judge: |_| true,
    },
    Detector {
        name: "flag and value",
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 0,
        expression: concat!(r#"(?i)--"#, key!(), r#"(?:[ \t]+|\\*["'],?\s*(?:\\+n\s*)?)"#, value!()),
        judge: |found| !found.value.starts_with(['-', '=', ':', '|', '&', ';']) && !is_reference(found),
    },
    Detector {
        name: "key and value",
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 0,
        expression: concat!(
            "(?i)",
            key!(),
            r#"(?:\\*["'])?[ \t]*(?<sep>[:=]{1,2}|:=|=>)[ \t]*"#,
            value!()
        ),
        judge: judge_key_value,
    },
    Detector {
        name: "name and value of a variable",
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 1,
        expression: concat!(
            r#"(?i)\bname\\*["']?\s*:\s*\\*["']?"#,
            key!(),
            r#"\\*["']?\s*,?\s*(?:\\+n[\s]*)?\\*["']?\bvalue\\*["']?\s*[:=]\s*"#,
            value!()
        ),
        judge: |found| !is_reference(found),
    },
    Detector {
        name: "registry login in a docker configuration",
        class: Class::Credential,
        words: &["auth"],
        more_lines: 0,
        expression: r#""auth\\*"\s*:\s*\\*"(?<s>[A-Za-z0-9+/_-]{6,}={0,2})\\*""#,
        judge: |_| true,
    },
    Detector {
        name: "AWS access key id",
        class: Class::AccessKey,
        words: &["AKIA", "ASIA"],
        more_lines: 0,
        expression: r"\b(?<s>(?:AKIA|ASIA)[A-Z0-9]{16})\b",
        judge: |_| true,
    },
    Detector {
        name: "AWS secret key next to its id",
        class: Class::Secret,
        words: &["AKIA", "ASIA"],
        more_lines: 2,
        expression: r"(?s)\b(?:AKIA|ASIA)[A-Z0-9]{16}\b.{0,80}?[^A-Za-z0-9/+](?<s>[A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|\z)",
        judge: |found| !found.value.bytes().all(|b| b.is_ascii_hexdigit()) && values::looks_random(found.value),
    },
    Detector {
        name: "tokens with a vendor's prefix",
        class: Class::Token,
        words: &[
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "github_pat_",
            "glpat-",
            "gldt-",
            "glrt-",
            "xox",
            "AIza",
            "dckr_pat_",
            "hvs.",
            "npm_",
            "sk_live_",
        ],
        more_lines: 0,
        expression: r"\b(?<s>gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,}|gl(?:pat|dt|rt)-[A-Za-z0-9_-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}|dckr_pat_[A-Za-z0-9_-]{20,}|hvs\.[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{36}|sk_live_[A-Za-z0-9]{16,})",
        judge: |_| true,
    },
    Detector {
        name: "Slack webhook",
        class: Class::Secret,
        words: &["hooks.slack.com"],
        more_lines: 0,
        expression: r"hooks\.slack\.com/services/(?<s>[A-Za-z0-9]+/[A-Za-z0-9]+/[A-Za-z0-9]+)",
        judge: |_| true,
    },
    // Rancher makes `name:secret` with a secret of 54 characters (github.com/rancher/wrangler, pkg/randomtoken).
    Detector {
        name: "Rancher API token",
        class: Class::Token,
        words: &["token-", "kubeconfig-"],
        more_lines: 0,
        expression: r"\b(?<s>(?:token|kubeconfig)-[a-z0-9.-]+:[a-z0-9]{54})\b",
        judge: |_| true,
    },
    // `K10` + sha256 of the CA + `::` + user + `:` + password (docs.k3s.io/cli/token).
    Detector {
        name: "K3s and RKE2 join token",
        class: Class::Token,
        words: &["K10"],
        more_lines: 0,
        expression: r#"\b(?<s>K10[0-9a-f]{64}::[^\s"'\\,;]+)"#,
        judge: |_| true,
    },
    // `[a-z0-9]{6}.[a-z0-9]{16}` (kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens).
    Detector {
        name: "kubeadm bootstrap token",
        class: Class::Token,
        words: &["token"],
        more_lines: 1,
        expression: r"(?is)token.{0,60}?[^a-z0-9.-](?<s>[a-z0-9]{6}\.[a-z0-9]{16})(?:[^a-z0-9.-]|\z)",
        judge: |found| found.value.bytes().any(|b| b.is_ascii_digit()),
    },
];

struct Table {
    words: AhoCorasick,
    owner: Vec<usize>,
    detectors: Vec<Regex>,
}

#[expect(clippy::unwrap_used, reason = "a constant table that the tests compile")]
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let words = DETECTORS.iter().flat_map(|detector| detector.words);
    let owner = DETECTORS
        .iter()
        .enumerate()
        .flat_map(|(at, detector)| detector.words.iter().map(move |_| at));
    Table {
        words: AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(words)
            .unwrap(),
        owner: owner.collect(),
        detectors: DETECTORS
            .iter()
            .map(|detector| Regex::new(detector.expression).unwrap())
            .collect(),
    }
});

/// Everything in `text` that looks like a secret, in no order; hits may overlap.
pub(super) fn find(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (detector, start, end) in windows(text) {
        if let (Some(detector), Some(regex)) = (DETECTORS.get(detector), TABLE.detectors.get(detector)) {
            let window = text.get(start..end).unwrap_or_default();
            hits.extend(
                regex
                    .captures_iter(window)
                    .filter_map(|captures| detector.hit(&captures, window, start)),
            );
        }
    }
    hits.extend(pem::find(text).into_iter().map(pem_hit));
    hits.extend(rancher_secrets(text));
    hits
}

/// The detectors that have a word in the text, with the window of lines that each has to look at.
fn windows(text: &str) -> BTreeSet<(usize, usize, usize)> {
    let mut windows = BTreeSet::new();
    let mut line = (0, 0);
    for word in TABLE.words.find_overlapping_iter(text) {
        let Some(&detector) = TABLE.owner.get(word.pattern().as_usize()) else {
            continue;
        };
        if word.start() >= line.1 {
            let start = text
                .get(..word.start())
                .and_then(|before| before.rfind('\n'))
                .map_or(0, |at| at + 1);
            line = (start, line_end(text, word.start()));
        }
        let more = DETECTORS.get(detector).map_or(0, |detector| detector.more_lines);
        let start = if word.start() >= line.0 { line.0 } else { word.start() };
        let end = (0..more).fold(line.1, |end, _| line_end(text, end));
        windows.insert((detector, start, end));
    }
    windows
}

/// The end of the line at `at`, with its line feed.
fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |length| at + length + 1)
}

impl Detector {
    fn hit(&self, captures: &Captures<'_>, window: &str, offset: usize) -> Option<Hit> {
        let secret = ["s", "s1", "s2", "s3", "s4"]
            .iter()
            .find_map(|group| captures.name(group))?;
        let quoted = captures.name("s4").is_none();
        let text = if quoted {
            secret.as_str()
        } else {
            secret.as_str().trim_end_matches([',', ';', ')', ']', '}', '`'])
        };
        let class = match captures.name("key") {
            Some(key) => names::class_of(key.as_str(), self.site())?,
            None => self.class,
        };
        let before = window.get(..captures.get(0)?.start()).unwrap_or_default();
        let after = window.get(secret.start() + text.len()..).unwrap_or_default();
        let found = Found {
            value: text,
            class,
            quoted,
            colon: captures.name("sep").is_some_and(|sep| sep.as_str().starts_with(':')),
            line_start: before
                .rsplit('\n')
                .next()
                .unwrap_or(before)
                .trim_start_matches([' ', '\t', '-', '"', '\''])
                .is_empty(),
            clause_end: after.is_empty() || after.starts_with(['\n', '\r', ',', ';', '}', ')', ']', '"', '\'', '\\']),
        };
        if values::is_placeholder(text) || !(self.judge)(&found) {
            return None;
        }
        let value = forms::json_unescaped(text).into_owned();
        let literals = if found.may_be_a_word() {
            Vec::new()
        } else {
            literals(class, &value)
        };
        let start = offset + secret.start();
        Some(Hit {
            start,
            end: start + text.len(),
            class,
            value,
            literals,
        })
    }

    fn site(&self) -> Site {
        if self.name == "name and value of a variable" {
            Site::Variable
        } else {
            Site::Key
        }
    }
}

impl Found<'_> {
    /// True for a bare short word of lower-case letters: `password: wrong` must not mask every `wrong`.
    fn may_be_a_word(&self) -> bool {
        !self.quoted && self.value.len() < 12 && self.value.bytes().all(|b| b.is_ascii_lowercase())
    }
}

/// Decides whether `key: value` is a setting, or a sentence with a colon such as `invalid token: token has expired`.
fn judge_key_value(found: &Found<'_>) -> bool {
    if is_reference(found) || !found.quoted && found.value.ends_with(':') {
        return false;
    }
    if found.quoted {
        return found.class == Class::Password || !found.value.contains(' ');
    }
    !found.colon
        || found.line_start && found.clause_end
        || values::looks_random(found.value)
        || found.class == Class::Password && found.clause_end
}

/// True for values that point to a secret: the path of a file, or a number where only a password may be one.
fn is_reference(found: &Found<'_>) -> bool {
    let short_number = found.value.len() < 6 && found.value.bytes().all(|b| b.is_ascii_digit());
    found.class != Class::Password && (values::is_path(found.value) || short_number)
}

fn pem_hit(block: pem::Block) -> Hit {
    Hit {
        start: block.start,
        end: block.end,
        class: Class::PrivateKey,
        value: block.lines.concat(),
        literals: block.lines,
    }
}

/// Words of exactly 54 lower-case letters and digits, as Rancher's tokens are without their names.
fn rancher_secrets(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut start = 0;
    for (at, byte) in text.bytes().chain([b' ']).enumerate() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            continue;
        }
        let word = text.get(start..at).unwrap_or_default();
        let whole = !byte.is_ascii_uppercase()
            && text
                .get(..start)
                .is_none_or(|b| !b.ends_with(|c: char| c.is_ascii_uppercase()));
        if word.len() == 54 && whole && values::looks_random(word) && word.bytes().any(|b| b > b'f') {
            let value = word.to_owned();
            hits.push(Hit {
                start,
                end: at,
                class: Class::Token,
                literals: vec![value.clone()],
                value,
            });
        }
        start = at + 1;
    }
    hits
}

/// What makes two values the same secret: a key is its base64 lines, whether it stands there as PEM or as base64 of PEM.
pub(super) fn identity(value: &str) -> Cow<'_, str> {
    let decoded = if value.starts_with("LS0tLS1CRUdJTi") {
        forms::base64_text(value)
    } else {
        None
    };
    let text = decoded.as_deref().unwrap_or(value).trim();
    match pem::find(text).as_slice() {
        [key] if key.start == 0 && key.end == text.len() => Cow::Owned(key.lines.concat()),
        _ => Cow::Borrowed(value),
    }
}

/// What else has to be searched for once `value` is known: the value, the password of a login, the secret half of a token, the
/// lines of a key in base64.
pub(super) fn literals(class: Class, value: &str) -> Vec<String> {
    let mut literals = Vec::new();
    for block in pem::find(value) {
        literals.extend(block.lines);
    }
    if literals.is_empty() {
        literals.push(value.to_owned());
    }
    if class == Class::PrivateKey
        && let Some(key) = forms::base64_text(value)
    {
        literals.extend(pem::find(&key).into_iter().flat_map(|block| block.lines));
    }
    if class == Class::Credential {
        let login = forms::base64_text(value).unwrap_or_else(|| value.to_owned());
        literals.extend(login.split_once(':').map(|(_, password)| password.to_owned()));
        literals.push(login);
    }
    if class == Class::Token {
        literals.extend(value.rsplit_once(':').map(|(_, secret)| secret.to_owned()));
    }
    literals.retain(|literal| values::is_memorable(literal));
    literals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_compiles_and_has_words() {
        assert_eq!(TABLE.detectors.len(), DETECTORS.len());
        for detector in DETECTORS {
            assert!(!detector.words.is_empty(), "{}", detector.name);
        }
    }

    #[test]
    fn clean_text_has_no_windows() {
        assert!(windows("I1121 10:20:20 kubelet.go:2412] \"SyncLoop ADD\" pods=[\"shop/checkout-7d9f\"]\n").is_empty());
    }
}
