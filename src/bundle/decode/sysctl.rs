//! Kernel parameters: `sysctl -a` (procps and busybox: `key = value`) and `/proc/sys/net/… = value` lines.
//!
//! The same lines in `/etc/sysctl.conf` and `sysctl.d` (sysctl.conf(5)) say what was wished for, not what the kernel has, so they
//! are kept as configuration.

use super::host::{Config, ConfigFormat, HostFact};
use super::{Decoder, Fact, Section, TextFile};

/// Kernel parameters.
pub(super) const DECODER: Decoder = Decoder { name: "sysctl", decode };

/// The top folders of `/proc/sys` (Documentation/admin-guide/sysctl/index.rst of the kernel).
const TREES: [&str; 9] = [
    "abi.", "debug.", "dev.", "fs.", "kernel.", "net.", "sunrpc.", "user.", "vm.",
];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let is_wish = file.path.as_str().contains("sysctl.d/") || file.path.file_name() == "sysctl.conf";
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some((key, value)) = file.lines.get(section.end).and_then(|line| parameter(line)) {
        if !is_wish {
            section.facts.push(Fact::Sysctl {
                key,
                value: value.into(),
                cite: file.cite(section.end),
            });
        }
        section.end += 1;
    }
    if is_wish && section.end > start {
        let lines = (start..section.end).map(|line| (line as u64 + 1, file.line(line).to_owned()));
        section.facts.push(Fact::Host(HostFact::Config(Config {
            path: file.path.as_str().to_owned(),
            format: ConfigFormat::Lines,
            lines: lines.collect(),
            value: None,
            cite: file.cite(start),
        })));
    }
    // `sysctl -a` has complaints between its lines; each run of lines is a section of its own.
    (section.end > start).then_some(section)
}

/// `net.ipv4.ip_forward = 1` or `/proc/sys/net/ipv4/ip_forward = 1`.
fn parameter(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let dotted = match key.strip_prefix("/proc/sys/") {
        Some(path) => path.replace('/', "."),
        None => key.to_owned(),
    };
    let is_key = TREES.iter().any(|tree| dotted.starts_with(tree))
        && dotted
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-/@:".contains(&byte));
    is_key.then(|| (dotted, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    fn parameters(section: &Section) -> Vec<(&str, &str)> {
        section
            .facts
            .iter()
            .filter_map(|fact| {
                if let Fact::Sysctl { key, value, .. } = fact {
                    Some((key.as_str(), value.as_str()))
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn both_forms_are_read() {
        let text = "net.ipv4.ip_forward = 0\nkernel.core_pattern = |/usr/lib/core %p=1\n/proc/sys/net/bridge/bridge-nf-call-iptables = 1\nfs.inotify.max_user_watches=8192\n\nrest\n";
        let section = section(&DECODER, "x", text).unwrap();
        assert_eq!(
            parameters(&section),
            [
                ("net.ipv4.ip_forward", "0"),
                ("kernel.core_pattern", "|/usr/lib/core %p=1"),
                ("net.bridge.bridge-nf-call-iptables", "1"),
                ("fs.inotify.max_user_watches", "8192"),
            ]
        );
        assert_eq!(section.end, 4);
    }

    #[test]
    fn a_configuration_file_says_nothing_of_the_kernel() {
        for path in ["etc/sysctl.conf", "etc/sysctl.d/50-kubernetes.conf"] {
            let section = section(&DECODER, path, "net.ipv4.ip_forward = 1\n").unwrap();
            assert!(parameters(&section).is_empty(), "{path}");
            assert!(
                matches!(section.facts.as_slice(), [Fact::Host(HostFact::Config(config))] if config.setting("net.ipv4.ip_forward").is_some_and(|(value, _)| value == "1")),
                "{path}"
            );
            assert_eq!(section.end, 1, "{path}");
        }
    }

    #[test]
    fn other_text_is_declined() {
        for line in [
            "",
            "net.ipv4.ip_forward",
            "kernel: oops = 1",
            "sysctl: reading key \"kernel.x\" = 1",
            "user.login failed reason=x",
            "net.ip",
        ] {
            assert!(section(&DECODER, "sysctl-a.txt", line).is_none(), "{line}");
        }
    }
}
