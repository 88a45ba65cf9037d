#!/usr/bin/env bash
# A real containerd with its CRI plugin and runc: pods are made through the CRI, one component crashes, one image cannot be had.
# `casefile collect` reads the runtime over its socket, and `casefile analyze` finds what was broken.
#
# usage: tests/real/containerd.sh [CASEFILE] [CRI-CLIENT]     as root, where containerd, runc, python3 and busybox are installed
#
# CASEFILE is the program under test (else target/release/casefile, else target/debug/casefile), CRI-CLIENT the example `cri` (else
# target/debug/examples/cri; `cargo build --example cri`). The containerd has a socket and folders of its own under a temporary
# directory, and /run and /var/log of its own in a mount namespace, so that nothing of another one on this machine is touched. Where none
# can run, the script says SKIPPED with the reason and ends with 0.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
# first_of FILE...: the first that can be run.
first_of() { for candidate; do if [ -x "$candidate" ]; then realpath "$candidate"; return; fi; done; }
casefile=$(first_of ${1:+"$1"} "$here/target/release/casefile" "$here/target/debug/casefile")
client=$(first_of ${2:+"$2"} "$here/target/debug/examples/cri")
[ -n "$casefile" ] || { echo "tests/real/containerd.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
[ -n "$client" ] || { echo "tests/real/containerd.sh: no client; cargo build --example cri" >&2; exit 2; }

skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || skip "containerd needs Linux"
[ "$(id -u)" = 0 ] || skip "a containerd of its own needs root"
export PATH="$PATH:/usr/sbin:/sbin"
for program in containerd ctr runc busybox python3; do
    command -v "$program" >/dev/null || skip "$program is missing; apt-get install containerd runc busybox-static python3"
done

# The machine with its own /run and /var/log, as a node would have them.
if [ -z "${IN_OWN_MOUNTS:-}" ]; then
    unshare --mount --propagation private true 2>/dev/null || skip "no mount namespace of its own is allowed here"
    IN_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$casefile" "$client"
fi
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log || skip "nothing can be mounted here"
socket=/run/containerd/containerd.sock

work=$(mktemp -d /tmp/casefile-containerd.XXXXXX)
runtime=
cleanup() {
    status=$?
    if [ -n "$runtime" ]; then
        for sandbox in "${sandboxes[@]:-}"; do
            [ -z "$sandbox" ] || timeout 20 "$client" "$socket" remove "$sandbox" >/dev/null 2>&1 || true
        done
        kill "$runtime" 2>/dev/null || true
        wait "$runtime" 2>/dev/null || true
    fi
    awk -v work="$work/" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT
sandboxes=()

# --- images, as `docker save` writes them -------------------------------------------------------------------------------------

busybox=$(command -v busybox)
pause=registry.k8s.io/pause:3.6
component=registry.k8s.io/kube-scheduler:v1.28.4
application=docker.io/shop/cart:1.0
python3 "$here/tests/real/parts/image.py" "$work/pause.tar" "$pause" "$busybox" /bin/sleep 1000000
python3 "$here/tests/real/parts/image.py" "$work/component.tar" "$component" "$busybox" /bin/sh
python3 "$here/tests/real/parts/image.py" "$work/application.tar" "$application" "$busybox" /bin/sh

# --- the runtime --------------------------------------------------------------------------------------------------------------

. "$here/tests/real/parts/containerd.sh"
start_containerd pause component application
[ -n "$snapshotter" ] || skip "no containerd runs sandboxes here; its last words stand above"
echo "$(containerd --version | cut -d' ' -f1-3) with $snapshotter"

# --- pods: one well, one component crashed, one image that nobody has ---------------------------------------------------------

# pod NAMESPACE NAME UID: sets $sandbox and $folder.
pod() {
    folder=$(folder_of "$1" "$2" "$3")
    sandbox=$("$client" "$socket" pod "$1" "$2" "$folder")
    sandboxes+=("$sandbox")
}

# A value that must not be in the bundle: an environment variable whose name says what it is, and the log says it too.
secret=$(python3 -c 'import secrets; print(secrets.token_hex(20))')

pod shop cart-6d4b75cb6d-x2x7k 22222222-2222-2222-2222-222222222222
DEMO_DATABASE_PASSWORD=$secret "$client" "$socket" container "$sandbox" shop cart-6d4b75cb6d-x2x7k cart 0 "$application" "$folder" \
    /bin/sh -c 'echo "cart listens on :8080, password $DEMO_DATABASE_PASSWORD"; exec sleep 100000' >/dev/null

pod kube-system kube-scheduler-node-1 33333333-3333-3333-3333-333333333333
for attempt in 0 1; do
    "$client" "$socket" container "$sandbox" kube-system kube-scheduler-node-1 kube-scheduler "$attempt" "$component" "$folder" \
        /bin/sh -c 'echo "E1121 10:00:00.000001       1 run.go:74] \"command failed\" err=\"stat /etc/kubernetes/scheduler.conf: no such file or directory\"" >&2; exit 1' >/dev/null
done

# An image that is not on this node, from a registry that is down: nobody listens at its port.
port=$(python3 -c 'import socket; one = socket.socket(); one.bind(("127.0.0.1", 0)); print(one.getsockname()[1])')
missing=127.0.0.1:$port/shop/web:2.1
pod shop web-7c9f8d5b4-q9m2z 44444444-4444-4444-4444-444444444444
for _ in 1 2 3; do
    if "$client" "$socket" pull "$missing" 2>>"$work/pull.log"; then fail "an image was pulled from nowhere"; fi
done
# The runtime looks at the size of its images once a second.
sleep 2

# --- collect --------------------------------------------------------------------------------------------------------------------

status=0
"$casefile" collect --no-cluster --quiet -o "$work/node.tar.gz" || status=$?
[ "$status" = 0 ] || [ "$status" = 4 ] || fail "collect ended with $status"
mkdir "$work/open"
tar -xzf "$work/node.tar.gz" -C "$work/open" --strip-components=1

python3 - "$work/open" "$secret" <<'PY'
import glob, json, os, sys
top, secret = sys.argv[1:]
manifest = json.load(open(top + "/manifest.json"))
steps = {step["name"]: step for step in manifest["steps"]}
for name in ("cri/version", "cri/inspect", "cri/inspectp", "cri/info", "cri/ps-a", "cri/pods", "cri/images", "cri/imagefsinfo",
             "pods/logs", "pods/resolv"):
    assert steps[name]["outcome"] == "done", (name, steps[name])
node = glob.glob(top + "/nodes/*")[0]
read = lambda name: json.load(open(node + "/cri/" + name))
assert read("version.json")["runtimeName"] == "containerd"
containers = read("ps-a.json")["containers"]
states = sorted((c["metadata"]["name"], c["metadata"]["attempt"], c["state"]) for c in containers)
assert states == [("cart", 0, "CONTAINER_RUNNING"), ("kube-scheduler", 0, "CONTAINER_EXITED"), ("kube-scheduler", 1, "CONTAINER_EXITED")], states
assert len(read("pods.json")["items"]) == 3
images = [tag for image in read("images.json")["images"] for tag in image["repoTags"]]
assert "docker.io/shop/cart:1.0" in images, images
assert int(read("imagefsinfo.json")["imageFilesystems"][0]["usedBytes"]["value"]) > 0
conditions = {c["type"]: c["status"] for c in read("info.json")["status"]["conditions"]}
assert conditions["RuntimeReady"] is True, conditions
crashed = [json.load(open(path)) for path in glob.glob(node + "/cri/inspect/*scheduler*")]
assert [c["status"]["exitCode"] for c in crashed] == [1, 1]
# The crashed one's log is read before that of the well one.
logs = steps["pods/logs"]["files"]
assert "kube-scheduler/1.log" in logs[0] or "kube-scheduler" in logs[0], logs
assert any("/cart/0.log" in path for path in logs), logs
resolvers = [open(path).read() for path in glob.glob(node + "/pods/*/resolv.conf")]
assert len(resolvers) == 3 and all("nameserver 10.43.0.10" in text for text in resolvers), resolvers
for folder, _, names in os.walk(top):
    for name in names:
        assert secret.encode() not in open(os.path.join(folder, name), "rb").read(), name
PY
echo "collected: $(tar -tzf "$work/node.tar.gz" | grep -c /cri/) files of the runtime"

# --- analyze ----------------------------------------------------------------------------------------------------------------------

"$casefile" inspect "$work/node.tar.gz" >"$work/inspect.txt"
"$casefile" analyze "$work/node.tar.gz" -f json --lang en -o "$work/report.json" >/dev/null || true
python3 - "$work/report.json" "$missing" <<'PY'
import json, sys
text = open(sys.argv[1]).read()
report = json.loads(text)
found = {finding["rule"] for finding in report["findings"]}
print("found:", ", ".join(sorted(found)))
assert "scheduler-down" in found, "the crashed scheduler was not found"
assert "registry-down" in found and sys.argv[2] in text, "the image that cannot be had was not found"
PY
echo "passed"
