//! Secrets: which there are, of which type, with which keys. Their values stay in the cluster.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::discovery::Kind;
use super::lists::PATIENCE;
use super::objects;
use super::session::request;
use crate::collect::Outcome;
use crate::collect::context::{Context, Step};
use crate::collect::evidence::Evidence;

/// What stands in place of a value. It is no base64, so nothing can take it for one.
const WITHHELD: &str = "<withheld>";

/// From this length on a value counts as long.
const LONG: usize = 8 * 1024;

/// So many bytes of long values are searched for as a whole; of further ones their settings are.
pub(super) const MOST_LONG: usize = 64 << 20;

/// The type of a Secret in which Helm keeps a release (helm `pkg/storage/driver/secrets.go`, `newSecretsObject`).
const RELEASE: &str = "helm.sh/release.v1";

/// How much of a release is unpacked.
const MOST_OF_A_RELEASE: u64 = 32 << 20;

fn kind() -> Kind {
    Kind {
        group: String::new(),
        version: "v1".into(),
        plural: "secrets".into(),
        kind: "Secret".into(),
        namespaced: true,
    }
}

/// The step. It comes before all that might quote a value: what Secrets hold is masked wherever else it stands.
pub(super) fn step() -> Step {
    let reads = vec![request("/api/v1/secrets, of which names, types and keys are kept")];
    Step::new("kubernetes/objects/secrets", reads, |ctx| Box::pin(read(ctx))).patient(PATIENCE)
}

async fn read(ctx: &mut Context) -> Outcome {
    let api = match ctx.cluster.api() {
        Ok(api) => api,
        Err(outcome) => return outcome,
    };
    let named = &ctx.cluster.plan.namespaces;
    let scopes = if named.is_empty() {
        vec![None]
    } else {
        named.iter().cloned().map(Some).collect()
    };
    let parts = ctx.cluster.lists.begin(&api, &kind(), scopes, true);
    objects::write(ctx, &api, kind(), parts).await
}

/// Takes the values out of a Secret, after learning them, and masks what remains.
///
/// Of certificates the public part stays, because its dates are what people look for; of credentials for registries the hosts, and
/// whether a user is named.
///
/// Of long values `room` bytes are still remembered whole.
pub(super) fn reduce(evidence: &mut Evidence, path: &str, secret: &mut Value, room: &mut usize) {
    let Some(map) = secret.as_object_mut() else {
        *secret = Value::Null;
        return;
    };
    let is_release = map.get("type").and_then(Value::as_str) == Some(RELEASE);
    let data = map.remove("data");
    map.remove("stringData");
    if let Some(annotations) = secret
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        // The copy that `kubectl apply` keeps of the whole object.
        annotations.retain(|key, _| key != "kubectl.kubernetes.io/last-applied-configuration");
    }
    let mut kept = Map::new();
    let mut learned = Map::new();
    if let Some(Value::Object(data)) = data {
        for (key, value) in data {
            let encoded = value.as_str().unwrap_or_default();
            kept.insert(key.clone(), public_part(&key, encoded));
            if is_release {
                // Nobody writes a packed release down, but what it was told to set may stand anywhere.
                if let Some(release) = unpacked(encoded) {
                    evidence.learn(release.get("config").unwrap_or(&Value::Null));
                }
            } else if encoded.len() <= LONG {
                learned.insert(key, value);
            } else if let Some(left) = room.checked_sub(encoded.len()) {
                *room = left;
                learned.insert(key, value);
            } else if let Some(text) = text_of(encoded) {
                evidence.learn_settings(&text);
            }
        }
    }
    evidence.learn(&json!({"kind": "Secret", "data": learned}));
    // The data are put back afterwards: what is left of them is public, and masking would take a Secret's data for secret.
    evidence.mask_part(path, secret);
    if let Some(map) = secret.as_object_mut().filter(|_| !kept.is_empty()) {
        map.insert("data".into(), Value::Object(kept));
    }
}

fn text_of(encoded: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

/// A release: JSON in gzip in base64, once more in base64 as every value of a Secret (helm `pkg/storage/driver/util.go`, `encodeRelease`).
fn unpacked(encoded: &str) -> Option<Value> {
    let packed = STANDARD.decode(text_of(encoded)?).ok()?;
    let mut document = Vec::new();
    let unpacked = flate2::read::GzDecoder::new(packed.as_slice());
    unpacked.take(MOST_OF_A_RELEASE).read_to_end(&mut document).ok()?;
    serde_json::from_slice(&document).ok()
}

/// What of a value may be seen.
fn public_part(key: &str, encoded: &str) -> Value {
    if encoded.is_empty() {
        // An empty value is a mistake that people look for.
        return "".into();
    }
    let public = text_of(encoded).and_then(|text| match key {
        ".dockerconfigjson" => registries(serde_json::from_str::<Value>(&text).ok()?.get("auths")?),
        ".dockercfg" => registries(&serde_json::from_str(&text).ok()?),
        _ => certificates(&text),
    });
    public.map_or_else(|| WITHHELD.into(), |text| STANDARD.encode(text).into())
}

/// The hosts, with whether each has a user; in the same form, so that whoever reads one reads the other.
fn registries(auths: &Value) -> Option<String> {
    let hosts: Map<String, Value> = auths
        .as_object()?
        .iter()
        .map(|(host, auth)| {
            let is_set = |key: &str| {
                auth.get(key)
                    .and_then(Value::as_str)
                    .is_some_and(|text| !text.is_empty())
            };
            let user = if is_set("username") || is_set("auth") || is_set("identitytoken") {
                json!({"username": WITHHELD})
            } else {
                json!({})
            };
            (without_user(host), user)
        })
        .collect();
    Some(json!({"auths": hosts}).to_string())
}

/// A host may be written as a URL, and a URL may hold a password.
fn without_user(host: &str) -> String {
    match host.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
        None => host.rsplit_once('@').map_or(host, |(_, host)| host).to_owned(),
    }
}

/// The certificates of a text in PEM, and nothing else of it.
fn certificates(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut found = String::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((body, next)) = after.split_once(END) else {
            break;
        };
        let is_base64 = body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(&byte));
        if is_base64 {
            found.push_str(&format!("{BEGIN}{body}{END}\n"));
        }
        rest = next;
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_registries_hosts_remain_and_whether_a_user_is_set() {
        let config = json!({"auths": {
            "harbor.example:5000": {"username": "robot", "password": "correct horse battery"},
            "https://u:pw-in-url@quay.example": {},
        }});
        let public = public_part(".dockerconfigjson", &STANDARD.encode(config.to_string()));
        let text = String::from_utf8(STANDARD.decode(public.as_str().unwrap()).unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"auths":{"harbor.example:5000":{"username":"<withheld>"},"https://quay.example":{}}}"#
        );
    }

    #[test]
    fn of_a_bundle_of_pem_only_certificates_remain() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----\n";
        let public = public_part("tls.crt", &STANDARD.encode(pem));
        let text = String::from_utf8(STANDARD.decode(public.as_str().unwrap()).unwrap()).unwrap();
        assert_eq!(text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert_eq!(public_part("tls.key", &STANDARD.encode("secret key")), WITHHELD);
        assert_eq!(public_part("empty", ""), "");
    }
}
