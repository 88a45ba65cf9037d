//! The table of detectors: which words and shapes give a secret away in text.

use super::beside::Beside;
use super::names::Site;
use super::{Class, forms, switches, values};

/// One detector. Its expression sees whole lines, and only those that hold one of its words.
pub(super) struct Detector {
    pub(super) class: Class,
    /// Words, in any case, without which the expression cannot match.
    pub(super) words: &'static [&'static str],
    /// How many lines after the one with the word belong to the window.
    pub(super) more_lines: usize,
    /// Groups named `s…` are the secret; `key` is a name that has to announce one.
    pub(super) expression: &'static str,
    /// How the group `key` is read.
    pub(super) site: Site,
    /// What has to stand beside a word.
    pub(super) beside: Beside,
    /// A last look at what was captured.
    pub(super) judge: fn(&Found<'_>) -> bool,
}

/// What a detector captured.
pub(super) struct Found<'t> {
    /// The secret as it stands there.
    pub(super) value: &'t str,
    /// What its key, or the detector, says it is.
    pub(super) class: Class,
    /// Whether quotes show where it ends.
    pub(super) quoted: bool,
    /// Whether a colon stands before it.
    pub(super) colon: bool,
    /// Whether nothing stands between the sign and the value.
    pub(super) tight: bool,
    /// Whether the key starts its line.
    pub(super) line_start: bool,
    /// Whether nothing of the sentence follows.
    pub(super) clause_end: bool,
}

/// The most lines that a detector's window has after the line with its word.
pub(super) const MORE_LINES: usize = 2;

/// A secret's value: in escaped quotes, in double or single quotes, or bare.
macro_rules! value {
    () => {
        r#"(?:\\+["'](?<s1>[^"'\\\n]*)\\+["']|"(?<s2>(?:[^"\\\n]|\\.)*)"|'(?<s3>[^'\n]*)'|(?<s4>[^\s"'\\]+))"#
    };
}

/// A name with one of the words that [`super::names::class_of`] knows.
macro_rules! key {
    () => {
        r"(?<key>[A-Za-z0-9_.-]*(?:token|pass|secret|(?:api|access|account|auth|certificate|encryption|license|master|private|signing|storage|unseal)[_-]?key|client-key-data|credential|creds|pwd)[A-Za-z0-9_.-]*)"
    };
}

pub(super) use {key, value};

/// Words without which no name of a secret can be.
pub(super) const NAME_WORDS: &[&str] = &[
    "token",
    "pass",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "accountkey",
    "account_key",
    "account-key",
    "authkey",
    "auth_key",
    "auth-key",
    "certificatekey",
    "certificate_key",
    "certificate-key",
    "encryptionkey",
    "encryption_key",
    "encryption-key",
    "licensekey",
    "license_key",
    "license-key",
    "masterkey",
    "master_key",
    "master-key",
    "privatekey",
    "private_key",
    "private-key",
    "signingkey",
    "signing_key",
    "signing-key",
    "storagekey",
    "storage_key",
    "storage-key",
    "unsealkey",
    "unseal_key",
    "unseal-key",
    "client-key-data",
    "credential",
    "creds",
    "pwd",
];

/// Every detector.
pub(super) const DETECTORS: &[Detector] = &[
    // Authorization header.
    Detector {
        class: Class::Token,
        words: &["authorization"],
        more_lines: 0,
        expression: r#"(?i)authorization\\*["']?\s*[:=]\s*\[?\s*\\*["']?(?:bearer|basic|token|digest|negotiate)\s+(?<s>[^\s"'\\,;\]]+)"#,
        site: Site::Key,
        beside: Beside::Sign,
        judge: |found| found.value.len() > 1,
    },
    // Bearer token.
    Detector {
        class: Class::Token,
        words: &["bearer"],
        more_lines: 0,
        expression: r"(?i)\bbearer\s+(?<s>[A-Za-z0-9._~+/=:-]{16,})",
        site: Site::Key,
        beside: Beside::Blank,
        judge: |found| values::looks_random(found.value),
    },
    // JSON Web Token (RFC 7519).
    Detector {
        class: Class::Jwt,
        words: &["eyJ"],
        more_lines: 0,
        expression: r"\b(?<s>eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Base64 of a JSON Web Token.
    Detector {
        class: Class::Jwt,
        words: &["ZXlKaGJHY2lPaU"],
        more_lines: 0,
        expression: r"\b(?<s>ZXlKaGJHY2lPaU[A-Za-z0-9+/]{40,}={0,2})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Base64 of a PEM private key.
    Detector {
        class: Class::PrivateKey,
        words: &["LS0tLS1CRUdJTi"],
        more_lines: 0,
        expression: r"\b(?<s>LS0tLS1CRUdJTi[A-Za-z0-9+/]{16,}={0,2})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            found
                .value
                .get(..64)
                .and_then(forms::base64_text)
                .is_some_and(|head| head.contains("PRIVATE KEY"))
        },
    },
    // User and password in a URL (RFC 3986, 3.2.1).
    Detector {
        class: Class::Credential,
        words: &["://"],
        more_lines: 0,
        expression: r#"[A-Za-z][A-Za-z0-9+.-]*://(?<s>[^\s/?#"'<>:@\\]*:[^\s/?#"'<>\\]+)@"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            found
                .value
                .split_once(':')
                .is_some_and(|(_, password)| !values::is_placeholder(password))
        },
    },
    // User and password of the Go SQL drivers.
    Detector {
        class: Class::Credential,
        words: &["@tcp(", "@unix("],
        more_lines: 0,
        expression: r#"(?<s>[^\s"'/=@(:\\]+:[^\s"'@\\]+)@(?:tcp|unix)\("#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            found
                .value
                .split_once(':')
                .is_some_and(|(_, password)| !values::is_placeholder(password))
        },
    },
    // Curl -u.
    Detector {
        class: Class::Credential,
        words: &["curl"],
        more_lines: 0,
        expression: r#"\bcurl\b[^\n]*?\s(?:-u|--user)[\s=]*\\*["']?(?<s>[^\s"':\\]+:[^\s"'\\]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| {
            found
                .value
                .split_once(':')
                .is_some_and(|(_, password)| !values::is_placeholder(password))
        },
    },
    // Password switch of one letter.
    Detector {
        class: Class::Password,
        words: switches::WORDS,
        more_lines: 0,
        expression: switches::EXPRESSION,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| !values::is_path(found.value),
    },
    // Flag and value.
    Detector {
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 0,
        expression: concat!(
            r#"(?i)(?:--|(?:^|[\s"'\[(,])-)"#,
            key!(),
            r#"(?:[ \t]+|\\*["'],?\s*(?:\\+n\s*)?)"#,
            value!()
        ),
        site: Site::Key,
        beside: Beside::Dash,
        judge: |found| !found.value.starts_with(['-', '=', ':', '|', '&', ';']) && !is_reference(found),
    },
    // Key and value.
    Detector {
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 0,
        expression: concat!(
            "(?i)",
            key!(),
            r#"(?:\\*["'])?[ \t]*(?<sep>:=|[:=]{1,2}|：)[ \t]*"#,
            value!()
        ),
        site: Site::Key,
        beside: Beside::Sign,
        judge: judge_key_value,
    },
    // Name and value of a variable.
    Detector {
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 1,
        expression: concat!(
            r#"(?i)\b(?:name|key)\\*["']?\s*:\s*\\*["']?"#,
            key!(),
            r#"\\*["']?\s*,?\s*(?:\\+n[\s]*)?\\*["']?\bval(?:ue)?\\*["']?\s*[:=]\s*"#,
            value!()
        ),
        site: Site::Variable,
        beside: Beside::Colon,
        judge: |found| !is_reference(found),
    },
    // Password of an ODBC connection string.
    Detector {
        class: Class::Password,
        words: &["pwd="],
        more_lines: 0,
        expression: r#"(?i)\b(?:uid|user id|user)\s*=[^;\n]*;\s*pwd\s*=\s*(?<s>[^;"'\s\\]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // A line of ~/.pgpass (PostgreSQL documentation, 32.16), in its file or on its way there.
    Detector {
        class: Class::Password,
        words: &[":5432:", ":5433:", ":6432:", ":*:", "pgpass"],
        more_lines: 0,
        expression: r#"(?m)(?:^|[\s"'])(?:[A-Za-z0-9_.*-]|\\:)+:(?:\d{1,5}|\*):[^:\s"']+:[^:\s"']+:(?<s>(?:\\.|[^\s"'\\:])+)(?:[\s"']|$)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| !values::is_placeholder(found.value) && !values::is_path(found.value),
    },
    // Settings in the XML of Hadoop.
    Detector {
        class: Class::Secret,
        words: &["</name>"],
        more_lines: 2,
        expression: concat!(
            r"(?i)<name>\s*",
            key!(),
            r"\s*</name>\s*(?:<[a-z]+>[^<>\n]*</[a-z]+>\s*)?<value>\s*(?:<!\[CDATA\[)?(?<s>[^<>\]\n]+)"
        ),
        site: Site::Variable,
        beside: Beside::Anything,
        judge: |found| !is_reference(found),
    },
    // An element with the name in one attribute and the value in another, or between its ends.
    Detector {
        class: Class::Secret,
        words: NAME_WORDS,
        more_lines: 0,
        expression: concat!(
            r#"(?i)<[a-z:]+\s[^<>\n]*?\b(?:key|name)\s*=\s*\\*["']\s*"#,
            key!(),
            r#"\s*\\*["'](?:[^<>\n]*?\bvalue\s*=\s*\\*["'](?<s1>[^"'\\<>\n]+)|\s*>\s*(?:<value>)?(?<s2>[^<>\n]+))"#
        ),
        site: Site::Variable,
        beside: Beside::Attribute,
        judge: |found| !is_reference(found),
    },
    // Registry login in a docker configuration.
    Detector {
        class: Class::Credential,
        words: &["auth"],
        more_lines: 0,
        expression: r#""auth\\*"\s*:\s*\\*"(?<s>[A-Za-z0-9+/_-]{6,}={0,2})\\*""#,
        site: Site::Key,
        beside: Beside::Sign,
        judge: |_| true,
    },
    // Registry login as containerd's config.toml and registries.yaml of k3s and RKE2 write it.
    Detector {
        class: Class::Credential,
        words: &["auth"],
        more_lines: 0,
        expression: r#"(?i)(?:\b|_)auth\s*[:=]\s*["']?(?<s>[A-Za-z0-9+/_-]{6,}={0,2})"#,
        site: Site::Key,
        beside: Beside::Sign,
        judge: is_login_in_base64,
    },
    // Basic authorization (RFC 7617) of a header, whatever it is called.
    Detector {
        class: Class::Credential,
        words: &["basic"],
        more_lines: 0,
        expression: r"(?i)\bbasic\s+(?<s>[A-Za-z0-9+/_-]{6,}={0,2})",
        site: Site::Key,
        beside: Beside::Blank,
        judge: is_login_in_base64,
    },
    // A line of ~/.netrc, or three of them (curl.se/docs/manpage.html, `--netrc-file`).
    Detector {
        class: Class::Password,
        words: &["machine", "default login"],
        more_lines: 2,
        expression: r"\b(?:machine\s+\S+|default)\s+login\s+\S+\s+password\s+(?<s>\S+)",
        site: Site::Key,
        beside: Beside::Blank,
        judge: |found| !values::is_placeholder(found.value),
    },
    // Passwords in SQL.
    Detector {
        class: Class::Password,
        words: &["identified", "password"],
        more_lines: 0,
        expression: r"(?i)\b(?:identified\s+(?:with\s+\S+\s+)?by|password)\s+(?:to\s+)?'(?<s>[^'\n]+)'",
        site: Site::Key,
        beside: Beside::Blank,
        judge: |found| !values::is_placeholder(found.value) && !found.value.contains(' '),
    },
    // Settings of HAProxy and keepalived, which have a blank between name and value.
    Detector {
        class: Class::Password,
        words: &["auth_pass", "insecure-password"],
        more_lines: 0,
        expression: r"\b(?:auth_pass|insecure-password)\s+(?<s>\S+)",
        site: Site::Key,
        beside: Beside::Blank,
        judge: |found| !values::is_placeholder(found.value),
    },
    // Keys of WireGuard (wg(8)): 32 bytes in base64.
    Detector {
        class: Class::PrivateKey,
        words: &["presharedkey", "privatekey"],
        more_lines: 0,
        expression: r"(?i)\b(?:presharedkey|privatekey)\s*=\s*(?<s>[A-Za-z0-9+/]{43}=)",
        site: Site::Key,
        beside: Beside::Sign,
        judge: |_| true,
    },
    // Registry logins of skopeo, buildah and podman.
    Detector {
        class: Class::Credential,
        words: &["creds"],
        more_lines: 0,
        expression: r#"--(?:src-|dest-)?creds(?:[\s=]+|["'],\s*)\\*["']?(?<s>[^\s"':,\\]+:[^\s"',\\]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| !values::is_placeholder(found.value),
    },
    // Ids of access keys of AWS, Tencent Cloud and Alibaba Cloud.
    Detector {
        class: Class::AccessKey,
        words: &["AKIA", "ASIA", "AKID", "LTAI"],
        more_lines: 0,
        expression: r"\b(?<s>(?:AKIA|ASIA)[A-Z0-9]{16}|AKID[A-Za-z0-9]{32}|LTAI[A-Za-z0-9]{12,26})\b",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // AWS secret key next to its id.
    Detector {
        class: Class::Secret,
        words: &["AKIA", "ASIA"],
        more_lines: 2,
        expression: r"(?s)\b(?:AKIA|ASIA)[A-Z0-9]{16}\b.{0,80}?[^A-Za-z0-9/+](?<s>[A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|\z)",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| !found.value.bytes().all(|b| b.is_ascii_hexdigit()) && values::looks_random(found.value),
    },
    // Tokens with a vendor's prefix.
    Detector {
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
            "glft-",
            "glcbt-",
            "glsoat-",
            "glagent-",
            "glptt-",
            "glimt-",
            "glsa_",
            "glc_",
            "xapp-",
            "xox",
            "AIza",
            "dckr_pat_",
            "hvs.",
            "hvb.",
            "hvr.",
            ".atlasv1.",
            "ATATT3",
            "NRAK-",
            "sqa_",
            "sqp_",
            "squ_",
            "dor_v1_",
            "doo_v1_",
            "dp.pt.",
            "dp.st.",
            "GOCSPX-",
            "shpat_",
            "shpca_",
            "shppa_",
            "shpss_",
            "lin_api_",
            "pul-",
            "npm_",
            "sk_live_",
            "hf_",
            "dop_v1_",
            "ya29.",
            "AGE-SECRET-KEY-1",
        ],
        more_lines: 0,
        expression: r"\b(?<s>gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,}|gl(?:pat|dt|rt|ft|cbt|soat|agent|ptt|imt)-[A-Za-z0-9_-]{16,}|gls?[ac]_[A-Za-z0-9_+/=]{20,}|xapp-[0-9]-[A-Za-z0-9-]{10,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}|dckr_pat_[A-Za-z0-9_-]{20,}|hv[sbr]\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}|ATATT3[A-Za-z0-9_=-]{20,}|NRAK-[A-Z0-9]{20,}|sq[apu]_[a-z0-9]{32,}|dp\.[ps]t\.[A-Za-z0-9._-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{20,}|lin_api_[A-Za-z0-9]{30,}|pul-[a-f0-9]{40}|npm_[A-Za-z0-9]{36}|sk_live_[A-Za-z0-9]{16,}|hf_[A-Za-z0-9]{30,}|do[pro]_v1_[a-f0-9]{40,}|ya29\.[A-Za-z0-9_-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{50,})",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // Rancher makes `name:secret` with a secret of 54 characters (github.com/rancher/wrangler, pkg/randomtoken).
    // Rancher API token.
    Detector {
        class: Class::Token,
        words: &["token-", "kubeconfig-"],
        more_lines: 0,
        expression: r"\b(?<s>(?:token|kubeconfig)-[a-z0-9.-]+:[a-z0-9]{54})\b",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // `K10` + sha256 of the CA + `::` + user + `:` + password (docs.k3s.io/cli/token).
    // K3s and RKE2 join token.
    Detector {
        class: Class::Token,
        words: &["K10"],
        more_lines: 0,
        expression: r#"\b(?<s>K10[0-9a-f]{64}::[^\s"'\\,;]+)"#,
        site: Site::Key,
        beside: Beside::Anything,
        judge: |_| true,
    },
    // `[a-z0-9]{6}.[a-z0-9]{16}` (kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens).
    // Kubeadm bootstrap token.
    Detector {
        class: Class::Token,
        words: &["token"],
        more_lines: 1,
        expression: r"(?is)token.{0,60}?[^a-z0-9.-](?<s>[a-z0-9]{6}\.[a-z0-9]{16})(?:[^a-z0-9.-]|\z)",
        site: Site::Key,
        beside: Beside::Anything,
        judge: |found| found.value.bytes().any(|b| b.is_ascii_digit()),
    },
];

impl Found<'_> {
    /// True for a bare short word of lower-case letters: `password: wrong` must not mask every `wrong`.
    pub(super) fn may_be_a_word(&self) -> bool {
        !self.quoted && self.value.len() < 12 && self.value.bytes().all(|b| b.is_ascii_lowercase())
    }
}

/// True for the base64 of `user:password`.
fn is_login_in_base64(found: &Found<'_>) -> bool {
    forms::base64_text(found.value).is_some_and(|login| login.contains(':'))
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
        || found.class == Class::Password && (found.clause_end || found.tight)
}

/// True for values that point to a secret: the path of a file, or a number where only a password may be one.
fn is_reference(found: &Found<'_>) -> bool {
    let short_number = found.value.len() < 6 && found.value.bytes().all(|b| b.is_ascii_digit());
    found.class != Class::Password && (values::is_path(found.value) || short_number)
}
