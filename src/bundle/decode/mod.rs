//! From the text of one file to facts that know where they stand.
//!
//! A file is a sequence of sections, because people paste several outputs into one file. At each line the decoders of
//! [`DECODERS`] are asked in order whether a section of theirs starts there; the first that answers consumes its lines. Lines that
//! no decoder takes are log text. File names are hints, never needed.

mod columns;
mod cron;
mod docker_events;
mod docker_images;
mod docker_info;
mod docker_inspect;
mod docker_json;
mod docker_ps;
mod fact;
mod prune;
#[cfg(test)]
mod sample;
mod script;
mod text;

pub use fact::{
    Certificate, ContainerFact, ContainerListing, ContainerState, CronEntry, DockerInspect, Fact, Form, HostNameSource,
    ImageFact, LogSection, ObjectFact, Pointer, PruneRun, Resolver, RuntimeEvent, Script,
};
pub use text::{Section, TextFile};

/// One kind of section.
pub struct Decoder {
    /// Name for `inspect --files`: `docker ps`, `crontab`.
    pub name: &'static str,
    /// Decodes the section that starts at the 0-based line `start`, or declines. It must be quick to decline: it is asked at every line.
    pub decode: fn(&TextFile<'_>, usize) -> Option<Section>,
}

/// Every decoder, the most specific first.
pub const DECODERS: &[Decoder] = &[
    script::DECODER,
    docker_ps::DECODER,
    docker_inspect::DECODER,
    docker_images::DECODER,
    docker_info::DECODER,
    docker_events::DECODER,
    prune::DECODER,
    cron::DECODER,
];
