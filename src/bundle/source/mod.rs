//! Containers as one streaming visitor: directories, tar in any compression, zip, and archives inside them.

mod content;
mod directory;
mod links;
mod nested;
mod open;
mod sparse;
mod tar;
mod tar_header;
mod tar_stream;
mod walk;
mod walker;
mod zip;
mod zip_salvage;

pub use open::{OpenError, Probe, probe};
pub use walk::{Entry, Link, SourceKind, Walked, walk};
