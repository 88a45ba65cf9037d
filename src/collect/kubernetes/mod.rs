//! The cluster, asked over its API with whatever credentials the machine has; no `kubectl` is needed.
//!
//! Objects are kept as the server sends them, in the arrangement of Troubleshoot's support bundles (replicatedhq/troubleshoot,
//! `pkg/constants/constants.go` and `pkg/collect/cluster_resources.go`), so that other tools read them too.

mod api;
mod credentials;
mod discovery;
mod error;
mod health;
mod layout;
mod lists;
mod locate;
#[cfg(test)]
mod log_tests;
mod logs;
mod nodes;
mod objects;
mod page;
mod pods;
#[cfg(test)]
mod secret_tests;
mod secrets;
mod session;
#[cfg(test)]
mod stub;
#[cfg(test)]
mod stub_tests;
mod tail;
mod target;
#[cfg(test)]
mod trouble_tests;
mod writer;

pub(crate) use locate::{Server, known_gaps, servers};
pub(crate) use objects::rescue;
pub(crate) use session::{Session, first_steps, last_steps};
