#!/usr/bin/env bash
# Builds the API server that tests/real/apiserver.sh starts, and the kubelet and metrics-server that tests/real/kubelet.sh sets beside it.
# Needs Go and, the first time, its module proxy; takes three quarters of an hour on two busy cores. The results are kept under
# target/real, so they are built once.
#
# usage: tests/real/apiserver/build.sh [FOLDER]      FOLDER is target/real
set -euo pipefail
cd "$(dirname "$0")"
folder=$(realpath -m "${1:-../../../target/real}")
mkdir -p "$folder"
# The version is what the module asks for; without it the programs call themselves v0.0.0-master and refuse objects of newer kinds.
version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)
minor=$(cut -d. -f2 <<<"$version")
stamp=k8s.io/component-base/version
build() { # NAME PACKAGE LDFLAGS: PACKAGE is a folder
    (cd "$2" && GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -o "$folder/$1" -ldflags "-s -w $3" .)
    "$folder/$1" --version
}
stamped="-X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean"
build kube-apiserver . "$stamped"
build kubelet kubelet "$stamped"
# A module of its own: it asks for other releases of the same libraries.
build metrics-server metrics-server "-X k8s.io/client-go/pkg/version.gitVersion=$(awk '$1 == "sigs.k8s.io/metrics-server" { print $2; exit }' metrics-server/go.mod)"
echo "built in $folder"
