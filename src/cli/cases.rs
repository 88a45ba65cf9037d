//! From the bundles of a command line to snapshots: read one by one, and joined where several are archives of one cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::inputs::Job;
use crate::bundle::{Budget, OpenError};
use crate::cluster::{Identity, Snapshot, groups, merge, mine_logs, read_bundle};
use crate::logs::{LogTemplate, SignatureSet};

/// A bundle that was read, and what it is compared with.
pub(super) struct Case {
    /// What the command line said.
    pub(super) job: Job,
    /// What is in it, and in the archives that were joined with it.
    pub(super) snapshot: Snapshot,
    /// Its healthy counterpart.
    pub(super) baseline: Option<Snapshot>,
    /// How many of the snapshot's logs came from each of the job's archives, in their order.
    logs: Vec<usize>,
}

impl Case {
    /// Reads a bundle, all archives that the command line joins with it, and its baseline.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(super) fn read(job: &Job, signatures: &SignatureSet, budget: &Budget) -> Result<Self, OpenError> {
        let read = |path: &Path, alias: &str| read_bundle(path, alias, signatures, budget.clone());
        let mut parts = vec![read(&job.path, &job.alias)?];
        for (alias, path) in &job.merged {
            parts.push(read(path, alias)?);
        }
        let baseline = job
            .baseline
            .as_ref()
            .map(|(alias, path)| read(path, alias))
            .transpose()?;
        Ok(Self {
            job: job.clone(),
            logs: parts.iter().map(|part| part.logs.len()).collect(),
            snapshot: merge(parts).ok_or_else(|| OpenError::Empty { path: job.path.clone() })?,
            baseline,
        })
    }

    /// Reads some of its logs once more, by their index in the snapshot, for what they complain of. An archive that has changed or gone
    /// since the first reading only leaves the answer without its part.
    pub(super) fn mine(
        &self,
        wanted: &BTreeSet<usize>,
        signatures: &SignatureSet,
        budget: &Budget,
    ) -> BTreeMap<usize, Vec<LogTemplate>> {
        let paths = std::iter::once(&self.job.path).chain(self.job.merged.iter().map(|(_, path)| path));
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

    /// True when it may turn out to be one of several archives of a cluster, so that it has to wait for the others.
    pub(super) fn may_be_a_part(&self) -> bool {
        self.job.merged.is_empty() && Identity::of(&self.snapshot).may_be_a_part()
    }

    /// Only archives of one folder that are compared with the same baseline are ever joined by themselves.
    fn place(&self) -> (PathBuf, Option<PathBuf>) {
        let folder = self.job.path.parent().map(Path::to_path_buf).unwrap_or_default();
        (folder, self.job.baseline.as_ref().map(|(_, path)| path.clone()))
    }
}

/// Joins the archives of different machines of one cluster that lie in one folder and were collected together; the second part says
/// so, one line for each that was joined to another.
pub(super) fn join(cases: Vec<Case>) -> (Vec<Case>, Vec<String>) {
    let mut by_place: BTreeMap<(PathBuf, Option<PathBuf>), Vec<(usize, Case)>> = BTreeMap::new();
    for (at, case) in cases.into_iter().enumerate() {
        by_place.entry(case.place()).or_default().push((at, case));
    }
    let mut joined: Vec<(usize, Case)> = Vec::new();
    let mut remarks = Vec::new();
    for (_, cases) in by_place {
        let identities: Vec<Identity> = cases.iter().map(|(_, case)| Identity::of(&case.snapshot)).collect();
        let mut waiting: Vec<Option<(usize, Case)>> = cases.into_iter().map(Some).collect();
        for group in groups(&identities) {
            let members = group.into_iter().filter_map(|at| waiting.get_mut(at)?.take());
            joined.extend(join_group(members.collect(), &mut remarks));
        }
    }
    joined.sort_by_key(|(at, _)| *at);
    (joined.into_iter().map(|(_, case)| case).collect(), remarks)
}

fn join_group(members: Vec<(usize, Case)>, remarks: &mut Vec<String>) -> Option<(usize, Case)> {
    let mut members = members.into_iter();
    let (at, first) = members.next()?;
    let mut job = first.job;
    let mut parts = vec![first.snapshot];
    let mut logs = first.logs;
    for (_, other) in members {
        remarks.push(format!(
            "{} is of the same cluster and time as {}: one report for both",
            other.job.alias, job.alias
        ));
        job.merged.push((other.job.alias, other.job.path));
        logs.extend(other.logs);
        parts.push(other.snapshot);
    }
    let case = Case {
        job,
        logs,
        snapshot: merge(parts)?,
        baseline: first.baseline,
    };
    Some((at, case))
}
