//! The same log under several paths counts once: `/var/log/containers` repeats `/var/log/pods` where links were followed, and
//! Troubleshoot's collectors repeat each other's.

use std::collections::BTreeMap;

use crate::logs::{LogFile, Stream};
use crate::model::EntryPath;

/// Leaves out each log that repeats one before it on the same machine, and gives the paths of both. Without any time in it two logs may be alike by chance,
/// and both stay.
pub(super) fn fold_copies(
    logs: &mut Vec<LogFile>,
    machine: impl Fn(&EntryPath) -> String,
) -> BTreeMap<EntryPath, EntryPath> {
    let mut copies = BTreeMap::new();
    let mut places: BTreeMap<(u64, String, String), Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<LogFile> = Vec::new();
    for log in std::mem::take(logs) {
        if let (Some(first), Some(last)) = (&log.first_stamped, &log.last_stamped) {
            let alike = places.entry((log.lines, first.clone(), last.clone())).or_default();
            let mut before = alike.iter().filter_map(|&at| kept.get(at));
            if let Some(known) = before.find(|known| is_copy(known, &log, &machine)) {
                copies.insert(log.path, known.path.clone());
                continue;
            }
            alike.push(kept.len());
        }
        kept.push(log);
    }
    *logs = kept;
    copies
}

/// A container has one log; of components every machine has its own.
fn is_copy(a: &LogFile, b: &LogFile, machine: impl Fn(&EntryPath) -> String) -> bool {
    let is_of_machine = matches!(a.stream, Stream::Component(_));
    a.stream == b.stream
        && a.tail
            .iter()
            .map(|line| &line.text)
            .eq(b.tail.iter().map(|line| &line.text))
        && !(is_of_machine && machine(&a.path) != machine(&b.path))
}

#[cfg(test)]
mod tests {
    use super::super::{Treatment, reading};

    const LINES: &str = "2026-11-21T09:34:42Z stdout F a\n2026-11-21T09:34:43Z stdout F b\n";

    #[test]
    fn a_log_under_two_paths_counts_once() {
        let snapshot = reading(&[
            (
                "var/log/containers/web-0_shop_nginx-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.log",
                LINES,
            ),
            (
                "var/log/pods/shop_web-0_2f1c0b4e-6f0a-4c8e-9d53-0a7d1f5b9c11/nginx/0.log",
                LINES,
            ),
        ]);
        assert_eq!(snapshot.container_logs("shop", "web-0", "nginx").count(), 1);
        let treatments: Vec<_> = snapshot.coverage.files.iter().map(|file| &file.treatment).collect();
        assert!(
            matches!(treatments[..], [Treatment::Log, Treatment::Ignored(reason)] if reason.contains("var/log/containers/web-0")),
            "both are listed: {treatments:?}"
        );
    }

    #[test]
    fn logs_of_two_pods_or_machines_and_logs_without_times_stay() {
        let snapshot = reading(&[
            (
                "var/log/pods/shop_web-0_2f1c0b4e-6f0a-4c8e-9d53-0a7d1f5b9c11/nginx/0.log",
                LINES,
            ),
            (
                "var/log/pods/shop_web-1_2f1c0b4e-6f0a-4c8e-9d53-0a7d1f5b9c11/nginx/0.log",
                LINES,
            ),
            (
                "var/log/pods/shop_web-2_2f1c0b4e-6f0a-4c8e-9d53-0a7d1f5b9c11/nginx/0.log",
                "ready\n",
            ),
            (
                "var/log/pods/shop_web-2_2f1c0b4e-6f0a-4c8e-9d53-0a7d1f5b9c11/nginx/1.log",
                "ready\n",
            ),
            ("nodes/n1/kubelet.log", LINES),
            ("nodes/n2/kubelet.log", LINES),
        ]);
        assert_eq!(snapshot.logs.len(), 6);
    }
}
