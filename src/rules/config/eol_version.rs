//! Software of the cluster that nobody maintains any more at the bundle's time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cluster::Snapshot;
use crate::model::{Citation, Confidence, Subject};
use crate::rules::inventory::{RKE_LABEL, is_rke1};
use crate::rules::toolbox::nodes::touch_failing_pods;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: eol-version
role: factor
level: info
needs: [nodes|docker-containers|host-facts]
check:
  zh: 集群使用的软件版本是否仍在维护
  en: whether the versions in use are still maintained
title:
  zh: "{{ product|raw }} {{ version }} 已于 {{ ended }} 停止维护"
  en: "{{ product|raw }} {{ version }} has not been maintained since {{ ended }}"
cause:
  zh: "采集时 {{ product|raw }} {{ version }} 已经停止维护：不再有安全修复，组件之间的兼容性也不再测试。"
  en: "{{ product|raw }} {{ version }} had reached its end of life when the bundle was made: there are no security fixes any more, and nobody tests how it works with others."
causes:
  - rule: removed-api-version
    ground: cluster
    mechanism: {zh: "跨多个版本升级时会遇到已移除的 API", en: "an upgrade over many versions meets APIs that were removed"}
  - rule: cert-expired
    ground: cluster
    mechanism: {zh: "证书多在升级时更新，长期不升级会过期", en: "certificates are mostly renewed by upgrades; without them they end"}
  - rule: rke1-share-mnt-missing
    ground: node
    mechanism: {zh: "不再维护的版本不会再修复这类缺陷", en: "defects of this kind are not mended in it any more"}
benign:
  - {zh: "发行版或供应商的延长支持（Debian、Ubuntu、EKS、GKE 的版本带有自己的后缀）", en: "extended support of a distribution or vendor (versions of Debian, Ubuntu, EKS and GKE have suffixes of their own)"}
remedy:
  - purpose: {zh: "列出版本", en: "list the versions"}
    place: cluster
    risk: read-only
    command: |
      kubectl version
      kubectl get nodes -o wide
    expect: {zh: "VERSION 与 CONTAINER-RUNTIME 列", en: "the columns VERSION and CONTAINER-RUNTIME"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "建立版本生命周期日历，在停止维护前六个月安排升级；RKE1 须迁移到新建的 RKE2 集群", en: "keep a calendar of ends of life and plan upgrades six months ahead; RKE1 has to be left for a new cluster of RKE2"}
    acceptance: {zh: "日历中没有已过期而未安排升级的组件", en: "the calendar has no component past its end without a planned upgrade"}
knowledge:
  - text: {zh: 各版本停止维护的日期以其项目或供应商公布的为准, en: "the day on which a version is no longer maintained is the one that its project or vendor publishes"}
    reference: "kubernetes/website data/releases/eol.yaml; containerd RELEASES.md, support horizon; suse.com/lifecycle (Rancher, RKE); moby/moby maintained branches"
sources:
  - "kubernetes/website data/releases/eol.yaml"
  - "containerd RELEASES.md, support horizon"
  - "suse.com/lifecycle: Rancher, RKE; moby/moby: branches that are maintained"
versions: "ends of life until the end of 2026"
examples:
  - name: "Kubernetes 1.24 in 2026"
    files:
      "date.txt": "2026-02-24T14:30:00Z\n"
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.24.17
    fires: [{kind: "Software", name: "Kubernetes v1.24.17"}]
  - name: "Rancher 2.5 and RKE1"
    files:
      "date.txt": "2026-02-24T14:30:00Z\n"
      "docker-ps-a.txt": |
        CONTAINER ID   IMAGE                                 COMMAND   CREATED      STATUS      PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2   "k"       2 days ago   Up 2 days           kubelet
        bbbbbbbbbbbb   rancher/rancher:v2.5.12               "k"       2 days ago   Up 2 days           rancher
    fires: [{kind: "Software", name: "RKE 1"}, {kind: "Software", name: "Rancher v2.5.12"}]
  - name: "when it was still maintained"
    files:
      "date.txt": "2023-02-24T14:30:00Z\n"
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.24.17
  - name: "a distribution's own package"
    files:
      "date.txt": "2026-02-24T14:30:00Z\n"
      "docker-info.txt": "Server:\n Containers: 3\n  Running: 2\n Server Version: 20.10.24+dfsg1\n Storage Driver: overlay2\n Kernel Version: 5.4\n Name: cp1\n"
"##;

/// The day on which a line of versions was given up: product, the part of the version that names the line, day.
const ENDS: [(&str, &str, Date); 25] = [
    ("Kubernetes", "1.18", Date::constant(2021, 6, 18)),
    ("Kubernetes", "1.19", Date::constant(2021, 10, 28)),
    ("Kubernetes", "1.20", Date::constant(2022, 2, 28)),
    ("Kubernetes", "1.21", Date::constant(2022, 6, 28)),
    ("Kubernetes", "1.22", Date::constant(2022, 12, 8)),
    ("Kubernetes", "1.23", Date::constant(2023, 2, 28)),
    ("Kubernetes", "1.24", Date::constant(2023, 7, 28)),
    ("Kubernetes", "1.25", Date::constant(2023, 10, 28)),
    ("Kubernetes", "1.26", Date::constant(2024, 2, 28)),
    ("Kubernetes", "1.27", Date::constant(2024, 7, 16)),
    ("Kubernetes", "1.28", Date::constant(2024, 10, 22)),
    ("Kubernetes", "1.29", Date::constant(2025, 2, 28)),
    ("Kubernetes", "1.30", Date::constant(2025, 7, 15)),
    ("Kubernetes", "1.31", Date::constant(2025, 11, 11)),
    ("Kubernetes", "1.32", Date::constant(2026, 2, 28)),
    ("Kubernetes", "1.33", Date::constant(2026, 6, 28)),
    ("containerd", "1.4", Date::constant(2022, 3, 3)),
    ("containerd", "1.5", Date::constant(2023, 2, 28)),
    ("containerd", "1.6", Date::constant(2025, 8, 23)),
    ("Docker", "19.03", Date::constant(2021, 7, 1)),
    ("Docker", "20.10", Date::constant(2023, 12, 10)),
    ("Rancher", "2.4", Date::constant(2022, 3, 31)),
    ("Rancher", "2.5", Date::constant(2023, 1, 5)),
    ("Rancher", "2.6", Date::constant(2024, 4, 30)),
    ("RKE", "1", Date::constant(2025, 7, 31)),
];
/// Suffixes of versions that somebody else maintains.
const VENDORS: [&str; 8] = ["dfsg", "ubuntu", "debian", "-eks-", "-gke", "el7", "el8", "el9"];

/// A version that is in use somewhere.
struct InUse {
    product: &'static str,
    version: String,
    node: String,
    cite: Citation,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let Some(now) = snapshot.now() else {
        return Vec::new();
    };
    let mut findings: BTreeMap<(&'static str, String), Finding> = BTreeMap::new();
    for used in in_use(snapshot) {
        let Some(ended) = ended(&used).filter(|day| is_past(*day, now)) else {
            continue;
        };
        let name = format!("{} {}", used.product, used.version);
        let finding = findings.entry((used.product, used.version.clone())).or_insert_with(|| {
            Finding::new(rule, Subject::cluster("Software", &name), Confidence::Confirmed)
                .fact("product", used.product)
                .fact("version", used.version.clone())
                .fact("ended", ended.to_string())
        });
        if finding.evidence.len() < 3 {
            finding.add_cite(used.cite);
        }
        if !used.node.is_empty() {
            touch_failing_pods(snapshot, &used.node, finding);
        }
    }
    findings.into_values().collect()
}

fn is_past(day: Date, now: Timestamp) -> bool {
    now.to_zoned(TimeZone::UTC).date() > day
}

fn ended(used: &InUse) -> Option<Date> {
    let bare = used.version.trim_start_matches('v');
    let is_of = |line: &str| {
        bare.strip_prefix(line)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_vendors = VENDORS.iter().any(|suffix| used.version.contains(suffix));
    let found = ENDS
        .iter()
        .find(|(product, line, _)| *product == used.product && is_of(line));
    found.filter(|_| !is_vendors).map(|(.., day)| *day)
}

fn in_use(snapshot: &Snapshot) -> Vec<InUse> {
    let mut found = Vec::new();
    for node in snapshot.kind("Node") {
        let name = node.key.name.clone();
        let mut add = |product, at: &str, version: &str| {
            if !version.is_empty() {
                found.push(InUse {
                    product,
                    version: version.to_owned(),
                    node: name.clone(),
                    cite: node.cite_at(at),
                });
            }
        };
        let at = "/status/nodeInfo/kubeletVersion";
        add("Kubernetes", at, node.text(at));
        let at = "/status/nodeInfo/containerRuntimeVersion";
        let system = node.text("/status/nodeInfo/osImage");
        // Debian and Ubuntu maintain the versions that they package, under upstream's numbers.
        let is_packaged = system.starts_with("Debian") || system.starts_with("Ubuntu");
        if let Some(version) = node.text(at).strip_prefix("containerd://").filter(|_| !is_packaged) {
            add("containerd", at, version);
        }
        if let Some(version) = node.text(at).strip_prefix("docker://") {
            add("Docker", at, version);
        }
    }
    for host in &snapshot.hosts {
        let node = host.node_name().to_owned();
        if let Some((version, cite)) = host.values.get("docker.server-version") {
            found.push(InUse {
                product: "Docker",
                version: version.clone(),
                node: node.clone(),
                cite: cite.clone(),
            });
        }
        for container in &host.containers {
            let server = container.image.rsplit_once("rancher/rancher:");
            let agent = container.image.rsplit_once("rancher/rancher-agent:");
            if let Some((_, version)) = server.or(agent) {
                found.push(InUse {
                    product: "Rancher",
                    version: version.to_owned(),
                    node: node.clone(),
                    cite: container.cite.clone(),
                });
            }
        }
        let of_rke = host
            .containers
            .iter()
            .find(|container| container.labels.contains_key(RKE_LABEL) || container.image.contains("hyperkube"));
        if let Some(container) = of_rke.filter(|_| is_rke1(host)) {
            found.push(InUse {
                product: "RKE",
                version: "1".to_owned(),
                node,
                cite: container.cite.clone(),
            });
        }
    }
    found
}
