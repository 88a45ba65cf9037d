//! `df` (coreutils, busybox) with `-h`, `-i`, `-P`, `-T` and their combinations.

use regex::Regex;

use super::fact::{Counted, Filesystem, HostFact};
use crate::bundle::decode::shape::{Shape, group, is_heading, until_blank};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// The use of file systems.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "df", decode };

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = file.line(start);
    if is_without_heading(file, start) {
        return Some(rows(file, start, start, Counted::Bytes, false, 1));
    }
    // zh_CN of coreutils: `文件系统 … 挂载点`.
    if !is_heading(heading, &["Filesystem", "Mounted on"]) && !is_heading(heading, &["文件系统", "挂载点"]) {
        return None;
    }
    let has = |word: &str| heading.split_whitespace().any(|known| known == word);
    let counted = if has("Inodes") || has("Inode") {
        Counted::Inodes
    } else {
        Counted::Bytes
    };
    let with_type = has("Type") || has("类型");
    Some(rows(file, start, start + 1, counted, with_type, block_size(heading)))
}

/// `df -h | grep ^/`, which microk8s writes as `sys/disk_usage` (canonical/microk8s `scripts/inspect.sh`, `store_sys`): its name and its
/// form tell what the numbers count.
fn is_without_heading(file: &TextFile<'_>, start: usize) -> bool {
    start == 0
        && file.path.file_name() == "disk_usage"
        && file.line(0).starts_with('/')
        && read_row(file.line(0), false).is_some()
}

/// The rows of a table that begins at `start`, from the line `first` on.
fn rows(file: &TextFile<'_>, start: usize, first: usize, counted: Counted, with_type: bool, unit: u64) -> Section {
    let mut section = until_blank(file, start);
    let mut line = first;
    while line < section.end {
        // A long device name stands on a line of its own in the output of older versions.
        let is_wrapped = file.line(line).split_whitespace().count() == 1 && line + 1 < section.end;
        let last = if is_wrapped { line + 1 } else { line };
        let row = if is_wrapped {
            format!("{} {}", file.line(line), file.line(last))
        } else {
            file.line(line).to_owned()
        };
        if let Some(found) = read_row(&row, with_type) {
            let amount = |text: &str| match counted {
                Counted::Bytes => bytes(text, unit),
                Counted::Inodes => bytes(text, 1),
            };
            section.facts.push(Fact::Host(HostFact::Filesystem(Filesystem {
                device: group(&found, "device").to_owned(),
                kind: group(&found, "kind").to_owned(),
                mount: group(&found, "mount").to_owned(),
                counted,
                total: amount(group(&found, "total")),
                used: amount(group(&found, "used")),
                available: amount(group(&found, "free")),
                percent: group(&found, "percent").trim_end_matches('%').parse().ok(),
                cite: file.cite(last),
            })));
        } else if !row.starts_with("df: ") {
            let detail = "a row of df does not have a cell for every heading";
            let problem = Problem::file(file.path, ProblemKind::Unparsed, detail);
            section.problems.push(problem.at_line(line as u64 + 1));
        }
        line = last + 1;
    }
    section
}

fn read_row(row: &str, with_type: bool) -> Option<regex::Captures<'_>> {
    static TYPED: Shape = Shape::new(|| {
        Regex::new(
            r"^\s*(?<device>\S.*?)\s+(?<kind>[\w.]+)\s+(?<total>[\d.]+\w?|-)\s+(?<used>[\d.]+\w?|-)\s+(?<free>-?[\d.]+\w?|-)\s+(?<percent>\d+%|-)\s+(?<mount>/.*?)\s*$",
        )
    });
    static PLAIN: Shape = Shape::new(|| {
        Regex::new(
            r"^\s*(?<device>\S.*?)\s+(?<total>[\d.]+\w?|-)\s+(?<used>[\d.]+\w?|-)\s+(?<free>-?[\d.]+\w?|-)\s+(?<percent>\d+%|-)\s+(?<mount>/.*?)\s*$",
        )
    });
    if with_type {
        TYPED.groups(row)
    } else {
        PLAIN.groups(row)
    }
}

/// Bytes of one block: `1K-blocks`, `1024-blocks`, `512-blocks`, `1M-blocks`; one where sizes have their own unit.
fn block_size(heading: &str) -> u64 {
    let named = heading
        .split_whitespace()
        .find_map(|word| word.strip_suffix("-blocks").or_else(|| word.strip_suffix("-块")));
    named.and_then(|size| bytes(size, 1)).unwrap_or(1)
}

/// `252G`, `8.6M`, `1024` in units of `unit` bytes.
fn bytes(text: &str, unit: u64) -> Option<u64> {
    let letter = text.find(|c: char| c.is_ascii_alphabetic());
    let number: f64 = text
        .get(..letter.unwrap_or(text.len()))?
        .parse()
        .ok()
        .filter(|number| *number >= 0.0)?;
    let factor = match letter.and_then(|at| text.get(at..)) {
        None => unit,
        Some("B") => 1,
        Some("K" | "k") => 1 << 10,
        Some("M") => 1 << 20,
        Some("G") => 1 << 30,
        Some("T") => 1 << 40,
        Some("P") => 1 << 50,
        Some(_) => return None,
    };
    // A conversion from a float saturates, so an absurd size stays a size.
    Some((number * factor as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn read(text: &str) -> Vec<Filesystem> {
        let is_row = |fact| match fact {
            HostFact::Filesystem(row) => Some(row),
            _ => None,
        };
        host_facts(section(&DECODER, "x", text).unwrap())
            .into_iter()
            .filter_map(is_row)
            .collect()
    }

    const GIB: u64 = 1 << 30;

    #[test]
    fn every_option_gives_the_same_facts() {
        for text in [
            "Filesystem      Size  Used Avail Use% Mounted on\n/dev/vda 10G 9G 1G 90% /var/lib\n",
            "Filesystem     Type  Size  Used Avail Use% Mounted on\n/dev/vda  ext4 10G 9G 1G 90% /var/lib\n",
            "Filesystem     1K-blocks    Used Available Use% Mounted on\n/dev/vda 10485760 9437184 1048576 90% /var/lib\n",
            "Filesystem     Type 1024-blocks    Used Available Capacity Mounted on\n/dev/vda ext4 10485760 9437184 1048576 90% /var/lib\n",
            "Filesystem 1M-blocks Used Available Use% Mounted on\n/dev/vda\n      10240 9216 1024 90% /var/lib\n",
            "文件系统        容量  已用  可用 已用% 挂载点\n/dev/vda 10G 9G 1G 90% /var/lib\n",
        ] {
            let [row] = read(text).try_into().unwrap();
            assert_eq!(
                (row.device.as_str(), row.mount.as_str(), row.counted),
                ("/dev/vda", "/var/lib", Counted::Bytes),
                "{text}"
            );
            assert_eq!(
                (row.total, row.used, row.available, row.percent),
                (Some(10 * GIB), Some(9 * GIB), Some(GIB), Some(90)),
                "{text}"
            );
        }
    }

    #[test]
    fn the_name_of_a_file_stands_for_the_heading_that_was_cut_off() {
        let text = "/dev/vda1        20G   19G  1.0G  95% /\n/dev/vda15      105M  6.1M   99M   6% /boot/efi\n";
        let read = section(&DECODER, "inspection-report/sys/disk_usage", text).unwrap();
        let [HostFact::Filesystem(root), HostFact::Filesystem(_)] = &host_facts(read)[..] else {
            panic!()
        };
        assert_eq!(
            (root.mount.as_str(), root.used, root.percent),
            ("/", Some(19 * GIB), Some(95))
        );
        assert!(section(&DECODER, "x", text).is_none());
    }

    #[test]
    fn inodes_are_not_bytes() {
        let [row] = read("Filesystem     Inodes IUsed IFree IUse% Mounted on\n/dev/vda 100 100 0 100% /\n")
            .try_into()
            .unwrap();
        assert_eq!(
            (row.counted, row.available, row.percent),
            (Counted::Inodes, Some(0), Some(100))
        );
    }

    #[test]
    fn what_has_no_numbers_has_none() {
        let text = "Filesystem Size Used Avail Use% Mounted on\nefivarfs - - - - /sys/firmware/efi/efivars\ndf: /mnt: Stale file handle\n";
        let [row] = read(text).try_into().unwrap();
        assert_eq!((row.total, row.percent), (None, None));
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "Filesystem is full, Mounted elsewhere",
            "Use% Mounted on",
            "the Filesystem was Mounted on /",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
