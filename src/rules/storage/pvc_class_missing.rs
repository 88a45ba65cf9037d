//! A claim names a storage class that does not exist.

use crate::model::Subject;
use crate::rules::claims::{finding, pending};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pvc-class-missing
role: cause
level: critical
needs: [persistentvolumeclaims|events]
text:
  - id: event
    pattern: "storageclass(?:\\.storage\\.k8s\\.io)? \\W+(?P<missing>[a-z0-9.-]+)\\W+ not found"
check:
  zh: "PVC 引用的存储类是否存在"
  en: "whether the storage classes that claims name exist"
title:
  zh: "StorageClass {{ class }} 不存在，PVC {{ namespace }}/{{ claim }} 一直 Pending"
  en: "StorageClass {{ class }} does not exist, and claim {{ namespace }}/{{ claim }} stays Pending"
cause:
  zh: "PVC {{ claim }} 的 storageClassName 是 {{ class }}，集群中没有这个存储类{% if classes %}；现有：{{ classes|join('、') }}{% endif %}，因此没有卷会为它创建。"
  en: "storageClassName of claim {{ claim }} is {{ class }}, and the cluster has no such class{% if classes %}; it has {{ classes|join(', ') }}{% endif %}; so no volume is made for it."
rules_out:
  - {zh: "节点资源：Pod 等待的是卷", en: "node resources: what the pod waits for is its volume"}
questions:
  - {zh: "名称是写错了，还是存储插件没有安装？", en: "is the name mistyped, or was the storage plugin never installed?"}
causes:
  - rule: pvc-pending
    ground: claim
    mechanism: {zh: "声明得不到卷", en: "the claim gets no volume"}
  - rule: failedscheduling-volume
    ground: claim
    mechanism: {zh: "声明未绑定，Pod 无法调度", en: "the claim is not bound, so the pod cannot be scheduled"}
  - rule: failedscheduling-volume
    ground: pod
    mechanism: {zh: "声明未绑定，Pod 无法调度", en: "the claim is not bound, so the pod cannot be scheduled"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有卷的 Pod 不会就绪", en: "a pod without its volume never gets ready"}
benign:
  - {zh: "静态绑定时类名只需与 PV 相同，类对象可以不存在", en: "for static binding the name only has to agree with a volume's; the class itself may be absent"}
  - {zh: "之后已绑定的声明不算", en: "a claim that was bound since does not count"}
remedy:
  - purpose: {zh: "查看声明、卷与存储类", en: "look at the claim, the volumes and the classes"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} describe pvc {{ claim }}
      kubectl get pv
      kubectl get storageclass
    expect: {zh: "Events 中有原因", en: "the reason stands under Events"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 storageClassName 改为存在的类（或创建缺少的类）", en: "name a class that exists (or create the one that is missing)"}
    place: cluster
    risk: dangerous
    command: |
      kubectl -n {{ namespace }} get pvc {{ claim }} -o yaml > {{ claim }}.yaml
      kubectl -n {{ namespace }} delete pvc {{ claim }}
      kubectl apply -f {{ claim }}.yaml
    expect: {zh: "`persistentvolumeclaim/{{ claim }} created`", en: "`persistentvolumeclaim/{{ claim }} created`"}
    verify: {zh: "声明变为 Bound", en: "the claim becomes Bound"}
    rollback: {zh: "用保存的 {{ claim }}.yaml 重建", en: "re-create it from the saved {{ claim }}.yaml"}
    notes:
      - {zh: "未绑定的声明没有数据，可以删除重建；在第一步与第二步之间修改 {{ claim }}.yaml", en: "a claim that was never bound holds no data and can be re-created; edit {{ claim }}.yaml between the first and the second command"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中核对声明的存储类、容量与访问模式在目标集群中可以满足", en: "check in the pipeline that class, size and access mode of claims can be met on the cluster"}
    acceptance: {zh: "不能满足的声明在流水线中失败", en: "a claim that cannot be met fails there"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 PVC 告警", en: "alert on claims that are Pending for 10 minutes"}
    acceptance: {zh: "类不存在的测试 PVC 触发告警", en: "a test claim with an absent class raises the alert"}
sources: ["kubernetes pkg/controller/volume/persistentvolume/pv_controller.go: ProvisioningFailed `storageclass.storage.k8s.io %q not found`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "the class is not in the list"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"fast"},"status":{"phase":"Pending"}}]}'
      sc.json: '{"kind":"StorageClassList","apiVersion":"v1","items":[{"metadata":{"name":"slow"},"provisioner":"x.example/p"}]}'
    fires: [{kind: StorageClass, name: fast}]
  - name: "event in a description"
    files:
      describe-pvc.txt: |
        Name:          data
        Namespace:     shop
        StorageClass:  fast
        Status:        Pending
        Volume:        
        Labels:        <none>
        Annotations:   <none>
        Finalizers:    [kubernetes.io/pvc-protection]
        Capacity:      
        Access Modes:  
        VolumeMode:    Filesystem
        Used By:       web-0
        Events:
          Type     Reason              Age               From                         Message
          ----     ------              ----              ----                         -------
          Warning  ProvisioningFailed  9s (x4 over 48s)  persistentvolume-controller  storageclass.storage.k8s.io "fast" not found
    fires: [{kind: StorageClass, name: fast}]
  - name: "static binding with a class that no object has"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual"},"status":{"phase":"Pending"}}]}'
      pv.json: '{"kind":"PersistentVolumeList","apiVersion":"v1","items":[{"metadata":{"name":"pv1","labels":{}},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"manual"},"status":{"phase":"Available"}}]}'
      sc.json: '{"kind":"StorageClassList","apiVersion":"v1","items":[{"metadata":{"name":"slow"},"provisioner":"x.example/p"}]}'
  - name: "bound"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"fast"},"status":{"phase":"Bound"}}]}'
      sc.json: '{"kind":"StorageClassList","apiVersion":"v1","items":[{"metadata":{"name":"slow"},"provisioner":"x.example/p"}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let hits = own_hits(input, rule);
    let classes: Vec<String> = snapshot
        .kind("StorageClass")
        .map(|class| class.key.name.clone())
        .collect();
    let mut findings: Vec<Finding> = Vec::new();
    for claim in pending(snapshot) {
        let told: Vec<_> = hits
            .iter()
            .filter(|hit| hit.about.object == claim.object.subject())
            .collect();
        let class = told
            .iter()
            .find_map(|hit| hit.captures.get("missing"))
            .map_or(claim.class, String::as_str);
        let exists = classes.iter().any(|known| known == class);
        let listed = snapshot.coverage.has("storageclasses");
        // With a volume of that class the claim can be bound without the class; what is unmet is then another rule's.
        let fixed = snapshot
            .kind("PersistentVolume")
            .any(|volume| volume.text("/spec/storageClassName") == class);
        if class.is_empty() || exists || fixed || (told.is_empty() && !listed) {
            continue;
        }
        let mut found = finding(snapshot, rule, claim.object, Subject::cluster("StorageClass", class))
            .fact("classes", classes.clone());
        found.facts.insert("class".into(), class.into());
        found.add_cite(claim.object.cite_at("/spec/storageClassName"));
        for hit in told {
            add_hit(input, &mut found, hit);
        }
        match findings.iter_mut().find(|known| known.subject == found.subject) {
            Some(known) => {
                known.touches.extend(found.touches);
                for affected in found.affected {
                    known.add_affected(affected);
                }
                for citation in found.evidence {
                    known.add_cite(citation);
                }
            }
            None => findings.push(found),
        }
    }
    // Events alone, where no claims were collected.
    for hit in hits
        .into_iter()
        .filter(|_| !snapshot.coverage.has("persistentvolumeclaims"))
    {
        let Some(class) = hit.captures.get("missing").filter(|class| !classes.contains(class)) else {
            continue;
        };
        let subject = Subject::cluster("StorageClass", class);
        let is_bound = snapshot.events_named(&hit.about.object.name).any(|event| {
            event.about == hit.about.object
                && event.reason == "ProvisioningSucceeded"
                && event
                    .last
                    .as_ref()
                    .zip(hit.last.as_ref())
                    .is_none_or(|(bound, told)| !bound.surely_before(told))
        });
        if is_bound
            || hit.about.object.kind != "PersistentVolumeClaim"
            || findings.iter().any(|known| known.subject == subject)
        {
            continue;
        }
        let mut found = Finding::new(rule, subject, crate::model::Confidence::Confirmed)
            .affects(hit.about.object.clone())
            .fact("claim", hit.about.object.name.clone())
            .fact("namespace", hit.about.object.namespace.clone())
            .fact("class", class.clone())
            .fact("classes", classes.clone());
        add_hit(input, &mut found, hit);
        findings.push(found);
    }
    findings
}
