//! A stub of an API server for tests: what it answers is written here, so that it can hang, cut and refuse at will.

use serde_json::{Value, json};

use crate::collect::testing::{Answer, CREDENTIAL, Host, ok, status};

pub(super) const PASSWORD: &str = "pl4nted-pa55word-of-the-shop";

fn resources(of: &[(&str, &str, bool)]) -> Answer {
    let resources: Vec<Value> = of
        .iter()
        .map(
            |(name, kind, namespaced)| json!({"name": name, "kind": kind, "namespaced": namespaced, "verbs": ["list"]}),
        )
        .collect();
    ok(json!({"resources": resources}).to_string())
}

pub(super) fn list(items: &[Value]) -> Answer {
    page(items, "")
}

pub(super) fn page(items: &[Value], next: &str) -> Answer {
    ok(json!({"metadata": {"resourceVersion": "7", "continue": next}, "items": items}).to_string())
}

pub(super) fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

pub(super) fn pod(namespace: &str, name: &str, restarts: u32) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running",
        "containerStatuses": [{"name": "app", "ready": restarts == 0, "restartCount": restarts, "state": {"running": {}}}]}})
}

/// A small healthy cluster, but for what `special` answers.
pub(super) fn api(special: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Host {
    Host::with_api(move |target| special(target).unwrap_or_else(|| usual(target)))
}

fn usual(target: &str) -> Answer {
    let path = target.split('?').next().unwrap();
    match path {
        "/version" => ok(r#"{"gitVersion":"v1.35.4"}"#),
        "/api/v1" => resources(&[
            ("namespaces", "Namespace", false),
            ("nodes", "Node", false),
            ("pods", "Pod", true),
            ("secrets", "Secret", true),
        ]),
        "/apis" => ok(json!({"groups": [{"name": "example.com", "versions": [{"version": "v1"}]}]}).to_string()),
        "/apis/example.com/v1" => resources(&[("farms", "Farm", true)]),
        "/apis/example.com/v1/farms" => list(&[
            json!({"apiVersion": "example.com/v1", "kind": "Farm", "metadata": {"name": "f", "namespace": "shop"}}),
        ]),
        "/api/v1/namespaces" => list(&[named("default"), named("shop")]),
        "/api/v1/nodes" => list(&[named("n1")]),
        "/api/v1/pods" => list(&[pod("default", "quiet", 0), pod("shop", "sick", 3)]),
        "/api/v1/secrets" => {
            let data = json!({"password": encode(PASSWORD)});
            list(&[json!({"metadata": {"name": "db", "namespace": "shop"}, "type": "Opaque", "data": data})])
        }
        "/readyz" | "/livez" => ok("[+]ping ok\nreadyz check passed\n"),
        _ if path.ends_with("/log") => ok(format!(
            "2026-11-21T10:00:00Z connecting with {PASSWORD} and {CREDENTIAL}\n"
        )),
        _ => status(404, r#"{"kind":"Status","message":"not found"}"#),
    }
}

pub(super) fn encode(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
