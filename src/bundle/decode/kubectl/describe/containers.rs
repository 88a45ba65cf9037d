//! Containers as pods and pod templates describe them.
//!
//! Source: `describeContainers` and what it calls in `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::{Value, json};

use super::super::build::ObjectBuilder;
use super::super::values::{int_or_string, integer, items, present, timestamp};
use super::outline::{Item, Outline};

/// Reads the containers below `list` into `{spec}/{field}`; with `status`, their states into that array.
pub(crate) fn read(
    outline: &Outline<'_>,
    list: &Item<'_>,
    field: &str,
    status: Option<&str>,
    to: &mut ObjectBuilder<'_, '_>,
) {
    for container in outline.children(list).filter(|item| !item.key.is_empty()) {
        let at = to.push(field, json!({"name": container.key}), container.line);
        let status = status.filter(|_| {
            outline.child(container, "State").is_some() || outline.child(container, "Restart Count").is_some()
        });
        let status = status.map(|pointer| to.push(pointer, json!({"name": container.key}), container.line));
        for item in outline.children(container) {
            spec(outline, item, &at, to);
            if let Some(status) = &status {
                state(outline, item, status, to);
            }
        }
    }
}

fn spec(outline: &Outline<'_>, item: &Item<'_>, at: &str, to: &mut ObjectBuilder<'_, '_>) {
    let line = item.line;
    match item.key {
        "Image" => to.set_some(&format!("{at}/image"), present(item.value), line),
        "Port" | "Ports" => ports(item, at, to),
        "Host Port" | "Host Ports" => host_ports(item, at, to),
        "Command" | "Args" => {
            let words: Vec<&str> = outline.entries(item).into_iter().map(|(text, _)| text).collect();
            to.set(&format!("{at}/{}", item.key.to_ascii_lowercase()), words, line);
        }
        "Limits" | "Requests" => {
            let pointer = format!("{at}/resources/{}", item.key.to_ascii_lowercase());
            for amount in outline.children(item).filter(|amount| !amount.key.is_empty()) {
                to.entry(&pointer, amount.key, amount.value, amount.line);
            }
        }
        "Liveness" => to.set(&format!("{at}/livenessProbe"), probe(item.value), line),
        "Readiness" => to.set(&format!("{at}/readinessProbe"), probe(item.value), line),
        "Startup" => to.set(&format!("{at}/startupProbe"), probe(item.value), line),
        "Environment" | "Environment Variables" => {
            for variable in outline.children(item).filter(|variable| !variable.key.is_empty()) {
                let value = environment(variable.key, &outline.whole(variable));
                to.push(&format!("{at}/env"), value, variable.line);
            }
        }
        "Environment Variables from" => {
            for source in outline.children(item) {
                to.push(&format!("{at}/envFrom"), environment_from(source.text), source.line);
            }
        }
        "Mounts" | "Volume Mounts" => {
            for mount in outline.children(item) {
                if let Some(value) = self::mount(mount.text) {
                    to.push(&format!("{at}/volumeMounts"), value, mount.line);
                }
            }
        }
        _ => {}
    }
}

fn state(outline: &Outline<'_>, item: &Item<'_>, at: &str, to: &mut ObjectBuilder<'_, '_>) {
    let line = item.line;
    match item.key {
        "Container ID" => to.set_some(&format!("{at}/containerID"), present(item.value), line),
        "Image" => to.set_some(&format!("{at}/image"), present(item.value), line),
        "Image ID" => to.set_some(&format!("{at}/imageID"), present(item.value), line),
        "Ready" => to.set(&format!("{at}/ready"), item.value == "True", line),
        "Restart Count" => to.set_some(&format!("{at}/restartCount"), integer(item.value), line),
        "State" => container_state(outline, item, &format!("{at}/state"), to),
        "Last State" => container_state(outline, item, &format!("{at}/lastState"), to),
        _ => {}
    }
}

fn container_state(outline: &Outline<'_>, item: &Item<'_>, at: &str, to: &mut ObjectBuilder<'_, '_>) {
    let word = match item.value {
        "Waiting" => "waiting",
        "Running" => "running",
        "Terminated" => "terminated",
        _ => return,
    };
    let at = format!("{at}/{word}");
    to.map(&at, item.line);
    for field in outline.children(item) {
        let line = field.line;
        match field.key {
            "Reason" => to.set_some(&format!("{at}/reason"), present(field.value), line),
            "Message" => to.set(&format!("{at}/message"), outline.whole(field), line),
            "Exit Code" => to.set_some(&format!("{at}/exitCode"), integer(field.value), line),
            "Signal" => to.set_some(&format!("{at}/signal"), integer(field.value), line),
            "Started" => to.set_some(&format!("{at}/startedAt"), present(field.value).map(timestamp), line),
            "Finished" => to.set_some(&format!("{at}/finishedAt"), present(field.value).map(timestamp), line),
            _ => {}
        }
    }
}

/// `80/TCP, 443/TCP`, since 1.33 with names: `80/TCP (http)`.
fn ports(item: &Item<'_>, at: &str, to: &mut ObjectBuilder<'_, '_>) {
    for port in present(item.value).map(items).unwrap_or_default() {
        let (port, name) = port.split_once(" (").unwrap_or((port, ""));
        let (number, protocol) = port.split_once('/').unwrap_or((port, "TCP"));
        let Some(number) = integer(number) else { continue };
        let new = to.push(
            &format!("{at}/ports"),
            json!({"containerPort": number, "protocol": protocol}),
            item.line,
        );
        to.set_some(&format!("{new}/name"), name.strip_suffix(')'), item.line);
    }
}

/// In the order of the ports; 0 means none.
fn host_ports(item: &Item<'_>, at: &str, to: &mut ObjectBuilder<'_, '_>) {
    for (index, port) in present(item.value)
        .map(items)
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let number = port.split('/').next().and_then(integer).filter(|&number| number > 0);
        if index < to.count(&format!("{at}/ports")) {
            to.set_some(&format!("{at}/ports/{index}/hostPort"), number, item.line);
        }
    }
}

/// A probe as `DescribeProbe` writes it: `http-get http://:8080/healthz delay=0s timeout=1s period=10s #success=1 #failure=3`.
pub(crate) fn probe(text: &str) -> Value {
    let mut probe = serde_json::Map::new();
    let (action, numbers) = text
        .find(" delay=")
        .and_then(|at| text.split_at_checked(at))
        .unwrap_or((text, ""));
    for word in numbers.split_whitespace() {
        let Some((key, value)) = word.split_once('=') else {
            continue;
        };
        let field = match key {
            "delay" => "initialDelaySeconds",
            "timeout" => "timeoutSeconds",
            "period" => "periodSeconds",
            "#success" => "successThreshold",
            "#failure" => "failureThreshold",
            _ => continue,
        };
        if let Some(number) = integer(value.trim_end_matches('s')) {
            probe.insert(field.into(), number.into());
        }
    }
    let (what, rest) = action.split_once(' ').unwrap_or((action, ""));
    let what = match what {
        "http-get" => ("httpGet", http_get(rest)),
        "tcp-socket" => {
            let (host, port) = rest.rsplit_once(':').unwrap_or(("", rest));
            ("tcpSocket", with_host(json!({"port": int_or_string(port)}), host))
        }
        "exec" => (
            "exec",
            json!({"command": rest.trim_matches(['[', ']']).split_whitespace().collect::<Vec<_>>()}),
        ),
        // `grpc <pid>:port service` since 1.24.
        "grpc" => {
            let mut words = rest.split_whitespace();
            let port = words.next().unwrap_or("").rsplit(':').next().and_then(integer);
            ("grpc", json!({"port": port, "service": words.next()}))
        }
        _ => return Value::Object(probe),
    };
    probe.insert(what.0.into(), what.1);
    Value::Object(probe)
}

fn http_get(url: &str) -> Value {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest
        .find('/')
        .and_then(|at| rest.split_at_checked(at))
        .unwrap_or((rest, "/"));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    with_host(
        json!({"path": path, "port": int_or_string(port), "scheme": scheme.to_ascii_uppercase()}),
        host,
    )
}

fn with_host(mut value: Value, host: &str) -> Value {
    if let (Some(map), false) = (value.as_object_mut(), host.is_empty()) {
        map.insert("host".into(), host.into());
    }
    value
}

/// `bar`, `<set to the key 'password' in secret 'db'>  Optional: false`, `<set to the key 'k' of config map 'cm'>`, `(v1:metadata.name)`, `2 (limits.cpu)`.
fn environment(name: &str, text: &str) -> Value {
    if let Some(rest) = text.strip_prefix("<set to the key '") {
        let mut parts = rest.split('\'');
        let (key, words, object) = (
            parts.next().unwrap_or(""),
            parts.next().unwrap_or(""),
            parts.next().unwrap_or(""),
        );
        let kind = if words.contains("secret") {
            "secretKeyRef"
        } else {
            "configMapKeyRef"
        };
        let optional = text.ends_with("Optional: true");
        return json!({"name": name, "valueFrom": {kind: {"name": object, "key": key, "optional": optional}}});
    }
    if let Some(field) = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|rest| rest.split_once(':'))
    {
        return json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": field.0, "fieldPath": field.1}}});
    }
    json!({"name": name, "value": text})
}

/// `cfg  ConfigMap  Optional: false`, `db  Secret with prefix 'X_'  Optional: true`.
fn environment_from(text: &str) -> Value {
    let name = text.split_whitespace().next().unwrap_or("");
    let kind = if text.contains("Secret") {
        "secretRef"
    } else {
        "configMapRef"
    };
    let mut source = json!({kind: {"name": name, "optional": text.ends_with("Optional: true")}});
    if let (Some(map), Some(prefix)) = (
        source.as_object_mut(),
        text.split("with prefix '")
            .nth(1)
            .and_then(|rest| rest.split('\'').next()),
    ) {
        map.insert("prefix".into(), prefix.into());
    }
    source
}

/// `/data from data (rw,path="sub")`.
fn mount(text: &str) -> Option<Value> {
    let (path, rest) = text.split_once(" from ")?;
    let (name, flags) = rest.split_once(" (").unwrap_or((rest, ""));
    let flags = flags.trim_end_matches(')');
    let mut mount = json!({"name": name, "mountPath": path});
    let map = mount.as_object_mut()?;
    if flags.split(',').any(|flag| flag == "ro") {
        map.insert("readOnly".into(), true.into());
    }
    if let Some(sub) = flags.split("path=\"").nth(1).and_then(|rest| rest.split('"').next()) {
        map.insert("subPath".into(), sub.into());
    }
    Some(mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_read_back() {
        assert_eq!(
            probe("http-get https://:8443/healthz delay=5s timeout=1s period=10s #success=1 #failure=3"),
            json!({"initialDelaySeconds": 5, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
                   "httpGet": {"path": "/healthz", "port": 8443, "scheme": "HTTPS"}})
        );
        assert_eq!(probe("tcp-socket :http delay=0s")["tcpSocket"], json!({"port": "http"}));
        assert_eq!(
            probe("exec [cat /tmp/healthy] delay=0s")["exec"]["command"],
            json!(["cat", "/tmp/healthy"])
        );
    }

    #[test]
    fn variables_tell_where_their_values_come_from() {
        assert_eq!(
            environment("P", "<set to the key 'password' in secret 'db'>  Optional: false"),
            json!({"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password", "optional": false}}})
        );
        assert_eq!(
            environment("K", "<set to the key 'k' of config map 'cm'>  Optional: true")["valueFrom"]["configMapKeyRef"]
                ["name"],
            "cm"
        );
        assert_eq!(
            environment("N", "(v1:metadata.name)")["valueFrom"]["fieldRef"]["fieldPath"],
            "metadata.name"
        );
        assert_eq!(
            environment_from("db  Secret with prefix 'X_'  Optional: true"),
            json!({"secretRef": {"name": "db", "optional": true}, "prefix": "X_"})
        );
        assert_eq!(
            mount("/data from data (ro,path=\"sub\")"),
            Some(json!({"name": "data", "mountPath": "/data", "readOnly": true, "subPath": "sub"}))
        );
    }
}
