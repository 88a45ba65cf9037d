//! Reading of bundles: containers and their compression, under one budget for hostile input.

mod budget;
mod codec;
mod source;

pub use budget::{Budget, Limit};
pub use source::{Entry, Link, OpenError, Probe, SourceKind, Walked, probe, walk};
