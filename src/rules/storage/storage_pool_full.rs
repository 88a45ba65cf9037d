//! The pool behind the volumes is full, and its writes are blocked or refused.

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{node_of, persists};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: storage-pool-full
role: cause
level: critical
needs: [persistentvolumeclaims|cephclusters|container-logs|system-log]
text:
  - id: ceph-osd
    pattern: '(?:^|[\s:])(?P<full>[1-9]\d* full osd\(s\))'
  - id: ceph-which
    pattern: '(?P<full>osd\.(?P<osd>\d+) is full)\b'
  - id: ceph-pool
    pattern: '(?P<full>[1-9]\d* pool\(s\) full)'
    unless: 'nearfull|Health check cleared'
  - id: thin-pool
    in: [system, other]
    pattern: '(?P<full>device-mapper: thin: \S+: switching pool to out-of-data-space \((?:error|queue) IO\) mode)'
  - id: thin-metadata
    in: [system, other]
    pattern: '(?P<full>device-mapper: (?:thin|space map metadata): [^\n]{0,80}(?:unable to allocate new metadata block|metadata operation ''dm_pool_alloc_data_block'' failed: error = -28))'
  - id: provisioned
    in: [system, other]
    pattern: '(?P<full>critical space allocation error, dev [a-z][A-Za-z0-9]{1,15})'
  - id: thin-data
    in: [system, other]
    pattern: '(?P<full>Thin pool [!-~]{1,80} (?:data|metadata) is now 100(?:\.00)?% full)'
check:
  zh: "卷背后的存储池是否已满"
  en: "whether the pool behind the volumes is full"
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：存储池已满（{{ full }}），写入被阻塞"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the storage pool is full ({{ full }}), and writes are blocked"
cause:
  zh: "{{ line }}。{% if ceph %}任何一个 OSD 超过 full_ratio（缺省 95%）时，Ceph 停止接受写入它所在的存储池；RBD 与 CephFS 的客户端不会得到错误，而是一直等待{% else %}池中没有空闲空间，写入被挂起或失败，文件系统可能变为只读{% endif %}。{% if users %}使用它的工作负载：{{ users|join('、') }}。{% endif %}"
  en: "{{ line }}. {% if ceph %}Once any OSD is above full_ratio (95 % by default) Ceph takes no more writes to its pools; clients of RBD and CephFS get no error but wait{% else %}The pool has no free space: writes hang or fail, and filesystems may turn read-only{% endif %}.{% if users %} Workloads that use it: {{ users|join(', ') }}.{% endif %}"
causes:
  - rule: hung-task
    ground: cluster
    mechanism: {zh: "写入存储的内核任务一直等待", en: "tasks of the kernel that write to it wait for ever"}
  - rule: filesystem-readonly
    ground: cluster
    mechanism: {zh: "写入失败使文件系统变为只读", en: "failed writes turn filesystems read-only"}
  - rule: volume-provisioning-failed
    ground: cluster
    mechanism: {zh: "池中没有空间创建卷", en: "the pool has no room for a volume"}
  - rule: app-disk-full
    ground: workload
    mechanism: {zh: "卷所在的池没有空间", en: "the pool of its volume has no room"}
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: "数据库停在写入上，不再应答", en: "the database stands at a write and answers no more"}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "写入被阻塞的工作负载不再应答", en: "what is blocked at a write answers no more"}
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "写入被阻塞的工作负载不再应答", en: "what is blocked at a write answers no more"}
  - rule: app-connection-pool-exhausted
    ground: namespace
    mechanism: {zh: "数据库的写入停住，连接因此被占满", en: "the database stands still, and calls hold all connections"}
  - rule: app-lock-contention
    ground: workload
    mechanism: {zh: "写入被阻塞，锁不释放", en: "locks are held by writes that are blocked"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "写入被阻塞，容器不能就绪", en: "blocked writes keep its containers from getting ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "写入失败使进程退出", en: "failed writes end the process"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "写入被阻塞，探针超时", en: "blocked writes let the probe time out"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "写入被阻塞，探针超时", en: "blocked writes let the probe time out"}
benign:
  - {zh: "nearfull（缺省 85%）只是预警，写入仍被接受", en: "nearfull (85 % by default) only warns: writes are still taken"}
  - {zh: "Health check cleared 之后的旧记录不算", en: "what was logged before a Health check cleared does not count"}
remedy:
  - purpose: {zh: "查看哪个 OSD、哪个池已满", en: "see which OSD and which pool is full"}
    place: cluster
    risk: read-only
    when: ceph
    command: "kubectl -n {{ namespace }} exec deploy/rook-ceph-tools -- ceph health detail"
    expect: {zh: "OSD_FULL 与具体的 OSD", en: "OSD_FULL with the OSD"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看池的占用", en: "see how much of the pool is used"}
    place: node
    risk: read-only
    when: thin
    command: "lvs -a -o +data_percent,metadata_percent"
    expect: {zh: "Data% 接近 100", en: "Data% close to 100"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "增加磁盘或节点，使数据重新分布；或删除不再需要的卷与快照", en: "add disks or nodes so that data spread, or delete volumes and snapshots that nobody needs"}
    place: cluster
    risk: change
    command: "kubectl get pvc -A --sort-by=.spec.resources.requests.storage"
    expect: {zh: "可以删除或缩减的卷", en: "volumes that can go"}
    verify: {zh: "健康状态恢复，写入继续", en: "health is back and writes go on"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
    notes:
      - {zh: "紧急时可用 ceph osd set-full-ratio 0.96 短暂恢复写入以便删除数据，完成后改回 0.95", en: "in an emergency ceph osd set-full-ratio 0.96 lets writes through for long enough to delete data; set it back to 0.95 afterwards"}
prevention:
  - kind: detect
    text: {zh: "对 OSD_NEARFULL（85%）与存储池占用告警，并预留一个节点的容量", en: "alert on OSD_NEARFULL (85 %) and on how full pools are, and keep the room of one node free"}
    acceptance: {zh: "测试池达到 85% 时收到告警", en: "a test pool at 85 % raises it"}
sources:
  - "Linux block/blk-core.c: `critical space allocation error`; LVM2 daemons/dmeventd/plugins/thin: `Thin pool %s data is now %d%% full`"
  - "docs.ceph.com, health checks: OSD_FULL `One or more OSDs have exceeded the full threshold and are preventing the cluster from servicing writes`, POOL_FULL"
  - "ceph src/mon/OSDMap: `%num% full osd(s)`, `osd.%d is full`"
  - "rook pkg/apis/ceph.rook.io/v1 CephStatus.details"
  - "Linux drivers/md/dm-thin.c: `switching pool to %s mode`"
  - "openebs cstor CStorPoolInstance status.readOnly; openebs mayastor DiskPool status.available"
versions: "Ceph 10 to 19, Rook 1.x, Linux 3.10 to 6.x, OpenEBS 2.x to 4.x"
examples:
  - name: "thinly provisioned storage"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.30.4
        w1     NotReady   <none>          90d   v1.30.4
      w1-journal.txt: |
        Mar 29 04:01:27 w1 kernel: blk_update_request: critical space allocation error, dev sdb, sector 12345 op 0x1:(WRITE)
        Mar 29 04:02:27 w1 kernel: blk_update_request: critical space allocation error, dev sdb, sector 12345 op 0x1:(WRITE)
    fires: [{kind: Node, name: w1, node: w1}]
  - name: "the status of a CephCluster"
    files:
      ceph.json: '{"kind":"CephCluster","apiVersion":"ceph.rook.io/v1","metadata":{"name":"store","namespace":"rook-ceph"},"status":{"phase":"Ready","ceph":{"health":"HEALTH_ERR","details":{"OSD_FULL":{"message":"1 full osd(s)","severity":"HEALTH_ERR"}}}}}'
    fires: [{kind: CephCluster, namespace: rook-ceph, name: store}]
  - name: "ceph -s"
    files:
      cc.txt: |
        $ kubectl get cephclusters -n rook-ceph
        NAME    DATADIRHOSTPATH   MONCOUNT   AGE    PHASE   MESSAGE                        HEALTH       EXTERNAL
        store   /var/lib/rook     3          260d   Ready   Cluster created successfully   HEALTH_ERR
      ceph-status.txt: |
          cluster:
            id:     5b1f0b9e-1c9e-4e3f-9a41-0de0c5c5a7a1
            health: HEALTH_ERR
                    2 full osd(s)
                    1 nearfull osd(s)
    fires: [{kind: CephCluster, namespace: rook-ceph, name: store}]
  - name: "a pool of Mayastor"
    files:
      dp.txt: |
        $ kubectl get diskpools.openebs.io -n openebs
        NAME     NODE   STATE     POOL_STATUS   CAPACITY   USED         AVAILABLE
        pool-1   n1     Created   Online        10 GiB     10 GiB       0 B
    fires: [{kind: DiskPool, namespace: openebs, name: pool-1}]
  - name: "a thin pool of a node"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      dmesg.txt: |
        [Tue Jan 21 18:20:44 2025] device-mapper: thin: 253:4: reached low water mark for data device: sending event.
        [Tue Jan 21 18:22:44 2025] device-mapper: thin: 253:4: switching pool to out-of-data-space (error IO) mode
    fires: [{kind: Node, name: n1, node: n1}]
  - name: "nearly full"
    files:
      ceph.json: '{"kind":"CephCluster","apiVersion":"ceph.rook.io/v1","metadata":{"name":"store","namespace":"rook-ceph"},"status":{"phase":"Ready","ceph":{"health":"HEALTH_WARN","details":{"OSD_NEARFULL":{"message":"2 nearfull osd(s)","severity":"HEALTH_WARN"}}}}}'
      ceph-status.txt: |
          cluster:
            health: HEALTH_WARN
                    2 nearfull osd(s)
  - name: "it was full, and is healthy now"
    files:
      ceph.json: '{"kind":"CephCluster","apiVersion":"ceph.rook.io/v1","metadata":{"name":"store","namespace":"rook-ceph"},"status":{"phase":"Ready","ceph":{"health":"HEALTH_OK"}}}'
      pods.txt: |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        rook-ceph   rook-ceph-mon-a-6bdf8c9d7-jd5lx   1/1   Running            0             41m
      rook-ceph-mon-a-6bdf8c9d7-jd5lx.log: |
        2026-09-03T00:43:00.118+0000 7f6c 0 log_channel(cluster) log [ERR] : Health check failed: 1 full osd(s) (OSD_FULL)
        2026-09-03T02:43:00.118+0000 7f6c 0 log_channel(cluster) log [INF] : Health check cleared: OSD_FULL (was: 1 full osd(s))
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut found: Vec<Finding> = states(snapshot)
        .into_iter()
        .map(|(object, at, full)| {
            Finding::new(rule, object.subject(), Confidence::Confirmed)
                .at(at.trim_start_matches('/').replace('/', "."))
                .cite(object.cite_at(&at))
                .fact("full", full.clone())
                .fact("line", full)
        })
        .collect();
    for finding in by_subject(input, rule, Confidence::Confirmed, |hit| about(snapshot, hit)) {
        match found.iter_mut().find(|known| known.subject == finding.subject) {
            Some(known) => {
                for cite in finding.evidence {
                    known.add_cite(cite);
                }
                known.touches.extend(finding.touches);
            }
            None => found.push(finding),
        }
    }
    found.into_iter().map(|finding| with_users(snapshot, finding)).collect()
}

/// Pools of which the status says that they are full: where, and in which words.
fn states(snapshot: &Snapshot) -> Vec<(&Object, String, String)> {
    let mut found = Vec::new();
    for cluster in snapshot.kind("CephCluster") {
        for check in ["OSD_FULL", "POOL_FULL"] {
            let at = format!("/status/ceph/details/{check}");
            if cluster.get(&at).is_some() {
                let message = cluster.text(&format!("{at}/message"));
                let full = if message.is_empty() { check } else { message };
                found.push((cluster, at, full.to_owned()));
                break;
            }
        }
    }
    for pool in snapshot.kind("CStorPoolInstance") {
        let is_read_only = pool.get("/status/readOnly").and_then(Value::as_bool) == Some(true)
            || pool.text("/casefileColumns/READONLY") == "true";
        if is_read_only {
            found.push((pool, "/status/readOnly".to_owned(), "readOnly".to_owned()));
        }
    }
    for pool in snapshot.kind("DiskPool") {
        let has_none = pool.int("/status/available") == Some(0) && pool.int("/status/capacity").unwrap_or(0) > 0;
        let column = pool.text("/casefileColumns/AVAILABLE");
        if has_none || matches!(column, "0" | "0 B" | "0B") {
            found.push((pool, "/status/available".to_owned(), "available: 0".to_owned()));
        }
    }
    found
}

/// What a line is about: the only CephCluster, unless it is known to be healthy; for the kernel's lines their node.
fn about(snapshot: &Snapshot, hit: &Hit) -> Option<Subject> {
    if !persists(snapshot, hit) {
        return None;
    }
    if !hit.signature.contains("/ceph-") {
        return node_of(snapshot, hit).map(|node| Subject::node(&node));
    }
    let mut clusters = snapshot.kind("CephCluster");
    match (clusters.next(), clusters.next()) {
        (Some(only), None) => {
            let health = [only.text("/status/ceph/health"), only.text("/casefileColumns/HEALTH")];
            let is_known = health.iter().any(|health| !health.is_empty());
            let is_bad = health.contains(&"HEALTH_ERR");
            (!is_known || is_bad).then(|| only.subject())
        }
        // Asked once in the toolbox and once on a host, it is the same cluster; Rook calls it after its namespace.
        (None, _) => {
            let mut asked = snapshot.hits.iter().filter(|other| {
                other.signature.starts_with("storage-pool-full/ceph-") && other.about.object.kind == "Pod"
            });
            let pod = asked.find(|other| !other.about.object.name.is_empty());
            Some(pod.map_or_else(
                || Subject::cluster("CephCluster", "ceph"),
                |pod| {
                    let namespace = &pod.about.object.namespace;
                    Subject::namespaced("CephCluster", namespace, namespace)
                },
            ))
        }
        _ => None,
    }
}

/// The workloads with volumes of a class that the pool serves.
fn with_users(snapshot: &Snapshot, mut finding: Finding) -> Finding {
    let is_ceph = finding.subject.kind == "CephCluster";
    let is_node = finding.subject.kind == "Node";
    let mut users = Vec::new();
    for pod in snapshot.pods().filter(|_| !is_node) {
        let claims = pod.object.list("/spec/volumes").iter().filter_map(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(Value::as_str)
        });
        let named = claims.filter_map(|name| snapshot.object("PersistentVolumeClaim", pod.namespace(), name));
        // A table of pods shows no volume; the claims of a StatefulSet end with the name of their pod.
        let by_name = snapshot.kind("PersistentVolumeClaim").filter(|claim| {
            claim.key.namespace == pod.namespace()
                && claim
                    .key
                    .name
                    .strip_suffix(pod.name())
                    .is_some_and(|rest| rest.ends_with('-') && rest.len() > 1)
        });
        if named.chain(by_name).any(|claim| serves(snapshot, is_ceph, claim)) {
            let owner = snapshot.top_owner(pod.object);
            let name = format!("{}/{}", owner.namespace, owner.name);
            if !users.contains(&name) {
                users.push(name);
            }
            finding.impair(owner.clone());
            finding.add_affected(owner);
        }
    }
    let namespace = finding.subject.namespace.clone();
    finding
        .fact("ceph", is_ceph)
        .fact("thin", is_node)
        .fact("namespace", namespace)
        .fact("users", users)
}

/// True when the class of a claim is of this kind of pool: its provisioner says so, or, where only a table shows it, its name.
fn serves(snapshot: &Snapshot, is_ceph: bool, claim: &Object) -> bool {
    let class = claim.text("/spec/storageClassName");
    let provisioner = snapshot
        .object("StorageClass", "", class)
        .map_or("", |class| class.text("/provisioner"));
    let words = [class, provisioner];
    if is_ceph {
        words.iter().any(|word| word.contains("ceph") || word.contains("rbd"))
    } else {
        words
            .iter()
            .any(|word| word.contains("openebs") || word.contains("mayastor") || word.contains("cstor"))
    }
}
