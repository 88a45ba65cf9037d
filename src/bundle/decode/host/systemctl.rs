//! `systemctl status` and `systemctl list-units` (systemctl(1); systemd's `src/systemctl/systemctl-show.c` and `systemctl-list-units.c`).

use regex::Regex;

use super::fact::{HostFact, Unit};
use crate::bundle::decode::shape::{Shape, group, until_blank};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile, UnitLog};
use crate::model::Citation;

/// `systemctl status`: the unit, and its journal's tail as its log.
pub(in crate::bundle::decode) const STATUS: Decoder = Decoder {
    name: "systemctl status",
    decode: status,
};

/// `systemctl list-units`, `systemctl --failed`.
pub(in crate::bundle::decode) const LIST: Decoder = Decoder {
    name: "systemctl list-units",
    decode: list,
};

/// `systemctl is-active kubelet containerd` below its prompt: one state a line, in the order of the units.
pub(in crate::bundle::decode) const IS_ACTIVE: Decoder = Decoder {
    name: "systemctl is-active",
    decode: is_active,
};

/// The dot before a unit, in UTF-8 and in ASCII (`src/basic/glyph-util.c`).
const DOTS: [char; 8] = ['●', '○', '×', '↻', '◌', '*', 'x', '!'];
/// Endings of the units that are of interest here.
const SUFFIXES: [&str; 8] = [
    ".service", ".socket", ".timer", ".mount", ".slice", ".scope", ".target", ".path",
];
/// Fields stand above the journal's tail; a process tree may be long.
const MOST_FIELDS: usize = 2_000;
const MOST_UNITS: usize = 5_000;
/// `systemctl status` shows ten lines of the journal unless it is asked for more.
const MOST_TAIL: usize = 50;

fn status(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let name = headed(file, start)?;
    let mut unit = named(name, file.cite(start));
    let mut end = start + 1;
    let mut last_field = start;
    let mut state_line = start;
    while let Some(line) = file.lines.get(end).filter(|line| !line.trim().is_empty()) {
        if end > start + MOST_FIELDS || headed(file, end).is_some() {
            break;
        }
        if let Some((key, value)) = line.trim().split_once(": ") {
            if read_field(&mut unit, key, value.trim()) {
                last_field = end;
            }
            if key == "Active" {
                state_line = end;
            }
        }
        end += 1;
    }
    unit.cite = file.cite_range(start, last_field, state_line);
    let tail = end + 1..file.lines.len().min(end + 1 + MOST_TAIL);
    unit.host = tail
        .map(|line| file.line(line))
        .take_while(|line| !line.trim().is_empty())
        .find_map(|line| host_in_journal(line).map(str::to_owned))
        .unwrap_or_default();
    let name = unit.name.clone();
    let mut section = Section {
        end,
        facts: vec![Fact::Host(HostFact::Unit(unit))],
        ..Section::default()
    };
    if file.line(end).is_empty() && is_journal(file.line(end + 1)) {
        let first = end + 1;
        let is_tail = |line: &usize| !file.line(*line).trim().is_empty() && headed(file, *line).is_none();
        section.end = first + (first..file.lines.len()).take_while(is_tail).count();
        section.facts.push(Fact::UnitLog(UnitLog {
            unit: name,
            first,
            end: section.end,
        }));
    }
    Some(section)
}

/// A unit of which only the name is known.
pub(super) fn named(name: &str, cite: Citation) -> Unit {
    Unit {
        name: name.to_owned(),
        loaded: String::new(),
        enabled: String::new(),
        active: String::new(),
        sub: String::new(),
        since: String::new(),
        main_pid: None,
        exit_status: None,
        result: String::new(),
        host: String::new(),
        cite,
    }
}

/// True for the dot that stands alone before a unit in a list.
fn is_dot(word: &str) -> bool {
    let mut characters = word.chars();
    characters.next().is_some_and(|first| DOTS.contains(&first)) && characters.next().is_none()
}

/// The unit's name when a block of `systemctl status` starts at this line: a dot, a name, and `Loaded:` within the next lines.
fn headed<'t>(file: &TextFile<'t>, line: usize) -> Option<&'t str> {
    let text = file.line(line).strip_prefix(DOTS)?.strip_prefix(' ')?;
    let name = text.split(' ').next()?;
    let is_unit = SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    let is_loaded = |line: usize| file.line(line).trim_start().starts_with("Loaded: ");
    (is_unit && (line + 1..line + 4).any(is_loaded)).then_some(name)
}

/// A line of the journal's tail begins with a time or with systemd's own remark about rotation.
fn is_journal(line: &str) -> bool {
    static LINE: Shape = Shape::new(|| {
        Regex::new(r"^(?:\w{3} \d\d|\d{1,2}月 \d\d|\d{4}-\d\d-\d\d)[T ]\d\d:\d\d:\d\d|^(?:Warning|Notice): |^-- ")
    });
    LINE.fits(line)
}

/// The host of a line `Nov 21 10:20:42 node-1 kubelet[812]: …` (journalctl's `short` output).
fn host_in_journal(line: &str) -> Option<&str> {
    static HOST: Shape =
        Shape::new(|| Regex::new(r"^\w{3} \d\d \d\d:\d\d:\d\d (?<host>[A-Za-z0-9][A-Za-z0-9.-]*) \S+\[\d+\]: "));
    HOST.groups(line).map(|found| group(&found, "host"))
}

/// True when the field was one that is kept.
fn read_field(unit: &mut Unit, key: &str, value: &str) -> bool {
    static STATE: Shape = Shape::new(|| {
        Regex::new(
            r"^(?<active>[a-z-]+)(?: \((?<sub>[^)]*)\))?(?: \(Result: (?<result>[^)]*)\))?(?: since (?<since>[^;]*))?",
        )
    });
    static EXIT: Shape = Shape::new(|| Regex::new(r"code=(?:exited|killed|dumped), (?:status|signal)=(?<status>\w+)"));
    match key {
        "Loaded" => {
            unit.loaded = value.split_whitespace().next().unwrap_or("").to_owned();
            unit.enabled = value.split("; ").nth(1).unwrap_or("").trim_end_matches(')').to_owned();
        }
        "Active" => {
            let Some(found) = STATE.groups(value) else { return false };
            unit.active = group(&found, "active").to_owned();
            unit.sub = group(&found, "sub").to_owned();
            unit.result = group(&found, "result").to_owned();
            unit.since = group(&found, "since").trim().to_owned();
            // `failed (Result: exit-code)` has no state below.
            if let Some(result) = unit.sub.strip_prefix("Result: ") {
                unit.result = result.to_owned();
                unit.sub = unit.active.clone();
            }
        }
        "Main PID" | "Process" => {
            if key == "Main PID" {
                unit.main_pid = value.split(' ').next().and_then(|pid| pid.parse().ok());
            }
            if let Some(found) = EXIT.groups(value) {
                let status = group(&found, "status");
                let is_first = unit.exit_status.is_none() || key == "Main PID";
                if is_first {
                    unit.exit_status = status.parse().ok().or_else(|| signal(status));
                }
            }
        }
        _ => return false,
    }
    true
}

/// The number of a signal as Linux on x86 and ARM has it (signal(7)).
fn signal(name: &str) -> Option<i64> {
    const SIGNALS: [(&str, i64); 9] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ILL", 4),
        ("ABRT", 6),
        ("BUS", 7),
        ("KILL", 9),
        ("SEGV", 11),
        ("TERM", 15),
    ];
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

fn is_active(file: &TextFile<'_>, start: usize) -> Option<Section> {
    const STATES: [&str; 7] = [
        "active",
        "inactive",
        "failed",
        "activating",
        "deactivating",
        "reloading",
        "maintenance",
    ];
    let (_, rest) = file.line(start).split_once("systemctl is-active ")?;
    let names: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !word.starts_with('-'))
        .take_while(|word| !matches!(*word, "|" | ";" | ">" | "2>&1"))
        .collect();
    let states: Vec<&str> = (start + 1..=start + names.len())
        .map(|line| file.line(line).trim())
        .take_while(|state| STATES.contains(state))
        .collect();
    if names.is_empty() || states.len() != names.len() {
        return None;
    }
    let facts = names.iter().zip(&states).enumerate().map(|(index, (name, state))| {
        let full = if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            (*name).to_owned()
        } else {
            format!("{name}.service")
        };
        Fact::Host(HostFact::Unit(Unit {
            loaded: "loaded".to_owned(),
            active: (*state).to_owned(),
            ..named(&full, file.cite(start + 1 + index))
        }))
    });
    Some(Section {
        end: start + 1 + states.len(),
        facts: facts.collect(),
        ..Section::default()
    })
}

fn list(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading: Vec<&str> = file.line(start).split_whitespace().collect();
    let with_job = heading == ["UNIT", "LOAD", "ACTIVE", "SUB", "JOB", "DESCRIPTION"];
    if !with_job && heading != ["UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION"] {
        return None;
    }
    let mut section = until_blank(file, start);
    for line in start + 1..section.end {
        let words = file.line(line).split_whitespace();
        let words: Vec<&str> = words.skip_while(|word| is_dot(word)).take(4).collect();
        let [name, loaded, active, sub] = words.as_slice() else {
            continue;
        };
        if !name.contains('.') || section.facts.len() >= MOST_UNITS {
            continue;
        }
        section.facts.push(Fact::Host(HostFact::Unit(Unit {
            loaded: (*loaded).to_owned(),
            active: (*active).to_owned(),
            sub: (*sub).to_owned(),
            ..named(name, file.cite(line))
        })));
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    const KUBELET: &str = "\
● kubelet.service - kubelet: The Kubernetes Node Agent
     Loaded: loaded (/lib/systemd/system/kubelet.service; enabled; vendor preset: enabled)
    Drop-In: /etc/systemd/system/kubelet.service.d
             └─10-kubeadm.conf
     Active: activating (auto-restart) (Result: exit-code) since Sat 2026-11-21 10:20:42 UTC; 3s ago
       Docs: https://kubernetes.io/docs/home/
    Process: 4711 ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS (code=exited, status=1/FAILURE)
   Main PID: 4711 (code=exited, status=1/FAILURE)

Nov 21 10:20:42 node-1 systemd[1]: kubelet.service: Main process exited, code=exited, status=1/FAILURE
Nov 21 10:20:42 node-1 kubelet[4711]: E1121 10:20:42.100000 4711 run.go:74] command failed

$ date
";

    fn units(text: &str) -> Vec<Unit> {
        let mut units = Vec::new();
        for decoder in [&STATUS, &LIST] {
            for fact in section(decoder, "x", text).map(host_facts).unwrap_or_default() {
                if let HostFact::Unit(unit) = fact {
                    units.push(unit);
                }
            }
        }
        units
    }

    #[test]
    fn a_unit_that_restarts_again_and_again_is_told_with_its_exit_code() {
        let [unit] = units(KUBELET).try_into().unwrap();
        assert_eq!(
            (unit.name.as_str(), unit.loaded.as_str(), unit.enabled.as_str()),
            ("kubelet.service", "loaded", "enabled")
        );
        assert_eq!(
            (unit.active.as_str(), unit.sub.as_str(), unit.result.as_str()),
            ("activating", "auto-restart", "exit-code")
        );
        assert_eq!(unit.since, "Sat 2026-11-21 10:20:42 UTC");
        assert_eq!((unit.main_pid, unit.exit_status), (Some(4711), Some(1)));
        let shown: Vec<&str> = unit
            .cite
            .quote
            .iter()
            .filter(|line| line.hit)
            .map(|line| line.text.trim())
            .collect();
        assert!(shown[0].starts_with("Active: activating"), "{shown:?}");
    }

    #[test]
    fn the_tail_of_the_journal_is_the_units_log() {
        let section = section(&STATUS, "x", KUBELET).unwrap();
        let logs = section.facts.iter().filter_map(|fact| match fact {
            Fact::UnitLog(log) => Some((log.unit.as_str(), log.first, log.end)),
            _ => None,
        });
        assert_eq!(logs.collect::<Vec<_>>(), [("kubelet.service", 9, 11)]);
        assert_eq!(section.end, 11);
    }

    #[test]
    fn failed_killed_and_missing_units_are_told_apart() {
        let failed = "× docker.service - Docker\n     Loaded: loaded (/x; disabled)\n     Active: failed (Result: oom-kill) since Sat 2026-11-21 10:20:42 CST; 1h ago\n   Main PID: 9 (code=killed, signal=KILL)\n";
        let [unit] = units(failed).try_into().unwrap();
        assert_eq!(
            (unit.active.as_str(), unit.result.as_str(), unit.exit_status),
            ("failed", "oom-kill", Some(9))
        );
        let missing = "○ k3s.service\n     Loaded: not-found (Reason: Unit k3s.service not found.)\n     Active: inactive (dead)\n";
        let [unit] = units(missing).try_into().unwrap();
        assert_eq!(
            (unit.loaded.as_str(), unit.active.as_str(), unit.sub.as_str()),
            ("not-found", "inactive", "dead")
        );
    }

    #[test]
    fn a_list_has_a_row_for_each_unit() {
        let text = "  UNIT LOAD ACTIVE SUB DESCRIPTION\n  x-agent.service loaded active running X\n● kubelet.service loaded failed failed kubelet: The Node Agent\n\nLOAD = Reflects\n";
        let found: Vec<(String, String)> = units(text).into_iter().map(|unit| (unit.name, unit.active)).collect();
        assert_eq!(
            found,
            [
                ("x-agent.service".into(), "active".into()),
                ("kubelet.service".into(), "failed".into())
            ]
        );
        assert_eq!(
            section(
                &LIST,
                "x",
                "  UNIT LOAD ACTIVE SUB DESCRIPTION\n0 loaded units listed.\n"
            )
            .unwrap()
            .facts
            .len(),
            0
        );
    }

    #[test]
    fn the_states_below_is_active_belong_to_its_units_in_order() {
        let text = "root@wk5:~# systemctl is-active kubelet containerd.service\ninactive\nactive\nroot@wk5:~#\n";
        let section = section(&IS_ACTIVE, "x", text).unwrap();
        assert_eq!(section.end, 3);
        let units: Vec<_> = host_facts(section)
            .into_iter()
            .filter_map(|fact| match fact {
                HostFact::Unit(unit) => Some((unit.name, unit.active)),
                _ => None,
            })
            .collect();
        assert_eq!(
            units,
            [
                ("kubelet.service".to_owned(), "inactive".to_owned()),
                ("containerd.service".to_owned(), "active".to_owned()),
            ]
        );
        assert!(
            super::super::super::sample::section(&IS_ACTIVE, "x", "$ systemctl is-active kubelet\nUnit not found\n")
                .is_none()
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "● kubelet.service - no more lines",
            "* a list item\n  Loaded: x\n",
            "UNIT loaded",
            "Nov 21 10:20:42 node-1 systemd[1]: Started kubelet.service.",
        ] {
            assert!(
                section(&STATUS, "x", text).is_none() && section(&LIST, "x", text).is_none(),
                "{text}"
            );
        }
    }
}
