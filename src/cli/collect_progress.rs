//! What `casefile collect` shows while it works: bars on a terminal, a line per step anywhere else.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::terminal::safe;
use crate::collect::{Outcome, Progress, StepRecord};

/// Steps, and within a step its parts where it has any.
const ALL: &str = "{bar:24} {pos}/{len} steps, {elapsed}";
const STEP: &str = "{spinner} {msg} {parts}{elapsed}";

/// Where progress goes.
pub(super) enum Show {
    /// Nowhere.
    Nothing,
    /// One line per step, for logs and pipes.
    Lines,
    /// Two bars: the steps, and the running one.
    Bars {
        /// Both.
        bars: MultiProgress,
        /// All steps.
        all: ProgressBar,
        /// The running step.
        step: ProgressBar,
    },
}

impl Show {
    /// Bars where somebody watches.
    pub(super) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Nothing;
        }
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        let bars = MultiProgress::new();
        let all = bars.add(ProgressBar::new(0));
        if let Ok(style) = ProgressStyle::with_template(ALL) {
            all.set_style(style);
        }
        let step = bars.add(ProgressBar::new_spinner());
        step.enable_steady_tick(Duration::from_millis(200));
        Self::Bars { bars, all, step }
    }

    /// Shows an event. Progress is a courtesy: a closed standard error must not end the collection.
    pub(super) fn event(&self, event: &Progress<'_>) {
        match self {
            Self::Nothing => {}
            Self::Lines => {
                let _ = line(event);
            }
            Self::Bars { bars, all, step } => on_bars(bars, all, step, event),
        }
    }

    /// Takes the bars away.
    pub(super) fn end(&self) {
        if let Self::Bars { bars, all, step } = self {
            step.finish_and_clear();
            all.finish_and_clear();
            let _ = bars.clear();
        }
    }
}

fn on_bars(bars: &MultiProgress, all: &ProgressBar, step: &ProgressBar, event: &Progress<'_>) {
    match event {
        Progress::Begun {
            number,
            total,
            name,
            gauge,
        } => {
            all.set_length(*total as u64);
            all.set_position((*number as u64).saturating_sub(1));
            if let Ok(style) = ProgressStyle::with_template(STEP) {
                let gauge = Arc::clone(gauge);
                let parts = move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
                    if let (done, total @ 1..) = gauge.read() {
                        // Nobody misses a number that cannot be shown.
                        let _ = write!(to, "{done}/{total} ");
                    }
                };
                step.set_style(style.with_key("parts", parts));
            }
            step.reset_elapsed();
            step.set_message(safe(name));
        }
        Progress::Ended { number, total, record } => {
            all.set_length(*total as u64);
            all.set_position(*number as u64);
            // What is missing stays on the screen; what went well needs no line.
            if record.outcome.is_gap() {
                let _ = bars.println(format!("{}: {}", safe(&record.name), words(record)));
            }
        }
        Progress::Interrupted => {
            let _ = bars.println(INTERRUPTED);
        }
    }
}

/// What a first Ctrl-C is answered.
const INTERRUPTED: &str =
    "interrupted: what was collected is being written; once more gives up what other machines still send";

/// `[ 3/21] docker/inspect … done 12 ms`
fn line(event: &Progress<'_>) -> io::Result<()> {
    let mut err = io::stderr().lock();
    match event {
        Progress::Begun {
            number, total, name, ..
        } => write!(err, "[{number:>2}/{total}] {} … ", safe(name)),
        Progress::Ended { record, .. } => writeln!(err, "{}", words(record)),
        Progress::Interrupted => write!(err, "{INTERRUPTED} … "),
    }
}

/// How a step ended.
fn words(record: &StepRecord) -> String {
    let time = record.duration_ms;
    match &record.outcome {
        Outcome::Done => format!("done {time} ms"),
        Outcome::Skipped(reason) => format!("skipped: {}", safe(reason)),
        Outcome::Failed(reason) => format!("failed: {}", safe(reason)),
        Outcome::TimedOut => format!("timed out after {time} ms"),
        Outcome::Forbidden(reason) => format!("forbidden: {}", safe(reason)),
    }
}
