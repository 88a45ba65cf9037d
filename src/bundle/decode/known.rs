//! Host text that is recognised so that a bundle's inventory can name it, and from which hardly any facts are read.
//!
//! Each kind is known by the heading of its table, by the shape of its lines, or by how its file begins. Sources are the programs'
//! own output: kubectl, procps, coreutils, util-linux, kmod, iproute2, iptables, conntrack-tools, containerd's `ctr`.

use regex::Regex;

use super::Decoder;
use super::shape::{Shape, lines, table};

/// `kubectl api-resources`; the columns of before 1.20 have APIGROUP.
pub(super) const API_RESOURCES: Decoder = Decoder {
    name: "kubectl api-resources",
    decode: |file, start| table(file, start, &["NAME", "SHORTNAMES", "NAMESPACED", "KIND"]),
};
/// `kubectl auth can-i --list`.
pub(super) const PERMISSIONS: Decoder = Decoder {
    name: "kubectl auth can-i",
    decode: |file, start| {
        table(
            file,
            start,
            &["Resources", "Non-Resource URLs", "Resource Names", "Verbs"],
        )
    },
};
/// `kubectl rollout history`.
pub(super) const REVISIONS: Decoder = Decoder {
    name: "kubectl rollout history",
    decode: |file, start| table(file, start, &["REVISION", "CHANGE-CAUSE"]),
};
/// `kubectl config get-contexts`.
pub(super) const CONTEXTS: Decoder = Decoder {
    name: "kubectl config",
    decode: |file, start| table(file, start, &["CURRENT", "NAME", "CLUSTER", "AUTHINFO"]),
};
/// `lsblk`.
pub(super) const BLOCK_DEVICES: Decoder = Decoder {
    name: "lsblk",
    decode: |file, start| table(file, start, &["NAME", "MAJ:MIN", "SIZE"]),
};
/// `docker stats`.
pub(super) const DOCKER_STATS: Decoder = Decoder {
    name: "docker stats",
    decode: |file, start| table(file, start, &["CONTAINER ID", "NAME", "CPU %"]),
};
/// `crictl stats`.
pub(super) const CRI_STATS: Decoder = Decoder {
    name: "crictl stats",
    decode: |file, start| table(file, start, &["CONTAINER", "CPU %", "MEM", "DISK", "INODES"]),
};
static RULE_LINE: Shape =
    Shape::new(|| Regex::new(r"^\d+:\s+(?:not )?from \S+ .*(?:lookup|goto|unreachable|blackhole)"));
/// `ip rule`.
pub(super) const IP_RULE: Decoder = Decoder {
    name: "ip rule",
    decode: |file, start| lines(file, start, &RULE_LINE, ""),
};

static NEIGHBOUR_LINE: Shape = Shape::new(|| {
    Regex::new(
        r"^[0-9a-f.:]+ dev \S+ (?:lladdr [0-9a-f:]+ )?(?:\S+ )*(?:REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|PERMANENT|NOARP)\s*$",
    )
});
/// `ip neighbour`. `neighbours.ipv4` = how many of IPv4 count for the limits of the table (Linux `net/core/neighbour.c`: permanent ones
/// do not).
pub(super) const IP_NEIGHBOUR: Decoder = Decoder {
    name: "ip neighbour",
    decode: |file, start| {
        let mut section = lines(file, start, &NEIGHBOUR_LINE, "")?;
        let entries = file.lines.get(start..section.end).unwrap_or_default().iter();
        let is_counted = |line: &str| {
            let address = line.split_whitespace().next().unwrap_or("");
            let state = line.split_whitespace().next_back().unwrap_or("");
            address.contains('.') && !matches!(state, "PERMANENT" | "NOARP")
        };
        let count = entries.filter(|line| is_counted(line)).count();
        section
            .facts
            .push(file.value(start, "neighbours.ipv4", count.to_string()));
        Some(section)
    },
};

static SOCKET_COUNTS: Shape =
    Shape::new(|| Regex::new(r"^(?:Total: \d+(?: \(kernel \d+\))?\s*$|TCP:\s+\d+ \(estab \d+, closed \d+,)"));
static SOCKET_COUNT_LINE: Shape = Shape::new(|| {
    Regex::new(
        r"^(?:Total: \d+.*|TCP:\s+\d+ \(.*\)|Transport Total +IP +IPv6|(?:\*|RAW|UDP|TCP|INET|FRAG)\s+[\d-]+\s+[\d-]+\s+[\d-]+|)\s*$",
    )
});
/// `ss -s`.
pub(super) const SOCKET_SUMMARY: Decoder = Decoder {
    name: "socket counts",
    decode: |file, start| {
        let is_first = SOCKET_COUNTS.fits(file.line(start))
            && (file.line(start).starts_with("TCP:") || file.line(start + 1).starts_with("TCP:"));
        is_first.then(|| lines(file, start, &SOCKET_COUNT_LINE, "")).flatten()
    },
};

#[cfg(test)]
mod tests {
    use super::super::{DECODERS, sample::section};

    /// What the first line of a file is taken for, and where it ends.
    fn known(path: &str, text: &str) -> Option<(&'static str, usize)> {
        DECODERS
            .iter()
            .find_map(|decoder| Some((decoder.name, section(decoder, path, text)?.end)))
    }

    #[test]
    fn each_kind_is_known_by_its_first_line() {
        for (name, text) in [
            (
                "df",
                "Filesystem      Size  Used Avail Use% Mounted on\n/dev/vda 252G 32G 59G 36% /\n",
            ),
            (
                "df",
                "Filesystem     Inodes IUsed IFree IUse% Mounted on\n/dev/vda 9 1 8 1% /\n",
            ),
            (
                "socket counts",
                "Total: 170\nTCP:   8 (estab 1, closed 0, orphaned 0, timewait 0)\n\nTransport Total     IP        IPv6\nRAW\t  0         0         0\nINET\t  9         5         4\n",
            ),
            (
                "memory",
                "       total   used   free  shared  buff/cache  available\nMem: 1 1 1 1 1 1\n",
            ),
            (
                "uptime",
                " 10:20:42 up  1:38,  0 user,  load average: 0.37, 0.28, 0.40\n",
            ),
            (
                "ip addr",
                "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue\n    inet 127.0.0.1/8 scope host lo\n",
            ),
            (
                "ip route",
                "default via 192.0.2.1 dev eth0 \n172.17.0.0/16 dev docker0 proto kernel scope link\n",
            ),
            ("ip rule", "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n"),
            (
                "ip neighbour",
                "192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 STALE \nfd00::1 dev eth0 FAILED \n",
            ),
            (
                "packet filter",
                "# Generated by iptables-save v1.8.9 on Sat\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j X\nCOMMIT\n",
            ),
            (
                "packet filter",
                "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in\n",
            ),
            (
                "sockets",
                "Netid State  Recv-Q Send-Q Local Address:Port\ntcp LISTEN 0 4096 0.0.0.0:80\n",
            ),
            (
                "ps",
                "USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\nroot 1 x\n",
            ),
            ("system", "Module                  Size  Used by\nbr_netfilter 1 0\n"),
            (
                "system",
                "cpu=0   \tfound=0 invalid=0 insert=0\ncpu=1 \tfound=0 invalid=0\n",
            ),
            (
                "mount",
                "proc on /proc type proc (rw,relatime)\nsysfs on /sys type sysfs (rw)\n",
            ),
            ("crictl", "TASK    PID    STATUS    \nabc 1 RUNNING\n"),
            (
                "docker stats",
                "CONTAINER ID   NAME   CPU %     MEM USAGE / LIMIT\n29a2614d4315   a   0.00%\n",
            ),
            (
                "configuration",
                "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n",
            ),
            (
                "kubectl api-resources",
                "NAME       SHORTNAMES   APIVERSION   NAMESPACED   KIND\npods       po           v1           true         Pod\n",
            ),
            (
                "kubectl auth can-i",
                "Resources   Non-Resource URLs   Resource Names   Verbs\npods        []                  []               [get]\n",
            ),
            ("kubectl rollout history", "REVISION  CHANGE-CAUSE\n1         <none>\n"),
            (
                "kubectl config",
                "CURRENT   NAME   CLUSTER   AUTHINFO   NAMESPACE\n*         prod   prod      admin      shop\n",
            ),
            ("configuration", "{\"cniVersion\":\"0.4.0\",\n\"name\":\"cbr0\"}\n"),
        ] {
            assert_eq!(known("x", text), Some((name, text.lines().count())), "{text}");
        }
    }

    #[test]
    fn hosts_needs_its_name() {
        let text = "127.0.0.1 localhost\n192.0.2.2 harbor.corp.local mirror\n";
        assert_eq!(known("etc/hosts", text), Some(("hosts", 2)));
        assert_eq!(known("notes", text), None);
    }

    #[test]
    fn a_section_ends_where_another_output_begins() {
        assert_eq!(
            known("x", "Module  Size  Used by\nx 1 0\n\n$ date\n"),
            Some(("system", 2))
        );
        assert_eq!(known("x", "proc on /proc type proc (rw)\n$ date\n"), Some(("mount", 1)));
    }

    #[test]
    fn log_lines_are_nothing() {
        for line in [
            "I1121 10:20:33.376006    2937 kubelet.go:1] Filesystem Use% Mounted on",
            "Module loaded",
            "total 48",
            "2026-11-21 10:20:42 up and running, load average: 1",
            "level=info msg=\"mount on / type ext4\"",
            "default dev settings loaded",
            "State changed",
            "PID 12 killed",
            "version = 2",
            "",
        ] {
            assert_eq!(known("x.log", line), None, "{line}");
        }
    }
}
