//! `docker info` and `docker version` (Docker Engine 1.12 to 29) as text, and the Engine API's `GET /info` and `GET /version`.
//!
//! Keys of the text are those of docker/cli, `cli/command/system/info.go` and `version.go`; keys of the JSON are those of moby,
//! `api/types/system/info.go`.

use serde_json::Value;

use super::docker_json::{Element, cite, elements_at, may_start};
use super::{Decoder, Fact, HostNameSource, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// Facts of the Docker daemon. `host.memory` is as written: `23.54GiB` in the text, bytes in the JSON.
pub(super) const DECODER: Decoder = Decoder {
    name: "docker info",
    decode,
};

/// Key of the text, key of the JSON, our name.
const VALUES: &[(&str, &str, &str)] = &[
    ("Server Version", "ServerVersion", "docker.server-version"),
    ("Docker Root Dir", "DockerRootDir", "docker.root-dir"),
    ("Storage Driver", "Driver", "docker.storage-driver"),
    ("Cgroup Driver", "CgroupDriver", "docker.cgroup-driver"),
    ("Logging Driver", "LoggingDriver", "docker.logging-driver"),
    ("Operating System", "OperatingSystem", "os.name"),
    ("Kernel Version", "KernelVersion", "kernel.version"),
    ("CPUs", "NCPU", "host.cpus"),
    ("Total Memory", "MemTotal", "host.memory"),
    ("ID", "ID", "docker.id"),
];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if may_start(file, start, &["\"Containers\"", "\"ID\""]) || may_start(file, start, &["\"ApiVersion\""]) {
        return json(file, start);
    }
    is_heading(file.line(start), file.line(start + 1)).then(|| text(file, start))
}

/// True for the first line of either command: a heading with indented keys below, or, before Docker 18.09, the first key itself.
fn is_heading(line: &str, next: &str) -> bool {
    let (key, value) = line.split_once(':').unwrap_or(("", ""));
    let next_key = next.split_once(':').map_or("", |(key, _)| key);
    match key {
        "Client" | "Server" => {
            (value.trim().is_empty() || value.trim_start().starts_with("Docker"))
                && next.starts_with(' ')
                && matches!(
                    next_key.trim(),
                    "Version" | "Context" | "Debug Mode" | "Containers" | "Engine" | "Cloud integration" | "Plugins"
                )
        }
        "Containers" => value.trim().parse::<u64>().is_ok() && next_key == " Running",
        _ => false,
    }
}

fn text(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    let mut in_server = file.line(start).starts_with("Containers");
    // `docker info` of old writes its keys at the left margin.
    let at_margin = in_server;
    let mut in_engine = false;
    while let Some(line) = file.lines.get(section.end) {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        let (key, value) = trimmed
            .split_once(':')
            .map_or((trimmed, ""), |(key, value)| (key, value.trim()));
        if indent == 0 && !trimmed.is_empty() {
            match key {
                "Client" => in_server = false,
                "Server" => in_server = true,
                // The daemon's warnings end the output of `docker info`.
                "WARNING" => {}
                "ERROR" | "Cannot connect to the Docker daemon at unix" => {
                    let line = section.end as u64 + 1;
                    section
                        .problems
                        .push(Problem::file(file.path, ProblemKind::CollectorError, trimmed).at_line(line));
                }
                _ if trimmed.starts_with("errors pretty printing info") => {}
                _ if at_margin && !key.is_empty() && key.len() < 40 && trimmed.contains(':') => {}
                _ => break,
            }
        }
        if indent <= 1 {
            in_engine = key == "Engine";
        }
        let known = VALUES
            .iter()
            .find(|(written, ..)| *written == key)
            .map(|(.., name)| *name);
        // `docker version` has the daemon's version below `Server:`, since 18.06 one level deeper below `Engine:`.
        let is_version = key == "Version" && (indent == 1 || in_engine);
        let name = if is_version {
            Some("docker.server-version")
        } else {
            known
        };
        if in_server && !value.is_empty() && (indent <= 1 || in_engine) {
            if key == "Name" && !in_engine {
                let cite = file.cite(section.end);
                section.facts.push(Fact::HostName {
                    name: value.into(),
                    via: HostNameSource::Docker,
                    cite,
                });
            } else if let Some(name) = name {
                let cite = file.cite(section.end);
                section.facts.push(Fact::Value {
                    key: name.into(),
                    value: value.into(),
                    cite,
                });
            }
        }
        section.end += 1;
    }
    section
}

fn json(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let elements = elements_at(file, start, |value| is_info(value) || server_version(value).is_some())?;
    let facts = elements
        .list
        .iter()
        .flat_map(|element| facts_of(file, start, element))
        .collect();
    Some(Section {
        end: elements.end,
        facts,
        problems: elements.problems,
        also_log: false,
    })
}

fn is_info(value: &Value) -> bool {
    value.get("ServerVersion").is_some() && value.get("DockerRootDir").is_some()
}

/// The version in `GET /version`, or below `Server` in `docker version --format json`.
fn server_version(value: &Value) -> Option<&str> {
    let server = value.get("Server").unwrap_or(value);
    server.get("ApiVersion")?;
    server.get("Version")?.as_str()
}

fn facts_of(file: &TextFile<'_>, section: usize, element: &Element) -> Vec<Fact> {
    let located = |key: &str, value: String, shown: &str| {
        let cite = cite(file, section, element, &format!("{shown}: {value}"));
        Fact::Value {
            key: key.into(),
            value,
            cite,
        }
    };
    if let Some(version) = server_version(&element.value) {
        return vec![located("docker.server-version", version.into(), "Version")];
    }
    let mut facts = Vec::new();
    if let Some(name) = scalar(element.value.get("Name")) {
        let cite = cite(file, section, element, &format!("Name: {name}"));
        facts.push(Fact::HostName {
            name,
            via: HostNameSource::Docker,
            cite,
        });
    }
    facts.extend(
        VALUES
            .iter()
            .filter_map(|(_, key, name)| Some(located(name, scalar(element.value.get(*key))?, key))),
    );
    facts
}

fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    fn value<'s>(section: &'s Section, wanted: &str) -> &'s str {
        let found = section.facts.iter().find_map(|fact| match fact {
            Fact::Value { key, value, .. } if key == wanted => Some(value.as_str()),
            Fact::HostName {
                name,
                via: HostNameSource::Docker,
                ..
            } if wanted == "name" => Some(name.as_str()),
            _ => None,
        });
        found.unwrap_or("-")
    }

    const INFO: &str = "\
Client: Docker Engine - Community
 Version:    28.2.2
 Plugins:
  buildx: Docker Buildx (Docker Inc.)
    Version:  v0.24.0

Server:
 Containers: 7
  Running: 7
 Server Version: 20.10.24+dfsg1
 Storage Driver: overlay2
  Backing Filesystem: extfs
 Cgroup Driver: cgroupfs
 Operating System: Debian GNU/Linux 12 (bookworm)
 CPUs: 2
 Total Memory: 23.54GiB
 Name: vm
 Docker Root Dir: /var/lib/docker
 Live Restore Enabled: false

WARNING: No swap limit support
2026-11-21 next
";

    #[test]
    fn the_server_part_is_read_and_the_client_part_is_not() {
        let section = section(&DECODER, "x", INFO).unwrap();
        for (key, expected) in [
            ("name", "vm"),
            ("docker.server-version", "20.10.24+dfsg1"),
            ("docker.root-dir", "/var/lib/docker"),
            ("docker.storage-driver", "overlay2"),
            ("docker.cgroup-driver", "cgroupfs"),
            ("docker.logging-driver", "-"),
            ("os.name", "Debian GNU/Linux 12 (bookworm)"),
            ("host.cpus", "2"),
            ("host.memory", "23.54GiB"),
        ] {
            assert_eq!(value(&section, key), expected, "{key}");
        }
        assert_eq!(section.end, 21);
    }

    #[test]
    fn docker_version_and_old_docker_info_are_read() {
        let version = "Client:\n Version: 28.2.2\n\nServer:\n Engine:\n  Version:          20.10.24\n  Go version: go1.19\n containerd:\n  Version: 1.6.20\n";
        let read = section(&DECODER, "x", version).unwrap();
        assert_eq!(value(&read, "docker.server-version"), "20.10.24");
        assert_eq!(read.facts.len(), 1);
        let old = "Containers: 3\n Running: 1\nServer Version: 17.03.2-ce\nName: node-1\n";
        let read = section(&DECODER, "x", old).unwrap();
        assert_eq!(
            (value(&read, "docker.server-version"), value(&read, "name")),
            ("17.03.2-ce", "node-1")
        );
    }

    #[test]
    fn a_daemon_that_does_not_answer_is_a_problem() {
        let text = "Client:\n Context:    default\n\nServer:\nERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock\nerrors pretty printing info\n";
        let section = section(&DECODER, "docker-info.txt", text).unwrap();
        assert!(section.facts.is_empty());
        assert_eq!(
            section.problems.first().map(|problem| problem.kind),
            Some(ProblemKind::CollectorError)
        );
    }

    #[test]
    fn the_engine_api_is_read() {
        let info = r#"{"ID":"A","Containers":7,"Driver":"overlay2","NCPU":2,"Name":"vm","ServerVersion":"20.10.24","DockerRootDir":"/data"}"#;
        let read = section(&DECODER, "info.json", info).unwrap();
        assert_eq!(
            (
                value(&read, "name"),
                value(&read, "host.cpus"),
                value(&read, "docker.root-dir")
            ),
            ("vm", "2", "/data")
        );
        let version = r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;
        assert_eq!(
            value(
                &section(&DECODER, "version.json", version).unwrap(),
                "docker.server-version"
            ),
            "20.10.24"
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "Client: connection closed\n Version mismatch",
            "Containers:\n  web:\n",
            "Server: nginx\n",
            "Server:\nName: vm\n",
        ] {
            assert!(section(&DECODER, "docker-info.txt", text).is_none(), "{text}");
        }
    }
}
