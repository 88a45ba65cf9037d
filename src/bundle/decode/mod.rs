//! From the text of one file to facts that know where they stand.
//!
//! A file is a sequence of sections, because people paste several outputs into one file. At each line the decoders of
//! [`DECODERS`] are asked in order whether a section of theirs starts there; the first that answers consumes its lines. Lines that
//! no decoder takes are log text. File names are hints, never needed.

mod fact;
mod kubectl;
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
    // What kubectl prints for people.
    Decoder {
        name: "kubectl get",
        decode: kubectl::decode_table,
    },
    Decoder {
        name: "kubectl describe",
        decode: kubectl::decode_description,
    },
    Decoder {
        name: "kubectl top",
        decode: kubectl::decode_top,
    },
    Decoder {
        name: "kubectl version",
        decode: kubectl::decode_version,
    },
    Decoder {
        name: "kubectl message",
        decode: kubectl::decode_message,
    },
];
