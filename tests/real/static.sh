#!/usr/bin/env bash
# The static program in an empty root that holds only it: it analyses, inspects, collects, verifies and redacts there.
#
# usage: tests/real/static.sh [CASEFILE]      as root, for chroot(8)
#
# CASEFILE is a static build; without it target/release/casefile. One is made by
#     cargo rustc --release --locked --bin casefile -- -C target-feature=+crt-static
# A program that is not static is said to be SKIPPED.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
casefile=${1:-$here/target/release/casefile}
[ -x "$casefile" ] || { echo "tests/real/static.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || skip "chroot needs root"
if head -c 4096 "$casefile" | grep -qa 'ld-linux\|ld-musl'; then skip "$casefile is not static"; fi

root=$(mktemp -d /tmp/casefile-static.XXXXXX)
trap 'rm -rf "$root"' EXIT
cp "$casefile" "$root/casefile"
cp "$here/bundles/share-mnt.tar.gz" "$root/bundle.tar.gz"
run() { env -i chroot "$root" /casefile "$@"; }
run inspect /bundle.tar.gz >"$root/inspect.txt" || fail "inspect"
grep -q '^  nodes' "$root/inspect.txt" || fail "inspect read nothing"
run analyze /bundle.tar.gz -f md -o /report.md --lang en >"$root/analyze.txt" || fail "analyze"
grep -q Confirmed "$root/analyze.txt" || fail "analyze found nothing"
# There is nothing to read here, and nothing of it is a failure.
run collect --no-cluster -q -o /node.tar.gz || fail "collect"
run verify /node.tar.gz || fail "verify"
run redact /bundle.tar.gz -o /redacted.tar.gz >/dev/null || fail "redact"
rm "$root/casefile" && [ "$(ls "$root")" = "$(printf '%s\n' analyze.txt bundle.tar.gz inspect.txt node.tar.gz redacted.tar.gz report.md)" ] ||
    fail "something else was written: $(ls "$root")"
echo "passed"
