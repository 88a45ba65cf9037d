//! What breaks naive readers of bundles: one test for each known trap, each with the smallest bundle that has it.

use casefile::bundle::{Budget, OpenError};
use casefile::cluster::{Snapshot, Treatment, read_bundle};
use casefile::logs::Stream;
use casefile::model::{Basis, Place, ProblemKind};
use tar::EntryType;

use super::archives::{Bench, LOG, POD, bz2, gz, header, link, padded, see, tar_of, try_see, xz, zip_of, zst};
use super::layouts::{LIST, trees};
use super::support::{RULES, analyse, directory, sample_of_layout, snapshot, written};

const LINE: &str = "2026-11-21T09:34:42.500253854Z stdout F x\n";

/// The details of the problems of a kind, in order.
fn problems(snapshot: &Snapshot, kind: ProblemKind) -> Vec<&str> {
    let all = snapshot.coverage.problems.iter();
    all.filter(|problem| problem.kind == kind)
        .map(|problem| problem.detail.as_str())
        .collect()
}

#[test]
fn g01_the_ending_of_a_name_lies() {
    let bench = Bench::new();
    let tar = tar_of(&[POD, LOG]);
    for bytes in [
        tar.clone(),
        gz(&tar),
        xz(&tar),
        bz2(&tar),
        zst(&tar),
        zip_of(&[POD, LOG]),
    ] {
        for name in ["bundle.zip", "bundle.tgz", "bundle.tar", "bundle"] {
            let seen = see(&bench.put(name, &bytes));
            assert_eq!(seen.order, [POD.0, LOG.0], "{name}");
        }
        // Inside an archive the same holds.
        let seen = see(&bench.put("outer", &tar_of(&[("inner.log", &bytes)])));
        assert_eq!(seen.files[&format!("inner.log/{}", POD.0)], POD.1);
    }
    // What is told and not read is named, so that somebody can unpack it.
    for (bytes, form) in [
        (&b"age-encryption.org/v1\n-> X25519 x\n"[..], "age"),
        (b"\x04\x22\x4d\x18\x64\x40", "LZ4"),
        (b"\x1f\x9d\x90\x61\x40", "compress"),
    ] {
        let error = try_see(&bench.put("bundle.tar.gz", bytes), &mut Budget::default())
            .err()
            .unwrap();
        assert!(
            matches!(error, OpenError::NotABundle { .. }) && error.to_string().contains(form),
            "{error}"
        );
    }
}

#[test]
fn g02_archives_in_archives_belong_to_their_node() {
    let bench = Bench::new();
    let scc = xz(&tar_of(&[("scc/messages.txt", b"2026-11-21T10:20:00 n1 kernel: x\n")]));
    let node = zip_of(&[("n1/hostname", b"n1.local\n"), ("n1/scc/scc_n1.txz", &scc)]);
    let bundle = zip_of(&[
        ("sb/bundleGenerationError.log", b""),
        ("sb/yamls/cluster/v1/nodes.yaml", LIST.as_bytes()),
        ("sb/nodes/n1.zip", &node),
    ]);
    let snapshot = snapshot(&bench.put("sb.zip", &bundle));
    let read: Vec<&str> = snapshot.coverage.files.iter().map(|file| file.path.as_str()).collect();
    assert!(
        read.contains(&"sb/nodes/n1.zip/n1/scc/scc_n1.txz/scc/messages.txt"),
        "{read:?}"
    );
    assert_eq!(
        snapshot.hosts.iter().map(|host| host.node_name()).collect::<Vec<_>>(),
        ["n1"]
    );
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
fn g04_links_may_come_before_what_they_point_to() {
    let bench = Bench::new();
    let mut bytes = Vec::new();
    for (name, target) in [
        (
            "s/app/web-0/nginx.log",
            "../../cluster-resources/pods/logs/shop/web-0/nginx.log",
        ),
        ("s/cluster-resources/custom-resources/apps.x.io.yaml", "apps.x.io.json"),
        ("s/out", "../../etc/shadow"),
        ("s/gone.log", "missing.log"),
        ("s/loop", ".."),
    ] {
        bytes.extend(link(EntryType::Symlink, name, target).as_bytes());
    }
    bytes.extend(tar_of(&[
        ("s/cluster-resources/pods/shop.json", b"[]"),
        (
            "s/cluster-resources/custom-resources/apps.x.io.json",
            br#"[{"kind": "App", "apiVersion": "x.io/v1", "metadata": {"name": "a"}}]"#,
        ),
        ("s/cluster-resources/pods/logs/shop/web-0/nginx.log", LINE.as_bytes()),
    ]));
    let snapshot = snapshot(&bench.put("s.tar", &bytes));
    assert_eq!(snapshot.container_logs("shop", "web-0", "nginx").count(), 1);
    assert_eq!(snapshot.kind("App").count(), 1);
    let why = |path: &str| {
        let listed = snapshot.coverage.files.iter().find(|file| file.path.as_str() == path);
        format!("{:?}", listed.map(|file| &file.treatment))
    };
    assert!(why("s/app/web-0/nginx.log").contains("which is read where it stands"));
    assert!(why("s/gone.log").contains("a link to s/missing.log, which is not in the bundle"));
    assert!(why("s/loop").contains("a link to the bundle itself"));
    assert_eq!(
        problems(&snapshot, ProblemKind::Refused).len(),
        1,
        "{:?}",
        snapshot.coverage.problems
    );
}

/// crust-gather writes `size = length + 1` into each header and then only `length` bytes.
#[test]
fn g05_members_one_byte_shorter_than_declared() {
    let bench = Bench::new();
    let lines = [b'x'; 1024];
    let mut bytes = Vec::new();
    for (name, content) in [
        ("a.json", &b"{}"[..]),
        ("full.log", &lines),
        ("empty", b""),
        ("z.json", b"[]"),
    ] {
        bytes.extend(header(EntryType::Regular, name, content.len() as u64 + 1).as_bytes());
        bytes.extend(padded(content));
    }
    bytes.extend([0; 1024]);
    let seen = see(&bench.put("crust.tar.gz", &gz(&bytes)));
    assert_eq!(seen.order, ["a.json", "full.log", "empty", "z.json"]);
    assert_eq!((seen.text("a.json"), seen.text("z.json")), ("{}", "[]"));
    assert_eq!(seen.files["full.log"], lines);
    assert_eq!(seen.text("empty"), "");
    seen.assert_problem(ProblemKind::Damaged, None, "4 members are one byte shorter");
}

#[test]
fn g06_lists_objects_and_arrays() {
    // Troubleshoot 0.50 wrote custom resources as bare YAML lists.
    let snapshot = sample_of_layout("tests/layouts/troubleshoot-v0.50.tar.gz");
    assert!(snapshot.coverage.has("addons"), "{:?}", snapshot.coverage.read);
    // Sonobuoy writes bare JSON arrays.
    assert!(
        sample_of_layout("tests/layouts/sonobuoy.tar.gz")
            .kind("Node")
            .next()
            .is_some()
    );
    // Troubleshoot before 0.28 wrote arrays whose items have no kind: the path has it.
    let old = written(&[
        (
            "s/cluster-resources/pods/shop.json",
            r#"[{"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"nodeName": "n1"}}]"#,
        ),
        ("s/cluster-resources/nodes.json", r#"[{"metadata": {"name": "n1"}}]"#),
        (
            "s/cluster-resources/network-policy/shop.json",
            r#"[{"metadata": {"name": "deny", "namespace": "shop"}}]"#,
        ),
        ("s/cluster-resources/services/shop.json", "null"),
        (
            "s/cluster-resources/custom-resource-definitions.json",
            r#"{"items": [{"metadata": {"name": "apps.x.io"}}]}"#,
        ),
        (
            "s/cluster-resources/pvcs/shop.json",
            r#"{"kind": "PersistentVolumeClaimList", "apiVersion": "v1", "items": null}"#,
        ),
    ]);
    assert_eq!(old.object("Pod", "shop", "web-0").unwrap().text("/spec/nodeName"), "n1");
    for (kind, name) in [
        ("Node", "n1"),
        ("NetworkPolicy", "deny"),
        ("CustomResourceDefinition", "apps.x.io"),
    ] {
        assert!(old.kind(kind).any(|object| object.key.name == name), "{kind}");
    }
    assert_eq!(
        old.coverage.read.get("persistentvolumeclaims"),
        Some(&0),
        "empty, not absent"
    );
    // Old dumps have Go's names all the way down, and links in place of kinds.
    let dump = written(&[(
        "cluster-info",
        r#"{
        "metadata": {"selfLink": "/api/v1/namespaces/shop/pods"},
        "Items": [{"metadata": {"name": "web-0", "namespace": "shop"},
                   "Spec": {"NodeName": "n1", "Containers": [{"Name": "web", "Image": "nginx"}]},
                   "Status": {"ContainerStatuses": [{"Name": "web", "State": {"Waiting": {"Reason": "ErrImagePull"}}}]}}]}"#,
    )]);
    let pod = dump.object("Pod", "shop", "web-0").unwrap();
    assert_eq!(pod.text("/spec/containers/0/image"), "nginx");
    assert_eq!(
        pod.text("/status/containerStatuses/0/state/waiting/reason"),
        "ErrImagePull"
    );
}

#[test]
fn g07_yaml_documents_that_are_no_kubernetes_objects() {
    // Talos writes its own resources as documents of metadata and spec.
    let talos = "node: 10.5.0.2\nmetadata:\n    namespace: network\n    type: Links.net.talos.dev\n    id: eth0\nspec:\n    index: 2\n---\nnode: 10.5.0.2\nmetadata:\n    namespace: network\n    id: lo\nspec: {}\n";
    let both = format!("{talos}---\napiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n");
    let snapshot = written(&[
        ("resources/nodes.yaml", &both),
        ("resources/links.net.talos.dev.yaml", talos),
    ]);
    let found: Vec<&str> = snapshot.objects.keys().map(|key| key.name.as_str()).collect();
    assert_eq!(found, ["n1"]);
    assert_eq!(
        snapshot.object("Node", "", "n1").unwrap().cite.place,
        Place::Pointer("2#".into())
    );
    assert!(
        snapshot.coverage.problems.is_empty(),
        "{:?}",
        snapshot.coverage.problems
    );
}

#[test]
fn g08_damaged_yaml_and_errors_in_its_place() {
    let pod =
        |name: &str| format!("- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: {name}\n    namespace: shop\n");
    let cut = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}{}",
        pod("a"),
        "- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: \"b"
    );
    let single = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: c\n  namespace: shop\n";
    let snapshot = written(&[
        ("i/namespaces/shop/core/services.yaml", &cut),
        ("i/namespaces/shop/core/pods.yaml", ""),
        ("i/namespaces/shop/pods/c/c.yaml", single),
        (
            "i/namespaces/shop/core/secrets.yaml",
            "Error from server (Forbidden): secrets is forbidden: User \"x\" cannot list\n",
        ),
        (
            "i/namespaces/shop/core/routes.yaml",
            "error: the server doesn't have a resource type \"routes\"\n",
        ),
    ]);
    let pods: Vec<&str> = snapshot.pods().map(|pod| pod.name()).collect();
    assert_eq!(
        pods,
        ["a", "c"],
        "the whole item of the cut list, and the pod beside the empty one"
    );
    assert_eq!(problems(&snapshot, ProblemKind::Unparsed).len(), 1);
    let errors = problems(&snapshot, ProblemKind::CollectorError);
    assert!(
        errors.iter().any(|error| error.contains("Forbidden")) && errors.iter().any(|error| error.contains("routes")),
        "{errors:?}"
    );
    let empty = snapshot
        .coverage
        .files
        .iter()
        .find(|file| file.path.as_str().ends_with("core/pods.yaml"))
        .unwrap();
    assert_eq!(empty.treatment, Treatment::Empty);
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
fn g10_quantities_that_are_maps_are_unknown() {
    // Longhorn to 1.1 wrote its Go structs (longhorn/longhorn#2490).
    let list = "apiVersion: v1\nkind: NodeList\nitems:\n- metadata:\n    name: n1\n  status:\n    capacity:\n      cpu: {format: DecimalSI}\n      memory: {format: BinarySI}\n    allocatable:\n      cpu: {format: DecimalSI}\n    conditions:\n    - {type: Ready, status: \"True\"}\n";
    let pod = r#"{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "shop", "uid": "u"}, "spec": {"nodeName": "n1", "containers": [{"name": "c", "resources": {"limits": {"memory": {"format": "BinarySI"}}}}]}, "status": {"phase": "Running"}}"#;
    let files = directory(&[("yamls/nodes.yaml", list.as_bytes()), ("pod.json", pod.as_bytes())]);
    let reports = analyse(files.path(), "old", None);
    assert!(reports.roots().is_empty(), "{:?}", reports.roots());
    let node = snapshot(files.path());
    assert_eq!(node.object("Node", "", "n1").unwrap().text("/status/capacity/cpu"), "");
}

#[test]
fn g11_journals_of_every_flavour() {
    let date = ("n1/date", "Sat Jan  2 10:20:42 UTC 2027\n");
    let span = |text: &str| {
        let snapshot = written(&[date, ("n1/journald/kubelet", text)]);
        let log = snapshot
            .logs
            .iter()
            .find(|log| log.path.file_name() == "kubelet")
            .unwrap()
            .clone();
        let time = |line: &Option<String>| {
            line.as_deref()
                .and_then(|line| snapshot.time_of(line))
                .map(|when| when.latest.to_string())
        };
        (time(&log.first_stamped), time(&log.last_stamped), log.is_newest_first)
    };
    let at = |text: &str| Some(text.to_owned());
    // Without a year: December was last year.
    let short = "Dec 31 23:59:58 n1 kubelet[1]: a\nJan 02 10:00:00 n1 kubelet[1]: b\n";
    assert_eq!(
        span(short),
        (at("2026-12-31T23:59:58Z"), at("2027-01-02T10:00:00Z"), false)
    );
    let precise = "Jan 02 09:59:58.123456 n1 kubelet[1]: a\nJan 02 10:00:00.000001 n1 kubelet[1]: b\n";
    assert_eq!(
        span(precise),
        (
            at("2027-01-02T09:59:58.123456Z"),
            at("2027-01-02T10:00:00.000001Z"),
            false
        )
    );
    let iso = "2027-01-02T11:59:58+0200 n1 kubelet[1]: a\n2027-01-02T12:00:00+0200 n1 kubelet[1]: b\n";
    assert_eq!(
        span(iso),
        (at("2027-01-02T09:59:58Z"), at("2027-01-02T10:00:00Z"), false)
    );
    // `--output=cat` has no times; klog's own are there, without a year.
    let cat = "I1231 23:59:58.000000    1 x.go:1] a\nI0102 10:00:00.000000    1 x.go:1] b\n";
    assert_eq!(
        span(cat),
        (at("2026-12-31T23:59:58Z"), at("2027-01-02T10:00:00Z"), false)
    );
    assert_eq!(span("started\nstopped\n"), (None, None, false));
    // Newest first, as Longhorn's are.
    let reversed: String = (0..6)
        .map(|second| format!("Jan 02 10:00:0{} n1 kubelet[1]: x\n", 6 - second))
        .collect();
    assert_eq!(
        span(&reversed),
        (at("2027-01-02T10:00:01Z"), at("2027-01-02T10:00:06Z"), true)
    );
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
    let files = directory(&[("nodes.txt", &utf16)]);
    assert!(snapshot(files.path()).object("Node", "", "w1").is_some());
    // Other programs leave the mark out, and some write four bytes for each character.
    let wide = directory(&[
        (
            "le.txt",
            &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        ),
        (
            "be.txt",
            &text
                .replace("w1", "w2")
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect::<Vec<u8>>(),
        ),
        (
            "32.txt",
            &text
                .replace("w1", "w3")
                .chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect::<Vec<u8>>(),
        ),
        ("bom.txt", format!("\u{FEFF}{}", text.replace("w1", "w4")).as_bytes()),
    ]);
    let names: Vec<String> = snapshot(wide.path())
        .kind("Node")
        .map(|node| node.key.name.clone())
        .collect();
    assert_eq!(names, ["w1", "w2", "w3", "w4"]);
}

#[test]
fn g15_what_was_masked_before_is_no_evidence() {
    let node = r#"{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1", "uid": "u"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.able.aardvark.ably"}], "conditions": [{"type": "Ready", "status": "True"}]}}"#;
    let secret = r#"{"kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/tls", "metadata": {"name": "tls", "namespace": "shop", "uid": "u"}, "data": {"tls.crt": "***HIDDEN***", "tls.key": "MTcwNCBieXRlcyBsb25n", "ca": "[REDACTED]"}}"#;
    let files = directory(&[
        ("node.json", node.as_bytes()),
        ("secret.json", secret.as_bytes()),
        (
            "tls.crt",
            b"-----BEGIN CERTIFICATE-----\n***HIDDEN***\n-----END CERTIFICATE-----\n",
        ),
        ("resolv.conf", b"nameserver ********\nsearch <REDACTED>\n"),
        ("app.log", b"2026-11-21T10:20:00Z listening on ***HIDDEN***\n"),
    ]);
    let reports = analyse(files.path(), "masked", None);
    assert!(reports.roots().is_empty(), "{:?}", reports.roots());
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
    // kind follows links below /var/log, so that every log is there twice.
    let id = "0123456789abcdef".repeat(4);
    let twice = written(&[
        (&format!("n1/containers/web-0_shop_nginx-{id}.log"), LINE),
        (
            "n1/pods/shop_web-0_2f1c0b4e-6f0a-4c8e-9d53-0a7d1f5b9c11/nginx/0.log",
            LINE,
        ),
    ]);
    assert_eq!(twice.container_logs("shop", "web-0", "nginx").count(), 1);
}

#[test]
fn g17_known_faults_of_collectors() {
    // Rancher's kubeadm plugin writes the metrics of nodes into `metrics_pod`, and those of pods into `metrics_nodes`.
    let swapped = written(&[
        (
            "x/kubeadm/metrics_pod",
            "NAME   CPU(cores)   CPU%   MEMORY(bytes)   MEMORY%\nn1     250m         12%    2048Mi          50%\n",
        ),
        (
            "x/kubeadm/metrics_nodes",
            "NAMESPACE   NAME    CPU(cores)   MEMORY(bytes)\nshop        web-0   5m           64Mi\n",
        ),
    ]);
    let value = |key: &str| {
        swapped
            .hosts
            .iter()
            .find_map(|host| host.values.get(key))
            .map(|(value, _)| value.as_str())
    };
    assert_eq!(value("top.node.n1.memory"), Some("2048Mi"));
    assert_eq!(value("top.pod.shop/web-0.memory"), Some("64Mi"));

    // Its RKE1 plugin overwrites the versions that it collected.
    let rke1 = |versions: &str| {
        written(&[
            (
                "n1-2026-11-21_10_20_42/systeminfo/etcresolvconf",
                "nameserver 1.1.1.1\n",
            ),
            ("n1-2026-11-21_10_20_42/networking/iptablessave", "*filter\n"),
            ("n1-2026-11-21_10_20_42/systemlogs/syslog", "x\n"),
            ("n1-2026-11-21_10_20_42/rke/certs/x", "x\n"),
            ("n1-2026-11-21_10_20_42/versions", versions),
        ])
    };
    assert_eq!(
        problems(&rke1("Docker version 28.2.2, build e6534b4\n"), ProblemKind::Truncated),
        ["the collector overwrote all versions but that of Docker"]
    );
    assert!(
        problems(
            &rke1("rke 1.4.6\nDocker version 28.2.2, build e6534b4\n"),
            ProblemKind::Truncated
        )
        .is_empty()
    );

    // support-bundle-kit waits for ready nodes only: the one that is missing may be the broken one.
    let nodes = "kind: List\napiVersion: v1\nitems:\n- kind: Node\n  apiVersion: v1\n  metadata: {name: n1}\n- kind: Node\n  apiVersion: v1\n  metadata: {name: n2}\n";
    let kit = written(&[
        ("b/bundleGenerationError.log", ""),
        ("b/yamls/cluster/v1/nodes.yaml", nodes),
        ("b/nodes/n1.zip/n1/hostname", "n1.local\n"),
    ]);
    let missing = problems(&kit, ProblemKind::CollectorError);
    assert!(
        matches!(missing.as_slice(), [one] if one.starts_with("node n2 has no bundle under nodes/")),
        "{missing:?}"
    );
    let without = written(&[
        ("b/bundleGenerationError.log", ""),
        ("b/yamls/cluster/v1/nodes.yaml", nodes),
    ]);
    assert!(
        problems(&without, ProblemKind::CollectorError).is_empty(),
        "collected without nodes"
    );
}

#[test]
fn g18_errors_of_collectors_are_gaps() {
    for (path, text, detail) in [
        (
            "kubectl/pods",
            "Error from server (Forbidden): pods is forbidden\n",
            "Error from server (Forbidden): pods is forbidden",
        ),
        (
            "s/cluster-resources/pods-errors.json",
            r#"{"shop": "pods is forbidden"}"#,
            "pods shop: pods is forbidden",
        ),
        (
            "s/cluster-resources/nodes-errors.json",
            r#"["the server is currently unable"]"#,
            "nodes: the server is currently unable",
        ),
        (
            "b/bundleGenerationError.log",
            "Support Bundle: failed to get events: timeout\n",
            "Support Bundle: failed to get events: timeout",
        ),
    ] {
        let snapshot = written(&[(path, text)]);
        assert_eq!(problems(&snapshot, ProblemKind::CollectorError), [detail], "{path}");
    }
    // A real bundle says what its collectors could not do.
    let real = sample_of_layout("tests/layouts/troubleshoot-v0.123.tar.gz");
    let errors = problems(&real, ProblemKind::CollectorError);
    for wanted in [
        "etcd: current k8s distribution does not support etcd collector",
        "helm: release: not found",
        "configmaps default example-configmap: configmaps \"example-configmap\" not found",
    ] {
        assert!(errors.contains(&wanted), "{wanted}: {errors:?}");
    }
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
        let when = sample_of_layout(name).bundle.collected_at.unwrap();
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
fn g20_logs_of_any_size_stream() {
    // More than is decoded as a whole and many times what is read at once; the one line that matters is the last.
    let mut log =
        "2026-11-21T10:20:00.000000000Z stdout F GET /healthz 200 in 3ms, nothing to see here\n".repeat(900_000);
    assert!(log.len() as u64 > Budget::DEFAULT.max_parsed_bytes);
    log.push_str("2026-11-21T10:21:00.000000000Z stderr F standard_init_linux.go:228: exec user process caused: exec format error\n");
    let bench = Bench::new();
    let bundle = gz(&tar_of(&[("logs/shop/web-0/web.log", log.as_bytes())]));
    let snapshot = read_bundle(&bench.put("b.tgz", &bundle), "b", RULES.signatures(), Budget::default()).unwrap();
    assert!(
        snapshot
            .hits
            .iter()
            .any(|hit| hit.captures.is_empty() || hit.cite.quote[0].text.contains("exec format error"))
    );
    let [file] = snapshot.logs.as_slice() else {
        panic!("{} logs", snapshot.logs.len())
    };
    assert_eq!(file.lines, 900_001);
    assert!(file.tail.len() < 100 && file.last_stamped.as_deref().unwrap().contains("10:21:00"));
    assert!(
        snapshot.coverage.problems.is_empty(),
        "{:?}",
        snapshot.coverage.problems
    );
}
