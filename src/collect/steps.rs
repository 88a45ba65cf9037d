//! The list of steps. Their order matters twice: what is learned to be secret in an early step is masked in all later ones, and
//! what dies first on a failing host is read first.

use super::context::Step;
use super::{cron, docker, host, logs, sysctl};

/// Every step of a collection on a host. Steps may add further ones while they run.
pub(crate) fn all() -> Vec<Step> {
    let mut steps = docker::steps();
    steps.extend(cron::steps());
    steps.extend(host::steps());
    steps.extend(sysctl::steps());
    steps.extend(logs::steps());
    steps
}
