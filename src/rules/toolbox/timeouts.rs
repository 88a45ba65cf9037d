//! Timeouts that the settings of a workload give, and how long its peers take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::peers::Peer;
use super::references::maps_of;
use crate::cluster::{Object, Snapshot};
use crate::logs::{Stream, millis_taken};
use crate::model::{Citation, Subject, escaped};

/// A setting that is a timeout.
#[derive(Debug, Clone)]
pub struct Timeout {
    /// `ENTITLEMENTS_TIMEOUT`, `http.client.read-timeout`.
    pub key: String,
    /// As written.
    pub value: String,
    /// In milliseconds.
    pub millis: f64,
    /// The object that holds it.
    pub holder: Subject,
    /// Where it stands.
    pub cite: Citation,
    /// The host whose address stands in the same block of a file; empty where none does.
    pub beside: String,
}

/// Settings that are looked at in one workload, at most.
const MOST: usize = 400;

/// `timeout: 30ms` in a configuration file.
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)^\s*["']?(?P<key>[\w.-]*(?:timeout|deadline)[\w.-]*)["']?\s*[:=]\s*["']?(?P<value>\d+(?:\.\d+)?\s?(?:ms|millis|s|sec|seconds|m)?)\b"#).ok()
});
/// `url: http://slot-planner:8080` in a configuration file.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)^\s*["']?[\w.-]*(?:url|uri|host|address|addr|endpoint|target)["']?\s*[:=]\s*["']?(?P<address>[^\s"']+)"#,
    )
    .ok()
});

/// The timeouts in the variables, arguments and ConfigMaps of a workload.
pub fn timeouts(snapshot: &Snapshot, workload: &Subject) -> Vec<Timeout> {
    let mut found = Vec::new();
    let owner = snapshot.object(&workload.kind, &workload.namespace, &workload.name);
    let holders: Vec<(&Object, &str)> = owner
        .into_iter()
        .map(|object| (object, "/spec/template/spec"))
        .chain(snapshot.pods_of(workload).take(1).map(|pod| (pod.object, "/spec")))
        .collect();
    let mut maps: BTreeSet<String> = BTreeSet::new();
    for (object, at) in holders {
        maps.extend(maps_of(object, at));
        for (index, container) in object.list(&format!("{at}/containers")).iter().enumerate() {
            let env = container.get("env").and_then(Value::as_array);
            for (entry, variable) in env.into_iter().flatten().take(MOST).enumerate() {
                let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or("");
                let cite = || object.cite_at(&format!("{at}/containers/{index}/env/{entry}/value"));
                found.extend(setting(text("name"), text("value"), object, cite));
            }
            for field in ["args", "command"] {
                let words = container.get(field).and_then(Value::as_array);
                for word in words.into_iter().flatten().filter_map(Value::as_str) {
                    if let Some((key, value)) = word.split_once('=') {
                        let cite = || object.cite_at(&format!("{at}/containers/{index}/{field}"));
                        found.extend(setting(key.trim_start_matches('-'), value, object, cite));
                    }
                }
            }
        }
    }
    // Where no form of the workload tells which it uses, one that is called after it is its own.
    for map in snapshot
        .kind("ConfigMap")
        .filter(|map| map.key.namespace == workload.namespace)
    {
        let is_used = maps.contains(&map.key.name)
            || maps.is_empty()
                && map
                    .key
                    .name
                    .strip_prefix(&workload.name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        let Some(data) = map.get("/data").and_then(Value::as_object).filter(|_| is_used) else {
            continue;
        };
        for (key, value) in data {
            let Some(text) = value.as_str() else { continue };
            let pointer = format!("/data/{}", escaped(key));
            if text.contains('\n') {
                let mut above = Above::default();
                let mut hosts: BTreeMap<String, String> = BTreeMap::new();
                let before = found.len();
                for line in text.lines().take(MOST) {
                    above.pass(line);
                    let address = ADDRESS.as_ref().and_then(|regex| regex.captures(line)?.name("address"));
                    if let Some(address) = address {
                        let host = Peer::parse(address.as_str(), None).host;
                        hosts.entry(above.spelled("")).or_insert(host);
                    }
                    if let Some(told) = LINE.as_ref().and_then(|regex| regex.captures(line)) {
                        let part = |name: &str| told.name(name).map_or("", |part| part.as_str());
                        let key = above.spelled(part("key"));
                        found.extend(setting(&key, part("value"), map, || map.cite_at(&pointer)));
                    }
                }
                for timeout in found.iter_mut().skip(before) {
                    let block = timeout
                        .key
                        .rfind('.')
                        .and_then(|dot| timeout.key.get(..=dot))
                        .unwrap_or("");
                    timeout.beside = hosts.get(block).cloned().unwrap_or_default();
                }
            } else {
                found.extend(setting(key, text, map, || map.cite_at(&pointer)));
            }
        }
    }
    found
}

/// The keys above a line of YAML, by their indentation: `clients`, `shipping` above `timeout: 25ms`.
#[derive(Default)]
struct Above(Vec<(usize, String)>);

impl Above {
    fn pass(&mut self, line: &str) {
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('#') {
            return;
        }
        let indent = line.len() - bare.len();
        while self.0.last().is_some_and(|(known, _)| *known >= indent) {
            self.0.pop();
        }
        let key = bare.trim_start_matches("- ").trim_end().strip_suffix(':');
        if let Some(key) = key.filter(|key| !key.contains([' ', ':'])) {
            self.0.push((indent, key.trim_matches(['"', '\'']).to_owned()));
        }
    }

    fn spelled(&self, key: &str) -> String {
        let above = self.0.iter().map(|(_, key)| key.as_str());
        above.chain([key]).collect::<Vec<_>>().join(".")
    }
}

fn setting(key: &str, value: &str, holder: &Object, cite: impl FnOnce() -> Citation) -> Option<Timeout> {
    let lower = key.to_ascii_lowercase();
    if !lower.contains("timeout") && !lower.contains("deadline") {
        return None;
    }
    Some(Timeout {
        key: key.to_owned(),
        value: value.to_owned(),
        millis: millis(&lower, value)?,
        holder: holder.subject(),
        cite: cite(),
        beside: String::new(),
    })
}

/// `30ms`, `0.05s`, `2m`; a number alone only where the key names the unit. Zero means that there is none.
pub fn millis(key: &str, value: &str) -> Option<f64> {
    let value = value.trim().trim_matches(['"', '\'']);
    let end = value
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let scale = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" | "millis" => 1.0,
        "s" | "sec" | "seconds" => 1000.0,
        "m" | "min" => 60_000.0,
        "" if key.ends_with("ms") || key.contains("millis") => 1.0,
        "" if key.contains("sec") => 1000.0,
        _ => return None,
    };
    (number > 0.0).then_some(number * scale)
}

/// How long the last requests took that the logs of a workload tell, in milliseconds.
pub fn durations(snapshot: &Snapshot, workload: &Subject) -> Vec<(f64, Citation)> {
    let pods: BTreeSet<&str> = snapshot.pods_of(workload).map(|pod| pod.name()).collect();
    let mut found = Vec::new();
    for log in &snapshot.logs {
        let is_theirs = matches!(&log.stream, Stream::Container(stream) if pods.contains(stream.pod.as_str()));
        if !is_theirs {
            continue;
        }
        for line in &log.tail {
            let Some(millis) = millis_taken(&line.text) else {
                continue;
            };
            found.push((
                millis as f64,
                Citation::line(&snapshot.bundle.alias, &log.path, line.line, line.text.clone()),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn a_timeout_has_a_unit_of_its_own_or_one_in_its_key() {
        for (key, value, expected) in [
            ("auth_timeout", "30ms", Some(30.0)),
            ("auth_timeout", "0.05s", Some(50.0)),
            ("auth_timeout_ms", "200", Some(200.0)),
            ("auth_timeout_seconds", "3", Some(3000.0)),
            ("auth_timeout", "30", None),
            ("auth_timeout", "0s", None),
            ("auth_timeout", "soon", None),
        ] {
            assert_eq!(millis(key, value), expected, "{key}={value}");
        }
    }
}
