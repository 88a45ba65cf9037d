//! How much one collection may take.

use std::time::Duration;

use serde::Serialize;

/// The limits of one collection; the manifest repeats them, so that a cut can be judged later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Most bytes of one file in the bundle, before compression.
    pub max_file_bytes: u64,
    /// Most bytes of all files together, before compression; the manifest comes on top.
    pub max_bundle_bytes: u64,
    /// The longest time that one step may take.
    #[serde(rename = "step_timeout_ms", serialize_with = "millis")]
    pub step_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 16 * 1024 * 1024,
            max_bundle_bytes: 512 * 1024 * 1024,
            step_timeout: Duration::from_secs(30),
        }
    }
}

/// Reads a size such as `16MiB`, `512M`, `1g` or `4096`: bytes, with an optional binary suffix (K, M, G, with or without `B` or `iB`).
///
/// # Errors
/// A lower-case fragment that says what a size looks like, for an empty, negative, zero, overflowing or unknown form.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor: u64 = match suffix.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => {
            return Err(format!(
                "`{text}` is no size; write bytes or a number with K, M or G, for instance 16M"
            ));
        }
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(0) => Err("a size of 0 would keep nothing; give at least 1".into()),
        Some(size) => Ok(size),
        None => Err(format!(
            "`{text}` is no size; write bytes or a number with K, M or G, for instance 16M"
        )),
    }
}

fn millis<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_suffixes() {
        for (text, bytes) in [
            ("4096", 4096),
            ("1k", 1024),
            ("16MiB", 16 << 20),
            ("512M", 512 << 20),
            (" 2 gb ", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_an_example() {
        for text in [
            "",
            "M",
            "-1",
            "1.5M",
            "10 parsecs",
            "0",
            "99999999999999999999",
            "18446744073709551615G",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
