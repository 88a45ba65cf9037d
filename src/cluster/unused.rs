//! Text that no decoder took and no rule asks for, but of which its place in the bundle tells what it is.

use std::collections::BTreeMap;

use super::{Snapshot, Treatment};
use crate::bundle::layout::{Detected, LogPlace};
use crate::logs::{LogFile, Stream};
use crate::model::EntryPath;

/// Which files are set aside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// Those of which their place says that they are no log.
    NoLog,
    /// All of which it says what they are.
    Any,
}

/// Sets such files aside: they are ignored for the reason that their place gives, and count as logs no more. What has times, or a line
/// that a rule asks for, stays a log.
pub(super) fn set_aside(snapshot: &mut Snapshot, detected: &Detected<'_>, which: Certainty) {
    let is_plain = |log: &LogFile| log.stream == Stream::Unknown && log.hits.is_empty() && log.first_stamped.is_none();
    let mut reasons: BTreeMap<EntryPath, String> = BTreeMap::new();
    for log in snapshot.logs.iter().filter(|log| is_plain(log)) {
        let place = detected.place(&log.path);
        if which == Certainty::NoLog && place.log != Some(LogPlace::Nobody) {
            continue;
        }
        if let Some(what) = place.content {
            reasons.insert(log.path.clone(), format!("{what}, which no rule asks for"));
        }
    }
    // Of a file that was partly decoded only the rest is a log; it stays one.
    for file in &mut snapshot.coverage.files {
        if file.treatment != Treatment::Log {
            reasons.remove(&file.path);
        } else if let Some(reason) = reasons.get(&file.path) {
            file.treatment = Treatment::Ignored(reason.clone().into());
        }
    }
    snapshot.logs.retain(|log| !reasons.contains_key(&log.path));
}

#[cfg(test)]
mod tests {
    use super::super::{Treatment, reading};

    #[test]
    fn a_file_of_no_known_form_is_ignored_for_what_its_place_tells() {
        let snapshot = reading(&[
            ("r/sos_commands/host/hostname", "n1\n"),
            ("r/sos_commands/foo/foo_--bar", "some words\n"),
            ("r/sos_commands/foo/foo_--log", "2026-11-21T10:00:00Z started\n"),
            ("r/sys/devices/system/cpu/cpu0/topology/core_id", "0\n"),
            ("r/notes", "some words\n"),
        ]);
        let of = |path: &str| {
            let file = snapshot
                .coverage
                .files
                .iter()
                .find(|file| file.path.as_str() == path)
                .unwrap();
            match &file.treatment {
                Treatment::Ignored(reason) => reason.to_string(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(
            of("r/sos_commands/foo/foo_--bar"),
            "output of `foo --bar` (foo), which no rule asks for"
        );
        assert_eq!(
            (of("r/sos_commands/foo/foo_--log"), of("r/notes")),
            ("Log".into(), "Log".into())
        );
        assert!(of("r/sys/devices/system/cpu/cpu0/topology/core_id").starts_with("a processor"));
        assert_eq!(snapshot.logs.len(), 2);
    }
}
