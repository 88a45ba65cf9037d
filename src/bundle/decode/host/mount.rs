//! What is mounted: `mount` (util-linux, busybox), `/proc/mounts` (proc(5)), `findmnt`.

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group, is_heading};
use crate::bundle::decode::{Decoder, Section, TextFile};

/// `mount.read-only.<path>` = the type, for file systems of disks that are mounted read-only: the kernel does that after an error
/// (`errors=remount-ro`, ext4(5)).
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "mount", decode };

/// `/dev/sda1 on /data type ext4 (rw,relatime)`.
static PRINTED: Shape = Shape::new(|| Regex::new(r"^\S+ on (?<path>/.*?) type (?<kind>[\w.]+) \((?<options>[^)]*)\)"));
/// `/dev/sda1 /data ext4 rw,relatime 0 0`.
static PROC: Shape =
    Shape::new(|| Regex::new(r"^\S+ (?<path>/\S*) (?<kind>[a-z][\w.]*) (?<options>r[ow](?:,\S*)?) \d+ \d+$"));
/// `├─/data  /dev/sda1  ext4  rw,relatime`.
static FOUND: Shape = Shape::new(|| {
    Regex::new(r"^[\s│├└─|`-]*(?<path>/\S*)\s+\S+\s+(?<kind>[a-z][\w.]*)\s+(?<options>r[ow](?:,\S*)?)\s*$")
});
/// Types that are on disks and meant to be written.
pub(super) const DISKS: [&str; 6] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    let is_table = first.starts_with("TARGET") && is_heading(first, &["TARGET", "SOURCE", "FSTYPE", "OPTIONS"]);
    let shape = if is_table {
        &FOUND
    } else if first.ends_with(')') && PRINTED.fits(first) {
        &PRINTED
    } else if first.ends_with(" 0") && PROC.fits(first) {
        &PROC
    } else {
        return None;
    };
    let mut section = Section {
        end: start + usize::from(is_table),
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        let Some(found) = shape.groups(line) else {
            // A source of several words is cut wrongly, and its row is passed over.
            if is_table {
                section.end += 1;
                continue;
            }
            break;
        };
        let kind = group(&found, "kind");
        let is_read_only = group(&found, "options").split(',').any(|option| option == "ro");
        if is_read_only && DISKS.contains(&kind) {
            let key = format!("mount.read-only.{}", group(&found, "path"));
            section.facts.push(file.value(section.end, key, kind));
        }
        section.end += 1;
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn a_disk_that_is_mounted_read_only_is_told() {
        for text in [
            "proc on /proc type proc (ro,relatime)\n/dev/sdb1 on /var/lib/docker type ext4 (ro,relatime)\n/dev/sda1 on / type xfs (rw)\n",
            "proc /proc proc ro,relatime 0 0\n/dev/sdb1 /var/lib/docker ext4 ro,relatime 0 0\n/dev/sda1 / xfs rw 0 0\n",
            "TARGET               SOURCE    FSTYPE OPTIONS\n/                    /dev/sda1 xfs    rw\n├─/proc              proc      proc   ro,relatime\n└─/var/lib/docker    /dev/sdb1 ext4   ro,relatime\n",
        ] {
            let section = section(&DECODER, "x", text).unwrap();
            assert_eq!(values(&section), ["mount.read-only./var/lib/docker=ext4"], "{text}");
            assert_eq!(section.end, text.lines().count(), "{text}");
        }
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "level=info msg=\"mount on / type ext4\"",
            "a /b c 0 0",
            "TARGET reached",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
