//! Secrets: found by structure and by pattern, replaced by stable tokens, and looked for again in what is written.
//!
//! One [`Masker`] serves one report or one collected bundle, so the same value gets the same token everywhere in it. It is fed
//! in two ways: [`Masker::learn_json`] takes secrets from the places where Kubernetes, Docker and kubeconfig keep them, and
//! [`Masker::mask`] also finds secrets by their looks. What was learned once is masked in all later text.

mod addresses;
mod argv;
mod beside;
mod blocks;
mod class;
mod colours;
mod columns;
mod commands;
mod detectors;
mod ends;
mod forms;
mod further;
mod given;
mod key;
mod leak;
mod leaves;
mod links;
mod manifests;
mod masker;
mod memory;
mod names;
mod packed;
mod patterns;
mod pem;
mod people;
mod pseudonyms;
mod seams;
mod sentences;
mod shapes;
mod structure;
mod switches;
mod values;
mod versions;
mod words;

pub use class::{Class, Redaction};
pub use given::{Given, Pattern, Said};
pub use key::Key;
pub use leak::{Leak, LeakFinder};
pub use masker::Masker;
pub use pseudonyms::Pseudonyms;
