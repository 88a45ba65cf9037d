//! Where this host's etcd listens, and which certificates it accepts.

use std::path::PathBuf;

use crate::collect::EtcdPlan;
use crate::collect::capture::Capture;
use crate::collect::configs::expand;
use crate::collect::endpoint::Endpoint;
use crate::collect::root::HostRoot;
use crate::collect::tls::Identity;

/// Authority, certificate and key of a client, as each distribution lays them.
///
/// Sources: kubeadm (`cmd/kubeadm/app/constants`: `EtcdHealthcheckClientCertName` and its like), RKE2 and k3s (`pkg/daemons/control/deps`:
/// `ETCDServerCA`, `ClientETCDCert`), RKE1 (`pki/constants.go`: `kube-etcd-<address>`).
const CERTIFICATES: [[&str; 3]; 7] = [
    [
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/kubernetes/pki/etcd/healthcheck-client.crt",
        "/etc/kubernetes/pki/etcd/healthcheck-client.key",
    ],
    [
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/kubernetes/pki/etcd/server.crt",
        "/etc/kubernetes/pki/etcd/server.key",
    ],
    [
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/kubernetes/pki/apiserver-etcd-client.crt",
        "/etc/kubernetes/pki/apiserver-etcd-client.key",
    ],
    [
        "/var/lib/rancher/rke2/server/tls/etcd/server-ca.crt",
        "/var/lib/rancher/rke2/server/tls/etcd/client.crt",
        "/var/lib/rancher/rke2/server/tls/etcd/client.key",
    ],
    [
        "/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt",
        "/var/lib/rancher/k3s/server/tls/etcd/client.crt",
        "/var/lib/rancher/k3s/server/tls/etcd/client.key",
    ],
    [
        "/etc/kubernetes/ssl/kube-ca.pem",
        "/etc/kubernetes/ssl/kube-etcd-*.pem",
        "/etc/kubernetes/ssl/kube-etcd-*-key.pem",
    ],
    [
        "/etc/kubernetes/ssl/kube-ca.pem",
        "/etc/kubernetes/ssl/kube-node.pem",
        "/etc/kubernetes/ssl/kube-node-key.pem",
    ],
];

/// Files of etcd that say where it listens.
const SETTINGS: [&str; 6] = [
    "/etc/kubernetes/manifests/etcd.yaml",
    "/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml",
    "/var/lib/rancher/*/server/db/etcd/config",
    "/etc/default/etcd",
    "/etc/etcd/etcd.conf",
    "/etc/etcd/etcd.conf.yml",
];

/// The port for clients that IANA registered for etcd, on the loopback, where every distribution's etcd listens too.
const USUAL: &str = "https://127.0.0.1:2379";

/// One way to ask.
pub(super) struct Place {
    /// Where to ask for the members.
    pub(super) endpoints: Vec<Endpoint>,
    /// Where metrics are served without a certificate.
    pub(super) metrics: Option<Endpoint>,
    /// Who asks.
    pub(super) identity: Option<Identity>,
}

/// What is looked at to find etcd.
pub(super) fn files() -> impl Iterator<Item = String> {
    let certificates = CERTIFICATES.iter().flatten().map(|path| (*path).to_owned());
    let mut all: Vec<String> = certificates.chain(SETTINGS.map(str::to_owned)).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter()
}

/// What was named, or else each set of certificates that this host has with the addresses of its settings.
///
/// # Errors
/// Something that was named is no address, or cannot be read.
pub(super) fn find(host: &HostRoot, named: &EtcdPlan) -> Result<Vec<Place>, String> {
    if !named.endpoints.is_empty() {
        return Ok(vec![of_plan(named)?]);
    }
    // An address on the loopback belongs to the running system, not to another root.
    if !host.is_live() {
        return Ok(Vec::new());
    }
    let settings: Vec<String> = SETTINGS
        .iter()
        .flat_map(|pattern| expand(host, pattern))
        .filter_map(|path| host.small(&path))
        .collect();
    let listens = |key: &str| settings.iter().flat_map(|text| urls(text, key)).collect::<Vec<_>>();
    let mut endpoints = listens("listen-client-urls");
    let metrics = listens("listen-metrics-urls").into_iter().next();
    let plain: Vec<Endpoint> = endpoints.iter().filter(|endpoint| !endpoint.is_tls).cloned().collect();
    endpoints.retain(|endpoint| endpoint.is_tls);
    endpoints.extend(Endpoint::parse(USUAL).filter(|usual| !endpoints.contains(usual)));
    let mut places: Vec<Place> = CERTIFICATES
        .iter()
        .filter_map(|files| identity(host, files))
        .map(|identity| Place {
            endpoints: endpoints.clone(),
            metrics: metrics.clone(),
            identity: Some(identity),
        })
        .collect();
    if !plain.is_empty() {
        places.push(Place {
            endpoints: plain,
            metrics,
            identity: None,
        });
    }
    Ok(places)
}

fn of_plan(named: &EtcdPlan) -> Result<Place, String> {
    let read = |option: &str, path: &Option<PathBuf>| match path {
        Some(path) => std::fs::read(path).map_err(|error| format!("cannot read {option} {}: {error}", path.display())),
        None => Ok(Vec::new()),
    };
    let endpoints = named.endpoints.iter().map(|url| {
        Endpoint::parse(url).ok_or_else(|| format!("--etcd-endpoint {url} is no URL such as https://127.0.0.1:2379"))
    });
    Ok(Place {
        endpoints: endpoints.collect::<Result<_, _>>()?,
        metrics: None,
        identity: Some(Identity {
            authority: read("--etcd-cacert", &named.authority)?,
            certificate: read("--etcd-cert", &named.certificate)?,
            key: read("--etcd-key", &named.key)?,
        }),
    })
}

fn identity(host: &HostRoot, files: &[&str; 3]) -> Option<Identity> {
    let [authority, certificate, key] = files;
    let read = |pattern: &str| -> Option<Vec<u8>> {
        // `kube-etcd-*.pem` also fits the key beside the certificate.
        let is_key = |path: &String| path.ends_with("-key.pem") || path.ends_with(".key");
        let wanted = |path: &String| is_key(path) == (pattern == *key);
        let path = expand(host, pattern).into_iter().find(wanted)?;
        let capture = host.read(&path, Capture::head(1024 * 1024)).ok()?;
        Some(capture.held().to_vec())
    };
    Some(Identity {
        authority: read(authority)?,
        certificate: read(certificate)?,
        key: read(key)?,
    })
}

/// The addresses that a setting of this name lists: a flag in a manifest, a key in YAML, a variable of the environment.
fn urls(text: &str, key: &str) -> Vec<Endpoint> {
    let variable = key.replace('-', "_").to_ascii_uppercase();
    let has_key = |line: &&str| !line.trim_start().starts_with('#') && (line.contains(key) || line.contains(&variable));
    let words = text
        .lines()
        .filter(has_key)
        .flat_map(|line| line.split([',', ' ', '"', '\'', '=']));
    let found = words.filter_map(|word| Endpoint::parse(&word.replace("//0.0.0.0:", "//127.0.0.1:")));
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::urls;

    #[test]
    fn listening_addresses_are_read_from_every_kind_of_setting() {
        for (text, wanted) in [
            (
                "    - --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379\n",
                "https://127.0.0.1:2379",
            ),
            (
                "listen-client-urls: https://10.0.0.1:2379,https://127.0.0.1:2379\n",
                "https://10.0.0.1:2379",
            ),
            (
                "ETCD_LISTEN_CLIENT_URLS=\"http://0.0.0.0:2379\"\n",
                "http://127.0.0.1:2379",
            ),
        ] {
            assert_eq!(urls(text, "listen-client-urls")[0].url(), wanted);
        }
        assert!(
            urls(
                "# ETCD_LISTEN_CLIENT_URLS=\"http://localhost:2379\"\n",
                "listen-client-urls"
            )
            .is_empty()
        );
    }
}
