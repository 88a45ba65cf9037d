//! The options of `casefile collect` about the cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::narrow::parse_duration;
use crate::collect::{ClusterPlan, Kubeconfigs};

/// Which cluster, as whom, and how much of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterArgs {
    /// The kubeconfig [default: KUBECONFIG, else ~/.kube/config, the pod's service account, and those that kubeadm, RKE2, k3s and
    /// RKE1 leave on a node, until a server answers]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Collect the host only
    #[arg(long, conflicts_with_all = ["kubeconfig", "context"])]
    no_cluster: bool,
    /// Take any certificate of the server, even one that has expired
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Objects and logs of these namespaces only; repeat it or separate by commas
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    namespace: Vec<String>,
    /// Only the lines of container logs that are younger, for instance 90m, 12h or 3d
    #[arg(long, value_name = "TIME", value_parser = parse_age)]
    since: Option<Duration>,
    /// The logs of all containers from their beginning, as far as --max-size allows
    #[arg(long)]
    all_logs: bool,
    /// Requests to the API at a time, and nodes of --nodes at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
}

/// What the options and the environment ask for.
pub(super) fn plan(args: &ClusterArgs) -> ClusterPlan {
    let variable = || {
        let paths = std::env::var_os("KUBECONFIG")?;
        let files: Vec<PathBuf> = std::env::split_paths(&paths)
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        (!files.is_empty()).then_some(Kubeconfigs::Named(files))
    };
    let search = || Kubeconfigs::Search {
        own: std::env::home_dir().map(|home| home.join(".kube/config")),
        working_directory: std::env::current_dir().ok(),
        in_cluster: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
    };
    let kubeconfigs = match &args.kubeconfig {
        _ if args.no_cluster => Kubeconfigs::Off,
        Some(file) => Kubeconfigs::Named(vec![file.clone()]),
        None => variable().unwrap_or_else(search),
    };
    ClusterPlan {
        kubeconfigs,
        context: args.context.clone(),
        insecure: args.insecure_skip_tls_verify,
        namespaces: args.namespace.clone(),
        since: args.since,
        all_logs: args.all_logs,
        concurrency: usize::from(args.concurrency),
    }
}

/// `90m`, `12h`, `1d12h`.
fn parse_age(text: &str) -> Result<Duration, String> {
    match parse_duration(text).and_then(|age| Duration::try_from(age).ok()) {
        Some(age) if !age.is_zero() => Ok(age),
        _ => Err(format!("`{text}` is no age; write for instance 90m, 12h or 3d")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_longer_than_nothing() {
        assert_eq!(parse_age("1d12h"), Ok(Duration::from_secs(129_600)));
        for text in ["", "12", "0h", "-1h", "99999999999999999999d", "1节"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }
}
