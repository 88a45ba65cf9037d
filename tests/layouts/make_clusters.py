"""Bundles of collectors that look at a cluster's objects. In each one thing is wrong with one object or machine."""

from make_common import CRICTL_PS, IPTABLES_SAVE, QUIET_KUBELET, SYSCTL, as_json, as_yaml, journal, listed, node, pod

UID = "5b1f0c7e-3a2d-4c6f-8e9a-0b1c2d3e4f50"


def waiting(reason, message):
    return {"waiting": {"reason": reason, "message": message}}


def event(namespace, name, kind, about, reason, message, count=9):
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about}.{name}", "namespace": namespace, "uid": f"e-{name}", "creationTimestamp": "2026-11-21T10:02:00Z"},
        "involvedObject": {"kind": kind, "namespace": namespace, "name": about, "apiVersion": "v1"},
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet", "host": "w1"},
        "firstTimestamp": "2026-11-21T10:02:00Z",
        "lastTimestamp": "2026-11-21T10:19:00Z",
        "count": count,
        "type": "Warning",
    }


def crust_gather():
    """crust-gather. A ConfigMap that a pod wants does not exist; the kubelet of w2 cannot make out its pods in time."""
    web = pod("shop", "web-6bdf8c9d7-jd5lx", "w1", "web", "shop/web:4", waiting("CreateContainerConfigError", 'configmap "web-settings" not found'), ready=False, env_from={"configMapRef": {"name": "web-settings"}})
    log = "2026-11-21T08:00:12.400311711Z I1121 08:00:12.400311       1 server_linux.go:66] \"Using iptables proxy\"\n"
    host_log = journal("w2", "kubelet[1207]", QUIET_KUBELET + [(minute, 'E1121 10:14:31.120087    1207 kubelet.go:2412] "Skipping pod synchronization" err="PLEG is not healthy: pleg was last seen active 3m12.004s ago; threshold is 3m0s"') for minute in (14, 15)])
    files = {
        "version.yaml": "major: '1'\nminor: '31'\ngitVersion: v1.31.4\nplatform: linux/amd64\n",
        "api.json": '{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[]}',
        "apis.json": '{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[]}',
        "collected.timestamp": '"2026-11-21T10:20:42.118400Z"',
        "event-filter.html": "<!doctype html><html><body>events</body></html>\n",
        "cluster/v1/node/w1.yaml": as_yaml(node("w1", "10.0.0.21")),
        "cluster/v1/node/w2.yaml": as_yaml(node("w2", "10.0.0.22")),
        "cluster/v1/namespace/shop.yaml": as_yaml({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "n-1"}, "status": {"phase": "Active"}}),
        "namespaces/shop/v1/pod/web-6bdf8c9d7-jd5lx.yaml": as_yaml(web),
        "namespaces/shop/v1/configmap/kube-root-ca.crt.yaml": as_yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": "shop", "uid": "c-1", "resourceVersion": "3"}}),
        "namespaces/kube-system/v1/pod/kube-proxy-k2z8q.yaml": as_yaml(pod("kube-system", "kube-proxy-k2z8q", "w1", "kube-proxy", "registry.k8s.io/kube-proxy:v1.31.4")),
        "namespaces/kube-system/v1/pod/kube-proxy-k2z8q/kube-proxy/current.log": log,
        "namespaces/default/v1/pod/w2.yaml": as_yaml(pod("default", "w2", "w2", "kubelet", "busybox", {"terminated": {"exitCode": 0, "reason": "Completed"}})),
        "namespaces/default/v1/pod/w2/kubelet/current.log": "command: journalctl -u kubelet\noutput: |\n" + "".join(f"  {line}\n" for line in host_log.splitlines()) + "status: Success\n",
    }
    # A member whose length is a multiple of 512: a naive reader loses the one after it.
    path = "namespaces/shop/v1/configmap/kube-root-ca.crt.yaml"
    files[path] += "#" * (-len(files[path]) % 512 - 1) + "\n"
    return files


def capi(prefix=""):
    """Artifacts of an e2e test of Cluster API. The kubelet and the runtime of one machine disagree about cgroups."""
    machine = f"{prefix}clusters/work-1/machines/work-1-md-0-abcde"
    control = f"{prefix}clusters/work-1/machines/work-1-cp-0-fghij"
    wrong = (9, 'F1121 10:09:31.656218    1207 server.go:274] failed to run Kubelet: misconfiguration: kubelet cgroup driver: "systemd" is different from docker cgroup driver: "cgroupfs"')
    files = {}
    for path, name, lines in ((machine, "work-1-md-0-abcde", QUIET_KUBELET + [wrong]), (control, "work-1-cp-0-fghij", QUIET_KUBELET)):
        files |= {
            f"{path}/kubelet.log": journal(name, "kubelet[1207]", lines),
            f"{path}/containerd.log": journal(name, "containerd[109]", [(1, 'time="2026-11-21T10:01:31.1Z" level=info msg="containerd successfully booted in 0.041s"')]),
            f"{path}/journal.log": journal(name, "systemd[1]", [(1, "Started kubelet.service - kubelet: The Kubernetes Node Agent.")]),
            f"{path}/kern.log": journal(name, "kernel", [(1, "eth0: renamed from veth1a2b3c4")]),
            f"{path}/kubelet-version.txt": "Kubernetes v1.31.4\n",
            f"{path}/pods/kube-system_kube-proxy-{name[-5:]}_{UID}/kube-proxy/0.log": "2026-11-21T10:02:31.118400711Z stderr F I1121 10:02:31.118400       1 server_linux.go:66] \"Using iptables proxy\"\n",
        }
    files |= {
        f"{prefix}clusters/bootstrap/resources/work/Cluster/work-1.yaml": as_yaml({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster", "metadata": {"name": "work-1", "namespace": "work", "uid": "c-1", "resourceVersion": "900"}, "spec": {"paused": False}, "status": {"phase": "Provisioned", "infrastructureReady": True}}),
        f"{prefix}clusters/bootstrap/resources/work/Machine/work-1-md-0-abcde.yaml": as_yaml({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Machine", "metadata": {"name": "work-1-md-0-abcde", "namespace": "work", "uid": "m-1", "resourceVersion": "901"}, "spec": {"clusterName": "work-1"}, "status": {"phase": "Provisioned"}}),
        f"{prefix}clusters/bootstrap/resources/work/Cluster/clusterctl-describe-cluster-work-1.txt": "NAME              READY  SEVERITY  REASON  SINCE  MESSAGE\nCluster/work-1    True                     20m\n",
        f"{prefix}clusters/bootstrap/logs/capi-system/capi-controller-manager/capi-controller-manager-7d9f-x2k8q/manager.log": "I1121 10:02:31.118400       1 main.go:301] \"Starting manager\" version=\"v1.9.3\"\n",
        f"{prefix}clusters/bootstrap/logs/capi-system/capi-controller-manager/capi-controller-manager-7d9f-x2k8q/manager-log-metadata.json": '{"job":"capi-system/capi-controller-manager","namespace":"capi-system"}\n',
        f"{prefix}clusters/work-1/resources/Node/work-1-md-0-abcde.yaml": as_yaml(node("work-1-md-0-abcde", "172.18.0.6", ready=False)),
        f"{prefix}clusters/work-1/resources/Node/work-1-cp-0-fghij.yaml": as_yaml(node("work-1-cp-0-fghij", "172.18.0.5")),
    }
    return files


def prow():
    """A job of prow with the artifacts of Cluster API in it."""
    return {
        "started.json": '{"timestamp":1795252842,"repos":{"kubernetes-sigs/cluster-api":"main"}}',
        "finished.json": '{"timestamp":1795256442,"passed":false,"result":"FAILURE"}',
        "prowjob.json": as_json({"apiVersion": "prow.k8s.io/v1", "kind": "ProwJob", "metadata": {"name": "7b0d", "namespace": "prow"}, "spec": {"job": "periodic-cluster-api-e2e-main"}, "status": {"state": "failure"}}),
        "build-log.txt": "+ make test-e2e\nSummarizing 1 Failure:\n  [FAIL] When testing the machine deployment\n",
        "clone-log.txt": "# Cloning kubernetes-sigs/cluster-api at main\n",
        "artifacts/junit.e2e_suite.1.xml": '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="1" failures="1"></testsuites>\n',
    } | capi("artifacts/")


def microk8s():
    """`microk8s inspect`. A Secret that a pod wants does not exist."""
    host = "mk1"
    web = pod("shop", "web-6bdf8c9d7-jd5lx", host, "web", "shop/web:4", waiting("CreateContainerConfigError", 'secret "web-key" not found'), ready=False, env_from={"secretRef": {"name": "web-key"}})
    dump = as_json(listed("Node", [node(host, "10.0.0.11")])) + as_json(listed("Event", [event("shop", "1", "Pod", "web-6bdf8c9d7-jd5lx", "Failed", 'Error: secret "web-key" not found')])) + as_json(listed("Pod", [web]))
    dump += "==== START logs for container calico-node of pod kube-system/calico-node-7q2kx ====\n2026-11-21 10:02:31.118 [INFO][9] startup/startup.go 432: Early log level set to info\n==== END logs for container calico-node of pod kube-system/calico-node-7q2kx ====\n"
    return {
        "bom.json": '{"components": [{"name": "kubernetes", "version": "v1.31.4"}]}\n',
        "snap.microk8s.daemon-kubelite/journal.log": journal(host, "microk8s.daemon-kubelite[1207]", QUIET_KUBELET),
        "snap.microk8s.daemon-kubelite/snapctl.log": "Service                    Startup  Current  Notes\nmicrok8s.daemon-kubelite   enabled  active   -\n",
        "snap.microk8s.daemon-containerd/journal.log": journal(host, "microk8s.daemon-containerd[1100]", [(1, 'time="2026-11-21T10:01:31.1Z" level=info msg="containerd successfully booted in 0.041s"')]),
        "args/kubelet": "--kubeconfig=${SNAP_DATA}/credentials/kubelet.config\n--fail-swap-on=false\n",
        "args/containerd": "--config ${SNAP_DATA}/args/containerd.toml\n",
        "k8s/version": "Client Version: v1.31.4\nKustomize Version: v5.4.2\nServer Version: v1.31.4\n",
        "k8s/cluster-info": "Kubernetes control plane is running at https://127.0.0.1:16443\n",
        "k8s/cluster-info-dump": dump,
        "k8s/get-pvc": "No resources found\n",
        "network/ip-route": "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.11 metric 100\n",
        "network/iptables": IPTABLES_SAVE,
        "sys/disk_usage": "Filesystem     1K-blocks     Used Available Use% Mounted on\n/dev/sda2       41152736 18220112  20810000  47% /\n",
        "sys/memory_usage": "               total        used        free      shared  buff/cache   available\nMem:        16316412     4211120     8110210      120112     3995082    11811200\nSwap:              0           0           0\n",
        "sys/inotify_max_user_watches.txt": "524288\n",
        "dqlite/cluster.yaml": "- Address: 127.0.0.1:19001\n  ID: 3297041220608546238\n  Role: 0\n",
        "apparmor/dmesg": "[    0.000000] Linux version 6.8.0-48-generic\n",
    }


def k0s():
    """`k0s sysinfo -o json`. A cgroup controller is not there."""
    def probe(name, prop, category="pass", message=None, path=None):
        return {"path": path or [name], "displayName": name, "prop": prop, "category": category} | ({"message": message} if message else {})

    return {
        "sysinfo.json": as_json(
            [
                probe("Machine ID", '"6f1c7a520b5e4f0f9a7e" (from machine)'),
                probe("Total memory", "1.9 GiB"),
                probe("File system of /var/lib/k0s", "ext4"),
                probe("Disk space available for /var/lib/k0s", "1.2 GiB", "warning", "1.8 GiB recommended"),
                probe("Operating system", "Linux"),
                probe("Linux kernel release", "6.8.0-48-generic", path=["os", "kernelRelease"]),
                probe('cgroup controller "memory"', "", "rejected", "unavailable", ["os", "cgroups", "memory"]),
            ]
        )
    }


def periscope():
    """AKS Periscope. An image has no such tag, and CoreDNS asks itself."""
    import json

    name = "aks-nodepool1-31847236-vmss000000"
    coredns = "coredns-789789675-8gq2x"
    loop = '.:53\n[FATAL] plugin/loop: Loop (127.0.0.1:41877 -> :53) detected for zone ".", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 1.2."\n'
    return {
        "kubeletcmd/kubeletcmd": "/usr/local/bin/kubelet --v=2 --node-ip=10.224.0.4 --rotate-certificates=true\n",
        "dns/virtualmachine": "search internal.cloudapp.net\nnameserver 168.63.129.16\n",
        "dns/kubernetes": "search kube-system.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.0.0.10\noptions ndots:5\n",
        "iptables/iptables": "Chain PREROUTING (policy ACCEPT)\ntarget     prot opt source               destination         \nKUBE-SERVICES  all  --  anywhere             anywhere             /* kubernetes service portals */\n",
        "systemlogs/kubelet": journal(name, "kubelet[1207]", QUIET_KUBELET),
        "nodelogs/var_log_azure_cluster-provision.log": "2026-11-21T08:00:01+0000 Start installing kubelet\n",
        "networkoutbound/Internet": '{"timeStamp":"2026-11-21T10:20:42Z","type":"Internet","url":"www.google.com:443","status":"Connected"}',
        "systemperf/nodes": '{"items":[{"metadata":{"name":"' + name + '"},"usage":{"cpu":"181m","memory":"1811Mi"}}]}',
        f"podscontainerlogs/{coredns}-coredns": json.dumps({"name": coredns, "ready": "0/1", "status": "Running", "restart": 7, "age": 1200000000000, "containerName": "coredns", "containerLog": loop}),
        f"kubeobjects/kube-system_pod_{coredns}": describe("kube-system", coredns, name, "coredns", "mcr.microsoft.com/oss/kubernetes/coredns:v1.11.3", "Waiting\n      Reason:       CrashLoopBackOff", 7, ""),
        "kubeobjects/shop_pod_web-6bdf8c9d7-jd5lx": describe(
            "shop", "web-6bdf8c9d7-jd5lx", name, "web", "shopacr.azurecr.io/web:v44", "Waiting\n      Reason:       ImagePullBackOff", 0,
            '  Warning  Failed   9m (x4 over 11m)  kubelet  Failed to pull image "shopacr.azurecr.io/web:v44": rpc error: code = NotFound desc = failed to pull and unpack image "shopacr.azurecr.io/web:v44": failed to resolve reference "shopacr.azurecr.io/web:v44": shopacr.azurecr.io/web:v44: not found\n',
        ),
    }


def describe(namespace, name, host, container, image, state, restarts, events):
    events = f"Events:\n  Type     Reason   Age               From     Message\n  ----     ------   ----              ----     -------\n{events}" if events else "Events:          <none>\n"
    return f"""\
Name:             {name}
Namespace:        {namespace}
Priority:         0
Service Account:  default
Node:             {host}/10.224.0.4
Start Time:       Sat, 21 Nov 2026 08:00:00 +0000
Labels:           app={container}
Status:           {'Running' if restarts else 'Pending'}
IP:               10.244.0.7
Containers:
  {container}:
    Image:          {image}
    State:          {state}
    Ready:          False
    Restart Count:  {restarts}
Conditions:
  Type              Status
  Ready             False 
QoS Class:       BestEffort
{events}"""


def cilium():
    """`cilium sysdump`. A node has no addresses left for its pods."""
    stamp = "20261121-102042"
    message = 'Failed to create pod sandbox: plugin type="cilium-cni" failed (add): unable to allocate IP via local cilium agent: [POST /ipam][502] postIpamFailure "range is full"'
    web = pod("shop", "web-0", "w1", "web", "shop/web:4", waiting("ContainerCreating", ""), ready=False)
    agent = pod("kube-system", "cilium-7x2kq", "w1", "cilium-agent", "quay.io/cilium/cilium:v1.16.4")
    return {
        f"k8s-nodes-{stamp}.yaml": as_yaml(listed("Node", [node("w1", "10.0.0.21"), node("w2", "10.0.0.22")])),
        f"k8s-pods-{stamp}.yaml": as_yaml(listed("Pod", [web, agent])),
        f"k8s-events-{stamp}.yaml": as_yaml(listed("Event", [event("shop", "1", "Pod", "web-0", "FailedCreatePodSandBox", message)])),
        f"k8s-version-{stamp}.txt": 'version.Info{Major:"1", Minor:"31", GitVersion:"v1.31.4"}\n',
        f"cilium-configmap-{stamp}.yaml": as_yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config", "namespace": "kube-system", "uid": "c-1", "resourceVersion": "7"}, "data": {"ipam": "cluster-pool"}}),
        f"cilium-sysdump-{stamp}.log": "⏩ Collecting Kubernetes nodes\n",
        f"logs-cilium-7x2kq-cilium-agent-{stamp}.log": 'time="2026-11-21T10:02:31Z" level=info msg="Initializing daemon" subsys=daemon\ntime="2026-11-21T10:12:31Z" level=warning msg="Unable to allocate IP: range is full" subsys=ipam\n',
        f"logs-cilium-7x2kq-config-{stamp}.log": 'time="2026-11-21T08:00:01Z" level=info msg=Invoked duration=0.4ms function="github.com/cilium/cilium/cilium-dbg/cmd.glob..func39"\n',
        f"hubble-flows-cilium-7x2kq-{stamp}.json": '{"flow":{"time":"2026-11-21T10:20:40Z","verdict":"FORWARDED","Type":"L3_L4","node_name":"w1"},"node_name":"w1","time":"2026-11-21T10:20:40Z"}\n',
        f"cniconf-cilium-7x2kq-05-cilium.conflist-{stamp}.txt": '{"cniVersion":"0.3.1","name":"cilium","plugins":[{"type":"cilium-cni"}]}\n',
        f"cilium-bugtool-cilium-7x2kq-{stamp}/cmd/hostname.md": "# hostname\n\n```\nw1\n```\n",
        f"cilium-bugtool-cilium-7x2kq-{stamp}/cmd/iptables-save--c.md": "# iptables-save -c\n\n```\n" + IPTABLES_SAVE + "```\n",
        f"cilium-bugtool-cilium-7x2kq-{stamp}/cmd/uname--a.md": "# uname -a\n\n```\nLinux w1 6.8.0-48-generic #48-Ubuntu SMP x86_64 GNU/Linux\n```\n",
        f"cilium-bugtool-cilium-7x2kq-{stamp}/cmd/cilium-dbg-version.md": "# cilium-dbg version\n\n```\nClient: 1.16.4 2024-11-18\nDaemon: 1.16.4 2024-11-18\n```\n",
    }


def insights():
    """An archive of the insights operator. A node is short of disk space."""
    sick = node("w1", "10.0.0.21", ready=True, version="v1.30.6", conditions=[("DiskPressure", "True", "KubeletHasDiskPressure")])
    return {
        "insights-operator/gathers.json": '{"status_reports":[{"name":"clusterconfig/nodes","duration_in_ms":31,"records_count":2,"errors":null}],"memory_alloc_bytes":91000000,"uptime_seconds":9000}',
        "config/version.json": '{"metadata":{"name":"version","uid":"v-1"},"spec":{"clusterID":"2e1b6c1c-0000-4000-8000-000000000001"},"status":{"desired":{"version":"4.17.9"}},"kind":"ClusterVersion","apiVersion":"config.openshift.io/v1"}',
        "config/node/w1.json": as_json(sick),
        "config/node/w2.json": as_json(node("w2", "10.0.0.22", version="v1.30.6")),
        "config/pod/openshift-dns/dns-default-8gq2x.json": as_json(pod("openshift-dns", "dns-default-8gq2x", "w2", "dns", "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:" + "5d" * 32)),
        "config/pod/openshift-dns/logs/dns-default-8gq2x/errors.log": "[ERROR] plugin/errors: 2 shop.example. A: read udp 10.128.0.77:41211->10.0.0.2:53: i/o timeout\n",
        "config/running_containers.json": '{"images":{"0":"quay.io/openshift-release-dev/ocp-v4.0-art-dev"},"containers":{"2026-11":{"0":9}}}',
        "events/openshift-dns.json": '{"items":[{"namespace":"openshift-dns","lastTimestamp":"2026-11-21T10:02:00Z","reason":"Pulled","message":"Container image already present","type":"Normal"}]}',
    }


def velero():
    """A backup of Velero. A claim names a storage class that does not exist."""
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-db-0", "namespace": "shop", "uid": "p-1", "resourceVersion": "77", "creationTimestamp": "2026-11-21T08:00:00Z"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}, "storageClassName": "fast-ssd", "volumeMode": "Filesystem"},
        "status": {"phase": "Pending"},
    }
    waits = event("shop", "1", "PersistentVolumeClaim", "data-db-0", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast-ssd" not found')
    standard = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard", "uid": "s-1", "resourceVersion": "5"}, "provisioner": "rancher.io/local-path"}
    paths = {
        "resources/persistentvolumeclaims/{}namespaces/shop/data-db-0.json": claim,
        "resources/storageclasses.storage.k8s.io/{}cluster/standard.json": standard,
        "resources/events/{}namespaces/shop/data-db-0.1.json": waits,
        "resources/namespaces/{}cluster/shop.json": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "n-1", "resourceVersion": "2"}, "status": {"phase": "Active"}},
    }
    files = {"metadata/version": "1\n"}
    for path, value in paths.items():
        for version in ("", "v1-preferredversion/"):
            files[path.format(version)] = as_json(value)
    return files


def kops():
    """`kops toolbox dump`. A file system of a node went read-only."""
    good, bad = "i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002"
    files = {
        "cluster-info/nodes.json": as_json(listed("Node", [node(good, "10.0.0.21"), node(bad, "10.0.0.22", ready=False)])),
        "cluster-info/kube-system/pods.json": as_json(listed("Pod", [pod("kube-system", "kube-proxy-k2z8q", good, "kube-proxy", "registry.k8s.io/kube-proxy:v1.31.4")])),
        "cluster-info/kube-system/apps.daemonsets.json": as_json(listed("DaemonSet", [], "apps/v1")),
        "cluster-info/kube-system/kube-proxy-k2z8q/kube-proxy.log": "I1121 08:00:12.400311       1 server_linux.go:66] \"Using iptables proxy\"\n",
    }
    for name in (good, bad):
        files |= {
            f"{name}/kern.log": journal(name, "kernel", [(1, "eth0: renamed from veth1a2b3c4")]),
            f"{name}/journal.log": journal(name, "systemd[1]", [(1, "Started kubelet.service - Kubernetes Kubelet Server.")]),
            f"{name}/kubelet.log": "".join(f"{text}\n" for _, text in QUIET_KUBELET),
            f"{name}/protokube.log": "I1121 08:00:12.400311    1099 main.go:78] protokube version 1.31.0\n",
            f"{name}/iptables-nat.log": "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-N KUBE-SERVICES\n-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n",
            f"{name}/iptables-filter.log": "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n",
            f"{name}/ip-routes.log": "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.21 metric 100\n",
            f"{name}/etchosts": "127.0.0.1 localhost\n10.0.0.21 api.internal.shop.example\n",
            f"{name}/sysctls": SYSCTL,
        }
    files[f"{bad}/kern.log"] += journal(bad, "kernel", [(6, "EXT4-fs error (device nvme1n1): ext4_journal_check_start:84: comm kubelet: Detected aborted journal"), (6, "EXT4-fs (nvme1n1): Remounting filesystem read-only")])
    return files


def crashd():
    """`crashd run`. A task of a host hangs."""
    def output(command, text):
        return {f"10_0_0_22/{command}.txt": text}

    files = {
        "kubecapture/core_v1/nodes-202611211020.4242.json": as_json(listed("Node", [node("w1", "10.0.0.21"), node("w2", "10.0.0.22", ready=False)])),
        "kubecapture/core_v1/kube-system/pods-202611211020.4242.json": as_json(listed("Pod", [pod("kube-system", "kube-proxy-k2z8q", "w1", "kube-proxy", "registry.k8s.io/kube-proxy:v1.31.4")])),
        "kubecapture/core_v1/kube-system/kube-proxy-k2z8q/kube-proxy.log": "I1121 08:00:12.400311       1 server_linux.go:66] \"Using iptables proxy\"\n",
    }
    files |= output("sudo_df__h", "Filesystem      Size  Used Avail Use% Mounted on\n/dev/sda2        40G   18G   20G  48% /\n")
    files |= output("sudo_crictl_ps__a", CRICTL_PS)
    files |= output("sudo_sysctl__a", SYSCTL)
    files |= output("sudo_journalctl__l__u_kubelet", journal("w2", "kubelet[1207]", QUIET_KUBELET))
    files |= output("sudo_dmesg__T", "".join(f"[Sat Nov 21 10:{minute:02d}:44 2026] INFO: task kworker/u8:2:123 blocked for more than 120 seconds.\n" for minute in (8, 10, 12, 14)))
    return files


def elastic():
    """Elastic's support-diagnostics, which is not about Kubernetes."""
    return {
        "diagnostic_manifest.json": '{"mode":"tar","product":"elasticsearch","type":"elasticsearch_diagnostic","runner":"cli","version":"8.16.1","timestamp":"2026-11-21T10:20:42Z"}',
        "cluster_health.json": '{"cluster_name":"logs","status":"yellow","number_of_nodes":3}',
        "cat/cat_nodes.txt": "ip        heap.percent ram.percent cpu load_1m node.role master name\n10.0.0.41           61          98   4    0.40 cdfhilmrstw *      es-0\n",
        "version.json": '{"name":"es-0","cluster_name":"logs","version":{"number":"8.16.1"}}',
    }
