//! Commands on a host that delete stopped containers, in scripts or straight in a cron entry, and whether they leave out those that are stopped
//! by design.

use std::sync::LazyLock;

use regex::Regex;

use crate::bundle::decode::{CronEntry, Script};
use crate::cluster::Host;
use crate::model::{Citation, Place, QuoteLine};
use crate::rules::inventory::RKE_LABEL;

/// A command that deletes stopped containers.
#[derive(Debug, Clone)]
pub struct Prune<'h> {
    /// The file that it stands in: its path in the bundle.
    pub file: String,
    /// The number of its line, 1-based.
    pub number: u64,
    /// The command: the line of a script, the command of a cron entry.
    pub line: String,
    /// That line.
    pub cite: Citation,
    /// The cron entry that it is itself; none in a script.
    pub entry: Option<&'h CronEntry>,
}

/// A command that deletes stopped containers.
static PRUNES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"docker\s+(?:container|system)\s+prune|docker\s+(?:container\s+)?rm\b.*docker\s+(?:container\s+)?ps\b|docker\s+ps\b.*\|\s*xargs\b.*docker\s+(?:container\s+)?rm\b").ok()
});

/// Where a filter goes: behind the command and the flags that it begins with.
static FRONT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"docker\s+(?:container|system)\s+prune(?:\s+(?:-f|-a|-af|-fa|--force|--all|--volumes)\b)*").ok()
});

/// The same line, leaving out every container of RKE; where it deletes by other means, or has such a filter already, the plain command.
pub fn protected(line: &str) -> String {
    let line = line.trim();
    let filter = format!("--filter \"label!={RKE_LABEL}\"");
    let front = FRONT.as_ref().and_then(|front| front.find(line));
    match front.map(|found| line.split_at(found.end())) {
        Some((before, after)) if !line.contains("label!=") => format!("{before} {filter}{after}"),
        _ => format!("docker container prune -f {filter}"),
    }
}

/// The first command of a host that deletes stopped containers and does not leave out RKE's: in a script, else in a cron entry.
pub fn unprotected_prune(host: &Host) -> Option<Prune<'_>> {
    let in_script = host.scripts.iter().find_map(of_script);
    in_script.or_else(|| host.cron.iter().find_map(of_entry))
}

fn of_script(script: &Script) -> Option<Prune<'_>> {
    let mut lines = script.lines.iter();
    let (number, line) = lines.find(|(_, line)| !line.trim_start().starts_with('#') && threatens(line))?;
    let mut cite = script.cite.clone();
    cite.place = Place::Lines(*number, *number);
    cite.quote = vec![QuoteLine {
        line: Some(*number),
        text: line.clone(),
        hit: true,
    }];
    Some(Prune {
        file: script.path.clone(),
        number: *number,
        line: line.trim().to_owned(),
        cite,
        entry: None,
    })
}

fn of_entry(entry: &CronEntry) -> Option<Prune<'_>> {
    let Place::Lines(number, _) = entry.cite.place else {
        return None;
    };
    threatens(&entry.command).then(|| Prune {
        file: entry.cite.file.to_string(),
        number,
        line: entry.command.trim().to_owned(),
        cite: entry.cite.clone(),
        entry: Some(entry),
    })
}

fn threatens(command: &str) -> bool {
    PRUNES.as_ref().is_some_and(|prunes| prunes.is_match(command)) && !is_protected(command)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_goes_into_the_line_and_the_rest_of_it_stays() {
        assert_eq!(
            protected("  docker container prune -f >> $LOG 2>&1"),
            "docker container prune -f --filter \"label!=io.rancher.rke.container.name\" >> $LOG 2>&1"
        );
        assert_eq!(
            protected("sudo docker system prune --force --filter until=24h | logger"),
            "sudo docker system prune --force --filter \"label!=io.rancher.rke.container.name\" --filter until=24h | logger"
        );
        let plain = "docker container prune -f --filter \"label!=io.rancher.rke.container.name\"";
        assert_eq!(protected("docker rm $(docker ps -aq)"), plain);
        assert_eq!(protected("docker container prune -f --filter label!=keep"), plain);
        for line in ["docker container prune -f >> $LOG 2>&1", "docker rm $(docker ps -aq)"] {
            assert!(is_protected(&protected(line)), "{line}");
        }
    }
}
