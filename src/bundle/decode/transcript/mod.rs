//! Recordings of commands with what they printed, as agents, CI systems and configuration management keep them in JSON: an array or
//! a line for each record, in any nesting. Each output is read as the text that the command printed.

mod commands;
mod index;
mod records;
mod titles;
mod tree;
mod unfold;

pub use index::CommandIndex;
pub use unfold::{Transcript, may_be_transcript};
