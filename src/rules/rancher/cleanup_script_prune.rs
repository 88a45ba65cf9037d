//! A clean-up script deleted containers that are stopped by design.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bundle::decode::{ContainerState, Script};
use crate::cluster::{Host, HostContainer, Snapshot};
use crate::model::{Citation, CitationKind, Confidence, Subject, When};
use crate::rules::inventory::{RKE1, is_rke_container, is_rke1, names};
use crate::rules::rebuild::docker_run;
use crate::rules::toolbox::prunes::unprotected_prune;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cleanup-script-prune
role: cause
level: critical
needs: [docker-containers, scripts|crontab]
check:
  zh: 主机上的定时清理脚本是否会删除按设计处于停止状态的系统容器
  en: whether a clean-up script on a host deletes system containers that are stopped by design
title:
  zh: "清理脚本 {{ path }} 清除已停止容器，节点 {{ host }} 上的系统容器 {{ missing|join('、') }} 被删除"
  en: "clean-up script {{ path }} prunes stopped containers: system containers {{ missing|join(', ') }} are gone from {{ host }}"
headline:
  zh: "Rancher 节点 {{ host }} 系统容器 {{ missing|join('、') }} 丢失"
  en: "Rancher node {{ host }}: system containers {{ missing|join(', ') }} lost"
cause:
  zh: "{% if proven %}节点 {{ host }} 上的 {{ missing|join('、') }} 由脚本 {{ path }} 中的 {{ line }} 删除{% if ran_at %}（执行于 {{ ran_at }}）{% endif %}；被删除的容器编号与{% if has_baseline %}基线中的容器编号{% else %}运行时事件中的容器名{% endif %}一致。{% else %}节点 {{ host }} 缺少 {{ missing|join('、') }}，很可能由脚本 {{ path }} 中的 {{ line }} 删除；未观察到该操作本身。{% endif %}这些容器的正常状态就是“已停止”，因此会被选中。"
  en: "{% if proven %}{{ missing|join(', ') }} on {{ host }} was deleted by {{ line }} in {{ path }}{% if ran_at %} (it ran at {{ ran_at }}){% endif %}; the deleted ids match {% if has_baseline %}the baseline's container ids{% else %}the names in the runtime's events{% endif %}.{% else %}{{ host }} lacks {{ missing|join(', ') }}; probably deleted by {{ line }} in {{ path }}; the operation itself was not observed.{% endif %} These containers are healthy when stopped, so they are selected."
factors:
  - text:
      zh: 清理脚本设计缺陷：清除命令没有排除系统容器
      en: "the clean-up script has no exception for system containers"
    code: "{{ line|raw }}"
  - text:
      zh: 缺乏关键容器保护机制：采集到的数据中没有关键容器清单，也没有针对其存在性的检查
      en: "critical containers are unprotected: the collected data holds neither an inventory of them nor a check that they exist"
    confidence: possible
rules_out:
  - zh: "{% if images_present %}镜像清理：{{ images|join('、') }} 仍在本机，容器缺失不是镜像被删造成的{% else %}{% endif %}"
    en: "{% if images_present %}an image clean-up: {{ images|join(', ') }} is still on the host, so the containers are not missing because their image is{% endif %}"
  - zh: "{% if running_intact %}Docker 数据丢失：运行中的 RKE 容器齐全，只有按设计停止的容器缺失{% endif %}"
    en: "{% if running_intact %}loss of Docker's data: every running RKE container is there, only those stopped by design are missing{% endif %}"
questions:
  - zh: "{% if off_schedule %}脚本的计划是 {{ schedule }}，而日志记录的执行时间是 {{ ran_at }}：这次执行是如何触发的？{% endif %}"
    en: "{% if off_schedule %}the script is scheduled for {{ schedule }}, but its log records a run at {{ ran_at }}: how was this run started?{% endif %}"
  - zh: 节点代理（cattle-node-agent）会重建被删除的 share-mnt；采集时它仍然缺失，当时该代理处于什么状态？
    en: "the node agent (cattle-node-agent) re-creates a deleted share-mnt; it was still missing at collection: in which state was the agent?"
causes:
  - rule: rke1-share-mnt-missing
    ground: node
    mechanism: {zh: 清除命令删除所有未运行的容器, en: prune deletes every container that is not running}
  - rule: rke1-service-sidekick-missing
    ground: node
    mechanism: {zh: 清除命令删除所有未运行的容器, en: prune deletes every container that is not running}
  - rule: rke1-core-container-missing
    ground: node
    mechanism: {zh: 清除时恰好停止的组件容器也会被删除, en: a component that happens to be stopped is deleted too}
benign:
  - zh: 脚本只清理镜像（docker image prune）时不会删除容器
    en: a script that prunes only images deletes no container
  - zh: 带有唯一一个键过滤器 label!=io.rancher.rke.container.name 的清除命令会保留 RKE 容器
    en: a prune with exactly one key-only filter label!=io.rancher.rke.container.name keeps RKE's containers
remedy:
  - purpose: {zh: "确认 {{ host }} 上缺少哪些 RKE 容器", en: "confirm which RKE containers {{ host }} lacks"}
    place: node
    risk: read-only
    command: |
      docker ps -a --filter label=io.rancher.rke.container.name --format '{% raw %}{{.Names}}\t{{.Status}}{% endraw %}'
    expect: {zh: "输出中没有 {{ missing|join('、') }}", en: "the output has no {{ missing|join(', ') }}"}
    verify: {zh: 与 2.2 的矩阵一致, en: it agrees with the matrix in 2.2}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 在修改脚本之前停用定时清理，避免再次删除, en: stop the scheduled clean-up before anything is rebuilt}
    place: node
    risk: change
    when: cron_file
    command: "mv {{ cron_file }} {{ cron_file ~ '.disabled-by-incident' }}"
    expect: {zh: 无输出, en: no output}
    verify: {zh: "{{ cron_file }} 已不存在；cron 会忽略文件名含点的任务", en: "{{ cron_file }} is gone; cron ignores file names with a dot"}
    rollback: {zh: "修好脚本后改回原名 {{ cron_file }}", en: "rename it back to {{ cron_file }} once the script is fixed"}
  - purpose: {zh: 检查节点代理：若它正常，会自行重建 share-mnt, en: "check the node agent, which re-creates share-mnt by itself when it is well"}
    place: cluster
    risk: read-only
    command: kubectl -n cattle-system get pods -o wide -l app=cattle-agent
    expect: {zh: 本节点的 Pod 为 Running 且就绪, en: the pod of this node is Running and ready}
    verify: {zh: 若代理正常而容器仍缺失，先查明原因再手工重建, en: "if it is well and the container is still missing, find out why before rebuilding by hand"}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "重建 {{ item.name }}", en: "rebuild {{ item.name }}"}
    place: node
    risk: change
    each: rebuild
    command: "{{ item.command|raw }}"
    expect: {zh: 输出新容器的 64 位编号, en: the 64-digit id of the new container}
    verify: {zh: "`docker ps -a --filter name={{ item.name }}` 显示 {{ item.state }}{% if item.name == 'share-mnt' %}，/etc/kubernetes/ssl 下证书的修改时间已更新{% endif %}", en: "`docker ps -a --filter name={{ item.name }}` shows {{ item.state }}{% if item.name == 'share-mnt' %}, and the certificates below /etc/kubernetes/ssl have a new modification time{% endif %}"}
    rollback: {zh: "`docker rm {{ item.name }}`", en: "`docker rm {{ item.name }}`"}
    notes:
      - zh: "参数逐个取自基线的 `docker inspect`，其中形似两个词的参数在原容器中就是一个参数，请保留引号"
        en: "the arguments are those of `docker inspect` in the baseline, one by one; an argument that looks like two words was one, so keep its quotes"
      - zh: "{% if item.placeholders %}请把 {{ item.placeholders|join('、') }} 换成真实值：在 Rancher 中打开集群的注册命令，或在 local 集群执行 `kubectl get clusterregistrationtokens.management.cattle.io -A`{% endif %}"
        en: "{% if item.placeholders %}fill in {{ item.placeholders|join(', ') }}: it stands in the cluster's registration command in Rancher, or `kubectl get clusterregistrationtokens.management.cattle.io -A` on the local cluster{% endif %}"
  - purpose: {zh: 参数来源缺失时，从同角色节点或备份取得, en: "without a baseline, take the arguments from a peer node or a backup"}
    place: node
    risk: read-only
    when: "not rebuild"
    command: docker inspect share-mnt service-sidekick
    expect: {zh: 在仍有这些容器的同角色节点上执行，得到其完整参数, en: run on a peer that still has them; it prints their full arguments}
    verify: {zh: 用该节点的采集包作 --baseline 重新分析，即可得到重建命令, en: analyse again with that node's bundle as --baseline to get the rebuild commands}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "修改清理脚本 {{ script }}，排除全部 RKE 容器", en: "change {{ script }} so that it leaves out every RKE container"}
    command: docker container prune -f --filter "label!=io.rancher.rke.container.name"
    caution:
      zh: 只写一个按键过滤的 label!=；只排除 share-mnt 仍会删除 service-sidekick，而写两个 label!= 会使保护失效
      en: "write exactly one key-only label!= filter: excluding share-mnt alone still deletes service-sidekick, and two label!= filters protect nothing"
    acceptance: {zh: 在测试主机上执行后 share-mnt 与 service-sidekick 均仍存在, en: "run on a test host, share-mnt and service-sidekick are both still there"}
  - kind: detect
    immediate: true
    text: {zh: 为每个节点的 RKE 容器增加“存在且状态符合预期”的告警, en: "alert when an RKE container of a node is missing or not in its expected state"}
    acceptance: {zh: "在测试主机删除 share-mnt，5 分钟内收到告警", en: "delete share-mnt on a test host: the alert arrives within 5 minutes"}
  - kind: process
    text: {zh: 建立关键组件清单，变更前后比对, en: "keep an inventory of critical components and compare it before and after changes"}
    acceptance: {zh: 清单覆盖每种角色的节点，比对结果附在变更单中, en: "the inventory covers every node role; each change record holds a comparison"}
  - kind: process
    text: {zh: 清理类任务先列出将删除的对象，经核对后才允许执行, en: "make clean-up jobs print what they would delete, and run only after that list was checked"}
    command: docker ps -a --filter status=exited --filter status=created --format '{% raw %}{{.Names}}\t{{.Image}}\t{{.Status}}{% endraw %}'
    acceptance: {zh: 列表中出现 RKE 容器时任务中止, en: "the job stops when the list holds an RKE container"}
  - kind: mitigate
    text: {zh: 定期演练从备份恢复单个系统容器, en: "rehearse restoring a single system container from a backup"}
    acceptance: {zh: 演练记录显示恢复后的参数与原容器一致, en: "the record shows that the restored arguments equal the original's"}
lessons:
  - phrase: {zh: 自动化需要边界条件, en: Automation needs boundaries}
    text: {zh: 清理脚本应以标签排除系统组件，而不是假定停止的容器都可删除, en: "a clean-up leaves out system components by label instead of assuming that what is stopped can go"}
  - phrase: {zh: 关键组件需要特殊保护, en: Critical components need protection}
    text: {zh: share-mnt 正常时就是 Exited (0)，只看“是否运行”会误判, en: "share-mnt is healthy when Exited (0); asking only whether it runs gives the wrong answer"}
  - phrase: {zh: 备份与基线要可用, en: Backups and baselines have to be usable}
    text: {zh: 重建参数只有在另一份完好的记录中才找得到, en: "the arguments to rebuild with exist only in another, intact record"}
knowledge:
  - text: {zh: docker container prune 删除所有未运行的容器，包括从未启动过的, en: "docker container prune deletes every container that is not running, also those never started"}
    reference: "moby v20.10.24 daemon/prune.go; docs.docker.com container prune"
  - text: {zh: "多个 label!= 过滤器之间不是“且”的保护关系", en: "several label!= filters do not add up to more protection"}
    reference: "moby/moby#40286; moby daemon/prune.go matchLabels"
  - text: {zh: share-mnt 的正常状态是已退出 （0），service-sidekick 的正常状态是已创建；节点代理会重建被删除的 share-mnt, en: "share-mnt is healthy as Exited (0), service-sidekick as Created; the node agent re-creates a deleted share-mnt"}
    reference: "rancher/rancher v2.5.12 cmd/agent/main.go, pkg/rkeworker; rancher/rke services/sidekick.go; rancher/rancher#15364"
sources: ["moby daemon/prune.go: output `Deleted Containers:`", "rancher/rke cluster/plan.go: label io.rancher.rke.container.name"]
versions: Docker 1.13 to 29; RKE1 with Rancher 2.0 to 2.11
examples:
  - name: the script, its log and a complete listing
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        bbbbbbbbbbbb   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kube-proxy
        cccccccccccc   rancher/rancher-agent:v2.5.12          "k"       2 days ago   Exited (0) 2 days ago            share-mnt
      docker-info.txt: "Server:\n Containers: 3\n  Running: 2\n Server Version: 20.10.24\n Storage Driver: overlay2\n Kernel Version: 5.4\n Name: cp1\n"
      docker-images.txt: |
        REPOSITORY          TAG       IMAGE ID       CREATED       SIZE
        rancher/rke-tools   v0.1.80   a1c23194f302   2 years ago   1.99MB
      scripts/clean.sh: "#!/bin/sh\ndocker container prune -f\n"
    fires: [{kind: HostContainer, name: service-sidekick, node: cp1}]
  - name: nothing is missing, so a script alone breaks nothing yet
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        bbbbbbbbbbbb   rancher/rke-tools:v0.1.80              "k"       2 days ago   Created                          service-sidekick
      scripts/clean.sh: "#!/bin/sh\ndocker container prune -f\n"
  - name: the key-only filter protects RKE's containers
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        dddddddddddd   busybox                                "k"       2 days ago   Exited (0) 2 days ago            job
      scripts/clean.sh: "#!/bin/sh\ndocker container prune -f --filter 'label!=io.rancher.rke.container.name'\n"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .hosts
        .iter()
        .filter(|host| is_rke1(host))
        .flat_map(|host| judge_host(input, rule, host))
        .collect()
}

fn judge_host(input: &Input<'_>, rule: &RuleHeader, host: &Host) -> Option<Finding> {
    let listing = host.complete_listing().or_else(|| host.listings.first())?;
    let (script, line_number, line) = host.scripts.iter().find_map(unprotected_prune)?;
    let before = input.baseline.and_then(|baseline| counterpart(baseline, host));
    let missing = missing_containers(host, before);
    let first = missing.first()?;
    let deletions = Deletions::read(input.snapshot, host);
    let node = host.runtime_name();
    let subject = |name: &str| Subject::on_node("HostContainer", name, node);

    let proven = missing.iter().any(|container| deletions.proves(container));
    let confidence = if proven {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let script_path = path_on_host(host, script);
    let mut finding = Finding::new(rule, subject(&first.name), confidence).at(format!("{script_path}:{line_number}"));
    for other in missing.iter().skip(1) {
        finding.add_affected(subject(&other.name));
    }

    // The absence, what it is compared with, the image that rules out another cause, the act.
    finding.add_cite(absence(listing.cite.clone(), listing.entries, listing.is_complete()));
    for container in &missing {
        finding
            .evidence
            .extend(container.before.map(|before| before.cite.clone()));
    }
    let images: Vec<&crate::bundle::decode::ImageFact> = missing
        .iter()
        .filter_map(|container| host.images.iter().find(|image| container.uses(&image.reference)))
        .collect();
    for image in &images {
        finding.add_cite(image.cite.clone());
    }
    let mut script_cite = script.cite.clone();
    script_cite.place = crate::model::Place::Lines(line_number, line_number);
    script_cite.quote = vec![crate::model::QuoteLine {
        line: Some(line_number),
        text: line.clone(),
        hit: true,
    }];
    finding.add_cite(script_cite);
    for citation in deletions.citations(&missing) {
        finding.add_cite(citation);
    }
    let cron = host
        .cron
        .iter()
        .find(|entry| entry.command.contains(&script_path) || entry.command.contains(file_name(&script.path)));
    finding.evidence.extend(cron.map(|entry| entry.cite.clone()));
    if let Some(ran_at) = &deletions.ran_at {
        finding.see(ran_at.clone(), ran_at.clone());
    }

    let names_of =
        |list: &[Missing<'_>]| -> Vec<String> { list.iter().map(|container| container.name.clone()).collect() };
    let running_intact = RKE1
        .iter()
        .filter(|known| !known.is_stopped_by_design() && known.applies(host))
        .all(|known| host.container(known.name).is_some());
    let rebuild: Vec<Value> = missing.iter().filter_map(Missing::rebuilt).collect();
    let schedule = cron.map_or("", |entry| entry.schedule.as_str());
    Some(
        finding
            .fact("host", node)
            .fact("script", script_path)
            .fact("line", line.trim())
            .fact("missing", names_of(&missing))
            .fact("proven", proven)
            .fact("has_baseline", before.is_some())
            .fact(
                "images",
                images.iter().map(|image| image.reference.clone()).collect::<Vec<_>>(),
            )
            .fact("images_present", !images.is_empty())
            .fact("running_intact", running_intact)
            .fact("ran_at", deletions.ran_at.as_ref().map_or(String::new(), shown))
            .fact("schedule", schedule)
            .fact(
                "off_schedule",
                deletions
                    .ran_at
                    .as_ref()
                    .is_some_and(|when| is_off_schedule(schedule, when)),
            )
            .fact("cron_file", cron.map_or(String::new(), |entry| cron_file(&entry.cite)))
            .fact("rebuild", rebuild)
            .fact("others_deleted", deletions.others(&missing)),
    )
}

/// A container that should be there and is not.
struct Missing<'s> {
    name: String,
    /// The container in the baseline.
    before: Option<&'s HostContainer>,
}

impl Missing<'_> {
    fn uses(&self, reference: &str) -> bool {
        match self.before {
            Some(before) => before.image == reference,
            None => crate::rules::inventory::expected(&self.name).is_some_and(|known| names(reference, known.image)),
        }
    }

    fn rebuilt(&self) -> Option<Value> {
        let before = self.before?;
        let inspect = before.inspect.as_ref()?;
        let created_only = before.state == ContainerState::Created;
        let rebuilt = docker_run(&inspect.value, created_only);
        let state = match before.state {
            ContainerState::Created => "Created",
            ContainerState::Exited(_) => "Exited (0)",
            _ => "Up",
        };
        Some(
            json!({"name": self.name, "command": rebuilt.command, "placeholders": rebuilt.placeholders, "state": state}),
        )
    }
}

/// share-mnt first: it is what a person has to bring back.
fn missing_containers<'s>(host: &Host, before: Option<&'s Host>) -> Vec<Missing<'s>> {
    let mut missing: Vec<Missing<'s>> = Vec::new();
    for container in before.into_iter().flat_map(|before| &before.containers) {
        if is_rke_container(container) && host.container(&container.name).is_none() {
            missing.push(Missing {
                name: container.name.clone(),
                before: Some(container),
            });
        }
    }
    for known in RKE1
        .iter()
        .filter(|known| known.is_stopped_by_design() && known.applies(host))
    {
        if host.container(known.name).is_none() && !missing.iter().any(|container| container.name == known.name) {
            missing.push(Missing {
                name: known.name.to_owned(),
                before: None,
            });
        }
    }
    missing.sort_by_key(|container| (container.name != "share-mnt", container.name.clone()));
    missing
}

/// The same machine in the baseline, else its only one.
fn counterpart<'s>(baseline: &'s Snapshot, host: &Host) -> Option<&'s Host> {
    let same = baseline
        .hosts
        .iter()
        .find(|other| other.runtime_name() == host.runtime_name() && !other.containers.is_empty());
    let mut rke1 = baseline.hosts.iter().filter(|other| is_rke1(other));
    same.or_else(|| match (rke1.next(), rke1.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    })
}

/// What is known of containers that were deleted on the host.
struct Deletions {
    /// Full id → citation, from prune output.
    pruned: Vec<(String, Citation)>,
    /// Id, name and citation, from the runtime's events.
    destroyed: Vec<(String, String, Citation)>,
    ran_at: Option<When>,
}

impl Deletions {
    /// Only the last run counts: an earlier one deleted earlier containers of the same names.
    fn read(snapshot: &Snapshot, host: &Host) -> Self {
        let run = host.prunes.iter().rev().find(|run| !run.deleted_containers.is_empty());
        let pruned: Vec<(String, Citation)> = run.map(|run| run.deleted_containers.clone()).unwrap_or_default();
        let of_containers = || host.runtime_events.iter().filter(|event| event.kind == "container");
        let prune_event = of_containers()
            .filter(|event| event.action == "prune")
            .filter_map(|event| event.when.clone())
            .next_back();
        let stamped = run.and_then(|run| snapshot.time_of(run.stamped.as_deref()?));
        let ran_at = prune_event.or(stamped);
        let belongs = |id: &str, when: Option<&When>| match (&ran_at, when) {
            _ if !pruned.is_empty() => pruned.iter().any(|(other, _)| other == id),
            // The engine deletes one container after the other and reports the prune at the end.
            (Some(ran_at), Some(when)) => {
                !ran_at.surely_before(when) && when.gap_to(ran_at) < jiff::SignedDuration::from_mins(1)
            }
            _ => true,
        };
        let destroyed = of_containers()
            .filter(|event| event.action == "destroy" && belongs(&event.id, event.when.as_ref()))
            .map(|event| {
                (
                    event.id.clone(),
                    event.attributes.get("name").cloned().unwrap_or_default(),
                    event.cite.clone(),
                )
            })
            .collect();
        Self {
            pruned,
            destroyed,
            ran_at,
        }
    }

    /// The deleted id is the baseline's id of this container, or the runtime's events give the id this name.
    fn proves(&self, container: &Missing<'_>) -> bool {
        !self.matching(container).is_empty()
    }

    fn matching(&self, container: &Missing<'_>) -> Vec<Citation> {
        let same = |id: &str, other: &str| {
            id.len() >= 12 && other.len() >= 12 && (id.starts_with(other) || other.starts_with(id))
        };
        let ids: BTreeSet<&str> = self
            .destroyed
            .iter()
            .filter(|(_, name, _)| *name == container.name)
            .map(|(id, ..)| id.as_str())
            .chain(container.before.map(|before| before.id.as_str()))
            .collect();
        let from_log = self
            .pruned
            .iter()
            .filter(|(id, _)| ids.iter().any(|known| same(id, known)))
            .map(|(_, cite)| cite.clone());
        let from_events = self
            .destroyed
            .iter()
            .filter(|(id, name, _)| *name == container.name || ids.iter().any(|known| same(id, known)))
            .map(|(.., cite)| cite.clone());
        from_log.chain(from_events).collect()
    }

    fn citations(&self, missing: &[Missing<'_>]) -> Vec<Citation> {
        missing.iter().flat_map(|container| self.matching(container)).collect()
    }

    /// Names of containers that were deleted too and are nobody's loss.
    fn others(&self, missing: &[Missing<'_>]) -> Vec<String> {
        let mut names: Vec<String> = self
            .destroyed
            .iter()
            .map(|(_, name, _)| name.clone())
            .filter(|name| !name.is_empty() && !missing.iter().any(|container| container.name == *name))
            .collect();
        names.dedup();
        names
    }
}

/// The script's path on its host: as a crontab names it, else from where it lies below the host's directory.
fn path_on_host(host: &Host, script: &Script) -> String {
    let file = file_name(&script.path);
    let words = host.cron.iter().flat_map(|entry| entry.command.split_whitespace());
    if let Some(named) = words
        .filter(|word| word.starts_with('/'))
        .find(|word| file_name(word) == file)
    {
        return named.to_owned();
    }
    let below = script.path.strip_prefix(&host.directory).unwrap_or(&script.path);
    format!("/{}", below.trim_start_matches('/'))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `/etc/cron.d/<name>` for an entry of cron.d; empty for any other table, which cannot be moved away.
fn cron_file(cite: &Citation) -> String {
    let mut parts = cite.file.components().rev();
    match (parts.next(), parts.next()) {
        (Some(name), Some("cron.d")) => format!("/etc/cron.d/{name}"),
        _ => String::new(),
    }
}

fn absence(mut citation: Citation, entries: u64, complete: bool) -> Citation {
    citation.kind = CitationKind::Absence;
    citation.searched = Some((entries, complete));
    citation
}

fn shown(when: &When) -> String {
    when.earliest.strftime("%Y-%m-%d %H:%M:%S +00:00").to_string()
}

/// True when a plain daily schedule (`M H * * *`) names another minute of the day than the run's. Zones are not known here, so a
/// difference of whole hours is no difference.
fn is_off_schedule(schedule: &str, ran_at: &When) -> bool {
    let minute = schedule
        .split_whitespace()
        .next()
        .and_then(|field| field.parse::<i8>().ok());
    minute.is_some_and(|minute| ran_at.earliest.to_zoned(jiff::tz::TimeZone::UTC).minute() != minute)
}
