//! Log text: which stream a file is, when a line was written, which signatures it carries. Kept are hits, counts and bounded
//! samples, never the log.

mod duration;
mod forms;
mod literal;
mod look;
mod scan;
mod severity;
mod signature;
mod stamp;
mod stream;
mod templates;
mod tried;
mod wrapped;

pub use duration::millis_taken;
pub use look::{Look, Looked};
pub use scan::{LineHit, LogFile, LogScan, TailLine};
pub use severity::{is_error, is_frame};
pub use signature::{Signature, SignatureError, SignatureSet, SignatureSpec, TextMatch, TextSource};
pub use stamp::{Stamp, clean_line, offset_told, offset_written, stamp_of};
pub use stream::{Component, ContainerRef, Stream, component_of, is_of_control_plane, stream_of, stream_of_unit};
pub use templates::LogTemplate;
pub use tried::{Tried, weight as pattern_weight};
