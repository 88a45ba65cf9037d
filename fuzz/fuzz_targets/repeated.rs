//! A text over and over, up to a quarter of a megabyte: what is asked at every line must not look at all the others.
//!
//! The first byte says how many of the lines stand only once, at the beginning.
#![no_main]

use std::sync::LazyLock;

use casefile::logs::SignatureSet;
use casefile_fuzz::snapshot;
use libfuzzer_sys::fuzz_target;

const SIZE: usize = 256 << 10;

static NO_SIGNATURES: LazyLock<SignatureSet> = LazyLock::new(|| SignatureSet::new([]).expect("an empty set compiles"));

fuzz_target!(|bytes: &[u8]| {
    let Some((once, text)) = bytes.split_first() else {
        return;
    };
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut whole: Vec<u8> = lines.by_ref().take(usize::from(*once)).flatten().copied().collect();
    let unit: Vec<u8> = lines.flatten().copied().collect();
    if unit.is_empty() {
        return;
    }
    while whole.len() < SIZE {
        whole.extend_from_slice(&unit);
    }
    snapshot(&NO_SIGNATURES, [("text", whole.as_slice())]);
});
