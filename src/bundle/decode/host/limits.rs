//! Limits of files and processes: `ulimit -a` (bash `builtins/ulimit.def`), `/proc/sys/fs/file-nr`, `/proc/sys/fs/file-max`, and other
//! files of `/proc/sys` with one value (proc(5)).

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// `limit.open-files`, `limit.processes` of a shell.
pub(in crate::bundle::decode) const ULIMIT: Decoder = Decoder {
    name: "ulimit",
    decode: ulimit,
};
/// A kernel parameter in a file of its own.
pub(in crate::bundle::decode) const PROC_SYS: Decoder = Decoder {
    name: "proc/sys",
    decode: proc_sys,
};

static LIMIT: Shape = Shape::new(|| {
    Regex::new(r"^(?<what>[a-z][a-zA-Z -]+?)\s+\((?:[a-z0-9-]+, )?-(?<letter>[a-zA-Z])\) (?<value>unlimited|\d+)\s*$")
});

fn ulimit(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if !first.contains("(-") && !first.contains(", -") {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(found) = file.lines.get(section.end).and_then(|line| LIMIT.groups(line)) {
        let key = match group(&found, "letter") {
            "n" => "limit.open-files",
            "u" => "limit.processes",
            _ => "",
        };
        if !key.is_empty() {
            section.facts.push(file.value(section.end, key, group(&found, "value")));
        }
        section.end += 1;
    }
    // The first line of `ulimit -a` gives its unit in words: `(microseconds, -R)`.
    (section.end > start + 1).then_some(section)
}

/// Only the place of such a file says which parameter it is.
fn proc_sys(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if start > 0 || file.lines.len() != 1 {
        return None;
    }
    let key = parameter(file)?;
    let value = file.line(start).trim();
    (!value.is_empty() && value.len() <= 1024).then(|| Section {
        end: 1,
        facts: vec![Fact::Sysctl {
            key,
            value: value.to_owned(),
            cite: file.cite(0),
        }],
        ..Section::default()
    })
}

/// `net.ipv4.ip_forward` of `…/proc/sys/net/ipv4/ip_forward`; `fs.file-nr` of Rancher's `systeminfo/file-nr`.
fn parameter(file: &TextFile<'_>) -> Option<String> {
    if let Some((_, below)) = file.path.as_str().rsplit_once("proc/sys/") {
        return Some(below.replace('/', "."));
    }
    let name = file.path.file_name();
    let digits = file
        .line(0)
        .split_whitespace()
        .all(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    (matches!(name, "file-nr" | "file-max") && digits).then(|| format!("fs.{name}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn a_shell_tells_its_limits() {
        let text = "real-time non-blocking time  (microseconds, -R) unlimited\ncore file size              (blocks, -c) unlimited\nopen files                          (-n) 20000\nmax user processes                  (-u) 96365\n";
        assert_eq!(
            values(&section(&ULIMIT, "x", text).unwrap()),
            ["limit.open-files=20000", "limit.processes=96365"]
        );
        assert!(section(&ULIMIT, "x", "open files are many (-n) 3\n").is_none());
    }

    #[test]
    fn a_file_with_one_value_is_known_by_its_place() {
        let parameter = |path, text| match section(&PROC_SYS, path, text)?.facts.pop()? {
            Fact::Sysctl { key, value, .. } => Some(format!("{key}={value}")),
            _ => None,
        };
        assert_eq!(
            parameter("n1/proc/sys/net/ipv4/ip_forward", "0\n").as_deref(),
            Some("net.ipv4.ip_forward=0")
        );
        assert_eq!(
            parameter("systeminfo/file-nr", "1146\t0\t2466183\n").as_deref(),
            Some("fs.file-nr=1146\t0\t2466183")
        );
        for (path, text) in [("notes/file-max", "many\n"), ("a/b", "1\n"), ("proc/sys/x", "1\n2\n")] {
            assert_eq!(parameter(path, text), None, "{path}");
        }
    }
}
