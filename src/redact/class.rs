//! Kinds of secrets, and what a report may say about one.

use serde::{Deserialize, Serialize};

/// What kind of secret a value is. The kind is all that a token tells about the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A bearer, join, bootstrap or API token.
    Token,
    /// A password or passphrase.
    Password,
    /// A private key: PEM, or its base64 in a kubeconfig.
    PrivateKey,
    /// Contents of a Secret, an API key, a client secret.
    Secret,
    /// A JSON Web Token.
    Jwt,
    /// A user name together with its password, as in a URL or a registry login.
    Credential,
    /// The id of a cloud access key.
    AccessKey,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] = [
        Self::Token,
        Self::Password,
        Self::PrivateKey,
        Self::Secret,
        Self::Jwt,
        Self::Credential,
        Self::AccessKey,
    ];

    /// The word in tokens and in machine-readable output.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::PrivateKey => "private-key",
            Self::Secret => "secret",
            Self::Jwt => "jwt",
            Self::Credential => "credential",
            Self::AccessKey => "access-key",
        }
    }

    /// The token that stands for the `number`th value of this class, for instance `‹token-1›`.
    pub(super) fn token(self, number: u64) -> String {
        format!("‹{}-{number}›", self.slug())
    }

    /// The token that stands for a value under somebody's key: the same in every bundle that is masked with that key.
    pub(super) fn keyed_token(self, digest: &str) -> String {
        format!("‹{}-{digest}›", self.slug())
    }
}

/// How often one value was masked. The value itself is not in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// The kind of secret.
    pub class: Class,
    /// What stands in its place.
    pub token: String,
    /// How many times it was replaced.
    pub count: u64,
    /// In how many files.
    pub files: u64,
}
