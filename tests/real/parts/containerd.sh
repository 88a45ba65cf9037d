# A containerd of its own, for the scripts beside this folder; sourced where $work, $socket, $client and $pause are set, and $runtime is empty.

# Starts it with a snapshotter; sets $runtime. $more is further configuration.
try_runtime() {
    rm -rf "$work/root" /run/containerd
    cat >"$work/config.toml" <<TOML
version = 2
root = "$work/root"
state = "/run/containerd"
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  stats_collect_period = 1
  sandbox_image = "$pause"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$1"
${more:-}
TOML
    containerd --config "$work/config.toml" >/var/log/containerd.log 2>&1 &
    runtime=$!
    for _ in $(seq 60); do
        if ctr --address "$socket" version >/dev/null 2>&1; then return 0; fi
        kill -0 "$runtime" 2>/dev/null || break
        sleep 0.5
    done
    return 1
}

folder_of() { echo "/var/log/pods/$1_$2_$3"; }

# start_containerd IMAGE...: starts it with the first snapshotter under which a sandbox runs, with the images in these archives of
# $work; sets $snapshotter, which is empty where none does.
start_containerd() {
    local image sandbox folder
    for snapshotter in overlayfs native; do
        if try_runtime "$snapshotter"; then
            for image; do
                ctr --address "$socket" -n k8s.io images import --snapshotter "$snapshotter" "$work/$image.tar" >>"$work/import.log" 2>&1 || true
            done
            folder=$(folder_of kube-system probe 11111111-1111-1111-1111-111111111111)
            if sandbox=$("$client" "$socket" pod kube-system probe "$folder" 2>"$work/client.log"); then
                "$client" "$socket" remove "$sandbox" >/dev/null 2>&1 || true
                return
            fi
        fi
        kill "$runtime" 2>/dev/null || true
        wait "$runtime" 2>/dev/null || true
        runtime=
    done
    snapshotter=
    tail -n 3 /var/log/containerd.log "$work/client.log" >&2 2>/dev/null || true
}
