//! A client for the CRI: one call, one connection, a deadline on everything.

use std::path::{Path, PathBuf};

use tokio::time::{Instant, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use crate::collect::Outcome;
use crate::collect::root::HostRoot;

/// Where runtimes listen: containerd, the one inside k3s and RKE2, CRI-O, cri-dockerd.
///
/// Sources: `k8s.io/kubernetes/cmd/kubeadm/app/constants` (`CRISocketContainerd` and its like), k3s `pkg/agent/containerd/config.go`.
const SOCKETS: [&str; 4] = [
    "/run/k3s/containerd/containerd.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
];

/// Files that name the endpoint which is in use, and the key that does: crictl's own, the kubelet's configuration, its flags by kubeadm.
const NAMED_IN: [(&str, &str); 3] = [
    ("/etc/crictl.yaml", "runtime-endpoint:"),
    ("/var/lib/kubelet/config.yaml", "containerRuntimeEndpoint:"),
    ("/var/lib/kubelet/kubeadm-flags.env", "--container-runtime-endpoint="),
];

/// Longer answers are refused: a list of everything on a node is far below.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The runtime of a host, which may be absent.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    candidates: Vec<PathBuf>,
    chosen: Option<PathBuf>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CriError {
    #[error("there is no container runtime with a CRI socket")]
    Absent,
    #[error("the runtime behind {0} does not speak the CRI (`runtime.v1`): its CRI plugin is off, or it is too old")]
    NoCri(String),
    #[error("cannot connect to {path}: {reason}")]
    Unreachable { path: String, reason: String },
    #[error("no answer in time")]
    TimedOut,
    #[error("there is no such container or sandbox any more")]
    Gone,
    #[error("the runtime answered {code}: {message}")]
    Status { code: String, message: String },
}

impl From<CriError> for Outcome {
    fn from(error: CriError) -> Self {
        match error {
            CriError::Absent | CriError::NoCri(_) | CriError::Gone => Self::Skipped(error.to_string()),
            CriError::TimedOut => Self::TimedOut,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Runtime {
    /// The runtime behind `socket`, or without one behind the first socket of this host that answers.
    pub(crate) fn new(host: &HostRoot, socket: Option<&Path>) -> Self {
        let candidates = match socket {
            Some(socket) => vec![socket.to_path_buf()],
            None => candidates(host),
        };
        Self {
            candidates,
            chosen: None,
        }
    }

    /// The sockets that exist, the likeliest first.
    pub(super) fn existing(&self) -> Vec<PathBuf> {
        let exists = |path: &&PathBuf| path.exists();
        self.candidates.iter().filter(exists).cloned().collect()
    }

    /// Every later call goes to this socket.
    pub(super) fn choose(&mut self, socket: PathBuf) {
        self.chosen = Some(socket);
    }

    /// Calls `method` (`Version`) of `service` (`RuntimeService`) at the chosen socket.
    pub(super) async fn call<Q, A>(&self, method: &'static str, request: Q, deadline: Instant) -> Result<A, CriError>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        match &self.chosen {
            Some(socket) => call(socket, method, request, deadline).await,
            None => Err(CriError::Absent),
        }
    }
}

/// What the host's own files name comes before what is usual.
fn candidates(host: &HostRoot) -> Vec<PathBuf> {
    let named = NAMED_IN.iter().filter_map(|(file, key)| {
        let text = host.small(file)?;
        let (_, rest) = text.split_once(key)?;
        let value = rest
            .trim_start()
            .split([' ', '\n', '"', '\''])
            .find(|word| !word.is_empty())?;
        value.strip_prefix("unix://").map(str::to_owned)
    });
    let mut found: Vec<PathBuf> = Vec::new();
    for path in named.chain(SOCKETS.map(str::to_owned)) {
        let Ok(path) = host.resolve(&path) else { continue };
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// One call at a socket. `method` is `/runtime.v1.RuntimeService/Version` and its like.
pub(super) async fn call<Q, A>(
    socket: &Path,
    method: &'static str,
    request: Q,
    deadline: Instant,
) -> Result<A, CriError>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let path = socket.display().to_string();
    let unreachable = |error: &dyn std::error::Error| CriError::Unreachable {
        path: path.clone(),
        reason: innermost(error),
    };
    let endpoint = Endpoint::from_shared(format!("unix://{path}")).map_err(|error| unreachable(&error))?;
    let exchange = async {
        let channel = endpoint.connect().await.map_err(|error| unreachable(&error))?;
        let mut client = Grpc::new(channel).max_decoding_message_size(MAX_ANSWER);
        client.ready().await.map_err(|error| unreachable(&error))?;
        let answer = client
            .unary(
                Request::new(request),
                PathAndQuery::from_static(method),
                ProstCodec::<Q, A>::default(),
            )
            .await;
        answer.map_err(|status| match status.code() {
            Code::NotFound => CriError::Gone,
            Code::Unimplemented => CriError::NoCri(path.clone()),
            Code::DeadlineExceeded => CriError::TimedOut,
            code => CriError::Status {
                code: format!("{code:?}"),
                message: status.message().chars().take(300).collect(),
            },
        })
    };
    match timeout_at(deadline, exchange).await {
        Err(_) => Err(CriError::TimedOut),
        Ok(answered) => Ok(answered?.into_inner()),
    }
}

/// The operating system's words, which the transport wraps in its own.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
