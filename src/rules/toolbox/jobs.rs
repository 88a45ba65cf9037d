//! What runs on a host beside a clean-up, and whether a baseline knew of the clean-up: scripts and cron entries.

use crate::cluster::Host;
use crate::model::{Citation, Listing};

use super::prunes::{Of, Prune};

/// Places that are cited for a search among all of them.
const SEARCHED: usize = 12;

/// The scripts and cron entries of a host, as far as they were read.
pub struct Jobs {
    /// How many there are beside the clean-up.
    pub read: usize,
    /// The first of them, as places that were searched.
    pub searched: Vec<Citation>,
    /// True when one of these names one of the containers in question.
    pub is_watched: bool,
    /// How many cron entries the baseline has.
    pub read_before: usize,
    /// The listing in which the baseline's cron table was looked for, or else its first entry; none where an entry starts the clean-up.
    pub searched_before: Option<Citation>,
    /// The baseline's cron entries, each one.
    pub entries_before: Vec<Citation>,
}

impl Jobs {
    /// Of a host beside the clean-up `prune`, which stands in `cron_file` or is started from there; `names` are the containers in question.
    pub fn of(host: &Host, before: Option<&Host>, prune: &Prune<'_>, cron_file: &str, names: &[String]) -> Self {
        let script = prune.file.as_str();
        let starts = match prune.of {
            Of::Cron(entry) => entry.command.as_str(),
            Of::Script | Of::Unit(_) => script.rsplit('/').next().unwrap_or(script),
        };
        let names_one = |text: &str| names.iter().any(|name| text.contains(name.as_str()));
        let scripts = || host.scripts.iter().filter(|other| other.path != script);
        let entries = || host.cron.iter().filter(|entry| !entry.command.contains(starts));
        let in_script = scripts().any(|other| other.lines.iter().any(|(_, line)| names_one(line)));
        let listed = before.and_then(|before| not_listed(before, cron_file));
        let before = before.map(|before| before.cron.as_slice()).unwrap_or_default();
        let searched_before = listed.or_else(|| before.first().map(|entry| vain(&entry.cite, before.len())));
        let is_known = before.iter().any(|entry| entry.command.contains(starts));
        Self {
            read: scripts().count() + entries().count(),
            searched: scripts()
                .map(|script| &script.cite)
                .chain(entries().map(|entry| &entry.cite))
                .take(SEARCHED)
                .map(|cite| vain(cite, 1))
                .collect(),
            is_watched: in_script || entries().any(|entry| names_one(&entry.command)),
            read_before: before.len(),
            searched_before: searched_before.filter(|_| !is_known),
            entries_before: before.iter().take(SEARCHED).map(|entry| vain(&entry.cite, 1)).collect(),
        }
    }
}

/// The whole listing of a crontab's directory, where the crontab is not in it.
fn not_listed(host: &Host, cron_file: &str) -> Option<Citation> {
    let (directory, name) = cron_file.rsplit_once('/')?;
    let mut listed = host.tools.directories.iter();
    let listed = listed.find(|listed| listed.path == directory && !listed.is_missing)?;
    let is_there = listed.entries.iter().any(|entry| entry == name);
    (!is_there).then(|| listed.cite.clone().absence(None))
}

/// A place that was searched in vain. That every table was collected does not show.
fn vain(cite: &Citation, entries: usize) -> Citation {
    cite.clone()
        .listing(Listing::Lines)
        .absence(Some((entries as u64, false)))
}
