//! Tables of `docker ps` (Docker Engine 1.13 to 29, also podman's and nerdctl's); the JSON forms are beside, in `docker_ps_json`.
//!
//! Status words come from moby, `container/state.go` (`State.String`); durations in them from `docker/go-units` (`HumanDuration`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::columns::Columns;
use super::{ContainerFact, ContainerListing, ContainerState, Decoder, Fact, Section, TextFile, docker_ps_json};
use crate::model::{Listing, Problem, ProblemKind};
use regex::Regex;

/// Tables and JSON of `docker ps`.
pub(super) const DECODER: Decoder = Decoder {
    name: "docker ps",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = file.line(start).trim_start_matches('\u{feff}');
    if heading.starts_with("CONTAINER ID") {
        return table(file, start, heading);
    }
    docker_ps_json::decode(file, start)
}

/// Reads a table: the heading and the rows below it that start with an id.
fn table(file: &TextFile<'_>, start: usize, heading: &str) -> Option<Section> {
    let columns = Columns::of(heading);
    let squeezed = heading.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_aligned = columns.has("NAMES") && columns.has("STATUS");
    if !is_aligned && !squeezed.starts_with("CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES") {
        return None;
    }
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut end = start + 1;
    while let Some(line) = file.lines.get(end).filter(|line| starts_with_id(line)) {
        let read = if is_aligned { aligned(&columns, line) } else { None };
        match read.or_else(|| unaligned(line)) {
            Some(row) => rows.push(ContainerFact {
                cite: file.cite(end),
                ..row.into_fact(file, end)
            }),
            None => {
                let detail = "a row of docker ps is cut or does not stand under its headings";
                problems.push(Problem::file(file.path, ProblemKind::Unparsed, detail).at_line(end as u64 + 1));
            }
        }
        end += 1;
    }
    Some(section(file, start, end, rows, problems))
}

/// The cells of one row.
struct Row<'r> {
    id: &'r str,
    image: &'r str,
    command: &'r str,
    status: &'r str,
    state: ContainerState,
    names: &'r str,
}

impl Row<'_> {
    fn into_fact(self, file: &TextFile<'_>, line: usize) -> ContainerFact {
        ContainerFact {
            id: self.id.to_lowercase(),
            name: first_name(self.names),
            image: self.image.into(),
            command: self.command.trim_matches('"').into(),
            state: self.state,
            status: self.status.into(),
            labels: BTreeMap::new(),
            cite: file.cite(line),
        }
    }
}

fn aligned<'r>(columns: &Columns<'_>, line: &'r str) -> Option<Row<'r>> {
    let cells = columns.cut(line)?;
    let (id, status, names) = (cells.get("CONTAINER ID"), cells.get("STATUS"), cells.get("NAMES"));
    if !is_id(id) || names.is_empty() || names.contains(' ') {
        return None;
    }
    let state = state_of(status)?;
    Some(Row {
        id,
        image: cells.get("IMAGE"),
        command: cells.get("COMMAND"),
        status,
        state,
        names,
    })
}

/// Reads a row whose alignment was lost on the way (a chat, a mail): the quoted command, `ago` and the status words hold it together.
fn unaligned(line: &str) -> Option<Row<'_>> {
    static ROW: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?x)^(?<id>[0-9a-f]{12,64})\s+(?<image>\S+)\s+(?<command>".*?")\s+(?:\S.*?\sago|Less\ than\ a\ second\ ago)\s+
            (?<status>Up\ (?:Less\ than\ a\ second|About\ an?\ \w+|\d+\ \w+)(?:\ \([\w:\ ]+\))?
              |(?:Exited|Restarting)\ \(-?\d+\)(?:\ (?:Less\ than\ a\ second|About\ an?\ \w+|\d+\ \w+)\ ago)?
              |Created|Dead|Removal\ In\ Progress)
            \s+(?:\S.*\s)?(?<names>[\w][\w.,/-]*)\s*$"#,
        )
        .ok()
    });
    let found = ROW.as_ref()?.captures(line)?;
    let group = |name| found.name(name).map_or("", |group| group.as_str());
    let status = group("status");
    Some(Row {
        id: group("id"),
        image: group("image"),
        command: group("command"),
        status,
        state: state_of(status)?,
        names: group("names"),
    })
}

/// The state that status words describe; none for words Docker does not have.
pub(super) fn state_of(status: &str) -> Option<ContainerState> {
    let exit_code = || {
        status
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .and_then(|(code, _)| code.parse().ok())
    };
    match status.split(' ').next()? {
        "Up" if status.ends_with("(Paused)") => Some(ContainerState::Paused),
        "Up" => Some(ContainerState::Running),
        "Exited" => Some(ContainerState::Exited(exit_code())),
        "Created" => Some(ContainerState::Created),
        "Restarting" => Some(ContainerState::Restarting),
        "Removal" => Some(ContainerState::Removing),
        "Dead" => Some(ContainerState::Dead),
        "Paused" => Some(ContainerState::Paused),
        _ => None,
    }
}

/// Puts rows and their listing together. A row that could not be read makes the listing incomplete, and its citation says so.
pub(super) fn section(
    file: &TextFile<'_>,
    start: usize,
    end: usize,
    rows: Vec<ContainerFact>,
    problems: Vec<Problem>,
) -> Section {
    let entries = (rows.len() + problems.len()) as u64;
    let shows_stopped = rows.iter().any(|row| {
        matches!(
            row.state,
            ContainerState::Exited(_) | ContainerState::Created | ContainerState::Dead | ContainerState::Removing
        )
    });
    let mut cite = file.cite_range(start, end.saturating_sub(1).max(start), start);
    cite = cite.listing(Listing::Containers);
    cite.searched = Some((entries, problems.is_empty()));
    for quoted in &mut cite.quote {
        quoted.text.truncate(quoted.text.floor_char_boundary(1024));
    }
    let listing = ContainerListing {
        runtime: "docker",
        entries,
        with_stopped: shows_stopped || is_made_with_all(file, start),
        cite,
    };
    let facts = std::iter::once(Fact::ContainerListing(listing))
        .chain(rows.into_iter().map(Fact::Container))
        .collect();
    Section {
        end,
        facts,
        problems,
        also_log: false,
    }
}

/// True when the file's name or the line above says that stopped containers were asked for.
fn is_made_with_all(file: &TextFile<'_>, start: usize) -> bool {
    let name = file.path.file_name().to_lowercase();
    let by_name = ["ps-a", "psa", "ps_a", "ps-all", "psall", "ps_all"].iter().any(|hint| {
        // `ps-after.txt` and `docker-ps-about` do not say `-a`.
        name.match_indices(hint).any(|(at, _)| {
            !name
                .get(at + hint.len()..)
                .unwrap_or("")
                .starts_with(|c: char| c.is_ascii_alphabetic())
        })
    });
    let above = start.checked_sub(1).map_or("", |line| file.line(line));
    by_name
        || (above.contains("docker ps") || above.contains("docker container ls"))
            && above
                .split_whitespace()
                .any(|word| word == "--all" || word.starts_with('-') && !word.starts_with("--") && word.contains('a'))
}

/// The first of several names (links add more), without the slash of the Engine API.
pub(super) fn first_name(names: &str) -> String {
    // A linked container has `web/db` beside its own name; the own one has no slash inside.
    let names = || names.split(',').map(|name| name.trim_start_matches('/'));
    names()
        .find(|name| !name.contains('/'))
        .or_else(|| names().next())
        .unwrap_or("")
        .into()
}

fn starts_with_id(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(is_id)
}

/// A container id as Docker writes it: 12 or 64 hexadecimal digits.
pub(super) fn is_id(word: &str) -> bool {
    matches!(word.len(), 12 | 64) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::*;

    fn containers(section: &Section) -> Vec<(&str, ContainerState)> {
        section
            .facts
            .iter()
            .filter_map(|fact| {
                if let Fact::Container(row) = fact {
                    Some((row.name.as_str(), row.state))
                } else {
                    None
                }
            })
            .collect()
    }

    fn listing(section: &Section) -> &ContainerListing {
        let Some(Fact::ContainerListing(listing)) = section.facts.first() else {
            panic!("no listing")
        };
        listing
    }

    const TABLE: &str = "\
CONTAINER ID   IMAGE              COMMAND                  CREATED        STATUS                        PORTS                  NAMES
29a2614d4315   rancher/rke:v1     \"/bin/loop kube-p…\"      3 days ago     Up 3 days (healthy)                                  kube-proxy
354b4451676e   nginx:1.25         \"nginx\"                  2 weeks ago    Exited (137) 2 weeks ago                             share-mnt
dacad0487648   rancher/rancher    \"entrypoint.sh\"          2 weeks ago    Up 2 minutes (Paused)         0.0.0.0:80->80/tcp     rancher
992edf5ba092   busybox            \"sh\"                     2 weeks ago    Created                                              never
f6aabb1e3ae0   busybox            \"sh\"                     2 weeks ago    Restarting (1) 5 seconds ago                         looping

done
";

    #[test]
    fn a_table_yields_its_rows_and_the_listing() {
        let section = section(&DECODER, "notes.txt", TABLE).unwrap();
        assert_eq!(
            containers(&section),
            [
                ("kube-proxy", ContainerState::Running),
                ("share-mnt", ContainerState::Exited(Some(137))),
                ("rancher", ContainerState::Paused),
                ("never", ContainerState::Created),
                ("looping", ContainerState::Restarting),
            ]
        );
        assert_eq!((listing(&section).entries, listing(&section).with_stopped), (5, true));
        assert_eq!(listing(&section).cite.searched, Some((5, true)));
        assert_eq!(section.end, 6);
        assert!(section.problems.is_empty());
    }

    #[test]
    fn alignment_lost_in_a_chat_does_not_lose_the_rows() {
        let squeezed: String = TABLE
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
            .collect();
        let squeezed = section(&DECODER, "notes.txt", &squeezed).unwrap();
        assert_eq!(
            containers(&squeezed),
            containers(&section(&DECODER, "notes.txt", TABLE).unwrap())
        );
    }

    #[test]
    fn a_listing_of_running_containers_holds_stopped_ones_only_if_it_was_asked_to() {
        let table = "CONTAINER ID   STATUS     NAMES\n29a2614d4315   Up 3 days  a\n";
        for (path, with_stopped) in [
            ("docker-ps.txt", false),
            ("docker-ps-a.txt", true),
            ("dockerpsa", true),
            ("ps-after", false),
        ] {
            assert_eq!(
                listing(&section(&DECODER, path, table).unwrap()).with_stopped,
                with_stopped,
                "{path}"
            );
        }
        let pasted = format!("$ sudo docker ps -qa --no-trunc\n{table}");
        assert!(listing(&section_at(&DECODER, "x", &pasted, 1).unwrap()).with_stopped);
    }

    #[test]
    fn a_cut_row_is_counted_and_makes_the_listing_incomplete() {
        let cut: String = TABLE
            .lines()
            .take(2)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
            + "354b4451676e   nginx:1.25    \"ng";
        let section = section(&DECODER, "dockerpsa", &cut).unwrap();
        assert_eq!(
            (containers(&section).len(), section.problems.len(), section.end),
            (1, 1, 3)
        );
        assert_eq!(listing(&section).cite.searched, Some((2, false)));
    }

    #[test]
    fn an_empty_listing_is_a_listing() {
        let header = "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n";
        assert_eq!(
            listing(&section(&DECODER, "docker-ps-a.txt", header).unwrap()).entries,
            0
        );
    }

    #[test]
    fn other_text_is_declined() {
        for line in [
            "",
            "2026-11-21 10:20:33 CONTAINER ID missing from STATUS NAMES",
            "CONTAINER ID of the pod is unknown",
            "CONTAINER ID   NAME   CPU %   MEM USAGE / LIMIT",
            r#"{"log":"\"Id\" \"Names\"","stream":"stdout"}"#,
        ] {
            assert!(section(&DECODER, "docker-ps-a.txt", line).is_none(), "{line}");
        }
    }
}
