//! A network card as `ethtool` shows it (`ethtool.c`, `netlink/settings.c`): the link, what it offloads, what its driver counts.

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Section, TextFile};

/// `interface.<name>.link`, `.speed`, `.duplex`, `.offload.<feature>` and, of the driver's counters, those of errors and drops that
/// are not 0: `.counter.rx_queue_0_drops`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "ethtool",
    decode,
};

static HEAD: Shape = Shape::new(|| Regex::new(r"^(?:Settings|(?<features>Features)) for (?<name>[^\s:]+):$"));
/// What has to do with tunnels and checksums: a card that gets these wrong breaks VXLAN between nodes.
const OFFLOADS: [&str; 7] = [
    "rx-checksumming",
    "tx-checksumming",
    "tx-checksum-ip-generic",
    "tx-udp_tnl-segmentation",
    "tx-udp_tnl-csum-segmentation",
    "generic-receive-offload",
    "large-receive-offload",
];
/// Parts of the names that drivers give to counters of losses.
const LOSSES: [&str; 7] = ["err", "drop", "discard", "miss", "fail", "timeout", "overrun"];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if first.trim_end() == "NIC statistics:" {
        return Some(statistics(file, start));
    }
    if !first.starts_with("Settings for ") && !first.starts_with("Features for ") {
        return None;
    }
    let found = HEAD.groups(first)?;
    let name = group(&found, "name");
    let is_features = found.name("features").is_some();
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        // Features stand at the left, the parts of one below it; settings are all indented.
        if HEAD.fits(line) || !is_features && !line.starts_with(['\t', ' ']) {
            break;
        }
        if let Some((key, value)) = line.trim().split_once(": ") {
            let known = match key {
                "Link detected" => Some("link".to_owned()),
                "Speed" => Some("speed".to_owned()),
                "Duplex" => Some("duplex".to_owned()),
                _ if is_features && OFFLOADS.contains(&key) => Some(format!("offload.{key}")),
                _ => None,
            };
            let value = value.split(" [").next().unwrap_or(value);
            section.facts.extend(
                known
                    .filter(|_| !value.starts_with("Unknown"))
                    .map(|key| file.value(section.end, format!("interface.{name}.{key}"), value)),
            );
        }
        section.end += 1;
    }
    Some(section)
}

/// The counters do not name their card; the command above them or the name that a collector gave the file does.
fn statistics(file: &TextFile<'_>, start: usize) -> Section {
    let name = card(file, start);
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some((key, count)) = file
        .lines
        .get(section.end)
        .filter(|line| line.starts_with([' ', '\t']))
        .and_then(|line| line.trim().rsplit_once(": "))
    {
        let is_loss = LOSSES.iter().any(|word| key.contains(word));
        let is_some = count.bytes().all(|byte| byte.is_ascii_digit()) && count.bytes().any(|byte| byte != b'0');
        if let Some(name) = name.filter(|_| is_loss && is_some) {
            let key = format!("interface.{name}.counter.{}", key.trim());
            section.facts.push(file.value(section.end, key, count));
        }
        section.end += 1;
    }
    section
}

/// Lines of the settings of one card, at most.
const SETTINGS: usize = 60;

fn card<'f>(file: &TextFile<'f>, start: usize) -> Option<&'f str> {
    let above = start.checked_sub(1).map_or("", |line| file.line(line)).trim();
    // Between the command and its output stands what was typed before it in the same line: `date; ethtool -S eth0 | grep -v queue`.
    let command = (1..=3).find_map(|up| {
        let line = file.line(start.checked_sub(up)?);
        let (_, rest) = line.rsplit_once("ethtool -S ")?;
        rest.split([' ', '|', ';', '\'', '"']).next()
    });
    let heading = above.strip_prefix("--- ").or_else(|| above.strip_prefix("== "));
    let in_name = || {
        let name = file.path.file_name();
        name.strip_prefix("ethtool_-S_")
            .or_else(|| name.strip_prefix("ethtool-S-"))
    };
    // What `ethtool eth0` printed stands above, in the same file.
    let settings = (1..=SETTINGS).find_map(|up| {
        let found = HEAD.groups(file.line(start.checked_sub(up)?))?;
        Some(found.name("name")?.as_str())
    });
    let found = command.or(heading).or_else(in_name).or(settings)?.trim();
    let found = found.strip_suffix(".txt").unwrap_or(found);
    let is_name = !found.is_empty()
        && found
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte));
    is_name.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn the_link_and_the_offloads_are_told() {
        let text =
            "Settings for eth0:\n\tSpeed: 10000Mb/s\n\tDuplex: Full\n\tAuto-negotiation: off\n\tLink detected: no\n";
        assert_eq!(
            values(&section(&DECODER, "x", text).unwrap()),
            [
                "interface.eth0.speed=10000Mb/s",
                "interface.eth0.duplex=Full",
                "interface.eth0.link=no"
            ]
        );
        let text =
            "Features for flannel.1:\nrx-checksumming: on\n\ttx-checksum-ip-generic: off [fixed]\nscatter-gather: on\n";
        assert_eq!(
            values(&section(&DECODER, "x", text).unwrap()),
            [
                "interface.flannel.1.offload.rx-checksumming=on",
                "interface.flannel.1.offload.tx-checksum-ip-generic=off"
            ]
        );
    }

    #[test]
    fn counters_of_losses_need_the_name_of_their_card() {
        let text = "NIC statistics:\n     rx_packets: 9\n     rx_queue_0_drops: 7\n     tx_errors: 0\n";
        let counted = |path| values(&section(&DECODER, path, text).unwrap());
        assert_eq!(
            counted("sos_commands/networking/ethtool_-S_ens3"),
            ["interface.ens3.counter.rx_queue_0_drops=7"]
        );
        assert!(counted("notes.txt").is_empty());
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "Settings for eth0", "Features for you:\n", "NIC statistics\n"] {
            assert!(
                section(&DECODER, "x", text).is_none_or(|section| section.facts.is_empty()),
                "{text}"
            );
        }
    }
}
