//! Where the address of the API server and the credentials come from.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};

use super::error::explain;
use crate::collect::root::HostRoot;
use crate::collect::{ClusterPlan, CollectError, Kubeconfigs};

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
    /// A file that anybody may have put there: it may name a server, but no program to run.
    Stranger(PathBuf),
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
            Self::Stranger(file) => file.display().to_string(),
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
        // Who mounts a disk somewhere means to read it, not to run what it names.
        let trusted = |files: Candidate| {
            if host.is_live() {
                files
            } else {
                Candidate::Stranger(path.clone())
            }
        };
        found.extend(existing(&path).map(trusted));
    }
    let beside = working_directory.as_ref().map(|folder| folder.join(RKE1));
    found.extend(beside.filter(|path| path.is_file()).map(Candidate::Stranger));
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

/// What is wrong with the kubeconfig that somebody named, before anything is asked. The host is collected all the same.
pub(crate) fn known_gaps(plan: &ClusterPlan) -> Result<Vec<String>, CollectError> {
    let Kubeconfigs::Named(files) = &plan.kubeconfigs else {
        return Ok(Vec::new());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(CollectError::Runtime)?;
    let named = Candidate::Files(files.clone());
    let wrong = runtime.block_on(load(&named, plan)).err();
    Ok(wrong
        .map(|why| {
            let name = named.name();
            format!("no cluster can be collected through {name}: {why}; name another --kubeconfig or --context, or give --no-cluster")
        })
        .into_iter()
        .collect())
}

/// A server that a kubeconfig names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its URL.
    pub(crate) url: String,
    /// The certificates of its authority in PEM; empty where the kubeconfig has none.
    pub(crate) authority: Vec<u8>,
    /// True where the kubeconfig says that its certificate is not to be verified.
    pub(crate) is_unverified: bool,
    /// The kubeconfig.
    pub(crate) file: PathBuf,
}

/// The servers that kubeconfigs name: those that give a collection access, and `others`.
pub(crate) fn servers(plan: &ClusterPlan, host: &HostRoot, others: Vec<PathBuf>) -> Vec<Server> {
    let candidates = candidates(plan, host);
    let files = candidates.iter().flat_map(|candidate| match candidate {
        Candidate::Files(files) => files.as_slice(),
        Candidate::Stranger(file) => std::slice::from_ref(file),
        Candidate::ServiceAccount => &[],
    });
    let mut files: Vec<PathBuf> = files.cloned().collect();
    for other in others {
        if !files.contains(&other) {
            files.push(other);
        }
    }
    files.into_iter().flat_map(servers_in).collect()
}

fn servers_in(file: PathBuf) -> Vec<Server> {
    let Ok(config) = Kubeconfig::read_from(&file) else {
        return Vec::new();
    };
    let clusters = config.clusters.into_iter().filter_map(|named| named.cluster);
    let servers = clusters.filter_map(|cluster| {
        let written = cluster
            .certificate_authority_data
            .and_then(|data| STANDARD.decode(data).ok());
        let read = || cluster.certificate_authority.and_then(|path| fs::read(path).ok());
        Some(Server {
            url: cluster.server?,
            authority: written.or_else(read).unwrap_or_default(),
            is_unverified: cluster.insecure_skip_tls_verify == Some(true),
            file: file.clone(),
        })
    });
    servers.collect()
}

/// Reads a candidate. The error says what is wrong with it, without its name.
pub(super) async fn load(candidate: &Candidate, plan: &ClusterPlan) -> Result<Config, String> {
    let mut config = match candidate {
        Candidate::ServiceAccount => Config::incluster_env().map_err(|error| explain(&error))?,
        Candidate::Files(_) | Candidate::Stranger(_) => {
            let files = match candidate {
                Candidate::Files(files) => files.as_slice(),
                Candidate::Stranger(file) => std::slice::from_ref(file),
                Candidate::ServiceAccount => &[],
            };
            let mut merged = Kubeconfig::default();
            for file in files {
                // kube's own words for a file that cannot be read repeat its name; the system's are enough.
                fs::metadata(file).map_err(|error| error.to_string())?;
                let one = Kubeconfig::read_from(file).map_err(|error| explain(&error))?;
                merged = merged.merge(one).map_err(|error| explain(&error))?;
            }
            if matches!(candidate, Candidate::Stranger(_)) && runs_programs(&merged) {
                return Err(
                    "it names a credential plugin, which is run only for a file that --kubeconfig names".into(),
                );
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

/// True when an entry gets its credentials from a program: `exec`, or the `auth-provider` of old.
fn runs_programs(config: &Kubeconfig) -> bool {
    let users = config.auth_infos.iter().filter_map(|user| user.auth_info.as_ref());
    users
        .into_iter()
        .any(|user| user.exec.is_some() || user.auth_provider.is_some())
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

    #[tokio::test]
    async fn a_file_that_anybody_may_have_put_there_runs_no_program() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(RKE1);
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}}}]\n";
        fs::write(&file, text).unwrap();
        let plan = ClusterPlan::default();
        let refused = load(&Candidate::Stranger(file.clone()), &plan).await.unwrap_err();
        assert!(refused.contains("credential plugin"), "{refused}");
        assert!(load(&Candidate::Files(vec![file]), &plan).await.is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_named_kubeconfig_is_known_before_anything_is_asked() {
        let named = |files| ClusterPlan {
            kubeconfigs: Kubeconfigs::Named(files),
            ..ClusterPlan::default()
        };
        let gaps = known_gaps(&named(vec!["/no/such/file".into()])).unwrap();
        assert!(
            gaps[0].contains("/no/such/file") && gaps[0].contains("--no-cluster"),
            "{gaps:?}"
        );
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443', certificate-authority-data: Y2E=}}]\nusers: [{name: u, user: {token: t}}]\n";
        fs::write(&file, text.replace("current-context: c", "current-context: gone")).unwrap();
        let plan = named(vec![file.clone()]);
        assert!(known_gaps(&plan).unwrap()[0].contains("gone"));
        fs::write(&file, text.replace(", certificate-authority-data: Y2E=", "")).unwrap();
        assert_eq!(known_gaps(&plan).unwrap(), Vec::<String>::new());
        fs::write(&file, text).unwrap();
        let host = HostRoot::new("/".into());
        let expected = Server {
            url: "https://10.0.0.1:6443".to_owned(),
            authority: b"ca".to_vec(),
            is_unverified: false,
            file: file.clone(),
        };
        assert_eq!(servers(&plan, &host, vec![file]), [expected], "read once");
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
