//! A container runtime behind the socket of Kubernetes' Container Runtime Interface (containerd, CRI-O, cri-dockerd), asked over gRPC;
//! no `crictl` is needed.
//!
//! Its answers are kept in the shape of `crictl … -o json`, so that whoever reads that reads these.

mod client;
mod json;
mod mapping;
mod messages;
mod sandboxes;
mod sources;
#[cfg(test)]
mod testing;

pub(crate) use client::Runtime;
pub(crate) use sources::steps;
