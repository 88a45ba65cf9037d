//! The post-mortem: one typed model, composed from a diagnosis, that every renderer reads.

pub mod model;
