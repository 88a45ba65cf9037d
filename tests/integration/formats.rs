//! A bundle of every collector with something wrong in it: it has its layout, everything in it is read or has a reason not to be, what is
//! wrong is named where it is, and what machines say reaches the data that rules read.

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;
use casefile::bundle::Budget;
use casefile::cluster::{Treatment, read_bundle};
use casefile::logs::Stream;
use casefile::rules::Rules;
use serde_json::Value;

use super::cli::Desk;
use super::support::{RULES, analyse, checkout};

/// What was put into a sample.
struct Planted {
    sample: &'static str,
    layout: &'static str,
    /// Layouts of bundles inside it.
    inside: &'static [&'static str],
    /// Rule, kind and name of each finding that must be there; the first is the first root cause.
    faults: &'static [(&'static str, &'static str, &'static str)],
    /// Data that rules ask for.
    data: &'static [&'static str],
    /// Machines, by the names of their nodes.
    hosts: &'static [&'static str],
}

const SAMPLES: &[Planted] = &[
    Planted {
        sample: "kind.tar.gz",
        layout: "kind-logs",
        inside: &[],
        faults: &[("imagefs-full", "Node", "kind-worker")],
        data: &[
            "docker-inspect",
            "cri-images",
            "kubelet-log",
            "containerd-log",
            "container-logs",
        ],
        hosts: &["kind-control-plane", "kind-worker"],
    },
    Planted {
        sample: "minikube.txt",
        layout: "minikube-logs",
        inside: &[],
        faults: &[("swap-enabled", "Node", "minikube")],
        data: &[
            "nodes",
            "cri-containers",
            "kubelet-log",
            "containerd-log",
            "kube-proxy-log",
            "container-logs",
        ],
        hosts: &["minikube"],
    },
    Planted {
        sample: "eks_i-0a1b2c3d4e5f60718_2026-11-21_1020-UTC_0.7.8.tar.gz",
        layout: "eks-log-collector",
        inside: &[],
        faults: &[("ip-forward-disabled", "Node", "ip-10-0-0-11.ec2.internal")],
        data: &[
            "sysctl",
            "packet-filter",
            "routes",
            "resolv.conf",
            "cri-containers",
            "filesystems",
            "kubelet-log",
            "containerd-log",
            "container-logs",
        ],
        hosts: &["ip-10-0-0-11.ec2.internal"],
    },
    Planted {
        sample: "scc_sles-w1_261121_1020.txz",
        layout: "supportconfig",
        inside: &[],
        faults: &[("conntrack-table-full", "Node", "sles-w1")],
        data: &[
            "sysctl",
            "packet-filter",
            "routes",
            "resolv.conf",
            "docker-containers",
            "docker-images",
            "interfaces",
            "filesystems",
            "system-log",
            "node-configuration",
        ],
        hosts: &["sles-w1"],
    },
    Planted {
        sample: "sos-collect.tar.gz",
        layout: "sos-collect",
        inside: &["sos"],
        faults: &[("cgroup-driver-mismatch", "Node", "w2")],
        data: &[
            "sysctl",
            "routes",
            "resolv.conf",
            "cri-containers",
            "kubelet-log",
            "system-log",
        ],
        hosts: &["cp1", "w1", "w2"],
    },
    Planted {
        sample: "rancher-kubeadm.tar.gz",
        layout: "rancher-logs-collector",
        inside: &[],
        faults: &[("kubelet-cert-expired", "Node", "kcp-1")],
        data: &[
            "certificates",
            "sysctl",
            "packet-filter",
            "routes",
            "nodes",
            "pods",
            "kubelet-log",
            "container-logs",
        ],
        hosts: &["kcp-1"],
    },
    Planted {
        sample: "rancher-windows.tar.gz",
        layout: "rancher-windows",
        inside: &[],
        faults: &[("kubelet-cert-expired", "Node", "win1")],
        data: &[
            "certificates",
            "cri-containers",
            "node-configuration",
            "kubelet-log",
            "containerd-log",
            "container-logs",
        ],
        hosts: &["win1"],
    },
    Planted {
        sample: "talos-support.zip",
        layout: "talos-support",
        inside: &[],
        faults: &[("etcd-nospace", "EtcdMember", "talos-cp1")],
        data: &[
            "nodes",
            "pods",
            "resolv.conf",
            "sysctl",
            "systemd-units",
            "kubelet-log",
            "containerd-log",
            "etcd-log",
        ],
        hosts: &["talos-cp1", "talos-w1"],
    },
    Planted {
        sample: "crust-gather.tar.gz",
        layout: "crust-gather",
        inside: &[],
        faults: &[
            ("configmap-missing", "ConfigMap", "web-settings"),
            ("pleg-not-healthy", "Node", "w2"),
        ],
        data: &["nodes", "pods", "configmaps", "kubelet-log", "container-logs"],
        hosts: &[],
    },
    Planted {
        sample: "capi.tar.gz",
        layout: "capi-artifacts",
        inside: &[],
        faults: &[("cgroup-driver-mismatch", "Node", "work-1-md-0-abcde")],
        data: &[
            "nodes",
            "machines",
            "kubelet-log",
            "containerd-log",
            "system-log",
            "container-logs",
        ],
        hosts: &[],
    },
    Planted {
        sample: "prow.tar.gz",
        layout: "prow",
        inside: &["capi-artifacts"],
        faults: &[("cgroup-driver-mismatch", "Node", "work-1-md-0-abcde")],
        data: &["nodes", "machines", "kubelet-log"],
        hosts: &[],
    },
    Planted {
        sample: "microk8s.tar.gz",
        layout: "microk8s-inspect",
        inside: &[],
        faults: &[("secret-missing", "Secret", "web-key")],
        data: &[
            "nodes",
            "pods",
            "events",
            "packet-filter",
            "routes",
            "filesystems",
            "kubelet-log",
            "containerd-log",
            "container-logs",
        ],
        hosts: &[],
    },
    Planted {
        sample: "aks-nodepool1-31847236-vmss000000.zip",
        layout: "aks-periscope",
        inside: &[],
        faults: &[
            ("coredns-loop", "Deployment", "coredns"),
            ("image-tag-not-found", "Deployment", "web"),
        ],
        data: &[
            "pods",
            "events",
            "resolv.conf",
            "packet-filter",
            "kubelet-log",
            "container-logs",
        ],
        hosts: &["aks-nodepool1-31847236-vmss000000"],
    },
    Planted {
        sample: "cilium-sysdump-20261121-102042.zip",
        layout: "cilium-sysdump",
        inside: &[],
        faults: &[("ip-pool-exhausted", "Node", "w1")],
        data: &[
            "nodes",
            "pods",
            "events",
            "configmaps",
            "packet-filter",
            "container-logs",
        ],
        hosts: &["w1"],
    },
    Planted {
        sample: "insights.tar.gz",
        layout: "insights-archive",
        inside: &[],
        faults: &[("node-disk-pressure", "Node", "w1")],
        data: &["nodes", "pods", "clusterversions", "container-logs"],
        hosts: &[],
    },
    Planted {
        sample: "velero.tar.gz",
        layout: "velero-backup",
        inside: &[],
        faults: &[("pvc-class-missing", "StorageClass", "fast-ssd")],
        data: &["persistentvolumeclaims", "storageclasses", "events", "namespaces"],
        hosts: &[],
    },
    Planted {
        sample: "kops.tar.gz",
        layout: "kops-dump",
        inside: &[],
        faults: &[("filesystem-readonly", "Node", "i-0a1b2c3d4e5f60002")],
        data: &[
            "nodes",
            "pods",
            "sysctl",
            "packet-filter",
            "routes",
            "hosts-file",
            "kubelet-log",
            "system-log",
            "container-logs",
        ],
        hosts: &["i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002"],
    },
    // The host is called by its address, which the node's object knows.
    Planted {
        sample: "crashd.tar.gz",
        layout: "crashd",
        inside: &[],
        faults: &[("hung-task", "Node", "w2")],
        data: &[
            "nodes",
            "pods",
            "sysctl",
            "filesystems",
            "cri-containers",
            "kubelet-log",
            "system-log",
            "container-logs",
        ],
        hosts: &["w2"],
    },
    Planted {
        sample: "k0s-sysinfo.json",
        layout: "k0s-sysinfo",
        inside: &[],
        faults: &[("host-requirement-unmet", "Node", "bundle")],
        data: &["host-facts"],
        hosts: &[],
    },
    Planted {
        sample: "elastic-diagnostics.zip",
        layout: "elastic-diagnostics",
        inside: &[],
        faults: &[],
        data: &[],
        hosts: &[],
    },
];

fn path(sample: &str) -> std::path::PathBuf {
    checkout("tests/layouts").join(sample)
}

#[test]
fn every_collectors_bundle_is_read_as_what_it_is() {
    for planted in SAMPLES {
        let Planted { sample, layout, .. } = planted;
        let snapshot = read_bundle(&path(sample), sample, RULES.signatures(), Budget::default()).unwrap();
        assert_eq!(snapshot.bundle.layout, *layout, "{sample}");
        // One layout at each root, and none inside but those that were put there.
        let mut roots = BTreeSet::new();
        for found in &snapshot.coverage.layouts {
            assert!(roots.insert(found.root.as_str()), "{sample}: two at {}", found.root);
            let expected = found.layout == *layout || planted.inside.contains(&found.layout);
            assert!(expected, "{sample}: {found:?}");
        }
        for inside in planted.inside {
            assert!(
                snapshot.coverage.layouts.iter().any(|found| found.layout == *inside),
                "{sample}: {inside}"
            );
        }
        let logs: BTreeSet<&str> = snapshot
            .logs
            .iter()
            .map(|log| match &log.stream {
                Stream::Component(component) => component.datum(),
                Stream::Container(container) => {
                    assert!(!container.pod.is_empty(), "{sample}: {} is of no pod", log.path);
                    "container-logs"
                }
                Stream::Unknown => "other-text",
            })
            .collect();
        for datum in planted.data {
            let is_read = snapshot.coverage.read.get(*datum).is_some_and(|count| *count > 0);
            assert!(is_read || logs.contains(datum), "{sample}: no {datum}");
        }
        let hosts: Vec<&str> = snapshot.hosts.iter().map(|host| host.node_name()).collect();
        for host in planted.hosts {
            assert!(hosts.contains(host), "{sample}: {host} is not among {hosts:?}");
        }
        let unparsed: Vec<_> = snapshot
            .coverage
            .problems
            .iter()
            .filter(|problem| matches!(problem.kind, casefile::model::ProblemKind::Unparsed))
            .collect();
        assert!(unparsed.is_empty(), "{sample}: {unparsed:?}");
    }
}

#[test]
fn what_is_wrong_in_every_collectors_bundle_is_named() {
    for planted in SAMPLES {
        let Planted { sample, faults, .. } = planted;
        let reports = analyse(&path(sample), "bundle", None);
        let roots = reports.roots();
        match faults.first() {
            Some((rule, _, name)) => assert_eq!(roots.first(), Some(&(*rule, *name)), "{sample}: {roots:?}"),
            None => assert!(roots.is_empty(), "{sample}: {roots:?}"),
        }
        let findings: Vec<(&str, &str, &str)> = reports.json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| {
                let text = |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).unwrap_or("");
                (text("/rule"), text("/subject/kind"), text("/subject/name"))
            })
            .collect();
        for fault in *faults {
            assert!(
                findings.contains(fault),
                "{sample}: {fault:?} is not among {findings:?}"
            );
        }
    }
}

#[test]
fn every_file_of_every_collector_is_explained() {
    for planted in SAMPLES {
        let mut command = Command::cargo_bin("casefile").unwrap();
        let output = command
            .args(["inspect", "--files", "--format", "json"])
            .arg(path(planted.sample))
            .output()
            .unwrap();
        let overviews: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        for file in overviews[0]["files"].as_array().unwrap() {
            let detail = file["detail"].as_str().unwrap();
            let is_explained = file["treatment"] == "empty" || !detail.is_empty() && !detail.contains("no known form");
            assert!(is_explained, "{}: {file}", planted.sample);
        }
    }
}

#[test]
fn an_encrypted_bundle_says_what_to_do() {
    let encrypted = path("talos-support-encrypted.zip.age");
    let ended = Desk::new().run(&["analyze", encrypted.to_str().unwrap()]);
    assert_eq!(ended.code, 3);
    for words in ["age-encrypted", "age -d -i KEY", "--no-encryption"] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
}

#[test]
fn what_is_not_ours_is_said_to_be_so() {
    let snapshot = read_bundle(
        &path("elastic-diagnostics.zip"),
        "b",
        RULES.signatures(),
        Budget::default(),
    )
    .unwrap();
    let said = |words: &str| {
        snapshot
            .coverage
            .problems
            .iter()
            .any(|problem| problem.detail.contains(words))
    };
    assert!(said("says nothing of Kubernetes"), "{:?}", snapshot.coverage.problems);
    let k0s = read_bundle(&path("k0s-sysinfo.json"), "b", RULES.signatures(), Budget::default()).unwrap();
    // What k0s rejects is so; its checks did not fail to be collected.
    assert!(k0s.coverage.problems.is_empty(), "{:?}", k0s.coverage.problems);
    let read = |snapshot: &casefile::cluster::Snapshot| {
        let files = snapshot.coverage.files.iter();
        files
            .filter(|file| matches!(file.treatment, Treatment::Read(_)))
            .count()
    };
    assert_eq!(read(&k0s), 1);
}

/// The members of the malformed archive are all there, the one behind a member of whole blocks too.
#[test]
fn the_malformed_archive_of_crust_gather_is_whole() {
    let archive = path("crust-gather.tar.gz");
    let files = super::support::files(&archive);
    assert_eq!(files.len(), 14);
    let whole = |path: &str| files[&format!("crust-gather/{path}")].ends_with('\n');
    assert!(whole("namespaces/kube-system/v1/pod/kube-proxy-k2z8q.yaml") && whole("cluster/v1/node/w1.yaml"));
    let is_clean = files.values().all(|text| !text.contains('\0'));
    assert!(is_clean, "no padding is left in a text");
}

#[test]
fn the_list_of_formats_is_fresh() {
    let desk = Desk::new();
    let written = desk.run(&["formats", "-f", "markdown"]);
    written.assert_done();
    let kept = std::fs::read_to_string(checkout("docs/formats.md")).unwrap();
    assert!(
        kept == written.out,
        "docs/formats.md is not what the program writes; run: casefile formats -f markdown > docs/formats.md"
    );
    // Every layout has a sample or a tree that a test reads.
    let mut tested: BTreeSet<&str> = SAMPLES.iter().map(|planted| planted.layout).collect();
    tested.extend(super::layouts::trees().iter().map(|(layout, _)| *layout));
    tested.extend(["must-gather", "sonobuoy", "sos"]);
    for layout in casefile::bundle::layout::known() {
        assert!(tested.contains(layout.name), "{} has no sample", layout.name);
    }
    for (lang, word) in [("en", "of each node"), ("zh", "每个节点")] {
        let listed = desk.run(&["formats", "--lang", lang]);
        listed.assert_done();
        assert!(
            listed.out.contains("kind-logs") && listed.out.contains(word),
            "{}",
            listed.out
        );
    }
}

#[test]
fn the_way_from_other_tools_is_true() {
    let text = std::fs::read_to_string(checkout("docs/moving.md")).unwrap();
    let is_code = |(index, _): &(usize, &str)| index % 2 == 1;
    let spans: Vec<&str> = text
        .split('`')
        .enumerate()
        .filter(is_code)
        .map(|(_, span)| span)
        .collect();
    let in_blocks = text.lines().filter(|line| line.starts_with("casefile "));
    let commands: Vec<&str> = spans
        .iter()
        .copied()
        .filter(|span| span.starts_with("casefile "))
        .chain(in_blocks)
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split(['#', '>']).next().unwrap().split_whitespace().collect();
        if words.len() > 2 {
            let parsed = casefile::cli::command().try_get_matches_from(&words);
            assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
        } else {
            let known = casefile::cli::command();
            assert!(known.find_subcommand(words[1]).is_some(), "{command}");
        }
    }
    let rules = Rules::load().unwrap();
    let named: Vec<&str> = text
        .split("What stands for an analyser:")
        .nth(1)
        .and_then(|rest| rest.split("A threshold of your own").next())
        .unwrap()
        .lines()
        .filter_map(|line| line.split(" | ").nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 40, "{named:?}");
    for rule in named {
        assert!(rules.get(rule).is_some(), "no rule is called {rule}");
    }
    assert!(Path::new(&checkout("docs/formats.md")).exists());
}
