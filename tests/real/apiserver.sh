#!/usr/bin/env bash
# A real kube-apiserver on a real etcd, with thousands of pods, custom resources, a user who may read little, an aggregated API that
# is dead, an expired token, clients that press on its watch cache, and a proxy in between that hangs, cuts and answers 429. What
# casefile collects is compared with what was created, and then analysed: what was broken must be found.
#
# usage: tests/real/apiserver.sh [CASEFILE]
#
# CASEFILE is the program under test; without it target/release/casefile, else target/debug/casefile. The server is built once by
# tests/real/apiserver/build.sh; etcd is Debian's etcd-server; the kubelets are stubs, so nothing runs in the pods. PODS (5000) says how
# many pods are created. Where something is missing, the script says SKIPPED with the reason and ends with 0.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
casefile=${1:-}
if [ -z "$casefile" ]; then
    for candidate in "$here/target/release/casefile" "$here/target/debug/casefile"; do
        if [ -x "$candidate" ]; then casefile=$candidate; break; fi
    done
fi
[ -x "${casefile:-}" ] || { echo "tests/real/apiserver.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
casefile=$(realpath "$casefile")

skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }

server=${APISERVER:-$here/target/real/kube-apiserver}
[ -x "$server" ] || skip "there is no API server; tests/real/apiserver/build.sh builds it"
command -v etcd >/dev/null || skip "etcd is missing; Debian has it in etcd-server"
command -v openssl >/dev/null || skip "openssl is missing"
command -v python3 >/dev/null || skip "python3 is missing"

work=$(mktemp -d /tmp/casefile-apiserver.XXXXXX)
started=()
cleanup() {
    status=$?
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT
export KUBECONFIG=/nonexistent

. "$here/tests/real/parts/cluster.sh"
# The API server reaches no node by a loopback address.
address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 '\.' || true)
[ -n "$address" ] || skip "this machine has no address but the loopback's"
read -r client_port peer_port port kubelet_port proxy_port <<<"$(ports 5)"

# --- certificates and tokens --------------------------------------------------------------------------------------------------

cd "$work"
make_authority
issue limited /O=readers/CN=limited extendedKeyUsage=clientAuth
issue kubelet /CN=kubelet 'subjectAltName=IP:127.0.0.1'
secret=planted-$(openssl rand -hex 12)

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
# A token of a service account as the API server would issue it, but for its end, an hour ago.
claims=$(printf '{"iss":"https://kubernetes.default.svc","aud":["https://kubernetes.default.svc"],"sub":"system:serviceaccount:default:old","exp":%s,"iat":%s}' \
    $(($(date +%s) - 3600)) $(($(date +%s) - 7200)) | base64url)
unsigned=$(printf '{"alg":"RS256","typ":"JWT"}' | base64url).$claims
token=$unsigned.$(printf %s "$unsigned" | openssl dgst -sha256 -sign accounts.key -binary | base64url)
kubeconfig admin "https://127.0.0.1:$port" admin
kubeconfig limited "https://127.0.0.1:$port" limited
kubeconfig expired "https://127.0.0.1:$port" "$token"
kubeconfig stuck "http://127.0.0.1:$proxy_port/stuck" admin
kubeconfig proxied "http://127.0.0.1:$proxy_port" admin

# --- the cluster --------------------------------------------------------------------------------------------------------------

start_etcd "$client_port" "$peer_port"
start_apiserver "$port" "$client_port" --authorization-mode=RBAC
python3 "$here/tests/real/apiserver/kubelet.py" "$address" "$kubelet_port" kubelet.crt kubelet.key "$secret" &
started+=($!)
python3 "$here/tests/real/apiserver/proxy.py" "$proxy_port" "$port" admin.crt admin.key &
started+=($!)
await_apiserver "$port"
echo "$("$server" --version) with $(etcd --version | head -n 1)"
python3 "$here/tests/real/apiserver/plant.py" "$port" "$address" "$kubelet_port" "$secret" "${PODS:-5000}"

# --- collections --------------------------------------------------------------------------------------------------------------

mkdir -p root/etc
echo control-1 >root/etc/hostname
collect() { # BUNDLE EXPECTED_STATUS OPTION...
    local status=0
    python3 - "$1" "$casefile" collect -q --root root --docker-socket none -o "$1.tar.gz" "${@:3}" <<'PYTHON' || status=$?
import resource, subprocess, sys, time
begun = time.monotonic()
status = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(f"{sys.argv[1]}: {time.monotonic() - begun:.0f} s, peak {peak} MiB")
assert peak < 400, f"{peak} MiB of memory"
sys.exit(status)
PYTHON
    [ "$status" = "$2" ] || fail "collect $1 ended with $status, not $2"
}
python3 "$here/tests/real/apiserver/press.py" "$port" &
press=$!
started+=("$press")
collect admin 4 --kubeconfig admin.kubeconfig --timeout 20
kill "$press"
collect limited 4 --kubeconfig limited.kubeconfig --timeout 20
collect expired 4 --kubeconfig expired.kubeconfig
collect proxied 4 --kubeconfig proxied.kubeconfig --timeout 5 --namespace shop
# Interrupted while the second page of the pods does not come: the first is in the bundle.
"$casefile" collect --root root --docker-socket none --kubeconfig stuck.kubeconfig --timeout 100 -o stuck.tar.gz >/dev/null 2>stuck.log &
stuck=$!
started+=("$stuck")
timeout 120 bash -c "until grep -q 'kubernetes/objects/pods …' stuck.log; do sleep 0.5; done" || fail "the list of pods was not begun"
sleep 5
kill -INT "$stuck"
status=0
wait "$stuck" || status=$?
[ "$status" = 4 ] || fail "the interrupted collection ended with $status, not 4"
python3 "$here/tests/real/apiserver/check.py" "$secret" "${PODS:-5000}"

# --- analysis -----------------------------------------------------------------------------------------------------------------

"$casefile" analyze admin.tar.gz -f json,md -o out/ || fail "analyze ended with $?"
python3 "$here/tests/real/apiserver/found.py" out "$secret"
echo "PASSED: collected from a real API server, and what was broken is found"
