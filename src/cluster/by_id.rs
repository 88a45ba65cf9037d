//! Whose log it is that a collector calls by the id of its container: `coredns-5f2a1b4c5d6e.log` (Rancher's collector for Windows).

use std::collections::BTreeMap;

use super::Snapshot;
use crate::bundle::decode::CriKind;
use crate::logs::{ContainerRef, Stream, stream_of};
use crate::model::EntryPath;

/// Digits of an id that every program prints: `docker ps` has twelve, `crictl ps` thirteen, inspections all 64.
const SHORT: usize = 12;

/// The containers of all machines, by the first digits of their ids, and those of Kubernetes by the names that docker has for them.
pub(super) struct ById {
    by_id: BTreeMap<String, Stream>,
    by_name: BTreeMap<String, Stream>,
}

impl ById {
    /// From the listings and the inspections of docker, podman and the CRI's runtimes.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut found = Self {
            by_id: BTreeMap::new(),
            by_name: BTreeMap::new(),
        };
        for host in &snapshot.hosts {
            for container in &host.containers {
                let label = |name: &str| container.labels.get(name).map_or("", String::as_str);
                // The labels that dockershim and cri-dockerd set: kubernetes `pkg/kubelet/types/labels.go`.
                let stream = match label("io.kubernetes.pod.name") {
                    // The name says it too, and is all that a container has that the kubelet did not make (`kubelet`, of RKE1).
                    "" => stream_of(&EntryPath::new(&container.name)),
                    pod => of_pod(
                        label("io.kubernetes.pod.namespace"),
                        pod,
                        label("io.kubernetes.container.name"),
                    ),
                };
                if stream != Stream::Unknown {
                    found.by_name.insert(container.name.clone(), stream.clone());
                }
                found.add(&container.id, stream);
            }
            let of_runtime = host.tools.cri.iter();
            for entry in of_runtime.filter(|entry| entry.kind == CriKind::Container && !entry.pod.is_empty()) {
                found.add(&entry.id, of_pod(&entry.namespace, &entry.pod, &entry.name));
            }
        }
        found
    }

    fn add(&mut self, id: &str, stream: Stream) {
        let (Some(short), true) = (id.get(..SHORT), stream != Stream::Unknown) else {
            return;
        };
        let known = self.by_id.entry(short.to_owned()).or_insert_with(|| stream.clone());
        // One source has the namespace or the container's name, another has not.
        let (Stream::Container(known), Stream::Container(told)) = (known, stream) else {
            return;
        };
        for (known, told) in [
            (&mut known.namespace, told.namespace),
            (&mut known.container, told.container),
        ] {
            if known.is_empty() {
                *known = told;
            }
        }
    }

    /// The log of the container whose id a name is or ends with, or that is called so.
    pub(super) fn stream(&self, name: &str) -> Option<&Stream> {
        let of_id = || self.by_id.get(split(name)?.1.get(..SHORT)?);
        of_id().or_else(|| self.by_name.get(name))
    }
}

/// What a name has before the id that it ends with: `coredns` of `coredns-5f2a1b4c5d6e`, nothing of the id alone. A name without an id
/// stays whole.
pub(super) fn without_id(name: &str) -> &str {
    split(name).map_or(name, |(before, _)| before)
}

fn split(name: &str) -> Option<(&str, &str)> {
    let (before, id) = name.rsplit_once('-').unwrap_or(("", name));
    let is_id = (SHORT..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some((before, id))
}

fn of_pod(namespace: &str, pod: &str, container: &str) -> Stream {
    Stream::Container(ContainerRef {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous: false,
    })
}

#[cfg(test)]
mod tests {
    use super::without_id;

    #[test]
    fn a_name_may_end_with_an_id() {
        for (name, before) in [
            ("coredns-5f2a1b4c5d6e", "coredns"),
            ("5f2a1b4c5d6e", ""),
            ("calico-node", "calico-node"),
        ] {
            assert_eq!(without_id(name), before);
        }
    }
}
