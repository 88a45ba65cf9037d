"""Asserts what was collected of a real kubelet. usage: kubelet_check.py OPENED_BUNDLE SECRET"""
import json
import pathlib
import sys

top, secret = pathlib.Path(sys.argv[1]), sys.argv[2]
steps = {step["name"]: step for step in json.loads((top / "manifest.json").read_text())["steps"]}
for name in ("kubernetes/nodes/node-1", "kubernetes/logs/unhealthy", "kubernetes/logs/other", "kubernetes/objects/pods",
             "kubernetes/objects/pods.metrics.k8s.io", "kubernetes/objects/nodes.metrics.k8s.io"):
    assert steps[name]["outcome"] == "done", (name, steps[name])
read = lambda path: (top / path).read_text()
kubelet = "nodes/node-1/kubelet/"
configuration = json.loads(read(kubelet + "configz.json"))["kubeletconfig"]
assert configuration["cgroupDriver"] == "cgroupfs" and configuration["enableSystemLogQuery"] is True, configuration
assert "[+]syncloop ok" in read(kubelet + "healthz.txt")
summary = json.loads(read(kubelet + "stats-summary.json"))
assert summary["node"]["nodeName"] == "node-1" and summary["node"]["fs"]["capacityBytes"] > 0, summary["node"]
assert "cart" in {pod["podRef"]["name"] for pod in summary["pods"]}
# These write files here and not to a journal, of which the kubelet sends no chosen number of lines.
log = read(kubelet + "logs/kubelet.log")
assert '"Starting kubelet main sync loop"' in log and "configmap \\\"billing-settings\\\" not found" in log, log[-500:]
assert "starting containerd" in read(kubelet + "logs/containerd.log")
# Now, and before the last restart: each attempt says when it began.
logs = "cluster-resources/pods/logs/shop/"
attempts = [read(f"{logs}orders/app{which}.log") for which in ("", "-previous")]
assert all("/etc/orders/config.yaml: no such file or directory" in text for text in attempts), attempts
assert attempts[0] != attempts[1]
assert "cart listens on :8080" in read(logs + "cart/app.log")
measured = json.loads(read("cluster-resources/custom-resources/pods.metrics.k8s.io/shop.json"))
memory = {pod["metadata"]["name"]: pod["containers"][0]["usage"]["memory"] for pod in measured}
assert memory.get("cart", "0") != "0", measured
assert [one["metadata"]["name"] for one in json.loads(read("cluster-resources/custom-resources/nodes.metrics.k8s.io.json"))] == ["node-1"]
for path in top.rglob("*"):
    assert not path.is_file() or secret.encode() not in path.read_bytes(), f"the secret stands in {path}"
print("collected: node-1 says of itself", ", ".join(sorted(path.name for path in (top / kubelet).rglob("*.*"))))
