//! The descriptions of `kubectl describe`.

mod config;
mod containers;
mod decode;
mod events;
mod extent;
mod fragment;
mod generic;
mod kind;
mod network;
mod node;
mod outline;
mod picked;
mod pod;
mod storage;
mod volumes;
mod workload;

pub(crate) use decode::decode;
