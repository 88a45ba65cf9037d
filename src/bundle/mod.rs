//! Reading: from an archive or a directory to located facts. Nothing here judges.

pub mod decode;
