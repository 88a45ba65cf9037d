//! What is worked out of a snapshot once, at the first question, and kept.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One value of each type that was asked for. A copy starts empty, so that a changed snapshot is asked anew.
#[derive(Default)]
pub(super) struct Derived(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Derived {
    /// The value of this type; `make` works it out the first time. Whoever asks meanwhile waits for it, so `make` must not wait for
    /// another thread.
    pub(super) fn get<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                slots
                    .entry(TypeId::of::<T>())
                    .or_insert_with(|| Arc::new(OnceLock::<Arc<T>>::new())),
            )
        };
        // The slot was put there under this very type.
        let slot = slot.downcast::<OnceLock<Arc<T>>>().unwrap_or_default();
        Arc::clone(slot.get_or_init(|| Arc::new(make())))
    }
}

impl Clone for Derived {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Derived")
    }
}
