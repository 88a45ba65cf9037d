//! From the bundles of a command line to snapshots, and which of them are archives of one cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::inputs::Job;
use crate::bundle::layout::is_foreign;
use crate::bundle::{Budget, OpenError};
use crate::cluster::{Identity, Snapshot, earlier, groups, merge, mine_logs, read_bundle};
use crate::diagnosis::Earlier;
use crate::logs::{LogTemplate, SignatureSet};
use crate::redact::Masker;
use crate::report::learn_beside_names;

/// A bundle that was read, and what it is compared with.
pub(super) struct Case {
    /// What is in it, and in the archives that are joined with it.
    pub(super) snapshot: Snapshot,
    /// Its healthy counterpart.
    pub(super) baseline: Option<Snapshot>,
    /// How many of the snapshot's logs came from each of the job's archives, in their order.
    logs: Vec<usize>,
}

impl Case {
    /// Reads a bundle, all archives that are joined with it, and its baseline.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(super) fn read(job: &Job, signatures: &SignatureSet, budget: &Budget) -> Result<Self, OpenError> {
        let read = |path: &Path, alias: &str| read_bundle(path, alias, signatures, budget.clone());
        let mut parts = vec![read(&job.path, &job.alias)?];
        for (alias, path) in &job.merged {
            parts.push(read(path, alias)?);
        }
        let baseline = job.baseline.iter().chain(&job.baseline_merged);
        let baseline = baseline
            .map(|(alias, path)| read(path, alias))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            logs: parts.iter().map(|part| part.logs.len()).collect(),
            snapshot: merge(parts).ok_or_else(|| OpenError::Empty { path: job.path.clone() })?,
            baseline: merge(baseline),
        })
    }

    /// What each further earlier bundle of the cluster had otherwise. They are read one after another and not kept, but for their secrets.
    ///
    /// # Errors
    /// One of them can no longer be opened.
    pub(super) fn earlier(
        &self,
        job: &Job,
        signatures: &SignatureSet,
        budget: &Budget,
        masker: &mut Masker,
    ) -> Result<Vec<Earlier>, OpenError> {
        let mut found = Vec::new();
        for archives in &job.earlier {
            let parts = archives
                .iter()
                .map(|(alias, path)| read_bundle(path, alias, signatures, budget.clone()))
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(snapshot) = merge(parts) {
                learn_beside_names(masker, &snapshot);
                found.push(Earlier::of(&snapshot, &self.snapshot));
            }
        }
        Ok(found)
    }

    /// Reads some of its logs once more, by their index in the snapshot, for what they complain of. An archive that has changed or gone
    /// since the first reading only leaves the answer without its part.
    pub(super) fn mine(
        &self,
        job: &Job,
        wanted: &BTreeSet<usize>,
        signatures: &SignatureSet,
        budget: &Budget,
    ) -> BTreeMap<usize, Vec<LogTemplate>> {
        let paths = std::iter::once(&job.path).chain(job.merged.iter().map(|(_, path)| path));
        let mut found = BTreeMap::new();
        let mut from = 0;
        for (path, count) in paths.zip(&self.logs) {
            let to = from + count;
            let here: BTreeSet<usize> = wanted.range(from..to).map(|index| index - from).collect();
            let logs = self.snapshot.logs.get(from..to).unwrap_or(&[]);
            if !here.is_empty()
                && let Ok(mined) = mine_logs(path, logs, &here, signatures, budget.clone())
            {
                found.extend(mined.into_iter().map(|(index, templates)| (index + from, templates)));
            }
            from = to;
        }
        found
    }

    /// By what the bundle may turn out to belong to others; none for several that were joined already.
    pub(super) fn identity(&self, job: &Job) -> Option<Identity> {
        job.merged.is_empty().then(|| Identity::of(&self.snapshot))
    }
}

/// What has to be read once more because of what else was read: bundles that are one, or one that has an earlier one.
pub(super) struct Joined {
    /// The places of the bundles in the list of jobs, the first before all others.
    pub(super) members: Vec<usize>,
    /// The job of them all, under the name of the first.
    pub(super) job: Job,
}

/// A folder, and the baseline of its bundles: only archives that share both are ever joined by themselves.
type Place = (PathBuf, Option<PathBuf>);

fn place(job: &Job) -> Place {
    let folder = job.path.parent().map(Path::to_path_buf).unwrap_or_default();
    (folder, job.baseline.as_ref().map(|(_, path)| path.clone()))
}

/// The archives of different machines of one cluster that lie in one folder and were collected together. Snapshots are not kept for it:
/// what belongs together is read once more, so that memory does not grow with the number of bundles.
pub(super) fn join(jobs: &[Job], identities: &[Option<Identity>]) -> Vec<Joined> {
    let mut by_place: BTreeMap<Place, Vec<(usize, Identity)>> = BTreeMap::new();
    for (at, (job, identity)) in jobs.iter().zip(identities).enumerate() {
        if let Some(identity) = identity.as_ref().filter(|identity| identity.may_be_a_part()) {
            by_place.entry(place(job)).or_default().push((at, identity.clone()));
        }
    }
    let mut joined = Vec::new();
    for parts in by_place.into_values() {
        let (places, identities): (Vec<usize>, Vec<Identity>) = parts.into_iter().unzip();
        for group in groups(&identities).into_iter().filter(|group| group.len() > 1) {
            let members: Vec<usize> = group.into_iter().filter_map(|at| places.get(at).copied()).collect();
            let mut of_group = members.iter().filter_map(|&at| jobs.get(at));
            let Some(mut job) = of_group.next().cloned() else {
                continue;
            };
            job.merged = of_group
                .map(|other| (other.alias.clone(), other.path.clone()))
                .collect();
            joined.push(Joined { members, job });
        }
    }
    joined
}

/// Gives bundles that have no baseline the last earlier one of their cluster, and those before it: what changed since is told. Those that get one are added to
/// what is read once more, with a line for each.
pub(super) fn with_earlier(
    jobs: &[Job],
    identities: &[Option<Identity>],
    mut joined: Vec<Joined>,
) -> (Vec<Joined>, Vec<String>) {
    let alone = |at: &usize| !joined.iter().any(|whole| whole.members.contains(at));
    let singles: Vec<usize> = (0..jobs.len()).filter(alone).collect();
    // Every report that there will be, with the place of its job: those that are joined, then the others.
    let mut cases: Vec<(Job, Vec<usize>, Identity)> = Vec::new();
    let of = |at: &usize| identities.get(*at).and_then(Option::as_ref);
    for whole in &joined {
        cases.extend(
            Identity::of_all(whole.members.iter().filter_map(of))
                .map(|identity| (whole.job.clone(), whole.members.clone(), identity)),
        );
    }
    for at in singles {
        if let (Some(job), Some(identity)) = (jobs.get(at), of(&at)) {
            cases.push((job.clone(), vec![at], identity.clone()));
        }
    }
    let known: Vec<Identity> = cases.iter().map(|(.., identity)| identity.clone()).collect();
    let mut remarks = Vec::new();
    for ((job, members, _), before) in cases.iter().zip(earlier(&known)) {
        let mut before = before.into_iter().filter_map(|at| cases.get(at)).map(|(job, ..)| job);
        let Some(last) = before.next().filter(|_| job.baseline.is_none()) else {
            continue;
        };
        let archives = |job: &Job| {
            let first = (job.alias.clone(), job.path.clone());
            std::iter::once(first).chain(job.merged.iter().cloned()).collect()
        };
        let job = Job {
            baseline: Some((last.alias.clone(), last.path.clone())),
            baseline_merged: last.merged.clone(),
            earlier: before.map(archives).collect(),
            ..job.clone()
        };
        let more = match job.earlier.len() {
            0 => String::new(),
            count => format!(", and with {count} before that"),
        };
        remarks.push(format!(
            "{} is compared with {}, an earlier bundle of the same cluster{more}",
            job.alias, last.alias
        ));
        match joined.iter_mut().find(|whole| whole.members == *members) {
            Some(whole) => whole.job = job,
            None => joined.push(Joined {
                members: members.clone(),
                job,
            }),
        }
    }
    (joined, remarks)
}

/// The results with those of joined bundles replaced by the one of the whole, where the first of them stood.
pub(super) fn in_place_of<R>(results: Vec<R>, joined: &[Joined], wholes: Vec<R>) -> Vec<R> {
    let mut results: Vec<Option<R>> = results.into_iter().map(Some).collect();
    for (whole, result) in joined.iter().zip(wholes) {
        for &member in &whole.members {
            results.get_mut(member).and_then(Option::take);
        }
        if let Some(place) = whole.members.first().and_then(|&first| results.get_mut(first)) {
            *place = Some(result);
        }
    }
    results.into_iter().flatten().collect()
}

/// What is said of a bundle that another program's collector made, of which nothing can be judged.
pub(super) fn not_ours(snapshot: &Snapshot) -> Option<String> {
    let layouts = &snapshot.coverage.layouts;
    let found = layouts.iter().find(|found| is_foreign(found.layout))?;
    let whole = if snapshot.bundle.layout == found.layout {
        "nothing in it is judged"
    } else {
        "that part of it is not judged"
    };
    Some(format!(
        "{}: {} is not of Kubernetes (casefile formats says of what): {whole}",
        snapshot.bundle.alias, found.layout
    ))
}

/// What is said of bundles that were joined, one line for each but the first.
pub(super) fn remarks(joined: &[Joined]) -> impl Iterator<Item = String> {
    joined.iter().flat_map(|Joined { job, .. }| {
        job.merged.iter().map(|(alias, _)| {
            format!(
                "{alias} is of the same cluster and time as {}: one report for both",
                job.alias
            )
        })
    })
}
