//! The messages of `runtime.v1` that are read here, with the numbers of their fields.
//!
//! Source: `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto`. A field that is not listed is skipped by the decoder, as protocol buffers want
//! it, so newer and older runtimes are understood alike. Written as JSON, the messages look as `crictl -o json` prints them: camelCase
//! names, 64-bit numbers as text and enumerations by name (the JSON mapping of protocol buffers).

use std::collections::BTreeMap;

use prost::Message;
use serde::Serialize;

use super::mapping::{container_state, instant, propagation, sandbox_state, text};

/// `VersionRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct VersionRequest {
    #[prost(string, tag = "1")]
    pub(super) version: String,
}

/// `VersionResponse`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionResponse {
    #[prost(string, tag = "1")]
    pub(super) version: String,
    #[prost(string, tag = "2")]
    pub(super) runtime_name: String,
    #[prost(string, tag = "3")]
    pub(super) runtime_version: String,
    #[prost(string, tag = "4")]
    pub(super) runtime_api_version: String,
}

/// `StatusRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StatusRequest {
    #[prost(bool, tag = "1")]
    pub(super) verbose: bool,
}

/// `StatusResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<RuntimeStatus>,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) info: BTreeMap<String, String>,
}

/// `RuntimeStatus`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct RuntimeStatus {
    #[prost(message, repeated, tag = "1")]
    pub(super) conditions: Vec<RuntimeCondition>,
}

/// `RuntimeCondition`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct RuntimeCondition {
    #[prost(string, tag = "1")]
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[prost(bool, tag = "2")]
    pub(super) status: bool,
    #[prost(string, tag = "3")]
    pub(super) reason: String,
    #[prost(string, tag = "4")]
    pub(super) message: String,
}

/// `ListPodSandboxRequest`, `ListContainersRequest`, `ListImagesRequest` without a filter, and `ImageFsInfoRequest`: no bytes at all.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Everything {}

/// `ListPodSandboxResponse`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct ListPodSandboxResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<PodSandbox>,
}

/// `PodSandbox`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSandbox {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) metadata: Option<PodSandboxMetadata>,
    #[prost(int32, tag = "3")]
    #[serde(serialize_with = "sandbox_state")]
    pub(super) state: i32,
    #[prost(int64, tag = "4")]
    #[serde(serialize_with = "text")]
    pub(super) created_at: i64,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(super) labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "6")]
    pub(super) annotations: BTreeMap<String, String>,
    #[prost(string, tag = "7")]
    pub(super) runtime_handler: String,
}

/// `PodSandboxMetadata`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct PodSandboxMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) uid: String,
    #[prost(string, tag = "3")]
    pub(super) namespace: String,
    #[prost(uint32, tag = "4")]
    pub(super) attempt: u32,
}

/// `PodSandboxStatusRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PodSandboxStatusRequest {
    #[prost(string, tag = "1")]
    pub(super) pod_sandbox_id: String,
    #[prost(bool, tag = "2")]
    pub(super) verbose: bool,
}

/// `PodSandboxStatusResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PodSandboxStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<PodSandboxStatus>,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) info: BTreeMap<String, String>,
}

/// `PodSandboxStatus`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSandboxStatus {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) metadata: Option<PodSandboxMetadata>,
    #[prost(int32, tag = "3")]
    #[serde(serialize_with = "sandbox_state")]
    pub(super) state: i32,
    #[prost(int64, tag = "4")]
    #[serde(serialize_with = "instant")]
    pub(super) created_at: i64,
    #[prost(message, optional, tag = "5")]
    pub(super) network: Option<PodSandboxNetworkStatus>,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(super) labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(super) annotations: BTreeMap<String, String>,
    #[prost(string, tag = "9")]
    pub(super) runtime_handler: String,
}

/// `PodSandboxNetworkStatus`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSandboxNetworkStatus {
    #[prost(string, tag = "1")]
    pub(super) ip: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) additional_ips: Vec<PodIp>,
}

/// `PodIP`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct PodIp {
    #[prost(string, tag = "1")]
    pub(super) ip: String,
}

/// `ListContainersResponse`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct ListContainersResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<Container>,
}

/// `Container`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) pod_sandbox_id: String,
    #[prost(message, optional, tag = "3")]
    pub(super) metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "4")]
    pub(super) image: Option<ImageSpec>,
    #[prost(string, tag = "5")]
    pub(super) image_ref: String,
    #[prost(int32, tag = "6")]
    #[serde(serialize_with = "container_state")]
    pub(super) state: i32,
    #[prost(int64, tag = "7")]
    #[serde(serialize_with = "text")]
    pub(super) created_at: i64,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(super) labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub(super) annotations: BTreeMap<String, String>,
    #[prost(string, tag = "10")]
    pub(super) image_id: String,
}

/// `ContainerMetadata`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct ContainerMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(uint32, tag = "2")]
    pub(super) attempt: u32,
}

/// `ImageSpec`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageSpec {
    #[prost(string, tag = "1")]
    pub(super) image: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) annotations: BTreeMap<String, String>,
    #[prost(string, tag = "18")]
    pub(super) user_specified_image: String,
}

/// `ContainerStatusRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainerStatusRequest {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
    #[prost(bool, tag = "2")]
    pub(super) verbose: bool,
}

/// `ContainerStatusResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainerStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<ContainerStatus>,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) info: BTreeMap<String, String>,
}

/// `ContainerStatus`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerStatus {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) metadata: Option<ContainerMetadata>,
    #[prost(int32, tag = "3")]
    #[serde(serialize_with = "container_state")]
    pub(super) state: i32,
    #[prost(int64, tag = "4")]
    #[serde(serialize_with = "instant")]
    pub(super) created_at: i64,
    #[prost(int64, tag = "5")]
    #[serde(serialize_with = "instant")]
    pub(super) started_at: i64,
    #[prost(int64, tag = "6")]
    #[serde(serialize_with = "instant")]
    pub(super) finished_at: i64,
    #[prost(int32, tag = "7")]
    pub(super) exit_code: i32,
    #[prost(message, optional, tag = "8")]
    pub(super) image: Option<ImageSpec>,
    #[prost(string, tag = "9")]
    pub(super) image_ref: String,
    #[prost(string, tag = "10")]
    pub(super) reason: String,
    #[prost(string, tag = "11")]
    pub(super) message: String,
    #[prost(btree_map = "string, string", tag = "12")]
    pub(super) labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "13")]
    pub(super) annotations: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "14")]
    pub(super) mounts: Vec<Mount>,
    #[prost(string, tag = "15")]
    pub(super) log_path: String,
    #[prost(string, tag = "17")]
    pub(super) image_id: String,
}

/// `Mount`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mount {
    #[prost(string, tag = "1")]
    pub(super) container_path: String,
    #[prost(string, tag = "2")]
    pub(super) host_path: String,
    #[prost(bool, tag = "3")]
    pub(super) readonly: bool,
    #[prost(bool, tag = "4")]
    pub(super) selinux_relabel: bool,
    #[prost(int32, tag = "5")]
    #[serde(serialize_with = "propagation")]
    pub(super) propagation: i32,
}

/// `ListImagesResponse`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct ListImagesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) images: Vec<Image>,
}

/// `Image`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) repo_tags: Vec<String>,
    #[prost(string, repeated, tag = "3")]
    pub(super) repo_digests: Vec<String>,
    #[prost(uint64, tag = "4")]
    #[serde(serialize_with = "text")]
    pub(super) size: u64,
    #[prost(string, tag = "6")]
    pub(super) username: String,
    #[prost(bool, tag = "8")]
    pub(super) pinned: bool,
}

/// `ImageFsInfoResponse`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageFsInfoResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) image_filesystems: Vec<FilesystemUsage>,
    #[prost(message, repeated, tag = "2")]
    pub(super) container_filesystems: Vec<FilesystemUsage>,
}

/// `FilesystemUsage`.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilesystemUsage {
    #[prost(int64, tag = "1")]
    #[serde(serialize_with = "text")]
    pub(super) timestamp: i64,
    #[prost(message, optional, tag = "2")]
    pub(super) fs_id: Option<FilesystemIdentifier>,
    #[prost(message, optional, tag = "3")]
    pub(super) used_bytes: Option<UInt64Value>,
    #[prost(message, optional, tag = "4")]
    pub(super) inodes_used: Option<UInt64Value>,
}

/// `FilesystemIdentifier`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(super) struct FilesystemIdentifier {
    #[prost(string, tag = "1")]
    pub(super) mountpoint: String,
}

/// `UInt64Value`.
#[derive(Clone, Copy, PartialEq, Message, Serialize)]
pub(super) struct UInt64Value {
    #[prost(uint64, tag = "1")]
    #[serde(serialize_with = "text")]
    pub(super) value: u64,
}
