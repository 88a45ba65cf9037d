"""What the trees share: objects of Kubernetes, and lines of logs."""

import json

NOW = "2026-11-21T10:20:42Z"


def as_json(value):
    return json.dumps(value, indent=4) + "\n"


def as_yaml(value, indent=0):
    """YAML as Go's libraries write it, for the values that are needed here."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                # A list stands at the margin of its key.
                lines.append(f"{pad}{key}:\n" + as_yaml(item, indent + (isinstance(item, dict))))
            else:
                lines.append(f"{pad}{key}: {scalar(item)}\n")
        return "".join(lines)
    lines = []
    for item in value:
        if isinstance(item, dict):
            text = as_yaml(item, indent + 1)
            lines.append(f"{pad}- {text[len(pad) + 2:]}")
        else:
            lines.append(f"{pad}- {scalar(item)}\n")
    return "".join(lines)


def scalar(item):
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (int, float)):
        return str(item)
    if item == {} or item == []:
        return json.dumps(item)
    plain = item and item[0].isalpha() and not any(sign in item for sign in (": ", " #", "\n"))
    return item if plain and item not in ("true", "false", "null") else json.dumps(item)


def node(name, address, ready=True, version="v1.31.4", conditions=()):
    def condition(kind, status, reason):
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": reason,
            "lastHeartbeatTime": "2026-11-21T10:20:12Z",
            "lastTransitionTime": "2026-11-21T09:58:12Z",
        }

    every = [condition(*item) for item in conditions]
    every.append(condition("Ready", "True" if ready else "False", "KubeletReady" if ready else "KubeletNotReady"))
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "uid": f"6f1c7a52-0b5e-4f0f-9a7e-{abs(hash_of(name)):012d}",
            "resourceVersion": "811",
            "creationTimestamp": "2026-08-01T08:00:00Z",
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "spec": {"podCIDR": f"10.244.{address.split('.')[-1]}.0/24"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": every,
            "nodeInfo": {
                "kubeletVersion": version,
                "containerRuntimeVersion": "containerd://1.7.24",
                "osImage": "Ubuntu 24.04 LTS",
                "kernelVersion": "6.8.0-48-generic",
                "architecture": "amd64",
            },
        },
    }


def hash_of(text):
    """The same number in every run, unlike Python's own."""
    number = 7
    for letter in text:
        number = (number * 31 + ord(letter)) % 10**12
    return number


def pod(namespace, name, host, container, image, state=None, ready=True, restarts=0, last=None, env_from=None, owner=None):
    spec = {"name": container, "image": image, "imagePullPolicy": "IfNotPresent"}
    if env_from:
        spec["envFrom"] = [env_from]
    status = {
        "name": container,
        "image": image,
        "ready": ready,
        "restartCount": restarts,
        "state": state or {"running": {"startedAt": "2026-11-21T08:00:05Z"}},
    }
    if last:
        status["lastState"] = last
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"0d3a1c4e-7a3b-4c55-8d21-{hash_of(namespace + name):012d}",
        "resourceVersion": "4711",
        "creationTimestamp": "2026-11-21T08:00:00Z",
        "labels": {"app": container},
    }
    if owner:
        metadata["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "uid": f"u-{owner[1]}", "controller": True}
        ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": host, "containers": [spec], "restartPolicy": "Always"},
        "status": {
            "phase": "Running" if ready or restarts else "Pending",
            "hostIP": "10.0.0.11",
            "podIP": "10.244.1.7",
            "conditions": [
                {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "2026-11-21T08:00:09Z"}
            ],
            "containerStatuses": [status],
        },
    }


def listed(kind, items, api="v1"):
    return {"kind": f"{kind}List", "apiVersion": api, "metadata": {"resourceVersion": "4800"}, "items": items}


def journal(host, program, lines):
    """Lines as `journalctl` prints them, which has no year."""
    return "".join(f"Nov 21 10:{minute:02d}:31 {host} {program}: {text}\n" for minute, text in lines)


QUIET_KUBELET = [
    (2, 'I1121 10:02:31.118400    1207 server.go:491] "Kubelet version" kubeletVersion="v1.31.4"'),
    (3, 'I1121 10:03:31.208211    1207 kubelet_node_status.go:79] "Successfully registered node"'),
]

IPTABLES_SAVE = """\
# Generated by iptables-save v1.8.10 (nf_tables) on Sat Nov 21 10:20:42 2026
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-FORWARD - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
COMMIT
# Completed on Sat Nov 21 10:20:42 2026
"""

IP_ROUTE = """\
default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.11 metric 100
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.11
10.244.0.0/24 via 10.244.0.0 dev flannel.1 onlink
"""

SYSCTL = """\
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 524288
net.bridge.bridge-nf-call-iptables = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.ip_forward = 1
net.netfilter.nf_conntrack_count = 1200
net.netfilter.nf_conntrack_max = 131072
"""

DF = """\
Filesystem      Size  Used Avail Use% Mounted on
/dev/sda2        40G   18G   20G  48% /
tmpfs           7.8G     0  7.8G   0% /dev/shm
"""

CRICTL_PS = """\
CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD
3f2a1b4c5d6e7       c69fa2e9cbf5f       2 hours ago         Running             coredns             0                   1f0e9d8c7b6a5       coredns-668d6bf9bc-x7h2p
9c8b7a6f5e4d3       0f80feca743f4       2 hours ago         Running             kube-proxy          0                   2a1b3c4d5e6f7       kube-proxy-k2z8q
"""

RESOLV = "search corp.example\nnameserver 192.0.2.53\noptions edns0\n"
