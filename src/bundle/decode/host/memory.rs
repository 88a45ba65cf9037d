//! `free` (procps), `/proc/meminfo` (proc_meminfo(5)), `swapon` and `/proc/swaps` (swapon(8)).

use regex::Regex;

use crate::bundle::decode::prompt::is_command;
use crate::bundle::decode::shape::{Shape, group, is_heading, until_blank};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// `memory.total-bytes`, `memory.available-bytes`, `memory.swap-total-bytes`; `memory.swap-device` of a swap area.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "memory", decode };

static MEMINFO: Shape = Shape::new(|| Regex::new(r"^(?<name>[A-Z][A-Za-z0-9_()]+):\s+(?<number>\d+)(?: kB)?\s*$"));

/// The columns of `free`, and what its Chinese translation calls them (procps-ng `po/zh_CN.po`).
const HEADING: [&str; 4] = ["total", "used", "free", "shared"];
const HEADING_ZH: [&str; 4] = ["总计", "已用", "空闲", "共享"];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if is_heading(first, &HEADING) || is_heading(first, &HEADING_ZH) {
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

/// Numbers of `free` (free(1)) in bytes. procps before 3.3.10 has no column of what is available; it tells it in the line `-/+
/// buffers/cache`, as what is free when caches are given up.
fn free(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = until_blank(file, start);
    let heading: Vec<&str> = file.line(start).split_whitespace().map(in_english).collect();
    let asked = unit_asked_for(file, start);
    for line in start + 1..section.end {
        let text = file.line(line);
        if let Some(rest) = text.strip_prefix("-/+ buffers/cache:") {
            let free = rest
                .split_whitespace()
                .nth(1)
                .and_then(|cell| bytes(cell, asked.or(unit_of_total(file, start))));
            let free = free.map(|bytes| value(file, line, "available-bytes", bytes.to_string()));
            section.facts.extend(free);
            continue;
        }
        let Some((name, cells)) = text.split_once([':', '：']) else {
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
        let sure = |text: &str| bytes(text, asked.or(unit_of_total(file, start))).map(|bytes| bytes.to_string());
        let facts = match name.trim() {
            "Mem" | "内存" => [
                ("total-bytes", cell("total").and_then(sure)),
                ("available-bytes", cell("available").and_then(sure)),
            ],
            "Swap" | "交换" => [
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

/// The name of a column that may be translated.
fn in_english(name: &str) -> &str {
    match name {
        "总计" => "total",
        "空闲" => "free",
        "可用" => "available",
        other => other,
    }
}

/// Bytes of a plain number, as the command above says or a file name in which its spaces became underscores (`free_-m`).
fn unit_asked_for(file: &TextFile<'_>, start: usize) -> Option<u64> {
    /// Bytes of a longer line are no command.
    const LONGEST: usize = 200;
    let above = start.checked_sub(1).map_or("", |above| file.line(above));
    let name = file.path.file_name().replace('_', " ");
    let is_asking = |text: &&str| text.len() <= LONGEST && text.split([' ', '/', '.']).any(|word| word == "free");
    let command = [above, name.as_str()].into_iter().find(is_asking)?;
    let has_program = is_command(command) || command == name;
    let mut options = command
        .split_whitespace()
        .skip_while(|word| !word.ends_with("free"))
        .skip(1);
    has_program.then(|| {
        let unit = options.find_map(|option| match option.trim_end_matches(".txt") {
            "-b" | "--bytes" => Some(1),
            "-k" | "--kibi" => Some(1 << 10),
            "-m" | "--mebi" => Some(1 << 20),
            "-g" | "--gibi" => Some(1 << 30),
            _ => None,
        });
        unit.unwrap_or(1 << 10)
    })
}

/// KiB, the unit of `free` without options, where nobody says how it was called and the memory would be absurd in any other: a number of
/// this size is 1 GB in KiB, and 1 TB in MiB.
fn unit_of_total(file: &TextFile<'_>, start: usize) -> Option<u64> {
    const SURE: u64 = 1_000_000;
    let total = file.line(start + 1).split_whitespace().nth(1)?.parse::<u64>().ok()?;
    (total >= SURE).then_some(1 << 10)
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

/// `23Gi`, `0B`, `0` in whatever unit, and a plain number where its unit is known.
fn bytes(text: &str, unit: Option<u64>) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.saturating_mul(unit?));
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
    fn the_unit_is_told_by_the_command_the_file_or_the_size() {
        let table = "             total       used       free     shared    buffers     cached\nMem:          8000       7000       1000          0        100       5000\n-/+ buffers/cache:       1900       6100\nSwap:         2047       2047          0\n";
        let of = |mebi: u64| mebi << 20;
        let read = |path: &str, text: &str, at: usize| {
            let path = crate::model::EntryPath::new(path);
            let file = TextFile::new("b".into(), &path, text);
            values(&decode(&file, at).unwrap())
        };
        let in_mebi = vec![
            format!("memory.total-bytes={}", of(8000)),
            format!("memory.available-bytes={}", of(6100)),
            format!("memory.swap-total-bytes={}", of(2047)),
            "memory.swap-free-bytes=0".to_owned(),
        ];
        assert_eq!(read("x", &format!("$ free -m\n{table}"), 1), in_mebi);
        assert_eq!(read("memory/free_-m", table, 0), in_mebi);
        assert_eq!(
            read("x", &format!("[root@m1 ~]# free\n{table}"), 1)[0],
            format!("memory.total-bytes={}", 8000 << 10)
        );
        assert_eq!(read("x", table, 0), ["memory.swap-free-bytes=0"]);
        let plain = "              总计         已用        空闲      共享    缓冲/缓存    可用\n内存：    16265208     8000000     1000000           0     7265208     8000000\n交换：           0           0           0\n";
        assert_eq!(
            read("x", plain, 0),
            [
                format!("memory.total-bytes={}", 16_265_208_u64 << 10),
                format!("memory.available-bytes={}", 8_000_000_u64 << 10),
                "memory.swap-total-bytes=0".to_owned(),
                "memory.swap-free-bytes=0".to_owned()
            ]
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "MemTotal: unknown", "total used", "Filename Type"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
