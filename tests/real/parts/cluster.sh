# A control plane of its own, for the scripts beside this folder: certificates, etcd and a kube-apiserver. Sourced in the folder where its
# files are to be, where $started is a list of processes to end, $server the API server's program and `fail` is defined.

# As many ports as are asked for, on which nobody listens.
ports() {
    python3 -c 'import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in held))' "$1"
}

issue() { # NAME SUBJECT [EXTENSIONS]
    openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$1.crt" -extfile <(printf '%s' "${3:-}") 2>/dev/null
}

# make_authority: the CA, the certificates of the API server, its front proxy and an administrator, and the key of service accounts.
make_authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca 2>/dev/null
    issue apiserver /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,DNS:kubernetes'
    issue admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
    issue front-proxy /CN=front-proxy extendedKeyUsage=clientAuth
    openssl genrsa -out accounts.key 2048 2>/dev/null
}

# kubeconfig NAME SERVER USER: USER is the name of a certificate, or a token.
kubeconfig() {
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

# start_etcd PORT PEER_PORT
start_etcd() {
    local client_port=$1 peer_port=$2
    etcd --name test --data-dir etcd-data --listen-client-urls "http://127.0.0.1:$client_port" --advertise-client-urls "http://127.0.0.1:$client_port" \
        --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
        --initial-cluster "test=http://127.0.0.1:$peer_port" --unsafe-no-fsync >etcd.log 2>&1 &
    started+=($!)
    if ! timeout 5 bash -c "until grep -q 'ready to serve' etcd.log; do kill -0 $! || exit 1; sleep 0.2; done" 2>/dev/null && ! kill -0 "$!" 2>/dev/null; then
        # Older releases do not know --unsafe-no-fsync.
        etcd --name test --data-dir etcd-data --listen-client-urls "http://127.0.0.1:$client_port" --advertise-client-urls "http://127.0.0.1:$client_port" \
            --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
            --initial-cluster "test=http://127.0.0.1:$peer_port" >etcd.log 2>&1 &
        started+=($!)
    fi
}

# start_apiserver PORT ETCD_PORT OPTION...: sets $api.
start_apiserver() {
    local port=$1 client_port=$2
    "$server" --etcd-servers="http://127.0.0.1:$client_port" --bind-address=127.0.0.1 --secure-port="$port" --tls-cert-file=apiserver.crt \
        --tls-private-key-file=apiserver.key --client-ca-file=ca.crt --service-cluster-ip-range=10.96.0.0/16 \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.key --service-account-signing-key-file=accounts.key \
        --requestheader-client-ca-file=ca.crt --requestheader-allowed-names=front-proxy \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
        --proxy-client-cert-file=front-proxy.crt --proxy-client-key-file=front-proxy.key \
        --kubelet-client-certificate=admin.crt --kubelet-client-key=admin.key --kubelet-preferred-address-types=InternalIP \
        --disable-admission-plugins=ServiceAccount --cert-dir=. "${@:3}" >apiserver.log 2>&1 &
    started+=($!)
    api=$!
}

# await_apiserver PORT
await_apiserver() {
    local port=$1
    for _ in $(seq 240); do
        curl -sf --cacert ca.crt --cert admin.crt --key admin.key "https://127.0.0.1:$port/readyz" >/dev/null 2>&1 && break
        kill -0 "$api" 2>/dev/null || { tail -n 5 apiserver.log >&2; fail "the API server ended"; }
        sleep 0.5
    done
    curl -sf --cacert ca.crt --cert admin.crt --key admin.key "https://127.0.0.1:$port/readyz" >/dev/null || { tail -n 5 apiserver.log >&2; fail "the API server does not become ready"; }
}
