#!/usr/bin/env bash
# A real kubelet beside a real kube-apiserver, on a real containerd: pods that run, crash, are killed for memory or over a probe, and cannot
# get their image or their configuration. `casefile collect` brings through the API what the kubelet says of itself, its logs and those of the
# containers, and what metrics-server measured; `casefile analyze` finds what was broken.
#
# usage: tests/real/kubelet.sh [CASEFILE] [CRI-CLIENT]     as root, where containerd, runc, busybox, etcd, openssl, curl and python3 are
#
# CASEFILE is the program under test (else target/release/casefile, else target/debug/casefile), CRI-CLIENT the example `cri` (else
# target/debug/examples/cri; `cargo build --example cri`). API server, kubelet and metrics-server are built once by
# tests/real/apiserver/build.sh. Sockets, folders and kernel parameters are the script's own, in a mount namespace, so that nothing of
# the machine is touched. Where one of them cannot run, the script says SKIPPED with the reason and ends with 0.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
# first_of FILE...: the first that can be run.
first_of() { for candidate; do if [ -x "$candidate" ]; then realpath "$candidate"; return; fi; done; }
casefile=$(first_of ${1:+"$1"} "$here/target/release/casefile" "$here/target/debug/casefile")
client=$(first_of ${2:+"$2"} "$here/target/debug/examples/cri")
[ -n "$casefile" ] || { echo "tests/real/kubelet.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
[ -n "$client" ] || { echo "tests/real/kubelet.sh: no client; cargo build --example cri" >&2; exit 2; }

skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || skip "a kubelet needs Linux"
[ "$(id -u)" = 0 ] || skip "a kubelet needs root"
export PATH="$PATH:/usr/sbin:/sbin" KUBECONFIG=/nonexistent
built=${REAL:-$here/target/real}
for program in kube-apiserver kubelet metrics-server; do
    [ -x "$built/$program" ] || skip "there is no $program; tests/real/apiserver/build.sh builds it"
done
server=$built/kube-apiserver
for program in containerd ctr runc busybox etcd openssl curl python3; do
    command -v "$program" >/dev/null || skip "$program is missing; apt-get install containerd runc busybox-static etcd-server openssl curl python3"
done

# The machine with its own /run, /var/log and /var/lib/kubelet, as a node would have them.
if [ -z "${IN_OWN_MOUNTS:-}" ]; then
    unshare --mount --propagation private true 2>/dev/null || skip "no mount namespace of its own is allowed here"
    IN_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$casefile" "$client"
fi
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log || skip "nothing can be mounted here"
made=
[ -d /var/lib/kubelet ] || { mkdir /var/lib/kubelet; made=/var/lib/kubelet; }
mount -t tmpfs tmpfs /var/lib/kubelet
socket=/run/containerd/containerd.sock

work=$(mktemp -d /tmp/casefile-kubelet.XXXXXX)
chmod 755 "$work"
runtime=
started=()
cleanup() {
    status=$?
    [ -z "${kubelet:-}" ] || { kill "$kubelet" 2>/dev/null || true; wait "$kubelet" 2>/dev/null || true; }
    if [ -n "$runtime" ]; then
        for task in $(ctr --address "$socket" -n k8s.io tasks list -q 2>/dev/null); do
            ctr --address "$socket" -n k8s.io tasks kill -s SIGKILL "$task" >/dev/null 2>&1 || true
        done
        for sandbox in $(ctr --address "$socket" -n k8s.io containers list -q 'labels."io.cri-containerd.kind"==sandbox' 2>/dev/null); do
            timeout 20 "$client" "$socket" remove "$sandbox" >/dev/null 2>&1 || true
        done
        kill "$runtime" 2>/dev/null || true
        wait "$runtime" 2>/dev/null || true
    fi
    # Nothing of them is kept; asked to end, the API server would wait for etcd.
    for process in "${started[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    wait 2>/dev/null || true
    [ "$status" = 0 ] || { mkdir -p "$work/log" && cp -r /var/log/. "$work/log/" 2>/dev/null || true; }
    while umount -l /var/lib/kubelet 2>/dev/null; do :; done
    [ -z "$made" ] || rmdir "$made"
    awk -v work="$work/" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT

# The kernel parameters that a kubelet sets: copies, so that those of the machine stay as they are.
for parameter in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    mkdir -p "$work/sys/${parameter%/*}"
    cat "/proc/sys/$parameter" >"$work/sys/$parameter"
    mount --bind "$work/sys/$parameter" "/proc/sys/$parameter" || skip "no kernel parameter can be kept as it is here"
done

# --- the runtime --------------------------------------------------------------------------------------------------------------

. "$here/tests/real/parts/containerd.sh"
. "$here/tests/real/parts/cluster.sh"
busybox=$(command -v busybox)
pause=registry.k8s.io/pause:3.6
application=docker.io/shop/cart:1.0
python3 "$here/tests/real/parts/image.py" "$work/pause.tar" "$pause" "$busybox" /bin/sleep 1000000
python3 "$here/tests/real/parts/image.py" "$work/application.tar" "$application" "$busybox" /bin/sh
# A network that needs no plugin: the pods have that of the node.
mkdir "$work/cni"
echo '{"cniVersion": "0.4.0", "name": "none", "plugins": [{"type": "loopback"}]}' >"$work/cni/10-none.conflist"
more="[plugins.\"io.containerd.grpc.v1.cri\".cni]
  conf_dir = \"$work/cni\"
  bin_dir = \"$work/cni\""
start_containerd pause application
[ -n "$snapshotter" ] || skip "no containerd runs sandboxes here; its last words stand above"

# --- the cluster --------------------------------------------------------------------------------------------------------------

# The API server reaches no node by a loopback address.
address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 '\.' || true)
[ -n "$address" ] || skip "this machine has no address but the loopback's"
read -r client_port peer_port port kubelet_port metrics_port registry_port <<<"$(ports 6)"
cd "$work"
make_authority
issue kubelet-server /CN=node-1 "subjectAltName=IP:$address"
issue node-1 /O=system:nodes/CN=system:node:node-1 extendedKeyUsage=clientAuth
kubeconfig admin "https://127.0.0.1:$port" admin
kubeconfig node "https://127.0.0.1:$port" node-1
secret=$(openssl rand -hex 20)

start_etcd "$client_port" "$peer_port"
start_apiserver "$port" "$client_port" --authorization-mode=Node,RBAC --kubelet-certificate-authority=ca.crt
await_apiserver "$port"

cat >kubelet.yaml <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
port: $kubelet_port
healthzPort: 0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $work/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $work/kubelet-server.crt
tlsPrivateKeyFile: $work/kubelet-server.key
containerRuntimeEndpoint: unix://$socket
resolvConf: /etc/resolv.conf
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
enableSystemLogHandler: true
enableSystemLogQuery: true
featureGates: {NodeLogQuery: true}
nodeStatusUpdateFrequency: 5s
volumePluginDir: $work/plugins
# What a machine for tests need not have: cgroups of a node, a disk with room, the right to lower a score, no swap.
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 10Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
YAML
"$built/kubelet" --config kubelet.yaml --kubeconfig node.kubeconfig --hostname-override node-1 --node-ip "$address" \
    --maximum-dead-containers-per-container 3 >/var/log/kubelet.log 2>&1 &
kubelet=$!
# ask PATH [METHOD BODY]
ask() { curl -sf --cacert ca.crt --cert admin.crt --key admin.key -X "${2:-GET}" ${3:+-H 'Content-Type: application/json' -d "$3"} "https://127.0.0.1:$port$1"; }
is_ready() { ask /api/v1/nodes/node-1 2>/dev/null | python3 -c '
import json, sys
conditions = {one["type"]: one["status"] for one in json.load(sys.stdin)["status"].get("conditions", [])}
sys.exit(conditions.get("Ready") != "True")' 2>/dev/null; }
for _ in $(seq 240); do
    is_ready && break
    kill -0 "$kubelet" 2>/dev/null || { grep -a '^[EF]' /var/log/kubelet.log | tail -n 3 >&2; skip "the kubelet ends here; its last words stand above"; }
    sleep 0.5
done
is_ready || { grep -a '^[EF]' /var/log/kubelet.log | tail -n 3 >&2; skip "the node does not become ready here; the kubelet's last words stand above"; }
echo "$("$built/kubelet" --version) on $(containerd --version | cut -d' ' -f3) with $snapshotter"

# --- metrics-server, called by an APIService -------------------------------------------------------------------------------------

"$built/metrics-server" --kubeconfig admin.kubeconfig --authentication-kubeconfig admin.kubeconfig --authorization-kubeconfig admin.kubeconfig \
    --secure-port "$metrics_port" --bind-address 127.0.0.1 --cert-dir "$work/metrics" --kubelet-certificate-authority ca.crt \
    --kubelet-client-certificate admin.crt --kubelet-client-key admin.key --kubelet-preferred-address-types InternalIP \
    --metric-resolution 10s --kubelet-request-timeout 5s --kubelet-use-node-status-port >/var/log/metrics-server.log 2>&1 &
started+=($!)
ask /api/v1/namespaces/kube-system/services POST '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics-server"},
    "spec": {"type": "ExternalName", "externalName": "localhost"}}' >/dev/null
ask /apis/apiregistration.k8s.io/v1/apiservices POST '{"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
    "metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": true,
    "groupPriorityMinimum": 100, "versionPriority": 100, "service": {"namespace": "kube-system", "name": "metrics-server", "port": '"$metrics_port"'}}}' >/dev/null

# --- pods --------------------------------------------------------------------------------------------------------------------------

ask /api/v1/namespaces POST '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}' >/dev/null
# Nobody listens at the port of the registry.
missing=127.0.0.1:$registry_port/shop/web:2.1
# pod NAME IMAGE SCRIPT [FIELDS]: a pod with one container; FIELDS are further ones of the container.
pod() {
    ask /api/v1/namespaces/shop/pods POST "$(python3 - "$@" <<'PY'
import json, sys
name, image, script, *fields = sys.argv[1:]
container = {"name": "app", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c", script]} | json.loads(fields[0] if fields else "{}")
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                  "spec": {"nodeName": "node-1", "hostNetwork": True, "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1,
                           "enableServiceLinks": False, "containers": [container]}}))
PY
)" >/dev/null || fail "the pod $1 was not created"
}
pod cart "$application" "echo \"cart listens on :8080, password=$secret\"; exec sleep 100000"
# Each attempt says which one it is, so that current and previous can be told apart.
pod orders "$application" 'echo "starting at $(date +%s.%N)"; echo "panic: open /etc/orders/config.yaml: no such file or directory" >&2; exit 3'
pod hungry "$application" 'x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done' '{"resources": {"limits": {"memory": "24Mi"}}}'
pod web "$missing" true
pod billing "$application" 'exec sleep 100000' '{"envFrom": [{"configMapRef": {"name": "billing-settings"}}]}'

# Without a readiness probe it is ready from each start on, until its liveness probe has failed often enough.
pod sluggish "$application" 'exec sleep 100000' '{"livenessProbe": {"exec": {"command": ["/bin/sh", "-c", "exit 1"]}, "periodSeconds": 8}}'

# Waits until each has been as broken as it is to be.
python3 - "$port" <<'PY' || fail "the pods did not come to where they are to be"
import json, ssl, sys, time, urllib.request
context = ssl.create_default_context(cafile="ca.crt")
context.load_cert_chain("admin.crt", "admin.key")
def items(path): return json.load(urllib.request.urlopen(f"https://127.0.0.1:{sys.argv[1]}{path}", context=context))["items"]
wanted = {("cart", "running"), ("orders", "CrashLoopBackOff"), ("hungry", "OOMKilled"), ("web", "ImagePullBackOff"), ("billing", "CreateContainerConfigError")}
end, seen, restarts, metrics, began = time.monotonic() + 240, set(), {}, [], ""
while time.monotonic() < end:
    time.sleep(1)
    for pod in items("/api/v1/namespaces/shop/pods"):
        for status in pod["status"].get("containerStatuses") or []:
            name, restarts[pod["metadata"]["name"]] = pod["metadata"]["name"], status["restartCount"]
            for state, rest in [*status["state"].items(), *status.get("lastState", {}).items()]:
                seen.add((name, rest.get("reason", state)))
                if name == "sluggish" and state == "running": began = rest["startedAt"]
    try: metrics = items("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods")
    except OSError: pass
    # It has failed again, and was not ended again yet.
    failed_again = restarts.get("sluggish", 0) >= 1 and any("Liveness" in event["message"] and event["lastTimestamp"] > began
                                                            for event in items("/api/v1/namespaces/shop/events"))
    if wanted <= seen and restarts["orders"] >= 2 and failed_again and metrics: sys.exit()
print("not seen:", wanted - seen, "restarts:", restarts, len(metrics), "measured", file=sys.stderr)
sys.exit(1)
PY

# --- collect --------------------------------------------------------------------------------------------------------------------

mkdir -p root/etc
echo laptop >root/etc/hostname
status=0
"$casefile" collect --quiet --root root --docker-socket none --kubeconfig admin.kubeconfig -o cluster.tar.gz || status=$?
[ "$status" = 0 ] || [ "$status" = 4 ] || fail "collect ended with $status"
mkdir open
tar -xzf cluster.tar.gz -C open --strip-components=1
python3 "$here/tests/real/parts/kubelet_check.py" open "$secret"

# --- analyze ----------------------------------------------------------------------------------------------------------------------

"$casefile" analyze cluster.tar.gz -f json --lang en -o report.json >/dev/null || true
python3 "$here/tests/real/parts/kubelet_found.py" report.json "$missing"
echo passed
