//! Every certificate that a bundle shows, what it is called where it is used, and how it stands against the reference time.

use base64::Engine as _;
use jiff::Timestamp;

use crate::bundle::decode::{Certificate, certificates_in};
use crate::cluster::{Host, Snapshot};
use crate::model::{EntryPath, Subject};

/// A certificate in its place.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The certificate.
    pub certificate: Certificate,
    /// What a person would replace: the file on its node, the Secret, the object that has it in a field.
    pub subject: Subject,
    /// The file or the field.
    pub path: String,
}

/// Objects with the bundle of an authority in a field, in base64 of PEM.
const BUNDLES: [&str; 4] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "APIService",
    "CustomResourceDefinition",
];
/// Words in the path of a file that was put aside, and of the authorities that a distribution ships.
const ASIDE: [&str; 12] = [
    ".bak",
    "backup",
    ".old",
    "/old",
    ".orig",
    "expired",
    "-prev",
    "ca-bundle",
    "ca-certificates",
    "ssl/certs",
    "ca-trust",
    "trusted-ca",
];

/// The certificates of files, of kubeconfigs, of Secrets and of webhooks; those that were put aside are left out.
pub fn placed(snapshot: &Snapshot) -> Vec<Placed> {
    let mut found: Vec<Placed> = snapshot.hosts.iter().flat_map(of_host).collect();
    for one in &mut found {
        if let Some(secret) = secret_of(snapshot, one) {
            one.subject = secret;
        }
    }
    for secret in snapshot.kind("Secret") {
        let field = "/data/tls.crt";
        for certificate in decoded(secret.text(field), &secret.cite_at(field)) {
            found.push(Placed {
                certificate,
                subject: Subject::namespaced("Certificate", &secret.key.namespace, &secret.key.name),
                path: "data[tls.crt]".to_owned(),
            });
        }
    }
    for object in BUNDLES.iter().flat_map(|kind| snapshot.kind(kind)) {
        let hooks = (0..object.list("/webhooks").len()).map(|index| format!("/webhooks/{index}/clientConfig/caBundle"));
        let single = ["/spec/caBundle", "/spec/conversion/webhook/clientConfig/caBundle"].map(str::to_owned);
        for field in hooks.chain(single) {
            for certificate in decoded(object.text(&field), &object.cite_at(&field)) {
                found.push(Placed {
                    certificate,
                    subject: object.subject(),
                    path: field.trim_start_matches('/').replace('/', "."),
                });
            }
        }
    }
    found
}

/// The file of `openssl x509 -in FILE`; a variable is none.
fn file_asked_for(command: &str) -> Option<&str> {
    let mut words = command
        .split_once("openssl x509")?
        .1
        .split_whitespace()
        .skip_while(|word| *word != "-in")
        .skip(1);
    let file = words.next()?.trim_matches(['"', '\'', ';', ')']);
    (!file.contains(['$', '<', '('])).then_some(file)
}

fn of_host(host: &Host) -> Vec<Placed> {
    let mut found = Vec::new();
    let mut add = |certificate: Certificate, file: &EntryPath| {
        let path = file_asked_for(&certificate.asked).map_or_else(|| path_on(host, file), str::to_owned);
        if !ASIDE.iter().any(|word| path.contains(word)) {
            found.push(Placed {
                certificate,
                subject: Subject::on_node("Certificate", &path, host.node_name()),
                path,
            });
        }
    };
    for certificate in &host.certificates {
        add(certificate.clone(), &certificate.cite.file);
    }
    for config in &host.tools.configs {
        for (value, cite) in config.settings("client-certificate-data") {
            for certificate in decoded(value, &cite) {
                add(certificate, &cite.file);
            }
        }
    }
    found
}

/// The Secret that holds a certificate which somebody printed from the cluster: the one that the command names, that of the Ingress for
/// whose host it is, else the only one of its type with a name like the holder's.
fn secret_of(snapshot: &Snapshot, one: &Placed) -> Option<Subject> {
    if one.path.starts_with('/') || !one.subject.node.is_empty() {
        return None;
    }
    let known = secret_asked(snapshot, &one.certificate.asked)
        .or_else(|| secret_of_host(snapshot, one))
        .or_else(|| secret_in_path(snapshot, &one.certificate.cite.file));
    if known.is_some() {
        return known;
    }
    let common = one
        .certificate
        .subject
        .rsplit("CN")
        .next()
        .unwrap_or("")
        .trim_start_matches([' ', '=']);
    let holders: Vec<&str> = one
        .certificate
        .names
        .iter()
        .map(String::as_str)
        .chain([common])
        .filter_map(|name| name.trim_start_matches("*.").split('.').next())
        .filter(|label| label.len() >= 3)
        .collect();
    let mut like = snapshot
        .kind("Secret")
        .filter(|secret| secret.text("/type") == "kubernetes.io/tls")
        .filter(|secret| holders.iter().any(|holder| secret.key.name.starts_with(holder)));
    match (like.next(), like.next()) {
        (Some(only), None) => Some(Subject::namespaced("Certificate", &only.key.namespace, &only.key.name)),
        _ => None,
    }
}

/// The words behind an option or a command in a line that somebody typed.
fn after<'l>(command: &'l str, marks: &[&str]) -> Option<&'l str> {
    let mut words = command.split_whitespace();
    words.find(|word| marks.contains(word))?;
    words.next().map(|word| word.trim_matches(['"', '\'']))
}

/// As [`after`], without options and their values between: `get secret -n shop web-tls`.
fn named_after<'l>(command: &'l str, marks: &[&str]) -> Option<&'l str> {
    let mut words = command.split_whitespace();
    words.find(|word| marks.contains(word))?;
    while let Some(word) = words.next() {
        match word {
            "-n" | "--namespace" | "-o" | "--output" | "--context" => {
                words.next();
            }
            _ if word.starts_with('-') => {}
            _ => return Some(word.trim_matches(['"', '\''])),
        }
    }
    None
}

/// `kubectl -n shop get secret web-tls -o jsonpath=… | base64 -d | openssl x509 -noout -dates`.
fn secret_asked(snapshot: &Snapshot, command: &str) -> Option<Subject> {
    let joined = command
        .split_whitespace()
        .find_map(|word| word.strip_prefix("secret/").or_else(|| word.strip_prefix("secrets/")));
    let name = joined.or_else(|| named_after(command, &["secret", "secrets"]))?;
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
    };
    let mut known = snapshot.kind("Secret").filter(|secret| secret.key.name == name);
    let namespace = after(command, &["-n", "--namespace"])
        .filter(|namespace| is_name(namespace))
        .or_else(|| match (known.next(), known.next()) {
            (Some(only), None) => Some(only.key.namespace.as_str()),
            _ => None,
        });
    is_name(name).then(|| Subject::namespaced("Certificate", namespace.unwrap_or(""), name))
}

/// `shop/secrets/web-tls.txt`: the known Secret that a file of a folder of Secrets is called after, else the one of this name in the
/// namespace that the folder above is called after.
fn secret_in_path(snapshot: &Snapshot, file: &EntryPath) -> Option<Subject> {
    let parts: Vec<&str> = file.components().collect();
    let [.., above, "secrets" | "secret", name] = parts.as_slice() else {
        return None;
    };
    let name = name.split('.').next().filter(|name| !name.is_empty())?;
    let known = snapshot.kind("Secret").find(|secret| secret.key.name == name);
    let is_namespace = || snapshot.objects.keys().any(|key| key.namespace == *above);
    match known {
        Some(secret) => Some(Subject::namespaced("Certificate", &secret.key.namespace, name)),
        None => is_namespace().then(|| Subject::namespaced("Certificate", *above, name)),
    }
}

/// The Secret of the Ingress for the host that was asked (`openssl s_client -connect web.example:443`), else for the names in the
/// certificate, where that is one.
fn secret_of_host(snapshot: &Snapshot, one: &Placed) -> Option<Subject> {
    let asked = after(&one.certificate.asked, &["-servername"])
        .or_else(|| after(&one.certificate.asked, &["-connect", "--connect"]))
        .map(|host| host.rsplit_once(':').map_or(host, |(host, _)| host));
    let names: Vec<&str> = match asked {
        Some(host) => vec![host],
        None => one.certificate.names.iter().map(String::as_str).collect(),
    };
    let is_for = |host: &str| {
        names.iter().any(|name| {
            let wild = |pattern: &str, name: &str| {
                let below = pattern.strip_prefix("*.");
                below.is_some_and(|below| name.split_once('.').is_some_and(|(_, rest)| rest == below))
            };
            host == *name || wild(name, host) || wild(host, name)
        })
    };
    let mut found: Vec<Subject> = Vec::new();
    for ingress in snapshot.kind("Ingress") {
        for tls in ingress.list("/spec/tls") {
            let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
            let hosts = tls.get("hosts").and_then(|hosts| hosts.as_array());
            let serves = hosts.into_iter().flatten().filter_map(text).any(|host| is_for(&host));
            if let (true, Some(name)) = (serves, tls.get("secretName").and_then(text)) {
                let subject = Subject::namespaced("Certificate", &ingress.key.namespace, &name);
                if !found.contains(&subject) {
                    found.push(subject);
                }
            }
        }
    }
    match found.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The path on the machine, where the path in the bundle shows it; else the path in the bundle below the machine's directory.
pub fn path_on(host: &Host, file: &EntryPath) -> String {
    let below = file
        .as_str()
        .strip_prefix(host.directory.as_str())
        .unwrap_or(file.as_str());
    let below = format!("/{}", below.trim_start_matches('/'));
    ["/etc/", "/var/", "/opt/"]
        .iter()
        .filter_map(|root| below.find(root))
        .min()
        .and_then(|at| below.get(at..))
        .unwrap_or(below.trim_start_matches('/'))
        .to_owned()
}

fn decoded(value: &str, cite: &crate::model::Citation) -> Vec<Certificate> {
    base64::engine::general_purpose::STANDARD
        .decode(value.trim())
        .map(|bytes| certificates_in(&String::from_utf8_lossy(&bytes), cite))
        .unwrap_or_default()
}

/// Certificates that had ended at the reference time and that no valid one of the same holder, in the same place, has replaced.
pub fn ended(snapshot: &Snapshot) -> Vec<(Placed, Timestamp)> {
    let Some(now) = snapshot.now() else { return Vec::new() };
    let all = placed(snapshot);
    let is_valid = |other: &Placed| other.certificate.not_after.is_some_and(|end| end > now);
    all.iter()
        .filter_map(|one| {
            let end = one.certificate.not_after.filter(|end| *end <= now)?;
            // Of one whose holder was not printed only the file tells.
            let is_same = |other: &Placed| !one.certificate.subject.is_empty() || other.path == one.path;
            let replaced = all.iter().any(|other| {
                is_valid(other)
                    && is_same(other)
                    && other.certificate.subject == one.certificate.subject
                    && other.subject.node == one.subject.node
                    && other.subject.namespace == one.subject.namespace
            });
            (!replaced).then(|| (one.clone(), end))
        })
        .collect()
}

/// True for a client or serving certificate of the kubelet.
pub fn is_of_kubelet(one: &Placed) -> bool {
    let certificate = &one.certificate.subject;
    !one.certificate.is_ca
        && (one.path.contains("kubelet") || one.path.ends_with("kube-node.pem") || certificate.contains("system:node:"))
        && !one.path.contains("kubelet-client.crt")
        && !one.path.contains("apiserver-kubelet")
}

/// The address that a line of a Go program names as its peer: `Get "https://10.0.0.1:6443/api": x509…`, `dial tcp 10.0.0.1:6443`.
pub fn peer_in(line: &str) -> Option<&str> {
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
    let rest = after("https://")
        .or_else(|| after("wss://"))
        .or_else(|| after("dial tcp "))?;
    let peer = rest
        .split(['/', '"', '\\', ' ', '?', ',', ')'])
        .next()?
        .trim_end_matches(':');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    (!peer.is_empty() && peer.len() <= 253 && peer.bytes().all(is_plain)).then_some(peer)
}

/// The node that has an address (without its port) among its own.
pub fn node_at<'s>(snapshot: &'s Snapshot, peer: &str) -> Option<&'s str> {
    let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
    snapshot
        .kind("Node")
        .find(|node| {
            node.key.name == host
                || node
                    .list("/status/addresses")
                    .iter()
                    .any(|address| address.get("address").and_then(|value| value.as_str()) == Some(host))
        })
        .map(|node| node.key.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::{file_asked_for, path_on, peer_in};
    use crate::cluster::Host;
    use crate::model::EntryPath;

    #[test]
    fn a_command_names_the_file_that_it_prints() {
        for (command, file) in [
            (
                "$ openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -enddate",
                Some("/etc/kubernetes/pki/apiserver.crt"),
            ),
            ("openssl x509 -noout -enddate -in $f", None),
            ("openssl s_client -connect a:443 | openssl x509 -noout -dates", None),
        ] {
            assert_eq!(file_asked_for(command), file);
        }
    }

    #[test]
    fn a_file_is_called_as_on_its_machine() {
        let host = Host {
            directory: "nodes/cp1".into(),
            ..Host::default()
        };
        let path = path_on(&host, &EntryPath::new("nodes/cp1/files/etc/kubernetes/ssl/kube-ca.pem"));
        assert_eq!(path, "/etc/kubernetes/ssl/kube-ca.pem");
    }

    #[test]
    fn the_peer_is_read_from_urls_and_from_dials() {
        for (line, peer) in [
            ("Get \"https://10.0.0.1:6443/api?x\": x509: a", Some("10.0.0.1:6443")),
            (
                "Get \\\"https://api.example:6443/x\\\": x509: a",
                Some("api.example:6443"),
            ),
            ("dial tcp [fd00::1]:6443: connect: refused", Some("[fd00::1]:6443")),
            ("x509: certificate has expired", None),
            ("https://<script>/x", None),
        ] {
            assert_eq!(peer_in(line), peer, "{line}");
        }
    }
}
