//! The report for other programs, in the formats that they already read.

pub(super) mod actions;
pub(super) mod junit;
pub(super) mod rows;
pub(super) mod sarif;

use crate::model::{Lang, Text, plain};
use crate::report::escape;
use crate::report::model::{EvidenceItem, PostMortem};

/// A text without code marks and with everything invisible made visible.
fn shown(text: &Text, lang: Lang) -> String {
    escape::visible(&plain(text.get(lang)))
}

/// `E7 bundle/file:12-14`, one for each of these ids that the report holds.
fn citations<'r>(report: &'r PostMortem, ids: &'r [String]) -> impl Iterator<Item = String> + 'r {
    evidence(report, ids).map(|item| {
        let place = match (&item.lines, &item.pointer) {
            (Some((first, last)), _) if first == last => format!(":{first}"),
            (Some((first, last)), _) => format!(":{first}-{last}"),
            (None, Some(pointer)) => format!("#{pointer}"),
            (None, None) => String::new(),
        };
        escape::visible(&format!("{} {}/{}{place}", item.id, item.bundle, item.file))
    })
}

/// The evidence behind these ids, in their order.
fn evidence<'r>(report: &'r PostMortem, ids: &'r [String]) -> impl Iterator<Item = &'r EvidenceItem> + 'r {
    ids.iter()
        .filter_map(|id| report.evidence.iter().find(|item| item.id == *id))
}
