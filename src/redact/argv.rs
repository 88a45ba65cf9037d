//! Command lines that are kept as lists: which of their words are secrets.

use serde_json::{Map, Value};

use super::Class;
use super::names::{self, Site};
use super::switches::{self, Switch};

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

/// The class and the first byte of the value in `--token=X` and `-pX`.
pub(super) fn joined_flag(text: &str, switches: &[&Switch]) -> Option<(Class, usize)> {
    if let Some((flag, _)) = text.split_once('=')
        && let Some(class) = flag_class(flag)
    {
        return Some((class, flag.len() + 1));
    }
    let from = switches.iter().find_map(|switch| switch.joined(text))?;
    Some((Class::Password, from))
}

/// The class of the value behind a flag.
pub(super) fn flag_class(flag: &str) -> Option<Class> {
    names::class_of(flag, Site::Key).filter(|_| flag.starts_with('-') && !flag.contains(' '))
}

/// The switches behind which the program that is run takes a password.
pub(super) fn switches(owner: &Map<String, Value>, items: &[Value]) -> Vec<&'static Switch> {
    let lists = ARGV_KEYS
        .iter()
        .filter_map(|key| owner.get(*key))
        .filter_map(Value::as_array)
        .flatten();
    let words = lists
        .chain(owner.get("Path"))
        .chain(items.iter().take(2))
        .filter_map(Value::as_str);
    switches::of(words)
}
