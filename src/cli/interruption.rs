//! Ctrl-C and SIGTERM: the run ends at once, with an exit code that says so, and takes its temporary files with it.
//!
//! `collect` is not ended like this: it keeps what it has (`collect/interruption.rs`).

/// From now on a signal ends the program.
#[cfg(unix)]
pub(super) fn heed() {
    use std::io::{IsTerminal, Write};

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use super::{exit, terminal};
    use crate::collect::scratch;

    // Without a thread for it the system's own way remains, which is the same but for the files.
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(|| {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
            return;
        };
        let Some(signal) = signals.forever().next() else { return };
        scratch::remove_all();
        if std::io::stderr().is_terminal() {
            // Progress may stand on the line.
            let _ = writeln!(std::io::stderr());
        }
        let (code, name) = if signal == SIGTERM {
            (exit::TERMINATED, "SIGTERM")
        } else {
            (exit::INTERRUPTED, "SIGINT")
        };
        terminal::complain(&format!("interrupted by {name}; what was not finished is not there"));
        #[expect(clippy::exit, reason = "other threads are at work and cannot be asked to stop")]
        std::process::exit(i32::from(code));
    });
}

/// Elsewhere the system ends the program in its own way.
#[cfg(not(unix))]
pub(super) fn heed() {}
