//! The self-check: is a secret that is known still in what is about to be written?

use aho_corasick::AhoCorasick;

use super::memory::{self, Memory};

/// A secret that was found in an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The token that should stand there.
    pub token: String,
    /// Where it stands, in bytes from the start of the output.
    pub offset: usize,
    /// How it is written there: `raw`, `json`, `yaml`, `shell`, `url`, `html` or `base64`.
    pub form: &'static str,
}

/// An automaton of its own over every form of every known secret, so that the check does not depend on the state of the masking.
pub struct LeakFinder {
    automaton: Option<AhoCorasick>,
    forms: Vec<(String, &'static str)>,
}

impl LeakFinder {
    pub(super) fn new(memory: &Memory) -> Self {
        let literals = memory.literals();
        let forms = memory::all_forms(literals);
        let token = |at: usize| literals.get(at).map_or("", |(id, _)| memory.token(*id)).to_owned();
        Self {
            automaton: memory::automaton(&forms),
            forms: forms
                .iter()
                .map(|(at, form)| (token(*at), form.writing.name()))
                .collect(),
        }
    }

    /// True where nothing is known that could be found.
    pub fn knows_nothing(&self) -> bool {
        self.forms.is_empty()
    }

    /// Every secret that stands in `output`, raw or in another form.
    pub fn find(&self, output: &[u8]) -> Vec<Leak> {
        let Some(automaton) = &self.automaton else {
            return Vec::new();
        };
        let hits = automaton.find_iter(output).filter_map(|hit| {
            let (token, form) = self.forms.get(hit.pattern().as_usize())?;
            Some(Leak {
                token: token.clone(),
                offset: hit.start(),
                form,
            })
        });
        hits.collect()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::{Class, Masker};

    #[test]
    fn a_leak_is_named_by_its_token() {
        let mut masker = Masker::new();
        masker.learn_secret(Class::Password, "p&ss<w0rd>");
        for (output, form) in [
            ("see p&ss<w0rd>".to_owned(), "raw"),
            ("see p\\u0026ss\\u003cw0rd\\u003e".to_owned(), "json"),
            ("see p%26ss%3Cw0rd%3E".to_owned(), "url"),
            ("see p&amp;ss&lt;w0rd&gt;".to_owned(), "html"),
            (STANDARD.encode("a: p&ss<w0rd>\n"), "base64"),
        ] {
            let leaks = masker.leaks(output.as_bytes());
            let found: Vec<_> = leaks.iter().map(|leak| (leak.token.as_str(), leak.form)).collect();
            assert_eq!(found, [("‹password-1›", form)], "{output}");
            let masked = masker.mask(&output).into_owned();
            assert_eq!(masker.leaks(masked.as_bytes()), [], "{masked}");
        }
        assert_eq!(masker.leaks(b"see nothing"), []);
    }
}
