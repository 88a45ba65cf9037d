//! The log collector of Amazon EKS: one node, files by what they are about.
//!
//! Source: awslabs/amazon-eks-ami `log-collector-script/linux/eks-log-collector.sh`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::Root;
use super::place::Place;
use super::wrapper;

pub(super) const LAYOUT: Layout = Layout {
    name: "eks-log-collector",
    about: About {
        made_by: "eks-log-collector.sh",
        known_by: Words {
            zh: "sysctls/sysctl_all.txt、ipamd/ 与 kubelet/",
            en: "sysctls/sysctl_all.txt, ipamd/ and kubelet/",
        },
        read: Words {
            zh: "kubelet、containerd、内核与系统 Pod 的日志，容器与镜像列表，iptables、路由、网卡、内核参数、resolv.conf、磁盘与进程；没有 API 对象",
            en: "the logs of kubelet, containerd, kernel and system pods, containers and images, packet filter, routes, interfaces, kernel parameters, resolv.conf, disks and processes; there are no API objects",
        },
    },
    markers: &["sysctls/sysctl_all.txt"],
    fits: |root| root.has_dir("ipamd") && root.has_dir("kubelet"),
    place,
    // eks_<instance>_2026-11-21_1020-UTC_<version of the collector>
    anchor: |root| wrapper::day_and_minute(root.name()),
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    // `uname -a` prints the host's name after the kernel's.
    let host = root.head("kernel/uname.txt").split_whitespace().nth(1).unwrap_or("");
    log(parts).on(root.path.to_owned(), host)
}

fn log(parts: &[&str]) -> Place {
    match parts {
        ["kernel", file] if file.starts_with("dmesg") => Place::component("system"),
        ["containerd", "containerd-log.txt"] => Place::component("containerd"),
        ["sandbox-image", _] | ["nodeadm", _] => Place::component("system"),
        // The log of the CNI's daemon, which it writes on the host.
        ["var_log", "aws-routed-eni", _] => Place::default(),
        ["var_log", file]
            if ["messages", "syslog", "cloud-init"]
                .iter()
                .any(|word| file.starts_with(word)) =>
        {
            Place::component("system")
        }
        [_, ..] => Place::holding(format!("what the EKS log collector wrote as {}", parts.join("/"))),
        [] => Place::default(),
    }
}
