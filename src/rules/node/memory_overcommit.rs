//! The memory limits on a node that lacks memory add up to more than it has.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::claims::quantity;
use crate::rules::toolbox::nodes::{node_of, status_of, touch_failing_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: memory-overcommit
role: factor
level: info
needs: [nodes, pods]
check:
  zh: 缺内存的节点上，内存上限之和是否超过其容量
  en: whether the memory limits on nodes that lack memory add up to more than they have
title:
  zh: "节点 {{ node }} 的内存被超额承诺：上限之和为可分配量的 {{ percent }}%{% if unlimited %}，另有 {{ unlimited }} 个容器没有上限{% endif %}"
  en: "the memory of node {{ node }} is overcommitted: limits add up to {{ percent }} % of what it can give{% if unlimited %}, and {{ unlimited }} containers have no limit{% endif %}"
cause:
  zh: "调度器只看 requests；上限之和超过可分配量时，几个容器同时用到上限就会耗尽节点内存。没有上限的容器可以用到节点的全部内存。"
  en: "the scheduler looks at requests only; with limits beyond what the node has, a few containers that use theirs exhaust it. A container without a limit may take all of it."
causes:
  - rule: node-memory-pressure
    ground: node
    mechanism: {zh: "同时用到上限时节点内存耗尽", en: "when several use their limits the node runs out of memory"}
  - rule: kernel-oom
    ground: node
    mechanism: {zh: "同时用到上限时节点内存耗尽", en: "when several use their limits the node runs out of memory"}
benign:
  - {zh: "内存充足的节点上适度超额是正常的", en: "some overcommitment is normal on a node with memory to spare"}
remedy:
  - purpose: {zh: "查看节点的承诺量", en: "see what the node has promised"}
    place: cluster
    risk: read-only
    command: "kubectl describe node {{ node }}"
    expect: {zh: "Allocated resources 中 memory 的 Limits 超过 100%", en: "limits of memory above 100 % in Allocated resources"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "用 LimitRange 给出默认上限，让 requests 接近实际用量，并为节点设置 kube-reserved 与 system-reserved", en: "give default limits by a LimitRange, keep requests close to what is used, and set kube-reserved and system-reserved"}
    acceptance: {zh: "每个命名空间都有 LimitRange，新 Pod 都有上限", en: "every namespace has a LimitRange and every new pod a limit"}
sources: ["kubernetes.io/docs/concepts/configuration/manage-resources-containers", "kubectl describe node: Total limits may be over 100 percent, i.e., overcommitted."]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "limits of twice the node, under pressure"
    files:
      "nodes.json": '{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"n1"},"status":{"allocatable":{"memory":"4Gi"},"conditions":[{"type":"MemoryPressure","status":"True"},{"type":"Ready","status":"True"}]}}]}'
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"a","resources":{"limits":{"memory":"4Gi"}}}]},"status":{"phase":"Running"}},{"metadata":{"name":"web-1","namespace":"shop"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"a","resources":{"limits":{"memory":"4Gi"}}}]},"status":{"phase":"Running"}}]}'
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "no lack of memory"
    files:
      "nodes.json": '{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"n1"},"status":{"allocatable":{"memory":"4Gi"},"conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":"True"}]}}]}'
      "pods.json": '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"a","resources":{"limits":{"memory":"4Gi"}}}]},"status":{"phase":"Running"}},{"metadata":{"name":"web-1","namespace":"shop"},"spec":{"nodeName":"n1","containers":[{"name":"app","image":"a","resources":{"limits":{"memory":"4Gi"}}}]},"status":{"phase":"Running"}}]}'
"##;

/// Signatures that tell of a node without memory.
const TROUBLE: [&str; 2] = ["kernel-oom/", "node-memory-pressure/"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let troubled: BTreeSet<String> = snapshot
        .hits
        .iter()
        .filter(|hit| TROUBLE.iter().any(|wanted| hit.signature.starts_with(wanted)))
        .filter_map(|hit| node_of(snapshot, hit))
        .collect();
    let lacks = |node: &&Object| status_of(node, "MemoryPressure") == "True" || troubled.contains(&node.key.name);
    snapshot
        .kind("Node")
        .filter(lacks)
        .filter_map(|node| {
            let (percent, unlimited, cite) = described(node).or_else(|| added_up(snapshot, node))?;
            if percent <= 100 {
                return None;
            }
            let mut finding = Finding::new(rule, Subject::node(&node.key.name), Confidence::Confirmed)
                .cite(cite)
                .fact("node", node.key.name.clone())
                .fact("percent", percent)
                .fact("unlimited", unlimited);
            touch_failing_pods(snapshot, &node.key.name, &mut finding);
            Some(finding)
        })
        .collect()
}

/// What `kubectl describe node` has added up: `20Gi (260%)`.
fn described(node: &Object) -> Option<(u64, u64, Citation)> {
    let at = "/casefileAllocated/memory";
    let limits = node.get(&format!("{at}/limits")).and_then(Value::as_str)?;
    let percent = limits.split_once('(')?.1.split('%').next()?.parse().ok()?;
    Some((percent, 0, node.cite_at(at)))
}

fn added_up(snapshot: &Snapshot, node: &Object) -> Option<(u64, u64, Citation)> {
    let allocatable = quantity(node.text("/status/allocatable/memory")).filter(|bytes| *bytes > 0.0)?;
    let (mut sum, mut unlimited) = (0.0, 0);
    let pods = snapshot
        .pods()
        .filter(|pod| pod.node() == node.key.name && matches!(pod.phase(), "Running" | "Pending"));
    for pod in pods {
        for container in pod.object.list("/spec/containers") {
            let limit = container.pointer("/resources/limits/memory").and_then(Value::as_str);
            match limit.and_then(quantity) {
                Some(bytes) => sum += bytes,
                None => unlimited += 1,
            }
        }
    }
    let percent = (sum / allocatable * 100.0).clamp(0.0, 1e6);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped above")]
    let percent = percent as u64;
    Some((percent, unlimited, node.cite_at("/status/allocatable/memory")))
}
