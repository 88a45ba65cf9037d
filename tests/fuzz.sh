#!/usr/bin/env bash
# Runs every fuzz target in turn and fails on a finding: a panic, more than 10 seconds or 2 GiB for one input.
#
# usage: tests/fuzz.sh [SECONDS] [TARGET…]     default: 60 seconds each, all targets; 600 is a thorough run
# needs: a nightly toolchain and cargo-fuzz (`rustup toolchain install nightly`, `cargo install cargo-fuzz`)
#
# The seeds in fuzz/corpus are few and made by hand; what a run finds of interest goes to target/fuzz-corpus.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo +nightly fuzz list)

# No sanitizer: unsafe code is forbidden here, and without one the same time tries several times as many inputs.
for target in "${targets[@]}"; do
    options=(-max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1)
    [ "$target" = archive ] && options+=(-max_len=65536) || options+=(-max_len=16384 -dict=text.dict)
    # New inputs go to a folder of their own, so that the seeds stay few.
    mkdir -p "../target/fuzz-corpus/$target"
    echo "=== $target"
    cargo +nightly fuzz run -s none "$target" "../target/fuzz-corpus/$target" "corpus/$target" -- "${options[@]}"
done
echo "no findings"
