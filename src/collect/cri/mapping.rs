//! The JSON mapping of protocol buffers, for the fields that JSON writes otherwise than they are: what `crictl -o json` prints.

use serde::Serializer;

/// A 64-bit number is text in the JSON of protocol buffers.
pub(super) fn text<N: std::fmt::Display, S: Serializer>(number: &N, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// `crictl inspect` shows nanoseconds since 1970 as RFC 3339 (cri-tools, `cmd/crictl/container.go`, `marshalContainerStatus`).
pub(super) fn instant<S: Serializer>(nanos: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    match jiff::Timestamp::from_nanosecond(i128::from(*nanos)) {
        Ok(time) => serializer.collect_str(&time),
        Err(_) => serializer.collect_str(nanos),
    }
}

/// An enumeration by the name of its value; a number of a later version stays a number.
fn named<S: Serializer>(names: &[&str], number: i32, serializer: S) -> Result<S::Ok, S::Error> {
    match usize::try_from(number).ok().and_then(|at| names.get(at)) {
        Some(name) => serializer.serialize_str(name),
        None => serializer.serialize_i32(number),
    }
}

/// `PodSandboxState`.
pub(super) fn sandbox_state<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    named(&["SANDBOX_READY", "SANDBOX_NOTREADY"], *number, serializer)
}

/// `ContainerState`.
pub(super) fn container_state<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    const NAMES: [&str; 4] = [
        "CONTAINER_CREATED",
        "CONTAINER_RUNNING",
        "CONTAINER_EXITED",
        "CONTAINER_UNKNOWN",
    ];
    named(&NAMES, *number, serializer)
}

/// `MountPropagation`.
pub(super) fn propagation<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    const NAMES: [&str; 3] = [
        "PROPAGATION_PRIVATE",
        "PROPAGATION_HOST_TO_CONTAINER",
        "PROPAGATION_BIDIRECTIONAL",
    ];
    named(&NAMES, *number, serializer)
}
