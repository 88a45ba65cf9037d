//! What the programs of a node write of pods, events and nodes, read back into what they told the API server.
//!
//! Where a bundle has the logs of nodes and no objects, these lines are all that is known of the pods. Sources of the lines: kubernetes
//! `pkg/kubelet/pod_workers.go` (`Error syncing pod, skipping`), `pkg/kubelet/kuberuntime/kuberuntime_manager.go`,
//! `pkg/kubelet/prober/prober.go`, `pkg/volume/util/operationexecutor`, `pkg/kubelet/volumemanager`, `pkg/kubelet/eviction`,
//! `pkg/kubelet/pleg/generic.go`, `pkg/kubelet/kubelet.go` (`SyncLoop (PLEG)`), `pkg/scheduler/schedule_one.go`; client-go
//! `tools/record/event.go` (`Event occurred`); Linux `mm/oom_kill.c`. Each in the form of klog since 1.19 or so, and most in the one before.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::bundle::decode::PodRef;
use crate::logs::{SignatureSpec, TextSource};

/// The name that stands for the rule in the signatures' ids.
pub const NODE_WORDS: &str = "node-words";

/// The pod that a line names, as far as it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodName {
    /// Namespace; empty where the line has none.
    pub(super) namespace: String,
    /// Name; empty where the line has none.
    pub(super) name: String,
    /// Uid; empty where the line has none.
    pub(super) uid: String,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A container does not start: the reason and message of its waiting state.
    Waits {
        container: String,
        reason: String,
        message: String,
    },
    /// The sandbox of a pod cannot be made (or not be ended).
    Sandbox { is_end: bool, message: String },
    /// A probe failed.
    Probe {
        container: String,
        probe: String,
        message: String,
    },
    /// The kubelet ends a container because of a probe.
    Killing { container: String, message: String },
    /// A volume is not mounted.
    Mount(String),
    /// The kubelet frees this resource.
    Reclaims(String),
    /// The kubelet put the pod out.
    Evicted,
    /// No node takes the pod.
    Unscheduled(String),
    /// A component logged the event that it sent.
    Event {
        kind: String,
        container: String,
        reason: String,
        message: String,
    },
    /// The node is not ready, for this reason and with this message.
    NotReady { reason: String, message: String },
    /// The kernel ended a process of the pod for the limit of its memory.
    KilledForMemory,
    /// A container ended with this code, which is not 0.
    Finished(i64),
    /// A container (or the sandbox) of the pod has started: what it waited for until then is over. What still fails, the kubelet says
    /// again as it looks at the pod after that.
    Started,
}

/// `name`, what the line is searched for, and whether the control plane writes it too.
const LINES: [(&str, &str, bool); 22] = [
    (
        "container",
        r#"failed to \\*"StartContainer\\*" for \\*"(?P<container>[a-z0-9.-]+)\\*" with (?P<reason>[A-Za-z]+):[^\n]*pod="(?P<pod>[^"\n]+)""#,
        false,
    ),
    (
        "container-json",
        r#""pod":\{"name":"(?P<name>[^"\n]+)","namespace":"(?P<namespace>[^"\n]+)"\}[^\n]*failed to \\*"StartContainer\\*" for \\*"(?P<container>[a-z0-9.-]+)\\*" with (?P<reason>[A-Za-z]+):"#,
        false,
    ),
    (
        "container-old",
        r#"\("(?P<pod_uid>[^"\n]+)"\), skipping:[^\n]*failed to "StartContainer" for "(?P<container>[a-z0-9.-]+)" with (?P<reason>[A-Za-z]+):"#,
        false,
    ),
    (
        "sandbox",
        r#"failed to \\*"(?P<step>CreatePodSandbox|KillPodSandbox)\\*" for \\*"(?P<pod_uid>[^"\\\n]+)\\*" with"#,
        false,
    ),
    (
        "probe",
        r#""Probe (?:failed|errored)[^\n]*probeType="(?P<probe>[A-Z][a-z]+)" pod="(?P<pod>[^"\n]+)"[^\n]*containerName="(?P<container>[^"\n]+)""#,
        false,
    ),
    (
        "probe-old",
        r#"(?P<probe>Liveness|Readiness|Startup) probe for "(?P<pod_uid>[^":\n]+):(?P<container>[^"\n]+)" (?:failed|errored)"#,
        false,
    ),
    (
        "killing",
        r#"pod="(?P<pod>[^"\n]+)"[^\n]*containerMessage="(?P<message>Container (?P<container>\S+) failed (?:liveness|startup) probe, will be restarted)"#,
        false,
    ),
    (
        "mount",
        r#"(?:MountVolume|MapVolume|AttachVolume)\.\w+ failed for volume \\*"(?P<volume>[^"\\\n]+)\\*"[^\n]* pod \\*"(?P<name>[^"\\\n]+)\\*" \(UID: \\*"(?P<uid>[^"\\\n]+)\\*""#,
        false,
    ),
    (
        "volumes",
        r#"unmounted volumes=\[(?P<volumes>[^\]\n]*)\][^\n]*pod="(?P<pod>[^"\n]+)""#,
        false,
    ),
    (
        "volumes-old",
        r#"\("(?P<pod_uid>[^"\n]+)"\), skipping: unmounted volumes=\[(?P<volumes>[^\]\n]*)\]"#,
        false,
    ),
    (
        "reclaim",
        r#"[Ee]viction manager: (?:attempting to reclaim|must evict pod\(s\) to reclaim)"? (?:resourceName=")?(?P<resource>[a-z.-]+)"#,
        false,
    ),
    (
        "evicted",
        r#"Eviction manager: pod is evicted successfully" pod="(?P<pod>[^"\n]+)""#,
        false,
    ),
    (
        "evicted-old",
        r"eviction manager: pod (?P<pod_uid>\S+) is evicted successfully",
        false,
    ),
    (
        "unscheduled",
        r#"Unable to schedule pod; no fit; waiting" pod="(?P<pod>[^"\n]+)" err="(?P<message>[^\n]*)""#,
        true,
    ),
    (
        "event",
        r#""Event occurred" object="(?P<pod>[^"\n]+)"[^\n]* kind="(?P<kind>[A-Za-z]+)"[^\n]* type="Warning" reason="(?P<reason>[A-Za-z]+)""#,
        true,
    ),
    (
        "event-old",
        r#"Event\(v1\.ObjectReference\{Kind:"(?P<kind>[A-Za-z]+)", Namespace:"(?P<namespace>[^"\n]*)", Name:"(?P<name>[^"\n]+)"[^\n]*type: 'Warning' reason: '(?P<reason>[A-Za-z]+)'"#,
        true,
    ),
    (
        "not-ready",
        r#""Node became not ready" node="(?P<node>[^"\n]+)" condition=\{"type":"Ready""#,
        false,
    ),
    (
        "killed-for-memory",
        r"(?:oom-kill:constraint=CONSTRAINT_MEMCG\b[^\n]*task_memcg=|Task in )/\S*?pod(?P<uid>[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})[^\n]*(?:task=|killed as a result of limit)",
        false,
    ),
    (
        "finished",
        r#""Generic \(PLEG\): container finished" podID="(?P<uid>[^"\n]+)"[^\n]* exitCode=(?P<code>[1-9]\d*)"#,
        false,
    ),
    (
        "started",
        r#""SyncLoop \(PLEG\): event for pod" pod="(?P<pod>[^"\n]+)" event=\{"ID":"(?P<uid>[^"\n]+)","Type":"ContainerStarted""#,
        false,
    ),
    (
        "started-plain",
        r#""SyncLoop \(PLEG\): event for pod" pod="(?P<pod>[^"\n]+)" event=&\{ID:(?P<uid>\S+) Type:ContainerStarted "#,
        false,
    ),
    (
        "started-old",
        r#"SyncLoop \(PLEG\): "(?P<pod_uid>[^"\n]+)", event: &pleg\.PodLifecycleEvent\{ID:"[^"\n]+", Type:"ContainerStarted""#,
        false,
    ),
];

/// The signatures of all these lines, to be looked for together with those of the rules.
pub fn node_words() -> Vec<SignatureSpec> {
    let node = [TextSource::Kubelet, TextSource::System, TextSource::Other];
    LINES
        .iter()
        .map(|&(id, pattern, of_control_plane)| SignatureSpec {
            id: id.to_owned(),
            pattern: pattern.to_owned(),
            sources: (node.into_iter())
                .chain(of_control_plane.then_some(TextSource::ControlPlane))
                .collect(),
            unless: None,
            within: None,
            tells_of_many: true,
        })
        .collect()
}

/// What the line says in which the signature `id` (without its rule) matched with these captures, and of which pod, node or other object.
pub(super) fn read(id: &str, captures: &BTreeMap<String, String>, line: &str) -> Option<(PodName, Word)> {
    let of = |name: &str| captures.get(name).cloned().unwrap_or_default();
    let plain = plain(line);
    let line = plain.as_ref();
    let word = match id {
        "container" | "container-json" | "container-old" => {
            let said = error_of(line);
            let at = format!("for \"{}\" with {}: ", of("container"), of("reason"));
            Word::Waits {
                container: of("container"),
                reason: of("reason"),
                message: quoted(said.split_once(&at)?.1),
            }
        }
        "sandbox" => {
            let said = error_of(line);
            let (_, rest) = said.split_once(&format!("\"{}\" for ", of("step")))?;
            let message = quoted(rest.split_once("Error: ")?.1);
            // What follows the pod's name is what the event says.
            let rest = message.split_once("\": ").map(|(_, rest)| rest.to_owned());
            Word::Sandbox {
                is_end: of("step") == "KillPodSandbox",
                message: rest.unwrap_or(message),
            }
        }
        "probe" | "probe-old" => {
            let output = match line.split_once(" output=\"").or_else(|| line.split_once(" err=\"")) {
                Some((_, rest)) => go_text(rest),
                None => (line.split_once("failed (failure): ").map_or("", |(_, rest)| rest)).to_owned(),
            };
            let how = if line.contains("errored") { "errored" } else { "failed" };
            Word::Probe {
                container: of("container"),
                message: format!("{} probe {how}: {output}", of("probe")),
                probe: of("probe"),
            }
        }
        "killing" => Word::Killing {
            container: of("container"),
            message: of("message"),
        },
        "mount" => {
            let said = error_of(line);
            let from = said.split_once(" failed for volume ")?.0.rsplit(' ').next()?;
            let (_, why) = said.split_once(&format!("(UID: \"{}\")", of("uid")))?;
            let why = why.trim_start_matches([' ', ':']);
            Word::Mount(format!("{from} failed for volume \"{}\" : {why}", of("volume")))
        }
        "volumes" | "volumes-old" => {
            let said = error_of(line);
            let at = said.find("unmounted volumes=")?;
            Word::Mount(format!("Unable to attach or mount volumes: {}", said.get(at..)?))
        }
        "reclaim" => Word::Reclaims(of("resource")),
        "evicted" | "evicted-old" => Word::Evicted,
        "unscheduled" => Word::Unscheduled(go_text(&format!("{}\"", of("message")))),
        "event" => Word::Event {
            kind: of("kind"),
            container: (line.split_once("fieldPath=\"")).map_or_else(String::new, |(_, rest)| container_at(rest)),
            reason: of("reason"),
            message: go_text(line.split_once(" message=\"")?.1),
        },
        "event-old" => Word::Event {
            kind: of("kind"),
            container: (line.split_once("FieldPath:\"")).map_or_else(String::new, |(_, rest)| container_at(rest)),
            message: (line.split_once(&format!("reason: '{}' ", of("reason")))?.1).to_owned(),
            reason: of("reason"),
        },
        "not-ready" => {
            let json = line.split_once(" condition=")?.1;
            let mut values = serde_json::Deserializer::from_str(json).into_iter::<serde_json::Value>();
            let condition = values.next()?.ok()?;
            let text = |field: &str| {
                condition
                    .get(field)
                    .and_then(|value| value.as_str())
                    .unwrap_or("")
                    .to_owned()
            };
            Word::NotReady {
                reason: text("reason"),
                message: text("message"),
            }
        }
        "killed-for-memory" => Word::KilledForMemory,
        "started" | "started-plain" | "started-old" => Word::Started,
        "finished" => Word::Finished(of("code").parse().ok()?),
        _ => return None,
    };
    Some((pod_of(captures, line), word))
}

fn pod_of(captures: &BTreeMap<String, String>, line: &str) -> PodName {
    let of = |name: &str| captures.get(name).map_or("", String::as_str);
    let told = |key: &str| line.split_once(key).and_then(|(_, rest)| rest.split('"').next());
    let uid = match of("uid") {
        "" => told(" podUID=\"").or_else(|| told("\"podUID\":\"")).unwrap_or(""),
        uid => uid,
    };
    let mut pod = PodName {
        namespace: of("namespace").to_owned(),
        name: of("name").to_owned(),
        // A slice of systemd has underscores where the uid has hyphens.
        uid: uid.replace('_', "-"),
    };
    if let Some((namespace, name)) = of("pod").split_once('/') {
        (pod.namespace, pod.name) = (namespace.to_owned(), name.to_owned());
    } else if !of("pod").is_empty() || !of("node").is_empty() {
        // An object without a namespace.
        pod.name = format!("{}{}", of("pod"), of("node"));
    }
    if let Some(named) = PodRef::of_words(of("pod_uid")) {
        (pod.namespace, pod.name) = (named.namespace.to_owned(), named.name.to_owned());
        if !named.uid.is_empty() {
            pod.uid = named.uid.to_owned();
        }
    }
    pod
}

/// The line of klog as it was written, where another program (k0s, say) has put it between quotation marks.
fn plain(line: &str) -> Cow<'_, str> {
    let said = line.split_once("] ").map_or("", |(_, said)| said);
    match said.find('"').and_then(|at| said.get(..at)) {
        Some(before) if before.ends_with('\\') => Cow::Owned(go_text(said)),
        _ => Cow::Borrowed(line),
    }
}

/// The container of a field path, `spec.containers{web}`.
fn container_at(rest: &str) -> String {
    let path = rest.split('"').next().unwrap_or("");
    let name = path.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    name.map_or("", |(name, _)| name).to_owned()
}

/// The error of a line, as it was before it was quoted: the value of `err`, or the line itself.
fn error_of(line: &str) -> String {
    match line.split_once(" err=\"").or_else(|| line.split_once("\"err\":\"")) {
        Some((_, rest)) => go_text(rest),
        None => line.to_owned(),
    }
}

/// A text that starts with a quotation mark, without it; another one as it stands.
fn quoted(text: &str) -> String {
    match text.strip_prefix('"') {
        Some(rest) => go_text(rest),
        None => text.to_owned(),
    }
}

/// A text up to its closing quotation mark, with Go's escapes resolved.
fn go_text(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::SignatureSet;

    /// What the lines say, in order: namespace/name, uid, and the word.
    fn said(line: &str) -> Vec<(String, String, Word)> {
        let specs = node_words();
        let signatures = SignatureSet::new(specs.iter().map(|spec| (NODE_WORDS, spec))).unwrap();
        signatures
            .matches(line, TextSource::Kubelet, &signatures.tried())
            .into_iter()
            .filter_map(|found| read(found.id.split_once('/')?.1, &found.captures, line))
            .map(|(pod, word)| (format!("{}/{}", pod.namespace, pod.name), pod.uid, word))
            .collect()
    }

    fn waits(container: &str, reason: &str, message: &str) -> Word {
        Word::Waits {
            container: container.into(),
            reason: reason.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_container_waits_in_every_form_of_the_line() {
        let message = "back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)";
        for line in [
            r#"E1120 10:11:02.123456     240 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\"" pod="shop/web-5d" podUID="8f2c""#,
            r#"{"ts":1795169462000.1,"caller":"kubelet/pod_workers.go:1301","msg":"Error syncing pod, skipping","pod":{"name":"web-5d","namespace":"shop"},"podUID":"8f2c","err":"failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\""}"#,
            r#"Nov 20 10:11:02 w1 k0s[240]: time="2026-11-20 10:11:02" level=info msg="E1120 10:11:02.1 240 pod_workers.go:1301] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"app\\\" with CrashLoopBackOff: \\\"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\\\"\" pod=\"shop/web-5d\" podUID=\"8f2c\"" component=kubelet"#,
            r#"E0312 10:11:02.1 240 pod_workers.go:191] Error syncing pod 8f2c ("web-5d_shop(8f2c)"), skipping: failed to "StartContainer" for "app" with CrashLoopBackOff: "back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)""#,
        ] {
            let expected = (
                "shop/web-5d".to_owned(),
                "8f2c".to_owned(),
                waits("app", "CrashLoopBackOff", message),
            );
            assert_eq!(said(line), [expected], "{line}");
        }
    }

    #[test]
    fn other_lines_of_the_kubelet_tell_what_its_events_tell() {
        let pod = || ("shop/web-5d".to_owned(), String::new());
        let cases = [
            (
                r#"E1 kubelet[1]: E1120 1 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"CreatePodSandbox\" for \"web-5d_shop(8f2c)\" with CreatePodSandboxError: \"Failed to create sandbox for pod \\\"web-5d_shop(8f2c)\\\": rpc error: code = Unknown desc = no route\"" pod="shop/web-5d""#,
                ("shop/web-5d".to_owned(), "8f2c".to_owned()),
                Word::Sandbox {
                    is_end: false,
                    message: "rpc error: code = Unknown desc = no route".into(),
                },
            ),
            (
                r#"I1120 1 prober.go:107] "Probe failed" probeType="Liveness" pod="shop/web-5d" podUID="" containerName="app" probeResult="failure" output="Get \"http://10.1.2.3:80/\": dial tcp: refused""#,
                pod(),
                Word::Probe {
                    container: "app".into(),
                    probe: "Liveness".into(),
                    message: "Liveness probe failed: Get \"http://10.1.2.3:80/\": dial tcp: refused".into(),
                },
            ),
            (
                r#"E1120 1 nestedpendingoperations.go:348] Operation for "{volumeName:kubernetes.io/configmap/8f2c-c podName:8f2c nodeName:}" failed. No retries permitted until 2026-11-20 10:13:02 +0000 UTC m=+1 (durationBeforeRetry 2m2s). Error: MountVolume.SetUp failed for volume "c" (UniqueName: "kubernetes.io/configmap/8f2c-c") pod "web-5d" (UID: "8f2c") : configmap "web-config" not found"#,
                ("/web-5d".to_owned(), "8f2c".to_owned()),
                Word::Mount("MountVolume.SetUp failed for volume \"c\" : configmap \"web-config\" not found".into()),
            ),
            (
                r#"E1120 1 kubelet.go:1] "Unable to attach or mount volumes for pod; skipping pod" err="unmounted volumes=[c], unattached volumes=[], failed to process volumes=[]: context deadline exceeded" pod="shop/web-5d""#,
                pod(),
                Word::Mount("Unable to attach or mount volumes: unmounted volumes=[c], unattached volumes=[], failed to process volumes=[]: context deadline exceeded".into()),
            ),
            (
                r#"I1120 1 eviction_manager.go:376] "Eviction manager: must evict pod(s) to reclaim" resourceName="ephemeral-storage""#,
                ("/".to_owned(), String::new()),
                Word::Reclaims("ephemeral-storage".into()),
            ),
            (
                r#"I1120 1 eviction_manager.go:614] "Eviction manager: pod is evicted successfully" pod="shop/web-5d""#,
                pod(),
                Word::Evicted,
            ),
            (
                r#"I1120 1 event.go:307] "Event occurred" object="shop/web-5d" fieldPath="spec.containers{app}" kind="Pod" apiVersion="v1" type="Warning" reason="Failed" message="Error: secret \"db\" not found""#,
                pod(),
                Word::Event {
                    kind: "Pod".into(),
                    container: "app".into(),
                    reason: "Failed".into(),
                    message: "Error: secret \"db\" not found".into(),
                },
            ),
            (
                r#"I1120 1 event.go:281] Event(v1.ObjectReference{Kind:"ReplicaSet", Namespace:"shop", Name:"web-5d", UID:"1", APIVersion:"apps/v1", ResourceVersion:"1", FieldPath:""}): type: 'Warning' reason: 'FailedCreate' Error creating: pods is forbidden"#,
                pod(),
                Word::Event {
                    kind: "ReplicaSet".into(),
                    container: String::new(),
                    reason: "FailedCreate".into(),
                    message: "Error creating: pods is forbidden".into(),
                },
            ),
            (
                r#"E1120 1 setters.go:600] "Node became not ready" node="n1" condition={"type":"Ready","status":"False","reason":"KubeletNotReady","message":"container runtime network not ready"}"#,
                ("/n1".to_owned(), String::new()),
                Word::NotReady {
                    reason: "KubeletNotReady".into(),
                    message: "container runtime network not ready".into(),
                },
            ),
            (
                "Nov 20 10:11:02 n1 kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=cri-containerd-0a.scope,mems_allowed=0,oom_memcg=/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f2c1d0a_1111_2222_3333_444455556666.slice,task_memcg=/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f2c1d0a_1111_2222_3333_444455556666.slice/cri-containerd-0a.scope,task=java,pid=42,uid=0",
                ("/".to_owned(), "8f2c1d0a-1111-2222-3333-444455556666".to_owned()),
                Word::KilledForMemory,
            ),
        ];
        for (line, (pod, uid), word) in cases {
            assert_eq!(said(line), [(pod, uid, word)], "{line}");
        }
    }

    #[test]
    fn a_start_is_told_in_every_form_of_the_line() {
        for line in [
            r#"I1120 1 kubelet.go:2453] "SyncLoop (PLEG): event for pod" pod="shop/web-5d" event={"ID":"8f2c","Type":"ContainerStarted","Data":"0a1b"}"#,
            r#"I1120 1 kubelet.go:2109] "SyncLoop (PLEG): event for pod" pod="shop/web-5d" event=&{ID:8f2c Type:ContainerStarted Data:0a1b}"#,
            r#"I1120 1 kubelet.go:1958] SyncLoop (PLEG): "web-5d_shop(8f2c)", event: &pleg.PodLifecycleEvent{ID:"8f2c", Type:"ContainerStarted", Data:"0a1b"}"#,
        ] {
            let expected = ("shop/web-5d".to_owned(), "8f2c".to_owned(), Word::Started);
            assert_eq!(said(line), [expected], "{line}");
        }
    }

    #[test]
    fn what_works_says_nothing() {
        for line in [
            r#"I1120 1 kubelet.go:2] "SyncLoop ADD" source="api" pods=["shop/web-5d"]"#,
            r#"I1120 1 kubelet.go:2453] "SyncLoop (PLEG): event for pod" pod="shop/web-5d" event={"ID":"8f2c","Type":"ContainerDied","Data":"0a1b"}"#,
            r#"I1120 1 generic.go:334] "Generic (PLEG): container finished" podID="8f2c" containerID="0a1b" exitCode=0"#,
            r#"I1120 1 eviction_manager.go:170] "Eviction manager: starting control loop""#,
            r#"I1120 1 event.go:307] "Event occurred" object="shop/web" fieldPath="" kind="Deployment" apiVersion="apps/v1" type="Normal" reason="ScalingReplicaSet" message="Scaled up""#,
            "Nov 20 10:11:02 n1 kernel: oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/kubepods/pod8f2c1d0a-1111-2222-3333-444455556666/a,task=java,pid=42,uid=0",
        ] {
            assert_eq!(said(line), [], "{line}");
        }
    }
}
