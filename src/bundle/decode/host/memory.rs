//! `free` (procps), `/proc/meminfo` (proc_meminfo(5)), `swapon` and `/proc/swaps` (swapon(8)).

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group, is_heading, until_blank};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// `memory.total-bytes`, `memory.available-bytes`, `memory.swap-total-bytes`; `memory.swap-device` of a swap area.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "memory", decode };

static MEMINFO: Shape = Shape::new(|| Regex::new(r"^(?<name>[A-Z][A-Za-z0-9_()]+):\s+(?<number>\d+)(?: kB)?\s*$"));

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if is_heading(first, &["total", "used", "free", "shared"]) {
        return Some(free(file, start));
    }
    if is_heading(first, &["Filename", "Type", "Size", "Used", "Priority"])
        || is_heading(first, &["NAME", "TYPE", "SIZE", "USED", "PRIO"])
    {
        return Some(swap(file, start));
    }
    (first.starts_with("MemTotal:") && MEMINFO.fits(first)).then(|| meminfo(file, start))
}

fn value(file: &TextFile<'_>, line: usize, key: &str, value: String) -> Fact {
    Fact::Value {
        key: format!("memory.{key}"),
        value,
        cite: file.cite(line),
    }
}

fn meminfo(file: &TextFile<'_>, start: usize) -> Section {
    const KEYS: [(&str, &str); 4] = [
        ("MemTotal", "total-bytes"),
        ("MemAvailable", "available-bytes"),
        ("SwapTotal", "swap-total-bytes"),
        ("SUnreclaim", "slab-unreclaimable-bytes"),
    ];
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(found) = file.lines.get(section.end).and_then(|line| MEMINFO.groups(line)) {
        let key = KEYS.iter().find(|(name, _)| *name == group(&found, "name"));
        if let (Some((_, key)), Ok(number)) = (key, group(&found, "number").parse::<u64>()) {
            section
                .facts
                .push(value(file, section.end, key, number.saturating_mul(1024).to_string()));
        }
        section.end += 1;
    }
    section
}

/// The unit of `free` is not in its output unless it was asked for (`-h`): a plain number is KiB by default and MiB with `-m`, so
/// only numbers with a unit, and whether there is swap at all, are sure.
fn free(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = until_blank(file, start);
    let heading: Vec<&str> = file.line(start).split_whitespace().collect();
    for line in start + 1..section.end {
        let Some((name, cells)) = file.line(line).split_once(':') else {
            continue;
        };
        let cells: Vec<&str> = cells.split_whitespace().collect();
        let cell = |name: &str| {
            heading
                .iter()
                .position(|known| *known == name)
                .and_then(|at| cells.get(at))
                .copied()
        };
        let sure = |text: &str| bytes(text).map(|bytes| bytes.to_string());
        let facts = match name.trim() {
            "Mem" => [
                ("total-bytes", cell("total").and_then(sure)),
                ("available-bytes", cell("available").and_then(sure)),
            ],
            "Swap" => [
                ("swap-total-bytes", cell("total").and_then(sure)),
                ("swap-free-bytes", cell("free").and_then(sure)),
            ],
            _ => continue,
        };
        let facts = facts
            .into_iter()
            .filter_map(|(key, number)| Some(value(file, line, key, number?)));
        section.facts.extend(facts);
    }
    section
}

fn swap(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = until_blank(file, start);
    for line in start + 1..section.end {
        if let Some(device) = file.line(line).split_whitespace().next() {
            section.facts.push(value(file, line, "swap-device", device.to_owned()));
        }
    }
    section
}

/// `23Gi`, `0B`, and `0` in whatever unit.
fn bytes(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text.get(..at)?.parse().ok()?;
    let factor: u64 = match text.get(at..)? {
        "B" => 1,
        "K" | "Ki" => 1 << 10,
        "M" | "Mi" => 1 << 20,
        "G" | "Gi" => 1 << 30,
        "T" | "Ti" => 1 << 40,
        _ => return None,
    };
    Some((number * factor as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn memory_and_swap_are_read_in_bytes() {
        for (text, expected) in [
            (
                "MemTotal:       1024 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\nSwapTotal:  0 kB\n",
                vec![
                    "memory.total-bytes=1048576",
                    "memory.available-bytes=524288",
                    "memory.swap-total-bytes=0",
                ],
            ),
            (
                "       total   used   free  shared  buff/cache  available\nMem: 1Gi 1Mi 1Mi 1Mi 1Mi 512Mi\nSwap: 0B 0B 0B\n",
                vec![
                    "memory.total-bytes=1073741824",
                    "memory.available-bytes=536870912",
                    "memory.swap-total-bytes=0",
                    "memory.swap-free-bytes=0",
                ],
            ),
            (
                "       total   used   free  shared  buff/cache  available\nMem: 24105 948 17608 8 5949 23157\nSwap: 0 0 0\n",
                vec!["memory.swap-total-bytes=0", "memory.swap-free-bytes=0"],
            ),
            (
                "NAME      TYPE SIZE USED PRIO\n/swap.img file   4G   0B   -2\n",
                vec!["memory.swap-device=/swap.img"],
            ),
            ("Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n", vec![]),
        ] {
            assert_eq!(values(&section(&DECODER, "x", text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "MemTotal: unknown", "total used", "Filename Type"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
