//! Exit codes, the same for all subcommands.

/// Done.
pub(super) const DONE: u8 = 0;
/// A check found a difference, or an analysis something at or above `--fail-on`.
pub(super) const DIFFERS: u8 = 1;
/// Wrong usage or configuration.
pub(super) const USAGE: u8 = 2;
/// An input could not be read; reports of the others are kept.
pub(super) const INPUT: u8 = 3;
/// Done, with gaps that `--strict` does not allow.
pub(super) const INCOMPLETE: u8 = 4;
/// An output could not be written.
pub(super) const OUTPUT: u8 = 5;
/// The self-check found a secret in a report; nothing of it was written.
pub(super) const SECRET: u8 = 6;
/// Ended by SIGINT, which is Ctrl-C: 128 and the number of the signal, as shells count.
#[cfg(unix)]
pub(super) const INTERRUPTED: u8 = 130;
/// Ended by SIGTERM.
#[cfg(unix)]
pub(super) const TERMINATED: u8 = 143;
/// A defect of casefile.
pub(super) const DEFECT: u8 = 70;
