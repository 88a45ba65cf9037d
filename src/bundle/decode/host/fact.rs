//! What the tools of a machine say, one type for each kind of statement.

use serde_json::Value;

use crate::bundle::decode::ContainerState;
use crate::model::Citation;

/// One statement about a machine or about the etcd member and the container runtime on it.
#[derive(Debug, Clone)]
pub enum HostFact {
    /// A unit of systemd.
    Unit(Unit),
    /// A process.
    Process(Process),
    /// A configuration file.
    Config(Config),
    /// A listed directory.
    Directory(Directory),
    /// A mounted file system's use.
    Filesystem(Filesystem),
    /// A container or a pod sandbox of a CRI runtime, or an image in its store.
    Cri(CriEntry),
    /// A listing of a CRI runtime was read.
    CriListing(CriListing),
    /// A network interface.
    Interface(Interface),
    /// A route.
    Route(Route),
    /// The packet filter.
    Firewall(Firewall),
    /// A listening socket.
    Listener(Listener),
    /// A line of `/etc/hosts`.
    HostsEntry(HostsEntry),
    /// A virtual server of IPVS with its real servers.
    VirtualServer(VirtualServer),
    /// A member of etcd.
    EtcdMember(EtcdMember),
    /// An endpoint of etcd as a client sees it.
    EtcdEndpoint(EtcdEndpoint),
    /// An alarm of etcd, or the answer that there is none.
    EtcdAlarm(EtcdAlarm),
    /// A certificate's end, where the certificate itself is not in the bundle.
    CertificateExpiry(CertificateExpiry),
    /// One check of a health endpoint.
    HealthCheck(HealthCheck),
}

/// A unit as `systemctl status` and `systemctl list-units` show it (systemctl(1)).
#[derive(Debug, Clone)]
pub struct Unit {
    /// `kubelet.service`.
    pub name: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting`, `error`.
    pub loaded: String,
    /// `enabled`, `disabled`, `static`…; empty when it is not shown.
    pub enabled: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`.
    pub active: String,
    /// The state below: `running`, `dead`, `auto-restart`, `exited`, `failed`.
    pub sub: String,
    /// When it entered the state, as written: `Sat 2026-11-21 10:20:42 UTC`; empty when it is not shown.
    pub since: String,
    /// The main process.
    pub main_pid: Option<u64>,
    /// Its exit code, or the number of the signal that ended it; none while it runs.
    pub exit_status: Option<i64>,
    /// `Result:` beside the state: `exit-code`, `signal`, `timeout`, `oom-kill`, `start-limit-hit`; empty when it is not shown.
    pub result: String,
    /// The machine, as the journal's tail names it; empty when there is none.
    pub host: String,
    /// Where.
    pub cite: Citation,
}

/// A process of `ps`; threads of the kernel are left out.
#[derive(Debug, Clone)]
pub struct Process {
    /// The user; empty when the listing has none.
    pub user: String,
    /// The process id.
    pub pid: u64,
    /// State letters such as `Ssl`, `D`, `Z`; empty when the listing has none.
    pub state: String,
    /// Since when it runs, as the listing says it: `09:18` of its own day, else `Nov20`; empty when it does not.
    pub started: String,
    /// The command with its arguments, at most 4 KiB.
    pub command: String,
    /// Where.
    pub cite: Citation,
}

impl Process {
    /// The program's file name: `kubelet` of `/usr/local/bin/kubelet --v=2`.
    pub fn program(&self) -> &str {
        let first = self.command.split_whitespace().next().unwrap_or("");
        first.rsplit('/').next().unwrap_or(first).trim_end_matches(':')
    }

    /// The value of a flag, written `--flag=value` or `--flag value`.
    pub fn flag(&self, flag: &str) -> Option<&str> {
        let mut words = self.command.split_whitespace();
        while let Some(word) = words.next() {
            match word.strip_prefix(flag) {
                Some("") => return words.next(),
                Some(rest) if rest.starts_with('=') => return rest.get(1..),
                _ => {}
            }
        }
        None
    }
}

/// How a configuration file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigFormat {
    /// TOML (containerd).
    Toml,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// Lines of some other kind.
    Lines,
}

/// A configuration file, so that rules can look into it and cite the line.
#[derive(Debug, Clone)]
pub struct Config {
    /// Path in the bundle.
    pub path: String,
    /// How it is written.
    pub format: ConfigFormat,
    /// Its lines with 1-based numbers, at most 500.
    pub lines: Vec<(u64, String)>,
    /// The parsed value of a JSON or YAML file.
    pub value: Option<Value>,
    /// Its first line.
    pub cite: Citation,
}

impl Config {
    /// The setting `key = value` or `key: value` where it stands first, outside comments: the value without quotes, and the line.
    pub fn setting(&self, key: &str) -> Option<(&str, Citation)> {
        self.settings(key).next()
    }

    /// All settings of this name.
    pub fn settings<'c>(&'c self, key: &str) -> impl Iterator<Item = (&'c str, Citation)> {
        self.lines.iter().filter_map(move |(number, line)| {
            let rest = line.trim_start().trim_start_matches("- ").trim_start_matches('"');
            let rest = rest.strip_prefix(key)?.trim_start_matches('"').trim_start();
            let value = rest.strip_prefix(['=', ':'])?;
            let value = value.split(" #").next().unwrap_or(value).trim();
            Some((
                value.trim_end_matches(',').trim_matches(['"', '\'']),
                self.line(*number, line),
            ))
        })
    }

    /// The program whose arguments the file holds.
    pub fn program(&self) -> Option<&str> {
        program_of_arguments(&self.path).filter(|_| self.format == ConfigFormat::Lines)
    }

    /// Flags with their values of a file of arguments: one on each line, as `--flag=value` or `--flag value`.
    pub fn arguments(&self) -> impl Iterator<Item = (&str, &str, Citation)> {
        self.lines.iter().filter_map(|(number, line)| {
            let argument = line.trim();
            let end = argument.find(['=', ' ']).unwrap_or(argument.len());
            let (flag, value) = argument.split_at_checked(end)?;
            let value = value.trim_start_matches(['=', ' ']).trim_matches(['"', '\'']);
            flag.starts_with("--").then(|| (flag, value, self.line(*number, line)))
        })
    }

    /// The first line outside comments that contains `text`.
    pub fn containing(&self, text: &str) -> Option<Citation> {
        let (number, line) = self
            .lines
            .iter()
            .find(|(_, line)| !line.trim_start().starts_with('#') && line.contains(text))?;
        Some(self.line(*number, line))
    }

    fn line(&self, number: u64, text: &str) -> Citation {
        Citation::line(&self.cite.bundle, &self.cite.file, number, text)
    }
}

/// The program whose arguments a file holds: microk8s keeps those of each service in `args/<service>`.
pub(super) fn program_of_arguments(path: &str) -> Option<&str> {
    let (folder, program) = path.rsplit_once('/')?;
    (folder == "args" || folder.ends_with("/args")).then_some(program)
}

/// The output of `ls` on one directory.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The directory's path; empty when neither the text nor the file's name tells it.
    pub path: String,
    /// True when `ls` says that it does not exist.
    pub is_missing: bool,
    /// Names of its entries without `.` and `..`, at most 1,000.
    pub entries: Vec<String>,
    /// Where.
    pub cite: Citation,
}

/// What a file system's numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Bytes (`df`).
    Bytes,
    /// Inodes (`df -i`).
    Inodes,
}

/// A row of `df`.
#[derive(Debug, Clone)]
pub struct Filesystem {
    /// The device or the name of a virtual file system.
    pub device: String,
    /// The type (`df -T`); empty when it is not shown.
    pub kind: String,
    /// Where it is mounted.
    pub mount: String,
    /// What the numbers count.
    pub counted: Counted,
    /// In all. Numbers of `df -h` are as exact as it prints them.
    pub total: Option<u64>,
    /// In use.
    pub used: Option<u64>,
    /// Free for users.
    pub available: Option<u64>,
    /// In use, in percent as `df` rounds it (up).
    pub percent: Option<u64>,
    /// Where.
    pub cite: Citation,
}

/// What a CRI runtime lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CriKind {
    /// Containers.
    Container,
    /// Pod sandboxes.
    Sandbox,
    /// Images.
    Image,
}

/// A container, sandbox or image of a CRI runtime, from `crictl` or containerd's `ctr`.
#[derive(Debug, Clone)]
pub struct CriEntry {
    /// What it is.
    pub kind: CriKind,
    /// `crictl`, `ctr`.
    pub via: &'static str,
    /// Id, whole or its first 13 digits.
    pub id: String,
    /// The container's name in its pod, the sandbox' pod, the image's reference.
    pub name: String,
    /// A container's image as the runtime shows it.
    pub image: String,
    /// State; none where the listing has none. A sandbox is running or exited.
    pub state: Option<ContainerState>,
    /// How often the kubelet made it before.
    pub attempt: Option<u64>,
    /// Id of its sandbox.
    pub sandbox: String,
    /// Its pod.
    pub pod: String,
    /// Its pod's namespace.
    pub namespace: String,
    /// Reason and message of its end.
    pub reason: String,
    /// Where.
    pub cite: Citation,
}

/// A listing of a CRI runtime: the ground of a claim that something is absent.
#[derive(Debug, Clone)]
pub struct CriListing {
    /// What was listed.
    pub kind: CriKind,
    /// `crictl`, `ctr`.
    pub via: &'static str,
    /// Number of rows.
    pub entries: u64,
    /// True when stopped ones are in it too, and every row could be read.
    pub is_complete: bool,
    /// The whole listing.
    pub cite: Citation,
}

/// A network interface (`ip addr`, `ip link`).
#[derive(Debug, Clone)]
pub struct Interface {
    /// `eth0`.
    pub name: String,
    /// In bytes; none in `ip -o addr`.
    pub mtu: Option<u64>,
    /// `UP`, `DOWN`, `UNKNOWN`; empty when it is not shown.
    pub state: String,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<String>,
    /// Where.
    pub cite: Citation,
}

/// A route (`ip route`, `route -n`).
#[derive(Debug, Clone)]
pub struct Route {
    /// `default`, or a network such as `10.42.1.0/24`.
    pub destination: String,
    /// The gateway; empty for a network on the link.
    pub via: String,
    /// The interface.
    pub dev: String,
    /// Where.
    pub cite: Citation,
}

impl Route {
    /// True for the default route, of IPv4 or IPv6.
    pub fn is_default(&self) -> bool {
        matches!(self.destination.as_str(), "default" | "0.0.0.0/0" | "::/0")
    }
}

/// A dump of the packet filter, whole or one table of it.
#[derive(Debug, Clone)]
pub struct Firewall {
    /// `iptables-save`, `iptables -L`, `nft`.
    pub via: &'static str,
    /// Chains of the tables in it, at most 5,000.
    pub chains: Vec<FirewallChain>,
    /// Rules that drop or reject, at most 500.
    pub refusals: Vec<FirewallRule>,
    /// The whole dump.
    pub cite: Citation,
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallChain {
    /// `filter`, `nat`; empty in `iptables -L`.
    pub table: String,
    /// `FORWARD`, `KUBE-SERVICES`.
    pub name: String,
    /// `ACCEPT`, `DROP`; empty for a chain without a policy.
    pub policy: String,
    /// The 1-based line.
    pub line: u64,
}

/// A rule that drops or rejects.
#[derive(Debug, Clone)]
pub struct FirewallRule {
    /// Its table; empty in `iptables -L`.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// `DROP`, `REJECT`.
    pub target: &'static str,
    /// Packets that it refused, where the dump counts them.
    pub packets: Option<u64>,
    /// The rule as written.
    pub text: String,
    /// Where.
    pub cite: Citation,
}

/// A listening socket (`ss -l`, `netstat -l`).
#[derive(Debug, Clone)]
pub struct Listener {
    /// `tcp`, `udp`, `tcp6`…
    pub protocol: String,
    /// The local address without brackets; `*` for all.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The program; empty when it is not shown.
    pub process: String,
    /// Where.
    pub cite: Citation,
}

/// A line of `/etc/hosts` (hosts(5)).
#[derive(Debug, Clone)]
pub struct HostsEntry {
    /// The address.
    pub address: String,
    /// The names.
    pub names: Vec<String>,
    /// Where.
    pub cite: Citation,
}

/// A virtual server of `ipvsadm -Ln`.
#[derive(Debug, Clone)]
pub struct VirtualServer {
    /// `TCP`, `UDP`, `SCTP`.
    pub protocol: String,
    /// `10.96.0.1:443`.
    pub address: String,
    /// Its real servers' addresses.
    pub backends: Vec<String>,
    /// Where.
    pub cite: Citation,
}

/// A member of etcd (`etcdctl member list`).
#[derive(Debug, Clone)]
pub struct EtcdMember {
    /// Id in hex.
    pub id: String,
    /// Name; empty until it has started.
    pub name: String,
    /// Peer URLs.
    pub peer_urls: Vec<String>,
    /// Client URLs; none until it has started.
    pub client_urls: Vec<String>,
    /// True for a learner.
    pub is_learner: bool,
    /// False for a member that was added and never came up.
    pub is_started: bool,
    /// Where.
    pub cite: Citation,
}

/// An endpoint of etcd, from `etcdctl endpoint status` or `endpoint health`; each has its part.
#[derive(Debug, Clone)]
pub struct EtcdEndpoint {
    /// The URL or address.
    pub endpoint: String,
    /// The member's id in hex; empty in `endpoint health`.
    pub id: String,
    /// The server's version; empty in `endpoint health`.
    pub version: String,
    /// Size of the database in bytes, as exact as the output has it.
    pub db_size: Option<u64>,
    /// True for the leader.
    pub is_leader: Option<bool>,
    /// The Raft term.
    pub raft_term: Option<u64>,
    /// The result of `endpoint health`.
    pub is_healthy: Option<bool>,
    /// How long the probe of `endpoint health` took, as written.
    pub took: String,
    /// Errors, as written; empty without any.
    pub errors: String,
    /// Where.
    pub cite: Citation,
}

/// An alarm of etcd (`etcdctl alarm list`).
#[derive(Debug, Clone)]
pub struct EtcdAlarm {
    /// The member's id in hex.
    pub member: String,
    /// `NOSPACE`, `CORRUPT`.
    pub alarm: String,
    /// Where.
    pub cite: Citation,
}

/// A row of `kubeadm certs check-expiration`.
#[derive(Debug, Clone)]
pub struct CertificateExpiry {
    /// `apiserver`, `admin.conf`, `etcd-ca`.
    pub name: String,
    /// The end, as written: `Nov 21, 2026 10:20 UTC`.
    pub expires: String,
    /// What is left, as written: `364d`, `<invalid>` once it has ended.
    pub residual: String,
    /// Where.
    pub cite: Citation,
}

impl CertificateExpiry {
    /// True when it had ended as the command ran. Source: kubernetes/apimachinery `pkg/util/duration` prints `<invalid>` for a negative duration.
    pub fn has_ended(&self) -> bool {
        self.residual == "<invalid>"
    }
}

/// A line of `/readyz?verbose`, `/livez?verbose`, `/healthz?verbose`.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    /// `etcd`, `poststarthook/rbac/bootstrap-roles`.
    pub name: String,
    /// True for `[+]`.
    pub is_ok: bool,
    /// Where.
    pub cite: Citation,
}
