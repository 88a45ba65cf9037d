#!/usr/bin/env bash
# Measures casefile against `gzip -dc` on the same file, side by side, and prints ratios. Absolute times depend on the machine; ratios travel.
#
# usage: benches/ratios.sh [DIR [WHAT…]]     DIR holds the generated data (default: target/bench), about 400 MB;
#                                            WHAT is logs, yaml, many, rules or redact (default: all)
# needs: gzip, GNU time (/usr/bin/time), python3, a release build
set -euo pipefail
cd "$(dirname "$0")/.."
casefile=target/release/casefile
data=${1:-target/bench}
shift || true
[ $# -gt 0 ] || set -- logs yaml many rules redact
wanted() { [[ " $wanted " == *" $1 "* ]]; }
wanted=$*
mkdir -p "$data"
[ -x "$casefile" ] || cargo build --release --locked

# A log-heavy bundle: 1.1 GB of kubelet and container logs when unpacked, made once. Lines vary, so that it compresses as logs do.
if { wanted logs || wanted rules || wanted redact; } && [ ! -f "$data/logs.tar.gz" ]; then
    echo "making $data/logs.tar.gz" >&2
    python3 - "$data/logs.tar.gz" <<'PY'
import io, random, subprocess, sys, tarfile
random.seed(7)
words = "sync pod volume mount probe image status update container network cache lease node watch event sandbox runtime secret".split()
def line(i):
    tail = " ".join(random.choice(words) for _ in range(12))
    return f'I1121 {9 + i // 3600 % 12:02}:{i // 60 % 60:02}:{i % 60:02}.{random.randrange(10**6):06} 6441 kubelet.go:{random.randrange(3000)}] "{tail}" pod="ns-{random.randrange(50)}/app-{random.randrange(500)}" uid="{random.getrandbits(64):016x}"\n'
chunk = "".join(line(i) for i in range(60000)).encode()
packer = subprocess.Popen(["gzip", "-6"], stdin=subprocess.PIPE, stdout=open(sys.argv[1], "wb"))
with tarfile.open(fileobj=packer.stdin, mode="w|") as archive:
    for number in range(8):
        # Each file is the same text several times over, from another start: the window of gzip is far smaller.
        body = (chunk[number * 1000:] + chunk[:number * 1000]) * 13
        entry = tarfile.TarInfo(f"bundle/nodes/n{number}/logs/kubelet.log")
        entry.size = len(body)
        archive.addfile(entry, io.BytesIO(body))
packer.stdin.close()
packer.wait()
PY
fi

# A tree of YAML files like a must-gather.
if wanted yaml && [ ! -f "$data/yaml.tar.gz" ]; then
    echo "making $data/yaml.tar.gz" >&2
    python3 benches/must_gather.py tests/layouts/must-gather.tar.gz "$data/yaml.tar.gz"
fi

# Two hundred small bundles: copies of a sample under other names.
if wanted many && [ ! -d "$data/many" ]; then
    mkdir -p "$data/many"
    for n in $(seq -w 1 200); do cp bundles/crash-loop.tar.gz "$data/many/b$n.tar.gz"; done
fi

# Median wall seconds of five runs, and the largest peak memory in MiB.
measure() {
    local out times=() peak=0
    for _ in 1 2 3 4 5; do
        out=$(/usr/bin/time -f '%e %M' "$@" 2>&1 >/dev/null | tail -n 1)
        times+=("${out% *}")
        [ "${out#* }" -gt "$peak" ] && peak=${out#* }
    done
    printf '%s %s\n' "$(printf '%s\n' "${times[@]}" | sort -n | sed -n 3p)" $((peak / 1024))
}
ratio() { python3 -c 'import sys; print(f"{float(sys.argv[1]) / float(sys.argv[2]):.2f}")' "$1" "$2"; }

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# against_gzip NAME FILE: one archive against `gzip -dc` of it.
against_gzip() {
    read -r gzip_s _ < <(measure gzip -dc "$2")
    read -r own_s own_mib < <(measure "$casefile" analyze -q "$2" -f json -o "$out")
    echo "$1: analyze ${own_s} s, gzip -dc ${gzip_s} s, ratio $(ratio "$own_s" "$gzip_s") (below 1 is faster), peak ${own_mib} MiB"
}
if wanted logs; then against_gzip logs "$data/logs.tar.gz"; fi
if wanted yaml; then against_gzip yaml "$data/yaml.tar.gz"; fi
if wanted many; then
    read -r one_s _ < <(measure "$casefile" analyze -q --threads 1 "$data/many" -f json -o "$out")
    read -r two_s two_mib < <(measure "$casefile" analyze -q --threads 2 "$data/many" -f json -o "$out")
    echo "200 small bundles: one thread ${one_s} s, two threads ${two_s} s, speed-up $(ratio "$one_s" "$two_s"), peak ${two_mib} MiB"
fi
if wanted rules; then
    # Five hundred rules of a user, half over text and half over objects, on the same logs.
    python3 - "$out/rules" <<'PY'
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
for n in range(250):
    (folder / f"text-{n}.yaml").write_text(
        f"id: own-text-{n}\nlevel: warning\ntext:\n  - {{id: line, pattern: 'ledger-{n:03}: giving up after (?P<attempts>\\d+) attempts'}}\n"
        "finds: {subject: workload, confidence: confirmed}\ntitle: {en: 'it gave up'}\n")
    (folder / f"object-{n}.yaml").write_text(
        f"id: own-object-{n}\nlevel: warning\nobjects:\n  kind: Pod\n  each: /spec/containers\n"
        f"  where: [{{path: item/image, matches: 'registry-{n}[.]example/'}}]\n  when: object.spec.priority > {n}\ntitle: {{en: 'an image'}}\n")
PY
    read -r bare_s _ < <(measure "$casefile" analyze -q "$data/logs.tar.gz" -f json -o "$out")
    read -r own_s _ < <(measure "$casefile" analyze -q "$data/logs.tar.gz" --rules "$out/rules" -f json -o "$out")
    echo "500 own rules: ${own_s} s, without ${bare_s} s, ratio $(ratio "$own_s" "$bare_s")"
fi
if wanted redact; then
    # Reading alone is `inspect`, which decodes the same files and writes nothing.
    read -r read_s _ < <(measure "$casefile" inspect "$data/logs.tar.gz")
    read -r redact_s redact_mib < <(measure "$casefile" redact "$data/logs.tar.gz" --force -o "$out/redacted.tar.gz")
    echo "redact: ${redact_s} s, inspect ${read_s} s, ratio $(ratio "$redact_s" "$read_s") (below 1 is faster), peak ${redact_mib} MiB"
fi
