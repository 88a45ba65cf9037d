//! Rows of claims, volumes, storage classes and volume attachments.
//!
//! Source: the printers of these kinds in `kubernetes/pkg/printers/internalversion/printers.go`.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::values::access_modes;
use super::Row;

/// A row of persistent volume claims.
pub(crate) fn claim(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    phase(row, to);
    to.set_some("/spec/volumeName", row.get("VOLUME"), line);
    to.set_some("/status/capacity/storage", row.get("CAPACITY"), line);
    to.set_some("/spec/accessModes", modes(row), line);
    to.set_some("/spec/storageClassName", row.get("STORAGECLASS"), line);
    to.set_some("/spec/volumeMode", row.get("VOLUMEMODE"), line);
}

/// A row of persistent volumes.
pub(crate) fn volume(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    phase(row, to);
    to.set_some("/spec/capacity/storage", row.get("CAPACITY"), line);
    to.set_some("/spec/accessModes", modes(row), line);
    to.set_some(
        "/spec/persistentVolumeReclaimPolicy",
        row.any(&["RECLAIM POLICY", "RECLAIMPOLICY"]),
        line,
    );
    if let Some((namespace, name)) = row.get("CLAIM").and_then(|claim| claim.split_once('/')) {
        to.set(
            "/spec/claimRef",
            json!({"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name}),
            line,
        );
    }
    to.set_some("/spec/storageClassName", row.get("STORAGECLASS"), line);
    to.set_some("/status/reason", row.get("REASON"), line);
    to.set_some("/spec/volumeMode", row.get("VOLUMEMODE"), line);
}

/// A row of storage classes; the default one has ` (default)` after its name.
pub(crate) fn class(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    if row.raw("NAME").ends_with(" (default)") {
        to.entry(
            "/metadata/annotations",
            "storageclass.kubernetes.io/is-default-class",
            "true",
            line,
        );
    }
    to.set_some("/provisioner", row.get("PROVISIONER"), line);
    to.set_some("/reclaimPolicy", row.get("RECLAIMPOLICY"), line);
    to.set_some("/volumeBindingMode", row.get("VOLUMEBINDINGMODE"), line);
    to.set_some(
        "/allowVolumeExpansion",
        row.get("ALLOWVOLUMEEXPANSION")
            .and_then(|word| word.parse::<bool>().ok()),
        line,
    );
}

/// A row of volume attachments.
pub(crate) fn attachment(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    let line = row.line;
    to.set_some("/spec/attacher", row.get("ATTACHER"), line);
    to.set_some("/spec/source/persistentVolumeName", row.get("PV"), line);
    to.set_some("/spec/nodeName", row.get("NODE"), line);
    to.set_some(
        "/status/attached",
        row.get("ATTACHED").and_then(|word| word.parse::<bool>().ok()),
        line,
    );
}

fn modes(row: &Row<'_, '_>) -> Option<Vec<serde_json::Value>> {
    row.any(&["ACCESS MODES", "ACCESSMODES"]).map(access_modes)
}

/// STATUS is the phase, or `Terminating` once the object is being deleted.
fn phase(row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    match row.get("STATUS") {
        Some("Terminating") => to.set("/metadata/casefileTerminating", true, row.line),
        phase => to.set_some("/status/phase", phase, row.line),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;

    #[test]
    fn a_claim_that_waits_has_no_volume() {
        let source = text(
            "NAMESPACE   NAME     STATUS    VOLUME     CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE\n\
             shop        data-0   Pending                                        fast           <unset>                 5m\n\
             shop        data-1   Bound     pvc-1234   10Gi       RWO,ROX        fast           <unset>                 5m\n",
        );
        let section = source.decode(decode);
        let waits = find(&section, "PersistentVolumeClaim", "data-0");
        assert_eq!(
            (
                at(waits, "/status/phase"),
                at(waits, "/spec/volumeName"),
                at(waits, "/metadata/namespace")
            ),
            (&json!("Pending"), &json!(null), &json!("shop"))
        );
        assert_eq!(at(waits, "/spec/storageClassName"), "fast");
        assert_eq!(
            at(find(&section, "PersistentVolumeClaim", "data-1"), "/spec/accessModes"),
            &json!(["ReadWriteOnce", "ReadOnlyMany"])
        );
    }

    #[test]
    fn volumes_and_classes() {
        let source = text(
            "NAME       CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS     CLAIM         STORAGECLASS   REASON   AGE\n\
             pvc-1234   10Gi       RWO            Retain           Released   shop/data-0   fast                    5m\n\n\
             NAME                   PROVISIONER             RECLAIMPOLICY   VOLUMEBINDINGMODE      ALLOWVOLUMEEXPANSION   AGE\n\
             local-path (default)   rancher.io/local-path   Delete          WaitForFirstConsumer   false                  90d\n",
        );
        let section = source.decode(decode);
        let volume = find(&section, "PersistentVolume", "pvc-1234");
        assert_eq!(
            (at(volume, "/spec/claimRef/namespace"), at(volume, "/status/phase")),
            (&json!("shop"), &json!("Released"))
        );
        let class = find(&section, "StorageClass", "local-path");
        assert_eq!(
            at(
                class,
                "/metadata/annotations/storageclass.kubernetes.io~1is-default-class"
            ),
            "true"
        );
        assert_eq!(at(class, "/allowVolumeExpansion"), &json!(false));
    }
}
