//! From the text of one file to facts that know where they stand.
//!
//! A file is a sequence of sections, because people paste several outputs into one file. At each line the decoders of
//! [`DECODERS`] are asked in order whether a section of theirs starts there; the first that answers consumes its lines. Lines that
//! no decoder takes are log text. File names are hints, never needed.

mod ansible;
mod banner;
mod block_yaml;
mod captured;
mod casefile_manifest;
mod clock;
mod collector_errors;
mod columns;
mod compacted_events;
mod cron;
mod docker_events;
mod docker_images;
mod docker_info;
mod docker_inspect;
mod docker_json;
mod docker_ps;
mod docker_ps_json;
mod encoding;
mod fact;
mod headings;
mod host;
mod hostname;
mod json;
mod json_value;
mod kindless;
mod known;
mod kubectl;
mod literal_block;
mod log_export;
mod log_prompt;
mod magic;
mod minikube;
mod nesting;
mod objects;
mod openssl;
mod pem;
mod pod_log;
mod pod_name;
mod pod_ref;
mod prompt;
mod prow;
mod prune;
mod quoted;
mod resolv;
mod running_images;
#[cfg(test)]
mod sample;
mod script;
mod shape;
mod supportconfig;
mod sysctl;
#[cfg(test)]
mod testing;
mod text;
mod title_case;
mod transcript;
mod undress;
mod units;
mod unused;
mod watched_events;
mod yaml;
mod yaml_value;

pub use ansible::{AnsibleAnswer, ansible_answer};
pub use encoding::{Encoding, Transcoded, is_binary, to_text};

pub use fact::{
    Certificate, ContainerFact, ContainerListing, ContainerState, CronEntry, DockerInspect, Fact, Form, HostNameSource,
    ImageFact, LogSection, ObjectFact, Pointer, PruneRun, Resolver, RuntimeEvent, Script, UnitLog,
};
pub use host::{
    CertificateExpiry, Config, ConfigFormat, Counted, CriEntry, CriKind, CriListing, Directory, EtcdAlarm,
    EtcdEndpoint, EtcdMember, Filesystem, Firewall, FirewallChain, FirewallRule, HealthCheck, HostFact, HostsEntry,
    Interface, Listener, Process, Route, Unit, VirtualServer,
};
pub(crate) use kubectl::{is_namespaced, known_kind, known_kinds};
pub use log_export::ExportedLog;
pub use magic::binary_reason;
pub use pem::certificates_in;
pub use pod_ref::PodRef;
pub use prompt::prompts;
pub use text::{Section, TextFile};
pub use transcript::{CommandIndex, Transcript, may_be_transcript};
pub use undress::{has_returns_only, undress};
pub use unused::reason_unused;
pub use yaml_value::{YamlError, parse_value as parse_yaml, parse_within as parse_yaml_within};

/// One kind of section.
pub struct Decoder {
    /// Name for `inspect --files`: `docker ps`, `crontab`.
    pub name: &'static str,
    /// Decodes the section that starts at the 0-based line `start`, or declines. It must be quick to decline: it is asked at every line.
    pub decode: fn(&TextFile<'_>, usize) -> Option<Section>,
}

/// Every decoder, the most specific first.
pub const DECODERS: &[Decoder] = &[
    casefile_manifest::DECODER,
    collector_errors::DECODER,
    captured::DECODER,
    pod_log::DECODER,
    script::DECODER,
    docker_ps::DECODER,
    docker_inspect::DECODER,
    docker_images::DECODER,
    docker_info::DECODER,
    docker_events::DECODER,
    host::PROC_SYS,
    prow::DECODER,
    compacted_events::DECODER,
    running_images::DECODER,
    host::TROUBLESHOOT,
    host::CRI_JSON,
    host::ETCD_JSON,
    host::TALOS_RESOURCE,
    host::K0S_JSON,
    host::K0S_YAML,
    host::NFT_JSON,
    host::CONFIG,
    host::FIO,
    log_export::JSON,
    json::DECODER,
    Decoder {
        name: "excerpt of YAML",
        decode: kubectl::decode_excerpt,
    },
    yaml::DECODER,
    log_prompt::DECODER,
    supportconfig::DECODER,
    watched_events::DECODER,
    minikube::DECODER,
    headings::DECODER,
    log_export::PREFIXED,
    log_export::CSV,
    host::HELM,
    // What kubectl prints for people.
    Decoder {
        name: "kubectl logs",
        decode: kubectl::decode_logs,
    },
    Decoder {
        name: "log below a name",
        decode: kubectl::decode_named_log,
    },
    Decoder {
        name: "kubectl command",
        decode: kubectl::decode_prompt,
    },
    Decoder {
        name: "kubectl get",
        decode: kubectl::decode_table,
    },
    Decoder {
        name: "table of an unknown kind",
        decode: kubectl::decode_unknown_table,
    },
    Decoder {
        name: "kubectl describe",
        decode: kubectl::decode_description,
    },
    Decoder {
        name: "kubectl top",
        decode: kubectl::decode_top,
    },
    Decoder {
        name: "kubectl version",
        decode: kubectl::decode_version,
    },
    Decoder {
        name: "kubectl message",
        decode: kubectl::decode_message,
    },
    prune::DECODER,
    cron::DECODER,
    units::DECODER,
    pem::DECODER,
    openssl::DECODER,
    sysctl::DECODER,
    resolv::DECODER,
    clock::DECODER,
    hostname::DECODER,
    known::API_RESOURCES,
    known::PERMISSIONS,
    known::REVISIONS,
    known::CONTEXTS,
    known::DOCKER_STATS,
    known::CRI_STATS,
    host::SYSTEMCTL_STATUS,
    host::SYSTEMCTL_LIST,
    host::SYSTEMCTL_IS_ACTIVE,
    host::SYSTEMCTL_UNIT_FILES,
    host::SYSTEMCTL_SHOW,
    host::CRI_TABLE,
    host::ETCD,
    host::ETCD_FIELDS,
    host::DF,
    host::DIRECTORY,
    host::MEMORY,
    host::SOCKETS,
    known::SOCKET_SUMMARY,
    host::PS,
    host::KUBELET_COMMAND,
    host::TOP,
    host::SYSTEM,
    known::BLOCK_DEVICES,
    host::UPTIME,
    host::TALOS_SERVICE,
    host::TALOS_MOUNTS,
    host::TALOS_PROCESSES,
    host::K0S_TEXT,
    host::INTERFACE,
    host::IFCONFIG,
    host::NIC,
    host::NETWORK_COUNTERS,
    host::CPU,
    host::IDENTITY,
    host::ULIMIT,
    host::PACKAGES,
    host::RESOLVED,
    host::ROUTE,
    host::PING,
    known::IP_RULE,
    known::IP_NEIGHBOUR,
    host::FIREWALL,
    host::IPVS,
    host::TIME_SYNC,
    host::CERTIFICATE_EXPIRY,
    host::HEALTH_CHECKS,
    host::ETCD_METRICS,
    host::MOUNT,
    host::HOSTS,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::EntryPath;

    /// Fragments that open sections, so that random text gets beyond the first check.
    fn fragment() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => prop::sample::select(vec![
                "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES",
                "29a2614d4315   nginx   \"sh\"   2 days ago   Up 2 days   web",
                "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE", "Deleted Containers:", "Deleted Images:", "untagged: é",
                "Total reclaimed space: 0B", "Client:", "Server:", " Version: é", " Name: é", "0 2 * * * root é", "@daily /é",
                "#!/bin/sh", "[Unit]", "ExecStart=é", "# /é.timer", "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----",
                "-----BEGIN RSA PRIVATE KEY-----", "net.ipv4.ip_forward = 1", "nameserver 1.1.1.1", "2026年 11月 21日 é1:é", "[",
                "{\"Id\": \"é\", \"State\": {}, \"Config\": {}},", "]", "{", "\"Id\": 1", "{\"Type\":\"a\",\"Action\":\"b\",\"Actor\":{}}",
                "2026-11-21T10:20:33Z container prune  (a=1, é=2, b)", "Sat Nov 21 10:20:42 UTC 2026", "",
                "● é.service - é", "     Loaded: loaded (é)", "     Active: failed (Result: é) since é; é", "UNIT LOAD ACTIVE SUB DESCRIPTION",
                "● é.service loaded failed failed é", "USER PID STAT COMMAND", "é 1 D é", "Filesystem Size Used Avail Use% Mounted on",
                "é 1G 1G 1G 1% /é", "total 0", "-rw-r--r-- 1 é é 1 Nov 21 10:20 é", "POD ID  CREATED  STATE  NAME  NAMESPACE  ATTEMPT",
                "TASK   PID   STATUS", "é   1   RUNNING", "8e9e05c52164694d, started, é, é, é, false", "é:1, 8e9e05, 3.4.1, 1 é, true, 1",
                "+---+---+", "| ENDPOINT | é |", "| é | é |", "version = 2", "[plugins.\"io.containerd.é\"]", "{\"cniVersion\":\"é\"",
                "{\"header\":{\"member_id\":1},\"members\":[{\"ID\":1,\"peerURLs\":[\"é\"]}]}", "kind: KubeletConfiguration",
                "\"ClusterID\" : 1", "\"Endpoint\" : \"é\"", "$ kubectl get pods -A | grep é", "shop web-0 0/1 Running 0 5m", "$ kubectl get svc -o name", "service/é",
                "$ kubectl get po -o custom-columns=A:.metadata.name,B:.x[*].é", "A   B", "$ kubectl describe pod web-0 | grep é", "  State: Waiting", "  Reason: é",
                "$ kubectl exec web-0 -- cat é", "$ kubectl logs é",
                "{\"__REALTIME_TIMESTAMP\":\"1\",\"_SYSTEMD_UNIT\":\"é\"}", "{\"events\":[{\"logStreamName\":\"é_é_é-\",\"message\":\"\"}]}",
                "{\"data\":{\"result\":[{\"stream\":{\"pod\":\"é\"},\"values\":[[\"1\",\"é\"]]}]}}",
                "2: é: <UP> mtu 1500 qdisc", "    inet 10.0.0.1/8 é", "default via é dev é proto", "Destination Gateway Genmask Flags", "*filter",
                ":é DROP [0:0]", "-A é -j DROP", "Chain é (policy DROP)", "table ip é {", "\tchain é {", "\t\tdrop", "State Recv-Q Send-Q Local Address",
                "LISTEN 0 0 é:1 é", "MemTotal: 1 kB", "total used free shared available", "Mem: 1Gi é", "Module Size Used by", "cpu=0 found=1 é",
                "Linux é 6.1 #1 é x86_64", "PRETTY_NAME=é", "ID=é", "Local time: é", "Reference ID : é", "remote refid st t when poll reach delay offset",
                "IP Virtual Server version é", "TCP é", "-> é", "[+]é ok", "CERTIFICATE   EXPIRES   RESIDUAL TIME", "# HELP etcd_é",
                "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"é\"} 1", "    sync percentiles (usec):", "99.00th=[1]", "{\"fio version\":\"é\"}",
                " 10:20 up 1 min, load average: é", "127.0.0.1 é",
                "{\"containers\":[{\"id\":\"é\",\"podSandboxId\":\"é\"}]}",
                "==> kubelet <==", "==> Last Start <==", "==> coredns [3f2a1b4c5d6e7é] <==", "==> container status <==", "#==[ Log File ]===#", "# /var/log/é - Last 5 Lines", "#==[ Configuration File ]=#", "metadata:", "    type: ResolverStatuses.net.talos.dev", "spec:", "ID       kubelet", "STATE    é", "HEALTH   Fail", "Operating system: é (pass)", "Total memory: é (rejected: é)",
                "[{\"path\":[],\"displayName\":\"é\",\"prop\":\"\",\"category\":\"error\"}]", "==> é/web-0.log <==", "[pod/web-0/é] é", "[pod/web-0/c] é", "web-0 c é", "web-0 c | é", "web-1  │ é", "=== web-0 ===", "=== é web-0 ===", "web-0: é", "Pod: web-0 Container: é",
                "timestamp,pod,message", "1,web-0,\"é", "\"", "{\"message\":\"é\",\"kubernetes\":{\"pod_name\":\"é\"}}", "[{\"line\":\"é\",\"labels\":{\"pod\":\"é\"}},",
                "NIC statistics:", "     é_drops: 7", "Settings for é:", "\tSpeed: é", "Ip:", "    7 segments retransmitted", "#kernel", "é 1 0.0",
                "Ip: Forwarding é", "UNIT FILE STATE", "é.service enabled", "Id=é", "ActiveState=é", "TARGET SOURCE FSTYPE OPTIONS", "/é é ext4 ro",
                "é on /é type ext4 (ro)", "Architecture: é", "CPU op-mode(s): é", "processor\t: 0", "Events:", "  Type  Reason  Age  From  Message", "  ----  ------",
                "NAME NAMESPACE REVISION UPDATED STATUS CHART", "é é 1 é é é", "Tasks: 1 total, 1 running, 0 sleeping, 0 stopped, 0 zombie",
                "eth0: flags=1<é>  mtu 1", "        inet é", "Global", "  LLMNR setting: é", "  DNS Servers: é", "$ journalctl -u é", "# docker logs kubelet",
                "||/ Name é", "ii  é  1.0  é", "Static hostname: é", "{\"nftables\":[{\"rule\":{\"expr\":[{\"drop\":null}]}}]}", "NAME   READY   STATUS   RESTARTS   AGE   IP",
                " NODE   NOMINATED NODE", "é   0/1   é   7   1m   1", " é   <none>",
                "[New Event] é/é", "\tresource: v1/é/é", "\treason: é", "\tmessage: é", "\tfull: &v1.Event{LastTimestamp:time.Date(2026, time.November, 21, 10, é",
                "- category: pass", "  displayName: é", "- displayName: é", "  category: error", "--é=é", "{\"total\":1}", "[{\"kernel_name\":\"é\",\"read_only\":true}]",
                "{\"total_bytes\":1,\"used_bytes\":18446744073709551615}", "{\"pod\":{\"metadata\":{\"name\":\"é\"}},\"events\":[{}]}",
                "{\"items\":[{\"namespace\":\"é\",\"lastTimestamp\":\"é\",\"message\":\" é_é(\"}]}", "# /usr/bin/docker logs é", "/dev/é 1G 1G 1G 1% /",
                "FILESYSTEM   SIZE(GB)   USED(GB)   AVAILABLE(GB)   PERCENT USED   MOUNTED ON", "é 1.0 1.0 1.0 9999999999999999999999.0% /é",
                "PID STATE THREADS CPU-TIME VIRTMEM RESMEM COMMAND", "1 S 1 1.0 1 B 1 B é", "Distributor ID:\té", "Description:\té",
            ]).prop_map(str::to_owned),
            1 => ".{0,40}",
        ]
    }

    proptest! {
        #[test]
        fn no_decoder_panics_and_every_section_has_lines(
            parts in prop::collection::vec(fragment(), 0..12),
            end in prop::sample::select(vec!["\n", "\r\n", " ", "\t"]),
            path in prop::sample::select(vec!["x.log", "etc/cron.d/x", "resolv.conf", "hostname", "docker-ps-a.txt", "x.service", "hosts", "config.toml", "ls-l", "args/é", "disk_usage", "host-collectors/diskUsage/é /é.json", "podinfo.json", "events/é.json"]),
        ) {
            let path = EntryPath::new(path);
            let text = parts.join(end);
            let file = TextFile::new("b".into(), &path, &text);
            for start in 0..file.lines.len() {
                for decoder in DECODERS {
                    if let Some(section) = (decoder.decode)(&file, start) {
                        prop_assert!(section.end > start, "{} at {start}", decoder.name);
                        prop_assert!(section.end <= file.lines.len(), "{} at {start}", decoder.name);
                    }
                }
            }
        }
    }
}
