//! What is known of containers that were deleted on a host: a clean-up's own output, and the runtime's events.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::bundle::decode::{PruneRun, RuntimeEvent};
use crate::cluster::{Host, Snapshot};
use crate::model::{Basis, Citation, When};

/// The engine deletes one container after the other and reports the prune at the end (moby `daemon/prune.go`, `ContainersPrune`).
const ONE_PRUNE: SignedDuration = SignedDuration::from_mins(1);

/// A container that the runtime deleted.
#[derive(Debug, Clone)]
pub struct Destroyed {
    /// Its full id.
    pub id: String,
    /// Its name; empty where the event has none.
    pub name: String,
    /// When.
    pub when: Option<When>,
    /// The event.
    pub cite: Citation,
}

/// One prune of stopped containers that the runtime's events show.
#[derive(Debug, Clone)]
pub struct PruneOfContainers {
    /// When it ended.
    pub when: When,
    /// What it deleted.
    pub destroyed: Vec<Destroyed>,
    /// Its own event.
    pub cite: Citation,
    /// The prune of images that followed it at once, if one did.
    pub images: Option<(When, Citation)>,
}

/// The deletions on one host.
pub struct Deletions {
    /// Full id → citation, from the output of the last clean-up that deleted containers.
    pub pruned: Vec<(String, Citation)>,
    /// What the runtime deleted in that run.
    pub destroyed: Vec<Destroyed>,
    /// When the clean-up's own output says that this run was: its citation has the time.
    pub logged: Option<(When, Citation)>,
    /// The last prune that the runtime's events show: when it ended, and its event.
    pub prune: Option<(When, Citation)>,
    /// Prunes before the last one, in their order.
    pub earlier: Vec<PruneOfContainers>,
    /// The event of the last prune of images, if there was one.
    pub images_pruned: Option<Citation>,
    /// True when the clean-up's own output names images that it deleted.
    pub images_deleted: bool,
}

impl Deletions {
    /// The last run is what deleted the containers that are missing now; earlier ones deleted earlier containers of the same names.
    pub fn read(snapshot: &Snapshot, host: &Host) -> Self {
        let run = host.prunes.iter().rev().find(|run| !run.deleted_containers.is_empty());
        let pruned: Vec<(String, Citation)> = run.map(|run| run.deleted_containers.clone()).unwrap_or_default();
        let mut prunes = prunes(host);
        let last = prunes.pop();
        let logged = run.and_then(|run| {
            let (_, cite) = run.stamped.as_ref()?;
            let when = began(snapshot, host, run)?;
            Some((when.clone(), cite.clone().at(Some(when))))
        });
        let prune = last.map(|prune| (prune.when, prune.cite));
        let ran_at = prune.as_ref().or(logged.as_ref()).map(|(when, _)| when.clone());
        let belongs = |id: &str, when: Option<&When>| match (&ran_at, when) {
            _ if !pruned.is_empty() => pruned.iter().any(|(other, _)| same_id(other, id)),
            (Some(ran_at), Some(when)) => !ran_at.surely_before(when) && when.gap_to(ran_at) < ONE_PRUNE,
            _ => true,
        };
        let destroyed = events_of(host, "container", "destroy")
            .filter(|event| belongs(&event.id, event.when.as_ref()))
            .map(destroyed)
            .collect();
        let images = events_of(host, "image", "prune").last();
        Self {
            destroyed,
            logged,
            prune,
            earlier: prunes,
            images_pruned: images.map(|event| event.cite.clone()),
            images_deleted: host.prunes.iter().any(|run| !run.deleted_images.is_empty()),
            pruned,
        }
    }

    /// The images that went with the last prune of images, by the runtime's events: their ids and where each stands.
    pub fn images_taken(&self, host: &Host) -> Vec<(String, Citation)> {
        let Some(end) = (self.images_pruned.as_ref())
            .and_then(|cite| events_of(host, "image", "prune").find(|event| event.cite.place == cite.place))
            .and_then(|event| event.when.as_ref())
        else {
            return Vec::new();
        };
        let mut taken: Vec<(String, Citation)> = Vec::new();
        for event in events_of(host, "image", "delete") {
            let is_its =
                (event.when.as_ref()).is_some_and(|when| when.earliest <= end.latest && when.gap_to(end) < ONE_PRUNE);
            if is_its && taken.iter().all(|(id, _)| *id != event.id) {
                taken.push((event.id.clone(), event.cite.clone()));
            }
        }
        taken
    }

    /// When the last run was: as its own output has it, else as the runtime's events have it; and where that stands.
    pub fn ran_at(&self) -> Option<&(When, Citation)> {
        self.logged.as_ref().or(self.prune.as_ref())
    }

    /// Where the deletion of a container stands, in the clean-up's own output and in the runtime's events: by its name, or by the id that it
    /// is known to have had.
    pub fn of(&self, name: &str, known_id: Option<&str>) -> (Vec<Citation>, Vec<Destroyed>) {
        let ids: BTreeSet<&str> = self
            .destroyed
            .iter()
            .filter(|gone| gone.name == name)
            .map(|gone| gone.id.as_str())
            .chain(known_id)
            .collect();
        let is_it = |id: &str| ids.iter().any(|known| same_id(id, known));
        let from_log = self.pruned.iter().filter(|(id, _)| is_it(id));
        let from_events = self
            .destroyed
            .iter()
            .filter(|gone| gone.name == name || is_it(&gone.id));
        (
            from_log.map(|(_, cite)| cite.clone()).collect(),
            from_events.cloned().collect(),
        )
    }

    /// Earlier prunes that deleted a container of one of these names.
    pub fn earlier_of<'d>(&'d self, names: &'d [String]) -> impl Iterator<Item = &'d PruneOfContainers> {
        let concerns = |prune: &&PruneOfContainers| prune.destroyed.iter().any(|gone| names.contains(&gone.name));
        self.earlier.iter().filter(concerns)
    }
}

/// When a clean-up's own output says that it began. Where its stamp has no zone, and the runtime dates the deletion of the very ids that the
/// output lists, the zone is the one in which they were deleted within a minute of the stamp.
pub fn began(snapshot: &Snapshot, host: &Host, run: &PruneRun) -> Option<When> {
    let (stamp, cite) = run.stamped.as_ref()?;
    let when = snapshot.time_of(stamp)?;
    if when.basis != Basis::TzAssumed {
        return Some(when);
    }
    // One stamp stands above all that one run deleted: containers, then images.
    let is_of_stamp = |other: &&PruneRun| {
        let stamped = other.stamped.as_ref();
        stamped.is_some_and(|(_, known)| known.file == cite.file && known.place == cite.place)
    };
    let runs = host.prunes.iter().filter(is_of_stamp);
    let ids: Vec<&str> = runs
        .flat_map(|run| run.deleted_containers.iter().map(|(id, _)| id.as_str()))
        .collect();
    let listed = |event: &&RuntimeEvent| ids.iter().any(|id| same_id(id, &event.id));
    let deleted = events_of(host, "container", "destroy").filter(listed);
    let mut dated = deleted.filter_map(|event| event.when.as_ref().filter(|when| when.basis == Basis::Exact));
    let moment = dated.find_map(|deleted| same_moment(when.earliest, deleted.earliest));
    Some(match moment {
        Some(moment) => When::at(moment, when.raw, Basis::ZoneMatched),
        None => when,
    })
}

/// The stamp in the zone in which the act came within a minute after it; zones differ from UTC by quarters of an hour, fourteen hours at
/// most (tz database).
fn same_moment(stamp: Timestamp, act: Timestamp) -> Option<Timestamp> {
    const QUARTER: i64 = 15 * 60;
    const MOST: i64 = 14 * 3600;
    let apart = act.duration_since(stamp).as_secs();
    let offset = apart.div_euclid(QUARTER) * QUARTER;
    let rest = SignedDuration::from_secs(apart - offset);
    let shifted = stamp.checked_add(SignedDuration::from_secs(offset)).ok()?;
    (offset.abs() <= MOST && rest < ONE_PRUNE).then_some(shifted)
}

/// The prunes of containers that the runtime's events show, each with what it deleted.
fn prunes(host: &Host) -> Vec<PruneOfContainers> {
    let mut prunes = Vec::new();
    let mut before: Vec<Destroyed> = Vec::new();
    for event in host.runtime_events.iter().filter(|event| event.kind == "container") {
        match (event.action.as_str(), &event.when) {
            ("destroy", _) => before.push(destroyed(event)),
            ("prune", Some(when)) => {
                let is_of_it = |gone: &Destroyed| gone.when.as_ref().is_some_and(|gone| gone.gap_to(when) < ONE_PRUNE);
                prunes.push(PruneOfContainers {
                    when: when.clone(),
                    destroyed: before.drain(..).filter(is_of_it).collect(),
                    cite: event.cite.clone(),
                    images: images_after(host, when),
                });
            }
            _ => {}
        }
    }
    prunes
}

/// The prune of images that came right after a prune of containers.
fn images_after(host: &Host, prune: &When) -> Option<(When, Citation)> {
    events_of(host, "image", "prune").find_map(|event| {
        let when = event.when.clone()?;
        let is_next = !when.surely_before(prune) && prune.gap_to(&when) < ONE_PRUNE;
        is_next.then(|| (when, event.cite.clone()))
    })
}

fn events_of<'h>(host: &'h Host, kind: &'h str, action: &'h str) -> impl Iterator<Item = &'h RuntimeEvent> {
    let events = host.runtime_events.iter();
    events.filter(move |event| event.kind == kind && event.action == action)
}

/// When the runtime created the container of this id.
pub fn created<'h>(host: &'h Host, id: &str) -> Option<&'h RuntimeEvent> {
    events_of(host, "container", "create").find(|event| same_id(&event.id, id))
}

fn destroyed(event: &RuntimeEvent) -> Destroyed {
    Destroyed {
        id: event.id.clone(),
        name: event.attributes.get("name").cloned().unwrap_or_default(),
        when: event.when.clone(),
        cite: event.cite.clone(),
    }
}

/// Ids are shown whole or by their first twelve digits.
fn same_id(id: &str, other: &str) -> bool {
    id.len() >= 12 && other.len() >= 12 && (id.starts_with(other) || other.starts_with(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_without_a_zone_gets_the_one_in_which_the_same_ids_were_deleted() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let act = time("2026-11-21T10:20:33.369Z");
        let found = |stamp: &str| same_moment(time(stamp), act);
        let start = Some(time("2026-11-21T10:20:33Z"));
        assert_eq!(found("2026-11-21T10:20:33Z"), start);
        assert_eq!(found("2026-11-21T18:20:33Z"), start);
        assert_eq!(found("2026-11-21T15:50:33Z"), start);
        // After the act, or long before it, it is another run.
        assert_eq!(found("2026-11-21T10:20:35Z"), None);
        assert_eq!(found("2026-11-21T10:10:33Z"), None);
    }
}
