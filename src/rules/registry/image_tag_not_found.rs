//! A repository has no image with the tag that was asked for.

use crate::rules::pull::{by_workload, failed_pulls};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: image-tag-not-found
role: cause
level: critical
needs: [events|pods|containerd-log|dockerd-log|crio-log|kubelet-log]
text:
  - id: containerd
    pattern: "(?:[Ff]ailed to pull|PullImage|failed to resolve reference|Error response from daemon|Attempting next endpoint for pull|images/create|pinging container registry|[Ff]ailed to (?:do request|fetch)|ErrImagePull)[^\\n]*failed to resolve reference \\W+[^\"\\\\]+\\W+: [^\\s\"]+: not found(?:\\W|$)"
    unless: "(?i)sandbox|no match for platform"
  - id: unknown
    pattern: "(?:[Ff]ailed to pull|PullImage|Error response from daemon|reading manifest|ErrImagePull)[^\\n]*(?:manifest unknown|MANIFEST_UNKNOWN|manifest for \\S+ not found|manifests \\S+\\]?: 404 Not Found|manifests/[^\\s\"\\\\]+\\W+ ?(?:unexpected status[^\\n:]*)?: 404 Not Found)"
    unless: "(?i)sandbox"
  - id: configured-host
    in: [runtime, system, other]
    pattern: "trying next host - response was http\\.StatusNotFound\\W+host=\\W*(?P<host>[^\"\\\\\\s]+)"
check:
  zh: "容器引用的镜像标签在仓库中是否存在"
  en: "whether the image tags that containers name exist"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：镜像标签 {{ tag }} 在仓库中不存在（{{ image }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the registry has no tag {{ tag }} ({{ image }})"
cause:
  zh: "仓库 {{ registry }} 已应答：仓库路径 {{ repository }} 中没有标签 {{ tag }}。{% if known_tags %}同一仓库路径的其他标签在本次采集中可见：{{ known_tags|join('、') }}。{% endif %}"
  en: "registry {{ registry }} did answer: repository {{ repository }} has no tag {{ tag }}.{% if known_tags %} Other tags of the same repository are seen in this bundle: {{ known_tags|join(', ') }}.{% endif %}"
rules_out:
  - {zh: "网络与凭据：仓库已经应答“不存在”", en: "network and credentials: the registry did answer, with not found"}
questions:
  - {zh: "标签是写错了，还是尚未推送，或已被清理？", en: "is the tag mistyped, not pushed yet, or was it cleaned up?"}
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "拉取失败，kubelet 退避重试", en: "the pull fails and the kubelet backs off"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有镜像就没有就绪的 Pod", en: "no image, no ready pod"}
benign:
  - {zh: "之后拉取成功（Pod 已不再等待镜像）的旧错误不算", en: "an old error does not count once the pull succeeded and no pod waits for the image"}
  - {zh: "containerd 依次尝试各镜像源；只有所有源都失败才算，且最后一个源的错误可能掩盖前一个源的 404", en: "containerd tries its hosts in turn; only the failure of all counts, and the last one's error can hide the first one's 404"}
remedy:
  - purpose: {zh: "列出仓库中存在的标签", en: "list the tags that exist"}
    place: cluster
    risk: read-only
    command: "skopeo list-tags docker://{{ registry }}/{{ repository }}"
    expect: {zh: "其中没有 {{ tag }}", en: "{{ tag }} is not among them"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把镜像改为存在的引用", en: "set an image that exists"}
    place: cluster
    risk: change
    when: "settable"
    command: "kubectl -n {{ namespace }} set image {{ resource }}/{{ subject.name }} {{ container }}=<IMAGE>"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} image updated`", en: "`{{ resource }}.apps/{{ subject.name }} image updated`"}
    verify: {zh: "新 Pod 拉取成功并就绪", en: "the new pod pulls the image and becomes ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "<IMAGE> 由上一步列出的标签决定", en: "<IMAGE> follows from the tags listed in the step before"}
  - purpose: {zh: "或者回到上一个可用的版本", en: "or go back to the revision that worked"}
    place: cluster
    risk: change
    when: "resource == 'deployment'"
    command: "kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} rolled back`", en: "`{{ resource }}.apps/{{ subject.name }} rolled back`"}
    verify: {zh: "Pod 就绪", en: "the pods are ready"}
    rollback: {zh: "再次执行 rollout undo 即可回到现在的版本", en: "a second rollout undo returns to the present revision"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "发布前检查清单中的每个镜像引用都能解析", en: "check before a release that every image reference in the manifests resolves"}
    acceptance: {zh: "引用不存在标签的清单在流水线中失败", en: "a manifest with a tag that does not exist fails in the pipeline"}
  - kind: detect
    text: {zh: "对等待原因 ImagePullBackOff 与 ErrImagePull 告警", en: "alert on the waiting reasons ImagePullBackOff and ErrImagePull"}
    acceptance: {zh: "引用不存在镜像的测试 Pod 在 5 分钟内触发告警", en: "a test pod with an image that does not exist raises the alert within 5 minutes"}
  - kind: process
    text: {zh: "仓库的保留策略不删除正在使用的标签", en: "let no retention rule delete a tag in use"}
    acceptance: {zh: "清理演练后，在用的标签仍可拉取", en: "after a rehearsed cleanup every tag in use can be pulled"}
sources: ["containerd remotes/docker/resolver.go: `%s: not found`, `trying next host - response was %s`", "moby distribution/errors.go: `manifest for %s not found`", "containers/image: `reading manifest %s in %s: manifest unknown`"]
versions: "containerd 1.3 to 2.1; Docker 18 to 29; CRI-O"
examples:
  - name: "containerd, event and status"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/shop/api:9.9"}],"nodeName":"n1"},"status":{"phase":"Pending","containerStatuses":[{"name":"app","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"r.example/shop/api:9.9\": rpc error: code = Unknown desc = failed to pull and unpack image \"r.example/shop/api:9.9\": failed to resolve reference \"r.example/shop/api:9.9\": r.example/shop/api:9.9: not found","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "docker, in a description"
    files:
      describe.txt: |
        Name:             web-0
        Namespace:        shop
        Node:             n1/10.0.0.1
        Status:           Pending
        IP:               10.1.0.5
        Priority:         0
        Containers:
          app:
            Image:          nginx:9.99
            State:          Waiting
              Reason:       ErrImagePull
            Ready:          False
            Restart Count:  0
        Conditions:
          Type              Status
          Initialized       True 
          Ready             False 
          ContainersReady   False 
          PodScheduled      True 
        Events:
          Type     Reason   Age                From               Message
          ----     ------   ----               ----               -------
          Warning  Failed   9s (x4 over 2m)    kubelet            Failed to pull image "nginx:9.99": rpc error: code = Unknown desc = Error response from daemon: manifest for nginx:9.99 not found: manifest unknown: manifest unknown
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "pulled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/shop/api:9.9"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failed-web-0","namespace":"shop"},"type":"Warning","reason":"Failed","message":"Failed to pull image \"r.example/shop/api:9.9\": rpc error: code = Unknown desc = failed to pull and unpack image \"r.example/shop/api:9.9\": failed to resolve reference \"r.example/shop/api:9.9\": r.example/shop/api:9.9: not found","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_workload(input, rule, &failed_pulls(input, rule))
}
