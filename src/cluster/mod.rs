//! What a bundle says, normalised and immutable: objects, events, hosts, logs, and what is missing.

mod age;
mod ahead;
mod assemble;
mod attribution;
mod blocks;
mod by_id;
mod collected;
mod containers;
mod copies;
mod coverage;
mod derived;
mod event;
mod events;
mod folders_of_logs;
mod hits;
mod host;
mod identity;
mod log_index;
mod merge;
mod namespace_hints;
mod namespaces;
mod node_words;
mod object;
mod open;
mod owners;
mod reader;
mod settings;
mod short_names;
mod snapshot;
mod told_by_nodes;
mod told_pod;
mod tools;
mod twice;
mod unused;
mod view;
mod whereabouts;
mod whole;
mod zone;

pub use collected::{empty_log, logs_of};
pub use coverage::{Coverage, FileRecord, Treatment, datum_of_kind};
pub use event::Event;
pub use host::{Host, HostContainer};
pub use identity::{Identity, earlier, groups, is_before, is_earlier};
pub use merge::merge;
pub use node_words::{NODE_WORDS, node_words};
pub use object::{Object, ObjectKey};
pub use open::{mine_logs, read_bundle};
pub use owners::{node_in_mirror, workload_of_pod_name};
pub use reader::Reader;
pub use settings::{Setting, Settings};
pub use snapshot::{About, Archive, BundleInfo, Hit, Snapshot};
pub use tools::HostTools;
pub use view::{ContainerInstance, Ended, Image, PodView, Waiting};

/// A snapshot of files that a test writes down: path and text. No signature is looked for.
#[cfg(test)]
pub(crate) fn reading(files: &[(&str, &str)]) -> Snapshot {
    reading_for(&crate::logs::SignatureSet::new([]).unwrap(), files)
}

/// The same with the matches of signatures.
#[cfg(test)]
pub(crate) fn reading_for(signatures: &crate::logs::SignatureSet, files: &[(&str, &str)]) -> Snapshot {
    let mut reader = Reader::new(signatures, "b");
    for (path, text) in files {
        reader.file(&crate::model::EntryPath::new(path), &mut text.as_bytes());
    }
    reader.finish(BundleInfo {
        alias: "b".into(),
        input: "b.tar.gz".into(),
        layout: String::new(),
        sha256: String::new(),
        collected_at: None,
    })
}
