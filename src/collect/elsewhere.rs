//! Collecting on a system that is not Linux: it says so.

use super::{CollectError, Plan, Progress, Read, Summary};

/// There is nothing to list.
///
/// # Errors
/// Always [`CollectError::NotLinux`].
pub fn dry_run(_plan: &Plan) -> Result<Vec<(String, Vec<Read>)>, CollectError> {
    Err(CollectError::NotLinux)
}

/// Collects nothing and writes nothing.
///
/// # Errors
/// Always [`CollectError::NotLinux`].
pub fn run(_plan: &Plan, _progress: &mut dyn FnMut(Progress<'_>)) -> Result<Summary, CollectError> {
    Err(CollectError::NotLinux)
}
