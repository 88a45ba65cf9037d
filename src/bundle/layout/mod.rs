//! How each producer arranges a bundle: which one it is, told from the list of its paths, and what a path says that content cannot.

mod casefile;
mod cluster_dump;
mod detect;
mod inspect;
mod inventory;
mod linux;
mod must_gather;
mod place;
mod rancher;
mod sonobuoy;
mod sos;
mod support_bundle_kit;
mod troubleshoot;
mod wrapper;

pub use detect::{Detected, Found, PILE, detect};
pub use inventory::Inventory;
pub use place::{LogPlace, NodePlace, Place};
