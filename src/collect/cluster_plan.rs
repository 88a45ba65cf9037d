//! What a collection asks of the cluster's API.

use std::path::PathBuf;
use std::time::Duration;

/// How much of the cluster is read, and as whom.
#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// Where the address of the API server and the credentials come from.
    pub kubeconfigs: Kubeconfigs,
    /// The context of the kubeconfig; its current one by default.
    pub context: Option<String>,
    /// Take any certificate of the server: one that has expired is no reason to collect nothing.
    pub insecure: bool,
    /// Objects and logs of these namespaces only; all when empty. Objects without a namespace are always read.
    pub namespaces: Vec<String>,
    /// No lines of logs that are older.
    pub since: Option<Duration>,
    /// The logs of all containers from their beginning.
    pub all_logs: bool,
    /// Requests at a time.
    pub concurrency: usize,
}

/// Where kubeconfigs are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kubeconfigs {
    /// The cluster is not asked at all.
    Off,
    /// These files, merged, and nothing else.
    Named(Vec<PathBuf>),
    /// The usual places one after the other, until a server answers.
    Search {
        /// The user's own, usually `~/.kube/config`.
        own: Option<PathBuf>,
        /// The directory in which `rke up` may have left `kube_config_cluster.yml`.
        working_directory: Option<PathBuf>,
        /// Whether casefile runs in a pod, where the service account of the pod counts.
        in_cluster: bool,
    },
}

impl Default for ClusterPlan {
    fn default() -> Self {
        Self {
            kubeconfigs: Kubeconfigs::Off,
            context: None,
            insecure: false,
            namespaces: Vec::new(),
            since: None,
            all_logs: false,
            concurrency: 8,
        }
    }
}
