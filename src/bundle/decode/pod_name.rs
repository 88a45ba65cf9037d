//! Names by themselves, where no object tells whose they are.

/// The letters of random suffixes (`k8s.io/apimachinery/pkg/util/rand`).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// A name of an object is no longer (`k8s.io/apimachinery/pkg/util/validation`, DNS1123SubdomainMaxLength).
const LONGEST: usize = 253;

/// The name of an object or of a container of Docker.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte))
}

/// A name in the shape that controllers give: a random suffix of five, or an ordinal.
pub(super) fn is_pod(name: &str) -> bool {
    is_name(name)
        && name.rsplit_once('-').is_some_and(|(stem, suffix)| {
            let is_random = suffix.len() == 5 && suffix.bytes().all(|byte| ALPHABET.contains(&byte));
            let is_ordinal =
                !suffix.is_empty() && suffix.len() <= 4 && suffix.bytes().all(|byte| byte.is_ascii_digit());
            (is_random || is_ordinal) && stem.bytes().any(|byte| byte.is_ascii_lowercase())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_made_a_pod_shows_in_its_name() {
        for (name, is_one) in [
            ("web-6bdf8c9d7-jd5lx", true),
            ("kafka-0", true),
            ("web-front", false),
            ("web-error", false),
            ("2026-11", false),
            ("Web-0", false),
            ("", false),
        ] {
            assert_eq!(is_pod(name), is_one, "{name}");
        }
    }
}
