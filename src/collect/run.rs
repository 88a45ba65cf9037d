//! Running the steps, one after the other, into one archive.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use super::archive::Archive;
use super::context::{Context, Step};
use super::docker::Engine;
use super::evidence::Evidence;
use super::output::Output;
use super::root::HostRoot;
use super::{
    CollectError, Manifest, Outcome, Plan, Progress, Read, RedactionRecord, StepRecord, Summary, Tool, host, steps,
};

/// Version of the manifest's shape.
const SCHEMA_VERSION: u32 = 1;

/// How long a step may take beyond its deadline, to write what it has; then it is dropped.
const GRACE: Duration = Duration::from_secs(2);

/// Every step with what it would read, in order; nothing is read or written.
pub fn dry_run() -> Vec<(String, Vec<Read>)> {
    steps::all().into_iter().map(|step| (step.name, step.reads)).collect()
}

/// Collects, and writes the bundle; `progress` is told of each step.
///
/// A step that fails is in the manifest, never an error here. SIGINT and SIGTERM end it early with a readable bundle.
///
/// # Errors
/// The bundle cannot be created (found out before the first step) or written.
pub fn run(plan: &Plan, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Summary, CollectError> {
    let now = Timestamp::now();
    let host = HostRoot::new(plan.root.clone());
    let facts = host::facts(&host, now);
    let name = format!(
        "casefile-{}-{}",
        facts.hostname.replace(['/', '\0'], "_"),
        now.strftime("%Y%m%dT%H%M%SZ")
    );
    let output = Output::open(&plan.destination, &format!("{name}.tar.gz"))?;
    let target = output.name();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CollectError::Runtime)?;
    let failed = |source| CollectError::Output {
        path: target.clone(),
        source,
    };

    let evidence = Evidence::new(Archive::new(output, name, now), plan.limits, &facts.hostname);
    let mut ctx = Context {
        evidence,
        host,
        engine: Engine::new(plan.docker_socket.clone()),
        deadline: Instant::now(),
        now,
        scheduled: Vec::new(),
        has_journal: false,
        spawned: Vec::new(),
    };
    let (records, interrupted) = runtime.block_on(run_steps(&mut ctx, plan, &target, progress))?;
    // Nothing of the runtime may outlive the steps: a hanging connection would keep it alive.
    runtime.shutdown_background();

    let (done, skipped, gaps) = count(&records);
    let (mut archive, files, tokens) = ctx.evidence.finish();
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        collected_at: now,
        finished_at: Timestamp::now(),
        interrupted,
        host: facts,
        redaction: RedactionRecord { enabled: true, tokens },
        limits: plan.limits,
        steps: records,
        files,
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
    archive.add("manifest.json", &manifest).map_err(failed)?;
    let (path, bytes) = archive.finish().map_err(failed)?.commit()?;
    Ok(Summary {
        path,
        bytes,
        done,
        skipped,
        gaps,
        interrupted,
    })
}

async fn run_steps(
    ctx: &mut Context,
    plan: &Plan,
    target: &str,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Vec<StepRecord>, bool), CollectError> {
    let mut stop = Stop::new().map_err(CollectError::Runtime)?;
    let mut interrupted = false;
    let mut waiting: VecDeque<Step> = steps::all().into();
    let mut records = Vec::new();
    while let Some(Step { name, reads, run }) = waiting.pop_front() {
        let number = records.len() + 1;
        progress(Progress::Begun {
            number,
            total: records.len() + waiting.len() + 1,
            name: &name,
        });
        let started_at = Timestamp::now();
        let begun = Instant::now();
        ctx.deadline = begun + plan.limits.step_timeout;
        let outcome = if interrupted {
            Outcome::Skipped("interrupted".into())
        } else {
            tokio::select! {
                biased;
                () = stop.asked() => {
                    interrupted = true;
                    Outcome::Failed("interrupted".into())
                }
                ended = timeout_at(ctx.deadline + GRACE, run(ctx)) => ended.unwrap_or(Outcome::TimedOut),
            }
        };
        if let Some(source) = ctx.evidence.take_error() {
            return Err(CollectError::Output {
                path: target.into(),
                source,
            });
        }
        // A step's own steps run next, in their order.
        for step in ctx.spawned.drain(..).rev() {
            waiting.push_front(step);
        }
        let outcome = match outcome {
            Outcome::Failed(reason) => Outcome::Failed(ctx.evidence.masked(&reason)),
            other => other,
        };
        let written = ctx.evidence.end_step();
        let record = StepRecord {
            name,
            reads,
            outcome,
            started_at,
            duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            files: written.files,
            bytes: written.bytes,
            cut: written.cut,
            notes: written.notes,
        };
        progress(Progress::Ended {
            number,
            total: records.len() + waiting.len() + 1,
            record: &record,
        });
        records.push(record);
    }
    Ok((records, interrupted))
}

/// SIGINT or SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn count(records: &[StepRecord]) -> (usize, usize, usize) {
    let gaps = records.iter().filter(|record| record.outcome.is_gap()).count();
    let done = records.iter().filter(|record| record.outcome == Outcome::Done).count();
    (done, records.len() - done - gaps, gaps)
}
