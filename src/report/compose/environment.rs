//! The environment of chapter 1.1: versions and roles, as far as they were read.

use std::collections::BTreeMap;

use super::ledger::Ledger;
use super::phrases::phrase;
use crate::cluster::{Host, HostContainer, Object};
use crate::model::{Citation, Text, code, escaped};
use crate::report::model::Labelled;
use crate::rules::inventory::{is_rke1, names};

/// Nodes and containers that are cited for one row.
const CITED: usize = 3;
/// The labels that give a node its roles (kubernetes `staging/src/k8s.io/kubectl/pkg/describe`).
const ROLE: &str = "node-role.kubernetes.io/";
/// Containers by which an RKE1 host shows a role (rancher/rke `cluster/plan.go`). A worker has none that the others have not.
const ROLES: [(&str, &str); 2] = [("etcd", "etcd"), ("kube-apiserver", "controlplane")];

pub(super) fn environment(ledger: &mut Ledger<'_, '_>) -> Vec<Labelled> {
    let mut rows = Vec::new();
    let snapshot = ledger.diagnosis.snapshot;
    let nodes: Vec<&Object> = snapshot.kind("Node").collect();
    let mut versions: Vec<String> = nodes
        .iter()
        .map(|node| node.text("/status/nodeInfo/kubeletVersion").to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    versions.sort();
    versions.dedup();
    if let (Some(node), false) = (nodes.first(), versions.is_empty()) {
        let refs = vec![ledger.cite(&node.cite_at("/status/nodeInfo/kubeletVersion"))];
        rows.push(Labelled {
            label: phrase("environment.kubernetes"),
            value: Text::same(code(&versions.join(", "))),
            refs,
        });
        let runtime = node.text("/status/nodeInfo/containerRuntimeVersion");
        if !runtime.is_empty() {
            let refs = vec![ledger.cite(&node.cite_at("/status/nodeInfo/containerRuntimeVersion"))];
            rows.push(Labelled {
                label: phrase("environment.runtime"),
                value: Text::same(code(runtime)),
                refs,
            });
        }
        rows.push(Labelled {
            label: phrase("environment.nodes"),
            value: Text::same(nodes.len().to_string()),
            refs: ledger.cite_all(
                nodes
                    .iter()
                    .take(CITED)
                    .map(|node| node.cite_at("/metadata/name"))
                    .collect::<Vec<_>>()
                    .iter(),
            ),
        });
        roles(ledger, &nodes, &mut rows);
    }
    software(ledger, &mut rows);
    for host in &snapshot.hosts {
        for (key, label) in [
            ("docker.server-version", "environment.docker"),
            ("os.name", "environment.os"),
        ] {
            if let Some((value, cite)) = host.values.get(key) {
                let label = phrase(label);
                if !rows.iter().any(|row| row.label == label && row.value.en == code(value)) {
                    let refs = vec![ledger.cite(cite)];
                    rows.push(Labelled {
                        label,
                        value: Text::same(code(value)),
                        refs,
                    });
                }
            }
        }
    }
    rows
}

/// The roles of the nodes by their labels; of an RKE1 host, where no node has a label, by its containers.
fn roles(ledger: &mut Ledger<'_, '_>, nodes: &[&Object], rows: &mut Vec<Labelled>) {
    let mut counted: BTreeMap<String, (usize, Citation)> = BTreeMap::new();
    for node in nodes {
        let labels = node.get("/metadata/labels").and_then(|labels| labels.as_object());
        for key in labels.into_iter().flat_map(|labels| labels.keys()) {
            if let Some(role) = key.strip_prefix(ROLE) {
                let place = format!("/metadata/labels/{}", escaped(key));
                let entry = counted.entry(role.to_owned());
                entry.or_insert_with(|| (0, node.cite_at(&place))).0 += 1;
            }
        }
    }
    if !counted.is_empty() {
        let words: Vec<String> = counted
            .iter()
            .map(|(role, (count, _))| format!("{} {count}", code(role)))
            .collect();
        rows.push(Labelled {
            label: phrase("environment.roles"),
            value: Text::new(words.join("、"), words.join(", ")),
            refs: ledger.cite_all(counted.values().map(|(_, cite)| cite).take(CITED)),
        });
        return;
    }
    let snapshot = ledger.diagnosis.snapshot;
    for host in snapshot.hosts.iter().filter(|host| is_rke1(host)).take(CITED) {
        let shown: Vec<(&str, &HostContainer)> = ROLES
            .iter()
            .filter_map(|(name, role)| Some((*role, host.container(name)?)))
            .collect();
        if !shown.is_empty() {
            let words: Vec<String> = shown.iter().map(|(role, _)| code(role)).collect();
            rows.push(Labelled {
                label: phrase("environment.roles-by-containers"),
                value: Text::new(words.join("、"), words.join(", ")),
                refs: ledger.cite_all(shown.iter().map(|(_, container)| &container.cite)),
            });
        }
    }
}

/// Rancher, and the components of RKE1, by the images of a host's containers.
fn software(ledger: &mut Ledger<'_, '_>, rows: &mut Vec<Labelled>) {
    let snapshot = ledger.diagnosis.snapshot;
    let rancher = |host: &&Host| host.containers.iter().find(|one| names(&one.image, "rancher")).cloned();
    let kubelet = |host: &&Host| host.container("kubelet").filter(|_| is_rke1(host)).cloned();
    let of_hosts = |of: &dyn Fn(&&Host) -> Option<HostContainer>| snapshot.hosts.iter().find_map(|host| of(&host));
    for (label, container) in [
        ("environment.rancher", of_hosts(&rancher)),
        ("environment.rke", of_hosts(&kubelet)),
    ] {
        if let Some(container) = container
            && let Some((_, version)) = container.image.rsplit_once(':')
        {
            let refs = vec![ledger.cite(&container.cite)];
            rows.push(Labelled {
                label: phrase(label),
                value: Text::same(code(version)),
                refs,
            });
        }
    }
}
