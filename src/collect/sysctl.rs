//! The kernel parameters on which container networks, file watches and many mounts depend.

use super::context::{Context, Step};
use super::{Outcome, Read};

/// Names as sysctl(8) writes them. Sources: the Kubernetes and Docker network prerequisites (`ip_forward`, `bridge-nf-call-*`),
/// and the kernel's Documentation/admin-guide/sysctl/{net,fs,kernel,vm}.rst and Documentation/networking/nf_conntrack-sysctl.rst.
const NAMES: &[&str] = &[
    "fs.file-max",
    "fs.file-nr",
    "fs.inotify.max_queued_events",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.may_detach_mounts",
    "fs.nr_open",
    "kernel.hung_task_timeout_secs",
    "kernel.keys.maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.pid_max",
    "kernel.threads-max",
    "net.bridge.bridge-nf-call-arptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-call-iptables",
    "net.core.netdev_max_backlog",
    "net.core.somaxconn",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.neigh.default.gc_thresh1",
    "net.ipv4.neigh.default.gc_thresh2",
    "net.ipv4.neigh.default.gc_thresh3",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.all.forwarding",
    "net.netfilter.nf_conntrack_buckets",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "user.max_user_namespaces",
    "vm.max_map_count",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "vm.swappiness",
];

/// Interfaces whose own settings are read; a node has one for each pod.
const MOST_INTERFACES: usize = 500;

/// One step for all parameters.
pub(crate) fn steps() -> Vec<Step> {
    let reads = NAMES.iter().map(|name| Read::File(file(name))).collect();
    vec![Step::new("host/sysctl", reads, |ctx| Box::pin(async { read(ctx) }))]
}

/// Writes `name = value` lines, as `sysctl -a` prints them. A parameter that this kernel does not have is left out.
fn read(ctx: &mut Context) -> Outcome {
    let mut text = String::new();
    for name in NAMES {
        if let Some(value) = ctx.host.small(&file(name)) {
            text.push_str(&format!("{name} = {}\n", value.trim_end()));
        }
    }
    // The strictest of the setting of all and that of the interface is in force (Documentation/networking/ip-sysctl.rst, rp_filter).
    let interfaces = ctx.host.list("/proc/sys/net/ipv4/conf").unwrap_or_default();
    for interface in interfaces
        .iter()
        .take(MOST_INTERFACES)
        .filter(|name| *name != "all" && *name != "default")
    {
        let path = format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter");
        if let Some(value) = ctx.host.small(&path) {
            // sysctl(8) writes a dot in an interface's name as a slash.
            let name = interface.replace('.', "/");
            text.push_str(&format!("net.ipv4.conf.{name}.rp_filter = {}\n", value.trim_end()));
        }
    }
    if text.is_empty() {
        return Outcome::Skipped("there is no /proc/sys".into());
    }
    ctx.evidence.line("host/sysctl.txt", &text);
    Outcome::Done
}

fn file(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}
