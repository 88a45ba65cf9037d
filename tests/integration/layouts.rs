//! Bundles of every producer: which layout they have, and whose a file is.

use super::support::{sample_of_layout, written};

pub(crate) const LIST: &str = "kind: List\napiVersion: v1\nitems: []\n";

/// One small tree per producer of which there is no sample, and those that are easily taken for another.
pub(crate) fn trees() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
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
        // crust-gather has a version.yaml as Troubleshoot has, and kops a nodes.json as dumps have.
        (
            "crust-gather",
            vec![
                ("x/version.yaml", "gitVersion: v1.31.0\n"),
                ("x/apis.json", "{}"),
                ("x/cluster/v1/node/n.yaml", "kind: Node\n"),
            ],
        ),
        (
            "aks-periscope",
            vec![
                ("run/aks-nodepool1-0/kubeletcmd", "/usr/local/bin/kubelet --v=2\n"),
                ("run/aks-nodepool1-0/virtualmachine", "nameserver 168.63.129.16\n"),
                ("run/aks-nodepool1-0/iptables", "Chain INPUT (policy ACCEPT)\n"),
            ],
        ),
        (
            "kops-dump",
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
        let snapshot = sample_of_layout(sample_name);
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
fn the_machine_of_a_file_is_told_by_its_layout() {
    let rancher = sample_of_layout("tests/layouts/rancher-logs-collector.tar.gz");
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
        // The supportconfig of a node is about the same machine.
        (
            "b/nodes/n2.zip/n2/scc/scc_n2-x.txz/scc_n2_261121_1020/basic-environment.txt",
            "#==[ Command ]====#\n# /bin/date\nSat Nov 21 10:20:42 UTC 2026\n",
        ),
        (
            "b/nodes/n2.zip/n2/scc/scc_n2-x.txz/scc_n2_261121_1020/supportconfig.txt",
            "#==[ Command ]====#\n# /sbin/sysctl -a\nnet.ipv4.ip_forward = 1\n",
        ),
    ]);
    assert!(kit.hosts[1].sysctl.contains_key("net.ipv4.ip_forward"));
    assert_eq!(
        kit.hosts.iter().map(|host| host.node_name()).collect::<Vec<_>>(),
        ["n1", "n2"]
    );
}
