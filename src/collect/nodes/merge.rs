//! The archive of another machine becomes a part of this bundle.

use std::io::{self, Read};

use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::collect::capture::Capture;
use crate::collect::context::Context;
use crate::collect::evidence::Place;
use crate::collect::spool::Spool;
use crate::collect::{Cut, HostFacts, Kept, NodeRecord, StepRecord};
use crate::model::EntryPath;
use crate::redact::Redaction;

/// A manifest is read up to this size.
const MOST_OF_A_MANIFEST: u64 = 64 << 20;

/// What an archive may take besides the contents of its files: its manifest and the headers.
const MOST_OF_HEADERS: u64 = 256 << 20;

/// Most files of a machine; a collection has some hundreds.
const MOST_FILES: usize = 100_000;

/// What is taken from the manifest of another machine.
#[derive(Deserialize)]
struct Part {
    collected_at: jiff::Timestamp,
    finished_at: jiff::Timestamp,
    interrupted: bool,
    host: HostFacts,
    redaction: Masked,
    steps: Vec<StepRecord>,
}

#[derive(Deserialize)]
struct Masked {
    tokens: Vec<Redaction>,
}

/// What became of an archive.
pub(super) struct Merged {
    /// The folder below `nodes/`; none when no file came.
    pub(super) name: Option<String>,
    /// Whether its manifest came, which is its last file.
    pub(super) whole: bool,
    /// Whether the collection there was ended early.
    pub(super) interrupted: bool,
    /// Steps there that failed.
    pub(super) gaps: usize,
    /// Why it ends before its manifest.
    pub(super) error: Option<String>,
}

/// Writes the files of `archive` into the bundle, masked with what is known here, and its steps into the manifest. `address` names it
/// where another machine calls itself the same.
pub(super) fn merge(ctx: &mut Context, address: &str, mut archive: Spool) -> Merged {
    let mut merged = Merged {
        name: None,
        whole: false,
        interrupted: false,
        gaps: 0,
        error: None,
    };
    let len = archive.len();
    let mut folder = String::new();
    let read = archive.part(0, len).and_then(|bytes| {
        // Nothing that a machine was asked for is larger; what a hostile one sends could unpack to anything.
        let most = ctx.evidence.room().saturating_add(MOST_OF_HEADERS);
        let mut tar = tar::Archive::new(GzDecoder::new(bytes).take(most));
        for entry in tar.entries()?.take(MOST_FILES) {
            let mut entry = entry?;
            if entry.header().entry_type() != tar::EntryType::Regular {
                continue;
            }
            let size = entry.size();
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = EntryPath::new(&path);
            let parts: Vec<&str> = path.components().skip(1).collect();
            match parts.as_slice() {
                ["manifest.json"] => {
                    let mut text = Vec::new();
                    entry.by_ref().take(MOST_OF_A_MANIFEST).read_to_end(&mut text)?;
                    let part: Part = serde_json::from_slice(&text).map_err(io::Error::other)?;
                    let name = merged
                        .name
                        .get_or_insert_with(|| own_name(ctx, &part.host.hostname, address));
                    record(
                        ctx,
                        name,
                        &folder,
                        address,
                        part,
                        &mut merged.gaps,
                        &mut merged.interrupted,
                    );
                    merged.whole = true;
                }
                ["nodes", owner, rest @ ..] if !rest.is_empty() => {
                    if merged.name.is_none() {
                        folder = format!("nodes/{owner}/");
                        merged.name = Some(own_name(ctx, owner, address));
                    }
                    let name = merged.name.as_deref().unwrap_or_default();
                    copy(ctx, &format!("nodes/{name}/{}", rest.join("/")), size, &mut entry)?;
                }
                _ => {}
            }
        }
        Ok(())
    });
    merged.error = read.err().map(|error| error.to_string());
    merged
}

/// The name of the machine's folder: what it calls itself, unless another one took that.
fn own_name(ctx: &mut Context, hostname: &str, address: &str) -> String {
    let plain = |text: &str| text.replace(['/', ':', '@', '[', ']'], "_");
    let mut name = EntryPath::new(&plain(hostname)).as_str().to_owned();
    if ctx.names.contains(&name) {
        name = EntryPath::new(&format!("{name}-{}", plain(address)))
            .as_str()
            .to_owned();
    }
    ctx.names.insert(name.clone());
    name
}

/// One file, as far as it comes.
fn copy(ctx: &mut Context, path: &str, size: u64, from: &mut impl Read) -> io::Result<()> {
    let mut capture = if path.ends_with(".log") {
        ctx.evidence.tail()
    } else {
        ctx.evidence.head()
    };
    let read = fill(&mut capture, from);
    if read.is_err() {
        ctx.evidence.cut(Cut {
            file: path.to_owned(),
            kept_bytes: capture.held().len() as u64,
            of_bytes: size,
            which: Kept::Head,
        });
    }
    let document = match capture.whole() {
        Some(bytes) if path.ends_with(".json") => serde_json::from_slice(bytes).ok(),
        _ => None,
    };
    match document {
        Some(document) => ctx.evidence.json(Place::Top(path), document),
        None => ctx.evidence.text(Place::Top(path), capture),
    }
    read
}

fn fill(capture: &mut Capture, from: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => capture.push(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// The steps and the facts of the machine, under its name here. `folder` is where its files were in its own archive.
fn record(
    ctx: &mut Context,
    name: &str,
    folder: &str,
    address: &str,
    part: Part,
    gaps: &mut usize,
    interrupted: &mut bool,
) {
    let moved = |path: &str| match path.strip_prefix(folder) {
        Some(rest) => format!("nodes/{name}/{rest}"),
        None => path.to_owned(),
    };
    *interrupted = part.interrupted;
    *gaps = part.steps.iter().filter(|step| step.outcome.is_gap()).count();
    for mut step in part.steps {
        step.name = format!("nodes/{name}/{}", step.name);
        step.files.iter_mut().for_each(|file| *file = moved(file));
        step.cut.iter_mut().for_each(|cut| cut.file = moved(&cut.file));
        ctx.merged.push(step);
    }
    ctx.evidence.masked_elsewhere(part.redaction.tokens);
    ctx.nodes.push(NodeRecord {
        name: name.to_owned(),
        address: format!("ssh://{address}"),
        host: part.host,
        collected_at: part.collected_at,
        finished_at: part.finished_at,
    });
}
