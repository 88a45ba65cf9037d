//! Reading: containers and their compression, under one budget for hostile input, and files decoded to located facts. Nothing here
//! judges.

mod budget;
mod codec;
pub mod decode;
mod gb18030;
pub mod layout;
mod meter;
mod source;

pub use budget::{Budget, Limit};
pub use source::{Entry, Link, OpenError, Probe, SourceKind, Walked, probe, walk};
