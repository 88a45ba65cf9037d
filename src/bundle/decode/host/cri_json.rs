//! The JSON of `crictl`: `ps`, `pods`, `images`, `inspect`, `info`.
//!
//! Sources: the CRI (`k8s.io/cri-api/pkg/apis/runtime/v1/api.proto`: ListContainersResponse, ContainerStatus, RuntimeCondition) and
//! cri-tools' printing of it; containerd adds its configuration to `info` (`internal/cri/server/status.go`).

use serde_json::Value;

use super::cri::{entry, state_of};
use super::fact::{CriEntry, CriKind, CriListing, HostFact};
use crate::bundle::decode::docker_json::may_start;
use crate::bundle::decode::{ContainerState, Decoder, Fact, Section, TextFile};
use crate::model::{Citation, Listing};

/// What `crictl -o json` prints.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "crictl json",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    const SIGNS: [&[&str]; 5] = [
        &["\"containers\"", "\"podSandboxId\""],
        &["\"items\"", "\"SANDBOX_"],
        &["\"images\"", "\"repoTags\""],
        &["\"status\"", "\"metadata\"", "\"attempt\""],
        &["\"status\"", "\"RuntimeReady\""],
    ];
    let is_info = may_start(file, start, &["\"cniconfig\""]);
    if !is_info && !SIGNS.iter().any(|keys| may_start(file, start, keys)) {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(file.from_line(start)).into_iter::<Value>();
    let value = stream.next()?.ok()?;
    let end = file.line_at_offset(file.offset_of_line(start) + stream.byte_offset().saturating_sub(1)) + 1;
    let reader = Reader { file };
    let facts = reader
        .list(&value, "containers", CriKind::Container)
        .or_else(|| {
            reader
                .list(&value, "items", CriKind::Sandbox)
                .filter(|_| value.get("kind").is_none())
        })
        .or_else(|| reader.list(&value, "images", CriKind::Image))
        .or_else(|| reader.info(&value))
        .or_else(|| reader.inspection(&value))?;
    Some(Section {
        end,
        facts,
        ..Section::default()
    })
}

struct Reader<'f, 't> {
    file: &'f TextFile<'t>,
}

impl Reader<'_, '_> {
    fn cite(&self, pointer: String, shown: String) -> Citation {
        Citation::pointer(&self.file.bundle, self.file.path, pointer, shown)
    }

    fn list(&self, value: &Value, key: &str, kind: CriKind) -> Option<Vec<Fact>> {
        let items = value.get(key)?.as_array()?;
        let mut rows = Vec::new();
        for (index, item) in items.iter().enumerate() {
            rows.push(self.item(item, kind, format!("/{key}/{index}"))?);
        }
        // `crictl ps -o json` too shows stopped containers only when it is asked to.
        let with_stopped = rows
            .iter()
            .any(|row| !matches!(row.state, Some(ContainerState::Running) | None));
        let is_complete = kind != CriKind::Container || with_stopped;
        let mut cite = self.cite(format!("/{key}"), format!("{} {key}", rows.len()));
        cite = cite.listing(Listing::Tasks);
        cite.searched = Some((rows.len() as u64, is_complete));
        let listing = CriListing {
            kind,
            via: "crictl",
            entries: rows.len() as u64,
            is_complete,
            cite,
        };
        let mut facts = vec![Fact::Host(HostFact::CriListing(listing))];
        facts.extend(rows.into_iter().map(|row| Fact::Host(HostFact::Cri(row))));
        Some(facts)
    }

    /// A container, sandbox or image of a list, or the status of one container.
    fn item(&self, item: &Value, kind: CriKind, pointer: String) -> Option<CriEntry> {
        let text = |at: &str| item.pointer(at).and_then(Value::as_str).unwrap_or("").to_owned();
        let id = text("/id");
        let label = |name: &str| {
            item.get("labels")
                .and_then(|labels| labels.get(name))
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let name = if kind == CriKind::Image {
            text("/repoTags/0")
        } else {
            text("/metadata/name")
        };
        let exit_code = item.get("exitCode").and_then(Value::as_i64);
        let state = match state_of(&text("/state")) {
            Some(ContainerState::Exited(_)) => Some(ContainerState::Exited(exit_code)),
            state => state,
        };
        if id.is_empty() {
            return None;
        }
        // The labels that the kubelet sets: kubernetes `pkg/kubelet/types/labels.go`.
        let pod = if kind == CriKind::Sandbox {
            name.clone()
        } else {
            label("io.kubernetes.pod.name")
        };
        let namespace = label("io.kubernetes.pod.namespace");
        let reason = [text("/reason"), text("/message")].join(" ").trim().to_owned();
        let shown = format!("{name}: {} {reason}", text("/state"));
        Some(CriEntry {
            id,
            image: text("/image/image"),
            attempt: item.pointer("/metadata/attempt").and_then(Value::as_u64),
            sandbox: text("/podSandboxId"),
            namespace: if namespace.is_empty() {
                text("/metadata/namespace")
            } else {
                namespace
            },
            name,
            pod,
            state,
            reason,
            ..entry(kind, "crictl", self.cite(pointer, shown.trim().to_owned()))
        })
    }

    fn inspection(&self, value: &Value) -> Option<Vec<Fact>> {
        let row = self.item(value.get("status")?, CriKind::Container, "/status".to_owned())?;
        Some(vec![Fact::Host(HostFact::Cri(row))])
    }

    /// `cri.runtime-ready`, `cri.network-ready` with `.message`, `cri.sandbox-image`, `cri.systemd-cgroup`, `cri.last-cni-load-status`.
    fn info(&self, value: &Value) -> Option<Vec<Fact>> {
        let conditions = value.pointer("/status/conditions")?.as_array()?;
        let mut facts = Vec::new();
        let mut add = |key: String, at: String| {
            let shown = match value.pointer(&at) {
                Some(Value::String(text)) if !text.is_empty() => text.clone(),
                Some(Value::Bool(flag)) => flag.to_string(),
                _ => return,
            };
            let name = at.rsplit('/').next().unwrap_or("").to_owned();
            let cite = self.cite(at, format!("{name}: {shown}"));
            facts.push(Fact::Value {
                key,
                value: shown,
                cite,
            });
        };
        for (index, condition) in conditions.iter().enumerate() {
            let key = match condition.get("type").and_then(Value::as_str) {
                Some("RuntimeReady") => "cri.runtime-ready",
                Some("NetworkReady") => "cri.network-ready",
                _ => continue,
            };
            add(key.to_owned(), format!("/status/conditions/{index}/status"));
            add(format!("{key}.message"), format!("/status/conditions/{index}/message"));
        }
        for (key, at) in [
            ("cri.sandbox-image", "/config/sandboxImage"),
            ("cri.registry-config-path", "/config/registry/configPath"),
            ("cri.last-cni-load-status", "/lastCNILoadStatus"),
            (
                "cri.systemd-cgroup",
                "/config/containerd/runtimes/runc/options/SystemdCgroup",
            ),
        ] {
            add(key.to_owned(), at.to_owned());
        }
        Some(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{host_facts, values};
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn containers_have_their_pods_from_the_kubelets_labels() {
        let text = r#"{"containers":[{"id":"3e7d","podSandboxId":"40ba","metadata":{"name":"nginx","attempt":2},"image":{"image":"sha256:c9"},"state":"CONTAINER_EXITED","labels":{"io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop"}}]}"#;
        let facts = host_facts(section(&DECODER, "x", text).unwrap());
        let [HostFact::CriListing(listing), HostFact::Cri(row)] = facts.as_slice() else {
            panic!()
        };
        assert!(listing.is_complete);
        assert_eq!(
            (row.pod.as_str(), row.namespace.as_str(), row.attempt),
            ("web-1", "shop", Some(2))
        );
    }

    #[test]
    fn an_inspection_has_the_exit_code() {
        let text = "{\n  \"status\": {\n    \"id\": \"3e7d\",\n    \"metadata\": {\"attempt\": 2, \"name\": \"nginx\"},\n    \"state\": \"CONTAINER_EXITED\",\n    \"exitCode\": 137,\n    \"reason\": \"OOMKilled\"\n  }\n}\n";
        let facts = host_facts(section(&DECODER, "x", text).unwrap());
        assert!(
            matches!(facts.as_slice(), [HostFact::Cri(row)] if row.state == Some(ContainerState::Exited(Some(137))) && row.reason == "OOMKilled")
        );
    }

    #[test]
    fn the_runtimes_own_state_is_read() {
        let text = r#"{"status":{"conditions":[{"type":"RuntimeReady","status":true,"message":""},{"type":"NetworkReady","status":false,"message":"cni plugin not initialized"}]},"cniconfig":{},"config":{"sandboxImage":"pause:3.10"}}"#;
        assert_eq!(
            values(&section(&DECODER, "x", text).unwrap()),
            [
                "cri.runtime-ready=true",
                "cri.network-ready=false",
                "cri.network-ready.message=cni plugin not initialized",
                "cri.sandbox-image=pause:3.10"
            ]
        );
    }

    #[test]
    fn kubernetes_objects_and_logs_are_declined() {
        for text in [
            r#"{"kind":"Pod","metadata":{"name":"a"},"status":{"message":"\"attempt\""}}"#,
            r#"{"kind":"List","items":["SANDBOX_READY"]}"#,
            r#"{"containers":"podSandboxId"#,
            "[]",
            "",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}
