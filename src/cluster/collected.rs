//! Which logs a bundle has: a log that was read, and one that was collected and is empty, are both no gap.

use super::{Snapshot, Treatment};
use crate::bundle::layout::Detected;
use crate::logs::{Component, LogFile, Stream, component_of, stream_of};
use crate::model::EntryPath;

/// Counts every log as the data that it is.
pub(super) fn note_logs(snapshot: &mut Snapshot, detected: &Detected<'_>) {
    let read: Vec<&'static str> = snapshot
        .logs
        .iter()
        .flat_map(|log| data(&log.stream, &log.path))
        .collect();
    for datum in read {
        snapshot.coverage.note(datum, 1);
    }
    let mut empty = Vec::new();
    for file in &snapshot.coverage.files {
        let is_empty_log = file.treatment == Treatment::Empty && is_log_name(&file.path);
        if is_empty_log {
            let stream = match detected.place(&file.path).log {
                Some(place) => place.into(),
                None => stream_of(&file.path),
            };
            empty.extend(data(&stream, &file.path));
        }
    }
    for datum in empty.into_iter().filter(|datum| *datum != OTHER) {
        snapshot.coverage.note(datum, 0);
    }
}

const OTHER: &str = "other-text";

/// The data that a log is. A component that runs as a container is known by both names.
fn data(stream: &Stream, path: &EntryPath) -> Vec<&'static str> {
    match stream {
        Stream::Container(container) => {
            let component = component_of(container).map(Component::datum);
            std::iter::once("container-logs").chain(component).collect()
        }
        // The kernel's own messages tell nothing of the programs above it.
        Stream::Component(Component::System) if is_of_kernel(path) => vec!["kernel-log"],
        Stream::Component(component) => vec![component.datum()],
        Stream::Unknown => vec![OTHER],
    }
}

/// `dmesg.txt`, `dmesg_-T`, `kern.log`.
fn is_of_kernel(path: &EntryPath) -> bool {
    let name = path.file_name();
    ["dmesg", "kern.", "kern-", "kernel"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// A file that is empty is a log's where it is called so: an empty `kubelet.log`, and no empty `kubelet.conf`.
fn is_log_name(path: &EntryPath) -> bool {
    let name = path.file_name();
    [".log", ".log.txt", "-previous.txt"]
        .iter()
        .any(|end| name.ends_with(end))
        || path
            .components()
            .rev()
            .nth(1)
            .is_some_and(|folder| matches!(folder, "logs" | "journald" | "systemlogs"))
}

/// The logs that were read of a datum, such as `dockerd-log`.
pub fn logs_of<'s>(snapshot: &'s Snapshot, datum: &'s str) -> impl Iterator<Item = &'s LogFile> {
    let logs = snapshot.logs.iter();
    logs.filter(move |log| data(&log.stream, &log.path).contains(&datum))
}

/// The path of an empty log, where the log of a datum was collected so.
pub fn empty_log<'s>(snapshot: &'s Snapshot, datum: &str) -> Option<&'s EntryPath> {
    let files = snapshot.coverage.files.iter();
    let mut empty = files.filter(|file| file.treatment == Treatment::Empty && is_log_name(&file.path));
    let is_it = |path: &EntryPath| data(&stream_of(path), path).contains(&datum);
    empty.find(|file| is_it(&file.path)).map(|file| &file.path)
}

#[cfg(test)]
mod tests {
    use super::super::reading;

    #[test]
    fn logs_are_collected_by_what_they_are_and_empty_ones_too() {
        let snapshot = reading(&[
            ("nodes/n1/logs/kubelet.log", ""),
            (
                "nodes/n1/logs/containerd.log",
                "time=\"2026-11-21T10:00:00Z\" level=info msg=ready\n",
            ),
            (
                "nodes/n1/logs/kube-scheduler.log",
                "I1121 10:00:00.000001       1 x.go:1] started\n",
            ),
            ("nodes/n1/dmesg.txt", "[    0.000000] Linux version 6.1\n"),
            ("nodes/n1/etc/kubelet.conf", ""),
        ]);
        let read = |datum: &str| snapshot.coverage.read.get(datum).copied();
        assert_eq!(read("kubelet-log"), Some(0));
        assert_eq!(read("containerd-log"), Some(1));
        assert_eq!(read("kube-scheduler-log"), Some(1));
        assert_eq!(read("kernel-log"), Some(1));
        assert_eq!((read("system-log"), read("etcd-log")), (None, None));
    }

    #[test]
    fn an_empty_list_is_a_list_of_what_its_file_is_called() {
        let list = "apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: \"\"\n";
        let json = "{\"apiVersion\": \"v1\", \"items\": [], \"kind\": \"List\"}\n";
        let snapshot = reading(&[
            ("b/resources/networkpolicies.yaml", list),
            ("b/kubectl_get_pvc_-A.yaml", list),
            ("b/kubectl-get-ingresses.json", json),
            (
                "b/kubectl_get_statefulsets_-n_shop.txt",
                "No resources found in shop namespace.\n",
            ),
            ("b/notes.yaml", list),
        ]);
        for datum in ["networkpolicies", "persistentvolumeclaims", "ingresses", "statefulsets"] {
            assert_eq!(snapshot.coverage.read.get(datum), Some(&0), "{datum}");
        }
        let lists = snapshot.coverage.read.values().filter(|count| **count == 0);
        assert_eq!(lists.count(), 4, "{:?}", snapshot.coverage.read);
    }
}
