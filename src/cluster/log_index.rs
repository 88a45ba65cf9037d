//! In which log a match stands.

use std::collections::HashMap;

use super::{Hit, Snapshot};
use crate::logs::LogFile;
use crate::model::{EntryPath, Place};

/// The logs of one path: a file may hold those of several machines, and archives that were merged have files of the same path.
#[derive(Default)]
struct OfPath {
    first: usize,
    /// The logs with a match in a line, by its number.
    by_line: HashMap<u64, Vec<usize>>,
}

/// The places of the logs in [`Snapshot::logs`].
struct LogIndex(HashMap<EntryPath, OfPath>);

impl LogIndex {
    fn of(snapshot: &Snapshot) -> Self {
        let mut paths: HashMap<EntryPath, OfPath> = HashMap::new();
        for (at, log) in snapshot.logs.iter().enumerate() {
            let of_path = paths.entry(log.path.clone()).or_insert_with(|| OfPath {
                first: at,
                ..OfPath::default()
            });
            for hit in &log.hits {
                let logs = of_path.by_line.entry(hit.line).or_default();
                if logs.last() != Some(&at) {
                    logs.push(at);
                }
            }
        }
        Self(paths)
    }
}

impl Snapshot {
    /// The log in which a match stands: of those with its path the one that holds this line and what was found in it. None for a match
    /// that stands in no log.
    pub fn log_of(&self, hit: &Hit) -> Option<&LogFile> {
        let index = self.derive(LogIndex::of);
        let of_path = index.0.get(&hit.cite.file)?;
        let with_line = match hit.cite.place {
            Place::Lines(line, _) => of_path.by_line.get(&line),
            Place::Pointer(_) => None,
        };
        let logs = || with_line.into_iter().flatten().filter_map(|&at| self.logs.get(at));
        let text = hit.cite.quote.first().map(|line| line.text.as_str());
        let holds = |log: &&LogFile, with_text: bool| {
            log.hits.iter().any(|found| {
                Place::Lines(found.line, found.line) == hit.cite.place
                    && found.signature == hit.signature
                    && (!with_text || Some(found.text.as_str()) == text)
            })
        };
        let found = logs()
            .find(|log| holds(log, true))
            .or_else(|| logs().find(|log| holds(log, false)));
        // An event that a line told of is cited by that line, and its match is none of the log.
        found.or_else(|| logs().next()).or_else(|| self.logs.get(of_path.first))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{merge, reading_for};
    use super::*;
    use crate::logs::{SignatureSet, SignatureSpec};

    /// A log in which something fails at ten, and which ends so many minutes after it.
    fn snapshot(host: &str, minutes: u32) -> Snapshot {
        let spec = SignatureSpec {
            id: "s".into(),
            pattern: "cannot open".into(),
            sources: Vec::new(),
            unless: None,
            within: None,
            tells_of_many: false,
        };
        let log =
            format!("Nov 21 10:00:00 {host} app[1]: cannot open\nNov 21 10:{minutes:02}:00 {host} app[1]: fine\n");
        reading_for(&SignatureSet::new([("r", &spec)]).unwrap(), &[("logs/messages", &log)])
    }

    #[test]
    fn a_match_stands_in_the_log_of_its_own_archive() {
        let merged = merge(vec![snapshot("n1", 5), snapshot("n2", 50)]).unwrap();
        let gaps: Vec<i64> = merged
            .hits("r/s")
            .map(|hit| merged.goes_on_without(hit).unwrap().as_mins())
            .collect();
        assert_eq!(gaps, [5, 50]);
    }

    #[test]
    fn a_match_stands_in_the_log_that_holds_its_line() {
        let mut snapshot = snapshot("n1", 5);
        // Two logs in one file: the other begins below.
        let mut other = snapshot.logs[0].clone();
        other.host = "n2".into();
        for hit in &mut other.hits {
            hit.line += 2;
        }
        other.last_stamped = Some("Nov 21 10:40:00 n2 app[1]: fine".into());
        snapshot.logs.push(other);
        let mut hit = snapshot.hits[0].clone();
        hit.cite.place = Place::Lines(3, 3);
        let snapshot = snapshot.clone();
        assert_eq!(snapshot.log_of(&snapshot.hits[0]).unwrap().host, "");
        assert_eq!(snapshot.log_of(&hit).unwrap().host, "n2");
        assert_eq!(snapshot.goes_on_without(&hit).unwrap().as_mins(), 40);
    }
}
