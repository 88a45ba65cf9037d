//! Scripts: a file whose first line names an interpreter (`#!`, execve(2)).

use super::{Decoder, Fact, Script, Section, TextFile};

/// Whole scripts.
pub(super) const DECODER: Decoder = Decoder { name: "script", decode };

/// How many lines are kept.
const MOST_LINES: usize = 2_000;
/// How much of a line is kept, in bytes: a script may carry an archive in one line.
const MOST_BYTES: usize = 4_096;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(0).trim_start_matches('\u{feff}');
    if start != 0 || !is_interpreter(first.strip_prefix("#!")?) {
        return None;
    }
    let kept = |line: &&str| {
        line.get(..line.floor_char_boundary(MOST_BYTES))
            .unwrap_or("")
            .to_owned()
    };
    let lines = (1..).zip(file.lines.iter().take(MOST_LINES).map(kept)).collect();
    let script = Script {
        path: file.path.as_str().into(),
        lines,
        cite: file.cite(0),
    };
    Some(Section {
        end: file.lines.len(),
        facts: vec![Fact::Script(script)],
        ..Section::default()
    })
}

/// True for `/bin/bash -e`, `/usr/bin/env python3`: an absolute path to a program that runs scripts.
fn is_interpreter(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let Some(program) = words.next().filter(|program| program.starts_with('/')) else {
        return false;
    };
    let name = |path: &str| {
        path.rsplit('/')
            .next()
            .unwrap_or("")
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
            .to_owned()
    };
    let program = match name(program).as_str() {
        "env" => words.find(|word| !word.starts_with('-')).map(name).unwrap_or_default(),
        direct => direct.to_owned(),
    };
    matches!(
        program.as_str(),
        "sh" | "bash"
            | "dash"
            | "ash"
            | "ksh"
            | "zsh"
            | "busybox"
            | "python"
            | "perl"
            | "ruby"
            | "node"
            | "awk"
            | "expect"
            | "php"
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::*;

    #[test]
    fn a_script_is_kept_whole_with_line_numbers() {
        let text = "#!/bin/bash\n# nightly\ndocker container prune -f\n";
        let section = section(&DECODER, "opt/scripts/clean.sh", text).unwrap();
        let [Fact::Script(script)] = section.facts.as_slice() else {
            panic!()
        };
        assert_eq!(script.path, "opt/scripts/clean.sh");
        assert_eq!(script.lines.last(), Some(&(3, "docker container prune -f".to_owned())));
        assert_eq!(section.end, 3);
    }

    #[test]
    fn interpreters_are_known_by_their_name() {
        for (line, is_script) in [
            ("#!/usr/bin/env python3", true),
            ("#! /bin/sh -e", true),
            ("#!/usr/bin/env -S bash -e", true),
            ("#!shebang", false),
            ("#!/etc/passwd", false),
            ("# a comment", false),
            ("", false),
        ] {
            assert_eq!(section(&DECODER, "x", line).is_some(), is_script, "{line}");
        }
    }

    #[test]
    fn a_script_starts_at_the_first_line_and_is_kept_up_to_a_limit() {
        assert!(section_at(&DECODER, "x", "#!/bin/sh\n#!/bin/sh\n", 1).is_none());
        let long = format!("#!/bin/sh\n{}", "echo\n".repeat(5_000));
        let section = section(&DECODER, "x", &long).unwrap();
        let [Fact::Script(script)] = section.facts.as_slice() else {
            panic!()
        };
        assert_eq!((script.lines.len(), section.end), (2_000, 5_001));
    }
}
