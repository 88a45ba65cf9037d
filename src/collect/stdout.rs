//! Standard output that may be a pipe which nobody reads: a write waits for room, and gives up when the run is interrupted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// No more is written at once: a pipe with any room has room for as much (pipe(7), `PIPE_BUF`).
const PART: usize = 4096;

/// How long a reader may take after a first signal.
const GRACE: Duration = Duration::from_secs(5);

/// How long signals may go unnoticed.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Standard output.
pub(crate) struct Stdout {
    signals: Arc<AtomicUsize>,
    interrupted: Option<Instant>,
    is_given_up: bool,
}

impl Stdout {
    /// Counts signals from now on.
    pub(crate) fn new() -> io::Result<Self> {
        let signals = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&signals);
        let mut received = Signals::new([SIGINT, SIGTERM])?;
        std::thread::Builder::new().name("stdout".into()).spawn(move || {
            for _ in received.forever() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self {
            signals,
            interrupted: None,
            is_given_up: false,
        })
    }

    /// Writes some of `data`, when there is room.
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let out = rustix::stdio::stdout();
        loop {
            if self.is_given_up {
                return Err(io::Error::other(
                    "nobody reads it, and the run was interrupted; what was written is not whole: give a file with -o, or read the pipe",
                ));
            }
            let mut wanted = [PollFd::new(&out, PollFlags::OUT)];
            match poll(&mut wanted, Some(&LOOK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {
                    self.is_given_up = !self.may_wait();
                    continue;
                }
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            match rustix::io::write(out, data.get(..PART).unwrap_or(data)) {
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                written => return Ok(written?),
            }
        }
    }

    /// False once it was interrupted twice, or once and a while ago.
    fn may_wait(&mut self) -> bool {
        match self.signals.load(Ordering::Relaxed) {
            0 => true,
            1 => self.interrupted.get_or_insert_with(Instant::now).elapsed() < GRACE,
            _ => false,
        }
    }
}
