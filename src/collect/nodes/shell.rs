//! The command that ssh is given.

/// What runs over there; its header says what it is given.
const SCRIPT: &str = include_str!("far.sh");

/// The script as one line for whatever shell the user over there has, with its arguments.
pub(super) fn command(arguments: &[String]) -> String {
    let script: Vec<&str> = SCRIPT
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut command = format!("exec /bin/sh -c '{}' casefile", script.join(" "));
    for argument in arguments {
        command.push(' ');
        command.push_str(&quoted(argument));
    }
    command
}

/// A word that every shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What `uname -m` says of machines that can run this program, as a basic regular expression: names of Linux
/// (arch/*/Makefile, `UTS_MACHINE`).
pub(super) fn machine_types() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x86_64",
        "x86" => ".*86.*",
        "aarch64" => "aarch64",
        "arm" => "a.*",
        "powerpc64" => "ppc64.*",
        "riscv64" => "riscv64",
        "s390x" => "s390x",
        _ => ".*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_one_line_of_the_shell_without_single_quotes_of_its_own() {
        assert!(!SCRIPT.lines().any(|line| !line.starts_with('#') && line.contains('\'')));
        let command = command(&["it's".into()]);
        assert!(!command.contains('\n'));
        assert!(command.ends_with(r"casefile 'it'\''s'"));
        let status = std::process::Command::new("sh").args(["-n", "-c", &command]).status();
        assert!(status.unwrap().success());
        let inner = command.split('\'').nth(1).unwrap().to_owned();
        let status = std::process::Command::new("sh").args(["-n", "-c", &inner]).status();
        assert!(status.unwrap().success());
    }
}
