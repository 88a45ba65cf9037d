//! The tables of `kubectl get`.

mod bare;
mod chosen;
mod cluster;
mod columns;
mod custom;
mod decode;
mod detect;
mod event;
mod network;
mod pod;
mod storage;
mod unknown;
mod workload;
mod wrapped;

pub(crate) use columns::{Header, Row};
pub(crate) use decode::decode;
pub(crate) use unknown::decode as decode_unknown;
