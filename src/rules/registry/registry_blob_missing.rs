//! A registry serves the manifest of an image and lacks a layer of it.

use crate::rules::pull::{by_workload, failed_pulls};
use crate::rules::toolbox::own_hits;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: registry-blob-missing
role: cause
level: critical
needs: [events|container-logs|containerd-log|kubelet-log]
text:
  - id: pull
    in: [event, status, kubelet, runtime]
    pattern: 'failed to copy: [ -~]{0,240}(?:/blobs/(?P<blob>sha256:[0-9a-f]{12})[0-9a-f]{0,52}[ -~]{0,40}: 404 Not Found|blob unknown to registry)'
  - id: descriptor
    in: [event, status]
    pattern: 'could not fetch content descriptor (?P<blob>sha256:[0-9a-f]{12})[ -~]{0,160}from remote: not found'
  # A mirror is asked with `?ns=`; the fetcher words a 404 itself
  - id: content
    in: [event, status, kubelet, runtime]
    pattern: 'content at https?://(?P<host>[^/\s"\\]{1,120})/v2/[ -~]{1,160}/blobs/(?P<blob>sha256:[0-9a-f]{12})[0-9a-f]{0,52}[ -~]{0,60} not found'
  - id: told-by-registry
    in: [container-log, system, other]
    pattern: '(?:err\.detail="?(?P<blob>sha256:[0-9a-f]{12})[ -~]{0,80})?err\.message="blob unknown to registry"'
check: {zh: "镜像仓库是否缺少镜像清单所引用的层", en: "whether registries lack layers that their images name"}
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：镜像仓库有它的镜像清单，却缺少其中的层{% if blob is defined %} {{ blob }}{% endif %}"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the registry has its image's manifest and lacks a layer of it{% if blob is defined %} ({{ blob }}){% endif %}"
cause:
  zh: "标签与清单都在，层的数据不在：垃圾回收在推送期间运行（它要求仓库只读），存储丢失数据，或镜像同步没有完成。"
  en: "tag and manifest are there, a layer's data are not: the garbage collection ran during a push (it wants the registry read-only), the storage lost data, or a mirror was not copied whole."
rules_out:
  - {zh: "标签与凭据：清单已经取到", en: "tag and credentials: the manifest was served"}
causes:
  - {rule: image-pull-backoff, ground: workload, mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}}
  - {rule: pod-pending, ground: workload, mechanism: {zh: "没有镜像，容器不启动", en: "no image, no container"}}
  - {rule: workload-unavailable, ground: workload, mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}}
benign:
  - {zh: "推送尚未完成时，先取到新清单的一次拉取", en: "a single pull that met the new manifest before its push was over"}
remedy:
  - purpose: {zh: "确认清单在、层不在", en: "see that the manifest is there and the layer is not"}
    place: node
    risk: read-only
    command: "crictl pull <IMAGE>"
    expect: {zh: "blobs/sha256:… 404 Not Found", en: "blobs/sha256:… 404 Not Found"}
    verify: {zh: "仓库日志中有 blob unknown", en: "the registry's log has `blob unknown`"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重新推送该镜像：仓库只收它缺少的层", en: "push the image again: the registry takes the layers that it lacks"}
    place: node
    risk: change
    precheck: {zh: "垃圾回收的任务已停用", en: "the job of the garbage collection is suspended"}
    command: |
      skopeo copy docker://<BUILD_HOST_IMAGE> docker://<IMAGE>
    expect: {zh: "Writing manifest", en: "Writing manifest"}
    verify: {zh: "`crictl pull <IMAGE>` 成功，Pod 启动", en: "`crictl pull <IMAGE>` succeeds, and the pod starts"}
    rollback: {zh: "重新推送不改变标签的内容，无需回滚", en: "the tag has the same content as before: nothing to take back"}
    notes:
      - {zh: "仓库若缓存了“已有此层”的记录（blobdescriptor: inmemory），推送前先重启仓库", en: "where the registry remembers the layer (blobdescriptor: inmemory), restart it before the push"}
prevention:
  - kind: prevent
    text: {zh: "垃圾回收期间把仓库设为只读", en: "set the registry read-only while it collects garbage"}
    acceptance: {zh: "回收期间推送返回 405，回收后所有标签都能拉取", en: "a push during the collection gets 405, and every tag can be pulled after it"}
sources: ["containerd core/remotes/docker/fetcher.go: `content at %v not found`", "distribution registry/api/errcode: BLOB_UNKNOWN `blob unknown to registry`; docs garbage-collection: read-only mode", "containerd core/remotes/docker/fetcher.go: `unexpected status from GET request to …: 404 Not Found`"]
versions: distribution 2.0 to 3.0; containerd 1.3 to 2.1
examples:
  - name: a layer that was collected
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS             RESTARTS   AGE   IP          NODE   NOMINATED NODE   READINESS GATES
        crm         api-0   0/1     ImagePullBackOff   0          20m   10.42.0.9   w1     <none>           <none>
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON   OBJECT      MESSAGE
        crm         2m          Warning   Failed   pod/api-0   Failed to pull image "registry.example:5000/crm/api:4.18": failed to pull and unpack image "registry.example:5000/crm/api:4.18": failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://registry.example:5000/v2/crm/api/blobs/sha256:a4ac329be4238a5c20e64ce1c815b3a99fe8473902eaa9cfefed08e3bc667b1b: 404 Not Found
    fires: [{kind: StatefulSet, namespace: crm, name: api}]
  - name: no such tag
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS             RESTARTS   AGE   IP          NODE   NOMINATED NODE   READINESS GATES
        crm         api-0   0/1     ImagePullBackOff   0          20m   10.42.0.9   w1     <none>           <none>
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON   OBJECT      MESSAGE
        crm         2m          Warning   Failed   pod/api-0   Failed to pull image "registry.example:5000/crm/api:4.18": failed to resolve reference "registry.example:5000/crm/api:4.18": registry.example:5000/crm/api:4.18: not found
  - name: a mirror that lacks a layer, by the logs of the node and of the registry
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS             RESTARTS   AGE   IP          NODE   NOMINATED NODE   READINESS GATES
        crm         api-0   0/1     ImagePullBackOff   0          20m   10.42.0.9   w1     <none>           <none>
      w1/kubelet.log: |
        E1111 10:31:20.240120     702 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"api\" with ErrImagePull: \"rpc error: code = NotFound desc = failed to pull and unpack image \\\"localhost:5001/crm/api:4.18\\\": failed to copy: httpReadSeeker: failed open: content at http://mirror:5000/v2/crm/api/blobs/sha256:c26d2d9f3ef6abcacfe807d335d50ef589ee5195e94ffd67cff16dd817506b56?ns=localhost%3A5001 not found: not found\"" pod="crm/api-0"
      docker-logs-mirror.txt: |
        time="2026-11-11T10:31:20.177Z" level=error msg="response completed with error" err.code="blob unknown" err.detail=sha256:c26d2d9f3ef6abcacfe807d335d50ef589ee5195e94ffd67cff16dd817506b56 err.message="blob unknown to registry" go.version=go1.20.8
    fires: [{kind: StatefulSet, namespace: crm, name: api}]
"##;

/// What the registry itself writes of it.
const TOLD: &str = "registry-blob-missing/told-by-registry";

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut pulls = failed_pulls(input, rule);
    pulls.retain(|pull| pull.hit.signature != TOLD);
    let mut findings = by_workload(input, rule, &pulls);
    for finding in &mut findings {
        finding.path = String::new();
        for hit in own_hits(input, rule) {
            let same = hit.captures.get("blob").map(String::as_str)
                == finding.facts.get("blob").and_then(|blob| blob.as_str());
            if hit.signature == TOLD && same {
                finding.add_cite(hit.cite.clone());
            }
        }
    }
    findings
}
