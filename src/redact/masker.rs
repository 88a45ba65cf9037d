//! The one that masks.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::given::{Given, Pattern, Said};
use super::memory::{Id, Memory, Span};
use super::structure::{self, Found};
use super::{Class, Key, Leak, LeakFinder, Redaction, patterns, seams};

/// Replaces secrets by tokens such as `‹token-1›`, the same value by the same token for as long as it lives.
///
/// Masking masked text changes nothing, and never changes the number of lines.
#[derive(Default)]
pub struct Masker {
    memory: Memory,
    files: HashMap<String, u64>,
    file: u64,
    /// Values that only look secret.
    allowed: HashSet<String>,
    /// What a person's patterns match is secret.
    given: Vec<Pattern>,
}

/// Deeper values than this are dropped by [`Masker::mask_json`]; the parsers of JSON and YAML stop at 128.
const DEEPEST: usize = 256;

impl Masker {
    /// A masker that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A masker whose tokens depend on `key` and the value alone, so that bundles which are masked with the same key can be compared.
    pub fn with_key(key: Key) -> Self {
        Self {
            memory: Memory::with_key(key),
            ..Self::default()
        }
    }

    /// Remembers the secrets that stand where Kubernetes, Docker and kubeconfig keep them; `value` may be any JSON.
    pub fn learn_json(&mut self, value: &Value) {
        for found in structure::find(value) {
            self.learn_found(&found);
        }
    }

    /// The same of many values, which are searched side by side and remembered in their order.
    pub fn learn_all(&mut self, values: &[&Value]) {
        let found: Vec<_> = values.par_iter().map(|value| structure::find(value)).collect();
        for found in found.iter().flatten() {
            self.learn_found(found);
        }
    }

    /// Remembers one secret. Values that are too short or too common to be searched for everywhere are left alone.
    pub fn learn_secret(&mut self, class: Class, value: &str) {
        self.remember(class, value, &patterns::literals(class, value));
    }

    /// Takes to heart what a person said. To be done before anything is learned.
    pub fn heed(&mut self, said: &Said) {
        said.allow.iter().for_each(|value| self.allow(value));
        said.extra.iter().for_each(|given| self.learn_given(given));
    }

    /// Remembers what a person named: a value, however common it is, or a pattern.
    pub fn learn_given(&mut self, given: &Given) {
        match given {
            Given::Value(value) => {
                let id = self.memory.id_of(Class::Secret, &patterns::identity(value));
                self.memory.search_for(id, value);
            }
            Given::Pattern(pattern) => self.given.push(pattern.clone()),
        }
    }

    /// Remembers the settings in a file that is secret, but too long to be searched for as a whole.
    pub fn learn_settings(&mut self, text: &str) {
        for found in structure::settings(text) {
            self.learn_found(&found);
        }
    }

    /// A place near `middle` where `text` can be cut, so that its two parts become what the whole would when they are masked one after
    /// the other; at the end of a line, where it has lines. None where every place tried would part a secret, or part it from what
    /// gives it away.
    pub fn seam(&mut self, text: &str, middle: usize) -> Option<usize> {
        let bounds = |spans: Vec<Span>, from: usize| -> Vec<(usize, usize)> {
            let spans = merged(spans).into_iter();
            spans.map(|span| (span.start + from, span.end + from)).collect()
        };
        let whole = bounds(self.spans(text, None), 0);
        seams::candidates(text, middle).into_iter().find(|&cut| {
            let Some((left, right)) = text.split_at_checked(cut) else {
                return false;
            };
            let mut parts = bounds(self.spans(left, None), 0);
            parts.extend(bounds(self.spans(right, None), cut));
            parts == whole
        })
    }

    /// Leaves a value as it is, which a person named because it only looks secret. To be said before anything is learned.
    pub fn allow(&mut self, value: &str) {
        self.allowed.insert(value.to_owned());
    }

    /// Says that what is masked from now on stands in the file `name`. It serves only to count files.
    pub fn enter_file(&mut self, name: &str) {
        let next = self.files.len() as u64 + 1;
        self.file = *self.files.entry(name.to_owned()).or_insert(next);
    }

    /// `text` without its secrets: those that are known in any of their written forms, and those that can be told by their looks,
    /// which are known from then on.
    pub fn mask<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        let mut changed = None;
        // A token that replaces the left half of a word can lay bare a word boundary; a second look settles that.
        for _ in 0..3 {
            match self.mask_once(&masked, changed.as_deref()) {
                Some((next, tokens)) => (masked, changed) = (Cow::Owned(next), Some(tokens)),
                None => break,
            }
        }
        masked
    }

    /// Learns from the structure of `value`, puts tokens in place of the secrets that it shows, and masks every other string and key.
    pub fn mask_json(&mut self, value: &mut Value) {
        for found in structure::find(value) {
            let id = self.learn_found(&found);
            let Some(place) = &found.place else { continue };
            if self.allowed.contains(&found.value) {
                continue;
            }
            if let Some(Value::String(text)) = value.pointer_mut(&place.pointer)
                && let Some(kept) = text.get(..place.from)
            {
                *text = format!("{kept}{}", self.memory.token(id));
                self.memory.count(id, self.file);
            }
        }
        self.mask_strings(value, 0);
    }

    /// How often each secret was masked, in order of first sight. The values are not in it.
    pub fn summary(&self) -> Vec<Redaction> {
        self.memory.summary()
    }

    /// Searches `output` for every secret that is known, raw and escaped for JSON, URLs and HTML, and in base64 at any alignment.
    pub fn leaks(&self, output: &[u8]) -> Vec<Leak> {
        self.leak_finder().find(output)
    }

    /// What searches many outputs for every secret that is known now.
    pub fn leak_finder(&self) -> LeakFinder {
        LeakFinder::new(&self.memory)
    }

    fn learn_found(&mut self, found: &Found) -> Id {
        let literals = if found.searched {
            patterns::literals(found.class, &found.value)
        } else {
            Vec::new()
        };
        for hit in patterns::find(&found.value) {
            self.remember(hit.class, &hit.value, &hit.literals);
        }
        self.remember(found.class, &found.value, &literals)
    }

    fn remember(&mut self, class: Class, value: &str, literals: &[String]) -> Id {
        let id = self.memory.id_of(class, &patterns::identity(value));
        for literal in literals
            .iter()
            .filter(|literal| !self.allowed.contains(literal.as_str()))
        {
            self.memory.search_for(id, literal);
        }
        id
    }

    /// Everything in `text` that is secret; it is known from then on. `changed` is where it differs from what was searched before.
    fn spans(&mut self, text: &str, changed: Option<&[Range<usize>]>) -> Vec<Span> {
        let mut spans = Vec::new();
        let hits = match changed {
            Some(changed) => patterns::find_near(text, changed),
            None => patterns::find(text),
        };
        for hit in hits {
            if self.allowed.contains(&hit.value) {
                continue;
            }
            let id = self.remember(hit.class, &hit.value, &hit.literals);
            spans.push(Span {
                start: hit.start,
                end: hit.end,
                id,
            });
        }
        let given: Vec<(usize, usize)> = self.given.iter().flat_map(|pattern| pattern.find(text)).collect();
        for (start, end) in given {
            let value = text.get(start..end).unwrap_or_default();
            if !self.allowed.contains(value) {
                let id = self.remember(Class::Secret, value, &patterns::literals(Class::Secret, value));
                spans.push(Span { start, end, id });
            }
        }
        self.memory.find(text, changed, &mut spans);
        spans
    }

    /// The text with tokens, and where they stand in it.
    fn mask_once(&mut self, text: &str, changed: Option<&[Range<usize>]>) -> Option<(String, Vec<Range<usize>>)> {
        let spans = self.spans(text, changed);
        if spans.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        let mut tokens = Vec::new();
        for span in merged(spans) {
            out.push_str(text.get(at..span.start)?);
            let start = out.len();
            push_token(&mut out, self.memory.token(span.id), text.get(span.start..span.end)?);
            self.memory.count(span.id, self.file);
            tokens.push(start..out.len());
            at = span.end;
        }
        out.push_str(text.get(at..)?);
        Some((out, tokens))
    }

    fn mask_strings(&mut self, value: &mut Value, depth: usize) {
        match value {
            _ if depth > DEEPEST => *value = Value::Null,
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_strings(item, depth + 1)),
            Value::Object(map) => {
                let mut masked = Map::new();
                for (key, mut item) in std::mem::take(map) {
                    self.mask_strings(&mut item, depth + 1);
                    masked.insert(self.mask(&key).into_owned(), item);
                }
                *map = masked;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Puts the token on every line that the secret took, at the line's indent: line numbers stay, and YAML stays YAML.
fn push_token(out: &mut String, token: &str, secret: &str) {
    for (at, line) in secret.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
            out.extend(line.chars().take_while(|c| matches!(c, ' ' | '\t')));
        }
        out.push_str(token);
    }
}

/// Spans in order, without overlaps: of two that overlap the one that starts first, or the longer one, takes both stretches.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, Reverse(span.end)));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

impl fmt::Debug for Masker {
    /// Numbers only: a log of the program must not hold what the report hides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker")
            .field("secrets", &self.memory.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const RANCHER: &str = "l6m6c2wqxsl9zrmv4h5kjt7n8fpbdg2x4w9vqz6c5kxh7rt2mnp8bd";
    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJl";
    const HEX64: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1zQxJwKdIWq0tG\nxhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5\n-----END RSA PRIVATE KEY-----";
    const CERTIFICATE: &str =
        "-----BEGIN CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAj\n-----END CERTIFICATE-----\n";

    #[test]
    fn people_can_name_what_is_secret_and_what_only_looks_so() {
        let mut masker = Masker::new();
        masker.allow("s3cr3t-l00king-nam3");
        masker.learn_given(&"plain".parse().unwrap());
        assert_eq!(
            masker.mask("password: s3cr3t-l00king-nam3"),
            "password: s3cr3t-l00king-nam3"
        );
        masker.learn_json(&json!({"kind": "Secret", "stringData": {"a": "s3cr3t-l00king-nam3"}}));
        assert_eq!(
            masker.mask("of s3cr3t-l00king-nam3, plain"),
            "of s3cr3t-l00king-nam3, ‹secret-1›"
        );
        assert_eq!(masker.leaks(b"s3cr3t-l00king-nam3").len(), 0);
        assert_eq!(masker.leaks(b"plain").len(), 1);
    }

    #[test]
    fn settings_of_a_secret_file_are_known_without_the_file() {
        let mut masker = Masker::new();
        masker.learn_settings("# users\nadmin: Fx9-correct-horse\nhost: db.example.com\n");
        assert_eq!(
            masker.mask("by Fx9-correct-horse at db.example.com"),
            "by ‹secret-1› at db.example.com"
        );
    }

    fn once(text: &str) -> String {
        Masker::new().mask(text).into_owned()
    }

    #[test]
    fn planted_secrets_do_not_survive() {
        let k10 = format!("K10{HEX64}::server:5ba1e8f7c2d94d60");
        let aws = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let dotted = "abcdef.0123456789abcdef";
        for (text, secret) in [
            (
                format!("rancher-agent --server https://r.example.com --token {RANCHER} --ca-checksum {HEX64}"),
                RANCHER,
            ),
            (format!("[\"--token\", \"{RANCHER}\"]"), RANCHER),
            (format!("  \"Cmd\": [\n    \"--token={RANCHER}\"\n"), RANCHER),
            (format!("got {RANCHER}, bare"), RANCHER),
            (format!("token-x7k2p:{RANCHER}"), RANCHER),
            (format!("CATTLE_TOKEN={RANCHER}\n"), RANCHER),
            (format!("K3S_TOKEN='{k10}'"), "5ba1e8f7c2d94d60"),
            (format!("joining with {k10} now"), "5ba1e8f7c2d94d60"),
            (format!("kubeadm join 10.0.0.1:6443 --token {dotted} \\"), dotted),
            (format!("[bootstrap-token] Using token: {dotted}"), dotted),
            (format!("Authorization: Bearer {JWT}"), JWT),
            (format!("{{\"Authorization\":\"Bearer {JWT}\"}}"), JWT),
            (
                "> authorization: Basic YWRtaW46aHVudGVyMg==\r\n".into(),
                "YWRtaW46aHVudGVyMg",
            ),
            (format!("Authorization:[Bearer {dotted}]"), dotted),
            (format!("failed with {JWT}."), "c3lzdGVt"),
            (
                format!("  token: {}\n", STANDARD.encode(JWT)),
                "ZXlKaGJHY2lPaUpTVXpJMU5pSjk",
            ),
            ("https://bob:hunter2@git.example.com/x.git".into(), "hunter2"),
            ("redis://:p4ss@w0rd@cache:6379/0".into(), "w0rd"),
            ("dsn=root:hunter2@tcp(10.0.0.2:3306)/k3s".into(), "hunter2"),
            ("postgres://k3s:h%40nter2@db:5432/k3s?sslmode=disable".into(), "nter2"),
            ("password: hunter".into(), "hunter"),
            ("  password: \"two words\"".into(), "two words"),
            ("{\"user\":\"u\",\"password\":\"hun\\\"ter2\"}".into(), "ter2"),
            ("{\\\"password\\\":\\\"hunter2\\\"}".into(), "hunter2"),
            ("spring.datasource.password=hunter2".into(), "hunter2"),
            ("--etcd-password hunter2".into(), "hunter2"),
            ("password=123456".into(), "123456"),
            ("secretKey=abcd1234efgh".into(), "abcd1234efgh"),
            ("api_key: 8f7e6d5c4b3a".into(), "8f7e6d5c4b3a"),
            ("AKIAIOSFODNN7EXAMPLE".into(), "AKIAIOSFODNN7EXAMPLE"),
            (format!("creds: AKIAIOSFODNN7EXAMPLE / {aws}"), aws),
            (format!("AWS_SECRET_ACCESS_KEY={aws}"), aws),
            (
                "push with ghp_abcdefghijklmnopqrstuvwxyz0123456789".into(),
                "ghp_abcdef",
            ),
            ("glpat-abcdefghij0123456789".into(), "abcdefghij0123456789"),
            ("xoxb-123456789012-abcdefghijkl".into(), "abcdefghijkl"),
            ("curl -sk -u admin:hunter2 https://harbor/api".into(), "hunter2"),
            ("mysql -h db -uroot -phunter2 shop".into(), "hunter2"),
            ("docker login -u bob -p hunter2 harbor.example.com".into(), "hunter2"),
            (
                "{\"auths\":{\"harbor\":{\"auth\":\"Ym9iOmh1bnRlcjI=\"}}}".into(),
                "Ym9iOmh1bnRlcjI",
            ),
            (
                "auth:\n  password: |\n    correct horse\n  next: 1\n".into(),
                "correct horse",
            ),
            ("map[password:hunter user:bob]".into(), "hunter"),
            ("GET /v3?token=k7d9f2m4&page=2 then k7d9f2m4".into(), "k7d9f2m4"),
            ("Server=db;Uid=sa;Pwd=hunter2;".into(), "hunter2"),
            ("  - name: DB_PASSWORD\n    value: hunter2\n".into(), "hunter2"),
            (
                "  \"name\": \"DB_PASSWORD\",\n  \"value\": \"hunter2\"\n".into(),
                "hunter2",
            ),
            ("      DB_PASSWORD:   hunter2\n".into(), "hunter2"),
            ("pass=hunter2".into(), "hunter2"),
            ("DB_PASS: hunter2".into(), "hunter2"),
            ("pwd: hunter2".into(), "hunter2"),
            (
                "AccessKeyId LTAI5tx AccessKeySecret: Zq7RandomSecretVal".into(),
                "Zq7Random",
            ),
            ("encryptionKey: Zq7RandomSecretVal".into(), "Zq7Random"),
            ("encryption_key=Zq7RandomSecretVal".into(), "Zq7Random"),
            ("auth_key=authKey5x".into(), "authKey5x"),
            ("SECRET_KEY_BASE=Zq7RandomSecretVal".into(), "Zq7Random"),
            ("ansible_ssh_pass=hunter2".into(), "hunter2"),
            ("requirepass hunter2".into(), "hunter2"),
            ("bindpw hunter2".into(), "hunter2"),
            (
                format!("        secret: {}", STANDARD.encode("Zq7RandomSecretVal")),
                "WnE3UmFuZG9t",
            ),
            ("app -token hunter2 --x".into(), "hunter2"),
            ("app -password hunter2 --x".into(), "hunter2"),
            ("app -password=hunter2 --x".into(), "hunter2"),
            ("app --secret hunter2 --x".into(), "hunter2"),
            ("app --secret=hunter2 --x".into(), "hunter2"),
            ("app --pass hunter2 --x".into(), "hunter2"),
            (
                "kubectl create secret generic x --from-literal=foo=hunter2".into(),
                "hunter2",
            ),
            ("echo hunter2 | docker login -u x --password-stdin".into(), "hunter2"),
            ("echo \"root:hunter2\" | chpasswd".into(), "hunter2"),
            ("openssl rsa -passin pass:hunter2 -in k".into(), "hunter2"),
            ("etcdctl --user root:hunter2 get".into(), "hunter2"),
            ("<password>hunter2</password>".into(), "hunter2"),
            ("password：hunter2".into(), "hunter2"),
            ("密码：中文密码abcZ9".into(), "abcZ9"),
            ("数据库密码: hunter2".into(), "hunter2"),
            ("Cookie: lang=en; session=Zq7RandomSecretVal".into(), "Zq7Random"),
            ("Set-Cookie: JSESSIONID=Zq7RandomSecretVal; Path=/".into(), "Zq7Random"),
            ("key sk-proj-Zq7RandomSecretValZq7RandomSecretVal".into(), "Zq7Random"),
            ("key sk_test_Zq7RandomSecretVal".into(), "Zq7Random"),
            ("key rk_live_Zq7RandomSecretVal".into(), "Zq7Random"),
            (
                "key SG.Zq7RandomSecretVal1234.Zq7RandomSecretValZq7RandomSecretVal".into(),
                "Zq7Random",
            ),
            ("key pypi-AgEIcHlwaS5vcmcZq7RandomSecretVal".into(), "Zq7Random"),
            (
                "AccountName=a;AccountKey=Zq7RandomSecretVal/+==;EndpointSuffix=core".into(),
                "Zq7Random",
            ),
            (
                "https://a.blob.core/x?sv=2020&sig=Zq7RandomSecretVal%3D&se=1".into(),
                "Zq7Random",
            ),
            (format!("https://s3/x?X-Amz-Signature={HEX64}"), HEX64),
            (
                "root:$6$abcdefgh$Zq7RandomSecretValZq7RandomSecretVal:19000:0".into(),
                "Zq7Random",
            ),
            ("admin:$apr1$Zq9x8y7z$Zq7RandomSecretVal1234".into(), "Zq7Random"),
            ("postgres://app:p@ss/w0rd#9Zq@db:5432/x".into(), "w0rd"),
            ("postgres://app:Zq8/w0rdKK9x@db:5432/x".into(), "w0rd"),
            (
                "git clone https://a8f5f167f44f4964e6c998dee827110c@git.example/x.git".into(),
                "a8f5f167",
            ),
            (
                "https://hooks.slack.com/services/T02AB/B03CD/Zq7RandomSecretVal".into(),
                "Zq7Random",
            ),
            (
                "https://discord.com/api/webhooks/1122/Zq7Random_Secret-Val".into(),
                "Zq7Random",
            ),
            (
                "https://x.webhook.office.com/webhookb2/0b9e7c1a-6a1f@4a52/IncomingWebhook/Zq7Random/9a3e".into(),
                "Zq7Random",
            ),
            (
                format!("https://oapi.dingtalk.com/robot/send?access_token={HEX64}"),
                HEX64,
            ),
            (format!("dingtalk secret SEC{HEX64}"), HEX64),
            (
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa".into(),
                "693a91f6",
            ),
            (
                "https://open.feishu.cn/open-apis/bot/v2/hook/9f2c7a1e-77aa-4b7b-8c8f-3c5d2e1f0a9b".into(),
                "9f2c7a1e",
            ),
            (
                "POST https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/send".into(),
                "AAHdqTcvCH",
            ),
            ("jdbc:oracle:thin:scott/horse@//db:1521/orcl".into(), "horse"),
            ("sqlplus -S scott/horse@db".into(), "horse"),
            ("rocommunity Zq7Community 10.0.0.0/8".into(), "Zq7Community"),
            ("com2sec ro default Zq7Community".into(), "Zq7Community"),
            ("snmp-server community Zq7Community RO".into(), "Zq7Community"),
            ("snmpwalk -v 2c -c Zq7Community 10.0.0.1".into(), "Zq7Community"),
            ("snmp_community: horse".into(), "horse"),
            ("the initial admin password is horse".into(), "horse"),
            ("Your password is: 'correct-horse' - change it".into(), "correct-horse"),
            ("generated password was Zq7brace99, keep it".into(), "Zq7brace99"),
            ("the token is Zq7RandomSecretVal now".into(), "Zq7Random"),
            ("registering with token Zq7RandomSecretVal".into(), "Zq7Random"),
            ("using token 5ba1e8f7c2d94d60aa11 for n1".into(), "5ba1e8f7"),
            ("next=%2Flogin%3Fuser%3Dbob%26password%3Dhorse%26x%3D1".into(), "horse"),
            ("u=a%26api_key%253DZq7brace99%26y".into(), "Zq7brace99"),
            (
                "kind: Secret\ndata:\n  ca: |\n    Y29ycmVjdCBob3JzZSBi\n    YXR0ZXJ5IHN0YXBsZQ\n".into(),
                "YXR0ZXJ5IHN0YXBsZQ",
            ),
            (
                "apiVersion: v1\nkind: Secret\nstringData:\n  motto: horse\n".into(),
                "horse",
            ),
            ("password={Zq7brace99".into(), "Zq7brace99"),
            ("password=ab***cdZq7Rando x".into(), "cdZq7Rando"),
            ("password=abc‹Zq7RandomSecretVal".into(), "Zq7Random"),
            ("token=/etc/Zq7brace99slash".into(), "Zq7brace99"),
            (KEY.into(), "MIIEpAIBAAKCAQEA04up8hoqzS1z"),
            (KEY.replace('\n', "\\n"), "xhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5"),
            (KEY.replace('\n', "\n    "), "xhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5"),
            (
                KEY.replace("RSA", "OPENSSH")
                    .replace("-----END OPENSSH PRIVATE KEY-----", ""),
                "xhQYd0cX0hlhYnmPO2oY7Q8JY4bN9aZ5",
            ),
            (
                format!("client-key-data: {}", STANDARD.encode(KEY)),
                "TUlJRXBBSUJBQUtDQVFFQTA0",
            ),
            (
                format!("  tls.key: {}", STANDARD.encode(KEY)),
                "TUlJRXBBSUJBQUtDQVFFQTA0",
            ),
        ] {
            let masked = once(&text);
            assert!(!masked.contains(secret), "{text}\n{masked}");
            assert!(masked.contains('‹'), "{masked}");
            assert_eq!(once(&masked), masked, "masking twice");
            assert_eq!(masked.lines().count(), text.lines().count(), "lines of {text}");
        }
    }

    #[test]
    fn what_only_looks_secret_stays() {
        for text in [
            &format!("--ca-checksum {HEX64}"),
            &format!("'--ca-checksum {HEX64}'"),
            &format!("harbor.example.com/shop/checkout@sha256:{HEX64}"),
            &format!("containerd://{HEX64}"),
            "commit 83a4b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5",
            "resourceVersion: \"104857\"",
            "uid: 0b9e7c1a-6a1f-4a52-9a3e-1d2f3c4b5a69",
            "SHA256 Fingerprint=AB:CD:EF:01:23:45",
            CERTIFICATE,
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
            "open tls.key: no -----BEGIN RSA PRIVATE KEY----- found",
            "pod-template-hash: 7d9f8c6b5",
            "--token-ttl=24h0m0s token-ttl=24h",
            "password: \"\"",
            "{\"passwordPolicy\":\"strict\"}",
            "secretName: checkout-tls",
            "imagePullSecrets:\n- name: regcred",
            "  - serviceAccountToken:\n      expirationSeconds: 3607\n      path: token",
            "the password is incorrect",
            "password is required, token is expired",
            "error: token was revoked by 10.0.0.1",
            "token default-token-x7k2p was not found",
            "Unable to fetch token https://auth.example.com/oauth/authorize",
            "set community 65000:100 additive",
            "https://hooks.slack.com/services/",
            "next=%2Fhome%3Fpage%3D2%26token%3D",
            "subjects:\n- kind: Secret\n  name: db\n",
            "jdbc:oracle:thin:@//db:1521/orcl",
            "secret \"bootstrap-token-abcdef\" not found in namespace kube-system",
            "type: kubernetes.io/service-account-token",
            "tokenReview: authentication.k8s.io",
            "Unable to authenticate the request: [invalid bearer token, token has expired]",
            "error: invalid token: token has expired",
            "failed to get token: context deadline exceeded",
            "--token <CLUSTER_TOKEN> --server https://rancher.example.com",
            "password: ***HIDDEN***",
            "TOKEN=[REDACTED] token: $(TOKEN)",
            "DB_PASSWORD:  <set to the key 'password' in secret 'db'>  Optional: false",
            "secretKeyRef:\n  key: password\n  name: db",
            "POSTGRES_PASSWORD_FILE=/run/secrets/pw",
            "--token-auth-file=/etc/tokens.csv --authentication-token-webhook=true",
            "bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token",
            "automountServiceAccountToken: true",
            "MountVolume.SetUp failed for volume \"tls\" : secret \"checkout-tls\" not found",
            "pull_secret=\"shop/regcred\" secret: regcred",
            "dial tcp: lookup registry.example.com: no such host https://registry.example.com:5000/v2/",
            "Cannot find user admin: access denied",
            "Access denied for user app@10.244.0.7 (using password: YES)",
            "sudo: ubuntu : TTY=pts/0 ; PWD=/home/ubuntu ; USER=root",
            "pwd: /var/lib/rancher",
            "--- PASS: TestMask (0.00s)",
            "pass: 3, fail: 0",
            "proxy_pass http://web:80; bypass=yes",
            "--secret regcred --secret=checkout-tls --secret id=npm,src=.npmrc",
            "--user 1000:1000 --user nginx:nginx --user system:kube-proxy",
            "secret: checkout-tls-certificate-2026",
            "pod/sk-controller-7d9f8c6b5-abcde",
            "default-token-x7k2p   kubernetes.io/service-account-token   3      10d",
            "cookie: not found",
            "密码错误：未找到用户",
            "openssl rsa -passin file:/etc/pw",
            "pulling oci://harbor.example.com:5000/shop/app@sha256",
            "https://mail.example.com/users/bob@example.com",
            "docker login --password-stdin",
        ] {
            assert_eq!(once(text), *text);
        }
    }

    #[test]
    fn the_same_value_has_the_same_token_everywhere() {
        let mut masker = Masker::new();
        masker.enter_file("a.log");
        assert_eq!(
            masker.mask("password=hunter2 and hunter2"),
            "password=‹password-1› and ‹password-1›"
        );
        masker.enter_file("b.log");
        assert_eq!(
            masker.mask("--password hunter3, then aHVudGVyMg=="),
            "--password ‹password-2›, then ‹password-1›"
        );
        let counts: Vec<_> = masker
            .summary()
            .into_iter()
            .map(|r| (r.token, r.count, r.files))
            .collect();
        assert_eq!(
            counts,
            [("‹password-1›".to_owned(), 3, 2), ("‹password-2›".to_owned(), 1, 1)]
        );
        assert!(!serde_json::to_string(&masker.summary()).unwrap().contains("hunter"));
        assert!(!format!("{masker:?}").contains("hunter"));
    }

    #[test]
    fn short_and_common_values_do_not_eat_text() {
        let mut masker = Masker::new();
        masker.learn_secret(Class::Password, "admin");
        masker.learn_secret(Class::Password, "12345678");
        masker.learn_json(&json!({"kind": "Secret", "data": {"namespace": STANDARD.encode("kube-system")}}));
        let text = "user admin in kube-system, 12345678 bytes";
        assert_eq!(masker.mask(text), text);
    }

    proptest! {
        #[test]
        fn random_secrets_in_random_text(secret in "[A-Za-z][A-Za-z0-9+/_.-]{4}[0-9][A-Za-z]{4,20}", before in "[ -~\n]{0,40}", after in "[ -~\n]{0,40}", frame in 0usize..7) {
            let planted = match frame {
                0 => format!("password=\"{secret}\""),
                1 => format!("--token {secret}"),
                2 => format!("DB_PASSWORD: '{secret}'"),
                3 => format!("{{\"apiKey\":\"{secret}\"}}"),
                4 => format!("amqp://bob:{}@mq", secret.replace('/', "_")),
                5 => format!("Authorization: Bearer {secret}"),
                _ => format!("{{\\\"client_secret\\\":\\\"{secret}\\\"}}"),
            };
            let secret = if frame == 4 { secret.replace('/', "_") } else { secret };
            let text = format!("{before}\n{planted}\n{after} {secret} {}", STANDARD.encode(&secret));
            let mut masker = Masker::new();
            let masked = masker.mask(&text).into_owned();
            prop_assert!(!masked.contains(&secret), "{masked}");
            prop_assert!(!masked.contains(&STANDARD.encode(&secret)), "{masked}");
            prop_assert_eq!(masker.leaks(masked.as_bytes()), []);
            prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(masker.mask(&masked), masked.as_str());
        }

        #[test]
        fn any_text_keeps_its_lines(text in "(?s).{0,200}|([a-z:=\"'@/\\-\n ]|token|password|://|eyJ|-----BEGIN PRIVATE KEY-----\n|AKIA){0,40}") {
            let mut masker = Masker::new();
            let masked = masker.mask(&text).into_owned();
            prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(masker.mask(&masked), masked.as_str());
        }
    }
}
