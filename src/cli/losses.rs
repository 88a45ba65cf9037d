//! What of an archive could not be read, for whoever runs the program.

use crate::cluster::Snapshot;
use crate::model::{Problem, ProblemKind};

/// What of an archive could not be read, in one line. The report has the whole list among its gaps.
pub(super) fn loss(snapshot: &Snapshot) -> Option<String> {
    let problems = &snapshot.coverage.problems;
    let mut lost = problems.iter().filter_map(|problem| match problem.kind {
        ProblemKind::Damaged => Some(("damaged", problem)),
        ProblemKind::OverBudget => Some(("over the limits", problem)),
        _ => None,
    });
    let (word, first) = lost.next()?;
    let file = first
        .file
        .as_ref()
        .map(|file| format!(" at {file}"))
        .unwrap_or_default();
    let more = match lost.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!(
        "{}: {word}{file}: {}{more}; what could be read was analysed",
        snapshot.bundle.alias, first.detail
    ))
}

/// Everything that could not be read of an archive, a line each.
pub(super) fn all_losses(snapshot: &Snapshot) -> Vec<String> {
    let line = |problem: &Problem| {
        let file = problem.file.as_ref().map(|file| format!(" {file}")).unwrap_or_default();
        format!("{}:{file}: {}", snapshot.bundle.alias, problem.detail)
    };
    snapshot.coverage.problems.iter().map(line).collect()
}
