//! Bundles with the logs of nodes and no pods: what kubelet and kernel wrote is named, whoever collected it and however it is wrapped.

use std::collections::BTreeSet;

use casefile::bundle::Budget;
use casefile::cluster::read_bundle;
use casefile::rules::{Input, Outcome, Rules};

use super::support::directory;

const UID: &str = "8f2c1d0a-1111-2222-3333-444455556666";

/// What the kubelet writes after its stamp, and the rule that it is to be found by.
fn words() -> Vec<(String, &'static str)> {
    let syncing = |error: &str| {
        format!(r#"pod_workers.go:1301] "Error syncing pod, skipping" err="{error}" pod="shop/web-5d" podUID="{UID}""#)
    };
    let waits = |reason: &str, message: &str| {
        syncing(&format!(
            r#"failed to \"StartContainer\" for \"app\" with {reason}: \"{message}\""#
        ))
    };
    let volume = format!(
        r#"nestedpendingoperations.go:348] Operation for "{{volumeName:c podName:{UID} nodeName:}}" failed. No retries permitted until 2026-11-20 10:18:02 +0000 UTC m=+1 (durationBeforeRetry 2m2s). Error: MountVolume.SetUp failed for volume "c" (UniqueName: "c") pod "web-5d" (UID: "{UID}") : configmap "web-config" not found"#
    );
    let image = r#"rpc error: code = NotFound desc = failed to pull and unpack image \\\"hub.example/web:9\\\": failed to resolve reference \\\"hub.example/web:9\\\": hub.example/web:9: not found"#;
    vec![
        (
            waits(
                "CrashLoopBackOff",
                &format!("back-off 5m0s restarting failed container=app pod=web-5d_shop({UID})"),
            ),
            "crashloopbackoff",
        ),
        (waits("ErrImagePull", image), "image-tag-not-found"),
        (
            waits("CreateContainerConfigError", r#"secret \\\"db-login\\\" not found"#),
            "secret-missing",
        ),
        (
            format!(
                "{}\n{volume}",
                syncing(
                    "unmounted volumes=[c], unattached volumes=[], failed to process volumes=[]: context deadline exceeded"
                )
            ),
            "configmap-missing",
        ),
        (
            format!(
                r#"prober.go:107] "Probe failed" probeType="Readiness" pod="shop/web-5d" podUID="{UID}" containerName="app" probeResult="failure" output="HTTP probe failed with statuscode: 503""#
            ),
            "readiness-probe-failing",
        ),
        (
            r#"eviction_manager.go:614] "Eviction manager: pod is evicted successfully" pod="shop/web-5d""#.to_owned(),
            "evicted-pods",
        ),
        (
            syncing(&format!(
                r#"failed to \"CreatePodSandbox\" for \"web-5d_shop({UID})\" with CreatePodSandboxError: \"Failed to create sandbox for pod \\\"web-5d_shop({UID})\\\": rpc error: code = Unknown desc = failed to setup network for sandbox \\\"0a\\\": plugin type=\\\"calico\\\" failed (add): stat /var/lib/calico/nodename: no such file or directory\""#
            )),
            "cni-add-failure",
        ),
    ]
}

/// The kubelet's log with these lines, each three times, as a journal has it.
fn journal(words: &str, program: &str) -> String {
    let mut text = String::new();
    for (minute, line) in (10..13).flat_map(|minute| words.lines().map(move |line| (minute, line))) {
        text += &format!("Nov 20 10:{minute}:02 w1 {program}[240]: E1120 10:{minute}:02.123456     240 {line}\n");
    }
    text
}

/// The same as the kubelet writes it by itself.
fn bare(words: &str) -> String {
    let journal = journal(words, "kubelet");
    let lines = journal.lines().filter_map(|line| line.split_once("]: "));
    lines.map(|(_, line)| format!("{line}\n")).collect()
}

const KILLED: &str =
    "Memory cgroup out of memory: Killed process 4242 (java) total-vm:6845608kB, anon-rss:2071180kB, file-rss:20824kB";

/// The smallest bundle of a collector around the kubelet's log and that of the kernel.
type Wrap = fn(kubelet: &str, kernel: &str) -> Vec<(String, String)>;

fn put(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

const SECTION: &str = "#==[ Command ]======================================#\n";

fn layouts() -> Vec<(&'static str, Wrap)> {
    vec![
        ("kind-logs", |kubelet, kernel| {
            put(&[
                ("l/kind-version.txt", "kind v0.29.0 go1.24 linux/amd64\n"),
                ("l/w1/kubernetes-version.txt", "v1.33.1"),
                ("l/w1/serial.log", "ok\n"),
                ("l/w1/kubelet.log", &journal(kubelet, "kubelet")),
                ("l/w1/journal.log", &format!("Nov 20 10:12:02 w1 kernel: {kernel}\n")),
            ])
        }),
        ("sos", |kubelet, kernel| {
            let root = "sosreport-w1-2026-11-20-abcdefg";
            put(&[
                (&format!("{root}/version.txt"), "sos report: 4.8.2\n"),
                (&format!("{root}/sos_reports/manifest.json"), "{\"version\": \"4.8.2\"}"),
                (&format!("{root}/hostname"), "w1\n"),
                (
                    &format!("{root}/sos_commands/kubernetes/journalctl_--no-pager_--unit_kubelet"),
                    &journal(kubelet, "kubelet"),
                ),
                (
                    &format!("{root}/sos_commands/logs/journalctl_--no-pager_--boot"),
                    &format!("Nov 20 10:12:02 w1 kernel: {kernel}\n"),
                ),
            ])
        }),
        ("supportconfig", |kubelet, kernel| {
            let messages = format!("Nov 20 10:12:02 w1 kernel: {kernel}\n{}", journal(kubelet, "kubelet"));
            put(&[
                (
                    "scc_w1_261120_1030/basic-environment.txt",
                    &format!("Supportconfig\n{SECTION}# /bin/date\nFri Nov 20 10:30:00 UTC 2026\n\n"),
                ),
                (
                    "scc_w1_261120_1030/supportconfig.txt",
                    &format!("{SECTION}# /sbin/supportconfig -v\n4\n"),
                ),
                (
                    "scc_w1_261120_1030/messages.txt",
                    &format!("#==[ Log File ]=====#\n# /var/log/messages - Last 500 Lines\n{messages}\n"),
                ),
            ])
        }),
        ("eks-log-collector", |kubelet, kernel| {
            put(&[
                ("eks/system/instance-id.txt", "i-0abc\n"),
                ("eks/kernel/uname.txt", "Linux w1 6.1.119 #1 SMP x86_64 GNU/Linux\n"),
                ("eks/ipamd/enis.json", "{\"TotalIPs\": 1}"),
                ("eks/sysctls/sysctl_all.txt", "net.ipv4.ip_forward = 1\n"),
                ("eks/kubelet/kubelet.log", &journal(kubelet, "kubelet")),
                (
                    "eks/kernel/dmesg.human.current",
                    &format!("[Fri Nov 20 10:12:02 2026] {kernel}\n"),
                ),
            ])
        }),
        ("aks-periscope", |kubelet, kernel| {
            put(&[
                ("w1/kubeletcmd/kubeletcmd", "/usr/local/bin/kubelet --v=2\n"),
                ("w1/systemlogs/kubelet", &journal(kubelet, "kubelet")),
                (
                    "w1/nodelogs/messages",
                    &format!("Nov 20 10:12:02 w1 kernel: {kernel}\n"),
                ),
            ])
        }),
        ("crashd", |kubelet, kernel| {
            put(&[
                (
                    "c/kubecapture/core_v1/nodes-202611201030.json",
                    r#"{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "w1", "uid": "1"}}]}"#,
                ),
                ("c/w1/sudo_journalctl__l__u_kubelet.txt", &journal(kubelet, "kubelet")),
                (
                    "c/w1/sudo_dmesg__T.txt",
                    &format!("[Fri Nov 20 10:12:02 2026] {kernel}\n"),
                ),
            ])
        }),
        ("talos-support", |kubelet, kernel| {
            put(&[
                (
                    "t/kubernetesResources/systemPods.yaml",
                    "kind: PodList\napiVersion: v1\nitems:\n- metadata: {name: dns, namespace: kube-system, uid: c}\n  spec: {nodeName: w1, containers: [{name: c}]}\n  status: {phase: Running, containerStatuses: [{name: c, ready: true, restartCount: 0, state: {running: {}}}]}\n",
                ),
                (
                    "t/10.0.0.1/resources/nodenames.kubernetes.talos.dev.yaml",
                    "spec:\n    nodename: w1\n",
                ),
                ("t/10.0.0.1/service-logs/kubelet.log", &bare(kubelet)),
                (
                    "t/10.0.0.1/dmesg.log",
                    &format!("kern:    info: [2026-11-20T10:12:02.118Z]: {kernel}\n"),
                ),
            ])
        }),
        ("pile", |kubelet, kernel| {
            put(&[
                ("inspection-report/args/kubelet", "--kubeconfig=x\n"),
                (
                    "inspection-report/snap.microk8s.daemon-kubelite/journal.log",
                    &journal(kubelet, "microk8s.daemon-kubelite"),
                ),
                (
                    "inspection-report/sys/dmesg",
                    &format!("Nov 20 10:12:02 w1 kernel: {kernel}\n"),
                ),
            ])
        }),
        ("minikube-logs", |kubelet, kernel| {
            put(&[(
                "minikube.txt",
                &format!(
                    "\n==> Audit <==\n|---------|\n\n==> Last Start <==\nLog file created at: 2026/11/20 09:00:00\n\n==> dmesg <==\n[Nov20 10:12] {kernel}\n[  +0.000007] ok\n\n==> kubelet <==\n{}\n",
                    journal(kubelet, "kubelet")
                ),
            )])
        }),
        ("pile", |kubelet, kernel| {
            let escaped = |line: &str| line.replace('\\', "\\\\").replace('"', "\\\"");
            let of_k0s = |line: &str| {
                format!(
                    "Nov 20 10:12:02 w1 k0s[240]: time=\"2026-11-20 10:12:02\" level=info msg=\"{}\" component=kubelet stream=stderr\n",
                    escaped(line)
                )
            };
            let log: String = bare(kubelet).lines().map(of_k0s).collect();
            put(&[
                ("k0s/k0sworker.log", &log),
                ("k0s/dmesg.txt", &format!("Nov 20 10:12:02 w1 kernel: {kernel}\n")),
            ])
        }),
        ("capi-artifacts", |kubelet, kernel| {
            put(&[
                ("clusters/c1/machines/w1/kubelet.log", &journal(kubelet, "kubelet")),
                (
                    "clusters/c1/machines/w1/kern.log",
                    &format!("Nov 20 10:12:02 w1 kernel: {kernel}\n"),
                ),
            ])
        }),
        ("kops-dump", |kubelet, kernel| {
            put(&[
                (
                    "k/cluster-info/nodes.yaml",
                    "kind: NodeList\napiVersion: v1\nitems:\n- metadata: {name: w1, uid: '1'}\n",
                ),
                ("k/w1/sysctls", "net.ipv4.ip_forward = 1\n"),
                ("k/w1/kubelet.log", &journal(kubelet, "kubelet")),
                ("k/w1/kern.log", &format!("Nov 20 10:12:02 w1 kernel: {kernel}\n")),
            ])
        }),
    ]
}

/// The layout that was found and the rules that hold.
fn found(rules: &Rules, files: &[(String, String)]) -> (String, BTreeSet<String>) {
    let bytes: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    let snapshot = read_bundle(directory(&bytes).path(), "b", rules.signatures(), Budget::default()).unwrap();
    let input = Input {
        snapshot: &snapshot,
        baseline: None,
    };
    let holds = |outcome: Outcome| matches!(outcome, Outcome::Judged(found) if !found.is_empty());
    let named = rules.iter().filter(|rule| holds(rule.judge(&input)));
    let named = named.map(|rule| rule.header.id.clone()).collect();
    (snapshot.bundle.layout.clone(), named)
}

#[test]
fn what_the_kubelet_says_is_named_in_every_layout_without_pods() {
    let rules = Rules::load().unwrap();
    for (layout, wrap) in layouts() {
        for (words, id) in words() {
            let (seen, named) = found(&rules, &wrap(&words, "eth0: link is up"));
            assert_eq!(seen, layout);
            assert!(named.contains(id), "{layout}: {id} is not among {named:?} for {words}");
        }
    }
}

#[test]
fn what_the_kernel_says_is_named_in_every_layout_without_pods() {
    let rules = Rules::load().unwrap();
    for (layout, wrap) in layouts() {
        let (_, named) = found(&rules, &wrap(r#"kubelet.go:1] "ok""#, KILLED));
        assert!(named.contains("oomkilled-container"), "{layout}: {named:?}");
    }
}

#[test]
fn logs_of_a_quiet_node_name_nothing_and_clear_no_pod() {
    let rules = Rules::load().unwrap();
    for (layout, wrap) in layouts() {
        let files = wrap(r#"kubelet.go:1] "ok""#, "eth0: link is up");
        let (_, named) = found(&rules, &files);
        assert!(named.is_empty(), "{layout}: {named:?}");
    }
}
