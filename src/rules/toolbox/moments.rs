//! What counts as "now" where nothing says when a bundle was collected.

use std::sync::Arc;

use crate::cluster::Snapshot;
use crate::model::When;

/// See [`latest_moment`].
struct LatestMoment(Option<When>);

/// The reference time, else the last moment that any log of the bundle was written at: the bundle was collected then or later.
pub fn latest_moment(snapshot: &Snapshot) -> Option<When> {
    let latest: Arc<LatestMoment> = snapshot.derive(|snapshot| {
        let of_logs = || {
            let ends = snapshot.logs.iter().filter_map(|log| log.last_stamped.as_deref());
            ends.filter_map(|line| snapshot.time_of(line))
                .max_by_key(|when| when.latest)
        };
        LatestMoment(snapshot.bundle.collected_at.clone().or_else(of_logs))
    });
    latest.0.clone()
}
