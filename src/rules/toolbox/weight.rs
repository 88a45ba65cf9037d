//! How much a line of a log weighs: an error, a warning, or something that says itself that it does not matter.

use std::sync::LazyLock;

use regex::Regex;

use crate::logs::LineHit;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// The line itself says that it does not matter.
    Dismissed,
    /// A warning, or something that is tried again.
    Mild,
    /// An error, or a line without a level.
    Plain,
}

/// Of many alike lines the weightiest of those kept decides.
pub(super) fn weight_of(hit: &LineHit) -> Weight {
    let last = hit.last.as_ref().map(|(_, text)| weight(text));
    weight(&hit.text).max(last.unwrap_or(Weight::Dismissed))
}

/// The first word for a level decides: `level=warn … err=…` is a warning.
static LEVEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:(?P<mild>warn|warning|wrn|info|inf|notice|fine)|(?P<none>debug|dbg|trace)|error|err|fatal|panic|emerg|crit|critical|alert|severe|fail)\b").ok()
});
static DISMISSED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)using (?:the )?default|fall(?:ing|s)? ?back|\bignor(?:ed|ing)\b|\(optional\)|\bis optional\b|\boptional (?:file|config\w*|feature|dependency|plugin)\b|harmless|non-fatal|not fatal|\bdeprecat|kube-probe|can be (?:safely )?ignored|\b(?:tracing|metrics|telemetry|profiling|analytics|sentry|exporter)(?: is| are| will be)? (?:disabled|turned off|off\b)|\bPASS(?:ED)?\b|\bas (?:wanted|expected|intended)\b|\bexpected in (?:a |the )?tests?\b|\b(?:trying|asking|using) (?:the )?(?:next|another|other) (?:replica|mirror|node|host|broker|endpoint|instance|upstream)\b|(?:succeeded|delivered|committed|sent|done|ok|answered|stored|inserted) (?:on|at|by|after|with) (?:the )?(?:second|next|third|attempt|try|retry)\b|\bsent to (?:the )?dead[- ]letter").ok()
});

/// What is left out is no trouble, unless the line gives an error as the reason.
static SKIPPED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)\bskipp(?:ed|ing)\b").ok());
static REASON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)\b(?:err|error|exception|cause)"?[=:] ?"?[^"\s]"#).ok());

fn weight(line: &str) -> Weight {
    let is = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|regex| regex.is_match(line));
    // client-go says that it falls back and then has nothing to fall back on (`tools/clientcmd/client_config.go`).
    let is_left_out = is(&SKIPPED) && !is(&REASON);
    // What `passed` in kafka-clients is time (`ProducerBatch.java`), and no test.
    let is_no_excuse = line.contains("inClusterConfig") || line.contains(" ms has passed since ");
    if (is(&DISMISSED) || is_left_out) && !is_no_excuse {
        return Weight::Dismissed;
    }
    let level = LEVEL.as_ref().and_then(|regex| regex.captures(line));
    // What a program writes for its developers alone went well enough for its users.
    if level.as_ref().is_some_and(|found| found.name("none").is_some()) {
        return Weight::Dismissed;
    }
    let lower = line.to_ascii_lowercase();
    // Without a level the words have to tell; `level=error … retry=3` is an error all the same.
    let is_mild = match level {
        Some(found) => found.name("mild").is_some() || lower.contains("retrying") || has_attempts_left(&lower),
        None => lower.contains("retry") || lower.contains("will try again"),
    };
    if is_mild { Weight::Mild } else { Weight::Plain }
}

static ATTEMPT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(?:retry|attempt|try) ?#?(\d{1,3}) ?(?:/|of) ?(\d{1,3})\b").ok());

/// True for `retry 1/3`: what failed is tried again.
fn has_attempts_left(line: &str) -> bool {
    let found = ATTEMPT.as_ref().and_then(|regex| regex.captures(line));
    let number = |at: usize| found.as_ref()?.get(at)?.as_str().parse::<u32>().ok();
    number(1) < number(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_itself_how_much_it_matters() {
        for (line, expected) in [
            ("2026-01-01 ERROR cannot open /x", Weight::Plain),
            ("panic: boom", Weight::Plain),
            ("level=warn msg=\"late\" err=\"refused\"", Weight::Mild),
            ("connection refused, retrying in 5s", Weight::Mild),
            ("ERROR deadlock detected, committed on second try", Weight::Dismissed),
            ("INFO login refused as wanted, PASS", Weight::Dismissed),
            ("12:00:01 DEBUG botocore: 301 PermanentRedirect", Weight::Dismissed),
            ("Error: socket hang up (GET http://till/) - retry 1/3", Weight::Mild),
            ("Error: socket hang up (GET http://till/) - retry 3/3", Weight::Plain),
            (
                "WRN config file /etc/tiles.yaml not found, using defaults",
                Weight::Dismissed,
            ),
        ] {
            assert_eq!(weight(line), expected, "{line}");
        }
    }
}
