//! `manifest.json`: what a collection did, and what is in its bundle.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Limits;
use crate::redact::Redaction;

/// The last file of a bundle. `schema_version` rises when a key changes its meaning; new keys may appear without that.
#[derive(Serialize)]
pub struct Manifest {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// The program that wrote the bundle.
    pub tool: Tool,
    /// When collecting began: the reference time of the bundle.
    pub collected_at: Timestamp,
    /// When the last step ended.
    pub finished_at: Timestamp,
    /// True when a signal ended the collection early; the steps that did not run say so too.
    pub interrupted: bool,
    /// Whether root collected; somebody else may read less.
    pub as_root: bool,
    /// The host that was read; with `nodes` the one that read them.
    pub host: HostFacts,
    /// Other machines whose parts are in the bundle, in the order in which they were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeRecord>,
    /// What was masked.
    pub redaction: RedactionRecord,
    /// The limits that were in force.
    pub limits: Limits,
    /// Every step in the order in which it ran.
    pub steps: Vec<StepRecord>,
    /// Every file but this one, in the order of the archive.
    pub files: Vec<FileRecord>,
}

/// Name and version of a program.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// `casefile`.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
}

/// What the manifest says about the host; an unknown value is empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// The kernel's host name; with another root, that of its `/etc/hostname` if it has one.
    pub hostname: String,
    /// `PRETTY_NAME` of `/etc/os-release`.
    pub os: String,
    /// The kernel's release.
    pub kernel: String,
    /// The IANA name of the host's time zone, where `/etc/timezone` or the link `/etc/localtime` gives one.
    pub timezone: String,
    /// The host's distance from UTC when collecting began, as `+08:00`.
    pub utc_offset: String,
}

/// A machine that was collected over ssh.
#[derive(Debug, Clone, Serialize)]
pub struct NodeRecord {
    /// Its folder below `nodes/`.
    pub name: String,
    /// How it was reached.
    pub address: String,
    /// What it says of itself.
    pub host: HostFacts,
    /// When collecting began there, by its clock.
    pub collected_at: Timestamp,
    /// When its last step ended, by its clock.
    pub finished_at: Timestamp,
}

/// What was masked, without any value.
#[derive(Serialize)]
pub struct RedactionRecord {
    /// Always true: there is no switch that turns masking off.
    pub enabled: bool,
    /// Each token that stands in the bundle, with how often it does.
    pub tokens: Vec<Redaction>,
}

/// One step: what it read, how it ended, what it left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepRecord {
    /// `docker/inspect`, `host/df`, …
    pub name: String,
    /// What the step reads.
    pub reads: Vec<Read>,
    /// How it ended, as `outcome` and `reason`.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// How long the reading took where the step only takes its result: lists are read ahead of their steps, and other machines are
    /// collected beside them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading_ms: Option<u64>,
    /// The files that it wrote, as in `files[].path`.
    pub files: Vec<String>,
    /// Their size together.
    pub bytes: u64,
    /// What was cut from them.
    pub cut: Vec<Cut>,
    /// What else a reader of the evidence should know: a container that went away meanwhile, words on a command's standard error.
    pub notes: Vec<String>,
}

/// One source of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// An HTTP request to a local engine or to the cluster's API: `GET /info`.
    Request(String),
    /// A file or a pattern of files on the host.
    File(String),
    /// A program with its arguments.
    Command(String),
}

impl std::fmt::Display for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(text) => write!(f, "request {text}"),
            Self::File(text) => write!(f, "file {text}"),
            Self::Command(text) => write!(f, "command {text}"),
        }
    }
}

/// How a step ended. No outcome stops the steps after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "reason", rename_all = "kebab-case")]
pub enum Outcome {
    /// It read what it set out to read.
    Done,
    /// There was nothing to read on this host: no engine, no such program, no such file.
    Skipped(String),
    /// There was something to read, and it could not be read, or not all of it.
    Failed(String),
    /// It reached its time limit; what it had read until then is in the bundle.
    TimedOut,
    /// The cluster does not let this user read it. That is how the cluster was set up, so it is no failure; the evidence is missing all the same.
    Forbidden(String),
}

impl Outcome {
    /// True for an end that leaves a gap which the host itself does not explain.
    pub fn is_gap(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut)
    }
}

/// A part that was left out because of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The file, as in `files[].path`; it may be absent there when nothing of it was kept.
    pub file: String,
    /// How many bytes are in the bundle.
    pub kept_bytes: u64,
    /// How many there were, as far as they were read; at least this many.
    pub of_bytes: u64,
    /// Which end was kept.
    pub which: Kept,
}

/// Which end of a file survives a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// The beginning: configuration and tables.
    Head,
    /// The end: logs.
    Tail,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRecord {
    /// Its path below the folder that holds the manifest.
    pub path: String,
    /// Its size as written.
    pub bytes: u64,
    /// The SHA-256 of its (masked) bytes as written, in lower-case hexadecimal.
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_two_keys_of_its_step() {
        let step = StepRecord {
            name: "host/df".into(),
            reads: vec![Read::Command("df -PT".into())],
            outcome: Outcome::Skipped("`df` is not installed".into()),
            started_at: Timestamp::UNIX_EPOCH,
            duration_ms: 3,
            reading_ms: None,
            files: vec![],
            bytes: 0,
            cut: vec![],
            notes: vec![],
        };
        let json = serde_json::to_value(&step).unwrap();
        assert_eq!(json["outcome"], "skipped");
        assert_eq!(json["reason"], "`df` is not installed");
        assert_eq!(json["reads"][0]["command"], "df -PT");
    }

    #[test]
    fn a_step_that_ran_has_no_reason() {
        let json = serde_json::to_value(Outcome::TimedOut).unwrap();
        assert_eq!(json["outcome"], "timed-out");
        assert_eq!(json.get("reason"), None);
    }
}
