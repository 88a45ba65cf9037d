//! casefile: an offline support-bundle analyzer for Kubernetes and Rancher.
//!
//! The road of a byte: [`bundle`] opens an archive and decodes files into facts, [`cluster`] and [`logs`] keep them as one
//! immutable snapshot, [`rules`] judge it, [`diagnosis`] joins the findings into causes, and [`report`] writes them down.
//! `ARCHITECTURE.md` holds the map and the invariants.

pub mod bundle;
pub mod cli;
pub mod cluster;
pub mod collect;
pub mod diagnosis;
pub mod logs;
pub mod model;
pub mod redact;
pub mod report;
pub mod rules;
