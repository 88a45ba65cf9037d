//! Tables of `crictl ps`, `crictl pods`, `crictl images` (cri-tools `cmd/crictl/container.go`, `sandbox.go`, `image.go`) and of
//! containerd's `ctr containers ls`, `ctr tasks ls`, `ctr images ls` (containerd `cmd/ctr/commands`).

use super::fact::{CriEntry, CriKind, CriListing, HostFact};
use crate::bundle::decode::columns::{Cells, Columns};
use crate::bundle::decode::{ContainerState, Decoder, Fact, Section, TextFile};
use crate::model::{Citation, Listing, Problem, ProblemKind};

/// What a CRI runtime lists.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "crictl", decode };

type Row = fn(&Cells<'_, '_, '_>, Citation) -> CriEntry;

/// Headings of each table, in order, and how a row is read.
const TABLES: [(&[&str], CriKind, &str, Row); 8] = [
    (
        &["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID"],
        CriKind::Container,
        "crictl",
        container,
    ),
    (
        &["CONTAINER ID", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID"],
        CriKind::Container,
        "crictl",
        container,
    ),
    (
        &["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT"],
        CriKind::Sandbox,
        "crictl",
        sandbox,
    ),
    (&["IMAGE", "TAG", "IMAGE ID", "SIZE"], CriKind::Image, "crictl", image),
    (
        &["IMAGE", "TAG", "DIGEST", "IMAGE ID", "SIZE"],
        CriKind::Image,
        "crictl",
        image,
    ),
    (
        &["CONTAINER", "IMAGE", "RUNTIME"],
        CriKind::Container,
        "ctr",
        ctr_container,
    ),
    (&["TASK", "PID", "STATUS"], CriKind::Container, "ctr", ctr_task),
    (&["REF", "TYPE", "DIGEST"], CriKind::Image, "ctr", ctr_image),
];
const MOST_ROWS: usize = 5_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = file.line(start);
    if !["CONTAINER", "POD ID", "IMAGE", "TASK", "REF"]
        .iter()
        .any(|first| heading.starts_with(first))
    {
        return None;
    }
    let words: Vec<&str> = heading.split_whitespace().collect();
    let (names, kind, via, read) = TABLES.iter().find(|(names, ..)| {
        let wanted: Vec<&str> = names.iter().flat_map(|name| name.split(' ')).collect();
        words.starts_with(&wanted)
    })?;
    let columns = Columns::of(heading);
    let is_aligned = names.iter().all(|name| columns.has(name));
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    let mut entries = 0;
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        let cells = if is_aligned { columns.cut(line) } else { None };
        match cells {
            Some(cells) if entries < MOST_ROWS => section
                .facts
                .push(Fact::Host(HostFact::Cri(read(&cells, file.cite(section.end))))),
            _ => {
                let detail = "a row does not stand under its headings";
                section
                    .problems
                    .push(Problem::file(file.path, ProblemKind::Unparsed, detail).at_line(section.end as u64 + 1));
            }
        }
        entries += 1;
        section.end += 1;
    }
    let mut cite = file.cite_range(start, section.end - 1, start);
    let is_complete = section.problems.is_empty()
        // `ctr tasks` has running processes only; `ctr containers` has every container, but of one namespace.
        && match (*kind, *via) {
            (CriKind::Container, "ctr") => names.first() == Some(&"CONTAINER") && shows_namespace(file, start),
            (CriKind::Container, _) => shows_stopped(file, start, &section),
            _ => true,
        };
    cite = cite.listing(Listing::Tasks);
    cite.searched = Some((entries as u64, is_complete));
    let listing = CriListing {
        kind: *kind,
        via,
        entries: entries as u64,
        is_complete,
        cite,
    };
    section.facts.insert(0, Fact::Host(HostFact::CriListing(listing)));
    Some(section)
}

/// `ctr` lists the namespace `default` alone unless it is told another (containerd `cmd/ctr`); that of the kubelet's containers is `k8s.io`.
fn shows_namespace(file: &TextFile<'_>, start: usize) -> bool {
    let above = start.checked_sub(1).map_or("", |line| file.line(line));
    above.contains("ctr ") && above.contains("k8s.io")
}

/// `crictl ps` hides stopped containers unless it is called with `-a`, which the rows, the command above or the file's name show.
fn shows_stopped(file: &TextFile<'_>, start: usize, section: &Section) -> bool {
    let by_rows = section.facts.iter().any(|fact| {
        matches!(fact, Fact::Host(HostFact::Cri(row)) if matches!(row.state, Some(ContainerState::Exited(_) | ContainerState::Created)))
    });
    let above = start.checked_sub(1).map_or("", |line| file.line(line));
    let by_command = above.contains("crictl ps")
        && above
            .split_whitespace()
            .any(|word| matches!(word, "-a" | "--all" | "-va" | "-av"));
    let name = file.path.file_name();
    let by_name = ["psa", "ps-a", "ps_-a", "ps_a", "ps-all"].iter().any(|hint| {
        name.find(hint).is_some_and(|at| {
            !name
                .get(at + hint.len()..)
                .unwrap_or("")
                .starts_with(|c: char| c.is_ascii_alphabetic())
        })
    });
    by_rows || by_command || by_name
}

/// An entry of which only its kind is known.
pub(super) fn entry(kind: CriKind, via: &'static str, cite: Citation) -> CriEntry {
    CriEntry {
        kind,
        via,
        id: String::new(),
        name: String::new(),
        image: String::new(),
        state: None,
        attempt: None,
        sandbox: String::new(),
        pod: String::new(),
        namespace: String::new(),
        reason: String::new(),
        cite,
    }
}

/// States of the CRI (`runtime/v1/api.proto`), of crictl's tables and of containerd's tasks.
pub(super) fn state_of(word: &str) -> Option<ContainerState> {
    match word
        .trim_start_matches("CONTAINER_")
        .trim_start_matches("SANDBOX_")
        .to_ascii_lowercase()
        .as_str()
    {
        "running" | "ready" => Some(ContainerState::Running),
        "exited" | "stopped" | "notready" => Some(ContainerState::Exited(None)),
        "created" => Some(ContainerState::Created),
        "paused" | "pausing" => Some(ContainerState::Paused),
        _ => None,
    }
}

fn container(cells: &Cells<'_, '_, '_>, cite: Citation) -> CriEntry {
    let id = cells.get("CONTAINER");
    CriEntry {
        id: if id.is_empty() { cells.get("CONTAINER ID") } else { id }.to_owned(),
        name: cells.get("NAME").to_owned(),
        image: cells.get("IMAGE").to_owned(),
        state: state_of(cells.get("STATE")),
        attempt: cells.get("ATTEMPT").parse().ok(),
        sandbox: cells.get("POD ID").to_owned(),
        pod: cells.get("POD").to_owned(),
        namespace: cells.get("NAMESPACE").to_owned(),
        ..entry(CriKind::Container, "crictl", cite)
    }
}

fn sandbox(cells: &Cells<'_, '_, '_>, cite: Citation) -> CriEntry {
    CriEntry {
        id: cells.get("POD ID").to_owned(),
        name: cells.get("NAME").to_owned(),
        state: state_of(cells.get("STATE")),
        attempt: cells.get("ATTEMPT").parse().ok(),
        pod: cells.get("NAME").to_owned(),
        namespace: cells.get("NAMESPACE").to_owned(),
        ..entry(CriKind::Sandbox, "crictl", cite)
    }
}

fn image(cells: &Cells<'_, '_, '_>, cite: Citation) -> CriEntry {
    CriEntry {
        id: cells.get("IMAGE ID").to_owned(),
        name: format!("{}:{}", cells.get("IMAGE"), cells.get("TAG")),
        ..entry(CriKind::Image, "crictl", cite)
    }
}

fn ctr_container(cells: &Cells<'_, '_, '_>, cite: Citation) -> CriEntry {
    CriEntry {
        id: cells.get("CONTAINER").to_owned(),
        image: cells.get("IMAGE").to_owned(),
        ..entry(CriKind::Container, "ctr", cite)
    }
}

fn ctr_task(cells: &Cells<'_, '_, '_>, cite: Citation) -> CriEntry {
    CriEntry {
        id: cells.get("TASK").to_owned(),
        state: state_of(cells.get("STATUS")),
        ..entry(CriKind::Container, "ctr", cite)
    }
}

fn ctr_image(cells: &Cells<'_, '_, '_>, cite: Citation) -> CriEntry {
    CriEntry {
        id: cells.get("DIGEST").to_owned(),
        name: cells.get("REF").to_owned(),
        ..entry(CriKind::Image, "ctr", cite)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn read(path: &str, text: &str) -> (CriListing, Vec<CriEntry>) {
        let mut listing = None;
        let mut entries = Vec::new();
        for fact in host_facts(section(&DECODER, path, text).unwrap()) {
            match fact {
                HostFact::CriListing(found) => listing = Some(found),
                HostFact::Cri(entry) => entries.push(entry),
                _ => {}
            }
        }
        (listing.unwrap(), entries)
    }

    const PS: &str = "\
CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD
3e7d1151cf934       c95f8539b8549       2 hours ago         Running             nginx               0                   40ba4317e6357       web-1
5e7d1151cf934       c95f8539b8549       2 hours ago         Exited              etcd                7                   50ba4317e6357       etcd-node-1
";

    #[test]
    fn containers_are_read_with_their_state_and_attempt() {
        let (listing, entries) = read("x", PS);
        assert_eq!((listing.entries, listing.is_complete, listing.via), (2, true, "crictl"));
        assert_eq!(
            (
                entries[1].name.as_str(),
                entries[1].state,
                entries[1].attempt,
                entries[1].pod.as_str()
            ),
            ("etcd", Some(ContainerState::Exited(None)), Some(7), "etcd-node-1")
        );
    }

    #[test]
    fn running_containers_alone_do_not_show_that_one_is_absent() {
        let running: String = PS.lines().take(2).map(|line| format!("{line}\n")).collect();
        assert!(!read("crictl-ps.txt", &running).0.is_complete);
        assert!(read("rke2/crictl/psa", &running).0.is_complete);
    }

    #[test]
    fn sandboxes_and_images_are_read() {
        let pods = "POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT             RUNTIME\n40ba4317e6357       2 hours ago         NotReady            web-1               shop                1                   (default)\n";
        let (_, entries) = read("x", pods);
        assert_eq!(
            (entries[0].pod.as_str(), entries[0].namespace.as_str(), entries[0].state),
            ("web-1", "shop", Some(ContainerState::Exited(None)))
        );
        let images = "IMAGE                     TAG      IMAGE ID         SIZE\nregistry.k8s.io/pause     3.10     873ed75102791    320kB\n";
        assert_eq!(read("x", images).1[0].name, "registry.k8s.io/pause:3.10");
    }

    #[test]
    fn containerds_own_tables_are_read() {
        let tasks = "TASK             PID     STATUS    \nf374a95889c5c    4277    STOPPED\n";
        assert_eq!(read("x", tasks).1[0].state, Some(ContainerState::Exited(None)));
        let images = "REF                      TYPE                         DIGEST         SIZE    PLATFORMS   LABELS\nregistry.k8s.io/pause:3  application/vnd.oci.image+v1 sha256:b99b8d4 2.0 MiB linux/amd64 -\n";
        let (listing, entries) = read("x", images);
        assert_eq!(
            (listing.kind, listing.via, entries[0].name.as_str()),
            (CriKind::Image, "ctr", "registry.k8s.io/pause:3")
        );
    }

    #[test]
    fn a_row_that_is_not_aligned_makes_the_listing_incomplete() {
        let section = section(
            &DECODER,
            "psa",
            "CONTAINER      IMAGE    RUNTIME\n3e7d1151cf934c95f x y\n",
        )
        .unwrap();
        assert_eq!(section.problems.len(), 1);
    }

    #[test]
    fn other_tables_are_declined() {
        for text in [
            "",
            "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES",
            "IMAGE is missing",
            "REF TYPE",
            "TASK finished",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
