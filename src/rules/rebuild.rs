//! The `docker run` that makes a container again, from `docker inspect`.
//!
//! Sources: moby `api/types/container` (field names), docker/cli `cli/command/container/opts.go` (flags). Unlike common helpers this
//! keeps `Entrypoint[1:]`, takes binds verbatim from `HostConfig.Binds` (propagation and `:z` survive) and quotes each element of the
//! argument vector by itself: Rancher passes `--ca-checksum X` as one element, and so must we.

use serde_json::{Map, Value};

use super::shell_quote;

/// A command that makes a container again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The command, one option a line.
    pub command: String,
    /// Placeholders in it, such as `<CLUSTER_TOKEN>`.
    pub placeholders: Vec<String>,
    /// Options of the original that no flag expresses; a person has to look at them.
    pub not_expressed: Vec<String>,
}

/// Builds the command. `created_only` uses `docker create`, for containers that never run by design. `image` is the inspection of
/// the container's image where the bundle has one: its defaults are then left out.
pub fn docker_run(inspect: &Value, created_only: bool) -> Rebuilt {
    let mut words = Words::default();
    words.line(if created_only {
        vec!["docker".into(), "create".into()]
    } else {
        vec!["docker".into(), "run".into(), "-d".into()]
    });
    let config = Part(inspect.get("Config"));
    let host = Part(inspect.get("HostConfig"));
    let name = inspect
        .get("Name")
        .and_then(Value::as_str)
        .unwrap_or("")
        .trim_start_matches('/');
    words.flag("--name", name);
    let id = inspect.get("Id").and_then(Value::as_str).unwrap_or("");
    // The engine names a host after its container's id unless told otherwise; the new container has a new id.
    if !config.text("Hostname").is_empty() && !id.starts_with(config.text("Hostname")) {
        words.flag("--hostname", config.text("Hostname"));
    }
    identity(&mut words, &config, &host);
    isolation(&mut words, &host);
    storage(&mut words, inspect, &host);
    environment(&mut words, &config);
    limits(&mut words, &host);
    health_and_stop(&mut words, &config);
    let entrypoint = config.strings("Entrypoint");
    if let Some(program) = entrypoint.first() {
        words.flag("--entrypoint", program);
    }
    let mut tail = vec![config.text("Image").to_owned()];
    tail.extend(entrypoint.iter().skip(1).cloned());
    tail.extend(config.strings("Cmd"));
    words.arguments(tail);
    words.finish(not_expressed(&host))
}

fn identity(words: &mut Words, config: &Part<'_>, host: &Part<'_>) {
    let network = host.text("NetworkMode");
    if !config.text("Domainname").is_empty() {
        words.flag("--domainname", config.text("Domainname"));
    }
    words.optional("--user", config.text("User"));
    words.optional("--workdir", config.text("WorkingDir"));
    if !matches!(network, "" | "default") {
        words.flag("--network", network);
    }
    let restart = host.0.and_then(|host| host.get("RestartPolicy"));
    let policy = Part(restart);
    match (policy.text("Name"), policy.int("MaximumRetryCount")) {
        ("" | "no", _) => {}
        ("on-failure", retries) if retries > 0 => words.flag("--restart", &format!("on-failure:{retries}")),
        (policy, _) => words.flag("--restart", policy),
    }
    for (key, value) in config.map("Labels") {
        words.flag("--label", &format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    ports(words, config, host);
}

fn ports(words: &mut Words, config: &Part<'_>, host: &Part<'_>) {
    let published = host.map("PortBindings");
    for (port, bindings) in &published {
        for binding in bindings.as_array().into_iter().flatten() {
            let part = Part(Some(binding));
            let address = part.text("HostIp");
            let prefix = if address.is_empty() {
                String::new()
            } else {
                format!("{address}:")
            };
            words.flag("--publish", &format!("{prefix}{}:{port}", part.text("HostPort")));
        }
    }
    for (port, _) in config.map("ExposedPorts") {
        if !published.contains_key(&port) {
            words.flag("--expose", &port);
        }
    }
    if host.is_true("PublishAllPorts") {
        words.switch("--publish-all");
    }
}

fn isolation(words: &mut Words, host: &Part<'_>) {
    if host.is_true("Privileged") {
        words.switch("--privileged");
    }
    for (flag, key) in [
        ("--pid", "PidMode"),
        ("--uts", "UTSMode"),
        ("--userns", "UsernsMode"),
        ("--cgroup-parent", "CgroupParent"),
    ] {
        words.optional(flag, host.text(key));
    }
    // `private` and `shareable` are the daemon's own defaults, written back into every inspection.
    if !matches!(host.text("IpcMode"), "" | "private" | "shareable") {
        words.flag("--ipc", host.text("IpcMode"));
    }
    for (flag, key) in [
        ("--cap-add", "CapAdd"),
        ("--cap-drop", "CapDrop"),
        ("--security-opt", "SecurityOpt"),
        ("--group-add", "GroupAdd"),
        ("--dns", "Dns"),
        ("--dns-option", "DnsOptions"),
        ("--dns-search", "DnsSearch"),
        ("--add-host", "ExtraHosts"),
        ("--link", "Links"),
        ("--device-cgroup-rule", "DeviceCgroupRules"),
    ] {
        for value in host.strings(key) {
            words.flag(flag, &value);
        }
    }
    for (key, value) in host.map("Sysctls") {
        words.flag("--sysctl", &format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    if host.is_true("ReadonlyRootfs") {
        words.switch("--read-only");
    }
    if host.is_true("Init") {
        words.switch("--init");
    }
    if host.is_true("AutoRemove") {
        words.switch("--rm");
    }
    words.optional("--runtime", host.text("Runtime"));
}

fn storage(words: &mut Words, inspect: &Value, host: &Part<'_>) {
    let binds = host.strings("Binds");
    for bind in &binds {
        words.flag("--volume", bind);
    }
    for from in host.strings("VolumesFrom") {
        words.flag("--volumes-from", &from);
    }
    let bound: Vec<&str> = binds.iter().filter_map(|bind| bind.split(':').nth(1)).collect();
    let inherited = !host.strings("VolumesFrom").is_empty();
    for mount in inspect.get("Mounts").and_then(Value::as_array).into_iter().flatten() {
        let part = Part(Some(mount));
        // A volume that --volumes-from brings along is not mounted a second time, and a bind already stands above.
        if part.text("Type") == "volume" && !inherited && !bound.contains(&part.text("Destination")) {
            words.flag("--volume", part.text("Destination"));
        }
    }
    for (path, options) in host.map("Tmpfs") {
        let options = options.as_str().unwrap_or_default();
        words.flag(
            "--tmpfs",
            &if options.is_empty() {
                path
            } else {
                format!("{path}:{options}")
            },
        );
    }
    for device in host
        .0
        .and_then(|host| host.get("Devices"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let part = Part(Some(device));
        words.flag(
            "--device",
            &format!(
                "{}:{}:{}",
                part.text("PathOnHost"),
                part.text("PathInContainer"),
                part.text("CgroupPermissions")
            ),
        );
    }
}

fn environment(words: &mut Words, config: &Part<'_>) {
    for entry in config.strings("Env") {
        match entry.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_name(name) => {
                words.placeholder_flag("--env", &format!("{name}="), name)
            }
            _ => words.flag("--env", &entry),
        }
    }
    if config.is_true("Tty") {
        words.switch("--tty");
    }
    if config.is_true("OpenStdin") {
        words.switch("--interactive");
    }
}

fn limits(words: &mut Words, host: &Part<'_>) {
    for (flag, key) in [
        ("--memory", "Memory"),
        ("--memory-reservation", "MemoryReservation"),
        ("--memory-swap", "MemorySwap"),
        ("--cpu-shares", "CpuShares"),
        ("--cpu-period", "CpuPeriod"),
        ("--cpu-quota", "CpuQuota"),
        ("--pids-limit", "PidsLimit"),
    ] {
        if host.int(key) != 0 {
            words.flag(flag, &host.int(key).to_string());
        }
    }
    if host.int("NanoCpus") != 0 {
        let nano = host.int("NanoCpus");
        words.flag(
            "--cpus",
            &format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000),
        );
    }
    if host.int("OomScoreAdj") != 0 {
        words.flag("--oom-score-adj", &host.int("OomScoreAdj").to_string());
    }
    words.optional("--cpuset-cpus", host.text("CpusetCpus"));
    words.optional("--cpuset-mems", host.text("CpusetMems"));
    // 64 MiB is the daemon's default, written back into every inspection.
    if !matches!(host.int("ShmSize"), 0 | 67_108_864) {
        words.flag("--shm-size", &host.int("ShmSize").to_string());
    }
    let ulimits = host.0.and_then(|host| host.get("Ulimits")).and_then(Value::as_array);
    for ulimit in ulimits.into_iter().flatten() {
        let part = Part(Some(ulimit));
        words.flag(
            "--ulimit",
            &format!("{}={}:{}", part.text("Name"), part.int("Soft"), part.int("Hard")),
        );
    }
    let log = Part(host.0.and_then(|host| host.get("LogConfig")));
    if !matches!(log.text("Type"), "" | "json-file") {
        words.flag("--log-driver", log.text("Type"));
    }
    for (key, value) in log.map("Config") {
        words.flag("--log-opt", &format!("{key}={}", value.as_str().unwrap_or_default()));
    }
}

fn health_and_stop(words: &mut Words, config: &Part<'_>) {
    words.optional("--stop-signal", config.text("StopSignal"));
    if config.int("StopTimeout") != 0 {
        words.flag("--stop-timeout", &config.int("StopTimeout").to_string());
    }
}

/// What an inspection can hold and this command does not express, so that a person looks.
fn not_expressed(host: &Part<'_>) -> Vec<String> {
    [
        "BlkioWeightDevice",
        "BlkioDeviceReadBps",
        "BlkioDeviceWriteBps",
        "DeviceRequests",
        "StorageOpt",
        "Annotations",
    ]
    .into_iter()
    .filter(|key| {
        host.0.and_then(|host| host.get(*key)).is_some_and(|value| match value {
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => false,
        })
    })
    .map(|key| format!("HostConfig.{key}"))
    .collect()
}

/// A name that promises a secret value.
fn is_secret_name(name: &str) -> bool {
    let upper = name.to_uppercase();
    let is_reference = ["_FILE", "_PATH", "_NAME"].iter().any(|suffix| upper.ends_with(suffix));
    !is_reference
        && [
            "TOKEN",
            "PASSWORD",
            "PASSWD",
            "SECRET",
            "PRIVATE_KEY",
            "ACCESS_KEY",
            "API_KEY",
            "DOCKER_CONFIG",
        ]
        .iter()
        .any(|word| upper.contains(word))
}

/// A JSON object that may be missing, read without complaint.
struct Part<'v>(Option<&'v Value>);

impl<'v> Part<'v> {
    fn text(&self, key: &str) -> &'v str {
        self.0
            .and_then(|value| value.get(key))
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    fn int(&self, key: &str) -> i64 {
        self.0
            .and_then(|value| value.get(key))
            .and_then(Value::as_i64)
            .unwrap_or(0)
    }

    fn is_true(&self, key: &str) -> bool {
        self.0
            .and_then(|value| value.get(key))
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    fn strings(&self, key: &str) -> Vec<String> {
        let items = self.0.and_then(|value| value.get(key)).and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    fn map(&self, key: &str) -> Map<String, Value> {
        self.0
            .and_then(|value| value.get(key))
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }
}

/// The words of a command, grouped into lines.
#[derive(Default)]
struct Words {
    lines: Vec<String>,
    placeholders: Vec<String>,
}

impl Words {
    fn line(&mut self, words: Vec<String>) {
        self.lines
            .push(words.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" "));
    }

    fn switch(&mut self, flag: &str) {
        self.lines.push(flag.to_owned());
    }

    fn flag(&mut self, flag: &str, value: &str) {
        self.lines.push(format!("{flag} {}", shell_quote(value)));
    }

    fn optional(&mut self, flag: &str, value: &str) {
        if !value.is_empty() {
            self.flag(flag, value);
        }
    }

    /// A placeholder stays outside quotes: a command that is pasted with it unfilled then fails as a redirection instead of running.
    fn placeholder_flag(&mut self, flag: &str, before: &str, name: &str) {
        let placeholder = self.placeholder(name);
        let before = if before.is_empty() {
            String::new()
        } else {
            shell_quote(before)
        };
        self.lines.push(format!("{flag} {before}{placeholder}"));
    }

    fn placeholder(&mut self, name: &str) -> String {
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        let placeholder = format!("<{name}>");
        if !self.placeholders.contains(&placeholder) {
            self.placeholders.push(placeholder.clone());
        }
        placeholder
    }

    /// Image and arguments. Values of `--token` and `--password` become placeholders, in whichever way they are joined to the flag.
    fn arguments(&mut self, arguments: Vec<String>) {
        let mut line = Vec::new();
        let mut secret_next = None;
        for argument in arguments {
            if let Some(name) = secret_next.take() {
                line.push(self.placeholder(name));
                continue;
            }
            match secret_flag(&argument) {
                Some((_, name, "")) => {
                    secret_next = Some(name);
                    line.push(shell_quote(&argument));
                }
                Some((flag, name, " ")) => line.push(format!("'{flag} '{}", self.placeholder(name))),
                Some((flag, name, joint)) => line.push(format!("{flag}{joint}{}", self.placeholder(name))),
                None => line.push(shell_quote(&argument)),
            }
        }
        self.lines.push(line.join(" "));
    }

    fn finish(self, not_expressed: Vec<String>) -> Rebuilt {
        Rebuilt {
            command: self.lines.join(" \\\n  "),
            placeholders: self.placeholders,
            not_expressed,
        }
    }
}

/// A flag that carries a secret: the flag, its placeholder's name, and what joins the value to it (nothing: the next element).
fn secret_flag(argument: &str) -> Option<(&'static str, &'static str, &'static str)> {
    const FLAGS: [(&str, &str); 3] = [
        ("--token", "CLUSTER_TOKEN"),
        ("--password", "PASSWORD"),
        ("--agent-token", "AGENT_TOKEN"),
    ];
    FLAGS
        .into_iter()
        .find_map(|(flag, name)| match argument.strip_prefix(flag)? {
            "" => Some((flag, name, "")),
            rest if rest.starts_with('=') => Some((flag, name, "=")),
            rest if rest.starts_with(' ') => Some((flag, name, " ")),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_stay_what_they_were_one_element_each() {
        let inspect = json!({
            "Name": "/share-mnt",
            "Config": {
                "Hostname": "cp1", "Image": "rancher/rancher-agent:v2.5.12", "WorkingDir": "/var/lib/rancher",
                "Entrypoint": ["run.sh", "--first"],
                "Cmd": ["--server", "https://10.0.0.1:8443", "--token", "verysecretvalue", "--ca-checksum 8e67"],
                "Labels": {"io.rancher.rke.container.name": "share-mnt"},
                "Env": ["CATTLE_TOKEN=alsosecret", "A=b c"]
            },
            "HostConfig": {
                "Binds": ["/etc/kubernetes:/etc/kubernetes", "/var/lib/kubelet:/var/lib/kubelet:shared,z"],
                "NetworkMode": "host", "Privileged": true, "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "Runtime": "runc"
            }
        });
        let rebuilt = docker_run(&inspect, false);
        let expected = "docker run -d \\\n  --name share-mnt \\\n  --hostname cp1 \\\n  --workdir /var/lib/rancher \\\n  --network host \\\n  --restart always \\\n  --label io.rancher.rke.container.name=share-mnt \\\n  --privileged \\\n  --runtime runc \\\n  --volume /etc/kubernetes:/etc/kubernetes \\\n  --volume /var/lib/kubelet:/var/lib/kubelet:shared,z \\\n  --env CATTLE_TOKEN=<CATTLE_TOKEN> \\\n  --env 'A=b c' \\\n  --entrypoint run.sh \\\n  rancher/rancher-agent:v2.5.12 --first --server https://10.0.0.1:8443 --token <CLUSTER_TOKEN> '--ca-checksum 8e67'";
        assert_eq!(rebuilt.command, expected);
        assert_eq!(rebuilt.placeholders, ["<CATTLE_TOKEN>", "<CLUSTER_TOKEN>"]);
    }

    #[test]
    fn a_container_that_never_runs_is_only_created() {
        let rebuilt = docker_run(
            &json!({"Name": "/service-sidekick", "Config": {"Image": "rancher/rke-tools:v0.1.80"}, "Mounts": [{"Type": "volume", "Destination": "/opt/rke-tools"}]}),
            true,
        );
        assert!(rebuilt.command.starts_with("docker create"));
        assert!(rebuilt.command.contains("--volume /opt/rke-tools"));
    }
}
