//! The name servers of systemd-resolved (`resolvectl status`, `systemd-resolve --status`; systemd `src/resolve/resolvectl.c`): where
//! `/etc/resolv.conf` names only the stub at 127.0.0.53, these are the real ones.

use crate::bundle::decode::{Decoder, Section, TextFile};

/// `resolved.dns-servers`: addresses with commas between.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "resolvectl status",
    decode,
};

/// Lines in which `resolvectl status` must show one of its settings.
const LOOKED_AT: usize = 12;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let is_settings = |line: usize| {
        let line = file.line(line).trim_start();
        line.starts_with("LLMNR setting:") || line.starts_with("Protocols: ")
    };
    if file.line(start).trim_end() != "Global" || !(start + 1..start + LOOKED_AT).any(is_settings) {
        return None;
    }
    let mut servers: Vec<&str> = Vec::new();
    let mut shown_at = None;
    let mut in_list = false;
    let mut end = start;
    while let Some(line) = file.lines.get(end) {
        let text = line.trim();
        let is_heading = !line.starts_with(' ') && (text == "Global" || text.starts_with("Link "));
        if !text.is_empty() && !line.starts_with(' ') && !is_heading {
            break;
        }
        let listed = text
            .strip_prefix("DNS Servers: ")
            .or_else(|| text.strip_prefix("DNS Servers:"));
        in_list = listed.is_some() || in_list && !text.contains(": ") && !text.is_empty() && !is_heading;
        if in_list {
            shown_at.get_or_insert(end);
            let words = listed.unwrap_or(text).split_whitespace();
            servers.extend(words.filter(|word| word.parse::<std::net::IpAddr>().is_ok()));
        }
        end += 1;
    }
    servers.dedup();
    Some(Section {
        end,
        facts: shown_at
            .filter(|_| !servers.is_empty())
            .map(|line| file.value(line, "resolved.dns-servers", servers.join(",")))
            .into_iter()
            .collect(),
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn the_real_name_servers_are_found_in_every_link() {
        let text = "Global\n       LLMNR setting: no\n  DNSSEC NTA: 10.in-addr.arpa\n\nLink 2 (ens3)\n      Current Scopes: DNS\n  Current DNS Server: 10.6.0.3\n         DNS Servers: 10.6.0.3\n                      10.6.0.4\n          DNS Domain: corp.local\nend\n";
        let section = section(&DECODER, "x", text).unwrap();
        assert_eq!(
            (values(&section), section.end),
            (vec!["resolved.dns-servers=10.6.0.3,10.6.0.4".to_owned()], 10)
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "Global\n", "Global warming\nLLMNR setting: no\n"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
