//! Programs that take a password behind a switch of one letter: in command lines as text and as lists.

/// How a program reads the value of a switch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// In the same word or in the next one.
    Any,
    /// In the same word: the switch alone asks for it.
    Joined,
    /// In the next word.
    After,
}

/// Programs and the switch behind which they take a password.
pub(super) struct Switch {
    flag: &'static str,
    value: Value,
    /// Names, some with the command that takes it.
    programs: &'static [&'static str],
}

macro_rules! gap {
    (Any) => {
        r"(?:\s+|=)?"
    };
    (Joined) => {
        ""
    };
    (After) => {
        r"\s+"
    };
}

/// The table, the words that announce it, and the expression that finds such a switch in text.
macro_rules! switches {
    ($($value:ident $flag:literal: $first:literal $(, $program:literal)*;)+) => {
        const SWITCHES: &[Switch] = &[$(Switch {
            flag: $flag,
            value: Value::$value,
            programs: &[$first $(, $program)*],
        }),+];

        pub(super) const WORDS: &[&str] = &[$($first $(, $program)*),+];

        // The first branch matches nothing.
        pub(super) const EXPRESSION: &str = concat!(
            r"\b(?:[^\s\S]",
            $("|(?:", $first, $("|", $program,)* r")\b[^\n|;]*?\s", $flag, gap!($value),)+
            r#")\\*["']?(?<s>[^\s"'\\=-][^\s"'\\]*)"#
        );
    };
}

switches! {
    Any "-p":
        "mysql", "mysqladmin", "mysqlcheck", "mysqldump", "mysqlimport", "mysqlpump", "mysqlshow", "mysqlslap", "mysql_upgrade",
        "mariadb", "mariadb-admin", "mariadb-backup", "mariadb-check", "mariadb-dump", "mariadb-import", "mariadb-show",
        "mariadb-slap", "mariadb-upgrade",
        "mongo", "mongosh", "mongodump", "mongoexport", "mongofiles", "mongoimport", "mongorestore", "mongostat", "mongotop",
        "mycli", "cqlsh", "cypher-shell", "sshpass",
        "docker login", "podman login", "buildah login", "skopeo login", "nerdctl login", "oras login", "crane login", "az login",
        "helm registry login", "oc login";
    Any "-w":
        "ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldapcompare", "ldapmodrdn", "ldappasswd";
    Any "-P":
        "sqlcmd", "ipmitool", "zip", "unzip";
    Joined "-p":
        "7z", "7za";
    After "-a":
        "redis-cli";
    After "-k":
        "openssl enc";
}

/// The switches of the programs among the words of a command line.
pub(super) fn of<'w>(words: impl Iterator<Item = &'w str>) -> Vec<&'static Switch> {
    let names: Vec<&str> = words.map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    // Of `docker login` the container that runs it may show only the latter.
    let is_run = |program: &&str| names.contains(&program.rsplit(' ').next().unwrap_or_default());
    let switches = SWITCHES.iter();
    switches.filter(|switch| switch.programs.iter().any(is_run)).collect()
}

impl Switch {
    /// The first byte of the value in `-pX`.
    pub(super) fn joined(&self, word: &str) -> Option<usize> {
        let rest = word.strip_prefix(self.flag).filter(|rest| !rest.is_empty())?;
        (self.value != Value::After).then(|| word.len() - rest.trim_start_matches('=').len())
    }

    /// True for the word before the value.
    pub(super) fn announces(&self, word: &str) -> bool {
        word == self.flag && self.value != Value::Joined
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Masker;
    use super::*;

    #[test]
    fn each_program_hides_its_password_in_text_and_in_lists() {
        for switch in SWITCHES {
            for program in switch.programs {
                let mut ways = Vec::new();
                if switch.value != Value::Joined {
                    ways.push(vec![switch.flag.to_owned(), "Hx7-horse".to_owned()]);
                }
                if switch.value != Value::After {
                    ways.push(vec![format!("{}Hx7-horse", switch.flag)]);
                }
                for way in ways {
                    let line = format!("run: {program} --verbose {}", way.join(" "));
                    let masked = Masker::new().mask(&line).into_owned();
                    assert!(!masked.contains("horse") && masked.contains(program), "{masked}");
                    let words = program.split(' ').chain(["--verbose"]);
                    let words: Vec<&str> = words.chain(way.iter().map(String::as_str)).collect();
                    let mut document = json!({"command": words});
                    Masker::new().mask_json(&mut document);
                    assert!(!document.to_string().contains("horse"), "{document}");
                }
            }
        }
    }

    #[test]
    fn the_same_switch_of_another_program_stays() {
        for line in ["ssh -p 2222 host", "7z x -p archive.7z", "redis-cli -ax", "tar -P -w x"] {
            assert_eq!(Masker::new().mask(line), line);
            let document = json!({"command": line.split(' ').collect::<Vec<_>>()});
            let mut masked = document.clone();
            Masker::new().mask_json(&mut masked);
            assert_eq!(masked, document);
        }
    }
}
