//! Files that set a program up, which are no log of it whatever their name.
//!
//! Sources: kubeadm calls the kubelet's kubeconfig `kubelet.conf` (`cmd/kubeadm/app/constants/constants.go`, `KubeletKubeConfigFileName`),
//! microk8s `kubelet.config`; kops writes a node's `kubelet.conf` beside its logs (`pkg/dump/dumper.go`).

/// Endings of such files.
const ENDINGS: [&str; 8] = [
    "conf",
    "config",
    "kubeconfig",
    "cfg",
    "toml",
    "ini",
    "env",
    "properties",
];

/// True for a file that sets a program up: `kubelet.conf`, `containerd.service.conf.bak`. What a command complained of such a file may
/// stand in a log that is called after it: `kubelet.conf.log`.
pub(super) fn is_settings(name: &str) -> bool {
    let mut endings = name.split('.').skip(1);
    let is_log = name.ends_with(".log") || name.contains(".log.");
    !is_log && endings.any(|ending| ENDINGS.contains(&ending))
}

/// True for a document, which no program writes as its log.
pub(super) fn is_document(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

#[cfg(test)]
mod tests {
    use super::{is_document, is_settings};

    #[test]
    fn a_name_tells_settings_from_a_log() {
        for name in [
            "kubelet.conf",
            "kubelet.conf.bak",
            "containerd.service.conf",
            "etcd.env",
        ] {
            assert!(is_settings(name), "{name}");
        }
        for name in [
            "kubelet.log",
            "kubelet",
            "kubelet.conf.log",
            "kubelet.log.1",
            "etcd-config-0.txt",
        ] {
            assert!(!is_settings(name), "{name}");
        }
        assert!(is_document("etcd.yaml") && !is_document("etcd.yaml.log"));
    }
}
