#!/usr/bin/env bash
# A real etcd of three members with TLS on the loopback: one is stopped, one raises an alarm. `casefile collect` asks it with a client's
# certificate, and `casefile analyze` finds both.
#
# usage: tests/real/etcd.sh [CASEFILE]      where etcd, openssl and python3 are installed; root is not needed
#
# CASEFILE is the program under test; without it target/release/casefile, else target/debug/casefile. Everything is below a temporary
# directory. Where no etcd can run, the script says SKIPPED with the reason and ends with 0.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
casefile=${1:-}
for candidate in "$here/target/release/casefile" "$here/target/debug/casefile"; do
    [ -n "$casefile" ] || { [ -x "$candidate" ] && casefile=$candidate; }
done
[ -x "${casefile:-}" ] || { echo "tests/real/etcd.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
casefile=$(realpath "$casefile")

skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }
for program in etcd openssl python3; do
    command -v "$program" >/dev/null || skip "$program is missing; apt-get install etcd-server openssl python3"
done

work=$(mktemp -d /tmp/casefile-etcd.XXXXXX)
members=()
cleanup() {
    status=$?
    for member in "${members[@]:-}"; do [ -z "$member" ] || kill "$member" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT

# --- certificates ---------------------------------------------------------------------------------------------------------------

cd "$work"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=etcd-ca -keyout ca.key -out ca.crt 2>/dev/null
for name in server client; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" -keyout $name.key -out $name.csr 2>/dev/null
    printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >ext
    openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $name.crt 2>/dev/null
done

# --- three members, of which one has a tiny quota and one is stopped -------------------------------------------------------------

read -r -a ports < <(python3 -c '
import socket
held = [socket.socket() for _ in range(6)]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])')
cluster="n0=https://127.0.0.1:${ports[1]},n1=https://127.0.0.1:${ports[3]},n2=https://127.0.0.1:${ports[5]}"
for n in 0 1 2; do
    quota=$((64 * 1024 * 1024))
    [ "$n" != 1 ] || quota=$((256 * 1024))
    etcd --name "n$n" --data-dir "$work/n$n" --quota-backend-bytes "$quota" \
        --listen-client-urls "https://127.0.0.1:${ports[$((n * 2))]}" --advertise-client-urls "https://127.0.0.1:${ports[$((n * 2))]}" \
        --listen-peer-urls "https://127.0.0.1:${ports[$((n * 2 + 1))]}" --initial-advertise-peer-urls "https://127.0.0.1:${ports[$((n * 2 + 1))]}" \
        --initial-cluster "$cluster" --initial-cluster-state new --initial-cluster-token casefile-test \
        --client-cert-auth --trusted-ca-file ca.crt --cert-file server.crt --key-file server.key \
        --peer-client-cert-auth --peer-trusted-ca-file ca.crt --peer-cert-file server.crt --peer-key-file server.key \
        >"$work/n$n.log" 2>&1 &
    members[n]=$!
done
cat >put.py <<'PY'
"""Waits for the cluster, then writes until the member with the tiny quota raises its alarm."""
import base64, json, ssl, sys, time, urllib.error, urllib.request
context = ssl.create_default_context(cafile="ca.crt"); context.load_cert_chain("client.crt", "client.key")
def post(port, path, document):
    request = urllib.request.Request("https://127.0.0.1:%s%s" % (port, path), json.dumps(document).encode())
    return json.load(urllib.request.urlopen(request, context=context, timeout=5))
first, small = sys.argv[1:]
for _ in range(120):
    try: post(first, "/v3/kv/range", {"key": "YQ=="}); break
    except Exception: time.sleep(0.5)
else: sys.exit("the cluster does not answer")
value = base64.b64encode(b"x" * 60000).decode()
for number in range(60):
    try: post(small, "/v3/kv/put", {"key": base64.b64encode(b"k%d" % number).decode(), "value": value})
    except urllib.error.HTTPError: pass
    if post(first, "/v3/maintenance/alarm", {"action": "GET"}).get("alarms"): sys.exit()
sys.exit("no alarm was raised")
PY
python3 put.py "${ports[0]}" "${ports[2]}" 2>put.err || { tail -n 3 put.err n0.log >&2; skip "no etcd cluster runs here; its last words stand above"; }
kill "${members[2]}"; wait "${members[2]}" 2>/dev/null || true
members[2]=
echo "$(etcd --version | head -n 1), an alarm raised, one member stopped"

# --- collect and analyze ----------------------------------------------------------------------------------------------------------

mkdir data out
status=0
"$casefile" collect --no-cluster --quiet --etcd-endpoint "https://127.0.0.1:${ports[0]}" --etcd-cacert ca.crt --etcd-cert client.crt --etcd-key client.key \
    --disk-test --disk-test-folder "$work/data" -o "$work/node.tar.gz" || status=$?
[ "$status" = 0 ] || [ "$status" = 4 ] || fail "collect ended with $status"
[ -z "$(ls -A data)" ] || fail "the disk test left something behind"
tar -xzf node.tar.gz -C out --strip-components=1
python3 - "${ports[4]}" <<'PY'
import glob, json, sys
steps = {step["name"]: step for step in json.load(open("out/manifest.json"))["steps"]}
for name in ("etcd/cluster", "etcd/disk-test"):
    assert steps[name]["outcome"] == "done", steps[name]
node = glob.glob("out/nodes/*/etcd")[0]
read = lambda name: json.load(open(node + "/" + name))
assert len(read("member-list.json")["members"]) == 3
assert [alarm["alarm"] for alarm in read("alarm-list.json")["alarms"]] == ["NOSPACE"]
health = {entry["endpoint"].rsplit(":", 1)[1]: entry for entry in read("endpoint-health.json")}
assert len(health) == 3 and health[sys.argv[1]]["health"] is False, health
assert len(read("endpoint-status.json")) == 2
assert "etcd_disk_wal_fsync_duration_seconds_bucket" in open(node + "/metrics.txt").read()
assert "99.00th=[" in open(node + "/disk-test.txt").read()
key = open("client.key").read().splitlines()[1]
for path in glob.glob("out/**", recursive=True):
    try: assert key.encode() not in open(path, "rb").read(), path
    except IsADirectoryError: pass
PY
# Only what was asked of etcd, so that nothing else of this machine is found.
mkdir -p alone/nodes/node-1 && cp -r out/nodes/*/etcd alone/nodes/node-1/etcd
"$casefile" analyze alone -f json --lang en -o report.json >/dev/null || true
python3 - <<'PY'
import json
found = {finding["rule"] for finding in json.load(open("report.json"))["findings"]}
print("found:", ", ".join(sorted(found)))
for wanted in ("etcd-nospace", "etcd-member-down"):
    assert wanted in found, wanted + " was not found"
PY
echo "passed"
