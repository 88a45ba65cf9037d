//! How the node is configured: kubelet, kube-proxy, CNI, runtimes, RKE1, RKE2, k3s, kubeconfigs, the system; and its certificates, of
//! which only the public part is read.
//!
//! Sources of the places: kubeadm (`cmd/kubeadm/app/constants`), the packages of kubelet, containerd and CRI-O, Rancher's documents of
//! RKE1, RKE2 and k3s ("File locations", "Server configuration").

use super::capture::Capture;
use super::context::{Context, Step};
use super::root::HostRoot;
use super::{Outcome, Read};

/// Most files of one group, and the most of one file: configuration is small.
const MOST_FILES: usize = 400;
const MOST_BYTES: u64 = 1024 * 1024;

/// Where kubeconfigs lie.
pub(super) const KUBECONFIGS: &[&str] = &[
    "/etc/kubernetes/*.conf",
    "/etc/kubernetes/ssl/kubecfg-*.yaml",
    "/etc/rancher/rke2/rke2.yaml",
    "/etc/rancher/k3s/k3s.yaml",
    "/var/lib/rancher/*/agent/*.kubeconfig",
    "/var/lib/kubelet/kubeconfig",
    "/root/.kube/config",
];

/// Groups of files: name of the step, patterns. A `*` stands for any characters within one part of a path.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "config/kubelet",
        &[
            "/var/lib/kubelet/config.yaml",
            "/var/lib/kubelet/kubeadm-flags.env",
            "/etc/default/kubelet",
            "/etc/sysconfig/kubelet",
            "/etc/kubernetes/kubelet.yaml",
            "/etc/kubernetes/kubelet-config.yaml",
            "/etc/kubernetes/manifests/*",
            "/etc/systemd/system/kubelet.service",
            "/etc/systemd/system/kubelet.service.d/*",
            "/usr/lib/systemd/system/kubelet.service",
            "/usr/lib/systemd/system/kubelet.service.d/*",
            "/var/lib/kube-proxy/*.conf",
            "/var/lib/kube-proxy/*.yaml",
            "/etc/kubernetes/kube-proxy*.yaml",
        ],
    ),
    (
        "config/cni",
        &[
            "/etc/cni/net.d/*",
            "/run/flannel/subnet.env",
            "/var/lib/calico/nodename",
            "/var/lib/calico/mtu",
            "/var/lib/rancher/k3s/agent/etc/cni/net.d/*",
            "/var/lib/rancher/k3s/agent/etc/flannel/*",
        ],
    ),
    (
        "config/runtime",
        &[
            "/etc/crictl.yaml",
            "/etc/containerd/config.toml",
            "/etc/containerd/conf.d/*.toml",
            "/etc/containerd/certs.d/*/hosts.toml",
            "/etc/crio/crio.conf",
            "/etc/crio/crio.conf.d/*",
            "/etc/containers/registries.conf",
            "/etc/containers/registries.conf.d/*",
            "/etc/systemd/system/docker.service.d/*",
            "/etc/systemd/system/containerd.service.d/*",
            "/etc/systemd/system/crio.service.d/*",
            "/var/lib/rancher/*/agent/etc/containerd/config.toml",
            "/var/lib/rancher/*/agent/etc/containerd/config.toml.tmpl",
            "/var/lib/rancher/*/agent/etc/containerd/certs.d/*/hosts.toml",
            "/var/lib/rancher/*/agent/etc/crictl.yaml",
        ],
    ),
    (
        "config/rancher",
        &[
            "/etc/rancher/rke2/config.yaml",
            "/etc/rancher/rke2/config.yaml.d/*",
            "/etc/rancher/rke2/registries.yaml",
            "/etc/rancher/k3s/config.yaml",
            "/etc/rancher/k3s/config.yaml.d/*",
            "/etc/rancher/k3s/registries.yaml",
            "/etc/rancher/agent/config.yaml",
            "/etc/default/rke2-*",
            "/etc/sysconfig/rke2-*",
            "/etc/systemd/system/k3s*.service",
            "/etc/systemd/system/k3s*.service.env",
            "/etc/systemd/system/rke2-*.service.d/*",
            "/var/lib/rancher/rke2/agent/pod-manifests/*.yaml",
            "/etc/kubernetes/cloud-config",
            "/etc/kubernetes/audit-policy.yaml",
        ],
    ),
    ("config/kubeconfigs", KUBECONFIGS),
    (
        "config/etcd",
        &[
            "/etc/default/etcd",
            "/etc/etcd/etcd.conf",
            "/etc/etcd/etcd.conf.yml",
            "/etc/etcd/etcd.conf.yaml",
            "/var/lib/rancher/*/server/db/etcd/config",
        ],
    ),
    (
        "config/system",
        &[
            "/etc/sysctl.conf",
            "/etc/sysctl.d/*.conf",
            "/etc/modules-load.d/*.conf",
            "/etc/security/limits.conf",
            "/etc/security/limits.d/*.conf",
            "/etc/fstab",
            "/etc/selinux/config",
            "/etc/chrony.conf",
            "/etc/chrony/chrony.conf",
            "/etc/systemd/timesyncd.conf",
            "/etc/systemd/resolved.conf",
            "/run/systemd/resolve/resolv.conf",
            "/etc/NetworkManager/conf.d/*.conf",
        ],
    ),
];

/// Where certificates lie.
const CERTIFICATES: &[&str] = &[
    "/etc/kubernetes/pki/*.crt",
    "/etc/kubernetes/pki/etcd/*.crt",
    "/etc/kubernetes/ssl/*.pem",
    "/var/lib/kubelet/pki/*.crt",
    "/var/lib/kubelet/pki/*.pem",
    "/var/lib/rancher/*/server/tls/*.crt",
    "/var/lib/rancher/*/server/tls/etcd/*.crt",
    "/var/lib/rancher/*/server/tls/kube-controller-manager/*.crt",
    "/var/lib/rancher/*/server/tls/kube-scheduler/*.crt",
    "/var/lib/rancher/*/agent/*.crt",
    "/etc/etcd/*.crt",
    "/etc/etcd/pki/*.crt",
    "/etc/docker/certs.d/*/*.crt",
    "/etc/containerd/certs.d/*/*.crt",
];

/// The steps of this source.
pub(crate) fn steps() -> Vec<Step> {
    let read = |pattern: &&str| Read::File((*pattern).to_owned());
    let mut steps: Vec<Step> = GROUPS
        .iter()
        .map(|&(name, patterns)| {
            Step::new(name, patterns.iter().map(read).collect(), move |ctx| {
                Box::pin(async move { read_group(ctx, patterns) })
            })
        })
        .collect();
    steps.push(Step::new(
        "config/certificates",
        CERTIFICATES.iter().map(read).collect(),
        |ctx| Box::pin(async { read_certificates(ctx) }),
    ));
    steps
}

fn read_group(ctx: &mut Context, patterns: &[&str]) -> Outcome {
    each(ctx, patterns, |ctx, path| {
        let capture = Capture::head(MOST_BYTES.min(ctx.evidence.most_of_a_file()));
        ctx.copy(path, path, capture)
    })
}

/// The certificates of each file; a private key beside them is not even read into the evidence.
fn read_certificates(ctx: &mut Context) -> Outcome {
    each(ctx, CERTIFICATES, |ctx, path| {
        let capture = ctx.host.read(path, Capture::head(MOST_BYTES));
        let capture = capture.map_err(|error| format!("cannot read {path}: {error}"))?;
        let public = public_part(&String::from_utf8_lossy(capture.held()));
        if !public.is_empty() {
            ctx.evidence.line(path, &public);
        }
        Ok(!public.is_empty())
    })
}

/// Reads every file that a pattern names with `read`, which says whether there was something.
fn each(
    ctx: &mut Context,
    patterns: &[&str],
    mut read: impl FnMut(&mut Context, &str) -> Result<bool, String>,
) -> Outcome {
    let mut found = false;
    let mut errors = Vec::new();
    let mut files = 0;
    for path in patterns
        .iter()
        .flat_map(|pattern| expand(&ctx.host, pattern))
        .collect::<Vec<_>>()
    {
        files += 1;
        if files > MOST_FILES {
            ctx.evidence.note(format!("only {MOST_FILES} files were read"));
            break;
        }
        match read(ctx, &path) {
            Ok(read) => found |= read,
            Err(error) => errors.push(error),
        }
    }
    match (errors.is_empty(), found) {
        (false, _) => Outcome::Failed(errors.join("; ")),
        (true, true) => Outcome::Done,
        (true, false) => Outcome::Skipped("there is no such file".into()),
    }
}

/// The files that a pattern names, in order.
pub(super) fn expand(host: &HostRoot, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for folder in &found {
            match part.split_once('*') {
                None => next.push(format!("{folder}/{part}")),
                Some((start, end)) => {
                    let names = host
                        .list(if folder.is_empty() { "/" } else { folder })
                        .unwrap_or_default();
                    let fits = |name: &&String| {
                        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
                    };
                    next.extend(names.iter().filter(fits).map(|name| format!("{folder}/{name}")));
                }
            }
            next.truncate(MOST_FILES + 1);
        }
        found = next;
    }
    found.retain(|path| host.is_file(path));
    found
}

/// The blocks `CERTIFICATE` of a PEM file (RFC 7468), and nothing between them.
fn public_part(text: &str) -> String {
    let mut public = String::new();
    let mut is_inside = false;
    for line in text.lines() {
        is_inside |= line.trim_end() == "-----BEGIN CERTIFICATE-----";
        if is_inside {
            public.push_str(line.trim_end());
            public.push('\n');
        }
        if line.trim_end() == "-----END CERTIFICATE-----" {
            is_inside = false;
        }
    }
    public
}

#[cfg(test)]
mod tests {
    use crate::collect::testing::Host;

    #[test]
    fn configuration_is_read_from_where_each_distribution_keeps_it_and_masked() {
        let host = Host::with_files(&[
            (
                "/etc/rancher/rke2/config.yaml",
                "server: https://10.0.0.1:9345\ntoken: K10abcdefSuperSecretValue\n",
            ),
            ("/var/lib/rancher/k3s/agent/etc/containerd/config.toml", "version = 2\n"),
            (
                "/etc/containerd/certs.d/harbor.example.com/hosts.toml",
                "server = \"https://harbor.example.com\"\n",
            ),
            (
                "/var/lib/kubelet/config.yaml",
                "kind: KubeletConfiguration\ncgroupDriver: systemd\n",
            ),
            (
                "/etc/kubernetes/admin.conf",
                "apiVersion: v1\nkind: Config\nclusters:\n- name: k\n  cluster:\n    server: https://10.0.0.1:6443\nusers:\n- name: admin\n  user:\n    client-key-data: TFMwdExTMUNSVWRKVGlCU1UwRWdVRkpKVmtGVVJTQkxSVmt0TFMwdExRbz0K\n    token: Zq7RandomSecretVal\n",
            ),
        ]);
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 0);
        assert!(
            bundle
                .text("/etc/rancher/rke2/config.yaml")
                .contains("server: https://10.0.0.1:9345")
        );
        assert!(bundle.has("/var/lib/rancher/k3s/agent/etc/containerd/config.toml"));
        assert!(bundle.has("/etc/containerd/certs.d/harbor.example.com/hosts.toml"));
        assert!(
            bundle
                .text("/var/lib/kubelet/config.yaml")
                .contains("cgroupDriver: systemd")
        );
        assert!(
            bundle
                .text("/etc/kubernetes/admin.conf")
                .contains("server: https://10.0.0.1:6443")
        );
        for secret in [
            "SuperSecretValue",
            "TFMwdExTMUNSVWRKVGlCU1UwRWdVRkpKVmtGVVJTQkxSVmt0TFMwdExRbz0K",
            "Zq7RandomSecretVal",
        ] {
            assert!(!bundle.contains(secret), "{secret}");
        }
    }

    #[test]
    fn of_certificates_only_the_public_part_is_read() {
        let host = Host::with_files(&[(
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "-----BEGIN CERTIFICATE-----\nTUlJQmR6Q0NB\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\nTUhjQ0FRRUVJ\n-----END EC PRIVATE KEY-----\n",
        )]);
        let (_, bundle) = host.collect();
        let text = bundle.text("/var/lib/kubelet/pki/kubelet-client-current.pem");
        assert!(text.contains("TUlJQmR6Q0NB") && !text.contains("PRIVATE"));
        assert!(!bundle.contains("TUhjQ0FRRUVJ"));
    }
}
