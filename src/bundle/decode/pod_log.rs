//! The log blocks of `kubectl cluster-info dump`.
//!
//! Source of the markers: kubernetes/kubectl `pkg/cmd/clusterinfo/clusterinfo_dump.go`:
//! `==== START logs for container %s of pod %s/%s ====`.

use super::{Decoder, Fact, LogSection, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// One block between its START and END markers.
pub(super) const DECODER: Decoder = Decoder {
    name: "cluster-info dump log",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let head = file
        .line(start)
        .strip_prefix("==== START logs for container ")?
        .strip_suffix(" ====")?;
    let (container, pod) = head.split_once(" of pod ")?;
    let (namespace, pod) = pod.split_once('/')?;
    let closing = format!("==== END logs for container {container} of pod {namespace}/{pod} ====");
    let found = (start + 1..file.lines.len()).find(|&index| file.line(index) == closing);
    let log_end = found.unwrap_or(file.lines.len());
    let section = LogSection {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous: false,
        first: start + 1,
        end: log_end,
    };
    let mut problems = Vec::new();
    if found.is_none() {
        problems.push(
            Problem::file(file.path, ProblemKind::Truncated, "the log block has no END marker")
                .at_line(start as u64 + 1),
        );
    }
    let end = found.map_or(log_end, |index| index + 1);
    Some(Section {
        end,
        facts: vec![Fact::LogSection(section)],
        problems,
        also_log: false,
    })
}
