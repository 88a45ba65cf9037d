//! Which program wrote a log, told from its path. The content confirms or the pods' names decide where the path says nothing.

use crate::bundle::decode::PodRef;
use crate::bundle::layout::LogPlace;
use crate::model::EntryPath;

use super::TextSource;

/// A container whose log this is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerRef {
    /// Namespace; empty when the path has none.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// Container; empty when the path has none.
    pub container: String,
    /// True for the log of the instance before the current one.
    pub previous: bool,
}

/// A component that logs on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// The kubelet.
    Kubelet,
    /// containerd.
    Containerd,
    /// dockerd or cri-dockerd.
    Dockerd,
    /// CRI-O.
    Crio,
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-scheduler.
    Scheduler,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-proxy.
    KubeProxy,
    /// k3s or RKE2, which run the node's components inside one process or supervise them.
    Supervisor,
    /// rancher-system-agent.
    SystemAgent,
    /// The kernel, syslog, a whole journal.
    System,
}

impl Component {
    /// Where its text counts as found.
    pub fn source(self) -> TextSource {
        match self {
            Self::Kubelet => TextSource::Kubelet,
            Self::Containerd | Self::Dockerd | Self::Crio => TextSource::Runtime,
            Self::Etcd => TextSource::Etcd,
            Self::ApiServer | Self::Scheduler | Self::ControllerManager | Self::KubeProxy => TextSource::ControlPlane,
            Self::Supervisor | Self::SystemAgent | Self::System => TextSource::System,
        }
    }

    /// The datum that this log is: `kubelet-log`, `containerd-log`…
    pub fn datum(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet-log",
            Self::Containerd => "containerd-log",
            Self::Dockerd => "dockerd-log",
            Self::Crio => "crio-log",
            Self::Etcd => "etcd-log",
            Self::ApiServer => "kube-apiserver-log",
            Self::Scheduler => "kube-scheduler-log",
            Self::ControllerManager => "kube-controller-manager-log",
            Self::KubeProxy => "kube-proxy-log",
            Self::Supervisor => "k3s-log",
            Self::SystemAgent => "rancher-system-agent-log",
            Self::System => "system-log",
        }
    }
}

/// What a log file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// A container's log.
    Container(ContainerRef),
    /// A component's log.
    Component(Component),
    /// Not known.
    Unknown,
}

impl From<LogPlace> for Stream {
    fn from(place: LogPlace) -> Self {
        match place {
            LogPlace::Container {
                namespace,
                pod,
                container,
                previous,
            } => Self::Container(ContainerRef {
                namespace,
                pod,
                container,
                previous,
            }),
            LogPlace::Nobody => Self::Unknown,
            LogPlace::Component(name) => COMPONENTS
                .iter()
                .find(|(word, _)| *word == name)
                .map_or(Self::Component(Component::System), |&(_, component)| {
                    Self::Component(component)
                }),
        }
    }
}

impl Stream {
    /// Where its text counts as found.
    pub fn source(&self) -> TextSource {
        match self {
            Self::Container(container) => component_of(container).map_or(TextSource::ContainerLog, Component::source),
            Self::Component(component) => component.source(),
            Self::Unknown => TextSource::Other,
        }
    }
}

/// A component of the control plane that runs as a static pod (kubeadm, RKE2) or a daemon set.
pub fn component_of(container: &ContainerRef) -> Option<Component> {
    const PODS: [(&str, Component); 5] = [
        ("etcd", Component::Etcd),
        ("kube-apiserver", Component::ApiServer),
        ("kube-scheduler", Component::Scheduler),
        ("kube-controller-manager", Component::ControllerManager),
        ("kube-proxy", Component::KubeProxy),
    ];
    if !is_of_control_plane(&container.namespace) {
        return None;
    }
    let is_it = |name: &str| {
        container.container == name || container.container.is_empty() && container.pod.starts_with(&format!("{name}-"))
    };
    PODS.iter()
        .find(|(name, _)| is_it(name))
        .map(|(_, component)| *component)
}

/// True for the namespaces of the control plane: that of kubeadm, RKE2 and k3s, and those of OpenShift, which has one for each component
/// (openshift/cluster-etcd-operator and cluster-kube-*-operator, `pkg/operator/operatorclient`).
pub fn is_of_control_plane(namespace: &str) -> bool {
    matches!(
        namespace,
        "kube-system"
            | "openshift-etcd"
            | "openshift-kube-apiserver"
            | "openshift-kube-controller-manager"
            | "openshift-kube-scheduler"
    )
}

/// Names by which components' logs are known, the more specific first.
///
/// Sources: the units of kubeadm, k3s, RKE2 and the distributions; Rancher's collector (`journald/`, `systemlogs/`, `rke2/agent-logs/`);
/// support-bundle-kit (`nodes/<node>/logs/k3s-service.log`); supportconfig (`messages.txt`, `boot.txt`).
const COMPONENTS: [(&str, Component); 32] = [
    ("kubelet", Component::Kubelet),
    ("cri-dockerd", Component::Dockerd),
    ("cri-docker", Component::Dockerd),
    ("dockerd", Component::Dockerd),
    ("docker", Component::Dockerd),
    ("containerd", Component::Containerd),
    ("crio", Component::Crio),
    ("cri-o", Component::Crio),
    ("etcd", Component::Etcd),
    ("kube-apiserver", Component::ApiServer),
    ("apiserver", Component::ApiServer),
    ("kube-scheduler", Component::Scheduler),
    ("kube-controller-manager", Component::ControllerManager),
    ("kube-proxy", Component::KubeProxy),
    ("kubeproxy", Component::KubeProxy),
    ("rancher-system-agent", Component::SystemAgent),
    ("k3s", Component::Supervisor),
    ("k3s-server", Component::Supervisor),
    ("k3s-agent", Component::Supervisor),
    ("rke2", Component::Supervisor),
    ("rke2-server", Component::Supervisor),
    ("rke2-agent", Component::Supervisor),
    ("dmesg", Component::System),
    ("kernel", Component::System),
    ("kern", Component::System),
    ("syslog", Component::System),
    ("messages", Component::System),
    ("journal", Component::System),
    ("journalctl", Component::System),
    ("boot", Component::System),
    ("system", Component::System),
    ("console", Component::System),
];

/// The stream of a file, from its path alone.
pub fn stream_of(path: &EntryPath) -> Stream {
    let parts: Vec<&str> = path.components().collect();
    type PathReader = fn(&[&str]) -> Option<ContainerRef>;
    const READERS: [PathReader; 6] = [
        pods_directory,
        containers_directory,
        pod_logs,
        inspected,
        docker_names,
        namespaced,
    ];
    if let Some(container) = READERS.iter().find_map(|read| read(&parts)) {
        return Stream::Container(container);
    }
    if let Some(unit) = unit_of(&parts) {
        return stream_of_unit(unit);
    }
    let stem = path.file_name().split('.').next().unwrap_or("");
    // `docker_logs_etcd-rolling-snapshots.log` is what a container wrote, and not the engine.
    const ASKED: [&str; 4] = ["docker_logs_", "docker-logs-", "crictl_logs_", "crictl-logs-"];
    let asked = ASKED.iter().find_map(|start| Some(stem.split_once(start)?.1));
    let stem = asked.unwrap_or(stem);
    let named = |word: &str| {
        stem == word
            || stem
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with(['-', '_']) && is_log_word(rest))
    };
    match COMPONENTS.iter().find(|(word, _)| named(word)) {
        Some(&(_, component)) => Stream::Component(component),
        None => Stream::Unknown,
    }
}

/// The unit whose journal a file is: `journalctl_--no-pager_--unit_kubelet` (sos), `journald/rke2-server` (Rancher's collector),
/// `kubelet.service.log`, `journalctl-kubelet.txt`, `<node>_logs_kubelet` (must-gather).
fn unit_of<'p>(parts: &[&'p str]) -> Option<&'p str> {
    let file = *parts.last()?;
    if let Some((_, unit)) = file.split_once("_--unit_").or_else(|| file.split_once("_-u_")) {
        let unit = unit
            .strip_suffix(".xz")
            .or_else(|| unit.strip_suffix(".gz"))
            .or_else(|| unit.strip_suffix(".bz2"))
            .unwrap_or(unit);
        return Some(
            unit.trim_end_matches(|c: char| c.is_ascii_digit())
                .trim_end_matches('.'),
        );
    }
    if let Some((_, unit)) = file.rsplit_once("_logs_") {
        return COMPONENTS.iter().find(|(word, _)| *word == unit).map(|(word, _)| *word);
    }
    if let Some((unit, _)) = file.split_once(".service.") {
        return Some(unit);
    }
    let stem = file.split('.').next()?;
    if parts.iter().rev().nth(1) == Some(&"journald") {
        return COMPONENTS.iter().find(|(word, _)| *word == stem).map(|(word, _)| *word);
    }
    let rest = ["journalctl-", "journalctl_", "journal-", "journal_"]
        .iter()
        .find_map(|start| stem.strip_prefix(start))?;
    let rest = rest
        .trim_start_matches("u-")
        .trim_start_matches("u_")
        .trim_start_matches("xeu-");
    // `journal-k3s-agent-shop114.log`: what follows the unit is the machine.
    let begins = |word: &str| {
        rest.strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    };
    let known = COMPONENTS.iter().filter(|(word, _)| begins(word));
    known.max_by_key(|(word, _)| word.len()).map(|(word, _)| *word)
}

/// The stream of a unit of systemd, such as `kubelet.service` or the snap's `snap.kubelet.daemon.service`.
pub fn stream_of_unit(unit: &str) -> Stream {
    let stem = unit.strip_suffix(".service").unwrap_or(unit);
    let stem = stem.strip_prefix("snap.").unwrap_or(stem);
    let stem = stem.strip_suffix(".daemon").unwrap_or(stem);
    let found = COMPONENTS.iter().find(|(word, _)| *word == stem);
    found.map_or(Stream::Component(Component::System), |(_, component)| {
        Stream::Component(*component)
    })
}

/// `kubelet-journal.txt` and `kubelet_2026.log` are logs of the kubelet; `docker-ps-a.txt` is none of dockerd's.
fn is_log_word(rest: &str) -> bool {
    let rest = rest.trim_start_matches(['-', '_']);
    ["log", "journal", "previous", "tail", "service"]
        .iter()
        .any(|word| rest.starts_with(word))
        || rest.starts_with(|c: char| c.is_ascii_digit())
}

/// `…/<namespace>_<pod>_<uid>/<container>/<restart>.log` (the kubelet's `/var/log/pods`).
/// In a folder of pods' logs (`podlogs/`, as Rancher's collector copies it) the last part need not look like a uid.
fn pods_directory(parts: &[&str]) -> Option<ContainerRef> {
    let [.., directory, container, file] = parts else {
        return None;
    };
    let restart = file.split('.').next()?;
    if restart.is_empty() || !restart.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let is_of_pods = matches!(parts.iter().rev().nth(3), Some(&("podlogs" | "pods" | "var-log-pods")));
    let pod = PodRef::of_folder(directory).filter(|pod| pod.uid.len() >= 32 || is_of_pods)?;
    Some(ContainerRef {
        namespace: pod.namespace.into(),
        pod: pod.name.into(),
        container: (*container).into(),
        previous: false,
    })
}

/// `<pod>_<namespace>_<container>-<64 hex>.log` (the kubelet's `/var/log/containers`).
fn containers_directory(parts: &[&str]) -> Option<ContainerRef> {
    let stem = parts.last()?.strip_suffix(".log")?;
    let (head, id) = stem.rsplit_once('-')?;
    if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut pieces = head.splitn(3, '_');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(pod), Some(namespace), Some(container)) => Some(ContainerRef {
            namespace: namespace.into(),
            pod: pod.into(),
            container: container.into(),
            previous: false,
        }),
        _ => None,
    }
}

/// `pods/logs/<namespace>/<pod>/<container>[-previous].log` (Troubleshoot, `pkg/collect/cluster_resources.go`).
fn pod_logs(parts: &[&str]) -> Option<ContainerRef> {
    let [.., "pods", "logs", namespace, pod, file] = parts else {
        return None;
    };
    let stem = file.strip_suffix(".log")?;
    let (container, previous) = stem
        .strip_suffix("-previous")
        .map_or((stem, false), |container| (container, true));
    Some(ContainerRef {
        namespace: (*namespace).into(),
        pod: (*pod).into(),
        container: container.into(),
        previous,
    })
}

/// `namespaces/<namespace>/pods/<pod>/<container>/<container>/logs/current.log` (`oc adm inspect`, `pkg/cli/admin/inspect/pod.go`; also
/// `previous.insecure.log` and `rotated/…`), `namespaces/<namespace>/v1/pod/<pod>/<container>/current.log` (crust-gather).
fn inspected(parts: &[&str]) -> Option<ContainerRef> {
    let at = parts.iter().rposition(|part| *part == "namespaces")?;
    let (namespace, pod, container, file) = match parts.get(at + 1..)? {
        [namespace, "pods", pod, container, _, "logs", .., file] => (namespace, pod, container, file),
        [namespace, "v1", "pod", pod, container, file] => (namespace, pod, container, file),
        _ => return None,
    };
    file.contains(".log").then(|| ContainerRef {
        namespace: (*namespace).into(),
        pod: (*pod).into(),
        container: (*container).into(),
        previous: file.starts_with("previous"),
    })
}

/// `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>` (the names that dockershim and cri-dockerd give: `naming.go`, `makeContainerName`).
fn docker_names(parts: &[&str]) -> Option<ContainerRef> {
    let name = parts.last()?.strip_prefix("k8s_")?;
    let mut pieces = name.split('_');
    let (container, pod, namespace, uid) = (pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?);
    // A sandbox has no log of its own.
    (uid.len() >= 32 && container != "POD").then(|| ContainerRef {
        namespace: namespace.into(),
        pod: pod.into(),
        container: container.into(),
        previous: false,
    })
}

/// `podlogs/<namespace>/<pod>/logs/<container>.txt` (sonobuoy), `logs/<namespace>/<pod>/<container>.log[.1]` (support-bundle-kit, where
/// `.1` is the instance before), `logs/<namespace>/<pod>/<container>/[previous.]log`, `podlogs/<namespace>-<pod>[-previous]` (Rancher's
/// collector, which knows a fixed list of namespaces), `<namespace>_<pod>_<container>.log`.
fn namespaced(parts: &[&str]) -> Option<ContainerRef> {
    let found = |namespace: &str, pod: &str, container: &str, previous: bool| {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
        };
        ([namespace, pod, container].iter().all(|name| is_name(name))
            || container.is_empty() && is_name(namespace) && is_name(pod))
        .then(|| ContainerRef {
            namespace: namespace.into(),
            pod: pod.into(),
            container: container.into(),
            previous,
        })
    };
    match parts {
        [.., "podlogs", namespace, pod, "logs", file] => found(namespace, pod, file.strip_suffix(".txt")?, false),
        // Of these names each is a folder of node logs, never a namespace.
        [.., "logs", "pods" | "containers" | "journal", _, _] => None,
        [.., "logs", namespace, pod, file] if file.ends_with(".log") || file.ends_with(".log.1") => {
            let (container, rest) = file.split_once(".log")?;
            let (container, marked) = container
                .strip_suffix("-previous")
                .map_or((container, false), |name| (name, true));
            found(namespace, pod, container, marked || rest == ".1")
        }
        [
            ..,
            "logs",
            namespace,
            pod,
            container,
            file @ ("current.log" | "previous.log"),
        ] => found(namespace, pod, container, file.starts_with("previous")),
        [.., "podlogs", file] => {
            // support-tools `rancher2_logs_collector.sh`, SYSTEM_NAMESPACES; the longer of two that share a beginning first.
            const NAMESPACES: [&str; 24] = [
                "cattle-capi-system",
                "cattle-csp-adapter-system",
                "cattle-elemental-system",
                "cattle-epinio-system",
                "cattle-externalip-system",
                "cattle-fleet-local-system",
                "cattle-fleet-system",
                "cattle-gatekeeper-system",
                "cattle-global-data",
                "cattle-impersonation-system",
                "cattle-logging-system",
                "cattle-monitoring-system",
                "cattle-neuvector-system",
                "cattle-prometheus",
                "cattle-provisioning-capi-system",
                "cattle-resources-system",
                "cattle-sriov-system",
                "cattle-system",
                "calico-system",
                "ingress-nginx",
                "istio-system",
                "kube-system",
                "longhorn-system",
                "tigera-operator",
            ];
            let (stem, previous) = file
                .strip_suffix("-previous")
                .map_or((*file, false), |stem| (stem, true));
            let namespace = NAMESPACES
                .iter()
                .find(|namespace| stem.strip_prefix(**namespace).is_some_and(|rest| rest.starts_with('-')))?;
            found(namespace, stem.get(namespace.len() + 1..)?, "", previous)
        }
        [.., file] => {
            let stem = file.strip_suffix(".log")?;
            let pieces: Vec<&str> = stem.split('_').collect();
            match pieces.as_slice() {
                // `logs_<pod>_previous.log` is what a person calls a file.
                ["log" | "logs" | "kubectl", ..] => None,
                [namespace, pod, container] if pod.contains('-') => found(namespace, pod, container, false),
                [namespace, pod, container, "previous"] => found(namespace, pod, container, true),
                _ => None,
            }
        }
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_from_their_paths() {
        let uid = "ba78f1d1-2229-4998-aa9c-9ba1e0ced0de";
        let path = EntryPath::new(&format!("n/var-log-pods/shop_web-1_{uid}/nginx/4.log"));
        let Stream::Container(found) = stream_of(&path) else {
            panic!()
        };
        assert_eq!(
            (found.namespace.as_str(), found.pod.as_str(), found.container.as_str()),
            ("shop", "web-1", "nginx")
        );
        let copied = "kubeadm/podlogs/kube-system_etcd-kcp-1_5b1f/etcd/0.log";
        assert!(
            matches!(stream_of(&EntryPath::new(copied)), Stream::Container(found) if found.namespace == "kube-system" && found.pod == "etcd-kcp-1")
        );
        let Stream::Container(found) = stream_of(&EntryPath::new("cluster-resources/pods/logs/a/b/c-previous.log"))
        else {
            panic!()
        };
        assert!(found.previous && found.container == "c");
    }

    #[test]
    fn every_collectors_paths_name_the_container() {
        let uid = "ba78f1d1-2229-4998-aa9c-9ba1e0ced0de";
        for (path, expected) in [
            (
                "mg/namespaces/shop/pods/web-1/nginx/nginx/logs/current.log",
                ("shop", "web-1", "nginx", false),
            ),
            (
                "mg/namespaces/shop/pods/web-1/nginx/nginx/logs/previous.insecure.log",
                ("shop", "web-1", "nginx", true),
            ),
            (
                "namespaces/shop/v1/pod/web-1/nginx/previous.log",
                ("shop", "web-1", "nginx", true),
            ),
            (
                &format!("rke/podlogs/k8s_nginx_web-1_shop_{uid}_0"),
                ("shop", "web-1", "nginx", false),
            ),
            ("podlogs/shop/web-1/logs/nginx.txt", ("shop", "web-1", "nginx", false)),
            ("sb/logs/shop/web-1/nginx.log", ("shop", "web-1", "nginx", false)),
            ("sb/logs/shop/web-1/nginx.log.1", ("shop", "web-1", "nginx", true)),
            ("logs/shop/web-1/nginx/previous.log", ("shop", "web-1", "nginx", true)),
            (
                "rke2/podlogs/kube-system-etcd-n1-previous",
                ("kube-system", "etcd-n1", "", true),
            ),
            ("pods/shop_web-1_nginx.log", ("shop", "web-1", "nginx", false)),
        ] {
            let Stream::Container(found) = stream_of(&EntryPath::new(path)) else {
                panic!("{path}")
            };
            let (namespace, pod, container, previous) = expected;
            assert_eq!(
                (
                    found.namespace.as_str(),
                    found.pod.as_str(),
                    found.container.as_str(),
                    found.previous
                ),
                (namespace, pod, container, previous),
                "{path}"
            );
        }
    }

    #[test]
    fn journals_and_node_logs_name_their_component() {
        for (path, component) in [
            (
                "sos_commands/kubernetes/journalctl_--no-pager_--unit_kubelet",
                Component::Kubelet,
            ),
            (
                "sos_commands/kubernetes/journalctl_--no-pager_--unit_snap.kube-apiserver.daemon.xz",
                Component::ApiServer,
            ),
            ("vm/journald/rke2-server", Component::Supervisor),
            ("vm/journald/kubeproxy", Component::KubeProxy),
            ("nodes/n/logs/k3s-service.log", Component::Supervisor),
            ("nodes/n/logs/rancher-system-agent.log", Component::SystemAgent),
            ("nodes/n/n_logs_kubelet", Component::Kubelet),
            ("systemlogs/messages-20261121", Component::System),
            ("kubelet.service.log", Component::Kubelet),
            ("journalctl-u-containerd.txt", Component::Containerd),
            ("masters/kubelet_service.log", Component::Kubelet),
        ] {
            assert_eq!(stream_of(&EntryPath::new(path)), Stream::Component(component), "{path}");
        }
        assert_eq!(stream_of_unit("docker.service"), Stream::Component(Component::Dockerd));
        assert_eq!(stream_of_unit("sshd.service"), Stream::Component(Component::System));
    }

    #[test]
    fn other_paths_are_not_taken_for_logs_of_a_known_writer() {
        for path in [
            "notes_of_today.log",
            "a/b/c.log",
            "podlogs/other-web-1",
            "systemd-units",
            "namespaces/shop/pods/web-1/web-1.yaml",
        ] {
            assert_eq!(stream_of(&EntryPath::new(path)), Stream::Unknown, "{path}");
        }
    }

    #[test]
    fn a_static_pods_log_is_its_components() {
        let log = stream_of(&EntryPath::new(
            "namespaces/kube-system/pods/etcd-n1/etcd/etcd/logs/current.log",
        ));
        assert_eq!(log.source(), TextSource::Etcd);
        let log = stream_of(&EntryPath::new(
            "namespaces/openshift-etcd/pods/etcd-m1/etcd/etcd/logs/current.log",
        ));
        assert_eq!(log.source(), TextSource::Etcd);
        let log = stream_of(&EntryPath::new(
            "namespaces/shop/pods/etcd-0/etcd/etcd/logs/current.log",
        ));
        assert_eq!(log.source(), TextSource::ContainerLog);
    }

    #[test]
    fn components_are_told_from_their_files_names() {
        assert_eq!(
            stream_of(&EntryPath::new("logs/kubelet.log")),
            Stream::Component(Component::Kubelet)
        );
        assert_eq!(
            stream_of(&EntryPath::new("journald/kubelet-journal.txt")),
            Stream::Component(Component::Kubelet)
        );
        assert_eq!(stream_of(&EntryPath::new("docker-ps-a.txt")), Stream::Unknown);
        assert_eq!(stream_of(&EntryPath::new("kubelet-config.yaml")), Stream::Unknown);
    }
}
