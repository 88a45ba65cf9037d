"""Bundles of collectors that look at machines. In each one thing is wrong with one machine."""

from make_common import CRICTL_PS, DF, IPTABLES_SAVE, IP_ROUTE, QUIET_KUBELET, RESOLV, SYSCTL, as_json, as_yaml, journal, listed, node, pod

RULE = "=" * 35 + "#"


def kind():
    """`kind export logs`. containerd of kind-worker has no room left."""
    files = {"kind-version.txt": "kind v0.26.0 go1.23.4 linux/amd64\n", "docker-info.txt": docker_info()}
    for name in ("kind-control-plane", "kind-worker"):
        uid = "5b1f0c7e3a2d4c6f8e9a0b1c2d3e4f50"
        log = "2026-11-21T10:02:31.118400711Z stderr F I1121 10:02:31.118400       1 server.go:245] \"Version info\" version=\"v1.31.4\"\n"
        files |= {
            f"{name}/kubernetes-version.txt": "v1.31.4",
            f"{name}/inspect.json": as_json([inspect(name)]),
            f"{name}/serial.log": f"INFO: ensuring we can execute mount/umount even with userns-remap\nWelcome to \x1b[1mDebian GNU/Linux 12 (bookworm)\x1b[0m!\n",
            f"{name}/journal.log": journal(name, "systemd[1]", [(1, "Started kubelet.service - kubelet: The Kubernetes Node Agent.")]),
            f"{name}/kubelet.log": journal(name, "kubelet[243]", QUIET_KUBELET),
            f"{name}/containerd.log": journal(name, "containerd[109]", [(1, 'time="2026-11-21T10:01:31.1Z" level=info msg="containerd successfully booted in 0.041s"')]),
            f"{name}/images.log": "IMAGE                              TAG        IMAGE ID        SIZE\nregistry.k8s.io/coredns/coredns    v1.11.3    c69fa2e9cbf5f   18.6MB\nregistry.k8s.io/kube-proxy         v1.31.4    0f80feca743f4   92.6MB\n",
            f"{name}/alternatives.log": "update-alternatives 2024-12-02 00:00:00: run with --install /usr/sbin/iptables iptables /usr/sbin/iptables-nft 20\n",
            f"{name}/pods/kube-system_kube-proxy-{name[-4:]}_{uid}/kube-proxy/0.log": log,
            f"{name}/containers/kube-proxy-{name[-4:]}_kube-system_kube-proxy-{'ab' * 32}.log": log,
        }
    files["kind-worker/containerd.log"] += journal(
        "kind-worker",
        "containerd[109]",
        [
            (7, 'time="2026-11-21T10:07:31.6Z" level=error msg="PullImage \\"shop/web:4\\" failed" error="failed to pull and unpack image \\"docker.io/shop/web:4\\": failed to extract layer sha256:9f8e: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/71/fs/app.jar: no space left on device: unknown"'),
            (9, 'time="2026-11-21T10:09:31.6Z" level=error msg="PullImage \\"shop/web:4\\" failed" error="failed to pull and unpack image \\"docker.io/shop/web:4\\": failed to extract layer sha256:9f8e: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/72/fs/app.jar: no space left on device: unknown"'),
        ],
    )
    return files


def docker_info():
    return """\
Client: Docker Engine - Community
 Version:    27.3.1
 Context:    default

Server:
 Containers: 2
  Running: 2
  Paused: 0
  Stopped: 0
 Images: 3
 Server Version: 27.3.1
 Storage Driver: overlay2
 Logging Driver: json-file
 Cgroup Driver: systemd
 Cgroup Version: 2
 Kernel Version: 6.8.0-48-generic
 Operating System: Ubuntu 24.04 LTS
 OSType: linux
 Architecture: x86_64
 CPUs: 4
 Total Memory: 15.6GiB
 Name: laptop
 Docker Root Dir: /var/lib/docker
"""


def inspect(name):
    return {
        "Id": ("c1" if "worker" in name else "c0") * 32,
        "Created": "2026-11-21T08:00:00.000000000Z",
        "Path": "/usr/local/bin/entrypoint",
        "Args": ["/sbin/init"],
        "State": {"Status": "running", "Running": True, "Pid": 4242, "ExitCode": 0, "StartedAt": "2026-11-21T08:00:01Z"},
        "Image": "sha256:" + "5d" * 32,
        "Name": f"/{name}",
        "RestartCount": 0,
        "HostConfig": {"NetworkMode": "kind", "Privileged": True, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 1}},
        "Config": {"Hostname": name, "Image": "kindest/node:v1.31.4", "Labels": {"io.x-k8s.kind.cluster": "kind"}},
    }


def minikube():
    """`minikube logs`. The kubelet refuses to start because swap is on."""
    return {
        "logs.txt": f"""\

==> Audit <==
|---------|----------------------------|----------|------|---------|---------------------|---------------------|
| Command |            Args            | Profile  | User | Version |     Start Time      |      End Time       |
|---------|----------------------------|----------|------|---------|---------------------|---------------------|
| start   | --driver=kvm2              | minikube | ann  | v1.34.0 | 21 Nov 26 09:58 UTC |                     |
|---------|----------------------------|----------|------|---------|---------------------|---------------------|


==> Last Start <==
Log file created at: 2026/11/21 09:58:02
Running on machine: laptop
Binary: Built with gc go1.22.5 for linux/amd64
Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg
I1121 09:58:02.114711   88123 out.go:345] Setting OutFile to fd 1 ...


==> container status <==
{CRICTL_PS}

==> containerd <==
Nov 21 10:01:31 minikube containerd[702]: time="2026-11-21T10:01:31.1Z" level=info msg="containerd successfully booted in 0.041s"

==> coredns [3f2a1b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708] <==
.:53
[INFO] plugin/reload: Running configuration SHA512 = 591cf328cccc12bc490481273e738df59329c62c0b729d94e8b61db9961c2fa5f046dd37f1cf888b953814040d180f52594972691cd6ff41be96639138a43908
CoreDNS-1.11.3
[INFO] plugin/ready: Still waiting on: "kubernetes"

==> describe nodes <==
Name:               minikube
Roles:              control-plane
Labels:             kubernetes.io/hostname=minikube
                    kubernetes.io/os=linux
CreationTimestamp:  Fri, 20 Nov 2026 08:00:00 +0000
Taints:             <none>
Unschedulable:      false
Conditions:
  Type             Status    LastHeartbeatTime                 LastTransitionTime                Reason              Message
  ----             ------    -----------------                 ------------------                ------              -------
  MemoryPressure   Unknown   Sat, 21 Nov 2026 09:50:01 +0000   Sat, 21 Nov 2026 09:55:22 +0000   NodeStatusUnknown   Kubelet stopped posting node status.
  Ready            Unknown   Sat, 21 Nov 2026 09:50:01 +0000   Sat, 21 Nov 2026 09:55:22 +0000   NodeStatusUnknown   Kubelet stopped posting node status.
Addresses:
  InternalIP:  192.168.39.7
  Hostname:    minikube
System Info:
  Kernel Version:             5.10.207
  OS Image:                   Buildroot 2023.02.9
  Container Runtime Version:  containerd://1.7.21
  Kubelet Version:            v1.31.0
Events:              <none>

==> dmesg <==
[Nov21 09:58] You have booted with nomodeset. This means your GPU drivers are DISABLED
[  +1.220011] systemd-fstab-generator[117]: Ignoring "noauto" option for root device

==> kernel <==
 10:20:42 up 22 min,  0 users,  load average: 0.41, 0.35, 0.21
Linux minikube 5.10.207 #1 SMP Thu Sep 19 22:39:29 UTC 2024 x86_64 GNU/Linux
PRETTY_NAME="Buildroot 2023.02.9"

==> kube-proxy [9c8b7a6f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a3] <==
I1120 08:01:12.400311       1 server_linux.go:66] "Using iptables proxy"

==> kubelet <==
Nov 21 10:19:11 minikube kubelet[2107]: E1121 10:19:11.656218    2107 run.go:74] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap! or set --fail-swap-on flag to false. /proc/swaps contained: [Filename Type Size Used Priority /dev/vda2 partition 2097148 0 -2]"
Nov 21 10:19:11 minikube systemd[1]: kubelet.service: Main process exited, code=exited, status=1/FAILURE
Nov 21 10:19:21 minikube systemd[1]: kubelet.service: Scheduled restart job, restart counter is at 131.
Nov 21 10:19:22 minikube kubelet[2150]: E1121 10:19:22.101771    2150 run.go:74] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap! or set --fail-swap-on flag to false. /proc/swaps contained: [Filename Type Size Used Priority /dev/vda2 partition 2097148 0 -2]"

"""
    }


def eks():
    """`eks-log-collector.sh`. The kernel of the node does not forward packets."""
    host = "ip-10-0-0-11.ec2.internal"
    uid = "5b1f0c7e-3a2d-4c6f-8e9a-0b1c2d3e4f50"
    return {
        "system/instance-id.txt": "i-0a1b2c3d4e5f60718",
        "system/region.txt": "eu-central-1",
        "system/ps.txt": "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\nroot           1  0.0  0.1 171820 15360 ?        Ss   08:00   0:03 /usr/lib/systemd/systemd --switched-root --system\nroot        1207  1.5  0.6 1986552 104308 ?      Ssl  08:00   2:10 /usr/bin/kubelet --config /etc/kubernetes/kubelet/config.json --node-labels=alpha.eksctl.io/cluster-name=shop\n",
        "system/services.txt": "  UNIT                 LOAD   ACTIVE SUB     DESCRIPTION\n  containerd.service   loaded active running containerd container runtime\n  kubelet.service      loaded active running Kubernetes Kubelet\n\nLOAD   = Reflects whether the unit definition was properly loaded.\n",
        "system/selinux.txt": "SELinux mode:\n\t Permissive\n",
        "system/cpu_throttling.txt": "No CPU Throttling Found\n",
        "kernel/dmesg.current": "[    0.000000] Linux version 6.1.119-129.201.amzn2023.x86_64 (mockbuild@ip-10-0-41-105)\n[   12.406311] IPv6: ADDRCONF(NETDEV_CHANGE): eni1: link becomes ready\n",
        "kernel/dmesg.human.current": "[Sat Nov 21 08:00:00 2026] Linux version 6.1.119-129.201.amzn2023.x86_64 (mockbuild@ip-10-0-41-105)\n",
        "kernel/uname.txt": f"Linux {host} 6.1.119-129.201.amzn2023.x86_64 #1 SMP PREEMPT_DYNAMIC Tue Dec  3 21:07:35 UTC 2024 x86_64 x86_64 x86_64 GNU/Linux\n",
        "kubelet/kubelet.log": journal(host, "kubelet[1207]", QUIET_KUBELET),
        "kubelet/svc.log": "NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\nkubernetes   ClusterIP   172.20.0.1   <none>        443/TCP   90d\n",
        "containerd/containerd-log.txt": journal(host, "containerd[1100]", [(1, 'time="2026-11-21T10:01:31.1Z" level=info msg="containerd successfully booted in 0.041s"')]),
        "containerd/containerd-containers.txt": f"CONTAINER                                                           IMAGE                                                                  RUNTIME                  \n{'3f' * 32}    602401143452.dkr.ecr.eu-central-1.amazonaws.com/amazon-k8s-cni:v1.19    io.containerd.runc.v2    \n",
        "containerd/containerd-tasks.txt": f"TASK                                                                PID     STATUS    \n{'3f' * 32}    2890    RUNNING\n",
        "networking/iptables-save.txt": IPTABLES_SAVE,
        "networking/iproute.txt": "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.11 metric 512\n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.11 metric 512\n",
        "networking/iprule.txt": "0:\tfrom all lookup local\n512:\tfrom all to 10.0.0.57 lookup main\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n",
        "networking/resolv.conf": "search ec2.internal\nnameserver 10.0.0.2\n",
        "networking/conntrack.txt": "*** Output of conntrack -S *** \ncpu=0   \tfound=4 invalid=12 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 search_restart=0 \n*** Output of conntrack -L ***\n",
        "ipamd/enis.json": '{"AssignedIPs":2,"TotalIPs":29,"ENIs":{"eni-0a1b":{"ID":"eni-0a1b","DeviceNumber":0,"IsPrimary":true}}}\n',
        "ipamd/networkutils-env-settings.json": '{"AWS_VPC_CNI_NODE_PORT_SUPPORT":"true","AWS_VPC_K8S_CNI_CONNMARK":"128"}\n',
        "sysctls/sysctl_all.txt": SYSCTL.replace("ip_forward = 1", "ip_forward = 0"),
        "storage/mounts.txt": DF,
        "var_log/messages": journal("ip-10-0-0-11", "systemd[1]", [(1, "Started kubelet.service - Kubernetes Kubelet.")]),
        "var_log/aws-routed-eni/ipamd.log": '{"level":"info","ts":"2026-11-21T10:02:31.118Z","caller":"ipamd/ipamd.go:541","msg":"Node init completed successfully"}\n',
        f"var_log/kube-system_aws-node-7x2kq_{uid}/aws-node/0.log": '2026-11-21T10:02:31.118400711Z stdout F {"level":"info","ts":"2026-11-21T10:02:31.118Z","caller":"entrypoint.sh","msg":"Copied CNI plugin binaries"}\n',
        f"var_log/kube-system_coredns-668d6bf9bc-x7h2p_{uid}/coredns/0.log": '2026-11-21T10:05:31.118400711Z stdout F [ERROR] plugin/errors: 2 shop.example. A: read udp 10.0.0.77:41211->10.0.0.2:53: i/o timeout\n2026-11-21T10:06:31.118400711Z stdout F [ERROR] plugin/errors: 2 shop.example. A: read udp 10.0.0.77:51990->10.0.0.2:53: i/o timeout\n',
    }


def supportconfig():
    """supportconfig. The connection table of the host is full."""

    def section(kind, source, text):
        return f"#==[ {kind} ]{RULE}\n# {source}\n{text}\n"

    head = "=" * 77 + "\n                     Support Utilities - Supportconfig\n                          Script Version: 3.1.30\n" + "=" * 77 + "\n\n"
    return {
        "supportconfig.txt": head + section("Configuration File", "/etc/supportconfig.conf", "VAR_OPTION_LINE_COUNT=500\nOPTION_NET=1"),
        "basic-environment.txt": head
        + section("Command", "/bin/date", "Sat Nov 21 10:20:42 UTC 2026")
        + section("Command", "/bin/uname -a", "Linux sles-w1 6.4.0-150600.23.25-default #1 SMP PREEMPT_DYNAMIC Tue Oct  1 10:54:01 UTC 2024 (ea7c56d) x86_64 x86_64 x86_64 GNU/Linux")
        + section("Configuration File", "/etc/os-release", 'NAME="SLES"\nVERSION="15-SP6"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP6"\nID="sles"'),
        "basic-health-check.txt": head
        + section("Command", "/usr/bin/uptime", " 10:20:42  up   2:20,  0 users,  load average: 0.41, 0.35, 0.21")
        + section("Command", "/bin/df -h", DF)
        + section("Summary", "Kernel Status -- Not Tainted", "Running:  6.4.0-150600.23.25-default"),
        "env.txt": head + section("Command", "/sbin/sysctl -a", SYSCTL.replace("count = 1200", "count = 131072")) + section("Configuration File", "/etc/sysctl.conf", "net.ipv4.ip_forward = 1"),
        "network.txt": head
        + section("Command", "/sbin/ip addr", "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000\n    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff\n    inet 10.0.0.11/24 brd 10.0.0.255 scope global eth0")
        + section("Command", "/sbin/ip route", IP_ROUTE)
        + section("Command", "/usr/sbin/iptables-save -t filter", IPTABLES_SAVE)
        + section("Configuration File", "/etc/resolv.conf", RESOLV)
        + section("Configuration File", "/etc/hosts", "127.0.0.1\tlocalhost\n10.0.0.11\tsles-w1"),
        "docker.txt": head
        + section("Command", "/usr/bin/docker ps --all", "CONTAINER ID   IMAGE                   COMMAND        CREATED       STATUS                     PORTS     NAMES\n29a2614d4315   registry/agent:v2.9.2   \"run.sh\"       2 hours ago   Exited (1) 5 minutes ago             agent")
        + section("Command", "/usr/bin/docker images", "REPOSITORY       TAG       IMAGE ID       CREATED       SIZE\nregistry/agent   v2.9.2    1a2b3c4d5e6f   3 weeks ago   410MB"),
        "messages.txt": head
        + section(
            "Log File",
            "/var/log/messages - Last 500 Lines",
            "2026-11-21T10:02:11.118400+00:00 sles-w1 kernel: [ 7331.118400] nf_conntrack: nf_conntrack: table full, dropping packet\n"
            "2026-11-21T10:12:15.118400+00:00 sles-w1 kernel: [ 7935.118400] nf_conntrack: nf_conntrack: table full, dropping packet\n"
            "2026-11-21T10:20:01.118400+00:00 sles-w1 systemd[1]: Started Session 12 of User root.",
        ),
        "systemd.txt": head + section("Command", "/usr/bin/systemctl --failed", "  UNIT LOAD ACTIVE SUB DESCRIPTION\n0 loaded units listed."),
    }


def sos(host, kubelet, kernel=()):
    """One report, as `sos collect` takes it from each node."""
    return {
        "date": "Sat Nov 21 10:20:42 UTC 2026\n",
        "hostname": f"{host}\n",
        "version.txt": "sos report: 4.8.1\n",
        "etc/hostname": f"{host}\n",
        "etc/resolv.conf": RESOLV,
        "sos_commands/host/hostname": f"{host}\n",
        "sos_commands/kubernetes/journalctl_--no-pager_--unit_kubelet": journal(host, "kubelet[1207]", kubelet),
        "sos_commands/logs/journalctl_--no-pager_--boot": journal(host, "kernel", list(kernel) or [(1, "eth0: renamed from veth1a2b3c4")]),
        "sos_commands/crio/crictl_ps_-a": CRICTL_PS,
        "sos_commands/kernel/sysctl_-a": SYSCTL,
        "sos_commands/networking/ip_route_show_table_all": IP_ROUTE,
        "sos_reports/manifest.json": as_json({"version": "4.8.1", "cmdline": "", "start_time": "2026-11-21T10:19:30.118400"}),
        "sos_logs/sos.log": "2026-11-21 10:19:30,118 INFO: [plugin:crio] collecting output\n",
    }


def sos_collect():
    """`sos collect` from three nodes. The kubelet of one of them uses another cgroup driver than its runtime."""
    wrong = [
        (11, 'E1121 10:11:31.656218    1207 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: expected cgroupsPath to be of format \\"slice:prefix:name\\" for systemd cgroups, got \\"/kubepods/burstable/pod0d3a1c4e\\" instead: unknown" pod="shop/web-0"'),
    ]
    return {host: sos(host, QUIET_KUBELET + (wrong if host == "w2" else [])) for host in ("cp1", "w1", "w2")}


def rancher_kubeadm():
    """Rancher's collector on a node of kubeadm. The kubelet's client certificate has ended."""
    host = "kcp-1"
    return {
        "collector-output.log": "2026-11-21 10:20:42: Collecting k8s kubeadm logs\n",
        "versions": "kubectl: Client Version: v1.29.9\n",
        "systeminfo/hostname": f"{host}\n",
        "systeminfo/date": "Sat Nov 21 10:20:42 UTC 2026\n",
        "systeminfo/etcresolvconf": RESOLV,
        "systeminfo/sysctla": SYSCTL,
        "systeminfo/dfh": DF,
        "networking/iptablessave": IPTABLES_SAVE,
        "networking/iproute": IP_ROUTE,
        "systemlogs/syslog": journal(host, "systemd[1]", [(1, "Started kubelet.service - kubelet: The Kubernetes Node Agent.")]),
        "journald/kubelet": journal(host, "kubelet[1207]", QUIET_KUBELET + [(14, 'E1121 10:14:31.120087    1207 bootstrap.go:266] part of the existing bootstrap client certificate in /etc/kubernetes/kubelet.conf is expired: 2026-11-18 09:00:00 +0000 UTC')]),
        "kubeadm/kubectl/nodes": "NAME    STATUS     ROLES           AGE   VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE             KERNEL-VERSION     CONTAINER-RUNTIME\nkcp-1   NotReady   control-plane   1y    v1.29.9   10.0.0.11     <none>        Ubuntu 22.04.5 LTS   5.15.0-124-generic   containerd://1.7.22\n",
        "kubeadm/kubectl/pods": "NAMESPACE     NAME                       READY   STATUS    RESTARTS   AGE   IP           NODE    NOMINATED NODE   READINESS GATES\nkube-system   kube-proxy-k2z8q           1/1     Running   0          1y    10.0.0.11    kcp-1   <none>           <none>\n",
        "kubeadm/kubectl/cluster-info_dump": as_json(listed("Node", [node(host, "10.0.0.11", ready=False, version="v1.29.9")])) + "==== START logs for container kube-proxy of pod kube-system/kube-proxy-k2z8q ====\nI1121 08:00:12.400311       1 server_others.go:72] \"Using iptables proxy\"\n==== END logs for container kube-proxy of pod kube-system/kube-proxy-k2z8q ====\n",
        # The collector takes one for the other.
        "kubeadm/metrics_pod": "NAME    CPU(cores)   CPU%   MEMORY(bytes)   MEMORY%\nkcp-1   181m         9%     1811Mi          23%\n",
        "kubeadm/metrics_nodes": "NAMESPACE     NAME               CPU(cores)   MEMORY(bytes)\nkube-system   kube-proxy-k2z8q   2m           31Mi\n",
        "kubeadm/staticpodlist": "total 16\n-rw------- 1 root root 2413 Nov 18  2025 etcd.yaml\n-rw------- 1 root root 3899 Nov 18  2025 kube-apiserver.yaml\n",
        "kubeadm/pki/kubelet/kubelet-client-current.crt": openssl_text("system:node:kcp-1", "Nov 18 09:00:00 2025 GMT", "Nov 18 09:00:00 2026 GMT"),
        "kubeadm/pki/server/apiserver.crt": openssl_text("kube-apiserver", "Nov 18 09:00:00 2025 GMT", "Nov 18 09:00:00 2030 GMT"),
        "kubeadm/podlogs/kube-system-kube-proxy-k2z8q": "I1121 08:00:12.400311       1 server_others.go:72] \"Using iptables proxy\"\n",
    }


def openssl_text(name, begins, ends):
    return f"""\
Certificate:
    Data:
        Version: 3 (0x2)
        Serial Number: 4242 (0x1092)
        Signature Algorithm: sha256WithRSAEncryption
        Issuer: CN = kubernetes
        Validity
            Not Before: {begins}
            Not After : {ends}
        Subject: O = system:nodes, CN = {name}
        X509v3 extensions:
            X509v3 Key Usage: critical
                Digital Signature, Key Encipherment
            X509v3 Extended Key Usage: 
                TLS Web Client Authentication
"""


WINDOWS_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBQjCB6qADAgECAgIQkjAKBggqhkjOPQQDAjAkMSIwIAYDVQQDDBlya2UyLWNs
aWVudC1jYUAxNzAwMDAwMDAwMB4XDTI1MTExODA5MDAwMFoXDTI2MTExODA5MDAw
MFowMjEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMRkwFwYDVQQDDBBzeXN0ZW06bm9k
ZTp3aW4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEz+K+OJP92jSbNUgWFtIx
R8QrlxpgEhc/VpV371QG0g3wRia4rrt9ygKJbzpuBfGCAMHn4n1PHSPTQBiDqvWY
lDAKBggqhkjOPQQDAgNHADBEAiBPX97D9NGCOHOfEEbESccly6/ihwSbESW3Wg53
A/JGngIgMXnNN1O19Yy4SLKUbFMfsEwsjvUofiFFJZwChYroWBQ=
-----END CERTIFICATE-----
"""


def rancher_windows():
    """Rancher's collector on a Windows node. The kubelet's client certificate has ended. PowerShell wrote some of it in UTF-16."""
    def wide(text):
        return text.replace("\n", "\r\n").encode("utf-16")

    return {
        "system/systeminfo": wide("\nHost Name:                 WIN1\nOS Name:                   Microsoft Windows Server 2022 Datacenter\nOS Version:                10.0.20348 N/A Build 20348\n"),
        "system/uptime": wide("\n\nDays              : 11\nHours             : 2\n\n"),
        "containerd/crictl-ps.txt": wide(CRICTL_PS.replace("coredns ", "calico  ").replace("coredns-668d6bf9bc-x7h2p", "calico-node-windows-d8x2q")),
        "containerd/crictl-pods.txt": wide("POD ID              CREATED             STATE               NAME                        NAMESPACE           ATTEMPT             RUNTIME\n1f0e9d8c7b6a5       2 hours ago         Ready               calico-node-windows-d8x2q   calico-system       0                   (default)\n"),
        "containerd/ctr-containers.txt": wide("CONTAINER".ljust(68) + "IMAGE".ljust(40) + "RUNTIME                    \n" + "3f" * 32 + "    " + "docker.io/rancher/mirrored-pause:3.7".ljust(40) + "io.containerd.runhcs.v1    \n"),
        "containerd/containerd.log": 'time="2026-11-21T10:01:31.1Z" level=info msg="containerd successfully booted in 0.041s"\n',
        "config/rke2/config.yaml": "server: https://10.0.0.11:9345\nnode-label:\n  - cattle.io/os=windows\n",
        "certs/rke2/client-kubelet.crt": WINDOWS_CERTIFICATE,
        "k8s/components/kubelet.log": "I1121 10:02:31.118400    1207 server.go:491] \"Kubelet version\" kubeletVersion=\"v1.31.4+rke2r1\"\nE1121 10:14:31.120087    1207 transport.go:110] \"It has been 73h14m since a valid client cert was found, but the server is not responsive. A restart may be necessary to retrieve new initial credentials.\"\n",
        "k8s/containerlogs/calico-3f2a1b4c5d6e.log": "2026-11-21T10:02:31.1184007Z stdout F 2026-11-21 10:02:31.118 [INFO][1] startup.go 432: Early log level set to info\n",
        "eventlogs/system.json": as_json([{"TimeCreated": "/Date(1795256442000)/", "Id": 7036, "LevelDisplayName": "Information", "ProviderName": "Service Control Manager", "Message": "The rke2 service entered the running state."}]),
        "network/ipconfig": wide("\nWindows IP Configuration\n\n   Host Name . . . . . . . . . . . . : WIN1\n   IPv4 Address. . . . . . . . . . . : 10.0.0.31(Preferred)\n"),
        "installed-64bit-apps.txt": wide("\nDisplayName    : Microsoft Edge\nDisplayVersion : 131.0.2903.51\n"),
    }


def talos():
    """`talosctl support`. The database of one etcd member has reached its quota; a worker has no name server."""
    def cosi(kind, namespace, name, spec):
        return as_yaml({"metadata": {"namespace": namespace, "type": kind, "id": name, "version": 2, "owner": "x.Controller", "phase": "running", "created": "2026-11-21T08:00:00Z", "updated": "2026-11-21T08:00:00Z"}, "spec": spec})

    def state(service, health="OK"):
        return f"NODE     10.0.0.11\nID       {service}\nSTATE    Running\nHEALTH   {health}\nEVENTS   [Running]: Health check successful (2h19m0s ago)\n         [Running]: Started task {service} (PID 1975) for container {service} (2h20m0s ago)\n"

    machines = {"10.0.0.11": "talos-cp1", "10.0.0.21": "talos-w1"}
    files = {
        "kubernetesResources/nodes.yaml": as_yaml(listed("Node", [node(name, address) for address, name in machines.items()])),
        "kubernetesResources/systemPods.yaml": as_yaml(listed("Pod", [pod("kube-system", "kube-apiserver-talos-cp1", "talos-cp1", "kube-apiserver", "registry.k8s.io/kube-apiserver:v1.31.4"), pod("kube-system", "kube-flannel-8gq2x", "talos-w1", "kube-flannel", "ghcr.io/siderolabs/flannel:v0.26.1")])),
    }
    for address, name in machines.items():
        files |= {
            f"{address}/dmesg.log": "kern:    info: [2026-11-21T08:00:01.118Z]: Linux version 6.12.1-talos\nuser: warning: [2026-11-21T08:00:05.118Z]: [talos] service[kubelet](Running): Health check successful\n",
            f"{address}/controller-runtime.log": '2026-11-21T08:00:05.118Z DEBUG hello cluster{"component": "controller-runtime", "controller": "config.AcquireController"}\n',
            f"{address}/dependencies.dot": "digraph  {\n\tn1[label=\"config.AcquireController\",shape=\"box\"];\n}\n",
            f"{address}/summary": "Client:\n\tTag:         v1.9.0\n\tSHA:         e64f0c91\n\tGo version:  go1.23.4\nServer:\n\tTag:         v1.9.0\n\tOS/Arch:     linux/amd64\n",
            f"{address}/mounts": "NODE        FILESYSTEM   SIZE(GB)   USED(GB)   AVAILABLE(GB)   PERCENT USED   MOUNTED ON\n10.0.0.11   /dev/vda6    38.10      4.11       33.99           10.79%         /var\n",
            f"{address}/processes": "   PID   STATE   THREADS   CPU-TIME   VIRTMEM   RESMEM   COMMAND\n     1   S         14      12.41    1.8 GB    88 MB   /sbin/init\n  1975   S         17     131.20    2.1 GB   101 MB   /usr/local/bin/kubelet --config=/etc/kubernetes/kubelet.yaml\n",
            f"{address}/resources/nodenames.kubernetes.talos.dev.yaml": cosi("Nodenames.kubernetes.talos.dev", "k8s", "nodename", {"nodename": name, "hostnameVersion": "1"}),
            f"{address}/resources/hostnamestatuses.net.talos.dev.yaml": cosi("HostnameStatuses.net.talos.dev", "network", "hostname", {"hostname": name, "domainname": ""}),
            f"{address}/resources/resolverstatuses.net.talos.dev.yaml": cosi("ResolverStatuses.net.talos.dev", "network", "resolvers", {"dnsServers": ["192.0.2.53"], "searchDomains": []}),
            f"{address}/resources/kernelparamstatuses.runtime.talos.dev.yaml": cosi("KernelParamStatuses.runtime.talos.dev", "runtime", "proc.sys.net.ipv4.ip_forward", {"current": "1", "default": "0", "unsupported": False}) + "---\n" + cosi("KernelParamStatuses.runtime.talos.dev", "runtime", "proc.sys.net.bridge.bridge-nf-call-iptables", {"current": "1", "default": "1", "unsupported": False}),
            f"{address}/resources/machineconfigs.config.talos.dev.yaml": cosi("MachineConfigs.config.talos.dev", "config", "v1alpha1", "<REDACTED>"),
            f"{address}/service-logs/kubelet.log": "".join(f'{{"ts":1795256{minute:02d}1000.118,"caller":"kubelet/server.go:491","msg":"Kubelet version","v":0,"kubeletVersion":"v1.31.4"}}\n' for minute in (4, 5)),
            f"{address}/service-logs/kubelet.state": state("kubelet"),
            f"{address}/service-logs/cri.log": '{"level":"info","msg":"containerd successfully booted in 0.041s","time":"2026-11-21T08:00:03.118Z"}\n',
        }
    files |= {
        "10.0.0.11/service-logs/etcd.log": '{"level":"info","ts":"2026-11-21T08:00:05.118Z","caller":"etcdmain/main.go:50","msg":"successfully notified init daemon"}\n{"level":"warn","ts":"2026-11-21T10:03:14.118Z","caller":"etcdserver/apply.go:888","msg":"alarm raised","alarm":"NOSPACE","from":"9c4e1f27a0b83d55"}\n',
        "10.0.0.11/service-logs/etcd.state": state("etcd"),
        "10.0.0.11/kubernetes-logs/kube-system/kube-apiserver.log": "2026-11-21T10:03:15.118400711Z stderr F E1121 10:03:15.118400       1 status.go:71] \"Unhandled Error\" err=\"apiserver received an error that is not an metav1.Status: rpctypes.EtcdError{code:0x8, desc:\\\"etcdserver: mvcc: database space exceeded\\\"}\"\n",
        "10.0.0.21/kubernetes-logs/kube-system/kube-flannel.log": "2026-11-21T08:00:15.118400711Z stderr F I1121 08:00:15.118400       1 main.go:211] CLI flags config: {etcdEndpoints:http://127.0.0.1:4001}\n",
    }
    return files
