//! Configuration files of a node, kept line by line so that rules can look into them.
//!
//! Which files and why: containerd's `config.toml` and `certs.d/<host>/hosts.toml` (containerd docs/cri/config.md, docs/hosts.md), the
//! kubelet's and kube-proxy's component configuration (kubernetes `staging/src/k8s.io/kubelet/config`), kubeadm's `ClusterConfiguration`,
//! `registries.yaml` and `config.yaml` of k3s and RKE2 (docs.k3s.io/installation/private-registry), CNI networks (CNI specification,
//! section 1), dockerd's `daemon.json`, `crictl.yaml`, `kubeadm-flags.env`, `fstab` (swap), the proxy's `nginx.conf`,
//! and the arguments of microk8s' services, one on each line of `args/<service>` (canonical/microk8s `microk8s-resources/default-args`).

use serde_json::Value;

use super::fact::{Config, ConfigFormat, HostFact, program_of_arguments};
use crate::bundle::decode::shape::is_first;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile, parse_yaml_within};
use crate::model::{Problem, ProblemKind};

/// A file that is one configuration and nothing else.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "configuration",
    decode,
};

const MOST_LINES: usize = 500;
/// Bytes of a line that are kept.
const LINE_KEPT: usize = 4096;
/// A configuration is not larger than this; what is, is not parsed.
const MOST_PARSED: usize = 1 << 20;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let format = format_of(file, start)?;
    let text = file.from_line(start);
    let mut problems = Vec::new();
    let parsed = match format {
        _ if text.len() > MOST_PARSED => None,
        ConfigFormat::Json => Some(
            serde_json::from_str::<Value>(text)
                .map_err(|error| (error.line(), ProblemKind::Unparsed, error.to_string())),
        ),
        ConfigFormat::Yaml => {
            Some(parse_yaml_within(text, file.budget).map_err(|error| (error.line, error.kind, error.message)))
        }
        ConfigFormat::Toml | ConfigFormat::Lines => None,
    };
    let value = match parsed {
        Some(Ok(value)) => Some(value),
        Some(Err((line, kind, error))) => {
            let detail = format!("the configuration does not parse: {error}");
            problems.push(Problem::file(file.path, kind, detail).at_line((start + line) as u64));
            None
        }
        None => None,
    };
    let kept = |line: &str| line.get(..line.floor_char_boundary(LINE_KEPT)).unwrap_or("").to_owned();
    let lines = (1_u64..)
        .zip(&file.lines)
        .skip(start)
        .take(MOST_LINES)
        .map(|(number, line)| (number, kept(line)));
    let config = Config {
        path: file.path.as_str().to_owned(),
        format,
        lines: lines.collect(),
        value,
        cite: file.cite(start),
    };
    Some(Section {
        end: file.lines.len(),
        facts: vec![Fact::Host(HostFact::Config(config))],
        problems,
        ..Section::default()
    })
}

fn format_of(file: &TextFile<'_>, start: usize) -> Option<ConfigFormat> {
    let first = file.line(start).trim_end();
    if first.trim().is_empty() || first.starts_with('#') || first == "---" || !is_first(file, start) {
        return None;
    }
    if first.starts_with('{') {
        return is_json(file).then_some(ConfigFormat::Json);
    }
    if is_toml(file, first) {
        return Some(ConfigFormat::Toml);
    }
    if is_yaml(file, first) {
        return Some(ConfigFormat::Yaml);
    }
    let is_lines = match file.path.file_name() {
        _ if first.starts_with("--") && program_of_arguments(file.path.as_str()).is_some() => true,
        "kubeadm-flags.env" => first.starts_with("KUBELET_KUBEADM_ARGS="),
        // fstab(5): device, mount point, type, options.
        "fstab" => first.split_whitespace().count() >= 4,
        "nginx.conf" | "haproxy.cfg" => first.ends_with([';', '{']) || first.starts_with("global"),
        _ => false,
    };
    is_lines.then_some(ConfigFormat::Lines)
}

/// A CNI network, a component's configuration or dockerd's. A Kubernetes object that carries one has `metadata`.
fn is_json(file: &TextFile<'_>) -> bool {
    const PEEK: usize = 4096;
    let head = file.text.get(..file.text.floor_char_boundary(PEEK)).unwrap_or("");
    let name = file.path.file_name();
    // A CNI plugin's own log may quote a network, so a message is none.
    let is_cni = head.contains("\"cniVersion\"") && !head.contains("\"msg\"");
    let is_component = head.contains("KubeletConfiguration\"") || is_configz(head);
    let is_docker = name.ends_with("daemon.json") || name == "etcdockerdaemon";
    (is_cni || is_component || is_docker) && !head.contains("\"metadata\"")
}

/// True for what a kubelet answers at `/configz`, however it is spaced (kubernetes `staging/src/k8s.io/component-base/configz`).
fn is_configz(head: &str) -> bool {
    let inner = head.trim_start().strip_prefix('{');
    inner.is_some_and(|inner| inner.trim_start().starts_with("\"kubeletconfig\""))
}

fn is_toml(file: &TextFile<'_>, first: &str) -> bool {
    const BEGINNINGS: [&str; 9] = [
        "version = ",
        "root = ",
        "state = ",
        "disabled_plugins",
        "imports",
        "[plugins",
        "[grpc]",
        "server = ",
        "[host.",
    ];
    let name = file.path.file_name();
    let begins = BEGINNINGS.iter().any(|begin| first.trim_start().starts_with(begin));
    let by_content =
        file.text.contains("io.containerd.") || file.text.contains("[host.\"") || file.text.contains("[grpc]");
    let by_name = name == "hosts.toml"
        || name == "config.toml"
        || name == "config.toml.tmpl"
        || name.contains("containerd") && name.ends_with(".toml");
    begins && (by_content || by_name) || by_name && (first.starts_with('[') || first.contains(" = "))
}

fn is_yaml(file: &TextFile<'_>, first: &str) -> bool {
    let has_line = |start: &str| file.lines.iter().take(MOST_LINES).any(|line| line.starts_with(start));
    if first.starts_with("apiVersion:")
        || first.starts_with("kind:")
        || first.starts_with("address:")
        || first.starts_with("authentication:")
    {
        const KINDS: [&str; 4] = [
            "kind: KubeletConfiguration",
            "kind: KubeProxyConfiguration",
            "kind: ClusterConfiguration",
            "kind: InitConfiguration",
        ];
        // A stream of several documents is left to the reader of objects.
        return KINDS.iter().any(|kind| has_line(kind)) && !has_line("metadata:") && !has_line("---");
    }
    let parts: Vec<&str> = file.path.components().collect();
    match file.path.file_name() {
        "registries.yaml" => first.starts_with("mirrors:") || first.starts_with("configs:"),
        "crictl.yaml" => first.contains("-endpoint:"),
        "config.yaml" => {
            parts.iter().any(|part| matches!(*part, "k3s" | "rke2")) && first.contains(':') && !has_line("apiVersion:")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn config(path: &str, text: &str) -> Option<Config> {
        host_facts(section(&DECODER, path, text)?)
            .into_iter()
            .find_map(|fact| match fact {
                HostFact::Config(config) => Some(config),
                _ => None,
            })
    }

    #[test]
    fn a_setting_of_containerd_is_cited_by_its_line() {
        let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  # sandbox_image = \"old\"\n  sandbox_image = \"registry.k8s.io/pause:3.10\" # pinned\n    SystemdCgroup = true\n";
        let config = config("etc/containerd/config.toml", text).unwrap();
        assert_eq!(config.format, ConfigFormat::Toml);
        let (value, cite) = config.setting("sandbox_image").unwrap();
        assert_eq!((value, cite.quote[0].line), ("registry.k8s.io/pause:3.10", Some(4)));
        assert_eq!(config.setting("SystemdCgroup").unwrap().0, "true");
        assert!(config.setting("Systemd").is_none() && config.containing("old").is_none());
        assert!(config.containing("[plugins.").is_some());
    }

    #[test]
    fn the_kubelets_configuration_is_a_value_too() {
        let text = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: cgroupfs\nclusterDNS: [10.96.0.10]\n";
        let config = config("etc/kubelet-config.yaml", text).unwrap();
        assert_eq!(config.value.as_ref().unwrap()["clusterDNS"][0], "10.96.0.10");
        assert_eq!(config.setting("cgroupDriver").unwrap().0, "cgroupfs");
    }

    #[test]
    fn other_configurations_are_known_by_name_or_content() {
        for (path, text, format) in [
            (
                "certs.d/h:5000/hosts.toml",
                "server = \"https://h:5000\"\n",
                ConfigFormat::Toml,
            ),
            (
                "cni/10-bridge.conflist",
                "{\"cniVersion\":\"0.4.0\",\"plugins\":[]}\n",
                ConfigFormat::Json,
            ),
            (
                "etc/rancher/rke2/registries.yaml",
                "mirrors:\n  docker.io:\n",
                ConfigFormat::Yaml,
            ),
            (
                "etc/docker/daemon.json",
                "{\n  \"data-root\": \"/x\"\n}\n",
                ConfigFormat::Json,
            ),
            ("fstab", "# swap\nUUID=1 none swap sw 0 0\n", ConfigFormat::Lines),
            (
                "inspection-report/args/kube-proxy",
                "# comment\n--cluster-cidr=10.1.0.0/16\n",
                ConfigFormat::Lines,
            ),
        ] {
            let start = text.lines().take_while(|line| line.starts_with('#')).count();
            let found = crate::bundle::decode::sample::section_at(&DECODER, path, text, start)
                .map(host_facts)
                .unwrap();
            assert!(
                matches!(&found[0], HostFact::Config(config) if config.format == format),
                "{path}"
            );
        }
    }

    #[test]
    fn a_file_of_arguments_tells_those_of_its_program() {
        let text = "--cluster-dns=10.152.183.10\n--eviction-hard=\"memory.available<100Mi,nodefs.available<1Gi\"\n# --v=9\n--serialize-image-pulls false\n--rotate-certificates\n";
        let config = config("inspection-report/args/kubelet", text).unwrap();
        assert_eq!(config.program(), Some("kubelet"));
        let arguments: Vec<(&str, &str)> = config.arguments().map(|(flag, value, _)| (flag, value)).collect();
        assert_eq!(
            arguments,
            [
                ("--cluster-dns", "10.152.183.10"),
                ("--eviction-hard", "memory.available<100Mi,nodefs.available<1Gi"),
                ("--serialize-image-pulls", "false"),
                ("--rotate-certificates", ""),
            ]
        );
        assert_eq!(config.arguments().nth(2).unwrap().2.quote[0].line, Some(4));
    }

    #[test]
    fn what_does_not_parse_keeps_its_lines_and_says_so() {
        let section = section(&DECODER, "10-x.conflist", "{\"cniVersion\":\"0.4.0\",\"plugins\":[\n").unwrap();
        assert_eq!(section.problems.len(), 1);
        assert!(
            matches!(&host_facts(section)[0], HostFact::Config(config) if config.value.is_none() && config.lines.len() == 1)
        );
    }

    #[test]
    fn objects_and_logs_are_declined() {
        for (path, text) in [
            ("x", "version = 2"),
            (
                "x.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kubelet-config\ndata:\n  kubelet: |\n    kind: KubeletConfiguration\n",
            ),
            (
                "x.json",
                "{\"kind\":\"ConfigMap\",\"metadata\":{},\"data\":{\"cni\":\"\\\"cniVersion\\\" \\\"plugins\\\"\"}}",
            ),
            ("etcd.log", "{\"level\":\"info\",\"msg\":\"x\"}"),
            (
                "kubeadm.yaml",
                "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n---\nkind: X\n",
            ),
            ("fstab", ""),
        ] {
            assert!(section(&DECODER, path, text).is_none(), "{path} {text}");
        }
    }
}
