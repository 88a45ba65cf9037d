#!/usr/bin/env python3
"""Writes the samples of those collectors of which there is none that could be copied: small bundles in the arrangement that the
collector's own code gives them (the source is named in `src/bundle/layout/<layout>.rs`). Run it in this directory:

    python3 make.py

The bytes are the same in every run. Names, addresses and the faults in them are made up.
"""

import gzip
import io
import lzma
import pathlib
import tarfile
import zipfile

import make_clusters as clusters
import make_machines as machines

OUT = pathlib.Path(__file__).resolve().parent
# 2026-11-21T10:20:42Z
MTIME = 1795256442


def as_bytes(content):
    return content if isinstance(content, bytes) else content.encode()


def member(name, size):
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, MTIME, 0o644
    return info


def tar(files, root=""):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, content in files.items():
            data = as_bytes(content)
            archive.addfile(member(root + path, len(data)), io.BytesIO(data))
    return out.getvalue()


def gzipped(data):
    return gzip.compress(data, 9, mtime=0)


def tar_gz(name, files, root=""):
    (OUT / f"{name}.tar.gz").write_bytes(gzipped(tar(files, root)))


def zipped(name, files, root=""):
    with zipfile.ZipFile(OUT / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(root + path, (2026, 11, 21, 10, 20, 42))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, as_bytes(content))


def crust_gather_tar(files):
    """As crust-gather writes it: each header gives one byte more than there is (`src/gather/writer.rs`, `set_size(len + 1)`)."""
    out = b""
    for path, content in files.items():
        data = as_bytes(content)
        out += member(f"crust-gather/{path}", len(data) + 1).tobuf(tarfile.USTAR_FORMAT)
        out += data + b"\0" * (-len(data) % 512)
    return out + b"\0" * 1024


def main():
    tar_gz("kind", machines.kind(), "kind-logs/")
    (OUT / "minikube.txt").write_text(machines.minikube()["logs.txt"])
    tar_gz("eks_i-0a1b2c3d4e5f60718_2026-11-21_1020-UTC_0.7.8", machines.eks(), "./")
    (OUT / "scc_sles-w1_261121_1020.txz").write_bytes(
        lzma.compress(tar(machines.supportconfig(), "scc_sles-w1_261121_1020/"), preset=9)
    )
    reports = {}
    for host, files in machines.sos_collect().items():
        stem = f"sosreport-{host}-2026-11-21-abcdefg"
        reports[f"{stem}.tar.xz"] = lzma.compress(tar(files, f"{stem}/"), preset=9)
    reports["sos_logs/sos.log"] = "2026-11-21 10:19:30,118 INFO: Collecting from 3 nodes\n"
    reports["sos_reports/manifest.json"] = '{"version": "4.8.1", "run_time": "0:01:10"}\n'
    tar_gz("sos-collect", reports, "sos-collector-2026-11-21-hijkl/")
    tar_gz("rancher-kubeadm", machines.rancher_kubeadm(), "./kcp-1-2026-11-21_10_20_42/")
    tar_gz("rancher-windows", machines.rancher_windows(), "rancher_rke2_win1_2026-11-21/")
    zipped("talos-support", machines.talos())
    # The header of a file that age wrote (age-encryption.org/v1), with a body that nobody can decrypt.
    age = b"age-encryption.org/v1\n-> X25519 " + b"A" * 43 + b"\n" + b"B" * 43 + b"\n--- " + b"C" * 43 + b"\n" + bytes(range(64))
    (OUT / "talos-support-encrypted.zip.age").write_bytes(age)
    (OUT / "crust-gather.tar.gz").write_bytes(gzipped(crust_gather_tar(clusters.crust_gather())))
    tar_gz("capi", clusters.capi(), "artifacts/")
    tar_gz("prow", clusters.prow(), "1860000000000000000/")
    tar_gz("microk8s", clusters.microk8s(), "inspection-report/")
    (OUT / "k0s-sysinfo.json").write_text(clusters.k0s()["sysinfo.json"])
    zipped("aks-nodepool1-31847236-vmss000000", clusters.periscope())
    zipped("cilium-sysdump-20261121-102042", clusters.cilium())
    tar_gz("insights", clusters.insights())
    tar_gz("velero", clusters.velero())
    tar_gz("kops", clusters.kops(), "artifacts/")
    tar_gz("crashd", clusters.crashd())
    zipped("elastic-diagnostics", clusters.elastic(), "local-diagnostics-20261121-102042/")


if __name__ == "__main__":
    main()
