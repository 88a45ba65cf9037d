//! What each collector writes arrives where rules read it. Every file is in the form that the collector's own code gives it; its source is
//! named beside the reader.

use casefile::bundle::decode::{Counted, Filesystem};
use casefile::cluster::{Host, Snapshot, Treatment};
use casefile::logs::{Component, Stream};

use super::cli::Desk;
use super::support::{checkout, written};

/// Whose log is read in a file.
fn streams(snapshot: &Snapshot, file: &str) -> Vec<String> {
    let logs = snapshot.logs.iter().filter(|log| log.path.as_str().ends_with(file));
    logs.map(|log| match &log.stream {
        Stream::Container(container) => [
            container.namespace.as_str(),
            container.pod.as_str(),
            container.container.as_str(),
        ]
        .join("/"),
        Stream::Component(component) => component.datum().to_owned(),
        Stream::Unknown => "unknown".to_owned(),
    })
    .collect()
}

fn host<'s>(snapshot: &'s Snapshot, node: &str) -> &'s Host {
    let found = snapshot.hosts.iter().find(|host| host.node_name() == node);
    found.unwrap_or_else(|| panic!("no host {node:?}"))
}

fn value<'h>(host: &'h Host, key: &str) -> &'h str {
    host.values.get(key).map_or("", |(value, _)| value.as_str())
}

fn disk<'h>(host: &'h Host, path: &str) -> &'h Filesystem {
    host.tools.filesystem_of(path, Counted::Bytes).unwrap()
}

/// kubeadm's name of the kubelet's kubeconfig.
#[test]
fn a_configuration_file_is_no_log_of_the_program_that_it_is_called_after() {
    let kubeconfig = "# written by kubeadm\napiVersion: v1\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\n  name: kubernetes\nkind: Config\n";
    let snapshot = written(&[
        ("n1/etc/kubernetes/kubelet.conf", kubeconfig),
        ("n2/kubelet.conf", "KUBELET_EXTRA_ARGS=--node-ip=10.0.0.2\nsome words\n"),
        ("n2/containerd.service.conf", "LimitNOFILE=1\n"),
        ("n2/kubelet.log", "E1121 10:20:42.000000 1 kubelet.go:1] boom\n"),
    ]);
    let of_components = snapshot.logs.iter().filter(|log| log.stream != Stream::Unknown);
    let of_components: Vec<(&str, &Stream)> = of_components.map(|log| (log.path.as_str(), &log.stream)).collect();
    assert_eq!(
        of_components,
        [("n2/kubelet.log", &Stream::Component(Component::Kubelet))]
    );
    let is_settled = |file: &&casefile::cluster::FileRecord| match &file.treatment {
        Treatment::Ignored(reason) => reason.contains("a configuration file"),
        other => matches!(other, Treatment::Read(_)),
    };
    assert_eq!(snapshot.coverage.files.iter().filter(is_settled).count(), 3);
}

#[test]
