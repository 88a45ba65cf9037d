#!/usr/bin/env bash
# Real machines over a real ssh: two sshd on the loopback, each with a host name of its own, keys made here. `casefile collect --nodes`
# brings both into one bundle; a closed port, a key that is not known, a full disk and a killed casefile are what they are in the field, and
# so are users who are not root, one with sudo and one without.
#
# usage: tests/real/ssh.sh [CASEFILE]      as root, where OpenSSH's server is installed
#
# CASEFILE is the program under test; without it target/release/casefile, else target/debug/casefile. Everything is below a temporary
# directory, and the servers listen on ports of their own. Where no sshd can run, the script says SKIPPED with the reason and ends with 0.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
casefile=${1:-}
for candidate in "$here/target/release/casefile" "$here/target/debug/casefile"; do
    [ -n "$casefile" ] || { [ -x "$candidate" ] && casefile=$candidate; }
done
[ -x "${casefile:-}" ] || { echo "tests/real/ssh.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
casefile=$(realpath "$casefile")

skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }
export PATH="$PATH:/usr/sbin:/sbin"
[ "$(id -u)" = 0 ] || skip "an sshd of its own, mounts and host names need root"
for program in sshd ssh ssh-keygen unshare python3; do
    command -v "$program" >/dev/null || skip "$program is missing; apt-get install openssh-server openssh-client python3"
done
unshare --uts hostname far-1 2>/dev/null || skip "no machine can have a host name of its own here (unshare --uts)"

work=$(mktemp -d /tmp/casefile-ssh.XXXXXX)
servers=()
cleanup() {
    status=$?
    for server in "${servers[@]:-}"; do [ -z "$server" ] || kill "$server" 2>/dev/null || true; done
    wait 2>/dev/null || true
    umount -l "$work/small" 2>/dev/null || true
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT

# --- two machines ---------------------------------------------------------------------------------------------------------------

cd "$work"
chmod 755 .
# Where sshd puts its unprivileged half; a service's unit makes it on other machines.
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f key
ssh-keygen -q -t ed25519 -N '' -f unknown-key
cp key.pub authorized
mkdir far-1 far-2 small
read -r -a ports < <(python3 -c '
import socket
held = [socket.socket() for _ in range(4)]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])')

# machine NAME PORT TMPDIR
machine() {
    ssh-keygen -q -t ed25519 -N '' -f "host-$1"
    cat >"$1.conf" <<CONF
Port $2
ListenAddress 127.0.0.1
HostKey $work/host-$1
AuthorizedKeysFile $work/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
SetEnv TMPDIR=$3 PATH=$work/slow:$PATH
CONF
    unshare --uts sh -c "hostname $1 && exec $(command -v sshd) -D -e -f $work/$1.conf" 2>"$1.log" &
    servers+=($!)
    echo "[127.0.0.1]:$2 $(cut -d' ' -f1,2 "host-$1.pub")" >>known
}
machine far-1 "${ports[0]}" "$work/far-1"
machine far-2 "${ports[1]}" "$work/far-2"
machine far-3 "${ports[2]}" "$work/small"
cat >client.conf <<CONF
Host far-1
    HostName 127.0.0.1
    Port ${ports[0]}
Host denied
    HostName 127.0.0.1
    Port ${ports[1]}
    IdentityFile $work/unknown-key
Host * !denied
    IdentityFile $work/key
Host *
    IdentitiesOnly yes
    UserKnownHostsFile $work/known
CONF
for port in "${ports[@]:0:3}"; do
    for _ in $(seq 50); do
        if ssh -F client.conf -o BatchMode=yes -p "$port" root@127.0.0.1 true 2>login.err; then continue 2; fi
        sleep 0.2
    done
    cat login.err far-*.log >&2
    skip "no login over sshd works here; its last words stand above"
done
echo "$(ssh -V 2>&1), three servers"

# --- both in one bundle, and what does not answer is a gap -----------------------------------------------------------------------

collect() { timeout 600 "$casefile" collect --no-cluster --timeout 10 --max-file-size 256K --ssh-config client.conf "$@"; }
mount -t tmpfs -o size=1m none small || skip "no small file system can be mounted here"
status=0
# The user comes from here, host and port of the first from ssh's configuration; the closed port is the last one.
collect --nodes "ssh://root@far-1,ssh://root@127.0.0.1:${ports[1]}" --nodes "ssh://root@denied" \
    --nodes "ssh://root@127.0.0.1:${ports[2]},ssh://root@127.0.0.1:${ports[3]}" --nodes local -o bundle.tar.gz 2>collect.err || status=$?
[ "$status" = 4 ] || { tail -n 5 collect.err >&2; fail "collect ended with $status in place of 4"; }
mkdir out && tar -xzf bundle.tar.gz -C out --strip-components=1
python3 - "$(hostname)" "${ports[@]}" <<'PY'
import json, os, sys
here, ports = sys.argv[1], sys.argv[2:]
manifest = json.load(open("out/manifest.json"))
steps = {step["name"]: step for step in manifest["steps"]}
for name in ("far-1", "far-2", here):
    for path in ("host/os-release.txt", "host/sysctl.txt"):
        assert os.path.getsize(f"out/nodes/{name}/{path}"), (name, path)
assert [node["name"] for node in manifest["nodes"]] == ["far-1", "far-2"], manifest["nodes"]
for name in ("far-1", "far-2"):
    assert steps[f"nodes/{name}/host/files"]["outcome"] == "done"
for address, words in (
    ("root@denied", "Permission denied"),
    (f"root@127.0.0.1:{ports[2]}", "No space left on device"),
    (f"root@127.0.0.1:{ports[3]}", "Connection refused"),
):
    step = steps["ssh/" + address]
    assert step["outcome"] == "failed" and words in step["reason"], step
    print(address + ":", step["reason"])
assert [name for name in os.listdir("out")] and sum(name == "manifest.json" for _, _, names in os.walk("out") for name in names) == 1
PY
"$casefile" verify bundle.tar.gz >/dev/null || fail "the bundle does not verify"
for folder in far-1 far-2 small; do [ -z "$(ls -A $folder)" ] || fail "left behind on a machine: $(ls $folder)"; done
"$casefile" inspect bundle.tar.gz >inspect.txt
grep -q far-2 inspect.txt || fail "inspect does not know the nodes"

# --- whoever waits goes away: the machine is left as it was ----------------------------------------------------------------------

gone() { for _ in $(seq 150); do [ -n "$(ls -A far-1)" ] || return 0; sleep 0.2; done; return 1; }
# The program is there and runs, for a moment already.
begun() {
    for _ in $(seq 600); do
        if [ -n "$(find far-1 -name casefile -perm -100)" ]; then sleep 0.5; return 0; fi
        sleep 0.1
    done
    return 1
}
# On a fast machine all would be done before anybody could go away: one program takes its time.
mkdir -p slow
printf '#!/bin/sh\nsleep 3\n' >slow/nft
chmod +x slow/nft
"$casefile" collect --no-cluster --quiet --ssh-config client.conf --nodes ssh://root@far-1 -o killed.tar.gz &
killed=$!
begun || fail "nothing was begun on the machine"
kill -KILL $killed; wait $killed 2>/dev/null || true
gone || fail "a killed casefile leaves its copy on the machine"
[ ! -e killed.tar.gz ] || fail "a killed casefile leaves a bundle under its name"

"$casefile" collect --no-cluster --quiet --ssh-config client.conf --nodes ssh://root@far-1 -o interrupted.tar.gz &
interrupted=$!
begun || fail "nothing was begun on the machine"
kill -INT $interrupted; status=0; wait $interrupted || status=$?
[ "$status" = 4 ] || fail "an interrupted collection ended with $status"
gone || fail "an interrupted casefile leaves its copy on the machine"
tar -xzOf interrupted.tar.gz --wildcards '*/manifest.json' | python3 -c '
import json, sys
manifest = json.load(sys.stdin)
assert manifest["interrupted"] is True
assert any(file["path"].startswith("nodes/far-1/") for file in manifest["files"]), manifest["steps"]'
"$casefile" verify interrupted.tar.gz >/dev/null || fail "the interrupted bundle does not verify"
rm slow/nft

# --- users who are not root ---------------------------------------------------------------------------------------------------------

# A machine with users of its own, one of whom may become root without a password, and a log that only root may read.
if ! command -v sudo >/dev/null; then
    echo "SKIPPED: users who are not root; apt-get install sudo"
    echo "passed"
    exit 0
fi
mkdir -m 1777 far-4
mkdir logs
echo 'E1121 10:00:00.000001       1 kubelet.go:1] for root alone' >logs/kubelet.log
chmod 600 logs/kubelet.log
cp /etc/passwd passwd && cp /etc/shadow shadow && cp /etc/sudoers sudoers
for user in worker:64101 plain:64102; do
    mkdir "home-${user%:*}" && chown "${user#*:}" "home-${user%:*}"
    echo "${user%:*}:x:${user#*:}:65534::$work/home-${user%:*}:/bin/sh" >>passwd
    echo "${user%:*}:*:19000:0:99999:7:::" >>shadow
done
chmod 640 sudoers && printf '\nworker ALL=(ALL) NOPASSWD: ALL\n' >>sudoers && chmod 440 sudoers
own_users() { for file in passwd shadow sudoers; do mount --bind "$work/$file" "/etc/$file" || return; done; mount --bind "$work/logs" /var/log; }
export -f own_users && export work
read -r users_port < <(python3 -c 'import socket; one = socket.socket(); one.bind(("127.0.0.1", 0)); print(one.getsockname()[1])')
ssh-keygen -q -t ed25519 -N '' -f host-far-4
sed -e "s/^Port .*/Port $users_port/" -e "s/host-far-1/host-far-4/" -e "s#TMPDIR=.*#TMPDIR=$work/far-4#" far-1.conf >far-4.conf
unshare --uts --mount --propagation private bash -c "hostname far-4 && own_users && exec $(command -v sshd) -D -e -f $work/far-4.conf" 2>far-4.log &
servers+=($!)
echo "[127.0.0.1]:$users_port $(cut -d' ' -f1,2 host-far-4.pub)" >>known
for _ in $(seq 50); do ssh -F client.conf -o BatchMode=yes -p "$users_port" plain@127.0.0.1 true 2>login.err && break; sleep 0.2; done
for user in worker plain; do
    status=0
    collect --quiet --nodes "ssh://$user@127.0.0.1:$users_port" -o $user.tar.gz 2>$user.err || status=$?
    case $user$status in worker0 | worker4 | plain4) ;; *) cat $user.err far-4.log >&2; fail "collect as $user ended with $status" ;; esac
    mkdir "out-$user" && tar -xzf $user.tar.gz -C "out-$user" --strip-components=1
done
[ -z "$(ls -A far-4)" ] || fail "left behind on a machine: $(ls far-4)"
python3 - "$users_port" <<'PY'
import json, os, sys
for user in ("worker", "plain"):
    steps = {step["name"]: step for step in json.load(open(f"out-{user}/manifest.json"))["steps"]}
    notes = " ".join(steps[f"ssh/{user}@127.0.0.1:{sys.argv[1]}"]["notes"])
    files = steps["nodes/far-4/logs/files"]
    has_log = os.path.exists(f"out-{user}/nodes/far-4/var/log/kubelet.log")
    assert os.path.getsize(f"out-{user}/nodes/far-4/host/sysctl.txt"), user
    if user == "worker":
        assert has_log and files["outcome"] == "done" and "not root" not in notes, (files, notes)
    else:
        assert not has_log and files["outcome"] == "failed" and "Permission denied" in files["reason"], files
        assert "is not root and may not become it" in notes, notes
    print(f"{user}:", notes, files.get("reason", ""))
PY
echo "passed"
