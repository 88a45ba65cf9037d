//! A key under which the same value gets the same token in every bundle.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Somebody's key. There is no `Debug` that shows it.
#[derive(Clone)]
pub struct Key {
    bytes: Vec<u8>,
}

/// Fewer bytes can be guessed together with the values behind the tokens.
const SHORTEST: usize = 16;

impl Key {
    /// A key of any bytes.
    ///
    /// # Errors
    /// A lower-case fragment, for a key that is too short to protect anything.
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.trim_ascii().to_vec();
        if bytes.len() < SHORTEST {
            return Err(format!(
                "a key has at least {SHORTEST} bytes; `head -c 32 /dev/urandom | base64` makes one"
            ));
        }
        Ok(Self { bytes })
    }

    /// The key itself, for a program that masks parts of the same bundle on another machine.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Twelve hexadecimal digits that stand for `value`; `purpose` keeps different uses of one key apart.
    pub(crate) fn digest(&self, purpose: &str, value: &str) -> String {
        let all = self.bytes_for(purpose, value.as_bytes());
        all.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }

    /// HMAC-SHA256 (RFC 2104).
    pub(super) fn bytes_for(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        // A key of any length is a key of HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.bytes) else {
            return [0; 32];
        };
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Masker;

    #[test]
    fn the_same_key_gives_the_same_token_in_another_bundle() {
        let text = "password: correct-horse-battery";
        let masked = |key: &str| {
            let mut masker = Masker::with_key(Key::new(key.as_bytes()).unwrap());
            // What was seen before does not matter.
            masker
                .mask(&format!("token: {key}-other-Zq7RandomSecretVal"))
                .into_owned();
            masker.mask(text).into_owned()
        };
        let (one, two) = ("0123456789abcdef0123", "fedcba9876543210fedc");
        assert_eq!(masked(one), masked(one));
        assert_ne!(masked(one), masked(two));
        assert!(!masked(one).contains("horse"));
        // A token of a key is as much a token as a number's.
        let mut masker = Masker::new();
        assert_eq!(masker.mask(&masked(one)), masked(one));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(Key::new(b"hunter2\n").is_err());
    }
}
