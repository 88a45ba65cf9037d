//! The archive reader over bytes: every container and compression, nested.
#![no_main]

use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;

use casefile::bundle::{Budget, walk};
use libfuzzer_sys::fuzz_target;

/// Small limits, so that running into one is common, and a bomb that gets around them shows in the memory.
const BUDGET: Budget = Budget {
    max_entries: 2_000,
    max_entry_bytes: 8 << 20,
    max_bytes: 32 << 20,
    max_ratio: 200,
    ratio_grace: 1 << 20,
    max_nesting: 3,
    max_path_bytes: 1024,
    max_zip_in_memory: 1 << 20,
    max_decoder_memory: 64 << 20,
    ..Budget::DEFAULT
};

/// The reader takes a path, as people give one.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = ["/dev/shm", "/tmp"]
        .map(PathBuf::from)
        .into_iter()
        .find(|folder| folder.is_dir());
    folder
        .unwrap_or_default()
        .join(format!("casefile-fuzz-{}", std::process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("the file for the archive can be written");
    let mut budget = BUDGET;
    let mut read = 0;
    let walked = walk(&FILE, &mut budget, &mut |entry| {
        let size = std::io::copy(&mut entry.content.take(u64::MAX), &mut std::io::sink());
        let size = size.expect("the content of an entry never fails");
        assert!(size <= BUDGET.max_entry_bytes);
        assert!(
            entry.path.as_str().len() as u64 <= BUDGET.max_path_bytes,
            "{}",
            entry.path
        );
        read += size;
    });
    assert!(budget.spent_entries <= BUDGET.max_entries);
    assert!(budget.spent_bytes <= BUDGET.max_bytes);
    assert!(
        read <= budget.spent_bytes,
        "{read} bytes handed out, {} counted",
        budget.spent_bytes
    );
    if let Ok(walked) = walked {
        assert!(walked.entries > 0 || !walked.links.is_empty() || !walked.problems.is_empty());
    }
});
