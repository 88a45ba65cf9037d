//! Names of data for people, and the one command that collects each.

use crate::model::Text;

pub(super) struct Datum {
    pub(super) name: Text,
    pub(super) collect: String,
}

/// Datum, name in Chinese, name in English, command.
const DATA: [(&str, &str, &str, &str); 44] = [
    (
        "docker-containers",
        "主机容器清单",
        "the host's container list",
        "docker ps -a --no-trunc",
    ),
    (
        "docker-inspect",
        "主机容器的完整参数",
        "the host's containers, inspected",
        "docker inspect $(docker ps -aq)",
    ),
    ("docker-images", "主机镜像清单", "the host's images", "docker images"),
    (
        "docker-events",
        "容器运行时事件",
        "the runtime's events",
        "docker events --since 24h --until 0s",
    ),
    (
        "crontab",
        "定时任务",
        "cron tables",
        "cat /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/*",
    ),
    (
        "scripts",
        "定时任务调用的脚本",
        "scripts that cron runs",
        "casefile collect",
    ),
    (
        "container-logs",
        "容器日志",
        "container logs",
        "kubectl logs POD -c CONTAINER --previous --timestamps",
    ),
    (
        "kubelet-log",
        "kubelet 日志",
        "the kubelet's log",
        "journalctl -u kubelet --no-pager -o short-iso-precise",
    ),
    (
        "containerd-log",
        "containerd 日志",
        "containerd's log",
        "journalctl -u containerd --no-pager -o short-iso-precise",
    ),
    (
        "dockerd-log",
        "dockerd 日志",
        "dockerd's log",
        "journalctl -u docker --no-pager -o short-iso-precise",
    ),
    (
        "etcd-log",
        "etcd 日志",
        "etcd's log",
        "journalctl -u etcd --no-pager -o short-iso-precise",
    ),
    ("sysctl", "内核参数", "kernel parameters", "sysctl -a"),
    (
        "resolv.conf",
        "节点的 DNS 配置",
        "the node's resolver configuration",
        "cat /etc/resolv.conf",
    ),
    (
        "certificates",
        "证书",
        "certificates",
        "ls /etc/kubernetes/pki /etc/kubernetes/ssl",
    ),
    (
        "system-log",
        "系统日志",
        "the system's log",
        "journalctl --no-pager -o short-iso-precise --since -2d",
    ),
    (
        "crio-log",
        "CRI-O 日志",
        "CRI-O's log",
        "journalctl -u crio --no-pager -o short-iso-precise",
    ),
    (
        "k3s-log",
        "k3s 或 RKE2 日志",
        "the log of k3s or RKE2",
        "journalctl -u k3s -u k3s-agent -u rke2-server -u rke2-agent --no-pager -o short-iso-precise",
    ),
    (
        "kube-apiserver-log",
        "kube-apiserver 日志",
        "kube-apiserver's log",
        "kubectl -n kube-system logs -l component=kube-apiserver --timestamps --tail=-1",
    ),
    (
        "kube-scheduler-log",
        "kube-scheduler 日志",
        "kube-scheduler's log",
        "kubectl -n kube-system logs -l component=kube-scheduler --timestamps --tail=-1",
    ),
    (
        "kube-controller-manager-log",
        "kube-controller-manager 日志",
        "kube-controller-manager's log",
        "kubectl -n kube-system logs -l component=kube-controller-manager --timestamps --tail=-1",
    ),
    (
        "kube-proxy-log",
        "kube-proxy 日志",
        "kube-proxy's log",
        "kubectl -n kube-system logs -l k8s-app=kube-proxy --timestamps --tail=-1",
    ),
    ("host-facts", "主机信息", "facts of the host", "casefile collect"),
    (
        "systemd-units",
        "systemd 单元的状态",
        "states of systemd units",
        "systemctl list-units --all --no-pager",
    ),
    (
        "etcd-endpoints",
        "etcd 各端点的状态",
        "the status of etcd's endpoints",
        "etcdctl endpoint status --cluster -w json",
    ),
    ("etcd-alarms", "etcd 告警", "etcd's alarms", "etcdctl alarm list"),
    (
        "etcd-members",
        "etcd 成员",
        "etcd's members",
        "etcdctl member list -w table",
    ),
    (
        "packet-filter",
        "防火墙规则",
        "the packet filter's rules",
        "iptables-save",
    ),
    (
        "cri-containers",
        "CRI 运行时的容器",
        "containers of the CRI runtime",
        "crictl ps -a -o json",
    ),
    ("filesystems", "文件系统用量", "file systems and their use", "df -hT"),
    (
        "health-checks",
        "组件的健康检查",
        "health endpoints of components",
        "kubectl get --raw '/readyz?verbose'",
    ),
    ("interfaces", "网卡", "network interfaces", "ip -s -d address"),
    (
        "node-configuration",
        "节点组件的配置文件",
        "configuration of the node's components",
        "casefile collect",
    ),
    ("processes", "进程", "processes", "ps aux"),
    ("routes", "路由表", "routes", "ip route show table all"),
    ("clock", "主机时钟", "the host's clock", "timedatectl"),
    (
        "kubeletconfigurations",
        "kubelet 的配置",
        "the kubelet's configuration",
        "cat /var/lib/kubelet/config.yaml",
    ),
    ("directories", "目录清单", "lists of directories", "casefile collect"),
    ("ipvs", "IPVS 规则", "IPVS rules", "ipvsadm -Ln"),
    ("listeners", "监听的端口", "listening ports", "ss -lntup"),
    ("other-text", "其他文本", "other text", "casefile collect"),
    ("pods", "Pod", "pods", "kubectl get pods -A -o json"),
    ("events", "事件", "events", "kubectl get events -A -o json"),
    ("nodes", "节点对象", "nodes", "kubectl get nodes -o json"),
    (
        "certificatesigningrequests",
        "证书签名请求",
        "certificate signing requests",
        "kubectl get certificatesigningrequests -o json",
    ),
];

/// What people call a datum. One that is not in the table is a kind of the API, by its plural.
pub(super) fn datum(id: &str) -> Datum {
    match DATA.iter().find(|(known, ..)| *known == id) {
        Some((_, zh, en, collect)) => Datum {
            name: Text::new(*zh, *en),
            collect: (*collect).to_owned(),
        },
        None => Datum {
            name: Text::same(id),
            collect: format!("kubectl get {id} -A -o json"),
        },
    }
}
