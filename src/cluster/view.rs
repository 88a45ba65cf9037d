//! Typed views of pods that tolerate every missing field.

use std::collections::HashMap;

use serde_json::Value;

use super::{Object, ObjectKey, Snapshot, age};
use crate::model::{Citation, Subject, When, at};

/// A pod.
#[derive(Debug, Clone, Copy)]
pub struct PodView<'s> {
    /// The object.
    pub object: &'s Object,
}

/// Why a container waits.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'s> {
    /// `CrashLoopBackOff`, `ImagePullBackOff`, `ContainerCreating`…
    pub reason: &'s str,
    /// The kubelet's message.
    pub message: &'s str,
}

/// How a container ended.
#[derive(Debug, Clone)]
pub struct Ended<'s> {
    /// Exit code, where it is written.
    pub exit_code: Option<i64>,
    /// `Error`, `OOMKilled`, `Completed`…
    pub reason: &'s str,
    /// The termination message.
    pub message: &'s str,
    /// When.
    pub finished: Option<When>,
    /// JSON pointer of the terminated state inside the pod.
    pub pointer: String,
}

/// One container of a pod: what was asked for and what is.
#[derive(Debug, Clone)]
pub struct ContainerInstance<'s> {
    /// Name.
    pub name: &'s str,
    /// True for an init container.
    pub init: bool,
    /// Its entry in the spec.
    pub spec: Option<&'s Value>,
    /// Its entry in the status.
    pub status: Option<&'s Value>,
    /// Pointer of the entry in the status.
    pub status_pointer: String,
    /// Pointer of the entry in the spec.
    pub spec_pointer: String,
}

impl Snapshot {
    /// All pods.
    pub fn pods(&self) -> impl Iterator<Item = PodView<'_>> {
        self.kind("Pod").map(|object| PodView { object })
    }

    /// One pod.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<PodView<'_>> {
        self.object("Pod", namespace, name).map(|object| PodView { object })
    }

    /// The pods whose top owner is `workload`.
    ///
    /// Rules ask for those of each workload, and a namespace may have thousands of pods, so owners are worked out once.
    pub fn pods_of<'s>(&'s self, workload: &Subject) -> impl Iterator<Item = PodView<'s>> + use<'s> {
        let owned = self.derive(PodsByOwner::new);
        let keys = owned.0.get(workload).cloned().unwrap_or_default();
        keys.into_iter()
            .filter_map(|key| self.objects.get(&key))
            .map(|object| PodView { object })
    }

    /// True for a workload that has pods, all of which are well.
    pub fn is_running_well(&self, workload: &Subject) -> bool {
        let mut pods = self.pods_of(workload).peekable();
        pods.peek().is_some() && pods.all(|pod| pod.is_well())
    }
}

/// The pods of each top owner, in order of their names.
struct PodsByOwner(HashMap<Subject, Vec<ObjectKey>>);

impl PodsByOwner {
    fn new(snapshot: &Snapshot) -> Self {
        let mut owned: HashMap<Subject, Vec<ObjectKey>> = HashMap::new();
        for pod in snapshot.pods() {
            let owner = snapshot.top_owner(pod.object);
            owned.entry(owner).or_default().push(pod.object.key.clone());
        }
        Self(owned)
    }
}

impl<'s> PodView<'s> {
    /// Namespace.
    pub fn namespace(&self) -> &'s str {
        &self.object.key.namespace
    }

    /// Name.
    pub fn name(&self) -> &'s str {
        &self.object.key.name
    }

    /// `Pending`, `Running`…
    pub fn phase(&self) -> &'s str {
        self.object.text("/status/phase")
    }

    /// The node it is bound to; empty when it is not.
    pub fn node(&self) -> &'s str {
        self.object.text("/spec/nodeName")
    }

    /// True once deletion was asked for.
    pub fn is_terminating(&self) -> bool {
        self.object.get("/metadata/deletionTimestamp").is_some()
    }

    /// True for a pod that the kubelet put out or turned away: an eviction, a shutdown of the node, a refused admission. Its object
    /// stays until the garbage collector takes it; its containers and their logs are gone.
    ///
    /// Source of the reasons: kubernetes `pkg/kubelet/eviction/helpers.go`, `pkg/kubelet/nodeshutdown/nodeshutdown_manager_linux.go`,
    /// `pkg/kubelet/lifecycle/predicate.go`, `pkg/kubelet/preemption/preemption.go`.
    pub fn is_put_out(&self) -> bool {
        let reason = self.object.text("/status/reason");
        [
            "Evicted",
            "Terminated",
            "NodeShutdown",
            "Shutdown",
            "NodeAffinity",
            "Preempting",
            "UnexpectedAdmissionError",
        ]
        .contains(&reason)
            || reason.starts_with("OutOf")
    }

    /// True when the pod has ended well or runs with every container ready, and its condition `ContainersReady` does not deny it.
    pub fn is_well(&self) -> bool {
        let is_denied = || {
            self.object.list("/status/conditions").iter().any(|condition| {
                let text = |key: &str| condition.get(key).and_then(Value::as_str);
                text("type") == Some("ContainersReady") && text("status") == Some("False")
            })
        };
        match self.phase() {
            "Succeeded" => true,
            "Running" => {
                let containers = self.containers();
                let mut running = containers.iter().filter(|container| !container.init);
                running.all(ContainerInstance::is_ready) && !is_denied()
            }
            _ => false,
        }
    }

    /// Init containers first, then the others. Containers that only the status knows (rows of a table) are there too.
    pub fn containers(&self) -> Vec<ContainerInstance<'s>> {
        let mut found = self.group(true, "/spec/initContainers", "/status/initContainerStatuses");
        found.extend(self.group(false, "/spec/containers", "/status/containerStatuses"));
        found
    }

    fn group(&self, init: bool, specs_at: &str, statuses_at: &str) -> Vec<ContainerInstance<'s>> {
        let name_of = |value: &'s Value| value.get("name").and_then(Value::as_str).unwrap_or("");
        let specs = self.object.list(specs_at);
        let statuses = self.object.list(statuses_at);
        let mut found: Vec<ContainerInstance<'s>> = specs
            .iter()
            .enumerate()
            .map(|(index, spec)| ContainerInstance {
                name: name_of(spec),
                init,
                spec: Some(spec),
                status: None,
                status_pointer: statuses_at.to_owned(),
                spec_pointer: format!("{specs_at}/{index}"),
            })
            .collect();
        for (index, status) in statuses.iter().enumerate() {
            let pointer = format!("{statuses_at}/{index}");
            match found
                .iter_mut()
                .find(|container| container.name == name_of(status) && container.status.is_none())
            {
                Some(container) => {
                    container.status = Some(status);
                    container.status_pointer = pointer;
                }
                None => found.push(ContainerInstance {
                    name: name_of(status),
                    init,
                    spec: None,
                    status: Some(status),
                    status_pointer: pointer,
                    spec_pointer: specs_at.to_owned(),
                }),
            }
        }
        found
    }

    /// Cites a field of one of its containers' status.
    pub fn cite_status(&self, container: &ContainerInstance<'_>, below: &str) -> Citation {
        self.object.cite_at(&format!("{}{below}", container.status_pointer))
    }
}

impl<'s> ContainerInstance<'s> {
    /// Why it waits, if it does.
    pub fn waiting(&self) -> Option<Waiting<'s>> {
        let waiting = at(self.status?, "/state/waiting")?;
        let text = |key: &str| waiting.get(key).and_then(Value::as_str).unwrap_or("");
        Some(Waiting {
            reason: text("reason"),
            message: text("message"),
        })
    }

    /// How it ended last: now, or before its current instance.
    pub fn ended(&self) -> Option<Ended<'s>> {
        let [now, before] = ["/state/terminated", "/lastState/terminated"].map(|pointer| self.ended_at(pointer));
        let is_late = |now: &Ended<'_>| now.exit_code == Some(137) && now.reason == "Error";
        match (now, before) {
            // A runtime may learn of the kernel's kill after the end itself, and then calls that an error: the end before says what it was.
            (Some(now), Some(before)) if is_late(&now) && before.reason == "OOMKilled" => Some(before),
            (now, before) => now.or(before),
        }
    }

    fn ended_at(&self, pointer: &str) -> Option<Ended<'s>> {
        let ended = at(self.status?, pointer).filter(|value| !value.is_null())?;
        let text = |key: &str| ended.get(key).and_then(Value::as_str).unwrap_or("");
        Some(Ended {
            exit_code: ended.get("exitCode").and_then(Value::as_i64),
            reason: text("reason"),
            message: text("message"),
            finished: When::rfc3339(text("finishedAt")).or_else(|| age::of_field(ended, "/finishedAt")),
            pointer: format!("{}{pointer}", self.status_pointer),
        })
    }

    /// Restarts.
    pub fn restarts(&self) -> i64 {
        self.status
            .and_then(|status| status.get("restartCount"))
            .and_then(Value::as_i64)
            .unwrap_or(0)
    }

    /// True when its status says ready.
    pub fn is_ready(&self) -> bool {
        self.status
            .and_then(|status| status.get("ready"))
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The image that was asked for, else the one that runs.
    pub fn image(&self) -> &'s str {
        let of = |value: Option<&'s Value>| value.and_then(|value| value.get("image")).and_then(Value::as_str);
        of(self.spec).or_else(|| of(self.status)).unwrap_or("")
    }
}

/// An image reference taken apart as `github.com/distribution/reference` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `docker.io` when none is written.
    pub registry: String,
    /// `library/nginx`, `shop/checkout`.
    pub repository: String,
    /// Tag; empty when only a digest or nothing is written.
    pub tag: String,
}

impl Image {
    /// Takes a reference apart.
    pub fn parse(reference: &str) -> Self {
        let bare = reference.split('@').next().unwrap_or(reference);
        let (name, tag) = match bare.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (bare, ""),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first.to_owned(), rest.to_owned())
            }
            Some(_) => ("docker.io".to_owned(), name.to_owned()),
            None => ("docker.io".to_owned(), format!("library/{name}")),
        };
        Self {
            registry,
            repository,
            tag: tag.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_as_the_runtime_does() {
        for (reference, registry, repository, tag) in [
            ("nginx", "docker.io", "library/nginx", ""),
            ("bitnami/redis:7", "docker.io", "bitnami/redis", "7"),
            (
                "harbor.corp.local:5000/shop/checkout:2.4.1",
                "harbor.corp.local:5000",
                "shop/checkout",
                "2.4.1",
            ),
            ("localhost/x@sha256:abc", "localhost", "x", ""),
        ] {
            let image = Image::parse(reference);
            assert_eq!(
                (image.registry.as_str(), image.repository.as_str(), image.tag.as_str()),
                (registry, repository, tag)
            );
        }
    }
}
