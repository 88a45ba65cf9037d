//! Kinds that users' rules name: one that nobody knows may be a custom resource, or a slip.

use super::said::said;
use super::{Rule, RuleHeader};
use crate::bundle::decode::{known_kind, known_kinds};
use crate::model::Text;

/// A remark on each kind of a rule that reads like a slip of one that Kubernetes has, or that another rule names.
pub(super) fn remarks(rule: &Rule, others: &[Rule]) -> Vec<Text> {
    let named: Vec<&str> = others.iter().flat_map(|rule| kinds_met(&rule.header)).collect();
    let is_known = |kind: &str| known_kinds().any(|known| known == kind) || named.contains(&kind);
    let mut remarks = Vec::new();
    for kind in own_kinds(&rule.header).into_iter().filter(|kind| !is_known(kind)) {
        if let Some(near) = near(kind) {
            let remark = said(
                "near-kind",
                &[("place", rule.place.as_str()), ("kind", kind), ("near", near)],
            );
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
    }
    remarks
}

/// The kinds that a rule's conditions are about.
fn own_kinds(header: &RuleHeader) -> Vec<&str> {
    let objects = header.objects.iter();
    let beside = objects
        .clone()
        .flat_map(|test| test.besides())
        .map(|(beside, _)| &beside.kind);
    let mut kinds: Vec<&str> = objects
        .map(|test| &test.kind)
        .chain(beside)
        .map(String::as_str)
        .collect();
    kinds.extend(kinds_met(header));
    kinds
}

fn kinds_met(header: &RuleHeader) -> impl Iterator<Item = &str> {
    header.meets.iter().flat_map(|meets| &meets.kinds).map(String::as_str)
}

/// The kind that was meant: by a word of `kubectl`, or by a letter or two that differ.
fn near(kind: &str) -> Option<&'static str> {
    let lower = kind.to_ascii_lowercase();
    if let Some(known) = known_kind(&lower) {
        return Some(known);
    }
    let slips = if kind.len() < 6 { 1 } else { 2 };
    known_kinds()
        .map(|known| (strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase()), known))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_slip_is_told_from_a_custom_resource() {
        for (kind, meant) in [
            ("Deploymnet", Some("Deployment")),
            ("deployments", Some("Deployment")),
            ("Ingres", Some("Ingress")),
            ("VirtualService", None),
            ("Certificate", None),
            ("Kafka", None),
        ] {
            assert_eq!(near(kind), meant, "{kind}");
        }
    }
}
