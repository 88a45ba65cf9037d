//! Where the JSON of Kubernetes, Docker and kubeconfig keeps secrets.

use serde_json::{Map, Value};

use super::names::{self, Site};
use super::{Class, forms, patterns, values};

/// A secret that its place gives away.
pub(super) struct Found {
    /// What it is.
    pub(super) class: Class,
    /// The value, decoded when it stands there in base64.
    pub(super) value: String,
    /// Whether the value may be searched for in other text.
    pub(super) searched: bool,
    /// Where to put the token; none inside a string that is replaced as a whole.
    pub(super) place: Option<Place>,
}

/// A string of the document, from a byte to its end.
pub(super) struct Place {
    /// RFC 6901.
    pub(super) pointer: String,
    /// The first byte to replace.
    pub(super) from: usize,
}

/// Deeper values are not read; [`super::Masker::mask_json`] drops them.
const DEEPEST: usize = 256;

/// Keys of a Secret whose values are names and addresses: hidden in the Secret, readable in other text.
const PLAIN_KEYS: &[&str] = &[
    "bucket",
    "database",
    "dbname",
    "endpoint",
    "host",
    "hostname",
    "name",
    "namespace",
    "port",
    "region",
    "server",
    "type",
    "url",
    "user",
    "username",
];

/// The annotation in which `kubectl apply` repeats an object (`LastAppliedConfigAnnotation` of k8s.io/api/core/v1).
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Keys under which Docker, Kubernetes and containerd keep command lines.
const ARGV_KEYS: &[&str] = &[
    "args",
    "Args",
    "argv",
    "cmd",
    "Cmd",
    "command",
    "Command",
    "entrypoint",
    "Entrypoint",
];

/// Programs whose `-p` is a password.
const TAKES_P: &[&str] = &[
    "login",
    "mariadb",
    "mariadb-dump",
    "mongo",
    "mongodump",
    "mongosh",
    "mysql",
    "mysqladmin",
    "mysqldump",
    "mysqlshow",
    "sshpass",
];

/// All secrets of a document, in its order.
pub(super) fn find(document: &Value) -> Vec<Found> {
    let mut walk = Walk {
        found: Vec::new(),
        path: Vec::new(),
        in_place: true,
        depth: 0,
    };
    walk.value(document);
    walk.found
}

struct Walk {
    found: Vec<Found>,
    path: Vec<String>,
    in_place: bool,
    depth: usize,
}

impl Walk {
    fn value(&mut self, value: &Value) {
        if self.depth > DEEPEST {
            return;
        }
        self.depth += 1;
        match value {
            Value::Object(map) => self.object(map),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.at(at.to_string(), |walk| walk.value(item));
                }
            }
            Value::String(text) => self.looks(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        self.depth -= 1;
    }

    fn object(&mut self, map: &Map<String, Value>) {
        let is_secret = is_secret(map);
        self.variable(map);
        for (key, value) in map {
            self.at(escaped(key), |walk| match value {
                Value::Object(data) if is_secret && key == "data" => walk.secret_data(data, true),
                Value::Object(data) if is_secret && key == "stringData" => walk.secret_data(data, false),
                Value::Object(hosts) if key == "auths" => walk.registry_logins(hosts),
                Value::Object(notes) if key == "annotations" => walk.annotations(notes),
                Value::Array(items) if key.eq_ignore_ascii_case("env") => walk.environment(items),
                Value::Array(items) if ARGV_KEYS.contains(&key.as_str()) => walk.argv(map, items),
                Value::String(text) => walk.setting(key, text),
                _ => walk.value(value),
            });
        }
    }

    /// `data` and `stringData` of a Secret. Public certificates stay: when they expire is what people look for.
    fn secret_data(&mut self, data: &Map<String, Value>, encoded: bool) {
        for (key, value) in data {
            let Some(text) = value.as_str() else { continue };
            let decoded = if encoded {
                forms::base64_text(text)
            } else {
                Some(text.to_owned())
            };
            let value = decoded.unwrap_or_else(|| text.to_owned());
            if value.contains("-----BEGIN CERTIFICATE-----") && !value.contains("PRIVATE KEY") {
                continue;
            }
            let class = class_of_secret(key, &value);
            let plain = PLAIN_KEYS.contains(&key.to_ascii_lowercase().as_str());
            self.embedded(&value);
            self.at(escaped(key), |walk| walk.push(class, &value, 0, !plain));
        }
    }

    /// A document inside a string that is replaced as a whole.
    fn embedded(&mut self, text: &str) {
        if text.trim_start().starts_with(['{', '['])
            && let Ok(document) = serde_json::from_str::<Value>(text)
        {
            let outer = std::mem::replace(&mut self.in_place, false);
            self.value(&document);
            self.in_place = outer;
        }
    }

    /// `auths` of a Docker `config.json` (docs.docker.com/reference/cli/docker/login).
    fn registry_logins(&mut self, hosts: &Map<String, Value>) {
        for (host, login) in hosts {
            let Some(login) = login.as_object() else { continue };
            for (key, value) in login {
                let class = match key.as_str() {
                    "auth" => Class::Credential,
                    "password" => Class::Password,
                    "identitytoken" | "registrytoken" => Class::Token,
                    _ => continue,
                };
                if let Some(text) = value.as_str() {
                    self.at(escaped(host), |walk| {
                        walk.at(escaped(key), |walk| walk.push(class, text, 0, true))
                    });
                }
            }
        }
    }

    fn annotations(&mut self, notes: &Map<String, Value>) {
        for (key, value) in notes {
            let Some(text) = value.as_str() else { continue };
            if key != LAST_APPLIED {
                self.at(escaped(key), |walk| walk.setting(key, text));
                continue;
            }
            let before = self.found.len();
            self.embedded(text);
            // The copy of an object with secrets goes as a whole: the short ones in it could not be found by their text.
            if self.found.len() > before {
                self.at(escaped(key), |walk| walk.push(Class::Secret, text, 0, false));
            }
        }
    }

    /// An entry of a container's `env`: `{name, value}`.
    fn variable(&mut self, map: &Map<String, Value>) {
        let (Some(name), Some(value)) = (
            map.get("name").and_then(Value::as_str),
            map.get("value").and_then(Value::as_str),
        ) else {
            return;
        };
        if let Some(class) = names::announced(name, Site::Variable, value) {
            self.at("value".to_owned(), |walk| walk.announced(class, value, 0));
        }
    }

    /// `env` as objects, or Docker's `NAME=value` strings.
    fn environment(&mut self, items: &[Value]) {
        for (at, item) in items.iter().enumerate() {
            self.at(at.to_string(), |walk| {
                let pair = item.as_str().and_then(|text| text.split_once('='));
                let named =
                    pair.and_then(|(name, value)| Some((names::announced(name, Site::Variable, value)?, name, value)));
                match named {
                    Some((class, name, value)) => walk.announced(class, value, name.len() + 1),
                    None => walk.value(item),
                }
            });
        }
    }

    /// A command line: `--token X`, `--token=X`, and `-p` of the programs that take a password there.
    fn argv(&mut self, owner: &Map<String, Value>, items: &[Value]) {
        let takes_p = takes_p(owner, items);
        let mut announced = None;
        for (at, item) in items.iter().enumerate() {
            let Some(text) = item.as_str() else { continue };
            let before = announced.take().filter(|_| !text.starts_with('-'));
            let joined = joined_flag(text, takes_p);
            if joined.is_none() && !text.contains([' ', '=']) {
                announced = if text == "-p" && takes_p {
                    Some(Class::Password)
                } else {
                    flag_class(text)
                };
            }
            self.at(at.to_string(), |walk| match (before, joined) {
                (Some(class), _) => walk.announced(class, text, 0),
                (None, Some((class, from))) => walk.announced(class, text.get(from..).unwrap_or_default(), from),
                (None, None) => walk.looks(text),
            });
        }
    }

    /// `key: value` anywhere, as in a kubeconfig, in Helm values and in the configuration of controllers.
    fn setting(&mut self, key: &str, text: &str) {
        if let Some(class) = names::announced(key, Site::Key, text)
            && (class == Class::Password || !text.contains(' '))
        {
            self.announced(class, text, 0);
        } else {
            self.looks(text);
        }
    }

    /// Secrets that a text shows by their looks. They have no place here: masking the text finds them again.
    fn looks(&mut self, text: &str) {
        for hit in patterns::find(text) {
            let searched = !hit.literals.is_empty();
            self.found.push(Found {
                class: hit.class,
                value: hit.value,
                searched,
                place: None,
            });
        }
    }

    /// A value that a name announces as a secret, unless it is a placeholder or the path of a file.
    fn announced(&mut self, class: Class, value: &str, from: usize) {
        if !values::is_placeholder(value) && (class == Class::Password || !values::is_path(value)) {
            self.push(class, value, from, true);
        }
    }

    fn push(&mut self, class: Class, value: &str, from: usize, searched: bool) {
        if value.is_empty() || value.contains(['‹', '›']) {
            return;
        }
        let pointer = || {
            self.path
                .iter()
                .fold(String::new(), |pointer, part| pointer + "/" + part)
        };
        let place = self.in_place.then(|| Place {
            pointer: pointer(),
            from,
        });
        self.found.push(Found {
            class,
            value: value.to_owned(),
            searched,
            place,
        });
    }

    fn at(&mut self, part: String, visit: impl FnOnce(&mut Self)) {
        self.path.push(part);
        visit(self);
        self.path.pop();
    }
}

/// A Secret says so; items of a `SecretList` may not, but they have a Secret's type next to their data.
fn is_secret(map: &Map<String, Value>) -> bool {
    match map.get("kind").and_then(Value::as_str) {
        Some(kind) => kind == "Secret",
        None => {
            let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
            map.contains_key("metadata") && map.contains_key("data") && (kind == "Opaque" || kind.contains('/'))
        }
    }
}

fn class_of_secret(key: &str, value: &str) -> Class {
    if value.contains("PRIVATE KEY-----") {
        return Class::PrivateKey;
    }
    if value.starts_with("eyJ") && value.matches('.').count() == 2 {
        return Class::Jwt;
    }
    names::class_of(key, Site::Variable).unwrap_or(Class::Secret)
}

/// The class and the first byte of the value in `--token=X` and `-pX`.
fn joined_flag(text: &str, takes_p: bool) -> Option<(Class, usize)> {
    if let Some((flag, _)) = text.split_once('=')
        && let Some(class) = flag_class(flag)
    {
        return Some((class, flag.len() + 1));
    }
    (takes_p && text.starts_with("-p") && text.len() > 2).then_some((Class::Password, 2))
}

fn flag_class(flag: &str) -> Option<Class> {
    names::class_of(flag, Site::Key).filter(|_| flag.starts_with('-') && !flag.contains(' '))
}

fn takes_p(owner: &Map<String, Value>, items: &[Value]) -> bool {
    let lists = ARGV_KEYS
        .iter()
        .filter_map(|key| owner.get(*key))
        .filter_map(Value::as_array)
        .flatten();
    let words = lists
        .chain(owner.get("Path"))
        .chain(items.iter().take(2))
        .filter_map(Value::as_str);
    words
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .any(|program| TAKES_P.contains(&program))
}

/// A key as a part of a JSON pointer (RFC 6901, section 3).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::super::Masker;

    const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tG\nxhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5\n-----END RSA PRIVATE KEY-----";
    const CERTIFICATE: &str =
        "-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAj\n-----END CERTIFICATE-----\n";

    #[test]
    fn structure_gives_secrets_away() {
        let login = STANDARD.encode("bob:hunter2");
        let config = json!({"auths": {"harbor": {"auth": login}}}).to_string();
        let applied = json!({"kind": "Secret", "stringData": {"k": "correct horse"}}).to_string();
        for (document, secret) in [
            (
                json!({"env": [{"name": "MY_SECRET", "value": "correct horse"}]}),
                "correct horse",
            ),
            (
                json!({"Config": {"Env": ["PATH=/bin", "APP_SECRET=correct horse"]}}),
                "correct horse",
            ),
            (
                json!({"Path": "run.sh", "Args": ["--token", "correct horse", "--v=2"]}),
                "correct horse",
            ),
            (json!({"command": ["mysql", "-pcorrect horse"]}), "correct horse"),
            (json!({"args": ["--client-secret=correct horse"]}), "correct horse"),
            (
                json!({"args": ["agent --token K0rrect-horse --debug"]}),
                "K0rrect-horse",
            ),
            (
                json!({"users": [{"user": {"token": "K0rrect-horse"}}]}),
                "K0rrect-horse",
            ),
            (
                json!({"users": [{"user": {"client-key-data": STANDARD.encode(KEY)}}]}),
                "MIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tG",
            ),
            (
                json!({"kind": "Secret", "data": {".dockerconfigjson": STANDARD.encode(config)}}),
                "hunter2",
            ),
            (
                json!({"kind": "SecretList", "items": [{"metadata": {}, "type": "Opaque", "data": {"k": STANDARD.encode("correct horse")}}]}),
                "correct horse",
            ),
            (
                json!({"kind": "Secret", "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}}}),
                "correct horse",
            ),
        ] {
            let mut masker = Masker::new();
            masker.learn_json(&document);
            assert!(!masker.mask(secret).contains(secret), "learn {document}");
            let mut masked = document.clone();
            masker.mask_json(&mut masked);
            assert_eq!(masker.leaks(masked.to_string().as_bytes()), [], "{masked}");
            assert!(masked.to_string().contains('‹'), "{masked}");
            let again = masked.clone();
            masker.mask_json(&mut masked);
            assert_eq!(masked, again);
        }
    }

    #[test]
    fn names_of_secrets_and_files_stay_in_json() {
        let document = json!({"spec": {"serviceAccountName": "default", "containers": [{"command": ["mysqld", "--user=mysql"],
            "args": ["-p", "8080", "--token-file", "/etc/token"], "env": [
                {"name": "TLS_SECRET_NAME", "value": "checkout-tls"},
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}],
            "volumes": [{"secret": {"secretName": "checkout-tls"}}], "imagePullSecrets": [{"name": "regcred"}]}});
        let mut masked = document.clone();
        Masker::new().mask_json(&mut masked);
        assert_eq!(masked, document);
    }

    #[test]
    fn a_secret_object_is_masked_where_it_stands_and_in_later_logs() {
        let mut secret = json!({"kind": "Secret", "type": "Opaque", "metadata": {"name": "db"}, "data": {
            "password": STANDARD.encode("correct horse"), "pin": STANDARD.encode("42"), "username": STANDARD.encode("checkout"),
            "ca.crt": STANDARD.encode(CERTIFICATE), "tls.key": STANDARD.encode(KEY)}});
        let certificate = secret["data"]["ca.crt"].clone();
        let mut masker = Masker::new();
        masker.mask_json(&mut secret);
        assert_eq!(secret["data"]["password"], "‹password-1›");
        assert_eq!(secret["data"]["pin"], "‹secret-1›");
        assert_eq!(secret["data"]["username"], "‹secret-2›");
        assert_eq!(secret["data"]["tls.key"], "‹private-key-1›");
        assert_eq!(secret["data"]["ca.crt"], certificate);
        assert_eq!(secret["metadata"]["name"], "db");
        assert_eq!(
            masker.mask("pod checkout-42 said correct horse"),
            "pod checkout-42 said ‹password-1›"
        );
        assert_eq!(masker.mask("xhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5"), "‹private-key-1›");
    }
}
