//! Where the JSON of Kubernetes, Docker and kubeconfig keeps secrets.

use serde_json::{Map, Value};

use super::argv::{ARGV_KEYS, flag_class, joined_flag, switches};
use super::names::{self, Site};
use super::pem::is_public;
use super::{Class, forms, leaves, packed, patterns, values};
use crate::model::escaped;

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

/// Keys of what has a name and a value: containers' variables, the CRI's pairs, parameters of many programs.
const NAME_KEYS: &[&str] = &["name", "key", "Name", "Key"];

/// Keys of the value beside such a name.
const VALUE_KEYS: &[&str] = &["value", "Value", "val"];

/// All secrets of a document, in its order. Of packed text as much is read as `budget` has left.
pub(super) fn find(document: &Value, budget: &mut packed::Budget) -> Vec<Found> {
    walked(document, Some(budget))
}

/// The same for a document that was unpacked: none of it has a place, and what is packed in it stays so.
pub(super) fn find_unpacked(document: &Value) -> Vec<Found> {
    walked(document, None)
}

fn walked(document: &Value, budget: Option<&mut packed::Budget>) -> Vec<Found> {
    let mut walk = Walk {
        found: Vec::new(),
        path: String::new(),
        in_place: budget.is_some(),
        depth: 0,
        budget,
    };
    walk.value(document);
    walk.found
}

struct Walk<'b> {
    found: Vec<Found>,
    /// RFC 6901, of the value that is looked at.
    path: String,
    in_place: bool,
    depth: usize,
    /// For what is packed in it; none where nothing is unpacked.
    budget: Option<&'b mut packed::Budget>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value) {
        if self.depth > DEEPEST {
            return;
        }
        self.depth += 1;
        match value {
            Value::Object(map) => self.object(map, false),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.item(at, |walk| walk.value(item));
                }
            }
            Value::String(text) => self.looks(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        self.depth -= 1;
    }

    fn object(&mut self, map: &Map<String, Value>, lent: bool) {
        let is_secret = is_secret(map) || lent && !map.contains_key("kind");
        let lends = map.get("kind").and_then(Value::as_str) == Some("SecretList");
        self.variable(map);
        for (key, value) in map {
            self.at(key, |walk| match value {
                Value::Object(data) if is_secret && key == "data" => walk.secret_data(data, true),
                Value::Object(data) if is_secret && key == "stringData" => walk.secret_data(data, false),
                Value::Array(items) if lends && key == "items" => walk.secrets(items),
                Value::Object(hosts) if key == "auths" => walk.registry_logins(hosts),
                Value::Object(notes) if key == "annotations" => walk.annotations(notes),
                Value::Array(items) if key.eq_ignore_ascii_case("env") => walk.environment(items),
                Value::Array(items) if ARGV_KEYS.contains(&key.as_str()) => walk.argv(map, items),
                Value::Array(items) => walk.list(key, items),
                Value::Object(inner) => walk.wrapped(key, inner),
                Value::String(text) => walk.setting(key, text),
                _ => walk.value(value),
            });
        }
    }

    /// Items of a `SecretList`, which need not say their kind.
    fn secrets(&mut self, items: &[Value]) {
        for (at, item) in items.iter().enumerate() {
            self.item(at, |walk| match item {
                Value::Object(map) => walk.object(map, true),
                _ => walk.value(item),
            });
        }
    }

    /// `data` and `stringData` of a Secret. Public certificates stay: when they expire is what people look for.
    fn secret_data(&mut self, data: &Map<String, Value>, encoded: bool) {
        for (key, value) in data {
            let Some(text) = value.as_str() else { continue };
            let decoded = if encoded {
                // Folded YAML leaves white space in base64.
                forms::base64_text(&text.split_whitespace().collect::<String>())
            } else {
                Some(text.to_owned())
            };
            let value = decoded.unwrap_or_else(|| text.to_owned());
            if is_public(&value) {
                continue;
            }
            let class = class_of_secret(key, &value);
            let plain = is_plain_key(key);
            self.embedded(&value);
            self.unpacked(&value);
            self.at(key, |walk| walk.push(class, &value, 0, !plain));
            self.found.extend(settings(&value));
            if !plain {
                self.folded(class, text);
            }
        }
    }

    /// The lines of base64 that was folded: each stands in the text of the manifest by itself.
    fn folded(&mut self, class: Class, text: &str) {
        let mut lines = text.split_whitespace().peekable();
        let first = lines.next();
        if lines.peek().is_none() {
            return;
        }
        for line in first.into_iter().chain(lines).filter(|line| values::is_memorable(line)) {
            self.found.push(Found {
                class,
                value: line.to_owned(),
                searched: true,
                place: None,
            });
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

    /// Text that may be packed: a document, or a file of settings. True when it is and has to go.
    fn unpacked(&mut self, text: &str) -> bool {
        let budget = self.budget.as_deref_mut().filter(|_| self.in_place);
        let Some(content) = budget.and_then(|budget| packed::content(text, budget)) else {
            return false;
        };
        self.found.extend(content.secrets.iter().map(|inner| Found {
            class: inner.class,
            value: inner.value.clone(),
            searched: inner.searched,
            place: None,
        }));
        content.is_secret()
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
                    self.at(host, |walk| walk.at(key, |walk| walk.push(class, text, 0, true)));
                }
            }
        }
    }

    fn annotations(&mut self, notes: &Map<String, Value>) {
        for (key, value) in notes {
            let Some(text) = value.as_str() else { continue };
            if key != LAST_APPLIED {
                self.at(key, |walk| walk.setting(key, text));
                continue;
            }
            let before = self.found.len();
            self.embedded(text);
            // The copy of an object with secrets goes as a whole: the short ones in it could not be found by their text.
            if self.found.len() > before {
                self.at(key, |walk| walk.push(Class::Secret, text, 0, false));
            }
        }
    }

    /// An entry of a container's `env`: `{name, value}`, or `{key, value}` in the CRI (`runtime.v1.KeyValue`).
    fn variable(&mut self, map: &Map<String, Value>) {
        let (Some(name), Some(value)) = (
            NAME_KEYS.iter().find_map(|key| map.get(*key)?.as_str()),
            VALUE_KEYS.iter().find_map(|key| Some((*key, map.get(*key)?.as_str()?))),
        ) else {
            return;
        };
        let (key, value) = value;
        if let Some(class) = names::announced(name, Site::Variable, value) {
            self.at(key, |walk| walk.announced(class, value, 0));
        }
    }

    /// `env` as objects, or Docker's `NAME=value` strings.
    fn environment(&mut self, items: &[Value]) {
        for (at, item) in items.iter().enumerate() {
            self.item(at, |walk| {
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

    /// `password: {value: X}`.
    fn wrapped(&mut self, key: &str, inner: &Map<String, Value>) {
        let wrapped = VALUE_KEYS
            .iter()
            .find_map(|key| Some((*key, inner.get(*key)?.as_str()?)));
        if let Some((place, value)) = wrapped
            && let Some(class) = names::announced(key, Site::Key, value)
        {
            self.at(place, |walk| walk.announced(class, value, 0));
        }
        if self.depth <= DEEPEST {
            self.depth += 1;
            self.object(inner, false);
            self.depth -= 1;
        }
    }

    /// `tokens: [X, Y]`.
    fn list(&mut self, key: &str, items: &[Value]) {
        for (at, item) in items.iter().enumerate() {
            let class = item
                .as_str()
                .and_then(|text| Some((names::announced_item(key, text)?, text)));
            self.item(at, |walk| match class {
                Some((class, text)) => walk.announced(class, text, 0),
                None => walk.value(item),
            });
        }
    }

    /// A command line: `--token X`, `--token=X`, and `-p X` of the programs that take a password there.
    fn argv(&mut self, owner: &Map<String, Value>, items: &[Value]) {
        let switches = switches(owner, items);
        let mut announced = None;
        for (at, item) in items.iter().enumerate() {
            let Some(text) = item.as_str() else { continue };
            let before = announced.take().filter(|_| !text.starts_with('-'));
            let after_secret = at
                .checked_sub(1)
                .and_then(|at| items.get(at))
                .and_then(Value::as_str)
                .is_some_and(|flag| matches!(flag, "-secret" | "--secret"));
            let is_value = after_secret && values::looks_random(text) && !text.contains('=') && !text.starts_with('-');
            let before = before.or(is_value.then_some(Class::Secret));
            let joined = joined_flag(text, &switches);
            if joined.is_none() && !text.contains([' ', '=']) {
                announced = if switches.iter().any(|switch| switch.announces(text)) {
                    Some(Class::Password)
                } else {
                    flag_class(text)
                };
            }
            self.item(at, |walk| match (before, joined) {
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
        // Compressed text goes as a whole. It is not looked for in what was unpacked: that could go on for ever.
        if self.unpacked(text) {
            self.push(Class::Secret, text, 0, false);
            return;
        }
        let hits = match self.budget.as_deref_mut() {
            Some(budget) => patterns::find(text, budget),
            None => patterns::find_unpacked(text),
        };
        for hit in hits {
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
        if value.is_empty() || values::is_masked(value) {
            return;
        }
        let place = self.in_place.then(|| Place {
            pointer: self.path.clone(),
            from,
        });
        self.found.push(Found {
            class,
            value: value.to_owned(),
            searched,
            place,
        });
    }

    /// Visits what is at a key, which is a part of the pointer (RFC 6901, section 3).
    fn at(&mut self, key: &str, visit: impl FnOnce(&mut Self)) {
        let before = self.path.len();
        self.path.push('/');
        self.path.push_str(&escaped(key));
        visit(self);
        self.path.truncate(before);
    }

    /// Visits an element of a list.
    fn item(&mut self, index: usize, visit: impl FnOnce(&mut Self)) {
        self.at(&index.to_string(), visit);
    }
}

/// Settings of a file that is the value of a Secret. They are replaced with it, so they have no place of their own.
pub(super) fn settings(text: &str) -> impl Iterator<Item = Found> {
    let leaves = leaves::of(text).into_iter().filter(|(key, _)| !is_plain_key(key));
    leaves.map(|(key, value)| Found {
        class: class_of_secret(&key, &value),
        value,
        searched: true,
        place: None,
    })
}

/// True for a key of a Secret whose value is a name or an address.
pub(super) fn is_plain_key(key: &str) -> bool {
    PLAIN_KEYS.contains(&key.to_ascii_lowercase().as_str())
}

/// A Secret says so. Items of typed lists do not, but of all objects with data only Secrets have a type too; and where not even that
/// is left, all their data is base64.
fn is_secret(map: &Map<String, Value>) -> bool {
    match map.get("kind").and_then(Value::as_str) {
        Some(kind) => kind == "Secret",
        None => {
            let is_typed = map.get("type").is_some_and(Value::is_string);
            map.contains_key("metadata")
                && map
                    .get("data")
                    .and_then(Value::as_object)
                    .is_some_and(|data| is_typed || is_base64(data))
        }
    }
}

/// True when every value is base64, and one is long enough for that to be no accident.
fn is_base64(data: &Map<String, Value>) -> bool {
    let is_encoded = |text: &str| {
        let text = text.trim_end_matches('=');
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    };
    let texts: Vec<&str> = data.values().filter_map(Value::as_str).collect();
    texts.len() == data.len()
        && texts.iter().all(|text| text.len() % 4 == 0 && is_encoded(text))
        && texts
            .iter()
            .any(|text| text.len() >= 12 && (text.ends_with('=') || values::is_mixed(text)))
}

/// The class of a value of a Secret, by its key and its looks.
pub(super) fn class_of_secret(key: &str, value: &str) -> Class {
    if value.contains("PRIVATE KEY-----") {
        return Class::PrivateKey;
    }
    if value.starts_with("eyJ") && value.matches('.').count() == 2 {
        return Class::Jwt;
    }
    names::class_of(key, Site::Variable).unwrap_or(Class::Secret)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
                json!({"kind": "SecretList", "items": [{"metadata": {}, "data": {"k": STANDARD.encode("correct horse")}}]}),
                "correct horse",
            ),
            (
                json!({"items": [{"metadata": {"name": "x"}, "type": "mine", "data": {"k": STANDARD.encode("correct horse")}}]}),
                "correct horse",
            ),
            (
                json!([{"metadata": {"name": "x"}, "data": {"k": STANDARD.encode("correct horse"), "j": "eA=="}}]),
                "correct horse",
            ),
            (
                json!({"kind": "Secret", "data": {"k": "Y29ycmVjdCBob3JzZSBi\nYXR0ZXJ5IHN0YXBsZQ==\n"}}),
                "Y29ycmVjdCBob3JzZSBi",
            ),
            (
                json!({"kind": "Secret", "data": {"k": "/+/+gIGCg4SFhoeIiYqL\njI2Oj5CRkpOUlZaXmJma\n"}}),
                "jI2Oj5CRkpOUlZaXmJma",
            ),
            (
                json!({"kind": "Secret", "data": {"k": STANDARD.encode("line1secretAA\nline2secretBB")}}),
                "line2secretBB",
            ),
            (
                json!({"kind": "Secret", "data": {"app.properties": STANDARD.encode("spring.x=correct horse\nb=c\n")}}),
                "correct horse",
            ),
            (
                json!({"kind": "Secret", "stringData": {"values.yaml": "db:\n  x: correct horse\n"}}),
                "correct horse",
            ),
            (
                json!({"kind": "Secret", "data": {"config.json": STANDARD.encode("{\"db\": {\"x\": \"correct horse\"}}")}}),
                "correct horse",
            ),
            (
                json!({"kind": "Secret", "data": {"k": "Y29ycmVj dCBob3Jz\nZQ=="}}),
                "correct horse",
            ),
            (
                json!({"kind": "Secret", "data": {"k": STANDARD.encode("abc‹K0rrect-horse")}}),
                "K0rrect-horse",
            ),
            (
                json!({"kind": "Secret", "stringData": {"k": "/etc/Zq7brace99slash"}}),
                "/etc/Zq7brace99slash",
            ),
            (json!({"args": ["--secret", "K0rrect-horse"]}), "K0rrect-horse"),
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
    fn what_was_compressed_gives_its_secrets_away() {
        let release = json!({"name": "shop", "config": {"auth": {"rootPassword": "correct horse"}},
            "manifest": "kind: Secret\nstringData:\n  plain: Fx9-battery\n"});
        let pack = |text: &str| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(text.as_bytes()).unwrap();
            STANDARD.encode(gzip.finish().unwrap())
        };
        let packed = pack(&release.to_string());
        // A release of Helm 3 (helm.sh/docs/topics/advanced, storage backends): gzip, base64, and base64 once more as a Secret's data.
        let secret =
            json!({"kind": "Secret", "type": "helm.sh/release.v1", "data": {"release": STANDARD.encode(&packed)}});
        let mut masker = Masker::new();
        masker.learn_json(&secret);
        assert_eq!(
            masker.mask("connecting with correct horse, Fx9-battery"),
            "connecting with ‹password-1›, ‹secret-1›"
        );
        // A bundle of Fleet, as a document and as text.
        let bundle = json!({"kind": "Bundle", "spec": {"resources": [{"encoding": "base64+gz", "content": packed}]}});
        let mut masked = bundle.clone();
        let mut masker = Masker::new();
        masker.mask_json(&mut masked);
        assert!(
            masked["spec"]["resources"][0]["content"]
                .as_str()
                .unwrap()
                .starts_with("‹secret-")
        );
        assert!(!masker.mask("correct horse").contains("horse"));
        let mut masker = Masker::new();
        let text = format!("- content: {packed}\n  encoding: base64+gz\n- by: correct horse\n");
        let masked = masker.mask(&text).into_owned();
        assert!(!masked.contains("H4sI") && !masked.contains("horse"), "{masked}");
        let harmless = format!("- content: {}\n", pack("kind: ConfigMap\ndata:\n  level: info\n"));
        assert_eq!(Masker::new().mask(&harmless), harmless);
    }

    #[test]
    fn lists_and_pairs_of_any_spelling_give_secrets_away() {
        for document in [
            json!({"tokens": ["K0rrect-horse", "K0rrect-horse"]}),
            json!({"params": [{"Key": "db_password", "Value": "K0rrect-horse"}]}),
            json!({"password": {"value": "K0rrect-horse"}}),
            json!({"credentials": "K0rrect-horse"}),
            json!({"command": ["mysqldump", "-p=K0rrect-horse"]}),
        ] {
            let mut masked = document.clone();
            Masker::new().mask_json(&mut masked);
            assert!(!masked.to_string().contains("horse"), "{masked}");
        }
    }

    #[test]
    fn names_of_secrets_and_files_stay_in_json() {
        let document = json!({"spec": {"serviceAccountName": "default", "containers": [{"command": ["mysqld", "--user=mysql"],
            "args": ["-p", "8080", "--token-file", "/etc/token", "--secret", "regcred"], "env": [
                {"name": "TLS_SECRET_NAME", "value": "checkout-tls"},
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}],
            "volumes": [{"secret": {"secretName": "checkout-tls"}}], "imagePullSecrets": [{"name": "regcred"}]}});
        let mut masked = document.clone();
        Masker::new().mask_json(&mut masked);
        assert_eq!(masked, document);
        // A ConfigMap of a typed list has no kind either.
        let settings =
            json!([{"metadata": {"name": "x"}, "data": {"mode": "test", "level": "info", "size": "12345678"}}]);
        let mut masked = settings.clone();
        Masker::new().mask_json(&mut masked);
        assert_eq!(masked, settings);
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
