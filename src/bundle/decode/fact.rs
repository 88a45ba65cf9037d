//! What decoders yield. Every fact carries the citation of the place where it was read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{ExportedLog, HostFact};
use crate::model::{Citation, When};

/// One fact.
#[derive(Debug, Clone)]
pub enum Fact {
    /// A Kubernetes object in the shape of its API, whole or in part.
    Object(Box<ObjectFact>),
    /// A listing of objects was made and had none: the ground of a claim that something is absent.
    EmptyListing {
        /// The kind that was asked for; empty when the text does not tell.
        kind: String,
        /// The namespace that was asked for; empty for all of them, or when the text does not tell.
        namespace: String,
        /// Where.
        cite: Citation,
    },
    /// A container of a host's runtime, from a listing.
    Container(ContainerFact),
    /// A container as `docker inspect` prints it.
    DockerInspect(Box<DockerInspect>),
    /// A listing of containers was read: the ground of every claim that one is absent.
    ContainerListing(ContainerListing),
    /// An image in a host's store.
    Image(ImageFact),
    /// A name by which the host knows itself.
    HostName {
        /// The name.
        name: String,
        /// Who says so.
        via: HostNameSource,
        /// Where.
        cite: Citation,
    },
    /// A single value of the host or cluster, by a dotted name: `docker.server-version`, `kubernetes.server-version`, `os.name`, `kernel.version`.
    Value {
        /// The dotted name.
        key: String,
        /// The value.
        value: String,
        /// Where.
        cite: Citation,
    },
    /// One line of a crontab.
    Cron(CronEntry),
    /// A script, whole.
    Script(Script),
    /// One run of a prune command, from its output.
    PruneRun(PruneRun),
    /// One event of the container runtime.
    RuntimeEvent(RuntimeEvent),
    /// A kernel parameter, by its dotted name.
    Sysctl {
        /// `net.ipv4.ip_forward`.
        key: String,
        /// The value, trimmed.
        value: String,
        /// Where.
        cite: Citation,
    },
    /// A resolv.conf.
    Resolver(Resolver),
    /// An X.509 certificate (never a key).
    Certificate(Box<Certificate>),
    /// The host's clock when the bundle was made (`date`).
    Clock {
        /// The time.
        when: When,
        /// Zone abbreviation or offset as written; empty when none is.
        zone: String,
        /// Where.
        cite: Citation,
    },
    /// When the bundle was collected, by its own manifest.
    Collected {
        /// The time.
        when: When,
        /// Where.
        cite: Citation,
    },
    /// The lines that follow are one container's log.
    LogSection(LogSection),
    /// Lines of one container in an export of several containers' logs.
    ExportedLog(ExportedLog),
    /// A command at a prompt names this namespace.
    NamespaceNamed(String),
    /// The lines that follow are the log of a unit of systemd.
    UnitLog(UnitLog),
    /// What a tool of the machine says.
    Host(HostFact),
}

/// How rich the form is in which an object was seen. A richer form wins over a poorer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// What the logs of a node tell of it.
    Told,
    /// A row of a `kubectl get` table.
    Row,
    /// `kubectl describe`.
    Describe,
    /// JSON or YAML as the API wrote it.
    Api,
}

impl Form {
    /// True for what a listing shows: beside it there are the others of its kind. A description or what a log tells is of one object.
    pub fn is_listed(self) -> bool {
        matches!(self, Self::Row | Self::Api)
    }
}

/// Where the fields of an object stand.
#[derive(Debug, Clone)]
pub enum Pointer {
    /// The object is a JSON or YAML value at this pointer (`/items/3`; `2#/items/3` in the third document of a stream).
    At(String),
    /// The object was put together from text lines: JSON pointer inside the object → citation. The empty pointer cites the object's first line.
    Lines(BTreeMap<String, Citation>),
}

/// A Kubernetes object.
#[derive(Debug, Clone)]
pub struct ObjectFact {
    /// The object; always a JSON object with `kind` and `metadata.name`, in the shape of the API whatever the form it was read from.
    pub value: Value,
    /// The form.
    pub form: Form,
    /// Where its fields stand.
    pub pointer: Pointer,
    /// Where the object stands as a whole.
    pub cite: Citation,
    /// Relative ages were written against this moment if the text says so (for rows and descriptions).
    pub seen_at: Option<Timestamp>,
}

/// State words of a runtime's containers, as Docker has them; CRI states are mapped (`CONTAINER_RUNNING` → `running`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Paused.
    Paused,
    /// Between two restarts.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended, with its exit code where it is known.
    Exited(Option<i64>),
    /// The runtime could not remove it.
    Dead,
}

/// A row of `docker ps -a`, of the Engine API's container list, of `crictl ps -a`.
#[derive(Debug, Clone)]
pub struct ContainerFact {
    /// Full or short id, lower-case hex.
    pub id: String,
    /// Name without a leading slash.
    pub name: String,
    /// Image as the runtime shows it: a reference, or an id.
    pub image: String,
    /// Command as shown; may be cut.
    pub command: String,
    /// State.
    pub state: ContainerState,
    /// The status words, such as `Exited (0) 11 seconds ago`.
    pub status: String,
    /// Labels, where the listing has them.
    pub labels: BTreeMap<String, String>,
    /// Where.
    pub cite: Citation,
}

/// A listing of containers.
#[derive(Debug, Clone)]
pub struct ContainerListing {
    /// `docker`, `cri`.
    pub runtime: &'static str,
    /// Number of rows.
    pub entries: u64,
    /// True when the listing is known to hold stopped containers too: it was made with `--all`, or shows some.
    pub with_stopped: bool,
    /// The whole listing.
    pub cite: Citation,
}

/// A container as `docker inspect` (the Engine API's `/containers/{id}/json`) has it.
#[derive(Debug, Clone)]
pub struct DockerInspect {
    /// The JSON, untouched.
    pub value: Value,
    /// Pointer of the object in its file.
    pub pointer: String,
    /// Where.
    pub cite: Citation,
}

impl ContainerListing {
    /// True when every row could be read and stopped containers are in it: then what is not listed does not exist.
    pub fn is_complete(&self) -> bool {
        self.with_stopped && self.cite.searched.is_none_or(|(_, whole)| whole)
    }
}

/// An image in a host's store.
#[derive(Debug, Clone)]
pub struct ImageFact {
    /// `repository:tag`; `<none>` parts as the runtime writes them.
    pub reference: String,
    /// Id, with or without `sha256:`.
    pub id: String,
    /// Where.
    pub cite: Citation,
}

/// Who says what a host is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostNameSource {
    /// `hostname`, `/etc/hostname`, or a collector's manifest.
    Host,
    /// `docker info`, field `Name`.
    Docker,
    /// The kubelet's `--hostname-override` or a node object.
    Kubelet,
}

/// One line of a crontab.
#[derive(Debug, Clone)]
pub struct CronEntry {
    /// The five time fields or `@daily`.
    pub schedule: String,
    /// The user of a system crontab; empty in a user's own table.
    pub user: String,
    /// The command.
    pub command: String,
    /// Where.
    pub cite: Citation,
}

/// A shell script.
#[derive(Debug, Clone)]
pub struct Script {
    /// Path in the bundle.
    pub path: String,
    /// Its lines with 1-based numbers, at most 2,000.
    pub lines: Vec<(u64, String)>,
    /// Its first line.
    pub cite: Citation,
}

/// The output of `docker container prune` (or `docker system prune`).
#[derive(Debug, Clone)]
pub struct PruneRun {
    /// Full ids of the containers that were deleted.
    pub deleted_containers: Vec<(String, Citation)>,
    /// Ids or references of the images that were deleted or untagged.
    pub deleted_images: Vec<String>,
    /// A time stamp written beside it in the same file, if there is one: that of the nearest line before, and this line.
    pub stamped: Option<(String, Citation)>,
    /// Where.
    pub cite: Citation,
}

/// One line of `docker events`.
#[derive(Debug, Clone)]
pub struct RuntimeEvent {
    /// When.
    pub when: Option<When>,
    /// `container`, `image`…
    pub kind: String,
    /// `destroy`, `die`, `prune`…
    pub action: String,
    /// Id of the object; empty for a prune.
    pub id: String,
    /// Attributes such as `name`, `image` and labels.
    pub attributes: BTreeMap<String, String>,
    /// Where.
    pub cite: Citation,
}

/// A resolv.conf.
#[derive(Debug, Clone)]
pub struct Resolver {
    /// Name servers in order.
    pub nameservers: Vec<String>,
    /// Search domains in order.
    pub search: Vec<String>,
    /// Options.
    pub options: Vec<String>,
    /// Where.
    pub cite: Citation,
}

/// The public part of an X.509 certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Subject, one line.
    pub subject: String,
    /// Issuer, one line.
    pub issuer: String,
    /// Serial number, hex.
    pub serial: String,
    /// Valid from.
    pub not_before: Option<Timestamp>,
    /// Valid to.
    pub not_after: Option<Timestamp>,
    /// Subject alternative names: DNS names and addresses.
    pub names: Vec<String>,
    /// True for an authority.
    pub is_ca: bool,
    /// Subject key identifier, hex; empty when absent.
    pub subject_key: String,
    /// Authority key identifier, hex; empty when absent.
    pub authority_key: String,
    /// The command that printed it, where a person typed it above; empty otherwise.
    pub asked: String,
    /// Where.
    pub cite: Citation,
}

/// Marks the lines of one container's log inside a file that holds several (`kubectl cluster-info dump`).
#[derive(Debug, Clone)]
pub struct LogSection {
    /// Namespace.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
    /// True for the log of the instance before the current one.
    pub previous: bool,
    /// First line of the log, 0-based.
    pub first: usize,
    /// The line after the last, 0-based.
    pub end: usize,
}

/// Marks the lines of a unit's journal inside a file that holds more (`systemctl status`).
#[derive(Debug, Clone)]
pub struct UnitLog {
    /// `kubelet.service`.
    pub unit: String,
    /// First line of the log, 0-based.
    pub first: usize,
    /// The line after the last, 0-based.
    pub end: usize,
}
