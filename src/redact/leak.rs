//! The self-check: is a secret that is known still in what is about to be written?

use super::memory::{self, Memory};

/// A secret that was found in an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The token that should stand there.
    pub token: String,
    /// Where it stands, in bytes from the start of the output.
    pub offset: usize,
    /// How it is written there: `raw`, `json`, `url`, `html` or `base64`.
    pub form: &'static str,
}

/// Searches `output` with an automaton of its own, so that it does not depend on the state of the masking.
pub(super) fn find(memory: &Memory, output: &[u8]) -> Vec<Leak> {
    let forms = memory::all_forms(memory.literals());
    let Some(automaton) = memory::automaton(&forms) else {
        return Vec::new();
    };
    let hits = automaton.find_iter(output).filter_map(|hit| {
        let (id, form) = forms.get(hit.pattern().as_usize())?;
        Some(Leak {
            token: memory.token(*id).to_owned(),
            offset: hit.start(),
            form: form.name,
        })
    });
    hits.collect()
}
