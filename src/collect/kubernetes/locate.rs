//! Where the address of the API server and the credentials come from.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};

use super::error::explain;
use crate::collect::root::HostRoot;
use crate::collect::{ClusterPlan, Kubeconfigs};

/// Kubeconfigs that installers leave on a control plane: kubeadm's, RKE2's, k3s's (docs.rke2.io/cluster_access, docs.k3s.io/cluster-access,
/// kubernetes.io/docs/setup/production-environment/tools/kubeadm/create-cluster-kubeadm), then a kubelet's, who may read little.
const INSTALLED: &[&str] = &[
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/super-admin.conf",
    "/etc/rancher/rke2/rke2.yaml",
    "/etc/rancher/k3s/k3s.yaml",
    "/root/.kube/config",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
    "/etc/kubernetes/ssl/kubecfg-kube-node.yaml",
];

/// What `rke up` writes beside its `cluster.yml` (rke.docs.rancher.com/kubeconfig).
const RKE1: &str = "kube_config_cluster.yml";

/// One place that may give access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Candidate {
    /// Files, which are merged as kubectl does.
    Files(Vec<PathBuf>),
    /// The service account of the pod in which casefile runs.
    ServiceAccount,
}

impl Candidate {
    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Files(files) => files
                .iter()
                .map(|file| file.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
            Self::ServiceAccount => "the service account of this pod".into(),
        }
    }
}

/// The places that exist, in the order in which they are tried; one that the user named need not exist, its absence is an answer.
pub(super) fn candidates(plan: &ClusterPlan, host: &HostRoot) -> Vec<Candidate> {
    let (own, working_directory, in_cluster) = match &plan.kubeconfigs {
        Kubeconfigs::Off => return Vec::new(),
        Kubeconfigs::Named(files) => return vec![Candidate::Files(files.clone())],
        Kubeconfigs::Search {
            own,
            working_directory,
            in_cluster,
        } => (own, working_directory, *in_cluster),
    };
    let mut found = Vec::new();
    // The user's own files are about clusters of the user, not of a root that is mounted somewhere.
    let own = own.as_ref().filter(|_| host.is_live());
    let existing = |path: &Path| path.is_file().then(|| Candidate::Files(vec![path.to_path_buf()]));
    found.extend(own.and_then(|path| existing(path)));
    found.extend(in_cluster.then_some(Candidate::ServiceAccount));
    for path in INSTALLED {
        let Ok(path) = host.resolve(path) else { continue };
        found.extend(existing(&path));
    }
    let beside = working_directory.as_ref().map(|folder| folder.join(RKE1));
    found.extend(beside.as_deref().and_then(existing));
    let mut once: Vec<Candidate> = Vec::new();
    for candidate in found {
        if !once.contains(&candidate) {
            once.push(candidate);
        }
    }
    once
}

/// The places that a search looks at, for `--dry-run` and for whoever has none of them.
pub(super) fn places(plan: &ClusterPlan) -> Vec<String> {
    match &plan.kubeconfigs {
        Kubeconfigs::Off => Vec::new(),
        Kubeconfigs::Named(files) => files.iter().map(|file| file.display().to_string()).collect(),
        Kubeconfigs::Search {
            own, working_directory, ..
        } => {
            let own = own.iter().map(|path| path.display().to_string());
            let beside = working_directory.iter().map(|_| format!("./{RKE1}"));
            let installed = INSTALLED.iter().map(|path| (*path).to_owned());
            let mut places: Vec<String> = own.chain(installed).chain(beside).collect();
            let mut once = BTreeSet::new();
            places.retain(|place| once.insert(place.clone()));
            places
        }
    }
}

/// Reads a candidate. The error says what is wrong with it, without its name.
pub(super) async fn load(candidate: &Candidate, plan: &ClusterPlan) -> Result<Config, String> {
    let mut config = match candidate {
        Candidate::ServiceAccount => Config::incluster_env().map_err(|error| explain(&error))?,
        Candidate::Files(files) => {
            let mut merged = Kubeconfig::default();
            for file in files {
                // kube's own words for a file that cannot be read repeat its name; the system's are enough.
                fs::metadata(file).map_err(|error| error.to_string())?;
                let one = Kubeconfig::read_from(file).map_err(|error| explain(&error))?;
                merged = merged.merge(one).map_err(|error| explain(&error))?;
            }
            let options = KubeConfigOptions {
                context: plan.context.clone(),
                ..KubeConfigOptions::default()
            };
            Config::from_custom_kubeconfig(merged, &options)
                .await
                .map_err(|error| explain(&error))?
        }
    };
    // casefile tries again by its own rules, and records it.
    config.default_retry = false;
    config.accept_invalid_certs |= plan.insecure;
    let needs_none = config.accept_invalid_certs || config.cluster_url.scheme_str() == Some("http");
    if needs_none && config.root_cert.is_none() {
        // Else the system's authorities are loaded, and a machine that has none could not even be insecure.
        config.root_cert = Some(Vec::new());
    }
    if let Some(exec) = &mut config.auth_info.exec {
        // Nobody may be there to answer a plugin's question.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searching() -> ClusterPlan {
        ClusterPlan {
            kubeconfigs: Kubeconfigs::Search {
                own: Some("/home/u/.kube/config".into()),
                working_directory: None,
                in_cluster: false,
            },
            ..ClusterPlan::default()
        }
    }

    #[test]
    fn a_mounted_root_gives_its_installers_kubeconfigs_and_not_the_users_own() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["etc/rancher/k3s/k3s.yaml", "etc/kubernetes/admin.conf"] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "apiVersion: v1\n").unwrap();
        }
        let host = HostRoot::new(dir.path().to_path_buf());
        let names: Vec<String> = candidates(&searching(), &host).iter().map(Candidate::name).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names[0].ends_with("etc/kubernetes/admin.conf"));
        assert!(names[1].ends_with("etc/rancher/k3s/k3s.yaml"));
    }

    #[test]
    fn a_named_kubeconfig_is_the_only_candidate_even_when_it_is_missing() {
        let plan = ClusterPlan {
            kubeconfigs: Kubeconfigs::Named(vec!["/no/such/file".into()]),
            ..ClusterPlan::default()
        };
        let host = HostRoot::new("/".into());
        assert_eq!(
            candidates(&plan, &host),
            [Candidate::Files(vec!["/no/such/file".into()])]
        );
    }

    #[test]
    fn a_broken_kubeconfig_is_described_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        fs::write(
            &file,
            "users:\n- name: u\n  user: {token: planted-token-0123456789, bad: [}\n",
        )
        .unwrap();
        let plan = searching();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime
            .block_on(load(&Candidate::Files(vec![file]), &plan))
            .unwrap_err();
        assert!(!error.contains("planted"), "{error}");
    }
}
