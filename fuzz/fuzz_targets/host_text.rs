//! What tools of a machine print: everything that is neither kubectl's text nor an object. The first byte chooses a name for the file,
//! since some decoders take it as a hint.
#![no_main]

use casefile_fuzz::decode;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 12] = [
    "output.txt",
    "etc/cron.d/cleanup",
    "etc/resolv.conf",
    "etc/hostname",
    "etc/hosts",
    "nodes/n1/docker-ps-a.txt",
    "nodes/n1/docker-events.jsonl",
    "etc/systemd/system/a.service",
    "etc/containerd/config.toml",
    "ls-l",
    "scripts/cleanup.sh",
    "manifest.json",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    decode(name, text, |name| {
        !name.starts_with("kubectl") && name != "json" && name != "yaml"
    });
});
