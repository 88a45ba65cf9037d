//! cli

pub mod collect;
