//! Who makes a Secret that nobody writes by hand: the custom resource that asks for it, and the controller that follows the resource.

use super::speakers::controllers_called;
use crate::cluster::{Object, Snapshot};
use crate::model::Subject;
use crate::rules::{Ground, Touch};

/// Kind, where it names the Secret (its own name where that is empty), and what the controller's workloads are called.
///
/// Sources: the custom resources of external-secrets, sealed-secrets, cert-manager, vault-secrets-operator, Infisical and the 1Password
/// operator, and the names that their charts give.
const MAKERS: [(&str, &str, &str); 8] = [
    ("ExternalSecret", "/spec/target/name", "external-secrets"),
    ("SealedSecret", "", "sealed-secrets"),
    ("Certificate", "/spec/secretName", "cert-manager"),
    ("VaultStaticSecret", "/spec/destination/name", "vault-secrets-operator"),
    ("VaultDynamicSecret", "/spec/destination/name", "vault-secrets-operator"),
    ("VaultPKISecret", "/spec/destination/name", "vault-secrets-operator"),
    (
        "InfisicalSecret",
        "/spec/managedSecretReference/secretName",
        "infisical",
    ),
    ("OnePasswordItem", "", "onepassword"),
];

/// The operators that make what stands behind a name: of the custom resource that is called so, as their own names tell. `orders-mq` of a
/// `RabbitmqCluster` is made by `rabbitmq-cluster-operator`.
pub fn operators_of(snapshot: &Snapshot, namespace: &str, name: &str) -> Vec<Subject> {
    let is_called = |object: &Object| {
        let rest = name.strip_prefix(object.key.name.as_str());
        object.key.namespace == namespace && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let is_custom = |object: &Object| {
        let group = object.text("/apiVersion").split('/').next().unwrap_or("");
        group.contains('.') && !group.ends_with(".k8s.io")
    };
    let mut words: Vec<String> = Vec::new();
    for object in snapshot
        .objects
        .values()
        .filter(|object| is_called(object) && is_custom(object))
    {
        let group = object.text("/apiVersion").split('/').next().unwrap_or("").to_owned();
        words.extend(group.split(['.', '-']).map(str::to_owned));
        words.push(object.key.kind.to_lowercase());
    }
    words.retain(|word| word.len() > 3);
    if words.is_empty() {
        return Vec::new();
    }
    let makes = |operator: &Subject| {
        let mut own = operator
            .name
            .split('-')
            .filter(|part| part.len() > 3 && *part != "operator");
        own.any(|part| words.iter().any(|word| word.starts_with(part)))
    };
    controllers_called(snapshot, "operator")
        .into_iter()
        .filter(makes)
        .collect()
}

/// Workloads that were refused to make objects of this kind where one is missing: an operator makes what its tenants need.
///
/// Source: kubernetes apiserver pkg/endpoints/handlers/responsewriters: `%s is forbidden: User %q cannot %s resource %q in API group %q in
/// the namespace %q`.
pub fn refused_makers(snapshot: &Snapshot, missing: &Subject) -> Vec<Touch> {
    let resource = format!("{}s", missing.kind.to_lowercase());
    let hits = snapshot.hits.iter().filter(|hit| {
        let has = |name: &str, wanted: &[&str]| {
            hit.captures
                .get(name)
                .is_some_and(|known| wanted.contains(&known.as_str()))
        };
        hit.signature.starts_with("app-rbac-forbidden/")
            && has("resource", &[&resource])
            && has("verb", &["create", "patch", "update"])
            && has("place", &[&missing.namespace])
            && hit.about.object.kind == "Pod"
    });
    hits.flat_map(|hit| Touch::of(&snapshot.top_owner_of(&hit.about.object)))
        .filter(|touch| touch.ground == Ground::Workload)
        .collect()
}

/// What is to make a Secret.
pub struct Maker<'s> {
    /// The resource that asks for it.
    pub object: &'s Object,
    /// The controller's workloads, as what a finding touches.
    pub touches: Vec<Touch>,
}

/// The maker of a Secret; none where no resource of the bundle asks for it.
pub fn maker_of<'s>(snapshot: &'s Snapshot, secret: &Subject) -> Option<Maker<'s>> {
    MAKERS.iter().find_map(|(kind, at, controller)| {
        let object = snapshot
            .kind(kind)
            .filter(|object| object.key.namespace == secret.namespace)
            .find(|object| {
                let named = if at.is_empty() { "" } else { object.text(at) };
                let target = if named.is_empty() { &object.key.name } else { named };
                target == secret.name
            })?;
        let touches = ["Deployment", "StatefulSet"]
            .into_iter()
            .flat_map(|kind| snapshot.kind(kind))
            .filter(|workload| workload.key.name.contains(controller))
            .flat_map(|workload| Touch::of(&workload.subject()))
            .collect();
        Some(Maker { object, touches })
    })
}
