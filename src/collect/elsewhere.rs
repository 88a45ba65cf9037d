//! Collecting on a system that is not Linux: it says so.

use std::io::{self, Write};

use super::{CollectError, DryRun, Plan, Progress, Summary};

/// There is nothing to list.
///
/// # Errors
/// Always [`CollectError::NotLinux`].
pub fn dry_run(_plan: &Plan) -> Result<DryRun, CollectError> {
    Err(CollectError::NotLinux)
}

/// Collects nothing and writes nothing.
///
/// # Errors
/// Always [`CollectError::NotLinux`].
pub fn run(_plan: &Plan, _progress: &mut dyn FnMut(Progress<'_>)) -> Result<Summary, CollectError> {
    Err(CollectError::NotLinux)
}

/// Standard output.
pub(crate) struct Stdout;

impl Stdout {
    /// Standard output as it is.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Writes some of `data`.
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut out = io::stdout().lock();
        let written = out.write(data)?;
        out.flush()?;
        Ok(written)
    }
}
