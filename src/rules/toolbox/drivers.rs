//! Who makes and attaches volumes: the controller of a CSI driver.

use std::collections::BTreeSet;

use crate::cluster::Snapshot;
use crate::model::Subject;

/// Words that the names of all drivers share.
const COMMON: [&str; 9] = [
    "csi",
    "driver",
    "plugin",
    "com",
    "storage",
    "k8s",
    "disk",
    "file",
    "controller",
];

/// The controllers of the driver that this volume or class asks for. Where the driver is not known, the only ones there are; none where
/// they cannot be told apart.
///
/// Source: the CSI documents (kubernetes-csi.github.io, "Deploying a CSI Driver"): provisioner, attacher and resizer run beside the
/// controller plugin in one workload, which charts call `<driver>-csi-controller`, `csi-<driver>-controller`, `csi-<driver>plugin-provisioner`.
pub fn controllers(snapshot: &Snapshot, volume_or_class: &str) -> Vec<Subject> {
    let known: BTreeSet<Subject> = snapshot
        .pods()
        .map(|pod| snapshot.top_owner(pod.object))
        .filter(|owner| {
            let name = &owner.name;
            name.contains("csi") && (name.contains("controller") || name.contains("provisioner"))
        })
        .collect();
    let driver = snapshot
        .object("PersistentVolume", "", volume_or_class)
        .map(|volume| volume.text("/spec/csi/driver"))
        .filter(|driver| !driver.is_empty())
        .or_else(|| {
            Some(
                snapshot
                    .object("StorageClass", "", volume_or_class)?
                    .text("/provisioner"),
            )
        })
        .unwrap_or_default();
    let words: Vec<&str> = driver
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.len() > 2 && !COMMON.contains(word))
        .collect();
    let of_driver: Vec<Subject> = known
        .iter()
        .filter(|owner| words.iter().any(|word| owner.name.contains(word)))
        .cloned()
        .collect();
    match (of_driver.is_empty(), known.len()) {
        (false, _) => of_driver,
        (true, 1) => known.into_iter().collect(),
        (true, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::controllers;
    use crate::cluster::reading_for;
    use crate::rules::Rules;

    const PODS: &str = "NAMESPACE     NAME                                       READY   STATUS    RESTARTS   AGE
kube-system   ebs-csi-controller-6bdf8c9d7-jd5lx         6/6     Running   0          9d
kube-system   ebs-csi-node-x2x9k                         3/3     Running   0          9d
";
    const OTHER: &str = "storage       csi-rbdplugin-provisioner-57b96b46b7-zv4q2   6/6     Running   0          9d\n";

    fn named(pods: &str, volume: &str) -> Vec<String> {
        let rules = Rules::load().unwrap();
        let class = r#"{"kind":"StorageClassList","apiVersion":"storage.k8s.io/v1","items":[{"metadata":{"name":"gp3"},"provisioner":"ebs.csi.aws.com"}]}"#;
        let snapshot = reading_for(rules.signatures(), &[("pods.txt", pods), ("sc.json", class)]);
        let found = controllers(&snapshot, volume);
        found.into_iter().map(|owner| owner.name).collect()
    }

    #[test]
    fn the_controller_of_the_driver_is_the_only_one_or_called_after_it() {
        assert_eq!(named(PODS, "pvc-1"), ["ebs-csi-controller"]);
        let two = format!("{PODS}{OTHER}");
        assert!(named(&two, "pvc-1").is_empty());
        assert_eq!(named(&two, "gp3"), ["ebs-csi-controller"]);
    }
}
