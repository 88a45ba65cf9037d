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

ports() {
    python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(one.getsockname()[1] for one in held))'
}
# The API server reaches no node by a loopback address.
address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 '\.' || true)
[ -n "$address" ] || skip "this machine has no address but the loopback's"
read -r client_port peer_port port kubelet_port proxy_port <<<"$(ports)"

# --- certificates and tokens --------------------------------------------------------------------------------------------------

cd "$work"
issue() { # NAME SUBJECT [EXTENSIONS]
    openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$1.crt" -extfile <(printf '%s' "${3:-}") 2>/dev/null
}
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca 2>/dev/null
issue apiserver /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,DNS:kubernetes'
issue admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
issue limited /O=readers/CN=limited extendedKeyUsage=clientAuth
issue kubelet /CN=kubelet 'subjectAltName=IP:127.0.0.1'
openssl genrsa -out accounts.key 2048 2>/dev/null
secret=planted-$(openssl rand -hex 12)

kubeconfig() { # NAME SERVER USER
    python3 - "$@" <<'PYTHON'
import base64, json, sys
name, server, user = sys.argv[1:4]
read = lambda path: base64.b64encode(open(path, "rb").read()).decode()
users = {"client-certificate-data": read(f"{user}.crt"), "client-key-data": read(f"{user}.key")} if not user.startswith("e") else {"token": user}
cluster = {"server": server} | ({"certificate-authority-data": read("ca.crt")} if server.startswith("https") else {})
json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
           "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": users}]}, open(f"{name}.kubeconfig", "w"))
PYTHON
}
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

etcd --name test --data-dir "$work/etcd" --listen-client-urls "http://127.0.0.1:$client_port" --advertise-client-urls "http://127.0.0.1:$client_port" \
    --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
    --initial-cluster "test=http://127.0.0.1:$peer_port" --unsafe-no-fsync >etcd.log 2>&1 &
started+=($!)
if ! timeout 5 bash -c "until grep -q 'ready to serve' etcd.log; do kill -0 $! || exit 1; sleep 0.2; done" 2>/dev/null && ! kill -0 "$!" 2>/dev/null; then
    # Older releases do not know --unsafe-no-fsync.
    etcd --name test --data-dir "$work/etcd" --listen-client-urls "http://127.0.0.1:$client_port" --advertise-client-urls "http://127.0.0.1:$client_port" \
        --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
        --initial-cluster "test=http://127.0.0.1:$peer_port" >etcd.log 2>&1 &
    started+=($!)
fi
"$server" --etcd-servers="http://127.0.0.1:$client_port" --bind-address=127.0.0.1 --secure-port="$port" --tls-cert-file=apiserver.crt \
    --tls-private-key-file=apiserver.key --client-ca-file=ca.crt --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.key --service-account-signing-key-file=accounts.key \
    --requestheader-client-ca-file=ca.crt --requestheader-allowed-names=front-proxy --proxy-client-cert-file=admin.crt --proxy-client-key-file=admin.key \
    --kubelet-client-certificate=admin.crt --kubelet-client-key=admin.key --kubelet-preferred-address-types=InternalIP \
    --disable-admission-plugins=ServiceAccount --cert-dir="$work" >apiserver.log 2>&1 &
started+=($!)
api=$!
python3 "$here/tests/real/apiserver/kubelet.py" "$address" "$kubelet_port" kubelet.crt kubelet.key "$secret" &
started+=($!)
python3 "$here/tests/real/apiserver/proxy.py" "$proxy_port" "$port" admin.crt admin.key &
started+=($!)
for _ in $(seq 240); do
    curl -sf --cacert ca.crt --cert admin.crt --key admin.key "https://127.0.0.1:$port/readyz" >/dev/null 2>&1 && break
    kill -0 "$api" 2>/dev/null || { tail -n 5 apiserver.log >&2; fail "the API server ended"; }
    sleep 0.5
done
curl -sf --cacert ca.crt --cert admin.crt --key admin.key "https://127.0.0.1:$port/readyz" >/dev/null || { tail -n 5 apiserver.log >&2; fail "the API server does not become ready"; }
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
