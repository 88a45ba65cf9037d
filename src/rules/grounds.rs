//! On what ground two findings may be joined as cause and effect.

use serde::Deserialize;

use crate::model::Subject;

/// What a cause and its effect have to share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// The same pod.
    Pod,
    /// The same top owner.
    Workload,
    /// The same node or host.
    Node,
    /// The same namespace.
    Namespace,
    /// The same registry.
    Registry,
    /// The same Service.
    Service,
    /// The same volume claim.
    Claim,
    /// The same object of any kind.
    Object,
    /// The same cluster: every two findings of one bundle share it.
    Cluster,
}

/// One thing that a finding touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Touch {
    /// The ground on which it can be joined.
    pub ground: Ground,
    /// What is touched: `namespace/name`, a node, a registry.
    pub key: String,
}

impl Touch {
    /// A touch.
    pub fn new(ground: Ground, key: impl Into<String>) -> Self {
        Self {
            ground,
            key: key.into(),
        }
    }

    /// What a subject touches by itself.
    pub fn of(subject: &Subject) -> Vec<Self> {
        let named = format!("{}/{}", subject.namespace, subject.name);
        let mut touches = vec![
            Self::new(Ground::Object, format!("{}/{named}", subject.kind)),
            Self::new(Ground::Cluster, ""),
        ];
        match subject.kind.as_str() {
            "Pod" => touches.push(Self::new(Ground::Pod, named)),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob" | "ReplicationController" => {
                touches.push(Self::new(Ground::Workload, format!("{}/{named}", subject.kind)));
            }
            "Registry" => touches.push(Self::new(Ground::Registry, &subject.name)),
            "Service" => touches.push(Self::new(Ground::Service, named)),
            "PersistentVolumeClaim" => touches.push(Self::new(Ground::Claim, named)),
            "Namespace" => touches.push(Self::new(Ground::Namespace, &subject.name)),
            _ => {}
        }
        if !subject.namespace.is_empty() {
            touches.push(Self::new(Ground::Namespace, &subject.namespace));
        }
        if !subject.node.is_empty() {
            touches.push(Self::new(Ground::Node, &subject.node));
        }
        touches
    }
}
