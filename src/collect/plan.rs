//! What a collection is asked to do, and what comes back from it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{ClusterPlan, Gauge, Limits, NodesPlan, Read, StepRecord};
use crate::redact::{Key, Said};

/// One collection.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the bundle goes.
    pub destination: Destination,
    /// Whether a file that exists at the destination may be replaced.
    pub replace: bool,
    /// How much it may take.
    pub limits: Limits,
    /// The root of the host's files: `/`, or where another root is mounted.
    ///
    /// With another root no program is run: its answer would be about the system that runs casefile, not about that root.
    pub root: PathBuf,
    /// The Docker engine's socket.
    pub docker_socket: PathBuf,
    /// The container runtime's CRI socket; none for the first of the usual ones that answers.
    pub cri_socket: Option<PathBuf>,
    /// What is asked of etcd.
    pub etcd: EtcdPlan,
    /// Whether what this host depends on is tried over the network.
    pub probe: bool,
    /// What is asked of the cluster's API.
    pub cluster: ClusterPlan,
    /// Other machines; none for this one alone.
    pub nodes: Option<NodesPlan>,
    /// The key of tokens; none for tokens that mean something in this bundle only.
    pub redaction_key: Option<Key>,
    /// What is secret besides what casefile finds, and what is not. Other machines are not told: what they send is masked here once more.
    pub said: Said,
    /// Whether the end of standard input ends the collection early: whoever waits for it has gone.
    pub end_with_stdin: bool,
}

/// What is asked of etcd. Without endpoints the host's own settings and certificates are used.
#[derive(Debug, Clone, Default)]
pub struct EtcdPlan {
    /// URLs of members, such as `https://127.0.0.1:2379`.
    pub endpoints: Vec<String>,
    /// The authority's certificate.
    pub authority: Option<PathBuf>,
    /// The client's certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Whether the disk below etcd is tested by writing to it.
    pub disk_test: bool,
    /// The folder that is written to in that test; none for the usual ones.
    pub disk_folder: Option<PathBuf>,
}

/// Where a bundle goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The default name in the current directory.
    Default,
    /// A file, or a directory that gets a file with the default name.
    Path(PathBuf),
    /// Standard output.
    Stdout,
}

/// What happens while collecting, for whoever shows it.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Step `number` of (so far) `total` begins.
    Begun {
        /// Counted from 1.
        number: usize,
        /// The steps known now; a step may add further ones.
        total: usize,
        /// The step's name.
        name: &'a str,
        /// How far it is.
        gauge: &'a Arc<Gauge>,
    },
    /// The step ended.
    Ended {
        /// Counted from 1.
        number: usize,
        /// The steps known now.
        total: usize,
        /// How it ended.
        record: &'a StepRecord,
    },
    /// A signal asked to end early: what was collected is being written.
    Interrupted,
}

/// What was written.
#[derive(Debug)]
pub struct Summary {
    /// The bundle; none when it went to standard output.
    pub path: Option<PathBuf>,
    /// The size of the compressed bundle.
    pub bytes: u64,
    /// Steps that are done.
    pub done: usize,
    /// Steps that had nothing to read.
    pub skipped: usize,
    /// Steps that the cluster does not allow.
    pub forbidden: usize,
    /// Steps that failed or timed out.
    pub gaps: usize,
    /// Files that `--max-size` cut, or left out.
    pub squeezed: u64,
    /// True when a signal ended it early.
    pub interrupted: bool,
    /// False when the user who ran it is not root, and so may not read everything.
    pub as_root: bool,
}

/// What a run would do.
#[derive(Debug)]
pub struct DryRun {
    /// The file that it would write; none for standard output.
    pub output: Option<PathBuf>,
    /// Every step with what it would read, in order.
    pub steps: Vec<(String, Vec<Read>)>,
    /// What is known to fail already, in words; the rest would be collected all the same.
    pub gaps: Vec<String>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Only Linux hosts can be read.
    #[error("collecting reads a Linux host; run `casefile collect` there, and analyze its bundle here")]
    NotLinux,
    /// The bundle could not be created, written or given its name.
    #[error("cannot write {path}: {source}{}", advice(.source))]
    Output {
        /// What was to be written.
        path: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Its name promises another form than those that are written.
    #[error(
        "{0} has the ending of a form that casefile does not write; end it with .tar.gz or .tar.zst, or give a folder"
    )]
    Form(String),
    /// A secret would be in the bundle.
    #[error("{0}")]
    Secret(String),
    /// The runtime for sockets, programs and signals could not be started.
    #[error("cannot start collecting: {0}")]
    Runtime(io::Error),
}

/// What helps, where the error does not say so itself.
fn advice(error: &io::Error) -> &'static str {
    // An error of casefile's own is of no kind, and tells what to do itself.
    match error.kind() {
        io::ErrorKind::Other => "",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; nothing is left there of this run: make room, or give a place that has some with -o"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => "; name a file in a folder that exists with -o",
        io::ErrorKind::BrokenPipe => "; whoever read it went away before the end",
        _ => "; give a writable place with -o",
    }
}
