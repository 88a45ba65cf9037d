//! Pulls that a registry refused, and the pull secrets that the pod, its ServiceAccount and its namespace have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::pod_is_failing;
use crate::bundle::decode::Form;
use crate::cluster::{Hit, Image, Object, PodView, Snapshot};
use crate::model::Subject;
use crate::rules::pull::is_image_reason;

/// Signatures of pulls that were refused for want of credentials, or look so.
const REFUSALS: [&str; 3] = ["registry-unauthorized/", "image-pull-denied/", "image-not-found/"];

/// A pod whose image is refused.
pub struct Refused<'s> {
    /// The top owner.
    pub workload: Subject,
    /// The pod.
    pub pod: PodView<'s>,
    /// The image.
    pub image: &'s str,
    /// The host of its registry.
    pub registry: String,
    /// The refusal.
    pub hit: &'s Hit,
    /// The ServiceAccount, where it was collected.
    pub account: Option<&'s Object>,
}

/// The pods that wait for an image that a registry refuses, one for each workload, where their pull secrets are known.
pub fn refused(snapshot: &Snapshot) -> Vec<Refused<'_>> {
    let mut found = refused_in_any_form(snapshot);
    found.retain(|refused| tells_pull_secrets(refused.pod.object));
    found
}

/// True unless it was read from what `kubectl get` or `kubectl describe` prints, which leave pull secrets out
/// (`staging/src/k8s.io/kubectl/pkg/describe/describe.go`).
pub fn tells_pull_secrets(pod: &Object) -> bool {
    pod.form == Form::Api
}

/// As [`refused`], of pods of which the pull secrets are not known, too.
pub fn refused_in_any_form(snapshot: &Snapshot) -> Vec<Refused<'_>> {
    let mut found: Vec<Refused<'_>> = Vec::new();
    let is_refusal = |hit: &&Hit| REFUSALS.iter().any(|wanted| hit.signature.starts_with(wanted));
    for hit in snapshot.hits.iter().filter(is_refusal) {
        let about = &hit.about.object;
        let Some(pod) = snapshot.pod(&about.namespace, &about.name) else {
            continue;
        };
        let workload = snapshot.top_owner(pod.object);
        let is_told = found.iter().any(|known| known.workload == workload);
        if is_told || !pod_is_failing(snapshot, about) || pod.object.list("/spec/containers").is_empty() {
            continue;
        }
        let waiting = pod.containers().into_iter().find(|container| {
            container
                .waiting()
                .is_some_and(|waiting| is_image_reason(waiting.reason))
        });
        let Some(image) = waiting
            .map(|container| container.image())
            .filter(|image| !image.is_empty())
        else {
            continue;
        };
        let account = match pod.object.text("/spec/serviceAccountName") {
            "" => "default",
            name => name,
        };
        found.push(Refused {
            workload,
            pod,
            image,
            registry: Image::parse(image).registry,
            hit,
            account: snapshot.object("ServiceAccount", pod.namespace(), account),
        });
    }
    found
}

/// The names in a list of `imagePullSecrets`.
pub fn names_in<'s>(object: &'s Object, pointer: &str) -> Vec<&'s str> {
    object
        .list(pointer)
        .iter()
        .filter_map(|reference| reference.get("name")?.as_str())
        .collect()
}

/// True for a Secret of credentials for registries (kubernetes.io/docs/concepts/configuration/secret: Docker config Secrets).
pub fn is_pull_secret(secret: &Object) -> bool {
    matches!(
        secret.text("/type"),
        "kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg"
    )
}

/// The registries for which a Secret has credentials; none where its content was not collected, was masked, or cannot be read. Only
/// the names of hosts leave this function.
pub fn registries_of(secret: &Object) -> Option<Vec<String>> {
    let encoded = secret.text("/data/.dockerconfigjson");
    let bytes = STANDARD.decode(encoded.trim()).ok().filter(|bytes| !bytes.is_empty())?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let hosts = value.get("auths")?.as_object()?;
    Some(hosts.keys().map(|key| host_of(key)).collect())
}

/// The host that a key of `auths` stands for: `https://index.docker.io/v1/` is Docker Hub's.
fn host_of(key: &str) -> String {
    let bare = key.trim().trim_start_matches("https://").trim_start_matches("http://");
    let host = bare.split('/').next().unwrap_or(bare);
    match host {
        "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_key_of_auths_names_a_host() {
        for (key, host) in [
            ("https://index.docker.io/v1/", "docker.io"),
            ("harbor.example:5000", "harbor.example:5000"),
            ("http://harbor.example/library", "harbor.example"),
        ] {
            assert_eq!(host_of(key), host);
        }
    }
}
