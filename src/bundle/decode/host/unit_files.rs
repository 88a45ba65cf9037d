//! Which units start at boot (`systemctl list-unit-files`), and units by their properties (`systemctl show`).
//!
//! Source: systemd `src/systemctl/systemctl-list-unit-files.c`, `systemctl-show.c`; org.freedesktop.systemd1(5).

use super::fact::{HostFact, Unit};
use super::systemctl::named;
use crate::bundle::decode::shape::is_heading;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// `unit-file.kubelet.service` = `enabled`.
pub(in crate::bundle::decode) const LIST: Decoder = Decoder {
    name: "systemctl list-unit-files",
    decode: list,
};

/// The unit that `Id=` names.
pub(in crate::bundle::decode) const SHOW: Decoder = Decoder {
    name: "systemctl show",
    decode: show,
};

const MOST_UNITS: usize = 5_000;
/// `systemctl show` prints some two hundred properties.
const MOST_PROPERTIES: usize = 1_000;

fn list(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if !is_heading(file.line(start), &["UNIT FILE", "STATE"]) {
        return None;
    }
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        // Other kinds of units are too many, and nothing asks for them.
        if let (Some(name), Some(state)) = (words.next(), words.next())
            && [".service", ".socket", ".mount", ".timer"]
                .iter()
                .any(|end| name.ends_with(end))
            && section.facts.len() < MOST_UNITS
        {
            let key = format!("unit-file.{name}");
            section.facts.push(file.value(section.end, key, state));
        }
        section.end += 1;
    }
    // `412 unit files listed.` stands below an empty line.
    if file.line(section.end + 1).ends_with("unit files listed.") {
        section.end += 2;
    }
    Some(section)
}

fn show(file: &TextFile<'_>, start: usize) -> Option<Section> {
    property(file.line(start))?;
    // Only the first of the properties is looked from, so that no text makes every line look at all that follow.
    if start
        .checked_sub(1)
        .is_some_and(|above| property(file.line(above)).is_some())
    {
        return None;
    }
    let end = start
        + file
            .lines
            .iter()
            .skip(start)
            .take(MOST_PROPERTIES)
            .take_while(|line| property(line).is_some())
            .count();
    let find = |wanted: &str| {
        (start..end).find_map(|line| {
            let (key, value) = property(file.line(line))?;
            (key == wanted).then_some((line, value))
        })
    };
    let (_, id) = find("Id")?;
    let (line, active) = find("ActiveState")?;
    let text = |key: &str| find(key).map_or("", |(_, value)| value).to_owned();
    let number = |key: &str| find(key).and_then(|(_, value)| value.parse::<i64>().ok());
    let main_pid = number("MainPID")
        .and_then(|pid| u64::try_from(pid).ok())
        .filter(|pid| *pid > 0);
    let unit = Unit {
        loaded: text("LoadState"),
        enabled: text("UnitFileState"),
        active: active.to_owned(),
        sub: text("SubState"),
        since: text("StateChangeTimestamp"),
        main_pid,
        exit_status: number("ExecMainStatus").filter(|_| main_pid.is_none()),
        result: Some(text("Result"))
            .filter(|result| result != "success")
            .unwrap_or_default(),
        ..named(id, file.cite_range(start, end - 1, line))
    };
    Some(Section {
        end,
        facts: vec![Fact::Host(HostFact::Unit(unit))],
        ..Section::default()
    })
}

/// `ActiveState=active`: a name in the manner of D-Bus, which begins with a capital and is no shell variable.
fn property(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let is_name = key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && key.len() <= 64
        && (key.len() == 2 || key.bytes().any(|byte| byte.is_ascii_lowercase()));
    is_name.then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{host_facts, values};
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn what_starts_at_boot_is_listed() {
        let text = "UNIT FILE                              STATE           VENDOR PRESET\ndev-hugepages.mount                    static          enabled\nkubelet.service                        disabled        enabled\nboot.automount x y\n\n3 unit files listed.\n";
        let section = section(&LIST, "x", text).unwrap();
        assert_eq!(
            (values(&section), section.end),
            (
                vec![
                    "unit-file.dev-hugepages.mount=static".to_owned(),
                    "unit-file.kubelet.service=disabled".to_owned()
                ],
                6
            )
        );
    }

    #[test]
    fn a_unit_is_known_by_its_properties() {
        let text = "Type=simple\nMainPID=0\nExecMainStatus=255\nResult=exit-code\nId=kubelet.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nUnitFileState=enabled\nStateChangeTimestamp=Sat 2026-11-21 10:20:42 UTC\n";
        let facts = host_facts(section(&SHOW, "x", text).unwrap());
        let [HostFact::Unit(unit)] = facts.as_slice() else {
            panic!()
        };
        assert_eq!(
            (
                unit.name.as_str(),
                unit.active.as_str(),
                unit.sub.as_str(),
                unit.exit_status
            ),
            ("kubelet.service", "activating", "auto-restart", Some(255))
        );
        assert_eq!(
            (unit.enabled.as_str(), unit.result.as_str(), unit.main_pid),
            ("enabled", "exit-code", None)
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "PATH=/bin\nHOME=/\n",
            "Version=245\nFeatures=+PAM\n",
            "UNIT LOAD ACTIVE SUB\n",
            "Key=x\n",
        ] {
            assert!(
                section(&SHOW, "x", text).is_none() && section(&LIST, "x", text).is_none(),
                "{text}"
            );
        }
    }
}
