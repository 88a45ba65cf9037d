//! The Docker engine, asked over its socket; no `docker` program is needed.
//!
//! Paths without a version are answered in the engine's newest version of its API, by every engine from 1.13 to 29 ("API version
//! negotiation" in the Docker Engine API reference). Documents are kept as they come, so no field has to be known here.

mod client;
mod frames;
mod logs;
mod sources;

pub(crate) use client::Engine;
pub(crate) use sources::steps;
