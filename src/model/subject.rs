//! What a finding is about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The thing a person would fix. Unused fields are empty strings.
///
/// `kind` is the API kind, or one of `Registry`, `HostContainer`, `File`, `Certificate`, `EtcdMember`. `name` is bare.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// API kind or one of the kinds that only casefile knows.
    pub kind: String,
    /// Namespace; empty for what has none.
    #[serde(default)]
    pub namespace: String,
    /// Bare name.
    pub name: String,
    /// Node, where the subject lives on one.
    #[serde(default)]
    pub node: String,
}

impl Subject {
    /// A namespaced object.
    pub fn namespaced(kind: impl Into<String>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into(), node: String::new() }
    }

    /// A cluster-scoped object, a registry, or anything else with neither namespace nor node.
    pub fn cluster(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self::namespaced(kind, "", name)
    }

    /// A node.
    pub fn node(name: &str) -> Self {
        Self { kind: "Node".into(), namespace: String::new(), name: name.into(), node: name.into() }
    }

    /// A thing on a node: a container, a file, a certificate, an etcd member.
    pub fn on_node(kind: impl Into<String>, name: impl Into<String>, node: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: String::new(), name: name.into(), node: node.into() }
    }
}

impl fmt::Display for Subject {
    /// `Deployment shop/checkout`, `Node node-1`, `HostContainer share-mnt@vm`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)?;
        if !self.node.is_empty() && self.node != self.name {
            write!(f, "@{}", self.node)?;
        }
        Ok(())
    }
}
