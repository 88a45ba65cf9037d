//! Why a machine gave no archive, or not all of it, in words that say what to do.

/// What went wrong. `words` are the last ones of ssh or of the far side's shell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("there is no `ssh` on this machine; install OpenSSH's client")]
    NoSsh,
    #[error("{0}")]
    Here(String),
    #[error("cannot reach it: {}{}", or_nothing(.words), hint(.words))]
    Unreachable { words: String },
    #[error("the connection broke: {}; what came is kept", or_nothing(.words))]
    Broken { words: String },
    #[error("{} and nothing came any more{}", if *.begun { "it began" } else { "it was asked" }, said(.words))]
    Silent { begun: bool, words: String },
    #[error("no folder on it takes a program and runs it: {}; TMPDIR over there may name one", or_nothing(.words))]
    NoFolder { words: String },
    #[error("casefile could not be copied to it: {}", or_nothing(.words))]
    NotCopied { words: String },
    #[error("casefile does not run on it: {}; a static build needs no libraries", or_nothing(.words))]
    DoesNotRun { words: String },
    #[error("it is of another architecture: {}, and this casefile is built for {} (exec format error)", or_nothing(.words), std::env::consts::ARCH)]
    OtherMachine { words: String },
    #[error("the collection ended there with {status}: {}", or_nothing(.words))]
    Ended { status: String, words: String },
}

impl Failure {
    /// What an end means; the numbers from 71 on are those of `far.sh`, 255 is ssh's own (ssh(1), "EXIT STATUS"), 0 and 4 are collect's.
    pub(super) fn of(status: Option<i32>, begun: bool, words: String) -> Option<Self> {
        Some(match status {
            Some(0 | 4) if begun => return None,
            Some(255) if begun => Self::Broken { words },
            Some(255) => Self::Unreachable { words },
            Some(71) => Self::NoFolder { words },
            Some(72) => Self::NotCopied { words },
            Some(73) => Self::DoesNotRun { words },
            Some(74) => Self::OtherMachine { words },
            Some(status) => Self::Ended {
                status: format!("status {status}"),
                words,
            },
            None => Self::Ended {
                status: "a signal".into(),
                words,
            },
        })
    }

    /// The last lines on standard error that are no progress of the collection.
    pub(super) fn words(said: &[u8]) -> String {
        let text = String::from_utf8_lossy(said);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('['))
            .collect();
        let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
        last.join("; ").chars().take(400).collect()
    }
}

fn or_nothing(words: &str) -> &str {
    if words.is_empty() { "no words" } else { words }
}

fn said(words: &str) -> String {
    match words {
        "" => String::new(),
        words => format!("; its last words: {words}"),
    }
}

/// What helps against the refusals of OpenSSH (sshconnect.c, sshconnect2.c).
fn hint(words: &str) -> &'static str {
    if words.contains("Permission denied") {
        "; give ssh a key without a passphrase, or an agent: nobody is asked for a password"
    } else if words.contains("Host key verification failed") || words.contains("host key is known") {
        "; connect to it once by hand and accept its key, or set StrictHostKeyChecking in ssh's configuration"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_says_what_it_means() {
        let of = |status, begun, words: &str| Failure::of(status, begun, words.into()).unwrap().to_string();
        assert_eq!(Failure::of(Some(4), true, String::new()), None);
        let refused = "ssh: connect to host n1 port 22: Connection refused";
        assert_eq!(of(Some(255), false, refused), format!("cannot reach it: {refused}"));
        assert!(of(Some(255), false, "u@n1: Permission denied (publickey).").contains("agent"));
        assert!(of(Some(255), false, "Host key verification failed.").contains("accept its key"));
        assert!(of(Some(255), true, "").contains("what came is kept"));
        assert!(of(Some(72), false, "head: No space left on device").contains("No space left"));
        assert!(of(Some(74), false, "aarch64").contains("exec format error"));
        assert!(of(Some(127), false, "exec: sh: not found").contains("status 127"));
    }

    #[test]
    fn the_last_words_are_quoted_and_progress_is_not() {
        let said = b"Warning: old\nbanner\n[ 1/3] host/df \xe2\x80\xa6 done 3 ms\na\nb\n";
        assert_eq!(Failure::words(said), "banner; a; b");
    }
}
