//! Names of data for people, and the one command that collects each.

use crate::model::Text;

pub(super) struct Datum {
    pub(super) name: Text,
    pub(super) collect: String,
}

/// Datum, name in Chinese, name in English, command.
const DATA: [(&str, &str, &str, &str); 14] = [
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
