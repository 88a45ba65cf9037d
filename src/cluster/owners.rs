//! From a pod up to what a person would change: its top owner.

use super::{Object, Snapshot};
use crate::bundle::decode::Form;
use crate::logs::is_of_control_plane;
use crate::model::Subject;

/// Kinds without a namespace that own what has one: OpenShift's cluster-version-operator and the operators of `config.openshift.io`
/// and `operator.openshift.io` (openshift/api, `+kubebuilder:resource:scope=Cluster`).
const OF_CLUSTER: [&str; 4] = ["ClusterOperator", "ClusterVersion", "Namespace", "Network"];

impl Snapshot {
    /// The top owner of an object: the Deployment of a pod's ReplicaSet, the CronJob of a Job, or the object itself when nothing owns it.
    ///
    /// Owner references decide. Where they are missing (tables, events about pods that are gone), the name that the ReplicaSet
    /// controller gave the pod does, provided that such an object was seen or the name has its shape.
    pub fn top_owner(&self, object: &Object) -> Subject {
        let mut current = object.subject();
        let mut reference = controller(object);
        // Owner chains are two or three long; more is a loop in the data.
        for _ in 0..8 {
            let Some((kind, name)) = reference.take() else { break };
            if kind == "Node" {
                break;
            }
            let is_of_cluster = OF_CLUSTER.contains(&kind.as_str())
                || self.object(&kind, &current.namespace, &name).is_none() && self.object(&kind, "", &name).is_some();
            let namespace = if is_of_cluster { "" } else { &current.namespace };
            current = Subject::namespaced(&kind, namespace, &name);
            match self.object(&kind, &current.namespace, &name) {
                Some(owner) => {
                    // A row shows no owner; the name of a ReplicaSet tells it.
                    let told =
                        || (kind == "ReplicaSet" && owner.form != Form::Api).then(|| deployment_of_replica_set(&name));
                    reference = controller(owner).or_else(|| told().flatten().map(|name| ("Deployment".into(), name)));
                }
                None if kind == "ReplicaSet" => {
                    reference = deployment_of_replica_set(&name).map(|name| ("Deployment".into(), name))
                }
                None => {}
            }
        }
        // A row of a table has no owner references; what the name says counts when the Deployment was seen too.
        if current.kind == "ReplicaSet"
            && current.name == object.key.name
            && controller(object).is_none()
            && let Some(name) = deployment_of_replica_set(&current.name)
            && (object.form != Form::Api || self.object("Deployment", &current.namespace, &name).is_some())
        {
            return Subject::namespaced("Deployment", &current.namespace, name);
        }
        // People cut owner references out of what they save.
        if current.kind == "ReplicaSet"
            && self
                .object("ReplicaSet", &current.namespace, &current.name)
                .is_some_and(|set| controller(set).is_none())
            && let Some(name) = deployment_of_replica_set(&current.name)
            && self.object("Deployment", &current.namespace, &name).is_some()
        {
            return Subject::namespaced("Deployment", &current.namespace, name);
        }
        // So does the Job that a CronJob made (`pkg/controller/cronjob/cronjob_controllerv2.go`, getJobName).
        if current.kind == "Job"
            && let Some(name) = cron_job_of_job(&current.name)
            && self.object("CronJob", &current.namespace, name).is_some()
        {
            return Subject::namespaced("CronJob", &current.namespace, name);
        }
        if current.kind == "Pod" && current.name == object.key.name && controller(object).is_none() {
            return self
                .owner_of_pod_name(&current.namespace, &current.name)
                .unwrap_or(current);
        }
        current
    }

    /// The top owner of whatever a subject names, whether or not the object itself is in the bundle.
    pub fn top_owner_of(&self, subject: &Subject) -> Subject {
        if let Some(object) = self.object(&subject.kind, &subject.namespace, &subject.name) {
            return self.top_owner(object);
        }
        match subject.kind.as_str() {
            "Pod" => self
                .owner_of_pod_name(&subject.namespace, &subject.name)
                .or_else(|| self.workload_called(&subject.namespace, &subject.name))
                .unwrap_or_else(|| subject.clone()),
            "ReplicaSet" => deployment_of_replica_set(&subject.name).map_or_else(
                || subject.clone(),
                |name| Subject::namespaced("Deployment", &subject.namespace, name),
            ),
            _ => subject.clone(),
        }
    }

    /// A log command may name a workload (`kubectl logs deploy/cart`) where no pod of it was collected.
    fn workload_called(&self, namespace: &str, name: &str) -> Option<Subject> {
        ["Deployment", "StatefulSet", "DaemonSet", "Job"]
            .iter()
            .find_map(|kind| self.object(kind, namespace, name))
            .map(|owner| self.top_owner(owner))
    }

    /// For a pod without owner references: the workload whose name the pod's name extends as its controller would.
    fn owner_of_pod_name(&self, namespace: &str, pod: &str) -> Option<Subject> {
        let known = |kind: &str, name: &str| self.object(kind, namespace, name).map(Object::subject);
        if let Some(name) = workload_of_pod_name(pod)
            && let Some(found) = known("Deployment", name)
        {
            return Some(found);
        }
        let (stem, last) = pod.rsplit_once('-')?;
        if let Some(set) = self.object("ReplicaSet", namespace, stem) {
            return Some(self.top_owner(set));
        }
        let ordinal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
        let by_kind = if ordinal {
            ["StatefulSet", "DaemonSet", "Job"]
        } else {
            ["DaemonSet", "Job", "StatefulSet"]
        };
        by_kind
            .iter()
            .find_map(|kind| self.object(kind, namespace, stem).map(|owner| self.top_owner(owner)))
            .or_else(|| {
                // A pod of a Deployment that was not collected still has the two suffixes that only the Deployment and ReplicaSet controllers give.
                workload_of_pod_name(pod).map(|name| Subject::namespaced("Deployment", namespace, name))
            })
            .or_else(|| self.set_by_name(namespace, pod))
    }

    /// For a row of a table or a pod that was not collected: the StatefulSet of `name-0`, the CronJob of `name-29188500-x8sdz`, the
    /// DaemonSet of pods that differ only in five characters. An object of the API without an owner has none.
    fn set_by_name(&self, namespace: &str, pod: &str) -> Option<Subject> {
        if self
            .object("Pod", namespace, pod)
            .is_some_and(|object| object.form != Form::Row)
        {
            return None;
        }
        if is_of_control_plane(namespace) && node_in_mirror(pod).is_some() {
            return None;
        }
        let (stem, last) = pod.rsplit_once('-')?;
        if BARE.contains(&stem) {
            return None;
        }
        if self.is_static_pod(namespace, pod) {
            return None;
        }
        // CloudNativePG makes its pods itself, and names them as a StatefulSet would (cloudnative-pg.io, "Instance pod configuration").
        if let Some(cluster) = self.object("Cluster", namespace, stem) {
            return Some(cluster.subject());
        }
        if is_made_by_a_set(pod) {
            return Some(Subject::namespaced("StatefulSet", namespace, stem));
        }
        if last.len() != 5 || !is_safe_alphabet(last) {
            return None;
        }
        if let Some(name) = cron_job_of_job(stem) {
            return Some(Subject::namespaced("CronJob", namespace, name));
        }
        let is_sibling = |name: &str| {
            name != pod
                && name
                    .strip_prefix(stem)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|rest| rest.len() == 5 && is_safe_alphabet(rest))
        };
        self.kind("Pod")
            .any(|other| {
                other.key.namespace == namespace
                    && is_sibling(&other.key.name)
                    && other.text("/status/phase") != "Succeeded"
            })
            .then(|| Subject::namespaced("DaemonSet", namespace, stem))
    }

    /// True for the mirror of a static pod, `<name>-<node>` (kubernetes `pkg/kubelet/config/common.go`, generatePodName), where its node is
    /// known, or where only the control plane bears such a name: nodes are called `cp-1` as often as pods of a StatefulSet are.
    fn is_static_pod(&self, namespace: &str, pod: &str) -> bool {
        let is_on = |node: &str| !node.is_empty() && pod.strip_suffix(node).is_some_and(|rest| rest.ends_with('-'));
        let node = self
            .object("Pod", namespace, pod)
            .map_or("", |object| object.text("/spec/nodeName"));
        let is_component = || {
            is_of_control_plane(namespace)
                && CONTROL_PLANE
                    .iter()
                    .any(|component| pod.strip_prefix(component).is_some_and(|rest| rest.starts_with('-')))
        };
        is_on(node) || is_component() || node.is_empty() && self.kind("Node").any(|known| is_on(&known.key.name))
    }
}

/// What kubeadm and RKE2 run as static pods.
const CONTROL_PLANE: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "cloud-controller-manager",
];

/// The controlling owner: kind and name.
fn controller(object: &Object) -> Option<(String, String)> {
    let owners = object.list("/metadata/ownerReferences");
    let controlling = owners
        .iter()
        .find(|owner| owner.get("controller").and_then(|value| value.as_bool()) == Some(true));
    let owner = controlling.or_else(|| owners.first())?;
    Some((
        owner.get("kind")?.as_str()?.to_owned(),
        owner.get("name")?.as_str()?.to_owned(),
    ))
}

/// Pods that Rancher makes one by one, without an owner: for an operation of Helm, and for a shell in the browser (rancher/rancher
/// `pkg/catalogv2/helmop/operation.go`, `pkg/podimpersonation`).
const BARE: [&str; 2] = ["helm-operation", "dashboard-shell"];

/// The CronJob's name in that of a Job which it made, `<cronjob>-<minutes since 1970>`.
fn cron_job_of_job(name: &str) -> Option<&str> {
    let (cron_job, minutes) = name.rsplit_once('-')?;
    ((8..=10).contains(&minutes.len()) && minutes.bytes().all(|byte| byte.is_ascii_digit())).then_some(cron_job)
}

/// The Deployment's name in a ReplicaSet's, `<deployment>-<pod-template-hash>`; the hash uses the alphabet of
/// `k8s.io/apimachinery/pkg/util/rand` (`bcdfghjklmnpqrstvwxz2456789`).
fn deployment_of_replica_set(name: &str) -> Option<String> {
    let (deployment, hash) = name.rsplit_once('-')?;
    ((5..=10).contains(&hash.len()) && is_safe_alphabet(hash)).then(|| deployment.to_owned())
}

/// The Deployment's name in the name of one of its pods, `<deployment>-<pod-template-hash>-<five characters>`; none when the name has not that shape.
pub fn workload_of_pod_name(pod: &str) -> Option<&str> {
    let (set, suffix) = pod.rsplit_once('-')?;
    let (deployment, hash) = set.rsplit_once('-')?;
    let shaped =
        suffix.len() == 5 && is_safe_alphabet(suffix) && (5..=10).contains(&hash.len()) && is_safe_alphabet(hash);
    (shaped && !deployment.is_empty()).then_some(deployment)
}

/// The node in the name of a static pod of the control plane: the kubelet calls its mirror `<name>-<node>`
/// (pkg/kubelet/config/common.go, generatePodName).
pub fn node_in_mirror(pod: &str) -> Option<&str> {
    [
        "kube-apiserver-",
        "kube-controller-manager-",
        "kube-scheduler-",
        "etcd-",
    ]
    .iter()
    .find_map(|start| pod.strip_prefix(start))
    .filter(|node| !node.is_empty())
}

/// True for `name-<ordinal>`, as the StatefulSet controller names pods (`pkg/controller/statefulset/stateful_set_utils.go`); a date's `-01` is none.
pub(super) fn is_made_by_a_set(pod: &str) -> bool {
    let Some((stem, ordinal)) = pod.rsplit_once('-') else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let ordinal_only = digits(ordinal) && ordinal.len() <= 3 && (ordinal == "0" || !ordinal.starts_with('0'));
    ordinal_only && stem.starts_with(|c: char| c.is_ascii_lowercase()) && !digits(stem.rsplit('-').next().unwrap_or(""))
}

fn is_safe_alphabet(text: &str) -> bool {
    text.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_pod_on_a_node_with_a_number_is_of_no_set() {
        let pods = "NAMESPACE     NAME           READY   STATUS    RESTARTS   AGE\nkube-system   etcd-cp-1      1/1     Running   0          9d\nshop          etcd-cp-1      1/1     Running   0          9d\n";
        let snapshot = super::super::reading(&[("pods.txt", pods)]);
        let owner = |namespace: &str| snapshot.top_owner_of(&Subject::namespaced("Pod", namespace, "etcd-cp-1"));
        assert_eq!(owner("kube-system").kind, "Pod");
        assert_eq!(owner("shop").kind, "StatefulSet");
    }

    #[test]
    fn a_pods_name_tells_its_deployment_only_when_the_controllers_made_it() {
        assert_eq!(workload_of_pod_name("report-gen-666489dfdd-5ss9x"), Some("report-gen"));
        assert_eq!(workload_of_pod_name("mysql-0"), None);
        assert_eq!(workload_of_pod_name("my-own-name"), None);
    }
}
