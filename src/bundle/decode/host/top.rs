//! `top -b` (procps `src/top/top.c`).

use regex::Regex;

use super::fact::{HostFact, Process};
use super::ps::kept;
use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Processes with their state, and `process.zombies`, `process.running`, `cpu.iowait-percent`, `cpu.steal-percent`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "top", decode };

static TASKS: Shape = Shape::new(|| {
    Regex::new(
        r"^(?:Tasks|Threads):\s*\d+ total,\s*(?<running>\d+) running,\s*\d+ sleeping,\s*\d+ stopped,\s*(?<zombies>\d+) zombie",
    )
});
static CPU: Shape = Shape::new(|| Regex::new(r"^%?Cpu\(s\):.*?(?<wait>[\d.]+)%? ?wa,.*?(?<steal>[\d.]+)%? ?st"));
/// PID, user, priority, niceness, three sizes, state, two percentages, time, command.
static ROW: Shape = Shape::new(|| {
    Regex::new(
        r"^\s*(?<pid>\d+) (?<user>\S+)\s+\S+\s+-?\d+\s+\S+\s+\S+\s+\S+ (?<state>[DIRSTtWXZ])\s+[\d.]+\s+[\d.]+\s+[\d:.,]+ (?<command>.+)$",
    )
});
const MOST_PROCESSES: usize = 10_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if !first.starts_with("Tasks:") && !first.starts_with("Threads:") {
        return None;
    }
    let tasks = TASKS.groups(first)?;
    let mut section = Section {
        end: start + 1,
        facts: vec![
            file.value(start, "process.running", group(&tasks, "running")),
            file.value(start, "process.zombies", group(&tasks, "zombies")),
        ],
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end) {
        if let Some(found) = CPU.groups(line) {
            for (key, name) in [("cpu.iowait-percent", "wait"), ("cpu.steal-percent", "steal")] {
                section.facts.push(file.value(section.end, key, group(&found, name)));
            }
        } else if let Some(found) = ROW.groups(line) {
            let command = group(&found, "command").trim_end();
            if let Ok(pid) = group(&found, "pid").parse()
                && section.facts.len() < MOST_PROCESSES
            {
                section.facts.push(Fact::Host(HostFact::Process(Process {
                    user: group(&found, "user").to_owned(),
                    pid,
                    state: group(&found, "state").to_owned(),
                    started: String::new(),
                    command: kept(command).to_owned(),
                    cite: file.cite(section.end),
                })));
            }
        } else if !is_between(line) {
            break;
        }
        section.end += 1;
    }
    Some(section)
}

/// The lines about memory, the heading, and what separates them.
fn is_between(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || line.starts_with("PID ")
        || ["MiB ", "KiB ", "GiB ", "Mem:", "Swap:", "%Cpu"]
            .iter()
            .any(|head| line.starts_with(head))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{host_facts, values};
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn states_and_waiting_are_told() {
        let text = "Tasks: 113 total,   1 running, 112 sleeping,   0 stopped,   3 zombie\n%Cpu(s):  5.9 us,  2.9 sy,  0.0 ni, 11.2 id, 80.0 wa,  0.0 hi,  0.0 si,  0.5 st\nMiB Mem :  15989.9 total,   9000.0 free\n\n    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n  13671 root      20   0   11.3g  78492  22328 D   0.0   0.3   0:11.55 etcd --name node-1\n\nbye\n";
        let section = section(&DECODER, "x", text).unwrap();
        assert_eq!(
            values(&section),
            [
                "process.running=1",
                "process.zombies=3",
                "cpu.iowait-percent=80.0",
                "cpu.steal-percent=0.5"
            ]
        );
        assert_eq!(section.end, 7);
        let facts = host_facts(section);
        let [HostFact::Process(process)] = facts.as_slice() else {
            panic!()
        };
        assert_eq!(
            (process.pid, process.state.as_str(), process.program()),
            (13671, "D", "etcd")
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "Tasks: 3 of 4 done", "%Cpu(s): 1 us"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
