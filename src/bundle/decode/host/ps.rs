//! `ps` in its usual formats (`aux`, `-ef`, `-eo …,args`), and `docker top`.

use super::fact::{HostFact, Process};
use crate::bundle::decode::shape::until_blank;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// The processes of a machine.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "ps", decode };

/// A listing of more processes than this is cut.
const MOST_PROCESSES: usize = 10_000;
/// Bytes of a command that are kept.
const COMMAND_KEPT: usize = 4096;

/// The beginning of a command line, which is all that is kept of it.
pub(super) fn kept(command: &str) -> &str {
    command.get(..command.floor_char_boundary(COMMAND_KEPT)).unwrap_or("")
}

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading: Vec<&str> = file.line(start).split_whitespace().collect();
    let is_heading = matches!(
        heading.first(),
        Some(&("USER" | "UID" | "PID" | "PPID" | "F" | "S" | "STAT"))
    ) && matches!(heading.last(), Some(&("COMMAND" | "CMD" | "ARGS")))
        && heading.iter().all(|word| {
            word.bytes()
                .all(|byte| byte.is_ascii_uppercase() || b"%+".contains(&byte))
        });
    if !is_heading {
        return None;
    }
    let at = |names: &[&str]| heading.iter().position(|word| names.contains(word));
    let pid_at = at(&["PID"])?;
    let user_at = at(&["USER", "UID"]);
    let state_at = at(&["STAT", "S"]);
    let started_at = at(&["START", "STIME"]);
    let mut section = until_blank(file, start);
    for line in start + 1..section.end {
        if section.facts.len() >= MOST_PROCESSES {
            break;
        }
        let Some((cells, command)) = cut(file.line(line), heading.len()) else {
            let detail = "a row does not have a cell for every heading";
            let problem = Problem::file(file.path, ProblemKind::Unparsed, detail);
            section.problems.push(problem.at_line(line as u64 + 1));
            continue;
        };
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map_or("", |cell| *cell);
        let Ok(pid) = cell(Some(pid_at)).parse() else { continue };
        // The branches of `--forest`.
        let command = command.trim_start_matches([' ', '|', '\\', '_', '├', '└', '─', '│']);
        if command.starts_with('[') && command.ends_with(']') {
            // A thread of the kernel, or a zombie's name, which `<defunct>` follows.
            continue;
        }
        let command = kept(command);
        section.facts.push(Fact::Host(HostFact::Process(Process {
            user: cell(user_at).to_owned(),
            pid,
            state: cell(state_at).to_owned(),
            started: cell(started_at).to_owned(),
            command: command.to_owned(),
            cite: file.cite(line),
        })));
    }
    Some(section)
}

/// The cells of a row before its last column, and the rest of the line as the last.
fn cut(row: &str, columns: usize) -> Option<(Vec<&str>, &str)> {
    let mut cells = Vec::with_capacity(columns);
    let mut rest = row.trim();
    while cells.len() + 1 < columns {
        let (cell, after) = rest.split_once(char::is_whitespace)?;
        cells.push(cell);
        rest = after.trim_start();
    }
    (!rest.is_empty()).then_some((cells, rest))
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn processes(text: &str) -> Vec<Process> {
        let is_process = |fact| match fact {
            HostFact::Process(process) => Some(process),
            _ => None,
        };
        host_facts(section(&DECODER, "x", text).unwrap())
            .into_iter()
            .filter_map(is_process)
            .collect()
    }

    #[test]
    fn programs_and_their_flags_are_found_whatever_the_format() {
        for text in [
            "USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n\
             root         2  0.0  0.0      0     0 ?        S    Nov20   0:00 [kthreadd]\n\
             root      6018  1.3  0.2 11886920 60032 ?      Ssl  09:18   0:21  \\_ /usr/local/bin/etcd --name node-1 --data-dir=/var/lib/etcd\n",
            "UID          PID    PPID  C STIME TTY          TIME CMD\nroot        6018       1  1 09:18 ?        00:00:21 etcd --name node-1 --data-dir=/var/lib/etcd\n",
            "  PID STAT COMMAND\n 6018 Ssl  etcd --name node-1 --data-dir=/var/lib/etcd\n",
        ] {
            let [process] = processes(text).try_into().unwrap();
            assert_eq!((process.pid, process.program()), (6018, "etcd"), "{text}");
            assert_eq!(
                (process.flag("--name"), process.flag("--data-dir")),
                (Some("node-1"), Some("/var/lib/etcd"))
            );
            assert_eq!(process.flag("--data"), None);
        }
    }

    #[test]
    fn a_process_that_waits_for_its_disk_says_so() {
        let text = "USER PID STAT COMMAND\nroot 7 D runc init\nroot x D runc\nroot 8\n";
        let [process] = processes(text).try_into().unwrap();
        assert_eq!((process.user.as_str(), process.state.as_str()), ("root", "D"));
    }

    #[test]
    fn other_tables_are_declined() {
        for text in [
            "",
            "PID 12 killed",
            "USER PID",
            "NAME PID COMMAND",
            "CONTAINER ID   IMAGE   COMMAND",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
