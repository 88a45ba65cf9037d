//! What one rule may cost on one bundle, in all: conditions, expressions and joins draw on the same account, whatever they are made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps that a rule may take on a bundle: a second or two. A step is a comparison of a field or of two objects, a word of an expression,
/// or so many bytes looked at ([`BYTES`]). A rule with a pattern and an expression takes some hundred for each pod.
pub(super) const STEPS: u64 = 50_000_000;
/// Bytes that are looked at in a step.
const BYTES: u64 = 64;

/// What is left of [`STEPS`].
#[derive(Debug, Clone)]
pub(super) struct Effort(Arc<AtomicU64>);

/// Nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedUp;

impl Default for Effort {
    fn default() -> Self {
        Self::of(STEPS)
    }
}

impl Effort {
    pub(super) fn of(steps: u64) -> Self {
        Self(Arc::new(AtomicU64::new(steps)))
    }

    /// Takes so many steps.
    pub(super) fn take(&self, steps: u64) -> Result<(), UsedUp> {
        // One rule is judged by one thread; the account is shared with its expressions.
        let left = self.0.load(Ordering::Relaxed).saturating_sub(steps);
        self.0.store(left, Ordering::Relaxed);
        if left == 0 { Err(UsedUp) } else { Ok(()) }
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// Steps to look at so many bytes.
pub(super) fn steps(bytes: u64) -> u64 {
    1 + bytes / BYTES
}
