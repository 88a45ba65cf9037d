//! Ending early: a first signal skips what was not begun, a second one also what is being saved.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::Outcome;
use super::nodes::FAREWELL;

/// How far a collection was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Not at all.
    Running,
    /// Once: what is under way on other machines is still taken.
    Interrupted,
    /// Twice: nothing is waited for.
    Hurried,
}

/// SIGINT, SIGTERM, and where somebody waits at the other end of a connection, that end.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    gone: Option<oneshot::Receiver<()>>,
}

impl Stop {
    /// Listens from now on; to the end of standard input too if `with_stdin`.
    pub(crate) fn new(with_stdin: bool) -> std::io::Result<Self> {
        let gone = with_stdin.then(|| {
            let (sender, receiver) = oneshot::channel();
            // It ends with the process: a read of standard input cannot be called back.
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                let _ = sender.send(());
            });
            receiver
        });
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            gone,
        })
    }

    async fn asked(&mut self) {
        let gone = async {
            match &mut self.gone {
                Some(gone) => {
                    let _ = gone.await;
                }
                None => std::future::pending().await,
            }
        };
        let gone = tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => false,
            () = gone => true,
        };
        if gone {
            self.gone = None;
        }
    }
}

/// Runs a step until it ends, its time is over, or a signal comes. A step that `saves` gets some time after a first signal, of which
/// `halt` tells whatever it waits for.
pub(crate) async fn guarded(
    stop: &mut Stop,
    course: &mut Course,
    halt: &watch::Sender<bool>,
    saves: bool,
    until: Instant,
    running: impl Future<Output = Outcome>,
) -> Outcome {
    tokio::pin!(running);
    if *course == Course::Running {
        tokio::select! {
            biased;
            () = stop.asked() => {
                *course = Course::Interrupted;
                let _ = halt.send(true);
            }
            ended = timeout_at(until, &mut running) => return ended.unwrap_or(Outcome::TimedOut),
        }
        if !saves {
            return Outcome::Failed("interrupted".into());
        }
    }
    let until = until.min(Instant::now() + FAREWELL * 2);
    tokio::select! {
        biased;
        () = stop.asked() => {
            *course = Course::Hurried;
            Outcome::Failed("interrupted twice, so what was on its way is lost".into())
        }
        ended = timeout_at(until, running) => ended.unwrap_or(Outcome::TimedOut),
    }
}
