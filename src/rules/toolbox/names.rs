//! The cluster's name service: its Service, its addresses, and who complains of names.

use crate::bundle::decode::Form;
use crate::cluster::{Hit, Object, Snapshot};
use crate::model::Subject;

/// Signatures of applications that get no address for a name.
const COMPLAINTS: [&str; 2] = ["dns-resolution-failure/", "app-upstream-unresolved/"];
/// Where NodeLocal DNSCache listens (kubernetes.io/docs/tasks/administer-cluster/nodelocaldns).
pub const NODE_LOCAL: &str = "169.254.20.10";

/// The Service of the name service: by its label, or by the name that distributions give it (kubernetes `cluster/addons/dns`; RKE2's
/// chart; OpenShift's operator).
pub fn dns_service(snapshot: &Snapshot) -> Option<&Object> {
    let is_it = |service: &&Object| {
        let name = service.key.name.as_str();
        let is_called_so = matches!(name, "kube-dns" | "coredns" | "dns-default") || name.ends_with("-coredns");
        let at_home = matches!(service.key.namespace.as_str(), "" | "kube-system" | "openshift-dns");
        at_home && (is_called_so || service.text("/metadata/labels/k8s-app") == "kube-dns")
    };
    snapshot.kind("Service").find(is_it)
}

/// The addresses at which pods find the name service; empty when they are not known.
pub fn dns_addresses(snapshot: &Snapshot) -> Vec<&str> {
    let Some(service) = dns_service(snapshot) else {
        return Vec::new();
    };
    let mut found: Vec<&str> = service
        .list("/spec/clusterIPs")
        .iter()
        .filter_map(|address| address.as_str())
        .chain([service.text("/spec/clusterIP")])
        .filter(|address| address.contains(['.', ':']))
        .collect();
    if !found.is_empty() {
        found.push(NODE_LOCAL);
    }
    found
}

/// True when the bundle holds a listing of the Services of `kube-system`, so that one that is not in it is not there.
pub fn lists_system_services(snapshot: &Snapshot) -> bool {
    let services = || {
        snapshot
            .kind("Service")
            .filter(|service| service.form != Form::Describe)
    };
    let of_system = services()
        .filter(|service| service.key.namespace == "kube-system")
        .count();
    let has_all = services().any(|service| service.key.name == "kubernetes" && service.key.namespace == "default");
    of_system >= 2 || of_system == 1 && has_all || has_all && services().count() >= 3
}

/// What applications wrote of names that do not resolve.
pub fn name_complaints(snapshot: &Snapshot) -> impl Iterator<Item = &Hit> {
    snapshot
        .hits
        .iter()
        .filter(|hit| COMPLAINTS.iter().any(|wanted| hit.signature.starts_with(wanted)))
}

/// The complaints of one workload.
pub fn name_complaints_of<'s>(snapshot: &'s Snapshot, workload: &Subject) -> Vec<&'s Hit> {
    name_complaints(snapshot)
        .filter(|hit| hit.about.object.kind == "Pod" && snapshot.top_owner_of(&hit.about.object) == *workload)
        .collect()
}
