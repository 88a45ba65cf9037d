//! `/etc/hosts` (hosts(5)); an address and a name may begin any line of text, so only in a file of that name.

use regex::Regex;

use super::fact::{HostFact, HostsEntry};
use crate::bundle::decode::shape::Shape;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Names and addresses.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "hosts", decode };

static LINE: Shape = Shape::new(|| Regex::new(r"^[0-9a-fA-F.:]{2,}(?:%\w+)?(?:\s+[A-Za-z0-9_][\w.-]*)+\s*(?:#.*)?$"));
const MOST_ENTRIES: usize = 5_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let name = file.path.file_name();
    let is_named = name.ends_with("hosts") || name == "hosts.txt";
    if !is_named || !LINE.fits(file.line(start)) {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end) {
        if LINE.fits(line) {
            let mut words = line
                .split('#')
                .next()
                .unwrap_or("")
                .split_whitespace()
                .map(str::to_owned);
            if let Some(address) = words.next().filter(|_| section.facts.len() < MOST_ENTRIES) {
                section.facts.push(Fact::Host(HostFact::HostsEntry(HostsEntry {
                    address,
                    names: words.collect(),
                    cite: file.cite(section.end),
                })));
            }
        } else if !line.starts_with('#') && !line.trim().is_empty() {
            break;
        }
        section.end += 1;
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn every_line_is_an_entry() {
        let text = "127.0.0.1 localhost\n\n# registry\n192.0.2.2\tharbor.corp.local mirror # old\n";
        let facts = host_facts(section(&DECODER, "etc/hosts", text).unwrap());
        let [HostFact::HostsEntry(_), HostFact::HostsEntry(entry)] = facts.as_slice() else {
            panic!()
        };
        assert_eq!(
            (entry.address.as_str(), entry.names.join(" ")),
            ("192.0.2.2", "harbor.corp.local mirror".to_owned())
        );
        assert_eq!(entry.cite.quote[0].line, Some(4));
    }

    #[test]
    fn other_files_are_declined() {
        assert!(section(&DECODER, "notes", "127.0.0.1 localhost\n").is_none());
        assert!(section(&DECODER, "etc/hosts", "see the wiki\n").is_none());
    }
}
