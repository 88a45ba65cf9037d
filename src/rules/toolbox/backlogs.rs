//! Work that waits for a worker, as others speak of it.

use super::own_hits;
use crate::cluster::Hit;
use crate::model::Subject;
use crate::rules::{Input, RuleHeader};

/// What people add to the name of a queue or of a task to call the one who works on it.
const ROLES: [&str; 17] = [
    "dispatcher",
    "worker",
    "workers",
    "consumer",
    "consumers",
    "processor",
    "handler",
    "runner",
    "listener",
    "subscriber",
    "sender",
    "executor",
    "job",
    "jobs",
    "service",
    "svc",
    "app",
];

/// The lines by which others say that work for this workload piles up: they name it, or the queue that it is called after.
pub fn backlog_of<'s>(input: &Input<'s>, rule: &RuleHeader, workload: &Subject) -> Vec<&'s Hit> {
    let stem = stem(&workload.name);
    let snapshot = input.snapshot;
    let is_worker = stem.len() < workload.name.len();
    let subject_matter = subject_matter(input, workload);
    own_hits(input, rule)
        .into_iter()
        .filter(|hit| {
            let speaker = snapshot.top_owner_of(&hit.about.object);
            let is_near = speaker.namespace.is_empty()
                || workload.namespace.is_empty()
                || speaker.namespace == workload.namespace;
            let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
            let is_named = names(line, &workload.name)
                || stem.len() >= 4 && names(line, stem)
                || is_worker && names(line, stem)
                || subject_matter.is_some_and(|word| names(line, word) || names(line, &format!("{word}s")));
            is_near && speaker != *workload && is_named
        })
        .collect()
}

/// What a worker works on, by the first word of its name: `label-printer` on labels. None where the word is short, or another workload
/// has it too.
fn subject_matter<'w>(input: &Input<'_>, workload: &'w Subject) -> Option<&'w str> {
    let (word, _) = workload
        .name
        .split_once(['-', '_'])
        .filter(|(word, _)| word.len() >= 5)?;
    let has_it = |name: &str| {
        name.split(['-', '_'])
            .any(|part| part.trim_end_matches('s') == word.trim_end_matches('s'))
    };
    let others = ["Deployment", "StatefulSet", "DaemonSet"]
        .into_iter()
        .flat_map(|kind| input.snapshot.kind(kind))
        .filter(|other| other.key.name != workload.name);
    (!others.into_iter().any(|other| has_it(&other.key.name))).then_some(word)
}

/// `mail-worker` works on `mail`.
fn stem(name: &str) -> &str {
    match name.rsplit_once(['-', '_']) {
        Some((before, role)) if ROLES.contains(&role) && before.len() >= 3 => before,
        _ => name,
    }
}

/// True when a line has the name as a word, whichever way its parts are joined.
fn names(line: &str, name: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '.'], "-");
    let (line, name) = (plain(line), plain(name));
    line.match_indices(&name).any(|(at, _)| {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|tail| tail.chars().next());
        !is_part(before) && !is_part(after)
    })
}

#[cfg(test)]
mod tests {
    use super::{names, stem};

    #[test]
    fn a_worker_is_called_after_its_queue() {
        assert_eq!(stem("mail-worker"), "mail");
        assert_eq!(stem("postprocess"), "postprocess");
        assert!(names("backlog: 11 tasks in queue order_mail", "order-mail"));
        assert!(!names("backlog: 11 tasks in queue airmail", "mail"));
    }
}
