//! A member of a container: a plain file, a compressed file, or an archive of its own.

use std::cell::Cell;
use std::io::Read;

use jiff::Timestamp;

use super::super::budget::Limit;
use super::super::codec::{self, Codec, Form};
use super::walker::{Walker, Within};
use super::{tar, zip};
use crate::model::{EntryPath, ProblemKind};

/// Looks at the first bytes of a member and reads it as what it is. `depth` is how many archives are around its own archive.
///
/// `input` must go on failing once it has failed.
pub(super) fn member(
    walker: &mut Walker<'_>,
    path: EntryPath,
    size: Option<u64>,
    mtime: Option<Timestamp>,
    depth: u64,
    input: &mut dyn Read,
) {
    let head = codec::read_head(input);
    let mut content = head.as_slice().chain(input);
    match Form::of(&head) {
        Form::Plain => walker.file(path, size, mtime, &mut content),
        Form::Foreign(name) => foreign(walker, &path, name),
        Form::Compressed(codec) => compressed(walker, path, mtime, depth, codec, &mut content),
        Form::Tar => archive(walker, path, depth, |walker, within| {
            tar::read(walker, within, &mut content)
        }),
        Form::Zip => archive(walker, path, depth, |walker, within| {
            zip::spool(walker, within, &mut content)
        }),
    }
}

/// A compressed tar is an archive under its full name; any other compressed file is that file under its name without the suffix.
fn compressed(
    walker: &mut Walker<'_>,
    path: EntryPath,
    mtime: Option<Timestamp>,
    depth: u64,
    codec: Codec,
    input: &mut dyn Read,
) {
    let count = Cell::new(0);
    let mut decoded = match codec::decode(codec, input, walker.meter(), &count) {
        Ok(decoded) => decoded,
        Err(error) => return walker.failed(Some(&path), "the file was not read", &error),
    };
    let head = codec::read_head(&mut decoded);
    let form = Form::of(&head);
    let mut content = head.as_slice().chain(&mut decoded);
    match form {
        Form::Plain => walker.file(bare(walker, path), None, mtime, &mut content),
        Form::Foreign(name) => foreign(walker, &path, name),
        Form::Tar => archive(walker, path, depth, |walker, within| {
            tar::read(walker, within, &mut content)
        }),
        // A zip or one more compression inside a compression counts as a level, or a chain of them would have no end.
        Form::Compressed(_) | Form::Zip => {
            if let Some(depth) = deeper(walker, &path, depth) {
                member(walker, bare(walker, path), None, mtime, depth, &mut content);
            }
        }
    }
}

fn archive(walker: &mut Walker<'_>, path: EntryPath, depth: u64, read: impl FnOnce(&mut Walker<'_>, &Within)) {
    if let Some(depth) = deeper(walker, &path, depth) {
        read(
            walker,
            &Within {
                prefix: Some(path),
                depth,
            },
        );
    }
}

/// The depth one level further in, unless the budget has no such level.
fn deeper(walker: &mut Walker<'_>, path: &EntryPath, depth: u64) -> Option<u64> {
    let max = walker.meter().limits().max_nesting;
    if depth < max {
        return Some(depth + 1);
    }
    walker.problem(
        Some(path),
        ProblemKind::OverBudget,
        format!("{}: the archive was not read", Limit::Nesting(max)),
    );
    None
}

fn foreign(walker: &mut Walker<'_>, path: &EntryPath, name: &str) {
    walker.problem(
        Some(path),
        ProblemKind::Refused,
        format!("{name} data is not read: {}", codec::what_to_do(name)),
    );
}

/// The name without its compression suffix, unless a file of that name was there already: `messages` beside `messages.gz`.
fn bare(walker: &Walker<'_>, path: EntryPath) -> EntryPath {
    let bare = EntryPath::new(codec::without_suffix(path.as_str()));
    if walker.is_new(&bare) { bare } else { path }
}
