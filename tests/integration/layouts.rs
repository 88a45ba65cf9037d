//! Bundles of every producer: which layout they have, and the traps that they set for readers.

use std::fs;
use std::path::{Path, PathBuf};

use casefile::bundle::Budget;
use casefile::cluster::{Snapshot, read_bundle};
use casefile::logs::{SignatureSet, Stream};
use casefile::model::{Basis, ProblemKind};

fn read(path: &Path) -> Snapshot {
    let signatures = SignatureSet::new([]).unwrap();
    read_bundle(path, "b", &signatures, Budget::default()).unwrap()
}

fn sample(name: &str) -> Snapshot {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// A directory with these files, read as a bundle.
fn written(files: &[(&str, &str)]) -> Snapshot {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path: PathBuf = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    read(directory.path())
}

const LIST: &str = "kind: List\napiVersion: v1\nitems: []\n";

/// One small tree per producer of which there is no sample, and those that are easily taken for another.
fn trees() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    vec![
        (
            "casefile",
            vec![(
                "x/manifest.json",
                r#"{"tool": {"name": "casefile"}, "collected_at": "2026-01-02T03:04:05Z", "steps": []}"#,
            )],
        ),
        (
            "troubleshoot",
            vec![
                (
                    "preflightbundle-2026/version.yaml",
                    "apiVersion: troubleshoot.sh/v1beta2\nkind: HostPreflight\n",
                ),
                ("preflightbundle-2026/host-collectors/system/cpu.json", "{}"),
            ],
        ),
        (
            "kubectl-cluster-info-dump",
            vec![
                ("dump/nodes.json", r#"{"kind": "NodeList", "items": []}"#),
                (
                    "dump/kube-system/replication-controllers.json",
                    r#"{"kind": "ReplicationControllerList", "items": []}"#,
                ),
            ],
        ),
        (
            "kubectl-cluster-info-dump",
            vec![(
                "cluster-info-dump",
                "{\n    \"kind\": \"NodeList\",\n    \"apiVersion\": \"v1\",\n    \"items\": []\n}\n==== START logs for container etcd of pod kube-system/etcd-1 ====\nx\n==== END logs for container etcd of pod kube-system/etcd-1 ====\n",
            )],
        ),
        (
            "oc-adm-inspect",
            vec![
                ("inspect.local.42/timestamp", "2024-10-24 14:43:32.7 +0000 UTC m=+0.3\n"),
                ("inspect.local.42/namespaces/shop/pods/web-0/web-0.yaml", "kind: Pod\n"),
                ("inspect.local.42/namespaces/shop/shop.yaml", "kind: Namespace\n"),
            ],
        ),
        (
            "support-bundle-kit",
            vec![
                ("supportbundle_x_2026-11-21T10-20-42Z/bundleGenerationError.log", ""),
                ("supportbundle_x_2026-11-21T10-20-42Z/yamls/cluster/v1/nodes.yaml", LIST),
                ("supportbundle_x_2026-11-21T10-20-42Z/metadata.yaml", "bundlename: x\n"),
            ],
        ),
        (
            "rancher-logs-collector",
            vec![
                (
                    "./n1-2026-11-21_10_20_42/systeminfo/etcresolvconf",
                    "nameserver 1.1.1.1\n",
                ),
                ("n1-2026-11-21_10_20_42/networking/iptablessave", "*filter\n"),
                ("n1-2026-11-21_10_20_42/systemlogs/syslog", "x\n"),
                ("n1-2026-11-21_10_20_42/rke2/kubectl/nodes", "x\n"),
            ],
        ),
        (
            "rancher-nodeinfo",
            vec![
                ("systeminfo/etcresolvconf", "nameserver 1.1.1.1\n"),
                ("networking/iptablessave", "*filter\n"),
                ("systeminfo/mount_cgroup", "x\n"),
                ("rke2/certs/server/a.crt", "x\n"),
            ],
        ),
        // crust-gather has a version.yaml too, and kops a nodes.json.
        (
            "pile",
            vec![
                ("x/version.yaml", "gitVersion: v1.31.0\n"),
                ("x/apis.json", "{}"),
                ("x/cluster/v1/node/n.yaml", "kind: Node\n"),
            ],
        ),
        (
            "pile",
            vec![
                ("cluster-info/nodes.json", r#"{"kind": "NodeList", "items": []}"#),
                ("n/sysctls", "a = b\n"),
            ],
        ),
        (
            "pile",
            vec![
                ("logs/a.log", "x\n"),
                ("manifest.json", "{\"tool\": {\"name\": \"sos\"}}"),
            ],
        ),
    ]
}

#[test]
fn every_sample_has_its_layout_and_no_other() {
    for (sample_name, layout) in [
        ("tests/layouts/must-gather.tar.gz", "must-gather"),
        ("tests/layouts/rancher-logs-collector.tar.gz", "rancher-logs-collector"),
        ("tests/layouts/sonobuoy.tar.gz", "sonobuoy"),
        ("tests/layouts/sos.tar.gz", "sos"),
        ("tests/layouts/troubleshoot-v0.50.tar.gz", "troubleshoot"),
        ("tests/layouts/troubleshoot-v0.123.tar.gz", "troubleshoot"),
        ("tests/layouts/troubleshoot-missing-version.tar.gz", "troubleshoot"),
        ("bundles/crash-loop.tar.gz", "pile"),
    ] {
        let snapshot = sample(sample_name);
        assert_eq!(snapshot.bundle.layout, layout, "{sample_name}");
        let others: Vec<_> = snapshot
            .coverage
            .layouts
            .iter()
            .filter(|found| found.layout != layout)
            .collect();
        assert!(layout == "pile" || others.is_empty(), "{sample_name}: {others:?}");
    }
    for (layout, files) in trees() {
        let snapshot = written(&files);
        assert_eq!(snapshot.bundle.layout, layout, "{files:?}");
        assert!(
            snapshot.coverage.layouts.len() <= 1,
            "{files:?}: {:?}",
            snapshot.coverage.layouts
        );
    }
}

#[test]
fn g03_wrapper_directories() {
    for (layout, files) in trees() {
        let wrapped: Vec<(String, &str)> = files
            .iter()
            .map(|(path, text)| (format!("ticket-1/from customer/{path}"), *text))
            .collect();
        let wrapped: Vec<(&str, &str)> = wrapped.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert_eq!(written(&wrapped).bundle.layout, layout, "{wrapped:?}");
    }
}

#[test]
fn g06_lists_objects_and_arrays() {
    // Troubleshoot 0.50 wrote custom resources as bare YAML lists.
    let snapshot = sample("tests/layouts/troubleshoot-v0.50.tar.gz");
    assert!(snapshot.coverage.has("addons"), "{:?}", snapshot.coverage.read);
    // Sonobuoy writes bare JSON arrays.
    assert!(sample("tests/layouts/sonobuoy.tar.gz").kind("Node").next().is_some());
}

#[test]
fn g09_null_for_empty() {
    let role = "kind: List\napiVersion: v1\nitems:\n- kind: ClusterRole\n  apiVersion: rbac.authorization.k8s.io/v1\n  metadata:\n    name: reader\n  rules:\n  - apiGroups:\n    - \"null\"\n    resources:\n    - pods\n";
    let path = "b/yamls/cluster/rbac.authorization.k8s.io/v1/clusterroles.yaml";
    let group = |files: &[(&str, &str)]| {
        let snapshot = written(files);
        snapshot
            .object("ClusterRole", "", "reader")
            .unwrap()
            .text("/rules/0/apiGroups/0")
            .to_owned()
    };
    assert_eq!(group(&[("b/bundleGenerationError.log", ""), (path, role)]), "");
    assert_eq!(group(&[(path, role)]), "null");
}

#[test]
fn g12_pod_logs_in_every_arrangement() {
    let line = "2026-11-21T09:34:42.500253854Z stdout F x\n";
    for (files, container, previous) in [
        (
            vec![
                ("b/bundleGenerationError.log", ""),
                ("b/yamls/cluster/v1/nodes.yaml", LIST),
                ("b/logs/shop/web-0/nginx.log.1", line),
            ],
            "nginx",
            true,
        ),
        (
            vec![
                ("i/namespaces/shop/pods/web-0/web-0.yaml", "kind: Pod\n"),
                ("i/namespaces/shop/pods/web-0/nginx/nginx/logs/current.log", line),
            ],
            "nginx",
            false,
        ),
        (
            vec![
                ("s/cluster-resources/pods/shop.json", "[]"),
                ("s/cluster-resources/pods/logs/shop/web-0/nginx-previous.log", line),
            ],
            "nginx",
            true,
        ),
        (
            vec![
                ("meta/config.json", "{}"),
                ("plugins/x", "x"),
                ("resources/y", "y"),
                ("podlogs/shop/web-0/logs/nginx.txt", line),
            ],
            "nginx",
            false,
        ),
    ] {
        let snapshot = written(&files);
        let log = snapshot
            .container_logs("shop", "web-0", container)
            .find(|log| log.path.as_str().contains("web-0/") && log.lines == 1);
        let Some(Stream::Container(found)) = log.map(|log| &log.stream) else {
            panic!("{files:?}")
        };
        assert_eq!(
            (found.namespace.as_str(), found.container.as_str(), found.previous),
            ("shop", container, previous)
        );
    }
}

#[test]
fn g13_tables_with_relative_ages() {
    let snapshot = written(&[
        (
            "n1-2026-11-21_10_20_42/systeminfo/etcresolvconf",
            "nameserver 1.1.1.1\n",
        ),
        (
            "n1-2026-11-21_10_20_42/systeminfo/date",
            "Sat Nov 21 10:20:43 UTC 2026\n",
        ),
        ("n1-2026-11-21_10_20_42/networking/iptablessave", "*filter\n"),
        ("n1-2026-11-21_10_20_42/systemlogs/syslog", "x\n"),
        (
            "n1-2026-11-21_10_20_42/rke2/kubectl/nodes",
            "NAME   STATUS   ROLES    AGE   VERSION\nn1     Ready    master   66m   v1.26.9\n",
        ),
    ]);
    let created = snapshot
        .object("Node", "", "n1")
        .unwrap()
        .time("/metadata/creationTimestamp")
        .unwrap();
    assert_eq!(
        (created.basis, created.latest.to_string().as_str()),
        (Basis::Relative, "2026-11-21T09:14:43Z")
    );
}

#[test]
fn g14_text_of_windows() {
    let text = "NAME   STATUS   ROLES    AGE   VERSION\nw1     Ready    worker   66m   v1.26.9\n";
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nodes.txt"), utf16).unwrap();
    assert!(read(directory.path()).object("Node", "", "w1").is_some());
}

#[test]
fn g16_the_same_evidence_twice() {
    let pod = "kind: Pod\napiVersion: v1\nmetadata:\n  name: web-0\n  namespace: shop\n  uid: u\n";
    let list = format!(
        "kind: PodList\napiVersion: v1\nitems:\n- {}",
        pod.trim_end().replace('\n', "\n  ")
    );
    let snapshot = written(&[
        ("i/namespaces/shop/core/pods.yaml", &list),
        ("i/namespaces/shop/pods/web-0/web-0.yaml", pod),
    ]);
    assert_eq!(snapshot.pods().count(), 1);
}

#[test]
fn g18_errors_of_collectors_are_gaps() {
    let snapshot = written(&[("kubectl/pods", "Error from server (Forbidden): pods is forbidden\n")]);
    assert_eq!(snapshot.coverage.problems[0].kind, ProblemKind::CollectorError);
}

#[test]
fn g19_the_reference_time_is_the_bundles() {
    for (name, time, basis) in [
        (
            "tests/layouts/must-gather.tar.gz",
            "2024-10-24T14:45:15.249541038Z",
            Basis::Exact,
        ),
        (
            "tests/layouts/rancher-logs-collector.tar.gz",
            "2026-11-21T10:20:43Z",
            Basis::Exact,
        ),
    ] {
        let when = sample(name).bundle.collected_at.unwrap();
        assert_eq!((when.latest.to_string().as_str(), when.basis), (time, basis), "{name}");
    }
    // Only the wrapper tells, and it tells no zone.
    let snapshot = written(&[(
        "support-bundle-2024-08-21T10_11_12/version.yaml",
        "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\n",
    )]);
    let when = snapshot.bundle.collected_at.unwrap();
    assert_eq!(
        (when.latest.to_string().as_str(), when.basis),
        ("2024-08-21T10:11:12Z", Basis::TzAssumed)
    );
}

#[test]
fn the_machine_of_a_file_is_told_by_its_layout() {
    let rancher = sample("tests/layouts/rancher-logs-collector.tar.gz");
    assert_eq!(
        rancher.hosts.iter().map(|host| host.node_name()).collect::<Vec<_>>(),
        ["vm"]
    );
    assert!(!rancher.hosts[0].containers.is_empty());
    let kit = written(&[
        ("b/bundleGenerationError.log", ""),
        ("b/yamls/cluster/v1/nodes.yaml", LIST),
        ("b/nodes/n1.zip/n1/hostname", "n1.local\n"),
        ("b/nodes/n2.zip/n2/hostname", "n2.local\n"),
    ]);
    assert_eq!(
        kit.hosts.iter().map(|host| host.node_name()).collect::<Vec<_>>(),
        ["n1", "n2"]
    );
}
