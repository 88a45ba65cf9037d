//! What `kubectl describe` prints.
#![no_main]

use casefile_fuzz::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decode("described.txt", bytes, |name| {
        matches!(name, "kubectl command" | "kubectl describe")
    });
});
