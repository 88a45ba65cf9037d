//! The odd one out among the nodes of one bundle: a setting in which one node differs from all others, which agree.

use std::collections::BTreeMap;

use crate::cluster::{Setting, Settings, Snapshot};
use crate::model::Citation;

/// A setting that is not the same on all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDifference {
    /// What is set.
    pub setting: Setting,
    /// The node that differs; none where there are only two, of which either may be the odd one.
    pub odd: Option<String>,
    /// The value on each node of which it is known, by the node's name; none where it is known not to be set.
    pub values: BTreeMap<String, Option<(String, Citation)>>,
}

/// The settings in which exactly one of three or more nodes differs from all others, or in which two nodes differ. Nodes of which a
/// setting is not known do not count for it. In order of setting.
pub fn odd_nodes(snapshot: &Snapshot) -> Vec<NodeDifference> {
    // One machine cannot be odd, and its settings are many.
    if snapshot.node_names().len() < 2 {
        return Vec::new();
    }
    let nodes = snapshot.settings_of_nodes();
    let mut names: Vec<&Setting> = nodes.values().flat_map(|settings| settings.values.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|setting| compare(&nodes, setting))
        .collect()
}

fn compare(nodes: &BTreeMap<String, Settings>, setting: &Setting) -> Option<NodeDifference> {
    let values: BTreeMap<String, Option<(String, Citation)>> = nodes
        .iter()
        .filter_map(|(node, settings)| match settings.values.get(setting) {
            Some((value, cite)) => Some((node.clone(), Some((value.clone(), cite.clone())))),
            None => settings.complete.contains(setting.datum).then(|| (node.clone(), None)),
        })
        .collect();
    let mut holders: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for (node, value) in &values {
        let value = value.as_ref().map(|(value, _)| value.as_str());
        holders.entry(value).or_default().push(node);
    }
    let odd = match (values.len(), holders.len()) {
        (2, 2) => None,
        (3.., 2) => Some(holders.values().find_map(|nodes| match nodes.as_slice() {
            [only] => Some((*only).to_owned()),
            _ => None,
        })?),
        _ => return None,
    };
    Some(NodeDifference {
        setting: setting.clone(),
        odd,
        values,
    })
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
