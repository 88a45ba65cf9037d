//! Which program wrote a log, told from its path. The content confirms or the pods' names decide where the path says nothing.

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
            Self::System => TextSource::System,
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
            Self::Container(_) => TextSource::ContainerLog,
            Self::Component(component) => component.source(),
            Self::Unknown => TextSource::Other,
        }
    }
}

/// Names by which components' logs are known, the more specific first.
const COMPONENTS: [(&str, Component); 18] = [
    ("kubelet", Component::Kubelet),
    ("cri-dockerd", Component::Dockerd),
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
    ("dmesg", Component::System),
    ("kern", Component::System),
    ("syslog", Component::System),
    ("messages", Component::System),
    ("journal", Component::System),
];

/// The stream of a file, from its path alone.
pub fn stream_of(path: &EntryPath) -> Stream {
    let parts: Vec<&str> = path.components().collect();
    if let Some(container) = pods_directory(&parts)
        .or_else(|| containers_directory(&parts))
        .or_else(|| pod_logs(&parts))
    {
        return Stream::Container(container);
    }
    let stem = path.file_name().split('.').next().unwrap_or("");
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

/// `…/<namespace>_<pod>_<uid>/<container>/<restart>.log` (the kubelet's `/var/log/pods`: `pkg/kubelet/kuberuntime/helpers.go`, `BuildPodLogsDirectory`).
fn pods_directory(parts: &[&str]) -> Option<ContainerRef> {
    let [.., directory, container, file] = parts else {
        return None;
    };
    let restart = file.split('.').next()?;
    if restart.is_empty() || !restart.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut pieces = directory.split('_');
    match (pieces.next(), pieces.next(), pieces.next(), pieces.next()) {
        (Some(namespace), Some(pod), Some(uid), None) if uid.len() >= 32 => Some(ContainerRef {
            namespace: namespace.into(),
            pod: pod.into(),
            container: (*container).into(),
            previous: false,
        }),
        _ => None,
    }
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
        let Stream::Container(found) = stream_of(&EntryPath::new("cluster-resources/pods/logs/a/b/c-previous.log"))
        else {
            panic!()
        };
        assert!(found.previous && found.container == "c");
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
