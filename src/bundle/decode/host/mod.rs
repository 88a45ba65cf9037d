//! What the tools of a machine print: systemd, procps, coreutils, iproute2, the packet filter, CRI runtimes, etcd.

mod checks;
mod config;
mod counters;
mod cpu;
mod cri;
mod cri_json;
mod df;
mod directory;
mod etcd;
mod etcd_fields;
mod etcd_json;
mod fact;
mod firewall;
mod grid;
mod helm;
mod hosts;
mod identity;
mod ifconfig;
mod interface;
mod ipvs;
mod k0s_sysinfo;
mod kernel;
mod kubelet_cmd;
mod latency;
mod limits;
mod memory;
mod mount;
mod nft_json;
mod nic;
mod packages;
mod ping;
mod ps;
mod resolved;
mod route;
mod sockets;
mod systemctl;
mod talos;
mod talos_tables;
#[cfg(test)]
mod testing;
mod timesync;
mod top;
mod troubleshoot;
mod unit_files;
mod uptime;

pub(super) use checks::{EXPIRY as CERTIFICATE_EXPIRY, HEALTH as HEALTH_CHECKS};
pub(super) use config::DECODER as CONFIG;
pub(super) use counters::DECODER as NETWORK_COUNTERS;
pub(super) use cpu::DECODER as CPU;
pub(super) use cri::DECODER as CRI_TABLE;
pub(super) use cri_json::DECODER as CRI_JSON;
pub(super) use df::DECODER as DF;
pub(super) use directory::DECODER as DIRECTORY;
pub(super) use etcd::DECODER as ETCD;
pub(super) use etcd_fields::DECODER as ETCD_FIELDS;
pub(super) use etcd_json::DECODER as ETCD_JSON;
pub(super) use firewall::DECODER as FIREWALL;
pub(super) use helm::DECODER as HELM;
pub(super) use hosts::DECODER as HOSTS;
pub(super) use identity::DECODER as IDENTITY;
pub(super) use ifconfig::DECODER as IFCONFIG;
pub(super) use interface::DECODER as INTERFACE;
pub(super) use ipvs::DECODER as IPVS;
pub(super) use k0s_sysinfo::{JSON as K0S_JSON, TEXT as K0S_TEXT, YAML as K0S_YAML};
pub(super) use kernel::DECODER as SYSTEM;
pub(super) use kubelet_cmd::DECODER as KUBELET_COMMAND;
pub(super) use latency::{FIO, HISTOGRAM as ETCD_METRICS};
pub(super) use limits::{PROC_SYS, ULIMIT};
pub(super) use memory::DECODER as MEMORY;
pub(super) use mount::DECODER as MOUNT;
pub(super) use nft_json::DECODER as NFT_JSON;
pub(super) use nic::DECODER as NIC;
pub(super) use packages::DECODER as PACKAGES;
pub(super) use ping::DECODER as PING;
pub(super) use ps::DECODER as PS;
pub(super) use resolved::DECODER as RESOLVED;
pub(super) use route::DECODER as ROUTE;
pub(super) use sockets::DECODER as SOCKETS;
pub(super) use systemctl::{IS_ACTIVE as SYSTEMCTL_IS_ACTIVE, LIST as SYSTEMCTL_LIST, STATUS as SYSTEMCTL_STATUS};
pub(super) use talos::{RESOURCE as TALOS_RESOURCE, SERVICE as TALOS_SERVICE};
pub(super) use talos_tables::{MOUNTS as TALOS_MOUNTS, PROCESSES as TALOS_PROCESSES};
pub(super) use timesync::DECODER as TIME_SYNC;
pub(super) use top::DECODER as TOP;
pub(super) use troubleshoot::DECODER as TROUBLESHOOT;
pub(super) use unit_files::{LIST as SYSTEMCTL_UNIT_FILES, SHOW as SYSTEMCTL_SHOW};
pub(super) use uptime::DECODER as UPTIME;

pub use fact::{
    CertificateExpiry, Config, ConfigFormat, Counted, CriEntry, CriKind, CriListing, Directory, EtcdAlarm,
    EtcdEndpoint, EtcdMember, Filesystem, Firewall, FirewallChain, FirewallRule, HealthCheck, HostFact, HostsEntry,
    Interface, Listener, Process, Route, Unit, VirtualServer,
};
