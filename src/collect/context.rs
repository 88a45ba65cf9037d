//! What a step is, and what it works with.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::capture::Capture;
use super::command::{self, Ran};
use super::cri::Runtime;
use super::docker::Engine;
use super::evidence::Evidence;
use super::kubernetes::Session;
use super::masking::is_binary;
use super::nodes::Fleet;
use super::root::HostRoot;
use super::{EtcdPlan, Gauge, NodeRecord, Outcome, Read, StepRecord};

/// The running step.
pub(crate) type StepFuture<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// One step: a value with a name, what it reads, and how.
pub(crate) struct Step {
    /// `docker/inspect`.
    pub(crate) name: String,
    /// For the manifest and `--dry-run`.
    pub(crate) reads: Vec<Read>,
    /// Reads it and writes it into the evidence.
    pub(crate) run: Box<dyn for<'a> FnOnce(&'a mut Context) -> StepFuture<'a>>,
    /// How many times the usual time it may take: a step of many requests needs more.
    pub(crate) patience: u32,
    /// Whether it runs after an interruption too, for a short while, to save what is under way already.
    pub(crate) saves: bool,
}

impl Step {
    /// A step; `run` is called at most once.
    pub(crate) fn new<F>(name: impl Into<String>, reads: Vec<Read>, run: F) -> Self
    where
        F: for<'a> FnOnce(&'a mut Context) -> StepFuture<'a> + 'static,
    {
        Self {
            name: name.into(),
            reads,
            run: Box::new(run),
            patience: 1,
            saves: false,
        }
    }

    /// The same step with `patience` times the time.
    pub(crate) fn patient(self, patience: u32) -> Self {
        Self { patience, ..self }
    }

    /// The same step, for what must not be lost when the collection is interrupted.
    pub(crate) fn saving(self) -> Self {
        Self { saves: true, ..self }
    }
}

/// What every step gets.
pub(crate) struct Context {
    /// Where evidence goes.
    pub(crate) evidence: Evidence,
    /// The host's files.
    pub(crate) host: HostRoot,
    /// The Docker engine, which may be absent.
    pub(crate) engine: Engine,
    /// The container runtime behind a CRI socket, which may be absent.
    pub(crate) runtime: Runtime,
    /// The cluster's API, as far as it is known by now.
    pub(crate) cluster: Session,
    /// The running step should have an answer by now.
    pub(crate) deadline: Instant,
    /// How long a step may take.
    pub(crate) step_timeout: Duration,
    /// When collecting began.
    pub(crate) now: Timestamp,
    /// Texts in which scheduled commands stand: cron tables, periodic scripts, units of timers.
    pub(crate) scheduled: Vec<String>,
    /// What is asked of etcd.
    pub(crate) etcd: EtcdPlan,
    /// The registries that the images of this host come from.
    pub(crate) registries: BTreeSet<String>,
    /// Where the logs of the runtime's containers are, and whether such a container is in trouble.
    pub(crate) container_logs: Vec<(bool, String)>,
    /// Running sandboxes by name, and the file of the host that is their `resolv.conf`.
    pub(crate) pod_resolvers: Vec<(String, String)>,
    /// True once a unit's journal had entries.
    pub(crate) has_journal: bool,
    /// Steps that the running step adds; they run next.
    pub(crate) spawned: Vec<Step>,
    /// How long the reading took of which the running step only takes the result.
    pub(crate) reading: Option<Duration>,
    /// How far the running step is.
    pub(crate) gauge: Arc<Gauge>,
    /// Other machines that are being collected.
    pub(crate) fleet: Fleet,
    /// Folders below `nodes/` that are taken.
    pub(crate) names: BTreeSet<String>,
    /// Other machines whose parts have come.
    pub(crate) nodes: Vec<NodeRecord>,
    /// Steps that ended on another machine, for the manifest.
    pub(crate) merged: Vec<StepRecord>,
}

impl Context {
    /// Runs a program of the host and writes what it prints to `file`. What it prints on standard error becomes a note.
    pub(crate) async fn program(&mut self, file: &str, program: &str, args: &[&str], out: Capture) -> Outcome {
        if !self.host.is_live() {
            return Outcome::Skipped("programs would answer for the running system, not for the given root".into());
        }
        match command::run(program, args, out, self.deadline).await {
            Ran::Missing => Outcome::Skipped(format!("`{program}` is not installed")),
            Ran::Broken(error) => Outcome::Failed(error),
            Ran::TimedOut { out } => {
                if !out.is_empty() {
                    self.evidence.text(file, out);
                }
                Outcome::TimedOut
            }
            Ran::Ended { status, out, err } => {
                if !out.is_empty() {
                    self.evidence.text(file, out);
                }
                let said = err
                    .lines()
                    .find(|line| !line.trim().is_empty())
                    .unwrap_or("")
                    .trim()
                    .to_owned();
                if !err.is_empty() {
                    self.evidence.note(format!("{program}: {err}"));
                }
                match status {
                    Some(0) => Outcome::Done,
                    Some(status) => Outcome::Failed(ended_with(program, status, &said)),
                    None => Outcome::Failed(format!("`{program}` was ended by a signal")),
                }
            }
        }
    }

    /// Copies a file of the host to `place` in the bundle. False when there is no such file; what else is wrong is noted.
    pub(crate) fn copy(&mut self, source: &str, place: &str, into: Capture) -> Result<bool, String> {
        match self.host.read(source, into) {
            Ok(capture) if is_binary(capture.held()) => {
                self.evidence
                    .note(format!("{source} is compressed or binary and was left out"));
                Ok(true)
            }
            Ok(capture) => {
                self.evidence.text(place, capture);
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(format!("cannot read {source}: {error}")),
        }
    }
}

/// Why a program's step failed: its status, and the first line that it wrote to standard error.
fn ended_with(program: &str, status: i32, said: &str) -> String {
    if said.is_empty() {
        format!("`{program}` ended with status {status}")
    } else {
        format!("`{program}` ended with status {status}: {said}")
    }
}
