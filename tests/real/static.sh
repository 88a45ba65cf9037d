#!/usr/bin/env bash
# The static program alone: built with the C library inside, it analyses, inspects and collects in a root that holds nothing else.
#
# usage: tests/real/static.sh [--build] [CASEFILE]     chroot needs root
#
# Builds target/static/…/casefile first (with --build, or where it is missing and no CASEFILE is named), in the debug profile: what is
# tested is the linking, not the speed. A release is `RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --target
# x86_64-unknown-linux-gnu`. The target must be named, or the procedural macros, which are libraries, could not be built.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }
build=
if [ "${1:-}" = --build ]; then build=yes; shift; fi
triple=$(uname -m)-unknown-linux-gnu
casefile=${1:-$here/target/static/$triple/debug/casefile}
[ "${1:-}" ] || [ -x "$casefile" ] || build=yes
if [ "$build" ]; then
    (cd "$here" && CARGO_TARGET_DIR=target/static RUSTFLAGS='-C target-feature=+crt-static' \
        cargo build --locked --target "$triple" --config 'profile.dev.package."*".opt-level=0')
fi
[ -x "$casefile" ] || fail "there is no $casefile"
[ "$(id -u)" = 0 ] || skip "a root of its own needs root (chroot)"
command -v python3 >/dev/null || skip "python3 is missing"

# No interpreter in its headers: nothing has to be loaded beside it.
if command -v readelf >/dev/null; then
    if readelf -l "$casefile" | grep -q INTERP; then fail "$casefile asks for a dynamic linker"; fi
fi

work=$(mktemp -d /tmp/casefile-static.XXXXXX)
root=$work/root
server=
cleanup() {
    status=$?
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    umount -l "$root/proc" 2>/dev/null || true
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT
mkdir -p "$root/work"
cp "$casefile" "$root/casefile"
cp "$here/bundles/share-mnt.tar.gz" "$root/work/"
alone() { chroot "$root" /casefile "$@"; }

# --- only the program: no /proc, no /tmp, no /etc -----------------------------------------------------------------------------------

alone --version
alone inspect /work/share-mnt.tar.gz >"$work/inspect.txt" || fail "inspect ended with $?"
grep -q share-mnt "$work/inspect.txt" || fail "inspect says nothing of the bundle"
alone analyze /work/share-mnt.tar.gz -f json,html,md -o /work/reports >/dev/null || fail "analyze ended with $?"
grep -q docker-clean "$root/work/reports/share-mnt.en.json" || fail "the report lacks its cause"
status=0
alone collect --no-cluster --quiet -o /work/bare.tar.gz >/dev/null || status=$?
[ "$status" = 0 ] || [ "$status" = 4 ] || fail "collect ended with $status"
alone verify /work/bare.tar.gz >/dev/null || fail "what was collected without /proc does not verify"
echo "without /proc: analyze, inspect, verify work, collect ends with $status"

# --- with /proc, which is what a host is read from -----------------------------------------------------------------------------------

mkdir "$root/proc" && mount -t proc proc "$root/proc" || skip "/proc cannot be mounted here; all but that was seen to work"
status=0
alone collect --no-cluster --quiet -o /work/host.tar.gz >/dev/null || status=$?
[ "$status" = 0 ] || [ "$status" = 4 ] || fail "collect with /proc ended with $status"
tar -tzf "$root/work/host.tar.gz" >"$work/list.txt"
for wanted in host/sysctl.txt host/meminfo.txt host/mounts.txt; do grep -q "$wanted" "$work/list.txt" || fail "$wanted was not collected"; done
echo "with /proc: collect ends with $status, $(wc -l <"$work/list.txt") files"

# --- names: an API server that is called by name, of /etc/hosts and of a name server --------------------------------------------------

cat >"$work/server.py" <<'PY'
"""A name server on 127.0.0.1:53 that knows api.example, and a plain API server that knows its version."""
import http.server, json, socket, struct, sys, threading
def names():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try: udp.bind(("127.0.0.1", 53))
    except OSError: return
    while True:
        data, peer = udp.recvfrom(512)
        end = data.index(b"\0", 12) + 5
        known = data[12:].lower().startswith(b"\x03api\x07example\0") and data[end - 4:end - 2] == b"\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if known else b""
        udp.sendto(data[:2] + b"\x81\x80\0\1" + struct.pack(">H", known) + b"\0\0\0\0" + data[12:end] + answer, peer)
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"gitVersion": "v1.30.0", "major": "1", "minor": "30"}).encode() if self.path == "/version" else b"{}"
        self.send_response(200 if self.path == "/version" else 404)
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
threading.Thread(target=names, daemon=True).start()
api = http.server.HTTPServer(("127.0.0.1", 0), Api)
print(api.server_address[1], flush=True)
api.serve_forever()
PY
python3 "$work/server.py" >"$work/port" &
server=$!
for _ in $(seq 50); do [ -s "$work/port" ] && break; sleep 0.1; done
mkdir -p "$root/etc"
# ask NAME: collects over an API server of that name, and says whether it was found.
ask() {
    printf 'apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "http://%s:%s", insecure-skip-tls-verify: true}}]\nusers: [{name: u, user: {}}]\n' \
        "$1" "$(cat "$work/port")" >"$root/work/kubeconfig"
    alone collect --quiet --force --timeout 10 --kubeconfig /work/kubeconfig -o /work/api.tar.gz >/dev/null || true
    tar -xzOf "$root/work/api.tar.gz" --wildcards '*/manifest.json' | python3 -c '
import json, sys
step = next(step for step in json.load(sys.stdin)["steps"] if step["name"] == "kubernetes/connect")
print(step["outcome"], step.get("reason", ""))'
}
echo "127.0.0.1 api-by-file" >"$root/etc/hosts"
echo "nameserver 127.0.0.1" >"$root/etc/resolv.conf"
for order in "" "hosts: files mymachines resolve [!UNAVAIL=return] dns"; do
    # Modules that nsswitch.conf names and that are not there are passed over.
    [ -z "$order" ] || echo "$order" >"$root/etc/nsswitch.conf"
    for name in 127.0.0.1 api-by-file api.example; do
        answer=$(ask $name)
        echo "an API server called $name${order:+ ($order)}: $answer"
        case $answer in done*) ;; *) fail "$name was not found" ;; esac
    done
done
echo "passed"
