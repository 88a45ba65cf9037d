//! A tar of any age, read block by block so that a damaged one gives what it still has.
//!
//! The blocks are walked here and not by the `tar` crate, whose iterator ends at the first bad header; headers are decoded by it.

use std::io::{self, Read};

use super::super::codec::{HEAD as BLOCK, is_tar_header};
use super::nested;
use super::sparse;
use super::tar_header::{Kind, Member, Pending};
use super::tar_stream::{Block, Shape, Stream};
use super::walker::{Walker, Within};
use crate::model::{EntryPath, ProblemKind};

/// A name or pax header longer than this is skipped: paths are far shorter, and it has to be held in memory.
const MAX_EXTENSION: u64 = 1 << 20;
/// Blocks of zeros behind the end mark after which nothing more is expected; tar itself pads to 20 blocks.
const MAX_PADDING: usize = 1 << 11;

/// Reads a tar to its end mark.
pub(super) fn read(walker: &mut Walker<'_>, within: &Within, input: &mut dyn Read) {
    let mut archive = Archive {
        stream: Stream::new(input),
        within,
        pending: Pending::default(),
        last: None,
        overlapping_headers: 0,
        padded: 0,
    };
    if let Err(error) = archive.members(walker) {
        let consequence = format!("the archive was read up to {}", archive.position());
        walker.failed(within.prefix.as_ref(), &consequence, &error);
    }
    if archive.overlapping_headers > 0 {
        // Whoever wrote one member so wrote the others so: theirs ended in a byte of padding.
        let detail = match archive.overlapping_headers + archive.padded {
            1 => "1 member is one byte shorter than its header says: it was read, and none was lost".to_owned(),
            count => {
                format!(
                    "{count} members are one byte shorter than their headers say: they were read, and none was lost"
                )
            }
        };
        walker.problem(within.prefix.as_ref(), ProblemKind::Damaged, detail);
    }
}

struct Archive<'r, 'w> {
    stream: Stream<'r>,
    within: &'w Within,
    pending: Pending,
    last: Option<EntryPath>,
    overlapping_headers: u64,
    padded: u64,
}

impl Archive<'_, '_> {
    fn members(&mut self, walker: &mut Walker<'_>) -> io::Result<()> {
        let mut end_blocks = 0;
        // The end mark is two blocks of zeros (POSIX.1 pax, "ustar Interchange Format").
        while end_blocks < 2 && !walker.stopped() {
            let (block, there) = self.stream.block()?;
            if there < BLOCK {
                if there > 0 || end_blocks == 0 {
                    self.ends_early(walker);
                }
                return Ok(());
            }
            if is_zero(&block) {
                end_blocks += 1;
                continue;
            }
            end_blocks = 0;
            match Member::of(&block, &mut self.pending) {
                Some(member) => self.member(walker, member)?,
                None => self.resync(walker)?,
            }
        }
        if !walker.stopped() {
            self.behind(walker);
        }
        Ok(())
    }

    /// Says when something stands behind the end mark: another tar (`cat a.tar b.tar`), or what a download left there.
    fn behind(&mut self, walker: &mut Walker<'_>) {
        for _ in 0..MAX_PADDING {
            match self.stream.block() {
                Ok((_, 0)) => return,
                Ok((block, _)) if is_zero(&block) => {}
                Ok((block, _)) => {
                    let what = if is_tar_header(&block) {
                        "another tar"
                    } else {
                        "other data"
                    };
                    let detail = format!("{what} stands behind the end of the archive and was not read");
                    return walker.problem(self.within.prefix.as_ref(), ProblemKind::Unparsed, detail);
                }
                Err(error) => {
                    let consequence = "the archive was read to its end mark, what stands behind it was not";
                    return walker.failed(self.within.prefix.as_ref(), consequence, &error);
                }
            }
        }
    }

    fn member(&mut self, walker: &mut Walker<'_>, member: Member) -> io::Result<()> {
        match member.kind {
            Kind::LongName | Kind::LongLink | Kind::Pax => return self.extension(walker, &member),
            Kind::Aside => return self.stream.body(member.size).finish().map(drop),
            Kind::Sparse(true) => sparse::skip_extended_headers(&mut self.stream)?,
            _ => {}
        }
        let admitted = walker.admit(self.within, &member.name);
        if let Some(path) = &admitted {
            self.last = Some(path.clone());
        }
        let mut body = self.stream.body(member.size);
        if let Some(path) = admitted {
            match member.kind {
                Kind::Symlink => walker.symlink(self.within, &member.name, path, &member.link),
                Kind::HardLink => walker.hard_link(self.within, path, &member.link),
                Kind::Special(what) => {
                    walker.problem(Some(&path), ProblemKind::Refused, format!("{what} is not read"));
                }
                Kind::File | Kind::Sparse(_) => {
                    let map = if member.has_sparse_map {
                        sparse::skip_map(&mut body)
                    } else {
                        Ok(())
                    };
                    match map {
                        Ok(()) => {
                            let depth = self.within.depth;
                            nested::member(walker, path, Some(member.size), member.mtime, depth, &mut body);
                        }
                        Err(error) => walker.failed(Some(&path), "the sparse file was not read", &error),
                    }
                }
                Kind::Folder | Kind::LongName | Kind::LongLink | Kind::Pax | Kind::Aside => {}
            }
        }
        if !walker.stopped() {
            match body.finish()? {
                Shape::Whole => {}
                Shape::Padded => self.padded += 1,
                Shape::Overlapped => self.overlapping_headers += 1,
            }
        }
        Ok(())
    }

    fn extension(&mut self, walker: &mut Walker<'_>, member: &Member) -> io::Result<()> {
        let mut body = self.stream.body(member.size);
        if member.size > MAX_EXTENSION {
            let detail = format!("a name header of {} bytes was skipped", member.size);
            walker.problem(self.within.prefix.as_ref(), ProblemKind::Unparsed, detail);
            return body.finish().map(drop);
        }
        let mut data = Vec::new();
        body.read_to_end(&mut data)?;
        match member.kind {
            Kind::LongName => self.pending.long_name(&data),
            Kind::LongLink => self.pending.long_link(&data),
            _ => self.pending.pax(&data),
        }
        Ok(())
    }

    /// Goes on to the next block that is a header.
    fn resync(&mut self, walker: &mut Walker<'_>) -> io::Result<()> {
        self.pending = Pending::default();
        let mut skipped: u64 = 1;
        loop {
            let (block, there) = self.stream.block()?;
            let found = there == BLOCK && is_tar_header(&block);
            if found || there < BLOCK {
                let blocks = if skipped == 1 { "block" } else { "blocks" };
                let detail = format!(
                    "archive damaged after {}: {skipped} {blocks} of 512 bytes skipped",
                    self.position()
                );
                walker.problem(self.within.prefix.as_ref(), ProblemKind::Damaged, detail);
            }
            if found {
                self.stream.put_back(block);
                return Ok(());
            }
            if there < BLOCK {
                return Ok(());
            }
            skipped += 1;
        }
    }

    fn ends_early(&self, walker: &mut Walker<'_>) {
        let detail = format!("the archive ends without its end mark after {}", self.position());
        walker.problem(self.within.prefix.as_ref(), ProblemKind::Damaged, detail);
    }

    fn position(&self) -> String {
        self.last
            .as_ref()
            .map_or_else(|| "its start".to_owned(), EntryPath::to_string)
    }
}

fn is_zero(block: &Block) -> bool {
    block.iter().all(|byte| *byte == 0)
}
