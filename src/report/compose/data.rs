//! Names of data for people, and the one command that collects each.

use super::doubles::outside;
use crate::cluster::Snapshot;
use crate::model::Text;
use crate::rules::inventory::is_rke1;
use crate::rules::{Rule, shell_quote};

pub(super) struct Datum {
    pub(super) name: Text,
    pub(super) collect: String,
}

/// Datum, name in Chinese, name in English, command.
const DATA: [(&str, &str, &str, &str); 49] = [
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
        "kubectl -n <NAMESPACE> logs <POD> --all-containers --timestamps --tail=-1",
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
    ("kernel-log", "内核日志", "the kernel's log", "dmesg -T"),
    (
        "secrets",
        "Secret 的清单（不含内容）",
        "the list of Secrets, without their contents",
        "kubectl get secrets -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,TYPE:.type",
    ),
    (
        "time-sync",
        "时间同步的状态",
        "the state of time synchronisation",
        "timedatectl; chronyc tracking",
    ),
    (
        "k0s-checks",
        "k0s 对机器的检查",
        "the checks of a machine by k0s",
        "k0s sysinfo",
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
    (
        "cri-images",
        "CRI 运行时的镜像",
        "images of the CRI runtime",
        "crictl images -o json",
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

/// Kinds of other people's API groups go by their full names: `volumes` alone is whatever group the cluster lists first.
const GROUPS: [(&str, &str); 21] = [
    ("backups", "velero.io"),
    ("cephclusters", "ceph.rook.io"),
    ("ciliumclusterwidenetworkpolicies", "cilium.io"),
    ("ciliumnetworkpolicies", "cilium.io"),
    ("clusterissuers", "cert-manager.io"),
    ("clusters", "management.cattle.io"),
    ("destinationrules", "networking.istio.io"),
    ("etcdsnapshotfiles", "k3s.cattle.io"),
    ("gateways", "gateway.networking.k8s.io"),
    ("globalnetworkpolicies", "crd.projectcalico.org"),
    ("grpcroutes", "gateway.networking.k8s.io"),
    ("helmcharts", "helm.cattle.io"),
    ("httproutes", "gateway.networking.k8s.io"),
    ("ingressroutes", "traefik.io"),
    ("ippools", "crd.projectcalico.org"),
    ("issuers", "cert-manager.io"),
    ("peerauthentications", "security.istio.io"),
    ("replicas", "longhorn.io"),
    ("scaledobjects", "keda.sh"),
    ("virtualservices", "networking.istio.io"),
    ("volumes", "longhorn.io"),
];

/// What tells of many things: that it was read shows nothing about one of them.
const OF_ALL: [&str; 6] = [
    "container-logs",
    "events",
    "kubelet-log",
    "other-text",
    "system-log",
    "systemd-units",
];

/// Why a check has nothing to look at in this cluster, whatever is collected.
pub(super) enum Foreign {
    /// It is about a kind of this API group, and the list of the definitions has none of it.
    Group(&'static str),
    /// It is about the logs of distributions that this one is not.
    Distribution,
    /// It is about k0s, which this is not.
    NoK0s,
    /// It is about what containers of pods write, and there is no pod.
    NoPods,
}

/// Families whose rules are also about containers that Docker runs without a pod: Rancher's server, and what RKE1 starts.
const BESIDE_PODS: [&str; 2] = ["rancher", "etcd"];

/// Whether a check asks first for what this cluster cannot have, and otherwise only for what tells of everything.
pub(super) fn foreign(snapshot: &Snapshot, distribution: Distribution, rule: &Rule) -> Option<Foreign> {
    let has_no_pods = snapshot.coverage.read.get("pods") == Some(&0);
    let is_of_pods = !BESIDE_PODS.contains(&rule.family.as_str());
    rule.header.needs.iter().find_map(|need| {
        if need == "container-logs" && has_no_pods && is_of_pods {
            return Some(Foreign::NoPods);
        }
        let mut data = need.split('|');
        let first = cannot_have(snapshot, distribution, data.next()?)?;
        let others_too = |datum: &str| OF_ALL.contains(&datum) || cannot_have(snapshot, distribution, datum).is_some();
        data.all(others_too).then_some(first)
    })
}

fn cannot_have(snapshot: &Snapshot, distribution: Distribution, datum: &str) -> Option<Foreign> {
    let versions = || {
        let nodes = snapshot.kind("Node");
        nodes.map(|node| node.text("/status/nodeInfo/kubeletVersion"))
    };
    let is_told = versions().any(|version| !version.is_empty());
    if datum == "k0s-checks" {
        let is_another =
            distribution != Distribution::Other || is_told && !versions().any(|version| version.contains("+k0s"));
        return is_another.then_some(Foreign::NoK0s);
    }
    if datum == "k3s-log" {
        let is_another = match distribution {
            Distribution::Rke1 => true,
            Distribution::Other => is_told,
            Distribution::Rke2 | Distribution::K3s => false,
        };
        return is_another.then_some(Foreign::Distribution);
    }
    let (_, group) = GROUPS.iter().find(|(kind, _)| *kind == datum)?;
    let is_listed = snapshot.coverage.has("customresourcedefinitions");
    let mut definitions = snapshot.kind("CustomResourceDefinition");
    let is_defined = definitions.any(|one| one.text("/spec/group") == *group || one.key.name.ends_with(group));
    // Aggregated APIs have no definitions, and what was read is there.
    let is_read = snapshot.coverage.read.get(datum).is_some_and(|count| *count > 0);
    (is_listed && !is_defined && !is_read).then_some(Foreign::Group(group))
}

/// How a cluster runs its components, which decides where their logs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distribution {
    /// RKE1: each component is a Docker container of the host (rancher/rke `cluster/plan.go`).
    Rke1,
    /// RKE2: static pods below one supervisor (docs.rke2.io, "Logging").
    Rke2,
    /// k3s: all in one process (docs.k3s.io, "How can I check logs").
    K3s,
    /// Static pods or units, as kubeadm makes them.
    Other,
}

impl Distribution {
    /// Of a snapshot, by its containers and by the versions that its kubelets report.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let runs = |mark: &str| {
            let mut nodes = snapshot.kind("Node");
            nodes.any(|node| node.text("/status/nodeInfo/kubeletVersion").contains(mark))
        };
        if snapshot.hosts.iter().any(is_rke1) {
            Self::Rke1
        } else if runs("+rke2") {
            Self::Rke2
        } else if runs("+k3s") {
            Self::K3s
        } else {
            Self::Other
        }
    }

    /// True for a log that this distribution keeps elsewhere than in the journal of its program.
    pub(super) fn keeps_elsewhere(self, id: &str) -> bool {
        self.command(id)
            .is_some_and(|command| !command.starts_with("journalctl"))
    }

    /// The command that gets a datum on this distribution, where it is another one than elsewhere.
    fn command(self, id: &str) -> Option<String> {
        let component = match id {
            "kubelet-log" => "kubelet",
            "etcd-log" => "etcd",
            "kube-apiserver-log" => "kube-apiserver",
            "kube-scheduler-log" => "kube-scheduler",
            "kube-controller-manager-log" => "kube-controller-manager",
            "kube-proxy-log" => "kube-proxy",
            "containerd-log" => "containerd",
            _ => return self.other_command(id).map(str::to_owned),
        };
        match (self, component) {
            (Self::Rke1, "containerd") => None,
            (Self::Rke1, _) => Some(format!("docker logs --timestamps {component}")),
            (Self::K3s, "containerd") => Some("cat /var/lib/rancher/k3s/agent/containerd/containerd.log".to_owned()),
            (Self::K3s, _) => Some("journalctl -u k3s -u k3s-agent --no-pager -o short-iso-precise".to_owned()),
            (Self::Rke2, "kubelet") => Some("cat /var/lib/rancher/rke2/agent/logs/kubelet.log".to_owned()),
            (Self::Rke2, "containerd") => Some("cat /var/lib/rancher/rke2/agent/containerd/containerd.log".to_owned()),
            (Self::Rke2 | Self::Other, "etcd") => {
                Some("kubectl -n kube-system logs -l component=etcd --timestamps --tail=-1".to_owned())
            }
            _ => None,
        }
    }

    fn other_command(self, id: &str) -> Option<&'static str> {
        match (self, id) {
            (Self::Rke1, "etcd-endpoints") => Some("docker exec etcd etcdctl endpoint status --cluster -w json"),
            (Self::Rke1, "etcd-alarms") => Some("docker exec etcd etcdctl alarm list"),
            (Self::Rke1, "etcd-members") => Some("docker exec etcd etcdctl member list -w table"),
            (Self::Rke1, "kubeletconfigurations") => Some("docker inspect --format '{{json .Args}}' kubelet"),
            (Self::Rke1, "directories") => Some("ls -l --time-style=full-iso /opt/rke/etcd-snapshots"),
            (Self::Rke2, "directories") => {
                Some("ls -l --time-style=full-iso /var/lib/rancher/rke2/server/db/snapshots")
            }
            (Self::K3s, "directories") => Some("ls -l --time-style=full-iso /var/lib/rancher/k3s/server/db/snapshots"),
            (Self::Rke1, "certificates") => Some("ls -l /etc/kubernetes/ssl"),
            (Self::Rke2, "k3s-log") => Some("journalctl -u rke2-server -u rke2-agent --no-pager -o short-iso-precise"),
            (Self::K3s, "k3s-log") => Some("journalctl -u k3s -u k3s-agent --no-pager -o short-iso-precise"),
            _ => None,
        }
    }
}

/// The command that gets a datum of a component which runs as a process beside its container, by how that process was started; none for a
/// component that runs as its distribution has it.
pub(super) fn of_process(snapshot: &Snapshot, id: &str) -> Option<String> {
    let component = match id {
        "etcd-endpoints" | "etcd-alarms" | "etcd-members" => "etcd",
        _ => id.strip_suffix("-log")?,
    };
    let process = snapshot.hosts.iter().find_map(|host| outside(host, component))?;
    let of_etcd = |what: &str| {
        let endpoints = process.flag("--listen-client-urls").unwrap_or("https://127.0.0.1:2379");
        let mut command = format!("etcdctl --endpoints={}", shell_quote(endpoints));
        for (flag, own) in [
            ("--trusted-ca-file", "--cacert"),
            ("--cert-file", "--cert"),
            ("--key-file", "--key"),
        ] {
            if let Some(file) = process.flag(flag) {
                command.push_str(&format!(" {own}={}", shell_quote(file)));
            }
        }
        format!("{command} {what}")
    };
    match id {
        "etcd-endpoints" => return Some(of_etcd("endpoint status --cluster -w json")),
        "etcd-alarms" => return Some(of_etcd("alarm list")),
        "etcd-members" => return Some(of_etcd("member list -w table")),
        _ => {}
    }
    if let Some(file) = process.flag("--log-file") {
        return Some(format!("cat {}", shell_quote(file)));
    }
    // The kernel keeps the first fifteen characters of a program's name, which is what `ps -C`, `pgrep -x` and the journal know it by.
    let name: String = component.chars().take(15).collect();
    Some(format!(
        "ps -o pid,ppid,lstart,args -C {name}; ls -l /proc/$(pgrep -o -x {name})/fd/1 /proc/$(pgrep -o -x {name})/fd/2; journalctl _COMM={name} --no-pager -o short-iso-precise"
    ))
}

/// What people call a datum. One that is not in the table is a kind of the API, by its plural.
pub(super) fn datum(id: &str) -> Datum {
    match DATA.iter().find(|(known, ..)| *known == id) {
        Some((_, zh, en, collect)) => Datum {
            name: Text::new(*zh, *en),
            collect: (*collect).to_owned(),
        },
        None => {
            let name = match GROUPS.iter().find(|(known, _)| *known == id) {
                Some((_, group)) => format!("{id}.{group}"),
                None => id.to_owned(),
            };
            Datum {
                collect: format!("kubectl get {name} -A -o json"),
                name: Text::same(name),
            }
        }
    }
}

/// As [`datum`], with the command of a distribution.
pub(super) fn datum_on(distribution: Distribution, id: &str) -> Datum {
    let known = datum(id);
    Datum {
        collect: distribution.command(id).unwrap_or(known.collect),
        name: known.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_prints_a_secret_and_each_fits_its_distribution() {
        for id in DATA.iter().map(|(id, ..)| *id).chain(GROUPS.iter().map(|(id, _)| *id)) {
            for distribution in [
                Distribution::Rke1,
                Distribution::Rke2,
                Distribution::K3s,
                Distribution::Other,
            ] {
                let collect = datum_on(distribution, id).collect;
                assert!(
                    !collect.contains("secrets") || collect.contains("custom-columns"),
                    "{collect}"
                );
                let is_unit = collect.contains("-u kubelet") || collect.contains("-u etcd");
                assert!(
                    !is_unit
                        || distribution == Distribution::Other
                        || id == "kubelet-log" && distribution != Distribution::Rke1,
                    "{id}: {collect}"
                );
            }
        }
        assert_eq!(
            datum_on(Distribution::Rke1, "kubelet-log").collect,
            "docker logs --timestamps kubelet"
        );
        assert_eq!(datum("volumes").collect, "kubectl get volumes.longhorn.io -A -o json");
    }
}
