//! The lines that kubectl prints in place of an answer: an empty listing, or an error.
//!
//! Sources: `k8s.io/kubectl/pkg/cmd/get/get.go` (`No resources found`), `k8s.io/kubectl/pkg/cmd/util/helpers.go` (`Error from server`, `error:`,
//! `Unable to connect to the server`, `The connection to the server … was refused`).

use super::super::{Fact, Section, TextFile};
use super::hint::{Hint, prompt_command};
use crate::model::{Problem, ProblemKind};

/// Beginnings that are kubectl's (or its container's) wherever they stand.
const SURE: &[&str] = &[
    "Error from server (",
    "Error from server: ",
    "Unable to connect to the server: ",
    "The connection to the server ",
    "Error in configuration: ",
    "error: the server doesn't have a resource type",
    "error: You must be logged in to the server",
    "error: no configuration has been provided",
    "error: Metrics API not available",
    "error: unable to upgrade connection",
    "OCI runtime exec failed: ",
];

/// Decodes one message line, or declines.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start).trim_end();
    let mut section = Section {
        end: start + 1,
        also_log: true,
        ..Section::default()
    };
    if let Some(rest) = line.strip_prefix("No resources found") {
        let hint = Hint::above(file, start);
        let namespace = match rest.trim().trim_end_matches('.') {
            "" => hint.namespace_for(&hint.kind).to_owned(),
            rest => rest.strip_prefix("in ")?.strip_suffix(" namespace")?.trim().to_owned(),
        };
        section.also_log = false;
        section.facts.push(Fact::EmptyListing {
            kind: hint.kind,
            namespace,
            cite: file.cite(start),
        });
        return Some(section);
    }
    if SURE.iter().any(|begin| line.starts_with(begin))
        || (line.starts_with("error: ") && answers_a_command(file, start))
    {
        section
            .problems
            .push(Problem::file(file.path, ProblemKind::CollectorError, line).at_line(start as u64 + 1));
        return Some(section);
    }
    None
}

/// A plain `error: …` may be any program's; it is kubectl's where it answers a kubectl prompt or is all that the file says.
fn answers_a_command(file: &TextFile<'_>, start: usize) -> bool {
    let alone = file
        .lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .nth(1)
        .is_none();
    alone
        || start
            .checked_sub(1)
            .is_some_and(|above| prompt_command(file.line(above).trim()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::kubectl::testing::{named, text};

    #[test]
    fn an_empty_listing_is_a_fact() {
        let section = named("kubectl-get-secrets.txt", "No resources found in shop namespace.\n").decode(decode);
        let [Fact::EmptyListing { kind, namespace, .. }] = section.facts.as_slice() else {
            panic!("{section:?}")
        };
        assert_eq!((kind.as_str(), namespace.as_str()), ("Secret", "shop"));

        let section = text("$ kubectl get netpol -n shop\nNo resources found.\r\n").decode(decode);
        let [Fact::EmptyListing { kind, namespace, .. }] = section.facts.as_slice() else {
            panic!("{section:?}")
        };
        assert_eq!((kind.as_str(), namespace.as_str()), ("NetworkPolicy", "shop"));
    }

    #[test]
    fn an_error_in_place_of_an_answer_is_a_problem() {
        let line = "Error from server (Forbidden): pods is forbidden: User \"dev\" cannot list resource \"pods\"";
        let section = text(&format!("\n{line}\n")).decode(decode);
        let [problem] = section.problems.as_slice() else {
            panic!("{section:?}")
        };
        assert_eq!(
            (problem.kind, problem.line, problem.detail.as_str()),
            (ProblemKind::CollectorError, Some(2), line)
        );
        assert_eq!(
            text("$ kubectl get foo\nerror: unknown flag: --x\n")
                .decode(decode)
                .problems
                .len(),
            1
        );
    }

    #[test]
    fn the_log_of_a_program_is_declined() {
        let section = text("starting\nerror: no route to host\nNo resources found on disk\n").decode(decode);
        assert!(section.problems.is_empty() && section.facts.is_empty());
    }
}
