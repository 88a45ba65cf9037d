//! Crontabs: `/etc/crontab`, `/etc/cron.d/*` (with a user column), and users' tables (`crontab -l`).
//!
//! Fields and nicknames are those of crontab(5) of cronie and Debian's cron.

use super::{CronEntry, Decoder, Fact, Section, TextFile};

/// Lines of crontabs.
pub(super) const DECODER: Decoder = Decoder {
    name: "crontab",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let place = Place::of(file);
    let is_likely = place != Place::Unknown;
    // A table may begin with comments and variables; only in a file that is known as one are these enough.
    let first_entry = if is_likely && start == 0 {
        (0..file.lines.len()).find(|&line| !is_filler(file.line(line)))?
    } else {
        start
    };
    entry(file, first_entry, place)?;
    let mut section = Section::default();
    for index in first_entry..file.lines.len() {
        if let Some(entry) = entry(file, index, place) {
            section.facts.push(Fact::Cron(entry));
            section.end = index + 1;
        } else if !is_filler(file.line(index)) {
            break;
        } else if is_likely {
            section.end = index + 1;
        }
    }
    Some(section)
}

/// What the path says about the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `/etc/crontab`, `/etc/cron.d/x`: entries name a user.
    System,
    /// `crontab -l`, `/var/spool/cron/x`: they do not.
    User,
    Unknown,
}

impl Place {
    fn of(file: &TextFile<'_>) -> Self {
        let path = file.path.as_str();
        if path.contains("cron.d/") || path.ends_with("etc/crontab") {
            Self::System
        } else if path.contains("spool/cron") || path.contains("crontab") {
            Self::User
        } else {
            Self::Unknown
        }
    }
}

/// A comment, an empty line or a variable (`MAILTO=root`).
fn is_filler(line: &str) -> bool {
    let line = line.trim();
    let is_variable = line.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim_end();
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    line.is_empty() || line.starts_with('#') || is_variable
}

fn entry(file: &TextFile<'_>, index: usize, place: Place) -> Option<CronEntry> {
    let line = file.line(index).trim();
    if !line.starts_with(|c: char| c.is_ascii_digit() || c == '*' || c == '@') {
        return None;
    }
    let (schedule, rest) = if line.starts_with('@') {
        nickname(line)?
    } else {
        five_fields(line)?
    };
    // In a file of any name, five numbers and words may be a row of any table; a wildcard and a command make it a job.
    let starts_command = rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/.[({\"'$-!".contains(c));
    if !starts_command
        || place == Place::Unknown && !(schedule.contains('*') || schedule.starts_with('@') && rest.contains('/'))
    {
        return None;
    }
    let (first, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let names_user = match place {
        Place::System => true,
        // The command `root` does not exist, so the word is a user.
        Place::User | Place::Unknown => first == "root",
    };
    let (user, command) = if names_user {
        (first, after.trim_start())
    } else {
        ("", rest)
    };
    if command.is_empty() {
        return None;
    }
    Some(CronEntry {
        schedule,
        user: user.into(),
        command: command.into(),
        cite: file.cite(index),
    })
}

fn nickname(line: &str) -> Option<(String, &str)> {
    let (word, rest) = line.split_once(char::is_whitespace)?;
    let known = [
        "@reboot",
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    known.contains(&word).then(|| (word.to_owned(), rest.trim_start()))
}

/// Name of a field's values beside numbers, least and greatest number.
const FIELDS: [(&[&str], u8, u8); 5] = [
    (&[], 0, 59),
    (&[], 0, 23),
    (&[], 1, 31),
    (
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
        1,
        12,
    ),
    (&["sun", "mon", "tue", "wed", "thu", "fri", "sat"], 0, 7),
];

fn five_fields(line: &str) -> Option<(String, &str)> {
    let mut rest = line;
    let mut words = Vec::with_capacity(FIELDS.len());
    for (names, least, most) in FIELDS {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        if !word.split(',').all(|part| is_range(part, names, least, most)) {
            return None;
        }
        words.push(word);
        rest = after.trim_start();
    }
    Some((words.join(" "), rest))
}

/// `*`, `5`, `1-5`, `*/10`, `mon-fri`.
fn is_range(part: &str, names: &[&str], least: u8, most: u8) -> bool {
    let (range, step) = part
        .split_once('/')
        .map_or((part, None), |(range, step)| (range, Some(step)));
    let is_value = |word: &str| {
        word.parse::<u8>().is_ok_and(|number| (least..=most).contains(&number))
            || names.iter().any(|name| name.eq_ignore_ascii_case(word))
    };
    let is_known = range == "*"
        || range
            .split_once('-')
            .map_or_else(|| is_value(range), |(from, to)| is_value(from) && is_value(to));
    is_known && step.is_none_or(|step| step.parse::<u8>().is_ok_and(|step| step > 0))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::*;

    fn entries(section: &Section) -> Vec<(&str, &str, &str)> {
        section
            .facts
            .iter()
            .filter_map(|fact| {
                let Fact::Cron(entry) = fact else { return None };
                Some((entry.schedule.as_str(), entry.user.as_str(), entry.command.as_str()))
            })
            .collect()
    }

    #[test]
    fn a_system_table_has_users() {
        let text = "# nightly\nSHELL=/bin/sh\n\n0 2 * * * root /opt/scripts/docker-clean.sh\n*/5 1-4,6 * jan-mar mon app bin/x -a  b\n@daily root docker system prune -f\n";
        let section = section(&DECODER, "n/etc/cron.d/clean", text).unwrap();
        assert_eq!(
            entries(&section),
            [
                ("0 2 * * *", "root", "/opt/scripts/docker-clean.sh"),
                ("*/5 1-4,6 * jan-mar mon", "app", "bin/x -a  b"),
                ("@daily", "root", "docker system prune -f"),
            ]
        );
        assert_eq!(section.end, 6);
    }

    #[test]
    fn a_users_table_has_none() {
        let section = section(&DECODER, "crontab.txt", "0 2 1 1 0 docker container prune -f\n").unwrap();
        assert_eq!(entries(&section), [("0 2 1 1 0", "", "docker container prune -f")]);
    }

    #[test]
    fn a_pasted_line_is_found() {
        let section = section_at(&DECODER, "notes.txt", "$ cat x\n0 2 * * * root /opt/x.sh\n$ date\n", 1).unwrap();
        assert_eq!(
            (entries(&section), section.end),
            (vec![("0 2 * * *", "root", "/opt/x.sh")], 2)
        );
    }

    #[test]
    fn wrong_fields_are_declined_even_in_a_crontab() {
        for line in [
            "",
            "# only a comment",
            "0 25 * * * root /x",
            "60 2 * * * root /x",
            "*/0 2 * * * root /x",
            "0 2 * *",
            "0 2 * * *",
            "0 2 * * * root",
            "@often root /x",
        ] {
            assert!(section(&DECODER, "etc/cron.d/x", line).is_none(), "{line}");
        }
    }

    #[test]
    fn log_lines_and_rows_of_numbers_are_declined() {
        for line in [
            "1 2 3 4 5 words of a table",
            "10 20 30 10 5 connections",
            "2026-11-21 10:20:33 * * * started",
            "* item one of a list",
            "@daily report was sent",
        ] {
            assert!(section(&DECODER, "x.log", line).is_none(), "{line}");
        }
    }
}
