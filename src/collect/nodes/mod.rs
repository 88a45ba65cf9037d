//! Other machines, over the system's `ssh` and its configuration: casefile copies itself there, collects there, and what comes back
//! becomes a part of the one bundle.

mod failure;
mod merge;
mod shell;
mod ssh;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::context::{Context, Step};
use super::evidence::Evidence;
use super::{Limits, NodeAddress, NodesPlan, Outcome, Read};
use ssh::{Fetched, Patience};

/// How many times the time of a step a machine may take: a collection has some eighty steps, and few take any time.
const PATIENCE: u32 = 60;

/// How long machines have for their goodbye after an interruption: the archive is ended and sent.
pub(crate) const FAREWELL: Duration = Duration::from_secs(15);

/// Machines that are being collected, in the order of their steps.
pub(crate) struct Fleet {
    running: VecDeque<JoinHandle<Fetched>>,
    /// Asks them all to end.
    pub(crate) halt: watch::Sender<bool>,
}

impl Fleet {
    /// Begins to collect all machines, `at_a_time`. It must be called within the runtime.
    pub(crate) fn begin(plan: Option<&NodesPlan>, limits: &Limits, at_a_time: usize, evidence: &Evidence) -> Self {
        let (halt, halted) = watch::channel(false);
        let turns = Arc::new(Semaphore::new(at_a_time.max(1)));
        let patience = Patience {
            // A step of the machine says something at its beginning and at its end; the longest has four times the time of one.
            silence: limits.step_timeout * 4 + Duration::from_secs(15),
            farewell: FAREWELL,
            // A compressed archive is smaller than what it holds, but for its headers.
            most: limits.max_bundle_bytes.saturating_add(64 << 20),
        };
        let running = plan.into_iter().flat_map(|plan| {
            let plan = Arc::new(plan.clone());
            let (turns, halted) = (turns.clone(), halted.clone());
            let spools: Vec<_> = plan.targets.iter().map(|_| evidence.spool()).collect();
            plan.targets
                .clone()
                .into_iter()
                .zip(spools)
                .map(move |(address, spool)| {
                    let (plan, turns, halted) = (plan.clone(), turns.clone(), halted.clone());
                    tokio::spawn(async move {
                        // Nobody closes it.
                        let _turn = turns.acquire().await;
                        ssh::fetch(&address, &plan, spool, patience, halted).await
                    })
                })
        });
        Self {
            running: running.collect(),
            halt,
        }
    }
}

/// A step per machine, which waits for it and takes over what it brought.
pub(crate) fn steps(plan: Option<&NodesPlan>) -> Vec<Step> {
    let targets = plan.map(|plan| plan.targets.clone()).unwrap_or_default();
    let step = |address: NodeAddress| {
        let reads = vec![Read::Command(format!(
            "ssh {address} casefile collect --no-cluster -o -"
        ))];
        Step::new(format!("ssh/{address}"), reads, move |ctx| Box::pin(take(ctx, address)))
            .patient(PATIENCE)
            .saving()
    };
    targets.into_iter().map(step).collect()
}

async fn take(ctx: &mut Context, address: NodeAddress) -> Outcome {
    let Some(running) = ctx.fleet.running.pop_front() else {
        return Outcome::Skipped("it was not begun".into());
    };
    // Only a panic of the task is an error here, and it has been reported.
    let Ok(fetched) = running.await else {
        return Outcome::Failed("it was given up".into());
    };
    ctx.reading = Some(fetched.took);
    if !fetched.privileged {
        ctx.evidence
            .note("the user there is not root and may not become it (sudo -n), so what only root may read is missing");
    }
    ctx.evidence.begin_part();
    let merged = match fetched.archive.len() {
        0 => None,
        _ => Some(merge::merge(ctx, &address.to_string(), fetched.archive)),
    };
    if let Some(name) = merged.as_ref().and_then(|merged| merged.name.as_ref()) {
        ctx.evidence.note(format!("it is nodes/{name}/"));
    }
    match (fetched.failure, merged) {
        // The connection may end badly after everything has come.
        (Some(failure), Some(merged)) if merged.whole && !merged.interrupted => {
            ctx.evidence.note(failure.to_string());
            Outcome::Done
        }
        (Some(failure), _) => Outcome::Failed(failure.to_string()),
        (None, None) => Outcome::Failed("nothing came".into()),
        (None, Some(merged)) if !merged.whole => Outcome::Failed(format!(
            "its archive has no manifest at the end: {}; what came is kept",
            merged.error.as_deref().unwrap_or("it ends early")
        )),
        (None, Some(merged)) if merged.interrupted => {
            Outcome::Failed("interrupted; what was collected until then is here".into())
        }
        (None, Some(merged)) => {
            if merged.gaps > 0 {
                ctx.evidence.note(format!("{} steps failed there", merged.gaps));
            }
            Outcome::Done
        }
    }
}
