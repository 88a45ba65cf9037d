//! The display form of a report: words and rich text in one language, in the order of the chapters, for templates to arrange.

mod appendix;
mod causes;
mod checks;
mod details;
mod diagnosis;
mod excerpts;
mod findings;
mod hypotheses;
mod improvement;
mod overview;
mod page;
pub(super) mod plan;

pub(super) use page::page;
pub(super) use plan::{Part, Plan, limit};

/// Findings shown; the JSON report has them all.
pub(super) const MAX_FINDINGS: usize = 200;
