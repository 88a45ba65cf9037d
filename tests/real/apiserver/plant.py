"""Creates the cluster of the test. usage: plant.py API_PORT ADDRESS KUBELET_PORT SECRET PODS, in the folder of the certificates"""
import base64
import concurrent.futures
import http.client
import json
import ssl
import sys
import threading
import time

port, address, kubelet_port, secret, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
context = ssl.create_default_context(cafile="ca.crt")
context.load_cert_chain("admin.crt", "admin.key")
local = threading.local()


def request(method, path, body=None, kind="application/json"):
    for attempt in range(5):
        try:
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=120)
            local.connection.request(method, path, body and json.dumps(body), {"Content-Type": kind})
            answer = local.connection.getresponse()
            text = answer.read()
            if answer.status in (429, 500, 503, 504) and attempt < 4:
                time.sleep(1)
                continue
            assert answer.status < 300, (method, path, answer.status, text[:400])
            return json.loads(text)
        except (http.client.HTTPException, OSError):
            del local.connection
            if attempt == 4:
                raise


def create(path, api, kind, name, namespace=None, **rest):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {}) | rest.pop("metadata", {})
    return request("POST", path, {"apiVersion": api, "kind": kind, "metadata": metadata} | rest)


def set_status(path, status):
    request("PATCH", f"{path}/status", {"status": status}, "application/merge-patch+json")


def encode(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
for name in ["shop"] + [f"bulk-{n}" for n in range(10)]:
    create("/api/v1/namespaces", "v1", "Namespace", name)

# Nobody has the second address: RFC 5737 keeps it for documents.
for name, ready, at in [("node-1", "True", address), ("node-2", "Unknown", "198.51.100.2")]:
    create("/api/v1/nodes", "v1", "Node", name)
    reason = {"True": "KubeletReady", "Unknown": "NodeStatusUnknown"}[ready]
    message = {"True": "kubelet is posting ready status", "Unknown": "Kubelet stopped posting node status."}[ready]
    condition = {"type": "Ready", "status": ready, "reason": reason, "message": message, "lastHeartbeatTime": now, "lastTransitionTime": now}
    set_status(f"/api/v1/nodes/{name}", {
        "conditions": [condition], "addresses": [{"type": "InternalIP", "address": at}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
        "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}, "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "nodeInfo": {"kubeletVersion": "v1.35.4", "containerRuntimeVersion": "containerd://2.0.0", "osImage": "Debian", "kernelVersion": "6.1",
                     "architecture": "amd64", "operatingSystem": "linux", "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": ""}})


def pod(namespace, name, node, image="registry.example/shop/web:1"):
    create(f"/api/v1/namespaces/{namespace}/pods", "v1", "Pod", name, namespace,
           metadata={"labels": {"app": name.rsplit("-", 1)[0]}},
           spec={"nodeName": node, "containers": [{"name": "app", "image": image, "resources": {"limits": {"memory": "64Mi"}}}]})


def container(state, restarts=0, ready=False, last=None):
    return {"name": "app", "image": "registry.example/shop/web:1", "imageID": "", "ready": ready, "restartCount": restarts,
            "state": state, "lastState": last or {}}


def pod_status(namespace, name, phase, *statuses):
    ready = "True" if all(one["ready"] for one in statuses) else "False"
    set_status(f"/api/v1/namespaces/{namespace}/pods/{name}", {
        "phase": phase, "startTime": now, "containerStatuses": list(statuses),
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": now, "reason": "" if ready == "True" else "ContainersNotReady"}]})


running = {"running": {"startedAt": now}}
killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": now, "finishedAt": now}}
for name, node in [("oom-0", "node-1"), ("endless-0", "node-1"), ("stranded-0", "node-2"), ("stranded-1", "node-2")]:
    pod("shop", name, node)
pod("shop", "unpulled-0", "node-1", "registry.example/shop/web:9")
pod_status("shop", "oom-0", "Running", container({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}, 12, last=killed))
pod_status("shop", "endless-0", "Running", container(running, 0, True))
for name in ("stranded-0", "stranded-1"):
    pod_status("shop", name, "Running", container(running, 1, True))
pod_status("shop", "unpulled-0", "Pending", container({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"registry.example/shop/web:9\""}}))


def event(name, involved, reason, message):
    create("/api/v1/namespaces/shop/events", "v1", "Event", name, "shop", type="Warning", reason=reason, message=message, count=7,
           firstTimestamp=now, lastTimestamp=now, source={"component": "kubelet", "host": "node-1"},
           involvedObject={"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": involved})


event("pull", "unpulled-0", "Failed", "Failed to pull image \"registry.example/shop/web:9\": rpc error: code = NotFound desc = failed to pull and unpack "
      "image \"registry.example/shop/web:9\": failed to resolve reference \"registry.example/shop/web:9\": registry.example/shop/web:9: not found")
event("back-off", "oom-0", "BackOff", "Back-off restarting failed container app in pod oom-0_shop")

secrets = "/api/v1/namespaces/shop/secrets"
create(secrets, "v1", "Secret", "db", "shop", type="Opaque", data={"password": encode(secret), "empty": ""})
auths = {"auths": {"registry.example": {"username": "robot", "password": secret, "auth": encode(f"robot:{secret}")}}}
create(secrets, "v1", "Secret", "regcred", "shop", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": encode(json.dumps(auths))})
tls = {"tls.crt": encode(open("apiserver.crt", "rb").read()), "tls.key": encode(open("apiserver.key", "rb").read())}
create(secrets, "v1", "Secret", "web", "shop", type="kubernetes.io/tls", data=tls)
create("/api/v1/namespaces/shop/configmaps", "v1", "ConfigMap", "settings", "shop", data={"url": f"postgres://shop:{secret}@db/shop"})
create("/api/v1/namespaces/shop/services", "v1", "Service", "web", "shop", spec={"ports": [{"port": 80}], "selector": {"app": "web"}})

schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "apiextensions.k8s.io/v1", "CustomResourceDefinition", "farms.example.com",
       spec={"group": "example.com", "scope": "Namespaced", "names": {"plural": "farms", "kind": "Farm"},
             "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]})
create("/apis/apiregistration.k8s.io/v1/apiservices", "apiregistration.k8s.io/v1", "APIService", "v1.dead.example.com",
       spec={"group": "dead.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10, "insecureSkipTLSVerify": True,
             "service": {"namespace": "default", "name": "dead"}})

# Who may read: the pods of one namespace, and the names of namespaces.
rbac = "rbac.authorization.k8s.io"
create(f"/apis/{rbac}/v1/namespaces/shop/roles", f"{rbac}/v1", "Role", "reader", "shop", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
group = [{"kind": "Group", "name": "readers", "apiGroup": rbac}]
create(f"/apis/{rbac}/v1/namespaces/shop/rolebindings", f"{rbac}/v1", "RoleBinding", "reader", "shop", subjects=group,
       roleRef={"kind": "Role", "name": "reader", "apiGroup": rbac})
create(f"/apis/{rbac}/v1/clusterroles", f"{rbac}/v1", "ClusterRole", "namer", rules=[{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}])
create(f"/apis/{rbac}/v1/clusterrolebindings", f"{rbac}/v1", "ClusterRoleBinding", "namer", subjects=group,
       roleRef={"kind": "ClusterRole", "name": "namer", "apiGroup": rbac})

for _ in range(60):
    try:
        create("/apis/example.com/v1/namespaces/shop/farms", "example.com/v1", "Farm", "farm-0", "shop", spec={"acres": 1.50})
        break
    except AssertionError:
        time.sleep(0.5)
for n in range(1, 30):
    create("/apis/example.com/v1/namespaces/shop/farms", "example.com/v1", "Farm", f"farm-{n}", "shop", spec={"acres": n})

begun = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    list(pool.map(lambda n: pod(f"bulk-{n % 10}", f"pod-{n}", "node-1"), range(count)))
print(f"{count} pods created in {time.monotonic() - begun:.0f} s")
