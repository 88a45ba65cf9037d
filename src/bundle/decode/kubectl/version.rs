//! The output of `kubectl version`.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/version/version.go`: `Server Version: v1.28.4`, before 1.28 `Server Version: version.Info{…GitVersion:"v1.24.3"…}`;
//! `serverVersion` with `gitVersion` in YAML and JSON.

use super::super::{Fact, Section, TextFile};

/// In JSON and YAML the version stands within this many lines below `serverVersion`.
const FIELDS: usize = 16;

/// Decodes the line that names the server's or the client's version into `kubernetes.server-version` or `kubectl.version`, or declines.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start).trim();
    let (key, value, at, end) = if let Some(rest) = line.strip_prefix("Server Version:") {
        ("kubernetes.server-version", plain(rest)?, start, start + 1)
    } else if let Some(rest) = line.strip_prefix("Client Version:") {
        ("kubectl.version", plain(rest)?, start, start + 1)
    } else if line.trim_matches('"').starts_with("serverVersion") && line.len() < 32 {
        let (at, version) = (start + 1..start + FIELDS).find_map(|at| Some((at, field(file.line(at))?)))?;
        ("kubernetes.server-version", version, at, at + 1)
    } else {
        return None;
    };
    let fact = Fact::Value {
        key: key.into(),
        value: value.to_owned(),
        cite: file.cite(at),
    };
    Some(Section {
        end,
        facts: vec![fact],
        ..Section::default()
    })
}

/// `v1.28.4`, or the `GitVersion` of a Go struct.
fn plain(text: &str) -> Option<&str> {
    let text = text.trim();
    let version = match text.split_once("GitVersion:\"") {
        Some((_, rest)) => rest.split('"').next().unwrap_or(""),
        None => text,
    };
    is_version(version).then_some(version)
}

/// `gitVersion: v1.28.4`, `"gitVersion": "v1.28.4",`.
fn field(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    (key.trim().trim_matches('"') == "gitVersion" && is_version(value)).then_some(value)
}

/// `v` and a number; docker's `Server Version: 24.0.7` is not Kubernetes'.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;

    #[test]
    fn every_form_of_the_output() {
        for source in [
            "Client Version: v1.29.0\nKustomize Version: v5.0.4\nServer Version: v1.28.4+rke2r1\n",
            "Server Version: version.Info{Major:\"1\", Minor:\"28\", GitVersion:\"v1.28.4+rke2r1\", GitCommit:\"x\"}\n",
            "clientVersion:\n  gitVersion: v1.29.0\nserverVersion:\n  buildDate: \"2023\"\n  gitVersion: v1.28.4+rke2r1\n",
            "{\n  \"serverVersion\": {\n    \"major\": \"1\",\n    \"gitVersion\": \"v1.28.4+rke2r1\"\n  }\n}\n",
        ] {
            let section = text(source).decode(decode);
            let found = section.facts.iter().any(|fact| matches!(fact, Fact::Value { key, value, .. } if key == "kubernetes.server-version" && value == "v1.28.4+rke2r1"));
            assert!(found, "{source}");
        }
    }

    #[test]
    fn dockers_version_is_declined() {
        assert!(text(" Server Version: 24.0.7\n").decode(decode).facts.is_empty());
    }
}
