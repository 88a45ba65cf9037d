//! `hostname` and `/etc/hostname` (hostname(5)): one plain word, believed only in a file of such a name.

use super::{Decoder, Fact, HostNameSource, Section, TextFile};

/// The host's name.
pub(super) const DECODER: Decoder = Decoder {
    name: "hostname",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let file_name = file.path.file_name().to_lowercase();
    if file.lines.len() > 10
        || !file_name.starts_with("hostname")
        || (0..start).any(|line| !file.line(line).trim().is_empty())
    {
        return None;
    }
    let name = file.line(start).trim();
    let is_alone = (start + 1..file.lines.len()).all(|line| file.line(line).trim().is_empty());
    // 253 is the limit of a DNS name (RFC 1123 §2.1 with RFC 1035 §2.3.4).
    let is_name = name.len() <= 253
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    (is_alone && is_name).then(|| {
        let fact = Fact::HostName {
            name: name.into(),
            via: HostNameSource::Host,
            cite: file.cite(start),
        };
        Section {
            end: file.lines.len(),
            facts: vec![fact],
            ..Section::default()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    #[test]
    fn one_word_in_a_file_of_that_name_is_the_name() {
        for (path, text, name) in [
            ("systeminfo/hostname", "vm\n", Some("vm")),
            ("hostnamefqdn", "node-1.corp.local\n\n", Some("node-1.corp.local")),
            ("notes.txt", "vm\n", None),
            ("hostname", "", None),
            ("hostname", "vm\nother\n", None),
            ("hostname", "hostname: command not found\n", None),
        ] {
            let section = section(&DECODER, path, text);
            let read = section.as_ref().and_then(|section| match section.facts.first() {
                Some(Fact::HostName {
                    name,
                    via: HostNameSource::Host,
                    ..
                }) => Some(name.as_str()),
                _ => None,
            });
            assert_eq!(read, name, "{path}: {text}");
        }
    }
}
