//! Running a program of the host: with a deadline, with bounded output, and never asking anything.

use std::io;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use super::capture::Capture;

/// How a program ended.
pub(crate) enum Ran {
    /// There is no such program.
    Missing,
    /// It could not be started or waited for.
    Broken(String),
    /// It ended; the status is none when a signal ended it.
    Ended {
        status: Option<i32>,
        out: Capture,
        err: String,
    },
    /// It was killed at the deadline; `out` is what it had said.
    TimedOut { out: Capture },
}

/// Runs `program` with `args`; its standard output goes into `out`. It has no standard input, speaks English, and is killed at the deadline.
pub(crate) async fn run(program: &str, args: &[&str], mut out: Capture, deadline: Instant) -> Ran {
    // A service's or a user's PATH often lacks the folders of `ip` and its like.
    let path = format!(
        "{}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
        std::env::var("PATH").unwrap_or_default()
    );
    let mut command = Command::new(program);
    command.args(args).env("LC_ALL", "C").env("PATH", path);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A process group of its own keeps the terminal's Ctrl-C from ending the program before casefile has decided.
    command.process_group(0).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ran::Missing,
        Err(error) => return Ran::Broken(format!("cannot run {program}: {error}")),
    };
    let group = Group::of(&child);
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Ran::Broken(format!("cannot read what {program} prints"));
    };
    let mut err = Capture::head(4096);
    let ended = timeout_at(deadline, async {
        let (_, _) = tokio::join!(drain(stdout, &mut out), drain(stderr, &mut err));
        child.wait().await
    })
    .await;
    match ended {
        Err(_) => {
            drop(group);
            // The kill is also asked for by `kill_on_drop`; waiting here leaves no zombie behind.
            let _ = child.kill().await;
            Ran::TimedOut { out }
        }
        Ok(Err(error)) => Ran::Broken(format!("cannot wait for {program}: {error}")),
        Ok(Ok(status)) => {
            group.has_ended();
            let err = String::from_utf8_lossy(err.held()).trim().to_owned();
            Ran::Ended {
                status: status.code(),
                out,
                err,
            }
        }
    }
}

/// The process group of a program that was started with one of its own: what it has started itself ends with it, when this is dropped.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group of a program that runs.
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// The program has ended by itself and was waited for: its number may be another's by now.
    pub(super) fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // One that is gone already needs no end.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads to the end, also past what is kept: a program that cannot write would never end.
async fn drain(mut from: impl AsyncRead + Unpin, into: &mut Capture) -> io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        into.push(buffer.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn run_shell(script: &str, limit: u64, time: Duration) -> Ran {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { run("sh", &["-c", script], Capture::tail(limit), Instant::now() + time).await })
    }

    #[test]
    fn output_status_and_complaints_are_kept_apart() {
        let Ran::Ended { status, out, err } = run_shell("echo out; echo err >&2; exit 3", 100, Duration::from_secs(10))
        else {
            panic!("it ends");
        };
        assert_eq!((status, out.held(), err.as_str()), (Some(3), &b"out\n"[..], "err"));
    }

    #[test]
    fn a_program_that_never_ends_is_killed_and_what_it_said_stays() {
        let begun = Instant::now();
        let Ran::TimedOut { out } = run_shell("echo first; exec sleep 600", 100, Duration::from_secs(3)) else {
            panic!("it times out");
        };
        assert_eq!(out.held(), b"first\n");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_a_program_started_is_killed_with_it() {
        let Ran::TimedOut { out } = run_shell("sleep 600 & echo $!; wait", 100, Duration::from_secs(2)) else {
            panic!("it times out");
        };
        let child = String::from_utf8_lossy(out.held()).trim().to_owned();
        // A process that was killed is gone, or a zombie until whoever inherited it asks (proc_pid_stat(5)).
        let runs = || std::fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        for _ in 0..100 {
            if !runs() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("process {child} still runs");
    }

    #[test]
    fn endless_output_stays_bounded() {
        let Ran::TimedOut { out } = run_shell("exec yes", 1000, Duration::from_secs(3)) else {
            panic!("it times out")
        };
        assert!(out.held().len() < 1_000_000);
        assert!(out.finish(<[u8]>::to_vec).cut);
    }

    #[test]
    fn a_missing_program_is_told_apart() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let ran = runtime.block_on(run(
            "casefile-no-such-program",
            &[],
            Capture::head(1),
            Instant::now() + Duration::from_secs(1),
        ));
        assert!(matches!(ran, Ran::Missing));
    }
}
