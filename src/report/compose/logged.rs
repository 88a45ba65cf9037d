//! What a control plane's own logs tell of namespaces, which go with all that was in them.

use jiff::SignedDuration;

use super::ledger::Ledger;
use crate::cluster::logs_of;
use crate::model::{Citation, When};

/// What a namespace's deletion ends with (kubernetes `pkg/controller/namespace/namespace_controller.go`).
const DELETED: &str = "\"Namespace has been deleted\" namespace=\"";
/// What was deleted so long before an incident may have to do with it.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);
/// Such lines that are told of.
const TOLD: usize = 3;

/// A namespace that was deleted.
pub(super) struct Deleted {
    /// Which.
    pub(super) namespace: String,
    /// When, by the controller's log.
    pub(super) when: When,
    /// The line.
    pub(super) cite: Citation,
}

/// The namespaces whose deletion ended near the incident, by the last lines of the controller manager's logs, in time order.
pub(super) fn namespaces_deleted(ledger: &Ledger<'_, '_>) -> Vec<Deleted> {
    let snapshot = ledger.diagnosis.snapshot;
    let Some(began) = ledger.began() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for log in logs_of(snapshot, "kube-controller-manager-log") {
        for line in &log.tail {
            let named = line.text.split_once(DELETED).and_then(|(_, rest)| rest.split_once('"'));
            let (Some((namespace, _)), Some(when)) = (named, snapshot.time_of(&line.text)) else {
                continue;
            };
            if when.gap_to(began) > BEFORE {
                continue;
            }
            let cite = Citation::line(&snapshot.bundle.alias, &log.path, line.line, line.text.as_str());
            all.push(Deleted {
                namespace: namespace.to_owned(),
                cite: cite.at(Some(when.clone())),
                when,
            });
        }
    }
    all.sort_by_key(|deleted| deleted.when.earliest);
    all.truncate(TOLD);
    all
}
