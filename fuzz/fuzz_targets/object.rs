//! Objects in JSON and YAML, and what is made of them: identity, merging, ages, namespaces, typed views.
#![no_main]

use std::sync::LazyLock;

use casefile::logs::SignatureSet;
use casefile_fuzz::snapshot;
use libfuzzer_sys::fuzz_target;

static NO_SIGNATURES: LazyLock<SignatureSet> = LazyLock::new(|| SignatureSet::new([]).expect("an empty set compiles"));

fuzz_target!(|bytes: &[u8]| {
    let snapshot = snapshot(&NO_SIGNATURES, [("objects", bytes)]);
    for object in snapshot.objects.values() {
        let _ = object.cite_at("/spec/containers/0/image");
        let _ = object.time("/metadata/creationTimestamp");
    }
    for pod in snapshot.pods() {
        let _ = pod.containers();
    }
    let _ = snapshot.node_names();
});
