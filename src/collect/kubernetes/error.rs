//! Why the API gave no answer, in words that say what to do.

use std::error::Error;

use kube::client::AuthError;
use kube::config::KubeconfigError;
use serde_json::Value;

use crate::collect::Outcome;

/// Why a request to the API has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("no answer in time")]
    TimedOut,
    #[error("{0}")]
    Unreachable(String),
    #[error("the connection broke within the answer")]
    Cut,
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the answer is not JSON of this API: {0}")]
    NotJson(String),
    #[error("{}", .0.words())]
    Refused(Refusal),
    #[error("not asked any more: the API server has stopped answering")]
    Silent,
    #[error("cannot keep the answer aside: {0}")]
    Spool(String),
}

/// An answer other than 2xx.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal {
    /// The status code.
    pub(crate) code: u16,
    /// The message of the `Status` object, or the beginning of the body.
    pub(crate) message: String,
    /// After how many seconds the server wants to be asked again.
    pub(crate) retry_after: Option<u64>,
    /// What 410 offers to go on with a list, though not at the moment at which it began
    /// (kubernetes.io/docs/reference/using-api/api-concepts, "Retrieving large results sets in chunks").
    pub(crate) resume: Option<String>,
}

impl Refusal {
    /// Reads the body of a refusal.
    pub(super) fn new(code: u16, retry_after: Option<u64>, body: &[u8]) -> Self {
        let status: Option<Value> = serde_json::from_slice(body).ok();
        let text = |pointer: &str| Some(status.as_ref()?.pointer(pointer)?.as_str()?.to_owned());
        let message = text("/message").unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
        Self {
            code,
            message: message.chars().take(400).collect(),
            retry_after,
            resume: text("/metadata/continue").filter(|token| !token.is_empty()),
        }
    }

    fn words(&self) -> String {
        let message = if self.message.is_empty() {
            "no words"
        } else {
            &self.message
        };
        match self.code {
            401 => format!(
                "the API server does not accept these credentials (401: {message}); they may have expired or be another cluster's"
            ),
            403 => message.to_owned(),
            code => format!("the API server answered {code}: {message}"),
        }
    }
}

impl ApiError {
    /// The status code of a refusal.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// True when asking again soon may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut | Self::Unreachable(_) | Self::Cut | Self::NotJson(_) => true,
            // 408 and 429 by RFC 9110 and 6585; of 5xx those that a busy or restarting server gives.
            Self::Refused(refusal) => matches!(refusal.code, 408 | 429 | 500 | 502 | 503 | 504),
            Self::TooLarge(_) | Self::Silent | Self::Spool(_) => false,
        }
    }
}

impl From<ApiError> for Outcome {
    fn from(error: ApiError) -> Self {
        match &error {
            ApiError::TimedOut => Self::TimedOut,
            ApiError::Refused(Refusal { code: 403, .. }) => Self::Forbidden(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// An error of the client or of the connection with all its causes, each said once.
pub(super) fn explain(error: &(dyn Error + 'static)) -> String {
    if let Some(words) = private(error) {
        return words;
    }
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let words = error.to_string();
        // Wrappers repeat what they wrap, or only name themselves.
        let is_news = !words.is_empty() && !said.iter().any(|earlier| earlier.contains(&words));
        if is_news && !words.starts_with("ServiceError") && !words.starts_with("HyperError") {
            said.push(words);
        }
        next = error.source();
    }
    let all = said.join(": ");
    let hint = if all.contains("certificate expired") || all.contains("CertExpired") {
        "; the server's certificate has expired: renew it, or collect with --insecure-skip-tls-verify"
    } else if all.contains("UnknownIssuer") || all.contains("unknown issuer") {
        "; the server's certificate is not signed by the kubeconfig's certificate authority"
    } else {
        ""
    };
    format!("{all}{hint}").chars().take(600).collect()
}

/// Errors whose own words quote a credential: the output of a credential plugin, a line of a kubeconfig.
fn private(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        match error.downcast_ref() {
            Some(AuthError::AuthExecRun { cmd, out }) => {
                let words = String::from_utf8_lossy(&out.stderr);
                return Some(format!(
                    "the credential plugin {cmd} failed ({}): {}",
                    out.status,
                    words.trim()
                ));
            }
            Some(AuthError::AuthExecStart(why)) => {
                return Some(format!("the credential plugin cannot be run: {why}"));
            }
            Some(AuthError::AuthExecParse(_)) => {
                return Some("the credential plugin's answer cannot be read".to_owned());
            }
            _ => {}
        }
        if let Some(KubeconfigError::Parse(_)) = error.downcast_ref() {
            return Some("it is no kubeconfig in YAML".to_owned());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_object_is_quoted_by_its_message_and_anything_else_by_its_beginning() {
        let status = br#"{"kind":"Status","message":"pods is forbidden: User \"u\" cannot list","code":403}"#;
        let refusal = ApiError::Refused(Refusal::new(403, None, status));
        assert_eq!(refusal.to_string(), r#"pods is forbidden: User "u" cannot list"#);
        assert!(matches!(Outcome::from(refusal), Outcome::Forbidden(_)));
        let page = ApiError::Refused(Refusal::new(502, None, b"<html>bad gateway</html>"));
        assert_eq!(
            page.to_string(),
            "the API server answered 502: <html>bad gateway</html>"
        );
        assert!(page.is_transient());
    }

    #[test]
    fn an_expired_list_offers_a_token_to_go_on() {
        let body = br#"{"kind":"Status","metadata":{"continue":"abc"},"reason":"Expired","code":410}"#;
        assert_eq!(Refusal::new(410, None, body).resume.as_deref(), Some("abc"));
    }
}
