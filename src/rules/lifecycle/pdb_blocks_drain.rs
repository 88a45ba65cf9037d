//! A PodDisruptionBudget allows no eviction, so a node cannot be drained.

use crate::bundle::decode::Form;
use crate::cluster::{Hit, Object, PodView, Snapshot, workload_of_pod_name};
use crate::model::{Confidence, Level, Subject};
use crate::rules::toolbox::policies::matches_selector;
use crate::rules::toolbox::{add_hit, lists_pods, own_hits};
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: pdb-blocks-drain
role: cause
level: warning
needs: [pods|poddisruptionbudgets]
text:
  - id: refused
    pattern: 'error when evicting pods?/"(?P<pod>[^"]+)" -n "(?P<namespace>[^"]+)"[^\n]*Cannot evict pod as it would violate'
  - id: older
    pattern: 'error when evicting pod "(?P<pod>[^"]+)"[^\n]*Cannot evict pod as it would violate'
  - id: needs
    pattern: 'The disruption budget (?P<budget>\S+) needs (?P<needs>\d+) healthy pods and has (?P<has>\d+) currently'
  - id: several
    pattern: 'error when evicting pods?/"(?P<pod>[^"]+)" -n "(?P<namespace>[^"]+)"[^\n]*This pod has (?P<several>more than one) PodDisruptionBudget'
check:
  zh: '驱逐是否被 PodDisruptionBudget 阻止'
  en: 'whether a PodDisruptionBudget holds up evictions'
title:
  zh: '{% if budgets %}Pod {{ pod }} 同时被 {{ budgets|join("、") }} 选中，驱逐接口拒绝处理，节点排空无法完成{% else %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 不允许再驱逐 Pod {{ pod }}，节点排空无法完成{% endif %}'
  en: '{% if budgets %}pod {{ pod }} is selected by {{ budgets|join(" and ") }} at once, which evictions refuse, so a node cannot be drained{% else %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} allows no eviction of pod {{ pod }}, so a node cannot be drained{% endif %}'
cause:
  zh: '驱逐 {{ pod }} 被拒绝 {{ times }} 次：{% if budgets %}驱逐子资源不支持一个 Pod 同时属于多个预算，{{ subject.name }} 是其中最新的一个{% else %}预算{% if minimum %}要求至少 {{ minimum }} 个 Pod 可用，{% endif %}当前允许的中断数为 0{% if single %}，而工作负载只有 {{ replicas }} 个副本，预算永远不会允许驱逐{% endif %}{% endif %}。'
  en: 'the eviction of {{ pod }} was refused {{ times|times }}: {% if budgets %}the eviction subresource does not support a pod with more than one budget, and {{ subject.name }} is the newest of them{% else %}the budget {% if minimum %}wants {{ minimum|pods }} available and {% endif %}allows 0 disruptions{% if single %}; with only {{ replicas }} replicas it never will{% endif %}{% endif %}.'
causes:
  - rule: pod-pending
    ground: workload
    mechanism: {zh: '它的 Pod 先排空节点，排空没有完成，容器就不启动', en: 'its pod drains the node first, and its containers do not start before that has ended'}
  - rule: node-cordoned
    ground: node
    mechanism: {zh: '排空没有完成，节点一直禁止调度', en: 'the drain does not end, so the node stays cordoned'}
  - rule: failedscheduling-insufficient-resources
    ground: node
    mechanism: {zh: '排空没有完成，节点一直禁止调度，剩下的放不下', en: 'the drain does not end, so the node stays cordoned and the rest has no room'}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: '排空没有完成，节点一直禁止调度', en: 'the drain does not end, so the node stays cordoned'}
benign:
  - zh: '随后成功驱逐（evicted）的不算'
    en: 'an eviction that succeeded later (evicted) does not count'
  - zh: 'Longhorn 的 instance-manager 在最后一个健康副本上会有意阻止排空'
    en: 'Longhorn''s instance-manager holds a drain up on purpose while the last healthy replica is there'
remedy:
  - purpose:
      zh: '查看预算与 Pod'
      en: 'see budget and pods'
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} get poddisruptionbudgets,deployments,statefulsets'
    expect:
      zh: '{% if budgets %}列出 {{ budgets|join("、") }}{% else %}ALLOWED DISRUPTIONS 为 0{% endif %}'
      en: '{% if budgets %}{{ budgets|join(" and ") }} are listed{% else %}ALLOWED DISRUPTIONS is 0{% endif %}'
    verify:
      zh: '与本报告一致'
      en: 'it agrees with this report'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '先增加一个副本，再继续排空'
      en: 'add a replica first, then go on draining'
    place: cluster
    risk: change
    when: 'scalable'
    command: 'kubectl -n {{ subject.namespace }} scale {{ resource }} {{ workload }} --replicas={{ more }}'
    verify:
      zh: 'ALLOWED DISRUPTIONS 至少为 1，排空完成'
      en: 'ALLOWED DISRUPTIONS is 1 or more and the drain ends'
    rollback:
      zh: '排空后改回 {{ replicas }} 个副本'
      en: 'scale back to {{ replicas }} afterwards'
  - purpose:
      zh: '收窄后加的预算的选择器，使一个 Pod 只属于一个预算'
      en: 'narrow the selector of the budget that came later, so that a pod has one budget only'
    place: cluster
    risk: change
    when: 'budgets'
    command: 'kubectl -n {{ subject.namespace }} edit poddisruptionbudget {{ subject.name }}'
    verify:
      zh: '再次排空时 Pod 被驱逐'
      en: 'the pod is evicted when the node is drained again'
    rollback:
      zh: '改回原来的选择器'
      en: 'put the former selector back'
prevention:
  - kind: prevent
    text:
      zh: '在流水线中拒绝 minAvailable 不小于副本数的预算'
      en: 'refuse budgets whose minAvailable is not below the number of replicas'
    acceptance:
      zh: '单副本加 minAvailable 1 的清单在流水线中失败'
      en: 'one replica with minAvailable 1 fails in the pipeline'
sources:
  - 'kubernetes pkg/registry/core/pod/storage/eviction.go'
  - 'kubectl pkg/drain/drain.go'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'one replica and minAvailable 1'
    files:
      'drain.log': |
        node/vm-4 cordoned
        error when evicting pods/"legacy-5cd7c9bd9d-rkd8x" -n "soap" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
        error when evicting pods/"legacy-5cd7c9bd9d-rkd8x" -n "soap" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
        error when evicting pods/"legacy-5cd7c9bd9d-rkd8x" -n "soap" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
      'pdb.txt': |
        $ kubectl get pdb -A
        NAMESPACE   NAME         MIN AVAILABLE   MAX UNAVAILABLE   ALLOWED DISRUPTIONS   AGE
        soap        legacy-pdb   1               N/A               0                     2y

        $ kubectl get deploy -n soap
        NAME     READY   UP-TO-DATE   AVAILABLE   AGE
        legacy   1/1     1            1           2y
    fires:
      - {kind: 'PodDisruptionBudget', namespace: 'soap', name: 'legacy-pdb'}
  - name: 'two budgets select one pod'
    files:
      'drain.log': |
        node/vm-4 cordoned
        error when evicting pods/"cache-2" -n "soap" (will retry after 5s): This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.
        error when evicting pods/"cache-2" -n "soap" (will retry after 5s): This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "cache-2", "namespace": "soap", "labels": {"app": "cache", "tier": "stateful"}}, "spec": {"containers": [{"name": "cache"}]}, "status": {"phase": "Running"}}]}'
      'pdb.json': '{"kind": "PodDisruptionBudgetList", "apiVersion": "policy/v1", "items": [{"metadata": {"name": "cache", "namespace": "soap", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "cache"}}}, "status": {"disruptionsAllowed": 1}}, {"metadata": {"name": "all-stateful", "namespace": "soap", "creationTimestamp": "2026-02-01T00:00:00Z"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"tier": "stateful"}}}, "status": {"disruptionsAllowed": 1}}]}'
    fires:
      - {kind: 'PodDisruptionBudget', namespace: 'soap', name: 'all-stateful'}
  - name: 'evicted in the end'
    files:
      'drain.log': |
        node/vm-4 cordoned
        error when evicting pods/"legacy-5cd7c9bd9d-rkd8x" -n "soap" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
        error when evicting pods/"legacy-5cd7c9bd9d-rkd8x" -n "soap" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
        error when evicting pods/"legacy-5cd7c9bd9d-rkd8x" -n "soap" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
        pod/legacy-5cd7c9bd9d-rkd8x evicted
        node/vm-4 drained
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let Some(pod) = hit.captures.get("pod").filter(|pod| !was_evicted(snapshot, hit, pod)) else {
            continue;
        };
        let namespace = hit.captures.get("namespace").map_or("", String::as_str);
        let workload = snapshot.top_owner_of(&Subject::namespaced("Pod", namespace, pod.as_str()));
        let several = hit
            .captures
            .contains_key("several")
            .then(|| selecting(snapshot, namespace, pod));
        let several = several.unwrap_or_default();
        let budget = several
            .last()
            .copied()
            .or_else(|| budget_of(snapshot, namespace, &workload));
        let subject = budget.map_or_else(|| workload.clone(), Object::subject);
        if let Some(known) = findings.iter_mut().find(|finding| finding.subject == subject) {
            add_hit(input, known, hit);
            continue;
        }
        let replicas = snapshot
            .object(&workload.kind, &workload.namespace, &workload.name)
            .and_then(|object| object.int("/spec/replicas").or_else(|| object.int("/status/replicas")));
        let minimum = budget
            .and_then(|budget| budget.get("/spec/minAvailable"))
            .map_or(String::new(), |value| {
                value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
            });
        let single = replicas
            .zip(minimum.parse::<i64>().ok())
            .is_some_and(|(replicas, minimum)| replicas <= minimum);
        let resource = workload.kind.to_lowercase();
        let budgets: Vec<String> = several.iter().map(|budget| budget.key.name.clone()).collect();
        let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
            .at(if several.is_empty() {
                "spec.minAvailable"
            } else {
                "spec.selector"
            })
            .fact("budgets", budgets)
            .fact("pod", pod.clone())
            .fact("minimum", minimum)
            .fact("single", single)
            .fact("replicas", replicas.unwrap_or(0))
            .fact("more", replicas.unwrap_or(1).saturating_add(1))
            .fact(
                "scalable",
                matches!(resource.as_str(), "deployment" | "statefulset") && replicas.is_some(),
            )
            .fact("resource", resource)
            .fact("workload", workload.name.clone())
            .affects(workload);
        finding.count = 0;
        let node = snapshot.pod(namespace, pod).map_or("", |pod| pod.node());
        // The drain has cordoned it.
        if !node.is_empty() {
            finding.touches.insert(Touch::new(Ground::Node, node));
        }
        for job in waiting_upgrades(snapshot, node) {
            finding.level = Level::Critical;
            finding.add_affected(job);
        }
        add_hit(input, &mut finding, hit);
        if several.is_empty() {
            finding
                .evidence
                .extend(budget.map(|budget| budget.cite_at("/status/disruptionsAllowed")));
        }
        for budget in several {
            finding.add_cite(budget.cite_at("/spec/selector"));
        }
        findings.push(finding);
    }
    for finding in &mut findings {
        finding.facts.insert("times".into(), finding.count.into());
    }
    findings
}

/// The Jobs of the system-upgrade-controller that are not through with a node: they drain it before they upgrade it, and are called
/// `apply-<plan>-on-<node>-with-<hash>` (rancher/system-upgrade-controller `pkg/upgrade/job/job.go`, `New`).
fn waiting_upgrades(snapshot: &Snapshot, node: &str) -> Vec<Subject> {
    let on_node = format!("-on-{node}-with-");
    let waits = |pod: &PodView<'_>| {
        !node.is_empty()
            && pod.name().starts_with("apply-")
            && pod.name().contains(&on_node)
            && pod.phase() == "Pending"
    };
    let pods = snapshot.pods().filter(waits);
    pods.map(|pod| snapshot.top_owner(pod.object)).collect()
}

/// True when the same log says later that the pod was evicted, or when it is not among the pods that are left.
fn was_evicted(snapshot: &Snapshot, hit: &Hit, pod: &str) -> bool {
    let namespace = hit.captures.get("namespace").map_or("", String::as_str);
    // A listing without a namespace is of this one where it shows pods of the same set.
    let workload = workload_of_pod_name(pod);
    let is_sibling = |other: &PodView<'_>| {
        let same = workload.is_some() && workload_of_pod_name(other.name()) == workload;
        same && other.name() != pod && other.object.form.is_listed()
    };
    let is_left = snapshot
        .pod(namespace, pod)
        .is_some_and(|pod| pod.object.form != Form::Told);
    let is_listed = lists_pods(snapshot, namespace) || snapshot.pods().any(|pod| is_sibling(&pod));
    if !is_left && is_listed {
        return true;
    }
    let done = format!("pod/{pod} evicted");
    snapshot
        .log_of(hit)
        .is_some_and(|log| log.tail.iter().any(|line| line.text.contains(&done)))
}

/// The budgets that select a pod, the newest last.
fn selecting<'s>(snapshot: &'s Snapshot, namespace: &str, pod: &str) -> Vec<&'s Object> {
    let Some(labels) = snapshot
        .object("Pod", namespace, pod)
        .and_then(|pod| pod.get("/metadata/labels")?.as_object())
    else {
        return Vec::new();
    };
    let mut found: Vec<&Object> = snapshot
        .kind("PodDisruptionBudget")
        .filter(|budget| budget.key.namespace == namespace)
        .filter(|budget| {
            budget
                .get("/spec/selector")
                .is_some_and(|selector| matches_selector(selector, labels))
        })
        .collect();
    found.sort_by_key(|budget| budget.text("/metadata/creationTimestamp"));
    found
}

/// The budget that allows nothing: of those in the namespace the one whose name or selector fits the workload, or the only one.
fn budget_of<'s>(snapshot: &'s Snapshot, namespace: &str, workload: &Subject) -> Option<&'s Object> {
    let spent: Vec<&Object> = snapshot
        .kind("PodDisruptionBudget")
        .filter(|budget| {
            (namespace.is_empty() || budget.key.namespace == namespace)
                && budget.int("/status/disruptionsAllowed").unwrap_or(0) == 0
        })
        .collect();
    let fits = |budget: &&&Object| {
        let selected = budget
            .get("/spec/selector/matchLabels")
            .and_then(|labels| labels.as_object())
            .is_some_and(|labels| {
                labels
                    .values()
                    .any(|value| value.as_str() == Some(workload.name.as_str()))
            });
        selected || budget.key.name.contains(workload.name.as_str())
    };
    spent
        .iter()
        .find(fits)
        .or_else(|| spent.first().filter(|_| spent.len() == 1))
        .copied()
}
