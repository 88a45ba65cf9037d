//! The sections of SUSE's supportconfig: a heading with the kind, a line with the command or the file, and what it had.
//!
//! Source: openSUSE/supportutils `bin/supportconfig` (`section_header`, `log_cmd`, `conf_files`, `log_files`).

use super::host::{Config, ConfigFormat, HostFact};
use super::log_prompt::output_of_runtime;
use super::{Decoder, Fact, Section, TextFile, UnitLog};

/// The head of a section; the whole of it where it is a log or a configuration file that no other decoder would know.
pub(super) const DECODER: Decoder = Decoder {
    name: "supportconfig section",
    decode,
};

/// Lines of a configuration file that are kept.
const MOST_LINES: usize = 500;

/// The kind in a heading such as `#==[ Log File ]===================================#`.
pub(super) fn kind(line: &str) -> Option<&str> {
    let (kind, rest) = line.strip_prefix("#==[ ")?.split_once(" ]=")?;
    rest.trim_end().trim_start_matches('=').eq("#").then_some(kind)
}

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let kind = kind(file.line(start))?;
    let source = file.line(start + 1).strip_prefix("# ").unwrap_or("");
    let first = (start + 2).min(file.lines.len());
    let all = |facts| Section {
        end: file.lines.len(),
        facts,
        ..Section::default()
    };
    let head = Section {
        end: first,
        ..Section::default()
    };
    Some(match kind {
        "Log File" => all(vec![log(file, unit_of_file(source), first)]),
        "Command" => match unit_of_command(source) {
            Some(unit) => all(vec![log(file, unit, first)]),
            None => match output_of_runtime(source, first, file.lines.len()) {
                Some(log) => all(vec![log]),
                None => head,
            },
        },
        // Name servers and crontabs are known by their lines; of all other files what was wished for is not what is.
        "Configuration File" if !source.contains("resolv.conf") && !source.contains("cron") => {
            all(vec![config(file, source, first)])
        }
        "Summary" | "Verification" | "Note" => all(Vec::new()),
        _ => head,
    })
}

fn log(file: &TextFile<'_>, unit: &str, first: usize) -> Fact {
    Fact::UnitLog(UnitLog {
        unit: unit.to_owned(),
        first,
        end: file.lines.len(),
    })
}

/// `/var/log/messages - Last 500 Lines`.
fn unit_of_file(source: &str) -> &str {
    let path = source.split_whitespace().next().unwrap_or("");
    let name = path.rsplit('/').next().unwrap_or("");
    name.strip_suffix(".log").unwrap_or(name)
}

/// The unit whose journal a command shows; `kernel` for the ring buffer, `system` for a whole journal.
fn unit_of_command(source: &str) -> Option<&str> {
    let mut words = source.split_whitespace();
    let program = words.next()?.rsplit('/').next()?;
    match program {
        "dmesg" => Some("kernel"),
        "journalctl" if !source.contains("--list-boots") && !source.contains("--disk-usage") => {
            let joined = source.split_whitespace().find_map(|word| word.strip_prefix("--unit="));
            let unit = joined.or_else(|| words.skip_while(|word| !matches!(*word, "-u" | "--unit")).nth(1));
            Some(unit.unwrap_or("system"))
        }
        _ => None,
    }
}

fn config(file: &TextFile<'_>, source: &str, first: usize) -> Fact {
    let lines = file.lines.iter().enumerate().skip(first).take(MOST_LINES);
    Fact::Host(HostFact::Config(Config {
        path: source.split_whitespace().next().unwrap_or("").to_owned(),
        format: ConfigFormat::Lines,
        lines: lines
            .map(|(index, line)| (file.number(index), (*line).to_owned()))
            .collect(),
        value: None,
        cite: file.cite(first.saturating_sub(1)),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    const RULE: &str = "===================================#";

    #[test]
    fn logs_and_files_are_taken_whole_and_commands_left_to_their_decoders() {
        let log =
            format!("#==[ Log File ]{RULE}\n# /var/log/messages - Last 500 Lines\n2026-11-21T10:20:42Z w1 kernel: x\n");
        let found = section(&DECODER, "messages.txt", &log).unwrap();
        assert!(
            matches!(&found.facts[0], Fact::UnitLog(log) if log.unit == "messages" && (log.first, log.end) == (2, 3))
        );
        let journal = format!("#==[ Command ]{RULE}\n# /usr/bin/journalctl --no-pager --unit kubelet\nx\n");
        let found = section(&DECODER, "x.txt", &journal).unwrap();
        assert!(matches!(&found.facts[0], Fact::UnitLog(log) if log.unit == "kubelet"));
        let sysctl = format!("#==[ Configuration File ]{RULE}\n# /etc/sysctl.conf\nnet.ipv4.ip_forward = 0\n");
        let found = section(&DECODER, "env.txt", &sysctl).unwrap();
        assert!(
            matches!(&found.facts[0], Fact::Host(HostFact::Config(config)) if config.path == "/etc/sysctl.conf" && config.lines == [(3, "net.ipv4.ip_forward = 0".to_owned())])
        );
        let command = format!("#==[ Command ]{RULE}\n# /sbin/sysctl -a\nnet.ipv4.ip_forward = 0\n");
        let found = section(&DECODER, "env.txt", &command).unwrap();
        assert!(found.end == 2 && found.facts.is_empty());
    }

    #[test]
    fn other_lines_are_no_heading() {
        for line in ["#==[ Command ]", "#==[ Command ]=== x", "# /sbin/sysctl -a", ""] {
            assert_eq!(kind(line), None, "{line}");
        }
    }
}
