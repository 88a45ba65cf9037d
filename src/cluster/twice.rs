//! Objects that a bundle has twice, word for word: `oc adm inspect` writes each pod into the list of its namespace and into a file of its
//! own (openshift/oc `pkg/cli/admin/inspect/namespace.go`), and half of the memory of a must-gather would be such copies.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::reader::Located;
use crate::bundle::decode::{Fact, ObjectFact};
use crate::model::at;

/// Where the first copy of each object stands among the facts.
#[derive(Default)]
pub(super) struct Firsts(HashMap<u64, usize>);

impl Firsts {
    /// True for an object that is among the facts already; any other is to be kept behind them.
    pub(super) fn has(&mut self, facts: &[Located], fact: &Fact) -> bool {
        let Fact::Object(object) = fact else { return false };
        let Some(version) = version(object) else { return false };
        match self.0.get(&version).and_then(|first| facts.get(*first)) {
            Some(Located {
                fact: Fact::Object(first),
                ..
            }) if first.form == object.form && first.value == object.value => true,
            Some(_) => false,
            None => {
                self.0.insert(version, facts.len());
                false
            }
        }
    }
}

/// What is the same for all copies of one state of an object, and for nothing else: its uid with its resource version.
fn version(object: &ObjectFact) -> Option<u64> {
    let text = |pointer| {
        at(&object.value, pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let mut hasher = DefaultHasher::new();
    text("/metadata/uid")?.hash(&mut hasher);
    text("/metadata/resourceVersion")?.hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::super::reading;

    fn pod(phase: &str) -> String {
        format!(
            "kind: Pod\napiVersion: v1\nmetadata: {{name: a, namespace: shop, uid: u-1, resourceVersion: '7'}}\nstatus: {{phase: {phase}}}\n"
        )
    }

    #[test]
    fn a_copy_counts_once_and_what_differs_is_looked_at() {
        let count = |files: &[(&str, &str)]| reading(files).coverage.read.get("pods").copied();
        let pod_runs = pod("Running");
        assert_eq!(count(&[("1.yaml", &pod_runs), ("2.yaml", &pod_runs)]), Some(1));
        assert_eq!(count(&[("1.yaml", &pod_runs), ("2.yaml", &pod("Failed"))]), Some(2));
    }
}
