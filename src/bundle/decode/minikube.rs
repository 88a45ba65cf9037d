//! The parts of `minikube logs` that no other program writes, and its containers' logs.
//!
//! Source: kubernetes/minikube `pkg/minikube/logs/logs.go` (`OutputAudit`, `OutputLastStart`, `importantPods`, `enabledAddonPods`).

use std::collections::BTreeMap;

use super::headings::heading;
use super::{Decoder, Fact, LogSection, Section, TextFile};

/// Its history of commands, its own log of the last start, and the logs of the pods that it asks for.
pub(super) const DECODER: Decoder = Decoder {
    name: "minikube logs",
    decode,
};

/// What it calls the containers of pods that are no component of the control plane, and their namespaces.
const PODS: [(&str, &str); 6] = [
    ("coredns", "kube-system"),
    ("kindnet", "kube-system"),
    ("storage-provisioner", "kube-system"),
    ("kubernetes-dashboard", "kubernetes-dashboard"),
    ("gcp-auth", "gcp-auth"),
    ("controller_ingress", "ingress-nginx"),
];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let name = heading(file.line(start))?;
    let first = start + 1;
    let end = (first..file.lines.len())
        .find(|&line| heading(file.line(line)).is_some())
        .unwrap_or(file.lines.len());
    match name {
        // A table of the commands that a person gave, and what minikube's program wrote: neither is about the cluster of now.
        "Audit" | "Last Start" => Some(Section {
            end,
            ..Section::default()
        }),
        _ => {
            let (bare, rest) = name.split_once(" [")?;
            let id = rest.strip_suffix(']')?;
            let (_, namespace) = PODS.iter().find(|(known, _)| *known == bare)?;
            Some(Section {
                end,
                facts: vec![Fact::LogSection(LogSection {
                    namespace: (*namespace).to_owned(),
                    pod: pod_of_container(file, id).unwrap_or_default(),
                    container: bare.to_owned(),
                    previous: false,
                    first,
                    end,
                })],
                ..Section::default()
            })
        }
    }
}

/// Rows of the list of containers that are read; minikube's machine has some dozens.
const MOST_ROWS: usize = 5_000;

/// Digits of an id that every program prints: `docker ps`, which names the containers where the runtime is Docker, has twelve, and the
/// list of `crictl` thirteen.
const SHORT: usize = 12;

/// The pod of a container, as the list below `==> container status <==` has it.
fn pod_of_container(file: &TextFile<'_>, id: &str) -> Option<String> {
    let short = id.get(..SHORT)?;
    file.pods_of_containers(pods_of_containers).get(short).cloned()
}

/// The rows of `crictl ps -a`, whose last column is the pod's name, or since 1.31 its namespace after it; without crictl, of
/// `docker ps -a`, whose last column is `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`.
fn pods_of_containers(text: &str) -> BTreeMap<String, String> {
    let Some((_, status)) = text.split_once("==> container status <==") else {
        return BTreeMap::new();
    };
    let is_id =
        |word: &str| (SHORT..=SHORT + 1).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let rows = status
        .lines()
        .skip(1)
        .take(MOST_ROWS)
        .take_while(|line| heading(line).is_none());
    rows.filter_map(|row| {
        let id = row.split_whitespace().next().filter(|id| is_id(id))?;
        let mut words = row.split_whitespace().rev();
        let (last, before) = (words.next()?, words.next()?);
        let pod = match last.strip_prefix("k8s_") {
            Some(name) => name.split('_').nth(1)?,
            None if is_id(before) => last,
            None => before,
        };
        Some((id.get(..SHORT)?.to_owned(), pod.to_owned()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::super::testing::assert_takes_linear_time;
    use super::*;

    #[test]
    fn a_containers_log_gets_its_pod_from_the_list_of_containers() {
        let id = "3f2a1b4c5d6e7f8091a2";
        for (columns, pod) in [
            (
                "1f0e9d8c7b6a5      coredns-668d6bf9bc-x7h2p",
                "coredns-668d6bf9bc-x7h2p",
            ),
            (
                "1f0e9d8c7b6a5      coredns-668d6bf9bc-x7h2p      kube-system",
                "coredns-668d6bf9bc-x7h2p",
            ),
        ] {
            let text = format!(
                "==> container status <==\nCONTAINER\n{}   c69fa2e9cbf5f   2 hours ago   Running   coredns   0   {columns}\n\n==> coredns [{id}] <==\n[INFO] plugin/ready\n",
                &id[..13]
            );
            let section = section_at(&DECODER, "logs.txt", &text, 4).unwrap();
            assert!(
                matches!(&section.facts[0], Fact::LogSection(log) if log.pod == pod && log.namespace == "kube-system" && log.container == "coredns")
            );
        }
        for row in [
            "3f2a1b4c5d6e7   c69fa2e9cbf5f   2 hours ago   Running   coredns   0   1f0e9d8c7b6a5      coredns-1",
            "3f2a1b4c5d6e   c69fa2e9cbf5   \"/coredns\"   2 hours ago   Up 2 hours   k8s_coredns_coredns-1_kube-system_u_0",
        ] {
            let text = format!("==> container status <==\n{row}\n\n==> coredns [3f2a1b4c5d6e] <==\nx\n");
            let section = section_at(&DECODER, "logs.txt", &text, 3).unwrap();
            assert!(
                matches!(&section.facts[0], Fact::LogSection(log) if log.pod == "coredns-1"),
                "{row}"
            );
        }
        assert_takes_linear_time(&DECODER, "==> coredns [3f2a1b4c5d6e7f] <==\nx\n");
        assert!(section(&DECODER, "x", "==> etcd [3f2a] <==\nx\n").is_none());
        assert!(
            section(&DECODER, "x", "==> Last Start <==\nI1121 x\n")
                .unwrap()
                .facts
                .is_empty()
        );
    }
}
