//! Descriptions of claims, volumes and storage classes.
//!
//! Source: the describers of these kinds in `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::values::{access_modes, present};
use super::outline::{Item, Outline};

/// A persistent volume claim. The pods that use it stand in `casefileUsedBy`.
pub(crate) fn claim(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "StorageClass" => to.set_some("/spec/storageClassName", present(item.value), line),
            "Status" => phase(item, to),
            "Volume" => to.set_some("/spec/volumeName", present(item.value), line),
            "Capacity" => to.set_some("/status/capacity/storage", present(item.value), line),
            "Access Modes" => to.set_some("/spec/accessModes", present(item.value).map(access_modes), line),
            "VolumeMode" => to.set_some("/spec/volumeMode", present(item.value), line),
            "Used By" | "Mounted By" => {
                for (name, line) in outline
                    .entries(item)
                    .into_iter()
                    .filter(|(name, _)| present(name).is_some())
                {
                    to.push("/casefileUsedBy", name, line);
                }
            }
            _ => {}
        }
    }
}

/// A persistent volume.
pub(crate) fn volume(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "StorageClass" => to.set_some("/spec/storageClassName", present(item.value), line),
            "Status" => phase(item, to),
            "Claim" => {
                if let Some((namespace, name)) = item.value.split_once('/') {
                    to.set(
                        "/spec/claimRef",
                        json!({"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name}),
                        line,
                    );
                }
            }
            "Reclaim Policy" => to.set_some("/spec/persistentVolumeReclaimPolicy", present(item.value), line),
            "Capacity" => to.set_some("/spec/capacity/storage", present(item.value), line),
            "Access Modes" => to.set_some("/spec/accessModes", present(item.value).map(access_modes), line),
            "VolumeMode" => to.set_some("/spec/volumeMode", present(item.value), line),
            "Message" => to.set_some("/status/message", present(item.value), line),
            "Node Affinity" => affinity(outline, item, to),
            "Source" => source(outline, item, to),
            _ => {}
        }
    }
}

/// `Term 0:  kubernetes.io/hostname in [node-1]`.
fn affinity(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for term in outline.below(item).iter().filter(|term| term.key.starts_with("Term ")) {
        if let Some((key, values)) = term.value.split_once(" in ") {
            let values: Vec<&str> = values
                .trim_matches(['[', ']'])
                .split([',', ' '])
                .filter(|value| !value.is_empty())
                .collect();
            let expression = json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]});
            to.push("/spec/nodeAffinity/required/nodeSelectorTerms", expression, term.line);
        }
    }
}

fn source(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    let get = |key: &str| outline.child(item, key).and_then(|child| present(child.value));
    let value = match get("Type").and_then(|kind| kind.split([' ', '(']).next()) {
        Some("NFS") => ("nfs", json!({"server": get("Server"), "path": get("Path")})),
        Some("HostPath") => ("hostPath", json!({"path": get("Path")})),
        Some("LocalVolume") => ("local", json!({"path": get("Path")})),
        Some("CSI") => (
            "csi",
            json!({"driver": get("Driver"), "volumeHandle": get("VolumeHandle")}),
        ),
        _ => return,
    };
    to.set(&format!("/spec/{}", value.0), value.1, item.line);
}

/// A storage class.
pub(crate) fn class(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline.roots() {
        let line = item.line;
        match item.key {
            "IsDefaultClass" if item.value == "Yes" => {
                to.entry(
                    "/metadata/annotations",
                    "storageclass.kubernetes.io/is-default-class",
                    "true",
                    line,
                );
            }
            "Provisioner" => to.set_some("/provisioner", present(item.value), line),
            "ReclaimPolicy" => to.set_some("/reclaimPolicy", present(item.value), line),
            "VolumeBindingMode" => to.set_some("/volumeBindingMode", present(item.value), line),
            "AllowVolumeExpansion" => to.set_some(
                "/allowVolumeExpansion",
                item.value.to_ascii_lowercase().parse::<bool>().ok(),
                line,
            ),
            _ => {}
        }
    }
}

/// `Bound`, or `Terminating (lasts 5m)`.
fn phase(item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    if item.value.starts_with("Terminating") {
        to.set("/metadata/casefileTerminating", true, item.line);
    } else {
        to.set_some("/status/phase", present(item.value), item.line);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;

    #[test]
    fn a_claim_that_waits_for_its_class() {
        let source = text(
            "Name:          data-0\nNamespace:     shop\nStorageClass:  fast\nStatus:        Pending\nVolume:        \nLabels:        <none>\nCapacity:      \nAccess Modes:  \nVolumeMode:    Filesystem\nUsed By:       db-0\n\
             Events:\n  Type     Reason              Age                 From                         Message\n  ----     ------              ----                ----                         -------\n\
             \x20 Warning  ProvisioningFailed  3s (x4 over 33s)    persistentvolume-controller  storageclass.storage.k8s.io \"fast\" not found\n",
        );
        let section = source.decode(decode);
        let claim = find(&section, "PersistentVolumeClaim", "data-0");
        assert_eq!(
            (
                at(claim, "/spec/storageClassName"),
                at(claim, "/status/phase"),
                at(claim, "/spec/volumeName")
            ),
            (&json!("fast"), &json!("Pending"), &json!(null))
        );
        assert_eq!(at(claim, "/casefileUsedBy"), &json!(["db-0"]));
        assert_eq!(at(find(&section, "Event", "data-0.line14"), "/count"), 4);
    }

    #[test]
    fn a_volume_and_a_class() {
        let source = text(
            "Name:              pv-1\nLabels:            <none>\nStorageClass:      local\nStatus:            Released\nClaim:             shop/data-0\nReclaim Policy:    Retain\nAccess Modes:      RWO\nCapacity:          10Gi\n\
             Node Affinity:     \n  Required Terms:  \n    Term 0:        kubernetes.io/hostname in [w1]\nMessage:           \nSource:\n    Type:  LocalVolume (a persistent volume backed by local storage on a node)\n    Path:  /mnt/d\nEvents:    <none>\n\n\n\
             Name:                  local\nIsDefaultClass:        Yes\nAnnotations:           <none>\nProvisioner:           kubernetes.io/no-provisioner\nParameters:            <none>\nAllowVolumeExpansion:  <unset>\nReclaimPolicy:         Delete\nVolumeBindingMode:     WaitForFirstConsumer\nEvents:                <none>\n",
        );
        let section = source.decode(decode);
        let volume = find(&section, "PersistentVolume", "pv-1");
        assert_eq!(
            (at(volume, "/spec/claimRef/name"), at(volume, "/spec/local/path")),
            (&json!("data-0"), &json!("/mnt/d"))
        );
        assert_eq!(
            at(
                volume,
                "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values"
            ),
            &json!(["w1"])
        );
        assert_eq!(
            at(find(&section, "StorageClass", "local"), "/volumeBindingMode"),
            "WaitForFirstConsumer"
        );
    }
}
