#!/usr/bin/env bash
# What goes wrong where evidence is collected: certificates that have expired, a full disk, a pipe that is closed, a user who is not
# root, a log that grows while it is read, a program that never ends, a second Ctrl-C. Each has its message, and nothing is lost.
#
# usage: tests/real/bad.sh [CASEFILE]      as root, where openssl and python3 are installed
#
# CASEFILE is the program under test; without it target/release/casefile, else target/debug/casefile. Everything is below a temporary
# directory. What cannot be tried on this machine is SKIPPED with the reason.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
casefile=${1:-}
for candidate in "$here/target/release/casefile" "$here/target/debug/casefile"; do
    [ -n "$casefile" ] || { [ -x "$candidate" ] && casefile=$candidate; }
done
[ -x "${casefile:-}" ] || { echo "tests/real/bad.sh: no casefile to test; build it first, or name it" >&2; exit 2; }
casefile=$(realpath "$casefile")

skip() { echo "SKIPPED: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; exit 1; }
for program in openssl python3; do command -v "$program" >/dev/null || skip "$program is missing; apt-get install openssl python3"; done

work=$(mktemp -d /tmp/casefile-bad.XXXXXX)
started=()
cleanup() {
    status=$?
    for one in "${started[@]:-}"; do [ -z "$one" ] || kill "$one" 2>/dev/null || true; done
    wait 2>/dev/null || true
    umount -l "$work/small" 2>/dev/null || true
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for a look: $work" >&2; fi
}
trap cleanup EXIT
cd "$work"
unset KUBECONFIG HTTPS_PROXY https_proxy NO_PROXY no_proxy
mkdir -p root/etc root/var/log
echo node-1 >root/etc/hostname

# collect BUNDLE STATUS OPTION...: a collection of the small root that must end with STATUS.
collect() {
    local status=0
    "$casefile" collect --root root --docker-socket none --quiet --timeout 5 -o "$1" "${@:3}" >said 2>&1 || status=$?
    [ "$status" = "$2" ] || { cat said >&2; fail "collect ended with $status in place of $2: ${*:3}"; }
}
# step BUNDLE NAME: outcome, reason and notes of a step.
step() {
    tar -xzOf "$1" --wildcards '*/manifest.json' | python3 -c '
import json, sys
step = next(step for step in json.load(sys.stdin)["steps"] if step["name"] == sys.argv[1])
print(step["outcome"], step.get("reason", ""), *step["notes"], *step["cut"])' "$2"
}
# says TEXT WORDS...: all of the words stand in the text.
says() { local word; for word in "${@:2}"; do case $1 in *"$word"*) ;; *) fail "nothing of \"$word\" in: $1" ;; esac; done; echo "ok: ${*:2}"; }

# --- servers: an expired certificate on either side, credentials by plugin, a proxy ---------------------------------------------------

# `ca` with the date of a certificate made by hand: `req -x509` cannot make one that has expired.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 -subj /CN=test-ca -keyout ca.key -out ca.crt 2>/dev/null
# issue NAME EXTENSION [END]: a certificate that is valid, or ended on END.
issue() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
    mkdir -p "ca-$1" && : >"ca-$1/index.txt" && echo 01 >"ca-$1/serial"
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=ca-%s/index.txt\nserial=ca-%s/serial\nnew_certs_dir=ca-%s\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[e]\n%s\n' \
        "$1" "$1" "$1" "$2" >"ca-$1/conf"
    openssl ca -batch -notext -config "ca-$1/conf" -extensions e -cert ca.crt -keyfile ca.key -in "$1.csr" -out "$1.crt" \
        -startdate 20250101000000Z -enddate "${3:-20990101000000Z}" 2>/dev/null
}
issue server 'subjectAltName=IP:127.0.0.1,DNS:api.test'
issue old-server 'subjectAltName=IP:127.0.0.1' 20250201000000Z
issue client 'extendedKeyUsage=clientAuth'
issue old-client 'extendedKeyUsage=clientAuth' 20250201000000Z
cat >server.py <<'PY'
"""API servers that know their version: one with a good certificate that wants the client's, one with an old certificate, one that wants a
token; and a proxy that tunnels to them whatever name they are called by."""
import http.server, json, socket, ssl, threading
class Api(http.server.BaseHTTPRequestHandler):
    token = None
    def do_GET(self):
        allowed = self.token is None or self.headers.get("Authorization") == "Bearer " + self.token
        code, body = (200, {"gitVersion": "v1.30.0"}) if self.path == "/version" and allowed else (404 if allowed else 401, {"kind": "Status", "message": "no"})
        text = json.dumps(body).encode()
        self.send_response(code); self.send_header("Content-Length", str(len(text))); self.end_headers(); self.wfile.write(text)
    def log_message(self, *_): pass
class WithToken(Api): token = open("token").read().strip()
def serve(handler, certificate, verify):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate + ".crt", certificate + ".key")
    if verify: context.load_verify_locations("ca.crt"); context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
    finally: b.close()
def tunnel(ports):
    listener = socket.create_server(("127.0.0.1", 0))
    def run():
        while True:
            client, _ = listener.accept()
            head = b""
            while b"\r\n\r\n" not in head: head += client.recv(4096)
            open("proxy.log", "ab").write(head.split(b"\r\n")[0] + b"\n")
            server = socket.create_connection(("127.0.0.1", int(head.split()[1].rsplit(b":", 1)[1])))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for pair in ((client, server), (server, client)): threading.Thread(target=pump, args=pair, daemon=True).start()
    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]
good, old, token = serve(Api, "server", True), serve(Api, "old-server", False), serve(WithToken, "server", False)
print(good, old, token, tunnel([good]), flush=True)
threading.Event().wait()
PY
openssl rand -hex 24 >token
python3 server.py >ports & started+=($!)
for _ in $(seq 100); do [ -s ports ] && break; sleep 0.1; done
read -r good old tokened proxy <ports || fail "no server was begun"
# kubeconfig FILE URL USER [CLUSTER]: USER and CLUSTER are flow mappings of YAML without their braces.
kubeconfig() {
    printf 'apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "%s", certificate-authority: %s/ca.crt%s}}]\nusers: [{name: u, user: {%s}}]\n' \
        "$2" "$work" "${4:+, $4}" "$3" >"$1"
}
certificate() { echo "client-certificate: $work/$1.crt, client-key: $work/$1.key"; }

collect none.tar.gz 4 --kubeconfig /no/such/file
says "$(step none.tar.gz kubernetes/connect)" "failed /no/such/file" "No such file"
kubeconfig kc "https://127.0.0.1:1" "$(certificate client)"
collect closed.tar.gz 4 --kubeconfig kc
says "$(step closed.tar.gz kubernetes/connect)" "failed" "onnection refused"
kubeconfig kc "https://127.0.0.1:$good" "$(certificate client)"
collect good.tar.gz 4 --kubeconfig kc
says "$(step good.tar.gz kubernetes/connect)" "done"
kubeconfig kc "https://127.0.0.1:$good" "$(certificate old-client)"
collect old-client.tar.gz 4 --kubeconfig kc
says "$(step old-client.tar.gz kubernetes/connect)" "failed" "the client certificate expired on 2025-02-01"
kubeconfig kc "https://127.0.0.1:$old" "token: $(cat token)"
collect old-server.tar.gz 4 --kubeconfig kc
says "$(step old-server.tar.gz kubernetes/connect)" "failed" "the server's certificate has expired" "--insecure-skip-tls-verify"
collect insecure.tar.gz 4 --kubeconfig kc --insecure-skip-tls-verify
says "$(step insecure.tar.gz kubernetes/connect)" "done"
kubeconfig kc "https://127.0.0.1:$tokened" "token: not-$(cat token)"
collect refused.tar.gz 4 --kubeconfig kc
says "$(step refused.tar.gz kubernetes/connect)" "failed" "does not accept these credentials"

# A credential plugin: its answer is used and shown nowhere; one that fails is quoted, one that hangs is given up.
plugin() { printf '#!/bin/sh\n%s\n' "$1" >plugin && chmod +x plugin; }
exec_user="exec: {apiVersion: client.authentication.k8s.io/v1, command: $work/plugin, interactiveMode: IfAvailable}"
kubeconfig kc "https://127.0.0.1:$tokened" "$exec_user"
plugin "printf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' \"\$(cat $work/token)\""
collect plugin.tar.gz 4 --kubeconfig kc
says "$(step plugin.tar.gz kubernetes/connect)" "done"
plugin "echo 'your session has ended, log in again' >&2; exit 1"
collect failing.tar.gz 4 --kubeconfig kc
says "$(step failing.tar.gz kubernetes/connect)" "failed" "the credential plugin" "log in again"
plugin "exec sleep 60"
collect hanging.tar.gz 4 --kubeconfig kc
says "$(step hanging.tar.gz kubernetes/connect)" "failed" "the credential plugin does not answer"
kubeconfig kc "https://127.0.0.1:$tokened" "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}"
collect missing.tar.gz 4 --kubeconfig kc
says "$(step missing.tar.gz kubernetes/connect)" "failed" "no-such-plugin" "cannot be run"
for bundle in *.tar.gz; do
    mkdir -p look && tar -xzf "$bundle" -C look
    if grep -rqF "$(cat token)" look; then fail "the token stands in $bundle"; fi
    rm -rf look
done

# A proxy: of the kubeconfig, and of the environment. The server is called by a name that only the proxy knows.
kubeconfig kc "https://api.test:$tokened" "token: $(cat token)" "proxy-url: \"http://127.0.0.1:$proxy\""
collect proxied.tar.gz 4 --kubeconfig kc
says "$(step proxied.tar.gz kubernetes/connect)" "done"
kubeconfig kc "https://api.test:$tokened" "token: $(cat token)"
HTTPS_PROXY=http://127.0.0.1:$proxy collect environment.tar.gz 4 --kubeconfig kc
says "$(step environment.tar.gz kubernetes/connect)" "done"
grep -q "CONNECT api.test:$tokened" proxy.log || fail "nothing went over the proxy"
# What NO_PROXY names is asked directly, and only that.
kubeconfig kc "https://127.0.0.1:$tokened" "token: $(cat token)"
for exempt in 10.0.0.0/8,.svc,api.internal 127.0.0.0/8,.svc 127.0.0.1 '*'; do
    : >proxy.log
    HTTPS_PROXY=http://127.0.0.1:$proxy NO_PROXY=$exempt collect exempt.tar.gz 4 --kubeconfig kc
    said=$(step exempt.tar.gz kubernetes/connect)
    says "$said" "done"
    case $exempt in
        10.*) grep -q "CONNECT 127.0.0.1:$tokened" proxy.log || fail "NO_PROXY=$exempt: not over the proxy" ;;
        *) [ ! -s proxy.log ] || fail "NO_PROXY=$exempt: over the proxy, $(sort proxy.log | uniq -c)" ;;
    esac
    case $said in *"without the proxy"*) fail "NO_PROXY=$exempt: $said" ;; esac
    rm exempt.tar.gz
done

# In a pod: the service account is read from a fixed place, which is put there in a mount namespace of its own.
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
    unshare --mount sh -c "
        mkdir -p $work/account && cp ca.crt $work/account/ca.crt && printf %s \"\$(cat token)\" >$work/account/token && echo shop >$work/account/namespace
        mount -t tmpfs none /var/run && mkdir -p /var/run/secrets/kubernetes.io/serviceaccount && cp $work/account/* /var/run/secrets/kubernetes.io/serviceaccount/
        KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$tokened HOME=$work '$casefile' collect --root root --docker-socket none \
            --quiet --timeout 5 -o pod.tar.gz >said 2>&1" || true
    says "$(step pod.tar.gz kubernetes/connect)" "done" "the service account of this pod"
else
    echo "SKIPPED: a pod's service account needs root and a mount namespace"
fi

# --- the output -------------------------------------------------------------------------------------------------------------------

"$casefile" collect --root root --docker-socket none --no-cluster --quiet -o - 2>said >piped.tar.gz
tar -tzf piped.tar.gz | grep -q manifest.json || fail "the bundle on standard output is not whole"
grep -q "standard output" said || fail "nothing says where the bundle went"
# A reader that goes away at once: an error in words, and not by a signal.
head -c 30000000 /dev/urandom | base64 >root/var/log/kubelet.log
status=0
{ "$casefile" collect --root root --docker-socket none --no-cluster --quiet --max-file-size 50M -o - 2>said || echo $? >status; } | head -c 100 >/dev/null
[ "$(cat status 2>/dev/null)" = 5 ] || fail "a closed pipe ended with $(cat status 2>/dev/null || echo 0)"
says "$(cat said)" "cannot write standard output"
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=2m none small 2>/dev/null; then
    collect small/full.tar.gz 5 --no-cluster --max-file-size 50M
    says "$(cat said)" "cannot write" "No space left on device" "with -o"
    [ -z "$(ls -A small)" ] || fail "half a bundle was left behind: $(ls small)"
    collect small/fits.tar.gz 4 --no-cluster --max-size 1M
    says "$(cat said)" "max-size has cut"
else
    echo "SKIPPED: a full disk needs root and tmpfs"
fi

# --- the host ---------------------------------------------------------------------------------------------------------------------

# A log that grows while it is read: the part that was there is kept, its beginning is cut, and the collection ends.
rm root/var/log/kubelet.log
(while echo "I0101 00:00:00.000000       1 server.go:1] $RANDOM and so on and on and on and on"; do :; done) >root/var/log/kubelet.log & grows=$!
started+=("$grows")
sleep 1
collect grows.tar.gz 0 --no-cluster --max-file-size 100K
kill "$grows"; wait "$grows" 2>/dev/null || true
says "$(step grows.tar.gz logs/files)" "done" "tail"

# A program that never returns, and one that floods: the step is over after its time, and the others are there.
mkdir -p bin
printf '#!/bin/sh\necho first words\nexec sleep 600\n' >bin/lsblk
printf '#!/bin/sh\nexec yes\n' >bin/ss
chmod +x bin/*
status=0
PATH=$work/bin:$PATH timeout 300 "$casefile" collect --docker-socket none --no-cluster --quiet --timeout 2 --max-file-size 64K -o hangs.tar.gz >said 2>&1 || status=$?
[ "$status" = 4 ] || { cat said; fail "with a program that never returns collect ended with $status"; }
says "$(step hangs.tar.gz host/lsblk)" "timed-out"
says "$(step hangs.tar.gz host/ss-listening)" "timed-out"
says "$(step hangs.tar.gz host/df)" "done"
tar -xzOf hangs.tar.gz --wildcards '*/host/lsblk.txt' | grep -q "first words" || fail "what it had said is lost"
"$casefile" verify hangs.tar.gz >/dev/null || fail "the bundle does not verify"

# Two Ctrl-C, one after the other, while a program hangs: a readable bundle that says so.
PATH=$work/bin:$PATH "$casefile" collect --docker-socket none --no-cluster --timeout 100 -o twice.tar.gz >said 2>progress & twice=$!
started+=("$twice")
timeout 120 sh -c "until grep -q 'host/ss-listening …' progress; do sleep 0.1; done" || fail "the hanging program was not begun"
kill -INT "$twice"; kill -INT "$twice" 2>/dev/null || true
status=0; wait "$twice" || status=$?
[ "$status" = 4 ] || fail "two interruptions ended with $status"
says "$(cat progress)" "interrupted: what was collected is being written"
says "$(step twice.tar.gz host/ss-listening)" "failed interrupted"
says "$(step twice.tar.gz host/df)" "done"
"$casefile" verify twice.tar.gz >/dev/null || fail "the interrupted bundle does not verify"

# Not root: what may not be read is named, and the rest is there.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    mkdir nobody && chown 65534:65534 nobody && chmod 755 .
    cp "$casefile" nobody/casefile && chmod 755 nobody/casefile
    echo secret >root/etc/crontab && chmod 600 root/etc/crontab
    status=0
    setpriv --reuid 65534 --regid 65534 --clear-groups nobody/casefile collect --root root --docker-socket none --no-cluster --quiet \
        -o nobody/bundle.tar.gz >said 2>&1 || status=$?
    [ "$status" = 4 ] || { cat said; fail "without root collect ended with $status"; }
    says "$(tar -xzOf nobody/bundle.tar.gz --wildcards '*/manifest.json')" "/etc/crontab: Permission denied"
    says "$(cat said)" "not root"
else
    echo "SKIPPED: to be another user needs root and setpriv"
fi
echo "passed"
