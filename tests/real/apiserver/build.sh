#!/usr/bin/env bash
# Builds the API server that tests/real/apiserver.sh starts. Needs Go and, the first time, its module proxy; takes half an hour on two
# busy cores. The result is kept under target/real, so it is built once.
#
# usage: tests/real/apiserver/build.sh [OUT]      OUT is target/real/kube-apiserver, or what APISERVER names
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-${APISERVER:-../../../target/real/kube-apiserver}}
mkdir -p "$(dirname "$out")"
out=$(realpath -m "$out")
# The version is what the module asks for; without it the server calls itself v0.0.0-master and refuses objects of newer kinds.
version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)
minor=$(cut -d. -f2 <<<"$version")
stamp=k8s.io/component-base/version
GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -o "$out" \
    -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean" .
"$out" --version
echo "built $out"
