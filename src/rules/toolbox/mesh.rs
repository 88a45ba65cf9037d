//! The authority of a service mesh: when it ends, every connection between its proxies ends with it.

use super::nodes::persists;
use super::peers::behind;
use super::{add_hit, own_hits, workload_touches};
use crate::cluster::{Hit, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader, Touch};

/// Names of the containers that are a mesh's proxy.
pub const PROXIES: [&str; 2] = ["linkerd-proxy", "istio-proxy"];

/// Where Linkerd keeps its trust anchors and its issuer (linkerd2 pkg/k8s/labels.go, IdentityIssuerSecretName and `linkerd-identity-trust-roots`).
const ANCHORS: (&str, &str) = ("ConfigMap", "linkerd-identity-trust-roots");
const ISSUER: (&str, &str) = ("Secret", "linkerd-identity-issuer");

/// A Service of which the routes do harm suffers with the workloads behind it.
pub fn impair_service(snapshot: &Snapshot, finding: &mut Finding, namespace: &str, name: &str) {
    finding.impair(Subject::namespaced("Service", namespace, name));
    for owner in behind(snapshot, namespace, name) {
        finding.impair(owner);
    }
}

/// Name and namespace of the Service that a host means: `till` in the namespace of the object that names it, or
/// `till.shop.svc.cluster.local` (istio.io/docs/reference/config/networking/virtual-service: short names).
pub fn service_of_host(host: &str, home: &str) -> (String, String) {
    let mut labels = host.split('.');
    let name = labels.next().unwrap_or_default().to_owned();
    (name, labels.next().unwrap_or(home).to_owned())
}

/// True for the signatures by which a mesh says that its own authority has ended.
pub fn is_of_mesh(hit: &Hit) -> bool {
    hit.signature.contains("/mesh-")
}

/// One finding for each authority of a mesh that has ended, by the mesh's own check or the log of its identity service.
///
/// Facts: what the signatures captured.
pub fn ended_authorities(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let hits: Vec<&Hit> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| is_of_mesh(hit) && persists(snapshot, hit))
        .collect();
    let speaker = hits
        .iter()
        .find(|hit| hit.about.object.kind == "Pod")
        .map(|hit| snapshot.top_owner_of(&hit.about.object));
    let home = speaker.as_ref().map_or("linkerd", |owner| owner.namespace.as_str());
    // The check tells which of the two it is; the service's log only that one of them is.
    let told = |id: &str| hits.iter().any(|hit| hit.signature.ends_with(id));
    let subject = if told("/mesh-anchor") {
        Subject::namespaced(ANCHORS.0, home, ANCHORS.1)
    } else if told("/mesh-issuer") {
        Subject::namespaced(ISSUER.0, home, ISSUER.1)
    } else {
        match &speaker {
            Some(owner) => owner.clone(),
            None => return Vec::new(),
        }
    };
    let mut finding = Finding::new(rule, subject, Confidence::Confirmed);
    finding.count = 0;
    for hit in hits {
        add_hit(input, &mut finding, hit);
    }
    if let Some(owner) = speaker {
        finding.touches.extend(Touch::of(&owner));
        finding.add_affected(owner);
    }
    for pod in snapshot.pods().filter(|pod| is_meshed(pod)) {
        let owner = snapshot.top_owner(pod.object);
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        if !pod.is_well() {
            finding.touches.extend(workload_touches(snapshot, &subject));
        }
        finding.impair(owner);
    }
    for (object, cite) in complaints_of_expiry(snapshot) {
        finding.touches.extend(workload_touches(snapshot, &object));
        finding.add_affected(snapshot.top_owner_of(&object));
        if finding.evidence.len() < 6 {
            finding.add_cite(cite);
        }
    }
    vec![finding]
}

/// Pods whose logs say that a certificate has expired, as the rule about failing TLS found them.
fn complaints_of_expiry(snapshot: &Snapshot) -> Vec<(Subject, crate::model::Citation)> {
    let says_so = |hit: &&Hit| {
        hit.cite
            .quote
            .iter()
            .any(|line| line.text.to_ascii_lowercase().contains("expired"))
    };
    snapshot
        .hits
        .iter()
        .filter(|hit| hit.signature.starts_with("app-tls-failed/") && hit.about.object.kind == "Pod")
        .filter(says_so)
        .map(|hit| (hit.about.object.clone(), hit.cite.clone()))
        .collect()
}

/// True when the pod has a mesh's proxy.
pub fn is_meshed(pod: &PodView<'_>) -> bool {
    pod.containers()
        .iter()
        .any(|container| PROXIES.contains(&container.name))
}
