//! What a path says of a file.

/// Whose log a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// A container's.
    Container {
        /// Namespace; empty when the path has none.
        namespace: String,
        /// Pod.
        pod: String,
        /// Container; empty when the path has none.
        container: String,
        /// True for the instance before the current one.
        previous: bool,
    },
    /// A component's, by its usual name: `kubelet`, `containerd`, `dockerd`, `crio`, `kube-proxy`, `system`…
    Component(&'static str),
    /// Nobody's: a file that is no log, though its name is like that of one.
    Nobody,
}

/// The machine a file belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodePlace {
    /// What all files of the machine have in common: the directory that holds them where there is one.
    pub directory: String,
    /// The name that the layout gives it; empty when it gives none.
    pub name: String,
}

/// What a path says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The machine.
    pub node: Option<NodePlace>,
    /// The log.
    pub log: Option<LogPlace>,
    /// What its producer documents to be here, where nothing else is known of the file: `output of ethtool -a eth0`.
    pub content: Option<String>,
}

impl Place {
    /// A container's log.
    pub(super) fn container(namespace: &str, pod: &str, container: &str, previous: bool) -> Self {
        Self {
            log: Some(LogPlace::Container {
                namespace: namespace.to_owned(),
                pod: pod.to_owned(),
                container: container.to_owned(),
                previous,
            }),
            ..Self::default()
        }
    }

    /// A component's log.
    pub(super) fn component(name: &'static str) -> Self {
        Self {
            log: Some(LogPlace::Component(name)),
            ..Self::default()
        }
    }

    /// A file of which its producer documents what it is.
    pub(super) fn holding(what: impl Into<String>) -> Self {
        Self {
            content: Some(what.into()),
            ..Self::default()
        }
    }

    /// A file of which its producer documents what it is, and that is no log though its name is like that of one.
    pub(super) fn no_log(what: impl Into<String>) -> Self {
        Self {
            log: Some(LogPlace::Nobody),
            ..Self::holding(what)
        }
    }

    /// The same on a machine.
    pub(super) fn on(mut self, directory: String, name: &str) -> Self {
        self.node = Some(NodePlace {
            directory,
            name: name.to_owned(),
        });
        self
    }
}
