//! The tables of kubectl: `get` in all its forms, `top`, and a prompt with its command before them.
#![no_main]

use casefile_fuzz::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decode("tables.txt", bytes, |name| {
        matches!(
            name,
            "kubectl command" | "kubectl get" | "kubectl top" | "kubectl message"
        )
    });
});
