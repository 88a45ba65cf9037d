"""usage: image.py OUT NAME BUSYBOX COMMAND...: an image with one layer, whose programs are busybox."""
import hashlib, io, json, platform, sys, tarfile
out, name, busybox, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
def add(tar, path, data, mode=0o644):
    info = tarfile.TarInfo(path); info.size = len(data); info.mode = mode
    tar.addfile(info, io.BytesIO(data))
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as tar:
    for folder in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        info = tarfile.TarInfo(folder); info.type = tarfile.DIRTYPE; info.mode = 0o755; tar.addfile(info)
    add(tar, "bin/busybox", open(busybox, "rb").read(), 0o755)
    for applet in ("sh", "sleep", "echo", "date"):
        info = tarfile.TarInfo("bin/" + applet); info.type = tarfile.SYMTYPE; info.linkname = "busybox"; tar.addfile(info)
layer = layer.getvalue()
config = json.dumps({"architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()), "os": "linux", "config": {"Entrypoint": command, "Env": ["PATH=/bin"]},
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
                     "history": [{"created_by": "image.py"}]}).encode()
manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
with tarfile.open(out, "w") as tar:
    add(tar, "layer.tar", layer); add(tar, "config.json", config); add(tar, "manifest.json", manifest)
