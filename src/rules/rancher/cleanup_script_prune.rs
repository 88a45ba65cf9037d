//! A clean-up script deleted containers that are stopped by design.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bundle::decode::{ContainerState, CronEntry, Process};
use crate::cluster::{Host, HostContainer, Object, Snapshot};
use crate::model::{Citation, Confidence, Subject, When};
use crate::rules::inventory::{self, RKE1, is_rke_container, is_rke1, names};
use crate::rules::rebuild::docker_run;
use crate::rules::toolbox::deletions::{Deletions, Destroyed, created};
use crate::rules::toolbox::jobs::Jobs;
use crate::rules::toolbox::made_for::{argument, named_otherwise, server_elsewhere};
use crate::rules::toolbox::node_agent::absence_of_node_agent;
use crate::rules::toolbox::nodes::machine_name;
use crate::rules::toolbox::prunes::{Of, protected, started_by_systemd, timer_of, unprotected_prune};
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
  zh: "{% if inline %}定时任务{% else %}清理脚本{% endif %} {{ path }} 清理已停止容器，节点 {{ host }} 上的系统容器 {{ missing|join('、') }} 被删除"
  en: "{% if inline %}scheduled job{% else %}clean-up script{% endif %} {{ path }} prunes stopped containers: system containers {{ missing|join(', ') }} are gone from {{ host }}"
headline:
  zh: "Rancher 节点 {{ host }} 系统容器 {{ missing|join('、') }} 丢失"
  en: "Rancher node {{ host }}: system containers {{ missing|join(', ') }} lost"
lead:
  zh: "{% if ids %}节点 {{ host }} 上的系统容器 {{ missing|join('、') }} 由{% if inline %}定时任务{% else %}清理脚本{% endif %} {{ path }} 删除：其日志中{% if ran_at %} {{ ran_at }} 开始的那次执行{% endif %}列出了它们的容器 ID {{ ids|join('、') }}{% else %}{% if inline %}定时任务{% else %}清理脚本{% endif %} {{ path }} 清理已停止容器，节点 {{ host }} 上的系统容器 {{ missing|join('、') }} 被删除{% endif %}"
  en: "{% if ids %}{% if inline %}scheduled job{% else %}clean-up script{% endif %} {{ path }} deleted the system containers {{ missing|join(', ') }} of {{ host }}: its log{% if ran_at %} of the run at {{ ran_at }}{% endif %} lists their ids, {{ ids|join(', ') }}{% else %}{% if inline %}scheduled job{% else %}clean-up script{% endif %} {{ path }} prunes stopped containers: system containers {{ missing|join(', ') }} are gone from {{ host }}{% endif %}"
since:
  zh: "{% if gone_at %}{{ missing|join('、') }} 自 {{ gone_at }} 起缺失{% if collected_at %}，采集时（{{ collected_at }}{% if age is not none %}，{{ age }} 秒后{% endif %}）仍然缺失{% endif %}{% endif %}"
  en: "{% if gone_at %}{{ missing|join(', ') }}: missing since {{ gone_at }}{% if collected_at %}, still so at collection ({{ collected_at }}{% if age is not none %}, {{ age }} s later{% endif %}){% endif %}{% endif %}"
question: {zh: "什么删除了 {{ missing|join('、') }}？", en: "What deleted {{ missing|join(' and ') }}?"}
hypothesis:
  zh: "{% if inline %}定时任务{% else %}脚本{% endif %} {{ path }} 中的清理"
  en: "the prune in {{ path }}"
cause:
  zh: "{% if proven %}节点 {{ host }} 上的 {{ missing|join('、') }} 由{% if inline %}定时任务{% else %}脚本{% endif %} {{ path }} 中的 {{ line }} 删除{% if logged_at %}（脚本日志记录这次执行始于 {{ ran_at }}）{% elif ran_at %}（运行时在 {{ ran_at }} 记录了这次清理）{% endif %}；{% if ids %}脚本日志记录的被删除容器 ID {{ ids|join('、') }} {% else %}被删除的容器 ID {% endif %}与{% if has_baseline %}基线中的容器 ID{% elif ids_listed %}此前列出的容器 ID{% else %}运行时事件中的容器名{% endif %}一致。{% else %}节点 {{ host }} 缺少 {{ missing|join('、') }}，很可能由{% if inline %}定时任务{% else %}脚本{% endif %} {{ path }} 中的 {{ line }} 删除；未观察到该操作本身。{% endif %}{% if stopped_by_design %}这些容器的正常状态就是未在运行（已退出或已创建），因此会被选中。{% else %}清理命令选中所有未在运行的容器，不论它们为何停止。{% endif %}"
  en: "{% if proven %}{{ missing|join(', ') }} on {{ host }} {% if missing|length == 1 %}was{% else %}were{% endif %} deleted by {{ line }} in {{ path }}{% if logged_at %} (by its log this run began at {{ ran_at }}){% elif ran_at %} (the runtime recorded the prune at {{ ran_at }}){% endif %}; the deleted ids{% if ids %}, {{ ids|join(', ') }} in the script's log,{% endif %} match {% if has_baseline %}the baseline's container ids{% elif ids_listed %}those of an earlier listing{% else %}the names in the runtime's events{% endif %}.{% else %}{{ host }} lacks {{ missing|join(', ') }}; probably deleted by {{ line }} in {{ path }}; the operation itself was not observed.{% endif %} {% if stopped_by_design %}Such containers are healthy when stopped, so a prune selects them.{% else %}A prune selects every container that does not run, whatever stopped it.{% endif %}"
factors:
  - text:
      zh: 清理脚本设计缺陷：清理命令没有排除系统容器
      en: "the clean-up script has no exception for system containers"
    code: "{{ line|raw }}"
    part: condition
  - text:
      zh: "可能缺乏关键容器的保护：读到的另外 {{ jobs_read }} 个脚本与定时任务都没有提到它们；采集包之外是否有检查未知"
      en: "critical containers may be unprotected: none of the {{ jobs_read }} other scripts and cron entries that were read names them; checks outside the bundle are unknown"
    confidence: possible
    when: not watched and jobs_read
  - text:
      zh: "更早的 {{ earlier|join('、') }} 也有一次清理删除了这些名称的容器；它由什么发起未知，见 3.5"
      en: "a prune at {{ earlier|join(', ') }} had already deleted containers of these names; what started it is unknown (see 3.5)"
    when: earlier
    part: condition
    mechanism: {zh: 同样的丢失此前已发生，其后如何处置未知, en: "the same had been lost before; what was done about it is unknown"}
  - text:
      zh: "该脚本的定时任务（{{ schedule }}）不在基线的 {{ baseline_jobs }} 条之中：很可能是基线采集之后加入的"
      en: "the script's cron entry ({{ schedule }}) is not among the {{ baseline_jobs }} of the baseline: probably added after that was collected"
    confidence: probable
    when: cron_is_new and not off_schedule
    part: condition
  - text:
      zh: "可能缺少重建所需的存档：{{ rebuild|map(attribute='name')|join('、') }} 的参数只见于基线；别处是否另有存档未知"
      en: "records to rebuild from may be lacking: the arguments of {{ rebuild|map(attribute='name')|join(' and ') }} stand in the baseline alone; whether a copy is kept elsewhere is unknown"
    confidence: possible
    when: rebuild
    mechanism: {zh: 恢复时没有第二个参数来源, en: recovery has no second source of the arguments}
rules_out:
  - zh: "{% if images_present %}镜像清理：{% if images_pruned %}虽然也执行过镜像清理，{% endif %}缺失容器的镜像 {{ images|join('、') }} 仍在本机，缺少的不是镜像{% endif %}"
    en: "{% if images_present %}an image clean-up: {% if images_pruned %}there was a prune of images too, but {% endif %}the images of the missing containers, {{ images|join(', ') }}, are still on the host, so it is not their images that were lost{% endif %}"
  - zh: "{% if running_intact %}Docker 数据丢失：应当运行的 RKE 容器齐全，RKE 容器中缺失的只有按设计停止的 {{ missing|join('、') }}{% endif %}"
    en: "{% if running_intact %}loss of Docker's data: every RKE container that should run is there; of RKE's containers only those are missing that are stopped by design, {{ missing|join(', ') }}{% endif %}"
rivals:
  - id: other-prune
    text: {zh: 不经该脚本的清理, en: "a prune that was not this script's"}
  - id: single-rm
    text: {zh: 逐个删除容器（docker rm）, en: "a removal of single containers (docker rm)"}
weighing:
  - text:
      zh: "脚本自己的日志记录了被删除的容器 ID {{ ids|join('、') }}{% if ids_in_events %}，与运行时的删除事件一致{% endif %}{% if ids_in_baseline %}，也是基线中这些容器的 ID{% endif %}"
      en: "the script's own log names the ids that it deleted, {{ ids|join(', ') }}{% if ids_in_events %}; the runtime's events have them destroyed{% endif %}{% if ids_in_baseline %}; in the baseline they are the ids of these containers{% endif %}"
    when: ids
    cells: {self: "++", other-prune: "--", single-rm: "--", other: "-"}
  - text:
      zh: "运行时在 {{ pruned_at }} 结束的那次清理删除的容器 ID {{ ids|join('、') }} 正是该脚本日志所列的"
      en: "the prune that ended at {{ pruned_at }} deleted the very ids that this script's log lists, {{ ids|join(', ') }}"
    when: ids_in_events and pruned_at
    cells: {self: "+", other-prune: "--"}
  - text:
      zh: "运行时在 {{ pruned_at }} 记录了一次对已停止容器的清理，随删除事件一并完成"
      en: "at {{ pruned_at }} the runtime recorded a prune of stopped containers, right after it destroyed them"
    when: pruned_at
    cells: {self: "+", other-prune: "+", single-rm: "--", other: "-"}
inquiries:
  - question: {zh: 这次执行由什么启动？, en: "What started this run?"}
    when: ran_at and schedule
    rivals:
      - id: by-schedule
        text: {zh: "由定时任务启动（{{ schedule }}）", en: "a start by the schedule ({{ schedule }})"}
      - id: by-hand
        text: {zh: 手工启动, en: "a start by hand"}
    weighing:
      - text:
          zh: "定时任务的计划是 {{ schedule }}，而这次执行在 {{ ran_at }}，分钟数与计划不符；时区之差是一刻钟的整数倍，因此与时区无关"
          en: "the schedule is {{ schedule }}, and this run was at {{ ran_at }}, at another minute of the hour than it says: time zones differ by quarters of an hour, so none of them brings the two together"
        when: off_schedule
        cells: {by-schedule: "--", by-hand: "+", other: "+"}
      - text:
          zh: "定时任务的计划是 {{ schedule }}，这次执行（{{ ran_at }}）的分钟数与它相符"
          en: "the schedule is {{ schedule }}, and this run, at {{ ran_at }}, was at the minute of the hour that it says"
        when: not off_schedule
        cells: {by-schedule: "+", by-hand: "-", other: "-"}
questions:
  - zh: "{% if off_schedule %}脚本的计划是 {{ schedule }}，而{% if logged_at %}脚本日志记录的执行始于{% else %}运行时记录的清理在{% endif %} {{ ran_at }}：这次执行是如何触发的？{% endif %}"
    en: "{% if off_schedule %}the script is scheduled for {{ schedule }}, but {% if logged_at %}by its log a run began{% else %}the runtime recorded a prune{% endif %} at {{ ran_at }}: how was this run started?{% endif %}"
  - zh: "{% if cron_is_new %}脚本 {{ script }} 的定时任务（{{ schedule }}）在基线采集时还没有：它经由哪次变更、什么流程加到 {{ host }} 上？{% if off_schedule %}这次执行不是它启动的（2.2.3），但停用之前，{% if cron_unknown %}若 cron 在运行（未采集到它的进程或单元状态，未知），{% endif %}它每到计划时间都会再次执行同一清理：这是复发的风险。{% endif %}{% elif off_schedule %}复发的风险：这次执行不是定时任务（{{ schedule }}）启动的（2.2.3），但停用之前，{% if cron_unknown %}若 cron 在运行（未采集到它的进程或单元状态，未知），{% endif %}它每到计划时间都会再次执行同一清理。它还会在何时执行？{% endif %}"
    en: "{% if cron_is_new %}by which change, and through which process, did the cron entry of {{ script }} ({{ schedule }}), which the baseline lacks, come onto {{ host }}?{% if off_schedule %} It did not start this run (2.2.3); a risk of recurrence: until it is disabled, it starts the same prune whenever it is due{% if cron_unknown %}, if cron runs (neither its process nor the state of its unit was collected, so that is unknown){% endif %}.{% endif %}{% elif off_schedule %}a risk of recurrence: the cron entry ({{ schedule }}) did not start this run (2.2.3), but until it is disabled it starts the same prune whenever it is due{% if cron_unknown %}, if cron runs (neither its process nor the state of its unit was collected, so that is unknown){% endif %}: when is that next?{% endif %}"
  - zh: "{% if earlier and recreated_at %}{{ earlier|join('、') }} 的清理{% if earlier_images %}（紧接着又清理了镜像，与脚本中两条命令的次序相同）{% endif %}之后，同名容器在 {{ recreated_at }} 又被创建：那次清理由什么发起，这些容器又是如何恢复的？{% endif %}"
    en: "{% if earlier and recreated_at %}what started the prune at {{ earlier|join(', ') }}{% if earlier_images %}, which a prune of images followed at once, in the order of the script's two commands{% endif %}, and what brought containers of these names back at {{ recreated_at }}?{% endif %}"
  - zh: "{% if agent_absent %}节点代理（cattle-node-agent）会重建被删除的 share-mnt，而 {{ host }} 上找不到它：它为何不在？{% else %}节点代理（cattle-node-agent）会重建被删除的 share-mnt；采集时它仍然缺失，当时该代理处于什么状态？{% endif %}"
    en: "{% if agent_absent %}the node agent (cattle-node-agent) re-creates a deleted share-mnt, and {{ host }} has none: what became of it?{% else %}the node agent (cattle-node-agent) re-creates a deleted share-mnt; it was still missing at collection: in which state was the agent?{% endif %}"
asks:
  - what: {zh: cron 与 systemd 定时器的执行记录, en: "what cron and systemd's timers ran"}
    limits: {zh: 清理脚本在计划之外是如何触发的, en: "how the clean-up was started outside its schedule"}
    when: off_schedule
    collect: "journalctl -t CRON -t crond -t CROND --no-pager -o short-iso-precise --since {{ since }}; systemctl list-timers --all --no-pager"
  - what: {zh: 登录与 sudo 的记录、脚本与定时任务文件的时间, en: "who was logged in, what sudo ran, and the times of the script and its cron entry"}
    limits: {zh: 清理脚本由什么启动、何时放到主机上, en: "what started the clean-up, and when it came onto the host"}
    when: off_schedule
    collect: "last -F; journalctl _COMM=sudo --no-pager -o short-iso-precise --since {{ since }}; ausearch -i -f {{ script }}; stat {{ script }}{% if cron_file %} {{ cron_file }}{% endif %}"
  - what: {zh: 计划任务的执行记录与脚本的完整日志, en: "what cron ran, and the script's whole log"}
    limits: {zh: 删除是否由该脚本执行、执行过几次, en: "whether it was this script that deleted them, and how often it ran"}
    when: not proven
    collect: "journalctl -t CRON -t crond -t CROND --no-pager -o short-iso-precise --since -7d; docker events --since 24h --until 0s"
  - what: {zh: 节点代理 cattle-node-agent 的容器与日志, en: "cattle-node-agent's containers and logs"}
    limits: {zh: share-mnt 为何没有被自动重建, en: "what kept share-mnt from being re-created"}
    when: not agent_absent
    collect: docker ps -a --filter name=cattle-node-agent; kubectl -n cattle-system logs -l app=cattle-agent --timestamps --tail=-1
  - what: {zh: kube-apiserver 的审计日志, en: "kube-apiserver's audit log"}
    limits: {zh: 节点代理为何不在, en: "what became of the node agent"}
    when: agent_absent and not audit_off
    collect: grep -h cattle-node-agent /var/log/kube-audit/audit-log.json
  - what: {zh: "对象变更的记录（采集时的 kube-apiserver{% if api_server_since %}（{{ api_server_since|raw }} 启动）{% endif %}的参数中没有 `--audit-log-path`，更早的进程是否写过审计日志未知）", en: "records of changes to objects (kube-apiserver at collection{% if api_server_since %}, started {{ api_server_since|raw }},{% endif %} has no `--audit-log-path`; whether an earlier process wrote an audit log is unknown)"}
    limits: {zh: 节点代理为何不在, en: "what became of the node agent"}
    when: agent_absent and audit_off
    collect: kubectl -n cattle-system get all,events -o yaml; ps -ww -o lstart=,args= -C kube-apiserver; find / -xdev -name '*audit*.log*' -newermt {{ since }} -ls
  - what: {zh: cron 是否在运行, en: "whether cron runs"}
    limits: {zh: "定时任务（{{ schedule }}）是否会再次执行清理", en: "whether the cron entry ({{ schedule }}) will start the prune again"}
    when: cron_unknown
    collect: systemctl is-active cron.service crond.service cronie.service; pgrep -a cron
  - what: {zh: "脚本日志 {{ log }} 的创建时间与轮转出的旧日志", en: "when the script's log {{ log }} was made, and older logs rotated out of it"}
    limits: {zh: "更早的 {{ earlier|join('、') }} 那次清理是否也由该脚本执行", en: "whether the prune at {{ earlier|join(', ') }} was this script's too"}
    when: earlier and log
    collect: find /var/log -name {{ log ~ '*' }} -exec stat {} +
  - what: {zh: "主机 {{ host }} 的 machine-id", en: "the machine-id of {{ host }}"}
    limits: {zh: "{{ host }} 与 API 中的节点 {{ strange_nodes|map(attribute='name')|join('、') }} 是否为同一台机器", en: "whether {{ host }} and the API's {{ strange_nodes|map(attribute='name')|join(', ') }} are one machine"}
    when: strange_nodes
    collect: cat /etc/machine-id
  - what: {zh: /etc/kubernetes/ssl 中证书的时间与 share-mnt 重建之后的日志, en: "the times of the certificates in /etc/kubernetes/ssl, and the log of share-mnt once it is rebuilt"}
    limits: {zh: share-mnt 是否写入过证书, en: "whether share-mnt wrote certificates"}
    when: "'share-mnt' in missing"
    collect: ls -l --time-style=full-iso /etc/kubernetes/ssl; docker logs --timestamps share-mnt
  - what: {zh: 完整的进程列表（采集到的列表连 PID 1 都没有）, en: "the whole list of processes (the one collected lacks even PID 1)"}
    limits: {zh: 列表中没有的进程是否真的不在运行, en: "whether processes that the list lacks run all the same"}
    when: processes_cut
    collect: ps -eo pid,ppid,lstart,args
causes:
  - rule: rke1-share-mnt-missing
    ground: node
    mechanism: {zh: 清理命令删除所有未运行的容器, en: prune deletes every container that is not running}
  - rule: rke1-service-sidekick-missing
    ground: node
    mechanism: {zh: 清理命令删除所有未运行的容器, en: prune deletes every container that is not running}
  - rule: rke1-core-container-missing
    ground: node
    mechanism: {zh: 清理时恰好停止的组件容器也会被删除, en: a component that happens to be stopped is deleted too}
benign:
  - zh: 脚本只清理镜像（docker image prune）时不会删除容器
    en: a script that prunes only images deletes no container
  - zh: 带有唯一一个键过滤器 label!=io.rancher.rke.container.name 的清理命令会保留 RKE 容器
    en: a prune with exactly one key-only filter label!=io.rancher.rke.container.name keeps RKE's containers
remedy:
  - purpose: {zh: "确认 {{ host }} 上缺少哪些 RKE 容器", en: "confirm which RKE containers {{ host }} lacks"}
    place: node
    risk: read-only
    command: |
      docker ps -a --filter label=io.rancher.rke.container.name --format '{% raw %}{{.Names}}\t{{.Status}}{% endraw %}'
    expect: {zh: "输出中没有 {{ missing|join('、') }}", en: "the output has no row of {{ missing|join(' or ') }}"}
    verify: {zh: 与 2.2 的矩阵一致, en: it agrees with the matrix in 2.2}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 先停用清理脚本本身，不论由什么触发，再重建容器, en: "disable the script itself, whatever starts it, before anything is rebuilt"}
    place: node
    risk: change
    when: not inline
    precheck: {zh: "`pgrep -af {{ script }}` 无输出：它此刻没有在执行", en: "`pgrep -af {{ script }}` prints nothing: it is not running now"}
    command: "mv {{ script }} {{ script ~ '.disabled' }}"
    verify: {zh: "`ls {{ script }}` 报文件不存在", en: "`ls {{ script }}` finds no such file"}
    rollback: {zh: "`mv {{ script ~ '.disabled' }} {{ script }}`", en: "`mv {{ script ~ '.disabled' }} {{ script }}`"}
  - purpose: {zh: 停用清理的定时任务, en: "disable the cron entry of the clean-up"}
    place: node
    risk: change
    when: cron_file
    precheck: {zh: "`grep -n . {{ cron_file }}` 中只有清理脚本这一条任务", en: "`grep -n . {{ cron_file }}` shows no other job than the clean-up's"}
    command: "mv {{ cron_file }} {{ cron_parked }}"
    verify: {zh: "`ls /etc/cron.d` 中已没有它（要移出该目录：只改名时，cronie 仍会执行）", en: "`ls /etc/cron.d` no longer has it (it has to leave the directory: cronie runs a renamed file, dotted or not)"}
    rollback: {zh: "`mv {{ cron_parked }} {{ cron_file }}`", en: "`mv {{ cron_parked }} {{ cron_file }}`"}
  - purpose: {zh: "停用启动它的定时器 {{ timer }}", en: "disable {{ timer }}, which starts it"}
    place: node
    risk: change
    when: timer
    precheck: {zh: "`systemctl list-timers {{ timer }}` 列出它", en: "`systemctl list-timers {{ timer }}` lists it"}
    command: "systemctl disable --now {{ timer }}"
    expect: {zh: "输出 Removed", en: "it says Removed"}
    verify: {zh: "`systemctl is-active {{ timer }}` 显示 inactive", en: "`systemctl is-active {{ timer }}` says inactive"}
    rollback: {zh: "`systemctl enable --now {{ timer }}`", en: "`systemctl enable --now {{ timer }}`"}
  - purpose: {zh: 检查节点代理：它正常时会自行重建 share-mnt, en: "check the node agent, which re-creates share-mnt by itself when it is well"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n cattle-system get daemonset cattle-node-agent
      kubectl -n cattle-system get pods -o wide -l app=cattle-agent
    expect: {zh: "{% if agent_unknown_to_api %}第一条命令报 NotFound，第二条报 No resources found：采集时 API 的完整清单中没有这个 DaemonSet{% elif agent_absent %}没有 Pod：采集时 {{ host }} 上就没有它的容器{% else %}本节点的 Pod 为 Running 且就绪{% endif %}", en: "{% if agent_unknown_to_api %}the first says NotFound, the second No resources found: at collection the API's complete list had no such DaemonSet{% elif agent_absent %}no pod: at collection {{ host }} had no container of it{% else %}the pod of this node is Running and ready{% endif %}"}
    verify: {zh: "{% if agent_absent %}没有 Pod 时不会自动重建，继续下一步；若有 Pod 而容器仍缺失，先查明原因再手工重建{% else %}若代理正常而容器仍缺失，先查明原因再手工重建{% endif %}", en: "{% if agent_absent %}without a pod nothing re-creates the container: go on with the next step; with one, find out why the container is still missing before rebuilding by hand{% else %}if it is well and the container is still missing, find out why before rebuilding by hand{% endif %}"}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "确认 {{ host }} 是 API 中的哪个节点，再改动集群", en: "see which of the API's nodes {{ host }} is before changing the cluster"}
    place: node
    risk: read-only
    when: strange_nodes
    command: cat /etc/machine-id
    expect: {zh: "{% for one in strange_nodes %}{{ one.id }}（节点 {{ one.name }} 上报）{% if not loop.last %}、{% endif %}{% endfor %}{% if strange_nodes|length > 1 %} 之一{% endif %}", en: "{% if strange_nodes|length > 1 %}one of {% endif %}{% for one in strange_nodes %}{{ one.id }} (reported by node {{ one.name }}){% if not loop.last %}, {% endif %}{% endfor %}"}
    verify: {zh: 相同即为同一台机器；不同就停下：读到的 API 不是本机所在的集群，以下改动集群的各步不能照做, en: "the same id means one machine; with another id stop here: the API that was read is not this machine's cluster, and the steps that change it do not apply"}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 列出集群注册令牌（只列名称）, en: "list the registration tokens, by name only"}
    place: rancher
    risk: read-only
    when: "rebuild|selectattr('placeholders')|list"
    command: "kubectl get clusterregistrationtokens.management.cattle.io -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,CREATED:.metadata.creationTimestamp"
    expect: {zh: "每个集群一个或多个注册令牌，例如 default-token、system，各有其创建时间", en: "one or more registration tokens for each cluster, such as default-token and system, each with its time of creation"}
    verify: {zh: 记下本集群的令牌所在的命名空间（即集群 ID）与名称；命令失败时先恢复 Rancher 服务端，以下各步都要用它, en: "note the namespace, which is the cluster's id, and the names of this cluster's; if this command fails, restore the Rancher server first: the next steps need it"}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 准备以下各步占位符的值, en: "prepare what the placeholders below stand for"}
    place: rancher
    risk: change
    when: "rebuild|selectattr('placeholders')|list"
    precheck: {zh: "`ls <CA_FILE> <CURL_CONFIG>` 报两个文件都不存在", en: "`ls <CA_FILE> <CURL_CONFIG>` finds neither file"}
    command: |
      install -m 600 /dev/null <CURL_CONFIG>
      install -m 600 /dev/null <CA_FILE>
      kubectl get settings.management.cattle.io cacerts -o jsonpath='{.value}{"\n"}' > <CA_FILE>
      sha256sum <CA_FILE>
    expect: {zh: "最后一行的校验和等于下文重建命令中的 `--ca-checksum`", en: "the last line has the sum that `--ca-checksum` has in the rebuild command below"}
    verify: {zh: "校验和一致；不一致就停下，先查明证书为何更换", en: "the sums agree; if they differ, stop, and find out first why the certificate is another one"}
    rollback: {zh: "`rm <CA_FILE> <CURL_CONFIG>`；全部步骤完成后同样删除", en: "`rm <CA_FILE> <CURL_CONFIG>`; likewise after the last step"}
    notes:
      - zh: "`<CA_FILE>`、`<CURL_CONFIG>` 是自选的两个文件路径；用编辑器在 `<CURL_CONFIG>` 中写入一行 `user = \"<API_KEY>\"`。`<API_KEY>` 是 Rancher 界面中创建的 API 密钥（以冒号相连的两段），`<CLUSTER_ID>` 是上一步的命名空间，`<RANCHER_URL>` 是 Rancher 的地址（以 https 开头，结尾没有斜线）"
        en: "`<CA_FILE>` and `<CURL_CONFIG>` are paths of your choice; with an editor write the one line `user = \"<API_KEY>\"` into `<CURL_CONFIG>`. `<API_KEY>` is an API key made in Rancher's user interface (its two parts, joined by a colon), `<CLUSTER_ID>` the namespace of the step before, `<RANCHER_URL>` Rancher's address (from https on, without a slash at its end)"
  - purpose: {zh: 为本集群生成新的注册令牌：采集包中的令牌视为已泄露, en: "make a new registration token for this cluster: the one in the bundle counts as leaked"}
    place: rancher
    risk: change
    when: "rebuild|selectattr('placeholders')|list"
    precheck: {zh: "`curl -sS --cacert <CA_FILE> -K <CURL_CONFIG> -o /dev/null -w '%{http_code}' '<RANCHER_URL>/v3/clusters/<CLUSTER_ID>'` 输出 200", en: "`curl -sS --cacert <CA_FILE> -K <CURL_CONFIG> -o /dev/null -w '%{http_code}' '<RANCHER_URL>/v3/clusters/<CLUSTER_ID>'` prints 200"}
    command: |
      curl -sS --cacert <CA_FILE> -K <CURL_CONFIG> -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' -d '{"type":"clusterRegistrationToken","clusterId":"<CLUSTER_ID>"}' '<RANCHER_URL>/v3/clusterregistrationtokens'
    expect: {zh: "201", en: "201"}
    verify: {zh: 再列一次令牌：本集群多出一个，创建时间即本步的时间, en: "the tokens listed once more: this cluster has one more, created at the time of this step"}
    rollback: {zh: 用下文删除旧令牌的命令删去这个新令牌, en: "delete this new token in the way in which the old one is deleted below"}
  - purpose: {zh: "重建 {{ item.name }}", en: "rebuild {{ item.name }}"}
    place: node
    risk: change
    each: rebuild
    precheck: {zh: "`docker ps -a --filter name=^/{{ item.name }}$` 无结果；`docker image inspect {{ item.image }}` 有输出{% if item.named_otherwise %}；确定节点名应写哪一个：参数中的 {{ item.named_otherwise|join('、') }}、本机的 {{ host }}{% if item.nodes %}，还是 API 中的 {{ item.nodes|join('、') }}{% endif %}（证书按节点名签发）；要改就同时改 `--hostname` 与 `--node-name`{% endif %}{% if item.server %}；`curl -sS --cacert <CA_FILE> {{ item.server ~ '/ping' }}` 返回 pong{% endif %}{% if '/etc/kubernetes:' in item.command %}；它会写入 /etc/kubernetes，先执行 `cp -a /etc/kubernetes <BACKUP_DIR>`（`<BACKUP_DIR>` 是一个尚不存在的目录），再以 `diff -r /etc/kubernetes <BACKUP_DIR>` 无输出确认已备份{% endif %}", en: "`docker ps -a --filter name=^/{{ item.name }}$` has no row; `docker image inspect {{ item.image }}` prints one{% if item.named_otherwise %}; it is settled which name of the node is right, because certificates are written for it: {{ item.named_otherwise|join(', ') }} of the arguments, this host's {{ host }}{% if item.nodes %}, or {{ item.nodes|join(', ') }} of the API{% endif %}; whoever changes it changes both `--hostname` and `--node-name`{% endif %}{% if item.server %}; `curl -sS --cacert <CA_FILE> {{ item.server ~ '/ping' }}` answers pong{% endif %}{% if '/etc/kubernetes:' in item.command %}; it writes into /etc/kubernetes, so first run `cp -a /etc/kubernetes <BACKUP_DIR>` (`<BACKUP_DIR>` is a directory that does not exist yet), and go on once `diff -r /etc/kubernetes <BACKUP_DIR>` prints nothing{% endif %}"}
    command: "{{ item.command|raw }}"
    expect: {zh: 输出新容器的 64 位容器 ID, en: the 64-digit id of the new container}
    verify: {zh: "`docker ps -a --filter name=^/{{ item.name }}$` 显示 {{ item.state }}{% if item.name == 'share-mnt' %}；`ls -l --time-style=full-iso /etc/kubernetes/ssl` 中证书的修改时间晚于本步{% endif %}", en: "`docker ps -a --filter name=^/{{ item.name }}$` shows {{ item.state }}{% if item.name == 'share-mnt' %}; by `ls -l --time-style=full-iso /etc/kubernetes/ssl` certificates are newer than this step{% endif %}"}
    rollback: {zh: "{% if item.state != 'Created' %}`docker stop {{ item.name }}`，再执行 {% endif %}`docker rm {{ item.name }}`{% if '/etc/kubernetes:' in item.command %}；随后以 `cp -a <BACKUP_DIR>/. /etc/kubernetes/` 恢复文件，`diff -r /etc/kubernetes <BACKUP_DIR>` 列出的新增文件逐个删除{% endif %}", en: "{% if item.state != 'Created' %}`docker stop {{ item.name }}`, then {% endif %}`docker rm {{ item.name }}`{% if '/etc/kubernetes:' in item.command %}; then restore the files by `cp -a <BACKUP_DIR>/. /etc/kubernetes/`, and delete one by one those that `diff -r /etc/kubernetes <BACKUP_DIR>` shows as new{% endif %}"}
    notes:
      - zh: "{% if item.name == rebuild[0].name %}参数逐个取自基线的 `docker inspect`；带引号的词组在原容器中就是一个参数，请保留引号{% if item.placeholders %}。{{ item.placeholders|join('、') }} 填新令牌（引文中的旧令牌已脱敏，见附录 D）：在 Rancher 中打开集群的注册命令即可看到，不要贴入工单、聊天或日志{% endif %}{% endif %}"
        en: "{% if item.name == rebuild[0].name %}the arguments are those of `docker inspect` in the baseline, one by one; what stands in quotes was one argument, so keep them{% if item.placeholders %}. {{ item.placeholders|join(', ') }} stands for the new token (quotes of the old one are masked, see appendix D): Rancher shows it in the cluster's registration command; keep it out of tickets, chats and logs{% endif %}{% endif %}"
  - purpose: {zh: "核对整体：{{ host }} 的 RKE 容器齐全且状态符合预期", en: "check the whole: every RKE container of {{ host }} is there and in its expected state"}
    place: node
    risk: read-only
    when: rebuild
    command: |
      docker ps -a --filter label=io.rancher.rke.container.name --format '{% raw %}{{.Names}}\t{{.Status}}{% endraw %}' | sort
    expect: {zh: "与矩阵中基线一列相同：share-mnt 为 Exited (0)，service-sidekick 为 Created，其余为 Up", en: "as in the baseline's column of the matrix: share-mnt Exited (0), service-sidekick Created, all others Up"}
    verify: {zh: 重新采集后再分析一次，不再报告缺失, en: "collect once more and analyse: nothing is reported as missing"}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "{% if agent_never %}可选：基线中也没有节点代理，确定需要时再{% endif %}恢复节点代理 cattle-node-agent{% if not agent_never %}：它不在 {{ host }} 上{% endif %}", en: "{% if agent_never %}optional (the baseline lacked it too): {% endif %}restore cattle-node-agent{% if not agent_never %}, which {{ host }} lacks{% endif %}"}
    place: cluster
    risk: change
    when: "agent_absent and rebuild|selectattr('placeholders')|list"
    precheck: {zh: "依次执行 `install -m 600 /dev/null <MANIFEST_FILE>`、`curl -sS --cacert <CA_FILE> -K <CURL_CONFIG> -o <MANIFEST_FILE> '<MANIFEST_URL>'`、`kubectl diff -f <MANIFEST_FILE>`：差异中有 DaemonSet cattle-node-agent，记下显示为新增的每个对象；没有它就不执行本步，按该版本 Rancher 的文档恢复", en: "`install -m 600 /dev/null <MANIFEST_FILE>`, then `curl -sS --cacert <CA_FILE> -K <CURL_CONFIG> -o <MANIFEST_FILE> '<MANIFEST_URL>'`, then `kubectl diff -f <MANIFEST_FILE>` shows the DaemonSet cattle-node-agent; note every object that it shows as new. Where it does not show it, leave this step out and restore the agent as the documentation of this Rancher says"}
    command: "kubectl apply -f <MANIFEST_FILE>"
    expect: {zh: "输出中有 `daemonset.apps/cattle-node-agent created`", en: "the output has `daemonset.apps/cattle-node-agent created`"}
    verify: {zh: "`kubectl -n cattle-system get daemonset cattle-node-agent` 的 READY 等于节点数；此后被删除的 share-mnt 由它重建", en: "`kubectl -n cattle-system get daemonset cattle-node-agent` has READY equal to the number of nodes; from then on it re-creates a share-mnt that is deleted"}
    rollback: {zh: "只删除前置检查中记下的新增对象，按种类与名称逐个删除，如 `kubectl -n cattle-system delete daemonset cattle-node-agent`", en: "delete exactly the objects that the check showed as new, each by kind and name, such as `kubectl -n cattle-system delete daemonset cattle-node-agent`"}
    notes:
      - zh: "{% if too_new %}警告：API 的节点是 {{ too_new.kubernetes }}，超出 Rancher {{ too_new.rancher }} 支持的范围（至 v1.{{ too_new.newest }}）：先查明该集群是否确由它管理，否则不执行本步{% endif %}"
        en: "{% if too_new %}warning: the API's node is {{ too_new.kubernetes }}, outside of what Rancher {{ too_new.rancher }} supports (up to v1.{{ too_new.newest }}): find out first whether it does manage this cluster, and leave this step out if it does not{% endif %}"
      - zh: "`<MANIFEST_URL>` 是新令牌的 manifestUrl：`curl -sS --cacert <CA_FILE> -K <CURL_CONFIG> '<RANCHER_URL>/v3/clusterregistrationtokens?clusterId=<CLUSTER_ID>'`；`<MANIFEST_FILE>` 含有令牌，用完删除，不要贴出"
        en: "`<MANIFEST_URL>` is the manifestUrl of the new token: `curl -sS --cacert <CA_FILE> -K <CURL_CONFIG> '<RANCHER_URL>/v3/clusterregistrationtokens?clusterId=<CLUSTER_ID>'`; `<MANIFEST_FILE>` holds the token, so keep it to yourself and delete it afterwards"
  - purpose: {zh: 轮换的最后一步：删除采集包中出现过的注册令牌，使其作废, en: "end the rotation: delete the registration token that stood in the bundle"}
    place: rancher
    risk: dangerous
    when: "rebuild|selectattr('placeholders')|list"
    precheck: {zh: 新令牌已在使用：重建的容器与各节点代理都换成了它，并已重新连上 Rancher；按创建时间认出旧令牌（列令牌的命令同上）, en: "the new one is in use: the containers rebuilt and the agents of every node have it, and are connected to Rancher again; the old one is told by its time of creation (listed as above)"}
    command: "kubectl -n <NAMESPACE> delete clusterregistrationtokens.management.cattle.io <NAME>"
    expect: {zh: 输出中有 deleted, en: the output says deleted}
    verify: {zh: 再列一次，旧的已不在；用旧令牌注册被拒绝, en: "listed once more, the old one is gone; a registration with it is refused"}
    rollback: {zh: 旧令牌不能恢复；用新令牌更新仍使用旧令牌的节点代理, en: "the old one does not come back: give the new one to every agent that still has it"}
  - purpose: {zh: 参数来源缺失时，从同角色节点或备份取得, en: "without a baseline, take the arguments from a peer node or a backup"}
    place: node
    risk: read-only
    when: "not rebuild"
    command: docker inspect share-mnt service-sidekick
    expect: {zh: 在仍有这些容器的同角色节点上执行，得到其完整参数, en: run on a peer that still has them; it prints their full arguments}
    verify: {zh: 用该节点的采集包作 --baseline 重新分析，即可得到重建命令, en: analyse again with that node's bundle as --baseline to get the rebuild commands}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "收尾：脚本修改并通过测试之后，恢复脚本{% if cron_file %}与定时任务{% endif %}", en: "close: bring the script back{% if cron_file %} with its cron entry{% endif %} once it is mended and tested"}
    place: node
    risk: change
    precheck: {zh: "{% if not inline %}`sh -n {{ script ~ '.disabled' }}` 无输出；`grep -n prune {{ script ~ '.disabled' }}` {% elif cron_file %}`grep -n prune {{ cron_parked }}` {% else %}脚本{% endif %}中清理容器的命令就是 4.1 的写法（只有一个 label!= 过滤器）；它已通过 4.1 中的测试", en: "{% if not inline %}`sh -n {{ script ~ '.disabled' }}` prints nothing; {% endif %}in {% if not inline %}`grep -n prune {{ script ~ '.disabled' }}`{% elif cron_file %}`grep -n prune {{ cron_parked }}`{% else %}the job{% endif %} the command that prunes containers is that of 4.1, with one label!= filter; it has passed the test of 4.1"}
    command: |
      {% if not inline %}mv {{ script ~ '.disabled' }} {{ script }}
      {% endif %}{% if cron_file %}mv {{ cron_parked }} {{ cron_file }}
      {% endif %}{% if timer %}systemctl enable --now {{ timer }}{% endif %}
    verify: {zh: 下一次计划执行之后再做一次上面的核对, en: "after the next scheduled run the check of the whole holds again"}
    rollback: {zh: 再次停用, en: disable them again}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "修改清理脚本 {{ script }}，排除全部 RKE 容器", en: "change {{ script }} so that it leaves out every RKE container"}
    answers: 1
    command: "{{ protected|raw }}"
    caution:
      zh: "只写一个 label!= 过滤器，且只写标签键：只排除 share-mnt 仍会删除 service-sidekick；写两个 label!= 会使保护失效"
      en: "write one label!= filter, with the key alone: by its value only share-mnt is kept, and two label!= filters protect nothing"
    acceptance: {zh: "在{% if docker_version %} Docker {{ docker_version }} 的{% endif %}测试主机上执行：share-mnt 与 service-sidekick 仍在，另一个已停止、无此标签的容器被删除", en: "run on a test host{% if docker_version %} with Docker {{ docker_version }}{% endif %}: share-mnt and service-sidekick are still there, and a stopped container without the label is gone"}
  - kind: detect
    immediate: true
    text: {zh: 为每个节点的 RKE 容器增加告警：被删除，或与期望清单（share-mnt 为 exited、service-sidekick 为 created，其余为 running）不符, en: "alert when an RKE container is destroyed, or differs from the expected list: share-mnt exited, service-sidekick created, others running"}
    answers: 2
    also: 3
    command: |
      docker events --filter type=container --filter event=destroy --filter label=io.rancher.rke.container.name
      docker ps -a --filter label=io.rancher.rke.container.name --format '{% raw %}{{.Names}} {{.State}}{% endraw %}'
    acceptance: {zh: "在测试主机删除 share-mnt：1 分钟内收到写明容器名与时间的告警，不重建则告警持续", en: "delete share-mnt on a test host: within a minute an alert names it and the time, and it stays until the container is back"}
  - kind: prevent
    text: {zh: "清理只删除带专用标签的容器：没有 RKE 标签的容器{% if unlabelled %}（这里有 {{ unlabelled|join('、') }}）{% endif %}也不再被误删", en: "let the clean-up delete only what bears a label for it, so that containers without RKE's label{% if unlabelled %} (here {{ unlabelled|join(', ') }}){% endif %} are safe too"}
    answers: 1
    command: docker container prune -f --filter "label=disposable=true"
    acceptance: {zh: 在测试主机上执行：没有该标签的已停止容器都还在, en: "run on a test host: every stopped container without that label is still there"}
  - kind: process
    text: {zh: "节点上的脚本与定时任务经变更评审后才安装，评审记录列出它会删除的对象{% if cron_is_new %}；先补评审基线中没有的定时任务（{{ schedule }}）{% endif %}", en: "install scripts and cron entries on nodes only by a reviewed change that lists what they delete{% if cron_is_new %}; first review the new cron entry ({{ schedule }}){% endif %}"}
    answers: 1
    command: ls -l /etc/cron.d /var/spool/cron
    acceptance: {zh: 在测试节点放入一条没有变更记录的定时任务，核对必须失败并指出它, en: "on a test node a cron entry without a change record makes the check fail"}
  - kind: mitigate
    text: {zh: "每日把各节点系统容器的 `docker inspect` 存到节点之外，其中的令牌先脱敏，每季度演练一次由它重建", en: "store `docker inspect` of every node's system containers (token masked) outside the node each day; rehearse a rebuild each quarter"}
    answers: 5
    command: |
      umask 077; docker inspect $(docker ps -aq --filter label=io.rancher.rke.container.name) | sed -E '/"--token",$/{n;s/"[^"]*"/"<CLUSTER_TOKEN>"/};s/((--token|CATTLE_TOKEN)[= ])[^" ]+/\1<CLUSTER_TOKEN>/g' > <FILE>
    acceptance: {zh: "存档中搜不到注册令牌；在测试主机上只凭该存档与新令牌重建 share-mnt：其余参数与原容器逐个相同，并以 Exited (0) 结束", en: "the record has no token; on a test host share-mnt is rebuilt from it and a new token: all other arguments are the original's, and it ends as Exited (0)"}
lesson:
  zh: 本次故障说明，“已停止”不等于“可删除”。
  en: This incident shows that "stopped" does not mean "may be deleted".
lessons:
  - phrase: {zh: 自动化需要边界条件, en: Automation needs boundaries}
    text: {zh: 清理脚本应以标签排除系统组件，而不是假定停止的容器都可删除, en: "a clean-up leaves out system components by label instead of assuming that what is stopped can go"}
    answers: 1
  - phrase: {zh: 期望状态应当写下来, en: Write the expected state down}
    text: {zh: share-mnt 正常时就是 Exited (0)，只看“是否运行”会误判, en: "share-mnt is healthy when Exited (0); asking only whether it runs gives the wrong answer"}
    answers: 2
  - phrase: {zh: 先例是信号, en: A precedent is a signal}
    text: {zh: "{{ earlier|join('、') }} 的清理已经删除过同名容器，并在运行时的事件中留有记录，当时即可发现", en: "the prune at {{ earlier|join(', ') }} had deleted containers of these names and left a record"}
    answers: 3
    when: earlier
  - phrase: {zh: 备份与基线要可用, en: Backups and baselines have to be usable}
    text: {zh: 重建参数只有在另一份完好的记录中才找得到, en: "the arguments to rebuild with exist only in another, intact record"}
lucky:
  - text:
      zh: "重建 {{ rebuild|map(attribute='name')|join('、') }} 的参数只见于基线{% if baseline_lead %}，基线在清理前至多 {{ baseline_lead }} 秒才采集{% endif %}"
      en: "the arguments to rebuild {{ rebuild|map(attribute='name')|join(' and ') }} stand in the baseline alone{% if baseline_lead %}, collected at most {{ baseline_lead }} s before the prune{% endif %}"
    when: rebuild
knowledge:
  - text: {zh: 集群的注册令牌不会过期：删除之前一直有效，删除即作废, en: "the registration token of a cluster does not expire: it is good until it is deleted, and only that can revoke it"}
    reference: "rancher/rancher#19572"
  - text: {zh: docker container prune 删除所有未运行的容器，包括从未启动过的, en: "docker container prune deletes every container that is not running, also those never started"}
    reference: "moby v20.10.24 daemon/prune.go; docs.docker.com container prune"
  - text: {zh: "几个 label!= 过滤器之间是“或”：容器只要不符合其中一个就会被删除，等于没有保护", en: "several label!= filters are joined by \"or\": a container that one of them does not match is deleted, so two label!= filters protect nothing"}
    reference: "moby/moby#40286; moby daemon/prune.go matchLabels"
  - text: {zh: "Debian 的 cron 忽略 /etc/cron.d 中文件名含点的任务，cronie 会执行它们", en: "Debian's cron ignores dotted names in its directory /etc/cron.d, while cronie runs a renamed file there, dotted or not"}
    reference: "Debian cron(8); cronie src/database.c not_a_crontab"
  - text: {zh: share-mnt 的正常状态是已退出（0），service-sidekick 的正常状态是已创建；节点代理会重建被删除的 share-mnt, en: "share-mnt is healthy as Exited (0), service-sidekick as Created; the node agent re-creates a deleted share-mnt"}
    reference: "rancher/rancher v2.5.12 cmd/agent/main.go, pkg/rkeworker; rancher/rke services/sidekick.go; rancher/rancher#15364"
sources: ["moby daemon/prune.go: output `Deleted Containers:`", "rancher/rke cluster/plan.go: label io.rancher.rke.container.name", "rancher/terraform-provider-rancher2 issue 579: a cluster has the tokens default-token and system", "rancher/rancher milestone 277 and issue 43092: the newest Kubernetes that Rancher supports"]
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
  - name: a crontab prunes by itself, and its log names the ids of an earlier listing
    files:
      etc/cron.d/docker-tidy: "0 3 * * * root docker container prune -f >>/var/log/docker-tidy.log 2>&1\n"
      before.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                       PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Exited (137) 5 minutes ago           kubelet
        bbbbbbbbbbbb   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                            kube-proxy
      docker-tidy.log: |
        Deleted Containers:
        aaaaaaaaaaaa1709e14f190f1d45da2bfdbcac2ba3ac004c388470394e9013ea

        Total reclaimed space: 0B
    fires: [{kind: HostContainer, name: kubelet}]
  - name: a timer of systemd prunes
    files:
      docker-ps-a.txt: |
        CONTAINER ID   IMAGE                                  COMMAND   CREATED      STATUS                   PORTS   NAMES
        aaaaaaaaaaaa   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kubelet
        bbbbbbbbbbbb   rancher/hyperkube:v1.20.15-rancher2    "k"       2 days ago   Up 2 days                        kube-proxy
        cccccccccccc   rancher/rancher-agent:v2.5.12          "k"       2 days ago   Exited (0) 2 days ago            share-mnt
      docker-info.txt: "Server:\n Containers: 3\n  Running: 2\n Server Version: 20.10.24\n Storage Driver: overlay2\n Kernel Version: 5.4\n Name: cp1\n"
      etc/systemd/system/tidy.service: "[Unit]\nDescription=tidy\n[Service]\nType=oneshot\nExecStart=/usr/bin/docker system prune -f\n"
      etc/systemd/system/tidy.timer: "[Timer]\nOnCalendar=*-*-* 03:00:00\n[Install]\nWantedBy=timers.target\n"
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
    let prune = unprotected_prune(host)?;
    let before = input.baseline.and_then(|baseline| counterpart(baseline, host));
    let missing = missing_containers(host, before);
    let first = missing.first()?;
    let deletions = Deletions::read(input.snapshot, host);
    let node = host.runtime_name();
    let subject = |name: &str| Subject::on_node("HostContainer", name, node);

    // The deleted id is the baseline's id of this container, or the runtime's events give the id this name.
    let is_proven = |container: &Missing<'_>| {
        let (logged, destroyed) = container.deletion(&deletions);
        !logged.is_empty() || !destroyed.is_empty()
    };
    let proven = missing.iter().any(is_proven);
    let confidence = if proven {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    // A table whose file is not known has only its place in the bundle.
    let in_table = |entry: &CronEntry| Some(cron_file(&entry.cite)).filter(|path| !path.is_empty());
    let script_path = match prune.of {
        Of::Cron(entry) => in_table(entry).unwrap_or_else(|| prune.file.clone()),
        Of::Unit(unit) => unit.to_owned(),
        Of::Script => path_on_host(host, &prune.file),
    };
    let mut finding =
        Finding::new(rule, subject(&first.name), confidence).at(format!("{script_path}:{}", prune.number));
    for other in missing.iter().skip(1) {
        finding.add_affected(subject(&other.name));
    }

    // The absence, the act, what it is compared with, the image that rules out another cause.
    let searched = (listing.entries, listing.is_complete());
    let absent = listing.cite.clone().absence(Some(searched));
    finding.add_cite_of(&["missing", "running_intact"], absent);
    finding.add_cite_of(&["path", "line", "script"], prune.cite.clone());
    let (mut ids, mut ids_in_events, mut creations) = (Vec::new(), false, Vec::new());
    for container in &missing {
        let (logged, destroyed) = container.deletion(&deletions);
        ids.extend(logged.iter().filter_map(short_id));
        for gone in destroyed {
            ids_in_events |= !logged.is_empty();
            creations.extend(created(host, &gone.id));
            finding.add_cite_of(&["missing", "ids_in_events", "gone_at", "baseline_lead"], gone.cite);
        }
        for cite in logged {
            finding.add_cite_of(&["has_baseline", "ids"], cite);
        }
    }
    for container in &missing {
        if let Some(before) = container.before {
            tie(&mut finding, &["has_baseline", "ids_in_baseline"], before.cite.clone());
            if let Some(inspect) = &before.inspect {
                let facts = ["rebuild", &format!("rebuild.{}", container.name)];
                tie(&mut finding, &facts, inspect.cite.clone());
            }
        }
    }
    let images: Vec<&crate::bundle::decode::ImageFact> = missing
        .iter()
        .filter_map(|container| host.images.iter().find(|image| container.uses(&image.reference)))
        .collect();
    for image in &images {
        finding.add_cite_of(&["images"], image.cite.clone());
    }
    let starts_it =
        |entry: &&CronEntry| entry.command.contains(&script_path) || entry.command.contains(file_name(&prune.file));
    let cron = match prune.of {
        Of::Cron(entry) => Some(entry),
        Of::Script | Of::Unit(_) => host.cron.iter().find(starts_it),
    };
    // Where no cron entry starts it, a unit of systemd may, and its timer says when.
    let unit = match prune.of {
        Of::Unit(unit) => Some(unit),
        Of::Script if cron.is_none() => started_by_systemd(host)
            .find(|(_, command, _)| command.contains(&script_path))
            .map(|(unit, ..)| unit),
        _ => None,
    };
    let timer = unit.and_then(|unit| timer_of(host, unit));
    if let Some((_, _, cite)) = &timer {
        tie(&mut finding, &["schedule", "timer"], (*cite).clone());
    }
    if let Some(entry) = cron {
        tie(&mut finding, &["schedule", "cron_file"], entry.cite.clone());
    }
    if let Some((_, logged)) = &deletions.logged {
        tie(&mut finding, &["ran_at"], logged.clone());
    }
    if let Some((_, prune)) = &deletions.prune {
        let facts: &[&str] = match deletions.logged {
            Some(_) => &["pruned_at"],
            None => &["ran_at", "pruned_at"],
        };
        finding.add_cite_of(facts, prune.clone());
    }
    // Where the runtime dates no deletion, the run does.
    if let (None, Some((when, _))) = (&finding.first, deletions.ran_at()) {
        finding.see(when.clone(), when.clone());
    }
    if let Some(cite) = deletions.images_pruned.clone() {
        tie(&mut finding, &["images_pruned"], cite);
    }
    let names: Vec<String> = missing.iter().map(|container| container.name.clone()).collect();
    let by_design = |name: &String| inventory::expected(name).is_some_and(inventory::Expected::is_stopped_by_design);
    let stopped_by_design = names.iter().all(by_design);
    for gone in deletions.destroyed.iter().filter(|gone| !names.contains(&gone.name)) {
        tie(&mut finding, &["others_deleted"], gone.cite.clone());
    }
    let (mut earlier, mut earlier_images, mut pruned) = (Vec::new(), false, deletions.destroyed.clone());
    // That images were pruned too says something of the script only where that does both.
    let prunes_images = deletions.images_pruned.is_some();
    for prune in deletions.earlier_of(&names) {
        pruned.extend(prune.destroyed.iter().cloned());
        // They came back, so what is missing now is not missing since then.
        for gone in prune.destroyed.iter().filter(|gone| names.contains(&gone.name)) {
            tie(&mut finding, &["earlier"], gone.cite.clone());
        }
        for gone in prune.destroyed.iter().filter(|gone| !names.contains(&gone.name)) {
            tie(&mut finding, &["unlabelled"], gone.cite.clone());
        }
        tie(&mut finding, &["earlier"], prune.cite.clone());
        earlier.push(shown(&prune.when));
        if let (Some((_, cite)), true) = (&prune.images, prunes_images) {
            tie(&mut finding, &["earlier_images"], cite.clone());
            earlier_images = true;
        }
    }
    // They say that all was well then, so they do not widen the time of the failure.
    for event in &creations {
        tie(&mut finding, &["recreated_at"], event.cite.clone());
    }
    let recreated_at = creations.iter().find_map(|event| event.when.as_ref());

    let running_intact = RKE1
        .iter()
        .filter(|known| !known.is_stopped_by_design() && known.applies(host))
        .all(|known| host.container(known.name).is_some());
    let gone_at = finding.first.clone().filter(|_| finding.shows.contains_key("gone_at"));
    let collected = input.snapshot.bundle.collected_at.as_ref();
    if let (Some(when), Some((clock, _, cite))) = (collected, &host.clock)
        && when == clock
    {
        tie(&mut finding, &["collected_at"], cite.clone());
    }
    let cron_file = cron.map_or(String::new(), |entry| cron_file(&entry.cite));
    let jobs = Jobs::of(host, before, &prune, &cron_file, &names);
    if let Some(cite) = &jobs.searched_before {
        tie(&mut finding, &["cron_is_new", "baseline_jobs"], cite.clone());
        for cite in &jobs.entries_before {
            tie(&mut finding, &["baseline_jobs"], cite.clone());
        }
    }
    for cite in &jobs.searched {
        tie(&mut finding, &["jobs_read"], cite.clone());
    }
    let agent = absence_of_node_agent(input.snapshot, host);
    for cite in agent.iter().flat_map(|agent| &agent.cites) {
        tie(&mut finding, &["agent_absent"], cite.clone());
    }
    let agent_never = input.baseline.zip(before);
    let agent_never = agent_never.and_then(|(baseline, before)| absence_of_node_agent(baseline, before));
    for cite in agent_never.iter().flat_map(|agent| &agent.cites) {
        tie(&mut finding, &["agent_never"], cite.clone());
    }
    let strangers = strangers(input.snapshot, host);
    for node in &strangers {
        tie(&mut finding, &["strange_nodes"], node.cite_at(MACHINE));
    }
    let too_new = too_new(input.snapshot, host);
    for cite in too_new.iter().flat_map(|(_, cites)| cites) {
        tie(&mut finding, &["too_new"], cite.clone());
    }
    let images_taken = deletions.images_taken(host);
    for cite in Citation::runs(images_taken.iter().map(|(_, cite)| cite)) {
        tie(&mut finding, &["images_taken"], cite);
    }
    let log = deletions
        .logged
        .as_ref()
        .map_or("", |(_, cite)| file_name(cite.file.as_str()));
    let api_server = api_server(host);
    if let Some(server) = api_server {
        tie(&mut finding, &["api_server_since"], server.cite.clone());
    }
    let version = host.values.get("docker.server-version");
    let docker_version = version.map_or("", |(version, _)| version.as_str());
    if let Some((_, _, cite)) = before.and_then(|before| before.clock.as_ref()) {
        tie(&mut finding, &["baseline_lead"], cite.clone());
    }
    let lead = input
        .baseline
        .and_then(|baseline| seconds_before(baseline, gone_at.as_ref()?));
    // The names under which certificates may be written, where the arguments have yet another.
    let nodes: Vec<String> = (input.snapshot.kind("Node").map(|node| node.key.name.clone()))
        .filter(|name| name != host.runtime_name())
        .take(NODES)
        .collect();
    let rebuild: Vec<Value> = missing
        .iter()
        .filter_map(|container| container.rebuilt(host, &nodes))
        .collect();
    let due = timer.as_ref().map_or("", |(_, due, _)| *due);
    let schedule = cron.map_or(due, |entry| entry.schedule.as_str());
    let ran_at = deletions.ran_at().map(|(when, _)| when);
    Some(
        finding
            .fact("host", machine_name(input.snapshot, node))
            .fact("script", script_path)
            .fact("line", prune.line.as_str())
            .fact("inline", !matches!(prune.of, Of::Script))
            .fact("timer", timer.map_or(String::new(), |(name, ..)| name))
            .fact("stopped_by_design", stopped_by_design)
            .fact("missing", names)
            .fact("proven", proven)
            .fact("has_baseline", before.is_some())
            .fact("ids_in_baseline", before.is_some() && !ids.is_empty())
            .fact("ids_listed", !host.deleted.is_empty())
            .fact("ids", ids)
            .fact("ids_in_events", ids_in_events)
            .fact(
                "pruned_at",
                deletions.prune.as_ref().map_or(String::new(), |(when, _)| shown(when)),
            )
            .fact(
                "logged_at",
                deletions.logged.as_ref().map_or(String::new(), |(when, _)| shown(when)),
            )
            .fact("gone_at", gone_at.as_ref().map_or(String::new(), shown))
            .fact(
                "age",
                gone_at
                    .as_ref()
                    .zip(collected)
                    .map(|(gone, now)| seconds_between(gone, now)),
            )
            .fact("collected_at", collected.map_or(String::new(), shown))
            .fact("jobs_read", jobs.read)
            .fact("watched", jobs.is_watched)
            .fact("baseline_jobs", jobs.read_before)
            .fact("cron_is_new", cron.is_some() && jobs.searched_before.is_some())
            .fact("cron_unknown", cron.is_some() && !shows_cron(host))
            .fact("agent_absent", agent.is_some())
            .fact("agent_never", agent_never.is_some())
            .fact("log", log)
            .fact(
                "processes_cut",
                !host.tools.processes.is_empty() && host.tools.processes.iter().all(|one| one.pid != 1),
            )
            .fact(
                "strange_nodes",
                (strangers.iter())
                    .map(|node| json!({"name": node.key.name, "id": node.text(MACHINE)}))
                    .collect::<Vec<Value>>(),
            )
            .fact("too_new", too_new.map(|(fact, _)| fact))
            .fact("images_taken", images_taken.len())
            .fact(
                "agent_unknown_to_api",
                agent.is_some_and(|agent| agent.daemonsets.is_some()),
            )
            .fact("audit_off", api_server.is_some_and(|server| !audits(server)))
            .fact(
                "api_server_since",
                api_server.map_or("", |server| server.started.as_str()),
            )
            .fact("protected", protected(&prune.line))
            .fact(
                "images_pruned",
                deletions.images_pruned.is_some() || deletions.images_deleted,
            )
            .fact("earlier", earlier)
            .fact("earlier_images", earlier_images)
            .fact("recreated_at", recreated_at.map_or(String::new(), shown))
            .fact(
                "images",
                images.iter().map(|image| image.reference.clone()).collect::<Vec<_>>(),
            )
            .fact("images_present", !images.is_empty())
            .fact("running_intact", running_intact)
            .fact("ran_at", ran_at.map_or(String::new(), shown))
            .fact("since", ran_at.map_or(String::new(), an_hour_before))
            .fact("schedule", schedule)
            .fact(
                "off_schedule",
                ran_at.is_some_and(|when| is_off_schedule(schedule, when)),
            )
            .fact("cron_parked", parked(&cron_file))
            .fact("cron_file", cron_file)
            .fact("docker_version", docker_version)
            .fact("baseline_lead", lead.unwrap_or_default())
            .fact("rebuild", rebuild)
            .fact("unlabelled", others(&pruned))
            .fact("others_deleted", others(&deletions.destroyed)),
    )
}

/// The API server of a host; none where the list of processes does not have it whole: `ps` cuts a command at the width of its terminal.
fn api_server(host: &Host) -> Option<&Process> {
    const WHOLE: usize = 300;
    let mut processes = host.tools.processes.iter();
    processes.find(|one| one.program() == "kube-apiserver" && one.command.len() > WHOLE)
}

/// Whether it writes what it was asked to do, by its arguments (kubernetes `staging/src/k8s.io/apiserver/pkg/server/options/audit.go`).
fn audits(server: &Process) -> bool {
    let flags = ["--audit-log-path", "--audit-webhook-config-file"];
    flags.iter().any(|flag| server.flag(flag).is_some())
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

    /// Where its deletion stands.
    fn deletion(&self, deletions: &Deletions) -> (Vec<Citation>, Vec<Destroyed>) {
        deletions.of(&self.name, self.before.map(|before| before.id.as_str()))
    }

    /// How to make it again; `nodes` are the names that the API has for machines.
    fn rebuilt(&self, host: &Host, nodes: &[String]) -> Option<Value> {
        let before = self.before?;
        let inspect = before.inspect.as_ref()?;
        let created_only = before.state == ContainerState::Created;
        let rebuilt = docker_run(&inspect.value, created_only);
        let state = match before.state {
            ContainerState::Created => "Created",
            ContainerState::Exited(_) => "Exited (0)",
            _ => "Up",
        };
        Some(json!({
            "name": self.name, "command": rebuilt.command, "placeholders": rebuilt.placeholders, "state": state,
            "named_otherwise": named_otherwise(inspect, host.runtime_name()), "image": before.image,
            "nodes": nodes,
            "server": argument(inspect, "--server"), "server_elsewhere": server_elsewhere(inspect, host),
        }))
    }
}

/// The kubelet first, without which the node is lost, then share-mnt: it is what a person has to bring back.
fn missing_containers<'s>(host: &'s Host, before: Option<&'s Host>) -> Vec<Missing<'s>> {
    let mut missing: Vec<Missing<'s>> = Vec::new();
    // What a clean-up's output lists is gone, however it was listed before.
    let listed = host
        .deleted
        .iter()
        .chain(before.into_iter().flat_map(|before| &before.containers));
    for container in listed {
        let is_known = missing.iter().any(|known| known.name == container.name);
        if !is_known && is_rke_container(container) && host.container(&container.name).is_none() {
            missing.push(Missing {
                name: container.name.clone(),
                before: Some(container),
            });
        }
    }
    // A prune that did delete containers may have met components that happened to be stopped.
    let has_deleted = host.prunes.iter().any(|run| !run.deleted_containers.is_empty());
    let may_be_deleted = |known: &&inventory::Expected| known.is_stopped_by_design() || has_deleted;
    for known in RKE1.iter().filter(|known| may_be_deleted(known) && known.applies(host)) {
        if host.container(known.name).is_none() && !missing.iter().any(|container| container.name == known.name) {
            missing.push(Missing {
                name: known.name.to_owned(),
                before: None,
            });
        }
    }
    missing.sort_by_key(|container| {
        (
            container.name != "kubelet",
            container.name != "share-mnt",
            container.name.clone(),
        )
    });
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

/// How many seconds before a deletion the baseline was collected, where it was a matter of a minute: then it was luck.
fn seconds_before(baseline: &Snapshot, gone_at: &When) -> Option<i64> {
    let collected = baseline.bundle.collected_at.as_ref()?;
    let lead = gone_at.latest.duration_since(collected.earliest).as_secs();
    (0..60).contains(&lead).then_some(lead + 1)
}

/// Evidence of a state before or beside the failure: its time is none of the failure's.
fn tie(finding: &mut Finding, facts: &[&str], mut citation: Citation) {
    let when = citation.when.take();
    finding.add_cite_of(facts, citation.clone());
    let added = finding
        .evidence
        .iter_mut()
        .find(|known| known.bundle == citation.bundle && known.file == citation.file && known.place == citation.place);
    if let Some(added) = added.filter(|added| added.when.is_none()) {
        added.when = when;
    }
}

/// The id that a line of a clean-up's output is, as people quote it.
fn short_id(cite: &Citation) -> Option<String> {
    let id = cite.quote.first()?.text.trim();
    Some(id.chars().take(12).collect())
}

/// Names of containers that were deleted too and are none of RKE's: no filter on its label would have kept them.
fn others(destroyed: &[Destroyed]) -> Vec<String> {
    let is_known = |name: &str| crate::rules::inventory::expected(name).is_some();
    let mut names: Vec<String> = destroyed.iter().map(|gone| gone.name.clone()).collect();
    names.retain(|name| !name.is_empty() && !is_known(name));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The machine id that a kubelet read from `/etc/machine-id`.
const MACHINE: &str = "/status/nodeInfo/machineID";

/// The API's nodes with their machine ids, where none of them goes by the host's name.
fn strangers<'s>(snapshot: &'s Snapshot, host: &Host) -> Vec<&'s Object> {
    if snapshot.kind("Node").any(|node| node.key.name == host.runtime_name()) {
        return Vec::new();
    }
    let nodes = snapshot.kind("Node").filter(|node| !node.text(MACHINE).is_empty());
    nodes.take(NODES).collect()
}

/// A Kubernetes that is newer than what the Rancher server on a host supports, where the bundle has both versions; and where they stand.
fn too_new(snapshot: &Snapshot, host: &Host) -> Option<(Value, Vec<Citation>)> {
    const VERSION: &str = "/status/nodeInfo/kubeletVersion";
    let mut servers = host.containers.iter();
    let server = servers.find(|one| names(&one.image, "rancher"))?;
    let (_, rancher) = server.image.rsplit_once(':')?;
    let (major, minor) = numbers(rancher)?;
    let (_, newest) = *SUPPORTED.iter().find(|(of, _)| (2, *of) == (major, minor))?;
    let is_newer = |node: &&Object| numbers(node.text(VERSION)).is_some_and(|version| version > (1, newest));
    let node = snapshot.kind("Node").find(is_newer)?;
    let fact = json!({"rancher": rancher, "kubernetes": node.text(VERSION), "newest": newest});
    Some((fact, vec![server.cite.clone(), node.cite_at(VERSION)]))
}

/// The newest minor version of Kubernetes that a minor version of Rancher 2 supports, as far as rancher/rancher says it: milestone 277
/// ("1.20 or earlier, which is what Rancher 2.5 supports"), issue 43092 (what the charts of 2.9 and 2.11 require).
const SUPPORTED: [(u64, u64); 3] = [(5, 20), (9, 30), (11, 32)];

/// Major and minor of a version such as `v2.5.12`.
fn numbers(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Names of nodes that are offered where one has to be chosen.
const NODES: usize = 3;

/// The script's path on its host: as a crontab names it, else from where it lies below the host's directory.
fn path_on_host(host: &Host, script: &str) -> String {
    let file = file_name(script);
    let words = host.cron.iter().flat_map(|entry| entry.command.split_whitespace());
    if let Some(named) = words
        .filter(|word| word.starts_with('/'))
        .find(|word| file_name(word) == file)
    {
        return named.to_owned();
    }
    let below = script.strip_prefix(&host.directory).unwrap_or(script);
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

/// Whole seconds from one moment to another, rounded.
fn seconds_between(from: &When, to: &When) -> i64 {
    let apart = to.latest.duration_since(from.earliest);
    apart.round(jiff::Unit::Second).unwrap_or(apart).as_secs()
}

/// Where such a file is put meanwhile: outside cron's directory, because cronie runs a file there whatever it is renamed to, unless the
/// name begins with a dot or ends in `~` or one of rpm's endings (`src/database.c`, `not_a_crontab`).
fn parked(cron_file: &str) -> String {
    let name = file_name(cron_file);
    if name.is_empty() {
        String::new()
    } else {
        format!("/root/{name}.cron-disabled")
    }
}

fn shown(when: &When) -> String {
    when.earliest.strftime("%Y-%m-%d %H:%M:%S +00:00").to_string()
}

/// Whether a process or a unit of the host shows that a cron daemon runs. That a list of processes has none shows nothing: it may be cut.
fn shows_cron(host: &Host) -> bool {
    let is_daemon = |name: &str| {
        matches!(
            name,
            "cron" | "crond" | "cronie" | "crond.service" | "cron.service" | "cronie.service"
        )
    };
    let mut units = host.tools.units.iter();
    host.tools.processes.iter().any(|process| is_daemon(process.program()))
        || units.any(|unit| is_daemon(&unit.name) && unit.active == "active")
}

/// For `journalctl --since`.
fn an_hour_before(when: &When) -> String {
    let before = when.earliest.checked_sub(jiff::SignedDuration::from_hours(1));
    before
        .unwrap_or(when.earliest)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

/// True when a plain daily schedule (`M H * * *`) names another minute of the hour than the run's. The zone of the schedule is not known:
/// zones differ by quarters of an hour, so a difference of these is none.
fn is_off_schedule(schedule: &str, ran_at: &When) -> bool {
    let minute = schedule
        .split_whitespace()
        .next()
        .and_then(|field| field.parse::<i8>().ok());
    let ran = ran_at.earliest.to_zoned(jiff::tz::TimeZone::UTC).minute();
    minute.is_some_and(|minute| (ran - minute) % 15 != 0)
}
