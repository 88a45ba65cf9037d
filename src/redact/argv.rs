//! Command lines that are kept as lists: which of their words are secrets.

use serde_json::{Map, Value};

use super::Class;
use super::names::{self, Site};

/// Keys under which Docker, Kubernetes and containerd keep command lines.
pub(super) const ARGV_KEYS: &[&str] = &[
    "args",
    "Args",
    "argv",
    "cmd",
    "Cmd",
    "command",
    "Command",
    "entrypoint",
    "Entrypoint",
];

/// Programs whose `-p` is a password.
const TAKES_P: &[&str] = &[
    "login",
    "mariadb",
    "mariadb-dump",
    "mongo",
    "mongodump",
    "mongosh",
    "mysql",
    "mysqladmin",
    "mysqldump",
    "mysqlimport",
    "mysqlpump",
    "mysqlshow",
    "mycli",
    "cqlsh",
    "cypher-shell",
    "sshpass",
];

/// The class and the first byte of the value in `--token=X` and `-pX`.
pub(super) fn joined_flag(text: &str, takes_p: bool) -> Option<(Class, usize)> {
    if let Some((flag, _)) = text.split_once('=')
        && let Some(class) = flag_class(flag)
    {
        return Some((class, flag.len() + 1));
    }
    let rest = text.strip_prefix("-p").filter(|rest| takes_p && !rest.is_empty())?;
    Some((Class::Password, text.len() - rest.trim_start_matches('=').len()))
}

/// The class of the value behind a flag.
pub(super) fn flag_class(flag: &str) -> Option<Class> {
    names::class_of(flag, Site::Key).filter(|_| flag.starts_with('-') && !flag.contains(' '))
}

/// True where `-p` of the program that is run takes a password.
pub(super) fn takes_p(owner: &Map<String, Value>, items: &[Value]) -> bool {
    let lists = ARGV_KEYS
        .iter()
        .filter_map(|key| owner.get(*key))
        .filter_map(Value::as_array)
        .flatten();
    let words = lists
        .chain(owner.get("Path"))
        .chain(items.iter().take(2))
        .filter_map(Value::as_str);
    words
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .any(|program| TAKES_P.contains(&program))
}
