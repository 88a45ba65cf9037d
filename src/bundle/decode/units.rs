//! systemd unit files (systemd.service(5), systemd.timer(5)) and the output of `systemctl cat`, which names the file above it.

use super::{Decoder, Fact, Section, TextFile};

/// What a unit runs and when: `systemd.unit.<name>.ExecStart` and `.OnCalendar`.
pub(super) const DECODER: Decoder = Decoder {
    name: "systemd unit",
    decode,
};

const KEYS: [&str; 2] = ["ExecStart", "OnCalendar"];
const HEADINGS: [&str; 6] = ["[Unit]", "[Service]", "[Timer]", "[Install]", "[Socket]", "[Path]"];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let named_above = unit_of_comment(file.line(start));
    let first_heading = if named_above.is_some() {
        (start + 1..start + 30).find(|&line| !file.line(line).starts_with('#') && !file.line(line).is_empty())?
    } else {
        start
    };
    if !HEADINGS.contains(&file.line(first_heading).trim_end()) {
        return None;
    }
    let name = named_above.or_else(|| unit_of_path(file.path.file_name()))?;
    let mut section = Section {
        end: first_heading,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end) {
        let line = line.trim();
        // The next unit of `systemctl cat` begins with a comment that names it.
        if unit_of_comment(line).is_some() || line.starts_with('[') && !HEADINGS.contains(&line) {
            break;
        }
        if let Some((key, value)) = line.split_once('=').filter(|(key, _)| KEYS.contains(&key.trim_end())) {
            let key = format!("systemd.unit.{name}.{}", key.trim_end());
            section.facts.push(Fact::Value {
                key,
                value: value.trim().into(),
                cite: file.cite(section.end),
            });
        }
        section.end += 1;
    }
    Some(section)
}

/// `clean.timer` of `# /etc/systemd/system/clean.timer`.
fn unit_of_comment(line: &str) -> Option<&str> {
    let path = line.strip_prefix("# /")?.trim_end();
    unit_of_path(path.rsplit('/').next()?)
}

fn unit_of_path(file_name: &str) -> Option<&str> {
    [".service", ".timer"]
        .iter()
        .any(|end| file_name.ends_with(end))
        .then_some(file_name)
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    fn values(section: &Section) -> Vec<(&str, &str)> {
        section
            .facts
            .iter()
            .filter_map(|fact| {
                if let Fact::Value { key, value, .. } = fact {
                    Some((key.as_str(), value.as_str()))
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn a_unit_file_is_named_by_its_path() {
        let text = "[Unit]\nDescription=clean\n[Service]\nExecStart=/opt/clean.sh --all\n";
        let section = section(&DECODER, "etc/systemd/system/clean.service", text).unwrap();
        assert_eq!(
            values(&section),
            [("systemd.unit.clean.service.ExecStart", "/opt/clean.sh --all")]
        );
    }

    #[test]
    fn systemctl_cat_names_each_unit() {
        let text = "# /etc/systemd/system/clean.timer\n[Timer]\nOnCalendar=*-*-* 02:00:00\n\n# /etc/systemd/system/clean.service\n[Service]\n";
        let section = section(&DECODER, "units.txt", text).unwrap();
        assert_eq!(
            values(&section),
            [("systemd.unit.clean.timer.OnCalendar", "*-*-* 02:00:00")]
        );
        assert_eq!(section.end, 4);
    }

    #[test]
    fn other_text_is_declined() {
        for (path, text) in [
            ("x.toml", "[Service]\nExecStart=/x\n"),
            ("x.service", "[plugins]\n"),
            ("x.service", ""),
            ("x.log", "# /etc/x.service\nlog\n"),
            ("x.service", "[Unit] failed\n"),
        ] {
            assert!(section(&DECODER, path, text).is_none(), "{text}");
        }
    }
}
