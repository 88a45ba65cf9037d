#!/bin/bash
# frees image space, keeps what the running workload needs
set -eu
export CONTAINERD_ADDRESS=/run/k3s/containerd/containerd.sock
CTR=/var/lib/rancher/rke2/bin/ctr
inuse=$($CTR -n k8s.io containers ls | awk 'NR>1 {print $2}' | grep -v pause | sort -u)
for i in $($CTR -n k8s.io images ls -q | grep -v '^sha256:'); do
  grep -qxF "$i" <<<"$inuse" && continue
  echo "$(date -Is) rm $i"
  $CTR -n k8s.io images rm "$i" >/dev/null
done
