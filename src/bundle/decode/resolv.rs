//! `/etc/resolv.conf` (resolv.conf(5)).

use super::{Decoder, Fact, Resolver, Section, TextFile};

/// The resolver's configuration.
pub(super) const DECODER: Decoder = Decoder {
    name: "resolv.conf",
    decode,
};

/// Lines that one may have. Many texts have lines that begin like its own, and each of those is asked whether one starts there.
const MOST_LINES: usize = 100;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let begins = ["nameserver", "search", "domain", "options", "sortlist"];
    if start > 0 && !begins.iter().any(|begin| file.line(start).starts_with(begin)) {
        return None;
    }
    let is_named = file.path.file_name().to_lowercase().contains("resolv");
    // Comments may come first, but only a file of this name is recognised by them.
    let first = if is_named && start == 0 {
        (0..file.lines.len()).find(|&line| !is_comment(file.line(line)))?
    } else {
        start
    };
    // A lone `search` or `options` may be a word of any text; a name server with an address is not.
    let is_server = |line: &str| line.trim_start().starts_with("nameserver");
    if !is_named
        && !file
            .lines
            .iter()
            .skip(first)
            .take(MOST_LINES)
            .any(|line| is_server(line))
    {
        return None;
    }
    let mut resolver = Resolver {
        nameservers: Vec::new(),
        search: Vec::new(),
        options: Vec::new(),
        cite: file.cite(first),
    };
    let mut end = first;
    while let Some(line) = file.lines.get(end).filter(|_| end - first < MOST_LINES) {
        if !is_comment(line) && !take(&mut resolver, line) || line.trim().is_empty() && !is_named {
            break;
        }
        end += 1;
    }
    if end == first || resolver.nameservers.is_empty() && !is_named {
        return None;
    }
    resolver.cite = file.cite_range(first, end - 1, first);
    Some(Section {
        end,
        facts: vec![Fact::Resolver(resolver)],
        ..Section::default()
    })
}

fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with(['#', ';'])
}

/// Adds one line; false when it is none of a resolv.conf.
fn take(resolver: &mut Resolver, line: &str) -> bool {
    let mut words = line.split_whitespace();
    let keyword = words.next().unwrap_or("");
    let values: Vec<String> = words.map(str::to_owned).collect();
    match (keyword, values.as_slice()) {
        ("nameserver", [address]) => {
            // A collector may have masked the address, so its form is not checked beyond "no word of a sentence".
            let is_address = address.contains(['.', ':']) || address.contains('*');
            if is_address {
                resolver.nameservers.push(address.clone());
            }
            is_address
        }
        // The last `search` or `domain` line wins.
        ("search" | "domain", [_, ..]) => {
            resolver.search = values;
            true
        }
        ("options", [_, ..]) => {
            resolver.options.extend(values);
            true
        }
        ("sortlist", [_, ..]) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::super::testing::assert_takes_linear_time;
    use super::*;

    #[test]
    fn servers_domains_and_options_are_read() {
        let text = "# made by hand\nnameserver 10.0.0.2\nnameserver fd00::1\nsearch corp.local lab\noptions ndots:5 timeout:1\n";
        let section = section(&DECODER, "etc/resolv.conf", text).unwrap();
        let [Fact::Resolver(resolver)] = section.facts.as_slice() else {
            panic!()
        };
        assert_eq!(resolver.nameservers, ["10.0.0.2", "fd00::1"]);
        assert_eq!(resolver.search, ["corp.local", "lab"]);
        assert_eq!(resolver.options, ["ndots:5", "timeout:1"]);
        assert_eq!(section.end, 5);
    }

    #[test]
    fn a_pasted_one_ends_at_the_first_other_line() {
        let text = "$ cat /etc/resolv.conf\nnameserver 127.0.0.53\n$ date\n";
        assert_eq!(section_at(&DECODER, "notes", text, 1).unwrap().end, 2);
    }

    #[test]
    fn other_text_is_declined() {
        for (path, text) in [
            ("x.log", "nameserver not reachable"),
            ("x.log", "nameserver timeout"),
            ("x.log", "search for pods"),
            ("x.log", ""),
            ("resolv.conf", ""),
            ("resolv.conf", "# only a comment\n"),
            ("etcresolvconf", "cat: /etc/resolv.conf: No such file or directory"),
        ] {
            assert!(section(&DECODER, path, text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_text_that_only_begins_like_one_is_declined_soon() {
        assert_takes_linear_time(&DECODER, "search for pods\n");
    }
}
