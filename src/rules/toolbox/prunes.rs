//! Scripts that delete stopped containers, and whether they leave out those that are stopped by design.

use std::sync::LazyLock;

use regex::Regex;

use crate::bundle::decode::Script;
use crate::rules::inventory::RKE_LABEL;

/// A command that deletes stopped containers.
static PRUNES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"docker\s+(?:container|system)\s+prune|docker\s+(?:container\s+)?rm\b.*docker\s+(?:container\s+)?ps\b|docker\s+ps\b.*\|\s*xargs\b.*docker\s+(?:container\s+)?rm\b").ok()
});

/// The first line of a script that deletes stopped containers and does not leave out RKE's: the script, the line's number, the line.
pub fn unprotected_prune(script: &Script) -> Option<(&Script, u64, String)> {
    let prunes = PRUNES.as_ref()?;
    script
        .lines
        .iter()
        .find(|(_, line)| !line.trim_start().starts_with('#') && prunes.is_match(line) && !is_protected(line))
        .map(|(number, line)| (script, *number, line.clone()))
}

/// Exactly one `label!=` filter, on RKE's key alone.
fn is_protected(line: &str) -> bool {
    let mut filters = line.match_indices("label!=");
    let (Some((at, filter)), None) = (filters.next(), filters.next()) else {
        return false;
    };
    let value = line.get(at + filter.len()..).unwrap_or("");
    value.strip_prefix(RKE_LABEL).is_some_and(|rest| !rest.starts_with('='))
}
