"""Compares the bundles with what was created. usage: check.py SECRET PODS, in the folder of the bundles"""
import base64
import hashlib
import json
import sys
import tarfile

secret, count = sys.argv[1], int(sys.argv[2])


class Bundle:
    def __init__(self, name):
        with tarfile.open(f"{name}.tar.gz") as tar:
            self.files = {member.name.split("/", 1)[1]: tar.extractfile(member).read() for member in tar}
        self.manifest = json.loads(self.files["manifest.json"])
        self.steps = {step["name"]: step for step in self.manifest["steps"]}
        for record in self.manifest["files"]:
            assert hashlib.sha256(self.files[record["path"]]).hexdigest() == record["sha256"], record
        for path, content in self.files.items():
            # In base64 at any alignment: of what is encoded, the part that no neighbour changes.
            forms = [secret.encode()] + [base64.b64encode(b"x" * pad + secret.encode())[4:-4] for pad in range(3)]
            assert not any(form in content for form in forms), f"the secret stands in {name}: {path}"

    def json(self, path):
        return json.loads(self.files[path])

    def items(self, folder):
        return [item for path in self.files if path.startswith(f"cluster-resources/{folder}/") and path.endswith(".json") for item in self.json(path)["items"]]


def ended(bundle, step, outcome, reason=""):
    got = bundle.steps[step]
    assert got["outcome"] == outcome and reason in got.get("reason", ""), got


admin = Bundle("admin")
pods = admin.items("pods")
assert len(pods) == count + 5, len(pods)
assert len({pod["metadata"]["uid"] for pod in pods}) == count + 5
farms = admin.json("cluster-resources/custom-resources/farms.example.com/shop.json")
assert len(farms) == 30 and farms[0]["kind"] == "Farm"
assert b'"acres":1.5' in admin.files["cluster-resources/custom-resources/farms.example.com/shop.json"]
assert admin.json("cluster-resources/custom-resource-definitions.json")["kind"] == "CustomResourceDefinitionList"
assert admin.json("cluster-info/cluster_version.json")["string"].startswith("v1.")
assert b"readyz check" in admin.files["cluster-info/readyz.txt"]
secrets = {one["metadata"]["name"]: one for one in admin.json("cluster-resources/secrets/shop.json")["items"]}
assert secrets["db"]["data"] == {"password": "<withheld>", "empty": ""}, secrets["db"]
auths = json.loads(base64.b64decode(secrets["regcred"]["data"][".dockerconfigjson"]))["auths"]
assert auths == {"registry.example": {"username": "<withheld>"}}, auths
assert b"BEGIN CERTIFICATE" in base64.b64decode(secrets["web"]["data"]["tls.crt"]) and secrets["web"]["data"]["tls.key"] == "<withheld>"
dead = [one for one in admin.json("cluster-resources/apiservices.json")["items"] if one["metadata"]["name"] == "v1.dead.example.com"]
assert {"Available": "False"} == {one["type"]: one["status"] for one in dead[0]["status"]["conditions"]}, dead
log = "cluster-resources/pods/logs/shop/oom-0/app"
assert b"connects with password" in admin.files[f"{log}.log"] and b"OutOfMemoryError" in admin.files[f"{log}-previous.log"]
assert admin.json("nodes/node-1/kubelet/configz.json")["kubeletconfig"]["cgroupDriver"] == "systemd"
assert b"Started kubelet" in admin.files["nodes/node-1/kubelet/logs/kubelet.log"]
ended(admin, "kubernetes/nodes/node-1", "done")
ended(admin, "kubernetes/nodes/node-2", "failed")
# The two pods of the dead node are among the unhealthy; the log without an end is cut, and says so.
ended(admin, "kubernetes/logs/unhealthy", "failed", "stranded-")
other = admin.steps["kubernetes/logs/other"]
assert "endless-0" in json.dumps(other["notes"]), other
assert 1024 < len(admin.files["cluster-resources/pods/logs/shop/endless-0/app.log"]) <= 4 << 20

limited = Bundle("limited")
ended(limited, "kubernetes/connect", "done")
ended(limited, "kubernetes/objects/nodes", "forbidden", "nodes is forbidden")
ended(limited, "kubernetes/objects/secrets", "forbidden")
ended(limited, "kubernetes/objects/pods", "forbidden", "namespaces may not be read")
assert len(limited.items("pods")) == 5 and not limited.items("secrets")
ended(limited, "kubernetes/logs/unhealthy", "forbidden", "pods/log")

expired = Bundle("expired")
ended(expired, "kubernetes/connect", "failed", "the token expired on")
ended(expired, "kubernetes/discovery", "skipped")
assert "nodes/control-1/etc/hostname" in expired.files

stuck = Bundle("stuck")
assert stuck.manifest["interrupted"] and len(stuck.items("pods")) == min(500, count + 5), len(stuck.items("pods"))
ended(stuck, "kubernetes/objects/pods", "failed", "interrupted")

proxied = Bundle("proxied")
for kind in ("pods", "services", "events"):
    ended(proxied, f"kubernetes/objects/{kind}", "done")
assert len(proxied.items("pods")) == 5
assert proxied.steps["kubernetes/objects/configmaps"]["outcome"] in ("timed-out", "failed"), proxied.steps["kubernetes/objects/configmaps"]
print(f"{len(pods)} pods, {len(admin.files)} files, the secret in none of them")
