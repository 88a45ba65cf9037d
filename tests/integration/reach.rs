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

fn section(source: &str, text: &str) -> String {
    format!("#==[ Command ]===================================#\n# {source}\n{text}\n\n")
}

#[test]
fn sections_of_supportconfig_list_containers_and_are_their_logs() {
    let listing = "CONTAINER ID   IMAGE                   COMMAND    CREATED       STATUS                     PORTS     NAMES\n\
29a2614d4315   registry/agent:v2.9.2   \"run.sh\"   2 hours ago   Exited (1) 5 minutes ago             agent\n\
31a2614d4315   coredns                 \"run.sh\"   2 hours ago   Up 5 minutes                         k8s_coredns_coredns-x2k8q_kube-system_5b1f0c7e-3a2d-4c6f-8e9a-0b1c2d3e4f50_0";
    let docker = [
        section("/usr/bin/docker ps --all", listing),
        section("/usr/bin/docker logs agent", "agent: boom"),
        section("/usr/bin/docker logs kubelet", "E1121 10:15:42.000000 1 x.go:1] boom"),
    ]
    .concat();
    let of_id = section("/usr/bin/docker logs 31a2614d4315", "[ERROR] plugin/errors: boom");
    let cri = [
        section(
            "/var/lib/rancher/rke2/bin/crictl ps -a",
            "CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD\n3e7d1151cf930       aaaaaaaaaaaaa       2 hours ago         Exited              web                 3                   bbbbbbbbbbbbb       web-0",
        ),
        section("/var/lib/rancher/rke2/bin/crictl logs 3e7d1151cf930", "web: boom"),
        section("/usr/bin/journalctl --no-pager --unit=rke2-agent", "Nov 21 10:20:42 w1 rke2[1]: boom"),
    ]
    .concat();
    let snapshot = written(&[
        (
            "scc_w1_261121_1020/basic-environment.txt",
            &section("/bin/date", "Sat Nov 21 10:20:42 UTC 2026"),
        ),
        ("scc_w1_261121_1020/supportconfig.txt", "x\n"),
        ("scc_w1_261121_1020/docker.txt", &docker),
        ("scc_w1_261121_1020/docker/31a2614d4315.txt", &of_id),
        ("scc_w1_261121_1020/plugin-rke2.txt", &cri),
    ]);
    let w1 = host(&snapshot, "w1");
    assert!(w1.complete_listing().is_some() && w1.container("agent").is_some());
    assert_eq!(w1.tools.cri.len(), 1);
    assert_eq!(streams(&snapshot, "docker.txt"), ["//agent", "kubelet-log"]);
    assert_eq!(
        streams(&snapshot, "31a2614d4315.txt"),
        ["kube-system/coredns-x2k8q/coredns"]
    );
    assert_eq!(streams(&snapshot, "plugin-rke2.txt"), ["/web-0/web", "k3s-log"]);
}

#[test]
fn microk8s_tells_arguments_and_the_use_of_disks() {
    let snapshot = written(&[
        (
            "inspection-report/k8s/cluster-info-dump",
            "{\"kind\": \"NodeList\", \"apiVersion\": \"v1\", \"items\": [{\"metadata\": {\"name\": \"mk\"}}]}\n",
        ),
        (
            "inspection-report/snap.microk8s.daemon-kubelite/journal.log",
            "Nov 21 10:20:42 mk microk8s.daemon-kubelite[1]: x\n",
        ),
        (
            "inspection-report/args/kubelet",
            "--root-dir=${SNAP_COMMON}/var/lib/kubelet\n--cluster-dns=10.152.183.10\n",
        ),
        (
            "inspection-report/args/containerd",
            "--root ${SNAP_COMMON}/var/lib/containerd\n",
        ),
        (
            "inspection-report/sys/disk_usage",
            "/dev/vda1        20G   19G  1.0G  96% /\n/dev/vda15      105M  6.1M   99M   6% /boot/efi\n",
        ),
        (
            "inspection-report/sys/lsb_release",
            "No LSB modules are available.\nDistributor ID:\tUbuntu\nDescription:\tUbuntu 22.04.5 LTS\n",
        ),
    ]);
    let mk = &snapshot.hosts[0];
    let argument = |program, flag| mk.tools.argument(program, flag).map(|(value, _)| value);
    assert_eq!(argument("kubelet", "--cluster-dns"), Some("10.152.183.10"));
    assert_eq!(
        argument("containerd", "--root"),
        Some("${SNAP_COMMON}/var/lib/containerd")
    );
    assert_eq!(argument("kubelet", "--cluster"), None);
    assert_eq!(disk(mk, "/var/lib").percent, Some(96));
    assert_eq!(value(mk, "os.name"), "Ubuntu 22.04.5 LTS");
}

#[test]
fn host_collectors_of_troubleshoot_tell_what_tools_of_a_machine_tell() {
    let snapshot = written(&[
        (
            "sb/version.yaml",
            "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\n",
        ),
        (
            "sb/host-collectors/system/hostos_info.json",
            r#"{"name": "n1", "kernelVersion": "5.15.0", "platformVersion": "22.04", "platform": "ubuntu"}"#,
        ),
        (
            "sb/host-collectors/system/time.json",
            r#"{"timezone":"UTC","ntp_synchronized":false,"ntp_active":false}"#,
        ),
        (
            "sb/host-collectors/system/sysctl.json",
            r#"{"net.ipv4.ip_forward":"0"}"#,
        ),
        (
            "sb/host-collectors/diskUsage/Disk Usage /var/lib/kubelet.json",
            r#"{"total_bytes":1000,"used_bytes":970}"#,
        ),
        (
            "sb/host-collectors/run-host/lists-info.json",
            r#"{"command":"/usr/bin/crictl ps -a","exitCode":"0","error":""}"#,
        ),
        (
            "sb/host-collectors/run-host/lists.txt",
            "CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD\n3e7d1151cf930       aaaaaaaaaaaaa       2 hours ago         Running             web                 3                   bbbbbbbbbbbbb       web-0\n",
        ),
        (
            "sb/host-collectors/run-host/agent-info.json",
            r#"{"command":"/usr/bin/journalctl -u kubelet","exitCode":"0","error":""}"#,
        ),
        (
            "sb/host-collectors/run-host/agent.txt",
            "Nov 21 10:20:42 n1 kubelet[1]: boom\n",
        ),
        // Collected inside the cluster, on another node.
        ("sb/host-collectors/system/n2/memory.json", r#"{"total":8322514944}"#),
    ]);
    let n1 = host(&snapshot, "n1");
    assert_eq!(
        (value(n1, "clock.synchronised"), value(n1, "kernel.version")),
        ("no", "5.15.0")
    );
    assert_eq!(n1.sysctl["net.ipv4.ip_forward"].0, "0");
    assert_eq!(disk(n1, "/var/lib/kubelet").percent, Some(97));
    // That stopped containers were asked for is told by the command alone.
    assert!(
        n1.tools
            .complete_cri_listing(casefile::bundle::decode::CriKind::Container)
            .is_some()
    );
    assert_eq!(streams(&snapshot, "agent.txt"), ["kubelet-log"]);
    assert_eq!(value(host(&snapshot, "n2"), "memory.total-bytes"), "8322514944");
}

#[test]
fn the_pod_of_a_prow_job_has_its_events_and_its_log() {
    let report = r#"{
	"pod": {
		"metadata": {"name": "7b0d", "namespace": "test-pods", "uid": "u1"},
		"spec": {"nodeName": "build-1", "containers": [{"name": "test", "image": "e2e:1"}]},
		"status": {"phase": "Failed", "reason": "Evicted"}
	},
	"events": [{"metadata": {"name": "7b0d.1", "namespace": "test-pods"}, "involvedObject": {"kind": "Pod", "namespace": "test-pods", "name": "7b0d"}, "reason": "Evicted", "message": "The node was low on resource: memory.", "type": "Warning"}]
}"#;
    let snapshot = written(&[
        ("186/started.json", r#"{"timestamp":1795255842}"#),
        ("186/finished.json", r#"{"timestamp":1795256442,"result":"FAILURE"}"#),
        ("186/podinfo.json", report),
        ("186/build-log.txt", "+ make test-e2e\nno space left on device\n"),
    ]);
    let pod = snapshot.pod("test-pods", "7b0d").unwrap();
    assert_eq!(pod.node(), "build-1");
    assert_eq!(
        (snapshot.events.len(), snapshot.events[0].about.name.as_str()),
        (1, "7b0d")
    );
    assert_eq!(streams(&snapshot, "build-log.txt"), ["test-pods/7b0d/test"]);
}

#[test]
fn compacted_events_of_an_insights_archive_are_events() {
    let snapshot = written(&[
        ("i/insights-operator/gathers.json", "{}"),
        (
            "i/events/openshift-dns.json",
            r#"{"items":[{"namespace":"openshift-dns","lastTimestamp":"2026-11-21T10:02:00Z","reason":"BackOff","message":"Back-off restarting failed container dns in pod dns-default-8gq2x_openshift-dns(5b1f0c7e)","type":"Warning"},{"namespace":"openshift-dns","lastTimestamp":"2026-11-21T10:05:00Z","reason":"FailedUpdate","message":"requeue in: 20s","type":"Warning"}]}"#,
        ),
        (
            "i/config/pod/openshift-dns/logs/dns-default-8gq2x/dns_previous.log",
            "plugin/forward: no nameservers found\n",
        ),
    ]);
    let about: Vec<(&str, &str)> = snapshot
        .events
        .iter()
        .map(|event| (event.reason.as_str(), event.about.name.as_str()))
        .collect();
    assert_eq!(about, [("BackOff", "dns-default-8gq2x"), ("FailedUpdate", "")]);
    assert!(
        snapshot
            .events
            .iter()
            .all(|event| event.warning && event.last.is_some())
    );
    assert_eq!(
        streams(&snapshot, "dns_previous.log"),
        ["openshift-dns/dns-default-8gq2x/dns"]
    );
}

#[test]
fn talos_tells_mounts_processes_and_whether_its_clock_is_right() {
    let snapshot = written(&[
        (
            "kubernetesResources/systemPods.yaml",
            "kind: PodList\napiVersion: v1\nitems: []\n",
        ),
        ("n1/controller-runtime.log", "n1: 2026/11/21 10:20:42 x\n"),
        (
            "n1/mounts",
            "FILESYSTEM   SIZE(GB)   USED(GB)   AVAILABLE(GB)   PERCENT USED   MOUNTED ON\n/dev/vda6    20.00      19.40      0.60            97.00%         /var\n",
        ),
        (
            "n1/processes",
            "PID    STATE   THREADS   CPU-TIME   VIRTMEM   RESMEM   COMMAND\n  1975   S         14      99.20    2.1 GB     95 MB   /usr/local/bin/kubelet --cluster-dns=10.96.0.10\n",
        ),
        (
            "n1/resources/timestatuses.v1alpha1.talos.dev.yaml",
            "metadata:\n    namespace: runtime\n    type: TimeStatuses.v1alpha1.talos.dev\n    id: node\nspec:\n    synced: false\n    syncDisabled: false\n",
        ),
    ]);
    let n1 = host(&snapshot, "n1");
    assert_eq!(disk(n1, "/var/lib/containerd").percent, Some(97));
    let servers = n1.tools.argument("kubelet", "--cluster-dns").map(|(value, _)| value);
    assert_eq!(servers, Some("10.96.0.10"));
    assert_eq!(value(n1, "clock.synchronised"), "no");
}

#[test]
fn events_that_cluster_api_watched_are_events_and_every_log_of_a_machine_is_its_own() {
    let event = "[New Event] work/md-0-abcde.18a\n\tresource: infrastructure.cluster.x-k8s.io/v1beta1/DockerMachine/md-0-abcde\n\treason: FailedCreate\n\tmessage: no such image\n\tfull: &v1.Event{Source:v1.EventSource{Component:\"dockermachine-controller\", Host:\"\"}, LastTimestamp:time.Date(2026, time.November, 21, 10, 10, 42, 0, time.Local), Count:3, Type:\"Warning\"}\n";
    let machine = "clusters/work-1/machines/work-1-md-0-abcde";
    let snapshot = written(&[
        (
            "a/clusters/bootstrap/resources/work/Cluster/work-1.yaml",
            "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata:\n  name: work-1\n  namespace: work\n",
        ),
        ("a/clusters/bootstrap/resources/work/events.log", event),
        (&format!("a/{machine}/kubelet.log"), "Nov 21 10:20:42 n kubelet[1]: x\n"),
        (
            &format!("a/{machine}/cloud-final.log"),
            "cloud-init: failed to run module scripts-user\n",
        ),
    ]);
    let [failed] = &snapshot.events[..] else {
        panic!("{:?}", snapshot.events)
    };
    assert_eq!(
        (failed.about.kind.as_str(), failed.count, failed.warning),
        ("DockerMachine", 3, true)
    );
    assert!(failed.last.is_some() && snapshot.object("Cluster", "work", "work-1").is_some());
    assert_eq!(streams(&snapshot, "cloud-final.log"), ["system-log"]);
    assert_eq!(streams(&snapshot, "kubelet.log"), ["kubelet-log"]);
}

#[test]
fn checks_of_k0s_are_facts_of_the_machine_in_yaml_too() {
    let snapshot = written(&[(
        "sysinfo.yaml",
        "- category: pass\n  displayName: Operating system\n  path:\n  - os\n  prop: Linux\n- category: warning\n  displayName: Total memory\n  message: 1.0 GiB recommended\n  path:\n  - memory\n  prop: 0.5 GiB\n",
    )]);
    assert_eq!(snapshot.bundle.layout, "k0s-sysinfo");
    let machine = &snapshot.hosts[0];
    assert_eq!(value(machine, "host.memory"), "0.5 GiB");
    assert_eq!(
        value(machine, "k0s.check.Total memory"),
        "warning: 0.5 GiB: 1.0 GiB recommended"
    );
    assert_eq!(snapshot.coverage.problems.len(), 0);
}

#[test]
fn what_is_not_ours_is_said_at_once_and_an_empty_answer_is_of_no_datum() {
    let elastic = checkout("tests/layouts/elastic-diagnostics.zip");
    let desk = Desk::new();
    let inspected = desk.run(&["inspect", elastic.to_str().unwrap()]);
    inspected.assert_done();
    assert!(inspected.err.contains("is not of Kubernetes"), "{}", inspected.err);
    assert!(inspected.out.contains("not ours"), "{}", inspected.out);
    let analysed = desk.run(&["analyze", elastic.to_str().unwrap(), "-o", "out"]);
    assert!(
        analysed.err.contains("elastic-diagnostics is not of Kubernetes"),
        "{}",
        analysed.err
    );
    // A text that does not tell what was asked for.
    let snapshot = written(&[("answers.txt", "No resources found in shop namespace.\n")]);
    assert!(
        snapshot.coverage.read.keys().all(|datum| datum != "s"),
        "{:?}",
        snapshot.coverage.read
    );
}
