//! Collecting evidence on a host: a list of steps whose outcomes are recorded, written as one archive.
//!
//! Reading a Linux host, its Docker engine and its cluster works on Linux only; the plan, the limits and the manifest are plain data on every system.

mod aside;
mod cluster_plan;
pub(crate) mod endpoint;
mod gauge;
mod limits;
mod manifest;
mod masking;
mod nodes_plan;
mod output;
mod packing;
mod pieces;
mod plan;
mod rewrite;
pub(crate) mod scratch;
mod verify;

#[cfg(target_os = "linux")]
mod agents;
#[cfg(target_os = "linux")]
mod archive;
#[cfg(target_os = "linux")]
mod ballast;
#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod command;
#[cfg(target_os = "linux")]
mod configs;
#[cfg(target_os = "linux")]
mod context;
#[cfg(target_os = "linux")]
mod cri;
#[cfg(target_os = "linux")]
mod cron;
#[cfg(target_os = "linux")]
mod docker;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod etcd;
#[cfg(target_os = "linux")]
mod evidence;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod interruption;
#[cfg(target_os = "linux")]
mod ipvs;
mod kubernetes;
#[cfg(target_os = "linux")]
mod logs;
#[cfg(target_os = "linux")]
mod nodes;
#[cfg(target_os = "linux")]
mod pods;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod root;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scripts;
#[cfg(target_os = "linux")]
mod second_look;
#[cfg(target_os = "linux")]
mod shell;
#[cfg(target_os = "linux")]
mod spool;
#[cfg(target_os = "linux")]
mod stdout;
#[cfg(target_os = "linux")]
mod steps;
#[cfg(target_os = "linux")]
mod sysctl;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod testing;
#[cfg(target_os = "linux")]
mod tls;

pub use cluster_plan::{ClusterPlan, Kubeconfigs};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{dry_run, run};
pub use gauge::Gauge;
pub use limits::{Limits, parse_size};
pub use manifest::{
    Cut, FileRecord, HostFacts, Kept, Manifest, NodeRecord, Outcome, Read, RedactionRecord, StepRecord, Tool,
};
pub use nodes_plan::{NodeAddress, NodesPlan};
pub use plan::{CollectError, Destination, DryRun, EtcdPlan, Plan, Progress, Summary};
pub use rewrite::{RewriteError, RewritePlan, Rewritten, is_named_manifest, rewrite};
#[cfg(target_os = "linux")]
pub use run::{dry_run, run};
pub use verify::{Altered, Checked, Verification, verify};
