#!/usr/bin/env bash
# A real Docker engine loses its stopped containers to a real prune script; casefile names the cause, and the command that it
# prints rebuilds what was lost.
#
# usage: tests/real/docker.sh [CASEFILE]      as root, on Debian or where dockerd and busybox are installed
#
# CASEFILE is the program under test; without it target/release/casefile, else target/debug/casefile. The engine has a socket,
# a data root and process ids of its own under a temporary directory; nothing of another engine on this machine is touched.
# Where no engine can run, the script says SKIPPED with the reason and ends with 0.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
casefile=${1:-}
if [ -z "$casefile" ]; then
    for candidate in "$here/target/release/casefile" "$here/target/debug/casefile"; do
        if [ -x "$candidate" ]; then casefile=$candidate; break; fi
    done
fi
[ -x "${casefile:-}" ] || { echo "tests/real/docker.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
casefile=$(realpath "$casefile")

skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || skip "a Docker engine needs Linux"
[ "$(id -u)" = 0 ] || skip "an engine of its own needs root"

if ! command -v dockerd >/dev/null || ! command -v busybox >/dev/null; then
    command -v apt-get >/dev/null || skip "dockerd or busybox is missing, and there is no apt-get to install them"
    echo "installing docker.io and busybox-static"
    # policy-rc.d keeps the package from starting the machine's own engine, which this test does not want.
    planted_policy=
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
        planted_policy=yes
    fi
    installed=yes
    # A mirror that is being renewed fails once and then works.
    { { apt-get update -qq || apt-get update -qq; } &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io busybox-static python3; } >/dev/null 2>&1 || installed=no
    [ -z "$planted_policy" ] || rm -f /usr/sbin/policy-rc.d
    [ "$installed" = yes ] || skip "docker.io and busybox-static cannot be installed here"
fi
command -v python3 >/dev/null || skip "python3 is missing"
# Debian keeps the command-line client in docker.io up to release 12, and in docker-cli after it.
command -v docker >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker-cli >/dev/null 2>&1 || skip "there is no docker client"
# Packages put dockerd and its helpers here; a service's PATH may lack it.
export PATH="$PATH:/usr/sbin:/sbin"

work=$(mktemp -d /tmp/casefile-docker.XXXXXX)
engine=
cleanup() {
    status=$?
    if [ -n "$engine" ] && kill -CONT "$engine" 2>/dev/null; then
        docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
        kill "$engine" 2>/dev/null || true
        wait "$engine" 2>/dev/null || true
    fi
    # What a killed engine leaves mounted would make rm walk into it.
    awk -v work="$work/" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null || true
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT
export DOCKER_HOST=unix://$work/docker.sock
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH KUBECONFIG

# --- the engine ---------------------------------------------------------------------------------------------------------------

try_engine() {
    rm -rf "$work/data" "$work/exec"
    dockerd --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" \
        --iptables=false --bridge=none "$@" >"$work/dockerd.log" 2>&1 &
    engine=$!
    for _ in $(seq 60); do
        if docker version >/dev/null 2>&1; then return 0; fi
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.5
    done
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    engine=
    return 1
}

mkrootfs() {
    mkdir -p "$work/rootfs/bin" "$work/rootfs/var/lib/rancher" "$work/rootfs/opt/rke-tools"
    cp "$(command -v busybox)" "$work/rootfs/bin/busybox"
    for applet in sh sleep echo true; do ln -s busybox "$work/rootfs/bin/$applet"; done
    # The containers' programs: what matters is how they end, and that they say something first.
    printf '#!/bin/sh\necho "$1 started with $# arguments"\nexec sleep 100000\n' >"$work/rootfs/opt/rke-tools/entrypoint.sh"
    printf '#!/bin/sh\necho "share-mnt ran with $*"\n' >"$work/rootfs/run.sh"
    chmod +x "$work/rootfs/opt/rke-tools/entrypoint.sh" "$work/rootfs/run.sh"
}

# try_image NAME [--change INSTRUCTION]...
try_image() { tar -C "$work/rootfs" -c . | docker import "${@:2}" - "$1" >/dev/null; }

mkrootfs
hyperkube=rancher/hyperkube:v1.20.15-rancher2
tools=rancher/rke-tools:v0.1.80
etcd=rancher/mirrored-coreos-etcd:v3.4.15-rancher1
agent=rancher/rancher-agent:v2.5.12
started=
for storage in overlay2 vfs; do
    try_engine --storage-driver="$storage" || continue
    # A driver may start and then not hold an image (overlay on overlay), or not run a container.
    if try_image "$hyperkube" && docker run --rm --network host "$hyperkube" /bin/true 2>>"$work/dockerd.log"; then
        started=$storage
        break
    fi
    kill "$engine"; wait "$engine" 2>/dev/null || true; engine=
done
if [ -z "$started" ]; then
    tail -n 3 "$work/dockerd.log" >&2
    skip "no Docker engine runs here; its last words stand above"
fi
echo "engine $(docker version --format '{{.Server.Version}}') with $started"
try_image "$tools"
try_image "$etcd"
try_image "$agent" --change 'WORKDIR /var/lib/rancher' --change 'ENTRYPOINT ["/run.sh"]'
try_image app/report:1.0

# --- containers as RKE1 makes them --------------------------------------------------------------------------------------------

# --privileged asks for every capability of the engine; where CAP_SYS_RESOURCE (bit 24) is missing, no container gets it.
if (( 0x$(awk '/^CapBnd/ { print $2 }' /proc/self/status) >> 24 & 1 )); then rights=--privileged; else rights=--cap-add=SYS_ADMIN; fi
mkdir -p "$work/kubernetes" "$work/run"
node=node-1
# Planted in front of everything else, so that it can be searched for everywhere afterwards.
token=$(python3 -c 'import secrets, string; print("".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(54)))')
checksum=$(python3 -c 'import secrets; print(secrets.token_hex(32))')

for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do
    docker run -d --name "$name" --network host --restart always --label "io.rancher.rke.container.name=$name" \
        -v "$work/kubernetes:/etc/kubernetes" --entrypoint /opt/rke-tools/entrypoint.sh "$hyperkube" "$name" --v=2 >/dev/null
done
docker run -d --name etcd --network host --restart always --label io.rancher.rke.container.name=etcd \
    --entrypoint /opt/rke-tools/entrypoint.sh "$etcd" etcd --data-dir=/var/lib/rancher/etcd >/dev/null
docker create --name service-sidekick --network none --label io.rancher.rke.container.name=service-sidekick \
    -v /opt/rke-tools --entrypoint /bin/sh "$tools" >/dev/null
# Its restart policy in the field is always; here it must stay stopped, as the field's one does between two starts of the engine.
docker run --name share-mnt --hostname "$node" --network host "$rights" --workdir /var/lib/rancher --restart on-failure \
    -v "$work/kubernetes:/etc/kubernetes" -v "$work/run:/var/run" --label io.rancher.rke.container.name=share-mnt "$agent" \
    --no-register --only-write-certs --node-name "$node" --server https://172.30.0.10:8443 --token "$token" "--ca-checksum $checksum" >/dev/null
docker run --name app-old --network none app/report:1.0 /bin/echo "a report of last year" >/dev/null
for container in share-mnt service-sidekick; do docker inspect "$container" >"$work/$container.old.json"; done

# --- baseline, incident, bundle -----------------------------------------------------------------------------------------------

# The host's files as the tool sees them: a root that holds the script of the incident under its absolute path.
root=$work/root
mkdir -p "$root/etc/cron.d" "$root/opt/scripts" "$root/var/log"
echo "$node" >"$root/etc/hostname"
echo '0 2 * * * root /opt/scripts/docker-clean.sh' >"$root/etc/cron.d/docker-clean"
cat >"$root/opt/scripts/docker-clean.sh" <<'SCRIPT'
#!/bin/bash
# nightly clean-up
LOG=/var/log/docker-clean.log
echo "$(date '+%F %T') start clean" >> $LOG
docker container prune -f >> $LOG 2>&1
echo "$(date '+%F %T') done" >> $LOG
SCRIPT
chmod +x "$root/opt/scripts/docker-clean.sh"

collect() { "$casefile" collect -q --root "$root" --docker-socket "$work/docker.sock" -o "$1" || fail "collect ended with $?"; }
collect "$work/baseline.tar.gz"

# The script runs by its absolute path, in a mount namespace in which /opt and /var/log are the planted root's.
unshare --mount bash -c 'mount -t tmpfs none /opt && mkdir /opt/scripts && mount --bind "$1/opt/scripts" /opt/scripts &&
    mount --bind "$1/var/log" /var/log && exec /opt/scripts/docker-clean.sh' _ "$root" || fail "the prune script did not run"
grep -q 'Deleted Containers' "$root/var/log/docker-clean.log" || fail "the prune script deleted nothing"
docker inspect share-mnt >/dev/null 2>&1 && fail "share-mnt survived the prune"

collect "$work/incident.tar.gz"

cat >"$work/bundle.py" <<'PYTHON'
"""Asserts that the two bundles hold the evidence, and the token nowhere."""
import json, sys, tarfile
work, token, checksum = sys.argv[1:4]
for name, expected in [("baseline", True), ("incident", False)]:
    members, order = {}, []
    with tarfile.open(f"{work}/{name}.tar.gz") as tar:
        for member in tar:
            inner = member.name.split("/", 1)[1]
            order.append(inner)
            members[inner] = tar.extractfile(member).read()
    assert order[-1] == "manifest.json", order[-1]
    for path, content in members.items():
        assert token.encode() not in content, f"the token stands in {name}: {path}"
    manifest = json.loads(members["manifest.json"])
    gaps = [step for step in manifest["steps"] if step["outcome"] in ("failed", "timed-out")]
    assert not gaps, gaps
    node = "nodes/node-1/"
    inspected = {document["Name"].lstrip("/"): document for document in json.loads(members[node + "docker/inspect.json"])}
    listed = {entry["Names"][0].lstrip("/") for entry in json.loads(members[node + "docker/containers.json"])}
    assert set(inspected) == listed, (sorted(inspected), sorted(listed))
    for container in ("share-mnt", "service-sidekick", "app-old"):
        assert (container in inspected) == expected, f"{container} in {name}"
    assert {"etcd", "kubelet", "kube-apiserver"} <= set(inspected)
    assert b"started with" in members[node + "docker/logs/kubelet.log"]
    assert any("rancher/rancher-agent:v2.5.12" in (image["RepoTags"] or []) for image in json.loads(members[node + "docker/images.json"]))
    assert b"docker container prune -f" in members[node + "opt/scripts/docker-clean.sh"]
    if expected:
        command = inspected["share-mnt"]["Config"]["Cmd"]
        assert command[-1] == f"--ca-checksum {checksum}", command
        assert command[command.index("--server") + 1] == "https://172.30.0.10:8443", command
    else:
        assert b"Deleted Containers" in members[node + "var/log/docker-clean.log"]
        events = [json.loads(line) for line in members[node + "docker/events.jsonl"].splitlines()]
        assert any(e.get("Action") == "destroy" and e["Actor"]["Attributes"].get("name") == "share-mnt" for e in events)
print("the bundles hold the evidence, and the token nowhere")
PYTHON
python3 "$work/bundle.py" "$work" "$token" "$checksum"

# --- an engine that answers nothing any more ----------------------------------------------------------------------------------

cat >"$work/frozen.py" <<'PYTHON'
"""Asserts that a bundle of a frozen engine is whole, has the host in it, and says what is missing and why. Reads it from standard input."""
import json, sys, tarfile
interrupted = sys.argv[1] == "interrupted"
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz") as tar:
    members = {member.name.split("/", 1)[1]: tar.extractfile(member).read() for member in tar}
manifest = json.loads(members["manifest.json"])
assert manifest["interrupted"] == interrupted, manifest["interrupted"]
steps = {step["name"]: step for step in manifest["steps"]}
if interrupted:
    assert steps["docker/inspect"]["reason"] == "interrupted" and steps["logs/files"]["outcome"] == "skipped", steps
else:
    assert steps["docker/inspect"]["outcome"] == "timed-out", steps["docker/inspect"]
    assert "nodes/node-1/opt/scripts/docker-clean.sh" in members
PYTHON
kill -STOP "$engine"
status=0
"$casefile" collect -q --root "$root" --docker-socket "$work/docker.sock" --timeout 1 -o - 2>/dev/null >"$work/frozen.tar.gz" || status=$?
[ "$status" = 4 ] || fail "collecting from a frozen engine ended with $status, not 4"
python3 "$work/frozen.py" frozen <"$work/frozen.tar.gz"
status=0
timeout --preserve-status -s INT 2 "$casefile" collect -q --root "$root" --docker-socket "$work/docker.sock" -o "$work/interrupted.tar.gz" >/dev/null || status=$?
[ "$status" = 4 ] || fail "an interrupted collection ended with $status, not 4"
python3 "$work/frozen.py" interrupted <"$work/interrupted.tar.gz"
kill -CONT "$engine"
docker version >/dev/null
echo "a frozen engine leaves a whole bundle, interrupted or not"

# --- analysis and recovery ----------------------------------------------------------------------------------------------------

"$casefile" analyze "$work/incident.tar.gz" --baseline "$work/baseline.tar.gz" -f json,md -o "$work/out/" || fail "analyze ended with $?"

cat >"$work/report.py" <<'PYTHON'
"""Asserts the cause, and writes the printed recovery commands with the planted token in them."""
import json, pathlib, sys
work, token = sys.argv[1:3]
reports = list(pathlib.Path(work, "out").iterdir())
assert any(report.suffix == ".md" for report in reports), reports
for report in reports:
    assert token not in report.read_text(), f"the token stands in {report.name}"
report = json.loads(next(report for report in reports if report.suffix == ".json").read_text())
cause = report["root_causes"][0]
assert cause["rule"] == "cleanup-script-prune", cause
assert cause["path"] == "/opt/scripts/docker-clean.sh:5", cause
assert (cause["subject"]["kind"], cause["subject"]["name"]) == ("HostContainer", "share-mnt"), cause
assert [subject["name"] for subject in cause["affected"]] == ["service-sidekick"], cause
commands = [step["command"] for step in report["recovery"]]
for container in ("share-mnt", "service-sidekick"):
    printed = [command for command in commands if command.startswith("docker ") and f"--name {container}" in command]
    assert len(printed) == 1, f"{container} is rebuilt by {printed}"
    assert token not in printed[0]
    if container == "share-mnt":
        assert "--token <CLUSTER_TOKEN> " in printed[0], printed[0]
    pathlib.Path(work, f"{container}.sh").write_text(printed[0].replace("<CLUSTER_TOKEN>", token) + "\n")
PYTHON
python3 "$work/report.py" "$work" "$token"
for container in share-mnt service-sidekick; do
    bash -e "$work/$container.sh" >/dev/null || fail "the printed command does not run: $(sed "s/$token/<CLUSTER_TOKEN>/" "$work/$container.sh")"
    docker inspect "$container" >"$work/$container.new.json"
done

cat >"$work/compare.py" <<'PYTHON'
"""Compares the configuration of the rebuilt containers with that of the lost ones."""
import json, sys
work = sys.argv[1]
paths = ["Config.Cmd", "Config.Entrypoint", "Config.Image", "Config.Labels", "Config.Volumes", "Config.WorkingDir", "Config.Hostname",
         "HostConfig.Binds", "HostConfig.NetworkMode", "HostConfig.RestartPolicy", "HostConfig.CapAdd", "HostConfig.Privileged",
         "HostConfig.Runtime"]
for container in ("share-mnt", "service-sidekick"):
    old, new = (json.load(open(f"{work}/{container}.{state}.json"))[0] for state in ("old", "new"))
    differs = {}
    for path in paths:
        before, after = old, new
        for key in path.split("."):
            before, after = before[key], after[key]
        # The docker client passes several -v in the order of a Go map, which is none.
        if path == "HostConfig.Binds":
            before, after = sorted(before or []), sorted(after or [])
        # Without --hostname a container is called by the first twelve digits of its own id.
        if path == "Config.Hostname" and before == old["Id"][:12]:
            before, after = "the id's", "the id's" if after == new["Id"][:12] else after
        if before != after:
            differs[path] = (before, after)
    assert not differs, f"{container} differs: {differs}"
    print(f"{len(paths)} parts of the rebuilt {container} equal those of the lost one")
PYTHON
python3 "$work/compare.py" "$work"
echo "PASSED: cause named, containers rebuilt"
