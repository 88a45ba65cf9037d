//! Who serves TLS: of clients that refuse a certificate without a word of whose it is, the settings and the servers' volumes tell.

use std::collections::{BTreeMap, BTreeSet};

use super::peers::dependencies;
use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Subject};

/// A server and the Secret that it takes its certificate from.
#[derive(Debug)]
pub struct TlsServer {
    /// The workload.
    pub workload: Subject,
    /// The Secret that its pods mount.
    pub secret: Subject,
    /// The volume.
    pub cite: Citation,
}

/// The type of Secrets that hold a certificate (kubernetes core/v1 `SecretTypeTLS`).
const TLS_SECRET: &str = "kubernetes.io/tls";

/// The server with a certificate that the settings of most of these clients name; none where there are several. Some clients have their
/// settings where nobody looked.
pub fn common_server(snapshot: &Snapshot, clients: &BTreeSet<Subject>) -> Option<TlsServer> {
    let mut named: BTreeMap<Subject, usize> = BTreeMap::new();
    for client in clients {
        let own: BTreeSet<Subject> = dependencies(snapshot, client).into_iter().collect();
        for server in own {
            *named.entry(server).or_default() += 1;
        }
    }
    let serving = named
        .into_iter()
        .filter_map(|(server, count)| Some((count, served_by(snapshot, server)?)));
    let mut servers: Vec<(usize, TlsServer)> = serving.collect();
    servers.sort_by_key(|(count, _)| *count);
    let (most, best) = servers.pop()?;
    servers.last().is_none_or(|(next, _)| *next < most).then_some(best)
}

fn served_by(snapshot: &Snapshot, workload: Subject) -> Option<TlsServer> {
    let of_template = snapshot
        .object(&workload.kind, &workload.namespace, &workload.name)
        .and_then(|object| tls_volume(snapshot, object, "/spec/template/spec/volumes"));
    let mut pods = snapshot.pods_of(&workload);
    let (name, cite) =
        of_template.or_else(|| pods.find_map(|pod| tls_volume(snapshot, pod.object, "/spec/volumes")))?;
    Some(TlsServer {
        secret: Subject::namespaced("Secret", &workload.namespace, name),
        workload,
        cite,
    })
}

/// The Secret of a volume that is one of TLS, by its type or, where that is not known, by its name.
fn tls_volume(snapshot: &Snapshot, object: &Object, at: &str) -> Option<(String, Citation)> {
    object.list(at).iter().enumerate().find_map(|(index, volume)| {
        let name = volume.pointer("/secret/secretName")?.as_str()?;
        let known = snapshot
            .object("Secret", &object.key.namespace, name)
            .map(|secret| secret.text("/type"));
        let is_tls = match known.filter(|kind| !kind.is_empty()) {
            Some(kind) => kind == TLS_SECRET,
            None => name
                .split(['-', '.', '_'])
                .any(|word| matches!(word, "tls" | "cert" | "certs" | "certificate")),
        };
        is_tls.then(|| (name.to_owned(), object.cite_at(&format!("{at}/{index}"))))
    })
}
