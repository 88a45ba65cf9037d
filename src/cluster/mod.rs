//! What a bundle says, normalised and immutable: objects, events, hosts, logs, and what is missing.

mod assemble;
mod containers;
mod coverage;
mod event;
mod host;
mod namespaces;
mod object;
mod open;
mod owners;
mod reader;
mod snapshot;
mod view;

pub use coverage::{Coverage, FileRecord, Treatment};
pub use event::Event;
pub use host::{Host, HostContainer};
pub use object::{Object, ObjectKey};
pub use open::read_bundle;
pub use owners::workload_of_pod_name;
pub use reader::Reader;
pub use snapshot::{About, BundleInfo, Hit, Snapshot};
pub use view::{ContainerInstance, Ended, Image, PodView, Waiting};
