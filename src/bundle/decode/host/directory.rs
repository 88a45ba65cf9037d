//! `ls -l` of a directory, and plain `ls` of one that a file's name tells: the ground of a claim that a file is absent from it.

use regex::Regex;

use super::fact::{Directory, HostFact};
use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};
use crate::model::Listing;

/// One listed directory.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "ls -l", decode };

const MOST_ENTRIES: usize = 1_000;

/// `total 4` and `总用量 4` (coreutils `src/ls.c`).
static TOTAL: Shape = Shape::new(|| Regex::new(r"^(?:total|总用量|总计) [\d.]+[KMGT]?$"));
static ENTRY: Shape = Shape::new(|| {
    Regex::new(
        r"^\s*(?:\d+\s+)?(?:\d+\s+)?[-dlbcpsD][-rwxsStT]{9}[.+@]?\s+\d+\s+\S+\s+\S+\s+(?:\d+,\s+)?[\d.]+[KMGT]?\s+(?:\S+\s+\S+\s+[\d:]+|\d{4}-\d\d-\d\d \d\d:\d\d(?::\S+ [-+]\d{4})?)\s(?<name>.+)$",
    )
});
/// `ls: cannot access '/etc/cni/net.d': No such file or directory`.
static MISSING: Shape = Shape::new(|| {
    Regex::new(
        r"^ls: (?:cannot access|无法访问) ['‘]?(?<path>/[^'’:]*)['’]?: (?:No such file or directory|没有那个文件或目录)$",
    )
});

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start).trim_end();
    if first.starts_with("ls: ") {
        let found = MISSING.groups(first)?;
        return Some(section(
            file,
            start,
            start + 1,
            group(&found, "path").to_owned(),
            true,
            Vec::new(),
        ));
    }
    if !TOTAL.fits(first) {
        return plain(file, start);
    }
    let mut entries = Vec::new();
    let mut end = start + 1;
    while let Some(found) = file.lines.get(end).and_then(|line| ENTRY.groups(line)) {
        let name = group(&found, "name").split(" -> ").next().unwrap_or("");
        if !matches!(name, "." | "..") && entries.len() < MOST_ENTRIES {
            entries.push(name.to_owned());
        }
        end += 1;
    }
    // A line `total 0` of a log is no directory unless something says which.
    let path = path_of(file, start);
    if end == start + 1 && path.is_none() {
        return None;
    }
    Some(section(file, start, end, path.unwrap_or_default(), false, entries))
}

/// Directories whose plain listing collectors save under the directory's own name.
const BY_NAME: [(&str, &str); 1] = [("cron.d", "/etc/cron.d")];

/// `ls /etc/cron.d` in a file `cron.d.txt`: a name on each line, and nothing else in the file.
fn plain(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let name = file.path.file_name();
    let stem = name.strip_suffix(".txt").unwrap_or(name);
    let (_, path) = BY_NAME.iter().find(|(known, _)| *known == stem)?;
    let names: Vec<&str> = file.lines.iter().map(|line| line.trim_end()).collect();
    let is_name = |name: &&str| !name.is_empty() && !name.contains(char::is_whitespace);
    if start != 0 || names.is_empty() || !names.iter().all(is_name) {
        return None;
    }
    let entries = names.iter().take(MOST_ENTRIES).map(|name| (*name).to_owned());
    let entries = entries.collect();
    Some(section(file, 0, names.len(), (*path).to_owned(), false, entries))
}

fn section(
    file: &TextFile<'_>,
    start: usize,
    end: usize,
    path: String,
    is_missing: bool,
    entries: Vec<String>,
) -> Section {
    let mut cite = file.cite_range(start, end - 1, start);
    cite = cite.listing(Listing::Directory);
    cite.searched = Some((entries.len() as u64, entries.len() < MOST_ENTRIES));
    let directory = Directory {
        path,
        is_missing,
        entries,
        cite,
    };
    Section {
        end,
        facts: vec![Fact::Host(HostFact::Directory(directory))],
        ..Section::default()
    }
}

/// The directory's path: `/etc/cni/net.d:` above it (ls with several arguments), the command above it, or the file's own name as
/// sos writes it (`ls_-lan_.etc.cni.net.d`: each slash became a dot, a directory that ends in `.d` is the usual case of a real one).
/// An empty path when it is surely a listing, of an unknown directory.
fn path_of(file: &TextFile<'_>, start: usize) -> Option<String> {
    let above = start.checked_sub(1).map_or("", |line| file.line(line)).trim_end();
    if above.starts_with('/') && above.ends_with(':') {
        return Some(above.trim_end_matches(':').to_owned());
    }
    let words: Vec<&str> = above.split_whitespace().collect();
    if words.contains(&"ls") || words.contains(&"ll") {
        let last = words.last().filter(|word| word.starts_with('/'));
        return Some(last.map_or(String::new(), |word| word.trim_end_matches('/').to_owned()));
    }
    let name = file.path.file_name();
    if let Some((_, path)) = name.split_once("_.").filter(|(command, _)| command.starts_with("ls_-")) {
        let (stem, end) = path.strip_suffix(".d").map_or((path, ""), |stem| (stem, ".d"));
        return Some(format!("/{}{end}", stem.replace('.', "/")));
    }
    (name.starts_with("ls-") || name.starts_with("ls_")).then(String::new)
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section_at;

    fn listed(path: &str, text: &str, start: usize) -> Option<Directory> {
        host_facts(section_at(&DECODER, path, text, start)?)
            .into_iter()
            .find_map(|fact| match fact {
                HostFact::Directory(directory) => Some(directory),
                _ => None,
            })
    }

    #[test]
    fn an_empty_directory_is_a_fact() {
        let found = listed("notes.txt", "$ ls -l /etc/cni/net.d/\ntotal 0\n", 1).unwrap();
        assert_eq!(
            (found.path.as_str(), found.entries.len(), found.is_missing),
            ("/etc/cni/net.d", 0, false)
        );
        let found = listed("x/ls_-l_.etc.cni.net.d", "total 0\n", 0).unwrap();
        assert_eq!(found.path, "/etc/cni/net.d");
    }

    #[test]
    fn a_plain_listing_is_one_where_the_file_is_named_after_its_directory() {
        let found = listed("nodes/node-1/cron.d.txt", "docker-clean\ne2scrub_all\n", 0).unwrap();
        assert_eq!((found.path.as_str(), found.entries.len()), ("/etc/cron.d", 2));
        assert_eq!(found.cite.searched, Some((2, true)));
        assert!(listed("nodes/node-1/names.txt", "docker-clean\n", 0).is_none());
        assert!(listed("etc/cron.d", "0 2 * * * root /opt/clean.sh\n", 0).is_none());
    }

    #[test]
    fn entries_are_named_links_without_their_target() {
        let text = "/etc/cni/net.d:\ntotal 8\ndrwx------ 2 root root 4096 Nov 21 09:18 .\n-rw------- 1 root root 292 Nov 21 09:18 10 bridge.conflist\nlrwxrwxrwx. 1 root root 4 2026-11-21 09:18 a -> b\n\n/x:\n";
        let found = listed("notes.txt", text, 1).unwrap();
        assert_eq!(
            (found.path.as_str(), found.entries),
            ("/etc/cni/net.d", vec!["10 bridge.conflist".to_owned(), "a".to_owned()])
        );
    }

    #[test]
    fn a_directory_that_does_not_exist_is_told() {
        let found = listed(
            "x",
            "ls: cannot access '/etc/cni/net.d': No such file or directory\n",
            0,
        )
        .unwrap();
        assert_eq!((found.path.as_str(), found.is_missing), ("/etc/cni/net.d", true));
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "total 0", "total 48 pods", "ls: command not found", "total: 12"] {
            assert!(listed("x.log", text, 0).is_none(), "{text}");
        }
    }
}
