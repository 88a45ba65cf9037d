"""Asserts that the report names what was broken beside a real kubelet. usage: kubelet_found.py REPORT MISSING_IMAGE"""
import json
import pathlib
import sys

text = pathlib.Path(sys.argv[1]).read_text()
report = json.loads(text)
found = {(finding["rule"], finding["subject"]["name"]) for finding in report["root_causes"] + report["findings"]}
print("found:", ", ".join(" ".join(one) for one in sorted(found)))
for rule, name in [("crashloopbackoff", "orders"), ("app-missing-file", "orders"), ("image-pull-backoff", "web"), ("oomkilled-container", "hungry"),
                   ("createcontainerconfigerror", "billing"), ("liveness-probe-failing", "sluggish"), ("configmap-missing", "billing-settings")]:
    assert (rule, name) in found, f"nothing of {name} by {rule}"
assert any(cause["rule"] == "registry-down" for cause in report["root_causes"]) and sys.argv[2] in text, "the registry is no cause"
# Whatever else is found, it is nothing that runs well.
assert not found & {("container-runtime-down", "node-1"), ("node-notready", "node-1")} and not any(name == "cart" for _, name in found), found
