//! Who makes a Secret that nobody writes by hand: the custom resource that asks for it, and the controller that follows the resource.

use crate::cluster::{Object, Snapshot};
use crate::model::Subject;
use crate::rules::Touch;

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
