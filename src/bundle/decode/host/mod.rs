//! What the tools of a machine print: systemd, procps, coreutils, iproute2, the packet filter, CRI runtimes, etcd.

mod config;
mod cri;
mod cri_json;
mod df;
mod directory;
mod etcd;
mod etcd_json;
mod fact;
mod grid;
mod ps;
mod systemctl;
#[cfg(test)]
mod testing;

pub(super) use config::DECODER as CONFIG;
pub(super) use cri::DECODER as CRI_TABLE;
pub(super) use cri_json::DECODER as CRI_JSON;
pub(super) use df::DECODER as DF;
pub(super) use directory::DECODER as DIRECTORY;
pub(super) use etcd::DECODER as ETCD;
pub(super) use etcd_json::DECODER as ETCD_JSON;
pub(super) use ps::DECODER as PS;
pub(super) use systemctl::{LIST as SYSTEMCTL_LIST, STATUS as SYSTEMCTL_STATUS};

pub use fact::{
    CertificateExpiry, Config, ConfigFormat, Counted, CriEntry, CriKind, CriListing, Directory, EtcdAlarm,
    EtcdEndpoint, EtcdMember, Filesystem, Firewall, FirewallChain, FirewallRule, HealthCheck, HostFact, HostsEntry,
    Interface, Listener, Process, Route, Unit, VirtualServer,
};
