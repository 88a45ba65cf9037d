//! The post-mortem: one typed model, composed from a diagnosis, that every renderer reads.

mod compose;
pub mod model;

pub use compose::{compose, learn_secrets};
