//! Whether credentials have expired, which a server does not say: it answers 401 to an old token, and hangs up on an old certificate.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use kube::Config;
use kube::config::AuthInfo;
use serde_json::Value;
use x509_parser::pem::Pem;

/// What is wrong with the credentials at `now`; none when nothing can be told.
pub(super) fn expired(config: &Config, now: Timestamp) -> Option<String> {
    let user = &config.auth_info;
    if let Some(end) = certificate(user)
        .and_then(|pem| certificate_end(&pem))
        .filter(|end| *end < now)
    {
        return Some(format!("the client certificate expired on {end}"));
    }
    let end = token(user)
        .and_then(|token| token_end(&token))
        .filter(|end| *end < now)?;
    Some(format!("the token expired on {end}"))
}

fn certificate(user: &AuthInfo) -> Option<Vec<u8>> {
    match (&user.client_certificate_data, &user.client_certificate) {
        (Some(data), _) => STANDARD.decode(data.trim()).ok(),
        (None, Some(file)) => std::fs::read(file).ok(),
        (None, None) => None,
    }
}

fn certificate_end(pem: &[u8]) -> Option<Timestamp> {
    let block = Pem::iter_from_buffer(pem)
        .flatten()
        .find(|block| block.label == "CERTIFICATE")?;
    let certificate = block.parse_x509().ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn token(user: &AuthInfo) -> Option<String> {
    if let Some(file) = user.token_file.as_ref().filter(|_| user.token.is_none()) {
        return std::fs::read_to_string(file).ok();
    }
    Some(as_json(user).get("token")?.as_str()?.to_owned())
}

/// The credentials as they stand in a kubeconfig, for whoever must know what to hide.
pub(super) fn as_json(user: &AuthInfo) -> Value {
    serde_json::to_value(user).unwrap_or_default()
}

/// The `exp` of a JSON Web Token (RFC 7519, section 4.1.4).
fn token_end(token: &str) -> Option<Timestamp> {
    let claims = URL_SAFE_NO_PAD.decode(token.trim().split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Timestamp::from_second(claims.get("exp")?.as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(user: Value) -> Config {
        let mut config = Config::new("https://127.0.0.1:6443".parse().unwrap());
        config.auth_info = serde_json::from_value(user).unwrap();
        config
    }

    #[test]
    fn an_old_token_says_when_it_ended_and_one_without_an_end_nothing() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let token = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let old = config(serde_json::json!({"token": token(r#"{"exp": 1767225600}"#)}));
        assert_eq!(expired(&old, now).unwrap(), "the token expired on 2026-01-01T00:00:00Z");
        let fresh = config(serde_json::json!({"token": token(r#"{"exp": 1893456000}"#)}));
        assert_eq!(expired(&fresh, now), None);
        assert_eq!(expired(&config(serde_json::json!({"token": "opaque"})), now), None);
    }
}
