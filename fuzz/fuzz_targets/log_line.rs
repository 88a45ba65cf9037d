//! Lines of logs: their time, their runtime's prefix, the scan with the signatures of all rules.
//!
//! The block before the first byte of value 1 is fed before the rest, so that the border between blocks moves too.
#![no_main]

use std::sync::LazyLock;

use casefile::logs::{LogScan, Stream, clean_line, stamp_of};
use casefile::model::EntryPath;
use casefile::rules::Rules;
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::load().expect("the rules load"));

fuzz_target!(init: { LazyLock::force(&RULES); }, |bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let now = "2026-11-21T12:00:00Z".parse().ok();
    for line in text.lines() {
        if let Some((stamp, raw)) = stamp_of(line) {
            assert!(line.contains(raw), "{raw:?} is not in {line:?}");
            let _ = stamp.resolve(raw, now);
        }
        assert!(line.ends_with(clean_line(line)));
    }
    let mut scan = LogScan::new(RULES.signatures(), EntryPath::new("a.log"), Stream::Unknown, 10_000);
    let mut next = 1;
    for block in text.split_inclusive('\u{1}') {
        scan.feed(block, next);
        next += block.lines().count() as u64;
    }
    let log = scan.finish();
    assert!(log.tail.len() <= 40);
});
