//! One machine over ssh: the program goes there, an archive comes back.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::shell;
use crate::collect::capture::Capture;
use crate::collect::command::Group;
use crate::collect::spool::Spool;
use crate::collect::{NodeAddress, NodesPlan};

/// How long ssh waits for a connection, and how often it asks a silent machine whether it is still there (ssh_config(5)).
const CONNECT: u64 = 10;

/// What a login may print before the archive begins.
const MOST_OF_A_GREETING: usize = 256 * 1024;

/// What came from a machine.
pub(super) struct Fetched {
    /// The archive, as far as it came.
    pub(super) archive: Spool,
    /// The user over there is root, or may become it without a password.
    pub(super) privileged: bool,
    /// Why it is not the whole archive.
    pub(super) failure: Option<Failure>,
    /// How long it took.
    pub(super) took: Duration,
}

/// How long a machine may take.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// Without a byte in any direction.
    pub(super) silence: Duration,
    /// After it was asked to come to an end.
    pub(super) farewell: Duration,
    /// Bytes of the archive.
    pub(super) most: u64,
}

/// Runs the collection on `address` and takes its archive into `archive`. `halt` asks it to end early.
pub(super) async fn fetch(
    address: &NodeAddress,
    plan: &NodesPlan,
    archive: Spool,
    patience: Patience,
    halt: watch::Receiver<bool>,
) -> Fetched {
    let mut fetched = Fetched {
        archive,
        privileged: true,
        failure: None,
        took: Duration::ZERO,
    };
    let asked = Instant::now();
    // What nobody over there prints by chance.
    let mark = format!("casefile-{}", plan.key.digest("the line before the archive", ""));
    let begun = start(address, plan, &mark);
    let (mut child, input, output, errors) = match begun {
        Ok(streams) => streams,
        Err(failure) => {
            fetched.failure = Some(failure);
            return fetched;
        }
    };
    // What ssh has started itself, such as a ProxyCommand, ends with it, also where nobody waits for this any more.
    let group = Group::of(&child);
    // Each byte in any direction is a sign of life.
    let (alive, mut life) = watch::channel(Instant::now());
    let mut said = Capture::tail(4096);
    let mut inlet = Inlet::new(&mark, patience.most);
    let mut upload = Ok(());
    let mut stopping = halt.clone();
    let ended = {
        let (over, is_over) = oneshot::channel();
        let streams = async {
            let answers = async {
                let (received, ()) = tokio::join!(
                    inlet.take(output, &mut fetched.archive, &alive),
                    listen(errors, &mut said, &alive),
                );
                let _ = over.send(());
                received
            };
            let sent = feed(input, plan, &alive, halt, is_over);
            let (received, sent) = tokio::join!(answers, sent);
            upload = sent;
            received
        };
        tokio::pin!(streams);
        loop {
            let halted = *stopping.borrow();
            let quiet = if halted { patience.farewell } else { patience.silence };
            let until = *life.borrow_and_update() + quiet;
            tokio::select! {
                biased;
                ended = &mut streams => break Some(ended),
                // Another deadline counts from now on.
                changed = life.changed() => if changed.is_err() { break None },
                changed = stopping.changed(), if !halted => if changed.is_err() { break None },
                () = tokio::time::sleep_until(until) => break None,
            }
        }
    };
    fetched.privileged = inlet.privileged;
    fetched.took = asked.elapsed();
    // A login that leads nowhere says so on standard output.
    let words = Failure::words(&[said.held(), b"\n", inlet.greeting.as_slice()].concat());
    let status = match &ended {
        // The far side has closed everything; the program itself ends with it.
        Some(_) => timeout_at(Instant::now() + Duration::from_secs(5), child.wait())
            .await
            .ok(),
        None => None,
    };
    if matches!(status, Some(Ok(_))) {
        group.has_ended();
    } else {
        drop(group);
        let _ = child.kill().await;
    }
    fetched.failure = match (ended, status) {
        (None, _) => Some(Failure::Silent {
            begun: inlet.begun,
            words,
        }),
        (Some(Err(error)), _) => Some(Failure::Here(error.to_string())),
        (Some(Ok(())), Some(Ok(status))) => match upload {
            Err(error) => Some(Failure::Here(error.to_string())),
            Ok(()) => Failure::of(status.code(), inlet.begun, words),
        },
        (Some(Ok(())), _) => Failure::of(None, inlet.begun, words),
    };
    fetched
}

fn start(
    address: &NodeAddress,
    plan: &NodesPlan,
    mark: &str,
) -> Result<(Child, ChildStdin, ChildStdout, ChildStderr), Failure> {
    let cannot = |error: io::Error| Failure::Here(format!("cannot read {}: {error}", plan.program.display()));
    let size = std::fs::metadata(&plan.program).map_err(cannot)?.len();
    let mut arguments = vec![
        shell::machine_types().to_owned(),
        plan.key.bytes().len().to_string(),
        size.to_string(),
        mark.to_owned(),
    ];
    arguments.extend(plan.options.iter().cloned());
    let mut command = Command::new("ssh");
    if let Some(file) = &plan.ssh_config {
        command.arg("-F").arg(file);
    }
    // Nobody is there to answer a question, and a master connection that stays behind would hold the streams open.
    let settings = [
        "BatchMode=yes".to_owned(),
        format!("ConnectTimeout={CONNECT}"),
        format!("ServerAliveInterval={CONNECT}"),
        "ServerAliveCountMax=3".into(),
        "ControlMaster=no".into(),
        "ClearAllForwardings=yes".into(),
        "LogLevel=ERROR".into(),
    ];
    for setting in settings {
        command.arg("-o").arg(setting);
    }
    command.args(["-T", "-a", "-x"]);
    if let Some(user) = &address.user {
        command.args(["-l", user]);
    }
    if let Some(port) = address.port {
        command.args(["-p", &port.to_string()]);
    }
    command.args(["--", &address.host, &shell::command(&arguments)]);
    command
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // The terminal's Ctrl-C is casefile's business: it asks the machines to end, and takes what they have.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::NoSsh,
        _ => Failure::Here(format!("cannot run ssh: {error}")),
    })?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(input), Some(output), Some(errors)) => Ok((child, input, output, errors)),
        _ => Err(Failure::Here("ssh has no streams".into())),
    }
}

/// Sends key and program, then keeps the stream open until the machine is asked to end or has ended: its end stops the collection there.
async fn feed(
    mut input: ChildStdin,
    plan: &NodesPlan,
    alive: &watch::Sender<Instant>,
    mut halt: watch::Receiver<bool>,
    is_over: oneshot::Receiver<()>,
) -> io::Result<()> {
    let mut file = std::fs::File::open(&plan.program)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut part = plan.key.bytes().to_vec();
    while !part.is_empty() {
        // The far side may refuse the program and go away; what it says then is the answer.
        if *halt.borrow() || input.write_all(&part).await.is_err() {
            return Ok(());
        }
        let _ = alive.send(Instant::now());
        let read = io::Read::read(&mut file, &mut buffer)?;
        part.clear();
        part.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
    // An error is a far side that is gone already.
    let _ = input.flush().await;
    tokio::select! {
        _ = halt.wait_for(|halt| *halt) => {}
        _ = is_over => {}
    }
    Ok(())
}

/// Keeps the end of what ssh and the far side say on standard error.
async fn listen(mut from: impl AsyncRead + Unpin, said: &mut Capture, alive: &watch::Sender<Instant>) {
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let _ = alive.send(Instant::now());
        said.push(buffer.get(..read).unwrap_or_default());
    }
}

/// The stream that brings the archive.
struct Inlet {
    mark: Vec<u8>,
    greeting: Vec<u8>,
    begun: bool,
    privileged: bool,
    most: u64,
}

impl Inlet {
    fn new(mark: &str, most: u64) -> Self {
        Self {
            mark: mark.as_bytes().to_vec(),
            greeting: Vec::new(),
            begun: false,
            privileged: true,
            most,
        }
    }

    async fn take(
        &mut self,
        mut from: impl AsyncRead + Unpin,
        archive: &mut Spool,
        alive: &watch::Sender<Instant>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let read = match from.read(&mut buffer).await {
                Ok(0) | Err(_) => return Ok(()),
                Ok(read) => read,
            };
            let _ = alive.send(Instant::now());
            let part = buffer.get(..read).unwrap_or_default();
            if self.begun {
                self.keep(part, archive)?;
                continue;
            }
            self.greeting.extend_from_slice(part);
            self.look_for_the_mark(archive)?;
        }
    }

    /// Everything behind the line with the mark is the archive.
    fn look_for_the_mark(&mut self, archive: &mut Spool) -> io::Result<()> {
        let at = memchr::memmem::find(&self.greeting, &self.mark);
        let line = at.and_then(|at| self.greeting.get(at..));
        if let Some((line, end)) = line.and_then(|line| Some((line, memchr::memchr(b'\n', line)?))) {
            let words = line.get(self.mark.len()..end).unwrap_or_default();
            let words = String::from_utf8_lossy(words).trim().to_owned();
            self.privileged = words == "0" || words.ends_with("sudo -n");
            self.begun = true;
            let rest = line.get(end + 1..).unwrap_or_default().to_vec();
            self.greeting = Vec::new();
            return self.keep(&rest, archive);
        }
        if self.greeting.len() > MOST_OF_A_GREETING {
            let excess = self.greeting.len() - MOST_OF_A_GREETING / 2;
            self.greeting.drain(..excess);
        }
        Ok(())
    }

    fn keep(&self, part: &[u8], archive: &mut Spool) -> io::Result<()> {
        if archive.len() + part.len() as u64 > self.most {
            return Err(io::Error::other("the archive is larger than --max-size allows"));
        }
        archive.push(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::spool::SpoolFolder;

    #[test]
    fn what_a_login_prints_is_no_part_of_the_archive_however_the_parts_are_cut() {
        let text = b"Welcome!\ncasefile-1 looks like it\ncasefile-12 1000 sudo -n\n\x1f\x8bBYTES\n";
        for size in 1..text.len() {
            let mut inlet = Inlet::new("casefile-12", 1000);
            let mut spool = SpoolFolder(None).open();
            for part in text.chunks(size) {
                if inlet.begun {
                    inlet.keep(part, &mut spool).unwrap();
                } else {
                    inlet.greeting.extend_from_slice(part);
                    inlet.look_for_the_mark(&mut spool).unwrap();
                }
            }
            let mut bytes = Vec::new();
            let len = spool.len();
            io::Read::read_to_end(&mut spool.part(0, len).unwrap(), &mut bytes).unwrap();
            assert_eq!(bytes, b"\x1f\x8bBYTES\n", "parts of {size}");
            assert!(inlet.privileged);
        }
    }
}
