//! What crust-gather ran on a node: one YAML document of `command`, `output` and `errors`.
//!
//! Source: crust-gather/crust-gather `src/scanners/host_logs.rs` (`HostLogsRepresentation`), since May 2026. The directory is called after
//! the unit of systemd whose journal it is, or as the user called the command.

use super::{Decoder, ExportedLog, Fact, Section, TextFile, parse_yaml_within};

/// The output as a log of the unit.
pub(super) const DECODER: Decoder = Decoder {
    name: "captured command",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let is_head = start == 0 && file.line(start).starts_with("command: ") && file.path.file_name().contains(".log");
    if !is_head {
        return None;
    }
    let key = file.lines.iter().position(|line| line.starts_with("output:"))?;
    let document = parse_yaml_within(file.text, file.budget).ok()?;
    let output = document.get("output")?.as_str()?;
    // The lines of a literal block stand below each other, those of a quoted text on one line.
    let is_block = file.line(key).trim_end().ends_with(['|', '-', '+']);
    let place = |index: usize| if is_block { key + 1 + index } else { key };
    let unit = file.path.components().rev().nth(1)?;
    let last = file.lines.len().checked_sub(1)?;
    let lines = output.lines().enumerate();
    let log = ExportedLog {
        unit: unit.to_owned(),
        lines: lines
            .map(|(index, line)| (place(index).min(last), line.to_owned()))
            .collect(),
        ..ExportedLog::default()
    };
    Some(Section {
        end: file.lines.len(),
        facts: vec![Fact::ExportedLog(log)],
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    #[test]
    fn the_output_keeps_its_lines() {
        let path = "namespaces/default/v1/pod/w1/kubelet/current.log";
        for (text, line) in [
            (
                "command: journalctl -u kubelet\noutput: |\n  first\n  second\nstatus: Success\n",
                3,
            ),
            (
                "command: journalctl -u kubelet\noutput: \"first\\nsecond\\n\"\nstatus: Success\n",
                1,
            ),
        ] {
            let section = section(&DECODER, path, text).unwrap();
            let Fact::ExportedLog(log) = &section.facts[0] else {
                panic!()
            };
            assert_eq!(
                (log.unit.as_str(), &log.lines[1]),
                ("kubelet", &(line, "second".to_owned()))
            );
        }
        assert!(section(&DECODER, "current.log", "command: x\n").is_none());
        assert!(section(&DECODER, path, "I1121 x\n").is_none());
    }
}
