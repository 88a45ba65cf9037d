//! The odd ones out among the nodes of one bundle: a setting in which some nodes differ from what at least two thirds agree on.

use std::collections::{BTreeMap, BTreeSet};

use super::planes::control_plane_nodes;
use crate::cluster::{Setting, Settings, Snapshot};
use crate::model::Citation;

/// Nodes of one role that are compared with each other alone; so many agree or do not.
pub(super) const FEWEST: usize = 3;
/// What follows from the role of a node and is compared with nodes of another role by nobody.
const OF_ROLES: [&str; 3] = ["capacity", "label", "taint"];

/// What is known of a setting on a node; none where it is known not to be set.
pub type Value = Option<(String, Citation)>;

/// A setting that is not the same on all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDifference {
    /// What is set.
    pub setting: Setting,
    /// The node that differs; none where there are only two, of which either may be the odd one.
    pub odd: Option<String>,
    /// The value on that node and on those that agree with each other, or on both of two, by the node's name.
    pub values: BTreeMap<String, Value>,
}

/// The settings in which a node differs from those that agree, or in which two nodes differ. Nodes of which a setting is not known do
/// not count for it. In order of setting.
pub fn odd_nodes(snapshot: &Snapshot) -> Vec<NodeDifference> {
    // One machine cannot be odd, and its settings are many.
    if snapshot.node_names().len() < 2 {
        return Vec::new();
    }
    let planes: BTreeSet<&str> = control_plane_nodes(snapshot)
        .iter()
        .map(|node| node.key.name.as_str())
        .collect();
    let nodes = snapshot.settings_of_nodes();
    let mut names: Vec<&Setting> = nodes.values().flat_map(|settings| settings.values.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .flat_map(|setting| compare(&nodes, &planes, setting))
        .collect()
}

/// The value that at least two thirds of three or more agree on.
pub fn most<'v, T: Ord + ?Sized + 'v>(values: impl Iterator<Item = &'v T>) -> Option<&'v T> {
    let mut counted: BTreeMap<&T, usize> = BTreeMap::new();
    for value in values {
        *counted.entry(value).or_default() += 1;
    }
    let all: usize = counted.values().sum();
    let (value, count) = counted.into_iter().max_by_key(|(_, count)| *count)?;
    (all >= FEWEST && count * 3 >= all * 2).then_some(value)
}

fn compare(nodes: &BTreeMap<String, Settings>, planes: &BTreeSet<&str>, setting: &Setting) -> Vec<NodeDifference> {
    let values: BTreeMap<&String, Value> = nodes
        .iter()
        .filter_map(|(node, settings)| match settings.values.get(setting) {
            Some((value, cite)) => Some((node, Some((value.clone(), cite.clone())))),
            None => settings.complete.contains(setting.datum).then_some((node, None)),
        })
        .collect();
    let difference = |odd: Option<&String>, of: &BTreeMap<&String, Value>| NodeDifference {
        setting: setting.clone(),
        odd: odd.cloned(),
        values: of
            .iter()
            .map(|(node, value)| ((*node).clone(), value.clone()))
            .collect(),
    };
    let is_plane = |node: &String| planes.contains(node.as_str());
    let is_of_role = OF_ROLES.contains(&setting.datum);
    if values.len() == 2 {
        let mut both = values.iter();
        let (Some((first, one)), Some((second, other))) = (both.next(), both.next()) else {
            return Vec::new();
        };
        let differ = text(one) != text(other) && !(is_of_role && is_plane(first) != is_plane(second));
        return differ.then(|| difference(None, &values)).into_iter().collect();
    }
    let mut found = Vec::new();
    for of_plane in [true, false] {
        let own: BTreeMap<&String, Value> = values
            .iter()
            .filter(|(node, _)| is_plane(node) == of_plane)
            .map(|(node, value)| (*node, value.clone()))
            .collect();
        let few = own.len() < FEWEST;
        if few && is_of_role && own.len() < values.len() {
            continue;
        }
        // One node of the control plane is still a machine like the others.
        let peers = if few { &values } else { &own };
        let texts: Vec<Option<&str>> = peers.values().map(text).collect();
        let Some(agreed) = most(texts.iter()) else { continue };
        for (node, _) in own.iter().filter(|(_, value)| text(value) != *agreed) {
            let mut shown = peers.clone();
            shown.retain(|other, value| other == node || text(value) == *agreed);
            found.push(difference(Some(node), &shown));
        }
    }
    found
}

fn text(value: &Value) -> Option<&str> {
    value.as_ref().map(|(value, _)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    fn found(nodes: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let files: Vec<(String, String)> = nodes
            .iter()
            .map(|(name, forward)| {
                let sysctl = format!(
                    "net.ipv4.ip_forward = {forward}\nvm.swappiness = 60\nkernel.hostname = {name}\nkernel.panic = 10\n"
                );
                (format!("nodes/{name}/sysctl.txt"), sysctl)
            })
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let snapshot = reading(&files);
        let named = odd_nodes(&snapshot).into_iter();
        named.map(|found| (found.setting.name, found.odd)).collect()
    }

    #[test]
    fn one_of_three_is_odd() {
        assert_eq!(
            found(&[("n1", "1"), ("n2", "0"), ("n3", "1")]),
            [("net.ipv4.ip_forward".to_owned(), Some("n2".to_owned()))]
        );
    }

    #[test]
    fn what_two_thirds_agree_on_shows_all_that_differ() {
        let odd = |name: &str| ("net.ipv4.ip_forward".to_owned(), Some(name.to_owned()));
        let four = [("n1", "1"), ("n2", "1"), ("n3", "1"), ("n4", "1")];
        for (one, other) in [("0", "0"), ("0", "2")] {
            let nodes = [four.as_slice(), &[("n5", one), ("n6", other)]].concat();
            assert_eq!(found(&nodes), [odd("n5"), odd("n6")]);
        }
    }

    #[test]
    fn nodes_are_compared_with_those_of_their_role() {
        let node = |name: &str, plane: bool| {
            let (label, taint) = if plane {
                (
                    r#""node-role.kubernetes.io/control-plane":"""#,
                    r#"{"key":"node-role.kubernetes.io/control-plane","effect":"NoSchedule"}"#,
                )
            } else {
                ("", "")
            };
            format!(
                r#"{{"kind":"Node","apiVersion":"v1","metadata":{{"name":"{name}","labels":{{{label}}}}},"spec":{{"taints":[{taint}]}}}}"#
            )
        };
        let of = |name: &str, count: &str| {
            (
                format!("nodes/{name}/sysctl.txt"),
                format!("net.core.somaxconn = {count}\nkernel.hostname = {name}\nkernel.panic = 10\n"),
            )
        };
        let mut files: Vec<(String, String)> = vec![("cp1.json".to_owned(), node("cp1", true)), of("cp1", "65530")];
        for (name, count) in [("w1", "4096"), ("w2", "4096"), ("w3", "128"), ("w4", "4096")] {
            files.extend([(format!("{name}.json"), node(name, false)), of(name, count)]);
        }
        let odd = |files: &[(String, String)]| -> Vec<(String, Option<String>)> {
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|(path, text)| (path.as_str(), text.as_str()))
                .collect();
            odd_nodes(&reading(&files))
                .into_iter()
                .map(|found| (found.setting.name, found.odd))
                .collect()
        };
        let somaxconn = |node: &str| ("net.core.somaxconn".to_owned(), Some(node.to_owned()));
        // A lonely control plane has its own labels and taints, and the kernel of a machine like others.
        assert_eq!(odd(&files), [somaxconn("w3")]);
        for name in ["cp2", "cp3"] {
            files.extend([(format!("{name}.json"), node(name, true)), of(name, "65530")]);
        }
        assert_eq!(odd(&files), [somaxconn("w3")]);
    }

    #[test]
    fn two_that_differ_are_shown_without_a_verdict() {
        assert_eq!(
            found(&[("n1", "1"), ("n2", "0")]),
            [("net.ipv4.ip_forward".to_owned(), None)]
        );
    }

    #[test]
    fn where_nobody_agrees_or_two_stand_against_two_none_is_odd() {
        assert_eq!(found(&[("n1", "1"), ("n2", "0"), ("n3", "2")]), []);
        assert_eq!(found(&[("n1", "1"), ("n2", "0"), ("n3", "1"), ("n4", "0")]), []);
        assert_eq!(found(&[("n1", "1"), ("n2", "1"), ("n3", "1")]), []);
    }
}
